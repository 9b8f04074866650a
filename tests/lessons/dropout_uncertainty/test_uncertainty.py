"""`core.lessons.dropout_uncertainty.uncertainty` against enumeration, NumPy and SciPy."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial import cKDTree

from core.engine import MLP, generators
from core.lessons.dropout_uncertainty import uncertainty


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generators([seed])[0], dtype=torch.float64)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_running_spread_is_numpys(offset):
    passes = draws(12, 5) + offset
    counts = [2, 3, 7, 12]
    mean, std = uncertainty.running_spread(passes, counts)
    for f, c in enumerate(counts):
        np.testing.assert_allclose(mean[f], passes[:c].numpy().mean(0), rtol=1e-13)
        np.testing.assert_allclose(std[f], passes[:c].numpy().std(0, ddof=1), rtol=1e-8)
    assert uncertainty.running_spread(passes, [1])[1].isnan().all()
    assert (uncertainty.running_spread(passes[:1].expand(4, -1), [4])[1] == 0).all()
    with pytest.raises(ValueError, match="counts"):
        uncertainty.running_mean(passes, [13])


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_mutual_information_is_the_mean_divergence(classes):
    logits = 3 * draws(9, classes, 6)
    p = torch.sigmoid(logits) if classes == 1 else logits.softmax(1)
    both = torch.cat([1 - p, p], 1).numpy() if classes == 1 else p.numpy()
    parts = uncertainty.entropies(p, [4, 9])
    for f, c in enumerate((4, 9)):
        mean = both[:c].mean(0)
        divergence = np.mean([stats.entropy(q, mean, axis=0) for q in both[:c]], 0)
        np.testing.assert_allclose(parts.mutual[f].numpy(), divergence, atol=1e-13)
        np.testing.assert_allclose(parts.total[f], stats.entropy(mean, axis=0), atol=1e-13)
        np.testing.assert_allclose(parts.total[f], parts.expected[f].numpy() + divergence, atol=1e-13)


def test_entropies_at_the_ends():
    agree = uncertainty.entropies(torch.tensor([0.3]).expand(5, 1, 1))
    assert abs(float(agree.mutual)) < 1e-15
    differ = uncertainty.entropies(torch.tensor([0.0, 1.0])[:, None, None])
    assert float(differ.expected) == 0
    assert abs(float(differ.total) - np.log(2)) < 1e-15


def test_error_of_mean_is_the_average_over_all_subsets():
    passes, target = draws(7, 4), draws(4, seed=1)
    for T in (1, 3, 6, 7):
        brute = np.mean([float((passes[list(s)].mean(0) - target).square().mean()) for s in combinations(range(7), T)])
        assert abs(float(uncertainty.error_of_mean(passes, target, [T])[0]) ** 2 - brute) < 1e-13


def test_distance_from_limit_falls_as_one_over_root_T():
    counts = (1, 2, 4, 8, 16, 32)
    measured, theory = uncertainty.distance_from_limit(draws(4096, 64), counts)
    np.testing.assert_allclose(measured, theory, rtol=0.05)
    slope = np.polyfit(np.log(counts), np.log(measured.numpy()), 1)[0]
    assert abs(slope + 0.5) < 0.02


def one_layer(seed: int, width: int = 7) -> tuple[MLP, torch.Tensor, torch.Tensor]:
    mlp = MLP(sizes=(1, width, 1), activation="relu")
    return mlp, mlp.init(generators([seed]), dtype=torch.float64), torch.linspace(-5, 5, 101, dtype=torch.float64)[None]


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5])
def test_dropout_variance_is_that_of_every_mask(rate):
    mlp, theta, x = one_layer(3)
    masks = torch.tensor(list(product([0.0, 1.0], repeat=7)), dtype=torch.float64)
    weight = (rate ** (1 - masks) * (1 - rate) ** masks).prod(1)[:, None]
    out = mlp.forward(theta.expand(len(masks), -1), x[None], masks=[masks[:, :, None] / (1 - rate)])[:, 0]
    mean = (weight * out).sum(0)
    torch.testing.assert_close(mean, mlp.forward(theta, x[None])[0, 0], rtol=1e-12, atol=1e-12)  # weight scaling is exact
    variance = (weight * (out - mean).square()).sum(0)
    torch.testing.assert_close(uncertainty.dropout_variance(mlp, theta[0], x, rate), variance, rtol=1e-11, atol=1e-13)


def test_dropout_variance_of_one_relu_layer_is_convex():
    for seed in range(5):
        mlp, theta, x = one_layer(seed, 32)
        variance = uncertainty.dropout_variance(mlp, theta[0], x, 0.2)
        assert float(variance.diff(n=2).min()) >= -1e-12
        assert float(variance.sqrt().diff(n=2).min()) >= -1e-12
    with pytest.raises(ValueError, match="one plain hidden layer"):
        uncertainty.dropout_variance(MLP(sizes=(1, 4, 4, 1)), torch.zeros(33), x, 0.1)


def test_distance_and_bins():
    points, data = draws(2, 40), draws(2, 15, seed=1)
    distance = uncertainty.distance_to_data(points, data)
    np.testing.assert_allclose(distance, cKDTree(data.T.numpy()).query(points.T.numpy())[0], rtol=1e-10)
    values = draws(3, 40, seed=2)
    binned = uncertainty.by_distance(distance, values, 0.25, 5)
    for b in range(5):
        inside = (distance >= 0.25 * b) & (distance < 0.25 * (b + 1))
        if inside.any():
            torch.testing.assert_close(binned[:, b], values[:, inside].mean(1))
        else:
            assert binned[:, b].isnan().all()


def test_coverage_is_scipys_and_right_when_the_model_is():
    levels = torch.tensor([0.1, 0.5, 0.9])
    truth = draws(6)
    right = uncertainty.coverage(truth, torch.zeros(6), 0.3, truth, levels)
    torch.testing.assert_close(right, levels.double()[:, None].expand(3, 6))
    mean, spread = truth + 0.4 * draws(6, seed=1), draws(6, seed=2).abs()
    got = uncertainty.coverage(mean, spread, 0.3, truth, levels)
    for q, level in enumerate(levels.double().tolist()):
        low, high = stats.norm.interval(level, loc=mean, scale=np.sqrt(spread.numpy() ** 2 + 0.09))
        want = stats.norm.cdf(high, truth, 0.3) - stats.norm.cdf(low, truth, 0.3)
        np.testing.assert_allclose(got[q], want, atol=1e-12)
