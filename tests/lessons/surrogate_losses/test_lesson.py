"""Surrogate losses: the bound through training, SciPy's and scikit-learn's optima, outliers over seeds, every word."""

import random
import re
import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from core.data import toys
from core.lessons.surrogate_losses import lesson, surrogates, words
from core.lessons.surrogate_losses.lesson import Config, Result
from core.lessons.surrogate_losses.surrogates import LOSSES
from core.lessons.surrogate_losses.words import CHALLENGE, alt_texts
from figures.surrogate_losses import pictures
from tests.pages import page_spec
from tests.scenes import anything
from ui import chart

ROOT = Path(__file__).parents[3]
PAGE = page_spec("surrogate_losses")


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    drawn = (anything(Config, random.Random(trial), steps=60, draws=2) for trial in range(16))
    return [(scene, list(lesson.steps(scene))) for scene in drawn]


def test_log_odds_are_those_of_the_posterior():
    means = torch.tensor([[-1.5, 0.0], [1.5, 0.0]])
    x, _ = toys.gaussian_classes(500, means, torch.eye(2), torch.Generator().manual_seed(0))
    posterior = toys.gaussian_posterior(x, means, torch.eye(2))[1]
    torch.testing.assert_close(lesson.log_odds(Config(apart=3.0), x), torch.logit(posterior), rtol=1e-4, atol=1e-4)


def test_flipped_labels_change_the_log_odds_as_they_change_the_labels():
    x = torch.tensor([[-2.0, 0.0, 0.7], [0.0, 0.0, 1.0]])
    eta = torch.sigmoid(3.0 * x[0].double())
    noisy = 0.8 * eta + 0.2 * (1 - eta)
    torch.testing.assert_close(lesson.log_odds(Config(label_noise=20), x), (noisy / (1 - noisy)).log())


@pytest.mark.parametrize(("apart", "noise"), [(1.0, 0), (3.0, 0), (3.0, 25)])
def test_least_error_is_the_bayes_error(apart, noise):
    scene = Config(apart=apart, label_noise=noise)
    rho = noise / 100
    assert lesson.least_error(scene) == pytest.approx(rho + (1 - 2 * rho) * stats.norm.cdf(-apart / 2), rel=1e-9)


def _optimum(loss: str, x: np.ndarray, y: np.ndarray) -> float:
    """The least training loss of a linear score, by SciPy: a linear program for the hinge, BFGS for what is smooth."""
    n = len(y)
    design = np.concatenate([x, np.ones((1, n))]).T * y[:, None]
    if loss == "hinge":
        constraint = -np.concatenate([design, np.eye(n)], 1)
        bounds = [(None, None)] * 3 + [(0, None)] * n
        return optimize.linprog(np.r_[np.zeros(3), np.full(n, 1 / n)], constraint, -np.ones(n), bounds=bounds).fun

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.from_numpy(design @ w)
        return float(surrogates.phi(loss, z).mean()), design.T @ surrogates.slope(loss, z).numpy() / n

    return optimize.minimize(objective, np.zeros(3), jac=True, method="BFGS", options=dict(gtol=1e-10)).fun


@pytest.mark.parametrize("scene", [Config(steps=600), Config(steps=600, side="right", distance=20, seed=3),
                                   Config(steps=600, label_noise=20, distance=0, outliers=3)])
def test_training_reaches_the_optimum(scene):
    result = lesson.run(scene)
    x, y = result.x.double().numpy(), result.y.double().numpy()
    for k, loss in enumerate(LOSSES):
        best, ours = _optimum(loss, x, y), float(result.loss["train"][-1, k])
        assert best - 1e-6 <= ours <= 1.03 * best, (loss, ours, best)


def test_scikit_learn_finds_the_same_boundaries():
    result = lesson.run(Config(label_noise=20, distance=0, steps=600))
    x, y = result.x.T.numpy(), result.y.numpy()
    logistic = LogisticRegression(C=np.inf, tol=1e-8).fit(x, y)
    theirs = np.r_[logistic.coef_[0], logistic.intercept_]
    np.testing.assert_allclose(result.theta[-1, 2], theirs, rtol=0.01, atol=0.01)
    # C sums over 80 samples, so that the penalty weighs 1/8000 of the mean loss.
    svm = SVC(kernel="linear", C=100, tol=1e-6).fit(x, y)
    score = torch.from_numpy(svm.decision_function(x)) * result.y
    assert float(result.loss["train"][-1, 1]) == pytest.approx(float(surrogates.phi("hinge", score).mean()), rel=0.02)
    np.testing.assert_allclose(result.theta[-1, 0], lesson.least_squares(result.x, result.y), atol=1e-3)


