"""Pictures of two or of all weights at the player's α: the touching point, named weights, why they are zero, a prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.lessons.weight_penalties.lesson import LINEAR, PENALTIES, Config, Result, part
from core.lessons.weight_penalties.pair import Pair
from core.lessons.weight_penalties.result import ORDER
from figures import style
from figures.wire import rounded

DASH = {"l1": "solid", "elastic": "dashdot", "l2": "longdash"}
SYMBOL = {"l1": "diamond", "l2": "circle", "elastic": "square"}
BARS = 14  # rows of the picture of bars
RINGS = 11  # curves of equal loss
SPLIT_DASH = {"train": "solid", "validation": "longdashdot", "test": "solid"}
GAP = np.array([np.nan], np.float32)  # lifts the pen


def labels(result: Result) -> list[str]:
    return [f"α = {alpha:.3g}" for alpha in result.alphas.tolist()]


def legend(scene: Config) -> list[tuple[str, str, str]]:
    out = [(PENALTIES[p], style.colour(p), DASH[p]) for p in ORDER if p in scene.penalties]
    out += [({"train": "training"}.get(s, s), style.colour(s), SPLIT_DASH[s]) for s in SPLIT_DASH]
    return [*out, ("objective J + αΩ", style.colour("train"), "dot"), ("penalty strength α now", style.MUTED, "dot")]


def _weight(result: Result, name: str) -> str:
    """In words; on the orthonormal design the name is that of the weight itself."""
    return f"weight {name}" if result.problem == "orthonormal" else f"weight of {name}"


def ball(rho: float, through: np.ndarray, points: int = 65) -> tuple[np.ndarray, np.ndarray]:
    """The curve ρ‖w‖₁ + (1 − ρ)/2 ‖w‖² = const through each point [F, 2], as x and y [F, points]; 5 points draw L1's.

    Along the direction (c, s) the radius r solves (1 − ρ)/2 r² + ρ (|c| + |s|) r = const; `points` − 1 is a multiple
    of 4, so that the corners of the diamond are among them.
    """
    level = rho * np.abs(through).sum(1) + (1 - rho) / 2 * (through**2).sum(1)
    angle = np.linspace(0, 2 * np.pi, 5 if rho == 1 else points)
    c, s = np.cos(angle), np.sin(angle)
    b = rho * (np.abs(c) + np.abs(s))
    # The root in the form that has no cancellation and holds at ρ = 1 too.
    r = 2 * level[:, None] / np.maximum(b + np.sqrt(b**2 + 2 * (1 - rho) * level[:, None]), 1e-300)
    return r * c, r * s


def _joined(curves: np.ndarray) -> np.ndarray:
    """Curves [L, Q, 2] as one [L (Q + 1), 2] with a gap after each."""
    return np.pad(curves, ((0, 0), (0, 1), (0, 0)), constant_values=np.nan).reshape(-1, 2)


def _bowl(pair: Pair) -> list[style.Trace]:
    """The loss as one image under thin curves of equal loss, evenly spaced in √(J − J(ŵ))."""
    height = (pair.loss - pair.free_loss).clamp_min(0).sqrt()
    steps = torch.linspace(0, float(height.max()), RINGS + 1)[1:-1].to(height.dtype)
    rings = style.array(_joined(pair.contours(pair.free_loss + steps.square()).numpy()))
    return [
        dict(type="heatmap", x=style.array(pair.x), y=style.array(pair.y), z=style.array(height), colorscale=style.SURFACE,
             showscale=False, zsmooth="fast", customdata=style.array(pair.loss),
             hovertemplate="w₁ %{x:.2f}, w₂ %{y:.2f}<br>loss J %{customdata:.3f}<extra></extra>"),
        dict(type="scatter", x=rings[:, 0], y=rings[:, 1], mode="lines", hoverinfo="skip",
             line=dict(color=style.colour("muted", 0.45), width=0.9)),
    ]


def geometry(result: Result, scene: Config) -> go.Figure:
    """Two weights: curves of equal loss, the penalty's ball, and the point where they touch, at every α."""
    pair = result.pair
    assert pair is not None
    shown = [p for p in ORDER if p in scene.penalties]
    touch = [pair.touch[ORDER.index(p)].numpy() for p in shown]
    trails = style.array(_joined(np.stack(touch)))
    traces = [*_bowl(pair), style.halo(dict(type="scatter", x=trails[:, 0], y=trails[:, 1], line=dict(width=2.2)))]
    for penalty, at in zip(shown, touch, strict=True):
        k, hue = ORDER.index(penalty), style.colour(penalty)
        same = style.array(pair.contours(pair.level[k]))
        bx, by = ball(part(penalty, scene), at)
        lens = dict(type="scatter", x=same[0, :, 0], y=same[0, :, 1], mode="lines", hoverinfo="skip",
                    line=dict(color=hue, width=1.6, dash="dot"))
        trail = dict(type="scatter", x=style.array(at[:, 0]), y=style.array(at[:, 1]), mode="lines", hoverinfo="skip",
                     line=dict(color=hue, width=2.2, dash=DASH[penalty]), opacity=0.7)
        inside = dict(type="scatter", x=style.array(bx[0]), y=style.array(by[0]), mode="lines", fill="toself", hoverinfo="skip",
                      fillcolor=style.colour(penalty, 0.16), line=dict(color=hue, width=2.6, dash=DASH[penalty]))
        traces += [style.frames(lens, x=same[..., 0], y=same[..., 1]), trail, style.frames(inside, x=bx, y=by)]
    # The fit without penalty stands still among the touching points.
    ends = style.array(np.stack([np.broadcast_to(pair.free.numpy(), touch[0].shape), *touch], 1))
    marker = dict(size=[15, *[13] * len(shown)], color=[style.INK, *(style.colour(p) for p in shown)],
                  symbol=["star", *(SYMBOL[p] for p in shown)], opacity=1,
                  line=dict(color=style.PAPER, width=1.4))
    # The name stands on the far side of the balls.
    side = "middle left" if pair.free[0] < 0 else "middle right"
    heads = dict(type="scatter", x=ends[0, :, 0], y=ends[0, :, 1], mode="markers+text", marker=marker,
                 text=["no penalty", *[""] * len(shown)], textposition=side, textfont=dict(color=style.INK),
                 customdata=["no penalty", *(PENALTIES[p] for p in shown)],
                 hovertemplate="%{customdata}<br>w₁ %{x:.3f}, w₂ %{y:.3f}<extra></extra>")
    axis = dict(showgrid=False, zeroline=True, zerolinecolor=style.MUTED, zerolinewidth=1.2)
    return style.figure([*traces, style.frames(heads, x=ends[..., 0], y=ends[..., 1])], equal=True, showlegend=False,
                        x=_weight(result, pair.names[0]), y=_weight(result, pair.names[1]),
                        xaxis=dict(**axis, range=[float(pair.x[0]), float(pair.x[-1])]),
                        yaxis=dict(**axis, range=[float(pair.y[0]), float(pair.y[-1])]),
                        uirevision=f"{result.problem}{pair.names}")


