"""optimisers: question, challenge, presets and pictures; each claim worked out again from the paths."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from functools import cache

import pytest
import torch
from scipy.optimize import brentq

from core import surfaces
from core.formatting import format_number
from core.lessons.optimisers import lesson, words
from core.lessons.optimisers.endings import stationary_point
from core.lessons.optimisers.lesson import FOUR, METHODS, Config, Result
from core.lessons.optimisers.words import CHALLENGE, predict
from figures import style
from figures.optimisers import curves, inside, pictures
from tests.pages import page_spec
from tests.runs import board_of, run
from tests.scenes import anything

COLUMN = {m: k for k, m in enumerate(METHODS)}


@cache
def minima_of(problem: str) -> list[tuple[float, float]]:
    """Every minimum, also beyond the frame: of many minima where x/10 + 2 sin 2x rises through 0, in x and in y."""
    if problem != "many":
        return list(surfaces.surface(problem).minima)
    one = [float(brentq(lambda x: x / 10 + 2 * math.sin(2 * x), k * math.pi - 0.75, k * math.pi + 0.75)) for k in range(-6, 7)]
    return list(itertools.product(one, one))


def settled(result: Result, config: Config, method: str) -> int | None:
    """The first step from which the path stays within a hundredth of the frame's height of one of the minima."""
    surface = surfaces.surface(config.problem, config.kappa)
    reach = 0.01 * (surface.y_range[1] - surface.y_range[0])
    step = None
    for t in reversed(range(result.step + 1)):
        x, y = result.paths[t, COLUMN[method]].tolist()
        if not any(math.hypot(x - a, y - b) <= reach for a, b in minima_of(config.problem)):
            break
        step = t
    return step


def final(result: Result, method: str) -> float:
    value = float(result.losses[-1, COLUMN[method]])
    return value if math.isfinite(value) else math.inf


def check_answer(config: Config, result: Result) -> None:
    question = predict(result, config)
    assert 2 <= len(question.options) <= 6 and set(question.options) <= {*config.methods, "yes", "no"}
    if "yes" in question.options:
        (method,) = config.methods
        if config.problem == "network":
            yes = final(result, method) <= float(result.losses[0, COLUMN[method]]) / 2
        else:
            yes = settled(result, config, method) is not None
        assert question.right == ("yes" if yes else "no",)
        return
    assert len(question.options) == min(6, len(config.methods))
    there = {}
    if config.problem != "network":
        there = {m: t for m in question.options if (t := settled(result, config, m)) is not None}
    rank = there or {m: final(result, m) for m in question.options}
    best = min(rank.values())
    assert set(question.right) == {m for m in rank if rank[m] == best or rank[m] - best <= 1e-9 * abs(best)}
    assert ("settles at step" in question.why or "settle at step" in question.why) == bool(there)
    for method in question.right:
        assert question.judge(method).right
        assert METHODS[method] in question.why or min(rank.values()) == math.inf
    for method in set(question.options) - set(question.right):
        assert not question.judge(method).right


def test_the_question_is_answered_by_the_paths():
    rng = random.Random(1)
    for _ in range(14):
        config = anything(Config, rng, steps=rng.choice([10, 40, 80]), basin_of=rng.choice(["sgd", "newton"]))
        results = list(lesson.steps(config))
        asked = {(q.text, tuple(q.options)) for q in (predict(r, config) for r in results)}
        assert len(asked) == 1, "the question must not change while the race is run"
        check_answer(config, results[-1])


@pytest.mark.parametrize("method", ["sgd", "newton"])
@pytest.mark.parametrize("problem", ["ravine", "saddle", "network"])
def test_a_single_method_is_asked_about_alone(method, problem):
    config = Config(problem=problem, methods=(method,), steps=40, start_x=-1.7, start_y=0.02)
    check_answer(config, lesson.run(config))


