"""regulariser_bench in words and pictures: each sentence and mark worked out again from the raw tensors of the run."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.formatting import format_number
from core.intervals import T_975, Interval
from core.lessons import regulariser_bench as module
from core.lessons.regulariser_bench import words
from core.lessons.regulariser_bench.arms import Arm
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, FAMILIES, METHODS
from core.lessons.regulariser_bench.standing import STOPPING, UNTUNED, Standing, by_verdict, ends, standings
from figures.regulariser_bench import facets, pictures
from tests.lessons.regulariser_bench import reading
from tests.pages import page_spec
from tests.promises import chosen
from tests.runs import opening as results_of
from tests.runs import run
from tests.scenes import anything, check
from ui import compat
from ui.page import Preset

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
    half = T_975[len(d)] * d.std(ddof=1) / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half


def test_the_verdicts_are_those_of_intervals_from_early_stopping(opening: Result, digits: tuple[Config, Result]):
    for scene, result in ((Config(), opening), digits):
        others = [arm.name for arm in result.arms if arm.name not in (BASELINE, STOPPING)]
        holding = [name for name in others if differences(result, name)[1] <= 0 <= differences(result, name)[2]]
        below = [name for name in others if differences(result, name)[2] < 0]
        by = by_verdict(standings(result))
        assert sorted(by["equal"] + by["open"]) == sorted(holding) and sorted(by["below"]) == sorted(below)
        assert all(METHODS[name].name in words.told_apart(result) for name in others)
        seen = reading.check(result, scene)
        for name in others:
            assert seen.bars[words.called(name)] == pytest.approx(differences(result, name)[1:], abs=1e-5)


@pytest.mark.parametrize("i", range(10))
def test_all_that_is_said_is_read_off_the_drawn_bars(i: int):
    scene = anything(Config, random.Random(100 + i), steps=64, width=8)
    reading.check(run("regulariser_bench", scene), scene)


@pytest.mark.parametrize("preset", PAGE.presets, ids=lambda preset: preset.name)
def test_so_it_is_in_presets_at_any_seed(preset: Preset):
    for seed in chosen():
        scene = Config(**preset.values, seed=seed)
        reading.check(run("regulariser_bench", scene), scene)


def standing(verdict: str) -> Standing:
    return Standing("l2", 0.4, 0.4, 0.1, Interval(0.0, 0.0), verdict)


@pytest.mark.parametrize(("verdicts", "said"), [
    ("below below", "All of the 2 regularisers end clearly below early stopping."),
    ("below open", "1 of the 2 regularisers ends clearly below early stopping; the other is undecided."),
    ("open open equal", "None of the 3 regularisers ends clearly below early stopping; most are undecided, the rest as good as "
     "equal."),
    ("equal equal", "None of the 2 regularisers ends clearly below early stopping; all are as good as equal."),
    ("below above open equal equal equal equal", "1 of the 7 regularisers ends clearly below early stopping; of the others "
     "most are as good as equal, the rest undecided or above."),
    ("below below above open", "2 of the 4 regularisers end clearly below early stopping; the others are undecided or above."),
    ("equal open above", "None of the 3 regularisers ends clearly below early stopping; they are as good as equal, undecided or "
     "above."),
])
def test_equal_and_undecided_are_told_apart(verdicts: str, said: str, opening: Result, monkeypatch: pytest.MonkeyPatch):
    plain = [one for one in standings(opening) if one.name in (BASELINE, STOPPING, UNTUNED)]
    monkeypatch.setattr(words, "standings", lambda _: [standing(verdict) for verdict in verdicts.split()] + plain)
    assert words.summary(opening, Config()).split("\n\n")[0] == f"**{said}**"


def test_what_does_not_apply_is_named_with_its_reason(opening: Result, digits: tuple[Config, Result]):
    assert "tying, as no two inputs measure the same" in words.not_here(opening)
    assert "augmentation, as no move is known to keep the label" in words.not_here(opening)
    assert words.not_here(digits[1]) == ""
    forest = next(p for p in PAGE.draw(opening, Config()).panels if p.id == "forest")
    assert words.not_here(opening) in forest.caption


def test_the_forest_is_drawn_from_pairs(opening: Result):
    data, layout = compat.figure_parts(pictures.forest(opening, Config()))
    found = {words.called(one.name): one for one in standings(opening)}
    band, line, bars, dots = data
    stop = ends(opening.arm(STOPPING))[0][-1]
    assert set(dots["text"]) == set(found) - {"early stopping"}, "which is the line itself"
    for k, name in enumerate(dots["text"]):
        one = found[name]
        loss = opening.arm(BASELINE).test[-1, 0] if one.name == UNTUNED else ends(opening.arm(one.name))[0][-1]
        d = (loss - stop).double().numpy()
        half = 2.776445 * d.std(ddof=1) / 5**0.5
        assert float(dots["x"][k]) == pytest.approx(d.mean(), abs=1e-5)
        assert [float(v) for v in bars["x"][3 * k : 3 * k + 2]] == pytest.approx([d.mean() - half, d.mean() + half], abs=1e-5)
    assert list(line["x"]) == [0, 0]
    assert sorted(set(np.abs(band["x"]).tolist())) == pytest.approx([0.1 * float(stop.double().mean())], abs=1e-5)
    low, high = layout["xaxis"]["range"]
    moved = np.asarray(bars["meta"]["frames"]["x"])
    assert low < np.nanmin(moved) and np.nanmax(moved) < high, "at no frame a bar leaves the picture"
    assert len(moved) == len(opening.recorded) - 5


def test_restored_weights_are_compared_with_the_same_line(opening: Result):
    data, layout = compat.figure_parts(pictures.kept(opening, Config()))
    dots, stop = data[3], ends(opening.arm(STOPPING))[0][-1]
    by_name = {words.called(one.name): one for one in standings(opening)}
    assert list(layout["yaxis"]["ticktext"]) == list(dots["text"]) and set(dots["text"]) == set(by_name)
    for name, x in zip(dots["text"], dots["x"], strict=True):
        assert float(x) == pytest.approx(by_name[name].best - float(stop.double().mean()), abs=1e-5)
    assert list(dots["x"]) == sorted(dots["x"])


def test_facets_show_every_trial_and_how_often_it_is_chosen(opening: Result):
    base = ends(opening.arm(STOPPING))[0][-1]
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
    assert words.title(results[-2]).startswith("So far ") and not words.title(results[-1]).startswith("So far")
    partial = results[-2]
    better = replace(partial, arms=tuple(replace(a, test=0.3 * a.test) if a.name == "l2" else a for a in partial.arms))
    assert words.title(better) == "So far 1 of 9 ends clearly below early stopping"


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
    assert reading.check(result, Config()).under["L1"] == "Diverged: 1"


def test_the_challenge_asks_for_three_below(opening: Result):
    verdict = words.CHALLENGE.check(opening, Config(), None)
    assert not verdict.right and verdict.words.endswith("none.")
    good = {}
    for name in ("l2", "mixup", "dropout"):  # half of everybody else's loss
        arm = opening.arm(name)
        good[name] = replace(arm, test=arm.test * 0.3)
    result = replace(opening, arms=tuple(good.get(arm.name, arm) for arm in opening.arms))
    verdict = words.CHALLENGE.check(result, Config(), None)
    assert verdict.right and "L2" in verdict.words and "mixup" in verdict.words
    only = replace(opening, arms=tuple(arm if arm.name == "dropout" else good.get(arm.name, arm) for arm in opening.arms))
    assert len(by_verdict(standings(only))["below"]) == 2
    assert not words.CHALLENGE.check(only, Config(), None).right


def test_a_run_in_which_early_stopping_diverged_is_drawn_and_told():
    scene, (*_, result) = Config(), results_of("regulariser_bench")
    lost = {name: torch.full_like(getattr(result.arm(STOPPING), name), torch.nan) for name in ("val", "test")}
    arms = tuple(replace(arm, **lost) if arm.name == STOPPING else arm for arm in result.arms)
    check(PAGE, module, scene, replace(result, arms=arms))


def test_one_regulariser_alone_is_told_as_one():
    alone = [r for r in results_of("regulariser_bench") if len(words.regularisers(standings(r))) == 1]
    assert alone
    for result in alone:
        below = len(by_verdict(standings(result))["below"])
        said = words.summary(result, Config()).split("**")[1]
        assert said.startswith(f"The only regulariser so far {'ends' if below else 'does not end'} clearly below early stopping")
        assert ("; it is " in said) == (not below)
        assert "the other" not in said


def test_what_leaves_the_frames_of_the_strengths_is_told():
    """Lines and bands, up and down, of every part of the run."""
    told = 0
    for result in results_of("regulariser_bench"):
        base = result.arm(STOPPING)
        picked = base.val[-1].numpy().argmin(0)
        start = base.test[-1].double().numpy()[picked, np.arange(len(picked))]
        lows, highs, means = [], [], []
        for arm in result.arms:
            if len(arm.val) < len(base.val):
                continue
            d = arm.test[-1].double().numpy() - start
            half = T_975[d.shape[1]] * d.std(1, ddof=1) / d.shape[1] ** 0.5
            means += d.mean(1).tolist()
            lows += (d.mean(1) - half).tolist()
            highs += (d.mean(1) + half).tolist()
        low, high = facets.strength_range(result)
        assert low < min(means)
        said = facets.beyond(result)
        assert (format_number(min(lows)) in said) == (min(lows) < low)
        assert (format_number(max(highs)) in said) == (max(highs) > high)
        told += bool(said)
    assert told, "the opening's untuned baseline leaves its frame"
