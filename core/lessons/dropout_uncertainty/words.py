"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from core.formatting import format_number, format_power_of_ten, join_words
from core.lessons.dropout_uncertainty import data as far_from_data
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import BORDER, FAR, IN_DATA, IN_GAP, REMOTE
from core.lessons.dropout_uncertainty.guessing import (
    calibration_error,
    entropies,
    passes_used,
    region_means,
    spread,
    sure,
    surest_wrong,
)
from core.lessons.dropout_uncertainty.lesson import (
    LEAST,
    METHODS,
    MOST,
    NOTICES,
    QUANTITIES,
    WIDE,
    Config,
    Result,
    column,
    gap_ratio,
    passes_shown,
    quantity,
)
from core.question import Amount, Challenge, Pick, Verdict

CHALLENGED = range(5)  # ... at each of these seeds


def summary(result: Result, config: Config) -> str:
    """What the pictures show, computed from the result."""
    return (_seen_curve if result.problem == "curve" else _seen_moons)(result, config)


def _place(result: Result, g: int) -> str:
    """A point of the grid, no finer than the grid is."""
    return ", ".join(f"{round(v, 1) + 0.0:.1f}".replace("-", "−") for v in result.grid_DG[:, g].tolist())


def _means(result: Result, method: str, passes: int) -> dict[int, float]:
    """Curve: mean σ by region."""
    return region_means(result, spread(result, method, passes)[1])


def _seen_curve(result: Result, config: Config) -> str:
    means = {m: _means(result, m, config.passes) for m in METHODS}
    words = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "far away (|x| > 5)"}
    brief = {IN_DATA: "data", IN_GAP: "gap", FAR: "far away"}
    parts = [f"**{METHODS[m]}** {', '.join(f'{format_number(v)} {words[r]}' for r, v in means[m].items())}" for m in METHODS]
    text = f"Mean σ: {'; '.join(parts)}. "
    ordered = [m for m in METHODS if all(a < b for a, b in zip([*means[m].values()], [*means[m].values()][1:], strict=False))]
    chain = " < ".join(brief[r] for r in means["bagging"])
    failing = join_words([METHODS[m] for m in METHODS if m not in ordered])
    text += f"The order {chain} holds for all three. " if not failing else f"The order {chain} fails for {failing}. "
    method = config.focus
    g = surest_wrong(result, method, config.passes)
    mean, std = (float(v[g]) for v in spread(result, method, config.passes))
    error = abs(mean - float(result.truth_G[g]))
    return text + (f"Measured by its own σ and the noise, {METHODS[method]} errs most near x = {_place(result, g)}: off by "
                   f"{format_number(error)} with σ = {format_number(std)}, "
                   f"{format_number(error / math.hypot(std, result.noise))} standard deviations "
                   "of σ and noise together.")


def _seen_moons(result: Result, config: Config) -> str:
    parts = []
    for m in METHODS:
        means = region_means(result, entropies(result, m, config.passes).mutual[0].abs())
        parts.append(f"**{METHODS[m]}** {format_number(means[IN_DATA])} near the data, {format_number(means[FAR])} far away")
    text = f"Mean mutual information (nats): {'; '.join(parts)}. "
    method = config.focus
    text += (f"{METHODS[method]} is more than 95 % sure in {percent(_certain(result, config))} of the picture that lies more "
             f"than {far_from_data.REMOTE:g} from every sample. ")
    g = surest_wrong(result, method, config.passes)
    if g < 0:
        return text + "At no point of the map does it contradict a density that is itself 90 % sure."
    return text + (f"Where it contradicts a density that is itself 90 % sure, it is surest near ({_place(result, g)}): "
                   f"{percent(100 * float(sure(result, method, config.passes)[g]))} sure.")


def percent(value: float) -> str:
    """A share in whole per cent; 0 and 100 are said of none and all only."""
    if 0 < value < 0.5:
        return "less than 1 %"
    return "more than 99 %" if 99.5 <= value < 100 else f"{value:.0f} %"


