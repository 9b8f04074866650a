"""Calibration against loops in numpy, scikit-learn, and nets that are calibrated by construction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from torch import Generator

from core.calibration import expected_calibration_error, reliability


def predictions(models: int, classes: int, n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = Generator().manual_seed(seed)
    logits = 2 * torch.randn(models, classes, n, generator=generator, dtype=torch.float64)
    return logits.softmax(1), torch.randint(classes, (n,), generator=generator)


def oracle(p_Cn: np.ndarray, labels_n: np.ndarray, bins: int) -> tuple[float, list[tuple[float, float, int]]]:
    rows, ece = [], 0.0
    confidence, right = p_Cn.max(0), p_Cn.argmax(0) == labels_n
    for b in range(bins):
        inside = (confidence > b / bins) & (confidence <= (b + 1) / bins)
        rows.append((confidence[inside].mean(), right[inside].mean(), int(inside.sum())) if inside.any()
                    else (np.nan, np.nan, 0))
        if inside.any():
            ece += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return ece, rows


@pytest.mark.parametrize(("classes", "bins"), [(2, 10), (10, 15), (3, 1)])
def test_bins_and_error_are_those_of_a_loop(classes: int, bins: int):
    p, labels = predictions(3, classes, 500)
    curve, ece = reliability(p, labels, bins), expected_calibration_error(p, labels, bins)
    for k in range(3):
        wanted, rows = oracle(p[k].numpy(), labels.numpy(), bins)
        assert ece[k].item() == pytest.approx(wanted, abs=1e-12)
        got = torch.stack([curve.confidence[k], curve.accuracy[k], curve.count[k].double()], 1).numpy()
        np.testing.assert_allclose(got, np.array(rows, dtype=float), atol=1e-12)


def test_two_classes_may_be_given_as_one_row():
    p, labels = predictions(2, 2, 200)
    assert torch.equal(expected_calibration_error(p[:, 1:], labels), expected_calibration_error(p, labels))


def test_curve_agrees_with_scikit_learn():
    p, labels = predictions(1, 4, 800)
    confidence, predicted = p[0].max(0)
    curve = reliability(p[0], labels, 8)
    accuracy, mean = calibration_curve((predicted == labels).numpy(), confidence.numpy(), n_bins=8)
    full = curve.count > 0
    np.testing.assert_allclose(curve.accuracy[full], accuracy, atol=1e-12)
    np.testing.assert_allclose(curve.confidence[full], mean, atol=1e-12)


def test_a_net_that_draws_its_labels_is_calibrated_and_an_overconfident_one_is_not():
    generator = Generator().manual_seed(3)
    p1 = torch.rand(200_000, generator=generator, dtype=torch.float64)
    labels = (torch.rand(200_000, generator=generator, dtype=torch.float64) < p1).long()
    honest = torch.stack([1 - p1, p1])
    boastful = (3 * honest.log()).softmax(0)
    # Fifteen bins of 13,000 samples each miss by about √(2/π)·√(p(1 − p)/13,000), at most 0.4 %.
    assert expected_calibration_error(honest, labels) < 0.006
    assert expected_calibration_error(boastful, labels) > 0.1


def test_labels_of_each_model_and_certainty():
    p = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]])
    labels = torch.tensor([[0, 1], [1, 0]])
    assert expected_calibration_error(p, labels).tolist() == [0.0, 1.0]


def test_what_diverged_stays_not_a_number_and_no_bins_are_refused():
    p, labels = predictions(2, 2, 20)
    p[1] = torch.nan
    ece = expected_calibration_error(p, labels)
    assert ece[0].isfinite() and ece[1].isnan()
    with pytest.raises(ValueError, match="bins=0"):
        reliability(p, labels, 0)
