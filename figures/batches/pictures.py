"""Pictures of a batch's gradient: the cloud round the full gradient, and how its size goes with m and with training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_percent
from core.lessons.batches import lesson
from core.lessons.batches.lesson import DOTS, Config, Result
from core.lessons.batches.noise import Moment, variance_factor
from figures import style

DEVIATIONS = 2  # of the ellipses
LEAST_HEIGHT = 0.6  # of the frame of the clouds, over its width
BARS = (0.14, 0.2)  # how far below the clouds the bars of their widths lie, in heights of the frame
FOOT = 0.32  # how far the frame reaches below the clouds, for the names under the bars
HUES = {4: "batch_small", 16: "batch_medium", 64: "batch_large"}
DASHES = {4: "solid", 16: "longdash", 64: "dashdot"}
CLOUDS = (("batch", "circle", 6), ("batch_fourfold", "diamond", 6))  # of the chosen size, and of four times as many


def hue(m: int, full: bool) -> str:
    return "batch_full" if full else HUES[m]


def legend(result: Result, scene: Config) -> list[tuple[str, str, str]]:
    """The two clouds, and the batch sizes that train."""
    clouds = [(f"batches of {m}", style.colour(name), "solid") for (name, *_), m in zip(CLOUDS, lesson.pair(scene), strict=True)]
    trained = [(m, m == scene.n_samples) for m in (arm.batch_size for arm in result.arms)]
    return clouds + [(batch_name(m, full), style.colour(hue(m, full)), "solid" if full else DASHES[m])
                     for m, full in trained]


def batch_name(m: int, full: bool) -> str:
    return f"all {m}" if full else f"m = {m}"


def _factor(scene: Config, m: int, replacement: bool | None = None) -> float:
    return variance_factor(m, scene.n_samples, scene.replacement if replacement is None else replacement)


def _film(result: Result, of: Callable[[Moment], Any]) -> np.ndarray:
    """What `of` says of every moment [F, ...]."""
    return np.stack([style.array(of(m)) for m in result.moments])


def _ellipse(moment: Moment, factor: float) -> torch.Tensor:
    """[73, 2]: DEVIATIONS standard deviations of a batch's gradient round the full one, by theory."""
    angle = torch.linspace(0, 2 * torch.pi, 73, dtype=torch.float64)
    return moment.mean + DEVIATIONS * (factor * moment.variance).sqrt() * torch.stack([angle.cos(), angle.sin()], 1)


def cloud(result: Result, scene: Config) -> go.Figure:
    """Gradients of many batches of two sizes round the full gradient, with their ellipses by theory and the widths of these."""
    return _clouds(result, scene, lesson.pair(scene), bars=True)


def setup(result: Result, scene: Config) -> go.Figure:
    """What the question is about: the cloud of the smaller batches alone, at the moment that is looked at."""
    moment = lesson.moment_of(result, scene)
    return _clouds(replace(result, moments=(moment,)), scene, lesson.pair(scene)[:1], bars=False)


def _clouds(result: Result, scene: Config, sizes: Sequence[int], *, bars: bool) -> go.Figure:
    """The clouds of `sizes` with their ellipses, at the moments of `result`. The frame follows the clouds: the noise grows
    as the gradient shrinks, and axes that hold every moment would leave most of the picture empty at the first."""
    now = result.moments.index(lesson.moment_of(result, scene))
    traces: list[style.Trace] = []
    drawn = [np.zeros((len(result.moments), 1, 2))]
    for (name, symbol, size), m in zip(CLOUDS, sizes, strict=False):
        i = result.sizes.index(m)
        dots = _film(result, lambda at, i=i: at.mean + at.cloud[int(scene.replacement), i, :DOTS, :2])
        drawn.append(dots)
        dot = dict(type="scatter", x=dots[now, :, 0], y=dots[now, :, 1], mode="markers", name=f"batches of {m}",
                   marker=dict(symbol=symbol, size=size, color=style.colour(name, 0.6)),
                   hovertemplate=f"a batch of {m}: (%{{x:.3f}}, %{{y:.3f}})<extra></extra>")
        traces.append(style.frames(dot, x=dots[..., 0], y=dots[..., 1]))
    for m in sizes:
        ring = _film(result, lambda at, m=m: _ellipse(at, _factor(scene, m)))
        drawn.append(ring)
        line = style.theory(ring[now, :, 0], ring[now, :, 1], f"{DEVIATIONS} standard deviations by theory, m = {m}",
                            hoverinfo="skip", hovertemplate=None, showlegend=False)
        traces.append(style.frames(line, x=ring[..., 0], y=ring[..., 1]))
    mean = _film(result, lambda at: at.mean)
    tips = np.stack([np.zeros_like(mean), mean], 1)
    arrow = dict(type="scatter", x=tips[now, :, 0], y=tips[now, :, 1], mode="lines+markers", name="full gradient",
                 line=dict(color=style.INK, width=3), marker=dict(symbol=["circle", "star"], size=[7, 15], color=style.INK,
                                                                  line=dict(color=style.PAPER, width=1)),
                 hovertemplate="full gradient: (%{x:.3f}, %{y:.3f})<extra></extra>")
    under = {**style.halo(arrow), "name": "halo"}
    traces += [style.frames(under, x=tips[..., 0], y=tips[..., 1]), style.frames(arrow, x=tips[..., 0], y=tips[..., 1])]
    corners = _corners(np.concatenate(drawn, 1))
    if bars:
        height = corners[:, 1, 1] - corners[:, 0, 1]
        traces += [_bar(result, scene, i, corners[:, 0, 1] - BARS[i] * height) for i in range(len(sizes))]
        corners[:, 0, 1] -= FOOT * height
    # Seen by the axes alone, which take their ranges from what is drawn.
    frame = dict(type="scatter", x=corners[now, :, 0], y=corners[now, :, 1], mode="markers", name="frame", hoverinfo="skip",
                 marker=dict(size=1, opacity=0))
    traces.append(style.frames(frame, x=corners[..., 0], y=corners[..., 1]))
    # Plotly would draw all dots once more each time that other numbers at the axes want another margin.
    xaxis, yaxis = (dict(zeroline=True, zerolinecolor=style.colour("axis"), automargin=False) for _ in range(2))
    return style.figure(traces, x="along the noise's first principal direction", y="along its second", equal=True, xaxis=xaxis,
                        yaxis=yaxis, showlegend=False, uirevision=f"{scene.n_samples}:{scene.learning_rate}",
                        margin=dict(l=78, b=50))


