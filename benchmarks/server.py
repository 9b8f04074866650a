"""A Streamlit server as a child process, and a client that speaks its websocket, for benchmarks and browser tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Server:
    """A running server: its address and the number of its process."""

    address: str
    pid: int

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far. Raises OSError where the system has no /proc."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory in megabytes. Raises OSError where the system has no /proc."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


# What `python -m streamlit` does, with the pool's log of its jobs switched on.
LOGGED = ("import logging, sys; logging.basicConfig(); logging.getLogger('ui.jobs').setLevel('INFO'); "
          "from streamlit.web.cli import main; main()")


@contextmanager
def serving(app: Path = ROOT / "server.py", log: Path | None = None, port: int = 0,
            folder: Path | None = None) -> Iterator[Server]:
    """Runs `app` in its own folder, unless another is named, its output and the pool's log of jobs in `log`, as `make run` does.

    Raises RuntimeError if it does not answer in a minute.
    """
    port = port or free_port()
    command = [sys.executable, "-c", LOGGED, "run", str(app), "--server.port", str(port), "--server.headless", "true",
               "--browser.gatherUsageStats", "false"]
    environment = {"MALLOC_ARENA_MAX": "2", **os.environ}
    with open(log or os.devnull, "w") as out:
        child = subprocess.Popen(command, cwd=folder or app.parent, env=environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        address = f"http://localhost:{port}"
        _wait(address, child)
        yield Server(address, child.pid)
    finally:
        child.terminate()
        child.wait(10)


@contextmanager
def serve(app: Path = ROOT / "server.py", log: Path | None = None, port: int = 0, folder: Path | None = None) -> Iterator[str]:
    """The address of `app`, served as by `serving`."""
    with serving(app, log, port, folder) as server:
        yield server.address


def _wait(address: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if child.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1)
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"no answer from {address}")


class Session:
    """One reader at the websocket: opens a page and asks for reruns of it. `fragment` is one that the page has refreshed."""

    def __init__(self, socket: ClientConnection, page: str):
        self.socket, self.page = socket, page
        self.hash = self.fragment = ""
        self.rerun()

    def rerun_message(self) -> BackMsg:
        """The request for a run of the page."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        if self.hash:
            message.rerun_script.page_script_hash = self.hash
        else:
            message.rerun_script.page_name = self.page
        return message

    def receive(self, timeout: float = 60) -> ForwardMsg:
        """The next message. Raises TimeoutError if none comes."""
        data = self.socket.recv(timeout=timeout)
        assert isinstance(data, bytes)
        forward = ForwardMsg()
        forward.ParseFromString(data)
        match forward.WhichOneof("type"):
            case "navigation":
                self.hash = forward.navigation.page_script_hash
            case "auto_rerun":
                self.fragment = forward.auto_rerun.fragment_id
        return forward

    def rerun(self) -> int:
        """Runs the page once more; returns the bytes received until it has finished."""
        self.socket.send(self.rerun_message().SerializeToString())
        received = 0
        while True:
            forward = self.receive()
            received += forward.ByteSize()
            if forward.WhichOneof("type") == "script_finished":
                return received


@contextmanager
def session(address: str, page: str = "") -> Iterator[Session]:
    """A reader who has just opened the page."""
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    with connect(stream, max_size=None, subprotocols=["streamlit"]) as socket:  # pyright: ignore
        yield Session(socket, page)
