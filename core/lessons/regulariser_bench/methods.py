"""The regularisers: over which strengths each is searched, where it applies, and what it does to samples or to weights.

Shapes: K nets, P parameters, S seeds, T strengths, C classes, m samples of a batch, E pairs of inputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import MLP, Generators, InputNoise, Penalty, smooth_labels, uniforms
from core.lessons.regulariser_bench.data import SIDE


@dataclass(frozen=True)
class Method:
    """One regulariser. The first strength is off: the net of the shared learning rate with nothing added."""

    name: str
    knob: str  # what its strength is
    strengths: tuple[float, ...]  # [T], from off to the strongest
    job: str  # which of the jobs trains it
    family: str  # of FAMILIES
    only: tuple[str, ...] = ()  # problems that it applies to, all if empty
    why_not: str = ""  # what the other problems lack


BASELINE = "baseline"
METHODS = {
    BASELINE: Method("no regulariser", "parts of ε", (1.0, 0.0625, 0.125, 0.25, 0.5, 2.0), "baseline", "time"),
    "stopping": Method("early stopping", "part of the updates", (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125), "baseline", "time"),
    "averaging": Method("weight averaging", "decay", (0.0, 0.8, 0.9, 0.95, 0.98, 0.99), "baseline", "time"),
    "bagging": Method("bagging", "members", (1.0, 2.0, 3.0, 4.0, 6.0, 8.0), "bagging", "time"),
    "l2": Method("L2", "α", (0.0, 0.003, 0.01, 0.03, 0.1, 0.3), "penalties", "weights"),
    "l1": Method("L1", "α", (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03), "penalties", "weights"),
    "decay": Method("decoupled decay", "λ", (0.0, 0.1, 0.3, 1.0, 3.0, 10.0), "penalties", "weights"),
    "tying": Method("tying", "α", (0.0, 0.003, 0.01, 0.03, 0.1, 0.3), "penalties", "weights", ("digits", "cancer"),
                    "no two inputs measure the same"),
    "weights": Method("weight noise", "σ", (0.0, 0.03, 0.1, 0.2, 0.4, 0.8), "weights", "weights"),
    "inputs": Method("input noise", "σ", (0.0, 0.1, 0.2, 0.4, 0.7, 1.0), "samples", "samples"),
    "mixup": Method("mixup", "α", (0.0, 0.1, 0.3, 1.0, 3.0, 10.0), "samples", "samples"),
    "augmentation": Method("augmentation", "pixels", (0.0, 0.2, 0.4, 0.7, 1.0, 1.5), "samples", "samples", ("digits",),
                           "no move is known to keep the label"),
    "labels": Method("label smoothing", "ε", (0.0, 0.05, 0.1, 0.2, 0.4, 0.6), "samples", "samples"),
    "dropout": Method("dropout", "p", (0.0, 0.1, 0.2, 0.35, 0.5, 0.7), "dropout", "samples"),
}
FAMILIES = {"time": "No regulariser, time and averages", "weights": "On the weights", "samples": "On samples, labels and units"}
TRIALS = 6
TURN = math.radians(10)  # largest turn of a digit that is moved by up to a pixel


class Tying:
    """Ω = α/2 Σ_(i,j) ‖w_i − w_j‖² over pairs of inputs, w_i the weights that lead from input i to the first hidden layer.

    α = 0 leaves the weights free, and as α → ∞ those of a connected group become one: hard sharing. strength [K]."""

    def __init__(self, mlp: MLP, pairs_E2: Tensor, strength: Tensor):
        d = mlp.sizes[0]
        laplacian = torch.zeros(d, d)
        for i, j in pairs_E2.tolist():
            laplacian[i, i] += 1
            laplacian[j, j] += 1
            laplacian[i, j] -= 1
            laplacian[j, i] -= 1
        self.laplacian, self.entry = laplacian, mlp.layout["weight1"]
        self.strength = strength.reshape(-1, 1, 1)

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        weight = theta[:, self.entry.part].unflatten(1, self.entry.shape)
        return (self.strength / 2 * (weight @ self.laplacian.to(theta.dtype)) * weight).sum((1, 2))

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:  # noqa: ARG002
        out = torch.zeros_like(theta)
        weight = theta[:, self.entry.part].unflatten(1, self.entry.shape)
        out[:, self.entry.part] = (self.strength * (weight @ self.laplacian.to(theta.dtype))).flatten(1)
        return out


class ByRows:
    """Penalties that each hold for some rows of theta: (rows, penalty) in any order; other rows are free."""

    def __init__(self, parts: Sequence[tuple[slice, Penalty]]):
        self.parts = parts

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        out = theta.new_zeros(len(theta))
        for rows, penalty in self.parts:
            out[rows] += penalty.value(theta[rows], mask)
        return out

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        out = torch.zeros_like(theta)
        for rows, penalty in self.parts:
            out[rows] += penalty.gradient(theta[rows], mask)
        return out


def beta(alpha: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Draws of Beta(α, α) of independent uniforms u and v on [0, 1), elementwise, float64 (Bailey's polar method, 1994)."""
    cos = torch.cos(2 * math.pi * v.double())
    inverse = torch.expm1(-u.double().log() / alpha.double()).reciprocal()
    return 0.5 + 0.5 * cos / torch.sqrt(inverse + cos * cos)


