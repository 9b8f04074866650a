"""The gradient of a mini-batch is an unbiased guess, and four times the samples only halve its error.

Objective: J(θ) = mean binary cross-entropy (nats) over N samples; a batch of m gives ĝ = (1/m) Σ ∇Lᵢ, whose covariance round
g = ∇J is Σ/m with replacement and Σ/m · (N − m)/(N − 1) without. Plain SGD, θ ← θ − εĝ, on 2-10-10-1 tanh from He starts.

Shapes: N samples, F moments of training, M batch sizes (powers of two up to N), B batches, A batch sizes that train, S starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from core.controls import Number, Refused, choice, decades, grid, number, switch
from core.data import toys
from core.engine import MLP, binary_cross_entropy, generators
from core.lesson import Scene, last
from core.lessons.batches_noise import Moment, look, orders, per_sample_gradients, variance_factor
from core.lessons.batches_quadratic import Walks, walk
from core.lessons.batches_race import RECORDS, Arm, Found, Problem, Step, descend, found
from core.question import Amount, Challenge, Verdict
from core.words import short

MOMENTS = (0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 60)  # records of the full-batch run at which the noise is looked at
BATCHES = 500  # drawn of every size
LOOK = 15  # records between two results
RACE = (4, 16, 64)  # batch sizes that train, beside the full batch
HELD_OUT = 1024
RATES = decades(-2, 0, (1, 2, 3, 5))
QUADRATIC_RATES = (*RATES, 1.5, 1.8, 1.9)
FROM, WALK_STEPS, WALKERS = 1.0, 240, 200
ROUNDING = 1e-6  # of one sample's spread: what is left of sums that cancel, in float32
BANK = 2000  # batches drawn to check an answer
PROBLEMS = {"two_moons": "Two moons", "circles": "Circles", "xor": "XOR"}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    batch_size: int = grid(8, values=tuple(2**i for i in range(11)), label="Batch size m", view=True,
                           help="Of the cloud. A second cloud has four times as many samples a batch.")
    replacement: bool = switch(False, label="Draw with replacement", view=True,
                               help="Off: a sample comes at most once in a batch, as in an epoch of shuffled data.")
    n_samples: int = grid(256, values=(64, 128, 256, 512, 1024), label="Training samples N")
    learning_rate: float = grid(0.2, values=RATES, label="Learning rate ε", help="Of all batch sizes that train.")
    scale_rate: bool = switch(False, label="Scale ε with the batch",
                              help=f"The linear scaling rule: ε is for m = {RACE[0]}, and a batch k times as large gets kε.")
    moment: int = number(0, low=0, high=len(MOMENTS) - 1, step=1, label="Moment", view=True, hidden=True,
                         help="Where on the full-batch run the gradients are taken.")
    level: float = grid(0.3, values=(0.15, 0.2, 0.25, 0.27, 0.3, 0.35, 0.4, 0.5, 0.6), label="Compare sharpness at a loss of",
                        unit="nats", more=True, help="Where a run's training loss is first at this or up to 10 % less.")
    problem: str = choice("two_moons", options=PROBLEMS, label="Data", more=True)
    blur: float = number(0.25, low=0.05, high=0.6, step=0.05, label="Blur of the points", more=True)
    steps: int = number(480, low=180, high=1620, step=RECORDS, label="Steps T", more=True, help="The same for all batch sizes.")
    starts: int = number(5, low=3, high=9, step=1, label="Random starts", more=True)

    def rules(self) -> None:
        if self.batch_size > self.n_samples:
            raise Refused("batch_size", f"batch_size must be at most N = {self.n_samples}, not {self.batch_size}")


@dataclass(frozen=True)
class Result:
    """moments: of the first start's full-batch run, as many as have come. sizes [M]; arms: from the smallest batch up, those that
    have begun.

    begun [1, S], matched, ended [A, S]: the nets at the start, where each run first reaches the level, and after its last step;
    None until all have run.
    quadratic: SGD on a noisy quadratic with λ = σ = 1, at QUADRATIC_RATES and sizes.
    """

    sizes: tuple[int, ...]
    moments: tuple[Moment, ...]
    arms: tuple[Arm, ...] = ()
    begun: Found | None = None
    matched: Found | None = None
    ended: Found | None = None
    quadratic: Walks | None = None

    @property
    def done(self) -> bool:
        return self.matched is not None


def racers(config: Config) -> tuple[int, ...]:
    """The batch sizes that train, the full batch last."""
    return (*(m for m in RACE if m < config.n_samples), config.n_samples)


def rate_of(config: Config, m: int) -> float:
    return config.learning_rate * (m / RACE[0] if config.scale_rate else 1.0)


def problem(config: Config) -> Problem:
    draw = getattr(toys, config.problem)
    data = [draw(n, config.blur, g) for n, g in zip((config.n_samples, HELD_OUT), generators([config.seed, config.seed + 1000]),
                                                   strict=True)]
    mlp = MLP(sizes=(2, 10, 10, 1))
    theta = mlp.init(generators(_seeds(config, 1)), "he")
    (x, y), (x_held, y_held) = [(x[None], y[None, None].float()) for x, y in data]
    return Problem(mlp, x, y, x_held, y_held, theta)


def _seeds(config: Config, purpose: int) -> list[int]:
    return [1_000_000 * purpose + 1000 * config.seed + s for s in range(config.starts)]


def steps(config: Config) -> Iterator[Result]:
    task, sizes = problem(config), tuple(2**i for i in range(config.n_samples.bit_length()))
    order = orders(config.n_samples, BATCHES, generators([config.seed + 500_000])[0])
    *small, full = racers(config)
    result, ends, axes = Result(sizes, ()), {}, None
    for m in (full, *small):
        for i, now in enumerate(descend(task, m, rate_of(config, m), config.steps, config.level, _seeds(config, 2))):
            ends[m] = now
            if m == full and i in MOMENTS:
                gradients = per_sample_gradients(task.mlp, now.theta[0], task.x[0], task.y[0, 0], binary_cross_entropy)
                moment, axes = look(now.arm.step, gradients, axes, order, sizes)
                result = replace(result, moments=(*result.moments, moment))
            elif i % LOOK:
                continue
            yield replace(result, arms=_arms(ends))
    quadratic = walk(QUADRATIC_RATES, sizes, FROM, WALK_STEPS, WALKERS, generators([config.seed + 700_000])[0])
    result = replace(result, arms=_arms(ends), quadratic=quadratic)
    yield result
    order = sorted(ends)
    places = {"begun": [task.theta], "matched": [ends[m].matched for m in order], "ended": [ends[m].theta for m in order]}
    yield replace(result, **{name: found(task, torch.stack(nets), config.seed) for name, nets in places.items()})


def run(config: Config) -> Result:
    return last(steps(config))


def _arms(ends: dict[int, Step]) -> tuple[Arm, ...]:
    return tuple(ends[m].arm for m in sorted(ends))


def moment_steps(config: Config) -> list[int]:
    """The steps of the full-batch run at which the noise is looked at."""
    return [i * config.steps // RECORDS for i in MOMENTS]


def moment_of(result: Result, config: Config) -> Moment:
    """The chosen moment, or the last that there is."""
    return result.moments[min(config.moment, len(result.moments) - 1)]


def pair(config: Config) -> tuple[int, int]:
    """The batch size and four times it; where that is more than there are samples, a quarter of it and itself."""
    m = config.batch_size
    return (m, 4 * m) if 4 * m <= config.n_samples else (m // 4, m)


def noise(moment: Moment, m: int, config: Config) -> tuple[float, float]:
    """The standard deviation of a batch's gradient in the plane: of the batches that were drawn, and by theory."""
    drawn = moment.cloud[int(config.replacement), (m - 1).bit_length(), :, :2]
    factor = variance_factor(m, config.n_samples, config.replacement)
    measured, one = float(drawn.square().sum(-1).mean().sqrt()), math.sqrt(float(moment.variance.sum()))
    return (measured if measured > ROUNDING * one else 0.0), math.sqrt(factor) * one


