"""Backpropagation by hand through one multilayer perceptron, by numpy: on small arrays its calls cost a third of torch's.

Shapes: one model, P parameters, H features of a layer, C outputs, n samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .mlp_layout import MLPLayout


class Single:
    """Forward and backward passes of one model without norm or skips, as `Backprop` does them for any.

    theta [1, P] is seen through views, so an optimiser that updates it in place needs no new object. `forward` and `backward`
    return buffers that the next call overwrites. Numbers that overflow are data: nothing is said.
    """

    def __init__(self, mlp: MLPLayout, theta: Tensor, n: int) -> None:
        if len(theta) != 1 or mlp.norm or mlp.residual:
            raise ValueError("one model without norm or skips")
        self.grad = torch.empty_like(theta)
        self.out = theta.new_empty(1, mlp.sizes[-1], n)
        a, d = ([theta.new_empty(width, n) for width in mlp.hidden] for _ in range(2))
        self.a, self.d = [one.numpy() for one in a], [one.numpy() for one in d]
        self.z = [*self.a, self.out.numpy()[0]]
        self.parameters = [(layer.weight.numpy()[0], layer.bias.numpy()[0]) for layer in mlp.views(theta)]
        self.weights_T = [weight.T for weight, _ in self.parameters]
        self.grads = [(layer.weight.numpy()[0], layer.bias.numpy()[0, :, 0]) for layer in mlp.views(self.grad)]
        self.activate = [_activation(name, one) for name, one in zip(mlp.activation_names, a, strict=True)]
        self.derive = [_derivative(*each) for each in zip(mlp.activation_names, d, a, strict=True)]
        self.spread = [np.empty_like(z) for z in self.z]
        self.ones = np.ones(n, self.out.numpy().dtype)
        self.row = self.ones[None]
        self.h: list[np.ndarray] = []  # inputs of each layer
        self.masks: list[np.ndarray] = []

    @np.errstate(all="ignore")
    def forward(self, x: Tensor, *, masks: Sequence[Tensor] = ()) -> Tensor:
        """out [1, C, n] on x [1, d, n]; masks: dropout's, [1, H, n] for each hidden layer."""
        h = x.numpy()[0]
        self.h, self.masks = [h], [mask.numpy()[0] for mask in masks]
        for i, (weight, bias) in enumerate(self.parameters):
            z = self.z[i]
            weight.dot(h, z)
            # A product with ones spreads the bias over the samples in less time than a sum that broadcasts.
            bias.dot(self.row, self.spread[i])
            np.add(z, self.spread[i], z)
            if i < len(self.a):
                self.activate[i]()
                h = z * self.masks[i] if masks else z
                self.h.append(h)
        return self.out

    @np.errstate(all="ignore")
    def backward(self, d_out: Tensor) -> Tensor:
        """grad [1, P] from dJ/d(out) [1, C, n], at the inputs of the last `forward`."""
        delta = d_out.numpy()[0]
        for i in range(len(self.grads) - 1, -1, -1):
            weight, bias = self.grads[i]
            delta.dot(self.h[i].T, weight)
            delta.dot(self.ones, bias)
            if i == 0:
                break
            d = self.d[i - 1]
            self.weights_T[i].dot(delta, d)
            if self.masks:
                d *= self.masks[i - 1]
            self.derive[i - 1]()
            delta = d
        return self.grad


def _activation(name: str, a: Tensor) -> Callable[[], object]:
    """What turns a buffer a into f(a)."""
    if name == "tanh":
        values = a.numpy()
        return partial(np.tanh, values, values)
    return partial(ACTIVATIONS[name].apply, a)


def _derivative(name: str, d: Tensor, a: Tensor) -> Callable[[], object]:
    """What multiplies a buffer d by f'(z), given a = f(z)."""
    if name != "tanh":
        return partial(ACTIVATIONS[name].backward, d, a)
    values, out = a.numpy(), d.numpy()
    part = np.empty_like(values)

    def multiply() -> None:
        """By 1 - a², without numbers of Python's, which cost as much as an array."""
        np.multiply(out, values, part)
        np.multiply(part, values, part)
        np.subtract(out, part, out)
    return multiply
