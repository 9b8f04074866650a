"""Through many steps a gradient can explode or die, and clipping bounds each step.

One recurrent unit, h_t = φ(w h_{t−1} + b), T steps from h_0; J(w, b) = (h_T − y)², minimised by gradient descent without
clipping, clipped by norm and clipped by value, all from one start. The cliff is that of Pascanu, Mikolov and Bengio
(2013), figure 6. Beside it, the length of a gradient on its way back through chains of matrices.

Shapes: A = 3 arms (none, norm, value), S steps of descent, T steps of time, R chains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.controls import choice, decades, grid, number
from core.engine import generators
from core.lesson import Scene, last
from core.lessons.exploding_gradients import chain, clipping, recurrent
from core.lessons.exploding_gradients.clipping import ARMS
from core.moments import holds_from

# The part of the plane that is drawn, if the start lies in it: ((w from, to), (b from, to)).
FRAMES = {"tanh": ((-0.5, 3.0), (-1.5, 1.5)), "sigmoid": ((-1.0, 8.0), (-6.0, 2.0)), "linear": ((-1.5, 1.5), (-1.5, 1.5))}
MAP = 97  # points along each side of the map
ARRIVED = 1e-3  # of J: h_T is within 0.03 of y
UNITS, CHAINS = 32, 12
THRESHOLDS = decades(-2, 1, (1, 1.5, 2, 3, 5, 7))


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    unit: str = choice("tanh", options=recurrent.NAMES, label="Unit φ", help="What the unit does to w·h + b at every step.")
    start_w: float = number(2.15, low=-2.0, high=8.0, step=0.01, label="Start w",
                             help="The recurrent weight. Or click on the map.")
    start_b: float = number(-1.06, low=-6.0, high=2.0, step=0.01, label="Start b", help="The bias. Or click on the map.")
    learning_rate: float = grid(0.7, values=decades(-3, 1, (1, 1.5, 2, 3, 5, 7)), label="Learning rate ε",
                                help="Of all three runs.")
    threshold: float = grid(0.2, values=THRESHOLDS, label="Clipping threshold c",
                            help="The longest gradient that the run clipped by norm uses, and the largest coordinate of the one "
                            "clipped by value.")
    T: int = number(50, low=1, high=100, step=1, label="Steps through time T",
                    help="How often the unit is applied, and how many layers the chains have.")
    inside: str = choice("norm", options=ARMS, label="Look inside", view=True,
                         help="Whose gradient is followed back through time.")
    gain: float = number(1.05, low=0.5, high=1.5, step=0.01, label="Gain g of the chains",
                          help="Spectral radius of the matrix that is repeated; the other two kinds stretch a gradient by as "
                          "much, the fresh ones in the mean square.")
    target: float = number(0.2, low=0.1, high=0.9, step=0.05, label="Target y", more=True, help="What h_T should be.")
    h0: float = number(0.3, low=0.05, high=0.95, step=0.05, label="First state h₀", more=True)
    steps: int = number(80, low=10, high=300, step=10, label="Steps of descent", more=True)


@dataclass(frozen=True)
class Result:
    """A runs of S steps through T time steps. NaN where one is no longer finite; nothing but the gradient is clipped."""

    paths: Tensor  # [S+1, A, 2] (w, b)
    losses: Tensor  # [S+1, A]
    slopes: Tensor  # [S, A, 2] gradient before clipping
    used: Tensor  # [S, A, 2] gradient after clipping
    through: Tensor  # [S+1, A, T+1] |∂h_T/∂h_{T−k}| for k = 0..T
    left_at: Tensor  # [A] first step from which a run stays outside the widened frame to the end, NEVER if none
    arrived_at: Tensor  # [A] first step from which it has J ≤ ARRIVED to the end, NEVER if none
    w: Tensor  # [n] axis of the map
    b: Tensor  # [n] axis of the map
    grid: Tensor  # [n, n] J with b down the rows
    chains: dict[str, Tensor]  # kind -> [R, T+1] length of the gradient after 0..T layers; empty until computed


def steps(config: Config) -> Iterator[Result]:
    paths, losses, slopes, used, through = descend(config)
    (w0, w1), (b0, b1) = frame(config)
    w, b = torch.linspace(w0, w1, MAP, dtype=torch.float64), torch.linspace(b0, b1, MAP, dtype=torch.float64)
    plane = torch.stack(torch.meshgrid(w, b, indexing="xy"), -1)
    result = Result(
        paths=paths, losses=losses, slopes=slopes, used=used, through=through, left_at=holds_from(outside(paths, config)),
        arrived_at=holds_from(losses <= ARRIVED), w=w, b=b,
        grid=recurrent.value(plane, config.unit, config.h0, config.T, config.target), chains={})
    yield result
    rngs = generators(range(CHAINS * config.seed, CHAINS * (config.seed + 1)))
    yield replace(result, chains=chain.chains(rngs, UNITS, config.T, config.gain))


def run(config: Config) -> Result:
    return last(steps(config))


def descend(config: Config) -> tuple[Tensor, ...]:
    """paths, losses, slopes, used and through of a Result."""
    theta = torch.tensor([[config.start_w, config.start_b]] * len(ARMS), dtype=torch.float64)
    records: tuple[list[Tensor], ...] = ([], [], [], [], [])
    for _ in range(config.steps + 1):
        h = recurrent.unroll(theta, config.unit, config.h0, config.T)
        g, back = recurrent.gradient(theta, config.unit, h, config.target)
        clipped = clipping.clip(g, config.threshold)
        for record, row in zip(records, (theta, (h[-1] - config.target) ** 2, g, clipped, back), strict=True):
            record.append(row)
        theta = theta - config.learning_rate * clipped
    paths, losses, slopes, used, through = (torch.stack(record) for record in records)
    return paths, losses, slopes[:-1], used[:-1], through.abs().flip(1).transpose(1, 2)


def frame(config: Config) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of the plane that is drawn, ((w from, to), (b from, to)): the unit's own, wide enough for the start."""
    (w0, w1), (b0, b1) = FRAMES[config.unit]
    w, b = config.start_w, config.start_b
    return (min(w0, w - 0.25), max(w1, w + 0.25)), (min(b0, b - 0.25), max(b1, b + 0.25))


def outside(paths: Tensor, config: Config) -> Tensor:
    """Whether points [..., 2] lie outside the frame widened by its own size on every side, or are not finite."""
    low, high = torch.tensor(frame(config), dtype=torch.float64).T
    size = high - low
    return ~((paths > low - size) & (paths < high + size)).all(-1)


def arrivals(config: Config) -> dict[float, bool]:
    """Whether the run clipped by norm arrives, for every threshold that the slider offers, all run at once."""
    c = torch.tensor(THRESHOLDS, dtype=torch.float64)
    theta = torch.tensor([config.start_w, config.start_b], dtype=torch.float64).repeat(len(c), 1)
    for _ in range(config.steps):
        h = recurrent.unroll(theta, config.unit, config.h0, config.T)
        g, _ = recurrent.gradient(theta, config.unit, h, config.target)
        theta = theta - config.learning_rate * clipping.clip_norm(g, c)
    there = recurrent.value(theta, config.unit, config.h0, config.T, config.target) <= ARRIVED
    return dict(zip(THRESHOLDS, there.tolist(), strict=True))
