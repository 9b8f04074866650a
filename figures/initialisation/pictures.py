"""Pictures of six starts: the signal's size in every layer, both ways, the losses, and what single units do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.initialisation import words
from core.lessons.initialisation.lesson import BINS, SIZES, Config, Result
from core.lessons.initialisation.signal import RANDOM, SCHEMES
from core.lessons.initialisation.words import TRAINED
from figures import style

HUES = {scheme: f"init_{scheme}" for scheme in SCHEMES}
DASH = {"constant": "dot", "zero": "dashdot", "normal": "dash", "xavier": "solid", "he": "solid", "orthogonal": "longdash"}
LOWEST, HIGHEST = -14.0, 8.0  # decades of a second moment that are drawn at most
COIN = math.log(2)
LOWEST_TOP, HIGHEST_LOSS = 1.05, 2.0  # nats: the axis of the loss holds all up to the second, and ends at the first at least
PALE = 0.25  # opacity of what holds at the start, once training has moved
APART = 0.07  # of the axis: labels that are nearer are one


def legend() -> list[tuple[str, str, str]]:
    return [(name, style.colour(HUES[s]), DASH[s]) for s, name in SCHEMES.items()]


def _line(scheme: str, width: float = 2.6) -> dict[str, Any]:
    return dict(color=style.colour(HUES[scheme]), width=width, dash=DASH[scheme])


def _positive(values: Any) -> np.ndarray:
    """What a logarithmic axis and a browser can draw."""
    values = np.asarray(values, dtype=np.float64)
    return style.array(np.where((values > 1e-37) & (values < 1e37), values, np.nan))


def _decades(*values: Any) -> list[float]:
    """The range of a logarithmic axis that holds the values, between LOWEST and HIGHEST around their largest."""
    held = np.concatenate([_positive(v).ravel() for v in values])
    held = np.log10(held[np.isfinite(held)])
    if not held.size:
        return [-1.0, 1.0]
    high = min(float(held.max()), HIGHEST)
    low = max(float(held.min()), high + LOWEST)
    return [low - 0.4, high + 0.4]


def _by_layer(x: np.ndarray, values: Any, what: str) -> list[style.Trace]:
    """values [F, M, layers]: a line a scheme, moving with the clock; none for a scheme that has nothing to join."""
    mode, traces = "lines" if len(x) > 3 else "lines+markers", []
    for m, (scheme, name) in enumerate(SCHEMES.items()):
        y = _positive(values[:, m])
        known = np.isfinite(y)
        if not bool(known.any() if len(x) == 1 else (known[:, 1:] & known[:, :-1]).any()):
            continue
        line = dict(type="scatter", x=x, y=y[-1], mode=mode, line=_line(scheme, 3), showlegend=False,
                    hovertemplate=f"{name}, layer %{{x}}: {what} %{{y:.3g}}<extra></extra>")
        traces.append(style.frames(line, y=y))
    return traces


def _dashed(x: np.ndarray, values: Any) -> style.Trace:
    """The theory of all schemes as one line with gaps; values [M, layers]."""
    gap = np.full((len(values), 1), np.nan)
    y = np.concatenate([_positive(values), gap], 1).ravel()
    return style.theory(np.tile(np.append(x, np.nan), len(values)), y, "theory at the start", showlegend=False)


def _of_the_start(trace: style.Trace, result: Result) -> style.Trace:
    """What holds at step 0 pales in the first few frames of the film."""
    opacity = np.maximum(PALE, 1 - PALE * np.arange(len(result.at)))
    return style.frames(trace | dict(opacity=float(opacity[0])), opacity=opacity)


def setup(result: Result) -> go.Figure:
    """What the nets are to part: the points of two circles."""
    x, y = result.x.numpy(), result.y.numpy()
    traces = [dict(type="scatter", x=style.array(x[0, y == label]), y=style.array(x[1, y == label]), mode="markers", name=name,
                   marker=dict(symbol=symbol, size=8, color=style.colour(hue)))
              for label, name, symbol, hue in ((0, "class 0", "circle", "class_a"), (1, "class 1", "diamond", "class_b"))]
    return style.figure(traces, x="first input x₁", y="second input x₂", showlegend=True, equal=True)


def forward(result: Result, scene: Config) -> go.Figure:
    """E[h²] by layer: as it is at each step; at the start by theory, and over draws."""
    x = np.arange(scene.depth + 1)
    draws = np.maximum(result.draws.numpy(), 1e-37)
    bands = [style.band(x, draws[:, m].min(0), draws[:, m].max(0), SCHEMES[s], HUES[s])
             for m, s in enumerate(SCHEMES) if s in RANDOM]
    held = _decades(result.forward.numpy(), result.theory_forward.numpy())
    traces = [*(_of_the_start(band, result) for band in bands), *_by_layer(x, result.forward.numpy(), "E[h²]"),
              _of_the_start(_dashed(x, result.theory_forward.numpy()), result)]
    return style.figure(traces, x="hidden layer (0: the input)", y="second moment of activations, E[h²]", yaxis_type="log",
                        xaxis_range=[0, scene.depth], xaxis_dtick=1 if scene.depth <= 10 else 5, yaxis_range=held,
                        annotations=_trained(result, scene, held))


def _trained(result: Result, scene: Config, held: list[float]) -> list[dict[str, Any]]:
    """At the right edge, where theory has the starts that have trained: their names; in a corner, that there are none."""
    about = dict(xanchor="right", xshift=-4, bgcolor=style.colour("paper", 0.75))
    with np.errstate(divide="ignore"):
        ends = np.log10(result.theory_forward[:, -1].numpy())
    order, (low, high) = list(SCHEMES).index, held
    room = APART * (high - low)
    groups: list[tuple[float, list[str]]] = []
    for scheme in sorted(words.trained(result), key=lambda s: ends[order(s)]):
        place = float(np.clip(ends[order(scheme)], low, high - room))
        if groups and place - groups[-1][0] < room:
            groups[-1][1].append(scheme)
        else:
            groups.append((place, [scheme]))
    if not groups:
        rises = bool(result.theory_forward[:, -1].max() > 10 * result.theory_forward[0, 0])
        corner = dict(xref="x domain", yref="y domain", yanchor="top")
        corner |= dict(x=0, xanchor="left", xshift=4) if rises else {}
        return [style.label(1, 1, "no start has trained", "muted") | about | corner]
    return [style.label(scene.depth, place, f"{words.named(sorted(them, key=order))} {'trains' if len(them) == 1 else 'train'}",
                        HUES[them[0]] if len(them) == 1 else "ink") | about | dict(yanchor="bottom", yshift=4)
            for place, them in groups]


def backward(result: Result, scene: Config) -> go.Figure:
    """E[(∂J/∂z)²] by layer; theory starts from what the last layer gets."""
    x, values = np.arange(1, scene.depth + 1), result.backward.numpy()
    told = result.theory_backward.numpy() * values[0, :, -1:]
    traces = [*_by_layer(x, values, "E[(∂J/∂z)²]"), _of_the_start(_dashed(x, told), result)]
    return style.figure(traces, x="hidden layer", y="E[(∂J/∂z)²]", yaxis_type="log", xaxis_range=[0.5, scene.depth + 0.5],
                        xaxis_dtick=1 if scene.depth <= 10 else 5, xaxis_tick0=0, yaxis_range=_decades(values, told))


def beyond_axis(result: Result) -> list[str]:
    """The schemes whose loss is above HIGHEST_LOSS at some step, or no longer finite."""
    return [s for s, within in zip(SCHEMES, (result.losses <= HIGHEST_LOSS).all(0).tolist(), strict=True) if not within]


def loss(result: Result, scene: Config) -> go.Figure:
    """The whole curves, whatever the film shows, for they answer which start trains; an upright line at the film's step."""
    t, values, at = np.arange(result.step + 1), result.losses.numpy(), result.at.numpy().astype(np.float64)
    top = max(LOWEST_TOP, 1.02 * float(values[values <= HIGHEST_LOSS].max()))
    traces: list[style.Trace] = []
    for m, (s, name) in enumerate(SCHEMES.items()):
        y = np.where(values[:, m] < 1e30, values[:, m], np.nan)
        traces.append(dict(type="scatter", x=t, y=style.array(y), mode="lines", line=_line(s), showlegend=False,
                           hovertemplate=f"{name}, step %{{x}}: %{{y:.3g}} nats<extra></extra>"))
        beyond = ~(values[:, m] <= HIGHEST_LOSS)
        if beyond.any():
            # Of several at one step each is smaller than those beneath it.
            leaves = t[beyond & ~np.append(False, beyond[:-1])]
            traces.append(dict(type="scatter", x=style.array(leaves), y=style.array(np.full(len(leaves), top)), mode="markers",
                               marker=dict(symbol="triangle-up", size=20 - 2 * m, color=style.colour(HUES[s])), showlegend=False,
                               cliponaxis=False, hovertemplate=f"{name}, from step %{{x}}: above the axis<extra></extra>"))
    now = dict(type="scatter", x=[at[0]] * 2, y=[0, top], mode="lines", line=dict(color=style.MUTED, width=1.5), hoverinfo="skip",
               showlegend=False)
    traces.append(style.frames(now, x=np.stack([at, at], 1)))
    shapes = [dict(type="line", x0=0, x1=1, xref="x domain", y0=y, y1=y, line=dict(color=style.MUTED, width=1.5, dash="dot"))
              for y in (TRAINED, COIN)]
    named = [style.label(scene.steps, y, text, "muted") | dict(xanchor="right", xshift=-2, yanchor="bottom")
             for y, text in ((TRAINED, "trained"), (COIN, "ln 2, a coin"))]
    return style.figure(traces, x="step", y="loss (nats)", xaxis_range=[0, scene.steps], yaxis_range=[0, top], shapes=shapes,
                        annotations=named)


