"""Dropout's uncertainty in words: question, challenge, presets and sentences, each worked out again from the raw passes."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import numpy as np
import pytest
import torch

from core.lessons import dropout_uncertainty as lesson
from core.lessons.dropout_uncertainty import CHALLENGE, METHODS, Config, Result
from core.lessons.dropout_uncertainty_data import FAR, IN_DATA, IN_GAP, VIEW
from figures import dropout_uncertainty as figures
from tests.pages import said
from tests.scenes import anything
from ui.chart import encode

PAGE = said("dropout_uncertainty")


def small(rng: random.Random) -> Config:
    return anything(Config, rng, steps=100, width=16, members=rng.randint(2, 5), points=rng.choice([20, 60]))


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    """Fourteen scenes by chance, without dropout and without a gap among them."""
    odd = [Config(dropout=0.0, steps=100, members=3), Config(gap=0.0, steps=100, members=3, focus="bagging")]
    drawn = [*odd, *(small(random.Random(case)) for case in range(12))]
    return [(scene, list(lesson.steps(scene.trained()))) for scene in drawn]


@pytest.fixture(scope="module")
def presets() -> dict[str, tuple[Config, Result]]:
    runs: dict[Config, Result] = {}
    for preset in PAGE.presets:
        key = Config(**preset.values).trained()
        runs[key] = runs.get(key) or lesson.run(key)
    return {p.name: (Config(**p.values), runs[Config(**p.values).trained()]) for p in PAGE.presets}


def sigma(result: Result, method: str, T: int) -> np.ndarray:
    return result.passes[method][:T].numpy().astype(np.float64).std(0, ddof=1)


def regions(result: Result, values: np.ndarray) -> dict[int, float]:
    """Mean over each region that the scene has, by NumPy."""
    places = result.region_G.numpy()
    return {r: float(values[places == r].mean()) for r in (IN_DATA, IN_GAP, FAR) if (places == r).any()}


def numbers(text: str) -> list[float]:
    return [float(v.replace("−", "-")) for v in re.findall(r"−?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def certain(result: Result, method: str, T: int) -> float:
    """% of the places far away at which the mean leaves less than 5 % to the other class."""
    mean = result.passes[method][:T].numpy().astype(np.float64).mean(0)[result.region_G.numpy() == FAR]
    return 100 * float((np.minimum(mean, 1 - mean) < 0.05).mean())


def test_seen_holds_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        text = lesson.seen(result, scene)
        assert not {"nan", "inf"} & set(re.findall(r"\w+", text))
        T, focus = scene.passes, scene.focus
        if scene.problem == "curve":
            by = {m: regions(result, sigma(result, m, T)) for m in METHODS}
            for m, name in METHODS.items():
                told = text.split(f"**{name}** ")[1].split("; ")[0].split(". ")[0]
                assert [float(v) for v in re.findall(r"([\d.]+(?:e-?\d+)?) (?:among|in|far)", told)] == pytest.approx(
                    list(by[m].values()), rel=0.06, abs=1e-12)
            ordered = {m: all(a < b for a, b in zip([*v.values()], [*v.values()][1:], strict=False)) for m, v in by.items()}
            assert ("holds for all three" in text) == all(ordered.values())
            if "fails for" in text:
                failing = text.split("fails for")[1].split(". ")[0]
                assert {m for m in METHODS if METHODS[m] in failing} == {m for m, holds in ordered.items() if not holds}
            assert ("in the gap" in text) == (scene.gap > 0)
            passes = result.passes[focus][:T].numpy().astype(np.float64)
            off = np.abs(passes.mean(0) - result.truth_G.numpy())
            z = off / np.sqrt(passes.var(0, ddof=1) + scene.noise**2)
            x, error, std, ratio = numbers(text.split("wrong at x = ")[1])
            g = int(z.argmax())
            assert [x, error, std, ratio] == pytest.approx(
                [float(result.grid_DG[0, g]), off[g], passes.std(0, ddof=1)[g], z[g]], rel=0.06, abs=0.051)
        else:
            assert f"{METHODS[focus]} is more than 95 % sure at {certain(result, focus, T):.0f} % of the places" in text
            mean, truth = result.passes[focus][:T].double().mean(0), result.truth_G
            wrong = ((mean > 0.5) != (truth > 0.5)) & ((truth < 0.1) | (truth > 0.9))
            assert ("surest although wrong" in text) == bool(wrong.any())
            if wrong.any():
                most = 100 * float(mean[wrong].maximum(1 - mean[wrong]).max())
                assert (f"{most:.0f} % sure" if most <= 99 else "more than 99 % sure") in text


def test_predict_holds_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            question = lesson.predict(result, scene)
            method, T = scene.focus, scene.passes
            if scene.problem == "moons":
                assert question.truth == pytest.approx(certain(result, method, T))
                assert f"at {question.truth:.0f} %" in question.why
                assert METHODS[method] in question.text
                assert not question.judge(question.truth + 16).right
            else:
                if method == "mc_dropout" and scene.dropout == 0:
                    method = "deep_ensemble"
                by = {m: regions(result, sigma(result, m, T)) for m in METHODS}
                place = IN_GAP if scene.gap > 0 else FAR
                assert METHODS[method] in question.text and ("in the gap" in question.text) == (scene.gap > 0)
                assert question.truth == pytest.approx(by[method][place] / by[method][IN_DATA], rel=1e-6)
                for m, v in by.items():
                    assert (METHODS[m] in question.why) == (v[IN_DATA] > 0)
                    if v[IN_DATA] > 0 and m != method:
                        assert f"{v[place] / v[IN_DATA]:.2g} for {METHODS[m]}" in question.why
                assert not question.judge(1.5 * question.truth).right and not question.judge(question.truth / 1.5).right
            assert question.low <= question.truth <= question.high
            steps = round((question.truth - question.low) / question.step)
            assert question.judge(question.low + steps * question.step).right, "the slider cannot reach the answer"
            assert math.isfinite(question.truth)


def test_captions_and_alt_texts_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        board = PAGE.draw(result, scene)
        assert len(encode(board).body) < 1_200_000
        captions = " ".join(p.caption for p in board.panels)
        assert ("closed form" in captions) == (scene.problem == "curve" and scene.depth == 1)
        assert ("nothing to average" in captions) == (scene.dropout == 0)
        assert ("nearly σ/√T" in captions) == (scene.dropout > 0)
        alt = {p.id: p.alt for p in board.panels}
        assert all(alt.values()) and not re.search(r"\bnan\b", " ".join(alt.values()))
        if scene.problem == "curve":
            told = numbers(alt["large"].split("mean σ is")[1])
            assert told == pytest.approx(list(regions(result, sigma(result, scene.focus, scene.passes)).values()), abs=0.006)
        at = (result.grid_DG - torch.tensor([scene.probe_x, scene.probe_y])[: len(result.grid_DG), None]).square().sum(0).argmin()
        here = [result.passes[m][: scene.passes, at].double() for m in METHODS]
        assert numbers(alt["probe"])[len(result.grid_DG):] == pytest.approx(
            [v for p in here for v in (float(p.mean()), float(p.std()))] + [float(result.truth_G[at])], abs=0.006)
        assert "Circles" not in " ".join(p.caption for p in PAGE.draw(results[0], scene).panels)


def test_challenge_is_solved_by_depth_and_not_by_dropout() -> None:
    def check(**values: Any) -> bool:
        scene = Config(members=2, **values)
        result = lesson.run(scene)
        verdict = CHALLENGE.check(result, scene, None)
        if scene.problem == "curve" and scene.gap >= 2 and scene.dropout:
            by = regions(result, sigma(result, "mc_dropout", 200))
            assert verdict.right == (by[IN_GAP] >= 1.5 * by[IN_DATA])
            assert f"{by[IN_GAP] / by[IN_DATA]:.2f} times as much" in verdict.words
        return verdict.right

    assert not CHALLENGE.check(lesson.run(Config(**CHALLENGE.scene)), Config(**CHALLENGE.scene), None).right
    assert check(depth=3, gap=3.0, dropout=0.05)
    assert not check(depth=1, gap=2.0)  # the theorem of one hidden layer
    assert not check(dropout=0.5) and not check(dropout=0.0, steps=100) and not check(gap=1.5, steps=100)
    assert not check(problem="moons", steps=100)


def test_presets_show_what_they_say(presets: dict[str, tuple[Config, Result]]) -> None:
    def by(name: str) -> dict[int, float]:
        return regions(presets[name][1], sigma(presets[name][1], "mc_dropout", 200))

    assert presets["Ensemble in front"][0].focus == "deep_ensemble"
    assert len(presets["Ensemble in front"][1].passes["deep_ensemble"]) == 10
    one = presets["One hidden layer"][1]
    assert one.theory_G is not None and float(one.theory_G.square().diff(n=2).min()) > -1e-9
    assert by("One hidden layer")[IN_GAP] < by("One hidden layer")[IN_DATA]
    assert all(by("Half the units off")[r] > 1.05 * v for r, v in by("The gap").items())
    error = {n: float((r.tests["mc_dropout"].mean(0) - r.target_B).square().mean()) for n, (_, r) in presets.items()}
    assert error["Half the units off"] > 2 * error["The gap"]
    assert set(by("Dropout off").values()) == {0.0}
    scene, result = presets["Sure far away"]
    assert scene.quantity == "total" and certain(result, scene.focus, 200) > 50
    assert max(abs(scene.probe_x), abs(scene.probe_y)) < max(VIEW)


def test_thumbnail_shows_both_bands(presets: dict[str, tuple[Config, Result]]) -> None:
    scene, result = presets["The gap"]
    picture = figures.thumbnail(result, scene)
    assert len(picture["marks"]) <= 5 and all(0 < len(mark["points"]) <= 80 for mark in picture["marks"])
    wide, narrow = (np.array(mark["points"]) for mark in picture["marks"] if mark["kind"] == "area")

    def height(outline: np.ndarray) -> float:
        n = len(outline) // 2
        upper, lower = outline[:n], outline[n:][::-1]
        return float((upper[:, 1] - lower[:, 1])[np.abs(upper[:, 0]) < 1].mean())

    assert height(wide) > 3 * height(narrow) > 0
