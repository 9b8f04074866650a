"""Small nets with every kind of norm trained side by side: all kinds, learning rates and starts on the same batches.

The objective is the mean cross-entropy (nats) of a mini-batch of digits, by plain SGD.

Shapes: K nets as rows, ordered kind (of all or of some), then learning rate, then start; R rates, S starts, T steps, L = 4
layers; C = 48 channels of all layers, P parameters, m samples of a batch, N samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.data import real
from core.engine import SGD, Conv, ConvBackprop, ConvNet, Supervised, Trainer, cross_entropy, generators
from core.engine.block_norm import KINDS
from core.moments import NEVER

RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
TRAIN, VALIDATION = 1024, 256
AT_ONCE = 6  # steps from one report to the next, at most
REPORT = 17_000  # K·(m + 18) goes as the time of a step; this much takes some 50 ms

NET = ConvNet((1, 8, 8), (Conv(8, 2, 2), Conv(8, 1), Conv(16, 2, 2), Conv(16, 1)), 10, norm=KINDS)
"""The net with every kind of norm: norm and ReLU after each convolution, then an affine layer to 10 classes."""

Samples = tuple[Tensor, Tensor]
"""Images [1, 8, 8, N] and labels [N]."""


def data(seed: int) -> tuple[Tensor, Tensor, Generator]:
    """Images [1, 8, 8, N], standardised by the training part, labels [N], and the generator that orders the batches."""
    digits = real.digits()
    (rng,) = generators([seed])
    order = torch.randperm(len(digits.labels_N), generator=rng)[: TRAIN + VALIDATION]
    images = digits.images_NHW[order]
    images = (images - images[:TRAIN].mean()) / images[:TRAIN].std(correction=0)
    return images.permute(1, 2, 0)[None].contiguous(), digits.labels_N[order], rng


def splits(images: Tensor, labels: Tensor) -> tuple[Samples, Samples]:
    """The training and the validation part."""
    return (images[..., :TRAIN], labels[:TRAIN]), (images[..., TRAIN:], labels[TRAIN:])


def batches(rng: Generator, m: int) -> Iterator[Tensor]:
    """Indices [m] of one batch after another, each epoch in an order of its own."""
    while True:
        yield from torch.randperm(TRAIN, generator=rng).split(m)


@dataclass(frozen=True)
class Arm:
    """The nets of one batch size, up to `step`; K nets, L ReLUs, Q recorded steps. What is a net's is NaN after it diverged."""

    batch_size: int
    step: int
    losses: Tensor  # [step, K] each mini-batch's loss before its update (nats), NaN from divergence on
    diverged_at: Tensor  # [K] first step without a finite loss or gradient, NEVER if none
    recorded: Tensor  # [Q] steps of `mean` and `spread`
    mean: Tensor  # [Q, L, K] of what enters each ReLU, over batch, channels and positions
    spread: Tensor  # [Q, L, K] standard deviation of the same
    batch_mean: Tensor  # [step, R·S, C] of each channel before norm, what the nets with batch norm saw
    batch_var: Tensor  # likewise, unbiased
    theta: Tensor  # [K, P] parameters of the nets now
    # [K] loss at the end (nats). NaN until then, where a net diverged, and under batch norm, for which it depends on the
    # running statistics (`modes`).
    validation: Tensor


def start_weights(rngs: Sequence[Generator], scale: float, kinds: Sequence[str] = KINDS) -> Tensor:
    """theta [K, P]: He's normal start of each of the S = len(rngs) starts, the same for every kind and rate; γ = 1, β = 0.

    scale multiplies the convolutions' weights."""
    theta = NET.init(rngs, "he")
    for layer in NET.views(theta)[:-1]:
        layer.weight.mul_(scale)
    return theta.repeat(len(kinds) * len(RATES), 1)


def rows_of(kind: str, kinds: Sequence[str], K: int) -> slice:
    """The rows of one kind among K rows that the kinds divide."""
    size, i = K // len(kinds), kinds.index(kind)
    return slice(i * size, (i + 1) * size)


