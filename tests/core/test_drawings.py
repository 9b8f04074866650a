"""What a reader draws, on its way into a link and back."""

from __future__ import annotations

import math
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import lesson
from core.drawings import LEVELS, Asset, Points, Raster, places
from tests.kinds.lesson import Config

POINTS = Points(label="Points", classes=3)
RASTER = Raster(label="Digit", height=8, width=8)
level = st.integers(0, LEVELS - 1)
drawings = st.lists(st.tuples(level, level, st.integers(0, 2)), max_size=200).map(tuple)


@settings(deadline=None, derandomize=True, database=None)
@given(drawings)
def test_points_travel(value):
    POINTS.check(value)
    assert POINTS.parse(POINTS.write(value)) == value
    assert POINTS.unpack(POINTS.pack(value)) == value
    assert POINTS.nearest([list(point) for point in value]) == value


@settings(deadline=None, derandomize=True, database=None)
@given(st.binary(min_size=64, max_size=64).map(lambda data: bytes(v % 17 for v in data)))
def test_pixels_travel(value):
    RASTER.check(value)
    assert RASTER.parse(RASTER.write(value)) == value
    assert RASTER.nearest(list(value)) == value


def test_two_hundred_points_fit_into_a_link():
    scene = Config(dots=((1023, 0, 1),) * 200, digit=bytes([16]) * 64)
    assert len(urlencode(scene.query())) < 1000
    assert lesson.scene_from_query(Config, scene.query()) == (scene, [])


@pytest.mark.parametrize("text", ["!", "AAA", "AAAA=A", "é", "____" * 201, "A" * 5])
def test_a_link_with_another_drawing_is_refused_in_words(text):
    scene, notes = lesson.scene_from_query(Config, {"dots": text, "digit": text})
    assert scene.digit == Config().digit
    assert all(point[2] < 2 and max(point[:2]) < LEVELS for point in scene.dots)
    assert len(scene.dots) <= 200 and 1 <= len(notes) <= 2


@pytest.mark.parametrize("drawing", [None, 3, [[1, 2]], [[1, 2, 3, 4]], ["abc"], [[None, 1, 1]], [[math.inf, 0, 0]], {"a": 1}])
def test_what_a_browser_may_send_is_refused(drawing):
    with pytest.raises(ValueError, match=r"^must be a list of points$"):
        POINTS.nearest(drawing)
    with pytest.raises(ValueError, match=r"^must be (a list of pixels|8 rows of 8 pixels)$"):
        RASTER.nearest(drawing)


def test_points_outside_come_to_the_edge():
    assert POINTS.nearest([[-5, 2000, 9]]) == ((0, LEVELS - 1, 2),)
    assert len(POINTS.nearest([[1, 1, 1]] * 500)) == 200


def test_places_on_the_axes():
    where, kinds = places(((0, 0, 1), (LEVELS - 1, LEVELS - 1, 0)), (-2, 2), (0, 10))
    np.testing.assert_array_equal(where, [[-2, 0], [2, 10]])
    assert kinds.tolist() == [1, 0]
    assert places((), (0, 1), (0, 1))[0].shape == (0, 2)


def test_an_asset_is_named_by_its_digest():
    sketch = Config.controls()["sketch"]
    assert isinstance(sketch, Asset)
    sketch.check("")
    sketch.check("0" * 32)
    for other in ("0" * 31, "../../etc/passwd", "G" * 32, None, 7):
        with pytest.raises(ValueError, match="must be the name"):
            sketch.check(other)
