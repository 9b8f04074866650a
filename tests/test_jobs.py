"""The pool of runs under threads: one for all who ask, in turns, dropped, bounded, and a failure said to all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from core.lesson import Scene
from tests.pages import ROOT
from ui import jobs, runner
from ui.jobs import BytesCache, OverBudget, Pool, SingleFlight, size_of


@pytest.fixture(autouse=True)
def short_times(monkeypatch) -> None:
    monkeypatch.setattr(jobs, "SLICE", 0.002)
    monkeypatch.setattr(jobs, "DROP_AFTER", 0.3)


@pytest.fixture
def pool() -> Pool:
    return Pool(BytesCache(1 << 20))


def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.002)


class Film:
    """A run of n steps that says which were taken, and by which threads."""

    def __init__(self, n: int = 5, pause: float = 0.003, fails_at: int = -1):
        self.n, self.pause, self.fails_at = n, pause, fails_at
        self.begun, self.taken, self.ended = 0, [], threading.Event()
        self.threads: set[str] = set()

    def __call__(self) -> Iterator[int]:
        self.begun += 1
        try:
            for step in range(self.n):
                self.threads.add(threading.current_thread().name)
                time.sleep(self.pause)
                if step == self.fails_at:
                    raise ArithmeticError("a fault of the test's own")
                self.taken.append(step)
                yield step
        finally:
            self.ended.set()


def whole(pool: Pool, key: str, film: Film) -> int:
    version = 0
    while True:
        result, version, done = pool.submit(key, film, threading.get_ident()).wait(version, longest=5)
        if done:
            return result


def test_many_who_ask_are_handed_one_run(pool):
    film, got, barrier = Film(8), [], threading.Barrier(30)

    def reader() -> None:
        barrier.wait()
        got.append(whole(pool, "scene", film))

    readers = [threading.Thread(target=reader) for _ in range(30)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert film.begun == 1
    assert film.taken == list(range(8)), "each step once"
    assert got == [7] * 30
    assert film.threads == {"job"}, "a session's thread computes nothing"
    # Asked again later, the result is there.
    assert pool.submit("scene", film, "me").wait() == (7, 1, True)
    assert film.begun == 1
    assert pool.idle()


def test_news_come_in_order_and_newer_each_time(pool):
    film = Film(12)
    seen, version = [], 0
    while True:
        result, version, done = pool.submit("scene", film, "me").wait(version, longest=5)
        seen.append((version, result))
        if done:
            break
    versions = [v for v, _ in seen]
    assert versions == sorted(versions)
    results = [r for _, r in seen]
    assert results == sorted(results)
    assert results[-1] == 11
    assert len(seen) > 3, "it is shown while it happens"


def test_a_pause_is_no_news(pool):
    """A run that yields the same Result again gives way; nobody is handed it twice, and its end is told."""
    first, second, go_on, paused = object(), object(), threading.Event(), []

    def run() -> Iterator[object]:
        yield first
        while not go_on.is_set():
            time.sleep(0.003)
            paused.append(1)
            yield first
        yield second
        yield second

    job = pool.submit("scene", run, "me")
    _, version, _ = job.wait(longest=5)
    until(lambda: len(paused) > 5)
    assert whole(pool, "another", Film(3)) == 2, "the other run had its turns"
    assert pool.submit("scene", run, "me").wait(version, longest=0.02) == (first, 1, False)
    go_on.set()
    assert job.wait(version, longest=5)[1] == 2
    until(lambda: job.done)
    assert job.wait() == (second, 2, True)


def test_a_short_run_is_handed_over_whole(pool):
    result, _, done = pool.submit("scene", Film(3, pause=0.001), "me").wait(seconds=2)
    assert (result, done) == (2, True)


def test_nothing_yet_is_said(pool):
    with pytest.raises(TimeoutError):
        pool.submit("scene", Film(2, pause=0.2), "me").wait(longest=0.01)


def test_jobs_take_turns(pool):
    """The second of two long runs has its first result long before the first is over."""
    first, second = Film(60), Film(60)
    pool.submit("a", first, "me")
    pool.submit("b", second, "you")
    until(lambda: len(second.taken) >= 5)
    assert abs(len(first.taken) - len(second.taken)) < 10
    for _ in range(200):
        pool.submit("a", first, "me"), pool.submit("b", second, "you")
        if pool.idle():
            break
        time.sleep(0.01)
    assert first.taken == second.taken == list(range(60))


def test_turns_of_what_never_ends_hold_up_no_run_and_are_not_kept(pool):
    film, given = Film(40), []
    job = pool.submit("run", film, "reader")
    until(lambda: job.version)

    def turn() -> Iterator[int]:
        time.sleep(0.003)
        given.append(job.version)
        yield 1

    while not job.done:
        pool.submit("run", film, "reader")
        pool.submit(("turn", len(given)), turn, "player", turn=True).wait(longest=5)
    assert len(given) > 10 and len(set(given)) > 10, "the run goes on between the turns"
    until(pool.idle)
    assert pool.results.get(("turn", 0)) is None and len(pool.results) == 1


def test_what_no_reader_waits_for_waits_itself(pool):
    back, front = Film(40), Film(20)
    pool.submit("thumbnail", back, "home", rank=1)
    until(lambda: back.taken)
    assert whole(pool, "scene", front) == 19
    assert len(back.taken) < 30, "the reader's scene had the turns"
    # A reader who asks for it lifts it.
    assert pool.submit("thumbnail", back, "me").rank == 0


def test_what_has_nothing_to_show_goes_first(monkeypatch):
    """A run that begins while others are under way has its first turn before any of them has another."""
    monkeypatch.setattr(jobs, "DROP_AFTER", 60)
    pool = Pool(BytesCache(1 << 20), workers=0)  # the turns are taken here

    def turn() -> Any:
        job = pool._next()
        assert job is not None
        job.advance(jobs.SLICE)
        pool._waiting.append(job)
        return job.key

    for key in "abc":
        pool.submit(key, Film(9), key)
    assert [turn() for _ in "abc"] == ["a", "b", "c"]
    pool.submit("late", Film(9), "me")
    assert [turn() for _ in range(5)] == ["late", "a", "b", "c", "late"]


@pytest.mark.parametrize("longest", [0.0, 60.0])
def test_live_pictures_are_shared_out(pool, monkeypatch, longest):
    """One session is shown a run while it happens; where another wants pictures too, each is shown fewer, within bounds."""
    film, key = Film(80), ("lesson", Scene())
    monkeypatch.setattr(jobs, "DROP_AFTER", 60)
    monkeypatch.setattr(runner.compat, "yield_point", lambda: None)

    def newest(after: int) -> tuple[Any, int, bool]:
        memory: Any = SimpleNamespace(pool=pool)
        return runner._wait_for_newer(memory, "lesson", SimpleNamespace(steps=lambda _: film()), Scene(), after, "run")

    monkeypatch.setattr(runner, "PICTURE_WAIT", 0.0)
    _, version, done = newest(0)
    assert (version > 0, done) == (True, False)
    # Another's patience and its own would together last to the end of the run.
    monkeypatch.setattr(runner, "PICTURE_WAIT", 60.0)
    monkeypatch.setattr(runner, "LONGEST_WAIT", longest)
    assert newest(version)[2] is False, "alone it waits for nobody"
    pool.submit(key, film, "another")
    result, _, done = newest(version)
    assert done is (longest > 0)
    assert (result == 79) is done
    assert film.begun == 1


def test_the_first_of_many_who_come_together_waits_for_the_whole_as_they_do(pool, monkeypatch):
    real, film, memory = jobs.Job.wait, Film(80), SimpleNamespace(pool=pool)

    def wait(job: jobs.Job, *args: Any, **about: Any) -> tuple[Any, int, bool]:
        job.askers |= set(range(100))  # they come while it waits
        return real(job, *args, **about)

    monkeypatch.setattr(jobs.Job, "wait", wait)
    monkeypatch.setattr(jobs, "DROP_AFTER", 60)
    monkeypatch.setattr(runner, "PICTURE_WAIT", 0.04)
    monkeypatch.setattr(runner, "LONGEST_WAIT", 60.0)
    monkeypatch.setattr(runner.compat, "yield_point", lambda: None)
    steps: Any = SimpleNamespace(steps=lambda _: film())
    assert runner._wait_for_newer(memory, "lesson", steps, Scene(), 0, "run")[::2] == (79, True)  # pyright: ignore


def test_a_run_that_nobody_asks_for_is_dropped_and_freed(pool):
    film = Film(10_000)
    pool.submit("scene", film, "me").wait(longest=5)
    assert film.ended.wait(5), "its generator was not closed"
    taken = len(film.taken)
    time.sleep(0.05)
    assert len(film.taken) == taken
    assert pool.idle()
    # Who asks then begins anew.
    pool.submit("scene", film, "me").wait(longest=5)
    assert film.begun == 2


def test_a_run_that_all_have_left_is_dropped_at_once(pool, monkeypatch):
    """A hand that moves on leaves nothing behind that takes turns; where another still looks on, it goes on."""
    monkeypatch.setattr(jobs, "DROP_AFTER", 60)
    alone, shared = Film(10_000), Film(10_000)
    pool.submit("alone", alone, "me").wait(longest=5)
    pool.submit("shared", shared, "me").wait(longest=5)
    assert alone.ended.wait(5)
    pool.submit("shared", shared, "you")
    pool.submit("another", Film(5), "me").wait(longest=5)
    taken = len(shared.taken)
    until(lambda: len(shared.taken) > taken + 3)
    pool.submit("another", Film(5), "you").wait(longest=5)
    assert shared.ended.wait(5)
    until(lambda: not pool._asked)


def test_a_run_that_is_asked_for_goes_on(pool):
    film = Film(400)
    version, end = 0, time.monotonic() + 3 * jobs.DROP_AFTER
    while time.monotonic() < end:
        _, version, done = pool.submit("scene", film, "me").wait(version, longest=1)
        if done:
            break
    assert film.begun == 1


def test_a_failure_is_said_to_all_and_once_in_the_log(pool, caplog):
    film, said = Film(9, fails_at=4), []

    def reader() -> None:
        try:
            whole(pool, "scene", film)
        except ArithmeticError as error:
            said.append(str(error))

    readers = [threading.Thread(target=reader) for _ in range(6)]
    for one in readers:
        one.start()
    for one in readers:
        one.join()
    assert said == ["a fault of the test's own"] * 6
    assert film.begun == 1
    assert caplog.text.count("the run failed") == 1
    # It is not kept for ever.
    until(lambda: pool.idle() and not pool._jobs)
    film.fails_at = -1
    assert whole(pool, "scene", film) == 8


def test_a_run_over_its_budget_is_ended(pool, monkeypatch):
    monkeypatch.setattr(jobs, "BUDGET", 0.05)

    def endless() -> Iterator[int]:
        n = 0
        while True:
            n += sum(range(1000))
            yield n

    with pytest.raises(OverBudget):
        whole(pool, "scene", endless)  # pyright: ignore


def test_an_empty_run_is_a_failure(pool):
    with pytest.raises(ValueError, match="no result"):
        pool.submit("scene", Film(0), "me").wait(longest=5)


def test_threads_end_when_there_is_nothing_to_do(pool):
    before = threading.active_count()
    whole(pool, "scene", Film(2))
    until(lambda: threading.active_count() <= before)
    assert pool._threads == 0
    assert whole(pool, "another", Film(2)) == 1


def test_kept_is_bounded_in_bytes_and_forgets_the_oldest():
    kept: BytesCache[bytes] = BytesCache(100, size=len)
    for key in "abc":
        kept.put(key, bytes(40))
    assert kept.bytes == 80
    assert kept.get("a") is None
    assert kept.get("b") is not None
    kept.put("d", bytes(40))  # b has been used since, so c goes
    assert kept.get("c") is None
    kept.put("b", bytes(10))
    assert kept.bytes == 50
    kept.put("e", bytes(101))
    assert kept.get("e") is None, "larger than all that may be kept"
    assert kept.bytes == 50
    assert len(kept) == 2


def test_size_of_counts_a_storage_once():
    x = torch.zeros(1000)
    assert size_of([x, x[:10], x.view(10, 100)]) == 4000
    assert size_of({"a": b"12345", "b": ("678", None)}) == 8 + 64


def test_once_makes_each_thing_once_under_threads():
    once: SingleFlight[str] = SingleFlight(BytesCache(1000, size=len))
    made: Counter[str] = Counter()

    def make(key: str) -> str:
        made[key] += 1
        time.sleep(0.01)
        return key * 3

    got: list[str] = []
    threads = [threading.Thread(target=lambda k=k: got.append(once.get(k, lambda: make(k)))) for k in "aabbaabbab" * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == {"a": 1, "b": 1}
    assert sorted(got) == ["aaa"] * 15 + ["bbb"] * 15


def test_once_lets_a_failure_through_and_tries_again():
    once: SingleFlight[str] = SingleFlight(BytesCache(1000, size=len))
    with pytest.raises(ZeroDivisionError):
        once.get("a", lambda: str(1 / 0))
    assert once.get("a", lambda: "fine") == "fine"


def test_a_process_that_ends_in_the_middle_of_a_run_is_not_aborted():
    """Torch in a thread that Python takes away at its end would abort the process; sessions' threads are such."""
    code = ("import threading, torch\nfrom ui.jobs import BytesCache, Pool\n"
            "def steps():\n    while True:\n        yield torch.randn(200, 200) @ torch.randn(200, 200)\n"
            "pool = Pool(BytesCache(1 << 20))\n"
            "session = threading.Thread(target=lambda: pool.submit('scene', steps, 'me').wait(longest=5), daemon=True)\n"
            "session.start()\nsession.join()\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
