"""When a path leaves the map, and why: the inequality that broke, where there is one."""

from __future__ import annotations

import torch
from torch import Tensor

from core import quadratic, surfaces
from core.engine import SGD
from core.surfaces import Surface

TRIAL = 200  # steps: an ε 1 % beyond the limit makes the distance grow some fiftyfold


def outside(p: Tensor, surface: Surface) -> Tensor:
    """Whether points [..., 2] lie outside the frame widened by its own size on every side, or are not finite."""
    (x0, x1), (y0, y1) = surface.x_range, surface.y_range
    dx, dy = x1 - x0, y1 - y0
    x, y = p[..., 0], p[..., 1]
    inside = (x > x0 - dx) & (x < x1 + dx) & (y > y0 - dy) & (y < y1 + dy)
    return ~inside


def why_left(surface: Surface, method: str, path: Tensor, learning_rate: float, alpha: float) -> str:
    """Why a path left, in words that follow its name and a colon; path [t+1, 2] up to the leaving."""
    if len(path) == 1:
        return "it starts far outside and does not come back"
    finite = path[torch.isfinite(path).all(-1)]
    downhill = float(surface.value(finite[-1])) < float(surface.value(finite[0]))
    h = surface.hessian(finite)
    eigen = torch.linalg.eigvalsh(h[torch.isfinite(h).all(-1).all(-1)])
    if method in ("sgd", "noisy_sgd", "momentum", "nesterov"):
        # The last point may be far out already, where the curvature is a consequence and no cause.
        top = float(eigen[: max(1, len(eigen) - 1), 1].max())
        limit = quadratic.stability_limit(method, alpha)
        product = learning_rate * top
        if product > limit:
            where = "λ_max" if surface.quadratic else "the steepest curvature on its way, λ"
            return f"ε·λ = {product:.3g} > {limit:.3g} with {where} = {top:.4g}"
        if not downhill:
            return f"its steps carry it out, uphill; ε·λ = {product:.3g} stays below {limit:.3g}"
    elif method == "newton" and float(eigen[:, 0].min()) <= 0:
        return f"the Hessian on its way has an eigenvalue {float(eigen[:, 0].min()):.3g} ≤ 0, so the step points uphill"
    return "it follows a slope that leads out" if downhill else "its steps carry it out, uphill"


def trial(rate: float, kappa: float) -> float:
    """The distance from the ravine's minimum after TRIAL steps of gradient descent from (0, 1), where it is steepest."""
    surface, descend = surfaces.surface("ravine", kappa), SGD(rate)
    theta = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    state = descend.init(theta)
    for _ in range(TRIAL):
        descend.step(theta, surface.gradient(theta), state)
    return float(theta.norm().nan_to_num(torch.inf))
