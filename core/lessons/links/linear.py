"""Pairs of regularisers of a linear model that have one minimiser. Everything is float64.

Objectives are means without a half: J(w) = (1/N) |y - Xw|² + α |w|². X is (N, d), y is (N,).
"""

import itertools

import torch
from torch import Tensor

RISK_FACTOR = 1.6862
"""Bound of ((1 - exp(-u))(1 + u)/u)², at most 1.6859, at u = 1.793: 1.69 in short, Ali, Kolter and Tibshirani (2019).

Gradient flow's E |ŵ - w|² is nowhere on the path more times that of ridge at α = 1/t, whatever w is: along each direction its
bias is the smaller, and its variance at most this factor greater. For prediction at new inputs the paper averages over w."""


def ridge(inputs: Tensor, targets: Tensor, alpha: float | Tensor) -> Tensor:
    """The minimiser (d,) of (1/N) |y - Xw|² + Σ α_j w_j²; alpha is a number or (d,)."""
    count, width = inputs.shape
    penalty = torch.as_tensor(alpha, dtype=inputs.dtype).expand(width)
    return torch.linalg.solve(inputs.T @ inputs / count + torch.diag(penalty), inputs.T @ targets / count)


def noisy_inputs(inputs: Tensor, targets: Tensor, noise: Tensor) -> Tensor:
    """Least squares (d,) on every copy of the inputs with noise (M, N, d) added; ridge with σ² as M grows, at rate M^(-1/2)."""
    copies = inputs + noise
    gram = torch.einsum("mni,mnj->ij", copies, copies)
    return torch.linalg.solve(gram, torch.einsum("mni,n->i", copies, targets))


def all_masks(width: int) -> Tensor:
    """Every mask of zeros and ones, (2^d, d)."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=width)), dtype=torch.float64)


def dropped_inputs(inputs: Tensor, targets: Tensor, drop: float) -> Tensor:
    """The minimiser (d,) of the squared error averaged over every mask, kept inputs divided by 1 - drop (0 <= drop < 1)."""
    masks = all_masks(inputs.shape[1])
    kept = masks.sum(1)
    weights = (1 - drop) ** kept * drop ** (inputs.shape[1] - kept)
    thinned = inputs * masks[:, None] / (1 - drop)
    gram = torch.einsum("m,mni,mnj->ij", weights, thinned, thinned)
    return torch.linalg.solve(gram, torch.einsum("m,mni,n->i", weights, thinned, targets))


def dropout_penalty(inputs: Tensor, drop: float) -> Tensor:
    """The penalty (d,) that dropout of the inputs is: drop/(1 - drop) times the mean of x_j²."""
    return drop / (1 - drop) * inputs.square().mean(0)


def posterior_mean(inputs: Tensor, targets: Tensor, noise: float, prior: float) -> Tensor:
    """The mean (d,) of w given y, for deviations noise of y and prior of w: ridge with α = noise²/(N prior²)."""
    covariance = prior**2 * inputs @ inputs.T + noise**2 * torch.eye(len(inputs), dtype=inputs.dtype)
    return prior**2 * inputs.T @ torch.linalg.solve(covariance, targets)


def tied(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor], strength: float) -> Tensor:
    """Both minimisers (2, d) of the two mean squared errors plus strength |w - v|²; from shared weights at order 1/strength."""
    moments = [(x.T @ x / len(x), x.T @ y / len(x)) for x, y in (first, second)]
    eye = strength * torch.eye(first[0].shape[1], dtype=torch.float64)
    system = torch.cat([torch.cat([moments[0][0] + eye, -eye], 1), torch.cat([-eye, moments[1][0] + eye], 1)])
    return torch.linalg.solve(system, torch.cat([moments[0][1], moments[1][1]])).reshape(2, -1)


def shared(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """The one minimiser (d,) of the sum of the two mean squared errors."""
    gram = sum((x.T @ x / len(x) for x, _ in (first, second)), torch.zeros((), dtype=torch.float64))
    right = sum((x.T @ y / len(x) for x, y in (first, second)), torch.zeros((), dtype=torch.float64))
    return torch.linalg.solve(gram, right)


def flow_filter(curvatures: Tensor, time: Tensor) -> Tensor:
    """The share of least squares that gradient flow on (1/2N) |y - Xw|² has reached: 1 - exp(-st)."""
    return -torch.expm1(-curvatures * time)


def ridge_filter(curvatures: Tensor, time: Tensor) -> Tensor:
    """The share that ridge with α = 1/t keeps (penalty α/2 |w|²): st/(1 + st), the flow less (st)²/2 if st is small."""
    return curvatures * time / (1 + curvatures * time)


def risk(kept: Tensor, curvatures: Tensor, signal: Tensor | float, noise: float, count: int) -> Tensor:
    """E |ŵ - w|² over the noise of y: squared bias plus variance, summed over the last axis, the directions.

    signal: w along each direction, (d,), or the deviation of its prior, which gives the Bayes risk.
    """
    return ((1 - kept) ** 2 * signal**2 + noise**2 / count * kept**2 / curvatures).sum(-1)


def descend(inputs: Tensor, targets: Tensor, rate: float, steps: int) -> Tensor:
    """Gradient descent (d,) on (1/2N) |y - Xw|² from 0, step by step."""
    gram, right = inputs.T @ inputs / len(inputs), inputs.T @ targets / len(inputs)
    w = torch.zeros_like(right)
    for _ in range(steps):
        w = w - rate * (gram @ w - right)
    return w


def descent_penalties(curvatures: Tensor, rate: float, steps: int) -> Tensor:
    """The penalty α_j of each direction, for which the minimum of (1/2N) |y - Xw|² + Σ α_j w_j²/2 is descent after `steps` steps.

    With q = (1 - rate s)^steps it is s q/(1 - q): a penalty where q < 1, for an even number of steps where rate s < 2.
    """
    left = (1 - rate * curvatures) ** steps
    return curvatures * left / (1 - left)


def penalised(inputs: Tensor, targets: Tensor, penalties: Tensor) -> Tensor:
    """Where the gradient of (1/2N) |y - Xw|² + Σ α_j w_j²/2 is zero, (d,), with a penalty for each direction of XᵀX/N."""
    curvatures, ways = torch.linalg.eigh(inputs.T @ inputs / len(inputs))
    right = inputs.T @ targets / len(inputs)
    return torch.linalg.solve(ways @ torch.diag(curvatures + penalties) @ ways.T, right)


def mixed(inputs: Tensor, targets: Tensor, spread: float) -> Tensor:
    """Least squares with a bias, (d + 1,) bias last, on mixup's expected loss over all pairs; spread is E[λ(1 - λ)], 0 to 1/4.

    The loss is (1 - 2 spread) times the mean square of the residuals plus 2 spread times the square of their mean. The bias
    makes that mean zero, so that below 1/2 the minimiser is least squares
    itself: mixup is no penalty of a linear model that has a bias.
    """
    design = torch.cat([inputs, torch.ones_like(inputs[:, :1])], 1)
    centre, level = design.mean(0), targets.mean()
    gram = (1 - 2 * spread) * design.T @ design / len(design) + 2 * spread * torch.outer(centre, centre)
    return torch.linalg.solve(gram, (1 - 2 * spread) * design.T @ targets / len(design) + 2 * spread * centre * level)
