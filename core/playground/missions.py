"""Missions: a set-up to begin with, a task in one sentence, and a check that reads the run.

    attempt = Attempt(MISSIONS["spiral"])
    simulation.apply(attempt.mission.setup)
    simulation.advance(500)
    attempt.look(simulation, look(simulation))    # a Verdict: whether it is solved, and what the run says of it

A check is asked at every picture. Some ask for several things one after the other; an Attempt remembers which it has seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch

from core.formatting import format_count, format_number, format_part, join_words
from core.playground.setup import RATES, Setup
from core.playground.view import View
from core.question import Verdict
from core.simulation import Simulation

DATA = ("data", "noise", "samples", "share", "points")
TRAINED = ("method", "rate", "batch", "schedule", "clip", "loss")
NET = ("inputs", "hidden", "activation", "norm", "skips", "start")
STRENGTHS = ("l1", "l2", "decay", "dropout", "input_noise", "weight_noise", "smoothing", "mixup")
REST = 300  # steps after the last change, before which a run has not answered to it
RISEN, NEAR = 1.15, 1.1  # times the least validation loss: it has risen; it is back
Notes = dict[str, Any]


@dataclass(frozen=True)
class Mission:
    """check(run, view, notes) -> Verdict; notes are the attempt's own. keeps: the fields that stay as they are in `setup`."""

    name: str
    task: str
    setup: Setup
    keeps: tuple[str, ...]
    check: Callable[[Simulation, View, Notes], Verdict]


@dataclass
class Attempt:
    """A mission that has been begun, and what its check has seen so far."""

    mission: Mission
    notes: Notes = field(default_factory=dict)
    verdict: Verdict = field(default_factory=lambda: Verdict(False, "Not yet."))

    def look(self, run: Simulation, view: View) -> Verdict:
        """Judges the run as it is now; view: of the same moment. What is solved stays solved."""
        if not self.verdict.right:
            mission = self.mission
            moved = [Setup.controls()[name].label for name in mission.keeps
                     if getattr(run.setup, name) != getattr(mission.setup, name)]
            self.verdict = (Verdict(False, f"Not yet: this mission keeps as it was: {join_words(moved)}.") if moved
                            else mission.check(run, view, self.notes))
        return self.verdict


def rested(run: Simulation) -> int:
    """Steps since the last change of the run, or since its start."""
    return run.step - max((step for step, _ in run.changes), default=0)


def _yet(words: str) -> Verdict:
    return Verdict(False, f"Not yet: {words}")


def _solved(words: str) -> Verdict:
    return Verdict(True, f"Solved: {words}")


def _spiral(run: Simulation, view: View, _: Notes) -> Verdict:
    units, error = sum(run.setup.widths), view.now.error[2]
    said = f"test error {format_part(error)} with {format_count(units, 'hidden unit')}."
    return _solved(said) if units <= 12 and error < 0.05 else _yet(said)


def _no_x2(run: Simulation, view: View, _: Notes) -> Verdict:
    if "x2" not in run.setup.inputs:
        return _yet("x₂ is to stay among the inputs, and L1 to find it.")
    if run.setup.frozen:
        return _yet("no weight is to be held.")
    weights = run.net.views(run.theta)[0].weight[0][:, run.setup.inputs.index("x2")]
    left, error = int((weights != 0).sum()), view.now.error[0]
    said = f"{left} of {len(weights)} weights from x₂ are not zero, training error {format_part(error)}."
    return _solved(said) if not left and error < 0.05 and run.setup.l1 and rested(run) >= 50 else _yet(said)


