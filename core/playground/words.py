"""What is said of a run at one moment: a line that tells where it is, a diagnosis, and the alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from core.formatting import format_count, format_number, format_part, format_percent, join_words
from core.playground.data import SETS
from core.playground.history import Record
from core.playground.setup import METHODS, RATES, Setup
from core.playground.view import View
from core.simulation import Simulation

SPARE = 1.15  # times its least, at which the validation loss has risen
LONG = 1000  # steps after which a net that is still wrong is called too small
FLAT, SLOW = 0.02, 0.1  # share by which the objective moves over the last half of a run that stands, or that has too small a net
SMALL, LARGER = 7, (8.0, 8.0)  # hidden units of a small net; the layers of a larger one
# From where on a regulariser is strong.
STRONG: Mapping[str, float] = MappingProxyType({"l1": 0.03, "l2": 0.03, "decay": 0.3, "dropout": 0.5, "input_noise": 1.0,
                                                "weight_noise": 0.5})


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, in a sentence with its number, and the change that would cure it: a button's name and the fields.

    afresh: whether the run is to begin again with it, as the weights have gone where there is no way back from."""

    text: str
    cure: str = ""
    change: dict[str, Any] | None = None
    afresh: bool = False


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
    if view.stopped == "diverged":
        return _diverged(view, run)
    if view.stopped:
        return Diagnosis(_ended(view))
    relus = sum(n for n, name in zip(view.setup.widths, view.setup.activations, strict=True) if name == "relu")
    if relus and view.dead > 0.3 * relus:
        return Diagnosis(f"Dead: {view.dead} of {relus} hidden ReLUs are 0 at every training point, so the training loss gives "
                         "them no gradient.", "Leaky ReLU", dict(activation="leaky_relu"))
    return _over_fitted(view) or _stuck(view, run)


def _over_fitted(view: View) -> Diagnosis | None:
    """Where the validation loss has risen while the training loss went on falling. Where both have risen, the run was thrown
    back or is held, and a regulariser would make it worse."""
    losses, now = [r.loss for r in view.records if math.isfinite(r.loss[1])], view.now
    if len(losses) <= 5:
        return None
    best = min(losses, key=lambda loss: loss[1])
    if not now.loss[1] > SPARE * best[1] + 0.01 or now.loss[0] >= min(best[0], now.loss[1]):
        return None
    text = (f"Over-fitting: the validation loss is {number(now.loss[1])} and was {number(best[1])} at its least, while the "
            f"training loss has fallen from {number(best[0])} to {number(now.loss[0])}.")
    more = next((value for value in (0.01, 0.03, 0.1) if value > view.setup.l2), None)
    return Diagnosis(text, *((f"L2 of {more:g}", dict(l2=more)) if more else ()))


def _diverged(view: View, run: Simulation) -> Diagnosis:
    setup = view.setup
    lower = max((rate for rate in RATES if rate < setup.rate), default=None)
    text = f"Diverged: the loss is not finite any more.{_bound(setup, run) or _rise(view, run)}"
    return Diagnosis(text, *((f"ε = {lower:g}", dict(rate=lower), True) if lower else ()))


def _bound(setup: Setup, run: Simulation) -> str:
    """The inequality that is broken: of weight decay alone, or, for a method whose steps follow the curvature, that of a
    quadratic loss."""
    alpha = setup.alpha
    if run.rate * setup.decay > 2:
        return (f" Weight decay multiplies each weight by 1 − {run.rate:.3g} × {setup.decay:g} = "
                f"{format_number(1 - run.rate * setup.decay)} a step, beyond −1.")
    bounds = {"sgd": (2.0, "2"), "momentum": (2 * (1 + alpha), "2 (1 + α)"),
              "nesterov": (2 * (1 + alpha) / (1 + 2 * alpha), "2 (1 + α) / (1 + 2α)")}
    curvature, rate = run.curvature(), run.rate
    if setup.method not in bounds or setup.clip or not math.isfinite(curvature) or rate * curvature <= bounds[setup.method][0]:
        return ""
    bound, formula = bounds[setup.method]
    told = formula if setup.method == "sgd" else f"{formula} = {number(bound)}"
    return (f" ε $\\lambda_{{\\max}}$ = {rate:.3g} × {number(curvature)} = {number(rate * curvature)} > {told}, with "
            "$\\lambda_{\\max}$ the largest curvature there.")