def _certain(result: Result, config: Config) -> float:
    """Moons: % of the places far away at which the method in focus is more than 95 % sure."""
    return 100 * float((sure(result, config.focus, config.passes)[result.region_G == FAR] > 0.95).double().mean())


def predict(result: Result, config: Config) -> Amount | Pick:
    """Curve: how much wider the spread is in the gap, or far away where there is none, than among the data. Moons: how much of
    the plane far from all data is painted as certain."""
    method, name = config.focus, METHODS[config.focus]
    if result.problem == "moons":
        certain = _certain(result, config)
        return Amount(
            text=f"More than {far_from_data.REMOTE:g} away from every sample, in what share of the picture will {name} still be "
                 "more than 95 % sure of its class?",
            why=f"No sample lies within {far_from_data.REMOTE:g} of these places; in {percent(certain)} of them the mean of "
                f"{name} leaves less than 5 % to the other class.",
            low=0, high=100, step=1, truth=certain, within=15, unit=" %")
    where, words = (IN_GAP, "in the gap") if config.gap > 0 else (FAR, "far away (|x| > 5)")
    means = {m: _means(result, m, config.passes) for m in METHODS}
    data, there = means[method][IN_DATA], means[method][where]
    if not (data > 0 and LEAST <= there / data <= MOST):
        return _where(data, there, name, words)
    ratios = {m: means[m][where] / means[m][IN_DATA] for m in METHODS if means[m][IN_DATA] > 0}
    others = join_words([f"{format_number(ratios[m])} for {METHODS[m]}" for m in ratios if m != method])
    truth = ratios[method]
    return Amount(
        text=f"How many times as wide as among the data is the spread σ of {name} {words}?",
        why=f"Mean σ {words} is {format_number(truth)} times that among the data for {name}, {others}.",
        low=LEAST / 2, high=20.0 * 2 ** max(0, math.ceil(math.log2(1.25 * truth / 20))), step=LEAST / 2, truth=truth, within=1.4,
        unit=" times", ratio=True)


def _where(data: float, there: float, name: str, words: str) -> Pick:
    """Where one spread has no ratio to the other, or one that no slider can be asked for: which is the larger."""
    because = " All its passes are the same net." if data == there == 0 else ""
    return Pick(
        text=f"Where is the spread σ of {name} larger, among the data or {words}?",
        options={"data": "Among the data", "there": f"{words[0].upper()}{words[1:]}", "neither": "Neither: it is the same"},
        right=("data" if data > there else "there" if there > data else "neither",),
        why=f"Mean σ of {name} is {format_number(data)} among the data and {format_number(there)} {words}.{because}")


def _opens(_result: Result, config: Config, _: None) -> Verdict:
    """Whether MC dropout is clearly less sure in the gap than among the data, whatever the seed."""
    if config.problem != "curve" or config.gap < WIDE:
        return Verdict(False, f"It takes the curve, with a gap at least {WIDE:g} wide.")
    if config.dropout == 0:
        return Verdict(False, "With p = 0 all passes are the same net: σ is 0 everywhere.")
    pairs = [gap_ratio(replace(config, seed=seed)) for seed in CHALLENGED]
    if any(data == 0 for data, _ in pairs):
        return Verdict(False, "At one of the seeds no hidden unit is active among the data: σ is 0 there.")
    ratios = [there / data for data, there in pairs]
    listed = join_words([f"{ratio:.2f}" for ratio in ratios])
    return Verdict(min(ratios) >= NOTICES, f"At the seeds {CHALLENGED[0]} to {CHALLENGED[-1]}, mean σ of MC dropout in the gap "
                                           f"is {listed} times that among the data.")


CHALLENGE = Challenge(
    text=f"Whether MC dropout notices the gap changes with the seed. Find settings at which its mean σ in the gap is at least "
         f"{NOTICES:g} times that among the data at each of the seeds {CHALLENGED[0]} to {CHALLENGED[-1]}, with a gap at least "
         f"{WIDE:g} wide. The check trains all of them.",
    check=_opens,
)


SMALL = 1e-6  # what is less is told as less, in nats