def _cure(run: Simulation, view: View, notes: Notes) -> Verdict:
    on = [name for name in STRENGTHS if run.setup.used(name)]
    now = view.now
    if "best" not in notes:
        least = min((r.loss[1] for r in view.records), default=math.inf)
        if not on and now.loss[1] > RISEN * least and now.loss[0] < now.loss[1]:
            notes.update(best=least, step=run.step, cures={})
        else:
            return _yet(f"validation loss {_told(now.loss[1])}, {_told(least)} at its least. Without a regulariser, let it rise.")
    near, cures = NEAR * notes["best"], notes["cures"]
    if len(on) == 1 and run.step >= notes["step"] and rested(run) >= REST and now.loss[1] <= near:
        cures[on[0]] = Setup.controls()[on[0]].label
    if len(cures) >= 3:
        return _solved(f"{join_words(list(cures.values()))} each brought the validation loss back to {_told(near)} or less.")
    which = f"cured by {join_words(list(cures.values()))}. " if cures else ""
    return _yet(f"{which}One regulariser at a time, for {REST} steps and beyond step {notes['step']:,}: validation loss "
                f"{_told(now.loss[1])}, at most {_told(near)} is asked.")


def _largest_rate(run: Simulation, view: View, notes: Notes) -> Verdict:
    held, lost = notes.setdefault("held", set()), notes.setdefault("lost", set())
    rate = run.setup.rate
    if run.stopped == "diverged":
        lost.add(rate)
    elif rested(run) >= REST and view.now.objective <= view.records[0].objective:
        held.add(rate)
    for low, high in pairwise(RATES):
        if low in held and high in lost:
            return _solved(f"{REST} steps at ε = {low:g} do not diverge, at ε = {high:g} they do.")
    if not lost:
        return _yet("nothing has diverged.")
    known = f" ε = {max(held):g} does not for {REST} steps." if held else ""
    return _yet(f"ε = {min(lost):g} diverges.{known} Which is the largest of the slider that does not?")


def _dead(run: Simulation, view: View, _: Notes) -> Verdict:
    said = f"{view.dead} of {view.hidden} ReLUs are 0 at every training point."
    return _solved(said) if 2 * view.dead >= view.hidden and run.step else _yet(said)


def _linear(run: Simulation, view: View, _: Notes) -> Verdict:
    error = view.now.error[2]
    said = f"test error {format_part(error)} with {len(run.setup.inputs)} inputs."
    return _solved(said) if error < 0.05 else _yet(said)


FEWEST = 50


def _fast(_: Simulation, view: View, __: Notes) -> Verdict:
    first = next((r.step for r in view.records if r.loss[1] <= 0.05), None)
    if first is None:
        return _yet(f"validation loss {_told(view.now.loss[1])} after {view.step:,} steps.")
    said = f"the validation loss is at most 0.05 from step {first:,} on."
    return _solved(said) if first <= FEWEST else _yet(f"{said} At most {FEWEST} steps are asked.")


def _modest(run: Simulation, view: View, _: Notes) -> Verdict:
    others = [Setup.controls()[name].label for name in STRENGTHS if name != "smoothing" and run.setup.used(name)]
    if others:
        return _yet(f"label smoothing alone, without {join_words(others)}.")
    with torch.inference_mode():
        out = run.forward(run.theta, run.inputs[:, :, : run.problem.size], run.supervised.stats)
    surest, error = float(out.abs().max().sigmoid()), view.now.error[0]
    said = f"the surest answer is {format_part(surest)}, training error {format_part(error)}, {rested(run):,} steps."
    return _solved(said) if surest <= 0.9 and error < 0.05 and rested(run) >= 1000 else _yet(said)


def _vanished(_: Simulation, view: View, notes: Notes) -> Verdict:
    first, last = view.gradients[0], view.gradients[-1]
    ratio = first / last if last > 0 and math.isfinite(first) and math.isfinite(last) else math.nan
    notes["seen"] = notes.get("seen", False) or ratio < 1e-3
    if math.isnan(ratio):
        return _yet("there is no gradient to compare with.")
    error = view.now.error[2]
    said = f"layer 1's gradient is {format_number(ratio)} times the output's, test error {format_part(error)}."
    return _solved(said) if notes["seen"] and ratio >= 0.05 and error < 0.1 else _yet(said)


LOOKS = 10


