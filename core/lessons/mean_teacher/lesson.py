"""A student learns from a few labels and from its own average, the teacher (Tarvainen and Valpola 2017).

    J_t(θ) = supervised loss on the labelled + w_t · mean squared distance of the student's and the teacher's probabilities
    on the unlabelled, each under noise: a random affine transform

The supervised loss is a mean cross-entropy in nats; w_t is ramped up (`teacher.ramp`). The teacher is a moving average of the
student's weights (`teacher.Teacher`); no gradient flows into it. A net that learns from the labels alone starts from the same
weights and meets the same labelled batches. SEEDS pairs on data sets of their own are trained at once.

Shapes: A nets (alone, student, teacher), S seeds, R records, T updates, n points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import MLP, Adam, RunningStats, Supervised, Trainer, binary_cross_entropy
from core.lesson import last
from core.lessons.mean_teacher import moons, pixels
from core.lessons.mean_teacher.moons import Consistency, Moons, always, make_moons
from core.lessons.mean_teacher.scene import LEARNING_RATE, NETS, SEEDS, Config, Result, gains, streams
from core.lessons.mean_teacher.teacher import Teacher, ramp

GRID = 29  # points along a side of the plane that is drawn
FRAME = ((-1.6, 2.6), (-1.4, 1.9))  # of that plane: x₁, x₂
RECORDS = 20

__all__ = ["NETS", "SEEDS", "Config", "PlaneResult", "Result", "gains", "run", "steps", "streams"]


@dataclass(frozen=True)
class PlaneResult(Result):
    """On two moons."""

    data: Moons
    x: Tensor  # [GRID] places along x₁
    y: Tensor  # [GRID] and along x₂
    surface: Tensor  # [R, A, GRID, GRID] probability of class B, uint8 levels of 255
    views: tuple[Tensor, Tensor]  # what student and teacher are shown of the unlabelled points, [2, n]: one draw


def network(config: Config) -> MLP:
    return MLP((2, 24, 24, 1), "relu", norm=None if config.norm == "none" else "batch")


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

    def result(self) -> PlaneResult:
        recorded, score, agree, confirmed, mistaken, surface = (torch.stack(part) for part in zip(*self.records, strict=True))
        cost = torch.stack(self.objective.cost) if self.objective.cost else torch.zeros(0, SEEDS)
        return PlaneResult(step=self.trainer.step, data=self.data, recorded=recorded, score=score, agree=agree,
                           confirmed=confirmed, mistaken=mistaken, cost=cost.clone(),
                           loss=torch.stack([self.alone.losses, self.trainer.losses], 1),
                           x=self.x, y=self.y, surface=surface, views=self.views)


def steps(config: Config) -> Iterator[Result]:
    """On moons here, on images in `pixels`."""
    yield from _on_moons(config) if config.data == "moons" else pixels.steps(config)


def _on_moons(config: Config) -> Iterator[PlaneResult]:
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

