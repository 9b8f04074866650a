"""A board as its alternative texts and its bytes tell it, and the numbers of a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from core.lesson import Scene
from tests.pages import PageSpec
from tests.wire import text_of
from ui.chart import Board, Panel, encode

S = TypeVar("S", bound=Scene)
R = TypeVar("R")


def numbers(text: str) -> list[float]:
    return [float(v.replace("−", "-")) for v in re.findall(r"−?\d+(?:\.\d+)?", text)]


def whole_board(page: PageSpec, result: Any, scene: Scene, said: dict[str, str], most: int) -> tuple[Board, dict[str, Panel]]:
    """The board of a result, and its panels by id.

    Raises AssertionError if a picture has another alternative text than `said`, if a number or a word is not finite, or if the
    leading or the folded pictures take `most` bytes or more.
    """
    board = page.draw(result, scene)
    for part in (encode(board), encode(board, further=True)):
        assert b"NaN" not in text_of(part) and part.size < most
    panels = {p.id: p for p in (*board.panels, *board.further)}
    assert {i: p.alt for i, p in panels.items()} == said
    texts = [*said.values(), board.summary, *(p.caption for p in panels.values())]
    assert not any(re.search(r"\bnan\b|\binf\b", text) for text in texts), texts
    return board, panels


def with_results(steps: Callable[[S], Iterator[R]], scenes: Iterable[S]) -> list[tuple[S, list[R]]]:
    """Each scene with all that its run yields."""
    return [(scene, list(steps(scene.trained()))) for scene in scenes]


def setup_of(page: PageSpec, results: Iterable[Any], scene: Scene) -> Panel:
    """The picture beside the question, which is the same for each of the results: it does not show the answer."""
    first, *others = [page.draw(result, scene).setup for result in results]
    assert first and all(other and other.figure.to_dict() == first.figure.to_dict() for other in others)
    return first
