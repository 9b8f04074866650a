"""Pictures of the cliff: map and surface with three runs, their curves, and gradients on their way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number
from core.lessons.exploding_gradients import recurrent
from core.lessons.exploding_gradients.clipping import ARMS, length
from core.lessons.exploding_gradients.lesson import ARRIVED, Config, Result, frame
from core.moments import NEVER
from figures import style

HUES = {"none": "unclipped", "norm": "clip_norm", "value": "clip_value"}
DASH = {"none": "solid", "norm": "solid", "value": "dash"}
MARK = {"none": "x", "norm": "circle", "value": "square"}
CHAINS = {"layers": "new Gaussian matrices", "recurrent": "one Gaussian matrix", "orthogonal": "one orthogonal matrix"}
CHAIN_HUES = {"layers": "matrix_layers", "recurrent": "matrix_recurrent", "orthogonal": "matrix_orthogonal"}
CHAIN_DASH = {"layers": "solid", "recurrent": "dashdot", "orthogonal": "solid"}
STOPS = 80
FAR = 100.0  # what lies further out, in frames, is not drawn: no zoom reaches it
DECADES = (-36, 12)  # of a gradient's length that are drawn at most


def stops(result: Result) -> list[int]:
    """The steps of descent at which the player stops."""
    last = len(result.slopes)
    return sorted({round(v) for v in np.linspace(0, last, min(last, STOPS) + 1)})


def legend() -> list[tuple[str, str, str]]:
    return [*((name, style.colour(HUES[arm]), DASH[arm]) for arm, name in ARMS.items()),
            *((CHAINS[kind], style.colour(CHAIN_HUES[kind]), CHAIN_DASH[kind]) for kind in CHAINS)]


def _line(arm: str, width: float = 2.6) -> dict[str, Any]:
    return dict(color=style.colour(HUES[arm]), width=width, dash=DASH[arm])


def _frame(scene: Config) -> np.ndarray:
    """[2, 2]: (from, to) of w and of b."""
    return np.array(frame(scene))


def _drawn(result: Result, scene: Config) -> np.ndarray:
    """Paths [A, S+1, 2] as far as a browser can draw them."""
    paths = result.paths.transpose(0, 1).numpy()
    near = np.abs(paths) < FAR * np.ptp(_frame(scene)[0])
    return np.where(near.all(-1, keepdims=True), paths, np.nan)


def height(loss: torch.Tensor, scene: Config) -> np.ndarray:
    """What is drawn of J: J itself where φ bounds it, log₁₀ J where the linear unit lets it grow without end."""
    values = loss.numpy()
    if scene.unit != "linear":
        return values
    return np.log10(np.clip(values, 1e-4, 1e6))


def cliffs(scene: Config) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """w [n], and the b of the cliff and of the valley over it, NaN outside the frame."""
    (w0, w1), (b0, b1) = frame(scene)
    w = torch.linspace(w0, w1, 211, dtype=torch.float64)
    lines = (recurrent.cliff(w, scene.unit, scene.h0), recurrent.valley(w, scene.unit, scene.h0, scene.T, scene.target))
    cliff, valley = (line.where((line >= b0) & (line <= b1), torch.nan).numpy() for line in lines)
    return w.numpy(), cliff, valley


def _theory(scene: Config) -> list[style.Trace]:
    w, cliff, valley = cliffs(scene)
    b = frame(scene)[1]
    if scene.unit == "linear":
        edge = style.theory([-1, -1, None, 1, 1], [*b, None, *b], "the cliff, |w| = 1", hoverinfo="skip", hovertemplate=None)
    else:
        edge = style.theory(w, cliff, "the cliff as T → ∞", hovertemplate="the cliff, as T → ∞<extra></extra>")
    floor = style.theory(w, valley, "J = 0", hovertemplate="J = 0<extra></extra>")
    floor["line"] = dict(color=style.colour("best"), dash="dash", width=2.6)
    return [edge, floor]


def _named(scene: Config) -> list[dict[str, Any]]:
    """Direct labels of the two dashed lines, where they are in the frame."""
    w, cliff, valley = cliffs(scene)
    out = []
    if np.isfinite(valley).any():
        i = int(np.flatnonzero(np.isfinite(valley))[0])
        out.append(style.label(w[i], valley[i], "J = 0", "best") | dict(yanchor="bottom"))
    if np.isfinite(cliff).any():
        i = int(np.flatnonzero(np.isfinite(cliff))[-1])
        out.append(style.label(w[i], cliff[i], "cliff") | dict(xanchor="right", xshift=-10, yanchor="top"))
    elif scene.unit == "linear":
        out.append(style.label(1, frame(scene)[1][0], "cliff, |w| = 1")
                   | dict(yanchor="bottom", xanchor="right", xshift=-8))
    return out


def _ground(result: Result, scene: Config) -> style.Trace:
    """J over (w, b)."""
    z = height(result.grid, scene)
    return dict(
        type="contour", x=style.array(result.w), y=style.array(result.b), z=style.array(z), colorscale=style.SURFACE,
        showscale=False, autocontour=False, contours=dict(start=z.min(), end=z.max(), size=max(np.ptp(z) / 12, 1e-9)),
        line=dict(width=0.6, color=style.colour("axis")),
        customdata=style.array(result.grid.where(result.grid < 1e37, torch.inf)),
        hovertemplate="w %{x:.2f}, b %{y:.2f}<br>J %{customdata:.3g}<extra></extra>")


def _start(scene: Config) -> style.Trace:
    return dict(type="scatter", x=[scene.start_w], y=[scene.start_b], mode="markers",
                marker=dict(symbol="circle-open-dot", size=17, color=style.INK, line=dict(width=2)),
                hovertemplate="start (%{x:.2f}, %{y:.2f})<extra></extra>")


def _on_the_map(traces: list[style.Trace], scene: Config, notes: list[dict[str, Any]]) -> go.Figure:
    (w0, w1), (b0, b1) = frame(scene)
    start = style.label(scene.start_w, scene.start_b, "start") | dict(xanchor="center", xshift=0, yanchor="top", yshift=-10)
    return style.figure(traces, x="recurrent weight w", y="bias b", equal=True, showlegend=False, uirevision=str(frame(scene)),
                        xaxis_range=[w0, w1], yaxis_range=[b0, b1], xaxis_showgrid=False, yaxis_showgrid=False,
                        annotations=[*_named(scene), start, *notes])


def unexplored(result: Result, scene: Config) -> go.Figure:
    """The map with the start, before any run."""
    return _on_the_map([_ground(result, scene), *_theory(scene), _start(scene)], scene, [])


def contour(result: Result, scene: Config) -> go.Figure:
    """The map of J over (w, b), the theory's cliff and valley, and the three runs."""
    at = stops(result)
    counts, paths = [s + 1 for s in at], [style.array(p) for p in _drawn(result, scene)]
    lines = [style.grow(dict(type="scatter", x=p[:, 0], y=p[:, 1], mode="lines+markers", line=_line(arm, 3),
                             marker=dict(size=5, color=style.colour(HUES[arm])),
                             hovertemplate=f"{name}<br>w %{{x:.3f}}, b %{{y:.3f}}<extra></extra>"), counts)
             for p, (arm, name) in zip(paths, ARMS.items(), strict=True)]
    heads = np.stack([p[at] for p in paths], 1)
    head = dict(type="scatter", x=heads[-1, :, 0], y=heads[-1, :, 1], mode="markers", text=list(ARMS.values()),
                marker=dict(symbol=[MARK[a] for a in ARMS], size=13, color=[style.colour(HUES[a]) for a in ARMS],
                            line=dict(color=style.PAPER, width=1.4)), hovertemplate="%{text}<extra></extra>")
    moving = style.frames(head, x=heads[:, :, 0], y=heads[:, :, 1])
    traces = [_ground(result, scene), *_theory(scene), style.halos(paths, counts, 5.5), *lines, moving, _start(scene)]
    return _on_the_map(traces, scene, _ends(result))


