"""What the sentences of the playground's presets promise, counted over seeds 0 to 9."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

from core.playground.setup import Setup
from core.simulation import Simulation
from tests.pages import ROOT

STEPS, ENOUGH = 3000, 8


@pytest.fixture(scope="module")
def presets() -> dict[str, dict[str, Any]]:
    calls: list[Any] = []
    with mock.patch("ui.play.show", lambda _, presets: calls.append(presets)):
        runpy.run_path(str(ROOT / "pages" / "playground.py"))
    return {preset.name: preset.values for preset in calls[0]}


def is_separated(run: Simulation) -> bool:
    return run.measure().error[2] < 0.05


def is_drawn_rightly(run: Simulation) -> bool:
    return run.measure().error[0] == 0


def keeps_few(run: Simulation) -> bool:
    """The two squares, which a circle is made of, among at most three of the seven inputs, and the circles are told apart."""
    used = (run.net.views(run.theta)[0].weight[0] != 0).any(0).tolist()
    kept = {name for name, is_used in zip(run.setup.inputs, used, strict=True) if is_used}
    return {"x1x1", "x2x2"} <= kept and len(kept) <= 3 and is_separated(run)


def is_over_fitted(run: Simulation) -> bool:
    now, start = run.measure(), run.history.records[0]
    return now.loss[0] < 0.1 * start.loss[0] and now.loss[1] > 1.5 * run.best.loss


def has_diverged(run: Simulation) -> bool:
    return run.stopped == "diverged" and run.setup.rate * Simulation(run.setup).curvature() > 2


def is_fitted(run: Simulation) -> bool:
    """Beyond the noise of the heights by less than a tenth of their own variance."""
    heights = run.problem.y[run.problem.part("test")]
    return math.isfinite(run.measure().loss[2]) and run.measure().loss[2] < run.setup.noise**2 + 0.1 * float(heights.var())


PROMISES: dict[str, Callable[[Simulation], bool]] = {
    "Circles": is_separated, "Spiral": is_separated, "Draw your own": is_drawn_rightly, "L1 switches inputs off": keeps_few,
    "Over-fitted": is_over_fitted, "Too large a rate": has_diverged, "Hills": is_fitted}


def test_every_preset_has_its_promise(presets):
    assert list(presets) == list(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_it_holds_in_most_seeds(presets, name):
    held = []
    for seed in range(10):
        run = Simulation(replace(Setup(**presets[name]), seed=seed))
        assert name == "Draw your own" or not PROMISES[name](run), "the start alone keeps it"
        run.advance(STEPS)
        held.append(PROMISES[name](run))
    assert sum(held) >= ENOUGH, held
