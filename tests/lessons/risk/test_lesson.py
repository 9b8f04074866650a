"""Risk: closed forms against NumPy and Monte Carlo, the peak at p = m over seeds, and every word against the raw tensors."""

import itertools
import random
import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate
from sklearn.linear_model import Ridge

from core.lessons.risk import lesson, min_norm, words
from core.lessons.risk.lesson import CAPACITIES, HELD_FROM, ZERO, Config, Result
from core.lessons.risk.words import CHALLENGE
from figures.risk import pictures
from tests.pages import page_spec
from tests.scenes import anything
from ui import chart
from ui.chart import Board

ROOT = Path(__file__).parents[3]
PAGE = page_spec("risk")


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    drawn = (anything(Config, random.Random(trial), draws=8) for trial in range(14))
    return [(scene, list(lesson.steps(scene))) for scene in drawn]


def at(p: int) -> int:
    return CAPACITIES.index(p)


def median(values: torch.Tensor) -> float:
    return float(np.median(values.numpy()))


def test_features_are_numpys_legendre_and_orthonormal():
    x, weight = min_norm.quadrature(lesson.NODES)
    psi = min_norm.legendre(x, CAPACITIES[-1])
    np.testing.assert_allclose(psi[:, 7], np.sqrt(15) * np.polynomial.Legendre.basis(7)(x.numpy()), atol=1e-12)
    gram = psi.T @ (weight[:, None] * psi)
    torch.testing.assert_close(gram, torch.eye(CAPACITIES[-1], dtype=torch.float64), atol=1e-11, rtol=0)


@pytest.mark.parametrize("p", [3, 12, 50])
def test_the_fit_is_numpys_least_squares_of_least_norm(p):
    world = lesson._World(Config())
    x, f = world.sample(12)
    psi = world.features(x)[..., :p]
    ours = min_norm.solve(min_norm.factorise(psi), f + 0.3)
    for s in range(3):
        theirs = np.linalg.lstsq(psi[s].numpy(), (f[s] + 0.3).numpy(), rcond=None)[0]
        np.testing.assert_allclose(ours[s], theirs, rtol=1e-6, atol=1e-8)


