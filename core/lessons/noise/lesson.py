"""Noise in training, of three kinds, on one kind of net and on a model that is linear in its weights.

    inputs   J = E_ξ 1/N Σ (f(x_n + σξ_n) − y_n)²            ξ ~ N(0, 1), new for every sample and update
    weights  J = E_ξ 1/N Σ (f(x_n; θ + σξ) − y_n)²           ξ ~ N(0, I), new for every update
    labels   J = −1/N Σ_n Σ_c ỹ_nc ln p_c(x_n)               ỹ = (1 − ε) y + ε/K: ε spread over all K classes

The squared error is a mean, without ½. The first two are trained on noisy heights of a curve, the third on K classes in the
plane, with one net: a layer of tanh between inputs and outputs. On a reader's own points all three learn those, the first two
their classes as −1 and 1. All strengths of all kinds and SEEDS data sets are rows of one
run; the strengths of a seed share data, start and ξ. Nothing is noisy when a net is evaluated. Adam, all samples in a batch, the
learning rate falls to 0 along a cosine.

Shapes: S seeds, N samples, L strengths (the first is 0), A = 2 kinds (inputs, weights), K classes, d inputs, R records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from core.controls import grid, number
from core.drawings import upload
from core.engine import (
    MLP,
    Adam,
    InputNoise,
    Supervised,
    Trainer,
    WeightNoise,
    cosine,
    cross_entropy,
    generators,
    minibatches,
    smooth_labels,
    spawn,
    squared,
)
from core.lesson import Scene, last
from core.lessons.noise import data as samples
from core.lessons.noise.data import SEEDS, STRENGTHS, Data, Frame, both_kinds, one_hot
from core.lessons.noise.judging import (
    Classes,
    Fitted,
    Linear,
    Numbers,
    Small,
    classes_now,
    fit_linear,
    numbers_now,
    small_noise,
)
from core.uploads import Points, PointsForm

RATES = (0.05, 0.03)  # learning rates: numbers, classes
STRIDE = 20  # updates between two yields
RECORDS = 5
OWN = PointsForm()
NONE_BROUGHT = ("points", ("",))


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    level: int = number(3, low=0, high=STRENGTHS - 1, step=1, label="Strength, in sixths of the largest", view=True, hidden=True)
    labels: float = grid(
        0.6, values=(0.06, 0.12, 0.3, 0.6, 0.9, 1.0), label="Label smoothing up to ε",
        help="So much of each label is spread evenly over all K classes, the right one included.")
    inputs: float = grid(
        0.9, values=(0.12, 0.3, 0.6, 0.9, 1.2, 1.8, 2.4), label="Input noise up to σ", unit="of x",
        help="Standard deviation of what is added to x in training, new for each sample and update. On the curve x runs from "
             "−4 to 4; own points have standard deviation 1.")
    weights: float = grid(
        0.12, values=(0.03, 0.06, 0.12, 0.18, 0.24, 0.36, 0.48), label="Weight noise up to σ",
        help="Standard deviation of what is added to every weight and bias in training, new for each update.")
    classes: int = number(3, low=2, high=8, step=1, label="Classes K", help="Round clouds of points in the plane.",
                          when=NONE_BROUGHT)
    samples: int = number(20, low=15, high=60, step=5, label="Samples of the curve N", when=NONE_BROUGHT)
    points: str = upload(OWN, label="Your own points", more=True,
                         help="A CSV of x, y and class: two classes, 20 to 2,000 rows, of which 60 train at most. All three "
                              "kinds of noise are then on them. They stay in the memory of the server, for you alone.")
    blur: float = number(0.6, low=0.0, high=1.0, step=0.1, label="Error of the heights", more=True, when=NONE_BROUGHT,
                         help="Standard deviation of the samples from the curve, which is there with or without noise "
                              "in training.")
    spread: float = number(0.5, low=0.2, high=1.2, step=0.1, label="Spread of the classes", more=True, when=NONE_BROUGHT,
                           help="Standard deviation of a cloud; the centres lie on a circle of radius 2.")
    hidden: int = grid(32, values=(8, 16, 32, 64), label="Hidden units H", more=True)
    steps: int = number(400, low=200, high=1000, step=100, label="Updates", more=True)

    @property
    def K(self) -> int:
        """Classes that there are."""
        return 2 if self.points else self.classes


@dataclass(frozen=True)
class Result:
    """All nets after `step` updates. The first seed's are the ones that are drawn."""

    step: int
    sigma: Tensor  # [A, L] σ of noise on inputs and on weights
    epsilon: Tensor  # [L]
    own: Points | None  # what the reader brought, instead of the lesson's samples
    frame: Frame  # what is shown of the plane
    x: Tensor  # [S, d, N] samples of the net that learns numbers
    y: Tensor  # [S, N] their numbers
    points: Tensor  # [S, 2, N] samples of the classes
    given: Tensor  # [S, N] their classes
    recorded: Tensor  # [R] updates done at the records
    objective: Tensor  # [R, A, L, S] the noisy mean squared error, mean of the updates since the last record
    numbers: Numbers
    classes: Classes
    linear: Linear
    small: Small | None  # once trained


