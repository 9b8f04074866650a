"""regulariser_bench: oracle tests."""

from __future__ import annotations

import pytest

from core.lessons.regulariser_bench import lesson
from examples import regulariser_bench as example


def test_the_example_tells_the_same():
    result = lesson.run(lesson.Config())
    assert example.main()["mean"] == pytest.approx(float(result.x_N.mean()), abs=1e-6)
