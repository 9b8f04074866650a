"""What is fitted on each side of each pair, by two ways that share no step.

A fit is (left, right, plain): solutions (S, R, C) at the strengths s (S,) on R problems, and (R, C) the one without the
regulariser, or None. A side that has no solution is infinite. Each pair reads s in its own unit. Everything is float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.lessons.links import classes, linear, logistic, uses
from core.lessons.links.newton import Objective, minimise
from core.lessons.links.problem import COPIES, FEW, WIDTH, Problem, noise_moments

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
STEPS = 10  # of gradient descent
Fit = tuple[Tensor, Tensor, Tensor | None]


def residual(left: Tensor, right: Tensor) -> Tensor:
    """‖left − right‖ as a part of ‖right‖, over the last axis; infinite where the right side has no solution."""
    return ((left - right).norm(dim=-1) / right.norm(dim=-1)).nan_to_num(nan=torch.inf)


def _each(problem: Problem, strengths: Tensor, solve: Callable[[Tensor, Tensor, float, int], Tensor]) -> Tensor:
    """solve(x, y, s, r) for every strength and problem: (S, R, C)."""
    sets = list(zip(problem.inputs, problem.targets, strict=True))
    return torch.stack([torch.stack([solve(x, y, s, r).flatten() for r, (x, y) in enumerate(sets)]) for s in strengths.tolist()])


def _least_squares(problem: Problem) -> Tensor:
    return torch.stack([linear.ridge(x, y, 0.0) for x, y in zip(problem.inputs, problem.targets, strict=True)])


def _ridge(problem: Problem, strengths: Tensor) -> Tensor:
    return _each(problem, strengths, lambda x, y, s, _: linear.ridge(x, y, s))


def early_stopping(problem: Problem, strengths: Tensor) -> Fit:
    """Gradient flow up to time t = 1/s, by its closed form, and ridge."""
    def flow(x: Tensor, y: Tensor, s: float, _: int) -> Tensor:
        curvatures, ways = torch.linalg.eigh(x.T @ x / len(x))
        along = ways.T @ (x.T @ y / len(x)) / curvatures
        return ways @ (linear.flow_filter(curvatures, torch.tensor(1 / s, dtype=x.dtype)) * along)
    return _each(problem, strengths, flow), _ridge(problem, strengths), _least_squares(problem)


def descent(problem: Problem, strengths: Tensor) -> Fit:
    """STEPS steps of gradient descent of size s/λ_max, and a penalty for each direction."""
    def left(x: Tensor, y: Tensor, s: float, _: int) -> Tensor:
        return linear.descend(x, y, s / float(torch.linalg.eigvalsh(x.T @ x / len(x))[-1]), STEPS)

    def right(x: Tensor, y: Tensor, s: float, _: int) -> Tensor:
        curvatures = torch.linalg.eigvalsh(x.T @ x / len(x))
        penalties = linear.descent_penalties(curvatures, s / float(curvatures[-1]), STEPS)
        # A direction that the penalty bends down has no minimum.
        least = (curvatures + penalties).min()
        return linear.penalised(x, y, penalties) if least > 0 else torch.full_like(x[0], torch.inf)
    return _each(problem, strengths, left), _each(problem, strengths, right), _least_squares(problem)


def input_noise(problem: Problem, strengths: Tensor) -> Fit:
    """Noise of ±√s on every input, averaged over all 2^d signs, which have the mean and the covariance of any such noise."""
    signs = 2 * linear.all_masks(WIDTH)[:, None] - 1
    left = _each(problem, strengths, lambda x, y, s, _: linear.noisy_inputs(x, y, (s**0.5 * signs).expand(-1, *x.shape)))
    return left, _ridge(problem, strengths), _least_squares(problem)


def copies(strengths: Tensor) -> Tensor:
    """How many noisy copies are kept: 10/s, at least one."""
    return (10 / strengths).round().clamp(1, COPIES).long()


def kept_noise(problem: Problem, strengths: Tensor) -> Fit:
    """Noise of variance ½ drawn 10/s times, at least once, and kept, and ridge with ½."""
    counts = copies(strengths)
    gram, right = noise_moments(problem, counts)
    half = torch.full_like(strengths, 0.5)
    return torch.linalg.solve(gram, right), _ridge(problem, half), _least_squares(problem)


def dropout_linear(problem: Problem, strengths: Tensor) -> Fit:
    """Every mask of the inputs, kept with probability 1/(1 + s), and ridge with s times each input's mean square."""
    left = _each(problem, strengths, lambda x, y, s, _: linear.dropped_inputs(x, y, s / (1 + s)))
    right = _each(problem, strengths, lambda x, y, s, _: linear.ridge(x, y, linear.dropout_penalty(x, s / (1 + s))))
    return left, right, _least_squares(problem)


