"""Batch normalisation: Algorithm 1 on a batch that the reader edits, and a small net trained with five kinds of norm.

Objective of the nets: mean cross-entropy (nats) of a mini-batch of m digits of 8 × 8 pixels, plain SGD, θ ← θ - εg.
The net: 2×2 convolution of stride 2 to 8 channels, 1×1 to 8, 2×2 of stride 2 to 16, 1×1 to 16, each with norm and
ReLU, then an affine layer. All kinds share start, batches and steps; γ and β belong to a channel in each of them.

Shapes: K models as rows, ordered kind, then learning rate, then start; R rates, S starts, T steps, L = 4 layers;
C channels, P positions, m samples of a batch, N samples. Activations [K, C, P, m].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.controls import choice, decades, grid, number, numbers, switch
from core.data import real
from core.engine import generators
from core.lesson import Scene, last
from core.lessons import batch_norm_modes as norm_modes
from core.lessons.batch_norm_modes import Judged
from core.lessons.batch_norm_race import RATES, Arm, Samples, race, row_norm, start_weights
from core.moments import NEVER
from core.normalisation import KINDS, Lines, Weights, algorithm_1, patches
from core.question import Challenge, Pick, Verdict

NAMES = {"none": "No norm", "batch": "Batch norm", "layer": "Layer norm", "group": "Group norm", "instance": "Instance norm"}
BATCH_SIZES = (2, 4, 8, 16, 32, 64)
TRAIN, VALIDATION = 1024, 256
SAME = 0.01  # outputs that differ by less than this part of their reach count as the same
COMPANIES = 6  # ways of sharing out the validation images among batches


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
        help="Under the root in Algorithm 1, on the batch above; the nets use 0.00001.",
    )
    weight_scale: float = grid(
        1.0, values=(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), label="Start weights times", more=True,
        help="Multiplies the convolutions' weights at the start.",
    )
    groups: int = grid(2, values=(1, 2, 4, 8), label="Groups of group norm", more=True,
                       help="One group is layer norm; in a layer of 8 channels 8 groups are instance norm.")
    steps: int = number(50, low=20, high=300, step=10, label="Steps T", more=True)
    starts: int = number(2, low=1, high=4, step=1, label="Random starts", more=True, help="For the bands.")
    every_batch_size: bool = switch(False, label="Train at every batch size", more=True, help="Takes some seconds.")


@dataclass(frozen=True)
class Result:
    """arms: the batch size asked for first, then any others. images [4, 16, N] as `patches` lays them out and labels [N],
    training part first; companies [COMPANIES, VALIDATION]: orders of the validation images; upcoming [T, m]: the
    training batches that would have come next."""

    arms: tuple[Arm, ...]
    images: Tensor
    labels: Tensor
    companies: Tensor
    upcoming: Tensor


def transforms(config: Config) -> tuple[Lines, Lines]:
    """Algorithm 1 on the reader's batch and on the batch times `factor` plus `offset`, float64."""
    x = torch.tensor(config.batch, dtype=torch.float64)
    changed = config.factor * x + config.offset
    return tuple(algorithm_1(v, config.gamma, config.beta, config.delta) for v in (x, changed))  # type: ignore[return-value]


def starts(config: Config) -> Weights:
    """The nets at step 0."""
    return start_weights(generators(config.seed + 1000 * (s + 1) for s in range(config.starts)), config.weight_scale)


def row(config: Config, kind: str, rate: float, start: int = 0) -> int:
    return (KINDS.index(kind) * len(RATES) + RATES.index(rate)) * config.starts + start


def data(config: Config) -> tuple[Tensor, Tensor, Generator]:
    """Images [4, 16, N], standardised by the training part, labels [N], and the generator that orders the batches."""
    digits = real.digits()
    (rng,) = generators([config.seed])
    order = torch.randperm(len(digits.labels_N), generator=rng)[: TRAIN + VALIDATION]
    images = digits.images_NHW[order]
    images = (images - images[:TRAIN].mean()) / images[:TRAIN].std(correction=0)
    return patches(images), digits.labels_N[order], rng


