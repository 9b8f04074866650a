"""Dropout trains a thinned net at every update; one full net, its weights scaled, stands for their mean (Srivastava et al. 2014).

p is the drop probability: each hidden unit is multiplied by a mask of 0 with probability p, and of 1/(1 − p) otherwise, drawn
anew for every sample of every update. Scaled so in training ("inverted" dropout), nothing is left to be scaled at test time.

Objective: J(θ) = E_m[−ln softmax(f(x; θ, m))_y], the mean cross-entropy over a batch and over masks, of nets of up to three
hidden layers (ReLU) on digits (64-H-…-10) or points in the plane (2-H-…-2), by Adam. All rates and SEEDS seeds are rows of one
run: the nets of a seed have the same data, start and batches, and differ in p alone.

Shapes: A rates, S seeds, R records, F frames, H units of a layer, N training and B test samples, Q counts, D features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Generator, Tensor

from core.controls import choice, grid, number
from core.drawings import upload
from core.engine import MLP, Adam, Progress, cross_entropy, generators, spawn, train
from core.lesson import Scene, last
from core.lessons.dropout import probes, ridge
from core.lessons.dropout.data import NAMES, Data, digits, points
from core.lessons.dropout.frames import Frames, Recorder
from core.lessons.dropout.probes import COUNTS, Averages
from core.lessons.dropout.ridge import Ridge
from core.uploads import Points, PointsForm

POINTS = PointsForm()
SEEDS = 5
RATES = (0.0, 0.2, 0.35, 0.5, 0.7)  # p of the nets that train in every scene
BATCH = 32
LEARNING_RATE = 0.01
RECORDS = 20
PREVIEWS = 4  # results on the way; more would take longer than the training


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    p: float = number(0.5, low=0.05, high=0.8, step=0.05, label="Drop probability p",
                      help="Each hidden unit is dropped with this probability, anew for every sample of every update.")
    data: str = choice("digits", options={"digits": "Digits", "two_moons": "Two moons", "circles": "Circles"}, label="Data",
                       help="Handwritten digits of 8 × 8 pixels, or points in the plane.", when=("points", ("",)))
    depth: int = number(2, low=1, high=3, step=1, label="Hidden layers",
                        help="With one, weight scaling is exactly the normalised geometric mean of all thinned nets; with more "
                             "it is only near it.")
    width: int = number(32, low=8, high=32, step=4, label="Units per layer")
    samples: int = number(200, low=80, high=400, step=40, label="Training samples N",
                          help="Of points of your own, half of them at most.")
    corrupt: int = number(0, low=0, high=40, step=5, label="Corrupt labels", unit="% of the training set",
                          help="So many training labels are replaced by another class. Test labels stay right.")
    passes: int = grid(1000, values=COUNTS, label="Thinned nets averaged T", view=True,
                       help="How many thinned nets the mean is taken over. Nothing is trained again.")
    steps: int = number(300, low=100, high=600, step=100, label="Updates", more=True)
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows. Half of them train at most. They stay in "
                              "the memory of the server, for you alone.")


@dataclass(frozen=True)
class Result:
    """Nets of A rates on S seeds after `step` updates. Losses are mean cross-entropies in nats, errors parts of one."""

    step: int
    rates: tuple[float, ...]  # [A] p, rising from 0
    own: int  # which of them is the scene's p
    mlp: MLP
    uploaded: Points | None  # what the reader brought, in place of the lesson's data
    names: tuple[str, ...]  # [C] of the classes
    data: Data
    recorded: Tensor  # [R] steps of the records below
    train_loss: Tensor  # [R, A, S] of all training samples, masks off
    test_loss: Tensor  # [R, A, S] masks off
    train_error: Tensor  # [R, A, S] wrong on the given labels, masks off
    test_error: Tensor  # [R, A, S]
    masked_at: Tensor  # [R − 1] middle of the updates between two records
    masked_loss: Tensor  # [R − 1, A, S] mean of the losses that those updates descended, masks on
    frames: Frames
    mask_mean: Tensor  # [A] over all masks of the frames' updates
    mask_variance: Tensor  # [A] about 1
    averages: Averages
    lesion: Tensor  # [L, 2, S] test error of the nets without dropout and with the scene's, units removed at random
    ridge: Ridge

    @property
    def plane(self) -> bool:
        """Whether the samples are points in the plane, not digits."""
        return self.mlp.sizes[0] == 2


def rates_of(config: Config) -> tuple[float, ...]:
    """p of the nets that train, the scene's own among them."""
    return tuple(sorted({*RATES, config.p}))


