"""How a loss becomes a height and a colour, the same for every landscape of a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from core.lessons.loss_landscapes.lesson import Config, Result


@dataclass(frozen=True)
class Height:
    """Loss to height, the same for every landscape of a result, and the ticks of that scale."""

    of: Callable[[np.ndarray], np.ndarray]
    low: float
    high: float
    ticks: list[float]
    labels: list[str]
    title: str


def height(result: Result, scene: Config, grid: Tensor | None = None) -> Height:
    """The scale of the planes, or of other losses `grid` [M, ...] on them.

    The loss itself or its log₁₀; on a closed-form surface log₁₀ of the height above the floor, softened near it.
    """
    grid = result.grid if grid is None else grid
    assert grid is not None
    z = grid.numpy()
    floor, soft, title = 0.0, 0.0, "loss"
    if scene.scale == "linear" and result.problem == "network":
        known = z[np.isfinite(z)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        ticks = _round_ticks(low, high)
        return Height(lambda loss: np.where(np.isfinite(loss), loss, np.nan), low, high, ticks, [f"{t:g}" for t in ticks], title)
    if result.problem != "network":
        floor, title = result.floor, "above floor"
        soft = 1e-2 * (float(np.median(z)) - floor)

    def of(loss: np.ndarray) -> np.ndarray:
        above = np.asarray(loss, dtype=np.float64) - floor + soft
        return np.log10(np.where(np.isfinite(above) & (above > 0), above, np.nan))

    heights = of(z)
    known = heights[np.isfinite(heights)]
    low, high = (float(known.min()), float(known.max())) if known.size else (-3.0, 1.0)
    decades = [d for d in range(int(np.ceil(low - 0.3)), int(np.floor(high)) + 1) if 10.0**d > soft / 3]
    ticks = [float(np.log10(10.0**d + soft)) for d in decades]
    return Height(of, low, high, ticks, [f"{10.0**d:g}" for d in decades], title)


def _round_ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** np.floor(np.log10(max(high - low, 1e-12) / 2))
    step *= next(k for k in (1, 2, 5, 10) if (high - low) / (k * step) <= 5)
    return [float(v) for v in np.arange(np.ceil(low / step - 1e-9) * step, high + 1e-9 * step, step)]
