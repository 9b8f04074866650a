"""Mean teacher: what the page says and asks, against the raw tensors of the run."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest
import torch

import ui.page
from core.lessons.mean_teacher import lesson, words
from core.lessons.mean_teacher.lesson import SEEDS, Config, Result
from tests.lessons.mean_teacher.test_lesson import ROOT, WORLDS
from tests.wire import text_of
from ui.chart import encode


def page_names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(ui.page, "show", lambda *args, **about: None)
    return runpy.run_path(str(ROOT / "pages" / "mean_teacher.py"))


@pytest.mark.parametrize("values", WORLDS)
def test_every_board_can_be_drawn_and_nothing_is_nan(monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]):
    page, config = page_names(monkeypatch), Config(**values)
    results = list(lesson.steps(config))
    for result in (results[0], results[1], results[-1]):
        board = page["draw"](result, config)
        sent = encode(board)
        assert sent.size < 1_000_000 and b'"nan' not in text_of(sent).lower()
        texts = [board.summary, *(p.alt for p in (*board.panels, *board.further, board.setup)),
                 *(p.caption for p in (*board.panels, *board.further, board.setup))]
        assert all(texts) and not re.search(r"\b(nan|inf)\b", " ".join(texts))


def test_the_sentence_counts_the_pairs():
    result = lesson.run(Config(steps=100))
    score = result.score.clone()
    for changes, said in (
        ((0.05, 0.05, 0.05, -0.01, 0.0), "On 3 of 5 seeds the teacher is right more often than the net that learns alone, on 1 "
         "less often and changes nothing on 1: from −1.0 to +5.0 percentage points."),
        ((0.0,) * 5, "On 5 of 5 seeds the teacher is right as often as the net that learns alone."),
        ((-0.1,) * 5, "On 0 of 5 seeds the teacher is right more often than the net that learns alone, on 5 less often: from "
         "−10.0 to −10.0 percentage points."),
    ):
        score[-1, 2] = score[-1, 0].double() + torch.tensor(changes, dtype=torch.float64)
        fields = {**vars(result), "score": score}
        changed = Result(**fields)
        assert words.pairs(changed) == said
        verdict = words.summary(changed, Config()).split("**")[1]
        assert ("less often" in verdict) == (changes[0] < 0) and ("exactly as often" in verdict) == (not any(changes))


def test_the_table_has_every_net():
    result = lesson.run(Config(steps=100))
    rows = [line.strip("|").split("|") for line in words.summary(result, Config()).split("\n\n")[1].splitlines()[2:]]
    for row, score in zip(rows, result.score[-1], strict=True):
        told = [float(cell.replace("\u00a0%", "")) for cell in row[1:]]
        assert told == pytest.approx([100 * float(v) for v in (score.mean(), score.min(), score.max())], abs=0.051)


@pytest.mark.parametrize(("decay", "truth", "reason"), [
    (0.0, 1, "the newest student and nothing else"), (0.97, 23, "half-life ln ½/ln a is 22.8"), (0.9999, 201, "plain mean")])
def test_the_question_answers_decay_nought_and_9999(opening: Result, decay: float, truth: int, reason: str):
    question = words.predict(opening, Config(decay=decay))
    assert question.truth == truth and reason in question.why
    assert question.judge(truth).right and not question.judge(3 * truth).right


def test_the_challenge_counts_shared_errors():
    config = Config(weight=1000.0, ramp=0)
    result = lesson.run(config)
    verdict = words.CHALLENGE.check(result, config, None)
    worse = int((result.confirmed[-1] > result.mistaken[-1]).sum())
    assert verdict.right == (worse >= SEEDS - 1) and f"On {worse} of 5" in verdict.words
    assert not words.CHALLENGE.check(result, Config(wrong=1), None).right
    assert not words.CHALLENGE.check(result, Config(norm="stale"), None).right
