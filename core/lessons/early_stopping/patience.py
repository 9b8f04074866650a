"""When to stop: patience on a curve of validation values, lower being better.

Evaluation i improves if v_i < v* − min_delta, v* being the value of the last improvement, at first ∞. Training stops at the
`patience`-th evaluation in a row that does not improve; the weights of the last improvement are kept (Prechelt, Early
Stopping – But When?, 1998; Keras counts in the same way).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor


class Stop(NamedTuple):
    """What the rule does with a curve."""

    kept: int  # the evaluation whose weights are kept
    stopped: int | None  # the one at which it stops, None if never


def stop_rule(values: Tensor, patience: int, min_delta: float) -> Stop:
    """Patience on a curve [R] of evaluations. NaN is no improvement."""
    best, kept, waited = math.inf, 0, 0
    for i, value in enumerate(values.tolist()):
        if value < best - min_delta:
            best, kept, waited = value, i, 0
        else:
            waited += 1
            if waited >= patience:
                return Stop(kept, i)
    return Stop(kept, None)


def returned_evaluation(stop: Stop, evaluations: int, restore: bool) -> int:
    """The evaluation whose weights the reader gets: the kept ones, or those at the stop or the end."""
    if restore:
        return stop.kept
    return evaluations - 1 if stop.stopped is None else stop.stopped


def argmin_skipping_nan(values: Tensor) -> Tensor:
    """The first evaluation at which each curve of values [R, ...] is lowest; NaN is never lowest."""
    return values.nan_to_num(nan=math.inf).argmin(0)
