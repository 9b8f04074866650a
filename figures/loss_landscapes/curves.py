"""Curves of what is known of the nets: losses, curvature, the ways between solutions, and what a plane leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.loss_landscapes.lab import NETS, SEGMENTS
from core.lessons.loss_landscapes.lesson import Config, Result
from core.moments import NEVER
from figures import ends, style
from figures.loss_landscapes.pictures import DASH, hue, waiting

MARK = {"plain": "circle", "skips": "diamond", "surface": "circle"}
SHORT = {"other": "other start", "other_matched": "other, matched", "twin": "twin", "twin_matched": "twin, matched"}
NAMED = 0.74  # of the width is left to curves that have their names at their ends
APART = 0.08  # of an axis' height, between two labels at the ends of curves


def _on_log(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis and a browser can draw: positive numbers that are neither too small nor too large."""
    return style.array(np.where((values > 1e-37) & (values < 1e30), values, np.nan))


def loss(result: Result, scene: Config, m: int) -> go.Figure:
    """Loss of each net at every step, and the loss of the chosen one's shadow on its plane."""
    if result.snapshot_steps is None:
        steps, counts = np.arange(len(result.losses)), [len(result.losses)]
    else:
        steps, counts = np.arange(len(result.losses)), [int(s) + 1 for s in result.snapshot_steps]
    traces: list[style.Trace] = []
    for k, net in enumerate(result.nets):
        values = result.losses[:, k].numpy() - result.floor
        line = dict(type="scatter", x=steps, y=_on_log(values), mode="lines",
                    line=dict(color=style.colour(hue(net, scene)), width=2.4, dash=DASH[net]),
                    hovertemplate=f"{NETS.get(net, 'loss')}, step %{{x}}: %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, counts))
    if result.projection_loss is not None and scene.problem == "network":
        shadow = dict(type="scatter", x=style.array(result.snapshot_steps), y=style.array(result.projection_loss[:, m]),
                      mode="lines", line=dict(color=style.MUTED, width=2, dash="dot"),
                      hovertemplate="shadow on the plane: %{y:.3g}<extra></extra>")
        traces.append(style.grow(shadow, list(range(1, len(result.projection_loss) + 1))))
    curves = {net: _on_log(result.losses[:, k].numpy() - result.floor) for k, net in enumerate(result.nets)}
    span = _decades([np.asarray(t["y"]) for t in traces])
    return style.figure(traces, x="step", y="loss" if scene.problem == "network" else "above floor", yaxis_type="log",
                        xaxis_range=[0, scene.steps], xaxis_domain=_width(scene), yaxis_range=span, showlegend=False,
                        annotations=_names(scene, steps, curves, span))


def _decades(curves: Sequence[np.ndarray]) -> list[float]:
    """The range of a logarithmic axis that holds all the curves."""
    known = np.concatenate([np.ravel(curve) for curve in curves])
    known = np.log10(known[np.isfinite(known) & (known > 0)])
    low, high = (float(known.min()), float(known.max())) if known.size else (-3.0, 1.0)
    return [low - 0.1, high + 0.1]


def _width(scene: Config) -> list[float]:
    return [0, NAMED if scene.problem == "network" else 1]


def _free_end(curves: Iterable[np.ndarray], limit: float) -> dict[str, Any]:
    """At which end of its line a name has more room: where the curves keep farther from it, over a fifth of the axis."""
    off = np.abs(np.log10(np.stack(list(curves)) / limit))
    part = max(1, off.shape[1] // 5)
    left, right = (float(np.nanmin(end)) if np.isfinite(end).any() else np.inf for end in (off[:, :part], off[:, -part:]))
    return dict(x=0.98, xanchor="right") if right > left else dict(x=0.02, xanchor="left")


def _names(scene: Config, x: Any, curves: dict[str, np.ndarray], span: Sequence[float],
           more: Sequence[tuple[float, float, str, str]] = ()) -> list[dict[str, Any]]:
    """The net's name beside the last point of its curve, on a logarithmic axis of the range `span`; none for a surface.

    more: names besides, each as its height, place to the right, text and hue.
    """
    last = {net: int(np.flatnonzero(np.isfinite(y))[-1]) for net, y in curves.items() if net in NETS and np.isfinite(y).any()}
    room = APART * (span[1] - span[0])
    names = [(float(np.log10(curves[net][i])), float(x[i]), NETS[net].lower(), hue(net, scene)) for net, i in last.items()]
    names += more
    heights = ends.apart([name[0] for name in names], room, span[0], span[1] - room) if names else []
    return [style.label(right, height, text, colour) for height, (_, right, text, colour) in zip(heights, names, strict=True)]


def off_plane(result: Result, scene: Config, m: int) -> go.Figure:
    """How far the path is from the plane, beside how far it is from the plane's origin."""
    if result.off_plane is None or result.moved is None or result.snapshot_steps is None:
        return waiting(result, scene)
    x, counts = style.array(result.snapshot_steps), list(range(1, len(result.snapshot_steps) + 1))
    traces: list[style.Trace] = []
    for values, text, dash in ((result.moved, "from the plane's origin", "solid"), (result.off_plane, "from the plane", "dot")):
        colour = style.colour(hue(result.nets[m], scene)) if dash == "solid" else style.MUTED
        line = dict(type="scatter", x=x, y=style.array(values[:, m]), mode="lines", name=text,
                    line=dict(color=colour, width=2.4, dash=dash), hovertemplate=f"{text}: %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, counts))
    return style.figure(traces, x="step", y="distance", xaxis_range=[0, scene.steps], yaxis_rangemode="tozero", showlegend=True)


def sharpness(result: Result, scene: Config) -> go.Figure:
    """The top Hessian eigenvalue along the path, and 2(1 + α)/ε."""
    if result.sharpness is None or result.sharpness_steps is None:
        return waiting(result, scene, "measuring curvature" if result.grid is not None else "")
    traces: list[style.Trace] = []
    shown = [result.limit]
    for k, net in enumerate(result.nets):
        values = result.sharpness[:, k].numpy()
        shown += values[np.isfinite(values) & (values > 0)].tolist()
        traces.append(dict(
            type="scatter", x=style.array(result.sharpness_steps), y=_on_log(values), mode="lines+markers",
            line=dict(color=style.colour(hue(net, scene)), width=2.2), marker=dict(size=7, symbol=MARK[net]),
            hovertemplate=f"{NETS.get(net, 'path')}, step %{{x}}: λ<sub>max</sub> = %{{y:.3g}}<extra></extra>"))
    name = "2/ε" if scene.alpha == 0 else "2(1 + α)/ε"
    traces.append(style.theory([0, scene.steps], [result.limit] * 2, name))
    # A path that runs away leaves the frame upwards; its numbers stay in the data.
    low, high = np.log10(min(shown)), np.log10(min(max(shown), 1e4 * result.limit))
    span = [float(low) - 0.15, float(high) + 0.25]
    curves = {net: _on_log(result.sharpness[:, k].numpy()) for k, net in enumerate(result.nets)}
    height, beside, inside = float(np.log10(result.limit)), [], []
    if scene.problem == "network":
        beside = [(height, float(scene.steps), name, "ink")]
    else:
        inside = [dict(xref="x domain", y=height, yanchor="bottom", text=name, showarrow=False,
                       **_free_end(curves.values(), result.limit))]
    return style.figure(traces, x="step", y="λ<sub>max</sub>", yaxis_type="log", xaxis_range=[0, scene.steps], showlegend=False,
                        xaxis_domain=_width(scene), yaxis_range=span,
                        annotations=[*inside, *_names(scene, style.array(result.sharpness_steps), curves, span, beside)])


def below_zero(result: Result) -> bool:
    """Whether some top eigenvalue is negative, which a logarithmic axis leaves out."""
    return result.sharpness is not None and bool((result.sharpness <= 0).any())


def segments(result: Result, scene: Config, m: int) -> go.Figure:
    """Loss along straight lines from the solution to others, before and after matching their hidden units."""
    if not result.segments or result.segment_t is None:
        return waiting(result, scene)
    net = result.nets[m]
    if not bool(result.segments["other"][:, m].isfinite().any()):
        return waiting(result, scene, "one of the two solutions diverged")
    looks = {"other": (style.colour(hue(net, scene)), "solid"), "other_matched": (style.colour(hue(net, scene)), "dot"),
             "twin": (style.MUTED, "solid"), "twin_matched": (style.MUTED, "dot")}
    traces = [
        dict(type="scatter", x=style.array(result.segment_t), y=style.array(result.segments[name][:, m]), mode="lines",
             name=SHORT[name], line=dict(color=looks[name][0], width=2.4, dash=looks[name][1]),
             hovertemplate=f"{SEGMENTS[name]}: %{{y:.3g}}<extra></extra>")
        for name in SEGMENTS
    ]
    return style.figure(traces, x="place between the two solutions", y="loss", yaxis_type="log", showlegend=True)


def final_losses(result: Result, scene: Config) -> go.Figure:
    """Share of starts whose net ended at a loss of at most so much, for both nets."""
    if result.final_losses is None:
        return waiting(result, scene)
    starts, known = len(result.final_losses), []
    traces: list[style.Trace] = []
    for k, net in enumerate(result.nets):
        values = result.final_losses[:, k].numpy()
        ends = np.sort(values[np.isfinite(values)])
        share = 100 * np.arange(1, len(ends) + 1) / starts
        # What is too small for the axis is counted, though it has no place on it.
        share, ends = share[ends > 1e-37], ends[ends > 1e-37]
        known += ends.tolist()
        traces.append(dict(
            type="scatter", x=style.array(ends), y=style.array(share), mode="lines+markers",
            marker=dict(size=8, symbol=MARK[net]), line=dict(color=style.colour(hue(net, scene)), width=2, shape="hv"),
            hovertemplate=f"{NETS[net]}: %{{y:.0f}} % of {starts} starts end at or below %{{x:.3g}}<extra></extra>"))
    return style.figure(traces, x="training loss at the last step", y="starts (%)", xaxis_type="log", yaxis_range=[0, 104],
                        showlegend=False, **_few_decades(known))


def _few_decades(values: list[float]) -> dict[str, Any]:
    """Ticks at 1, 2 and 5 for a logarithmic axis over one or two decades, for which Plotly writes powers of ten alone."""
    if not values or not 5 < max(values) / min(values) <= 100:
        return {}
    low, high = int(np.floor(np.log10(min(values)))), int(np.ceil(np.log10(max(values))))
    ticks = [float(f"{k}e{e}") for e in range(low, high + 1) for k in (1, 2, 5)]
    return dict(xaxis_tickvals=ticks, xaxis_ticktext=[f"{t:g}" for t in ticks])


def rescaled(result: Result, scene: Config) -> go.Figure:
    """One function at many points of parameter space: its loss stays, its top eigenvalue does not."""
    if not result.rescaled:
        return waiting(result, scene, "training diverged" if int(result.diverged_at[0]) != NEVER else "measuring curvature")
    factor, colour = style.array(result.rescaled["factor"]), style.colour("plain")
    base = int(np.abs(factor - 1).argmin())
    sharp, value = result.rescaled["sharpness"].numpy(), result.rescaled["loss"].numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        sharper, higher = (_on_log(v / v[base]) for v in (sharp, value))
    traces = [
        dict(type="scatter", x=factor, y=sharper, mode="lines+markers", name="λ<sub>max</sub>",
             line=dict(color=colour, width=2.4), customdata=style.array(sharp),
             hovertemplate="a = %{x:.3g}: λ<sub>max</sub> = %{customdata:.3g}<extra></extra>"),
        dict(type="scatter", x=factor, y=higher, mode="markers", name="loss",
             customdata=style.array(value), marker=dict(symbol="square-open", size=8, color=style.MUTED, line=dict(width=2)),
             hovertemplate="a = %{x:.3g}: loss %{customdata:.4g}<extra></extra>"),
        style.theory(factor, np.ones_like(factor), "theory: unchanged"),
    ]
    return style.figure(traces, x="factor a", y="relative to a = 1", xaxis_type="log",
                        yaxis_type="log", showlegend=True, xaxis_tickvals=[0.25, 0.5, 1, 2, 4],
                        xaxis_ticktext=["¼", "½", "1", "2", "4"])
