"""What there is to be seen of a run at one moment: the net's answer over the plane, each unit's response, weights and gradients.

Shapes: C outputs, S places along each axis of the plane, s those of a small picture, H units of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import RunningStats
from core.playground.data import SETS, Problem, features
from core.playground.history import Record
from core.playground.setup import Setup
from core.simulation import Simulation

SIDE, THIN = 48, 3  # places along an axis; every third of them in the picture of a unit


@dataclass(frozen=True)
class View:
    """Tensors are detached and never change.

    surface [C, S, S]: for two classes the probability of the second one, or its output where the loss is no cross-entropy, from
        0 to 1; for three those of each; the height of a regression. Rows are x₂, from below. average: that of the averaged net.
    units: of the inputs, each hidden layer, the output: responses [H, s, s] over the same plane.
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
    units: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    gradients: tuple[float, ...]
    dead: int
    hidden: int
    records: tuple[Record, ...]
    changes: tuple[int, ...]
    stopped: str
    best: int
    biases: tuple[Tensor, ...]

    @property
    def sets(self) -> tuple[str, ...]:
        """Those that have samples."""
        return tuple(name for name in SETS if self.problem.part(name).start < self.problem.part(name).stop)


def look(run: Simulation, place: int | None = None) -> View:
    """The run now, or as it was at one of its history's records."""
    records = tuple(run.history.records)
    theta, stats, average, now = run.theta, run.supervised.stats, run.average, None
    if place is not None and place < len(records) - 1:
        snapshot = run.history.snapshots[place]
        theta, now, average = snapshot.theta, records[place], None
        stats = None if snapshot.stats is None else RunningStats(*snapshot.stats)
    return _look(run, theta, stats, average and (average.theta, average.stats), now or run.measure(), now is None)


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
    part = problem.part("training")
    at_points = run.net.activations(theta, run.inputs[:, :, part], stats=stats).post
    dead = sum(int((layer[0] == 0).all(1).sum())
               for layer, name in zip(at_points, setup.activations, strict=True) if name == "relu")
    gradient = run.gradient(theta)
    norms = tuple(float(torch.cat([layer.weight[0].flatten(), layer.bias[0].flatten()]).norm())
                  for layer in run.net.views(gradient))
    records = tuple(r for r in run.history.records if r.step < now.step)
    changes = tuple(step for step, _ in run.changes if step <= now.step)
    biases = tuple(layer.bias[0, :, 0].clone() for layer in run.net.views(theta))
    return View(setup, problem, now.step, now, surface, averaged, units, weights, norms, dead, sum(run.net.hidden),
                (*records, now), changes, run.stopped if latest else "", run.best[2], biases)


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
            out = out.sigmoid() if entropy else ((1 + out) / 2).clamp(0, 1)
        elif entropy:
            out = out.softmax(0)
    return out.unflatten(1, (SIDE, SIDE)).to(torch.float32)
