"""Pictures of everything against α or against the steps: paths, losses, counts of zeros, descents that never rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.weight_penalties.lesson import PENALTIES, Config, Result
from core.lessons.weight_penalties.result import ORDER
from figures import style
from figures.weight_penalties.pictures import DASH, GAP, SPLIT_DASH

LABELS = 5


def _now(result: Result, low: float, high: float) -> style.Trace:
    """The upright line that stands at the player's α, from low to high."""
    alpha = style.array(result.alphas)
    line = dict(type="scatter", x=[alpha[0]] * 2, y=[low, high], mode="lines", hoverinfo="skip", showlegend=False,
                line=dict(color=style.MUTED, width=1.8, dash="dot"))
    return style.frames(line, x=np.stack([alpha, alpha], 1))


def _over_alpha(result: Result, traces: list[style.Trace], y: str, low: float, high: float, limits: Sequence[str] = (),
                **layout: Any) -> go.Figure:
    """limits: the penalties whose α_max, by its closed form, stands dashed upright with its name, at a height that is free."""
    a, b = (math.log10(float(result.alphas[i])) for i in (0, -1))
    tops = {p: float(result.alpha_max[ORDER.index(p)]) for p in limits if has_limit(result, p)}
    said = "α<sub>max</sub> = %{x:.3g}, in closed form<extra></extra>"
    traces = [*traces, *(style.theory([top, top], [low, high], "α_max", hovertemplate=said) for top in tops.values())]
    name = "α<sub>max</sub>, {}" if len(tops) > 1 else "α<sub>max</sub>"
    names = [dict(x=math.log10(top), y=0.25, yref="paper", text=name.format(PENALTIES[p]), showarrow=False, xanchor="right",
                  xshift=-4, font=dict(color=style.INK), bgcolor=style.PAPER) for p, top in tops.items()]
    layout["annotations"] = [*layout.get("annotations", []), *names]
    layout.setdefault("xaxis_range", [a - 0.05, b + 0.05])
    return style.figure([*traces, _now(result, low, high)], x="penalty strength α", y=y, xaxis_type="log",
                        xaxis_tickvals=[10.0**d for d in range(math.ceil(a - 1e-9), math.floor(b + 1e-9) + 1)],
                        yaxis_range=[low, high], showlegend=False, **layout)


def has_limit(result: Result, penalty: str) -> bool:
    """Whether the penalty has an α_max, and within the axis."""
    return float(result.alpha_max[ORDER.index(penalty)]) <= float(result.alphas[-1])


def _spread(heights: list[float], gap: float) -> list[float]:
    """Heights in rising order moved apart to at least `gap`, about where they were."""
    out = list(heights)
    for _ in range(40):
        for i in range(len(out) - 1):
            short = gap - (out[i + 1] - out[i])
            if short > 0:
                out[i], out[i + 1] = out[i] - short / 2, out[i + 1] + short / 2
    return out


def _many(x: np.ndarray, curves: np.ndarray) -> dict[str, np.ndarray]:
    """x [n] and curves [n, K] as the x and y of one trace, with a gap after each curve."""
    count = curves.shape[1]
    return dict(x=np.tile(np.append(x, GAP), count), y=np.append(curves, np.tile(GAP, (1, count)), 0).T.ravel())


def paths(result: Result, penalty: str) -> go.Figure:
    """Every weight against α, the largest with their names; the closed form dashed where there is one."""
    k, x, hue = ORDER.index(penalty), style.array(result.alphas), style.colour(penalty)
    w = style.array(result.weights[k])
    low, high = float(result.weights.min()), float(result.weights.max())
    pad = 0.08 * (high - low) or 1.0
    low, high = low - pad, high + pad
    ranked = np.argsort(-np.abs(w[0]), kind="stable")
    named, rest = ranked[:LABELS], ranked[LABELS:]
    traces: list[style.Trace] = []
    if len(rest):
        text = [result.names[j] for j in rest for _ in range(len(x) + 1)]
        traces.append(dict(type="scatter", **_many(x, w[:, rest]), text=text, mode="lines",
                           line=dict(color=style.colour(penalty, 0.45), width=1.3, dash=DASH[penalty]),
                           hovertemplate="%{text}: %{y:.4g}<extra></extra>"))
    for j in named:
        traces.append(dict(type="scatter", x=x, y=w[:, j], mode="lines", line=dict(color=hue, width=2.4, dash=DASH[penalty]),
                           hovertemplate=f"{result.names[j]}: %{{y:.4g}}<extra></extra>"))
    if result.closed is not None:
        traces.append(style.theory(**_many(x, style.array(result.closed[k])), name="closed form"))
    start, end = math.log10(float(x[0])), math.log10(float(x[-1]))
    # Room for the longest name, as a part of a picture about 350 pixels wide.
    share = min(0.45, 0.06 + 0.019 * max(len(result.names[j]) for j in named))
    room = (end - start) * share / (1 - share)
    rising = sorted(named, key=lambda j: float(w[0, j]))
    heights = _spread([float(w[0, j]) for j in rising], 0.085 * (high - low))
    names = [dict(x=start, y=at, text=result.names[j], showarrow=False, xanchor="right", xshift=-4, font=dict(color=style.INK))
             for j, at in zip(rising, heights, strict=True)]
    return _over_alpha(result, traces, "weight", low, high, [penalty], xaxis_range=[start - room, end + 0.05], annotations=names)


