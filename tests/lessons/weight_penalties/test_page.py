"""weight_penalties: what the page says, asks and draws, against the raw tensors of the run."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import Lasso
from torch import Tensor

from core.formatting import format_number
from core.lesson import Scene, last
from core.lessons.weight_penalties import lesson, words
from core.lessons.weight_penalties.lesson import PENALTIES, PROBLEMS, Config
from core.lessons.weight_penalties.problem import GAUSSIAN, LINEAR, gone_from
from core.lessons.weight_penalties.words import alt_texts
from core.question import Amount, Pick
from examples import weight_penalties as example
from figures.weight_penalties import maps as many
from figures.weight_penalties import pictures
from tests.lessons.weight_penalties.test_lesson import ORDER, data_of, result_of
from tests.pages import PageSpec, page_spec
from tests.scenes import anything
from ui.chart import encode, keys_of


@pytest.fixture(scope="module")
def page() -> PageSpec:
    return page_spec("weight_penalties")


def random_scenes(count: int, seed: int) -> list[Config]:
    rng = random.Random(seed)
    return [anything(Config, rng) for _ in range(count)]


# The words and pictures


def test_the_opening_scene_is_cheap(page):
    lesson.run(Config(seed=9))
    start = time.process_time()
    page.draw(lesson.run(Config(seed=10)), Config(seed=10))
    assert time.process_time() - start < 0.8  # twice the budget, for a busy machine


@pytest.mark.parametrize("penalties", [("l1", "l2"), ("elastic",), ("l2",)])
@pytest.mark.parametrize("decoys", [0, 10])
def test_the_rows_of_bars_have_the_order_that_the_caption_says(page, penalties, decoys):
    scene = Config(penalties=penalties, decoys=decoys, train_size=150)
    result = lesson.run(scene.trained())
    panel = next(p for p in page.draw(result, scene).panels if p.id == "bars")
    names = list(panel.figure.layout.yaxis.ticktext)
    held = dict(zip(result.names, result.held[0].tolist(), strict=True))  # by L1
    rows = [held[name] for name in names]
    assert rows == sorted(rows)
    left_out = [held[name] for name in held if name not in names]
    assert max(left_out, default=0.0) <= rows[0]
    assert (f"the last {len(names)} of {len(held)}" in panel.caption) == bool(left_out) == (decoys > 0)
    assert ("L1 holds" in panel.caption) == ("l1" in penalties)
    assert ("L1 would hold" in panel.caption) == ("l1" not in penalties)
    assert ("×" in panel.caption) == any(getattr(trace, "mode", None) == "markers" for trace in panel.figure.data) == (
        penalties != ("l2",))


@pytest.mark.parametrize("scene", random_scenes(8, 5), ids=lambda s: f"{s.problem}-{s.seed}")
def test_what_is_said_is_what_happened(scene, page):
    result = lesson.run(scene.trained())
    text = words.summary(result, scene)
    verdict, _, table = text.partition("\n\n")
    at, rows = scene.alpha_index, [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert rows[0][0] == f"α = {format_number(result.alphas[at], 3)}"
    told = {row[0]: row[1:] for row in rows[2:]}
    assert [name for name in told if name in PENALTIES.values()] == [PENALTIES[p] for p in ORDER if p in scene.penalties]
    for place, penalty in enumerate(p for p in ORDER if p in scene.penalties):
        k = ORDER.index(penalty)
        w = result.weights[k, at].numpy()
        zero, best = int((w == 0).sum()), int(result.loss["validation"][k].argmin())
        least = format_number(abs(w[w != 0]).min()) if zero < len(w) else "–"
        assert told[PENALTIES[penalty]] == [f"{zero} of {len(w)}", least, format_number(result.alphas[best]),
                                            format_number(result.loss["test"][k, best], 3)]
        many = "none" if zero == 0 else "all" if zero == len(w) else str(zero)
        name = "the elastic net" if penalty == "elastic" else PENALTIES[penalty]
        if place == 0:
            assert verdict.startswith(f"**At this penalty strength {name} has {many} of its weights at exactly zero")
        elif penalty == "l2" or len(scene.penalties) == 2:
            assert verdict.endswith(f", {name} {many}.**")
    if result.plain is not None:
        plain = (result.plain.weights[at] == 0).sum()
        assert told["L1 by sub-gradient steps"][0] == f"{plain} of {result.weights.shape[-1]}"
    if scene.problem in LINEAR:
        dead = (result.weights[0] == 0).numpy()
        for_good = [min((i for i in range(len(dead)) if dead[i:, j].all()), default=lesson.A) for j in range(dead.shape[1])]
        assert for_good == gone_from(result.weights[0])
        # Between the last strength at which it is alive and the first at which it is zero for good.
        low, high = ([*result.alphas.tolist(), np.inf][i] for i in (max(min(for_good) - 1, 0), min(for_good)))
        assert low <= float(result.held[0].min()) <= high
    board = page.draw(result, scene)
    assert board.summary == text and len(board.player.labels) == lesson.A
    assert encode(board).size + encode(board, further=True).size < 400_000
    for panel in (*board.panels, *board.further):
        assert panel.alt and panel.caption
        for trace in panel.figure.data:
            assert trace.hovertemplate or trace.hoverinfo == "skip", panel.id
        if panel.id.startswith("paths"):
            k = ORDER.index(panel.id[6:])
            assert ("α<sub>max</sub>" in panel.caption) == bool(result.alpha_max[k] <= result.alphas[-1])
            always = (result.weights[k, -1] == 0).any()
            assert ("first to stay at zero" in panel.caption) == bool(always)


def test_each_penalty_is_drawn_with_the_dash_that_its_key_has(page):
    """A line in a penalty's own colour has the dash of the key, or the dots of a curve of equal loss or a prior."""
    scene = Config(penalties=tuple(ORDER))
    board = page.draw(result_of(), scene)
    dashes = {colour.upper(): dash for label, colour, dash in board.legend if label in PENALTIES.values()}
    assert len(dashes) == 3 == len(set(dashes.values()))
    seen = set()
    for panel in (*board.panels, *board.further):
        for trace in panel.figure.to_dict()["data"]:
            line = trace.get("line", {})
            if trace.get("mode") != "lines" or not (own := dashes.get(str(line.get("color")).upper())):
                continue
            if panel.id.partition("-")[0] in ("paths", "map", "zeros", "posterior") and line.get("dash", "solid") != "dot":
                assert line.get("dash", "solid") == own, panel.id
                seen.add((panel.id.partition("-")[0], own))
    assert len(seen) == 4 * 3
    for panel in board.panels[:2]:
        assert [board.legend[i][0] for i in keys_of(panel.figure, board.legend)] == list(PENALTIES.values())


