"""A chain of transforms: one draw of it for picture, mask and landmarks together.

Geometric and spatial transforms are composed into one map and resampled once: bilinear for the picture, nearest pixel for the
mask. Then come those of the apparatus, on the quantity that it measures, then colour, on the levels of the screen. Levels are
clipped once, at the very end. Every transform draws from streams of its own, one for each draw, so that another one in the
chain changes none of its draws.

Shapes: D draws, C channels, H rows, W columns, P landmarks, L lines of a lattice with n points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Generator, Tensor

from core.engine import Generators, spawn
from core.lessons.augmentation.subjects import Subject
from core.transforms import colour, ffd, geometry, imaging

MAPS = {"flip": "Flip", "crop": "Crop", "rotate": "Rotate", "rigid": "Rigid (3 degrees of freedom)",
        "similarity": "Similarity (4)", "affine": "Affine (6)", "projective": "Projective (8)", "ffd": "Free-form deformation"}
APPARATUS = {"camera": "Camera exposure", "speckle": "Ultrasound speckle", "bias": "MR bias field", "ct": "CT projection noise"}
COLOURS = {"brightness": "Brightness", "contrast": "Contrast", "gamma": "Gamma", "rgb": "Red, green, blue"}
TRANSFORMS = {**MAPS, **APPARATUS, **COLOURS}
MIRRORS = ("flip", "rotate", "affine", "ffd")  # those of which it is asked whether they turn a picture into its mirror image
GRAIN = 0.7  # of speckle, pixels
ELECTRONS = 2000.0  # of a camera's pixel at white
LINES, POINTS = 6, 15  # of the lattice that is drawn over


class Controls(Protocol):
    """The fields of the scene that a chain reads."""

    transforms: tuple[str, ...]
    strength: float
    flip_axis: str
    crop: float
    angle: float
    shift: float
    scale: float
    shear: float
    perspective: float
    reach: float
    spacing: int
    stops: float
    looks: float
    bias: float
    photons: float
    brightness: float
    contrast: float
    gamma: float
    rgb: float


@dataclass(frozen=True)
class Draws:
    """What was drawn for D draws."""

    matrix: Tensor  # [D, 3, 3] float64, input to output
    phi: Tensor | None  # [D, 2, m, n] control points of the free-form deformation (pixels)
    spacing: float
    field: Tensor | None  # [D, H, W] bias field


def signed(streams: Mapping[str, Generators], name: str, count: int) -> Tensor:
    """Uniforms on [−1, 1), [D, count] float64, of one transform."""
    return torch.stack([2 * torch.rand(count, generator=g, dtype=torch.float64) - 1 for g in streams[name]])


def streams(root: Generator, draws: int) -> dict[str, Generators]:
    """D generators for every transform."""
    return {name: spawn([one] * draws) for name, one in zip(TRANSFORMS, spawn([root] * len(TRANSFORMS)), strict=True)}


def matrix(name: str, c: Controls, u: Tensor, size: tuple[int, int]) -> Tensor:
    """M [D, 3, 3] of one transform, from u [D, 8] on [−1, 1)."""
    s, (H, W) = c.strength, size
    if name == "flip":
        chosen = 0.5 * (u[:, 0] + 1) < s / 2  # every second picture at strength 1
        no = torch.zeros_like(chosen)
        return geometry.flip(no if c.flip_axis == "up" else chosen, no if c.flip_axis == "left" else chosen, H, W)
    if name == "crop":
        side = (1 - s * (1 - c.crop) * 0.5 * (u[:, 0] + 1)).clamp_min(0.2)
        return geometry.crop(side, 0.5 * (u[:, 1] + 1), 0.5 * (u[:, 2] + 1), H, W)
    small = torch.tensor([5, 5, math.radians(10), 0.1, 0.1, 0.1, 0, 0], dtype=torch.float64)
    if name == "rotate":
        small = torch.tensor([0, 0, math.radians(c.angle)], dtype=torch.float64)
    elif name == "rigid":
        small[:2] = c.shift
    elif name == "similarity":
        small[3] = c.scale
    elif name == "affine":
        small[4:6] = c.shear
    elif name == "projective":
        small[6:] = c.perspective / 2
    count = geometry.DEGREES.get(name, 3)
    return geometry.matrix(s * u[:, :count] * small[:count], H, W)


def control_points(c: Controls, generators: Generators, size: tuple[int, int]) -> Tensor:
    """phi [D, 2, m, n], every component uniform within ± reach · strength."""
    shape = 2, ffd.lattice(size[0], c.spacing), ffd.lattice(size[1], c.spacing)
    u = torch.stack([torch.rand(shape, generator=g, dtype=torch.float64) for g in generators])
    return c.reach * c.strength * (2 * u - 1)


def draw(c: Controls, size: tuple[int, int], rngs: Mapping[str, Generators]) -> Draws:
    """One draw of the chain for each generator of a stream."""
    D = len(next(iter(rngs.values())))
    m = torch.eye(3, dtype=torch.float64).expand(D, 3, 3)
    for name in MAPS:
        if name in c.transforms and name != "ffd":
            m = matrix(name, c, signed(rngs, name, 8), size) @ m
    phi = control_points(c, rngs["ffd"], size) if "ffd" in c.transforms else None
    field = None
    if "bias" in c.transforms:
        u = signed(rngs, "bias", 5)
        field = imaging.bias_field(u, torch.full((D,), c.bias * c.strength), *size)
    return Draws(m, phi, float(c.spacing), field)


def mirrored(c: Controls, size: tuple[int, int], rngs: Mapping[str, Generators]) -> dict[str, float]:
    """For each of MIRRORS, the part of the draws that turn most of a picture into its mirror image: det J < 0 there.

    That of a flip is known: to flip both axes is a turn.
    """
    found = {"flip": 0.0 if c.flip_axis == "both" else c.strength / 2}
    for name in MIRRORS[1:]:
        if name == "ffd":
            slopes = ffd.slopes(control_points(c, rngs[name][:4], size), c.spacing, *size)
            sign = ffd.determinant(slopes).flatten(1).median(1).values
        else:
            sign = torch.linalg.det(matrix(name, c, signed(rngs, name, 8), size)[:, :2, :2])
        found[name] = float((sign < 0).double().mean())
    return found


def origin(draws: Draws, size: tuple[int, int]) -> Tensor:
    """Where each pixel of the output comes from: (x, y) [D, H, W, 2] of the input."""
    at = geometry.pixels(*size)[None].expand(len(draws.matrix), -1, -1, -1)
    if draws.phi is not None:
        at = at + ffd.displacement(draws.phi, draws.spacing, *size)
    return geometry.move(at, torch.linalg.inv(draws.matrix))


def destination(draws: Draws, points: Tensor) -> Tensor:
    """Where points (x, y) [P, 2] of the input go, [D, P, 2]; NaN where a fold leaves no single place."""
    moved = geometry.move(points[None].expand(len(draws.matrix), -1, -1), draws.matrix)
    return moved if draws.phi is None else ffd.undo(draws.phi, draws.spacing, moved)


def lattice(draws: Draws, size: tuple[int, int]) -> Tensor | None:
    """The lines of a lattice on the input as they lie in the output: [D, L, n, 2], first those that were upright. None without
    a map."""
    H, W = size
    n = POINTS if draws.phi is not None else 2
    across, down = torch.linspace(0, W - 1, LINES).double(), torch.linspace(0, H - 1, LINES).double()
    way_x, way_y = torch.linspace(0, W - 1, n).double(), torch.linspace(0, H - 1, n).double()
    upright = torch.stack(torch.meshgrid(across, way_y, indexing="ij"), -1)
    level = torch.stack(torch.meshgrid(down, way_x, indexing="ij"), -1).flip(-1)
    lines = torch.cat([upright, level])
    return destination(draws, lines.flatten(0, 1)).unflatten(1, lines.shape[:2])


def measured(level: Tensor, c: Controls, subject: Subject, draws: Draws, k: int, rngs: Mapping[str, Generators]) -> Tensor:
    """The level [C, H, W] of draw k after what its apparatus does, unclipped."""
    x, s = level[None], c.strength
    if "camera" in c.transforms:
        g = rngs["camera"][k]
        stops = c.stops * s * (2 * torch.rand(1, generator=g) - 1)
        light = imaging.expose(imaging.to_light(x), stops, ELECTRONS / s**2 if s > 0 else math.inf, g)
        x = imaging.to_srgb(light)
    if "speckle" in c.transforms:
        noise = imaging.speckle((1, *subject.size), int(c.looks), GRAIN, rngs["speckle"][k])
        x = imaging.from_envelope(imaging.to_envelope(x) * noise[:, None] ** s)
    if draws.field is not None:
        x = subject.zero + (x - subject.zero) * draws.field[k]  # the intensity, whatever the window shows black
    if "ct" in c.transforms and s > 0:
        low, high = subject.window
        hounsfield = (low + (high - low) * x.mean(1)).clamp_min(-1000)  # nothing attenuates less than a vacuum
        x = x + imaging.projection_noise(hounsfield, c.photons / s**2, rngs["ct"][k])[:, None] / (high - low)
    return x[0]


def palette(c: Controls, rngs: Mapping[str, Generators]) -> dict[str, Tensor]:
    """What the chain's transforms of colour are told: [D], and [D, 3] of the channels' gains."""
    size = {"brightness": c.brightness, "contrast": c.contrast, "gamma": c.gamma, "rgb": c.rgb}
    drawn = {name: c.strength * size[name] * signed(rngs, name, 3) for name in COLOURS if name in c.transforms}
    return {name: (u[:, 0] if name == "brightness" else u.exp() if name == "rgb" else u[:, 0].exp()).float()
            for name, u in drawn.items()}


def coloured(x: Tensor, told: Mapping[str, Tensor]) -> Tensor:
    """Levels [n, C, H, W] of the first n draws after what is done to their colours, unclipped."""
    act = {"brightness": colour.brightness, "contrast": colour.contrast, "gamma": colour.gamma, "rgb": colour.channels}
    for name, parameters in told.items():
        # Contrast turns about the mean of what is seen: air far below a narrow window of CT does not count as more than black.
        about = (x.clamp(0, 1).mean((1, 2, 3)),) if name == "contrast" else ()
        x = act[name](x, parameters[: len(x)], *about)
    return x
