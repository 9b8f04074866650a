"""Where the names of the lines of `pictures.risks` stand: each at its own line, where it covers least of all that is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from core.formatting import format_number
from core.lessons.risk.lesson import CAPACITIES, Config, Result, gaps, widest
from core.lessons.risk.words import gap_name
from figures import style

WIDE, HIGH = 0.016, 0.06  # of the frame: a character's width and a line's height, with some room
BESIDE, ABOVE = 12, 4  # pixels from a vertical and from a horizontal line
LIFT = 0.02  # what ABOVE is of the least frame's height, and some room
Place = tuple[float, float, int, int]  # x, y; the name begins there 1 or ends there −1; it stands over 1, beside 0 or under −1


class Names:
    """Annotations in a frame ((x from, to), (y from, to)), each kept clear of the lines and of the names before it."""

    def __init__(self, frame: tuple[tuple[float, float], tuple[float, float]]):
        (x0, x1), (y0, y1) = frame
        self.corner, self.size = np.array([x0, y0]), np.array([x1 - x0, y1 - y0])
        self.held, self.notes = np.empty((0, 2)), list[dict[str, Any]]()

    def line(self, x: Any, y: Any) -> None:
        """What no name should cover: a line through the points, all of whose coordinates are finite."""
        points = (np.stack(np.broadcast_arrays(x, y), 1) - self.corner) / self.size
        at = np.linspace(0, len(points) - 1, 50 * (len(points) - 1) + 1)
        self.held = np.concatenate([self.held, np.stack([np.interp(at, range(len(points)), v) for v in points.T], 1)])

    def put(self, text: str, hue: str, places: Iterable[Place], shift: int = 0) -> None:
        """At the first of the places at which least is covered; what would be outside the frame counts as covered."""
        places = list(places)
        boxes = [self._box(place, len(text)) for place in places]
        costs = [self._covered(*box) for box in boxes]
        best = costs.index(min(costs))
        (x, y, side, rise), (low, high) = places[best], boxes[best]
        self.notes.append(style.label(x, y, text, hue) | dict(
            xanchor="left" if side > 0 else "right", xshift=side * shift, yshift=rise * ABOVE,
            yanchor={1: "bottom", 0: "middle", -1: "top"}[rise]))
        filled = np.stack(np.meshgrid(*[np.linspace(0, 1, 40)] * 2), -1).reshape(-1, 2)
        self.held = np.concatenate([self.held, low + (high - low) * filled])

    def _box(self, place: Place, letters: int) -> tuple[np.ndarray, np.ndarray]:
        x, y, side, rise = place
        at = (np.array([x, y]) - self.corner) / self.size
        near = [at[0], at[0] + side * WIDE * letters]
        return np.array([min(near), at[1] + (rise - 1) / 2 * HIGH]), np.array([max(near), at[1] + (rise + 1) / 2 * HIGH])

    def _covered(self, low: np.ndarray, high: np.ndarray) -> float:
        outside = float((np.maximum(-low, 0) + np.maximum(high - 1, 0)).sum())
        inside = ((self.held > low) & (self.held < high)).all(1)
        return int(inside.sum()) + 1000 * max(outside - 0.003, 0)


def risks(result: Result, scene: Config, frame: tuple[tuple[float, float], tuple[float, float]]) -> list[dict[str, Any]]:
    """The names of J, J*, σ², p = N and the widest gap, clear of the lines and of the dots and rings where the player stands."""
    foot, top = frame[1]
    x = np.log10(np.array(CAPACITIES, float))
    J, risk = (np.log10(np.maximum(np.quantile(v.numpy(), 0.5, axis=1), 1e-30)) for v in (result.J, result.risk))
    wide, N, right = widest(result), math.log10(scene.m), float(x[-1])
    names = Names(frame)
    for line in (J, risk):
        names.line(x, np.maximum(line, foot - 1))
    for mark in (J[scene.at], risk[scene.at], *(math.log10(max(float(v[scene.at, 0]), 1e-30)) for v in (result.J, result.risk))):
        names.line(x[scene.at] + np.array([-0.04, 0.04]), max(float(mark), foot - 1))
    names.line([N, N], [foot, top])
    low, high = sorted((max(float(J[wide]), foot), float(risk[wide])))
    names.line([x[wide]] * 2, [low, high])
    noise = 2 * math.log10(scene.sigma) if scene.sigma else None
    if noise is not None:
        names.line([0, right], [noise, noise])
    ends = [(right, float(risk[-1]), -1), (0.0, float(risk[0]), 1)]
    if noise is not None:
        along = [*((v, -1) for v in np.linspace(right, right / 3, 9).tolist()), (0.0, 1)]
        below = " ↓" if noise < foot else ""
        names.put(f"σ² = {format_number(scene.sigma**2)}, noise alone{below}", "ink",
                  [(place, max(noise, foot), side, rise) for place, side in along for rise in (-1, 1)])
    names.put("J*, on new data", "test", [(*end, rise) for end in ends for rise in (1, -1)])
    seen = [i for i, y in enumerate(J) if foot <= y <= top]
    names.put("J, on the samples", "train",
              [(float(x[i]), float(J[i]), side, rise) for i in seen[::-1] for side in (-1, 1) for rise in (-1, 1)]
              or [(0.0, foot, 1, 1)], ABOVE)
    heights = sorted(np.linspace(foot, top, 21)[1:-1].tolist(), key=lambda y: abs(y - (low + high) / 2))
    names.put(f"{gap_name(result)}: {format_number(gaps(result)[wide])} (median)", "warning",
              [(float(x[wide]), y, side, rise) for y, rise in ((high, 1), *((y, 0) for y in heights)) for side in (1, -1)],
              BESIDE)
    # As it is moved from the frame's edge by ABOVE, it wants that much more room.
    inside = LIFT * (top - foot)
    names.put(f"p = N = {scene.m}", "muted",
              [(N, y, side, rise) for y, rise in ((top - inside, -1), (foot + inside, 1)) for side in (-1, 1)], ABOVE)
    return names.notes