def _rows(problem: Problem, strengths: Tensor, count: int | None = None) -> tuple[Tensor, Tensor]:
    """Inputs and soft labels of all strengths and problems as one batch (S R, N, ...)."""
    labels = problem.soft_labels(strengths)[..., :count]
    inputs = problem.inputs[None, :, :count].expand(len(strengths), -1, -1, -1)
    return inputs.flatten(0, 1), labels.flatten(0, 1)


def _logistic(problem: Problem, strengths: Tensor, left: Objective, right: Objective,
              apart: bool = False) -> Fit:
    """Both minimisers, the right one sought from the left, or from 0 if `apart`."""
    start = torch.zeros(len(strengths) * len(problem.inputs), WIDTH, dtype=torch.float64)
    found = minimise(left, start)
    other = minimise(right, start if apart else found)
    shape = (len(strengths), len(problem.inputs))
    return found.unflatten(0, shape), other.unflatten(0, shape), None


def dropout_logistic(problem: Problem, strengths: Tensor) -> Fit:
    """Every mask of half of the inputs, and the quadratic penalty; s is the size of the labels' log-odds."""
    x, q = _rows(problem, strengths)
    right = logistic.second_order(x, q, logistic.dropout_covariances(x), torch.zeros_like(x[:, 0]))
    return _logistic(problem, strengths, logistic.dropout(x, q, linear.all_masks(WIDTH)), right)


def mixup_rewritten(problem: Problem, strengths: Tensor) -> Fit:
    """All mixed pairs, and the shrunk samples with mixup's noise."""
    x, q = _rows(problem, strengths, FEW)
    return _logistic(problem, strengths, logistic.mixed_pairs(x, q), logistic.shrunk_with_noise(x, q), apart=True)


def mixup_penalty(problem: Problem, strengths: Tensor) -> Fit:
    """All mixed pairs, and the shrunk samples with that noise as a penalty."""
    x, q = _rows(problem, strengths, FEW)
    return _logistic(problem, strengths, logistic.mixed_pairs(x, q), logistic.mixup_second_order(x, q))


def mixup_linear(problem: Problem, strengths: Tensor) -> Fit:
    """Mixup with E[λ(1 − λ)] = ¼ s/(1 + s), and least squares, both with a bias."""
    def plain(x: Tensor, y: Tensor, _: float, __: int) -> Tensor:
        w = linear.ridge(x - x.mean(0), y - y.mean(), 0.0)
        return torch.cat([w, (y.mean() - x.mean(0) @ w)[None]])
    left = _each(problem, strengths, lambda x, y, s, _: linear.mixed(x, y, s / (1 + s) / 4))
    right = _each(problem, strengths, plain)
    return left, right, right[0]


def _layers(problem: Problem, strengths: Tensor, pick: Callable[[Tensor, float, int], Tensor]) -> Tensor:
    return _each(problem, strengths, lambda x, _, s, r: pick(x, s, r))


def dropout_layer(problem: Problem, strengths: Tensor) -> Fit:
    """The geometric mean of all thinned softmax layers with weights s times a random draw, and the halved weights."""
    masks, weights = linear.all_masks(WIDTH), problem.first[..., : problem.onehot.shape[-1]]
    left = _layers(problem, strengths, lambda x, s, r: classes.geometric_ensemble(x, s * weights[r], masks))
    return left, _layers(problem, strengths, lambda x, s, r: classes.halved(x, s * weights[r])), None


