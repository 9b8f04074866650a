"""Through many steps a gradient can explode or die, and clipping bounds each step.

One recurrent unit, h_t = φ(w h_{t−1} + b), T steps from h_0; J(w, b) = (h_T − y)², minimised by gradient descent without
clipping, clipped by norm and clipped by value, all from one start. The cliff is that of Pascanu, Mikolov and Bengio
(2013), figure 6. Beside it, the length of a gradient on its way back through chains of matrices.

Shapes: A = 3 arms (none, norm, value), S steps of descent, T steps of time, R chains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core import clipping
from core.clipping import ARMS
from core.controls import Grid, choice, decades, grid, number
from core.engine import generators
from core.lesson import Scene, last
from core.lessons import exploding_gradients_chain as chain
from core.lessons import exploding_gradients_recurrent as recurrent
from core.moments import NEVER, from_then_on
from core.question import Challenge, Pick, Verdict
from core.words import power_of_ten, short

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
    """Three runs. NaN stands where one is no longer finite; nothing but the gradient is clipped.

    paths [S+1, A, 2] of (w, b), losses [S+1, A], slopes [S, A, 2] (the gradient before clipping), used [S, A, 2] (after it);
    through [S+1, A, T+1]: |∂h_T/∂h_{T−k}| for k = 0..T; left_at, arrived_at [A]: the first step from which a run
    stays outside the widened frame, or has J ≤ ARRIVED, to the end; NEVER if none.
    w, b [n]: the map's axes; grid [n, n]: J with b down the rows. chains: kind -> length [R, T+1] of the gradient after 0..T
    layers; empty until they are computed.
    """

    paths: Tensor
    losses: Tensor
    slopes: Tensor
    used: Tensor
    through: Tensor
    left_at: Tensor
    arrived_at: Tensor
    w: Tensor
    b: Tensor
    grid: Tensor
    chains: dict[str, Tensor]


def steps(config: Config) -> Iterator[Result]:
    paths, losses, slopes, used, through = descend(config)
    (w0, w1), (b0, b1) = frame(config)
    w, b = torch.linspace(w0, w1, MAP, dtype=torch.float64), torch.linspace(b0, b1, MAP, dtype=torch.float64)
    plane = torch.stack(torch.meshgrid(w, b, indexing="xy"), -1)
    result = Result(
        paths=paths, losses=losses, slopes=slopes, used=used, through=through, left_at=from_then_on(outside(paths, config)),
        arrived_at=from_then_on(losses <= ARRIVED), w=w, b=b,
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


def seen(result: Result, config: Config) -> str:
    """What the reader should have seen, in sentences computed from the result."""
    moved = config.learning_rate * clipping.length(result.used)
    words = [f"**{name}** {_fate(result, config, k, moved[:, k])}" for k, name in enumerate(ARMS.values())]
    return " ".join(words) + f" Back through {_times(config.T)} the gradient at the start {_fade(config)}."


def _fate(result: Result, config: Config, k: int, moved: Tensor) -> str:
    left, arrived = int(result.left_at[k]), int(result.arrived_at[k])
    longest = int(moved.nan_to_num(torch.inf).argmax())
    length = float(moved[longest])
    step = f"from step {longest + 1} on its numbers are too large for a float"
    if math.isfinite(length):
        step = f"its longest step, number {longest + 1}, has length {short(length, 3)}"
    if left != NEVER:
        return f"is far off the map from step {left} on; {step}."
    if arrived == 0:
        return f"starts where J ≤ {ARRIVED:g} already, and stays there."
    if arrived != NEVER:
        return f"arrives at step {arrived}; {step}."
    return f"has not arrived after {config.steps} steps, with J = {short(result.losses[-1, k], 3)}; {step}."


def _times(T: int) -> str:
    return f"{T} steps" if T > 1 else "1 step"


def _fade(config: Config) -> str:
    size, bound = _log_size(config), abs(config.start_w) * recurrent.STEEPEST[config.unit]
    power = size / math.log(10)
    times = short(math.exp(size), 3) if -3 < power < 5 or size == -math.inf else f"about {power_of_ten(power)}"
    if config.unit == "linear":
        return f"is multiplied by |w|ᵀ = {times}"
    each = short(math.exp(size / config.T), 3)
    return f"is multiplied by {times}, which is {each} a step, where φ allows at most |w|·max φ' = {short(bound, 3)}"


def _log_size(config: Config) -> float:
    """log |∂h_T/∂h_0| at the start."""
    theta = torch.tensor([config.start_w, config.start_b], dtype=torch.float64)
    return float(recurrent.log_through(theta, config.unit, recurrent.unroll(theta, config.unit, config.h0, config.T)))


def predict(_: Result, config: Config) -> Pick:
    """The sign of the slope of log |∂h_T/∂h_t| at the start."""
    size = _log_size(config) / math.log(2)
    right = "grows" if size > 1 else "shrinks" if size < -1 else "stays"
    return Pick(
        text=f"At the start w\u00a0=\u00a0{config.start_w:g} and b\u00a0=\u00a0{config.start_b:g}, ".replace("-", "−")
        + f"{_phi(config.unit)}. "
        f"Followed back through {_times(config.T)}, what does the gradient do?",
        options={"grows": "It grows, more than twofold", "stays": "It keeps its size within a factor of two",
                 "shrinks": "It shrinks to less than half"},
        right=(right,), why=f"It {_fade(config)}.")


def _phi(unit: str) -> str:
    return {"tanh": "φ is tanh", "sigmoid": "φ is the sigmoid", "linear": "and the unit is linear"}[unit]


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


def _check(_: Result, config: Config, answer: float) -> Verdict:
    arrives = arrivals(config)
    larger = [c for c in THRESHOLDS if c > answer and arrives[c]]
    if not arrives[answer]:
        none = "" if any(arrives.values()) else " With this start and this ε no c of the slider does: change them."
        return Verdict(False, f"Run: with c = {answer:g} it does not end at J ≤ {ARRIVED:g} after {config.steps} steps.{none}")
    if larger:
        return Verdict(False, f"Run: with c = {answer:g} it arrives, but it does so with a larger c too.")
    return Verdict(True, f"Run: with c = {answer:g} it arrives within {config.steps} steps, and with no larger c of the slider.")


CHALLENGE = Challenge(
    text="How loose may the clipping be? Find the largest threshold c of the slider with which the run clipped by norm is at the "
    "bottom of the valley (J ≤ 0.001) at the end, from the start and with the learning rate that the page shows.",
    check=_check, answer=Grid(label="Largest c that arrives", values=THRESHOLDS),
)