def marks_zeros(result: Result, scene: Config) -> bool:
    """Whether a weight of those whose bars are shown is exactly zero at some strength."""
    shown = [ORDER.index(p) for p in scene.penalties]
    return bool((result.weights[shown][:, :, result.order()[-BARS:]] == 0).any())


def bars(result: Result, scene: Config) -> go.Figure:
    """Every weight by name, in the order in which L1 switches them off: the last to go stand at the top."""
    order = result.order()[-BARS:]
    names = [result.names[j] for j in order]
    shown = [p for p in ORDER if p in scene.penalties]
    width = 0.8 / len(shown)
    y = np.arange(len(order), dtype=np.float32)
    traces: list[style.Trace] = []
    reach = float(result.weights[:, :, order].abs().max()) * 1.08 or 1.0
    for i, penalty in enumerate(shown):
        w = result.weights[ORDER.index(penalty)][:, order].numpy()
        offset = 0.4 - (i + 1) * width
        bar = dict(type="bar", x=style.array(w[0]), y=y, orientation="h", width=width * 0.92, offset=offset,
                   name=PENALTIES[penalty], text=names, textposition="none",
                   marker=dict(color=style.colour(penalty), line_width=0),
                   hovertemplate=f"%{{text}}<br>{PENALTIES[penalty]}: %{{x:.4g}}<extra></extra>")
        traces.append(style.frames(bar, x=style.array(w)))
        gone = np.where(w == 0, 0.0, np.nan)
        if penalty != "l2" or np.isfinite(gone).any():
            mark = dict(type="scatter", x=style.array(gone[0]), y=y + offset + width / 2, mode="markers", text=names,
                        marker=dict(symbol="x", size=7, color=style.colour(penalty)),
                        hovertemplate=f"%{{text}}<br>{PENALTIES[penalty]}: exactly 0<extra></extra>")
            traces.append(style.frames(mark, x=style.array(gone)))
    return style.figure(traces, x="weight", showlegend=False, barmode="overlay", xaxis_range=[-reach, reach], xaxis_zeroline=True,
                        xaxis_zerolinecolor=style.MUTED, yaxis=dict(
                            range=[-0.6, len(order) - 0.4], tickvals=y.tolist(), ticktext=names, ticks="", showgrid=False))


