"""On one page no two ideas look alike: in both themes, and to eyes without one kind of cone."""

from __future__ import annotations

import numpy as np
import pytest

from figures import style
from tests import colours
from tests.pages import page_spec
from tests.runs import board_of

# Their presets take from ten to forty seconds together, and draw with the colours of the opening.
SLOW = {"batches", "batch_norm", "early_stopping", "initialisation"}


def boards(entry):
    """The boards of a page: its opening and its presets; of a slow lesson those that need no run of their own."""
    page, config = page_spec(entry.slug), entry.module().Config
    for scene in (config(), *(config(**preset.values) for preset in page.presets)):
        if entry.slug not in SLOW or scene.trained() == config():
            yield board_of(entry.slug, scene)


def test_no_two_ideas_of_a_page_look_alike(entry):
    names = colours.ideas_of(boards(entry))
    assert len(names) > 1
    assert colours.faults(names) == []


def test_every_colour_but_the_neutral_ones_is_of_one_kind():
    named = [name for names in colours.KINDS.values() for name in names]
    assert sorted(named) == sorted(set(style.COLOURS) - colours.NEUTRAL)


@pytest.mark.parametrize("kind", colours.KINDS)
def test_ideas_of_one_kind_may_share_a_page(kind):
    assert colours.faults(colours.KINDS[kind]) == []


def test_minima_may_lie_under_the_path_of_every_optimiser():
    assert colours.faults(colours.KINDS["minima"] + colours.KINDS["optimisers"] + ("class_a", "class_b")) == []


# Values of CSS Color 4 and of ColorAide 8.13, which has its own matrices, to four digits.
@pytest.mark.parametrize(("colour", "expected"), [
    ("#FFFFFF", (1, 0, 0)), ("#FF0000", (0.6280, 0.2249, 0.1258)), ("#00FF00", (0.8664, -0.2339, 0.1795)),
    ("#0000FF", (0.4520, -0.0325, -0.3115)), ("#008000", (0.5198, -0.1403, 0.1077)), ("#D55E00", (0.6213, 0.1151, 0.1257)),
])
def test_oklab_against_published_values(colour, expected):
    assert colours.oklab(colour) == pytest.approx(np.array(expected), abs=6e-5)


# sRGB of #D55E00 and #0072B2 through the filters of ColorAide 8.13, "machado" in linear light; below 0 is beyond a screen.
@pytest.mark.parametrize(("eye", "orange", "blue"), [
    ("protanopia", (0.5055, 0.4420, 0), (0.3244, 0.4571, 0.7085)),
    ("deuteranopia", (0.6186, 0.5484, 0), (0.2303, 0.4020, 0.6933)),
    ("tritanopia", (0.9196, 0.2528, 0.3143), (0, 0.5089, 0.5387)),
])
def test_eyes_without_a_kind_of_cone_against_another_implementation(eye, orange, blue):
    for colour, expected in (("#D55E00", orange), ("#0072B2", blue)):
        light = colours.seen(colour, eye)
        srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        assert srgb == pytest.approx(np.array(expected), abs=6e-5)
    for grey in ("#000000", "#777777", "#FFFFFF"):
        assert colours.distance(grey, grey, eye) == 0
        assert colours.oklab(grey, eye) == pytest.approx(colours.oklab(grey), abs=1e-5)


@pytest.mark.parametrize(("pair", "other", "found"), [
    (("#0072B2", "#5DB4E8"), "test", 8),  # equal: to four eyes in two themes
    (("#0072B2", "#F5B041"), "test", 4),  # equal in the light theme only
    (("#1D6FC0", "#F5B041"), "test", 4),  # L2 as it was, nearly the blue of a class
    (("#C81E1E", "#F5B041"), "test", 0),
])
def test_what_looks_alike_is_found(monkeypatch, pair, other, found):
    monkeypatch.setitem(style.COLOURS, "class_a", ("#0072B2", "#5DB4E8"))
    monkeypatch.setitem(style.COLOURS, other, pair)
    assert len(colours.faults(["class_a", other])) == found


def test_red_and_green_of_one_lightness_are_alike_without_one_kind_of_cone(monkeypatch):
    monkeypatch.setitem(style.COLOURS, "train", ("#B0522A", "#5DB4E8"))
    monkeypatch.setitem(style.COLOURS, "test", ("#767600", "#F5B041"))
    assert colours.distance("#B0522A", "#767600") > colours.ACROSS
    found = colours.faults(["train", "test"])
    assert len(found) == 1
    assert "deuteranopia" in found[0]


def test_ideas_are_read_from_traces_scales_frames_and_text():
    hue = style.colour
    bars = dict(type="bar", x=[0], y=[1], marker=dict(color=[hue("train", 0.4)]))
    ground = dict(type="heatmap", z=[[0, 1]], colorscale=[[0, hue("minimum_0")], [1, hue("minimum_1", 0.75)]])
    dots = dict(type="scatter", x=[0], y=[0], mode="markers", marker=dict(color=style.INK))
    dots = style.frames(dots, marker__color=[[hue("l1")]])
    figure = style.figure([bars, ground, dots], annotations=[style.label(0, 0, "test", "test")])
    assert colours.ideas(figure) == {"train", "minimum_0", "minimum_1", "l1", "test"}
