"""The look: one colour per idea, the template, and how a trace moves.

Figures are drawn in the light colours. Every light colour has one dark partner, and the browser swaps them, so
that a change of theme needs no new figure. Sizes of type are set by the chart component from the width of the
screen; no figure names a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

# name: (light, dark). Light values are unique: they are the keys of the swap.
COLOURS = {
    "ink": ("#1B2430", "#E8EDF3"),
    "muted": ("#5B6675", "#A3AFBD"),
    "grid": ("#E3E7EC", "#2A3440"),
    "axis": ("#B4BDC8", "#4A5666"),
    "paper": ("#FFFFFF", "#11161D"),
    "soft": ("#F4F6F8", "#1B222C"),
    # the three splits
    "train": ("#5B4FA3", "#A79CF0"),
    "validation": ("#D17A00", "#F5B041"),
    "test": ("#0F8B6C", "#3FCFA6"),
    # classes, with the ends of the probability scale
    "class_a": ("#0072B2", "#5DB4E8"),
    "class_b": ("#D55E00", "#FF9550"),
    "class_c": ("#3C8D3C", "#7CCB7C"),
    # penalties
    "l1": ("#B5179E", "#F06AD9"),
    "l2": ("#1D6FC0", "#6AB2F7"),
    "elastic": ("#8C5A2B", "#D8A878"),
    # normalisation: what the mean is taken over
    "norm_none": ("#6B7280", "#9CA3AF"),
    "norm_batch": ("#C8374B", "#FF8594"),
    "norm_layer": ("#23748F", "#62BEDB"),
    "norm_group": ("#B57F00", "#F0BD3E"),
    "norm_instance": ("#4A8F4A", "#86CF86"),
    # two designs of a net
    "plain": ("#9F3A33", "#F09A90"),
    "skips": ("#247D74", "#6ACDBF"),
    # optimisers
    "sgd": ("#0B66A8", "#59AEEC"),
    "noisy_sgd": ("#3C93C4", "#9AD3F2"),
    "momentum": ("#CF5300", "#FF9A57"),
    "nesterov": ("#BF8700", "#FFCB4D"),
    "adagrad": ("#7A4E9E", "#BE93E0"),
    "rmsprop": ("#C76699", "#F29AC6"),
    "adam": ("#00855F", "#3DD1A4"),
    "adamw": ("#6BA31F", "#AEDD63"),
    "newton": ("#2B2F36", "#DDE3EA"),
    "damped_newton": ("#7D8793", "#AEB8C4"),
    "conjugate_gradient": ("#86681B", "#D6B65C"),
    "lbfgs": ("#A83A37", "#F0807C"),
    # ways to be unsure
    "mc_dropout": ("#C2456F", "#FF8FB1"),
    "deep_ensemble": ("#3B6EA8", "#86B7F0"),
    "bagging": ("#7E8B1C", "#C6D45A"),
    # training on samples, and between them
    "erm": ("#5F6B7A", "#A9B5C3"),
    "mixup": ("#AA2E78", "#F27DBE"),
    # the parts of an expected risk
    "bias": ("#A0522D", "#E0A17A"),
    "variance": ("#2E8BC0", "#7CC4EE"),
    # losses of a margin
    "squared": ("#1F77B4", "#7DBBEA"),
    "hinge": ("#D97700", "#FFB454"),
    "logistic": ("#128C5E", "#4FD3A0"),
    "exponential": ("#B3257A", "#F384C0"),
    # guide and guided
    "student": ("#1F8F84", "#5FD3C6"),
    "teacher": ("#96262C", "#F28B8B"),
    # gradients as they are, and clipped
    "unclipped": ("#C2410D", "#FF9D73"),
    "clip_norm": ("#0A6C96", "#62C2ED"),
    "clip_value": ("#6A4C93", "#BBA6E8"),
    # ways to start a net
    "init_constant": ("#8A8F98", "#B7BDC7"),
    "init_zero": ("#30363F", "#D9DFE6"),
    "init_normal": ("#A8671D", "#E5AE68"),
    "init_xavier": ("#0E63B3", "#6BB4F8"),
    "init_he": ("#C93B20", "#FF8C73"),
    "init_orthogonal": ("#12806A", "#4FD0B2"),
    # gradients of batches, and of batches four times as large
    "batch": ("#3E8FC0", "#2F74A6"),
    "batch_fourfold": ("#0B3C6F", "#93CBF6"),
    # batch sizes that train, from warm to cold as they grow
    "batch_small": ("#DB6E0A", "#FFAA52"),
    "batch_medium": ("#C43C5A", "#F58AA2"),
    "batch_large": ("#8E3A96", "#D08FE0"),
    "batch_full": ("#3D2F7A", "#948BEA"),
    # minima of a map, by number: what a start ends at
    "minimum_0": ("#8DA0CB", "#5C6FA3"), "minimum_1": ("#E5C494", "#9C7A45"), "minimum_2": ("#A6D854", "#6B9431"),
    "minimum_3": ("#E78AC3", "#A3487F"), "minimum_4": ("#66C2A5", "#2F8A6E"), "minimum_5": ("#FC8D62", "#B85A35"),
    "minimum_6": ("#C9B2E0", "#7F66A0"), "minimum_7": ("#B3B3B3", "#6E6E6E"), "minimum_8": ("#FFE38A", "#A38A2E"),
    # what marks a place
    "best": ("#0A7D33", "#54D686"),
    "warning": ("#B42318", "#FF8A7A"),
}

INK, MUTED, GRID, PAPER = (COLOURS[name][0] for name in ("ink", "muted", "grid", "paper"))

# A single hue in even steps of lightness, pale enough for coloured paths to stand out; low loss is the palest.
_SURFACE = (("#F9FBFD", "#1B252D"), ("#DBE3EE", "#293B4A"), ("#BDCEE1", "#395368"), ("#9EB7D3", "#4B6B86"),
            ("#7FA1C4", "#5F85A6"), ("#5E8CB6", "#75A0C4"))
# From certain to unsure.
_UNCERTAINTY = (("#FBF8F4", "#171A1F"), ("#F3E1C7", "#35291F"), ("#E6BE8C", "#5E4128"), ("#CC9257", "#8E602F"),
          ("#A56430", "#C48A45"), ("#6E3C18", "#F3C27E"))
# Class A, undecided, class B.
_PROBABILITY = ((COLOURS["class_a"][0], COLOURS["class_a"][1]), ("#5BA4D2", "#3F7EA6"), ("#B5D5E9", "#274960"),
                ("#F6F6F5", "#1A2029"), ("#F3CBB2", "#62381F"), ("#E3935F", "#A9602E"),
                (COLOURS["class_b"][0], COLOURS["class_b"][1]))


def _scale(stops: Sequence[tuple[str, str]]) -> list[list[Any]]:
    return [[i / (len(stops) - 1), light] for i, (light, _) in enumerate(stops)]


SURFACE, UNCERTAINTY, PROBABILITY = _scale(_SURFACE), _scale(_UNCERTAINTY), _scale(_PROBABILITY)


def dark_colours() -> dict[str, str]:
    """Light hex to dark hex, for the swap in the browser."""
    pairs = [*COLOURS.values(), *_SURFACE, *_UNCERTAINTY, *_PROBABILITY]
    return {light.upper(): dark for light, dark in pairs}


def colour(name: str, alpha: float = 1.0) -> str:
    """The light colour of an idea, as hex or, where alpha is below 1, as rgba."""
    value = COLOURS[name][0]
    if alpha >= 1:
        return value
    red, green, blue = (int(value[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def array(values: Any) -> np.ndarray:
    """Tensor, list or array as float32 (bool and integer kinds stay), which the wire carries as bytes.

    What diverges beyond 3.4e38 is infinite, and its line ends there.
    """
    out = values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)
    with np.errstate(over="ignore"):
        return out.astype(np.float32) if out.dtype.kind == "f" else out


def _axis() -> dict[str, Any]:
    return dict(
        showgrid=True, gridcolor=GRID, zeroline=False, showline=True, linecolor=COLOURS["axis"][0], ticks="outside",
        tickcolor=COLOURS["axis"][0], ticklen=4, automargin=True, title_standoff=8, exponentformat="power",
        minorloglabels="none",
    )


def template() -> go.layout.Template:
    """The look of every figure. It travels once for a board; a figure that goes elsewhere is dressed with it first."""
    # `exponentformat` on linear axes would print 10³ for plain thousands only from 10⁴ on, which suits us.
    scene_axis = dict(showbackground=False, gridcolor=GRID, zeroline=False, linecolor=COLOURS["axis"][0],
                      exponentformat="power")
    layout = go.Layout(
        font=dict(color=INK),  # the family is the page's own, which the browser knows
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin=dict(l=8, r=12, t=12, b=14),  # the foot of a subscript is longer than that of a letter
        xaxis=_axis(),
        yaxis=_axis(),
        scene=dict(xaxis=scene_axis, yaxis=scene_axis, zaxis=scene_axis),
        colorway=[COLOURS[n][0] for n in ("sgd", "momentum", "adam", "rmsprop", "nesterov", "adagrad", "lbfgs")],
        legend=dict(orientation="h", yanchor="bottom", y=1.0, xanchor="left", x=0.0, bgcolor="rgba(0,0,0,0)"),
        modebar=dict(bgcolor="rgba(0,0,0,0)", color=MUTED, activecolor=INK),
        hoverlabel=dict(bgcolor=PAPER, bordercolor=COLOURS["axis"][0], font=dict(color=INK)),
        hovermode="closest",
        uirevision="keep",
    )
    return go.layout.Template(layout=layout)


Trace = dict[str, Any]


def figure(traces: Sequence[Trace] = (), *, x: str = "", y: str = "", equal: bool = False, **layout: Any) -> go.Figure:
    """A figure with titled axes, undressed: `figure(traces, x="step", y="training loss", yaxis_type="log")`.

    equal: one scale on both axes, where lengths and angles are the point; the frame becomes narrower, the ranges stay.
    Traces are dictionaries that name their type. Plotly's check of every property costs more than half of the time of
    a drawing, so it is left to the tests, which check every figure of every page.
    """
    layout = dict(template="none", xaxis_title_text=x, yaxis_title_text=y, **layout)
    if equal:
        layout |= dict(yaxis_scaleanchor="x", yaxis_constrain="domain", xaxis_constrain="domain")
    return go.Figure(list(traces), layout=layout, _validate=False)


def theory(x: Any, y: Any, name: str = "theory", **about: Any) -> Trace:
    """What the formula says: dashed, in the colour of the text, on the axes of what was measured."""
    about.setdefault("hovertemplate", f"{name}: %{{y:.4g}}<extra></extra>")
    return dict(type="scatter", x=array(x), y=array(y), name=name, mode="lines",
                line=dict(color=INK, dash="dash", width=1.8), **about)


def band(x: Any, low: Any, high: Any, name: str, hue: str, **about: Any) -> Trace:
    """A translucent band of `hue` between two curves, as one closed outline."""
    x, low, high = array(x), array(low), array(high)
    return dict(type="scatter", x=np.concatenate([x, x[::-1]]), y=np.concatenate([high, low[::-1]]), name=name, fill="toself",
                mode="lines", fillcolor=colour(hue, 0.18), line=dict(width=0), hoverinfo="skip", showlegend=False, **about)


def halo(trace: Trace) -> Trace:
    """The same path, wider and in the colour of the paper, to be drawn beneath it."""
    line = dict(color=PAPER, width=trace.get("line", {}).get("width", 2) + 2.5)
    return {**trace, "line": line, "mode": "lines", "showlegend": False, "hoverinfo": "skip", "opacity": 0.85}


def halos(paths: Sequence[Any], counts: Sequence[int], width: float = 5.0) -> Trace:
    """One halo for many paths [T, 2] of equal length, growing with them: in the browser each trace costs a millisecond."""
    joined = np.concatenate([array(p) for p in paths])
    under = dict(type="scatter", x=joined[:, 0], y=joined[:, 1], mode="lines", line=dict(color=PAPER, width=width),
                 showlegend=False, hoverinfo="skip", opacity=0.85, connectgaps=False)
    return grow(under, counts, paths=len(paths))


def label(x: float, y: float, text: str, hue: str = "ink", **about: Any) -> dict[str, Any]:
    """A direct label at a line's end, as an annotation."""
    return dict(x=x, y=y, text=text, showarrow=False, xanchor="left", xshift=6, font=dict(color=COLOURS[hue][0]), **about)


