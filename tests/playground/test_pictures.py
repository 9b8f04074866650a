"""What the playground draws: counts, histograms and curves against scikit-learn, numpy and torch.nn; what diverges; colours."""

import json
import math
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, mean_squared_error
from torch.nn import functional as F

from core.data import toys
from core.lesson import scene_from_query
from core.playground import words
from core.playground.data import SETS
from core.playground.setup import CLASSES, DATA, Setup
from core.playground.view import EDGES, SIDE, histogram, look
from core.simulation import Simulation
from figures import style
from figures.playground import pictures, plane
from tests import colours
from tests.pages import playground_draw
from tests.scenes import NO_WORD
from ui import compat
from ui.chart import encode

SETUPS = [dict(data="moons", noise=0.5), dict(data="moons", noise=0.5, loss="hinge"), dict(data="arms", noise=0.4),
          dict(data="blobs4", noise=0.4), dict(data="pinwheel", noise=0.3, loss="squared")]


def trained(steps: int = 300, dtype: torch.dtype = torch.float64, **about) -> Simulation:
    run = Simulation(Setup(method="adam", rate=0.01, **about), dtype=dtype)
    run.advance(steps)
    return run


def outputs(run: Simulation) -> np.ndarray:
    """[C, N] by the weights alone."""
    h = run.inputs[0]
    *hidden, last = run.net.views(run.theta)
    for layer in hidden:
        h = torch.tanh(layer.weight[0] @ h + layer.bias[0])
    return (last.weight[0] @ h + last.bias[0]).numpy()


def classes_said(run: Simulation) -> np.ndarray:
    out = outputs(run)
    return (out[0] > 0).astype(int) if len(out) == 1 else out.argmax(0)


def traces_of(figure) -> list[dict]:
    return compat.figure_parts(figure)[0]


@pytest.mark.parametrize("about", SETUPS)
def test_the_confusion_counts_are_scikit_learns(about):
    run = trained(**about)
    view, said, y = look(run), classes_said(run), run.problem.y.numpy()
    classes = list(range(run.problem.classes))
    assert view.said.tolist() == said.tolist()
    for which in SETS:
        part = run.problem.part(which)
        expected = confusion_matrix(y[part], said[part], labels=classes)
        assert view.confusion(which).tolist() == expected.tolist()
        assert expected.sum() > np.trace(expected) > 0, "a test needs some that are wrong"


@pytest.mark.parametrize("about", SETUPS)
def test_the_score_of_what_is_said(about):
    run = trained(**about)
    out, view = torch.from_numpy(outputs(run)), look(run)
    if run.setup.minimised == "cross_entropy":
        expected = torch.maximum(out[0].sigmoid(), 1 - out[0].sigmoid()) if len(out) == 1 else out.softmax(0).max(0).values
    else:
        expected = out[0] if len(out) == 1 else out.max(0).values
    assert torch.allclose(view.score, expected)


@pytest.mark.parametrize("about", SETUPS)
def test_a_pointer_over_a_sample_is_told_its_class_and_what_the_net_says(about):
    run = trained(**about)
    view, said, y = look(run), classes_said(run), run.problem.y.numpy()
    names = run.problem.names
    points = [t for t in traces_of(plane.surface(view, True)) if t.get("mode") == "markers"]
    assert len(points) == 2 * len(names)
    for trace, (which, k) in zip(points, [(w, k) for w in ("training", "test") for k in range(len(names))], strict=True):
        part = run.problem.part(which)
        row = confusion_matrix(y[part], said[part], labels=range(len(names)))[k]
        first, second, counts = trace["hovertemplate"].removesuffix("<extra></extra>").split("<br>")
        assert first == f"{names[k]}, {which} set" and second.startswith("the net says %{text}, ")
        told = dict.fromkeys(names, 0) | {name: int(n) for n, name in re.findall(r"(\d+) said (class \d)", counts)}
        assert counts.startswith(f"{which} set, {names[k]}: ") and list(told.values()) == row.tolist()
        assert list(trace["text"]) == [names[c] for c in said[part][y[part] == k]]
        assert trace["customdata"] == pytest.approx(view.score[part].numpy()[y[part] == k], abs=1e-3)


