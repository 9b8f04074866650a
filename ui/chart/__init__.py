"""The chart of every page: a board of linked pictures that share one clock.

One component of ours instead of several `st.plotly_chart`: the node of a picture is kept, so that zoom and
camera survive an update; a click anywhere reports the place on the axes; what was recorded plays in the browser
(play, pause, step, scrub, speed) without a rerun; a change of theme is a swap of colours in the browser.

What goes over the wire is one line of JSON (position, digests and lengths of what follows) and parts: the look that all
pictures share, the board without its figures, and a figure for each panel, a line of JSON and the bytes of its arrays. A part is
compressed and known by its digest. The browser keeps parts, so a message holds those only that the last one did not have, and a
picture whose part is the same is not drawn again. The parts of a scene are made once and kept as they are sent.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.io.json import to_json_plotly

from core.question import Question
from figures import keys, style
from figures.wire import Arrays
from ui import assets, compat
from ui.chart.board import Board, Figure, Panel, Player, Texts

__all__ = ["Board", "Encoded", "Panel", "Player", "Texts", "encode", "keys_of", "show"]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Encoded:
    """A board as it goes over the wire.

    `parts` are bytes by their digest, each a zlib stream of a line of JSON and after it the bytes of arrays: the board without
    its figures, whose digest is the board's, and the figures, which the board's panels name by their digests.
    """

    digest: str
    parts: Mapping[str, bytes]
    summary: str
    fields: dict[str, dict[str, tuple[str, ...]]]  # event -> panel -> the fields that it sets
    field: str
    question: Question | None = None
    further: Encoded | None = None  # the further pictures, where the reader has asked for them

    @property
    def all_fields(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The fields of the board's pictures and of the further ones."""
        more = self.further.fields if self.further else {}
        return {event: panels | more.get(event, {}) for event, panels in self.fields.items()}

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts.values()))


Failed = Callable[[str], None]


def encode(board: Board, question: Question | None = None, failed: Failed | None = None, *,
           further: bool = False) -> Encoded:
    """The board as bytes, with the question that it answers; or its further pictures alone.

    failed: called with the name of what could not be had, a picture or a text, while its error is being handled; a
    sentence then stands in its place. Without it the error is raised.
    Costs a millisecond or two for large pictures and their drawing tens, so callers keep the result.
    """
    parts: dict[str, bytes] = {}
    drawn = board.further if further else board.panels
    panels = [_encoded(panel, board.legend, parts, failed) for panel in drawn]
    if further:
        return Encoded(digest=_add(parts, {"panels": panels}), parts=parts, summary="", fields=_fields(drawn), field="")
    setup = _encoded(board.setup, board.legend, parts, failed) if board.setup else None
    player: dict[str, Any] | None = None
    if board.player:
        player = dataclasses.asdict(board.player) | {"frames": len(board.player.labels)}
    legend = [{"label": label, "colour": colour, "dash": dash} for label, colour, dash in board.legend]
    more = [[panel.id, _text(panel, "title", "", failed)] for panel in board.further]
    digest = _add(parts, {"player": player, "legend": legend, "panels": panels, "setup": setup, "further": more})
    return Encoded(digest=digest, parts=parts, summary=board.summary, fields=_fields(drawn),
                   field=board.player.field if board.player else "", question=question)


