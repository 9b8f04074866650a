"""The playground's controls of time: play, pause, step, rewind, undo, speed, and the way back through the run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ui import controls
from ui.play_state import SLUG, Play, button, current, rewind, turn

MODES = ("Play", "Pause")
MODES_ICONS = {"Play": ":material/play_arrow: Play", "Pause": ":material/pause: Pause"}
SPEEDS = {"step": "1 step", "epoch": "1 epoch", "fast": "Fast"}


def transport(play: Play) -> None:
    """The bar above the pictures."""
    run = play.run
    with st.container(key="transport", horizontal=True, gap="xsmall", vertical_alignment="center"):
        # What is chosen is chosen, however often it is handed on.
        st.segmented_control("The run", list(MODES), default=MODES[not play.playing], format_func=MODES_ICONS.__getitem__,
                             required=True, key=f"{SLUG}:mode:{play.version}", on_change=_mode, label_visibility="collapsed",
                             disabled=bool(run.stopped))
        button("Step", lambda: _once("step"), icon=":material/skip_next:", disabled=bool(run.stopped), help="One update")
        button("Epoch", lambda: _once("epoch"), icon=":material/fast_forward:", disabled=bool(run.stopped),
               help="To the end of the epoch")
        button("Rewind", rewind, icon=":material/replay:", help="Back to the same start: the same set-up gives the same curve")
        button("Undo", lambda: _travel(run.undo), icon=":material/undo:", disabled=not run.can_undo,
               help="Take back the last change")
        button("Redo", lambda: _travel(run.redo), icon=":material/redo:", disabled=not run.can_redo)
        st.segmented_control("A picture each", list(SPEEDS), default="epoch", format_func=SPEEDS.__getitem__, required=True,
                             key=f"{SLUG}:speed", label_visibility="collapsed")


def _mode() -> None:
    """Plays or pauses, as the reader has chosen."""
    play = current()
    playing = st.session_state[f"{SLUG}:mode:{play.version}"] == "Play"
    if playing:
        play.take_up()
    play.playing, play.place = playing, None


def _travel(move: Callable[[], bool]) -> None:
    play = current()
    with play.lock:
        move()
    play.place = None
    controls.set_scene(SLUG, play.run.setup)


def _once(how: str) -> None:
    play = current()
    play.set(playing=False)
    play.place = None
    turn(how, pressed=True)


def back(play: Play) -> None:
    """Where a run that pauses is looked back upon; to play from there is to take it up there."""
    steps = _steps(play)
    if (play.playing and not play.run.stopped) or len(steps) < 2:
        return

    def move() -> None:
        # A browser may tell of a slider that is gone, when the run already goes on.
        if key in st.session_state and _steps(play) == steps:
            place = steps.index(st.session_state[key])
            play.place = None if place == len(steps) - 1 else place

    key = f"{SLUG}:back:{steps[-1]}"
    with st.container(key="back"):
        st.select_slider("Look back to step", steps, value=steps[-1 if play.place is None else play.place],
                         key=key, on_change=move,
                         help="Play takes the run up where you look, with the set-up as it is now.")


def _steps(play: Play) -> list[int]:
    """Those that are remembered, and last that at which the run stands, which need not be one of them."""
    steps = [record.step for record in play.run.history.records]
    return steps if steps[-1:] == [play.run.step] else [*steps, play.run.step]
