"""A pattern that can stand anywhere in a sequence: one cell for all steps against a cell for each step, of equal width.

Class 1 holds up-down, class 0 down-up, in noise. Training has sequences of one length only;
the mean binary cross-entropy of all samples is minimised by Adam.

Shapes: T steps, S seeds, n samples, L lengths, Q places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.engine import Adam, Recurrent, Supervised, Trainer, binary_cross_entropy, cosine, spawn

HIDDEN, SEEDS, TRAIN, TEST, UPDATES, CHUNK = 8, 5, 200, 300, 200, 4
LENGTHS = (4, 6, 8, 12, 16, 24, 32)
PATTERN = (1.5, -1.5)
NETS = ("shared", "unshared")
MOMENTS = (8, 16, 32, 64, 120)  # updates after which the nets are looked at


@dataclass(frozen=True)
class Sequences:
    """Both nets after `step` updates; accuracies in [0, 1]."""

    step: int
    length: int  # of the sequences that trained
    parameters: tuple[int, int]
    no_effect: int  # entries of the unshared net's first W_h, which multiply h_0 = 0
    by_length: Tensor  # [2, S, L]
    by_place: Tensor  # [2, S, Q] at the trained length, Q = length - 1
    example: Tensor  # [T] a training sequence
    before: tuple[Sequences, ...] = ()  # the same after fewer updates

    @property
    def moments(self) -> tuple[Sequences, ...]:
        """What the player shows, this one last."""
        return *self.before, self


def sequences(n: int, length: int, places: range, noise: float, draw: Generator) -> tuple[Tensor, Tensor]:
    """x [1, T, n] and labels [1, n]: noise, and the pattern or its mirror image at one of `places`."""
    x = noise * torch.randn(length, n, generator=draw)
    label = torch.randint(2, (n,), generator=draw)
    at = places.start + torch.randint(len(places), (n,), generator=draw)
    sign = 2.0 * label - 1
    for k, value in enumerate(PATTERN):
        x[at + k, torch.arange(n)] += sign * value
    return x[None], label[None].float()


def fitted(x: Tensor, steps: int) -> Tensor:
    """x [..., T, n] as a net with a cell for each of `steps` steps must read it: silence before it, or its last steps only."""
    T = x.shape[-2]
    if T >= steps:
        return x[..., T - steps :, :]
    return torch.cat([x.new_zeros(*x.shape[:-2], steps - T, x.shape[-1]), x], -2)


class Race:
    """Both nets on the same sequences."""

    def __init__(self, length: int, noise: float, root: Generator):
        self.length = length
        draw, test, start = spawn([root] * 3)
        sets = [sequences(TRAIN, length, range(length - 1), noise, g) for g in spawn([draw] * SEEDS)]
        x, y = torch.stack([s[0] for s in sets]), torch.stack([s[1] for s in sets])
        self.data = x, y
        self.tests = [sequences(TEST, T, range(T - 1), noise, test) for T in LENGTHS]
        self.placed = [sequences(TEST, length, range(q, q + 1), noise, test) for q in range(length - 1)]
        self.nets = Recurrent(1, HIDDEN, 1), Recurrent(1, HIDDEN, 1, unshared_steps=length)
        self.before: list[Sequences] = []
        seeds = spawn([start] * SEEDS)
        self.trainers = [Trainer(Supervised(net, binary_cross_entropy), net.init(spawn(seeds)), Adam(0.02),
                                 iter(lambda: self.data, None), schedule=cosine(2 * UPDATES)) for net in self.nets]

    def steps(self) -> Iterator[Sequences]:
        result = self._seen()
        yield result
        while self.trainers[1].step < UPDATES:
            for trainer in self.trainers:
                trainer.advance(CHUNK)
                yield result
            if self.trainers[1].step in (*MOMENTS, UPDATES):
                result = self._seen()
                yield result

    def _right(self, i: int, x: Tensor, y: Tensor) -> Tensor:
        """[S] share of the sequences x [S or 1, 1, T, n] that net i classifies rightly."""
        net = self.nets[i]
        x = x if net.unshared_steps is None else fitted(x, net.unshared_steps)
        with torch.no_grad():
            return ((net.forward(self.trainers[i].theta, x) > 0) == (y > 0.5)).float().mean((1, 2))

    def _seen(self) -> Sequences:
        def over(tests: list[tuple[Tensor, Tensor]]) -> Tensor:
            return torch.stack([torch.stack([self._right(i, x[None], y[None]) for x, y in tests], -1) for i in range(2)])

        seen = Sequences(self.trainers[0].step, self.length, (self.nets[0].P, self.nets[1].P), HIDDEN**2, over(self.tests),
                         over(self.placed), self.data[0][0, 0, :, 0])
        self.before.append(seen)
        return replace(seen, before=tuple(self.before[:-1]))
