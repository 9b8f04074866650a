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
from core.calibration import expected_calibration_error
from core.data import toys
from core.engine import L2, MLP, Adam, Progress, binary_cross_entropy, generators, spawn, squared, train
from core.lesson import Scene, choice, grid, last, number, switch

METHODS = {"mc_dropout": "MC dropout", "deep_ensemble": "Deep ensemble", "bagging": "Bagging"}
PROBLEMS = {"curve": "Curve with a gap", "moons": "Two moons"}
QUANTITIES = {"mutual": "Mutual information", "total": "Entropy", "expected": "Expected entropy", "mean": "P(class B)"}

LEARNING_RATE = 1e-2
PASSES = 200  # masks drawn of the dropout net
PREVIEW = 16  # masks while it is still training
LIMIT = 1024  # passes that stand for infinitely many
COUNTS = (1, 2, 4, 8, 16, 32, 64)  # T of the 1/√T experiment
SPAN = (-4.0, 4.0)  # where the curve's data lie
VIEW = (-7.0, 7.0)
MOONS_VIEW = ((-4.0, 5.0), (-3.25, 3.75))
SIDE = 41
NEAR = 0.5  # within this distance of a sample a point of the plane counts as "in the data"
REMOTE = 1.0  # beyond this distance, from a sample of the moons or from SPAN, as "far away"
TESTS = 500
IN_DATA, IN_GAP, BORDER, FAR = 0, 1, 2, 3


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


