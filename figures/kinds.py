"""Pictures that are not Plotly's: rows of images, a network, two pads to draw on, a table.

A figure function returns one of these in the place of a `go.Figure`; the browser's half of each is ui/chart/kinds/<kind>.js.
Colours are light hex values of figures/style.py, which the browser swaps for the theme. What is there for each frame of the
player has a leading axis F or is a tuple with an entry for each frame; with one entry it stands still. `moves` says whether
another frame is another picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from figures import style
from figures.wire import Blob

# From no ink to ink, in the theme that is on.
INKED = ((0.0, style.PAPER), (1.0, style.INK))
# Negative, zero, positive, as a level from 0 to 255: see `levels`.
SIGNED = tuple((place, colour) for place, colour in style.PROBABILITY)
POSITIVE, NEGATIVE = style.colour("class_b"), style.colour("class_a")


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Lines over an image. paths: as SVG writes them, in pixels of the image from its upper left corner; one, or one a frame."""

    paths: tuple[str, ...]
    colour: str = style.COLOURS["warning"][0]
    filled: bool = False
    dash: str = "none"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One image. images: Blobs, one or F, or uint8 [F, H, W], levels of the grid's colour scale.

    labels: none, one or F, shown below the image; alt says what the image is to whoever does not see it.
    """

    images: tuple[Blob, ...] | np.ndarray
    labels: tuple[str, ...] = ()
    alt: str = ""
    overlays: tuple[Overlay, ...] = ()

    @property
    def moves(self) -> bool:
        return max(len(self.images), len(self.labels), *(len(overlay.paths) for overlay in self.overlays), 0) > 1

    def __post_init__(self) -> None:
        if isinstance(self.images, np.ndarray) and (self.images.dtype != np.uint8 or self.images.ndim != 3):
            raise ValueError(f"levels are uint8 [F, H, W], not {self.images.dtype} {list(self.images.shape)}")
        if not len(self.images):
            raise ValueError("a cell without an image is None")


@dataclass(frozen=True, kw_only=True)
class ImageGrid:
    """Images in reading order, `columns` to a row, all at one scale; None leaves a place empty.

    pixelated: pixels have edges, for small images. Of levels, 0 means `low` and 255 `high`, of what `quantity` names; a pointer
    over them is told the value. shift: (dx, dy) by which the images are shifted, in their pixels, where the
    reader shifts them by hand or arrow keys, `reach` at most. A click reports the number of the cell.
    """

    kind: ClassVar[str] = "grid"
    cells: tuple[Cell | None, ...]
    columns: int
    pixelated: bool = False
    scale: tuple[tuple[float, str], ...] = INKED
    low: float = 0.0
    high: float = 1.0
    quantity: str = "level"
    shift: tuple[int, int] | None = None
    reach: int = 0

    @property
    def moves(self) -> bool:
        return any(cell.moves for cell in self.cells if cell)


def levels(values: Any, low: float, high: float) -> np.ndarray:
    """Values as uint8 levels of a colour scale from low to high; beyond them they are the ends."""
    share = (np.asarray(style.array(values), np.float64) - low) / (high - low)
    return (255 * np.clip(share, 0, 1)).round().astype(np.uint8)


def polylines(lines: Any) -> str:
    """Lines [L, n, 2] of (x, y) in pixels as one SVG path: arrows, or the rows and columns of a deformed grid."""
    return "".join("M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in line) for line in np.asarray(lines, np.float64))


def outline(mask_HW: Any) -> str:
    """The edge of a mask as an SVG path along the borders of its pixels, closed, for an Overlay that may be filled."""
    mask = np.pad(np.asarray(mask_HW, bool), 1)
    # Each border of a pixel that the mask covers, with the mask to its right: corner -> next corners.
    ways: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for (dy, dx), (start, end) in {(-1, 0): ((0, 0), (1, 0)), (0, 1): ((1, 0), (1, 1)), (1, 0): ((1, 1), (0, 1)),
                                   (0, -1): ((0, 1), (0, 0))}.items():
        for y, x in np.argwhere(mask & ~np.roll(mask, (-dy, -dx), (0, 1))):
            ways.setdefault((int(x) - 1 + start[0], int(y) - 1 + start[1]), []).append((int(x) - 1 + end[0], int(y) - 1 + end[1]))
    rings = []
    while ways:
        start = at = next(iter(ways))
        ring = [start]
        while at in ways:
            following = ways[at].pop()
            if not ways[at]:
                del ways[at]
            at = following
            ring.append(at)
        rings.append("M" + "L".join(f"{x} {y}" for x, y in ring[:-1]) + "Z")
    return "".join(rings)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Units of one layer by name. values: [F, n] to be told and shown in colour, or None; dropped: [F, n], true where one is.

    images: a small picture of each unit, uint8 [F, n, S, S], as levels of SIGNED from 0 to 255, or None. ranges: [F, n, 2], the
    smallest and the largest value in each image, to be told, or None."""

    name: str
    units: tuple[str, ...]
    values: np.ndarray | None = None
    dropped: np.ndarray | None = None
    images: np.ndarray | None = None
    ranges: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkDiagram:
    """Layers from the input on, weights [F, n_out, n_in] between each and the next, and biases [F, n_out] to be told, or none.

    A weight of size `limit` (the largest there is unless given) is drawn the widest; one that is zero is not drawn. A unit with
    an image is shown large under a pointer; axes: what runs across and up in it. A click reports layer and unit.
    held: (layer, unit, source) of a weight, source 0 of a bias, (layer, unit) of a whole unit, counted from 1, where layer 1
    follows the input; names beyond the net mean nothing. editable: a click opens fields to write and hold weights, which the
    panel reports as the events `weight` (name, value) and `hold` (name, on).
    Raises ValueError where the sizes do not fit, or where a layer is too large to be seen.
    """

    kind: ClassVar[str] = "network"
    MOST: ClassVar[int] = 32
    layers: tuple[Layer, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...] = ()
    axes: tuple[str, str] = ("", "")
    held: tuple[tuple[int, ...], ...] = ()
    editable: bool = False
    limit: float = 0.0
    positive: str = POSITIVE
    negative: str = NEGATIVE
    scale: tuple[tuple[float, str], ...] = SIGNED

    @property
    def moves(self) -> bool:
        arrays = [*self.weights, *self.biases, *(a for layer in self.layers for a in (layer.values, layer.dropped, layer.images))]
        return any(array is not None and len(array) > 1 for array in arrays)

    def __post_init__(self) -> None:
        sizes = [len(layer.units) for layer in self.layers]
        if max(sizes) > self.MOST:
            raise ValueError(f"a layer of {max(sizes)} units cannot be seen; {self.MOST} are the most")
        shapes = [w.shape[1:] for w in self.weights]
        if shapes != list(zip(sizes[1:], sizes[:-1], strict=True)) or any(w.ndim != 3 for w in self.weights):
            raise ValueError(f"weights of shapes {[w.shape for w in self.weights]} do not join layers of {sizes} units")
        if self.biases and ([b.shape[1:] for b in self.biases] != [(n,) for n in sizes[1:]]):
            raise ValueError(f"biases of shapes {[b.shape for b in self.biases]} do not fit layers of {sizes} units")
        for layer in self.layers:
            for array in (layer.values, layer.dropped):
                if array is not None and (array.ndim != 2 or array.shape[1] != len(layer.units)):
                    raise ValueError(f"{layer.name}: {array.shape} is not [F, {len(layer.units)}]")
            if layer.images is not None and (layer.images.dtype != np.uint8 or layer.images.ndim != 4
                                             or layer.images.shape[1] != len(layer.units)):
                raise ValueError(f"{layer.name}: images are uint8 [F, {len(layer.units)}, S, S], not {layer.images.dtype} "
                                 f"{list(layer.images.shape)}")
            if layer.ranges is not None and layer.ranges.shape[1:] != (len(layer.units), 2):
                raise ValueError(f"{layer.name}: ranges are [F, {len(layer.units)}, 2], not {list(layer.ranges.shape)}")
            if layer.dropped is not None:
                object.__setattr__(layer, "dropped", layer.dropped.astype(np.uint8))  # a browser has no array of booleans
        for name in ("weights", "biases"):
            object.__setattr__(self, name, tuple(style.array(array) for array in getattr(self, name)))
        most = max((float(np.abs(w).max()) for w in self.weights), default=0.0)
        object.__setattr__(self, "limit", self.limit or most or 1.0)


