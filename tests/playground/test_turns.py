"""Who plays has his turn: in the order of those who wait, once for each press, and none where it pauses."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from core.playground.setup import Setup
from core.simulation import Simulation
from ui import compat, play_state, runner
from ui.jobs import BytesCache, Pool
from ui.turns import Turns


class Hall:
    """Sessions that play, by name; `trained` are those that have had a turn, in that order."""

    def __init__(self, monkeypatch, pool: Pool):
        self.pool, self.trained, self._mine = pool, [], threading.local()
        shared = Turns(2)
        self.plays: dict[str, play_state.Play] = {}
        monkeypatch.setattr(play_state, "current", lambda: self.plays[self._mine.name])
        monkeypatch.setattr(compat, "session_id", lambda: self._mine.name)
        monkeypatch.setattr(compat, "yield_point", lambda: None)
        monkeypatch.setattr(runner, "shared_state", lambda: SimpleNamespace(pool=pool))
        monkeypatch.setattr(play_state.turns, "shared", lambda: shared)

    def turn(self, name: str, pressed: bool = False) -> None:
        self._mine.name = name
        if name not in self.plays:
            self.plays[name] = play_state.Play(Simulation(Setup(samples=60)))
            self.plays[name].run.advance = lambda *_: self.trained.append(name)  # pyright: ignore
        play_state.turn("step", pressed)


@pytest.fixture
def hall(monkeypatch):
    return Hall(monkeypatch, Pool(BytesCache(10**6)))


@pytest.fixture
def busy(hall):
    """Keeps the only worker of the pool until it is set."""
    free, begun = threading.Event(), threading.Event()

    def steps():
        begun.set()
        free.wait(60)
        yield True

    hall.pool.submit("another's run", steps, "another")
    assert begun.wait(60)
    yield free
    free.set()


def wait_in_vain(monkeypatch, hall, *names: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(play_state, "LONGEST_WAIT", 0.05)
        patch.setattr(play_state, "UPDATE_WAIT", 0.01)
        for name in names:
            hall.turn(name)
    assert hall.trained == []


def test_whoever_has_waited_in_vain_keeps_his_place(monkeypatch, hall, busy):
    monkeypatch.setattr("ui.jobs.DROP_AFTER", 60)  # however slow the machine
    wait_in_vain(monkeypatch, hall, "first", "second", "third")
    monkeypatch.setattr(play_state, "UPDATE_WAIT", 60)
    asked, submit = threading.Semaphore(0), hall.pool.submit
    monkeypatch.setattr(hall.pool, "submit", lambda *all, **about: (submit(*all, **about), asked.release())[0])
    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(hall.turn, name) for name in ("third", "first", "second")]
        for _ in waiting:  # all have asked again before any has its turn
            assert asked.acquire(timeout=60)
        busy.set()
        for one in waiting:
            one.result(60)
    assert hall.trained == ["first", "second", "third"]
    assert all(play.waiting is None for play in hall.plays.values())


def test_a_turn_that_comes_when_the_run_pauses_trains_nothing(monkeypatch, hall, busy):
    monkeypatch.setattr("ui.jobs.DROP_AFTER", 60)
    wait_in_vain(monkeypatch, hall, "one")
    hall.plays["one"].playing = False
    busy.set()
    hall.turn("another one")  # which waits behind it
    assert hall.trained == ["another one"]


def test_each_press_trains_once_however_long_it_waits(monkeypatch, hall, busy):
    monkeypatch.setattr(play_state, "UPDATE_WAIT", 0.01)
    wait_in_vain(monkeypatch, hall, "one")
    hall.plays["one"].playing = False
    with ThreadPoolExecutor(1) as threads:
        pressed = threads.submit(hall.turn, "one", True)
        busy.set()
        pressed.result(60)
    hall.turn("one", True)
    hall.turn("other")
    assert hall.trained == ["one", "one", "other"]
