"""The playground's page: a run that never ends beside all that can be changed about it.

A session owns its `Simulation`. It trains in turns that the session asks the server's pool for, one for each picture, and draws
what has come of it; so a run trains only as long as its browser asks for pictures, and shares the pool's worker with all others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from core.catalogue import PLAYGROUND
from core.controls import InvalidValue
from core.playground.setup import Setup
from core.playground.view import View, look
from core.playground.words import Diagnosis, diagnose, where
from core.simulation import Simulation
from ui import asset_store, chart, compat, controls, runner, shell, turns, weights
from ui.page import MAIN, Preset

SLUG = PLAYGROUND.slug
MODES = ("Play", "Pause")
MODES_ICONS = {"Play": ":material/play_arrow: Play", "Pause": ":material/pause: Pause"}
SPEEDS = {"step": "1 step", "epoch": "1 epoch", "fast": "Fast"}
SLICE = 0.03  # seconds that a turn may train
PICTURE = 1 / 20  # seconds between two pictures, if all goes well
OTHERS = 200  # milliseconds between two drawings of a picture that is not the first
Draw = Callable[[View, Setup, bool], chart.Board]


@dataclass
class Play:
    """What a session has of the playground. The lock is held by whoever trains or looks."""

    run: Simulation
    playing: bool = True
    hidden: bool = False
    place: int | None = None  # of the history's record that is looked at
    tested: bool = False
    version: int = 0  # of the widget that says whether it plays
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, playing: bool) -> None:
        """Plays or pauses of its own accord, so that the widget starts afresh."""
        self.version += playing != self.playing
        self.playing = playing


def show(draw: Draw, presets: Sequence[Preset]) -> None:
    """The whole page. draw(view, setup, whether test points are shown) -> Board is pure."""
    shell.require_router()
    controls.load_scene_from_url(SLUG, Setup, Setup())
    st.markdown(f"## {PLAYGROUND.title}\n{PLAYGROUND.question}")
    _scene(draw, presets)


def _play() -> Play:
    return st.session_state[f"{SLUG}:play"]


def _take(scene: Setup) -> None:
    """Tells the run of the scene as the widgets have it; where it cannot be trained on, says so and lets the run be."""
    key = f"{SLUG}:play"
    assets = {digest: data for digest in [scene.own] if digest and (data := asset_store.store().get(digest))}
    try:
        if key not in st.session_state:
            try:
                st.session_state[key] = Play(Simulation(scene, assets))
            except ValueError:
                st.session_state[key] = Play(Simulation(Setup()))
                raise
        play = _play()
        with play.lock:
            if scene != play.run.setup:
                play.place = None
                if play.run.apply(scene, assets):
                    play.set(playing=True)
    except ValueError as error:
        controls.warn(SLUG, str(error))


@st.fragment
def _scene(draw: Draw, presets: Sequence[Preset]) -> None:
    scene = controls.current_scene(SLUG, Setup)
    _take(scene)
    picture, column = st.columns([0.72, 0.28], gap="medium")
    with picture, st.container(key="picture"):
        _transport(_play())
        _pictures(draw, presets, scene)
        _back(_play())
    turns.shared().let_pictures_pass()
    with column, st.container(key="controls"):
        _controls(scene)
    controls.write_url(scene)
    if not turns.shared().has_one():
        compat.wait_until_sent()  # the run of a whole page does so at its end, see app.py


def _controls(scene: Setup) -> None:
    fields = {name: control for name, control in scene.controls().items() if not _is_hidden(name, scene)}
    first = [(name, control) for name, control in fields.items() if not control.more]
    with st.container(key="main-controls"):
        controls.draw_widgets(SLUG, scene, dict(first[:MAIN]))
    with st.container():
        controls.draw_widgets(SLUG, scene, dict(first[MAIN:]))
    st.toggle("Show the test points", key=f"{SLUG}:tested")
    with st.expander("More", icon=":material/tune:"):
        controls.draw_widgets(SLUG, scene, {name: control for name, control in fields.items() if control.more})


def _is_hidden(name: str, scene: Setup) -> bool:
    return name == "points" or not scene.matters(name)


# ---- the bar of buttons

def _transport(play: Play) -> None:
    def press(name: str, icon: str, does: Callable[[], None], **about: Any) -> None:
        st.button(name, icon=f":material/{icon}:", key=f"{SLUG}:{name}", on_click=does, **about)

    run = play.run
    with st.container(key="transport", horizontal=True, gap="xsmall", vertical_alignment="center"):
        # Not a button, whose press Streamlit may hand on twice where a picture is under way: what is chosen is chosen.
        st.segmented_control("The run", list(MODES), default=MODES[not play.playing], format_func=MODES_ICONS.__getitem__,
                             required=True, key=f"{SLUG}:mode:{play.version}", on_change=_mode, label_visibility="collapsed",
                             disabled=bool(run.stopped))
        press("Step", "skip_next", lambda: _once("step"), disabled=bool(run.stopped), help="One update")
        press("Epoch", "fast_forward", lambda: _once("epoch"), disabled=bool(run.stopped), help="To the end of the epoch")
        press("Rewind", "replay", _rewind, help="Back to the same start: the same set-up gives the same curve")
        press("Undo", "undo", lambda: _travel(run.undo), disabled=not run.can_undo, help="Take back the last change")
        press("Redo", "redo", lambda: _travel(run.redo), disabled=not run.can_redo)
        st.segmented_control("A picture each", list(SPEEDS), default="epoch", format_func=SPEEDS.__getitem__, required=True,
                             key=f"{SLUG}:speed", label_visibility="collapsed")


def _mode() -> None:
    """Plays or pauses, as the reader has chosen. To play where one looks back is to take the run up there."""
    play = _play()
    playing = st.session_state[f"{SLUG}:mode:{play.version}"] == "Play"
    if playing and play.place is not None:
        with play.lock:
            play.run.go_to(play.place)
    play.playing, play.place = playing, None


def _rewind() -> None:
    play = _play()
    with play.lock:
        play.run.rewind()
    play.place = None


def _travel(move: Callable[[], bool]) -> None:
    play = _play()
    with play.lock:
        move()
    play.place = None
    controls.set_scene(SLUG, play.run.setup)


def _once(how: str) -> None:
    play = _play()
    play.set(playing=False)
    play.place = None
    _turn(how)


def _back(play: Play) -> None:
    """Where a run that pauses is looked back upon; to play from there is to take it up there."""
    records = play.run.history.records
    if (play.playing and not play.run.stopped) or len(records) < 2:
        return

    def move() -> None:
        step = st.session_state[f"{SLUG}:back:{len(records)}"]
        place = next(k for k, record in enumerate(records) if record.step == step)
        play.place = None if place == len(records) - 1 else place

    steps = [record.step for record in records]
    st.select_slider("Look back to step", steps, value=steps[-1 if play.place is None else play.place],
                     key=f"{SLUG}:back:{len(records)}", on_change=move,
                     help="Play takes the run up where you look, with the set-up as it is now.")


# ---- training

def _turn(how: str) -> None:
    """Trains for one turn, in the pool's own thread."""
    play = _play()

    def steps() -> Any:
        with play.lock:
            if how == "step":
                play.run.advance(1)
            elif how == "epoch":
                play.run.advance_epoch(SLICE)
            else:
                play.run.advance(1_000_000, SLICE)
        yield True

    session = compat.session_id()
    job = runner.shared_state().pool.submit((SLUG, session, object()), steps, (session, SLUG), turn=True)
    with turns.shared().left(), suppress(TimeoutError):  # its turn has not come; it comes, or is dropped
        job.wait(longest=2.0)


