"""Early stopping in words: question, challenge, presets and sentences, each worked out again from the raw curves."""

import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.formatting import format_number, format_percent
from core.lessons.early_stopping import lesson, words
from core.lessons.early_stopping.lesson import ARMS, Config, Result
from core.lessons.early_stopping.words import CHALLENGE, alt_texts
from figures.early_stopping import pictures
from tests.lessons.early_stopping.test_lesson import keras_stop
from tests.pages import page_spec
from tests.scenes import anything
from tests.wire import text_of
from ui import chart

PAGE = page_spec("early_stopping")


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    rngs = map(random.Random, range(12))
    drawn = (anything(Config, rng, steps=100, draws=3, width=rng.choice([4, 8, 16])) for rng in rngs)
    return [(scene, list(lesson.steps(scene.trained()))) for scene in drawn]


@pytest.fixture(scope="module")
def presets() -> dict[str, tuple[Config, Result]]:
    done: dict[Config, Result] = {}
    out = {}
    for preset in PAGE.presets:
        scene = Config(**preset.values)
        key = scene.trained()
        done[key] = done[key] if key in done else lesson.run(key)
        out[preset.name] = scene, done[key]
    return out


def curve(result: Result, scene: Config, split: str = "validation") -> list[float]:
    """What the rule of the scene watches, on draw 0, nats or a part of 1."""
    values = result.loss if scene.monitor == "loss" else result.error
    return values[split][:, list(ARMS).index(scene.arm), 0].tolist()


def numbers(text: str) -> list[float]:
    return [float(v) for v in re.findall(r"\d+(?:\.\d+)?", text)]


def test_seen_and_board_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    rng = random.Random(1)
    for scene, results in scenes:
        assert b"NaN" not in text_of(chart.encode(PAGE.draw(results[5], scene)))
        result = results[-1]
        for view in (scene, replace(scene, patience=rng.randint(1, 50), restore=not scene.restore, arm="l2")):
            kept, stopped = keras_stop(curve(result, view), view.patience, view.min_delta)
            back = kept if view.restore else (50 if stopped is None else stopped)
            a = list(ARMS).index(view.arm)
            loss, error = (v["test"][:, a, 0].tolist() for v in (result.loss, result.error))
            lowest = int(np.argmin(curve(result, view)))
            verdict, table = words.summary(result, view).split("\n\n")
            when = "Patience has not run out by step 100" if stopped is None else f"Patience stops training at step {2 * stopped}"
            kind = "best weights" if back == lowest else "weights kept"
            assert verdict == f"**{when}; {kind}: step {2 * back}.**"
            assert f"| {ARMS[view.arm]} | weights kept, step {2 * back} | at step 100 |" in table
            assert f"| Test error | {format_percent(error[back], 1)} | {format_percent(error[-1], 1)} |" in table
            assert f"| Test loss (nats) | {format_number(loss[back], 3)} | {format_number(loss[-1], 3)} |" in table
            for i, arm in enumerate(ARMS):
                here = keras_stop(curve(result, replace(view, arm=arm)), view.patience, view.min_delta)
                test = result.loss["test"][:, i, 0].tolist()
                kept_by = here[0] if view.restore else (50 if here[1] is None else here[1])
                assert words.kept_loss(result, view, arm) == (
                    f"Test loss {format_number(test[kept_by], 3)} with stopping, {format_number(test[-1], 3)} at the end.")
            noisy = (result.noise_loss if view.monitor == "loss" else result.noise_error).numpy()
            medians = np.median(2 * noisy.argmin(0), axis=1).tolist()
            pairs = ", ".join(f"{m:g} at {format_percent(level / 100)}" for m, level in zip(medians, result.levels, strict=True))
            assert alt_texts(result, view)["best_steps"] == f"The median best step is {pairs}."
            assert ("never move it later" in words.trend(result, view)) == (
                medians == sorted(medians, reverse=True) and medians[0] > medians[-1])