def test_partial_results_are_drawn_too(page):
    for problem in PROBLEMS:
        scene = Config(problem=problem, penalties=tuple(ORDER))
        first = next(iter(lesson.steps(scene.trained())))
        assert first.plain is None
        board = page.draw(first, scene)
        assert len(board.panels) <= 6 and len(board.panels) + len(board.further) >= 8


@pytest.mark.parametrize("problem", GAUSSIAN)
def test_drawn_pulls_lie_on_the_drawn_slope(problem):
    """The picture's dots against its dashed line: on it where w ≠ 0, between its ends where w = 0."""
    result, scene = result_of(problem=problem), Config(problem=problem, penalties=tuple(ORDER))
    for penalty in ORDER:
        moves = pictures.balance(result, scene, penalty).data[1].meta["frames"]
        w, pull = (np.asarray(moves[axis]) for axis in "xy")
        rho = lesson.part(penalty, scene)
        alive = w != 0
        np.testing.assert_allclose(pull[alive], (rho * np.sign(w) + (1 - rho) * w)[alive], atol=2e-5)
        assert (abs(pull[~alive]) <= rho + 2e-5).all()


def test_every_preset_is_a_scene(page):
    names = [p.name for p in page.presets]
    assert len(set(names)) == len(names) >= 4
    for preset in page.presets:
        scene: Scene = Config(**preset.values)
        assert preset.why and (scene != Config() or not preset.values)


