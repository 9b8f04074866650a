"""Pinned runs beside the run that trains: their curves in the picture of the losses, and a table of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.formatting import format_percent
from core.playground.data import SETS
from core.playground.pins import LETTERS, Pin, differences
from core.playground.view import View
from figures import style
from figures.kinds import Table
from figures.playground.pictures import FLOOR, TOP, decades

DASHES = dict(zip(LETTERS, ("dot", "dashdot", "longdash", "longdashdot"), strict=True))
POINTS = 100  # of a curve, which is sent again with each picture
NEAR = 0.05  # of an axis, within which two labels would lie on each other


def is_drawn(pin: Pin, view: View) -> bool:
    """Whether its loss is the one of the picture's axis."""
    return pin.setup.minimised == view.setup.minimised


def curve(pin: Pin) -> tuple[str, np.ndarray, np.ndarray]:
    """The set, steps [n] and losses [n], n at most POINTS: of the validation set, of the training set where there is none."""
    name = SETS[1] if np.isfinite(pin.now.loss[1]) or np.isfinite(pin.records[0].loss[1]) else SETS[0]
    at = np.unique(np.linspace(0, len(pin.records) - 1, min(POINTS, len(pin.records))).round().astype(int))
    records = [pin.records[k] for k in at]
    losses = np.array([r.loss[SETS.index(name)] for r in records])
    drawn = np.where(np.isfinite(losses), np.clip(losses, FLOOR, TOP), np.nan).astype(np.float32)
    return name, np.array([r.step for r in records], np.int32), drawn


def with_pins(figure: go.Figure, view: View, pins: Sequence[Pin]) -> go.Figure:
    """Adds to the picture of the losses the pinned runs' curves, each with a dash of its own and its letter at its end.

    Both axes grow as far as the curves need it. Returns the figure.
    """
    drawn = [(pin, *curve(pin)) for pin in pins if is_drawn(pin, view)]
    if not drawn:
        return figure
    end = max(figure.layout.xaxis.range[1], *(float(steps[-1]) for _, _, steps, _ in drawn))
    low, high = figure.layout.yaxis.range
    seen = np.concatenate([losses[np.isfinite(losses)] for *_, losses in drawn])
    if len(seen):
        least, most = decades(seen.tolist())
        low, high = min(low, least), max(high, most)
    traces, ends = [], []
    for pin, name, steps, losses in drawn:
        hue = "train" if name == SETS[0] else name
        traces.append(dict(type="scatter", x=steps, y=losses, mode="lines", name=f"{pin.letter}, {name}",
                           line=dict(color=style.COLOURS[hue][0], dash=DASHES[pin.letter], width=2.2),
                           hovertemplate=f"{pin.letter}, {name}: %{{y:.3g}} at step %{{x}}<extra></extra>"))
        finite = np.flatnonzero(np.isfinite(losses))
        if len(finite):
            ends.append((float(steps[finite[-1]]), float(np.log10(losses[finite[-1]])), pin.letter, hue))
    figure.add_traces(traces)
    figure.update_layout(xaxis=dict(range=[0, 1.04 * end]), yaxis=dict(range=[low, high]),
                         annotations=[*figure.layout.annotations, *_apart(ends, end, high - low)])
    return figure


def _apart(labels: list[tuple[float, float, str, str]], wide: float, tall: float) -> list[dict[str, Any]]:
    """The letters at the ends; of those that would lie on each other the later stands to the right of the earlier."""
    out = []
    for k, (x, y, letter, hue) in enumerate(labels):
        beside = sum(abs(x - a) < NEAR * wide and abs(y - b) < NEAR * tall for a, b, *_ in labels[:k])
        out.append(style.label(x, y, f"<b>{letter}</b>", hue) | dict(xshift=6 + 14 * beside))
    return out


def caption(view: View, pins: Sequence[Pin]) -> str:
    """What is said of the pins below the picture of the losses; "" where there are none."""
    drawn = [pin for pin in pins if is_drawn(pin, view)]
    left = [pin.letter for pin in pins if not is_drawn(pin, view)]
    sets = {curve(pin)[0] for pin in drawn}
    what = " or ".join(name for name in SETS if name in sets)
    said = f" With letters: the {what} loss of the pinned runs." if drawn else ""
    return said + (f" Another loss than this axis', not drawn: {', '.join(left)}." if left else "")


def table(runs: Sequence[Pin]) -> Table:
    """A row for each run, the pinned ones and, at the end, the one that trains."""
    columns = ("run", "what differs", "step", "epoch", "minimised", *(f"{name} loss" for name in SETS),
               *(f"{name} error" for name in SETS), "CPU time")
    rows = []
    for one, differs in zip(runs, differences(runs), strict=True):
        r = one.now
        errors = [format_percent(value, 1) if np.isfinite(value) else "–" for value in r.error]
        note = f"{differs}; diverged" if one.stopped == "diverged" else differs
        losses = [value if np.isfinite(value) else ("–" if np.isnan(value) else "∞") for value in (r.objective, *r.loss)]
        rows.append((one.letter, note, r.step, round(r.epoch, 1), *losses, *errors, f"{one.cpu_seconds:.2f} s"))
    return Table(columns=columns, rows=tuple(rows))
