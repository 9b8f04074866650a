"""Proximal fits against scikit-learn, closed forms, optimality conditions and the rate of theory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from torch import Tensor

from core.lesson import last
from core.lessons.weight_penalties import proximal
from tests.lessons.weight_penalties import oracles

N, D = 80, 7
ALPHAS = torch.tensor([0.003, 0.02, 0.1, 0.4], dtype=torch.float64)


@pytest.fixture(scope="module")
def problem() -> tuple[Tensor, Tensor]:
    """Correlated columns, centred as the fits without a bias need them."""
    g = torch.Generator().manual_seed(4)
    x = torch.randn(N, D, generator=g, dtype=torch.float64) @ (torch.eye(D, dtype=torch.float64) + 0.4)
    t = x @ torch.tensor([1.0, -1.0, 0.5, 0, 0, 0.2, 0], dtype=torch.float64) + torch.randn(N, generator=g, dtype=torch.float64)
    return x - x.mean(0), t - t.mean()


def quadratic(x: Tensor, t: Tensor) -> tuple[proximal.Gradient, float, Tensor, Tensor]:
    gram, moment = x.T @ x / len(x), x.T @ t / len(x)
    return (lambda w: w @ gram - moment), float(torch.linalg.eigvalsh(gram)[-1]), gram, moment


def fit(x: Tensor, t: Tensor, l1: Tensor, l2: Tensor) -> Tensor:
    slope, curvature, _, _ = quadratic(x, t)
    start = torch.zeros(len(l1), x.shape[1], dtype=x.dtype)
    return last(proximal.fista(slope, curvature, start, l1[:, None], l2[:, None], tolerance=1e-12)).w


@pytest.mark.parametrize("rho", [1.0, 0.7, 0.2, 0.0])
def test_agrees_with_scikit_learn(problem, rho):
    x, t = problem
    w = fit(x, t, rho * ALPHAS, (1 - rho) * ALPHAS)
    for row, alpha in zip(w, ALPHAS.tolist(), strict=True):
        if rho == 0:
            oracle = Ridge(alpha=oracles.scikit_ridge_alpha(alpha, N), fit_intercept=False)
        elif rho == 1:
            oracle = Lasso(alpha=alpha, fit_intercept=False, tol=1e-13, max_iter=100_000)
        else:
            oracle = ElasticNet(alpha=alpha, l1_ratio=rho, fit_intercept=False, tol=1e-13, max_iter=100_000)
        theirs = oracle.fit(x.numpy(), t.numpy()).coef_
        np.testing.assert_allclose(row.numpy(), theirs, atol=1e-6, rtol=0)
        np.testing.assert_array_equal(row.numpy() == 0, theirs == 0)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_logistic_regression_agrees_with_scikit_learn_and_leaves_the_bias_free(problem, penalty):
    x, t = problem
    y = (t + 0.7 > 0).to(x.dtype)
    design = torch.cat([x, torch.ones(N, 1, dtype=x.dtype)], 1)
    zero = torch.zeros_like(ALPHAS)[:, None]
    l1, l2 = (ALPHAS[:, None], zero) if penalty == "l1" else (zero, ALPHAS[:, None])
    curvature = float(torch.linalg.eigvalsh(design.T @ design / N)[-1]) / 4
    mask = torch.tensor([1.0] * D + [0.0], dtype=x.dtype)
    w = last(proximal.fista(lambda w: (torch.sigmoid(w @ design.T) - y) @ design / N, curvature,
                            torch.zeros(len(ALPHAS), D + 1, dtype=x.dtype), l1, l2, penalised=mask, tolerance=1e-11)).w
    for row, alpha in zip(w.numpy(), ALPHAS.tolist(), strict=True):
        solver, ratio = ("saga", 1.0) if penalty == "l1" else ("newton-cholesky", 0.0)
        oracle = LogisticRegression(C=oracles.scikit_logistic_c(alpha, N), l1_ratio=ratio, solver=solver, tol=1e-12,
                                    max_iter=100_000).fit(x.numpy(), y.numpy())
        np.testing.assert_allclose(row, np.append(oracle.coef_[0], oracle.intercept_), atol=1e-6)
    assert (w[:, -1] != 0).all()


def test_the_proximal_map_is_the_minimum_of_its_definition():
    z = torch.linspace(-3, 3, 25, dtype=torch.float64)
    grid = torch.linspace(-4, 4, 80_001, dtype=torch.float64)
    for l1, l2, step in ((1.0, 0.0, 0.7), (0.0, 2.0, 0.3), (0.6, 0.9, 1.0)):
        ours = proximal.proximal_map(z, l1, l2, step)
        cost = 0.5 * (grid - z[:, None]) ** 2 + step * (l1 * grid.abs() + l2 / 2 * grid**2)
        torch.testing.assert_close(ours, grid[cost.argmin(1)], atol=1.01e-4, rtol=0)
        assert bool((ours[z.abs() <= step * l1] == 0).all())


def test_orthonormal_design_gives_soft_thresholds_and_shrinkage():
    g = torch.Generator().manual_seed(0)
    x = torch.linalg.qr(torch.randn(N, D, generator=g, dtype=torch.float64))[0] * N**0.5
    t = torch.randn(N, generator=g, dtype=torch.float64)
    free = x.T @ t / N
    alpha = torch.tensor([0.05, 0.15], dtype=torch.float64)
    for a, w in zip(alpha, fit(x, t, alpha, 0 * alpha), strict=True):
        torch.testing.assert_close(w, free.sign() * (free.abs() - a).clamp_min(0), atol=1e-12, rtol=0)
    for a, w in zip(alpha, fit(x, t, 0 * alpha, alpha), strict=True):
        torch.testing.assert_close(w, free / (1 + a), atol=1e-12, rtol=0)


def test_all_is_zero_from_alpha_max_on_and_not_before(problem):
    x, t = problem
    top = (x.T @ t).abs().max() / N
    alpha = torch.stack([top * 0.999, top, top * 1.001])
    w = fit(x, t, alpha, 0 * alpha)
    assert (w != 0).sum(1).tolist() == [1, 0, 0]


def test_conditions_of_a_minimum_hold_there_and_nowhere_else(problem):
    x, t = problem
    slope, _, _, _ = quadratic(x, t)
    for l1, l2 in ((ALPHAS, 0 * ALPHAS), (0.5 * ALPHAS, 0.5 * ALPHAS)):
        w = fit(x, t, l1, l2)
        assert oracles.kkt_violation(slope(w), w, l1[:, None], l2[:, None]).max() < 1e-10
        away = w + 0.01
        assert oracles.kkt_violation(slope(away), away, l1[:, None], l2[:, None]).min() > 1e-3
    # At zero the slope may be anything up to α, not more.
    still = torch.zeros(1, D, dtype=torch.float64)
    assert oracles.kkt_violation(slope(still), still, slope(still).abs().max(), 0.0) == 0
    assert oracles.kkt_violation(slope(still), still, slope(still).abs().max() * 0.9, 0.0) > 0


def test_ridge_in_closed_form(problem):
    x, t = problem
    _, _, gram, moment = quadratic(x, t)
    closed = oracles.ridge(gram, moment, ALPHAS)
    torch.testing.assert_close(closed, fit(x, t, 0 * ALPHAS, ALPHAS), atol=1e-10, rtol=0)
    for alpha, row in zip(ALPHAS.tolist(), closed, strict=True):
        np.testing.assert_allclose(row, np.linalg.solve(gram.numpy() + alpha * np.eye(D), moment.numpy()), atol=1e-12)


def test_rows_do_not_disturb_each_other(problem):
    x, t = problem
    together = fit(x, t, ALPHAS, 0 * ALPHAS)
    for k in range(len(ALPHAS)):
        torch.testing.assert_close(fit(x, t, ALPHAS[k : k + 1], 0 * ALPHAS[:1])[0], together[k], atol=1e-11, rtol=0)


def test_reports_are_on_the_way_to_the_answer(problem):
    x, t = problem
    slope, curvature, gram, moment = quadratic(x, t)
    l1 = ALPHAS[:, None]
    fits = list(proximal.fista(slope, curvature, torch.zeros(4, D, dtype=torch.float64), l1, 0 * l1, every=5, tolerance=1e-12))
    value = [0.5 * ((f.w @ gram) * f.w).sum(1) - f.w @ moment + (l1 * f.w.abs()).sum(1) for f in fits]
    assert len(fits) > 3 and fits[-1].residual.max() <= 1e-12 < fits[0].residual.max()
    assert all(bool((v >= value[-1] - 1e-14).all()) for v in value)


def test_plain_proximal_steps_keep_the_bound_of_theory(problem):
    """ISTA with step 1/L: J̃(w_k) − J̃(ŵ) ≤ L ‖w_0 − ŵ‖²/(2k) (Beck and Teboulle 2009, theorem 3.1), and never uphill."""
    x, t = problem
    _, curvature, gram, moment = quadratic(x, t)
    l1 = ALPHAS[:, None]
    best = fit(x, t, ALPHAS, 0 * ALPHAS)

    def data(w: Tensor) -> Tensor:
        return 0.5 * ((w @ gram) * w).sum(-1) - w @ moment

    path = proximal.descend(data, torch.full((4, D), 0.8, dtype=torch.float64), l1, 1 / curvature, 300, proximal=True)
    gap = data(path) + (l1 * path.abs()).sum(-1) - data(best) - (l1 * best.abs()).sum(-1)
    steps = torch.arange(1, 301, dtype=torch.float64)[:, None]
    assert bool((gap[1:] <= curvature * (path[0] - best).square().sum(-1) / (2 * steps) + 1e-13).all())
    assert bool((gap.diff(dim=0) <= 1e-13).all())


def test_subgradient_steps_hover_and_proximal_steps_land(problem):
    x, t = problem
    _, curvature, gram, moment = quadratic(x, t)
    l1 = ALPHAS[:, None]
    rate = 0.5 / curvature
    start = torch.full((4, D), 0.3, dtype=torch.float64)
    down, up = (proximal.descend(lambda w: 0.5 * ((w @ gram) * w).sum(1) - w @ moment, start, l1, rate, 3000, proximal=p)
                for p in (False, True))
    w = fit(x, t, ALPHAS, 0 * ALPHAS)
    assert int((w == 0).sum()) >= 6
    torch.testing.assert_close(up[-1], w, atol=1e-7, rtol=0)
    assert bool(((up[-1] == 0) == (w == 0)).all()) and int((down[-1] == 0).sum()) == 0
    # The last thousand iterates of a dead weight swing through zero, within the penalty's and the loss's part of a step.
    dead = (w == 0)[3]
    tail = down[-1000:, 3][:, dead]
    assert bool((tail.amax(0) > 0).all() and (tail.amin(0) < 0).all()) and float(tail.abs().max()) < 4 * rate * float(ALPHAS[3])
