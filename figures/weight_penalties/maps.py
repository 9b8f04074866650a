"""Pictures of many weights at once: their spread, maps of nets and digits, and what is seen while the question is asked."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number
from core.lessons.weight_penalties.lesson import LINEAR, Result
from core.lessons.weight_penalties.result import ORDER
from core.lessons.weight_penalties.words import ASKED
from figures import style


def histogram(result: Result, penalty: str, bins: int = 41) -> go.Figure:
    """How the weights are spread: a bar a bin for those that are not zero, and a needle for the exact zeros."""
    w = result.weights[ORDER.index(penalty)].numpy()
    reach = _reach(result)
    edges = np.linspace(-reach, reach, bins + 1)
    counts = np.stack([np.histogram(row[row != 0].clip(-reach, reach), edges)[0] for row in w])
    zero = (w == 0).sum(1)
    width, top = edges[1] - edges[0], math.log10(w.shape[1] * 1.4)
    bar = dict(type="bar", x=style.array((edges[1:] + edges[:-1]) / 2), y=style.array(counts[0]), width=width * 0.94,
               marker=dict(color=style.colour(penalty), line_width=0),
               hovertemplate="about %{x:.2f}: %{y:.0f} weights<extra></extra>")
    # Lines start at half a weight, below the axis, because a logarithm has no zero.
    tall = np.stack([np.full(len(zero), 0.5), np.where(zero > 0, zero, 0.5)], 1)
    needle = dict(type="scatter", x=[0, 0], y=style.array(tall[0]), mode="lines+markers", line=dict(color=style.INK, width=3),
                  marker=dict(size=[0, 9], symbol="diamond", color=style.INK),
                  hovertemplate="exactly 0: %{y:.0f} weights<extra></extra>")
    traces = [style.frames(bar, y=style.array(counts)), style.frames(needle, y=style.array(tall))]
    return style.figure(traces, x="weight", y="weights",
                        yaxis_type="log", yaxis_range=[math.log10(0.7), top], xaxis_range=[-reach, reach], showlegend=False)


def _reach(result: Result) -> float:
    return float(np.quantile(np.abs(result.weights.numpy()), 0.998)) or 1.0


def beyond(result: Result, penalty: str) -> str:
    """That the outermost bars hold more than their width says, as a sentence; empty where they do not."""
    most = float(result.weights[ORDER.index(penalty)].abs().max())
    return f" Outermost bars: all as far as {format_number(most)}." if most > _reach(result) else ""


def scale(result: Result) -> float:
    """The weight at the ends of the one scale of colour: the 99th percentile of all penalties and strengths."""
    return float(np.quantile(np.abs(result.weights.numpy()[:, ::4]), 0.99)) or 1.0


def maps(result: Result, penalty: str) -> go.Figure:
    """Weights as a picture at every α: ten digits' 8 × 8 weights, or the net's first layer with features by name."""
    top = scale(result)
    z, about, axes = _sheet(result, result.weights[ORDER.index(penalty)])
    picture = _map(z[0], top, about, axes)
    picture.data[0].meta = style.frames({}, z=z)["meta"]
    return picture


def _sheet(result: Result, weights: torch.Tensor) -> tuple[np.ndarray, dict[str, Any], dict[str, Any]]:
    """Weights [F, W] as pictures [F, rows, columns], the layout about them, and the names of rows and columns."""
    w = style.array(weights)
    if result.pixels is None:
        D = len(result.names)
        z = w[:, : (w.shape[1] // (D + 1)) * D].reshape(len(w), -1, D)
        axes = dict(x=list(result.names), y=[f"unit {i + 1}" for i in range(z.shape[1])])
        return z, dict(x="feature", y="hidden unit", xaxis_showgrid=False, yaxis_showgrid=False, xaxis_tickangle=-50), axes
    full = np.zeros((len(w), 10, 64), np.float32)
    full[:, :, result.pixels.numpy()] = w.reshape(len(w), 10, -1)
    z = np.full((len(w), 27, 35), np.nan, np.float32)
    for digit in range(10):
        row, column = 9 * (digit // 4) + 1, 9 * (digit % 4)
        z[:, row : row + 8, column : column + 8] = full[:, digit].reshape(-1, 8, 8)
    text = [dict(x=9 * (d % 4) - 0.5, y=9 * (d // 4) - 0.1, text=str(d), showarrow=False, xanchor="left",
                 font=dict(color=style.MUTED)) for d in range(10)]
    bare = dict(showticklabels=False, ticks="", showgrid=False, showline=False)
    about: dict[str, Any] = dict(equal=True, x="each digit's 8 × 8 weights", annotations=text, xaxis=bare,
                                 yaxis=dict(**bare, autorange="reversed"))
    return z, about, {}


def _map(z: np.ndarray, top: float, about: dict[str, Any], axes: dict[str, Any]) -> go.Figure:
    heat = dict(type="heatmap", z=z, zmin=-top, zmax=top, colorscale=style.PROBABILITY, xgap=1, ygap=1, **axes,
                colorbar=dict(thickness=10, len=0.9, outlinewidth=0), hovertemplate="w = %{z:.4g}<extra></extra>")
    return style.figure([heat], **about)


def setup(result: Result) -> go.Figure:
    """The weights before α grows, those that the question names or as a map. Of L2, which has not begun to choose among them."""
    weakest = result.weights[ORDER.index("l2"), :1]
    if result.problem not in LINEAR:
        z, about, axes = _sheet(result, weakest)
        return _map(z[0], float(weakest.abs().max()) or 1.0, about, axes)
    w = dict(zip(result.names, weakest[0].tolist(), strict=True))
    named = {name: w[name] for name in ASKED.get(result.problem, result.names)}
    noise = [value for name, value in w.items() if name.startswith("noise ")]
    if noise:
        named["noise" if len(noise) == 1 else f"noise, largest of {len(noise)}"] = max(noise, key=abs)
    y = np.arange(len(named), dtype=np.float32)[::-1]
    reach = 1.1 * max(map(abs, named.values())) or 1.0
    bar = dict(type="bar", x=style.array(list(named.values())), y=y, orientation="h", width=0.7, text=list(named),
               textposition="none", marker=dict(color=style.colour("l2"), line_width=0),
               hovertemplate="%{text}: %{x:.4g}<extra></extra>")
    return style.figure([bar], x="weight", showlegend=False,
                        xaxis=dict(range=[-reach, reach], zeroline=True, zerolinecolor=style.MUTED),
                        yaxis=dict(range=[-0.6, len(named) - 0.4], tickvals=y.tolist(), ticktext=list(named), ticks="",
                                   showgrid=False))
