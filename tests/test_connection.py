"""The connection breaks: a proxy cuts it, the server starts anew. The page comes back by itself at the scene that it shows."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from benchmarks.server import free_port, serve
from tests.reader import SLIDER, Reader, in_browser

pytestmark = in_browser
SCENE = "optimisers?learning_rate=0.02"


class Proxy:
    """Passes bytes on between the browser and the server, until it is told to cut."""

    def __init__(self, port: int):
        self.port, self.open, self.done = port, True, False
        self.listener = socket.create_server(("localhost", 0))
        self.address = f"http://localhost:{self.listener.getsockname()[1]}"
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self.done:
            try:
                browser, _ = self.listener.accept()
            except OSError:
                return
            if not self.open:
                browser.close()
                continue
            try:
                server = socket.create_connection(("localhost", self.port))
            except OSError:
                browser.close()
                continue
            self.pairs.append((browser, server))
            threading.Thread(target=self._pass_on, args=(browser, server), daemon=True).start()

    def _pass_on(self, browser: socket.socket, server: socket.socket) -> None:
        try:
            while True:
                ready, _, _ = select.select([browser, server], [], [], 0.5)
                for one in ready:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    (server if one is browser else browser).sendall(data)
        except (OSError, ValueError):
            return
        finally:
            browser.close()
            server.close()

    def cut(self) -> None:
        self.open = False
        for pair in self.pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self.pairs.clear()

    def mend(self) -> None:
        self.open = True

    def close(self) -> None:
        self.done = True
        self.cut()
        self.listener.close()


@pytest.fixture
def proxy(address) -> Iterator[Proxy]:
    proxy = Proxy(int(address.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


def lost(page: Page):
    return page.locator(".lab-notice", has_text="connection to the server is lost")


def the_slider_works(reader: Reader) -> None:
    reader.page.locator(SLIDER).first.focus()
    reader.page.keyboard.press("ArrowRight")
    reader.page.wait_for_function("() => location.search === '?learning_rate=0.03'")
    reader.drawn()
    assert reader.board.get_attribute("data-scene") == "learning_rate=0.03"


@pytest.mark.parametrize("seconds", [2, *([150] if "LONG" in os.environ else [])])
def test_a_cut_is_said_and_the_page_goes_on(browser, proxy, seconds):
    reader = Reader(browser, proxy.address)
    page = reader.open(SCENE)
    page.evaluate("window.sameDocument = true")
    proxy.cut()
    expect(lost(page)).to_be_visible()
    time.sleep(seconds)
    proxy.mend()
    expect(lost(page)).to_be_hidden()
    if seconds < 60:  # the server has kept the reader, who need not be sent round
        page.wait_for_timeout(4500)
        assert page.evaluate("window.sameDocument")
    else:
        page.wait_for_function("() => !window.sameDocument")
        reader.drawn()
    the_slider_works(reader)
    page.context.close()


def test_a_server_that_starts_anew_is_found_again(browser):
    port = free_port()
    with serve(port=port) as address:
        reader = Reader(browser, address)
        page = reader.open(SCENE)
        page.evaluate("window.sameDocument = true")
    expect(lost(page)).to_be_visible()
    with serve(port=port):
        page.wait_for_function("() => !window.sameDocument")
        reader.drawn()
        assert reader.scene() == {"learning_rate": "0.02"}
        expect(lost(page)).to_be_hidden()
        the_slider_works(reader)
        page.context.close()
