"""Many learners that are hardly better than chance, each on what the others got wrong, make one that is good.

AdaBoost: round t fits a learner h_t to samples weighted by w, adds it to the sum F = Σ α_t h_t and weighs the samples anew
(`adaboost.reweigh`). It descends the exponential loss J(F) = mean exp(−y F(x)), a mean over the N training samples with classes
y = ±1 as given: after T rounds J is ∏ 2√(e(1 − e)), and the training error is below it.

Every run is a row: noise levels x draws. Within a draw all levels share their samples, and a flipped label stays flipped at every
higher level. Test labels are never flipped.

Shapes: T rounds, L noise levels, S draws, K = L S rows, N training samples, G points of a grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from core.controls import choice, number
from core.drawings import upload
from core.engine import generators
from core.lesson import Scene, last
from core.lessons.boosting import adaboost
from core.lessons.boosting.data import POOL, draws, near_other_class
from core.lessons.boosting.learners import Fit, Grown, Learner, growing, training, votes
from core.trees import Trees
from core.uploads import Points, PointsForm

POINTS = PointsForm()
LEVELS = (0, 10, 20, 30)  # % of labels flipped, always run
ACROSS, UP = 61, 41  # points of the grid
ASKED = 5  # rounds after which the page asks which samples weigh most
MOST = 200  # rounds
MARGIN = 0.25  # of the grid beyond the samples
TINY = 1e-300


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    at: int = number(ASKED, low=0, high=MOST - 1, step=1, label="Rounds before the one shown", view=True, hidden=True)
    learner: str = choice("stump", options={"stump": "Stumps", "tree": "Trees", "net": "Small nets"}, label="Learners",
                          help="A stump asks whether one coordinate is above a threshold; a tree asks several such questions.")
    label_noise: int = number(20, low=0, high=40, step=5, label="Wrong labels", unit="%",
                              help="Part of the training labels that is flipped. Test labels stay right.")
    rounds: int = number(100, low=10, high=MOST, step=10, label="Rounds", when=("learner", ("stump", "tree")))
    net_rounds: int = number(20, low=5, high=40, step=5, label="Rounds of nets", when=("learner", ("net",)))
    n_train: int = number(100, low=20, high=POOL, step=10, label="Training samples")
    depth: int = number(2, low=2, high=3, step=1, label="Depth of the trees", when=("learner", ("tree",)))
    width: int = number(3, low=1, high=8, step=1, label="Hidden units of a net", when=("learner", ("net",)))
    criterion: str = choice("error", options={"error": "Weighted error", "squares": "Gini's impurity"}, more=True,
                            label="A split is chosen by", when=("learner", ("stump", "tree")),
                            help="Least error is AdaBoost as first written; scikit-learn's trees take the least impurity.")
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train at most. They stay in "
                              "the memory of the server, for you alone.")
    problem: str = choice("two_moons", options={"two_moons": "Two moons", "circles": "Circles", "xor": "Four clouds, crosswise"},
                          label="Data", more=True, when=("points", ("",)))
    blur: float = number(0.2, low=0.0, high=0.5, step=0.05, label="Blur of the points", more=True, when=("points", ("",)))
    draws: int = number(5, low=5, high=9, step=2, label="Draws of data", more=True)

    @property
    def length(self) -> int:
        """Rounds of the whole run."""
        return self.net_rounds if self.learner == "net" else self.rounds


@dataclass(frozen=True)
class Result:
    """The rounds so far. What has an N is of the row that is drawn: draw 0 at the scene's noise.

    Where boosting has ended, the weights and the learner stay as they were, α is 0, e is NaN and nothing is added to the sum; a
    learner without an error is the whole sum.
    """

    rounds: int  # of the whole run
    levels: tuple[int, ...]  # [L] labels flipped, %
    home: int  # place of the scene's own among them
    own: Points | None  # what the reader brought, instead of a problem of the lesson's
    x: Tensor  # [2, N]
    y: Tensor  # [N] classes ±1 as given
    wrong: Tensor  # [N] whether they are flipped
    near: Tensor  # [N] of the others the half that is nearest to the other class
    weight: Tensor  # [T + 1, N] before each round, and after the last
    vote: Tensor  # [T, N] ±1, what each round's learner says
    score: Tensor  # [T, N] the sum F after each round
    stumps: Trees | None  # [T] that row's stumps, one a round
    across: Tensor  # [nx] coordinates of the grid
    up: Tensor  # [ny]
    says: Tensor  # [T, ny, nx] what each round's learner says there, from -1 to 1
    plane: Tensor  # [T, ny, nx] F/Σ|α| after each round
    error: Tensor  # [T, L, S] e, the learner's weighted error
    next_error: Tensor  # [T, L, S] the weight of the same samples in the next round
    alpha: Tensor  # [T, L, S] the learner's weight; infinite if it makes no error
    train_error: Tensor  # [T, L, S] of the sum, on the labels as given
    test_error: Tensor  # [T, L, S]
    vote_error: Tensor  # [T, L] on the test set, of the majority of the draws' sums; NaN if each draw has its own test set
    exponential: Tensor  # [T, L, S] mean exp(−y F) on the training set
    on_wrong: Tensor  # [T + 1, L, S] weight on the flipped labels before each round, and after the last
    least_margin: Tensor  # [T, L, S] the smallest y F/Σ|α|
    ended: Tensor  # [L, S] the round after which nothing is added, 1 the first; -1 if there is none

    @property
    def done(self) -> bool:
        return len(self.error) == self.rounds


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    growing_run = _Run(config, own)
    size = config.draws * len(growing_run.levels) * config.n_train * 2 ** (config.depth if config.learner == "tree" else 1)
    every = 2 if config.learner == "net" else min(10, max(1, 40_000 // size))
    for t in range(config.length):
        growing_run.round(t)
        if t + 1 == config.length or (t >= ASKED and t % every == 0):
            yield growing_run.result(t + 1)


def run(config: Config) -> Result:
    return last(steps(config))


def margins(result: Result) -> Tensor:
    """y F/Σ|α| of the drawn row after each round, [T, N]: from −1 to 1, above 0 where the sum is right."""
    return result.y * result.score / totals(result).clamp_min(TINY)[:, None]


def totals(result: Result) -> Tensor:
    """Σ|α| of the drawn row after each round, [T]; 1 once a learner is the whole sum."""
    alpha = result.alpha[:, result.home, 0].abs()
    return torch.where(alpha.isinf().cummax(0).values, 1.0, alpha.cumsum(0))


def levels_of(config: Config) -> tuple[int, ...]:
    return tuple(sorted({*LEVELS, config.label_noise}))


def learner_for(config: Config, x_K2N: Tensor, y_KN: Tensor) -> Fit:
    """What is fitted in each round. Rows of one draw start their nets alike, whatever their noise."""
    if config.learner == "net":
        seeds = [1000 * config.seed + s for _ in levels_of(config) for s in range(config.draws)]
        return training(x_K2N, y_KN, config.width, generators(seeds))
    return growing(x_K2N, y_KN, config.depth if config.learner == "tree" else 1, config.criterion)


class _Run:
    """Boosts all rows together, and keeps what a Result shows."""

    def __init__(self, config: Config, own: Points | None):
        self.config, self.own, self.levels = config, own, levels_of(config)
        each = draws(config.problem, config.draws, config.n_train, config.blur, config.seed, own)
        rows = [(level, draw) for level in self.levels for draw in each]
        self.home = self.levels.index(config.label_noise)
        self.k = self.home * config.draws  # the row that is drawn
        self.x = torch.stack([draw.x_2N for _, draw in rows])
        self.y = torch.stack([draw.labels(level) for level, draw in rows])
        self.wrong = self.y != torch.stack([draw.true_N for _, draw in rows])
        self.test_x, self.test_y = (torch.stack([getattr(draw, name) for _, draw in rows]) for name in ("test_2n", "test_true_n"))
        first = each[0]
        self.near = near_other_class(first.x_2N, first.true_N, ~self.wrong[self.k])
        self.across, self.up = grid(first.x_2N)
        self.points = torch.stack(torch.meshgrid(self.across, self.up, indexing="xy")).flatten(1)
        self.fit = learner_for(config, self.x, self.y)
        K, N = self.y.shape
        self.weight = torch.full((K, N), 1 / N, dtype=torch.float64)
        self.sum = torch.zeros(K, N + self.test_y.shape[1], dtype=torch.float64)  # F on training and test samples
        self.last_says = torch.zeros(self.points.shape[1], dtype=torch.float64)  # of the drawn row's newest learner
        self.plane = torch.zeros(self.points.shape[1], dtype=torch.float64)
        self.total = torch.zeros(K, dtype=torch.float64)
        self.ended = torch.full((K,), -1)
        self.perfect = torch.zeros(K, dtype=torch.bool)
        self.trees: list[Trees] = []
        self.kept: dict[str, Tensor] = {}
        self._keep("weight", 0, self.weight[self.k])
        self._keep("on_wrong", 0, (self.weight * self.wrong).sum(1))

    def _keep(self, name: str, t: int, value: Tensor) -> None:
        if name not in self.kept:
            self.kept[name] = torch.full((self.config.length + 1, *value.shape), torch.nan, dtype=value.dtype)
        self.kept[name][t] = value

    def round(self, t: int) -> None:
        """Round t, the first being 0."""
        learner = self.fit(self.weight)
        said = torch.cat([votes(learner, self.x), votes(learner, self.test_x)], 1)
        N = self.y.shape[1]
        right = said[:, :N] == self.y
        found = adaboost.reweigh(self.weight, right)
        running = self.ended < 0
        on = running & adaboost.goes_on(found.error_K)
        alone = running & found.alpha_K.isinf()
        alpha = torch.where(on, found.alpha_K, 0.0)
        self.weight = torch.where(on[:, None], found.weight_KN, self.weight)
        self._add(learner.row(self.k), said, alpha, torch.where(alone, found.alpha_K.sign(), 0.0), t)
        self._keep("vote", t, said[self.k, :N] if self.ended[self.k] < 0 else self.kept["vote"][t - 1])
        self._keep("error", t, torch.where(running, found.error_K, torch.nan))
        self._keep("next_error", t, torch.where(on, (self.weight * ~right).sum(1), torch.nan))
        self._keep("alpha", t, torch.where(alone, found.alpha_K, alpha))
        self._keep("weight", t + 1, self.weight[self.k])
        self._keep("on_wrong", t + 1, (self.weight * self.wrong).sum(1))
        self.ended[running & ~on] = t + 1
        self.perfect |= alone
        self._judge(t)

    def _add(self, drawn: Learner, said: Tensor, alpha: Tensor, only: Tensor, t: int) -> None:
        """Add α times the learner's votes to the sum, or make it the whole sum where `only` is its sign and not 0."""
        says = drawn.score(self.points)[0] if self.ended[self.k] < 0 else self.last_says
        self.last_says = says
        there = torch.where(says > 0, 1.0, -1.0)
        self.sum = torch.where(only[:, None] != 0, only[:, None] * said, self.sum + alpha[:, None] * said)
        self.plane = only[self.k] * there if only[self.k] != 0 else self.plane + alpha[self.k] * there
        self.total = torch.where(only != 0, 1.0, self.total + alpha.abs())
        if isinstance(drawn, Grown) and self.config.learner == "stump":
            self.trees.append(drawn.trees if self.ended[self.k] < 0 else self.trees[-1])
        self._keep("says", t, says.tanh().float() if self.config.learner == "net" else says.float())
        self._keep("plane", t, (self.plane / self.total[self.k].clamp_min(TINY)).float())

    def _judge(self, t: int) -> None:
        """What the sums are worth after round t."""
        N, S = self.y.shape[1], self.config.draws
        classes = torch.where(self.sum > 0, 1.0, -1.0)
        margin = self.y * self.sum[:, :N]
        self._keep("score", t, self.sum[self.k, :N])
        self._keep("train_error", t, (classes[:, :N] != self.y).double().mean(1))
        self._keep("test_error", t, (classes[:, N:] != self.test_y).double().mean(1))
        majority = classes[:, N:].unflatten(0, (-1, S)).sum(1)
        voted = ((majority > 0) != (self.test_y[::S] > 0)).double().mean(1)
        self._keep("vote_error", t, voted if self.own is None else torch.full_like(voted, torch.nan))
        self._keep("exponential", t, torch.where(self.perfect, 0.0, (-margin).exp().mean(1)))
        self._keep("least_margin", t, margin.amin(1) / self.total.clamp_min(TINY))

    def result(self, T: int) -> Result:
        """The first T rounds, as a Result."""
        def rows(name: str, more: int = 0) -> Tensor:
            return self.kept[name][: T + more].unflatten(-1, (len(self.levels), -1))

        k, kept = self.k, self.kept
        return Result(
            rounds=self.config.length, levels=self.levels, home=self.home, own=self.own, x=self.x[k], y=self.y[k],
            wrong=self.wrong[k], near=self.near, weight=kept["weight"][: T + 1], vote=kept["vote"][:T], score=kept["score"][:T],
            stumps=Trees(*map(torch.cat, zip(*self.trees, strict=True))) if self.trees else None,
            across=self.across, up=self.up, says=self._on_grid("says", T), plane=self._on_grid("plane", T), error=rows("error"),
            next_error=rows("next_error"), alpha=rows("alpha"), train_error=rows("train_error"),
            test_error=rows("test_error"), vote_error=kept["vote_error"][:T],
            exponential=rows("exponential"), on_wrong=rows("on_wrong", 1), least_margin=rows("least_margin"),
            ended=self.ended.unflatten(0, (len(self.levels), -1)).clone())

    def _on_grid(self, name: str, T: int) -> Tensor:
        return self.kept[name][:T].unflatten(-1, (len(self.up), len(self.across)))


def grid(x_2N: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates across [nx] and up [ny] of a grid over samples."""
    (left, down), (right, top) = (x_2N.amin(1) - MARGIN).tolist(), (x_2N.amax(1) + MARGIN).tolist()
    return (torch.linspace(left, right, ACROSS, dtype=torch.float64), torch.linspace(down, top, UP, dtype=torch.float64))
