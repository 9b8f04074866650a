"""Pictures of stopping beside ridge on a quadratic, direction by direction."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number
from core.lessons.early_stopping import lesson, shrinkage
from core.lessons.early_stopping.lesson import PRODUCTS, Config, Result
from figures import style


def shrinkage_factors(result: Result, scene: Config) -> go.Figure:
    """How far along each direction stopping after τ steps and ridge have come: measured as points, formulas as lines."""
    q = result.twins
    e = PRODUCTS.index(scene.product)
    R = len(result.recorded)
    lam = torch.logspace(float(q.eigenvalues[0].log10()) - 0.3, float(q.eigenvalues[-1].log10()), 90, dtype=torch.float64)
    tau, rate = q.steps[:R, None].double(), q.rates[e]
    stopped = shrinkage.stopped_factor(lam, rate, tau)
    ridge = shrinkage.ridge_factor(lam, shrinkage.matched_strength(rate, tau))
    at = style.array(lam)
    first = style.theory(at, stopped[-1], "1 − (1 − ελ)<sup>τ</sup>", hovertemplate="stopping: %{y:.3f}<extra></extra>")
    second = dict(type="scatter", x=at, y=style.array(ridge[-1]), mode="lines", name="λ/(λ + 1/(ετ))",
                  line=dict(color=style.colour("l2"), width=2, dash="dot"), hovertemplate="ridge: %{y:.3f}<extra></extra>")
    traces: list[style.Trace] = [style.frames(first, y=stopped), style.frames(second, y=ridge)]
    for values, name, hue, symbol in ((q.stopped[:R, e], "gradient descent, run", "sgd", "circle"),
                                      (q.ridged[:R, e], "ridge, solved", "l2", "square-open")):
        dots = dict(type="scatter", x=style.array(q.eigenvalues), y=style.array(values[-1]), mode="markers", name=name,
                    marker=dict(color=style.colour(hue), size=10, symbol=symbol,
                                line=dict(width=2, color=style.colour(hue))),
                    hovertemplate=f"{name}, λ = %{{x:.2g}}: %{{y:.3f}}<extra></extra>")
        traces.append(style.frames(dots, y=values))
    gaps = [0.0, *lesson.quadratic_gaps(result, scene)[q.steps[1:R] - 1].tolist()]
    # Beyond ε·λ_max = 1 the factor of the steepest direction swings about 1, up to 1.9.
    top = 1.35 if scene.product <= 1 else 2.2
    text = [f"τ = {int(t)}: at most {format_number(g, 3)} apart" for t, g in zip(q.steps[:R], gaps, strict=True)]
    words = dict(type="scatter", x=[float(lam[0]) * 1.1], y=[0.92 * top], mode="text", text=[text[-1]],
                 textposition="middle right", textfont=dict(color=style.INK), hoverinfo="skip", showlegend=False)
    traces.append(style.frames(words, text=[[t] for t in text]))
    return style.figure(traces, x="curvature of the direction, λ", y="part of the minimum", xaxis_type="log",
                        yaxis_range=[0, top], showlegend=True)


def shrinkage_gap(result: Result, scene: Config) -> go.Figure:
    """The largest distance between the two, against τ; after every step, for between the evaluations it can be larger."""
    tau = np.arange(1, result.step + 1)
    dense = torch.logspace(0, float(np.log10(result.steps)), 70).round().unique()
    line = dict(type="scatter", x=tau, y=style.array(lesson.quadratic_gaps(result, scene)), mode="lines",
                name="these data", line=dict(color=style.colour("sgd"), width=2.4),
                hovertemplate="τ = %{x}: %{y:.3f} apart<extra></extra>")
    worst = style.theory(dense, shrinkage.largest_gap(scene.product, dense, 1500), "any λ up to λ<sub>max</sub>")
    return style.figure([worst, style.grow(line, result.recorded.tolist())], x="steps τ", y="largest gap", xaxis_type="log",
                        xaxis_range=[0, float(np.log10(result.steps)) + 0.05],
                        yaxis_range=[0, 0.6 if scene.product <= 1 else 1.25], showlegend=True)