class Mixing:
    """Mixup of a batch with a permutation of itself, one λ ~ Beta(α, α) for each pair (Zhang et al. 2018). alpha [K]."""

    def __init__(self, alpha: Tensor, ahead: int = 32):
        self.alpha, self.ahead, self.at = alpha, ahead, ahead

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        """x [K, d, m] and y [K, C, m] mixed. Equal generators give equal partners, and λ that differ by α alone."""
        if self.at == self.ahead:
            u, v, order = uniforms(generators, 3, self.ahead, x.shape[-1]).unbind(1)
            self.share = beta(self.alpha.reshape(-1, 1, 1), u.clamp_min(1e-7), v).to(x.dtype)
            self.partner, self.at = order.argsort(-1), 0
        j, lam, self.at = self.partner[:, self.at, None], self.share[:, self.at, None], self.at + 1
        return tuple(lam * part + (1 - lam) * part.gather(-1, j.expand_as(part)) for part in (x, y))  # pyright: ignore


class Moving:
    """Digits shifted by up to r pixels along each axis and turned by up to 10·r degrees, uniformly and anew each time; r [K]."""

    def __init__(self, reach: Tensor, ahead: int = 16):
        self.reach, self.ahead, self.at = reach, ahead, ahead

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        """x [K, d, m] moved, bilinear, with paper beyond the image; y as it is."""
        if self.at == self.ahead:
            self.draws, self.at = 2 * uniforms(generators, self.ahead, 3, x.shape[-1]) - 1, 0
        dx, dy, turn = (self.draws[:, self.at] * self.reach.reshape(-1, 1, 1)).unbind(1)
        self.at += 1
        return moved(x, dx, dy, TURN * turn), y


def moved(x: Tensor, dx: Tensor, dy: Tensor, angle: Tensor) -> Tensor:
    """Digits x [K, d, m] shifted by (dx, dy) pixels and turned by `angle` radians [K, m] about their centre."""
    K, _, m = x.shape
    images = x.transpose(1, 2).reshape(K * m, 1, SIDE, SIDE)
    # Where each pixel comes from, from −1 to 1 between the outer edges of the image.
    at = (torch.arange(SIDE, dtype=x.dtype) + 0.5) * 2 / SIDE - 1
    cos, sin, dx, dy = (part.reshape(-1, 1, 1) for part in (angle.cos(), angle.sin(), dx * 2 / SIDE, dy * 2 / SIDE))
    across = cos * at + (sin * at[:, None] - dx)
    down = cos * at[:, None] - (sin * at + dy)
    out = F.grid_sample(images, torch.stack([across, down], -1), padding_mode="zeros", align_corners=False)
    return out.reshape(K, m, -1).transpose(1, 2)


class Smoothing:
    """Labels (1 − ε) y + ε/C; epsilon [K]."""

    def __init__(self, epsilon: Tensor):
        self.epsilon = epsilon

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return x, smooth_labels(y, self.epsilon)


CHANGES = {"inputs": InputNoise, "labels": Smoothing, "mixup": Mixing, "augmentation": Moving}


def applying(problem: str) -> tuple[str, ...]:
    """Names of the regularisers that the problem has a use for, the baseline first."""
    return tuple(name for name, method in METHODS.items() if not method.only or problem in method.only)
