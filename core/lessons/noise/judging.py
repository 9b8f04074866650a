"""What is asked of the trained models, none of which sees noise here.

Shapes: S seeds, N samples, L strengths, A = 2 kinds of noise on the curve, K classes, G places, F factors, M numbers of copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from core.data import toys
from core.engine import MLP, Generators, cross_entropy, smooth_labels
from core.lessons.noise import linear
from core.lessons.noise.data import HALF, KINDS, SEEDS, STRENGTHS, Data, both_kinds, one_hot
from core.lessons.noise.slopes import added_by_noise, added_by_small_noise, slopes

PLACES = 97  # along x
SIDE, EXTENT = 37, 3.6  # the map of the plane
COPIES = [1, 2, 4, 8, 16, 32, 64, 128, 256]
FACTORS = 13  # from 0 to 1.5 times the weights of least squares
DRAWS, NET_DRAWS = 256, 64  # of noise, where it is measured what it adds


class Fitted(NamedTuple):
    """The nets, with the parameters that training moves."""

    curve: MLP
    classes: MLP
    theta_curve: Tensor  # [(2L − 1)·S, P]
    theta_classes: Tensor  # [L·S, P]


class Curve(NamedTuple):
    """Nets on the curve; f is asked at PLACES places from −HALF to HALF."""

    fit: Tensor  # [A, L, G] of the first seed
    slope_inputs: Tensor  # [A, L, S] mean of f′²
    slope_weights: Tensor  # [A, L, S] mean of ‖∂f/∂θ‖²
    test: Tensor  # [A, L, S] root mean square distance from the curve
    train: Tensor  # [A, L, S] mean squared error on the samples


class Classes(NamedTuple):
    """Nets on the classes."""

    gap: Tensor  # [L, S] logit of the given class less that of each other, mean over training samples
    sure: Tensor  # [L, S] largest probability, mean over training samples
    nll: Tensor  # [L, S] cross-entropy on the test set, with its true labels (nats)
    error: Tensor  # [L, S] part of the test set that is wrong
    sheet: Tensor  # [L, SIDE, SIDE] largest probability on the plane, first seed


class Linear(NamedTuple):
    """Models that are linear in their weights."""

    w: Tensor  # [L, S, d] least squares on the most copies with noise on their inputs
    w_ridge: Tensor  # [L, S, d]
    off: Tensor  # [M, L, S] ‖w_R − w_ridge‖/‖w_ridge‖ for R copies
    fit: Tensor  # [L, G] of the first seed
    fit_ridge: Tensor  # [L, G]
    factors: Tensor  # [F] times the weights of least squares
    added: Tensor  # [A, L, F] what noise adds to J, measured; first seed
    added_theory: Tensor  # [A, L, F]
    weight_slope: Tensor  # [] mean ‖φ‖² + 1, the squared slope of the output in w and c; first seed
    plain: Tensor  # [K, POINTS] outputs of the linear fit to the labels as given; first seed
    smoothed: Tensor  # [L, K, POINTS] of the fits to smoothed labels


class Small(NamedTuple):
    """What noise adds to the squared error of the net that was trained without."""

    measured: Tensor  # [A, L, S]
    slope: Tensor  # [A, S] that, divided by σ², as σ → 0


def places() -> Tensor:
    return torch.linspace(-HALF, HALF, PLACES)


def largest_probability(epsilon: Tensor | float, classes: int) -> Tensor:
    """1 − ε + ε/K: what smoothed labels leave to the right class, with ε spread over all K classes."""
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return 1 - epsilon + epsilon / classes


def optimal_gap(epsilon: Tensor | float, classes: int) -> Tensor:
    """ln(1 + K(1 − ε)/ε): the logit of the right class less that of another where softmax gives the smoothed label.

    The log of the ratio of 1 − ε + ε/K to ε/K; infinite at ε = 0, 0 at ε = 1."""
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return torch.log1p(classes * (1 - epsilon) / epsilon)


def curve_now(fitted: Fitted, data: Data) -> Curve:
    x = places()[None, None]
    at = slopes(fitted.curve, fitted.theta_curve, x)
    rows = len(fitted.theta_curve) // SEEDS
    out = fitted.curve.forward(fitted.theta_curve, data.x.repeat(rows, 1, 1))
    train = (out - data.y.repeat(rows, 1, 1)).square().mean((1, 2))
    test = (at.out - toys.wave(x[0])).square().mean(1).sqrt()
    return Curve(both_kinds(at.out)[:, :, 0], both_kinds(at.inputs.square().mean(1)), both_kinds(at.weights.mean(1)),
                 both_kinds(test), both_kinds(train))


def classes_now(fitted: Fitted, data: Data) -> Classes:
    net, theta, K = fitted.classes, fitted.theta_classes, data.classes
    by = STRENGTHS, SEEDS
    right = one_hot(data.given, K).repeat(STRENGTHS, 1, 1)
    z = net.forward(theta, data.points.repeat(STRENGTHS, 1, 1))
    own = (z * right).sum(1)
    gap = (own - (z.sum(1) - own) / (K - 1)).mean(1)
    test, answers = net.forward(theta, data.points_test.repeat(STRENGTHS, 1, 1)), data.given_test.repeat(STRENGTHS, 1)
    v, u = torch.meshgrid(sides(), sides(), indexing="ij")
    sheet = net.forward(theta[::SEEDS], torch.stack([u.flatten(), v.flatten()])[None]).softmax(1).amax(1)
    chosen = test.gather(1, answers[:, None])[:, 0]
    wrong = (chosen < test.amax(1)).to(torch.float32).mean(1)
    return Classes(gap.unflatten(0, by), z.softmax(1).amax(1).mean(1).unflatten(0, by),
                   cross_entropy.value(test, answers).unflatten(0, by), wrong.unflatten(0, by), sheet.unflatten(1, (SIDE, SIDE)))


def sides() -> Tensor:
    """Places along either side of the map."""
    return torch.linspace(-EXTENT, EXTENT, SIDE)


def fit_linear(data: Data, sigma: Tensor, epsilon: Tensor, rngs: Generators) -> Linear:
    """Everything about the linear models, which need no training; sigma [A, L], epsilon [L]."""
    on_inputs, on_weights = sigma.to(torch.float64)
    phi, y = linear.polynomials(data.x[:, 0], HALF), data.y[:, 0].to(torch.float64)
    w, c = linear.noisy_fits(phi, y, on_inputs, COPIES, rngs)
    w_ridge, c_ridge = linear.ridge(phi, y, on_inputs.square())
    along = linear.polynomials(places(), HALF)
    factors = torch.linspace(0, 1.5, FACTORS, dtype=torch.float64)
    some = factors[:, None] * w_ridge[0, 0]
    level = y[0].mean() - some @ phi[0].mean(0)
    measured = linear.added(phi[0], y[0], some, level, (on_inputs, on_weights), DRAWS, rngs[:1])
    weight_slope = phi[0].square().sum(1).mean() + 1
    theory = (on_inputs.square()[:, None] * some.square().sum(1), on_weights.square()[:, None] * weight_slope.expand(FACTORS))
    labels = one_hot(data.given[:1], data.classes).to(torch.float64).repeat(STRENGTHS, 1, 1)
    smoothed = linear.least_squares(data.points[0].to(torch.float64), smooth_labels(labels, epsilon.to(torch.float64)))
    return Linear(w[-1], w_ridge, (w - w_ridge).norm(dim=-1) / w_ridge.norm(dim=-1), w[-1, :, 0] @ along.T + c[-1, :, :1],
                  w_ridge[:, 0] @ along.T + c_ridge[:, :1], factors, torch.stack(measured), torch.stack(theory),
                  weight_slope, smoothed[0], smoothed)


def small_noise(fitted: Fitted, data: Data, sigma: Tensor, rngs: Generators) -> Iterator[Small | None]:
    """Of the nets of strength 0, which are the first rows. None while there is more to measure."""
    theta = fitted.theta_curve[:SEEDS]
    limit = added_by_small_noise(fitted.curve, theta, data.x, data.y)
    found = []
    for kind, sigmas in zip(KINDS, sigma, strict=True):
        parts = []
        for half in sigmas.split(4):
            parts.append(added_by_noise(fitted.curve, theta, data.x, data.y, kind, half, NET_DRAWS, rngs))
            yield None
        found.append(torch.cat(parts))
    yield Small(torch.stack(found), torch.stack(limit))
