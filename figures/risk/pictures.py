"""Pictures of risk: the fit in its place, J and J* over capacity and over the size of the sample, theory beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from core.formatting import format_number, format_power_of_ten
from core.lessons.risk.lesson import CAPACITIES, Config, Result, fmt, gaps, interpolates, widest
from core.lessons.risk.words import J_text
from figures import style

DASH = {"J": "longdash", "J*": "solid"}
HUE = {"J": "train", "J*": "test"}
LEGEND = [("J, on the samples", style.colour("train"), "longdash"), ("J*, on all of p_data", style.colour("test"), "solid"),
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


def unseen(result: Result, scene: Config) -> str:
    """What of J and J* the logarithmic axis of `risks` cannot show, in a sentence; nothing where it shows all."""
    J, risk = (_quartiles(v)[1] for v in (result.J, result.risk))
    if any(interpolates(scene, p) for p in CAPACITIES):
        return " J = 0 has no place on this axis: its line leaves the frame below."
    foot = _bottom(risk)
    return f" What is below {format_power_of_ten(foot)} is not drawn." if min(J.min(), risk.min()) < 10.0**foot else ""


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
    risks = [f"p = {p}   J = {J_text(scene, i, j)}   J* = {fmt(r)}"
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
    """J and J* of all capacities; the dots are where the player stands."""
    J, risk = (_quartiles(v)[1] for v in (result.J, result.risk))
    foot, top = _bottom(risk), math.ceil(math.log10(float(_quartiles(result.risk)[2].max())) + 0.2)
    traces = [_threshold(scene.m, 10.0**foot, 10.0**top)]
    if scene.sigma > 0:
        traces.append(style.theory([1, CAPACITIES[-1]], [scene.sigma**2] * 2, "σ², the risk of the truth itself"))
    traces += _curves(CAPACITY, result.J, "J", "p") + _curves(CAPACITY, result.risk, "J*", "p")
    both = style.array(np.maximum(np.stack([J, risk], 1), 1e-30))
    here = dict(type="scatter", x=[CAPACITIES[scene.at]] * 2, y=both[scene.at], mode="markers", hoverinfo="skip",
                marker=dict(size=14, color=[style.colour("train"), style.colour("test")], line=dict(color=style.PAPER, width=2)))
    traces.append(style.frames(here, x=np.stack([CAPACITY, CAPACITY], 1), y=both))
    notes = [dict(x=math.log10(scene.m), y=top, text="p = m", showarrow=False, xanchor="right", xshift=-4, yanchor="top",
                  font=dict(color=style.MUTED))]
    if scene.sigma > 0:
        notes.append(dict(x=math.log10(CAPACITIES[-1]), y=2 * math.log10(scene.sigma), text="σ²", showarrow=False,
                          xanchor="right", yanchor="top", font=dict(color=style.INK)))
    return style.figure(traces, x="capacity p", y="risk", yaxis_type="log", yaxis_range=[foot, top], showlegend=False,
                        annotations=notes, **P_AXIS)


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
    """Mean J and mean risk on the same inputs with other noise, beside theory; p up to twice m."""
    r = result.repeats
    n = sum(p <= 2 * scene.m for p in CAPACITIES)
    x, traces = CAPACITY[:n], []
    for values, expected, hue, symbol, name in ((r.J, r.expected_J, "train", "circle", "J"),
                                                (r.fresh, r.expected_fresh, "validation", "square", "fresh noise")):
        traces += [style.theory(x, expected[:n], f"theory, {name}"),
                   dict(type="scatter", x=x, y=style.array(values[:n]), mode="markers", showlegend=False,
                        marker=dict(size=7, color=style.colour(hue), symbol=symbol, line=dict(color=style.PAPER, width=1)),
                        hovertemplate=f"{name}, p = %{{x}}: %{{y:.3g}}<extra></extra>")]
    top = 1.12 * max(float(v[:n].max()) for v in (r.J, r.fresh, r.expected_fresh)) or 1.0
    aside = 9 if abs(float(r.expected_fresh[n - 1] - r.expected_J[n - 1])) < 0.1 * top else 0  # labels that would meet
    ends = [style.label(float(x[-1]), float(v[n - 1]), name, hue, yshift=shift) for v, name, hue, shift in
            ((r.expected_J, "J", "train", -aside), (r.expected_fresh, "fresh", "validation", aside))]
    return style.figure([_threshold(scene.m, 0, top), *traces], x="capacity p", y="mean risk", showlegend=False,
                        xaxis_range=[0, 1.22 * float(x[-1])], yaxis_range=[-0.02 * top, top], annotations=ends)


def parts(result: Result, scene: Config) -> go.Figure:
    """What J* is made of: noise, bias² and variance in closed form, and their sum beside the measured mean."""
    r = result.repeats
    noise = scene.sigma**2
    total = (noise + r.bias + r.variance).numpy()
    foot, top = _bottom(total), math.ceil(math.log10(float(total.max())) + 0.2)
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
    """J and J* over the size of the sample at the player's capacity."""
    J, risk = (_quartiles(v)[1] for v in (result.map_J, result.map_risk))
    m = np.array(result.sizes, np.float32)
    known = risk[np.isfinite(risk)]
    foot, top = _bottom(known), math.ceil(math.log10(float(known.max())) + 0.2)
    traces = []
    for name, values in (("J", J), ("J*", risk)):
        values = style.array(np.maximum(values.T, 1e-30))
        line = dict(type="scatter", x=m, y=values[scene.at], mode="lines+markers",
                    line=dict(color=style.colour(HUE[name]), width=2.8, dash=DASH[name]), marker=dict(size=7),
                    hovertemplate=f"{name} at m = %{{x}}: %{{y:.3g}}<extra></extra>")
        traces.append(style.frames(line, y=values))
    edge = _threshold(CAPACITIES[scene.at], 10.0**foot, 10.0**top)
    told = dict(type="scatter", x=[(m[0] * m[-1]) ** 0.5], y=[10.0 ** (top - 0.06 * (top - foot))], mode="text", hoverinfo="skip",
                text=[f"p = {CAPACITIES[scene.at]}"], textfont=dict(color=style.INK))
    return style.figure([style.frames(edge, x=np.stack([CAPACITY, CAPACITY], 1)), *traces,
                         style.frames(told, text=[[t] for t in labels()])], x="samples m", y="risk", yaxis_type="log",
                        yaxis_range=[foot, top], xaxis_type="log", showlegend=False, xaxis_tickvals=list(m)[::2],
                        xaxis_range=[math.log10(m[0]) - 0.03, math.log10(m[-1]) + 0.03])


