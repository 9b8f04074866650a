"""Losses of two parameters with everything known in closed form: value, gradient, Hessian, minima.

They are the maps on which optimisers are watched; loss_landscapes draws them beside the landscapes of nets.
Points are `p` of shape [..., 2]; a value has shape [...], a gradient [..., 2], a Hessian [..., 2, 2].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
Fields = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Surface:
    """A function of two variables in closed form."""

    name: str
    formula: str
    _value: Field
    _gradient: Fields
    _hessian: Fields
    minima: tuple[tuple[float, float], ...]  # every local minimum inside the frame
    x_range: tuple[float, float]  # of the frame
    y_range: tuple[float, float]
    start: tuple[float, float]  # a telling one
    saddles: tuple[tuple[float, float], ...] = ()
    quadratic: bool = False

    def value(self, p: Tensor) -> Tensor:
        return self._value(p[..., 0], p[..., 1])

    def gradient(self, p: Tensor) -> Tensor:
        return torch.stack(self._gradient(p[..., 0], p[..., 1]), -1)

    def hessian(self, p: Tensor) -> Tensor:
        xx, xy, yy = torch.broadcast_tensors(*self._hessian(p[..., 0], p[..., 1]))
        return torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -2)

    def minima_tensor(self) -> Tensor:
        """[number of minima, 2], float64."""
        return torch.tensor(self.minima, dtype=torch.float64).reshape(-1, 2)

    def grid(self, nx: int, ny: int | None = None, margin: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """(x [nx], y [ny], points [ny, nx, 2]) over the frame, widened by `margin` of its size on each side."""
        ny = ny or nx
        (x0, x1), (y0, y1) = self.x_range, self.y_range
        dx, dy = margin * (x1 - x0), margin * (y1 - y0)
        x = torch.linspace(x0 - dx, x1 + dx, nx, dtype=torch.float64)
        y = torch.linspace(y0 - dy, y1 + dy, ny, dtype=torch.float64)
        return x, y, torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


def _bowl(kappa: float, name: str, formula: str) -> Surface:
    return Surface(
        name, formula,
        lambda x, y: 0.5 * (x * x + kappa * y * y),
        lambda x, y: (x, kappa * y),
        lambda x, y: (torch.ones_like(x), torch.zeros_like(x), torch.full_like(x, kappa)),
        minima=((0.0, 0.0),), x_range=(-3.0, 3.0), y_range=(-2.0, 2.0), start=(-2.5, 1.2), quadratic=True,
    )


def _saddle() -> Surface:
    return Surface(
        "Saddle", r"\tfrac12(x^2-y^2)+\tfrac14y^4",
        lambda x, y: 0.5 * (x * x - y * y) + 0.25 * y**4,
        lambda x, y: (x, y**3 - y),
        lambda x, y: (torch.ones_like(x), torch.zeros_like(x), 3 * y * y - 1),
        minima=((0.0, -1.0), (0.0, 1.0)), x_range=(-2.0, 2.0), y_range=(-1.8, 1.8), start=(-1.7, 0.02),
        saddles=((0.0, 0.0),),
    )


def _rosenbrock() -> Surface:
    return Surface(
        "Rosenbrock", r"(1-x)^2+100\,(y-x^2)^2",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x * x) ** 2,
        lambda x, y: (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)),
        lambda x, y: (2 - 400 * y + 1200 * x * x, -400 * x, torch.full_like(x, 200.0)),
        minima=((1.0, 1.0),), x_range=(-2.0, 2.0), y_range=(-1.0, 3.0), start=(-1.2, 1.0),
    )


def _himmelblau() -> Surface:
    return Surface(
        "Himmelblau", r"(x^2+y-11)^2+(x+y^2-7)^2",
        lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
        lambda x, y: (4 * x * (x * x + y - 11) + 2 * (x + y * y - 7), 2 * (x * x + y - 11) + 4 * y * (x + y * y - 7)),
        lambda x, y: (12 * x * x + 4 * y - 42, 4 * (x + y), 12 * y * y + 4 * x - 26),
        minima=((3.0, 2.0), (-2.805118086952745, 3.131312518250573), (-3.779310253377747, -3.283185991286170),
                (3.584428340330492, -1.848126526964404)),
        x_range=(-5.5, 5.5), y_range=(-5.0, 5.0), start=(-0.2, -0.8),
        saddles=((-3.073025750764053, -0.081353040428652), (0.086677504555419, 2.884254701174788),
                 (3.385154183607040, 0.073851879837712), (-0.127961346730643, -1.953714980244498)),
    )


def _beale() -> Surface:
    c = (1.5, 2.25, 2.625)

    def residuals(x: Tensor, y: Tensor) -> list[Tensor]:
        return [ci - x + x * y ** (i + 1) for i, ci in enumerate(c)]

    def gradient(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        r = residuals(x, y)
        gx = sum(2 * r[i] * (y ** (i + 1) - 1) for i in range(3))
        gy = sum(2 * r[i] * x * (i + 1) * y**i for i in range(3))
        return torch.as_tensor(gx), torch.as_tensor(gy)

    def hessian(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        r = residuals(x, y)
        xx = sum(2 * (y ** (i + 1) - 1) ** 2 for i in range(3))
        xy = sum(2 * (i + 1) * y**i * (x * (y ** (i + 1) - 1) + r[i]) for i in range(3))
        bend = [torch.zeros_like(y), torch.full_like(y, 2.0), 6 * y]
        yy = sum(2 * (x * (i + 1) * y**i) ** 2 + 2 * r[i] * x * bend[i] for i in range(3))
        return torch.as_tensor(xx), torch.as_tensor(xy), torch.as_tensor(yy)

    return Surface(
        "Beale", r"(1.5-x+xy)^2+(2.25-x+xy^2)^2+(2.625-x+xy^3)^2",
        lambda x, y: torch.as_tensor(sum(r * r for r in residuals(x, y))), gradient, hessian,
        minima=((3.0, 0.5),), x_range=(-1.0, 4.5), y_range=(-2.0, 1.8), start=(1.0, 1.5), saddles=((0.0, 1.0),),
    )


def _many_minima() -> Surface:
    # Separable, so its stationary points are the pairs of the stationary points of x²/20 − cos 2x in one variable.
    def settle(x: float) -> float:
        for _ in range(60):
            x -= (x / 10 + 2 * math.sin(2 * x)) / (0.1 + 4 * math.cos(2 * x))
        return x

    lows = [settle(k * math.pi) for k in (-1, 0, 1)]
    return Surface(
        "Many minima", r"\tfrac1{20}(x^2+y^2)+2-\cos2x-\cos2y",
        lambda x, y: (x * x + y * y) / 20 + 2 - torch.cos(2 * x) - torch.cos(2 * y),
        lambda x, y: (x / 10 + 2 * torch.sin(2 * x), y / 10 + 2 * torch.sin(2 * y)),
        lambda x, y: (0.1 + 4 * torch.cos(2 * x), torch.zeros_like(x), 0.1 + 4 * torch.cos(2 * y)),
        minima=tuple((a, b) for a in lows for b in lows), x_range=(-4.4, 4.4), y_range=(-4.4, 4.4), start=(4.1, 3.6),
    )


NAMES = {
    "bowl": "Bowl", "ravine": "Ravine", "saddle": "Saddle", "rosenbrock": "Rosenbrock", "himmelblau": "Himmelblau",
    "beale": "Beale", "many": "Many minima",
}


def surface(name: str, kappa: float = 20.0) -> Surface:
    """The surface of that name; `kappa` is the ravine's condition number. Raises ValueError for an unknown name."""
    match name:
        case "bowl":
            return _bowl(1.0, "Bowl", r"\tfrac12(x^2+y^2)")
        case "ravine":
            return _bowl(kappa, "Ravine", r"\tfrac12(x^2+\kappa y^2)")
        case "saddle":
            return _saddle()
        case "rosenbrock":
            return _rosenbrock()
        case "himmelblau":
            return _himmelblau()
        case "beale":
            return _beale()
        case "many":
            return _many_minima()
    raise ValueError(f"surface must be one of {', '.join(NAMES)}, not {name!r}")
