"""Pictures of landscapes: plane and surface with one colour scale and one path."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from core.lessons.loss_landscapes.lab import NETS
from core.lessons.loss_landscapes.lesson import Config, Result
from core.moments import NEVER
from figures import solid, style
from figures.loss_landscapes.height import Height, height

# A dash repeats what the colour says.
HUES = {"plain": "plain", "skips": "skips"}
DASH = {"plain": "solid", "skips": "dashdot", "surface": "solid"}
AXES = {
    "start": ("back to the start (filter norms)", "random direction (filter norms)"),
    "random": ("random direction (filter norms)", "random direction (filter norms)"),
    "trajectory": ("first component (distance)", "second (distance)"),
    "segment": ("towards the second solution (distance)", "across (distance)"),
    "surface": ("first parameter θ₁", "second parameter θ₂"),
}
SIDES = (1.15, 1.15, 0.75)  # of the box that a surface stands in
MARK = 0.022  # half of a mark's size, in the same measure
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


def waiting(result: Result, scene: Config, text: str = "") -> go.Figure:
    note = dict(text=text or f"training: step {result.step} of {scene.steps}", x=0.5, y=0.5, xref="paper", yref="paper",
                showarrow=False, font=dict(color=style.MUTED))
    return style.figure(annotations=[note], xaxis_visible=False, yaxis_visible=False)


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
        return waiting(result, scene, "evaluating the plane" if result.grid is not None else "")
    scale, net = height(result, scene, grid), result.nets[m]
    loss, drawn, kind = grid[m].numpy(), _drawn(result, m), result.kinds[m]
    colour = style.colour(hue(net, scene))
    traces: list[style.Trace] = [
        dict(type="contour", x=style.array(a[m]), y=style.array(b[m]), z=style.array(scale.of(loss)),
             customdata=style.array(loss), colorscale=style.SURFACE, zmin=scale.low, zmax=scale.high, contours=_lines(scale),
             line=dict(width=0.6, color=style.colour("axis")),
             colorbar=dict(tickvals=scale.ticks, ticktext=scale.labels, thickness=12, outlinewidth=0, title_text=scale.title),
             hovertemplate="(%{x:.3g}, %{y:.3g})<br>loss %{customdata:.4g}<extra></extra>"),
        *_marks(result, m, near),
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


def _marks(result: Result, m: int, near: bool) -> list[style.Trace]:
    """The minima of a closed-form surface; on the plane of a net the bottoms of its basins and the solutions it goes through."""
    out = [] if near or not result.bottoms else [_bottoms(result.bottoms[m])]
    if result.marks is None or not bool(result.marks[m].isfinite().any()):
        return out
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
    return [*out, dict(type="scatter", x=at[:, 0], y=at[:, 1], mode="markers+text", text=text, textposition="top center",
                       textfont=dict(color=style.INK), marker=dict(symbol="star", **about),
                       hovertemplate="%{text}<extra></extra>")]


def _bottoms(places: Tensor) -> style.Trace:
    """Diamonds at the bottoms [n, 2] of basins."""
    x, y = style.array(places).T
    return dict(type="scatter", x=x, y=y, mode="markers", hovertemplate="bottom of a basin<extra></extra>",
                marker=dict(symbol="diamond", size=11, color=style.INK, line=dict(color=style.PAPER, width=1)))


def _nearest(result: Result, m: int, places: np.ndarray) -> np.ndarray:
    """The loss [n] at the points of landscape m's plane that are nearest to places [n, 2] on it."""
    assert result.grid is not None and result.a is not None and result.b is not None
    column, row = (np.abs(axis[m].numpy()[:, None] - at).argmin(0)
                   for axis, at in zip((result.a, result.b), places.T, strict=True))
    return result.grid[m].numpy()[row, column]


def floor(result: Result, m: int) -> str:
    """What the two sides of a surface's floor are, in words; nothing until it is known."""
    if not result.kinds:
        return ""
    one, other = (name.split(" (")[0] for name in AXES[result.kinds[m]])
    return f" Floor: {f'two {one}s' if one == other else f'{one} and {other}'}."


def surface3d(result: Result, scene: Config, m: int) -> go.Figure:
    """The same plane as a surface: the contour's colours, and the same shadow of the path lying on it."""
    if result.grid is None or result.a is None or result.b is None or result.projection_loss is None:
        return waiting(result, scene)
    if result.basins is None or int(result.basins[m]) == NEVER:
        # Surfaces are slow to draw, so a plane that is still growing is shown as contours only.
        return waiting(result, scene, "evaluating the plane")
    scale, net = height(result, scene), result.nets[m]
    path = _drawn(result, m)
    (x0, x1), (y0, y1) = ((float(axis[m][0]), float(axis[m][-1])) for axis in (result.a, result.b))
    path[(path[:, 0] < x0) | (path[:, 0] > x1) | (path[:, 1] < y0) | (path[:, 1] > y1)] = np.nan
    lift = LIFT * (scale.high - scale.low)
    path = np.column_stack([path, scale.of(result.projection_loss[:, m].numpy()) + lift])
    colour = style.colour(hue(net, scene))
    x, y, z = style.array(path).T
    line = dict(type="scatter3d", x=x, y=y, z=z, mode="lines", line=dict(color=colour, width=9), hoverinfo="skip")
    size = MARK * np.array([(x1 - x0) / SIDES[0], (y1 - y0) / SIDES[1], (scale.high - scale.low + 3 * lift) / SIDES[2]])
    lines = _lines(scale)
    ground = solid.ground(
        result.a[m].numpy(), result.b[m].numpy(), scale.of(result.grid[m].numpy()),
        np.arange(lines["start"], lines["end"], lines["size"])[1:], cmin=scale.low, cmax=scale.high,
        customdata=style.array(result.grid[m].flatten()), hovertemplate="loss %{customdata:.4g}<extra></extra>",
        lighting=dict(ambient=0.65, diffuse=0.75, specular=0.05, roughness=0.9), lightposition=dict(x=-2000, y=-4000, z=8000))
    start = solid.ring(path[0] + [0, 0, size[2]], 1.5 * size, color=colour, width=5)
    traces = [*ground, start, style.grow(line, list(range(1, len(path) + 1))), solid.ball(path, size, colour)]
    if result.bottoms:
        at = result.bottoms[m].numpy()
        traces.insert(2, solid.diamonds(np.column_stack([at, scale.of(_nearest(result, m, at)) + lift]), 0.7 * size, style.INK))
    return style.figure(
        traces, showlegend=False, margin=dict(l=0, r=0, t=0, b=0), uirevision=f"{scene.problem}:{result.kinds[m]}",
        scene=dict(xaxis=solid.axis(x0, x1), yaxis=solid.axis(y0, y1),
                   zaxis=solid.axis(scale.low - lift, scale.high + 2 * lift, scale.ticks),
                   aspectmode="manual", aspectratio=dict(zip("xyz", SIDES, strict=True)),
                   camera=dict(eye=dict(x=0.5, y=-1.6, z=1.15), center=dict(x=0, y=0, z=-0.12))))


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
