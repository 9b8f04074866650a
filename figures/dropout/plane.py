"""Pictures of nets that learn points in the plane: the points, what units answer there, what the full net says."""

from __future__ import annotations

import plotly.graph_objects as go
import torch
from torch import Tensor

from core.lessons.dropout.lesson import Result
from core.uploads import Points, frame
from figures import style
from figures.kinds import SIGNED, Cell, ImageGrid, levels
from figures.wire import rounded

COLUMNS, SIDE = 8, 14  # units' pictures to a row, pixels of one
ACROSS, UP = 41, 29  # places at which the net is asked
SAMPLES = "Circles: class {}; squares: class {}."


def setup(result: Result) -> go.Figure:
    """Training points of the first seed, with the classes that the nets are given."""
    return _plane([_samples(result)], result)


def says(result: Result, dropout: bool) -> go.Figure:
    """P of the second class over the plane by the full net, at each frame."""
    theta = result.frames.theta if dropout else result.frames.plain
    x, y = _axes(result, ACROSS, UP)
    # To four decimals, of which hover shows two, in half the bytes.
    p = result.mlp.forward(theta, _grid(x, y)).softmax(1)[:, 1].unflatten(1, (UP, ACROSS))
    z = rounded(style.array(p), bits=13)
    surface = dict(type="contour", x=style.array(x), y=style.array(y), z=z[-1], zmin=0, zmax=1, opacity=0.9, showscale=False,
                   colorscale=style.PROBABILITY, contours=dict(coloring="heatmap", start=0.5, end=0.5, size=1),
                   line=dict(color=style.INK, width=2), hovertemplate=f"P(class {result.names[1]}) %{{z:.0%}}<extra></extra>")
    return _plane([style.frames(surface, z=z), _samples(result)], result)


def responses(result: Result, dropout: bool) -> ImageGrid:
    """What each unit of the last hidden layer hands on over the plane, with no unit dropped, at each frame."""
    both = [_responses(result, theta) for theta in (result.frames.plain, result.frames.theta)]
    limit = max(float(one.amax()) for one in both) or 1.0
    cells = tuple(Cell(images=levels(both[dropout][:, u], -limit, limit), alt=f"what unit {u + 1} hands on over the plane")
                  for u in range(both[dropout].shape[1]))
    return ImageGrid(cells=cells, columns=COLUMNS, pixelated=True, scale=SIGNED, low=-limit, high=limit, quantity="value")


def _responses(result: Result, theta: Tensor) -> Tensor:
    """[F, H, SIDE, SIDE], the first row at the top of the plane."""
    x, y = _axes(result, SIDE, SIDE)
    return result.mlp.activations(theta, _grid(x, y.flip(0))).post[-1].unflatten(2, (SIDE, SIDE))


def _ranges(result: Result) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of both axes, with room for all training and test points of the first seed."""
    if result.uploaded:
        return frame(result.uploaded)
    both = torch.cat([result.data.x[0], result.data.x_test[0]], 1).numpy()
    return frame(Points(both, both[0] > 0, ("", "")), 0.2)


def _axes(result: Result, across: int, up: int) -> tuple[Tensor, Tensor]:
    (x0, x1), (y0, y1) = _ranges(result)
    return torch.linspace(x0, x1, across), torch.linspace(y0, y1, up)


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
