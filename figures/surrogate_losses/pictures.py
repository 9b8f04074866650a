"""Pictures of surrogate losses: the boundaries, the losses over the 0-1 step, training, outliers, and the score each wants."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_number, format_power_of_ten
from core.lessons.surrogate_losses import lesson, surrogates
from core.lessons.surrogate_losses.lesson import Config, Result
from core.lessons.surrogate_losses.surrogates import LOSSES
from core.lessons.surrogate_losses.words import names
from figures import style

DASH = {"squared": "dot", "hinge": "longdash", "logistic": "solid", "exponential": "dashdot"}
LEGEND = [(name, style.colour(loss), DASH[loss]) for loss, name in LOSSES.items()]
WINDOW = (-3.2, 3.2)  # of margins
FINEST = -5  # the lowest power of ten on the axes of losses and errors
SHOWN = 100  # validation samples whose scores are drawn


def _frame(values: np.ndarray, room: float = 0.6) -> tuple[float, float]:
    return float(np.floor(values.min() - room)), float(np.ceil(values.max() + room))


def _samples(result: Result, x: torch.Tensor, far: np.ndarray) -> style.Trace:
    """The training set as labelled, at x [2, n]; flipped ones wear a heavy ring, those that are carried `far` are large."""
    wrong = result.flipped.numpy()
    classes = (result.y > 0).long().tolist()
    words = [f"{names(result)[c]}{', wrong label' if w else ''}{', outlier' if o else ''}"
             for c, w, o in zip(classes, wrong, far, strict=True)]
    edge = dict(width=np.where(wrong | far, 2.2, 0.8), color=[style.INK if ring else style.PAPER for ring in wrong | far])
    return dict(type="scatter", x=style.array(x[0]), y=style.array(x[1]), mode="markers", text=words,
                marker=dict(color=[style.colour("class_b" if c else "class_a") for c in classes], line=edge,
                            symbol=["diamond" if o else "square" if c else "circle" for c, o in zip(classes, far, strict=True)],
                            size=np.where(far, 13, np.where(wrong, 9, 7))),
                showlegend=False, hovertemplate="%{text}<extra></extra>")


def setup(result: Result, scene: Config) -> go.Figure:
    """The training set with the outliers where the question has them, and the way that they were carried."""
    still, far = (lesson.carried_to(result, scene, d)[:, result.outlier] for d in (0, lesson.spoken(scene)))
    gap = torch.full_like(still, torch.nan)
    ways = torch.stack([still, far, gap], 2).flatten(1)
    x = lesson.carried_to(result, scene, lesson.spoken(scene))
    way = dict(type="scatter", x=style.array(ways[0]), y=style.array(ways[1]), mode="lines", hoverinfo="skip", showlegend=False,
               line=dict(color=style.MUTED, width=1.6, dash="dot"))
    (x0, x1), (y0, y1) = (_frame(style.array(v)) for v in torch.cat([x, still], 1))
    return style.figure([way, _samples(result, x, result.outlier.numpy())], x="x₁", y="x₂", xaxis_range=[x0, x1],
                        yaxis_range=[y0, y1], equal=True)


def plane(result: Result, scene: Config) -> go.Figure:
    """The training set and the four decision boundaries at every evaluation, beside the best there is."""
    (x0, x1), (y0, y1) = (_frame(style.array(v)) for v in result.x)
    # A linear score is drawn exactly by any grid.
    columns, rows = (12, 9) if scene.model == "linear" else (36, 28)
    x, y = torch.linspace(x0, x1, columns), torch.linspace(y0, y1, rows)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)
    z = style.array(lesson.scores(result, grid)).reshape(-1, len(LOSSES), rows, columns)
    traces = [_samples(result, result.x, result.outlier.numpy() & (scene.distance > 0))]
    named = []
    if not result.own:
        # At the end of its line from which the boundaries stay farther off, where the film ends.
        high = np.abs(z[-1][:, -1]).argmin(1), np.abs(z[-1][:, 0]).argmin(1)
        top, foot = (np.abs(style.array(x)[k]).min() for k in high)
        named = [dict(x=0, y=y1 if top >= foot else y0, text="fewest errors", showarrow=False, xanchor="left",
                      yanchor="top" if top >= foot else "bottom", xshift=4, font=dict(color=style.INK), bgcolor=style.PAPER,
                      opacity=0.85)]
        best = style.theory([0, 0], [y0, y1], "boundary of the fewest errors", hoverinfo="skip", hovertemplate=None)
        traces.insert(0, best)
    for k, (loss, name) in enumerate(LOSSES.items()):
        line = dict(type="contour", x=style.array(x), y=style.array(y), z=z[-1, k], showscale=False, hoverinfo="skip",
                    contours=dict(coloring="none", start=0, end=0, size=1),
                    line=dict(color=style.colour(loss), width=3, dash=DASH[loss]))
        traces.append(style.frames(line, z=z[:, k]))
        # The keys of a picture are read from its lines, and a contour is none.
        traces.append(dict(type="scatter", x=[None], y=[None], mode="lines", name=name, hoverinfo="skip", line=line["line"]))
    return style.figure(traces, x="x₁", y="x₂", xaxis_range=[x0, x1], yaxis_range=[y0, y1], showlegend=False, equal=True,
                        annotations=named, uirevision=f"{x0} {x1} {y0} {y1}")


def losses(result: Result) -> go.Figure:
    """The losses over the 0-1 step, and below them the margins of the training samples under each."""
    z = np.linspace(*WINDOW, 129)
    step = dict(type="scatter", x=[WINDOW[0], 0, 0, WINDOW[1]], y=[1, 1, 0, 0], mode="lines", line=dict(color=style.INK, width=3),
                hovertemplate="0-1 loss<extra></extra>")
    traces: list[style.Trace] = [step]
    margins = style.array(lesson.scores(result, result.x) * result.y)
    for k, (loss, name) in enumerate(LOSSES.items()):
        hue = style.colour(loss)
        phi = surrogates.phi(loss, torch.from_numpy(z))
        traces.append(dict(type="scatter", x=style.array(z), y=style.array(phi), mode="lines",
                           line=dict(color=hue, width=3, dash=DASH[loss]),
                           hovertemplate=f"{name} at margin %{{x:.2f}}: %{{y:.3g}}<extra></extra>"))
        rug = dict(type="scatter", x=margins[-1, k], y=np.full(margins.shape[2], -0.35 * (k + 1), np.float32), mode="markers",
                   marker=dict(symbol="line-ns", size=9, color=hue, line=dict(width=1.5, color=style.colour(loss, 0.6))),
                   hovertemplate=f"{name}: a sample at margin %{{x:.2f}}<extra></extra>")
        traces.append(style.frames(rug, x=margins[:, k]))
    zero = dict(x=WINDOW[0] + 0.1, y=1, text="0-1 loss", showarrow=False, xanchor="left", yanchor="bottom",
                font=dict(color=style.INK))
    return style.figure(traces, x="margin z = y f(x)", y="loss", xaxis_range=list(WINDOW), yaxis_range=[-1.7, 5],
                        annotations=[zero], yaxis_tickvals=[0, 1, 2, 3, 4, 5], showlegend=False)


def beyond(result: Result) -> str:
    """How many ticks of the end have no place in the picture of the losses, as the end of a sentence; empty where all have."""
    margins = style.array(lesson.scores(result, result.x) * result.y)[-1]
    out = int(((margins < WINDOW[0]) | (margins > WINDOW[1])).sum())
    return f"; {out:,} of {margins.size:,} end beyond the axis" if out else ""


class _LogAxis:
    """A logarithmic axis for `values`, with a place below its lowest power of ten for what is zero or less than that."""

    def __init__(self, values: np.ndarray):
        finite = values[np.isfinite(values)]
        least = float(np.log10(finite[finite > 0].min()))
        self.low = max(FINEST, int(np.floor(least)))
        self.high = float(np.log10(1.6 * max(finite.max(), 1.0)))
        under = finite[finite < 10.0**self.low]
        self.place = 10.0 ** (self.low - 0.6)
        powers = range(self.low, int(self.high) + 1, 1 + int(self.high - self.low) // 6)
        self.ticks = [10.0**k for k in powers]
        self.text = [f"{10.0**k:g}" if -2 <= k <= 2 else format_power_of_ten(k) for k in powers]
        self.range = [least - 0.06 * (self.high - least), self.high]
        if under.size:
            self.ticks.insert(0, self.place)
            self.text.insert(0, "0" if not under.any() else f"<{format_power_of_ten(self.low)}")
            self.range[0] = self.low - 0.9
        elif self.high - least < 1.5:  # one power of ten or two
            self.ticks = [a * 10.0**k for k in range(self.low, 1 + int(self.high)) for a in (1, 2, 5)]
            self.text = [f"{v:g}" for v in self.ticks]

    def at(self, values: np.ndarray) -> np.ndarray:
        """Where the values are drawn."""
        return np.where(values < 10.0**self.low, np.float32(self.place), values)


def training(result: Result, scene: Config, loss: str) -> go.Figure:
    """One loss and the 0-1 error of its fit, on training (solid) and validation (dotted), on axes that hold all four losses."""
    k, at = list(LOSSES).index(loss), result.recorded.numpy()
    counts = list(range(1, len(at) + 1))
    least = [] if result.own else [lesson.least_error(scene)]
    traces = [style.theory([0, result.steps], [e] * 2, "no classifier expects a lower error", showlegend=False) for e in least]
    axis = _LogAxis(np.concatenate([least, *(style.array(v).ravel() for v in (*result.loss.values(), *result.error.values()))]))
    ends: dict[str, tuple[float, str]] = {}  # what a pair of lines shows -> where on the axis it ends, its colour
    for values, hue, what, width in ((result.loss, loss, "loss", 2.8), (result.error, "muted", "error", 2.0)):
        last = np.log10(axis.at(np.array([float(v[-1, k]) for v in values.values()])))
        if np.isfinite(last).any():
            ends[what] = float(np.nanmean(last)), hue
        for split, dash in (("train", "solid"), ("validation", "dot")):
            y = style.array(values[split][:, k])
            line = dict(type="scatter", x=at, y=axis.at(y), mode="lines", showlegend=False,
                        line=dict(color=style.colour(hue), width=width, dash=dash),
                        text=["" if np.isnan(v) else format_number(float(v), 3) for v in y],
                        hovertemplate=f"{what}, {split}, step %{{x}}: %{{text}}<extra></extra>")
            traces.append(style.grow(line, counts))
    if len(ends) > 1 and (short := 0.08 * (axis.range[1] - axis.range[0]) - ends["loss"][0] + ends["error"][0]) > 0:
        ends = {what: (y + (short / 2 if what == "loss" else -short / 2), hue) for what, (y, hue) in ends.items()}
    names = [style.label(result.steps, y, what, hue) for what, (y, hue) in ends.items()]
    return style.figure(traces, x="step", y="loss, error", yaxis_type="log", xaxis_range=[0, 1.18 * result.steps],
                        xaxis_tickvals=[result.steps * i // 3 for i in range(4)], annotations=names,
                        yaxis_range=axis.range, yaxis_tickvals=axis.ticks, yaxis_ticktext=axis.text, showlegend=False)


def outliers(result: Result, scene: Config) -> go.Figure:
    """Part of the validation samples that change class against the outliers' distance; mean and range of the draws."""
    d = np.array(result.distances, np.float32)
    moved = 100 * style.array(result.moved)
    exact = None if result.moved_exactly is None else 100 * result.moved_exactly.mean(1)
    top = max(1.0, 1.08 * float(moved.max()), 0.0 if exact is None else 1.08 * float(exact.max()))
    traces = [dict(type="scatter", x=[scene.distance] * 2, y=[0, top], mode="lines", hoverinfo="skip", showlegend=False,
                   line=dict(color=style.MUTED, width=1.2, dash="dot"))]
    for k, (loss, name) in enumerate(LOSSES.items()):
        low, high = (q(moved[:, :, k], axis=1) for q in (np.min, np.max))
        traces += [style.band(d, low, high, name, loss) | dict(fillcolor=style.colour(loss, 0.08)),
                   dict(type="scatter", x=d, y=moved[:, :, k].mean(1), mode="lines+markers", showlegend=False,
                        marker=dict(size=7), line=dict(color=style.colour(loss), width=2.8, dash=DASH[loss]),
                        hovertemplate=f"{name} at d = %{{x}}: %{{y:.1f}} %<extra></extra>")]
    if exact is not None:
        traces.append(style.theory(d, exact, "least squares in closed form"))
    return style.figure(traces, x="distance d that outliers are carried", y="validation samples that change class (%)",
                        xaxis_range=[-0.4, 20.4], yaxis_range=[0, top], showlegend=False)


