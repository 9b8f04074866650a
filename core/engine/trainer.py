"""Training K models at once, a few updates at a time: the end need not be known, and everything may change on the way.

Divergence is data: a model whose loss or gradient is no longer finite stops where it was, and the step is recorded; the
others go on.

Shapes: K models, P parameters, T updates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from .objective import Objective
from .optimisers import Optimiser
from .random import Generators
from .schedules import Schedule


class Trainer:
    """The state of a run: `theta` [K, P], updated in place, `state` of the optimiser, `step`, the number of updates done.

    Between calls of `advance`, set what is to change: `trainer.optimiser = replace(trainer.optimiser, learning_rate=0.01)`
    (or another `weight_decay`; the optimiser keeps what it remembers), `trainer.schedule = ...`, and on the objective
    `objective.penalty = L2(0.1)` or `objective.dropout = 0.5`.

    batches: an endless iterator of batches for the objective, or a mapping of them (labelled, unlabelled), of which the
    objective then gets a dict with one batch each.
    generators: given to the objective, which draws row k's randomness from generators[k].
    schedule: step -> factor on the optimiser's learning rate, a number or one per model [K]; see `schedules`.
    before: each called as f(trainer, value [K], grad [K, P]) before an update, with theta and the buffers of a kernel as
        the gradient saw them; may change grad in place (clipping).
    project: project(theta) changes theta in place after an update (proximal steps, constraints).
    after: each called as f(trainer) when an update is done (recording, a moving average of the weights).
    history: number of updates whose losses are kept, the newest.

    diverged_at [K]: the first step whose value or gradient is not finite, -1 if none. The row keeps the parameters it had.
    """

    def __init__(
        self,
        objective: Objective,
        theta: Tensor,
        optimiser: Optimiser,
        batches: Iterator[Any] | Mapping[str, Iterator[Any]],
        *,
        generators: Generators = (),
        schedule: Schedule | None = None,
        before: Sequence[Callable[["Trainer", Tensor, Tensor], object]] = (),
        project: Callable[[Tensor], object] | None = None,
        after: Sequence[Callable[["Trainer"], object]] = (),
        history: int = 1024,
    ) -> None:
        if history < 1:
            raise ValueError(f"history={history}: must be at least 1")
        self.objective, self.theta, self.optimiser, self.batches = objective, theta, optimiser, batches
        self.generators, self.schedule = generators, schedule
        self.before, self.project, self.after = before, project, after
        self.step = 0
        self.state = optimiser.init(theta)
        self.diverged_at = torch.full((len(theta),), -1)
        self._stopped: Tensor | None = None  # rows that diverged, with their last values
        self._last = theta
        self._ring = theta.new_empty(history, len(theta))

    @property
    def losses(self) -> Tensor:
        """The objective's value [T, K] on each of the newest T <= history updates' batches, the oldest first.

        A row that diverges has the value it diverged with at that step, and NaN from there on."""
        size = len(self._ring)
        if self.step <= size:
            return self._ring[: self.step]
        return self._ring.roll(-(self.step % size), 0)

    @torch.inference_mode()
    def advance(self, n: int) -> None:
        """Do n more updates."""
        start, values = self.step, []
        try:
            for _ in range(n):
                values.append(self._update())
                self.step += 1
                for look in self.after:
                    look(self)
        finally:
            self._keep(start, values[: self.step - start])

    def _update(self) -> Tensor:
        """One update; returns the losses [K] to record."""
        batches = self.batches
        batch = {name: next(b) for name, b in batches.items()} if isinstance(batches, Mapping) else next(batches)
        value, grad = self.objective.value_and_gradient(self.theta, batch, self.generators)
        if not self._finite(value, grad):
            value = self._retire(value, grad)
        elif self._stopped is not None:
            value = value.index_fill(0, self._stopped, torch.nan)
        for look in self.before:
            look(self, value, grad)
        self._scheduled().step(self.theta, grad, self.state)
        if self.project is not None:
            self.project(self.theta)
        if self._stopped is not None:
            self.theta[self._stopped] = self._last
        return value

    def _scheduled(self) -> Optimiser:
        """The optimiser at this step's learning rate."""
        if self.schedule is None:
            return self.optimiser
        rate, factor = self.optimiser.learning_rate, self.schedule(self.step)
        if isinstance(factor, Tensor):
            factor = factor.reshape(-1, 1)
        return replace(self.optimiser, learning_rate=rate * factor)

    def _finite(self, value: Tensor, grad: Tensor) -> bool:
        """Whether the rows that go on are finite, by sums: far cheaper than looking at each number. May be False in error."""
        if self._stopped is None:
            return isfinite(sum(value.tolist()) + grad.sum().item())
        return bool((value + grad.sum(1))[self.diverged_at < 0].isfinite().all())

    def _retire(self, value: Tensor, grad: Tensor) -> Tensor:
        """Stop the rows that are not finite at their present values; returns the losses to record."""
        gone = ~(value.isfinite() & grad.isfinite().all(1))
        before = self.diverged_at >= 0
        self.diverged_at[gone & ~before] = self.step
        if bool((gone & ~before).any()):
            self._stopped = (self.diverged_at >= 0).nonzero().squeeze(1)
            self._last = self.theta[self._stopped]
        return torch.where(before, torch.nan, value)

    def _keep(self, start: int, values: Sequence[Tensor]) -> None:
        """Write the losses of the updates from `start` on into the ring."""
        size = len(self._ring)
        start, values = start + max(0, len(values) - size), values[-size:]
        while values:
            place = start % size
            part, values = values[: size - place], values[size - place :]
            torch.stack(part, out=self._ring[place : place + len(part)])
            start += len(part)


class MovingAverage:
    """The exponential moving average of theta, for `Trainer(after=[...])`: average [K, P] <- β average + (1 - β) theta.

    It starts as a copy of theta; decay is β, a number or one per model [K]."""

    def __init__(self, theta: Tensor, decay: float | Tensor) -> None:
        self.average = theta.clone()
        self.weight = 1 - decay.reshape(-1, 1) if isinstance(decay, Tensor) else 1 - decay

    def __call__(self, trainer: Trainer) -> None:
        self.average.lerp_(trainer.theta, self.weight)
