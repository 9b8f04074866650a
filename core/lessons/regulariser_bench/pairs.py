"""Choosing on validation, reporting on test, and comparing over pairs of seeds.

A pair is two searches on one seed: the same samples, start and batches, a search of the same number of trials for each, in which
the validation loss of that seed chooses. What is compared are the test losses of what was chosen.

Shapes: S seeds, T trials, R records.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

# The 97.5 % quantile of Student's t with S − 1 degrees of freedom.
T_975 = {2: 12.706205, 3: 4.302653, 4: 3.182446, 5: 2.776445, 6: 2.570582, 7: 2.446912, 8: 2.364624, 9: 2.306004, 10: 2.262157}
MARGIN = 0.1  # of early stopping's loss: an interval within this of zero is called as good as equal


class Interval(NamedTuple):
    """A mean over pairs, and half the width of its 95 % interval."""

    mean: float
    half: float

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half


def choose(val_TS: Tensor) -> Tensor:
    """The trial of least validation loss for each seed, [S]; the first of equal ones, and a diverged one only if all are."""
    least = val_TS.nan_to_num(nan=torch.inf)
    return (least == least.amin(0)).int().argmax(0)


def final(val_RTS: Tensor, test_RTS: Tensor) -> Tensor:
    """Test loss [S] at the last record, of the trial whose validation loss is least there."""
    return test_RTS[-1].gather(0, choose(val_RTS[-1])[None])[0]


def best(val_RTS: Tensor, test_RTS: Tensor) -> Tensor:
    """Test loss [S] at the trial and the record whose validation loss is least of all: weights restored from there."""
    return test_RTS.flatten(0, 1).gather(0, choose(val_RTS.flatten(0, 1))[None])[0]


def interval(differences_S: Tensor) -> Interval:
    """Mean of paired differences d and t₀.₉₇₅ · s/√S, s their standard deviation with S − 1: Student's interval for pairs.

    It covers the true mean in 95 % of repetitions if differences are normal. Raises KeyError for a number of pairs that is not in
    the table."""
    d = differences_S.double()
    return Interval(float(d.mean()), T_975[len(d)] * float(d.std()) / sqrt(len(d)))


def verdict(apart: Interval, scale: float) -> str:
    """Where an interval of differences lies: "below" or "above" zero; "equal": within MARGIN of `scale` on both sides of zero, or
    it holds zero and reaches farther: "open"."""
    if apart.high < 0:
        return "below"
    if apart.low > 0:
        return "above"
    return "equal" if max(-apart.low, apart.high) <= MARGIN * scale else "open"
