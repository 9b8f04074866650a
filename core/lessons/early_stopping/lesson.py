"""The best net is met on the way: an over-sized net on few, noisy labels, and when to stop it.

Objective: J(θ) = mean binary cross-entropy over the training set, to which the arms with L2 add Ω = α/2 ‖w‖² (weights,
not biases; its gradient goes through Adam, so this is not AdamW's weight decay) and the arms with dropout their masks. The
rule is `patience`; only the validation set decides, and the test set is reported.

Every run is a row: arms x draws at the scene's label noise, and the plain arm at every noise level. Within a draw all
arms and levels share inputs, start and batches, and a flipped label stays flipped at every higher level.

Shapes: R evaluations, A arms, S draws of data and start, L noise levels, K rows, P parameters, n samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from core.controls import choice, decades, grid, number, switch
from core.data import toys
from core.drawings import upload
from core.engine import L2, MLP, Adam, Progress, binary_cross_entropy, train
from core.lesson import Scene, last
from core.lessons.early_stopping import cubic
from core.lessons.early_stopping.patience import Stop, argmin_skipping_nan, returned_evaluation, stop_rule
from core.lessons.early_stopping.shrinkage import Twins
from core.uploads import Points, PointsForm
from core.uploads import split as split_points

ARMS = {"none": "No regulariser", "l2": "L2 penalty", "dropout": "Dropout", "both": "L2 and dropout"}
POINTS = PointsForm()
SPLITS = ("train", "validation", "test")
LEVELS = (0, 10, 20, 30, 40)  # % of labels flipped, always run
EVALUATIONS = 50  # after the one at step 0
POOL, TEST = 200, 400  # samples drawn for training and validation, of which a prefix is used; test samples
PRODUCTS = (0.1, 0.2, 0.5, 1.0, 1.5, 1.9)  # ε·λ_max of the quadratic


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    seed: int = number(2, low=0, high=999, step=1, label="Seed", more=True, help="Every random draw of this page starts from it.")
    arm: str = choice("none", options=ARMS, label="Regulariser", view=True,
                      help="Whose curves are drawn large. All four are trained, from one start on the same data.")
    label_noise: int = number(20, low=0, high=40, step=5, label="Wrong labels", unit="%",
                              help="Part of the labels that is flipped, in training, validation and test alike.")
    n_train: int = number(80, low=20, high=POOL, step=10, label="Training samples")
    patience: int = number(8, low=1, high=EVALUATIONS, step=1, label="Patience", unit="evaluations", view=True,
                           help="Stop after so many evaluations in a row without improvement.")
    min_delta: float = grid(0.0, values=(0.0, *decades(-3, -1)), label="Minimum improvement", view=True,
                            help="An evaluation improves if it is lower than the last improvement by more than this.")
    restore: bool = switch(True, label="Restore the best weights", view=True,
                           help="Keep the weights of the last improvement, not those at the stop.")
    monitor: str = choice("loss", options={"loss": "Cross-entropy", "error": "Error"}, label="Stop by validation", more=True,
                          view=True)
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train at most. They stay in "
                              "the memory of the server, for you alone.")
    problem: str = choice("two_moons", options={"two_moons": "Two moons", "circles": "Circles"}, label="Data", more=True,
                          when=("points", ("",)))
    blur: float = number(0.2, low=0.0, high=0.5, step=0.05, label="Blur of the points", more=True, when=("points", ("",)))
    n_validation: int = number(200, low=20, high=POOL, step=20, label="Validation samples", more=True)
    width: int = grid(32, values=(4, 8, 16, 32, 48), label="Hidden units in each of two layers", more=True)
    learning_rate: float = grid(0.005, values=decades(-3, -1), label="Learning rate ε", more=True)
    weight_decay: float = grid(0.003, values=(0.0, *decades(-4, -1, (1, 3))), label="L2 strength α", more=True,
                               help="The arms with L2 add Ω = α/2 ‖w‖² to the loss. Under Adam this is not AdamW's weight decay.")
    dropout: float = number(0.2, low=0.0, high=0.6, step=0.1, label="Dropout P(drop)", more=True)
    steps: int = number(400, low=100, high=800, step=50, label="Steps", more=True,
                        help=f"Evaluated at the start and {EVALUATIONS} times after it, evenly.")
    batch_size: int = grid(POOL, values=(10, 20, 50, POOL), label="Batch size m", more=True,
                           help="All training samples at once where there are no more than this.")
    draws: int = number(5, low=3, high=10, step=1, label="Draws of data and start", more=True)
    product: float = grid(0.1, values=PRODUCTS, label="Step size on the quadratic", more=True, view=True,
                          help="Times the largest curvature of the least-squares twin. From 2 on it would diverge.")


@dataclass(frozen=True)
class Result:
    """The runs so far: A arms, S draws, R evaluations. Draw 0 is the one whose curves and fits are drawn.

    Values of a run are NaN from `diverged_at` on.
    """

    mlp: MLP
    step: int
    steps: int
    recorded: Tensor  # [R] steps of the evaluations
    loss: dict[str, Tensor]  # split -> [R, A, S] (nats)
    error: dict[str, Tensor]  # split -> [R, A, S], a part of 1
    penalty: Tensor  # [R, A, S] Ω
    norm: Tensor  # [R, A, S] ‖w‖
    levels: tuple[int, ...]  # [L] labels flipped, %
    noise_loss: Tensor  # [R, L, S] validation loss of the plain arm (nats)
    noise_error: Tensor  # [R, L, S] its validation error
    theta: Tensor  # [R, A, P] parameters of draw 0
    diverged_at: Tensor  # [A, S] first step that is not finite, -1 if none
    own: Points | None  # what the reader brought, instead of a problem of the lesson's
    x: Tensor  # [2, n] training set of draw 0
    y: Tensor  # [n] its labels as given
    wrong: Tensor  # [n] whether they are flipped
    twins: Twins  # least squares on cubic features of that set, by gradient descent and by ridge, at the same steps

    @property
    def done(self) -> bool:
        return self.step == self.steps


def monitored(result: Result, config: Config, split: str = "validation") -> Tensor:
    """The curves of what is stopped by, [R, A, S]."""
    return (result.loss if config.monitor == "loss" else result.error)[split]


def best_steps(result: Result, config: Config) -> Tensor:
    """Step of the lowest validation value of the whole run, [L, S]."""
    return result.recorded[argmin_skipping_nan(result.noise_loss if config.monitor == "loss" else result.noise_error)]


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    mlp = MLP(sizes=(2, config.width, config.width, 1))
    levels = tuple(sorted({*LEVELS, config.label_noise}))
    draws = [_Draw(config, s, own) for s in range(config.draws)]
    plain = [("none", level, s) for level in levels for s in range(config.draws)]
    plain += [("l2", config.label_noise, s) for s in range(config.draws)]
    thinned = [(arm, config.label_noise, s) for arm in ("dropout", "both") for s in range(config.draws)]
    record = _Record(config, mlp, levels, draws, own)
    for pair in zip(_train(config, mlp, draws, plain), _train(config, mlp, draws, thinned), strict=True):
        yield record.add(*pair)


def run(config: Config) -> Result:
    return last(steps(config))


class _Draw:
    """One draw of data, start and batches. A child generator for each purpose, so that no control disturbs another."""

    def __init__(self, config: Config, index: int, own: Points | None = None):
        self.config = config
        parent = Generator().manual_seed(1000 * config.seed + index)
        seeds = torch.randint(2**31, (5,), generator=parent).tolist()
        self.seeds: dict[str, int] = dict(zip((*SPLITS, "start", "run"), seeds, strict=True))
        sizes = {"train": (POOL, config.n_train), "validation": (POOL, config.n_validation), "test": (TEST, TEST)}
        self.clean: dict[str, tuple[Tensor, Tensor]] = {}
        if own:
            parts = split_points(own, [used for _, used in sizes.values()], Generator().manual_seed(self.seeds["train"]))
            self.clean = dict(zip(SPLITS, parts, strict=True))
            return
        for split, (pool, used) in sizes.items():
            x, y = getattr(toys, config.problem)(pool, config.blur, Generator().manual_seed(self.seeds[split]))
            self.clean[split] = x[:, :used], y[:used]

    def labels(self, split: str, noise: int) -> Tensor:
        """The labels [n] with `noise` % of them flipped; higher noise flips the same ones and more."""
        generator = Generator().manual_seed(self.seeds[split] + 1)
        return toys.flip_labels(self.clean[split][1], noise / 100, 2, generator)

    def generator(self, purpose: str) -> Generator:
        return Generator().manual_seed(self.seeds[purpose])


def _train(config: Config, mlp: MLP, draws: list[_Draw], rows: list[tuple[str, int, int]]) -> Iterator[Progress]:
    """Train rows (arm, noise, draw) together."""
    data = {split: (torch.stack([draws[s].clean[split][0] for _, _, s in rows]),
                    torch.stack([draws[s].labels(split, noise) for _, noise, s in rows])[:, None].float())
            for split in SPLITS}
    decay = torch.tensor([config.weight_decay if arm in ("l2", "both") else 0.0 for arm, _, _ in rows])
    thinned = any(arm in ("dropout", "both") for arm, _, _ in rows)
    theta = mlp.init([draws[s].generator("start") for _, _, s in rows])
    return train(
        mlp, theta, *data["train"], binary_cross_entropy, Adam(config.learning_rate), steps=config.steps,
        generators=[draws[s].generator("run") for _, _, s in rows], batch_size=config.batch_size, penalty=L2(decay),
        dropout=config.dropout if thinned else 0.0, evaluate=data, record_every=config.steps // EVALUATIONS)


class _Record:
    """Collects the two groups of rows into the arrays of a Result."""

    def __init__(self, config: Config, mlp: MLP, levels: tuple[int, ...], draws: list[_Draw], own: Points | None):
        self.config, self.mlp, self.levels, self.own = config, mlp, levels, own
        self.theta = torch.full((EVALUATIONS + 1, len(ARMS), mlp.P), torch.nan)
        self.norm = self.theta.new_full((EVALUATIONS + 1, len(ARMS), config.draws), torch.nan)
        self.mask = mlp.weight_mask()
        self.r = 0
        self.x, clean = draws[0].clean["train"]
        self.y = draws[0].labels("train", config.label_noise)
        self.wrong = self.y != clean
        self.twins = cubic.twins(self.x, self.y, PRODUCTS, torch.arange(0, config.steps + 1, config.steps // EVALUATIONS))

    def add(self, plain: Progress, thinned: Progress) -> Result:
        S, L, home = self.config.draws, len(self.levels), self.levels.index(self.config.label_noise)

        def arms(a: Tensor, b: Tensor) -> Tensor:
            """Rows of both groups [..., K] as [..., A, S], with whatever dimensions come first."""
            a, b = a.unflatten(-1, (L + 1, S)), b.unflatten(-1, (2, S))
            return torch.cat([a[..., home : home + 1, :], a[..., L:, :], b], -2)

        norms = [(p.theta * self.mask).norm(dim=1) for p in (plain, thinned)]
        self.norm[self.r] = arms(*norms).masked_fill(arms(plain.diverged_at, thinned.diverged_at) >= 0, torch.nan)
        self.theta[self.r] = arms(plain.theta.T, thinned.theta.T)[..., 0].T
        self.r += 1
        return Result(
            mlp=self.mlp, step=plain.step, steps=plain.steps, recorded=plain.recorded,
            loss={name: arms(plain.loss[name], thinned.loss[name]) for name in SPLITS},
            error={name: arms(plain.error[name], thinned.error[name]) for name in SPLITS},
            penalty=arms(plain.penalty, thinned.penalty), norm=self.norm[: self.r], levels=self.levels,
            noise_loss=plain.loss["validation"].unflatten(-1, (L + 1, S))[:, :L],
            noise_error=plain.error["validation"].unflatten(-1, (L + 1, S))[:, :L],
            theta=self.theta[: self.r], diverged_at=arms(plain.diverged_at, thinned.diverged_at),
            own=self.own, x=self.x, y=self.y, wrong=self.wrong, twins=self.twins)


def probability(mlp: MLP, theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """P(class B) [F, ny, nx] of the nets theta [F, P] at the crossings of x [nx] and y [ny]."""
    points = torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)[None]
    return mlp.forward(theta, points).sigmoid().reshape(len(theta), len(y), len(x))


def noise_floor(config: Config) -> tuple[float, float]:
    """What no classifier can beat in expectation: cross-entropy H(ρ) in nats and error ρ, for flips with P = ρ ≤ ½."""
    p = config.label_noise / 100
    return (-p * math.log(p) - (1 - p) * math.log(1 - p) if p else 0.0), p


def quadratic_gaps(result: Result, config: Config) -> Tensor:
    """Largest difference over the directions between stopping and ridge after τ = 1, 2, … steps, up to the present one, [τ]."""
    return cubic.gaps(result.twins, PRODUCTS.index(config.product), result.step)


def returned_of(result: Result, scene: Config, arm: str) -> int:
    """The evaluation whose weights are kept on draw 0 of an arm."""
    return returned_evaluation(stop_of(result, scene, arm), len(result.recorded), scene.restore)


def stop_of(result: Result, scene: Config, arm: str) -> Stop:
    """The rule on draw 0 of an arm."""
    curve = monitored(result, scene)[:, list(ARMS).index(arm), 0]
    return stop_rule(curve, scene.patience, scene.min_delta)


def best_of(result: Result, scene: Config, arm: str) -> int:
    """The evaluation at which draw 0 of an arm is lowest, of the whole run so far."""
    return int(argmin_skipping_nan(monitored(result, scene)[:, list(ARMS).index(arm), 0]))
