"""Every page is composed as docs/style.md says: at its opening here, and wherever `tests.scenes.check` draws a scene."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from figures import keys, style
from tests import composition
from tests.pages import opening_scene
from tests.runs import board_of, opening
from tests.scenes import panels
from ui.chart import Board, Panel, keys_of


def test_every_page_is_composed(entry, module):
    scene, result = opening_scene(entry.slug), opening(entry.slug)[-1]
    assert composition.faults(board_of(entry.slug, scene), module.predict(result, scene)) == []


def test_every_entry_of_the_legend_is_drawn_somewhere(entry):
    drawn = board_of(entry.slug, opening_scene(entry.slug))
    used = {i for panel in panels(drawn) for i in keys_of(panel.figure, drawn.legend)}
    assert [drawn.legend[i][0] for i in range(len(drawn.legend)) if i not in used] == []


A, B = style.colour("train"), style.colour("test")
LEGEND = [("training", A, "solid"), ("training, smoothed", A, "dash"), ("test", B, "solid")]


def line(colour: str, **about: object) -> dict:
    return dict(type="scatter", x=[0, 1], y=[0, 1], mode="lines", line=dict(color=colour, **about))


def marks(colour: object) -> dict:
    return dict(type="scatter", x=[0], y=[0], mode="markers", marker=dict(color=colour))


@pytest.mark.parametrize(("trace", "expected"), [
    (line(A), [0]), (line(A, dash="dash"), [1]), (line(B, dash="dot"), []), (line(A, width=0), []),
    (marks(B), [2]), (marks([B, A]), [0, 1, 2]), (marks(style.INK), []),
    (dict(type="bar", x=[0], y=[1], marker=dict(color=style.colour("test", 0.5))), [2]),
    (line(style.INK, width=0) | dict(fill="toself", fillcolor=style.colour("test", 0.18)), [2]),
    (style.frames(marks(style.INK), marker__color=[[A], [B]]), [0, 1, 2]),
])
def test_a_picture_has_the_keys_of_what_it_is_drawn_with(trace, expected):
    assert keys.used([trace], LEGEND, listed=False) == expected


def test_what_plotlys_own_legend_names_has_no_second_key():
    named = line(A) | dict(name="training")
    assert keys.used([named], LEGEND, listed=True) == []
    assert keys.used([named | dict(showlegend=False)], LEGEND, listed=True) == [0]


def board(**about: object) -> Board:
    panel = dict(id="one", title="Loss", figure=style.figure([line(A)])) | about
    return Board(panels=[Panel(**panel)], summary="**Training ends at 0.1.**")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("about", "fault"), [
    ({}, None), ({"title": ""}, "no title"), ({"pair": "two"}, "does not come after"),
    ({"caption": "Drawn alike."}, "leans on another"), ({"caption": "Above 1 it grows."}, None),
    ({"caption": "the picture <b>above</b>"}, "leans on another"), ({"alt": "47% right"}, "without its space"),
    ({"alt": "47\u00a0% right"}, None), ({"figure": style.figure([line(A)], equal=True)}, "has no pair"),
])
def test_faults_of_a_picture_are_found(about, fault):
    found = composition.faults(board(**about))
    assert len(found) == (fault is not None), found
    assert not fault or fault in found[0]


@pytest.mark.parametrize(("summary", "right"), [
    ("**Momentum arrives at step 12 of 150.**", True), ("**L2 leaves none.**\n\n| | J |\n| :-- | --: |\n| L1 | 0.5 |", True),
    ("**From 1.8·10⁶ to 3·10⁻⁷.**", True), ("Momentum arrives.", False), ("**One.** Two.", False), ("**1, 2 and 3.**", False),
    ("**One. Two.**", False),
    ("**One.**\n\nAnd more.", False), ("**47% of it.**", False),
])
def test_a_verdict_is_one_bold_sentence_and_a_table(summary, right):
    found = composition.faults(Board(panels=[], summary=summary))
    assert (found == []) == right, found


def test_rows_are_as_the_browser_has_them():
    def spans(*pairs: tuple[int, int]) -> list[list[int]]:
        panels = [SimpleNamespace(span=span, rows=rows) for span, rows in pairs]
        return [[panel.span for panel in row] for row in composition.rows(panels)]  # pyright: ignore[reportArgumentType]

    assert spans((7, 2), (5, 1), (5, 1), (6, 1), (6, 1), (12, 1)) == [[7, 5, 5], [6, 6], [12]]
    assert spans((4, 1), (4, 1), (4, 1), (7, 1), (5, 1)) == [[4, 4, 4], [7, 5]]
