"""Convolutions and pooling of K models at once, as matrix products: samples last, so that whole rows of pixels of all
samples lie side by side in memory and are copied as blocks.

A convolution multiplies weights [K, O, C k²] by the columns [K, C k², P n]: the k x k neighbourhoods of the P = H' W' output
positions. Patches (stride k) are a transposition, and 1 x 1 kernels nothing at all; other kernels copy each pixel k² times.
For small images this is faster than grouped convolutions of [n, K C, H, W].

Shapes: K models, n samples, C input and O output channels, images of H x W before and H' x W' after the convolution.
"""

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

PADDINGS = ("zeros", "circular")
POOLS = ("max", "average")


class Conv(NamedTuple):
    """A layer of a `ConvNet`: convolution, norm, activation, pooling."""

    channels: int
    size: int = 3  # of the square kernel
    stride: int = 1
    padding: int = 0  # pixels on each side
    pool: str | None = None  # "max" or "average" over squares that do not overlap
    pool_size: int = 2


@dataclass(frozen=True)
class Block:
    """A `Conv` on images of channels x height x width. Raises ValueError naming the field of the `Conv`."""

    conv: Conv
    channels: int
    height: int
    width: int
    padding_mode: str

    def __post_init__(self) -> None:
        conv, smallest = self.conv, min(self.height, self.width)
        if min(conv.channels, conv.size, conv.stride) < 1 or conv.padding < 0:
            raise ValueError(f"layers: {conv}: channels, size and stride at least 1, padding at least 0")
        if conv.size > smallest + 2 * conv.padding or (self.padding_mode == "circular" and conv.padding > smallest):
            raise ValueError(f"layers: {conv} does not fit images of {self.height} x {self.width}")
        if conv.pool is not None and conv.pool not in POOLS:
            raise ValueError(f"layers: pool={conv.pool!r}: None or one of {', '.join(POOLS)}")
        if conv.pool and any(length % conv.pool_size for length in self.convolved):
            raise ValueError(f"layers: pool_size={conv.pool_size} must divide {' x '.join(map(str, self.convolved))}")

    @cached_property
    def fan_in(self) -> int:
        """Inputs of an output unit, C k²."""
        return self.channels * self.conv.size**2

    @cached_property
    def convolved(self) -> tuple[int, int]:
        """H', W'."""
        conv = self.conv
        height, width = ((n + 2 * conv.padding - conv.size) // conv.stride + 1 for n in (self.height, self.width))
        return height, width

    @cached_property
    def pooled(self) -> tuple[int, int]:
        """Height and width after pooling."""
        height, width = self.convolved
        return (height // self.conv.pool_size, width // self.conv.pool_size) if self.conv.pool else (height, width)

    @cached_property
    def positions(self) -> int:
        """P, the output positions of the convolution."""
        return self.convolved[0] * self.convolved[1]

    def columns(self, h: Tensor) -> Tensor:
        """[B, C k², P n] of images h [B, C, H, W, n]; differentiable by autograd."""
        size, stride = self.conv.size, self.conv.stride
        h = self._padded(h)
        if size > 1 or stride > 1:
            h = h.unfold(2, size, stride).unfold(3, size, stride).permute(0, 1, 5, 6, 2, 3, 4)
        return h.reshape(len(h), self.fan_in, -1)

    def fold(self, d: Tensor) -> Tensor:
        """dJ/dh [K, C, H, W, n] from d [K, C k², P n], the gradient with respect to the columns."""
        K, size, stride, padding = len(d), self.conv.size, self.conv.stride, self.conv.padding
        high, wide = self.convolved
        d = d.reshape(K, self.channels, size, size, high, wide, -1)
        if size == stride and (high * size, wide * size) == (self.height, self.width):
            return d.permute(0, 1, 4, 2, 5, 3, 6).reshape(K, self.channels, self.height, self.width, -1)
        out = d.new_zeros(K, self.channels, self.height + 2 * padding, self.width + 2 * padding, d.shape[-1])
        for i, j in product(range(size), repeat=2):
            out[:, :, i : i + stride * (high - 1) + 1 : stride, j : j + stride * (wide - 1) + 1 : stride] += d[:, :, i, j]
        return self._unpadded(out)

    def _padded(self, h: Tensor) -> Tensor:
        p = self.conv.padding
        if not p:
            return h
        if self.padding_mode == "zeros":
            return F.pad(h, (0, 0, p, p, p, p))
        h = torch.cat([h[:, :, -p:], h, h[:, :, :p]], 2)
        return torch.cat([h[:, :, :, -p:], h, h[:, :, :, :p]], 3)

    def _unpadded(self, d: Tensor) -> Tensor:
        """The gradient before padding from the one after it, which is overwritten."""
        p = self.conv.padding
        if not p:
            return d
        if self.padding_mode == "circular":
            for axis in (2, 3):
                length = d.shape[axis] - 2 * p
                # The wrapped pixels are copies: what arrives there belongs to the originals. Left before right, because
                # with p = length both borders are one original.
                d.narrow(axis, length, p).add_(d.narrow(axis, 0, p))
                d.narrow(axis, p, p).add_(d.narrow(axis, length + p, p))
        return d[:, :, p:-p, p:-p]

    def pool(self, h: Tensor) -> Tensor:
        """[K, O, H'', W'', n] of h [K, O, H', W', n]; differentiable by autograd."""
        if not self.conv.pool:
            return h
        windows = self._windows(h)
        if self.conv.pool == "max":
            return reduce(torch.maximum, windows)
        return reduce(torch.add, windows) / len(windows)

    def unpool(self, d: Tensor, h: Tensor, pooled: Tensor) -> Tensor:
        """dJ/dh [K, O, H', W', n] from d, like pooled = pool(h); a maximum's goes to the first of equals. Overwrites d."""
        if not self.conv.pool:
            return d
        out = torch.empty_like(h)
        windows = self._windows(out)
        if self.conv.pool == "average":
            d.div_(len(windows))
            for window in windows:
                window.copy_(d)
            return out
        # A tie must not be counted twice: d is what has not been handed on yet.
        for window, values in zip(windows[:-1], self._windows(h), strict=False):
            torch.mul(d, values == pooled, out=window)
            d.sub_(window)
        windows[-1].copy_(d)
        return out

    def _windows(self, h: Tensor) -> list[Tensor]:
        """The pixels that are pooled, s² views [K, O, H'', W'', n] of h."""
        s = self.conv.pool_size
        return [h[:, :, i::s, j::s] for i, j in product(range(s), repeat=2)]