def errors(result: Result, penalty: str) -> go.Figure:
    """Data loss J on the three splits against α, the objective being minimised, and the α that validation chooses."""
    k, x = ORDER.index(penalty), style.array(result.alphas)
    every = np.concatenate([v.numpy().ravel() for v in result.loss.values()])
    traces: list[style.Trace] = [dict(
        type="scatter", x=x, y=style.array(result.objective[k]), mode="lines",
        line=dict(color=style.colour("train"), width=1.4, dash="dot"),
        hovertemplate="objective J + αΩ, training: %{y:.4f}<extra></extra>")]
    for split in SPLIT_DASH:
        traces.append(dict(type="scatter", x=x, y=style.array(result.loss[split][k]), mode="lines",
                           line=dict(color=style.colour(split), width=2.2, dash=SPLIT_DASH[split]),
                           hovertemplate=f"J, {split}: %{{y:.4f}}<extra></extra>"))
    best = int(result.chosen[k])
    at = [float(result.loss[s][k, best]) for s in ("validation", "test")]
    traces.append(dict(type="scatter", x=[float(x[best])] * 2, y=at, mode="markers",
                       text=["chosen by validation", "its test loss"],
                       marker=dict(symbol=["star", "circle"], size=[14, 10], opacity=1, line=dict(color=style.PAPER, width=1.2),
                                   color=[style.colour("validation"), style.colour("test")]),
                       hovertemplate="%{text}<br>α = %{x:.3g}, J = %{y:.4f}<extra></extra>"))
    return _over_alpha(result, traces, "loss J", 0.0, 1.08 * float(every.max()))


def zeros(result: Result, scene: Config) -> go.Figure:
    """How many weights are exactly zero at every α, by proximal steps and by sub-gradient steps on |w|."""
    x, count = style.array(result.alphas), result.weights.shape[-1]
    low, high = -0.04 * count, 1.06 * count
    traces: list[style.Trace] = []
    for penalty in (p for p in ORDER if p in scene.penalties):
        name = PENALTIES[penalty]
        count_at = style.array(result.zeros[ORDER.index(penalty)].float())
        traces.append(dict(type="scatter", x=x, y=count_at, mode="lines", name=name,
                           line=dict(color=style.colour(penalty), width=2.4, dash=DASH[penalty]),
                           hovertemplate=f"{name}: %{{y:.0f}} of {count} exactly 0<extra></extra>"))
    if result.plain is not None:
        plain = (result.plain.weights == 0).sum(1)
        traces.append(dict(type="scatter", x=x, y=style.array(plain.float()), mode="markers", name="L1 by sub-gradient steps",
                           marker=dict(symbol="circle-open", size=6, color=style.colour("l1")),
                           hovertemplate=f"L1 by sub-gradient steps: %{{y:.0f}} of {count} exactly 0<extra></extra>"))
    return _over_alpha(result, traces, "exact zeros", low, high, [p for p in ORDER if p in scene.penalties])


def near_zero(result: Result) -> go.Figure:
    """The course of one weight under proximal and under sub-gradient steps; the logarithmic axis has no place for 0."""
    plain = result.plain
    assert plain is not None and plain.subgradient is not None and plain.proximal is not None
    down, prox = (np.abs(v.numpy()).T for v in (plain.subgradient, plain.proximal))
    prox = np.where(prox > 0, prox, np.nan)
    t = np.arange(down.shape[1], dtype=np.float32)
    name = result.names[plain.watched]
    traces: list[style.Trace] = []
    for values, label, hue, width in ((down, "sub-gradient steps", "muted", 1.4), (prox, "proximal steps", "l1", 2.8)):
        line = dict(type="scatter", x=t, y=style.array(values[0]), mode="lines", line=dict(color=style.colour(hue), width=width),
                    name=label,
                    hovertemplate=f"{label}, {name}: |w| = %{{y:.2g}}<extra></extra>")
        traces.append(style.frames(line, y=style.array(values)))
    level = np.repeat((plain.rate * result.alphas.numpy())[:, None], 2, 1)
    line = style.theory([0, t[-1]], level[0], "ε·α")
    traces.append(style.frames(line, y=style.array(level)))
    return style.figure(traces, x="step", y=f"|w|, {name}", yaxis_type="log", yaxis_range=[-6, 0.3], yaxis_dtick=2,
                        xaxis_range=[0, float(t[-1])], showlegend=True)


def adam(result: Result) -> go.Figure:
    """How far Adam with an L2 penalty, and AdamW, end from the L2 fit, at every α."""
    traces = [dict(type="scatter", x=style.array(result.alphas), y=style.array(result.adam[m]), mode="lines", name=name,
                   line=dict(color=style.colour(m), width=2.4, dash=dash),
                   hovertemplate=f"{name}: %{{y:.2g}}<extra></extra>")
              for m, name, dash in (("adam", "Adam on J + αΩ", "solid"), ("adamw", "AdamW with decay α", "dot"))]
    a, b = (math.log10(float(result.alphas[i])) for i in (0, -1))
    line = _now(result, 1e-9, 10)
    return style.figure([*traces, line], x="penalty strength α", y="distance", xaxis_type="log", yaxis_type="log", xaxis_dtick=1,
                        yaxis_range=[-8, 1], yaxis_dtick=2, xaxis_range=[a - 0.05, b + 0.05], showlegend=True)
