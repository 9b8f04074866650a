"""The playground's pictures of one moment of a run, but for the plane: the net, the curves, gradients, weights, activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.playground.data import SETS
from core.playground.history import Record
from core.playground.setup import INPUTS
from core.playground.view import EDGES, View, histogram
from figures import style
from figures.kinds import Layer, NetworkDiagram, levels

FLOOR, TOP = 1e-6, 3e38  # between which a logarithmic axis lies


def legend() -> list[tuple[str, str, str]]:
    """Every key of the page."""
    return [("minimised, with penalties", style.INK, "dash"), ("training set", style.COLOURS["train"][0], "solid"),
            ("validation set", style.COLOURS["validation"][0], "solid"), ("test set", style.COLOURS["test"][0], "solid"),
            *((f"{name} set, averaged net", _hue(name), "dash") for name in SETS)]


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
    """[1, H, s, s] of levels, upright; 128 is zero, the ends are each unit's largest size. What is no number is drawn as zero."""
    values = np.nan_to_num(values, posinf=TOP, neginf=-TOP)
    most = np.maximum(np.abs(values).max((1, 2), keepdims=True), 1e-12)
    return levels(values / most, -1, 1)[None, :, ::-1]


def losses(view: View) -> go.Figure:
    """What is minimised and the loss of each set, against the step; those of the averaged net where there is one."""
    curves = _by_set(view, lambda record, k: record.loss[k], ".3g")
    if any(record.averaged for record in view.records):
        curves += _by_set(view, lambda record, k: record.averaged[k] if record.averaged else np.nan, ".3g", averaged=True)
    objective = style.theory(_steps(view), [r.objective for r in view.records], "minimised")
    values = [v for r in view.records for v in (r.objective, *r.loss, *(r.averaged or ()))]
    return _curves(view, [*curves, objective], view_loss(view), yaxis_type="log", yaxis_range=decades(values))


def errors(view: View) -> go.Figure:
    """The share of each set that is wrong against the step; of a regression the root of the mean squared error."""
    if not view.problem.classes:
        curves = _by_set(view, lambda record, k: record.loss[k] ** 0.5, ".3g")
        values = [v**0.5 for r in view.records for v in r.loss]
        return _curves(view, curves, "root mean squared error", yaxis_type="log", yaxis_range=decades(values))
    curves = _by_set(view, lambda record, k: 100 * record.error[k], ".1f", unit="\u00a0%")
    return _curves(view, curves, "wrong (%)", yaxis_range=[0, _top([100 * v for r in view.records for v in r.error])])


def _top(values: Sequence[float]) -> float:
    """The end of an axis of percentages, so that it seldom moves."""
    most = max((v for v in values if np.isfinite(v)), default=0.0)
    return next(end for end in (5, 10, 20, 40, 60, 80, 101) if most < end)


def _steps(view: View) -> np.ndarray:
    return np.array([r.step for r in view.records], np.int32)


def _by_set(view: View, value: Callable[[Record, int], float], digits: str, unit: str = "",
            averaged: bool = False) -> list[style.Trace]:
    """A curve for each set that has samples. value(record, number of the set)."""
    steps, told, dash = _steps(view), ", averaged net" if averaged else "", "dash" if averaged else "solid"
    return [dict(type="scatter", x=steps, y=style.array([value(r, k) for r in view.records]), mode="lines", name=f"{name}{told}",
                 line=dict(color=_hue(name), width=1.6 if averaged else 2.2, dash=dash),
                 hovertemplate=f"{name}{told}: %{{y:{digits}}}{unit} at step %{{x}}<extra></extra>")
            for k, name in enumerate(SETS) if name in view.sets]


def _curves(view: View, curves: Sequence[style.Trace], y: str, **about: Any) -> go.Figure:
    """Curves against the step, with a dotted line at each change of the set-up. A line ends where its numbers overflow."""
    shapes = [dict(type="line", x0=step, x1=step, yref="paper", y0=0, y1=1, line=dict(color=style.MUTED, width=1, dash="dot"))
              for step in view.changes[-20:] if step]
    return style.figure(curves, x="step", y=y, showlegend=False, shapes=shapes, xaxis_range=[0, max(20, view.step)], **about)