def balance(result: Result, scene: Config, penalty: str) -> go.Figure:
    """At the minimum the loss pulls as hard as the penalty: −∂J/∂w over α lies on the penalty's slope, at every weight.

    The axes are those of the steepest of the penalties that are shown, so that siblings can be compared.
    """
    k, rho = ORDER.index(penalty), part(penalty, scene)
    w = result.weights[k].numpy()
    pull = -(result.slopes[k] / result.alphas[:, None]).numpy()
    reach = 1.1 * float(result.weights.abs().max()) or 1.0
    top = max(1.5, *(one + (1 - one) * reach for one in (part(p, scene) for p in scene.penalties)))
    line_x = [-reach, 0, 0, reach] if rho > 0 else [-reach, reach]
    line_y = [-rho - (1 - rho) * reach, -rho, rho, rho + (1 - rho) * reach] if rho > 0 else [-reach, reach]
    names = list(result.names) if result.problem in LINEAR else [f"weight {i + 1}" for i in range(w.shape[1])]
    dots = dict(type="scatter", x=style.array(w[0]), y=style.array(pull[0]), mode="markers", text=names,
                marker=dict(size=9 if len(names) < 40 else 5, color=style.colour(penalty, 0.75),
                            line=dict(color=style.PAPER, width=0.8)),
                hovertemplate="%{text}<br>w = %{x:.4g}<br>pull of the loss = %{y:.3g} α<extra></extra>")
    traces = [style.theory(line_x, line_y, "slope of Ω"), style.frames(dots, x=style.array(w), y=style.array(pull))]
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
    axis = dict(range=[-1.15, 1.15], zeroline=True, zerolinecolor=style.MUTED, showgrid=False)
    return style.figure([shafts, heads], equal=True, x="first weight", y="second weight", xaxis=axis, yaxis=dict(axis),
                        showlegend=False)


def posterior(result: Result, scene: Config) -> go.Figure:
    """One weight alone: prior, likelihood and posterior, each divided by its peak, and the penalised minimum."""
    pair = result.pair
    assert pair is not None
    c, alpha = pair.alone, result.alphas.numpy()[:, None]
    w = np.linspace(min(0.0, c) - 0.45, max(0.0, c) + 0.45, 121)
    scale = pair.precision * pair.samples  # βN
    fit = 0.5 * (w - c) ** 2
    traces: list[style.Trace] = [dict(type="scatter", x=style.array(w), y=style.array(np.exp(-scale * fit)), mode="lines",
                                 name="likelihood", line=dict(color=style.INK, width=2),
                                 hovertemplate="likelihood, w = %{x:.2f}<extra></extra>")]
    modes = []
    for penalty in (p for p in ORDER if p in scene.penalties):
        rho, hue, name = part(penalty, scene), style.colour(penalty), PENALTIES[penalty]
        omega = alpha * (rho * np.abs(w) + (1 - rho) / 2 * w**2)
        both = fit + omega
        own = dict(width=2.6, dash=DASH[penalty])
        for values, label, line in ((omega, "prior", dict(width=1.4, dash="dot")), (both, "posterior", own)):
            # To four decimals of the peak: a fraction of a pixel, a quarter of the bytes.
            curve = rounded(style.array(np.exp(-scale * (values - values.min(1, keepdims=True)))), bits=13)
            trace = dict(type="scatter", x=style.array(w), y=curve[0], mode="lines", line=dict(color=hue, **line),
                         name=f"{label}, {name}",
                         hovertemplate=f"{label} of {name}, w = %{{x:.2f}}<extra></extra>")
            traces.append(style.frames(trace, y=curve))
        modes.append(np.sign(c) * np.maximum(abs(c) - alpha[:, 0] * rho, 0) / (1 + alpha[:, 0] * (1 - rho)))
    at = np.stack(modes, 1)
    dots = dict(type="scatter", x=style.array(at[0]), y=[1.0] * at.shape[1], mode="markers", showlegend=False,
                marker=dict(symbol="star", size=13, line=dict(color=style.PAPER, width=1),
                            color=[style.colour(p) for p in ORDER if p in scene.penalties]),
                hovertemplate="minimum of J̃ in closed form: w = %{x:.4f}<extra></extra>")
    traces.append(style.frames(dots, x=style.array(at)))
    return style.figure(traces, x=f"{_weight(result, pair.names[0])}, alone", y="density ÷ peak", yaxis_range=[0, 1.12],
                        xaxis_range=[float(w[0]), float(w[-1])], showlegend=True)


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The circle and the diamond, and the curve of equal loss that touches the diamond in a corner, at the scene's α."""
    pair, at = result.pair, scene.alpha_index
    assert pair is not None
    marks = []
    for penalty in ("l2", "l1"):
        x, y = ball(part(penalty, scene), pair.touch[ORDER.index(penalty), at : at + 1].numpy())
        marks.append(style.mark("line", x[0], y[0], penalty, width=3))
    marks.append(style.mark("area", x[0], y[0], "l1", alpha=0.2))
    loss, corner = pair.contours(pair.level[0, at : at + 1])[0], pair.touch[0, at]
    marks.append(style.mark("line", loss[:, 0], loss[:, 1], "ink", width=2, dash="4 3"))
    marks.append(style.mark("dots", corner[:1], corner[1:], "l1", width=5))
    # A frame twice as wide as it is high keeps the circle round.
    middle, half = float(pair.x.mean()), float(pair.y[-1] - pair.y[0]) / 2
    return style.thumbnail(*marks, x=(middle - 2 * half, middle + 2 * half), y=(float(pair.y[0]), float(pair.y[-1])))
