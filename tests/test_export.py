"""What a reader can take away from a page: picture, drawing, numbers, link, and one file that plays without a network."""

from __future__ import annotations

import base64
import csv
import math
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from core.catalogue import lesson
from tests.pages import page_spec
from tests.reader import FOLLOWED, PATIENCE, in_browser
from ui.chart import SOLID

pytestmark = in_browser
PAPER = "#FFFFFF"


@pytest.fixture(scope="module")
def page(browser, address) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce", color_scheme="light",
                                  permissions=["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda e: errors.append(str(e)))
    yield opened(page, f"{address}/optimisers")
    context.close()
    assert errors == []


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_function(
        "() => { const b = document.querySelector('.lab-board');"
        " return b?.dataset.live === 'false' && b.dataset.drawn && b.dataset.settled === b.dataset.drawn; }")
    # A page that has its question up shows its pictures when asked to.
    if (skip := page.locator(".lab-skip")).count() and skip.is_visible():
        skip.click()
    return page


def save(page: Page, panel: str, what: str, folder: Path) -> Path:
    """Saves a picture by the keyboard alone; returns the file."""
    button = page.locator(f"[data-panel={panel}]").get_by_role("button", name="Save this picture")
    button.focus()
    page.keyboard.press("Enter")
    for _ in range(["PNG picture", "SVG drawing", "CSV data"].index(what)):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name=what)).to_be_focused()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    expect(button).to_be_focused()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_menu_by_the_keyboard(page):
    button = page.locator("[data-panel=map]").get_by_role("button", name="Save this picture")
    menu = page.locator("[data-panel=map]").get_by_role("menu")
    items = page.locator("[data-panel=map]").get_by_role("menuitem")
    expect(menu).to_be_hidden()
    button.focus()
    page.keyboard.press("ArrowDown")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(menu).to_be_hidden()
    button.click()
    expect(menu).to_be_visible()
    button.click()
    expect(menu).to_be_hidden()


@pytest.mark.parametrize("panel", ["map", "surface"])
def test_png(page, tmp_path, panel):
    path = save(page, panel, "PNG picture", tmp_path)
    assert path.name == f"lab-optimisers-{panel}.png"
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1000 and height > 500
    # A picture and not a sheet of paper: on paper of one colour stand many others.
    beside = page.context.new_page()
    beside.set_content(f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}">')
    corner, colours = beside.evaluate("""async () => {
      const image = document.querySelector("img");
      await image.decode();
      const canvas = Object.assign(document.createElement("canvas"), { width: image.naturalWidth, height: image.naturalHeight });
      const pen = canvas.getContext("2d");
      pen.drawImage(image, 0, 0);
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      return [[...data.slice(0, 4)], new Set(new Uint32Array(data.buffer)).size];
    }""")
    beside.close()
    assert corner == [255, 255, 255, 255]
    assert colours > 100


def test_svg_stands_alone(page, tmp_path):
    path = save(page, "loss", "SVG drawing", tmp_path)
    assert path.name == "lab-optimisers-loss.svg"
    root = ET.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    words = " ".join(root.itertext())
    for shown in ("How far above the lowest minimum", "loss − minimum", "Momentum", "Logarithmic: a straight line"):
        assert shown in words
    assert "blob:" not in path.read_text() and "http://localhost" not in path.read_text()


def test_a_saved_picture_in_space_carries_no_instruction(page, tmp_path):
    expect(page.locator("[data-panel=surface] .lab-rotate-help")).to_contain_text("turn")
    words = " ".join(node.text or "" for node in ET.parse(save(page, "surface", "SVG drawing", tmp_path)).iter()
                     if node.tag.endswith("text"))
    assert "logarithmic" in words.lower(), "its caption is there"
    assert "turn" not in words.lower()


def rows_of(path: Path) -> tuple[list[str], dict[str, list[list[float]]]]:
    with path.open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    numbers = [i for i, column in enumerate(names) if column not in ("trace", "text")]
    out: dict[str, list[list[float]]] = {}
    for row in rows:
        out.setdefault(row[0], []).append([float(row[i]) if row[i] else math.nan for i in numbers])
    return names, out


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    module, page = lesson("optimisers").module(), page_spec("optimisers")
    scene = module.Config(**page.presets[0].values)
    return {p.id: p.figure for p in page.draw(module.run(scene.trained()), scene).panels}


def numbers_of(figure: Any) -> dict[str, list[np.ndarray]]:
    """By name, the points [n, 2 or 3] of every trace that is not a halo; those of a film frame after frame."""
    out: dict[str, list[np.ndarray]] = {}
    for i, trace in enumerate(figure.data):
        if (trace.line.color if "line" in trace else None) == PAPER:
            continue
        if trace.type in ("contour", "heatmap"):
            x, y = np.meshgrid(np.asarray(trace.x, float), np.asarray(trace.y, float))
            columns = [x, y, np.asarray(trace.z, float)]
        else:
            moves = (trace.meta or {}).get("frames", {})
            axes = "xyz" if trace.type in SOLID else "xy"
            columns = np.broadcast_arrays(*(np.asarray(moves.get(key, trace[key]), float) for key in axes))
        name = re.sub(r"</?su[bp]>", "", trace.name or f"{trace.type} {i + 1}")
        out.setdefault(name, []).append(np.stack([c.ravel() for c in columns], 1))
    return out


