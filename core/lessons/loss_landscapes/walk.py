"""Heavy ball on a closed-form surface of two parameters, which is its own plane."""

from __future__ import annotations

from typing import Any

import torch

from core import surfaces
from core.formatting import format_number
from core.lessons.loss_landscapes import landscape
from core.lessons.loss_landscapes.lab import SNAPSHOTS, limit
from core.moments import NEVER


def walk(config: Any) -> dict[str, Any]:
    """The fields of the lesson's Result for its Config: the path lies in the plane, and the Hessian is exact."""
    surface = surfaces.surface(config.problem, config.kappa)
    theta = torch.tensor([config.start_x, config.start_y], dtype=torch.float64)
    velocity = torch.zeros(2, dtype=torch.float64)
    path = torch.full((config.steps + 1, 2), torch.nan, dtype=torch.float64)
    path[0] = theta
    gone = NEVER
    for t in range(config.steps):
        velocity = config.alpha * velocity - config.learning_rate * surface.gradient(theta)
        theta = theta + velocity
        if not torch.isfinite(surface.value(theta)):
            gone = t + 1
            break
        path[t + 1] = theta
    chosen = torch.linspace(0, config.steps, SNAPSHOTS).round().long().unique()
    losses = surface.value(path)
    hessian = surface.hessian(path[chosen])
    known = torch.isfinite(hessian).all(-1).all(-1)
    sharp = torch.full((len(chosen),), torch.nan, dtype=torch.float64)
    sharp[known] = torch.linalg.eigvalsh(hessian[known])[:, -1]
    x, y, points = surface.grid(max(config.resolution, 61))
    values = surface.value(points)
    reason = ""
    if gone != NEVER:
        bends = surface.hessian(path[:gone])
        worst = float(torch.linalg.eigvalsh(bends[torch.isfinite(bends).all(-1).all(-1)])[:, -1].max()) * config.learning_rate
        bound = limit(config) * config.learning_rate
        side = "above" if worst > bound else "which is not above"
        reason = (f"with λ the steepest curvature, ε·λ reached {format_number(worst, 3)} on the way, {side} "
                  f"{format_number(bound, 3)}")
    zero = torch.zeros(len(chosen), 1, dtype=torch.float64)
    return dict(
        problem=config.problem, nets=("surface",), step=config.steps, losses=losses[:, None], limit=limit(config),
        floor=float(surface.value(surface.minima_tensor()).min()), diverged_at=torch.tensor([gone]), reasons=(reason,),
        kinds=("surface",), a=x[None], b=y[None], grid=values[None],
        snapshot_steps=chosen, path=path[chosen][:, None],
        projection_loss=losses[chosen][:, None], off_plane=zero, moved=(path[chosen] - path[0]).norm(dim=-1)[:, None],
        marks=surface.minima_tensor()[None], basins=torch.tensor([len(surface.minima)]),
        bends_down=torch.tensor([landscape.negative_curvature_fraction(values)], dtype=torch.float64),
        sharpness_steps=chosen, sharpness=sharp[:, None],
    )
