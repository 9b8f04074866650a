"""Training sets that are drawn again and again, points to judge members at, and what is true there.

Targets are heights of a curve, or classes as 0 (A) and 1 (B); the truth is the curve, or P(B) at a point.

Shapes: T training sets, D features, N training samples, n others, all float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from core.data import toys
from core.drawings import LEVELS, places
from core.uploads import Points, frame
from core.uploads import split as split_points

CURVE = "curve"
ASKED, TEST, HELD_OUT = 200, 100, 60  # points at which the truth is asked; for each training set samples that test and choose
FRAMES = {CURVE: ((0.0, 1.0), (-2.2, 2.2)), "two_moons": ((-2.2, 3.2), (-1.6, 2.1)), "circles": ((-2.2, 2.2), (-2.0, 2.0))}
ANGLES = 720  # of the quadrature
Frame = tuple[tuple[float, float], tuple[float, float]]


class Samples(NamedTuple):
    x: Tensor  # [D, n] or [T, D, n]
    y: Tensor  # [n] or [T, n]


class Data(NamedTuple):
    drawn: Samples  # the training set that is shown: [D, N], [N]
    sets: Samples  # T others: [T, D, N], [T, N]
    held_out: Samples  # for each of these some that train no member: [T, D, n], [T, n]
    tests: Samples  # and some that only test: [T, D, n], [T, n]
    asked: Tensor  # [D, n] points at which bias and variance are taken
    truth: Tensor  # [n] there; of the reader's own points the class itself
    frame: Frame  # axes on which all of them are seen
    known: bool  # whether the truth is known


def generator(seed: int, purpose: int) -> Generator:
    """The stream of a purpose, from 0 to 999, so that no control disturbs another."""
    parent = Generator().manual_seed(1000 * seed + purpose)
    return Generator().manual_seed(int(torch.randint(2**62, (), generator=parent)))


def of_problem(problem: str, count: int, size: int, noise: float, seed: int, dots: Sequence[tuple[int, int, int]]) -> Data:
    """`count` training sets of `size` samples from one source; the one that is shown is another, or the reader's `dots`.

    noise: standard deviation of a curve's noise, or of the points around their moon or circle.
    """
    bounds = FRAMES[problem]
    asked = _draw(problem, ASKED, noise, generator(seed, 999)).x
    return Data(
        drawn=from_dots(problem, dots or to_dots(problem, _draw(problem, size, noise, generator(seed, 0)))),
        sets=_stack([_draw(problem, size, noise, generator(seed, t)) for t in range(1, count + 1)]),
        held_out=_stack([_draw(problem, HELD_OUT, noise, generator(seed, 100 + t)) for t in range(1, count + 1)]),
        tests=_stack([_draw(problem, TEST, noise, generator(seed, 200 + t)) for t in range(1, count + 1)]),
        asked=asked, truth=truth(problem, asked, noise), frame=bounds, known=True)


def of_points(own: Points, count: int, size: int, seed: int) -> Data:
    """The reader's points: half of them train, a quarter is held out, a quarter tests. A training set is a part of the first."""
    parts = split_points(own, [len(own.y_N), HELD_OUT, ASKED], generator(seed, 0))
    pool, held_out, test = (Samples(x.double(), y.double()) for x, y in parts)
    size = min(size, max(2, len(pool.y) // 2))
    chosen = [torch.randperm(len(pool.y), generator=generator(seed, t))[:size] for t in range(count + 1)]
    first, *rest = (Samples(pool.x[:, rows], pool.y[rows]) for rows in chosen)
    return Data(drawn=first, sets=_stack(rest), held_out=_stack([held_out] * count), tests=_stack([test] * count), asked=test.x,
                truth=test.y, frame=frame(own), known=False)


def _draw(problem: str, size: int, noise: float, rng: Generator) -> Samples:
    if problem == CURVE:
        curve = toys.noisy_sine(size, noise, rng)
        return Samples(curve.x_1N.double(), curve.y_1N[0].double())
    x, y = getattr(toys, problem)(size, noise, rng)
    return Samples(x.double(), y.double())


def _stack(each: Sequence[Samples]) -> Samples:
    return Samples(*map(torch.stack, zip(*each, strict=True)))


def truth(problem: str, x: Tensor, noise: float) -> Tensor:
    """The curve, or P(B), at points x [D, n]: [n]. Of moons and circles a mean over their angles by the rule of midpoints."""
    if problem == CURVE:
        return toys.sine(x[0])
    angle = (torch.arange(ANGLES, dtype=torch.float64) + 0.5) / ANGLES * (math.pi if problem == "two_moons" else 2 * math.pi)
    ring = torch.stack([angle.cos(), angle.sin()])
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()]) if problem == "two_moons" else 0.5 * ring
    logs = [(-torch.cdist(x.T, centres.T).square() / (2 * noise**2)).logsumexp(1) for centres in (ring, lower)]
    return (logs[1] - logs[0]).sigmoid()


def to_dots(problem: str, samples: Samples) -> tuple[tuple[int, int, int], ...]:
    """Samples as a pad holds them: places along the axes, and the class."""
    plane = torch.stack([samples.x[0], samples.y]) if problem == CURVE else samples.x
    classes = torch.zeros_like(samples.y) if problem == CURVE else samples.y
    low, high = torch.tensor(FRAMES[problem], dtype=torch.float64).T[..., None]
    steps = ((plane - low) / (high - low)).clamp(0, 1).mul(LEVELS - 1).round().long()
    return tuple((i, j, int(c)) for i, j, c in zip(*steps.tolist(), classes.tolist(), strict=True))


def from_dots(problem: str, dots: Sequence[tuple[int, int, int]]) -> Samples:
    """The samples that a pad holds."""
    plane, classes = places(dots, *FRAMES[problem])
    x = torch.from_numpy(plane.T.copy())
    return Samples(x[:1], x[1]) if problem == CURVE else Samples(x, torch.from_numpy(classes).double())
