"""The chart of every page: a board of linked Plotly pictures that share one clock.

One component of ours instead of several `st.plotly_chart`: the node of a picture is kept, so that zoom and
camera survive an update; a click anywhere reports the place on the axes; what was recorded plays in the browser
(play, pause, step, scrub, speed) without a rerun; a change of theme is a swap of colours in the browser.

What goes over the wire is one line of JSON (digest, position, the lengths of what follows), the look that all pictures
share, and the pictures: a line of JSON and the bytes of their arrays, each of which is there once. The pictures' part is
made once for a scene and kept as bytes; a rerun of the same scene sends what it already has, and the browser, which
compares the digest, does not draw again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st
import streamlit.components.v1 as v1
from plotly.io.json import to_json_plotly

from core.question import Question
from figures import style
from figures.wire import Arrays
from ui import compat

HERE = Path(__file__).parent
Text = str | Callable[[], str]


class Panel:
    """One picture. `span` of 12 columns and `rows` of the grid, `height` tall, medium or short; `caption` may hold simple HTML.

    The figure and the texts may be given as functions without arguments, which are called when they are first asked for:
    one that fails takes no other picture with it.
    `click` names the two fields of the Config, or one of them and "", that a click in the picture sets.
    """

    def __init__(self, *, id: str, figure: go.Figure | Callable[[], go.Figure], caption: Text = "", alt: Text = "",
                 title: Text = "", span: int = 12, rows: int = 1, height: str = "medium", click: tuple[str, str] | None = None):
        self.id, self.span, self.rows, self.height, self.click = id, span, rows, height, click
        self._given = {"figure": figure, "caption": caption, "alt": alt, "title": title}

    def _now(self, name: str) -> Any:
        value = self._given[name]
        if callable(value):
            value = self._given[name] = value()
        return value

    @property
    def figure(self) -> go.Figure:
        return self._now("figure")

    @property
    def caption(self) -> str:
        return self._now("caption")

    @property
    def alt(self) -> str:
        return self._now("alt")

    @property
    def title(self) -> str:
        return self._now("title")


class Texts:
    """The texts that one function makes together, by name; each is a function, for a Panel to call when it needs it."""

    def __init__(self, make: Callable[[], Mapping[str, str]]):
        self._make = cache(make)

    def __getitem__(self, name: str) -> Callable[[], str]:
        return lambda: self._make()[name]


@dataclass(frozen=True, kw_only=True)
class Player:
    """The clock. `labels[f]` is what the reader sees at frame f; `field` names the Config field it sets, if any."""

    labels: list[str]
    name: str = "Step"
    seconds: float = 6.0
    field: str = ""
    autoplay: bool = True
    live: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a page shows of one result: pictures, clock, and the sentences computed from it.

    `legend` is one key for all pictures: (label, colour, dash), dash as Plotly names it. `setup` is what a reader sees while
    the question is asked: the data, the axes or the net, all but the answer.
    """

    panels: list[Panel]
    setup: Panel | None = None
    player: Player | None = None
    summary: str = ""
    legend: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Encoded:
    """A board as it goes over the wire: `body` is a line of JSON and after it the bytes of its arrays."""

    digest: str
    body: bytes
    summary: str
    clicks: dict[str, tuple[str, str]]
    field: str
    question: Question | None = None


Failed = Callable[[str], None]


def encode(board: Board, question: Question | None = None, failed: Failed | None = None) -> Encoded:
    """The board as bytes, with the question that it answers.

    failed: called with the name of what could not be had, a picture or a text, while its error is being handled; a
    sentence then stands in its place. Without it the error is raised.
    Costs a millisecond or two for large pictures and their drawing tens, so callers keep the result.
    """
    arrays = Arrays()
    panels = [_encoded(panel, arrays, failed) for panel in board.panels]
    setup = _encoded(board.setup, arrays, failed) if board.setup else None
    player: dict[str, Any] | None = None
    if board.player:
        player = {k: getattr(board.player, k) for k in ("labels", "name", "seconds", "field", "autoplay", "live")}
        player["frames"] = len(board.player.labels)
    legend = [{"label": label, "colour": colour, "dash": dash} for label, colour, dash in board.legend]
    text = to_json_plotly({"player": player, "legend": legend, "panels": panels, "setup": setup})
    body = b"".join([text.encode(), b"\n", *arrays.buffers])
    return Encoded(
        digest=hashlib.blake2b(body, digest_size=12).hexdigest(),
        body=body,
        summary=board.summary,
        clicks={p.id: p.click for p in board.panels if p.click},
        field=board.player.field if board.player else "",
        question=question,
    )


