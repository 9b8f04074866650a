"""Pictures of nets that learn points in the plane: the points, what units answer there, what the full net says."""

from __future__ import annotations

import math

import plotly.graph_objects as go
import torch
from torch import Tensor

from core.lessons.dropout.lesson import Result
from core.uploads import Points, frame
from figures import style
from figures.kinds import SIGNED, Cell, ImageGrid, levels
from figures.wire import rounded

SIDE = 14  # pixels of a unit's picture, across and up
ASKED = 33  # places at which the net is asked, across and up
SAMPLES = "Circles: class {}; squares: class {}."


def setup(result: Result) -> go.Figure:
    """Training points of the first seed, with the classes that the nets are given."""
    return _plane([_samples(result)], result)


def says(result: Result, dropout: bool) -> go.Figure:
    """P of the second class over the plane by the full net, at each frame."""
    theta = result.frames.theta if dropout else result.frames.plain
    x, y = _axes(result, ASKED)
    # To four decimals, of which hover shows two, in half the bytes.
    p = result.mlp.forward(theta, _grid(x, y)).softmax(1)[:, 1].unflatten(1, (ASKED, ASKED))
    z = rounded(style.array(p), bits=13)
    surface = dict(type="contour", x=style.array(x), y=style.array(y), z=z[-1], zmin=0, zmax=1, opacity=0.9, showscale=False,
                   colorscale=style.PROBABILITY, contours=dict(coloring="heatmap", start=0.5, end=0.5, size=1),
                   line=dict(color=style.INK, width=2), hovertemplate=f"P(class {result.names[1]}) %{{z:.0%}}<extra></extra>")
    return _plane([style.frames(surface, z=z), _samples(result)], result)


def responses(result: Result, dropout: bool) -> ImageGrid:
    """What each unit of the last hidden layer hands on over the plane, as a share of the most that it ever does, with no unit
    dropped, at each frame."""
    values = _responses(result, result.frames.theta if dropout else result.frames.plain)
    share = values / values.amax((0, 2, 3), keepdim=True).clamp(min=1e-12)
    cells = tuple(Cell(images=levels(share[:, u], -1, 1), alt=f"what unit {u + 1} hands on over the plane")
                  for u in range(share.shape[1]))
    return ImageGrid(cells=cells, columns=columns(result), pixelated=True, scale=SIGNED, low=-1, high=1,
                     quantity="share of its largest")


def columns(result: Result) -> int:
    """How many units' pictures stand in a row, of a layer whose pictures fill a square."""
    return math.ceil(math.sqrt(result.mlp.sizes[-2]))


def _responses(result: Result, theta: Tensor) -> Tensor:
    """[F, H, SIDE, SIDE], the first row at the top of the plane."""
    x, y = _axes(result, SIDE)
    return result.mlp.activations(theta, _grid(x, y.flip(0))).post[-1].unflatten(2, (SIDE, SIDE))


def _ranges(result: Result) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes, equally long, with room for all points: of the reader, or of the first seed for training and test."""
    both = torch.cat([result.data.x[0], result.data.x_test[0]], 1).numpy()
    axes = frame(result.uploaded or Points(both, both[0] > 0, ("", "")), 0.2)
    half = max(high - low for low, high in axes) / 2
    (x0, x1), (y0, y1) = (((low + high) / 2 - half, (low + high) / 2 + half) for low, high in axes)
    return (x0, x1), (y0, y1)


def _axes(result: Result, count: int) -> tuple[Tensor, Tensor]:
    (x0, x1), (y0, y1) = _ranges(result)
    return torch.linspace(x0, x1, count), torch.linspace(y0, y1, count)


def _grid(x: Tensor, y: Tensor) -> Tensor:
    """[1, 2, ny·nx] crossings, row by row."""
    return torch.stack(torch.meshgrid(x, y, indexing="xy")).flatten(1)[None]


def _samples(result: Result) -> style.Trace:
    x, y = result.data.x[0], result.data.y[0].tolist()
    return dict(type="scatter", x=style.array(x[0]), y=style.array(x[1]), mode="markers", showlegend=False,
                text=[f"class {result.names[c]}" for c in y], hovertemplate="%{text}<extra></extra>",
                marker=dict(size=8, color=[style.colour("class_b" if c else "class_a") for c in y],
                            symbol=["square" if c else "circle" for c in y], line=dict(color=style.PAPER, width=1)))


def _plane(traces: list[style.Trace], result: Result) -> go.Figure:
    across, up = _ranges(result)
    return style.figure(traces, x="x₁", y="x₂", xaxis_range=list(across), yaxis_range=list(up), xaxis_showgrid=False,
                        yaxis_showgrid=False, equal=True, showlegend=False)
