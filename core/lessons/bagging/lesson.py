"""An average has less variance than its members, as far as they differ: ρσ² + (1 − ρ)σ²/M. It keeps their bias.

Bagging (Breiman 1996): M members, each trained on its own bag of b of the N training samples, drawn with replacement. A tree
splits its bag greedily by squares, a net minimises the mean squared error or the mean cross-entropy of its bag. The average
weighs all alike; the weighted average takes the weights of least squared error on samples that trained no member; the majority
counts classes.

Bias², variance and ρ are those over training sets and bags, from T training sets beside the one that is drawn, for every way to
draw bags at once; with MEASURED members on each set or more, however few are averaged. They are of what the members say: a
height, or P(B).

Shapes: M members, T training sets, W ways to draw bags, F numbers of members, D features, N training samples, n test points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from core.controls import InvalidValue, choice, number
from core.drawings import points as pad
from core.drawings import upload
from core.lesson import Scene, last
from core.lessons.bagging import data as sources
from core.lessons.bagging import measure
from core.lessons.bagging.data import CURVE, Data, Samples
from core.lessons.bagging.members import Members, bag_size, bags, counts, plant, train_nets
from core.uploads import Points, PointsForm

POINTS = PointsForm()
LEAST, MOST_DOTS = 8, 120
MOST = 128  # members
MEASURED = 32  # members on a training set, at least: ρ of two alone is mostly chance
FRAMES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
BAGS = {"tenth": "A tenth of the samples", "third": "Three in ten", "full": "As many as there are samples", "none": "No bags"}
SHARES = {"tenth": 0.1, "third": 0.3, "full": 1.0, "none": None}
ARMS = {"one": "One member", "uniform": "Average", "weighted": "Weighted by held-out data", "fitted": "Weighted by training data",
        "majority": "Majority vote"}
PIECE = 200_000  # nodes times features times samples of trees between two pauses, some 20 ms
NETS = 1536  # nets that train together
JURIES = 4000
SIZES = tuple(i / 10 for i in range(2, 21, 2))  # of bags, as parts of N, at which distinct samples are counted


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    learner: str = choice("tree", options={"tree": "Trees", "stump": "Stumps", "net": "Small nets"}, label="Members",
                          help="A tree asks several questions in a row, a stump one. Nets have one hidden layer.")
    bag: str = choice("full", options=BAGS, label="Each member's bag",
                      help="Samples are drawn with replacement. Without bags every member is trained on all samples.")
    members: int = number(64, low=1, high=MOST, step=1, label="Members M")
    problem: str = choice(CURVE, options={CURVE: "A curve", "two_moons": "Two moons", "circles": "Circles"}, label="Data",
                          when=("points", ("",)))
    depth: int = number(4, low=2, high=5, step=1, label="Depth of the trees", when=("learner", ("tree",)))
    width: int = number(6, low=2, high=6, step=1, label="Hidden units of a net", when=("learner", ("net",)))
    n_train: int = number(50, low=20, high=100, step=10, label="Training samples N",
                          help="Of every training set; the one that you draw yourself has as many points as you draw.")
    noise: float = number(0.3, low=0.0, high=0.6, step=0.1, label="Noise of the curve", more=True, when=("problem", (CURVE,)))
    blur: float = number(0.3, low=0.1, high=0.5, step=0.05, label="Blur of the points", more=True,
                         when=("problem", ("two_moons", "circles")))
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train, the others choose "
                              "weights and test. They stay in the memory of the server, for you alone.")
    sets: int = number(16, low=6, high=16, step=1, label="Training sets for bias and variance", more=True)
    dots: tuple[tuple[int, int, int], ...] = pad((), label="Points of the curve", classes=1, most=MOST_DOTS)
    dots_2d: tuple[tuple[int, int, int], ...] = pad((), label="Points of two classes", classes=2, most=MOST_DOTS)

    def rules(self) -> None:
        for name in ("dots", "dots_2d"):
            if 0 < len(getattr(self, name)) < LEAST:
                raise InvalidValue(name, f"at least {LEAST} are needed; none at all brings back those of the page")

    @property
    def levels(self) -> int:
        """Questions in a row that a tree asks."""
        return self.depth if self.learner == "tree" else 1


@dataclass(frozen=True)
class Stats:
    """What T training sets say of the average of the first 1, 2, … members; the scene's own way where no W is named."""

    bias: Tensor  # [W, F] squared, without the error of finite T
    variance: Tensor  # [W, F]
    error: Tensor  # [W, F] their sum: mean squared distance from the truth
    sigma2: Tensor  # [W] variance of one member
    rho: Tensor  # [W] correlation of two members of one training set, from 0 to 1
    rho_error: Tensor  # [W] its standard error over the T training sets
    test: Tensor  # [T, F] on test samples: mean squared error, or part of the classes that is wrong
    out_of_bag: Tensor  # [T, F] the same on training samples, each judged by the members without it; NaN where there are none
    votes: Tensor  # [A, T] the same on test samples, of each of `arms`
    arms: tuple[str, ...]  # of ARMS
    weights: Tensor  # [T, M] of the weighted average
    majority: Tensor  # [F] part of the test samples that most members get wrong; NaN for a curve
    independent: Tensor  # [F] the same of independent voters who err as often as one member
    member_error: float  # that often


