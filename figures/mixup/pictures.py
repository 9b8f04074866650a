"""Pictures of mixup: the λ that are drawn, what is trained on, and the nets that learned with it and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import torch

from core.formatting import format_percent
from core.lessons.mixup.augmentation import beta_density
from core.lessons.mixup.lesson import ARMS, MONTAGE, PLACES, SINGLE, Config, Result, places
from core.lessons.mixup.probes import CORNERS
from figures import style
from figures.kinds import Cell, ImageGrid, levels
from figures.mixup.photographs import OPENING

NAMES = {"erm": "Ordinary training", "mixup": "Mixup"}


def legend() -> list[tuple[str, str, str]]:
    return [(NAMES[arm], style.colour(arm), "solid") for arm in ARMS]


def labels() -> list[str]:
    return [f"λ = {share:.2f}" for share in places().tolist()]


def beta(result: Result, scene: Config) -> go.Figure:
    """The λ that training drew, the density they came from, and the λ of the slider."""
    bins = 25
    count, edges = np.histogram(result.shares.numpy(), bins=bins, range=(0, 1))
    density = count / max(1, count.sum()) * bins
    top = 1.2 * float(density.max())
    at = torch.linspace(0.002, 0.998, 250, dtype=torch.float64)
    marker = dict(type="scatter", x=[float(places()[OPENING])] * 2, y=[0, top], mode="lines", line=dict(color=style.INK, width=2),
                  hovertemplate="λ of the picture: %{x:.2f}<extra></extra>")
    traces = [
        dict(type="bar", x=style.array((edges[1:] + edges[:-1]) / 2), y=style.array(density), width=0.9 / bins, customdata=count,
             marker=dict(color=style.colour("mixup", 0.55), line=dict(width=0)),
             hovertemplate="λ near %{x:.2f}: %{customdata} draws, density %{y:.2f}<extra></extra>"),
        style.theory(at, beta_density(scene.alpha, at), f"Beta({scene.alpha:g}, {scene.alpha:g})"),
        style.frames(marker, x=places()[:, None].expand(-1, 2)),
    ]
    return style.figure(traces, x="λ", y="density", xaxis_range=[0, 1], yaxis_range=[0, top], showlegend=False, bargap=0)


def between(result: Result, scene: Config) -> go.Figure | ImageGrid:
    """What the nets are trained on: mixed points of the plane, or mixed digits; pair n with n + 1 at the slider's λ."""
    return _points(result) if scene.planar else _montage(result)


def _points(result: Result) -> go.Figure:
    x = result.data.x[0].numpy()
    y = result.data.given[0].numpy()
    share = places().numpy()[:, None, None]
    where = share * x + (1 - share) * np.roll(x, -1, 1)
    hue = share[:, 0] * y + (1 - share[:, 0]) * np.roll(y, -1)
    moving = dict(type="scatter", x=style.array(where[OPENING, 0]), y=style.array(where[OPENING, 1]), mode="markers",
                  marker=dict(color=style.array(hue[OPENING]), cmin=0, cmax=1, colorscale=style.PROBABILITY, size=8,
                              line=dict(color=style.INK, width=1)),
                  hovertemplate="x̃ = (%{x:.2f}, %{y:.2f}), ỹ of class B %{marker.color:.2f}<extra></extra>")
    cloud = dict(type="scatter", x=style.array(result.mixed_x[0]), y=style.array(result.mixed_x[1]), mode="markers",
                 marker=dict(color=style.array(result.mixed_y[1]), cmin=0, cmax=1, colorscale=style.PROBABILITY, size=5,
                             opacity=0.45, line=dict(width=0)),
                 hovertemplate="drawn: (%{x:.2f}, %{y:.2f}), ỹ of class B %{marker.color:.2f}<extra></extra>")
    style.frames(moving, x=where[:, 0], y=where[:, 1], marker__color=hue)
    return style.figure([cloud, moving], x="x₁", y="x₂", equal=True, **_ranges(result), showlegend=False)


def _montage(result: Result) -> ImageGrid:
    rows, columns = MONTAGE
    image = result.data.x[0].numpy().T.reshape(-1, 8, 8)
    names = result.data.given[0].tolist()
    share = places().numpy()[:, None, None]
    cells = []
    for n in range(rows * columns):
        alt = f"a digit labelled {names[n]} mixed with one labelled {names[(n + 1) % len(names)]}"
        cells.append(Cell(images=levels(share * image[n] + (1 - share) * image[(n + 1) % len(image)], 0, 1), alt=alt))
    return ImageGrid(cells=tuple(cells), columns=columns, pixelated=True, quantity="ink")


