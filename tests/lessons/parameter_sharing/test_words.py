"""parameter_sharing in words: what is said follows from the result, at the ends of the controls too."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from core.engine import generators
from core.formatting import format_number, format_percent
from core.lessons.parameter_sharing import images, lesson, sequences, tying, words
from core.lessons.parameter_sharing.lesson import Config, Result
from core.lessons.parameter_sharing.words import CHALLENGE, alt_texts
from figures.parameter_sharing import others, pictures
from tests.pages import page_spec

PAGE = page_spec("parameter_sharing")
whole = lru_cache(maxsize=12)(lesson.run)


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def at(values: dict[str, Any]) -> tuple[Result, Config]:
    scene = Config(**values)
    return whole(scene.trained()), scene


@pytest.mark.parametrize("values", [{}, dict(images=20.0), dict(head="flat", images=300.0)])
def test_digits_in_words(values):
    result, scene = at(values)
    seen, size = result.images, lesson.size_index(scene)
    assert seen
    right = 100 * seen.accuracy[:, size].mean(1).double().numpy()
    sentence, table = words.summary(result, scene).split("\n\n")
    said = [float(found.replace("−", "-")) for found in re.findall(r"([−\d]+) points", sentence)]
    assert said == pytest.approx([right[a, 0] - right[a, 2] for a in (0, seen.equal)], abs=0.501)
    first = PAGE.draw(result, scene).panels[0].title
    assert [float(found.replace("−", "-")) for found in re.findall(r"([−\d]+) points", first)] == said
    assert f"on {images.PREVIEW} of the {images.TEST} test digits" in " ".join(PAGE.maths.split())
    assert f"more than {images.MARGIN} pixels" in PAGE.maths
    for row, a in zip(cells(table), (0, seen.equal, seen.accurate(size)), strict=True):
        assert row[1:] == [f"{seen.parameters[a]:,}", *(format_percent(right[a, d] / 100) for d in range(3))]
    asked = words.predict(result, scene)
    assert f"from {images.SIZES[size]:,} images" in asked.text
    assert asked.truth == pytest.approx(right[0, 0] - right[0, 2], abs=1e-3)
    assert asked.judge(asked.truth).right and not asked.judge(asked.truth - 20).right


def test_no_fall_is_not_a_negative_one():
    assert words.lost(-0.001) == "0 points" and words.lost(-0.05) == "−5 points"


def test_one_point_is_one():
    for share, told in {0.01: "1 point", -0.01: "−1 point", 0.014: "1 point", 0.02: "2 points", 0.11: "11 points"}.items():
        assert words.lost(share) == told


def test_a_reason_is_told_only_where_the_fall_is_no_chance():
    result, scene = at({})
    seen = result.images
    assert seen
    assert "learnt for other parts" in words.predict(result, scene).why
    level = replace(seen, accuracy=seen.accuracy[..., :1].expand_as(seen.accuracy))
    assert words.predict(replace(result, images=level), scene).why == "The MLP loses 0 points."


def test_moved_ink_meets_weights_that_were_learnt():
    for seed in range(10):
        study = images.Study(images.convnet("max", "zeros"), 40, generators([seed])[0])
        inked = (study.train[0].reshape(-1, images.SIDE, images.SIDE) > 0).any(0)
        assert float(study.shifted[2][:, inked].sum() / study.shifted[2].sum()) > 0.7


@pytest.mark.parametrize("length", [6, 12, 24])
def test_sequences_in_words(length):
    result, scene = at(dict(part="sequences", length=length))
    seen = result.sequences
    assert seen
    mean = seen.by_length.mean(1)
    sentence, table = words.summary(result, scene).split("\n\n")
    assert format_percent(mean[0, -1]) in sentence and format_percent(mean[1, -1]) in sentence
    for row, i in zip(cells(table), (0, 1), strict=True):
        assert row[2:] == [format_percent(mean[i, k]) for k in range(0, len(sequences.LENGTHS), 2)]
    board = PAGE.draw(result, scene)
    counts = next(panel for panel in board.panels if panel.id == "counts")
    without = seen.parameters[1] - seen.no_effect
    assert seen.no_effect == sequences.HIDDEN**2 and f"{seen.no_effect} of" in counts.caption
    assert without == length * 24 + (length - 1) * 64 + 9, "one W_h less than cells"
    asked = words.predict(result, scene)
    assert f"of {length} steps" in asked.text and asked.truth == pytest.approx(100 * float(mean[0, -1]))


@pytest.mark.parametrize("jitter", [0.1, 1.0])
def test_length_is_the_reason_where_the_longest_sequences_cost_the_net(jitter):
    result, scene = at(dict(part="sequences", length=24, jitter=jitter, seed=3))
    assert result.sequences
    trained, longest = result.sequences.by_place[1].mean(), result.sequences.by_length[1, :, -1].mean()
    why = words.predict(result, scene).why
    assert format_percent(trained) in why and format_percent(longest) in why
    assert ("as many steps as it has cells" in why) == (trained - longest >= 0.1)


@pytest.mark.parametrize("values", [dict(tie=0.0), dict(distance=0.0), dict(distance=2.0, tie=1.0), dict(problem="nets")])
def test_tied_tasks_in_words(values):
    result, scene = at(dict(part="tying", **values))
    seen, slider = result.tying, lesson.tie_index(scene)
    assert seen
    mean = seen.test.double().mean(1).numpy()
    says = (lambda v: format_number(v, 3)) if seen.problem == "linear" else format_percent
    sentence, table = words.summary(result, scene).split("\n\n")
    best = int(mean[:, 1].argmin())
    assert {0: "separate weights", len(tying.SHARES) - 1: "one set"}.get(best, f"s = {tying.SHARES[best]:g}") in sentence
    for row, task in zip(cells(table), (0, 1), strict=True):
        assert row[1:] == [says(mean[t, task]) for t in (0, slider, -1)]
    assert words.predict(result, scene).truth == pytest.approx(mean[-1, 1] / mean[0, 1])
    unit = tying.UNIT[seen.problem]
    expected = {0.0: "0", 1.0: "∞"}.get(scene.tie, format_number(unit * scene.tie / (1 - scene.tie) if scene.tie < 1 else 0))
    assert words.tie_words(seen, scene) == expected


@pytest.mark.parametrize("values", [{}, dict(part="sequences"), dict(part="tying"), dict(part="tying", problem="nets")])
def test_each_picture_has_its_sentence_and_the_player_its_moments(values):
    """The player ends at what is drawn at rest, and each of its moments is one that a run yields."""
    result, scene = at(values)
    board = PAGE.draw(result, scene)
    assert {p.id for p in [*board.panels, *board.further]} <= set(alt_texts(result, scene))
    updates = [part.step for part in (result.images or result.sequences or result.tying).moments]  # pyright: ignore
    assert board.player and board.player.labels == [f"update {u}" for u in updates] and not board.player.live
    assert updates == sorted(set(updates)) and len(updates) >= 6
    yielded = {(r.images or r.sequences or r.tying).step for r in lesson.steps(scene)}  # pyright: ignore
    assert set(updates) <= yielded
    moving = 0
    for panel in board.panels:
        for trace in getattr(panel.figure, "data", ()):
            for name, stacked in ((trace.meta or {}).get("frames") or {}).items():
                moving += 1
                np.testing.assert_array_equal(np.asarray(stacked)[-1], np.asarray(trace[name], np.float32), strict=False)
                assert len(stacked) == len(updates)
    assert moving >= 4
    assert PAGE.draw(next(lesson.steps(scene)), scene).player.live


def test_filters_are_seen_at_each_moment():
    result, scene = at({})
    seen = result.images
    assert seen
    cells = pictures.filters(seen, scene).cells
    for place, moment in enumerate(seen.moments):
        first = next(iter(seen.net.views(moment.theta[0][3:4]))).weight[0].reshape(-1, 3, 3)[0]
        drawn = cells[0].images[place][::4, ::4].astype(float)  # pyright: ignore
        assert np.corrcoef(drawn.ravel(), first.ravel().numpy())[0, 1] > 0.999
    assert len({cells[4].images[f].tobytes() for f in range(len(seen.moments))}) == len(seen.moments)  # pyright: ignore


def test_test_losses_are_drawn_with_all_their_seeds():
    result, scene = at(dict(part="tying"))
    assert result.tying
    figure = others.losses(result.tying, scene)
    band = next(trace for trace in figure.data if trace.name == "seeds of task B")
    values = result.tying.test[:, :, 1].numpy()
    np.testing.assert_allclose(band.y, np.concatenate([values.max(1), values.min(1)[::-1]]), rtol=1e-6)


def test_no_preset_answers_the_challenge_and_near_truths_do():
    for preset in PAGE.presets:
        result, scene = at(preset.values)
        assert not CHALLENGE.check(result, scene, None).right, preset.name
    met = 0
    for seed in range(5):
        result, scene = at(dict(part="tying", distance=0.0, seed=seed))
        verdict = CHALLENGE.check(result, scene, None)
        assert result.tying
        ratio = result.tying.test[-1, :, 1].mean() / result.tying.test[0, :, 1].mean()
        assert format_percent(ratio) in verdict.words and verdict.right == bool(ratio <= 0.8)
        met += verdict.right
    assert met >= 4


def test_nets_on_digits_have_no_slider_of_linear_tasks():
    for problem in tying.RATE:
        assert Config(part="tying", problem=problem).matters("distance") == (problem == "linear")
        assert Config(part="tying", problem=problem).matters("noise") == (problem == "linear")
    assert not Config(part="images").matters("distance")
