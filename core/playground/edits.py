"""A weight of the net that is written by hand."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from torch import Tensor

from core.engine import MLP

LARGEST = 1000.0  # weight that can be written


class Edit(NamedTuple):
    """A weight's value, or a bias's where source is 0; counted from 1. step: of the run when it was written."""

    layer: int
    unit: int
    source: int
    value: float
    step: int = 0


def check(edit: Edit) -> None:
    """Raises ValueError, in a sentence for the reader, where the value is no number that a weight can have."""
    if not math.isfinite(edit.value) or abs(edit.value) > LARGEST:
        raise ValueError(f"A weight can be anything from −{LARGEST:g} to {LARGEST:g}; it stays as it was.")


def place_of(edit: Edit, net: MLP, theta: Tensor) -> Tensor:
    """The weight as a view into theta [1, P]. Raises ValueError, in a sentence for the reader, where there is none."""
    layers = net.views(theta)
    if 1 <= edit.layer <= len(layers):
        layer = layers[edit.layer - 1]
        if 1 <= edit.unit <= layer.weight.shape[1] and 0 <= edit.source <= layer.weight.shape[2]:
            return layer.weight[0, edit.unit - 1, edit.source - 1] if edit.source else layer.bias[0, edit.unit - 1, 0]
    raise ValueError("The net has no such weight any more; nothing has changed.")


def forget_edits(after: int, *histories: list[Any]) -> None:
    """Leaves out of lists of changes what was written after a step: the net holds none of it any more, and to undo it would write
    into another net."""
    for changes in histories:
        changes[:] = [change for change in changes if not isinstance(change, Edit) or change.step <= after]