def wanted(result: Result, scene: Config) -> go.Figure:
    """Scores of validation samples against the true log-odds, beside the score of least expected loss."""
    odds = style.array(lesson.log_odds(scene, result.x_validation[:, :SHOWN]))
    f = style.array(lesson.scores(result, result.x_validation[:, :SHOWN]))
    x = np.linspace(-6, 6, 121)
    traces: list[style.Trace] = []
    for k, (loss, name) in enumerate(LOSSES.items()):
        dots = dict(type="scatter", x=odds, y=f[-1, k], mode="markers", marker=dict(size=5, color=style.colour(loss, 0.7)),
                    hovertemplate=f"{name}: log-odds %{{x:.2f}}, score %{{y:.2f}}<extra></extra>")
        traces.append(style.frames(dots, y=f[:, k]))
    ends = []
    for loss, name in LOSSES.items():
        y = surrogates.wanted(loss, torch.from_numpy(x)).numpy()
        line = dict(color=style.INK, dash=DASH[loss], width=1.6)
        traces.append(style.theory(x, y, f"wanted by {name.lower()}") | dict(line=line))
    for loss, y in (("logistic", 5.6), ("exponential", 3.2), ("squared", 1.6), ("hinge", 0.2)):
        ends.append(style.label(1, y, LOSSES[loss], loss) | dict(xref="paper"))
    return style.figure(traces, x="true log-odds", y="score f(x)", xaxis_range=[-6, 6], yaxis_range=[-6, 6], annotations=ends,
                        xaxis_tickvals=[-6, -3, 0, 3, 6], showlegend=False, margin=dict(l=8, r=100, t=12, b=8))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:  # noqa: ARG001
    """The home page's small picture: the four losses over the step."""
    z = np.linspace(-2, 2.4, 45)
    lines = [style.mark("line", z, surrogates.phi(loss, torch.from_numpy(z)), loss, width=2.6) for loss in LOSSES]
    return style.thumbnail(style.mark("line", [-2, 0, 0, 2.4], [1, 1, 0, 0], "ink", width=3), *lines, x=(-2, 2.4), y=(-0.15, 4))
