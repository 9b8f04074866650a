"""Choosing and comparing, against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.intervals import Interval
from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.pairs import MARGIN


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


@pytest.mark.parametrize(("mean", "half", "verdict"), [
    (-0.2, 0.1, "below"), (0.2, 0.1, "above"), (0.0, 0.0, "equal"), (0.02, 0.07, "equal"), (0.02, 0.09, "open"),
    (-0.02, 0.09, "open"), (float("nan"), float("nan"), "diverged")])
def test_verdicts(mean: float, half: float, verdict: str):
    assert MARGIN == 0.1
    assert pairs.verdict(Interval(mean, half), 1.0) == verdict
