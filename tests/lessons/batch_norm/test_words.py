"""Batch norm in words: question, challenge, presets and sentences, each worked out again from the raw numbers."""

import random
import re
from typing import Any

import numpy as np
import pytest

from core.engine.block_norm import KINDS
from core.formatting import format_number
from core.lessons.batch_norm import lesson, words
from core.lessons.batch_norm.lesson import RATES, Config, Result, trained_starts
from core.lessons.batch_norm.words import CHALLENGE
from figures.batch_norm import pictures
from tests.pages import page_spec
from tests.scenes import anything

PAGE = page_spec("batch_norm")


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
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-", ",")
    power, number = "10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"\d[\d,]*(?:\.\d+)?"
    found = re.findall(rf"(−?)(?:(?:({number})·)?{power}|({number}))", text)
    return [float(f"{sign}{plain or mantissa or 1}".translate(digits)) * 10 ** float(p.translate(digits) or 0)
            for sign, mantissa, p, plain in found]


def read(summary: str) -> tuple[str, dict[str, list[str]]]:
    """The verdict, and the rows of the table by their names."""
    verdict, *rows = summary.split("\n")
    return verdict, {name: cells for name, *cells in (row.strip("| ").split(" | ") for row in rows if row)}


def pairs(cells: list[str]) -> list[float]:
    """Means and spreads: mean, spread, mean, spread."""
    return [value for cell in cells for part in cell.split(" ± ") for value in numbers(part)]


def test_seen_is_true_at_any_setting(scenes: list[tuple[Config, Result]]) -> None:
    for scene, result in scenes:
        text, x = words.summary(result, scene), np.array(scene.batch)
        verdict, cells = read(text)
        first, second, _ = outputs(scene, scene.factor, scene.offset)
        told = [x.mean(), x.std(), first.mean(), first.std()]
        assert pairs(cells["x, mean ± spread"]) == pytest.approx(told, rel=6e-3, abs=1e-9)
        assert ("are all equal, so" in verdict) == (x.std() == 0)
        assert ("mirror" in verdict) == (scene.factor < 0 and x.std() > 0)
        gap = float(np.abs(second - (2 * scene.beta - first if scene.factor < 0 else first)).max())
        large = gap > 0.01 * np.abs(first - scene.beta).max() + 1e-12
        if (scene.factor, scene.offset) == (1.0, 0.0):
            assert not any(name.startswith("largest") for name in cells)
        else:
            changed = scene.factor * x + scene.offset
            told = [changed.mean(), changed.std(), second.mean(), second.std()]
            assert pairs(cells[f"{words.second_name(scene)}, mean ± spread"]) == pytest.approx(told, rel=6e-3, abs=1e-9)
            moved = [np.abs(changed - x).max(), np.abs(second - first).max()]
            assert pairs(cells["largest change of a value"]) == pytest.approx(moved, rel=0.06, abs=1e-9)
            if scene.factor < 0:
                assert pairs(cells["largest distance from the mirror image"]) == pytest.approx([gap], rel=0.06, abs=1e-9)
            if scene.factor and x.std():
                assert ("does not come out as" in verdict) == ("δ is not small" in verdict) == large
                assert words.outcome(scene) == ("not " if large else "") + ("mirrored" if scene.factor < 0 else "the same values")
        arm, R = result.arm, RATES.index(scene.learning_rate)
        ends = arm.losses[-10:].mean(0).reshape(len(KINDS), len(RATES), trained_starts(scene))
        wide = (ends.mean(-1) < np.log(10) / 2).sum(1).tolist()
        assert cells["learning rates of 7 that at least halve the loss of guessing"] == [str(wide[0]), str(wide[1])]
        losses = cells[f"training loss after {scene.steps} steps, ε = {scene.learning_rate:g}, m = {scene.batch_size}"]
        for kind in (0, 1):
            finite = bool(ends[kind, R].isfinite().all())
            assert ("overflowed" in losses[kind]) != finite
            if finite:
                assert losses[kind] == format_number(ends[kind, R].mean(), 3)
        assert not re.search(r"\bnan\b|\binf\b", text)