def units(result: Result) -> go.Figure:
    """How far each first-layer unit's two incoming weights have moved, with its path: of the random starts, and the constant."""
    traces: list[style.Trace] = []
    reach = 1e-6
    for scheme in (*RANDOM, "constant"):
        m = list(SCHEMES).index(scheme)
        w = result.units[:, m].numpy()
        w = np.where(np.abs(w) < 1e6, w, np.nan) - w[0]
        if bool(result.losses[-1, m].isfinite()):
            reach = max(reach, float(np.nanmax(np.abs(w))))
        hue, big = style.colour(HUES[scheme]), scheme == "constant"
        path = style.array(w.transpose(1, 0, 2).reshape(-1, 2))
        # A unit's path must not be joined to the next one's.
        gaps = np.full((w.shape[1], 1, 2), np.nan, dtype=np.float32)
        path = np.concatenate([path.reshape(w.shape[1], -1, 2), gaps], 1).reshape(-1, 2)
        trail = dict(type="scatter", x=path[:, 0], y=path[:, 1], mode="lines", line=dict(color=hue, width=1.6), opacity=0.6,
                     hoverinfo="skip", showlegend=False, connectgaps=False)
        now = style.array(w)
        # The frame holds the runs that stay finite; the others leave it.
        dots = dict(type="scatter", x=now[-1, :, 0], y=now[-1, :, 1], mode="markers", showlegend=False,
                    marker=dict(size=18 if big else 8, symbol="circle-open" if big else "circle", color=hue,
                                line=dict(width=3 if big else 1, color=hue if big else style.PAPER)),
                    hovertemplate=f"{SCHEMES[scheme]}: (%{{x:.3f}}, %{{y:.3f}})<extra></extra>")
        traces += [trail, style.frames(dots, x=now[:, :, 0], y=now[:, :, 1])]
    return style.figure(traces, x="change of the weight of x₁", y="change of the weight of x₂",
                        xaxis_range=[-1.12 * reach, 1.12 * reach], yaxis_range=[-1.12 * reach, 1.12 * reach], equal=True)