@dataclass(frozen=True)
class Result:
    """The members of the drawn training set, and once it is there what other training sets say."""

    frames: Tensor  # [F] numbers of members, the last is M
    ways: tuple[str, ...]  # [W] of BAGS
    home: int  # place of the scene's own among them
    classes: bool  # whether the targets are classes
    known: bool  # whether the truth is known
    own: Points | None  # what the reader brought
    drawn: bool  # whether the training set is one that the reader drew
    x: Tensor  # [D, N]
    y: Tensor  # [N]
    across: Tensor  # [nx] coordinates of the grid
    up: Tensor  # [ny], one that means nothing for a curve
    said: Tensor  # [M, ny, nx] what each member says there
    truth: Tensor  # [ny, nx] NaN if it is not known
    distinct: Tensor  # [M] part of the samples that each bag holds
    sizes: Tensor  # [S] sizes of bags
    shares: Tensor  # [S] mean part of N samples that 128 bags of that size hold
    stats: Stats | None

    @property
    def done(self) -> bool:
        return self.stats is not None


def averages(result: Result) -> Tensor:
    """Average of the first members at each frame, [F, ny, nx]."""
    flat = measure.running_mean(result.said.flatten(1))
    return flat[result.frames - 1].unflatten(1, result.said.shape[1:])


def disagreement(result: Result) -> Tensor:
    """Standard deviation of what the first members say at each frame, [F, ny, nx]; 0 for one member."""
    return torch.stack([result.said[:m].std(0, correction=0) for m in result.frames.tolist()])


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    lab = _Lab(config, own)
    yield from lab.first()
    yield from lab.others()


def run(config: Config) -> Result:
    return last(steps(config))


