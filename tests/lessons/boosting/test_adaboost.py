"""AdaBoost's rounds against scikit-learn's, its own theorems and a plain search over all stumps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import AdaBoostClassifier
from sklearn.tree import DecisionTreeClassifier

from core.lessons.boosting import adaboost, lesson
from core.lessons.boosting.data import draws
from core.lessons.boosting.lesson import Config
from figures.boosting import pictures

SEEDS = range(5)


def rows(config: Config) -> Iterator[tuple[int, int, Any, np.ndarray, np.ndarray]]:
    """Level, draw, and the samples and labels of every row of a scene."""
    each = draws(config.problem, config.draws, config.n_train, config.blur, config.seed)
    for level, noise in enumerate(lesson.levels_of(config)):
        for s, draw in enumerate(each):
            yield level, s, draw, draw.x_2N.T.numpy(), draw.labels(noise).numpy()


@pytest.mark.parametrize("seed", SEEDS)
def test_round_for_round_as_scikit_learn_on_its_own_stumps(seed: int):
    """e, α, the sum on the drawn samples and both errors, of all noise levels and draws."""
    rounds = 60 if seed == SEEDS[0] else 20
    config = Config(seed=seed, criterion="squares", rounds=rounds)
    result, alike = lesson.run(config), 0
    for level, s, draw, x, y in rows(config):
        theirs = AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=rounds, random_state=0).fit(x, y)
        error, alpha = result.error[:, level, s].numpy(), result.alpha[:, level, s].numpy()
        np.testing.assert_allclose(error, theirs.estimator_errors_, atol=1e-10)
        np.testing.assert_allclose(2 * alpha, theirs.estimator_weights_, atol=1e-8)  # SAMME's weight is twice AdaBoost's
        fresh, truth = draw.test_2n.T.numpy(), draw.test_true_n.numpy()
        wrong = [(said != y).mean() for said in theirs.staged_predict(x)]
        test = [(said != truth).mean() for said in theirs.staged_predict(fresh)]
        np.testing.assert_allclose(result.train_error[:, level, s], wrong, atol=1e-12)
        np.testing.assert_allclose(result.test_error[:, level, s], test, atol=1e-12)
        if (level, s) == (result.home, 0):
            sums = np.stack(list(theirs.staged_decision_function(x))) / 2  # of votes ±2, over the sum of all weights
            np.testing.assert_allclose(result.score.numpy() / np.cumsum(alpha)[:, None], sums, atol=1e-8)
            assert result.stumps is not None
            cuts = [(tree.tree_.feature[0], tree.tree_.threshold[0]) for tree in theirs.estimators_]
            mine = zip(result.stumps.feature_KT[:, 0].tolist(), result.stumps.threshold_KT[:, 0].tolist(), strict=True)
            np.testing.assert_allclose(list(mine), cuts, atol=1e-8)
            alike += 1
    assert alike == 1


class Replay(ClassifierMixin, BaseEstimator):
    """The learner of round t is the t-th of those that the lesson took."""

    taken = 0

    def __init__(self, votes: np.ndarray | None = None):
        self.votes = votes

    def fit(self, _: np.ndarray, y: np.ndarray, sample_weight: np.ndarray) -> Replay:  # noqa: ARG002
        self.classes_, self.said_ = np.unique(y), self.votes[Replay.taken]
        Replay.taken += 1
        return self

    def predict(self, _: np.ndarray) -> np.ndarray:
        return self.said_


@pytest.mark.parametrize("learner", ["stump", "tree", "net"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_learners_make_the_same_sum_in_scikit_learn(learner: str, seed: int):
    config = Config(seed=seed, learner=learner, rounds=40, problem="circles", label_noise=10)
    result = lesson.run(config)
    error = result.error[:, result.home, 0]
    ends = (~((error > 0) & (error < 0.5))).nonzero()
    rounds = int(ends[0]) if len(ends) else len(error)  # scikit-learn does not turn a learner round
    assert rounds >= 3
    Replay.taken = 0
    votes = clone(Replay(result.vote.numpy()), safe=False)
    theirs = AdaBoostClassifier(votes, n_estimators=rounds).fit(result.x.T.numpy(), result.y.numpy())
    np.testing.assert_allclose(error[:rounds], theirs.estimator_errors_, atol=1e-10)
    np.testing.assert_allclose(2 * result.alpha[:rounds, result.home, 0], theirs.estimator_weights_, atol=1e-8)
    staged = [(said != result.y.numpy()).mean() for said in theirs.staged_predict(result.x.T.numpy())]
    np.testing.assert_allclose(result.train_error[:rounds, result.home, 0], staged, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("problem", ["two_moons", "circles", "xor"])
def test_each_stump_has_the_least_error_of_all(problem: str, seed: int):
    result = lesson.run(Config(seed=seed, problem=problem, rounds=20))
    x, y = result.x.numpy(), result.y.numpy()
    for t in range(20):
        weight, least = result.weight[t].numpy(), 1.0
        for values in x:
            above = values[:, None] > np.append(np.sort(values), -np.inf)  # all thresholds, and none
            wrong = weight @ (np.where(above, 1, -1) != y[:, None])
            least = min(least, wrong.min(), (1 - wrong).min())
        assert result.error[t, result.home, 0].item() == pytest.approx(least, abs=1e-12)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_tree_of_least_impurity_is_one_of_scikit_learns(depth: int, seed: int):
    """Given the round's weights. Of equal splits theirs takes one by chance."""
    result = lesson.run(Config(seed=seed, problem="circles", rounds=10, criterion="squares",
                               learner="stump" if depth == 1 else "tree", depth=2))
    x, y = result.x.T.numpy(), result.y.numpy()
    for t in range(10):
        if 0 <= int(result.ended[result.home, 0]) <= t:
            break
        theirs = [DecisionTreeClassifier(max_depth=depth, random_state=state).fit(x, y, result.weight[t].numpy()).predict(x)
                  for state in range(12)]
        assert min((said != result.vote[t].numpy()).sum() for said in theirs) == 0


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


def test_the_bound_of_the_margins_at_a_learner_without_an_error():
    """It is the limit of learners whose error goes to 0: nothing below a margin of 1, everything there."""
    theta = torch.linspace(-1, 1, 41, dtype=torch.float64)
    first = torch.tensor(0.3, dtype=torch.float64)
    found = adaboost.margin_bound(theta, torch.tensor(torch.inf), torch.tensor(0.0).double())
    assert found.tolist() == [0.0] * 40 + [1.0]
    for e in (1e-60, 1e-120):
        errors = torch.stack([first, torch.tensor(e, dtype=torch.float64)])
        alphas = (((1 - errors) / errors).log() / 2).sum()
        near = adaboost.margin_bound(theta, alphas, adaboost.bound(errors)[-1])
        assert (near - found).abs().max() < 0.1, "the margin of 0.95 is the last to go"
    result = lesson.run(Config(learner="tree", depth=3, n_train=20, blur=0.1, label_noise=0, rounds=20))
    at = int(result.ended[result.home, 0])
    assert at > 0 and result.alpha[at - 1, result.home, 0].isinf()
    *_, now, limit = pictures.margins(result, Config(at=at)).data
    drawn = np.asarray(limit.meta["frames"]["y"])
    np.testing.assert_allclose(drawn[at - 1 :], np.broadcast_to(100 * found, (20 - at + 1, 41))[:, [0, -1]].repeat([80, 1], 1))
    assert (np.asarray(now.x)[1:-1] == 1).all()


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
