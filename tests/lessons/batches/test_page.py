"""The page of batches in the browser: names and numbers of the cloud's axes have room, whatever the numbers are."""

from __future__ import annotations

import pytest

from core.lessons.batches.lesson import MOMENTS
from tests.reader import in_browser

# Of the y axis, the left and right end of its title and the left end of its numbers; the lowest end of the x axis' title. All in
# the picture, whose height comes last.
PLACES = """() => {
  const plot = document.querySelector("[data-panel=cloud] .lab-plot"), from = plot.getBoundingClientRect();
  const all = (what) => [...plot.querySelectorAll(what)].map((node) => node.getBoundingClientRect());
  const [across] = all(".xtitle"), [up] = all(".ytitle");
  return [up.left - from.left, up.right - from.left, Math.min(...all(".ytick text").map((one) => one.left)) - from.left,
          across.bottom - from.top, from.height];
}"""


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    @pytest.mark.parametrize(("width", "height", "how"), [(390, 844, ""), (1920, 1080, "&present=1")])
    def test_the_axes_of_the_cloud_have_room(self, reader, width, height, how):
        reader.begin(width=width, height=height)
        for moment in (0, len(MOMENTS) - 1):
            page = reader.open(f"batches?learning_rate=0.05&moment={moment}{how}")
            page.locator("[data-panel=cloud] .ytick text").first.wait_for()
            left, right, numbers, foot, high = page.evaluate(PLACES)
            assert 0 <= left < right <= numbers + 1
            assert foot <= high + 1
