"""Pictures of regulariser_bench: paired differences, what the nets say of the plane, what each search cost, the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number, format_part
from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.bench import PARTS
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, METHODS
from core.lessons.regulariser_bench.standing import STOPPING, UNTUNED, Standing, ends, standings
from core.lessons.regulariser_bench.words import called, setting
from figures import style
from figures.kinds import INKED, SIGNED, Cell, ImageGrid, Kind, Overlay, Table, levels

SHOWN = 40  # digits of the set-up
PIXELS = 25  # of a plane, across and up
HALF = PARTS.index(16)  # the record at half of the run, before which learning rates decide all
FINAL, BEST = -0.16, 0.2  # where the two marks of a row stand


def legend(result: Result) -> list[tuple[str, str, str]]:  # noqa: ARG001
    return [("test loss", style.colour("test"), "solid"), ("early stopping", style.colour("stopped"), "solid")]


def frames(result: Result) -> list[int]:
    """The records that the player shows: those that the baseline has, from half of the run on."""
    count = len(result.arm(BASELINE).val) if result.arms else 1
    return list(range(min(HALF, count - 1), count))


def labels(result: Result) -> list[str]:
    return [f"after {result.recorded[r]} update{'s' * (result.recorded[r] != 1)}" for r in frames(result)]


def forest(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """Paired differences from the tuned baseline, a row for each search: where it ends, and at its best record."""
    found = standings(result)
    rows = [one.name for one in found] or [BASELINE]
    at = frames(result)
    tuned, _ = ends(result.arm(BASELINE))
    intervals = {name: _differences(result, name, tuned[at], at) for name in rows}
    spread = np.stack([np.stack([mean - half, mean + half]) for both in intervals.values() for mean, half in both])
    marks = [trace for k, where in enumerate((FINAL, BEST)) for trace in _marks(rows, intervals, k, where)]
    low, high = float(np.nanmin(spread)), float(np.nanmax(spread))
    room = 0.05 * max(high - low, 1e-3)
    y = [-0.6, len(rows) - 0.4]
    lines = [dict(type="scatter", x=[0, 0], y=y, mode="lines", hoverinfo="skip", showlegend=False,
                  line=dict(color=style.MUTED, width=1.6))]
    if found:
        stop = intervals[STOPPING][0][0]
        line = dict(type="scatter", x=[stop[-1]] * 2, y=y, mode="lines", showlegend=False,
                    line=dict(color=style.colour("stopped"), width=2.6), hovertemplate="early stopping: %{x:.3f}<extra></extra>")
        lines.append(style.frames(line, x=np.stack([stop, stop], 1)))
    return style.figure(
        [*lines, *marks], x="test loss minus the tuned baseline's (nats)", showlegend=False,
        xaxis=dict(range=[low - room, high + room]),
        yaxis=dict(range=y[::-1], tickvals=list(range(len(rows))), ticktext=[called(name) for name in rows], ticks="",
                   showline=False, showgrid=False))


Both = tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _differences(result: Result, name: str, tuned: torch.Tensor, at: list[int]) -> Both:
    """(means, halves) [F] of final and of best losses less the baseline's final one, at every frame."""
    if name == UNTUNED:
        arm = result.arm(BASELINE)
        both = arm.test[:, 0], pairs.best(arm.val[:, :1], arm.test[:, :1])
    else:
        both = ends(result.arm(name))
    final, best = (tuple(style.array(part) for part in pairs.intervals(loss[at] - tuned)) for loss in both)
    return final, best  # pyright: ignore[reportReturnType]


def _marks(rows: list[str], intervals: dict[str, Both], which: int, where: float) -> list[style.Trace]:
    """Intervals and their means in all rows."""
    mean, half = (np.stack([intervals[name][which][k] for name in rows], 1) for k in (0, 1))  # [F, A]
    y = np.arange(len(rows)) + where
    gap = np.full_like(mean, np.nan)
    x = np.stack([mean - half, mean + half, gap], -1).reshape(len(mean), -1)
    what = ("at the end", "at its lowest validation loss")[which]
    told = np.stack([mean - half, mean + half], -1)
    bars = dict(type="scatter", x=x[-1], y=np.repeat(y, 3), mode="lines", hoverinfo="skip", showlegend=False, cliponaxis=False,
                line=dict(color=style.colour("test", 1 if which == 0 else 0.55), width=(4.5, 2)[which]))
    dots = dict(type="scatter", x=mean[-1], y=y, mode="markers", showlegend=False, text=[called(name) for name in rows],
                customdata=told[-1], cliponaxis=False,
                marker=dict(size=(11, 8)[which], symbol=("circle", "diamond-open")[which], color=style.colour("test"),
                            line=dict(width=(1, 2)[which], color=style.PAPER if which == 0 else style.colour("test"))),
                hovertemplate=f"%{{text}}, {what}: %{{x:.3f}}, from %{{customdata[0]:.3f}} to %{{customdata[1]:.3f}}"
                              "<extra></extra>")
    return [style.frames(bars, x=x), style.frames(dots, x=mean, customdata=told)]


