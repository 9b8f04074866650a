"""Cuts through the loss of a net: planes and segments of parameters, evaluated as rows of the engine.

A plane is an origin and two directions, θ(a, b) = origin + a·d₁ + b·d₂. Three kinds:

    random       Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets", section 4: Gaussian directions, each
                 filter (the incoming weights of one unit) rescaled to the norm of the weight's own filter
    start        one direction back to where training began, one random, both with filters rescaled as above
    trajectory   the first two principal components of the steps of a training path
    segment      through two solutions, and towards a third

Shapes: P parameters, R rows, A and B points along the two axes, S snapshots of a path.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.engine import MLP, Loss

PART = 2**15  # numbers in one layer's activations: larger parts leave the processor's cache


@dataclass(frozen=True)
class Plane:
    """A plane in parameter space."""

    origin: Tensor  # [P]
    directions: Tensor  # [2, P], neither orthogonal nor of length 1 in general

    def points(self, a: Tensor, b: Tensor) -> Tensor:
        """Parameters [B·A, P] of the grid with a [A] along the first direction, which runs fastest, and b [B]."""
        along, across = a[None, :, None] * self.directions[0], b[:, None, None] * self.directions[1]
        return (self.origin + along + across).flatten(0, 1)

    def coordinates(self, theta: Tensor) -> Tensor:
        """(a, b) [..., 2] of the point of the plane that is nearest to theta [..., P], by least squares."""
        d = self.directions.double()
        return (torch.linalg.inv(d @ d.T) @ (d @ (theta - self.origin).double().mT)).mT.to(theta.dtype)

    def projection(self, theta: Tensor) -> Tensor:
        """The nearest points of the plane [R, P] to theta [R, P]."""
        return self.origin + self.coordinates(theta) @ self.directions

    def distance(self, theta: Tensor) -> Tensor:
        """Euclidean distance [R] of theta [R, P] from the plane."""
        return (theta - self.projection(theta)).norm(dim=-1)


def filter_normalised(mlp: MLP, theta: Tensor, directions: Tensor) -> Tensor:
    """Rescales each filter of directions [K, P] to the norm of theta's [P] own filter.

    A filter is one unit's row of incoming weights. Biases, gammas and betas get 0, so that the plane moves weights
    alone. A unit whose weights are all zero gets no direction.
    """
    out = torch.zeros_like(directions)
    for name, entry in mlp.layout.items():
        if not name.startswith("weight"):
            continue
        own = theta[entry.part].reshape(entry.shape).norm(dim=1, keepdim=True)
        drawn = directions[:, entry.part].unflatten(1, entry.shape)
        norm = drawn.norm(dim=2, keepdim=True).clamp_min(torch.finfo(theta.dtype).tiny)
        out[:, entry.part] = (drawn / norm * own).flatten(1)
    return out


def random_plane(mlp: MLP, theta: Tensor, generator: Generator) -> Plane:
    """Filter-normalised random plane about theta [P]; a coordinate of 1 is a step as long as the weights are."""
    drawn = torch.randn(2, mlp.P, generator=generator, dtype=theta.dtype)
    return Plane(theta, filter_normalised(mlp, theta, drawn))


def start_plane(mlp: MLP, end: Tensor, start: Tensor, generator: Generator) -> Plane:
    """Like `random_plane` about end [P], but its first direction is start − end [P], filter by filter."""
    drawn = torch.randn(2, mlp.P, generator=generator, dtype=end.dtype)
    return Plane(end, filter_normalised(mlp, end, torch.stack([start - end, drawn[1]])))


def trajectory_plane(path: Tensor) -> tuple[Plane, Tensor]:
    """The plane of the first two principal components of path [S, P], S ≥ 3, through its last point.

    Returns the plane, with orthonormal directions, and the explained variance of each component [2], as parts of 1.
    The signs are such that the path starts at positive coordinates.
    """
    centred = (path - path.mean(0)).double()
    _, s, v = torch.linalg.svd(centred, full_matrices=False)
    directions = v[:2]
    sign = torch.where(directions @ (path[0] - path[-1]).double() < 0, -1.0, 1.0)
    share = s.square() / s.square().sum()
    return Plane(path[-1], (sign[:, None] * directions).to(path.dtype)), share[:2].to(path.dtype)


def segment_plane(a: Tensor, b: Tensor, third: Tensor) -> Plane:
    """The plane through a [P] (at 0, 0) and b (at |b − a|, 0), towards `third`; orthonormal directions.

    Raises ValueError where the three points lie on one line.
    """
    along = (b - a).double()
    length = along.norm()
    along = along / length
    across = (third - a).double()
    across = across - (across @ along) * along
    if not float(across.norm()) > 1e-6 * float(length):
        raise ValueError("the three points lie on one line")
    return Plane(a, torch.stack([along, across / across.norm()]).to(a.dtype))


def segment(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Parameters [T, P] of (1 − t)·a + t·b for t [T]."""
    return (1 - t[:, None]) * a + t[:, None] * b


