"""noise in words: what is said follows from the result, at the ends of the controls too."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
import torch

import core.lessons.noise as module
from core.formatting import format_number
from core.lessons.noise import lesson, words
from core.lessons.noise.lesson import Config
from core.lessons.noise.words import CHALLENGE, alt_texts, format_part
from tests.pages import page_spec
from tests.scenes import check, ends

PAGE = page_spec("noise")
whole = lru_cache(maxsize=8)(lesson.run)
WORLDS: list[dict[str, Any]] = [{}, dict(steps=200, labels=1.0, classes=2, level=6), dict(steps=200, classes=8, level=0)]


@pytest.mark.parametrize("values", WORLDS)
def test_what_is_said_follows_from_the_result(values: dict[str, Any]):
    scene = Config(**values)
    result = whole(scene.trained())
    share = 1 - scene.labels + scene.labels / scene.classes
    sentence, table = words.summary(result, scene).split("\n\n")
    assert f"is {format_part(result.classes.sure[-1].mean())} sure" in sentence and f"says {format_part(share)}" in sentence
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    for row, (k, level) in zip(rows, ((0, 0), (0, -1), (1, -1)), strict=True):
        net = result.numbers
        for cell, found in zip(row[2:], (net.slope_inputs, net.slope_weights, net.test), strict=True):
            assert cell == format_number(found[k, level].mean())
    asked = words.predict(result, scene)
    assert asked.truth == pytest.approx(100 * share) and "all K classes" in asked.text
    assert asked.judge(100 * share).right and not asked.judge(100 * share + 4).right
    alt = alt_texts(result, scene)
    assert ("there is no optimum" in alt["gap"]) == (scene.level == 0)
    board = PAGE.draw(result, scene)
    assert {p.id for p in [*board.panels, *board.further, board.setup]} == set(alt)
    first, sure = board.panels[0], result.classes.sure.double()
    label = 1 - result.epsilon.double() + result.epsilon.double() / scene.classes
    over = sure.mean(-1) - label
    assert first.title == {(False, False): "As sure as its labels say", (True, False): "Surer than its labels say",
                           (False, True): "No surer than its labels say", (True, True): "How sure the net is, and its labels"}[
        bool((over > 0.02).any()), bool((over < -0.02).any())]
    assert ("at most 3\u00a0% apart" in first.caption) == bool((sure.amax(-1) - sure.amin(-1)).max() <= 0.03)
    words_in_it = [trace for trace in first.figure.data if trace.mode == "text"]
    said = words_in_it[0]["meta"]["frames"]["text"]
    assert [row[1:] for row in said] == [[f"label: {format_part(a)}", f"net: {format_part(b)}"]
                                         for a, b in zip(label, sure.mean(-1), strict=True)]


def test_the_ends_of_the_controls_can_be_drawn_from_the_first_result_on():
    for scene in ends(Config):
        first = next(lesson.steps(scene.trained()))
        for result in (first, whole(scene.trained())):
            check(PAGE, module, scene, result)


def test_the_challenge_is_not_met_by_the_opening_scene_and_says_how_many():
    opening, met = Config(), Config(blur=1.0, samples=15, inputs=0.3, weights=0.06, steps=1000)
    assert not CHALLENGE.check(whole(opening), opening, None).right
    for scene in (opening, met):
        result = whole(scene)
        counts = [sum(a < b for a, b in zip(result.numbers.test[k, -1].tolist(), result.numbers.test[k, 0].tolist(), strict=True))
                  for k in (0, 1)]
        assert words.closer(result) == tuple(counts)
        verdict = CHALLENGE.check(result, scene, None)
        assert verdict.right == (min(counts) >= 4) and f"on weights on {counts[1]} of 5" in verdict.words
    assert CHALLENGE.check(whole(met), met, None).right


def test_the_frame_holds_the_fits_of_the_net_and_says_what_of_the_linear_model_leaves_it():
    scene = Config(blur=1.0, samples=15, inputs=0.3, weights=0.06, level=6, seed=2, steps=200)
    for steps in (200, 1000):
        result = whole(replace(scene, steps=steps).trained())
        board = PAGE.draw(result, replace(scene, steps=steps))
        panels = {panel.id: panel for panel in [*board.panels, *board.further]}
        low, high = panels["fits"].figure.layout.yaxis.range
        assert low < float(result.numbers.fit.min()) and float(result.numbers.fit.max()) < high
        low, high = panels["polynomial"].figure.layout.yaxis.range
        outside = float(result.linear.fit.min()) < low or float(result.linear.fit.max()) > high
        assert ("goes on outside it" in panels["polynomial"].caption) == outside
    assert float(result.numbers.fit.max()) > float(result.y[0].max()) + 0.5, "nothing was to be held"


@pytest.mark.parametrize(("moved", "form"), [(0.0, "{:.0f}"), (0.003, "{:.1f}"), (0.03, "{:.0f}")])
def test_what_lies_side_by_side_is_not_told_as_two_by_rounding(monkeypatch, moved: float, form: str):
    """Labels that say 90.4 %, and a net that is surer: by nothing, by 0.3 and by 3 points."""
    scene = Config(**WORLDS[2])
    result = whole(scene.trained())
    monkeypatch.setattr(words, "said_by_labels", lambda _: 0.904)
    sure = torch.full_like(result.classes.sure, 0.904 + moved)
    told = words.summary(replace(result, classes=result.classes._replace(sure=sure)), scene).split("**")[1]
    assert f"is {form.format(90.4 + 100 * moved)}\u00a0% sure" in told
    assert f"says {form.format(90.4)}\u00a0%." in told
