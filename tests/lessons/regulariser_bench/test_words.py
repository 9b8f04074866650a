"""regulariser_bench in words and pictures: each sentence and mark worked out again from the raw tensors of the run."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.lessons import regulariser_bench as module
from core.lessons.regulariser_bench import pairs, words
from core.lessons.regulariser_bench.arms import Arm
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, FAMILIES, METHODS
from core.lessons.regulariser_bench.standing import STOPPING, UNTUNED, by_verdict, ends, standings
from figures.regulariser_bench import facets, pictures
from tests.pages import page_spec
from tests.runs import opening as results_of
from tests.runs import run
from tests.scenes import anything, check
from ui import compat

PAGE = page_spec("regulariser_bench")


@pytest.fixture(scope="module")
def digits() -> tuple[Config, Result]:
    scene = Config(problem="digits", width=8, steps=64, samples=32)
    return scene, run("regulariser_bench", scene)


def differences(result: Result, name: str) -> tuple[float, float, float]:
    """Mean of paired differences from early stopping, and its interval, by NumPy."""
    loss = {}
    for one in (name, STOPPING):
        arm = result.arm(one)
        pick = arm.val[-1].numpy().argmin(0)
        loss[one] = arm.test[-1].double().numpy()[pick, np.arange(len(pick))]
    d = loss[name] - loss[STOPPING]
    half = pairs.T_975[len(d)] * d.std(ddof=1) / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half


def test_the_verdict_counts_intervals_that_hold_zero(opening: Result, digits: tuple[Config, Result]):
    for scene, result in ((Config(), opening), digits):
        others = [arm.name for arm in result.arms if arm.name not in (BASELINE, STOPPING)]
        holding = [name for name in others if differences(result, name)[1] <= 0 <= differences(result, name)[2]]
        below = [name for name in others if differences(result, name)[2] < 0]
        verdict = words.summary(result, scene).split("\n\n")[0]
        said = [int(v) for v in re.findall(r"\d+", verdict)]
        told = "All" if len(holding) == len(others) else "None" if not holding else None
        assert said == ([len(others)] if told else [len(holding), len(others)]) and (told is None or told in verdict)
        assert words.predict(result, scene).right == (
            ("none",) if not below else ("few",) if 2 * len(below) < len(others) else ("many",))
        assert words.title(result).startswith("No regulariser" if not below else f"{len(below)} of {len(others)}")
        by = by_verdict(standings(result))
        assert sorted(by["equal"] + by["open"]) == sorted(holding) and by["below"] == [n for n in by["below"] if n in below]
        told_apart = words.told_apart(result)
        assert all(METHODS[name].name in told_apart for name in others)


def test_what_does_not_apply_is_named_with_its_reason(opening: Result, digits: tuple[Config, Result]):
    assert "tying, as no two inputs measure the same" in words.not_here(opening)
    assert "augmentation, as no move is known to keep the label" in words.not_here(opening)
    assert words.not_here(digits[1]) == ""
    forest = next(p for p in PAGE.draw(opening, Config()).panels if p.id == "forest")
    assert words.not_here(opening) in forest.caption


def test_the_forest_is_drawn_from_pairs(opening: Result):
    data, layout = compat.figure_parts(pictures.forest(opening, Config()))
    names = list(layout["yaxis"]["ticktext"])
    assert names == [words.called(one.name) for one in standings(opening)]
    bars, dots = data[2:4]
    tuned = ends(opening.arm(BASELINE))[0][-1]
    for k, one in enumerate(standings(opening)):
        loss = opening.arm(BASELINE).test[-1, 0] if one.name == UNTUNED else ends(opening.arm(one.name))[0][-1]
        d = (loss - tuned).double().numpy()
        half = 2.776445 * d.std(ddof=1) / 5**0.5
        assert float(dots["x"][k]) == pytest.approx(d.mean(), abs=1e-5)
        assert [float(v) for v in bars["x"][3 * k : 3 * k + 2]] == pytest.approx([d.mean() - half, d.mean() + half], abs=1e-5)
    line = data[1]
    stop = (ends(opening.arm(STOPPING))[0][-1] - tuned).double().mean()
    assert float(line["x"][0]) == pytest.approx(float(stop), abs=1e-5)
    low, high = layout["xaxis"]["range"]
    moved = np.asarray(bars["meta"]["frames"]["x"])
    assert low < np.nanmin(moved) and np.nanmax(moved) < high, "at no frame a bar leaves the picture"
    assert len(moved) == len(opening.recorded) - 5


def test_facets_show_every_trial_and_how_often_it_is_chosen(opening: Result):
    base = ends(opening.arm(BASELINE))[0][-1]
    for family, names in words.groups(opening).items():
        data, _ = compat.figure_parts(facets.by_strength(opening, Config(), family))
        for k, name in enumerate(names):
            mine = [t for t in data if t["xaxis"] == f"x{k + 1 if k else ''}"]
            dots = next(t for t in mine if t["mode"] == "markers")
            arm = opening.arm(name)
            order = sorted(range(6), key=lambda t: arm.strengths[t]) if name == BASELINE else list(range(6))
            mean = (arm.test[-1] - base).mean(1)[order]
            np.testing.assert_allclose(dots["y"], mean, atol=1e-5)
            times = np.bincount(arm.val[-1].argmin(0), minlength=6)[order]
            np.testing.assert_allclose(np.asarray(dots["marker"]["size"]) ** 2 / 64, times, atol=1e-4)
            assert (np.asarray(dots["meta"]["frames"]["marker.size"]) ** 2).sum(1) == pytest.approx(64 * 5, rel=1e-4)
            assert words.ticks(opening, name) == [words.setting(opening, name, t) for t in order]
    assert [words.setting(opening, STOPPING, t) for t in range(6)] == ["96", "48", "24", "12", "6", "3"]
    assert words.ticks(opening, BASELINE) == ["ε/16", "ε/8", "ε/4", "ε/2", "ε", "2ε"]
    assert [words.setting(opening, "l2", t) for t in (0, 3)] == ["off", "0.03"]


def test_the_table_has_costs_and_choices(opening: Result):
    table = pictures.costs(opening, Config())
    for row, one in zip(table.rows, [one for one in standings(opening) if one.name != UNTUNED], strict=True):
        arm = opening.arm(one.name)
        picks = arm.val[-1].argmin(0).tolist()
        assert row[0] == words.called(one.name)
        assert picks.count(max(picks, key=picks.count)) == picks.count(
            next(t for t in range(6) if words.setting(opening, one.name, t) == row[1]))
        assert float(str(row[2])) == pytest.approx(one.loss, abs=5e-4) and row[5] == arm.nets
        assert row[6] == pytest.approx(1000 * arm.seconds, abs=0.06)


def test_every_partial_result_is_told():
    results = results_of("regulariser_bench")
    for result in results[::9]:
        check(PAGE, module, Config(), result)
    assert "so far" in words.summary(results[-2], Config()) and "so far" not in words.summary(results[-1], Config())
    early = words.summary(results[0], Config())
    assert "are being trained" in early and words.predict(results[0], Config()).right == tuple(words.OPTIONS)
    assert words.still_to_come(results[-2]) == "Still to come: bagging." and words.still_to_come(results[-1]) == ""
    assert not words.CHALLENGE.check(results[-2], Config(), None).right


def test_boards_and_sentences_hold_at_any_setting():
    for i in range(4):
        problem = ("circles", "spirals", "cancer", "moons")[i]
        scene = anything(Config, random.Random(i), problem=problem, steps=64, width=8, pairs=5)
        result = run("regulariser_bench", scene)
        check(PAGE, module, scene, result)
        board = PAGE.draw(result, scene)
        assert [p.id for p in board.panels if p.id.startswith("strength")] == [f"strength-{family}" for family in FAMILIES]
        assert ("boundaries" in [p.id for p in board.panels]) == (problem != "cancer")


def test_divergence_is_said(opening: Result):
    """All trials of an arm gone: no number stands for it, and it counts neither as better nor as equal."""
    def gone(arm: Arm) -> Arm:
        val, test, error = (part.clone() for part in (arm.val, arm.test, arm.error))
        for part in (val, test, error):
            part[2:] = torch.nan
        return replace(arm, val=val, test=test, error=error)

    result = replace(opening, arms=tuple(gone(arm) if arm.name == "l1" else arm for arm in opening.arms))
    check(PAGE, module, Config(), result)
    assert standings(result)[-1].name == "l1" and "diverged" in words.alt_texts(result, Config())["forest"]
    assert by_verdict(standings(result))["diverged"] == ["l1"]


def test_the_challenge_asks_for_both_lines(opening: Result):
    verdict = words.CHALLENGE.check(opening, Config(), None)
    assert not verdict.right and verdict.words.endswith("none.")
    good = {}
    for name in ("l2", "mixup"):  # half of everybody else's loss
        arm = opening.arm(name)
        good[name] = replace(arm, test=arm.test * 0.3)
    result = replace(opening, arms=tuple(good.get(arm.name, arm) for arm in opening.arms))
    verdict = words.CHALLENGE.check(result, Config(), None)
    assert verdict.right and "L2" in verdict.words and "mixup" in verdict.words
    only = replace(opening, arms=tuple(good["l2"] if arm.name == "l2" else arm for arm in opening.arms))
    assert not words.CHALLENGE.check(only, Config(), None).right
