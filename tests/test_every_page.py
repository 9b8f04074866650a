"""Every page in the browser, opened once: its question, both themes, every reader's access, a phone, its presets."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import parse_qsl, urlencode, urlparse

import pytest
from playwright.sync_api import Page, expect

from core.catalogue import LESSONS, Lesson
from tests.pages import page_spec
from tests.reader import Reader, in_browser, progress, violations

pytestmark = in_browser


@pytest.fixture(scope="module")
def one_page(browser, address) -> Reader:
    """A reader without WebGL: without a graphics card pictures in space take half of the time. tests/test_touch.py turns them."""
    reader = Reader(browser, address)
    reader.page.add_init_script("""
      const { getContext } = HTMLCanvasElement.prototype;
      HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return String(kind).includes("webgl") ? null : getContext.call(this, kind, ...more);
      };""")
    return reader


def fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("() => document.querySelector('.lab-panel').clientWidth < 390")
    # The pictures are fitted to their new place a moment later.
    page.wait_for_function("""() => [...document.querySelectorAll(".lab-plot")]
      .filter((plot) => plot.clientWidth && plot._fullLayout)
      .every((plot) => Math.abs(plot._fullLayout.width - plot.clientWidth) <= 1)""")
    wide = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]")
    assert max(wide) <= 391, "the page scrolls sideways"
    tables = page.locator(".st-key-summary table").evaluate_all("tables => tables.map((t) => t.scrollWidth - t.clientWidth)")
    assert max(tables, default=0) <= 1, "a column of the verdict's table is out of sight"
    picture, hands = page.locator(".lab-panel").first.bounding_box(), page.locator(".st-key-controls").bounding_box()
    assert picture
    assert hands
    assert picture["y"] < hands["y"], "on a phone the picture stands above the controls"
    assert picture["width"] > 330
    # The main controls stand right below the first picture and cover nothing.
    first = page.locator(".lab-panel:not([data-panel=setup])").first
    gap, main, above = first.evaluate("""(panel) => {
      const above = [...panel.querySelectorAll(".lab-player, .lab-plot")].filter((e) => e.offsetParent || e.matches(".lab-plot"));
      const places = [panel.querySelector(".lab-controls-gap"), document.querySelector(".st-key-main-controls"), above.at(-1)];
      return places.map((node) => { const { y, height } = node.getBoundingClientRect(); return { y, height }; });
    }""")
    assert main["height"] > 40
    assert abs(gap["y"] - main["y"]) < 2
    assert gap["height"] >= main["height"] - 1
    assert above["height"] > 0
    assert main["y"] >= above["y"] + above["height"] - 1
    lines = page.evaluate("""Object.fromEntries([...document.querySelectorAll(".lab-panel")].map((panel) => {
      const shown = [...panel.querySelectorAll(".lab-key > *")].filter((one) => one.offsetParent);
      return [panel.dataset.panel, new Set(shown.map((one) => one.offsetTop)).size];
    }))""")
    assert max(lines.values()) < 5, lines


def stands_in_lines(page: Page, which: str = ".lab-aligned") -> None:
    """Pictures beside each other begin on one line and are equally high, whatever is said below them."""
    boxes = page.evaluate("""(which) => [...document.querySelectorAll(`${which}:not([hidden]) > .lab-plot`)].map((plot) => {
      const { top, height } = plot.getBoundingClientRect();
      return [plot.parentNode.style.getPropertyValue("--span"), plot.parentNode.dataset.height, top, height];
    })""", which)
    for one, two in pairwise(boxes):
        if abs(one[2] - two[2]) < 40:
            assert abs(one[2] - two[2]) <= 1, (one, two)
            assert abs(one[3] - two[3]) <= 1, (one, two)


def controls_stay_in_sight(page: Page) -> None:
    main = page.locator("[data-testid=stMain]")
    last = page.locator(".lab-grid").evaluate("e => e.getBoundingClientRect().bottom - innerHeight")
    main.evaluate("(e, by) => { e.scrollTop = by; }", max(0, last))
    box = page.locator(".st-key-controls").bounding_box()
    assert box
    assert 0 <= box["y"] < 200, "the last picture's controls have left the screen"
    main.evaluate("e => { e.scrollTop = 0; }")


def fills_the_wall(reader: Reader, entry: Lesson) -> None:
    page, scene = reader.page, reader.scene()
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{reader.address}/{entry.slug}?{urlencode(scene | {'present': '1'})}")
    for width, height in ((1920, 1080), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        reader.drawn()
        # A picture holds its panel as wide as it was drawn until it is drawn anew.
        page.wait_for_function("""([w, h]) => innerWidth === w && innerHeight === h
          && document.querySelector("[data-testid=stMain]").scrollWidth <= w""", arg=[width, height])
        words, plots, cut, sideways = page.evaluate("""() => [
          document.querySelector(".lab-lecture").offsetHeight,
          [...document.querySelectorAll(".lab-panel:not([hidden]) > .lab-plot")].map((e) => [e.clientWidth, e.clientHeight]),
          ((e) => e.scrollWidth - e.clientWidth)(document.querySelector(".lab-why")),
          document.querySelector("[data-testid=stMain]").scrollWidth - innerWidth]""")
        assert sideways <= 0
        assert cut <= 0, "the scene's sentence is whole"
        assert 0 < words < 0.07 * height, "one line of heading"
        assert 1 <= len(plots) <= 3
        for wide, tall in plots:
            assert tall >= 0.75 * height, f"{wide} × {tall} on {width} × {height}"
        assert sum(wide for wide, _ in plots) > 0.9 * width
        stands_in_lines(page, ".lab-panel")
        feet = """[...document.querySelectorAll(".lab-panel:not([hidden]) .xtitle")].map((title) =>
          title.getBoundingClientRect().bottom - title.closest(".lab-plot").getBoundingClientRect().bottom)"""
        # Measured when it stands still: Plotly may draw the axes of a picture once more for its new size.
        page.wait_for_function(f"() => {{ const was = window.feet; window.feet = String({feet}); return window.feet === was; }}",
                               polling=250)
        below = page.evaluate(feet)
        assert max(below, default=-2) <= -2, "the foot of an axis' name stands on the picture's edge"


def one_family_of_type(page: Page) -> None:
    """Pages and pictures are set in one family."""
    families = page.evaluate("""["h2", ".xtick text", ".lab-why", ".lab-title", ".xtitle, .ytitle"]
      .map((place) => document.querySelector(place)).filter(Boolean)
      .map((node) => getComputedStyle(node).fontFamily.replace(/["']/g, ""))""")
    assert len(families) >= 4
    assert len(set(families)) == 1


def beside_the_picture(page: Page) -> None:
    """Plotly's buttons stand above the data, in the colours of the page, and beside the one that saves."""
    bars = page.evaluate("""[...document.querySelectorAll(".lab-grid .modebar")].map((bar) => {
      const plot = bar.closest(".lab-plot"), b = bar.getBoundingClientRect(), p = plot.getBoundingClientRect();
      const save = bar.closest(".lab-panel").querySelector(".lab-menu").getBoundingClientRect();
      return { below: b.bottom - p.top, right: save.left - b.right, level: Math.abs(b.top - save.top),
               paper: getComputedStyle(bar).backgroundColor };
    })""")
    assert bars
    for bar in bars:
        assert bar["below"] <= 3, bar
        assert -1 <= bar["right"] < 30, bar
        assert bar["level"] < 12, bar
        assert bar["paper"] in ("rgba(0, 0, 0, 0)", "transparent"), bar


def a_slider_changes_the_picture_and_the_link(reader: Reader) -> None:
    page = reader.page
    before = reader.board.get_attribute("data-drawn")
    slider = reader.first_slider()
    # Towards the middle, where there is room to move.
    at, low, high = (float(slider.get_attribute(name) or 0) for name in ("value", "min", "max"))
    there, back = ("ArrowLeft", "ArrowRight") if at - low > high - at else ("ArrowRight", "ArrowLeft")
    slider.focus()
    page.keyboard.press(there)
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before)
    # The link follows, and what is drawn belongs to what the link says.
    page.wait_for_function("""() => {
      const same = (text) => new URLSearchParams(text).toString();
      return location.search.length > 1 && same(document.querySelector(".lab-board").dataset.scene) === same(location.search);
    }""")
    reader.drawn()
    slider.focus()
    page.keyboard.press(back)
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn === d", arg=before)
    reader.drawn()


def answer(page: Page) -> None:
    """Commits to an answer, whatever the kind of the question."""
    cover = page.locator(".lab-cover")
    expect(cover).to_be_visible()
    if cover.locator(".lab-curve").count():
        box = cover.locator(".lab-curve").bounding_box()
        assert box
        page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.6 * box["height"], steps=8)
        page.mouse.up()
    if cover.locator(".lab-send").count():
        cover.locator(".lab-send").click()
    else:
        cover.locator("[data-number]").first.click()


