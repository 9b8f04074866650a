"""The anatomy of a lesson's page: claim, question, presets, picture beside controls, what was seen, the words.

A page file says what is drawn and what is said; everything else happens here, once for all lessons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core import catalogue
from core.lesson import Grid, Number, Numbers, Scene
from ui import chart, controls, runner, shell


@dataclass(frozen=True)
class Preset:
    """A scene worth seeing, good or bad: its name, why one should look, and the fields that differ from the opening."""

    name: str
    why: str
    values: Mapping[str, Any] = field(default_factory=dict)


def show(slug: str, draw: runner.Draw, *, presets: Sequence[Preset] = (), maths: str = "",
         code: Sequence[Any] = (), symbols: Mapping[str, str] | None = None, references: str = "") -> None:
    """One whole lesson page.

    draw(result, scene) -> Board is pure: it is called once for a scene and its bytes are kept.
    maths is Markdown with LaTeX, shown beside the source of `code`, the functions that do what it says, and the
    `symbols`, each with the name it has there; references is Markdown.
    """
    shell.through_router()
    entry = catalogue.lesson(slug)
    module = entry.module()
    controls.arrive(slug, module.Config)
    st.markdown(f"## {entry.title}\n{entry.question}")
    _presets(slug, module.Config, presets)
    _scene(slug, module, draw)
    if maths:
        with st.expander("The maths", icon=":material/function:"):
            st.markdown(maths)
    if references:
        with st.expander("References", icon=":material/menu_book:"):
            st.markdown(references)


@st.fragment
def _scene(slug: str, module: Any, draw: runner.Draw) -> None:
    """Picture and controls. A fragment, so that a moved slider does not send the words round it again.

    The picture goes first over the wire and is painted while the browser still sets up the widgets.
    """
    scene = controls.current(slug, module.Config)
    complaints = st.container()
    picture, hands = st.columns([0.72, 0.28], gap="medium")
    with picture:
        _picture(slug, module, scene, draw)
    with complaints:
        for note in controls.notes(slug):
            st.warning(note, icon=":material/info:")
    with hands, st.container(key="controls"):
        _controls(slug, scene)
    controls.link(scene)


def _presets(slug: str, config: type[Scene], presets: Sequence[Preset]) -> None:
    if not presets:
        return
    with st.container(horizontal=True, gap="small", key="presets"):
        for preset in presets:
            st.button(preset.name, help=preset.why, key=f"{slug}:preset:{preset.name}", on_click=_take,
                      args=(slug, config, preset))


def _take(slug: str, config: type[Scene], preset: Preset) -> None:
    controls.take(slug, config(**preset.values))


def _controls(slug: str, scene: Scene) -> None:
    fields = scene.controls()
    controls.draw(slug, scene, {n: c for n, c in fields.items() if not c.more})
    more = {n: c for n, c in fields.items() if c.more}
    if any(not c.hidden for c in more.values()):
        with st.expander("More", icon=":material/tune:"):
            controls.draw(slug, scene, more)


def _picture(slug: str, module: Any, scene: Scene, draw: runner.Draw) -> None:
    """The board of the scene; while its run is under way, again and again with what there is so far.

    A finished board stands in a container, an unfinished one in a fragment, which makes a container of its own: the
    place in the page is the same, so the browser keeps the node, zoom and camera.
    """
    board, done = runner.board_of(slug, module, scene, draw)
    first = [board]

    def mount() -> None:
        if first:
            board, finished = first.pop(), done
        else:
            board, finished = runner.board_of(slug, module, scene, draw)
        start = getattr(scene, board.field) if board.field else None
        chart.show(board, key=f"{slug}:board", scene=urlencode(scene.query()), live=not finished,
                   start=start,
                   on_event=lambda: _event(slug, board))
        st.markdown(board.seen)
        if not done and (finished or controls.current(slug, module.Config) != scene):
            st.rerun()

    if done:
        with st.container():
            mount()
    else:
        st.fragment(mount, run_every=0.05)()


def _event(slug: str, board: chart.Encoded) -> None:
    event, scene = st.session_state[f"{slug}:board"], st.session_state[f"scene:{slug}"]
    if place := event.get("click"):
        _clicked(slug, scene, board.clicks[place["panel"]], place["x"], place["y"])
    if moved := event.get("frame"):
        controls.assign(slug, **{board.field: int(moved["frame"])})


def _clicked(slug: str, scene: Scene, fields: tuple[str, str], *place: float) -> None:
    asked: dict[str, Any] = {}
    for name, value in zip(fields, place, strict=True):
        if not name:
            continue
        control = scene.controls()[name]
        if isinstance(control, Numbers):
            # A click on a list of numbers moves the nearest of them.
            items = list(getattr(scene, name))
            index = min(range(len(items)), key=lambda i: abs(items[i] - value))
            items[index] = min(max(round(value, 2), control.low), control.high)
            asked[name] = tuple(items)
        elif isinstance(control, (Number, Grid)):
            asked[name] = control.nearest(float(value))
    controls.assign(slug, **asked)
