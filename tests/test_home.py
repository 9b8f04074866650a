"""The lecture's map: what it sends, the pictures it makes, and the page in a browser."""

from __future__ import annotations

import json
import re
import threading
import time
import unicodedata
from importlib import import_module
from types import SimpleNamespace
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from core.catalogue import LESSONS, PARTS, Lesson, ideas
from core.lesson import Scene
from figures import style
from tests.pages import ROOT
from tests.reader import FOLLOWED, PATIENCE, Reader, in_browser
from tests.runs import opening
from ui import home, jobs, runner

KINDS = {"line", "dots", "bars", "area"}
# A page of twenty pictures is sent whole; a phone on a slow line gets it within a second.
LARGEST_PICTURE = 40_000


@pytest.fixture
def gallery() -> home.Gallery:
    return home.Gallery(runner.Shared("tests"))


def fill(gallery: home.Gallery) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if len(gallery.thumbnails()) == len(home.catalogue.LESSONS):
            return
        gallery.advance()
        time.sleep(0.005)
    raise AssertionError("the pictures are never finished")


def test_home_lists_every_lesson():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not app.exception
    (element,) = app.get("bidi_component")
    parts = json.loads(element.proto.json)["parts"]
    assert [card["slug"] for part in parts for card in part["lessons"]] == [entry.slug for entry in LESSONS]


def test_cards_say_what_the_catalogue_says():
    parts = home.browser_data({})["parts"]
    assert [part["name"] for part in parts] == [p for p in PARTS if any(e.part == p for e in LESSONS)]
    cards = [card for part in parts for card in part["lessons"]]
    assert cards == [{"slug": e.slug, "name": e.name, "title": e.title, "question": e.question, "source": e.source}
                     for p in PARTS for e in LESSONS if e.part == p]


def test_each_lesson_is_found_by_the_lectures_ideas():
    found = home.browser_data({})["ideas"]
    assert list(found) == [e.slug for e in LESSONS]
    assert all(found.values())
    assert "gradient explosion" in found["exploding_gradients"]


def test_a_picture_shows_the_opening_scene(entry, module):
    draw = import_module(f"figures.{entry.slug}.pictures").thumbnail
    scene, result = module.Config(), opening(entry.slug)[-1]
    thumbnail = home._thumbnail(entry.slug, result, scene)
    assert thumbnail == home.with_theme_colours(draw(result, scene))
    picture = home.browser_data({entry.slug: thumbnail})["pictures"][entry.slug]
    assert picture, f"figures/{entry.slug}/pictures.py has no thumbnail, or it failed"
    assert len(json.dumps(picture, allow_nan=False)) < LARGEST_PICTURE
    assert picture["x"][0] != picture["x"][1] and picture["y"][0] != picture["y"][1]
    dark = style.dark_colours()
    for mark in picture["marks"]:
        assert mark["kind"] in KINDS
        assert mark["points"], f"an empty {mark['kind']}"
        light, partner = re.fullmatch(r"light-dark\((#\w{6}), (#\w{6})\)", mark["colour"]).groups()
        assert dark[light.upper()] == partner
    (left, right), (low, high) = sorted(picture["x"]), sorted(picture["y"])
    places = [p for mark in picture["marks"] for p in mark["points"]]
    inside = sum(left <= x <= right and low <= y <= high for x, y in places)
    assert inside > 0.8 * len(places), "most of the picture lies outside its frame"


def test_a_colour_without_a_dark_partner_is_refused():
    with pytest.raises(KeyError):
        home.with_theme_colours({"marks": [{"kind": "line", "points": [[0, 0]], "colour": "#123456"}], "x": [0, 1], "y": [0, 1]})


