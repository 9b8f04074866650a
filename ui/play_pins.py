"""Pinned runs of the playground, and what a reader takes away of the runs. Pins live as long as the session."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.playground import pins
from core.playground.code import filename, script
from core.playground.pins import Pin
from ui import controls
from ui.play_state import SLUG, Play, begin, button, current


def pin_button() -> None:
    """Keeps the run as it is now."""
    button("Pin this run", _pin, icon=":material/keep:",
           help=f"Keep its curves beside the next ones; {len(pins.LETTERS)} runs at most.")


def _pin() -> None:
    play = current()
    try:
        with play.lock:
            play.pins = pins.pin(play.pins, play.run)
    except ValueError as error:
        controls.warn(SLUG, str(error))


def pinned(play: Play) -> None:
    """A row for each pinned run: what tells it apart, and what can be done with it. Nothing where there are none."""
    if not play.pins:
        return
    names = pins.differences([*play.pins, replace(play.pins[0], setup=play.run.setup, changed=False)])
    with st.container(key="pinned"):
        for one, differs in zip(play.pins, names, strict=False):
            with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
                st.markdown(f"**{one.letter}** {differs}", width="stretch")
                button(f"Open {one.letter}", lambda one=one: begin(one.setup), icon=":material/replay:",
                       help="Set the controls as this run had them, and begin")
                button(f"Unpin {one.letter}", lambda one=one: _unpin(one), icon=":material/close:")


def _unpin(pin: Pin) -> None:
    play = current()
    play.pins = tuple(one for one in play.pins if one.letter != pin.letter)


def script_button(play: Play) -> None:
    """The run's set-up in plain PyTorch, as it is at the click, for as many steps as the run has done."""
    def text() -> str:
        with play.lock:
            return script(play.run.setup, play.run.problem, steps=max(100, play.run.step))

    st.download_button("PyTorch", text, file_name=filename(play.run.setup), mime="text/x-python",
                       key=f"{SLUG}:pytorch", icon=":material/code:", on_click="ignore",
                       help="A script that needs torch alone. It begins with the set-up as it is now.")


def curves_button(play: Play) -> None:
    """The curves of the present run and all pinned ones, as they are at the click."""
    def text() -> str:
        with play.lock:
            return pins.curves_csv([*play.pins, pins.kept(play.run)])

    st.download_button("Curves as CSV", text, file_name="playground-curves.csv", mime="text/csv", key=f"{SLUG}:csv",
                       icon=":material/download:", on_click="ignore")
