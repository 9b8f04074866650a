"""What the pictures of dropout's uncertainty show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from core import uncertainty
from core.lessons.dropout_uncertainty import METHODS, QUANTITIES, Config, Result
from core.lessons.dropout_uncertainty_data import BORDER, FAR, IN_DATA, IN_GAP, REMOTE
from core.lessons.dropout_uncertainty_guessing import calibration_error, counted, entropies, region_means, spread
from core.words import power_of_ten, short
from figures.dropout_uncertainty import column, quantity, shown

SMALL = 1e-6  # what is less is told as less, in nats
PLACES = {IN_DATA: "among the data", IN_GAP: "in the gap", FAR: "far away"}


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence; the pictures of a method are named by it."""
    T, g = shown(result, scene), column(result, scene)
    at = ", ".join(_one(v) for v in result.grid_DG[:, g].tolist())
    here = {m: [v[g] for v in spread(result, m, T)] for m in METHODS}
    probe = _each(lambda m: f"{short(here[m][0])} ± {short(here[m][1])}")
    errors = {m: [float(v) for v in uncertainty.error_of_mean(result.tests[m], result.target_B, [1, len(result.tests[m])])]
              for m in METHODS}
    out = {
        "probe": f"At ({at}) the predictions are {probe}; the truth is {short(result.truth_G[g])}.",
        "averaging": "The error of one pass and of the mean of all: "
                     + _each(lambda m: f"{short(errors[m][0])} and {short(errors[m][1])}") + ".",
        "calibration": "The mean distance from perfect calibration is "
                       + _each(lambda m: short(calibration_error(result, m, T))) + ".",
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
    out["distance"] = f"Up to 1 outside the data mean σ is {_each(lambda m: short(sigma[m][border].mean()))}."
    where = (f"The middle, {scene.gap:g} wide, is the gap and has no samples." if scene.gap > 0 else
             "Far away is beyond x = −5 and x = 5, where there are no samples.")
    out["setup"] = f"{len(result.y_N)} samples between x = −4 and 4. {where}"
    return out


def _highest(result: Result, sigma_G: Tensor) -> str:
    if not bool(sigma_G.any()):
        return "nowhere, it is 0"
    return f"at x = {_one(float(result.grid_DG[0, int(sigma_G.argmax())]))}"


def _moons(result: Result, scene: Config, T: int, g: int) -> dict[str, str]:
    maps = {m: quantity(result, scene.quantity, m, [counted(result, m, T)])[0] for m in METHODS}
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
    return short(value) if float(value) == 0 or float(value) > SMALL else f"less than {power_of_ten(math.log10(SMALL))}"


def _regions(result: Result, values: Tensor) -> str:
    return ", ".join(f"{_nats(v)} {PLACES[r]}" for r, v in region_means(result, values).items())


def _each(words: Callable[[str], str]) -> str:
    return ", ".join(f"{words(m)} ({name})" for m, name in METHODS.items())
