"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from core.formatting import format_as, format_number, format_part, format_percent, format_power_of_ten, join_words, table
from core.lessons.dropout_uncertainty import data as far_from_data
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import BORDER, FAR, IN_DATA, IN_GAP, REMOTE
from core.lessons.dropout_uncertainty.guessing import (
    calibration_error,
    entropies,
    errors_in_sigmas,
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


IN_WORDS = {"mc_dropout": "MC dropout", "deep_ensemble": "the deep ensemble", "bagging": "bagging"}  # within a sentence
TOLD = (0.01, 100.0)  # ratios beyond are told as less, or as more


def summary(result: Result, config: Config) -> str:
    """What the pictures show, computed from the result."""
    return (_seen_curve if result.problem == "curve" else _seen_moons)(result, config)


def _place(result: Result, g: int) -> str:
    """A point of the grid, no finer than the grid is."""
    return ", ".join(_one(v) for v in result.grid_DG[:, g].tolist())


def _means(result: Result, method: str, passes: int) -> dict[int, float]:
    """Curve: mean σ by region."""
    return region_means(result, spread(result, method, passes)[1])


def asked_about(config: Config) -> tuple[int, str]:
    """Curve: the region that is compared with the data, in which there are no samples."""
    return (IN_GAP, "in the gap") if config.gap > 0 else (FAR, "far away")


def _rises(result: Result, config: Config) -> dict[str, float]:
    """Curve: mean σ where there are no samples in units of that among the data, of the methods that have one there."""
    means = {m: _means(result, m, config.passes) for m in METHODS}
    return {m: v[asked_about(config)[0]] / v[IN_DATA] for m, v in means.items() if v[IN_DATA] > 0}


def _ratio(value: float) -> str:
    if value < TOLD[0]:
        return f"less than {TOLD[0]:g}"
    return f"more than {TOLD[1]:g}" if value > TOLD[1] else format_number(value)


def _more(rises: dict[str, float], method: str) -> str:
    """What is told of the method, among those beside the one in focus, whose spread grows the most; "" where there is none."""
    others = {m: v for m, v in rises.items() if m != method}
    if not others:
        return ""
    most = max(others, key=lambda m: others[m])
    return f", that of {IN_WORDS[most]} {_ratio(others[most])} times"


def titles(result: Result, scene: Config) -> dict[str, str]:
    """The title of each method's picture: on the curve what its spread does where there are no samples."""
    if result.problem == "moons":
        drawn = {"mean": "P(class B)", "total": "entropy"}.get(scene.quantity, QUANTITIES[scene.quantity].lower())
        return {m: f"{name}: {drawn}" for m, name in METHODS.items()}
    rises, (_, where) = _rises(result, scene), asked_about(scene)
    told = {m: f"{_ratio(rise)} × as unsure {where.replace('the ', '')}" for m, rise in rises.items()}

    def none(method: str) -> str:
        return "among the data" if bool(spread(result, method, scene.passes)[1].any()) else "anywhere"

    return {m: f"{name}: {told.get(m) or f'no σ {none(m)}'}" for m, name in METHODS.items()}


def _seen_curve(result: Result, config: Config) -> str:
    means = {m: _means(result, m, config.passes) for m in METHODS}
    (region, where), name, method = asked_about(config), IN_WORDS[config.focus], config.focus
    rises = _rises(result, config)
    if method in rises:
        seen = (f"{where.capitalize()} the spread σ of {name} is {_ratio(rises[method])} times that among the data"
                f"{_more(rises, method)}.")
    elif means[method][region] > 0:
        seen = f"{where.capitalize()} {name} has a spread σ, and among the data it has none."
    else:
        seen = f"The predictions of {name} agree among the data and {where}: their spread σ is 0."
    regions = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "beyond x = ±5"}
    rows = [[title, *(format_number(v) for v in means[m].values())] for m, title in METHODS.items()]
    return f"**{seen}**\n\n{table(['mean σ', *(regions[r] for r in means[method])], rows)}"


def _seen_moons(result: Result, config: Config) -> str:
    seen = (f"Far from every sample {IN_WORDS[config.focus]} is more than {format_percent(0.95)} sure in "
            f"{format_part(_certain(result, config, config.focus))} of the plane there.")
    rows = []
    for m, title in METHODS.items():
        means = region_means(result, entropies(result, m, config.passes).mutual[0].abs())
        rows.append([title, _nats(means[IN_DATA]), _nats(means[FAR]), format_part(_certain(result, config, m))])
    columns = ["mutual information (nats)", "near the data", "far away", "sure far away"]
    return f"**{seen}**\n\n{table(columns, rows)}"


def _certain(result: Result, config: Config, method: str) -> float:
    """Moons: share of the places far away at which a method is more than 95 % sure."""
    return float((sure(result, method, config.passes)[result.region_G == FAR] > 0.95).double().mean())


