"""Mixup: its pictures against their formula, what the page says and asks against the raw tensors of the run."""

from __future__ import annotations

import dataclasses
import io
import random
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ui.page
from core.formatting import format_number
from core.lessons.mixup import lesson as mixup
from core.lessons.mixup import words
from core.lessons.mixup.lesson import PAIRS, PLACES, SEEDS, Config, Result
from core.lessons.mixup.probes import FRAME, TEST
from core.lessons.mixup.words import alt_texts
from figures import style
from figures.mixup import photographs as mixup_pictures
from figures.mixup import pictures
from tests.lessons.mixup.test_lesson import ROOT, WORLDS, whole
from tests.reader import in_browser
from tests.wire import text_of
from ui.chart import encode


def page_names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(ui.page, "show", lambda *args, **about: None)
    return runpy.run_path(str(ROOT / "pages" / "mixup.py"))


def test_every_board_can_be_drawn_from_the_first_partial_result_on(monkeypatch: pytest.MonkeyPatch):
    page = page_names(monkeypatch)
    for values in (WORLDS[0], WORLDS[2], WORLDS[4]):
        config = Config(**values)
        results = list(mixup.steps(config))
        boards = [encode(page["draw"](result, config)) for result in (results[0], results[-1])]
        assert all(board.size < 400_000 for board in boards)
        assert not any(b'"nan' in text_of(board).lower() for board in boards)
        moved = dataclasses.replace(config, frame=3)
        assert encode(page["draw"](results[-1], moved)).digest == boards[-1].digest


def test_presets_are_scenes_and_the_references_have_the_licences(monkeypatch: pytest.MonkeyPatch, opening: Result):
    page = page_names(monkeypatch)
    scenes = [Config(**preset.values) for preset in page["PRESETS"]]
    assert 4 <= len(scenes) <= 7 and scenes[0] == Config() and len(set(scenes)) == len(scenes)
    for picture in {one for values in PAIRS for one in mixup.pair(Config(pair=values))}:
        assert f"{picture.caption} ({picture.licence})" in " ".join(page["REFERENCES"].split())
    assert "no dog photograph" in page["REFERENCES"]
    assert "CC0" not in page["draw"](opening, Config()).panels[0].caption


@pytest.mark.parametrize("values", WORLDS)
def test_what_is_said_follows_from_the_result(values: dict[str, Any]):
    config = Config(**values)
    result = whole(config)
    text, alt = words.summary(result, config), alt_texts(result, config)["errors"]
    _, _, *rows = [line.strip("|").split("|") for line in text.split("\n\n")[1].splitlines()]
    assert [row[0].strip() for row in rows] == ["Ordinary training", "Mixup"] and "nan" not in text
    for row, errors, given, ece in zip(rows, result.test_error[-1].double(), result.train_error[-1], result.ece, strict=True):
        wrong = round(float((errors * TEST).sum()))
        told, off = (float(cell.replace("\u00a0%", "")) for cell in row[3:])
        assert told == pytest.approx(100 * wrong / (SEEDS * TEST), rel=0.006)
        assert off == pytest.approx(100 * float(ece.mean()), rel=0.006)
        assert row[2].strip() == words.format_part(given.mean())
    assert ("no training label is wrong" in alt) == (config.corrupt == 0)
    better, worse = (int((sign * (result.test_error[-1, 1] - result.test_error[-1, 0]) < 0).sum()) for sign in (1, -1))
    assert f"mixup less on {better} of {SEEDS} seeds and more on {worse}" in alt


def test_bars_and_points_follow_lambda(opening: Result):
    bars = mixup_pictures.mixed_label(Config()).data[0].meta["frames"]["x"]
    share = np.linspace(0, 1, PLACES)
    assert np.allclose(bars.sum(1), 1) and np.allclose(bars[:, 1], share)
    moving = pictures.between(opening, Config()).data[1].meta["frames"]
    assert np.allclose(moving["x"][-1], opening.data.x[0, 0]) and np.allclose(moving["x"][0], np.roll(opening.data.x[0, 0], -1))
    assert np.array_equal(moving["marker.color"][-1], opening.data.given[0])


