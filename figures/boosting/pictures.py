"""Pictures of boosting: weighted samples with each round's learner, the sum, its errors, margins, and what noise costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_percent
from core.lessons.boosting import adaboost, lesson, words
from core.lessons.boosting.lesson import Config, Result
from figures import ends, style
from figures.kinds import Table
from figures.wire import rounded

EVEN, LEAST, LARGEST = 10.0, 4.0, 46.0  # diameters of a sample with an even share of the weight, and the limits (px)
PALE = 0.16
CLASS = {-1: "class_a", 1: "class_b"}


def legend() -> list[tuple[str, str, str]]:
    return [("training", style.colour("train"), "solid"), ("test", style.colour("test"), "solid"),
            ("this round's learner", style.colour("weak_learner"), "solid"), ("bound", style.INK, "dash")]


def labels(result: Result) -> list[str]:
    at = int(result.ended[result.home, 0])
    return [f"round {t + 1}" if at < 0 or t < at else f"ended in round {at}" for t in range(result.rounds)]


def shown(result: Result, scene: Config) -> int:
    """The round, counted from 0, that the player stands at."""
    return min(scene.at, len(result.error) - 1)


def _samples(result: Result) -> style.Trace:
    """The training set as labelled; wrong labels wear a heavy ring."""
    classes, wrong = (result.y > 0).numpy(), result.wrong.numpy()
    edge = dict(width=np.where(wrong, 2.2, 0.8), color=[style.INK if w else style.PAPER for w in wrong])
    return dict(type="scatter", x=style.array(result.x[0]), y=style.array(result.x[1]), mode="markers", showlegend=False,
                text=[f"class {'AB'[int(c)]}{', wrong label' if w else ''}" for c, w in zip(classes, wrong, strict=True)],
                marker=dict(color=[style.colour("class_b" if c else "class_a") for c in classes], line=edge, opacity=1,
                            symbol=["square" if c else "circle" for c in classes], size=EVEN),
                hovertemplate="%{text}<extra></extra>")


def _plane(traces: list[style.Trace], result: Result, scene: Config) -> go.Figure:
    return style.figure(traces, x="x₁", y="x₂", uirevision=scene.points or scene.problem, xaxis_showgrid=False,
                        yaxis_showgrid=False, xaxis_range=[float(result.across[0]), float(result.across[-1])],
                        yaxis_range=[float(result.up[0]), float(result.up[-1])])


def setup(result: Result, scene: Config) -> go.Figure:
    """The training set before the first round, when all weigh the same."""
    return _plane([_samples(result)], result, scene)


def weights(result: Result, scene: Config) -> go.Figure:
    """The samples as large as their weights in each round, over what that round's learner says."""
    T, at = len(result.error), shown(result, scene)
    share = style.array(result.weight[:T] * len(result.y))
    size = rounded(np.clip(EVEN * np.sqrt(share), LEAST, LARGEST), bits=4)
    samples = _samples(result)
    samples["marker"]["size"] = size[at]
    samples["marker"]["sizemode"] = "diameter"
    under = _stump(result, at) if result.stumps else _says(result, at)
    return _plane([*under, style.frames(samples, marker__size=size)], result, scene)


def _stump(result: Result, at: int) -> list[style.Trace]:
    """Both sides of each round's stump in the pale colour of the class it gives them, and the line between them."""
    assert result.stumps is not None
    T = len(result.error)
    feature, threshold = result.stumps.feature_KT[:, 0].numpy(), result.stumps.threshold_KT[:, 0].numpy()
    above = (result.stumps.value_KMC[:, 1, 1] > 0.5).numpy()
    below = (result.stumps.value_KMC[:, 0, 1] > 0.5).numpy()
    low, high = ((float(result.across[i]), float(result.up[i])) for i in (0, -1))
    boxes = {name: np.full((T, 2, 5), np.nan, np.float32) for name in ("class_a", "class_b", "line")}
    for t in range(T):
        d, cut = feature[t], min(max(float(threshold[t]), low[feature[t]]), high[feature[t]])
        for reach, side in (((low[d], cut), below[t]), ((cut, high[d]), above[t])):
            box = np.array([[low[0], high[0], high[0], low[0], low[0]], [low[1], low[1], high[1], high[1], low[1]]])
            box[d] = np.where(box[d] == low[d], *reach)
            if reach[1] > reach[0]:
                boxes["class_b" if side else "class_a"][t] = box
        if np.isfinite(threshold[t]):
            boxes["line"][t, d, :2], boxes["line"][t, 1 - d, :2] = cut, (low[1 - d], high[1 - d])
    out: list[style.Trace] = []
    for name in ("class_a", "class_b"):
        x, y = boxes[name][:, 0], boxes[name][:, 1]
        side = dict(type="scatter", x=x[at], y=y[at], mode="lines", fill="toself", fillcolor=style.colour(name, PALE),
                    line=dict(width=0), hoverinfo="skip", showlegend=False)
        out.append(style.frames(side, x=x, y=y))
    x, y = boxes["line"][:, 0, :2], boxes["line"][:, 1, :2]
    line = dict(type="scatter", x=x[at], y=y[at], mode="lines", line=dict(color=style.colour("weak_learner"), width=3),
                showlegend=False, hovertemplate="this round's stump<extra></extra>")
    return [*out, style.frames(line, x=x, y=y)]


