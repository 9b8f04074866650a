"""What every lesson brings for learning: a question, a challenge, a small picture, the code that ran."""

from __future__ import annotations

import dataclasses
import inspect
import math
import time
from importlib import import_module
from pathlib import Path

import pytest
import torch

from core.catalogue import LESSONS
from core.controls import Grid, Number
from core.question import Amount, Challenge, Pick, Question, Sketch, Verdict
from figures import style
from tests.pages import ROOT, opening_scene, page_spec
from tests.runs import board_of, opening
from ui import lecture

KINDS = {"line", "dots", "bars", "area"}


@pytest.fixture
def results(entry) -> tuple:
    """The partial and final results of the opening scene."""
    return opening(entry.slug)


def right_answer(question: Question):
    match question:
        case Pick():
            return question.right[0]
        case Amount():
            return question.truth
        case Sketch():
            return list(question.y)
    raise AssertionError(f"unknown question {type(question).__name__}")


def wrong_answer(question: Question):
    match question:
        case Pick():
            return next((o for o in question.options if o not in question.right), None)
        case Amount():
            return max((question.low, question.high), key=lambda end: abs(end - question.truth))
        case Sketch():
            worst = [question.low if y - question.low > question.high - y else question.high for y in question.y]
            return worst
    return None


def test_the_question_is_judged_by_the_run(entry, module, results):
    scene = opening_scene(entry.slug)
    for result in (results[0], results[-1]):
        state = torch.get_rng_state()
        start = time.process_time()
        question = module.predict(result, scene)
        assert time.process_time() - start < 0.1
        assert torch.equal(torch.get_rng_state(), state)
        assert question == module.predict(result, scene)
        assert len(question.text) > 20
        assert len(question.why) > 20
        if isinstance(question, Amount):
            assert question.low <= question.truth <= question.high
        if isinstance(question, Sketch):
            assert 10 <= len(question.x) <= 40
            assert all(math.isfinite(v) for v in (*question.x, *question.y))
            assert all(a < b for a, b in zip(question.x, question.x[1:], strict=False))
        assert question.judge(right_answer(question)).right
        wrong = wrong_answer(question)
        # All may be level at the first step; the reader is judged by the last.
        assert wrong is not None or result is not results[-1], "a question with no wrong answer"
        if wrong is not None:
            verdict = question.judge(wrong)
            assert not verdict.right
            assert question.why in verdict.words
        for garbage in (None, "no such answer", math.nan, [], {"a": 1}, [math.nan] * 24):
            with pytest.raises(ValueError):  # noqa: PT011
                question.judge(garbage)


def test_the_challenge_can_be_checked(entry, module, results):
    challenge, scene = module.CHALLENGE, opening_scene(entry.slug)
    assert isinstance(challenge, Challenge)
    assert len(challenge.text) > 20
    start = dataclasses.replace(scene, **challenge.scene)
    if challenge.answer is None:
        verdict = challenge.check(results[-1], scene, None)
        assert isinstance(verdict, Verdict)
        assert not verdict.right, "the opening scene must not solve it"
        assert len(verdict.words) > 20
    else:
        assert isinstance(challenge.answer, (Number, Grid))
        for end in challenge.answer.edges():
            assert isinstance(challenge.check(results[-1], start, end), Verdict)


def test_the_small_picture(entry, module, results):
    picture = import_module(f"figures.{entry.slug}.pictures").thumbnail(results[-1], module.Config())
    known = {c.upper() for c in style.dark_colours()}
    (left, right), (low, high) = picture["x"], picture["y"]
    assert left != right
    assert low != high
    assert 1 <= len(picture["marks"]) <= 6
    for mark in picture["marks"]:
        assert mark["kind"] in KINDS
        assert mark["colour"].upper() in known
        assert 1 <= len(mark["points"]) <= 100
        assert all(math.isfinite(v) for point in mark["points"] for v in point)
    inside = [left <= x <= right and low <= y <= high for m in picture["marks"] for x, y in m["points"]]
    assert sum(inside) > 0.5 * len(inside), "most of the picture is outside its frame"


def test_the_code_beside_the_maths(entry, module):
    page = page_spec(entry.slug)
    assert 1 <= len(page.code) <= 3
    sources = ""
    for function in page.code:
        path = Path(inspect.getsourcefile(inspect.unwrap(function)))
        assert path.is_relative_to(ROOT / "core"), "the code that is shown is the code that runs"
        source = inspect.getsource(function)
        assert len(source.splitlines()) <= 60
        sources += source
    assert page.symbols
    names = {f.name for f in dataclasses.fields(module.Config)}
    for symbol, name in page.symbols.items():
        assert name in names or name in sources, f"{symbol}: {name} is neither in the code nor a control"


def test_pictures_are_told_by_their_result(entry):
    told = [panel.alt for panel in board_of(entry.slug, opening_scene(entry.slug)).panels]
    assert all(len(alt) > 25 for alt in told)
    assert len(set(told)) == len(told)
    with_number = [any(c.isdigit() for c in alt) for alt in told]
    assert sum(with_number) >= 0.5 * len(told), [alt for alt, has in zip(told, with_number, strict=True) if not has]


def test_on_the_wall_each_lesson_leads_to_the_next_in_the_lectures_order(monkeypatch):
    monkeypatch.setattr(lecture, "is_active", lambda: True)
    frames = [lecture.browser_data(entry, {}) for entry in LESSONS]
    slugs = [entry.slug for entry in LESSONS]
    assert [frame["after"] for frame in frames if frame] == [*slugs[1:], ""]
    assert [frame["before"] for frame in frames if frame] == ["", *slugs[:-1]]
