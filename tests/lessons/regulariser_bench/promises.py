"""What regulariser_bench promises, to be counted over seeds."""

from __future__ import annotations

from core.lessons.regulariser_bench import words
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE
from core.lessons.regulariser_bench.standing import UNTUNED, Standing, by_verdict, regularisers, standings
from tests.promises import Promise


def _named(result: Result) -> dict[str, Standing]:
    return {one.name: one for one in standings(result)}


def most_end_where_early_stopping_was(result: Result, _: Config) -> bool:
    """At most one of ten is clearly below; the untuned net is the worst of all or nearly."""
    by, order = by_verdict(standings(result)), [one.name for one in standings(result)]
    return len(by["below"]) <= 1 and len(by["equal"] + by["open"]) >= 8 and UNTUNED in order[-2:]


def moves_and_noise_end_below(result: Result, _: Config) -> bool:
    below = by_verdict(standings(result))["below"]
    return "inputs" in below and "augmentation" in below


def the_untuned_net_ends_far_above(result: Result, _: Config) -> bool:
    """And no regulariser ends below early stopping."""
    return _named(result)[UNTUNED].apart.mean > 0.1 and not by_verdict(standings(result))["below"]


def there_is_little_to_gain(result: Result, _: Config) -> bool:
    """Nothing ends below early stopping, and the untuned net is within 0.05 nats of early stopping."""
    found = standings(result)
    return len(by_verdict(found)["below"]) <= 1 and abs(_named(result)[UNTUNED].apart.mean) < 0.05


def regularisers_look_good_beside_starts(result: Result, scene: Config) -> bool:
    """The best of six starts ends more than 0.1 nats above early stopping, all but two regularisers below it on average, and at
    most one of them clearly below early stopping."""
    others, starts = regularisers(standings(result)), _named(result)[BASELINE]
    lower = sum(one.loss < starts.loss for one in others)
    few = len(by_verdict(standings(result))["below"]) <= 1
    return scene.tuned == "starts" and starts.apart.mean > 0.1 and lower >= len(others) - 2 and few


def _below(result: Result) -> int:
    return len(by_verdict(standings(result))["below"])


DIGITS = dict(problem="digits", samples=96, corrupt=20, width=32, pairs=6)

PROMISES = [
    Promise(preset="Two moons, one label in five wrong", holds=most_end_where_early_stopping_was),
    Promise(preset="Digits, one label in five wrong", holds=moves_and_noise_end_below),
    Promise(preset="Breast cancer, one label in ten wrong", holds=the_untuned_net_ends_far_above),
    Promise(preset="Plenty of samples, right labels", holds=there_is_little_to_gain),
    Promise(preset="Six starts in place of six rates", holds=regularisers_look_good_beside_starts),
    Promise(claim="the question: none at the opening", values={},
            holds=lambda result, scene: words.predict(result, scene).right == ("none",)),
    Promise(claim="challenge: the opening scene does not meet it", values={},
            holds=lambda result, scene: not words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="challenge: digits meet it with eight pairs", values=DIGITS | dict(pairs=8),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="the title: two moons let hardly any beat early stopping", values={},
            holds=lambda result, _: _below(result) <= 1),
    Promise(claim="the title: digits let some", values=DIGITS, holds=lambda result, _: _below(result) >= 2),
    Promise(claim="the title: breast cancer lets none", values=dict(problem="cancer", samples=64, corrupt=10),
            holds=lambda result, _: _below(result) == 0),
]
