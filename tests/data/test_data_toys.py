"""Toy problems: reproducible, private to their generator, and distributed as they say."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator

from core.data import toys

MEANS = torch.tensor([[0.0, 0.0], [2.0, 1.0]])
COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 2.0]])

CLASSIFIERS = {
    "two_moons": (lambda n, g: toys.two_moons(n, 0.1, g), 2),
    "circles": (lambda n, g: toys.circles(n, 0.1, g), 2),
    "spirals": (lambda n, g: toys.spirals(n, 0.02, g, classes=3), 3),
    "xor": (lambda n, g: toys.xor(n, 0.3, g), 2),
    "blobs": (lambda n, g: toys.blobs(n, 0.5, g, classes=5), 5),
    "gaussian_classes": (lambda n, g: toys.gaussian_classes(n, MEANS, COVARIANCE, g), 2),
}
CURVES = {
    "gap_regression": lambda n, g: toys.gap_regression(n, 0.1, (-1.0, 1.5), g),
    "noisy_sine": lambda n, g: toys.noisy_sine(n, 0.1, g),
}
ALL = {name: draw for name, (draw, _) in CLASSIFIERS.items()} | CURVES


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("name", ALL)
def test_reproducible_and_private(name: str):
    before = torch.get_rng_state()
    first, again, other = ALL[name](50, seeded()), ALL[name](50, seeded()), ALL[name](50, seeded(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("n", [1, 2, 101])
def test_features_first_and_balanced(name: str, n: int):
    draw, classes = CLASSIFIERS[name]
    x_2N, y_N = draw(n, seeded())
    assert x_2N.shape == (2, n) and x_2N.dtype == torch.float32
    assert y_N.shape == (n,) and y_N.dtype == torch.int64
    counts = torch.bincount(y_N, minlength=classes)
    # xor draws its four corners evenly, so its two classes may be two apart.
    assert len(counts) == classes and counts.max() - counts.min() <= 2


def test_moons_without_noise_lie_on_their_arcs():
    x_2N, y_N = toys.two_moons(400, 0.0, seeded())
    upper, lower = x_2N[:, y_N == 0], x_2N[:, y_N == 1] - torch.tensor([[1.0], [0.5]])
    assert torch.allclose(upper.norm(dim=0), torch.ones(200), atol=1e-5) and (upper[1] > -1e-5).all()
    assert torch.allclose(lower.norm(dim=0), torch.ones(200), atol=1e-5) and (lower[1] < 1e-5).all()


def test_noise_is_a_standard_deviation():
    clean, _ = toys.circles(20000, 0.0, seeded())
    noisy, _ = toys.circles(20000, 0.2, seeded())
    assert (noisy - clean).std().item() == pytest.approx(0.2, rel=0.02)


def test_circles_and_spirals_without_noise():
    x_2N, y_N = toys.circles(100, 0.0, seeded(), ratio=0.3)
    assert torch.allclose(x_2N.norm(dim=0), torch.where(y_N == 0, 1.0, 0.3), atol=1e-5)
    x_2N, y_N = toys.spirals(300, 0.0, seeded(), classes=2, turns=1.0)
    radius_N = x_2N.norm(dim=0)
    assert 0.1 <= radius_N.min() and radius_N.max() <= 1.0001
    angle_N = 2 * math.pi * ((radius_N - 0.1) / 0.9 + y_N / 2)
    assert torch.allclose(x_2N, radius_N * torch.stack([angle_N.cos(), angle_N.sin()]), atol=1e-4)


def test_xor_is_the_sign_of_the_product():
    x_2N, y_N = toys.xor(200, 0.0, seeded())
    assert torch.equal(y_N, (x_2N[0] * x_2N[1] < 0).long())


def test_gaussian_classes_have_their_moments():
    covariance_CDD = torch.stack([COVARIANCE, torch.eye(2) * 0.25])
    x_2N, y_N = toys.gaussian_classes(40000, MEANS, covariance_CDD, seeded())
    for label in (0, 1):
        part = x_2N[:, y_N == label]
        assert torch.allclose(part.mean(dim=1), MEANS[label], atol=0.03)
        assert torch.allclose(torch.cov(part), covariance_CDD[label], atol=0.05)


def test_posterior_is_the_known_logistic():
    x_2N, _ = toys.gaussian_classes(500, MEANS, COVARIANCE, seeded())
    posterior_CN = toys.gaussian_posterior(x_2N, MEANS, COVARIANCE)
    weight = torch.linalg.solve(COVARIANCE.double(), (MEANS[1] - MEANS[0]).double())
    logit_N = weight @ (x_2N.double() - MEANS.double().mean(dim=0)[:, None])
    assert torch.allclose(posterior_CN[1], logit_N.sigmoid(), atol=1e-6)
    assert torch.allclose(posterior_CN.sum(dim=0), torch.ones(500, dtype=torch.float64))


def test_posterior_is_calibrated():
    covariance_CDD = torch.stack([COVARIANCE, torch.eye(2) * 0.5])
    x_2N, y_N = toys.gaussian_classes(40000, MEANS, covariance_CDD, seeded())
    p_N = toys.gaussian_posterior(x_2N, MEANS, covariance_CDD)[1]
    for low in (0.1, 0.4, 0.7):
        inside = (p_N >= low) & (p_N < low + 0.2)
        assert y_N[inside].double().mean().item() == pytest.approx(p_N[inside].mean().item(), abs=0.03)


def test_blobs_sit_on_their_centres():
    x_2N, y_N = toys.blobs(3000, 0.1, seeded(), classes=3, radius=2.0)
    centres_CD = toys.blob_centres(3)
    assert torch.allclose(centres_CD[0], torch.tensor([0.0, 2.0]))
    for label in range(3):
        assert torch.allclose(x_2N[:, y_N == label].mean(dim=1), centres_CD[label], atol=0.02)
    best_N = toys.gaussian_posterior(x_2N, centres_CD, 0.01 * torch.eye(2)).argmax(dim=0)
    assert torch.equal(best_N, y_N)


@pytest.mark.parametrize("name", CURVES)
def test_curves_follow_their_truth(name: str):
    curve = CURVES[name](20000, seeded())
    assert curve.x_1N.shape == curve.y_1N.shape == (1, 20000) and curve.x_1N.dtype == torch.float32
    residual = curve.y_1N - curve.truth(curve.x_1N)
    assert abs(residual.mean().item()) < 0.005 and residual.std().item() == pytest.approx(0.1, rel=0.03)


def test_the_gap_is_empty_and_the_rest_is_even():
    x_1N = toys.gap_regression(20000, 0.1, (-1.0, 1.5), seeded()).x_1N
    assert not ((x_1N > -1.0) & (x_1N < 1.5)).any()
    assert -4 <= x_1N.min() < -3.99 and 3.99 < x_1N.max() <= 4
    assert (x_1N < 0).float().mean().item() == pytest.approx(3 / 5.5, abs=0.015)


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_flipped_labels_are_exactly_as_many_and_always_wrong(fraction: float):
    y_N = torch.randint(0, 5, (1000,), generator=seeded())
    before = y_N.clone()
    flipped_N = toys.flip_labels(y_N, fraction, 5, seeded(1))
    assert torch.equal(y_N, before), "the given labels must stay as they are"
    assert (flipped_N != y_N).sum() == round(1000 * fraction)
    assert 0 <= flipped_N.min() and flipped_N.max() <= 4


def test_flips_go_to_every_other_class_alike():
    flipped_N = toys.flip_labels(torch.zeros(8000, dtype=torch.int64), 1.0, 5, seeded())
    counts = torch.bincount(flipped_N, minlength=5)
    assert counts[0] == 0 and (counts[1:] - 2000).abs().max() < 200


@pytest.mark.parametrize("n", [1, 10, 1797])
@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.1), (1 / 3, 1 / 3, 1 / 3), (0.5, 0.25), (0.0, 1.0)])
def test_split_is_disjoint_and_complete(n: int, fractions: tuple[float, ...]):
    parts = toys.split(n, fractions, seeded())
    used = torch.cat(parts)
    assert len(parts) == len(fractions)
    assert len(used.unique()) == len(used) == round(n * sum(fractions))
    assert all(abs(len(part) - n * f) <= 1 for part, f in zip(parts, fractions, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(parts, toys.split(n, fractions, seeded()), strict=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda: toys.two_moons(0, 0.1, seeded()),
        lambda: toys.two_moons(10, -0.1, seeded()),
        lambda: toys.gap_regression(10, 0.1, (-5.0, 1.0), seeded()),
        lambda: toys.gap_regression(10, 0.1, (-4.0, 4.0), seeded()),
        lambda: toys.flip_labels(torch.zeros(3, dtype=torch.int64), 1.5, 2, seeded()),
        lambda: toys.split(10, (0.8, 0.3), seeded()),
    ],
)
def test_impossible_requests_are_refused(call):
    with pytest.raises(ValueError, match=r"must|not|lie|sum|at least|between|gap"):
        call()
