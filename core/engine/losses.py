"""Losses of K models at once, with their gradients with respect to the output.

Scaling: every loss is a mean over the batch (and over the outputs, except the softmax cross-entropy, which is
one number per sample), as torch.nn's default reduction.

Shapes: K models, C outputs, n samples. out [K, C, n]; y [1 or K, C, n]; class indices [1 or K, n].
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Measure = Callable[[Tensor, Tensor], Tensor]


class Loss(NamedTuple):
    """A loss: `value(out, y) -> [K]`, and if known `gradient(out, y) -> like out`, the gradient of each
    model's value (autograd finds it otherwise: `Loss(value=f)` is enough), and `error(out, y) -> [K]`, the
    0-1 error in [0, 1]."""

    value: Measure
    gradient: Measure | None = None
    error: Measure | None = None
    name: str = "loss"


def output_gradient(loss: Loss, out: Tensor, y: Tensor) -> Tensor:
    """dJ/d(out) [K, C, n], by the loss's own gradient or by autograd."""
    if loss.gradient is not None:
        return loss.gradient(out, y)
    # Training runs in inference mode, whose tensors autograd refuses; copies made outside it are ordinary.
    with torch.inference_mode(False), torch.enable_grad():
        leaf = out.detach().clone().requires_grad_()
        return torch.autograd.grad(loss.value(leaf, y.clone()).sum(), leaf)[0]


@lru_cache(maxsize=1024)
def _number(value: float, dtype: torch.dtype) -> Tensor:
    """A tensor without dimension: a number of Python's costs each operation a microsecond more."""
    with torch.inference_mode(False):
        return torch.tensor(value, dtype=dtype)


def _mean(values: Tensor) -> Tensor:
    # The same as values.mean((1, 2)), which is made of Python's numbers.
    return values.sum((1, 2)).div_(_number(_size(values), values.dtype))


def _size(out: Tensor) -> int:
    return out.shape[1] * out.shape[2]


def _squared_gradient(out: Tensor, y: Tensor) -> Tensor:
    return (out - y).mul_(_number(2 / _size(out), out.dtype))


def _binary_value(out: Tensor, y: Tensor) -> Tensor:
    # Beyond 40, softplus(z) is z to the last bit of float64; torch's own threshold of 20 is not.
    return _mean(torch.addcmul(F.softplus(out, 1, 40), out, y, value=-1))


def _binary_gradient(out: Tensor, y: Tensor) -> Tensor:
    return torch.sigmoid(out).sub_(y).mul_(_number(1 / _size(out), out.dtype))


def _binary_error(out: Tensor, y: Tensor) -> Tensor:
    return _mean(((out > 0) != (y > 0.5)).to(out.dtype))


def _soft_labels(out: Tensor, y: Tensor) -> Tensor:
    if y.is_floating_point():
        return y
    return F.one_hot(y, out.shape[1]).to(out.dtype).mT


def _cross_entropy_value(out: Tensor, y: Tensor) -> Tensor:
    return -(torch.log_softmax(out, 1) * _soft_labels(out, y)).sum(1).mean(1)


def _cross_entropy_gradient(out: Tensor, y: Tensor) -> Tensor:
    soft = _soft_labels(out, y)
    # The labels' sum is 1 for distributions; kept general so that the gradient is the value's for any y.
    return (torch.softmax(out, 1) * soft.sum(1, keepdim=True) - soft).mul_(_number(1 / out.shape[2], out.dtype))


def _class_error(out: Tensor, y: Tensor) -> Tensor:
    classes = y.argmax(1) if y.is_floating_point() else y
    return (out.argmax(1) != classes).to(out.dtype).mean(1)


def _hinge_gradient(out: Tensor, y: Tensor) -> Tensor:
    return torch.where(out * y < 1, -y, torch.zeros_like(y)).div(_size(out))


def _exponential_gradient(out: Tensor, y: Tensor) -> Tensor:
    return (-out * y).exp().mul(y).mul_(-1 / _size(out))


def _sign_error(out: Tensor, y: Tensor) -> Tensor:
    return _mean((out * y <= 0).to(out.dtype))


squared = Loss(lambda out, y: _mean((out - y).square()), _squared_gradient, name="squared error")
"""Mean of (out - y)², without ½."""

binary_cross_entropy = Loss(_binary_value, _binary_gradient, _binary_error, "binary cross-entropy")
"""-[y ln σ(out) + (1 - y) ln(1 - σ(out))] in nats; out are logits, y in [0, 1]."""

cross_entropy = Loss(_cross_entropy_value, _cross_entropy_gradient, _class_error, "cross-entropy")
"""-Σ_c y_c ln softmax(out)_c in nats; y are class indices [1 or K, n] or soft labels [1 or K, C, n]."""

hinge = Loss(lambda out, y: _mean((1 - out * y).clamp_min(0)), _hinge_gradient, _sign_error, "hinge")
"""max(0, 1 - y out) with y = ±1; the subgradient at margin 1 is 0."""

exponential = Loss(lambda out, y: _mean((-out * y).exp()), _exponential_gradient, _sign_error, "exponential")
"""exp(-y out) with y = ±1."""
