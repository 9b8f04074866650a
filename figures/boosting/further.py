"""What is behind the rounds: the coin that each learner is under the next weights, its weight, and what the sum is worth."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.formatting import format_percent
from core.lessons.boosting import words
from core.lessons.boosting.lesson import Config, Result
from figures import ends, style
from figures.boosting.pictures import axis, cursor, line, shown


def coin(result: Result, scene: Config) -> go.Figure:
    """Each learner's error under its own weights, and under the next ones, where it is exactly a half."""
    h = result.home
    traces = [cursor(result, scene, 0, 100)]
    for values, symbol, said in ((result.error, "circle", "its own"), (result.next_error, "circle-open", "the next")):
        y = 100 * style.array(values[:, h, 0])
        traces.append(dict(type="scatter", x=np.arange(1, len(y) + 1), y=y, mode="markers", showlegend=False,
                           marker=dict(symbol=symbol, size=7, color=style.colour("weak_learner"), line=dict(width=1.6)),
                           hovertemplate=f"round %{{x}}, under {said} weights: %{{y:.2f}}\u00a0%<extra></extra>"))
    traces.append(style.theory([0, result.rounds], [50, 50], "½", showlegend=False, hoverinfo="skip"))
    worst = np.nanmax(np.append(result.error[:, h, 0].numpy(), 0.5))
    return style.figure(traces, x="round", y="weighted error (%)", xaxis=axis(result), showlegend=False,
                        yaxis=dict(range=[0, max(60.0, 110 * float(worst))]))


def alpha(result: Result, scene: Config) -> go.Figure:
    """Each learner's weight against its error, on the curve of the formula; the player's round is ringed."""
    h = result.home
    e, a = style.array(result.error[:, h, 0]), style.array(result.alpha[:, h, 0])
    a = np.where(np.isfinite(a) & np.isfinite(e), a, np.nan)
    curve = np.linspace(0.01, 0.99, 99)
    low, high = 0.0, 0.5
    if (known := np.isfinite(a)).any():
        low, high = min(0.0, 1.2 * float(a[known].min())), max(0.5, 1.15 * float(a[known].max()))
    right = max(52.0, 105 * float(np.nanmax(e))) if np.isfinite(e).any() else 52.0
    dots = dict(type="scatter", x=100 * e, y=a, mode="markers", showlegend=False,
                marker=dict(size=8, color=style.colour("weak_learner", 0.75)), text=[f"round {t + 1}" for t in range(len(e))],
                hovertemplate="%{text}: error %{x:.1f}\u00a0%, weight %{y:.2f}<extra></extra>")
    at = shown(result, scene)
    ring = dict(type="scatter", x=[100 * e[at]], y=[a[at]], mode="markers", showlegend=False, hoverinfo="skip",
                marker=dict(symbol="circle-open", size=18, color=style.INK, line=dict(width=2)))
    theory = style.theory(100 * curve, 0.5 * np.log((1 - curve) / curve), "formula", showlegend=False,
                          hovertemplate="error %{x:.0f}\u00a0%: weight %{y:.2f}<extra></extra>")
    return style.figure([theory, dots, style.frames(ring, x=100 * e[:, None], y=a[:, None])], x="weighted error (%)",
                        y="weight α of the learner", xaxis=dict(range=[0, min(100.0, right)]), yaxis=dict(range=[low, high]),
                        showlegend=False)


