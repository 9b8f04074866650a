"""What the pictures of dropout's uncertainty show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from core import uncertainty
from core.lessons.dropout_uncertainty import METHODS, QUANTITIES, Config, Result
from core.lessons.dropout_uncertainty_data import BORDER, FAR, IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty_guessing import calibration_error, counted, entropies, region_means, spread
from figures.dropout_uncertainty import column, quantity, shown

PLACES = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "far away"}


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence; the pictures of a method are named by it."""
    T, g = shown(result, scene), column(result, scene)
    at = ", ".join(f"{v:.1f}" for v in result.grid_DG[:, g].tolist())
    here = {m: result.passes[m][: counted(result, m, T), g].double() for m in METHODS}
    probe = _each(lambda m: f"{float(here[m].mean()):.2f} ± {float(here[m].std()):.2f}")
    errors = {m: [float(v) for v in uncertainty.error_of_mean(result.tests[m], result.target_B, [1, len(result.tests[m])])]
              for m in METHODS}
    out = {
        "probe": f"At ({at}) the predictions are {probe}; the truth is {float(result.truth_G[g]):.2f}.",
        "averaging": "The error of one pass and of the mean of all: "
                     + _each(lambda m: f"{errors[m][0]:.3f} and {errors[m][1]:.3f}") + ".",
        "calibration": "The mean distance from perfect calibration is "
                       + _each(lambda m: f"{calibration_error(result, m, T):.3f}") + ".",
    }
    out |= _curve(result, T) if result.problem == "curve" else _moons(result, scene, T, g)
    return {name: words.replace("-", "−") for name, words in out.items()}


def _curve(result: Result, T: int) -> dict[str, str]:
    sigma = {m: spread(result, m, T)[1] for m in METHODS}
    out = {m: f"{name}: mean σ is {_regions(result, sigma[m])}." for m, name in METHODS.items()}
    border = result.region_G == BORDER
    out["sigma"] = "σ is largest at x = " + _each(lambda m: f"{float(result.grid_DG[0, int(sigma[m].argmax())]):.1f}") + "."
    out["distance"] = f"Up to 1 outside the data mean σ is {_each(lambda m: f'{float(sigma[m][border].mean()):.2f}')}."
    return out


def _moons(result: Result, scene: Config, T: int, g: int) -> dict[str, str]:
    maps = {m: quantity(result, scene.quantity, m, [counted(result, m, T)])[0] for m in METHODS}
    parts = {m: entropies(result, m, T) for m in METHODS}
    name = QUANTITIES[scene.quantity]
    out = {m: f"{title}: mean {name} is {_regions(result, maps[m])}." for m, title in METHODS.items()}
    out["split"] = "Expected entropy and mutual information there: " + _each(
        lambda m: f"{float(parts[m].expected[0, g]):.2f} and {abs(float(parts[m].mutual[0, g])):.2f}") + " nats."
    unsure = {m: maps[m].maximum(1 - maps[m]) if scene.quantity == "mean" else maps[m] for m in METHODS}
    drawn = "confidence" if scene.quantity == "mean" else name.lower()
    out["distance"] = f"Mean {drawn}, near and far: " + "; ".join(
        f"{title} {_regions(result, unsure[m])}" for m, title in METHODS.items()) + "."
    return out


def _regions(result: Result, values: Tensor) -> str:
    return ", ".join(f"{v:.2f} {PLACES[r]}" for r, v in region_means(result, values).items())


def _each(words: Callable[[str], str]) -> str:
    return ", ".join(f"{words(m)} ({name})" for m, name in METHODS.items())
