"""The app as a reader has it: a real server, headless Chromium, keys and clicks."""

from __future__ import annotations

import math
import re
from urllib.parse import parse_qsl, urlencode, urlparse

import pytest
from playwright.sync_api import Page, expect

from core.catalogue import lesson
from tests.pages import page_spec
from tests.reader import SLIDER, Reader, in_browser, violations

pytestmark = in_browser


def test_navigation_from_home_through_the_menu(reader):
    page = reader.open("")
    page.get_by_role("link", name="Optimisers").first.click()
    reader.drawn()
    assert urlparse(page.url).path == "/optimisers"
    page.get_by_text("Augment data").first.click()
    page.get_by_role("menuitem", name="Mixup").click()
    expect(page.locator("h2").first).to_contain_text("Mixup")
    reader.drawn()
    assert urlparse(page.url).path == "/mixup"


def test_the_players_position_is_part_of_the_link(reader):
    page = reader.open("weight_penalties")
    player = page.locator(".lab-player")
    before = int(player.get_attribute("data-frame"))
    page.get_by_role("group", name="Playback").get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => location.search.includes('alpha_index')")
    expect(player).to_have_attribute("data-frame", str(before + 3))
    reader.drawn()
    link, frame = page.url.removeprefix(f"{reader.address}/"), reader.scene()["alpha_index"]
    reader.begin()
    reader.open(link)
    expect(player).to_have_attribute("data-frame", frame)


def test_an_answer_that_comes_late_does_not_move_the_player_back(browser, address):
    """Two positions are on their way when the answer to the first of them comes."""
    reader, clients, held, holding = Reader(browser, address), [], [], False

    def between(client) -> None:
        server = client.connect_to_server()
        server.on_message(lambda message: held.append(message) if holding else client.send(message))
        clients.append(client)

    reader.page.route_web_socket(re.compile("_stcore/stream"), between)
    page = reader.open("weight_penalties")
    player = page.locator(".lab-player")
    before = int(player.get_attribute("data-frame"))
    page.get_by_role("group", name="Playback").get_by_role("slider").focus()
    holding = True
    for _ in range(2):
        answers = len(held)
        page.keyboard.press("ArrowRight")
        while len(held) < answers + 3:
            page.wait_for_timeout(50)
        page.wait_for_timeout(500)
    # What the server has said comes as slowly as over a bad line.
    while held:
        clients[-1].send(held.pop(0))
        page.wait_for_timeout(50)
    holding = False
    page.wait_for_function("(at) => new URLSearchParams(location.search).get('alpha_index') === at", arg=str(before + 2))
    reader.drawn()
    expect(player).to_have_attribute("data-frame", str(before + 2))
    assert reader.errors == []
    page.context.close()


def test_fast_hands_end_at_the_last_value(reader):
    page = reader.open("optimisers")
    slider = page.locator(SLIDER).first
    slider.focus()
    for key in ["ArrowRight"] * 4 + ["ArrowLeft"] * 6:
        page.keyboard.press(key)
        page.wait_for_timeout(60)
    # 0.01, 0.015, 0.02, 0.03, 0.05 and back beyond the start, to a value that only the last key reaches.
    page.wait_for_function("() => new URLSearchParams(location.search).get('learning_rate') === '0.005'")
    reader.drawn()
    assert reader.scene()["learning_rate"] == "0.005"
    assert dict(parse_qsl(reader.board.get_attribute("data-scene"))) == reader.scene()
    assert slider.get_attribute("aria-valuetext") in (None, reader.scene()["learning_rate"])


def test_all_methods_have_a_key_of_four_lines_on_a_phone(reader):
    reader.begin(width=390, height=844)
    page = reader.open("optimisers?seed=0")
    entries = page.locator(".lab-panel:not([data-panel=setup]) .lab-key").first.locator("> *")
    assert entries.count() == 12
    assert entries.evaluate_all("all => new Set(all.map((one) => one.offsetTop)).size") <= 4


