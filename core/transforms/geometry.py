"""Maps of the plane, and images, masks and landmarks that are moved by them.

Pixels lie at whole numbers, x to the right and y down, so that the centre of an image of H rows and W columns is
((W − 1)/2, (H − 1)/2) and the identity gives back every pixel bit for bit. A matrix M [..., 3, 3] takes a point (x, y, 1) of the
input to its place in the output; an image is resampled the other way round, at M⁻¹ of each pixel of the output.

    rigid       3 degrees of freedom: shift (2), angle             keeps lengths
    similarity  4: and a scale                                     keeps angles
    affine      6: and an aspect and a shear                       keeps parallels
    projective  8: and two for the perspective                     keeps straight lines

Shapes: D draws, C channels, H rows, W columns, P points.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

DEGREES = {"rigid": 3, "similarity": 4, "affine": 6, "projective": 8}
FAR = 1e6  # coordinates of a place that no pixel comes from


def matrix(parameters: Tensor, height: int, width: int) -> Tensor:
    """M [..., 3, 3] about the centre of the image, from 3, 4, 6 or 8 parameters [..., n] in the order of the table.

    Shift along x and y (pixels), angle (radians; from x towards y, so clockwise as seen), ln of the scale, ln of the aspect,
    shear, and the two of the perspective, in units of 1/half the longer side. Missing ones are 0. Raises ValueError for another
    number.
    """
    n = parameters.shape[-1]
    if n not in DEGREES.values():
        raise ValueError(f"{n} parameters: 3 rigid, 4 similarity, 6 affine, 8 projective")
    padded = torch.cat([parameters, parameters.new_zeros(*parameters.shape[:-1], 8 - n)], -1)
    tx, ty, angle, scale, aspect, shear, px, py = padded.unbind(-1)
    half = max(height, width) / 2
    zero, one = torch.zeros_like(tx), torch.ones_like(tx)
    turn = _rows((angle.cos(), -angle.sin(), tx), (angle.sin(), angle.cos(), ty), (zero, zero, one))
    grow = scale.exp()
    stretch = _rows((grow * aspect.exp(), grow * shear, zero), (zero, grow * (-aspect).exp(), zero), (zero, zero, one))
    view = _rows((one, zero, zero), (zero, one, zero), (px / half, py / half, one))
    return about_centre(turn @ stretch @ view, height, width)


def _rows(*rows: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def about_centre(m: Tensor, height: int, width: int) -> Tensor:
    """The map m [..., 3, 3] about the origin as one about the centre of the image."""
    there = torch.eye(3, dtype=m.dtype)
    there[0, 2], there[1, 2] = (width - 1) / 2, (height - 1) / 2
    back = torch.eye(3, dtype=m.dtype)
    back[:2, 2] = -there[:2, 2]
    return there @ m @ back


def flip(left_right: Tensor, up_down: Tensor, height: int, width: int) -> Tensor:
    """M [D, 3, 3] of mirrors about the centre: float64 from two bool [D]."""
    one = torch.ones(len(left_right), dtype=torch.float64)
    x, y = torch.where(left_right, -one, one), torch.where(up_down, -one, one)
    return about_centre(torch.diag_embed(torch.stack([x, y, one], -1)), height, width)


def crop(share: Tensor, u: Tensor, v: Tensor, height: int, width: int) -> Tensor:
    """M [D, 3, 3] that blows a part of the image up to its full size; bilinear, so nothing is made sharper by it.

    share [D]: of each side, in (0, 1]; u, v [D] in [0, 1]: from the left and the top, where the part lies among all places it
    can have.
    """
    zero, one = torch.zeros_like(share), torch.ones_like(share)
    x, y = u * (1 - share) * (width - 1), v * (1 - share) * (height - 1)
    return _rows((1 / share, zero, -x / share), (zero, 1 / share, -y / share), (zero, zero, one))


def pixels(height: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Where every pixel lies: (x, y) [H, W, 2]."""
    y, x = torch.meshgrid(torch.arange(height, dtype=dtype), torch.arange(width, dtype=dtype), indexing="ij")
    return torch.stack([x, y], -1)


def move(points: Tensor, m: Tensor) -> Tensor:
    """Points [D or 1, ..., 2] moved by M [D, 3, 3]; FAR away where perspective puts them behind the viewer."""
    m = m.reshape(len(m), *(1,) * (points.ndim - 2), 3, 3)
    moved = (m[..., :2, :2] @ points[..., None])[..., 0] + m[..., :2, 2]
    depth = (m[..., 2, :2] * points).sum(-1, keepdim=True) + m[..., 2, 2:]
    return torch.where(depth > 1e-6, moved / depth.clamp_min(1e-6), FAR)


def sample(image: Tensor, at: Tensor, fill: float = 0.0) -> Tensor:
    """Bilinear values of image [D or 1, C, H, W] at (x, y) [D, ..., 2]: [D, C, ...]. Beyond the image all pixels are `fill`."""
    place = _inside(at.flatten(1, -2), image)
    low = place.floor()
    share, low = (place - low).to(image.dtype)[:, None], low.long()
    padded, row = _padded(image, fill)
    index = (low[..., 1] + 1) * row + low[..., 0] + 1
    right, down = share[..., 0], share[..., 1]
    # Products that vanish at whole numbers leave each pixel as it is, bit for bit.
    top = (1 - right) * _take(padded, index) + right * _take(padded, index + 1)
    bottom = (1 - right) * _take(padded, index + row) + right * _take(padded, index + row + 1)
    return ((1 - down) * top + down * bottom).reshape(len(at), image.shape[1], *at.shape[1:-1])


def nearest(image: Tensor, at: Tensor, fill: float = 0) -> Tensor:
    """Values of image [D or 1, C, H, W] at the pixel nearest to (x, y) [D, ..., 2]: no value that the image did not have."""
    near = _inside((at.flatten(1, -2) + 0.5).floor(), image).long()
    padded, row = _padded(image, fill)
    return _take(padded, (near[..., 1] + 1) * row + near[..., 0] + 1).reshape(len(at), image.shape[1], *at.shape[1:-1])


def _inside(at: Tensor, image: Tensor) -> Tensor:
    """Places [D, P, 2], those beyond the image's next pixel put there: all that lies there is alike."""
    return torch.stack([at[..., 0].clamp(-1, image.shape[-1]), at[..., 1].clamp(-1, image.shape[-2])], -1)


def _padded(image: Tensor, fill: float) -> tuple[Tensor, int]:
    """The image [D, C, ...] with a pixel of `fill` before and two after it, flat, and how long a row is."""
    return F.pad(image, (1, 2, 1, 2), value=fill).flatten(2), image.shape[-1] + 3


def _take(flat: Tensor, index: Tensor) -> Tensor:
    """flat[d, :, index[d, p]], [D, C, P]; one image serves all draws."""
    if len(flat) == 1:
        return flat[0][:, index].movedim(1, 0)
    return flat.gather(2, index[:, None].expand(-1, flat.shape[1], -1))
