"""Pictures of mean_teacher on images: masks of all three nets, Dice over the clip, labelled images, and undoing a transform."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from torch import Tensor

from core.lessons.mean_teacher.lesson import NETS, Config
from core.lessons.mean_teacher.pixels import SHOWN, MaskResult
from core.lessons.mean_teacher.words import NAMES
from figures import style
from figures.kinds import Cell, ImageGrid, Overlay, levels, outline
from figures.mean_teacher.pictures import HUES
from figures.wire import Blob, image_blob

FAINT = 0.45  # of the ink at most, where lines are to be seen over an image


def _picture(image_CHW: Tensor) -> Blob:
    return image_blob((255 * image_CHW.clamp(0, 1)).round().byte().movedim(0, -1).numpy())


def _faint(images: Tensor) -> np.ndarray:
    """Levels of images [N, C, H, W] for lines to lie on: an instrument is paler than tissue, a nucleus darker than its ground."""
    grey = images.mean(1).clamp(0, 1)
    return levels(FAINT * (1 - grey if images.shape[1] == 3 else grey), 0, 1)


def _edge(masks: Tensor, hue: str = "") -> Overlay:
    """Edges of masks [F, H, W], in a colour or dashed in that of the text."""
    paths = tuple(outline(mask.numpy()) for mask in masks)
    if not hue:
        return Overlay(paths=paths, colour=style.INK, dash="2 2")
    return Overlay(paths=paths, colour=style.colour(hue))


def labels(result: MaskResult, scene: Config) -> list[str]:
    """What the clock counts: frames of the clip, or updates."""
    if scene.data == "clip":
        return [f"frame {f + 1}" for f in range(len(result.shown))]
    return [f"update {step}" for step in result.recorded.tolist()]


def masks(result: MaskResult, scene: Config) -> ImageGrid:
    """The clip as all three nets see it, or test tiles at every look; dashed: the truth."""
    return _clip(result) if scene.data == "clip" else _tiles(result)


def _clip(result: MaskResult) -> ImageGrid:
    cells = [Cell(images=tuple(_picture(frame) for frame in result.shown), labels=("Simulated frame",),
                  alt="simulated frame: an instrument over tissue")]
    truth, faint = _edge(result.truth[:, 0]), _faint(result.shown)
    for k, net in enumerate(NETS):
        said = tuple(f"{NAMES[net]}: Dice {float(value):.2f}" for value in result.film[k])
        cells.append(Cell(images=faint, labels=said, alt=f"{NAMES[net]}, simulated frame",
                          overlays=(truth, _edge(result.masks[-1, k], HUES[net]))))
    return ImageGrid(cells=tuple(cells), columns=2)


def _tiles(result: MaskResult) -> ImageGrid:
    cells = []
    for i, tile in enumerate(result.shown):
        truth, faint = _edge(result.truth[i]), _faint(result.shown[i:i + 1])
        head = ("Test tile",) if i == SHOWN - 1 else ()
        cells.append(Cell(images=(_picture(tile),), labels=head, alt=f"test tile {i + 1}"))
        for k, net in enumerate(NETS):
            cells.append(Cell(images=faint, labels=(NAMES[net],) if head else (), alt=f"{NAMES[net]}, test tile {i + 1}",
                              overlays=(truth, _edge(result.masks[:, k, i], HUES[net]))))
    return ImageGrid(cells=tuple(cells), columns=1 + len(NETS))


def film(result: MaskResult) -> go.Figure:
    """Dice of the first pair's nets on every frame of the clip, with a mark at the one that is shown."""
    n = np.arange(result.film.shape[1]) + 1
    values = style.array(result.film)
    traces: list[style.Trace] = []
    for k, net in enumerate(NETS):
        traces.append(dict(type="scatter", x=n, y=values[k], mode="lines", name=NAMES[net],
                           line=dict(color=style.colour(HUES[net]), width=2.6),
                           hovertemplate=f"{NAMES[net]}, frame %{{x}}: Dice %{{y:.2f}}<extra></extra>"))
    for k, net in enumerate(NETS):
        mark = dict(type="scatter", x=n[:1], y=values[k, :1], mode="markers", hoverinfo="skip", name=NAMES[net],
                    marker=dict(color=style.colour(HUES[net]), size=11, line=dict(color=style.PAPER, width=1.5)))
        traces.append(style.frames(mark, x=n[:, None].astype(np.float64), y=values[k][:, None]))
    return style.figure(traces, x="frame", y="Dice", xaxis_range=[0, len(n) + 1], yaxis_range=[-0.03, 1.05], showlegend=False)


def setup(result: MaskResult) -> ImageGrid:
    """The labelled images of the first pair with their masks, and a few of those without."""
    cells: list[Cell] = []
    for i, (image, mask) in enumerate(zip(result.images.labelled[0][:4], result.images.given[0], strict=False)):
        cells.append(Cell(images=_faint(image[None]), labels=("labelled",), alt=f"labelled image {i + 1}",
                          overlays=(_edge(mask > 0.5),)))
    for i, image in enumerate(result.images.unlabelled[0, ::5][:8 - len(cells)]):
        cells.append(Cell(images=(_picture(image),), labels=("unlabelled",), alt=f"unlabelled image {i + 1}"))
    return ImageGrid(cells=tuple(cells), columns=4)


def views(result: MaskResult) -> ImageGrid:
    """One unlabelled image for teacher and student, the student's answer carried back, and the teacher's; dashed: what counts."""
    x, moved, back, target, inside = result.view
    edge = (_edge(inside[None] > 0),)
    cells = (Cell(images=(_picture(x),), labels=("x",), alt="unlabelled image"),
             Cell(images=(_picture(moved),), labels=("T x",), alt="the same, transformed"),
             Cell(images=levels(target, 0, 1)[None], labels=("teacher on x",), alt="the teacher's prediction", overlays=edge),
             Cell(images=levels(back * inside, 0, 1)[None], labels=("student, undone",), overlays=edge,
                  alt="the student's prediction, carried back"))
    return ImageGrid(cells=cells, columns=2, quantity="p")
