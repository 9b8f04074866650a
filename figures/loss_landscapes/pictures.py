"""Pictures of landscapes: plane and surface with one colour scale and one path, and what else is known of the nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.loss_landscapes.lab import NETS, SEGMENTS
from core.lessons.loss_landscapes.lesson import Config, Result
from core.moments import NEVER
from figures import style
from figures.loss_landscapes.height import Height, height

# A dash repeats what the colour says.
HUES = {"plain": "plain", "skips": "skips"}
DASH = {"plain": "solid", "skips": "dashdot", "surface": "solid"}
MARK = {"plain": "circle", "skips": "diamond", "surface": "circle"}
AXES = {
    "start": ("back to the start (filter norms)", "random (filter norms)"),
    "random": ("random (filter norms)", "random (filter norms)"),
    "trajectory": ("first component (distance)", "second (distance)"),
    "segment": ("towards the second solution (distance)", "across (distance)"),
    "surface": ("first parameter θ₁", "second parameter θ₂"),
}
SHORT = {"other": "other start", "other_matched": "other, matched", "twin": "twin", "twin_matched": "twin, matched"}
LIFT = 0.06  # of the surface's height, so that the ground hides neither the path nor the lower half of its flat marks


def hue(net: str, scene: Config) -> str:
    """The colour of a net; on a closed-form surface that of the optimiser."""
    return HUES.get(net) or ("momentum" if scene.alpha else "sgd")


def legend(result: Result, scene: Config) -> list[tuple[str, str, str]]:
    if scene.problem != "network":
        return [("Gradient descent" if scene.alpha == 0 else "Momentum", style.colour(hue("surface", scene)), "solid")]
    return [(NETS[n], style.colour(hue(n, scene)), DASH[n]) for n in result.nets]


def _lines(scale: Height) -> dict[str, float]:
    return dict(start=scale.low, end=scale.high, size=max((scale.high - scale.low) / 16, 1e-6))


def _waiting(result: Result, scene: Config, text: str = "") -> go.Figure:
    note = dict(text=text or f"training: step {result.step} of {scene.steps}", x=0.5, y=0.5, xref="paper", yref="paper",
                showarrow=False, font=dict(color=style.MUTED))
    return style.figure(annotations=[note], xaxis_visible=False, yaxis_visible=False)


def _on_log(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis and a browser can draw: positive numbers that are neither too small nor too large."""
    return style.array(np.where((values > 1e-37) & (values < 1e30), values, np.nan))


def _drawn(result: Result, m: int) -> np.ndarray:
    """Path [S, 2]; a point beyond a hundred frames' distance cannot be drawn and is left out."""
    assert result.path is not None and result.a is not None
    path = result.path[:, m].numpy().astype(np.float64).copy()
    path[~(np.abs(path) < 100 * float(result.a[m].abs().max())).all(-1)] = np.nan
    return path


def contour(result: Result, scene: Config, m: int, path: bool = True, near: bool = False) -> go.Figure:
    """Loss on landscape m's plane as contours, with the path's shadow on it, or with its start alone.

    near: the part of the plane that is framed by the path, on a scale of its own.
    """
    a, b, grid = (result.near_a, result.near_b, result.near) if near else (result.a, result.b, result.grid)
    if grid is None or a is None or b is None:
        return _waiting(result, scene, "evaluating the plane" if result.grid is not None else "")
    scale, net = height(result, scene, grid), result.nets[m]
    loss, drawn, kind = grid[m].numpy(), _drawn(result, m), result.kinds[m]
    colour = style.colour(hue(net, scene))
    traces: list[style.Trace] = [
        dict(type="contour", x=style.array(a[m]), y=style.array(b[m]), z=style.array(scale.of(loss)),
             customdata=style.array(loss), colorscale=style.SURFACE, zmin=scale.low, zmax=scale.high, contours=_lines(scale),
             line=dict(width=0.6, color=style.colour("axis")),
             colorbar=dict(tickvals=scale.ticks, ticktext=scale.labels, thickness=12, outlinewidth=0, title_text=scale.title),
             hovertemplate="(%{x:.3g}, %{y:.3g})<br>loss %{customdata:.4g}<extra></extra>"),
        *_marks(result, m),
        dict(type="scatter", x=drawn[:1, 0], y=drawn[:1, 1], mode="markers",
             hovertemplate="start (%{x:.3g}, %{y:.3g})<extra></extra>",
             marker=dict(symbol="circle-open", size=13, color=colour, line=dict(width=3))),
    ]
    if path:
        traces[1:1] = _trail(drawn, colour)
        head = dict(type="scatter", x=drawn[-1:, 0], y=drawn[-1:, 1], mode="markers", hoverinfo="skip",
                    marker=dict(size=12, color=colour, line=dict(color=style.PAPER, width=2)))
        traces.append(style.frames(head, x=drawn[:, None, 0], y=drawn[:, None, 1]))
    return style.figure(traces, x=AXES[kind][0], y=AXES[kind][1], showlegend=False, uirevision=f"{scene.problem}:{kind}",
                        equal=True, xaxis_range=[float(a[m][0]), float(a[m][-1])], xaxis_showgrid=False,
                        yaxis_range=[float(b[m][0]), float(b[m][-1])], yaxis_showgrid=False)