def _ranges(result: Result) -> dict[str, tuple[float, float]]:
    return dict(zip(("xaxis_range", "yaxis_range"), result.data.frame, strict=True))


def setup(result: Result) -> go.Figure | ImageGrid:
    """Two test samples of different classes and the point half-way between them: what the question is about."""
    return _setup_of_points(result) if result.plane.corners is None else _setup_of_digits(result)


def _setup_of_points(result: Result) -> go.Figure:
    x, y = result.data.x_test[0].numpy(), result.data.y_test[0].numpy()
    i = int(np.flatnonzero(y == 0)[0])
    # Far enough apart that the way between them can be seen.
    j = next(int(k) for k in np.flatnonzero(y == 1) if np.linalg.norm(x[:, k] - x[:, i]) > 1)
    way = style.array(np.stack([x[:, i], (x[:, i] + x[:, j]) / 2, x[:, j]], 1))
    hues = [style.colour("class_a"), style.PAPER, style.colour("class_b")]
    # Names stand beside a steep way and above a flat one.
    aside = "middle right" if abs(way[1, 2] - way[1, 0]) > abs(way[0, 2] - way[0, 0]) else "top center"
    samples = _samples(result)
    samples["marker"] = {**samples["marker"], "symbol": "circle", "size": 5, "opacity": 0.4, "line": {"width": 0}}
    line = dict(type="scatter", x=way[0], y=way[1], mode="lines+markers+text", text=["A", "half-way", "B"], hoverinfo="skip",
                textposition=aside, textfont=dict(color=style.INK), line=dict(color=style.INK, width=2),
                marker=dict(size=[13, 11, 13], color=hues, opacity=1, line=dict(color=style.INK, width=2)))
    return style.figure([samples, line], x="x₁", y="x₂", equal=True, **_ranges(result), showlegend=False)


def _setup_of_digits(result: Result) -> ImageGrid:
    labels = result.data.y_test[0]
    pair = [result.data.x_test[0, :, int((labels == digit).nonzero()[0])].reshape(8, 8) for digit in CORNERS[:2]]
    named = zip((f"a {CORNERS[0]}", "half-way", f"an {CORNERS[1]}"), (pair[0], (pair[0] + pair[1]) / 2, pair[1]), strict=True)
    cells = tuple(Cell(images=levels(image, 0, 1)[None], labels=(name,), alt=f"Digit: {name}.") for name, image in named)
    return ImageGrid(cells=cells, columns=3, pixelated=True, quantity="ink")


def surface(result: Result, arm: str) -> go.Figure:
    """The net of the first seed on a plane: probability of class B, or for digits how unsure it is."""
    plane, p = result.plane, result.surface[ARMS.index(arm)]
    moons = plane.corners is None
    about = "P(class B) %{z:.2f}" if moons else "doubt %{z:.2f}"
    # A heatmap that the browser itself smooths is one small image; filled contours cost ten times as much to paint.
    sheet = dict(type="heatmap", x=style.array(plane.x), y=style.array(plane.y), z=style.array(p[1] if moons else 1 - p.amax(0)),
                 colorscale=style.PROBABILITY if moons else style.UNCERTAINTY, zmin=0, zmax=1 if moons else 0.9, showscale=False,
                 zsmooth="fast", hovertemplate=f"(%{{x:.2f}}, %{{y:.2f}}): {about}<extra>{NAMES[arm]}</extra>")
    if plane.corners is not None and plane.corner_labels is not None:
        marks = dict(type="scatter", x=style.array(plane.corners[0]), y=style.array(plane.corners[1]), mode="markers+text",
                     text=[str(int(c)) for c in plane.corner_labels], textposition="top center",
                     marker=dict(size=9, color=style.PAPER, line=dict(color=style.INK, width=2)), hoverinfo="skip")
        return style.figure([sheet, marks], x="along the plane (grey levels)", y="across", equal=True, showlegend=False)
    edge = dict(type="contour", x=sheet["x"], y=sheet["y"], z=sheet["z"], showscale=False, hoverinfo="skip",
                line=dict(color=style.INK, width=2), contours=dict(type="constraint", operation="=", value=0.5))
    return style.figure([sheet, edge, _samples(result)], x="x₁", y="x₂", equal=True, **_ranges(result),
                        showlegend=False)


