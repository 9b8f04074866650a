"""Pictures of the cliff: map and surface with three runs, their curves, and gradients on their way back."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number
from core.lessons.exploding_gradients import recurrent
from core.lessons.exploding_gradients.clipping import ARMS
from core.lessons.exploding_gradients.lesson import MAP, Config, Result, frame
from core.moments import NEVER
from figures import solid, style
from figures.wire import significant

HUES = {"none": "unclipped", "norm": "clip_norm", "value": "clip_value"}
DASH = {"none": "solid", "norm": "solid", "value": "dash"}
MARK = {"none": "x", "norm": "circle", "value": "square"}
IN_SPACE = MARK | {"none": "diamond"}  # every browser has a glyph of it in three dimensions
CHAINS = {"layers": "new Gaussian matrices", "recurrent": "one Gaussian matrix", "orthogonal": "one orthogonal matrix"}
CHAIN_HUES = {"layers": "matrix_layers", "recurrent": "matrix_recurrent", "orthogonal": "matrix_orthogonal"}
CHAIN_DASH = {"layers": "solid", "recurrent": "dashdot", "orthogonal": "solid"}
WIDTH = {"none": 11.0, "norm": 6.0, "value": 6.0}  # on the surface, where runs lie one on the other
LIFT = {"none": 0.018, "norm": 0.024, "value": 0.03}  # over the surface, in parts of its height
STOPS = 80
GROUND = dict(bgcolor=style.PAPER, opacity=0.9, borderpad=1)  # of names on the map
FAR = 100.0  # what lies further out, in frames, is not drawn: no zoom reaches it


def stops(result: Result) -> list[int]:
    """The steps of descent at which the player stops."""
    last = len(result.slopes)
    return sorted({round(v) for v in np.linspace(0, last, min(last, STOPS) + 1)})


def legend() -> list[tuple[str, str, str]]:
    return [*((name, style.colour(HUES[arm]), DASH[arm]) for arm, name in ARMS.items()),
            *((CHAINS[kind], style.colour(CHAIN_HUES[kind]), CHAIN_DASH[kind]) for kind in CHAINS)]


def stroke(arm: str, width: float = 2.6) -> dict[str, Any]:
    return dict(color=style.colour(HUES[arm]), width=width, dash=DASH[arm])


def _frame(scene: Config) -> np.ndarray:
    """[2, 2]: (from, to) of w and of b."""
    return np.array(frame(scene))


def _drawn(result: Result, scene: Config) -> np.ndarray:
    """Paths [A, S+1, 2] as far as a browser can draw them: a step that leads farther ends on its way."""
    paths, reach = result.paths.transpose(0, 1).numpy(), FAR * np.ptp(_frame(scene)[0])
    near = (np.abs(paths) < reach).all(-1)
    out = np.where(near[..., None], paths, np.nan)
    for path, drawn, seen in zip(paths, out, near, strict=True):
        first = int(np.argmin(seen))
        if not seen[first] and np.isfinite(path[first]).all():
            step = path[first] - path[first - 1]
            drawn[first] = path[first - 1] + step * (reach / np.abs(step).max())
    return out


def _losses(result: Result) -> np.ndarray:
    """J over the grid, infinite where it is beyond what is told, to five digits: the wire carries it for three pictures."""
    return significant(style.array(result.grid.masked_fill(result.grid >= 1e37, torch.inf)), bits=16)


def height(losses: np.ndarray, scene: Config) -> np.ndarray:
    """What is drawn of J: J itself where φ bounds it, log₁₀ J where the linear unit lets it grow without end."""
    return np.log10(np.clip(losses, 1e-4, 1e6)) if scene.unit == "linear" else losses


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
        edge = style.theory([-1, -1, None, 1, 1], [*b, None, *b], "|w| = 1", hoverinfo="skip", hovertemplate=None)
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
        name = "J = 0" if scene.unit == "linear" else "J = 0 as T → ∞"
        out.append(style.label(w[i], valley[i], name, "best", **GROUND) | dict(yanchor="bottom"))
    if np.isfinite(cliff).any():
        i = int(np.flatnonzero(np.isfinite(cliff))[-1])
        out.append(style.label(w[i], cliff[i], "cliff as T → ∞", **GROUND) | dict(xanchor="right", xshift=-10, yanchor="top"))
    elif scene.unit == "linear":
        out.append(style.label(1, frame(scene)[1][0], "|w| = 1", **GROUND)
                   | dict(yanchor="bottom", xanchor="right", xshift=-8))
    return out


def _ground(result: Result, scene: Config) -> style.Trace:
    """J over (w, b)."""
    losses = _losses(result)
    z = height(losses, scene)
    return dict(
        type="contour", x=style.array(result.w), y=style.array(result.b), z=style.array(z), colorscale=style.SURFACE,
        showscale=False, autocontour=False, contours=dict(start=z.min(), end=z.max(), size=max(np.ptp(z) / 12, 1e-9)),
        line=dict(width=0.6, color=style.colour("axis")),
        customdata=losses,
        hovertemplate="w %{x:.2f}, b %{y:.2f}<br>J %{customdata:.3g}<extra></extra>")


def _start(scene: Config) -> style.Trace:
    return dict(type="scatter", x=[scene.start_w], y=[scene.start_b], mode="markers",
                marker=dict(symbol="circle-open-dot", size=17, color=style.INK, line=dict(width=2)),
                hovertemplate="start (%{x:.2f}, %{y:.2f})<extra></extra>")


def _on_the_map(traces: list[style.Trace], scene: Config, notes: list[dict[str, Any]]) -> go.Figure:
    (w0, w1), (b0, b1) = frame(scene)
    start = style.label(scene.start_w, scene.start_b, "start", **GROUND) | dict(
        xanchor="center", xshift=0, yanchor="top", yshift=-10)
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
    lines = [style.grow(dict(type="scatter", x=p[:, 0], y=p[:, 1], mode="lines+markers", line=stroke(arm, 3),
                             marker=dict(size=5, color=style.colour(HUES[arm])),
                             hovertemplate=f"{name}<br>w %{{x:.3f}}, b %{{y:.3f}}<extra></extra>"), counts)
             for p, (arm, name) in zip(paths, ARMS.items(), strict=True)]
    heads = np.stack([p[at] for p in paths], 1)
    head = dict(type="scatter", x=heads[-1, :, 0], y=heads[-1, :, 1], mode="markers", text=list(ARMS.values()),
                marker=dict(symbol=[MARK[a] for a in ARMS], size=13, color=[style.colour(HUES[a]) for a in ARMS],
                            line=dict(color=style.PAPER, width=1.4)), hovertemplate="%{text}<extra></extra>")
    moving = style.frames(head, x=heads[:, :, 0], y=heads[:, :, 1])
    traces = [_ground(result, scene), *_theory(scene), style.halos(paths, counts, 5.5), *lines, moving, _start(scene)]
    return _on_the_map(traces, scene, _ends(result, scene))


def _free_corner(result: Result, scene: Config) -> tuple[int, int]:
    """The corner of the map, 0 or 1 along each side, that is farthest from the runs and the names on it."""
    corner, far = _frame(scene).T
    runs = [laid(path, corner, far)[0] for path in result.paths.transpose(0, 1).numpy()]
    places = (np.concatenate([*runs, [(note["x"], note["y"]) for note in _named(scene)] or runs[0]]) - corner) / (far - corner)
    corners = [(1, 1), (0, 1), (1, 0), (0, 0)]
    free = [np.nanmin(np.hypot(*(places - one).T), initial=2) for one in corners]
    return corners[int(np.argmax(free))]


def _ends(result: Result, scene: Config) -> list[dict[str, Any]]:
    """In a corner of the map, where each run went: off it for good, or into the valley."""
    out, (right, top) = [], _free_corner(result, scene)
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
        about = dict(xref="x domain", yref="y domain", x=0.98 if right else 0.02, xanchor="right" if right else "left", xshift=0,
                     y=0.98 - 0.09 * len(out) if top else 0.2 - 0.09 * len(out), yanchor="top" if top else "bottom",
                     bgcolor=style.colour("paper", 0.75))
        out.append(style.label(0, 0, text, HUES[arm]) | about)
    return out


def surface3d(result: Result, scene: Config) -> go.Figure:
    """The map as a surface, with the same runs lying on it."""
    z = height(_losses(result), scene)
    corner, far = _frame(scene).T

    def lying(places: np.ndarray, arm: str) -> dict[str, np.ndarray]:
        up = _between(z, (places - corner) / (far - corner)) + LIFT[arm] * np.ptp(z)
        return dict(x=style.array(places[:, 0]), y=style.array(places[:, 1]), z=style.array(up))

    traces = solid.ground(np.asarray(result.w), np.asarray(result.b), z, np.linspace(np.nanmin(z), np.nanmax(z), 16)[1:-1],
                          hoverinfo="skip", lighting=dict(ambient=0.75, diffuse=0.5, specular=0.05))
    at, heads = stops(result), []
    for path, arm in zip(result.paths.transpose(0, 1).numpy(), ARMS, strict=True):
        places, counts = laid(path, corner, far)
        line = dict(type="scatter3d", **lying(places, arm), hoverinfo="skip", mode="lines", line=stroke(arm, WIDTH[arm]))
        traces.append(style.grow(line, counts[at].tolist()))
        on = ((path >= corner) & (path <= far)).all(-1, keepdims=True)
        heads.append(lying(np.where(on, path, np.nan)[at], arm))
    x, y, up = (np.stack([head[axis] for head in heads], 1) for axis in "xyz")
    head = dict(type="scatter3d", x=x[-1], y=y[-1], z=up[-1], mode="markers", hoverinfo="skip",
                marker=dict(symbol=[IN_SPACE[a] for a in ARMS], size=6, color=[style.colour(HUES[a]) for a in ARMS]))
    start = dict(type="scatter3d", **lying(np.array([[scene.start_w, scene.start_b]]), "value"), mode="markers", hoverinfo="skip",
                 marker=dict(symbol="circle-open", size=9, color=style.INK))
    traces += [style.frames(head, x=x, y=y, z=up), start]
    axis, side = dict(showticklabels=False), -1 if scene.unit == "sigmoid" else 1  # the side that the cliff faces
    return style.figure(
        traces, showlegend=False, uirevision=str(frame(scene)), margin=dict(l=0, r=0, t=0, b=0),
        scene=dict(xaxis=dict(title=dict(text="w"), range=[corner[0], far[0]], **axis),
                   yaxis=dict(title=dict(text="b"), range=[corner[1], far[1]], **axis),
                   zaxis=dict(title=dict(text="log J" if scene.unit == "linear" else "J"), **axis), aspectmode="manual",
                   aspectratio=dict(x=1.2, y=1.2, z=0.75),
                   camera=dict(eye=dict(x=-0.8, y=1.55 * side, z=1.05), center=dict(x=0, y=0, z=-0.2))))


def laid(path: np.ndarray, corner: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The straight steps of a path [S+1, 2] inside a frame, in points as near to each other as those of the map.

    Returns the places [n, 2], with NaN where the path leaves the frame, and how many there are up to each step [S+1].
    """
    here, move = path[:-1], np.diff(path, axis=0)
    with np.errstate(all="ignore"):
        # When a step crosses each edge, in parts of it; one along an edge is inside for ever or never.
        cross = np.stack([(edge - here) / move for edge in (corner, far)])
        within = np.where((here >= corner) & (here <= far), np.inf, -np.inf)
        enter = np.where(move == 0, -within, cross.min(0)).max(-1).clip(min=0)
        leave = np.where(move == 0, within, cross.max(0)).min(-1).clip(max=1)
        cells = np.abs(move / (far - corner)).max(-1) * (leave - enter) * (MAP - 1)
    seen = (enter <= leave) & np.isfinite(cells)
    parts = np.where(seen, np.ceil(np.where(seen, cells, 0)).clip(min=1), 0).astype(int)
    cut = seen & (leave < 1)
    size = np.where(seen, parts + 1 + cut, 0)
    ends = np.cumsum(size)
    step = np.repeat(np.arange(len(size)), size)
    k = np.arange(len(step)) - (ends - size)[step]
    part = enter[step] + (leave - enter)[step] * k / parts[step]
    places = np.where((k <= parts[step])[:, None], here[step] + part[:, None] * move[step], np.nan)
    return np.concatenate([path[:1], places]), np.concatenate([[1], 1 + ends])


def _between(z: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Heights [n] between the points of a map z [n_y, n_x], at places [n, 2] in parts of its sides."""
    at = parts * (np.array(z.shape[::-1]) - 1)
    known = np.isfinite(at.sum(-1))
    i, j = np.where(known[:, None], at, 0).T
    left, low = (np.clip(np.floor(v), 0, n - 2).astype(int) for v, n in ((i, z.shape[1]), (j, z.shape[0])))
    across, up = i - left, j - low
    rows = [z[low + k, left] * (1 - across) + z[low + k, left + 1] * across for k in (0, 1)]
    return np.where(known, rows[0] * (1 - up) + rows[1] * up, np.nan)


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
