"""Small nets with every kind of norm trained side by side: all kinds, learning rates and starts on the same batches.

The nets are those of `normalisation`; the objective is the mean cross-entropy (nats) of a mini-batch, by plain SGD.

Shapes: K nets as rows, ordered kind (of all or of some), then learning rate, then start; R rates, S starts, T steps, L = 4
layers; C channels, P positions, m samples of a batch, N samples. Activations [K, C, P, m].
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.data import real
from core.engine import generators
from core.lessons.batch_norm.normalisation import (
    FANS,
    KINDS,
    POSITIONS,
    RowNorm,
    Weights,
    backward,
    cross_entropy,
    forward,
    patches,
)
from core.moments import NEVER

RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
TRAIN, VALIDATION = 1024, 256

Samples = tuple[Tensor, Tensor]
"""Images [4, 16, N] as `patches` lays them out, and labels [N]."""


def data(seed: int) -> tuple[Tensor, Tensor, Generator]:
    """Images [4, 16, N], standardised by the training part, labels [N], and the generator that orders the batches."""
    digits = real.digits()
    (rng,) = generators([seed])
    order = torch.randperm(len(digits.labels_N), generator=rng)[: TRAIN + VALIDATION]
    images = digits.images_NHW[order]
    images = (images - images[:TRAIN].mean()) / images[:TRAIN].std(correction=0)
    return patches(images), digits.labels_N[order], rng


def splits(images: Tensor, labels: Tensor) -> tuple[Samples, Samples]:
    """The training and the validation part."""
    return (images[:, :, :TRAIN], labels[:TRAIN]), (images[:, :, TRAIN:], labels[TRAIN:])


def batches(rng: Generator, m: int) -> Iterator[Tensor]:
    """Indices [m] of one batch after another, each epoch in an order of its own."""
    while True:
        yield from torch.randperm(TRAIN, generator=rng).split(m)


@dataclass(frozen=True)
class Arm:
    """The nets of one batch size, up to `step`; K nets, L ReLUs, Q recorded steps."""

    batch_size: int
    step: int
    losses: Tensor  # [step, K] each mini-batch's loss before its update (nats), NaN from divergence on
    diverged_at: Tensor  # [K] first step without a finite loss, NEVER if none
    recorded: Tensor  # [Q] steps of `mean` and `spread`
    mean: Tensor  # [Q, L, K] of what enters each ReLU, over batch, channels and positions
    spread: Tensor  # [Q, L, K] standard deviation of the same
    batch_mean: tuple[Tensor, ...]  # for each layer [step, R·S, C], what the nets with batch norm saw
    batch_var: tuple[Tensor, ...]  # likewise, unbiased
    weights: Weights  # of the nets now
    # [K] loss at the end (nats). NaN until then, where a net diverged, and under batch norm, for which it depends on the
    # running statistics (`modes`).
    validation: Tensor


def start_weights(rngs: Sequence[Generator], scale: float, kinds: Sequence[str] = KINDS) -> Weights:
    """He's normal start of each of the S = len(rngs) starts, the same for every kind and rate; γ = 1, β = 0.

    scale multiplies the convolutions' weights."""
    copies, K = len(kinds) * len(RATES), len(kinds) * len(RATES) * len(rngs)
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(FANS):
        size = 1.0 if layer == len(FANS) - 1 else scale
        drawn = torch.stack([torch.randn(fan_out, fan_in, generator=g) for g in rngs]) * size * math.sqrt(2 / fan_in)
        weights.append(drawn.repeat(copies, 1, 1))
        biases.append(torch.zeros(K, fan_out, 1))
    gammas = [torch.ones(K, fan_out, 1, 1) for _, fan_out in FANS[:-1]]
    return Weights(tuple(weights), tuple(biases), tuple(gammas), tuple(torch.zeros_like(g) for g in gammas))


def row_norm(starts: int, groups: int, kinds: Sequence[str] = KINDS) -> RowNorm:
    """Which rows have which norm."""
    size = len(RATES) * starts
    return RowNorm({kind: slice(i * size, (i + 1) * size) for i, kind in enumerate(kinds)}, groups)


def race(w: Weights, norm: RowNorm, training: Samples, validation: Samples, order: Iterator[Tensor], m: int, T: int
         ) -> Iterator[Arm]:
    """T steps of all rows on the same batches, the indices [m] that `order` yields; changes w in place."""
    images, labels = training
    K, seen, kinds = len(w.weights[0]), norm.parts["batch"], len(norm.parts)
    rates = torch.tensor(RATES).repeat_interleave(K // (kinds * len(RATES))).repeat(kinds).reshape(K, 1, 1)
    recorded = [*range(0, T, max(1, T // 30))]
    losses, gone = torch.full((T, K), torch.nan), torch.full((K,), NEVER)
    moments = torch.full((2, len(recorded), len(POSITIONS), K), torch.nan)
    sizes = [fan_out for _, fan_out in FANS[:-1]]
    batch_mean, batch_var = ([torch.zeros(T, K // kinds, c) for c in sizes] for _ in range(2))

    def arm(step: int, loss_at_end: Tensor) -> Arm:
        q = sum(r < step for r in recorded)
        return Arm(m, step, losses[:step], gone.clone(), torch.tensor(recorded[:q]), moments[0, :q], moments[1, :q],
                   tuple(b[:step] for b in batch_mean), tuple(b[:step] for b in batch_var), w.map(torch.clone), loss_at_end)

    unknown = torch.full((K,), torch.nan)
    yield arm(0, unknown)
    for t in range(T):
        with torch.inference_mode():
            index = next(order)
            y = labels[index][None]
            trace = forward(w, images[None, :, :, index], norm)
            losses[t] = cross_entropy(trace.out, y)
            gone[~losses[t].isfinite() & (gone == NEVER)] = t
            losses[t, gone != NEVER] = torch.nan
            for layer, (mean, var) in enumerate(zip(trace.mean, trace.var, strict=True)):
                count = m * POSITIONS[layer]
                batch_mean[layer][t] = mean[seen, :, 0, 0]
                batch_var[layer][t] = var[seen, :, 0, 0] * (count / (count - 1))
            if t in recorded:
                for layer, u in enumerate(trace.entering):
                    level = u.mean((1, 2, 3), keepdim=True)
                    moments[0, recorded.index(t), layer] = level.flatten()
                    moments[1, recorded.index(t), layer] = (u - level).square().mean((1, 2, 3)).sqrt()
            for values, slopes in zip(w, backward(w, trace, y, norm), strict=True):
                for value, slope in zip(values, slopes, strict=True):
                    value.sub_(slope.mul_(rates.unsqueeze(3) if slope.ndim == 4 else rates))
        if (t + 1) % 6 == 0 and t + 1 < T:
            yield arm(t + 1, unknown)
    yield arm(T, _validation(w, norm, *validation))


def _validation(w: Weights, norm: RowNorm, images: Tensor, labels: Tensor) -> Tensor:
    """Validation loss [K]; NaN for batch norm, whose loss depends on the running statistics (`modes`)."""
    with torch.inference_mode():
        loss = cross_entropy(forward(w, images[None], norm).out, labels[None])
        loss[norm.parts["batch"]] = torch.nan
    return loss.where(loss.isfinite(), torch.nan).clone()
