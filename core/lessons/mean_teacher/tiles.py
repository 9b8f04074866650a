"""Tiles of the picture of cell nuclei that ships with the lab, its instance masks made binary; no tile is used twice.

Shapes: S seeds, N tiles, SIDE × SIDE pixels.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from core.data import real
from core.engine import Generators, normals
from core.lessons.mean_teacher.masks import Images

SIDE = 24
SHRINK = 2  # pixels of the picture along a side of one of ours
UNLABELLED, TEST = 48, 12
CONTRAST = 2.5  # factor on the levels, of which few are above a third
NOISE = 0.05  # standard deviation of the noise that is added to them


@cache
def tiles() -> tuple[Tensor, Tensor]:
    """All 100 tiles [100, 1, SIDE, SIDE] and their masks: nucleus or background, a pixel by the majority of its four."""
    nuclei = real.nuclei()
    whole = torch.stack([nuclei.image_HW * CONTRAST, (nuclei.instances_HW > 0).float()])
    small = F.avg_pool2d(whole, SHRINK).unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE).flatten(1, 2)
    return small[0][:, None], (small[1] > 0.5).float()[:, None]


def make_tiles(labels: int, rngs: Generators) -> Images:
    """Disjoint labelled, unlabelled and test tiles for each seed, with noise of that seed's own."""
    image, mask = tiles()
    order = torch.stack([torch.randperm(len(image), generator=g) for g in rngs])
    noisy = image + NOISE * normals(rngs, *image.shape)
    parts = order.split([labels, UNLABELLED, TEST, len(image) - labels - UNLABELLED - TEST], 1)[:3]
    rows = torch.arange(len(rngs))[:, None]
    (x, u, t), (y, h, truth) = ([source(part) for part in parts] for source in (lambda i: noisy[rows, i], lambda i: mask[i]))
    return Images(x, y, u, h, t, truth)
