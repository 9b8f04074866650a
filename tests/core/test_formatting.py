"""Numbers as a reader is told them."""

import math
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.formatting import format_as, format_number, format_part, format_power_of_ten, join_words

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def read(text: str) -> float:
    """The number that the words say."""
    text = text.replace("−", "-").replace(",", "")
    if found := re.fullmatch(r"(-?)(?:([\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", text):
        return float(f"{found[1]}{found[2] or 1}e{found[3].translate(SUPERSCRIPTS)}")
    return float(text)


def test_examples():
    told = {0.0: "0", 0.15: "0.15", 1200: "1,200", 4.7e8: "4.7·10⁸", -3e-7: "−3·10⁻⁷", 1e5: "10⁵", 99.6: "100", 12345: "12,000",
            5e-324: "4.9·10⁻³²⁴", math.inf: "more than 10³⁸", -math.inf: "less than −10³⁸", 1.797e308: "more than 10³⁸"}
    assert {value: format_number(value) for value in told} == told
    assert format_number(12345, 3) == "12,300"
    assert format_number(torch.tensor(0.5)) == "0.5"
    with pytest.raises(ValueError, match="no number"):
        format_number(math.nan)


@given(st.floats(allow_nan=False, allow_infinity=False, max_value=1e307, min_value=-1e307), st.integers(2, 5))
def test_what_is_told_is_the_number_to_its_digits_and_never_zero_for_what_is_not(value, digits):
    told = format_number(value, digits)
    assert "e" not in told
    assert (told == "0") == (value == 0)
    assert read(told) == pytest.approx(value, rel=0.51 * 10.0 ** (1 - digits), abs=5e-324)


def test_powers_and_lists():
    assert format_power_of_ten(-400.2) == "10⁻⁴⁰⁰"
    assert [join_words(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_nothing_and_everything_are_said_of_themselves_only():
    told = {0.0: "0 %", 1e-9: "less than 1 %", 0.005: "less than 1 %", 0.006: "1 %", 0.47: "47 %", 0.994: "99 %",
            0.995: "more than 99 %", 1.0: "100 %"}
    assert {part: format_part(part).replace("\u00a0", " ") for part in told} == told
    assert format_part(torch.tensor(0.25)) == "25\u00a0%"


def test_python_formats_with_a_minus_sign():
    told = {(-6.0, "g"): "−6", (-0.25, "g"): "−0.25", (2.0, "g"): "2", (-0.04, ".1f"): "0.0",
            (-1234.4, ".0f"): "−1234", (0.0, "g"): "0"}
    assert {(value, form): format_as(value, form) for value, form in told} == told
