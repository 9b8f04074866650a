"""Pictures of risk: the fit in its place, J and J* over capacity and over the size of the sample, theory beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch
from torch import Tensor

from core.formatting import format_number, format_power_of_ten
from core.lessons.risk.lesson import CAPACITIES, Config, Result, fmt, gaps, interpolates, widest
from core.lessons.risk.words import J_text, rounding
from figures import style
from figures.risk import names

DASH = {"J": "longdash", "J*": "solid"}
HUE = {"J": "train", "J*": "test"}
LEGEND = [("J, on the samples", style.colour("train"), "longdash"), ("J*, on new data", style.colour("test"), "solid"),
          ("bias²", style.colour("bias"), "dot"), ("variance", style.colour("variance"), "dashdot"),
          ("theory", style.INK, "dash")]
CAPACITY = np.array(CAPACITIES, np.float32)
LAST = 2  # log₁₀ of the J* from which on the map has one colour
TICKS = [1, 2, 5, 10, 20, 50, 100, 200]
P_AXIS: dict[str, Any] = dict(xaxis_type="log", xaxis_range=[-0.03, math.log10(CAPACITIES[-1]) + 0.06], xaxis_tickvals=TICKS)
SMALL_P_AXIS: dict[str, Any] = P_AXIS | dict(xaxis_tickvals=[1, 3, 10, 30, 100])


def labels() -> list[str]:
    return [f"p = {p}" for p in CAPACITIES]


def _quartiles(values: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower quartile, median and upper quartile over the last dimension."""
    low, middle, high = np.nanquantile(values.numpy(), (0.25, 0.5, 0.75), axis=-1)
    return low, middle, high


def _bottom(values: np.ndarray) -> float:
    """The foot of a logarithmic axis of risks: below every J*, and no lower than that for the sake of a J that is zero."""
    return math.floor(math.log10(max(float(np.nanmin(values)), 1e-12)) - 1)


def _top(values: np.ndarray, foot: float) -> float:
    """The head of a logarithmic axis of risks: where they end, with room for a label."""
    high = math.log10(float(np.nanmax(values)))
    return high + 0.07 * max(high - foot, 1)


def unseen(result: Result, scene: Config) -> str:
    """What of J and J* the logarithmic axis of `risks` cannot show, in a sentence; nothing where it shows all."""
    J, risk = (_quartiles(v)[1] for v in (result.J, result.risk))
    foot = _bottom(risk)
    if any(interpolates(scene, p) for p in CAPACITIES):
        left = rounding(result, scene)
        both = f", and so is J* of less than {format_power_of_ten(foot)}" if risk.min() < 10.0**foot else ""
        return f" J = 0 is below the frame{both}" + (f"; rounding leaves up to {format_number(left)} of it." if left else ".")
    return f" Below {format_power_of_ten(foot)}: not drawn." if min(J.min(), risk.min()) < 10.0**foot else ""


def _threshold(at: float, low: float, high: float) -> style.Trace:
    return dict(type="scatter", x=[at, at], y=[low, high], mode="lines", line=dict(color=style.MUTED, width=1.2, dash="dot"),
                hoverinfo="skip", showlegend=False)


def _given(result: Result, scene: Config) -> list[style.Trace]:
    """What a fit starts from: the truth with one standard deviation of the noise either side, and the sample."""
    x, truth = style.array(result.places), style.array(result.truth)
    dots = dict(type="scatter", x=style.array(result.x), y=style.array(result.y), mode="markers", cliponaxis=False,
                marker=dict(size=11, color=style.colour("train"), line=dict(color=style.PAPER, width=1.5)),
                hovertemplate="sample (%{x:.2f}, %{y:.2f})<extra></extra>")
    return [style.band(x, truth - scene.sigma, truth + scene.sigma, "f ± σ", "muted"), style.theory(x, truth, "truth f"), dots]


