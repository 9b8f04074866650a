"""Pictures of bagging: how alike members are, members and average, the training points, the parts of the error."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.drawings import LEVELS
from core.lessons.bagging import lesson, measure
from core.lessons.bagging.data import CURVE, FRAMES, Samples, to_dots
from core.lessons.bagging.lesson import ARMS, MOST_DOTS, Config, Result
from core.uploads import frame
from figures import ends, style
from figures.kinds import PointsPad
from figures.wire import rounded

SIZES = {"tenth": "0.1 N", "third": "0.3 N", "full": "bags of N", "none": "no bags"}  # beside the dots
LINES = 24  # members drawn as curves at most
WIDE = {"one": "One member", "uniform": "Average", "weighted": "Weighted,<br>held-out data",
        "fitted": "Weighted,<br>training data", "majority": "Majority"}


def legend(result: Result) -> list[tuple[str, str, str]]:
    out = [("average", style.colour("averaged"), "solid"), ("test samples", style.colour("test"), "solid"),
           ("out of the bag", style.colour("validation"), "solid")]
    return out + ([("truth", style.INK, "dash")] if result.known else [])


def labels(result: Result) -> list[str]:
    return [f"{m} member{'s' if m > 1 else ''}" for m in result.frames.tolist()]


def alike(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """The part of a member's variance that is left in the average, against ρ: measured for every way to draw bags."""
    along = torch.linspace(0, 1, 41, dtype=torch.float64)
    theory = 100 * torch.stack([measure.variance_of_mean(along, 1.0, m) for m in result.frames])
    dashed = style.theory(along, theory[-1], "formula", showlegend=False,
                          hovertemplate="ρ = %{x:.2f}: %{y:.0f}\u00a0%<extra></extra>")
    traces: list[style.Trace] = [style.frames(dashed, y=theory)]
    top = 108.0
    if result.stats is not None:
        stats = result.stats
        left = 100 * style.array((stats.variance / stats.sigma2.clamp_min(1e-20)[:, None]).T)  # [F, W]
        x = style.array(stats.rho)
        top = max(top, 1.1 * float(left.max()))
        ring = dict(type="scatter", x=[x[result.home]], y=[left[-1, result.home]], mode="markers", hoverinfo="skip",
                    showlegend=False, marker=dict(symbol="circle-open", size=24, color=style.INK, line=dict(width=2)))
        dots = dict(type="scatter", x=x, y=left[-1], mode="markers+text", showlegend=False, cliponaxis=False,
                    text=[f"{' ' * (6 if way == 'tenth' else 2)}{SIZES[way]}  " for way in result.ways],
                    textposition=[_beside(way, float(v)) for way, v in zip(result.ways, x, strict=True)],
                    marker=dict(size=13, color=style.colour("averaged")), textfont=dict(color=style.INK),
                    hovertemplate="%{text}: ρ = %{x:.2f}, %{y:.0f}\u00a0% of σ² left<extra></extra>")
        traces += [style.frames(ring, y=left[:, [result.home]]), style.frames(dots, y=left)]
    return style.figure(traces, x="correlation ρ of two members", y="variance left, % of one member's", showlegend=False,
                        xaxis=dict(range=[-0.03, 1.05]), yaxis=dict(range=[-8, top]))


def _beside(way: str, rho: float) -> str:
    """Where the name of a dot stands: off the dashed line, and off the next name where all are at one height."""
    return "top left" if rho > 0.75 else "bottom center" if way == "tenth" else "bottom right"


def fit(result: Result, scene: Config) -> go.Figure:
    """Members and their average over the training set."""
    return _plane(result, scene) if result.classes else _curve(result, scene)


def samples(result: Result, size: float = 7) -> style.Trace:
    if not result.classes:
        return dict(type="scatter", x=style.array(result.x[0]), y=style.array(result.y), mode="markers", showlegend=False,
                    marker=dict(size=size, color=style.colour("train"), line=dict(width=0.8, color=style.PAPER)),
                    hovertemplate="training sample (%{x:.2f}, %{y:.2f})<extra></extra>")
    classes = (result.y > 0.5).tolist()
    return dict(type="scatter", x=style.array(result.x[0]), y=style.array(result.x[1]), mode="markers", showlegend=False,
                marker=dict(color=[style.colour("class_b" if c else "class_a") for c in classes], size=size,
                            symbol=["square" if c else "circle" for c in classes], line=dict(width=0.8, color=style.PAPER)),
                text=[f"class {'AB'[c]}" for c in classes], hovertemplate="%{text}<extra></extra>")


