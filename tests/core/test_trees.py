"""Trees against scikit-learn's, on weights, bootstraps, classes and numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from core.trees import grow


def samples(seed, n=300, features=3, classes=3):
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(features, n, generator=rng, dtype=torch.float64)
    y = (x[0] + 1.5 * torch.randn(n, generator=rng, dtype=torch.float64) > 0).long() + (x[1] > 1).long() * (classes > 2)
    return x, y, rng


def one_hot(y, classes):
    return torch.nn.functional.one_hot(y, classes).T.double()


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_classes_as_scikit_learns_trees(seed, depth):
    x, y, rng = samples(seed)
    n = len(y)
    draws = torch.randint(n, (6, n), generator=rng)
    weights = torch.stack([torch.bincount(row, minlength=n) for row in draws]).double()
    weights[0] = torch.rand(n, generator=rng, dtype=torch.float64)
    fresh = torch.randn(3, 500, generator=rng, dtype=torch.float64)
    mine = grow(x, one_hot(y, 3), weights, depth).predict(fresh).numpy()
    for k, weight in enumerate(weights.numpy()):
        theirs = [DecisionTreeClassifier(max_depth=depth, random_state=state).fit(x.numpy().T, y.numpy(), weight)
                  for state in range(8)]
        chances = np.zeros((8, 3, 500))
        for one, tree in zip(chances, theirs, strict=True):
            one[tree.classes_.astype(int)] = tree.predict_proba(fresh.numpy().T).T
        # Of equal splits theirs takes one by chance: ours is one of theirs.
        assert np.abs(chances - mine[k]).max((1, 2)).min() < 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_numbers_as_scikit_learns_trees(seed):
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(1, 60, generator=rng, dtype=torch.float64)
    y = torch.sin(6 * x) + 0.3 * torch.randn(1, 60, generator=rng, dtype=torch.float64)
    weight = torch.rand(3, 60, generator=rng, dtype=torch.float64)
    fresh = torch.rand(1, 400, generator=rng, dtype=torch.float64)
    mine = grow(x, y, weight, 3).predict(fresh)[:, 0]
    for k in range(3):
        tree = DecisionTreeRegressor(max_depth=3, random_state=0).fit(x.numpy().T, y[0].numpy(), weight[k].numpy())
        np.testing.assert_allclose(mine[k], tree.predict(fresh.numpy().T), atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_stump_of_least_error_is_found_among_all(seed):
    x, y, rng = samples(seed, n=30, classes=2)
    weight = torch.rand(4, 30, generator=rng, dtype=torch.float64)
    weight /= weight.sum(1, keepdim=True)
    stump = grow(x, one_hot(y, 2), weight, 1, "error")
    wrong = (stump.predict(x).argmax(1) != y).double()
    error = (weight * wrong).sum(1)
    for k in range(4):
        least = 1.0
        for d in range(3):
            for t in x[d]:
                right = x[d] > t
                least = min(least, *(float(weight[k][(right == side) != (y == 1)].sum()) for side in (True, False)))
        # A stump whose sides are one class leaves what the lighter class weighs.
        least = min(least, float(weight[k][y == 0].sum()), float(weight[k][y == 1].sum()))
        assert error[k] == pytest.approx(least, abs=1e-12)


def test_rows_are_independent_and_a_weight_of_two_is_the_sample_twice():
    x, y, rng = samples(0)
    weight = torch.randint(0, 3, (5, 300), generator=rng).double()
    together = grow(x, one_hot(y, 3), weight, 3)
    for k in range(5):
        alone = grow(x, one_hot(y, 3), weight[k:k + 1], 3)
        repeated = torch.arange(300).repeat_interleave(weight[k].long())
        again = grow(x[:, repeated], one_hot(y[repeated], 3), torch.ones(1, len(repeated), dtype=torch.float64), 3)
        for tree in (alone, again):
            torch.testing.assert_close(tree.predict(x)[0], together.predict(x)[k], rtol=0, atol=1e-12)


def test_what_cannot_be_split():
    x = torch.zeros(2, 7)
    y = torch.arange(7.0)[None]
    same = grow(x, y, torch.ones(1, 7), 2)
    assert torch.isinf(same.threshold_KT).all()
    torch.testing.assert_close(same.predict(x), torch.full((1, 1, 7), 3.0))
    pure = grow(torch.randn(2, 7, generator=torch.Generator().manual_seed(0)), torch.ones(1, 7), torch.ones(1, 7), 3)
    assert torch.isinf(pure.threshold_KT).all() and (pure.value_KMC == 1).all()
    with pytest.raises(ValueError, match="depth"):
        grow(x, y, torch.ones(1, 7), 0)
    with pytest.raises(ValueError, match="weights"):
        grow(x, y, torch.zeros(1, 7), 1)


@pytest.mark.parametrize("criterion", ["squares", "error"])
def test_samples_of_a_trees_own_are_as_if_it_grew_alone(criterion):
    each = [samples(seed, n=80, classes=2) for seed in range(4)]
    x = torch.stack([one[0] for one in each])
    y = torch.stack([one_hot(one[1], 2) for one in each])
    weight = torch.rand(4, 80, generator=each[0][2], dtype=torch.float64)
    fresh = torch.randn(4, 3, 50, generator=each[1][2], dtype=torch.float64)
    together = grow(x, y, weight, 2, criterion)
    shared = grow(x, y[0], weight, 2, criterion), grow(x[0], y, weight, 2, criterion)
    for k in range(4):
        alone = grow(x[k], y[k], weight[k:k + 1], 2, criterion)
        assert all(torch.equal(a[k], b[0]) for a, b in zip(together, alone, strict=True))
        assert torch.equal(together.predict(fresh)[k], alone.predict(fresh[k])[0])
        for tree, own in zip(shared, (grow(x[k], y[0], weight[k:k + 1], 2, criterion),
                                      grow(x[0], y[k], weight[k:k + 1], 2, criterion)), strict=True):
            assert torch.equal(tree.predict(fresh)[k], own.predict(fresh[k])[0])
