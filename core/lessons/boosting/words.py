"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from torch import Tensor

from core.formatting import format_as, format_number, format_percent, join_words, table
from core.lessons.boosting import adaboost
from core.lessons.boosting.lesson import ASKED, Config, Result, margins
from core.question import Challenge, Pick, Verdict

NAMES = {"stump": "stump", "tree": "tree", "net": "net"}
COUNTS = ("no rounds", "one round", "two rounds", "three rounds", "four rounds", "five rounds")
GROUPS = {"wrong": "Those with a wrong label", "near": "Those nearest to the other class",
          "inside": "Those deep in their own class", "same": "All weigh the same"}
CLOSE = 0.05  # weights that differ by less than this part of the larger are a tie


def summary(result: Result, config: Config) -> str:
    """What the rounds have come to, and a table of the errors."""
    T, h = len(result.error), result.home
    train, test = (values[:, h].mean(1) for values in (result.train_error, result.test_error))
    low = int(test.argmin())
    rows = [(f"Round {t + 1}{', lowest test error' if t == low else ''}", format_percent(train[t], 1), format_percent(test[t], 1))
            for t in sorted({0, low, T - 1})]
    return f"**{_verdict(result)}**\n\n" + table((f"Mean of {config.draws} draws", "training error", "test error"), rows)


def _verdict(result: Result) -> str:
    h, at = result.home, int(result.ended[result.home, 0])
    if at > 0 and at <= len(result.error):
        what = ("a learner makes no error" if result.alpha[at - 1, h, 0].isinf() else
                "the learner is no better than chance")
        return f"In round {at} {what}, and boosting ends."
    rounds, shares = asked(result), group_weights(result)
    if "wrong" in shares:
        right = result.weight[rounds][~result.wrong].mean() * len(result.y)
        ratio = float(shares["wrong"] / right)
        how = (f"{format_number(ratio)} times as much as a right one" if ratio >= 1.05 else
               "hardly more than a right one" if ratio > 1 else "no more than a right one")
        return f"After {COUNTS[rounds]} a wrong label weighs {how}."
    settled = zero_from(result)
    if settled is not None and settled < len(result.error) - 1:
        before, now = (float(result.least_margin[t, h, 0]) for t in (settled, len(result.error) - 1))
        grown = f"still grows to {format_number(now)}" if now > before + 1e-3 else "grows no more"
        return f"On the drawn set the training error is zero from round {settled + 1} on, and the smallest margin {grown}."
    error, limit = float(result.train_error[-1, h, 0]), float(drawn_bound(result)[-1])
    return (f"On the drawn set the training error comes to {format_percent(error, 1)}, under its bound of "
            f"{format_percent(limit, 1)}.")


def zero_from(result: Result) -> int | None:
    """The first round, counted from 0, from which on the drawn training set has no error; None if there is none."""
    bad = (result.train_error[:, result.home, 0] > 0).nonzero()
    first = int(bad[-1]) + 1 if len(bad) else 0
    return first if first < len(result.error) else None


def drawn_bound(result: Result) -> Tensor:
    """The bound of the drawn row's training error after each round, [T]."""
    return adaboost.bound(result.error[:, result.home, 0])


def asked(result: Result) -> int:
    """Rounds after which the question's weights are looked at."""
    return min(ASKED, len(result.error))


def group_weights(result: Result) -> dict[str, Tensor]:
    """Mean weight of each group of samples by then, times N: 1 is an even share. Groups without a sample are left out."""
    weight = result.weight[asked(result)] * len(result.y)
    masks = {"wrong": result.wrong, "near": result.near, "inside": ~result.wrong & ~result.near}
    return {name: weight[mask].mean() for name, mask in masks.items() if bool(mask.any())}