def barrier(loss: Tensor, t: Tensor) -> Tensor:
    """How far the loss [T, ...] along a segment rises above the straight line between its ends: max over t, ≥ 0."""
    t = t.reshape(-1, *(1 for _ in loss.shape[1:]))
    return (loss - (1 - t) * loss[0] - t * loss[-1]).amax(0)


def evaluate(mlp: MLP, theta: Tensor, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """Loss [R] of theta [R, P] on the whole of x [1, d, N], batch norm normalising by that whole batch."""
    rows = max(1, PART // (max(mlp.sizes) * x.shape[2]))
    with torch.no_grad():
        parts = [loss.value(mlp.forward(part, x, train=True), y) for part in theta.split(rows)]
    return torch.cat(parts)


def basins(grid: Tensor, climb: float) -> int:
    """How many basins of grid [B, A] count."""
    return len(bottoms(grid, climb))


def bottoms(grid: Tensor, climb: float) -> Tensor:
    """The bottoms (row, column) [n, 2] of grid [B, A] from which no lower one is reached without climbing at least `climb`.

    A step leads to any of the eight neighbours, and none leaves the grid. A shallow dip counts as part of the basin round
    it (the persistence of Edelsbrunner, Letscher and Zomorodian 2002), so the number changes little with the spacing, as
    that of the points below all their neighbours does not. Points without a finite value are walls.
    """
    z = grid.double()
    places = torch.arange(z.numel()).reshape(z.shape)
    steps = ((places[:, 1:], places[:, :-1]), (places[1:], places[:-1]),
             (places[1:, 1:], places[:-1, :-1]), (places[1:, :-1], places[:-1, 1:]))
    a, b = (torch.cat([pair[side].flatten() for pair in steps]) for side in (0, 1))
    flat = z.flatten()
    height = torch.maximum(flat[a], flat[b])
    # As the water rises, two lakes meet at their lowest pass; the one with the higher bottom ends there.
    order = height.argsort(stable=True)[: int(torch.isfinite(height).sum())]
    bottom, root = flat.tolist(), list(range(len(flat)))

    def lake(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    counted, gone = [], set()
    for i, j, level in zip(a[order].tolist(), b[order].tolist(), height[order].tolist(), strict=True):
        deep, shallow = sorted((lake(i), lake(j)), key=bottom.__getitem__)
        if deep != shallow:
            if level - bottom[shallow] >= climb:
                counted.append(shallow)
            gone.add(shallow)
            root[shallow] = deep
    # A lake is known by its deepest point; those that never ended are the lowest of their part of the grid.
    counted += [i for i in torch.isfinite(flat).nonzero().flatten().tolist() if i not in gone]
    return torch.tensor([divmod(i, z.shape[1]) for i in sorted(counted)], dtype=torch.long).reshape(-1, 2)


def negative_curvature_fraction(grid: Tensor, parts: int = 10) -> float:
    """Part of the plane, as a fraction, where the 2×2 Hessian of grid [B, A] has a negative eigenvalue.

    By central differences over 1/parts of the side, whatever the spacing of the grid, so that bends of one size are counted.
    Lengths are in units of that step, which leaves the sign of a determinant as it is. 0 for a convex plane. Points without
    a finite value are left out; NaN where none is left.
    """
    z = grid.double()
    step = max(1, (len(z) - 1) // parts)
    back, here, on = slice(None, -2 * step), slice(step, -step), slice(2 * step, None)
    xx = z[here, on] - 2 * z[here, here] + z[here, back]
    yy = z[on, here] - 2 * z[here, here] + z[back, here]
    xy = (z[on, on] - z[on, back] - z[back, on] + z[back, back]) / 4
    least = (xx + yy) / 2 - ((xx - yy).square() / 4 + xy.square()).sqrt()
    known = torch.isfinite(least)
    # Rounding of float32 losses, not curvature, decides below this size.
    noise = 1e-6 * z[here, here].abs()
    return float((least < -noise)[known].double().mean())
