"""What presets, captions, titles and challenges promise holds over the seeds, or says that it is about this one run."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from core.catalogue import LESSONS, lesson
from tests.pages import page_spec
from tests.promises import chosen, counts, enough, promises, together
from tests.runs import board_of
from tests.scenes import check

GROUPS = [(entry.slug, key, group) for entry in LESSONS if find_spec(f"tests.lessons.{entry.slug}.promises")
          for key, group in together(entry.slug).items()]


@pytest.mark.parametrize(("slug", "key", "group"), GROUPS,
                         ids=[f"{slug}-{' | '.join(p.name for p in group)}" for slug, _, group in GROUPS])
def test_promises_hold(slug, key, group):
    trained, this_run = key
    page, module, seeds = page_spec(slug), lesson(slug).module(), chosen()

    def look(scene, result):
        """The scene itself is drawn and told as well."""
        check(page, module, scene, result, board=board_of(slug, scene))

    holding = counts(slug, trained, group, seeds, look)
    for name, kept in holding.items():
        assert len(kept) >= (1 if this_run else enough(seeds)), f"{name}: holds at seeds {kept}"


def test_every_preset_promises_something_that_is_counted(entry):
    counted = {promise.preset: promise for promise in promises(entry.slug) if promise.preset}
    presets = {preset.name: preset for preset in page_spec(entry.slug).presets}
    assert counted.keys() == presets.keys()
    for name, promise in counted.items():
        assert promise.this_run == ("this run" in presets[name].why.lower()), name
