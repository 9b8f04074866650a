"""Links: many regularisers are one idea in other clothes, some exactly, some nearly, some only alike.

Each pair is fitted on both sides, live, at nine strengths on five draws of one problem. The linear objective is the mean of
squares without a half, J(w) = 1/N |y − Xw|² + α |w|², unless a pair says otherwise; `listing` has condition and scaling of each.

Shapes: P pairs, S strengths, R draws, C entries of a solution, d inputs, G times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.controls import choice, grid, number
from core.lesson import Scene, last
from core.lessons.links import linear
from core.lessons.links.listing import PAIRS
from core.lessons.links.pairs import STRENGTHS, Fit, residual
from core.lessons.links.problem import Problem, make_problem

NAMES = {key: pair.name for key, pair in PAIRS.items()}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    pair: str = choice("early_stopping", options=NAMES, view=True, label="Pair",
                       help="Both sides come from the same data, with matched strengths.")
    strength: float = grid(1.0, values=STRENGTHS, view=True, label="Strength s",
                           help="Of whatever the pair turns: a penalty, a noise, weights; the pictures say of what.")
    spread: float = grid(10.0, values=(1.0, 3.0, 10.0, 30.0, 100.0), label="Spread of the curvatures",
                         help="By how much the variance of the first input exceeds that of the last.")
    noise: float = grid(1.0, values=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0), label="Noise σ of the targets")
    samples: int = number(24, low=12, high=60, step=12, label="Samples N", more=True)


@dataclass(frozen=True)
class Risks:
    """E |ŵ − w|² along the path, of gradient flow at time t and of ridge at α = 1/t."""

    times: Tensor  # (G,)
    flow: Tensor  # (R, G)
    ridge: Tensor  # (R, G)
    worst: Tensor  # (G,) the ratio of the first draw if w were 0: variance only


@dataclass(frozen=True)
class Result:
    """The fits so far. A pair that is not fitted yet is not in `fits`."""

    fits: dict[str, Fit]  # left and right (S, R, C), plain (R, C) or None
    risks: Risks

    def residual(self, key: str) -> Tensor:
        """(S, R): ‖left − right‖ as a part of ‖right‖."""
        left, right, _ = self.fits[key]
        return residual(left, right)

    @property
    def complete(self) -> bool:
        return len(self.fits) == len(PAIRS)


def at(scene: Config) -> int:
    """Where the scene's strength is among STRENGTHS."""
    return STRENGTHS.index(scene.strength)


def risks(problem: Problem, count: int = 81) -> Risks:
    """Exact expectations over the noise of the targets, for the w that made them."""
    times = torch.logspace(-3, 3, count, dtype=torch.float64)[:, None]
    flow, ridge, worst = [], [], torch.empty(0)
    for x, w in zip(problem.inputs, problem.truth, strict=True):
        curvatures, ways = torch.linalg.eigh(x.T @ x / len(x))
        shares = [linear.flow_filter(curvatures, times), linear.ridge_filter(curvatures, times)]
        one, two = (linear.risk(share, curvatures, ways.T @ w, problem.noise, len(x)) for share in shares)
        if not flow:
            idle = [linear.risk(share, curvatures, 0.0, problem.noise, len(x)) for share in shares]
            worst = idle[0] / idle[1]
        flow.append(one)
        ridge.append(two)
    return Risks(times[:, 0], torch.stack(flow), torch.stack(ridge), worst)


def steps(config: Config) -> Iterator[Result]:
    problem = make_problem(config.seed, config.samples, config.spread, config.noise)
    strengths = torch.tensor(STRENGTHS, dtype=torch.float64)
    result = Result({}, risks(problem))
    for key, pair in PAIRS.items():
        parts: list[Fit] = []
        for part in strengths.chunk(pair.chunks):
            parts.append(pair.fit(problem, part))
            if len(parts) < pair.chunks:
                yield result
        left, right = (torch.cat([fit[side] for fit in parts]) for side in (0, 1))  # pyright: ignore
        result = replace(result, fits={**result.fits, key: (left, right, parts[0][2])})
        yield result


def run(config: Config) -> Result:
    return last(steps(config))
