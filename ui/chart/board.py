"""What a page hands to the chart: pictures, one clock for them, and the sentences computed from a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import plotly.graph_objects as go

from figures.kinds import Kind

Text = str | Callable[[], str]
Figure = go.Figure | Kind


class Panel:
    """One picture. `span` of 12 columns and `rows` of the grid, `height` tall, medium or short; `caption` may hold simple HTML.

    The figure and the texts may be given as functions without arguments, which are called when they are first asked for:
    one that fails takes no other picture with it.
    `click` names the fields of the Config, or "" for none, that a click sets: by its x and y in a Plotly figure, by what is
    clicked in another kind, see figures/kinds.py. `pair` names the one or two pictures, of those after it, that stand beside this
    one on the wall. `keyed` is false where the lines carry their own names. `drawing` names the field that holds what is drawn on
    a pad, `shift` the two that say by how much the images of a grid are shifted.
    """

    def __init__(self, *, id: str, figure: Figure | Callable[[], Figure], caption: Text = "", alt: Text = "",
                 title: Text = "", span: int = 12, rows: int = 1, height: str = "medium", click: tuple[str, ...] | None = None,
                 pair: str | tuple[str, ...] = (), keyed: bool = True, drawing: str = "", shift: tuple[str, str] | None = None):
        self.id, self.span, self.rows, self.height, self.keyed = id, span, rows, height, keyed
        self.pair = (pair,) if pair and isinstance(pair, str) else tuple(pair)
        self.click, self.drawing, self.shift = click, drawing, shift
        self._given = {"figure": figure, "caption": caption, "alt": alt, "title": title}

    def _now(self, name: str) -> Any:
        value = self._given[name]
        if callable(value):
            value = self._given[name] = value()
        return value

    @property
    def figure(self) -> Figure:
        return self._now("figure")

    @property
    def caption(self) -> str:
        return self._now("caption")

    @property
    def alt(self) -> str:
        return self._now("alt")

    @property
    def title(self) -> str:
        return self._now("title")


class Texts:
    """The texts that one function makes together, by name; each is a function, for a Panel to call when it needs it."""

    def __init__(self, make: Callable[[], Mapping[str, str]]):
        self._make = cache(make)

    def __getitem__(self, name: str) -> Callable[[], str]:
        return lambda: self._make()[name]


@dataclass(frozen=True, kw_only=True)
class Player:
    """The clock. `labels[f]` is what the reader sees at frame f; `field` names the Config field it sets, if any.

    It opens at the newest frame and follows a run that is under way; `from_start`: at frame `opens`, and stays where it is put.
    """

    labels: list[str]
    name: str = "Step"
    seconds: float = 6.0
    field: str = ""
    autoplay: bool = True
    live: bool = False
    from_start: bool = False
    opens: int = 0


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a page shows of one result: pictures, clock, and the sentences computed from it.

    `panels` lead, MOST of them at most; those under `further` are drawn for a reader who asks for them. `legend` has the key of
    every colour and dash, (label, colour, dash), dash as Plotly names it; each picture shows those that it is drawn with.
    `setup` is what a reader sees while the question is asked: the data, the axes or the net, all but the answer.
    """

    MOST: ClassVar[int] = 6
    panels: list[Panel]
    further: list[Panel] = field(default_factory=list)
    setup: Panel | None = None
    player: Player | None = None
    summary: str = ""
    legend: list[tuple[str, str, str]] = field(default_factory=list)