@dataclass(frozen=True)
class Result:
    """Predictions of the three methods after `step` of `steps` updates.

    x_DN, y_N: the samples. grid_DG with truth_G (the function; or P(class B) by the density that drew the moons),
    distance_G to the nearest sample and region_G (IN_DATA, IN_GAP, BORDER, FAR). passes: method -> [S, G]: values, or P(class B).
    off_G: the dropout net with dropout off. theory_G: its exact spread, with one hidden layer on the curve.
    tests: method -> [S, B] on fresh samples of the moons with labels target_B; on the curve, the grid points among the
    data with the true values. counts, limit_rms, limit_theory [len(COUNTS)]: how far the mean of T of LIMIT passes is
    from the mean of all, measured on disjoint blocks, and σ √(1/T − 1/LIMIT); None before the end of training.
    """

    problem: str
    step: int
    steps: int
    noise: float
    x_DN: Tensor
    y_N: Tensor
    grid_DG: Tensor
    truth_G: Tensor
    distance_G: Tensor
    region_G: Tensor
    passes: dict[str, Tensor]
    off_G: Tensor
    tests: dict[str, Tensor]
    target_B: Tensor
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
        if config.problem == "curve":
            self._curve(draw)
        else:
            self._moons(draw, test)
        self.distance_G = uncertainty.distance_to_data(self.grid_DG, self.x_DN)

    def _curve(self, draw: Generator) -> None:
        half = self.config.gap / 2
        data = toys.gap_regression(self.config.points, self.config.noise, (-half, half), draw, SPAN)
        self.x_DN, self.y_N, self.loss = data.x_1N, data.y_1N[0], squared
        self.grid_DG = torch.linspace(*VIEW, 113)[None]
        x_G = self.grid_DG[0]
        self.truth_G = data.truth(x_G)
        away_G = x_G.abs()
        inside_G = torch.where(away_G < half, IN_GAP, IN_DATA)
        outside_G = torch.where(away_G > SPAN[1] + REMOTE, FAR, BORDER)
        self.region_G = torch.where(away_G > SPAN[1], outside_G, inside_G)
        among = self.region_G == IN_DATA
        self.test_DB, self.target_B = self.grid_DG[:, among], self.truth_G[among]

    def _moons(self, draw: Generator, test: Generator) -> None:
        noise = self.config.noise
        self.x_DN, labels_N = toys.two_moons(self.config.points, noise, draw)
        self.y_N, self.loss = labels_N.float(), binary_cross_entropy
        (left, right), (low, high) = MOONS_VIEW
        y, x = torch.meshgrid(torch.linspace(low, high, SIDE), torch.linspace(left, right, SIDE), indexing="ij")
        self.grid_DG = torch.stack([x.flatten(), y.flatten()])
        self.truth_G = moons_posterior(self.grid_DG, noise)
        away_G = uncertainty.distance_to_data(self.grid_DG, self.x_DN)
        self.region_G = torch.where(away_G < NEAR, IN_DATA, torch.where(away_G > REMOTE, FAR, BORDER))
        self.test_DB, labels_B = toys.two_moons(TESTS, noise, test)
        self.target_B = labels_B.float()

    def training(self) -> tuple[Iterator[Progress], Iterator[Progress]]:
        """The dropout net's Progress, and that of both ensembles: 2M rows of one tensor, at the same steps."""
        c, K = self.config, 2 * self.config.members
        work = K * c.points * (c.width * (2 + c.width * (c.depth - 1)))  # multiplications in a pass
        every = max(5, min(c.steps // 5, int(1e8 / work)))
        x, y = self.x_DN[None], self.y_N[None, None]
        start_KP = self.mlp.init([*self.deep, *self.bag])
        if c.same_start:
            start_KP[c.members :] = start_KP[0]
        drawn = [torch.randint(c.points, (c.points,), generator=g) for g in self.bag]
        index = torch.stack([*[torch.arange(c.points)] * c.members, *drawn])
        x_KDN, y_KCN = self.x_DN[:, index].transpose(0, 1), self.y_N[index][:, None]
        adam, start_1P, rows = Adam(LEARNING_RATE), self.mlp.init([self.mc]), [*self.deep, *self.bag]
        decay = L2(c.weight_decay)
        return (
            train(self.mlp, start_1P, x, y, self.loss, adam, steps=c.steps, generators=[self.mc], dropout=c.dropout,
                  penalty=decay, record_every=every),
            train(self.mlp, start_KP, x_KDN, y_KCN, self.loss, adam, steps=c.steps, generators=rows, penalty=decay,
                  record_every=every),
        )

    def so_far(self, step: int, alone_1P: Tensor, many_KP: Tensor, S: int) -> Result:
        thinned = self.masks(generators([self.mask.initial_seed()])[0], S)
        M, theory = self.config.members, None
        mc, members = self.predict(alone_1P, self.grid_DG, thinned), self.predict(many_KP, self.grid_DG)
        mc_test, members_test = self.predict(alone_1P, self.test_DB, thinned), self.predict(many_KP, self.test_DB)
        if self.config.problem == "curve" and self.config.depth == 1:
            theory = uncertainty.dropout_variance(self.mlp, alone_1P[0], self.grid_DG, self.config.dropout).sqrt()
        methods = (mc, members[:M], members[M:]), (mc_test, members_test[:M], members_test[M:])
        return Result(
            problem=self.config.problem, step=step, steps=self.config.steps, noise=self.config.noise,
            x_DN=self.x_DN, y_N=self.y_N, grid_DG=self.grid_DG, truth_G=self.truth_G, distance_G=self.distance_G,
            region_G=self.region_G,
            passes=dict(zip(METHODS, methods[0], strict=True)),
            off_G=self.predict(alone_1P, self.grid_DG)[0],
            tests=dict(zip(METHODS, methods[1], strict=True)), target_B=self.target_B,
            theory_G=theory,
        )

    def whole(self, alone_1P: Tensor, many_KP: Tensor) -> Result:
        result = self.so_far(self.config.steps, alone_1P, many_KP, PASSES)
        some = self.test_DB[:, :: max(1, self.test_DB.shape[1] // 32)]
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


def moons_posterior(x_2G: Tensor, noise: float, angles: int = 128) -> Tensor:
    """P(class B | x), [G] float64, under the density of `toys.two_moons`: half circles blurred by a Gaussian."""
    angle = (torch.arange(angles, dtype=torch.float64) + 0.5) * math.pi / angles
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    a, b = (torch.logsumexp(-torch.cdist(x_2G.T.double(), arc).square() / (2 * noise**2), 1) for arc in (upper, lower))
    return torch.sigmoid(b - a)


def counted(result: Result, method: str, passes: int) -> int:
    """How many predictions of a method T stands for: an ensemble has no more than its members."""
    return min(passes, len(result.passes[method]))


def spread(result: Result, method: str, passes: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over passes, [G], float64."""
    mean, std = uncertainty.running_spread(result.passes[method], [counted(result, method, passes)])
    return mean[0], std[0]


def entropies(result: Result, method: str, passes: int) -> uncertainty.Entropies:
    """Nats on the grid, [1, G] each; only for the moons."""
    return uncertainty.entropies(result.passes[method][:, None], [counted(result, method, passes)])


def surest_wrong(result: Result, method: str, passes: int) -> int:
    """The place on the grid where a method is surest although wrong; −1 where it is nowhere wrong.

    Curve: the largest |error| / √(σ² + noise²). Moons: the lowest entropy among the points that are put into one
    class while the density says the other with at least 90 %.
    """
    if result.problem == "curve":
        mean, std = spread(result, method, passes)
        return int(((mean - result.truth_G).abs() / (std.square() + result.noise**2).sqrt()).argmax())
    mean = result.passes[method][: counted(result, method, passes)].double().mean(0)
    wrong = ((mean > 0.5) != (result.truth_G > 0.5)) & ((result.truth_G - 0.5).abs() >= 0.4)
    if not bool(wrong.any()):
        return -1
    return int(torch.where(wrong, (mean - 0.5).abs(), -1.0).argmax())


def region_means(result: Result, values_G: Tensor) -> dict[int, float]:
    """Mean of values over each region that the scene has."""
    return {r: float(values_G[result.region_G == r].mean()) for r in (IN_DATA, IN_GAP, FAR) if bool((result.region_G == r).any())}


def calibration_error(result: Result, method: str, passes: int) -> float:
    """Moons: ECE of the mean of T passes on fresh samples. Curve: mean |coverage − level| over 19 levels, in the data."""
    if result.problem == "moons":
        mean = result.tests[method][: counted(result, method, passes)].double().mean(0)
        return float(expected_calibration_error(mean[None], result.target_B.long(), bins=10))
    levels, among = torch.arange(1, 20) / 20, result.region_G == IN_DATA
    covered = coverage(result, method, passes, levels)[:, among].mean(1)
    return float((covered - levels).abs().mean())


def coverage(result: Result, method: str, passes: int, levels_Q: Tensor) -> Tensor:
    """Curve: share [Q, G] of new observations inside the interval of each level."""
    return uncertainty.coverage(*spread(result, method, passes), result.noise, result.truth_G, levels_Q)


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
    mean = result.passes[method][: counted(result, method, config.passes)].double().mean(0)
    far = result.region_G == FAR
    sure = float(((mean[far] - 0.5).abs() > 0.45).double().mean())
    text += f"{METHODS[method]} is more than 95 % sure at {100 * sure:.0f} % of the places far away. "
    g = surest_wrong(result, method, config.passes)
    if g < 0:
        return text + "Nowhere in the picture does it contradict a density that is itself 90 % sure."
    x, y = result.grid_DG[:, g].tolist()
    confidence = 100 * float((mean[g] - 0.5).abs() + 0.5)
    return text + (f"It is surest although wrong at ({_signed(x, 1)}, {_signed(y, 1)}): {confidence:.0f} % sure, of the class "
                   "to which the density that drew the moons gives at most 10 %.")