def test_a_tie_is_right_either_way():
    config = Config(problem="bowl", methods=("newton", "damped_newton"))
    question = predict(lesson.run(config), config)
    assert question.right == ("newton", "damped_newton")
    assert "Newton and Damped Newton settle at step 1" in question.why


def test_a_method_that_was_faster_but_not_asked_about_is_named():
    config = Config(methods=tuple(METHODS))
    question = predict(lesson.run(config), config)
    assert "conjugate_gradient" not in question.options
    assert "faster still, but not asked about, is Conjugate gradient" in question.why


def test_partial_results_claim_nothing_of_methods_that_have_not_run():
    config = Config(problem="network", methods=tuple(METHODS))
    results = list(lesson.steps(config))
    known = [int(r.evaluations[1].isfinite().sum()) for r in results]
    assert known == [8, 9, 10, 11, 12]
    for result, count in zip(results[:-1], known, strict=False):
        assert words.summary(result, config) == f"**{count} of the 12 methods have run so far.**"
    assert "lowest, at a loss of" in words.summary(results[-1], config)
    assert torch.equal(results[0].paths[:, :8], results[-1].paths[:, :8])


@pytest.mark.parametrize("kappa", [1.0, 5.0, 50.0, 200.0])
def test_the_challenge_knows_the_limit(kappa):
    scene = Config(problem="ravine", kappa=kappa)
    limit = 2 / kappa
    for factor, right in ((0.9, False), (0.975, False), (0.985, True), (1.0, True), (1.015, True), (1.025, False), (1.5, False)):
        verdict = CHALLENGE.check(None, scene, factor * limit)
        assert verdict.right == right, (factor, verdict.words)
    assert "limit is higher" in CHALLENGE.check(None, scene, 0.9 * limit).words
    assert "limit is lower" in CHALLENGE.check(None, scene, 1.1 * limit).words
    assert CHALLENGE.answer is not None
    CHALLENGE.answer.check(CHALLENGE.answer.nearest(limit))


def test_the_challenge_is_open_at_first_and_can_be_bracketed_by_the_slider():
    scene = Config(**CHALLENGE.scene)
    for config in (Config(), scene):
        assert not CHALLENGE.check(None, config, config.learning_rate).right
    rates = Config.controls()["learning_rate"].values
    # No mark of the slider is the answer, but two neighbours stand on either side of it.
    assert not any(CHALLENGE.check(None, scene, rate).right for rate in rates)
    assert "ravine" in CHALLENGE.check(None, Config(), 0.04).words


def test_a_loss_that_is_zero_as_a_float_is_not_said_to_be_zero():
    # 0.3 to the power of 800 is no float, yet it is not zero.
    config = Config(problem="bowl", learning_rate=0.7, steps=400, alpha=0.3, methods=("sgd", "momentum"))
    result = lesson.run(config)
    assert float(result.losses[-1, COLUMN["sgd"]]) == 0
    for text in (words.loss(result, config), words.distance(result, config), predict(result, config).why):
        assert not re.search(r"\b0(?![.\d])", text), text
    assert "0 up to rounding" in CHALLENGE.check(None, Config(problem="ravine", kappa=50.0), 0.0204).words


def test_a_method_that_ends_lower_but_is_not_asked_about_is_named():
    config = Config(problem="network", learning_rate=0.5, adaptive_rate=0.05, methods=tuple(METHODS))
    result = lesson.run(config)
    question = predict(result, config)
    lower = [m for m in METHODS if m not in question.options and final(result, m) < final(result, question.right[0])]
    assert lower
    for method in lower:
        assert METHODS[method] in question.why.split("; lower still, but not asked about, ")[1]


def test_leads_of_rounding_are_ties():
    config = Config(problem="many", alpha=0.0, methods=("sgd", "momentum"), steps=10, start_x=4.1, start_y=3.6)
    result = lesson.run(config)
    result.losses[-1, COLUMN["momentum"]] *= 1 + 1e-13
    assert predict(result, config).right == ("sgd", "momentum")


