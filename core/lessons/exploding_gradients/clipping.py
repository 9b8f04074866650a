"""Gradient clipping, as torch.nn.utils does it.

Shapes: P parameters; anything before them is a batch of gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

ARMS = {"none": "No clipping", "norm": "Clipped by norm", "value": "Clipped by value"}
TINY = 1e-6  # torch's guard against a norm of 0


def length(g: Tensor) -> Tensor:
    """‖g‖ [...] of g [..., P]. Scaled by the largest coordinate, whose square may be beyond every number."""
    largest = g.abs().amax(-1)
    return largest * torch.linalg.vector_norm(g / largest.clamp_min(1e-300)[..., None], dim=-1)


def clip_norm(g: Tensor, threshold: float | Tensor) -> Tensor:
    """g [..., P] shortened to the norm `threshold` where it is longer: its direction stays. threshold [...] or a number."""
    return g * (threshold / (length(g) + TINY)).clamp(max=1)[..., None]


def clip_value(g: Tensor, threshold: float) -> Tensor:
    """g [..., P] with every coordinate cut to ±threshold: its direction may change."""
    return g.clamp(-threshold, threshold)


def clip(g: Tensor, threshold: float) -> Tensor:
    """g [3, P], a row for each of ARMS, each clipped its own way."""
    return torch.stack([g[0], clip_norm(g[1], threshold), clip_value(g[2], threshold)])