def _heights(result: Result, scene: Config) -> tuple[float, float]:
    """From where to where the picture of a fit goes, with room above and below the samples."""
    truth = style.array(result.truth)
    seen = np.concatenate([truth - scene.sigma, truth + scene.sigma, style.array(result.y)])
    room = 0.35 * float(seen.max() - seen.min())
    return float(seen.min()) - room, float(seen.max()) + room


def setup(result: Result, scene: Config) -> go.Figure:
    """The sample and the truth, without a fit."""
    return style.figure(_given(result, scene), x="x", y="y", xaxis_range=[-1.02, 1.02], yaxis_range=list(_heights(result, scene)),
                        showlegend=False)


def hero(result: Result, scene: Config) -> go.Figure:
    """The sample, the truth with one standard deviation of the noise either side, and the fit at every capacity."""
    x, fits = style.array(result.places), style.array(result.fits)
    low, high = _heights(result, scene)
    fit = dict(type="scatter", x=x, y=fits[scene.at], mode="lines", line=dict(color=style.colour("train"), width=3),
               hovertemplate="fit %{y:.3g}<extra></extra>")
    risks = [f"This draw, p = {p}: J = {J_text(scene, i, j)}, J* = {fmt(r)}"
             for i, (p, j, r) in enumerate(zip(CAPACITIES, result.J[:, 0], result.risk[:, 0], strict=True))]
    # Above the frame, where no fit can run through it.
    words = dict(type="scatter", x=[-1.02], y=[high], mode="text", text=[risks[scene.at]], cliponaxis=False,
                 textposition="top right", textfont=dict(color=style.INK), hoverinfo="skip", showlegend=False)
    band, line, dots = _given(result, scene)
    traces = [band, line, style.frames(fit, y=fits), dots, style.frames(words, text=[[t] for t in risks])]
    return style.figure(traces, x="x", y="y", xaxis_range=[-1.02, 1.02], yaxis_range=[low, high], showlegend=False,
                        uirevision=scene.truth, margin=dict(l=8, r=12, t=30, b=8))


def _curves(x: np.ndarray, values: Tensor, name: str, along: str) -> list[style.Trace]:
    """The median over the draws, with the quartiles as a band."""
    low, middle, high = (np.maximum(v, 1e-300) for v in _quartiles(values))
    line = dict(type="scatter", x=x, y=style.array(middle), mode="lines", showlegend=False,
                line=dict(color=style.colour(HUE[name]), width=3, dash=DASH[name]),
                hovertemplate=f"{name} at {along} = %{{x}}: %{{y:.3g}}<extra></extra>")
    return [style.band(x, low, high, name, HUE[name]), line]


def risks(result: Result, scene: Config) -> go.Figure:
    """J and J* of all capacities and the widest gap; dots and rings are where the player stands, rings those of draw 0."""
    J, risk = (_quartiles(v)[1] for v in (result.J, result.risk))
    drawn = [values for v in (result.J, result.risk) for values in (_quartiles(v)[2], v[:, 0].numpy())]
    foot = _bottom(risk)
    top = _top(np.append(np.concatenate(drawn), scene.sigma**2), foot)
    traces = [_threshold(scene.m, 10.0**foot, 10.0**top)]
    if scene.sigma > 0:
        traces.append(style.theory([1, CAPACITIES[-1]], [scene.sigma**2] * 2, "σ², the risk of the truth itself"))
    traces += _curves(CAPACITY, result.J, "J", "p") + _curves(CAPACITY, result.risk, "J*", "p")
    wide = widest(result)
    ends = np.maximum([J[wide], risk[wide]], 10.0**foot)
    traces.append(dict(type="scatter", x=[CAPACITIES[wide]] * 2, y=ends, mode="lines", hoverinfo="skip", showlegend=False,
                       line=dict(color=style.colour("warning"), width=3.6)))
    hues = [style.colour(HUE[name]) for name in ("J", "J*")]
    # A ring is wider than a dot, so that both are seen where they meet, and filled, so that no line runs through it.
    for values, look in ((torch.stack([result.J[:, 0], result.risk[:, 0]], 1),
                          dict(size=17, color=style.PAPER, line=dict(color=hues, width=2.5))),
                         (np.stack([J, risk], 1), dict(size=14, color=hues, line=dict(color=style.PAPER, width=2)))):
        both = style.array(np.maximum(np.asarray(values), 1e-30))
        here = dict(type="scatter", x=[CAPACITIES[scene.at]] * 2, y=both[scene.at], mode="markers", hoverinfo="skip", marker=look)
        traces.append(style.frames(here, x=np.stack([CAPACITY, CAPACITY], 1), y=both))
    return style.figure(traces, x="capacity p (weights fitted)", y="risk: mean squared error", yaxis_type="log",
                        yaxis_range=[foot, top], showlegend=False, **P_AXIS,
                        annotations=names.risks(result, scene, (tuple(P_AXIS["xaxis_range"]), (foot, top))))