def test_the_trend_of_the_best_step_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Config(steps=100, draws=3, learning_rate=0.001, problem="circles", monitor="error", width=4, n_train=20, seed=1)
    result = lesson.run(scene)
    later = "Here more wrong labels sometimes move it later."
    said_of = {(40, 20, 20, 8, 0): "More wrong labels never move it later.", (0, 0, 4, 12, 42): later, (40, 20, 24, 8, 0): later,
               (100,) * 5: "Here wrong labels do not move it."}
    for medians, trend in said_of.items():
        steps = torch.tensor(medians)[:, None].expand(-1, 3)
        monkeypatch.setattr(words, "best_steps", lambda *_, steps=steps: steps)
        assert words.trend(result, scene) == trend
        caption = next(p.caption for p in PAGE.draw(result, scene).panels if p.id == "best_steps")
        assert trend in caption


def test_captions_and_alt_texts_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        board = PAGE.draw(result, scene)
        assert chart.encode(board).size + chart.encode(board, further=True).size < 400_000
        panels, told = {p.id: p for p in (*board.panels, *board.further)}, alt_texts(result, scene)
        assert {i: p.alt for i, p in panels.items()} == told
        assert not any(re.search(r"\bnan\b|inf\b", t) for t in told.values())
        kept, stopped = keras_stop(curve(result, scene), scene.patience, scene.min_delta)
        back = kept if scene.restore else (50 if stopped is None else stopped)
        assert panels["loss"].caption.startswith("Patience has not" if stopped is None else "Shaded")
        lowest = int(np.argmin(curve(result, scene)))
        assert panels["loss"].title == f"Lowest validation {scene.monitor}: step {2 * lowest} of 100"
        assert ("gets lower still" in panels["loss"].caption) == (stopped is not None and lowest > stopped)
        for name in ("loss", "error", "arm-both"):
            drawn = [board.legend[i][0] for i in chart.keys_of(panels[name].figure, board.legend)]
            assert ("lowest expected on new data" in drawn) == (scene.label_noise > 0)
        kind = "Best weights" if back == lowest else "Weights kept"
        assert panels["fit-kept"].title == f"{kind}: step {2 * back}"
        validation = result.loss["validation"][:, list(ARMS).index(scene.arm), 0].tolist()
        first, at_back = format_number(validation[0], 3), format_number(validation[back], 3)
        assert f"validation from {first} over {at_back} at step {2 * back}" in told["loss"]
        assert f"end at {format_number(result.norm[-1, 0, 0], 3)} (Plain)" in told["norms"]
        gap = (result.loss["test"] - result.loss["train"])[:, list(ARMS).index(scene.arm)].mean(1)
        assert f"{format_number(gap[-1], 3)} nats at the end" in told["gap"]


