"""Further pictures: the linear models, what little noise adds, and what noise is worth on new data."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.noise.data import HALF, KINDS, STRENGTHS, places
from core.lessons.noise.judging import COPIES
from core.lessons.noise.lesson import Config, Result
from figures import style
from figures.noise import plane
from figures.noise.pictures import HUES, NAMES, heights, here, line, over_seeds, samples, span, truth
from figures.noise.plane import OPENING


def polynomial(result: Result, _: Config) -> go.Figure:
    """The linear model on the samples, fitted to noisy copies, and ridge."""
    x, fit, exact = places(), result.linear.fit, result.linear.fit_ridge
    if result.own:
        return plane.on_plane([
            *plane.boundary(result, fit[0], NAMES["noise_none"], color=style.colour("noise_none"), width=2.4),
            *plane.boundary(result, fit, NAMES["noise_inputs"], color=style.colour("noise_inputs"), width=3.5),
            *plane.boundary(result, exact, "ridge", color=style.INK, width=1.8, dash="dash"), plane.samples(result)], result)
    ridge = style.theory(x, exact[OPENING], "ridge")
    traces = [truth(), samples(result), line(x, fit[0], "noise_none", "f(%{x:.2f}) = %{y:.2f}"),
              style.frames(line(x, fit[OPENING], "noise_inputs", "f(%{x:.2f}) = %{y:.2f}", width=3.5), y=fit),
              style.frames(ridge, y=exact)]
    return style.figure(traces, x="x", y="y", xaxis_range=[-HALF, HALF], yaxis_range=heights(result), showlegend=False)


def copies(result: Result, _: Config) -> go.Figure:
    """How far a fit to R noisy copies is from ridge, at the largest strength."""
    counts = torch.tensor(COPIES, dtype=torch.float64)
    off = result.linear.off[:, -1]
    end = float(off[-1].clamp_min(1e-9).log().mean().exp())
    traces = [*over_seeds(counts, off, "noise_inputs", "%{x} copies: off by %{y:.2g}"),
              style.theory(counts, end * (COPIES[-1] / counts).sqrt(), "falls as 1/√R")]
    values = np.log10(off.clamp_min(1e-9).numpy())
    top = max(float(values.max()), float(np.log10(end * COPIES[-1] ** 0.5)))
    return style.figure(traces, x="noisy copies of the samples R", y="distance from ridge", xaxis_type="log", yaxis_type="log",
                        xaxis_range=[-0.05, float(np.log10(COPIES[-1])) + 0.05],
                        yaxis_range=[float(values.min()) - 0.2, top + 0.2], showlegend=False)


def added(result: Result, _: Config) -> go.Figure:
    """What noise adds to the linear model's objective as its weights grow, at the player's strength."""
    found, exact, factors = result.linear.added, result.linear.added_theory, result.linear.factors
    traces: list[style.Trace] = []
    for k, hue in enumerate(HUES):
        traces.append(style.frames(line(factors, found[k, OPENING], hue, "%{x:.2f} times: %{y:.3g}", width=3.5), y=found[k]))
        traces.append(style.frames(style.theory(factors, exact[k, OPENING], NAMES[hue]), y=exact[k]))
    return style.figure(traces, x="weights, in times those of least squares", y="what noise adds to J", xaxis_range=[0, 1.5],
                        yaxis_range=[0, 1.06 * float(torch.maximum(found, exact).max())], showlegend=False)


def answers(result: Result, scene: Config) -> go.Figure:
    """Outputs of the linear model fitted to smoothed labels against those of the fit to the labels as given."""
    plain, smoothed = result.linear.plain.flatten(), result.linear.smoothed.flatten(1)
    ends = torch.stack([plain.min(), plain.max()])
    exact = (1 - result.epsilon.double())[:, None] * ends + result.epsilon.double()[:, None] / scene.K
    dots = dict(type="scatter", x=style.array(plain), y=style.array(smoothed[OPENING]), mode="markers",
                marker=dict(color=style.colour("noise_labels"), size=6, opacity=0.7),
                hovertemplate="%{x:.2f} becomes %{y:.2f}<extra></extra>")
    low, high = float(ends[0]), float(ends[1])
    pad = 0.06 * (high - low)
    told = style.frames(style.theory(ends, exact[OPENING], "(1 − ε) f + ε/K"), y=exact)
    return style.figure([style.frames(dots, y=smoothed), told],
                        x="output f, labels as given", y="output, labels smoothed", xaxis_range=[low - pad, high + pad],
                        yaxis_range=[low - pad, high + pad], showlegend=False)


def small_noise(result: Result, scene: Config, kind: str) -> go.Figure:
    """What noise adds to the squared error of the net that was trained without, and σ² times the slope."""
    k = KINDS.index(kind)
    sigma, hue, largest = result.sigma[k], HUES[k], (scene.inputs, scene.weights)[k]
    traces: list[style.Trace] = []
    if result.small is not None:
        measured = result.small.measured[k]
        dense = torch.linspace(0, largest, 40)
        limit = dense.square() * result.small.limit[k].mean()
        top = 1.1 * max(float(measured.max()), 1e-9)
        traces = [*over_seeds(sigma, measured, hue, "σ = %{x:.3f}: %{y:.3g}"),
                  style.theory(dense[limit <= top], limit[limit <= top], "to second order"), here(sigma, measured.mean(-1), hue)]
    return style.figure(traces, x=f"σ of noise on {kind}", y="added to the squared error", xaxis_range=span(largest),
                        showlegend=False)


def distance(result: Result, _: Config) -> go.Figure:
    """How far the nets are from the curve, or from the classes of new samples as −1 and 1."""
    share = 100 * torch.linspace(0, 1, STRENGTHS)
    traces = [t for k, hue in enumerate(HUES)
              for t in over_seeds(share, result.numbers.test[k], hue, "%{x:.0f}\u00a0%: %{y:.3f}")]
    traces += [here(share, result.numbers.test[k].mean(-1), hue) for k, hue in enumerate(HUES)]
    return style.figure(traces, x="strength (% of the largest)", y="distance", xaxis_range=[-2, 102],
                        yaxis_rangemode="tozero", showlegend=False)


def tested(result: Result, scene: Config) -> go.Figure:
    """The cross-entropy on the test set, whose labels are not smoothed."""
    values = result.classes.nll
    traces = [*over_seeds(result.epsilon, values, "noise_labels", "ε = %{x:.2f}: %{y:.3f} nats"),
              here(result.epsilon, values.mean(-1), "noise_labels")]
    return style.figure(traces, x="label smoothing ε", y="test cross-entropy (nats)", xaxis_range=span(scene.labels),
                        yaxis_rangemode="tozero", showlegend=False)


def training(result: Result, scene: Config) -> go.Figure:
    """What is minimised, with its noise, at the largest strengths and at none."""
    at = result.recorded
    rows = [("noise_none", result.objective[:, 0, 0]), *((hue, result.objective[:, k, -1]) for k, hue in enumerate(HUES))]
    traces = [t for hue, values in rows for t in over_seeds(at, values, hue, "to update %{x}: %{y:.3f}")]
    return style.figure(traces, x="update", y="squared error with noise",
                        xaxis_range=[0.95 * float(at[0]) if len(at) else 0, 1.01 * scene.steps], yaxis_rangemode="tozero",
                        showlegend=False)
