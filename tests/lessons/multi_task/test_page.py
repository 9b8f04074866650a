"""The page of multi_task in a browser: the map is clicked, and its maths leads to the lesson on tying."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from core.catalogue import lesson
from tests.reader import in_browser

PIXEL = """([rho, n]) => {
  const plot = document.querySelector("[data-panel=map] .lab-plot"), { xaxis, yaxis } = plot._fullLayout;
  const { left, top } = plot.getBoundingClientRect();
  return [left + xaxis._offset + xaxis.d2p(rho), top + yaxis._offset + yaxis.d2p(n)];
}"""
RING = """() => { const { data } = document.querySelector("[data-panel=map] .lab-plot"), ring = data[data.length - 1];
  return [ring.x[0], ring.y[0]]; }"""


@pytest.mark.browser
class TestInTheBrowser:
    pytestmark = in_browser

    def test_a_click_on_the_map_looks_there_and_the_maths_leads_on(self, reader):
        page = reader.open("multi_task")
        for rho, n in ((-0.5, 32), (1.0, 8)):
            before = reader.board.get_attribute("data-drawn")
            # Not in the middle of the cell: what is clicked is brought to what there is.
            x, y = page.evaluate(PIXEL, [rho - 0.07, 1.05 * n])
            page.mouse.click(x, y)
            page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before)
            reader.drawn()
            scene = reader.scene()
            assert (float(scene["relatedness"]), float(scene["samples"])) == (rho, n)
            assert page.evaluate(RING) == [rho, n]
        reader.unfold("The maths, and the code that ran")
        link = page.get_by_role("link", name="Parameter sharing", exact=True).locator("visible=true").last
        expect(link).to_be_visible()
        with page.context.expect_page() as opened:
            link.click()
        expect(opened.value.locator("h2").first).to_have_text(lesson("parameter_sharing").title)
        opened.value.close()