def _ends(result: Result) -> list[dict[str, Any]]:
    """In a corner of the map, where each run went: off it for good, or into the valley."""
    out = []
    for k, arm in enumerate(ARMS):
        left, arrived = int(result.left_at[k]), int(result.arrived_at[k])
        if left == arrived == NEVER:
            continue
        text = f"step {arrived}: arrives"
        if left != NEVER:
            w, b = result.paths[left, k].tolist()
            far = "beyond every float"
            if np.isfinite([w, b]).all():
                far = f"off to ({format_number(w, 3)}, {format_number(b, 3)})"
            text = f"step {left}: {far}"
        about = dict(xref="x domain", yref="y domain", x=0.98, xanchor="right", y=0.98 - 0.09 * len(out), yanchor="top", xshift=0,
                     bgcolor=style.colour("paper", 0.75))
        out.append(style.label(0, 0, text, HUES[arm]) | about)
    return out


def surface3d(result: Result, scene: Config) -> go.Figure:
    """The map as a surface, with the same runs on it."""
    z = height(result.grid, scene)
    lift = 0.02 * np.ptp(z)
    corner, far = _frame(scene).T
    traces: list[style.Trace] = [
        dict(type="surface", x=style.array(result.w), y=style.array(result.b), z=style.array(z), colorscale=style.SURFACE,
             showscale=False, hoverinfo="skip", lighting=dict(ambient=0.75, diffuse=0.5, specular=0.05),
             contours_z=dict(show=True, color=style.colour("axis"), width=1))]
    counts, heights = [s + 1 for s in stops(result)], height(result.losses, scene) + lift
    for k, (path, arm) in enumerate(zip(_drawn(result, scene), ARMS, strict=True)):
        on = np.where(((path >= corner) & (path <= far)).all(-1, keepdims=True), path, np.nan)
        hue = style.colour(HUES[arm])
        line = dict(type="scatter3d", x=style.array(on[:, 0]), y=style.array(on[:, 1]), z=style.array(heights[:, k]),
                    hoverinfo="skip", mode="lines+markers", marker=dict(size=3.5, color=hue), line=dict(color=hue, width=6))
        traces.append(style.grow(line, counts))
    axis, side = dict(showticklabels=False), -1 if scene.unit == "sigmoid" else 1  # the side that the cliff faces
    return style.figure(
        traces, showlegend=False, uirevision=str(frame(scene)), margin=dict(l=0, r=0, t=0, b=0),
        scene=dict(xaxis=dict(title=dict(text="w"), range=[corner[0], far[0]], **axis),
                   yaxis=dict(title=dict(text="b"), range=[corner[1], far[1]], **axis),
                   zaxis=dict(title=dict(text="log J" if scene.unit == "linear" else "J"), **axis), aspectmode="manual",
                   aspectratio=dict(x=1.2, y=1.2, z=0.75),
                   camera=dict(eye=dict(x=-0.8, y=1.55 * side, z=1.05), center=dict(x=0, y=0, z=-0.2))))