def predict(result: Result, config: Config) -> Pick:  # noqa: ARG001
    """Which samples of the drawn row weigh most after five rounds."""
    shares, weight = group_weights(result), result.weight[asked(result)]
    options = {name: GROUPS[name] for name in (*shares, "same")}
    most = float(max(shares.values()))
    right = tuple(name for name, value in shares.items() if value >= (1 - CLOSE) * most)
    if float(weight.max() - weight.min()) < 1e-9:
        right = ("same",)
        why = "The weights are even: the first learner leaves nothing for others to put right."
        if result.alpha[0, result.home, 0] == 0:
            why = "The weights are even: no learner was better than chance."
    else:
        ordered = sorted(shares, key=lambda name: float(shares[name]))
        lighter, top = ordered[0], ordered[-1]
        told = {"wrong": "a wrong label", "near": "a sample near the other class", "inside": "one deep in its own class"}
        why = (f"By then {told[top]} weighs {format_number(shares[top])} times an even share, "
               f"{told[lighter]} {format_number(shares[lighter])} times.") if len(shares) > 1 else "There is one group only."
    return Pick(text=f"Which points weigh most after {COUNTS[asked(result)]}?", options=options, right=right, why=why)


BELOW = 0.12


def _generalises(result: Result, config: Config, answer: None) -> Verdict:  # noqa: ARG001
    """Whether stumps, on the opening scene's noise and data, end with a low test error."""
    start = Config(**CHALLENGE.scene)
    moved = replace(config, rounds=start.rounds, n_train=start.n_train, criterion=start.criterion, at=start.at)
    if moved != start:
        return Verdict(False, "This is another scene than the challenge's. Set the scene, and move only how many rounds and "
                              "samples there are and how a split is chosen.")
    error = float(result.test_error[-1, result.home].mean())
    return Verdict(error < BELOW, f"The mean test error after round {len(result.error)} is {format_percent(error, 1)}.")


CHALLENGE = Challenge(
    text=f"One label in five is wrong, and boosting goes on to learn them by heart. Bring the mean test error after the last "
         f"round below {format_percent(BELOW)}. Move only the number of rounds, that of training samples and how a split is "
         "chosen.",
    check=_generalises, scene=dict(label_noise=20, rounds=100, n_train=100),
)


def rule(result: Result, t: int) -> str:
    """When the drawn row's stump of round t says B; empty for other learners."""
    if result.stumps is None:
        return ""
    feature, threshold = int(result.stumps.feature_KT[t, 0]), float(result.stumps.threshold_KT[t, 0])
    low, high = (value > 0.5 for value in result.stumps.value_KMC[t, :, 1].tolist())
    if math.isinf(threshold) or low == high:
        return "always" if low else "never"
    return f"{('x₁', 'x₂')[feature]}\u00a0{'>' if high else '<'}\u00a0{_signed(threshold)}"


def _signed(value: float) -> str:
    return format_as(value, ".2f")


def rounds_told(result: Result) -> int:
    """Rounds in which the drawn row has a learner: all so far, or up to where boosting ended."""
    at = int(result.ended[result.home, 0])
    return len(result.error) if at < 0 else min(at, len(result.error))


