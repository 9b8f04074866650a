"""Free-form deformations: displacements by cubic B-splines on a lattice of control points (Rueckert et al. 1999).

    u(x, y) = Σ_ij B_j((x − x_0)/g) B_i((y − y_0)/g) φ_ij        the pixel (x, y) takes its value from (x, y) + u(x, y)

The map x + u folds exactly where det J ≤ 0, J = I + ∂u/∂x. It folds nowhere where every component of φ is smaller than
g/2.0464 (Choi and Lee 2000): SAFE times the spacing g.

Shapes: D draws, H rows, W columns, P points, m × n control points.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SAFE = 1 / 2.046392675  # of the spacing


def lattice(length: int, spacing: float) -> int:
    """How many control points act on pixels 0 to length − 1: one beyond them on the left and two on the right."""
    return math.floor((length - 1) / spacing) + 4


def weights(at: Tensor, spacing: float, count: int, derivative: bool = False) -> Tensor:
    """The cubic B-spline of each of `count` control points at places [P] (pixels), or its derivative (1/pixel): [P, count]."""
    t = at[:, None] / spacing - (torch.arange(count, dtype=at.dtype) - 1)
    a = t.abs()
    if derivative:
        inner, outer = t * (1.5 * a - 2), -0.5 * t.sign() * (2 - a).square()
        return torch.where(a < 1, inner, torch.where(a < 2, outer, 0.0)) / spacing
    inner, outer = 2 / 3 - a.square() * (1 - a / 2), (2 - a).pow(3) / 6
    return torch.where(a < 1, inner, torch.where(a < 2, outer, 0.0))


def displacement(phi: Tensor, spacing: float, height: int, width: int) -> Tensor:
    """u [D, H, W, 2] (x, y) in pixels, from the control points' displacements phi [D, 2, m, n]."""
    rows, columns = (weights(torch.arange(size, dtype=phi.dtype), spacing, count)
                     for size, count in ((height, phi.shape[2]), (width, phi.shape[3])))
    return (rows @ phi @ columns.T).movedim(1, -1)


def displacement_at(phi: Tensor, spacing: float, points: Tensor) -> Tensor:
    """u [D, P, 2] at (x, y) [D, P, 2] anywhere; beyond the lattice it fades to 0."""
    flat = points.flatten(0, 1)
    columns = weights(flat[:, 0], spacing, phi.shape[3]).unflatten(0, points.shape[:2])
    rows = weights(flat[:, 1], spacing, phi.shape[2]).unflatten(0, points.shape[:2])
    return torch.einsum("dpm,dcmn,dpn->dpc", rows, phi, columns)


def slopes(phi: Tensor, spacing: float, height: int, width: int) -> Tensor:
    """∂u_c/∂x and ∂u_c/∂y at every pixel, [D, component, axis, H, W], from the splines' own derivatives."""
    y, x = (torch.arange(size, dtype=phi.dtype) for size in (height, width))
    m, n = phi.shape[2:]
    along_x = weights(y, spacing, m) @ phi @ weights(x, spacing, n, derivative=True).T
    along_y = weights(y, spacing, m, derivative=True) @ phi @ weights(x, spacing, n).T
    return torch.stack([along_x, along_y], 2)


def determinant(slope: Tensor) -> Tensor:
    """det J = (1 + ∂u_x/∂x)(1 + ∂u_y/∂y) − ∂u_x/∂y ∂u_y/∂x of x + u(x), [D, H, W]; the map folds where it is not positive."""
    return (1 + slope[:, 0, 0]) * (1 + slope[:, 1, 1]) - slope[:, 0, 1] * slope[:, 1, 0]


def undo(phi: Tensor, spacing: float, points: Tensor, turns: int = 30) -> Tensor:
    """The y with y + u(y) = points [D, P, 2], by y ← points − u(y); NaN where that does not settle, as it may not near a fold."""
    y = points
    for _ in range(turns):
        y = points - displacement_at(phi, spacing, y)
    off = (y + displacement_at(phi, spacing, y) - points).norm(dim=-1, keepdim=True)
    return torch.where(off < 0.05, y, torch.nan)