def streams(config: Config) -> list[list[Generator]]:
    """Generators for data, start, training, passes, lesions and people, each a list of one for every seed."""
    parents = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    return [spawn(parents) for _ in range(6)]


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    task, every = _Task(config, own), config.steps // RECORDS
    stride, result = RECORDS // PREVIEWS, None
    for count, now in enumerate(task.training(every)):
        if now.step == config.steps:
            yield from task.whole(now, every, result)
        elif count and (count - 1) % stride == 0:
            result = task.so_far(now, every)
            yield result
        elif result is not None:
            yield result


def run(config: Config) -> Result:
    return last(steps(config))


class _Task:
    """The samples and nets of a scene, and what is read off them."""

    def __init__(self, config: Config, uploaded: Points | None = None):
        self.config, self.rates, self.uploaded = config, rates_of(config), uploaded
        self.own = self.rates.index(config.p)
        data, self.start, _, _, _, people = streams(config)
        wrong, plane = config.corrupt / 100, uploaded is not None or config.data != "digits"
        self.data = (points(config.data, config.samples, wrong, data, uploaded) if plane else
                     digits(config.samples, wrong, data))
        self.names = uploaded.names if uploaded else NAMES[plane]
        self.mlp = MLP((self.data.x.shape[1], *[config.width] * config.depth, len(self.names)), "relu")
        self.ridge = ridge.fits(people[0])
        self.recorder = Recorder(self.mlp, self.own * SEEDS, config.steps, config.steps // RECORDS)

    def all(self, values: Tensor) -> Tensor:
        """The same for every rate: [S, ...] to [A·S, ...]."""
        return values.repeat(len(self.rates), *[1] * (values.ndim - 1))

    def training(self, every: int) -> Iterator[Progress]:
        # One stream for each rate, equal draw by draw: batches are the same, and a unit dropped at one p is at any larger.
        rngs = [rng for _ in self.rates for rng in streams(self.config)[2]]
        x, y, x_test, y_test = (self.all(part) for part in self.data)
        return train(
            self.mlp, self.all(self.mlp.init(self.start)), x, y, cross_entropy, Adam(LEARNING_RATE), steps=self.config.steps,
            generators=rngs, batch_size=BATCH, drop_last=True, dropout=torch.tensor(self.rates).repeat_interleave(SEEDS),
            evaluate={"train": (x, y), "test": (x_test, y_test)}, record_every=every, watch=self.recorder)

    def nets(self, theta: Tensor, rate: int) -> Tensor:
        """[S, P] of one rate."""
        return theta[rate * SEEDS : (rate + 1) * SEEDS]

    def so_far(self, now: Progress, every: int) -> Result:
        """What is known on the way, of fewer thinned nets and lesions than at the end."""
        return self.result(now, every, *last(self.probed(now.theta, probes.FEW, 1)))

    def whole(self, now: Progress, every: int, before: Result | None) -> Iterator[Result]:
        """The final result; the one before is yielded again while it is worked out."""
        averages = lesion = None
        for part in self.probed(now.theta, probes.PASSES, probes.DRAWS):
            averages, lesion = part
            if before is not None:
                yield before
        yield self.result(now, every, averages, lesion)

    def probed(self, theta: Tensor, passes: int, draws: int) -> Iterator[tuple[Averages | None, Tensor | None]]:
        """Averages and lesions of the nets; None, or not whole, until the last."""
        *_, passing, cutting, _ = streams(self.config)
        averages, own = None, self.nets(theta, self.own)
        for averages in probes.averages(self.mlp, own, self.data.x_test, self.config.p, passing, passes):
            yield averages, None
        both = torch.stack([self.nets(theta, 0), own])
        for lesion in probes.lesions(self.mlp, both, self.data.x_test, self.data.y_test, cutting, draws):
            yield averages, lesion

    def result(self, now: Progress, every: int, averages: Averages | None, lesion: Tensor | None) -> Result:
        assert averages is not None
        assert lesion is not None
        shape = len(self.rates), SEEDS
        mean, variance = self.recorder.moments(len(self.rates))
        loss, error = ({name: part.unflatten(1, shape) for name, part in of.items()} for of in (now.loss, now.error))
        windows = now.batch_loss[: now.step // every * every].unflatten(0, (-1, every))
        return Result(
            step=now.step, rates=self.rates, own=self.own, mlp=self.mlp, uploaded=self.uploaded, names=self.names, data=self.data,
            recorded=now.recorded,
            train_loss=loss["train"], test_loss=loss["test"], train_error=error["train"], test_error=error["test"],
            masked_at=(torch.arange(len(windows)) + 0.5) * every, masked_loss=windows.mean(1).unflatten(1, shape),
            frames=self.recorder.frames(), mask_mean=mean, mask_variance=variance, averages=averages, lesion=lesion,
            ridge=self.ridge)
