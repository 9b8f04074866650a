"""What a page file says, without a running app: its draw function, presets and words."""

from __future__ import annotations

import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from core.catalogue import lesson
from core.lesson import Scene

ROOT = Path(__file__).parent.parent


@dataclass
class PageSpec:
    """The arguments of a page's one call of `ui.page.show`."""

    slug: str
    draw: Any
    presets: list[Any] = field(default_factory=list)
    maths: str = ""
    code: tuple[Any, ...] = ()
    symbols: dict[str, str] = field(default_factory=dict)
    references: str = ""
    linked: bool = False


def page_spec(slug: str) -> PageSpec:
    """Runs the page's file with the page itself taken away."""
    calls: list[PageSpec] = []
    with mock.patch("ui.page.show", lambda *args, **kwargs: calls.append(PageSpec(*args, **kwargs))):
        runpy.run_path(str(ROOT / "pages" / f"{slug}.py"))
    assert len(calls) == 1, f"pages/{slug}.py must call page.show once"
    return calls[0]


def opening_scene(slug: str) -> Scene:
    """The scene of a page that no link names: that of its first preset."""
    return lesson(slug).module().Config(**page_spec(slug).presets[0].values)


def playground_draw() -> Any:
    """draw(view, setup, whether test points are shown) of the playground's page."""
    calls: list[Any] = []
    with mock.patch("ui.play.show", lambda draw, *_, **__: calls.append(draw)):
        runpy.run_path(str(ROOT / "pages" / "playground.py"))
    return calls[0]
