"""Penalised fits with exact zeros, for a whole range of strengths at once: a strength is a row.

Objective of row k, for any smooth data term J (here a mean over N samples, with ½ where it is squared):

    J̃(w) = J(w) + l1_k ‖w‖₁ + l2_k/2 ‖w‖²,    squared loss: J(w) = 1/(2N) ‖t − Xw‖²

so L1 is (α, 0), L2 is (0, α) and the elastic net (αρ, α(1 − ρ)). In scikit-learn's scalings:

    Lasso(alpha=α) and ElasticNet(alpha=α, l1_ratio=ρ)   the same objective
    Ridge(alpha=Nα)                                       ‖t − Xw‖² + alpha ‖w‖², which is 2N J̃
    LogisticRegression(C=1/(Nα))                          ½ ‖w‖² + C Σ loss, which is J̃/α

The method is the accelerated proximal gradient (Beck and Teboulle 2009) with restarts of the momentum (O'Donoghue
and Candès 2015): a step downhill on J, then the proximal map of the penalty, which writes zeros, not small numbers.

Shapes: K rows, D weights, N samples, T steps. w [K, D]; strengths and step sizes are numbers or [K, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.engine import autograd_gradient, soft_threshold

Gradient = Callable[[Tensor], Tensor]


def proximal_map(z: Tensor, l1: Tensor | float, l2: Tensor | float, step: Tensor | float = 1.0) -> Tensor:
    """argmin over w of ½‖w − z‖² + step (l1 ‖w‖₁ + l2/2 ‖w‖²): soft-threshold, then shrink. Shape of z."""
    return soft_threshold(z, step * l1) / (1 + step * l2)



@dataclass(frozen=True)
class Fit:
    """Rows of weights after `iteration` proximal steps."""

    iteration: int
    w: Tensor  # [K, W]
    residual: Tensor  # [K] largest entry of the proximal gradient, L (y − w), in units of a slope; 0 at a minimum


def fista(gradient: Gradient, lipschitz: float, start: Tensor, l1: Tensor, l2: Tensor, *, penalised: Tensor | None = None,
          tolerance: float = 1e-10, most: int = 20_000, every: int = 50) -> Iterator[Fit]:
    """Minimises J̃ for all rows at once and reports every `every` steps; the last report is the answer.

    gradient: w [k, D] -> ∂J [k, D] for any number of rows, whose slope changes at most by `lipschitz` per unit of w;
    l1, l2 [K, 1]; penalised [D]: 1 where the penalty acts, 0 on biases (all 1 if None). A row whose residual has
    fallen to `tolerance` is finished and costs nothing more.
    """
    w = start.clone()
    residual = torch.full((len(w),), torch.inf, dtype=w.dtype)
    rows = torch.arange(len(w))
    old, point, t = w, w, torch.ones(len(w), 1, dtype=w.dtype)
    mask = torch.ones(w.shape[1], dtype=w.dtype) if penalised is None else penalised
    threshold, shrink = l1 * mask / lipschitz, 1 / (1 + l2 * mask / lipschitz)
    for iteration in range(1, most + 1):
        z = torch.add(point, gradient(point), alpha=-1 / lipschitz)
        # z minus its projection on [−threshold, threshold] is the soft threshold, in one pass and with exact zeros.
        new = (z - z.clamp(-threshold, threshold)).mul_(shrink)
        move = new - old
        gone = point - new
        uphill = (gone * move).sum(1, keepdim=True) > 0
        faster = torch.where(uphill, 1.0, (1 + (1 + 4 * t * t).sqrt()) / 2)
        push = torch.where(uphill, 0.0, (t - 1) / faster)
        point, old, t = torch.addcmul(new, push, move), new, faster
        if iteration % every and iteration < most:
            continue
        w[rows], residual[rows] = new, gone.abs().amax(1) * lipschitz
        left = residual[rows] > tolerance
        yield Fit(iteration, w.clone(), residual.clone())
        if not bool(left.any()):
            return
        rows, old, point, t, threshold, shrink = (v[left] for v in (rows, old, point, t, threshold, shrink))


def descend(objective: Callable[[Tensor], Tensor], start: Tensor, l1: Tensor, rate: float, steps: int, *,
            proximal: bool) -> Tensor:
    """Plain steps of one size on J + l1 ‖w‖₁, every iterate kept: [T+1, K, D].

    objective: w [K, D] -> J [K]. proximal: step on J by its gradient, then the proximal map (ISTA). Otherwise autograd
    differentiates the whole sum, |w| included, whose slope at 0 autograd takes as 0 (sub-gradient descent).
    """
    path = torch.empty(steps + 1, *start.shape, dtype=start.dtype)
    path[0] = w = start

    def whole(v: Tensor) -> Tensor:
        return objective(v) + (l1 * v.abs()).sum(1)

    for step in range(steps):
        _, grad = autograd_gradient(objective if proximal else whole, w)
        w = w - rate * grad
        if proximal:
            w = soft_threshold(w, rate * l1)
        path[step + 1] = w
    return path