def on_wrong(result: Result, scene: Config) -> go.Figure:
    """The part of the weight that lies on wrong labels in each round; dashed: their part of the samples."""
    values = 100 * result.on_wrong[:-1].numpy()
    mean, own = values.mean(-1), values[:, result.home]
    at = np.arange(1, len(values) + 1)
    top = max(1.1 * float(max(mean.max(), own.max())), 10.0)
    traces, names = [cursor(result, scene, 0, top)], []
    if result.levels[result.home]:
        traces.append(style.band(at, own.min(1), own.max(1), "all draws", "train"))
    for i, level in enumerate(result.levels):
        if not level:
            continue
        now, name = i == result.home, format_percent(level / 100)
        traces.append(line(mean[:, i], "train", f"{name} wrong labels, round %{{x}}: %{{y:.0f}}\u00a0% of the weight",
                           alpha=1 if now else 0.55, width=3 if now else 2))
        traces.append(style.theory([0, result.rounds], [mean[0, i]] * 2, "an even share", showlegend=False,
                                   opacity=1 if now else 0.5, hovertemplate=f"{name} of the samples<extra></extra>"))
        names.append((name, float(mean[-1, i]), "train"))
    return style.figure(traces, x="round", y="weight on wrong labels (%)", xaxis=dict(range=[0, 1.12 * result.rounds]),
                        yaxis=dict(range=[0, top]), annotations=ends.labels(float(at[-1]), names, 0, top), showlegend=False)


def least(result: Result, scene: Config) -> go.Figure:
    """The smallest margin of each draw; a star where the training error of the drawn one is zero for good."""
    values = result.least_margin[:, result.home]
    high = max(0.1, 1.15 * float(values.max()))
    traces = [cursor(result, scene, -1, high)]
    traces += [line(values[:, s], "train", f"draw {s + 1}, round %{{x}}: %{{y:.3f}}", alpha=1 if s == 0 else 0.45,
                    width=3 if s == 0 else 1.6) for s in range(values.shape[1])]
    traces.append(dict(type="scatter", x=[0, result.rounds], y=[0, 0], mode="lines", line=dict(color=style.MUTED, width=1),
                       hoverinfo="skip", showlegend=False))
    settled = words.zero_from(result)
    if settled is not None:
        traces.append(dict(type="scatter", x=[settled + 1], y=[float(values[settled, 0])], mode="markers", showlegend=False,
                           hovertemplate="no training error from round %{x} on<extra></extra>",
                           marker=dict(symbol="star", size=15, color=style.INK, line=dict(color=style.PAPER, width=1))))
    return style.figure(traces, x="round", y="smallest margin", xaxis=axis(result), yaxis=dict(range=[-1.02, high]),
                        showlegend=False)


def loss(result: Result, scene: Config) -> go.Figure:
    """The mean exponential loss of the training set, and the product that it is."""
    measured, product = style.array(result.exponential[:, result.home, 0]), style.array(words.drawn_bound(result))
    shown_ = measured[measured > 0]
    low = np.floor(np.log10(max(float(shown_.min()), 1e-12))) if len(shown_) else -1.0
    low = min(low, -1.0)
    traces = [cursor(result, scene, 10.0**low, 1.0),
              line(np.where(measured > 0, measured, np.nan), "train", "round %{x}: %{y:.3g}", width=4, alpha=0.6)
              | dict(mode="lines" if len(shown_) > 1 else "markers"),  # a line through one point is not seen
              style.theory(np.arange(1, len(product) + 1), np.where(product > 0, product, np.nan), "product", showlegend=False)]
    return style.figure(traces, x="round", y="mean exponential loss", xaxis=axis(result), showlegend=False,
                        yaxis=dict(type="log", range=[low, 0.02], dtick=1 if low < -2 else None))


def bias(result: Result, scene: Config) -> go.Figure:
    """Mean test error of the draws, and the error of their majority, which is bias."""
    mean, vote = 100 * result.test_error[:, result.home].mean(-1), 100 * result.vote_error[:, result.home]
    top = 1.15 * float(max(mean.max(), vote.max(), 1.0))
    traces = [cursor(result, scene, 0, top), line(mean, "test", "mean test error, round %{x}: %{y:.1f}\u00a0%", width=3),
              line(vote, "test", "error of the majority, round %{x}: %{y:.1f}\u00a0%", dash="dot")]
    return style.figure(traces, x="round", y="test error (%)", xaxis=axis(result), yaxis=dict(range=[0, top]), showlegend=False)
