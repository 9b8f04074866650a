"""Pictures of training with dropout: losses, the thinned nets, what their units look for."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from core.lessons.dropout.lesson import Config, Result
from figures import style
from figures.dropout.plane import columns
from figures.kinds import SIGNED, Cell, ImageGrid, Layer, NetworkDiagram, levels

COLUMNS = 8  # of digits
SHOWN = 24  # training digits
LEAST = 1e-5  # nats: smaller losses are drawn at it, on axes that are logarithmic
LONGEST = 6  # letters of a class beside its unit
MASKED, PLAIN, TEST = "Training loss, masks on", "Training loss, masks off", "Test loss, masks off"
# name, colour, dash, and where its values lie in a result
LINES = ((MASKED, "train", "solid"), (PLAIN, "train", "dot"), (TEST, "test", "solid"))


def legend(result: Result) -> list[tuple[str, str, str]]:
    """The key of every line that carries no name of its own."""
    keys = [*LINES, ("Linear regression: exact", "thinned_line", "solid"),
            ("One softmax layer, geometric mean: exact", "thinned_layer", "solid")]
    if result.averages.deep is not None:
        keys.append(("Deep net, geometric mean: approximate", "thinned_deep", "solid"))
    return [(name, style.colour(hue), dash) for name, hue, dash in keys]


def labels(result: Result) -> list[str]:
    """What the player says of each frame."""
    frames = result.frames
    thing = "class" if result.plane else "digit"
    return [f"update {update}: {thing} {result.names[int(label)]}"
            for update, label in zip(frames.update, frames.label, strict=True)]


def curves(result: Result, scene: Config) -> go.Figure:
    """Losses of the nets of the scene's p as they train: means and ranges of the seeds."""
    a = result.own
    traces, at_frames = [], []
    for (name, hue, dash), x, loss in zip(LINES, (result.masked_at, result.recorded, result.recorded),
                                          (result.masked_loss, result.train_loss, result.test_loss), strict=True):
        values = drawn(loss[:, a])
        at, mean = x.double().numpy(), values.mean(1)
        traces += [style.band(at, values.min(1), values.max(1), name, hue),
                   dict(type="scatter", x=style.array(at), y=style.array(mean), mode="lines", name=name,
                        line=dict(color=style.colour(hue), dash=dash, width=2.6),
                        hovertemplate=f"{name}, update %{{x:.0f}}: %{{y:.3g}} nats<extra></extra>")]
        at_frames.append(np.interp(result.frames.update, at, mean))
    y = np.stack(at_frames, 1)
    update = np.array(result.frames.update, float)
    marker = dict(type="scatter", x=style.array(update[[-1] * 3]), y=style.array(y[-1]), mode="markers", hoverinfo="skip",
                  marker=dict(size=10, color=[style.colour(hue) for _, hue, _ in LINES], line=dict(color=style.PAPER, width=2)))
    traces.append(style.frames(marker, x=np.repeat(update[:, None], 3, 1), y=y))
    return style.figure(traces, x="update", y="loss (nats)", xaxis_range=[0, 1.02 * scene.steps], yaxis_type="log",
                        showlegend=False)


def by_p(result: Result) -> go.Figure:
    """Losses at the end by drop probability; a dot is one seed."""
    traces: list[style.Trace] = []
    p = style.array(result.rates)
    for (name, hue, dash), loss in zip(LINES, (result.masked_loss, result.train_loss, result.test_loss), strict=True):
        values = drawn(loss[-1])
        said = f"{name}, p = %{{x:g}}: %{{y:.3g}} nats<extra></extra>"
        traces.append(dict(type="scatter", x=np.repeat(p, values.shape[1]), y=values.ravel(), mode="markers", hovertemplate=said,
                           marker=dict(size=5, opacity=0.5, color=style.colour(hue), symbol="circle-open" if dash == "dot"
                                       else "circle")))
        traces.append(dict(type="scatter", x=p, y=values.mean(1), mode="lines", hovertemplate=said, name=name,
                           line=dict(color=style.colour(hue), dash=dash, width=2.6)))
    own = dict(type="line", x0=result.rates[result.own], x1=result.rates[result.own], y0=0, y1=1, yref="paper",
               line=dict(color=style.MUTED, dash="dot", width=1.5))
    return style.figure(traces, x="drop probability p", y="loss (nats)", yaxis_type="log", shapes=[own],
                        xaxis_range=[-0.03, result.rates[-1] + 0.03], showlegend=False)


