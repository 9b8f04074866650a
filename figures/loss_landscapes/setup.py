"""What a reader sees while being asked: the points and the two nets, the ends of the way, or the map without its path."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.formatting import format_as
from core.lessons.loss_landscapes.lab import CLIMB, NETS, sample
from core.lessons.loss_landscapes.lesson import Config, Result
from core.moments import NEVER
from figures import style
from figures.loss_landscapes.pictures import HUES, contour

BARE = dict(showticklabels=False, showgrid=False, ticks="", zeroline=False)


def setup(result: Result, scene: Config) -> go.Figure:
    if scene.problem != "network":
        figure = contour(result, scene, 0, path=False)
        # A start that the controls put beyond the map is still in sight.
        for axis, start in (("xaxis", scene.start_x), ("yaxis", scene.start_y)):
            low, high = figure.layout[axis].range
            figure.layout[axis].range = [min(low, start - 0.3), max(high, start + 0.3)]
        return figure
    return _way(result, scene) if scene.plane == "segment" else _nets(scene)


def words(scene: Config) -> tuple[str, str, str]:
    """Title, caption and alternative text."""
    if scene.problem != "network":
        start = f"({format_as(scene.start_x)}, {format_as(scene.start_y)})"
        return ("The map and the start", "The ring is the start, stars are minima.",
                f"Contours of the loss with its minima; the path starts at {start}.")
    layers = "1 hidden layer" if scene.depth == 1 else f"{scene.depth} hidden layers"
    if scene.plane == "segment":
        second = "its twin, which is itself with its units re-ordered" if scene.second == "twin" else "one from another start"
        return ("From one solution straight to another", "How high is the loss on the way?",
                f"An axis with the net {NETS[scene.skips].lower()} at one end and {second} at the other; the loss between them "
                "is not shown.")
    norm = " with batch norm" if scene.batch_norm else ""
    differ = "only the skips differ" if scene.depth > 1 else "that leaves nothing to skip"
    return ("The points and the two nets", f"Both nets have {layers} of {scene.width} units{norm}; {differ}. The loss is drawn "
            f"on a plane through each net's parameters; out of a basin that counts one climbs by {CLIMB:g} or more.",
            f"64 points of two classes, and two nets of {layers}: a plain chain, and one with an arc past each layer that has a "
            "skip.")


def _nets(scene: Config) -> go.Figure:
    """The points on the left; on the right both nets as chains of layers, arcs where a layer has a skip."""
    x, y = sample(scene)
    first = (y[0, 0] > 0).numpy()
    traces = [dict(type="scatter", x=style.array(x[0, 0])[here], y=style.array(x[0, 1])[here], mode="markers", hoverinfo="skip",
                   marker=dict(color=style.colour(hue), symbol=symbol, size=7))
              for here, hue, symbol in ((~first, "class_a", "circle"), (first, "class_b", "diamond"))]
    notes: list[dict[str, Any]] = []
    for net, height in (("plain", 0.0), ("skips", 1.0)):
        colour, layers = style.colour(HUES[net]), np.arange(scene.depth + 2)
        traces.append(dict(type="scatter", x=layers, y=np.full(len(layers), height), mode="lines+markers", hoverinfo="skip",
                           line=dict(color=colour, width=2), marker=dict(size=9, color=colour, symbol="square"),
                           xaxis="x2", yaxis="y2"))
        notes.append(dict(x=0, y=height - 0.14, xref="x2", yref="y2", text=NETS[net], showarrow=False, xanchor="left",
                          yanchor="top", font=dict(color=colour)))
    angle = np.linspace(0, np.pi, 13)
    # The first hidden layer changes the number of units, so that its input cannot be added to it.
    arcs = [np.stack([k + 0.5 - 0.5 * np.cos(angle), 1 + 0.3 * np.sin(angle)]) for k in range(1, scene.depth)]
    if arcs:
        arc = np.concatenate([np.append(a, [[np.nan], [np.nan]], 1) for a in arcs], 1)
        traces.append(dict(type="scatter", x=arc[0], y=arc[1], mode="lines", hoverinfo="skip", xaxis="x2", yaxis="y2",
                           line=dict(color=style.colour("skips"), width=2)))
    return style.figure(
        traces, x="x₁", y="x₂", equal=True, showlegend=False, annotations=notes, xaxis_domain=[0, 0.54],
        xaxis2=dict(BARE, domain=[0.6, 1], anchor="y2", showline=False, range=[-0.5, scene.depth + 1.5]),
        yaxis2=dict(BARE, anchor="x2", showline=False, range=[-0.5, 1.5]))


def _way(result: Result, scene: Config) -> go.Figure:
    """The two ends of the segment at the losses of their nets, where these are known, and the straight line between."""
    m = result.nets.index(scene.skips)
    ends = np.array([0.0, 0.0])
    if scene.second in result.segments:
        ends = result.segments[scene.second][[0, -1], m].double().numpy()
    known = bool(np.isfinite(ends).all()) and result.diverged_at[m] == NEVER
    ends = np.where(known, ends, 0.0)
    # High enough for anything that is usual, whatever is found, so that the axis tells nothing.
    high = 3 * max(1.0, float(ends.max()))
    colour = style.colour(HUES[result.nets[m]])
    traces = [style.theory([0, 1], ends, "straight between the ends", hoverinfo="skip", hovertemplate=None),
              dict(type="scatter", x=np.array([0.0, 1.0]), y=ends, mode="markers", hoverinfo="skip",
                   marker=dict(symbol="star", size=15, color=colour, line=dict(color=style.PAPER, width=1.2)))]
    second = "its twin" if scene.second == "twin" else "the other net"
    notes: list[dict[str, Any]] = [
        dict(x=place, y=float(height), text=text, showarrow=False, yshift=18, xanchor=anchor)
        for place, height, text, anchor in ((0, ends[0], "the net", "left"), (1, ends[1], second, "right"))]
    notes.append(dict(x=0.5, y=high / 2, text="?", showarrow=False, font=dict(color=style.MUTED)))
    return style.figure(traces, x="place between the two solutions", y="loss", showlegend=False, annotations=notes,
                        xaxis_range=[-0.08, 1.08], yaxis_range=[-0.04 * high, high])
