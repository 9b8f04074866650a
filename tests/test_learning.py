"""To teach from and to learn from: predict and reveal, presets as links, lecture mode, comparison, access."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from core.catalogue import LESSONS, lesson
from tests.pages import page_spec
from tests.reader import FOLLOWED, PATIENCE, in_browser, progress, violations
from tests.runs import opening

pytestmark = in_browser
SLUGS = [entry.slug for entry in LESSONS]
FIRST = "optimisers?present=1&methods=sgd,momentum,adam,newton"  # the first preset, which is no more asked about


def test_a_link_to_a_scene_shows_it_at_once(reader):
    reader.begin(first=True)
    page = reader.open("optimisers?alpha=0.5")
    expect(page.locator(".lab-panel").first).to_be_visible()
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".lab-panel").first).to_be_hidden()
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator(".lab-panel").first).to_be_visible()


def test_what_is_kept_by_others_is_no_progress(reader):
    reader.begin(first=True)
    reader.page.evaluate("localStorage.setItem('lab-progress', '5')")
    page = reader.open("optimisers")
    page.get_by_role("button", name="Just show me").click()
    expect(page.locator(".lab-panel").first).to_be_visible()
    assert progress(page)["optimisers"]["seen"]


def test_a_curve_is_sketched_with_the_keyboard(reader):
    reader.begin(first=True)
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


def test_a_challenge_is_checked(reader):
    page = reader.open("optimisers")
    reader.unfold("Challenge")
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


def test_a_lecture_is_driven_from_the_keyboard(reader):
    reader.begin(width=1920, height=1080, first=True)
    page = reader.open(f"{SLUGS[0]}?present=1")
    expect(page.locator("[data-testid=stHeader]")).to_be_hidden()
    expect(page.locator(".st-key-controls")).to_be_hidden()
    expect(page.locator(".lab-cover")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator(".lab-cover")).to_be_hidden()
    expect(page.locator(".lab-panel:visible")).to_have_count(2)
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
    reader.drawn()


def test_fast_keys_of_a_lecture_are_not_lost(reader):
    reader.begin(width=1280, height=720)
    page = reader.open(FIRST)
    presets = [preset.name for preset in page_spec("optimisers").presets]
    shown = page.locator(".lab-presets a[aria-current]")
    for key, wanted in (("ArrowRight", presets[3]), ("ArrowLeft", presets[0])):
        for _ in range(3):
            page.keyboard.press(key, delay=20)
        expect(shown).to_have_text([wanted])
        page.wait_for_timeout(500)
        expect(shown).to_have_text([wanted])
    reader.drawn()
    at = SLUGS.index("optimisers")
    for key, to in (("ArrowDown", at + 3), ("ArrowUp", at)):
        for _ in range(3):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
        expect(page.locator(".lab-lecture h2")).to_have_text(LESSONS[to].title)
        reader.drawn()


def test_a_lesson_that_is_lost_on_the_way_is_asked_for_again(reader):
    reader.begin(width=1280, height=720)
    page = reader.open("risk?present=1&seed=0")
    page.evaluate("window.addEventListener('click', (e) => e.stopImmediatePropagation(), { capture: true, once: true })")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".lab-lecture h2")).to_have_text(LESSONS[1].title)
    reader.drawn()


def test_lecture_mode_is_among_what_can_be_shared(reader):
    reader.begin(width=1280, height=720)
    for path in ("optimisers?seed=1", "playground?rate=0.3"):
        page = reader.page
        page.goto(f"{reader.address}/{path}")
        page.get_by_role("button", name="Share this page").click()
        page.get_by_role("menuitem", name="Lecture mode").click()
        page.wait_for_url(f"{reader.address}/{path}&present=1")
        expect(page.locator(".lab-lecture")).to_be_visible()


def test_pictures_verdict_code_and_map_are_brought_up_by_keys(reader):
    reader.begin(width=1920, height=1080)
    page = reader.open(FIRST)
    # The key of a picture stands inside it.
    expect(page.locator(".lab-panel:visible .lab-plot > .lab-key").first).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator(".lab-place")).to_contain_text("picture 2 of")
    page.keyboard.press("b")
    expect(page.locator(".lab-place")).to_contain_text("picture 1 of")
    page.keyboard.press("v")
    said = page.locator(".lab-overlay .lab-said")
    expect(said).to_be_visible()
    assert said.evaluate("e => parseFloat(getComputedStyle(e).fontSize)") > 50
    page.keyboard.press("v")
    # What is covered by the question is not gone on from unseen.
    page.keyboard.press("p")
    page.keyboard.press("b")
    expect(page.locator(".lab-cover")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator(".lab-cover")).to_be_hidden()
    expect(page.locator(".lab-place")).to_contain_text("picture 1 of")
    # The answer's verdict, until there is another scene, of which nothing has been predicted.
    page.keyboard.press("p")
    page.keyboard.press("1")
    expect(page.locator(".lab-verdict")).to_be_visible()
    page.keyboard.press("v")
    expect(said).to_contain_text(re.compile("predicted it|Not this time"))
    page.keyboard.press("v")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".lab-verdict")).to_be_hidden()
    page.keyboard.press("v")
    expect(said).not_to_contain_text(re.compile("predicted it|Not this time"))
    page.keyboard.press("v")
    page.keyboard.press("q")
    expect(page.locator(".lab-overlay .lab-qr svg")).to_be_visible()
    shown, told = reader.scene(), page.locator(".lab-overlay .lab-qr + p").inner_text()
    del shown["present"]
    assert told == f"{reader.address}/optimisers?{urlencode(shown)}", "who scans the code opens this scene"
    page.keyboard.press("q")
    page.keyboard.press("m")
    assert page.locator(".lab-overlay li li").all_inner_texts() == [entry.source for entry in LESSONS]
    page.keyboard.press("Escape")
    expect(page.locator(".lab-overlay")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("[data-testid=stHeader]")).to_be_visible()
    assert "present" not in page.url


def test_further_pictures_are_drawn_when_they_are_asked_for(reader):
    page = reader.open("early_stopping")
    board = page_spec("early_stopping").draw(opening("early_stopping")[-1], lesson("early_stopping").module().Config())
    leads, more = [panel.id for panel in board.panels], [panel.id for panel in board.further]
    ids = "() => [...document.querySelectorAll('.lab-grid > .lab-panel')].map((e) => e.dataset.panel)"
    assert page.evaluate(ids) == leads
    button = page.locator(".lab-further button")
    expect(page.locator(".lab-further")).to_contain_text(board.further[0].title)
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    reader.drawn()
    assert page.evaluate(ids) == leads + more
    page.wait_for_function("() => new URLSearchParams(location.search).get('further') === '1'")
    page.go_back()
    expect(button).to_have_attribute("aria-expanded", "false")
    reader.drawn()
    assert page.evaluate(ids) == leads
    # It is part of the link, and on the wall the keys go on into them.
    reader.begin(width=1920, height=1080)
    reader.open("early_stopping?present=1&seed=0")
    found = re.search(r"picture 1 of (\d+)\+", page.locator(".lab-place").inner_text())
    assert found
    for _ in range(int(found[1])):
        page.keyboard.press("n")
    expect(page.locator(".lab-panel:visible").first).to_have_attribute("data-panel", more[0])
    reader.begin()
    reader.open("early_stopping?further=1")
    assert page.evaluate(ids) == leads + more
    button.click()
    expect(button).to_have_attribute("aria-expanded", "false")
    reader.drawn()
    assert page.evaluate(ids) == leads
    page.wait_for_function("() => !location.search.includes('further')")


def test_two_scenes_share_axes_and_clock(reader):
    page = reader.open("optimisers")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator("[data-panel=kept-map]")).to_be_visible()
    # The next scene is B at once.
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
    link, drawn = page.url.removeprefix(f"{reader.address}/"), reader.board.get_attribute("data-drawn")
    reader.begin()
    reader.open(link)
    expect(page.locator("[data-panel=kept-map]")).to_be_visible()
    assert reader.board.get_attribute("data-drawn") == drawn
    page.get_by_role("button", name="End comparison").click()
    expect(page.locator("[data-panel=kept-map]")).to_have_count(0)
    page.wait_for_function("() => !location.search.includes('beside')")


def test_home_the_question_and_the_wall_are_accessible(reader):
    reader.begin(first=True)
    page = reader.open("")
    expect(page.locator(f".lab-home[data-pictures='{len(LESSONS)}']")).to_be_visible(timeout=3 * PATIENCE)

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
    page.goto(f"{reader.address}/weight_penalties?present=1")
    reader.drawn()
    page.keyboard.press("m")
    accessible()
