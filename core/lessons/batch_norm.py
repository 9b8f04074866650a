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
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from core.data import real
from core.engine import generators
from core.lesson import Scene, choice, decades, grid, last, number, numbers, switch
from core.normalisation import (
    FANS,
    KINDS,
    POSITIONS,
    Lines,
    RowNorm,
    Trace,
    Weights,
    algorithm_1,
    backward,
    cross_entropy,
    forward,
    patches,
    running_average,
)

NAMES = {"none": "No norm", "batch": "Batch norm", "layer": "Layer norm", "group": "Group norm", "instance": "Instance norm"}
RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
BATCH_SIZES = (2, 4, 8, 16, 32, 64)
TRAIN, VALIDATION = 1024, 256
COMPANIES = 6  # ways of sharing out the validation images among batches
FROM_STEPS = 10  # the training loss of a run is the mean over its last ten batches
NEVER = -1


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
class Arm:
    """The nets of one batch size, up to `step`.

    losses [step, K]: each mini-batch's loss before its update, NaN from divergence on; diverged_at [K]: the first step
    without a finite loss, NEVER if none. recorded [Q]: steps of spread and mean [Q, L, K], the standard deviation and
    mean, over batch, channels and positions, of what enters each ReLU. batch_mean, batch_var: for each layer
    [step, R·S, C], what the nets with batch norm saw, the variance unbiased. weights: the nets now. validation [K]: loss
    at the end; NaN until then, where a net diverged, and under batch norm, for which it depends on the running
    statistics (`judged`).
    """

    batch_size: int
    step: int
    losses: Tensor
    diverged_at: Tensor
    recorded: Tensor
    mean: Tensor
    spread: Tensor
    batch_mean: tuple[Tensor, ...]
    batch_var: tuple[Tensor, ...]
    weights: Weights
    validation: Tensor


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


def start_weights(config: Config) -> Weights:
    """He's normal start of each of the S starts, the same for every kind and rate; γ = 1, β = 0."""
    rngs = generators(config.seed + 1000 * (s + 1) for s in range(config.starts))
    copies = len(KINDS) * len(RATES)
    weights, biases = [], []
    for layer, (fan_in, fan_out) in enumerate(FANS):
        size = 1.0 if layer == len(FANS) - 1 else config.weight_scale
        drawn = torch.stack([torch.randn(fan_out, fan_in, generator=g) for g in rngs]) * size * math.sqrt(2 / fan_in)
        weights.append(drawn.repeat(copies, 1, 1))
        biases.append(torch.zeros(copies * config.starts, fan_out, 1))
    gammas = [torch.ones(copies * config.starts, fan_out, 1, 1) for _, fan_out in FANS[:-1]]
    return Weights(tuple(weights), tuple(biases), tuple(gammas), tuple(torch.zeros_like(g) for g in gammas))


def row_norm(config: Config) -> RowNorm:
    size = len(RATES) * config.starts
    return RowNorm({kind: slice(i * size, (i + 1) * size) for i, kind in enumerate(KINDS)}, config.groups)


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
        for arm in _train(config, m, images, labels, order):
            yield Result((*done, arm), images, labels, companies, upcoming)
        assert arm is not None
        done = (*done, arm)
        if m == config.batch_size:
            upcoming = torch.stack([next(order) for _ in range(config.steps)])
        yield Result(done, images, labels, companies, upcoming)


def run(config: Config) -> Result:
    return last(steps(config))


