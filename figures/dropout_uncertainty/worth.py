"""Pictures of what the uncertainty is worth: against distance from the data, with more passes, and calibrated or not."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.calibration import reliability
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty.guessing import coverage, passes_used, spread
from core.lessons.dropout_uncertainty.lesson import METHODS, QUANTITIES, Config, Result, passes_shown, quantity
from figures import style
from figures.dropout_uncertainty.pictures import MARK, line_of

LEVELS = torch.arange(1, 20) / 20
PALE = 0.4  # of lines that are the same method at other places


def distance(result: Result, scene: Config) -> go.Figure:
    """Uncertainty against the distance to the nearest sample: σ on the curve, the chosen quantity on the moons."""
    T, curve = passes_shown(result, scene), result.problem == "curve"
    width = 0.25
    bins = int(result.distance_G.max() / width) + 1
    centres = width * (np.arange(bins) + 0.5)
    inwards = (result.region_G == IN_DATA) | (result.region_G == IN_GAP)
    sides = ((inwards, "inwards", 1.0), (~inwards, "outwards", PALE)) if curve else ((inwards | True, "", 1.0),)
    traces: list[style.Trace] = []
    for m in METHODS:
        if curve:
            values = spread(result, m, T)[1]
        else:
            values = quantity(result, scene.quantity, m, [passes_used(result, m, T)])[0]
            values = torch.maximum(values, 1 - values) if scene.quantity == "mean" else values
        for where, name, alpha in sides:
            y = uncertainty.by_distance(result.distance_G[where], values[None, where], width, bins)[0]
            hue = style.colour(m, alpha)
            traces.append(dict(type="scatter", x=centres, y=style.array(y), mode="lines+markers",
                               line=line_of(m) | dict(color=hue), marker=dict(size=5, symbol=MARK[m], color=hue),
                               hovertemplate=f"{METHODS[m]} {name}: %{{y:.3f}} at distance %{{x:.2f}}<extra></extra>"))
    nats = f"{QUANTITIES[scene.quantity].lower()} (nats)"
    title = "mean σ" if curve else "mean confidence" if scene.quantity == "mean" else nats
    top = 1.1 * max(float(np.nanmax(trace["y"])) for trace in traces) or 1.0
    ranges = [0, top] if curve else [0.5, 1.0] if scene.quantity == "mean" else [0, 0.72]
    return style.figure(traces, x="distance to the nearest sample", y=title, yaxis_range=ranges, showlegend=False)


def averaging(result: Result) -> go.Figure:
    """Error of the mean of T against T, and how far T passes of the dropout net are from its limit."""
    curve = result.problem == "curve"
    traces: list[style.Trace] = []
    lowest = []
    for m in METHODS:
        S = len(result.passes[m])
        counts = sorted({*range(1, min(S, 10) + 1), *(round(v) for v in np.geomspace(min(S, 10), S, 8))})
        error = style.array(uncertainty.error_of_mean(result.tests[m], result.target_B, counts))
        lowest.append(float(error.min()))
        traces.append(dict(type="scatter", x=counts, y=error, mode="lines", line=line_of(m), name=METHODS[m],
                           hovertemplate=f"{METHODS[m]}: %{{y:.3g}} with T = %{{x}}<extra></extra>"))
    if result.limit_rms is not None and result.limit_theory is not None and float(result.limit_rms.max()) > 1e-6:
        traces.append(dict(type="scatter", x=list(result.counts), y=style.array(result.limit_rms), mode="markers",
                           marker=dict(color=style.colour("mc_dropout"), size=9, symbol="circle-open", line=dict(width=2)),
                           hovertemplate="from the limit: %{y:.3g} with T = %{x}<extra></extra>"))
        traces.append(style.theory(list(result.counts), result.limit_theory, "σ √(1/T − 1/1024)"))
        lowest.append(float(result.limit_rms.min()))
    top = max(float(np.max(t["y"])) for t in traces)
    return style.figure(traces, x="passes averaged, T", y="RMS error" if curve else "√ Brier score", showlegend=False,
                        xaxis=dict(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200]),
                        yaxis=dict(type="log", tickvals=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
                                   range=[np.log10(min(lowest) * 0.8), np.log10(top * 1.3)]))


def calibration(result: Result, scene: Config) -> go.Figure:
    """Does 90 % mean 90 %? Coverage of intervals on the curve, a reliability diagram on the moons."""
    T = passes_shown(result, scene)
    traces: list[style.Trace] = [style.theory([0, 100], [0, 100], "calibrated", hoverinfo="skip")]
    if result.problem == "curve":
        among = result.region_G == IN_DATA
        for m in METHODS:
            covered = 100 * coverage(result, m, T, LEVELS)
            for where, name, alpha in ((among, "among the data", 1.0), (~among, "elsewhere", PALE)):
                traces.append(dict(type="scatter", x=style.array(100 * LEVELS), y=style.array(covered[:, where].mean(1)),
                                   mode="lines", line=line_of(m) | dict(color=style.colour(m, alpha)),
                                   hovertemplate=f"{METHODS[m]} {name}: %{{y:.0f}}\u00a0% inside the %{{x:.0f}}\u00a0% interval"
                                   "<extra></extra>"))
        return style.figure(traces, x="level of the interval (%)", y="inside (%)", xaxis_range=[0, 100], yaxis_range=[0, 102],
                            showlegend=False)
    for m in METHODS:
        mean = result.tests[m][: passes_used(result, m, T)].double().mean(0)
        curve = reliability(mean[None], result.target_B.long(), bins=10)
        full = curve.count > 0
        says = f"{METHODS[m]}: %{{x:.0f}}\u00a0% sure, %{{y:.0f}}\u00a0% right, %{{customdata}} samples<extra></extra>"
        traces.append(dict(type="scatter", x=style.array(100 * curve.confidence[full]), y=style.array(100 * curve.accuracy[full]),
                           customdata=curve.count[full].numpy(), mode="lines+markers", line=line_of(m), hovertemplate=says,
                           marker=dict(size=7, symbol=MARK[m], color=style.colour(m))))
    return style.figure(traces, x="confidence (%)", y="right (%)", xaxis_range=[48, 102], yaxis_range=[0, 105], showlegend=False)