def _trail(drawn: np.ndarray, colour: str) -> list[style.Trace]:
    """The line of a path [S, 2] that grows with the clock, and the halo beneath it."""
    line = dict(type="scatter", x=style.array(drawn[:, 0]), y=style.array(drawn[:, 1]), mode="lines",
                line=dict(color=colour, width=4), hovertemplate="(%{x:.3g}, %{y:.3g})<extra>path</extra>")
    counts = list(range(1, len(drawn) + 1))
    return [style.grow(style.halo(line), counts), style.grow(line, counts)]


def _marks(result: Result, m: int) -> list[style.Trace]:
    """The minima of a closed-form surface, or the solutions that a plane goes through."""
    if result.marks is None or not bool(result.marks[m].isfinite().any()):
        return []
    at = result.marks[m].numpy()
    about = dict(size=14, color=style.INK, line=dict(color=style.PAPER, width=1.2))
    if result.problem != "network":
        return [dict(type="scatter", x=at[:, 0], y=at[:, 1], mode="markers", marker=dict(symbol="star", **about),
                     hovertemplate="minimum (%{x:.3f}, %{y:.3f})<extra></extra>")]
    # A matched twin is the first solution itself: one mark then says both.
    if np.abs(at[2] - at[0]).max() < 1e-3 * np.abs(at[1] - at[0]).max():
        at, text = at[:2], ["first = matched", "second"]
    else:
        text = ["first", "second", "second, matched"]
    return [dict(type="scatter", x=at[:, 0], y=at[:, 1], mode="markers+text", text=text, textposition="top center",
                 textfont=dict(color=style.INK), marker=dict(symbol="star", **about),
                 hovertemplate="%{text}<extra></extra>")]


def surface3d(result: Result, scene: Config, m: int) -> go.Figure:
    """The same plane as a surface: the contour's colours, and the same shadow of the path lying on it."""
    if result.grid is None or result.a is None or result.b is None or result.projection_loss is None:
        return _waiting(result, scene)
    if result.basins is None or int(result.basins[m]) == NEVER:
        # Surfaces are slow to draw, so a plane that is still growing is shown as contours only.
        return _waiting(result, scene, "evaluating the plane")
    scale, net = height(result, scene), result.nets[m]
    path = _drawn(result, m)
    (x0, x1), (y0, y1) = ((float(axis[m][0]), float(axis[m][-1])) for axis in (result.a, result.b))
    path[(path[:, 0] < x0) | (path[:, 0] > x1) | (path[:, 1] < y0) | (path[:, 1] > y1)] = np.nan
    lift = LIFT * (scale.high - scale.low)
    z = scale.of(result.projection_loss[:, m].numpy()) + lift
    colour = style.colour(hue(net, scene))
    x, y, z = style.array(path[:, 0]), style.array(path[:, 1]), style.array(z)
    line = dict(type="scatter3d", x=x, y=y, z=z, mode="lines", line=dict(color=colour, width=9), hoverinfo="skip")
    head = dict(type="scatter3d", x=x[-1:], y=y[-1:], z=z[-1:], mode="markers", hoverinfo="skip",
                marker=dict(size=7, color=colour, line=dict(color=style.PAPER, width=2)))
    ground = dict(
        type="surface", x=style.array(result.a[m]), y=style.array(result.b[m]), z=style.array(scale.of(result.grid[m].numpy())),
        customdata=style.array(result.grid[m]), colorscale=style.SURFACE, cmin=scale.low, cmax=scale.high, showscale=False,
        lighting=dict(ambient=0.65, diffuse=0.75, specular=0.05, roughness=0.9), lightposition=dict(x=-2000, y=-4000, z=8000),
        contours_z=dict(show=True, color=style.colour("axis"), width=1, **_lines(scale)),
        hovertemplate="loss %{customdata:.4g}<extra></extra>")
    ring = dict(type="scatter3d", x=x[:1], y=y[:1], z=z[:1], mode="markers", hoverinfo="skip",
                marker=dict(symbol="circle-open", size=7, color=colour))
    traces = [ground, ring, style.grow(line, list(range(1, len(path) + 1))),
              style.frames(head, x=x[:, None], y=y[:, None], z=z[:, None])]
    bare = dict(title=dict(text=""), showticklabels=False)
    return style.figure(
        traces, showlegend=False, margin=dict(l=0, r=0, t=0, b=0), uirevision=f"{scene.problem}:{result.kinds[m]}",
        scene=dict(xaxis=dict(bare, range=[x0, x1]), yaxis=dict(bare, range=[y0, y1]),
                   zaxis=dict(bare, tickvals=scale.ticks, range=[scale.low - lift, scale.high + 2 * lift]),
                   aspectmode="manual", aspectratio=dict(x=1.15, y=1.15, z=0.75),
                   camera=dict(eye=dict(x=0.5, y=-1.6, z=1.15), center=dict(x=0, y=0, z=-0.12))))


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
    ends = {net: _on_log(result.losses[:, k].numpy() - result.floor) for k, net in enumerate(result.nets)}
    span = _decades([np.asarray(t["y"]) for t in traces])
    return style.figure(traces, x="step", y="loss" if scene.problem == "network" else "above floor", yaxis_type="log",
                        xaxis_range=[0, scene.steps], xaxis_domain=_width(scene), yaxis_range=span, showlegend=False,
                        annotations=_names(scene, steps, ends, span))