def test_the_example_tells_the_same():
    result, i = result_of(), 32
    told = example.main(alpha=float(result.alphas[i]), seed=0)
    ours: dict[str, Tensor] = {"l1": result.weights[0, i], "l2": result.weights[2, i]}
    short = [key.split(": ")[1] for key in told if key.startswith("l2") and "zeros" not in key]
    for penalty, w in ours.items():
        np.testing.assert_allclose([told[f"{penalty}: {name}"] for name in short], w, atol=1e-6)
    assert told["l1: exact zeros"] == int(result.zeros[0, i]) > 0
    assert told["l1 by autograd: exact zeros"] == told["l2: exact zeros"] == 0


# Questions


ASKED = [scene for scene in random_scenes(60, 11) if scene.problem in LINEAR][:20] + [
    Config(problem=problem, penalties=(penalty,), decoys=3) for problem in PROBLEMS for penalty in PENALTIES]


@pytest.mark.parametrize("scene", ASKED, ids=lambda s: f"{s.problem}-{s.penalties[0]}-{s.seed}")
def test_the_question_has_the_answer_of_the_run(scene: Config):
    """Derived anew from the weights: on every partial result too."""
    run = lesson.steps(scene.trained())
    reports = list(run) if scene.problem in LINEAR else [next(run)]
    for result in (reports[0], reports[-1]):
        asked = words.predict(result, scene)
        penalty = scene.penalties[0]
        held = dict(zip(result.names, result.held[ORDER.index(penalty)].tolist(), strict=True)) if scene.problem in LINEAR else {}
        zero = (result.weights[ORDER.index(penalty)] == 0).numpy()
        if isinstance(asked, Amount):
            assert penalty != "l2" and asked.truth == pytest.approx(100 * zero[20].mean())
            assert f"α = {float(result.alphas[20]):.2g}" in asked.text and asked.low <= asked.truth <= asked.high
            continue
        assert isinstance(asked, Pick) and 2 <= len(asked.options) <= 6 and all(len(v) < 32 for v in asked.options.values())
        if penalty == "l2" or (scene.problem == "orthonormal" and penalty == "elastic"):
            most = zero[-1].sum()  # what is zero at the strongest is held there
            assert asked.right == ("none" if most == 0 else "all" if most == zero.shape[1] else "some",)
        elif scene.problem == "orthonormal":
            x, t = data_of(scene)
            free = abs(x.T @ t / len(t)).max()
            assert asked.right == ("same",) and asked.options["same"] == f"α = {free:.2f}"
        else:
            # From the last strength at which a weight is alive, by name; the α that is told lies behind that strength.
            dies = {n: max((i for i in range(lesson.A) if not zero[i, j]), default=-1) for j, n in enumerate(result.names)}
            noise = [i for n, i in dies.items() if n.startswith("noise ")]
            pick = min if scene.problem == "diabetes" else max
            when = {key: pick(noise) if key == "noise" else dies[key] for key in asked.options}
            assert ("noise" in when) == bool(scene.decoys)
            extreme = {key for key, i in when.items() if i == pick(when.values())}
            assert set(asked.right) <= extreme
            # The whole run tells apart what two neighbouring strengths do not; below the weakest nothing is known.
            assert result is reports[0] or len(asked.right) == 1 or when[asked.right[0]] == -1
            for name, i in dies.items():
                after = [*result.alphas.tolist(), np.inf]
                assert after[max(i, 0)] * (1 - 1e-9) <= held[name] <= after[i + 1] * (1 + 1e-9)
            assert ("first" if pick is min else "last") in asked.text
        assert asked.judge(asked.right[0]).right
        wrong = next((key for key in asked.options if key not in asked.right), None)
        assert wrong is None or not asked.judge(wrong).right


