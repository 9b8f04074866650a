"""Backpropagation by hand through K multilayer perceptrons at once.

Shapes: K models, P parameters, H features of a layer, C outputs, n samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .mlp_layout import MLPLayout
from .norms import RunningStats, normalise_backward


class Backprop:
    """Forward and backward passes through buffers that are allocated once for (theta, n).

    theta [K, P] is seen through views, so an optimiser that updates it in place needs no new object.
    `forward` and `backward` return buffers that the next call overwrites.
    """

    def __init__(self, mlp: MLPLayout, theta: Tensor, n: int) -> None:
        self.K = K = len(theta)
        self.mlp = mlp
        self.activations = [ACTIVATIONS[name] for name in mlp.activation_names]
        self.grad = torch.empty_like(theta)
        self.layers = mlp.views(theta)
        # Matrix products into a strided output are three times slower than into a dense one: each parameter
        # has its own buffer, copied into the rows of grad at the end. With one model the rows are dense
        # themselves.
        shapes = [(K, *entry.shape) for entry in mlp.layout.values()]
        self.parts = [theta.new_empty(shape) for shape in shapes]
        self.grads = mlp.views(self.grad) if K == 1 else mlp.arrange(self.parts)
        self.flat = [part.flatten(1) for part in self.parts]
        # Views cost about a microsecond each, as much as the arithmetic on them: made here, not in the loop.
        self.weights_T = [layer.weight.mT for layer in self.layers]
        self.out = theta.new_empty(K, mlp.sizes[-1], n)
        self.a = [theta.new_empty(K, width, n) for width in mlp.hidden]
        self.d = [theta.new_empty(K, width, n) for width in mlp.hidden]
        self.a_T = [a.mT for a in self.a]
        self.h_T: list[Tensor] = []
        self.saved: list[tuple[Tensor, Tensor]] = []
        self.masks: Sequence[Tensor] | None = None
        self.batch_statistics = True
        self.skips = [mlp.residual and i == o for i, o in zip(mlp.sizes, mlp.hidden, strict=False)]
        self.plain = not any(self.skips)

    def forward(
        self,
        x: Tensor,
        *,
        train: bool = True,
        masks: Sequence[Tensor] | None = None,
        stats: RunningStats | None = None,
    ) -> Tensor:
        """out [K, C, n] on x [1 or K, d, n]; arguments as in `MLP.forward`."""
        if x.shape[0] != self.K:
            x = x.expand(self.K, -1, -1)
        self.h_T, self.saved = [x.mT], []
        self.masks = masks
        self.batch_statistics = train or self.mlp.norm != "batch"
        h = x
        for i, a in enumerate(self.a):
            layer = self.layers[i]
            torch.baddbmm(layer.bias, layer.weight, h, out=a)
            if layer.gamma is not None and layer.beta is not None:
                xhat, scale = self.mlp.normalised(a, i, train, stats)
                self.saved.append((xhat, scale))
                torch.addcmul(layer.beta, layer.gamma, xhat, out=a)
            self.activations[i].apply(a)
            if masks is None and self.plain:
                h = a
                self.h_T.append(self.a_T[i])
            else:
                h = self._after(i, a, h)
                self.h_T.append(h.mT)
        last = self.layers[-1]
        return torch.baddbmm(last.bias, last.weight, h, out=self.out)

    def _after(self, i: int, a: Tensor, h_in: Tensor) -> Tensor:
        h = a if self.masks is None else a * self.masks[i]
        return h + h_in if self.skips[i] else h

    def backward(self, d_out: Tensor) -> Tensor:
        """grad [K, P] from dJ/d(out) [K, C, n], at the inputs of the last `forward`."""
        delta = d_out
        d_h: Tensor | None = None
        for i in range(len(self.layers) - 1, -1, -1):
            if d_h is not None:
                # In place, unless the identity branch needs d_h once more.
                delta = self._through(i, d_h.clone() if self.skips[i] else d_h)
            grad = self.grads[i]
            torch.bmm(delta, self.h_T[i], out=grad.weight)
            torch.sum(delta, 2, keepdim=True, out=grad.bias)
            if i == 0:
                break
            # One output makes an outer product, where a broadcast is faster than a matrix product.
            multiply = torch.mul if delta.shape[1] == 1 else torch.bmm
            d = multiply(self.weights_T[i], delta, out=self.d[i - 1])
            d_h = d.add_(d_h) if d_h is not None and self.skips[i] else d
        if self.K > 1:
            torch.cat(self.flat, 1, out=self.grad)
        return self.grad

    def _through(self, i: int, d: Tensor) -> Tensor:
        """From dJ/dh after hidden layer i to dJ/dz before it; may work in place."""
        if self.masks is not None:
            d.mul_(self.masks[i])
        self.activations[i].backward(d, self.a[i])
        layer, grad = self.layers[i], self.grads[i]
        if layer.gamma is None or grad.gamma is None or grad.beta is None:
            return d
        xhat, scale = self.saved[i]
        torch.sum(d * xhat, 2, keepdim=True, out=grad.gamma)
        torch.sum(d, 2, keepdim=True, out=grad.beta)
        d.mul_(layer.gamma)
        if not self.batch_statistics:
            return d.mul_(scale)
        return normalise_backward(d, xhat, scale, self.mlp.norm_groups)
