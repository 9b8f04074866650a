"""A lecture hall at the websocket: many sessions at once, on this machine only, bounded in number and in time.

follow     all open one link to a scene that nobody has computed, at one moment, as a hall that scans one code does. The time
           to the finished picture is set beside that of one reader alone with another such scene, before and after.
explore    each opens scenes over all lessons, and thinks about each picture before the next
leave      a reader goes in the middle of a run: what the server still spends on it
remember   scenes in great number: how the server's memory grows

Run: python -m benchmarks.hall [follow|explore|leave|remember] [--slug …] [--readers …] [--seconds …] [--scenes …]
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.readers import loopback, reader, visit
from benchmarks.server import Server, serving
from core.catalogue import LESSONS
from core.controls import InvalidValue
from core.lesson import Scene
from tests.scenes import drawn

MOST, LONGEST = 300, 300.0  # sessions, and seconds that any of the measurements may take
THINK = 3.0  # seconds of thought about a picture, on average
HEAVY = ("early_stopping", "loss_landscapes", "initialisation")
Samples = dict[str, list[float]]


async def follow(address: str, slug: str, scene: Scene, readers: int) -> list[float]:
    """What `visit` says of each of many readers who come at one moment, and stay."""
    together = asyncio.Barrier(readers)
    return await asyncio.gather(*(visit(address, slug, scene, together) for _ in range(readers)))


def other(rng: random.Random, config: type[Scene]) -> Scene:
    """The opening scene with another seed and two fields drawn by chance."""
    controls = config.controls()
    while True:
        names = rng.sample([name for name in controls if name != "seed"], k=min(2, len(controls) - 1))
        values = {name: drawn(controls[name], rng) for name in names}
        try:
            return config(seed=rng.randrange(1, 1000), **{n: v for n, v in values.items() if v is not None})
        except InvalidValue:
            continue


async def _explorer(address: str, rng: random.Random, until: float) -> list[float]:
    """Seconds waited for each first picture; one that has not come at the end counts with what was waited."""
    waits: list[float] = []
    await asyncio.sleep(rng.uniform(0, THINK))
    async with reader(address) as one:
        while time.perf_counter() < until:
            entry = rng.choice(LESSONS)
            one.open(entry.slug, urlencode(other(rng, entry.module().Config).query()))
            try:
                waits.append(await asyncio.wait_for(one.first, until + 10 - time.perf_counter()) - one.asked)
            except TimeoutError:
                waits.append(time.perf_counter() - one.asked)
            await asyncio.sleep(rng.uniform(0.5, 1.5) * THINK)
    return waits


async def explore(address: str, readers: int, seconds: float, seed: int = 0) -> list[list[float]]:
    """The waits of each of many readers who open scenes over all lessons."""
    until = time.perf_counter() + seconds
    return await asyncio.gather(*(_explorer(address, random.Random(f"{seed} {n}"), until) for n in range(readers)))


@contextmanager
def health(address: str) -> Iterator[list[float]]:
    """Milliseconds of every answer of the health endpoint while it lasts, asked for ten times a second."""
    taken: list[float] = []
    over = threading.Event()
    parts = urlsplit(address)

    def ask() -> None:
        while not over.wait(0.1):
            start = time.perf_counter()
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            connection.request("GET", "/_stcore/health")
            connection.getresponse().read()
            connection.close()
            taken.append(1000 * (time.perf_counter() - start))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield taken
    finally:
        over.set()
        asking.join()


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


class Hall:
    """A server, its log of jobs, and what the measurements say of them. `say` is given a line about each."""

    def __init__(self, server: Server, log: Path, say: Callable[[str], None]):
        self.server, self.address, self._log, self._say = server, loopback(server.address), log, say
        self._seeds = iter(random.Random(time.time_ns()).sample(range(1, 1000), 999))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        async def bounded() -> Any:
            return await asyncio.wait_for(work, LONGEST)
        return asyncio.run(bounded())

    def jobs(self) -> list[str]:
        """A line for each job that has left the pool."""
        return re.findall(r"INFO:ui\.jobs:(.*)", self._log.read_text())

    def _new(self, slug: str) -> Scene:
        module = next(entry for entry in LESSONS if entry.slug == slug).module()
        return module.Config(seed=next(self._seeds))

    def warm(self) -> None:
        """Opens every lesson once, so that nothing is imported later."""
        for entry in LESSONS:
            self._run(visit(self.address, entry.slug, self._new(entry.slug)))

    def _alone(self, slug: str) -> float:
        self._settle()
        return self._run(visit(self.address, slug, self._new(slug)))

    def _settle(self, longest: float = 20.0) -> None:
        """Waits until the server does next to nothing, so that one measurement does not pay for what another has left."""
        until = time.monotonic() + longest
        while time.monotonic() < until:
            spent = self.server.cpu_seconds()
            time.sleep(0.5)
            if self.server.cpu_seconds() - spent < 0.05:
                return

    def follow(self, slug: str, readers: int, repeats: int = 2) -> tuple[list[float], list[float]]:
        """Ratios of the followers' p95 to one reader alone, and the answers of the health endpoint meanwhile."""
        ratios, answers = [], []
        for _ in range(repeats):
            before = self._alone(slug)
            self._settle()
            scene, known, spent, own = self._new(slug), len(self.jobs()), self.server.cpu_seconds(), time.process_time()
            with health(self.address) as taken:
                times = self._run(follow(self.address, slug, scene, readers))
            spent, own = self.server.cpu_seconds() - spent, time.process_time() - own
            after = self._alone(slug)
            trained = [line for line in self.jobs()[known:] if f"seed={scene.seed}," in line or f"seed={scene.seed})" in line]
            if len(trained) != 1:
                raise RuntimeError(f"{slug} was trained {len(trained)} times for {readers} readers: {trained}")
            alone = (before + after) / 2
            ratios.append(p95(times) / alone)
            answers += taken
            self._say(f"  {slug}: {readers} followers {statistics.median(times):.2f} s, p95 {p95(times):.2f}; alone "
                      f"{before:.2f}, {after:.2f}; ratio {ratios[-1]:.2f}; trained once; health p95 {p95(taken):.0f} ms; "
                      f"server {spent:.1f} CPU-s, the hall itself {own:.1f}")
        return ratios, answers

    def explore(self, readers: int, seconds: float) -> tuple[list[list[float]], list[float]]:
        """The waits of each explorer for its first pictures, and the answers of the health endpoint meanwhile."""
        spent, own, known = self.server.cpu_seconds(), time.process_time(), len(self.jobs())
        with health(self.address) as taken:
            waits = self._run(explore(self.address, readers, seconds, seed=next(self._seeds)))
        spent, own = self.server.cpu_seconds() - spent, time.process_time() - own
        every = [wait for one in waits for wait in one]
        ended = self.jobs()[known:]
        dropped = sum(" dropped " in line for line in ended)
        self._say(f"  {readers} explorers, {len(every)} scenes: first picture {statistics.median(every):.2f} s, p95 "
                  f"{p95(every):.2f}, worst {max(every):.2f}; worst mean over the median {unfairness(waits):.2f}; health p95 "
                  f"{p95(taken):.0f} ms; {len(ended)} jobs, {dropped} left early; server {spent:.1f} CPU-s, the hall itself "
                  f"{own:.1f}")
        return waits, taken

    def leave(self, slug: str = "early_stopping") -> float:
        """Processor time in the two seconds that begin two seconds after a reader left in the middle of a run."""
        async def goes() -> None:
            async with reader(self.address) as one:
                one.open(slug, urlencode(self._new(slug).query()))
                await one.first
                await asyncio.sleep(0.3)
        self._run(goes())
        time.sleep(2)
        spent = self.server.cpu_seconds()
        time.sleep(2)
        spent = self.server.cpu_seconds() - spent
        self._say(f"  a reader left in the middle of {slug}: {spent:.2f} CPU-s from 2 to 4 s after; {self.jobs()[-1]}")
        return spent

    def remember(self, scenes: int, readers: int = 8) -> list[float]:
        """Megabytes of the server after each tenth of the scenes, which readers open one after the other."""
        grown: list[float] = []

        async def all_of_them() -> None:
            left, rng = iter(range(scenes)), random.Random(scenes)
            async with asyncio.TaskGroup() as group:
                for _ in range(readers):
                    group.create_task(one_of_them(left, rng))

        async def one_of_them(left: Iterator[int], rng: random.Random) -> None:
            async with reader(self.address) as one:
                for n in left:
                    entry = rng.choice(LESSONS)
                    one.open(entry.slug, urlencode(other(rng, entry.module().Config).query()))
                    await asyncio.wait_for(one.whole, LONGEST)
                    if (n + 1) % max(1, scenes // 10) == 0:
                        grown.append(self.server.memory_mb())
                        self._say(f"  after {n + 1} scenes {grown[-1]:.0f} MB")

        asyncio.run(all_of_them())
        return grown


def unfairness(waits: list[list[float]]) -> float:
    """The worst session's mean wait over the median session's."""
    means = [statistics.mean(one) for one in waits if one]
    return max(means) / statistics.median(means)


@contextmanager
def hall(say: Callable[[str], None] = print) -> Iterator[Hall]:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with serving(log=log) as server:
            one = Hall(server, log, say)
            one.warm()
            yield one


def measure(say: Callable[[str], None] = print) -> Samples:
    """The keys `hall.…` of the benchmarks."""
    out: Samples = {}
    with hall(say) as one:
        for slug in HEAVY:
            out[f"hall.follow30.{slug}"], _ = one.follow(slug, 30)
        out["hall.follow100.optimisers"], answers = one.follow("optimisers", 100, repeats=7)
        out["hall.follow100.health_p95_ms"] = [p95(answers)]
        out["hall.follow300.optimisers"], _ = one.follow("optimisers", 300, repeats=5)
        waits, answers = one.explore(20, 60)
        out["hall.explore20.first_p95_ms"] = [1000 * p95([wait for each in waits for wait in each])]
        out["hall.explore20.unfairness"] = [unfairness(waits)]
        out["hall.health_p95_ms"] = [p95(answers)]
        out["hall.left_cpu_s"] = [one.leave()]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "follow", "explore", "leave", "remember"), default="all")
    parser.add_argument("--slug", default="early_stopping", choices=[entry.slug for entry in LESSONS])
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    if not (0 < given.readers <= MOST and 0 < given.seconds <= LONGEST):
        parser.error(f"at most {MOST} readers and {LONGEST:.0f} seconds")
    if given.what == "all":
        measure()
        return
    with hall() as one:
        match given.what:
            case "follow":
                one.follow(given.slug, given.readers, given.repeats)
            case "explore":
                one.explore(given.readers, given.seconds)
            case "leave":
                one.leave(given.slug)
            case "remember":
                one.remember(given.scenes)


if __name__ == "__main__":
    main()
