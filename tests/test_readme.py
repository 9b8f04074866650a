"""What the README lists is what there is."""

from __future__ import annotations

from core.catalogue import IDEAS, LESSONS, lesson
from tests.pages import ROOT


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its own heading."""
    _, _, rest = (ROOT / "README.md").read_text().partition(f"\n{heading}\n\n|")
    table, _, _ = rest.partition("\n\n")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_lesson_with_its_part_and_claim():
    part, told = "", []
    for here, name, claim in rows("## The lessons"):
        part = here or part
        told.append((part, name, claim))
    assert told == [(entry.part, entry.name, entry.title) for entry in LESSONS]


def test_every_idea_of_the_lecture_names_lessons_and_every_lesson_has_one():
    named = [name.strip() for _, lessons in rows("### Every idea of the lecture") for name in lessons.split(",")]
    assert set(named) == {entry.name for entry in LESSONS}


def test_the_ideas_are_those_that_the_search_looks_at():
    told = [(idea.replace("\\*", "*"), lessons) for idea, lessons in rows("### Every idea of the lecture")]
    assert told == [(idea, ", ".join(lesson(slug).name for slug in slugs.split())) for idea, slugs in IDEAS.items()]


def test_a_heading_that_is_not_there_has_no_table():
    assert rows("## Nothing of the kind") == []
