"""Who runs next. Whole pages take turns, a few at a time, and those whose picture is still to come go first.

Without it a hundred readers who follow one link at once have a hundred scripts under way, and the thread that sends what they
have drawn waits for each of them; each picture then comes with the last controls of the last reader.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

PLACES = 2  # runs of whole pages at a time
PICTURE, REST = 0, 1  # what a run still has to draw


class Turns:
    """`places` runs at a time; the others wait, those of a lower rank first, each rank in the order in which they came."""

    def __init__(self, places: int):
        self._lock, self._free = threading.Lock(), places
        self._waiting: list[tuple[int, int, threading.Event]] = []
        self._tickets = itertools.count()
        self._running: set[int] = set()  # threads

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A turn for this thread; it has none already."""
        self._begin(PICTURE)
        try:
            yield
        finally:
            self._end()

    @contextmanager
    def left(self, then: int = PICTURE) -> Iterator[None]:
        """While this thread waits for something else, others run. It waits for another turn in the end if it had one; `then` is
        what it has still to draw."""
        had = self.has_one()
        if had:
            self._end()
        try:
            yield
        finally:
            if had:
                self._begin(then)

    def has_one(self) -> bool:
        """Whether this thread has a turn: the run of a whole page has, that of a fragment alone has none."""
        return threading.get_ident() in self._running

    def let_pictures_pass(self, sent: Callable[[], None]) -> None:
        """To be called where the picture is drawn: the rest of this thread's run waits until that is `sent`, and for those whose
        picture is to come."""
        if self.has_one():
            with self.left(then=REST):
                sent()

    def _begin(self, rank: int) -> None:
        with self._lock:
            mine = (rank, next(self._tickets), threading.Event())
            heapq.heappush(self._waiting, mine)
            self._next()
        mine[2].wait()
        with self._lock:
            self._running.add(threading.get_ident())

    def _end(self) -> None:
        with self._lock:
            self._running.discard(threading.get_ident())
            self._free += 1
            self._next()

    def _next(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            heapq.heappop(self._waiting)[2].set()


@st.cache_resource(show_spinner=False)
def shared() -> Turns:
    """The turns of this server's runs."""
    return Turns(PLACES)