def test_a_pointer_over_a_region_is_told_the_counts_of_the_sets_that_are_shown():
    run = trained(data="arms", noise=0.4)
    view = look(run)
    alone, both = (traces_of(plane.surface(view, tested))[0]["hovertemplate"] for tested in (False, True))
    counts = [re.search(f"{which} set, class {k}: [^<]+", both)[0]  # pyright: ignore[reportOptionalSubscript]
              for which in ("training", "test") for k in (1, 2, 3)]
    assert all(line in alone for line in counts[:3]) and not any(line in alone for line in counts[3:])
    assert sum(int(n) for n in re.findall(r"(\d+) said", " ".join(counts[3:]))) == run.problem.ends[2] - run.problem.ends[1]


def test_histograms_are_numpys_with_zeros_apart():
    values = torch.tensor([-3.0, 3.0, 0.25, -0.25, 0.0, -0.0, 7.0, -1e30, math.inf, -math.inf, math.nan, 2.9999, 1e-30])
    values = torch.cat([values, 2 * torch.randn(500, generator=torch.Generator().manual_seed(0))])
    seen = histogram(values)
    numbers = values[(values != 0) & ~values.isnan()].numpy()
    assert seen.bins.tolist() == np.histogram(np.clip(numbers, -3, 3), EDGES)[0].tolist()
    assert (seen.zeros, seen.size) == (2, 512)
    assert seen.beyond == int((np.abs(numbers) > 3).sum())


def test_zeros_of_l1_have_a_bar_of_their_own():
    run = trained(data="circles", inputs=("x1", "x2", "x1x1", "x2x2", "x1x2"), hidden=(), l1=0.03)
    view = look(run)
    zeros = int((run.net.views(run.theta)[0].weight == 0).sum())
    assert 0 < zeros < 5 and zeros == view.now.zeros
    bars, exact = traces_of(pictures.weights(view))
    assert exact["x"].tolist() == [0] and exact["customdata"].tolist() == [zeros] and exact["text"] == ["5, out: exactly 0"]
    assert int(bars["customdata"].sum()) == 5 - zeros
    assert exact["y"][0] / zeros == pytest.approx(bars["y"][0] / bars["customdata"][0]), "one scale in a row"


def test_histograms_of_layers_are_of_their_numbers_and_their_axes_stay():
    run = trained(activation="relu")
    view = look(run)
    part = run.problem.part("training")
    post = run.net.activations(run.theta, run.inputs[:, :, part]).post
    bars, exact = traces_of(pictures.activations(view))
    for base, layer in zip((2, 1), post, strict=False):  # the first layer in the uppermost of three rows
        layer, row = layer.numpy(), np.asarray(bars["base"]) == base
        counts = np.histogram(np.clip(layer[layer != 0], -3, 3), EDGES)[0]
        seen = np.zeros(len(counts), int)
        seen[np.searchsorted(EDGES, bars["x"][row]) - 1] = bars["customdata"][row]
        assert seen.tolist() == counts.tolist()
        assert exact["customdata"][np.asarray(exact["base"]) == base].tolist() == [int((layer == 0).sum())]
    assert max(bars["base"] + bars["y"]) <= 3
    ranges = []
    for _ in range(2):
        ranges.append(compat.figure_parts(pictures.activations(look(run)))[1]["xaxis"]["range"])
        run.advance(200)
    assert ranges[0] == ranges[1] == [-3, 3]


