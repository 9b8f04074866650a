"""What presets, captions, titles and challenges promise, counted over seeds.

`tests/lessons/<slug>/promises.py` lists the promises of a lesson; `python -m tests.promises [slug ...]` prints the counts.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch

from core import catalogue
from core.lesson import Scene
from tests.pages import page_spec
from tests.runs import run

# A promise must hold at eight of ten seeds, which `make test-long` counts. `make test` looks at two of them; one of two must
# hold (a promise kept at 80 % of the seeds fails both once in 25 times).
ALL = range(10)


def chosen() -> range:
    """The seeds to look at: SEEDS=first-last in the environment."""
    first, last = os.environ.get("SEEDS", "0-1").split("-")
    return range(int(first), int(last) + 1)


def enough(seeds: range) -> int:
    return 8 if seeds == ALL else max(1, len(seeds) // 2)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Something said of a scene, and how to see in a run whether it is so.

    preset: the name of the preset that says it; or claim: where else it is said, with `values`, the fields of its scene.
    holds(result, scene) is given the whole result. this_run: the words speak of one run only, that of the scene's own seed.
    """

    holds: Callable[[Any, Any], Any]
    preset: str = ""
    claim: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    this_run: bool = False

    @property
    def name(self) -> str:
        return self.preset or self.claim


def promises(slug: str) -> list[Promise]:
    return import_module(f"tests.lessons.{slug}.promises").PROMISES


def scene_of(slug: str, promise: Promise) -> Scene:
    """The scene that the promise speaks of. Raises KeyError for a preset that the page does not have."""
    values = {p.name: p.values for p in page_spec(slug).presets}[promise.preset] if promise.preset else promise.values
    return catalogue.lesson(slug).module().Config(**values)


def together(slug: str) -> dict[tuple[Scene, bool], list[Promise]]:
    """The promises that one run of a scene can judge: by the scene without what only changes the drawing."""
    groups: dict[tuple[Scene, bool], list[Promise]] = {}
    for promise in promises(slug):
        groups.setdefault((scene_of(slug, promise).trained(), promise.this_run), []).append(promise)
    return groups


Look = Callable[[Scene, Any], None]


def counts(slug: str, trained: Scene, group: list[Promise], seeds: range, look: Look | None = None) -> dict[str, list[int]]:
    """For each promise those of the seeds at which it holds. The scene is run once for each seed.

    look(scene, result) is called with each promise's own scene, at its own seed where that is one of them.
    """
    holding: dict[str, list[int]] = {promise.name: [] for promise in group}
    if group[0].this_run:
        seeds = range(trained.seed, trained.seed + 1)
    shown = trained.seed if trained.seed in seeds else seeds[0]
    for seed in seeds:
        result = run(slug, dataclasses.replace(trained, seed=seed))
        for promise in group:
            scene = dataclasses.replace(scene_of(slug, promise), seed=seed)
            if look and seed == shown:
                look(scene, result)
            if promise.holds(result, scene):
                holding[promise.name].append(seed)
    return holding


def main() -> None:
    torch.set_num_threads(1)
    for slug in sys.argv[1:] or [entry.slug for entry in catalogue.LESSONS]:
        for (trained, this_run), group in together(slug).items():
            for name, seeds in counts(slug, trained, group, ALL).items():
                of = "of its own run" if this_run else f"of {len(ALL)}"
                missing = "" if this_run or len(seeds) == len(ALL) else f"  (not at {sorted(set(ALL) - set(seeds))})"
                print(f"{slug:20} {name:60} {len(seeds):2} {of}{missing}", flush=True)


if __name__ == "__main__":
    main()
