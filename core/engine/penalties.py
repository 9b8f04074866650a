"""Penalties on parameters, proximal steps and norm constraints.

The objective is J + Ω, with

    L2           Ω = α/2 Σ w²              (the lecture's α/2 wᵀw)
    L1           Ω = α Σ |w|
    ElasticNet   Ω = α (ρ Σ |w| + (1 - ρ)/2 Σ w²)     (scikit-learn's alpha and l1_ratio)

summed over the parameters where the mask is 1. The engine passes `mlp.weight_mask()`, so biases are free;
None penalises everything. Strengths are numbers or one per model [K].

Shapes: K models, P parameters. theta [K, P], mask [P], values [K].
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Rate = float | Tensor


class Penalty(Protocol):
    """What `train` and `gradient` accept as a penalty."""

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        """Ω of each model, [K]."""
        ...

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        """A (sub)gradient of Ω, [K, P]."""
        ...


def per_row(value: Rate, field: str) -> Rate:
    """A number as it is; one per model ([K] or [K, 1]) as [K, 1]. ValueError if negative or NaN."""
    if isinstance(value, Tensor):
        if not bool((value >= 0).all()):
            raise ValueError(f"{field}={value.tolist()}: must be at least 0")
        return value.reshape(-1, 1) if value.ndim else float(value)
    if not value >= 0:
        raise ValueError(f"{field}={value}: must be at least 0")
    return value


def _masked(theta: Tensor, mask: Tensor | None) -> Tensor:
    return theta if mask is None else theta * mask


@dataclass(frozen=True, eq=False)
class ElasticNet:
    """α (ρ ‖w‖₁ + (1 - ρ)/2 ‖w‖²); strength is α, l1_ratio is ρ. The subgradient of |w| at 0 is 0."""

    strength: Rate
    l1_ratio: Rate = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", per_row(self.strength, "strength"))
        object.__setattr__(self, "l1_ratio", per_row(self.l1_ratio, "l1_ratio"))
        if not bool(torch.as_tensor(self.l1_ratio <= 1).all()):
            raise ValueError(f"l1_ratio={self.l1_ratio}: must be at most 1")

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        w = _masked(theta, mask)
        terms = self.l1_ratio * w.abs() + (1 - self.l1_ratio) / 2 * w.square()
        return (self.strength * terms).sum(1)

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        w = _masked(theta, mask)
        return self.strength * (self.l1_ratio * w.sign() + (1 - self.l1_ratio) * w)


@dataclass(frozen=True, eq=False)
class L2:
    """α/2 ‖w‖²; strength is α."""

    strength: Rate

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", per_row(self.strength, "strength"))

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        return (self.strength / 2 * _masked(theta, mask).square()).sum(1)

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.strength * _masked(theta, mask)


@dataclass(frozen=True, eq=False)
class L1:
    """α ‖w‖₁; strength is α. The subgradient at 0 is 0, and weights never stay there: for exact zeros take
    proximal steps with `soft_threshold`."""

    strength: Rate

    def __post_init__(self) -> None:
        object.__setattr__(self, "strength", per_row(self.strength, "strength"))

    def value(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        return (self.strength * _masked(theta, mask).abs()).sum(1)

    def gradient(self, theta: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.strength * _masked(theta, mask).sign()


def soft_threshold(w: Tensor, threshold: Rate) -> Tensor:
    """The proximal map of threshold · ‖w‖₁: sign(w) max(|w| - threshold, 0), with exact zeros. Shape of w;
    the threshold is a number or broadcasts against w ([K, 1] for one per model)."""
    return w.sign() * (w.abs() - threshold).clamp_min(0)


def max_norm(weight: Tensor, bound: float) -> Tensor:
    """Rows of weight [..., in] scaled down to at most `bound` in Euclidean norm (Srivastava et al. 2014)."""
    norms = weight.norm(dim=-1, keepdim=True)
    return weight * (bound / norms.clamp_min(bound))