def test_bounds_hold_through_training(scenes):
    """J bounds the error of its own fit at every evaluation, on both sets."""
    for _, results in scenes:
        result = results[-1]
        for split in ("train", "validation"):
            loss, error = result.loss[split], result.error[split]
            known = torch.isfinite(loss)
            assert bool((loss[known] >= error[known] - 1e-6).all())


def test_all_start_at_one_on_the_same_data(scenes):
    for scene, results in scenes:
        first = results[0]
        torch.testing.assert_close(first.loss["train"], torch.ones(1, 4))
        assert torch.equal(first.error["train"], torch.ones(1, 4)), "a margin of 0 counts as an error"
        assert bool((first.theta == first.theta[:, :1]).all())
        assert int(first.outlier.sum()) == min(scene.outliers, int(((first.y > 0) & ~first.flipped).sum()))
        assert bool((first.y[first.outlier] == 1).all())


def test_data_are_nested_and_outliers_only_move():
    one, two = lesson._Data(Config(outliers=1, label_noise=10), 0), lesson._Data(Config(outliers=3, label_noise=10), 0)
    assert torch.equal(one.x, two.x) and torch.equal(one.y, two.y) and bool((two.outlier | ~one.outlier).all())
    shift = (two.at(5.0) - two.x).norm(dim=0)
    torch.testing.assert_close(shift, 5.0 * two.outlier)
    assert bool((two.at(5.0)[0] <= two.x[0]).all())
    assert bool((lesson._Data(Config(side="right"), 0).at(5.0)[0] >= one.x[0]).all())


def test_least_squares_in_closed_form_and_its_shift(opening):
    x, y = opening.x.double(), opening.y.double()
    w = lesson.least_squares(opening.x, opening.y).double()
    design = torch.cat([x, torch.ones(1, x.shape[1], dtype=torch.float64)])
    torch.testing.assert_close(design @ (design.T @ w - y), torch.zeros(3, dtype=torch.float64), atol=1e-4, rtol=0)
    assert opening.moved_exactly is not None
    torch.testing.assert_close(opening.moved[..., 0], opening.moved_exactly, atol=0.01, rtol=0)


def test_what_an_outlier_moves_over_seeds():
    """Deep in the other class exponential moves more than hinge; far on its own side squared moves and the others rest."""
    for seed in range(4):
        wrong = lesson.run(Config(seed=seed, draws=8))
        at = wrong.distances.index(12)
        squared, hinge, logistic, exponential = wrong.moved[at].mean(0).tolist()
        assert exponential > max(squared, logistic) and exponential > 1.5 * hinge and min(squared, logistic) > 0
        right = lesson.run(Config(seed=seed, draws=8, side="right", distance=20)).moved[-1].mean(0).tolist()
        assert right[0] > 0.08 and max(right[1:]) < 0.01


def table_of(summary: str) -> dict[str, list[str]]:
    """Row name to its cells: who change class, validation error, training error."""
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in summary.split("\n\n")[1].splitlines()]
    assert rows[0] == ["", "Change class (mean)", "Validation error", "Training error"]
    return {name: cells for name, *cells in rows[2:]}


def share(cell: str) -> float:
    return float(cell.removesuffix("\u00a0%")) / 100


def test_shares_are_told_to_two_digits_and_few_are_not_none():
    assert [words.percent(part) for part in (0, 0.00025, 0.0021, 0.0625, 0.108, 1.0)] == [
        f"{text}\u00a0%" for text in ("0", "0.025", "0.21", "6.2", "11", "100")]
    assert words.percent(float("nan")) == "not finite"