NO_PICTURE = "This picture cannot be drawn for this scene. The fault has been noted; the other pictures stand."


def _encoded(panel: Panel, arrays: Arrays, failed: Failed | None) -> dict[str, Any]:
    def value(name: str, instead: Any) -> Any:
        try:
            return getattr(panel, name)
        except Exception:
            if failed is None:
                raise
            failed(f"{name} of {panel.id}")
            return instead

    about = {k: getattr(panel, k) for k in ("id", "span", "rows", "height")} | {"click": bool(panel.click)}
    about |= {"title": value("title", ""), "caption": value("caption", ""), "alt": value("alt", "Not described.")}
    figure = value("figure", None)
    if figure is None:
        about["alt"] = NO_PICTURE
        words = {"text": NO_PICTURE.replace(". ", ".<br>"), "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        figure = go.Figure(layout={"xaxis_visible": False, "yaxis_visible": False, "annotations": [words | {"showarrow": False}]})
    traces, layout = compat.figure_parts(figure)
    layout = {name: value for name, value in layout.items() if name != "template"}
    return {**about, "figure": {"data": arrays.extract(traces), "layout": layout}}


# A component takes one script; these are its parts, each using what stands before it.
SCRIPTS = ("tools", "connection", "progress", "player", "turn", "panel", "ask", "bar", "present", "compare", "export", "offline",
           "board")
EVENTS = ("click", "frame", "guess", "preset", "pin", "leave", "alive")


def script() -> str:
    """The component's script: its parts in one."""
    return "\n".join((HERE / f"{name}.js").read_text() for name in SCRIPTS)


@st.cache_resource(show_spinner=False)
def _component() -> tuple[Callable[..., Any], dict[str, Any], bytes]:
    # The registry of v1 components serves files of a folder, which is all we ask of it: the plotly.js that the
    # plotly package carries, at the version that wrote the figures.
    folder = Path(plotly.__file__).parent / "package_data"
    served = v1.declare_component("plotly_js", path=str(folder))
    # A board that is saved as one file takes the component's own parts with it.
    own = v1.declare_component("chart_parts", path=str(HERE))
    mount = st.components.v2.component(
        "lab_chart",
        html='<div class="lab-board"></div>',
        css=(HERE / "chart.css").read_text(),
        js=script(),
        isolate_styles=False,
    )
    look = json.dumps({"template": style.template().to_plotly_json(), "dark": style.dark_colours()})
    parts = [f"component/{own.name}/{name}" for name in ("chart.css", *(f"{part}.js" for part in SCRIPTS))]
    return mount, {"plotly": f"component/{served.name}/plotly.min.js", "parts": parts}, look.encode()


def show(board: Encoded, *, key: str, scene: str, live: bool = False, start: int | None = None, about: Mapping[str, Any],
         beside: Encoded | None = None, on_event: Callable[[], None] = lambda: None) -> Any:
    """Mounts the board. `scene` is the link's query that it belongs to, `live` says that more of it is to come, `start` the
    frame to stand at; `about` goes to the browser as it is: presets, question, verdict, notices, lecture. `beside` is a board
    to compare with.

    The returned object has one attribute for each of EVENTS.
    """
    mount, served, look = _component()
    digest = board.digest + (beside.digest if beside else "")
    bodies = [look, board.body, *([beside.body] if beside else [])]
    head = {"digest": digest, "scene": scene, "live": live, "start": start, "summary": board.summary, **served, **about,
            "lengths": [len(body) for body in bodies]}
    parts = [json.dumps(head).encode(), b"\n", *bodies]
    return mount(data=b"".join(parts), key=key, **{f"on_{name}_change": on_event for name in EVENTS})
