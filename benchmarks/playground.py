"""How many updates a CPU second buys in the playground, against the tutorial loop, and how thirty readers share one server.

MLP 2-16-16-1 tanh, binary cross-entropy, plain SGD, one thread, batches of 10 and of 64 from 800 points, shuffled every epoch,
with all that is on by default in the playground: records on whole sets, states to go back to, the check for divergence. The
tutorial loop keeps every batch's loss. The competitors take turns and are measured in CPU time.

`playground.pictures_per_s` is what headless Chromium shows of the opening set-up while it plays.

Run: python -m benchmarks.playground
"""

import asyncio
import time
from contextlib import AsyncExitStack
from statistics import median, quantiles

import torch
from torch import Tensor, nn

from benchmarks.browser import chromium, returning
from benchmarks.readers import reader
from benchmarks.server import Server, serving
from core.catalogue import PLAYGROUND
from core.playground.setup import Setup
from core.playground.streams import Batches
from core.playground.view import look
from core.simulation import Simulation

BATCHES = (10, 64)
SETUP = Setup(hidden=(16.0, 16.0), samples=1000, share=80, rate=0.03)


class _Tutorial:
    """What a student writes first, taken up where it stopped."""

    def __init__(self, x: Tensor, y: Tensor, batch: int):
        self.x, self.y, self.batch = x, y, batch
        self.model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
        self.optimiser = torch.optim.SGD(self.model.parameters(), lr=SETUP.rate)
        self.losses: list[float] = []

    def advance(self, steps: int) -> None:
        loss_function, until = nn.BCEWithLogitsLoss(), len(self.losses) + steps
        while len(self.losses) < until:
            for index in torch.randperm(len(self.x)).split(self.batch):
                self.optimiser.zero_grad()
                loss = loss_function(self.model(self.x[index]), self.y[index])
                loss.backward()
                self.optimiser.step()
                self.losses.append(loss.item())


def _cpu(run: object, steps: int) -> float:
    begun = time.process_time()
    run.advance(steps)  # pyright: ignore[reportAttributeAccessIssue]
    return time.process_time() - begun


def measure(repeats: int = 9, steps: int = 1000) -> dict[str, tuple[float, float]]:
    """Median and half the interquartile range. "playground.b10" and so on: the ratio of both loops' updates per CPU second;
    "playground.look_ms": what a picture's numbers cost; "playground.thirty_per_s": new pictures a second of the slowest of thirty
    sessions that play at once, "playground.hall_per_s" of 150, and "playground.left_cpu_s": the server's CPU seconds in a second
    after all have left.

    steps: whole epochs at each batch size."""
    torch.set_num_threads(1)
    out: dict[str, tuple[float, float]] = {}
    for batch in BATCHES:
        run = Simulation(SETUP)
        _batches_of(run, batch)
        part = run.problem.part("training")
        tutorial = _Tutorial(run.x[0, :, part].T.contiguous(), run.y[0, :, part].T.contiguous(), batch)
        ratios = [_cpu(tutorial, steps) / _cpu(run, steps) for _ in range(repeats + 1)][1:]
        low, _, high = quantiles(ratios, n=4)
        out[f"playground.b{batch}"] = median(ratios), (high - low) / 2
    run = Simulation(Setup())
    run.advance(1000)
    begun = time.process_time()
    for _ in range(100):
        look(run)
    out["playground.look_ms"] = 10 * (time.process_time() - begun), 0.0
    with serving() as server:
        out["playground.pictures_per_s"] = _shown(server)
        slowest, left = asyncio.run(_together(server, 30, 10.0))
        out |= {"playground.thirty_per_s": (slowest, 0.0), "playground.left_cpu_s": (left, 0.0)}
        slowest, _ = asyncio.run(_together(server, 150, 40.0))
    return out | {"playground.hall_per_s": (slowest, 0.0)}


# Resolves with the pictures that are shown in each of so many seconds.
SHOWN = """(seconds) => new Promise((resolve) => {
  const board = document.querySelector(".lab-board"), start = performance.now(), counts = Array(seconds).fill(0);
  new MutationObserver(() => { counts[Math.floor((performance.now() - start) / 1000)] += 1; })
    .observe(board, { attributes: true, attributeFilter: ["data-drawn"] });
  setTimeout(() => resolve(counts), 1000 * seconds);
})"""


def _shown(server: Server) -> tuple[float, float]:
    """Pictures a second of one reader, and half the interquartile range over ten seconds."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.add_init_script(returning())
        page.goto(f"{server.address}/{PLAYGROUND.slug}")
        page.wait_for_selector("[data-panel=net] image", state="attached")
        page.wait_for_timeout(2500)
        counts = page.evaluate(SHOWN, 10)
    low, middle, high = quantiles(counts, n=4)
    return middle, (high - low) / 2


async def _together(server: Server, sessions: int, seconds: float) -> tuple[float, float]:
    """New pictures a second of the session that has the fewest; CPU seconds a second, two seconds after all have left."""
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(reader(server.address)) for _ in range(sessions)]
        for one in readers:
            one.open(PLAYGROUND.slug, "")
        await asyncio.gather(*(one.first for one in readers))
        await asyncio.sleep(8)  # until they have found their pace
        before = [one.boards for one in readers]
        await asyncio.sleep(seconds)
        slowest = min(one.boards - seen for one, seen in zip(readers, before, strict=True)) / seconds
    await asyncio.sleep(2)
    used = server.cpu_seconds()
    await asyncio.sleep(4)
    return slowest, (server.cpu_seconds() - used) / 4


def _batches_of(run: Simulation, size: int) -> None:
    """A batch size that no slider offers."""
    batches: Batches = run.batches
    batches.size = size
    batches.load(batches.x, batches.inputs, batches.y)


if __name__ == "__main__":
    for name, (value, spread) in measure().items():
        print(f"{name:24}{value:8.2f}{spread:8.2f}")