def _average(run: Simulation, view: View, notes: Notes) -> Verdict:
    if run.average is None:
        return _yet("no average of the weights is kept.")
    looks = notes.setdefault("looks", [])
    if looks and looks[-1][0] > run.step:  # it was rewound
        looks.clear()
    if rested(run) >= REST and (not looks or run.step >= looks[-1][0] + 10):
        averaged = run.measure(run.average.theta, run.average.stats)
        looks.append((run.step, view.now.loss[1], averaged.loss[1]))
        del looks[:-LOOKS]
    if len(looks) < LOOKS:
        return _yet(f"{len(looks)} of {LOOKS} looks, from {REST} steps after the last change on.")
    plain, averaged = (sum(look[k] for look in looks) / LOOKS for k in (1, 2))
    said = f"mean validation loss over {LOOKS} looks: averaged {_told(averaged)}, the net itself {_told(plain)}."
    return _solved(said) if averaged <= 0.9 * plain else _yet(said)


def _told(value: float) -> str:
    return format_number(value) if math.isfinite(value) else "beyond all numbers"


# Left and right, each left point with one of the same height on the right: x₂ says nothing.
_HEIGHTS = tuple(range(60, 1000, 46))
_SIDES = tuple((i + 40 * (k % 3), j, c) for c, i in enumerate((280, 640)) for k, j in enumerate(_HEIGHTS))

MISSIONS: Mapping[str, Mission] = MappingProxyType({
    "spiral": Mission(
        "A spiral with few units", "Separate the spiral with at most 12 hidden units: test error below 5\u00a0%.",
        Setup(data="spiral", noise=0.05, samples=400, hidden=(4.0,)), DATA, _spiral),
    "no_x2": Mission(
        "Switch x₂ off", "Here x₂ says nothing: make L1 set every weight from x₂ to exactly zero, training error below 5\u00a0%.",
        Setup(data="drawn", points=_SIDES), DATA, _no_x2),
    "cure": Mission(
        "Over-fit, then cure it in three ways",
        "Let the validation loss rise, then bring it back near its least by three different regularisers, one at a time.",
        Setup(data="moons", noise=0.5, samples=200, share=20, hidden=(32.0, 32.0), method="adam", rate=0.01),
        (*DATA, *NET, *TRAINED, "seed"), _cure),
    "rate": Mission(
        "The largest learning rate", "Make it diverge, then find the largest learning rate of the slider at which it does not.",
        Setup(data="plane", hidden=(), rate=0.01, batch=1000),
        (*DATA, *NET, "method", "batch", "schedule", "clip", "seed", "averaging", "frozen", *STRENGTHS), _largest_rate),
    "dead": Mission(
        "Kill the ReLUs", "Train so that at least half of the ReLUs are 0 at every training point.",
        Setup(hidden=(8.0,), activation="relu"), (*DATA, "activation", "hidden", "start"), _dead),
    "linear": Mission(
        "Circles by a linear model",
        "Without a hidden layer, choose inputs that bring the test error of the circles below 5\u00a0%.",
        Setup(hidden=()), (*DATA, "hidden"), _linear),
    "fast": Mission(
        "In fifty steps", f"Bring the circles' validation loss to 0.05 in at most {FEWEST} steps from the start.",
        Setup(), (*DATA, "loss"), _fast),
    "modest": Mission(
        "Not too sure",
        "By label smoothing alone, keep every answer on the training set at most 90\u00a0% sure after 1,000 steps, "
        "training error below 5\u00a0%.",
        Setup(data="gaussians", method="adam", rate=0.01), (*DATA, "hidden", "loss"), _modest),
    "vanished": Mission(
        "Bring the gradient back",
        "Through six sigmoid layers the gradient vanishes: with six layers still, bring layer 1's to a twentieth of the "
        "output's, test error below 10\u00a0%.",
        Setup(hidden=(6.0,) * 6, activation="sigmoid"), (*DATA, "hidden", "seed"), _vanished),
    "average": Mission(
        "Better on average",
        "One sample a step makes a noisy net: average its weights until the averaged net's validation loss is a tenth lower.",
        Setup(data="moons", noise=0.3, batch=1, rate=1.0),
        (*DATA, "batch", "rate", "method", "schedule", "hidden"), _average),
})
