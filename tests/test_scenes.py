"""Every scene that the controls can reach is drawn and told: every picture, every word.

Some ten scenes a lesson, the same ones each time, at the start, on the way and at the end of their runs; `make test-long`
draws thousands of fresh ones and every Result that they yield.
"""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.pages import page_spec
from tests.scenes import anything, blind, check, distinct, ends, scenes

LONG = "LONG" in os.environ
COUNT = int(os.environ.get("LONG") or 4)
SEARCH = settings(max_examples=COUNT, derandomize=not LONG, deadline=None, database=None, print_blob=True,
                  # A smaller scene that fails is worth a search where time is no matter.
                  phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if LONG else [])],
                  suppress_health_check=list(HealthCheck))


def looked_at(results: list[Any], rng: random.Random) -> list[Any]:
    """The partial results that are drawn: the first one, in which most is missing, and one by chance; all of them if LONG."""
    before = results[:-1]
    return before if LONG else [*before[:1], *rng.sample(before[1:], min(1, len(before[1:])))]


def test_any_scene_is_drawn_and_told(entry, module):
    page = page_spec(entry.slug)

    @SEARCH
    @given(data=st.data())
    def drawn(data):
        scene = data.draw(scenes(module.Config), label="scene")
        results = list(distinct(module.steps(blind(scene))))
        rng = random.Random(str(scene))
        for result in looked_at(results, rng):
            check(page, module, scene, result)
        check(page, module, scene, results[-1], thorough=True)
        # What only changes the drawing, without another run.
        others = [name for name, control in scene.controls().items() if control.view]
        fixed = {name: getattr(scene, name) for name in scene.controls() if name not in others}
        for _ in range((2 if LONG else 1) if others else 0):
            other = anything(module.Config, rng, **fixed)
            note(f"view: {other}")
            check(page, module, other, results[-1])

    drawn()


def test_every_field_at_its_ends(entry, module):
    page = page_spec(entry.slug)
    for scene in ends(module.Config):
        results = list(distinct(module.steps(blind(scene))))
        for result in [*looked_at(results, random.Random(str(scene))), results[-1]]:
            check(page, module, scene, result)