def test_predict_is_true_at_any_setting(scenes: list[tuple[Config, Result]]) -> None:
    met = set()
    for scene, result in scenes:
        question = words.predict(result, scene)
        assert len(question.options) <= 6
        factor, offset = (scene.factor, scene.offset)
        if (factor, offset) == (1.0, 0.0):
            factor = 2.0
        first, second, _ = outputs(scene, factor, offset)
        limit = 0.01 * np.abs(first - scene.beta).max() + 1e-9
        holds = {"same": np.abs(second - first).max() <= limit, "mirror": np.abs(second + first - 2 * scene.beta).max() <= limit,
                 "times": np.abs(second - factor * first - offset).max() <= limit,
                 "flat": np.ptp(second) <= 2 * limit and abs(second.mean() - scene.beta) <= limit}
        right = tuple(name for name, true in holds.items() if true)
        assert question.right == (right or ("other",)), scene
        met |= set(question.right)
        mean, spread = numbers(question.why)
        assert mean == pytest.approx(second.mean(), rel=6e-3, abs=1e-9)
        small = "less than" in question.why
        assert second.std() < spread == 0.001 if small else spread == pytest.approx(second.std(), rel=6e-3, abs=1e-9)
        assert ("as before" in question.why) == ("same" in right)
        told = numbers(question.text)
        assert told == [v for v, neutral in ((factor, 1.0), (offset, 0.0)) if v != neutral]
        assert all(question.judge(name).right for name in question.right)
        for other in set(question.options) - set(question.right):
            assert not question.judge(other).right
    assert met == {"same", "mirror", "times", "flat", "other"}, "some answer is never right"


def test_predict_needs_no_finished_run() -> None:
    first = next(lesson.steps(Config(steps=20, starts=1)))
    assert words.predict(first, Config()).right == ("same",)


def test_captions_and_alt_texts(scenes: list[tuple[Config, Result]]) -> None:
    for scene, result in scenes:
        board = PAGE.draw(result, scene)
        panels = {p.id: p for p in [*board.panels, *board.further]}
        assert all(p.alt and "nan" not in p.alt for p in panels.values())
        assert ("hollow" in panels["lines"].caption) == ((scene.factor, scene.offset) != (1.0, 0.0))
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


def test_where_delta_matters_the_sentence_says_that_it_does() -> None:
    """It once said "does not come out as the same numbers, but for what δ does", which is the opposite."""
    result = next(lesson.steps(Config(steps=20, starts=1)))
    preset = next(p for p in PAGE.presets if p.name == "δ is not small")
    verdict, _ = read(words.summary(result, Config(**preset.values)))
    assert verdict == "**Multiplied by 2, the batch does not come out as the same numbers: δ is not small beside σ².**"
    verdict, _ = read(words.summary(result, Config()))
    assert verdict == "**Multiplied by 2, the batch comes out as the same numbers, but for a small effect of δ.**"


def test_the_small_spread_is_named_that_delta_is_not_small_beside() -> None:
    """It once said "beside σ²" of a batch with σ = 2, of which δ = 0.01 is a small part; it is not of a tenth of that batch."""
    result = next(lesson.steps(Config(steps=20, starts=1)))
    for factor in (0.1, -0.1):
        verdict, cells = read(words.summary(result, Config(factor=factor, delta=0.01)))
        assert "δ is not small beside the new σ²." in verdict
        assert cells[f"{'−' if factor < 0 else ''}0.1 x, mean ± spread"][0].endswith("± 0.2")
    assert "δ is not small beside σ²." in words.summary(result, Config(batch=(0.1, 0.2, 0.35), delta=0.1))


def test_what_undoes_the_norm_is_the_root_where_delta_counts() -> None:
    """It once said "γ = σ" where γ was 1.5 and σ 1.12."""
    result = next(lesson.steps(Config(steps=20, starts=1)))
    undone = dict(batch=(0.0, 1.0, 2.0, 3.0), delta=1.0, gamma=1.5, beta=1.5)
    assert "**γ = √(σ² + δ) and β = μ undo the norm" in words.summary(result, Config(**undone, factor=1.0))
    assert "does not come out as x itself: δ is not small" in words.summary(result, Config(**undone))
    assert "**γ = σ and β = μ undo the norm" in words.summary(result, Config(gamma=2.0, beta=3.0, factor=1.0))
    for factor, said in ((2.0, "x itself"), (-1.0, "the mirror image of x")):
        assert f"comes out as {said}, as γ = σ and β = μ undo the norm" in words.summary(
            result, Config(gamma=2.0, beta=3.0, factor=factor))


