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
    "train": ("#6448B9", "#9256F8"),
    "validation": ("#B68B00", "#F3C431"),
    "test": ("#26917E", "#01D0BA"),
    # classes, with the ends of the probability scale
    "class_a": ("#0072B2", "#5DB4E8"), "class_b": ("#CC5800", "#FF9550"), "class_c": ("#2F6410", "#4F8915"),
    "class_d": ("#D66CAB", "#CC84BE"), "class_e": ("#AC0A4B", "#FB4B71"),
    # penalties
    "l1": ("#B2028B", "#E75FC7"),
    "l2": ("#1C37FD", "#628AFF"),
    "elastic": ("#88582A", "#B98A55"),
    # normalisation: what the mean is taken over
    "norm_none": ("#717887", "#9DA4B0"), "norm_batch": ("#C02F44", "#F98090"), "norm_layer": ("#1C6D89", "#62BEDB"),
    "norm_group": ("#B57F00", "#F0BD3E"), "norm_instance": ("#519854", "#8AD389"),
    # two designs of a net
    "plain": ("#C4305E", "#D78FA6"),
    "skips": ("#247165", "#68D1B4"),
    # optimisers
    "sgd": ("#1932B1", "#9ED8FE"),
    "noisy_sgd": ("#1465FF", "#3873EB"),
    "momentum": ("#9A3700", "#BF8A0F"),
    "nesterov": ("#B88C00", "#FFD34E"),
    "adagrad": ("#55296C", "#CB96CD"),
    "rmsprop": ("#A42695", "#FFAEDC"),
    "adam": ("#006855", "#70F3A8"),
    "adamw": ("#00AB45", "#BCFE88"),
    "newton": ("#2B2F36", "#DDE3EA"),
    "damped_newton": ("#6E6875", "#B9B7B6"),
    "conjugate_gradient": ("#5A5931", "#D3C678"),
    "lbfgs": ("#89090D", "#F66B7E"),
    # ways to be unsure
    "mc_dropout": ("#AE3B83", "#EF6BAE"),
    "deep_ensemble": ("#48449F", "#7C83F5"),
    "bagging": ("#658339", "#C6D45A"),
    # whose thinned versions are averaged: a linear regression, one softmax layer, a net of several layers
    "thinned_line": ("#5D3F14", "#F0CD42"), "thinned_layer": ("#1212D9", "#6B7DC7"), "thinned_deep": ("#B30F71", "#EC136A"),
    # training on samples, and between them
    "erm": ("#404A56", "#8C8C8C"),
    "mixup": ("#AA2E78", "#F06AAF"),
    # noise in training: none, on inputs, on weights, on labels
    "noise_none": ("#767D88", "#9AA2AE"),
    "noise_inputs": ("#1668A8", "#5FB2F0"),
    "noise_weights": ("#C4570A", "#F7A257"),
    "noise_labels": ("#9C1268", "#C43DAE"),
    # transforms that keep the label or break it, samples that are made up, what is moved along with a picture
    "harmless": ("#32A225", "#ABE7B2"), "breaking": ("#965210", "#F66920"), "synthetic": ("#8965D1", "#B014FE"),
    "moved": ("#2A7D9B", "#8EC2FF"),
    # the parts of an expected risk
    "bias": ("#A35A32", "#E0A17A"),
    "variance": ("#3993DF", "#92C5ED"),
    # losses of a margin
    "squared": ("#5B45B8", "#9D8CEE"),
    "hinge": ("#887B3F", "#E4C54D"),
    "logistic": ("#029368", "#4FD4A1"),
    "exponential": ("#B3257A", "#E38FCC"),
    # guide and guided
    "student": ("#1F8F84", "#6FE0A0"),
    "teacher": ("#96262C", "#E63A5C"),
    # gradients as they are, and clipped
    "unclipped": ("#CF5312", "#FD9E73"),
    "clip_norm": ("#1D74AA", "#57C4FC"), "clip_value": ("#62408B", "#BBADDB"),
    # ways to start a net
    "init_constant": ("#8A8F98", "#BFC6D2"), "init_zero": ("#30363F", "#DBE1E8"), "init_normal": ("#8D7941", "#B7B476"),
    "init_xavier": ("#2A3FC0", "#6E88FE"), "init_he": ("#B21A14", "#F75D54"), "init_orthogonal": ("#167058", "#49D2AD"),
    # gradients of batches, and of batches four times as large
    "batch": ("#3E8FC0", "#2F74A6"),
    "batch_fourfold": ("#0C4174", "#7EC4ED"),
    # batch sizes that train, from warm to cold as they grow; green: all samples
    "batch_small": ("#DB6E08", "#FFB05A"), "batch_medium": ("#D04766", "#F98EAA"), "batch_large": ("#8E3A96", "#C988DA"),
    "batch_full": ("#007D58", "#6FE39A"),
    # kinds of matrices that a gradient passes
    "matrix_layers": ("#6D480A", "#B07D21"),
    "matrix_recurrent": ("#BC3389", "#EA77B8"),
    "matrix_orthogonal": ("#4F8F5D", "#68C396"),
    # minima of a map, by number: what a start ends at
    "minimum_0": ("#7093DA", "#0D7091"), "minimum_1": ("#CF6FC6", "#99487F"), "minimum_2": ("#668239", "#6A8014"),
    "minimum_3": ("#9B8FA1", "#8C7076"), "minimum_4": ("#008F82", "#169D9C"), "minimum_5": ("#9483FA", "#8980C4"),
    "minimum_6": ("#A870A6", "#A7454B"), "minimum_7": ("#739979", "#766303"), "minimum_8": ("#7C6FD1", "#BA6452"),
    # weights that are shared, own weights in as many and in more, and two tasks that are tied
    "shared": ("#0BA38D", "#A8EBE0"), "unshared": ("#84341A", "#E8DAAB"), "unshared_wide": ("#6E348B", "#9D7ECF"),
    "task_a": ("#2171A2", "#5061B5"), "task_b": ("#551121", "#E64955"),
    # boosting: the learner of one round
    "weak_learner": ("#A3005C", "#FFE45C"),
    # bagging: the average of several learners, and pale the learners themselves
    "averaged": ("#782008", "#F06088"),
    # several tasks: separate models, one that is not told the task, and ways to tell it
    "tasks_apart": ("#370C3C", "#E9FE01"), "tasks_untold": ("#E62C00", "#FC0F0C"), "tasks_joined": ("#2041AD", "#5DDFEE"),
    "tasks_added": ("#44927F", "#488EA5"), "tasks_gated": ("#B664DD", "#AA3EF7"), "tasks_headed": ("#811404", "#F4A285"),
    # regulariser_bench: where early stopping ends
    "stopped": ("#B1048D", "#E55DC9"),
    # links: two methods that are one, and two that are nearly one
    "exact": ("#12890D", "#0DD018"), "approximate": ("#893013", "#BF7224"),
    # what marks a place
    "best": ("#006D3F", "#63EE8F"),
    "warning": ("#AF0327", "#FF594E"),
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
# Sharing helps, no difference, sharing harms.
_TRANSFER = (("#1E7A5C", "#3FC79A"), ("#72B49C", "#2F7F67"), ("#C3E0D5", "#22483E"), ("#F7F6F3", "#191E25"),
             ("#EFCBC6", "#5A2E34"), ("#D98279", "#9C4A4C"), ("#B23A36", "#EC7F74"))


