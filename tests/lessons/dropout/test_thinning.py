"""Closed forms of dropout against enumeration of all masks, scikit-learn and SciPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from scipy import optimize
from sklearn.linear_model import Ridge
from torch import nn

from core.engine import MLP, generators, normals, spawn
from core.lessons.dropout import probes, ridge, thinning

float64 = torch.float64


def draws(*shape: int, seed: int = 0) -> torch.Tensor:
    return normals(generators([seed]), *shape, dtype=float64)[0]


def every_mask(n: int, p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """All masks [2^n, n] of n units with the probability [2^n] of each."""
    kept = torch.tensor(list(product((0.0, 1.0), repeat=n)), dtype=float64)
    return kept / (1 - p), ((1 - p) ** kept.sum(1)) * p ** (n - kept.sum(1))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_a_mask_keeps_the_expectation_and_has_the_variance(p):
    masks, weight = every_mask(5, p)
    x = draws(5)
    mean = (weight[:, None] * masks * x).sum(0)
    torch.testing.assert_close(mean, x, rtol=1e-12, atol=1e-12)
    variance = (weight[:, None] * (masks * x - x).square()).sum(0)
    torch.testing.assert_close(variance, thinning.mask_variance(p) * x.square(), rtol=1e-12, atol=1e-12)
    # What the engine draws, and what torch.nn draws: the same two values, the same moments.
    drawn = MLP((1, 200, 1)).masks(generators([1]), 500, p, float64)[0]
    torch.testing.assert_close(drawn.unique(), torch.tensor([0.0, 1 / (1 - p)], dtype=float64))
    assert float(drawn.mean()) == pytest.approx(1, abs=5 * (p / (1 - p) / drawn.numel()) ** 0.5)
    torch.testing.assert_close(nn.Dropout(p)(torch.ones(4000, dtype=float64)).unique(), drawn.unique())


def test_masks_may_drop_all_units_of_a_layer():
    """None is forced to be alive: of 2 units both are dropped with probability p²."""
    kept = MLP((1, 2, 1)).masks(generators([0]), 4000, 0.5)[0]
    share = float((kept.sum(1) == 0).double().mean())
    assert share == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.75])
def test_dropout_on_a_line_is_the_scaled_ridge(p):
    n, d = 12, 4
    x, y = draws(n, d, seed=2) * torch.tensor([1.0, 5.0, 0.2, 2.0], dtype=float64), draws(n, seed=3)
    masks, weight = every_mask(d, p)

    def expected(w):
        off = y.numpy() - (masks.numpy()[:, None] * x.numpy()) @ w  # [masks, n]
        return 0.5 * float((weight.numpy()[:, None] * off**2).sum())

    def penalised(w):
        off = y.numpy() - x.numpy() @ w
        return 0.5 * float((off**2).sum()) + 0.5 * p / (1 - p) * float((w**2 * (x.numpy() ** 2).sum(0)).sum())

    w = draws(d, seed=4).numpy()
    assert expected(w) == pytest.approx(penalised(w), rel=1e-12)
    found = thinning.dropout_ridge(x, y, p)
    best = optimize.minimize(expected, np.zeros(d), method="BFGS", options=dict(gtol=1e-10))
    np.testing.assert_allclose(found, best.x, rtol=1e-5, atol=1e-6)
    # On features of unit length, x/√Σx², it is an ordinary ridge of strength p/(1 − p).
    size = x.square().sum(0).sqrt()
    oracle = Ridge(alpha=max(p / (1 - p), 1e-12), fit_intercept=False, tol=1e-14).fit((x / size).numpy(), y.numpy())
    np.testing.assert_allclose(found, oracle.coef_ / size.numpy(), rtol=1e-8, atol=1e-9)


def test_thinned_copies_of_the_data_come_close_to_ridge_as_they_become_many():
    x, y = draws(40, 3, seed=5), draws(40, seed=6)
    exact, off = thinning.dropout_ridge(x, y, 0.4), []
    for copies in (10, 1000):
        root = generators(range(5))
        fits = [thinning.thinned_least_squares(x, y, 0.4, spawn([g] * copies)) for g in root]
        off.append(np.mean([float((fit - exact).norm()) for fit in fits]))
    assert off[1] < 0.2 * off[0]  # 1/10 in theory
    torch.testing.assert_close(thinning.thinned_least_squares(x, y, 0.0, root[:1]), torch.linalg.lstsq(x, y[:, None])[0][:, 0])


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_weight_scaling_of_a_softmax_layer_is_the_normalised_geometric_mean_of_all_thinned_nets(p):
    weight, bias, h = draws(4, 7, seed=7), draws(4, 1, seed=8), draws(7, 5, seed=9)
    masks, chance = every_mask(7, p)
    probability = torch.softmax(weight @ (masks[..., None] * h) + bias, 1)  # [128, 4, 5]
    product_ = (probability.log() * chance[:, None, None]).sum(0).exp()
    geometric = product_ / product_.sum(0)
    torch.testing.assert_close(geometric, torch.softmax(weight @ h + bias, 0), rtol=1e-12, atol=1e-12)
    arithmetic = (probability * chance[:, None, None]).sum(0)
    assert float((arithmetic - geometric).abs().max()) > 0.01
    if p == 0.5:  # all masks are equally likely
        found = thinning.geometric_mean(weight @ (masks[..., None] * h) + bias)
        torch.testing.assert_close(found.exp(), geometric, rtol=1e-12, atol=1e-12)


def test_weight_scaling_of_a_deep_net_is_not_the_geometric_mean():
    mlp = MLP((3, 5, 4, 3), "relu")
    theta, x = 3 * mlp.init(generators([1]), dtype=float64), draws(1, 3, 6, seed=10)
    masks, _ = every_mask(9, 0.5)
    many = [part[..., None] for part in masks.split([5, 4], 1)]
    logits = mlp.forward(theta.expand(len(masks), -1), x, masks=many)
    apart = thinning.centred(logits.mean(0)) - thinning.centred(mlp.forward(theta, x)[0])
    assert float(apart.abs().max()) > 0.01
    # Masks in the last hidden layer alone leave one softmax layer, and that is exact.
    last, _ = every_mask(4, 0.5)
    logits = probes.last_layer_logits(mlp, theta, x[0], last[..., None])
    torch.testing.assert_close(thinning.geometric_mean(logits), torch.log_softmax(mlp.forward(theta, x)[0], 0), rtol=1e-10,
                               atol=1e-12)


def test_distance_by_count_is_that_of_a_plain_loop():
    values, reference = draws(12, 2, 3, seed=11), draws(2, 3, seed=12)
    found = thinning.distance_by_count(values, reference, (1, 5, 12))
    for count, distance in zip((1, 5, 12), found, strict=True):
        blocks = [values[i : i + count].mean(0) - reference for i in range(0, 12 - count + 1, count)]
        assert float(distance) == pytest.approx(float(torch.stack(blocks).square().mean().sqrt()), rel=1e-12)
    with pytest.raises(ValueError, match="counts"):
        thinning.distance_by_count(values, reference, (13,))


def test_the_diabetes_fits_lie_on_the_closed_form():
    for seed in range(5):
        fits = ridge.fits(generators([seed])[0])
        at = [int((fits.p - p).abs().argmin()) for p in fits.fitted]
        assert float((fits.measured - fits.theory[at]).abs().max()) < 0.04
        assert float((fits.measured[0] - fits.theory[0]).abs().max()) < 1e-9
    assert (fits.theory.norm(dim=1).diff() < 0).all()