def predict(result: Result, config: Config) -> Amount | Pick:
    """Curve: how much wider the spread is in the gap, or far away where there is none, than among the data. Moons: how much of
    the plane far from all data is painted as certain."""
    method, name = config.focus, IN_WORDS[config.focus]
    if result.problem == "moons":
        certain = _certain(result, config, method)
        return Amount(
            text=f"Of the places more than {far_from_data.REMOTE:g} away from every sample, in what share will {name} still be "
                 f"more than {format_percent(0.95)} sure of its class?",
            why=f"In {format_part(certain)} of these places the mean of {name} leaves less than "
                f"{format_percent(0.05)} to the less "
                "likely class.",
            low=0, high=100, step=1, truth=100 * certain, within=15, unit="\u00a0%")
    region, where = asked_about(config)
    means = _means(result, method, config.passes)
    data, there = means[IN_DATA], means[region]
    if not (data > 0 and LEAST <= there / data <= MOST):
        return _where(data, there, name, where)
    rises = _rises(result, config)
    truth = rises[method]
    place = where if config.gap > 0 else "far away (|x| > 5)"
    return Amount(
        text=f"How many times as wide as among the data is the spread σ of {name} {place}?",
        why=f"Mean σ of {name} {where} is {format_number(truth)} times that among the data{_more(rises, method)}.",
        low=LEAST / 2, high=20.0 * 2 ** max(0, math.ceil(math.log2(1.25 * truth / 20))), step=LEAST / 2, truth=truth, within=1.4,
        unit=" times", ratio=True)


def _where(data: float, there: float, name: str, where: str) -> Pick:
    """Where one spread has no ratio to the other, or one that no slider can be asked for: which is the larger."""
    because = ", as its predictions agree there" if data == there == 0 else ""
    return Pick(
        text=f"Where is the spread σ of {name} larger, among the data or {where}?",
        options={"data": "Among the data", "there": where.capitalize(), "neither": "Neither: it is the same"},
        right=("data" if data > there else "there" if there > data else "neither",),
        why=f"Mean σ of {name} is {_size(data)} among the data and {_size(there)} {where}{because}.")


def _size(value: float) -> str:
    """A spread, with one digit where it is tiny."""
    return format_number(value, 2 if value >= 1e-3 else 1)


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
                       + _each(lambda m: format_percent(calibration_error(result, m, T), 1)) + ".",
    }
    out |= _curve(result, scene, T) if result.problem == "curve" else _moons(result, scene, T, g)
    return out


def _one(value: float) -> str:
    """A coordinate, to one decimal."""
    return format_as(value, ".1f")


def _curve(result: Result, scene: Config, T: int) -> dict[str, str]:
    sigma = {m: spread(result, m, T)[1] for m in METHODS}
    out = {m: f"{name}: mean σ is {_regions(result, sigma[m])}. {_most_wrong(result, m, T)}" for m, name in METHODS.items()}
    border = result.region_G == BORDER
    out["sigma"] = "σ is largest " + _each(lambda m: _highest(result, sigma[m])) + "."
    out["distance"] = f"Up to 1 outside the data mean σ is {_each(lambda m: format_number(sigma[m][border].mean()))}."
    where = (f"The middle, {scene.gap:g} wide, is the gap and has no samples." if scene.gap > 0 else
             "Far away is beyond x = −5 and x = 5, where there are no samples.")
    out["setup"] = f"{len(result.y_N)} samples between x = −4 and 4. {where}"
    return out


def _most_wrong(result: Result, method: str, T: int) -> str:
    g = surest_wrong(result, method, T)
    if result.problem == "moons":
        return (f"Where it contradicts a density that is itself {format_percent(0.9)} sure, it is surest near "
                f"({_place(result, g)}): {format_part(float(sure(result, method, T)[g]))} sure." if g >= 0 else
                f"At no point of the map does it contradict a density that is itself {format_percent(0.9)} sure.")
    return (f"It errs most near x = {_place(result, g)}: by {format_number(errors_in_sigmas(result, method, T)[g])} standard "
            "deviations of σ and noise.")


def _highest(result: Result, sigma_G: Tensor) -> str:
    if not bool(sigma_G.any()):
        return "nowhere, it is 0"
    return f"at x = {_one(float(result.grid_DG[0, int(sigma_G.argmax())]))}"


def _moons(result: Result, scene: Config, T: int, g: int) -> dict[str, str]:
    maps = {m: quantity(result, scene.quantity, m, [passes_used(result, m, T)])[0] for m in METHODS}
    parts = {m: entropies(result, m, T) for m in METHODS}
    name = QUANTITIES[scene.quantity]
    out = {m: f"{title}: mean {name} is {_regions(result, maps[m])}. {_most_wrong(result, m, T)}" for m, title in METHODS.items()}
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