def through_training(result: Result, scene: Config) -> go.Figure:
    """Test loss as the nets train, one line for each p: means of the seeds."""
    traces, notes, means = [], [], drawn(result.test_loss.mean(2))
    for a, p in enumerate(result.rates):
        own = a == result.own
        traces.append(dict(type="scatter", x=style.array(result.recorded), y=style.array(means[:, a]),
                           mode="lines", line=dict(color=style.colour("test"), width=4 if own else 1.8),
                           opacity=1 if own else 0.75, hovertemplate=f"p = {p:g}, update %{{x}}: %{{y:.3g}} nats<extra></extra>"))
    last = int(result.recorded[-1])
    heights = _apart(np.log10(means[-1]), max(0.075 * float(np.ptp(np.log10(means))), 0.01))
    for a, p in enumerate(result.rates):
        text = f"<b>p = {p:g}</b>" if a == result.own else f"p = {p:g}"
        notes.append(style.label(last, float(heights[a]), text, "test"))
    return style.figure(traces, x="update", y="test loss (nats)", xaxis_range=[0, 1.22 * scene.steps], yaxis_type="log",
                        annotations=notes, showlegend=False)


def drawn(losses: Tensor) -> np.ndarray:
    """Losses as they are drawn on a logarithmic axis, where a loss that is zero has no place."""
    return losses.double().clamp(min=LEAST).numpy()


def floor(*losses: Tensor) -> str:
    """What a caption says of losses that are drawn higher than they are."""
    return " Losses below 0.00001 nats are drawn there." if any((of < LEAST).any() for of in losses) else ""


def _apart(heights: np.ndarray, least: float) -> np.ndarray:
    """The same heights, moved up where they would be closer than `least`."""
    out = heights.copy()
    order = np.argsort(heights)
    for low, high in pairwise(order):
        out[high] = max(out[high], out[low] + least)
    return out


def setup(result: Result) -> ImageGrid:
    """Training digits of the first seed, with the labels that the nets are given: what the question is about."""
    images, labels = result.data.x[0].T.unflatten(1, (8, 8)), result.data.y[0].tolist()
    cells = tuple(Cell(images=levels(images[n : n + 1], 0, 1), labels=(str(labels[n]),), alt=f"a digit labelled {labels[n]}")
                  for n in range(SHOWN))
    return ImageGrid(cells=cells, columns=COLUMNS, pixelated=True, quantity="ink")


def short(name: str) -> str:
    """The name of a class, cut where it would not stand beside its unit."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def diagram(result: Result) -> NetworkDiagram:
    """The net at each frame's update, its dropped units crossed, with what each unit handed on."""
    frames = result.frames
    # Pixels are too many to be drawn, and biases have no lines.
    inputs = [Layer(name="input", units=("x₁", "x₂"), values=style.array(frames.x))] if result.plane else []
    weights = [layer.weight for layer in result.mlp.views(frames.theta)][1 - len(inputs):]
    layers = [Layer(name=f"layer {i}", units=tuple(str(u + 1) for u in range(mask.shape[1])), values=style.array(units),
                    dropped=(mask == 0).numpy())
              for i, (mask, units) in enumerate(zip(frames.masks, frames.units, strict=True), 1)]
    names = tuple(short(name) for name in result.names)
    answer = Layer(name="P(class)" if result.plane else "P(digit)", units=names, values=style.array(frames.probability))
    return NetworkDiagram(layers=(*inputs, *layers, answer), weights=tuple(style.array(weight) for weight in weights))


def features(result: Result, dropout: bool) -> ImageGrid:
    """The 64 weights of each unit of the first layer, as pixels, at each frame."""
    limit = max(float(_looks(theta, result).abs().max()) for theta in (result.frames.plain, result.frames.theta))
    looks = _looks(result.frames.theta if dropout else result.frames.plain, result)
    cells = tuple(Cell(images=levels(looks[:, u], -limit, limit), alt=f"weights of unit {u + 1}") for u in range(looks.shape[1]))
    return ImageGrid(cells=cells, columns=columns(result), pixelated=True, scale=SIGNED, low=-limit, high=limit,
                     quantity="weight")


def _looks(theta: Tensor, result: Result) -> Tensor:
    """First-layer weights [F, H, 8, 8]."""
    return result.mlp.views(theta)[0].weight.unflatten(2, (8, 8))


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """Training loss with masks on, and test loss."""
    a, top = result.own, 2.4
    masked, plain, test = (values[:, a].mean(1) for values in (result.masked_loss, result.train_loss, result.test_loss))
    lines = [style.mark("line", x, y, hue, width=4, **about) for x, y, hue, about in (
        (result.recorded, plain, "train", dict(dash="3 4")), (result.recorded, test, "test", {}),
        (result.masked_at, masked, "train", {}))]
    return style.thumbnail(*lines, x=(0, scene.steps), y=(0, top))
