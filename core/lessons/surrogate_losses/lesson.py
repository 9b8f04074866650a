"""Training on something else than the error: four convex stand-ins, one data set, one start, all at once.

Objective of each: J(θ) = 1/N Σ φ(yᵢ f(xᵢ; θ)), φ a loss of the margin (`surrogates`), by full-batch Adam. Two Gaussian
classes of unit variance, Δ apart along x₁, equally likely: ln P(B | x)/P(A | x) = Δ x₁ is known, and with a part ρ of the labels
flipped η becomes ρ + (1 − 2ρ)η. Outliers are samples of class B carried a distance d away; at d = 0 they are where they were.

Of a reader's own points half train and the rest validate. Their posterior is not known, so no theory that needs it is had; their
outliers are carried along the line from the mean of class A to that of B, turned by 35° as in the Gaussian scene.

Every fit is a row: distances × draws of training set and start × losses. Validation samples come from the same distribution,
labels flipped alike, no outliers; all fits share them.

Shapes: R evaluations, D distances, S draws, 4 losses, P parameters, n training and v validation samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from core.controls import choice, decades, grid, number
from core.data import toys
from core.drawings import upload
from core.engine import MLP, Adam, Progress, train
from core.lesson import Scene, last
from core.lessons.surrogate_losses.surrogates import LOSSES, four
from core.uploads import ROWS, Points, PointsForm
from core.uploads import split as split_points

DISTANCES = (0, 1, 2, 4, 6, 8, 12, 16, 20)
POOL, VALIDATION = 200, 400
OWN = PointsForm()
EVALUATIONS = 30  # after the one at step 0
TURN = math.radians(35)  # between the line of the classes' means and the way that an outlier goes
SIDES = {"wrong": "On the other class's side", "right": "On their own side"}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    outliers: int = number(1, low=1, high=10, step=1, label="Outliers", help="Samples of class B that are carried away.")
    distance: int = number(12, low=0, high=20, step=1, label="Their distance d",
                           help="How far they are carried; the classes have width 1, axes of own points standard deviation 1. "
                               "At 0 nothing is.")
    side: str = choice("wrong", options=SIDES, label="Where to")
    label_noise: int = number(0, low=0, high=40, step=5, label="Wrong labels", unit="%",
                              help="Part of the labels that is flipped, in training and validation alike.")
    model: str = choice("linear", options={"linear": "Linear", "net": "Net, two layers of 16"}, label="Model")
    points: str = upload(OWN, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train at most. They stay in "
                              "the memory of the server, for you alone.")
    apart: float = number(3.0, low=1.0, high=8.0, step=0.5, label="Distance of the classes Δ", more=True, when=("points", ("",)))
    n: int = number(80, low=40, high=POOL, step=20, label="Training samples", more=True)
    learning_rate: float = grid(0.05, values=decades(-3, 0), label="Learning rate ε", more=True)
    steps: int = number(180, low=60, high=600, step=60, label="Steps", more=True)
    draws: int = number(6, low=2, high=8, step=2, label="Draws of data and start", more=True)


@dataclass(frozen=True)
class Result:
    """The fits so far, one for each of four losses; draw 0 of S is the one that is drawn. R evaluations."""

    mlp: MLP
    step: int
    steps: int
    recorded: Tensor  # [R] steps of the evaluations
    loss: dict[str, Tensor]  # train or validation -> [R, 4], draw 0, each loss in its own unit
    error: dict[str, Tensor]  # train or validation -> [R, 4], draw 0, a part of 1
    theta: Tensor  # [R, 4, P] parameters, draw 0
    diverged_at: Tensor  # [4] first step that is not finite, -1 if none
    own: Points | None  # what the reader brought, instead of Gaussian classes
    way: Tensor  # [2, 1] the unit vector along which outliers are carried
    x: Tensor  # [2, n] training set
    y: Tensor  # [n] ±1
    outlier: Tensor  # [n] whether it is one
    flipped: Tensor  # [n] whether its label is
    carried: tuple[int, ...]  # [S] outliers in each draw, fewer than asked for where class B has too few right labels
    x_validation: Tensor  # [2, v]
    distances: tuple[int, ...]  # [D] of the outliers
    moved: Tensor  # [D, S, 4] part of the validation samples whose class is not the one that the fit with d = 0 gives
    moved_exactly: Tensor | None  # [D, S] the same for the least-squares solution, None for a net

    @property
    def done(self) -> bool:
        return self.step == self.steps


Halves = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]  # x [2, n] and y [n], 0 or 1: to train on, to validate


class _Data:
    """One draw of the training set. A generator for each purpose, so that no control disturbs another."""

    def __init__(self, config: Config, index: int, own: Halves | None = None):
        seeds = torch.randint(2**31, (5,), generator=Generator().manual_seed(1000 * config.seed + index)).tolist()
        self.seeds = dict(zip(("train", "flips", "validation", "other flips", "start"), seeds, strict=True))
        means = torch.tensor([[-config.apart / 2, 0.0], [config.apart / 2, 0.0]])
        if own:
            (x, y), (xv, yv) = own
            order = _shuffled(y, self.generator("train"))
            x, y, means = x[:, order], y[order], torch.stack([x[:, y == k].mean(1) for k in (0, 1)])
        else:
            x, y = toys.gaussian_classes(POOL, means, torch.eye(2), self.generator("train"))
            xv, yv = toys.gaussian_classes(VALIDATION, means, torch.eye(2), self.generator("validation"))
        self.x, given = x[:, : config.n], y[: config.n]
        noisy = toys.flip_labels(given, config.label_noise / 100, 2, self.generator("flips"))
        self.flipped, self.y = noisy != given, 2.0 * noisy - 1
        # The first ones of class B with their labels as they were, so that more outliers are the same ones and some more.
        free = (given == 1) & ~self.flipped
        self.outlier = free & (free.cumsum(0) <= config.outliers)
        self.way = way(means, config.side)
        self.x_validation = xv
        self.y_validation = 2.0 * toys.flip_labels(yv, config.label_noise / 100, 2, self.generator("other flips")) - 1

    def generator(self, purpose: str) -> Generator:
        return Generator().manual_seed(self.seeds[purpose])

    def at(self, distance: float) -> Tensor:
        """The training inputs [2, n] with the outliers carried so far."""
        return self.x + distance * self.way * self.outlier


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    config = config.trained()
    own = OWN.unpack(assets[config.points]) if config.points in assets else None
    parts = halves(own, config.seed) if own else None
    draws = [_Data(config, s, parts) for s in range(config.draws)]
    data = draws[0]
    mlp = MLP(sizes=(2, 1) if config.model == "linear" else (2, 16, 16, 1))
    distances = tuple(sorted({*DISTANCES, config.distance}))
    rows = [(d, draw) for d in distances for draw in draws for _ in LOSSES]
    x = torch.stack([draw.at(d) for d, draw in rows])
    y = torch.stack([draw.y for _, draw in rows])[:, None]
    validation = data.x_validation[None], data.y_validation[None, None]
    starts = [draw.generator("start") for _, draw in rows]
    runs = train(mlp, _undecided(mlp, mlp.init(starts)), x, y, four, Adam(config.learning_rate), steps=config.steps,
                 generators=starts, evaluate={"train": (x, y), "validation": validation},
                 record_every=config.steps // EVALUATIONS)
    exact = None
    if config.model == "linear":
        solved = torch.stack([torch.stack([least_squares(draw.at(d), draw.y) for draw in draws]) for d in distances])
        exact = _moved(solved[..., :2] @ data.x_validation + solved[..., 2:] > 0)
    thetas: list[Tensor] = []
    for progress in runs:
        yield _result(config, own, draws, mlp, progress, distances, thetas, exact)


def _undecided(mlp: MLP, theta: Tensor) -> Tensor:
    """The start with the last layer at zero, so that f = 0: every margin is 0 and every one of the losses 1.

    Otherwise an outlier on the wrong side of a random start meets the exponential loss with a slope of many thousands, from
    which Adam's memory takes longer to recover than the run lasts.
    """
    final = mlp.views(theta)[-1]
    final.weight.zero_()
    final.bias.zero_()
    return theta


def _result(config: Config, own: Points | None, draws: list[_Data], mlp: MLP, progress: Progress, distances: tuple[int, ...],
            thetas: list[Tensor], exact: Tensor | None) -> Result:
    data = draws[0]
    shape, here = (len(distances), config.draws, len(LOSSES)), distances.index(config.distance)
    theta, gone = (v.unflatten(0, shape)[here, 0] for v in (progress.theta, progress.diverged_at))
    thetas.append(theta)
    out = mlp.forward(progress.theta, data.x_validation[None])[:, 0].unflatten(0, shape)

    def scene(values: Tensor) -> Tensor:
        return values.unflatten(1, shape)[:, here, 0]

    return Result(
        mlp=mlp, step=progress.step, steps=config.steps, recorded=progress.recorded,
        loss={name: scene(v) for name, v in progress.loss.items()}, error={name: scene(v) for name, v in progress.error.items()},
        theta=torch.stack(thetas), diverged_at=gone, own=own, way=data.way, x=data.at(config.distance), y=data.y,
        outlier=data.outlier, flipped=data.flipped, carried=tuple(int(draw.outlier.sum()) for draw in draws),
        x_validation=data.x_validation, distances=distances, moved=_moved(out > 0), moved_exactly=exact)


def _moved(classes: Tensor) -> Tensor:
    """Part of the samples [D, ..., v] whose class is not that of the first distance, [D, ...]."""
    return (classes != classes[:1]).double().mean(-1)


def run(config: Config) -> Result:
    return last(steps(config))


def halves(own: Points, seed: int) -> Halves:
    """What is there to train on, and what validates: no draw trains on a sample that validates another."""
    train, validation = split_points(own, (ROWS, VALIDATION), Generator().manual_seed(seed))
    return train, validation


def _shuffled(y: Tensor, generator: Generator) -> Tensor:
    """An order of the samples in which every stretch from the first on has both classes in about the shares of all of them."""
    chance = torch.randperm(len(y), generator=generator)
    there = torch.nn.functional.one_hot(y[chance], 2)
    rank = (there.cumsum(0) - 1).gather(1, y[chance, None])[:, 0]
    return chance[(rank / there.sum(0)[y[chance]]).argsort(stable=True)]


def way(means: Tensor, side: str) -> Tensor:
    """The unit vector [2, 1] along which outliers are carried: from the mean of class A to that of B, turned by TURN, or back.

    means [2, 2], a row for each class; along x₁ where they are one."""
    apart = means[1] - means[0]
    a, b = (apart / apart.norm() if apart.norm() > 1e-6 else torch.tensor([1.0, 0.0])).tolist()
    cos, sin = math.cos(TURN), math.sin(TURN)
    return torch.tensor([[a * cos - b * sin], [a * sin + b * cos]]) * (1 if side == "right" else -1)


def carried_to(result: Result, config: Config, distance: float) -> Tensor:
    """The training inputs [2, n] with the outliers at another distance than the scene's."""
    return result.x + (distance - config.distance) * result.way * result.outlier


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """(w₁, w₂, b) that minimise the squared loss of a linear score, for x [2, n] and y [n] of ±1."""
    design = torch.cat([x, torch.ones(1, x.shape[1])]).T.double()
    return torch.linalg.lstsq(design, y.double()[:, None]).solution[:, 0].float()


