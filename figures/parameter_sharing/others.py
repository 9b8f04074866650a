"""Pictures of sharing over time, and of two tasks that are tied."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.parameter_sharing.lesson import Config, tie_index
from core.lessons.parameter_sharing.sequences import LENGTHS, NETS, Sequences
from core.lessons.parameter_sharing.tying import SHARES, Tying
from figures import style
from figures.parameter_sharing.pictures import line

CELLS = {"shared": "one cell for all steps", "unshared": "a cell for each step"}
TASKS = ("task_a", "task_b")
LETTERS = "AB"
FLOOR, CHANCE = 30, 50


def _upright(x: float) -> dict[str, object]:
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, yref="paper", line=dict(color=style.MUTED, dash="dot", width=1.5))


def _level() -> dict[str, object]:
    return dict(type="line", x0=0, x1=1, xref="paper", y0=CHANCE, y1=CHANCE, line=dict(color=style.MUTED, dash="dot", width=1.5))


def length(seen: Sequences) -> go.Figure:
    """Accuracy against the length of the test sequences."""
    traces = [t for i, hue in enumerate(NETS)
              for t in line(LENGTHS, [m.by_length[i] for m in seen.moments], hue, CELLS[hue], "length")]
    notes = [style.label(seen.length, FLOOR + 4, "trained length", "muted"), style.label(3, CHANCE + 2, "chance", "muted")]
    return style.figure(traces, x="length of the test sequences", y="right (%)", yaxis_range=[FLOOR, 103], showlegend=False,
                        shapes=[_upright(seen.length), _level()], annotations=notes, xaxis_range=[3, 33])


def place(seen: Sequences) -> go.Figure:
    """Accuracy at the trained length against where the pattern stands."""
    at = np.arange(1, seen.length)
    traces = [t for i, hue in enumerate(NETS)
              for t in line(at, [m.by_place[i] for m in seen.moments], hue, CELLS[hue], "pattern at step")]
    return style.figure(traces, x="first step of the pattern", y="right (%)", yaxis_range=[FLOOR, 103], showlegend=False,
                        shapes=[_level()])


def example(seen: Sequences) -> go.Figure:
    """A training sequence."""
    stems = dict(type="scatter", x=np.arange(1, seen.length + 1), y=style.array(seen.example), mode="lines+markers",
                 showlegend=False,
                 line=dict(color=style.MUTED, width=2), marker=dict(size=9, color=style.MUTED),
                 hovertemplate="step %{x}: %{y:.2f}<extra></extra>")
    return style.figure([stems], x="step", y="input x")


def counts(seen: Sequences) -> go.Figure:
    """Parameters of both nets."""
    bars = dict(type="bar", x=[CELLS[hue] for hue in NETS], y=list(seen.parameters), showlegend=False,
                marker=dict(color=[style.colour(hue) for hue in NETS]), text=[f"{p:,}" for p in seen.parameters],
                hovertemplate="%{x}: %{y:,} parameters<extra></extra>")
    return style.figure([bars], y="parameters", showlegend=False)


def weights(seen: Tying, scene: Config) -> go.Figure:
    """Both weight vectors of the first seed for all strengths, and at the slider's."""
    assert seen.exact is not None and seen.truth is not None
    at, traces = tie_index(scene), []
    for task, hue in enumerate(TASKS):
        paths, exact = style.array(torch.stack([m.w[:, 0, task] for m in seen.moments])), style.array(seen.exact[:, 0, task])
        path = paths[-1]
        curve = dict(type="scatter", x=path[:, 0], y=path[:, 1], mode="lines+markers", showlegend=False,
                     line=dict(color=style.colour(hue), width=3),
                     marker=dict(size=5, color=style.colour(hue)), text=[f"s = {s:g}" for s in SHARES],
                     hovertemplate=f"w of task {LETTERS[task]}, %{{text}}<extra></extra>")
        traces.append(style.frames(curve, x=paths[..., 0], y=paths[..., 1]))
        traces.append(style.theory(exact[:, 0], exact[:, 1], "closed form", showlegend=False))
        disc = dict(type="scatter", x=path[[at], 0], y=path[[at], 1], mode="markers", showlegend=False,
                    marker=dict(size=15, color=style.colour(hue), line=dict(width=2, color=style.PAPER)),
                    hovertemplate=f"task {LETTERS[task]} at the slider's s<extra></extra>")
        traces.append(style.frames(disc, x=paths[:, [at], 0], y=paths[:, [at], 1]))
        truth = style.array(seen.truth[task])
        traces.append(dict(type="scatter", x=truth[[0]], y=truth[[1]], mode="markers", showlegend=False,
                           marker=dict(size=15, symbol="star", color=style.colour(hue)),
                           hovertemplate=f"truth of task {LETTERS[task]}<extra></extra>"))
    return style.figure(traces, x="w₁", y="w₂", equal=True, showlegend=False)