def test_a_link_reproduces_the_scene(reader):
    page = reader.open("optimisers?problem=ravine&start_x=1.5&start_y=-1.25&seed=9&alpha=0.7")
    assert reader.scene() == {"problem": "ravine", "start_x": "1.5", "start_y": "-1.25", "seed": "9", "alpha": "0.7"}
    link, drawn = page.url.removeprefix(f"{reader.address}/"), reader.board.get_attribute("data-drawn")
    reader.begin()
    reader.open(link)
    assert reader.board.get_attribute("data-drawn") == drawn
    reader.open("optimisers")
    assert reader.board.get_attribute("data-drawn") != drawn


def test_a_link_in_other_words_leaves_the_way_back_open(reader):
    start = f"{reader.address}/_stcore/health"
    page = reader.page
    page.goto(start)
    reader.open("optimisers?alpha=0.90&seed=0")
    assert page.url.endswith("?alpha=0.90&seed=0")
    page.go_back()
    assert page.url == start


def test_a_bad_link_is_explained(reader):
    page = reader.open("optimisers?learning_rate=banana&alpha=7&nobody=1&steps=NaN")
    told = page.locator(".lab-notices .lab-notice")
    expect(told.filter(has_text="Learning rate")).to_be_visible()
    expect(told.filter(has_text="nobody")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)
    assert reader.scene() == {"alpha": "0.99"}


def test_what_a_link_says_is_shown_as_typed(reader):
    """No picture is fetched, no link is made and nothing is set in bold that came with a link."""
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    typed = {"seed": "![x](http://127.0.0.1:9/x.png)", "present": "[text](http://127.0.0.1:9/y)", "alpha": "**2** :red[3] $x^2$",
             "nobody": "<img src=x onerror=alert(1)>", "beside": "kappa=`z`"}
    page = reader.open("optimisers?" + urlencode(typed))
    told = " ".join(page.locator(".lab-notices .lab-notice").all_inner_texts())
    for text in ("![x](http://127.0.0.1:9/x.png)", "[text](http://127.0.0.1:9/y)", "**2** :red[3] $x^2$", "`z`"):
        assert text in told
    assert not [url for url in asked if ":9/" in url]
    assert page.locator(".lab-notices :is(a, img, strong, code)").count() == 0
    assert page.locator("a[href*=':9/']").count() == 0
    reader.page.goto(f"{reader.address}/optimisers?{urlencode({'<b>bold</b>': '1'})}")
    reader.drawn()
    assert "<b>bold</b>" in page.locator(".lab-notices .lab-notice").inner_text()


def nudge(reader: Reader, key: str) -> None:
    """Moves the first slider by a step and waits until the page and its link have followed."""
    link = reader.page.url
    reader.first_slider().focus()
    reader.page.keyboard.press(key)
    reader.page.wait_for_function("link => location.href !== link", arg=link)
    reader.drawn()


def test_a_typed_field_stays_as_typed(reader):
    page = reader.open("batch_norm")
    field = page.get_by_role("textbox").first
    field.fill("1, 2.5,0.123456789 ; -3")
    field.press("Enter")
    page.wait_for_function("() => location.search.includes('0.123456789')")
    reader.drawn()
    link = reader.scene()["batch"]
    assert link == "1,2.5,0.123456789,-3"
    for _ in range(2):
        nudge(reader, "ArrowRight")
    assert len(reader.scene()) > 1
    assert reader.scene()["batch"] == link
    expect(field).to_have_value("1, 2.5,0.123456789 ; -3")
    # What cannot be used is said, and is still there to be mended while other controls move.
    field.fill("1, zwei, 3")
    field.press("Enter")
    expect(page.locator(".lab-notices .lab-notice")).to_be_visible()
    nudge(reader, "ArrowLeft")
    expect(field).to_have_value("1, zwei, 3")
    assert reader.scene()["batch"] == link
    # A link brings as many digits into the field as it has itself.
    page.goto(f"{reader.address}/batch_norm?batch=0.123456789,2")
    reader.drawn()
    nudge(reader, "ArrowRight")
    assert reader.scene()["batch"] == "0.123456789,2"


