"""A button's press counts once, however often Streamlit hands it on, and none is lost."""

from collections import Counter
from unittest import mock

from core.playground.setup import Setup
from core.simulation import Simulation
from ui import compat, play_state
from ui.play_state import Play, press


def test_each_press_is_acted_upon_once_whenever_it_is_handed_on():
    play, done = Play(Simulation(Setup(samples=20))), []
    # What the browser has told of when the callback is called: a press; the same again; two more at once; nothing new.
    told = [Counter(Pin=1), Counter(Pin=1), Counter(Pin=3), Counter(Pin=3, Undo=1)]
    with mock.patch.object(play_state, "current", return_value=play), mock.patch.object(compat, "presses", side_effect=told):
        for wanted in (1, 1, 3):
            press("Pin", lambda: done.append("Pin"))
            assert done == ["Pin"] * wanted
        press("Undo", lambda: done.append("Undo"))
    assert done == ["Pin"] * 3 + ["Undo"]


def test_every_callback_is_a_press_where_there_is_no_browser():
    play, done = Play(Simulation(Setup(samples=20))), []
    with mock.patch.object(play_state, "current", return_value=play):
        for _ in range(4):
            press("Step", lambda: done.append("Step"))
    assert done == ["Step"] * 4
