"""A simulated laparoscopic clip: an instrument that moves over tissue. Nothing of it was filmed.

Tissue is smoothed noise with vessels, deformed by a breath; the instrument is a straight shaft with a gradient of light across
it; there are wet highlights as bright as the metal, smoke that comes and goes, a vignette and camera noise. The mask is the
instrument's own outline, so it is exact.

Shapes: F frames, HEIGHT × WIDTH pixels, S seeds.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.engine import Generators
from core.lessons.mean_teacher.masks import Images
from core.transforms import geometry

HEIGHT, WIDTH = 24, 36
FRAMES = 40  # of the clip that is played back
TRAINING = 32  # of each seed's own clip
SMOKIEST = 26  # the frame of that clip where smoke is thickest, counted from 0
SPARE = 8  # pixels beyond the frame, which the breath brings in
TISSUE = ((0.42, 0.10, 0.10), (0.86, 0.45, 0.40))  # RGB, dark and bright
METAL = (0.62, 0.65, 0.70)


def smooth_noise(height: int, width: int, grain: int, generator: Generator) -> Tensor:
    """Smoothed normal noise [height, width] with mean 0 and standard deviation 1; `grain` pixels between its knots."""
    knots = torch.randn(1, 1, math.ceil(height / grain) + 3, math.ceil(width / grain) + 3, generator=generator)
    field = F.interpolate(knots, scale_factor=grain, mode="bicubic")[0, 0, grain:grain + height, grain:grain + width]
    return (field - field.mean()) / field.std()


def simulate(frames: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """RGB levels [frames, 3, HEIGHT, WIDTH] in [0, 1] and the instrument's mask [frames, 1, HEIGHT, WIDTH]."""
    t = torch.arange(frames) / FRAMES
    still = _tissue(generator)
    at = _breath(t, generator)
    image = geometry.sample(still[None], at)
    mask, shade = _instrument(t, generator)
    image = torch.where(mask > 0, shade * image.new_tensor(METAL).reshape(3, 1, 1), image)
    smoke = _smoke(t, generator)
    image = image * (1 - smoke) + 0.72 * smoke
    y, x = (torch.linspace(-1, 1, size) for size in (HEIGHT, WIDTH))
    vignette = 1 - 0.35 * (y[:, None].square() + x.square()) / 2
    image = image * vignette + 0.03 * torch.randn(image.shape, generator=generator)
    return image.clamp(0, 1), mask


def _tissue(generator: Generator) -> Tensor:
    size = HEIGHT + 2 * SPARE, WIDTH + 2 * SPARE
    coarse, fine = smooth_noise(*size, 12, generator), smooth_noise(*size, 4, generator)
    tone = torch.sigmoid(0.9 * coarse + 0.5 * fine)
    dark, bright = (torch.tensor(rgb).reshape(3, 1, 1) for rgb in TISSUE)
    colour = dark + (bright - dark) * tone
    vessel = torch.exp(-(smooth_noise(*size, 10, generator) / 0.12).square())
    colour = colour * (1 - 0.5 * vessel)
    wet = torch.sigmoid(8 * (smooth_noise(*size, 5, generator) - 1.7))
    return colour * (1 - wet) + 0.92 * wet


def _breath(t: Tensor, generator: Generator) -> Tensor:
    """Where each pixel of each frame takes its tissue from, [F, HEIGHT, WIDTH, 2]."""
    phase = 2 * math.pi * torch.rand(2, generator=generator)
    pixel = geometry.pixels(HEIGHT, WIDTH, torch.float32)
    swell = torch.sin(2 * math.pi * 2 * t + phase[0]).reshape(-1, 1, 1, 1)
    wave = torch.sin(pixel.flip(-1) / 9 + phase[1])
    return pixel + SPARE + swell * (2.0 + 1.5 * wave)


def _instrument(t: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mask and brightness of the shaft, [F, 1, HEIGHT, WIDTH] each: from a point beyond the border to a tip that wanders."""
    u = torch.rand(6, generator=generator)
    side = -1.0 if u[0] < 0.5 else 1.0
    entry = torch.stack([(0.5 + 0.75 * side) * WIDTH * torch.ones_like(t), (0.2 + 0.9 * u[1]) * HEIGHT * torch.ones_like(t)], -1)
    way = 2 * math.pi * (t * (1 + u[2]) + u[3])
    tip = torch.stack([WIDTH * (0.5 - 0.08 * side + 0.24 * way.sin()), HEIGHT * (0.5 + 0.3 * (1.3 * way + 6 * u[4]).cos())], -1)
    along = tip - entry
    length = along.norm(dim=-1).reshape(-1, 1, 1)
    ex, ey = ((along / along.norm(dim=-1, keepdim=True))[:, c].reshape(-1, 1, 1) for c in (0, 1))
    pixel = geometry.pixels(HEIGHT, WIDTH, torch.float32)
    dx, dy = (pixel[..., c] - entry[:, c].reshape(-1, 1, 1) for c in (0, 1))
    far, off = dx * ex + dy * ey, dx * -ey + dy * ex
    half = (3.4 * ((length - far) / 8).clamp(0, 1).sqrt()).clamp_min(0.0)  # it narrows over its last eight pixels
    mask = ((far < length) & (off.abs() < half)).float()
    shade = 1.25 - 0.75 * (off / 3.4).square() + 0.25 * torch.sin(far / 2.2)
    return mask[:, None], shade.clamp(0.3, 1.4)[:, None]


def _smoke(t: Tensor, generator: Generator) -> Tensor:
    """Opacity [F, 1, HEIGHT, WIDTH] of drifting smoke that is thickest past the middle of the clip."""
    field = smooth_noise(HEIGHT, WIDTH + 2 * FRAMES, 9, generator)
    drift = torch.stack([field[:, (i % FRAMES):(i % FRAMES) + WIDTH] for i in range(len(t))])
    amount = torch.exp(-((t - SMOKIEST / FRAMES) / 0.2).square()).reshape(-1, 1, 1)
    return (0.7 * amount * torch.sigmoid(1.5 * drift))[:, None]


def make_clip(labels: int, rngs: Generators, playback: Generator) -> Images:
    """Each seed's own training clip, `labels` frames of it labelled at equal distances, and one clip to be played back."""
    parts: list[list[Tensor]] = [[], [], [], []]
    for rng in rngs:
        image, mask = simulate(TRAINING, rng)
        pick = torch.linspace(0, TRAINING - 1, labels + 2).round().long()[1:-1]
        rest = torch.ones(TRAINING, dtype=torch.bool)
        rest[pick] = False
        for part, piece in zip(parts, (image[pick], mask[pick], image[rest], mask[rest]), strict=True):
            part.append(piece)
    image, mask = simulate(FRAMES, playback)
    return Images(*(torch.stack(part) for part in parts), image[None], mask[None])
