"""The samples of the lesson, and how its rows are counted.

Two nets learn: one numbers, by squared error, and one classes. The lesson's own numbers are heights of a curve, its classes round
clouds in the plane. Points that a reader brings are learnt by both, by the first as −1 and 1.

Shapes: S seeds, N samples, n test samples, L strengths, A = 2 kinds of noise on numbers (inputs, weights), K classes, d inputs,
G places.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.data import toys
from core.engine import Generators
from core.uploads import Points, frame, split

KINDS = ("inputs", "weights")
SEEDS = 5
STRENGTHS = 7  # 0 and six more, in equal steps
HALF = 4.0  # x runs from −HALF to HALF on the curve
PLACES = 97  # along it
POINTS, TEST = 60, 200  # training and test samples of the classes
SIDE, EXTENT = 37, 3.6  # the map of the plane
Frame = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Data:
    """Samples of all seeds."""

    x: Tensor  # [S, d, N] inputs of the net that learns numbers
    y: Tensor  # [S, 1, N] its numbers: heights of the curve with their error, or the classes as −1 and 1
    asked: Tensor  # [1 or S, d, n] where it is judged: on the curve, or at the test samples
    wanted: Tensor  # [1 or S, n] the right answers there
    drawn: Tensor  # [d, G] where it is drawn
    points: Tensor  # [S, 2, N] in the plane
    given: Tensor  # [S, N] their classes
    points_test: Tensor  # [S, 2, n]
    given_test: Tensor  # [S, n]
    classes: int
    frame: Frame  # what is shown of the plane
    own: Points | None  # what the reader brought


def make_data(samples: int, blur: float, spread: float, classes: int, rngs: tuple[Generators, Generators],
              own: Points | None = None) -> Data:
    """One set for each generator: heights of `wave` with errors of standard deviation `blur`, and `classes` round clouds of
    standard deviation `spread`. Of the reader's points half are for training at most."""
    if own:
        return _of_points(own, rngs[1])
    curves = [toys.gap_regression(samples, blur, (0.0, 0.0), g, (-HALF, HALF)) for g in rngs[0]]
    clouds = [(*toys.blobs(POINTS, spread, g, classes), *toys.blobs(TEST, spread, g, classes)) for g in rngs[1]]
    points, given, points_test, given_test = (torch.stack(part) for part in zip(*clouds, strict=True))
    x, half = places(), max(EXTENT, 1.05 * float(points[0].abs().max()))
    return Data(
        x=torch.stack([c.x_1N for c in curves]), y=torch.stack([c.y_1N for c in curves]), asked=x[None, None],
        wanted=toys.wave(x[None]), drawn=x[None], points=points, given=given, points_test=points_test, given_test=given_test,
        classes=classes, frame=((-half, half), (-half, half)), own=None)


def _of_points(own: Points, rngs: Generators) -> Data:
    sets = [(*train, *test) for train, test in (split(own, (POINTS, TEST), g) for g in rngs)]
    x, y, x_test, y_test = (torch.stack(part) for part in zip(*sets, strict=True))
    return Data(
        x=x, y=(2.0 * y - 1)[:, None], asked=x_test, wanted=2.0 * y_test - 1, drawn=grid(frame(own)), points=x, given=y,
        points_test=x_test, given_test=y_test, classes=2, frame=frame(own), own=own)


def places() -> Tensor:
    """Along the curve, [PLACES]."""
    return torch.linspace(-HALF, HALF, PLACES)


def sides(shown: Frame) -> tuple[Tensor, Tensor]:
    """Places along either side of the map of the plane, [SIDE] each."""
    return torch.linspace(*shown[0], SIDE), torch.linspace(*shown[1], SIDE)


def grid(shown: Frame) -> Tensor:
    """The map's places [2, SIDE²], row by row."""
    x, y = sides(shown)
    v, u = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([u.flatten(), v.flatten()])


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """Class indices [..., n] as columns [..., K, n]; float32."""
    return torch.nn.functional.one_hot(labels, classes).to(torch.float32).mT


def both_kinds(rows: Tensor) -> Tensor:
    """The rows of the run on numbers, [(2L − 1)·S, ...], as [A, L, S, ...]: both kinds begin with strength 0.

    S is the number of seeds in `rows`: SEEDS, or 1."""
    by = rows.unflatten(0, (2 * STRENGTHS - 1, -1))
    return torch.stack([by[:STRENGTHS], torch.cat([by[:1], by[STRENGTHS:]])])