def _unit(values: np.ndarray) -> float:
    """Below this size the axis of gaps is nearly linear, above it nearly logarithmic: near the middle of the sizes."""
    sizes = np.abs(values)
    return 10.0 ** math.floor(math.log10(max(float(np.median(sizes)), 1e-6 * float(sizes.max()), 1e-12)))


def _gap_ticks(low: float, high: float, unit: float) -> list[float]:
    """Zero, and on the sides that the axis has some powers of ten, not so near to zero that their labels would meet."""
    span, ticks = math.asinh(high / unit) - math.asinh(low / unit), [0.0]
    for end, sign in ((high, 1), (-low, -1)):
        if end >= unit:
            first, last = round(math.log10(unit)), math.floor(math.log10(end))
            decades = range(last, first - 1, -max(1, math.ceil((last - first + 1) / 4)))
            ticks += [sign * 10.0**k for k in decades if math.asinh(10.0**k / unit) > span / 9]
    return sorted(ticks)


def gap(result: Result, scene: Config) -> go.Figure:
    """J* − J over capacity, negative gaps below the line of zero, with the place where it is largest."""
    low, middle, high = _quartiles(result.risk - result.J)
    middle, at = gaps(result).numpy(), widest(result)
    unit = _unit(middle)

    def place(values: np.ndarray | float) -> np.ndarray:
        """Logarithmic on both sides of zero, linear close to it."""
        return np.arcsinh(np.asarray(values) / unit)

    line = dict(type="scatter", x=CAPACITY, y=style.array(place(middle)), customdata=style.array(middle), mode="lines",
                line=dict(color=style.colour("warning"), width=2.6),
                hovertemplate="gap at p = %{x}: %{customdata:.3g}<extra></extra>")
    star = dict(type="scatter", x=[CAPACITIES[at]], y=[float(place(middle[at]))], mode="markers+text",
                text=[f"p = {CAPACITIES[at]}"], textposition="top left" if CAPACITIES[at] > 60 else "middle right",
                textfont=dict(color=style.colour("warning")), hoverinfo="skip", cliponaxis=False,
                marker=dict(symbol="diamond", size=12, color=style.colour("warning"), line=dict(color=style.PAPER, width=1.5)))
    foot, top = min(float(low.min()), 0.0), max(float(high.max()), 0.0)
    ends = [float(v) for v in place(np.array([foot, top]))]
    room = 0.08 * (ends[1] - ends[0]) or 1.0
    ends = [ends[0] - room, ends[1] + room]
    here = dict(type="scatter", x=[CAPACITIES[scene.at]] * 2, y=ends, mode="lines", hoverinfo="skip",
                line=dict(color=style.MUTED, width=1.2))
    here = style.frames(here, x=np.stack([CAPACITY, CAPACITY], 1))
    spread = style.band(CAPACITY, place(low), place(high), "quartiles", "warning")
    zero = dict(type="line", x0=0, x1=1, xref="x domain", y0=0, y1=0, layer="below", line=dict(color=style.MUTED, width=1.5))
    ticks = _gap_ticks(foot, top, unit)
    return style.figure([here, _threshold(scene.m, *ends), spread, line, star], x="capacity p", y="J* − J", yaxis_range=ends,
                        yaxis_tickvals=style.array(place(np.array(ticks))), yaxis_ticktext=[format_number(v) for v in ticks],
                        shapes=[zero], showlegend=False, **SMALL_P_AXIS)