def splits(images: Tensor, labels: Tensor) -> tuple[Samples, Samples]:
    """The training and the validation part."""
    return (images[:, :, :TRAIN], labels[:TRAIN]), (images[:, :, TRAIN:], labels[TRAIN:])


def batches(rng: Generator, m: int) -> Iterator[Tensor]:
    while True:
        yield from torch.randperm(TRAIN, generator=rng).split(m)


def steps(config: Config) -> Iterator[Result]:
    images, labels, _ = data(config)
    (aside,) = generators([config.seed + 500_000])
    companies = torch.stack([torch.randperm(VALIDATION, generator=aside) for _ in range(COMPANIES)])
    done: tuple[Arm, ...] = ()
    upcoming = torch.empty(0, config.batch_size, dtype=torch.int64)
    others = [m for m in BATCH_SIZES if m != config.batch_size] if config.every_batch_size else []
    for m in (config.batch_size, *others):
        arm = None
        order = batches(data(config)[2], m)
        norm = row_norm(config.starts, config.groups)
        for arm in race(starts(config), norm, *splits(images, labels), order, m, config.steps):
            yield Result((*done, arm), images, labels, companies, upcoming)
        assert arm is not None
        done = (*done, arm)
        if m == config.batch_size:
            upcoming = torch.stack([next(order) for _ in range(config.steps)])
        yield Result(done, images, labels, companies, upcoming)


def run(config: Config) -> Result:
    return last(steps(config))


def judged(result: Result, config: Config) -> Judged:
    return norm_modes.judge(result.arms, *splits(result.images, result.labels), result.companies, result.upcoming,
                            rate=config.learning_rate, momentum=config.momentum, starts=config.starts)


def undo(config: Config) -> tuple[float, float]:
    """The γ and β at which Algorithm 1 returns the reader's batch as it was: √(σ² + δ) and μ."""
    lines, _ = transforms(config)
    return math.sqrt(float(lines.var) + config.delta), float(lines.mean)


def trained_well(training: Tensor) -> Tensor:
    """At how many of the rates each kind at least halves the loss of guessing, ln 10, on average over starts: [kinds]."""
    return (training.mean(-1) < math.log(10) / 2).sum(1)


def seen(result: Result, config: Config, facts: Judged | None = None) -> str:
    """What one should have seen, computed; `facts` where the caller has them already."""
    first, second = transforms(config)
    text = (f"The batch goes in with μ = {_word(first.mean)} and σ = {_word(first.var.sqrt())} and comes out with mean "
            f"{_word(first.y.mean())} and spread {_word(first.y.std(correction=0))}.")
    if float(first.var) == 0:
        text += " Its values are all equal, so σ = 0 and each comes out as β."
    elif math.dist((config.gamma, config.beta), undo(config)) < 1e-3:
        text += " **γ = σ and β = μ undo the norm: the batch comes out as it went in.**"
    if (config.factor, config.offset) != (1.0, 0.0):
        mirrored = 2 * config.beta - first.y if config.factor < 0 else first.y
        gap, reach = float((second.y - mirrored).abs().max()), float((first.y - config.beta).abs().max())
        what = f"Multiplied by {config.factor:g}" + (f" and moved by {config.offset:g}" if config.offset else "")
        same = "the mirror image of that" if config.factor < 0 else "the same numbers"
        how = f"comes out as {same}" if gap <= SAME * reach + 1e-12 else f"does not come out as {same}"
        but = f", but for what δ does: they differ by up to {_word(gap)}" if gap > 1e-12 else ""
        if config.factor == 0:
            text += f" **Multiplied by 0 nothing is left to normalise: every value comes out as β = {_word(config.beta)}.**"
        else:
            text += f" **{what}, it {how}{but}.**".replace("-", "−")
    arm, at = result.arms[0], f"ε = {config.learning_rate:g} and m = {result.arms[0].batch_size}"
    if arm.step < config.steps:
        return f"{text} The nets are at step {arm.step} of {config.steps}."
    facts = facts or judged(result, config)
    R = RATES.index(config.learning_rate)
    ends = [_ending(facts.training[0, i, R], arm, row(config, kind, config.learning_rate), config.starts)
            for i, kind in enumerate(KINDS[:2])]
    wide = trained_well(facts.training[0]).tolist()
    text += (f" After {config.steps} steps at {at} the training loss is {ends[1]} with batch norm and {ends[0]} without. Batch "
             f"norm at least halves the loss of guessing at {wide[1]} of {len(RATES)} learning rates, the net without norm at "
             f"{wide[0]}.")
    if facts.sure_eval.isfinite().all():
        others = f"{arm.batch_size - 1} other{'s' if arm.batch_size > 2 else ''}"
        text += (f" The batch norm net gets {100 * facts.right_eval:.0f} % of the validation images right in eval mode, and "
                 f"{100 * facts.right_train:.0f} % in train mode, where an image shares its batch with {others}.")
    return text


