"""Keep dropout on at test time and every pass is another thinned net; their spread says where the net guesses.

Objective of every net, with θ of d-H-…-H-1 (ReLU): J(θ) + α/2 ‖w‖², J the mean squared error (curve) or the mean
binary cross-entropy (moons), full batch, Adam. The dropout net minimises the same J of its thinned outputs.

    MC dropout      one net trained with P(drop) = p; S passes with S masks (Gal and Ghahramani 2016)
    deep ensemble   M nets from M starts on the same data (Lakshminarayanan et al. 2017)
    bagging         M nets, each on its own bootstrap of the data (Breiman 1996)

A pass keeps one mask for every x, so that it is a function: one thinned network.

Shapes: D inputs, N samples, G points of the grid, S passes or members, K rows of the engine, B test samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core import uncertainty
from core.controls import choice, grid, number, switch
from core.engine import L2, MLP, Adam, Progress, generators, spawn, train
from core.lesson import Scene, last
from core.lessons import dropout_uncertainty_data as far_from_data
from core.lessons.dropout_uncertainty_data import FAR, IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty_guessing import Predictions, entropies, region_means, spread, sure, surest_wrong
from core.question import Amount, Challenge, Verdict

METHODS = {"mc_dropout": "MC dropout", "deep_ensemble": "Deep ensemble", "bagging": "Bagging"}
PROBLEMS = {"curve": "Curve with a gap", "moons": "Two moons"}
QUANTITIES = {"mutual": "Mutual information", "total": "Entropy", "expected": "Expected entropy", "mean": "P(class B)"}

LEARNING_RATE = 1e-2
PASSES = 200  # masks drawn of the dropout net
PREVIEW = 16  # masks while it is still training
LIMIT = 1024  # passes that stand for infinitely many
WIDE, NOTICES = 2.0, 1.5  # of the challenge: width of the gap, and how much more σ there
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # T of the 1/√T experiment


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("curve", options=PROBLEMS, label="Problem", help="What the nets learn.")
    focus: str = choice("mc_dropout", options=METHODS, label="In the large picture", view=True,
                        help="The other two stand beside it on the same axes.")
    quantity: str = choice("mutual", options=QUANTITIES, label="Map", view=True, when=("problem", ("moons",)),
                           help="Entropy is the sum of expected entropy and mutual information.")
    dropout: float = number(0.1, low=0.0, high=0.6, step=0.05, label="Dropout p",
                            help="Probability that a hidden unit is switched off, in training and in every pass.")
    depth: int = number(2, low=1, high=3, step=1, label="Hidden layers",
                        help="With one hidden layer the spread of MC dropout has a closed form.")
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
    """Predictions of the three methods after `step` of `steps` updates.

    off_G: the dropout net with dropout off. theory_G: its exact spread, with one hidden layer on the curve. counts,
    limit_rms, limit_theory [len(COUNTS)]: how far the mean of T of LIMIT passes is from the mean of all, measured on
    disjoint blocks, and σ √(1/T − 1/LIMIT); None before the end of training.
    """

    step: int
    steps: int
    off_G: Tensor
    theory_G: Tensor | None = None
    counts: tuple[int, ...] = COUNTS
    limit_rms: Tensor | None = None
    limit_theory: Tensor | None = None


def steps(config: Config) -> Iterator[Result]:
    task = _Task(config)
    for alone, many in zip(*task.training(), strict=True):
        if alone.step == config.steps:
            yield task.whole(alone.theta, many.theta)
        elif alone.step:
            yield task.so_far(alone.step, alone.theta, many.theta, PREVIEW)


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
        self.problem = (far_from_data.curve(config.points, config.noise, config.gap, draw) if config.problem == "curve" else
                        far_from_data.moons(config.points, config.noise, draw, test))

    def training(self) -> tuple[Iterator[Progress], Iterator[Progress]]:
        """The dropout net's Progress, and that of both ensembles: 2M rows of one tensor, at the same steps."""
        c, p, K = self.config, self.problem, 2 * self.config.members
        work = K * c.points * (c.width * (2 + c.width * (c.depth - 1)))  # multiplications in a pass
        every = max(5, min(c.steps // 5, int(1e8 / work)))
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

    def so_far(self, step: int, alone_1P: Tensor, many_KP: Tensor, S: int) -> Result:
        thinned = self.masks(generators([self.mask.initial_seed()])[0], S)
        p, M, theory = self.problem, self.config.members, None
        if self.config.problem == "curve" and self.config.depth == 1:
            theory = uncertainty.dropout_variance(self.mlp, alone_1P[0], p.grid_DG, self.config.dropout).sqrt()

        def methods(x_DG: Tensor) -> dict[str, Tensor]:
            members = self.predict(many_KP, x_DG)
            return dict(zip(METHODS, (self.predict(alone_1P, x_DG, thinned), members[:M], members[M:]), strict=True))

        return Result(
            problem=self.config.problem, step=step, steps=self.config.steps, noise=self.config.noise,
            x_DN=p.x_DN, y_N=p.y_N, grid_DG=p.grid_DG, truth_G=p.truth_G, region_G=p.region_G,
            distance_G=uncertainty.distance_to_data(p.grid_DG, p.x_DN), passes=methods(p.grid_DG), tests=methods(p.test_DB),
            target_B=p.target_B, off_G=self.predict(alone_1P, p.grid_DG)[0], theory_G=theory,
        )

    def whole(self, alone_1P: Tensor, many_KP: Tensor) -> Result:
        result = self.so_far(self.config.steps, alone_1P, many_KP, PASSES)
        some = self.problem.test_DB[:, :: max(1, self.problem.test_DB.shape[1] // 32)]
        rms, theory = uncertainty.distance_from_limit(self.predict(alone_1P, some, self.masks(self.limit, LIMIT)), COUNTS)
        return Result(**{**vars(result), "limit_rms": rms, "limit_theory": theory})

    def masks(self, generator: Generator, S: int) -> list[Tensor]:
        """S masks [S, H, 1] of each layer: a pass is a row, and one mask serves every x of it."""
        return [m.permute(2, 1, 0) for m in self.mlp.masks([generator], S, self.config.dropout)]

    def predict(self, theta_KP: Tensor, x_DG: Tensor, masks: list[Tensor] | None = None) -> Tensor:
        """[K, G], or [S, G] for one net with S masks: values, or P(class B)."""
        rows = theta_KP if masks is None else theta_KP.expand(len(masks[0]), -1)
        out = self.mlp.forward(rows, x_DG[None], masks=masks)[:, 0]
        return out if self.config.problem == "curve" else torch.sigmoid(out)


def seen(result: Result, config: Config) -> str:
    """What the pictures show, computed from the result."""
    return (_seen_curve if result.problem == "curve" else _seen_moons)(result, config)


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _seen_curve(result: Result, config: Config) -> str:
    means = {m: region_means(result, spread(result, m, config.passes)[1]) for m in METHODS}
    words = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "far away (|x| > 5)"}
    brief = {IN_DATA: "data", IN_GAP: "gap", FAR: "far away"}
    parts = [f"**{METHODS[m]}** {', '.join(f'{v:.2g} {words[r]}' for r, v in means[m].items())}" for m in METHODS]
    text = f"Mean σ: {'; '.join(parts)}. "
    ordered = [m for m in METHODS if all(a < b for a, b in zip([*means[m].values()], [*means[m].values()][1:], strict=False))]
    chain = " < ".join(brief[r] for r in means["bagging"])
    failing = " and ".join(METHODS[m] for m in METHODS if m not in ordered)
    text += f"The order {chain} holds for all three. " if not failing else f"The order {chain} fails for {failing}. "
    method = config.focus
    g = surest_wrong(result, method, config.passes)
    mean, std = (float(v[g]) for v in spread(result, method, config.passes))
    error = abs(mean - float(result.truth_G[g]))
    ratio = error / math.hypot(std, result.noise)
    place = _signed(float(result.grid_DG[0, g]), 2)
    return text + (f"{METHODS[method]} is surest although wrong at x = {place}: off by {error:.2g} "
                   f"with σ = {std:.2g}, {ratio:.1f} standard deviations of σ and noise together.")


def _seen_moons(result: Result, config: Config) -> str:
    parts = []
    for m in METHODS:
        means = region_means(result, entropies(result, m, config.passes).mutual[0].abs())
        parts.append(f"**{METHODS[m]}** {means[IN_DATA]:.2g} near the data, {means[FAR]:.2g} far away")
    text = f"Mean mutual information (nats): {'; '.join(parts)}. "
    method = config.focus
    confidence = sure(result, method, config.passes)
    text += f"{METHODS[method]} is more than 95 % sure at {_certain(result, config):.0f} % of the places far away. "
    g = surest_wrong(result, method, config.passes)
    if g < 0:
        return text + "Nowhere in the picture does it contradict a density that is itself 90 % sure."
    x, y = result.grid_DG[:, g].tolist()
    certain = 100 * float(confidence[g])
    most = f"{certain:.0f} %" if certain <= 99 else "more than 99 %"
    return text + (f"It is surest although wrong at ({_signed(x, 1)}, {_signed(y, 1)}): {most} sure, "
                   "of the class to which the density that drew the moons gives at most 10 %.")


def _certain(result: Result, config: Config) -> float:
    """Moons: % of the places far away at which the method in focus is more than 95 % sure."""
    return 100 * float((sure(result, config.focus, config.passes)[result.region_G == FAR] > 0.95).double().mean())


def predict(result: Result, config: Config) -> Amount:
    """Curve: how much wider the spread is in the gap, or far away where there is none, than among the data. Moons: how much of
    the plane far from all data is painted as certain."""
    method = config.focus
    if result.problem == "moons":
        certain, name = _certain(result, config), METHODS[method]
        return Amount(
            text=f"Far from every sample, at what part of the places will {name} still be more than 95 % sure of its class?",
            why=f"No sample lies within {far_from_data.REMOTE:g} of these places, yet at {certain:.0f} % of them the mean of "
                f"{name} leaves less than 5 % to the other class.",
            low=0, high=100, step=1, truth=certain, within=15, unit=" %")
    if method == "mc_dropout" and config.dropout == 0:
        method = "deep_ensemble"  # without dropout there is no spread to compare
    where, words = (IN_GAP, "in the gap") if config.gap > 0 else (FAR, "far away (|x| > 5)")
    ratios = {m: means[where] / means[IN_DATA] for m in METHODS
              if (means := region_means(result, spread(result, m, config.passes)[1]))[IN_DATA] > 0}
    others = " and ".join(f"{ratios[m]:.2g} for {METHODS[m]}" for m in ratios if m != method)
    truth = ratios[method]
    return Amount(
        text=f"How many times as wide as among the data is the spread σ of {METHODS[method]} {words}?",
        why=f"Mean σ {words} is {truth:.2g} times that among the data for {METHODS[method]}, {others}.",
        low=0.1 if truth >= 0.1 else 0.01, high=20.0 * 2 ** max(0, math.ceil(math.log2(1.25 * truth / 20))),
        step=0.1 if truth >= 0.1 else 0.01, truth=truth, within=1.4, unit=" times", ratio=True)

def _opens(result: Result, config: Config, _: None) -> Verdict:
    """Whether MC dropout is clearly less sure in the gap than among the data."""
    if config.problem != "curve" or config.gap < WIDE:
        return Verdict(False, f"It takes the curve, with a gap at least {WIDE:g} wide.")
    mc, deep = (region_means(result, spread(result, m, PASSES)[1]) for m in ("mc_dropout", "deep_ensemble"))
    if mc[IN_DATA] == 0:
        return Verdict(False, "With p = 0 all passes are the same net: σ is 0 everywhere.")
    ratio = mc[IN_GAP] / mc[IN_DATA]
    return Verdict(ratio >= NOTICES, f"Over all {len(result.passes['mc_dropout'])} passes, mean σ is {mc[IN_DATA]:.3f} among the "
                                     f"data and {mc[IN_GAP]:.3f} in the gap, {ratio:.2f} times as much. The deep ensemble has "
                                     f"{deep[IN_GAP] / deep[IN_DATA]:.2f} times.")


CHALLENGE = Challenge(
    text=f"MC dropout hardly notices the gap. Find a scene in which its mean σ in the gap is at least {NOTICES:g} times that "
         f"among the data, with a gap at least {WIDE:g} wide.",
    check=_opens,
)