def _corners(points: np.ndarray) -> np.ndarray:
    """[F, 2, 2]: lower left and upper right corner of points [F, n, 2].

    Higher than the clouds need where these are flat: with one scale on both axes the picture would else be a strip.
    """
    low, high = points.min(1), points.max(1)
    # Two scenes side by side share the axes that each has at its last moment, which must hold all that came before.
    low[-1], high[-1] = low.min(0), high.max(0)
    more = np.maximum(0.0, LEAST_HEIGHT * (high - low)[:, 0] - (high - low)[:, 1]) / 2
    low[:, 1] -= more
    high[:, 1] += more
    return np.stack([low, high], 1)


def _bar(result: Result, scene: Config, i: int, height: np.ndarray) -> style.Trace:
    """The width of an ellipse, at `height` [F], with its name: above the bar of the smaller batches, below that of the larger."""
    m, (name, *_) = lesson.pair(scene)[i], CLOUDS[i]
    now = result.moments.index(lesson.moment_of(result, scene))
    mean = _film(result, lambda at: at.mean)[:, 0]
    half = DEVIATIONS * _film(result, lambda at: (_factor(scene, m) * at.variance[0]).sqrt())
    x, y = np.stack([mean - half, mean, mean + half], 1), np.repeat(height[:, None], 3, 1)
    share = lesson.noise_ratio(scene) / 100
    text = f"m = {m}" + ("" if i == 0 else f": {format_percent(share)} as wide" if share else ": no noise")
    bar = dict(type="scatter", x=x[now], y=y[now], mode="lines+markers+text", name=f"width, m = {m}", text=["", text, ""],
               textposition="bottom center" if i else "top center", hoverinfo="skip",
               line=dict(color=style.colour(name), width=4), cliponaxis=False,
               marker=dict(symbol="line-ns-open", size=10, opacity=[1, 0, 1], color=style.colour(name),
                           line=dict(width=3, color=style.colour(name))))
    return style.frames(bar, x=x, y=y)


def variance(result: Result, scene: Config) -> go.Figure:
    """Variance of a batch's gradient against m, measured over theory, with and without replacement."""
    sizes, now = np.array(result.sizes, dtype=float), result.moments.index(lesson.moment_of(result, scene))
    total = _film(result, lambda at: at.variance.sum())
    few, many = lesson.pair(scene)
    fine = np.unique(np.concatenate([np.geomspace(1, scene.n_samples - 1, 60), scene.n_samples - np.geomspace(1, 20, 12)]))
    traces: list[style.Trace] = []
    for with_replacement in (not scene.replacement, scene.replacement):
        chosen = with_replacement == scene.replacement
        name = "with" if with_replacement else "without"
        factors = np.array([_factor(scene, 1, True) / m if with_replacement else
                            (scene.n_samples - m) / (scene.n_samples - 1) / m for m in fine])
        line = style.theory(fine, total[now] * factors, f"theory, {name} replacement", showlegend=False,
                            opacity=1 if chosen else 0.6)
        traces.append(style.frames(line, y=total[:, None] * factors))
        drawn = _film(result, lambda at, w=with_replacement: at.cloud[int(w), :, :, :2].square().sum(-1).mean(-1))
        # Zero, all samples being in the batch, has no place on a logarithmic axis.
        drawn = np.where(drawn > lesson.ROUNDING**2 * total[:, None], drawn, np.nan)
        hues = [style.colour(CLOUDS[0][0] if m == few else CLOUDS[1][0] if m == many else "muted", 1 if chosen else 0.85)
                for m in result.sizes]
        dot = dict(type="scatter", x=style.array(sizes), y=drawn[now], mode="markers", name=f"{name} replacement",
                   marker=dict(symbol="circle" if chosen else "circle-open", color=hues,
                               size=[13 if chosen and m in (few, many) else 8 for m in result.sizes]),
                   hovertemplate=f"{name} replacement, m = %{{x:.0f}}: variance %{{y:.3g}}<extra></extra>")
        traces.append(style.frames(dot, y=drawn))
    low, high = span(total, scene.n_samples * 40, 2.5)
    return style.figure(traces, x="batch size m", y="variance", showlegend=False, xaxis=_sizes_axis(result.sizes),
                        yaxis=dict(type="log", range=[low, high]))


