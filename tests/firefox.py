"""Firefox, driven through WebDriver BiDi: a page that is opened, asked and clicked, and what its console complains of.

Debian's package brings no driver of its own, and a websocket is all that BiDi needs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.sync.client import ClientConnection, connect

from benchmarks.server import free_port

NAMES = ("firefox-esr", "firefox")
# Quiet: nothing is looked up on a network, and pictures in space are drawn in software.
PREFERENCES = {
    "app.normandy.enabled": False, "app.update.enabled": False, "browser.safebrowsing.downloads.enabled": False,
    "browser.shell.checkDefaultBrowser": False, "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "services.settings.server": "data:,", "toolkit.telemetry.enabled": False,
    "ui.prefersReducedMotion": 1, "webgl.force-enabled": True,
}


def executable() -> str | None:
    """The Firefox of this machine, None if it has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page. `errors` holds what its console said, newest last."""

    def __init__(self, socket: ClientConnection):
        self.socket, self.last, self.errors = socket, 0, []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])
        self.context = self.send("browsingContext.create", type="tab")["context"]
        self.send("browsingContext.setViewport", context=self.context, viewport={"width": 1280, "height": 720})

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and returns its result. Raises RuntimeError where the browser refuses it."""
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=60))
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.errors.append(f"{answer['params'].get('text')} {answer['params'].get('stackTrace', '')}")
            if answer.get("id") == self.last:
                if answer["type"] == "error":
                    raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
                return answer["result"]

    def before_every_page(self, script: str) -> None:
        # An empty tab is a page too, and has no storage.
        self.send("script.addPreloadScript", functionDeclaration=f"() => {{ if (location.host) {{ {script} }} }}")

    def open(self, address: str) -> None:
        self.send("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, carried as JSON. Raises RuntimeError where it throws."""
        result = self.send("script.evaluate", expression=f"JSON.stringify(({expression}) ?? null)", awaitPromise=True,
                           target={"context": self.context})
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def wait(self, expression: str, seconds: float = 40) -> None:
        """Waits until the expression is true. Raises TimeoutError."""
        until = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({expression})"):
            if time.monotonic() > until:
                raise TimeoutError(expression)
            time.sleep(0.1)

    def click(self, x: float, y: float) -> None:
        """Presses and lifts the mouse at a place of the window."""
        actions = [{"type": "pointerMove", "x": round(x), "y": round(y)}, {"type": "pointerDown", "button": 0},
                   {"type": "pause", "duration": 60}, {"type": "pointerUp", "button": 0}]
        self.send("input.performActions", context=self.context, actions=[{"type": "pointer", "id": "mouse", "actions": actions}])


@contextmanager
def firefox() -> Iterator[Tab]:
    """A tab of a new Firefox. Raises RuntimeError where the machine has none or it does not answer in a minute."""
    path = executable()
    if path is None:
        raise RuntimeError(f"no Firefox found (looked for {', '.join(NAMES)})")
    with TemporaryDirectory() as profile:
        lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines))
        port = free_port()
        child = subprocess.Popen([path, "--headless", "--no-remote", "--profile", profile, f"--remote-debugging-port={port}"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with _socket(port) as socket:
                yield Tab(socket)
        finally:
            child.terminate()
            child.wait(20)


def _socket(port: int) -> ClientConnection:
    for _ in range(300):
        try:
            return connect(f"ws://localhost:{port}/session", max_size=None)
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("Firefox does not answer")