def _positive(values: np.ndarray) -> np.ndarray:
    """What a logarithmic axis and a browser can draw."""
    return style.array(np.where((values > 1e-37) & (values < 1e37), values, np.nan))


def _decades(values: np.ndarray, least: float = 1.0) -> list[float]:
    """The range of a logarithmic axis that holds the values, within DECADES."""
    known = np.log10(values[np.isfinite(values) & (values > 0)])
    known = np.clip(known, *DECADES) if known.size else np.zeros(1)
    pad = max(0.06 * np.ptp(known), least / 2)
    return [float(known.min() - pad), float(known.max() + pad)]


def _curves(result: Result, values: np.ndarray, first: int, unit: str) -> list[style.Trace]:
    """values [n, A] from step `first` on, growing with the clock."""
    t = np.arange(first, first + len(values))
    return [style.grow(dict(type="scatter", x=t, y=_positive(values[:, k]), mode="lines", line=_line(arm), showlegend=False,
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
    line = dict(type="scatter", x=back, y=_positive(values[0]), mode="lines+markers", line=_line(scene.inside, 3),
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
    ray, by_norm, by_value = unit * np.minimum(size, 2.2), unit * np.minimum(size, 1), np.clip(g, -1, 1)
    angle = np.linspace(0, 2 * np.pi, 73)
    ends = style.array(np.stack([np.zeros_like(ray), ray], 1)[at])
    traces = [
        style.theory(np.cos(angle), np.sin(angle), "norm c", hovertemplate="norm c<extra></extra>", showlegend=False),
        dict(type="scatter", x=[-1, 1, 1, -1, -1], y=[-1, -1, 1, 1, -1], mode="lines", showlegend=False,
             line=dict(color=style.MUTED, width=1.5, dash="dot"), hovertemplate="coordinates ±c<extra></extra>"),
        style.frames(dict(type="scatter", x=ends[0, :, 0], y=ends[0, :, 1], mode="lines", showlegend=False, line=_line("none", 3),
                          hovertemplate="the gradient<extra></extra>"), x=ends[:, :, 0], y=ends[:, :, 1])]
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


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The cliff, one run thrown off it and one that arrives."""
    w, cliff, _ = cliffs(scene)
    free, clipped = (result.paths[:, k].numpy().copy() for k in (0, 1))
    gone = int(result.left_at[0])
    free = free[: gone + 1] if gone != NEVER else free
    held = np.concatenate([free[:-1], clipped])
    (x0, y0), (x1, y1) = held.min(0) - 0.15, held.max(0) + 0.15
    jump = free[-1] - free[-2]
    if gone != NEVER:
        # The leap ends at the frame, so that it does not shrink the rest to a dot.
        room = np.where(jump > 0, [x1, y1] - free[-2], [x0, y0] - free[-2]) / np.where(jump == 0, 1e-9, jump)
        free[-1] = free[-2] + min(1.0, room.min()) * jump
    inside = np.flatnonzero(np.isfinite(cliff) & (w > x0) & (w < x1) & (cliff > y0) & (cliff < y1))[::3]
    thin = slice(None, None, -(-len(clipped) // 79))
    return style.thumbnail(
        style.mark("area", [*w[inside], w[inside][-1], w[inside][0]], [*cliff[inside], y0, y0], "axis", alpha=0.45),
        style.mark("line", clipped[thin, 0], clipped[thin, 1], HUES["norm"], width=3),
        style.mark("line", free[-79:, 0], free[-79:, 1], HUES["none"], width=3, dash="5 3"),
        style.mark("dots", clipped[-1:, 0], clipped[-1:, 1], "best", width=10), x=(x0, x1), y=(y0, y1))