def arithmetic(result: Result) -> list[tuple[str | float, ...]]:
    """A row for each round: number, rule, error, weight of the learner, and what multiplies wrong and right samples' weights."""
    rows: list[tuple[str | float, ...]] = []
    for t in range(rounds_told(result)):
        e, alpha = float(result.error[t, result.home, 0]), float(result.alpha[t, result.home, 0])
        end = not bool(adaboost.goes_on(result.error[t, result.home, :1]).all())
        told = ("∞" if alpha > 0 else "−∞") if math.isinf(alpha) else alpha
        rows.append((t + 1, *((rule(result, t),) if result.stumps else ()), e, told,
                     *(("ends", "ends") if end else (1 / (2 * e), 1 / (2 * (1 - e))))))
    return rows


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence."""
    T, h, at = len(result.error), result.home, min(scene.at, len(result.error) - 1)
    train, test = result.train_error[:, h, 0], result.test_error[:, h, 0]
    weight = result.weight[at] * len(result.y)
    told = f"{NAMES[scene.learner]} of round {at + 1}"
    values = margins(result)
    mean = result.test_error.mean(-1)
    levels = [format_percent(level / 100) for level in result.levels]
    out = {
        "weights": f"Training samples as large as their weights in round {at + 1}, the heaviest {format_number(weight.max())} "
                   f"times an even share, and what the {told} says.",
        "sum": f"The weighted sum after round {at + 1} over the training samples; it gets {format_percent(train[at], 1)} wrong.",
        "rounds": f"Each round's error, the learner's weight and the factors of the samples' weights; {rounds_told(result)} "
                  "in all.",
        "errors": f"In {T} rounds the training error goes from {format_percent(train[0], 1)} to {format_percent(train[-1], 1)} "
                  f"and the test error from {format_percent(test[0], 1)} to {format_percent(test[-1], 1)}; the bound comes to "
                  f"{format_percent(drawn_bound(result)[-1], 1)}.",
        "margins": f"Margins of the training samples, from {_signed(float(values[at].min()))} to "
                   f"{_signed(float(values[at].max()))} after round {at + 1}.",
        "noise": "Lowest mean test error and that of the last round: " + _list(
            f"{format_percent(mean[:, i].min(), 1)} and {format_percent(mean[-1, i], 1)} at {level} wrong labels"
            for i, level in enumerate(levels)),
    }
    return {**out, **_further(result, levels)}


def _further(result: Result, levels: Sequence[str]) -> dict[str, str]:
    T, h = rounds_told(result), result.home
    error, following = result.error[:T, h, 0], result.next_error[:T, h, 0]
    known = following[following.isfinite()]
    least = result.least_margin[:, h]
    alpha = result.alpha[:T, h, 0]
    finite = alpha[alpha.isfinite()]
    out = {
        "coin": f"Errors of the learners from {format_percent(error.min(), 1)} to {format_percent(error.max(), 1)}; " + (
            f"under the next weights they are {format_percent(known.min(), 1)} to {format_percent(known.max(), 1)}."
            if len(known) else "there are no next weights."),
        "alpha": (f"Weights of the learners from {_signed(float(finite.min()))} to {_signed(float(finite.max()))}, on the curve "
                  "of the formula." if len(finite) else "The one learner has an infinite weight."),
        "on_wrong": "Weight on the wrong labels after the last round, mean of the draws: " + _list(
            f"{format_percent(result.on_wrong[-1, i].mean(), 1)} with {level} wrong" for i, level in enumerate(levels)
            if result.levels[i]),
        "least": f"The smallest margin of each draw, between {_signed(float(least[-1].min()))} and "
                 f"{_signed(float(least[-1].max()))} after the last round.",
        "loss": f"Mean exponential loss from {format_number(result.exponential[0, h, 0])} to "
                f"{format_number(result.exponential[-1, h, 0])}, on the product of the formula.",
    }
    if result.own is None:
        vote = result.vote_error[:, h]
        mean = result.test_error[:, h].mean(1)
        out["bias"] = (f"Test error of the draws' majority from {format_percent(vote[0], 1)} to {format_percent(vote[-1], 1)}; "
                       f"mean test error from {format_percent(mean[0], 1)} to {format_percent(mean[-1], 1)}.")
    return out


def _list(parts: Iterable[str]) -> str:
    return join_words(list(parts)) + "."


def worth(result: Result) -> str:
    """At which shares of wrong labels more rounds hurt, none among them, as a sentence about the means of the draws."""
    mean = result.test_error.mean(-1)
    if bool((hurt := mean[-1] - mean[0] > 1e-9).any()):
        return f"{_with(result, hurt)} the last round's error is above the first's."
    if bool((rise := mean[-1] - mean.amin(0) > 0.01).any()):
        return f"{_with(result, rise)} it rises again from its lowest point."
    if bool((mean[-1] - mean.amin(0) > 1e-9).any()):
        return "Here it hardly rises again."
    return "Here it does not rise again."


def _with(result: Result, which: Tensor) -> str:
    """"With 10 % and 20 % wrong labels", of the chosen levels."""
    if bool(which.all()):
        return "With and without wrong labels"
    levels = [format_percent(level / 100) for level, chosen in zip(result.levels, which, strict=True) if chosen]
    return f"With {join_words(levels)} wrong labels"


def between(result: Result) -> str:
    """What lies between the mean test error and that of the draws' majority, as a sentence."""
    apart = result.test_error[:, result.home].mean(-1) - result.vote_error[:, result.home]
    less = " Where the dotted line is higher, it takes errors away." if bool((apart < -1e-9).any()) else ""
    return f"What lies between is what variance does.{less}"


def ended_at(result: Result) -> str:
    """Where boosting of the drawn row ended, as a sentence; empty if it went on."""
    at = int(result.ended[result.home, 0])
    return f" Boosting ended in round {at}." if 0 < at <= len(result.error) else ""


