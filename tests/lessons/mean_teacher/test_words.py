"""Mean teacher: what the page says and asks, against the raw tensors of the run."""

from __future__ import annotations

import dataclasses
import re
import runpy
from typing import Any

import pytest
import torch

import ui.page
from core.lessons.mean_teacher import clip, lesson, words
from core.lessons.mean_teacher.lesson import SEEDS, Config, PlaneResult, Result, gains
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
        ((0.05, 0.05, 0.02, -0.01, 0.0), "Gain: the teacher's part right minus that of the net alone. It is above 0 on 3 of 5 "
         "seeds, below 0 on 1 and exactly 0 on 1. Median +2.0 percentage points, from −1.0 to +5.0."),
        ((0.002, -0.002, 0.0, 0.0, 0.0), "Gain: the teacher's part right minus that of the net alone. It is above 0 on 1 of 5 "
         "seeds, below 0 on 1 and exactly 0 on 3. Median 0 percentage points, from −0.2 to +0.2."),
        ((0.0,) * 5, "On 5 of 5 seeds the teacher is right as often as the net that learns alone."),
        ((-0.1,) * 5, "Gain: the teacher's part right minus that of the net alone. It is above 0 on 0 of 5 seeds, below 0 on 5. "
         "Median −10.0 percentage points, from −10.0 to −10.0."),
    ):
        score[-1, 2] = score[-1, 0].double() + torch.tensor(changes, dtype=torch.float64)
        fields = {**vars(result), "score": score}
        changed = PlaneResult(**fields)
        assert words.pairs(changed) == said
        verdict = words.summary(changed, Config()).split("**")[1]
        even = sum(c > 0 for c in changes) == sum(c < 0 for c in changes) != 0
        assert ("less often" in verdict) == (changes[0] < 0 or even)
        assert ("less often on as many" in verdict) == even and ("exactly as often" in verdict) == (not any(changes))


def test_no_gain_is_told_as_nought_but_that_of_a_tie():
    result = lesson.run(Config(steps=100))
    assert isinstance(result, PlaneResult)
    for changed in (result, result_of(CLIP), result_of(NUCLEI)):
        for gain in gains(changed):
            assert (words.step(changed, gain) == "0") == (gain == 0) and (words.step(changed, gain)[0] == "+") == (gain > 0)


def test_errors_that_both_agree_on_are_counted():
    result = result_of(CLIP)
    more = int((result.confirmed[-1] > result.mistaken[-1]).sum())
    said = words.confirmed(result)
    assert f"is the larger on {more} of them" in said
    for part in (result.confirmed, result.mistaken):
        assert f"{100 * float(part[-1].mean()):.1f}\u00a0%" in said


def test_the_clip_opens_where_smoke_is_thickest_and_is_called_simulated_everywhere(monkeypatch: pytest.MonkeyPatch):
    page = page_names(monkeypatch)
    board = page["draw"](result_of(CLIP), CLIP)
    assert not board.player.autoplay and board.player.from_start
    fog = torch.stack([clip._smoke(torch.arange(clip.FRAMES) / clip.FRAMES, torch.Generator().manual_seed(seed)).mean((1, 2, 3))
                       for seed in range(200)]).mean(0)
    assert abs(int(fog.argmax()) - board.player.opens) <= 1
    for panel in (*board.panels, *board.further, board.setup):
        said = f"{panel.title} {panel.caption}"
        assert not re.search(r"\b(clips?|frames?)\b", said) or "imulated" in said, panel.id
        assert not re.search(r"\b(clips?|frames)\b", panel.alt) or "simulated" in panel.alt, panel.id
    for preset in page["PRESETS"]:
        assert preset.values.get("data") != "clip" or "imulated clip" in f"{preset.name} {preset.why}", preset.name
    assert page["draw"](result_of(NUCLEI), NUCLEI).player.opens == 0


@pytest.mark.parametrize("config", [Config(weight=0.0, steps=100), dataclasses.replace(NUCLEI, weight=0.0)])
def test_at_weight_nought_nothing_is_said_to_be_learned_from_the_unlabelled(monkeypatch: pytest.MonkeyPatch, config: Config):
    result = lesson.run(config)
    board = page_names(monkeypatch)["draw"](result, config)
    said = {panel.id: panel for panel in (*board.panels, *board.further)}
    assert "At weight 0 it is not computed" in said["cost"].caption and "not computed" in said["cost"].alt
    assert "At weight 0 no net learns from it" in said["views"].caption
    other = page_names(monkeypatch)["draw"](result, dataclasses.replace(config, weight=1.0))
    assert not any("At weight 0" in panel.caption for panel in (*other.panels, *other.further))


def test_the_schedules_are_told_as_they_are_at_both_ends():
    result = result_of(NUCLEI)
    for decay, ramp, said in ((0.0, 0, "from 0 to 0 and the factor on the consistency weight from 1 to 1"),
                              (0.9999, 400, "from 0.5 to 0.9934 and the factor on the consistency weight from 0.0067 to 0.14")):
        assert said in words.alt_texts(result, dataclasses.replace(NUCLEI, decay=decay, ramp=ramp))["schedules"]


def test_a_half_life_that_the_warm_up_shortens_says_so():
    result = lesson.run(Config(steps=100))
    asked = words.predict(result, Config(steps=100, decay=0.99))
    assert asked.truth < 0.9 * 68.97 and "69 updates, which the warm-up shortens" in asked.why
    assert "shortens" not in words.predict(result, Config(steps=400, decay=0.97)).why


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
    assert words.pairs(changed) == ("Gain: the teacher's Dice minus that of the net alone. It is above 0 on 4 of 5 seeds, below "
                                    "0 on 1. Median +0.02 of Dice, from −0.01 to +0.05.")
    score[-1, 2] = score[-1, 0] + torch.tensor([0.05, 0.02, -0.0004, 0.01, 0.03])
    small = MaskResult(**{**vars(result), "score": score})
    assert "from −4·10⁻⁴ to +0.05" in words.pairs(small)  # less than none is not told as 0
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
