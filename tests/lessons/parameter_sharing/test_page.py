"""The page of parameter_sharing in a browser: a digit that the reader moves, and its maps that move with it."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.reader import in_browser

PIXELS = """(cell) => {
  const canvas = document.querySelectorAll("[data-panel=maps] canvas")[cell];
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return [height, width, [...data].filter((_, i) => i % 4 === 0)];
}"""


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    def test_a_digit_is_moved_by_keys_and_by_hand_and_its_maps_follow(self, reader):
        page = reader.open("parameter_sharing?padding=circular")

        def images() -> list[np.ndarray]:
            reader.drawn()
            found = (page.evaluate(PIXELS, cell) for cell in (0, 1, 2))
            return [np.array(values).reshape(height, width) for height, width, values in found]

        first = page.locator("[data-panel=maps] .lab-image").first
        first.scroll_into_view_if_needed()
        before = images()
        side = before[0].shape[0]  # a pixel of the canvas is one of the digit
        first.focus()
        for key in ("ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
        page.wait_for_function("location.search.includes('dx=1') && location.search.includes('dy=1')")
        moved = images()
        for one, other in zip(before, moved, strict=True):
            # Nothing comes in at the far edges of a digit that has a margin; a map's border sees what comes in.
            inner = slice(2, -3)
            np.testing.assert_allclose(np.roll(one, (1, 1), (0, 1))[inner, inner], other[inner, inner], atol=2)
        box = first.locator(".lab-image-frame").bounding_box()
        assert box
        pixel = box["width"] / side
        page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.5 * box["width"] - pixel, box["y"] + 0.5 * box["height"] - pixel, steps=4)
        page.mouse.up()
        page.wait_for_function("!/d[xy]=[^0]/.test(location.search)")
        for one, other in zip(before, images(), strict=True):
            np.testing.assert_allclose(one, other, atol=2)
        expect(page.locator(".lab-notices .lab-notice")).to_have_count(0)
