"""Batch norm in words: question, challenge, presets and sentences, each worked out again from the raw numbers."""

import random
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.lessons import batch_norm as lesson
from core.lessons.batch_norm import CHALLENGE, RATES, Config, Result, row
from core.moments import NEVER
from core.normalisation import KINDS
from figures import batch_norm as figures
from tests.pages import said
from tests.scenes import anything

PAGE = said("batch_norm")


def scene(rng: random.Random, trained: bool) -> Config:
    """A scene by chance, in the fields that only change the drawing or in all of them; short if it must be trained."""
    batch = tuple(round(rng.uniform(-10, 10), 2) for _ in range(rng.randint(2, 16)))
    if trained:
        return anything(Config, rng, batch=batch, steps=20, starts=rng.randint(1, 2), batch_size=rng.choice([2, 4, 16]))
    opening = {name: getattr(Config(), name) for name, control in Config.controls().items() if not control.view}
    return anything(Config, rng, **{**opening, "batch": batch})


ODD = [dict(batch=(3.0, 3.0, 3.0), factor=0.0), dict(factor=1.0, offset=2.0), dict(factor=1.0), dict(delta=10.0),
       dict(factor=-1.0, beta=0.0, delta=1e-8), dict(gamma=0.0, factor=-2.0),
       dict(batch=(-4.0, -4.0), factor=3.0), dict(factor=0.0, offset=1.0)]


@pytest.fixture(scope="module")
def opening() -> Result:
    return lesson.run(Config())


@pytest.fixture(scope="module")
def scenes(opening: Result) -> list[tuple[Config, Result]]:
    """Fourteen views of the opening run, odd ones among them, and six other runs."""
    rng = random.Random(0)
    views = [*(Config(**odd) for odd in ODD), *(scene(rng, trained=False) for _ in range(6))]
    runs = [scene(rng, trained=True) for _ in range(6)]
    return [*((v, opening) for v in views), *((r, lesson.run(r)) for r in runs)]