def test_errors_are_shares_of_samples_and_roots_of_mean_squares():
    run = trained(data="pinwheel", noise=0.3)
    said, y = classes_said(run), run.problem.y.numpy()
    for name, trace in zip(SETS, traces_of(pictures.errors(look(run))), strict=True):
        part = run.problem.part(name)
        assert trace["y"][-1] == pytest.approx(100 * (1 - accuracy_score(y[part], said[part])), rel=1e-5)
    run = trained(data="hills")
    out, y = outputs(run)[0], run.problem.y.numpy()
    for name, trace in zip(SETS, traces_of(pictures.errors(look(run))), strict=True):
        part = run.problem.part(name)
        assert trace["y"][-1] == pytest.approx(mean_squared_error(y[part], out[part]) ** 0.5, rel=1e-5)


def test_the_averaged_net_has_its_losses_and_its_lines():
    run = trained(100, averaging=0.9)
    assert run.average is not None
    view = look(run)
    mean = Simulation(run.setup, dtype=torch.float64)
    mean.theta.copy_(run.average.theta)
    out = torch.from_numpy(outputs(mean))[0]
    lines = [t for t in traces_of(pictures.losses(view)) if "averaged" in t["name"]]
    for name, line in zip(SETS, lines, strict=True):
        part = run.problem.part(name)
        loss = float(F.binary_cross_entropy_with_logits(out[part], run.problem.y[part].double()))
        assert line["y"][-1] == pytest.approx(loss, rel=1e-5) and loss != view.now.loss[SETS.index(name)]
        assert line["line"]["dash"] == "dash"
    assert view.average is not None and torch.allclose(view.average, look(mean).surface)
    again = look(run, 5)
    assert again.average is not None and not torch.equal(again.average, view.average)
    assert again.now.averaged == run.history.records[5].averaged


def test_losses_of_the_averaged_net_begin_where_averaging_does():
    run = trained(100)
    assert not any("averaged" in t["name"] for t in traces_of(pictures.losses(look(run))))
    run.apply(replace(run.setup, averaging=0.99))
    run.advance(50)
    line = next(t for t in traces_of(pictures.losses(look(run))) if "averaged" in t["name"])
    steps = np.array(line["x"])
    assert np.isnan(line["y"][steps <= 100]).all() and np.isfinite(line["y"][steps > 100]).all() and (steps > 100).any()


@pytest.mark.parametrize("data", ["arms", "blobs4", "pinwheel", "hills", "circles"])
def test_solid_lines_of_the_net_and_dashed_ones_of_the_averaged_net(data):
    lines = [t for t in traces_of(plane.surface(look(trained(data=data, averaging=0.9)), False)) if t["type"] == "contour"]
    dashes = [line["line"]["dash"] for line in lines]
    assert dashes.count("solid") >= 1 and dashes.count("dash") >= 1


def test_each_border_is_a_line_of_one_field():
    values = look(trained(data="pinwheel", noise=0.1)).surface.numpy()
    said, fields = values.argmax(0), plane.borders(values, 5)
    third = np.sort(values, 0)[-3]
    crossed = 0
    for k in range(SIDE - 1):
        one, two = (slice(None), k), (slice(None), k + 1)
        clear = (said[one] != said[two]) & (third[one] < 0.05) & (third[two] < 0.05)
        known = [np.isfinite(field[one]) & np.isfinite(field[two]) for field in fields]
        changes = sum(((field[one] > 0) != (field[two] > 0)) & there for field, there in zip(fields, known, strict=True))
        crossed += int(clear.sum())
        assert (np.asarray(changes)[clear] == 1).all()
        assert (np.asarray(changes)[said[one] == said[two]] == 0).all()
    assert crossed > 20


@pytest.mark.parametrize("value", [1e30, math.inf, math.nan])
@pytest.mark.parametrize("data", [name for name in DATA if name not in ("own", "cancer")])
def test_what_diverges_is_drawn_and_told_without_a_word_for_no_number(data, value):
    run = Simulation(Setup(data=data, averaging=0.9, batch=1000))
    run.advance(20)
    run.theta[:, ::3] = value
    run.average.theta[:, 1::3] = -value  # pyright: ignore[reportOptionalMemberAccess]
    run.edit(1, 1, 1, 2.0)
    view = look(run)
    board = playground_draw()(view, run.setup, True)
    sent = encode(board), encode(board, further=True)
    for one in sent:
        for part in one.parts.values():
            head = json.loads(zlib.decompress(part).split(b"\n", 1)[0], parse_constant=lambda word: pytest.fail(word))
            axes = [axis for name, axis in head.get("layout", {}).items() if re.match("[xy]axis", name)]
            ends = [end for axis in axes for end in axis.get("range", ())]
            assert all(math.isfinite(end) for end in ends)
    said = [text for panel in (*board.panels, *board.further) for text in (panel.title, panel.caption, panel.alt)]
    for text in (*said, words.where(view)):
        assert not NO_WORD.search(text), text