def _says(result: Result, at: int) -> list[style.Trace]:
    """What each round's tree or net says over the plane, and its boundary."""
    z = rounded(style.array(result.says), bits=6)
    surface = dict(type="contour", x=style.array(result.across), y=style.array(result.up), z=z[at], zmin=-2.5, zmax=2.5,
                   opacity=0.75, showscale=False, colorscale=style.PROBABILITY, hoverinfo="skip",
                   contours=dict(coloring="heatmap", start=0, end=0, size=1),
                   line=dict(color=style.colour("weak_learner"), width=3))
    return [style.frames(surface, z=z)]


def weighted_sum(result: Result, scene: Config) -> go.Figure:
    """F/Σ|α| over the plane after each round, with the line where it changes its sign."""
    at, z = shown(result, scene), rounded(style.array(result.plane), bits=6)
    surface = dict(type="contour", x=style.array(result.across), y=style.array(result.up), z=z[at], zmin=-0.9, zmax=0.9,
                   opacity=0.9, showscale=False, colorscale=style.PROBABILITY,
                   contours=dict(coloring="heatmap", start=0, end=0, size=1), line=dict(color=style.INK, width=2.5),
                   hovertemplate="votes for B less votes for A: %{z:.2f}<extra></extra>")
    return _plane([style.frames(surface, z=z), _samples(result)], result, scene)


def rounds(result: Result) -> Table:
    """The arithmetic of every round; that of the player's is marked."""
    columns = ("round", *(("B if",) if result.stumps else ()), "error e", "weight α", "wrong ×", "right ×")
    last = words.rounds_told(result) - 1
    return Table(columns=columns, rows=tuple(words.arithmetic(result)), digits=3,
                 marked=tuple(min(t, last) for t in range(len(result.error))))


def cursor(result: Result, scene: Config, low: float, high: float) -> style.Trace:
    """An upright line at the player's round."""
    T, at = len(result.error), shown(result, scene)
    x = np.repeat(np.arange(1, T + 1, dtype=np.float32)[:, None], 2, 1)
    line = dict(type="scatter", x=x[at], y=[low, high], mode="lines", line=dict(color=style.MUTED, width=1), hoverinfo="skip",
                showlegend=False)
    return style.frames(line, x=x)


def axis(result: Result) -> dict[str, Any]:
    return dict(range=[0, 1.02 * result.rounds])


def line(y: Any, hue: str, said: str, **about: Any) -> style.Trace:
    """A curve against the rounds."""
    stroke = dict(color=style.colour(hue, about.pop("alpha", 1)), width=about.pop("width", 2.5), dash=about.pop("dash", "solid"))
    y = style.array(y)
    return dict(type="scatter", x=np.arange(1, len(y) + 1), y=y, mode="lines", showlegend=False, line=stroke,
                hovertemplate=f"{said}<extra></extra>", **about)


def errors(result: Result, scene: Config) -> go.Figure:
    """Training and test error of the drawn row after each round, under the bound."""
    h, T = result.home, len(result.error)
    traces = [cursor(result, scene, 0, 100)]
    for values, hue in ((result.train_error, "train"), (result.test_error, "test")):
        name = {"train": "training", "test": "test"}[hue]
        traces.append(line(100 * values[:, h, 0], hue, f"{name} error, round %{{x}}: %{{y:.1f}}\u00a0%"))
    traces.append(style.theory(np.arange(1, T + 1), 100 * words.drawn_bound(result), "bound", showlegend=False,
                               hovertemplate="bound, round %{x}: %{y:.1f}\u00a0%<extra></extra>"))
    return style.figure(traces, x="round", y="error (%)", xaxis=axis(result), yaxis=dict(range=[0, 100]), showlegend=False)


