"""What fails takes nothing else with it: a picture, the question, a run, the check of a challenge."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.lessons import risk
from core.lessons.risk import lesson, words
from figures import style
from figures.risk import pictures
from tests.test_pages import move, opened, texts
from tests.wire import text_of, traces_of
from ui import chart, runner


def broken(*_: Any, **__: Any) -> Any:
    raise KeyError("a fault of the test's own")


@pytest.fixture(autouse=True)
def boards(monkeypatch) -> Iterator[list[chart.Encoded]]:
    """The boards that the page has sent, newest last; nothing that an earlier test has left in the caches."""
    sent: list[chart.Encoded] = []
    real = chart.show

    def show(board: chart.Encoded, **about: Any) -> Any:
        sent.append(board)
        return real(board, **about)

    monkeypatch.setattr(chart, "show", show)
    runner.shared.clear()
    yield sent
    runner.shared.clear()


def finished(app: AppTest) -> AppTest:
    for _ in range(60):
        if "run" not in app.session_state:
            break
        app.run()
    return app


def test_a_picture_that_fails_takes_no_other_with_it(monkeypatch, boards, caplog):
    monkeypatch.setattr(pictures, "parts", broken)
    app = finished(opened("risk"))
    assert not app.exception
    drawn = traces_of(boards[-1])
    assert drawn["parts"] == []
    assert all(data for name, data in drawn.items() if name != "parts")
    assert len(drawn) > 4
    assert boards[-1].question
    assert b"cannot be drawn for this scene" in text_of(boards[-1])
    assert "By the medians of the draws" in texts(app)
    assert app.slider, "the controls are there"
    assert any(record.exc_info for record in caplog.records if record.name == "ui.runner")
    # Outside the app a fault is a fault.
    with pytest.raises(KeyError):
        _ = chart.Panel(id="x", figure=broken).figure
    with pytest.raises(KeyError):
        chart.encode(chart.Board(panels=[chart.Panel(id="x", figure=broken)]))


def test_an_alternative_text_that_fails_leaves_the_picture():
    told = chart.Texts(broken)
    panel = chart.Panel(id="x", figure=style.figure([dict(type="scatter", x=[1], y=[2])]), alt=told["x"])
    noted: list[str] = []
    board = chart.encode(chart.Board(panels=[panel]), None, noted.append)
    assert noted == ["alt of x"]
    assert traces_of(board)["x"]


def test_a_question_that_fails_leaves_the_pictures(monkeypatch, boards, caplog):
    monkeypatch.setattr(risk, "predict", broken)
    app = finished(opened("risk"))
    assert not app.exception
    assert boards[-1].question is None
    assert all(traces_of(boards[-1]).values())
    assert "the question" in caplog.text


def test_words_that_fail_leave_controls_and_a_way_out(monkeypatch):
    """`summary` is worked out with the board: without it there is no board, but a sentence, presets and controls."""
    monkeypatch.setattr(words, "summary", broken)
    app = finished(opened("risk"))
    assert not app.exception
    assert runner.FAILED in texts(app)
    monkeypatch.undo()
    scene = app.session_state["scene:risk"]
    move(app, "risk", "seed", scene.controls()["seed"], 5)


def test_a_run_that_fails_is_said_and_the_reader_goes_on(monkeypatch, boards, caplog):
    real = lesson.steps

    def steps(config: lesson.Config) -> Any:
        if config.m == 24:
            yield next(real(config))
            broken()
        yield from real(config)

    monkeypatch.setattr(risk, "steps", steps)
    app = finished(opened("risk", m="24"))
    assert not app.exception
    assert runner.FAILED in texts(app)
    assert "failed" in caplog.text
    # The reader leaves, comes back to the same scene, and is not caught in it.
    app.switch_page("pages/mixup.py").run()
    app = finished(app.switch_page("pages/risk.py").run())
    assert not app.exception
    assert runner.FAILED in texts(app)
    scene = app.session_state["scene:risk"]
    app = finished(move(app, "risk", "m", scene.controls()["m"], 12))
    assert not app.exception
    assert runner.FAILED not in texts(app)
    assert all(traces_of(boards[-1]).values())


def test_a_check_that_fails_is_said(monkeypatch):
    monkeypatch.setattr(risk, "CHALLENGE", dataclasses.replace(words.CHALLENGE, check=broken))
    app = finished(opened("risk"))
    next(b for b in app.button if b.label == "Check").click().run()
    assert not app.exception
    assert any("cannot be checked" in info.value for info in app.info)


def test_the_log_is_where_faults_go():
    assert runner.LOG.isEnabledFor(logging.ERROR)
