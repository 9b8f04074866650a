"""Digits or points of the plane to learn, and ten measurements of people to fit a line to.

Shapes: S seeds, N training and B test samples, d inputs (pixels, or the two of the plane), D features.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from core.data import real, toys
from core.engine import Generators
from core.uploads import Points
from core.uploads import split as split_points

TEST = 160  # test samples of each seed, fewer where a reader brings few points
BLUR = {"two_moons": 0.3, "circles": 0.2}  # standard deviation of the points about their curves
NAMES = tuple("0123456789"), ("A", "B")  # of the classes: of digits, and in the plane


class Data(NamedTuple):
    """Training and test samples of all seeds, none in both sets of a seed. Some labels may be wrong, no test label is."""

    x: Tensor  # [S, d, N] ink, 0 to 1, or places in the plane
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
        y = toys.flip_labels(labels[kept], corrupt, len(NAMES[0]), rng)
        sets.append((images[:, kept], y, images[:, held], labels[held]))
    return Data(*(torch.stack(part) for part in zip(*sets, strict=True)))


def points(problem: str, samples: int, corrupt: float, rngs: Generators, own: Points | None = None) -> Data:
    """The same of points in the plane: of a problem that is drawn anew, or of those that a reader brought, half of which
    are for training at most."""
    sets = []
    for rng in rngs:
        if own:
            (x, y), (x_test, y_test) = split_points(own, (samples, TEST), rng)
        else:
            everything, labels = getattr(toys, problem)(samples + TEST, BLUR[problem], rng)
            (x, x_test), (y, y_test) = everything.split([samples, TEST], 1), labels.split([samples, TEST])
        sets.append((x, toys.flip_labels(y, corrupt, 2, rng), x_test, y_test))
    return Data(*(torch.stack(part) for part in zip(*sets, strict=True)))


@cache
def people() -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """442 people with diabetes: x [N, D] and y [N] of mean 0 and variance 1, float64, and the names of the features."""
    table = real.diabetes()
    x, y = table.x_ND - table.x_ND.mean(0), table.y_N - table.y_N.mean()
    return x / x.square().mean(0).sqrt(), y / y.square().mean().sqrt(), table.feature_names