def test_the_montage_mixes_neighbours_at_each_lambda():
    scene = Config(**WORLDS[1])
    result = whole(scene)
    grid, image = pictures.between(result, scene), result.data.x[0].numpy().T.reshape(-1, 8, 8)
    assert grid.moves and len(grid.cells) == 24
    for n, cell in enumerate(grid.cells):
        assert cell.images.shape == (PLACES, 8, 8)
        for frame in (0, 7, PLACES - 1):
            share = frame / (PLACES - 1)
            mixed = share * image[n] + (1 - share) * image[(n + 1) % len(image)]
            assert np.abs(np.asarray(cell.images)[frame] / 255 - mixed).max() < 0.51 / 255


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    def test_the_browser_mixes_pixels_by_the_formula(self, browser, tmp_path: Path):
        page = browser.new_page(viewport=dict(width=900, height=600))
        for pair, frame in (("cat", 14), ("brain", 5), ("eye", 0), ("cat", 20)):
            fig = mixup_pictures.pictures(Config(pair=pair))
            fig.layout.template = style.template()
            fig.data[1].opacity = float(fig.data[1].meta["frames"]["opacity"][frame])
            fig.update_traces(zsmooth=False, selector=dict(type="image"))
            file = tmp_path / f"{pair}{frame}.html"
            fig.write_html(file, default_width="800px", default_height="560px", config=dict(displayModeBar=False))
            i, j = (np.asarray(Image.open(io.BytesIO(mixup_pictures.album()[name][1].data)).convert("RGB")).astype(float)
                    for name in PAIRS[pair])
            share = frame / (PLACES - 1)
            # The browser rounds the opacity and the sum to eight bits.
            assert np.abs(large_picture(page, file) - (share * i + (1 - share) * j)).max() <= 2.0
        page.close()


def large_picture(page: Any, file: Path) -> np.ndarray:
    """What the screen shows at the centre of every pixel of the large picture, [160, 160, 3]."""
    page.goto(file.as_uri())
    page.wait_for_selector(".im image")
    page.wait_for_timeout(200)
    left, top, scale = page.evaluate("""() => {
        const plot = document.querySelector('.js-plotly-plot'), { xaxis, yaxis } = plot._fullLayout;
        const box = plot.getBoundingClientRect();
        return [box.left + xaxis._offset, box.top + yaxis._offset, xaxis._length / 160]; }""")
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(float)
    at = (np.arange(160) + 0.5) * scale
    return shot[(top + at).astype(int)][:, (left + at).astype(int)]


# Questions

RNG = random.Random(5)
SCENES = [Config(problem="digits" if k % 5 == 4 else "moons", alpha=RNG.choice((0.01, 0.3, 1.0, 5.0, 20.0)), steps=100,
                 corrupt=RNG.randrange(0, 65, 5), samples=RNG.randrange(40, 220, 20), noise=RNG.choice((0.0, 0.2, 0.4)),
                 seed=RNG.randrange(1000), frame=RNG.randrange(PLACES)) for k in range(12)]


