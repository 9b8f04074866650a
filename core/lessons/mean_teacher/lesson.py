"""A student learns from a few labels and from its own average, the teacher (Tarvainen and Valpola 2017).

    J_t(θ) = supervised loss on the labelled + w_t · mean squared distance of the student's and the teacher's probabilities
    on the unlabelled, each under noise: a random affine transform

The supervised loss is a mean cross-entropy in nats; w_t is ramped up (`teacher.ramp`). The teacher is a moving average of the
student's weights (`teacher.Teacher`); no gradient flows into it. A net that learns from the labels alone starts from the same
weights and meets the same labelled batches. SEEDS pairs on data sets of their own are trained at once.

Shapes: A nets (alone, student, teacher), S seeds, R records, T updates, n points, F frames, H × W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.controls import choice, grid, number
from core.engine import MLP, Adam, RunningStats, Supervised, Trainer, binary_cross_entropy, generators, spawn
from core.lesson import Scene, last
from core.lessons.mean_teacher import moons
from core.lessons.mean_teacher.moons import Consistency, Moons, always, make_moons
from core.lessons.mean_teacher.teacher import Teacher, ramp

NETS = ("alone", "student", "teacher")
SEEDS = 5
GRID = 29  # points along a side of the plane that is drawn
FRAME = ((-1.6, 2.6), (-1.4, 1.9))  # of that plane: x₁, x₂
RECORDS = 20
LEARNING_RATE = 0.02
DECAYS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999, 0.9999)


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    labels: int = number(12, low=2, high=40, step=2, label="Labelled points m", help="Half of each class.")
    decay: float = grid(0.97, values=DECAYS, label="Decay a of the average",
                        help="The teacher keeps this part of itself at each update. It is warmed up as min(1 − 1/(t + 1), a).")
    weight: float = grid(10.0, values=(0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0), label="Consistency weight w",
                         help="How much agreement with the teacher counts beside the labels; 0 is supervised training.")
    ramp: int = number(100, low=0, high=400, step=20, label="Ramp-up", unit="updates",
                       help="The weight grows to its full size over so many updates; 0 gives it from the start.")
    strength: float = number(0.12, low=0.0, high=0.4, step=0.02, label="Strength of the transforms",
                             help="Size of the random affine transforms of the unlabelled points.")
    wrong: int = number(0, low=0, high=4, step=1, label="Wrong labels", help="So many labels of class A say B.", more=True)
    unlabelled: int = number(200, low=20, high=400, step=20, label="Unlabelled points n", more=True)
    spread: float = number(0.1, low=0.0, high=0.4, step=0.02, label="Spread of the moons", more=True,
                           help="Standard deviation of the blur, in units of a moon's radius.")
    norm: str = choice("none", label="Batch norm", more=True,
                       options={"none": "None", "averaged": "Statistics averaged too", "stale": "Teacher's statistics stale"},
                       help="What batch norm remembers is no weight: the teacher needs statistics of its own.")
    steps: int = number(400, low=100, high=800, step=100, label="Updates", more=True)


@dataclass(frozen=True)
class Result:
    """A nets on S seeds after `step` updates, looked at R times. The first seed's nets are the ones that are drawn."""

    step: int
    data: Moons
    recorded: Tensor  # [R] steps at which the nets were looked at
    score: Tensor  # [R, A, S] part of the test set that is right
    agree: Tensor  # [R, S] part of the unlabelled points on which student and teacher agree
    confirmed: Tensor  # [R, S] part of them on which they agree and are both wrong
    mistaken: Tensor  # [R, S] part of them on which the net that learns alone is wrong
    cost: Tensor  # [T, S] consistency loss, without its weight
    loss: Tensor  # [T, 2, S] supervised loss of the net alone and of the student (nats)
    x: Tensor  # [GRID] places along x₁
    y: Tensor  # [GRID] and along x₂
    surface: Tensor  # [R, A, GRID, GRID] probability of class B, uint8 levels of 255
    views: tuple[Tensor, Tensor]  # what student and teacher are shown of the unlabelled points, [2, n]: one draw


def network(config: Config) -> MLP:
    return MLP((2, 24, 24, 1), "relu", norm=None if config.norm == "none" else "batch")


def streams(config: Config) -> list[list[torch.Generator]]:
    """Separate generators for data, start, transforms and pictures, each a list of one for every seed."""
    parents = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    return [spawn(parents) for _ in range(4)]


