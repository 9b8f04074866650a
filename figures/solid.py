"""The ground of a landscape in three dimensions: a mesh of triangles, and lines of equal height on it.

Plotly's own surface refines every grid to at least 128 points a side, which a browser without a graphics card draws in twice
the time of the same grid as a mesh.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from figures import style

PATTERNS = {"dot": (1, 1), "dash": (3, 3), "longdash": (5, 5), "dashdot": (3, 1, 1, 1)}  # Plotly's on flat pictures, line and gap
UNIT = 0.012  # of a picture's side: what patterns count in
MOST = 600  # times that a pattern is repeated along a path; a longer path has longer dashes
OCTAHEDRON = np.concatenate([np.eye(3), -np.eye(3)])  # corners, a unit from the middle
FACES = np.array([[a, b, c] for a in (0, 3) for b in (1, 4) for c in (2, 5)])
LIFT = 0.004  # of the height: lines at the height of the mesh itself would be hidden by halves


def ground(x: np.ndarray, y: np.ndarray, z: np.ndarray, levels: np.ndarray, **about: Any) -> list[style.Trace]:
    """Two traces for z [len(y), len(x)] over the grid of x and y: the mesh, and its lines at the levels.

    Where z is not finite the ground has a hole. about: what else Plotly is to know of the mesh.
    """
    corners = np.stack([v.ravel() for v in (*np.meshgrid(x, y), z)], -1).astype(np.float64)
    triangles = _triangles(*z.shape)
    known = np.asarray(np.isfinite(corners).all(1))
    triangles = triangles[known[triangles].all(1)]
    at = style.array(np.nan_to_num(corners, posinf=0, neginf=0))  # a corner of no triangle is not drawn
    mesh = dict(type="mesh3d", x=at[:, 0], y=at[:, 1], z=at[:, 2], **dict(zip("ijk", triangles.T.astype(np.int32), strict=True)),
                intensity=at[:, 2], colorscale=style.SURFACE, showscale=False) | about
    line = _lines(corners[triangles], levels)
    line[:, 2] += LIFT * (np.ptp(at[:, 2]) or 1.0)
    line = style.array(line)
    return [mesh, dict(type="scatter3d", x=line[:, 0], y=line[:, 1], z=line[:, 2], mode="lines", hoverinfo="skip",
                       showlegend=False, line=dict(color=style.colour("axis"), width=1.5))]


def diamonds(at: np.ndarray, size: np.ndarray, colour: str) -> style.Trace:
    """One mesh of an octahedron round each of the places at [n, 3]; size [3]: its half axes.

    Of the ground's own kind: Plotly's markers need shaders of their own, a fifth of the time until a picture is there."""
    return _bodies(at[:, None] + OCTAHEDRON * size, np.concatenate([FACES + 6 * k for k in range(len(at))]), colour)


def ball(path: np.ndarray, size: np.ndarray, colour: str) -> style.Trace:
    """A ball that is at path[f], of [F, 3], in frame f, and not seen where that is not finite; size [3]: its half axes."""
    on = np.asarray(np.isfinite(path).all(1))
    at = np.where(on[:, None], path, path[on][:1] if on.any() else 0.0)
    shape, faces = _round()
    corners = at[:, None] + on[:, None, None] * shape * size
    trace = _bodies(corners[-1:], faces, colour)
    return style.frames(trace, **{axis: style.array(corners[:, :, k]) for k, axis in enumerate("xyz")})


def _bodies(corners: np.ndarray, faces: np.ndarray, colour: str) -> style.Trace:
    """Corners [n, V, 3] of n bodies, and faces [F, 3] of them all."""
    x, y, z = style.array(corners.reshape(-1, 3)).T
    return dict(type="mesh3d", x=x, y=y, z=z, **dict(zip("ijk", faces.T.astype(np.int32), strict=True)), color=colour,
                flatshading=True, lighting=dict(ambient=0.9, diffuse=0.4), hoverinfo="skip")


def _round() -> tuple[np.ndarray, np.ndarray]:
    """Corners [18, 3] on the unit sphere and faces [32, 3]: each face of an octahedron in four."""
    edges = [edge for edge in combinations(range(6), 2) if edge[1] != edge[0] + 3]
    middle = {edge: 6 + k for k, edge in enumerate(edges)}
    corners = np.concatenate([OCTAHEDRON, [(OCTAHEDRON[a] + OCTAHEDRON[b]) / np.sqrt(2) for a, b in edges]])
    faces = []
    for a, b, c in FACES.tolist():
        ab, bc, ca = middle[min(a, b), max(a, b)], middle[min(b, c), max(b, c)], middle[min(c, a), max(c, a)]
        faces += [[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]]
    return corners, np.array(faces)


def ring(at: np.ndarray, size: np.ndarray, **line: Any) -> style.Trace:
    """A level ring round the place at [3]; size [3]: its half axes, of which the last is not used."""
    angle = np.linspace(0, 2 * np.pi, 33)
    x, y = style.array(at[0] + size[0] * np.cos(angle)), style.array(at[1] + size[1] * np.sin(angle))
    return dict(type="scatter3d", x=x, y=y, z=style.array(np.full(len(angle), at[2])), mode="lines", line=line, hoverinfo="skip")


def axis(low: float, high: float, lines: Any = None) -> dict[str, Any]:
    """An axis with grid lines and without words, which Plotly makes of triangles: a third of a picture's time."""
    at = np.linspace(low, high, 7) if lines is None else np.asarray(lines)
    return dict(title=dict(text=""), range=[low, high], tickvals=at.tolist(), ticktext=[""] * len(at))


