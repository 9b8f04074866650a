"""All that leans on the insides of Streamlit (seen in 1.67) and Plotly (seen in 7.1), which may change without notice.

Nothing else in the project imports from `streamlit.runtime` or names an element of Streamlit's own page in CSS. Each piece
says why there is no public way; tests/test_compat.py fails where a new version no longer does what is relied on.

Scripts cannot import this. What they lean on, tested in the same place: the address of Streamlit's bundle, for the path that
the app lives under (`ui/chart/entry.js`, `ui/home/home.js`); `_fullLayout` of a plot with an axis' `_offset` and `_length`
(`kinds/plotly.js`), and of its `_scene` the camera and `saveLayout` (`camera.js`). In tests/test_connection.py and
test_learning.py: the states of connection and script that Streamlit's page is marked with (`connection.js`, `lecture.js`).
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
import streamlit.components.v1 as v1
from streamlit import file_util, runtime
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequests, ScriptRequestType, _is_full_app_rerun

# Streamlit 1.67 has no option for spacing, for colours of code that can be read in both themes, or for what is faded while
# a run is under way. The file leans on `data-testid`, `data-stale` and on the class names of KaTeX and the code block.
STYLESHEET = Path(__file__).parent / "streamlit.css"

# The page, and below it in `static` its scripts and styles, whose names hold a digest.
STREAMLITS_FILES = Path(file_util.get_static_dir())


def ignore_pages_directory() -> None:
    """Makes `st.navigation` the only router of this server.

    Streamlit 1.67 takes a folder named pages for its older kind of app until somebody has called `st.navigation`, and
    answers a deep link with the page's file alone. There is no option for it; the flag is a class attribute.
    """
    PagesManager.uses_pages_directory = False


def session_id() -> str:
    """The session that runs this script; "" outside of one. Streamlit 1.67 tells it nowhere in public."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def session_name() -> str:
    """What tells this session from others, of which the id cannot be had again: it would open the session to others."""
    return hashlib.blake2b(session_id().encode(), digest_size=8).hexdigest()


def is_history_navigation() -> bool:
    """Whether the reader came here by the browser's back or forward button, where the link is newer than the session.

    Streamlit 1.67 hands this to the context of the run alone.
    """
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


_ask, _fold, _run_script = AppSession.request_rerun, ScriptRequests._request_rerun_locked, ScriptRunner._run_script


def keep_requests() -> None:
    """Makes a change of page outlive what a fragment of the page before still asks for, and what a reader asks for outlive the
    fragment that he asks for it in.

    A fragment asks with the page that the browser shows at that moment. In Streamlit 1.67 a request that meets a waiting change
    of page is folded into it and brings its own page along, so that the change is lost; one that comes while the new page runs
    is run after it: the browser takes the page before to be back, empties the new one, and fails at all that comes next.

    A request whose fragment is gone is thrown away; of one that comes while the page is run anew, without that fragment, the
    callbacks are called and nothing is drawn. What a reader chooses who is fast, or whose browser is slow, is lost so. The page
    is run for it. What a fragment asks for by itself needs no such run; in Streamlit 1.67 the last of several requests that
    were folded says alone whether all of them were such.
    """
    def ask(session: AppSession, state: ClientState | None) -> None:
        _count_presses(session, state)
        if state and state.fragment_id and not (state.is_auto_rerun or session.has_fragment(state.fragment_id)) and (
                state.page_script_hash == session._pages_manager.current_page_script_hash):
            state.ClearField("fragment_id")
        _ask(session, state)

    def fold(requests: ScriptRequests, new: RerunData) -> bool:
        before = requests._rerun_data
        folded = requests._state is ScriptRequestType.RERUN
        waiting = folded and _is_full_app_rerun(before)
        taken = _fold(requests, new)
        if taken and folded:
            auto = before.is_auto_rerun and new.is_auto_rerun
            requests._rerun_data = replace(requests._rerun_data, is_auto_rerun=auto)
        if taken and waiting and not _is_full_app_rerun(new) and new.page_script_hash != before.page_script_hash:
            where = {name: getattr(before, name) for name in ("query_string", "page_script_hash", "page_name")}
            requests._rerun_data = replace(requests._rerun_data, **where)
        return taken

    def run(runner: ScriptRunner, data: RerunData) -> None:
        shown = runner._pages_manager.current_page_script_hash
        if data.fragment_id_queue and shown and data.page_script_hash not in ("", shown):
            return
        gone = not any(map(runner._fragment_storage.contains, data.fragment_id_queue))
        _run_script(runner, replace(data, fragment_id_queue=[]) if gone and not data.is_auto_rerun else data)

    AppSession.request_rerun, ScriptRequests._request_rerun_locked, ScriptRunner._run_script = ask, fold, run