class Run:
    """What is trained: S nets alone, S students from the same start, and S teachers.

    The nets alone are trained apart, by plain supervised training, so that a student with weight 0 is the same to the bit.
    """

    def __init__(self, config: Config):
        data_rngs, start_rngs, noise_rngs, view_rngs = streams(config)
        self.config, self.mlp = config, network(config)
        self.data = make_moons(config.labels, min(config.wrong, (config.labels + 1) // 2), config.unlabelled, config.spread,
                               data_rngs)
        theta = self.mlp.init(start_rngs, "xavier")
        self.alone_stats, self.stats = self.mlp.running_stats(SEEDS), self.mlp.running_stats(SEEDS)
        self.teacher = Teacher(theta, config.decay, self.stats, config.norm == "stale")
        self.objective = Consistency(self.mlp, self.data.unlabelled, self.teacher, config.strength, self.weight, self.stats)
        batches = always((self.data.labelled, self.data.given))
        supervised = Supervised(self.mlp, binary_cross_entropy, stats=self.alone_stats)
        self.alone = Trainer(supervised, theta.clone(), Adam(LEARNING_RATE), batches, history=config.steps)
        self.trainer = Trainer(self.objective, theta, Adam(LEARNING_RATE), batches, generators=noise_rngs, after=[self.teacher],
                               history=config.steps)
        self.x, self.y = (torch.linspace(*ends, GRID) for ends in FRAME)
        self.plane = torch.stack([self.x.expand(GRID, GRID), self.y[:, None].expand(GRID, GRID)]).flatten(1)
        z = torch.randn(2, 1, 6, config.unlabelled, generator=view_rngs[0])
        first = self.data.unlabelled[:1]
        self.views = moons.jitter(first, z[0], config.strength)[0], moons.jitter(first, z[1], config.strength)[0]
        self.records: list[tuple[Tensor, ...]] = []

    def weight(self, step: int) -> float:
        """The consistency weight w_t at update `step`."""
        return self.config.weight * ramp(step, self.config.ramp)

    def everyone(self) -> tuple[Tensor, RunningStats | None]:
        """All nets [3·S, P] and what batch norm remembers of them."""
        theta = torch.cat([self.alone.theta, self.trainer.theta, self.teacher.theta])
        stats = [one for one in (self.alone_stats, self.stats, self.teacher.stats) if one is not None]
        if not stats:
            return theta, None
        return theta, RunningStats(torch.cat([one.mean for one in stats]), torch.cat([one.var for one in stats]))

    def advance(self, n: int) -> None:
        """n updates of every net."""
        self.alone.advance(n)
        self.trainer.advance(n)

    @torch.no_grad()
    def look(self) -> None:
        """Record how good the nets are and what they say on the plane."""
        theta, stats = self.everyone()
        options = {} if stats is None else {"stats": stats}
        seen = torch.cat([self.data.x_test, self.data.unlabelled], -1)
        out = self.mlp.forward(theta, torch.cat([seen] * 3), **options)[:, 0].unflatten(0, (3, SEEDS)) > 0
        test = self.data.x_test.shape[-1]
        right = out[..., :test] == (self.data.y_test[:, 0] > 0.5)
        off = out[..., test:] != (self.data.hidden[:, 0] > 0.5)
        agree = out[1, :, test:] == out[2, :, test:]
        first = [k * SEEDS for k in range(3)]
        options = {} if stats is None else {"stats": RunningStats(stats.mean[first], stats.var[first])}
        sheet = torch.sigmoid(self.mlp.forward(theta[first], self.plane[None], **options)).reshape(3, GRID, GRID)
        self.records.append((torch.tensor(self.trainer.step), right.float().mean(-1), agree.float().mean(-1),
                             (agree & off[2]).float().mean(-1), off[0].float().mean(-1), (255 * sheet).round().byte()))

    def result(self) -> Result:
        recorded, score, agree, confirmed, mistaken, surface = (torch.stack(part) for part in zip(*self.records, strict=True))
        cost = torch.stack(self.objective.cost) if self.objective.cost else torch.zeros(0, SEEDS)
        return Result(step=self.trainer.step, data=self.data, recorded=recorded, score=score, agree=agree, confirmed=confirmed,
                      mistaken=mistaken, cost=cost.clone(), loss=torch.stack([self.alone.losses, self.trainer.losses], 1),
                      x=self.x, y=self.y, surface=surface, views=self.views)


def steps(config: Config) -> Iterator[Result]:
    run = Run(config)
    run.look()
    yield run.result()
    every = config.steps // RECORDS
    for _ in range(RECORDS):
        run.advance(every)
        run.look()
        yield run.result()


def run(config: Config) -> Result:
    return last(steps(config))


def gains(result: Result) -> Tensor:
    """By how much the teacher is right more often than the net that learns alone, a part of one, [S]."""
    return result.score[-1, 2] - result.score[-1, 0]
