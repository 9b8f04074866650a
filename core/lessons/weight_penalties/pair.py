"""The fit of two features alone, which can be drawn: the loss over two weights and where each penalty stops it.

Every loss here is J at the bias that suits the two weights best. J is convex, so it rises along every ray from the fit
without penalty; √(J − J(ŵ)) rises in proportion to the distance where J is quadratic and nearly so for the logistic
loss. A curve of equal loss is therefore read off a few distances on each ray.

Shapes: R penalties, A strengths, Gx and Gy places of the two weights, Q rays, B distances on a ray, N samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.engine import MLP
from core.lesson import last
from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties.problem import Problem, half_squared

PLACES = 33
RAYS = 72  # the last closes the curve on the first, so there are RAYS + 1 points
DISTANCES = 20


@dataclass(frozen=True)
class Pair:
    """The loss over two weights, and where R penalties of A strengths touch it."""

    names: tuple[str, str]
    x: Tensor  # [Gx] values of the first weight
    y: Tensor  # [Gy] values of the second
    loss: Tensor  # [Gy, Gx]
    free: Tensor  # [2] the fit without penalty
    free_loss: float
    touch: Tensor  # [R, A, 2] the penalised fits
    level: Tensor  # [R, A] J there
    distance: Tensor  # [B] along the rays
    height: Tensor  # [Q, B] √(J − J(ŵ)) along the rays
    alone: float  # c = xᵀt/N of the first feature, for the posterior of its weight alone
    precision: float  # β, one over the variance of t about that fit; NaN where the noise is not Gaussian
    samples: int  # N

    def contours(self, level: Tensor) -> Tensor:
        """The closed curves on which J is level [L]: points [L, Q, 2]; a point where J is least or less everywhere."""
        rise = (level - self.free_loss).clamp_min(0).sqrt().expand(len(self.height), -1).contiguous()
        # The segment of the ray in which the height is reached; beyond the last one it goes on straight.
        i = torch.searchsorted(self.height, rise).clamp(1, len(self.distance) - 1)
        low, high = self.height.gather(1, i - 1), self.height.gather(1, i)
        share = (rise - low) / (high - low).clamp_min(1e-12)
        r = self.distance[i - 1] + share * (self.distance[i] - self.distance[i - 1])
        return self.free + r.T[..., None] * _directions(self.free.dtype)


def _directions(dtype: torch.dtype) -> Tensor:
    angle = torch.linspace(0, 2 * math.pi, RAYS + 1, dtype=dtype)
    return torch.stack([angle.cos(), angle.sin()], 1)


def fit_pair(problem: Problem, names: tuple[str, str], l1: Tensor, l2: Tensor) -> Pair:
    """problem: a linear one; names: two of its features; l1, l2 [R·A, 1]: strengths of every penalised fit, R = 3."""
    columns = [problem.names.index(name) for name in names]
    two = replace(problem, mlp=MLP(sizes=(2, 1)), x={"train": problem.x["train"][:, columns]})
    smooth = two.loss is half_squared
    # The last row is the fit without penalty; classes that a line parts have none, so there it is a very weak L2.
    none = l1.new_zeros(1, 1)
    l1, l2 = torch.cat([l1, none]), torch.cat([l2, none if smooth else none + 1e-4])
    w = last(proximal.fista(two.gradient(), two.curvature(), l1.new_zeros(len(l1), 3), l1, l2, penalised=two.mask,
                            tolerance=1e-9)).w
    free, touch = w[-1, :2], w[:-1, :2].reshape(3, -1, 2)
    reach = float(free.abs().sum())
    x = torch.linspace(-1.35, 1.35, PLACES, dtype=w.dtype) * reach + 0.35 * free[0]
    y = torch.linspace(-0.9, 0.9, PLACES, dtype=w.dtype) * reach + 0.35 * free[1]
    # Far enough for the corners of the frame, denser near the middle, where the logistic loss bends.
    distance = 2.4 * reach * torch.linspace(0, 1, DISTANCES, dtype=w.dtype) ** 1.5
    rays = free + distance[:, None] * _directions(w.dtype)[:, None]
    asked = torch.cat([torch.cartesian_prod(y, x).flip(1), rays.flatten(0, 1)])
    loss = torch.cat([best_bias_loss(two, part) for part in asked.split(400)])  # parts that stay in the cache
    values = two.loss.value(two.mlp.forward(w, two.x["train"]), two.y["train"])
    free_loss = float(values[-1])
    height = (loss[PLACES**2 :].reshape(RAYS + 1, -1) - free_loss).clamp_min(0).sqrt()
    height[:, 0] = 0
    t = two.y["train"][0, 0]
    alone = float(two.x["train"][0, 0] @ t) / len(t) if smooth else math.nan
    precision = 1 / (float(t.square().mean()) - alone**2) if smooth else math.nan
    return Pair(names, x, y, loss[: PLACES**2].reshape(PLACES, PLACES), free, free_loss, touch, values[:-1].reshape(3, -1),
                distance, height.cummax(1).values, alone, precision, len(t))


def best_bias_loss(two: Problem, w: Tensor) -> Tensor:
    """J of rows w [K, D] at the bias that suits each best: the mean residual, or a few Newton steps of the logistic loss."""
    x, y = two.x["train"], two.y["train"]
    out = (w @ x[0])[:, None]
    if two.loss is half_squared:
        return two.loss.value(out + (y - out).mean(2, keepdim=True), y)
    # From half-way between the classes' means.
    bias = -((out * y).sum(2, keepdim=True) / y.sum() + (out * (1 - y)).sum(2, keepdim=True) / (1 - y).sum()) / 2
    for _ in range(8):
        p = torch.sigmoid(out + bias)
        # Damped, because far from the data all probabilities are 0 or 1 and the curvature vanishes.
        bias = bias - ((p - y).mean(2, keepdim=True) / (p * (1 - p)).mean(2, keepdim=True).clamp_min(1e-3)).clamp(-2, 2)
    return two.loss.value(out + bias, y)
