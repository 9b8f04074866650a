"""Points that a lesson should draw as well: few, on a line, of very unequal classes, nearly all at one place."""

from __future__ import annotations

import numpy as np

from core.uploads import Points


def _points(rows: object, y: object) -> Points:
    x = np.array(rows, float).T
    spread = x.std(1, keepdims=True)
    scaled = (x - x.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return Points(scaled.astype(np.float32), np.array(y), ("left", "right"))


_ANY = np.random.default_rng(0).normal(size=(2000, 2))
ODD = {
    "six": lambda: _points(_ANY[:6], [0, 1] * 3),
    "twenty": lambda: _points(_ANY[:20], [1] * 5 + [0] * 15),
    "a constant axis": lambda: _points([(i, 0) for i in range(30)], [int(i > 14) for i in range(30)]),
    "on a line": lambda: _points([(i, i) for i in range(20)], [i % 2 for i in range(20)]),
    "four places": lambda: _points([(i % 2, i // 2 % 2) for i in range(24)], [(i % 2) ^ (i // 2 % 2) for i in range(24)]),
    "nearly one place": lambda: _points([(0, 0)] * 1999 + [(1, 1)], [i % 2 for i in range(2000)]),
    "unequal classes": lambda: _points(_ANY, [1] * 5 + [0] * 1995),
    "two thousand": lambda: _points(_ANY, [i % 2 for i in range(2000)]),
}


def odd_points(name: str) -> Points:
    return ODD[name]()