def ridges(result: Result, scene: Config) -> go.Figure:
    """How the sizes |h| of one start's activations are distributed, a ridge a layer; the axis holds those of all steps."""
    counts = result.counts[:, list(SCHEMES).index(scene.inside)].numpy().astype(np.float64)
    held = np.flatnonzero(counts.any((0, 1)))
    first, last = (held[0], held[-1] + 1) if held.size else (0, 1)
    low, high = (SIZES[0] + (SIZES[1] - SIZES[0]) / BINS * np.array([first, last])).tolist()
    note = [] if held.size else [style.empty("all 0 or beyond floating point")]
    counts = counts[..., first:last]
    centre = 10 ** np.linspace(low, high, 2 * (last - first) + 1)[1::2]
    share = counts / np.maximum(counts.max(-1, keepdims=True), 1)
    x = style.array(np.concatenate([centre, centre[::-1]]))
    traces: list[style.Trace] = []
    for r in range(len(result.layers) - 1, -1, -1):
        y = style.array(np.concatenate([r + 0.92 * share[:, r], np.full_like(share[:, r], r)], 1))
        area = dict(type="scatter", x=x, y=y[-1], mode="lines", fill="toself", hoverinfo="skip", showlegend=False,
                    line=dict(color=style.colour(HUES[scene.inside]), width=1.6), fillcolor=style.colour(HUES[scene.inside], 0.3))
        traces.append(style.frames(area, y=y))
    return style.figure(traces, x="size of an activation, |h|", y="hidden layer", xaxis_type="log",
                        yaxis_tickvals=list(range(len(result.layers))), yaxis_ticktext=[str(n) for n in result.layers.tolist()],
                        yaxis_range=[-0.1, len(result.layers)], xaxis_range=[low, high], annotations=note)


