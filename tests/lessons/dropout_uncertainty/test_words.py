"""Dropout's uncertainty in words: question, challenge, presets and sentences, each worked out again from the raw passes."""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest
import torch

from core.engine import generators
from core.formatting import format_number
from core.lessons.dropout_uncertainty import lesson, uncertainty, words
from core.lessons.dropout_uncertainty.data import FAR, IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty.lesson import METHODS, Config, Result
from core.lessons.dropout_uncertainty.words import CHALLENGE
from core.question import Amount, Pick
from figures.dropout_uncertainty import pictures, worth
from tests.pages import page_spec
from tests.scenes import anything
from ui.chart import Board, encode

PAGE = page_spec("dropout_uncertainty")


def small(rng: random.Random) -> Config:
    return anything(Config, rng, steps=100, width=16, members=rng.randint(2, 5), points=rng.choice([20, 60]))


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    """Fourteen scenes by chance, without dropout and without a gap among them."""
    odd = [Config(dropout=0.0, steps=100, members=3), Config(gap=0.0, steps=100, members=3, focus="bagging")]
    drawn = [*odd, *(small(random.Random(case)) for case in range(12))]
    return [(scene, list(lesson.steps(scene.trained()))) for scene in drawn]


def sigma(result: Result, method: str, T: int) -> np.ndarray:
    return result.passes[method][:T].numpy().astype(np.float64).std(0, ddof=1)


def regions(result: Result, values: np.ndarray) -> dict[int, float]:
    """Mean over each region that the scene has, by NumPy."""
    places = result.region_G.numpy()
    return {r: float(values[places == r].mean()) for r in (IN_DATA, IN_GAP, FAR) if (places == r).any()}


RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def numbers(text: str) -> list[float]:
    """The numbers of a text, 1,200 and −3·10⁻⁷ among them."""
    text = re.sub(r"(?<![\d·])10(?=[⁻⁰-⁹¹²³])", "1·10", text.replace("−", "-"))
    text = re.sub(r"·10([⁻⁰-⁹¹²³]+)", lambda found: f"e{found[1].translate(RAISED)}", text)
    return [float(v.replace(",", "")) for v in re.findall(r"-?\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?", text)]


def test_numbers_are_read_back() -> None:
    assert numbers("0 and −1,200 or 3.1·10⁻⁷, 10⁻³⁰ and 0.15") == [0, -1200, 3.1e-7, 1e-30, 0.15]


def certain(result: Result, method: str, T: int) -> float:
    """% of the places far away at which the mean leaves less than 5 % to the other class."""
    mean = result.passes[method][:T].numpy().astype(np.float64).mean(0)[result.region_G.numpy() == FAR]
    return 100 * float((np.minimum(mean, 1 - mean) < 0.05).mean())


def sentence_and_table(text: str) -> tuple[str, list[list[str]]]:
    """The bold sentence of a verdict and the cells of its table, head first."""
    sentence, lines = text.split("\n\n")
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
    return sentence.strip("*"), [head, *rows]


def rises(by: dict[str, dict[int, float]], place: int) -> dict[str, float]:
    return {m: v[place] / v[IN_DATA] for m, v in by.items() if v[IN_DATA] > 0}


def told(ratio: float) -> str:
    return "less than 0.01" if ratio < 0.01 else "more than 100" if ratio > 100 else format_number(ratio)


def test_seen_holds_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        sentence, (head, *rows) = sentence_and_table(words.summary(result, scene))
        assert not {"nan", "inf"} & set(re.findall(r"\w+", sentence))
        assert [row[0] for row in rows] == list(METHODS.values())
        T, focus = scene.passes, scene.focus
        if scene.problem == "curve":
            by = {m: regions(result, sigma(result, m, T)) for m in METHODS}
            assert ("in the gap" in head) == (scene.gap > 0) == ("In the gap" in sentence or "in the gap" in sentence)
            for row, means in zip(rows, by.values(), strict=True):
                assert [numbers(cell)[0] for cell in row[1:]] == pytest.approx(list(means.values()), rel=0.06, abs=1e-7)
            ratio = rises(by, IN_GAP if scene.gap > 0 else FAR)
            if focus not in ratio or by[focus][IN_DATA] < 1e-7:
                assert "σ is 0" in sentence and scene.dropout == 0
                continue
            assert f"σ of {words.IN_WORDS[focus]} is {told(ratio.pop(focus))} times that among the data" in sentence
            most = max(ratio, key=lambda m: ratio[m])
            assert f"that of {words.IN_WORDS[most]} {told(ratio[most])} times" in sentence
        else:
            for m, row in zip(METHODS, rows, strict=True):
                assert row[3] == words.format_part(certain(result, m, T) / 100)
            assert f"sure in {words.format_part(certain(result, focus, T) / 100)} of the plane" in sentence
            assert words.IN_WORDS[focus] in sentence


