"""What there is to be seen of a run at one moment: the net's answer over the plane, each unit's response, weights and gradients.

Shapes: C outputs, S places along each axis of the plane, s those of a small picture, H units of a layer, N samples, n of them
training, B bins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.engine import RunningStats
from core.playground.data import SETS, Problem, features
from core.playground.history import Record
from core.playground.setup import Setup
from core.simulation import Simulation

SIDE, THIN = 46, 3  # places along an axis; every third of them, both ends among them, in the picture of a unit
EDGES = np.linspace(-3, 3, 25)  # of the bins of all histograms, so that none moves while a run goes on


class Histogram(NamedTuple):
    """How many of some numbers lie in each bin of EDGES, the exact zeros apart.

    bins [B]: what lies beyond the outermost edges is in the outermost bins, and counted in `beyond` as well. What is no number
    is left out. size: of all that is counted.
    """

    bins: np.ndarray
    zeros: int
    beyond: int

    @property
    def size(self) -> int:
        return int(self.bins.sum()) + self.zeros


@dataclass(frozen=True)
class View:
    """Tensors are detached and never change.

    surface [C, S, S]: for two classes the probability of the second one, or its output where the loss is no cross-entropy, from
        0 to 1; for three those of each; the height of a regression. Rows are x₂, from below. average: that of the averaged net.
    said [N]: the class that the net says of each sample, empty for a regression; score [N]: the probability of that class, or the
        output where the loss is no cross-entropy.
    units: of the inputs, each hidden layer, the output: responses [H, s, s] over the same plane.
    activations: [H, n] of each hidden layer and the output over the training set.
    weights: [H, H before] of each layer. gradients: norms of the objective's gradient by layer, L1 left out.
    dead: hidden units that are 0 at every training point, of `hidden`.
    records: the curves up to here. changes: steps at which something was changed.
    biases: [H] of each layer.
    """

    setup: Setup
    problem: Problem
    step: int
    now: Record
    surface: Tensor
    average: Tensor | None
    said: Tensor
    score: Tensor
    units: tuple[Tensor, ...]
    activations: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    gradients: tuple[float, ...]
    dead: int
    hidden: int
    records: tuple[Record, ...]
    changes: tuple[int, ...]
    stopped: str
    best: int

    @property
    def sets(self) -> tuple[str, ...]:
        """Those that have samples."""
        return tuple(name for name in SETS if self.problem.part(name).start < self.problem.part(name).stop)

    def confusion(self, which: str) -> Tensor:
        """[classes, classes] counts of one of SETS: in row k the samples of class k, in columns what the net says of them."""
        classes, part = self.problem.classes, self.problem.part(which)
        pairs = classes * self.problem.y[part] + self.said[part]
        return torch.bincount(pairs, minlength=classes**2).unflatten(0, (classes, classes))


def histogram(values: Tensor) -> Histogram:
    """The histogram of all values of a tensor."""
    flat = values.flatten().numpy()
    zeros = int((flat == 0).sum())
    places = np.searchsorted(EDGES, flat[(flat != 0) & ~np.isnan(flat)], side="right") - 1
    bins = np.bincount(places.clip(0, len(EDGES) - 2), minlength=len(EDGES) - 1)
    return Histogram(bins, zeros, int((np.abs(flat) > EDGES[-1]).sum()))


def look(run: Simulation, place: int | None = None) -> View:
    """The run now, or as it was at one of its history's records."""
    records = tuple(run.history.records)
    theta, stats, average, now = run.theta, run.supervised.stats, run.average, None
    if place is not None and place < len(records) - 1:
        snapshot = run.history.snapshots[place]
        theta, now = snapshot.theta, records[place]
        stats = snapshot.stats and RunningStats(*snapshot.stats)
        mean = snapshot.average_stats and RunningStats(*snapshot.average_stats)
        averaged = None if snapshot.average is None else (snapshot.average, mean)
    else:
        averaged = average and (average.theta, average.stats)
    return _look(run, theta, stats, averaged, now or run.measure(), now is None)


@torch.inference_mode()
def _look(run: Simulation, theta: Tensor, stats: RunningStats | None, average: tuple[Tensor, RunningStats | None] | None,
          now: Record, latest: bool) -> View:
    problem, setup = run.problem, run.setup
    places = features(plane(problem).to(run.dtype), setup.inputs)
    seen = run.net.activations(theta, places, stats=stats)
    surface = answers(run, seen.out)
    averaged = None if average is None else answers(run, run.forward(average[0], places, average[1]))
    layers = (places, *seen.post, seen.out)
    units = tuple(layer[0].unflatten(1, (SIDE, SIDE))[:, ::THIN, ::THIN].clone() for layer in layers)
    weights = tuple(layer.weight[0].clone() for layer in run.net.views(theta))
    biases = tuple(layer.bias[0, :, 0].clone() for layer in run.net.views(theta))
    at_samples = run.net.activations(theta, run.inputs, stats=stats)
    said, score = _told(run, at_samples.out)
    activations = tuple(layer[0, :, problem.part("training")] for layer in (*at_samples.post, at_samples.out))
    dead = sum(int((layer == 0).all(1).sum())
               for layer, name in zip(activations, setup.activations, strict=False) if name == "relu")
    gradient = run.gradient(theta)
    norms = tuple(float(torch.cat([layer.weight[0].flatten(), layer.bias[0].flatten()]).double().norm())
                  for layer in run.net.views(gradient))
    records = tuple(r for r in run.history.records if r.step < now.step)
    changes = tuple(step for step, _ in run.changes if step <= now.step)
    return View(setup, problem, now.step, now, surface, averaged, said, score, units, activations, weights, biases, norms,
                dead, sum(run.net.hidden), (*records, now), changes, run.stopped if latest else "", run.best.step)


def _told(run: Simulation, out: Tensor) -> tuple[Tensor, Tensor]:
    """What outputs [1, C, N] say of each sample, and with which probability or output: see View.said."""
    if not run.problem.classes:
        return out.new_empty(0, dtype=torch.long), out[0, 0]
    said, entropy = run.decide(out)[0], run.setup.minimised == "cross_entropy"
    if run.problem.classes == 2:
        return said, torch.where(said > 0, out[0, 0], -out[0, 0]).sigmoid() if entropy else out[0, 0]
    score = out[0].softmax(0) if entropy else out[0]
    return said, score.gather(0, said[None])[0]


def plane(problem: Problem) -> Tensor:
    """Places [1, 2, S²] over the problem's frame, x₁ running fastest."""
    x, y = (torch.linspace(*ends, SIDE) for ends in problem.frame)
    return torch.stack([x.repeat(SIDE), y.repeat_interleave(SIDE)])[None]


def answers(run: Simulation, out: Tensor) -> Tensor:
    """Outputs [1, C, n] over the plane as [C, S, S]: see View.surface."""
    out = out[0]
    if run.problem.classes:
        entropy = run.setup.minimised == "cross_entropy"
        if run.problem.classes == 2:
            out = out.sigmoid() if entropy else (1 + out) / 2
        elif entropy:
            out = out.softmax(0)
    return out.unflatten(1, (SIDE, SIDE)).to(torch.float32)
