"""The page of bagging in a browser: a training point is dragged, and the members are fitted anew."""

from __future__ import annotations

import numpy as np
import pytest

from core.lessons.bagging import lesson
from core.lessons.bagging.data import CURVE, Samples, to_dots
from core.lessons.bagging.lesson import Config
from tests.reader import in_browser

POINTS = """() => [...document.querySelectorAll("[data-panel=pad] .lab-sheet-to-draw path[transform]")]
  .map((point) => point.getAttribute("transform").match(/[-.\\d]+/g).map(Number))"""
# The average of all members: the last frame, and what is drawn of it.
AVERAGE = """() => Array.from(document.querySelector("[data-panel=fit] .lab-plot").data[2].y)"""


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    def test_a_training_point_is_dragged_and_the_members_are_fitted_anew(self, reader):
        first = lesson.run(Config(members=8))
        start = to_dots(CURVE, Samples(first.x, first.y))
        page = reader.open("bagging?members=8")
        np.testing.assert_allclose(page.evaluate(AVERAGE), np.asarray(lesson.averages(first)[-1, 0]), atol=1e-5)
        sheet = page.locator("[data-panel=pad] .lab-sheet-to-draw")
        sheet.scroll_into_view_if_needed()
        box, places = sheet.bounding_box(), page.evaluate(POINTS)
        assert box and len(places) == len(start) and "dots" not in reader.scene()
        # The highest point has none beside it; a tenth of the sheet to the left and half of it down.
        top = int(np.argmin([y for _, y in places]))
        x, y = places[top]
        page.mouse.move(box["x"] + x, box["y"] + y)
        page.mouse.down()
        page.mouse.move(box["x"] + x - 0.1 * box["width"], box["y"] + y + 0.5 * box["height"], steps=5)
        page.mouse.up()
        page.wait_for_function("location.search.includes('dots=')")
        reader.drawn()
        scene = reader.scene()
        dots = Config.controls()["dots"].parse(scene["dots"])
        moved = [k for k, (before, after) in enumerate(zip(start, dots, strict=True)) if before != after]
        assert moved == [top] and dots[top][0] < start[top][0] and dots[top][1] < start[top][1] - 400
        result = lesson.run(Config(members=8, dots=dots))
        drawn = page.evaluate(AVERAGE)
        np.testing.assert_allclose(drawn, np.asarray(lesson.averages(result)[-1, 0]), atol=1e-5)
        assert np.abs(np.asarray(drawn) - np.asarray(lesson.averages(first)[-1, 0])).max() > 0.05
        # The link alone brings it back.
        places = page.evaluate(POINTS)
        page = reader.open(f"bagging?members=8&dots={scene['dots']}")
        assert page.evaluate(POINTS) == places and page.evaluate(AVERAGE) == drawn
