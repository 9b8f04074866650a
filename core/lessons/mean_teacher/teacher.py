"""The teacher: the moving average of the student's weights, and what it costs the student to disagree with it.

    θ' ← a_t θ' + (1 − a_t) θ        a_t = min(1 − 1/(t + 1), a)        after update t = 1, 2, ...

Tarvainen and Valpola (2017). The average counts for nothing after a warm-up: its weights are those of the mean of all students
so far until 1 − 1/(t + 1) reaches a. What batch norm remembers is averaged with the same a_t, or left as it was (`stale`).

Shapes: K models, P parameters.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.engine import RunningStats, Trainer


def warmed_decay(t: int, decay: float) -> float:
    """a_t = min(1 − 1/(t + 1), a) of update t = 1, 2, ...; ½ at the first one, if a is not smaller."""
    return min(1 - 1 / (t + 1), decay)


def half_life(decay: float) -> float:
    """ln ½/ln a: after so many updates a student's share in the teacher has halved; 0 at a = 0, infinite at a = 1."""
    if decay <= 0:
        return 0.0
    return math.inf if decay >= 1 else math.log(0.5) / math.log(decay)


def ramp(step: int, length: int) -> float:
    """Factor on the consistency weight at update `step` = 0, 1, ...: exp(−5 (1 − step/length)²) up to `length`, then 1.

    With length 0 it is 1 from the start. Laine and Aila (2017).
    """
    if step >= length:
        return 1.0
    return math.exp(-5 * (1 - step / length) ** 2)


class Teacher:
    """A moving average of the theta of a `Trainer(after=[...])`.

    theta [K, P]: the average. stats: its own batch-norm statistics, averaged alongside those of the students in `of`, or left
    at their start if `stale`; None without batch norm.
    """

    def __init__(self, theta: Tensor, decay: float, stats: RunningStats | None = None, stale: bool = False):
        self.theta, self.decay, self.stale = theta.clone(), decay, stale
        self.of, self.stats = stats, None if stats is None else stats.clone()

    @torch.no_grad()
    def __call__(self, trainer: Trainer) -> None:
        keep = warmed_decay(trainer.step, self.decay)
        self.theta.mul_(keep).add_(trainer.theta, alpha=1 - keep)
        if self.stats is not None and self.of is not None and not self.stale:
            for own, student in ((self.stats.mean, self.of.mean), (self.stats.var, self.of.var)):
                own.mul_(keep).add_(student, alpha=1 - keep)


def shares(steps: int, decay: float) -> Tensor:
    """How much the student of update 0, 1, ..., `steps` counts in the teacher after all of them: [steps + 1], in sum 1."""
    keep = torch.tensor([warmed_decay(t, decay) for t in range(1, steps + 1)], dtype=torch.float64)
    new = torch.cat([torch.ones(1, dtype=torch.float64), 1 - keep])
    later = torch.cat([keep.flip(0).cumprod(0).flip(0), torch.ones(1, dtype=torch.float64)])
    return new * later


def memory(steps: int, decay: float) -> int:
    """Of how many of the newest students half of the teacher is made, at least, after `steps` updates."""
    total = shares(steps, decay).flip(0).cumsum(0)
    return int((total < 0.5 - 1e-12).sum()) + 1
