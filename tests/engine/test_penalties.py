"""Penalties against closed forms, the proximal map against its definition."""

import pytest
import torch

from core.engine import (
    L1,
    L2,
    MLP,
    ElasticNet,
    autograd_gradient,
    generators,
    max_norm,
    normals,
    soft_threshold,
)

float64 = torch.float64
THETA = normals(generators([0, 1, 2]), 9, dtype=float64)
STRENGTHS = torch.tensor([0.0, 0.5, 2.0], dtype=float64)


def test_closed_forms():
    torch.testing.assert_close(L2(3.0).value(THETA), 1.5 * THETA.square().sum(1))
    torch.testing.assert_close(L2(3.0).gradient(THETA), 3 * THETA)
    torch.testing.assert_close(L1(3.0).value(THETA), 3 * THETA.abs().sum(1))
    torch.testing.assert_close(L1(STRENGTHS).gradient(THETA), STRENGTHS[:, None] * THETA.sign())


@pytest.mark.parametrize(
    "penalty", [L1(STRENGTHS), L2(STRENGTHS), ElasticNet(STRENGTHS, 0.3), ElasticNet(0.2)]
)
def test_gradients_and_masks(penalty):
    mask = torch.tensor([1.0, 0, 1, 1, 0, 0, 1, 1, 1], dtype=float64)
    value, grad = autograd_gradient(lambda t: penalty.value(t, mask), THETA)
    torch.testing.assert_close(penalty.gradient(THETA, mask), grad)
    assert grad[:, mask == 0].eq(0).all()
    torch.testing.assert_close(penalty.value(THETA * mask), value)


def test_elastic_net_spans_l1_and_l2():
    torch.testing.assert_close(ElasticNet(0.7, 1.0).value(THETA), L1(0.7).value(THETA))
    torch.testing.assert_close(ElasticNet(0.7, 0.0).gradient(THETA), L2(0.7).gradient(THETA))


def test_subgradient_at_zero_is_zero():
    assert L1(1.0).gradient(torch.zeros(1, 3)).eq(0).all()


def test_weight_mask_leaves_biases_gammas_and_betas_free():
    mlp = MLP((2, 4, 1), norm="batch")
    assert mlp.weight_mask().sum() == 2 * 4 + 4
    assert mlp.weight_mask()[mlp.layout["bias1"].part].eq(0).all()


def test_soft_threshold_minimises_its_objective_with_exact_zeros():
    w = torch.tensor([-2.0, -0.5, 0.0, 0.4, 0.5, 3.0], dtype=float64)
    shrunk = soft_threshold(w, 0.5)
    assert torch.equal(shrunk, torch.tensor([-1.5, 0, 0, 0, 0, 2.5], dtype=float64))
    grid = torch.linspace(-4, 4, 8001, dtype=float64)
    objective = 0.5 * (grid[:, None] - w).square() + 0.5 * grid.abs()[:, None]
    torch.testing.assert_close(grid[objective.argmin(0)], shrunk, rtol=0, atol=1.1e-3)
    rows = soft_threshold(w.expand(2, -1), torch.tensor([[0.0], [10.0]], dtype=float64))
    assert torch.equal(rows[0], w) and rows[1].eq(0).all()


def test_max_norm_scales_only_long_rows():
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    torch.testing.assert_close(max_norm(weight, 1.0), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: L2(-1.0), "strength"),
        (lambda: L1(torch.tensor([1.0, float("nan")])), "strength"),
        (lambda: ElasticNet(1.0, 1.5), "l1_ratio"),
    ],
)
def test_errors_name_the_field(make, field):
    with pytest.raises(ValueError, match=f"^{field}="):
        make()