def grow(trace: Trace, counts: Sequence[int], paths: int = 1) -> Trace:
    """At frame f the trace shows the first counts[f] points of each of the `paths` equal parts that make it up."""
    trace["meta"] = {"grow": [int(c) for c in counts], "paths": paths}
    return trace


def frames(trace: Trace, **values: Any) -> Trace:
    """At frame f the trace's attribute takes values[attribute][f], e.g. `frames(bar, y=heights_FN)`.

    A nested attribute is written with two underscores, `marker__color=`. Number arrays of shape [F, ...] travel
    as bytes; lists of F lists are for text.
    """
    moves = {key.replace("__", "."): _stacked(value) for key, value in values.items()}
    trace["meta"] = {**(trace.get("meta") or {}), "frames": moves}
    return trace


def _stacked(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        parts = [np.asarray(array(v)) for v in value]
        return list(value) if parts[0].dtype.kind in "UO" else array(np.stack(parts))
    return array(value)


def thumbnail(*marks: dict[str, Any], x: tuple[float, float], y: tuple[float, float]) -> dict[str, Any]:
    """A lesson's small picture on the home page: `mark`s in a frame from x[0] to x[1] and y[0] to y[1]."""
    return dict(marks=list(marks), x=[float(v) for v in x], y=[float(v) for v in y])


def mark(kind: str, x: Any, y: Any, hue: str, **about: Any) -> dict[str, Any]:
    """One mark of a thumbnail. kind: line, dots, bars or area; x, y [n]: at most some eighty points; hue: a colour's name.

    about may hold width (pixels), dash ("4 3") and alpha. Points that are not finite are left out.
    """
    pairs = [(float(a), float(b)) for a, b in zip(array(x), array(y), strict=True)]
    points = [[round(a, 4), round(b, 4)] for a, b in pairs if np.isfinite([a, b]).all()]
    return dict(kind=kind, points=points, colour=COLOURS[hue][0], **about)
