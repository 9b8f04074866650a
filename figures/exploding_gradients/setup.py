"""What a reader sees while being asked: the unit fed back on itself, drawn out in time, with the numbers of the start."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.formatting import format_as
from core.lessons.exploding_gradients.lesson import Config
from figures import style

PHI = {"tanh": "tanh(w·h + b)", "sigmoid": "σ(w·h + b)", "linear": "w·h + b"}


def setup(scene: Config) -> go.Figure:
    """The states from h₀ to h_T as a chain, and the way back that is asked about."""
    T = scene.T
    names = [f"h<sub>{t}</sub>" for t in range(T + 1)] if T <= 4 else ["h<sub>0</sub>", "h<sub>1</sub>", "h<sub>2</sub>", "…",
                                                                       f"h<sub>{T}</sub>"]
    names.append("J")
    x = np.arange(len(names), dtype=float)
    solid = [name != "…" for name in names]
    nodes = dict(type="scatter", x=x[solid], y=np.zeros(sum(solid)), mode="markers", hoverinfo="skip",
                 marker=dict(size=38, color=style.colour("soft"), line=dict(color=style.INK, width=1.5)))
    notes: list[dict[str, Any]] = [dict(x=place, y=0, text=name, showarrow=False) for place, name in zip(x, names, strict=True)]
    for k, place in enumerate(x[1:]):
        last = k == len(x) - 2
        notes.append(_arrow(place - 0.72, 0, place - 0.28, 0, style.INK))
        if not last:
            notes.append(dict(x=place - 0.5, y=0, yanchor="bottom", yshift=2, text="w", showarrow=False))
            notes.append(_arrow(place - 0.5, -0.75, place - 0.2, -0.24, style.MUTED))
            notes.append(dict(x=place - 0.55, y=-0.9, text="b", showarrow=False, font=dict(color=style.MUTED)))
    unclipped = style.colour("unclipped")
    notes.append(_arrow(x[-1], 0.75, 0, 0.75, unclipped))
    notes.append(dict(x=x[-1] / 2, y=0.75, yanchor="bottom", yshift=2, text="gradient: ?", showarrow=False,
                      font=dict(color=unclipped)))
    w, b, h0, y = (format_as(value) for value in (scene.start_w, scene.start_b, scene.h0, scene.target))
    notes.append(dict(x=x[-1] / 2, y=-1.5, showarrow=False, text=f"w = {w}, b = {b}, h<sub>0</sub> = {h0}, y = {y}"))
    return style.figure([nodes], showlegend=False, annotations=notes,
                        xaxis=dict(visible=False, range=[-0.6, x[-1] + 0.6], fixedrange=True),
                        yaxis=dict(visible=False, range=[-1.8, 1.3], fixedrange=True))


def _arrow(x0: float, y0: float, x1: float, y1: float, colour: str) -> dict[str, Any]:
    return dict(x=x1, y=y1, ax=x0, ay=y0, xref="x", yref="y", axref="x", ayref="y", text="", showarrow=True, arrowhead=2,
                arrowwidth=1.8, arrowcolor=colour)


def words(scene: Config) -> tuple[str, str, str]:
    """Title, caption and alternative text."""
    steps = f"{scene.T} steps" if scene.T > 1 else "1 step"
    return (f"One unit, fed back for {steps}", f"Each state is {PHI[scene.unit]} of the one before. J = (h<sub>T</sub> − y)².",
            f"A chain of states from h at 0 to h at {scene.T}, each {PHI[scene.unit]} of the one before, with w = "
            f"{format_as(scene.start_w)} and b = {format_as(scene.start_b)}; an arrow from the loss J back to the first state, "
            "with a question mark.")
