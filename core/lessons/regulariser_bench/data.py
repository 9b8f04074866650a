"""What the nets learn: points in the plane, measures of breast masses or digits, split anew for each seed.

Shapes: S seeds, N training, V validation and B test samples, d inputs, C classes, E pairs of inputs, G places a side.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from core.data import real, toys
from core.engine import Generators
from core.uploads import Points, frame
from core.uploads import split as split_points

PLANE = {"moons": "Two moons", "circles": "Circles", "spirals": "Spirals"}
REAL = {"cancer": "Breast cancer", "digits": "Digits"}
HELD = {"plane": (64, 192), "cancer": (128, 192), "digits": (128, 256)}  # validation and test samples
BLUR = {"moons": 0.25, "circles": 0.15, "spirals": 0.06}  # standard deviation of the points about their curves
SIDE = 8  # pixels of a digit, across and up
MEASURES = 10  # of the nuclei of a breast mass, each as mean, standard error and worst


class Samples(NamedTuple):
    """Three disjoint sets for each seed. Some labels of `y` may be wrong, no other."""

    x: Tensor  # [S, d, N]
    y: Tensor  # [S, N] as the nets are given them
    x_val: Tensor  # [S, d, V]
    y_val: Tensor  # [S, V]
    x_test: Tensor  # [S, d, B]
    y_test: Tensor  # [S, B]


def names(problem: str, own: Points | None) -> tuple[str, ...]:
    """Of the classes, [C]."""
    if own is not None:
        return own.names
    return tuple("0123456789") if problem == "digits" else ("malignant", "benign") if problem == "cancer" else ("A", "B")


def samples(problem: str, count: int, wrong: float, rngs: Generators, own: Points | None) -> Samples:
    """One draw for each generator. wrong: the part of the training labels that are replaced by another class.

    Of a reader's own points half train at most, and the others are shared by validation and test."""
    sets = []
    for rng in rngs:
        x, y, *held = _one(problem, count, rng, own)
        sets.append((x, toys.flip_labels(y, wrong, len(names(problem, own)), rng), *held))
    return Samples(*(torch.stack(part) for part in zip(*sets, strict=True)))


def _one(problem: str, count: int, rng: Generator, own: Points | None) -> list[Tensor]:
    """x, y of training, validation and test."""
    if own is not None:
        return [part for pair in split_points(own, (count, *HELD["plane"]), rng) for part in pair]
    if problem in PLANE:
        sizes = [count, *HELD["plane"]]
        draw = {"moons": toys.two_moons, "circles": toys.circles, "spirals": _spirals}[problem]
        x, y = draw(sum(sizes), BLUR[problem], rng)
        return [part for pair in zip(x.split(sizes, 1), y.split(sizes), strict=True) for part in pair]
    if problem == "digits":
        whole = real.digits()
        x, y = whole.images_NHW.flatten(1).T, whole.labels_N
    else:
        table = real.breast_cancer()
        x, y = table.x_ND.T, table.y_N
    sizes = (count, *HELD[problem])
    rows = toys.split(len(y), [size / len(y) for size in sizes], rng)
    if problem == "cancer":  # by the training samples alone, as if nothing were known of the others
        mean, spread = x[:, rows[0]].mean(1, keepdim=True), x[:, rows[0]].std(1, correction=0, keepdim=True)
        x = (x - mean) / spread.clamp_min(1e-12)
    return [part for chosen in rows for part in (x[:, chosen].float(), y[chosen])]


def _spirals(n: int, noise: float, rng: Generator) -> tuple[Tensor, Tensor]:
    x, y = toys.spirals(n, noise, rng, turns=0.75)
    return 1.5 * x, y


def pairs_to_tie(problem: str) -> Tensor | None:
    """Inputs whose weights are pulled together, [E, 2]; None where no two inputs are of one kind.

    Digits: neighbouring pixels. Breast cancer: mean, standard error and worst of one measure."""
    if problem == "digits":
        at = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)
        across, down = torch.stack([at[:, :-1], at[:, 1:]], -1), torch.stack([at[:-1], at[1:]], -1)
        return torch.cat([across.reshape(-1, 2), down.reshape(-1, 2)])
    if problem == "cancer":
        mean, error, worst = torch.arange(3 * MEASURES).reshape(3, MEASURES)
        return torch.cat([torch.stack(pair, 1) for pair in ((mean, error), (error, worst), (mean, worst))])
    return None


def grid(x: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Places [1, 2, G²] of a square that holds the points x [2, n], row by row from the bottom, and its coordinates [G], [G]."""
    (x0, x1), (y0, y1) = frame(Points(x.numpy(), (x[0] > 0).numpy(), ("", "")), 0.25)
    half = max(x1 - x0, y1 - y0) / 2
    across = torch.linspace((x0 + x1) / 2 - half, (x0 + x1) / 2 + half, side)
    up = torch.linspace((y0 + y1) / 2 - half, (y0 + y1) / 2 + half, side)
    return torch.stack(torch.meshgrid(across, up, indexing="xy")).flatten(1)[None], across, up