def test_seen_and_predict_hold_at_any_setting(scenes):
    for scene, results in scenes:
        for result in (results[0], results[3], results[-1]):
            d = scene.distance or 20
            parts = result.moved[result.distances.index(d)].numpy().mean(0)
            counts = [int(lesson._Data(scene, s).outlier.sum()) for s in range(scene.draws)]
            count = f"{min(counts)} to {max(counts)}" if len(set(counts)) > 1 else f"{counts[0]}"
            text, question = words.summary(result, scene), words.predict(result, scene)
            rows = table_of(text)
            *of_losses, (_, least, _) = rows.values()
            assert share(least) == pytest.approx(lesson.least_error(scene), rel=0.05)
            told = [parts, *(result.error[split][-1].tolist() for split in ("validation", "train"))]
            for cells, values in zip(zip(*of_losses, strict=True), told, strict=True):
                for cell, value in zip(cells, values, strict=True):
                    if np.isnan(value):
                        assert cell == "not finite"
                    else:
                        assert share(cell) == pytest.approx(value, rel=0.05, abs=1e-5) and (share(cell) == 0) == (value < 5e-6)
            assert [name.partition(",")[0] for name in rows] == [*LOSSES.values(), "Least expected error"]
            assert ["not finite" in name for name in rows] == [at >= 0 for at in result.diverged_at.tolist()] + [False]
            right = [loss for loss, p in zip(LOSSES, parts, strict=True) if p > parts.max() - 0.0051]
            assert right == list(question.right)
            verdict = text.split("**")[1]
            assert question.why == verdict and f"carried {d} away" in verdict
            assert f"{count} of {scene.n} samples carried {d} away" in question.text
            assert verdict.startswith("One outlier") == (max(result.carried) == 1)
            if parts.max() < 0.005:
                assert "no boundary by much" in verdict
            elif len(right) < 4:
                assert f" {' and '.join([', '.join(right[:-1]), right[-1]] if right[1:] else right)} loss most" in verdict
            else:
                assert "all four boundaries alike" in verdict
            assert ("would move" in verdict) == (scene.distance == 0)
            assert ("own side" in question.text) == (scene.side == "right")


def test_moved_is_counted_from_the_fits(opening):
    """By an independent fit at d = 0: the scene there has the same draw, and its classes are the reference."""
    still = lesson.run(Config(distance=0))
    a, b = (lesson.scores(r, r.x_validation, slice(-1, None))[0] > 0 for r in (still, opening))
    part = (a != b).double().mean(1)
    torch.testing.assert_close(part, opening.moved[opening.distances.index(12), 0], atol=0.005, rtol=0)


def test_boards_hold_at_any_setting(scenes):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            board = PAGE.draw(result, scene)
            assert chart.encode(board).size < 600_000
            panels = {p.id: p for p in (*board.panels, *board.further)}
            for panel in panels.values():
                assert not re.search(r"\bnan\b|\binf\b", panel.alt), panel.alt
                assert len(panel.alt) > 40
            assert ("closed form" in panels["outliers"].caption) == (scene.model == "linear")
            assert ("Diamonds" in panels["plane"].caption) == (scene.distance > 0)
            assert ("Rings" in panels["plane"].caption) == (scene.label_noise > 0)


def test_pictures_of_training_share_their_axes_and_name_their_lines(scenes):
    """All four have one range, which ends where what they show ends, and a name beside each pair of lines."""
    for scene, results in scenes:
        result = results[-1]
        board = PAGE.draw(result, scene)
        panels = (*board.panels, *board.further)
        four = {panel.id.removeprefix("train-"): panel for panel in panels if panel.id.startswith("train-")}
        assert set(four) == set(LOSSES)
        assert len({(panel.height, panel.span, str(panel.figure.layout.yaxis.range)) for panel in four.values()}) == 1
        foot, top = four["logistic"].figure.layout.yaxis.range
        for loss, panel in four.items():
            names = {note.text: note for note in panel.figure.layout.annotations}
            finite = bool(torch.isfinite(torch.stack([v[-1, list(LOSSES).index(loss)] for v in result.loss.values()])).any())
            assert ("loss" in names) == finite
            assert all(foot < note.y < top for note in names.values())
            if {"loss", "error"} <= set(names):
                assert names["loss"].y - names["error"].y > 0.079 * (top - foot)
        drawn = np.log10(np.concatenate([np.asarray(trace.y, float) for panel in four.values() for trace in panel.figure.data]))
        drawn = drawn[np.isfinite(drawn)]
        assert foot < drawn.min() < foot + 0.31 + 0.1 * (top - foot) and max(drawn.max(), 0) < top < max(drawn.max(), 0) + 0.3


