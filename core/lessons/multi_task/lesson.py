"""One model for several tasks errs by what sets the tasks apart; separate models err by having few samples each.

    linear    w_t in R^D, fitted by least squares: separate, shared, and shared with a one-hot z. Exact, and in closed form
    curves    functions of one x, fitted by six nets with nearly as many parameters: see designs.py

Both minimise the mean of (prediction − y)² over the samples that a model has, no half. All relatednesses, sizes and seeds are
fitted at once; the controls for ρ and n only choose which of them is looked at.

Shapes: A designs, R relatednesses, M sizes n, S seeds, T tasks, D features, G places on x, F frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.controls import choice, grid, number
from core.engine import Generators, generators, spawn
from core.intervals import intervals
from core.lesson import Scene, last
from core.lessons.multi_task.designs import DESIGNS, Count, Study, budgeted
from core.lessons.multi_task.tasks import (
    DIMENSIONS,
    RELATEDNESS,
    SAMPLES,
    Tasks,
    draw_tasks,
    edge,
    fit_separate,
    fit_shared,
    theoretical_edge,
)

SEEDS = {"linear": 100, "curves": 5}
UPDATES, CHUNK, EVERY = 100, 2, 10
NAMES = {"separate": "Separate", "none": "Shared, no z", "concatenate": "z concatenated", "sum": "z summed",
         "gate": "z gates (FiLM)", "heads": "A head each"}
LINEAR = ("separate", "none", "concatenate")
PROBLEMS = {"linear": "Linear in four inputs", "curves": "Curves, by nets"}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("linear", options=PROBLEMS, label="Tasks", help="Linear tasks are fitted by least squares, curves by "
                          "nets of nearly as many parameters each.")
    relatedness: float = number(0.75, low=-1.0, high=1.0, step=0.25, label="Relatedness ρ", view=True,
                                help="1: identical tasks, 0: unrelated, −1: opposite. All are fitted at once.")
    samples: float = grid(12.0, values=tuple(float(n) for n in SAMPLES), label="Samples of each task n", view=True,
                          help="All sizes are fitted at once.")
    model: str = choice("none", options={name: NAMES[name] for name in LINEAR[1:]}, label="Compared with separate", view=True,
                        when=("problem", ("linear",)), help="One linear model for all, with the task's one-hot z or without.")
    net: str = choice("none", options={name: NAMES[name] for name in DESIGNS[1:]}, label="Compared with separate", view=True,
                      when=("problem", ("curves",)), help="z is the one-hot index of the task.")
    noise: float = number(1.0, low=0.2, high=1.5, step=0.1, label="Noise σ", help="Standard deviation of the noise on y; the "
                          "truths have mean square 1.")
    tasks: int = number(2, low=2, high=4, step=2, label="Tasks T", more=True,
                        help="Two camps; tasks of one camp are the same task with samples of its own.")

    @property
    def compared(self) -> str:
        """The design that is compared with separate ones."""
        return self.model if self.problem == "linear" else self.net


@dataclass(frozen=True)
class Result:
    """All designs at all relatednesses, sizes and seeds after `step` updates (0 for least squares)."""

    step: int
    tasks: Tasks
    designs: tuple[str, ...]
    counts: tuple[Count, ...]
    loss: Tensor  # [A, R, M, S] test loss above the noise, mean over tasks
    weights: Tensor | None  # [A, R, M, S, T, 2] linear: ŵ along u and v
    place: Tensor | None  # [G] curves: x of the fits
    film: Tensor | None  # [F, A, R, M, T, G] curves: fits of the first seed at each of `stops`
    truth: Tensor | None  # [R, T, G] curves: of the first seed
    stops: tuple[int, ...] = (0,)  # F numbers of updates


def streams(config: Config) -> tuple[Generators, Generators]:
    """Generators for data and starts, one of each for every seed."""
    count = SEEDS[config.problem]
    parents = generators(range(config.seed * count, (config.seed + 1) * count))
    return spawn(parents), spawn(parents)


def linear_counts(tasks: int) -> tuple[Count, ...]:
    """Parameters of the three linear models; z has a bias for each task."""
    D = DIMENSIONS["linear"]
    return Count(D, 0, tasks * D), Count(D, D, 0), Count(D, D, tasks)


def solve(tasks: Tasks) -> Result:
    """Least squares of all three linear models."""
    losses, weights = [], []
    frame = torch.stack([tasks.u, tasks.v], 1)  # [S, 2, D]
    for n in SAMPLES:
        w = fit_separate(tasks, n)
        found = [(w, w.new_zeros(w.shape[:-1])), fit_shared(tasks, n), fit_shared(tasks, n, one_hot=True)]
        losses.append(torch.stack([((w - tasks.truth).square().sum(-1) + b.square()).mean(2) for w, b in found]))
        weights.append(torch.stack([torch.einsum("rstd,sfd->rstf", w, frame) for w, _ in found]))
    counts = linear_counts(tasks.truth.shape[2])
    return Result(0, tasks, LINEAR, counts, torch.stack(losses, 2), torch.stack(weights, 2), None, None, None)


def steps(config: Config) -> Iterator[Result]:
    data_rngs, start_rngs = streams(config)
    tasks = draw_tasks(config.problem, config.tasks, config.noise, data_rngs)
    if config.problem == "linear":
        yield solve(tasks)
        return
    study = Study(tasks, start_rngs)
    film: dict[int, Tensor] = {}
    result = _seen(study, film)
    yield result
    while study.trainer.step < UPDATES:
        study.advance(CHUNK)
        if study.trainer.step % EVERY == 0:
            result = _seen(study, film)
        yield result


def _seen(study: Study, film: dict[int, Tensor]) -> Result:
    """The nets as they are now; `film`, updates to fits, gets theirs."""
    counts = tuple(budgeted(design, study.T) for design in DESIGNS)
    loss, film[study.trainer.step] = study.seen()
    return Result(study.trainer.step, study.tasks, DESIGNS, counts, loss, None, study.place, torch.stack(list(film.values())),
                  study.target[:, 0], tuple(film))


def run(config: Config) -> Result:
    return last(steps(config))


def at(scene: Config) -> tuple[int, int]:
    """The places of the scene's ρ and n among those that are fitted."""
    r = min(range(len(RELATEDNESS)), key=lambda k: abs(RELATEDNESS[k] - scene.relatedness))
    return r, min(range(len(SAMPLES)), key=lambda k: abs(SAMPLES[k] - scene.samples))


