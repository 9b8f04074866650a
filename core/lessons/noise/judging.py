"""What is asked of the trained models, none of which sees noise here.

Shapes: S seeds, N samples, n test samples, L strengths, A = 2 kinds of noise on numbers (inputs, weights), K classes, d inputs,
D features, G places, F factors, M numbers of copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from core.engine import MLP, Generators, cross_entropy, smooth_labels
from core.lessons.noise import linear
from core.lessons.noise.data import KINDS, SEEDS, SIDE, STRENGTHS, Data, both_kinds, grid, one_hot
from core.lessons.noise.slopes import added_by_noise, added_by_small_noise, slopes

COPIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
FACTORS = 13  # from 0 to 1.5 times the weights of least squares
DRAWS, NET_DRAWS = 256, 64  # of noise, where it is measured what it adds


class Fitted(NamedTuple):
    """The nets, with the parameters that training moves."""

    numbers: MLP
    classes: MLP
    theta_numbers: Tensor  # [(2L − 1)·S, P]
    theta_classes: Tensor  # [L·S, P]


class Numbers(NamedTuple):
    """Nets that learn numbers."""

    fit: Tensor  # [A, L, G] of the first seed, where it is drawn
    slope_inputs: Tensor  # [A, L, S] mean of ‖∂f/∂x‖² where it is judged
    slope_weights: Tensor  # [A, L, S] mean of ‖∂f/∂θ‖² there
    test: Tensor  # [A, L, S] root mean square distance from the right answers there


class Classes(NamedTuple):
    """Nets on the classes."""

    gap: Tensor  # [L, S] logit of the given class less that of each other, mean over training samples
    sure: Tensor  # [L, S] largest probability, mean over training samples
    nll: Tensor  # [L, S] cross-entropy on the test set, with its true labels (nats)
    error: Tensor  # [L, S] part of the test set that is wrong
    sheet: Tensor  # [L, SIDE, SIDE] largest probability on the plane, first seed


class Linear(NamedTuple):
    """Models that are linear in their weights."""

    w: Tensor  # [L, S, D] least squares on the most copies with noise on their features
    w_ridge: Tensor  # [L, S, D]
    off: Tensor  # [M, L, S] ‖w_R − w_ridge‖/‖w_ridge‖ for R copies
    fit: Tensor  # [L, G] of the first seed, where it is drawn
    fit_ridge: Tensor  # [L, G]
    factors: Tensor  # [F] times the weights of least squares
    added: Tensor  # [A, L, F] what noise adds to J, measured; first seed
    added_theory: Tensor  # [A, L, F]
    weight_slope: Tensor  # [] mean ‖φ‖² + 1, the squared slope of the output in w and c; first seed
    plain: Tensor  # [K, N] outputs of the linear fit to the labels as given; first seed
    smoothed: Tensor  # [L, K, N] of the fits to smoothed labels


class Small(NamedTuple):
    """What noise adds to the squared error of the net that was trained without."""

    measured: Tensor  # [A, L, S]
    limit: Tensor  # [A, S] that, divided by σ², as σ → 0


def largest_probability(epsilon: Tensor | float, classes: int) -> Tensor:
    """1 − ε + ε/K: what smoothed labels leave to the right class, with ε spread over all K classes."""
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return 1 - epsilon + epsilon / classes


def optimal_gap(epsilon: Tensor | float, classes: int) -> Tensor:
    """ln(1 + K(1 − ε)/ε): the logit of the right class less that of another where softmax gives the smoothed label.

    The log of the ratio of 1 − ε + ε/K to ε/K; infinite at ε = 0, 0 at ε = 1."""
    epsilon = torch.as_tensor(epsilon, dtype=torch.float64)
    return torch.log1p(classes * (1 - epsilon) / epsilon)


def numbers_now(fitted: Fitted, data: Data) -> Numbers:
    theta = fitted.theta_numbers
    times = len(theta) // SEEDS
    at = slopes(fitted.numbers, theta, data.asked.repeat(times if len(data.asked) > 1 else 1, 1, 1))
    off = at.out - data.wanted.repeat(times if len(data.wanted) > 1 else 1, 1)
    fit = fitted.numbers.forward(theta[::SEEDS], data.drawn[None])[:, 0]
    return Numbers(both_kinds(fit)[:, :, 0], both_kinds(at.inputs.mean(1)), both_kinds(at.weights.mean(1)),
                   both_kinds(off.square().mean(1).sqrt()))


def classes_now(fitted: Fitted, data: Data) -> Classes:
    net, theta, K = fitted.classes, fitted.theta_classes, data.classes
    by = STRENGTHS, SEEDS
    right = one_hot(data.given, K).repeat(STRENGTHS, 1, 1)
    z = net.forward(theta, data.points.repeat(STRENGTHS, 1, 1))
    own = (z * right).sum(1)
    gap = (own - (z.sum(1) - own) / (K - 1)).mean(1)
    test, answers = net.forward(theta, data.points_test.repeat(STRENGTHS, 1, 1)), data.given_test.repeat(STRENGTHS, 1)
    sheet = net.forward(theta[::SEEDS], grid(data.frame)[None]).softmax(1).amax(1)
    chosen = test.gather(1, answers[:, None])[:, 0]
    wrong = (chosen < test.amax(1)).to(torch.float32).mean(1)
    return Classes(gap.unflatten(0, by), z.softmax(1).amax(1).mean(1).unflatten(0, by),
                   cross_entropy.value(test, answers).unflatten(0, by), wrong.unflatten(0, by), sheet.unflatten(1, (SIDE, SIDE)))


def fit_linear(data: Data, sigma: Tensor, epsilon: Tensor, rngs: Generators) -> Linear:
    """Everything about the linear models, which need no training; sigma [A, L], epsilon [L]."""
    on_inputs, on_weights = sigma.to(torch.float64)
    (phi, along), y = linear.features(data), data.y[:, 0].to(torch.float64)
    w, c = linear.noisy_fits(phi, y, on_inputs, COPIES, rngs)
    w_ridge, c_ridge = linear.ridge(phi, y, on_inputs.square())
    factors = torch.linspace(0, 1.5, FACTORS, dtype=torch.float64)
    some = factors[:, None] * w_ridge[0, 0]
    level = y[0].mean() - some @ phi[0].mean(0)
    measured = linear.added(phi[0], y[0], some, level, (on_inputs, on_weights), DRAWS, rngs[:1])
    weight_slope = phi[0].square().sum(1).mean() + 1
    theory = (on_inputs.square()[:, None] * some.square().sum(1), on_weights.square()[:, None] * weight_slope.expand(FACTORS))
    labels = one_hot(data.given[:1], data.classes).to(torch.float64).repeat(STRENGTHS, 1, 1)
    smoothed = linear.least_squares(data.points[0].to(torch.float64), smooth_labels(labels, epsilon.to(torch.float64)))
    off = (w - w_ridge).norm(dim=-1) / w_ridge.norm(dim=-1).clamp_min(1e-12)
    return Linear(w[-1], w_ridge, off, w[-1, :, 0] @ along.T + c[-1, :, :1],
                  w_ridge[:, 0] @ along.T + c_ridge[:, :1], factors, torch.stack(measured), torch.stack(theory),
                  weight_slope, smoothed[0], smoothed)


def small_noise(fitted: Fitted, data: Data, sigma: Tensor, rngs: Generators) -> Iterator[Small | None]:
    """Of the nets of strength 0, which are the first rows. None while there is more to measure."""
    theta = fitted.theta_numbers[:SEEDS]
    limit = added_by_small_noise(fitted.numbers, theta, data.x, data.y)
    found = []
    for kind, sigmas in zip(KINDS, sigma, strict=True):
        parts = []
        for half in sigmas.split(4):
            parts.append(added_by_noise(fitted.numbers, theta, data.x, data.y, kind, half, NET_DRAWS, rngs))
            yield None
        found.append(torch.cat(parts))
    yield Small(torch.stack(found), torch.stack(limit))
