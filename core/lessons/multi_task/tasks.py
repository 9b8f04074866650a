"""T tasks of adjustable relatedness, their samples, and what least squares does with linear ones.

The tasks are of two camps, half of them each, s = +1 and −1. With unit vectors u ⊥ v drawn at random,

    w_t = √((1 + ρ)/2) u + s_t √((1 − ρ)/2) v        y = w_t · φ(x) + σ e

so ‖w_t‖ = 1 and w of two camps have the product ρ: identical tasks at 1, opposite ones at −1.
Linear tasks have φ(x) = x ~ N(0, I_D); curves have φ_k(x) = √2 cos(kπ(x + 1)/2), orthonormal for x uniform on [−1, 1].
A test loss is the expected squared error above the noise: ‖ŵ − w_t‖² where the tasks are linear.

Shapes: R relatednesses, S seeds, T tasks, D features, n samples of each task, N = T n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import Generators, normals, uniforms

RELATEDNESS = tuple(i / 4 for i in range(-4, 5))  # ρ, from opposite to identical
SAMPLES = (8, 12, 20, 32, 48)  # n of each task
DIMENSIONS = {"linear": 4, "curves": 3}


@dataclass(frozen=True)
class Tasks:
    """The largest training set of every seed; smaller ones are its beginning. Noise and inputs are the same at every ρ."""

    problem: str
    u: Tensor  # [S, D] what the tasks have in common
    v: Tensor  # [S, D] what sets the camps apart
    truth: Tensor  # [R, S, T, D] w
    x: Tensor  # [S, T, d, n] inputs
    phi: Tensor  # [S, T, D, n] features
    y: Tensor  # [R, S, T, n] targets


def camps(tasks: int) -> Tensor:
    """s [T] float64: +1, −1, +1, ..."""
    return 1.0 - 2.0 * (torch.arange(tasks) % 2).double()


def parts(relatedness: float) -> tuple[float, float]:
    """The lengths of what tasks have in common and of what sets them apart."""
    return math.sqrt((1 + relatedness) / 2), math.sqrt((1 - relatedness) / 2)


def features(x: Tensor, D: int) -> Tensor:
    """√2 cos(kπ(x + 1)/2), k = 1..D, of x [..., 1, n]: [..., D, n]."""
    k = torch.arange(1, D + 1, dtype=x.dtype)[:, None]
    return math.sqrt(2) * (k * math.pi * (x + 1) / 2).cos()


def draw_tasks(problem: str, tasks: int, noise: float, rngs: Generators) -> Tasks:
    """Truths and samples in float64, seed by seed."""
    D, n = DIMENSIONS[problem], SAMPLES[-1]
    frame = torch.linalg.qr(normals(rngs, D, 2, dtype=torch.float64)).Q
    u, v = frame[..., 0], frame[..., 1]
    a, b = torch.tensor([parts(r) for r in RELATEDNESS], dtype=torch.float64).T[..., None, None, None]
    truth = a * u[:, None] + b * camps(tasks)[:, None] * v[:, None]
    if problem == "linear":
        x = phi = normals(rngs, tasks, D, n, dtype=torch.float64)
    else:
        x = 2 * uniforms(rngs, tasks, 1, n, dtype=torch.float64) - 1
        phi = features(x, D)
    y = torch.einsum("rstd,stdn->rstn", truth, phi) + noise * normals(rngs, tasks, n, dtype=torch.float64)
    return Tasks(problem, u, v, truth, x, phi, y)


def least_squares(phi: Tensor, y: Tensor) -> Tensor:
    """ŵ [R, S, D] that minimises the mean of (y − ŵ·φ)², for phi [S, D, n] and y [R, S, n]."""
    moments = torch.einsum("sdn,rsn->sdr", phi, y)
    return torch.linalg.solve(phi @ phi.mT, moments).permute(2, 0, 1)


def fit_separate(tasks: Tasks, n: int) -> Tensor:
    """ŵ [R, S, T, D]: each task from its own n samples."""
    fits = [least_squares(tasks.phi[:, t, :, :n], tasks.y[:, :, t, :n]) for t in range(tasks.phi.shape[1])]
    return torch.stack(fits, 2)


def fit_shared(tasks: Tasks, n: int, one_hot: bool = False) -> tuple[Tensor, Tensor]:
    """ŵ [R, S, T, D], the same for all tasks, from all N samples, and biases [R, S, T]: those of a one-hot z, or 0."""
    S, T, D, _ = tasks.phi.shape
    phi = tasks.phi[..., :n]
    if one_hot:
        z = torch.eye(T, dtype=phi.dtype)[:, :, None].expand(S, T, T, n)
        phi = torch.cat([phi, z], 2)
    w = least_squares(phi.transpose(1, 2).flatten(2), tasks.y[..., :n].flatten(2))
    bias = w[..., D:] if one_hot else w.new_zeros(*w.shape[:2], T)
    return w[..., None, :D].expand(-1, -1, T, -1), bias


def separate_loss(n: float, D: int, noise: float) -> float:
    """E ‖ŵ − w‖² of least squares on n samples of N(0, I_D): σ² D / (n − D − 1), for n > D + 1."""
    return noise**2 * D / (n - D - 1)


def shared_loss(n: float, tasks: int, D: int, noise: float, relatedness: float) -> float:
    """The same for all N = T n samples together: bias² of sharing, what the camps' unequal samples add to it, variance.

    b² (1 + [(N − 2) + N (N D − 2)/(N − D − 1)] / [(N + 2)(N − 1)]) + σ² D / (N − D − 1),   b² = (1 − ρ)/2.

    With S_A and S_B the camps' Wishart matrices the middle part is E ‖(S_A + S_B)⁻¹ (S_A − S_B) b v‖²."""
    N = tasks * n
    return (1 - relatedness) / 2 * (1 + _wobble(N, D)) + separate_loss(N, D, noise)


def _wobble(N: float, D: int) -> float:
    return ((N - 2) + N * (N * D - 2) / (N - D - 1)) / ((N + 2) * (N - 1))


def joined_loss(n: float, tasks: int, D: int, noise: float, relatedness: float) -> float:
    """The same with a one-hot z, a bias for each task: (1 + 1/n) b + σ²/n.

    The slope is that of the samples with each task's own mean taken away, which leaves n − 1 of them (Frisch and Waugh):
    its loss is b = shared_loss(n − 1). The bias (w_t − ŵ)·x̄_t + ē_t errs by b/n + σ²/n, both means being independent of ŵ."""
    return (1 + 1 / n) * shared_loss(n - 1, tasks, D, noise, relatedness) + noise**2 / n


def theoretical_edge(n: float, tasks: int, D: int, noise: float, one_hot: bool = False) -> float:
    """The relatedness ρ at which both expected losses are equal; sharing harms below it. It may lie below −1."""
    law = joined_loss if one_hot else shared_loss
    opposite, identical = (law(n, tasks, D, noise, rho) for rho in (-1, 1))  # a straight line in ρ
    return 1 - 2 * (separate_loss(n, D, noise) - identical) / (opposite - identical)


def edge(relatedness: Tensor, difference: Tensor) -> float:
    """Where difference [R], shared minus separate, falls below 0 for good: ρ, interpolated.

    −1 where it is below 0 all along, +∞ where it is not below 0 at the last ρ."""
    above = (difference >= 0).nonzero().flatten()
    if not len(above):
        return -1.0
    k = int(above[-1])
    if k == len(difference) - 1:
        return math.inf
    share = float(difference[k] / (difference[k] - difference[k + 1]))
    return float(relatedness[k] + share * (relatedness[k + 1] - relatedness[k]))
