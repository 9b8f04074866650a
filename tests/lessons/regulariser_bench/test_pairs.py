"""Choosing and comparing, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.pairs import MARGIN, Interval


@pytest.fixture
def losses() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(0)
    val, test = torch.rand(2, 7, 6, 5, generator=g)
    return val, test


def test_validation_chooses_and_test_reports(losses: tuple[torch.Tensor, torch.Tensor]):
    val, test = losses
    v, t = val.numpy(), test.numpy()
    for r in range(7):
        np.testing.assert_array_equal(pairs.choose(val[r]), v[r].argmin(0))
        assert pairs.final(val, test)[r].tolist() == [t[r, v[r, :, s].argmin(), s] for s in range(5)]
        for s in range(5):
            at, trial = np.unravel_index(v[: r + 1, :, s].argmin(), (r + 1, 6))
            assert float(pairs.best(val, test)[r, s]) == t[at, trial, s]


def test_no_choice_sees_a_test_loss(losses: tuple[torch.Tensor, torch.Tensor]):
    """What is reported of other test losses is at the same places."""
    val, test = losses
    places = torch.arange(7 * 6 * 5, dtype=torch.float32).reshape(7, 6, 5)
    for report in (pairs.final, pairs.best):
        at = report(val, places).long()
        assert torch.equal(test.flatten()[at], report(val, test))


def test_ties_go_to_the_weaker_and_diverged_trials_are_chosen_last():
    nan = torch.nan
    assert pairs.choose(torch.tensor([[2.0, 1.0, nan], [1.0, 1.0, 3.0], [1.0, 2.0, nan]])).tolist() == [1, 0, 1]
    assert pairs.choose(torch.full((3, 2), nan)).tolist() == [0, 0]
    val = torch.tensor([[[1.0]], [[nan]]])
    assert pairs.best(val, val)[-1].item() == 1.0 and pairs.final(val, val)[-1].isnan().all()


@pytest.mark.parametrize("count", sorted(pairs.T_975))
def test_intervals_are_students(count: int):
    assert pairs.T_975[count] == pytest.approx(stats.t.ppf(0.975, count - 1), abs=1e-6)
    g = torch.Generator().manual_seed(count)
    a, b = torch.randn(2, 3, count, generator=g, dtype=torch.float64)
    mean, half = pairs.intervals(a - b)
    for k in range(3):
        theirs = stats.ttest_rel(a[k], b[k]).confidence_interval(0.95)
        assert (float(mean[k] - half[k]), float(mean[k] + half[k])) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
        assert pairs.interval((a - b)[k]) == pytest.approx((float(mean[k]), float(half[k])))


def test_pairing_narrows_what_pairs_share():
    g = torch.Generator().manual_seed(1)
    shared = 3 * torch.randn(5, generator=g)
    a, b = shared + 0.1 * torch.randn(5, generator=g), shared + 0.1 * torch.randn(5, generator=g)
    assert pairs.interval(a - b).half < 0.2 * pairs.interval(a).half


def test_intervals_cover_as_often_as_they_say():
    g = torch.Generator().manual_seed(2)
    mean, half = pairs.intervals(0.3 + torch.randn(20000, 5, generator=g, dtype=torch.float64))
    covered = float(((mean - 0.3).abs() <= half).double().mean())
    assert covered == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 20000) ** 0.5)


@pytest.mark.parametrize(("mean", "half", "verdict"), [
    (-0.2, 0.1, "below"), (0.2, 0.1, "above"), (0.0, 0.0, "equal"), (0.02, 0.07, "equal"), (0.02, 0.09, "open"),
    (-0.02, 0.09, "open"), (float("nan"), float("nan"), "diverged")])
def test_verdicts(mean: float, half: float, verdict: str):
    assert MARGIN == 0.1
    assert pairs.verdict(Interval(mean, half), 1.0) == verdict
