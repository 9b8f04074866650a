"""Pictures of regulariser_bench."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from core.lessons.regulariser_bench.lesson import Config, Result
from figures import style


def samples(result: Result) -> go.Figure:
    dots = dict(type="scatter", y=style.array(result.x_N), mode="markers", marker=dict(color=style.colour("train")),
                hovertemplate="sample %{x}: %{y:.3f}<extra></extra>")
    return style.figure([dots], x="sample", y="value")


def setup(scene: Config) -> go.Figure:
    """The axes, without a sample: what is seen while the question is asked."""
    return style.figure(x="sample", y="value", xaxis_range=[-1, scene.size], yaxis_range=[-3.5, 3.5])


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The home page's small picture."""
    return style.thumbnail(style.mark("dots", range(scene.size), result.x_N, "train"), x=(-1, scene.size), y=(-3, 3))
