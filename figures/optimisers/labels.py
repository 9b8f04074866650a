"""What is written beside the ends of paths on the map: when a method settles, or where else it comes to rest."""

from __future__ import annotations

from typing import Any

from core import surfaces
from core.lessons.optimisers.lesson import METHODS, Config, Result, minima, stuck
from core.moments import NEVER
from figures import style

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
    left, right = surface.x_range
    return [_label(place, [text for _, text in sorted(some)], place[1] > scene.start_y, (place[0] - left) / (right - left))
            for place, some in lines.items()]


def _label(place: tuple[float, float], texts: list[str], above: bool, across: float) -> dict[str, Any]:
    """On the side away from the start, where paths leave room; `across` is the place's part of the frame's width."""
    anchor, shift = ("right", 26) if across > 0.8 else ("left", -26) if across < 0.2 else ("center", 0)
    return dict(x=place[0], y=place[1], text="<br>".join(texts), showarrow=False, bgcolor=style.PAPER, opacity=0.9, borderpad=2,
                xanchor=anchor, xshift=shift,
                yanchor="bottom" if above else "top", yshift=16 if above else -16, font=dict(color=style.INK), align="left")
