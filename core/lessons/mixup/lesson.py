"""Mixup trains on points that lie between two samples (Zhang et al. 2018).

    x̃ = λ x_i + (1 − λ) x_j        ỹ = λ y_i + (1 − λ) y_j        λ ~ Beta(α, α), one λ for both

Objective: the mean cross-entropy −Σ_c ỹ_c ln p_c(x̃) over a batch of mixed pairs, beside that of ordinary training
(empirical risk minimisation, ERM), the same with λ = 1. Both start from the same weights and meet the same batches;
SEEDS data sets and starts are trained at once, a row each. Part of the training labels are corrupt, no test label is.

Shapes: A arms (ERM, mixup), S seeds, N training and T test samples, d inputs, C classes, R records, L places along a
segment, M segments of all seeds, B bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from core.calibration import Reliability, expected_calibration_error, reliability
from core.controls import choice, grid, number
from core.data import real
from core.data.real import Picture
from core.drawings import upload
from core.engine import MLP, Adam, Generators, cross_entropy, generators, spawn, train
from core.engine.progress import Progress
from core.lesson import Scene, last
from core.lessons.mixup import probes
from core.lessons.mixup.augmentation import Mixup, label_entropy, mix_pairs, one_hot
from core.lessons.mixup.probes import SIDE, Data, Plane
from core.uploads import PictureForm, Points, PointsForm, square

ARMS = ("erm", "mixup")
SEEDS = 5
PLACES = 21  # positions of λ, 0 to 1 in steps of 0.05
BINS = 15
Uploaded = tuple[Picture | None, Picture | None]
IMAGE = 160  # pixels of a side of a picture
PICTURES, POINTS = PictureForm(), PointsForm()
KEPT = 40  # batches whose λ are kept for the histogram
LEARNING_RATE = 0.01
PAIRS = {"cat": ("cat", "coffee"), "brain": ("brain", "abdomen"), "bone": ("vertebra", "ultrasound"), "eye": ("retina", "cat")}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    frame: int = number(14, low=0, high=PLACES - 1, step=1, label="λ in steps of 0.05", view=True, hidden=True)
    pair: str = choice(
        "cat", view=True, label="Two pictures", help="x_i and x_j of the large picture. The slider below it is λ.",
        options={"cat": "Cat and coffee", "brain": "Brain and abdomen (MR)", "bone": "Vertebra (CT) and pelvis (ultrasound)",
                 "eye": "Retina and cat"},
    )
    first: str = upload(PICTURES, label="Your own first picture", more=True,
                        help="PNG, JPEG or DICOM, in place of x_i. It stays in the memory of the server, for you alone.")
    second: str = upload(PICTURES, label="Your own second picture", more=True,
                         help="PNG, JPEG or DICOM, in place of x_j. It stays in the memory of the server, for you alone.")
    alpha: float = grid(
        1.0, values=(0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0), label="Mixing strength α",
        help="Parameter of the Beta distribution that λ is drawn from: near 0 or 1 for small α, uniform at 1, near one half for "
             "large α.",
    )
    points: str = upload(POINTS, label="Your own points", more=True,
                         help="What the nets learn instead. A CSV of x, y and class: two classes, 20 to 2,000 rows. They stay in "
                              "the memory of the server, for you alone.")
    problem: str = choice("moons", options={"moons": "Two moons", "digits": "Digits"}, label="What the nets learn",
                          when=("points", ("",)),
                          help="Points in the plane, or handwritten digits of 8 × 8 pixels in ten classes.")
    corrupt: int = number(20, low=0, high=60, step=5, label="Corrupt labels", unit="% of the training set",
                          help="So many training labels are replaced by another class. Test labels stay right.")
    samples: int = number(80, low=40, high=400, step=20, label="Training samples N")
    noise: float = number(0.2, low=0.0, high=0.4, step=0.05, label="Spread of the moons", more=True,
                          when=("problem", ("moons",)), help="Standard deviation of the blur, in units of a moon's radius.")
    steps: int = number(600, low=100, high=1500, step=100, label="Updates", more=True)

    @property
    def planar(self) -> bool:
        """Whether the nets learn points in the plane."""
        return bool(self.points) or self.problem == "moons"


@dataclass(frozen=True)
class Result:
    """A arms on S seeds after `step` updates, evaluated R times. The first seed's nets are the ones that are drawn."""

    step: int
    uploaded: Uploaded  # of the reader's own, in place of x_i and x_j
    data: Data  # the sets of all seeds
    recorded: Tensor  # [R] steps of the evaluations
    train_error: Tensor  # [R, A, S] part wrong of the training labels as given
    test_error: Tensor  # [R, A, S] part wrong of the test set
    batch_loss: Tensor  # [step, A, S] (nats)
    floor: float  # the least that mixup's batch loss can be in expectation (nats)
    shares: Tensor  # [n] λ drawn in the first KEPT batches of the first seed
    mixed_x: Tensor  # [d, n] points of the latest mixed batches
    mixed_y: Tensor  # [C, n] their labels
    plane: Plane
    surface: Tensor  # [A, C, SIDE, SIDE] probabilities on the plane
    own: Tensor  # [A, L, M] probability of x_i's class at λ x_i + (1 − λ) x_j
    sure: Tensor  # [A, L, M] the largest probability there
    slope: Tensor  # [A, L, M] norm of its input gradient, ‖∂p_i/∂x‖
    length: Tensor  # [M] ‖x_i − x_j‖
    curve: Reliability  # of the test set, seeds pooled
    ece: Tensor  # [A, S] calibration error