def losses(seen: Tying, scene: Config) -> go.Figure:
    """Test loss of both tasks against the tie."""
    traces, scale, s = [], 1 if seen.problem == "linear" else 100, np.array(SHARES)
    ends = []
    for task, hue in enumerate(TASKS):
        values = scale * style.array(torch.stack([m.test[:, :, task] for m in seen.moments]))  # [F, T, S]
        low, mean, high = values.min(2), values.mean(2), values.max(2)
        best = mean.argmin(1)
        ends += [float(low[-1].min()), float(high[-1].max())]
        curve = dict(type="scatter", x=s, y=mean[-1], mode="lines", showlegend=False,
                     line=dict(color=style.colour(hue), width=2.8),
                     hovertemplate=f"task {LETTERS[task]}, s = %{{x}}: %{{y:.3g}}<extra></extra>")
        star = dict(type="scatter", x=s[best[[-1]]], y=mean[[-1], best[-1]], mode="markers", showlegend=False, cliponaxis=False,
                    marker=dict(size=15, symbol="star", color=style.colour(hue)),
                    hovertemplate=f"lowest of task {LETTERS[task]}<extra></extra>")
        band = style.band(s, low[-1], high[-1], f"seeds of task {LETTERS[task]}", hue)
        traces += [style.frames(band, y=np.concatenate([high, low[:, ::-1]], 1)), style.frames(curve, y=mean),
                   style.frames(star, x=s[best][:, None], y=mean.min(1)[:, None])]
        if seen.exact_test is not None:
            traces.append(style.theory(SHARES, seen.exact_test[:, :, task].mean(1), "closed form", showlegend=False))
    y = "expected squared error" if seen.problem == "linear" else "test error (%)"
    return style.figure(traces, x="tie s: separate 0 … shared 1", y=y, showlegend=False,
                        shapes=[_upright(SHARES[tie_index(scene)])],
                        xaxis_range=[-0.02, 1.02],
                        yaxis_range=[0.9 * min(ends) if seen.problem == "linear" else 0, 1.05 * max(ends) or 1])


def gap(seen: Tying, scene: Config) -> go.Figure:
    """Distance of both weight vectors against the tie."""
    far = style.array(torch.stack([m.apart for m in seen.moments]))  # [F, T, S]
    low, mean, high = far.min(2), far.mean(2), far.max(2)
    curve = dict(type="scatter", x=style.array(SHARES), y=mean[-1], mode="lines", showlegend=False,
                 line=dict(color=style.colour("shared"), width=2.8), hovertemplate="s = %{x}: %{y:.3g}<extra></extra>")
    band = style.band(SHARES, low[-1], high[-1], "seeds", "shared")
    traces = [style.frames(band, y=np.concatenate([high, low[:, ::-1]], 1)), style.frames(curve, y=mean)]
    if seen.exact is not None:
        exact = seen.exact.diff(dim=2).square().sum((2, 3)).sqrt().mean(1)
        traces.append(style.theory(SHARES, exact, "closed form", showlegend=False))
    return style.figure(traces, x="tie s: separate 0 … shared 1", y="‖w<sub>A</sub> − w<sub>B</sub>‖",
                        shapes=[_upright(SHARES[tie_index(scene)])],
                        yaxis_range=[0, 1.05 * float(far.max()) or 1.0], xaxis_range=[-0.02, 1.02], showlegend=False)


def tasks(seen: Tying) -> go.Figure:
    """The truths of both tasks, or how many images each has: what is seen while the question is asked."""
    if seen.truth is None:
        bars = dict(type="bar", x=["task A", "task B"], y=[160, 20], marker=dict(color=[style.colour(h) for h in TASKS]))
        return style.figure([bars], y="training images", showlegend=False)
    traces = [dict(type="scatter", x=[float(w[0])], y=[float(w[1])], mode="markers+text", text=[f"w* of task {LETTERS[i]}"],
                   textposition="bottom center", showlegend=False,
                   marker=dict(size=15, symbol="star", color=style.colour(TASKS[i])))
              for i, w in enumerate(seen.truth)]
    return style.figure(traces, x="w₁", y="w₂", xaxis_range=[-1, 2.5], yaxis_range=[-0.5, 3], showlegend=False)
