"""A net small enough for Newton's method, as a function of one vector: 2-8-1 tanh on two moons, full batch, float64.

Objective: mean binary cross-entropy (nats) over N = 120 points. θ has P = 33 entries.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core.data import toys
from core.engine import MLP, Supervised, binary_cross_entropy, generators
from core.lessons.optimisers.descent import Objective

POINTS, SPREAD = 120, 0.2


def problem(seed: int) -> tuple[MLP, Tensor, Tensor, Tensor]:
    """(architecture, data x [1, 2, N], labels y [1, 1, N], start θ [P])."""
    generator = generators([seed])[0]
    x, y = toys.two_moons(POINTS, SPREAD, generator)
    mlp = MLP(sizes=(2, 8, 1), activation="tanh")
    theta = mlp.init([generator]).double()[0]
    return mlp, x[None].double(), y[None, None].double(), theta


def objective(mlp: MLP, x: Tensor, y: Tensor) -> Objective:
    """Value and gradient take θ of any shape [..., P]; Hessian and curvature take one θ [P]."""

    def value(theta: Tensor) -> Tensor:
        flat = theta.reshape(-1, mlp.P)
        return binary_cross_entropy.value(mlp.forward(flat, x), y).reshape(theta.shape[:-1])

    def slope(theta: Tensor) -> Tensor:
        objective = Supervised(mlp, binary_cross_entropy)
        return objective.value_and_gradient(theta.reshape(-1, mlp.P), (x, y))[1].reshape(theta.shape)

    def hessian(theta: Tensor) -> Tensor:
        theta = theta.detach().requires_grad_(True)
        (g,) = torch.autograd.grad(value(theta), theta, create_graph=True)
        (rows,) = torch.autograd.grad(g, theta, torch.eye(mlp.P, dtype=theta.dtype), is_grads_batched=True)
        return rows.detach()

    def curvature(theta: Tensor, d: Tensor) -> Tensor:
        # A central difference of two hand-written gradients: error of order 1e-10 here, no graph to build.
        h = 1e-5 / max(float(d.norm()), 1e-300)
        return d @ (slope(theta + h * d) - slope(theta - h * d)) / (2 * h)

    return Objective(value, slope, hessian, curvature)