def rank(result: Result, scene: Config) -> go.Figure:
    """Rank of a middle layer's weights at each recorded step."""
    counts, at = list(range(1, len(result.at) + 1)), result.at.numpy()
    traces: list[style.Trace] = [style.theory([0, scene.steps], [1, 1], "equal units", showlegend=False)]
    for m, (s, name) in enumerate(SCHEMES.items()):
        line = dict(type="scatter", x=at, y=style.array(result.rank[:, m]), mode="lines", line=_line(s, 3), showlegend=False,
                    hovertemplate=f"{name}, step %{{x}}: rank %{{y}}<extra></extra>")
        traces.append(style.grow(line, counts))
    top = float(result.rank.nan_to_num(0).max())
    return style.figure(traces, x="step", y="rank", xaxis_range=[0, scene.steps],
                        yaxis_range=[-0.04 * top - 0.2, 1.06 * top + 0.2])


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Through the layers one start keeps the signal, two lose it."""
    x = np.arange(scene.depth + 1)
    shown = ("he", "xavier", "normal")
    lines = {s: np.log10(np.maximum(result.forward[0, list(SCHEMES).index(s)].numpy(), 1e-12)) for s in shown}
    keep = {s: y > -11 for s, y in lines.items()}
    ends = np.array([[x[keep[s]][-1], lines[s][keep[s]][-1]] for s in shown])
    return style.thumbnail(
        *[style.mark("line", x[keep[s]], lines[s][keep[s]], HUES[s], width=3) for s in shown],
        style.mark("dots", ends[:1, 0], ends[:1, 1], HUES["he"], width=10), x=(0, scene.depth + 1), y=(-11.5, 1.5))
