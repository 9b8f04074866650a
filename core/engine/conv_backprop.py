"""Backpropagation by hand through K convolutional networks at once.

Shapes: K models, P positions of an image, C channels, O outputs, n samples. Images [K, C, H, W, n], columns as in
`convolution`.
"""

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .conv_layout import ConvLayout
from .norms import RunningStats


class ConvBackprop:
    """Forward and backward passes for (theta, n), which see theta [K, P] through views.

    After `forward`, of each layer: `normalised` x̂ and `mean`, `var`, `scale` = 1/√(σ² + ε) of its norm, which broadcast to
    [K, C, P, n] (empty without norm), and `post` [K, C, H, W, n], what its activation function returned; `out` [K, O, n].
    """

    def __init__(self, net: ConvLayout, theta: Tensor, n: int) -> None:
        self.K, self.n, self.net = len(theta), n, net
        self.activation = ACTIVATIONS[net.activation]
        self.norm = net.block_norm
        self.layers = net.views(theta)
        self.weights_T = [layer.weight.mT for layer in self.layers]
        self.grad = torch.empty_like(theta)
        # Matrix products into a strided output are slower than into a dense one: see `backprop`.
        self.parts = [theta.new_empty(self.K, *entry.shape) for entry in net.layout.values()]
        self.grads = net.arrange(self.parts)
        self.flat = [part.flatten(1) for part in self.parts]
        # Buffers: what is as large as a layer's images is not allocated anew in each pass.
        self.pre = [theta.new_empty(self.K, b.conv.channels, b.positions * n) for b in net.blocks]
        self.post = [theta.new_empty(self.K, b.conv.channels, *b.convolved, n) for b in net.blocks]
        self.out = theta.new_empty(self.K, net.outputs, n)
        self.columns: list[Tensor] = []
        self.pooled: list[Tensor] = []
        self.normalised: list[Tensor] = []
        self.mean: list[Tensor] = []
        self.var: list[Tensor] = []
        self.scale: list[Tensor] = []
        self.gammas: list[Tensor] = []
        self.train = True

    def forward(self, x: Tensor, *, train: bool = True, stats: RunningStats | None = None) -> Tensor:
        """out [K, O, n] on x [1 or K, C, H, W, n]; arguments as in `ConvNet.forward`."""
        for kept in (self.columns, self.pooled, self.normalised, self.mean, self.var, self.scale, self.gammas):
            kept.clear()
        self.train = train
        h = x
        for i, block in enumerate(self.net.blocks):
            layer, a = self.layers[i], self.post[i]
            columns = block.columns(h).expand(self.K, -1, -1)
            if self.norm is None:
                torch.baddbmm(layer.bias, layer.weight, columns, out=a.flatten(2))
            else:
                torch.baddbmm(layer.bias, layer.weight, columns, out=self.pre[i])
                self._normalise(i, stats)
            self.activation.apply(a)
            h = block.pool(a)
            self.columns.append(columns)
            self.pooled.append(h)
        self.features = h.expand(self.K, *h.shape[1:]).reshape(self.K, -1, self.n)
        last = self.layers[-1]
        return torch.baddbmm(last.bias, last.weight, self.features, out=self.out)

    def entering(self, i: int) -> Tensor:
        """γx̂ + β [K, C, P, n] of the last pass, what enters the activation function of layer i of a net with norm."""
        layer = self.layers[i]
        assert self.norm is not None and layer.gamma is not None and layer.beta is not None
        gamma, beta = self.norm.scale_and_shift(layer.gamma.unsqueeze(3), layer.beta.unsqueeze(3))
        return (gamma * self.normalised[i]).add_(beta)

    def _normalise(self, i: int, stats: RunningStats | None) -> None:
        """From pre[i] to post[i] before the activation function; pre[i] becomes x̂."""
        layer = self.layers[i]
        assert self.norm is not None and layer.gamma is not None and layer.beta is not None
        z = self.pre[i].unflatten(2, (-1, self.n))
        running = stats and stats.layer(self.net.stats_parts[i])
        mean, var, scale = self.norm.statistics(z, self.train, running)
        gamma, beta = self.norm.scale_and_shift(layer.gamma.unsqueeze(3), layer.beta.unsqueeze(3))
        xhat = z.sub_(mean).mul_(scale)
        # With two operands to broadcast, torch.addcmul is three times slower than this.
        torch.mul(gamma, xhat, out=self.post[i].flatten(2, 3)).add_(beta)
        for kept, value in ((self.normalised, xhat), (self.mean, mean), (self.var, var), (self.scale, scale),
                            (self.gammas, gamma)):
            kept.append(value)

    def backward(self, d_out: Tensor) -> Tensor:
        """grad [K, P] from dJ/d(out) [K, O, n], at the inputs of the last `forward`."""
        grad = self.grads[-1]
        torch.bmm(d_out, self.features.mT, out=grad.weight)
        torch.sum(d_out, 2, keepdim=True, out=grad.bias)
        blocks = self.net.blocks
        d = torch.bmm(self.weights_T[-1], d_out) if blocks else d_out
        for i in range(len(blocks) - 1, -1, -1):
            a, grad = self.post[i], self.grads[i]
            d = blocks[i].unpool(d.view(self.pooled[i].shape), a, self.pooled[i])
            self.activation.backward(d, a)
            dz = self._through_norm(i, d.flatten(2, 3)).flatten(2)
            torch.bmm(dz, self.columns[i].mT, out=grad.weight)
            torch.sum(dz, 2, keepdim=True, out=grad.bias)
            if i:
                d = blocks[i].fold(torch.bmm(self.weights_T[i], dz))
        return torch.cat(self.flat, 1, out=self.grad)

    def _through_norm(self, i: int, d: Tensor) -> Tensor:
        """From dJ/d(γx̂ + β) to dJ/dz, both [K, C, P, n]; works in place."""
        grad = self.grads[i]
        if self.norm is None or grad.gamma is None or grad.beta is None:
            return d
        d, d_gamma, d_beta = self.norm.backward(d, self.normalised[i], self.scale[i], self.gammas[i], self.train)
        grad.gamma.copy_(d_gamma)
        grad.beta.copy_(d_beta)
        return d
