"""The parts of a run that follow from its set-up: net, method, schedule, what is descended, and the average of the weights.

Shapes: one model, theta [1, P].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from core.engine import (
    L2,
    MLP,
    SGD,
    AdaGrad,
    Adam,
    Backprop,
    Generators,
    Optimiser,
    RMSProp,
    RunningStats,
    Schedule,
    Single,
    State,
    Supervised,
    WeightNoise,
    cosine,
    step_decay,
    warmup,
)
from core.playground.data import Problem
from core.playground.history import Best, Snapshot
from core.playground.setup import Setup
from core.playground.streams import Purpose, Streams


class Noisy:
    """The supervised objective with this step's own dropout masks and noise on the weights, and L2: what the Trainer descends.

    The value is without L2, whose gradient is taken at the weights without noise. mask [P] is 1 on weights; step() is
    the update's number.
    """

    def __init__(self, supervised: Supervised, streams: Streams, mask: Tensor, step: Callable[[], int]):
        self.supervised, self.streams, self.mask, self.step = supervised, streams, mask, step
        self.noise: WeightNoise | None = None
        self.l2: L2 | None = None

    def set(self, setup: Setup) -> None:
        self.l2 = L2(setup.l2) if setup.l2 else None
        sigma = torch.tensor([setup.weight_noise], dtype=torch.float64)
        self.noise = WeightNoise(_Dropping(self), sigma, ahead=1) if setup.weight_noise else None

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators = ()) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Value [1] and gradient [1, P] on one batch."""
        if self.noise is not None:
            value, grad = self.noise.value_and_gradient(theta, batch, self.streams.at(Purpose.WEIGHTS, self.step()))
        else:
            value, grad = self.dropped(theta, batch)
        if self.l2 is not None:
            grad += self.l2.gradient(theta, self.mask)
        return value, grad

    def dropped(self, theta: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """Value and gradient with this step's masks."""
        drops = self.streams.at(Purpose.DROPOUT, self.step()) if self.supervised.dropout else ()
        return self.supervised.value_and_gradient(theta, batch, drops)


class _Dropping:
    """What noise on the weights is added to."""

    def __init__(self, noisy: Noisy):
        self.noisy = noisy

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators = ()) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.noisy.dropped(theta, batch)


class Average:
    """The exponential moving average of a net: parameters and, under batch norm, its statistics. It starts as a copy."""

    def __init__(self, theta: Tensor, stats: RunningStats | None):
        self.theta, self.stats = theta.clone(), stats and stats.clone()

    def follow(self, theta: Tensor, stats: RunningStats | None, weight: float) -> None:
        self.theta.lerp_(theta, weight)
        if self.stats is not None and stats is not None:
            self.stats.mean.lerp_(stats.mean, weight)
            self.stats.var.lerp_(stats.var, weight)


def remember(
    step: int, seen: tuple[int, int], best: Best, theta: Tensor, state: State, stats: RunningStats | None, average: Average | None
) -> Snapshot:
    """A copy of all that a run needs to go on; seen: epochs, and samples of the epoch that is under way."""

    def pair(stats: RunningStats | None) -> tuple[Tensor, Tensor] | None:
        return None if stats is None else (stats.mean.clone(), stats.var.clone())

    memory = {
        name: value.clone() if isinstance(value, Tensor) else value for name, value in vars(state).items() if name != "scratch"
    }
    return Snapshot(
        step, *seen, best, theta.clone(), memory, pair(stats), average and average.theta.clone(), average and pair(average.stats)
    )


@torch.inference_mode()
def restore(snapshot: Snapshot, theta: Tensor, state: State, stats: RunningStats | None, average: Average | None) -> None:
    """Writes a snapshot into the parts of a run. What an optimiser of another kind remembered, and an average that is no more,
    are left out; an average that there was not starts as a copy."""
    theta.copy_(snapshot.theta)
    for name, value in snapshot.memory.items():
        mine = getattr(state, name, None)
        if isinstance(mine, Tensor) and isinstance(value, Tensor):
            mine.copy_(value)
        elif mine is not None:
            setattr(state, name, value)
    if average is not None:
        average.theta.copy_(snapshot.theta if snapshot.average is None else snapshot.average)
    averaged = snapshot.average_stats or snapshot.stats
    for own, kept in ((stats, snapshot.stats), (average and average.stats, averaged)):
        if own is not None and kept is not None:
            own.mean.copy_(kept[0])
            own.var.copy_(kept[1])


class Net(MLP):
    """A net that is trained alone: by a faster kernel where it is plain."""

    def kernel(self, theta: Tensor, n: int) -> Single | Backprop:
        """The hand-written passes for theta [K, P] and batches of n."""
        plain = len(theta) == 1 and not self.norm and not self.residual
        return Single(self, theta, n) if plain else super().kernel(theta, n)


def network(setup: Setup, problem: Problem) -> Net:
    """The net of a set-up; what it is trained with is no part of it."""
    return Net(
        (len(setup.inputs), *setup.widths, problem.outputs),
        setup.activations,
        norm=None if setup.norm == "none" else setup.norm,
        residual=setup.skips,
    )


def optimiser_of(setup: Setup) -> Optimiser:
    """The method at the set-up's learning rate; with α = 0 momentum is plain SGD."""
    rate, alpha = setup.rate, setup.alpha
    match setup.method:
        case "momentum" | "nesterov" if alpha:
            return SGD(rate, momentum=alpha, nesterov=setup.method == "nesterov")
        case "adagrad":
            return AdaGrad(rate)
        case "rmsprop":
            return RMSProp(rate)
        case "adam":
            return Adam(rate)
    return SGD(rate)


def schedule_of(setup: Setup) -> Schedule | None:
    """Step -> factor on the learning rate, None for a constant one."""
    horizon = int(setup.horizon)
    match setup.schedule:
        case "step":
            return step_decay(horizon)
        case "cosine":
            return cosine(horizon)
        case "warmup":
            return warmup(horizon)
    return None
