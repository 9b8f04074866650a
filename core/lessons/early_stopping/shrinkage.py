"""Stopping early shrinks as a penalty does: gradient descent and ridge on one quadratic, direction by direction.

Objective: J(θ) = ½ θᵀHθ − bᵀθ, to which ridge adds α/2 ‖θ‖². For least squares J = 1/(2m) ‖Xθ − y‖² up to a constant,
with H = XᵀX/m and b = Xᵀy/m. Along the eigenvector of H with eigenvalue λ, as parts of the minimum of J:

    gradient descent from 0, τ steps of size ε    1 − (1 − ελ)^τ
    ridge                                         λ/(λ + α)

With α = 1/(ετ) the two agree to first order in u = ετλ, the one being u − u²/2 + …, the other u − u² + …; for small
ελ they are 1 − e⁻ᵘ and u/(1 + u). Goodfellow, Bengio and Courville, Deep Learning (2016), section 7.8.

Shapes: D parameters, m samples, E eigenvalues, K step sizes, T steps, A strengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Quadratic(NamedTuple):
    """J(θ) = ½ θᵀHθ − bᵀθ."""

    H: Tensor  # [D, D] symmetric
    b: Tensor  # [D]


class Twins(NamedTuple):
    """Gradient descent as it ran and ridge as it was solved: the parts of the minimum that each has reached."""

    eigenvalues: Tensor  # [D]
    rates: Tensor  # [K]
    steps: Tensor  # [R]
    stopped: Tensor  # [R, K, D] by descent, along each direction
    ridged: Tensor  # [R, K, D] by ridge


def least_squares(x_mD: Tensor, y_m: Tensor) -> Quadratic:
    """The quadratic of 1/(2m) ‖Xθ − y‖²."""
    m = len(x_mD)
    return Quadratic(x_mD.T @ x_mD / m, x_mD.T @ y_m / m)


def stopped_factor(eigenvalues: Tensor, rate: float | Tensor, steps: float | Tensor) -> Tensor:
    """1 − (1 − ελ)^τ, elementwise with broadcasting."""
    return 1 - (1 - rate * eigenvalues) ** steps


def ridge_factor(eigenvalues: Tensor, strength: float | Tensor) -> Tensor:
    """λ/(λ + α), elementwise with broadcasting; 0 at α = ∞."""
    return eigenvalues / (eigenvalues + strength)


def matched_strength(rate: float | Tensor, steps: float | Tensor) -> Tensor:
    """The α = 1/(ετ) whose ridge resembles τ steps of size ε; ∞ before the first step."""
    return 1 / torch.as_tensor(rate * steps, dtype=torch.float64)


def descend(problem: Quadratic, rates_K: Tensor, steps: int) -> Tensor:
    """Gradient descent θ ← θ − ε(Hθ − b) from 0, run step by step; [T+1, K, D], a row for each step size."""
    path = problem.b.new_zeros(steps + 1, len(rates_K), len(problem.b))
    for t in range(steps):
        path[t + 1] = path[t] - rates_K[:, None] * (path[t] @ problem.H - problem.b)
    return path


def ridge(problem: Quadratic, strengths_A: Tensor) -> Tensor:
    """The minimum of J + α/2 ‖θ‖² for each α, by a linear solve; [A, D]. All zero at α = ∞."""
    eye = torch.eye(len(problem.b), dtype=problem.b.dtype)
    finite = torch.isfinite(strengths_A)
    alpha = torch.where(finite, strengths_A, torch.ones_like(strengths_A))
    theta = torch.linalg.solve(problem.H + alpha[:, None, None] * eye, problem.b)
    return torch.where(finite[:, None], theta, torch.zeros_like(theta))


def directions(problem: Quadratic) -> tuple[Tensor, Tensor]:
    """Eigenvalues [D] of H in rising order and eigenvectors [D, D], one a column."""
    return torch.linalg.eigh(problem.H)


def factors(theta: Tensor, problem: Quadratic) -> Tensor:
    """How far θ [..., D] has come along each eigenvector, as a part of the minimum of J; [..., D], rising λ."""
    eigenvalues, vectors = directions(problem)
    return (theta @ vectors) / ((problem.b @ vectors) / eigenvalues)


def twins(problem: Quadratic, products: Sequence[float], at: Tensor) -> Twins:
    """Gradient descent at step sizes products/λ_max, run up to the last of the steps `at` [R], and its matched ridge."""
    eigenvalues, _ = directions(problem)
    rates = torch.tensor(products, dtype=problem.b.dtype) / eigenvalues[-1]
    path = descend(problem, rates, int(at[-1]))[at]
    strengths = matched_strength(rates, at[:, None])
    solved = ridge(problem, strengths.flatten()).unflatten(0, strengths.shape)
    return Twins(eigenvalues, rates, at, factors(path, problem), factors(solved, problem))


def largest_gap(top: float, steps: Tensor, points: int = 4000) -> Tensor:
    """The largest |1 − (1 − ελ)^τ − λ/(λ + 1/(ετ))| over every ελ from 0 to `top`, for steps τ [T]; [T].

    On a logarithmic grid of `points` values of ελ. For top ≤ 1 and many steps it tends to
    max over u of 1/(1 + u) − e⁻ᵘ = 0.2036, at u = ετλ = 2.51.
    """
    s = torch.cat([torch.zeros(1, dtype=torch.float64), torch.logspace(-5, 0, points, dtype=torch.float64) * top])
    tau = steps.to(torch.float64)[:, None]
    return (stopped_factor(s, 1.0, tau) - ridge_factor(s, matched_strength(1.0, tau))).abs().amax(-1)
