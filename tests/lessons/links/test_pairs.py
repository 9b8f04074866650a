"""Exact pairs to 1e-6 and better, approximate ones with the order of their error."""

import math

import pytest
import torch
from sklearn.linear_model import Ridge

from core.lessons.links import classes, linear


def problem(seed: int, count: int = 40, width: int = 5):
    generator = torch.Generator().manual_seed(seed)
    x, w, e = (torch.randn(*s, generator=generator, dtype=torch.float64) for s in ((count, width), (width,), (count,)))
    return x, x @ w + 0.5 * e


def slope(sizes, errors) -> float:
    return math.log(errors[-1] / errors[0]) / math.log(sizes[-1] / sizes[0])


@pytest.mark.parametrize("seed", range(5))
def test_exact_linear_pairs(seed):
    x, y = problem(seed)
    oracle = torch.from_numpy(Ridge(alpha=len(x) * 0.3, fit_intercept=False).fit(x.numpy(), y.numpy()).coef_)
    assert torch.allclose(linear.ridge(x, y, 0.3), oracle, atol=1e-10)
    dropped = linear.dropped_inputs(x, y, 0.7)
    assert torch.allclose(dropped, linear.ridge(x, y, linear.dropout_penalty(x, 0.7)), atol=1e-10)
    posterior = linear.posterior_mean(x, y, noise=0.5, prior=0.8)
    assert torch.allclose(posterior, linear.ridge(x, y, 0.25 / 0.64 / len(x)), atol=1e-10)


def test_input_noise_is_ridge_at_half_order():
    x, y = problem(0)
    sizes, errors = (16, 4096), []
    for copies in sizes:
        tries = [torch.randn(copies, *x.shape, generator=torch.Generator().manual_seed(s), dtype=torch.float64) for s in range(8)]
        gaps = [linear.noisy_inputs(x, y, 0.6 * noise) - linear.ridge(x, y, 0.36) for noise in tries]
        errors.append(torch.stack(gaps).square().mean().sqrt().item())
    assert -0.65 < slope(sizes, errors) < -0.35


def test_tying_is_sharing_at_first_order():
    first, second = problem(1), problem(2)
    sizes = (1e3, 1e5)
    errors = [(linear.tied(first, second, s) - linear.shared(first, second)).norm().item() for s in sizes]
    assert slope(sizes, errors) == pytest.approx(-1, abs=0.01)


def test_flow_is_ridge_at_second_order_and_risk_stays_under_the_factor():
    x, _ = problem(3)
    curvatures = torch.linalg.eigvalsh(x.T @ x / len(x))
    times = torch.logspace(-4, 4, 400, dtype=torch.float64)[:, None]
    flow, ridge = linear.flow_filter(curvatures, times), linear.ridge_filter(curvatures, times)
    gaps = (flow - ridge).norm(dim=1)
    assert slope((times[0].item(), times[50].item()), (gaps[0].item(), gaps[50].item())) == pytest.approx(2, abs=0.05)
    for noise in (0.1, 1.0, 10.0):
        ratio = linear.risk(flow, curvatures, 1, noise, 40) / linear.risk(ridge, curvatures, 1, noise, 40)
        assert ratio.max() <= linear.RISK_FACTOR


def test_thinned_softmax_layers_average_to_halved_weights():
    x, _ = problem(4)
    weights = torch.randn(5, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    assert torch.allclose(
        classes.geometric_ensemble(x, weights, linear.all_masks(5)), torch.softmax(x @ weights / 2, -1), atol=1e-12
    )


def test_smoothing_is_a_divergence_and_the_confidence_penalty_at_third_order():
    logits = problem(5)[0]
    labels = torch.arange(40) % 5
    plain = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    smooth = torch.nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.2)
    assert torch.allclose(classes.smoothed_loss(logits, labels, 0.2), smooth, atol=1e-12)
    added = 0.8 * plain + 0.2 * (classes.divergence_from_uniform(logits) + math.log(5))
    assert torch.allclose(added, smooth, atol=1e-12)
    sizes = (1e-2, 1e-1)
    gaps = [(classes.divergence_from_uniform(s * logits) - classes.confidence_penalty(s * logits)).norm().item() for s in sizes]
    assert slope(sizes, gaps) == pytest.approx(3, abs=0.1)


def test_mixup_of_a_linear_model_with_a_bias_is_least_squares():
    """Oracle: every ordered pair mixed with λ 0.2 or 0.8 at equal odds, whose λ(1 - λ) is 0.16."""
    x, y = problem(6, count=12, width=3)
    design = torch.cat([x, torch.ones(12, 1, dtype=torch.float64)], 1)
    rows = [
        (s * design[i] + (1 - s) * design[j], s * y[i] + (1 - s) * y[j]) for i in range(12) for j in range(12) for s in (0.2, 0.8)
    ]
    pairs = torch.linalg.lstsq(torch.stack([r for r, _ in rows]), torch.stack([t for _, t in rows])[:, None]).solution[:, 0]
    assert torch.allclose(linear.mixed(x, y, 0.16), pairs, atol=1e-10)
    assert torch.allclose(pairs, torch.linalg.lstsq(design, y[:, None]).solution[:, 0], atol=1e-10)