def outputs(scene: Config, factor: float, offset: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y of the batch, y of the changed batch, and of that under the first batch's statistics."""
    x = np.array(scene.batch)

    def layer(v: np.ndarray, by: np.ndarray) -> np.ndarray:
        return scene.gamma * (v - by.mean()) / np.sqrt(by.var() + scene.delta) + scene.beta

    changed = factor * x + offset
    return layer(x, x), layer(changed, changed), layer(changed, x)


def numbers(text: str) -> list[float]:
    """What is written, powers of ten as well."""
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")
    found = re.findall(r"(−?\d+(?:\.\d+)?)(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?", text)
    return [float(v.translate(digits)) * 10 ** float(p.translate(digits) or 0) for v, p in found]


def test_seen_is_true_at_any_setting(scenes: list[tuple[Config, Result]]) -> None:
    for scene, result in scenes:
        text, x = lesson.seen(result, scene), np.array(scene.batch)
        first, second, _ = outputs(scene, scene.factor, scene.offset)
        assert numbers(text)[:4] == pytest.approx([x.mean(), x.std(), first.mean(), first.std()], rel=6e-3, abs=1e-9)
        assert ("are all equal" in text) == (x.std() == 0)
        assert ("mirror" in text) == (scene.factor < 0)
        gap = float(np.abs(second - (2 * scene.beta - first if scene.factor < 0 else first)).max())
        if scene.factor and (scene.factor, scene.offset) != (1.0, 0.0):
            assert ("it does not come out as" in text) == (gap > 0.01 * np.abs(first - scene.beta).max() + 1e-12)
            if "differ by up to" in text:
                assert numbers(text.split("differ by up to")[1])[0] == pytest.approx(gap, rel=0.06)
        arm, R = result.arms[0], RATES.index(scene.learning_rate)
        ends = arm.losses[-10:].mean(0).reshape(len(KINDS), len(RATES), scene.starts)
        wide = (ends.mean(-1) < np.log(10) / 2).sum(1).tolist()
        assert f"guessing at {wide[1]} of {len(RATES)} learning rates, the net without norm at {wide[0]}." in text
        for kind, word in ((1, "loss is {} with batch norm"), (0, "and {} without")):
            if ends[kind, R].isfinite().all():
                assert word.format(f"{float(ends[kind, R].mean()):.2f}") in text
        assert f"After {scene.steps} steps at ε = {scene.learning_rate:g} and m = {scene.batch_size} " in text
        assert not re.search(r"\bnan\b|\binf\b", text)


def test_predict_is_true_at_any_setting(scenes: list[tuple[Config, Result]]) -> None:
    met = set()
    for scene, result in scenes:
        question = lesson.predict(result, scene)
        assert len(question.options) <= 6
        factor, offset = (scene.factor, scene.offset)
        if (factor, offset) == (1.0, 0.0):
            factor = 2.0
        first, second, kept = outputs(scene, factor, offset)
        limit = 0.01 * np.abs(first - scene.beta).max() + 1e-9
        holds = {"same": np.abs(second - first).max() <= limit, "mirror": np.abs(second + first - 2 * scene.beta).max() <= limit,
                 "times": np.abs(second - factor * first - offset).max() <= limit,
                 "flat": np.ptp(second) <= 2 * limit and abs(second.mean() - scene.beta) <= limit}
        right = tuple(name for name, true in holds.items() if true)
        assert question.right == (right or ("other",)), scene
        met |= set(question.right)
        x = factor * np.array(scene.batch) + offset
        wanted = [x.mean(), x.std(), first.mean(), first.std(), second.mean(), second.std(), kept.mean(), kept.std()]
        assert numbers(question.why) == pytest.approx(wanted, rel=0.06, abs=1e-9)
        told = numbers(question.text)
        assert told == [v for v, neutral in ((factor, 1.0), (offset, 0.0)) if v != neutral]
        assert all(question.judge(name).right for name in question.right)
        for other in set(question.options) - set(question.right):
            assert not question.judge(other).right
    assert met == {"same", "mirror", "times", "flat", "other"}, "some answer is never right"


def test_predict_needs_no_finished_run() -> None:
    first = next(lesson.steps(Config(steps=20, starts=1)))
    assert lesson.predict(first, Config()).right == ("same",)


def test_captions_and_alt_texts(scenes: list[tuple[Config, Result]]) -> None:
    for scene, result in scenes:
        board = PAGE.draw(result, scene)
        panels = {p.id: p for p in board.panels}
        assert all(p.alt and "nan" not in p.alt for p in board.panels)
        assert ("hollow" in panels["algorithm"].caption) == ((scene.factor, scene.offset) != (1.0, 0.0))
        first, second, _ = outputs(scene, scene.factor, scene.offset)
        spread = numbers(panels["scaling"].alt)
        assert spread == pytest.approx([scene.factor, abs(scene.factor) * np.array(scene.batch).std(), second.std()],
                                       rel=6e-3, abs=0.006)
        assert numbers(panels["histogram"].alt)[-2:] == pytest.approx([first.min(), first.max()], rel=6e-3, abs=0.006)
        assert f"{scene.batch_size * 16} values" in str(panels["sets"].figure.data[-1].text)


def test_challenge_takes_eleven_values(opening: Result) -> None:
    def judged(*batch: float, **others: Any) -> bool:
        return CHALLENGE.check(opening, Config(batch=batch, **others), None).right

    assert not CHALLENGE.check(opening, Config(**CHALLENGE.scene), None).right
    for m in range(2, 17):
        assert judged(*[0.0] * (m - 1), 10.0) == (m > 10), m
        assert judged(*[2.0] * (m - 1), -7.0, factor=-3.0) == (m > 10), m
    # One outlier among eleven does it only where the others keep together, and δ stays out of it.
    assert not judged(*[-1.0, 1.0] * 5, 6.0)
    assert judged(*[-0.1, 0.1] * 5, 10.0)
    assert not judged(*[0.0] * 10, 10.0, delta=1.0)
    words = CHALLENGE.check(opening, Config(batch=(*[0.0] * 10, 10.0)), None).words
    assert "is 3.162; m = 11 values" in words


def test_presets_show_what_they_say(opening: Result) -> None:
    scenes = {p.name: Config(**p.values) for p in PAGE.presets}

    def layer(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scene = scenes[name]
        return np.array(scene.batch), *outputs(scene, scene.factor, scene.offset)[:2]

    x, first, second = layer("Doubled")
    assert scenes["Doubled"].factor == 2
    np.testing.assert_allclose(second, first, atol=1e-5)
    x, first, _ = layer("Undone")
    np.testing.assert_allclose(first, x, atol=1e-4)
    x, first, second = layer("A batch of two")
    np.testing.assert_allclose(np.sort(first), [-1, 1], atol=1e-5)
    np.testing.assert_allclose(second, -first, atol=1e-5)
    x, first, _ = layer("An outlier")
    far = int(np.abs(x - x.mean()).argmax())
    rest = np.delete(np.arange(len(x)), far)
    assert np.ptp(first[rest]) < 0.6 * np.ptp((x[rest] - x[rest].mean()) / x[rest].std())
    x, first, second = layer("δ is not small")
    assert scenes["δ is not small"].delta >= x.var()
    assert second.std() > 1.2 * first.std()
    large = lesson.run(replace(scenes["Weights ten times too large"], starts=1)).arms[0]
    plain = opening.arms[0]
    one = replace(Config(), starts=1)
    gone = [int((large.diverged_at[[row(one, kind, r) for r in RATES]] != NEVER).sum()) for kind in KINDS]
    assert gone[0] >= len(RATES) - 1 and gone[1:] == [0] * 4
    first_losses = [large.losses[0, row(one, kind, 0.1)] - plain.losses[0, row(Config(), kind, 0.1)] for kind in KINDS]
    assert abs(first_losses[0]) > 1 and all(abs(v) < 0.05 for v in first_losses[1:])
    many = lesson.run(replace(scenes["From 2 to 64 a batch"], steps=20))
    noise = {a.batch_size: float(torch.stack([(v[10:] - v[10:].mean(0)).square().mean() for v in a.batch_mean]).mean())
             for a in many.arms}
    assert len(noise) == 6
    assert noise[2] > 2 * noise[8] > 4 * noise[64]


def test_thumbnail_ends_where_both_batches_meet(opening: Result) -> None:
    picture = figures.thumbnail(opening, Config())
    assert len(picture["marks"]) <= 5 and all(len(mark["points"]) <= 80 for mark in picture["marks"])
    fans = [mark["points"] for mark in picture["marks"] if mark["kind"] == "line"]
    bottoms = [sorted(x for x, y in points if y == 0) for points in fans]
    np.testing.assert_allclose(*bottoms, atol=1e-3)
    assert sorted(x for x, y in fans[0] if y == 1) != sorted(x for x, y in fans[1] if y == 1)
