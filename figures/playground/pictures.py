"""The playground's pictures of one moment of a run: the plane, the net, the curves, the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.drawings import LEVELS
from core.playground.data import FRAME, SETS
from core.playground.setup import INPUTS
from core.playground.view import SIDE, View
from figures import style
from figures.kinds import Layer, NetworkDiagram, PointsPad, levels

CLASSES = ("class_a", "class_b", "class_c")
SYMBOLS = ("circle", "square", "triangle-up")
SOFT = 2.0  # a height's distance from 0 at which the colour of a regression is at its end
PALE = 0.55  # opacity of the net's answer, so that points of the same colour stand out
FLOOR = 1e-6  # what is smaller is drawn there on a logarithmic axis


def legend() -> list[tuple[str, str, str]]:
    """Every key of the page."""
    return [("minimised, with penalties", style.INK, "dash"), ("training set", style.COLOURS["train"][0], "solid"),
            ("validation set", style.COLOURS["validation"][0], "solid"), ("test set", style.COLOURS["test"][0], "solid")]


def surface(view: View, tested: bool) -> go.Figure:
    """The net's answer over the plane with the training points; the test points as well where they are asked for."""
    problem = view.problem
    x, y = (np.linspace(*ends, SIDE, dtype=np.float32) for ends in problem.frame)
    traces = _answer(view, x, y)
    if view.average is not None and problem.classes == 2:
        traces.append(_line(x, y, view.average[0] - 0.5, style.INK, dash="dash"))
    traces += _points(view, "training", 8, style.PAPER)
    if tested:
        traces += _points(view, "test", 6, style.INK)
    return style.figure(traces, x=problem.axes[0], y=problem.axes[1], equal=problem.frame == (FRAME, FRAME), showlegend=False,
                        xaxis_range=list(problem.frame[0]), yaxis_range=list(problem.frame[1]), xaxis_showgrid=False,
                        yaxis_showgrid=False)


def _answer(view: View, x: np.ndarray, y: np.ndarray) -> list[style.Trace]:
    problem, values = view.problem, style.array(view.surface)
    heat: dict[str, Any] = dict(type="heatmap", x=x, y=y, zsmooth="fast", colorscale=style.PROBABILITY, showscale=False,
                                hoverinfo="none", opacity=PALE)
    if problem.outputs > 1:
        margins = np.stack([value - np.delete(values, k, 0).max(0) for k, value in enumerate(values)])
        colours = [style.COLOURS[name][0] for name in CLASSES]
        steps = [[(k + at) / 3, colour] for k, colour in enumerate(colours) for at in (0, 1)]
        z = levels(values.argmax(0), 0, 2)
        return [heat | dict(z=z, zmin=-64, zmax=319, colorscale=steps, zsmooth=False),
                *(_line(x, y, margin, colour) for margin, colour in zip(margins, colours, strict=True))]
    if not problem.classes:
        return [heat | dict(z=levels(values[0], -SOFT, SOFT), zmin=0, zmax=255)]
    return [heat | dict(z=levels(values[0], 0, 1), zmin=0, zmax=255), _line(x, y, values[0] - 0.5, style.INK)]


def pad(view: View) -> PointsPad:
    """The same plane to draw on: points of three classes over the net's answer."""
    colours = [style.COLOURS[name][0] for name in CLASSES]
    steps = tuple((min(1.0, k / 3 + at), colour) for k, colour in enumerate(colours) for at in (1e-4 if k else 0.0, 1 / 3))
    answer = levels(style.array(view.surface).argmax(0), 0, 2)[::-1]
    return PointsPad(points=view.setup.points, levels=LEVELS, x=FRAME, y=FRAME, x_title="x₁", y_title="x₂", equal=True,
                     classes=tuple(zip(view.problem.names, colours, strict=True)), background=answer, scale=steps)


def _line(x: np.ndarray, y: np.ndarray, z: Any, colour: str, **line: Any) -> style.Trace:
    return dict(type="contour", x=x, y=y, z=style.array(z), showscale=False, hoverinfo="skip",
                contours=dict(coloring="none", start=0, end=0, size=1), line=dict(color=colour, width=2, **line))