def test_a_click_sets_the_start(reader):
    page = reader.open("optimisers")
    before = reader.board.get_attribute("data-drawn")
    box = reader.plot("map").bounding_box()
    page.mouse.click(box["x"] + 0.35 * box["width"], box["y"] + 0.3 * box["height"])
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before)
    reader.drawn()
    start = reader.scene()
    assert -3.5 < float(start["start_x"]) < 0
    assert 0 < float(start["start_y"]) < 4
    drawn = page.evaluate("(() => { const d = document.querySelector('[data-panel=map] .lab-plot').data;"
                          " const t = d[d.length - 1]; return [t.x[0], t.y[0]]; })()")
    assert drawn == pytest.approx([float(start["start_x"]), float(start["start_y"])])


def test_a_film_that_begins_at_its_start_waits_there(reader):
    reader.begin(motion="no-preference")
    page = reader.page
    page.goto(f"{reader.address}/initialisation?depth=3&steps=40")
    expect(reader.board).to_have_attribute("data-live", "false")
    reader.drawn()
    player = page.locator(".lab-player")
    expect(player).to_have_attribute("data-playing", "false")
    assert int(player.get_by_label("Step", exact=True).get_attribute("max")) > 10
    expect(player).to_have_attribute("data-frame", "0")
    page.get_by_role("button", name="One step forward").click()
    expect(player).to_have_attribute("data-frame", "1")


def test_play_pause_step_and_scrub(reader):
    reader.begin(motion="no-preference")
    page = reader.page
    page.goto(f"{reader.address}/optimisers")
    expect(reader.board).to_have_attribute("data-drawn", re.compile("."))
    player = page.locator(".lab-player")
    expect(player).to_have_attribute("data-playing", "false")  # the opening film ends by itself
    last = int(player.get_attribute("data-frame"))
    assert last > 10
    ends = "(() => { const d = document.querySelector('[data-panel=map] .lab-plot').data;" \
           " return d.filter((t) => t.meta?.grow).map((t) => t.x.length); })()"
    full = page.evaluate(ends)
    page.get_by_label("Speed").select_option("0.25")
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => Number(document.querySelector('.lab-player').dataset.frame) > 0")
    page.get_by_role("button", name="Pause").click()
    reader.drawn()
    middle = int(player.get_attribute("data-frame"))
    assert 0 < middle < last
    page.wait_for_timeout(400)
    assert int(player.get_attribute("data-frame")) == middle
    assert all(a < b for a, b in zip(page.evaluate(ends), full, strict=True)), "the paths did not shrink to the frame"
    page.get_by_role("button", name="One step forward").click()
    expect(player).to_have_attribute("data-frame", str(middle + 1))
    page.get_by_role("button", name="One step back").click()
    expect(player).to_have_attribute("data-frame", str(middle))
    page.get_by_role("slider", name="Step", exact=True).focus()
    page.keyboard.press("Home")
    expect(player).to_have_attribute("data-frame", "0")
    page.keyboard.press("End")
    expect(player).to_have_attribute("data-frame", str(last))
    reader.drawn()
    assert page.evaluate(ends) == full