def miss(moment: Moment, m: int, config: Config) -> float:
    """The root mean square error of a batch's gradient over all directions, by theory, which is exact for a known set."""
    return math.sqrt(variance_factor(m, config.n_samples, config.replacement) * moment.total)


def uphill(moment: Moment, m: int, config: Config) -> int:
    """How many of the BATCHES point away from the full gradient, so that a small step goes uphill: ĝ · g < 0."""
    along = moment.cloud[int(config.replacement), (m - 1).bit_length(), :, 2] + moment.norm
    return int((along < 0).sum())


def fall(config: Config) -> float:
    """What is left of the noise's standard deviation when the batch grows fourfold, in %, by theory."""
    few, many = (variance_factor(m, config.n_samples, config.replacement) for m in pair(config))
    return 100 * math.sqrt(many / few)


def at_epochs(arm: Arm, config: Config, epochs: float) -> Tensor:
    """Mean training loss over starts after so many epochs, between records on a straight line."""
    t = min(epochs * config.n_samples / arm.batch_size, arm.step)
    mean, i = arm.loss.double().mean(1), int(torch.searchsorted(arm.at.double(), t))
    if i == 0:
        return mean[0]
    part = (t - float(arm.at[i - 1])) / float(arm.at[i] - arm.at[i - 1])
    return mean[i - 1] + part * (mean[i] - mean[i - 1])


