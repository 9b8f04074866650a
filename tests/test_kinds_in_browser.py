"""Kinds of panels in the browser: what a reader sees, hears and does with each."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlparse

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from benchmarks.server import ROOT, serve
from core.data import real
from tests.kinds.lesson import REACH
from tests.reader import Reader, in_browser, violations

pytestmark = in_browser


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("kinds") / "log"
    with serve(app=ROOT / "tests" / "kinds" / "app.py", folder=ROOT, log=log) as address:
        yield address
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def opened(browser, place) -> Iterator[Callable[..., Reader]]:
    readers: list[Reader] = []

    def opened(path: str = "", **about) -> Reader:
        reader = Reader(browser, place, **{"height": 900, **about})
        readers.append(reader)
        reader.page.goto(f"{place}/{path}")
        reader.drawn()
        return reader

    yield opened
    for reader in readers:
        if reader.page.context.pages:
            reader.page.context.close()
        assert reader.errors == []


@pytest.fixture(scope="module")
def shared(opened) -> Reader:
    """One page for all tests that leave the fields of other panels alone."""
    return opened()


@pytest.fixture
def page(shared) -> Page:
    go(shared.page, 0)
    return shared.page


def go(page: Page, frame: int) -> None:
    page.get_by_role("slider", name="Step").fill(str(frame))
    page.wait_for_function("(f) => document.querySelector('.lab-board').dataset.frame === String(f)", arg=frame)


def panel(page: Page, name: str):
    found = page.locator(f"[data-panel={name}]")
    found.scroll_into_view_if_needed()
    return found


def summary(page: Page):
    return page.locator(".st-key-summary")


def cleared(page: Page):
    """The pad for points without any."""
    pad = panel(page, "points")
    if (clear := pad.get_by_role("button", name="Clear")).is_enabled():
        clear.click()
    expect(summary(page)).to_contain_text(", 0 points")
    return pad


def save(page: Page, name: str, what: str, folder: Path) -> Path:
    panel(page, name).get_by_role("button", name="Save this picture").click()
    with page.expect_download() as waiting:
        page.locator(f"[data-panel={name}]").get_by_role("menuitem", name=what).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


PIXEL = """([name, cell, x, y]) => {
  const canvas = document.querySelectorAll(`[data-panel=${name}] canvas`)[cell];
  return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data].slice(0, 3); }"""


def test_images(page, tmp_path):
    # Levels in the colours of the theme, one scale, frames.
    ink, paper = [0x1B, 0x24, 0x30], [255, 255, 255]
    assert page.evaluate(PIXEL, ["values", 1, 0, 0]) == paper
    first = page.evaluate(PIXEL, ["values", 1, 5, 3])
    go(page, 4)
    last = page.evaluate(PIXEL, ["values", 1, 5, 3])
    assert all(i < b < a for a, b, i in zip(first, last, ink, strict=True))
    assert page.evaluate(PIXEL, ["values", 0, 5, 3]) == last, "a still image is as it was"
    widths = page.evaluate("""[...document.querySelectorAll("[data-panel=photographs] .lab-image-frame")]
      .map((f) => [f.clientWidth, f.clientHeight]).flat()""")
    assert len(set(widths[:6])) == 1
    shown = page.evaluate(PIXEL, ["photographs", 0, 80, 80])
    assert np.abs(np.array(shown) - real.pictures()["cat"].image_HWC.numpy()[80, 80]).max() < 40
    expect(page.locator("[data-panel=photographs] .lab-image-frame path")).to_have_count(15)
    expect(page.get_by_role("img", name="photograph of cat")).to_be_visible()
    # A click and the keyboard report the cell.
    panel(page, "values").locator(".lab-image").nth(2).click()
    expect(summary(page)).to_contain_text("Cell 2,")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-panel=values] .lab-image").nth(5)).to_be_focused()
    page.keyboard.press("Enter")
    expect(summary(page)).to_contain_text("Cell 5,")
    page.wait_for_function("location.search.includes('cell=5')")
    # The value under the pointer; the picture and its numbers.
    panel(page, "values").locator("canvas").first.hover()
    expect(page.locator("[data-panel=values] .lab-hover")).to_have_text(re.compile(r"ink 0\.\d+"))
    drawing = ET.parse(save(page, "photographs", "SVG drawing", tmp_path)).getroot()
    hrefs = [node.get("href") for node in drawing.iter("{http://www.w3.org/2000/svg}image")]
    assert len(hrefs) == 3 and all(href and href.startswith("data:image/png") for href in hrefs)
    rows = table_of(save(page, "values", "CSV data", tmp_path))
    assert len(rows) == 64 * (1 + 5 * 5) and {row["frame"] for row in rows} == set("01234")
    data = save(page, "photographs", "PNG picture", tmp_path).read_bytes()
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(-1, 3), axis=0)) > 2000


def test_an_image_is_shifted(page):
    frame = panel(page, "shifted").locator(".lab-image-frame").first
    box = frame.bounding_box()
    assert box
    pixel = box["width"] / 8
    page.mouse.move(box["x"] + 4 * pixel, box["y"] + 4 * pixel)
    page.mouse.down()
    page.mouse.move(box["x"] + 6 * pixel, box["y"] + 3 * pixel, steps=4)
    moved = page.evaluate("document.querySelector('[data-panel=shifted] canvas').style.transform")
    assert moved.startswith("translate("), "what is drawn follows the hand"
    page.mouse.up()
    expect(summary(page)).to_contain_text("shift 2 -1")
    page.wait_for_function("document.querySelector('[data-panel=shifted] canvas').style.transform === ''")
    frame.locator("xpath=..").focus()
    for key in ["ArrowRight"] * 3 + ["ArrowDown"]:
        page.keyboard.press(key)
    expect(summary(page)).to_contain_text(f"shift {REACH} 0")
    # It comes in again at the other side.
    page.wait_for_function(f"(at) => ({PIXEL})(at).join() !== '255,255,255'", arg=["shifted", 0, 0, 4])


def test_network(page, tmp_path):
    net = panel(page, "network")
    width = "(i) => Number(document.querySelectorAll('[data-panel=network] line')[i].getAttribute('stroke-width'))"
    before = page.evaluate(width, 3)
    expect(net.locator("[data-unit='1:0']")).to_have_attribute("data-dropped", "true")
    go(page, 2)
    expect(net.locator("[data-unit='1:0']")).to_have_attribute("data-dropped", "false")
    expect(net.locator("[data-unit='1:2']")).to_have_attribute("data-dropped", "true")
    assert page.evaluate(width, 3) > 1.5 * before
    hidden = "document.querySelectorAll('[data-panel=network] line')[6].getAttribute('visibility')"
    assert page.evaluate(hidden) == "hidden", "a weight that is zero is not drawn"
    told = net.locator(".lab-network-status")
    net.locator("[data-unit='1:2']").hover()
    expect(told).to_have_text("hidden: h₃ = 0, dropped")
    page.mouse.move(0, 0)
    expect(told).to_be_empty()
    net.locator("[data-unit='0:0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(told).to_have_text("hidden: h₂ = 0")
    page.keyboard.press("Enter")
    expect(summary(page)).to_contain_text("unit 1:1")
    net.locator("[data-unit='2:0']").click()
    expect(summary(page)).to_contain_text("unit 2:0")
    rows = table_of(save(page, "network", "CSV data", tmp_path))
    assert len(rows) == 5 * (8 + 4)
    assert {"layer": "hidden", "from": "x₂", "to": "h₃", "weight": "2", "frame": "4"} in rows
    text = save(page, "network", "SVG drawing", tmp_path).read_text()
    assert "h₄" in text and "positive weight" in text


def test_a_line_of_the_network_is_told(page):
    box = panel(page, "network").locator(".lab-network").bounding_box()
    ends = page.evaluate("""(() => { const l = document.querySelectorAll('[data-panel=network] line')[0];
      return ['x1', 'x2', 'y1', 'y2'].map((k) => Number(l.getAttribute(k))); })()""")
    assert box
    # A third of the way, where no other line passes.
    page.mouse.move(box["x"] + ends[0] + (ends[1] - ends[0]) / 3, box["y"] + ends[2] + (ends[3] - ends[2]) / 3)
    expect(page.locator(".lab-network-status")).to_have_text("x₁ → h₁: weight 0.2")


def test_points_by_mouse(shared, page):
    pad = cleared(page)
    box = pad.locator(".lab-sheet-to-draw").bounding_box()
    assert box

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    pad.get_by_role("radio", name="B", exact=True).click()
    page.mouse.click(*at(0.5, 0.3))
    expect(summary(page)).to_contain_text(", 1 points")
    expect(pad.locator(".lab-drawn")).to_have_text("0 A, 1 B.")
    page.wait_for_function("location.search.includes('dots=')")
    drawn = shared.scene()["dots"]
    # A drag moves the point that is taken hold of, and is told once.
    page.mouse.move(*at(0.5, 0.3))
    page.mouse.down()
    page.mouse.move(*at(0.7, 0.6), steps=5)
    page.wait_for_timeout(600)
    assert shared.scene()["dots"] == drawn
    page.mouse.up()
    page.wait_for_function("(drawn) => new URL(location).searchParams.get('dots') !== drawn", arg=drawn)
    expect(summary(page)).to_contain_text(", 1 points")
    pad.get_by_role("radio", name="Erase").click()
    page.mouse.click(*at(0.7, 0.6))
    expect(summary(page)).to_contain_text(", 0 points")
    for points in (1, 1, 0):
        pad.get_by_role("button", name="Undo").click()
        expect(summary(page)).to_contain_text(f", {points} points")


def test_points_by_keyboard(page):
    pad = cleared(page)
    pad.get_by_role("radio", name="A", exact=True).click()
    pad.locator(".lab-sheet-to-draw").focus()
    page.keyboard.press("Enter")
    expect(summary(page)).to_contain_text(", 1 points")
    before = page.url
    for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    page.wait_for_function("(before) => location.href !== before", arg=before)
    expect(pad.locator(".lab-drawn")).to_have_text("1 A, 0 B.")
    page.keyboard.press("Delete")
    expect(summary(page)).to_contain_text(", 0 points")
    pad.get_by_role("radio", name="A", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(pad.get_by_role("radio", name="B", exact=True)).to_have_attribute("aria-checked", "true")


def test_pixels(page, opened, tmp_path):
    pad = panel(page, "raster")
    box = pad.locator(".lab-sheet-to-draw").bounding_box()
    assert box
    side = box["width"] / 8
    page.mouse.move(box["x"] + 1.5 * side, box["y"] + 2.5 * side)
    page.mouse.down()
    page.mouse.move(box["x"] + 6.5 * side, box["y"] + 2.5 * side, steps=3)
    page.mouse.up()
    page.wait_for_function("location.search.includes('digit=')")
    values = np.array([int(row["value"]) for row in table_of(save(page, "raster", "CSV data", tmp_path))]).reshape(8, 8)
    assert (values[2, 1:7] == 16).all() and values[5:].sum() == 0
    # What the link says opens as it was drawn; an asset that is not there is said once, and the rest of the link holds.
    other = opened(f"?digit={dict(parse_qsl(urlparse(page.url).query))['digit']}&sketch={'0' * 32}&cell=3").page
    inked = """[...document.querySelectorAll("[data-panel=raster] rect[fill-opacity]")]
      .map((rect) => Number(rect.getAttribute("fill-opacity")))"""
    np.testing.assert_allclose(np.array(other.evaluate(inked)).reshape(8, 8), values / 16)
    expect(other.locator(".lab-notices")).to_contain_text("Sketch: what was drawn or uploaded is not in the link")
    expect(summary(other)).to_contain_text("Cell 3")
    expect(summary(other)).to_contain_text("0 in the sketch")
    other.context.close()
    pad.locator(".lab-sheet-to-draw").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(pad.locator(".lab-drawn")).to_have_text("Row 6, column 5: 16 of 16.")
    page.keyboard.press("Delete")
    expect(pad.locator(".lab-drawn")).to_have_text("Row 6, column 5: 0 of 16.")


def test_a_sketch_is_an_asset(shared, page, opened):
    box = panel(page, "sketch").locator(".lab-sheet-to-draw").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    expect(summary(page)).to_contain_text("1 in the sketch")
    page.wait_for_function("location.search.includes('sketch=')")
    digest = shared.scene()["sketch"]
    assert re.fullmatch(r"[0-9a-f]{32}", digest)
    expect(page.locator(".lab-notices")).to_contain_text("Sketch: not in the link")
    # Whoever has the link is shown it while it is kept.
    other = opened(f"?sketch={digest}").page
    expect(summary(other)).to_contain_text("1 in the sketch")
    other.context.close()


def test_table(page, tmp_path):
    table = panel(page, "table")
    expect(table.get_by_role("columnheader")).to_have_text(["round", "weighted error", "samples", "step"])
    expect(table.get_by_role("row").nth(2).get_by_role("cell")).to_have_text(["0.2", "2000", "2 × 10⁻⁸"])
    assert page.evaluate("getComputedStyle(document.querySelector('[data-panel=table] td')).textAlign") == "right"
    expect(table.locator("tr[aria-current]")).to_contain_text("round 1")
    go(page, 3)
    expect(table.locator("tr[aria-current]")).to_contain_text("round 4")
    table.get_by_role("button", name="round 3").click()
    expect(summary(page)).to_contain_text("row 2")
    table.get_by_role("button", name="Save this picture").click()
    expect(table.get_by_role("menuitem")).to_have_text(["CSV data"])
    page.keyboard.press("Escape")
    rows = table_of(save(page, "table", "CSV data", tmp_path))
    assert len(rows) == 5 and list(rows[0].values())[:3] == ["round 1", "0.4", "1000"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_can_be_read(opened, theme, width):
    page = opened(theme=theme, width=width, touch=width < 600).page
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = page.evaluate("""[...document.querySelectorAll(".lab-plot")].filter((plot) => {
      const box = plot.getBoundingClientRect();
      return [...plot.querySelectorAll("canvas, svg, table, button")].some((node) => {
        const { left, right, width } = node.getBoundingClientRect();
        return width && (left < box.left - 1 || right > box.right + 1); });
    }).map((plot) => plot.parentNode.dataset.panel)""")
    assert outside == []
    if theme == "dark":
        assert page.evaluate(PIXEL, ["values", 0, 0, 0]) == [0x11, 0x16, 0x1D]
    if width < 600:
        box = panel(page, "points").locator(".lab-sheet-to-draw").bounding_box()
        assert box
        page.touchscreen.tap(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
        expect(summary(page)).to_contain_text("3 points")
    page.context.close()


def test_a_change_of_theme_keeps_what_is_drawn(page):
    cleared(page).get_by_role("radio", name="A", exact=True).click()
    page.locator("[data-panel=points] .lab-sheet-to-draw").focus()
    page.keyboard.press("Enter")
    expect(summary(page)).to_contain_text(", 1 points")
    page.evaluate("document.querySelector('[data-panel=points] svg.lab-sheet-to-draw').dataset.mine = 'yes'")
    page.evaluate("document.querySelector('.stApp').style.backgroundColor = '#11161D'")
    page.wait_for_function("""(() => { const canvas = document.querySelector('[data-panel=values] canvas');
      return canvas.getContext('2d').getImageData(0, 0, 1, 1).data[0] === 0x11; })()""")
    pad = panel(page, "points")
    expect(pad.locator(".lab-drawn")).to_have_text("1 A, 0 B.")
    expect(pad.locator("svg.lab-sheet-to-draw")).to_have_attribute("data-mine", "yes")


def test_side_by_side(page):
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("[data-panel=kept-values] canvas")).to_have_count(6)
    panel(page, "values").locator(".lab-image").nth(1).click()
    expect(summary(page)).to_contain_text("Cell 1,")
    go(page, 1)
    expect(page.locator("[data-panel=kept-table] tr[aria-current]")).to_contain_text("round 2")
    page.get_by_role("button", name="End comparison").click()
    expect(page.locator("[data-panel=kept-values]")).to_have_count(0)


def test_nothing_is_lost_that_is_done_while_a_run_is_under_way(opened):
    page = opened().page
    page.evaluate("""() => {
      document.querySelectorAll("[data-panel=values] .lab-image")[1].click();
      document.querySelectorAll("[data-panel=table] tbody button")[3].click();
      document.querySelector("[data-unit='1:2']").dispatchEvent(new MouseEvent("click", { bubbles: true }));
      [...document.querySelectorAll(".lab-actions button")].find((b) => b.textContent === "Compare").click();
    }""")
    expect(page.locator("[data-panel=kept-values] canvas")).to_have_count(6)
    expect(summary(page)).to_contain_text("Cell 1, unit 1:2, row 3,")
    page.context.close()


def test_lecture_mode(opened):
    page = opened("?present=1", width=1920, height=1080).page
    for number, name in enumerate(["values", "photographs", "network", "shifted", "points", "raster", "sketch", "table"], 1):
        page.keyboard.press(str(number))
        plot = page.locator(f"[data-panel={name}] .lab-plot")
        expect(plot).to_be_visible()
        assert plot.bounding_box()["height"] > 500, name  # pyright: ignore
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('[data-panel=table] td')).fontSize)")
    assert size >= 22
    page.context.close()


def test_one_file_plays_without_a_network(page, browser, tmp_path):
    page.get_by_role("button", name="Share this page").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Figure as HTML").click()
    path = tmp_path / "page.html"
    waiting.value.save_as(path)
    alone = browser.new_context(offline=True, reduced_motion="reduce").new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda e: errors.append(str(e)))
    alone.goto(path.as_uri())
    alone.wait_for_function("document.querySelector('.lab-board')?.dataset.settled")
    assert np.abs(np.array(alone.evaluate(PIXEL, ["photographs", 0, 80, 80]))
                  - real.pictures()["cat"].image_HWC.numpy()[80, 80]).max() < 40
    go(alone, 1)
    expect(alone.locator("[data-panel=table] tr[aria-current]")).to_contain_text("round 2")
    alone.context.close()
    assert errors == []
