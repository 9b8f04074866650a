"""Basins of attraction: the minimum that a method reaches from every start of a grid, all starts walked as rows.

Shapes: S = size² starts of a grid over the surface's frame. A map is [size, size] int64: the index of the minimum
reached, NONE for none yet, LEFT for a path that has left.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.engine.optimisers import Optimiser
from core.lessons.optimisers.divergence import outside
from core.surfaces import Surface

NONE, LEFT = -1, -2
NEAR = 0.05  # distance to a minimum that counts as there, as a part of the frame's height
SETTLED = 60  # Newton's steps: where it converges, it needs no more


def first_order(surface: Surface, size: int, optimiser: Optimiser, steps: int, shake: Tensor | None = None) -> Iterator[Tensor]:
    """Where every start is [S, 2] after each of `steps` of an optimiser, one tensor that is written to; shake [T, 2] is noise
    that every start's gradient shares."""
    theta = _starts(surface, size)
    state = optimiser.init(theta)
    for t in range(steps):
        grad = surface.gradient(theta)
        if shake is not None:
            grad += shake[t]
        optimiser.step(theta, grad, state)
        yield theta


def newton(surface: Surface, size: int, steps: int, floor: float | None = None) -> Iterator[Tensor]:
    """The same of Newton's method; with a `floor`, of the damped one that lifts every eigenvalue to it."""
    theta = _starts(surface, size)
    for _ in range(steps):
        h = surface.hessian(theta)
        theta -= solve_2x2(h if floor is None else damped_hessian_2x2(h, floor), surface.gradient(theta))
        yield theta


def _starts(surface: Surface, size: int) -> Tensor:
    # Half the time of float64; only starts on a border could tell.
    return surface.grid(size)[2].reshape(-1, 2).float()


def reached(theta: Tensor, surface: Surface, size: int) -> Tensor:
    """The map of starts that have come to theta [S, 2]."""
    nearest, index = torch.cdist(theta, surface.minima_tensor().float()).min(-1)
    near = nearest <= NEAR * (surface.y_range[1] - surface.y_range[0])
    index = torch.where(near, index, NONE)
    return torch.where(outside(theta, surface), LEFT, index).reshape(size, size)


def damped_hessian_2x2(h: Tensor, floor: float = 1.0) -> Tensor:
    """`core.descent.damped_hessian` for h [S, 2, 2], in closed form."""
    half, gap = (h[:, 0, 0] + h[:, 1, 1]) / 2, (h[:, 0, 0] - h[:, 1, 1]) / 2
    mu = (floor - half + torch.sqrt(gap**2 + h[:, 0, 1] ** 2)).clamp_min(0)
    return h + mu[:, None, None] * torch.eye(2, dtype=h.dtype)


def solve_2x2(h: Tensor, g: Tensor) -> Tensor:
    """h⁻¹g for symmetric h [S, 2, 2] and g [S, 2], by Cramer's rule; not finite where h is singular."""
    det = h[:, 0, 0] * h[:, 1, 1] - h[:, 0, 1] ** 2
    x = h[:, 1, 1] * g[:, 0] - h[:, 0, 1] * g[:, 1]
    y = h[:, 0, 0] * g[:, 1] - h[:, 0, 1] * g[:, 0]
    return torch.stack([x, y], -1) / det[:, None]
