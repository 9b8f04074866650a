"""Kinds of panels: what Python sends of each. What a reader does with them is in test_kinds_in_browser.py."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.data import real
from figures.kinds import Cell, ImageGrid, Layer, NetworkDiagram, RasterPad, Table, levels, outline, polylines
from figures.wire import SMALL, Arrays, Blob, image_blob
from tests.wire import panels_of
from ui.chart import Board, Panel, encode


def decoded(blob: Blob) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(blob.data)))


def test_small_images_lose_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    np.testing.assert_array_equal(decoded(image_blob(pixels)), pixels)
    assert 64 * 64 <= SMALL


@pytest.mark.parametrize("name", list(real.pictures()))
def test_photographs_are_small_and_look_alike(name):
    pixels = real.pictures()[name].image_HWC.numpy()
    blob = image_blob(pixels)
    shown = decoded(blob)[..., : pixels.shape[2]].astype(float)
    noise = np.sqrt(np.mean((shown - pixels) ** 2))
    assert 20 * np.log10(255 / noise) > 34, "decibels"
    assert len(blob.data) < 9000 < len(image_blob(pixels, lossless=True).data) + 1
    exact = decoded(image_blob(pixels, lossless=True))
    np.testing.assert_array_equal(exact[..., : pixels.shape[2]], pixels)


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 2), np.uint8), np.zeros(4, np.uint8)])
def test_other_arrays_are_no_image(pixels):
    with pytest.raises(ValueError, match="an image is uint8"):
        image_blob(pixels)


def test_a_blob_travels_as_bytes_and_once():
    blob = image_blob(np.eye(8, dtype=np.uint8))
    assert blob.startswith("data:image/webp;base64,")
    arrays = Arrays()
    sent = arrays.extract({"a": blob, "b": [np.arange(3, dtype=np.int32), Blob(blob)]})
    assert sent["a"] == sent["b"][1] == {"mime": "image/webp", "length": len(blob.data), "at": 0}
    body = b"".join(arrays.buffers)
    assert body[: len(blob.data)] == blob.data
    assert len(body) == len(blob.data) + 3 * 4


def test_levels_are_cut_at_the_ends():
    np.testing.assert_array_equal(levels([-1, 0, 0.5, 1, 7], 0, 1), [0, 0, 128, 255, 255])


def area(path: str) -> float:
    """By the shoelace formula, of all rings of a path."""
    total = 0.0
    for ring in path.split("M")[1:]:
        x, y = np.array([[float(v) for v in p.split()] for p in ring.rstrip("Z").split("L")]).T
        total += 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_outline_of_a_mask_holds_its_pixels(seed):
    mask = np.random.default_rng(seed).random((9, 11)) < 0.6  # with holes and pieces that touch at corners
    assert area(outline(mask)) == mask.sum()
    assert outline(np.zeros((3, 3))) == ""
    assert area(outline(np.ones((3, 5)))) == 15


def test_polylines():
    assert polylines([[[0, 1], [2, 3]], [[4, 5], [6, 7]]]) == "M0.00 1.00L2.00 3.00M4.00 5.00L6.00 7.00"


def test_what_does_not_fit_is_refused():
    two, one = Layer(name="in", units=("a", "b")), Layer(name="out", units=("y",))
    NetworkDiagram(layers=(two, one), weights=(np.zeros((1, 1, 2)),))
    for weights in (np.zeros((1, 2, 1)), np.zeros((1, 2))):
        with pytest.raises(ValueError, match="do not join"):
            NetworkDiagram(layers=(two, one), weights=(weights,))
    for biases in ((np.zeros((1, 2)),), (np.zeros((1, 1)), np.zeros((1, 1))), (np.zeros(1),)):
        with pytest.raises(ValueError, match="biases of shapes"):
            NetworkDiagram(layers=(two, one), weights=(np.zeros((1, 1, 2)),), biases=biases)
    with pytest.raises(ValueError, match="ranges are"):
        NetworkDiagram(layers=(Layer(name="in", units=("a", "b"), ranges=np.zeros((1, 2))), one), weights=(np.zeros((1, 1, 2)),))
    with pytest.raises(ValueError, match="cannot be seen"):
        NetworkDiagram(layers=(Layer(name="in", units=("a",) * 33), one), weights=(np.zeros((1, 1, 33)),))
    with pytest.raises(ValueError, match=r"not \[F, 2\]"):
        NetworkDiagram(layers=(Layer(name="in", units=("a", "b"), values=np.zeros((1, 3))), one), weights=(np.zeros((1, 1, 2)),))
    with pytest.raises(ValueError, match="levels are uint8"):
        Cell(images=np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="has not 2 cells"):
        Table(columns=("a", "b"), rows=(("x",),))
    with pytest.raises(ValueError, match="are not 2 rows of 2"):
        RasterPad(pixels=bytes(3), width=2, height=2, levels=2)


def test_a_kind_says_whether_it_moves():
    still = Cell(images=np.zeros((1, 2, 2), np.uint8))
    film = Cell(images=np.zeros((3, 2, 2), np.uint8))
    moving = [ImageGrid(cells=cells, columns=1).moves for cells in ((still, None), (still, film))]
    assert moving == [False, True]
    assert [Table(columns=(), rows=(), marked=marked).moves for marked in ((), (0,), (0, 1))] == [False, False, True]
    board = Board(panels=[Panel(id="one", figure=ImageGrid(cells=(film,), columns=1), alt="x")])
    (about,) = panels_of(encode(board))
    assert (about["kind"], about["moves"]) == ("grid", True)
