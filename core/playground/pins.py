"""Runs that are kept to be compared with: what they were trained with, their curves, and what tells them apart."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.playground.data import SETS
from core.playground.history import Record
from core.playground.setup import Setup
from core.playground.view import View
from core.simulation import Simulation

LETTERS = ("A", "B", "C", "D")
NOW = "now"  # what the run that is not pinned is called


@dataclass(frozen=True)
class Pin:
    """A run as it was when it was kept.

    records: its curves, the last one is where it stood. cpu_seconds: of its updates. changed: whether its set-up, or a weight,
    was changed after its start. stopped: as `Simulation.stopped`.
    """

    letter: str
    setup: Setup
    records: tuple[Record, ...]
    cpu_seconds: float
    changed: bool
    stopped: str

    @property
    def now(self) -> Record:
        """The last record."""
        return self.records[-1]


def kept(run: Simulation, letter: str = NOW) -> Pin:
    """The run as it is now."""
    now = run.measure()
    records = (*(record for record in run.history.records if record.step < now.step), now)
    return Pin(letter, run.setup, records, run.cpu_seconds, any(step for step, _ in run.changes), run.stopped)


def seen(view: View, run: Simulation) -> Pin:
    """The run as a picture of it shows it."""
    return Pin(NOW, view.setup, view.records, run.cpu_seconds, any(view.changes), view.stopped)


def pin(pins: Sequence[Pin], run: Simulation) -> tuple[Pin, ...]:
    """The pins and the run under the first letter that is free. Raises ValueError, in a sentence, where all are taken."""
    free = [letter for letter in LETTERS if letter not in {one.letter for one in pins}]
    if not free:
        raise ValueError(f"{len(LETTERS)} runs are pinned already: unpin one of them first.")
    return tuple(sorted((*pins, kept(run, free[0])), key=lambda one: one.letter))


def differences(runs: Sequence[Pin]) -> list[str]:
    """For each run the fields in which any two of the runs differ, as far as they matter in its own set-up."""
    setups = [one.setup for one in runs]
    differing = [(name, control) for name, control in Setup.controls().items()
                 if len({getattr(setup, name) for setup in setups}) > 1]
    names = []
    for one in runs:
        told = [f"{control.label} {control.format_value(getattr(one.setup, name))}{f' {control.unit}' if control.unit else ''}"
                for name, control in differing if one.setup.matters(name)]
        names.append(", ".join([*told, *(["changed on the way"] if one.changed else [])]) or "same set-up")
    return names


COLUMNS = ("run", "step", "epoch", "objective", *(f"{name} loss" for name in SETS), *(f"{name} error" for name in SETS))


def curves_csv(runs: Sequence[Pin]) -> str:
    """The curves of all runs, a record a line; what there is not is empty. Each run is named by its letter and what differs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one, differs in zip(runs, differences(runs), strict=True):
        name = f"{one.letter}: {differs}" if len(runs) > 1 else one.letter
        for r in one.records:
            values = (r.epoch, r.objective, *r.loss, *r.error)
            writer.writerow([name, r.step, *("" if math.isnan(value) else repr(float(value)) for value in values)])
    return out.getvalue()