def dropout_net(problem: Problem, strengths: Tensor) -> Fit:
    """The same with a layer of tanh between, of weights s times a random draw."""
    masks, first, second = linear.all_masks(WIDTH), problem.first, problem.second
    left = _layers(problem, strengths, lambda x, s, r: classes.deep_ensemble(x, s * first[r], second[r], masks))
    return left, _layers(problem, strengths, lambda x, s, r: classes.deep_halved(x, s * first[r], second[r])), None


def tying(problem: Problem, strengths: Tensor) -> Fit:
    """Two tasks, tied with strength s, and one w shared by both; plain: each its own."""
    tasks = [[(x[r], y[r]) for x, y in ((problem.inputs, problem.targets), problem.other)] for r in range(len(problem.inputs))]
    left = _each(problem, strengths, lambda _, __, s, r: linear.tied(*tasks[r], s))
    right = _each(problem, strengths, lambda _, __, ___, r: linear.shared(*tasks[r]).repeat(2))
    return left, right, torch.stack([torch.cat([linear.ridge(x, y, 0.0) for x, y in pair]) for pair in tasks])


def shared_uses(problem: Problem, strengths: Tensor) -> Fit:
    """The gradient of a recurrence's matrix of norm s, and the sum of the gradients of its uses."""
    def left(x: Tensor, y: Tensor, s: float, r: int) -> Tensor:
        return uses.shared_gradient(x, y, s * problem.matrix[r])

    def right(x: Tensor, y: Tensor, s: float, r: int) -> Tensor:
        return uses.sum_over_uses(x, y, (s * problem.matrix[r]).expand(uses.USES, -1, -1))
    return _each(problem, strengths, left), _each(problem, strengths, right), None


def drifted_uses(problem: Problem, strengths: Tensor) -> Fit:
    """The same where the uses have drifted apart: copies of norm 1 with s/100 of another draw added to each."""
    away = problem.first[..., : uses.USES].mT  # (R, T, d): a direction for each use

    def right(x: Tensor, y: Tensor, s: float, r: int) -> Tensor:
        copies = problem.matrix[r] + s / 100 * torch.diag_embed(away[r])
        return uses.sum_over_uses(x, y, copies)
    return _each(problem, strengths, lambda x, y, _, r: uses.shared_gradient(x, y, problem.matrix[r])), \
        _each(problem, strengths, right), None


def posterior(problem: Problem, strengths: Tensor) -> Fit:
    """The most probable w by the N × N system of Gaussian processes, for a prior of variance σ²/(N s), and ridge with s."""
    def mode(x: Tensor, y: Tensor, s: float, _: int) -> Tensor:
        return linear.posterior_mean(x, y, problem.noise, problem.noise / (len(x) * s) ** 0.5)
    return _each(problem, strengths, mode), _ridge(problem, strengths), _least_squares(problem)


def _smoothing(problem: Problem, strengths: Tensor, reverse: bool) -> Fit:
    """Weights less their mean over classes, which changes no probability."""
    count = len(strengths)
    x = problem.inputs[None].expand(count, -1, -1, -1).flatten(0, 1)
    onehot = problem.onehot[None].expand(count, -1, -1, -1).flatten(0, 1)
    epsilon = (strengths / (1 + strengths)).repeat_interleave(len(problem.inputs))
    start = torch.zeros(len(x), WIDTH * onehot.shape[-1], dtype=torch.float64)
    left = minimise(classes.smoothed_fit(x, onehot, epsilon), start)
    right = minimise(classes.penalised_fit(x, onehot, epsilon, reverse), left if reverse else start)
    shape = (count, len(problem.inputs))
    return left.unflatten(0, shape), right.unflatten(0, shape), None


def label_smoothing(problem: Problem, strengths: Tensor) -> Fit:
    """Smoothed labels, and 1 − ε times the loss plus ε KL(u || p); s = ε/(1 − ε)."""
    return _smoothing(problem, strengths, reverse=False)


def confidence(problem: Problem, strengths: Tensor) -> Fit:
    """Smoothed labels, and 1 − ε times the loss plus ε KL(p || u)."""
    return _smoothing(problem, strengths, reverse=True)