@dataclass(frozen=True, kw_only=True)
class PointsPad:
    """Axes on which a reader puts, moves and deletes points of a few classes; the drawing is the value of a `points` field.

    points: (i, j, class), i and j from 0 to levels - 1 along x and y. classes: (name, colour). most: how many points there may
    be. equal: one scale on both axes. background: uint8 [S, S], pale levels of `scale` behind the points, row 0 on top, or None.
    """

    kind: ClassVar[str] = "points"
    points: tuple[tuple[int, int, int], ...]
    levels: int
    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str
    classes: tuple[tuple[str, str], ...]
    most: int = 200
    equal: bool = False
    background: np.ndarray | None = None
    scale: tuple[tuple[float, str], ...] = SIGNED
    moves: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class RasterPad:
    """Pixels to draw on, as for a digit; the drawing is the value of a `raster` field: bytes, row by row, 0 to levels - 1."""

    kind: ClassVar[str] = "raster"
    pixels: bytes
    width: int
    height: int
    levels: int
    colour: str = style.COLOURS["warning"][0]
    moves: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if len(self.pixels) != self.width * self.height or max(self.pixels) >= self.levels:
            raise ValueError(f"{len(self.pixels)} pixels up to {max(self.pixels)} are not {self.height} rows of {self.width} "
                             f"below {self.levels}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text and numbers. A column of numbers stands to the right, in `digits` digits; CSV has them in full.

    marked: the row that is marked, one or one for each frame, -1 for none. A click on a row's first cell reports the row.
    """

    kind: ClassVar[str] = "table"
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float, ...], ...]
    digits: int = 3
    marked: tuple[int, ...] = ()

    @property
    def moves(self) -> bool:
        return len(self.marked) > 1

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row has not {len(self.columns)} cells")


Kind = ImageGrid | NetworkDiagram | PointsPad | RasterPad | Table
