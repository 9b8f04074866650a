"""Names at the ends of lines, none upon another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from figures import style

LINE = 0.085  # of a picture's height: what a name needs


def apart(heights: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The heights moved as little as can be, in squares, so that they keep their order and at least this distance.

    All come to lie from `low` to `high`, or upwards from `low` where there is no room for them.
    """
    order = np.argsort(heights, kind="stable")
    steps = least * np.arange(len(order))
    blocks: list[list[float]] = []  # sum and count of names that touch, without their steps
    for value in np.asarray(heights, float)[order] - steps:
        blocks.append([value, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    base = np.concatenate([np.full(int(count), total / count) for total, count in blocks])
    out = np.empty(len(order))
    out[order] = np.clip(base, low, max(low, high - steps[-1])) + steps
    return out.tolist()


def labels(x: float, ends: Sequence[tuple[str, float, str]], low: float, high: float) -> list[dict[str, Any]]:
    """A label for each (name, height of the line's end, hue), on an axis from `low` to `high`; none for none."""
    if not ends:
        return []
    room = LINE * (high - low)
    heights = apart([height for _, height, _ in ends], room, low + room / 2, high - room / 2)
    return [style.label(x, height, name, hue) for height, (name, _, hue) in zip(heights, ends, strict=True)]
