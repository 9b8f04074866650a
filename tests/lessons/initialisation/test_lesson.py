"""initialisation: starts against torch.nn.init, moments against autograd and over draws, symmetry, words against the runs."""

from __future__ import annotations

import functools
import itertools
import json
import math
import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core import catalogue
from core.engine import MLP, generators
from core.lessons.initialisation import lesson, signal, words
from core.lessons.initialisation.lesson import Config, Result
from core.lessons.initialisation.signal import RANDOM, SCHEMES
from core.lessons.initialisation.words import CHALLENGE, TRAINED
from examples import initialisation as example
from figures.initialisation import pictures
from tests.pages import page_spec
from tests.scenes import anything

COLUMN = {s: m for m, s in enumerate(SCHEMES)}
PHI = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda z: z}


@functools.cache
def ran(config: Config) -> Result:
    """The run of a scene that more than one test looks at."""
    return lesson.run(config)


def begin(config: Config) -> torch.Tensor:
    """theta [M, P] of the lesson's own start, in float64."""
    return lesson.starts(lesson.net(config), config, range(1))[0].double()


def by_hand(mlp: MLP, theta: torch.Tensor, x: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
    """The z of every hidden layer, as a graph, and the output, of one net theta [P]."""
    h, seen = x, []
    *hidden, out = mlp.views(theta[None])
    for layer in hidden:
        seen.append(layer.weight[0] @ h + layer.bias[0])
        h = PHI[mlp.activation](seen[-1])
    return seen, out.weight[0] @ h + out.bias[0]


def test_starts_are_torchs():
    mlp = MLP((2, 12, 12, 1), "relu")
    theta = signal.start(mlp, generators([5] * 6), 0.03, 1.3)
    makers = {"normal": lambda w, g: nn.init.normal_(w, 0, 0.03, generator=g),
              "xavier": lambda w, g: nn.init.xavier_normal_(w, 1.3, generator=g),
              "he": lambda w, g: nn.init.kaiming_normal_(w, generator=g).mul_(1.3)}
    for scheme, make in makers.items():
        g = torch.Generator().manual_seed(5)
        for layer in mlp.views(theta[COLUMN[scheme]][None]):
            torch.testing.assert_close(layer.weight[0], make(torch.empty_like(layer.weight[0]), g), rtol=1e-5, atol=1e-7)
            assert not layer.bias.any()
    for layer in mlp.views(theta[COLUMN["orthogonal"]][None]):
        w = layer.weight[0] if layer.weight.shape[1] >= layer.weight.shape[2] else layer.weight[0].T
        torch.testing.assert_close(w.T @ w, 1.69 * torch.eye(w.shape[1]), rtol=1e-4, atol=1e-5)
    for layer in mlp.views(theta[COLUMN["constant"]][None]):
        assert bool((layer.weight == layer.weight[0, 0, 0]).all())
        assert float(layer.weight.sum(2)[0, 0]) == pytest.approx(1.3, rel=1e-5)
    assert not theta[COLUMN["zero"]].any()


@pytest.mark.parametrize("scheme", RANDOM)
def test_the_stated_variance_is_that_of_the_draws(scheme):
    mlp = MLP((2, 40, 60, 1), "relu")
    rows = torch.stack([signal.start(mlp, generators([s] * 6), 0.05, 0.8)[COLUMN[scheme]] for s in range(20)])
    for layer, (i, o) in zip(mlp.views(rows)[:2], ((2, 40), (40, 60)), strict=True):
        found, n = float(layer.weight.square().mean()), layer.weight.numel()
        assert found == pytest.approx(signal.variance(scheme, i, o, 0.05, 0.8), rel=5 * math.sqrt(2 / n))


@pytest.mark.parametrize("activation", PHI)
@pytest.mark.parametrize("depth", [1, 4])
def test_what_is_watched_is_autograds(activation, depth):
    config = Config(depth=depth, activation=activation, width=8, steps=20, std=0.5)
    result, mlp = lesson.run(config), lesson.net(config)
    y = result.y[None].double()
    for m, theta in enumerate(begin(config)):
        z, out = by_hand(mlp, theta.clone().requires_grad_(), result.x.double())
        loss = nn.functional.binary_cross_entropy_with_logits(out, y)
        back = torch.stack([g.square().mean() for g in torch.autograd.grad(loss, z)])
        sizes = torch.stack([PHI[activation](v).square().mean() for v in z])
        assert float(result.losses[0, m]) == pytest.approx(loss.item(), rel=1e-5)
        torch.testing.assert_close(result.forward[0, m, 1:].double(), sizes.detach(), rtol=1e-4, atol=1e-12)
        torch.testing.assert_close(result.backward[0, m].double(), back, rtol=1e-4, atol=1e-16)
        decades = torch.stack([PHI[activation](v) for v in z])[result.layers - 1].detach().abs().log10()
        low, high = lesson.SIZES
        counted = ((decades >= low) & (decades < high)).sum((1, 2))
        torch.testing.assert_close(result.counts[0, m].sum(1), counted, rtol=0, atol=1)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_training_is_torch_optims(optimiser):
    config = Config(depth=3, activation="tanh", width=8, steps=20, optimiser=optimiser, learning_rate=0.01)
    result, mlp = lesson.run(config), lesson.net(config)
    for m, start in enumerate(begin(config)):
        theta = nn.Parameter(start.clone())
        oracle = torch.optim.Adam([theta], lr=0.01) if optimiser == "adam" else torch.optim.SGD([theta], lr=0.01, momentum=0.9)
        for step in range(21):
            oracle.zero_grad()
            out = by_hand(mlp, theta, result.x.double())[1]
            loss = nn.functional.binary_cross_entropy_with_logits(out, result.y[None].double())
            assert float(result.losses[step, m]) == pytest.approx(loss.item(), rel=2e-3)
            if step < 20:
                loss.backward()
                oracle.step()
        if optimiser == "sgd":  # Adam makes whole steps of gradients that are nothing but rounding
            weight = mlp.views(theta.detach()[None])[0].weight[0]
            torch.testing.assert_close(result.units[-1, m].double(), weight, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_moments_over_draws_are_the_theorys_at_every_width(activation):
    x, _ = lesson.data(3)
    mlp = MLP((2, 12, 12, 20, 20, 1), activation)
    theta = torch.stack([signal.start(mlp, generators([s] * 6), 0.3, 1.1) for s in range(600)])
    found = lesson.moments(mlp, theta, x).double()
    error = found.std(0) / math.sqrt(len(theta))
    for scheme in SCHEMES:
        told = signal.forward(scheme, activation, x, mlp.sizes, 0.3, 1.1)
        off = (found.mean(0)[COLUMN[scheme]] - told).abs()
        assert bool((off <= 4 * error[COLUMN[scheme]] + 1e-5 * told + 1e-12).all()), scheme


def test_he_keeps_the_second_moment_and_xavier_halves_it():
    x, _ = lesson.data(0)
    sizes = (2, *[32] * 20, 1)
    he, xavier, orthogonal = (signal.forward(s, "relu", x, sizes, 0.01, 1.0) for s in ("he", "xavier", "orthogonal"))
    torch.testing.assert_close(he, he[:1].expand_as(he), rtol=1e-12, atol=0)
    for halved in (xavier, orthogonal):
        torch.testing.assert_close(halved[2:] / halved[1:-1], torch.full((19,), 0.5).double(), rtol=1e-12, atol=0)
    straight = signal.forward("orthogonal", "linear", x, sizes, 0.01, 1.0)
    torch.testing.assert_close(straight[1:], straight[1:2].expand(20), rtol=1e-12, atol=0)


@pytest.mark.parametrize("activation", PHI)
def test_wide_layers_follow_the_theory_both_ways(activation):
    x, y = lesson.data(1)
    mlp = MLP((2, *[400] * 4, 1), activation)
    forward, backward = torch.zeros(6, 5).double(), torch.zeros(6, 4).double()
    for seed in range(3):
        for m, theta in enumerate(signal.start(mlp, generators([seed] * 6), 0.05, 1.0)):
            z, out = by_hand(mlp, theta.clone().requires_grad_(), x)
            h = [x, *(PHI[activation](v) for v in z)]
            forward[m] += torch.stack([v.detach().square().mean() for v in h]).double() / 3
            loss = nn.functional.binary_cross_entropy_with_logits(out, y[None].float())
            backward[m] += torch.stack([g.square().mean() for g in torch.autograd.grad(loss, z)]).double() / 3
    for scheme in RANDOM:
        m, about = COLUMN[scheme], (activation, x, mlp.sizes, 0.05, 1.0)
        torch.testing.assert_close(forward[m], signal.forward(scheme, *about), rtol=0.15, atol=0)
        torch.testing.assert_close(backward[m] / backward[m, -1], signal.backward(scheme, *about), rtol=0.25, atol=0)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("activation", PHI)
def test_equal_units_stay_equal_for_ever(activation, optimiser):
    for width in (4, 20, 32):
        config = Config(depth=6, width=width, activation=activation, optimiser=optimiser, steps=100, learning_rate=0.02)
        result = lesson.run(config)
        constant, he = COLUMN["constant"], COLUMN["he"]
        moved = (result.units[-1, constant] - result.units[0, constant]).norm(dim=-1)
        assert float(moved.max()) > 1e-6, "they do move"
        assert float(lesson.spread(result)[:, constant].max()) <= 1e-5 * float(moved.max())
        assert result.rank[:, constant].unique().tolist() == [1]
        assert result.rank[:, COLUMN["zero"]].unique().tolist() == [0]
        assert int(result.rank[0, he]) == width


def test_bands_of_draws_hold_the_run_and_most_of_the_theory():
    result = lesson.run(Config(steps=20))
    assert len(result.draws) == lesson.DRAWS
    torch.testing.assert_close(result.draws[0], result.forward[0], rtol=1e-5, atol=1e-30)
    low, high = result.draws.amin(0), result.draws.amax(0)
    for scheme in ("xavier", "he", "orthogonal"):
        told = result.theory_forward[COLUMN[scheme]]
        inside = (told >= low[COLUMN[scheme]] * 0.999) & (told <= high[COLUMN[scheme]] * 1.001)
        assert float(inside.double().mean()) > 0.8


def test_every_partial_result_is_the_beginning_of_the_whole():
    results = list(lesson.steps(Config(depth=4, steps=60)))
    assert len(results) > 3
    for part in results[:-1]:
        assert torch.equal(part.losses, results[-1].losses[: part.step + 1])
        assert torch.equal(part.forward, results[-1].forward[: len(part.at)])
        assert f"After {part.step} of 60 steps" in words.summary(part, Config(depth=4, steps=60))


def test_words_and_question_at_random_settings():
    rng = random.Random(6)
    for _ in range(14):
        config = anything(Config, rng, depth=rng.choice([1, 2, 5, 12]), steps=rng.choice([20, 60]))
        result = lesson.run(config)
        losses = result.losses[-1].tolist()
        done = {s for s in SCHEMES if losses[COLUMN[s]] <= 0.5 * math.log(2)}
        question = words.predict(result, config)
        assert set(question.right) == (done or {"none"})
        assert question.text == words.predict(next(lesson.steps(config)), config).text
        text = words.summary(result, config)
        assert "nan" not in text and "inf " not in text
        verdict, *rows = [line for line in text.splitlines() if line]
        told = re.search(r"steps (.*?) ha(s|ve) trained: (the|no) loss is half that of a coin toss or less", verdict)
        assert told and (told[3] == "the") == bool(done)
        assert set(re.split(", | and ", told[1])) == ({SCHEMES[s] for s in done} or {"no start"})
        cells = {name: rest for name, *rest in (row.strip("| ").split(" | ") for row in rows[2:])}
        assert set(cells) == set(SCHEMES.values())
        for scheme, name in SCHEMES.items():
            kept = float(result.forward[0, COLUMN[scheme], -1] / result.forward[0, 0, 0])
            assert cells[name][0] == words.format_measured(losses[COLUMN[scheme]])
            assert cells[name][1] == words.format_measured(kept) or (kept == 0 and scheme == "zero" and cells[name][1] == "0")
        why = question.why
        down = re.match(r"(.*?) comes? down to", why)
        assert set(re.split(", | and ", down[1]) if down else []) == {SCHEMES[s] for s in done}
        gone = {s for s in SCHEMES if not math.isfinite(losses[COLUMN[s]])}
        lost = re.search(r"(?:; |^)([^;]*?) goe?s? beyond floating point", why)
        assert set(re.split(", | and ", lost[1]) if lost else []) == {SCHEMES[s] for s in gone}


def test_of_fifty_layers_only_some_draws_train():
    ends = {seed: "he" in words.trained(lesson.run(Config(depth=50, steps=120, seed=seed))) for seed in (1, 2, 5, 9)}
    assert set(ends.values()) == {True, False}, ends


def test_what_is_too_small_for_a_float_is_not_said_to_be_zero():
    config = Config(depth=50, std=1e-4, optimiser="adam", learning_rate=0.02, steps=20)
    result, m = lesson.run(config), COLUMN["normal"]
    deep = result.forward[0, m]
    assert float(deep[-1]) == 0 < float(deep[1])  # the last layer's activations are too small even for float32
    assert "Small normal 0 up to rounding" in words.forward(replace(result, forward=result.forward[:1], at=result.at[:1]), config)
    assert re.search(r"Zero 0[,.]", words.backward(result)), "of zeros a zero is exact"


def test_second_moments_hold_below_the_floats_they_come_from():
    # 0.125 to the power of 50 is 1e-45, below what float32 can hold; the activations themselves are 1e-23.
    config = Config(depth=50, gain=0.5, activation="relu", steps=20)
    result = lesson.run(config)
    kept = result.forward[0, COLUMN["xavier"]]
    assert bool((kept > 0).all()) and float(kept[-1]) < 1e-40
    # A linear net doubles eightfold: beyond float32, not beyond every number.
    result = lesson.run(Config(depth=50, gain=2.0, activation="linear", steps=20))
    assert 1e39 < float(result.forward[0, COLUMN["he"], -1]) < math.inf


def test_a_run_that_overflows_is_said_to():
    config = Config(activation="linear", steps=20)
    result = lesson.run(config)
    assert not math.isfinite(float(result.losses[-1, COLUMN["he"]]))
    assert "| He | beyond floating point |" in words.summary(result, config)
    assert "He goes beyond floating point" in words.predict(result, config).why
    assert "every number" not in words.summary(result, config) + words.loss(result)
    trained = [a["text"] for a in pictures.forward(result, config).layout.annotations]
    assert trained == ["no start has trained"]


def test_the_setup_is_the_data_on_one_scale():
    result = next(lesson.steps(Config(depth=2)))
    figure = pictures.setup(result)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert sum(len(trace.x) for trace in figure.data) == lesson.N
    for trace, label in zip(figure.data, (0, 1), strict=True):
        torch.testing.assert_close(torch.tensor(trace.x), result.x[0, result.y == label])
    assert pictures.units(result).layout.yaxis.scaleanchor == "x"


def test_the_challenge():
    def check(**values: object) -> bool:
        config = Config(**values)
        return CHALLENGE.check(ran(config), config, None).right

    assert not check()
    assert check(gain=1.4)
    assert not check(gain=1.1) and not check(gain=2.0)
    # A run that would be right does not help where the scene is another one.
    good = ran(Config(gain=1.4))
    for other in (Config(gain=1.4, depth=24), Config(gain=1.4, optimiser="adam"), Config(gain=1.4, activation="tanh")):
        assert not CHALLENGE.check(good, other, None).right


def test_every_alt_at_random_settings():
    page, rng = page_spec("initialisation"), random.Random(8)
    for _ in range(8):
        config = anything(Config, rng, depth=rng.choice([1, 2, 5, 12]), steps=rng.choice([20, 60]))
        results = list(lesson.steps(config))
        for result in (results[0], results[-1]):
            board = page.draw(result, config)
            for panel in (*board.panels, *board.further):
                assert len(panel.alt) > 40 and not re.search(r"\b(nan|inf)\b|\*\*", panel.alt), panel.alt
                json.loads(panel.figure.to_json())


def test_at_the_start_a_linear_orthogonal_net_lies_on_its_dashed_line():
    config = Config(activation="linear", steps=20)
    result = lesson.run(config)
    m = COLUMN["orthogonal"]
    torch.testing.assert_close(result.forward[0, m].double(), result.theory_forward[m], rtol=1e-4, atol=0)


def test_theory_and_bands_hold_at_the_first_frame_and_pale_after_it():
    """The film waits at step 0; what is drawn of the start is whole there and pale from a few frames on."""
    config = Config()
    result = ran(config)
    board = page_spec("initialisation").draw(result, config)
    assert board.player.from_start and not board.player.autoplay and board.player.labels[0] == "step 0"
    traces = pictures.forward(result, config).data
    fading = [t for t in traces if "opacity" in ((t["meta"] or {}).get("frames") or {})]
    assert len(fading) == len(RANDOM) + 1 and sum(t["line"]["dash"] == "dash" for t in fading) == 1
    for trace in fading:
        opacity = trace["meta"]["frames"]["opacity"]
        assert len(opacity) == len(result.at) and trace["opacity"] == opacity[0] == 1
        assert float(np.max(opacity[1:])) < 1 and float(opacity[-1]) == pictures.PALE
    assert [a["text"] for a in pictures.forward(result, config).layout.annotations] == ["He trains"]


@pytest.mark.parametrize("depth", [1, 2, 12])
def test_the_start_with_zeros_has_no_line_and_the_others_have(depth):
    config = Config(depth=depth, steps=20)
    result = lesson.run(config)
    for picture in (pictures.forward(result, config), pictures.backward(result, config)):
        lines = {(t["line"]["color"], t["line"]["dash"]) for t in picture.data if "y" in ((t["meta"] or {}).get("frames") or {})}
        assert lines == {(colour, dash) for name, colour, dash in pictures.legend() if name != SCHEMES["zero"]}


def test_names_at_the_edge_of_the_signal_do_not_cover_each_other():
    config = Config(depth=3, learning_rate=0.05)
    result = ran(config)
    figure = pictures.forward(result, config)
    low, high = figure.layout.yaxis.range
    notes = sorted(figure.layout.annotations, key=lambda a: a["y"])
    said = {word for a in notes for word in a["text"].replace(",", "").split()}
    assert said - {"and", "train", "trains"} == {"Xavier", "He", "Orthogonal"}
    assert all(b["y"] - a["y"] >= pictures.APART * (high - low) for a, b in itertools.pairwise(notes))


@pytest.mark.parametrize("values", [dict(), dict(activation="linear", steps=20), dict(depth=50, gain=0.5, steps=20)])
def test_ridges_hold_every_activation_that_is_a_number_but_zero(values):
    config = Config(**values)
    result, mlp = ran(config), lesson.net(config)
    post = torch.stack(mlp.activations(lesson.starts(mlp, config, range(1))[0], result.x[None]).post, 1)[:, result.layers - 1]
    there = ((post != 0) & post.isfinite()).sum((2, 3))
    assert torch.equal(result.counts[0].sum(-1), there) and bool((there[COLUMN["normal"]] > 0).sum() > 3)
    for scheme in SCHEMES:
        scene = replace(config, inside=scheme)
        figure, counts = pictures.ridges(result, scene), result.counts[:, COLUMN[scheme]].numpy()
        assert [a["text"] for a in figure.layout.annotations] == ([] if counts.any() else ["all 0 or beyond floating point"])
        low, high = figure.layout.xaxis.range
        middles = lesson.SIZES[0] + (np.arange(lesson.BINS) + 0.5) / 4
        assert set(np.flatnonzero(counts.any((0, 1)))) <= set(np.flatnonzero((middles > low) & (middles < high)))
        for trace, ridge in zip(figure.data, counts.transpose(1, 0, 2)[::-1], strict=True):
            frames = np.asarray(trace["meta"]["frames"]["y"])
            at = [frame[: len(frame) // 2].argmax() for frame in frames]
            for step in np.flatnonzero(ridge.any(1)):
                assert np.log10(trace["x"][at[step]]) == pytest.approx(middles[ridge[step].argmax()], abs=0.01)


@pytest.mark.parametrize("values", [
    dict(activation="tanh"), dict(gain=1.4), dict(depth=1, activation="tanh", gain=2.0, std=1.0, learning_rate=0.0001),
    dict(depth=50, activation="relu", gain=2.0, width=4, steps=20)])
def test_a_loss_above_the_axis_is_marked_at_its_rim(values):
    config = Config(**values)
    result = ran(config)
    panel = next(p for p in page_spec("initialisation").draw(result, config).panels if p.id == "loss")
    top = panel.figure.layout.yaxis.range[1]
    marks = {t["marker"]["color"]: t for t in panel.figure.data if t["mode"] == "markers"}
    losses, found = result.losses.numpy(), set()
    for scheme, m in COLUMN.items():
        outside = ~(losses[:, m] <= top)
        mark = marks.get(pictures.style.colour(pictures.HUES[scheme]))
        assert bool(outside.any()) == (mark is not None)
        if mark is not None:
            found.add(SCHEMES[scheme])
            assert set(mark["y"].tolist()) == {np.float32(top)} and int(mark["x"][0]) == int(outside.argmax())
            assert len(mark["x"]) == int(outside[0]) + int((np.diff(outside.astype(int)) == 1).sum())
    sizes = [t["marker"]["size"] for t in marks.values()]
    assert sizes == sorted(set(sizes), reverse=True), "none hides another"
    told = re.search(r"A triangle marks where (.*) leaves? the axis\.", panel.caption)
    assert set(re.split(", | and ", told[1]) if told else []) == found
    assert top <= 1.05 or float(np.nanmax(np.where(losses <= 2, losses, 0))) > 1.02


def test_runs_that_overflow_are_said_to_leave_the_frame_of_the_units():
    for values, said in ((dict(), ""), (dict(activation="linear", steps=20), " He leaves the frame.")):
        config = Config(**values)
        panel = next(p for p in page_spec("initialisation").draw(ran(config), config).panels if p.id == "units")
        assert panel.caption.partition("constant start.")[2] == said


def test_the_question_beside_the_title_names_no_depth():
    assert not re.search(r"\d|thirty|fifty", catalogue.lesson("initialisation").question)


def test_thumbnail_is_small():
    picture = pictures.thumbnail(lesson.run(Config(steps=20)), Config(steps=20))
    assert len(picture["marks"]) <= 5 and all(len(m["points"]) <= 80 for m in picture["marks"])


def test_the_example_tells_the_same():
    told, result = example.main(), ran(Config())
    for scheme, numbers in told.items():
        m = COLUMN[scheme]
        assert numbers["signal"] == pytest.approx(float(result.forward[0, m, -1]), rel=1e-2)
        assert numbers["loss"] == pytest.approx(float(result.losses[-1, m]), abs=0.05)
        assert (numbers["loss"] <= TRAINED) == (scheme in words.trained(result))


def test_a_loss_that_was_low_on_the_way_and_rose_again_is_told():
    config = Config(depth=2, steps=20)
    result = lesson.run(config)
    course = torch.full_like(result.losses, 0.9)
    course[10, COLUMN["he"]] = 0.01
    course[:, COLUMN["xavier"]] = 0.1
    course[12, COLUMN["zero"]] = torch.nan
    told = replace(result, losses=course)
    assert words.relapsed(told) == ["he"]
    assert "He had come so low on the way and rose again" in words.summary(told, config)
    question = words.predict(told, config)
    assert question.right == ("xavier",) and "He was lower on the way" in question.why
    assert "ends with a loss of" in question.text
    flat = replace(result, losses=torch.full_like(result.losses, 0.9))
    assert "way" not in words.summary(flat, config) + words.predict(flat, config).why