class _Lab:
    """Fits members to training sets, and keeps what a Result shows."""

    def __init__(self, config: Config, own: Points | None):
        self.config, self.own = config, own
        curve = config.problem == CURVE
        self.classes = own is not None or not curve
        dots = config.dots if curve else config.dots_2d
        self.dots = bool(dots) and own is None
        self.data: Data = (
            sources.of_points(own, config.sets, config.n_train, config.seed) if own else
            sources.of_problem(config.problem, config.sets, config.n_train, config.noise if curve else config.blur, config.seed,
                               dots))
        self.ways = tuple(BAGS)
        self.result: Result | None = None

    def first(self) -> Iterator[Result]:
        """Fits the members of the drawn training set; nets are shown while they train."""
        config, data = self.config, self.data
        grid, across, up = self._grid()
        N = len(data.drawn.y)
        bag = self._bags(config.bag, 0, N)[: config.members]
        for members in self._fit(Samples(data.drawn.x[None], data.drawn.y[None]), bag[None], 0):
            said = members.predict(grid).expand(config.members, -1).unflatten(1, (len(up), len(across))).float()
            self.result = replace(self.result, said=said) if self.result else self._result(grid, across, up, said, bag)
            yield self.result

    def _result(self, grid: Tensor, across: Tensor, up: Tensor, said: Tensor, bag: Tensor) -> Result:
        config, data, N = self.config, self.data, len(self.data.drawn.y)
        sizes = torch.tensor([bag_size(share, N) for share in SIZES])
        rng = sources.generator(config.seed, 510)
        shares = [(counts(torch.randint(N, (MOST, int(b)), generator=rng), N) > 0).double().mean() for b in sizes]
        noise = config.blur if self.classes else config.noise
        known = sources.truth(config.problem, grid, noise) if data.known else torch.full((grid.shape[1],), torch.nan).double()
        frames = torch.tensor([m for m in FRAMES if m < config.members] + [config.members])
        return Result(
            frames=frames, ways=self.ways, home=self.ways.index(config.bag), classes=self.classes, known=data.known, own=self.own,
            drawn=self.dots, x=data.drawn.x, y=data.drawn.y, across=across, up=up, said=said,
            truth=known.unflatten(0, (len(up), len(across))), sizes=sizes, shares=torch.stack(shares),
            distinct=(counts(bag, N) > 0).double().mean(1), stats=None)

    def others(self) -> Iterator[Result]:
        """Fits members to the T training sets in every way, and measures them."""
        assert self.result is not None
        config, data = self.config, self.data
        T, N = data.sets.y.shape
        members = max(MEASURED, config.members)
        spreads = []
        for way in self.ways:
            asked, judged, held = [], [], []
            bag = torch.stack([self._bags(way, t + 1, N)[:members] for t in range(T)])
            for rows in torch.arange(T).split(self._sets_at_once(members, N)):
                sets = Samples(data.sets.x[rows], data.sets.y[rows])
                for newest in self._fit(sets, bag[rows], int(rows[0]) + 1):
                    fitted = newest
                    yield self.result
                asked.append(self._said(fitted, data.asked.expand(len(rows), -1, -1), members))
                if way == config.bag:
                    judged.append(self._said(fitted, torch.cat([sets.x, data.held_out.x[rows], data.tests.x[rows]], 2), members))
                    held.append(counts(bag[rows], N))
            said = torch.cat(asked)
            yield self.result
            spreads.append(measure.spread(said, data.truth, self.result.frames))
            if way == config.bag:
                mine = torch.cat(judged)[:, : config.members], torch.cat(held)[:, : config.members]
        judged, held = mine
        trained, held_out, tested = judged.split([N, data.held_out.y.shape[1], data.tests.y.shape[1]], 2)
        weights = []
        for said, y in ((held_out, data.held_out.y), (trained, data.sets.y)):
            weights.append(measure.simplex_weights(said, y))
            yield self.result
        yield replace(self.result, stats=self._stats(spreads, tested, trained, held, *weights))

    def _sets_at_once(self, members: int, N: int) -> int:
        """How many training sets are fitted together."""
        if self.config.learner == "net":
            return max(1, NETS // members)
        return max(1, PIECE // (members * 2**self.config.levels * N * len(self.data.asked)))

    def _said(self, fitted: Members, x: Tensor, members: int) -> Tensor:
        """What the members of some training sets say of x [t, D, n] in float64, [t, M, n]."""
        each = members if self._differ else 1
        said = fitted.predict(x.repeat_interleave(each, 0))
        return said.unflatten(0, (len(x), each)).expand(-1, members, -1)

    def _fit(self, sets: Samples, bag: Tensor, first: int) -> Iterator[Members]:
        """Members of training sets x [t, D, N], y [t, N] on bags [t, M, b], the sets' numbers from `first` on: t·M rows."""
        config, (t, M, _) = self.config, bag.shape
        net = config.learner == "net"
        self._differ = net or not bool((bag == bag[:, :1]).all())
        each = M if self._differ else 1  # trees on the same samples are the same tree
        x, y = (part.repeat_interleave(each, 0) for part in sets)
        rows = bag[:, :each].flatten(0, 1)
        if not net:
            yield plant(x, y, rows, config.levels)
            return
        starts = [torch.randint(2**62, (MOST,), generator=sources.generator(config.seed, 400 + first + i))[:M] for i in range(t)]
        yield from train_nets(x, y, rows, config.width, self.classes, torch.cat(starts))

    def _bags(self, way: str, t: int, N: int) -> Tensor:
        rng = sources.generator(self.config.seed, 300 + 20 * self.ways.index(way) + t)
        return bags(MOST, N, SHARES[way], rng)

    def _grid(self) -> tuple[Tensor, Tensor, Tensor]:
        """Points [D, n] of the grid, its coordinates across and up."""
        (left, right), (low, high) = self.data.frame
        if not self.classes:
            across = torch.linspace(left, right, 161, dtype=torch.float64)
            return across[None], across, torch.zeros(1, dtype=torch.float64)
        across, up = torch.linspace(left, right, 49, dtype=torch.float64), torch.linspace(low, high, 35, dtype=torch.float64)
        return torch.stack(torch.meshgrid(across, up, indexing="xy")).flatten(1), across, up

    def _stats(self, spreads: list[measure.Spread], tested: Tensor, trained: Tensor, held: Tensor, weights: Tensor,
               fitted: Tensor) -> Stats:
        """What the members of the scene's own way say of test samples [T, M, n] and of their training set [T, M, N], of which
        their bags hold `held`; weights [T, M] from held-out and from training samples."""
        assert self.result is not None
        data, at, classes = self.data, self.result.frames - 1, self.classes
        y = data.tests.y
        outside = measure.out_of_bag(trained, held)[:, at]
        votes = {"one": measure.error(tested, y[:, None], classes).mean(1),
                 "uniform": measure.error(tested.mean(1), y, classes),
                 "weighted": measure.error((weights[..., None] * tested).sum(1), y, classes),
                 "fitted": measure.error((fitted[..., None] * tested).sum(1), y, classes)}
        most = measure.majority(tested, y[:, None]) if classes else torch.full(tested.shape[:2], torch.nan).double()
        if classes:
            votes["majority"] = most[:, -1]
        chance = float(votes["one"].mean()) if classes else float("nan")
        rng = sources.generator(self.config.seed, 500)
        return Stats(
            bias=torch.stack([s.bias for s in spreads]), variance=torch.stack([s.variance for s in spreads]),
            error=torch.stack([s.error for s in spreads]), sigma2=torch.stack([s.sigma2 for s in spreads]),
            rho=torch.stack([s.rho for s in spreads]), rho_error=torch.stack([s.rho_error for s in spreads]),
            test=measure.error(measure.running_mean(tested)[:, at], y[:, None], classes),
            out_of_bag=measure.error(outside, data.sets.y[:, None], classes),
            votes=torch.stack(list(votes.values())), arms=tuple(votes), weights=weights, majority=most.mean(0)[at],
            independent=(measure.independent_voters(chance, self.result.frames, JURIES, rng) if classes else
                         torch.full(at.shape, torch.nan).double()), member_error=chance)
