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

from core.controls import InvalidValue, choice, decades, grid, number, switch
from core.data import toys
from core.engine import MLP, binary_cross_entropy, generators
from core.lesson import Scene, last
from core.lessons.batches.noise import Moment, measure_moment, orders, per_sample_gradients, variance_factor
from core.lessons.batches.quadratic import SGDPaths, simulate_sgd
from core.lessons.batches.race import RECORDS, Arm, Found, Problem, Step, descend, found

MOMENTS = (0, 1, 2, 3, 5, 8, 12, 18, 27, 40, 60)  # records of the full-batch run at which the noise is looked at
BATCHES = 500  # drawn of every size
LOOK = 15  # records between two results
RACE = (4, 16, 64)  # batch sizes that train, beside the full batch
HELD_OUT = 1024
RATES = decades(-2, 0, (1, 2, 3, 5))
QUADRATIC_RATES = (*RATES, 1.5, 1.8, 1.9)
FROM, WALK_STEPS, WALKERS = 1.0, 240, 200
ROUNDING = 1e-6  # of one sample's spread: what is left of sums that cancel, in float32
PROBLEMS = {"two_moons": "Two moons", "circles": "Circles", "xor": "XOR"}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    batch_size: int = grid(8, values=tuple(2**i for i in range(11)), label="Batch size m", view=True,
                           help="Of the cloud. A second cloud has four times as many samples a batch, or a quarter of them "
                                "where N is less than that.")
    replacement: bool = switch(False, label="Draw with replacement", view=True,
                               help="Off: a sample comes at most once in a batch, as in an epoch of shuffled data.")
    n_samples: int = grid(256, values=(64, 128, 256, 512, 1024), label="Training samples N")
    learning_rate: float = grid(0.2, values=RATES, label="Learning rate ε",
                                help=f"Of all batch sizes that train; where ε is scaled, that of m = {RACE[0]}.")
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
            raise InvalidValue("batch_size", f"batch_size must be at most N = {self.n_samples}, not {self.batch_size}")


@dataclass(frozen=True)
class Result:
    """Gradients of mini-batches at some moments of training, and a race of batch sizes from S starts."""

    sizes: tuple[int, ...]  # [M] batch sizes, from the smallest up
    moments: tuple[Moment, ...]  # of the first start's full-batch run, as many as have come
    arms: tuple[Arm, ...] = ()  # from the smallest batch up, those that have begun
    begun: Found | None = None  # [1, S] the nets at the start; None until all have run
    matched: Found | None = None  # [A, S] where each run is first at the level, to 10 %; None until all have run
    ended: Found | None = None  # [A, S] after the last step; None until all have run
    quadratic: SGDPaths | None = None  # SGD on a noisy quadratic with λ = σ = 1, at QUADRATIC_RATES and `sizes`

    @property
    def done(self) -> bool:
        return self.matched is not None


def trained_sizes(config: Config) -> tuple[int, ...]:
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
    *small, full = trained_sizes(config)
    result, ends, axes = Result(sizes, ()), {}, None
    shown = result
    for m in (full, *small):
        for i, now in enumerate(descend(task, m, rate_of(config, m), config.steps, config.level, _seeds(config, 2))):
            ends[m] = now
            if m == full and i in MOMENTS:
                gradients = per_sample_gradients(task.mlp, now.theta[0], task.x[0], task.y[0, 0], binary_cross_entropy)
                moment, axes = measure_moment(now.arm.step, gradients, axes, order, sizes)
                result = replace(result, moments=(*result.moments, moment))
            if i % LOOK == 0 or (m == full and i in MOMENTS):
                shown = replace(result, arms=_arms(ends))
            yield shown
    quadratic = simulate_sgd(QUADRATIC_RATES, sizes, FROM, WALK_STEPS, WALKERS, generators([config.seed + 700_000])[0])
    result = replace(result, arms=_arms(ends), quadratic=quadratic)
    yield result
    order = sorted(ends)
    places = {"begun": [task.theta], "matched": [ends[m].matched for m in order], "ended": [ends[m].theta for m in order]}
    nets: dict[str, Found] = {}
    for name, theta in places.items():
        nets[name] = found(task, torch.stack(theta), config.seed)
        yield result
    yield replace(result, **nets)


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


def rms_error(moment: Moment, m: int, config: Config) -> float:
    """The root mean square error of a batch's gradient over all directions, by theory, which is exact for a known set."""
    return math.sqrt(variance_factor(m, config.n_samples, config.replacement) * moment.total)


def uphill(moment: Moment, m: int, config: Config) -> int:
    """How many of the BATCHES point away from the full gradient, so that a small step goes uphill: ĝ · g < 0."""
    along = moment.cloud[int(config.replacement), (m - 1).bit_length(), :, 2] + moment.norm
    return int((along < 0).sum())


def noise_ratio(config: Config) -> float:
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


DOTS = 300  # of the batches that were drawn


CLOCKS = {"steps": "step", "epochs": "epoch", "seconds": "processor time of one net (ms)"}


def clock(arm: Arm, scene: Config, against: str) -> Tensor:
    """The records' places [R] on one of CLOCKS."""
    per_step = {"steps": 1.0, "epochs": arm.batch_size / scene.n_samples, "seconds": 1000 * arm.seconds}[against]
    return arm.at * per_step


def medians(values: Tensor) -> list[float]:
    """The median over starts of each batch size; NaN where no start has a value."""
    return [float(row.nanmedian()) for row in torch.unbind(values)]