def same_inputs(result: Result, scene: Config) -> go.Figure:
    """Mean J and mean risk on the same inputs with other noise, beside theory; p up to twice N."""
    r = result.repeats
    n = sum(p <= 2 * scene.m for p in CAPACITIES)
    x, traces = CAPACITY[:n], []
    for values, expected, hue, symbol, name in ((r.J, r.expected_J, "train", "circle", "J"),
                                                (r.fresh, r.expected_fresh, "validation", "square", "fresh noise")):
        traces += [style.theory(x, expected[:n], f"theory, {name}"),
                   dict(type="scatter", x=x, y=style.array(values[:n]), mode="markers", showlegend=False,
                        marker=dict(size=7, color=style.colour(hue), symbol=symbol, line=dict(color=style.PAPER, width=1)),
                        hovertemplate=f"{name}, p = %{{x}}: %{{y:.3g}}<extra></extra>")]
    top = 1.15 * max(float(v[:n].max()) for v in (r.J, r.fresh, r.expected_fresh)) or 1.0
    names = [(r.expected_J, "J", "train"), (r.expected_fresh, "fresh noise", "validation")]
    if abs(float(r.expected_fresh[n - 1] - r.expected_J[n - 1])) < 0.1 * top:  # labels that would meet
        names = [(torch.maximum(r.expected_J, r.expected_fresh), "J and fresh noise", "ink")]
    ends = [style.label(float(x[-1]), float(v[n - 1]), name, hue, yshift=6) | dict(xshift=0, xanchor="right", yanchor="bottom")
            for v, name, hue in names]
    return style.figure([_threshold(scene.m, 0, top), *traces], x="capacity p", y="mean risk", showlegend=False,
                        xaxis_range=[0, 1.03 * float(x[-1])], yaxis_range=[-0.02 * top, top], annotations=ends)


def parts(result: Result, scene: Config) -> go.Figure:
    """What J* is made of: noise, bias² and variance in closed form, and their sum beside the measured mean."""
    r = result.repeats
    noise = scene.sigma**2
    total = (noise + r.bias + r.variance).numpy()
    foot = _bottom(total)
    top = _top(np.maximum(total, r.risk.numpy()), foot)
    traces = [_threshold(scene.m, 10.0**foot, 10.0**top)]
    for values, hue, dash, name in ((r.bias, "bias", "dot", "bias²"), (r.variance, "variance", "dashdot", "variance")):
        traces.append(dict(type="scatter", x=CAPACITY, y=style.array(np.maximum(values.numpy(), 1e-30)), mode="lines", name=name,
                           line=dict(color=style.colour(hue), width=2.4, dash=dash),
                           hovertemplate=f"{name} at p = %{{x}}: %{{y:.3g}}<extra></extra>"))
    dots = dict(type="scatter", x=CAPACITY, y=style.array(np.maximum(r.risk.numpy(), 1e-30)), mode="markers", name="mean J*",
                marker=dict(size=7, color=style.colour("test")), hovertemplate="mean J* at p = %{x}: %{y:.3g}<extra></extra>")
    return style.figure([*traces, style.theory(CAPACITY, total, "σ² + bias² + variance"), dots], x="capacity p", y="risk",
                        yaxis_type="log", yaxis_range=[foot, top], showlegend=False, **SMALL_P_AXIS)


