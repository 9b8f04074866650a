"""Pictures of the plane: its samples, how sure the net is over it, and where fits to points of one's own change class."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from torch import Tensor

from core.lessons.noise.data import SIDE, sides
from core.lessons.noise.lesson import Config, Result
from figures import style

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "hexagon")
OWN = ("circle", "square-open")  # as different as two can be: lines of two kinds of noise run among them
OPENING = Config().level


def name_of(result: Result, label: int) -> str:
    """What a class is called: its name in the file that the reader brought, or its number."""
    return result.own.names[label] if result.own else f"class {label + 1}"


def samples(result: Result) -> style.Trace:
    """The first seed's, a symbol for each class."""
    x, given = style.array(result.points[0]), result.given[0].tolist()
    symbols = OWN if result.own else SYMBOLS
    return dict(type="scatter", x=x[0], y=x[1], mode="markers", text=[name_of(result, k) for k in given],
                marker=dict(symbol=[symbols[k] for k in given], size=9, color=style.INK,
                            line=dict(color=style.PAPER, width=[1 + symbols[k].endswith("open") for k in given])),
                hovertemplate="%{text}<extra></extra>")


def on_plane(traces: list[style.Trace], result: Result, room: float = 0.0) -> go.Figure:
    """room: a part of the height that is left free above."""
    across, (low, high) = result.frame
    return style.figure(traces, x="x₁", y="x₂", equal=True, xaxis_range=list(across),
                        yaxis_range=[low, high + room * (high - low)], showlegend=False)


def setup(result: Result, _: Config) -> go.Figure:
    """The samples of the classes: what the question is about."""
    return on_plane([samples(result)], result)


def sheet(result: Result, scene: Config) -> go.Figure:
    """How sure the net is over the plane, at the player's strength."""
    (x, y), z = sides(result.frame), 100 * result.classes.sheet
    colours = dict(type="heatmap", x=style.array(x), y=style.array(y), z=style.array(z[OPENING]), colorscale=style.UNCERTAINTY,
                   reversescale=True, zmin=100 / scene.K, zmax=100, zsmooth="fast",
                   colorbar=dict(title=dict(text="sure (%)"), thickness=12),
                   hovertemplate="(%{x:.1f}, %{y:.1f}): %{z:.0f}\u00a0% sure<extra></extra>")
    return on_plane([style.frames(colours, z=z), samples(result)], result)


def boundary(result: Result, values: Tensor, name: str, **line: Any) -> list[style.Trace]:
    """Where a fit is 0, between −1 and 1: values [SIDE²], or [L, SIDE²] where it moves with the player. line: its stroke."""
    x, y = sides(result.frame)
    z = values.unflatten(-1, (SIDE, SIDE))
    still = z.ndim == 2
    zero = dict(type="contour", x=style.array(x), y=style.array(y), z=style.array(z if still else z[OPENING]), showscale=False,
                hoverinfo="skip", contours=dict(coloring="none", start=0, end=0, size=1), line=line)
    # The keys of a picture are read from its lines, and a contour is none.
    key = dict(type="scatter", x=[None], y=[None], mode="lines", name=name, hoverinfo="skip", line=line)
    return [zero if still else style.frames(zero, z=z), key]
