"""Bagging in words and pictures: each sentence and mark worked out again from the raw tensors of the run."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.formatting import format_percent
from core.lessons import bagging
from core.lessons.bagging import lesson, words
from core.lessons.bagging.lesson import BAGS, LEAST, Config, Result, Stats
from core.lessons.bagging.words import CHALLENGE, alt_texts
from core.uploads import Points
from figures.bagging import further, pictures
from tests.boards import numbers, setup_of, whole_board, with_results
from tests.pages import page_spec
from tests.scenes import anything, check

PAGE = page_spec("bagging")


def stats(result: Result) -> Stats:
    assert result.stats is not None
    return result.stats


@pytest.fixture(scope="module")
def scenes() -> list[tuple[Config, list[Result]]]:
    rngs = map(random.Random, range(14))
    drawn = (anything(Config, rng, members=(1, 2, 9, 30)[i % 4], n_train=(20, 40)[i % 2], sets=6) for i, rng in enumerate(rngs))
    return with_results(lesson.steps, drawn)


@pytest.fixture(scope="module")
def opening() -> Result:
    return lesson.run(Config())


@pytest.fixture(scope="module")
def moons() -> Result:
    return lesson.run(Config(problem="two_moons"))


def test_boards_and_sentences_hold_at_any_setting(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            board, panels = whole_board(PAGE, result, scene, alt_texts(result, scene), most=400_000)
            assert ("jury" in panels) == (result.classes and result.done)
            assert panels["pad"].drawing == ("dots_2d" if result.classes else "dots")
            assert board.player.labels == [f"{m} member{'s' * (m > 1)}" for m in result.frames.tolist()]


def test_verdict_is_the_measured_share(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        result, found = results[-1], stats(results[-1])
        verdict = words.summary(result, scene).split("\n\n")[0]
        h = result.home
        if scene.members == 1:
            assert "nothing to gain" in verdict
        elif scene.bag == "none" and scene.learner != "net":
            assert "All members are the same" in verdict
        else:
            share = max(float(found.variance[h, -1] / found.sigma2[h]), 1 / scene.members)  # what ρ ≥ 0 leaves at least
            assert numbers(verdict) == [pytest.approx(float(found.rho[h]), abs=0.0051), pytest.approx(100 * share, abs=0.51)]


def test_a_correlation_or_a_share_that_cannot_be_is_never_told(opening: Result):
    """Of what is measured, chance may make less than nothing: ρ is 0 or more, and 1/M or more is left."""
    found = stats(opening)
    chance = replace(found, rho=torch.zeros_like(found.rho), variance=0.001 * found.variance, bias=-0.01 * found.bias.abs())
    made = replace(opening, stats=chance)
    assert "correlation of about 0 leave 2\u00a0%" in words.summary(made, Config())
    assert "| Bias² | about 0 | about 0 |" in words.summary(made, Config())
    assert "ρ of about 0" in words.measured_rho(made) and "−" not in " ".join(alt_texts(made, Config()).values())
    assert numbers(words.measured_rho(opening)) == pytest.approx(
        [float(found.rho[opening.home]), float(found.rho_error[opening.home])], abs=0.0051)
    for values in (dict(bag="tenth", problem="two_moons", members=2, seed=3), dict(bag="tenth", members=2, sets=6, seed=8),
                   dict(bag="tenth", learner="net", members=3, sets=6, n_train=20, seed=8)):
        scene = Config(**values)
        rho, share = numbers(words.summary(lesson.run(scene), scene).split("\n\n")[0])
        assert 0 <= rho < 0.15 and 100 / scene.members - 0.5 <= share < 100


BARE = re.compile(r"(?<!\))(σ²|\\sigma\^2)/M")


def test_the_variance_of_independent_members_is_never_claimed_of_these(opening: Result, moons: Result):
    """Wherever σ²/M stands without the part that members share, the sentence says that it would need independent ones."""
    texts = [PAGE.maths, *(f"{preset.name}. {preset.why}" for preset in PAGE.presets)]
    for result, scene in ((opening, Config()), (moons, Config(problem="two_moons"))):
        board = PAGE.draw(result, scene)
        texts += [board.summary, words.predict(result, scene).why]
        texts += [f"{p.title}. {p.caption} {p.alt}" for p in (*board.panels, *board.further)]
    assert any(BARE.search(text) for text in texts)
    for sentence in (s for text in texts for s in re.split(r"[.;:] ", text) if BARE.search(s)):
        assert "independent" in sentence or "would need" in sentence, sentence
    independent = pictures.parts(opening, Config()).data[2]
    assert "were members independent" in independent.hovertemplate and independent.line.dash == "dot"


def test_the_axes_of_the_first_picture_end_where_the_data_do(opening: Result):
    low, high = pictures.alike(opening, Config()).layout.xaxis.range
    assert -0.05 < low < 0 and 1 < high < 1.1, "room for a mark at 0 and at 1"


def test_the_question_is_answered_by_the_run(scenes: list[tuple[Config, list[Result]]]):
    for scene, results in scenes:
        for result in (results[0], results[-1]):
            question = words.predict(result, scene)
            assert question.right == (("stays",) if scene.members == 1 else ("rises",))
            assert question.judge(question.right[0]).right and not question.judge("falls").right
        if scene.members > 1:
            found = stats(results[-1])
            share = (100 * found.variance[:, -1] / found.sigma2).clamp_min(100 / scene.members)
            ends = [float(share[int(found.rho.argmin())]), float(share[int(found.rho.argmax())])]
            assert numbers(question.why) == pytest.approx(ends, abs=0.51)


def test_a_share_that_falls_or_stays_is_told_as_that(opening: Result):
    found = stats(opening)
    for values, right in ((found.rho.flip(0), "falls"), (None, "stays")):
        variance = 0.3 * found.sigma2[:, None].expand_as(found.variance) if values is None else found.variance
        made = replace(opening, stats=replace(found, rho=found.rho if values is None else values, variance=variance))
        assert words.predict(made, Config()).right == (right,)


def test_sentences_about_votes_and_samples_out_of_the_bag(opening: Result, moons: Result):
    for result in (opening, moons):
        found = stats(result)
        votes = found.votes.numpy()
        assert numbers(words.helps(result)) == [int((votes[1] < votes[0]).sum()), 16]
        best = lesson.ARMS[found.arms[1 + int(votes[1:].mean(1).argmin())]].lower()
        assert best in words.vote_order(result)
        scale, places = (100, 0.051) if result.classes else (1, 0.0051)
        expected = [scale * float(v[:, -1].mean()) for v in (found.out_of_bag, found.test)]
        assert numbers(words.out_of_bag_gap(result)) == pytest.approx(expected, abs=places)
        assert "variance most" in words.moves(result)
    bare = lesson.run(Config(bag="none", members=4, n_train=20, sets=6))
    assert "No sample is left out" in words.out_of_bag_gap(bare) and words.moves(bare) == "More members change nothing."
    assert len(pictures.out_of_bag(bare, Config(bag="none")).data) == 1


def test_bags_are_told_as_they_are(opening: Result):
    told = words.shown_share(Config(), opening)
    held = float(opening.distinct.mean())
    assert numbers(told) == pytest.approx([50, 100 * held, 50, 100 * (1 - 0.98**50)], abs=0.051)
    assert "all samples" in words.shown_share(Config(bag="none"), opening)


def test_the_first_picture_is_measured_beside_the_formula(opening: Result):
    dashed, ring, dots = pictures.alike(opening, Config()).data
    found, M = stats(opening), opening.frames.numpy()
    x, theory = np.asarray(dashed.x), np.asarray(dashed.meta["frames"]["y"])
    np.testing.assert_allclose(theory, 100 * (x + (1 - x) / M[:, None]), rtol=1e-5)
    assert dashed.line.dash == "dash"
    left = 100 * (found.variance / found.sigma2[:, None]).numpy().T
    np.testing.assert_allclose(dots.meta["frames"]["y"], left, rtol=1e-5)
    np.testing.assert_allclose(dots.x, found.rho, rtol=1e-5)
    assert [t.strip() for t in dots.text] == [pictures.SIZES[way] for way in BAGS]
    home = list(BAGS).index("full")
    np.testing.assert_allclose(np.asarray(ring.meta["frames"]["y"])[:, 0], left[:, home], rtol=1e-5)


def test_parts_are_measured_and_dashed_is_the_formula(opening: Result):
    total, bias, independent, variance, dashed = pictures.parts(opening, Config()).data
    found, h = stats(opening), opening.home
    for trace, values in ((total, found.error), (bias, found.bias), (variance, found.variance)):
        np.testing.assert_allclose(trace.y, values[h], rtol=1e-5, atol=1e-9)
    rho, sigma2, at = float(found.rho[h]), float(found.sigma2[h]), np.asarray(dashed.x)
    np.testing.assert_allclose(dashed.y, rho * sigma2 + (1 - rho) * sigma2 / at, rtol=1e-4)
    np.testing.assert_allclose(independent.y, sigma2 / at, rtol=1e-4)
    assert dashed.line.dash == "dash" and variance.mode == "markers"


def test_members_and_average_move_with_the_clock(opening: Result, moons: Result):
    members, points, average, truth = pictures.fit(opening, Config()).data
    shown = np.asarray(average.meta["frames"]["y"])
    for f, m in enumerate(opening.frames.tolist()):
        np.testing.assert_allclose(shown[f], opening.said[:m, 0].mean(0), atol=1e-5)
    counts = members.meta["grow"]
    assert counts == [162 * min(m, 24) for m in opening.frames.tolist()]
    np.testing.assert_allclose(np.asarray(members.y)[:161], opening.said[0, 0], atol=2e-3)
    np.testing.assert_allclose(truth.y, np.sin(2 * np.pi * np.asarray(truth.x)), atol=1e-5)
    assert len(points.x) == 50
    surface, _ = pictures.fit(moons, Config(problem="two_moons")).data
    np.testing.assert_allclose(np.asarray(surface.meta["frames"]["z"])[-1], moons.said.mean(0), atol=0.005)
    apart, _ = further.disagreement(moons, Config(problem="two_moons")).data
    np.testing.assert_allclose(np.asarray(apart.meta["frames"]["z"])[-1], moons.said.std(0, correction=0), atol=0.005)


def test_dots_of_votes_weights_and_juries_are_the_numbers(moons: Result):
    scene, found = Config(problem="two_moons"), stats(moons)
    dots, means = pictures.votes(moons, scene).data
    np.testing.assert_allclose(np.asarray(dots.x).reshape(5, 16), 100 * found.votes, rtol=1e-5)
    np.testing.assert_allclose(means.x, 100 * found.votes.mean(1), rtol=1e-5)
    lines, equal = further.weights(moons, scene).data
    np.testing.assert_allclose(np.asarray(lines.y)[:64], 100 * found.weights[0].sort(descending=True).values, atol=1e-4)
    assert list(equal.y) == [100 / 64] * 2 and equal.line.dash == "dash"
    members, voters, tail = further.jury(moons, scene).data
    np.testing.assert_allclose(members.y, 100 * found.majority, rtol=1e-5)
    np.testing.assert_allclose(voters.y, tail.y, atol=2.5)
    held, ring = further.distinct(moons, scene).data[1:]
    np.testing.assert_allclose(held.y, 100 * moons.shares, rtol=1e-5)
    assert ring.x[0] == 50 and ring.y[0] == pytest.approx(100 * float(moons.distinct.mean()))


def test_challenge_is_met_by_bags_of_middling_size_only():
    start = Config(**CHALLENGE.scene)
    for bag in BAGS:
        scene = replace(start, bag=bag)
        verdict = CHALLENGE.check(lesson.run(scene), scene, None)
        assert verdict.right == (bag == "third"), bag
    for other in (replace(start, learner="net"), replace(start, n_train=100), replace(start, noise=0.0)):
        verdict = CHALLENGE.check(next(lesson.steps(other)), other, None)
        assert not verdict.right and "another scene" in verdict.words


def test_setup_shows_the_data_and_not_the_answer(opening: Result):
    first = setup_of(PAGE, (next(lesson.steps(Config())), opening), Config())
    dots, = first.figure.data
    assert len(dots.x) == 50 and "50 noisy samples" in first.caption
    pad = pictures.pad(opening, Config())
    assert len(pad.points) == 50 and pad.most > LEAST


def test_thumbnail_is_the_opening_run(opening: Result):
    picture = pictures.thumbnail(opening, Config())
    assert len(picture["marks"]) <= 5 and all(len(mark["points"]) <= 80 for mark in picture["marks"])
    average = picture["marks"][-2]["points"]
    np.testing.assert_allclose([y for _, y in average], opening.said[:, 0, ::3].mean(0), atol=1e-3)


def test_what_every_member_agrees_on_is_no_variance():
    """All points at one place: no split, no variance in the drawn set, and nothing that is not a number."""
    scene = Config(dots=((500, 900, 0),) * 10, members=4, sets=6, n_train=20)
    result = lesson.run(scene)
    assert not lesson.disagreement(result).any() and torch.isfinite(stats(result).test).all()
    assert "by 0 on average" in alt_texts(result, scene)["disagreement"]
    assert format_percent(result.distinct.mean(), 1) in words.shown_share(scene, result)


def test_own_points_are_drawn_and_told():
    rng = np.random.default_rng(3)
    for count in (20, 120):
        y = np.arange(count) % 2
        own = Points((rng.standard_normal((2, count)) + 1.2 * y).astype(np.float32), y, ("no", "yes"))
        for learner in ("tree", "net"):
            scene = Config(points="0" * 32, members=5, sets=6, learner=learner)
            for result in list(lesson.steps(scene, {scene.points: lesson.POINTS.pack(own)}))[::60]:
                check(PAGE, bagging, scene, result, thorough=True)
            result = list(lesson.steps(scene, {scene.points: lesson.POINTS.pack(own)}))[-1]
            check(PAGE, bagging, scene, result, thorough=True)
            board = PAGE.draw(result, scene)
            panels = {p.id: p for p in board.panels}
            assert not panels["pad"].drawing, "what is the reader's own goes into no link"
            assert "cannot be told apart" in panels["parts"].caption and "Bias² and noise" in board.summary
            assert len(panels["pad"].figure.data[0].x) == len(result.y) <= count // 2


def test_the_table_and_the_picture_of_averages_tell_one_error(opening: Result, moons: Result):
    for result, config in ((opening, Config()), (moons, Config(problem="two_moons"))):
        found = stats(result)
        one, average = found.votes[found.arms.index("one")].mean(), found.votes[found.arms.index("uniform")].mean()
        row = next(line for line in words.summary(result, config).splitlines() if line.startswith("| Test error"))
        told = (lambda v: format_percent(v, 1)) if result.classes else words.format_number
        assert [cell.strip() for cell in row.strip("| ").split("|")][1:] == [told(one), told(average)]