def plane(result: Result, scene: Config) -> go.Figure:
    """Median J* of every size and capacity as a map, the ridge along p = m."""
    m = np.array(result.sizes, np.float32)
    z = np.log10(np.maximum(_quartiles(result.map_risk)[1].T, 1e-12))
    foot, top = float(np.nanmin(z)), min(max(float(np.nanmax(z)), 0.0), LAST)
    wide = top - foot > 2
    decades = [10.0**k for k in range(math.ceil(foot), math.floor(top) + 1, max(1, round((top - foot) / 4)))]
    marks = decades if wide else [v for v in (0.1, 0.2, 0.5, 1, 2, 5, 10) if foot <= math.log10(v) <= top]
    names = [f"≥ {v:g}" if v == 10**LAST else f"{v:g}" for v in marks]
    heat = dict(type="heatmap", x=m, y=CAPACITY, z=style.array(z), colorscale=style.SURFACE, customdata=style.array(10.0**z),
                hovertemplate="m = %{x}, p = %{y}<br>J* = %{customdata:.3g}<extra></extra>", hoverongaps=False,
                zmin=foot, zmax=top,
                colorbar=dict(thickness=10, outlinewidth=0, tickvals=np.log10(marks), ticktext=names, title=dict(text="J*")))
    line = style.theory(m, m, "p = m", hoverinfo="skip", hovertemplate=None)
    here = dict(type="scatter", x=[scene.m], y=[CAPACITIES[scene.at]], mode="markers", hoverinfo="skip",
                marker=dict(size=15, symbol="circle-open", color=style.INK, line=dict(width=3)))
    return style.figure([heat, line, style.frames(here, y=CAPACITY[:, None])], x="samples m", y="capacity p", showlegend=False,
                        xaxis_type="log", yaxis_type="log", xaxis_showgrid=False, yaxis_showgrid=False,
                        xaxis_tickvals=list(m)[::2], yaxis_tickvals=TICKS)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The home page's small picture: J falls to nothing, J* falls, peaks at p = m and falls again."""
    x = np.log10(CAPACITY)
    J, risk = (np.log10(np.maximum(_quartiles(v)[1], 1e-30)) for v in (result.J, result.risk))
    low, high = float(risk.min()) - 1.2, float(risk.max()) + 0.2
    return style.thumbnail(
        style.mark("line", [math.log10(scene.m)] * 2, [low, high], "muted", width=1.2, dash="3 3"),
        style.mark("line", x, np.where(J > low - 1, J, np.nan), "train", width=3), style.mark("line", x, risk, "test", width=3),
        x=(0, float(x[-1])), y=(low, high))