def _train(config: Config, m: int, images: Tensor, labels: Tensor, order: Iterator[Tensor]) -> Iterator[Arm]:
    """All kinds, rates and starts on the same batches of m."""
    w, norm, T = start_weights(config), row_norm(config), config.steps
    K, seen = len(w.weights[0]), norm.parts["batch"]
    rates = torch.tensor(RATES).repeat_interleave(config.starts).repeat(len(KINDS)).reshape(K, 1, 1)
    recorded = [*range(0, T, max(1, T // 30))]
    losses, gone = torch.full((T, K), torch.nan), torch.full((K,), NEVER)
    moments = torch.full((2, len(recorded), len(POSITIONS), K), torch.nan)
    sizes = [fan_out for _, fan_out in FANS[:-1]]
    batch_mean, batch_var = ([torch.zeros(T, K // len(KINDS), c) for c in sizes] for _ in range(2))

    def arm(step: int, validation: Tensor) -> Arm:
        q = sum(r < step for r in recorded)
        return Arm(m, step, losses[:step], gone.clone(), torch.tensor(recorded[:q]), moments[0, :q], moments[1, :q],
                   tuple(b[:step] for b in batch_mean), tuple(b[:step] for b in batch_var), w.map(torch.clone), validation)

    unknown = torch.full((K,), torch.nan)
    yield arm(0, unknown)
    for t in range(T):
        with torch.inference_mode():
            index = next(order)
            y = labels[index][None]
            trace = forward(w, images[None, :, :, index], norm)
            losses[t] = cross_entropy(trace.out, y)
            gone[~losses[t].isfinite() & (gone == NEVER)] = t
            losses[t, gone != NEVER] = torch.nan
            for layer, (mean, var) in enumerate(zip(trace.mean, trace.var, strict=True)):
                count = m * POSITIONS[layer]
                batch_mean[layer][t] = mean[seen, :, 0, 0]
                batch_var[layer][t] = var[seen, :, 0, 0] * (count / (count - 1))
            if t in recorded:
                for layer, u in enumerate(trace.entering):
                    level = u.mean((1, 2, 3), keepdim=True)
                    moments[0, recorded.index(t), layer] = level.flatten()
                    moments[1, recorded.index(t), layer] = (u - level).square().mean((1, 2, 3)).sqrt()
            for values, slopes in zip(w, backward(w, trace, y, norm), strict=True):
                for value, slope in zip(values, slopes, strict=True):
                    value.sub_(slope.mul_(rates.unsqueeze(3) if slope.ndim == 4 else rates))
        if (t + 1) % 6 == 0 and t + 1 < T:
            yield arm(t + 1, unknown)
    yield arm(T, _validation(w, norm, images, labels))


def _validation(w: Weights, norm: RowNorm, images: Tensor, labels: Tensor) -> Tensor:
    """Validation loss [K]; NaN for batch norm, whose loss depends on the running statistics (`judged`)."""
    with torch.inference_mode():
        out = forward(w, images[None, :, :, TRAIN:], norm).out
        loss = cross_entropy(out, labels[None, TRAIN:])
        loss[norm.parts["batch"]] = torch.nan
    return loss.where(loss.isfinite(), torch.nan).clone()


class Judged(NamedTuple):
    """What follows from a result at one momentum and rate, by formula and forward passes.

    training, validation: [arms, kinds, R, S], losses at the end, the second in eval mode, NaN where diverged.
    sure_eval [V], sure_train [COMPANIES, V]: probability of the true class under batch norm (first start), in eval mode
    and among each company of m; right_eval, right_train: accuracies.
    batch_stat, running_stat: for the mean and the variance of the last layer's busiest channel, the batches' values
    [2, T+F] and their running average [2, T+F+1]; during the last F batches the weights stand still.
    settled [2]: mean over those F batches. values [P·m]: the first layer's most spread channel before norm, for the next
    batch; scale_shift: the γ and β that the net has learnt for it.
    """

    training: Tensor
    validation: Tensor
    sure_eval: Tensor
    sure_train: Tensor
    right_eval: float
    right_train: float
    batch_stat: Tensor
    running_stat: Tensor
    settled: Tensor
    values: Tensor
    scale_shift: tuple[float, float]


def running_statistics(arm: Arm, momentum: float) -> tuple[list[Tensor], list[Tensor]]:
    """Means and variances [R·S, C, 1, 1] of each layer after training."""
    means, variances = ([running_average(b, start, momentum)[-1].float()[..., None, None] for b in batch]
                        for batch, start in ((arm.batch_mean, 0.0), (arm.batch_var, 1.0)))
    return means, variances


@torch.inference_mode()
def judged(result: Result, config: Config) -> Judged:
    arm, S = result.arms[0], config.starts
    rows = row_norm(config).parts["batch"]
    batch_only = RowNorm({"batch": slice(None)}, config.groups)
    images, labels = result.images[None, :, :, TRAIN:], result.labels[None, TRAIN:]
    shape = (len(KINDS), len(RATES), S)
    validation = torch.stack([a.validation for a in result.arms])
    for a, loss in zip(result.arms, validation, strict=True):
        out = forward(a.weights.map(lambda v: v[rows]), images, batch_only, running_statistics(a, config.momentum)).out
        loss[rows] = cross_entropy(out, labels).where(a.diverged_at[rows] == NEVER, torch.nan)
    k = RATES.index(config.learning_rate) * S
    w = arm.weights.map(lambda v: v[rows][k : k + 1])
    means, variances = running_statistics(arm, config.momentum)
    out = forward(w, images, batch_only, ([v[k : k + 1] for v in means], [v[k : k + 1] for v in variances])).out
    sure_eval, right_eval = _sureness(out, labels)
    companies = result.companies.reshape(-1, arm.batch_size)
    crowd = _in_batches(w, images[0], companies, batch_only)
    sure, right_train = _sureness(crowd.out, labels[0][companies])
    sure_train = torch.empty(result.companies.shape).scatter_(1, result.companies, sure.reshape(result.companies.shape))
    batch_stat, values, scale_shift = _statistics_of_a_channel(result, w, k, batch_only)
    running = torch.stack([running_average(b, start, config.momentum) for b, start in zip(batch_stat, (0.0, 1.0), strict=True)])
    return Judged(
        training=torch.stack([a.losses[-FROM_STEPS:].mean(0).reshape(shape) for a in result.arms]),
        validation=validation.reshape(-1, *shape), sure_eval=sure_eval[0], sure_train=sure_train, right_eval=right_eval,
        right_train=right_train, batch_stat=batch_stat, running_stat=running, settled=batch_stat[:, arm.step :].mean(1),
        values=values, scale_shift=scale_shift,
    )


def _sureness(out: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """Probability of the true class [K, m], and the part of the samples whose true class is the likeliest."""
    sure = out.softmax(1).gather(1, y[:, None])[:, 0]
    return sure, float((out.argmax(1) == y).float().mean())


def _in_batches(w: Weights, images: Tensor, index: Tensor, norm: RowNorm) -> Trace:
    """One net in train mode on many batches at once, a batch being a row: images [4, 16, N], index [rows, m]."""
    return forward(w.map(lambda v: v.expand(len(index), *v.shape[1:])), images[:, :, index].permute(2, 0, 1, 3), norm)


def _statistics_of_a_channel(
    result: Result, w: Weights, k: int, norm: RowNorm
) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """`batch_stat`, `values` and `scale_shift` of Judged, for the net in row k of those with batch norm."""
    arm, last_layer = result.arms[0], len(POSITIONS) - 1
    means, variances = arm.batch_mean[last_layer][:, k], arm.batch_var[last_layer][:, k]
    channel = int((means[-1] - means[0]).abs().nan_to_num(0.0).argmax()) if arm.step else 0
    history = torch.stack([means[:, channel], variances[:, channel]])
    if not len(result.upcoming):
        return history, torch.empty(0), (1.0, 0.0)
    trace = _in_batches(w, result.images, result.upcoming, norm)
    count = arm.batch_size * POSITIONS[last_layer]
    still = torch.stack([trace.mean[last_layer][:, channel, 0, 0],
                         trace.var[last_layer][:, channel, 0, 0] * (count / (count - 1))])
    widest = int(trace.var[0][0, :, 0, 0].nan_to_num(0.0).argmax())
    z = trace.xhat[0][0, widest] / trace.scale[0][0, widest] + trace.mean[0][0, widest]
    learnt = float(w.gammas[0][0, widest]), float(w.betas[0][0, widest])
    return torch.cat([history, still], 1), z.flatten(), learnt


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
        gap = float((second.y - mirrored).abs().max())
        what = f"Multiplied by {config.factor:g}" + (f" and moved by {config.offset:g}" if config.offset else "")
        same = "the mirror image of that" if config.factor < 0 else "the same numbers"
        but = f", but for what δ does: they differ by up to {_word(gap)}" if gap > 1e-12 else ""
        if config.factor == 0:
            text += f" **Multiplied by 0 nothing is left to normalise: every value comes out as β = {_word(config.beta)}.**"
        else:
            text += f" **{what}, it comes out as {same}{but}.**".replace("-", "−")
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
    """Three digits, with a minus sign and powers of ten as they are written by hand."""
    number = float(value)
    if number and abs(number) < 1e-3:
        power = math.floor(math.log10(abs(number)))
        return f"{number / 10**power:.1f}·10{str(power).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}".replace("-", "−")
    return f"{number:.3g}".replace("-", "−")


def _ending(losses: Tensor, arm: Arm, k: int, starts: int) -> str:
    """The mean loss [S] in words, or when and why there is none."""
    gone = arm.diverged_at[k : k + starts]
    if (gone != NEVER).any():
        return f"no longer a finite number from step {int(gone[gone != NEVER].min())} on (it grew until float32 overflowed)"
    return f"{float(losses.mean()):.2f}"
