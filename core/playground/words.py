"""What is said of a run at one moment: a line that tells where it is, a diagnosis, and the alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from core.formatting import format_number, format_part, join_words
from core.playground.data import SETS
from core.playground.setup import RATES, Setup
from core.playground.view import View
from core.simulation import Simulation

SPARE = 1.15  # times its least, at which the validation loss has risen


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, in a sentence with its number, and the change that would cure it: a button's name and the fields."""

    text: str
    cure: str = ""
    change: dict[str, Any] | None = None


def number(value: float) -> str:
    """A loss or a norm as it is told; one that is not finite, in words."""
    return format_number(value) if math.isfinite(value) else "beyond all numbers"


def where(view: View) -> str:
    """One line: step, epoch, and the error or loss of what can be told."""
    names, place = view.sets, f"**Step {view.step:,}, epoch {view.now.epoch:.1f}.**"
    if view.stopped == "diverged":
        return place
    if view.problem.classes:
        told = ", ".join(f"{name} {format_part(view.now.error[k])}" for k, name in enumerate(names))
        told = f"error: {told}"
    else:
        told = "squared error: " + ", ".join(f"{name} {number(view.now.loss[k])}" for k, name in enumerate(names))
    return f"{place} {told[0].upper()}{told[1:]}."


def diagnose(view: View, run: Simulation) -> Diagnosis | None:
    """The first of the faults that the run has, None where it has none."""
    setup, now = view.setup, view.now
    if view.stopped == "diverged":
        return _diverged(setup, run)
    if view.stopped:
        return Diagnosis(_ended(view))
    if view.hidden and view.dead > 0.3 * view.hidden:
        return Diagnosis(f"Dead: {view.dead} of {view.hidden} hidden ReLUs are 0 at every training point and get no gradient.",
                         "Leaky ReLU", dict(activation="leaky_relu"))
    losses = [r.loss for r in view.records if math.isfinite(r.loss[1])]
    least = min((loss[1] for loss in losses), default=math.inf)
    if len(losses) > 5 and now.loss[1] > SPARE * least + 0.01 and now.loss[0] < now.loss[1]:
        text = (f"Over-fitting: the validation loss is {number(now.loss[1])} and was {number(least)} at its least, the training "
                f"loss is {number(now.loss[0])}.")
        return Diagnosis(text, *(("L2 of 0.01", dict(l2=0.01)) if setup.l2 < 0.01 else ()))
    return _stuck(view)


def _diverged(setup: Setup, run: Simulation) -> Diagnosis:
    curvature, rate = run.curvature(), run.rate
    text = "Diverged: the loss is not finite any more."
    if setup.method == "sgd" and not setup.clip and math.isfinite(curvature) and rate * curvature > 2:
        text += f" ε λ = {rate:g} × {number(curvature)} = {number(rate * curvature)} > 2, with λ the largest curvature there."
    lower = max((rate for rate in RATES if rate < setup.rate), default=None)
    return Diagnosis(text, *((f"ε = {lower:g}", dict(rate=lower)) if lower else ()))


def _ended(view: View) -> str:
    setup = view.setup
    if view.stopped == "epochs":
        return f"Stopped: {setup.epochs} epochs are done."
    if view.stopped == "loss":
        return f"Stopped: the validation loss is {number(view.now.loss[1])}, at most {setup.until:g}."
    return f"Stopped: for {setup.patience} epochs the validation loss has not fallen below that of step {view.best:,}."


def _stuck(view: View) -> Diagnosis | None:
    """Where the objective has not moved over the last half of a run that is still wrong."""
    records = [r for r in view.records if r.step >= view.step / 2]
    if view.step < 500 or len(records) < 5:
        return None
    first, last = records[0].objective, view.now.objective
    bad = view.now.error[0] > 0.2 if view.problem.classes else view.now.loss[0] > 0.2
    if not bad or not math.isfinite(last) or abs(first - last) > 0.02 * abs(first):
        return None
    since = view.step - records[0].step
    text = f"Plateau: over the last {since:,} steps the objective moved by less than 2\u00a0%, at {number(last)}."
    if not view.hidden:
        return Diagnosis(f"{text} Without hidden layers boundaries are straight in the inputs.", "Two hidden layers",
                         dict(hidden=(6.0, 4.0)))
    strong = max(("l1", "l2", "dropout"), key=lambda name: getattr(view.setup, name))
    if getattr(view.setup, strong) >= 0.03:
        return Diagnosis(text, f"Without {strong.upper() if strong != 'dropout' else strong}", {strong: 0.0})
    if view.setup.method != "adam":
        return Diagnosis(text, "Adam, ε = 0.01", dict(method="adam", rate=0.01))
    return Diagnosis(text)


def alt_texts(view: View) -> dict[str, str]:
    """Panel -> what is to be seen on it."""
    problem, now = view.problem, view.now
    sizes = "-".join(str(n) for n in (len(view.setup.inputs), *view.setup.widths, problem.outputs))
    layers = [f"layer {k + 1}" for k in range(len(view.weights) - 1)] + ["out"]

    def by_set(values: Sequence[float], tell: Callable[[float], str]) -> str:
        return ", ".join(f"{name} set {tell(value)}" for name, value in zip(SETS, values, strict=True) if name in view.sets)

    wrong = (f"Share that is wrong against the step: {by_set(now.error, format_part)}." if problem.classes else
             f"Root mean squared error against the step: {by_set([loss**0.5 for loss in now.loss], number)}.")
    averaged = f" Of the averaged net: {by_set(now.averaged, number)}." if now.averaged else ""
    return {
        "surface": f"The plane, coloured by the net's answer at step {view.step}, with {problem.size} training points. "
                   + _right(view),
        "net": f"The net {sizes} with each unit's response over the plane. {now.zeros} weights are exactly zero.",
        "losses": "Losses against the step, logarithmic. "
                  f"Minimised: {number(now.objective)}; {by_set(now.loss, number)}.{averaged}",
        "errors": wrong,
        "gradients": "Norm of the gradient by layer: " + ", ".join(number(value) for value in view.gradients) + ".",
        "weights": f"Histogram of the weights by layer. Largest size: {_largest(layers, view.weights)}.",
        "activations": "Histogram of the activations by layer over the training set. "
                       f"Largest size: {_largest(layers, view.activations)}.",
    }


def _right(view: View) -> str:
    """How many of each class in the training set the net says right; "" for a regression."""
    if not view.problem.classes:
        return ""
    table = view.confusion("training")
    told = [f"{int(row[k])} of {int(row.sum())} of {view.problem.names[k]}" for k, row in enumerate(table) if int(row.sum())]
    return f"Right are {join_words(told)}."


def _largest(layers: Sequence[str], values: Sequence[Tensor]) -> str:
    return ", ".join(f"{name} {number(float(value.abs().max()))}" for name, value in zip(layers, values, strict=True))
