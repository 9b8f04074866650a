"""What the pictures of batch norm show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from torch import Tensor

from core.lessons.batch_norm import COMPARED, NAMES, Config, Result, asked, mean_told, row, spread_told, transforms
from core.lessons.batch_norm_modes import Judged, at_best_rate
from core.lessons.batch_norm_race import RATES
from core.normalisation import KINDS, averaged
from core.words import short
from figures.batch_norm import CELLS, changes, second_name


def alts(result: Result, facts: Judged, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence."""
    return {**_layer(scene), **_nets(result, facts, scene), **_modes(facts, scene)}


def setup_alt(scene: Config) -> str:
    """What the picture beside the question shows."""
    factor, offset = asked(scene)
    second = replace(scene, factor=factor, offset=offset)
    first, changed = transforms(second)
    return (f"Three rows of values: the batch x, {_pair(first.x)}; the layer's output y of it, {_pair(first.y)}; and "
            f"{second_name(second)}, {_pair(changed.x)}, whose output is asked for.")


def _layer(scene: Config) -> dict[str, str]:
    first, second = transforms(scene)
    shared = {k: int(averaged(k, CELLS, (0, 0), scene.groups).sum()) for k in KINDS[1:]}
    stages = {"x": first.x, "x minus μ": first.centred, "x̂": first.xhat, "y": first.y}
    also = f" {second_name(scene)} ends at {_pair(second.y)}." if changes(scene) else ""
    return {
        "algorithm": "Mean and spread of the batch line by line: "
                     + _list(f"{name} {_pair(v)}" for name, v in stages.items()) + also,
        "histogram": f"The batch reaches from {_ends(first.x)} before Algorithm 1 and from {_ends(first.y)} after it.",
        "scaling": f"With the input times {short(scene.factor)} the spread is "
                   f"{spread_told(scene.factor * first.x)} without norm and {spread_told(second.y)} with batch norm.",
        "sets": f"Of {CELLS[0]} samples, {CELLS[1]} channels and {CELLS[2]} positions, one mean is taken over "
                + _list(f"{n} values by {NAMES[k].lower()}" for k, n in shared.items()),
    }


def _nets(result: Result, facts: Judged, scene: Config) -> dict[str, str]:
    arm, training = result.arm, facts.training.mean(-1).numpy()
    if not arm.step:
        return {}
    finite = [(k, i) for i, k in enumerate(KINDS) if np.isfinite(training[i]).any()]
    best = ((k, int(np.nanargmin(training[i])), float(np.nanmin(training[i]))) for k, i in finite)
    out = {"rates": "Lowest training loss: " + _list(f"{NAMES[k].lower()} {short(v)} at ε = {RATES[r]:g}" for k, r, v in best)
           + " Rounding alone can move instance norm's, and that of others at a large ε."}
    for what in ("mean", "spread"):
        values = getattr(arm, what)[-1]
        ends = {k: values[:, row(scene, k, scene.learning_rate)] for k in ("none", scene.inside)}
        out[what] = f"The {what} before ReLU of layers 1 to 4 at step {int(arm.recorded[-1])}: " + _list(
            f"{NAMES[k].lower()} {', '.join(_number(float(v)) for v in four)}" for k, four in ends.items())
    if result.sizes:
        best, _ = at_best_rate(facts.sizes)
        out["sizes"] = "Validation loss at the best learning rate: " + "; ".join(
            f"{NAMES[kind].lower()} " + ", ".join(f"{_number(float(v))} at m = {arm.batch_size}"
                                                  for arm, v in zip(result.sizes, best[:, i], strict=True))
            for i, kind in enumerate(COMPARED)) + "."
    return out


def _modes(facts: Judged, scene: Config) -> dict[str, str]:
    apart = float((facts.sure_train - facts.sure_eval).abs().mean())
    out = {
        "modes": f"The probability of an image's true class differs between the modes by {_number(apart)} on average.",
        "channel": f"One channel comes in as {_pair(facts.values)}; the net has learnt γ = {_number(facts.scale_shift[0])} and "
                   f"β = {_number(facts.scale_shift[1])} for it." if len(facts.values) and facts.values.isfinite().all() else "",
    }
    for i, name in enumerate(("mean", "variance")):
        average = facts.running_stat[i].tolist()
        start, stop, end, settled = map(_number, (average[0], average[min(scene.steps, len(average) - 1)], average[-1],
                                                  float(facts.settled[i])))
        out[f"running_{name}"] = (f"The running {name} goes from {start} to {stop} during training and to {end} after it; "
                                  f"the batches then have {settled} on average.")
    return out


def _number(value: float) -> str:
    return "no finite number" if math.isnan(value) else short(value)


def _pair(values: Tensor) -> str:
    return f"{mean_told(values.double())} ± {spread_told(values.double())}"


def _ends(values: Tensor) -> str:
    return f"{short(values.min(), 3)} to {short(values.max(), 3)}"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
