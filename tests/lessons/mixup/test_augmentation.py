"""Beta draws against SciPy, mixing against its formula, and the randomness against the rules of the house."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from scipy.integrate import quad
from torch import Tensor

from core.engine import Generators, generators, uniforms
from core.lessons.mixup.augmentation import (
    Mixup,
    beta_density,
    beta_variance,
    label_entropy,
    mix_pairs,
    one_hot,
    symmetric_beta,
)

ALPHAS = (0.05, 0.2, 0.5, 1.0, 2.0, 20.0)


def beta_draws(alpha: float, n: int, rngs: Generators) -> Tensor:
    """λ [K, n] of Beta(α, α), row k from rngs[k], float64."""
    u, v = uniforms(rngs, 2, n, dtype=torch.float64).unbind(1)
    return symmetric_beta(alpha, u, v)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_draws_have_the_distribution_of_beta(alpha: float):
    draws = beta_draws(alpha, 20_000, generators(range(3)))
    assert ((draws >= 0) & (draws <= 1)).all()
    # Draws near 1 round to it, as they must in floating point; those below ½ keep every digit. The rest is symmetry.
    for row in draws.numpy():
        low = row[row < 0.5]
        assert stats.kstest(low, lambda s: 2 * stats.beta(alpha, alpha).cdf(s)).pvalue > 1e-4
        assert stats.binomtest(len(low), len(row)).pvalue > 1e-4
        if alpha >= 0.2:
            assert stats.kstest(low, 1 - row[row >= 0.5]).pvalue > 1e-4


@pytest.mark.parametrize("wrong", [0.9, 1.1])
def test_the_distribution_test_can_tell_a_neighbour(wrong: float):
    row = beta_draws(0.5, 20_000, generators([0]))[0].numpy()
    assert stats.kstest(row, stats.beta(0.5 * wrong, 0.5 * wrong).cdf).pvalue < 1e-4


@pytest.mark.parametrize("alpha", ALPHAS)
def test_variance_and_symmetry(alpha: float):
    draws = beta_draws(alpha, 100_000, generators([7]))[0]
    assert beta_variance(alpha) == pytest.approx(stats.beta(alpha, alpha).var(), rel=1e-12)
    # The variance of a sample variance is (μ₄ − σ⁴)/n, with the kurtosis below 3: five of its deviations.
    assert draws.var().item() == pytest.approx(beta_variance(alpha), rel=5 * math.sqrt(2 / 100_000))
    assert draws.mean().item() == pytest.approx(0.5, abs=5 * math.sqrt(beta_variance(alpha) / 100_000))


def test_a_vanishing_alpha_is_a_coin_and_a_huge_one_a_half():
    u, v = torch.rand(2, 50_000, generator=generators([0])[0], dtype=torch.float64)
    coin = symmetric_beta(0.0, u, v)
    assert set(coin.tolist()) == {0.0, 1.0} and coin.mean().item() == pytest.approx(0.5, abs=0.012)
    assert torch.equal(symmetric_beta(1e-12, u, v), coin)
    assert (symmetric_beta(1e8, u, v) - 0.5).abs().max() < 1e-3
    # At α = ½ the method is the arcsine law, whose quantile function is sin²(πu/2).
    assert stats.kstest(symmetric_beta(0.5, u, v).numpy(), "arcsine").pvalue > 1e-4


def test_edges_of_the_uniforms_are_no_trouble():
    u = torch.tensor([0.0, 0.0, 1 - 2**-53, 2**-1074], dtype=torch.float64)
    v = torch.tensor([0.0, 0.25, 0.25, 0.5], dtype=torch.float64)
    for alpha in (0.0, 1e-3, 1.0, 1e3):
        assert symmetric_beta(alpha, u, v).isfinite().all()


@pytest.mark.parametrize("alpha", ALPHAS)
def test_density_and_entropy_agree_with_scipy(alpha: float):
    at = torch.linspace(0.01, 0.99, 50)
    wanted = torch.from_numpy(stats.beta(alpha, alpha).pdf(at.double().numpy()))
    assert torch.allclose(beta_density(alpha, at), wanted, rtol=1e-10)

    def integrand(s: float) -> float:  # λ = sin²(s) takes the poles of the density away
        share = math.sin(s) ** 2
        if not 0 < share < 1:
            return 0.0
        entropy = -share * math.log(share) - (1 - share) * math.log1p(-share)
        return entropy * stats.beta(alpha, alpha).pdf(share) * 2 * math.sin(s) * math.cos(s)

    assert label_entropy(alpha) == pytest.approx(quad(integrand, 0, math.pi / 2, limit=200)[0], rel=1e-5)


def test_mixing_is_exact_at_both_ends():
    a, b = torch.randn(2, 1000, generator=generators([1])[0])
    assert torch.equal(mix_pairs(a, b, 1.0), a) and torch.equal(mix_pairs(a, b, 0.0), b)
    assert torch.equal(mix_pairs(a, b, torch.tensor(0.5)), 0.5 * a + 0.5 * b)


def test_one_hot_puts_classes_before_samples():
    labels = torch.tensor([[0, 2, 1]])
    assert one_hot(labels, 3).tolist() == [[[1, 0, 0], [0, 0, 1], [0, 1, 0]]]


def batch(models: int, n: int) -> tuple[Tensor, Tensor]:
    x, labels = torch.randn(4, n, generator=generators([5])[0]), torch.arange(n) % 3
    return x.expand(models, 4, n), one_hot(labels, 3).expand(models, 3, n)


def test_inputs_and_labels_share_partner_and_lambda():
    x, y = batch(2, 30)
    mixup = Mixup(torch.tensor([0.7, 2.0]))
    mixed_x, mixed_y = mixup(x, y, generators([0, 1]))
    for k in range(2):
        j, share = mixup.partner[k], mixup.share[k]
        assert sorted(j.tolist()) == list(range(30))
        assert torch.equal(mixed_x[k], share * x[k] + (1 - share) * x[k][:, j])
        assert torch.equal(mixed_y[k], share * y[k] + (1 - share) * y[k][:, j])
    assert torch.allclose(mixed_y.sum(1), torch.ones(2, 30), atol=1e-6)
    assert not torch.equal(mixup.partner[0], mixup.partner[1])


def test_a_row_that_does_not_mix_is_left_bit_for_bit():
    x, y = batch(2, 30)
    mixed_x, mixed_y = Mixup(torch.ones(2), torch.tensor([False, True]))(x, y, generators([0, 0]))
    assert torch.equal(mixed_x[0], x[0]) and torch.equal(mixed_y[0], y[0])
    assert not torch.equal(mixed_x[1], x[1])


def test_alpha_zero_is_the_batch_and_its_permutation():
    x, y = batch(1, 40)
    mixup = Mixup(torch.zeros(1))
    mixed_x, mixed_y = mixup(x, y, generators([3]))
    origin = torch.where(mixup.share[0] == 1, torch.arange(40), mixup.partner[0])
    assert torch.equal(mixed_x[0], x[0][:, origin]) and torch.equal(mixed_y[0], y[0][:, origin])


def test_rows_are_private_repeatable_and_new_at_every_batch():
    x, y = batch(2, 20)

    def three(seeds: list[int], alpha: list[float], sizes: tuple[int, ...] = (20, 20, 20)) -> list[Tensor]:
        mixup, rngs = Mixup(torch.tensor(alpha), ahead=2), generators(seeds)
        return [mixup(x[: len(seeds), :, :n], y[: len(seeds), :, :n], rngs)[0] for n in sizes]

    before = torch.get_rng_state()
    together, alone = three([4, 9], [1.0, 1.0]), three([9], [1.0])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a[1], b[0]) for a, b in zip(together, alone, strict=True))
    assert not torch.equal(alone[0], alone[1]) and not torch.equal(alone[0], alone[2])
    assert [t.shape[-1] for t in three([4], [1.0], (20, 7, 20))] == [20, 7, 20]


def test_equal_seeds_have_equal_partners_whatever_alpha():
    x, y = batch(2, 50)
    mixup = Mixup(torch.tensor([0.2, 5.0]))
    mixup(x, y, generators([8, 8]))
    assert torch.equal(mixup.partner[0], mixup.partner[1])
    # The same draws, drawn towards one half: no λ changes sides.
    assert ((mixup.share[0] - 0.5) * (mixup.share[1] - 0.5) >= 0).all()
    assert ((mixup.share[0] - 0.5).abs() >= (mixup.share[1] - 0.5).abs()).all()