def channel_counts(m: int) -> Tensor:
    """[C] the elements that batch norm averages over, for a batch of m."""
    return torch.cat([torch.full((block.conv.channels,), m * block.positions) for block in NET.blocks])


class Recorder:
    """For `Trainer(before=[...])`: what the passes of T steps leave, as in Arm; NaN for a net that diverged earlier."""

    def __init__(self, net: ConvNet, K: int, m: int, T: int) -> None:
        self.m, self.steps = m, [*range(0, T, max(1, T // 30))]
        self.batch = rows_of("batch", net.kinds, K)
        counts = channel_counts(m)
        self.unbiased = counts / (counts - 1)
        self.moments = torch.full((2, len(self.steps), len(net.blocks), K), torch.nan)
        self.statistics = torch.full((2, T, self.batch.stop - self.batch.start, len(counts)), torch.nan)

    def __call__(self, trainer: Trainer, *_: Tensor) -> None:
        objective, t = trainer.objective, trainer.step
        assert isinstance(objective, Supervised)
        kernel = objective.kernel(trainer.theta, self.m)
        assert isinstance(kernel, ConvBackprop)
        gone = (trainer.diverged_at != NEVER) & (trainer.diverged_at < t)
        mean, var = (torch.cat([v[self.batch, :, 0, 0] for v in values], 1) for values in (kernel.mean, kernel.var))
        self.statistics[:, t] = torch.stack([mean, var * self.unbiased]).masked_fill_(gone[self.batch, None], torch.nan)
        if t in self.steps:
            for i in range(len(kernel.normalised)):
                u = kernel.entering(i)
                level = u.mean((1, 2, 3), keepdim=True)
                moments = torch.stack([level.flatten(), (u - level).square().mean((1, 2, 3)).sqrt()])
                self.moments[:, self.steps.index(t), i] = moments.masked_fill_(gone, torch.nan)


def race(net: ConvNet, theta: Tensor, training: Samples, validation: Samples, order: Iterator[Tensor], m: int, T: int
         ) -> Iterator[Arm]:
    """T steps of all rows on the same batches, the indices [m] that `order` yields; changes theta in place.

    net: NET with the kinds that divide the rows of theta."""
    images, labels = training
    K, kinds = len(theta), len(net.kinds)
    rates = torch.tensor(RATES).repeat_interleave(K // (kinds * len(RATES))).repeat(kinds)
    recorder = Recorder(net, K, m, T)
    samples = ((images[None, ..., index], labels[None, index]) for index in order)
    trainer = Trainer(Supervised(net, cross_entropy), theta, SGD(rates), samples, before=[recorder], history=T)

    # The trainer keeps the last finite parameters of a net that diverged; an Arm shows none.
    def arm() -> Arm:
        t, at = trainer.step, trainer.diverged_at
        gone, q = at != NEVER, sum(step < t for step in recorder.steps)
        losses = trainer.losses.masked_fill(gone & (torch.arange(t)[:, None] >= at), torch.nan)
        return Arm(m, t, losses, at.clone(), torch.tensor(recorder.steps[:q]), *recorder.moments[:, :q],
                   *recorder.statistics[:, :t], theta.masked_fill(gone[:, None], torch.nan), torch.full((K,), torch.nan))

    yield arm()
    at_once = max(1, min(AT_ONCE, REPORT // (K * (m + 18))))
    while trainer.step < T:
        trainer.advance(min(at_once, T - trainer.step))
        if trainer.step < T:
            yield arm()
    end = arm()
    yield replace(end, validation=_validation(net, end.theta, *validation))


@torch.inference_mode()
def _validation(net: ConvNet, theta: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    """Validation loss [K]; NaN for batch norm, whose loss depends on the running statistics (`modes`)."""
    total = torch.zeros(len(theta))
    # Under the other norms samples do not depend on each other; a few at a time stay in the processor's cache.
    for x, y in zip(images.split(32, 3), labels.split(32), strict=True):
        total += cross_entropy.value(net.forward(theta, x[None], train=True), y[None]) * len(y)
    total[rows_of("batch", net.kinds, len(theta))] = torch.nan
    loss = total / len(labels)
    return loss.where(loss.isfinite(), torch.nan)