def test_captions_name_lines_so_that_they_are_found_in_either_theme(opening):
    """Hinge is dashed too, and what is dark on a light page is light on a dark one."""
    board = PAGE.draw(opening, Config())
    captions = {panel.id: panel.caption for panel in (*board.panels, *board.further)}
    assert not re.search(r"\b(Dark|Black|White)\b", " ".join(captions.values()))
    assert "theory" not in [name for name, *_ in pictures.LEGEND], "it would have two meanings on one page"
    assert all("Dashed" not in captions[i] and "In the text's colour:" in captions[i] for i in ("plane", "outliers"))
    assert [note.text for note in pictures.plane(opening, Config()).layout.annotations] == ["fewest errors"]
    assert "Lines: the scores of least expected loss" in captions["wanted"]
    drawn = [trace for trace in pictures.wanted(opening, Config()).data if trace.mode == "lines"]
    assert len(drawn) == len(LOSSES), "no other lines are there"


def test_boundaries_have_keys(opening):
    board = PAGE.draw(opening, Config())
    figures = {panel.id: panel.figure for panel in board.panels}
    for name in ("plane", "outliers"):
        assert [board.legend[i][0] for i in chart.keys_of(figures[name], board.legend)] == [*LOSSES.values()]


def test_divergence_is_told():
    scene = Config(model="net", learning_rate=1.0, distance=20, outliers=10, steps=60, draws=2)
    result = lesson.run(scene)
    broken = replace(result, diverged_at=torch.tensor([-1, -1, -1, 17]))
    assert list(table_of(words.summary(broken, scene)))[2:4] == ["Logistic", "Exponential, not finite from step 17 on"]


def test_slope_of_squared_loss_is_not_said_to_be_bounded():
    """Its slope grows without end, as the exponential's does; hinge and logistic loss are the bounded ones."""
    far = torch.tensor(-1e4, dtype=torch.float64)
    steep = [float(-surrogates.slope(loss, far)) for loss in LOSSES]
    assert [s > 100 for s in steep] == [True, False, False, True]
    stray = next(p for p in PAGE.presets if p.name == "One outlier")
    assert "bound" not in stray.why and "grows exponentially" in stray.why
    assert "the hinge's and the logistic loss's are bounded" in PAGE.maths


def test_an_error_of_zero_has_its_place_on_the_axis():
    scene = Config(apart=7.0, distance=0, steps=60, draws=2)
    result = lesson.run(scene)
    picture = pictures.training(result, scene, "logistic")
    error = next(trace for trace in picture.data if trace.hovertemplate.startswith("error, train"))
    gone = result.error["train"][:, 2] == 0
    assert bool(gone[3:].all()), "what is tested must be there"
    axis = picture.layout.yaxis
    assert axis.ticktext[0] == "0" and np.log10(axis.tickvals[0]) > axis.range[0]
    np.testing.assert_allclose(np.array(error.y)[gone.numpy()], axis.tickvals[0], rtol=1e-6)
    assert all(error.text[i] == "0" for i in gone.nonzero()[:, 0])
    least = picture.data[0]
    assert min(least.y) > axis.tickvals[0] and np.log10(min(least.y)) > axis.range[0], "the least error is on the axis as well"
    tiny = replace(result, loss={split: 1e-12 * values for split, values in result.loss.items()})
    assert pictures.training(tiny, scene, "logistic").layout.yaxis.ticktext[0] == "<10⁻⁵", "small is not said to be zero"


def test_outliers_are_counted_where_class_b_has_too_few():
    """Wrong labels are not carried, so that fewer than the ten that were asked for may be there."""
    scene = Config(n=40, outliers=10, label_noise=40, draws=8, steps=60, seed=6)
    result = lesson.run(scene)
    counts = [int(lesson._Data(scene, s).outlier.sum()) for s in range(8)]
    assert min(counts) < 10 and result.carried == tuple(counts)
    assert f"{min(counts)} to {max(counts)} of 40 samples carried 12 away" in words.predict(result, scene).text
    assert f"{counts[0]} of them carried 12 away" in alt_texts(result, scene)["plane"]
    assert "nothing carried away" in alt_texts(lesson.run(replace(scene, distance=0)), replace(scene, distance=0))["plane"]


