"""Convolutional networks of K models at once: one row of theta is one model, weights are views into it.

A layer is convolution -> norm -> activation -> pooling; an affine layer to the outputs follows the last.

Shapes: K models, P parameters, C channels, n samples, which come last.
    theta_KP [K, P]     x [1 or K, C, H, W, n]     W [K, C', C k²]     b, gamma, beta [K, C', 1]     out [K, outputs, n]
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .conv_backprop import ConvBackprop
from .conv_layout import ConvLayout
from .norms import RunningStats

# Elements of one layer's columns that a pass without gradients may hold; more rows go in chunks.
CHUNK = 2**22


@dataclass(frozen=True)
class ConvNet(ConvLayout):
    """An architecture, without parameters. Frozen and hashable.

    inputs: channels, height and width of an image.
    layers: a `Conv` each.
    outputs: of the affine layer at the end.
    activation: of the layers: tanh, relu, leaky_relu, sigmoid or linear.
    padding_mode: "zeros", or "circular": images wrap around.
    norm: "none", "batch", "layer", "group" (with `groups`) or "instance", after each convolution, with a gamma and a beta
        per channel. Several kinds divide the rows of theta into as many equal blocks; in a block of kind "none" gamma and
        beta have no effect.
    norm_momentum: weight of the newest batch in batch norm's running statistics, as in torch.

    Raises ValueError naming the field.
    """

    def running_stats(self, K: int, dtype: torch.dtype = torch.float32) -> RunningStats | None:
        """Batch norm's statistics before training, mean 0 and variance 1; None without batch norm. Rows of another kind
        keep these."""
        if "batch" not in self.kinds:
            return None
        shape = K, sum(conv.channels for conv in self.layers)
        return RunningStats(torch.zeros(shape, dtype=dtype), torch.ones(shape, dtype=dtype))

    def forward(self, theta: Tensor, x: Tensor, *, train: bool = False, stats: RunningStats | None = None) -> Tensor:
        """out [K, outputs, n] of K models on x [1 or K, C, H, W, n]; differentiable by autograd.

        train: batch norm normalises by the batch and moves `stats` (if given) towards it; otherwise it normalises by
        `stats`, which it then needs. Without autograd rows go in chunks, unless kinds of norm divide them."""
        largest = max((block.fan_in * block.positions for block in self.blocks), default=self.features)
        rows = max(1, CHUNK // (largest * x.shape[-1]))
        differentiable = torch.is_grad_enabled() and (theta.requires_grad or x.requires_grad)
        if differentiable or len(theta) <= rows or len(self.kinds) > 1:
            return self._pass(theta, x, train, stats)
        parts: list[Tensor] = []
        for start in range(0, len(theta), rows):
            part = slice(start, min(start + rows, len(theta)))
            running = stats and stats.rows(part.start, part.stop)
            parts.append(self._pass(theta[part], x if len(x) == 1 else x[part], train, running))
        return torch.cat(parts)

    def _pass(self, theta: Tensor, x: Tensor, train: bool, stats: RunningStats | None) -> Tensor:
        K, n, norm, h = len(theta), x.shape[-1], self.block_norm, x
        *convolutions, last = self.views(theta)
        for block, layer, part in zip(self.blocks, convolutions, self.stats_parts, strict=True):
            z = torch.baddbmm(layer.bias, layer.weight, block.columns(h).expand(K, -1, -1))
            if norm is not None and layer.gamma is not None and layer.beta is not None:
                z = z.unflatten(2, (-1, n))
                mean, _, scale = norm.statistics(z, train, stats and stats.layer(part))
                gamma, beta = norm.scale_and_shift(layer.gamma.unsqueeze(3), layer.beta.unsqueeze(3))
                z = gamma * ((z - mean) * scale) + beta
            h = block.pool(ACTIVATIONS[self.activation].value(z).reshape(K, -1, *block.convolved, n))
        return torch.baddbmm(last.bias, last.weight, h.expand(K, *h.shape[1:]).reshape(K, -1, n))

    def kernel(self, theta: Tensor, n: int) -> ConvBackprop:
        """The hand-written passes for theta [K, P] and batches of n."""
        return ConvBackprop(self, theta, n)
