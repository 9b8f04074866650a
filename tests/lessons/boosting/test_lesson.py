"""Boosting's runs: their data, their ends, small nets against torch.nn, and what rounds and noise do."""

from __future__ import annotations

import dataclasses
import random
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn

from core.drawings import Asset
from core.engine import MLP, generators
from core.lessons.boosting import adaboost, lesson
from core.lessons.boosting.data import draws, near_other_class
from core.lessons.boosting.learners import NET_RATE, NET_STEPS, growing, training, votes, weighted
from core.lessons.boosting.lesson import LEVELS, POINTS, Config, Result
from core.uploads import Points
from examples import boosting as example

SHORT: dict[str, Any] = dict(rounds=20, n_train=40)
whole = lru_cache(maxsize=16)(lesson.run)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a.nan_to_num(-1), b.nan_to_num(-1))
    return all(map(equal, a, b)) if isinstance(a, tuple) else a == b


# Runs

@pytest.mark.parametrize("values", [dict(SHORT), dict(SHORT, learner="tree", label_noise=5), dict(learner="net", net_rounds=10)])
def test_runs_repeat_and_partial_results_are_their_beginning(values: dict[str, Any]):
    before = torch.get_rng_state()
    results, again = list(lesson.steps(Config(**values))), lesson.run(Config(**values))
    assert torch.equal(torch.get_rng_state(), before)
    last = results[-1]
    assert len(results) > 1 and last.done and not results[0].done
    assert all(equal(getattr(last, f.name), getattr(again, f.name)) for f in dataclasses.fields(Result))
    for part in results:
        T = len(part.error)
        assert T >= min(6, part.rounds)
        for name in ("vote", "score", "error", "alpha", "train_error", "test_error", "plane", "says", "least_margin"):
            assert equal(getattr(part, name), getattr(last, name)[:T])
        assert equal(part.weight, last.weight[: T + 1]) and equal(part.on_wrong, last.on_wrong[: T + 1])


def test_a_row_does_not_depend_on_the_other_levels():
    alone, beside = whole(Config(**SHORT, label_noise=20)), whole(Config(**SHORT, label_noise=25))
    assert beside.levels == (0, 10, 20, 25, 30) and alone.levels == LEVELS
    for name in ("error", "alpha", "test_error", "train_error"):
        torch.testing.assert_close(getattr(beside, name)[:, [0, 1, 2, 4]], getattr(alone, name), rtol=0, atol=0)


@pytest.mark.parametrize("problem", ["two_moons", "circles", "xor"])
def test_data_are_what_the_controls_say(problem: str):
    each = draws(problem, 5, 60, 0.2, 3)
    for draw in each:
        flipped = [draw.labels(noise) != draw.true_N for noise in (0, 10, 20, 40)]
        assert [int(wrong.sum()) for wrong in flipped] == [0, 6, 12, 24]
        assert all(bool((few <= many).all()) for few, many in pairwise(flipped))
        assert set(draw.true_N.tolist()) == {-1, 1} and draw.x_2N.dtype == torch.float64
        assert torch.equal(draw.test_2n, each[0].test_2n)
    assert not torch.equal(each[0].x_2N, each[1].x_2N)
    larger = draws(problem, 5, 100, 0.2, 3)
    assert all(torch.equal(b.x_2N[:, :60], a.x_2N) for a, b in zip(each, larger, strict=True))


def test_the_half_near_the_other_class_is_that_of_the_least_distances():
    draw = draws("two_moons", 1, 50, 0.2, 0)[0]
    right = torch.arange(50) % 5 > 0
    near = near_other_class(draw.x_2N, draw.true_N, right)
    x, y = draw.x_2N.T.numpy(), draw.true_N.numpy()
    least = np.array([min(np.linalg.norm(x[i] - x[j]) for j in range(50) if y[j] != y[i]) for i in range(50)])
    assert int(near.sum()) == 20 and not bool((near & ~right).any())
    assert least[near.numpy()].max() <= least[(right & ~near).numpy()].min()


def test_the_grid_tells_the_same_as_the_samples():
    for values in (dict(SHORT), dict(SHORT, learner="tree"), dict(learner="net", net_rounds=10, n_train=40)):
        result = whole(Config(**values))
        up, across = ((result.x[d, :, None] - at).abs().argmin(1) for d, at in ((1, result.up), (0, result.across)))
        there = result.plane[:, up, across]
        sums = result.score / lesson.totals(result)[:, None]
        # A cell's middle can lie across a boundary from a sample; most do not.
        assert ((there - sums).abs() < 1e-5).double().mean() > 0.5
        assert np.corrcoef(there.flatten().numpy(), sums.flatten().numpy())[0, 1] > 0.9


# Ends

