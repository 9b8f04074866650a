"""The skeleton of `make lesson`: a lesson that runs, is drawn and told."""

from __future__ import annotations

import sys
from importlib import import_module

import core.lessons
import examples
import figures
import tests.lessons
from scripts import new_lesson
from tests import pages
from tests.scenes import check

SLUG = "a_new_lesson"


def test_the_skeleton_is_a_lesson(monkeypatch, tmp_path):
    monkeypatch.setattr(new_lesson, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["new_lesson", SLUG])
    new_lesson.main()
    # Its folders count as parts of the packages that they belong to.
    for package, folder in ((core.lessons, "core/lessons"), (figures, "figures"), (examples, "examples"),
                            (tests.lessons, "tests/lessons")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / folder)])
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    module = import_module(f"core.lessons.{SLUG}")
    scene = module.Config()
    page = pages.page_spec(SLUG)
    check(page, module, scene, module.run(scene), thorough=True)
    assert import_module(f"figures.{SLUG}.pictures").thumbnail(module.run(scene), scene)["marks"]
    promised = import_module(f"tests.lessons.{SLUG}.promises").PROMISES
    assert [preset.name for preset in page.presets] == [promise.preset for promise in promised]
    import_module(f"tests.lessons.{SLUG}.test_lesson").test_the_example_tells_the_same()