def presets_are_links_that_open_their_scenes(reader: Reader, entry: Lesson) -> None:
    presets, config = page_spec(entry.slug).presets, entry.module().Config
    links = reader.page.locator(".lab-presets a")
    assert links.all_inner_texts() == [p.name for p in presets]
    for preset, link in zip(presets, links.all(), strict=True):
        assert dict(parse_qsl(urlparse(link.get_attribute("href")).query)) == config(**preset.values).query()
        assert link.get_attribute("title") == preset.why
    links.last.click()
    expect(links.last).to_have_attribute("aria-current", "true")
    expect(reader.page.locator(".lab-why")).to_have_text(presets[-1].why)
    reader.drawn()
    assert reader.scene() == config(**presets[-1].values).query()


def a_new_reader_predicts_and_is_judged(page: Page, slug: str) -> None:
    expect(page.locator(".lab-grid")).to_be_hidden()
    expect(page.locator(".st-key-summary p").first).to_be_hidden()  # it would give the answer away
    # The set-up of the question is in sight, and all of the card is.
    setup = page.locator("[data-panel=setup] .lab-plot")
    expect(setup.locator(".main-svg, canvas").first).to_be_visible()
    assert setup.get_attribute("aria-label")
    assert slug not in progress(page)
    answer(page)
    verdict = page.locator(".lab-verdict")
    expect(verdict).to_be_visible()
    expect(page.locator(".lab-panel").first).to_be_visible()
    expect(page.locator(".st-key-summary")).to_be_visible()
    right = "You predicted it" in verdict.inner_text()
    assert progress(page)[slug]["predicted"] == ("right" if right else "wrong")
    verdict.get_by_role("button").click()
    expect(verdict).to_be_hidden()


