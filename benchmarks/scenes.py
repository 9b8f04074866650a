"""What the dearest scene of a lesson costs, and how long one step of a run holds a worker: in the scenes that the controls
can reach, at their ends and by chance.

scene_worst_s      processor seconds of a scene: run, question and its verdicts, drawing, words and encoding of the whole result
step_worst_ms      the longest `next()` of a run at the opening scene
step_worst_any_ms  the same at any of the scenes

Seconds are those of a machine on which the tutorial loop of `benchmarks.engine` makes 3,700 model-steps a processor second:
what is measured is scaled by the loop's rate in the same minute. One thread; the worst of the scenes are measured again.

Run: python -m benchmarks.scenes [slug …] --scenes 200
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import torch

from benchmarks import engine
from core.catalogue import LESSONS, Lesson
from core.lesson import Scene
from tests.pages import opening_scene, page_spec
from tests.scenes import anything, ends, guesses
from ui import runner
from ui.chart import encode

RATE = 3700  # model-steps a processor second of the machine whose seconds these are
AGAIN = 3  # scenes measured again for each worst, as often: one measurement may have met another process


@dataclass(frozen=True)
class Cost:
    """Seconds of one scene, and of the longest step of its run."""

    scene: Scene
    whole: float
    step: float


def scale(repeats: int = 5, steps: int = 320) -> float:
    """What a processor second of this machine is worth in those of the machine that limits are for."""
    x, y = engine._data()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        engine.tutorial(x, y, steps)
        times.append(time.process_time() - start)
    return steps / median(times) / RATE


def cost(module: ModuleType, draw: Callable[[Any, Any], Any], scene: Scene) -> Cost:
    """Runs, asks, draws and encodes the scene once."""
    result, longest, begin = None, 0.0, time.process_time()
    run = runner.steps_of(module, scene.trained())()
    while True:
        start = time.process_time()
        following = next(run, None)
        longest = max(longest, time.process_time() - start)
        if following is None:
            break
        result = following
    question = module.predict(result, scene)
    for guess in guesses(question):
        question.judge(guess)
    encode(draw(result, scene), question)
    return Cost(scene, time.process_time() - begin, longest)


def worst(costs: Iterable[Cost], of: Callable[[Cost], float], again: Callable[[Scene], Cost]) -> tuple[Scene, list[float]]:
    """The scene that costs most after another look at the first few, and what it cost each time."""
    few = sorted(costs, key=of, reverse=True)[:AGAIN]
    times = {c.scene: [of(c), *(of(again(c.scene)) for _ in range(AGAIN - 1))] for c in few}
    return max(times.items(), key=lambda item: median(item[1]))


def lesson(entry: Lesson, count: int, seed: int = 0) -> dict[str, tuple[Scene, list[float]]]:
    """Key -> the worst scene and its measurements, of `count` scenes and the opening one."""
    module, draw = entry.module(), page_spec(entry.slug).draw
    opening, rng = opening_scene(entry.slug), random.Random(seed)
    scenes = ends(module.Config, seed)[:count]
    scenes += [anything(module.Config, rng) for _ in range(count - len(scenes))]

    def measured(scene: Scene) -> Cost:
        return cost(module, draw, scene)

    before = scale()
    measured(opening)  # imports and first calls
    first = [measured(opening) for _ in range(AGAIN)]
    costs = [first[0], *map(measured, scenes)]
    found = {"scene_worst_s": worst(costs, lambda c: c.whole, measured),
             "step_worst_ms": (opening, [1000 * c.step for c in first]),
             "step_worst_any_ms": worst(costs, lambda c: 1000 * c.step, measured)}
    factor = (before + scale()) / 2
    return {f"{key}.{entry.slug}": (scene, [factor * t for t in times]) for key, (scene, times) in found.items()}


def measure(count: int = 40, slugs: Iterable[str] = (), say: Callable[[str], None] = print) -> dict[str, list[float]]:
    """Key -> measurements of the worst scene; says which scene that is, as a link."""
    torch.set_num_threads(1)
    out: dict[str, list[float]] = {}
    for entry in LESSONS:
        if slugs and entry.slug not in slugs:
            continue
        for key, (scene, times) in lesson(entry, count).items():
            out[key] = times
            say(f"  {key:40}{median(times):9.2f}   /{entry.slug}?{urlencode(scene.query())}")
    return out


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("slugs", nargs="*", help="lessons; all of them where none is named")
    asked.add_argument("--scenes", type=int, default=200, help="scenes of each lesson")
    arguments = asked.parse_args()
    measure(arguments.scenes, arguments.slugs)