def test_a_minimum_beyond_the_map_is_settled_at():
    config = Config(problem="many", learning_rate=0.07, start_x=6.0, start_y=0.2, steps=400)
    result = lesson.run(config)
    assert result.paths[-1, COLUMN["sgd"], 0] > surfaces.surface("many").x_range[1], "what is tested must be there"
    assert settled(result, config, "sgd") is not None
    assert "at a minimum first, at step" in words.summary(result, config)
    check_answer(config, result)
    assert result.distance is not None and float(result.distance[-1, COLUMN["sgd"]]) < 1e-6
    assert pictures.contour(result, config).layout.xaxis.range[1] > 6, "the path is in the picture"
    newton = Config(problem="many", basin_of="newton")
    assert "close to no minimum on the map" in words.basin_map(lesson.run(newton), newton), "some of its ends lie beyond"
    torch.testing.assert_close(lesson.minima(config, surfaces.surface("many")),
                               torch.tensor(minima_of("many"), dtype=torch.float64))


@pytest.mark.parametrize("problem", [*surfaces.NAMES, "network"])
def test_the_setup_shows_the_problem_and_no_path(problem):
    for corner in (-6.0, 6.0):
        scene = Config(problem=problem, start_x=corner, start_y=-corner)
        figure = pictures.setup(scene)
        assert figure.layout.yaxis.scaleanchor == "x"
        if problem == "network":
            assert sum(len(trace.x) for trace in figure.data) == 120
            continue
        assert [trace.type for trace in figure.data] == ["contour", "scatter", "scatter"]
        assert all(trace.mode == "markers" for trace in figure.data[1:])
        assert figure.layout.xaxis.range[0] < corner < figure.layout.xaxis.range[1]
        assert figure.layout.yaxis.range[0] < -corner < figure.layout.yaxis.range[1]


def test_contraction_is_told_of_the_axis_that_shrinks_less():
    """A start on the ravine's floor has nothing to lose across it, whatever ε·λ_max."""
    config = Config(problem="ravine", learning_rate=0.5, start_x=-2.5, start_y=0.0)
    result = lesson.run(config)
    assert "Gradient descent 9" in words.rates(config) and settled(result, config, "sgd") is not None
    (rates,) = (panel for panel in page_spec("optimisers").draw(result, config).panels if panel.id == "rates")
    assert "along the axis that shrinks less" in rates.caption


def test_paths_are_drawn_on_one_scale():
    result, config = lesson.run(Config(steps=10)), Config(steps=10)
    for figure in (pictures.contour(result, config), pictures.basins(result, config)):
        assert figure.layout.yaxis.scaleanchor == "x"
    ratio = pictures.surface3d(result, config).layout.scene.aspectratio
    assert ratio.x / ratio.y == pytest.approx(11 / 10)


def test_alts_at_random_settings():
    page, rng = page_spec("optimisers"), random.Random(2)
    for _ in range(12):
        config = anything(Config, rng, steps=rng.choice([10, 40, 80]), basin_of=rng.choice(["sgd", "newton"]))
        result = lesson.run(config.trained())
        board = page.draw(result, config)
        for panel in (*board.panels, *board.further):
            assert len(panel.alt) > 40 and "nan" not in panel.alt and "inf" not in panel.alt and "**" not in panel.alt, panel.alt
        if config.problem != "network":
            counted = sum(round(100 * float((result.basin == i).double().mean())) for i in result.basin.unique())
            told = re.findall(r"(less than )?(\d+)\u00a0%", words.basin_map(result, config))
            assert sum(int(share) for less, share in told if not less) == counted - sum(
                round(100 * part) for i in result.basin.unique() if (part := float((result.basin == i).double().mean())) < 0.01)


