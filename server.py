"""The app behind a server that compresses each file once: `make run`, or `streamlit run server.py`.

Everything is as with `streamlit run app.py`, but that the scripts and styles that a page needs, Streamlit's and ours, come
from memory, compressed, and stay in the browser for a year, and that a lesson's page names its own at once, so that they
are under way before the page has asked for anything.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette import websockets
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import Response
from streamlit import config
from streamlit.starlette import App

from core.catalogue import LESSONS, PLAYGROUND
from ui import compat
from ui.assets import CHART, PLOTLY

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
AT_ONCE = 10  # sessions begun before the server answers what else has been asked of it
GONE = getattr(websockets, "WebSocketDisconnected", ())  # what Starlette 1.10 raises where nobody is connected any more
YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class File:
    """The text at an address; `cache` is the header that says how long it may be kept."""

    read: Callable[[], str]
    suffix: str
    cache: str = YEAR


def of(path: Path, served: Callable[[str], str] = str) -> File:
    return File(lambda: served(path.read_bytes().decode()), path.suffix)


def page() -> str:
    """Streamlit's page with what a lesson's pictures need. Plotly runs once Streamlit has begun and waits for its server."""
    scripts = [*compat.component_scripts(), *(f"{CHART.address}/{name}" for name in CHART.files if name.endswith(".js"))]
    return compat.page_html([f'<script defer src="./{PLOTLY.address}/plotly.min.js"></script>',
                             f'<link rel="stylesheet" href="./{CHART.address}/chart.css">',
                             *(f'<link rel="modulepreload" href="./{script}">' for script in scripts)])


def files() -> dict[str, File]:
    """Path -> file, for all that this server answers itself."""
    streamlits = [path for path in (compat.STREAMLITS_FILES / "static").glob("*/*") if path.suffix in (".js", ".css")]
    out = {path.relative_to(compat.STREAMLITS_FILES).as_posix(): of(path, compat.streamlit_served) for path in streamlits}
    out |= {f"{CHART.address}/{name}": of(CHART.path / name) for name in CHART.files}
    out[f"{PLOTLY.address}/plotly.min.js"] = of(PLOTLY.path / "plotly.min.js", compat.plotly_served)
    return out | {entry.slug: File(page, ".html", "no-cache") for entry in (PLAYGROUND, *LESSONS)}


class Compressed:
    """Answers for `files()` and passes everything else on. Compresses a file when it is first asked for."""

    def __init__(self, app: Any):
        self.app = app
        self.files = files()
        self.packed: dict[str, bytes] = {}
        self.lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = self._path(scope) if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if path not in self.files:
            return await self.app(scope, receive, send)
        body = self.packed.get(path) or await anyio.to_thread.run_sync(self._pack, path)
        headers = {"Vary": "Accept-Encoding", "Cache-Control": self.files[path].cache}
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = await anyio.to_thread.run_sync(gzip.decompress, body)
        await Response(body, headers=headers, media_type=TYPES[self.files[path].suffix])(scope, receive, send)

    @staticmethod
    def _path(scope: Any) -> str:
        path = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        return path.removeprefix(config.get_option("server.baseUrlPath").strip("/")).strip("/")

    def _pack(self, path: str) -> bytes:
        with self.lock:
            if path not in self.packed:
                self.packed[path] = gzip.compress(self.files[path].read().encode(), mtime=0)
            return self.packed[path]


class InTurn:
    """Sessions begin a few at a time, and in between the server answers whatever else has been asked of it.

    A hall that scans one code would otherwise keep it busy with nothing but beginning sessions for half a second. One that ends
    because its reader has gone is no error: Streamlit 1.67 closes again what is closed where he went while he was sent something.
    """

    def __init__(self, app: Any):
        self.app = app
        self.turns = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return await self.app(scope, receive, send)
        async with self.turns:
            await asyncio.sleep(0)
        with suppress(GONE):
            await self.app(scope, receive, send)


app = App("app.py", middleware=[Middleware(Compressed), Middleware(InTurn)])