def test_without_a_scale_every_value_is_the_shift() -> None:
    """It once said of eight equal outputs that the batch comes out as the mirror image of what it was, or undone."""
    result = next(lesson.steps(Config(steps=20, starts=1)))
    for factor, tail in ((2.0, ""), (-2.0, ", its own mirror image")):
        said = words.summary(result, Config(gamma=0.0, factor=factor))
        assert f"the batch comes out as before: with γ = 0 every value is β{tail}.**" in said
        assert "β for every value" in words.predict(result, Config(gamma=0.0, factor=factor)).options["flat"]
    nearly_equal = dict(batch=(1e-9, 3e-9), delta=1e-8, gamma=0.0, beta=0.0)
    for factor in (1.0, 2.0):
        assert "undo" not in words.summary(result, Config(**nearly_equal, factor=factor))


def test_a_zero_is_said_of_a_zero_only() -> None:
    result = next(lesson.steps(Config(steps=20, starts=1)))
    tiny = words.summary(result, Config(batch=(1e-9, 3e-9)))
    assert "| x, mean ± spread | 2·10⁻⁹ ± 10⁻⁹ |" in tiny
    # Three times 0.1 has a spread of 10⁻¹⁷ in floating point.
    assert "σ = 0 and each comes out as β = −1" in words.summary(result, Config(batch=(0.1, 0.1, 0.1)))
    assert "| x, mean ± spread | 0 ± " in words.summary(result, Config(batch=(-0.1, -0.2, 0.3)))


def test_the_set_up_shows_all_but_the_answer() -> None:
    result = next(lesson.steps(Config(steps=20, starts=1)))
    for values in (dict(), dict(factor=1.0), dict(factor=-1.5, offset=2.0), dict(factor=0.0), *ODD):
        scene = Config(steps=20, starts=1, **values)
        factor, offset = lesson.question_transform(scene)
        first, second, _ = outputs(scene, factor, offset)
        setup = PAGE.draw(result, scene).setup
        rows = {t.name: np.array(t.x) for t in setup.figure.data if t.name}
        np.testing.assert_allclose(rows.pop("x"), scene.batch, rtol=1e-6)
        np.testing.assert_allclose(rows.pop("y"), first, rtol=1e-5, atol=1e-5)
        ((name, changed),) = rows.items()
        np.testing.assert_allclose(changed, factor * np.array(scene.batch) + offset, rtol=1e-5, atol=1e-6)
        assert name in setup.title
        if np.ptp(second) and not np.allclose(second, first) and not np.allclose(second, changed):
            shown = np.concatenate([np.ravel(t.x) for t in setup.figure.data])
            assert not all(np.isclose(shown, v, atol=1e-6).any() for v in second)


def test_thumbnail_ends_where_both_batches_meet(opening: Result) -> None:
    picture = pictures.thumbnail(opening, Config())
    assert len(picture["marks"]) <= 5 and all(len(mark["points"]) <= 80 for mark in picture["marks"])
    fans = [mark["points"] for mark in picture["marks"] if mark["kind"] == "line"]
    bottoms = [sorted(x for x, y in points if y == 0) for points in fans]
    np.testing.assert_allclose(*bottoms, atol=1e-3)
    assert sorted(x for x, y in fans[0] if y == 1) != sorted(x for x, y in fans[1] if y == 1)


def test_brackets_of_the_spread_are_within_the_picture():
    for values in (dict(batch=(0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 4.5, -10.0), gamma=1.0, beta=0.0), {}, dict(gamma=-3.0, beta=2.0)):
        view = Config(**values)
        low, high = pictures.reach_of(view)
        for x in {view.batch, tuple(view.factor * v + view.offset for v in view.batch)}:
            mean, spread = np.mean(x), np.std(x)
            assert low <= mean - spread and mean + spread <= high


def test_the_spread_of_a_normalised_input_falls_only_where_it_is_as_small_as_delta():
    """Between neighbours of the drawn line the formula is never far from the line between them."""
    view = Config()
    sigma, figure = np.std(view.batch), pictures.scaling(view)
    dashed = next(trace for trace in figure.data if trace.line.dash == "dash")
    x, y = np.asarray(dashed.x, float), np.asarray(dashed.y, float)
    fine = np.linspace(-0.5, 0.5, 20001)
    exact = abs(view.gamma) * sigma * abs(fine) / np.sqrt(fine**2 * sigma**2 + view.delta)
    assert np.abs(np.interp(fine, x, y) - exact).max() < 0.1 * exact.max()
