"""Curves of the three runs over their steps, and gradients on their way back: through time, through layers, clipped."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.lessons.exploding_gradients import recurrent
from core.lessons.exploding_gradients.clipping import ARMS, length
from core.lessons.exploding_gradients.lesson import ARRIVED, Config, Result
from figures import style
from figures.exploding_gradients.pictures import CHAIN_DASH, CHAIN_HUES, CHAINS, HUES, MARK, stops, stroke

DECADES = (-36, 12)  # of a gradient's length that are drawn at most


def _positive(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis and a browser can draw."""
    return style.array(np.where((values > 1e-37) & (values < 1e37), values, np.nan))


def _decades(values: np.ndarray, least: float = 1.0) -> list[float]:
    """The range of a logarithmic axis that holds the values. At the ends of DECADES it is cut, and lines run out of it."""
    known = np.log10(values[np.isfinite(values) & (values > 0)])
    if not known.size:
        known = np.zeros(1)
    held = np.clip(known, *DECADES)
    pad = max(0.06 * np.ptp(held), least / 2)
    below, above = (0 if cut else pad for cut in (known.min() < DECADES[0], known.max() > DECADES[1]))
    return [float(held.min() - below), float(held.max() + above)]


def _curves(result: Result, values: np.ndarray, first: int, unit: str) -> list[style.Trace]:
    """values [n, A] from step `first` on, growing with the clock; of a run with one value alone a line would show nothing."""
    t, drawn = np.arange(first, first + len(values)), _positive(values)
    modes = np.where(np.isfinite(drawn).sum(0) == 1, "markers", "lines").tolist()
    return [style.grow(dict(type="scatter", x=t, y=drawn[:, k], mode=modes[k], line=stroke(arm), showlegend=False,
                            marker=dict(size=9, color=stroke(arm)["color"]),
                            hovertemplate=f"{name}, step %{{x}}: {unit} %{{y:.3g}}<extra></extra>"),
                       [s + 1 - first for s in stops(result)]) for k, (arm, name) in enumerate(ARMS.items())]


def loss(result: Result, scene: Config) -> go.Figure:
    values = result.losses.numpy()
    low, high = _decades(values)
    reached = dict(type="line", x0=0, x1=1, xref="x domain", y0=ARRIVED, y1=ARRIVED,
                   line=dict(color=style.MUTED, width=1.5, dash="dot"))
    return style.figure(_curves(result, values, 0, "J"), x="step of descent", y="J", yaxis_type="log",
                        xaxis_range=[0, scene.steps], yaxis_range=[min(max(low, -9), -3.3), min(high, 8)], shapes=[reached],
                        annotations=[style.label(0, np.log10(ARRIVED), "arrived", "muted") | dict(yanchor="top")])


def step_lengths(result: Result, scene: Config) -> go.Figure:
    """Length of every step of descent, with the bound that clipping by norm sets."""
    values = scene.learning_rate * length(result.used).numpy()
    bound = scene.learning_rate * scene.threshold
    traces = [style.theory([0, scene.steps], [bound, bound], "ε·c", showlegend=False), *_curves(result, values, 1, "length")]
    low, high = _decades(np.append(values, bound))
    return style.figure(traces, x="step of descent", y="length", yaxis_type="log", xaxis_range=[0, scene.steps],
                        yaxis_range=[max(low, np.log10(bound) - 5), high],
                        annotations=[style.label(scene.steps, np.log10(bound), "ε·c")
                                     | dict(xanchor="right", xshift=-2, yanchor="bottom")])