def _samples(result: Result) -> style.Trace:
    x, given, true = result.data.x[0].numpy(), result.data.given[0].numpy(), result.data.true[0].numpy()
    hues = np.array([style.colour("class_a"), style.colour("class_b")])
    kinds = np.where(given != true, "diamond", "circle")
    said = [f"labelled {'AB'[g]}{', truly ' + 'AB'[t] if g != t else ''}" for g, t in zip(given, true, strict=True)]
    return dict(type="scatter", x=style.array(x[0]), y=style.array(x[1]), mode="markers", text=said,
                marker=dict(color=list(hues[given]), symbol=list(kinds), size=[10 if k == "diamond" else 7 for k in kinds],
                            line=dict(color=style.PAPER, width=1.2)),
                hovertemplate="(%{x:.2f}, %{y:.2f}), %{text}<extra></extra>")


def _line(x: np.ndarray, y: np.ndarray, arm: str, said: str) -> style.Trace:
    return dict(type="scatter", x=style.array(x), y=style.array(y), mode="lines", name=NAMES[arm],
                line=dict(color=style.colour(arm), width=2.6), hovertemplate=f"{NAMES[arm]}, {said}<extra></extra>")


def _with_band(x: np.ndarray, values: np.ndarray, arm: str, quantiles: tuple[float, float], said: str) -> list[style.Trace]:
    """Mean over the last axis with a band; values [points, many]."""
    low, high = np.quantile(values, quantiles, axis=-1)
    return [style.band(x, low, high, NAMES[arm], arm), _line(x, values.mean(-1), arm, said)]


