"""What a run remembers, in bounded memory: its curves and its states, ever farther apart as it grows."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

CAPACITY = 300  # records
BYTES = 6 << 20  # of one run's states
COARSE = 200  # steps between two records once there have been too many


@dataclass(frozen=True)
class Record:
    """A run at one step. Losses are those of whole sets, without dropout or noise; NaN for a set that has no samples.

    objective: what is minimised: the training set's loss, labels smoothed where they are, plus the penalties L1 and L2.
    loss, error: of training, validation and test set, labels as they are; errors are shares of samples, NaN for a regression.
    norm: of all weights, biases apart; zeros: how many of them are exactly zero.
    averaged: losses of the averaged net, None where there is none.
    """

    step: int
    epoch: float
    objective: float
    loss: tuple[float, float, float]
    error: tuple[float, float, float]
    norm: float
    zeros: int
    averaged: tuple[float, float, float] | None = None


class Best(NamedTuple):
    """The least validation loss so far, and where it was."""

    loss: float
    epoch: float
    step: int


NONE = Best(math.inf, 0.0, 0)


def better(best: Best, record: Record) -> Best:
    """The better of the two."""
    return Best(record.loss[1], record.epoch, record.step) if record.loss[1] < best.loss else best


class Snapshot(NamedTuple):
    """All that a run needs to go on from a step; tensors are copies."""

    step: int
    epoch: int
    offset: int
    best: Best
    theta: Tensor
    memory: Mapping[str, Tensor | int]  # of the optimiser
    stats: tuple[Tensor, Tensor] | None
    average: Tensor | None
    average_stats: tuple[Tensor, Tensor] | None


class History:
    """Records and snapshots at every `every` steps from 0 on, which doubles when there are too many: a function of the step
    alone, so that the same run leaves the same history."""

    def __init__(self, state_bytes: int):
        self.capacity = max(40, min(CAPACITY, BYTES // max(1, state_bytes)))
        self.every = 1
        self.records: list[Record] = []
        self.snapshots: list[Snapshot] = []

    def wants(self, step: int) -> bool:
        return step % self.every == 0 and (not self.records or step > self.records[-1].step)

    def add(self, record: Record, snapshot: Snapshot) -> None:
        self.records.append(record)
        self.snapshots.append(snapshot)
        if len(self.records) > self.capacity:
            self.every = max(2 * self.every, COARSE)
            kept = [k for k, record in enumerate(self.records) if record.step % self.every == 0]
            self.records = [self.records[k] for k in kept]
            self.snapshots = [self.snapshots[k] for k in kept]

    def drop_last(self) -> None:
        """Forgets the newest record: the net has been changed since at the same step."""
        del self.records[-1], self.snapshots[-1]

    def before(self, step: int) -> int:
        """The place of the last record at or before a step."""
        return max(0, bisect_right([record.step for record in self.records], step) - 1)

    def cut(self, place: int) -> None:
        """Forgets what came after the record at that place."""
        del self.records[place + 1 :], self.snapshots[place + 1 :]
