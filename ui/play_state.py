"""What a session has of the playground: its run, whether it plays, what it has pinned, the mission that it is on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from core.catalogue import PLAYGROUND
from core.playground.missions import Attempt
from core.playground.pins import Pin
from core.playground.setup import DATA, OPENING, Setup
from core.simulation import Simulation
from ui import asset_store, compat, controls, runner, turns

SLUG = PLAYGROUND.slug
SLICE = 0.03  # seconds that a turn may train
FIRST_PICTURE, LONGEST_WAIT = 2.0, 30.0  # seconds that a page, and a later picture, wait for a turn where all play at once
UPDATE_WAIT = 0.8  # seconds at a time, between which a reader may have gone on; less than a run is kept that nobody asks for


@dataclass
class Play:
    """What a session has of the playground. The lock is held by whoever trains or looks."""

    run: Simulation
    playing: bool = True
    hidden: bool = False
    place: int | None = None  # of the history's record that is looked at
    tested: bool = False
    version: int = 0  # of the widget that says whether it plays
    presses: Counter[str] = field(default_factory=Counter)  # of each button, that have been acted upon
    pins: tuple[Pin, ...] = ()
    attempt: Attempt | None = None
    solved: set[str] = field(default_factory=set)  # missions
    waiting: object | None = None  # names the turn that was waited for in vain
    refused: Setup | None = None  # the last scene that could not be trained on, of which the reader has been told
    lock: threading.Lock = field(default_factory=threading.Lock)

    def set(self, playing: bool) -> None:
        """Plays or pauses of its own accord, so that the widget starts afresh."""
        self.version += playing != self.playing
        self.playing = playing

    def take_up(self) -> None:
        """Takes the run up where the reader looks back, if so."""
        if self.place is not None:
            with self.lock:
                self.run.go_to(self.place)
        self.place = None

    @property
    def going(self) -> bool:
        return self.playing and not self.hidden and not self.run.stopped


def current() -> Play:
    """This session's."""
    return st.session_state[f"{SLUG}:play"]


def take(scene: Setup) -> None:
    """Tells the run of the scene as the widgets have it; where it cannot be trained on, says so and what is used instead."""
    key = f"{SLUG}:play"
    assets = {digest: data for digest in [scene.own] if digest and (data := asset_store.store().get(digest))}
    play: Play | None = st.session_state.get(key)
    try:
        if play is None:
            play = st.session_state[key] = Play(Simulation(scene, assets))
        with play.lock:
            if scene != play.run.setup:
                play.place = None
                if play.run.apply(scene, assets):
                    play.set(playing=True)
            play.refused = None
    except ValueError as error:
        if play is None:
            play = st.session_state[key] = Play(Simulation(_instead(scene)))
        if play.refused == scene:
            return
        play.refused = scene
        with play.lock:
            trained = play.run.setup
            # A pad is drawn on where its points are trained on; points that the reader has taken back are not.
            if (scene.data == "drawn" and trained.data != "drawn") or (trained.own and trained.own != scene.own):
                play.run, play.place = Simulation(_instead(scene)), None
                trained = play.run.setup
        used = DATA[trained.data]
        if trained.data == "drawn":
            used = "the drawing that it begins with" if trained.points == OPENING else "the drawing before"
        controls.warn(SLUG, f"{error} Until then it learns: {used}.", besides=True)


def _instead(scene: Setup) -> Setup:
    """The same set-up on data that there are."""
    if scene.data == "drawn":
        return replace(scene, points=OPENING)
    return replace(scene, data=Setup().data, own="") if scene.data == "own" else Setup()


def begin(setup: Setup) -> None:
    """Sets all fields, and trains from the start."""
    controls.set_scene(SLUG, setup)
    take(controls.current_scene(SLUG, Setup))
    rewind()
    current().set(playing=True)


def rewind() -> None:
    play = current()
    with play.lock:
        play.run.rewind()
    play.place = None


def turn(how: str, pressed: bool = False) -> None:
    """Trains for one turn, in the pool's own thread, and waits until it is over; in a run of a whole page not for long.

    pressed: the reader has asked for this one; any other is given up where the run plays no more.
    """
    play, trained = current(), False

    def steps() -> Any:
        nonlocal trained
        with play.lock:
            if not trained and (pressed or play.going):
                trained = True
                if how == "step":
                    play.run.advance(1)
                elif how == "epoch":
                    play.run.advance_epoch(SLICE)
                else:
                    play.run.advance(1_000_000, SLICE)
        yield True

    # Whoever has waited in vain keeps his place: in a hall in which all play, few would go on else, and the others never.
    mine = object() if pressed else play.waiting or object()
    play.waiting = None if pressed else mine
    session = compat.session_id()
    until = time.monotonic() + (FIRST_PICTURE if turns.shared().has_one() else LONGEST_WAIT)
    while True:
        job = runner.shared_state().pool.submit((SLUG, session, mine), steps, (session, SLUG), turn=True)
        with suppress(TimeoutError), turns.shared().left():
            job.wait(longest=UPDATE_WAIT)
            play.waiting = None
            return
        if time.monotonic() >= until:
            return
        if not pressed:
            compat.yield_point()


def button(name: str, does: Callable[[], None], *, key: str = "", **about: Any) -> None:
    """A button each press of which counts once; about: as st.button takes it."""
    key = key or f"{SLUG}:{name}"
    st.button(name, key=key, on_click=press, args=(key, does), **about)


def press(key: str, does: Callable[[], None]) -> None:
    """Acts upon the presses of a button that have not been acted upon, of which there may be several, or none."""
    play, told = current(), compat.presses()
    new = 1 if told is None else told[key] - play.presses[key]
    play.presses[key] += new
    for _ in range(new):
        does()


def forget_presses() -> None:
    """To be called where the page is opened: what came of a press when the reader left it is not done when he is back."""
    if f"{SLUG}:play" in st.session_state:
        current().presses = compat.presses() or Counter()