def test_an_end_without_slope_is_named_by_its_curvature():
    """Newton climbs to Himmelblau's summit, whose gradient SciPy finds to vanish, and lands on the saddle."""
    page = page_spec("optimisers")
    for name, kind, place in (("Four minima", "summit", (-0.270845, -0.923039)), ("Saddle", "saddle", (0.0, 0.0))):
        config = Config(**{**next(p.values for p in page.presets if p.name == name), "basin_of": "newton"})
        result = lesson.run(config)
        assert lesson.stuck(result, config) == {"newton": kind}
        notes = {note.text: (note.x, note.y) for note in pictures.contour(result, config).layout.annotations}
        assert notes[f"Newton: at a {kind}"] == pytest.approx(place, abs=1e-3)
        for method in ("sgd", "momentum", "adam"):
            step = settled(result, config, method)
            assert step is None or any(f"{METHODS[method]}: step {step}" in text for text in notes)
    # Where more are shown than have room, only those that rest elsewhere are named.
    result = lesson.run(Config(basin_of="newton"))
    notes = pictures.contour(result, Config(methods=tuple(METHODS))).layout.annotations
    assert [note.text for note in notes] == ["Newton: at a summit"]


@pytest.mark.parametrize(("problem", "place", "kind"), [
    ("himmelblau", (3.0, 2.0), ""), ("himmelblau", (0.0867, 2.8843), "saddle"), ("himmelblau", (-0.2, -0.8), ""),
    ("himmelblau", (-0.2708, -0.923), "summit"), ("saddle", (0.0, 0.0), "saddle"), ("saddle", (0.0, 1.0), ""),
    ("bowl", (0.0, 0.0), ""), ("many", (math.nan, 0.0), "")])
def test_summits_and_saddles_are_told_from_minima_and_slopes(problem, place, kind):
    at = torch.tensor(place, dtype=torch.float64)
    assert stationary_point(surfaces.surface(problem), at, 0.05) == kind


@pytest.mark.parametrize(("problem", "x", "y"), [
    ("himmelblau", 3.0, 2.0), ("rosenbrock", 1.0, 1.0), ("many", 0.0, 0.0), ("bowl", 0.0, 0.0)])
def test_a_start_at_a_minimum_is_drawn_or_said_to_have_no_place(problem, x, y):
    """Without noise the loss is 0 at every step, for which a logarithmic axis has no place; with it the axis holds what comes."""
    for methods, moves in ((FOUR, False), (("noisy_sgd",), True), (tuple(METHODS), True)):
        config = Config(problem=problem, start_x=x, start_y=y, learning_rate=0.001, basin_of="newton", methods=methods)
        panels = {panel.id: panel for panel in board_of("optimisers", config).panels}
        for name in ("loss", "distance"):
            figure = panels[name].figure
            low, high = figure.layout.yaxis.range
            drawn = torch.cat([torch.as_tensor(trace.y) for trace in figure.data])
            drawn = drawn[drawn.isfinite()].log10()
            assert low < high and bool(len(drawn)) == moves, (name, methods)
            assert not moves or (low <= float(drawn.min()) and float(drawn.max()) <= high)
            assert [note.text for note in figure.layout.annotations] == ([] if moves else ["0 up to rounding at every step"])
            assert panels[name].caption.endswith("No line where it is 0 up to rounding.")
    inside_adam = inside.effective_step(run("optimisers", config), config)
    assert [note.text for note in inside_adam.layout.annotations] == ["no slope at any step"]


def test_the_axis_of_the_loss_holds_all_that_stays_on_the_map():
    """Noise takes the path far above a start beside the minimum; what diverges still leaves upwards."""
    for values in (dict(start_x=3.0, start_y=2.0, noise=100), dict(start_x=3.01, start_y=2.0, noise=100)):
        config = Config(basin_of="newton", methods=("sgd", "noisy_sgd"), **values)
        low, high = curves.loss(result := run("optimisers", config), config).layout.yaxis.range
        value = result.losses[1:, COLUMN["noisy_sgd"]].log10()
        assert float(value.max() - result.losses[0, 0].clamp_min(1e-9).log10()) > 2 and low < float(value.max()) < high
    config = Config(problem="rosenbrock", learning_rate=1.0, basin_of="newton", methods=("sgd", "adam"))
    high = curves.loss(run("optimisers", config), config).layout.yaxis.range[1]
    assert high < 6 < float(run("optimisers", config).losses[2, COLUMN["sgd"]].log10())


