"""The colours can be told from their ground, in both themes."""

from __future__ import annotations

import pytest

from figures import style

FURNITURE = {"grid", "axis", "paper", "soft"}  # lines that may recede, and the grounds themselves


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    low, high = sorted((luminance(one), luminance(two)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_against_known_values():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("idea", [name for name in style.COLOURS if name not in FURNITURE])
def test_every_idea_stands_out(idea, theme):
    least = 4.5 if idea in ("ink", "muted") else 3.0
    assert contrast(style.COLOURS[idea][theme], style.COLOURS["paper"][theme]) >= least


def test_light_colours_are_the_keys_of_the_swap():
    light = [pair[0].upper() for pair in style.COLOURS.values()]
    assert len(set(light)) == len(light)
