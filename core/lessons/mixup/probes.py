"""Data with some labels wrong, and where classifiers that learned them are asked: on segments between samples of two
classes and on a plane of inputs.

Shapes: S seeds, N training and T test samples, d inputs, C classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.data import real, toys
from core.engine import Generators
from core.uploads import Points, frame, split

CLASSES = {"moons": 2, "digits": 10}
TEST = 400  # test samples of each seed
SEGMENTS = 40  # between test samples of two classes, for each seed
# Moons: the frame of the plane, wide enough for the widest noise that is offered.
FRAME = ((-1.7, 2.7), (-1.3, 1.8))
Frame = tuple[tuple[float, float], tuple[float, float]]
SIDE = 49
CORNERS = (3, 8, 5)  # digits that span a plane


class Data(NamedTuple):
    """Training and test sets of all seeds."""

    x: Tensor  # [S, d, N]
    given: Tensor  # [S, N], the labels that the nets are given
    true: Tensor  # [S, N]
    x_test: Tensor  # [S, d, T]
    y_test: Tensor  # [S, T]
    classes: int
    frame: Frame = FRAME  # of the plane of two inputs


class Plane(NamedTuple):
    """Inputs on a plane."""

    x: Tensor  # [SIDE] along it
    y: Tensor  # [SIDE]
    points: Tensor  # [d, SIDE²]
    corners: Tensor | None = None  # [2, 3] for digits: where the test digits that span it lie
    corner_labels: Tensor | None = None  # [3] their labels


def make_data(problem: str, samples: int, noise: float, corrupt: float, rngs: Generators, own: Points | None = None) -> Data:
    """One set for each generator. problem: "moons", drawn anew with their blur `noise`, or "digits", split so that no digit
    is in both sets; corrupt: the fraction of training labels that are replaced by another class. own: points that a reader
    brought instead, of which half are for training at most."""
    if own:
        pairs = [split(own, (samples, TEST), rng) for rng in rngs]
        x, y, x_test, y_test = (torch.stack(part) for part in zip(*([*a, *b] for a, b in pairs), strict=True))
        given = torch.stack([toys.flip_labels(one, corrupt, 2, rng) for one, rng in zip(y, rngs, strict=True)])
        return Data(x, given, y, x_test, y_test, 2, frame(own))
    everything = real.digits() if problem == "digits" else None
    sets: list[tuple[Tensor, ...]] = []
    for rng in rngs:
        if everything is not None:
            count = len(everything.labels_N)
            kept, held = toys.split(count, (samples / count, TEST / count), rng)
            images = everything.images_NHW.flatten(1).T
            x, y, x_test, y_test = images[:, kept], everything.labels_N[kept], images[:, held], everything.labels_N[held]
        else:
            x, y = toys.two_moons(samples, noise, rng)
            x_test, y_test = toys.two_moons(TEST, noise, rng)
        sets.append((x, toys.flip_labels(y, corrupt, CLASSES[problem], rng), y, x_test, y_test))
    return Data(*(torch.stack(part) for part in zip(*sets, strict=True)), classes=CLASSES[problem])


def segments(data: Data, rngs: Generators) -> tuple[Tensor, Tensor, Tensor]:
    """x_i [S, d, n], y_i [S, n] and x_j [S, d, n]: pairs of test samples of different classes, n = SEGMENTS."""
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for x, y, rng in zip(data.x_test, data.y_test, rngs, strict=True):
        i, j = torch.randperm(y.numel(), generator=rng), torch.randperm(y.numel(), generator=rng)
        while not (y[i] != y[j]).any():
            j = torch.randperm(y.numel(), generator=rng)
        differ = (y[i] != y[j]).nonzero().squeeze(1)
        # Of few test samples, as of a reader's own points, pairs come again.
        differ = differ.repeat(-(-SEGMENTS // len(differ)))[:SEGMENTS]
        i, j = i[differ], j[differ]
        found.append((x[:, i], y[i], x[:, j]))
    x_i, y_i, x_j = (torch.stack(part) for part in zip(*found, strict=True))
    return x_i, y_i, x_j


def plane(data: Data) -> Plane:
    """The plane of the moons, or that through three test digits of the first seed.

    The latter has its origin at the first of them and keeps distances (Gram-Schmidt).
    """
    if data.x.shape[1] == 2:
        x, y = (torch.linspace(*ends, SIDE) for ends in data.frame)
        v, u = torch.meshgrid(y, x, indexing="ij")
        return Plane(x, y, torch.stack([u.flatten(), v.flatten()]))
    labels = data.y_test[0]
    chosen = torch.tensor([int((labels == digit).nonzero()[0]) for digit in CORNERS])
    a, b, c = data.x_test[0, :, chosen].unbind(1)
    e = (b - a) / (b - a).norm()
    f = (c - a) - e * (e @ (c - a))
    f = f / f.norm()
    corners = torch.stack([torch.stack([e @ (p - a), f @ (p - a)]) for p in (a, b, c)], 1)
    low, high = corners.amin(1), corners.amax(1)
    pad = 0.25 * (high - low).max()
    x, y = (torch.linspace(float(low[k] - pad), float(high[k] + pad), SIDE) for k in range(2))
    v, u = torch.meshgrid(y, x, indexing="ij")
    return Plane(x, y, a[:, None] + e[:, None] * u.flatten() + f[:, None] * v.flatten(), corners, labels[chosen])