def dashed(path: np.ndarray, dash: str, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A path [T, D] cut into the dashes that lines have on flat pictures; Plotly's own differ in three dimensions.

    size [D]: the picture's sides, in which lengths are measured. Returns points [n, D], not-a-number in the gaps, and how many
    of them lie up to each place of the path [T].
    """
    if dash == "solid":
        return path, np.arange(1, len(path) + 1)
    along = np.append(0, np.nan_to_num(np.linalg.norm(np.diff(path / size, axis=0), axis=1)).cumsum())
    period = max(UNIT * sum(PATTERNS[dash]), along[-1] / MOST)
    parts = np.cumsum(PATTERNS[dash]) / sum(PATTERNS[dash]) * period
    starts = np.arange(0, along[-1] + period, period)
    edges = (starts[:, None] + np.append(0, parts[:-1])).ravel()  # of lines and gaps, by turns
    gaps = (edges[1::2] + np.append(edges[2::2], edges[-1] + period)) / 2
    at = np.sort(np.concatenate([along, edges[edges < along[-1]], gaps[gaps < along[-1]]]))
    points = np.stack([np.interp(at, along, values) for values in path.T], -1)
    which = np.searchsorted(edges, at, side="right") - 1
    points[(which % 2 == 1) & (at > edges[which])] = np.nan
    return points, np.searchsorted(at, along, side="right")


def _triangles(rows: int, columns: int) -> np.ndarray:
    """Indices [2 (rows − 1)(columns − 1), 3] of corners: each cell of the grid is cut in two."""
    corner = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([b, d, c], -1).reshape(-1, 3)])


def _lines(triangles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Where planes of the levels, from low to high, cut triangles [T, 3, 3]: two ends and a gap for each cut, [3 cuts, 3]."""
    heights = triangles[:, :, 2].T
    # A triangle is cut by the levels from its lowest corner's up to, but without, its highest's.
    first, last = (np.searchsorted(levels, of.reduce(heights)) for of in (np.minimum, np.maximum))
    cuts = last - first
    which = np.repeat(np.arange(len(triangles)), cuts)
    level = np.arange(len(which)) - np.repeat(np.cumsum(cuts) - cuts - first, cuts)
    order = np.argsort(level, kind="stable")
    level, which = level[order], which[order]
    corner = triangles[which]
    high = corner[:, :, 2] > levels[level, None]
    # One corner lies on its own side, and the cut joins the two edges that meet in it.
    alone = np.where(high.sum(-1) == 1, high.argmax(-1), (~high).argmax(-1))
    rows = np.arange(len(which))
    ends = np.full((len(which), 3, 3), np.nan)
    for k in (1, 2):
        p, q = corner[rows, alone], corner[rows, (alone + k) % 3]
        t = (levels[level] - p[:, 2]) / (q[:, 2] - p[:, 2])
        ends[:, k - 1] = p + t[:, None] * (q - p)
    return ends.reshape(-1, 3)
