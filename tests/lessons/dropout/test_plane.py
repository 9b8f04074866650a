"""Dropout on points in the plane, the lesson's and the reader's own: data, nets, pictures, words, and links as they were."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.lessons import dropout
from core.lessons.dropout import lesson, words
from core.lessons.dropout.data import TEST
from core.lessons.dropout.lesson import SEEDS, Config, Result
from core.uploads import Points
from figures.dropout import pictures, plane
from tests.pages import page_spec
from tests.scenes import NO_WORD, check
from tests.wire import text_of
from ui.chart import encode

DIGEST = "d" * 32
MOONS = Config(data="two_moons", samples=80, corrupt=20, steps=100)


def brought(n: int, right: int, seed: int = 0, apart: float = 2.0, flat: bool = False) -> Points:
    """n points, `right` of them of the second class, whose name is too long to stand beside its unit."""
    y = (np.arange(n) < right).astype(np.int64)
    x = np.random.default_rng(seed).normal(size=(2, n)).astype(np.float32)
    x[0] += apart * y
    x[1] *= not flat
    spread = x.std(1, keepdims=True)
    return Points((x - x.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1).astype(np.float32), y,
                  ("stone", "a very old tree"))


def run_of(points: Points, **about) -> tuple[Config, list[Result]]:
    config = Config(points=DIGEST, **about)
    return config, list(lesson.steps(config, {DIGEST: lesson.POINTS.pack(points)}))


@pytest.fixture(scope="module")
def moons() -> Result:
    return lesson.run(MOONS)


@pytest.fixture(scope="module")
def own() -> tuple[Config, Result]:
    config, results = run_of(brought(120, 50), steps=100)
    return config, results[-1]


def spoken(result: Result, config: Config) -> list[str]:
    """All that the page says of a run."""
    board = page_spec("dropout").draw(result, config)
    panels = [*board.panels, *board.further, board.setup]
    titles = [panel.title if isinstance(panel.title, str) else panel.title() for panel in panels]
    asked = words.predict(result, config)
    return [board.summary, asked.text, asked.why, words.CHALLENGE.check(result, config, None).words, *titles,
            *(panel.caption for panel in panels), *words.alt_texts(result, config).values(), *board.player.labels]


def test_links_of_before_open_digits():
    scene = Config()
    assert (scene.data, scene.points) == ("digits", "")
    first = next(lesson.steps(dataclasses.replace(scene, steps=100)))
    assert first.data.x.shape == (SEEDS, 64, 200) and first.mlp.sizes == (64, 32, 32, 10) and not first.plane
    assert [len(first.names), first.uploaded] == [10, None]


@pytest.mark.parametrize("data", ["two_moons", "circles"])
def test_sets_of_the_plane_are_disjoint_and_drawn_anew_for_each_seed(data):
    result = next(lesson.steps(dataclasses.replace(MOONS, data=data)))
    assert result.data.x.shape == (SEEDS, 2, 80) and result.data.x_test.shape == (SEEDS, 2, TEST)
    columns = [tuple(c) for part in (result.data.x, result.data.x_test) for one in part for c in one.T.tolist()]
    assert len(set(columns)) == len(columns)
    assert result.mlp.sizes == (2, 32, 32, 2)


def test_so_many_training_labels_are_wrong_and_the_same_points_are_drawn(moons):
    right = next(lesson.steps(dataclasses.replace(MOONS, corrupt=0)))
    assert torch.equal(right.data.x, moons.data.x)
    assert ((right.data.y != moons.data.y).sum(1) == 16).all()
    assert torch.equal(right.data.y_test, moons.data.y_test)


def test_own_points_train_and_test_without_overlap(own):
    _, result = own
    points = brought(120, 50)
    given = {tuple(c): int(y) for c, y in zip(points.x_2N.T.tolist(), points.y_N, strict=True)}
    for s in range(SEEDS):
        train, test = ([tuple(c) for c in part[s].T.tolist()] for part in (result.data.x, result.data.x_test))
        assert len(train) == len(test) == 60 and not set(train) & set(test)
        assert [given[c] for c in train] == result.data.y[s].tolist()
        assert [given[c] for c in test] == result.data.y_test[s].tolist()
    assert result.names == points.names


def test_the_diagram_in_the_plane_shows_the_whole_net_that_trained(moons):
    """From the two inputs to P(class), in plain torch under the masks of the diagram."""
    drawn, frames = pictures.diagram(moons), moons.frames
    assert [len(layer.units) for layer in drawn.layers] == [2, 32, 32, 2]
    net = nn.Sequential(nn.Linear(2, 32), nn.Linear(32, 32), nn.Linear(32, 2))
    given = {tuple(c) for c in moons.data.x[0].T.tolist()}
    for f in range(len(frames.update)):
        nn.utils.vector_to_parameters(frames.theta[f], net.parameters())
        h = torch.from_numpy(drawn.layers[0].values[f])
        assert tuple(h.tolist()) in given
        for part, weights, layer in zip(net, drawn.weights, drawn.layers[1:], strict=True):
            np.testing.assert_array_equal(weights[f], part.weight.detach())
            if layer.dropped is None:
                np.testing.assert_allclose(layer.values[f], part(h).softmax(0).detach(), rtol=1e-4, atol=1e-5)
            else:
                h = part(h).relu() * torch.from_numpy(1.0 - layer.dropped[f]).float() / (1 - MOONS.p)
                np.testing.assert_allclose(layer.values[f], h.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [False, True])
def test_pictures_of_the_plane_are_of_the_full_net(moons, dropout):
    theta = (moons.frames.theta if dropout else moons.frames.plain)[-1]
    net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    nn.utils.vector_to_parameters(theta, net.parameters())
    surface = plane.says(moons, dropout).data[0]
    x, y = np.meshgrid(surface["x"], surface["y"])
    with torch.no_grad():
        p = net(torch.tensor(np.stack([x, y], -1))).softmax(-1)[..., 1]
        np.testing.assert_allclose(surface["z"], p, atol=3e-4)
        across, up = (np.linspace(v.min(), v.max(), plane.SIDE, dtype=np.float32) for v in (x, y))
        places = np.stack(np.meshgrid(across, up[::-1]), -1)  # pictures are read from the top
        hidden = net[:4](torch.tensor(places)).numpy()
    cells = plane.responses(moons, dropout).cells
    assert len(cells) == 32
    for u, cell in enumerate(cells):
        level = cell.images[-1].astype(float)
        assert level.min() >= 127  # no response is below zero
        if np.ptp(hidden[..., u]) > 0.1:
            assert np.corrcoef(level.ravel(), hidden[..., u].ravel())[0, 1] > 0.99


def test_words_speak_of_points_and_of_the_classes_of_the_file(moons, own):
    for config, result in ((MOONS, moons), own):
        said = spoken(result, config)
        assert not [text for text in said if "digit" in text.lower() or "pixel" in text.lower()]
        assert any("points" in text for text in said)
    config, result = own
    said = spoken(result, config)
    assert any("stone" in text and "squares: class a very old tree" in text for text in said)
    assert any("your own points" in text for text in said)
    assert not any("your own" in text for text in spoken(moons, MOONS))
    assert set(pictures.labels(result)) <= {f"update {u}: class {name}" for u in result.frames.update for name in result.names}
    assert pictures.diagram(result).layers[-1].units == ("stone", "a ver…")


ODD = {"six": brought(6, 3), "few": brought(20, 5), "flat": brought(60, 30, flat=True), "unequal": brought(400, 5),
       "many": brought(2000, 900), "far apart": brought(40, 20, apart=200.0)}


@pytest.mark.parametrize("points", ODD.values(), ids=ODD)
@pytest.mark.parametrize("about", [dict(steps=600, p=0.8, depth=3, samples=400), dict(corrupt=40, depth=1, width=8, steps=100)],
                         ids=["deep", "narrow"])
def test_odd_points_can_be_drawn(points, about):
    config, results = run_of(points, **about)
    for result in (results[0], results[-1]):
        check(page_spec("dropout"), dropout, config, result)
        assert not [text for text in spoken(result, config) if NO_WORD.search(text)]
        board = page_spec("dropout").draw(result, config)
        assert encode(board).size < 1_000_000
        assert b'"nan' not in text_of(encode(board)).lower()
        for picture in (pictures.by_p(result), pictures.curves(result, config), pictures.through_training(result, config)):
            drawn = np.concatenate([np.ravel(t["y"]).astype(float) for t in picture.data])
            assert (drawn >= pictures.LEAST * 0.999).all() and np.isfinite(drawn).all()
            assert all(np.isfinite(note["y"]) for note in picture.layout.annotations)


def test_a_loss_with_no_place_on_the_axis_is_said_to_be_drawn_at_its_end():
    config, results = run_of(brought(40, 20, apart=200.0), steps=600)
    for result in (results[0], results[-1]):
        low = any(bool((of < pictures.LEAST).any()) for of in (result.masked_loss, result.train_loss, result.test_loss))
        captions = {panel.id: panel.caption for panel in page_spec("dropout").draw(result, config).panels}
        assert all(("0.00001 nats" in captions[name]) == low for name in ("curves", "byp"))
    assert low


def test_few_own_points_are_counted_as_they_are():
    config, results = run_of(brought(20, 8), steps=100)
    captions = {panel.id: panel.caption for panel in page_spec("dropout").draw(results[-1], config).further}
    asked = results[-1].averages.scaled.numel()
    assert asked == SEEDS * min(10, results[-1].data.x_test.shape[-1])
    assert f"for {asked} test points" in captions["agreement"]


def test_keys_have_fewer_than_five_lines():
    for config in (Config(steps=100), Config(steps=100, depth=1), MOONS):
        result = next(lesson.steps(config))
        of_averages = [name for name, _, _ in pictures.legend(result) if "exact" in name or "approximate" in name]
        assert len(of_averages) == 2 + (config.depth > 1)
        assert len(pictures.legend(result)) - len(of_averages) == 3
