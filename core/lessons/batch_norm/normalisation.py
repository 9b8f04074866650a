"""Normalisation: Algorithm 1 line by line, and the family that differs in what it averages over.

    x̂ = (x - μ)/√(σ² + δ),   y = γ x̂ + β,   σ² the biased variance over the averaged set

Algorithm 1 is Ioffe and Szegedy (2015); its ε is δ here, because ε is the learning rate. The averaged set of an
element of x [N, C, positions]: its channel in all samples (batch norm), all channels of its sample (layer norm,
Ba et al. 2016), its group of channels in its sample (group norm, Wu and He 2018), or its channel in its sample
(instance norm, Ulyanov et al. 2016). γ and β belong to a channel.

Shapes: N samples (m of a batch), C channels, P positions, T batches.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

DELTA = 1e-5  # the default of torch.nn


class Lines(NamedTuple):
    """What each line of Algorithm 1 leaves, for a batch x [m, ...] normalised over its first dimension."""

    x: Tensor
    mean: Tensor
    var: Tensor
    centred: Tensor
    xhat: Tensor
    y: Tensor


def algorithm_1(x: Tensor, gamma: Tensor | float = 1.0, beta: Tensor | float = 0.0, delta: float = DELTA) -> Lines:
    """Batch Normalizing Transform of x [m, ...]; mean and var [1, ...]."""
    mean = x.sum(0, keepdim=True) / len(x)
    centred = x - mean
    var = (centred * centred).sum(0, keepdim=True) / len(x)
    xhat = centred / (var + delta).sqrt()
    y = gamma * xhat + beta
    return Lines(x, mean, var, centred, xhat, y)


def averaged(kind: str, shape: tuple[int, int, int], at: tuple[int, int], groups: int) -> Tensor:
    """Bool [N, C, P]: the elements whose mean and variance normalise sample n, channel c; at = (n, c)."""
    N, C, P = shape
    n, c = at
    out = torch.zeros(N, C, P, dtype=torch.bool)
    width = C // groups
    first = c // width * width
    place: dict[str, tuple[slice, slice]] = {
        "batch": (slice(None), slice(c, c + 1)),
        "layer": (slice(n, n + 1), slice(None)),
        "group": (slice(n, n + 1), slice(first, first + width)),
        "instance": (slice(n, n + 1), slice(c, c + 1)),
    }
    if kind != "none":
        out[place[kind]] = True
    return out


def running_average(values: Tensor, start: float, momentum: float) -> Tensor:
    """The moving average r ← (1 - α) r + α b of b [T, ...] from r = start: [T+1, ...], in closed form.

    r_t = (1-α)^t start + α Σ_{k<t} (1-α)^{t-1-k} b_k, as torch.nn updates its running statistics.
    """
    T = len(values)
    t = torch.arange(T + 1)[:, None]
    age = t - 1 - torch.arange(T)
    weights = torch.where(age >= 0, momentum * (1.0 - momentum) ** age.clamp_min(0).double(), 0.0)
    kept = (1.0 - momentum) ** t.double()
    flat = values.reshape(T, math.prod(values.shape[1:])).double()
    return (kept * start + weights @ flat).reshape(T + 1, *values.shape[1:])