def bounds(result: Result, scene: Config) -> tuple[tuple[float, float], tuple[float, float]]:
    return frame(result.own) if result.own else FRAMES[scene.problem]


def _curve(result: Result, scene: Config) -> go.Figure:
    across, up = bounds(result, scene)
    said, mean = rounded(style.array(result.said[:LINES, 0]), bits=12), style.array(lesson.averages(result)[:, 0])
    x = style.array(result.across)
    size = len(x) + 1
    gap = np.full((len(said), 1), np.nan, np.float32)
    members = dict(type="scatter", x=np.tile(np.append(x, np.float32(np.nan)), len(said)), mode="lines", hoverinfo="skip",
                   y=np.concatenate([said, gap], 1).ravel(), showlegend=False,
                   line=dict(color=style.colour("averaged", 0.22), width=1))
    style.grow(members, [size * min(m, len(said)) for m in result.frames.tolist()])
    average = dict(type="scatter", x=x, y=mean[-1], mode="lines", showlegend=False,
                   line=dict(color=style.colour("averaged"), width=3.2), hovertemplate="average: %{y:.2f}<extra></extra>")
    truth = style.theory(x, result.truth[0], "truth", showlegend=False)
    return style.figure([members, samples(result), style.frames(average, y=mean), truth], x="x", y="y", showlegend=False,
                        xaxis=dict(range=list(across)), yaxis=dict(range=list(up)))


def _plane(result: Result, scene: Config) -> go.Figure:
    z = rounded(style.array(lesson.averages(result)), bits=7)
    surface = dict(type="contour", x=style.array(result.across), y=style.array(result.up), z=z[-1], zmin=0, zmax=1, opacity=0.9,
                   showscale=False, colorscale=style.PROBABILITY, contours=dict(coloring="heatmap", start=0.5, end=0.5, size=1),
                   line=dict(color=style.INK, width=2), hovertemplate="P(class B) %{z:.0%}<extra></extra>")
    return on_plane([style.frames(surface, z=z), samples(result)], result, scene)


def on_plane(traces: list[style.Trace], result: Result, scene: Config) -> go.Figure:
    across, up = bounds(result, scene)
    return style.figure(traces, x="x₁", y="x₂", uirevision=scene.points or scene.problem, xaxis_range=list(across),
                        yaxis_range=list(up), xaxis_showgrid=False, yaxis_showgrid=False)


def setup(result: Result, scene: Config) -> go.Figure:
    """The training set alone."""
    if result.classes:
        return on_plane([samples(result, 9)], result, scene)
    across, up = bounds(result, scene)
    return style.figure([samples(result, 9)], x="x", y="y", xaxis=dict(range=list(across)), yaxis=dict(range=list(up)))


def pad(result: Result, scene: Config) -> PointsPad:
    """The training set, to be drawn on."""
    across, up = FRAMES[scene.problem]
    curve = scene.problem == CURVE
    classes = (("Points", style.colour("train")),) if curve else (("A", style.colour("class_a")), ("B", style.colour("class_b")))
    return PointsPad(points=to_dots(scene.problem, Samples(result.x, result.y)), levels=LEVELS, x=across, y=up,
                     x_title="x" if curve else "x₁", y_title="y" if curve else "x₂", classes=classes, most=MOST_DOTS)


def members_axis(result: Result, room: float = 0.0) -> dict[str, Any]:
    last = float(np.log10(int(result.frames[-1])))
    ticks = [m for m in (1, 2, 4, 8, 16, 32, 64, 128) if m <= int(result.frames[-1])]
    return dict(type="log", range=[-0.06, (1 + room) * max(last, 0.3) + 0.06], tickvals=ticks, ticktext=list(map(str, ticks)))


def line(result: Result, y: Any, hue: str, said: str, width: float = 2.6, alpha: float = 1, mode: str = "lines+markers",
          **stroke: Any) -> style.Trace:
    return dict(type="scatter", x=result.frames.numpy(), y=style.array(y), mode=mode, showlegend=False,
                line=dict(color=style.colour(hue, alpha), width=width, **stroke),
                marker=dict(size=6, color=style.colour(hue, alpha)),
                hovertemplate=f"{said}, %{{x}} members: %{{y:.3g}}<extra></extra>")


