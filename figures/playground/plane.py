"""The plane with the net's answer and the samples: in a figure, and as a pad to draw on.

What a pointer is told of a sample: its set and class, what the net says of it, and of how many of that class in that set it says
the same. Of any other place it is told the net's answer there, with these counts of every class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.drawings import LEVELS
from core.playground.data import FRAME
from core.playground.view import SIDE, View
from figures import style
from figures.kinds import PointsPad, levels
from figures.wire import rounded

CLASSES = ("class_a", "class_b", "class_c", "class_d", "class_e")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross")
SOFT = 1.5  # a height's distance from 0 at which the colour of a regression is at its end
HEIGHTS = 0.5  # between two lines of one height
PALE = 0.55  # opacity of the net's answer, so that points of the same colour stand out
HUGE = 3e38  # stands for what is infinite, which Plotly would leave out


def surface(view: View, tested: bool) -> go.Figure:
    """The net's answer over the plane with the training points; the test points as well where they are asked for.

    Solid lines are where the answer changes, or heights of a regression; dashed ones those of the averaged net.
    """
    problem = view.problem
    x, y = (np.linspace(*ends, SIDE, dtype=np.float32) for ends in problem.frame)
    shown = ("training", "test") if tested and "test" in view.sets else ("training",)
    traces = [_answer(view, x, y, shown)]
    for values, dash in ((view.surface, "solid"), (view.average, "dash")):
        if values is not None:
            traces += [_line(view, x, y, field, dash) for field in borders(style.array(values), problem.classes)]
    traces += [trace for which in shown for trace in _points(view, which)]
    return style.figure(traces, x=problem.axes[0], y=problem.axes[1], equal=problem.frame == (FRAME, FRAME), showlegend=False,
                        xaxis_range=list(problem.frame[0]), yaxis_range=list(problem.frame[1]), xaxis_showgrid=False,
                        yaxis_showgrid=False)


def fine(values: Any) -> np.ndarray:
    """Values of a surface as they travel: to 1/1024, and what is infinite as HUGE; what is no number stays none."""
    values = np.nan_to_num(style.array(values), nan=np.nan, posinf=HUGE, neginf=-HUGE)
    return np.where(np.abs(values) < 1e4, rounded(np.clip(values, -1e4, 1e4), 10), values).astype(np.float32)


def borders(values: np.ndarray, classes: int) -> list[np.ndarray]:
    """Fields [S, S] whose lines are the borders between classes, each border in one field only: 1/2 for two classes, else 0.
    values: as View.surface. Of a regression its heights."""
    if classes <= 2:
        return [fine(values[0])]
    fields = []
    for k in range(classes - 1):
        others = np.delete(values, k, 0)
        with np.errstate(invalid="ignore"):
            field = np.where(others.argmax(0) < k, np.nan, values[k] - others.max(0))
        if (field > 0).any() and (field < 0).any():  # else the line is nowhere
            fields.append(fine(field))
    return fields


def _answer(view: View, x: np.ndarray, y: np.ndarray, shown: Sequence[str]) -> style.Trace:
    problem, values = view.problem, style.array(view.surface)
    heat: dict[str, Any] = dict(type="heatmap", x=x, y=y, opacity=PALE, showscale=False)
    if not problem.classes:
        key = dict(orientation="h", y=1.0, yanchor="bottom", thickness=10, outlinewidth=0, dtick=HEIGHTS,
                   title=dict(text="height", side="top"))
        return heat | dict(z=fine(values[0]), zmin=-SOFT, zmax=SOFT, colorscale=style.PROBABILITY, zsmooth="fast",
                           showscale=True, colorbar=key, hovertemplate="the net says %{z:.3~g}<extra></extra>")
    counts = "".join(f"<br>{_counts(view, which, k)}" for which in shown for k in range(problem.classes)
                     if int(view.confusion(which)[k].sum()))
    if problem.classes == 2:
        first, second = problem.names
        what = f"P({second}) =" if view.setup.minimised == "cross_entropy" else f"from {first} at 0 to {second} at 1:"
        digits = ".2f" if view.setup.minimised == "cross_entropy" else ".3~g"
        return heat | dict(z=fine(values[0]), zmin=0, zmax=1, colorscale=style.PROBABILITY, zsmooth="fast",
                           hovertemplate=f"{what} %{{z:{digits}}}{counts}<extra></extra>")
    colours = hues(problem.classes)
    steps = [[(k + end) / len(colours), colour] for k, colour in enumerate(colours) for end in (0, 1)]
    return heat | dict(z=(values.argmax(0) + 1).astype(np.uint8), zmin=0.5, zmax=len(colours) + 0.5, colorscale=steps,
                       zsmooth=False, hovertemplate=f"the net says class %{{z}}{counts}<extra></extra>")


def hues(classes: int) -> list[str]:
    """The colours of so many classes."""
    return [style.COLOURS[name][0] for name in CLASSES[:classes]]


def _counts(view: View, which: str, k: int) -> str:
    """Of how many samples of a class in a set the net says which class, its own first."""
    row, names = view.confusion(which)[k].tolist(), view.problem.names
    order = [k, *(other for other in range(len(row)) if other != k)]
    told = ", ".join(f"{row[other]} said {names[other]}" for other in order if row[other] or other == k)
    return f"{which} set, {names[k]}: {told}"


def confusions(view: View, which: str) -> str:
    """The counts of all classes that a set has, as a sentence; "" for a regression."""
    classes = range(view.problem.classes)
    return "; ".join(_counts(view, which, k) for k in classes if int(view.confusion(which)[k].sum()))


def _line(view: View, x: np.ndarray, y: np.ndarray, field: np.ndarray, dash: str) -> style.Trace:
    classes = view.problem.classes
    first, last = (-SOFT, SOFT) if not classes else (0.5, 0.5) if classes == 2 else (0, 0)
    return dict(type="contour", x=x, y=y, z=field, showscale=False, hoverinfo="skip",
                contours=dict(coloring="none", start=first, end=last, size=HEIGHTS),
                line=dict(color=style.INK, width=2 if classes else 1, dash=dash))


def _points(view: View, which: str) -> list[style.Trace]:
    problem, part = view.problem, view.problem.part(which)
    x, y = style.array(problem.x[0, :, part]), problem.y[part].numpy()
    score = rounded(style.array(view.score[part]), 12)
    size, edge = (8, style.PAPER) if which == "training" else (6, style.INK)
    about = dict(size=size, line=dict(color=edge, width=1))
    if not problem.classes:
        about["line"] = dict(color=style.MUTED if which == "training" else style.INK, width=1)  # a height of 0 is as the paper
        told = f"{which} set: height %{{marker.color:.3~g}}<br>the net says %{{customdata:.3~g}}<extra></extra>"
        return [dict(type="scatter", x=x[0], y=x[1], mode="markers", customdata=score, hovertemplate=told,
                     marker=about | dict(color=style.array(y), colorscale=style.PROBABILITY, cmin=-SOFT, cmax=SOFT))]
    said = np.array(problem.names)[view.said[part].numpy()]
    measure = "P = %{customdata:.2f}" if view.setup.minimised == "cross_entropy" else "output %{customdata:.3~g}"
    traces = []
    for k, name in enumerate(problem.names):
        at = (y == k).nonzero()[0]
        if not len(at):
            continue
        told = f"{name}, {which} set<br>the net says %{{text}}, {measure}<br>{_counts(view, which, k)}"
        traces.append(dict(type="scatter", x=x[0, at], y=x[1, at], mode="markers", text=said[at].tolist(), customdata=score[at],
                           hovertemplate=f"{told}<extra></extra>",
                           marker=about | dict(color=style.COLOURS[CLASSES[k]][0], symbol=SYMBOLS[k])))
    return traces


def pad(view: View) -> PointsPad:
    """The same plane to draw on: points over the class that the net says. Dots: where the averaged net's answer changes."""
    colours = hues(len(CLASSES))
    answer = style.array(view.surface).argmax(0)
    if view.average is not None:
        said = style.array(view.average).argmax(0)
        border = np.zeros(said.shape, bool)
        border[1:] |= said[1:] != said[:-1]
        border[:, 1:] |= said[:, 1:] != said[:, :-1]
        rows, columns = np.indices(said.shape)
        answer = np.where(border & ((rows + columns) % 2 == 0), len(colours), answer)
    tones = [*colours, style.INK]
    steps = tuple((min(1.0, (k + end) / len(tones) + (1e-4 if k and not end else 0)), tone)
                  for k, tone in enumerate(tones) for end in (0, 1))
    return PointsPad(points=view.setup.points, levels=LEVELS, x=FRAME, y=FRAME, x_title="x₁", y_title="x₂", equal=True,
                     classes=tuple((f"class {k + 1}", colour) for k, colour in enumerate(colours)),
                     background=levels(answer + 0.5, 0, len(tones))[::-1], scale=steps)
