"""A button's press counts once, however often Streamlit hands it on, and none of a run that pauses is lost."""

from unittest import mock

from core.playground.setup import Setup
from core.simulation import Simulation
from ui import play_state
from ui.play_state import AGAIN, Play, press


def test_a_press_that_is_handed_on_twice_counts_once():
    play, done = Play(Simulation(Setup(samples=20))), []
    clock = iter((0.0, 0.1, 0.2, 1.0, 1.1, 1.2, 2.0))  # seconds
    with mock.patch.object(play_state, "current", return_value=play), mock.patch("time.monotonic", side_effect=clock):
        # The numbers that the button had where it was drawn: before the press was acted upon, and after.
        for count in (0, 0, 1, 1, 1, None):
            press("Pin", count, lambda: done.append("pin"))
        press("Undo", 0, lambda: done.append("undo"))
    assert done == ["pin"] * 2 + ["undo"] and 0.2 < AGAIN < 1.0


def test_every_press_of_a_run_that_pauses_counts():
    play, done = Play(Simulation(Setup(samples=20))), []
    with mock.patch.object(play_state, "current", return_value=play):
        for _ in range(4):
            press("Step", None, lambda: done.append("step"))
    assert done == ["step"] * 4
