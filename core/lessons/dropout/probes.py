"""Trained nets asked with masks on: the mean of many thinned nets beside weight scaling, and nets that lose units.

Weight scaling is the full net with its masks off: kept units were scaled by 1/(1 − p) in training, so that it needs no more.

Shapes: S seeds, P parameters, T thinned nets, C classes, B test samples, Q counts, L shares of units.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.engine import MLP, Generators, uniforms
from core.lessons.dropout import data as sets
from core.lessons.dropout import thinning

COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # T
PASSES, FEW = COUNTS[-1], 20  # thinned nets at the end, and while the nets still train
ASKED = 10  # test samples of each seed, at most, that the thinned nets are asked about
CHUNK = 250  # thinned nets between two pauses
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)  # of the hidden units that are removed
DRAWS = 5  # of the units that are removed, for each seed and share


@dataclass(frozen=True)
class Averages:
    """How far the mean of T thinned nets is from weight scaling: root mean squares [Q] over samples, classes and seeds.

    Geometric means are compared in logits less their mean over the classes, arithmetic means in probabilities.
    """

    counts: tuple[int, ...]
    line: Tensor  # linear regression with dropped inputs: predictions for ASKED people
    layer: Tensor  # masks in the last hidden layer only, geometric mean: one softmax layer on fixed features
    layer_arithmetic: Tensor
    deep: Tensor | None  # masks in all of several hidden layers, geometric mean
    deep_arithmetic: Tensor | None
    scaled: Tensor  # [S, B] probability of the class that weight scaling names
    averaged: Tensor  # [Q, S, B] probability of that class by the arithmetic mean of T nets with masks in all hidden layers


def draw_masks(mlp: MLP, p: float, rng: Generator, passes: int) -> list[Tensor]:
    """Masks [T, H, 1] of each hidden layer: a thinned net has one mask, whatever it is asked. The first of more are the same."""
    return [mask.permute(2, 1, 0)[:passes] for mask in mlp.masks([rng], PASSES, p)]


def thinned_logits(mlp: MLP, theta: Tensor, x: Tensor, masks: list[Tensor]) -> Iterator[Tensor]:
    """[few, C, B] of one net theta [1, P] with T masks, in parts, on x [d, B]."""
    for parts in zip(*(mask.split(CHUNK) for mask in masks), strict=True):
        yield mlp.forward(theta.expand(len(parts[0]), -1), x[None], masks=parts)


def last_layer_logits(mlp: MLP, theta: Tensor, x: Tensor, mask: Tensor) -> Tensor:
    """[T, C, B] of one net theta [1, P] whose last hidden layer alone is thinned, by mask [T, H, 1]."""
    layer, h = mlp.views(theta)[-1], mlp.activations(theta, x[None]).post[-1]
    return layer.weight @ (mask * h) + layer.bias


def averages(mlp: MLP, theta: Tensor, x_test: Tensor, p: float, rngs: Generators, passes: int) -> Iterator[Averages | None]:
    """Means of up to `passes` thinned nets of theta [S, P] at drop probability p; None while it is worked out."""
    x, full = x_test[..., :ASKED], mlp.forward(theta, x_test[..., :ASKED])
    counts = tuple(c for c in COUNTS if c <= passes)
    deep, layer = [], []
    for s in range(len(theta)):
        masks, parts = draw_masks(mlp, p, rngs[s], passes), []
        layer.append(last_layer_logits(mlp, theta[s : s + 1], x[s], masks[-1]))
        if len(masks) > 1:
            for part in thinned_logits(mlp, theta[s : s + 1], x[s], masks):
                parts.append(part)
                yield None
            deep.append(torch.cat(parts))
    found = []
    for logits in (torch.stack(layer, 1), torch.stack(deep, 1) if deep else None):
        found.append((None, None) if logits is None else _distances(logits, full, counts))
        yield None
    probability, named = torch.softmax(torch.stack(deep or layer, 1), 2), full.argmax(1, keepdim=True)
    sure = probability.gather(2, named.expand(passes, -1, -1, -1))[:, :, 0]
    yield Averages(counts, _line(p, rngs, passes, counts), *found[0], *found[1],
                   scaled=full.softmax(1).gather(1, named)[:, 0], averaged=torch.stack([sure[:c].mean(0) for c in counts]))


def _distances(logits: Tensor, full: Tensor, counts: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Of the geometric and of the arithmetic mean of logits [T, S, C, B] from full [S, C, B]."""
    return (thinning.distance_by_count(thinning.centred(logits), thinning.centred(full), counts),
            thinning.distance_by_count(logits.softmax(2), full.softmax(1), counts))


def _line(p: float, rngs: Generators, passes: int, counts: tuple[int, ...]) -> Tensor:
    """[Q] the same of a linear regression with dropped inputs, on the first people of the table."""
    x_ND, y_N, _ = sets.people()
    w_D = thinning.dropout_ridge(x_ND, y_N, p)
    masks_STD = (uniforms(rngs, PASSES, len(w_D))[:, :passes] >= p).double() / (1 - p)
    return thinning.distance_by_count((masks_STD * w_D).transpose(0, 1) @ x_ND[:ASKED].T, x_ND[:ASKED] @ w_D, counts)


def lesions(mlp: MLP, theta: Tensor, x_test: Tensor, y_test: Tensor, rngs: Generators, draws: int) -> Iterator[Tensor]:
    """Test error [L, M, S] of nets theta [M, S, P] that lose a share of their hidden units, the rest scaled as in dropout.

    Every net loses units of the same places; errors are means over `draws` of them. NaN where it is not known yet.
    """
    M, S, _ = theta.shape
    x, y = x_test.repeat(M, 1, 1), y_test.repeat(M, 1)
    error = torch.full((len(SHARES), M, S), torch.nan)
    for at, share in enumerate(SHARES):
        masks = [mlp.masks(rngs, 1, share) for _ in range(draws if share else 1)]
        wrong = [error_of(mlp.forward(theta.flatten(0, 1), x, masks=[part.repeat(M, 1, 1) for part in mask]), y)
                 for mask in masks]
        error[at] = torch.stack(wrong).mean(0).unflatten(0, (M, S))
        yield error


def error_of(out: Tensor, y: Tensor) -> Tensor:
    """Part [K] of the labels y [K, B] that out [K, C, B] gets wrong."""
    return (out.argmax(1) != y).float().mean(1)