def scores(result: Result, x: Tensor, frames: slice = slice(None)) -> Tensor:
    """f(x) [R, 4, n] of the scene's fits at x [2, n], at the evaluations `frames`."""
    theta = result.theta[frames]
    return result.mlp.forward(theta.flatten(0, 1), x[None])[:, 0].unflatten(0, theta.shape[:2])


def log_odds(config: Config, x: Tensor) -> Tensor:
    """ln P(B | x)/P(A | x) at x [2, n], of labels flipped with probability ρ; [n]."""
    rho = config.label_noise / 100
    eta = rho + (1 - 2 * rho) * torch.sigmoid(config.apart * x[0].double())
    return torch.logit(eta)


def least_error(config: Config) -> float:
    """The error that no classifier beats on average: ρ + (1 − 2ρ) Φ(−Δ/2)."""
    rho = config.label_noise / 100
    return rho + (1 - 2 * rho) * 0.5 * math.erfc(config.apart / 2 / math.sqrt(2))


def spoken(config: Config) -> int:
    """The distance that is spoken of: the scene's, or the farthest where nothing is carried away."""
    return config.distance or DISTANCES[-1]


def changed(result: Result, config: Config) -> list[float]:
    """Part of the validation samples whose class the outliers change at that distance, mean over the draws, for each loss."""
    return result.moved[result.distances.index(spoken(config))].mean(0).tolist()
