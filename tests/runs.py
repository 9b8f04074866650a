"""Runs that several tests look at: each is made once in a worker, and kept until the next lesson's turn.

`tests/conftest.py` sends all tests of a lesson to one worker, one after the other, so those of one lesson are enough.
Nobody may change them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from core.catalogue import lesson
from core.lesson import Scene
from tests.pages import page_spec
from tests.scenes import distinct
from ui.chart import Board


@lru_cache(maxsize=1)
def opening(slug: str) -> tuple[Any, ...]:
    """The results of a lesson's opening scene, the whole one last."""
    module = lesson(slug).module()
    return tuple(distinct(module.steps(module.Config())))


def run(slug: str, scene: Scene) -> Any:
    """The whole result of a scene."""
    trained = scene.trained()
    return opening(slug)[-1] if trained == type(scene)() else _run(slug, trained)


@lru_cache(maxsize=20)  # the presets of a lesson at the seeds that are counted
def _run(slug: str, trained: Scene) -> Any:
    return lesson(slug).module().run(trained)


@lru_cache(maxsize=20)
def board_of(slug: str, scene: Scene) -> Board:
    """What is drawn of the whole result of a scene; each of its pictures is drawn once."""
    return page_spec(slug).draw(run(slug, scene), scene)


def forget() -> None:
    opening.cache_clear()
    _run.cache_clear()
    board_of.cache_clear()
