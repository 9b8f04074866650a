"""Recurrent networks of K models at once: one hidden layer that reads a sequence step by step (Elman 1990).

    h_t = tanh(W_x x_t + b_x + W_h h_{t-1} + b_h),   h_0 = 0,   out = W_out h_T + b_out

Shapes: K models, P parameters, d features of a step, T steps, H hidden units, C outputs, n samples; S = 1 cell for all
steps, or S = T where each has its own.
    theta_KP [K, P]     x [1 or K, d, T, n]     h [T, K, H, n]     W_x [S, K, H, d]     W_h [S, K, H, H]     out [K, C, n]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .initialise import fill_affine
from .network import Entry, Layout, layout_of
from .random import Generators


class Cell(NamedTuple):
    """Views into theta, or into its gradient: of the steps [S, K, H, ...], of the output [K, C, ...]."""

    weight_x: Tensor
    weight_h: Tensor
    bias_x: Tensor
    bias_h: Tensor
    weight_out: Tensor
    bias_out: Tensor


@dataclass(frozen=True)
class Recurrent(Layout):
    """An architecture, without parameters. Frozen and hashable.

    inputs, hidden, outputs: d, H and C.
    unshared_steps: None shares one cell over sequences of any length (nn.RNN, nn.Linear); a number gives each of that many
        steps a cell of its own (nn.RNNCell one after the other, nn.Linear). P then counts the H² entries of the first W_h, as in
        torch, though they have no effect: they multiply h_0 = 0.

    As in torch there are two biases, of which only the sum matters. Raises ValueError naming the field.
    """

    inputs: int = 1
    hidden: int = 16
    outputs: int = 1
    unshared_steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("inputs", "hidden", "outputs", "unshared_steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}={value}: must be at least 1")

    @cached_property
    def layout(self) -> Mapping[str, Entry]:
        """weight_x, weight_h, bias_x, bias_h, each [S, ...], weight_out, bias_out: with S = 1 the order is
        nn.RNN's and nn.Linear's."""
        S, d, H, C = self.unshared_steps or 1, self.inputs, self.hidden, self.outputs
        steps = [("weight_x", (S, H, d)), ("weight_h", (S, H, H)), ("bias_x", (S, H)), ("bias_h", (S, H))]
        return layout_of([*steps, ("weight_out", (C, H)), ("bias_out", (C,))])

    def views(self, theta: Tensor) -> Cell:
        """The parameters as views into theta [K, P]; writing into them writes theta."""
        wx, wh, bx, bh, w, b = self.named(theta).values()
        return Cell(*(p.transpose(0, 1) for p in (wx, wh, bx.unsqueeze(3), bh.unsqueeze(3))), w, b.unsqueeze(2))

    def init(self, generators: Generators, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """theta [K, P], row k drawn from generators[k], cell after cell: all ~ U(-1/√H, 1/√H), torch's default."""
        theta = torch.zeros(len(generators), self.P, dtype=dtype)
        bound = 1 / sqrt(self.hidden)
        for row, generator in enumerate(generators):
            *steps, weight, bias = self.views(theta[row : row + 1])
            for s in range(self.unshared_steps or 1):
                for parameter in steps:
                    parameter[s].uniform_(-bound, bound, generator=generator)
            fill_affine(weight[0], bias[0, :, 0], generator, "torch")
        return theta

    def steps_of(self, x: Tensor) -> Tensor:
        """x [1 or K, d, T, n] as [T, 1 or K, d, n]. Raises ValueError for a length that the network cannot read."""
        T = x.shape[2]
        if T < 1 or self.unshared_steps not in (None, T):
            raise ValueError(f"x: {T} steps, needs {self.unshared_steps or 'at least 1'}")
        return x.permute(2, 0, 1, 3)

    def forward(self, theta: Tensor, x: Tensor, *, train: bool = False) -> Tensor:  # noqa: ARG002
        """out [K, C, n] of K models on x [1 or K, d, T, n]; differentiable by autograd, the same with and without train."""
        cell = self.views(theta)
        pre = cell.weight_x @ self.steps_of(x) + (cell.bias_x + cell.bias_h)  # [T, K, H, n]
        W_h = cell.weight_h.expand(len(pre), -1, -1, -1)
        tanh = ACTIVATIONS["tanh"].value
        h = tanh(pre[0])
        for z, W in zip(pre[1:], W_h[1:], strict=True):
            h = tanh(torch.baddbmm(z, W, h))
        return torch.baddbmm(cell.bias_out, cell.weight_out, h)

    def kernel(self, theta: Tensor, n: int) -> "RecurrentKernel":
        """Backpropagation through time, for sequences of any length."""
        return RecurrentKernel(self, theta, n)


class RecurrentKernel:
    """Forward and backward passes through buffers; `network.Kernel` says how to use it."""

    def __init__(self, net: Recurrent, theta: Tensor, n: int) -> None:
        self.net, self.theta, self.n = net, theta, n
        self.grad = torch.empty_like(theta)
        self.cell, self.grads = net.views(theta), net.views(self.grad)
        self.tanh = ACTIVATIONS["tanh"]
        self._allocate(net.unshared_steps or 1)

    def _allocate(self, T: int) -> None:
        """Buffers for T steps, and views of each step, made here and not in the loops."""
        shape = len(self.theta), self.net.hidden, self.n
        self.h, self.d = self.theta.new_zeros(T + 1, *shape), self.theta.new_empty(T, *shape)  # h[0] = 0, d[t] = dJ/dh_{t+1}
        self.h_steps, self.d_steps = self.h.unbind(), self.d.unbind()
        self.W_steps = self.cell.weight_h.expand(T, -1, -1, -1).unbind()
        self.W_T_steps = [W.mT for W in self.W_steps]

    def forward(self, x: Tensor, **_: Any) -> Tensor:
        """out [K, C, n] on x [1 or K, d, T, n]."""
        self.x = self.net.steps_of(x)
        if len(self.x) != len(self.d):
            self._allocate(len(self.x))
        h = torch.matmul(self.cell.weight_x, self.x, out=self.h[1:])
        h += self.cell.bias_x + self.cell.bias_h
        for W, before, after in zip(self.W_steps, self.h_steps[:-1], self.h_steps[1:], strict=True):
            self.tanh.apply(after.baddbmm_(W, before))
        return torch.baddbmm(self.cell.bias_out, self.cell.weight_out, self.h_steps[-1])

    def backward(self, d_out: Tensor) -> Tensor:
        """grad [K, P] from dJ/d(out) [K, C, n], at the inputs of the last `forward`."""
        torch.matmul(self.cell.weight_out.mT, d_out, out=self.d_steps[-1])
        for t in range(len(self.d) - 1, -1, -1):
            self.tanh.backward(self.d_steps[t], self.h_steps[t + 1])
            if t:
                torch.bmm(self.W_T_steps[t], self.d_steps[t], out=self.d_steps[t - 1])
        bias = self.d.sum(3, keepdim=True)
        uses = self.d @ self.x.mT, self.d @ self.h[:-1].mT, bias, bias
        # The gradient of a shared parameter is the sum of its uses' gradients.
        for grad, use in zip(self.grads[:4], uses, strict=True):
            grad.copy_(use.sum(0, keepdim=True) if self.net.unshared_steps is None else use)
        self.grads.weight_out.copy_(d_out @ self.h_steps[-1].mT)
        self.grads.bias_out.copy_(d_out.sum(2, keepdim=True))
        return self.grad