def view_loss(view: View) -> str:
    """The axis of the losses."""
    return {"cross_entropy": "cross-entropy (nats)", "squared": "squared error", "hinge": "hinge loss"}[view.setup.minimised]


def _hue(name: str) -> str:
    return style.COLOURS["train" if name == "training" else name][0]


def decades(values: Sequence[float]) -> list[float]:
    """The range of a logarithmic axis in whole halves of a decade, so that it seldom moves."""
    seen = np.array(values)
    seen = np.clip(seen[np.isfinite(seen) & (seen > 0)], FLOOR, TOP)
    if not len(seen):
        return [-2.0, 0.5]
    low, high = np.log10(seen.min()), np.log10(seen.max())
    return [float(np.floor(2 * low - 0.1) / 2), float(np.ceil(2 * high + 0.1) / 2)]


def _layers(view: View) -> list[str]:
    return [f"layer {k + 1}" for k in range(len(view.weights) - 1)] + ["out"]


def gradients(view: View) -> go.Figure:
    """The gradient's norm by layer."""
    norms = np.clip(np.nan_to_num(np.array(view.gradients), nan=FLOOR, posinf=TOP), FLOOR, TOP)
    bars = dict(type="bar", x=_layers(view), y=style.array(norms), marker=dict(color=style.COLOURS["train"][0]), width=0.6,
                hovertemplate="%{x}: %{y:.2g}<extra></extra>")
    low, high = np.floor(np.log10(norms.min()) - 0.3), np.ceil(np.log10(norms.max()) + 0.3)
    return style.figure([bars], x="layer", y="norm of the gradient", yaxis_type="log", showlegend=False,
                        yaxis_range=[float(low), float(high)])


def weights(view: View) -> go.Figure:
    """The histogram of each layer's weights, biases apart; those that are exactly zero have a bar of their own."""
    return _histograms(view, view.weights, "weight", style.MUTED)


def activations(view: View) -> go.Figure:
    """The histogram of what each layer's units say over the training set; exact zeros have a bar of their own."""
    return _histograms(view, view.activations, "activation", style.COLOURS["train"][0])


ROW = 0.85  # of the space between two rows is for the bars


def _histograms(view: View, values: Sequence[Any], x: str, hue: str) -> go.Figure:
    """A row for each layer: shares of its numbers, at its own scale. The outermost bins hold what lies beyond them.

    All bars are of one trace, and those of exact zeros of a second one: in the browser each trace costs a millisecond.
    """
    names, width = _layers(view), float(EDGES[1] - EDGES[0])
    bins = [f"{low:g} to {low + width:g}" for low in EDGES[:-1]]
    bins[0], bins[-1] = f"below {EDGES[1]:g}", f"from {EDGES[-2]:g} on"
    bars, zeros = ([], [], [], [], []), ([], [], [], [], [])  # x, base, height, count, of what
    for row, (name, layer) in enumerate(zip(reversed(names), reversed(values), strict=True)):
        counts = histogram(layer)
        scale = ROW / (_top([100 * max(int(counts.bins.max()), counts.zeros) / max(1, counts.size)]) * max(1, counts.size) / 100)
        found = [(EDGES[k] + width / 2, int(counts.bins[k]), bins[k]) for k in counts.bins.nonzero()[0]]
        for rows, here in ((bars, found), (zeros, [(0.0, counts.zeros, "exactly 0")] * bool(counts.zeros))):
            for place, count, told in here:
                for column, value in zip(rows, (place, row, scale * count, count, f"{counts.size}, {name}: {told}"), strict=True):
                    column.append(value)
    traces = [dict(type="bar", x=style.array(place), base=np.array(base, np.int32), y=style.array(height), width=wide, text=told,
                   customdata=np.array(count, np.int32), textposition="none", marker=dict(color=colour),
                   hovertemplate="%{customdata} of %{text}<extra></extra>")
              for (place, base, height, count, told), wide, colour in ((bars, width, hue), (zeros, width / 2, style.INK))]
    return style.figure(traces, x=x, showlegend=False, barmode="overlay", xaxis_range=[float(EDGES[0]), float(EDGES[-1])],
                        yaxis_range=[0, len(names)], yaxis_tickvals=[row + ROW / 2 for row in range(len(names))],
                        yaxis_ticktext=names[::-1], yaxis_ticks="", yaxis_showgrid=False)
