"""To teach from and to learn from: predict and reveal, presets as links, lecture mode, comparison, access."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlparse

import pytest
from playwright.sync_api import Page, expect

from core.catalogue import LESSONS, Lesson
from tests.pages import page_spec
from tests.reader import FOLLOWED, Reader, in_browser, violations

pytestmark = in_browser
SLUGS = [entry.slug for entry in LESSONS]


def progress(page: Page) -> dict:
    return json.loads(page.evaluate("localStorage.getItem('lab-progress')") or "{}")


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


def test_a_new_reader_predicts_and_is_judged(browser, address, entry):
    reader = Reader(browser, address, first=True)
    page = reader.open(entry.slug)
    expect(page.locator(".lab-grid")).to_be_hidden()
    expect(page.locator(".st-key-summary p").first).to_be_hidden()  # it would give the answer away
    # The set-up of the question is in sight, and all of the card is.
    setup = page.locator("[data-panel=setup] .lab-plot")
    expect(setup.locator(".main-svg, canvas").first).to_be_visible()
    assert setup.get_attribute("aria-label")
    assert entry.slug not in progress(page)
    answer(page)
    expect(page.locator(".lab-verdict")).to_be_visible()
    expect(page.locator(".lab-panel").first).to_be_visible()
    expect(page.locator(".st-key-summary")).to_be_visible()
    right = "You predicted it" in page.locator(".lab-verdict").inner_text()
    assert progress(page)[entry.slug]["predicted"] == ("right" if right else "wrong")
    presets_are_links_that_open_their_scenes(reader, entry)
    if entry == LESSONS[0]:
        # Who has predicted is shown the picture at once on coming back, even where no scene is named.
        page = reader.open(entry.slug)
        expect(page.locator(".lab-panel").first).to_be_visible()
        expect(page.locator(".lab-cover")).to_be_hidden()
    assert reader.errors == []
    page.context.close()


def test_a_link_to_a_scene_shows_it_at_once(browser, address):
    reader = Reader(browser, address, first=True)
    page = reader.open("optimisers?alpha=0.5")
    expect(page.locator(".lab-panel").first).to_be_visible()
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".lab-panel").first).to_be_hidden()
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator(".lab-panel").first).to_be_visible()
    page.context.close()


def test_what_is_kept_by_others_is_no_progress(browser, address):
    reader = Reader(browser, address, first=True)
    reader.page.context.add_init_script("localStorage.setItem('lab-progress', '5')")
    page = reader.open("optimisers")
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator(".lab-panel").first).to_be_visible()
    assert progress(page)["optimisers"]["seen"]
    assert reader.errors == []
    page.context.close()


def test_a_curve_is_sketched_with_the_keyboard(browser, address):
    reader = Reader(browser, address, first=True)
    page = reader.open("early_stopping")
    pad = page.locator(".lab-cover .lab-curve")
    pad.focus()
    before = pad.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    assert pad.get_attribute("aria-valuetext") != before
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".lab-verdict")).to_be_visible()
    expect(page.locator(".lab-verdict .lab-curve-truth")).to_have_attribute("d", re.compile("M.+L"))
    page.context.close()


def test_a_challenge_is_checked(reader):
    page = reader.open("optimisers")
    page.get_by_text("Challenge", exact=True).click()
    page.get_by_role("button", name="Check").click()
    expect(page.locator("[data-testid=stAlert]").first).to_be_visible()
    assert not progress(page)["optimisers"].get("solved")
    page.get_by_role("button", name="Set the scene").click()
    page.wait_for_url(re.compile("problem=ravine"))
    box = page.get_by_role("spinbutton", name="Largest ε that converges")
    for answer, right in (("0.05", False), ("0.04", True)):  # 2/λ_max on the ravine of κ = 50
        box.fill(answer)
        box.press("Enter")
        page.get_by_role("button", name="Check").click()
        told = page.locator("[data-testid=stAlert]").filter(has_text=answer)
        expect(told.first).to_be_visible()
        page.wait_for_function("right => !!JSON.parse(localStorage.getItem('lab-progress')).optimisers.solved === right",
                               arg=right)


def test_a_lecture_is_driven_from_the_keyboard(browser, address):
    reader = Reader(browser, address, width=1920, height=1080, first=True)
    page = reader.open(f"{SLUGS[0]}?present=1")
    expect(page.locator("[data-testid=stHeader]")).to_be_hidden()
    expect(page.locator(".st-key-controls")).to_be_hidden()
    expect(page.locator(".lab-cover")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator(".lab-cover")).to_be_hidden()
    expect(page.locator(".lab-panel:visible")).to_have_count(1)
    reader.drawn()
    ticks = page.evaluate("[...document.querySelectorAll('.lab-panel:not([hidden]) :is(.xtick, .ytick) text')]"
                          ".map((t) => parseFloat(getComputedStyle(t).fontSize))")
    assert ticks
    assert min(ticks) >= 20
    wide, tall = page.evaluate("(() => { const m = document.querySelector('[data-testid=stMain]');"
                               " return [m.scrollWidth - m.clientWidth, m.scrollHeight - m.clientHeight]; })()")
    assert wide <= 0
    assert tall <= 20, "the picture and its words fit on the screen"
    presets = page_spec(SLUGS[0]).presets
    for preset in presets[1:]:
        page.keyboard.press("ArrowRight")
        expect(page.locator(".lab-presets a[aria-current]").last).to_have_text(preset.name)
    reader.drawn()
    # After the last scene comes the next lesson; every lesson of the lecture can be reached so, in the lecture's order.
    for entry in LESSONS[1:]:
        page.keyboard.press("ArrowRight" if entry is LESSONS[1] else "ArrowDown")
        expect(page.locator(".lab-lecture h2")).to_have_text(entry.title)
        expect(page.locator(".lab-lecture-part")).to_contain_text(entry.source)
        reader.drawn()
    page.keyboard.press("Space")
    page.keyboard.press("2")
    expect(page.locator(".lab-place")).to_contain_text("picture 2 of")
    page.keyboard.press("q")
    expect(page.locator(".lab-overlay .lab-qr svg")).to_be_visible()
    page.keyboard.press("q")
    page.keyboard.press("m")
    assert page.locator(".lab-overlay li li").all_inner_texts() == [entry.source for entry in LESSONS]
    page.keyboard.press("Escape")
    expect(page.locator(".lab-overlay")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("[data-testid=stHeader]")).to_be_visible()
    assert "present" not in page.url
    assert reader.errors == []
    page.context.close()


def test_two_scenes_share_axes_and_clock(reader, browser, address):
    page = reader.open("optimisers")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("[data-panel=kept-map]")).to_be_visible()
    page.locator(".lab-presets a").nth(1).click()
    expect(page.locator(".lab-presets a").nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator(".lab-why")).to_contain_text("Problem: A Himmelblau, B Ravine")
    reader.drawn()
    ranges = """(id) => { const l = document.querySelector(`[data-panel=${id}] .lab-plot`)._fullLayout;
                         return [...l.xaxis.range, ...l.yaxis.range]; }"""
    for panel in ("map", "loss"):
        assert page.evaluate(ranges, panel) == pytest.approx(page.evaluate(ranges, f"kept-{panel}")), panel
    page.evaluate("Plotly.relayout(document.querySelector('[data-panel=loss] .lab-plot'),"
                  " {'xaxis.range[0]': 10, 'xaxis.range[1]': 20})")
    page.wait_for_function("""() => {
      const [low, high] = document.querySelector("[data-panel=kept-loss] .lab-plot")._fullLayout.xaxis.range;
      return Math.abs(low - 10) < 1e-9 && Math.abs(high - 20) < 1e-9;
    }""")
    # The pair is a link too.
    other = Reader(browser, address)
    other.open(page.url.removeprefix(f"{address}/"))
    expect(other.page.locator("[data-panel=kept-map]")).to_be_visible()
    other.drawn()
    assert other.board.get_attribute("data-drawn") == reader.board.get_attribute("data-drawn")
    other.page.context.close()
    page.get_by_role("button", name="End comparison").click()
    expect(page.locator("[data-panel=kept-map]")).to_have_count(0)
    page.wait_for_function("() => !location.search.includes('beside')")


def test_home_the_question_and_the_wall_are_accessible(browser, address):
    reader = Reader(browser, address, first=True)
    page = reader.open("")
    expect(page.locator(f".lab-home[data-pictures='{len(LESSONS)}']")).to_be_visible()

    def accessible() -> None:
        for theme in ("dark", "light"):
            reader.set_theme(theme)
            assert violations(page) == [], theme

    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(FOLLOWED, arg=theme)
        assert violations(page) == [], theme
    reader.open("early_stopping")
    accessible()
    page.goto(f"{address}/weight_penalties?present=1")
    reader.drawn()
    page.keyboard.press("m")
    accessible()
    page.context.close()
