"""What docs/style.md asks of a board, for every scene that is drawn in a test."""

from __future__ import annotations

import re

import plotly.graph_objects as go

from core.question import Question
from ui import compat
from ui.chart import SOLID, Board, Panel

# What points at another picture, or leans on it.
POINTING = re.compile(
    r"(?i)\b(the others?(?! (class|way|half|side|end|hand|one of))|drawn alike|same kind|as above|as below|as before|likewise|"
    r"(picture|one|panel|map|curve)s? (above|below|beside|next to|on the (left|right))|the same (key|axes|colours))\b")
POWER = re.compile(r"·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")  # a part of the number before it
NUMBER = re.compile(r"(?<![\w₀-₉⁰-⁹.])[−-]?\d[\d,.]*\d|(?<![\w₀-₉⁰-⁹.])[−-]?\d")
BARE_SHARE = re.compile(r"\d ?%")  # a space that a line may be broken at, or none
MOST_NUMBERS = 2


def faults(board: Board, question: Question | None = None) -> list[str]:
    """What is wrong with a board, a sentence each; none where it is composed as docs/style.md says."""
    found = [fault for one in (board.panels, board.further) for fault in _of_panels(one)]
    if len(board.panels) > Board.MOST:
        found.append(f"{len(board.panels)} pictures lead, {Board.MOST} may")
    ids = [panel.id for panel in (*board.panels, *board.further)]
    found += [f"two pictures are called {one}" for one in set(ids) if ids.count(one) > 1]
    if board.setup:
        found += _of_words(board.setup)
    first = board.panels[0] if board.panels else None
    if first and not first.pair and not _is_wide(first):
        found.append(f"{first.id} leaves the wall's width empty and has no pair")
    found += _of_verdict("the summary", board.summary)
    if question:
        found += _of_sentence("the answer", question.why)
    return found


def _of_panels(panels: list[Panel]) -> list[str]:
    ids = [panel.id for panel in panels]
    found = [fault for panel in panels for fault in _of_words(panel)]
    found += [f"{panel.id} belongs to {one}, which does not come after it" for at, panel in enumerate(panels)
              for one in panel.pair if one not in ids[at + 1 :]]
    for row in rows(panels):
        for name in {family(panel) for panel in row}:
            siblings = [panel for panel in row if family(panel) == name and isinstance(panel.figure, go.Figure)]
            shapes = {(panel.span, panel.height, panel.rows) for panel in siblings}
            ranges = {_range(panel) for panel in siblings}
            if len(siblings) > 1 and (len(shapes) > 1 or len(ranges) > 1):
                found.append(f"{[panel.id for panel in siblings]} differ in size or in the range of y: {shapes}, {ranges}")
    return found


def _of_words(panel: Panel) -> list[str]:
    found = [f"{panel.id} has no title"] if not panel.title.strip() else []
    if hit := POINTING.search(re.sub("<[^>]*>", "", panel.caption)):
        found.append(f"the caption of {panel.id} leans on another picture: “{hit[0]}”")
    found += [f"{panel.id} says a share without its space: “{text[max(0, hit.start() - 20) : hit.end()]}”"
              for text in (panel.title, panel.caption, panel.alt) if (hit := BARE_SHARE.search(text))]
    return found


def _of_verdict(what: str, markdown: str) -> list[str]:
    """One bold sentence, and below it at most a table."""
    first, *rest = markdown.strip().split("\n\n")
    if not (first.startswith("**") and first.endswith("**") and first.count("**") == 2):
        return [f"{what} does not begin with one bold sentence: “{first}”"]
    return _of_sentence(what, first.strip("*")) + [
        f"{what} goes on with something else than a table: “{block}”" for block in rest
        if not all(line.startswith("|") for line in block.splitlines())]


def _of_sentence(what: str, text: str) -> list[str]:
    found = []
    if len(numbers := NUMBER.findall(POWER.sub("", text))) > MOST_NUMBERS:
        found.append(f"{what} has {len(numbers)} numbers: “{text}”")
    if re.search(r"[.!?] +[A-ZΑ-Ω]", text):
        found.append(f"{what} is more than one sentence: “{text}”")
    if BARE_SHARE.search(text):
        found.append(f"{what} says a share without its space: “{text}”")
    return found


def rows(panels: list[Panel]) -> list[list[Panel]]:
    """The pictures that stand beside each other on a desk, as ui/chart/rows.js has it."""
    out: list[list[Panel]] = []
    left = 0
    for panel in panels:
        if left <= 0:
            out.append([])
            left = 12 * panel.rows
        out[-1].append(panel)
        left -= panel.span * panel.rows
    return out


def family(panel: Panel) -> str:
    """Small multiples have one name and a part of their own after a hyphen: train-squared, train-hinge."""
    return panel.id.partition("-")[0]


def _range(panel: Panel) -> tuple[float, ...] | None:
    assert isinstance(panel.figure, go.Figure)
    found = compat.figure_parts(panel.figure)[1].get("yaxis", {}).get("range")
    return tuple(round(float(v), 9) for v in found) if found is not None else None


def _is_wide(panel: Panel) -> bool:
    """Whether a picture fills any frame: curves do, while maps, surfaces and images keep their aspect."""
    if not isinstance(panel.figure, go.Figure):
        return panel.figure.kind in ("network", "table")
    traces, layout = compat.figure_parts(panel.figure)
    return "scaleanchor" not in layout.get("yaxis", {}) and not any(trace["type"] in SOLID for trace in traces)