def _count_presses(session: AppSession, state: ClientState | None) -> None:
    """Notes the presses of buttons that a request tells of, and takes those out of it that the next one tells of too."""
    counts: Counter[str] = vars(session).setdefault("lab_presses", Counter())
    widgets = state.widget_states.widgets if state else []
    pressed = [widget for widget in widgets if widget.trigger_value]
    for widget in pressed:
        # Where a fragment refreshes itself just then, the browser of Streamlit 1.67 tells of a press with that request as well.
        if state and state.is_auto_rerun:
            widgets.remove(widget)
        else:
            counts[widget.id.split("-", 2)[-1]] += 1  # $$ID-<digest>-<key>


def presses() -> Counter[str] | None:
    """How often the browser has told of the press of each button of this session so far, by its key; None outside of a server.

    Streamlit 1.67 makes one of two presses that it is told of before it acts upon the first.
    """
    session = _app_session()
    return Counter(vars(session).get("lab_presses", ())) if session else None


def _app_session() -> AppSession | None:
    """Of this run, as long as the reader is there; None outside of a server."""
    context = get_script_run_ctx()
    sessions = getattr(runtime.get_instance(), "_session_mgr", None) if context and runtime.exists() else None
    found = sessions.get_active_session_info(context.session_id) if context and sessions else None
    return found.session if found else None


_populate_theme = app_session._populate_theme_msg


def remember_theme() -> None:
    """Reads the options of the theme once, so that a change of them needs a new server.

    Streamlit 1.67 reads the hundreds of them anew for each run of a script and of a fragment, on the one thread that serves all
    readers: an eighth of what it spends on a hundred who arrive together.
    """
    known: dict[str, bytes] = {}

    def populate(message: CustomThemeConfig, section: str = "theme") -> None:
        if section not in known:
            read = CustomThemeConfig()
            _populate_theme(read, section)
            known[section] = read.SerializeToString()
        if known[section]:  # to merge nothing would say that there is a theme
            message.MergeFromString(known[section])

    app_session._populate_theme_msg = populate


def yield_point() -> None:
    """Ends this run where the reader has moved on or gone; to be called in loops that call nothing else of Streamlit.

    Streamlit 1.67 looks for such a request in calls of its own, of which this is the cheapest.
    """
    st.session_state.get("page")


def rerun() -> None:
    """`st.rerun`, but not where another run of a whole page is asked for already, which then does.

    `st.rerun` of Streamlit 1.67 is folded into a waiting request together with the page that this script belongs to: a reader
    who has just chosen another page would be held back on this one.
    """
    context = get_script_run_ctx()
    requests = context.script_requests if context else None
    waiting = requests is not None and requests._state is ScriptRequestType.RERUN
    # A fragment that refreshes itself nearly always waits, and runs its own part of the page alone.
    if requests is None or not waiting or requests._rerun_data.fragment_id_queue:
        st.rerun()


def wait_until_sent(longest: float = 20.0) -> None:
    """Waits until what this run has drawn so far is on its way to the browser, or the reader has gone; `longest` seconds at most,
    which only a server takes that has far more to do than it can.

    Streamlit 1.67 sends every 10 ms, and throws away what a fragment has drawn, but not sent, when the fragment's next run
    begins; that the run before is over is sent all the same. Where the next one is asked for already it begins at once: picture
    after picture would be lost, and of controls that were not sent the browser believes that they are gone, and forgets where
    they stood.
    """
    session = _app_session()
    if session is None:
        return
    until, over = time.monotonic() + longest, threading.Event()

    # On the thread that sends: where a hundred threads wait, each look of theirs would cost all others a change of threads.
    def look(pause: float = 0.002) -> None:
        if session._browser_queue.is_empty():
            over.set()
        elif not over.is_set():
            session._event_loop.call_later(pause, look, min(2 * pause, 0.1))

    session._event_loop.call_soon_threadsafe(look)  # as the messages of this run, which are put into the queue first
    while not over.wait(1.0) and _app_session() is not None and time.monotonic() < until:
        pass
    over.set()


def refresh_until_done(draw: Callable[[], None], done: bool, seconds: float = 0.05) -> None:
    """Calls `draw`, and while not `done` calls it again every `seconds`, without the rest of the page.

    A fragment of Streamlit 1.67 puts what it draws into a container of its own. So a container stands in for it once all
    is done: every element keeps its place in the page, and the browser its node, with zoom and camera.
    """
    def draw_and_send() -> None:
        draw()
        wait_until_sent()

    if done:
        with st.container():
            draw()
    else:
        st.fragment(draw_and_send, run_every=seconds)()


