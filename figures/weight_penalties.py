"""Pictures of the penalties: the touching point, named weights, their paths, why they are zero, what it costs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.lessons.weight_penalties import LINEAR, PENALTIES, Config, Result, order_of_death
from figures import style

ORDER = tuple(PENALTIES)
DASH = {"l1": "solid", "elastic": "dashdot", "l2": "longdash"}
PART = {"l1": 1.0, "l2": 0.0}  # of L1 in the penalty; the elastic net's is the scene's
BARS = 14  # rows of the picture of bars
LABELS = 5
SPLIT_DASH = {"train": "solid", "validation": "longdashdot", "test": "solid"}


def part(penalty: str, scene: Config) -> float:
    return PART.get(penalty, scene.l1_ratio)


def labels(result: Result) -> list[str]:
    return [f"α = {alpha:.3g}" for alpha in result.alphas.tolist()]


def legend(scene: Config) -> list[tuple[str, str, str]]:
    out = [(PENALTIES[p], style.colour(p), DASH[p]) for p in ORDER if p in scene.penalties]
    out += [({"train": "Training"}.get(s, s.capitalize()), style.colour(s), SPLIT_DASH[s]) for s in SPLIT_DASH]
    return [*out, ("Theory", style.INK, "dash"), ("α now", style.MUTED, "dot")]


def _frames(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(style.array(values))


def _now(result: Result, low: float, high: float) -> style.Trace:
    """The upright line that stands at the player's α, from low to high."""
    alpha = style.array(result.alphas)
    line = dict(type="scatter", x=[alpha[0]] * 2, y=[low, high], mode="lines", hoverinfo="skip", showlegend=False,
                      line=dict(color=style.MUTED, width=1.8, dash="dot"))
    return style.frames(line, x=np.stack([alpha, alpha], 1))


def _over_alpha(result: Result, traces: list[object], y: str, low: float, high: float, **layout: object) -> go.Figure:
    a, b = (math.log10(float(result.alphas[i])) for i in (0, -1))
    layout.setdefault("xaxis_range", [a - 0.05, b + 0.05])
    return style.figure([*traces, _now(result, low, high)], x="penalty strength α", y=y, xaxis_type="log",
                        xaxis_tickvals=[10.0**d for d in range(math.ceil(a - 1e-9), math.floor(b + 1e-9) + 1)],
                        yaxis_range=[low, high], showlegend=False, **layout)


def has_limit(result: Result, penalty: str) -> bool:
    """Whether the penalty has an α_max, and within the axis."""
    return float(result.alpha_max[ORDER.index(penalty)]) <= float(result.alphas[-1])


def _limit(result: Result, penalty: str, low: float, high: float) -> list[object]:
    """α_max by its closed form, dashed."""
    if not has_limit(result, penalty):
        return []
    top = float(result.alpha_max[ORDER.index(penalty)])
    return [style.theory([top, top], [low, high], "α_max", hovertemplate=f"α_max = {top:.3g}, in closed form<extra></extra>")]


def ball(rho: float, through: np.ndarray, points: int = 97) -> tuple[np.ndarray, np.ndarray]:
    """The curve ρ‖w‖₁ + (1 − ρ)/2 ‖w‖² = const through each point [F, 2], as x and y [F, points].

    Along the direction (c, s) the radius r solves (1 − ρ)/2 r² + ρ (|c| + |s|) r = const; `points` − 1 is a multiple
    of 4, so that the corners of the diamond are among them.
    """
    level = rho * np.abs(through).sum(1) + (1 - rho) / 2 * (through**2).sum(1)
    angle = np.linspace(0, 2 * np.pi, points)
    c, s = np.cos(angle), np.sin(angle)
    b = rho * (np.abs(c) + np.abs(s))
    # The root in the form that has no cancellation and holds at ρ = 1 too.
    r = 2 * level[:, None] / np.maximum(b + np.sqrt(b**2 + 2 * (1 - rho) * level[:, None]), 1e-300)
    return r * c, r * s


