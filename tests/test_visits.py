"""How a page arrives: what a visit loads, which picture comes first, what a browser without WebGL shows."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from benchmarks.browser import executable
from figures.wire import DTYPES, Arrays, Blob
from tests.reader import SLIDER, Reader, in_browser
from ui import chart
from ui.assets import CHART, PLOTLY

pytestmark = in_browser

LOADED = """() => performance.getEntriesByType("resource").filter(({ name }) => /component|static[/](js|css)/.test(name))
  .map(({ name, transferSize, encodedBodySize, decodedBodySize }) => [name, transferSize, encodedBodySize, decodedBodySize])"""


def test_a_second_visit_loads_nothing_again(browser, address):
    reader = Reader(browser, address)
    page = reader.open("risk")
    first = page.evaluate(LOADED)
    names = [name.removeprefix(f"{address}/") for name, *_ in first]
    assert f"{PLOTLY.address}/plotly.min.js" in names
    assert {f"{CHART.address}/{file}" for file in CHART.files} <= set(names)
    assert len(names) == len(set(names)), "loaded twice"
    assert all(0 < encoded < decoded for _, _, encoded, decoded in first if decoded > 1000), "not compressed"
    page.goto(f"{address}/risk?seed=1")
    reader.drawn()
    again = page.evaluate(LOADED)
    assert len(again) >= len(CHART.files)
    assert [name for name, transferred, *_ in again if transferred] == []
    assert reader.errors == []
    page.context.close()


def test_the_first_picture_does_not_wait_for_the_others(browser, address):
    another = Reader(browser, address)  # has its run computed, which has fewer pictures on the way
    another.open("optimisers").context.close()
    reader = Reader(browser, address, motion="no-preference")
    page = reader.page
    page.add_init_script("""{
      let at = 0, framed = false;
      new MutationObserver(() => {
        const board = document.querySelector(".lab-board");
        if (!board?.dataset.drawn || window.second) return;
        const pictures = [...document.querySelectorAll(".lab-panel")].map((p) => Boolean(p.querySelector(".main-svg")));
        if (window.first) {
          if (pictures.filter(Boolean).length > 1) window.second = { framed, waited: performance.now() - at };
          return;
        }
        window.first = pictures;
        window.playing = document.querySelector(".lab-player").dataset.playing;
        window.frame = board.dataset.frame;
        at = performance.now();
        requestAnimationFrame(() => { framed = true; });
      }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
    }""")
    page.goto(f"{address}/optimisers")
    page.wait_for_function("window.second", timeout=30_000)
    assert page.evaluate("window.first.length") > 3
    assert page.evaluate("window.first.map(Number).join('')").rstrip("0") == "1"
    # A frame has shown it before the next is begun, unless the browser gives none for half a second.
    assert page.evaluate("window.second.framed || window.second.waited >= 500")
    # It is that of the film's beginning, and the film begins when all that is in sight is drawn, and ends by itself.
    assert page.evaluate("[window.frame, window.playing]") == ["0", "true"]
    expect(page.locator(".lab-player")).to_have_attribute("data-playing", "false", timeout=30_000)
    assert int(page.locator(".lab-player").get_attribute("data-frame")) > 10
    reader.drawn()
    assert reader.errors == []
    page.context.close()


def test_a_page_is_never_laid_out_without_our_styles(browser, address):
    reader = Reader(browser, address)
    page = reader.open("risk")
    page.add_init_script("""new MutationObserver((_, watch) => {
      if (!document.querySelector(".lab-board")) return;
      watch.disconnect();
      window.styled = [...document.styleSheets].some(({ ownerNode }) => ownerNode.textContent.includes(".st-key-hidden-links"));
    }).observe(document, { subtree: true, childList: true });""")
    page.reload()
    reader.drawn()
    assert page.evaluate("window.styled")
    page.context.close()


def test_parts_that_a_browser_misses_are_sent_again(reader):
    page = reader.open("risk")
    before = reader.board.get_attribute("data-drawn")
    # More than it keeps pushes out all that it had.
    page.evaluate(f"""async () => {{
      const parts = await import("/{CHART.address}/parts.js");
      parts.keepPart("large", {{ text: "{{}}", numbers: new ArrayBuffer(200 << 20) }});
    }}""")
    page.locator(SLIDER).locator("visible=true").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before, timeout=20_000)
    reader.drawn()
    page.keyboard.press("ArrowLeft")
    expect(reader.board).to_have_attribute("data-drawn", re.compile(before), timeout=20_000)


# Messages as Python makes them, in base64; what arrives of each part's arrays.
ARRIVED = """async ([folder, message]) => {
  const { opened, partOf } = await import(`/${folder}/parts.js`);
  const { putArrays } = await import(`/${folder}/tools.js`);
  const head = await opened(Uint8Array.from(atob(message), (c) => c.charCodeAt(0)));
  const { text, numbers } = partOf(head.parts[0][0]);
  const figure = JSON.parse(text);
  putArrays(figure, numbers, (bytes, mime) => ({ mime, bytes: Array.from(bytes) }));
  const flat = (value) => (Array.isArray(value) ? value.flatMap(flat) : [value]);
  return Object.fromEntries(Object.entries(figure).map(([name, value]) => value.mime ? [name, value] : [name, {
    kind: flat(value)[0].constructor.name, rows: Array.isArray(value) ? value.length : 0,
    bytes: flat(value).flatMap((row) => Array.from(new Uint8Array(row.buffer, row.byteOffset, row.byteLength))),
  }]));
}"""
KINDS = dict(zip(DTYPES, ("Float32", "Float64", "Int8", "Uint8", "Int16", "Uint16", "Int32", "Uint32"), strict=True))


def message(*parts: tuple[Any, Arrays | None], **head: Any) -> str:
    made: dict[str, bytes] = {}
    for value, arrays in parts:
        chart._add(made, value, arrays)
    line = json.dumps({**head, "parts": [[name, len(part)] for name, part in made.items()]}).encode()
    return base64.b64encode(b"\n".join([line, b"".join(made.values())])).decode()


def test_every_bit_of_an_array_arrives(reader):
    page = reader.open("risk")
    arrays, bits = Arrays(), np.random.default_rng(0).bytes(3 * 5 * 8)
    sent = {"odd": np.arange(3, dtype=np.uint8)} | {dtype: np.frombuffer(bits, dtype) for dtype in DTYPES}
    sent |= {f"{dtype}-rows": np.frombuffer(bits, dtype).reshape(3, 5, -1) for dtype in DTYPES}
    figure = arrays.extract(sent | {"blob": Blob.of("a/b", b"\x00\xff\n")})
    found = page.evaluate(ARRIVED, [CHART.address, message((figure, arrays))])
    assert found.pop("blob") == {"mime": "a/b", "bytes": [0, 255, 10]}
    assert found.keys() == sent.keys()
    for name, values in sent.items():
        dtype, _, rows = name.replace("odd", "u1").partition("-")
        assert found[name] == {"kind": f"{KINDS[dtype]}Array", "rows": 3 if rows else 0, "bytes": list(values.tobytes())}, name


def test_messages_that_wait_are_all_kept_and_the_newest_is_received(reader):
    page = reader.open("risk")
    sent = [message((f"part {n}", None), number=n) for n in range(4)] + [message(number=4)]
    received = page.evaluate("""async ([folder, messages]) => {
      const { Board } = await import(`/${folder}/board.js`);
      const { partOf } = await import(`/${folder}/parts.js`);
      const received = [], names = [];
      const board = { waiting: [], root: document.body, receive(head) {
        this.head = head;
        received.push([head.number, names.map((name) => Boolean(partOf(name)))]);
      } };
      const bytes = messages.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
      const headOf = (one) => JSON.parse(new TextDecoder().decode(one).split("\\n")[0]);
      names.push(...bytes.flatMap((one) => headOf(one).parts.map(([name]) => name)));
      const takes = bytes.slice(0, 4).map((one) => Board.prototype.take.call(board, one));
      await takes[0];
      await Board.prototype.take.call(board, bytes[4]);
      return received;
    }""", [CHART.address, sent])
    assert received == [[0, [True, False, False, False]], [3, [True] * 4], [4, [True] * 4]]


def test_of_messages_that_are_handed_over_late_the_parts_alone_are_taken(reader):
    page = reader.open("risk")
    sent = [message((f"part {number} {session}", None), number=number, session=session, digest=f"{number}{session}")
            for number, session in [(2, "a"), (1, "a"), (3, "a"), (5, "a"), (4, "a"), (1, "b")]]
    received = page.evaluate("""async ([folder, messages]) => {
      const { Board } = await import(`/${folder}/board.js`);
      const received = [];
      const board = { waiting: [], root: document.body, receive(head) {
        if (head !== this.head) this.lacks = head.number === 2;  // a part, that comes with an older one
        else this.lacks = false;
        this.head = head;
        if (!this.lacks) this.digest = head.digest;
        received.push([head.number, head.session, this.sendEvents]);
      } };
      const take = (text, i) => Board.prototype.take.call(board, Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), i);
      const takes = (from, to) => Promise.all(messages.slice(from, to).map((text, i) => take(text, from + i)));
      await takes(0, 1);
      await takes(1, 2);
      await takes(2, 5);  // the last two are opened together
      await takes(5, 6);
      return received;
    }""", [CHART.address, sent])
    assert received == [[2, "a", 0], [2, "a", 0], [3, "a", 2], [5, "a", 3], [1, "b", 5]]


def test_a_browser_that_cannot_open_messages_says_so(browser, address):
    page = Reader(browser, address).page
    page.add_init_script("delete window.DecompressionStream")
    page.goto(f"{address}/risk")
    expect(page.locator(".lab-notice").locator("visible=true")).to_contain_text("This browser is too old")
    page.context.close()


def said(page: Page, panel: str):
    return page.locator(f"[data-panel={panel}] .lab-notice")


def test_a_browser_without_webgl_is_told_so(browser, address):
    other = browser.browser_type.launch(executable_path=executable(), args=["--no-sandbox", "--disable-3d-apis"])
    reader = Reader(other, address)
    page = reader.open("optimisers")
    expect(said(page, "surface")).to_contain_text("WebGL")
    expect(page.locator("[data-panel=surface] .lab-rotate")).to_be_hidden()
    assert page.locator("[data-panel=surface] .js-plotly-plot").count() == 0
    expect(page.locator(".lab-notice")).to_have_count(2)  # the other one, of the connection, is hidden
    assert page.locator("[data-panel=map] .main-svg").count() > 0
    before = reader.board.get_attribute("data-drawn")
    page.locator(SLIDER).first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before, timeout=20_000)
    reader.drawn()
    page.get_by_role("button", name="One step back").click()
    expect(said(page, "surface")).to_have_count(1)
    with page.expect_download(timeout=60_000) as waiting:  # its numbers can be had all the same
        page.locator("[data-panel=surface]").get_by_role("button", name="Save this picture").click()
        page.get_by_role("menuitem", name="CSV data").click()
    assert waiting.value.suggested_filename == "lab-optimisers-surface.csv"
    assert reader.errors == []
    other.close()


def test_a_board_that_was_out_of_the_page_for_a_while_is_drawn_again(reader):
    """It closes when it finds itself out of the page, and may be put back where it was."""
    page = reader.open("risk?seed=3")
    before = reader.board.get_attribute("data-drawn")
    page.evaluate("""async () => {
      const place = document.querySelector(".lab-board").parentElement, around = place.parentElement, next = place.nextSibling;
      place.remove();
      await new Promise((then) => setTimeout(then, 1000));
      around.insertBefore(place, next);
    }""")
    slider = reader.first_slider()
    at, low = (float(slider.get_attribute(name) or 0) for name in ("value", "min"))
    slider.focus()
    page.keyboard.press("ArrowLeft" if at > low else "ArrowRight")
    page.wait_for_function("d => document.querySelector('.lab-board').dataset.drawn !== d", arg=before)
    reader.drawn()
    expect(page.locator(".lab-plot .main-svg").first).to_be_visible()
