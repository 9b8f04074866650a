"""Six nets for T tasks with nearly as many parameters, and their training on all relatednesses, sample sizes and seeds at once.

    separate      a net for each task
    none          one net that is not told the task
    concatenate, sum, gate, heads: one net that z, the one-hot index of the task, conditions, see core/engine/conditioned.py

Objective of each row: the mean of (output − y)² over its samples, no half: N = T n, or n of a separate net. Adam on all of them.
Starts differ by seed and design. One trainer has the rows of all designs and sizes n in one theta, the
shorter ones padded by zeros.

Shapes: R relatednesses, M sizes n, S seeds, rows K = R S of one design and size, T tasks, G test places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from core.engine import Adam, Autograd, ConditionedMLP, Generators, Trainer, spawn
from core.engine.objective import differentiable
from core.lessons.multi_task.tasks import RELATEDNESS, SAMPLES, Tasks, features

DESIGNS = ("separate", "none", "concatenate", "sum", "gate", "heads")
BUDGET_WIDTH = 12  # of the net without z, whose parameters are the budget of all
RATE = 0.02
STRETCH = 3.0  # the nets see 3x, on [−3, 3], so that a start bends within the data
PLACES = 41


@dataclass(frozen=True)
class Count:
    """Parameters of a design: those that all tasks use, and those of one task only, over all tasks."""

    width: int
    shared: int
    own: int

    @property
    def total(self) -> int:
        return self.shared + self.own


def architecture(design: str, width: int, tasks: int) -> ConditionedMLP:
    """Two hidden layers of `width` tanh units; `separate` is a net without z for one task."""
    one = design == "separate"
    return ConditionedMLP((1, width, width, 1), 1 if one else tasks, "none" if one else design)


def count(design: str, width: int, tasks: int) -> Count:
    """The parameters of a design of that width."""
    net = architecture(design, width, tasks)
    if design == "separate":
        return Count(width, 0, tasks * net.P)
    own = {"none": 0, "concatenate": tasks * width, "sum": 2 * tasks * width, "gate": 4 * tasks * width,
           "heads": tasks * (width + 1)}[design]
    return Count(width, net.P - own, own)


@cache
def budgeted(design: str, tasks: int) -> Count:
    """The width whose number of parameters is nearest to that of the net without z."""
    budget = count("none", BUDGET_WIDTH, tasks).total
    return min((count(design, width, tasks) for width in range(2, BUDGET_WIDTH + 1)), key=lambda c: abs(c.total - budget))


@dataclass(frozen=True)
class _Group:
    """The rows of one design and one size n."""

    net: ConditionedMLP
    separate: bool
    rows: slice
    x: Tensor  # [K, 1, N], or [K T, 1, n] of separate nets
    task: Tensor  # [K, N]
    y: Tensor  # [K, 1, N]

    def loss(self, theta: Tensor) -> Tensor:
        """Mean squared error of each of the group's own rows."""
        out = self.net.forward(theta[:, : self.net.P], (self.x, self.task), train=True)
        return (out - self.y).square().mean((1, 2))


class Study:
    """All designs on the curves of a scene."""

    def __init__(self, tasks: Tasks, rngs: Generators):
        self.tasks, (R, S, self.T, _) = tasks, tasks.truth.shape
        self.K = R * S
        self.place = torch.linspace(-1, 1, PLACES, dtype=torch.float64)
        target = torch.einsum("rstd,dg->rstg", tasks.truth, features(self.place[None], tasks.truth.shape[-1]))
        self.target = target.float()
        self.groups, starts, at = [], [], 0
        for design in DESIGNS:
            net = architecture(design, budgeted(design, self.T).width, self.T)
            # One start for each seed, at every ρ and n.
            copies = self.T if design == "separate" else 1
            start = torch.stack([net.init(spawn(rngs)) for _ in range(copies)], 1)  # [S, copies, P]
            start = start.expand(R, *start.shape).flatten(0, 2)
            for n in SAMPLES:
                self.groups.append(self._group(net, design, n, slice(at, at + len(start))))
                starts.append(start)
                at += len(start)
        theta = torch.zeros(at, max(start.shape[1] for start in starts))
        for group, start in zip(self.groups, starts, strict=True):
            theta[group.rows, : start.shape[1]] = start
        groups = self.groups = [differentiable_group(group) for group in self.groups]
        sizes = [len(start) for start in starts]

        def loss(theta: Tensor, *_: object) -> Tensor:
            # One split: the gradient of each slice by itself would be as large as theta.
            return torch.cat([group.loss(part) for group, part in zip(groups, theta.split(sizes), strict=True)])

        objective = Autograd(loss)
        self.trainer = Trainer(objective, theta, Adam(RATE), iter(lambda: (), None))

    def _group(self, net: ConditionedMLP, design: str, n: int, rows: slice) -> _Group:
        R, (S, T) = len(RELATEDNESS), self.tasks.x.shape[:2]
        x = STRETCH * self.tasks.x[..., :n].float()[:, :, 0].expand(R, S, T, n)
        y = self.tasks.y[..., :n].float()
        if design == "separate":
            x, y = x.flatten(0, 2)[:, None], y.flatten(0, 2)[:, None]
            return _Group(net, True, rows, x, torch.zeros(1, n, dtype=torch.int64), y)
        task = torch.arange(T).repeat_interleave(n)[None]
        return _Group(net, False, rows, x.flatten(2).flatten(0, 1)[:, None], task, y.flatten(2).flatten(0, 1)[:, None])

    def advance(self, updates: int) -> None:
        self.trainer.advance(updates)

    def fits(self) -> Iterator[Tensor]:
        """Outputs [R, S, T, G] of every design and size, sizes running faster."""
        x = STRETCH * self.place.float()
        for group in self.groups:
            theta = self.trainer.theta[group.rows, : group.net.P]
            if group.separate:
                out = group.net.forward(theta, (x[None, None], torch.zeros(1, PLACES, dtype=torch.int64)))
            else:
                task = torch.arange(self.T).repeat_interleave(PLACES)[None]
                out = group.net.forward(theta, (x.repeat(self.T)[None, None], task))
            yield out.reshape(len(RELATEDNESS), -1, self.T, PLACES)

    def seen(self) -> tuple[Tensor, Tensor]:
        """loss [designs, R, M, S], mean square of output minus truth over tasks and x, and the first seed's fits [..., T, G]."""
        weight = torch.ones(PLACES)
        weight[[0, -1]] = 0.5  # the trapezium rule
        weight /= weight.sum()
        losses, fits = [], []
        with torch.no_grad():
            for out in self.fits():
                losses.append(((out - self.target).square() @ weight).mean(2))
                fits.append(out[:, 0])
        shape = len(DESIGNS), len(SAMPLES)
        loss = torch.stack(losses).unflatten(0, shape).movedim(1, 2).double()
        return loss, torch.stack(fits).unflatten(0, shape).movedim(1, 2).contiguous()


def differentiable_group(group: _Group) -> _Group:
    """The same outside inference mode, once."""
    return _Group(group.net, group.separate, group.rows, *(differentiable(v) for v in (group.x, group.task, group.y)))

