"""What readers bring that does not fit into a link: bytes in the memory of the server, under their digest, for a while.

A scene holds the digest. Whoever knows that of a drawing has the bytes, as long as they are kept, so that a link with it works
for others too; what was uploaded is for the session that did so alone. Nothing lists them, and no byte is written to a disk.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import streamlit as st

EACH, SESSION, ALL = 2 << 20, 8 << 20, 128 << 20  # bytes
HOUR = 3600.0


class TooLarge(ValueError):
    """More bytes than one asset may have; the message follows the name of its field."""


@dataclass
class _Item:
    data: bytes
    used: float
    owners: set[str] = field(default_factory=set)


class AssetStore:
    """Bytes under their digest. Safe to use from several threads.

    each, session, total: bytes that one asset, the assets of a session, and all of them may have; beyond the latter two those
    go whose last use is longest ago. seconds: how long one is kept after its last use. clock: the time in seconds.
    """

    def __init__(self, each: int = EACH, session: int = SESSION, total: int = ALL, seconds: float = HOUR,
                 clock: Callable[[], float] = time.monotonic):
        self.each, self.session, self.total, self.seconds = each, session, total, seconds
        self.bytes = 0
        self._clock = clock
        self._items: OrderedDict[str, _Item] = OrderedDict()  # the one used longest ago first
        self._guard = threading.Lock()

    def put(self, data: bytes, owner: str) -> str:
        """Keeps the bytes for the session `owner`; returns their digest. Raises TooLarge, a sentence's end for a reader."""
        if len(data) > min(self.each, self.session, self.total):
            raise TooLarge(f"has {_size(len(data))}, and {_size(min(self.each, self.session, self.total))} is the most")
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        with self._guard:
            self._forget()
            if digest not in self._items:
                self._items[digest] = _Item(data, self._clock())
                self.bytes += len(data)
            item = self._items[digest]
            item.owners.add(owner)
            self._touch(digest)
            while self._of(owner) > self.session:
                self._leave(next(d for d, other in self._items.items() if owner in other.owners), owner)
            while self.bytes > self.total:
                self._drop(next(iter(self._items)))
        return digest

    def get(self, digest: str, owner: str | None = None) -> bytes | None:
        """The bytes, None where they are not here or not any more, or not those of `owner`. Their time begins anew."""
        with self._guard:
            self._forget()
            if digest not in self._items or (owner is not None and owner not in self._items[digest].owners):
                return None
            self._touch(digest)
            return self._items[digest].data

    def __len__(self) -> int:
        return len(self._items)

    def _touch(self, digest: str) -> None:
        self._items[digest].used = self._clock()
        self._items.move_to_end(digest)

    def _of(self, owner: str) -> int:
        return sum(len(item.data) for item in self._items.values() if owner in item.owners)

    def _leave(self, digest: str, owner: str) -> None:
        self._items[digest].owners.discard(owner)
        if not self._items[digest].owners:
            self._drop(digest)

    def _drop(self, digest: str) -> None:
        self.bytes -= len(self._items.pop(digest).data)

    def _forget(self) -> None:
        now = self._clock()
        while self._items and now - next(iter(self._items.values())).used > self.seconds:
            self._drop(next(iter(self._items)))


def _size(count: int) -> str:
    return f"{count / (1 << 20):.3g} MB" if count >= 1 << 20 else f"{count / 1024:.3g} kB"


@st.cache_resource(show_spinner=False)
def store() -> AssetStore:
    """The store of this server."""
    return AssetStore()
