"""bagging: oracle tests."""

from __future__ import annotations

import pytest

from core.lessons.bagging import lesson
from examples import bagging as example


def test_the_example_tells_the_same():
    result = lesson.run(lesson.Config())
    assert example.main()["mean"] == pytest.approx(float(result.x_N.mean()), abs=1e-6)
