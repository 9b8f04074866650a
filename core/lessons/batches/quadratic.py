"""SGD on a noisy quadratic never settles: it ends in a ball whose size theory gives.

θ ← θ − ε(λθ + ξ) on L(θ) = λθ²/2, with Var ξ = σ²/m at every step, independent. Then Var θ ← (1 − ελ)² Var θ + ε²σ²/m, whose
fixed point for 0 < ελ < 2 is εσ²/(mλ(2 − ελ)).

Shapes: M batch sizes, R learning rates, W walkers, T steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


def stationary_variance(rate: float, curvature: float, variance: float, m: float) -> float:
    """εσ²/(mλ(2 − ελ)), infinite from ελ = 2 on; `variance` is σ², of one sample's gradient."""
    left = 2 - rate * curvature
    return rate * variance / (m * curvature * left) if left > 0 else float("inf")


@dataclass(frozen=True)
class SGDPaths:
    """SGD on a noisy quadratic, for M batch sizes and R learning rates."""

    path: Tensor  # [M, R, T+1] one walker
    variance: Tensor  # [M, R] over all walkers, mean of the last third of the steps


def simulate_sgd(rates: Sequence[float], sizes: Sequence[int], start: float, steps: int, walkers: int,
                 generator: Generator) -> SGDPaths:
    """SGD with λ = σ = 1 from `start`. Every batch size sees the same noise, divided by √m."""
    rate = torch.tensor(rates, dtype=torch.float64)[:, None]
    scale = torch.tensor(sizes, dtype=torch.float64).rsqrt()[:, None, None]
    theta = torch.full((len(sizes), len(rates), walkers), start, dtype=torch.float64)
    path, total, kept = [theta[..., 0]], torch.zeros(len(sizes), len(rates), dtype=torch.float64), steps // 3
    for t in range(steps):
        noise = torch.randn(len(rates), walkers, generator=generator, dtype=torch.float64)
        theta = theta - rate * (theta + scale * noise)
        path.append(theta[..., 0])
        if t >= steps - kept:
            total += theta.var(-1)
    return SGDPaths(torch.stack(path, -1), total / kept)