def test_a_perfect_learner_is_the_whole_sum():
    result = whole(Config(learner="tree", depth=3, n_train=20, blur=0.1, label_noise=0, rounds=20))
    ended = result.ended[result.home]
    assert (ended > 0).any()
    for s, at in enumerate(ended.tolist()):
        if at < 0 or not result.alpha[at - 1, result.home, s].isinf():
            continue
        assert result.error[at - 1, result.home, s] == 0
        assert (result.train_error[at - 1 :, result.home, s] == 0).all()
        assert (result.exponential[at - 1 :, result.home, s] == 0).all()
        assert (result.least_margin[at - 1 :, result.home, s] == 1).all()
        assert (result.alpha[at:, result.home, s] == 0).all() and result.error[at:, result.home, s].isnan().all()
        assert result.test_error[at - 1 :, result.home, s].unique().numel() == 1
    if ended[0] > 0:
        at = int(ended[0])
        assert torch.equal(result.weight[at - 1], result.weight[-1])
        assert torch.equal(result.score[-1], result.vote[at - 1])
        assert torch.equal(result.vote[-1], result.vote[at - 1]) and torch.equal(result.says[-1], result.says[at - 1])


@pytest.mark.parametrize("classes", [torch.ones(1, 30), -torch.ones(1, 30)])
def test_one_class_only_needs_one_learner(classes: Tensor):
    x = torch.randn(1, 2, 30, generator=generators([0])[0], dtype=torch.float64)
    even = torch.full((1, 30), 1 / 30, dtype=torch.float64)
    said = votes(growing(x, classes.double(), 1, "error")(even), x)
    assert torch.equal(said, classes.double())
    found = adaboost.reweigh(even, said == classes)
    assert found.error_K.item() == 0 and found.alpha_K.item() == torch.inf and not adaboost.goes_on(found.error_K).item()


def test_where_nothing_tells_the_classes_apart_boosting_ends_at_once():
    x = torch.zeros(1, 2, 20, dtype=torch.float64)
    y = torch.where(torch.arange(20) % 2 == 0, 1.0, -1.0)[None].double()
    even = torch.full((1, 20), 0.05, dtype=torch.float64)
    found = adaboost.reweigh(even, votes(growing(x, y, 1, "error")(even), x) == y)
    assert found.error_K.item() == pytest.approx(0.5) and not adaboost.goes_on(found.error_K).item()


# Small nets

def torch_net(theta: Tensor, width: int) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))
    layers = MLP((2, width, 1), "tanh").views(theta[None])
    with torch.no_grad():
        for linear, layer in zip((net[0], net[2]), layers, strict=True):
            linear.weight.copy_(layer.weight[0])
            linear.bias.copy_(layer.bias[0].flatten())
    return net


def test_nets_are_trained_on_the_weighted_samples_as_torch_nn_trains_them():
    rng = generators([5])[0]
    x = torch.randn(3, 2, 40, generator=rng, dtype=torch.float64)
    y = torch.where(x[:, 0] * x[:, 1] > 0, 1.0, -1.0).double()
    weight = torch.rand(3, 40, generator=rng, dtype=torch.float64)
    weight /= weight.sum(1, keepdim=True)
    mine = training(x, y, 4, generators(range(3)))(weight).score(x)
    start = MLP((2, 4, 1), "tanh").init(generators(range(3)))
    for k in range(3):
        net = torch_net(start[k], 4)
        optimiser = torch.optim.Adam(net.parameters(), lr=NET_RATE)
        loss_of = nn.BCEWithLogitsLoss(weight=weight[k].float(), reduction="sum")
        for _ in range(NET_STEPS):
            optimiser.zero_grad()
            loss_of(net(x[k].T.float())[:, 0], y[k].float() / 2 + 0.5).backward()
            optimiser.step()
        theirs = net(x[k].T.float())[:, 0].detach().double()
        assert (mine[k] - theirs).abs().max() < 0.02 * theirs.abs().max()
        assert ((mine[k] > 0) == (theirs > 0)).all()


def test_the_weighted_loss_has_its_own_gradient():
    rng = generators([1])[0]
    out = torch.randn(2, 1, 30, generator=rng, dtype=torch.float64).requires_grad_()
    y = torch.stack([(torch.rand(2, 30, generator=rng) > 0.5).double(), torch.rand(2, 30, generator=rng).double()], 1)
    value = weighted.value(out, y)
    (by_autograd,) = torch.autograd.grad(value.sum(), out)
    assert weighted.gradient is not None
    torch.testing.assert_close(weighted.gradient(out.detach(), y), by_autograd, rtol=1e-12, atol=1e-15)
    oracle = nn.functional.binary_cross_entropy_with_logits(out[:, 0], y[:, 0], weight=y[:, 1], reduction="none").sum(1)
    torch.testing.assert_close(value, oracle)


# What rounds and noise do, over the draws of several seeds

@pytest.mark.parametrize("seed", range(5))
def test_margins_grow_on_after_the_training_error_is_zero(seed: int):
    result = lesson.run(Config(seed=seed, label_noise=0, rounds=200))
    wrong, least = result.train_error[:, result.home], result.least_margin[:, result.home]
    for s in range(5):
        settled = int((wrong[:, s] > 0).nonzero()[-1]) + 1
        assert settled < 100
        assert least[-1, s] > least[settled, s] + 0.02 and least[-1, s] > 0.05
    assert result.test_error[-1, result.home].mean() < result.test_error[0, result.home].mean() - 0.05


