"""Pictures of what dropout is in expectation: averages of thinned nets, lost units, masks, ridge."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.dropout import probes, thinning
from core.lessons.dropout.lesson import Config, Result
from figures import style

NAMES = {"thinned_line": "Linear regression", "thinned_layer": "One softmax layer", "thinned_deep": "Deep net"}


def scaling(result: Result) -> go.Figure:
    """Distance of the mean of T thinned nets from weight scaling, as a share of that of one thinned net."""
    of = result.averages
    lines = [("thinned_line", "solid", of.line, "mean"), ("thinned_layer", "solid", of.layer, "geometric mean"),
             ("thinned_layer", "dot", of.layer_arithmetic, "arithmetic mean"),
             ("thinned_deep", "solid", of.deep, "geometric mean"), ("thinned_deep", "dot", of.deep_arithmetic, "arithmetic mean")]
    counts = np.array(of.counts, float)
    traces: list[style.Trace] = []
    ends: dict[str, float] = {}
    for hue, dash, distance, mean in lines:
        if distance is None or distance[0] == 0:  # a net whose units are all dead is the same whatever is dropped
            continue
        if mean == "arithmetic mean":
            ends[hue] = float((distance[-1] / distance[0]).log10())
        said = f"{NAMES[hue]}, {mean} of %{{x:,}}: %{{y:.3f}} of one net's<extra></extra>"
        traces.append(dict(type="scatter", x=style.array(counts), y=style.array(distance / distance[0]), mode="lines+markers",
                           line=dict(color=style.colour(hue), dash=dash, width=2.4), marker=dict(size=6), hovertemplate=said))
    traces.append(style.theory(counts, counts**-0.5, "1/√T"))
    last = float(np.log10(counts[-1]))
    notes = [style.label(last, y, "arithmetic", hue) for hue, y in zip(ends, _apart(list(ends.values())), strict=True)]
    notes.append(style.label(last, -0.5 * last - 0.06, "1/√T"))
    return style.figure(traces, x="thinned nets averaged T", y="distance, relative", xaxis_type="log", yaxis_type="log",
                        xaxis_range=[-0.04 * last, 1.27 * last], annotations=notes, showlegend=False)


def _apart(heights: list[float], least: float = 0.14) -> list[float]:
    """Two heights or fewer, moved away from each other where they would be closer than `least` decades."""
    if len(heights) < 2 or abs(heights[1] - heights[0]) >= least:
        return heights
    middle, sign = sum(heights) / 2, 1 if heights[1] >= heights[0] else -1
    return [middle - sign * least / 2, middle + sign * least / 2]


def agreement(result: Result, scene: Config) -> go.Figure:
    """Probability of the class that weight scaling names: by weight scaling, and by the arithmetic mean of T thinned nets."""
    of = result.averages
    hue = "thinned_deep" if of.deep is not None else "thinned_layer"
    averaged = of.averaged[of.counts.index(passes_shown(result, scene))]
    dots = dict(type="scatter", x=style.array(100 * of.scaled.flatten()), y=style.array(100 * averaged.flatten()), mode="markers",
                marker=dict(color=style.colour(hue), size=7, opacity=0.7, line=dict(color=style.PAPER, width=0.8)),
                hovertemplate="weight scaling %{x:.1f}\u00a0%, mean of thinned nets %{y:.1f}\u00a0%<extra></extra>")
    return style.figure([style.theory([0, 100], [0, 100], "equal", hoverinfo="skip"), dots], x="P by weight scaling (%)",
                        y="mean P of thinned nets (%)", xaxis_range=[0, 102], yaxis_range=[0, 102], equal=True, showlegend=False)


def passes_shown(result: Result, scene: Config) -> int:
    """T that the control asks for, or as many as there are while the nets still train."""
    return min(scene.passes, result.averages.counts[-1])


def lesion(result: Result) -> go.Figure:
    """Test error of nets that lose a share of their hidden units; bands are the ranges of the seeds."""
    traces: list[style.Trace] = []
    share = 100 * np.array(probes.SHARES)
    for which, (name, dash) in enumerate((("trained without dropout", "dot"), ("trained with dropout", "solid"))):
        values = 100 * result.lesion[:, which].numpy()
        traces += [style.band(share, values.min(1), values.max(1), name, "test"),
                   dict(type="scatter", x=style.array(share), y=style.array(values.mean(1)), mode="lines+markers", name=name,
                        line=dict(color=style.colour("test"), dash=dash, width=2.6), marker=dict(size=6),
                        hovertemplate=f"{name}: %{{x:.0f}}\u00a0% removed, %{{y:.0f}}\u00a0% wrong<extra></extra>")]
    return style.figure(traces, x="hidden units removed (%)", y="test error (%)", yaxis_range=[0, 100], showlegend=False)


def moments(result: Result) -> go.Figure:
    """Mean and variance of the masks that trained, with those of theory."""
    p = torch.linspace(0, max(result.rates), 80, dtype=torch.float64)
    traces: list[style.Trace] = [style.theory(p, torch.ones_like(p), "mean 1"),
                                 style.theory(p, thinning.mask_variance(p), "p/(1 − p)")]
    for name, values, symbol in (("mean", result.mask_mean, "circle"), ("variance", result.mask_variance, "diamond")):
        traces.append(dict(type="scatter", x=style.array(result.rates), y=style.array(values), mode="markers",
                           marker=dict(color=style.colour("train"), size=10, symbol=symbol),
                           hovertemplate=f"{name} at p = %{{x:g}}: %{{y:.3f}}<extra></extra>"))
    return style.figure(traces, x="drop probability p", y="of m·x, in units of x and x²", showlegend=False)


def ridge(result: Result) -> go.Figure:
    """Weights of a linear regression with dropped inputs: from thinned data, and the scaled ridge."""
    of = result.ridge
    # One trace for all lines: not-a-number lifts the pen.
    p = np.tile(np.append(of.p.numpy(), np.nan), len(of.names))
    w = np.pad(of.theory.numpy().T, ((0, 0), (0, 1)), constant_values=np.nan).ravel()
    dots = dict(type="scatter", x=np.repeat(style.array(of.fitted), len(of.names)), y=style.array(of.measured).ravel(),
                mode="markers", marker=dict(color=style.colour("thinned_line"), size=6), text=list(of.names) * len(of.fitted),
                hovertemplate="%{text}, p = %{x:g}: %{y:.3f}<extra></extra>")
    return style.figure([style.theory(p, w, "scaled ridge"), dots], x="drop probability p", y="weight (standardised)",
                        xaxis_range=[-0.03, of.fitted[-1] + 0.03], showlegend=False)
