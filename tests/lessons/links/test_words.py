"""links: what is said follows from the residuals of the run."""

from __future__ import annotations

import itertools

import pytest
import torch

from core.lessons.links import linear, words
from core.lessons.links.lesson import Config, Result, at
from core.lessons.links.listing import EXACT, FAILS, PAIRS
from core.lessons.links.pairs import STRENGTHS
from tests.runs import board_of, run


@pytest.mark.parametrize("key", PAIRS)
def test_the_answer_and_the_verdict_follow_from_the_residual(key):
    pair = PAIRS[key]
    for strength in STRENGTHS:
        scene = Config(pair=key, strength=strength)
        result = run("links", scene)
        values = result.residual(key)[at(scene)]
        asked = words.predict(result, scene)
        right = ("none" if values.isinf().any() else "one" if values.max() < EXACT else
                 "near" if values.mean() <= FAILS else "apart")
        assert asked.right == (right,)
        said = words.summary(result, scene)
        assert ("exact, both sides" in said) == (pair.exact and strength < pair.below)
        assert ("approximate, and at this strength" in said) == (not pair.exact)
        assert ("out of its condition" in said) == (strength >= pair.below)
        assert said.endswith(f"| {words.distance(result.residual(key)[-1].max())} |")
        for part in (pair.model, pair.condition, pair.scaling):
            assert part in words.fine_print(scene)
        assert pair.name in asked.why


def test_a_run_that_has_begun_says_so():
    scene = Config()
    done = run("links", scene)
    begun = Result(dict(itertools.islice(done.fits.items(), 2)), done.risks)
    assert "is being fitted" in words.summary(begun, scene)
    assert set(words.predict(begun, scene).right) == set(words.OPTIONS)
    assert words.counted(begun, scene).startswith("2 pairs at strength 1: 2 agree")
    assert not begun.complete and done.complete


def test_all_pairs_are_counted_once():
    for strength in (0.01, 3.0, 100.0):
        scene = Config(strength=strength)
        text = words.counted(run("links", scene), scene)
        digits = [int(part) for part in text.replace(":", "").replace(",", "").split() if part.isdigit()]
        assert digits[0] == len(PAIRS) == sum(int(text.split(f" {tail}")[0].split()[-1]) for tail in (
            "agree", "within", "are farther", "without"))


@pytest.mark.parametrize(("value", "told"), [(3e-16, "3·10⁻¹⁶"), (0.0012, "0.0012"), (0.214, "21\u00a0%"), (2.5, "2.5 times"),
                                             (float("inf"), "no solution")])
def test_distances_are_told(value, told):
    assert words.distance(torch.tensor(value, dtype=torch.float64)) == told


def test_the_challenge_is_judged_by_every_draw():
    scene = Config(spread=1.0, noise=30.0, samples=60)
    result = run("links", scene)
    verdict = words.CHALLENGE.check(result, scene, None)
    assert verdict.right == bool(((result.risks.flow / result.risks.ridge).amax(1) > 1.5).all())
    assert verdict.right and "1.69 is the most" in verdict.words


@pytest.mark.parametrize("key", PAIRS)
def test_captions_are_short_and_say_condition_and_scaling(key):
    """At 1280 pixels a caption beside the overview has some sixty characters in a line; some once had five lines of them."""
    for strength in (STRENGTHS[0], STRENGTHS[-1]):
        scene = Config(pair=key, strength=strength)
        board = board_of("links", scene)
        captions = {panel.id: panel.caption for panel in (*board.panels, *board.further)}
        assert max(len(captions["solutions"]), len(captions["sweep"])) <= 180
        assert len(captions["path"]) <= 200
        assert PAIRS[key].model in captions["solutions"] and PAIRS[key].condition in captions["solutions"]
        assert PAIRS[key].scaling in captions["path"]


def test_how_far_two_solutions_are_apart_is_a_phrase(monkeypatch):
    result = run("links", Config())
    for value, phrase in ((1.4, "by 1.4 times the solution."), (1.004, "by as much as the solution."),
                          (0.2, "by 20\u00a0% of the solution.")):
        monkeypatch.setattr(Result, "residual", lambda self, key, value=value: torch.full((len(STRENGTHS), 5), value).double())
        assert words.verdict(result, Config(pair="early_stopping")).endswith(phrase)


def test_the_penalty_of_dropout_is_told_by_the_drop_probability():
    """Wager, Wang and Liang 2013: of a linear model it is p/(1 − p) times the mean square of each input."""
    x = torch.arange(12, dtype=torch.float64).reshape(4, 3)
    assert torch.equal(linear.dropout_penalty(x, 0.2), 0.2 / 0.8 * x.square().mean(0))
    assert "s = p/(1 − p) at drop probability p" in PAIRS["dropout_linear"].dial
    assert not any("keep probability" in f"{p.dial} {p.condition}" for p in PAIRS.values())