def figure_parts(figure: go.Figure) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Traces and layout of a figure as dictionaries with the arrays themselves, not to be changed.

    `to_dict` of Plotly 7.1 copies everything and writes arrays in base64.
    """
    return figure._data, figure._layout


# How plotly.min.js begins and ends in Plotly 7.1 (plotly.js 4.1) but for comments: a function that is called at once, within one
# that a browser reads without compiling it, and reads again, on the page's own thread, when it is called.
PLOTLY_WRAPPER = '"use strict";var Plotly=', "return Plotly;\n}));"


# Plotly 7.1 draws in three dimensions with two points a side for each that a page counts, and asks for smoothing besides. On a
# screen with one point for each that alone is smooth; on a finer one there is nothing left of it. Before each picture it draws
# all once more, in a buffer that tells what lies under a pointer; there need be none before a pointer moves. And it waits for the
# graphics process some two hundred times before its first picture: whether each shader and program is still one (a lost context
# is replaced, and its shaders with it), whether each shader was compiled (a program of one that was not cannot be linked, which
# is asked), and for a program that is linked only to list the uniforms of sources that it has listed before.
PLOTLY_CHANGES = {
    "premultipliedAlpha:!0,antialias:!0": "premultipliedAlpha:!0,antialias:devicePixelRatio>1.25",
    "H&&(H=!1,he())": "H&&(H=!1,te.unpicked=!0)",
    "te._mouseRotating=!1;for(": "te._mouseRotating=!1,te.unpicked&&(te.unpicked=!1,he());for(",
    "if(!A||!x.isShader(A.shader)){": "if(!A){",
    "return(!y||!this.gl.isProgram(y))&&(": "return!y&&(",
    "_.compileShader(T),!_.getShaderParameter(T,_.COMPILE_STATUS)": "_.compileShader(T),!1",
    "x.fragShader=x._fref.shader,!b||!_)":
        "x.fragShader=x._fref.shader,b=b||f.uniforms[g+w],_=_||f.attributes[g+w],!b||!_)",
    "b=b||f.uniforms(T,E),_=_||f.attributes(T,E),":
        "b=b||(f.uniforms[g+w]=f.uniforms(T,E)),_=_||(f.attributes[g+w]=f.attributes(T,E)),",
}


def plotly_served(plotly: str) -> str:
    """plotly.min.js as browsers are sent it; what is not as above stays as it is.

    It has no function around it for other kinds of loaders. Browsers then compile it while it loads, beside the page: a third
    less of the page's own time until Plotly is there. And in three dimensions it neither smooths twice nor draws for a pointer
    that does not move: a fifth of a first visit to loss_landscapes in a browser without a graphics card, and not to be seen.
    """
    start, end = plotly.find(PLOTLY_WRAPPER[0]), plotly.rfind(PLOTLY_WRAPPER[1])
    served = plotly[start:end] if 0 <= start < 2000 and end > len(plotly) - 50 else plotly
    if all(before in served for before in PLOTLY_CHANGES):
        for before, after in PLOTLY_CHANGES.items():
            served = served.replace(before, after)
    return served


def serve_folder(name: str, path: Path) -> None:
    """Makes Streamlit's own server answer for the files of a folder at `folder_address`. Takes effect in a script run only.

    In public Streamlit 1.67 serves static files of one folder only, `static` beside the app; a component may have any folder.
    """
    v1.declare_component(name, path=str(path))


def folder_address(name: str) -> str:
    """Where `serve_folder` has the files, below the app's own address: Streamlit 1.67 puts this module's name before theirs."""
    return f"component/{__name__}.{name}"


def page_html(links: list[str]) -> str:
    """The page that Streamlit 1.67 serves for every address of the app, with `links` at the end of its head."""
    return (STREAMLITS_FILES / "index.html").read_text().replace("</head>", "\n".join([*links, "</head>"]))


def component_scripts() -> list[str]:
    """Where Streamlit 1.67 has what mounts a component and HTML, and the scripts that these need and the page does not name."""
    folder, page = STREAMLITS_FILES / "static/js", page_html([])
    found = [path.name for kind in ("BidiComponent", "Html") for path in folder.glob(f"{kind}.*.js")]
    for name in found:
        found += [one for one in re.findall(r"""from["'`]\./([\w.-]+\.js)["'`]""", (folder / name).read_text())
                  if one not in found and one not in page]
    return [f"static/js/{name}" for name in found]


# How Streamlit 1.67's main script names what mounts a component, and HTML: as things that are loaded when they are first drawn.
LAZY_COMPONENT, LAZY_HTML = (
    re.compile(rf"\(0,\w+\.lazy\)\(\(\)=>\w+\(\(\)=>(import\(`\./{kind}\.[\w-]+\.js`\)),"
               r"__vite__mapDeps\(\[[\d,]*\]\),import\.meta\.url\)\)") for kind in ("BidiComponent", "Html"))
READY = r"(lazy=>{let ready,load=lazy._init;\1.then(found=>{ready=found.default},()=>{});"\
        r"lazy._init=(...how)=>ready??load(...how);return lazy})(\g<0>)"


def streamlit_served(script: str) -> str:
    """A script of Streamlit as browsers are sent it; what is not as above stays as it is.

    What mounts a component is loaded at once. React would show a placeholder in its place otherwise, and draw the component no
    sooner than all widgets of the page, whose scripts are loaded meanwhile: a fifth of a first visit. So is what mounts HTML,
    or a page and its pictures would be laid out without our stylesheet first.
    """
    for lazy in (LAZY_COMPONENT, LAZY_HTML):
        script = lazy.sub(READY, script, count=1)
    return script
