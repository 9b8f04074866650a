"""weight_penalties: where weights are zero between the strengths that are fitted, against scikit-learn and linear systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import torch
from sklearn.linear_model import ElasticNet, LogisticRegression

from core.lesson import last
from core.lessons.weight_penalties import lesson, words
from core.lessons.weight_penalties import zeros as between
from core.lessons.weight_penalties.lesson import Config
from core.lessons.weight_penalties.words import alt_texts
from tests.lessons.weight_penalties.test_lesson import ORDER, data_of, result_of
from tests.pages import page_spec


def ridge(x: np.ndarray, t: np.ndarray, alpha: float) -> np.ndarray:
    return np.linalg.solve(x.T @ x / len(t) + alpha * np.eye(x.shape[1]), x.T @ (t - t.mean()) / len(t))


@pytest.mark.parametrize("values", [dict(), dict(decoys=20, train_size=40, seed=3), dict(problem="orthonormal")])
def test_every_passage_of_l2_through_zero_is_told_and_none_is_held(values: dict[str, Any]):
    """Against the sign changes on a grid of 6,000 strengths, a hundred between any two that are fitted."""
    scene = Config(**values, penalties=("l2",))
    result = result_of(**values)
    x, t = data_of(scene)
    grid = np.logspace(-2.5, 1, 6001)
    w = np.stack([ridge(x, t, alpha) for alpha in grid])
    changes = sorted((i, a) for a, i in zip(*np.nonzero(w[1:] * w[:-1] < 0), strict=True))
    assert result.passed is not None
    passed = sorted((int(i), alpha) for i, alpha in result.passed.tolist())
    assert [i for i, _ in passed] == [i for i, _ in changes]
    for (i, alpha), (_, a) in zip(passed, changes, strict=True):
        assert grid[a] < alpha < grid[a + 1] and abs(ridge(x, t, alpha)[i]) < 1e-12
    asked = words.predict(result, scene)
    caption = next(p.caption for p in page_spec("weight_penalties").draw(result, scene).panels if p.id == "paths-l2")
    assert asked.right == ("none",) and caption.startswith(asked.why) and asked.why.startswith("No weight stays at zero")
    count = f"pass through it {len(changes)} times" if changes else "none passes through it"
    alts = alt_texts(result, scene)
    assert all(count in told for told in (caption, asked.why, alts["zeros"], alts["paths-l2"]))
    if not values:
        assert ("blood sugar", 0.274719) in [(result.names[i], round(alpha, 6)) for i, alpha in passed]


def test_passages_of_the_logistic_fit_are_zeros_of_scikit_learns():
    result, scene = result_of(problem="cancer"), Config(problem="cancer")
    x, y = data_of(scene)
    assert result.passed is not None and len(result.passed)
    for i, alpha in result.passed.tolist():
        w = LogisticRegression(C=1 / (len(y) * alpha), tol=1e-12, solver="newton-cholesky").fit(x, y).coef_[0]
        assert abs(w[int(i)]) < 1e-6 < abs(w).max()


@pytest.mark.parametrize("values", [dict(seed=1), dict(decoys=10, train_size=150), dict(problem="orthonormal")])
@pytest.mark.parametrize("rho", [1.0, 0.5])
def test_the_alpha_from_which_a_weight_is_held_is_scikit_learns(values: dict[str, Any], rho: float):
    result, scene = result_of(**values), Config(**values)
    x, t = data_of(scene)
    told = set(result.held[ORDER.index("l1" if rho == 1 else "elastic")].tolist())
    inner = sorted(at for at in told if float(result.alphas[0]) < at < np.inf)
    assert len(inner) > 5
    for at in inner[::2]:
        held = (result.held[ORDER.index("l1" if rho == 1 else "elastic")] == at).nonzero()[:, 0].tolist()
        for factor, zero in ((0.9995, False), (1.0005, True)):
            w = ElasticNet(alpha=factor * at, l1_ratio=rho, tol=1e-13, max_iter=500_000).fit(x, t).coef_
            assert all((w[j] == 0) == zero for j in held)


def test_the_alpha_from_which_a_weight_is_held_meets_the_conditions_on_breast_cancer_too():
    """At `held` the weight's slope is exactly as strong as the penalty's pull: it is about to leave, or has just come."""
    scene = Config(problem="cancer", train_size=100)
    problem, result = lesson.problem_of(scene), result_of(problem="cancer", train_size=100)
    inner = [(j, at) for j, at in enumerate(result.held[0].tolist()) if at > float(result.alphas[0])]
    w = problem.lasso(torch.tensor([at for _, at in inner], dtype=torch.float64))
    x, y = data_of(scene)
    for (j, at), row in zip(inner, w.numpy(), strict=True):
        assert abs(row[j]) < 1e-4
        bias = scipy.optimize.brentq(lambda b, r=row: float((1 / (1 + np.exp(-(x @ r + b))) - y).mean()), -20, 20)
        slope = float((1 / (1 + np.exp(-(x @ row + bias))) - y) @ x[:, j]) / len(y)
        assert abs(slope) == pytest.approx(at, rel=1e-3)


def test_what_is_told_of_zeros_does_not_depend_on_the_strengths_that_were_fitted():
    """LDL cholesterol is alive in a window that every second strength misses."""
    scene = Config(penalties=("l1", "l2"))
    problem, result = lesson.problem_of(scene), result_of()
    half = result.alphas[::2]
    np.testing.assert_array_equal(last(between.held_from(problem, result.theta[0, ::2], half, 1.0)), result.held[0])
    assert result.passed is not None and torch.equal(between.passages(problem, result.theta[2, ::2], half), result.passed)


def test_a_single_weight_may_grow_under_l2_while_the_norm_falls():
    """What the maths says of L2."""
    w = result_of().weights[2]
    assert bool((w.norm(dim=1).diff() < 0).all()) and bool((w.abs().diff(dim=0) > 1e-6).any())