def _rise(view: View, run: Simulation) -> str:
    """How the objective rose, and what a step of the method is, where no bound by the curvature is broken."""
    first, last = view.records[0], view.records[-1]
    rose = f" What is minimised was {number(first.objective)} at step 0 and {number(last.objective)} at step {last.step:,}."
    name = METHODS[view.setup.method]
    if view.setup.method in ("adam", "rmsprop"):
        return f"{rose} {name} moves each weight by about ε = {run.rate:.3g} a step, however small its gradient is."
    if view.setup.method == "adagrad":
        return f"{rose} {name}'s first step moves each weight by ε = {view.setup.rate:g}, however small its gradient is."
    return f"{rose} ε = {run.rate:.3g}."


def _ended(view: View) -> str:
    setup = view.setup
    if view.stopped == "epochs":
        return f"Stopped: {setup.epochs} epochs are done."
    if view.stopped == "loss":
        return f"Stopped: the validation loss is {number(view.now.loss[1])}, at most {setup.until:g}."
    return f"Stopped: for {setup.patience} epochs the validation loss has not fallen below that of step {view.best:,}."


def _stuck(view: View, run: Simulation) -> Diagnosis | None:
    """Where a run that is still wrong does not get better: it under-fits, or it stands on a plateau."""
    half = [r for r in view.records if r.step >= view.step / 2]
    if view.step < 500 or len(half) < 5 or not math.isfinite(view.now.objective):
        return None
    first, now = half[0], view.now
    if not (_wrong(view, first) and _wrong(view, now)):
        return None
    moved = abs(first.objective - now.objective) / max(abs(first.objective), 1e-12)
    if moved > (SLOW if view.step >= LONG else FLAT):
        return None
    return _under_fitted(view, first) or (_plateau(view, run, now.step - first.step) if moved <= FLAT else None)


def _wrong(view: View, record: Record) -> bool:
    """Whether the training set is badly told: by its error, by the loss of a regression beyond that of the heights' noise."""
    if view.problem.classes:
        return record.error[0] > 0.2
    noise = view.setup.noise**2 * (1 + 3 * math.sqrt(2 / view.problem.size))  # of a sample, with three standard deviations
    return record.loss[0] > 0.2 + noise


def _under_fitted(view: View, first: Record) -> Diagnosis | None:
    """Where a strong regulariser holds the net, or where it is small."""
    setup, now = view.setup, view.now
    name, values = ("error", [format_part(r.error[0]) for r in (now, first)]) if view.problem.classes else (
        "loss", [number(r.loss[0]) for r in (now, first)])
    stays = f"the training {name} is {values[0]} and was {values[1]} at step {first.step:,}"
    strong = max(STRONG, key=lambda name: setup.used(name) / STRONG[name])
    if setup.used(strong) >= STRONG[strong]:
        label = Setup.controls()[strong].label
        return Diagnosis(f"Under-fitting: {label} is {setup.used(strong):g}, ‖w‖ = {number(now.norm)}, and {stays}.",
                         f"Without {label}, from the start", {strong: 0.0}, True)
    if not setup.hidden:
        what = "boundaries are straight" if view.problem.classes else "heights are linear"
        return Diagnosis(f"Under-fitting: without hidden layers {what} in the inputs; {stays}.",
                         "Two hidden layers", dict(hidden=LARGER))
    if view.hidden <= SMALL and view.step >= LONG:
        return Diagnosis(f"Under-fitting: with {format_count(view.hidden, 'hidden unit')} {stays}.", "Two layers of 8",
                         dict(hidden=LARGER))
    return None


def _plateau(view: View, run: Simulation, steps: int) -> Diagnosis:
    """Where the objective does not move though the net could do better."""
    setup = view.setup
    gradient = math.sqrt(sum(norm**2 for norm in view.gradients))
    text = (f"Plateau: over the last {steps:,} steps the objective moved by less than {format_percent(FLAT)}, at "
            f"{number(view.now.objective)}; the gradient's norm is {number(gradient)}.")
    if setup.start == "zero" and setup.hidden:
        return Diagnosis(f"{text} From zero all units of a layer stay alike.", "PyTorch's start", dict(start="torch"))
    if run.rate < 0.1 * setup.rate and setup.schedule != "constant":
        return Diagnosis(f"{text} The schedule has brought ε to {format_number(run.rate, 3)}.", "A constant ε",
                         dict(schedule="constant"))
    if setup.method != "adam" or setup.rate < 0.001:
        return Diagnosis(text, "Adam, ε = 0.01", dict(method="adam", rate=0.01))
    if "sigmoid" in setup.activations:
        return Diagnosis(text, "tanh", dict(activation="tanh"))
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
        "net": f"The net {sizes} with each unit's response over the plane. "
               f"{format_count(now.zeros, 'weight')} {'is' if now.zeros == 1 else 'are'} exactly zero.",
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
