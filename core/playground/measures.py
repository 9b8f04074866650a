"""What is told of a run: its net on whole sets, without dropout or noise.

Shapes: one model, theta [1, P]; x [1, 2, N]; out [1, C, N].
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from core.curvature import top_eigenvalue
from core.engine import L1, L2, Loss, RunningStats, Supervised
from core.playground.data import SETS, Problem
from core.playground.history import NONE, Best, History, Record, better
from core.playground.parts import Average, Net
from core.playground.setup import Setup
from core.playground.streams import Batches, Purpose, Streams, smoothed


class Measures:
    """A run as far as its net can be measured; `core.simulation.Simulation` trains it."""

    setup: Setup
    problem: Problem
    net: Net
    mask: Tensor  # [P], 1 on weights
    loss: Loss
    inputs: Tensor  # [1, D, N], all samples
    y: Tensor  # [1, C, N], as the loss takes them
    dtype: torch.dtype
    streams: Streams
    batches: Batches
    supervised: Supervised
    average: Average | None

    @property
    def step(self) -> int:
        """Updates done."""
        raise NotImplementedError

    @property
    def theta(self) -> Tensor:
        """The parameters now, [1, P]; not to be changed."""
        raise NotImplementedError

    @torch.inference_mode()
    def measure(self, theta: Tensor | None = None, stats: RunningStats | None = None) -> Record:
        """The net now, or another one, on whole sets."""
        averaged = None
        if theta is None:
            theta, stats = self.theta, self.supervised.stats
            averaged = self.average and self.measure(self.average.theta, self.average.stats).loss
        out = self.forward(theta, self.inputs, stats)
        parts = [self.problem.part(name) for name in SETS]
        losses = [float(self.loss.value(out[:, :, part], self.y[:, :, part])) for part in parts]
        minimised = losses[0]
        if epsilon := self.setup.used("smoothing"):
            minimised = float(self.loss.value(out[:, :, parts[0]], smoothed(self.y[:, :, parts[0]], epsilon)))
        terms = [term(strength) for term, strength in ((L1, self.setup.l1), (L2, self.setup.l2)) if strength]
        penalty = sum(float(term.value(theta, self.mask)) for term in terms)
        wrong = (self.decide(out) != self.problem.y)[0].to(self.dtype) if self.problem.classes else None
        errors = [math.nan if wrong is None or part.start == part.stop else float(wrong[part].mean()) for part in parts]
        weights = theta[0][self.mask > 0]
        return Record(self.step, self.batches.seen, minimised + penalty, (losses[0], losses[1], losses[2]),
                      (errors[0], errors[1], errors[2]), float(weights.double().norm()), int((weights == 0).sum()), averaged)

    def measure_again(self, history: History) -> Best:
        """Puts the losses of now in the place of those of another kind, so that a curve is of one loss; returns the best."""
        best = NONE
        for k, (record, snapshot) in enumerate(zip(history.records, history.snapshots, strict=True)):
            now = self.measure(snapshot.theta, snapshot.stats and RunningStats(*snapshot.stats))
            mean = snapshot.average_stats and RunningStats(*snapshot.average_stats)
            averaged = None if snapshot.average is None else self.measure(snapshot.average, mean).loss
            history.records[k] = replace(record, objective=now.objective, loss=now.loss, error=now.error, averaged=averaged)
            best = better(best, history.records[k])
            history.snapshots[k] = snapshot._replace(best=best)
        return best

    def forward(self, theta: Tensor, inputs: Tensor, stats: RunningStats | None) -> Tensor:
        """out [1, C, n] without dropout."""
        return self.net.forward(theta, inputs, stats=stats)

    def decide(self, out: Tensor) -> Tensor:
        """Classes [1, n] that outputs [1, C, n] stand for."""
        return (out[:, 0] > 0).long() if self.problem.classes == 2 else out.argmax(1)

    def gradient(self, theta: Tensor | None = None) -> Tensor:
        """The gradient [1, P] of the objective without L1, dropout or noise on the whole training set, of the net now or of
        another one. Batch norm takes the statistics of that set."""
        part = self.problem.part("training")
        y = smoothed(self.y[:, :, part], self.setup.used("smoothing"))
        objective = Supervised(self.net, self.loss, L2(self.setup.l2), 0.0, None)
        _, grad = objective.value_and_gradient((self.theta if theta is None else theta).clone(), (self.inputs[:, :, part], y))
        return grad

    def curvature(self) -> float:
        """The largest eigenvalue of the Hessian of the training set's loss and L2 at the parameters now."""
        part = self.problem.part("training")
        x, y = self.inputs[:, :, part], smoothed(self.y[:, :, part], self.setup.used("smoothing"))
        penalty = L2(self.setup.l2)

        def value(theta: Tensor) -> Tensor:
            return self.loss.value(self.net.forward(theta, x, train=True), y) + penalty.value(theta, self.mask)
        return float(top_eigenvalue(value, self.theta.clone(), self.streams.at(Purpose.START)))