def test_every_page_from_its_question_to_its_presets(reader, entry):
    reader.begin(first=True)
    page = reader.open(entry.slug)
    a_new_reader_predicts_and_is_judged(page, entry.slug)
    reader.drawn()
    expect(page.locator("h2").first).to_have_text(entry.title)
    box = page.locator(".lab-panel").first.bounding_box()
    assert box
    scrolled = page.locator("[data-testid=stMain]").evaluate("e => e.scrollTop")
    assert box["y"] + scrolled < 400, "the picture is not seen without scrolling"
    assert page.locator(".main-svg").count() >= 2
    one_family_of_type(page)
    beside_the_picture(page)
    stands_in_lines(page)
    controls_stay_in_sight(page)
    a_slider_changes_the_picture_and_the_link(reader)
    assert page.locator("[data-testid=stApp]").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert violations(page) == []
    reader.set_theme("dark")
    assert violations(page, "color-contrast") == []  # all else is as in the light
    fits_a_phone(page)
    presets_are_links_that_open_their_scenes(reader, entry)
    fills_the_wall(reader, entry)
    if entry == LESSONS[0]:
        # Who has predicted is shown the picture at once on coming back, even where no scene is named.
        page = reader.open(entry.slug)
        expect(page.locator(".lab-panel").first).to_be_visible()
        expect(page.locator(".lab-cover")).to_be_hidden()