def geometry(result: Result, scene: Config) -> go.Figure:
    """Two weights: contours of the loss, the penalty's ball, and the point where they touch, at every α."""
    pair = result.pair
    assert pair is not None
    x, y = style.array(pair.x), style.array(pair.y)
    height = style.array((pair.loss - pair.free_loss).clamp_min(0).sqrt())
    traces: list[object] = [dict(type="contour",
        x=x, y=y, z=height, colorscale=style.SURFACE, showscale=False, ncontours=14, customdata=style.array(pair.loss),
        line=dict(width=0.6, color=style.colour("axis")),
        hovertemplate="w₁ %{x:.2f}, w₂ %{y:.2f}<br>loss J %{customdata:.3f}<extra></extra>")]
    shown = [p for p in ORDER if p in scene.penalties]
    top: list[object] = []
    heads = []
    for penalty in shown:
        k, hue = ORDER.index(penalty), style.colour(penalty)
        touch = pair.touch[k].numpy()
        bx, by = ball(part(penalty, scene), touch)
        level = np.sqrt(np.maximum(pair.level[k].numpy() - pair.free_loss, 0))
        lens = dict(type="contour", x=x, y=y, z=height, showscale=False, hoverinfo="skip", autocontour=False,
                          colorscale=[[0, hue], [1, hue]], line=dict(color=hue, width=1.6, dash="dot"),
                          contours=dict(coloring="none", start=float(level[0]), end=float(level[0]), size=1, showlabels=False))
        traces.append(style.frames(lens, contours__start=_frames(level), contours__end=_frames(level)))
        trail = dict(type="scatter", x=_frames(touch[:, 0]), y=_frames(touch[:, 1]), mode="lines", line=dict(color=hue, width=2.2),
                           hoverinfo="skip", opacity=0.7)
        curve = dict(type="scatter", x=_frames(bx[0]), y=_frames(by[0]), mode="lines", fill="toself", hoverinfo="skip",
                           fillcolor=style.colour(penalty, 0.16), line=dict(color=hue, width=2.6))
        traces += [style.halo(trail), trail, style.frames(curve, x=_frames(bx), y=_frames(by))]
        heads.append(touch)
    ends = np.stack(heads, 1)
    head = dict(type="scatter", x=ends[0, :, 0], y=ends[0, :, 1], mode="markers", text=[PENALTIES[p] for p in shown],
                      marker=dict(size=13, color=[style.colour(p) for p in shown], line=dict(color=style.PAPER, width=1.6),
                                  symbol=[{"l1": "diamond", "l2": "circle", "elastic": "square"}[p] for p in shown]),
                      hovertemplate="%{text}<br>w₁ %{x:.3f}, w₂ %{y:.3f}<extra></extra>")
    free = pair.free.tolist()
    top = [dict(type="scatter", x=[free[0]], y=[free[1]], mode="markers+text", text=["no penalty"], textposition="middle right",
                      marker=dict(symbol="star", size=15, color=style.INK, line=dict(color=style.PAPER, width=1)),
                      textfont=dict(color=style.INK), hovertemplate="no penalty<br>w₁ %{x:.3f}, w₂ %{y:.3f}<extra></extra>"),
           style.frames(head, x=_frames(ends[:, :, 0]), y=_frames(ends[:, :, 1]))]
    axis = dict(showgrid=False, zeroline=True, zerolinecolor=style.MUTED, zerolinewidth=1.2, constrain="domain")
    return style.figure([*traces, *top], x=f"weight of {pair.names[0]}", y=f"weight of {pair.names[1]}", showlegend=False,
                        xaxis=dict(**axis, range=[float(x[0]), float(x[-1])]),
                        yaxis=dict(**axis, range=[float(y[0]), float(y[-1])], scaleanchor="x"),
                        uirevision=f"{result.problem}{pair.names}")