def test_pictures_say_where_each_method_is_most_wrong(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result, T = results[-1], scene.passes
        alts = words.alt_texts(result, scene)
        for method in METHODS:
            passes = result.passes[method][:T].numpy().astype(np.float64)
            mean, truth = passes.mean(0), result.truth_G.numpy().astype(np.float64)
            if scene.problem == "curve":
                z = np.abs(mean - truth) / np.sqrt(passes.var(0, ddof=1) + scene.noise**2)
                x, ratio = numbers(alts[method].split("near x = ")[1])
                g = int(z.argmax())
                assert abs(x - float(result.grid_DG[0, g])) < 0.051 and ratio == pytest.approx(z[g], rel=0.06)
                continue
            wrong = ((mean > 0.5) != (truth > 0.5)) & ((truth < 0.1) | (truth > 0.9))
            assert ("it is surest near" in alts[method]) == bool(wrong.any())
            if wrong.any():
                assert f"{words.format_part(np.maximum(mean, 1 - mean)[wrong].max())} sure." in alts[method]


def test_titles_say_what_each_spread_does_without_samples(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        board = PAGE.draw(result, scene)
        titles = [panel.title for panel in board.panels[:3]]
        order = [scene.focus, *(m for m in METHODS if m != scene.focus)]
        assert [panel.id for panel in board.panels[:3]] == [f"picture-{m}" for m in order]
        assert [title.split(":")[0] for title in titles] == [METHODS[m] for m in order]
        if scene.problem == "curve":
            by = {m: regions(result, sigma(result, m, scene.passes)) for m in METHODS}
            ratio = rises(by, IN_GAP if scene.gap > 0 else FAR)
            for m, title in zip(order, titles, strict=True):
                exists = m in ratio and by[m][IN_DATA] > 1e-7
                assert title.split(": ")[1].startswith(f"{told(ratio[m])} × as unsure " if exists else "no σ")


def test_where_no_pass_differs_no_title_speaks_of_the_data_alone(scenes: list[tuple[Config, list[Result]]]) -> None:
    """Without dropout it once said "no σ among the data", as if there were one elsewhere, and explained a × that is not there."""
    scene, results = scenes[0]
    panels = {p.id: p for p in PAGE.draw(results[-1], scene).panels}
    assert scene.dropout == 0 and panels["picture-mc_dropout"].title == "MC dropout: no σ anywhere"
    for method in METHODS:
        panel = panels[f"picture-{method}"]
        assert ("× in the title" in panel.caption) == ("×" in panel.title) == (method != "mc_dropout")


def test_marks_and_bars_keep_within_their_frames(scenes: list[tuple[Config, list[Result]]]) -> None:
    """Bars of mean ± 2σ once left the frame, and those of probabilities went below 0 and above 1."""
    wild = Config(noise=0.6, points=20, weight_decay=0.0, depth=3, steps=300, members=3)
    for scene, result in [*((scene, results[-1]) for scene, results in scenes), (wild, lesson.run(wild))]:
        figure = pictures.probe(result, scene)
        low, high = figure.layout.yaxis.range
        for trace in figure.data:
            reach = np.array(trace.y)
            if trace.error_y.array is not None:
                reach = np.array([trace.y[0] - trace.error_y.arrayminus[0], trace.y[0] + trace.error_y.array[0]])
            assert low < reach.min() and reach.max() < high
            assert scene.problem == "curve" or (reach.min() > -1e-6 and reach.max() < 1 + 1e-6)
        if scene.problem == "curve":
            methods = [pictures.picture(result, scene, method) for method in METHODS]
            assert len({tuple(figure.layout.yaxis.range) for figure in methods}) == 1
            curves = [trace for figure in methods for trace in figure.data if trace.name in METHODS.values() and not trace.fill]
            crosses = [trace for figure in methods for trace in figure.data if trace.marker.symbol == "x"]
            assert len(crosses) == len(METHODS)
            distance = worth.distance(result, scene)
            for picture, drawn in ((methods[0], [*curves, *crosses]), (distance, distance.data)):
                low, high = picture.layout.yaxis.range
                assert all(low <= np.nanmin(trace.y) and np.nanmax(trace.y) <= high for trace in drawn)


def judged_moons(question: Amount, result: Result, scene: Config) -> None:
    share = certain(result, scene.focus, scene.passes)
    assert question.truth == pytest.approx(share)
    assert words.format_part(share / 100) in question.why
    assert words.IN_WORDS[scene.focus] in question.text
    assert not question.judge(question.truth + 16).right


def judged_curve(question: Amount | Pick, result: Result, scene: Config) -> None:
    by = {m: regions(result, sigma(result, m, scene.passes)) for m in METHODS}
    place = IN_GAP if scene.gap > 0 else FAR
    data, there = by[scene.focus][IN_DATA], by[scene.focus][place]
    assert words.IN_WORDS[scene.focus] in question.text and ("in the gap" in question.text) == (scene.gap > 0)
    if isinstance(question, Pick):
        if len(result.passes[scene.focus][: scene.passes].unique(dim=0)) == 1:
            assert question.right == ("neither",)
        else:
            assert question.right == ("data" if data > there else "there",)
            assert min(data, there) * 99 < max(data, there)  # too far apart for a slider, or one of them 0
        return
    assert question.truth == pytest.approx(there / data, rel=1e-6)
    others = {m: ratio for m, ratio in rises(by, place).items()
              if m != scene.focus and len(result.passes[m][: scene.passes].unique(dim=0)) > 1}
    most = max(others, key=lambda m: others[m])
    assert f"that of {words.IN_WORDS[most]} {told(others[most])} times" in question.why
    assert not question.judge(1.5 * question.truth).right and not question.judge(question.truth / 1.5).right


def test_predict_holds_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            question = words.predict(result, scene)
            if isinstance(question, Amount) and scene.problem == "moons":
                judged_moons(question, result, scene)
            else:
                judged_curve(question, result, scene)
            if isinstance(question, Amount):
                assert question.low <= question.truth <= question.high
                steps = round((question.truth - question.low) / question.step)
                assert question.judge(question.low + steps * question.step).right, "the slider cannot reach the answer"


@pytest.mark.parametrize("scene", [
    Config(depth=1, width=8, passes=2, dropout=0.05), Config(width=8, passes=2, dropout=0.05),
    Config(depth=1, dropout=0.6, gap=1, passes=2, width=8, seed=27), Config(dropout=0.0, steps=100, members=2)])
def test_passes_that_coincide_are_asked_about_too(scene: Config) -> None:
    """Two passes can be the same net, or differ among the data or in the gap only: then no ratio of spreads exists."""
    for result in lesson.steps(scene.trained()):
        judged_curve(words.predict(result, scene), result, scene)
        assert words.summary(result, scene)
        encode(PAGE.draw(result, scene))


def test_where_is_asked_where_no_ratio_is() -> None:
    for data, there, right in ((0.0, 0.0, "neither"), (0.0, 1e-3, "there"), (1e-3, 0.0, "data"), (1.0, 1e-30, "data")):
        question = words._where(data, there, "MC dropout", "in the gap")
        assert question.right == (right,) and ("predictions agree" in question.why) == (right == "neither")
    assert "10⁻³⁰" in question.why


def test_a_preview_has_the_first_passes_of_the_whole() -> None:
    """Else what two passes show while it trains has nothing to do with what they show in the end."""
    task = lesson._Task(Config(passes=2))
    few, many = (task.masks(generators([7])[0], S) for S in (lesson.PREVIEW, lesson.PASSES))
    assert all(torch.equal(a, b[: lesson.PREVIEW]) for a, b in zip(few, many, strict=True))


def test_shares_are_none_and_all_only_where_they_are() -> None:
    told = {0: "0 %", 0.002: "less than 1 %", 0.005: "less than 1 %", 0.006: "1 %", 0.5: "50 %", 0.994: "99 %",
            0.997: "more than 99 %", 1: "100 %"}
    assert {value: words.format_part(value).replace("\u00a0", " ") for value in told} == told


def test_passes_that_are_equal_share_no_information() -> None:
    same = torch.rand(1, 1, 50, generator=generators([1])[0]).expand(7, 1, 50)
    assert not uncertainty.entropies(same).mutual.any()


def test_the_question_shows_what_it_asks_about(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        board = PAGE.draw(results[-1], scene)
        figure = board.setup.figure
        assert sum(len(trace.x) for trace in figure.data if trace.type == "scatter") == scene.points
        place = "far away" if scene.problem == "moons" or scene.gap == 0 else "gap"
        assert place in " ".join(note.text for note in figure.layout.annotations)
        assert encode(Board(panels=[board.setup])).size < 60_000
        if scene.problem == "curve" and scene.gap > 0:
            (shade,) = figure.layout.shapes
            x = results[-1].x_DN[0]
            low, high = figure.layout.yaxis.range
            assert np.ptp(results[-1].y_N.numpy()) > 0.5 * (high - low), "the samples do not fill the frame"
            assert not ((x > shade.x0) & (x < shade.x1)).any()
            assert abs(shade.x1 - shade.x0 - scene.gap) < 0.3


def test_the_question_says_what_its_spread_is_taken_over() -> None:
    opening = next(lesson.steps(Config(steps=100)))
    told = {focus: PAGE.draw(opening, Config(steps=100, focus=focus)).setup.caption.split("σ: ")[1] for focus in METHODS}
    assert told["mc_dropout"] == (f"standard deviation of {lesson.PREVIEW} passes, each with hidden units off at random "
                                  "(p = 0.1).")
    assert told["deep_ensemble"] == "standard deviation of 10 nets, each from its own start."
    assert told["bagging"] == "standard deviation of 10 nets, each on its own bootstrap."


def test_captions_and_alt_texts_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]) -> None:
    for scene, results in scenes:
        result = results[-1]
        board = PAGE.draw(result, scene)
        assert encode(board).size < 400_000
        captions = " ".join(p.caption for p in (*board.panels, *board.further))
        assert ("closed form" in captions) == (scene.problem == "curve" and scene.depth == 1)
        assert ("nothing to average" in captions) == (scene.dropout == 0)
        assert ("nearly σ/√T" in captions) == (scene.dropout > 0)
        alt = {p.id: p.alt for p in (*board.panels, *board.further)}
        assert all(alt.values()) and not re.search(r"\bnan\b", " ".join(alt.values()))
        if scene.problem == "curve":
            told = numbers(alt[f"picture-{scene.focus}"].split("mean σ is")[1].split(". It errs")[0])
            means = regions(result, sigma(result, scene.focus, scene.passes))
            assert told == pytest.approx(list(means.values()), rel=0.06, abs=2e-6)
        at = (result.grid_DG - torch.tensor([scene.probe_x, scene.probe_y])[: len(result.grid_DG), None]).square().sum(0).argmin()
        here = [result.passes[m][: scene.passes, at].double() for m in METHODS]
        assert numbers(alt["probe"])[len(result.grid_DG):] == pytest.approx(
            [v for p in here for v in (float(p.mean()), float(p.std()))] + [float(result.truth_G[at])], rel=0.06, abs=1e-5)
        early = PAGE.draw(results[0], scene)
        assert "Circles" not in " ".join(p.caption for p in (*early.panels, *early.further))


def test_challenge_takes_every_seed_and_is_not_met_by_the_opening_scene() -> None:
    def check(**values: Any) -> bool:
        scene = Config(**values)
        verdict = CHALLENGE.check(None, scene, None)
        if scene.problem == "curve" and scene.gap >= 2 and scene.dropout:
            ratios = numbers(verdict.words.split("gap is ")[1])
            assert len(ratios) == 5 and verdict.right == (min(ratios) >= 1.5)
        return verdict.right

    assert check(width=48, dropout=0.05)
    assert not any(check(seed=seed) for seed in (0, 3, 7))  # whatever the seed that the reader tries
    assert not check(depth=1, gap=2.0)  # the theorem of one hidden layer
    assert not check(dropout=0.5) and not check(dropout=0.0) and not check(gap=1.5) and not check(problem="moons")


def test_challenge_reads_the_run_of_each_seed() -> None:
    for scene in (Config(), Config(seed=3)):
        by = regions(lesson.run(scene), sigma(lesson.run(scene), "mc_dropout", 200))
        assert lesson.gap_ratio(scene) == pytest.approx((by[IN_DATA], by[IN_GAP]), rel=1e-6)


def test_thumbnail_shows_both_bands() -> None:
    scene = Config()
    result = lesson.run(scene)
    picture = pictures.thumbnail(result, scene)
    assert len(picture["marks"]) <= 5 and all(0 < len(mark["points"]) <= 80 for mark in picture["marks"])
    wide, narrow = (np.array(mark["points"]) for mark in picture["marks"] if mark["kind"] == "area")

    def height(outline: np.ndarray) -> float:
        n = len(outline) // 2
        upper, lower = outline[:n], outline[n:][::-1]
        return float((upper[:, 1] - lower[:, 1])[np.abs(upper[:, 0]) < 1].mean())

    assert height(wide) > 3 * height(narrow) > 0
