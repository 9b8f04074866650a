"""Pinned runs of the playground, and what a reader takes away of the runs. Pins live as long as the session."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.playground import pins
from core.playground.code import filename, script
from ui import controls
from ui.play_state import SLUG, Play, begin, button, current


def pin_button() -> None:
    """Keeps the run as it is now."""
    button("Pin this run", _pin, icon=":material/keep:",
           help=f"Keep its curves beside the next ones, until the page is loaded again; {len(pins.LETTERS)} runs at most.")


def _pin() -> None:
    play = current()
    try:
        with play.lock:
            play.pins = pins.pin(play.pins, play.run)
    except ValueError as error:
        controls.warn(SLUG, str(error))


def pinned(play: Play) -> None:
    """A row for each pinned run: what tells it apart, and what can be done with it.

    Each letter has its row, out of sight where it names no run: what goes or moves up while the page refreshes may be left in the
    browser (Streamlit 1.67).
    """
    names = _differences(play)
    with st.container(key="pinned", gap=None):
        for letter in pins.LETTERS:
            free = letter not in names
            with st.container(key=f"pinrow-{'none-' * free}{letter}", horizontal=True, gap="xsmall", vertical_alignment="center"):
                st.markdown("" if free else f"**{letter}** {names[letter]}", width="stretch")
                button(f"Open {letter}", lambda letter=letter: _open(letter), icon=":material/replay:", disabled=free,
                       help="Set the controls as this run had them, and begin")
                button(f"Unpin {letter}", lambda letter=letter: _unpin(letter), icon=":material/close:", disabled=free)


def _differences(play: Play) -> dict[str, str]:
    """Letter of each pinned run -> what tells it apart from the others and from the present one."""
    if not play.pins:
        return {}
    told = pins.differences([*play.pins, replace(play.pins[0], setup=play.run.setup, changed=False)])
    return {one.letter: differs for one, differs in zip(play.pins, told, strict=False)}


def _open(letter: str) -> None:
    for one in current().pins:
        if one.letter == letter:
            begin(one.setup)


def _unpin(letter: str) -> None:
    play = current()
    play.pins = tuple(one for one in play.pins if one.letter != letter)


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
