"""Digits to learn, and ten measurements of people to fit a line to.

Shapes: S seeds, N training and B test samples, d pixels, D features.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from core.data import real, toys
from core.engine import Generators

TEST = 160  # test digits of each seed
PIXELS, CLASSES = 64, 10


class Data(NamedTuple):
    """Training and test digits of all seeds, no digit in both sets of a seed. Some labels may be wrong, no test label is."""

    x: Tensor  # [S, d, N] ink, 0 to 1
    y: Tensor  # [S, N] the labels that the nets are given
    x_test: Tensor  # [S, d, B]
    y_test: Tensor  # [S, B]


def digits(samples: int, corrupt: float, rngs: Generators) -> Data:
    """One set for each generator; corrupt: the fraction of training labels that are replaced by another class."""
    everything = real.digits()
    images, labels = everything.images_NHW.flatten(1).T, everything.labels_N
    sets = []
    for rng in rngs:
        kept, held = toys.split(len(labels), (samples / len(labels), TEST / len(labels)), rng)
        y = toys.flip_labels(labels[kept], corrupt, CLASSES, rng)
        sets.append((images[:, kept], y, images[:, held], labels[held]))
    return Data(*(torch.stack(part) for part in zip(*sets, strict=True)))


@cache
def people() -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """442 people with diabetes: x [N, D] and y [N] of mean 0 and variance 1, float64, and the names of the features."""
    table = real.diabetes()
    x, y = table.x_ND - table.x_ND.mean(0), table.y_N - table.y_N.mean()
    return x / x.square().mean(0).sqrt(), y / y.square().mean().sqrt(), table.feature_names
