"""links in a browser: a name of the map leads to its lesson, by pointer and by keyboard, at the desk and on the wall."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from core.catalogue import LESSONS, lesson
from tests.reader import in_browser

pytestmark = in_browser
STAYS = "window.stays = true"  # gone where the browser loads another document

MIDDLE = "a => (({ x, y, width, height }) => [x + width / 2, y + height / 2])(a.getBoundingClientRect())"


def test_names_of_the_map_lead_to_their_lessons(reader):
    page = reader.open("links")
    names = reader.plot("map").locator("svg a:not([tabindex])")
    expect(names).to_have_count(len(LESSONS))
    assert [name.get_attribute("aria-label") for name in names.all()] == [entry.name for entry in LESSONS]
    page.evaluate(STAYS)
    names.filter(has_text="Bagging").scroll_into_view_if_needed()
    # Playwright's own click misses a link within a text of SVG.
    page.mouse.click(*names.filter(has_text="Bagging").evaluate(MIDDLE))
    page.wait_for_url(re.compile(r"/bagging$"))
    expect(page.locator("h2").first).to_have_text(lesson("bagging").title)
    assert page.evaluate("window.stays"), "the session goes on"

    page = reader.open("links?present=1&seed=0")
    page.keyboard.press("2")
    expect(names.first).to_be_visible()
    page.evaluate(STAYS)
    name = names.filter(has_text="Boosting")
    for _ in range(80):
        page.keyboard.press("Tab")
        if name.evaluate("a => a === document.activeElement"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/boosting\?present=1"))
    expect(page.locator(".lab-lecture h2")).to_have_text(lesson("boosting").title)
    assert page.evaluate("window.stays")
    reader.drawn()