@pytest.mark.parametrize("seed", range(5))
def test_label_noise_is_where_boosting_hurts(seed: int):
    result = whole(Config(seed=seed, rounds=200, label_noise=30))
    test = result.test_error.mean(-1)
    assert bool((test[-1].diff() > 0.02).all()), "more wrong labels, more errors"
    assert test[-1, 3] > test[0, 3], "at 30 % the sum is worse than its first stump"
    assert test[-1, 3] > test[:, 3].min() + 0.05 and test[-1, 0] < test[:, 0].min() + 0.05
    # The weight gathers on the wrong labels: well above their share.
    for level in (1, 2, 3):
        assert result.on_wrong[5, level].mean() > 1.15 * result.on_wrong[0, level].mean()


@pytest.mark.parametrize("seed", range(5))
def test_rounds_take_bias_away(seed: int):
    result = lesson.run(Config(seed=seed, label_noise=0, rounds=100))
    vote, mean = result.vote_error[:, 0], result.test_error[:, 0].mean(1)
    assert vote[-1] < 0.7 * vote[0] and vote[-1] < mean[-1]


def test_stumps_cannot_say_xor_and_trees_can():
    for seed in range(5):
        stumps, trees = (lesson.run(Config(seed=seed, problem="xor", blur=0.3, label_noise=0, rounds=60, learner=learner))
                         for learner in ("stump", "tree"))
        assert stumps.test_error[-1, 0].mean() > 0.4 and stumps.train_error[-1, 0].mean() < 0.3
        assert trees.test_error[-1, 0].mean() < 0.05


# The reader's own points, extremes, and the example

def test_the_readers_own_points_are_learnt():
    x, y = make_moons(300, noise=0.2, random_state=1)
    points = Points(((x - x.mean(0)) / x.std(0)).T.astype(np.float32), y, ("left", "right"))
    digest = "0" * 32
    config = Config(points=digest, rounds=30, label_noise=10)
    assert isinstance(config.controls()["points"], Asset)
    *_, result = lesson.steps(config, {digest: POINTS.pack(points)})
    assert result.own is not None and result.vote_error.isnan().all()
    assert result.x.shape == (2, 100) and int(result.wrong.sum()) == 10
    assert result.test_error[-1, result.home].mean() < 0.2
    columns = {tuple(row) for row in points.x_2N.T.astype(float)}
    assert all(tuple(row) in columns for row in result.x.T.tolist())
    each = draws("two_moons", 3, 100, 0.2, 0, points)
    assert not torch.equal(each[0].x_2N, each[1].x_2N) and not torch.equal(each[0].test_2n, each[1].test_2n)
    for draw in each:
        trained, tested = ({tuple(row) for row in part.T.tolist()} for part in (draw.x_2N, draw.test_2n))
        assert not trained & tested
    few = Points(points.x_2N[:, :20], y[:20], ("a", "b"))
    *_, result = lesson.steps(dataclasses.replace(config, n_train=200), {digest: POINTS.pack(few)})
    assert result.x.shape[1] <= 10


def test_any_setting_stays_finite():
    rng = random.Random(0)
    for k in range(12):
        learner = ("stump", "tree", "net")[k % 3]
        config = Config(seed=k, learner=learner, rounds=rng.choice([10, 30]), net_rounds=5, n_train=rng.choice([20, 50, 200]),
                        label_noise=rng.choice([0, 15, 40]), blur=rng.choice([0.0, 0.5]), depth=rng.choice([2, 3]),
                        width=rng.choice([1, 8]), criterion=rng.choice(["error", "squares"]),
                        problem=rng.choice(["two_moons", "circles", "xor"]))
        result = lesson.run(config)
        for name in ("weight", "score", "plane", "says", "train_error", "test_error", "vote_error", "exponential", "on_wrong",
                     "least_margin"):
            assert getattr(result, name).isfinite().all(), (name, config)
        assert lesson.margins(result).isfinite().all() and not result.alpha.isnan().any()


def test_the_example_agrees_with_the_lesson():
    numbers, result = example.main(), whole(Config())
    h = result.home
    heavy = result.on_wrong[5, h]
    measured = {"first_test_error": result.test_error[0, h], "train_error": result.train_error[-1, h],
                "test_error": result.test_error[-1, h], "wrong_over_right": 4 * heavy / (1 - heavy)}
    for name, values in measured.items():
        spread = float(values.max() - values.min())
        assert float(values.min()) - spread <= numbers[name] <= float(values.max()) + spread, name
    assert numbers["wrong_over_right"] > 1.5
    # And on the same samples, to the last bit that matters.
    draw = draws("two_moons", 1, 100, 0.2, 0)[0]
    learners, history = example.boost(draw.x_2N.T, draw.labels(20), 5)
    np.testing.assert_allclose([float(alpha) for alpha, _ in learners], result.alpha[:5, h, 0], atol=1e-12)
    np.testing.assert_allclose(torch.stack(history), result.weight[:5], atol=1e-12)
