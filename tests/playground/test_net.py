"""The playground's net and its drawing pad: units large, weights written and held, brushes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from core.playground.setup import Setup
from core.playground.view import SIDE, THIN, look, plane
from core.simulation import Simulation
from figures.playground import pictures
from tests.playground.test_page import button, mode, opened, pause, query, step
from tests.reader import Reader, in_browser, violations
from tests.test_touch import touch
from ui import weights


def test_the_picture_tells_the_runs_numbers():
    run = Simulation(Setup(samples=60, frozen=((1, 2), (2, 1, 3))), dtype=torch.float64)
    run.advance(50)
    net = pictures.net(look(run))
    seen = run.net.activations(run.theta, plane(run.problem).double())
    for k, (layer, values) in enumerate(zip(run.net.views(run.theta), (*seen.post, seen.out), strict=True)):
        np.testing.assert_allclose(net.biases[k][0], layer.bias.flatten().numpy(), rtol=1e-6)
        shown = values[0].unflatten(1, (SIDE, SIDE))[:, ::THIN, ::THIN].flatten(1)
        ranges = net.layers[k + 1].ranges
        assert ranges is not None
        np.testing.assert_allclose(ranges[0, :, 0], shown.min(1).values, rtol=1e-6)
        np.testing.assert_allclose(ranges[0, :, 1], shown.max(1).values, rtol=1e-6)
    assert net.held == ((1, 2), (2, 1, 3)) and net.editable and net.axes == ("x₁", "x₂")


def test_events_write_and_hold():
    run = Simulation(Setup(samples=60))
    assert weights.handle({"event": "weight", "name": [2, 1, 3], "value": 0.5}, run, run.setup) == {}
    assert float(run.net.views(run.theta)[1].weight[0, 0, 2]) == 0.5
    weights.handle({"event": "weight", "name": [1, 4, 0], "value": -2}, run, run.setup)
    assert float(run.net.views(run.theta)[0].bias[0, 3, 0]) == -2
    scene = Setup(frozen=((1, 2), (2, 1, 0)))
    held = weights.handle({"event": "hold", "name": [2, 1, 3], "on": True}, run, scene)
    assert held == {"frozen": ((1, 2), (2, 1, 0), (2, 1, 3))}
    assert weights.handle({"event": "hold", "name": [1, 2], "on": False}, run, scene) == {"frozen": ((2, 1, 0),)}


BAD = [{"event": "weight", "name": [1, 1, 1], "value": value} for value in (None, "x", True, 2000, 10**400, float("nan"))]
BAD += [{"event": kind, "name": name, "value": 1, "on": True}
        for kind in ("weight", "hold") for name in (None, 3, [1], [1, 1, 1, 1], ["1", "1", "1"], [99, 1, 1], [1, 1.0, 1])]
BAD += [{"event": "weight"}, {"event": "hold"}, {"event": "weight", "name": [1, 1, 3], "value": 1}]


@pytest.mark.parametrize("event", BAD, ids=str)
def test_what_is_no_weight_gets_a_sentence_and_changes_nothing(event):
    run = Simulation(Setup(samples=60))
    before = run.theta.clone()
    with pytest.raises(ValueError, match=r"^[A-Z][^\n]*\.$"):
        weights.handle(event, run, run.setup)
    assert torch.equal(run.theta, before) and not run.can_undo


def test_no_more_is_held_than_a_link_holds():
    full = Setup(frozen=tuple((1, unit, source) for unit in range(1, 11) for source in range(20)))
    with pytest.raises(ValueError, match="Held weights must hold at most 200 names"):
        weights.handle({"event": "hold", "name": [2, 1], "on": True}, Simulation(Setup(samples=60)), full)


def card(page: Page) -> Locator:
    return page.locator("[data-panel=net] .lab-network-card")


def unit(page: Page, name: str) -> Locator:
    return page.locator(f"[data-panel=net] [data-unit='{name}']")


def number(text: str | None, what: str) -> float:
    """The number that is told after a word."""
    found = re.search(rf"{what} (−?[\d.]+)", text or "")
    assert found, text
    return float(found[1].replace("−", "-"))


def apart(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a and b
    return any(a[x] + a[side] <= b[x] or b[x] + b[side] <= a[x] for x, side in (("x", "width"), ("y", "height")))


def typed(field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")


@in_browser[0]
@in_browser[1]
class TestBrowser:
    def test_a_unit_is_shown_large_while_it_trains(self, reader):
        page = opened(reader, "?hidden=16,16")
        for name in ("0:1", "1:8", "2:3", "3:0"):
            unit(page, name).hover()
            expect(card(page)).to_be_visible()
            assert apart(card(page), unit(page, name)), name
            assert card(page).locator("canvas").evaluate("(c) => c.clientWidth / parseFloat(getComputedStyle(c).fontSize)") >= 10
        expect(card(page)).to_contain_text(re.compile(r"out: output.*x₂.*x₁.*from −?[\d.]+ to −?[\d.]+\sbias −?[\d.]+", re.S))
        pixels = "(c) => String(c.getContext('2d').getImageData(0, 0, c.width, c.height).data)"
        told, drawn = card(page).inner_text(), card(page).locator("canvas").evaluate(pixels)
        expect(card(page)).not_to_have_text(told, use_inner_text=True)
        page.wait_for_function(f"(was) => ({pixels})(document.querySelector('.lab-network-card canvas')) !== was", arg=drawn)
        page.keyboard.press("Escape")
        expect(card(page)).to_be_hidden()
        unit(page, "1:8").hover()
        expect(card(page)).to_be_visible()
        page.mouse.move(0, 0)
        expect(card(page)).to_be_hidden()

    def test_weights_are_written_and_held(self, reader):
        page = opened(reader)
        pause(page)
        told = unit(page, "2:1")
        before = number(told.get_attribute("aria-label"), "bias")
        told.click()
        editor = page.get_by_role("dialog", name="Weights of layer 2: 2")
        assert editor.get_by_role("spinbutton").count() == 1 + 6
        bias = editor.get_by_role("spinbutton", name="bias")
        typed(bias, "0.75")
        expect(told).to_have_attribute("aria-label", re.compile(r"bias 0\.75"))
        expect(editor).to_be_visible()
        button(page, "Undo").click()
        expect(told).to_have_attribute("aria-label", re.compile(rf"bias {before}".replace("-", "−")))
        assert number(f"bias {bias.input_value()}".replace("-", "−"), "bias") == pytest.approx(before, rel=0.01)
        for bad, sentence in (("5000", "from −1000 to 1000"), ("", "A weight is a number")):
            typed(bias, bad)
            expect(page.locator(".lab-notices")).to_contain_text(sentence)
            expect(bias).not_to_have_value(bad)

        # One weight is held, and the others go on; the link has it, and so has the picture of whoever opens it.
        third = editor.get_by_role("spinbutton", name="from 3")
        typed(third, "1.25")
        editor.get_by_role("checkbox", name="Hold from 3").check()
        page.wait_for_url(re.compile("frozen=2.2.3"))
        expect(page.locator(".lab-notices")).to_be_empty()
        first, at = editor.get_by_role("spinbutton", name="from 1"), step(page)
        was = first.input_value()
        mode(page, "Play").click()
        bias.fill("7")  # what is being typed stays while the run goes on
        expect(first).not_to_have_value(was)
        expect(bias).to_have_value("7")
        assert number(told.get_attribute("aria-label"), "bias") < 5
        bias.press("Enter")
        expect(told).to_have_attribute("aria-label", re.compile(r"bias (6\.9|7)"))
        pause(page)
        assert step(page) > at and third.input_value() == "1.25"
        page.keyboard.press("Escape")
        expect(editor).to_have_count(0)
        page.reload()
        expect(page.locator("[data-panel=net] .lab-network > g rect[data-held]").first).to_be_attached()
        assert query(page)["frozen"] == ["2.2.3"]

    def test_weights_by_the_keyboard(self, reader):
        page = opened(reader)
        pause(page)
        unit(page, "0:0").focus()
        page.keyboard.press("ArrowRight")
        expect(card(page)).to_contain_text("layer 1: 1")
        page.keyboard.press("Enter")
        expect(card(page).get_by_role("spinbutton", name="bias")).to_be_focused()
        page.keyboard.type("-0.5")
        page.keyboard.press("Escape")
        expect(unit(page, "1:0")).to_be_focused()
        # What is not entered is forgotten.
        expect(unit(page, "1:0")).not_to_have_attribute("aria-label", re.compile(r"bias −0\.5$"))
        page.keyboard.press("Enter")
        for key in ("Tab", "Tab"):
            page.keyboard.press(key)
        expect(card(page).get_by_role("spinbutton", name="from x₁")).to_be_focused()
        page.keyboard.type("-2.5")
        page.keyboard.press("Tab")
        card(page).get_by_role("checkbox", name="Hold the whole unit").focus()
        page.keyboard.press("Space")
        page.wait_for_url(re.compile("frozen=1.1(&|$)"))
        expect(unit(page, "1:0")).to_have_attribute("aria-label", re.compile("held"))
        expect(card(page).get_by_role("checkbox", name="Hold from x₁")).to_be_disabled()
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)  # what was under the pointer fades
        assert violations(page) == []
        # The line of the weight tells what was written.
        page.keyboard.press("Escape")
        place = page.evaluate("""() => { const svg = document.querySelector("[data-panel=net] .lab-network");
          const [line, box] = [svg.querySelector("line"), svg.getBoundingClientRect()];
          const [x1, x2, y1, y2] = ["x1", "x2", "y1", "y2"].map((name) => Number(line.getAttribute(name)));
          return [box.left + 0.55 * x1 + 0.45 * x2, box.top + 0.55 * y1 + 0.45 * y2]; }""")
        page.mouse.move(*place)
        expect(page.locator("[data-panel=net] .lab-network-status")).to_have_text("x₁ → 1: weight −2.5, held")
        page.mouse.click(*place)
        expect(page.get_by_role("dialog", name="Weights of x₁ → layer 1: 1").get_by_role("spinbutton")).to_have_value("-2.5")

    def test_brushes(self, reader):
        page = opened(reader, "?data=drawn")
        pad = page.locator("[data-panel=surface]")
        status, sheet = pad.locator(".lab-drawn"), pad.locator(".lab-sheet-to-draw")
        box = sheet.bounding_box()
        sheet.focus()
        for key in ("3", "b"):
            page.keyboard.press(key)
        expect(pad.get_by_role("radio", name="class 3")).to_have_attribute("aria-checked", "true")
        corner = dict(x=0.85 * box["width"], y=0.12 * box["height"])
        sheet.click(position=corner)
        expect(status).to_contain_text("6 class 1, 9 class 2, 5 class 3")
        expect(pad.locator(".lab-plot")).to_have_attribute("aria-label", re.compile("20 training points"))
        page.keyboard.press("e")
        sheet.click(position=corner)
        expect(status).to_contain_text("6 class 1, 9 class 2, 0 class 3")
        expect(pad.locator(".lab-plot")).to_have_attribute("aria-label", re.compile("15 training points"))
        pause(page)
        button(page, "Undo").click()
        expect(status).to_contain_text("6 class 1, 9 class 2, 5 class 3")
        pad.get_by_role("combobox", name="Brush").select_option("12 points")
        pad.get_by_role("radio", name="class 1").click()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        for turn in range(12):
            page.mouse.move(box["x"] + (0.9, 0.3)[turn % 2] * box["width"], box["y"] + 0.3 * box["height"], steps=3)
        page.mouse.up()
        expect(status).to_contain_text(re.compile("^186 class 1, 9 class 2, 5 class 3.*200 points are the most"))
        page.wait_for_function("() => new URL(location).searchParams.get('points')?.length === 800")

    def test_on_a_phone(self, browser, address):
        reader = Reader(browser, address, touch=True)
        page = opened(reader, "?data=drawn", width=390, height=844)
        pause(page)
        sheet = page.locator(".lab-sheet-to-draw")
        sheet.evaluate("(node) => node.scrollIntoView({ block: 'center' })")
        page.get_by_role("combobox", name="Brush").select_option("5 points")
        before = page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
        box = sheet.bounding_box()
        touch(page, [[(box["x"] + 0.5 * box["width"], box["y"] + (0.2 + 0.05 * t) * box["height"])] for t in range(10)])
        expect(page.locator(".lab-drawn")).to_have_text(re.compile("[1-9][16] class 1, 9 class 2"))
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == before

        unit(page, "1:2").evaluate("(node) => node.scrollIntoView({ block: 'center' })")
        unit(page, "1:2").tap()
        expect(card(page)).to_contain_text("Tap again")
        unit(page, "1:2").tap()
        editor = page.get_by_role("dialog", name="Weights of layer 1: 3")
        typed(editor.get_by_role("spinbutton", name="bias"), "0.25")
        expect(unit(page, "1:2")).to_have_attribute("aria-label", re.compile(r"bias 0\.25"))
        assert violations(page, "label") == []
        shown = editor.bounding_box()
        assert shown and shown["x"] >= 0 and shown["x"] + shown["width"] <= 390
        editor.get_by_role("button", name="Close").tap()
        expect(card(page)).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390 and reader.errors == []
        page.context.close()
