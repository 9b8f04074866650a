"""Which entries of a board's legend a figure needs, read from what it draws with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from figures import style

Entry = tuple[str, str, str]  # label, light colour, dash as Plotly names it


def used(traces: Sequence[style.Trace], legend: Sequence[Entry], listed: bool) -> list[int]:
    """The places in `legend` of what the traces are drawn with, without what Plotly's own legend names.

    listed: whether the figure has such a legend. An entry fits a line in its colour and dash, and anything else in its colour.
    """
    strokes = [stroke for trace in traces if not (listed and trace.get("name") and trace.get("showlegend", True))
               for stroke in _strokes(trace)]
    return [i for i, (_, colour, dash) in enumerate(legend)
            if any(seen == _plain(colour) and drawn in (None, dash) for seen, drawn in strokes)]


def _strokes(trace: style.Trace) -> Iterator[tuple[str, str | None]]:
    """(colour, dash) of all that a trace draws with; the dash is None where there is none to see, as in three dimensions."""
    moving = (trace.get("meta") or {}).get("frames", {})
    mode = trace.get("mode", "lines" if trace["type"] in ("scatter", "scatter3d", "scattergl") else "")
    line = trace.get("line", {})
    if "lines" in mode and line.get("width", 2):
        for colour in _colours([line.get("color"), moving.get("line.color")]):
            yield colour, None if trace["type"] == "scatter3d" else line.get("dash", "solid")
    if trace["type"] == "contour" and trace.get("contours", {}).get("showlines", True):
        for colour in _colours(line.get("color", "")):
            yield colour, line.get("dash", "solid")
    shapes: list[Any] = [trace.get("fillcolor") if trace.get("fill") else None]
    if "markers" in mode or not mode:
        shapes += [trace.get("marker", {}).get("color"), moving.get("marker.color")]
    for colour in _colours(shapes):
        yield colour, None


def colours(figure: Any) -> set[str]:
    """Every colour that is written anywhere in a value, as #RRGGBB."""
    return set(_colours(figure))


def _colours(value: Any) -> Iterator[str]:
    match value:
        case str():
            if plain := _plain(value):
                yield plain
        case Mapping():
            for one in value.values():
                yield from _colours(one)
        case _ if dataclasses.is_dataclass(value):
            for one in vars(value).values():
                yield from _colours(one)
        case list() | tuple():
            for one in value:
                yield from _colours(one)


def _plain(colour: str) -> str:
    """#RRGGBB of a colour of the house; "" for any other text."""
    if colour.startswith("#") and len(colour) == 7:
        return colour.upper()
    if colour.startswith("rgba("):
        return "#" + "".join(f"{int(part):02X}" for part in colour[5:].split(",")[:3])
    return ""
