"""Fully convolutional networks for segmentation, K models in one grouped call: an encoder, a decoder and one skip.

    e = relu(conv1 x)    m = relu(conv2 pool(e))    u = relu(conv3 [e, upsample(m)])    out = conv4 u

conv1 to conv3 are 3x3 with zeros beyond the border, conv4 is 1x1; pool is the maximum of 2x2, upsample repeats each pixel
2x2. It is the smallest U-Net (Ronneberger, Fischer and Brox 2015).

Shapes: K models, P parameters, C channels, H x W pixels (even), n images.
    theta_KP [K, P]     x [1 or K, C, H, W, n]     weight [K, C_out, C_in, 3, 3]     out [K, classes, H, W, n]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from .initialise import fill_affine
from .network import Entry, Layout, layout_of
from .random import Generators


@dataclass(frozen=True)
class SegmentationNet(Layout):
    """An architecture, without parameters. Frozen and hashable.

    channels: of the input, 1 for grey.
    widths: features at full and at half resolution.
    classes: logits of each pixel; 1 for a mask.

    Raises ValueError naming the field.
    """

    channels: int = 1
    widths: tuple[int, int] = (8, 16)
    classes: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if self.channels < 1:
            raise ValueError(f"channels={self.channels}: must be at least 1")
        if len(self.widths) != 2 or min(self.widths) < 1:
            raise ValueError(f"widths={self.widths}: needs two, at full and at half resolution, both at least 1")
        if self.classes < 1:
            raise ValueError(f"classes={self.classes}: must be at least 1")

    @cached_property
    def layout(self) -> Mapping[str, Entry]:
        """weight1, bias1, ..., weight4, bias4: the order of four nn.Conv2d."""
        full, half = self.widths
        layers = [(self.channels, full, 3), (full, half, 3), (full + half, full, 3), (full, self.classes, 1)]
        shapes: list[tuple[str, tuple[int, ...]]] = []
        for i, (c_in, c_out, size) in enumerate(layers, 1):
            shapes += [(f"weight{i}", (c_out, c_in, size, size)), (f"bias{i}", (c_out,))]
        return layout_of(shapes)

    def init(self, generators: Generators, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """theta [K, P], row k drawn from generators[k]: nn.Conv2d's default, U(-1/√in, 1/√in) with in = C_in · 9."""
        theta = torch.zeros(len(generators), self.P, dtype=dtype)
        parts = self.named(theta)
        for row, generator in enumerate(generators):
            for i in range(1, 5):
                fill_affine(parts[f"weight{i}"][row].flatten(1), parts[f"bias{i}"][row], generator, "torch")
        return theta

    def forward(self, theta: Tensor, x: Tensor, *, train: bool = False) -> Tensor:  # noqa: ARG002
        """out [K, classes, H, W, n] of K models on x [1 or K, C, H, W, n], a view without copy of [n, K · classes, H, W];
        differentiable by autograd, the same with and without train. Losses take `out.flatten(1, 3)`.

        Raises ValueError for an odd height or width."""
        K, (H, W) = len(theta), x.shape[2:4]
        if H % 2 or W % 2:
            raise ValueError(f"x: {H} x {W} pixels, needs even numbers")
        parts = self.named(theta)

        def conv(i: int, h: Tensor, groups: int = K) -> Tensor:
            weight = parts[f"weight{i}"].flatten(0, 1)  # [K · C_out, C_in, 3, 3]
            return F.conv2d(h, weight, parts[f"bias{i}"].flatten(), padding=weight.shape[2] // 2, groups=groups)

        e = torch.relu(conv(1, x.flatten(0, 1).permute(3, 0, 1, 2), len(x)))  # images that K models share are one group
        m = torch.relu(conv(2, F.max_pool2d(e, 2)))
        up = F.interpolate(m, scale_factor=2, mode="nearest")
        both = torch.cat([e.unflatten(1, (K, -1)), up.unflatten(1, (K, -1))], 2).flatten(1, 2)
        out = conv(4, torch.relu(conv(3, both)))
        return out.unflatten(1, (K, -1)).permute(1, 2, 3, 4, 0)
