"""Keep dropout on at test time and every pass is another thinned net; their spread is meant to say where the net guesses.

Objective of every net, with θ of d-H-…-H-1 (ReLU): J(θ) + α/2 ‖w‖², J the mean squared error (curve) or the mean
binary cross-entropy (moons), full batch, Adam. The dropout net minimises the same J of its thinned outputs.

    MC dropout      one net trained with P(drop) = p; S passes with S masks (Gal and Ghahramani 2016)
    deep ensemble   M nets from M starts on the same data (Lakshminarayanan et al. 2017)
    bagging         M nets, each on its own bootstrap of the data (Breiman 1996)

A pass keeps one mask for every x, so that it is a function: one thinned network.

Shapes: D inputs, N samples, G points of the grid, S passes or members, K rows of the engine, B test samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from core.controls import choice, grid, number, switch
from core.engine import L2, MLP, Adam, Progress, generators, spawn, train
from core.lesson import Scene, last
from core.lessons.dropout_uncertainty import data as far_from_data
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty.guessing import Predictions

METHODS = {"mc_dropout": "MC dropout", "deep_ensemble": "Deep ensemble", "bagging": "Bagging"}
PROBLEMS = {"curve": "Curve with a gap", "moons": "Two moons"}
QUANTITIES = {"mutual": "Mutual information", "total": "Entropy", "expected": "Expected entropy", "mean": "P(class B)"}

LEARNING_RATE = 1e-2
PASSES = 200  # masks drawn of the dropout net
PREVIEW = 16  # masks while it is still training
PREVIEWS = 24  # pictures of the training; more would take longer than the training
WORK = int(1e8)  # multiplications between two pauses
LIMIT = 1024  # passes that stand for infinitely many
WIDE, NOTICES = 2.0, 1.5  # of the challenge: width of the gap, and how much more σ there ...
LEAST, MOST = 0.1, 100.0  # ratios of spreads that a slider can be asked for
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # T of the 1/√T experiment


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("curve", options=PROBLEMS, label="Problem", help="What the nets learn.")
    focus: str = choice("mc_dropout", options=METHODS, label="Comes first", view=True,
                        help="The question and the verdict are about this method.")
    quantity: str = choice("mutual", options=QUANTITIES, label="Map", view=True, when=("problem", ("moons",)),
                           help="Entropy is the sum of expected entropy and mutual information.")
    dropout: float = number(0.1, low=0.0, high=0.6, step=0.05, label="Dropout p",
                            help="Probability that a hidden unit is switched off, in training and in every pass.")
    depth: int = number(2, low=1, high=3, step=1, label="Hidden layers",
                        help="With one hidden layer the spread of MC dropout on the curve has a closed form.")
    gap: float = number(4.0, low=0.0, high=6.0, step=0.5, label="Width of the gap", when=("problem", ("curve",)),
                        help="No samples lie in the middle of the interval from −4 to 4.")
    passes: int = number(PASSES, low=2, high=PASSES, step=1, label="Passes T", view=True,
                         help="How many thinned networks are averaged. Nothing is trained again.")
    members: int = number(10, low=2, high=12, step=1, label="Members M", more=True,
                          help="Nets in the deep ensemble, and as many in the bagged one.")
    same_start: bool = switch(False, label="Bagging from one start", more=True,
                              help="All bagged nets begin with the same weights, so only their data differ.")
    noise: float = number(0.2, low=0.05, high=0.6, step=0.05, label="Noise", more=True,
                          help="Standard deviation of the noise on the samples.")
    points: int = number(60, low=20, high=120, step=10, label="Samples N", more=True)
    width: int = number(32, low=8, high=48, step=8, label="Units per layer", more=True)
    weight_decay: float = grid(1e-4, values=(0.0, 1e-5, 1e-4, 1e-3, 1e-2), label="Weight decay α", more=True,
                               help="Strength of α/2 ‖w‖² on the weights of every net.")
    steps: int = number(500, low=100, high=1000, step=100, label="Training steps", more=True)
    probe_x: float = number(1.0, low=-7.0, high=7.0, step=0.005, label="Probe x", view=True, hidden=True)
    probe_y: float = number(0.0, low=-4.0, high=4.0, step=0.005, label="Probe y", view=True, hidden=True)


@dataclass(frozen=True, kw_only=True)
class Result(Predictions):
    """Predictions of the three methods after `step` updates.

    The limits compare the mean of T of LIMIT passes with the mean of all; None before the end of training.
    """

    step: int
    off_G: Tensor  # the dropout net with dropout off
    theory_G: Tensor | None = None  # exact standard deviation of the dropout net, with one hidden layer on the curve
    counts: tuple[int, ...] = COUNTS  # [Q] T, how many passes are averaged
    limit_rms: Tensor | None = None  # [Q] distance of the two means, measured on disjoint blocks
    limit_theory: Tensor | None = None  # [Q] σ √(1/T − 1/LIMIT)


def steps(config: Config) -> Iterator[Result]:
    task, every, result = _Task(config), max(1, config.steps // PREVIEWS), None
    for alone, many in zip(*task.training(), strict=True):
        if alone.step == config.steps:
            yield from task.whole(alone.theta, many.theta, result)
        elif alone.step:
            if result is None or alone.step >= result.step + every:
                result = task.so_far(alone.step, alone.theta, many.theta)
            yield result


def run(config: Config) -> Result:
    return last(steps(config))


class _Task:
    """The problem of a scene, its nets, and what is read off them."""

    def __init__(self, config: Config):
        self.config = config
        root = generators([config.seed])[0]
        draw, test, self.mc, deep, bag, self.mask, self.limit = spawn([root] * 7)
        self.deep, self.bag = spawn([deep] * config.members), spawn([bag] * config.members)
        self.mlp = MLP(sizes=(1 if config.problem == "curve" else 2, *[config.width] * config.depth, 1), activation="relu")
        self.multiplications = config.width * (2 + config.width * (config.depth - 1))  # of one net at one place
        self.problem = (far_from_data.curve(config.points, config.noise, config.gap, draw) if config.problem == "curve" else
                        far_from_data.moons(config.points, config.noise, draw, test))

    def training(self) -> tuple[Iterator[Progress], Iterator[Progress]]:
        """The dropout net's Progress, and that of both ensembles: 2M rows of one tensor, at the same steps."""
        c, p, K = self.config, self.problem, 2 * self.config.members
        work = K * c.points * self.multiplications
        every = max(5, min(c.steps // 10, WORK // work))
        x, y = p.x_DN[None], p.y_N[None, None]
        start_KP = self.mlp.init([*self.deep, *self.bag])
        if c.same_start:
            start_KP[c.members :] = start_KP[0]
        drawn = [torch.randint(c.points, (c.points,), generator=g) for g in self.bag]
        index = torch.stack([*[torch.arange(c.points)] * c.members, *drawn])
        x_KDN, y_KCN = p.x_DN[:, index].transpose(0, 1), p.y_N[index][:, None]
        adam, start_1P, rows = Adam(LEARNING_RATE), self.mlp.init([self.mc]), [*self.deep, *self.bag]
        decay = L2(c.weight_decay)
        return (
            train(self.mlp, start_1P, x, y, p.loss, adam, steps=c.steps, generators=[self.mc], dropout=c.dropout,
                  penalty=decay, record_every=every),
            train(self.mlp, start_KP, x_KDN, y_KCN, p.loss, adam, steps=c.steps, generators=rows, penalty=decay,
                  record_every=every),
        )

    def so_far(self, step: int, alone_1P: Tensor, many_KP: Tensor) -> Result:
        thinned, p = self.masks(generators([self.mask.initial_seed()])[0], PREVIEW), self.problem
        return self.result(step, alone_1P, many_KP, *(self.predict(alone_1P, x, thinned) for x in (p.grid_DG, p.test_DB)))

    def whole(self, alone_1P: Tensor, many_KP: Tensor, before: Result | None) -> Iterator[Result]:
        """The whole result; `before` it, again and again, the last there was, as pauses."""
        p, found = self.problem, [torch.empty(0)] * 3
        thinned = self.masks(generators([self.mask.initial_seed()])[0], PASSES)
        some = p.test_DB[:, :: max(1, p.test_DB.shape[1] // 32)]
        for i, (x, masks) in enumerate(((p.grid_DG, thinned), (p.test_DB, thinned), (some, self.masks(self.limit, LIMIT)))):
            for passes in self.thinned(alone_1P, x, masks):
                found[i] = passes
                if before is not None:
                    yield before
        rms, theory = uncertainty.distance_from_limit(found[2], COUNTS)
        result = self.result(self.config.steps, alone_1P, many_KP, *found[:2])
        yield replace(result, limit_rms=rms, limit_theory=theory)

    def result(self, step: int, alone_1P: Tensor, many_KP: Tensor, passes_SG: Tensor, tests_SB: Tensor) -> Result:
        """passes_SG, tests_SB: what the dropout net says on the grid and at the test samples, pass by pass."""
        p, M, theory = self.problem, self.config.members, None
        if self.config.problem == "curve" and self.config.depth == 1:
            theory = uncertainty.dropout_variance(self.mlp, alone_1P[0], p.grid_DG, self.config.dropout).sqrt()

        def methods(x_DG: Tensor, thinned: Tensor) -> dict[str, Tensor]:
            members = self.predict(many_KP, x_DG)
            return dict(zip(METHODS, (thinned, members[:M], members[M:]), strict=True))

        return Result(
            problem=self.config.problem, step=step, noise=self.config.noise,
            x_DN=p.x_DN, y_N=p.y_N, grid_DG=p.grid_DG, truth_G=p.truth_G, region_G=p.region_G,
            distance_G=uncertainty.distance_to_data(p.grid_DG, p.x_DN), passes=methods(p.grid_DG, passes_SG),
            tests=methods(p.test_DB, tests_SB), target_B=p.target_B, off_G=self.predict(alone_1P, p.grid_DG)[0],
            theory_G=theory,
        )

    def masks(self, generator: Generator, S: int) -> list[Tensor]:
        """S masks [S, H, 1] of each layer: a pass is a row, and one mask serves every x of it.

        All masks are drawn and the first S taken, so that a preview has the first passes of the whole result.
        """
        return [m.permute(2, 1, 0)[:S] for m in self.mlp.masks([generator], max(S, PASSES), self.config.dropout)]

    def predict(self, theta_KP: Tensor, x_DG: Tensor, masks: list[Tensor] | None = None) -> Tensor:
        """[K, G], or [S, G] for one net with S masks: values, or P(class B)."""
        if masks is not None:
            return last(self.thinned(theta_KP, x_DG, masks))
        return self._values(self.mlp.forward(theta_KP, x_DG[None])[:, 0])

    def thinned(self, theta_1P: Tensor, x_DG: Tensor, masks: list[Tensor]) -> Iterator[Tensor]:
        """[S, G] of one net with S masks, again after every few passes that have been worked out; NaN in the others."""
        # Passes with the same masks are one function. They are worked out once: some processors round each row anew.
        each, back = torch.unique(torch.cat(masks, 1), dim=0, return_inverse=True)
        out = torch.full((len(each), x_DG.shape[1]), torch.nan)
        for rows in torch.arange(len(each)).split(max(1, WORK // (x_DG.shape[1] * self.multiplications))):
            few = list(each[rows].split([m.shape[1] for m in masks], 1))
            out[rows] = self._values(self.mlp.forward(theta_1P.expand(len(rows), -1), x_DG[None], masks=few)[:, 0])
            yield out[back]

    def _values(self, out: Tensor) -> Tensor:
        return out if self.config.problem == "curve" else torch.sigmoid(out)


def gap_ratio(config: Config) -> tuple[float, float]:
    """Mean σ of MC dropout among the data and in the gap, from all passes; the ensembles are not trained."""
    task = _Task(config)
    passes = task.predict(last(task.training()[0]).theta, task.problem.grid_DG, task.masks(task.mask, PASSES))
    std = uncertainty.running_spread(passes, [PASSES])[1][0]
    among, inside = (float(std[task.problem.region_G == r].mean()) for r in (IN_DATA, IN_GAP))
    return among, inside


def column(result: Result, scene: Config) -> int:
    """The grid point nearest to the probe."""
    at = torch.tensor([scene.probe_x, scene.probe_y])[: len(result.grid_DG), None]
    return int((result.grid_DG - at).square().sum(0).argmin())


def quantity(result: Result, name: str, method: str, counts: Sequence[int]) -> torch.Tensor:
    """The chosen map [F, G] of a method for growing numbers of passes."""
    p_SG = result.passes[method]
    if name == "mean":
        return uncertainty.running_mean(p_SG, counts)
    return getattr(uncertainty.entropies(p_SG[:, None], counts), name).clamp_min(0)


def passes_shown(result: Result, scene: Config) -> int:
    """T: what the slider asks for, or as many passes as there are while the nets still train."""
    return min(scene.passes, len(result.passes["mc_dropout"]))
