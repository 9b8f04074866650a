"""What the page of dropout says and draws, against the raw tensors of the run."""

from __future__ import annotations

import dataclasses
import random
from functools import cache

import numpy as np
import pytest
import torch

from core.formatting import format_number
from core.lessons.dropout import lesson, probes, words
from core.lessons.dropout.lesson import SEEDS, Config, Result
from figures.dropout import averaging, pictures
from tests.pages import page_spec
from tests.wire import text_of
from ui.chart import encode

RNG = random.Random(7)
SCENES = [Config(), Config(p=0.05, width=8, depth=1, steps=100), Config(p=0.8, width=8, depth=3, steps=100, samples=80),
          *(Config(p=RNG.randrange(1, 17) * 5 / 100, depth=RNG.randrange(1, 4), width=RNG.randrange(8, 36, 4), steps=100,
                   samples=RNG.randrange(80, 440, 40), corrupt=RNG.randrange(0, 45, 5), seed=RNG.randrange(1000),
                   passes=RNG.choice(probes.COUNTS)) for _ in range(5))]


@cache
def results(config: Config) -> list[Result]:
    """The first and the last of a run."""
    found = list(lesson.steps(config))
    return [found[0], found[-1]]


def mean(values: torch.Tensor, rate: int) -> float:
    return float(values.numpy()[-1, rate].astype(np.float64).mean())


@pytest.mark.parametrize("config", SCENES, ids=lambda c: f"{c.p:g}-{c.depth}-{c.width}-{c.seed}")
def test_sentences_follow_from_the_tensors(config: Config):
    for result in results(config):
        masked, test = mean(result.masked_loss, result.own), mean(result.test_loss, result.own)
        where = "above" if masked > 1.02 * test else "below" if test > 1.02 * masked else "equal"
        assert result.rates[result.own] == config.p
        sentence, table = words.summary(result, config).split("\n\n")
        seen = {"above": "nats, above the", "below": "nats, below the", "equal": "about at the"}[where]
        assert seen in sentence and format_number(masked) in sentence and format_number(test) in sentence
        assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == ["p = 0", f"p = {config.p:g}"]
        asked = words.predict(result, config)
        assert set(asked.right) == ({"above", "below"} if where == "equal" else {where})
        assert format_number(masked) in asked.why and f"p = {config.p:g}" in asked.text and "thinned nets" in asked.text
        assert ("near" if where == "equal" else where) in words.title(result)
        ratios = result.test_loss[-1, result.own] / result.test_loss[-1, 0]
        verdict = words.CHALLENGE.check(result, config, None)
        assert verdict.right == bool((ratios <= 0.75).all())
        assert f"on {int((ratios <= 0.75).sum())} of them" in verdict.words
        for name, text in words.alt_texts(result, config).items():
            assert "nan" not in text and "0.0 " not in text, name


@pytest.mark.parametrize("config", SCENES, ids=lambda c: f"{c.p:g}-{c.depth}-{c.width}-{c.seed}")
def test_every_board_can_be_drawn_and_is_small(config: Config):
    for result in results(config):
        board = page_spec("dropout").draw(result, config)
        sent = encode(board)
        assert sent.size < 1_000_000
        assert b'"nan' not in text_of(sent).lower()
        said = words.alt_texts(result, config)
        panels = [*board.panels, *board.further, board.setup]
        assert [panel.alt for panel in panels] == [said[panel.id] for panel in panels]
        assert len(board.player.labels) == len(result.frames.update)


