"""Descents that do not end where the penalised minimum is: sub-gradient steps on |w|, which never rest at 0, and AdamW,
whose decay is no penalty.

Shapes: A strengths, P parameters, W penalised weights, T steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat

import torch
from torch import Tensor

from core.engine import L1, L2, SGD, Adam, AdamW, Generators, Trainer, generators, train
from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties.problem import NET_RATE, Problem, half_squared

PLAIN_STEPS = 200  # on rows of features; on the net and the digits a half more
ADAM_STEPS, ADAM_RATE = 400, 0.01


@dataclass(frozen=True)
class Plain:
    """Sub-gradient descent on L1 at every α; where features have one weight each also one weight on its way."""

    weights: Tensor  # [A, W] at the end
    watched: int = -1  # index of the weight that is followed
    subgradient: Tensor | None = None  # [T+1, A] that weight
    proximal: Tensor | None = None  # [T+1, A] that weight under proximal steps of the same size from the same start
    rate: float = 0.0  # of both


def plain_linear(problem: Problem, alphas: Tensor, step: float, seed: int, watched: int) -> Iterator[Plain]:
    """Sub-gradient descent, then with the proximal steps from the same random start; step: the step size as a part of 1/L."""
    rate = step / problem.curvature()
    x, y, mask = problem.x["train"], problem.y["train"], problem.mask
    g = generators([seed])[0]
    start = 0.3 * torch.randn(problem.mlp.P, generator=g, dtype=torch.float64).expand(len(alphas), -1) * mask
    l1 = alphas[:, None] * mask

    def objective(w: Tensor) -> Tensor:
        return problem.loss.value((w[:, :-1] @ x[0] + w[:, -1:])[:, None], y)

    down = proximal.descend(objective, start, l1, rate, PLAIN_STEPS, proximal=False)
    found = Plain(down[-1][:, mask > 0], watched, down[:, :, watched], rate=rate)
    yield found
    rest = proximal.descend(objective, start, l1, rate, PLAIN_STEPS, proximal=True)
    yield replace(found, proximal=rest[:, :, watched])


def plain(problem: Problem, start: Tensor, alphas: Tensor, seed: int) -> Iterator[Plain]:
    """Sub-gradient descent of any net from start [A, P], reported on the way."""
    rate = NET_RATE if problem.mlp.hidden else 1 / problem.curvature()
    progress = train(problem.mlp, start, problem.x["train"], problem.y["train"], problem.loss, SGD(rate),
                     steps=PLAIN_STEPS * 3 // 2, generators=generators([seed] * len(alphas)),
                     penalty=L1(alphas.to(start.dtype)), record_every=20)
    for now in progress:
        yield Plain(now.theta[:, problem.mask > 0], rate=rate)


class _Quadratic:
    """J - J(0) = ½ wᵀ(∇J(w) + ∇J(0)), as J is quadratic, by Gram matrix; `penalty` joins the gradient."""

    def __init__(self, problem: Problem, penalty: L2 | None):
        self.slope, self.mask, self.penalty = problem.gradient(), problem.mask, penalty
        self.first = self.slope(torch.zeros_like(self.mask)[None])

    def value_and_gradient(self, theta: Tensor, batch: None, generators: Generators) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        grad = self.slope(theta)
        value = (theta * (grad + self.first)).sum(1) / 2
        return value, grad if self.penalty is None else grad + self.penalty.gradient(theta, self.mask)


def adam(problem: Problem, alphas: Tensor, goal: Tensor) -> dict[str, Tensor]:
    """Adam with an L2 penalty in the gradient, and AdamW, at every α: how far [A] they end from the L2 fit `goal` [A, P].

    Only where the target is centred: the bias stays at 0, so it does not matter that AdamW decays it too.
    """
    if problem.loss is not half_squared:
        return {}
    strength, out = alphas[:, None], {}
    for name, penalty, optimiser in (("adam", L2(strength), Adam(ADAM_RATE)),
                                     ("adamw", None, AdamW(ADAM_RATE, weight_decay=strength))):
        theta = torch.zeros_like(goal)
        Trainer(_Quadratic(problem, penalty), theta, optimiser, repeat(None)).advance(ADAM_STEPS)
        out[name] = (theta - goal).norm(dim=1) / goal.norm(dim=1)
    return out
