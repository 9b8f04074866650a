"""Noise in a linear model, where its effect is exact.

    f = φᵀw + c        J(w, c) = 1/N Σ_n (φ_nᵀw + c − y_n)²        (the mean objective, without ½)

    inputs   E J with φ + σξ is J + σ² ‖w‖²: ridge with σ² for the mean, Nσ² for the sum of squares; c is not penalised
    weights  E J with (w, c) + σξ is J + σ² (mean ‖φ‖² + 1): nothing that w could change
    labels   the fit to (1 − ε) y + ε/K is (1 − ε) f + ε/K, as a fit by least squares is linear in its targets

φ: polynomials of x on the curve, x₁, x₂ and their products for points in the plane. The noise is on φ, which is what this model
takes in.

float64. Shapes: S seeds, N samples, d features, L strengths, M numbers of copies, R copies, F factors, G places.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from core.engine import Generators, normals
from core.lessons.noise.data import HALF, Data

DEGREE = 9
LEAST = 1e-10  # directions of a smaller part of the greatest variance have none: points on a line, too few of them


def polynomials(x: Tensor, half: float) -> Tensor:
    """Legendre polynomials of degree 1 to DEGREE of x/half, times √(2k + 1): mean 0 and variance 1 for x uniform on ±half.

    x [...], returns [..., DEGREE]."""
    u = x.to(torch.float64) / half
    found = [torch.ones_like(u), u]
    for k in range(1, DEGREE):
        found.append(((2 * k + 1) * u * found[k] - k * found[k - 1]) / (k + 1))
    return torch.stack([(2 * k + 1) ** 0.5 * p for k, p in enumerate(found)][1:], -1)


def features(data: Data) -> tuple[Tensor, Tensor]:
    """Of the samples [S, N, d], and of the places where the first seed's fit is drawn [G, d]."""
    if not data.own:
        return polynomials(data.x[:, 0], HALF), polynomials(data.drawn[0], HALF)
    phi, along = products(data.x), products(data.drawn)
    middle, spread = phi.mean(1, keepdim=True), phi.std(1, correction=0, keepdim=True)
    spread = torch.where(spread > 1e-6, spread, 1)  # of the few that train all may have one value
    return (phi - middle) / spread, (along - middle[0]) / spread[0]


def products(x: Tensor) -> Tensor:
    """x₁, x₂, x₁², x₁x₂ and x₂² of x [..., 2, n]: [..., n, 5] in float64."""
    a, b = x.to(torch.float64).unbind(-2)
    return torch.stack([a, b, a * a, a * b, b * b], -1)


def ridge(phi: Tensor, y: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor]:
    """The minimiser of 1/N Σ (φᵀw + c − y)² + penalty ‖w‖²: w [L, S, d] and c [L, S]; penalty [L] is σ².

    Where penalty 0 has many, the one of the least norm. phi [S, N, d], y [S, N]."""
    middle, level = phi.mean(1), y.mean(1)
    centred = phi - middle[:, None]
    square = centred.mT @ centred / phi.shape[1]
    towards = (centred * (y - level[:, None])[..., None]).mean(1)
    eye = torch.eye(phi.shape[-1], dtype=phi.dtype)
    w = solve(square + penalty.reshape(-1, 1, 1, 1) * eye, towards.expand(len(penalty), *towards.shape))
    return w, level - (w * middle).sum(-1)


def solve(square: Tensor, towards: Tensor) -> Tensor:
    """The least x with square x = towards, for square [..., d, d] and towards [..., d]."""
    return torch.linalg.lstsq(square, towards[..., None], rcond=LEAST, driver="gelsd").solution[..., 0]


def noisy_fits(phi: Tensor, y: Tensor, sigma: Tensor, copies: list[int], rngs: Generators) -> tuple[Tensor, Tensor]:
    """Least squares on copies of the samples whose features have noise: the fit to the first R of them, for each R of `copies`,
    which grow.

    All strengths see the same ξ. phi [S, N, d], y [S, N], sigma [L]. Returns w [M, L, S, d] and c [M, L, S]. Two copies or more
    than d/N are needed for one answer; with fewer it is that of the least norm.
    """
    N, d = phi.shape[1:]
    xi = normals(rngs, max(copies), N, d, dtype=phi.dtype)
    counts = torch.tensor(copies, dtype=phi.dtype).reshape(-1, 1, 1, 1)
    blocks = xi.split([b - a for a, b in pairwise([0, *copies])], 1)  # what each R has more than the one before
    rows = [block.flatten(1, 2) for block in blocks]
    mean = torch.stack([block.sum(1) for block in blocks]).cumsum(0) / counts  # over the first R copies, [M, S, N, d]
    square = torch.stack([r.mT @ r for r in rows]).cumsum(0) / (N * counts)  # [M, S, d, d]
    s = sigma.reshape(-1, 1, 1, 1)
    cross = phi.mT @ mean / N
    gram = phi.mT @ phi / N + s * (cross + cross.mT)[:, None] + s * s * square[:, None]  # [M, L, S, d, d]
    middle = phi.mean(1) + s[..., 0] * mean.mean(2)[:, None]  # [M, L, S, d]
    towards = (phi * y[..., None]).mean(1) + s[..., 0] * (mean * y[..., None]).mean(2)[:, None]
    level = y.mean(1)
    centred = gram - middle[..., :, None] * middle[..., None, :]
    w = solve(centred, towards - middle * level[:, None])
    return w, level - (w * middle).sum(-1)


def added(phi: Tensor, y: Tensor, w: Tensor, c: Tensor, sigma: tuple[Tensor, Tensor], draws: int,
          rngs: Generators) -> tuple[Tensor, Tensor]:
    """What noise adds to J at w, measured over draws of ±ξ: on features [L, F], on weights [L, F].

    One data set: phi [N, d], y [N]; weights w [F, d], c [F]; sigma: (σ [L] on features, σ [L] on weights); rngs of one.
    """
    N, d = phi.shape
    off = w @ phi.T + c[:, None] - y  # [F, N]
    clean = off.square().mean(1)
    xi, zeta = normals(rngs, draws, N, d, dtype=phi.dtype)[0], normals(rngs, draws, d + 1, dtype=phi.dtype)[0]
    moved = xi @ w.T  # [R, N, F], what noise of strength 1 moves the outputs by
    shifted = zeta @ torch.cat([phi.T, phi.new_ones(1, N)])  # [R, N]

    def rise(by: Tensor) -> Tensor:
        return torch.stack([(off + by).square(), (off - by).square()]).mean((0, 1, 3)) - clean

    features = torch.stack([rise(s * moved.mT) for s in sigma[0]])
    weights = torch.stack([rise(s * shifted[:, None]) for s in sigma[1]])
    return features, weights


def least_squares(points: Tensor, targets: Tensor) -> Tensor:
    """Outputs [..., K, n] of the linear fit with intercepts of targets [..., K, n] on points [d, n]."""
    design = torch.cat([points, points.new_ones(1, points.shape[1])]).T  # [n, d + 1]
    q = torch.linalg.qr(design).Q
    return (targets @ q) @ q.T
