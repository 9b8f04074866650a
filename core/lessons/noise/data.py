"""The samples of the lesson, and how its rows are counted.

Shapes: S seeds, N samples, L strengths, A = 2 kinds of noise on the curve (inputs, weights), K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import toys
from core.engine import Generators

KINDS = ("inputs", "weights")
SEEDS = 5
STRENGTHS = 7  # 0 and six more, in equal steps
HALF = 4.0  # x runs from −HALF to HALF
POINTS, TEST = 60, 200  # training and test samples of the classes


@dataclass(frozen=True)
class Data:
    """Samples of all seeds."""

    x: Tensor  # [S, 1, N] places on the curve
    y: Tensor  # [S, 1, N] heights, with their error
    points: Tensor  # [S, 2, POINTS] in the plane
    given: Tensor  # [S, POINTS] their classes
    points_test: Tensor  # [S, 2, TEST]
    given_test: Tensor  # [S, TEST]
    classes: int


def make_data(samples: int, blur: float, spread: float, classes: int, rngs: tuple[Generators, Generators]) -> Data:
    """One set for each generator: heights of `wave` with errors of standard deviation `blur`, and `classes` round clouds of
    standard deviation `spread`."""
    curves = [toys.gap_regression(samples, blur, (0.0, 0.0), g, (-HALF, HALF)) for g in rngs[0]]
    clouds = [(*toys.blobs(POINTS, spread, g, classes), *toys.blobs(TEST, spread, g, classes)) for g in rngs[1]]
    return Data(torch.stack([c.x_1N for c in curves]), torch.stack([c.y_1N for c in curves]),
                *(torch.stack(part) for part in zip(*clouds, strict=True)), classes=classes)


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Class indices [..., n] as columns [..., K, n]; float32."""
    return torch.nn.functional.one_hot(labels, classes).to(torch.float32).mT


def both_kinds(rows: Tensor) -> Tensor:
    """The rows of the curve's run, [(2L − 1)·S, ...], as [A, L, S, ...]: both kinds begin with strength 0."""
    by = rows.unflatten(0, (2 * STRENGTHS - 1, SEEDS))
    return torch.stack([by[:STRENGTHS], torch.cat([by[:1], by[STRENGTHS:]])])
