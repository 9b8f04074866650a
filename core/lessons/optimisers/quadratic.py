"""What theory says of steps on a quadratic ½ Σ λᵢ θᵢ², for gradient descent and its two kinds of momentum.

Sources: Polyak 1964; Nesterov 2004, section 2.2; the lecture's v ← αv − εg, θ ← θ + v.
"""

from __future__ import annotations

import torch
from torch import Tensor


def descent(start: Tensor, curvature: Tensor, rate: float, t: Tensor) -> Tensor:
    """Loss of gradient descent after t steps, in closed form: ½ Σ λᵢ (1 − ελᵢ)²ᵗ θᵢ².

    start, curvature [P]; t [T] -> [T].
    """
    return (0.5 * curvature * start**2 * (1 - rate * curvature).abs() ** (2 * t[:, None])).sum(-1)


def contraction(method: str, rate: Tensor, curvature: Tensor, alpha: float) -> Tensor:
    """The factor by which the distance shrinks per step in the long run, on a quadratic: a spectral radius.

    method: sgd, momentum or nesterov; rate [R], curvature [P] -> [R], the worst over the curvatures. With αᵥ = α for
    momentum, the roots of z² − (1 + α − ελ)z + α; for Nesterov, of z² − (1 + α)(1 − ελ)z + α(1 − ελ).
    """
    step = rate[:, None] * curvature
    if method == "sgd":
        return (1 - step).abs().amax(-1)
    if method == "momentum":
        b, c = 1 + alpha - step, torch.full_like(step, alpha)
    elif method == "nesterov":
        b, c = (1 + alpha) * (1 - step), alpha * (1 - step)
    else:
        raise ValueError(f"method must be sgd, momentum or nesterov, not {method!r}")
    root = torch.sqrt(torch.complex(b * b - 4 * c, torch.zeros_like(b)))
    return torch.maximum((b + root).abs(), (b - root).abs()).div(2).amax(-1)


def stability_limit(method: str, alpha: float) -> float:
    """The product ε·λ beyond which a method diverges on a quadratic of curvature λ."""
    return {"sgd": 2.0, "noisy_sgd": 2.0, "momentum": 2 * (1 + alpha), "nesterov": 2 * (1 + alpha) / (1 + 2 * alpha)}[method]