def test_csv_holds_the_numbers_of_the_figure(page, figures, tmp_path):
    for panel in ("loss", "map", "surface", "basins"):
        path = save(page, panel, "CSV data", tmp_path)
        assert path.name == f"lab-optimisers-{panel}.csv"
        names, found = rows_of(path)
        assert names[:3] == ["trace", "x", "y"]
        wanted = numbers_of(figures[panel])
        assert list(found) == list(wanted)
        for name, parts in wanted.items():
            want = np.concatenate(parts)
            got = np.array(found[name])[:, : want.shape[1]]
            np.testing.assert_array_equal(got.astype(np.float32), want.astype(np.float32), err_msg=f"{panel}, {name}")


def test_csv_of_a_film_holds_every_frame(page, tmp_path):
    names, found = rows_of(save(page, "map", "CSV data", tmp_path))
    assert names[-1] == "frame"
    seen = {row[-1] for rows in found.values() for row in rows if not math.isnan(row[-1])}
    last = int(page.locator(".lab-player").get_attribute("data-frame"))
    assert last > 10
    assert seen == set(range(last + 1))


def test_the_link_is_copied(page, address):
    link = f"{address}/optimisers?problem=ravine&alpha=0.7"
    opened(page, link)
    button = page.get_by_role("button", name="Share this page")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    expect(button).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert "problem=ravine" in page.url


def test_the_figure_plays_without_a_network(page, browser, tmp_path):
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(FOLLOWED, arg="dark")
    seen = page.locator(".st-key-summary").inner_text().strip()
    page.get_by_role("button", name="Share this page").click()
    with page.expect_download() as waiting:
        page.get_by_role("menuitem", name="Figure as HTML").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert path.name == "lab-optimisers.html"

    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", reduced_motion="no-preference")
    context.set_default_timeout(PATIENCE)
    asked: list[str] = []
    context.route(re.compile("^(http|ws)"), lambda route: (asked.append(route.request.url), route.abort()))
    alone = context.new_page()
    errors: list[str] = []
    alone.on("pageerror", lambda e: errors.append(str(e)))
    alone.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    alone.goto(path.as_uri())
    board, player = alone.locator(".lab-board"), alone.locator(".lab-player")
    expect(board).to_have_attribute("data-drawn", page.locator(".lab-board").get_attribute("data-drawn"))
    # It plays by itself, and ends at the end.
    expect(player).to_have_attribute("data-playing", "false")
    last = int(player.get_attribute("data-frame"))
    assert last > 10
    lengths = "document.querySelector('[data-panel=map] .lab-plot').data.filter((t) => t.meta?.grow).map((t) => t.x.length)"
    full = alone.evaluate(lengths)
    alone.get_by_role("button", name="One step back").click()
    expect(player).to_have_attribute("data-frame", str(last - 1))
    alone.get_by_role("slider", name="Step", exact=True).focus()
    alone.keyboard.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    alone.wait_for_function(f"(most) => Math.max(...{lengths}) < most", arg=max(full))
    alone.get_by_label("Speed").select_option("4")
    alone.get_by_role("button", name="Play").click()
    expect(player).to_have_attribute("data-frame", str(last))
    # The words and the key are there too, in the theme in which it was saved.
    expect(alone.locator("h1")).to_have_text(page.locator("h2").first.inner_text())
    assert alone.locator(".lab-grid .lab-panel").count() == page.locator(".lab-grid .lab-panel").count()
    assert alone.locator(".lab-key li").all_inner_texts() == page.locator(".lab-key li").all_inner_texts()
    assert alone.locator(".lab-grid figcaption").all_inner_texts() == page.locator(".lab-grid figcaption").all_inner_texts()
    assert seen in alone.locator("body").inner_text()
    expect(alone.get_by_role("link", name=page.url)).to_be_visible()
    assert "Licence: MIT" in alone.locator("footer").inner_text()
    paper = "getComputedStyle(document.body).backgroundColor"
    assert alone.evaluate(paper) != "rgb(255, 255, 255)"
    assert asked == [] and errors == []
    # A picture can be saved from the file as well.
    with alone.expect_download() as waiting:
        alone.locator("[data-panel=loss]").get_by_role("button", name="Save this picture").click()
        alone.get_by_role("menuitem", name="CSV data").click()
    assert waiting.value.suggested_filename == "lab-optimisers-loss.csv"
    context.close()