def bars(result: Result, scene: Config) -> go.Figure:
    """Every weight by name, in the order in which L1 switches them off: the last to go stand at the top."""
    order = order_of_death(result)[-BARS:]
    shown = [p for p in ORDER if p in scene.penalties]
    width = 0.8 / len(shown)
    y = np.arange(len(order), dtype=np.float32)
    traces: list[object] = []
    reach = float(result.weights[:, :, order].abs().max()) * 1.08 or 1.0
    for i, penalty in enumerate(shown):
        w = result.weights[ORDER.index(penalty)][:, order].numpy()
        offset = 0.4 - (i + 1) * width
        names = [result.names[j] for j in order]
        bar = dict(type="bar", x=_frames(w[0]), y=y, orientation="h", width=width * 0.92, offset=offset, name=PENALTIES[penalty],
                     marker=dict(color=style.colour(penalty), line_width=0), text=names, textposition="none",
                     hovertemplate=f"%{{text}}<br>{PENALTIES[penalty]}: %{{x:.4g}}<extra></extra>")
        traces.append(style.frames(bar, x=_frames(w)))
        gone = np.where(w == 0, 0.0, np.nan)
        if penalty != "l2" or np.isfinite(gone).any():
            mark = dict(type="scatter", x=_frames(gone[0]), y=y + offset + width / 2, mode="markers", text=names,
                              marker=dict(symbol="x", size=7, color=style.colour(penalty)),
                              hovertemplate=f"%{{text}}<br>{PENALTIES[penalty]}: exactly 0<extra></extra>")
            traces.append(style.frames(mark, x=_frames(gone)))
    out = style.figure(traces, x="weight", showlegend=False, barmode="overlay", xaxis_range=[-reach, reach],
                       xaxis_zeroline=True, xaxis_zerolinecolor=style.MUTED, yaxis_range=[-0.6, len(order) - 0.4])
    out.update_yaxes(tickvals=y.tolist(), ticktext=[result.names[j] for j in order], ticks="", showgrid=False)
    return out


def _spread(heights: list[float], gap: float) -> list[float]:
    """Heights in rising order moved apart to at least `gap`, about where they were."""
    out = list(heights)
    for _ in range(40):
        for i in range(len(out) - 1):
            short = gap - (out[i + 1] - out[i])
            if short > 0:
                out[i], out[i + 1] = out[i] - short / 2, out[i + 1] + short / 2
    return out


def paths(result: Result, penalty: str) -> go.Figure:
    """Every weight against α, the largest with their names; the closed form dashed where there is one."""
    k, x = ORDER.index(penalty), style.array(result.alphas)
    w = style.array(result.weights[k])
    low, high = float(result.weights.min()), float(result.weights.max())
    pad = 0.08 * (high - low) or 1.0
    low, high = low - pad, high + pad
    ranked = np.argsort(-np.abs(w[0]), kind="stable")
    named, rest = ranked[:LABELS], ranked[LABELS:]
    traces: list[object] = []
    gap = np.array([np.nan], np.float32)
    if len(rest):
        traces.append(dict(type="scatter",
            x=np.concatenate([v for _ in rest for v in (x, gap)]), y=np.concatenate([v for j in rest for v in (w[:, j], gap)]),
            text=[result.names[j] for j in rest for _ in range(len(x) + 1)], mode="lines",
            line=dict(color=style.colour(penalty, 0.45), width=1.3), hovertemplate="%{text}: %{y:.4g}<extra></extra>"))
    for j in named:
        traces.append(dict(type="scatter", x=x, y=w[:, j], mode="lines", line=dict(color=style.colour(penalty), width=2.4),
                                 hovertemplate=f"{result.names[j]}: %{{y:.4g}}<extra></extra>"))
    if result.closed is not None:
        c = style.array(result.closed[k])
        count = c.shape[1]
        traces.append(style.theory(np.concatenate([v for _ in range(count) for v in (x, gap)]),
                                   np.concatenate([v for j in range(count) for v in (c[:, j], gap)]), "closed form"))
    traces += _limit(result, penalty, low, high)
    start, end = math.log10(float(x[0])), math.log10(float(x[-1]))
    # Room for the longest name, as a part of a picture about 350 pixels wide.
    share = min(0.45, 0.06 + 0.019 * max(len(result.names[j]) for j in named))
    room = (end - start) * share / (1 - share)
    out = _over_alpha(result, traces, "weight", low, high, xaxis_range=[start - room, end + 0.05])
    rising = sorted(named, key=lambda j: float(w[0, j]))
    for j, at in zip(rising, _spread([float(w[0, j]) for j in rising], 0.1 * (high - low)), strict=True):
        out.add_annotation(x=start, y=at, text=result.names[j], showarrow=False, xanchor="right", xshift=-4,
                           font=dict(color=style.INK))
    return out


