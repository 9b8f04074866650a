"""Choosing on validation, reporting on test, and comparing over pairs of seeds.

A pair is two searches on one seed: the same samples, start and batches, a search of the same number of trials for each, in which
the validation loss of that seed chooses. What is compared are the test losses of what was chosen.

Shapes: S seeds, T trials, R records.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.intervals import Interval

MARGIN = 0.1  # of early stopping's loss: an interval within this of zero is called as good as equal


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