def places() -> Tensor:
    """λ at every frame of the player and along every segment, [L] float64."""
    return torch.linspace(0, 1, PLACES, dtype=torch.float64)


def network(config: Config) -> MLP:
    return MLP((2, 32, 32, 2) if config.planar else (64, 64, 10), "tanh")


def batch_size(config: Config) -> int:
    """All samples in the plane, or 64 digits."""
    return config.samples if config.planar else min(64, config.samples)


def streams(config: Config) -> list[list[torch.Generator]]:
    """Separate generators for data, start, training and segments, each a list of one for every seed."""
    parents = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    return [spawn(parents) for _ in range(4)]


def make_data(config: Config, rngs: Generators, own: Points | None = None) -> Data:
    return probes.make_data(config.problem, config.samples, config.noise, config.corrupt / 100, rngs, own)


def floor(config: Config, data: Data) -> float:
    """The least that mixup's expected loss can be: the mean entropy of ỹ, P(y_i ≠ y_j)·[ψ(2α + 1) − ψ(α + 1)]."""
    shares = one_hot(data.given, data.classes, torch.float64).mean(-1)
    n = data.given.shape[-1]
    size = min(batch_size(config), n)
    # A partner is drawn from the batch, which was drawn without replacement; it is the sample itself once in `size`.
    differ = (1 - shares.square().sum(-1)).mean() * n / (n - 1) * (1 - 1 / size)
    return float(differ) * label_entropy(config.alpha)