def test_the_ridge_fit_is_scikit_learns():
    world = lesson._World(Config())
    x, f = world.sample(12)
    psi = world.features(x)[..., :20]
    ours = min_norm.solve(min_norm.factorise(psi, 1e-2), f)
    theirs = Ridge(alpha=12 * 1e-2, fit_intercept=False, solver="cholesky").fit(psi[0].numpy(), f[0].numpy()).coef_
    np.testing.assert_allclose(ours[0], theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("scene", [Config(), Config(truth="runge", smooth=0.0), Config(model="net")])
def test_expected_risk_is_adaptive_quadrature_and_a_large_sample(scene):
    """J* of the drawn fit, by SciPy's quadrature and by twenty thousand fresh samples within four of their standard errors."""
    result = lesson.run(scene)
    world = lesson._World(scene)
    x, f = world.sample(scene.m)
    y = f + scene.sigma * world.noise[:, : scene.m]
    for p in (4, 9, 30):
        theta = min_norm.solve(min_norm.factorise(world.features(x)[..., :p]), y)[0]

        def fit(t: np.ndarray, theta: torch.Tensor = theta, p: int = p) -> np.ndarray:
            return (world.features(torch.from_numpy(np.atleast_1d(t))[None])[0, :, :p] @ theta).numpy()

        def miss(t: np.ndarray, fit=fit) -> np.ndarray:
            return (lesson.target(scene.truth, torch.from_numpy(np.atleast_1d(t))).numpy() - fit(t)) ** 2

        ours = float(result.risk[at(p), 0])
        if scene.model == "polynomial":
            exact = integrate.tanhsinh(lambda t, miss=miss: miss(t.ravel()).reshape(t.shape), -1, 1, rtol=1e-10).integral / 2
            assert ours == pytest.approx(scene.sigma**2 + exact, rel=1e-8)
        rng = np.random.default_rng(p)
        t = rng.uniform(-1, 1, 20_000)
        loss = (np.sqrt(miss(t)) * rng.choice([-1, 1], t.size) + scene.sigma * rng.standard_normal(t.size)) ** 2
        assert abs(ours - loss.mean()) < 4 * loss.std() / np.sqrt(t.size) + 2e-4 * ours


def test_the_textbook_lines_hold_where_the_model_holds_the_truth():
    """E[J] = σ²(1 − p/m) and σ²(1 + p/m) for fresh noise: exactly as expectations, within five errors as means of 200."""
    scene = Config(truth="cubic", m=20, sigma=0.5)
    r = lesson.run(scene).repeats
    s2, m = scene.sigma**2, scene.m
    for p in (p for p in CAPACITIES if HELD_FROM <= p <= m):
        assert lesson.contains_target(scene, p)
        assert float(r.expected_J[at(p)]) == pytest.approx(s2 * (1 - p / m), rel=1e-6, abs=1e-9)
        assert float(r.expected_fresh[at(p)]) == pytest.approx(s2 * (1 + p / m), rel=1e-6)
        # Both sums of squares have at most 2·(2m) σ⁴ of variance.
        error = s2 * np.sqrt(4 * m) / m / np.sqrt(lesson.NOISES) * 2
        assert abs(float(r.J[at(p)]) - s2 * (1 - p / m)) < 5 * error
        assert abs(float(r.fresh[at(p)]) - s2 * (1 + p / m)) < 5 * error
    assert float(r.expected_J[at(3)]) > s2 * (1 - 3 / m) + 0.01, "a parabola does not hold the cubic"
    assert not lesson.contains_target(replace(scene, model="net"), m) and not lesson.contains_target(Config(), m)


@pytest.mark.parametrize("scene", [Config(), Config(ridge=1e-2), Config(model="net", truth="runge")])
def test_expectations_are_what_the_hat_matrix_says(scene):
    """Against H built column by column from fits to unit vectors, and J*'s variance from its linear map."""
    world = lesson._World(scene)
    x, f = world.sample(scene.m)
    population = world.population._replace(psi=world.population.psi[:1])
    for p in (3, 11, 40):
        psi = world.features(x)[:1, :, :p]
        factors = min_norm.factorise(psi, scene.ridge)
        pinv = torch.stack([min_norm.solve(factors, e[None])[0] for e in torch.eye(scene.m, dtype=torch.float64)], 1)
        H, eye = psi[0] @ pinv, torch.eye(scene.m, dtype=torch.float64)
        told = min_norm.expectations(factors, f[:1], population)
        missed = float(((eye - H) @ f[0]).square().mean())
        s2 = scene.sigma**2
        assert float(told.J[0]) == pytest.approx(missed + s2 * float((eye - H).square().sum()) / scene.m, rel=1e-6, abs=1e-10)
        assert float(told.fresh[0]) == pytest.approx(missed + s2 * (1 + float(H.square().sum()) / scene.m), rel=1e-6)
        spread = population.psi[0, :, :p] @ pinv
        assert float(told.variance[0]) == pytest.approx(s2 * float(spread.square().sum()), rel=1e-6)
        assert float(told.bias[0]) == pytest.approx(float((population.f - spread @ f[0]).square().sum()), rel=1e-6, abs=1e-10)


def test_the_measured_means_lie_on_the_expectations():
    for seed in (0, 1, 2):
        scene = Config(seed=seed, m=14)
        r = lesson.run(scene).repeats
        total = scene.sigma**2 + r.bias + r.variance
        # One direction carries nearly all of the variance at the peak, so J* there is a χ² of one degree: spread √2.
        torch.testing.assert_close(r.risk, total, rtol=5 * 2**0.5 / lesson.NOISES**0.5, atol=0)
        torch.testing.assert_close(r.J, r.expected_J, rtol=0.25, atol=2e-3)


def test_the_peak_is_at_p_equal_m_over_seeds():
    for inputs, m in (("cells", 10), ("cells", 16), ("independent", 12)):
        peaks, tails, falls = [], [], []
        for seed in range(6):
            scene = Config(seed=seed, inputs=inputs, m=m, draws=12)
            risk = lesson.run(scene).risk.quantile(0.5, dim=1)
            peaks.append(CAPACITIES[int(risk.argmax())])
            tails.append(float(risk[-1] / risk.max()))
            falls.append(float(risk[: at(m)].min() / risk[0]))
        assert peaks.count(m) >= 5 and all(abs(p - m) <= 1 for p in peaks), peaks
        assert max(tails) < 0.05 and max(falls) < 0.6


def test_sample_wise_peak_and_more_samples_help_a_fixed_capacity(opening):
    risk = opening.map_risk.quantile(0.5, dim=-1)
    assert opening.sizes[int(risk[:, at(12)].argmax())] == 12
    assert float(risk[-1, at(4)]) < float(risk[0, at(4)])
    assert torch.equal(opening.map_risk[opening.sizes.index(12)], opening.risk)


def test_j_never_rises_with_capacity_and_reaches_zero_at_m(opening):
    assert bool((opening.J.diff(dim=0) <= 1e-12).all())
    assert float(opening.J[at(12) :].max()) < lesson.ZERO < float(opening.J[at(11)].min())


def test_draws_and_seeds():
    few, many = lesson.run(Config(draws=8)), lesson.run(Config(draws=12))
    torch.testing.assert_close(few.risk, many.risk[:, :8], rtol=1e-6, atol=1e-9)
    assert not torch.equal(lesson.run(Config(seed=1)).x, many.x)
    x = lesson._World(Config()).sample(12)[0]
    assert torch.equal(((x + 1) * 6).floor(), torch.arange(12.0, dtype=torch.float64).expand(12, -1)), "one in each cell"


def test_zero_is_said_where_theory_has_it():
    """Without a penalty: a polynomial with a coefficient for every sample, or that holds f where there is no noise."""
    for scene, hits in ((Config(m=12), 12), (Config(m=24, inputs="independent"), 24), (Config(ridge=1e-8), None),
                        (Config(model="net"), None), (Config(truth="cubic", sigma=0), 4), (Config(truth="wave", sigma=0), 12)):
        places = [p for p in CAPACITIES if lesson.interpolates(scene, p)]
        assert places == [p for p in CAPACITIES if hits is not None and p >= hits]
    assert lesson.fmt(1e-29, exactly=True) == lesson.fmt(0.0) == "0"
    assert lesson.fmt(1e-29) == lesson.fmt(9e-13) == "less than 10⁻¹²"
    assert lesson.fmt(0.15) == "0.15" and words.J_text(Config(), at(12), 8e-29) == "0"
    # No noise, and a wave that a polynomial meets to 10⁻¹² long before it passes through the samples.
    smooth = Config(sigma=0, m=24, ridge=0)
    J = lesson.run(smooth).J.median(dim=1).values
    p = next(p for p in CAPACITIES if float(J[at(p)]) < ZERO)
    assert p < 24 and words.J_text(smooth, at(p), J[at(p)]) == "less than 10⁻¹²"
    assert "From p = 24 on the best fit passes through every sample" in words.alt_texts(lesson.run(smooth), smooth)["risks"]


NEGATIVE = [Config(ridge=1, m=24), Config(ridge=0.1, m=20), Config(ridge=1, seed=1), Config(ridge=1, m=24, model="net"),
            Config(ridge=1, sigma=0, inputs="independent", smooth=1.5, seed=214)]


@pytest.mark.parametrize("scene", NEGATIVE)
def test_a_negative_gap_is_drawn_and_said(scene):
    result = lesson.run(scene)
    gap = np.median((result.risk - result.J).numpy(), axis=1)
    below = int((gap < 0).sum())
    assert below
    count = "all" if below == len(CAPACITIES) else f"{below} of the {len(CAPACITIES)}"
    for text in (words.summary(result, scene), words.predict(result, scene).why):
        assert ("new data cost less than the samples at every p" in text) == (count == "all")
    board = PAGE.draw(result, scene)
    panels = {panel.id: panel for panel in (*board.panels, *board.further)}
    told = "Smallest gap" if count == "all" else "Widest gap"
    (drawn,) = (note.text for note in panels["risks"].figure.layout.annotations if "gap" in note.text)
    assert f"{told}, medians" in table_of(board.summary) and drawn.startswith(told.lower())
    for text in (panels["gap"].caption, panels["gap"].alt):
        assert f"It is negative at {count} capacities" in text
    figure = panels["gap"].figure
    line = next(trace for trace in figure.data if trace.customdata is not None)
    drawn, (foot, top) = np.asarray(line.y), figure.layout.yaxis.range
    np.testing.assert_array_equal(np.sign(drawn), np.sign(gap.astype(np.float32)))
    np.testing.assert_allclose(line.customdata, gap, rtol=1e-6)
    assert foot < drawn.min() < 0 and drawn.max() < top and foot < 0 < top
    assert "0" in figure.layout.yaxis.ticktext


def test_ticks_of_the_gap_stand_at_their_gaps():
    for scene in (Config(), *NEGATIVE[:2], Config(sigma=0), Config(sigma=1, truth="runge", model="net")):
        result = lesson.run(replace(scene, draws=8))
        axis = pictures.gap(result, scene).layout.yaxis
        line = next(trace for trace in pictures.gap(result, scene).data if trace.customdata is not None)
        largest = int(np.abs(line.customdata).argmax())
        unit = line.customdata[largest] / np.sinh(np.float64(line.y[largest]))
        np.testing.assert_allclose(line.y, np.arcsinh(line.customdata / unit), rtol=1e-4, atol=1e-5)
        for place, name in zip(axis.tickvals, axis.ticktext, strict=True):
            assert axis.range[0] <= place <= axis.range[1]
            assert place == pytest.approx(np.arcsinh(read(name) / unit), rel=1e-4, abs=1e-6)
        gaps = np.diff(axis.tickvals)
        assert 2 <= len(axis.tickvals) <= 9 and (gaps > 0.06 * (axis.range[1] - axis.range[0])).all()


def test_the_question_shows_the_samples_and_no_fit(opening):
    setup = PAGE.draw(opening, Config()).setup
    _, truth, dots = setup.figure.data
    np.testing.assert_allclose(dots.y, opening.y.numpy(), rtol=1e-6)
    np.testing.assert_allclose(truth.y, opening.truth.numpy(), rtol=1e-5, atol=1e-6)
    assert "p: how many weights are fitted" in setup.caption
    assert len(setup.figure.data) == 3 and chart.encode(Board(panels=[setup])).size < 60_000


RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float:
    """The number that `core.formatting.short` told."""
    text = re.sub(r"^(−?)10(?=[⁻⁰-⁹¹²³])", r"\g<1>1·10", text)
    return float(re.sub(r"·10(\S+)", lambda found: f"e{found[1].translate(RAISED)}", text.replace(",", "").replace("−", "-")))


def table_of(summary: str) -> dict[str, list[str]]:
    """Row name to its cells."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in summary.split("\n\n")[1].splitlines()]
    assert rows[0] == ["", "p", "J", "J*", "J* − J"]
    return {name: cells for name, *cells in rows[2:]}


def test_seen_and_predict_hold_at_any_setting(scenes):
    """The table, cell by cell: medians of all draws, each number its own, and this draw, the one in the picture."""
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            J, risk = (np.median(v.numpy(), axis=1) for v in (result.J, result.risk))
            gap = np.median((result.risk - result.J).numpy(), axis=1)
            own = [v[scene.at, 0].item() for v in (result.J, result.risk, result.risk - result.J)]
            text = words.summary(result, scene)
            rows = table_of(text)
            for name, cells in rows.items():
                place = at(int(cells[0]))
                expected = own if name.endswith("this draw") else [v[place] for v in (J, risk, gap)]
                for cell, value in zip(cells[1:], expected, strict=True):
                    if cell == "less than 10⁻¹²" or (value < 1e-6 and cell == "0"):
                        assert value < (ZERO if cell != "0" else 1e-6)
                    else:
                        assert read(cell) == pytest.approx(value, rel=0.051, abs=ZERO)
            called = "Smallest gap" if gap.max() < 0 else "Widest gap"
            wide, best = (at(int(rows[f"{name}, medians"][0])) for name in (called, "Lowest J*"))
            assert ("negative" in words.negative(result)) == bool((gap < -ZERO).any())
            assert gap[wide] >= gap.max() - ZERO and risk[best] <= max(risk.min(), ZERO)
            assert [rows[f"At this p, {whose}"][0] for whose in ("medians", "this draw")] == [str(CAPACITIES[scene.at])] * 2
            falls = words.alt_texts(result, scene)["risks"]
            if "passes through every sample" in falls:
                assert J[at(int(re.search(r"From p = (\d+) on the best fit", falls)[1])) :].max() < 1e-6
            else:
                assert ("never to zero" in falls) == bool(J[-1] >= ZERO)
            question, p = words.predict(result, scene), CAPACITIES[wide]
            ranges = {"low": p < scene.m / 2, "near": scene.m / 2 <= p <= 2 * scene.m, "high": p > 2 * scene.m}
            assert [name for name, inside in ranges.items() if inside] == list(question.right)
            told = f"at p = {p}, for N = {scene.m} samples." if gap.max() > -ZERO else f"at every p, by the least at p = {p}."
            assert question.why.endswith(told) and told[:-1] in text


def test_numbers_say_whose_draw_they_are_of(opening):
    """68 of this draw and 280, the median of all, stand apart: in the picture, the table and the texts."""
    scene = PAGE.presets[0]
    board = PAGE.draw(opening, Config(**scene.values))
    panels = {panel.id: panel for panel in board.panels}
    rows = table_of(board.summary)
    assert rows["At this p, this draw"][2] == lesson.fmt(opening.risk[at(12), 0]) != rows["At this p, medians"][2]
    (words_of,) = (trace for trace in panels["fit"].figure.data if trace.mode == "text")
    assert words_of.text[0] == f"This draw, p = 12: J = 0, J* = {rows['At this p, this draw'][2]}"
    (gap,) = (note.text for note in panels["risks"].figure.layout.annotations if "gap" in note.text)
    assert gap == f"widest gap: {rows['Widest gap, medians'][3]} (median)"
    assert "Medians of 12 draws" in panels["risks"].caption and "Rings: this draw" in panels["risks"].caption
    rings, dots = (trace for trace in panels["risks"].figure.data if trace.mode == "markers")
    np.testing.assert_allclose(dots.y[1], median(opening.risk[at(12)]), rtol=1e-6)
    np.testing.assert_allclose(rings.y[1], float(opening.risk[at(12), 0]), rtol=1e-6)


def test_three_medians_are_not_called_one_draw(scenes):
    """J, J* and the gap that stand beside each other come from as many draws: no word makes one draw of them."""
    for scene, results in scenes:
        result = results[-1]
        gap, mixed = (result.risk - result.J).numpy(), np.median(result.risk.numpy(), 1) - np.median(result.J.numpy(), 1)
        assert not np.allclose(np.median(gap, 1), mixed, rtol=1e-3)
        board = PAGE.draw(result, scene)
        told = [board.summary, words.predict(result, scene).why, *(p.caption + p.alt for p in (*board.panels, *board.further))]
        assert not any("typical" in text or "median draw" in text for text in told)


def test_what_is_below_the_frame_is_said_of_j_and_of_the_risk():
    """A cubic without noise is met exactly by a polynomial with as many coefficients as samples, so that J* is nothing too."""
    for scene, both in ((Config(sigma=0.0, truth="cubic", m=8), True), (Config(sigma=0.0, m=8), False), (Config(), False)):
        result = next(lesson.steps(scene))
        panel = PAGE.draw(result, scene).panels[0]
        foot = panel.figure.layout.yaxis.range[0]
        assert (np.median(result.risk.numpy(), 1).min() < 10.0**foot) == both == ("so is J* of less than 10" in panel.caption)


def boxes(notes, frame: tuple[tuple[float, float], tuple[float, float]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name to its lower left and upper right corner in parts of the frame, as wide and high as type is on a wall."""
    (x0, x1), (y0, y1) = frame
    out = {}
    for note in notes:
        x, y = (note.x - x0) / (x1 - x0), (note.y - y0) / (y1 - y0)
        width, height = 0.0135 * len(note.text), 0.045
        left = x - width if note.xanchor == "right" else x
        low = y - {"bottom": 0.0, "middle": 0.5, "top": 1.0}[note.yanchor] * height
        out[note.text] = np.array([left, low]), np.array([left + width, low + height])
    return out


def test_names_of_the_first_picture_cover_neither_each_other_nor_the_risk(scenes):
    """Type as large as on a wall. J* runs on beside its own name, which is looked at for the other names alone."""
    hard = [dict(), dict(inputs="independent", m=20), dict(m=24, sigma=1.0), dict(m=8, sigma=0.0, truth="runge"),
            dict(ridge=1e-3), dict(truth="cubic", m=20), dict(model="net")]
    drawn = [(scene, results[0]) for scene, results in scenes] + [(Config(**v), next(lesson.steps(Config(**v)))) for v in hard]
    for scene, result in drawn:
        figure = pictures.risks(result, scene)
        frame = figure.layout.xaxis.range, figure.layout.yaxis.range
        placed = boxes(figure.layout.annotations, frame)
        for (one, (low, high)), (other, (a, b)) in itertools.combinations(placed.items(), 2):
            assert (np.minimum(high, b) <= np.maximum(low, a)).any(), (scene, one, other)
        line = np.log10(np.maximum(np.median(result.risk.numpy(), 1), 1e-30))
        x = np.linspace(*np.log10([1, CAPACITIES[-1]]), 4000)
        curve = np.stack([x, np.interp(x, np.log10(CAPACITIES), line)], 1)
        curve = (curve - [frame[0][0], frame[1][0]]) / [np.ptp(frame[0]), np.ptp(frame[1])]
        for name, (low, high) in placed.items():
            assert (low > -0.03).all() and (high < 1.03).all(), (scene, name)
            if not name.startswith("J*"):
                assert not ((curve > low + 0.003) & (curve < high - 0.003)).all(1).any(), (scene, name)


def test_lines_of_the_first_picture_carry_their_names(scenes):
    """In the frame, and at their lines: the name of J* at an end of it, that of σ² on it where there is noise."""
    for scene, results in scenes:
        figure = pictures.risks(results[-1], scene)
        foot, top = figure.layout.yaxis.range
        names = {note.text.partition(" =")[0].partition(",")[0].partition(":")[0]: note for note in figure.layout.annotations}
        assert set(names) == {"p", "J", "J*", "widest gap"} | ({"σ²"} if scene.sigma else set())
        assert all(foot <= names[name].y <= top for name in ("p", "J", "J*", "widest gap"))
        end = 0 if names["J*"].x == 0 else -1
        assert names["J*"].y == pytest.approx(np.log10(median(results[-1].risk[end])), abs=1e-6)
        assert 10 ** names["widest gap"].x == pytest.approx(CAPACITIES[lesson.widest(results[-1])], rel=1e-6)
        assert not scene.sigma or names["σ²"].y == pytest.approx(np.log10(scene.sigma**2))


def test_noise_below_the_frame_is_named_at_its_foot():
    """A fit that is held nearly flat is wrong by far more than little noise."""
    scene = Config(ridge=1.0, sigma=0.05)
    figure = pictures.risks(next(lesson.steps(scene)), scene)
    frame = figure.layout.xaxis.range, figure.layout.yaxis.range
    assert np.log10(scene.sigma**2) < frame[1][0]
    (name,) = [name for name in boxes(figure.layout.annotations, frame) if name.startswith("σ²")]
    assert name.endswith("↓")
    low, high = boxes(figure.layout.annotations, frame)[name]
    assert 0 <= low[1] < high[1] <= 0.1
    assert 0 <= low[0] < high[0] <= 1


def test_logarithmic_axes_end_where_the_data_do(scenes):
    """Less than half a decade is empty above, and nothing is cut off there."""
    for scene, results in scenes:
        result = results[-1]
        for panel in PAGE.draw(result, scene).panels:
            axis = panel.figure.layout.yaxis
            if panel.id in ("risks", "parts", "learning"):
                names = ("J", "σ²", "bias", "variance", "mean")
                drawn = np.concatenate([np.asarray(trace.y, float) for trace in panel.figure.data
                                        if (trace.hovertemplate or "").startswith(names) or trace.fill])
                top = np.log10(drawn[np.isfinite(drawn)].max())
                assert top < axis.range[1] < top + max(0.5, 0.12 * (axis.range[1] - axis.range[0])), panel.id


def test_what_rounding_leaves_of_j_is_told():
    """At m = 24 with independent inputs the sentence "J is zero but for rounding" stood beside J = 0.011."""
    scene = Config(m=24, inputs="independent", at=at(24), seed=9)
    result = next(lesson.steps(scene))
    worst = float(result.J[at(24) :].max())
    assert worst > 1e-4
    left = re.search(r"zero but for rounding, which leaves up to (\S+) in a draw\.", words.alt_texts(result, scene)["risks"])
    caption = next(panel.caption for panel in PAGE.draw(result, scene).panels if panel.id == "risks")
    for told in (left[1], re.search(r"rounding leaves up to (\S+) of it\.", caption)[1]):
        assert read(told) == pytest.approx(worst, rel=0.051)
    opening = next(lesson.steps(Config()))
    assert "so J is zero but for rounding." in words.alt_texts(opening, Config())["risks"]
    assert next(panel.caption for panel in PAGE.draw(opening, Config()).panels).endswith("J = 0 is below the frame.")


def test_boards_hold_at_any_setting(scenes):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            board = PAGE.draw(result, scene)
            assert chart.encode(board).size < 400_000
            for panel in (*board.panels, *board.further):
                assert not re.search(r"\bnan\b|\binf\b", panel.alt), panel.alt
                assert len(panel.alt) > 40
            caption = next(p.caption for p in board.panels if p.id == "same")
            assert ("1 − p/N" in caption) == (scene.model == "polynomial" and scene.truth == "cubic" and scene.ridge == 0)
            axis = next(p for p in board.panels if p.id == "risks")
            low, foot = min(v.quantile(0.5, dim=1).min() for v in (result.J, result.risk)), axis.figure.layout.yaxis.range[0]
            assert ("below the frame" in axis.caption or "not drawn" in axis.caption) == (float(low) < 10.0**foot)
        fits = next(p for p in PAGE.draw(results[-1], scene).panels if p.id == "fit").figure.data
        assert np.isfinite(np.asarray(fits[2]["meta"]["frames"]["y"])).all()


def test_challenge_is_solved_by_some_ridge_and_by_nothing_else():
    start = Config(**CHALLENGE.scene)
    verdicts = {}
    for ridge in Config.controls()["ridge"].values:
        scene = replace(start, ridge=ridge)
        result = lesson.run(scene)
        verdicts[ridge] = CHALLENGE.check(result, scene, None).right
        peak = median(result.risk[at(start.m)])
        assert verdicts[ridge] == (peak < 2.5 * start.sigma**2)
    solved = [ridge for ridge, right in verdicts.items() if right]
    assert solved and not verdicts[0.0] and not verdicts[1.0]
    for other in (Config(), Config(ridge=solved[0]), replace(start, ridge=solved[0], sigma=0.4)):
        assert not CHALLENGE.check(lesson.run(other), other, None).right
    assert CHALLENGE.check(lesson.run(replace(start, ridge=solved[0])), replace(start, ridge=solved[0], at=0), None).right


def test_plain_pytorch_comes_to_the_same(opening):
    plain = runpy.run_path(str(ROOT / "examples/risk.py"))["main"]()
    for p in (3, 6, 12, 24, 200):
        assert plain[f"J {p}"] == pytest.approx(float(opening.J[at(p), 0]), rel=1e-6, abs=1e-12)
        assert plain[f"J* {p}"] == pytest.approx(float(opening.risk[at(p), 0]), rel=1e-4)


def test_thumbnail_is_the_opening_scenes_curves(opening):
    picture = pictures.thumbnail(opening, Config())
    assert len(picture["marks"]) <= 5 and all(len(mark["points"]) <= 80 for mark in picture["marks"])
    risk = opening.risk.quantile(0.5, dim=1).log10()
    assert picture["marks"][2]["points"][at(12)] == pytest.approx([float(np.log10(12)), float(risk[at(12)])], abs=1e-3)