def parts(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """Bias², variance and their sum against the number of members, with the formula for the variance."""
    assert result.stats is not None
    stats, h, M = result.stats, result.home, int(result.frames[-1])
    at = np.geomspace(1, M, 60)
    rho, sigma2 = float(stats.rho[h]), float(stats.sigma2[h])
    formula = measure.variance_of_mean(rho, sigma2, torch.from_numpy(at))
    top = 1.12 * float(stats.error[h].max())
    bottom = min(0.0, 1.2 * float(stats.bias[h].min()))
    bias = "bias²" if result.known else "bias², noise"
    traces = [line(result, stats.error[h], "test", "sum", width=3, mode="lines"),
              line(result, stats.bias[h], "test", bias, width=2, mode="lines", dash="dot"),
              dict(type="scatter", x=at, y=style.array(sigma2 / at), mode="lines", showlegend=False,
                   line=dict(color=style.MUTED, width=1.4, dash="dot"),
                   hovertemplate="σ²/M, were members independent: %{y:.3g}<extra></extra>"),
              line(result, stats.variance[h], "test", "variance", mode="markers"),
              style.theory(at, formula, "ρσ² + (1 − ρ)σ²/M", showlegend=False)]
    names = [("sum", float(stats.error[h, -1]), "test"), (bias, float(stats.bias[h, -1]), "test"),
             ("variance", float(stats.variance[h, -1]), "test"), ("σ²/M", sigma2 / M, "muted")]
    notes = ends.labels(float(np.log10(M)), names, bottom, top)
    return style.figure(traces, x="members", y="mean square", showlegend=False, xaxis=members_axis(result, 0.3),
                        yaxis=dict(range=[bottom, top]), annotations=notes)


def out_of_bag(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """Error on samples out of the bag and on test samples, mean of the training sets, against the number of members."""
    assert result.stats is not None
    stats, scale = result.stats, 100 if result.classes else 1
    outside, test = scale * stats.out_of_bag.nanmean(0), scale * stats.test.mean(0)
    traces = [line(result, test, "test", "test samples")]
    values = test
    if bool(outside.isfinite().any()):
        traces.append(line(result, outside, "validation", "out of the bag"))
        values = torch.cat([test, outside[outside.isfinite()]])
    return style.figure(traces, x="members", y="error (%)" if result.classes else "mean squared error", showlegend=False,
                        xaxis=members_axis(result), yaxis=dict(range=[0, max(1.1 * float(values.max()), 1e-6)]))


def votes(result: Result, scene: Config) -> go.Figure:  # noqa: ARG001
    """Test error of one member, of the averages and of the vote: a dot for each training set, a bar for their mean."""
    assert result.stats is not None
    values = style.array((100 if result.classes else 1) * result.stats.votes)
    A, T = values.shape
    rows = np.arange(A)[:, None] + np.linspace(-0.22, 0.22, T)
    name = [ARMS[arm] for arm in result.stats.arms]
    dots = dict(type="scatter", x=values.ravel(), y=style.array(rows.ravel()), mode="markers", showlegend=False,
                marker=dict(size=6, color=style.colour("test", 0.5)), text=[n for n in name for _ in range(T)],
                hovertemplate="%{text}: %{x:.3g}<extra></extra>")
    means = dict(type="scatter", x=values.mean(1), y=np.arange(A), mode="markers", showlegend=False, text=name,
                 marker=dict(symbol="line-ns", size=30, line=dict(width=4, color=style.colour("test"))),
                 hovertemplate="%{text}, mean: %{x:.3g}<extra></extra>")
    right = max(1.08 * float(values.max()), 1e-6)
    return style.figure([dots, means], x="test error (%)" if result.classes else "test error (mean square)", showlegend=False,
                        xaxis=dict(range=[0, right]),
                        yaxis=dict(range=[A - 0.5, -0.5], tickvals=list(range(A)), ticktext=[WIDE[a] for a in result.stats.arms]))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:  # noqa: ARG001
    """Some members, their average and the truth."""
    x, every = result.across[::3], slice(None, None, 3)
    pale = [style.mark("line", x, said[0, every], "averaged", width=1.2, alpha=0.4) for said in result.said[:3]]
    return style.thumbnail(*pale, style.mark("line", x, lesson.averages(result)[-1, 0, every], "averaged", width=4),
                           style.mark("line", x, result.truth[0, every], "ink", width=2, dash="5 4"), x=(0, 1), y=(-1.7, 1.7))
