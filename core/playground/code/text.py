"""Pieces of source."""

from __future__ import annotations

import textwrap


def block(*lines: str | float | None, indent: int = 0) -> str | None:
    """Lines, or pieces of several, below each other; those that are no text (`needed and "line"`) are left out.

    None if nothing is left."""
    kept = [line for line in lines if isinstance(line, str)]
    if not kept:
        return None
    return textwrap.indent("\n".join(kept), " " * indent)
