"""Sessions at the websocket, without a browser: what a benchmark opens in great number, on this machine only.

A session is a few lines of asyncio in this process. As a browser does, it asks for a live picture at the interval that
the server has named until a new run of the page begins. What it draws is nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core.lesson import Scene


def loopback(address: str) -> str:
    """The address, which must be of this machine. Raises ValueError for any other."""
    host = urlsplit(address).hostname or ""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)} if host else set()
    if not found or not all(ipaddress.ip_address(ip).is_loopback for ip in found):
        raise ValueError(f"{address} is not an address of this machine")
    return address


class Reader:
    """One session at the websocket. `first` and `whole` are the times at which the scene asked for was seen, and finished."""

    def __init__(self, socket: ClientConnection):
        self._socket = socket
        self._ticking: dict[str, asyncio.Task[None]] = {}
        self._query = self._page = ""
        self.first = self.whole = asyncio.get_running_loop().create_future()
        self._leaving = False
        self._wanted = ("", "")
        self.boards = 0  # pictures that have come and were not the one before
        self._digest = ""

    def open(self, slug: str, query: str) -> None:
        """Goes to a scene, as a browser does that is given its link."""
        self._stop_ticks()  # one that asked for the page left behind would bring the session back to it
        self._leaving = True
        self._wanted, self._query = (slug, query), query
        loop = asyncio.get_running_loop()
        self.asked = time.perf_counter()
        self.first: asyncio.Future[float] = loop.create_future()
        self.whole: asyncio.Future[float] = loop.create_future()
        self._asking = asyncio.create_task(self._ask(page=slug))

    async def _ask(self, page: str = "", fragment: str = "") -> None:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string = self._query
        if page:
            rerun.page_name, rerun.is_history_navigation = page, True
        else:
            rerun.page_script_hash, rerun.fragment_id, rerun.is_auto_rerun = self._page, fragment, True
        await self._socket.send(message.SerializeToString())

    async def _tick(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._ask(fragment=fragment)

    def _stop_ticks(self) -> None:
        for task in self._ticking.values():
            task.cancel()
        self._ticking.clear()

    async def listen(self) -> None:
        """Takes what the server sends until the connection ends."""
        try:
            async for data in self._socket:
                assert isinstance(data, bytes)
                self._receive(data)
        except ConnectionClosed:
            pass
        finally:
            self._stop_ticks()
            for wanted in (self.first, self.whole):
                if not wanted.done():
                    wanted.set_exception(ConnectionError("the connection ended before the picture came"))
                    wanted.exception()  # told to whoever waits; nobody need

    def _receive(self, data: bytes) -> None:
        # A board is found by the first line of its bytes; parsing the rest of a large message would tell nothing more.
        if (start := data.find(b'{"digest": ')) >= 0:
            self._note_board(data[start:data.index(b"\n", start)])
            return
        forward = ForwardMsg.FromString(data)
        kind = forward.WhichOneof("type")
        if kind == "new_session":
            if not forward.metadata.run.fragment_ids:
                self._stop_ticks()
                self._leaving = False
        elif kind == "navigation":
            self._page = forward.navigation.page_script_hash
        elif kind == "auto_rerun":
            name = forward.auto_rerun.fragment_id
            if name not in self._ticking and not self._leaving:
                self._ticking[name] = asyncio.create_task(self._tick(name, forward.auto_rerun.interval))
        elif kind == "stop_auto_rerun":
            for name in forward.stop_auto_rerun.fragment_ids:
                if task := self._ticking.pop(name, None):
                    task.cancel()

    def _note_board(self, head: bytes) -> None:
        board = json.loads(head)
        if (board["slug"], board["scene"]) != self._wanted:
            return
        self.boards += board["digest"] != self._digest
        self._digest = board["digest"]
        now = time.perf_counter()
        if not self.first.done():
            self.first.set_result(now)
        if not board["live"] and not self.whole.done():
            self.whole.set_result(now)


@asynccontextmanager
async def reader(address: str) -> AsyncIterator[Reader]:
    """A session that has just connected."""
    stream = loopback(address).replace("http", "ws", 1) + "/_stcore/stream"
    # A queue without end: with a full one the answer to a farewell would not be read.
    async with connect(stream, max_size=None, max_queue=None, compression=None,
                       subprotocols=["streamlit"]) as socket:  # pyright: ignore
        one = Reader(socket)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(one.listen())
            try:
                yield one
            finally:
                listening.cancel()


async def visit(address: str, slug: str, scene: Scene, together: asyncio.Barrier | None = None) -> float:
    """Seconds from the connection of a new reader to the finished picture. together: nobody goes before all have theirs."""
    start = time.perf_counter()
    async with reader(address) as one:
        one.open(slug, urlencode(scene.query()))
        taken = await one.whole - start
        if together is not None:
            await together.wait()
        return taken
