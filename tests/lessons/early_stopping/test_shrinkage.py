"""Shrinkage by stopping and by ridge, against gradient descent as it runs, scikit-learn and the limits."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.linear_model import Ridge

from core.lessons.early_stopping import shrinkage
from core.lessons.early_stopping.shrinkage import Quadratic


def _problem(seed: int, m: int = 40, D: int = 6) -> tuple[torch.Tensor, torch.Tensor, Quadratic]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(m, D, generator=g, dtype=torch.float64) * torch.logspace(0, -1.5, D, dtype=torch.float64)
    y = torch.randn(m, generator=g, dtype=torch.float64)
    return x, y, shrinkage.least_squares(x, y)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("product", [0.1, 1.0, 1.9])
def test_stopped_factor_is_what_torch_sgd_does(seed: int, product: float) -> None:
    x, y, problem = _problem(seed)
    eigenvalues, vectors = torch.linalg.eigh(problem.H)
    rate = product / float(eigenvalues[-1])
    theta = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([theta], lr=rate)
    minimum = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    for t in range(1, 121):
        optimiser.zero_grad()
        (0.5 * (x @ theta - y).square().mean()).backward()
        optimiser.step()
        if t in (1, 2, 7, 120):
            measured = (theta.detach() @ vectors) / (minimum @ vectors)
            torch.testing.assert_close(measured, shrinkage.stopped_factor(eigenvalues, rate, t), rtol=1e-8, atol=1e-9)
    ours = shrinkage.descend(problem, torch.tensor([rate], dtype=torch.float64), 120)
    torch.testing.assert_close(ours[-1, 0], theta.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(shrinkage.factors(ours[-1, 0], problem),
                               shrinkage.stopped_factor(eigenvalues, rate, 120), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("alpha", [1e-3, 0.1, 5.0])
def test_ridge_is_scikit_learns(alpha: float) -> None:
    x, y, problem = _problem(4)
    # scikit-learn minimises ‖Xw − y‖² + a‖w‖²: 2m times ours, so a = mα.
    theirs = Ridge(alpha=len(x) * alpha, fit_intercept=False, tol=1e-12).fit(x.numpy(), y.numpy()).coef_
    ours = shrinkage.ridge(problem, torch.tensor([alpha, math.inf], dtype=torch.float64))
    np.testing.assert_allclose(ours[0].numpy(), theirs, rtol=1e-9)
    assert (ours[1] == 0).all()
    eigenvalues, _ = shrinkage.directions(problem)
    torch.testing.assert_close(shrinkage.factors(ours[0], problem), shrinkage.ridge_factor(eigenvalues, alpha),
                               rtol=1e-9, atol=1e-12)


def test_rows_of_descend_are_independent() -> None:
    _, _, problem = _problem(1)
    rates = torch.tensor([0.1, 0.4], dtype=torch.float64)
    both = shrinkage.descend(problem, rates, 30)
    torch.testing.assert_close(both[:, 1], shrinkage.descend(problem, rates[1:], 30)[:, 0], rtol=1e-12, atol=1e-15)


def test_close_to_first_order_and_no_further() -> None:
    """The gap is u²/2 for small u = ετλ: halving λ quarters it, and it is not zero."""
    tau, rate = 1000, 1e-3
    lam = torch.tensor([0.02, 0.01, 0.005], dtype=torch.float64)
    gap = shrinkage.stopped_factor(lam, rate, tau) - shrinkage.ridge_factor(lam, shrinkage.matched_strength(rate, tau))
    torch.testing.assert_close(gap / (rate * tau * lam) ** 2, torch.full_like(lam, 0.5), rtol=0.05, atol=0)
    assert (gap > 0).all()
    assert float((gap[0] / gap[1]).log2()) == pytest.approx(2, abs=0.05)


def test_largest_gap_tends_to_its_limit() -> None:
    found: Any = minimize_scalar(lambda u: math.exp(-u) - 1 / (1 + u), bounds=(0.1, 20), method="bounded")
    at = float(found.x)
    limit = 1 / (1 + at) - math.exp(-at)
    gaps = shrinkage.largest_gap(0.5, torch.tensor([1000, 4000]))
    assert float(gaps[-1]) == pytest.approx(limit, abs=2e-4)
    assert at == pytest.approx(2.51, abs=0.01) and limit == pytest.approx(0.2036, abs=1e-4)
    # One whole step along the steepest direction lands; ridge at α = 1/ε goes half-way.
    assert float(shrinkage.largest_gap(1.0, torch.tensor([1]))) == pytest.approx(0.5, abs=1e-6)


def test_both_at_the_ends() -> None:
    lam = torch.tensor([0.1, 1.0], dtype=torch.float64)
    assert (shrinkage.stopped_factor(lam, 0.3, 0) == 0).all()
    assert (shrinkage.ridge_factor(lam, shrinkage.matched_strength(0.3, 0)) == 0).all()
    assert (shrinkage.stopped_factor(lam, 0.3, 5000) > 1 - 1e-9).all()
    assert (shrinkage.ridge_factor(lam, shrinkage.matched_strength(0.3, 5_000_000)) > 1 - 1e-4).all()
