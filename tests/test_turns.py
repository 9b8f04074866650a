"""Whole pages take turns: so many at a time, pictures before the rest, and nobody waits for one who only waits."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from ui.turns import Turns

PATIENCE = 20  # seconds, after which something is wrong


def started(*works: Callable[[], None]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads


def ended(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


def in_time(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def test_so_many_at_a_time_and_each_has_its_turn():
    turns, lock, now, most, done = Turns(3), threading.Lock(), [0], [0], []

    def stretch() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        with lock:
            now[0] -= 1

    def work(n: int) -> None:
        for _ in range(20):
            with turns.taken():
                stretch()
                turns.let_pictures_pass(lambda: None)
                stretch()
        done.append(n)

    ended(started(*(lambda n=n: work(n) for n in range(12))))
    assert sorted(done) == list(range(12))
    assert most[0] <= 3
    assert turns._free == 3
    assert not turns._waiting


def test_the_rest_of_a_page_waits_for_pictures_that_are_to_come():
    turns, order = Turns(1), []
    waiting = threading.Event()

    def first() -> None:
        with turns.taken():
            order.append("picture 1")
            waiting.wait(PATIENCE)  # the others stand in the queue by now
            turns.let_pictures_pass(lambda: None)
            order.append("rest 1")

    def other(n: int) -> None:
        with turns.taken():
            order.append(f"picture {n}")

    threads = started(first)
    while not order:
        pass
    for n in (2, 3):
        threads += started(lambda n=n: other(n))
        while len(turns._waiting) < n - 1:
            pass
    waiting.set()
    ended(threads)
    assert order == ["picture 1", "picture 2", "picture 3", "rest 1"]


def test_the_rest_of_a_page_waits_until_its_picture_is_sent_and_others_do_not():
    turns, order, waiting, sent = Turns(1), [], threading.Event(), threading.Event()

    def until_sent() -> None:
        waiting.set()
        in_time(sent)

    def first() -> None:
        with turns.taken():
            turns.let_pictures_pass(until_sent)
            order.append("rest 1")

    def other() -> None:
        with turns.taken():
            turns.let_pictures_pass(lambda: None)
            order.append("rest 2")
        sent.set()

    threads = started(first)
    in_time(waiting)
    ended(threads + started(other))
    assert order == ["rest 2", "rest 1"]


def test_others_run_while_one_waits_for_something_else():
    turns, order, over = Turns(1), [], threading.Event()

    def waits() -> None:
        with turns.taken():
            order.append("asks")
            with turns.left():
                over.wait(PATIENCE)
            order.append("goes on")

    def works() -> None:
        with turns.taken():
            order.append("works")
        over.set()

    threads = started(waits)
    while not order:
        pass
    ended(threads + started(works))
    assert order == ["asks", "works", "goes on"]


def test_a_run_that_ends_with_an_error_gives_its_turn_back():
    turns = Turns(1)
    with pytest.raises(ValueError, match="broken"), turns.taken():
        raise ValueError("broken")
    with pytest.raises(ValueError, match="late"), turns.taken(), turns.left():
        raise ValueError("late")

    def fails() -> None:
        raise ValueError("not sent")

    with pytest.raises(ValueError, match="not sent"), turns.taken():
        turns.let_pictures_pass(fails)
    with turns.taken():
        assert turns._free == 0
    assert turns._free == 1


def test_who_has_no_turn_is_held_by_nothing():
    def never() -> None:
        raise AssertionError("who has no turn does not wait")

    turns = Turns(1)
    with turns.taken():  # by this thread; another one, a fragment's run, passes freely
        threads = started(lambda: turns.let_pictures_pass(never))
        ended(threads)

    def waits() -> None:
        with turns.left():
            pass

    with turns.taken():
        ended(started(waits))
    assert turns._free == 1
