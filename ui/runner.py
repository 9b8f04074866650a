"""What the sessions of a server share: the pool of runs, their results, and the boards drawn from them.

`board_of` asks the pool for the run of a scene (`ui/jobs.py`) and draws what there is so far. Nothing is computed, drawn
or encoded twice, by one session or by many. Sessions are threads of one process.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from core.drawings import Asset
from core.lesson import Scene
from ui import asset_store, compat, turns
from ui.chart import Board, Encoded, encode
from ui.jobs import BytesCache, Job, Pool, SingleFlight, size_of

PICTURE_WAIT = 0.06  # seconds before a picture of a run that is not over, for each session that wants one; it follows the hand
LONGEST_WAIT = 5.0  # seconds of that patience, however many there are; a hall of 300 has come by then
UPDATE_WAIT = 0.25  # seconds that a session waits for the next picture at a time
RESULTS, BOARDS, UNFINISHED = 96 << 20, 64 << 20, 16 << 20  # bytes: some 140 results, 300 boards
FAILED = ("**This scene cannot be shown.** The fault has been noted. Move a control or choose a scene above, and the page "
          "goes on from there.")
LOG = logging.getLogger(__name__)

Draw = Callable[[Any, Any], Board]


def _boards(limit: int) -> SingleFlight[Encoded]:
    return SingleFlight(BytesCache(limit, size=lambda board: board.size + size_of(board.summary)))


@dataclass
class Shared:
    """What the sessions of this server have in common, for one state of the sources."""

    sources: str
    pool: Pool = field(default_factory=lambda: Pool(BytesCache(RESULTS)))
    boards: SingleFlight[Encoded] = field(default_factory=lambda: _boards(BOARDS))
    unfinished: SingleFlight[Encoded] = field(default_factory=lambda: _boards(UNFINISHED))


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


def shared_state() -> Shared:
    watching = st.get_option("server.fileWatcherType") != "none"
    return shared(fingerprint() if watching else _fingerprint_once())


def board_of(slug: str, module: Any, scene: Scene, draw: Draw, slot: str = "run", further: bool = False) -> tuple[Encoded, bool]:
    """The board of a scene, with its further pictures where they are asked for, and whether it is complete. Asked again, it waits
    for something newer.

    slot: where the session notes what it has seen of a run that is not over, so that two can be under way side by side.
    A run that fails ends in a board without pictures that says so; it is not kept, so that the scene can be tried again.
    """
    memory = shared_state()
    known = [memory.boards.kept.get((slug, scene, part)) for part in ((False, True) if further else (False,))]
    if all(known):
        st.session_state.pop(slot, None)
        return _joined(*known), True  # pyright: ignore[reportArgumentType]
    seen, version = st.session_state.get(slot, (None, 0))
    after = version if seen == (slug, scene.trained()) else 0
    try:
        result, version, done = _wait_for_newer(memory, slug, module, scene, after, slot)
    except Exception:
        st.session_state.pop(slot, None)
        return encode(Board(panels=[], summary=FAILED)), True
    if done:
        st.session_state.pop(slot, None)
    else:
        st.session_state[slot] = (slug, scene.trained()), version

    def board(part: bool) -> Encoded:
        make = partial(_encoded, slug, module, draw, result, scene, part)
        return memory.boards.get((slug, scene, part), make) if done else memory.unfinished.get((slug, scene, part, version), make)

    return _joined(board(False), board(True) if further else None), done


def _joined(board: Encoded, further: Encoded | None = None) -> Encoded:
    return replace(board, further=further) if further else board


def _session(slot: str) -> tuple[str, str]:
    """Who asks: a session, and for what."""
    return compat.session_id(), slot


def _wait_for_newer(memory: Shared, slug: str, module: Any, scene: Scene, after: int, slot: str) -> tuple[Any, int, bool]:
    start = time.monotonic()
    while True:
        job = _job(memory, slug, module, scene, _session(slot))
        # Pictures of runs that are not over are shared out among those who want them, who may have become more meanwhile. The
        # first one of a run waits for nobody else's run; each later one is drawn in place of another session's.
        wanted = memory.pool.watched() - 1 if after else len(job.askers)
        left = min(PICTURE_WAIT * wanted, LONGEST_WAIT) - (time.monotonic() - start)
        try:
            with turns.shared().left():
                found = job.wait(after, seconds=max(0.0, min(left, UPDATE_WAIT)), longest=UPDATE_WAIT)
            if found[2] or left <= 0:
                return found
        except TimeoutError:
            pass
        compat.yield_point()


def _job(memory: Shared, slug: str, module: Any, scene: Scene, who: tuple[str, str], rank: int = 0) -> Job:
    trained = scene.trained()
    return memory.pool.submit((slug, trained), steps_of(module, trained), who, rank)


def steps_of(module: Any, scene: Scene) -> Callable[[], Iterator[Any]]:
    """What begins the run of a scene, with the assets whose digests it holds. Raises LookupError where one is not here."""
    names = [name for name, control in scene.controls().items() if isinstance(control, Asset)]
    if not names:
        return partial(module.steps, scene)
    assets = {digest: asset_store.store().get(digest) for name in names if (digest := getattr(scene, name))}
    if None in assets.values():
        raise LookupError("an asset of this scene is not here any more")
    return partial(module.steps, scene, assets)


def _encoded(slug: str, module: Any, draw: Draw, result: Any, scene: Scene, further: bool) -> Encoded:
    """The board of a result, or its further pictures. What fails is logged and left out: one picture, the question, or all."""
    def failed(what: str) -> None:
        LOG.exception("%s: %s of %s failed", slug, what, scene)

    question = None
    try:
        question = module.predict(result, scene) if hasattr(module, "predict") and not further else None
    except Exception:
        failed("the question")
    try:
        return encode(draw(result, scene), question, failed, further=further)
    except Exception:
        failed("the board")
        return encode(Board(panels=[], summary=FAILED))


def wait_for_result(slug: str, module: Any, scene: Scene) -> Any:
    """The whole result of a scene, computed now if nobody has asked for it yet. Raises what the run raises."""
    memory = shared_state()
    version, done, result = 0, False, None
    while not done:
        result, version, done = _wait_for_newer(memory, slug, module, scene, version, "the whole result")
        compat.yield_point()
    return result


def result_if_finished(memory: Shared, slug: str, module: Any, scene: Scene) -> Any:
    """The whole result of a scene that no reader waits for, None while it is under way. Raises what the run raises."""
    try:
        result, _, done = _job(memory, slug, module, scene, _session("home"), rank=1).wait(longest=0)
    except TimeoutError:
        return None
    return result if done else None
