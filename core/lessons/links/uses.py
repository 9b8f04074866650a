"""One matrix used at every step of a recurrence: its gradient, and those of its uses.

h_t = g(h_{t−1} W) for t = 1 to T, with softsign g(a) = a/(1 + |a|), h_0 = x, and the mean over samples of (Σ h_T − y)².
Shapes: N samples, d units, T uses. Everything is float64.
"""

from __future__ import annotations

import torch
from torch import Tensor

USES = 5


def shared_gradient(inputs: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """The gradient (d, d) for the one matrix (d, d) that all steps use, by autograd."""
    w = weight.detach().clone().requires_grad_()
    h = inputs
    for _ in range(USES):
        h = torch.nn.functional.softsign(h @ w)
    loss = (h.sum(-1) - targets).square().mean()
    return torch.autograd.grad(loss, w)[0]


def sum_over_uses(inputs: Tensor, targets: Tensor, copies: Tensor) -> Tensor:
    """The sum (d, d) of the gradients of the copies (T, d, d), one used at each step, by the chain rule written out."""
    states, slopes = [inputs], []
    for copy in copies:
        a = states[-1] @ copy
        states.append(a / (1 + a.abs()))
        slopes.append((1 + a.abs()) ** -2)
    back = (2 / len(inputs) * (states[-1].sum(-1) - targets))[:, None].expand_as(inputs)
    total = torch.zeros_like(copies[0])
    for t in reversed(range(len(copies))):
        back = back * slopes[t]
        total = total + states[t].T @ back
        back = back @ copies[t].T
    return total