def balance(result: Result, scene: Config, penalty: str) -> go.Figure:
    """At the minimum the loss pulls as hard as the penalty: −∂J/∂w over α lies on the penalty's slope, at every weight."""
    k, rho = ORDER.index(penalty), part(penalty, scene)
    w = result.weights[k].numpy()
    pull = -(result.slopes[k] / result.alphas[:, None]).numpy()
    reach = 1.1 * float(result.weights.abs().max()) or 1.0
    top = max(1.5, rho + (1 - rho) * reach)
    line_x = [-reach, 0, 0, reach] if rho > 0 else [-reach, reach]
    line_y = [-rho - (1 - rho) * reach, -rho, rho, rho + (1 - rho) * reach] if rho > 0 else [-reach, reach]
    names = list(result.names) if result.problem in LINEAR else [f"weight {i + 1}" for i in range(w.shape[1])]
    dots = dict(type="scatter", x=_frames(w[0]), y=_frames(pull[0]), mode="markers", text=names,
                      marker=dict(size=9 if len(names) < 40 else 5, color=style.colour(penalty, 0.75),
                                  line=dict(color=style.PAPER, width=0.8)),
                      hovertemplate="%{text}<br>w = %{x:.4g}<br>pull of the loss = %{y:.3g} α<extra></extra>")
    traces = [style.theory(line_x, line_y, "slope of Ω"), style.frames(dots, x=_frames(w), y=_frames(pull))]
    return style.figure(traces, x="weight w", y="pull ÷ α", xaxis_range=[-reach, reach],
                        yaxis_range=[-top, top], showlegend=False, xaxis_zeroline=True, yaxis_zeroline=True)


def field(scene: Config, penalty: str) -> go.Figure:
    """Where the penalty alone pushes two weights: arrows along −∇Ω, as long as the slope is steep."""
    rho = part(penalty, scene)
    g = np.linspace(-1, 1, 9)
    x, y = (v.ravel() for v in np.meshgrid(g, g))
    dx, dy = (-(rho * np.sign(v) + (1 - rho) * v) * 0.13 for v in (x, y))
    # At 0 the sign rests; arithmetic leaves ±1e-17 there.
    dx, dy = np.where(np.abs(x) < 1e-9, 0, dx), np.where(np.abs(y) < 1e-9, 0, dy)
    blank = np.full_like(x, np.nan)
    hue = style.colour(penalty)
    shafts = dict(type="scatter", x=style.array(np.stack([x, x + dx, blank], 1).ravel()), mode="lines", hoverinfo="skip",
                        y=style.array(np.stack([y, y + dy, blank], 1).ravel()), line=dict(color=hue, width=2))
    steep = np.hypot(dx, dy) / 0.13
    heads = dict(type="scatter", x=style.array(x + dx), y=style.array(y + dy), mode="markers", customdata=style.array(steep),
                       marker=dict(symbol="arrow", size=9, color=hue, angle=style.array(np.degrees(np.arctan2(dx, dy))),
                                   opacity=style.array((steep > 0).astype(float))),
                       hovertemplate="slope %{customdata:.2f} α<extra></extra>")
    axis = dict(range=[-1.15, 1.15], zeroline=True, zerolinecolor=style.MUTED, showgrid=False, constrain="domain")
    return style.figure([shafts, heads], x="first weight", y="second weight", showlegend=False, xaxis=axis,
                        yaxis=dict(**axis, scaleanchor="x"))


