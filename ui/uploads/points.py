"""Points of two classes from a CSV of x, y, class."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np

from core.formatting import format_count, format_number
from core.uploads import ROWS, Points
from ui.uploads.refused import Refused, check_size

LEAST = 20  # rows
EACH = 5  # rows of a class
LARGEST = 1e12
LONGEST = 40  # characters of a class's name that are kept


def read_points(data: bytes) -> tuple[Points, list[str]]:
    """The points of a table with three columns: two numbers and a class, and sentences about what was left out.

    Commas, semicolons or tabs between columns; a decimal comma where semicolons or tabs separate; a first line of names or
    none. Each axis is shifted and scaled to mean 0 and standard deviation 1. Raises Refused.
    """
    check_size(data)
    rows = _rows(_text(data))
    numbers = [(_number(a), _number(b), label) for a, b, label in rows]
    if numbers and numbers[0][:2] == (None, None):
        numbers = numbers[1:]  # names of columns
    whole = [(a, b, label) for a, b, label in numbers if a is not None and b is not None and label]
    left = len(numbers) - len(whole)
    dropped = f"{format_count(left, 'row')} without two numbers and a class {'is' if left == 1 else 'are'} left out."
    notes = [dropped] if left else []
    if len(whole) < LEAST:
        raise Refused(f"The table has {len(whole)} rows of x, y and class, and {LEAST} is the least.")
    if len(whole) > ROWS:
        raise Refused(f"The table has {len(whole)} rows, and {ROWS:,} is the most.")
    names = sorted({label for _, _, label in whole})
    if len(names) != 2:
        raise Refused(f"The table has {'one class' if len(names) == 1 else f'{len(names)} classes'}, and two are taken here.")
    x = np.array([row[:2] for row in whole], float).T
    y = np.array([names.index(label) for _, _, label in whole])
    if min(np.bincount(y)) < EACH:
        raise Refused(f"One of the classes has {min(np.bincount(y))} rows, and {EACH} is the least.")
    spread = x.std(1, keepdims=True)
    if not (spread > 1e-9 * np.abs(x).max(1, keepdims=True)).all():
        raise Refused("One of the columns x and y has the same number in every row.")
    x = (x - x.mean(1, keepdims=True)) / spread
    plain = _plain(names[0]) or "A", _plain(names[1]) or "B"
    if plain[0] == plain[1]:
        plain = f"{plain[0]} 1", f"{plain[1]} 2"
    notes.append(f"class A is “{plain[0]}”, class B “{plain[1]}”; each axis is scaled to mean 0 and standard deviation 1.")
    return Points(x.astype(np.float32), y, plain), notes


def _plain(name: str) -> str:
    """A class's name as it may stand in a sentence."""
    return re.sub(r"[^\w .,+-]", "", name).replace("_", " ").strip()[:LONGEST]


def _text(data: bytes) -> str:
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refused("The file is no table in text.")


def _rows(text: str) -> list[tuple[str, str, str]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    between = next((mark for mark in "\t;" if mark in first), ",")
    out = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=between):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != 3:
                raise Refused(f"A row of the table has {format_count(len(row), 'column')} instead of three: x, y and class.")
            out.append((row[0].strip(), row[1].strip(), row[2].strip()))
            if len(out) > ROWS + 1:
                raise Refused(f"The table has more than {ROWS:,} rows.")
    except csv.Error:
        raise Refused("The file is no table of commas, semicolons or tabs.") from None
    return out


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    if abs(value) > LARGEST:
        raise Refused(f"The table holds a number beyond {format_number(LARGEST)}.")
    return value if math.isfinite(value) else None
