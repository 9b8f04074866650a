"""Numbers and lists as a reader is told them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_POWERS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LARGEST = "more than 10³⁸"  # what overflows even the shorter of the two kinds of floating-point numbers


def format_number(value: float | Tensor, digits: int = 2) -> str:
    """A number to `digits` significant digits: 0.15, 1,200, 4.7·10⁸, −3·10⁻⁷.

    "0" is said of an exact zero only, and what has overflowed is "more than 10³⁸". Raises ValueError for what is no number.
    """
    value = float(value)
    if math.isnan(value):
        raise ValueError("there is no number to tell")
    if value < 0:
        return f"−{format_number(-value, digits)}" if math.isfinite(value) else "less than −10³⁸"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    if math.isinf(rounded):
        return LARGEST
    if 1e-3 <= rounded < 1e5:
        return f"{rounded:.{digits}g}" if rounded < 10**digits else f"{rounded:,.0f}"
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = format_power_of_ten(int(exponent))
    return power if mantissa == "1" else f"{mantissa}·{power}"


def format_power_of_ten(exponent: float) -> str:
    """10ᵏ, the exponent rounded to a whole number; for what is computed as a logarithm because no float can hold it."""
    return f"10{str(round(exponent)).translate(_POWERS)}"


def format_count(count: int, name: str) -> str:
    """1 row, 2 rows, 1,200 rows."""
    return f"{count:,} {name}{'s' * (count != 1)}"


def format_percent(share: float | Tensor, digits: int = 0) -> str:
    """A share as 47 %, with a space that no line is broken at."""
    return f"{100 * float(share):.{digits}f}\u00a0%"


def format_part(part: float | Tensor) -> str:
    """A part of a whole in whole per cent; 0 % is said of nothing and 100 % of everything only."""
    part = float(part)
    if 0 < part <= 0.005:
        return f"less than {format_percent(0.01)}"
    return f"more than {format_percent(0.99)}" if 0.995 <= part < 1 else format_percent(part)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A small table in Markdown, to stand below a verdict. The first column names the rows; the others stand to the right."""
    lines = [columns, [":--", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def format_as(value: float, form: str = "g") -> str:
    """A number in one of Python's own formats, with a minus sign where it is below zero once it is rounded."""
    text = f"{abs(value):{form}}"
    return f"−{text}" if value < 0 and float(text) else text


def join_words(names: Sequence[str]) -> str:
    """"a", "a and b", "a, b and c"; the empty string for no names."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1] if names else "") if part)
