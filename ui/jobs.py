"""Runs of lessons as jobs of the server: one for all who ask for it, computed by few threads that take turns.

A session never trains. It asks the pool for a job and is handed the newest Result; whoever asks for the same scene is
handed the same job. Jobs take turns in slices of time; one that all have left, or that nobody has asked for of late, is
dropped; one that fails, or costs more than its budget, says so once to all. No screen is known here.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Generic, TypeVar

import torch

SLICE = 0.05  # seconds that a job may keep a worker, or the length of its longest step
DROP_AFTER = 2.0  # seconds after which a job that nobody asks for is dropped
BUDGET = 30.0  # seconds of processor time that a job may cost
LOG = logging.getLogger(__name__)

T = TypeVar("T")
Steps = Callable[[], Iterator[Any]]


class OverBudget(RuntimeError):
    """A run that has cost more processor time than any scene should."""


class Job:
    """One run. `version` counts the results that have been published; 0 is none yet."""

    def __init__(self, key: Hashable, steps: Steps, rank: int = 0, turn: bool = False):
        self.key, self.rank, self.turn = key, rank, turn
        self.latest: Any = None
        self.version = 0
        self.done = False
        self.error: Exception | None = None
        self.asked = time.monotonic()
        self.askers: set[Hashable] = set()
        self.spent = 0.0
        self._steps = steps
        self._results: Iterator[Any] | None = None
        self._news = threading.Condition()

    def wait(self, after: int = 0, seconds: float = 0.0, longest: float = 30.0) -> tuple[Any, int, bool]:
        """The newest result, its version, and whether it is the whole; waits for one newer than `after`, `longest` at most.

        Where the run is not over it waits for `seconds` in any case, so that a short run is handed over whole. Raises
        what the run raised, and TimeoutError where there is no result yet.
        """
        start = time.monotonic()
        with self._news:
            if seconds:
                self._news.wait_for(lambda: self.done, seconds)
            self._news.wait_for(lambda: self.done or self.version > after, max(0.0, longest - (time.monotonic() - start)))
            if self.error is not None:
                raise self.error
            if self.latest is None:
                raise TimeoutError("the run has produced nothing yet")
            return self.latest, self.version, self.done

    def advance(self, seconds: float) -> None:
        """Computes for about `seconds` and publishes the newest result. For the pool's workers.

        A run that yields the same Result again pauses, so that others have their turn: nothing new is published.
        """
        until, began, latest, over = time.perf_counter() + seconds, time.thread_time(), None, False
        error: Exception | None = None
        try:
            if self._results is None:
                self._results = iter(self._steps())
            while True:  # one step at least, however late this thread's turn comes
                result = next(self._results, None)
                if result is None:
                    over = True
                    break
                latest = result
                if time.perf_counter() >= until:
                    break
            self.spent += time.thread_time() - began
            if not over and self.spent > BUDGET:
                raise OverBudget(f"a run has cost {self.spent:.0f} seconds and is not at its end")
            if over and latest is None and self.latest is None:
                raise ValueError("the run produced no result")
        except Exception as caught:
            error = caught
            LOG.exception("%s: the run failed", self.key)
        with self._news:
            if latest is not None and latest is not self.latest:
                self.latest, self.version = latest, self.version + 1
            self.error, self.done = error, over or error is not None
            self._news.notify_all()

    def close(self) -> None:
        """Lets go of the run, so that what its generator holds is freed."""
        self._results = None
        LOG.info("%s: %s after %.3f s of processor time", self.key, "over" if self.done else "dropped", self.spent)


class Pool:
    """Jobs that wait for their turn, and the threads that compute them.

    `rank` 0 are readers' scenes; higher ranks are computed when no lower one waits. Among equals those that have nothing to
    show yet come first, so that a first picture waits for no later one. Whole results are kept in `results`.
    """

    def __init__(self, results: BytesCache, workers: int = 1):
        self.results = results
        self._jobs: dict[Hashable, Job] = {}
        self._asked: dict[Hashable, Job] = {}
        self._waiting: deque[Job] = deque()
        self._change = threading.Condition()
        self._workers = workers
        self._threads = 0

    def submit(self, key: Hashable, steps: Steps, who: Hashable, rank: int = 0, turn: bool = False) -> Job:
        """The job of that key, which goes on as long as somebody asks for it; a new one where there is none.

        who: names the asker, who thereby leaves the job that it asked for before.
        turn: the job is one turn of what never ends. It waits as a run does that has a picture to show already, and what comes of
            it is not kept.
        """
        with self._change:
            job = self._jobs.get(key)
            if job is None or job is not self._asked.get(who):
                self._leave(who)
            if job is None:
                job = Job(key, steps, rank, turn)
                if (known := self.results.get(key)) is not None:
                    job.latest, job.version, job.done = known, 1, True
                    return job
                self._jobs[key] = job
                self._waiting.append(job)
                self._start_worker()
            job.asked = time.monotonic()
            job.askers.add(who)
            self._asked[who] = job
            job.rank = min(job.rank, rank)
            self._change.notify()
            return job

    def _leave(self, who: Hashable) -> None:
        if (before := self._asked.pop(who, None)) is not None:
            before.askers.discard(who)
            if not before.askers:
                before.asked = -math.inf

    def watched(self) -> int:
        """How many askers are waiting for more of a run."""
        return len(self._asked)

    def idle(self) -> bool:
        """Whether nothing is under way."""
        with self._change:
            return all(job.done for job in self._jobs.values())

    def _start_worker(self) -> None:
        # A thread ends when there is nothing to do, so that none is left where a pool is forgotten. No daemon: a process that
        # ends while torch computes in one is aborted.
        if self._threads < self._workers:
            self._threads += 1
            threading.Thread(target=self._work, name="job", daemon=False).start()

    def _work(self) -> None:
        torch.set_num_threads(1)  # each thread has its own number
        while (job := self._next()) is not None:
            job.advance(SLICE)
            with self._change:
                if not job.done:
                    self._waiting.append(job)
                    continue
                job.close()
                if job.error is None:
                    if not job.turn:
                        self.results.put(job.key, job.latest)
                    self._drop(job)

    def _next(self) -> Job | None:
        with self._change:
            while True:
                self._forget()
                if not self._waiting:
                    if self._jobs and self._change.wait(DROP_AFTER):
                        continue
                    self._forget()
                    if not self._waiting and not self._jobs:
                        self._threads -= 1
                        return None
                    continue
                first = min(self._waiting, key=lambda job: (job.rank, job.turn or job.version > 0))
                self._waiting.remove(first)
                return first

    def _forget(self) -> None:
        """Drops what nobody asks for any more; a failure is kept as long, so that it is not computed at every look."""
        now = time.monotonic()
        for job in [j for j in self._jobs.values() if now - j.asked > DROP_AFTER and (j.done or j in self._waiting)]:
            if job in self._waiting:
                self._waiting.remove(job)
                job.close()
            self._drop(job)

    def _drop(self, job: Job) -> None:
        del self._jobs[job.key]
        for who in job.askers:
            self._asked.pop(who, None)


def size_of(value: Any) -> int:
    """Bytes of the tensors and texts inside a Result, each storage once; a rough number for what else there is."""
    seen: set[int] = set()

    def size(item: Any) -> int:
        if isinstance(item, torch.Tensor):
            storage = item.untyped_storage()
            if storage.data_ptr() in seen:
                return 0
            seen.add(storage.data_ptr())
            return storage.nbytes()
        if isinstance(item, (bytes, str)):
            return len(item)
        if dataclasses.is_dataclass(item) and not isinstance(item, type):
            return sum(size(getattr(item, f.name)) for f in dataclasses.fields(item))
        if isinstance(item, dict):
            return sum(size(v) for v in item.values())
        if isinstance(item, (list, tuple)):
            return sum(size(v) for v in item)
        return 64

    return size(value)


class BytesCache(Generic[T]):
    """The most recently used items, as many as fit into `limit` bytes; safe to use from several threads.

    size: the bytes of an item. One that alone is larger than the limit is not kept.
    """

    def __init__(self, limit: int, size: Callable[[T], int] = size_of):
        self._items: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._guard = threading.Lock()
        self._limit, self._size = limit, size
        self.bytes = 0

    def get(self, key: Hashable) -> T | None:
        with self._guard:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Hashable, item: T) -> None:
        size = self._size(item)
        with self._guard:
            if key in self._items:
                self.bytes -= self._items.pop(key)[1]
            if size > self._limit:
                return
            self._items[key] = item, size
            self.bytes += size
            while self.bytes > self._limit:
                self.bytes -= self._items.popitem(last=False)[1][1]

    def __len__(self) -> int:
        return len(self._items)


class SingleFlight(Generic[T]):
    """Makes each thing once: who asks for what is being made waits for it, and what is made is kept."""

    def __init__(self, kept: BytesCache[T]):
        self.kept = kept
        self._making: dict[Hashable, threading.Event] = {}
        self._guard = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Raises what `make` raises, to each who asks; nothing is kept then."""
        if (item := self.kept.get(key)) is not None:
            return item
        with self._guard:
            event = self._making.get(key)
            mine = event is None
            if mine:
                if (item := self.kept.get(key)) is not None:
                    return item
                event = self._making[key] = threading.Event()
        if not mine:
            event.wait()
            if (item := self.kept.get(key)) is not None:
                return item
            return make()  # it failed, or is too large to be kept
        try:
            item = make()
            self.kept.put(key, item)
            return item
        finally:
            with self._guard:
                del self._making[key]
            event.set()
