"""What sharing a filter over the picture does: its maps move with the picture, and its gradient is the sum of its uses.

Shapes: C channels, H x W pixels, images [B, H, W] in [0, 1], theta [1, P] of one ConvNet.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import ConvNet
from core.engine.activations import ACTIVATIONS
from core.lessons.parameter_sharing.images import CONTRAST

STAGES = ("first convolution", "after pooling 2 × 2", "second convolution")


def stages(net: ConvNet, theta: Tensor, images: Tensor) -> list[Tensor]:
    """Maps [B, C, H', W'] after the first convolution and its activation, after pooling, and after the second convolution."""
    activate, out = ACTIVATIONS[net.activation].value, []
    h = (CONTRAST * images).to(theta.dtype).permute(1, 2, 0)[None, None]
    for block, layer in zip(net.blocks, net.views(theta), strict=False):
        z = layer.bias + layer.weight @ block.columns(h)
        h = activate(z).reshape(1, -1, *block.convolved, len(images))
        out.append(h[0].permute(3, 0, 1, 2))
        h = block.pool(h)
        out.append(h[0].permute(3, 0, 1, 2))
    return out[:3]


def equivariance(net: ConvNet, theta: Tensor, images: Tensor, shift: int) -> list[float]:
    """How far the maps of a wrapped-around shift are from the shifted maps, ‖f(Tx) − T f(x)‖ / ‖f(x)‖, stage by stage.

    After pooling a map moves by half as much; an odd shift has no half, and is compared with the shift rounded down."""
    plain, after = stages(net, theta, images), stages(net, theta, images.roll(shift, 2))
    steps = (shift, shift // 2, shift // 2)
    return [float((b - a.roll(s, 3)).norm() / a.norm().clamp_min(1e-12)) for a, b, s in zip(plain, after, steps, strict=True)]


def equivariance_table(net: ConvNet, theta: Tensor, images: Tensor, shifts: int) -> dict[str, Tensor]:
    """padding -> [stage, shift], the same weights with both kinds of padding, float64."""
    theta = theta.double()
    return {mode: torch.tensor([equivariance(replace(net, padding_mode=mode), theta, images, d) for d in range(shifts)]).T
            for mode in ("circular", "zeros")}


def uses_of_weights(net: ConvNet, theta: Tensor, image: Tensor, label: Tensor) -> Tensor:
    """What each place of the picture adds to dJ/dw of the first filters, [C, k², H, W]; the sum over places is the gradient.

    J is the cross-entropy of one image [H, W] with its class. A weight w is used once at each place p, on the pixel x_p that
    it meets there: the part is dJ/dz_p x_p.
    """
    block, *_ = net.blocks
    first, *_ = net.views(theta)
    columns = block.columns((CONTRAST * image).to(theta.dtype)[None, None, :, :, None])  # [1, k², H W]
    with torch.inference_mode(False), torch.enable_grad():
        z = (first.bias + first.weight @ columns).detach().clone().requires_grad_()
        h = block.pool(ACTIVATIONS[net.activation].value(z).reshape(1, -1, *block.convolved, 1))
        later, layer = net.blocks[1], net.views(theta.detach().clone())
        h = ACTIVATIONS[net.activation].value(layer[1].bias + layer[1].weight @ later.columns(h))
        h = later.pool(h.reshape(1, -1, *later.convolved, 1)).reshape(1, -1, 1)
        out = layer[2].bias + layer[2].weight @ h
        (slope,) = torch.autograd.grad(F.cross_entropy(out[:, :, 0], label.reshape(1)), z)
    return (slope[0, :, None] * columns[0]).unflatten(2, block.convolved)
