"""A start must break the symmetry, and should keep the signal's size.

Six starts of one deep net, trained together on two circles: J = mean cross-entropy (nats) over N = 64 points, full batch, biases
start at 0. Forwards the second moment E[h²] of the activations is followed through the layers, backwards that of
∂J/∂z; theory in `signal`.

Shapes: M = 6 schemes, L hidden layers of H units, S steps, F recorded steps, B bins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat

import torch
from torch import Tensor

from core.controls import choice, decades, grid, number
from core.data import toys
from core.engine import MLP, SGD, Adam, Backprop, Kernel, Supervised, Trainer, binary_cross_entropy, generators
from core.lesson import Scene, last
from core.lessons.initialisation import signal
from core.lessons.initialisation.signal import SCHEMES

N, RECORDS, REPORT, DRAWS = 64, 40, 8, 12
RIDGES, BINS = 8, 336  # four bins to a decade
SIZES = (-45.0, 39.0)  # the decades of |h| that are counted: all that a float32 holds
RANK = 1e-4  # a singular value counts if it is larger than this part of the largest


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    depth: int = number(30, low=1, high=50, step=1, label="Hidden layers L", help="How many layers the signal must pass.")
    activation: str = choice("relu", options={"tanh": "tanh", "relu": "ReLU", "linear": "Linear"}, label="Activation",
                             help="Of the hidden units.")
    gain: float = number(1.0, low=0.5, high=2.0, step=0.05, label="Gain g",
                         help="Multiplies the weights of all starts but zero and small normal.")
    inside: str = choice("xavier", options=SCHEMES, label="Look inside", view=True,
                         help="The start whose activations are drawn as ridges.")
    optimiser: str = choice("sgd", options={"sgd": "Momentum", "adam": "Adam"}, label="Optimiser",
                            help="Gradient descent with α = 0.9, or Adam, which divides a gradient by its size.")
    learning_rate: float = grid(0.005, values=decades(-4, -1), label="Learning rate ε")
    steps: int = number(200, low=20, high=300, step=20, label="Steps", more=True)
    width: int = number(32, low=4, high=32, step=4, label="Units in a layer H", more=True)
    std: float = grid(0.01, values=decades(-4, 0), label="σ of the small normal start", more=True)


@dataclass(frozen=True)
class Result:
    """M runs of nets with L layers up to `step`, recorded F times. NaN or infinite where one is no longer finite."""

    step: int
    x: Tensor  # [2, N]
    y: Tensor  # [N]
    at: Tensor  # [F] recorded steps
    losses: Tensor  # [step+1, M]
    forward: Tensor  # [F, M, L+1] E[h²], the input first
    backward: Tensor  # [F, M, L] E[(∂J/∂z)²]
    counts: Tensor  # [F, M, R, B] activations with log₁₀|h| in each bin of SIZES, for R layers; zeros and the infinite in none
    layers: Tensor  # [R] which layers those are, from 1
    units: Tensor  # [F, M, H, 2] the weights into each unit of the first layer
    rank: Tensor  # [F, M] of the weights of hidden layer `middle`, as a float
    middle: int  # a hidden layer, from 1
    draws: Tensor  # [K, M, L+1] E[h²] at the start over K = DRAWS draws, the first trained; K = 1 in the first partial result
    theory_forward: Tensor  # [M, L+1] E[h²]
    theory_backward: Tensor  # [M, L] E[(∂J/∂z)²] in units of the last layer, NaN where none is known


def data(seed: int) -> tuple[Tensor, Tensor]:
    """Two noisy circles, each coordinate standardised: x [2, N], y [N]."""
    x, y = toys.circles(N, 0.1, generators([seed])[0])
    return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True), y


def net(config: Config) -> MLP:
    return MLP((2, *[config.width] * config.depth, 1), config.activation)


def recorded(steps: int) -> list[int]:
    """The steps that are kept, closer together early on, when most happens."""
    return sorted({round(steps * (i / RECORDS) ** 1.5) for i in range(RECORDS + 1)})


def _mean_square(h: Tensor) -> Tensor:
    """Of h [..., H, N] over units and samples, in float64: the square of what a float32 still holds may be too small for one."""
    return h.double().square().mean((-2, -1))


class _Recorder:
    """What is seen of the nets at the recorded steps, before their updates; each list grows by one tensor at a time."""

    def __init__(self, kernel: Kernel | None, x: Tensor, stops: list[int]):
        assert isinstance(kernel, Backprop)
        self.kernel, self.x, self.stops = kernel, x, stops
        depth = len(kernel.a)
        self.layers = torch.linspace(1, depth, min(depth, RIDGES)).round().long()
        self.middle = min(depth, max(2, math.ceil(depth / 2)))  # the first has two inputs only
        self.seen: dict[str, list[Tensor]] = {k: [] for k in ("forward", "backward", "counts", "units", "rank")}

    def __call__(self, trainer: Trainer, value: Tensor, grad: Tensor) -> None:  # noqa: ARG002
        if trainer.step in self.stops:
            self._look((trainer.diverged_at >= 0) & (trainer.diverged_at < trainer.step))

    def _look(self, gone: Tensor) -> None:
        """After a forward and a backward pass; gone [M]: the nets that stand still because they are beyond floating point."""
        h = torch.stack(self.kernel.a, 1).masked_fill(gone[:, None, None, None], torch.nan)
        delta = torch.stack(self.kernel.d, 1).masked_fill(gone[:, None, None, None], torch.nan)
        first = self.x.double().square().mean().expand(len(h), 1)
        weights = [self.kernel.layers[i].weight.masked_fill(gone[:, None, None], torch.nan) for i in (0, self.middle - 1)]
        known = weights[1].isfinite().all(2).all(1, keepdim=True)
        values = torch.linalg.svdvals(weights[1].where(known[..., None], 0.0))
        ratio = (values / values[:, :1].clamp_min(1e-30)).where(known, torch.nan)
        news = dict(forward=torch.cat([first, _mean_square(h)], 1), counts=self._counts(h[:, self.layers - 1]),
                    backward=_mean_square(delta), units=weights[0], rank=(ratio > RANK).sum(1).where(known[:, 0], torch.nan))
        for name, value in news.items():
            self.seen[name].append(value)

    def so_far(self) -> dict[str, Tensor]:
        """The fields of a Result that this has recorded."""
        return {name: torch.stack(values) for name, values in self.seen.items()}

    def _counts(self, h: Tensor) -> Tensor:
        low, high = SIZES
        M, R = h.shape[:2]
        place = ((h.abs().log10() - low) * (BINS / (high - low))).floor().nan_to_num(-1.0).clamp(-1, BINS).long().flatten(2) + 1
        rows = torch.arange(M * R).reshape(M, R, 1) * (BINS + 2)
        return torch.bincount((place + rows).flatten(), minlength=M * R * (BINS + 2)).reshape(M, R, -1)[..., 1:-1].short()


def starts(mlp: MLP, config: Config, draws: Iterable[int]) -> Tensor:
    """theta [K, M, P] of the six starts, K times: Xavier, He and small normal of one draw scale the same numbers."""
    first = DRAWS * config.seed
    rows = [signal.start(mlp, generators([first + k] * len(SCHEMES)), config.std, config.gain) for k in draws]
    return torch.stack(rows)


def moments(mlp: MLP, theta: Tensor, x: Tensor) -> Tensor:
    """E[h²] [K, M, L+1] of nets theta [K, M, P], the input first."""
    post = mlp.activations(theta.flatten(0, 1), x[None]).post
    values = torch.stack([_mean_square(h) for h in post], 1).unflatten(0, theta.shape[:2])
    return torch.cat([x.double().square().mean().expand(*theta.shape[:2], 1), values], 2)


def theory(mlp: MLP, config: Config, x: Tensor) -> dict[str, Tensor]:
    """The two theories of a Result."""
    about = (config.activation, x, mlp.sizes, config.std, config.gain)
    unknown = torch.full((config.depth,), torch.nan, dtype=torch.float64)
    return dict(
        theory_forward=torch.stack([signal.forward(scheme, *about) for scheme in SCHEMES]),
        theory_backward=torch.stack([signal.backward(s, *about) if s in signal.RANDOM else unknown for s in SCHEMES]))


def steps(config: Config) -> Iterator[Result]:
    mlp = net(config)
    x, y = data(config.seed)
    first = starts(mlp, config, range(1))
    theta, draws, known = first[0].clone(), moments(mlp, first, x), theory(mlp, config, x)
    objective, stops = Supervised(mlp, binary_cross_entropy), recorded(config.steps)
    recorder = _Recorder(objective.kernel(theta, N), x, stops)
    optimiser = Adam(config.learning_rate) if config.optimiser == "adam" else SGD(config.learning_rate, momentum=0.9)
    batches = repeat((x[None], y[None, None].float()))
    trainer = Trainer(objective, theta, optimiser, batches, before=[recorder], history=config.steps + 1)
    result = None
    for i, step in enumerate(stops):
        trainer.advance(step + 1 - trainer.step)  # what is seen at a step is seen before its update
        if i % REPORT == 0 or step == config.steps:
            result = Result(step=step, x=x, y=y, at=torch.tensor(stops[: i + 1]), losses=trainer.losses.clone(),
                            layers=recorder.layers, middle=recorder.middle, draws=draws, **known, **recorder.so_far())
        assert result is not None
        yield result
        for others in torch.arange(1, DRAWS).split(4) if step == 0 else ():
            draws = torch.cat([draws, moments(mlp, starts(mlp, config, others.tolist()), x)])
            yield result


def run(config: Config) -> Result:
    return last(steps(config))


def layers(depth: int) -> str:
    return f"{depth} layers" if depth > 1 else "1 layer"


def spread(result: Result) -> Tensor:
    """[F, M]: how far apart two units of the first layer are at most in one of their weights."""
    return (result.units.amax(2) - result.units.amin(2)).amax(-1)
