"""One start, several batch sizes: plain SGD for the same number of steps, and how sharp the minima are that it finds.

Sharpness is the top eigenvalue of the full training loss's Hessian. It changes all the way down, so two runs are compared
where each is first recorded at the same training loss, to 10 %; at equal steps one would compare places at different heights.

Shapes: S starts as rows, R records, T steps, P parameters, N samples.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.curvature import loss_of, top_eigenvalue
from core.engine import MLP, SGD, Generators, Supervised, Trainer, binary_cross_entropy, generators, minibatches, train
from core.moments import NEVER

RECORDS = 60  # after the one at step 0
MATCH = 0.9  # of the level: a run that jumps further below it is not at the level
BLOCKS, UPDATES = 5, 8  # that are timed
PRODUCTS = 10  # Hessian-vector products of an eigenvalue


@dataclass(frozen=True)
class Problem:
    """The net, its data and S starts."""

    mlp: MLP
    x: Tensor  # [1, 2, N] training part
    y: Tensor  # [1, 1, N]
    x_held: Tensor  # [1, 2, H] held out
    y_held: Tensor  # [1, 1, H]
    theta: Tensor  # [S, P]


@dataclass(frozen=True)
class Arm:
    """One batch size so far, from S starts."""

    batch_size: int
    learning_rate: float
    at: Tensor  # [R] recorded steps
    loss: Tensor  # [R, S] of the whole training set (nats), NaN where not finite
    reached: Tensor  # [S] first recorded step whose loss is the level or up to 10 % less, NEVER if none
    seconds: float = field(metadata={"measured": True})  # processor time of one update of one net

    @property
    def step(self) -> int:
        return int(self.at[-1])


@dataclass(frozen=True)
class Found:
    """What one batch size finds, for S starts. NaN for a start that never got there or is not finite."""

    loss: Tensor  # [S] of the training set (nats)
    sharpness: Tensor  # [S] top eigenvalue of the training loss's Hessian
    held_out: Tensor  # [S] loss of the held-out set (nats)


@dataclass(frozen=True)
class Step:
    """An arm so far, and its nets."""

    arm: Arm
    theta: Tensor  # [S, P] now
    matched: Tensor  # [S, P] at `arm.reached`, NaN if not there yet


def seconds_per_step(problem: Problem, m: int, rngs: Generators) -> float:
    """Processor time of one update of one net: the mean of the fastest of BLOCKS, which others on the machine slowed least."""
    batches, spent = minibatches(problem.x, problem.y, m, rngs), []
    trainer = Trainer(Supervised(problem.mlp, binary_cross_entropy), problem.theta[:1].clone(), SGD(0.0), batches)
    for _ in range(BLOCKS):
        clock = time.thread_time()
        trainer.advance(UPDATES)
        spent.append((time.thread_time() - clock) / UPDATES)
    return min(spent)


def descend(problem: Problem, m: int, rate: float, steps: int, level: float, seeds: list[int]) -> Iterator[Step]:
    """SGD with batches of m from every start, for `steps` updates, a multiple of RECORDS."""
    seconds = seconds_per_step(problem, m, generators(seeds[:1]))
    whole = (problem.x, problem.y)
    reached, matched = torch.full((len(seeds),), NEVER), torch.full_like(problem.theta, torch.nan)
    for now in train(problem.mlp, problem.theta, *whole, binary_cross_entropy, SGD(rate), steps=steps, batch_size=m,
                     generators=generators(seeds), evaluate={"train": whole}, record_every=steps // RECORDS):
        loss = now.loss["train"][-1]
        new = (reached == NEVER) & (loss <= level) & (loss >= MATCH * level)
        reached = torch.where(new, now.step, reached)
        matched = torch.where(new[:, None], now.theta, matched)
        yield Step(Arm(m, rate, now.recorded, now.loss["train"], reached, seconds), now.theta, matched)


def found(problem: Problem, theta: Tensor, seed: int) -> Found:
    """theta [A, S, P] -> a Found of [A, S]: all arms' nets are rows of one search."""
    rows = theta.flatten(0, 1)
    f = loss_of(problem.mlp, problem.x, problem.y, binary_cross_entropy)
    sharp = top_eigenvalue(f, rows, generators(range(seed, seed + len(rows))), PRODUCTS)
    held = binary_cross_entropy.value(problem.mlp.forward(rows, problem.x_held), problem.y_held)
    return Found(*(v.unflatten(0, theta.shape[:2]).detach() for v in (f(rows), sharp, held)))
