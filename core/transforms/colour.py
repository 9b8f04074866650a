"""Colour: what is done to grey levels and channels, whatever they stand for. Nothing is clipped here.

Shapes: images [D, C, H, W] with levels in [0, 1], parameters [D].
"""

from __future__ import annotations

from torch import Tensor


def brightness(image: Tensor, shift: Tensor) -> Tensor:
    """x + b."""
    return image + shift.reshape(-1, 1, 1, 1)


def contrast(image: Tensor, factor: Tensor, about: Tensor | None = None) -> Tensor:
    """x̄ + c (x − x̄) about the mean x̄ of all pixels and channels, which stays, or about another level [D]."""
    mean = image.mean((1, 2, 3), keepdim=True) if about is None else about.reshape(-1, 1, 1, 1)
    return mean + factor.reshape(-1, 1, 1, 1) * (image - mean)


def gamma(image: Tensor, exponent: Tensor) -> Tensor:
    """x^γ; 0 and 1 stay, and a level below 0 keeps its sign."""
    return image.sign() * image.abs() ** exponent.reshape(-1, 1, 1, 1)


def channels(image: Tensor, gains: Tensor) -> Tensor:
    """Each channel times its own gain [D, C]; of a grey picture there is one channel, which is left as it is."""
    return image if image.shape[1] == 1 else image * gains[:, :, None, None]
