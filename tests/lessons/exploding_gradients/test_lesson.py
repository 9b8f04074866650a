"""exploding_gradients: gradients against autograd and closed forms, clipping against torch, words against the runs."""

from __future__ import annotations

import json
import math
import random
import re

import numpy as np
import pytest
import scipy.interpolate
import torch
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from core.engine import generators
from core.lessons.exploding_gradients import chain, clipping, lesson, recurrent, words
from core.lessons.exploding_gradients.clipping import ARMS
from core.lessons.exploding_gradients.lesson import FRAMES, THRESHOLDS, Config, Result
from core.lessons.exploding_gradients.words import CHALLENGE
from core.moments import NEVER
from examples import exploding_gradients as example
from figures.exploding_gradients import curves, pictures
from tests.pages import page_spec
from tests.scenes import anything

UNITS = tuple(recurrent.NAMES)
SQUASH = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda z: z}


def point(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def by_hand(theta: torch.Tensor, unit: str, start: float, T: int) -> list[torch.Tensor]:
    """The states as a graph, for autograd."""
    h = [torch.full_like(theta[0], start).requires_grad_()]
    for _ in range(T):
        h.append(SQUASH[unit](theta[0] * h[-1] + theta[1]))
    return h


@pytest.mark.parametrize("unit", UNITS)
def test_gradient_through_time_is_autograds(unit):
    rng = random.Random(3)
    for _ in range(8):
        theta, start, T = point(rng.uniform(-1.5, 1.5), rng.uniform(-1, 1)), rng.uniform(0.1, 0.9), rng.randint(1, 30)
        leaf = theta.clone().requires_grad_()
        states = by_hand(leaf, unit, start, T)
        loss = (states[-1] - 0.4) ** 2
        wanted = torch.autograd.grad(loss, leaf, retain_graph=True)[0]
        back = torch.autograd.grad(states[-1], states)
        h = recurrent.unroll(theta[None], unit, start, T)
        g, through = recurrent.gradient(theta[None], unit, h, 0.4)
        torch.testing.assert_close(h[:, 0], torch.stack(states).detach(), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(g[0], wanted, rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(through[:, 0], torch.stack(back), rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(recurrent.value(theta[None], unit, start, T, 0.4)[0], loss.detach())


@pytest.mark.parametrize("w", [-1.4, -0.9, 0.5, 1.0, 1.3])
def test_a_linear_unit_multiplies_by_w_at_every_step(w):
    result = lesson.run(Config(unit="linear", start_w=w, start_b=0.3, T=60, steps=10))
    k = torch.arange(61, dtype=torch.float64)
    torch.testing.assert_close(result.through[0], (abs(w) ** k).expand(3, -1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("unit", ["tanh", "sigmoid"])
def test_no_gradient_exceeds_what_the_weight_allows(unit):
    z = torch.linspace(-9, 9, 20001, dtype=torch.float64).requires_grad_()
    slope = torch.autograd.grad(SQUASH[unit](z).sum(), z)[0]
    assert float(slope.max()) == pytest.approx(recurrent.STEEPEST[unit], abs=1e-7)
    rng = random.Random(1)
    for _ in range(6):
        result = lesson.run(anything(Config, rng, unit=unit))
        rate = result.paths[:, :, :1].abs() * recurrent.STEEPEST[unit]
        bound = rate ** torch.arange(result.through.shape[2], dtype=torch.float64)
        assert bool((result.through <= bound * (1 + 1e-9)).all())


@pytest.mark.parametrize("scale", [1e-3, 0.2, 1.0, 1e4])
def test_clipping_is_torchs(scale):
    g = scale * torch.randn(40, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for row, by_norm, by_value in zip(g, clipping.clip_norm(g, 0.7), clipping.clip_value(g, 0.7), strict=True):
        for ours, torchs in ((by_norm, clip_grad_norm_), (by_value, clip_grad_value_)):
            leaf = torch.nn.Parameter(torch.zeros(5, dtype=torch.float64))
            leaf.grad = row.clone()
            torchs([leaf], 0.7)
            torch.testing.assert_close(ours, leaf.grad, rtol=1e-13, atol=0)


def test_clipping_by_norm_bounds_the_step_and_keeps_the_direction_and_by_value_does_not():
    rng = random.Random(5)
    turned = 0
    for _ in range(8):
        start = dict(start_w=round(rng.uniform(1.2, 2.6), 2), start_b=round(rng.uniform(-1.2, 0.2), 2))
        config = anything(Config, rng, unit="tanh", **start)
        result = lesson.run(config)
        moved = result.paths[1:] - result.paths[:-1]
        bound = config.learning_rate * config.threshold
        assert float(moved[:, 1].norm(dim=-1).max()) <= bound * (1 + 1e-9) + 1e-12
        assert float(moved[:, 2].abs().max()) <= bound * (1 + 1e-9) + 1e-12
        assert bool((moved[:, 2].norm(dim=-1) <= math.sqrt(2) * bound * (1 + 1e-9) + 1e-12).all())
        torch.testing.assert_close(moved[:, 0], -config.learning_rate * result.slopes[:, 0], rtol=1e-6, atol=1e-9)
        long = result.slopes[:, 1].norm(dim=-1) > config.threshold
        cosine = torch.nn.functional.cosine_similarity(result.used[long, 1], result.slopes[long, 1], dim=-1, eps=1e-300)
        torch.testing.assert_close(cosine, torch.ones_like(cosine), rtol=1e-12, atol=0)
        long = result.slopes[:, 2].abs().amax(-1) > config.threshold
        turned += int((torch.nn.functional.cosine_similarity(result.used[long, 2], result.slopes[long, 2], dim=-1) < 0.99).sum())
    assert turned > 0


def test_a_gradient_whose_square_overflows_is_still_clipped():
    g = point(3e200, -4e200)
    torch.testing.assert_close(clipping.clip_norm(g, 2.0), point(1.2, -1.6), rtol=1e-12, atol=0)
    assert float(clipping.length(g)) == pytest.approx(5e200)
    assert bool((clipping.clip_norm(point(0.0, 0.0), 1.0) == 0).all())


@pytest.mark.parametrize("unit", ["tanh", "sigmoid"])
@pytest.mark.parametrize("start", [0.2, 0.5, 0.85])
def test_the_cliff_is_where_a_long_run_changes_sides(unit, start):
    w = torch.linspace(1.15, 2.9, 8, dtype=torch.float64) / recurrent.STEEPEST[unit]
    edge = recurrent.cliff(w, unit, start)
    sides = [recurrent.unroll(torch.stack([w, edge + off], -1), unit, start, 4000)[-1] for off in (-1e-3, 1e-3)]
    # Between the two states at which the map is steep no state is stable: the two ends are on either side of that gap.
    gap = torch.sqrt(1 - 1 / (w * recurrent.STEEPEST[unit])) * (2 if unit == "tanh" else 1)
    assert bool((sides[1] - sides[0] > 0.9 * gap).all())
    for nearer in (-1e-2, 1e-2):  # and on one side of it nothing jumps
        ends = [recurrent.unroll(torch.stack([w, edge + nearer * f], -1), unit, start, 4000)[-1] for f in (1.0, 1.2)]
        assert float((ends[0] - ends[1]).abs().max()) < 0.1
    assert bool(recurrent.cliff(point(0.2, 0.9) / recurrent.STEEPEST[unit], unit, start).isnan().all())
    assert unit == "tanh" or start != 0.5 or torch.allclose(edge, -w / 2, rtol=1e-12)


@pytest.mark.parametrize("unit", ["tanh", "sigmoid"])
@pytest.mark.parametrize("start", [0.2, 0.3, 0.85])
def test_below_minus_one_the_cliff_is_where_a_swinging_unit_changes_its_step(unit, start):
    """The slider offers w down to −2, where tanh has no high and low state to rest at, but two to swing between."""
    w = torch.linspace(-1.9, -1.05, 8, dtype=torch.float64) / recurrent.STEEPEST[unit]
    edge = recurrent.cliff(w, unit, start)
    sides = [recurrent.unroll(torch.stack([w, edge + off], -1), unit, start, 4000)[-2:] for off in (-1e-3, 1e-3)]
    rise = (1 - start**2) if unit == "tanh" else start * (1 - start)
    swings = w.abs() * rise > 1.05
    for ends in sides:  # two states, taken in turn ...
        assert bool(((ends[1] - ends[0]).abs() > 0.05)[swings].all())
    torch.testing.assert_close(sides[0][0][swings], sides[1][1][swings], atol=0.02, rtol=0)  # ... and in the other order
    assert bool(edge[w.abs() * rise < 1].isnan().all()) and (start > 0.8 or bool(swings.any()))
    at_rest = recurrent.unroll(torch.stack([w, edge], -1)[swings], unit, start, 1)[-1]
    torch.testing.assert_close(at_rest, torch.full_like(at_rest, start))


def test_a_product_too_small_for_a_float_is_no_zero():
    config = Config(start_w=8.0, start_b=2.0, T=100)
    result = next(lesson.steps(config))
    assert float(result.through[0, 0, -1]) < 1e-300
    assert "less than 10⁻³⁰⁰ at the start" in words.through(result, config)
    power = re.search(r"about 10(\S+)$", words.fade(config))[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    # 1 − tanh² z ≈ 4 exp(−2z) far out; z is 8·0.3 + 2 at first and 8·1 + 2 from then on.
    assert int(power) == pytest.approx(100 * math.log10(8 * 4) - (2 * 4.4 + 99 * 20) / math.log(10), abs=0.6)
    # With no weight nothing passes, and that is an exact zero.
    assert "multiplied by 0," in words.predict(result, Config(start_w=0.0)).why
    assert words.predict(result, Config(start_w=0.0)).right == ("nothing",)


@pytest.mark.parametrize("unit", UNITS)
def test_the_logarithm_of_the_product_is_the_products(unit):
    rng = random.Random(2)
    for _ in range(20):
        theta = point(rng.uniform(-2, 2), rng.uniform(-2, 2))
        h = recurrent.unroll(theta, unit, 0.4, 20)
        product = recurrent.through_time(theta, unit, h)[0].abs().log()
        torch.testing.assert_close(recurrent.log_through(theta, unit, h), product, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("unit", UNITS)
def test_in_the_valley_the_loss_is_zero(unit):
    for start, target in ((0.3, 0.2), (0.5, 0.7), (0.9, 0.45), (0.1, 0.9)):
        T = 50 if unit == "linear" else 20_000
        w = torch.linspace(-0.93, 1.45, 23, dtype=torch.float64) / recurrent.STEEPEST[unit]
        b = recurrent.valley(w, unit, start, T, target)
        known = b.isfinite()
        assert int(known.sum()) > 5
        loss = recurrent.value(torch.stack([w, b], -1)[known], unit, start, T, target)
        assert float(loss.max()) < 1e-7


def test_opening_scene_jumps_without_clipping_and_arrives_with_it():
    result = lesson.run(Config())
    assert int(result.left_at[0]) > 5 and int(result.arrived_at[0]) == NEVER
    jump = float((result.paths[1:, 0] - result.paths[:-1, 0]).norm(dim=-1).max())
    (w0, w1), (b0, b1) = FRAMES["tanh"]
    assert jump > math.hypot(w1 - w0, b1 - b0)
    for k in (1, 2):
        assert int(result.left_at[k]) == NEVER
        assert float(recurrent.value(result.paths[-1, k], "tanh", 0.3, 50, 0.2)) < 1e-3


def test_chains_grow_as_their_gain_says():
    for gain in (0.7, 1.0, 1.3):
        found = chain.chains(generators(range(12)), 32, 60, gain)
        k = torch.arange(61, dtype=torch.float64)
        torch.testing.assert_close(found["orthogonal"], (gain**k).expand(12, -1), rtol=1e-10, atol=0)
        # One matrix: the growth over the second half is near the spectral radius, for every chain.
        late = (found["recurrent"][:, 60] / found["recurrent"][:, 20]) ** (1 / 40)
        assert bool(((late / gain - 1).abs() < 0.1).all())
    # New matrices: the mean square after k layers is g^{2k}, within four standard errors over 400 chains.
    squares = chain.chains(generators(range(400)), 16, 6, 1.2)["layers"] ** 2
    error = squares.std(0) / 20
    assert bool(((squares.mean(0) - 1.2 ** (2 * torch.arange(7.0))).abs() <= 4 * error + 1e-9).all())


def outside(p: list[float], config: Config) -> bool:
    inside = []
    for value, (low, high), start in zip(p, FRAMES[config.unit], (config.start_w, config.start_b), strict=True):
        low, high = min(low, start - 0.25), max(high, start + 0.25)
        inside.append(2 * low - high < value < 2 * high - low)
    return not all(inside)


def settled(result: Result, k: int, config: Config, what: str) -> int:
    """The step from which, to the end, run k is outside, or has arrived; -1 if it does not end so."""
    step = -1
    for t in reversed(range(config.steps + 1)):
        p = result.paths[t, k]
        holds = outside(p.tolist(), config) if what == "left" else float(
            recurrent.value(p, config.unit, config.h0, config.T, config.target)) <= 1e-3
        if not holds:
            break
        step = t
    return step


def test_words_and_question_at_random_settings():
    rng, asked = random.Random(11), set()
    for _ in range(20):
        config = anything(Config, rng)
        result = lesson.run(config)
        text = words.summary(result, config)
        assert "nan" not in text and "inf " not in text
        verdict, rows = text.split("\n\n")
        ends = []
        for k, (name, row) in enumerate(zip(ARMS.values(), rows.splitlines()[2:], strict=True)):
            left, there = settled(result, k, config, "left"), settled(result, k, config, "arrived")
            ends.append("gone" if left >= 0 else "valley" if there >= 0 else "elsewhere")
            told = {"gone": f"off the map from step {left}", "valley": f"J ≤ 0.001 from step {there}", "elsewhere": "not arrived"}
            assert row.startswith(f"| {name} | {told[ends[-1]]} |")
        phrase = {"gone": "leave", "valley": "arrive", "elsewhere": "not arrive"}
        if len(set(ends)) == 1:
            assert ("no run arrives" if ends[0] == "elsewhere" else f"all three runs {phrase[ends[0]]}") in verdict
        else:
            assert f"without clipping {phrase[ends[0]]}".replace("not", "does not") in verdict
        theta = point(config.start_w, config.start_b)
        states = by_hand(theta.clone().requires_grad_(), config.unit, config.h0, config.T)
        size = abs(float(torch.autograd.grad(states[-1], states[0])[0]))
        right = ends[0]
        if abs(config.start_w) * recurrent.STEEPEST[config.unit] <= 1:
            right = "much" if size >= 1e-3 else "little" if size >= 1e-12 else "nothing"
            asked.add("vanishing")
        else:
            asked.add("cliff")
        question = words.predict(next(lesson.steps(config)), config)
        assert question.right == (right,)
        assert question.text == words.predict(result, config).text
        assert question.judge(right).right
    assert asked == {"vanishing", "cliff"}


def test_each_answer_can_be_right():
    scenes = (Config(), Config(threshold=10.0, start_w=1.2, start_b=0.0, learning_rate=0.01), Config(learning_rate=0.1),
              Config(unit="linear", start_w=1.0), Config(unit="linear", start_w=0.8), Config(unit="linear", start_w=0.5))
    answers = [words.predict(lesson.run(c), c).right[0] for c in scenes]
    assert answers == ["gone", "valley", "elsewhere", "much", "little", "nothing"]


def test_the_vanishing_scene_asks_about_vanishing_and_the_others_about_the_cliff():
    page = page_spec("exploding_gradients")
    for preset in page.presets:
        config = Config(**preset.values)
        result = lesson.run(config)
        question, board = words.predict(result, config), page.draw(result, config)
        about = preset.name == "Vanishing"
        assert ("Followed back" in question.text) == about == ("without clipping starts" not in question.text)
        assert ("through" in board.panels[0].pair, "surface" in board.panels[0].pair) == (about, not about)
        # No run is drawn while it is asked about.
        assert not any("grow" in (trace["meta"] or {}) for trace in board.setup.figure.data)


def test_the_challenge():
    config = Config()
    arrives = lesson.arrivals(config)
    for c in THRESHOLDS:  # the batch of runs says what single runs say
        alone = lesson.run(Config(threshold=c))
        assert arrives[c] == (float(alone.losses[-1, 1]) <= 1e-3)
    best = max(c for c in THRESHOLDS if arrives[c])
    assert best not in (THRESHOLDS[-1], config.threshold)
    for c in THRESHOLDS:
        assert CHALLENGE.check(None, config, c).right == (c == best)
    assert not all(arrives[c] for c in THRESHOLDS if c < best), "a search by halves can be misled"
    # Where no threshold arrives, the verdict says so rather than send the reader on.
    flat = Config(learning_rate=0.001)
    assert not any(lesson.arrivals(flat).values()) and "no c of the slider" in CHALLENGE.check(None, flat, 0.2).words


def test_the_ray_of_a_gradient_that_is_no_number_is_not_drawn():
    config = Config(unit="linear", start_w=1.2, start_b=0.5, inside="none")
    result = lesson.run(config)
    assert not bool(result.slopes[-1, 0].isfinite().all())
    ray = curves.direction(result, config).data[2]["meta"]["frames"]["x"]
    assert np.isfinite(ray[0]).all() and np.isnan(ray[-1][1])


def test_a_ray_that_ends_inside_the_frame_is_as_long_as_its_gradient():
    config = Config(threshold=0.02, inside="none")
    result = lesson.run(config)
    figure = curves.direction(result, config)
    frames, axes = figure.data[2]["meta"]["frames"], (figure.layout.xaxis.range, figure.layout.yaxis.range)
    ends, long = np.stack([frames["x"][:, 1], frames["y"][:, 1]], 1), 0
    for step, end in zip(pictures.stops(result), ends, strict=True):
        g = result.slopes[min(step, len(result.slopes) - 1), 0].numpy() / config.threshold
        if all(low < v < high for v, (low, high) in zip(end, axes, strict=True)):
            np.testing.assert_allclose(end, g, rtol=1e-5)
        else:
            long += 1
    assert 0 < long < len(ends)


@pytest.mark.parametrize("unit", UNITS)
def test_names_on_the_map_are_true_at_every_time(unit):
    """After one step there is no cliff, and J is not zero where it will be in the end."""
    for T in (1, 50):
        config = Config(unit=unit, T=T, start_w=1.2)
        board = page_spec("exploding_gradients").draw(lesson.run(config), config)
        titles = [panel.title for panel in (*board.panels, board.setup)]
        names = [note.text for note in board.panels[0].figure.layout.annotations]
        assert not any("cliff" in title for title in titles)
        assert set(names) >= ({"|w| = 1", "J = 0"} if unit == "linear" else {"J = 0 as T → ∞"})
        assert not any("cliff" in name and "T → ∞" not in name for name in names)
    w, _, valley = pictures.cliffs(Config(unit=unit, T=1))
    J = recurrent.value(torch.tensor(np.stack([w, valley], 1)), unit, 0.3, 1, 0.2).numpy()
    assert (np.nanmax(J) < 1e-12) == (unit == "linear"), "which is why the line has its time beside it"


def test_what_became_of_the_runs_is_said_in_a_corner_without_them():
    for about in (dict(), dict(start_w=2.8, start_b=1.3), dict(unit="linear", start_w=1.3, start_b=1.3)):
        config = Config(T=1, **about)
        result = lesson.run(config)
        said = [a for a in pictures.contour(result, config).layout.annotations if a.xref == "x domain"]
        corner, far = np.array(lesson.frame(config)).T
        runs = np.concatenate([pictures.laid(path, corner, far)[0] for path in result.paths.transpose(0, 1).numpy()])
        for x, y in (runs - corner) / (far - corner):
            assert not any(abs(x - a.x) < 0.3 and abs(y - a.y) < 0.1 for a in said), (about, x, y)
        assert len(said) == 3 and len({(a.x, a.xanchor, a.yanchor) for a in said}) == 1 and all(0 < a.y < 1 for a in said)


def test_what_is_said_of_steps_holds_for_one_and_for_many():
    """One step or layer is no plural; pale marks stand at every step of the longest run; numbers are told as everywhere."""
    one, long = Config(T=1), Config(steps=300)
    board = page_spec("exploding_gradients").draw(lesson.run(one), one)
    assert not any(re.search(r"\b1 (steps|layers)\b", panel.alt) for panel in (*board.panels, *board.further))
    pale = [t for t in curves.direction(lesson.run(long), long).data if t["mode"] == "markers" and not (t["meta"] or {})]
    assert [len(t["x"]) for t in pale] == [300, 300]
    away = Config(unit="linear", start_w=1.2, start_b=0.5)
    (note,) = [a["text"] for a in pictures.contour(lesson.run(away), away).layout.annotations if "off to" in a["text"]]
    assert note == "step 1: off to (−3.38·10¹⁰, −1.62·10⁹)"
    notes = [a["text"] for a in pictures.contour(lesson.run(Config()), Config()).layout.annotations if "step" in a["text"]]
    assert [note.partition(":")[2].split(" (")[0] for note in notes] == [" off to", " arrives", " arrives"]


def test_every_alt_at_random_settings():
    page, rng = page_spec("exploding_gradients"), random.Random(4)
    for _ in range(10):
        config = anything(Config, rng)
        for result in lesson.steps(config):
            board = page.draw(result, config)
            for panel in (*board.panels, *board.further, board.setup):
                assert len(panel.alt) > 40 and not re.search(r"\b(nan|inf)\b|\*\*", panel.alt), panel.alt
                json.loads(panel.figure.to_json())


def test_the_dashed_line_of_a_linear_unit_is_its_curve():
    config = Config(unit="linear", start_w=1.2, start_b=0.5)
    bound, line = curves.through(lesson.run(config), config).data[:2]
    np.testing.assert_allclose(bound["y"], line["y"], rtol=1e-5)


def test_paths_lie_on_the_surface_from_step_to_step():
    """Every step is sampled inside the frame, on its straight line, and its height is that of the map there."""
    rng = random.Random(6)
    for config in (Config(), Config(unit="linear", start_w=1.2, start_b=0.5), *(anything(Config, rng) for _ in range(8))):
        result = lesson.run(config)
        corner, far = np.array(lesson.frame(config)).T
        ground, _, *lines, _, start = pictures.surface3d(result, config).data
        assert (start["x"][0], start["y"][0]) == pytest.approx((config.start_w, config.start_b), rel=1e-6)
        span = np.ptp(ground["z"])
        grid = (np.unique(ground["y"]), np.unique(ground["x"]))
        surface = scipy.interpolate.RegularGridInterpolator(grid, ground["z"].reshape(*map(len, grid)), bounds_error=False)
        for path, arm, line in zip(result.paths.transpose(0, 1).numpy(), ARMS, lines, strict=True):
            places = np.stack([line["x"], line["y"]], 1)
            known = np.isfinite(places).all(1)
            counts = line["meta"]["grow"]
            assert counts[0] == 1 and counts[-1] == len(places)
            want = surface(places[known][:, ::-1].clip(corner[::-1], far[::-1])) + pictures.LIFT[arm] * span
            np.testing.assert_allclose(line["z"][known], want, atol=2e-3 * max(span, 1e-9))
            jump = np.abs(np.diff(places, axis=0) / (far - corner)).max(1)
            assert float(np.nanmax(jump, initial=0)) <= 1.01 / (lesson.MAP - 1)
            for at, count in zip(pictures.stops(result), counts, strict=True):
                if bool(((path[at] >= corner) & (path[at] <= far)).all()):
                    np.testing.assert_allclose(places[count - 1], path[at], rtol=1e-4, atol=1e-5)


def test_thumbnail_is_small_and_inside_its_frame():
    result = lesson.run(Config())
    before = result.paths.clone()
    picture = pictures.thumbnail(result, Config())
    assert torch.equal(result.paths, before), "a drawing must not touch what it draws"
    assert len(picture["marks"]) <= 5 and all(len(m["points"]) <= 80 for m in picture["marks"])
    for mark in picture["marks"]:
        assert all(picture["x"][0] - 0.01 <= x <= picture["x"][1] + 0.01 for x, _ in mark["points"])
        assert all(picture["y"][0] - 0.01 <= y <= picture["y"][1] + 0.01 for _, y in mark["points"])


def test_the_example_tells_the_same():
    result = lesson.run(Config())
    for k, end in enumerate(example.main().values()):
        assert [end["w"], end["b"]] == pytest.approx(result.paths[-1, k].tolist(), rel=1e-5, abs=1e-6)
        assert end["loss"] == pytest.approx(float(result.losses[-1, k]), rel=1e-3, abs=1e-9)


def test_a_run_of_one_finite_step_is_seen():
    """Without clipping the first step is billions long, and no other is finite: a line of one point shows nothing."""
    config = Config(unit="linear", start_w=1.2, start_b=0.5)
    result = lesson.run(config)
    figure = curves.step_lengths(result, config)
    drawn = dict(zip(ARMS, figure.data[1:], strict=True))
    for trace in drawn.values():
        finite = int(np.isfinite(np.asarray(trace.y, float)).sum())
        assert trace.mode == ("markers" if finite == 1 else "lines")
    assert drawn["none"].mode == "markers"
    assert drawn["norm"].mode == "lines"
