"""What `ui/compat.py` relies on is still so in the versions that are installed."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit import config
from streamlit.commands import execution_control
from streamlit.components.lib.local_component_registry import LocalComponentRegistry
from streamlit.components.v1 import component_registry
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime import app_session, forward_msg_cache
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from benchmarks.server import serve, session
from tests.pages import ROOT
from tests.reader import in_browser
from ui import compat
from ui.assets import CHART, PLOTLY


def test_a_folder_named_pages_is_the_router_until_it_is_ignored(monkeypatch):
    monkeypatch.setattr(PagesManager, "uses_pages_directory", None)
    PagesManager(str(ROOT / "app.py"))
    assert PagesManager.uses_pages_directory is True, "ignore_pages_directory is no longer needed"
    compat.ignore_pages_directory()
    PagesManager(str(ROOT / "app.py"))
    assert PagesManager.uses_pages_directory is False


def test_no_message_is_left_to_streamlits_cache():
    """A browser that is told of a message which it has let go of ends its connection for good."""
    told = ForwardMsg()
    told.delta.new_element.markdown.body = "x" * 1_000_000
    asked = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["global"]["minCachedMessageSize"]
    before = config.get_option("global.minCachedMessageSize")
    try:
        for size, cached in ((1e4, True), (asked, False)):
            config.set_option("global.minCachedMessageSize", size)
            told.hash = ""
            forward_msg_cache.populate_hash_if_needed(told)
            assert told.metadata.cacheable is cached, "the option is no longer needed, or no longer known"
    finally:
        config.set_option("global.minCachedMessageSize", before)


def said(script: Callable[..., None], **values) -> list[str]:
    """What a script shows as text."""
    app = AppTest.from_function(script, kwargs=values).run()
    assert not app.exception
    return [text.value for text in app.text]


def test_a_script_knows_its_session():
    def script():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from ui import compat

        context = get_script_run_ctx()
        assert context
        context.session_id = "this one"
        st.text(compat.session_id())

    assert said(script) == ["this one"]
    assert compat.session_id() == ""


def asked_for(monkeypatch, rerun: Callable[[], None], waiting: RerunData | None) -> RerunData | None:
    """The run that comes next where page one asks for a rerun while `waiting` is asked for already."""
    requests = ScriptRequests()
    if waiting:
        requests.request_rerun(waiting)
    context = SimpleNamespace(script_requests=requests, query_string="", page_script_hash="one", cached_message_hashes=set(),
                              context_info=None)
    for module in (compat, execution_control):
        monkeypatch.setattr(module, "get_script_run_ctx", lambda: context)
    monkeypatch.setattr(execution_control, "_force_yield_point", lambda: None)
    monkeypatch.setattr(execution_control.ThreadState, "get", lambda: SimpleNamespace(run_location=None))
    rerun()
    request = requests.on_scriptrunner_ready()
    return request.rerun_data if request.type is ScriptRequestType.RERUN else None


def test_a_rerun_does_not_undo_a_change_of_page(monkeypatch):
    chosen = RerunData(page_script_hash="two")
    undone = asked_for(monkeypatch, inspect.unwrap(execution_control.rerun), chosen)
    assert undone
    assert undone.page_script_hash == "one", "compat.rerun is no longer needed"
    after = asked_for(monkeypatch, compat.rerun, chosen)
    assert after
    assert after.page_script_hash == "two"
    for nothing_else in (None, RerunData(page_script_hash="one", fragment_id="refreshing", is_auto_rerun=True)):
        alone = asked_for(monkeypatch, compat.rerun, nothing_else)
        assert alone
        assert alone.page_script_hash == "one"
        assert not alone.fragment_id_queue


def pages_after_a_late_request(delay: float) -> list[str]:
    """The pages that a browser is told of when the fragment of page one asks once more after page two has been chosen."""
    with serve(ROOT / "tests" / "leaving.py", folder=ROOT) as address, session(address, "two") as reader:
        two, reader.hash, reader.page = reader.hash, "", "one"
        reader.rerun()
        late = reader.rerun_message()
        late.rerun_script.fragment_id, late.rerun_script.is_auto_rerun = reader.fragment, True
        one, reader.hash = reader.hash, two
        # The thread that runs the page is at work, so that what is asked for meanwhile waits together.
        for message in (reader.rerun_message(), late) if delay else (reader.rerun_message(), reader.rerun_message(), late):
            reader.socket.send(message.SerializeToString())
            time.sleep(delay)
        told = []
        with suppress(TimeoutError):
            while forward := reader.receive(timeout=1.5):
                told += [forward.new_session.page_script_hash] if forward.WhichOneof("type") == "new_session" else []
    return [{one: "one", two: "two"}[page] for page in told]


def test_of_one_page_the_newest_link_counts():
    compat.keep_requests()
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="one", query_string="a=1"))
    requests.request_rerun(RerunData(page_script_hash="one", query_string="a=2", fragment_id="refreshing"))
    next_run = requests.on_scriptrunner_ready().rerun_data
    assert not next_run.fragment_id_queue
    assert next_run.query_string == "a=2"


@pytest.mark.parametrize("delay", [0, 0.1])
def test_a_change_of_page_outlives_what_the_page_before_asks_for(monkeypatch, delay):
    monkeypatch.delenv("KEEP", raising=False)
    assert pages_after_a_late_request(delay)[-1] == "one", "compat.keep_requests is no longer needed"
    monkeypatch.setenv("KEEP", "1")
    told = pages_after_a_late_request(delay)
    assert told
    assert set(told) == {"two"}


def run_after(address: str, *automatic: bool, gone: bool) -> str:
    """What a page says in the end whose fragment asks for a run, by itself or not, while the page is run without it, or after."""
    with session(address, "four") as reader:
        asked = [reader.rerun_message() for _ in range(1 + len(automatic))]
        for message, alone in zip(asked[1:], automatic, strict=True):
            message.rerun_script.fragment_id, message.rerun_script.is_auto_rerun = reader.fragment, alone
        reader.socket.send(asked[0].SerializeToString())
        while reader.receive(timeout=20).WhichOneof("type") != ("script_finished" if gone else "new_session"):
            pass
        for message in asked[1:]:
            reader.socket.send(message.SerializeToString())
        said = "run 2" if gone else ""
        with suppress(TimeoutError):
            while said != "run 3":
                said = reader.receive(timeout=1.5).delta.new_element.text.body or said
    return said


def test_what_a_reader_asks_for_outlives_its_fragment(monkeypatch):
    monkeypatch.delenv("KEEP", raising=False)
    with serve(ROOT / "tests" / "leaving.py", folder=ROOT) as address:
        for gone in (False, True):
            assert run_after(address, False, gone=gone) == "run 2", "compat.keep_requests is no longer needed"
    monkeypatch.setenv("KEEP", "1")
    with serve(ROOT / "tests" / "leaving.py", folder=ROOT) as address:
        for gone in (False, True):
            assert run_after(address, False, gone=gone) == "run 3"
            assert run_after(address, False, True, gone=gone) == "run 3"
            assert run_after(address, True, gone=gone) == "run 2"


def test_every_press_of_a_button_is_counted(monkeypatch):
    monkeypatch.setenv("KEEP", "1")
    with serve(ROOT / "tests" / "leaving.py", folder=ROOT) as address, session(address, "five") as reader:
        button = ""
        reader.rerun()
        reader.socket.send(reader.rerun_message().SerializeToString())
        while not button:
            button = reader.receive(timeout=20).delta.new_element.button.id
        press = reader.rerun_message()
        press.rerun_script.widget_states.widgets.add(id=button, trigger_value=True)
        said = ""
        for automatic in (False, True, False, True, False):  # while the page is at work
            press.rerun_script.is_auto_rerun = automatic
            reader.socket.send(press.SerializeToString())
        with suppress(TimeoutError):
            while "pressed 3" not in said:
                said = reader.receive(timeout=5).delta.new_element.text.body or said
    assert "pressed 3" in said


def test_of_two_presses_that_wait_a_callback_is_told_of_one():
    requests = ScriptRequests()
    for _ in range(2):
        pressed = WidgetStates()
        pressed.widgets.add(id="a-button", trigger_value=True)
        requests.request_rerun(RerunData(page_script_hash="one", widget_states=pressed))
    next_run = requests.on_scriptrunner_ready().rerun_data
    assert next_run.widget_states
    assert len(next_run.widget_states.widgets) == 1, "compat.presses is no longer needed"
    assert requests.on_scriptrunner_ready().type is not ScriptRequestType.RERUN


def controls_of_the_run_before() -> int:
    """How many controls a browser is sent of a run whose fragment is asked for once more before the run is over."""
    with serve(ROOT / "tests" / "leaving.py", folder=ROOT) as address, session(address, "three") as reader:
        again = reader.rerun_message()
        again.rerun_script.fragment_id = reader.fragment
        for message in (reader.rerun_message(), again):
            reader.socket.send(message.SerializeToString())
        sent = 0
        while (forward := reader.receive(timeout=5)).WhichOneof("type") != "script_finished":
            sent += forward.WhichOneof("type") == "delta" and forward.delta.new_element.WhichOneof("type") == "slider"
        return sent


def test_the_controls_of_a_run_are_sent_though_the_next_is_asked_for(monkeypatch):
    monkeypatch.delenv("KEEP", raising=False)
    # Now and then the server's flush comes in between, and sends them all the same.
    assert any(controls_of_the_run_before() == 0 for _ in range(5)), "to wait at the end of a run is no longer needed"
    monkeypatch.setenv("KEEP", "1")
    assert controls_of_the_run_before() == 1


def test_waiting_ends_when_all_is_sent_when_the_reader_goes_and_in_the_end(monkeypatch):
    there, looked, loop = [True], list[bool](), asyncio.new_event_loop()

    def is_empty() -> bool:
        looked.append(threading.current_thread() is serving)
        return len(looked) == 5

    one = SimpleNamespace(_event_loop=loop, _browser_queue=SimpleNamespace(is_empty=is_empty))
    monkeypatch.setattr(compat, "_app_session", lambda: one)
    serving = threading.Thread(target=loop.run_forever, daemon=True)
    serving.start()
    compat.wait_until_sent()
    assert looked == [True] * 5, "only the thread that sends looks, until all is sent"
    compat.wait_until_sent(longest=0.1)
    threading.Timer(0.2, there.pop).start()
    monkeypatch.setattr(compat, "_app_session", lambda: one if there else None)
    compat.wait_until_sent(longest=3600)
    looks = len(looked)
    time.sleep(0.3)
    loop.call_soon_threadsafe(loop.stop)
    serving.join()
    loop.close()
    assert len(looked) - looks <= 2, "who waits no longer is looked for no longer"


def test_reruns_are_asked_for_by_compat_alone():
    for folder in ("ui", "pages"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.name == "compat.py" or "st.rerun" not in path.read_text(), path


@pytest.mark.parametrize("travelled", [False, True])
def test_a_script_knows_whether_the_reader_went_back(travelled):
    def script(travelled):
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from ui import compat

        context = get_script_run_ctx()
        assert context
        assert context.is_history_navigation is False
        context.is_history_navigation = travelled
        st.text(compat.is_history_navigation())

    assert said(script, travelled=travelled) == [str(travelled)]
    assert compat.is_history_navigation() is False
    # What the browser sends with the request for a run; tests/test_browser.py presses the button.
    assert "is_history_navigation" in ClientState.DESCRIPTOR.fields_by_name


def test_a_run_ends_at_a_yield_point():
    def script():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from ui import compat

        class Asked(Exception):
            pass

        def stop():
            raise Asked

        context = get_script_run_ctx()
        assert context
        state = context.session_state
        before = state._yield_callback
        object.__setattr__(state, "_yield_callback", stop)
        try:
            compat.yield_point()
            ended = False
        except Asked:
            ended = True
        finally:
            object.__setattr__(state, "_yield_callback", before)
        st.text(ended)

    assert said(script) == ["True"]


def place(block: Block, text: str, path: tuple[int, ...] = ()) -> tuple[int, ...] | None:
    """Where in the tree of a page the text stands."""
    for index, node in block.children.items():
        if isinstance(node, Block):
            if found := place(node, text, (*path, index)):
                return found
        elif getattr(node, "value", None) == text:
            return (*path, index)
    return None


def test_a_fragment_and_a_container_take_the_same_place():
    def script(done):
        import streamlit as st

        from ui import compat

        @st.fragment
        def around():
            with st.container(key="picture"):
                st.text("before")
                compat.refresh_until_done(lambda: st.text("drawn"), done)

        around()

    places = [place(AppTest.from_function(script, kwargs={"done": done}).run().main, "drawn") for done in (False, True)]
    assert places[0] == places[1]
    assert places[0] is not None


def test_every_picture_of_a_fragment_arrives_though_the_next_is_asked_for():
    """A browser asks for the next picture every few milliseconds, whether or not it has the last."""
    shown: list[str] = []
    ended = 0
    with serve(ROOT / "tests" / "refreshing.py", folder=ROOT) as address, session(address) as reader:
        ask = reader.rerun_message()
        ask.rerun_script.is_auto_rerun = True
        ask.rerun_script.fragment_id = reader.fragment
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            reader.socket.send(ask.SerializeToString())
            try:
                while forward := reader.receive(timeout=0.005):
                    shown += [forward.delta.new_element.text.body] if forward.WhichOneof("type") == "delta" else []
                    ended += forward.WhichOneof("type") == "script_finished"
            except TimeoutError:
                pass
    counted = {text for text in shown if text.startswith("count")}
    assert ended > 10
    assert len(counted) >= ended - 1


def test_parts_of_a_figure_are_what_plotly_would_send():
    x = np.linspace(0.0, 1.0, 5)
    figure = go.Figure(go.Scatter(x=x, y=x**2, name="a", line={"dash": "dot"}), layout={"xaxis": {"range": [0, 1]}})
    traces, layout = compat.figure_parts(figure)
    assert np.shares_memory(traces[0]["x"], figure.data[0].x)
    whole = figure.to_dict()
    assert layout == whole["layout"]
    assert [{k: v for k, v in t.items() if k not in ("x", "y")} for t in traces] == [
        {k: v for k, v in t.items() if k not in ("x", "y")} for t in whole["data"]]
    np.testing.assert_array_equal(traces[0]["y"], x**2)


def selectors() -> list[str]:
    """The selectors of the style sheet, without the classes that our own scripts give to the page for a while."""
    css = re.sub(r"/\*.*?\*/", "", compat.STYLESHEET.read_text(), flags=re.DOTALL)
    found, around = [], ["&"]  # around: the rules that the reading stands in
    for head, end in re.findall(r"([^{};]+)\{|(\})", css):
        if end:
            around.pop()
        elif head.strip().startswith("@media"):
            around.append(around[-1])
        else:
            nested = head.strip() if "&" in head or around[-1] == "&" else f"& {head.strip()}"
            around.append(nested.replace("&", around[-1]))
            for one in re.split(r",(?![^(]*\))", around[-1]):
                # An element is stale only while a run is under way; that it can be is told by the attribute.
                found.append(re.sub(r"^(\.lab-[\w-]+)+ ", "", one.strip()).replace('[data-stale="true"]', "[data-stale]"))
    return found


def test_selectors_are_read_off_the_style_sheet():
    assert len(selectors()) > 20
    assert '.st-key-scene > div > [data-testid="stHorizontalBlock"]' in selectors()


def test_the_columns_of_the_scene_are_named_once():
    assert compat.STYLESHEET.read_text().count('[data-testid="stColumn"]') == 1


def test_no_change_of_a_picture_makes_the_browser_look_for_styles_in_all_of_the_page():
    """:has() of what stands around a picture does: with it a picture took nearly half as long again to be drawn."""
    for sheet in (compat.STYLESHEET, CHART.path / "chart.css"):
        assert not re.search(r"^[^/]*:has\(", sheet.read_text(), re.M)


PLOTS = "[...document.querySelectorAll('.lab-plot')]"


class TestInTheBrowser:
    pytestmark = in_browser

    def test_every_selector_of_the_style_sheet_finds_something(self, reader):
        page = reader.open("optimisers?present=1")
        missing = set(selectors())

        def look():
            missing.difference_update(one for one in list(missing) if page.query_selector(one))

        look()
        reader.open("optimisers?method=adam")
        for name in ("The maths, and the code that ran", "The same in plain PyTorch"):
            page.get_by_text(name, exact=True).click()
        page.locator('[data-testid="stCode"]').nth(1).wait_for()
        page.locator(".katex-display .base").first.wait_for()
        page.wait_for_timeout(1000)
        look()
        page.goto(f"{reader.address}/playground")
        page.locator(".st-key-diagnosis").wait_for()
        look()
        assert not missing

    def test_scripts_find_streamlits_root_and_plotlys_axes_and_camera(self, reader):
        """tools.js and home.js look for the bundle, kinds/plotly.js for an axis' place, camera.js for the camera."""
        page = reader.open("optimisers?seed=0")
        page.wait_for_function(f"{PLOTS}.some((plot) => plot._fullLayout?.scene?._scene?.getCamera)")
        bundle = page.evaluate("""document.querySelector('script[src*="static/js/"]').src""")
        assert bundle.startswith(f"{reader.address}/static/js/")
        axes = page.evaluate(f"{PLOTS}.map((plot) => plot._fullLayout?.xaxis).filter(Boolean).map((a) => [a._offset, a._length])")
        assert axes
        assert all(offset >= 0 and length > 0 for offset, length in axes)
        camera = page.evaluate(f"{PLOTS}.map((plot) => plot._fullLayout?.scene?._scene).find(Boolean).getCamera()")
        assert {"eye", "center", "up"} <= set(camera)

    def test_what_lies_under_a_pointer_is_drawn_when_one_moves_and_told(self, reader):
        page = reader.open("optimisers?seed=0")
        plot = f"{PLOTS}.find((plot) => plot._fullLayout?.scene?._scene)"
        scene = f"{plot}?._fullLayout.scene._scene"
        page.wait_for_function(f"{scene}?.glplot.unpicked")
        page.evaluate(f"Plotly.restyle({plot}, {{ hoverinfo: 'z', hovertemplate: null }}, [0])")  # the ground says nothing else
        page.evaluate(f"{scene}.container.scrollIntoView({{ block: 'center' }})")
        box = page.evaluate(f"{scene}.container.getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        told = page.locator(".hovertext")

        def move(to: float) -> None:
            """Again while the picture comes to rest, and once more: what lies under a pointer is read after it has been drawn."""
            for attempt in range(60):
                page.mouse.move(to + attempt % 2, y)
                page.wait_for_timeout(300)
                if drawn := page.evaluate(f"{scene}.glplot.unpicked === false"):
                    break
            assert drawn
            page.mouse.move(to + 2, y)

        move(x)
        told.first.wait_for()
        # A turned camera asks for another such drawing.
        page.mouse.down()
        page.mouse.move(x + 80, y, steps=4)
        page.mouse.up()
        page.wait_for_function(f"{scene}.glplot.unpicked")
        move(x)
        told.first.wait_for()


def test_plotly_is_sent_without_its_wrapper_and_draws_and_smooths_in_three_dimensions_once():
    text = (PLOTLY.path / "plotly.min.js").read_text()
    sent = compat.plotly_served(text)
    bare = sent
    for before, after in compat.PLOTLY_CHANGES.items():
        assert sent.count(after) >= 1
        bare = bare.replace(after, before)
    assert bare in text
    assert 200 < len(text) - len(bare) < 2000
    assert bare.startswith('"use strict";var Plotly=(()=>{')
    assert bare.rstrip().endswith("window.Plotly = Plotly;")
    assert compat.plotly_served("another(file)") == "another(file)"


def test_a_folder_is_served_at_its_address(monkeypatch, tmp_path):
    registry = LocalComponentRegistry()
    monkeypatch.setattr(component_registry, "get_script_run_ctx", lambda: "a script runs")
    monkeypatch.setattr(component_registry, "get_instance", lambda: SimpleNamespace(component_registry=registry))
    compat.serve_folder("files-1", tmp_path)
    assert registry.get_component_path(compat.folder_address("files-1").removeprefix("component/")) == str(tmp_path)


def test_streamlits_page_takes_links_and_its_component_script_is_found():
    plain, linked = compat.page_html([]), compat.page_html(["<link x>", "<link y>"])
    assert plain == (compat.STREAMLITS_FILES / "index.html").read_text()
    assert linked.replace("<link x>\n<link y>\n", "") == plain
    script, *needed = compat.component_scripts()
    text = (compat.STREAMLITS_FILES / script).read_text()
    assert "createObjectURL" in text
    assert needed
    for path in needed:
        assert (compat.STREAMLITS_FILES / path).is_file()
        assert path not in plain
    # What it imports is named by the page, or by us.
    for name in re.findall(r"import[^;]*?from[\"'`]\./([^\"'`]+)", text):
        assert name in plain or f"static/js/{name}" in needed, name


def test_what_mounts_a_component_is_loaded_before_it_is_drawn():
    scripts = {path.name: path.read_text() for path in (compat.STREAMLITS_FILES / "static/js").glob("*.js")}
    changed = {name: compat.streamlit_served(text) for name, text in scripts.items()}
    (name,) = [name for name in scripts if changed[name] != scripts[name]]
    assert f'src="./static/js/{name}"' in compat.page_html([])
    found = compat.LAZY_COMPONENT.findall(scripts[name])
    assert found == [f"import(`./{Path(compat.component_scripts()[0]).name}`)"]
    assert compat.streamlit_served("another(file)") == "another(file)"
    # So is what mounts HTML, which our stylesheet is sent as.
    (html,) = (compat.STREAMLITS_FILES / "static/js").glob("Html.*.js")
    assert compat.LAZY_HTML.findall(scripts[name]) == [f"import(`./{html.name}`)"]
    assert f"static/js/{html.name}" in compat.component_scripts()
    assert changed[name].count("lazy._init=") == 2


def test_the_theme_is_read_once_and_says_the_same(monkeypatch):
    sections = ["theme", *(f"theme.{category.value}" for category in config.CustomThemeCategories)]

    def told() -> list[bytes]:
        messages = [CustomThemeConfig() for _ in sections]
        for message, section in zip(messages, sections, strict=True):
            app_session._populate_theme_msg(message, section)
        return [message.SerializeToString() for message in messages]

    monkeypatch.setattr(app_session, "_populate_theme_msg", compat._populate_theme)
    as_read = told()
    assert as_read[0], "the app has a theme"
    read: list[str] = []
    options = config.get_options_for_section
    monkeypatch.setattr(config, "get_options_for_section", lambda section: [read.append(section), options(section)][1])
    told()
    assert read == sections, "Streamlit does not read them each time any more: compat.remember_theme is no longer needed"
    compat.remember_theme()
    assert told() == told() == as_read
    assert read == 2 * sections
