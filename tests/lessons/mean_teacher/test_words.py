"""Mean teacher: what the page says and asks, against the raw tensors of the run."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest
import torch

import ui.page
from core.lessons.mean_teacher import lesson, words
from core.lessons.mean_teacher.lesson import SEEDS, Config, PlaneResult, Result
from core.lessons.mean_teacher.pixels import MaskResult
from tests.lessons.mean_teacher.test_lesson import ROOT, WORLDS
from tests.lessons.mean_teacher.test_masks import CLIP, NUCLEI, result_of
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
        changed = PlaneResult(**fields)
        assert words.pairs(changed) == said
        verdict = words.summary(changed, Config()).split("**")[1]
        assert ("less often" in verdict) == (changes[0] < 0) and ("exactly as often" in verdict) == (not any(changes))


@pytest.mark.parametrize("config", [CLIP, NUCLEI])
def test_boards_of_images_can_be_drawn_and_say_what_is_simulated(monkeypatch: pytest.MonkeyPatch, config: Config):
    page = page_names(monkeypatch)
    for result in (next(iter(lesson.steps(config))), result_of(config)):
        board = page["draw"](result, config)
        sent = encode(board)
        panels = [*board.panels, *board.further, board.setup]
        assert sent.size < 1_000_000 and b'"nan' not in text_of(sent).lower() and len(board.panels) <= 6
        assert all(p.alt and p.caption for p in panels)
        for p in panels:
            shows_images = p.id in ("masks", "film", "views", "setup")
            assert not shows_images or (config.data == "clip") == ("simulated" in (p.title + p.caption).lower()), p.id
        assert "2|A ∩ B|" in next(p.caption for p in panels if p.id == "scores")
    frames = len(board.player.labels)
    assert frames == (40 if config.data == "clip" else len(result.recorded))
    cells = board.panels[0].figure.cells
    assert len(cells) == (4 if config.data == "clip" else 12)
    for cell in cells:
        nets = [o for o in cell.overlays if len(o.paths) == frames and o.dash == "none"]
        assert len(nets) == (1 if cell.overlays else 0)
    dotted = sum(o.dash != "none" for cell in cells for o in cell.overlays)
    assert dotted == len([cell for cell in cells if cell.overlays])  # the truth, beside each net's mask


def test_the_sentence_counts_dice():
    result = result_of(CLIP)
    score = result.score.clone()
    score[-1, 2] = score[-1, 0] + torch.tensor([0.05, 0.02, -0.01, 0.01, 0.03])
    changed = MaskResult(**{**vars(result), "score": score})
    assert words.pairs(changed) == ("On 4 of 5 seeds the teacher has a higher Dice than the net that learns alone, on 1 a lower "
                                    "one: from −0.01 to +0.05 of Dice.")
    assert words.summary(changed, CLIP).startswith("**The teacher has a higher Dice than a net that learns from the labels alone "
                                                   "on 4 of 5 seeds.**")
    score[-1, 2] = score[-1, 0]
    same = words.summary(MaskResult(**{**vars(result), "score": score}), CLIP)
    assert same.startswith("**On all 5 seeds the teacher has the same Dice as")


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