def test_a_loss_that_grows_without_bound_is_drawn_to_its_end():
    run = Simulation(Setup(data="plane", hidden=(), rate=3.0, batch=1000))
    run.advance(100_000)
    assert run.stopped == "diverged"
    view = look(run)
    lines = traces_of(pictures.losses(view))
    drawn = np.concatenate([line["y"] for line in lines])
    assert len(drawn) == 4 * len(view.records)
    drawn = drawn[np.isfinite(drawn)]
    assert drawn.max() == max(v for r in view.records for v in r.loss if math.isfinite(v)) > 1e30
    low, high = compat.figure_parts(pictures.losses(view))[1]["yaxis"]["range"]
    assert low <= np.log10(drawn.min()) and np.log10(drawn.max()) <= high


def test_infinite_heights_are_drawn_as_the_largest():
    seen = plane.fine(np.array([[1.23456, math.inf], [-math.inf, math.nan]], np.float32))
    assert seen[0, 0] == pytest.approx(1.23456, abs=1e-3) and seen[0, 1] > 1e38 and seen[1, 0] < -1e38 and np.isnan(seen[1, 1])


@pytest.mark.parametrize(("data", "classes"), [("blobs4", 4), ("pinwheel", 5)])
def test_data_of_four_and_five_classes(data, classes):
    run = Simulation(Setup(data=data, noise=0.0, samples=1000))
    x, y = run.problem.x[0], run.problem.y
    assert y.bincount().tolist() == [1000 // classes] * classes and run.problem.outputs == classes
    if data == "blobs4":
        means = torch.stack([x[:, y == k].mean(1) for k in range(4)])
        assert torch.allclose(means, toys.blob_centres(4, 1.6), atol=0.15)
    else:
        along = (x.norm(dim=0) / 2.5 - 0.1) / 0.9
        turned = torch.atan2(x[1], x[0]) - 2 * math.pi * (0.4 * along + y / 5)
        assert torch.allclose(turned.cos(), torch.ones(1000), atol=1e-4)
    assert float(x.abs().max()) < 3.5


def test_an_old_link_of_drawn_points_opens_the_same_scene():
    scene, problems = scene_from_query(Setup, {"data": "drawn", "points": "GTIA4eABgAoC"})
    assert problems == [] and scene.points == ((100, 800, 0), (903, 512, 1), (512, 160, 2))


def test_points_of_five_classes_are_drawn_and_in_the_link():
    points = tuple((200 * k + 50, 500, k) for k in range(CLASSES))
    setup = Setup(data="drawn", points=points)
    assert scene_from_query(Setup, setup.query()) == (setup, [])
    view = look(Simulation(setup))
    pad = plane.pad(view)
    assert [name for name, _ in pad.classes] == [f"class {k + 1}" for k in range(5)]
    said = view.surface.numpy().argmax(0)
    # In the middle of each tone of the scale, the last of which is for the averaged net.
    assert pad.background is not None
    assert (np.floor(6.0 * pad.background[::-1] / 255) == said).all()


def test_classes_are_told_apart_by_colour_and_by_symbol():
    assert len(set(plane.CLASSES)) == len(set(plane.SYMBOLS)) == CLASSES
    assert colours.faults((*plane.CLASSES, "train", "validation", "test")) == []
    assert plane.hues(5) == [style.COLOURS[name][0] for name in plane.CLASSES]
