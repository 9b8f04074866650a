"""Every regulariser of the lab on one problem, one net and one list of seeds, each with the same search.

All nets have one hidden layer of rectified linear units and descend the mean cross-entropy of batches of 32,

    J(θ) = −1/m Σ_i ln softmax(f(x_i; θ))_{y_i}  [+ Ω(θ), or with x, y, θ or f changed by the regulariser],

by Adam (decoupled decay: AdamW) for the same number of updates. A search has TRIALS trials for each seed. A regulariser's are
"off" and five strengths, all at the shared learning rate; the baseline's are six learning rates, or six starts. Validation loss
chooses a trial for each seed, at the end of the run (final) or at the trial's best record (best); test loss is reported.

Shapes: S seeds, T trials, R records, N training, V validation and B test samples, G places along an axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType

import torch
from torch import Tensor

from core.controls import choice, grid, number
from core.drawings import upload
from core.engine import MLP, generators, spawn
from core.lesson import Scene, last
from core.lessons.regulariser_bench import data
from core.lessons.regulariser_bench.arms import Arm, arms_of
from core.lessons.regulariser_bench.bench import Bench
from core.lessons.regulariser_bench.data import PLANE, REAL, Samples
from core.lessons.regulariser_bench.jobs import Baseline, other_jobs
from core.lessons.regulariser_bench.methods import METHODS, applying
from core.uploads import Points, PointsForm

POINTS = PointsForm()
RATE = {"plane": 0.04, "cancer": 0.02, "digits": 0.01}  # the shared learning rate
SIDE = 25  # places along an axis at which nets are asked


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("moons", options=PLANE | REAL, label="Problem", when=("points", ("",)))
    samples: int = grid(32, values=(32, 48, 64, 96, 128, 192), label="Training samples N",
                        help="Of points of your own, half of them at most.")
    corrupt: int = number(20, low=0, high=40, step=5, label="Wrong labels", unit="% of the training set",
                          help="So many training labels are replaced by another class. Validation and test labels stay right.")
    tuned: str = choice("rates", options={"rates": "Six learning rates", "starts": "Six starts"}, label="The baseline tries",
                        help="Every regulariser has six trials: off and five strengths. So has the net without any.")
    pairs: int = number(5, low=5, high=8, step=1, label="Pairs of seeds",
                        help="In a pair both searches have the same samples, start and batches.")
    width: int = grid(16, values=(8, 16, 32), label="Hidden units", more=True)
    steps: int = number(96, low=64, high=192, step=32, label="Updates", more=True)
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train at most, the others "
                              "are for validation and test. They stay in the memory of the server, for you alone.")


@dataclass(frozen=True)
class Result:
    """What there is so far: the arms that have begun, in the order of METHODS."""

    problem: str
    uploaded: Points | None
    names: tuple[str, ...]  # [C] of the classes
    samples: Samples
    mlp: MLP
    rate: float  # the shared learning rate
    recorded: tuple[int, ...]  # [R] updates at all records
    arms: tuple[Arm, ...]
    waiting: tuple[str, ...]  # regularisers that are not whole
    across: Tensor  # [G] coordinates of the sheets, none where samples are no points of the plane
    up: Tensor  # [G]

    @property
    def done(self) -> bool:
        return not self.waiting

    @property
    def whole(self) -> tuple[Arm, ...]:
        """The arms that are finished."""
        return tuple(arm for arm in self.arms if arm.name not in self.waiting)

    def arm(self, name: str) -> Arm:
        """Raises KeyError where it has not begun."""
        return {arm.name: arm for arm in self.arms}[name]


def key(problem: str) -> str:
    """Which of the settings that go by the kind of problem."""
    return problem if problem in REAL else "plane"


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    bench = make_bench(config, own)
    plane = bench.samples.x.shape[1] == 2
    asked, across, up = data.grid(torch.cat([bench.samples.x[0], bench.samples.x_test[0]], 1), SIDE) if plane else _NOWHERE
    names = applying(bench.problem)
    result = Result(
        problem=bench.problem, uploaded=own, names=data.names(bench.problem, own), samples=bench.samples, mlp=bench.mlp,
        rate=bench.rate, recorded=tuple(bench.records), arms=(), waiting=names, across=across, up=up)
    plain = Baseline(bench)
    for job in chain([plain], other_jobs(bench, names)):
        for judged in job.train():
            if judged:
                result = _with(result, arms_of(job, plain, asked if plane else None), job.trained)
            yield result


def _with(result: Result, new: list[Arm], whole: bool) -> Result:
    """The result with newer arms in their places."""
    arms = {arm.name: arm for arm in (*result.arms, *new)}
    waiting = tuple(name for name in result.waiting if not (whole and name in {arm.name for arm in new}))
    return replace(result, arms=tuple(arms[name] for name in METHODS if name in arms), waiting=waiting)


def run(config: Config) -> Result:
    return last(steps(config))


_NOWHERE = torch.empty(1, 2, 0), torch.empty(0), torch.empty(0)


def make_bench(config: Config, own: Points | None) -> Bench:
    problem = "own" if own else config.problem
    parents = generators(range(config.seed * 8, config.seed * 8 + config.pairs))
    drawn, *others = (spawn(parents) for _ in range(6))
    samples = data.samples(problem, config.samples, config.corrupt / 100, drawn, own)
    mlp = MLP((samples.x.shape[1], config.width, len(data.names(problem, own))), "relu")
    return Bench(problem, mlp, samples, config.steps, RATE[key(problem)], config.tuned,
                 tuple(tuple(g.initial_seed() for g in stream) for stream in others))