PLACES = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "far away"}


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence; the pictures of a method are named by it."""
    T, g = passes_shown(result, scene), column(result, scene)
    at = ", ".join(_one(v) for v in result.grid_DG[:, g].tolist())
    here = {m: [v[g] for v in spread(result, m, T)] for m in METHODS}
    probe = _each(lambda m: f"{format_number(here[m][0])} ± {format_number(here[m][1])}")
    errors = {m: [float(v) for v in uncertainty.error_of_mean(result.tests[m], result.target_B, [1, len(result.tests[m])])]
              for m in METHODS}
    out = {
        "probe": f"At ({at}) the predictions are {probe}; the truth is {format_number(result.truth_G[g])}.",
        "averaging": "The error of one pass and of the mean of all: "
                     + _each(lambda m: f"{format_number(errors[m][0])} and {format_number(errors[m][1])}") + ".",
        "calibration": "The mean distance from perfect calibration is "
                       + _each(lambda m: format_number(calibration_error(result, m, T))) + ".",
    }
    out |= _curve(result, scene, T) if result.problem == "curve" else _moons(result, scene, T, g)
    return out


def _one(value: float) -> str:
    """A coordinate, to one decimal."""
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")


def _curve(result: Result, scene: Config, T: int) -> dict[str, str]:
    sigma = {m: spread(result, m, T)[1] for m in METHODS}
    out = {m: f"{name}: mean σ is {_regions(result, sigma[m])}." for m, name in METHODS.items()}
    border = result.region_G == BORDER
    out["sigma"] = "σ is largest " + _each(lambda m: _highest(result, sigma[m])) + "."
    out["distance"] = f"Up to 1 outside the data mean σ is {_each(lambda m: format_number(sigma[m][border].mean()))}."
    where = (f"The middle, {scene.gap:g} wide, is the gap and has no samples." if scene.gap > 0 else
             "Far away is beyond x = −5 and x = 5, where there are no samples.")
    out["setup"] = f"{len(result.y_N)} samples between x = −4 and 4. {where}"
    return out


def _highest(result: Result, sigma_G: Tensor) -> str:
    if not bool(sigma_G.any()):
        return "nowhere, it is 0"
    return f"at x = {_one(float(result.grid_DG[0, int(sigma_G.argmax())]))}"


def _moons(result: Result, scene: Config, T: int, g: int) -> dict[str, str]:
    maps = {m: quantity(result, scene.quantity, m, [passes_used(result, m, T)])[0] for m in METHODS}
    parts = {m: entropies(result, m, T) for m in METHODS}
    name = QUANTITIES[scene.quantity]
    out = {m: f"{title}: mean {name} is {_regions(result, maps[m])}." for m, title in METHODS.items()}
    out["split"] = "Expected entropy and mutual information there: " + _each(
        lambda m: f"{_nats(parts[m].expected[0, g])} and {_nats(parts[m].mutual[0, g])}") + " nats."
    unsure = {m: maps[m].maximum(1 - maps[m]) if scene.quantity == "mean" else maps[m] for m in METHODS}
    drawn = "confidence" if scene.quantity == "mean" else name.lower()
    out["distance"] = f"Mean {drawn}, near and far: " + "; ".join(
        f"{title} {_regions(result, unsure[m])}" for m, title in METHODS.items()) + "."
    out["setup"] = (f"{len(result.y_N)} samples of two moons in the middle of a plane. Shaded: all that lies more than "
                    f"{REMOTE:g} from every sample.")
    return out


def _nats(value: float | Tensor) -> str:
    """An entropy or a difference of two, which rounding can leave a little beside zero."""
    if float(value) == 0 or float(value) > SMALL:
        return format_number(value)
    return f"less than {format_power_of_ten(math.log10(SMALL))}"


def _regions(result: Result, values: Tensor) -> str:
    return ", ".join(f"{_nats(v)} {PLACES[r]}" for r, v in region_means(result, values).items())


def _each(words: Callable[[str], str]) -> str:
    return ", ".join(f"{words(m)} ({name})" for m, name in METHODS.items())
