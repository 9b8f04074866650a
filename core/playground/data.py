"""What the playground's nets learn: samples of the plane in three sets, and the inputs that are made of them.

All are scaled so that they fit into axes from −3 to 3; the learning rates are for that scale.

Shapes: N samples, x [2, N], C classes, D inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from core import uploads
from core.data import real, toys
from core.drawings import places
from core.playground.setup import Setup

FRAME = (-3.0, 3.0)
LEAST = 3  # classes of drawn points, so that the net keeps its outputs while the first of them are drawn
SETS = ("training", "validation", "test")


class Problem(NamedTuple):
    """x [1, 2, N] and y [N] (class, or a height), the training set first, then validation, then test."""

    x: Tensor
    y: Tensor
    ends: tuple[int, int, int]  # where each set ends
    classes: int  # 0: a regression
    names: tuple[str, ...]  # of the classes
    axes: tuple[str, str]
    frame: tuple[tuple[float, float], tuple[float, float]]

    def part(self, name: str) -> slice:
        """The samples of one of SETS."""
        at = SETS.index(name)
        return slice(self.ends[at - 1] if at else 0, self.ends[at])

    @property
    def outputs(self) -> int:
        """Of a net: one for a regression and for two classes, else one for each class."""
        return self.classes if self.classes > 2 else 1

    @property
    def size(self) -> int:
        """Training samples."""
        return self.ends[0]


def _moons(n: int, _: float, g: Generator) -> tuple[Tensor, Tensor]:
    x, y = toys.two_moons(n, 0.0, g)
    return 1.5 * (x - x.new_tensor([[0.5], [0.25]])), y


def _gaussians(n: int, _: float, g: Generator) -> tuple[Tensor, Tensor]:
    means = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    return toys.gaussian_classes(n, means, 0.25 * torch.eye(2), g)


def _clouds(classes: int, spread: float, radius: float) -> Callable[..., tuple[Tensor, Tensor]]:
    def sample(n: int, _: float, g: Generator) -> tuple[Tensor, Tensor]:
        return toys.blobs(n, spread, g, classes=classes, radius=radius)
    return sample


def _scaled(make: Callable[..., tuple[Tensor, Tensor]], by: float, **about: object) -> Callable[..., tuple[Tensor, Tensor]]:
    def scaled(n: int, _: float, g: Generator) -> tuple[Tensor, Tensor]:
        x, y = make(n, 0.0, g, **about)
        return by * x, y
    return scaled


def _heights(truth: Callable[[Tensor], Tensor]) -> Callable[..., tuple[Tensor, Tensor]]:
    def sample(n: int, noise: float, g: Generator) -> tuple[Tensor, Tensor]:
        x = 5 * torch.rand(2, n, generator=g) - 2.5
        return x, truth(x) + noise * torch.randn(n, generator=g)
    return sample


def plane(x: Tensor) -> Tensor:
    """The truth of the first regression: (x₁ + x₂)/4."""
    return (x[0] + x[1]) / 4


def hills(x: Tensor) -> Tensor:
    """The truth of the second: two hills and two hollows."""
    return torch.sin(1.2 * x[0]) * torch.cos(1.2 * x[1])


TOYS: Mapping[str, tuple[Callable[..., tuple[Tensor, Tensor]], int]] = MappingProxyType({
    "circles": (_scaled(toys.circles, 2.0), 2), "xor": (_scaled(toys.xor, 1.2), 2), "gaussians": (_gaussians, 2),
    "spiral": (_scaled(toys.spirals, 2.5), 2), "moons": (_moons, 2),
    "arms": (_scaled(toys.spirals, 2.5, classes=3, turns=1.0), 3), "blobs": (_clouds(3, 0.6, 1.5), 3),
    "blobs4": (_clouds(4, 0.5, 1.6), 4), "pinwheel": (_scaled(toys.spirals, 2.5, classes=5, turns=0.4), 5),
    "plane": (_heights(plane), 0), "hills": (_heights(hills), 0)})


def make(setup: Setup, generator: Generator, assets: Mapping[str, bytes] = MappingProxyType({})) -> Problem:
    """The problem of a set-up. Drawn points all train. Raises ValueError, in a sentence, where there is nothing to train on."""
    if setup.data == "drawn":
        return _drawn(setup)
    square = (FRAME, FRAME)
    if setup.data in TOYS:
        sample, classes = TOYS[setup.data]
        x, y = sample(setup.samples, setup.noise, generator)
        if classes:
            x = x + setup.noise * torch.randn(*x.shape, generator=generator)
        return _split(setup, x, y, classes, _numbered(classes), ("x₁", "x₂"), square)
    table = _cancer() if setup.data == "cancer" else _own(setup, assets)
    order = torch.randperm(len(table.y_N), generator=generator)[: setup.samples]
    axes = _cancer_axes() if setup.data == "cancer" else ("x₁", "x₂")
    return _split(setup, torch.from_numpy(table.x_2N)[:, order], torch.from_numpy(table.y_N)[order], 2, table.names, axes,
                  uploads.frame(table))


def _numbered(classes: int) -> tuple[str, ...]:
    return tuple(f"class {k + 1}" for k in range(classes))


def _split(setup: Setup, x: Tensor, y: Tensor, classes: int, names: Sequence[str], axes: tuple[str, str],
           frame: tuple[tuple[float, float], tuple[float, float]]) -> Problem:
    n = x.shape[1]
    train = max(2, round(n * setup.share / 100))
    return Problem(x[None].contiguous(), y, (train, (n + train) // 2, n), classes, tuple(names), axes, frame)


def _drawn(setup: Setup) -> Problem:
    at, labels = places(setup.points, FRAME, FRAME)
    if len(set(labels.tolist())) < 2:
        raise ValueError("Draw points of at least two classes: there is nothing to be told apart yet.")
    n = len(labels)
    x, y = torch.from_numpy(at.T.astype(np.float32))[None], torch.from_numpy(labels)
    classes = max(LEAST, int(y.max()) + 1)
    return Problem(x.contiguous(), y, (n, n, n), classes, _numbered(classes), ("x₁", "x₂"), (FRAME, FRAME))


def _own(setup: Setup, assets: Mapping[str, bytes]) -> uploads.Points:
    if setup.own not in assets:
        raise ValueError("Choose a file of points first: two columns of numbers and a class.")
    return uploads.PointsForm().unpack(assets[setup.own])


@lru_cache(maxsize=1)
def _strongest() -> tuple[int, int]:
    """The two measures that tell the classes apart best: largest differences of the means, in standard deviations within classes,
    the second among those whose correlation with the first is below 0.9."""
    table = real.breast_cancer()
    x, y = table.x_ND, table.y_N
    a, b = x[y == 0], x[y == 1]
    within = ((a.var(0) * (len(a) - 1) + b.var(0) * (len(b) - 1)) / (len(x) - 2)).sqrt()
    order = ((a.mean(0) - b.mean(0)).abs() / within).argsort(descending=True).tolist()
    with_first = torch.corrcoef(x.T)[order[0]].abs()
    return order[0], next(k for k in order[1:] if with_first[k] < 0.9)


def _cancer() -> uploads.Points:
    table = real.breast_cancer()
    x = table.x_ND[:, list(_strongest())]
    x = (x - x.mean(0)) / x.std(0)
    return uploads.Points(x.T.to(torch.float32).numpy().copy(), table.y_N.numpy(), (table.class_names[0], table.class_names[1]))


def _cancer_axes() -> tuple[str, str]:
    names = real.breast_cancer().feature_names
    first, second = (f"{names[k]} (standardised)" for k in _strongest())
    return first, second


_FEATURES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType({
    "x1": lambda a, b: a, "x2": lambda a, b: b, "x1x1": lambda a, b: a * a, "x2x2": lambda a, b: b * b,
    "x1x2": lambda a, b: a * b, "sin1": lambda a, b: a.sin(), "sin2": lambda a, b: b.sin()})


def features(x: Tensor, names: Sequence[str]) -> Tensor:
    """The net's inputs [1, D, N] at places x [1, 2, N]."""
    if tuple(names) == ("x1", "x2"):
        return x
    return torch.stack([_FEATURES[name](x[:, 0], x[:, 1]) for name in names], 1)
