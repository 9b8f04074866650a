"""Pairs of regularisers of a linear model that have one minimiser. Everything is float64.

Objectives are means without a half: J(w) = (1/N) |y - Xw|² + α |w|². X is (N, d), y is (N,).
"""

import itertools

import torch
from torch import Tensor

RISK_FACTOR = 1.69
"""The most that gradient flow's Bayes risk is of ridge's at α = 1/t (Ali, Kolter and Tibshirani 2019: 1.6862)."""


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


def dropped_inputs(inputs: Tensor, targets: Tensor, keep: float) -> Tensor:
    """The minimiser (d,) of the squared error averaged over every mask, kept inputs divided by keep (0 < keep <= 1)."""
    masks = all_masks(inputs.shape[1])
    kept = masks.sum(1)
    weights = keep**kept * (1 - keep) ** (inputs.shape[1] - kept)
    thinned = inputs * masks[:, None] / keep
    gram = torch.einsum("m,mni,mnj->ij", weights, thinned, thinned)
    return torch.linalg.solve(gram, torch.einsum("m,mni,n->i", weights, thinned, targets))


def dropout_penalty(inputs: Tensor, keep: float) -> Tensor:
    """The penalty (d,) that dropout of the inputs is: (1 - keep)/keep times the mean of x_j²."""
    return (1 - keep) / keep * inputs.square().mean(0)


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


def bayes_risk(kept: Tensor, curvatures: Tensor, prior: float, noise: float, count: int) -> Tensor:
    """E |w_hat - w|² over w of deviation prior and noise of y: squared bias plus variance, summed over the last axis."""
    return ((1 - kept).square() * prior**2 + noise**2 / count * kept.square() / curvatures).sum(-1)


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
