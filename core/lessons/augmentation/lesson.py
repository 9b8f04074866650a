"""One sentence: the claim.

The objective in full, with its scaling. The paper, with the number of the equation.

Shapes: N samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from core.controls import number
from core.engine import generators, normals
from core.lesson import Scene, last


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    size: int = number(50, low=10, high=200, step=10, label="Samples N")


@dataclass(frozen=True)
class Result:
    x_N: Tensor  # what was drawn


def steps(config: Config) -> Iterator[Result]:
    yield Result(normals(generators([config.seed]), config.size)[0])


def run(config: Config) -> Result:
    return last(steps(config))
