"""What the app costs, beside a bare Streamlit page with one slider and one chart (benchmarks/bare) in the same run.

scene_ms   processor time of the opening scene: run, figures and bytes
rerun      a rerun at the websocket with the scene cached, as a ratio to the bare page's
paint      key press on a slider to the new picture painted in headless Chromium, as a ratio to the bare page's:
           `fresh` for a scene never computed, `cached` for one that was
paint.first   a first visit (nothing in the browser's cache, motion allowed, the opening scene computed): navigation to the
           first picture painted, as a ratio to the bare page's chart
first_visit_kB   what such a visit moves over the network, websocket included; the page that moves most
live_per_s   pictures a second that the first panel shows while the run of a new scene is under way
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from playwright.sync_api import Browser, Page

from benchmarks.browser import FLAGS, chromium, executable, returning
from benchmarks.server import ROOT, serve, session
from core.catalogue import LESSONS
from tests.pages import opening_scene, page_spec
from ui.chart import encode

BARE = Path(__file__).parent / "bare" / "app.py"
Samples = dict[str, list[float]]


def scenes(repeats: int = 3) -> Samples:
    """Milliseconds of processor time for each opening scene, one thread, imports warm."""
    torch.set_num_threads(1)
    out: Samples = {}
    for entry in LESSONS:
        module, draw, scene = entry.module(), page_spec(entry.slug).draw, opening_scene(entry.slug)
        encode(draw(module.run(scene), scene))
        times = []
        for _ in range(repeats):
            start = time.process_time()
            encode(draw(module.run(scene), scene))
            times.append(1000 * (time.process_time() - start))
        out[f"scene_ms.{entry.slug}"] = times
    return out


def reruns(bare: str, lab: str, repeats: int = 15) -> Samples:
    """Ratio of a lesson page's rerun to the bare page's, measured turn by turn."""
    out: Samples = {}
    with session(bare) as yardstick:
        for entry in LESSONS:
            with session(lab, entry.slug) as lesson:
                time.sleep(2)  # a live run finishes in the meantime
                for warm in (lesson, yardstick):
                    for _ in range(3):
                        warm.rerun()
                ratios = []
                for _ in range(repeats):
                    start = time.perf_counter()
                    yardstick.rerun()
                    middle = time.perf_counter()
                    lesson.rerun()
                    ratios.append((time.perf_counter() - middle) / (middle - start))
            out[f"rerun.{entry.slug}"] = ratios
    return out


# Resolves with the milliseconds from the next key press to the first frame in which `state()` has changed.
WATCH = """(state) => {
  const read = new Function("return " + state);
  const before = read();
  window.__painted = new Promise((resolve) => {
    addEventListener("keydown", () => {
      const start = performance.now();
      const look = () => {
        const now = read();
        if (now !== null && now !== before) requestAnimationFrame(() => resolve(performance.now() - start));
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }, { once: true, capture: true });
  });
}"""
BARE_STATE = "(document.querySelector('.js-plotly-plot .scatterlayer path.js-line')?.getAttribute('d') ?? null)"
SLIDER = "input[type=range], [role=slider]"
CONTROLS = f".st-key-controls :is({SLIDER})"
LAB_STATE = "(document.querySelector('.lab-board')?.dataset.drawn ?? null)"

# The next press finds the page at rest: no run under way, the pictures below the fold drawn too.
AT_REST = """() => {
  const board = document.querySelector(".lab-board");
  return !document.querySelector("[data-testid=stStatusWidget]")
    && (!board || (board.dataset.live === "false" && board.dataset.settled === board.dataset.drawn));
}"""


def press(page: Page, slider: str, key: str, state: str) -> float:
    page.locator(slider).locator("visible=true").first.focus()
    page.evaluate(WATCH, state)
    page.keyboard.press(key)
    taken = page.evaluate("Promise.race([window.__painted, new Promise((_, no) => setTimeout(no, 20000, 'nothing changed'))])")
    page.wait_for_timeout(400)
    page.wait_for_function(AT_REST)
    return taken


def _there_and_back(page: Page, repeats: int) -> tuple[str, str, int]:
    """The keys that move the page's first slider to where it has most room, and back; and how often, at most `repeats`."""
    slider = page.locator(CONTROLS).locator("visible=true").first
    at, low, high = (float(slider.get_attribute(name) or 0) for name in ("value", "min", "max"))
    step = float(slider.get_attribute("step") or 1)
    up, down = round((high - at) / step), round((at - low) / step)
    if up >= min(repeats, down):
        return "ArrowRight", "ArrowLeft", min(repeats, up)
    return "ArrowLeft", "ArrowRight", min(repeats, down)


def paints(bare: str, lab: str, repeats: int = 5, say: Callable[[str], None] = print) -> Samples:
    """Ratios of key press to paint, fresh (towards new scenes) and cached (back through them).

    Each of the two pages has a browser to itself, as a reader has: side by side in one they share a painter, and
    the lighter of the two pays for the heavier.
    """
    out: Samples = {}
    about: dict[str, Any] = dict(viewport={"width": 1280, "height": 720}, reduced_motion="reduce")
    with chromium() as one:
        other = one.browser_type.launch(executable_path=executable(), args=FLAGS)
        yard = one.new_page(**about)
        yard.goto(bare)
        yard.wait_for_selector(".js-plotly-plot .scatterlayer path.js-line")
        yard.wait_for_timeout(1000)
        press(yard, SLIDER, "ArrowRight", BARE_STATE)
        for entry in LESSONS:
            page = other.new_page(**about)
            page.add_init_script(returning())
            page.goto(f"{lab}/{entry.slug}")
            page.wait_for_selector(".lab-board[data-drawn]")
            page.wait_for_timeout(3000)
            page.wait_for_function(AT_REST)
            say(f"  {entry.slug}")
            if not page.locator(CONTROLS).locator("visible=true").count():
                page.locator(".st-key-controls summary").click()
                page.wait_for_timeout(500)
            there, back, count = _there_and_back(page, repeats)
            for kind, key in (("fresh", there), ("cached", back)):
                ratios = []
                for _ in range(count):
                    bare_ms = press(yard, SLIDER, key, BARE_STATE)
                    ratios.append(press(page, CONTROLS, key, LAB_STATE) / bare_ms)
                out[f"paint.{kind}.{entry.slug}"] = ratios
            page.close()
        other.close()
    return out


# Notes when the first picture is there, in the first frame after it.
ARRIVAL = """{
  const look = () => {
    if (%s !== null) requestAnimationFrame(() => { window.__arrived = performance.now(); });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""


def first_visit(browser: Browser, address: str, state: str) -> tuple[float, float]:
    """Milliseconds from navigation to the first picture painted, and kilobytes moved until the page is at rest."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="no-preference")
    context.add_init_script(returning())
    context.add_init_script(ARRIVAL % state)
    page = context.new_page()
    moved: list[float] = []
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: moved.append(event["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda event: moved.append(_length(event["response"])))
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.__arrived", timeout=60_000)
    taken = page.evaluate("window.__arrived")
    page.wait_for_timeout(1500)
    context.close()
    return taken, sum(moved) / 1000


def _length(frame: dict[str, Any]) -> float:
    """Bytes of a websocket's frame; those that are no text are shown in base64."""
    return len(frame["payloadData"]) * (1 if frame["opcode"] == 1 else 0.75)


def first_visits(bare: str, lab: str, repeats: int = 5, say: Callable[[str], None] = print) -> Samples:
    """Ratios of first visits, turn by turn, and what the largest moved."""
    out: Samples = {}
    sizes = []
    with chromium() as browser:
        for entry in LESSONS:
            say(f"  {entry.slug}")
            address = f"{lab}/{entry.slug}"
            first_visit(browser, address, LAB_STATE)
            pairs = [(first_visit(browser, bare, BARE_STATE), first_visit(browser, address, LAB_STATE)) for _ in range(repeats)]
            out[f"paint.first.{entry.slug}"] = [lab_ms / bare_ms for (bare_ms, _), (lab_ms, _) in pairs]
            sizes.append(statistics.median(kilobytes for _, (_, kilobytes) in pairs))
    return out | {"first_visit_kB": [max(sizes)]}


# Notes the time of each new picture of the first panel, until the run is over.
LIVE = """() => {
  const board = document.querySelector(".lab-board");
  window.__shown = [];
  let last = board.dataset.drawn;
  new MutationObserver(() => {
    if (board.dataset.drawn === last || board.dataset.live === "false") return;
    last = board.dataset.drawn;
    window.__shown.push(performance.now());
  }).observe(board, { attributes: true, attributeFilter: ["data-drawn"] });
}"""


def live(lab: str, slug: str = "early_stopping", repeats: int = 5) -> Samples:
    """Pictures a second while the runs of new scenes are under way, which a slider begins."""
    rates = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.add_init_script(returning())
        for seed in range(1, 1 + repeats):
            page.goto(f"{lab}/{slug}?seed={seed}")
            page.wait_for_selector(".lab-board[data-drawn]")
            page.wait_for_function(AT_REST)
            page.evaluate(LIVE)
            press(page, CONTROLS, "ArrowRight", LAB_STATE)
            shown = page.evaluate("window.__shown")
            rates.append(1000 * (len(shown) - 1) / (shown[-1] - shown[0]))
    return {f"live_per_s.{slug}": rates}


def measure(say: Callable[[str], None] = print) -> Samples:
    out: Samples = {}
    say("opening scenes …")
    out |= scenes()
    with serve(BARE) as bare, serve() as lab:
        say("reruns at the websocket …")
        out |= reruns(bare, lab)
        say("key press to paint …")
        out |= paints(bare, lab)
        say("first visits …")
        out |= first_visits(bare, lab)
        say("live pictures …")
        out |= live(lab)
    return out


def median_and_spread(values: list[float]) -> tuple[float, float]:
    """Median and half the distance between the quartiles."""
    quarters = statistics.quantiles(values, n=4) if len(values) > 1 else [values[0]] * 3
    return statistics.median(values), (quarters[2] - quarters[0]) / 2


__all__ = ["ROOT", "measure", "median_and_spread"]