def test_differences_of_a_sample_or_two_are_a_tie(opening):
    even = replace(opening, moved=torch.tensor([0.166, 0.127, 0.167, 0.168]).expand_as(opening.moved))
    question = words.predict(even, Config())
    assert question.right == ("squared", "logistic", "exponential")
    assert question.why == ("One outlier carried 12 away moves the boundaries of squared, logistic and exponential loss most, "
                            "within 0.5\u00a0% of each other.")
    assert words.predict(opening, Config()).right == ("exponential",)
    assert "within" not in words.predict(opening, Config()).why


def test_setup_has_the_outliers_where_the_question_has_them(scenes):
    for scene, results in scenes:
        first, done = (PAGE.draw(result, scene).setup for result in (results[0], results[-1]))
        assert first.figure.to_dict() == done.figure.to_dict(), "nothing that trains is in it"
        ways, samples = first.figure.data
        result, far = results[0], scene.distance or 20
        assert f"{far} away" in words.predict(result, scene).text and f"{far} away" in first.alt
        placed = lesson._Data(scene, 0).at(far)
        np.testing.assert_allclose(np.stack([samples.x, samples.y]), placed, atol=1e-4)
        assert samples.marker.symbol.count("diamond") == result.carried[0]
        (x0, x1), (y0, y1) = first.figure.layout.xaxis.range, first.figure.layout.yaxis.range
        drawn = np.stack([ways.x, ways.y]).reshape(2, -1, 3)
        np.testing.assert_allclose(np.hypot(*(drawn[:, :, 1] - drawn[:, :, 0])), far, rtol=1e-4)
        for x, y in (placed, drawn[:, :, 0]):
            assert x0 < x.min() and x.max() < x1 and y0 < y.min() and y.max() < y1


def test_challenge_has_a_solution_and_near_misses():
    solution = replace(Config(**CHALLENGE.scene), distance=20, outliers=10, apart=6.0)
    assert CHALLENGE.check(lesson.run(solution), solution, None).right
    for other in (Config(), Config(**CHALLENGE.scene), replace(solution, side="wrong"), replace(solution, label_noise=5),
                  replace(solution, distance=0), replace(solution, model="net"), replace(solution, apart=1.0)):
        assert not CHALLENGE.check(lesson.run(other), other, None).right, other


def test_partial_results_agree_with_the_run(opening):
    results = list(lesson.steps(Config()))
    assert torch.equal(results[10].theta, opening.theta[:11]) and len(results) == 31
    assert not results[10].done and results[-1].done
    assert torch.equal(results[10].loss["train"], opening.loss["train"][:11])


def test_plain_pytorch_comes_to_the_same(opening):
    plain = runpy.run_path(str(ROOT / "examples/surrogate_losses.py"))["main"]()
    for k, loss in enumerate(LOSSES):
        assert plain[f"{loss} loss"] == pytest.approx(float(opening.loss["train"][-1, k]), abs=1e-3)
        assert plain[f"{loss} error"] == pytest.approx(float(opening.error["validation"][-1, k]), abs=0.006)


def test_thumbnail(opening):
    picture = pictures.thumbnail(opening, Config())
    assert len(picture["marks"]) == 5 and all(len(mark["points"]) <= 80 for mark in picture["marks"])
    for mark, loss in zip(picture["marks"][1:], LOSSES, strict=True):
        for z, phi in mark["points"]:
            assert phi == pytest.approx(float(surrogates.phi(loss, torch.tensor(z))), abs=1e-3)


def test_margins_beyond_the_axis_are_counted(opening):
    figure = pictures.losses(opening)
    low, high = figure.layout.xaxis.range
    ends = np.concatenate([trace.x for trace in figure.data if trace.mode == "markers"])
    out = int(((ends < low) | (ends > high)).sum())
    assert out > 0, "the outlier of the opening scene is one of them"
    assert pictures.beyond(opening) == f"; {out} of {len(ends)} end beyond the axis"


def test_the_best_boundary_is_named_where_the_others_are_farther_off(scenes):
    for scene, results in scenes:
        figure = pictures.plane(results[-1], scene)
        note = next(a for a in figure.layout.annotations if a.text == "fewest errors")
        tracks = [trace for trace in figure.data if trace.type == "contour"]
        low, high = figure.layout.yaxis.range
        near = {edge: min(abs(float(np.asarray(t.x)[np.abs(np.asarray(t.z)[row]).argmin()])) for t in tracks)
                for edge, row in ((low, 0), (high, -1))}
        assert near[note.y] == max(near.values())