def through(result: Result, scene: Config) -> go.Figure:
    """|∂h_T/∂h_{T−k}| of one run where it stands, and the bound (|w| max φ')^k."""
    k = list(ARMS).index(scene.inside)
    at = stops(result)
    values = result.through[at, k].numpy()
    rate = result.paths[at, k, :1].abs().numpy() * recurrent.STEEPEST[scene.unit]
    back = np.arange(values.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        bound = rate ** back
    name = "|w|ᵏ" if scene.unit == "linear" else "(|w|·max φ′)ᵏ"
    line = dict(type="scatter", x=back, y=_positive(values[0]), mode="lines+markers", line=stroke(scene.inside, 3),
                marker=dict(size=5), hovertemplate="%{x} steps back: %{y:.3g}<extra></extra>", showlegend=False)
    limit = style.theory(back, _positive(bound[0]), name, showlegend=False)
    held = [v for v in (values, bound[np.isfinite(bound).all(1)]) if v.size]
    return style.figure([style.frames(limit, y=_positive(bound)), style.frames(line, y=_positive(values))],
                        x="steps back in time k", y="|∂h<sub>T</sub>/∂h<sub>T−k</sub>|", yaxis_type="log",
                        xaxis_range=[0, scene.T], xaxis_dtick=1 if scene.T <= 10 else None,
                        yaxis_range=_decades(np.concatenate([v.ravel() for v in held])))


def direction(result: Result, scene: Config) -> go.Figure:
    """The gradient at one run's point in units of c: as it is, clipped by norm (to the circle), by value (to the square)."""
    at = [max(0, min(s, len(result.slopes) - 1)) for s in stops(result)]
    in_c = result.slopes[:, list(ARMS).index(scene.inside)] / scene.threshold
    g, size = in_c.numpy(), length(in_c)[:, None].numpy()
    # A gradient of zero has no direction and is drawn at the centre; one that is no longer finite is not drawn.
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(size == 0, 0, g / size)
    # A ray that ends inside the frame ends where the gradient does: a longer one leaves it.
    ray, by_norm, by_value = unit * np.minimum(size, 3), unit * np.minimum(size, 1), np.clip(g, -1, 1)
    angle = np.linspace(0, 2 * np.pi, 73)
    ends = style.array(np.stack([np.zeros_like(ray), ray], 1)[at])
    traces = [
        style.theory(np.cos(angle), np.sin(angle), "norm c", hovertemplate="norm c<extra></extra>", showlegend=False),
        dict(type="scatter", x=[-1, 1, 1, -1, -1], y=[-1, -1, 1, 1, -1], mode="lines", showlegend=False,
             line=dict(color=style.MUTED, width=1.5, dash="dot"), hovertemplate="coordinates ±c<extra></extra>"),
        style.frames(dict(type="scatter", x=ends[0, :, 0], y=ends[0, :, 1], mode="lines", showlegend=False,
                          line=stroke("none", 3), hovertemplate="the gradient<extra></extra>"), x=ends[:, :, 0], y=ends[:, :, 1])]
    for arm, place in (("value", by_value), ("norm", by_norm)):
        p = style.array(place)
        traces.append(dict(type="scatter", x=p[:, 0], y=p[:, 1], mode="markers", hoverinfo="skip", showlegend=False,
                           marker=dict(symbol=MARK[arm], size=6, color=style.colour(HUES[arm], 0.35))))
        now = p[at, None]
        dot = dict(type="scatter", x=now[0, :, 0], y=now[0, :, 1], mode="markers", showlegend=False,
                   marker=dict(symbol=MARK[arm], size=14, color=style.colour(HUES[arm]), line=dict(color=style.PAPER, width=1.4)),
                   hovertemplate=f"{ARMS[arm]}<br>(%{{x:.2f}}, %{{y:.2f}})·c<extra></extra>")
        traces.append(style.frames(dot, x=now[:, :, 0], y=now[:, :, 1]))
    return style.figure(traces, x="∂J/∂w in units of c", y="∂J/∂b in units of c", equal=True, xaxis_range=[-2.2, 2.2],
                        yaxis_range=[-1.7, 1.7], xaxis_dtick=1, yaxis_dtick=1)


def chains(result: Result, scene: Config) -> go.Figure:
    """The gradient's length on its way back through chains of matrices: range and median over chains, with g^k."""
    back = np.arange(scene.T + 1)
    traces: list[style.Trace] = []
    for kind, lengths in result.chains.items():
        hue = CHAIN_HUES[kind]
        if kind == "orthogonal":
            traces.append(dict(type="scatter", x=back, y=style.array(lengths[0]), mode="lines", showlegend=False,
                               line=dict(color=style.colour(hue), width=7),
                               hovertemplate="orthogonal: %{y:.3g}<extra></extra>"))
            continue
        traces += [style.band(back, lengths.amin(0), lengths.amax(0), f"{CHAINS[kind]}, range", hue),
                   dict(type="scatter", x=back, y=style.array(lengths.median(0).values), mode="lines", showlegend=False,
                        line=dict(color=style.colour(hue), width=2.6, dash=CHAIN_DASH[kind]),
                        hovertemplate="median: %{y:.3g}<extra></extra>")]
    traces.append(style.theory(back, scene.gain ** back.astype(float), "gᵏ", showlegend=False))
    return style.figure(traces, x="layers back k", y="length of the gradient", yaxis_type="log", xaxis_range=[0, scene.T],
                        xaxis_dtick=1 if scene.T <= 10 else None)
