"""What is behind an average: where members disagree, what a bag holds, weights from held-out data, and juries."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.bagging import lesson, measure
from core.lessons.bagging.lesson import SHARES, Config, Result
from figures import style
from figures.bagging.pictures import bounds, line, members_axis, on_plane, samples
from figures.wire import rounded


def disagreement(result: Result, scene: Config) -> go.Figure:
    """Standard deviation of what the first members say."""
    spread = lesson.disagreement(result)
    if result.classes:
        z = rounded(style.array(spread), bits=7)
        surface = dict(type="heatmap", x=style.array(result.across), y=style.array(result.up), z=z[-1], zmin=0, zmax=0.5,
                       zsmooth="best", colorscale=style.UNCERTAINTY, showscale=False, opacity=0.9,
                       hovertemplate="members differ by %{z:.2f}<extra></extra>")
        return on_plane([style.frames(surface, z=z), samples(result)], result, scene)
    x, y = style.array(result.across), style.array(spread[:, 0])
    off = style.array((lesson.averages(result) - result.truth).abs()[:, 0])
    curve = dict(type="scatter", x=x, y=y[-1], mode="lines", showlegend=False,
                 line=dict(color=style.colour("averaged"), width=2.6), hovertemplate="members differ by %{y:.2f}<extra></extra>")
    distance = dict(type="scatter", x=x, y=off[-1], mode="lines", showlegend=False,
                    line=dict(color=style.colour("test"), width=2, dash="dot"),
                    hovertemplate="average is off by %{y:.2f}<extra></extra>")
    top = max(1.08 * float(max(y.max(), off.max())), 1e-3)
    return style.figure([style.frames(distance, y=off), style.frames(curve, y=y)], x="x", y="distance", showlegend=False,
                        xaxis=dict(range=list(bounds(result, scene)[0])), yaxis=dict(range=[0, top]))


def distinct(result: Result, scene: Config) -> go.Figure:
    """Part of the samples that a bag holds against the bag's size, measured and by the formula; the scene's size is ringed."""
    N, sizes = len(result.y), result.sizes.numpy()
    at = np.linspace(1, sizes[-1], 80)
    theory = style.theory(at, 100 * measure.distinct_share(N, torch.from_numpy(at)), "1 − (1 − 1/N)<sup>b</sup>",
                          showlegend=False, hovertemplate="%{x:.0f} drawn: %{y:.1f}\u00a0%<extra></extra>")
    dots = dict(type="scatter", x=sizes, y=100 * style.array(result.shares), mode="markers", showlegend=False,
                marker=dict(size=9, color=style.colour("train")), hovertemplate="%{x} drawn: %{y:.1f}\u00a0% held<extra></extra>")
    traces = [theory, dots]
    share = SHARES[scene.bag]
    if share is not None:
        traces.append(dict(type="scatter", x=[max(1, round(share * N))], y=[100 * float(result.distinct.mean())], mode="markers",
                           showlegend=False, marker=dict(symbol="circle-open", size=20, color=style.INK, line=dict(width=2)),
                           hovertemplate="the members' bags: %{y:.1f}\u00a0%<extra></extra>"))
    return style.figure(traces, x="samples drawn into a bag", y="distinct samples (% of N)", showlegend=False,
                        xaxis=dict(range=[0, 1.04 * sizes[-1]]), yaxis=dict(range=[0, 100]))


def weights(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """The members' weights from held-out data, the largest first: a line for each training set; dashed: equal weights."""
    assert result.stats is not None
    ordered = 100 * style.array(result.stats.weights.sort(1, descending=True).values)
    T, M = ordered.shape
    place = np.arange(1, M + 1, dtype=np.float32)
    gap = np.full((T, 1), np.nan, np.float32)
    lines = dict(type="scatter", x=np.tile(np.append(place, np.float32(np.nan)), T), y=np.concatenate([ordered, gap], 1).ravel(),
                 mode="lines+markers" if M < 3 else "lines", showlegend=False, marker=dict(color=style.colour("averaged", 0.5)),
                 line=dict(color=style.colour("averaged", 0.4), width=1.4),
                 hovertemplate="rank %{x}: %{y:.1f}\u00a0%<extra></extra>")
    equal = style.theory([1, M], [100 / M, 100 / M], "equal weights", showlegend=False)
    return style.figure([lines, equal], x="member, by weight", y="weight (%)", showlegend=False,
                        xaxis=dict(range=[0.5, M + 0.5]), yaxis=dict(range=[0, 1.08 * float(ordered.max())]))


def jury(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """Error of the majority of members, and of independent voters, simulated and by the binomial tail."""
    assert result.stats is not None
    stats = result.stats
    tail = [100 * measure.binomial_tail(stats.member_error, int(m)) for m in result.frames]
    traces = [line(result, 100 * stats.majority, "test", "members"),
              dict(line(result, 100 * stats.independent, "averaged", "independent voters", mode="markers")),
              style.theory(result.frames.numpy(), tail, "binomial tail", showlegend=False)]
    top = 1.12 * max(100 * float(stats.majority.max()), 100 * float(stats.independent.max()), 1.0)
    return style.figure(traces, x="voters", y="error of the majority (%)", showlegend=False, xaxis=members_axis(result),
                        yaxis=dict(range=[0, top]))
