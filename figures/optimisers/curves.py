"""Curves of the race: losses and distances against steps and cost, and the contraction that theory gives on a quadratic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core import surfaces
from core.formatting import format_number
from core.lessons.optimisers import quadratic
from core.lessons.optimisers.divergence import outside
from core.lessons.optimisers.lesson import FIRST_ORDER, METHODS, Config, Result
from figures import style
from figures.optimisers.pictures import drawn_methods, frame_steps, stroke

LOSS_DECADES, DISTANCE_DECADES = 8, 4.5  # that an axis reaches below its start


def _curves(result: Result, scene: Config, values: torch.Tensor, x: torch.Tensor | None = None) -> list[style.Trace]:
    counts, out = [s + 1 for s in frame_steps(result.step)], []
    for k, method in drawn_methods(result, scene):
        xs = np.arange(len(values)) if x is None else x[:, k]
        # The line ends where a value is exactly zero, for which a logarithmic axis has no place, or beyond float32.
        ys = torch.where((values[:, k] > 0) & (values[:, k] < 1e38), values[:, k], torch.nan)
        line = dict(type="scatter", x=style.array(xs), y=style.array(ys), mode="lines", name=METHODS[method],
                    line=stroke(method, 2.2), showlegend=False, hovertemplate=f"{METHODS[method]}: %{{y:.3g}}<extra></extra>")
        out.append(style.grow(line, counts))
    return out


def loss(result: Result, scene: Config) -> go.Figure:
    """Loss above the lowest minimum against steps, with gradient descent's closed form on quadratics."""
    above = above_lowest(result, scene)
    traces: list[style.Trace] = list(_curves(result, scene, above))
    if result.theory is not None and "sgd" in scene.methods:
        told = torch.where((result.theory > 0) & (result.theory < 1e38), result.theory, torch.nan)
        traces.append(style.theory(np.arange(result.step + 1), told, "theory, gradient descent", showlegend=False))
    return _against_steps(result, scene, traces, above, "loss − minimum", LOSS_DECADES)


def distance(result: Result, scene: Config) -> go.Figure:
    """Distance to the nearest minimum against steps."""
    assert result.distance is not None
    return _against_steps(result, scene, _curves(result, scene, result.distance), result.distance, "distance", DISTANCE_DECADES)


def above_lowest(result: Result, scene: Config) -> torch.Tensor:
    """[T+1, M]: the loss above that of the lowest minimum."""
    surface = surfaces.surface(scene.problem, scene.kappa)
    return result.losses - surface.value(surface.minima_tensor()).min()


def no_line(result: Result, scene: Config, values: torch.Tensor, below: float) -> str:
    """What of the shown methods has no place on a logarithmic axis, as a sentence; empty where all has."""
    shown = values[:, [k for k, _ in drawn_methods(result, scene)]]
    least = 10 ** _range(result, scene, values, below)[0]
    if bool(((shown > 0) & (shown < least)).any()):
        return f" Less than {format_number(least)} has no place."
    return " No line where it is 0 up to rounding." if bool((shown <= 0).any()) else ""


def _against_steps(result: Result, scene: Config, traces: Sequence[style.Trace], values: torch.Tensor, y: str,
                   below: float) -> go.Figure:
    shown = [k for k, _ in drawn_methods(result, scene)]
    note = [style.empty("0 up to rounding at every step")] if bool((values[:, shown] <= 0).all()) else []
    return style.figure(traces, x="step", y=y, yaxis_type="log",
                        yaxis_range=_range(result, scene, values, below), xaxis_range=[0, result.step], annotations=note)


def _range(result: Result, scene: Config, values: torch.Tensor, below: float) -> list[float]:
    shown = [k for k, _ in drawn_methods(result, scene)]
    return _decades(values[:, shown], ~outside(result.paths[:, shown], surfaces.surface(scene.problem, scene.kappa)), below)


def _decades(values: torch.Tensor, on_map: torch.Tensor, below: float) -> list[float]:
    """The decades of the start and of all values on the map, at most `below` under the start's; the rest leaves the axis."""
    on_map[0] = True
    known = values[on_map & (values > 0) & (values < 1e38)].log10()
    if not len(known):
        return [-1.0, 1.0]
    low, high, start = float(known.min()), float(known.max()), float(values[0, 0].log10())
    # A start at a minimum has no place on the axis.
    return [max(low, (start if start > -torch.inf else high) - below) - 0.3, high + 0.3]


def rates(scene: Config) -> go.Figure:
    """On a quadratic: the long-run contraction per step against ε, with this scene's ε and the limits."""
    curvature = torch.tensor([1.0, 1.0 if scene.problem == "bowl" else scene.kappa], dtype=torch.float64)
    top = float(curvature.max())
    limit = max(quadratic.stability_limit("momentum", scene.alpha) / top * 1.1, scene.learning_rate * 1.1)
    rate = torch.linspace(limit / 400, limit, 400, dtype=torch.float64)
    traces: list[style.Trace] = [
        dict(type="scatter", x=style.array(rate), y=style.array(quadratic.contraction(m, rate, curvature, scene.alpha)),
             mode="lines", name=METHODS[m], line=stroke(m), hovertemplate=f"{METHODS[m]}: %{{y:.4f}}<extra></extra>")
        for m in ("sgd", "momentum", "nesterov")
    ]
    traces.append(style.theory([0, limit], [1, 1], "1: no progress", hoverinfo="skip"))
    now, side = scene.learning_rate, "left" if scene.learning_rate < limit / 2 else "right"
    here = dict(type="line", x0=now, x1=now, y0=0, y1=1, yref="y domain", line=dict(color=style.INK, width=1.5, dash="dot"))
    return style.figure(
        traces, x="learning rate ε", y="contraction per step", yaxis_range=[0, 1.3], xaxis_range=[0, limit], showlegend=True,
        shapes=[here], annotations=[style.label(now, 0.08, "ε now") | dict(xanchor=side, xshift=6 if side == "left" else -6)])


def network_curves(result: Result, scene: Config, against: str) -> go.Figure:
    """Loss of the small net against steps, gradient evaluations or processor time."""
    x = {"steps": None, "evaluations": result.evaluations, "seconds": result.seconds * 1000}[against]
    title = {"steps": "step", "evaluations": "gradient evaluations", "seconds": "processor time (ms)"}[against]
    traces = _curves(result, scene, result.losses, x)
    ends = [float(t["x"][np.isfinite(t["y"])][-1]) for t in traces if np.isfinite(t["y"]).any()]
    first = [m for m in FIRST_ORDER if m in scene.methods]
    about: dict[str, Any] = dict(xaxis_range=[0, result.step])
    values = result.losses[:, [k for k, _ in drawn_methods(result, scene)]]
    known = values[torch.isfinite(values) & (values > 0)]
    if len(known):
        # What diverges leaves upwards, so that the others can be told apart.
        about["yaxis_range"] = [float(known.min().log10()) - 0.1, float(result.losses[0, 0].log10()) + 0.5]
    if against != "steps" and ends:
        # Methods that search spend far more; the axis shows where the first-order ones live, twice over.
        reach = result.step * 3 if against == "evaluations" else max(ends[: max(1, len(first))]) * 6
        about["xaxis_range"] = [0, min(max(ends), reach)]
    return style.figure(traces, x=title, y="training loss (nats)", yaxis_type="log", **about)
