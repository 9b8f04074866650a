"""Pictures in space under wheel, finger and key: the page scrolls, two fingers or the handle turn."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.reader import Reader, in_browser

pytestmark = in_browser
CAMERA = """(id) => {
  const { x, y, z } = document.querySelector(`[data-panel=${id}] .lab-plot`)._fullLayout.scene._scene.getCamera().eye;
  return [x, y, z];
}"""
SCROLLED = "document.querySelector('[data-testid=stMain]').scrollTop"


def surfaces(page: Page) -> list[str]:
    """The pictures in space of a page."""
    return page.evaluate("""[...document.querySelectorAll(".lab-panel[data-panel]")]
      .filter((p) => p.querySelector(".lab-plot")._fullLayout?.scene).map((p) => p.dataset.panel)""")


def in_sight(reader: Reader, name: str) -> tuple[float, float]:
    plot = reader.plot(name)
    plot.evaluate("(node) => node.scrollIntoView({ block: 'center' })")
    reader.drawn()
    box = plot.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def touch(page: Page, moves: list[list[tuple[float, float]]]) -> None:
    """Fingers that are put down, moved and lifted; moves[t] holds the place of each."""
    session = page.context.new_cdp_session(page)
    for t, fingers in enumerate(moves):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if t else "touchStart", "touchPoints": points})
        page.wait_for_timeout(30)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def turned(page: Page, name: str, before: list[float]) -> None:
    """Waits until the eye stands elsewhere."""
    page.wait_for_function(f"([id, was]) => ({CAMERA})(id).some((now, i) => Math.abs(now - was[i]) > 0.05)", arg=[name, before])


@pytest.mark.parametrize("slug", ["optimisers", "exploding_gradients"])
def test_the_wheel_scrolls_the_page_over_a_picture_in_space(reader, slug):
    page = reader.open(slug)
    names = surfaces(page)
    assert names
    for name in names:
        x, y = in_sight(reader, name)
        camera, before = page.evaluate(CAMERA, name), page.evaluate(SCROLLED)
        page.mouse.move(x, y)
        page.mouse.wheel(0, -150)
        page.wait_for_function(f"(limit) => {SCROLLED} < limit", arg=before - 50)
        assert page.evaluate(CAMERA, name) == pytest.approx(camera), name


def test_every_picture_in_space_says_how_it_is_turned_and_turns(reader):
    page = reader.open("loss_landscapes")
    names = surfaces(page)
    assert names
    for name in names:
        panel = page.locator(f"[data-panel={name}]")
        expect(panel.locator(".lab-rotate-help")).to_contain_text("Drag")
        assert "turn" not in panel.locator("figcaption").inner_text().lower()
        in_sight(reader, name)
        before = page.evaluate(CAMERA, name)
        panel.get_by_role("button", name="Turn the picture").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
        page.wait_for_function(f"([id, z]) => ({CAMERA})(id)[2] > z", arg=[name, before[2]])
        after = page.evaluate(CAMERA, name)
        assert after[:2] != pytest.approx(before[:2], abs=0.02), name
        # The eye goes round its centre and comes no nearer.
        assert sum(v * v for v in after) == pytest.approx(sum(v * v for v in before), rel=0.05)
    # Pictures in the plane say nothing of it.
    flat = page.locator(".lab-panel").filter(has=page.locator(".xtick")).first
    expect(flat.locator(".lab-rotate-help")).to_be_hidden()
    expect(flat.locator(".lab-rotate")).to_have_count(0)


def test_fingers_on_a_phone(browser, address):
    reader = Reader(browser, address, width=390, height=844, touch=True)
    page = reader.open("optimisers")
    (name,) = surfaces(page)
    expect(page.locator(f"[data-panel={name}] .lab-rotate-help")).to_contain_text("Two fingers")
    x, y = in_sight(reader, name)
    camera, before = page.evaluate(CAMERA, name), page.evaluate(SCROLLED)
    touch(page, [[(x, y - 20 * t)] for t in range(8)])
    page.wait_for_function(f"(limit) => {SCROLLED} > limit", arg=before + 60)  # one finger scrolls the page
    assert page.evaluate(CAMERA, name) == pytest.approx(camera)
    for _ in range(20):  # the page scrolls on for a while
        before = page.evaluate(SCROLLED)
        page.wait_for_timeout(300)
        if page.evaluate(SCROLLED) == before:
            break
    x, y = in_sight(reader, name)
    before = page.evaluate(SCROLLED)
    touch(page, [[(x - 40 + 12 * t, y), (x + 40 + 12 * t, y)] for t in range(8)])
    turned(page, name, camera)  # two fingers turn the picture
    assert abs(page.evaluate(SCROLLED) - before) < 5
    # So does one finger on the handle.
    camera = page.evaluate(CAMERA, name)
    box = page.locator(f"[data-panel={name}] .lab-rotate").bounding_box()
    assert box
    assert box["width"] >= 36
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(page, [[(x - 15 * t, y)] for t in range(8)])
    turned(page, name, camera)
    assert reader.errors == []
    page.context.close()
