"""Boosting in words and pictures: each sentence and mark worked out again from the raw tensors of the run."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from core.formatting import format_number, format_percent
from core.lessons.boosting import lesson, words
from core.lessons.boosting.lesson import Config, Result
from core.lessons.boosting.words import CHALLENGE, alt_texts
from figures import ends
from figures.boosting import further, pictures
from tests.boards import numbers, setup_of, whole_board, with_results
from tests.pages import page_spec
from tests.scenes import anything

PAGE = page_spec("boosting")


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    rngs = map(random.Random, range(12))
    drawn = (anything(Config, rng, rounds=10 + 10 * (i % 3), n_train=(20, 60)[i % 2]) for i, rng in enumerate(rngs))
    drawn = [replace(scene, points="") for scene in drawn]
    return with_results(lesson.steps, drawn)


@pytest.fixture(scope="module")
def opening() -> Result:
    return lesson.run(Config())


def test_boards_and_sentences_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            board, panels = whole_board(PAGE, result, scene, alt_texts(result, scene), most=500_000)
            assert ("Heavy ring" in panels["weights"].caption) == bool(result.wrong.any())
            at = int(result.ended[result.home, 0])
            assert ("Boosting ended" in panels["rounds"].caption) == (0 < at <= len(result.error))
            assert board.player.labels[0] == "round 1" and len(board.player.labels) == scene.length
            last = f"round {scene.length}" if at < 0 or at == scene.length else f"ended in round {at}"
            assert board.player.labels[-1] == last


def test_the_summary_tells_the_run(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        result = results[-1]
        verdict, table = words.summary(result, scene).split("\n\n")
        test = result.test_error[:, result.home].mean(1)
        low = int(test.argmin())
        train = result.train_error[:, result.home].mean(1)
        for t in (0, low, scene.length - 1):
            name = f"Round {t + 1}{', lowest test error' if t == low else ''}"
            assert f"| {name} | {format_percent(train[t], 1)} | {format_percent(test[t], 1)} |" in table
        at, weight = int(result.ended[result.home, 0]), result.weight[min(5, scene.length)]
        if at > 0:
            assert f"In round {at} " in verdict
            assert ("makes no error" in verdict) == bool(result.error[at - 1, result.home, 0] in (0, 1))
        elif result.wrong.any():
            ratio = float(weight[result.wrong].mean() / weight[~result.wrong].mean())
            assert (f"weighs {format_number(ratio)} times" if ratio >= 1.05 else "no more than") in verdict
        else:
            zero = (result.train_error[:, result.home, 0] == 0).tolist()
            settled = next((t for t in range(len(zero)) if all(zero[t:])), None)
            if settled is None or settled == len(zero) - 1:
                assert "under its bound" in verdict
            else:
                assert f"from round {settled + 1} on" in verdict


def test_the_question_is_answered_by_the_weights(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            question = words.predict(result, scene)
            weight = result.weight[min(5, len(result.error))] * len(result.y)
            means = {"wrong": weight[result.wrong].mean(), "near": weight[result.near].mean(),
                     "inside": weight[~result.wrong & ~result.near].mean()}
            means = {name: float(value) for name, value in means.items() if not value.isnan()}
            assert set(question.options) == {*means, "same"}
            if float(weight.max() - weight.min()) < 1e-7:
                assert question.right == ("same",) and "even" in question.why
                continue
            best = max(means, key=lambda name: means[name])
            assert best in question.right and "same" not in question.right
            assert all(means[name] > 0.94 * means[best] for name in question.right)
            assert format_number(means[best]) in question.why and format_number(min(means.values())) in question.why
            assert question.judge(best).right and not question.judge("same").right


def test_even_weights_are_told_apart_by_their_reason():
    perfect = lesson.run(Config(seed=2, learner="tree", depth=3, n_train=20, blur=0.1, label_noise=0, rounds=20))
    assert int(perfect.ended[perfect.home, 0]) == 1
    question = words.predict(perfect, Config())
    assert question.right == ("same",) and "nothing" in question.why
    chance = replace(perfect, alpha=torch.zeros_like(perfect.alpha), error=torch.full_like(perfect.error, 0.5))
    assert "no better than chance" in words.summary(chance, Config())
    assert "no learner was better than chance" in words.predict(chance, Config()).why
    assert words.arithmetic(perfect)[0][-3:] == ("∞", "ends", "ends")


def test_the_table_is_the_arithmetic_of_each_round(opening: Result):
    rows = words.arithmetic(opening)
    assert len(rows) == 100
    for t, row in enumerate(rows):
        before, after, right = opening.weight[t], opening.weight[t + 1], opening.vote[t] == opening.y
        number, when, e, alpha, up, down = row
        assert number == t + 1 and e == pytest.approx(float(before[~right].sum()), abs=1e-12)
        assert alpha == pytest.approx(float(np.log((1 - e) / e) / 2), abs=1e-12)  # pyright: ignore[reportOperatorIssue]
        torch.testing.assert_close(after[~right] / before[~right], torch.full_like(after[~right], up))  # pyright: ignore
        torch.testing.assert_close(after[right] / before[right], torch.full_like(after[right], down))  # pyright: ignore
        feature, side, threshold = re.fullmatch(r"x([₁₂])\s([<>])\s(−?[\d.]+)", str(when)).groups()  # pyright: ignore
        x = opening.x["₁₂".index(feature)] - float(threshold.replace("−", "-"))
        clear = x.abs() > 0.006  # the threshold is told to two decimals
        assert torch.equal((x > 0)[clear] == (side == ">"), (opening.vote[t] > 0)[clear])
    table = pictures.rounds(opening)
    assert table.marked == tuple(range(100)) and table.columns[3] == "weight α"


def test_marks_are_as_large_as_their_weights_and_the_stump_is_where_it_is(opening: Result):
    figure = pictures.weights(opening, Config())
    *sides, line, dots = figure.data
    assert len(dots.x) == 100
    size, share = np.asarray(dots.meta["frames"]["marker.size"]), opening.weight[:100].numpy() * 100
    free = (size > pictures.LEAST) & (size < pictures.LARGEST)
    assert free.mean() > 0.6
    np.testing.assert_allclose(size[free] ** 2, (pictures.EVEN**2 * share)[free], rtol=0.04)
    assert ((np.asarray(dots.marker.line.width) > 2) == opening.wrong.numpy()).all()
    for t in range(100):
        x, y = (np.asarray(line.meta["frames"][axis])[t] for axis in "xy")
        feature = int(opening.stumps.feature_KT[t, 0])  # pyright: ignore[reportOptionalMemberAccess]
        cut = float(opening.stumps.threshold_KT[t, 0])  # pyright: ignore[reportOptionalMemberAccess]
        np.testing.assert_allclose((x, y)[feature], cut, atol=1e-5)
        # Each sample lies in the box of the class that the stump gives it.
        for side, sign in zip(sides, (-1, 1), strict=True):
            bx, by = (np.asarray(side.meta["frames"][axis])[t] for axis in "xy")
            mine = (opening.vote[t] == sign).numpy()
            for values, box in ((opening.x[0], bx), (opening.x[1], by)):
                assert (values.numpy()[mine] >= box.min() - 1e-5).all() and (values.numpy()[mine] <= box.max() + 1e-5).all()


def test_curves_are_the_numbers(opening: Result):
    _, train, test, bound = pictures.errors(opening, Config()).data
    np.testing.assert_allclose(train.y, 100 * opening.train_error[:, opening.home, 0], rtol=1e-5)
    np.testing.assert_allclose(test.y, 100 * opening.test_error[:, opening.home, 0], rtol=1e-5)
    e = opening.error[:, opening.home, 0].numpy()
    np.testing.assert_allclose(bound.y, 100 * np.cumprod(2 * np.sqrt(e * (1 - e))), rtol=1e-5)
    assert bound.line.dash == "dash" and (np.asarray(train.y) <= np.asarray(bound.y) + 1e-3).all()
    _, _, now, limit = pictures.margins(opening, Config()).data
    x, y = np.asarray(now.meta["frames"]["x"])[40], np.asarray(now.y)
    margin = (opening.y * opening.score[40]).numpy() / opening.alpha[:41, opening.home, 0].sum().item()
    for at in (-0.3, -0.05, 0.1, 0.4):
        assert y[np.searchsorted(x, at, side="right") - 1] == pytest.approx(100 * (margin <= at).mean(), abs=1e-9)
    theta, allowed = np.linspace(-1, 1, 81), np.asarray(limit.meta["frames"]["y"])
    alphas = np.cumsum(opening.alpha[:, opening.home, 0].numpy())
    product = np.cumprod(2 * np.sqrt(e * (1 - e)))
    np.testing.assert_allclose(allowed, np.minimum(100, 100 * np.exp(theta * alphas[:, None]) * product[:, None]), atol=0.01)
    _, own, following, half = further.coin(opening, Config()).data
    np.testing.assert_allclose(following.y, 50, atol=1e-4)
    np.testing.assert_allclose(own.y, 100 * e, rtol=1e-5)
    assert half.line.dash == "dash"
    curve, dots, _ = further.alpha(opening, Config()).data
    np.testing.assert_allclose(np.interp(dots.x, curve.x, curve.y), dots.y, atol=0.01)


def test_further_curves_are_the_numbers():
    scene = Config(label_noise=5)
    result = lesson.run(scene)
    h = result.home
    _, mean, vote = further.bias(result, scene).data
    np.testing.assert_allclose(mean.y, 100 * result.test_error[:, h].mean(1), rtol=1e-5)
    np.testing.assert_allclose(vote.y, 100 * result.vote_error[:, h], rtol=1e-5)
    lines = [t for t in further.on_wrong(result, scene).data if t.mode == "lines" and len(t.x) == 100]
    for trace, level in zip(lines, (1, 2, 3, 4), strict=True):
        np.testing.assert_allclose(trace.y, 100 * result.on_wrong[:100, level].mean(1), rtol=1e-5)
    shares = [t.y[0] for t in further.on_wrong(result, scene).data if t.line.dash == "dash"]
    np.testing.assert_allclose(shares, [5, 10, 20, 30], rtol=1e-6)
    _, *draws, _, star = further.least(result, scene).data
    for s, trace in enumerate(draws):
        np.testing.assert_allclose(trace.y, result.least_margin[:, h, s], rtol=1e-5, atol=1e-7)
    zero = (result.train_error[:, h, 0] == 0).tolist()
    settled = next(t for t in range(100) if all(zero[t:]))
    assert list(star.x) == [settled + 1] and star.marker.symbol == "star"
    _, measured, product = further.loss(result, scene).data
    np.testing.assert_allclose(measured.y, result.exponential[:, h, 0], rtol=1e-5)
    np.testing.assert_allclose(measured.y, product.y, rtol=1e-5)


def test_noise_is_told_as_it_is(opening: Result):
    test = opening.test_error.mean(-1)
    board = PAGE.draw(opening, Config())
    caption = next(p.caption for p in board.panels if p.id == "noise")
    assert "rises again" in caption or "above the first's" in caption
    told = numbers(alt_texts(opening, Config())["noise"])
    assert told == pytest.approx([v for i, level in enumerate(opening.levels) for v in
                                  (100 * test[:, i].min().item(), 100 * test[-1, i].item(), level)], abs=0.051)
    flat = replace(opening, test_error=torch.full_like(opening.test_error, 0.1))
    assert words.worth(flat) == "Here it does not rise again."


@pytest.mark.parametrize("values", [dict(problem="xor", blur=0.3, label_noise=0), dict(), dict(blur=0.0, n_train=200, rounds=20),
                                    dict(problem="circles", learner="tree", blur=0.5, rounds=30, label_noise=5)])
def test_more_rounds_hurt_at_those_shares_of_wrong_labels_that_are_named(values: dict[str, Any]):
    """None among them: what rises without a wrong label is not put down to wrong labels."""
    result = lesson.run(Config(**values))
    mean, told = result.test_error.mean(-1), words.worth(result)
    above = (mean[-1] > mean[0] + 1e-9) if "above the first's" in told else mean[-1] > mean.amin(0) + 0.01
    named = result.levels if "With and without" in told else numbers(told)
    assert list(named) == [level for level, yes in zip(result.levels, above, strict=True) if yes]
    assert len(named) > 0 or told == "Here it does not rise again."


def test_names_at_the_ends_of_lines_do_not_lie_upon_each_other():
    scene = Config(problem="xor", blur=0.3, label_noise=5)
    result = lesson.run(scene)
    for figure, which in ((pictures.noise(result, scene), result.test_error[-1]), (further.on_wrong(result, scene), None)):
        top = figure.layout.yaxis.range[1]
        heights = np.array([note.y for note in figure.layout.annotations])
        assert np.diff(np.sort(heights)).min() > 0.999 * ends.LINE * top and heights.min() > 0 and heights.max() < top
        if which is not None:
            assert np.diff(np.sort(100 * which.mean(-1).numpy())).min() < ends.LINE * top, "the lines end closer than that"
            assert (np.argsort(heights) == np.argsort(which.mean(-1).numpy())).all()


@pytest.mark.parametrize("seed", range(5))
def test_names_are_moved_no_more_than_needed(seed: int):
    rng = np.random.default_rng(seed)
    heights = rng.uniform(0.2, 0.8, 5)
    found = np.array(ends.apart(heights.tolist(), 0.12, 0, 1))
    order = np.argsort(heights)
    limits = [{"type": "ineq", "fun": lambda v, a=a, b=b: v[b] - v[a] - 0.12} for a, b in pairwise(order)]
    best = minimize(lambda v: ((v - heights) ** 2).sum(), np.linspace(0, 1, 5)[np.argsort(order)], constraints=limits,
                    bounds=[(0, 1)] * 5, method="SLSQP", options={"ftol": 1e-15})
    np.testing.assert_allclose(found, best.x, atol=1e-5)
    assert ends.apart([0.3, 0.5, 0.9], 0.1, 0, 1) == pytest.approx([0.3, 0.5, 0.9])
    assert ends.apart([0.99, 0.98, 1.0], 0.1, 0, 0.9) == pytest.approx([0.8, 0.7, 0.9])


def test_variance_that_takes_errors_away_is_told_as_that(opening: Result):
    assert "takes errors away" not in words.between(replace(opening, vote_error=torch.zeros_like(opening.vote_error)))
    assert "takes errors away" in words.between(replace(opening, vote_error=torch.ones_like(opening.vote_error)))


def test_groups_that_weigh_alike_are_told_one_by_one(opening: Result):
    weight = opening.weight.clone()
    weight[5] = torch.where(opening.wrong, 0.00992, 0.01002)
    made = replace(opening, weight=weight)
    question = words.predict(made, Config())
    assert question.right == ("wrong", "near", "inside") and numbers(question.why) == [1, 0.99]
    assert question.why.count("a wrong label") == 1, "the lightest is told beside another, not beside itself"
    assert "weighs no more than a right one" in words.summary(made, Config())
    weight[5] = torch.where(opening.wrong, 0.0102, 0.00995)
    assert "weighs hardly more than a right one" in words.summary(replace(opening, weight=weight), Config())


def test_challenge_is_met_by_few_rounds_and_many_samples_only():
    start = Config(**CHALLENGE.scene)
    assert not CHALLENGE.check(lesson.run(start), start, None).right
    for values, right in ((dict(rounds=20, n_train=200), True), (dict(rounds=200, n_train=100), False)):
        scene = replace(start, **values)
        assert CHALLENGE.check(lesson.run(scene), scene, None).right == right
    for other in (replace(start, label_noise=0), replace(start, learner="net"), replace(start, problem="circles")):
        verdict = CHALLENGE.check(lesson.run(other), other, None)
        assert not verdict.right and "another scene" in verdict.words


def test_setup_shows_the_data_and_not_the_answer(opening: Result):
    first = setup_of(PAGE, (next(lesson.steps(Config())), opening), Config())
    dots, = first.figure.data
    assert dots.marker.size == pictures.EVEN and "20 of them with a wrong label" in first.caption


def test_thumbnail_is_the_opening_run(opening: Result):
    picture = pictures.thumbnail(opening, Config())
    assert len(picture["marks"]) == 3 and all(len(mark["points"]) <= 80 for mark in picture["marks"])


@pytest.mark.parametrize(("errors", "said"), [
    ((0.3, 0.2, 0.2), "Here it does not rise again."), ((0.3, 0.2, 0.205), "Here it hardly rises again."),
    ((0.3, 0.2, 0.25), "it rises again from its lowest point."),
    ((0.3, 0.2, 0.31), "the last round's error is above the first's.")])
def test_how_far_the_test_error_rises_again_is_said(opening: Result, errors: tuple[float, ...], said: str):
    course = torch.tensor(errors, dtype=torch.float64)[:, None, None]
    assert words.worth(replace(opening, test_error=course.expand(-1, *opening.test_error.shape[1:]))).endswith(said)


def test_what_is_said_of_the_drawn_set_says_so(opening: Result):
    """The table beside it is of the mean of all draws."""
    course = torch.zeros_like(opening.train_error)
    course[:, :, 1:] = 0.01
    for first in (0.0, 0.02):
        course[:, :, 0] = first
        told = words.summary(replace(opening, train_error=course, wrong=torch.zeros_like(opening.wrong)), Config(label_noise=0))
        assert told.startswith("**On the drawn set the training error " + ("comes to 2" if first else "is zero from round 1 on"))


def test_no_names_take_no_room():
    assert ends.labels(1.0, [], 0, 1) == []
