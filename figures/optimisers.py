"""Pictures of the race: map, surface, curves, what is inside an optimiser, basins."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from core import quadratic, surfaces
from core.lessons.optimisers import FIRST_ORDER, METHODS, Config, Result
from figures import style

# A dash repeats what the colour says; methods that share one differ in colour and in their label.
DASH = {"sgd": "solid", "noisy_sgd": "dot", "momentum": "solid", "nesterov": "dash", "adagrad": "dashdot",
        "rmsprop": "dash", "adam": "solid", "adamw": "dot", "newton": "solid", "damped_newton": "dash",
        "conjugate_gradient": "dashdot", "lbfgs": "longdash"}
MARK = {"sgd": "circle", "noisy_sgd": "circle-open", "momentum": "square", "nesterov": "square-open",
        "adagrad": "triangle-up", "rmsprop": "triangle-down", "adam": "diamond", "adamw": "diamond-open",
        "newton": "x", "damped_newton": "cross", "conjugate_gradient": "pentagon", "lbfgs": "hexagon"}
FRAMES = 75
BASIN_HUES = ("class_a", "class_b", "class_c", "nesterov", "l1", "elastic", "norm_layer", "lbfgs", "adamw")


def frame_steps(steps: int) -> list[int]:
    """The steps that the player stops at: every one where there are few, the early ones always."""
    if steps <= FRAMES:
        return list(range(steps + 1))
    return sorted({round(v) for v in np.concatenate([np.arange(16), np.geomspace(16, steps, FRAMES - 16)])})


def _surface(scene: Config) -> surfaces.Surface:
    return surfaces.surface(scene.problem, scene.kappa)


def _levels(z: np.ndarray, low: float) -> np.ndarray:
    """Heights above the lowest minimum on a logarithmic scale, so that valley floors keep their lines."""
    return np.log10(z - low + 1e-2 * (np.median(z) - low))


def _line(method: str, width: float = 2.4) -> dict[str, object]:
    return dict(color=style.colour(method), width=width, dash=DASH[method])


def _drawn(path: np.ndarray, surface: surfaces.Surface) -> np.ndarray:
    # A browser cannot draw 1e200; a path goes on to a hundred frames' distance, which no zoom reaches.
    far = 100 * (surface.x_range[1] - surface.x_range[0])
    gone = ~(np.abs(path) < far).all(-1)
    out = path.copy()
    out[gone] = np.nan
    return out


def legend(scene: Config) -> list[tuple[str, str, str]]:
    return [(METHODS[m], style.colour(m), DASH[m]) for m in METHODS if m in scene.methods]


def contour(result: Result, scene: Config) -> go.Figure:
    """The map: contours of the loss on a logarithmic scale, minima as stars, one path a method."""
    surface = _surface(scene)
    x, y, points = surface.grid(61, margin=0.03)
    z = surface.value(points).numpy()
    low = min([float(surface.value(surface.minima_tensor()).min()), z.min()])
    height = _levels(z, low)
    traces: list[object] = [
        dict(type="contour",
            x=style.array(x), y=style.array(y), z=style.array(height), colorscale=style.SURFACE, showscale=False,
            autocontour=False, contours=dict(start=height.min(), end=height.max(), size=np.ptp(height) / 14),
            line=dict(width=0.6, color=style.colour("axis")), customdata=style.array(z),
            hovertemplate="θ₁ %{x:.2f}, θ₂ %{y:.2f}<br>loss %{customdata:.4g}<extra></extra>",
        )
    ]
    stops = frame_steps(result.step)
    shown = [m for m in result.methods if m in scene.methods]
    heads: list[np.ndarray] = []
    lines: list[object] = []
    paths: list[np.ndarray] = []
    counts = [s + 1 for s in stops]
    for method in shown:
        path = style.array(_drawn(result.paths[:, result.methods.index(method)].numpy(), surface))
        line = dict(type="scatter", x=path[:, 0], y=path[:, 1], mode="lines", name=METHODS[method], line=_line(method),
                          hovertemplate=f"{METHODS[method]}<br>θ₁ %{{x:.3f}}, θ₂ %{{y:.3f}}<extra></extra>",
                          legendgroup=method)
        lines.append(style.grow(line, counts))
        paths.append(path)
        heads.append(path[stops])
    traces += [style.halos(paths, counts), *lines]
    ends = np.stack(heads, 1)
    head = dict(type="scatter", x=ends[-1, :, 0], y=ends[-1, :, 1], mode="markers", text=[METHODS[m] for m in shown],
                      marker=dict(symbol=[MARK[m] for m in shown], size=11, color=[style.colour(m) for m in shown],
                                  line=dict(color=style.PAPER, width=1.2)), hovertemplate="%{text}<extra></extra>")
    traces.append(style.frames(head, x=ends[:, :, 0], y=ends[:, :, 1]))
    minima = surface.minima_tensor().numpy()
    traces.append(dict(type="scatter", x=minima[:, 0], y=minima[:, 1], mode="markers", showlegend=False,
                             marker=dict(symbol="star", size=14, color=style.INK, line=dict(color=style.PAPER, width=1)),
                             hovertemplate="minimum (%{x:.3f}, %{y:.3f})<extra></extra>"))
    traces.append(dict(type="scatter", x=[scene.start_x], y=[scene.start_y], mode="markers", showlegend=False,
                             marker=dict(symbol="circle-open-dot", size=16, color=style.INK, line=dict(width=2)),
                             hovertemplate="start (%{x:.2f}, %{y:.2f})<extra></extra>"))
    out = style.figure(traces, x="first parameter θ₁", y="second parameter θ₂", showlegend=False)
    out.update_layout(xaxis_range=[float(x[0]), float(x[-1])],
                      yaxis_range=[float(y[0]), float(y[-1])], xaxis_showgrid=False, yaxis_showgrid=False,
                      uirevision=scene.problem)
    return out


def surface3d(result: Result, scene: Config) -> go.Figure:
    """The same map as a surface, in the same colours, with the same paths lying on it."""
    surface = _surface(scene)
    x, y, points = surface.grid(61)
    z = surface.value(points).numpy()
    low = min([float(surface.value(surface.minima_tensor()).min()), z.min()])
    traces: list[object] = [dict(type="surface", x=style.array(x), y=style.array(y), z=style.array(_levels(z, low)),
                                       colorscale=style.SURFACE, showscale=False, hoverinfo="skip",
                                       lighting=dict(ambient=0.75, diffuse=0.5, specular=0.05),
                                       contours_z=dict(show=True, color=style.colour("axis"), width=1))]
    stops = frame_steps(result.step)
    margin = 1e-2 * (np.median(z) - low)
    for method in (m for m in result.methods if m in scene.methods):
        k = result.methods.index(method)
        path = result.paths[:, k].numpy().copy()
        (x0, x1), (y0, y1) = surface.x_range, surface.y_range
        seen = (path[:, 0] >= x0) & (path[:, 0] <= x1) & (path[:, 1] >= y0) & (path[:, 1] <= y1)
        path[~seen] = np.nan
        heights = np.log10(np.where(seen, result.losses[:, k].numpy(), np.nan) - low + margin)
        line = dict(type="scatter3d", x=style.array(path[:, 0]), y=style.array(path[:, 1]), z=style.array(heights + 0.03),
                            mode="lines", line=dict(color=style.colour(method), width=6), name=METHODS[method],
                            showlegend=False, hovertemplate=f"{METHODS[method]}<extra></extra>")
        traces.append(style.grow(line, [s + 1 for s in stops]))
    out = style.figure(traces)
    out.update_layout(
        scene=dict(xaxis_title_text="θ₁", yaxis_title_text="θ₂", zaxis_title_text="log₁₀ loss above the floor",
                   aspectmode="manual", aspectratio=dict(x=1.25, y=1.15, z=0.7), camera_eye=dict(x=1.1, y=-1.5, z=1.1)),
        margin=dict(l=0, r=0, t=0, b=0), uirevision=scene.problem)
    return out


def _curves(result: Result, scene: Config, values: torch.Tensor, x: torch.Tensor | None = None) -> list[style.Trace]:
    stops = frame_steps(result.step)
    out = []
    for method in (m for m in result.methods if m in scene.methods):
        k = result.methods.index(method)
        xs = np.arange(len(values)) if x is None else x[:, k]
        # The line ends where a value is exactly zero, for which a logarithmic axis has no place, or beyond float32.
        ys = style.array(torch.where((values[:, k] > 0) & (values[:, k] < 1e38), values[:, k], torch.nan))
        line = dict(type="scatter", x=style.array(xs), y=ys, mode="lines", name=METHODS[method], line=_line(method, 2.2),
                          showlegend=False, hovertemplate=f"{METHODS[method]}: %{{y:.3g}}<extra></extra>")
        out.append(style.grow(line, [s + 1 for s in stops]))
    return out


def loss(result: Result, scene: Config) -> go.Figure:
    """Loss above the lowest minimum against steps, with gradient descent's closed form on quadratics."""
    surface = _surface(scene)
    low = float(surface.value(surface.minima_tensor()).min())
    traces: list[object] = list(_curves(result, scene, result.losses - low))
    top = float((result.losses[0, 0] - low).clamp_min(1e-6))
    if result.theory is not None and "sgd" in scene.methods:
        told = torch.where(result.theory < 1e38, result.theory, torch.nan)
        traces.append(style.theory(np.arange(result.step + 1), told,
                                   "theory, gradient descent", showlegend=True))
    return style.figure(traces, x="step", y="loss − minimum", yaxis_type="log",
                        yaxis_range=[np.log10(top) - 8, np.log10(top) + 2], xaxis_range=[0, result.step])


