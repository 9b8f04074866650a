"""Batch normalisation: Algorithm 1 on a batch that the reader edits, and a small net trained with five kinds of norm.

Objective of the nets: mean cross-entropy (nats) of a mini-batch of m digits of 8 × 8 pixels, plain SGD, θ ← θ - εg.
The net: 2×2 convolution of stride 2 to 8 channels, 1×1 to 8, 2×2 of stride 2 to 16, 1×1 to 16, each with norm and
ReLU, then an affine layer. All kinds share start, batches and steps; γ and β belong to a channel under every norm.

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
from core.engine import generators
from core.lesson import Scene, last
from core.lessons import batch_norm_modes as norm_modes
from core.lessons.batch_norm_modes import Judged
from core.lessons.batch_norm_race import RATES, VALIDATION, Arm, batches, data, race, row_norm, splits, start_weights
from core.moments import NEVER
from core.normalisation import KINDS, Lines, Weights, algorithm_1
from core.question import Challenge, Pick, Verdict
from core.words import short

NAMES = {"none": "No norm", "batch": "Batch norm", "layer": "Layer norm", "group": "Group norm", "instance": "Instance norm"}
BATCH_SIZES = (2, 4, 8, 16, 32, 64)
SAME = 0.01  # outputs that differ by less than this part of their reach count as the same
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
        help="Under the root in Algorithm 1, on the batch above; the nets use 0.00001.",
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
    """arm: all kinds for T steps of the batch size asked for. sizes: the COMPARED kinds from one start, each batch size
    after the same SEEN digits, as many sizes as are done. images [4, 16, N] as `patches` lays them out and labels [N],
    training part first; companies [COMPANIES, VALIDATION]: orders of the validation images; upcoming [T, m]: the training
    batches that would have come next."""

    arm: Arm
    sizes: tuple[Arm, ...]
    images: Tensor
    labels: Tensor
    companies: Tensor
    upcoming: Tensor


def transforms(config: Config) -> tuple[Lines, Lines]:
    """Algorithm 1 on the reader's batch and on the batch times `factor` plus `offset`, float64."""
    x = torch.tensor(config.batch, dtype=torch.float64)
    changed = config.factor * x + config.offset
    return tuple(algorithm_1(v, config.gamma, config.beta, config.delta) for v in (x, changed))  # type: ignore[return-value]


def trained_starts(config: Config) -> int:
    """How many of the starts there is time for; one where every batch size is trained as well."""
    most = PLENTY // (config.steps * (config.batch_size + 18))
    return max(1, min(config.starts, 1 if config.every_batch_size else most))


def starts(config: Config) -> Weights:
    """The nets at step 0."""
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
    for arm in race(starts(config), row_norm(trained_starts(config), config.groups), *parts, order, config.batch_size,
                    config.steps):
        yield Result(arm, (), images, labels, companies, upcoming)
    assert arm is not None
    done = Result(arm, (), images, labels, companies, torch.stack([next(order) for _ in range(config.steps)]))
    yield done
    # From the largest to the smallest, which takes the most steps.
    for m in reversed(BATCH_SIZES) if config.every_batch_size else ():
        weights = start_weights(_generators(config, 1), config.weight_scale, COMPARED)
        order, T = batches(data(config.seed)[2], m), SEEN // m
        for size in race(weights, row_norm(1, config.groups, COMPARED), *parts, order, m, T):
            if size.step == T:
                done = replace(done, sizes=(size, *done.sizes))
            yield done


def run(config: Config) -> Result:
    return last(steps(config))


def judged(result: Result, config: Config) -> Judged:
    return norm_modes.judge(result.arm, result.sizes, *splits(result.images, result.labels), result.companies, result.upcoming,
                            rate=config.learning_rate, momentum=config.momentum, starts=trained_starts(config),
                            compared=COMPARED)


def undo(config: Config) -> tuple[float, float]:
    """The γ and β at which Algorithm 1 returns the reader's batch as it was: √(σ² + δ) and μ."""
    lines, _ = transforms(config)
    return math.sqrt(float(lines.var) + config.delta), float(lines.mean)


def trained_well(training: Tensor) -> Tensor:
    """At how many of the rates each kind at least halves the loss of guessing, ln 10, on average over starts: [kinds]."""
    return (training.mean(-1) < math.log(10) / 2).sum(1)


def seen(result: Result, config: Config, facts: Judged | None = None) -> str:
    """What one should have seen, computed; `facts` where the caller has them already."""
    arm, text = result.arm, _layer(config)
    if arm.step < config.steps:
        return f"{text} The nets are at step {arm.step} of {config.steps}."
    facts = facts or judged(result, config)
    at, S = f"ε = {config.learning_rate:g} and m = {arm.batch_size}", trained_starts(config)
    ends = [_ending(facts.training[i, RATES.index(config.learning_rate)], arm, row(config, kind, config.learning_rate), S)
            for i, kind in enumerate(KINDS[:2])]
    wide = trained_well(facts.training).tolist()
    text += (f" After {config.steps} steps at {at} the training loss is {ends[1]} with batch norm and {ends[0]} without. Of the "
             f"{len(RATES)} learning rates tried, batch norm at least halves the loss of guessing at {wide[1]}, the net without "
             f"norm at {wide[0]}.")
    if S < config.starts:
        text += f" Of the {config.starts} random starts {S} {'was' if S == 1 else 'were'} trained, to save time."
    if facts.sure_eval.isfinite().all():
        others = f"{arm.batch_size - 1} other{'s' if arm.batch_size > 2 else ''}"
        text += (f" The batch norm net gets {100 * facts.right_eval:.0f} % of the validation images right in eval mode, and "
                 f"{100 * facts.right_train:.0f} % in train mode, where an image shares its batch with {others}.")
    if config.every_batch_size:
        text += _compared(result, facts)
    return text


