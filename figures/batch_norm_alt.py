"""What the pictures of batch norm show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import Tensor

from core.lessons.batch_norm import NAMES, Config, Result, row, transforms
from core.lessons.batch_norm_modes import Judged
from core.lessons.batch_norm_race import RATES
from core.normalisation import KINDS, averaged
from figures.batch_norm import CELLS, changes, rounded, second_name


def alts(result: Result, facts: Judged, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence."""
    return {**_layer(scene), **_nets(result, facts, scene), **_modes(facts, scene)}


def _layer(scene: Config) -> dict[str, str]:
    first, second = transforms(scene)
    shared = {k: int(averaged(k, CELLS, (0, 0), scene.groups).sum()) for k in KINDS[1:]}
    stages = {"x": first.x, "x minus μ": first.centred, "x̂": first.xhat, "y": first.y}
    also = f" {second_name(scene)} ends at {_pair(second.y)}." if changes(scene) else ""
    return {
        "algorithm": "Mean and spread of the batch line by line: "
                     + _list(f"{name} {_pair(v)}" for name, v in stages.items()) + also,
        "histogram": f"The batch reaches from {_ends(first.x)} before Algorithm 1 and from {_ends(first.y)} after it.",
        "scaling": f"With the input times {rounded(scene.factor)} the spread is "
                   f"{rounded(abs(scene.factor) * float(first.x.std(correction=0)))} without norm and "
                   f"{rounded(float(second.y.std(correction=0)))} with batch norm.",
        "sets": f"Of {CELLS[0]} samples, {CELLS[1]} channels and {CELLS[2]} positions, one mean is taken over "
                + _list(f"{n} values by {NAMES[k].lower()}" for k, n in shared.items()),
    }


def _nets(result: Result, facts: Judged, scene: Config) -> dict[str, str]:
    arm, training, R = result.arms[0], facts.training[0].mean(-1).numpy(), RATES.index(scene.learning_rate)
    if not arm.step:
        return {}
    finite = [(k, i) for i, k in enumerate(KINDS) if np.isfinite(training[i]).any()]
    best = ((k, int(np.nanargmin(training[i])), float(np.nanmin(training[i]))) for k, i in finite)
    out = {"rates": "Lowest training loss: " + _list(f"{NAMES[k].lower()} {v:.2f} at ε = {RATES[r]:g}" for k, r, v in best)}
    for what in ("mean", "spread"):
        values = getattr(arm, what)[-1]
        ends = {k: values[:, row(scene, k, scene.learning_rate)] for k in ("none", scene.inside)}
        out[what] = f"The {what} before ReLU of layers 1 to 4 at step {int(arm.recorded[-1])}: " + _list(
            f"{NAMES[k].lower()} {', '.join(_number(float(v)) for v in four)}" for k, four in ends.items())
    if len(result.arms) > 1:
        order = sorted(range(len(result.arms)), key=lambda a: result.arms[a].batch_size)
        losses = facts.validation[:, KINDS.index("batch"), R].mean(-1)
        out["sizes"] = "Validation loss with batch norm: " + _list(
            f"{_number(float(losses[a]))} at m = {result.arms[a].batch_size}" for a in order)
    return out


def _modes(facts: Judged, scene: Config) -> dict[str, str]:
    apart = float((facts.sure_train - facts.sure_eval).abs().mean())
    out = {
        "modes": f"The probability of an image's true class differs between the modes by {_number(apart)} on average.",
        "channel": f"One channel comes in as {_pair(facts.values)}; the net has learnt γ = {_number(facts.scale_shift[0])} and "
                   f"β = {_number(facts.scale_shift[1])} for it." if len(facts.values) else "",
    }
    for i, name in enumerate(("mean", "variance")):
        average = facts.running_stat[i].tolist()
        start, stop, end, settled = map(_number, (average[0], average[min(scene.steps, len(average) - 1)], average[-1],
                                                  float(facts.settled[i])))
        out[f"running_{name}"] = (f"The running {name} goes from {start} to {stop} during training and to {end} after it; "
                                  f"the batches then have {settled} on average.")
    return out


def _number(value: float) -> str:
    return rounded(value) if np.isfinite(value) else "no finite number"


def _pair(values: Tensor) -> str:
    v = values.double()
    return f"{_number(float(v.mean()))} ± {_number(float(v.std(correction=0)))}"


def _ends(values: Tensor) -> str:
    return f"{rounded(float(values.min()))} to {rounded(float(values.max()))}"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
