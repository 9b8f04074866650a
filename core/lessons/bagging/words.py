"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from core.formatting import format_number, format_percent, join_words, table
from core.lessons.bagging.lesson import ARMS, SHARES, Config, Result, disagreement
from core.lessons.bagging.measure import distinct_share, variance_of_mean
from core.lessons.bagging.members import bag_size
from core.question import Challenge, Pick, Verdict

NAMES = {"tree": "tree", "stump": "stump", "net": "net"}
SHORT = {"tenth": "a tenth", "third": "three in ten", "full": "as many as N", "none": "no bags"}
TIE = 0.01  # shares of a variance that differ by less are called equal


def kept(result: Result) -> Tensor:
    """Part of a member's variance that is left in the average of M, for each way to draw bags: [W]. Needs the other sets.

    It is 1/M or more, as ρ is 0 or more; what is measured below that is chance.
    """
    assert result.stats is not None
    return (result.stats.variance[:, -1] / result.stats.sigma2.clamp_min(1e-20)).clamp_min(1 / int(result.frames[-1]))


def summary(result: Result, config: Config) -> str:
    """What is left of a member's variance and why, and a table of what the average is worth."""
    stats, M = result.stats, config.members
    if stats is None:
        return f"**{_count(config)} on the points that are drawn; other training sets follow.**"
    h, bias = result.home, "Bias²" if result.known else "Bias² and noise"
    values = [(bias, stats.bias[h]), ("Variance", stats.variance[h]), ("Their sum", stats.error[h])]
    rows = [(name, _square(v[0]), _square(v[-1])) for name, v in values]
    rows.append(("Test error", *(_error(result, value) for value in stats.votes[:2].mean(1))))
    columns = f"Mean of {config.sets} sets", f"one {NAMES[config.learner]}", f"average of {M}"
    return f"**{_verdict(result, config)}**\n\n" + table(columns, rows)


def _verdict(result: Result, config: Config) -> str:
    assert result.stats is not None
    rho, M = float(result.stats.rho[result.home]), config.members
    if M == 1:
        return "The average of one member is that member: there is nothing to gain."
    if rho > 1 - 1e-9:
        return "All members are the same, so that their average is one of them and nothing is gained."
    share = format_percent(kept(result)[result.home])
    return f"Members with a correlation of {correlation(rho)} leave {share} of their variance in the average."


def _count(config: Config) -> str:
    one = NAMES[config.learner]
    return f"One {one} is trained" if config.members == 1 else f"{config.members} {one}s are trained"


def predict(result: Result, config: Config) -> Pick:
    """How the part of the variance that is left moves as members grow more alike, over the ways to draw bags."""
    options = {"rises": "It rises towards one member's variance", "stays": "It stays the same", "falls": "It falls to nothing"}
    M = config.members
    text = f"Members grow more alike. What becomes of the variance of {'their average' if M > 1 else 'an average of one'}?"
    if M == 1:
        return Pick(text=text, options=options, right=("stays",), why="The average of one member varies as much as that member.")
    if result.stats is None:
        return Pick(text=text, options=options, right=("rises",), why="What members have in common, no average takes away.")
    rho, left = result.stats.rho, kept(result)
    low, high = int(rho.argmin()), int(rho.argmax())
    rise = float(left[high] - left[low])
    right = "rises" if rise > TIE else "falls" if rise < -TIE else "stays"
    why = (f"The least alike members leave {format_percent(left[low])} of their variance in the average, the most alike "
           f"{format_percent(left[high])}.")
    return Pick(text=text, options=options, right=(right,), why=why)


QUARTER, GOAL = 0.25, 0.035


def _better_together(result: Result, config: Config, answer: None) -> Verdict:  # noqa: ARG001
    """Whether bad members make a good average, on the challenge's data."""
    start = Config(**CHALLENGE.scene)
    if replace(config, bag=start.bag, depth=start.depth, members=start.members, seed=start.seed) != start:
        return Verdict(False, "This is another scene than the challenge's. Set the scene, and move only bags, depth and members.")
    if result.stats is None:
        return Verdict(False, "The other training sets are still being fitted.")
    error = result.stats.error[result.home]
    one, all_ = float(error[0]), float(error[-1])
    return Verdict(all_ < GOAL and all_ < QUARTER * one,
                   f"One member is {format_number(one)} from the truth in mean square, the average {format_number(all_)}.")


CHALLENGE = Challenge(
    text=f"Let bad members make a good average: bring the mean squared distance of the average from the truth below {GOAL:g}, "
         "and below a quarter of one member's. Move only bags, depth and number of members.",
    check=_better_together, scene=dict(learner="tree", bag="full", members=64, depth=4))


def shown_share(config: Config, result: Result) -> str:
    """What part of the samples a bag holds, as a sentence."""
    held = format_percent(result.distinct.mean(), 1)
    share = SHARES[config.bag]
    if share is None:
        return "Without bags each member has all samples."
    b = bag_size(share, len(result.y))
    return f"A bag of {b} holds {held} of the {len(result.y)} samples on average, {_expected(result, b)} in expectation."


def _expected(result: Result, b: int) -> str:
    return format_percent(distinct_share(len(result.y), b), 1)


