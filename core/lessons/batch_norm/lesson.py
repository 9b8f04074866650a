"""Batch normalisation: Algorithm 1 on a batch that the reader edits, and a small net trained with five kinds of norm.

Objective of the nets: mean cross-entropy (nats) of a mini-batch of m digits of 8 × 8 pixels, plain SGD, θ ← θ - εg.
The net: 2×2 convolution of stride 2 to 8 channels, 1×1 to 8, 2×2 of stride 2 to 16, 1×1 to 16, each with norm and
ReLU, then an affine layer. All kinds share start, batches and steps; γ and β belong to a channel under every norm.

Shapes: K models as rows, ordered kind, then learning rate, then start; R rates, S starts, T steps,
m samples of a batch, N samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.controls import choice, decades, grid, number, numbers, switch
from core.engine import generators
from core.engine.block_norm import KINDS
from core.lesson import Scene, last
from core.lessons.batch_norm import modes as norm_modes
from core.lessons.batch_norm.modes import Evaluation
from core.lessons.batch_norm.normalisation import Lines, algorithm_1
from core.lessons.batch_norm.race import NET, RATES, VALIDATION, Arm, batches, data, race, splits, start_weights

NAMES = {"none": "No norm", "batch": "Batch norm", "layer": "Layer norm", "group": "Group norm", "instance": "Instance norm"}
BATCH_SIZES = (2, 4, 8, 16, 32, 64)
COMPANIES = 6  # ways of sharing out the validation images among batches
# Compared from one batch size to the next; instance norm is not, as rounding decides its numbers.
COMPARED = ("none", "batch", "group")
SEEN = 512  # digits that the nets of every batch size have seen when they are compared
PLENTY = 34_000  # T·S·(m + 18), which goes as the time of training: what takes some four seconds


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    batch: tuple[float, ...] = numbers(
        (0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 4.5, 7.0), low=-10.0, high=10.0, least=2, most=16, label="Mini-batch x", view=True,
        help="2 to 16 numbers. Or click in the picture: the nearest one moves there.",
    )
    factor: float = number(
        2.0, low=-4.0, high=4.0, step=0.1, label="Multiply the input by", view=True,
        help="The second batch, drawn hollow, is this many times the first.",
    )
    gamma: float = number(1.5, low=-3.0, high=3.0, step=0.1, label="Scale γ", view=True, help="Spread of the output.")
    beta: float = number(-1.0, low=-5.0, high=5.0, step=0.1, label="Shift β", view=True, help="Mean of the output.")
    batch_size: int = grid(16, values=BATCH_SIZES, label="Batch size m", help="Of the nets below.")
    learning_rate: float = grid(
        0.5, values=RATES, label="Learning rate ε", view=True, help="Of the nets looked into; all the rates are trained.",
    )
    momentum: float = grid(
        0.1, values=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0), label="Momentum of the running statistics", view=True,
        help="Weight of the newest batch, as torch counts it.",
    )
    inside: str = choice(
        "batch", options={k: NAMES[k] for k in KINDS[1:]}, label="Look inside", view=True, more=True,
        help="The kind of norm whose layers are drawn beside those of the net without.",
    )
    offset: float = number(
        0.0, low=-5.0, high=5.0, step=0.5, label="Add to the input", view=True, more=True, help="After the multiplication.",
    )
    delta: float = grid(
        1e-5, values=decades(-8, 1, (1,)), label="Constant δ", view=True, more=True,
        help="Under the root in the third line, on the mini-batch x; the nets use 0.00001.",
    )
    weight_scale: float = grid(
        1.0, values=(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), label="Start weights times", more=True,
        help="Multiplies the convolutions' weights at the start.",
    )
    groups: int = grid(2, values=(1, 2, 4, 8), label="Groups of group norm", more=True,
                       help="One group is layer norm; in a layer of 8 channels 8 groups are instance norm.")
    steps: int = number(50, low=20, high=300, step=10, label="Steps T", more=True)
    starts: int = number(2, low=1, high=4, step=1, label="Random starts", more=True,
                         help="For the bands. Fewer are trained where so many would take too long.")
    every_batch_size: bool = switch(False, label="Train at every batch size", more=True,
                                    help=f"On {SEEN} digits each, beside the nets of m. Takes some seconds.")


@dataclass(frozen=True)
class Result:
    """The race of the normalisations, and what batch norm's running statistics do at other batch sizes."""

    arm: Arm  # all kinds, for T steps of the batch size asked for
    sizes: tuple[Arm, ...]  # the COMPARED kinds from one start, each batch size after the same SEEN digits; those that are done
    images: Tensor  # [1, 8, 8, N], training part first
    labels: Tensor  # [N]
    companies: Tensor  # [COMPANIES, VALIDATION] orders of the validation images
    upcoming: Tensor  # [T, m] the training batches that would have come next