def confidence(result: Result) -> go.Figure:
    """The largest probability along segments between two classes; of the mixed label it is max(λ, 1 − λ)."""
    share = places().numpy()
    traces: list[style.Trace] = []
    for k, arm in enumerate(ARMS):
        traces += _with_band(share, 100 * result.sure[k].numpy(), arm, (0.1, 0.9), "λ = %{x:.2f}: %{y:.0f}\u00a0% sure")
    traces.append(style.theory([0, 0.5, 1], [100, 50, 100], "max(λ, 1 − λ)"))
    mean = 100 * result.sure.mean(-1).numpy()  # [A, L]
    marker = dict(type="scatter", x=[share[OPENING]] * 2, y=style.array(mean[:, OPENING]), mode="markers", hoverinfo="skip",
                  marker=dict(size=11, color=[style.colour(arm) for arm in ARMS], line=dict(color=style.PAPER, width=2)))
    traces.append(style.frames(marker, x=np.stack([share, share], 1), y=mean.T))
    half = mean[:, PLACES // 2]
    notes = [dict(x=0.5, y=float(half[k]), text=f"<b>half-way {format_percent(half[k] / 100)}</b>", showarrow=False,
                  font=dict(color=style.colour(arm)), bgcolor=style.colour("paper", 0.75),
                  yanchor="bottom" if half[k] >= half[1 - k] else "top",
                  yshift=9 if half[k] >= half[1 - k] else -9) for k, arm in enumerate(ARMS)]
    low = 46 if result.data.classes == 2 else 0
    return style.figure(traces, x="λ, the first class's share", y="confidence (%)", xaxis_range=[-0.02, 1.02],
                        yaxis_range=[low, 106], showlegend=False, annotations=notes)


def profile(result: Result) -> go.Figure:
    """Probability of x_i's class along single segments of the first seed, with the mixed label dashed."""
    # Segments are one trace with gaps: not-a-number lifts the pen.
    share = np.tile(np.append(places().numpy(), np.nan), SINGLE)
    traces: list[style.Trace] = []
    for k, arm in enumerate(ARMS):
        own = np.pad(result.own[k, :, :SINGLE].numpy(), ((0, 1), (0, 0)), constant_values=np.nan)
        traces.append(dict(type="scatter", x=style.array(share), y=style.array(own.T.ravel()), mode="lines", name=NAMES[arm],
                           line=dict(color=style.colour(arm), width=1.6), opacity=0.75,
                           hovertemplate=f"{NAMES[arm]}, λ = %{{x:.2f}}: p %{{y:.2f}}<extra></extra>"))
    traces.append(style.theory([0, 1], [0, 1], "p = λ"))
    return style.figure(traces, x="λ", y="P(class of x<sub>i</sub>)", xaxis_range=[-0.02, 1.02], yaxis_range=[-0.02, 1.02],
                        showlegend=False)


def slope(result: Result) -> go.Figure:
    """The input gradient's norm along the same segments, beside that of a p that is λ exactly."""
    share = places().numpy()
    mean = result.slope.mean(-1).numpy()
    traces = [_line(share, mean[k], arm, "λ = %{x:.2f}: %{y:.2f}") for k, arm in enumerate(ARMS)]
    least = float((1 / result.length).mean())
    traces.append(style.theory([0, 1], [least, least], "1/‖x<sub>i</sub> − x<sub>j</sub>‖"))
    return style.figure(traces, x="λ", y="‖∂p/∂x‖", xaxis_range=[-0.02, 1.02], yaxis_rangemode="tozero", showlegend=False)


def calibration(result: Result) -> go.Figure:
    """Accuracy against confidence on the test set; a marker's area is its share of the samples."""
    traces: list[style.Trace] = [style.theory([0, 100], [0, 100], "as right as it is sure", hoverinfo="skip")]
    for k, arm in enumerate(ARMS):
        full = (result.curve.count[k] > 0).numpy()
        count = result.curve.count[k].numpy()[full]
        size = style.array(5 + 22 * np.sqrt(count / count.sum()))
        said = f"{NAMES[arm]}: %{{x:.0f}}\u00a0% sure, %{{y:.0f}}\u00a0% right, %{{customdata}} samples<extra></extra>"
        traces.append(dict(type="scatter", x=style.array(100 * result.curve.confidence[k])[full], customdata=count,
                           y=style.array(100 * result.curve.accuracy[k])[full], mode="lines+markers", name=NAMES[arm],
                           cliponaxis=False, line=dict(color=style.colour(arm), width=2), hovertemplate=said,
                           marker=dict(size=size, opacity=0.85, line=dict(color=style.PAPER, width=1))))
    low = 48 if result.data.classes == 2 else 0
    return style.figure(traces, x="confidence (%)", y="right (%)", xaxis_range=[low, 102], yaxis_range=[0, 104], showlegend=False)


def errors(result: Result, scene: Config) -> go.Figure:
    """Error on the given training labels (dotted) and on the test set (solid), all seeds."""
    traces: list[style.Trace] = []
    steps = style.array(result.recorded)
    for values, name, dash in ((result.train_error, "training set", "dot"), (result.test_error, "test set", "solid")):
        for k, arm in enumerate(ARMS):
            under, line = _with_band(steps, 100 * values[:, k].numpy(), arm, (0, 1), f"{name}, step %{{x}}: %{{y:.1f}}\u00a0%")
            line["line"]["dash"] = dash
            traces += [under, line]
    corrupt = 100 * float((result.data.given != result.data.true).double().mean())
    traces.append(style.theory([0, scene.steps], [corrupt, corrupt], "corrupt labels (%)"))
    top = 100 * float(torch.maximum(result.train_error, result.test_error).max())
    return style.figure(traces, x="update", y="error (%)", xaxis_range=[0, scene.steps], yaxis_range=[-1, min(100, top) + 3],
                        showlegend=False)


def loss(result: Result, scene: Config) -> go.Figure:
    """What each arm minimises, with the least that mixup's can be."""
    width = min(10, result.step)
    whole = result.step // width * width
    values = result.batch_loss[:whole].unflatten(0, (-1, width)).mean((1, 3)).numpy()
    at = (np.arange(whole // width) + 0.5) * width
    traces = [_line(at, values[:, k], arm, "update %{x}: %{y:.3f} nats") for k, arm in enumerate(ARMS)]
    traces.append(style.theory([0, scene.steps], [result.floor] * 2, "entropy of ỹ"))
    return style.figure(traces, x="update", y="batch loss (nats)", xaxis_range=[0, scene.steps], yaxis_rangemode="tozero",
                        showlegend=False)


def thumbnail(result: Result, _: Config) -> dict[str, Any]:
    """How sure both nets are between two classes, and how sure the mixed label is."""
    share, mean = places(), result.sure.mean(-1)
    fill = style.mark("area", share, mean[1], "mixup", alpha=0.2)
    lines = [style.mark("line", share, mean[k], arm, width=4) for k, arm in enumerate(ARMS)]
    label = style.mark("line", [0, 0.5, 1], [1, 0.5, 1], "ink", width=2, dash="5 4")
    return style.thumbnail(fill, label, *lines, x=(0, 1), y=(0.45, 1.03))