def _scale(stops: Sequence[tuple[str, str]]) -> list[list[Any]]:
    return [[i / (len(stops) - 1), light] for i, (light, _) in enumerate(stops)]


SURFACE, UNCERTAINTY, PROBABILITY, TRANSFER = (_scale(s) for s in (_SURFACE, _UNCERTAINTY, _PROBABILITY, _TRANSFER))


def dark_colours() -> dict[str, str]:
    """Light hex to dark hex, for the swap in the browser."""
    pairs = [*COLOURS.values(), *_SURFACE, *_UNCERTAINTY, *_PROBABILITY, *_TRANSFER]
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
    return go.Figure(list(traces), layout=_nested(layout), _validate=False)


def _nested(layout: dict[str, Any]) -> dict[str, Any]:
    """The layout with names such as xaxis_title_text taken apart, for which Plotly takes several times as long."""
    apart = {name: name.split("_") for name in layout if "_" in name and name not in ("paper_bgcolor", "plot_bgcolor")}
    whole = {name: value for name, value in layout.items() if name not in apart}
    for name, parts in apart.items():
        node = whole
        for part in parts[:-1]:
            node[part] = node = dict(node.get(part) or {})
        node[parts[-1]] = layout[name]
    return whole


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


def empty(text: str) -> dict[str, Any]:
    """Why a plot holds nothing, in its middle."""
    return label(0.5, 0.5, text, "muted") | dict(xref="x domain", yref="y domain", xanchor="center", xshift=0)


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