def _sizes_axis(sizes: Sequence[int]) -> dict[str, Any]:
    """A logarithmic axis of batch sizes with every second of them written."""
    shown = sizes[:: 2 if len(sizes) > 5 else 1]
    return dict(type="log", tickvals=list(shown), ticktext=[str(m) for m in shown],
                range=[np.log10(sizes[0] / 1.5), np.log10(sizes[-1] * 1.6)])


def signal(result: Result, scene: Config) -> go.Figure:
    """Length of the full gradient and what batches miss it by, against the step of the full-batch run."""
    # Step 0 has no place on a logarithmic axis; it is drawn at half of the first step that has one.
    at = np.array([float(m.step) for m in result.moments])
    first = scene.steps / lesson.RECORDS
    at = np.where(at == 0, first / 2, at)
    now = result.moments.index(lesson.moment_of(result, scene))
    norm = _film(result, lambda m: torch.tensor(m.norm))
    curves = [("full gradient", norm, style.INK, "solid")]
    for (name, _, _), m in zip(CLOUDS, lesson.pair(scene), strict=True):
        error = _film(result, lambda at, m=m: torch.tensor(lesson.rms_error(at, m, scene)))
        # A batch of all samples misses by nothing, which has no place on the axis.
        curves.append((f"noise, m = {m}", np.where(error > 0, error, np.nan), style.colour(name), "solid"))
    traces: list[style.Trace] = [
        dict(type="scatter", x=at, y=y, mode="lines+markers", name=name, line=dict(color=shade, width=2.6, dash=dash),
             marker=dict(size=5), hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>") for name, y, shade, dash in curves]
    heads = np.stack([y for _, y, _, _ in curves], 1)
    head = dict(type="scatter", x=np.full(len(curves), at[now]), y=heads[now], mode="markers", hoverinfo="skip", showlegend=False,
                marker=dict(size=13, color=[shade for *_, shade, _ in curves], line=dict(color=style.PAPER, width=1.5)))
    traces.append(style.frames(head, x=np.repeat(at[:, None], len(curves), 1), y=heads))
    low, high = span(heads, 1.6, 1.6)
    names = ("‖g‖", *(f"m = {m}" for m in lesson.pair(scene)))
    notes = [style.label(np.log10(at[-1]), np.log10(y[-1]), text)
             for text, (_, y, _, _) in zip(names, curves, strict=True) if y[-1] > 0]
    ticks = [m.step for m in result.moments][:: 2 if len(result.moments) > 6 else 1]
    return style.figure(traces, x="full-batch step", y="length", showlegend=False, annotations=notes,
                        xaxis=dict(type="log", range=[np.log10(first / 2.6), np.log10(scene.steps * 5)],
                                   tickvals=[t or first / 2 for t in ticks], ticktext=[str(t) for t in ticks]),
                        yaxis=dict(type="log", range=[low, high]))


def span(values: np.ndarray, below: float, above: float) -> tuple[float, float]:
    """The ends of a logarithmic axis, as powers of ten: the positive values, with a factor of room on either side."""
    known = values[np.isfinite(values) & (values > 0)]
    known = known if known.size else np.ones(1)
    return float(np.log10(known.min() / below)), float(np.log10(known.max() * above))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The two clouds and their ellipses."""
    moment = lesson.moment_of(result, scene)
    marks, rings = [], []
    for (name, _, _), m, count in zip(CLOUDS, lesson.pair(scene), (80, 60), strict=True):
        dots = moment.cloud[int(scene.replacement), result.sizes.index(m), :count, :2] + moment.mean
        marks.append(style.mark("dots", dots[:, 0], dots[:, 1], name, width=4, alpha=0.75))
        ring = _ellipse(moment, _factor(scene, m))
        rings.append(style.mark("line", ring[:, 0], ring[:, 1], "ink", width=1.5, dash="4 3"))
    x, y = (3 * (_factor(scene, lesson.pair(scene)[0]) * moment.variance).sqrt()).tolist()
    (cx, cy) = moment.mean.tolist()
    return style.thumbnail(*marks, *rings, style.mark("dots", [cx], [cy], "ink", width=8), x=(cx - x, cx + x), y=(cy - y, cy + y))
