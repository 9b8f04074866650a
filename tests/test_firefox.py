"""Every page in Firefox: it draws, plays, takes a click, and the console has nothing to complain of."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from benchmarks.browser import returning
from tests.firefox import Tab, executable, firefox
from tests.reader import SETTLED, STREAMLITS_OWN

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None and not os.environ.get("REQUIRE_BROWSER"), reason="no Firefox on this machine"),
]
BOARD = "document.querySelector('.lab-board')"


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with firefox() as tab:
        tab.before_every_page(returning())
        yield tab


def box(tab: Tab, selector: str) -> dict[str, float]:
    tab.evaluate(f"document.querySelector('{selector}').scrollIntoView({{ block: 'center' }})")
    return tab.evaluate(f"document.querySelector('{selector}').getBoundingClientRect()")


def test_every_page_draws_plays_and_takes_a_click(tab, address, entry):
    tab.open("about:blank")  # what the page before says on being left is not this one's
    tab.errors.clear()
    tab.open(f"{address}/{entry.slug}")
    tab.wait(f"({SETTLED})()")
    # What needs WebGL says so in its place where there is none.
    first = "[data-panel] .lab-plot:not(:has(> .lab-notice))"
    drawn = tab.evaluate(f"document.querySelector('{first}').querySelectorAll('.trace, .heatmaplayer image, .contour, .bars path,"
                         " .imagelayer image, .scatterlayer path').length")
    painted = tab.evaluate(f"[...document.querySelectorAll('{first} .lab-image canvas')].some((c) =>"
                           " new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer))"
                           ".size > 2)")
    assert drawn > 0 or painted, "the first picture is empty"
    # Play: the film runs and can be stopped.
    if tab.evaluate("!document.querySelector('.lab-player').hidden"):
        tab.evaluate("document.querySelector('.lab-play').click()")
        tab.wait("Number(document.querySelector('.lab-player').dataset.frame) > 0", 20)
        tab.evaluate("document.querySelector('.lab-player[data-playing=true] .lab-play')?.click()")
        tab.wait("document.querySelector('.lab-player').dataset.playing === 'false'", 20)
    # A click into a picture that takes one changes the scene.
    target = tab.evaluate("document.querySelector('.lab-plot.lab-clickable')?.closest('[data-panel]').dataset.panel")
    if target:
        before = tab.evaluate(f"{BOARD}.dataset.scene")
        place = box(tab, f"[data-panel={target}] .lab-plot")
        tab.wait(f"({SETTLED})()")
        for across, down in ((0.4, 0.3), (0.6, 0.5), (0.75, 0.65)):
            tab.click(place["x"] + across * place["width"], place["y"] + down * place["height"])
            try:
                tab.wait(f"{BOARD}.dataset.scene !== {before!r}", 6)
                break
            except TimeoutError:
                continue
        tab.wait(f"{BOARD}.dataset.scene !== {before!r}", 5)
        tab.wait(f"({SETTLED})()")
    # What cannot be turned, for want of WebGL, does not say that it can.
    lacking = ".lab-panel:has(> .lab-plot > .lab-notice) .lab-rotate-help"
    assert tab.evaluate(f"[...document.querySelectorAll('{lacking}')].every((p) => p.hidden)")
    errors = [e for e in tab.errors if not STREAMLITS_OWN.search(e.split(" ")[0])]
    assert errors == []


def test_the_home_page(tab, address):
    tab.open("about:blank")
    tab.errors.clear()
    tab.open(address)
    tab.wait("document.querySelectorAll('.lab-home a').length >= 12")
    assert tab.errors == []
