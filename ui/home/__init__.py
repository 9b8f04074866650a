"""The lecture's map: a card for each lesson with a small live picture, a search, and how far the reader has come.

The cards go out at once. The pictures are drawn from the lessons' opening scenes and follow one by one; each is made once
for a server. Searching and progress stay in the browser, which also knows what the
reader has seen (`lab-progress` in its local storage: slug -> {seen, predicted: right or wrong, solved}).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import streamlit as st

from core import catalogue
from figures import style
from ui import compat, runner, shell
from ui.jobs import BytesCache, SingleFlight

HERE = Path(__file__).parent
LOG = logging.getLogger(__name__)
THUMBNAIL_BYTES = 4 << 20  # bytes of pictures; one is some kilobytes
NO_PICTURE: dict[str, Any] = dict(marks=[])


@dataclass
class Gallery:
    """The pictures of this server. Their runs are the pool's, which computes them when no reader's scene waits."""

    memory: runner.Shared
    pictures: SingleFlight[dict[str, Any]] = field(default_factory=lambda: SingleFlight(BytesCache(THUMBNAIL_BYTES)))

    def thumbnails(self) -> dict[str, Any]:
        """Lesson -> thumbnail, as far as they are made."""
        known = {entry.slug: self.pictures.kept.get(entry.slug) for entry in catalogue.LESSONS}
        return {slug: picture for slug, picture in known.items() if picture is not None}

    def advance(self) -> None:
        """Asks for the next missing picture, and draws it once its run is over."""
        done = self.thumbnails()
        if (entry := next((entry for entry in catalogue.LESSONS if entry.slug not in done), None)) is None:
            return
        try:
            module = entry.module()
            scene = module.Config()
            result = runner.result_if_finished(self.memory, entry.slug, module, scene)
            if result is not None:
                self.pictures.get(entry.slug, lambda: _thumbnail(entry.slug, result, scene))
        except Exception:
            # One lesson that fails must not take the map with it; its own page says what is wrong.
            LOG.exception("no picture of %s", entry.slug)
            self.pictures.kept.put(entry.slug, NO_PICTURE)


def _thumbnail(slug: str, result: Any, scene: Any) -> dict[str, Any]:
    draw = getattr(import_module(f"figures.{slug}.pictures"), "thumbnail", None)
    return with_theme_colours(draw(result, scene)) if draw else NO_PICTURE


@st.cache_resource(show_spinner=False, max_entries=1)
def _gallery(sources: str) -> Gallery:
    """The gallery of one state of the sources, so that an edit under `make dev` shows no old pictures."""
    return Gallery(runner.shared(sources))


def with_theme_colours(thumbnail: Mapping[str, Any]) -> dict[str, Any]:
    """A thumbnail with colours for both themes. Raises KeyError for a colour that has no dark partner."""
    dark = style.dark_colours()
    marks = [{**m, "colour": f"light-dark({m['colour']}, {dark[m['colour'].upper()]})"} for m in thumbnail["marks"]]
    return {**thumbnail, "marks": marks}


def browser_data(pictures: Mapping[str, Any]) -> dict[str, Any]:
    """What goes over the wire: parts in the lecture's order, their lessons, what of the lecture each can be found by, and the
    pictures that there are."""
    parts = []
    for part in catalogue.PARTS:
        lessons = [{k: getattr(e, k) for k in ("slug", "name", "title", "question", "source")}
                   for e in catalogue.LESSONS if e.part == part]
        if lessons:
            parts.append({"name": part, "lessons": lessons})
    return {"parts": parts, "ideas": {e.slug: catalogue.ideas(e.slug) for e in catalogue.LESSONS}, "pictures": dict(pictures)}


@st.cache_resource(show_spinner=False)
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "lab_home",
        html='<div class="lab-home"></div>',
        css=(HERE / "home.css").read_text(),
        js="\n".join(path.read_text() for path in (HERE.parent / "chart" / "progress.js", HERE / "home.js")),
        isolate_styles=False,
    )


def show() -> None:
    """The map; while pictures are missing, in a fragment that makes them."""
    gallery = _gallery(runner.shared_state().sources)
    complete = len(gallery.thumbnails()) == len(catalogue.LESSONS)

    def mount() -> None:
        pictures = gallery.thumbnails()
        _component()(data=browser_data(pictures), key="home")
        if not complete:
            if len(pictures) == len(catalogue.LESSONS):
                compat.rerun()
            gallery.advance()

    compat.refresh_until_done(mount, complete)
    shell.hidden_links()