def distance(result: Result, scene: Config) -> go.Figure:
    """Distance to the nearest minimum against steps."""
    assert result.distance is not None
    top = float(result.distance[0, 0].clamp_min(1e-3))
    return style.figure(_curves(result, scene, result.distance), x="step", y="distance",
                        yaxis_type="log", yaxis_range=[np.log10(top) - 4.5, np.log10(top) + 1.5],
                        xaxis_range=[0, result.step])


def effective_step(result: Result, scene: Config) -> go.Figure:
    """What one method multiplies each coordinate's slope by: −Δθᵢ / gᵢ."""
    method = scene.inside
    k = result.methods.index(method)
    moved = result.paths[1:, k] - result.paths[:-1, k]
    ratio = style.array(torch.where(result.slopes[:, k] != 0, -moved / result.slopes[:, k], torch.nan))
    stops = frame_steps(result.step)
    traces: list[object] = []
    for i, (name, dash) in enumerate((("θ₁", "solid"), ("θ₂", "dot"))):
        line = dict(type="scatter", x=np.arange(1, result.step + 1), y=ratio[:, i], mode="lines", name=name,
                          line=dict(color=style.colour(method), width=2.2, dash=dash),
                          hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>")
        traces.append(style.grow(line, stops))
    if method in ("sgd", "noisy_sgd", "momentum", "nesterov"):
        limit = scene.learning_rate if method in ("sgd", "noisy_sgd") else scene.learning_rate / max(1 - scene.alpha, 1e-9)
        name = "ε" if method in ("sgd", "noisy_sgd") else "ε/(1 − α), the limit under a constant slope"
        traces.append(style.theory([0, result.step], [limit, limit], name))
    values = ratio[np.isfinite(ratio)]
    low, high = np.percentile(values, [5, 95]) if values.size else (0.0, 1.0)
    pad = max(0.3 * (high - low), 0.2 * abs(high), 1e-6)
    return style.figure(traces, x="step", y="−Δθᵢ / gᵢ", xaxis_range=[0, result.step],
                        yaxis_range=[min(low - pad, 0), high + pad], showlegend=True)


NAMES = {"m": "m̂, mean slope", "v": "v, velocity", "r": "√r, size of past slopes"}


def memory(result: Result, scene: Config) -> go.Figure:
    """The buffers of one method, in the units of a slope: m̂ and √v̂ for Adam, v for momentum, √r for the rest."""
    method = scene.inside
    t = np.arange(1, result.step + 1)
    stops = frame_steps(result.step)
    traces: list[object] = []
    for name, values in result.memory.get(method, {}).items():
        values = values.numpy()
        text = NAMES[name]
        if method in ("adam", "adamw"):
            beta = 0.9 if name == "m" else 0.999
            values = values / (1 - beta ** t[:, None])
            if name == "v":
                values, text = np.sqrt(values), "√v̂, size of slopes"
        if name == "r":
            values = np.sqrt(values)
        for i, dash in enumerate(("solid", "dot")):
            hue = method if name != "v" or method not in ("adam", "adamw") else "muted"
            line = dict(type="scatter", x=t, y=style.array(values[:, i]), mode="lines", name=f"{text}, θ{'₁₂'[i]}",
                              line=dict(color=style.colour(hue), width=2.2, dash=dash),
                              hovertemplate=f"{text}, θ{'₁₂'[i]}: %{{y:.3g}}<extra></extra>")
            traces.append(style.grow(line, stops))
    return style.figure(traces, x="step", y="units of the slope", xaxis_range=[0, result.step], showlegend=True)


def basins(result: Result, scene: Config) -> go.Figure:
    """Every start of a grid, coloured by the minimum that the method reaches from it."""
    surface = _surface(scene)
    assert result.basin is not None
    x, y, _ = surface.grid(result.basin.shape[0])
    count = len(surface.minima)
    reached = [style.colour(BASIN_HUES[i % len(BASIN_HUES)], 0.75) for i in range(count)]
    hues = [style.colour("ink"), style.colour("grid"), *reached]
    scale = [[v, hue] for i, hue in enumerate(hues) for v in (i / len(hues), (i + 1) / len(hues))]
    z = result.basin.numpy()
    minima = surface.minima_tensor().numpy()
    traces = [
        dict(type="heatmap", x=style.array(x), y=style.array(y), z=z.astype(np.int8), zmin=-2.5, zmax=count - 0.5, colorscale=scale,
                   showscale=False, hovertemplate="from (%{x:.2f}, %{y:.2f})<extra></extra>"),
        dict(type="scatter", x=minima[:, 0], y=minima[:, 1], mode="markers", hoverinfo="skip",
                   marker=dict(symbol="star", size=12, color=style.INK, line=dict(color=style.PAPER, width=1.2))),
        dict(type="scatter", x=[scene.start_x], y=[scene.start_y], mode="markers", hoverinfo="skip",
                   marker=dict(symbol="circle-open-dot", size=14, color=style.INK, line=dict(width=2))),
    ]
    return style.figure(traces, x="θ₁ of the start", y="θ₂ of the start", showlegend=False, uirevision=scene.problem)


def rates(scene: Config) -> go.Figure:
    """On a quadratic: the long-run contraction per step against ε, with this scene's ε and the limits."""
    curvature = torch.tensor([1.0, 1.0 if scene.problem == "bowl" else scene.kappa], dtype=torch.float64)
    top = float(curvature.max())
    limit = max(quadratic.stability_limit("momentum", scene.alpha) / top * 1.1, scene.learning_rate * 1.1)
    rate = torch.linspace(limit / 400, limit, 400, dtype=torch.float64)
    traces: list[object] = [
        dict(type="scatter", x=style.array(rate), y=style.array(quadratic.contraction(m, rate, curvature, scene.alpha)), mode="lines",
                   name=METHODS[m], line=_line(m), hovertemplate=f"{METHODS[m]}: %{{y:.4f}}<extra></extra>")
        for m in ("sgd", "momentum", "nesterov")
    ]
    traces.append(style.theory([0, limit], [1, 1], "1: no progress", hoverinfo="skip"))
    out = style.figure(traces, x="learning rate ε", y="contraction per step", yaxis_range=[0, 1.3],
                       xaxis_range=[0, limit], showlegend=True)
    out.add_vline(x=scene.learning_rate, line=dict(color=style.INK, width=1.5, dash="dot"),
                  annotation=dict(text="ε now", yanchor="top"))
    return out


def network_curves(result: Result, scene: Config, against: str) -> go.Figure:
    """Loss of the small net against steps, gradient evaluations or processor time."""
    x = {"steps": None, "evaluations": result.evaluations, "seconds": result.seconds * 1000}[against]
    title = {"steps": "step", "evaluations": "gradient evaluations", "seconds": "processor time (ms)"}[against]
    traces = _curves(result, scene, result.losses, x)
    ends = [float(t["x"][np.isfinite(t["y"])][-1]) for t in traces if np.isfinite(t["y"]).any()]
    first = [m for m in FIRST_ORDER if m in scene.methods]
    out = style.figure(traces, x=title, y="training loss (nats)", yaxis_type="log")
    if against != "steps" and ends:
        # Methods that search spend far more; the axis shows where the first-order ones live, twice over.
        reach = result.step * 3 if against == "evaluations" else max(ends[: max(1, len(first))]) * 6
        out.update_xaxes(range=[0, min(max(ends), reach)])
    return out