def _fields(panels: list[Panel]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {"click": {p.id: p.click for p in panels if p.click}, "shift": {p.id: p.shift for p in panels if p.shift},
            "drawn": {p.id: (p.drawing,) for p in panels if p.drawing}}


SOLID = ("mesh3d", "scatter3d")  # drawn in three dimensions, for which a browser needs WebGL
LEVEL = 1  # of zlib, for live pictures are made ten times a second; at 6 boards are 1 to 2 % smaller
NO_PICTURE = "This picture cannot be drawn for this scene. The fault has been noted; the other pictures stand."


def _add(parts: dict[str, bytes], value: Any, arrays: Arrays | None = None) -> str:
    """Adds a part, and returns its digest."""
    data = zlib.compress(b"".join([to_json_plotly(value).encode(), b"\n", *(arrays.buffers if arrays else [])]), LEVEL)
    digest = hashlib.blake2b(data, digest_size=12).hexdigest()
    parts[digest] = data
    return digest


def _text(panel: Panel, name: str, instead: Any, failed: Failed | None) -> Any:
    """A text of the panel, or its figure; what stands instead where it cannot be had."""
    try:
        return getattr(panel, name)
    except Exception:
        if failed is None:
            raise
        failed(f"{name} of {panel.id}")
        return instead


def _encoded(panel: Panel, legend: list[keys.Entry], parts: dict[str, bytes], failed: Failed | None) -> dict[str, Any]:
    about = {k: getattr(panel, k) for k in ("id", "span", "rows", "height", "pair")} | {"click": bool(panel.click)}
    texts = {"title": "", "caption": "", "alt": "Not described."}
    about |= {name: _text(panel, name, instead, failed) for name, instead in texts.items()}
    figure = _text(panel, "figure", None, failed)
    if figure is None:
        about["alt"] = NO_PICTURE
        words = {"text": NO_PICTURE.replace(". ", ".<br>"), "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}
        figure = go.Figure(layout={"xaxis_visible": False, "yaxis_visible": False, "annotations": [words | {"showarrow": False}]})
    about["keys"] = keys_of(figure, legend) if panel.keyed else []
    arrays = Arrays()
    if not isinstance(figure, go.Figure):
        return {**about, "kind": figure.kind, "part": _add(parts, arrays.extract(figure), arrays), "moves": figure.moves}
    traces, layout = compat.figure_parts(figure)
    layout = {name: value for name, value in layout.items() if name != "template"}
    part = _add(parts, {"data": arrays.extract(traces), "layout": arrays.extract(layout)}, arrays)
    moves = any({"grow", "frames"} & set(trace.get("meta") or ()) for trace in traces)
    return {**about, "kind": "plotly", "part": part, "moves": moves, "solid": any(trace["type"] in SOLID for trace in traces)}


def keys_of(figure: Figure, legend: list[keys.Entry]) -> list[int]:
    """The places in the legend of what the figure is drawn with."""
    if isinstance(figure, go.Figure):
        traces, layout = compat.figure_parts(figure)
        return keys.used(traces, legend, bool(layout.get("showlegend")))
    drawn = keys.colours(figure)
    return [i for i, (_, colour, _) in enumerate(legend) if colour in drawn]


WHOLE = 5.0  # seconds for which a browser that has missed a part is sent all of them


@st.cache_resource(show_spinner=False)
def _component() -> tuple[Callable[..., Any], dict[str, bytes]]:
    for folder in (assets.PLOTLY, assets.CHART):
        folder.register()
    places = f'const PLOTLY = "{assets.PLOTLY.address}", PARTS = "{assets.CHART.address}";\n'
    mount = st.components.v2.component("lab_chart", html='<div class="lab-board"></div>',
                                       js=places + (HERE / "entry.js").read_text(), isolate_styles=False)
    look: dict[str, bytes] = {}
    _add(look, {"template": style.template().to_plotly_json(), "dark": style.dark_colours()})
    return mount, look


def show(board: Encoded, *, key: str, scene: str, live: bool = False, start: int | None = None, about: Mapping[str, Any],
         beside: Encoded | None = None, on_event: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
    """Mounts the board. `scene` is the link's query that it belongs to, `live` says that more of it is to come, `start` the
    frame to stand at; `about` goes to the browser as it is: presets, question, verdict, notices, lecture. `beside` is a board
    to compare with.

    on_event: called once for each thing that the reader does, before the run that it asks for. `event` says what: click, shift,
    drawn, weight, hold, frame, guess, preset, pin, further, leave, alive or missing; `at` tells it from others, and the rest is
    as board.js or its picture sends it.
    """
    mount, look = _component()
    now, kept = _with_further(board), _with_further(beside)
    parts = {**look, **{name: data for one in (*now, *kept) for name, data in one.parts.items()}}
    sent = _sent(f"{key}:sent", parts)
    handled = st.session_state.get(f"{key}:handled", 0)
    number = st.session_state[f"{key}:number"] = st.session_state.get(f"{key}:number", 0) + 1
    # The digest comes first: benchmarks/readers.py knows a picture's message by it.
    head = {"digest": "".join(one.digest for one in (*now, *kept)), "number": number, "handled": handled, "scene": scene,
            "live": live, "start": start, "summary": board.summary, **about, "plotly": f"{assets.PLOTLY.address}/plotly.min.js",
            "look": next(iter(look)), "now": [one.digest for one in now], "kept": [one.digest for one in kept],
            "parts": [[name, len(parts[name])] for name in sent]}
    data = b"".join([json.dumps(head).encode(), b"\n", *(parts[name] for name in sent)])

    def handle() -> None:
        # What a board says last may come when its page has gone, and its state with it.
        for event in st.session_state.get(key, {}).get("events") or []:
            if event["at"] <= st.session_state.get(f"{key}:handled", 0):
                continue  # it came with an earlier message
            st.session_state[f"{key}:handled"] = event["at"]
            if event["event"] == "missing":
                st.session_state[f"{key}:sent"] = set(), time.monotonic() + WHOLE
            on_event(event)

    mount(data=data, key=key, on_events_change=handle)


def _with_further(board: Encoded | None) -> list[Encoded]:
    return [one for one in (board, board and board.further) if one]


def _sent(note: str, parts: Mapping[str, bytes]) -> list[str]:
    """Which of the parts a message must hold: those that were not in the session's last message.

    A browser that is slow, or is still loading, may be handed the newest of several messages only. It then says that it misses
    a part, and is sent all of them for a while.
    """
    before, whole_until = st.session_state.get(note, (set(), 0.0))
    st.session_state[note] = set(parts), whole_until
    return [name for name in parts if name not in before or time.monotonic() < whole_until]