def boundaries(result: Result, scene: Config) -> ImageGrid:  # noqa: ARG001
    """P(class B) over the plane by the first seed's chosen nets, in the order of their losses."""
    order = [one.name for one in standings(result) if one.name != UNTUNED]
    points = _outlines(result)
    cells = []
    for name in order:
        sheet = result.arm(name).sheet
        assert sheet is not None
        cells.append(Cell(images=levels(sheet.flip(0)[None], 0, 1), labels=(METHODS[name].name,), overlays=points,
                          alt=f"the plane by {called(name)}"))
    return ImageGrid(cells=tuple(cells), columns=4, scale=SIGNED, low=0, high=1, quantity=f"P(class {result.names[1]})")


def _outlines(result: Result) -> tuple[Overlay, ...]:
    """Training points of the first seed in the pixels of a sheet: circles of the first class, squares of the second."""
    x, y = result.samples.x[0], result.samples.y[0]
    side = len(result.across)
    low = torch.stack([result.across[0], result.up[0]])
    high = torch.stack([result.across[-1], result.up[-1]])
    across, up = ((x - low[:, None]) / (high - low)[:, None] * (side - 1) + 0.5).tolist()
    paths = {0: "", 1: ""}
    for a, b, c in zip(across, up, y.tolist(), strict=True):
        v, r = side - b, 0.36
        paths[c] += (f"M{a - r:.2f} {v:.2f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0" if c == 0 else
                     f"M{a - r:.2f} {v - r:.2f}h{2 * r}v{2 * r}h{-2 * r}Z")
    return tuple(Overlay(paths=(path,), colour=style.INK) for path in paths.values() if path)


def costs(result: Result, scene: Config) -> Table:  # noqa: ARG001
    """What validation chose, what that is worth on test samples, and what the search cost."""
    rows = [_row(result, one) for one in standings(result) if one.name != UNTUNED]
    columns = "search", "chosen", "final (nats)", "best (nats)", "wrong", "nets a seed", "CPU (ms)"
    return Table(columns=columns, rows=tuple(rows))


def _row(result: Result, one: Standing) -> tuple[str | float, ...]:
    arm = result.arm(one.name)
    picks = pairs.choose(arm.val[-1]).tolist()
    most = max(sorted(set(picks)), key=picks.count)
    loss = [format_number(v, 3) if v == v else "diverged" for v in (one.loss, one.best)]
    return (called(one.name), setting(result, one.name, most), *loss, format_part(one.error) if one.error == one.error else "–",
            arm.nets, round(1000 * arm.seconds, 1))


def setup(result: Result, scene: Config) -> go.Figure | Kind:  # noqa: ARG001
    """Training samples of the first seed with the labels that the nets are given."""
    if len(result.names) > 2:
        return _digits(result)
    x, y = result.samples.x[0], result.samples.y[0]
    titles = ("x₁", "x₂")
    if not len(result.across):  # of thirty measures, two
        titles = ("mean radius (standardised)", "mean texture (standardised)")
    traces = [dict(type="scatter", x=style.array(x[0, y == c]), y=style.array(x[1, y == c]), mode="markers", name=name,
                   showlegend=True, marker=dict(size=9, symbol=("circle", "square")[c], line=dict(width=1, color=style.PAPER),
                                                color=style.colour(("class_a", "class_b")[c])),
                   hovertemplate=f"{name}<extra></extra>") for c, name in enumerate(result.names)]
    return style.figure(traces, x=titles[0], y=titles[1])


def _digits(result: Result) -> ImageGrid:
    x, y = result.samples.x[0], result.samples.y[0]
    count = min(SHOWN, x.shape[1])
    return ImageGrid(cells=tuple(Cell(images=levels(x[:, i].unflatten(0, (8, 8))[None], 0, 1), labels=(str(int(y[i])),),
                                      alt=f"a digit labelled {int(y[i])}") for i in range(count)),
                     columns=10, pixelated=True, scale=INKED, quantity="ink")


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:  # noqa: ARG001
    """Paired differences of some regularisers, and the line of early stopping."""
    found = [one for one in standings(result) if one.name not in (UNTUNED, BASELINE)]
    stop = next((one.apart.mean for one in found if one.name == STOPPING), 0.0)
    rows = found[1::3][:4]
    bars = [style.mark("line", [one.apart.low, one.apart.high], [-k, -k], "test", width=4) for k, one in enumerate(rows)]
    dots = style.mark("dots", [one.apart.mean for one in rows], [-k for k in range(len(rows))], "test")
    line = style.mark("line", [stop, stop], [0.7, -3.7], "stopped", width=3)
    low, high = min((one.apart.low for one in rows), default=-1.0), max((one.apart.high for one in rows), default=1.0)
    return style.thumbnail(line, *bars, dots, x=(min(low, stop) - 0.01, max(high, stop) + 0.01), y=(-3.8, 0.8))
