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


def choose(val: Tensor) -> Tensor:
    """The trial of least validation loss for each seed, val [..., T, S] to [..., S].

    Of equal ones it is the first; one that diverged is chosen only if all did."""
    least = val.nan_to_num(nan=torch.inf)
    return (least == least.amin(-2, keepdim=True)).int().argmax(-2)


def final(val: Tensor, test: Tensor) -> Tensor:
    """Test loss [R, S] of the trial whose validation loss is least, had the run ended at each record; val, test [R, T, S]."""
    return test.gather(1, choose(val)[:, None])[:, 0]


def best(val: Tensor, test: Tensor) -> Tensor:
    """The same where each trial's weights are restored from its record of least validation loss up to there, [R, S]."""
    least, at = val.nan_to_num(nan=torch.inf).cummin(0)
    return final(least, test.gather(0, at))


def intervals(differences: Tensor) -> tuple[Tensor, Tensor]:
    """Means of paired differences d [..., S], and t₀.₉₇₅ · s/√S, s their standard deviation with S − 1: Student's interval.

    It covers the true mean in 95 % of repetitions if differences are normal. float64. Raises KeyError for a number of pairs
    that is not in the table."""
    d = differences.double()
    return d.mean(-1), T_975[d.shape[-1]] * d.std(-1) / sqrt(d.shape[-1])


def interval(differences: Tensor) -> Interval:
    """The same of one set of pairs, [S]."""
    mean, half = intervals(differences)
    return Interval(float(mean), float(half))


def verdict(apart: Interval, scale: float) -> str:
    """Where an interval of differences lies: "below" or "above" zero; "equal": within MARGIN of `scale` on both sides of zero, or
    it holds zero and reaches farther: "open"; "diverged" where there is no number."""
    if apart.mean != apart.mean:
        return "diverged"
    if apart.high < 0:
        return "below"
    if apart.low > 0:
        return "above"
    return "equal" if max(-apart.low, apart.high) <= MARGIN * scale else "open"