def seen(result: Result, config: Config) -> str:
    """What the reader should have seen, computed from the result."""
    moment, (few, many), m = moment_of(result, config), pair(config), config.batch_size
    text = (f"**From m = {few} to m = {many} the noise falls to {_left(moment, config)}**; theory says {fall(config):.0f} %. "
            f"After {moment.step} full-batch steps the gradient has length {_word(moment.norm)}; a batch of {m} misses it by "
            f"{_word(miss(moment, m, config))} (root mean square), and {uphill(moment, m, config)} of {BATCHES} batches point "
            "away from it, where a small step goes uphill.")
    if result.quadratic is None:
        return f"{text} The nets are still training: {len(result.arms)} of {len(racers(config))} batch sizes have begun."
    small, full = result.arms[0], result.arms[-1]
    epochs = small.step * small.batch_size / config.n_samples
    ends = [_word(arm.loss[-1].double().mean()) for arm in (small, full)]
    text += (f" **After {config.steps} steps** the training loss is {ends[0]} with m = {small.batch_size} and {ends[1]} with the "
             f"full batch; **after {short(epochs, 3)} epochs**, where m = {small.batch_size} ends, the full batch is at "
             f"{_word(at_epochs(full, config, epochs))}.")
    return f"{text}{_risen(result)} {_sharpness(result, config)}" if result.done else text


def _left(moment: Moment, config: Config) -> str:
    """What is left of the noise that was drawn when the batch grows fourfold."""
    few, many = (noise(moment, m, config)[0] for m in pair(config))
    return f"{100 * many / few:.0f} %" if few > 0 else "nothing, as it was nothing"


def _word(value: Tensor | float) -> str:
    return short(value, 3) if math.isfinite(float(value)) else "no longer a finite number"


def _risen(result: Result) -> str:
    """Which batch sizes end above where they began, and the inequality that broke."""
    assert result.begun is not None
    top = float(result.begun.sharpness.nanmedian())
    text = ""
    for arm in result.arms:
        first, final = (float(arm.loss[i].double().mean()) for i in (0, -1))
        if not final <= first:
            product = arm.learning_rate * top
            rate, why = short(arm.learning_rate, 3), ""
            if product > 2:
                why = f": at the start ε·λ_max = {rate} · {_word(top)} = {_word(product)} > 2"
            text += f" With m = {arm.batch_size} the loss ends above where it began{why}."
    return text