def difference(result: Result, design: str) -> Tensor:
    """Test loss of a design minus that of separate models, [R, M, S]; above 0 is negative transfer."""
    return result.loss[result.designs.index(design)] - result.loss[0]


def edges(result: Result, design: str) -> list[float]:
    """The ρ above which the design's mean test loss is below that of separate models, for each n: see `tasks.edge`."""
    mean = difference(result, design).mean(-1)
    places = torch.tensor(RELATEDNESS, dtype=mean.dtype)
    return [edge(places, mean[:, m]) for m in range(len(SAMPLES))]


def interval(result: Result, design: str) -> tuple[Tensor, Tensor]:
    """Ends [R, M] of Student's 95 % interval of the mean difference over the pairs of seeds."""
    mean, half = intervals(difference(result, design))
    return mean - half, mean + half


def open_ranges(result: Result, design: str) -> list[tuple[float, float]]:
    """For each n the ρ below which the design is clearly worse than separate models, and the ρ above which it is better.

    Clearly: the whole interval says so, there and all the way to that end of the axis. Between the two these seeds do not tell
    where it turns. (−∞, ∞) where nothing is clear; −1 as the second where it is better everywhere, 1 as the first where worse.
    """
    low, high = interval(result, design)
    places = torch.tensor(RELATEDNESS, dtype=low.dtype)
    worse = [-edge(-places.flip(0), -low[:, m].flip(0)) for m in range(len(SAMPLES))]
    return list(zip(worse, (edge(places, high[:, m]) for m in range(len(SAMPLES))), strict=True))


def decided(result: Result, scene: Config, design: str) -> bool:
    """Whether the interval at the scene's ρ and n leaves out zero."""
    low, high = (float(end[at(scene)]) for end in interval(result, design))
    return not low <= 0 <= high


def exact_edge(scene: Config, n: float) -> float:
    """The relatedness at which the expected losses of the compared linear model and of separate ones are equal."""
    return theoretical_edge(n, scene.tasks, DIMENSIONS["linear"], scene.noise, scene.compared == "concatenate")


def harmed(result: Result, scene: Config, design: str) -> tuple[int, int]:
    """On how many seeds the design errs more than separate models at the scene's ρ and n, and of how many."""
    r, m = at(scene)
    worse = difference(result, design)[r, m]
    return int((worse > 0).sum()), worse.numel()
