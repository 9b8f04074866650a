"""Shared by the tests of the lessons: the opening scene's run, of the lesson whose folder the test is in."""

from __future__ import annotations

from typing import Any

import pytest

from tests import runs


@pytest.fixture(scope="module")
def opening(request: pytest.FixtureRequest) -> Any:
    return runs.opening(request.path.parent.name)[-1]
