"""Lecture mode, `?present=1`: what the wall shows round the one picture, for `ui/chart/lecture.js`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import segno
import streamlit as st

from core.catalogue import LESSONS, PARTS, PLAYGROUND, Lesson
from ui import compat, controls


def is_active() -> bool:
    """Whether this session's link asks for lecture mode."""
    return st.query_params.get(controls.PRESENT) == "1"


def is_left() -> bool:
    """Whether the reader has asked to leave lecture mode."""
    return "leave" in st.session_state


def leave_where_asked() -> None:
    """Takes lecture mode out of the link, and runs the page again, where the reader has left it."""
    if st.session_state.pop("leave", False):
        st.query_params.pop(controls.PRESENT, None)
        compat.rerun()


def browser_data(entry: Lesson, query: dict[str, str]) -> dict[str, Any] | None:
    """The frame of the lesson, or of the playground before the first, on the wall; None outside lecture mode. query: the link of
    the scene."""
    if not is_active():
        return None
    at = -1 if entry == PLAYGROUND else LESSONS.index(entry)
    # Streamlit tells the address of the page, not of the app.
    app = (st.context.url or "").rstrip("/").removesuffix(f"/{entry.slug}")
    address = f"{app}/{entry.slug}" + (f"?{urlencode(query)}" if query else "")
    return {
        "title": entry.title, "question": entry.question,
        "place": f"lesson {at + 1} of {len(LESSONS)}" if at >= 0 else "", "address": address, "qr": qr_code(address),
        "before": LESSONS[at - 1].slug if at > 0 else "",
        "after": LESSONS[at + 1].slug if at + 1 < len(LESSONS) else "",
        "first": PLAYGROUND.slug,
        "map": [[part, [[e.slug, e.source, e.name] for e in LESSONS if e.part == part]]
                for part in PARTS if any(e.part == part for e in LESSONS)],
    }


@lru_cache(maxsize=64)
def qr_code(address: str) -> str:
    """A QR code of the address as SVG without a size. The reader's own scene opens, not lecture mode."""
    return segno.make(address, error="m").svg_inline(omitsize=True, border=3)