def _decades(curves: Sequence[np.ndarray]) -> list[float]:
    """The range of a logarithmic axis that holds all the curves."""
    known = np.concatenate([np.ravel(curve) for curve in curves])
    known = np.log10(known[np.isfinite(known) & (known > 0)])
    low, high = (float(known.min()), float(known.max())) if known.size else (-3.0, 1.0)
    return [low - 0.1, high + 0.1]


NAMED = 0.74  # of the width is left to curves that have their names at their ends
APART = 0.08  # of an axis' height, between two labels at the ends of curves


def _width(scene: Config) -> list[float]:
    return [0, NAMED if scene.problem == "network" else 1]


def _names(scene: Config, x: Any, curves: dict[str, np.ndarray], span: Sequence[float]) -> list[dict[str, Any]]:
    """The net's name beside the last point of its curve, on a logarithmic axis of the range `span`; none for a surface."""
    last = {net: int(np.flatnonzero(np.isfinite(y))[-1]) for net, y in curves.items() if net in NETS and np.isfinite(y).any()}
    height = {net: min(float(np.log10(curves[net][i])), span[1] - APART * (span[1] - span[0])) for net, i in last.items()}
    above, notes = -np.inf, []
    for net in sorted(height, key=height.__getitem__):
        above = max(height[net], above + APART * (span[1] - span[0]))
        name = style.label(float(x[last[net]]), above, NETS[net].lower(), hue(net, scene))
        notes.append(name)
    return notes


def off_plane(result: Result, scene: Config, m: int) -> go.Figure:
    """How far the path is from the plane, beside how far it is from the plane's origin."""
    if result.off_plane is None or result.moved is None or result.snapshot_steps is None:
        return _waiting(result, scene)
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
        return _waiting(result, scene, "measuring curvature" if result.grid is not None else "")
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
    note = dict(x=0.02, xref="paper", xanchor="left", y=float(np.log10(result.limit)), yanchor="bottom", text=name,
                showarrow=False)
    span = [float(low) - 0.15, float(high) + 0.25]
    curves = {net: _on_log(result.sharpness[:, k].numpy()) for k, net in enumerate(result.nets)}
    return style.figure(traces, x="step", y="λ<sub>max</sub>", yaxis_type="log", xaxis_range=[0, scene.steps], showlegend=False,
                        xaxis_domain=_width(scene), yaxis_range=span,
                        annotations=[note, *_names(scene, style.array(result.sharpness_steps), curves, span)])


def below_zero(result: Result) -> bool:
    """Whether some top eigenvalue is negative, which a logarithmic axis leaves out."""
    return result.sharpness is not None and bool((result.sharpness <= 0).any())


def segments(result: Result, scene: Config, m: int) -> go.Figure:
    """Loss along straight lines from the solution to others, before and after matching their hidden units."""
    if not result.segments or result.segment_t is None:
        return _waiting(result, scene)
    net = result.nets[m]
    if not bool(result.segments["other"][:, m].isfinite().any()):
        return _waiting(result, scene, "one of the two solutions diverged")
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
        return _waiting(result, scene)
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
        return _waiting(result, scene, "training diverged" if int(result.diverged_at[0]) != NEVER else "measuring curvature")
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


RANGES = (1.0, 0.7, 0.4, 0.0)  # where the small picture cuts the plane, back to front, as parts of its reach


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Cuts through the plane of the net without skips, one behind the other like ranges of hills; the net is in the front one."""
    assert result.grid is not None and result.a is not None
    z, x, colour = result.grid[0].numpy(), result.a[0].numpy(), hue(result.nets[0], scene)
    middle = len(x) // 2
    cuts = [z[round(middle * (1 - part))] for part in RANGES]
    high = max(float(cut.max()) for cut in cuts)
    ranges = [style.mark("area", x, cut / high + 0.42 * part, colour, alpha=0.3) for cut, part in zip(cuts, RANGES, strict=True)]
    dot = style.mark("dots", x[[middle]], cuts[-1][[middle]] / high + 0.06, "ink", width=10)
    return style.thumbnail(*ranges, dot, x=(float(x[0]), float(x[-1])), y=(0.0, 1.3))