def errors(result: Result, penalty: str) -> go.Figure:
    """Data loss J on the three splits against α, the objective being minimised, and the α that validation chooses."""
    k, x = ORDER.index(penalty), style.array(result.alphas)
    every = np.concatenate([v.numpy().ravel() for v in result.loss.values()])
    low, high = 0.0, 1.08 * float(every.max())
    traces: list[object] = [dict(type="scatter",
        x=x, y=style.array(result.objective[k]), mode="lines", line=dict(color=style.colour("train"), width=1.4, dash="dot"),
        hovertemplate="objective J + αΩ, training: %{y:.4f}<extra></extra>")]
    for split in ("train", "validation", "test"):
        traces.append(dict(type="scatter", x=x, y=style.array(result.loss[split][k]), mode="lines",
                                 line=dict(color=style.colour(split), width=2.2, dash=SPLIT_DASH[split]),
                                 hovertemplate=f"J, {split}: %{{y:.4f}}<extra></extra>"))
    best = int(result.chosen[k])
    at = [float(result.loss[s][k, best]) for s in ("validation", "test")]
    traces.append(dict(type="scatter", x=[float(x[best])] * 2, y=at, mode="markers", text=["chosen by validation", "its test loss"],
                             marker=dict(symbol=["star", "circle"], size=[14, 10], opacity=1,
                                         line=dict(color=style.PAPER, width=1.2),
                                         color=[style.colour("validation"), style.colour("test")]),
                             hovertemplate="%{text}<br>α = %{x:.3g}, J = %{y:.4f}<extra></extra>"))
    return _over_alpha(result, traces, "loss J", low, high)


def zeros(result: Result, scene: Config) -> go.Figure:
    """How many weights are exactly zero at every α, by proximal steps and by sub-gradient steps on |w|."""
    x, count = style.array(result.alphas), result.weights.shape[-1]
    low, high = -0.04 * count, 1.06 * count
    traces: list[object] = []
    for penalty in (p for p in ORDER if p in scene.penalties):
        name = PENALTIES[penalty]
        traces.append(dict(type="scatter", x=x, y=style.array(result.zeros[ORDER.index(penalty)].float()), mode="lines", name=name,
                                 line=dict(color=style.colour(penalty), width=2.4, dash=DASH[penalty]),
                                 hovertemplate=f"{name}: %{{y:.0f}} of {count} exactly 0<extra></extra>"))
        traces += _limit(result, penalty, low, high)
    if result.plain is not None:
        plain = (result.plain.weights == 0).sum(1)
        traces.append(dict(type="scatter", x=x, y=style.array(plain.float()), mode="markers", name="L1 by sub-gradient steps",
                                 marker=dict(symbol="circle-open", size=6, color=style.colour("l1")),
                                 hovertemplate=f"L1 by sub-gradient steps: %{{y:.0f}} of {count} exactly 0<extra></extra>"))
    return _over_alpha(result, traces, "exact zeros", low, high)


def near_zero(result: Result) -> go.Figure:
    """The course of one weight under proximal and under sub-gradient steps; the logarithmic axis has no place for 0."""
    plain = result.plain
    assert plain is not None and plain.subgradient is not None and plain.proximal is not None
    down, prox = (np.abs(v.numpy()).T for v in (plain.subgradient, plain.proximal))
    prox = np.where(prox > 0, prox, np.nan)
    t = np.arange(down.shape[1], dtype=np.float32)
    name = result.names[plain.watched]
    traces: list[object] = []
    for values, label, hue, width in ((down, "sub-gradient", "muted", 1.4), (prox, "proximal", "l1", 2.8)):
        line = dict(type="scatter", x=t, y=_frames(values[0]), mode="lines", line=dict(color=style.colour(hue), width=width),
                          hovertemplate=f"{label}, {name}: |w| = %{{y:.2g}}<extra></extra>")
        traces.append(style.frames(line, y=_frames(values)))
    level = np.repeat((plain.rate * result.alphas.numpy())[:, None], 2, 1)
    line = style.theory([0, t[-1]], level[0], "ε·α, the penalty's part of a step")
    traces.append(style.frames(line, y=_frames(level)))
    return style.figure(traces, x="step", y=f"|w|, {name}", yaxis_type="log", yaxis_range=[-6, 0.3], yaxis_dtick=2,
                        xaxis_range=[0, float(t[-1])], showlegend=False)