def strengths(config: Config) -> tuple[Tensor, Tensor]:
    """σ [A, L] and ε [L], from 0 to the largest in equal steps; float32."""
    steps_ = torch.linspace(0, 1, STRENGTHS)
    return torch.stack([config.inputs * steps_, config.weights * steps_]), config.labels * steps_


def networks(config: Config) -> tuple[MLP, MLP]:
    """The net that learns numbers and the one that learns classes."""
    return MLP((2 if config.points else 1, config.hidden, 1), "tanh"), MLP((2, config.hidden, config.K), "tanh")


def streams(config: Config) -> list[list[torch.Generator]]:
    """Generators of a run, a list of SEEDS each: samples, classes, the two starts, ξ of training, of linear fits and of
    measuring."""
    parents = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    return [spawn(parents) for _ in range(7)]


def make_data(config: Config, own: Points | None = None) -> Data:
    rngs = streams(config)
    return samples.make_data(config.samples, config.blur, config.spread, config.K, (rngs[0], rngs[1]), own)


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    own = OWN.unpack(assets[config.points]) if config.points in assets else None
    if config.points and not own:
        config = replace(config, points="")
    rngs, data = streams(config), make_data(config, own)
    sigma, epsilon = strengths(config)
    numbers, labels = numbers_trainer(config, data, rngs), classes_trainer(config, data, rngs)
    fitted = Fitted(*networks(config), numbers.theta, labels.theta)
    result = Result(
        step=0, sigma=sigma, epsilon=epsilon, own=own, frame=data.frame, x=data.x, y=data.y[:, 0], points=data.points,
        given=data.given,
        recorded=torch.empty(0, dtype=torch.int64), objective=torch.empty(0, 2, STRENGTHS, SEEDS),
        numbers=numbers_now(fitted, data), classes=classes_now(fitted, data),
        linear=fit_linear(data, sigma, epsilon, rngs[5]), small=None)
    yield result
    every = config.steps // RECORDS
    while numbers.step < config.steps:
        count = min(STRIDE, every - numbers.step % every)
        numbers.advance(count)
        yield result
        labels.advance(count)
        if numbers.step % every == 0:
            mean = both_kinds(numbers.losses[-every:].mean(0))
            result = replace(
                result, step=numbers.step, recorded=torch.cat([result.recorded, torch.tensor([numbers.step])]),
                objective=torch.cat([result.objective, mean[None]]), numbers=numbers_now(fitted, data),
                classes=classes_now(fitted, data))
        yield result
    for small in small_noise(fitted, data, sigma, rngs[6]):
        yield result if small is None else replace(result, small=small)


def run(config: Config) -> Result:
    return last(steps(config))


def numbers_trainer(config: Config, data: Data, rngs: list[list[torch.Generator]]) -> Trainer:
    """Rows: L strengths of noise on inputs, then the L − 1 above 0 of noise on weights, S seeds of each."""
    net, (sigma, _) = networks(config)[0], strengths(config)
    none = torch.zeros(STRENGTHS)
    on_inputs = torch.cat([sigma[0], none[1:]]).repeat_interleave(SEEDS)
    on_weights = torch.cat([none, sigma[1, 1:]]).repeat_interleave(SEEDS)
    times = 2 * STRENGTHS - 1
    theta = net.init(rngs[2]).repeat(times, 1)
    # Every strength of a seed has a generator of its own with the same seed, so that ξ differs in its size alone.
    noisy = generators([g.initial_seed() for g in rngs[4]] * times)
    xi, zeta = spawn(noisy), spawn(noisy)
    augment = InputNoise(on_inputs)
    batches = (augment(x, y, xi) for x, y in minibatches(data.x.repeat(times, 1, 1), data.y.repeat(times, 1, 1), None, xi))
    return Trainer(WeightNoise(Supervised(net, squared), on_weights), theta, Adam(RATES[0]), batches, generators=zeta,
                   schedule=cosine(config.steps), history=config.steps)


def classes_trainer(config: Config, data: Data, rngs: list[list[torch.Generator]]) -> Trainer:
    """Rows: L strengths of label smoothing, S seeds of each."""
    net = networks(config)[1]
    epsilon = strengths(config)[1].repeat_interleave(SEEDS)
    theta = net.init(rngs[3]).repeat(STRENGTHS, 1)
    y = smooth_labels(one_hot(data.given, data.classes).repeat(STRENGTHS, 1, 1), epsilon)
    batches = minibatches(data.points.repeat(STRENGTHS, 1, 1), y, None, ())
    return Trainer(Supervised(net, cross_entropy), theta, Adam(RATES[1]), batches, schedule=cosine(config.steps),
                   history=config.steps)
