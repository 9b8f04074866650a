"""The anatomy of a lesson's page: claim, question, presets, picture beside controls, what was seen, the words.

A page file says what is drawn and what is said; everything else happens here, once for all lessons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core import catalogue
from core.lesson import Number, Numbers, Scene
from ui import chart, controls, runner, shell


@dataclass(frozen=True)
class Preset:
    """A scene worth seeing, good or bad: its name, why one should look, and the fields that differ from the opening."""

    name: str
    why: str
    values: Mapping[str, Any] = field(default_factory=dict)


def show(slug: str, draw: runner.Draw, *, presets: Sequence[Preset] = (), maths: str = "",
         references: str = "") -> None:
    """One whole lesson page.

    draw(result, scene) -> Board is pure: it is called once for a scene and its bytes are kept.
    maths is Markdown with LaTeX; references is Markdown.
    """
    shell.through_router()
    entry = catalogue.lesson(slug)
    module = entry.module()
    before = controls.arrive(slug, module.Config)
    scene = controls.current(slug, module.Config, before)

    st.markdown(f"## {entry.title}\n{entry.question}")
    _presets(slug, module.Config, presets)
    for note in controls.notes(slug):
        st.warning(note, icon=":material/info:")

    picture, hands = st.columns([0.72, 0.28], gap="medium")
    with hands, st.container(key="controls"):
        _controls(slug, scene)
    # The widgets may have been drawn with another scene than the callbacks left: the link is the last word.
    controls.link(scene)
    with picture:
        _picture(slug, module, scene, draw)
    if maths:
        with st.expander("The maths", icon=":material/function:"):
            st.markdown(maths)
    if references:
        with st.expander("References", icon=":material/menu_book:"):
            st.markdown(references)


def _presets(slug: str, config: type[Scene], presets: Sequence[Preset]) -> None:
    if not presets:
        return
    with st.container(horizontal=True, gap="small", key="presets"):
        for preset in presets:
            st.button(preset.name, help=preset.why, key=f"{slug}:preset:{preset.name}", on_click=_take,
                      args=(slug, config, preset))


def _take(slug: str, config: type[Scene], preset: Preset) -> None:
    scene = config(**preset.values)
    for name, control in config.controls().items():
        controls.assign(slug, **{name: controls.to_widget(control, getattr(scene, name))})


def _controls(slug: str, scene: Scene) -> None:
    fields = scene.controls()
    controls.draw(slug, scene, {n: c for n, c in fields.items() if not c.more})
    more = {n: c for n, c in fields.items() if c.more}
    if any(not c.hidden for c in more.values()):
        with st.expander("More", icon=":material/tune:"):
            controls.draw(slug, scene, more)


def _picture(slug: str, module: Any, scene: Scene, draw: runner.Draw) -> None:
    board, done = runner.board_of(slug, module, scene, draw)

    def mount(board: chart.Encoded) -> None:
        start = getattr(scene, board.field) if board.field else None
        chart.show(board, key=f"{slug}:board", start=start, on_event=lambda: _event(slug, scene, board))
        st.markdown(board.seen)

    if done:
        mount(board)
        return

    @st.fragment(run_every=0.05)
    def live() -> None:
        latest, done = runner.board_of(slug, module, scene, draw)
        if done:
            st.rerun()
        mount(latest)

    live()


def _event(slug: str, scene: Scene, board: chart.Encoded) -> None:
    event = st.session_state[f"{slug}:board"]
    if place := event.get("click"):
        _clicked(slug, scene, board.clicks[place["panel"]], place["x"], place["y"])
    if moved := event.get("frame"):
        controls.assign(slug, **{board.field: int(moved["frame"])})


def _clicked(slug: str, scene: Scene, fields: tuple[str, str], *place: float) -> None:
    for name, value in zip(fields, place, strict=True):
        if not name:
            continue
        control = scene.controls()[name]
        if isinstance(control, Numbers):
            # A click on a list of numbers moves the nearest of them.
            items = list(getattr(scene, name))
            index = min(range(len(items)), key=lambda i: abs(items[i] - value))
            items[index] = min(max(round(value, 2), control.low), control.high)
            controls.assign(slug, **{name: ", ".join(f"{v:g}" for v in items)})
        elif isinstance(control, Number):
            controls.assign(slug, **{name: control.nearest(float(value))})