def posterior(result: Result, scene: Config) -> go.Figure:
    """One weight alone: prior, likelihood and posterior, each divided by its peak, and the penalised minimum."""
    pair = result.pair
    assert pair is not None
    c, alpha = pair.alone, result.alphas.numpy()[:, None]
    w = np.linspace(min(0.0, c) - 0.45, max(0.0, c) + 0.45, 121)
    scale = pair.precision * pair.samples  # βN
    fit = 0.5 * (w - c) ** 2
    traces: list[object] = [dict(type="scatter", x=style.array(w), y=style.array(np.exp(-scale * fit)), mode="lines",
                                       line=dict(color=style.colour("train"), width=2),
                                       hovertemplate="likelihood, w = %{x:.2f}<extra></extra>")]
    modes = []
    for penalty in (p for p in ORDER if p in scene.penalties):
        rho, hue, name = part(penalty, scene), style.colour(penalty), PENALTIES[penalty]
        omega = alpha * (rho * np.abs(w) + (1 - rho) / 2 * w**2)
        both = fit + omega
        for values, label, line in ((omega, "prior", dict(width=1.4, dash="dot")), (both, "posterior", dict(width=2.6))):
            curve = np.exp(-scale * (values - values.min(1, keepdims=True)))
            trace = dict(type="scatter", x=style.array(w), y=_frames(curve[0]), mode="lines", line=dict(color=hue, **line),
                               hovertemplate=f"{label} of {name}, w = %{{x:.2f}}<extra></extra>")
            traces.append(style.frames(trace, y=_frames(curve)))
        modes.append(np.sign(c) * np.maximum(abs(c) - alpha[:, 0] * rho, 0) / (1 + alpha[:, 0] * (1 - rho)))
    at = np.stack(modes, 1)
    dots = dict(type="scatter", x=_frames(at[0]), y=[1.0] * at.shape[1], mode="markers",
                      marker=dict(symbol="star", size=13, line=dict(color=style.PAPER, width=1),
                                  color=[style.colour(p) for p in ORDER if p in scene.penalties]),
                      hovertemplate="minimum of J̃ in closed form: w = %{x:.4f}<extra></extra>")
    traces.append(style.frames(dots, x=_frames(at)))
    return style.figure(traces, x=f"weight of {pair.names[0]}, alone", y="density ÷ peak", yaxis_range=[0, 1.12],
                        xaxis_range=[float(w[0]), float(w[-1])], showlegend=False)


def histogram(result: Result, penalty: str, bins: int = 41) -> go.Figure:
    """How the weights are spread: a bar a bin for those that are not zero, and a needle for the exact zeros."""
    w = result.weights[ORDER.index(penalty)].numpy()
    reach = float(np.quantile(np.abs(result.weights.numpy()), 0.998)) or 1.0
    edges = np.linspace(-reach, reach, bins + 1)
    counts = np.stack([np.histogram(row[row != 0], edges)[0] for row in w])
    zero = (w == 0).sum(1)
    width, top = edges[1] - edges[0], math.log10(w.shape[1] * 1.4)
    bar = dict(type="bar", x=style.array((edges[1:] + edges[:-1]) / 2), y=_frames(counts[0]), width=width * 0.94,
                 marker=dict(color=style.colour(penalty), line_width=0),
                 hovertemplate="about %{x:.2f}: %{y:.0f} weights<extra></extra>")
    # Lines start at half a weight, below the axis, because a logarithm has no zero.
    tall = np.stack([np.full(len(zero), 0.5), np.where(zero > 0, zero, 0.5)], 1)
    needle = dict(type="scatter", x=[0, 0], y=_frames(tall[0]), mode="lines+markers", line=dict(color=style.INK, width=3),
                        marker=dict(size=[0, 9], symbol="diamond", color=style.INK),
                        hovertemplate="exactly 0: %{y:.0f} weights<extra></extra>")
    traces = [style.frames(bar, y=_frames(counts)), style.frames(needle, y=_frames(tall))]
    return style.figure(traces, x="weight", y="weights",
                        yaxis_type="log", yaxis_range=[math.log10(0.7), top], xaxis_range=[-reach, reach], showlegend=False)


