"""Where a path ends that settles at no minimum: on a summit or a saddle, by the slope and the curvature there."""

from __future__ import annotations

import torch
from torch import Tensor

from core.surfaces import Surface


def stationary_point(surface: Surface, place: Tensor, reach: float) -> str:
    """"summit" or "saddle" where one lies within `reach` of a place [2], "" elsewhere.

    How far it is to the point without slope is told by the length of Newton's step; what it is by the Hessian's eigenvalues.
    """
    if not bool(torch.isfinite(place).all()):
        return ""
    h = surface.hessian(place)
    step, singular = torch.linalg.solve_ex(h, surface.gradient(place))
    if int(singular) or not float(step.norm()) <= reach:
        return ""
    low, high = torch.linalg.eigvalsh(h).tolist()
    return "" if low >= 0 else "saddle" if high > 0 else "summit"
