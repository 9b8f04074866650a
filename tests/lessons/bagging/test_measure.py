"""What an average is worth, against NumPy, SciPy, scikit-learn and enumeration."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import binom
from sklearn.ensemble import BaggingRegressor
from sklearn.tree import DecisionTreeRegressor

from core.lessons.bagging import measure
from core.lessons.bagging.members import bags, counts

SEEDS = range(5)


def rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("rho", [-0.05, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("members", [1, 2, 7, 16])
def test_the_variance_of_a_mean_is_the_quadratic_form_of_its_covariances(rho: float, members: int):
    cov = 2.5 * ((1 - rho) * np.eye(members) + rho)
    found = measure.variance_of_mean(rho, 2.5, torch.tensor(members))
    assert float(found) == pytest.approx(np.ones(members) @ cov @ np.ones(members) / members**2, abs=1e-14)


@pytest.mark.parametrize("seed", SEEDS)
def test_spread_is_means_of_pairwise_covariances(seed: int):
    said = torch.randn(5, 6, 3, generator=rng(seed), dtype=torch.float64) + torch.randn(5, 1, 3, generator=rng(seed + 9))
    truth = torch.randn(3, generator=rng(seed + 99), dtype=torch.float64)
    at = torch.tensor([1, 2, 3, 4, 6])
    found = measure.spread(said, truth, at)
    a = said.numpy()
    sigma2 = np.mean([a[:, m, i].var(ddof=1) for m in range(6) for i in range(3)])
    pairs = np.mean([np.cov(a[:, m, i], a[:, k, i])[0, 1] for m, k in combinations(range(6), 2) for i in range(3)])
    assert float(found.sigma2) == pytest.approx(sigma2, rel=1e-12)
    assert float(found.rho) == pytest.approx(pairs / sigma2, rel=1e-10)
    for f, m in enumerate(at.tolist()):
        groups = [a[:, g * m : (g + 1) * m].mean(1) for g in range(6 // m)]
        variance = np.mean([g.var(axis=0, ddof=1) for g in groups])
        raw = np.mean([(g.mean(0) - truth.numpy()) ** 2 for g in groups])
        assert float(found.variance[f]) == pytest.approx(variance, rel=1e-12)
        assert float(found.bias[f]) == pytest.approx(raw - variance / 5, rel=1e-9)
        error = np.mean([(g - truth.numpy()) ** 2 for g in groups])
        assert float(found.error[f]) == pytest.approx(error, rel=1e-12), "bias² and variance are the whole distance"
    whole = measure.variance_of_mean(found.rho, found.sigma2, torch.tensor(6))
    assert float(found.variance[-1]) == pytest.approx(float(whole), rel=1e-12)
    assert float(found.variance[0]) == pytest.approx(sigma2, rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rho", [0.0, 0.4])
def test_spread_finds_the_correlation_and_bias_that_were_put_in(seed: int, rho: float):
    T, M, n = 400, 16, 20
    common = torch.randn(T, 1, n, generator=rng(seed), dtype=torch.float64)
    own = torch.randn(T, M, n, generator=rng(seed + 50), dtype=torch.float64)
    said = 0.7 + 1.5 * (rho**0.5 * common + (1 - rho) ** 0.5 * own)
    found = measure.spread(said, torch.zeros(n), torch.tensor([1, 4, 16]))
    assert float(found.rho) == pytest.approx(rho, abs=0.03)
    assert float(found.sigma2) == pytest.approx(2.25, rel=0.06)
    assert found.bias.tolist() == pytest.approx([0.49] * 3, abs=0.06)
    expected = [2.25 * (rho + (1 - rho) / m) for m in (1, 4, 16)]
    assert found.variance.tolist() == pytest.approx(expected, rel=0.09)


def test_the_error_of_the_correlation_is_the_jackknife_and_covers_what_was_put_in():
    near = []
    for k in range(100):
        common = torch.randn(12, 1, 9, generator=rng(k), dtype=torch.float64)
        own = torch.randn(12, 8, 9, generator=rng(k + 500), dtype=torch.float64)
        said = 0.5**0.5 * common + 0.5**0.5 * own
        found = measure.spread(said, torch.zeros(9), torch.tensor([8]))
        left_out = np.array([float(measure.spread(torch.cat([said[:t], said[t + 1 :]]), torch.zeros(9), torch.tensor([8])).rho)
                             for t in range(12)])
        assert float(found.rho_error) == pytest.approx(np.sqrt(11 * left_out.var()), rel=1e-9)
        near.append(abs(float(found.rho) - 0.5) < 2 * float(found.rho_error))
    assert 0.85 <= np.mean(near) <= 0.99


@pytest.mark.parametrize("seed", SEEDS)
def test_a_correlation_is_never_below_zero(seed: int):
    """Two members that disagree by chance, and two that avoid each other, which members of one training set cannot."""
    said = torch.randn(6, 2, 3, generator=rng(seed), dtype=torch.float64)
    for values in (said, torch.stack([said[:, 0], -said[:, 0]], 1)):
        found = measure.spread(values, torch.zeros(3), torch.tensor([1, 2]))
        pair = np.mean([np.cov(*values[:, :, i].T.numpy())[0, 1] for i in range(3)])
        assert float(found.rho) == pytest.approx(max(0.0, pair / float(found.sigma2)), abs=1e-9)


def test_members_that_never_vary_are_wholly_alike():
    found = measure.spread(torch.ones(4, 3, 2).double(), torch.zeros(2).double(), torch.tensor([1, 3]))
    assert float(found.rho) == 1 and float(found.sigma2) == 0 and found.bias.tolist() == [1, 1]
    once = torch.zeros(6, 3, 2).double()
    once[2] = 0.1  # one training set alone makes the difference
    found = measure.spread(once, torch.zeros(2).double(), torch.tensor([1, 3]))
    assert float(found.rho) == pytest.approx(1) and float(found.rho_error) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_out_of_bag_is_scikit_learns(seed: int):
    generator = np.random.default_rng(seed)
    x = generator.random((40, 1))
    y = np.sin(6 * x[:, 0]) + 0.3 * generator.standard_normal(40)
    forest = BaggingRegressor(DecisionTreeRegressor(max_depth=3), n_estimators=30, oob_score=True, random_state=seed).fit(x, y)
    bag = torch.stack([torch.from_numpy(np.asarray(rows)) for rows in forest.estimators_samples_])
    said = torch.from_numpy(np.stack([tree.predict(x) for tree in forest.estimators_]))
    found = measure.out_of_bag(said[None], counts(bag, 40)[None])[0]
    np.testing.assert_allclose(found[-1], forest.oob_prediction_, rtol=1e-12)
    assert found[0].isnan().equal(counts(bag, 40)[0] > 0), "one member says nothing of the samples that it was trained on"


@pytest.mark.parametrize("seed", SEEDS)
def test_weights_have_the_least_error_of_all_on_the_simplex(seed: int):
    said = torch.randn(1, 6, 1, generator=rng(seed), dtype=torch.float64)
    said = said + torch.randn(1, 6, 40, generator=rng(seed + 7), dtype=torch.float64)
    y = said[0, 0] * 0.6 + said[0, 1] * 0.3 + 0.3 * torch.randn(40, generator=rng(seed + 8), dtype=torch.float64)
    found = measure.simplex_weights(said, y[None])[0].numpy()
    f, target = said[0].numpy(), y.numpy()

    def loss(v: np.ndarray) -> float:
        return float(np.mean((target - v @ f) ** 2))

    best = minimize(loss, np.full(6, 1 / 6), bounds=[(0, None)] * 6, constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
                    method="SLSQP", options={"ftol": 1e-13, "maxiter": 500})
    assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-12)
    assert loss(found) == pytest.approx(best.fun, rel=1e-5)
    np.testing.assert_allclose(found, best.x, atol=2e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_projection_is_the_nearest_point(seed: int):
    v = torch.randn(3, 5, generator=rng(seed), dtype=torch.float64)
    for row, near in zip(v.numpy(), measure.project(v).numpy(), strict=True):
        best = minimize(lambda u, row=row: ((u - row) ** 2).sum(), np.full(5, 0.2), bounds=[(0, None)] * 5, method="SLSQP",
                        constraints={"type": "eq", "fun": lambda u: u.sum() - 1}, options={"ftol": 1e-14})
        np.testing.assert_allclose(near, best.x, atol=1e-5)


def test_majority_counts_votes_and_halves_ties():
    said = torch.tensor([[[0.9, 0.2], [0.1, 0.8], [0.6, 0.6]]], dtype=torch.float64)
    assert measure.majority(said, torch.tensor([1.0, 1.0])).tolist() == [[0.5, 0.5, 0.0]]


@pytest.mark.parametrize("chance", [0.0, 0.2, 0.45, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("voters", [1, 2, 5, 64, 128])
def test_the_binomial_tail_is_scipys(chance: float, voters: int):
    expected = binom.sf(voters // 2, voters, chance) + (0 if voters % 2 else 0.5 * binom.pmf(voters // 2, voters, chance))
    assert measure.binomial_tail(chance, voters) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_independent_voters_follow_the_tail(seed: int):
    at = torch.tensor([1, 2, 3, 8, 33])
    found = measure.independent_voters(0.3, at, 20_000, rng(seed))
    assert found.tolist() == pytest.approx([measure.binomial_tail(0.3, m) for m in at.tolist()], abs=0.015)


@pytest.mark.parametrize(("size", "drawn"), [(3, 3), (4, 2), (2, 5)])
def test_distinct_samples_by_enumeration(size: int, drawn: int):
    share = np.mean([len(set(bag)) / size for bag in product(range(size), repeat=drawn)])
    assert float(measure.distinct_share(size, drawn)) == pytest.approx(share, abs=1e-14)
    assert float(measure.distinct_share(10**6, 10**6)) == pytest.approx(1 - np.exp(-1), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_bags_hold_the_expected_part(seed: int):
    held = counts(bags(128, 50, 1.0, rng(seed)), 50)
    assert held.sum(1).tolist() == [50] * 128
    assert float((held > 0).double().mean()) == pytest.approx(float(measure.distinct_share(50, 50)), abs=0.015)
    assert counts(bags(3, 50, None, rng(seed)), 50).eq(1).all()
