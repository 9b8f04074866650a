"""The README's table of the benchmarks: one row for each kind, the worst. Sessions of a hall are opened on this machine only."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.__main__ import table, worst_of_each_kind
from benchmarks.readers import loopback, reader

ROWS = {"engine.K1": (5.0, 0.1), "engine.K8": (25.0, 0.1), "scene_ms.risk": (300.0, 1.0), "scene_ms.mixup": (1400.0, 2.0),
        "hall.follow30.risk": (1.5, 0.2), "hall.follow30.mixup": (1.2, 0.3)}


def test_the_worst_lesson_stands_for_its_kind():
    assert list(worst_of_each_kind(ROWS)) == ["engine.K1", "engine.K8", "scene_ms.mixup", "hall.follow30.risk"]
    assert "| `scene_ms` | mixup | 1,400.00 | 2.00 |" in table(ROWS)


def test_the_lowest_is_worst_where_a_least_is_wanted(monkeypatch):
    monkeypatch.setitem(benchmarks.LIMITS, "hall.follow30", "≥ 1")
    assert "hall.follow30.mixup" in worst_of_each_kind(ROWS)


@pytest.mark.parametrize("address", ["http://192.0.2.1:8501", "http://0.0.0.0:8501", "8501", ""])
def test_other_machines_are_left_alone(address):
    assert loopback("http://127.0.0.1:8501") == "http://127.0.0.1:8501"
    with pytest.raises(ValueError, match="not an address of this machine"):
        loopback(address)


def test_a_session_without_a_browser_sees_first_and_whole_picture(address):
    async def visit() -> tuple[float, float]:
        async with reader(address) as one:
            one.open("risk", "")
            return await asyncio.wait_for(one.first, 60), await asyncio.wait_for(one.whole, 60)

    with ThreadPoolExecutor(1) as pool:  # a browser's own loop may run in this thread
        first, whole = pool.submit(lambda: asyncio.run(visit())).result()
    assert first <= whole
