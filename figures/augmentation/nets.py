"""Pictures of what augmentation buys: test errors, what the nets were shown, and the conditional VAE."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from core.lessons.augmentation.classifier import ARMS as SETS
from core.lessons.augmentation.classifier import SIZES, Curves
from core.lessons.augmentation.generative import ARMS, Generative
from core.lessons.augmentation.lesson import SEEDS, Config
from core.lessons.augmentation.words import ARMS as NAMES
from core.lessons.augmentation.words import GENERATIVE
from figures import style
from figures.kinds import Cell, ImageGrid, levels

HUES = {"none": "erm", "good": "harmless", "breaking": "breaking", "synthetic": "synthetic"}


def legend(scene: Config) -> list[tuple[str, str, str]]:
    names = NAMES if scene.part == "classifier" else GENERATIVE
    return [(name, style.colour(HUES[arm]), "solid") for arm, name in names.items()]


def _seeds(x: np.ndarray, values: np.ndarray, arm: str, name: str) -> list[style.Trace]:
    """Mean of the seeds of values [n, S] and the band from the lowest to the highest."""
    hue = HUES[arm]
    line = dict(type="scatter", x=style.array(x), y=style.array(values.mean(1)), mode="lines+markers", cliponaxis=False,
                line=dict(color=style.colour(hue), width=2.5), marker=dict(color=style.colour(hue), size=8),
                hovertemplate=f"{name}, %{{x}}: %{{y:.1f}}\u00a0%<extra></extra>")
    return [style.band(x, values.min(1), values.max(1), name, hue), line]


def errors(c: Curves) -> go.Figure:
    """Test errors against the size of the training set."""
    traces = [trace for k, arm in enumerate(SETS) for trace in _seeds(np.array(SIZES), 100 * c.error[k].numpy(), arm, NAMES[arm])]
    top = min(100.0, 108 * float(c.error.max()))
    return style.figure(traces, x="training samples N", y="test errors (%)", xaxis_type="log", yaxis_range=[0, top],
                        xaxis_tickvals=list(SIZES), xaxis_ticktext=[str(n) for n in SIZES], showlegend=False,
                        xaxis_range=[float(np.log10(SIZES[0] * 0.9)), float(np.log10(SIZES[-1] * 1.1))])


def history(c: Curves, scene: Config) -> go.Figure:
    """Test errors of the largest size on the way."""
    traces = [trace for k, arm in enumerate(SETS)
              for trace in _seeds(c.recorded.numpy(), 100 * c.history[:, k, -1].numpy(), arm, NAMES[arm])]
    return style.figure(traces, x="update", y="test errors (%)", xaxis_range=[0, scene.updates], yaxis_range=[0, 100],
                        showlegend=False)


def _patch(image: np.ndarray, task: str) -> np.ndarray:
    return levels(image, 0, 1)[None] if task == "digits" else levels(image, -2.5, 2.5)[None]


def shown(c: Curves, scene: Config) -> ImageGrid:
    """Patches of each class after one draw of each arm, a row each."""
    names = [str(v) for v in c.labels.tolist()] if scene.task == "digits" else ["background", "nucleus"] * 5
    cells = []
    for k, arm in enumerate(SETS):
        for image, name in zip(c.shown[k].numpy(), names, strict=True):
            label = (name,) if scene.task == "digits" else ()
            cells.append(Cell(images=_patch(image, scene.task), labels=label, alt=f"{NAMES[arm]}: {name}"))
    return ImageGrid(cells=tuple(cells), columns=10, pixelated=True, quantity="level", **_range(scene))


def _range(scene: Config) -> dict[str, float]:
    return {} if scene.task == "digits" else dict(low=-2.5, high=2.5)


def setup(c: Curves, scene: Config) -> ImageGrid:
    """The patches as they are."""
    names = [str(v) if scene.task == "digits" else ("background", "nucleus")[v] for v in c.labels.tolist()]
    cells = tuple(Cell(images=_patch(image, scene.task), labels=(name,) if scene.task == "digits" else (), alt=name)
                  for image, name in zip(c.plain.numpy(), names, strict=True))
    return ImageGrid(cells=cells, columns=5, pixelated=True, **_range(scene))


def plane(g: Generative, scene: Config) -> ImageGrid:
    """The latent plane of a class, a frame for each record."""
    images = levels(g.planes[:, scene.digit].numpy(), 0, 1)
    return ImageGrid(cells=(Cell(images=images, alt=f"latent plane of digit {scene.digit}"),), columns=1, pixelated=True,
                     quantity="ink")


def labels(g: Generative) -> list[str]:
    return [f"update {step}" for step in g.recorded.tolist()]


def worth(g: Generative) -> go.Figure:
    """Test errors of every seed with each training set."""
    names = ["real alone", "and synthetic", "real, moved"]
    traces: list[style.Trace] = []
    if g.error is not None:
        error = 100 * g.error.numpy()
        for seed in range(SEEDS):
            traces.append(dict(type="scatter", x=[0, 1, 2], y=style.array(error[:, seed]), mode="lines", hoverinfo="skip",
                               line=dict(color=style.MUTED, width=1)))
        for k, arm in enumerate(ARMS):
            traces.append(dict(type="scatter", x=[k] * SEEDS, y=style.array(error[k]), mode="markers", cliponaxis=False,
                               marker=dict(color=style.colour(HUES[arm]), size=11),
                               hovertemplate=f"{names[k]}: %{{y:.1f}}\u00a0%<extra></extra>"))
            traces.append(dict(type="scatter", x=[k - 0.25, k + 0.25], y=[float(error[k].mean())] * 2, mode="lines",
                               line=dict(color=style.colour(HUES[arm]), width=4), hoverinfo="skip"))
    top = 10.0 if g.error is None else 110 * float(g.error.max())
    return style.figure(traces, y="test errors (%)", xaxis_tickvals=[0, 1, 2], xaxis_ticktext=names, showlegend=False,
                        xaxis_range=[-0.5, 2.5], yaxis_range=[0, max(top, 1.0)])


def loss(g: Generative, scene: Config) -> go.Figure:
    """Misfit + KL, the bound on −ln p(x | c), on training digits and on test digits."""
    at = style.array(g.recorded)
    traces = []
    for values, dash, name in ((g.misfit + g.distance, "solid", "training"), (g.held_out, "dot", "test")):
        traces.append(dict(type="scatter", x=at, y=style.array(values.mean(1)), mode="lines",
                           line=dict(color=style.colour("synthetic"), width=2.5, dash=dash),
                           hovertemplate=f"{name}, update %{{x}}: %{{y:.2f}} nats<extra></extra>"))
    return style.figure(traces, x="update", y="misfit + KL (nats)", xaxis_range=[0, scene.cvae], showlegend=False)


def samples(g: Generative, alone: bool = False) -> ImageGrid:
    """Real digits; then, unless they are to be alone, synthetic ones of the same classes."""
    rows = [g.real.numpy(), *([] if alone else g.samples.movedim(1, 0)[:2].numpy())]
    cells = tuple(Cell(images=levels(image, 0, 1)[None], alt=f"{'synthetic' if k else 'real'} {n}")
                  for k, row in enumerate(rows) for n, image in enumerate(row))
    return ImageGrid(cells=cells, columns=10, pixelated=True, quantity="ink")
