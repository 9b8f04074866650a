"""Four losses of the margin that stand in for the 0-1 loss, their slopes, and the score that each of them wants.

With labels y = ±1 and a score f, the margin is z = yf. The 0-1 loss is 1 where z ≤ 0. Each surrogate is convex, has a slope
below 0 at z = 0 and lies on or above the 0-1 loss everywhere; the logistic one does so in bits, not in nats:

    squared (1 − z)²      hinge max(0, 1 − z)      logistic log₂(1 + e⁻ᶻ)      exponential e⁻ᶻ

Where P(y = 1 | x) = η, the expected loss is least at f = 2η − 1, sign(2η − 1), ln η/(1 − η) and half of that, in turn
(Bartlett, Jordan and McAuliffe 2006). All four have the sign that makes the fewest errors.

Shapes: K rows, in blocks of four, one for each loss in the order of LOSSES; n samples. out [K, 1, n], y [1 or K, 1, n] ±1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import Loss

LOSSES = {"squared": "Squared", "hinge": "Hinge", "logistic": "Logistic", "exponential": "Exponential"}


def phi(loss: str, z: Tensor) -> Tensor:
    """The loss at margin z, elementwise."""
    if loss == "squared":
        return (1 - z).square()
    if loss == "hinge":
        return (1 - z).clamp_min(0)
    # Beyond 40, softplus is the identity to the last bit of float64.
    return F.softplus(-z, 1, 40) / math.log(2) if loss == "logistic" else (-z).exp()


def slope(loss: str, z: Tensor) -> Tensor:
    """dφ/dz, elementwise; the hinge's is 0 at its corner."""
    if loss == "squared":
        return 2 * (z - 1)
    if loss == "hinge":
        return -(z < 1).to(z.dtype)
    return -torch.sigmoid(-z) / math.log(2) if loss == "logistic" else -(-z).exp()


def wanted(loss: str, log_odds: Tensor) -> Tensor:
    """The score of least expected loss where ln η/(1 − η) is log_odds, elementwise."""
    if loss == "squared":
        return torch.tanh(log_odds / 2)
    return {"hinge": torch.sign(log_odds), "logistic": log_odds, "exponential": log_odds / 2}[loss]


def _blocks(z: Tensor) -> list[Tensor]:
    return list(z.unflatten(0, (-1, len(LOSSES))).unbind(1))


def _joined(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts, 1).flatten(0, 1)


def _value(out: Tensor, y: Tensor) -> Tensor:
    return _joined([phi(loss, z) for loss, z in zip(LOSSES, _blocks(out * y), strict=True)]).mean((1, 2))


def _gradient(out: Tensor, y: Tensor) -> Tensor:
    slopes = _joined([slope(loss, z) for loss, z in zip(LOSSES, _blocks(out * y), strict=True)])
    return slopes * y / out.shape[-1]


def _error(out: Tensor, y: Tensor) -> Tensor:
    return (out * y <= 0).to(out.dtype).mean((1, 2))


four = Loss(_value, _gradient, _error, "four surrogates")
"""Row k is trained on the loss k mod 4; a mean over the samples. The error is the 0-1 loss."""
