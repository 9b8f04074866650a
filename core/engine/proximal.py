"""Proximal steps for L1 beside any of the optimisers: weights that are exactly zero, and come back when the loss asks for it.

After an update that knows nothing of the penalty, w <- sign(w) max(|w| - α s, 0), where s is what the update multiplies a
gradient by that stays as it is: the learning rate for plain SGD, ε/(1 - μ) with momentum, ε/(√v̂ + δ), one for each weight, for
adaptive methods. With that s, and no other, a run that has come to rest fulfils the conditions of L1 whatever the method:

    ∂J/∂w = -α sign(w) where w ≠ 0,   |∂J/∂w| ≤ α where w = 0.

Shapes: K models, P parameters.
"""

from math import sqrt

import torch
from torch import Tensor

from .optimisers import SGD, AdaGrad, Adam, Optimiser, RMSProp, State
from .penalties import Rate, soft_threshold


def step_sizes(optimiser: Optimiser, state: State) -> Rate:
    """What the last update multiplies a constant gradient by: a number, or [K, 1], or [K, P]; `optimiser` at that update's rate.

    Raises TypeError for an optimiser that is not known here."""
    match optimiser:
        case SGD(learning_rate=rate, momentum=momentum):
            return rate / (1 - momentum)
        case AdaGrad(learning_rate=rate, epsilon=epsilon):
            return rate / (state.r.sqrt() + epsilon)
        case RMSProp(learning_rate=rate, epsilon=epsilon):
            return rate / (state.r.sqrt() + epsilon)
        case Adam(learning_rate=rate, beta2=beta2, epsilon=epsilon):
            return rate / (state.v.sqrt() / sqrt(1 - beta2**state.t) + epsilon)
    raise TypeError(f"no proximal step is known for {type(optimiser).__name__}")


def shrink(theta: Tensor, strength: Rate, sizes: Rate, mask: Tensor) -> None:
    """The proximal step in place: theta [K, P] where mask [P] is 1, by strength · sizes."""
    threshold = torch.as_tensor(strength * sizes, dtype=theta.dtype)
    theta.copy_(torch.where(mask > 0, soft_threshold(theta, threshold), theta))
