"""Lecture mode, `?present=1`: what the wall shows round the one picture, for `ui/chart/lecture.js`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import segno
import streamlit as st

from core.catalogue import LESSONS, PARTS, Lesson
from ui import controls


def is_active() -> bool:
    """Whether this session's link asks for lecture mode."""
    return st.query_params.get(controls.PRESENT) == "1"


def browser_data(entry: Lesson, query: dict[str, str]) -> dict[str, Any] | None:
    """The frame of the lesson on the wall, None outside lecture mode. query: the link of the scene."""
    if not is_active():
        return None
    at = LESSONS.index(entry)
    address = f"{(st.context.url or '').rstrip('/')}/{entry.slug}" + (f"?{urlencode(query)}" if query else "")
    return {
        "title": entry.title, "question": entry.question,
        "place": f"{at + 1} of {len(LESSONS)}", "address": address, "qr": qr_code(address),
        "before": LESSONS[at - 1].slug if at else "", "after": LESSONS[at + 1].slug if at + 1 < len(LESSONS) else "",
        "map": [[part, [[e.slug, e.source, e.name] for e in LESSONS if e.part == part]]
                for part in PARTS if any(e.part == part for e in LESSONS)],
    }


@lru_cache(maxsize=64)
def qr_code(address: str) -> str:
    """A QR code of the address as SVG without a size. The reader's own scene opens, not lecture mode."""
    return segno.make(address, error="m").svg_inline(omitsize=True, border=3)
