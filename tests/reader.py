"""A reader of the app in headless Chromium, for browser tests."""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import parse_qsl, urlparse

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, TimeoutError, expect

from benchmarks.browser import executable, returning

in_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(executable() is None and not os.environ.get("REQUIRE_BROWSER"), reason="no Chromium on this machine"),
]
# Streamlit looks for its own server below the page's path first, and the browser reports that it is not there.
STREAMLITS_OWN = re.compile(r"/_stcore/(health|host-config)$")
SLIDER = ".st-key-controls :is(input[type=range], [role=slider])"
# A machine may be slow, and what never comes is an error all the same; nothing here measures time.
PATIENCE = 60_000  # milliseconds
expect.set_options(timeout=PATIENCE)
# The page's paper and the ink of a picture have changed, and nothing fades any more.
FOLLOWED = """(theme) => {
  const bright = (colour) => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) > 380;
  const paper = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
  const inks = [...document.querySelectorAll(".xtick text")].filter((node) => node.getClientRects().length);
  return bright(paper) === (theme === "light") && inks.every((ink) => bright(getComputedStyle(ink).fill) !== bright(paper))
    && document.getAnimations().every((one) => one.playState !== "running");
}"""
# The script of the page has ended, and what it left out has gone.
ENDED = """() => document.querySelector("[data-test-script-state]")?.dataset.testScriptState === "notRunning"
  && !document.querySelector("[data-testid=stStatusWidget]")"""
SETTLED = f"""() => {{
  const {{ live, drawn, settled }} = document.querySelector(".lab-board")?.dataset ?? {{}};
  return live === "false" && drawn && settled === drawn && ({ENDED})();
}}"""
STANDS = """() => ({ ...document.querySelector(".lab-board")?.dataset, url: location.href, visible: document.visibilityState,
  status: document.querySelector("[data-testid=stStatusWidget]")?.innerText,
  script: document.querySelector("[data-test-script-state]")?.dataset.testScriptState,
  connection: document.querySelector("[data-test-connection-state]")?.dataset.testConnectionState })"""


class Reader:
    """A page of its own, and its complaints: `errors` holds what the console and the network said."""

    def __init__(self, browser: Browser, address: str, touch: bool = False, **about: Any):
        """about: as `begin` takes it."""
        context = browser.new_context(has_touch=touch, is_mobile=touch)
        context.set_default_timeout(PATIENCE)
        self.page: Page = context.new_page()
        self.address = address
        self.errors: list[str] = []
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self._console(m))
        self.begin(**about)

    def begin(self, width: int = 1280, height: int = 720, theme: str = "light", motion: str = "reduce",
              first: bool = False) -> None:
        """Another reader takes the page: nothing is open, kept or complained of.

        The browser need not read Plotly anew, which is a third of what it costs to open a page.
        first: who has not been here before is asked to predict.
        """
        for other in self.page.context.pages:
            if other != self.page:
                other.close()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=theme, reduced_motion=motion)  # pyright: ignore
        self.page.mouse.move(0, 0)
        self.page.goto(f"{self.address}/_stcore/health")
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        if not first:
            self.page.evaluate(returning())
        self.page.context.clear_cookies()
        self.errors.clear()

    def _console(self, message) -> None:
        if message.type == "error" and not STREAMLITS_OWN.search(message.location.get("url", "")):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.address}/{path}")
        expect(self.page.locator("h2").first).to_be_visible()
        if path and not path.startswith("?"):
            self.drawn()
        return self.page

    @property
    def board(self):
        return self.page.locator(".lab-board")

    def drawn(self) -> None:
        """Waits until nothing is under way: the script has finished and every picture shows the last scene."""
        expect(self.board).to_have_attribute("data-drawn", re.compile("."))
        try:
            # Not at each frame: a browser that draws in software may give none for a while.
            self.page.wait_for_function(SETTLED, polling=50)
        except TimeoutError as late:
            raise AssertionError(f"nothing settled: {self.page.evaluate(STANDS)} {self.errors}") from late

    def set_theme(self, theme: str) -> None:
        """The reader's system turns light or dark; waits until page and pictures have followed."""
        self.page.emulate_media(color_scheme=theme)  # pyright: ignore
        self.page.wait_for_function(FOLLOWED, arg=theme)
        self.drawn()

    def scene(self) -> dict[str, str]:
        return dict(parse_qsl(urlparse(self.page.url).query))

    def unfold(self, words: str, within: str = "") -> None:
        """Opens what is folded under these words, and waits until nothing in it moves: a click would miss what is under way."""
        self.page.locator(f"{within} summary").get_by_text(words, exact=True).click()
        expect(self.page.locator(f"{within} details[open]").filter(has_text=words).first).to_be_visible()
        self.page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')")

    def first_slider(self) -> Locator:
        """The first slider of the controls, which may be under "More"."""
        sliders = self.page.locator(SLIDER).locator("visible=true")
        if not sliders.count():
            self.unfold("More", ".st-key-controls")
        expect(sliders.first).to_be_visible()
        return sliders.first

    def plot(self, panel: str):
        return self.page.locator(f"[data-panel={panel}] .lab-plot")


def progress(page: Page) -> dict[str, Any]:
    """What the browser keeps of the lessons, by slug."""
    return json.loads(page.evaluate("localStorage.getItem('lab-progress')") or "{}")


def violations(page: Page, rule: str = "") -> list[str]:
    """What axe-core finds serious or critical on the page as it is now; by one rule alone, or by all."""
    # To list all that passes as well would take three times as long.
    options = {"resultTypes": ["violations"]} | ({"runOnly": [rule]} if rule else {})
    answer = Axe().run(page, options=options).response
    found = [v for v in answer["violations"] if v["impact"] in ("serious", "critical")]
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]} ({len(v['nodes'])})" for v in found]
