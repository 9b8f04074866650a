"""Every scene that the controls can reach is drawn and told: in every yielded Result, every picture, every word.

Some dozens of scenes a lesson, the same ones each time; `make test-long` draws thousands of fresh ones.
"""

from __future__ import annotations

import os
import random

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.pages import page_spec
from tests.scenes import anything, check, ends, scenes

LONG = "LONG" in os.environ
COUNT = int(os.environ.get("LONG") or 12)
SEARCH = settings(max_examples=COUNT, derandomize=not LONG, deadline=None, database=None, print_blob=True,
                  # A smaller scene that fails is worth a search where time is no matter.
                  phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if LONG else [])],
                  suppress_health_check=list(HealthCheck))


def test_any_scene_is_drawn_and_told(entry, module):
    page = page_spec(entry.slug)

    @SEARCH
    @given(data=st.data())
    def drawn(data):
        scene = data.draw(scenes(module.Config), label="scene")
        results = list(module.steps(scene.trained()))
        assert results
        for result in results:
            check(page, module, scene, result, thorough=result is results[-1])
        # What only changes the drawing, without another run.
        others = [name for name, control in scene.controls().items() if control.view]
        fixed = {name: getattr(scene, name) for name in scene.controls() if name not in others}
        rng = random.Random(str(scene))
        for _ in range(2 if others else 0):
            other = anything(module.Config, rng, **fixed)
            note(f"view: {other}")
            check(page, module, other, results[-1])

    drawn()


def test_every_field_at_its_ends(entry, module):
    page = page_spec(entry.slug)
    for scene in ends(module.Config):
        for result in module.steps(scene.trained()):
            check(page, module, scene, result)