def drag(page: Page, plot, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drags inside a plot, between two places given as parts of its width and height."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=6)
    page.mouse.up()


def test_zoom_and_camera_survive_an_update(reader):
    page = reader.open("optimisers")
    look = """() => {
      const layout = (id) => document.querySelector(`[data-panel=${id}] .lab-plot`)._fullLayout;
      const { x, y, z } = layout("surface").scene._scene.getCamera().eye;
      return [...layout("map").xaxis.range, x, y, z];
    }"""
    opening = page.evaluate(look)
    page.evaluate("window.__node = document.querySelector('[data-panel=map] .lab-plot')")
    drag(page, reader.plot("map"), (0.3, 0.3), (0.6, 0.6))
    drag(page, reader.plot("surface"), (0.4, 0.5), (0.6, 0.4))
    # The camera glides on for a while after it is let go.
    moved = page.evaluate(look)
    for _ in range(40):
        page.wait_for_timeout(250)
        page.evaluate("() => new Promise(requestAnimationFrame)")  # which may come late where all is drawn in software
        last, moved = moved, page.evaluate(look)
        if moved == last:
            break
    assert moved[0] > opening[0] + 1
    assert moved[2:] != pytest.approx(opening[2:], abs=0.05)
    before = reader.board.get_attribute("data-drawn")
    page.locator(SLIDER).first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before)
    reader.drawn()
    assert page.evaluate("window.__node === document.querySelector('[data-panel=map] .lab-plot')"), "mounted anew"
    kept = page.evaluate(look)
    assert kept[:2] == pytest.approx(moved[:2])
    # On a slow machine the camera may glide on a little; a reset would take it back to the opening.
    assert math.dist(kept[2:], opening[2:]) > 3 * math.dist(kept[2:], moved[2:])
    assert "start_x" not in reader.scene(), "a drag is not a click"
    # A camera that glides on after Plotly has noted where it was let go stays where it came to rest.
    page.evaluate("""() => {
      const scene = document.querySelector("[data-panel=surface] .lab-plot")._fullLayout.scene._scene;
      scene.setViewport({ ...scene.fullSceneLayout, camera: { ...scene.getCamera(), eye: { x: -1.5, y: 1, z: 0.8 } } });
    }""")
    page.locator(SLIDER).first.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn === d", arg=before)
    reader.drawn()
    assert page.evaluate(look)[2:] == pytest.approx([-1.5, 1, 0.8], abs=0.01)


def test_the_words_are_sent_to_those_who_open_them(reader):
    page = reader.open("risk")
    assert page.locator(".katex, [data-testid=stCode]").count() == 0
    for name in ("The maths, and the code that ran", "The same in plain PyTorch"):
        page.get_by_text(name, exact=True).click()
        expect(page.locator("[data-testid=stExpander]").filter(has_text=name).locator("[data-testid=stCode]").first).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()
    for theme in ("light", "dark"):
        reader.set_theme(theme)
        assert violations(page) == []
    # The picture has not been touched.
    reader.drawn()
    assert reader.scene() == {}


def test_axes_of_one_scale_keep_their_ranges_from_scene_to_scene(reader):
    """Plotly.react alone widens them to what the scene before had room for."""
    page, spec, module = reader.open("surrogate_losses"), page_spec("surrogate_losses"), lesson("surrogate_losses").module()
    for preset in [spec.presets[k] for k in (5, 0, 2)]:
        link = page.locator(".lab-presets a").get_by_text(preset.name, exact=True)
        link.click()
        expect(link).to_have_attribute("aria-current", "true")
        reader.drawn()
        scene = module.Config(**preset.values)
        (panel,) = [one for one in spec.draw(module.run(scene), scene).panels if one.id == "plane"]
        wanted = [list(panel.figure.layout[name].range) for name in ("xaxis", "yaxis")]
        shown = reader.plot("plane").evaluate("(node) => ['xaxis', 'yaxis'].map((name) => node._fullLayout[name].range)")
        for one, other in zip(shown, wanted, strict=True):
            assert one == pytest.approx(other, rel=1e-6), preset.name


@pytest.mark.parametrize("way", ["link", "home"])
def test_plotly_is_loaded_once_whatever_the_way_to_a_lesson(reader, way):
    page = reader.open("risk" if way == "link" else "")
    if way == "home":
        page.get_by_role("link", name="Optimisers").first.click()
    reader.drawn()
    asked = page.evaluate("performance.getEntriesByType('resource').filter((one) => one.name.endsWith('plotly.min.js')).length")
    assert (asked, page.locator("script[src$='plotly.min.js']").count()) == (1, 1)
