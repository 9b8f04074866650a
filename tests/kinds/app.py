"""Every kind of panel on one page, run by tests/test_kinds.py in the folder of the project."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core import catalogue
from core.data import real
from figures import style
from figures.kinds import Cell, ImageGrid, Layer, NetworkDiagram, Overlay, PointsPad, RasterPad, Table, levels, outline, polylines
from figures.wire import image_blob
from tests.kinds import lesson
from tests.kinds.lesson import FRAMES, REACH, SIDE, Config, Result
from ui import controls, page, shell
from ui.chart import Board, Panel, Player

PLANE = dict(x=(-2.0, 2.0), y=(-1.0, 1.0), x_title="x₁", y_title="x₂", levels=1024)
CLASSES = (("A", style.colour("class_a")), ("B", style.colour("class_b")))


def values(result: Result) -> ImageGrid:
    image = np.stack([levels(result.image * share, 0, 1) for share in np.linspace(0.2, 1, FRAMES)])
    cells = [Cell(images=image if k else image[-1:], alt=f"diamond {k}", labels=(f"no. {k}",)) for k in range(6)]
    return ImageGrid(cells=tuple(cells), columns=3, pixelated=True, quantity="ink")


def photographs() -> ImageGrid:
    cells = []
    for name in ("cat", "brain", "retina"):
        pixels = real.pictures()[name].image_HWC.numpy()
        cells.append(Cell(images=(image_blob(pixels),), labels=(name,), alt=f"photograph of {name}",
                          overlays=field_and_mask(pixels)))
    return ImageGrid(cells=(*cells, None), columns=2)


def field_and_mask(pixels: np.ndarray) -> tuple[Overlay, Overlay]:
    at = np.linspace(10, 150, 8)
    bent = [[[(x + 4 * f * np.sin(y / 20), y) for x in at] for y in at] for f in range(FRAMES)]
    mask = np.hypot(*np.indices(pixels.shape[:2]) - 80) < 40
    return (Overlay(paths=tuple(polylines(rows) for rows in bent), colour=style.colour("class_b"), dash="4 3"),
            Overlay(paths=(outline(mask),), filled=True, colour=style.colour("class_a")))


def shifted(result: Result, scene: Config) -> ImageGrid:
    cell = Cell(images=levels(result.image, 0, 1)[None], alt="a diamond that is shifted")
    return ImageGrid(cells=(cell, cell), columns=2, pixelated=True, shift=(scene.dx, scene.dy), reach=REACH)


def network(result: Result) -> NetworkDiagram:
    hidden = np.linspace(-1, 1, FRAMES)[:, None] * np.array([1, -0.5, 0.2, 0.8])
    layers = (Layer(name="input", units=("x₁", "x₂")),
              Layer(name="hidden", units=("h₁", "h₂", "h₃", "h₄"), values=hidden, dropped=result.dropped.numpy()),
              Layer(name="output", units=("y",)))
    return NetworkDiagram(layers=layers, weights=tuple(w.numpy() for w in result.weights))


def table(result: Result) -> Table:
    rows = tuple((f"round {m + 1}", float(result.error[m]), 1000 * (m + 1), float(1e-7 * result.error[m])) for m in range(FRAMES))
    return Table(columns=("round", "weighted error", "samples", "step"), rows=rows, marked=tuple(range(FRAMES)))


def draw(result: Result, scene: Config) -> Board:
    line = dict(type="scatter", x=[0, 1], y=[0, scene.cell], mode="lines", line=dict(color=style.INK))
    panels = [
        Panel(id="values", figure=lambda: values(result), title="Levels", alt="Six diamonds.", span=6, height="tall",
              click=("cell",)),
        Panel(id="photographs", figure=photographs, title="Blobs with overlays", alt="Photographs.", span=6, height="tall"),
        Panel(id="network", figure=lambda: network(result), title="A network", alt="A network of three layers.", span=6,
              click=("layer", "unit")),
        Panel(id="shifted", figure=lambda: shifted(result, scene), title="Drag the image", alt="A diamond.", span=6,
              shift=("dx", "dy")),
        Panel(id="points", figure=PointsPad(points=scene.dots, classes=CLASSES, equal=True, **PLANE), title="Points",
              alt="Points.", span=6, drawing="dots", height="tall"),
        Panel(id="raster", figure=RasterPad(pixels=scene.digit, width=SIDE, height=SIDE, levels=17), title="A digit",
              alt="A digit.", span=6, drawing="digit", height="tall"),
        Panel(id="sketch", figure=PointsPad(points=result.sketch, classes=CLASSES[:1], most=5000, **PLANE), span=6,
              title="More points than a link holds", alt="Points.", drawing="sketch"),
        Panel(id="table", figure=lambda: table(result), title="Rounds", alt="Error and samples of each round.", span=6,
              click=("row",), height="short"),
        Panel(id="line", figure=style.figure([line], x="x", y="y"), title="Plotly", alt="A line.", span=12, height="short"),
    ]
    player = Player(labels=[f"frame {f}" for f in range(FRAMES)], field="frame", autoplay=False, seconds=1)
    chosen = f"Cell {scene.cell}, unit {scene.layer}:{scene.unit}, row {scene.row}, shift {scene.dx} {scene.dy}"
    return Board(panels=panels, player=player, summary=f"{chosen}, {result.dots} points, {len(result.sketch)} in the sketch.")


if __name__ == "__main__":
    st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
    shell.add_stylesheet()
    # In the place of a lesson, so that lecture mode has neighbours to go to.
    entry = catalogue.lesson("mixup")
    controls.load_scene_from_url(entry.slug, Config, Config())
    st.markdown("## Kinds of panels")
    page._scene(page.Page(entry, lesson, draw, []))