def _layer(config: Config) -> str:
    """What Algorithm 1 does to the reader's batch, and to the changed one."""
    first, second = transforms(config)
    equal = bool(first.x.min() == first.x.max())
    text = (f"The batch goes in with μ = {mean_told(first.x)} and σ = {spread_told(first.x)} and comes out with mean "
            f"{mean_told(first.y)} and spread {spread_told(first.y)}.")
    if equal:
        text += " Its values are all equal, so σ = 0 and each comes out as β."
    elif math.dist((config.gamma, config.beta), undo(config)) < 1e-3:
        spread = "σ" if undo(config)[0] - math.sqrt(float(first.var)) < 1e-3 else "√(σ² + δ)"
        text += f" **γ = {spread} and β = μ undo the norm: the batch comes out as it went in.**"
    if (config.factor, config.offset) == (1.0, 0.0):
        return text
    if config.factor == 0:
        return f"{text} **Multiplied by 0 nothing is left to normalise: every value comes out as β = {short(config.beta, 3)}.**"
    gap = float((second.y - (2 * config.beta - first.y if config.factor < 0 else first.y)).abs().max())
    what, same = _changed(config.factor, config.offset), "the mirror image of that" if config.factor < 0 else "the same numbers"
    if gap > SAME * float((first.y - config.beta).abs().max()) + 1e-12:
        beside = "σ²" if first.var <= second.var else f"the new σ² of {short(second.var)}"
        told = f"it does not come out as {same}: δ is not small beside {beside}, and they differ by up to {short(gap, 3)}"
    else:
        but = f", but for what δ does: they differ by up to {short(gap, 3)}" if gap > 1e-12 else ""
        told = f"it comes out as {same}{but}"
    return f"{text} **{what[0].upper()}{what[1:]}, {told}.**"


def _changed(factor: float, offset: float) -> str:
    parts = (f"multiplied by {short(factor)}" if factor != 1 else "", f"moved by {short(offset)}" if offset else "")
    return " and ".join(part for part in parts if part)


def mean_told(values: Tensor) -> str:
    """The mean in words; what rounding leaves of a zero is a zero."""
    mean = float(values.mean())
    return short(mean if abs(mean) > 1e-13 * float(values.abs().max()) else 0.0, 3)


def spread_told(values: Tensor) -> str:
    return short(values.std(correction=0) if values.min() < values.max() else 0.0, 3)


def _ending(losses: Tensor, arm: Arm, k: int, starts: int) -> str:
    """The mean loss [S] in words, or when and why there is none."""
    gone = arm.diverged_at[k : k + starts]
    if (gone != NEVER).any():
        count = int((gone != NEVER).sum())
        where = f" in {count} of {starts} starts," if count < starts else ""
        return f"no longer a finite number{where} from step {int(gone[gone != NEVER].min())} on (float32 overflowed)"
    return short(losses.mean(), 3)


def _compared(result: Result, facts: Judged) -> str:
    """How far batch norm is ahead of group norm at m = 2 and at m = 8."""
    if len(result.sizes) < len(BATCH_SIZES):
        return f" Of the {len(BATCH_SIZES)} batch sizes {len(result.sizes)} are done."
    best, told = norm_modes.at_best_rate(facts.sizes)[0], []
    for m in (2, 8):
        batch, group = (float(best[BATCH_SIZES.index(m), COMPARED.index(kind)]) for kind in ("batch", "group"))
        if not math.isfinite(batch + group):
            told.append(f"at m = {m} no learning rate was small enough")
            continue
        ahead = f"{short(abs(group - batch))} {'ahead of' if batch <= group else 'behind'}"
        told.append(f"at m = {m} batch norm has a validation loss of {short(batch)}, {ahead} group norm")
    return f" **After the same {SEEN} digits, each at its best learning rate:** {'; '.join(told)}."


def asked(config: Config) -> tuple[float, float]:
    """The factor and offset that the question is about: the scene's; doubling where the scene changes nothing."""
    return (2.0, 0.0) if (config.factor, config.offset) == (1.0, 0.0) else (config.factor, config.offset)


def predict(result: Result, config: Config) -> Pick:
    """What the change of its input does to the layer's output; where the scene changes nothing, doubling is asked."""
    del result  # the layer is computed from the scene, as the page's film of it is
    factor, offset = asked(config)
    first, second = transforms(replace(config, factor=factor, offset=offset))
    changed = _changed(factor, offset)
    answers = {"same": first.y, "mirror": 2 * config.beta - first.y, "times": factor * first.y + offset,
               "flat": torch.full_like(first.y, config.beta)}
    reach = SAME * float((first.y - config.beta).abs().max()) + 1e-12
    right = tuple(name for name, y in answers.items() if float((second.y - y).abs().max()) <= reach) or ("other",)
    kept = config.gamma * (second.x - first.mean) / (first.var + config.delta).sqrt() + config.beta
    numbers = [tell(v) for v in (second.x, first.y, second.y, kept) for tell in (mean_told, spread_told)]
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
