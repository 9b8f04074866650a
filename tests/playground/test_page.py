"""The playground in a browser: play, pause, change, undo, rewind, look back, draw, reload; and what runs where nobody looks."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from tests.reader import SETTLED, Reader, in_browser, violations

pytestmark = in_browser
CURVE = """() => document.querySelector("[data-panel=losses] .lab-plot").data.slice(-1)
                   .map((trace) => [...trace.x].map((x, i) => [x, trace.y[i]]))[0]"""
STEP = "Number(document.querySelector('.st-key-diagnosis').textContent.match(/Step ([\\d,]+)/)[1].replaceAll(',', ''))"


def step(page: Page) -> int:
    text = page.locator(".st-key-diagnosis").inner_text()
    return int(re.search(r"Step ([\d,]+)", text)[1].replace(",", ""))  # pyright: ignore[reportOptionalSubscript]


def opened(reader: Reader, query: str = "", **about) -> Page:
    reader.begin(**about)
    reader.page.goto(f"{reader.address}/playground{query}")
    expect(reader.page.locator("[data-panel=net] image").first).to_be_attached()
    reader.page.wait_for_function("() => /Step [1-9]/.test(document.querySelector('.st-key-diagnosis')?.textContent)")
    return reader.page


def button(page: Page, name: str):
    return page.get_by_role("button", name=name, exact=True).and_(page.locator(".st-key-transport *"))


def mode(page: Page, name: str):
    return page.locator(".st-key-transport").get_by_role("radio", name=name)


def pause(page: Page) -> None:
    mode(page, "Pause").click()
    expect(mode(page, "Pause")).to_have_attribute("aria-checked", "true")
    settle(page)


def settle(page: Page) -> None:
    """Until the picture of a run that pauses has come, and two looks see the same step."""
    for _ in range(20):
        page.wait_for_function(SETTLED, polling=50)  # a server that is busy answers late
        before = step(page)
        page.wait_for_timeout(500)
        if step(page) == before:
            return
    raise AssertionError("the run does not come to rest")


def expect_step(page: Page, wanted: int) -> None:
    expect(page.locator(".st-key-diagnosis")).to_contain_text(f"Step {wanted:,},")


def curve(page: Page, until: int) -> list[list[float]]:
    """(step, objective) of the records, once the picture of the curves has come as far."""
    page.wait_for_function(f"() => ({CURVE})()?.at(-1)[0] >= {until}")
    return page.evaluate(CURVE)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def test_play_pause_step_change_undo_rewind_and_look_back(reader):
    page = opened(reader)
    pause(page)
    at = step(page)
    button(page, "Step").click()
    expect_step(page, at + 1)
    button(page, "Epoch").click()
    per_epoch = 15
    expect_step(page, -(-(at + 1) // per_epoch) * per_epoch if (at + 1) % per_epoch else at + 1 + per_epoch)
    at = step(page)
    first = curve(page, at)

    slider = page.get_by_role("slider", name="L1")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_url(re.compile("l1="))
    expect(button(page, "Undo")).to_be_enabled()
    assert step(page) == at, "a strength changes nothing before the next update"
    button(page, "Undo").click()
    page.wait_for_function("() => !location.search.includes('l1=')")
    button(page, "Redo").click()
    page.wait_for_url(re.compile("l1="))
    button(page, "Undo").click()
    page.wait_for_function("() => !location.search.includes('l1=')")

    button(page, "Rewind").click()
    expect_step(page, 0)
    mode(page, "Play").click()
    page.wait_for_function(
        f"() => {STEP} > {at}"
    )
    pause(page)
    again = dict(map(tuple, curve(page, step(page))))
    kept = [(x, y) for x, y in first[:-1] if x in again]
    assert len(kept) >= 2 and all(again[x] == y for x, y in kept), "the same seed and set-up give the identical curve"

    back = page.get_by_role("slider", name="Look back to step")
    back.focus()
    back.press("Home")
    expect_step(page, 0)
    back.press("ArrowRight")
    expect_step(page, 10)
    button(page, "Step").and_(page.locator(":enabled")).click()
    settle(page)
    assert step(page) > at, "to look back changes nothing"


def test_a_browser_that_is_slow_draws_all_that_is_seen(reader):
    page = opened(reader)
    # No plot is ready before the run's next picture has come.
    page.evaluate("""() => { const { react } = Plotly; Plotly.react = async (...all) => {
      const said = () => document.querySelector(".st-key-diagnosis")?.textContent, before = said();
      const pause = (ms) => new Promise((then) => setTimeout(then, ms));
      while (said() === before) await pause(10);
      await pause(500);  // the words come first
      return react(...all); } }""")
    for panel in ("net", "losses"):
        reader.plot(panel).scroll_into_view_if_needed()
        for _ in range(2):
            before = reader.plot(panel).inner_html()
            page.wait_for_function("([panel, before]) => "
                                   "document.querySelector(`[data-panel=${panel}] .lab-plot`).innerHTML !== before",
                                   arg=[panel, before])


def test_each_press_counts_once_and_none_is_lost(reader):
    page = opened(reader)
    button(page, "Step").click()  # pauses
    expect(mode(page, "Pause")).to_have_attribute("aria-checked", "true")
    settle(page)
    at = step(page)
    for _ in range(4):
        button(page, "Step").click()
    expect_step(page, at + 4)
    settle(page)
    assert step(page) == at + 4


def test_runs_are_pinned_compared_opened_and_taken_home(reader, tmp_path):
    page = opened(reader)
    pin = page.get_by_role("button", name="Pin this run")
    page.wait_for_function(f"() => {STEP} >= 60")
    pin.click()
    table = page.locator("[data-panel=pins] tbody tr")
    expect(table).to_have_count(2)
    slider = page.get_by_role("slider", name="L1")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_url(re.compile("l1="))
    button(page, "Rewind").click()
    page.wait_for_function(f"() => {STEP} >= 60")
    pause(page)
    expect(table.first).to_contain_text("L1 0")
    expect(table.nth(1)).to_contain_text("L1 10⁻⁵")
    expect(table.nth(1).locator("td").nth(1)).to_have_text(str(step(page)))
    letters = page.locator("[data-panel=losses] .annotation-text")
    expect(letters).to_have_text(["A"])
    with page.expect_download() as download:
        page.get_by_role("button", name="Curves as CSV").click()
    download.value.save_as(tmp_path / "curves.csv")
    names = {line.split(",")[0] for line in (tmp_path / "curves.csv").read_text().splitlines()[1:]}
    assert names == {"A: L1 0", "now: L1 10⁻⁵"}
    with page.expect_download() as download:
        page.get_by_role("button", name="PyTorch").click()
    download.value.save_as(tmp_path / "playground.py")
    compile((tmp_path / "playground.py").read_text(), "playground.py", "exec")
    assert download.value.suggested_filename == "playground_circles.py"
    for name in ("PNG picture", "SVG drawing"):
        page.locator("[data-panel=losses]").get_by_role("button", name="Save this picture").click()
        with page.expect_download() as download:
            page.locator("[data-panel=losses]").get_by_role("menuitem", name=name).click()
        assert download.value.suggested_filename == f"lab-playground-losses.{name[:3].lower()}"
    for runs in (3, 4, 5):
        pin.click()
        expect(table).to_have_count(runs)
    pin.click()
    expect(page.locator(".lab-notices")).to_have_text("4 runs are pinned already: unpin one of them first.")
    expect(table).to_have_count(5)
    page.get_by_role("button", name="Unpin D").click()
    expect(table).to_have_count(4)
    assert violations(page) == []
    page.get_by_role("button", name="Open A").click()
    page.wait_for_function("() => !location.search.includes('l1=')")
    expect(mode(page, "Play")).to_have_attribute("aria-checked", "true")
    page.reload()
    expect(page.locator("[data-panel=net] image").first).to_be_attached()
    expect(page.locator("[data-panel=pins]")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_mission_is_begun_and_solved(reader, theme):
    page = opened(reader, theme=theme)
    page.get_by_text("Missions, 0 of 10 solved").click()
    page.get_by_role("combobox", name="Mission").click()
    page.get_by_role("option", name="Circles by a linear model").click()
    expect(page.get_by_text("Without a hidden layer, choose inputs")).to_be_visible()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_url(re.compile("hidden="))
    mission = page.locator(".st-key-mission")
    expect(mission).to_contain_text(re.compile(r"Not yet: test error \d+\s%"))
    for name in ("x₁²", "x₂²"):
        page.locator(".st-key-controls").get_by_role("button", name=name, exact=True).click()
    page.get_by_role("slider", name="Learning rate").press("ArrowRight")
    expect(mission).to_contain_text(re.compile(r"Solved: test error [0-4]\s%"))
    expect(page.get_by_text("Missions, 1 of 10 solved")).to_be_visible()
    page.get_by_role("button", name="Pin this run").click()
    pause(page)
    expect(page.locator("[data-panel=pins] tbody tr")).to_have_count(2)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    assert violations(page) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080)])
def test_on_the_wall(reader, width, height):
    page = opened(reader, "?present=1", width=width, height=height)
    for name in ("surface", "net"):
        box = page.locator(f"[data-panel={name}] .lab-plot").bounding_box()
        assert box["height"] >= 0.75 * height and box["y"] + box["height"] <= height
    assert page.evaluate("document.scrollingElement.scrollHeight") <= height
    page.keyboard.press(" ")
    settle(page)
    at = step(page)
    page.keyboard.press(" ")
    page.wait_for_function(f"() => {STEP} > {at}")
    page.keyboard.press("c")
    expect(mode(page, "Play")).to_have_attribute("aria-checked", "true")
    expect(page.get_by_role("slider", name="Noise of the data")).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.press("q")
    expect(page.locator(".lab-overlay svg").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.wait_for_url(re.compile("/risk.*present=1"))


def test_a_link_opens_its_set_up_and_a_preset_sets_another(reader):
    page = opened(reader, "?data=xor&l2=0.01&dropout=0.2")
    pause(page)
    assert query(page) == {"data": ["xor"], "l2": ["0.01"], "dropout": ["0.2"]}
    expect(page.locator("[data-panel=surface] .lab-plot")).to_have_attribute("aria-label", re.compile("150 training points"))
    page.get_by_role("link", name="Too large a rate").click()
    expect(page.locator(".st-key-diagnosis")).to_contain_text(re.compile(r"Step \d+, .*Diverged: .* > 2"))
    page.get_by_role("button", name="ε = 0.3").click()
    page.wait_for_url(re.compile("rate=0.3"))
    expect(page.locator(".st-key-diagnosis")).not_to_contain_text("Diverged")
    expect(mode(page, "Play")).to_have_attribute("aria-checked", "true")


def test_points_are_drawn_while_it_trains_and_are_in_the_link(reader):
    page = opened(reader, "?data=drawn")
    sheet = page.locator("[data-panel=surface] svg.lab-sheet-to-draw")
    status = page.locator("[data-panel=surface] .lab-drawn")
    expect(status).to_contain_text("6 class 1, 9 class 2, 0 class 3")
    page.get_by_role("radio", name="class 3").click()
    before = step(page)
    box = sheet.bounding_box()
    sheet.click(position=dict(x=0.85 * box["width"], y=0.15 * box["height"]))
    page.wait_for_url(re.compile("points="))
    expect(status).to_contain_text("1 class 3")
    expect(page.locator("[data-panel=surface] .lab-plot")).to_have_attribute("aria-label", re.compile("16 training points"))
    assert step(page) >= before, "the same net goes on"
    page.reload()
    expect(status).to_contain_text("6 class 1, 9 class 2, 1 class 3")


def test_what_is_wrong_with_a_run_is_said_on_the_wall(reader):
    page = reader.page
    page.goto(f"{reader.address}/risk?present=1")
    reader.drawn()
    page.keyboard.press("ArrowUp")  # before the first lesson
    page.wait_for_url(re.compile("/playground.*present=1"))
    for _ in range(4):
        expect(page.locator("[data-panel=net] image").first).to_be_attached()
        page.keyboard.press("ArrowRight")
    told = page.locator(".st-key-diagnosis")
    expect(told).to_contain_text("Over-fitting")
    inside = """() => [document.querySelector("[data-testid=stMain]").scrollHeight, ...[...document.querySelectorAll(
      ".lab-panel:not([hidden]) figcaption, .st-key-diagnosis p")].map((e) => e.getBoundingClientRect().bottom)]"""
    assert max(page.evaluate(inside)) <= 720
    page.keyboard.press("v")
    said = page.locator(".lab-said")
    expect(said).to_contain_text("Over-fitting")
    first = said.inner_text()
    page.wait_for_function("(text) => document.querySelector('.lab-said').innerText !== text", arg=first)
    page.keyboard.press("v")
    page.keyboard.press("m")
    overlay = page.locator(".lab-overlay")
    expect(overlay.locator("dt").last).to_have_text("Esc")
    assert overlay.evaluate("e => e.scrollHeight - e.clientHeight") <= 0, "all lessons and all keys are in sight"


def test_runs_are_unpinned_while_it_plays(reader):
    page = opened(reader)
    pause(page)
    for runs in range(4):
        page.get_by_role("button", name="Pin this run").click()
        expect(page.locator("[data-panel=pins] tbody tr")).to_have_count(runs + 2)
    at = step(page)
    mode(page, "Play").click()
    page.wait_for_function(f"() => {STEP} > {at}")
    left = list("ABCD")
    for letter in "ABD":
        page.get_by_role("button", name=f"Unpin {letter}").click()
        left.remove(letter)
        expect(page.locator("[data-panel=pins] tbody tr")).to_have_count(len(left) + 1)
        names = page.locator(".st-key-pinned button:visible")
        expect(names).to_have_text([re.compile(f"{does} {one}$") for one in left for does in ("Open", "Unpin")])


def test_a_notice_goes_when_the_entry_has_been_put_right(reader):
    page = opened(reader)
    pause(page)
    notice, field = page.locator(".lab-notices"), page.get_by_role("textbox", name="Hidden layers")
    was = field.input_value()
    field.fill("abc")
    field.press("Enter")
    expect(notice).to_contain_text("Hidden layers must be numbers")
    field.fill(was)
    field.press("Enter")
    expect(notice).not_to_contain_text("Hidden layers")


def test_nothing_runs_where_nobody_looks(reader):
    page = opened(reader)
    page.evaluate("""() => { Object.defineProperty(document, "hidden", { value: true, configurable: true });
                             document.dispatchEvent(new Event("visibilitychange")); }""")
    reader.drawn()
    at = step(page)
    page.wait_for_timeout(2000)
    assert step(page) == at
    page.evaluate("""() => { delete document.hidden; document.dispatchEvent(new Event("visibilitychange")); }""")
    page.wait_for_function(f"() => !document.querySelector('.st-key-diagnosis').textContent.includes('Step {at:,},')")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_accessible(reader, theme):
    page = opened(reader, theme=theme)
    pause(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)  # what was under the pointer fades
    assert violations(page) == []


def test_a_phone(reader):
    page = opened(reader, width=390, height=844)
    pause(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    first = page.locator("[data-panel=surface] .lab-plot").bounding_box()
    assert first["x"] >= 0 and first["x"] + first["width"] <= 390 and first["y"] < 844 - 150, (
        "the picture is begun on the first screen"
    )


def test_by_the_keyboard_alone(reader):
    page = opened(reader)
    mode(page, "Play").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(mode(page, "Pause")).to_have_attribute("aria-checked", "true")
    settle(page)
    at = step(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect_step(page, at + 1)


def test_a_reader_leaves_while_it_plays_and_comes_back(reader):
    page = opened(reader)
    page.get_by_role("link", name="Home").click()
    expect(page.locator(".lab-card").first).to_be_visible()
    page.wait_for_timeout(1500)
    assert urlparse(page.url).path == "/" and not page.locator(".st-key-diagnosis").count()
    page.get_by_role("link", name="Play", exact=True).or_(page.locator(".st-key-playground-card a")).first.click()
    expect(page.locator("[data-panel=net] image").first).to_be_attached()
    expect(mode(page, "Play")).to_have_attribute("aria-checked", "true")


def test_pictures_follow_a_window_that_becomes_lower(reader):
    page = opened(reader)
    heights = [page.locator(f"[data-panel={name}] .lab-plot").bounding_box()["height"] for name in ("surface", "net", "losses")]
    page.set_viewport_size({"width": 1280, "height": 1400})
    page.wait_for_function(f"() => document.querySelector('[data-panel=surface] .lab-plot').offsetHeight > {heights[0] + 100}")
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(f"() => document.querySelector('[data-panel=surface] svg.main-svg').clientHeight <= {heights[0] + 1}")
    assert heights == [page.locator(f"[data-panel={name}] .lab-plot").bounding_box()["height"]
                       for name in ("surface", "net", "losses")]
