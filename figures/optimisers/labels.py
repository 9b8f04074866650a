"""What is written beside the ends of paths on the map: when a method settles, or where else it comes to rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from core import surfaces
from core.lessons.optimisers.lesson import METHODS, Config, Result, minima, stuck
from core.moments import NEVER
from figures import style

CELL = 1 / 60  # of a side of the frame: what is told apart where a label seeks room
LETTER, LINE, AWAY = 0.018, 0.06, 0.04  # about how large a letter and a line are, and how far off the place, in the same parts
SHIFT = 16  # pixels from the place
MOST = 4  # methods whose ends are all named; of more, those that rest elsewhere than at a minimum


def ends(result: Result, scene: Config) -> list[dict[str, Any]]:
    """One label for each place at which methods rest, those of a minimum in the order in which they settle."""
    if result.arrived_at is None:
        return []
    surface = surfaces.surface(scene.problem, scene.kappa)
    lows = minima(scene, surface)
    rests = stuck(result, scene)
    lines: dict[tuple[float, float], list[tuple[int, str]]] = {}
    for k, method in enumerate(result.methods):
        end, step = result.paths[-1, k], int(result.arrived_at[k])
        if method in rests:
            # To three decimals: what has come to one point is written in one label.
            place, text = tuple(round(v, 3) for v in end.tolist()), f"{METHODS[method]}: at a {rests[method]}"
        elif method in scene.methods and step != NEVER and len(scene.methods) <= MOST:
            place, text = tuple(lows[int((lows - end).norm(dim=-1).argmin())].tolist()), f"{METHODS[method]}: step {step}"
        else:
            continue
        lines.setdefault(place, []).append((step, text))
    corner, far = np.array([surface.x_range, surface.y_range]).T
    busy, notes = _busy(result, scene, lows.numpy(), corner, far), []
    for place, some in lines.items():
        texts = [text for _, text in sorted(some)]
        look, box = _free(((np.array(place) - corner) / (far - corner)), texts, busy, above=place[1] > scene.start_y)
        # Where a label stands there is no room for the next one.
        busy = np.concatenate([busy, np.stack(np.meshgrid(*(np.arange(a, b, CELL) for a, b in box)), -1).reshape(-1, 2)])
        notes.append(dict(x=place[0], y=place[1], text="<br>".join(texts), showarrow=False, bgcolor=style.PAPER, opacity=0.9,
                          borderpad=2, font=dict(color=style.INK), align="left", **look))
    return notes


def _busy(result: Result, scene: Config, stars: np.ndarray, corner: np.ndarray, far: np.ndarray) -> np.ndarray:
    """The cells [n, 2] of the frame that paths and stars cover, in parts of its sides."""
    paths = result.paths[:, [k for k, m in enumerate(result.methods) if m in scene.methods]].numpy()
    with np.errstate(all="ignore"):  # what runs away is beyond the frame before it is beyond a float
        between = paths[:-1, None] + np.linspace(0, 1, 12)[:, None, None] * np.diff(paths, axis=0)[:, None]
    parts = (np.concatenate([between.reshape(-1, 2), stars]) - corner) / (far - corner)
    return np.unique(np.round(parts[((parts >= 0) & (parts <= 1)).all(-1)] / CELL), axis=0) * CELL


def _free(place: np.ndarray, texts: list[str], busy: np.ndarray, above: bool) -> tuple[dict[str, Any], np.ndarray]:
    """The side of a place on which a label covers the least, and the box [2, 2] that it takes there; `above` breaks ties."""
    size = np.array([LETTER * max(len(text) for text in texts), LINE * len(texts)])
    over, under = ("bottom", 1), ("top", -1)
    best: tuple[float, dict[str, Any], np.ndarray] | None = None
    for yanchor, up in (over, under, ("middle", 0)) if above else (under, over, ("middle", 0)):
        for xanchor, across in (("center", 0), ("left", 1), ("right", -1))[up == 0 :]:
            way = np.array([across, up])
            low = place - size / 2 + way * (size / 2 + AWAY)
            box = np.stack([low, low + size], 1)
            outside = np.maximum(-box[:, 0], 0) + np.maximum(box[:, 1] - 1, 0)
            covered = ((busy >= box[:, 0]) & (busy <= box[:, 1])).all(-1).sum() + outside.sum() / CELL**2
            if best is None or covered < best[0]:
                best = covered, dict(xanchor=xanchor, yanchor=yanchor, xshift=SHIFT * across, yshift=SHIFT * up), box
    assert best is not None
    return best[1:]