def test_one_method_alone_is_not_said_to_be_lowest():
    config = Config(problem="network", methods=("sgd",))
    loss = words.format_loss(final(run("optimisers", config), "sgd"))
    assert words.summary(run("optimisers", config), config).startswith(f"**Gradient descent ends at a loss of {loss}.**")
    config = Config(steps=10, basin_of="newton", methods=("sgd",))
    assert "At step 10 Gradient descent is at " in words.loss(run("optimisers", config), config)


def test_on_the_net_mini_batches_are_said_to_be_without_noise():
    config = Config(problem="network", methods=("sgd", "noisy_sgd"))
    board, result = board_of("optimisers", config), run("optimisers", config)
    assert torch.equal(result.losses[:, COLUMN["sgd"]], result.losses[:, COLUMN["noisy_sgd"]])
    assert "Without noise, mini-batch SGD is gradient descent." in board.panels[0].caption


def test_each_start_has_the_colour_of_its_star():
    config = Config(problem="many", basin_of="sgd", learning_rate=0.07)
    heat, stars, _ = pictures.basins(lesson.run(config), config).data
    levels = heat.zmax - heat.zmin
    for i, colour in enumerate(stars.marker.color):
        place = (i - heat.zmin) / levels
        band = [hue for share, hue in heat.colorscale if share <= place][-1]
        assert band == colour == style.colour(f"minimum_{i}")
    assert len(set(stars.marker.color)) == 9


def test_the_effective_step_is_drawn_in_full():
    config = Config(inside="adam", basin_of="newton")
    result = lesson.run(config)
    figure = inside.effective_step(result, config)
    assert figure.layout.yaxis.type == "log" and figure.layout.yaxis.range is None
    moved = -result.paths[:, COLUMN["adam"]].diff(dim=0) / result.slopes[:, COLUMN["adam"]]
    for i in range(2):
        drawn = torch.as_tensor(figure.data[i].y)
        assert torch.equal(drawn.isfinite(), moved[:, i] > 0)
        torch.testing.assert_close(drawn[drawn.isfinite()].double(), moved[moved[:, i] > 0, i], rtol=1e-5, atol=0)


def test_thumbnail_is_small_and_holds_the_race():
    picture = pictures.thumbnail(lesson.run(Config()), Config())
    assert len(picture["marks"]) <= 5 and all(len(m["points"]) <= 80 for m in picture["marks"])
    assert len(json.dumps(picture)) < 8000
    for mark in picture["marks"]:
        assert all(picture["x"][0] - 1e-3 <= x <= picture["x"][1] + 1e-3 for x, _ in mark["points"])
        assert all(picture["y"][0] - 1e-3 <= y <= picture["y"][1] + 1e-3 for _, y in mark["points"])


def test_what_is_below_an_axis_is_said_to_have_no_place():
    """Gradient descent's loss falls through the axis' end long before it is 0 up to rounding."""
    config = Config(methods=("sgd", "momentum", "adam", "newton"))
    panels = {panel.id: panel for panel in board_of("optimisers", config).panels}
    for name in ("loss", "distance"):
        least = 10 ** panels[name].figure.layout.yaxis.range[0]
        below = any(bool(((torch.as_tensor(t.y) > 0) & (torch.as_tensor(t.y) < least)).any()) for t in panels[name].figure.data)
        assert below
        assert panels[name].caption.endswith(f"Less than {format_number(least)} has no place.")