def moves(result: Result) -> str:
    """What more members do to the variance and to the bias, as a sentence."""
    assert result.stats is not None
    variance, bias = result.stats.variance[result.home], result.stats.bias[result.home]
    if len(variance) == 1 or float(result.stats.sigma2[result.home]) < 1e-20:
        return ""
    if float(variance[0] - variance[-1]) < TIE * float(variance[0]):
        same = float((variance - variance[0]).abs().max()) < 1e-9 * float(variance[0])
        return "More members change nothing." if same else "More members hardly lower the variance."
    larger = float((bias[-1] - bias[0]).abs()) < float(variance[0] - variance[-1])
    return "More members change the variance most." if larger else "Here bias² moves as much or more, which is chance."


def lines(config: Config, most: int) -> str:
    """How many of the members are drawn as curves."""
    return "the one member" if config.members == 1 else f"{'all' if config.members <= most else most} members"


def vote_order(result: Result) -> str:
    """Which of the averages and votes errs least on test samples, as a sentence."""
    assert result.stats is not None
    means = result.stats.votes[1:].mean(1)
    best = [ARMS[name].lower() for name, value in zip(result.stats.arms[1:], means, strict=True)
            if float(value - means.min()) <= 1e-9 + 1e-6 * float(means.min())]
    return f"Lowest mean: {join_words(best)}."


def helps(result: Result) -> str:
    """In how many of the training sets the average errs less than one member does on average, as a sentence."""
    assert result.stats is not None
    gain = result.stats.votes[0] - result.stats.votes[1]
    count = int((gain > 1e-9).sum())
    return f"The average errs less than a member does in {count} of {len(gain)} training sets."


def out_of_bag_gap(result: Result) -> str:
    """What the samples out of the bag say beside the test samples, as a sentence."""
    assert result.stats is not None
    outside, test = result.stats.out_of_bag[:, -1].nanmean(), result.stats.test[:, -1].mean()
    if math.isnan(float(outside)):
        return "No sample is left out, so that only the test samples can tell."
    return f"At the right {_error(result, outside)} out of the bag, {_error(result, test)} on test samples."


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence."""
    M, N = scene.members, len(result.y)
    spread = disagreement(result)[-1]
    what = "The average of {} members over the plane" if result.classes else "Curves of {} members and their average"
    out = {
        "alike": "Axes for the part of a member's variance that is left in the average against the members' correlation.",
        "fit": f"{what.format(M)}, with {N} training samples.",
        "pad": f"The {N} samples that the members are trained on.",
        "disagreement": f"Members disagree by {_number(spread.mean())} on average, at most by {_number(spread.max())}.",
        "distinct": f"Part of the samples that a bag holds, from {format_percent(result.shares[0])} at {int(result.sizes[0])} "
                    f"drawn to {format_percent(result.shares[-1])} at {int(result.sizes[-1])}.",
    }
    return out | (_of_others(result, scene) if result.stats else {})


def _of_others(result: Result, scene: Config) -> dict[str, str]:
    stats, h, M = result.stats, result.home, scene.members
    assert stats is not None
    left = kept(result)
    theory = variance_of_mean(stats.rho[h], stats.sigma2[h], result.frames)[-1]
    outside, test = stats.out_of_bag[:, -1].nanmean(), stats.test[:, -1].mean()
    told = "there are no samples out of the bag" if math.isnan(float(outside)) else f"{_error(result, outside)} out of the bag"
    out = {
        "alike": f"In the average of {M} there is left of a member's variance: " + join_words([
            f"{format_percent(left[w])} at a correlation of {correlation(stats.rho[w])} ({SHORT[way]})"
            for w, way in enumerate(result.ways)]) + ".",
        "parts": f"From 1 to {M} members the variance goes from {_number(stats.variance[h, 0])} to "
                 f"{_number(stats.variance[h, -1])}, by the formula {_number(theory)}; {_bias(result).lower()} from "
                 f"{_square(stats.bias[h, 0])} to {_square(stats.bias[h, -1])}.",
        "oob": f"Error of the average of {M}: {_error(result, test)} on test samples, {told}.",
        "votes": "Mean test error: " + join_words([f"{ARMS[name].lower()} {_error(result, value)}" for name, value in
                                                  zip(stats.arms, stats.votes.mean(1), strict=True)]) + ".",
        "weights": f"Weights from held-out data for {M} members; {int((stats.weights[0] > 1e-6).sum())} of them are not zero.",
    }
    if result.classes:
        out["jury"] = (f"The majority of {M} members errs in {format_percent(stats.majority[-1], 1)}; that of independent voters "
                       f"in {format_percent(stats.independent[-1], 1)}.")
    return out


def _bias(result: Result) -> str:
    return "Bias²" if result.known else "Bias² and noise"


def _error(result: Result, value: float | Tensor) -> str:
    return format_percent(value, 1) if result.classes else format_number(value, 2)


def _number(value: float | Tensor) -> str:
    """Two digits; what is only rounding of zero is zero."""
    return format_number(value if abs(float(value)) > 1e-9 else 0.0)


def _square(value: float | Tensor) -> str:
    """What cannot be negative, though its estimate can."""
    return "about 0" if float(value) < -1e-9 else _number(value)


def correlation(rho: float | Tensor) -> str:
    """A correlation to two places."""
    return f"{float(rho):.2f}" if float(rho) >= 0.005 else "about 0"


def measured_rho(result: Result) -> str:
    """The correlation of the scene's own members with its standard error."""
    assert result.stats is not None
    rho, error = correlation(result.stats.rho[result.home]), float(result.stats.rho_error[result.home])
    return f"ρ {'of' if rho.startswith('about') else '='} {rho}" + (f" (standard error {error:.2f})" if error >= 0.005 else "")