def _sharpness(result: Result, config: Config) -> str:
    """Smallest against full batch, start by start, where both reached the level."""
    assert result.matched is not None
    assert result.ended is not None
    small, full = result.matched.sharpness[0], result.matched.sharpness[-1]
    both = small.isfinite() & full.isfinite()
    if not both.any():
        return (f"No start is recorded from {config.level:g} nats to 10 % below with both the smallest and the full batch: there "
                "is nothing to compare.")
    count, flatter = int(both.sum()), int((small < full)[both].sum())
    mid = [_word(v[both].median()) for v in (small, full)]
    end = [_word(v[both].nanmedian()) for v in (result.ended.sharpness[0], result.ended.sharpness[-1])]
    text = (f"**Sharpness**, where both first reach {config.level:g} nats, is {mid[0]} with m = {result.arms[0].batch_size} and "
            f"{mid[1]} with the full batch (medians), flatter with the small batch in {flatter} of {count} starts")
    if count > 1:
        text += f", among which the full batch ranges from {_word(full[both].min())} to {_word(full[both].max())}"
    return f"{text}. Unmatched, after {config.steps} steps, it is {end[0]} and {end[1]}."


def predict(result: Result, config: Config) -> Amount:
    """What is left of the noise's standard deviation when a batch grows fourfold."""
    moment, (few, many) = moment_of(result, config), pair(config)
    drawn = [noise(moment, m, config)[0] for m in (few, many)]
    n, how = config.n_samples, "with" if config.replacement else "without"
    rule = "√(1/4), whatever N is" if config.replacement else f"√(1/4 · (N − {many})/(N − {few})) with N = {n}"
    return Amount(
        text=f"A batch of {few} of {n} samples, drawn {how} replacement, grows fourfold to {many}. To how many per cent of its "
             "size does the gradient's noise go, as a standard deviation?",
        why=f"Variances go with 1/m, so standard deviations with 1/√m: {rule}. Of {BATCHES} batches of each size the noise in "
            f"the plane falls from {_word(drawn[0])} to {_word(drawn[1])}, to {_left(moment, config)}.",
        low=0.0, high=140.0, step=1.0, truth=fall(config), within=5.0, unit=" %",
    )


def _tenth(result: Result, config: Config, answer: float) -> Verdict:
    """Whether a batch of `answer` has a tenth of the noise of one sample, and one sample fewer has not."""
    n, m = config.n_samples, int(answer)
    if m > n:
        return Verdict(False, f"There are only {n} samples to draw from without replacement.")
    one = moment_of(result, config).per_sample[:, :1]
    order = orders(n, BANK, generators([config.seed + 900_000])[0])[0, :, :m]
    drawn = float(one[order].mean(1).square().mean().sqrt() / one.square().mean().sqrt())
    now, less = (math.sqrt(variance_factor(k, n, False)) if k else math.inf for k in (m, m - 1))
    ran = f"{BANK} batches of {m} of {n} have {drawn:.2%} of one sample's noise; theory says {now:.2%}"
    if now > 0.1:
        return Verdict(False, f"{ran}, more than a tenth.")
    if less <= 0.1:
        return Verdict(False, f"{ran}, a tenth or less; but so do batches of {m - 1}, with {less:.2%}.")
    return Verdict(True, f"{ran}, and {m - 1} samples leave {less:.2%}. With replacement it would take 100.")


CHALLENGE = Challenge(
    text="What is the smallest batch, drawn without replacement from the N samples that the page shows, whose noise (standard "
         "deviation) is at most a tenth of one sample's?",
    check=_tenth, answer=Number(label="Smallest batch m", low=1, high=1024, step=1),
)
