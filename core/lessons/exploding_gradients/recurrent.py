"""One recurrent unit, h_t = φ(w h_{t−1} + b), and its gradient through time by backpropagation.

The gradient that step t receives from step T is a product, ∂h_T/∂h_t = Π_{s=t+1..T} w φ'(z_s), which is w^{T−t} exactly for
a linear unit and at most (|w| max φ')^{T−t} otherwise. Objective: J(w, b) = (h_T − y)² for one sequence without input
(Pascanu, Mikolov and Bengio 2013, section 2).

Shapes: points (w, b) are theta [..., 2], float64; h [T+1, ...] with h[0] the given state.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

NAMES = {"tanh": "tanh", "sigmoid": "Sigmoid", "linear": "Linear"}
STEEPEST = {"tanh": 1.0, "sigmoid": 0.25, "linear": 1.0}  # the largest φ'
_IN_PLACE = {"tanh": lambda z: np.tanh(z, out=z), "sigmoid": lambda z: torch.sigmoid_(torch.from_numpy(z)), "linear": lambda z: z}
_RISE = {"tanh": lambda h: 1 - h * h, "sigmoid": lambda h: h * (1 - h), "linear": torch.ones_like}  # φ' by the output
_INVERSE = {"tanh": torch.atanh, "sigmoid": torch.logit, "linear": lambda h: h}


def unroll(theta: Tensor, unit: str, start: float, T: int) -> Tensor:
    """The states h [T+1, ...] of a unit that begins at h_0 = start."""
    w, b = theta.unbind(-1)
    h = theta.new_empty(T + 1, *w.shape)
    h[0] = start
    # For the few points of a run NumPy takes a third of torch's time, nearly all of which is the calls; to hand each state to
    # `core.engine.activations`, which take tensors, would cost as much again.
    multiplier, shift, values = w.numpy(), b.numpy(), h.numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        for before, now in itertools.pairwise(values[t, ...] for t in range(T + 1)):
            np.multiply(multiplier, before, out=now)
            np.add(now, shift, out=now)
            _IN_PLACE[unit](now)
    return h


def through_time(theta: Tensor, unit: str, h: Tensor) -> Tensor:
    """∂h_T/∂h_t [T+1, ...] at every t; the last is 1."""
    factor = theta[..., 0] * _RISE[unit](h[1:])
    return torch.cat([factor, torch.ones_like(h[:1])]).flip(0).cumprod(0).flip(0)


def log_through(theta: Tensor, unit: str, h: Tensor) -> Tensor:
    """log |∂h_T/∂h_0| [...], which needs no float for a product that is too small for one; −inf where w = 0."""
    w, b = theta.unbind(-1)
    z = w * h[:-1] + b
    rise = {"tanh": lambda: 2 * (math.log(2) - z.abs() - softplus(-2 * z.abs())), "sigmoid": lambda: -softplus(z) - softplus(-z),
            "linear": lambda: torch.zeros_like(z)}[unit]()
    return (w.abs().log() + rise).sum(0)


def value(theta: Tensor, unit: str, start: float, T: int, target: float) -> Tensor:
    """J [...]."""
    return (unroll(theta, unit, start, T)[-1] - target) ** 2


def gradient(theta: Tensor, unit: str, h: Tensor, target: float) -> tuple[Tensor, Tensor]:
    """∂J/∂(w, b) [..., 2] and the ∂h_T/∂h_t [T+1, ...] that it is made of."""
    back = through_time(theta, unit, h)
    each = 2 * (h[-1] - target) * back[1:] * _RISE[unit](h[1:])
    return torch.stack([(each * h[:-1]).sum(0), each.sum(0)], -1), back


def cliff(w: Tensor, unit: str, start: float) -> Tensor:
    """The b [n] at which, as T grows, J jumps; NaN for a w [n] that has no cliff (a linear unit has none in b).

    For w max φ' > 1 the unit has three resting states for some b, and h_0 falls to the upper or to the lower one. They part
    where h_0 rests on the middle one, or, for an h_0 outside the two states h± with w φ'(h±) = 1, where the nearer of
    these ceases to be. For w max φ' < −1 its one resting state h repels if |w| φ'(h) > 1: the unit then swings between
    a state above it and one below it, and which of them comes first parts where h_0 is that state. An h_0 outside
    h± is never a state that repels, so there is no cliff.
    """
    if unit == "linear":
        return torch.full_like(w, torch.nan)
    steep = w.abs() * STEEPEST[unit]
    half = torch.sqrt(1 - 1 / steep.where(steep > 1, torch.nan))
    middle, reach = (0.0, 1.0) if unit == "tanh" else (0.5, 0.5)
    h = torch.full_like(w, start).clamp(middle - reach * half, middle + reach * half)
    return (_INVERSE[unit](h) - w * h).where((w > 0) | (h == start), torch.nan)


def valley(w: Tensor, unit: str, start: float, T: int, target: float) -> Tensor:
    """The b [n] at which J = 0 for w [n], NaN where there is none: exact for a linear unit, the limit of T → ∞ otherwise.

    In the limit the unit comes to rest, so y = φ(w y + b). For |w| max φ' ≤ 1 it does so from everywhere; beyond that only if
    w φ'(y) < 1 and y lies on the side of the cliff that h_0 falls to. Below −1 it may swing, and NaN stands there.
    """
    if unit == "linear":
        powers = torch.where(w == 1, T, (1 - w**T) / (1 - w))
        return ((target - w**T * start) / powers).where(powers != 0, torch.nan)
    y = torch.full_like(w, target)
    b, edge = _INVERSE[unit](y) - w * y, cliff(w, unit, start)
    upper = target >= (0.0 if unit == "tanh" else 0.5)
    reached = edge.isnan() | ((b > edge) if upper else (b < edge))
    return b.where((w * _RISE[unit](y) < 1) & reached & (w * STEEPEST[unit] >= -1), torch.nan)