def both(values: Tensor) -> Tensor:
    """The same for both arms: [S, ...] to [A·S, ...]."""
    return torch.cat([values, values])


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    data_rngs, start_rngs, _, segment_rngs = streams(config)
    own = POINTS.unpack(assets[config.points]) if config.points in assets else None
    data, mlp = make_data(config, data_rngs, own), network(config)
    judge = _Evaluator(config, data, mlp, segment_rngs, _uploaded(config, assets))
    theta = both(mlp.init(start_rngs, "xavier"))
    # One stream for each arm, equal draw by draw.
    rngs = [rng for _ in ARMS for rng in streams(config)[2]]
    mixer = _Recorder(torch.full((len(rngs),), config.alpha), torch.arange(len(rngs)) >= SEEDS)
    every = config.steps // 40
    stride = max(1, 75 // every)  # records between two results: about 75 updates, as a result takes as long as several
    progress = train(
        mlp, theta, both(data.x), both(one_hot(data.given, data.classes)), cross_entropy, Adam(LEARNING_RATE),
        steps=config.steps, generators=rngs, batch_size=min(batch_size(config), data.x.shape[-1]), drop_last=True,
        augment=mixer, record_every=every,
        evaluate={"train": (both(data.x), both(data.given)), "test": (both(data.x_test), both(data.y_test))},
    )
    result = None
    for count, now in enumerate(progress):
        if count and ((count - 1) % stride == 0 or now.step == config.steps):
            result = judge.result(now, mixer)
        if result is not None:
            yield result


def run(config: Config) -> Result:
    return last(steps(config))


def _uploaded(config: Config, assets: Mapping[str, bytes]) -> Uploaded:
    def picture(digest: str, which: str) -> Picture | None:
        if digest not in assets:
            return None
        image = square(PICTURES.unpack(assets[digest]).shown_HWC(), IMAGE)
        return Picture("", f"your {which} picture", "", "", torch.from_numpy((255 * image).round().astype("uint8")))

    return picture(config.first, "first"), picture(config.second, "second")


def confidence_at_half(result: Result) -> Tensor:
    """Mean of the largest probability at λ = ½, over all segments: [A]."""
    return result.sure[:, PLACES // 2].mean(-1)


class _Recorder(Mixup):
    """Mixup that remembers what it made for the first seed: λ of the first batches, points of the latest ones."""

    def __init__(self, alpha: Tensor, mixes: Tensor):
        super().__init__(alpha, mixes)
        self.shares: list[Tensor] = []
        self.points: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        mixed = super().__call__(x, y, generators)
        if len(self.shares) < KEPT:
            self.shares.append(self.share[SEEDS])
        self.points = [*self.points[-3:], (mixed[0][SEEDS], mixed[1][SEEDS])]
        return mixed


class _Evaluator:
    """What is asked of the nets, at the same places whenever it is asked."""

    def __init__(self, config: Config, data: Data, mlp: MLP, rngs: Generators, uploaded: Uploaded = (None, None)):
        self.config, self.data, self.mlp, self.uploaded = config, data, mlp, uploaded
        self.floor = floor(config, data)
        self.x_i, self.y_i, self.x_j = probes.segments(data, rngs)
        self.length = (self.x_i - self.x_j).norm(dim=1).flatten()
        self.plane = probes.plane(data)

    def result(self, now: Progress, mixer: _Recorder) -> Result:
        own, sure, slope = self.along(now.theta)
        seeds = len(ARMS), SEEDS
        p = self.mlp.forward(now.theta, both(self.data.x_test)).softmax(1).unflatten(0, seeds)
        mixed_x, mixed_y = (torch.cat(part, -1) for part in zip(*mixer.points, strict=True))
        return Result(
            step=now.step, uploaded=self.uploaded, data=self.data, recorded=now.recorded,
            train_error=now.error["train"].unflatten(1, seeds), test_error=now.error["test"].unflatten(1, seeds),
            batch_loss=now.batch_loss.unflatten(1, seeds), floor=self.floor, shares=torch.cat(mixer.shares),
            mixed_x=mixed_x, mixed_y=mixed_y, plane=self.plane, surface=self.surface(now.theta),
            own=own, sure=sure, slope=slope, length=self.length,
            curve=reliability(p.movedim(1, -2).flatten(-2), self.data.y_test.flatten(), BINS),
            ece=expected_calibration_error(p, self.data.y_test, BINS),
        )

    def surface(self, theta: Tensor) -> Tensor:
        return self.mlp.forward(theta[[0, SEEDS]], self.plane.points[None]).softmax(1).unflatten(2, (SIDE, SIDE))

    def along(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """own, sure and slope [A, L, M] at every place of every segment."""
        share = places().to(torch.float32)[:, None]
        x = mix_pairs(self.x_i[..., None, :], self.x_j[..., None, :], share)  # [S, d, L, M/S]
        x = both(x.flatten(2)).requires_grad_()
        with torch.enable_grad():
            p = self.mlp.forward(theta, x).softmax(1)
            index = both(self.y_i[:, None].expand(-1, PLACES, -1).flatten(1))[:, None]
            own = p.gather(1, index)[:, 0]
            (gradient,) = torch.autograd.grad(own.sum(), x)

        def arranged(values: Tensor) -> Tensor:
            shaped = values.detach().unflatten(1, (PLACES, -1)).unflatten(0, (len(ARMS), SEEDS))
            return shaped.movedim(1, 2).flatten(2)

        return arranged(own), arranged(p.amax(1)), arranged(gradient.norm(dim=1))


MONTAGE = (4, 6)  # rows and columns of mixed digits


SINGLE = 10  # segments that are drawn one by one


def pair(scene: Config, uploaded: Uploaded = (None, None)) -> tuple[Picture, Picture]:
    """The pictures i and j: the reader's own where there are any."""
    i, j = (own or real.pictures()[name] for own, name in zip(uploaded, PAIRS[scene.pair], strict=True))
    return i, j