def test_the_question_is_cheap_and_asks_no_more_of_the_reader_than_the_page_shows():
    for problem in LINEAR:
        result, scene = result_of(problem=problem), Config(problem=problem)
        start = time.thread_time()
        asked = words.predict(result, scene)
        assert time.thread_time() - start < 0.02
        assert asked == words.predict(result, scene)
        assert len(asked.text) < 260 and "nan" not in asked.why


def edge(x: np.ndarray, t: np.ndarray) -> float:
    """The α at which the lasso is down to three weights, by bisection with scikit-learn."""
    low, high = 1e-3, float(abs(x.T @ (t - t.mean())).max() / len(t))
    while high / low > 1.002:
        middle = (low * high) ** 0.5
        left = int((Lasso(alpha=middle, tol=1e-10, max_iter=200_000).fit(x, t).coef_ != 0).sum())
        low, high = (middle, high) if left > words.LEFT else (low, middle)
    return high


@pytest.mark.parametrize("seed", [0, 4])
def test_the_challenge_is_met_at_the_edge_and_nowhere_near(seed: int):
    challenge = words.CHALLENGE
    scene = Config(**challenge.scene, seed=seed)
    assert challenge.answer is not None
    goal = edge(*data_of(scene))
    start = time.process_time()
    met = challenge.check(result_of(**challenge.scene, seed=seed), scene, challenge.answer.nearest(1.005 * goal))
    assert met.right and time.process_time() - start < 1
    for near in (0.95, 1.08):
        missed = challenge.check(result_of(**challenge.scene, seed=seed), scene, challenge.answer.nearest(near * goal))
        assert not missed.right and ("larger" in missed.words) == (near < 1)
    assert not challenge.check(None, Config(problem="net"), goal).right


# Pictures


def test_what_is_seen_while_the_question_is_asked_names_all_answers_and_tells_nothing_of_l1():
    for values in (dict(), dict(decoys=3), dict(problem="cancer"), dict(problem="orthonormal")):
        scene, result = Config(**values), result_of(**values)
        picture, asked = many.setup(result), words.predict(result, scene)
        names = list(picture.data[0].text)
        if scene.problem in words.ASKED:
            assert names[: len(words.ASKED[scene.problem])] == list(words.ASKED[scene.problem])
            assert ("noise" in asked.options) == names[-1].startswith("noise")
        w = dict(zip(result.names, result.weights[2, 0].tolist(), strict=True))
        drawn = dict(zip(names, np.asarray(picture.data[0].x), strict=True))
        assert all(drawn[name] == pytest.approx(w[name], rel=1e-6) for name in names if name in w)
        told = page_spec("weight_penalties").draw(result, scene).setup.caption
        assert told.startswith(f"Some of the {len(w)} weights") == (len(names) < len(w))
    for problem in ("net", "digits"):
        (sheet,) = many.setup(result_of(problem=problem)).data
        assert sheet.meta is None and np.nanmax(np.abs(sheet.z)) <= sheet.zmax


def test_two_weights_are_drawn_with_one_scale():
    result, scene = result_of(), Config()
    for picture in (pictures.geometry(result, scene), pictures.field(scene, "l1"), many.maps(result_of(problem="digits"), "l1")):
        assert picture.layout.yaxis.scaleanchor == "x"
    layout = pictures.field(scene, "l1").layout
    assert (layout.xaxis.title.text, layout.yaxis.title.text) == ("first weight", "second weight")


def test_the_bars_of_the_spread_hold_every_weight():
    result = result_of(problem="digits")
    bars = many.histogram(result, "l2").data[0].meta["frames"]["y"]
    assert (bars.sum(1) == (result.weights[2] != 0).sum(1).numpy()).all()


