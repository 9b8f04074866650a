"""AdaBoost's rounds against scikit-learn's, its own theorems and a plain search over all stumps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from core.lessons.boosting import adaboost, lesson
from core.lessons.boosting.data import draws
from core.lessons.boosting.lesson import Config

SEEDS = range(5)


class LeastError(ClassifierMixin, BaseEstimator):
    """A stump of least weighted error, found by trying all of them."""

    def fit(self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> LeastError:
        self.classes_ = np.unique(y)
        best = np.inf
        for feature in range(x.shape[1]):
            values = np.unique(x[:, feature])
            for threshold in (values[1:] + values[:-1]) / 2:
                above = x[:, feature] > threshold
                for sign in (1, -1):
                    error = sample_weight[np.where(above, sign, -sign) != y].sum()
                    if error < best - 1e-13:
                        best, self.rule_ = error, (feature, threshold, sign)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        feature, threshold, sign = self.rule_
        return np.where(x[:, feature] > threshold, sign, -sign)


def compare(config: Config, base: BaseEstimator, rounds: int) -> None:
    """Round for round: e, α, the stump, the sum on training samples, and both errors, of all rows of a scene."""
    result, each = lesson.run(config), draws(config.problem, config.draws, config.n_train, config.blur, config.seed)
    for level, noise in enumerate(result.levels):
        for s, draw in enumerate(each):
            x, y = draw.x_2N.T.numpy(), draw.labels(noise).numpy()
            theirs = AdaBoostClassifier(base, n_estimators=rounds, random_state=0).fit(x, y)
            error, alpha = result.error[:rounds, level, s].numpy(), result.alpha[:rounds, level, s].numpy()
            np.testing.assert_allclose(error, theirs.estimator_errors_, atol=1e-10)
            np.testing.assert_allclose(2 * alpha, theirs.estimator_weights_, atol=1e-8)  # SAMME's weight is twice AdaBoost's
            fresh, truth = draw.test_2n.T.numpy(), draw.test_true_n.numpy()
            wrong = [(said != y).mean() for said in theirs.staged_predict(x)]
            test = [(said != truth).mean() for said in theirs.staged_predict(fresh)]
            np.testing.assert_allclose(result.train_error[:rounds, level, s], wrong, atol=1e-12)
            np.testing.assert_allclose(result.test_error[:rounds, level, s], test, atol=1e-12)
            if (level, s) == (result.home, 0):
                sums = np.stack(list(theirs.staged_decision_function(x))) / 2  # of votes ±2, over the sum of all weights
                scores = result.score[:rounds].numpy() / np.cumsum(alpha)[:, None]
                np.testing.assert_allclose(scores, sums, atol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("problem", ["two_moons", "circles"])
def test_round_for_round_as_scikit_learn_on_its_own_stumps(problem: str, seed: int):
    compare(Config(seed=seed, problem=problem, criterion="squares", rounds=40), DecisionTreeClassifier(max_depth=1), 40)


@pytest.mark.parametrize("seed", SEEDS)
def test_round_for_round_as_scikit_learn_on_trees(seed: int):
    config = Config(seed=seed, criterion="squares", learner="tree", label_noise=30, rounds=10)
    result = lesson.run(config)
    if bool((result.ended < 0).all()):
        compare(config, DecisionTreeClassifier(max_depth=2), 10)


@pytest.mark.parametrize("seed", SEEDS)
def test_round_for_round_as_scikit_learn_on_stumps_of_least_error(seed: int):
    compare(Config(seed=seed, n_train=30, rounds=20, label_noise=10), LeastError(), 20)


@pytest.mark.parametrize("learner", ["stump", "tree", "net"])
@pytest.mark.parametrize("seed", SEEDS)
def test_theorems_of_each_round(learner: str, seed: int):
    result = lesson.run(Config(seed=seed, learner=learner, rounds=60, label_noise=10))
    running = result.next_error.isfinite()
    assert running.any()
    # Under its next weights each learner is exactly a coin.
    assert (result.next_error[running] - 0.5).abs().max() < 1e-12
    assert (result.weight.sum(1) - 1).abs().max() < 1e-12 and (result.weight > 0).all()
    product = adaboost.bound(result.error)
    assert (result.train_error <= product + 1e-12).all()
    # The bound is the exponential loss itself.
    torch.testing.assert_close(result.exponential, product, rtol=1e-9, atol=1e-300)
    # The weights are what the loss of each sample is a share of.
    share = (-result.y * result.score).exp()
    if result.ended[result.home, 0] < 0:
        torch.testing.assert_close(result.weight[1:], share / share.sum(1, keepdim=True), rtol=1e-9, atol=1e-300)
    theta = torch.linspace(-1, 1, 41, dtype=torch.float64)
    for t, (values, total) in enumerate(zip(lesson.margins(result), lesson.totals(result), strict=True)):
        share_below = (values[:, None] <= theta - 1e-12).double().mean(0)
        limit = adaboost.margin_bound(theta, total, product[t, result.home, 0])
        assert (share_below <= limit + 1e-9).all()
    assert (lesson.margins(result).abs() <= 1 + 1e-12).all()
    torch.testing.assert_close(lesson.margins(result).amin(1), result.least_margin[:, result.home, 0], rtol=0, atol=1e-12)


def test_alpha_is_where_the_loss_is_least_along_the_learner():
    rng = torch.Generator().manual_seed(0)
    weight = torch.rand(20, 50, generator=rng, dtype=torch.float64)
    weight /= weight.sum(1, keepdim=True)
    right = torch.rand(20, 50, generator=rng) < torch.linspace(0.2, 0.9, 20)[:, None]
    found = adaboost.reweigh(weight, right)
    for k in range(20):
        agree = np.where(right[k], 1.0, -1.0)
        best = minimize_scalar(lambda a, k=k, agree=agree: float((weight[k].numpy() * np.exp(-a * agree)).sum()), (-1, 1))
        assert found.alpha_K[k].item() == pytest.approx(best.x, abs=1e-6)
        assert 2 * float((found.error_K[k] * (1 - found.error_K[k])).sqrt()) == pytest.approx(best.fun, rel=1e-10)
    worse = found.error_K > 0.5
    assert worse.any() and (found.alpha_K[worse] < 0).all() and (found.alpha_K[~worse] > 0).all()
    by_exponent = weight * (-found.alpha_K[:, None] * torch.where(right, 1.0, -1.0)).exp()
    torch.testing.assert_close(found.weight_KN, by_exponent / by_exponent.sum(1, keepdim=True), rtol=1e-12, atol=0)


def test_where_boosting_cannot_go_on():
    weight = torch.tensor([[0.25, 0.25, 0.25, 0.25]] * 4, dtype=torch.float64)
    right = torch.tensor([[True] * 4, [False] * 4, [True, True, False, False], [True, True, True, False]])
    found = adaboost.reweigh(weight, right)
    assert found.alpha_K[:2].tolist() == [torch.inf, -torch.inf] and found.alpha_K[2].item() == 0
    assert adaboost.goes_on(found.error_K).tolist() == [False, False, False, True]
    assert torch.equal(found.weight_KN[:3], weight[:3])
    torch.testing.assert_close(found.weight_KN[3], torch.tensor([1 / 6, 1 / 6, 1 / 6, 0.5], dtype=torch.float64))
    assert adaboost.bound(torch.tensor([0.0, 0.3])).tolist() == [0, 0]
    assert adaboost.bound(torch.tensor([0.5, torch.nan])).tolist() == [1, 1]
