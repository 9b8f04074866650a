"""Newton's method for many small problems at once, to the last digits."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Objective = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
LEAST = 1e-9  # the least curvature that a step is divided by
HALVINGS = 30


def minimise(objective: Objective, start: Tensor, most: int = 60) -> Tensor:
    """A minimum (B, P) near start (B, P): damped Newton steps, halved until the objective falls.

    objective(θ) gives the values (B,), gradients (B, P) and Hessians (B, P, P) of B problems; float64. Where a Hessian has a
    direction of negative curvature the step goes downhill along it as far as its size says. Ends after a step so small that the
    next would be below the last digit, as the error of each is about the square of the one before.
    """
    theta, now = start, objective(start)
    for _ in range(most):
        step = _downhill(now[1], now[2])
        length = torch.ones(len(theta), 1, dtype=theta.dtype)
        for halving in range(HALVINGS):
            there = objective(theta + length * step)
            worse = there[0] > now[0] + 1e-14 * (1 + now[0].abs())
            if not worse.any():
                break
            length = torch.where(worse[:, None], length / 2 if halving < HALVINGS - 1 else 0.0, length)
        theta = theta + length * step
        now = there
        if float((step.abs().amax(-1) / (1e-3 + theta.abs().amax(-1))).max()) < 1e-8:
            break
    return theta


def _downhill(gradient: Tensor, hessian: Tensor) -> Tensor:
    """The Newton step, by Cholesky's factors where the Hessian is positive, else with its curvatures' absolute values."""
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if not failed.any():
        return -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
    curvatures, ways = torch.linalg.eigh(hessian)
    along = (ways.mT @ gradient[..., None])[..., 0] / curvatures.abs().clamp(min=LEAST)
    return -(ways @ along[..., None])[..., 0]