def maps(result: Result, penalty: str) -> go.Figure:
    """Weights as a picture at every α: ten digits' 8 × 8 weights, or the net's first layer with features by name."""
    k = ORDER.index(penalty)
    w = style.array(result.weights[k])
    # One scale for all penalties and strengths: twice the 99th percentile, and what is larger takes the end's colour.
    top = float(np.quantile(np.abs(result.weights.numpy()[:, :: 4]), 0.99)) or 1.0
    if result.pixels is not None:
        full = np.zeros((len(w), 10, 64), np.float32)
        full[:, :, result.pixels.numpy()] = w.reshape(len(w), 10, -1)
        z = np.full((len(w), 27, 35), np.nan, np.float32)
        for digit in range(10):
            row, column = 9 * (digit // 4) + 1, 9 * (digit % 4)
            z[:, row : row + 8, column : column + 8] = full[:, digit].reshape(-1, 8, 8)
        text = [dict(x=9 * (d % 4) - 0.5, y=9 * (d // 4) - 0.1, text=str(d), showarrow=False, xanchor="left",
                     font=dict(color=style.MUTED)) for d in range(10)]
        bare = dict(showticklabels=False, ticks="", showgrid=False, showline=False, constrain="domain")
        about: dict[str, Any] = dict(x="each digit's 8 × 8 weights", annotations=text, xaxis=bare,
                     yaxis=dict(**bare, autorange="reversed", scaleanchor="x"))
        axes: dict[str, Any] = {}
    else:
        D = len(result.names)
        z = w[:, : (w.shape[1] // (D + 1)) * D].reshape(len(w), -1, D)
        axes = dict(x=list(result.names), y=[f"unit {i + 1}" for i in range(z.shape[1])])
        about = dict(x="feature", y="hidden unit", xaxis_showgrid=False, yaxis_showgrid=False, xaxis_tickangle=-50)
    heat = dict(type="heatmap", z=z[0], zmin=-top, zmax=top, colorscale=style.PROBABILITY, xgap=1, ygap=1, **axes,
                      colorbar=dict(thickness=10, len=0.9, outlinewidth=0), hovertemplate="w = %{z:.4g}<extra></extra>")
    return style.figure([style.frames(heat, z=z)], **about)


def adam(result: Result) -> go.Figure:
    """How far Adam with an L2 penalty, and AdamW, end from the L2 fit, at every α."""
    traces = [dict(type="scatter", x=style.array(result.alphas), y=style.array(result.adam[m]), mode="lines",
                         line=dict(color=style.colour(m), width=2.4, dash=dash),
                         hovertemplate=f"{name}: %{{y:.2g}}<extra></extra>")
              for m, name, dash in (("adam", "Adam with L2", "solid"), ("adamw", "AdamW", "dot"))]
    a, b = (math.log10(float(result.alphas[i])) for i in (0, -1))
    line = _now(result, 1e-9, 10)
    return style.figure([*traces, line], x="penalty strength α", y="distance", xaxis_type="log", yaxis_type="log", xaxis_dtick=1,
                        yaxis_range=[-8, 1], yaxis_dtick=2, xaxis_range=[a - 0.05, b + 0.05], showlegend=False)
