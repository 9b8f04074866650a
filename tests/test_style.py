"""The colours can be told from their ground, in both themes."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from figures import style
from ui import compat

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


@pytest.mark.parametrize("layout", [
    dict(xaxis_range=[0, 1], yaxis_type="log", showlegend=False, shapes=[dict(type="line")], paper_bgcolor=style.PAPER),
    dict(xaxis=dict(type="log", title=dict(text="u")), yaxis=dict(type="log"),
         yaxis_title_standoff=3, legend_title_text="key", margin_l=3, title_text="title"),
    dict(scene=dict(xaxis=dict(title=dict(text="a")), camera_eye=dict(x=1)), scene_zaxis_range=[0, 1], scene_aspectmode="cube"),
])
def test_a_layout_is_as_plotly_itself_would_have_it(layout):
    whole = go.Figure(layout=dict(template="none", xaxis_title_text="x", yaxis_title_text="y") | layout)
    made = compat.figure_parts(style.figure(x="x", y="y", **layout))[1]
    assert go.Figure(layout=made).to_dict()["layout"] == whole.to_dict()["layout"]


def test_a_layout_that_is_handed_over_stays_as_it_was():
    axis = {"type": "log", "title": {"text": "u"}}
    style.figure(x="x", xaxis=axis, yaxis=axis, yaxis_title_standoff=3)
    assert axis == {"type": "log", "title": {"text": "u"}}