def test_the_diagram_draws_the_net_and_its_masks():
    result = results(Config())[-1]
    net, frames, page = pictures.diagram(result, most=32), result.frames, page_spec("dropout")
    few = pictures.diagram(result)
    assert [len(layer.units) for layer in few.layers] == [12, 12, 10]
    for some, every in zip(few.layers[:2], net.layers, strict=False):
        assert np.array_equal(some.dropped, every.dropped[:, :12]) and np.array_equal(some.values, every.values[:, :12])
    for some, every in zip(few.weights, net.weights, strict=True):
        assert np.array_equal(some, every[:, : some.shape[1], : some.shape[2]])
    for width, said in ((32, "The first 12 of 32 units a layer."), (8, "")):
        scene = Config(width=width)
        caption = next(p.caption for p in page.draw(result, scene).panels if p.id == "diagram")
        assert said in caption and ("The first" in caption) == bool(said)
    assert [len(layer.units) for layer in net.layers] == [32, 32, 10]
    for layer, mask, units in zip(net.layers, frames.masks, frames.units, strict=False):
        assert np.array_equal(layer.dropped, mask.numpy() == 0)
        assert (units.numpy()[mask.numpy() == 0] == 0).all()
        assert 0.3 < layer.dropped.mean() < 0.7
    vector = torch.nn.utils.vector_to_parameters
    parts = [torch.nn.Linear(64, 32), torch.nn.Linear(32, 32), torch.nn.Linear(32, 10)]
    plain = torch.nn.Sequential(*parts)
    for f in (0, -1):
        vector(frames.theta[f], plain.parameters())
        for weights, layer in zip(net.weights, parts[1:], strict=True):
            assert np.array_equal(weights[f], layer.weight.detach().numpy())
        look = pictures.features(result, dropout=True).cells[5].images[f].astype(float)
        assert np.corrcoef(look.ravel(), parts[0].weight[5].detach().numpy())[0, 1] > 0.99
    assert net.moves


def test_the_question_shows_training_digits_with_the_labels_that_are_given():
    config = SCENES[-1]
    result = results(config)[-1]
    grid = pictures.setup(result)
    assert not grid.moves
    for n, cell in enumerate(grid.cells):
        assert cell.labels == (str(int(result.data.y[0, n])),)
        ink = np.asarray(cell.images)[0] / 255
        assert np.abs(ink - result.data.x[0, :, n].unflatten(0, (8, 8)).numpy()).max() < 0.51 / 255


def test_pictures_have_the_numbers_of_the_result():
    result = results(Config())[-1]
    lines = {t["name"]: t for t in pictures.by_p(result).data if t["mode"] == "lines"}
    of = (pictures.MASKED, result.masked_loss), (pictures.PLAIN, result.train_loss), (pictures.TEST, result.test_loss)
    for name, loss in of:
        np.testing.assert_allclose(lines[name]["y"], loss[-1].mean(1), rtol=1e-5)
        dots = [t for t in pictures.by_p(result).data if t["mode"] == "markers"]
        assert any(np.array_equal(t["y"], loss[-1].numpy().ravel()) for t in dots)
        assert all(len(t["y"]) == SEEDS * len(result.rates) for t in dots)
    dashed = [t for t in averaging.scaling(result).data if t["line"]["dash"] == "dash"]
    np.testing.assert_allclose(dashed[0]["y"], np.array(probes.COUNTS) ** -0.5, rtol=1e-6)
    at = dataclasses.replace(Config(), passes=1)
    dots = averaging.agreement(result, at).data[1]
    np.testing.assert_allclose(dots["y"], 100 * result.averages.averaged[0].flatten(), rtol=1e-6)


def test_keys_call_deep_nets_approximate_and_the_rest_exact():
    deep, one = results(SCENES[0])[-1], results(SCENES[1])[-1]
    names = [name for name, _, _ in pictures.legend(deep)]
    assert [n for n in names if "exact" in n] == ["Linear regression: exact", "One softmax layer, geometric mean: exact"]
    assert [n for n in names if "approximate" in n] == ["Deep net, geometric mean: approximate"]
    assert not any("Deep" in name for name, _, _ in pictures.legend(one))


def test_a_dead_net_is_drawn_without_its_distance():
    result = results(SCENES[1])[-1]
    dead = dataclasses.replace(result.averages, layer=0 * result.averages.layer)
    drawn = averaging.scaling(dataclasses.replace(result, averages=dead)).data
    assert len(drawn) == len(averaging.scaling(result).data) - 1
    assert "nan" not in words.alt_texts(dataclasses.replace(result, averages=dead), SCENES[1])["scaling"]


def test_where_labels_are_wrong_it_is_not_put_down_to_lost_units():
    for corrupt, told in ((40, "even the full net ends above it on the training digits, where some labels are wrong."),
                          (0, "to lose units costs more here")):
        scene = Config(corrupt=corrupt, p=0.05 if corrupt else 0.7, steps=100, samples=400)
        result = lesson.run(scene)
        masked, full, test = (float(loss[-1, result.own].double().mean()) for loss in (
            result.masked_loss, result.train_loss, result.test_loss))
        assert masked > test and (full > test) == bool(corrupt)
        assert told in words.predict(result, scene).why