def learning(result: Result, scene: Config) -> go.Figure:
    """J and J* over the size of the sample at the scene's capacity."""
    J, risk = (_quartiles(v[:, scene.at])[1] for v in (result.map_J, result.map_risk))
    N = np.array(result.sizes, np.float32)
    foot = _bottom(risk)
    top = _top(np.maximum(J, risk), foot)
    traces = [_threshold(CAPACITIES[scene.at], 10.0**foot, 10.0**top)]
    for name, values in (("J", J), ("J*", risk)):
        traces.append(dict(type="scatter", x=N, y=style.array(np.maximum(values, 1e-30)), mode="lines+markers",
                           line=dict(color=style.colour(HUE[name]), width=2.8, dash=DASH[name]), marker=dict(size=7),
                           hovertemplate=f"{name} at N = %{{x}}: %{{y:.3g}}<extra></extra>"))
    return style.figure(traces, x="samples N", y="risk", yaxis_type="log", yaxis_range=[foot, top], xaxis_type="log",
                        showlegend=False, xaxis_tickvals=list(N)[::2],
                        xaxis_range=[math.log10(N[0]) - 0.03, math.log10(N[-1]) + 0.03])


def plane(result: Result, scene: Config) -> go.Figure:
    """Median J* of every size and capacity as a map, the ridge along p = N."""
    N = np.array(result.sizes, np.float32)
    z = np.log10(np.maximum(_quartiles(result.map_risk)[1].T, 1e-12))
    foot, top = float(np.nanmin(z)), min(max(float(np.nanmax(z)), 0.0), LAST)
    wide = top - foot > 2
    decades = [10.0**k for k in range(math.ceil(foot), math.floor(top) + 1, max(1, round((top - foot) / 4)))]
    marks = decades if wide else [v for v in (0.1, 0.2, 0.5, 1, 2, 5, 10) if foot <= math.log10(v) <= top]
    names = [f"≥ {v:g}" if v == 10**LAST else f"{v:g}" for v in marks]
    heat = dict(type="heatmap", x=N, y=CAPACITY, z=style.array(z), colorscale=style.SURFACE, customdata=style.array(10.0**z),
                hovertemplate="N = %{x}, p = %{y}<br>J* = %{customdata:.3g}<extra></extra>", hoverongaps=False,
                zmin=foot, zmax=top,
                colorbar=dict(thickness=10, outlinewidth=0, tickvals=np.log10(marks), ticktext=names, title=dict(text="J*")))
    line = style.theory(N, N, "p = N", hoverinfo="skip", hovertemplate=None)
    here = dict(type="scatter", x=[scene.m], y=[CAPACITIES[scene.at]], mode="markers", hoverinfo="skip",
                marker=dict(size=15, symbol="circle-open", color=style.INK, line=dict(width=3)))
    return style.figure([heat, line, style.frames(here, y=CAPACITY[:, None])], x="samples N", y="capacity p", showlegend=False,
                        xaxis_type="log", yaxis_type="log", xaxis_showgrid=False, yaxis_showgrid=False,
                        xaxis_tickvals=list(N)[::2], yaxis_tickvals=TICKS)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The home page's small picture: J falls to nothing, J* falls, peaks at p = N and falls again."""
    x = np.log10(CAPACITY)
    J, risk = (np.log10(np.maximum(_quartiles(v)[1], 1e-30)) for v in (result.J, result.risk))
    low, high = float(risk.min()) - 1.2, float(risk.max()) + 0.2
    return style.thumbnail(
        style.mark("line", [math.log10(scene.m)] * 2, [low, high], "muted", width=1.2, dash="3 3"),
        style.mark("line", x, np.where(J > low - 1, J, np.nan), "train", width=3), style.mark("line", x, risk, "test", width=3),
        x=(0, float(x[-1])), y=(low, high))