# ---- the pictures

def _pictures(draw: Draw, presets: Sequence[Preset], scene: Setup) -> None:
    play = _play()
    play.tested = bool(st.session_state.get(f"{SLUG}:tested"))
    going = _is_going(play)

    def mount() -> None:
        if going:
            if play.hidden or controls.current_scene(SLUG, Setup) not in (scene, play.run.setup):
                compat.rerun()  # what was drawn, a preset or a tab out of sight is told to this part of the page alone
            if _is_going(play):  # where it is not, the run of the page that says so is on its way
                _turn(st.session_state.get(f"{SLUG}:speed") or "epoch")
        with play.lock:
            view = look(play.run, play.place)
            diagnosis = diagnose(view, play.run)
        _told(view, diagnosis)
        board = replace(draw(view, play.run.setup, play.tested), summary=where(view))
        chart.show(chart.encode(board), key=f"{SLUG}:board", scene=urlencode(scene.query()), live=going and not view.stopped,
                   about=_browser_data(presets, scene), on_event=lambda event: _handle(presets, event))
        if going and view.stopped:
            play.set(playing=False)
            compat.rerun()

    compat.refresh_until_done(mount, not going, PICTURE)


def _is_going(play: Play) -> bool:
    return play.playing and not play.hidden and not play.run.stopped


def _told(view: View, diagnosis: Diagnosis | None) -> None:
    """Where the run is and what is wrong with it, above the pictures, in a place that keeps its height."""
    with st.container(key="diagnosis", horizontal=True, vertical_alignment="center"):
        st.markdown(where(view) + (f" {diagnosis.text}" if diagnosis else ""), width="stretch")
        if diagnosis and diagnosis.change:
            change = diagnosis.change
            st.button(diagnosis.cure, key=f"{SLUG}:cure:{diagnosis.cure}", icon=":material/build:",
                      on_click=lambda: _cure(change))


def _cure(change: dict[str, Any]) -> None:
    play = _play()
    controls.set_fields(SLUG, **change)
    if play.run.stopped == "diverged":
        _take(controls.current_scene(SLUG, Setup))
        _rewind()
    play.set(playing=True)


def _browser_data(presets: Sequence[Preset], scene: Setup) -> dict[str, Any]:
    named = [(preset, Setup(**preset.values)) for preset in presets]
    return {
        "slug": SLUG, "question": None, "ask_first": False, "notices": controls.warnings(SLUG), "session": compat.session_name(),
        "verdict": None, "solved": False, "comparison": None, "lecture": None, "alone": True, "watched": True, "pause": OTHERS,
        "presets": [{"name": preset.name, "why": preset.why, "current": there == scene, "query": "?" + urlencode(there.query())}
                    for preset, there in named]}


def _handle(presets: Sequence[Preset], event: dict[str, Any]) -> None:
    play = _play()
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
