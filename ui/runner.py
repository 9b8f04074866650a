"""Runs of lessons: computed once, shared by all sessions, shown while they happen.

`board_of` answers from the cache, or trains for as long as a reader does not mind waiting and then hands over
to the live fragment in `ui/page.py`, which goes on a slice at a time. Sessions are threads of one process, and
several that train freely halve each other's speed, so they take turns at every step.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st

from core.lesson import Scene
from ui.chart import Board, Encoded, encode

PATIENCE = 0.06  # seconds of training before the first picture; the picture follows the hand
SLICE = 0.2  # seconds of training between two pictures of a live run
KEEP = 96  # scenes; a board is at most about a megabyte
KEEP_RESULTS = 64  # the opening scenes of all lessons are kept by the home page too

FAILED = ("**This scene cannot be shown.** The fault has been noted. Move a control or choose a scene above, and the page "
          "goes on from there.")
LOG = logging.getLogger(__name__)

Draw = Callable[[Any, Any], Board]


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        ticket = threading.Event()
        with self._guard:
            if self._taken:
                self._waiting.append(ticket)
            else:
                self._taken = True
                ticket.set()
        ticket.wait()
        try:
            yield
        finally:
            with self._guard:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._taken = False


class Bounded:
    """The most recently used items, at most `size` of them; safe to use from several threads."""

    def __init__(self, size: int):
        self._items: OrderedDict[Any, Any] = OrderedDict()
        self._guard = threading.Lock()
        self._size = size

    def get(self, key: Any) -> Any:
        with self._guard:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key]
            return None

    def put(self, key: Any, value: Any) -> None:
        with self._guard:
            self._items[key] = value
            self._items.move_to_end(key)
            while len(self._items) > self._size:
                self._items.popitem(last=False)


@dataclass
class Shared:
    """What the sessions of this server have in common, for one state of the sources."""

    sources: str
    turns: Turns = field(default_factory=Turns)
    results: Bounded = field(default_factory=lambda: Bounded(KEEP_RESULTS))
    boards: Bounded = field(default_factory=lambda: Bounded(KEEP))


@st.cache_resource(show_spinner=False, max_entries=1)
def shared(sources: str) -> Shared:
    """`sources` is a fingerprint of the code, so that an edit under `make dev` starts with empty caches."""
    return Shared(sources)


@st.cache_resource(show_spinner=False)
def _fingerprint_once() -> str:
    return fingerprint()


def fingerprint() -> str:
    """A digest of every source that a picture depends on."""
    root = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=8)
    for folder in ("core", "figures", "pages", "ui"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass
class Run:
    """A run that is under way in one session."""

    slug: str
    scene: Scene
    results: Iterator[Any]
    latest: Any = None
    done: bool = False

    def advance(self, seconds: float, turns: Turns) -> None:
        """Trains for about `seconds`, one turn for each step, until there is at least one result."""
        until = time.perf_counter() + seconds
        while not self.done and (self.latest is None or time.perf_counter() < until):
            with turns.turn():
                result = next(self.results, None)
            if result is None:
                self.done = True
            else:
                self.latest = result


def common() -> Shared:
    watching = st.get_option("server.fileWatcherType") != "none"
    return shared(fingerprint() if watching else _fingerprint_once())


def board_of(slug: str, module: Any, scene: Scene, draw: Draw, slot: str = "run") -> tuple[Encoded, bool]:
    """The board of a scene and whether it is complete. Asked again, it goes on with an incomplete one.

    slot: where the session keeps the run that is under way, so that two scenes can be under way side by side.
    A run that fails is logged and ends in a board without pictures that says so; it is not kept, so that the scene can
    be tried again.
    """
    memory = common()
    known = memory.boards.get((slug, scene))
    if known:
        st.session_state.pop(slot, None)
        return known, True
    result = memory.results.get((slug, scene.trained()))
    if result is None:
        try:
            run = st.session_state.get(slot)
            if run is None or (run.slug, run.scene) != (slug, scene.trained()):
                run = st.session_state[slot] = Run(slug, scene.trained(), iter(module.steps(scene.trained())))
            run.advance(PATIENCE if run.latest is None else SLICE, memory.turns)
        except Exception:
            LOG.exception("%s: the run of %s failed", slug, scene)
            st.session_state.pop(slot, None)
            return encode(Board(panels=[], seen=FAILED)), True
        if not run.done:
            return _encoded(slug, module, draw, run.latest, scene), False
        result = run.latest
        memory.results.put((slug, scene.trained()), result)
    st.session_state.pop(slot, None)
    board = _encoded(slug, module, draw, result, scene)
    memory.boards.put((slug, scene), board)
    return board, True


def _encoded(slug: str, module: Any, draw: Draw, result: Any, scene: Scene) -> Encoded:
    """The board of a result. What fails is logged and left out: one picture, the question, or at worst all of them."""
    def failed(what: str) -> None:
        LOG.exception("%s: %s of %s failed", slug, what, scene)

    question = None
    try:
        question = module.predict(result, scene) if hasattr(module, "predict") else None
    except Exception:
        failed("the question")
    try:
        return encode(draw(result, scene), question, failed)
    except Exception:
        failed("the board")
        return encode(Board(panels=[], seen=FAILED))


def result_of(slug: str, module: Any, scene: Scene) -> Any:
    """The whole result of a scene, trained now if nobody has asked for it yet."""
    memory = common()
    result = memory.results.get((slug, scene.trained()))
    if result is None:
        run = Run(slug, scene.trained(), iter(module.steps(scene.trained())))
        while not run.done:
            run.advance(SLICE, memory.turns)
        result = run.latest
        memory.results.put((slug, scene.trained()), result)
    return result