@pytest.fixture
def toy(monkeypatch) -> list[str]:
    """A catalogue of two lessons of three steps each; the list says which steps were taken."""
    taken: list[str] = []
    entries = []
    for seed, slug in enumerate(("one", "two")):
        def steps(_, slug=slug):
            for n in range(3):
                taken.append(f"{slug}{n}")
                time.sleep(0.002)
                yield SimpleNamespace(n=n)
        lesson = SimpleNamespace(Config=lambda seed=seed: Scene(seed=seed), steps=steps)
        entries.append(SimpleNamespace(slug=slug, module=lambda lesson=lesson: lesson))
    figures = SimpleNamespace(thumbnail=lambda result, scene: style.thumbnail(
        style.mark("line", [0, 1], [0, result.n], "sgd"), x=(0, 1), y=(0, 2)))
    catalogue = SimpleNamespace(LESSONS=entries, lesson=lambda slug: next(e for e in entries if e.slug == slug))
    monkeypatch.setattr(home, "catalogue", catalogue)
    monkeypatch.setattr(home, "import_module", lambda name: figures)
    monkeypatch.setattr(jobs, "SLICE", 0.001)
    return taken


def test_sessions_share_the_runs(gallery, toy, monkeypatch):
    monkeypatch.setattr(jobs, "DROP_AFTER", 60)  # however long a thread waits for its turn
    sessions = [threading.Thread(target=fill, args=(gallery,)) for _ in range(4)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join()
    assert toy == [f"{slug}{n}" for slug in ("one", "two") for n in range(3)], "each step once"
    assert gallery.thumbnails()["one"]["marks"][0]["points"][-1] == [1, 2], "the last result is the one that is drawn"
    assert gallery.memory.pool.results.get(("one", Scene(seed=0))).n == 2


@pytest.mark.usefixtures("toy")
def test_a_lesson_that_fails_leaves_the_others(gallery, monkeypatch, caplog):
    def steps(_):
        yield SimpleNamespace(n=0)
        raise ArithmeticError("toy")
    monkeypatch.setattr(home.catalogue.LESSONS[0].module(), "steps", steps)
    fill(gallery)
    assert gallery.thumbnails()["one"] == home.NO_PICTURE
    assert gallery.thumbnails()["two"]["marks"]
    assert "no picture of one" in caplog.text


ALL = f".lab-home[data-pictures='{len(LESSONS)}']"
LONG = 3 * PATIENCE  # every lesson is run
CARDS = ".lab-card:visible"
ROW = """((tops) => tops.filter((top) => Math.abs(top - tops[0]) < 1).length)(
  [...document.querySelectorAll(".lab-card")].map((card) => card.getBoundingClientRect().top))"""


def plain(text: str) -> str:
    """Letters as they are typed: no case, no accents, L² is L2."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def matching(*words: str) -> list[Lesson]:
    texts = {e: plain(" ".join((e.name, e.title, e.question, e.source, e.part, *ideas(e.slug)))) for e in LESSONS}
    return [e for e, text in texts.items() if all(word in text for word in words)]


def on_the_map(reader: Reader) -> Page:
    page = reader.open("")
    expect(page.locator(".lab-card")).to_have_count(len(LESSONS))
    # They come after the map; a card that is pressed before is a link as any other, and loads the app again.
    expect(page.locator(".st-key-hidden-links a")).to_have_count(len(LESSONS))
    return page


@pytest.fixture
def newcomer(reader) -> Reader:
    """A reader whose browser remembers nothing."""
    reader.begin(first=True)
    return reader


class TestBrowser:
    pytestmark = in_browser

    def test_the_map_at_every_size_in_both_themes(self, reader):
        page = on_the_map(reader)
        expect(page.locator(ALL)).to_be_visible(timeout=LONG)
        for entry in LESSONS:
            art = page.locator(f"[data-slug={entry.slug}] .lab-art")
            assert art.locator(".lab-mark").count() >= 1, entry.slug
            box, filled = art.bounding_box(), art.evaluate(
                "e => { const b = [...e.querySelectorAll('.lab-mark')].map((m) => m.getBBox());"
                " const span = (from, size) => Math.max(...b.map((a) => a[from] + a[size])) - Math.min(...b.map((a) => a[from]));"
                " return Math.max(span('x', 'width') / 320, span('y', 'height') / 160); }")
            assert box["width"] == pytest.approx(2 * box["height"], abs=3)
            assert filled > 0.5, f"{entry.slug}: the picture leaves more than half of its frame empty"
        for width, height, columns in ((1920, 1080, 4), (1280, 720, 4), (390, 844, 1)):
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(f"() => {ROW} === {columns}")  # cards in the first row
            boxes = [card.bounding_box() for card in page.locator(".lab-card").all()]
            assert boxes[0]["y"] + boxes[0]["height"] < height, f"{width}: the first row is not seen without scrolling"
            wide = page.evaluate("[document.documentElement.scrollWidth,"
                                 " document.querySelector('[data-testid=stMain]').scrollWidth]")
            assert max(wide) <= width + 1, f"{width}: the page scrolls sideways"
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(FOLLOWED, arg=theme)
            inks = {e.evaluate("e => getComputedStyle(e).getPropertyValue('stroke') + getComputedStyle(e).fill")
                    for e in page.locator(".lab-mark").all()}
            shown = {"#{:02X}{:02X}{:02X}".format(*map(int, rgb)) for ink in inks
                     for rgb in re.findall(r"rgb\((\d+), (\d+), (\d+)\)", ink)}
            palette = {(dark if theme == "dark" else light).upper() for light, dark in style.COLOURS.values()}
            assert shown and shown <= palette, theme

    def test_search_filters_and_counts(self, reader):
        page = on_the_map(reader)
        count, search = page.locator("#lab-count"), page.get_by_role("searchbox", name="Search the lessons")
        expect(count).to_have_text(f"{len(LESSONS)} lessons")
        page.keyboard.press("/")
        expect(search).to_be_focused()
        word = LESSONS[-1].source.split()[0]
        page.keyboard.type(word)
        found = matching(plain(word))
        expect(page.locator(CARDS)).to_have_count(len(found))
        expect(count).to_have_text(re.compile(rf"^{len(found)} of {len(LESSONS)} lessons? match"))
        assert page.locator("section:visible h3").all_inner_texts() == list(dict.fromkeys(e.part for e in found))
        search.fill("l2 norms")  # the lecture writes L²
        expect(page.locator(CARDS)).to_have_count(len(matching("l2", "norms")))
        assert matching("l2", "norms")
        search.fill("Newton's method")  # of the lecture, and on no card
        expect(page.locator(f"{CARDS}[data-slug=optimisers]")).to_have_count(1)
        expect(count).to_have_text(f"1 of {len(LESSONS)} lessons matches")
        search.fill("no such thing")
        expect(page.locator(CARDS)).to_have_count(0)
        expect(count).to_contain_text("No lesson matches")
        page.keyboard.press("Escape")
        expect(search).to_have_value("")
        expect(page.locator(CARDS)).to_have_count(len(LESSONS))

    def test_progress_is_shown_and_cleared(self, newcomer):
        page = on_the_map(newcomer)
        told = {e.slug: page.locator(f"[data-slug={e.slug}] .lab-badges") for e in LESSONS}
        clear = page.get_by_role("button", name="Clear progress")
        expect(clear).to_be_hidden()
        kept = {LESSONS[0].slug: {"seen": True, "predicted": "right", "solved": True},
                LESSONS[1].slug: {"seen": True, "predicted": "wrong", "solved": False}}
        page.evaluate("kept => localStorage.setItem('lab-progress', JSON.stringify(kept))", kept)
        page.reload()
        expect(told[LESSONS[0].slug]).to_have_text("SeenPredicted rightChallenge solved")
        expect(told[LESSONS[1].slug]).to_have_text("SeenPredicted wrong")
        expect(told[LESSONS[2].slug]).to_have_text("Not seen yet")
        assert all(mark.locator("svg").count() == mark.locator(".lab-badge").count() for mark in told.values())
        expect(page.locator(".lab-total")).to_have_text(f"2 of {len(LESSONS)} lessons seen")
        clear.click()
        page.locator("#lab-search").focus()
        expect(clear).to_be_visible()  # turning away is a no
        assert page.evaluate("localStorage.getItem('lab-progress')")
        clear.click()
        page.get_by_role("button", name="Clear it for good?").click()
        assert page.evaluate("localStorage.getItem('lab-progress')") is None
        expect(page.locator(".lab-total")).to_have_text(f"0 of {len(LESSONS)} lessons seen")
        expect(told[LESSONS[0].slug]).to_have_text("Not seen yet")
        expect(page.locator(".lab-progress button")).to_be_hidden()

    def test_foreign_words_in_the_storage_do_no_harm(self, newcomer):
        page = on_the_map(newcomer)
        for text in ("not json", "[1]", "null", '{"mixup": null}', '{"mixup": 3, "gone": {"seen": true}}'):
            page.evaluate("text => localStorage.setItem('lab-progress', text)", text)
            page.reload()
            expect(page.locator(".lab-total")).to_have_text(f"0 of {len(LESSONS)} lessons seen")
            assert page.evaluate("localStorage.getItem('lab-progress')") == text, "the page was not asked to read it"

    def test_a_card_opens_its_lesson_without_loading_the_app_again(self, reader):
        page = on_the_map(reader)
        page.evaluate("window.__same = true")
        page.locator(f"[data-slug={LESSONS[1].slug}]").click()  # in its middle, not on its name
        expect(page.locator("h2").first).to_have_text(LESSONS[1].title)
        reader.drawn()
        assert urlparse(page.url).path == f"/{LESSONS[1].slug}"
        assert page.evaluate("window.__same")
        page.go_back()
        expect(page.locator(".lab-card")).to_have_count(len(LESSONS))

    def test_a_card_is_a_link_for_the_keyboard_and_for_new_tabs(self, reader):
        page = on_the_map(reader)
        link = page.get_by_role("link", name=LESSONS[0].name, exact=True)
        assert link.get_attribute("href") == f"/{LESSONS[0].slug}"
        page.locator("#lab-search").focus()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Clear progress")).to_be_focused()
        page.keyboard.press("Tab")
        expect(link).to_be_focused()
        ring = page.locator(f"[data-slug={LESSONS[0].slug}]").evaluate("e => getComputedStyle(e).outlineStyle")
        assert ring == "solid", "the focus is not seen"
        with page.context.expect_page() as tab:
            link.click(modifiers=["ControlOrMeta"])
        expect(tab.value.locator("h2").first).to_have_text(LESSONS[0].title)
        assert urlparse(page.url).path == "/"
        page.keyboard.press("Enter")
        expect(page.locator("h2").first).to_have_text(LESSONS[0].title)
        reader.drawn()

    def test_lecture_mode_is_kept(self, reader):
        page = reader.open("?present=1")
        link = page.get_by_role("link", name=LESSONS[1].name, exact=True)
        expect(link).to_have_attribute("href", f"/{LESSONS[1].slug}?present=1")
        link.click()
        page.wait_for_url(f"{reader.address}/{LESSONS[1].slug}?present=1")

    def test_lines_grow_when_seen_and_again_under_the_hand(self, reader):
        reader.begin(motion="no-preference")
        page = reader.open("")
        expect(page.locator(ALL)).to_be_visible(timeout=LONG)
        playing = f"document.querySelector('[data-slug={LESSONS[0].slug}] .lab-art').getAnimations({{ subtree: true }}).length"
        page.wait_for_function(f"{playing} === 0")
        page.locator(f"[data-slug={LESSONS[0].slug}]").hover()
        assert page.evaluate(playing) > 0
        page.emulate_media(reduced_motion="reduce")
        assert page.evaluate(playing) == 0