def _points(view: View, which: str, size: int, edge: str) -> list[style.Trace]:
    problem, part = view.problem, view.problem.part(which)
    x, y = style.array(problem.x[0, :, part]), problem.y[part]
    about = dict(size=size, line=dict(color=edge, width=1))
    if not problem.classes:
        return [dict(type="scatter", x=x[0], y=x[1], mode="markers",
                     hovertemplate=f"{which}: %{{marker.color:.2f}}<extra></extra>",
                     marker=about | dict(color=style.array(y), colorscale=style.PROBABILITY, cmin=-SOFT, cmax=SOFT))]
    return [dict(type="scatter", x=x[0, at], y=x[1, at], mode="markers", marker=about | dict(color=style.COLOURS[CLASSES[k]][0],
                 symbol=SYMBOLS[k]), hovertemplate=f"{which}: {name} (%{{x:.2f}}, %{{y:.2f}})<extra></extra>")
            for k, name in enumerate(problem.names) if len(at := (y.numpy() == k).nonzero()[0])]


def net(view: View) -> NetworkDiagram:
    """The net with each unit's response over the plane, blue below zero and orange above, at its own scale."""
    outputs = view.problem.names if view.problem.outputs > 1 else ("output",)
    names = ([INPUTS[name] for name in view.setup.inputs], *([str(k + 1) for k in range(n)] for n in view.setup.widths), outputs)
    titles = ("inputs", *(f"layer {k + 1}" for k in range(len(view.setup.widths))), "out")
    layers = tuple(Layer(name=title, units=tuple(units), images=_responses(values),
                         ranges=np.stack([values.min((1, 2)), values.max((1, 2))], 1)[None])
                   for title, units, values in zip(titles, names, map(style.array, view.units), strict=True))
    return NetworkDiagram(layers=layers, weights=tuple(style.array(w)[None] for w in view.weights),
                          biases=tuple(style.array(b)[None] for b in view.biases), axes=view.problem.axes,
                          held=view.setup.frozen, editable=True)


def _responses(values: np.ndarray) -> np.ndarray:
    """[1, H, s, s] of levels, upright; 128 is zero, the ends are each unit's largest size."""
    most = np.maximum(np.abs(values).max((1, 2), keepdims=True), 1e-12)
    return levels(values / most, -1, 1)[None, :, ::-1]


def losses(view: View) -> go.Figure:
    """What is minimised and the loss of each set, against the step."""
    steps = np.array([r.step for r in view.records], np.int32)
    curves = [style.theory(steps, [r.objective for r in view.records], "minimised")]
    for k, name in enumerate(SETS):
        if name in view.sets:
            curves.append(dict(type="scatter", x=steps, y=style.array([r.loss[k] for r in view.records]), mode="lines",
                               line=dict(color=_hue(name), width=2.2), name=name,
                               hovertemplate=f"{name}: %{{y:.3g}} at step %{{x}}<extra></extra>"))
    shapes = [dict(type="line", x0=step, x1=step, yref="paper", y0=0, y1=1, line=dict(color=style.MUTED, width=1, dash="dot"))
              for step in view.changes[-20:] if step]
    return style.figure([*curves[1:], curves[0]], x="step", y=view_loss(view), yaxis_type="log", showlegend=False, shapes=shapes,
                        xaxis_range=[0, max(20, int(steps[-1]))], yaxis_range=_decades(view))


def view_loss(view: View) -> str:
    """The axis of the losses."""
    return {"cross_entropy": "cross-entropy (nats)", "squared": "squared error", "hinge": "hinge loss"}[view.setup.minimised]


def _hue(name: str) -> str:
    return style.COLOURS["train" if name == "training" else name][0]


def _decades(view: View) -> list[float]:
    """The range of a logarithmic axis in whole halves of a decade, so that it seldom moves."""
    values = np.array([v for r in view.records for v in (r.objective, *r.loss)])
    values = np.clip(values[np.isfinite(values) & (values > 0)], FLOOR, None)
    if not len(values):
        return [-2.0, 0.5]
    low, high = np.log10(values.min()), np.log10(values.max())
    return [float(np.floor(2 * low - 0.1) / 2), float(np.ceil(2 * high + 0.1) / 2)]


def gradients(view: View) -> go.Figure:
    """The gradient's norm by layer."""
    norms = np.clip(style.array(view.gradients), FLOOR, None)
    names = [f"layer {k + 1}" for k in range(len(norms) - 1)] + ["out"]
    low, high = np.floor(np.log10(norms.min()) - 0.3), np.ceil(np.log10(norms.max()) + 0.3)
    bars = dict(type="bar", x=names, y=norms, marker=dict(color=style.COLOURS["train"][0]), width=0.6,
                hovertemplate="%{x}: %{y:.2g}<extra></extra>")
    return style.figure([bars], x="layer", y="norm of the gradient", yaxis_type="log", showlegend=False,
                        yaxis_range=[float(low), float(high)])