# The map of two weights


@pytest.mark.parametrize("values", [dict(), dict(problem="orthonormal", seed=2), dict(problem="cancer", train_size=150)])
def test_drawn_curves_of_equal_loss_have_equal_loss(values: dict[str, Any]):
    """At the bias that suits each point, in the frame: exactly where J is quadratic, to 4/1000 of the depth where it is not."""
    config, pair = Config(**values), result_of(**values).pair
    assert pair is not None
    whole = lesson.problem_of(config)
    x = whole.x["train"][0, [whole.names.index(n) for n in pair.names]].T.numpy()
    t = whole.y["train"].flatten().numpy()
    depth = float(pair.height.max())
    for i in (4, 25, 50):
        for a, b in pair.contours(pair.level[0, i : i + 1])[0, ::9].tolist():
            if not (pair.x[0] <= a <= pair.x[-1] and pair.y[0] <= b <= pair.y[-1]):
                continue
            out = x @ np.array([a, b])
            if config.problem == "cancer":
                here = scipy.optimize.minimize_scalar(lambda c, o=out: (np.logaddexp(0, o + c) - t * (o + c)).mean()).fun
            else:
                here = ((t - out - (t - out).mean()) ** 2).mean() / 2
            gap = max(here - pair.free_loss, 0) ** 0.5 - max(float(pair.level[0, i]) - pair.free_loss, 0) ** 0.5
            assert abs(gap) < (4e-3 * depth if config.problem == "cancer" else 1e-9 * depth)


def test_every_panel_has_a_sentence_that_follows_from_the_run(page):
    for scene in random_scenes(4, 21):
        result = last(lesson.steps(scene.trained()))
        text = alt_texts(result, scene)
        board = page.draw(result, scene)
        assert all(panel.alt == text[panel.id] and "nan" not in panel.alt for panel in (*board.panels, *board.further))
        for penalty in scene.penalties:
            k = ORDER.index(penalty)
            best = int(result.loss["validation"][k].argmin())
            assert f"the test loss is {format_number(result.loss['test'][k, best], 3)}" in text[f"errors-{penalty}"]
            zeros = (result.weights[k] == 0).sum(1)
            W = result.weights.shape[-1]
            told = f"{zeros[0]} of {W} weights at exactly 0 at the weakest penalty and {zeros[-1]} at the strongest"
            assert f"{PENALTIES[penalty]} has {told}" in text["zeros"]


def test_the_thumbnail_touches_in_the_diamond():
    picture = pictures.thumbnail(result_of(), Config())
    assert len(picture["marks"]) <= 5 and all(2 * 40 >= len(mark["points"]) > 0 for mark in picture["marks"])
    (corner,) = picture["marks"][-1]["points"]
    for mark in (picture["marks"][1], picture["marks"][3]):
        assert min(np.hypot(*(np.array(p) - corner)) for p in mark["points"]) < 0.03


@pytest.mark.parametrize("problem", ["net", "digits"])
def test_what_bars_and_colours_leave_out_is_said(page, problem):
    scene = Config(problem=problem)
    result = result_of(problem=problem)
    board = page.draw(result, scene)
    panels = {panel.id: panel for panel in [*board.panels, *board.further]}
    drawn = [(k, penalty) for k, penalty in enumerate(ORDER) if penalty in scene.penalties]
    assert len(drawn) == 2
    for k, penalty in drawn:
        colours = panels[f"map-{penalty}"]
        end = colours.figure.data[0].zmax
        assert f"beyond ±{format_number(end)} colours stay" in colours.caption
        assert ("without ink" in colours.caption) == (problem == "digits")
        bars = panels[f"spread-{penalty}"]
        most, reach = float(result.weights[k].abs().max()), bars.figure.layout.xaxis.range[1]
        assert bars.caption.endswith(f"Outermost bars: all as far as {format_number(most)}.") == (most > reach)