def transforms(config: Config) -> tuple[Lines, Lines]:
    """Algorithm 1 on the reader's batch and on the batch times `factor` plus `offset`, float64."""
    x = torch.tensor(config.batch, dtype=torch.float64)
    changed = config.factor * x + config.offset
    return tuple(algorithm_1(v, config.gamma, config.beta, config.delta) for v in (x, changed))  # type: ignore[return-value]


def trained_starts(config: Config) -> int:
    """How many of the starts there is time for; one where every batch size is trained as well."""
    most = PLENTY // (config.steps * (config.batch_size + 18))
    return max(1, min(config.starts, 1 if config.every_batch_size else most))


def starts(config: Config) -> Tensor:
    """theta [K, P] of the nets at step 0."""
    return start_weights(_generators(config, trained_starts(config)), config.weight_scale)


def _generators(config: Config, count: int) -> list[Generator]:
    return generators(config.seed + 1000 * (s + 1) for s in range(count))


def row(config: Config, kind: str, rate: float, start: int = 0) -> int:
    return (KINDS.index(kind) * len(RATES) + RATES.index(rate)) * trained_starts(config) + start


def steps(config: Config) -> Iterator[Result]:
    images, labels, _ = data(config.seed)
    (aside,) = generators([config.seed + 500_000])
    companies = torch.stack([torch.randperm(VALIDATION, generator=aside) for _ in range(COMPANIES)])
    upcoming = torch.empty(0, config.batch_size, dtype=torch.int64)
    parts, order, arm = splits(images, labels), batches(data(config.seed)[2], config.batch_size), None
    net = replace(NET, groups=config.groups)
    for arm in race(net, starts(config), *parts, order, config.batch_size, config.steps):
        yield Result(arm, (), images, labels, companies, upcoming)
    assert arm is not None
    done = Result(arm, (), images, labels, companies, torch.stack([next(order) for _ in range(config.steps)]))
    yield done
    # From the largest to the smallest, which takes the most steps.
    for m in reversed(BATCH_SIZES) if config.every_batch_size else ():
        theta = start_weights(_generators(config, 1), config.weight_scale, COMPARED)
        order, T = batches(data(config.seed)[2], m), SEEN // m
        for size in race(replace(net, norm=COMPARED), theta, *parts, order, m, T):
            if size.step == T:
                done = replace(done, sizes=(size, *done.sizes))
            yield done


def run(config: Config) -> Result:
    return last(steps(config))


def evaluation(result: Result, config: Config) -> Evaluation:
    return norm_modes.evaluate(result.arm, result.sizes, *splits(result.images, result.labels), result.companies, result.upcoming,
                            rate=config.learning_rate, momentum=config.momentum, starts=trained_starts(config),
                            compared=COMPARED)


def identity_scale_shift(config: Config) -> tuple[float, float]:
    """The γ and β at which Algorithm 1 returns the reader's batch as it was: √(σ² + δ) and μ."""
    lines, _ = transforms(config)
    return math.sqrt(float(lines.var) + config.delta), float(lines.mean)


def trained_well(training: Tensor) -> Tensor:
    """At how many of the rates each kind at least halves the loss of guessing, ln 10, on average over starts: [kinds]."""
    return (training.mean(-1) < math.log(10) / 2).sum(1)


def question_transform(config: Config) -> tuple[float, float]:
    """The factor and offset that the question is about: the scene's; doubling where the scene changes nothing."""
    return (2.0, 0.0) if (config.factor, config.offset) == (1.0, 0.0) else (config.factor, config.offset)


CELLS = (4, 8, 4)  # samples, channels, positions of the picture


def changes(scene: Config) -> bool:
    """Whether the second batch differs from the first."""
    return (scene.factor, scene.offset) != (1.0, 0.0)
