"""The app behind a server that compresses each file once: `make run`, or `streamlit run server.py`.

Everything is as with `streamlit run app.py`, but that the scripts and styles that a page needs, Streamlit's and ours, come
from memory, compressed, and stay in the browser for a year, and that a lesson's page names its own at once, so that they
are under way before the page has asked for anything.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import Response
from streamlit import config, file_util
from streamlit.starlette import App

from core.catalogue import LESSONS
from ui.assets import CHART, FOLDERS, PLOTLY, unwrapped

TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
YEAR = "public, max-age=31536000, immutable"
STATIC = Path(file_util.get_static_dir())


@dataclass(frozen=True)
class File:
    """What is at an address, and what is done to its text; `cache` is the header that says how long it may be kept."""

    path: Path
    change: Callable[[str], str] = str
    cache: str = YEAR

    def packed(self) -> bytes:
        return gzip.compress(self.change(self.path.read_bytes().decode()).encode(), mtime=0)


def page(index: str) -> str:
    """Streamlit's page with links to what a lesson's pictures need."""
    scripts = [*(f"static/js/{path.name}" for path in (STATIC / "static" / "js").glob("BidiComponent.*.js")),
               *(f"{CHART.address}/{name}" for name in CHART.files if name.endswith(".js"))]
    links = [f'<link rel="preload" as="script" href="./{PLOTLY.address}/plotly.min.js">',
             f'<link rel="stylesheet" href="./{CHART.address}/chart.css">',
             *(f'<link rel="modulepreload" href="./{script}">' for script in scripts)]
    return index.replace("</head>", "\n".join([*links, "</head>"]))


def files() -> dict[str, File]:
    """Path -> file, for all that this server answers itself."""
    streamlits = [path for path in (STATIC / "static").glob("*/*") if path.suffix in (".js", ".css")]
    out = {path.relative_to(STATIC).as_posix(): File(path) for path in streamlits}
    out |= {f"{folder.address}/{name}": File(folder.path / name) for folder in FOLDERS for name in folder.files}
    out[f"{PLOTLY.address}/plotly.min.js"] = File(PLOTLY.path / "plotly.min.js", unwrapped)
    return out | {entry.slug: File(STATIC / "index.html", page, "no-cache") for entry in LESSONS}


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
        await Response(body, headers=headers, media_type=TYPES[self.files[path].path.suffix])(scope, receive, send)

    @staticmethod
    def _path(scope: Any) -> str:
        path = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        return path.removeprefix(config.get_option("server.baseUrlPath").strip("/")).strip("/")

    def _pack(self, path: str) -> bytes:
        with self.lock:
            if path not in self.packed:
                self.packed[path] = self.files[path].packed()
            return self.packed[path]


app = App("app.py", middleware=[Middleware(Compressed)])