@pytest.mark.parametrize("config", SCENES, ids=lambda c: f"{c.problem}-{c.alpha:g}-{c.seed}")
def test_questions_sentences_and_alts_follow_from_the_tensors(config: Config):
    for result in mixup.steps(config):
        asked = words.predict(result, config)
        sure = 100 * result.sure[:, result.sure.shape[1] // 2].mean(1)
        assert asked.truth == pytest.approx(float(sure[1])) and asked.low <= asked.truth <= asked.high
        erm, mixed = (words.format_part(float(v) / 100) for v in sure)
        assert f"{mixed} sure, ordinary training {erm}" in asked.why
        assert ("does not make it less sure" in asked.why) == (float(sure[1]) >= float(sure[0]) - 1)
        middle = ((result.shares > 0.1) & (result.shares < 0.9)).float().mean()
        # Mixed labels are named as the reason only where there are some.
        assert middle > 0.1 or "mixed labels ask" not in asked.why
        assert asked.judge(round(float(sure[1]))).right and not asked.judge(float(sure[1]) + 7).right
        sentence, table = words.summary(result, config).split("\n\n")
        names = alt_texts(result, config)
        wrong = int((result.data.given[0] != result.data.true[0]).sum())
        assert (f"{wrong} of {config.samples} training labels are wrong" in names["errors"]) == (wrong > 0)
        assert f"{mixed} sure of its answer after mixup and {erm} after" in sentence
        assert f"Ordinary training | {erm} |" in table and f"Mixup | {mixed} |" in table
        right = [words.format_part(1 - error) for error in result.test_error[-1].mean(-1)]
        assert f"{right[0]} right, mixup" in names["calibration"] and f"{right[1]} right." in names["calibration"]
        assert not any("nan" in name for name in names.values())


def test_every_panel_has_its_sentence(monkeypatch: pytest.MonkeyPatch, opening: Result):
    text = alt_texts(opening, Config())
    board = page_names(monkeypatch)["draw"](opening, Config())
    panels = [*board.panels, *board.further, board.setup]
    assert [panel.alt for panel in panels] == [text[panel.id] for panel in panels]


def test_a_percentage_is_none_or_all_only_where_it_is_so():
    assert [words.format_part(v).replace("\u00a0", " ") for v in (0.0, 0.004, 0.005, 0.006, 0.5, 0.994, 0.9951, 1.0)] == [
        "0 %", "less than 1 %", "less than 1 %", "1 %", "50 %", "99 %", "more than 99 %", "100 %"]


def test_where_hardly_a_label_is_mixed_doubt_is_not_laid_to_mixed_labels():
    scene = Config(alpha=0.01, steps=600, seed=2)
    result = whole(scene)
    erm, mixed = mixup.confidence_at_half(result)
    assert mixed < erm - 0.01
    assert "hardly a label is mixed" in words.predict(result, scene).why


def test_the_part_of_the_picture_in_doubt_is_told_as_coarsely_as_it_is_known(opening: Result):
    """The same sentence from every second place of the plane as from all."""
    sparse = dataclasses.replace(opening, surface=opening.surface[..., ::2, ::2])
    for arm in mixup.ARMS:
        assert alt_texts(opening, Config())[f"surface-{arm}"] == alt_texts(sparse, Config())[f"surface-{arm}"]


def test_the_large_markers_of_calibration_are_whole(opening: Result):
    assert all(t.cliponaxis is False for t in pictures.calibration(opening).data if "markers" in t.mode)


@pytest.mark.parametrize("values", [WORLDS[0], WORLDS[1], WORLDS[3]])
def test_the_question_shows_two_test_samples_and_the_point_half_way(values: dict[str, Any]):
    result = whole(Config(**values))
    picture, test = pictures.setup(result), result.data.x_test[0].numpy()
    if values.get("problem") == "digits":
        a, middle, b = (cell.images[0].astype(float) / 255 for cell in picture.cells)
        assert np.allclose(middle, (a + b) / 2, atol=1.01 / 255)  # levels are rounded, each of the three
        labels = [int(result.data.y_test[0, np.abs(test - v.reshape(64, 1)).sum(0).argmin()]) for v in (a, b)]
        assert [cell.labels for cell in picture.cells] == [(f"a {labels[0]}",), ("half-way",), (f"an {labels[1]}",)]
        assert not picture.moves
    else:
        way = np.stack([picture.data[1].x, picture.data[1].y])
        labels = [int(result.data.y_test[0, np.abs(test - way[:, k : k + 1]).sum(0).argmin()]) for k in (0, 2)]
        assert labels == [0, 1] and np.allclose(way[:, 1], (way[:, 0] + way[:, 2]) / 2, atol=1e-6)
        low, high = np.array(FRAME).T
        assert (low < way.T).all() and (way.T < high).all()
        assert len(picture.data) <= 2 and "erm" not in str(picture.data)


def test_planes_have_one_scale(opening: Result):
    for picture in (pictures.between(opening, Config()), pictures.surface(opening, "erm"), pictures.setup(opening)):
        assert picture.layout.yaxis.scaleanchor == "x"


def test_the_challenge_is_met_by_clean_labels_and_strong_mixing_and_by_neither_alone(opening: Result):
    check = words.CHALLENGE.check
    met = Config(corrupt=0, alpha=20.0, noise=0.1)
    verdict = check(whole(met), met, None)
    errors = whole(met).test_error[-1]
    assert verdict.right and bool((errors[1] > errors[0]).all())
    assert f"{format_number(100 * errors[1].mean(), 3)}\u00a0%" in verdict.words
    assert not check(opening, Config(), None).right
    for near in (Config(corrupt=0), Config(alpha=20.0)):
        verdict = check(whole(near), near, None)
        worse = int((whole(near).test_error[-1, 1] > whole(near).test_error[-1, 0]).sum())
        assert not verdict.right and f"worse on {worse} of {SEEDS} seeds" in verdict.words


def test_the_thumbnail_shows_both_nets_and_the_label(opening: Result):
    marks = pictures.thumbnail(opening, Config())["marks"]
    assert len(marks) <= 5 and all(0 < len(mark["points"]) <= 80 for mark in marks)
    _, label, erm, mixed = (np.array(mark["points"]) for mark in marks)
    assert label[:, 1].tolist() == [1, 0.5, 1] and mixed[PLACES // 2, 1] < erm[PLACES // 2, 1]