def margins(result: Result, scene: Config) -> go.Figure:
    """What part of the training samples has at most a margin, after each round; dashed: what part may have it."""
    at, values = shown(result, scene), lesson.margins(result)
    N = values.shape[1]
    ordered = rounded(style.array(values.sort(1).values), bits=12)
    x = np.concatenate([np.full((len(ordered), 1), -1.0, np.float32), ordered, np.ones((len(ordered), 1), np.float32)], 1)
    y = 100 * np.append(np.arange(N + 1), N) / N
    theta = torch.linspace(-1, 1, 81, dtype=torch.float64)
    limit = torch.stack([adaboost.margin_bound(theta, total, product) for total, product in
                         zip(lesson.totals(result), words.drawn_bound(result), strict=True)])
    limit = rounded(style.array(100 * limit), bits=6)
    last = dict(type="scatter", x=x[-1], y=y, mode="lines", showlegend=False, hoverinfo="skip",
                line=dict(color=style.colour("train", 0.6), width=1.6, dash="dot", shape="hv"))
    now = dict(type="scatter", x=x[at], y=y, mode="lines", showlegend=False,
               line=dict(color=style.colour("train"), width=2.5, shape="hv"),
               hovertemplate="%{y:.0f}\u00a0% have a margin of at most %{x:.2f}<extra></extra>")
    bound = style.theory(theta, limit[at], "bound", showlegend=False,
                         hovertemplate="a margin of %{x:.2f} at most: not more than %{y:.0f}\u00a0%<extra></extra>")
    zero = dict(type="scatter", x=[0, 0], y=[0, 100], mode="lines", line=dict(color=style.MUTED, width=1), hoverinfo="skip",
                showlegend=False)
    return style.figure([zero, last, style.frames(now, x=x), style.frames(bound, y=limit)], x="margin y F/Σ|α|",
                        y="samples (%)", xaxis=dict(range=[-1.02, 1.02]), yaxis=dict(range=[0, 104]), showlegend=False)


def noise(result: Result, scene: Config) -> go.Figure:
    """Test error against the rounds at each noise level: mean of the draws, its lowest point, and the scene's own band."""
    values = 100 * result.test_error.numpy()
    mean = values.mean(-1)
    at = np.arange(1, len(mean) + 1)
    own = values[:, result.home]
    top = 1.08 * float(max(mean.max(), own.max()))
    traces = [cursor(result, scene, 0, top), style.band(at, own.min(1), own.max(1), "all draws", "test")]
    names = []
    for i, level in enumerate(result.levels):
        now = i == result.home
        name = format_percent(level / 100)
        traces.append(line(mean[:, i], "test", f"{name} wrong labels, round %{{x}}: %{{y:.1f}}\u00a0%", alpha=1 if now else 0.55,
                           width=3 if now else 2))
        names.append((name, float(mean[-1, i]), "test"))
    lowest = mean.argmin(0)
    traces.append(dict(type="scatter", x=at[lowest], y=style.array(mean[lowest, np.arange(len(lowest))]), mode="markers",
                       showlegend=False, hovertemplate="lowest: round %{x}, %{y:.1f}\u00a0%<extra></extra>",
                       marker=dict(symbol="star", size=13, color=style.INK, line=dict(color=style.PAPER, width=1))))
    return style.figure(traces, x="round", y="test error (%)", xaxis=dict(range=[0, 1.12 * result.rounds]),
                        yaxis=dict(range=[0, top]), annotations=ends.labels(float(at[-1]), names, 0, top), showlegend=False)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:  # noqa: ARG001
    """Training and test error of the drawn row, under the bound."""
    h, every = result.home, slice(None, None, -(-len(result.error) // 60))
    x = torch.arange(1, len(result.error) + 1)[every]
    top = float(words.drawn_bound(result)[0])
    curves = [style.mark("line", x, values[every], hue, width=width, **about) for values, hue, width, about in (
        (words.drawn_bound(result), "ink", 2, dict(dash="5 4")), (result.test_error[:, h].mean(-1), "test", 4, {}),
        (result.train_error[:, h].mean(-1), "train", 4, {}))]
    return style.thumbnail(*curves, x=(0, result.rounds), y=(0, top))
