"""What bagging promises, to be counted over seeds. Each run has 16 training sets; means are over these."""

from __future__ import annotations

from core.lessons.bagging import words
from core.lessons.bagging.lesson import Config, Result, Stats
from tests.promises import Promise


def _stats(result: Result) -> Stats:
    assert result.stats is not None
    return result.stats


def the_average_is_nearer_to_the_truth(result: Result, _: Config) -> bool:
    """And in nearly all training sets it errs less on test samples than a member does."""
    error, votes = _stats(result).error[result.home], _stats(result).votes
    return bool(error[-1] < 0.6 * error[0]) and int((votes[1] < votes[0]).sum()) >= 15


def nothing_is_gained_without_bags(result: Result, scene: Config) -> bool:
    stats, h = _stats(result), result.home
    same = bool((stats.rho[h] - 1).abs() < 1e-9)
    return scene.bag == "none" and same and bool((stats.error[h] - stats.error[h, 0]).abs().max() < 1e-12)


def smaller_bags_make_worse_trees_and_a_better_average(result: Result, _: Config) -> bool:
    error, ways = _stats(result).error, result.ways
    small, whole = ways.index("third"), ways.index("full")
    return bool(error[small, 0] > error[whole, 0] and error[small, -1] < error[whole, -1])


def too_small_bags_share_a_bias(result: Result, _: Config) -> bool:
    """Most of what is left of the error is bias, and a whole bootstrap's average has less of it."""
    stats, h = _stats(result), result.home
    left = stats.bias[h, -1] > stats.variance[h, -1]
    return bool(stats.rho[h] < 0.1 and left and stats.error[h, -1] > stats.error[result.ways.index("full"), -1])


def stumps_keep_their_bias(result: Result, _: Config) -> bool:
    stats, h = _stats(result), result.home
    same = (stats.bias[h, -1] - stats.bias[h, 0]).abs() < 0.3 * stats.bias[h, 0]
    return bool(same and stats.variance[h, -1] < 0.7 * stats.variance[h, 0] and stats.bias[h, -1] > stats.variance[h, -1])


def votes_err_less_but_not_as_independent_ones(result: Result, _: Config) -> bool:
    stats = _stats(result)
    means = dict(zip(stats.arms, stats.votes.mean(1).tolist(), strict=True))
    less = max(means["uniform"], means["majority"]) < 0.9 * means["one"]
    return less and bool(stats.independent[-1] < 0.1 * stats.majority[-1])


def nets_from_other_starts_are_alike(result: Result, _: Config) -> bool:
    return bool(_stats(result).rho[result.home] > 0.7 and words.kept(result)[result.home] > 0.7)


def meets_the_challenge(result: Result, scene: Config) -> bool:
    return words.CHALLENGE.check(result, scene, None).right


PROMISES = [
    Promise(preset="Trees on bootstraps", holds=the_average_is_nearer_to_the_truth),
    Promise(preset="No bags: averaging does not help", holds=nothing_is_gained_without_bags),
    Promise(preset="Smaller bags", holds=smaller_bags_make_worse_trees_and_a_better_average),
    Promise(preset="Bags too small", holds=too_small_bags_share_a_bias),
    Promise(preset="Stumps keep their bias", holds=stumps_keep_their_bias),
    Promise(preset="Voting on two moons", holds=votes_err_less_but_not_as_independent_ones),
    Promise(preset="Nets from other starts", holds=nets_from_other_starts_are_alike),
    Promise(claim="the question: it rises at the opening", values={},
            holds=lambda result, scene: words.predict(result, scene).right == ("rises",)),
    Promise(claim="challenge: its own scene does not meet it", values=words.CHALLENGE.scene,
            holds=lambda result, scene: not meets_the_challenge(result, scene)),
    Promise(claim="challenge: smaller bags meet it", values=dict(words.CHALLENGE.scene, bag="third"), holds=meets_the_challenge),
]
