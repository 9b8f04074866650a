"""The playground's page: a run that never ends beside all that can be changed about it.

A session owns its `Simulation`. It trains in turns that the session asks the server's pool for, one for each picture, and draws
what has come of it; so a run trains only as long as its browser asks for pictures, and shares the pool's worker with all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.catalogue import PLAYGROUND
from core.controls import InvalidValue
from core.playground.missions import MISSIONS
from core.playground.pins import Pin, seen
from core.playground.setup import Setup
from core.playground.view import View, look
from core.playground.words import Diagnosis, diagnose, where
from ui import chart, compat, controls, lecture, play_bar, play_missions, play_pins, runner, shell, turns, weights
from ui.page import MAIN, Preset
from ui.play_state import SLUG, Play, button, current, forget_presses, rewind, take, turn

PICTURE = 1 / 25  # seconds between two pictures, if all goes well
FOR_EACH = 1 / 200  # seconds for each session that wants pictures: to be asked more often costs more than to draw them
OTHERS = 100  # milliseconds at least between two drawings of a picture that is not the first
Draw = Callable[[View, Setup, bool, Sequence[Pin]], chart.Board]


def show(draw: Draw, presets: Sequence[Preset]) -> None:
    """The whole page. draw(view, setup, whether test points are shown, runs) -> Board is pure; runs: the pinned ones and, last,
    the present one; none where none is pinned."""
    shell.require_router()
    if not controls.is_open(SLUG):
        forget_presses()
    controls.load_scene_from_url(SLUG, Setup, Setup())
    if not lecture.is_active():
        st.markdown(f"## {PLAYGROUND.title}\n{PLAYGROUND.question}")
    _scene(draw, presets)
    if lecture.is_active():
        shell.hidden_links()


@st.fragment
def _scene(draw: Draw, presets: Sequence[Preset]) -> None:
    lecture.leave_where_asked()
    scene = controls.current_scene(SLUG, Setup)
    take(scene)
    play = current()
    with st.container(key="scene"):
        picture, column = st.columns([0.72, 0.28], gap="medium")
    with picture, st.container(key="picture"):
        play_bar.transport(play)
        _pictures(draw, presets, scene)
        play_bar.back(play)
        play_pins.pinned(play)
    turns.shared().let_pictures_pass(compat.wait_until_sent)
    with column, st.container(key="controls"):
        _controls(scene)
    controls.write_url(scene, Setup(), further=controls.shows_further(SLUG))
    if not turns.shared().has_one():
        compat.wait_until_sent()  # the run of a whole page does so at its end, see app.py


def _controls(scene: Setup) -> None:
    fields = {name: control for name, control in scene.controls().items() if not _is_hidden(name, scene)}
    first = [(name, control) for name, control in fields.items() if not control.more]
    with st.container(key="main-controls"):
        controls.draw_widgets(SLUG, scene, dict(first[:MAIN]))
    with st.container():
        play_missions.missions(current())
        play_pins.pin_button()
        controls.draw_widgets(SLUG, scene, dict(first[MAIN:]))
    st.toggle("Show the test points", key=f"{SLUG}:tested")
    with st.expander("More", icon=":material/tune:"):
        controls.draw_widgets(SLUG, scene, {name: control for name, control in fields.items() if control.more})
    with st.container(horizontal=True, gap="xsmall"):
        play_pins.script_button(current())
        play_pins.curves_button(current())


def _is_hidden(name: str, scene: Setup) -> bool:
    return name == "points" or not scene.matters(name)


# ---- the pictures

def _pictures(draw: Draw, presets: Sequence[Preset], scene: Setup) -> None:
    play = current()
    play.tested = bool(st.session_state.get(f"{SLUG}:tested"))
    going, drawn, pace = play.going, _around(play), _pace()

    def mount() -> None:
        if going:
            # What was drawn, a preset, a key or a tab out of sight is told to this part of the page alone; so may be any widget.
            slowed = pace > 4 * PICTURE and _pace() == PICTURE  # the hall has gone since
            if slowed or play.hidden or lecture.is_left() or _around(play) != drawn or (
                    controls.current_scene(SLUG, Setup) not in (scene, play.run.setup)):
                compat.rerun()
            if play.going:  # where it is not, the run of the page that says so is on its way
                turn(st.session_state.get(f"{SLUG}:speed") or "epoch")
        with play.lock:
            view = look(play.run, play.place)
            diagnosis = diagnose(view, play.run)
            runs = (*play.pins, seen(view, play.run)) if play.pins else ()
            solved = play_missions.judge(play, view)
        with st.container():  # one element, whatever is told, so that the chart keeps its place
            _told(view, diagnosis)
            play_missions.told(play)
        board = replace(draw(view, play.run.setup, play.tested, runs), summary=_in_words(view, diagnosis))
        chart.show(_encoded(board), key=f"{SLUG}:board", scene=urlencode(scene.query()), live=going and not view.stopped,
                   about=_browser_data(presets, scene), on_event=lambda event: _handle(presets, event))
        if going and view.stopped:
            play.set(playing=False)
        if going and (view.stopped or solved):
            compat.rerun()

    compat.refresh_until_done(mount, not going, pace)


def _pace() -> float:
    """Seconds between two pictures that a browser is to ask for, by how many sessions want some."""
    return max(PICTURE, FOR_EACH * runner.shared_state().pool.watched())


def _around(play: Play) -> tuple[Any, ...]:
    """What the part of the page round the pictures is drawn by, besides the scene."""
    return (play.playing, play.version, play.run.can_undo, play.run.can_redo, play.pins, play.attempt, len(play.solved),
            controls.widget_versions(SLUG))


def _encoded(board: chart.Board) -> chart.Encoded:
    """The board, with its further pictures where the reader has asked for them."""
    encoded = chart.encode(board)
    if not (board.further and controls.shows_further(SLUG)):
        return encoded
    return replace(encoded, further=chart.encode(board, further=True))


def _in_words(view: View, diagnosis: Diagnosis | None) -> str:
    """Where the run is and what is wrong with it, without formulas: V shows it on the wall."""
    return where(view) + (f" {diagnosis.text}" if diagnosis else "").replace("$\\lambda_{\\max}$", "λ_max")


def _told(view: View, diagnosis: Diagnosis | None) -> None:
    """Where the run is and what is wrong with it, above the pictures, in a place that keeps its height."""
    with st.container(key="diagnosis", horizontal=True, vertical_alignment="center"):
        st.markdown(where(view) + (f" {diagnosis.text}" if diagnosis else ""), width="stretch")
        if diagnosis and diagnosis.change:
            button(diagnosis.cure, lambda: _cure(diagnosis), key=f"{SLUG}:cure:{diagnosis.cure}", icon=":material/build:")


def _cure(diagnosis: Diagnosis) -> None:
    play = current()
    controls.set_fields(SLUG, **(diagnosis.change or {}))
    if diagnosis.afresh:
        take(controls.current_scene(SLUG, Setup))
        rewind()
    play.set(playing=True)


def _browser_data(presets: Sequence[Preset], scene: Setup) -> dict[str, Any]:
    named = [(preset, Setup(**preset.values)) for preset in presets]
    present = {controls.PRESENT: "1"} if lecture.is_active() else {}
    return {
        "slug": SLUG, "question": None, "ask_first": False, "notices": controls.warnings(SLUG), "session": compat.session_name(),
        "verdict": None, "solved": len(current().solved) == len(MISSIONS), "comparison": None,
        "lecture": lecture.browser_data(PLAYGROUND, scene.query()), "alone": True, "watched": True, "pause": OTHERS,
        "presets": [{"name": preset.name, "why": preset.why, "current": there == scene,
                     "query": "?" + urlencode(there.query() | present)} for preset, there in named]}


def _handle(presets: Sequence[Preset], event: dict[str, Any]) -> None:
    play = current()
    match event["event"]:
        case "preset":
            preset = next(preset for preset in presets if preset.name == event["name"])
            controls.set_scene(SLUG, Setup(**preset.values))
            play.set(playing=True)
        case "drawn":
            control = Setup.controls()["points"]
            try:
                controls.set_fields(SLUG, points=control.nearest(event["drawing"]))
            except (ValueError, InvalidValue) as error:
                controls.warn(SLUG, f"{control.label}: {error}.")
        case "play" if not play.run.stopped:
            play.take_up()
            play.set(playing=not play.playing)
        case "further":
            controls.show_further(SLUG, bool(event["open"]))
        case "leave":
            st.session_state["leave"] = True
        case "weight" | "hold":
            try:
                with play.lock:
                    changed = weights.handle(event, play.run, controls.current_scene(SLUG, Setup))
                play.place = None
                controls.set_fields(SLUG, **changed)
            except ValueError as error:
                controls.warn(SLUG, str(error))
        case "hidden" | "shown":
            play.hidden = event["event"] == "hidden"
