"""Least squares in every capacity, past the point where it interpolates, and what to expect of it in closed form.

Objective: 1/N ‖y − Ψθ‖² + λ ‖θ‖². At λ = 0 and p > N many θ fit equally well; taken is the one of least norm, the limit
λ → 0. With Ψ = U diag(s) Vᵀ the fit is θ = V diag(g) Uᵀ y, g = s/(s² + Nλ), and the fitted values are Hy, H = U diag(sg) Uᵀ.

Given the inputs, y = f + ε with independent noise of variance σ², so that in expectation over the noise

    J      1/N ‖(I − H) f‖² + σ²/N tr (I − H)²
    fresh  1/N ‖(I − H) f‖² + σ² + σ²/N tr H²          the same inputs, other noise
    J*     σ² + E_x (f − f̂)² + σ² E_x ‖ψ(x)ᵀ V diag(g)‖²    noise + bias² + variance, f̂ the fit to f

Where the model holds f and λ = 0, p ≤ N, the first two are σ²(1 − p/N) and σ²(1 + p/N). E_x is Gauss–Legendre
quadrature, exact for polynomials of degree below 2Q.

Shapes: S draws, N samples, p features of P, Q nodes, r = min(N, p).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Population(NamedTuple):
    """p_data on Q nodes; psi and f times the square root of the node's probability."""

    psi: Tensor  # [1 or S, Q, P] features
    f: Tensor  # [Q] truth
    sigma: float  # standard deviation of the noise


class Factors(NamedTuple):
    """A singular value decomposition for each of S draws."""

    U: Tensor  # [S, N, r]
    s: Tensor  # [S, r]
    Vt: Tensor  # [S, r, p]
    gain: Tensor  # [S, r] g, 0 where s is zero to rounding


class Expected(NamedTuple):
    """Expectations over the noise, given the inputs, [S] each; J* = σ² + bias + variance."""

    J: Tensor
    fresh: Tensor
    bias: Tensor
    variance: Tensor


def legendre(x: Tensor, P: int) -> Tensor:
    """√(2j + 1) P_j(x) for j < P, orthonormal for x uniform on [−1, 1]; [...] -> [..., P]."""
    columns = [torch.ones_like(x), x]
    for j in range(1, P - 1):
        columns.append(((2 * j + 1) * x * columns[-1] - j * columns[-2]) / (j + 1))
    return torch.stack(columns[:P], -1) * torch.sqrt(2 * torch.arange(P, dtype=x.dtype) + 1)


@lru_cache(maxsize=4)
def quadrature(Q: int) -> tuple[Tensor, Tensor]:
    """Gauss–Legendre nodes [Q] on [−1, 1] and their probabilities [Q] under the uniform distribution, float64."""
    nodes, weights = np.polynomial.legendre.leggauss(Q)
    return torch.from_numpy(nodes), torch.from_numpy(weights / 2)


def factorise(psi: Tensor, penalty: float = 0.0) -> Factors:
    """The singular values of psi [S, N, p] and what least squares makes of them."""
    U, s, Vt = torch.linalg.svd(psi, full_matrices=False)
    N, p = psi.shape[-2:]
    kept = s > torch.finfo(s.dtype).eps * max(N, p) * s[..., :1]
    return Factors(U, s, Vt, torch.where(kept, s / torch.where(kept, s**2 + N * penalty, 1.0), 0.0))


def solve(factors: Factors, y: Tensor) -> Tensor:
    """The coefficients θ [S, p] for targets y [S, N]: least norm among the best where there is no penalty."""
    along = factors.gain * (factors.U.mT @ y[..., None])[..., 0]
    return (factors.Vt.mT @ along[..., None])[..., 0]


def empirical(psi: Tensor, y: Tensor, theta: Tensor) -> Tensor:
    """J(θ) = 1/N ‖y − Ψθ‖², [S]."""
    return (y - applied(psi, theta)).square().mean(-1)


def expected_risk(population: Population, theta: Tensor) -> Tensor:
    """J*(θ) = E (y − ψ(x)ᵀθ)² over p_data, [S]."""
    return population.sigma**2 + misfit(population, theta)


def misfit(population: Population, theta: Tensor) -> Tensor:
    """E (f(x) − ψ(x)ᵀθ)², [S]."""
    return (population.f - applied(population.psi[..., : theta.shape[-1]], theta)).square().sum(-1)


def applied(psi: Tensor, theta: Tensor) -> Tensor:
    """ψ(x)ᵀθ of features [1 or S, n, p] and coefficients [S, p]; [S, n]."""
    # Broadcasting a product of matrices would copy shared features once for every row.
    return theta @ psi[0].mT if len(psi) == 1 else (psi @ theta[..., None])[..., 0]


def expectations(factors: Factors, f: Tensor, population: Population) -> Expected:
    """What the sample's noise makes of J, of the fresh risk and of J* on average, for f [S, N]."""
    N, variance = f.shape[-1], population.sigma**2
    h = factors.s * factors.gain
    inside = (factors.U.mT @ f[..., None])[..., 0]
    # (I − H)f: what of f lies outside the range of Ψ, and what the penalty holds back inside it.
    outside = f - (factors.U @ inside[..., None])[..., 0]
    missed = (outside.square().sum(-1) + ((1 - h) * inside).square().sum(-1)) / N
    spread = population.psi[..., : factors.Vt.shape[-1]] @ (factors.Vt.mT * factors.gain[..., None, :])
    return Expected(
        J=missed + variance * (N - h.shape[-1] + (1 - h).square().sum(-1)) / N,
        fresh=missed + variance * (1 + h.square().sum(-1) / N),
        bias=misfit(population, solve(factors, f)), variance=variance * spread.square().sum((-1, -2)),
    )
