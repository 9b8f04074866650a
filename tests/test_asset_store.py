"""Bytes of readers in the server's memory: bounds, time, owners, threads, and what a page says of one that is gone."""

from __future__ import annotations

import random
import threading

import pytest

from core.drawings import Points
from tests.kinds import lesson
from tests.kinds.lesson import Config
from ui import asset_store, controls, runner
from ui.asset_store import AssetStore, TooLarge


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock) -> AssetStore:
    return AssetStore(each=100, session=250, total=600, seconds=60, clock=clock)


def test_bytes_come_back_under_their_digest(store):
    digest = store.put(b"abc", "one")
    assert store.get(digest) == b"abc"
    assert store.put(b"abc", "two") == digest
    assert (len(store), store.bytes) == (1, 3), "the same bytes are kept once"
    assert store.get("0" * 32) is None


def test_too_much_is_refused_in_words(store):
    with pytest.raises(TooLarge, match=r"^has 0\.0986 kB, and 0\.0977 kB is the most$"):
        store.put(bytes(101), "one")
    with pytest.raises(TooLarge, match="has 3 MB, and 2 MB is the most"):
        AssetStore().put(bytes(3 << 20), "one")
    assert len(store) == 0


def test_a_session_loses_its_own_oldest_only(store):
    other = store.put(b"other", "two")
    mine = [store.put(bytes([k]) * 100, "one") for k in range(3)]
    assert [store.get(d) is not None for d in mine] == [False, True, True]
    assert store.get(other) == b"other"


def test_what_two_sessions_brought_stays_for_the_other(store):
    shared = store.put(b"s" * 100, "one")
    store.put(b"s" * 100, "two")
    for k in range(3):
        store.put(bytes([k]) * 100, "one")
    assert store.get(shared) == b"s" * 100


def test_all_together_are_bounded_and_the_last_used_stays(store):
    digests = [store.put(bytes([k]) * 100, f"session {k}") for k in range(6)]
    assert store.get(digests[0]) is not None  # used just now
    store.put(b"x" * 100, "late")
    assert store.bytes <= 600
    assert store.get(digests[0]) is not None
    assert store.get(digests[1]) is None


def test_time_begins_anew_at_each_use(store, clock):
    kept, lost = store.put(b"kept", "one"), store.put(b"lost", "one")
    clock.now = 50
    store.get(kept)
    clock.now = 100
    assert (store.get(kept), store.get(lost), store.bytes) == (b"kept", None, 4)
    clock.now = 161
    assert store.get(kept) is None
    assert store.bytes == 0


def test_many_threads(store):
    def work(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(300):
            data = bytes([rng.randrange(20)]) * rng.randrange(1, 101)
            digest = store.put(data, f"session {rng.randrange(5)}")
            assert store.get(digest) in (data, None)

    failed: list[BaseException] = []

    def guarded(seed: int) -> None:
        try:
            work(seed)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert store.bytes == sum(len(item.data) for item in store._items.values()) <= 600
    assert all(store._of(f"session {k}") <= 250 for k in range(5))


@pytest.fixture
def here(monkeypatch) -> AssetStore:
    store = AssetStore()
    monkeypatch.setattr(asset_store, "store", lambda: store)
    return store


FORM = Points(label="Sketch", classes=1, most=5000)


def test_a_run_is_handed_its_assets(here):
    points = tuple((k, k, 0) for k in range(900))
    digest = here.put(FORM.pack(points), "one")
    (result,) = runner.steps_of(lesson, Config(sketch=digest))()
    assert result.sketch == points
    (result,) = runner.steps_of(lesson, Config())()
    assert result.sketch == ()
    with pytest.raises(LookupError):
        runner.steps_of(lesson, Config(sketch="0" * 32))


def test_scenes_with_other_assets_are_other_runs(here):
    one, two = here.put(b"abc", "one"), here.put(b"abd", "one")
    assert Config(sketch=one).trained() != Config(sketch=two).trained()


def test_an_asset_that_is_gone_is_said_once_and_replaced(here):
    there = here.put(b"abc", "one")
    assert controls.without_lost_assets(Config(sketch=there)) == (Config(sketch=there), [])
    scene, notes = controls.without_lost_assets(Config(sketch="0" * 32, cell=3))
    assert scene == Config(cell=3)
    assert len(notes) == 1 and notes[0].startswith("Sketch: what was drawn or uploaded is not in the link")


@pytest.mark.usefixtures("here")
def test_what_was_lost_is_told_until_the_scene_is_another(monkeypatch):
    """The scene is asked for more than once in a run of a page."""
    state = {"scene:test": Config(sketch="0" * 32), "notes:test": []}
    monkeypatch.setattr(controls.st, "session_state", state)
    for _ in range(3):
        assert controls.current_scene("test", Config) == Config()
        assert [note[:7] for note in state["notes:test"]] == ["Sketch:"]
