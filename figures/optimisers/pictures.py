"""Pictures of the race: map, surface, basins."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core import surfaces
from core.lessons.optimisers import net as small_net
from core.lessons.optimisers.lesson import METHODS, Config, Result
from figures import solid, style
from figures.optimisers import labels

# A dash repeats what the colour says; methods that share one differ in colour and in their label.
DASH = {"sgd": "solid", "noisy_sgd": "dot", "momentum": "solid", "nesterov": "dash", "adagrad": "dashdot",
        "rmsprop": "dash", "adam": "solid", "adamw": "dot", "newton": "solid", "damped_newton": "dash",
        "conjugate_gradient": "dashdot", "lbfgs": "longdash"}
MARK = {"sgd": "circle", "noisy_sgd": "circle-open", "momentum": "square", "nesterov": "square-open",
        "adagrad": "triangle-up", "rmsprop": "triangle-down", "adam": "diamond", "adamw": "diamond-open",
        "newton": "x", "damped_newton": "cross", "conjugate_gradient": "pentagon", "lbfgs": "hexagon"}
# Of a map's marks those that every browser has a glyph of in three dimensions; elsewhere a circle stands.
IN_SPACE = ("square", "square-open", "diamond", "diamond-open")
FRAMES = 75


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


def stroke(method: str, width: float = 2.4) -> dict[str, object]:
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


def _above(surface: surfaces.Surface, points: torch.Tensor) -> tuple[np.ndarray, float]:
    """The loss at the points of a grid, and the lowest loss of all."""
    z = surface.value(points).numpy()
    return z, min(float(surface.value(surface.minima_tensor()).min()), float(z.min()))


def drawn_methods(result: Result, scene: Config) -> list[tuple[int, str]]:
    """(column, name) of every method that is drawn."""
    return [(k, m) for k, m in enumerate(result.methods) if m in scene.methods]


def _ground(surface: surfaces.Surface, scene: Config) -> tuple[list[style.Trace], dict[str, Any]]:
    """The contours of the loss on a logarithmic scale, and the axes that they fill, with a start beyond the frame."""
    x, y, points = surface.grid(61, margin=0.03)
    z, low = _above(surface, points)
    height = _levels(z, low)
    ground = dict(
        type="contour", x=style.array(x), y=style.array(y), z=style.array(height), colorscale=style.SURFACE, showscale=False,
        autocontour=False, contours=dict(start=height.min(), end=height.max(), size=np.ptp(height) / 14),
        line=dict(width=0.6, color=style.colour("axis")), customdata=style.array(z),
        hovertemplate="θ₁ %{x:.2f}, θ₂ %{y:.2f}<br>loss %{customdata:.4g}<extra></extra>")
    across, up = (
        [min(float(v[0]), at - 0.3), max(float(v[-1]), at + 0.3)] for v, at in ((x, scene.start_x), (y, scene.start_y)))
    return [ground], dict(xaxis_range=across, yaxis_range=up, xaxis_showgrid=False, yaxis_showgrid=False, showlegend=False,
                          equal=True)


def _places(surface: surfaces.Surface, scene: Config) -> list[style.Trace]:
    """The minima as stars, and the start."""
    minima = surface.minima_tensor().numpy()
    stars = dict(type="scatter", x=minima[:, 0], y=minima[:, 1], mode="markers",
                 marker=dict(symbol="star", size=14, color=style.INK, line=dict(color=style.PAPER, width=1)),
                 hovertemplate="minimum (%{x:.3f}, %{y:.3f})<extra></extra>")
    start = dict(type="scatter", x=[scene.start_x], y=[scene.start_y], mode="markers",
                 marker=dict(symbol="circle-open-dot", size=16, color=style.INK, line=dict(width=2)),
                 hovertemplate="start (%{x:.2f}, %{y:.2f})<extra></extra>")
    return [stars, start]


def contour(result: Result, scene: Config) -> go.Figure:
    """The map: contours of the loss, minima as stars, one path a method."""
    surface = _surface(scene)
    ground, about = _ground(surface, scene)
    stops, shown = frame_steps(result.step), drawn_methods(result, scene)
    counts = [s + 1 for s in stops]
    paths = [style.array(_drawn(result.paths[:, k].numpy(), surface)) for k, _ in shown]
    lines = [
        style.grow(dict(type="scatter", x=path[:, 0], y=path[:, 1], mode="lines", name=METHODS[m], line=stroke(m),
                        hovertemplate=f"{METHODS[m]}<br>θ₁ %{{x:.3f}}, θ₂ %{{y:.3f}}<extra></extra>"), counts)
        for path, (_, m) in zip(paths, shown, strict=True)
    ]
    heads = np.stack([path[stops] for path in paths], 1)
    head = dict(type="scatter", x=heads[-1, :, 0], y=heads[-1, :, 1], mode="markers", text=[METHODS[m] for _, m in shown],
                marker=dict(symbol=[MARK[m] for _, m in shown], size=12, color=[style.colour(m) for _, m in shown],
                            line=dict(color=style.PAPER, width=1.2)), hovertemplate="%{text}<extra></extra>")
    traces = [*ground, style.halos(paths, counts), *lines, style.frames(head, x=heads[:, :, 0], y=heads[:, :, 1]),
              *_places(surface, scene)]
    return style.figure(traces, x="first parameter θ₁", y="second parameter θ₂", uirevision=scene.problem,
                        annotations=labels.ends(result, scene), **about)


def setup(scene: Config) -> go.Figure:
    """What is minimised: the map with its minima and the start, or the points that the small net is to part."""
    if scene.problem == "network":
        return _moons(scene)
    surface = _surface(scene)
    ground, about = _ground(surface, scene)
    start = style.label(scene.start_x, scene.start_y, "start") | dict(xanchor="left", xshift=12, bgcolor=style.PAPER, opacity=0.9)
    return style.figure([*ground, *_places(surface, scene)], x="θ₁", y="θ₂", annotations=[start], **about)


def _moons(scene: Config) -> go.Figure:
    _, x, y, _ = small_net.problem(scene.seed)
    traces = [dict(type="scatter", x=style.array(x[0, 0, y[0, 0] == label]), y=style.array(x[0, 1, y[0, 0] == label]),
                   mode="markers", name=name, marker=dict(symbol=symbol, size=7, color=style.colour(hue)))
              for label, name, symbol, hue in ((0, "class 0", "circle", "class_a"), (1, "class 1", "diamond", "class_b"))]
    return style.figure(traces, x="first input x₁", y="second input x₂", showlegend=True, equal=True)


def surface3d(result: Result, scene: Config) -> go.Figure:
    """The same map as a surface, in the same colours, with the same paths lying on it."""
    surface = _surface(scene)
    x, y, points = surface.grid(61)
    z, low = _above(surface, points)
    height = _levels(z, low)
    levels = np.linspace(height.min(), height.max(), 16)[1:-1]
    traces = solid.ground(np.asarray(x), np.asarray(y), height, levels, hoverinfo="skip",
                          lighting=dict(ambient=0.75, diffuse=0.5, specular=0.05))
    counts, margin = [s + 1 for s in frame_steps(result.step)], 1e-2 * (np.median(z) - low)
    corner, far = np.array([surface.x_range, surface.y_range]).T
    span = float((far - corner).max())
    heads: list[np.ndarray] = []
    for k, method in (shown := drawn_methods(result, scene)):
        path = result.paths[:, k].numpy()
        inside = ((path >= corner) & (path <= far)).all(-1)
        heights = np.log10(np.where(inside, result.losses[:, k].numpy(), np.nan) - low + margin) + 0.03
        path = np.column_stack([np.where(inside[:, None], path, np.nan), heights])
        line, known = solid.dashed(path, DASH[method], np.array([span, span, np.ptp(height)]))
        x3, y3, z3 = style.array(line).T
        traces.append(style.grow(
            dict(type="scatter3d", x=x3, y=y3, z=z3, mode="lines", name=METHODS[method],
                 line=dict(color=style.colour(method), width=6), hovertemplate=f"{METHODS[method]}<extra></extra>"),
            [int(known[c - 1]) for c in counts]))
        heads.append(style.array(path)[[c - 1 for c in counts]])
    at = np.stack(heads, 1) + style.array([0, 0, 0.05])
    head = dict(type="scatter3d", x=at[-1, :, 0], y=at[-1, :, 1], z=at[-1, :, 2], mode="markers", hoverinfo="skip",
                marker=dict(symbol=[MARK[m] if MARK[m] in IN_SPACE else "circle" for _, m in shown], size=7,
                            color=[style.colour(m) for _, m in shown]))
    traces.append(style.frames(head, x=at[:, :, 0], y=at[:, :, 1], z=at[:, :, 2]))
    size = (far - corner) * 1.25 / span  # one scale on both parameters
    return style.figure(
        traces, showlegend=False, uirevision=scene.problem, margin=dict(l=0, r=0, t=0, b=0),
        scene=dict(xaxis=_bare("θ₁"), yaxis=_bare("θ₂"), zaxis=_bare("log loss"), aspectmode="manual",
                   aspectratio=dict(x=float(size[0]), y=float(size[1]), z=0.7),
                   camera=dict(eye=dict(x=1.0, y=-1.4, z=1.0), center=dict(x=0, y=0, z=-0.12))))


def _bare(name: str) -> dict[str, Any]:
    return dict(title=dict(text=name), showticklabels=False)


def basins(result: Result, scene: Config) -> go.Figure:
    """Every start of a grid in the colour of the minimum that the method reaches from it, which the star has too."""
    surface = _surface(scene)
    assert result.basin is not None
    x, y, _ = surface.grid(result.basin.shape[0])
    count = len(surface.minima)
    reached = [style.colour(f"minimum_{i}") for i in range(count)]
    hues = [style.colour("ink"), style.colour("grid"), *reached]
    scale = [[v, hue] for i, hue in enumerate(hues) for v in (i / len(hues), (i + 1) / len(hues))]
    z = result.basin.numpy()
    minima = surface.minima_tensor().numpy()
    traces = [
        dict(type="heatmap", x=style.array(x), y=style.array(y), z=z.astype(np.int8), zmin=-2.5, zmax=count - 0.5,
             colorscale=scale, showscale=False, hovertemplate="from (%{x:.2f}, %{y:.2f})<extra></extra>"),
        dict(type="scatter", x=minima[:, 0], y=minima[:, 1], mode="markers", hoverinfo="skip",
             marker=dict(symbol="star", size=18, color=reached, line=dict(color=style.INK, width=2))),
        dict(type="scatter", x=[scene.start_x], y=[scene.start_y], mode="markers", hoverinfo="skip",
             marker=dict(symbol="circle-open-dot", size=14, color=style.INK, line=dict(width=2))),
    ]
    return style.figure(traces, x="θ₁ of the start", y="θ₂ of the start", showlegend=False, uirevision=scene.problem, equal=True,
                        xaxis_range=list(surface.x_range), yaxis_range=list(surface.y_range))


RACERS = ("sgd", "momentum")  # in the small picture, in the order in which they are laid down


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Two paths from one start to two minima, over two closed contours of the valley that holds both."""
    surface = _surface(scene)
    paths = [result.paths[:, result.methods.index(m)].numpy()[frame_steps(result.step)] for m in RACERS]
    ends = np.stack([path[-1] for path in paths])
    rings = [_level_line(surface, ends.mean(0), part * float(result.losses[0, 0])) for part in (0.45, 0.15)]
    seen = np.concatenate([*paths, rings[1]])
    (x0, y0), (x1, y1) = seen.min(0) - 0.3, seen.max(0) + 0.3
    return style.thumbnail(
        *[style.mark("area", ring[:, 0].clip(x0, x1), ring[:, 1].clip(y0, y1), "axis", alpha=0.35) for ring in rings],
        *[style.mark("line", path[:, 0], path[:, 1], m, width=3) for path, m in zip(paths, RACERS, strict=True)],
        style.mark("dots", ends[:, 0], ends[:, 1], "ink", width=9), x=(x0, x1), y=(y0, y1))


def _level_line(surface: surfaces.Surface, centre: np.ndarray, level: float) -> np.ndarray:
    """[73, 2]: on each ray from the centre the first place at which the loss is above `level`."""
    angle = np.linspace(0, 2 * np.pi, 73)
    ray = np.stack([np.cos(angle), np.sin(angle)], -1)
    places = centre + np.linspace(0, np.ptp(surface.x_range), 400)[:, None] * ray[:, None]
    above = surface.value(torch.from_numpy(places)).numpy() > level
    return places[np.arange(len(places)), above.argmax(1)]
