"""Both ways of starting the app: with `server.py`, where files come compressed and for a year, and with `app.py` alone."""

from __future__ import annotations

import asyncio
import gzip
import posixpath
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.websockets import WebSocket

from benchmarks.server import ROOT, serve, session
from server import AT_ONCE, InTurn
from ui import compat
from ui.assets import CHART, PLOTLY, Folder

pytestmark = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
ADDRESSES = [(folder, name) for folder in (PLOTLY, CHART) for name in folder.files]
PARTS = {name: (CHART.path / name).read_text() for name in CHART.files if name.endswith(".js")}
EXPORTED = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.M)
TOP = re.compile(r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", re.M)
IMPORT = re.compile(r'^import \{ (.*) \} from "(\.{1,2}/.*)";$', re.M)


def get(address: str, encoding: str = "gzip") -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(address, headers={"Accept-Encoding": encoding})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read(), {name.lower(): value for name, value in answer.headers.items()}


def test_a_hall_that_begins_leaves_room_for_other_questions():
    """Beginning a session keeps the event loop busy, and a hundred of them come at once."""
    order: list[str] = []

    async def app(scope, _receive, _send):
        order.append(scope["type"])

    async def hall() -> None:
        server = InTurn(app)
        await asyncio.gather(*(server({"type": kind}, None, None) for kind in ["websocket"] * 100 + ["http"]))

    with ThreadPoolExecutor(1) as thread:  # a browser of other tests may have a loop of its own in this one
        thread.submit(lambda: asyncio.run(hall())).result()
    assert order.count("websocket") == 100
    assert order.index("http") <= AT_ONCE


def test_a_reader_who_goes_while_he_is_sent_something_is_no_error():
    """As Streamlit does then: it closes again what is closed. Any other error is told."""
    def served(error: Exception | None) -> None:
        async def app(scope, receive, send):
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            await socket.close()
            with pytest.raises(RuntimeError):
                await socket.receive_bytes()
            if error:
                raise error
            await socket.close()

        async def nothing(*_):
            return {"type": "websocket.connect"}

        asyncio.run(InTurn(app)({"type": "websocket"}, nothing, nothing))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(served, None).result()
        with pytest.raises(RuntimeError, match="another"):
            thread.submit(served, RuntimeError("another")).result()


@pytest.fixture(scope="module", params=["server.py", "app.py"])
def started(request) -> Iterator[tuple[str, str]]:
    """How it was started, and its address; one reader has been there, as a component is registered by a page that uses it."""
    with serve(ROOT / request.param) as address:
        with session(address, "risk") as reader:
            reader.rerun()
        yield request.param, address


def wanted(folder: Folder, name: str, start: str) -> bytes:
    data = (folder.path / name).read_bytes()
    return compat.plotly_served(data.decode()).encode() if (folder, start) == (PLOTLY, "server.py") else data


@pytest.mark.parametrize(("folder", "name"), ADDRESSES, ids=[name for _, name in ADDRESSES])
def test_every_file_is_at_its_address(started, folder, name):
    start, address = started
    body, headers = get(f"{address}/{folder.address}/{name}")
    packed = headers.get("content-encoding") == "gzip"
    assert (gzip.decompress(body) if packed else body) == wanted(folder, name, start)
    assert re.match("text/css" if name.endswith(".css") else "(text|application)/javascript", headers["content-type"])
    if start == "server.py":
        assert packed
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["vary"] == "Accept-Encoding"
        plain, headers = get(f"{address}/{folder.address}/{name}", "identity")
        assert "content-encoding" not in headers
        assert plain == gzip.decompress(body)


def test_a_page_names_what_it_needs(started):
    start, address = started
    for path in ("", "risk", "optimisers?seed=3"):
        body, headers = get(f"{address}/{path}")
        html = (gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body).decode()
        index = (compat.STREAMLITS_FILES / "index.html").read_text()
        assert headers["cache-control"] == "no-cache"
        named = re.findall(r'(?:href|src)="\./([^"]*)"', html.replace(index.split("</head>")[0], ""))
        ours = [f"{folder.address}/{name}" for folder, name in ADDRESSES]
        assert [*html.splitlines()][-2:] == [*index.splitlines()][-2:]
        if start == "app.py" or not path:
            assert html == index
        else:
            assert set(ours) <= set(named)
            for link in named:
                get(f"{address}/{link}")


def test_streamlits_bundles_and_the_rest(started):
    start, address = started
    script = next((compat.STREAMLITS_FILES / "static" / "js").glob("index.*.js"))
    body, headers = get(f"{address}/static/js/{script.name}")
    assert (headers.get("content-encoding") == "gzip") == (start == "server.py")
    text = script.read_text()
    assert (gzip.decompress(body) if start == "server.py" else body).decode() == (
        compat.streamlit_served(text) if start == "server.py" else text)
    assert "immutable" in headers["cache-control"]
    assert get(f"{address}/_stcore/health")[0] == b"ok"
    for path in (f"{CHART.address}/../__init__.py", f"{CHART.address}/none.js", "component/ui.compat.chart-0/board.js"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            get(f"{address}/{path}")
        assert refused.value.code in (400, 404)
        refused.value.close()


def test_the_address_changes_with_the_content(tmp_path):
    def address(**files: str) -> str:
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return Folder("x", tmp_path, tuple(files)).address

    seen = [address(a="1", b="2"), address(a="1", b="3"), address(a="12", b=""), address(a="1", c="2")]
    assert len(set(seen)) == 4
    assert address(a="1", b="2") == seen[0]


def test_the_parts_can_stand_in_one_text():
    """A saved page joins them: no name is used twice at the top level, what is imported is exported, and there is no circle."""
    names = [name for text in PARTS.values() for name in TOP.findall(text)]
    assert sorted(names) == sorted(set(names))
    needs: dict[str, set[str]] = {}
    for part, text in PARTS.items():
        assert text.count("\nimport ") == len(IMPORT.findall(text)), part
        for imported, place in IMPORT.findall(text):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(part), place))
            assert set(imported.split(", ")) <= set(EXPORTED.findall(PARTS[other])), (part, other)
            needs.setdefault(part, set()).add(other)
    done: set[str] = set()
    while ready := {part for part in PARTS if part not in done and needs.get(part, set()) <= done}:
        done |= ready
    assert done == set(PARTS), "parts that import each other"
