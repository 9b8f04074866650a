"""Student's interval of a mean over pairs of seeds."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from torch import Tensor

# The 97.5 % quantile of Student's t with S − 1 degrees of freedom.
T_975 = {2: 12.706205, 3: 4.302653, 4: 3.182446, 5: 2.776445, 6: 2.570582, 7: 2.446912, 8: 2.364624, 9: 2.306004, 10: 2.262157,
         100: 1.984217}


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
