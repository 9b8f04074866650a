"""Activation functions: value, in-place value and derivative.

Every derivative is written in terms of the output a = f(z), so that backpropagation keeps one tensor per
layer. Shapes are free; everything is elementwise.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional as F

LEAK = 0.01


class Activation(NamedTuple):
    """`value(z)` is differentiable by autograd. In place and without autograd: `apply(z)` turns z into f(z),
    and `backward(d, a)` multiplies d by f'(z), given a = f(z), which it may overwrite."""

    value: Callable[[Tensor], Tensor]
    apply: Callable[[Tensor], object]
    backward: Callable[[Tensor, Tensor], object]


def _tanh(z: Tensor) -> Tensor:
    # numpy's tanh is vectorised where torch's is not: about ten times faster, and exact for small |z|,
    # where 2 sigmoid(2z) - 1 cancels. It would drop derivatives of every kind without a word.
    if torch.is_grad_enabled() or forward_ad.unpack_dual(z).tangent is not None:
        return torch.tanh(z)
    try:
        return torch.from_numpy(np.tanh(z.numpy()))
    except RuntimeError:  # a tensor under a torch.func transform has no memory to look at
        return torch.tanh(z)


def _apply_tanh(z: Tensor) -> None:
    values = z.numpy()
    np.tanh(values, out=values)


def _tanh_backward(d: Tensor, a: Tensor) -> None:
    torch.ops.aten.tanh_backward.grad_input(d, a, grad_input=d)  # d (1 - a²) in one pass


def _sigmoid_backward(d: Tensor, a: Tensor) -> None:
    d.mul_(a).addcmul_(d, a, value=-1)


def _relu_backward(d: Tensor, a: Tensor) -> None:
    torch.ops.aten.threshold_backward.grad_input(d, a, 0, grad_input=d)  # d where a > 0, without a mask in between


def _leaky_backward(d: Tensor, a: Tensor) -> None:
    d.mul_((a > 0).to(a.dtype).mul_(1 - LEAK).add_(LEAK))


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "tanh": Activation(_tanh, _apply_tanh, _tanh_backward),
        "relu": Activation(torch.relu, torch.relu_, _relu_backward),
        "leaky_relu": Activation(
            lambda z: F.leaky_relu(z, LEAK), lambda z: F.leaky_relu_(z, LEAK), _leaky_backward
        ),
        "sigmoid": Activation(torch.sigmoid, torch.sigmoid_, _sigmoid_backward),
        "linear": Activation(lambda z: z, lambda z: None, lambda d, a: None),
    }
)
