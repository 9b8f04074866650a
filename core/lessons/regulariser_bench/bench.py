"""What all jobs of a run share: the samples, the net, the records, the streams of random numbers, and how nets are judged.

Shapes: S seeds, T trials, K rows, P parameters, C classes, or trials of a job, R records, N training,
V validation and B test samples.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.engine import MLP, generators
from core.lessons.regulariser_bench.data import Samples

PARTS = (0, 1, 2, 4, 8, 16, 20, 24, 28, 32)  # of 32 parts of a run, after which nets are judged
STARTS, ORDER, RANDOM, MEMBERS, BAGS = range(5)  # streams: starts, batches, noise and masks, starts of other nets, bags


@dataclass(frozen=True)
class Bench:
    """One problem, one net, one list of seeds."""

    problem: str
    mlp: MLP
    samples: Samples
    steps: int
    rate: float  # the shared learning rate
    tuned: str  # what the baseline's trials differ in: rates or starts
    seeds: tuple[tuple[int, ...], ...]  # [5][S] of the streams

    @property
    def S(self) -> int:
        return len(self.samples.y)

    @property
    def records(self) -> list[int]:
        """Updates after which nets are judged, [R]."""
        return [self.steps * part // 32 for part in PARTS]

    def rngs(self, which: int, times: int = 1) -> list[Generator]:
        """Fresh generators of a stream, those of all seeds `times` times over: rows of one seed draw alike."""
        return generators(self.seeds[which] * times)


class Told(NamedTuple):
    """What nets are worth, [T, S] each."""

    val: Tensor  # loss on validation samples (nats)
    test: Tensor  # on test samples
    error: Tensor  # part of the test samples that is wrong


def one_hot(y: Tensor, bench: Bench) -> Tensor:
    """Labels y [S, N] as columns [S, C, N]."""
    return F.one_hot(y, bench.mlp.sizes[-1]).float().mT.contiguous()


class Clock:
    """Processor seconds of this thread: of all updates, and of what single regularisers add to them."""

    def __init__(self) -> None:
        self.whole = 0.0
        self.own: dict[str, float] = {}

    def add(self, start: float, name: str = "") -> None:
        """What has passed since `start` of time.thread_time(): of a regulariser's own work, or of updates."""
        spent = time.thread_time() - start
        if name:
            self.own[name] = self.own.get(name, 0.0) + spent
        else:
            self.whole += spent


class Judge:
    """Losses of K = C·S rows on the validation and test samples of their seeds, with nothing random and nothing dropped."""

    def __init__(self, bench: Bench, C: int):
        samples = bench.samples
        self.mlp, self.C, self.V = bench.mlp, C, samples.y_val.shape[1]
        self.y = torch.cat([samples.y_val, samples.y_test], 1)
        self.x = torch.cat([samples.x_val, samples.x_test], 2).repeat(C, 1, 1)

    def __call__(self, theta: Tensor, gone: Tensor) -> Told:
        """Of theta [K, P]; NaN where a row diverged, gone [K]."""
        log = self.mlp.forward(theta, self.x).log_softmax(1).unflatten(0, (self.C, -1))
        return Told(*(part.masked_fill(gone.unflatten(0, (self.C, -1)), torch.nan) for part in self.of(log)))

    def probabilities(self, theta: Tensor) -> Tensor:
        """[K, C, V + B] of theta [K, P]."""
        return self.mlp.forward(theta, self.x).softmax(1)

    def of(self, log: Tensor) -> Told:
        """Of log probabilities [T, S, C, V + B]."""
        right = log.gather(2, self.y[None, :, None].expand(len(log), -1, 1, -1))[:, :, 0]
        wrong = (right < log.amax(2))[:, :, self.V :].float().mean(2)
        return Told(-right[:, :, : self.V].mean(2), -right[:, :, self.V :].mean(2), wrong)