def _word(value: Tensor | float) -> str:
    """Three digits, all of them from a thousand on, with signs and powers of ten as they are written by hand."""
    number = float(value) if abs(float(value)) > 1e-12 else 0.0
    if number and abs(number) < 1e-3:
        power = math.floor(math.log10(abs(number)))
        return f"{number / 10**power:.1f}·10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}".replace("-", "−")
    return f"{number:.{'0f' if abs(number) >= 1000 else '3g'}}".replace("-", "−")


def _ending(losses: Tensor, arm: Arm, k: int, starts: int) -> str:
    """The mean loss [S] in words, or when and why there is none."""
    gone = arm.diverged_at[k : k + starts]
    if (gone != NEVER).any():
        return f"no longer a finite number from step {int(gone[gone != NEVER].min())} on (it grew until float32 overflowed)"
    return f"{float(losses.mean()):.2f}"


def predict(result: Result, config: Config) -> Pick:
    """What the change of its input does to the layer's output; where the scene changes nothing, doubling is asked."""
    del result  # the layer is computed from the scene, as the page's film of it is
    factor, offset = (2.0, 0.0) if (config.factor, config.offset) == (1.0, 0.0) else (config.factor, config.offset)
    first, second = transforms(replace(config, factor=factor, offset=offset))
    changed = (f"multiplied by {factor:g}" if factor != 1 else "") + (" and " if factor != 1 and offset else "")
    changed = (changed + (f"moved by {offset:g}" if offset else "")).replace("-", "−")
    answers = {"same": first.y, "mirror": 2 * config.beta - first.y, "times": factor * first.y + offset,
               "flat": torch.full_like(first.y, config.beta)}
    reach = SAME * float((first.y - config.beta).abs().max()) + 1e-12
    right = tuple(name for name, y in answers.items() if float((second.y - y).abs().max()) <= reach) or ("other",)
    kept = config.gamma * (second.x - first.mean) / (first.var + config.delta).sqrt() + config.beta
    numbers = [_word(v) for v in (second.mean, second.var.sqrt(), first.y.mean(), first.y.std(correction=0), second.y.mean(),
                                  second.y.std(correction=0), kept.mean(), kept.std(correction=0))]
    why = ("The new batch is normalised by its own μ = {} and σ = {}: the output had mean {} and spread {}, and now has {} and "
           "{}. In eval mode, with μ and σ kept from the first batch, it would be {} and {}.").format(*numbers)
    return Pick(
        text=f"Every value of the mini-batch is {changed}, and the layer normalises the new batch (train mode). What comes out?",
        options={"same": "Each value as before", "mirror": "Each value mirrored about β", "times": f"Each value {changed}",
                 "flat": "β for every value", "other": "Something else, because of δ"},
        right=right, why=why,
    )


def _far_out(result: Result, config: Config, _: None) -> Verdict:
    """Whether Algorithm 1 on the scene's batch leaves a value beyond 3."""
    del result
    m, furthest = len(config.batch), float(transforms(config)[0].xhat.abs().max())
    return Verdict(furthest > 3, f"The largest |x̂| of your {m} values is {furthest:.3f}; m = {m} values can reach no more than "
                                 f"√(m − 1) = {math.sqrt(m - 1):.3f}.")


CHALLENGE = Challenge(
    text="Edit the mini-batch until one of its values leaves the norm more than three spreads from the mean, |x̂| > 3.",
    check=_far_out,
)
