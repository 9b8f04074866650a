"""Student's interval, against SciPy and by how often it covers."""

import pytest
import torch
from scipy import stats

from core.intervals import T_975, interval, intervals


@pytest.mark.parametrize("count", sorted(T_975))
def test_intervals_are_students(count: int):
    assert T_975[count] == pytest.approx(stats.t.ppf(0.975, count - 1), abs=1e-6)
    g = torch.Generator().manual_seed(count)
    a, b = torch.randn(2, 3, count, generator=g, dtype=torch.float64)
    mean, half = intervals(a - b)
    for k in range(3):
        theirs = stats.ttest_rel(a[k], b[k]).confidence_interval(0.95)
        assert (float(mean[k] - half[k]), float(mean[k] + half[k])) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
        assert interval((a - b)[k]) == pytest.approx((float(mean[k]), float(half[k])))


def test_pairing_narrows_what_pairs_share():
    g = torch.Generator().manual_seed(1)
    shared = 3 * torch.randn(5, generator=g)
    a, b = shared + 0.1 * torch.randn(5, generator=g), shared + 0.1 * torch.randn(5, generator=g)
    assert interval(a - b).half < 0.2 * interval(a).half


def test_intervals_cover_as_often_as_they_say():
    g = torch.Generator().manual_seed(2)
    mean, half = intervals(0.3 + torch.randn(20000, 5, generator=g, dtype=torch.float64))
    covered = float(((mean - 0.3).abs() <= half).double().mean())
    assert covered == pytest.approx(0.95, abs=4 * (0.95 * 0.05 / 20000) ** 0.5)
