"""A button's press counts once, however often Streamlit hands it on."""

from unittest import mock

from core.playground.setup import Setup
from core.simulation import Simulation
from ui import play_state
from ui.play_state import Play, press


def test_a_press_that_is_handed_on_twice_counts_once():
    play, done = Play(Simulation(Setup(samples=20))), []
    with mock.patch.object(play_state, "current", return_value=play):
        for count in (0, 0, 1, 1, 1, 2):  # the numbers that the button had where it was drawn
            press("Step", count, lambda: done.append("step"))
        press("Undo", 0, lambda: done.append("undo"))
    assert done == ["step"] * 3 + ["undo"]