def test_predict_holds_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        for result in (results[0], results[7], results[-1]):
            question = words.predict(result, scene)
            loss = scene.monitor == "loss"
            values = [v if loss else 100 * v for v in curve(result, scene)]
            train = [v if loss else 100 * v for v in curve(result, scene, "train")]
            assert question.x == tuple(float(s) for s in range(0, 101, 4))
            for x, y in zip(question.x, question.y, strict=True):
                assert y == pytest.approx(values[min(int(x) // 2, len(values) - 1)], rel=1e-6)
            assert question.low <= min(question.y)
            assert max(question.y) <= (0.8 if loss else 1) * question.high + 1e-9
            best = int(np.argmin(values))
            learnt = int(np.argmin(train))
            assert numbers(question.why) == ([2 * best] if best == learnt else [2 * best, 2 * learnt])
            assert f"{format_percent(scene.label_noise / 100)} wrong labels" in question.text
            assert ("L2" in question.text) == (scene.arm in ("l2", "both"))
            assert ("dropout" in question.text) == (scene.arm in ("dropout", "both"))
            assert len(question.text) <= 80, "it is a headline of two lines on the wall"
            start = format_number(values[0], 3) + " nats" if loss else format_percent(values[0] / 100, 1)
            assert f"is {start}." in PAGE.draw(result, scene).setup.caption
            assert question.judge(question.y).right
            assert not question.judge([question.high] * 26).right


def test_a_learner_who_expects_validation_to_keep_falling_is_wrong(presets: dict[str, tuple[Config, Result]]) -> None:
    scene, result = presets["Wrong labels"]
    question = words.predict(result, scene)
    n = len(question.x)
    assert not question.judge([question.y[0] * (1 - 0.8 * i / n) for i in range(n)]).right
    assert not question.judge([float(np.median(question.y))] * n).right, "a level line is not the answer here"
    assert question.judge([y + 0.03 * (-1) ** i for i, y in enumerate(question.y)]).right


def test_challenge_is_solved_by_one_patience_only() -> None:
    start = Config(**CHALLENGE.scene)
    result = lesson.run(start)
    values = result.loss["validation"][:, 0, 0].tolist()
    finds = [p for p in range(1, 51) if keras_stop(values, p, 0.0)[0] == int(np.argmin(values))]
    assert 1 < finds[0] <= 40
    passed = [p for p in range(1, 51) if CHALLENGE.check(result, replace(start, patience=p), None).right]
    assert passed == finds[:1]
    assert start.patience not in passed
    told = CHALLENGE.check(result, replace(start, patience=finds[0]), None).words
    at = (keras_stop(values, p, 0.0) for p in (finds[0], finds[0] - 1))
    for kept, stopped in at:
        assert stopped is not None and f"stops at step {8 * stopped} and keeps the weights of step {8 * kept}" in told
    for other in (Config(), replace(start, patience=finds[0], restore=False), replace(start, patience=finds[0], arm="l2")):
        assert not CHALLENGE.check(lesson.run(other.trained()), other, None).right


def test_l2_under_adam_is_not_called_weight_decay() -> None:
    said = [ARMS["l2"], words.WITH["l2"], Config().controls()["weight_decay"].label, *(p.why for p in PAGE.presets)]
    assert not any("decay" in text for text in said)
    assert "not AdamW's weight decay" in Config().controls()["weight_decay"].help
    assert "not the decoupled weight decay of AdamW" in PAGE.maths


def test_what_is_small_is_not_told_as_zero(presets: dict[str, tuple[Config, Result]]) -> None:
    scene, result = presets["Wrong labels"]
    tiny = replace(result, loss={split: 1e-9 * values for split, values in result.loss.items()},
                   error={split: 0.0025 * (values > 0) for split, values in result.error.items()})
    told = [words.summary(tiny, scene), words.predict(tiny, scene).why, *alt_texts(tiny, scene).values()]
    assert not any(re.search(r"\b0\.00\b|\b0%", text) for text in told), told


def test_setup_shows_the_data_and_not_the_answer(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        first, done = (PAGE.draw(result, scene).setup for result in (results[0], results[-1]))
        picture = first.figure.to_dict()
        assert picture == done.figure.to_dict(), "nothing that trains is in it"
        samples, = first.figure.data
        for axis, values in zip((first.figure.layout.xaxis, first.figure.layout.yaxis), (samples.x, samples.y), strict=True):
            low, high = axis.range
            assert low < min(values) and max(values) < high and np.ptp(values) > 0.6 * (high - low), "well filled"
        assert len(samples["x"]) == scene.n_train
        wrong = round(scene.label_noise / 100 * scene.n_train)
        assert sum("wrong" in text for text in samples["text"]) == wrong
        assert ("all of them with the right label" in first.caption) == (wrong == 0)
        if wrong:
            assert f"{wrong} of them with a wrong label" in first.caption


def test_thumbnail_is_the_opening_scenes_turn(presets: dict[str, tuple[Config, Result]]) -> None:
    scene, result = presets["Wrong labels"]
    picture = pictures.thumbnail(result, scene)
    assert len(picture["marks"]) <= 5
    assert all(len(mark["points"]) <= 80 for mark in picture["marks"])
    dot, = (mark["points"] for mark in picture["marks"] if mark["kind"] == "dots")
    validation = result.loss["validation"][:, 0, 0]
    assert dot == [[float(result.recorded[int(validation.argmin())]), round(float(validation.min()), 4)]]


@pytest.mark.parametrize("arm", ["l2", "both"])
@pytest.mark.parametrize("strength", [0.003, 0.1])
def test_the_axis_holds_the_penalised_line(arm: str, strength: float) -> None:
    """Right up to the first step, where a strong penalty on the start is far above all losses."""
    scene = Config(arm=arm, weight_decay=strength, seed=2, steps=100)
    result = lesson.run(scene.trained())
    figure = pictures.curves(result, scene, "loss")
    penalised = result.loss["train"][:, list(ARMS).index(arm), 0] + result.penalty[:, list(ARMS).index(arm), 0]
    drawn = next(trace for trace in figure.data if (trace.hovertemplate or "").startswith("training + Ω"))
    assert list(drawn.y) == pytest.approx(penalised.tolist(), rel=1e-6)
    assert figure.layout.yaxis.range[1] > float(penalised.max())
