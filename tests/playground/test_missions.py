"""Each mission is solved by a recorded list of changes, at nearly every seed, and not by waiting."""

from dataclasses import replace

import pytest

from core.playground.missions import DATA, MISSIONS, STRENGTHS, Attempt
from core.playground.setup import Setup
from core.playground.view import look
from core.simulation import Simulation

ENOUGH = 8  # of seeds 0 to 9
BACK = "back"  # to the start, with the set-up as the mission has it

# What is changed, one after the other, and for how many steps it then trains.
SOLUTIONS = {
    "spiral": [(dict(hidden=(6.0, 6.0), method="adam", rate=0.03, inputs=("x1", "x2", "x1x1", "x2x2", "sin1", "sin2")), 1000)],
    "no_x2": [(dict(l1=0.03), 600)],
    "cure": [(dict(), 600), (dict(mixup=1.0), 600), (dict(mixup=0.0, input_noise=0.5), 700),
             (dict(input_noise=0.0, l2=0.01), 700), (dict(l2=0.03), 600), (dict(l2=0.0, l1=0.01), 900),
             (dict(l1=0.0, decay=1.0), 900)],
    "rate": [(dict(rate=1.0), 300), (BACK, 0), (dict(rate=0.1), 400), (dict(rate=0.3), 400)],
    "dead": [(dict(rate=10.0), 200)],
    "linear": [(dict(inputs=("x1x1", "x2x2"), rate=0.3), 400)],
    "fast": [(dict(inputs=("x1x1", "x2x2"), method="adam", rate=0.1), 100)],
    "modest": [(dict(smoothing=0.3), 1100)],
    "vanished": [(dict(), 100), (dict(activation="relu", method="adam", rate=0.01), 1500)],
    "average": [(dict(averaging=0.99), 1000)],
}
EACH = 50  # steps between two looks


def mission_at(name: str, seed: int):
    return replace(MISSIONS[name], setup=replace(MISSIONS[name].setup, seed=seed))


def train(attempt: Attempt, run: Simulation, steps: int, each: int = EACH) -> bool:
    for _ in range(0, steps, each):
        run.advance(each)
        if attempt.look(run, look(run)).right:
            return True
        if run.stopped:
            break
    return False


def solves(name: str, seed: int) -> bool:
    attempt = Attempt(mission_at(name, seed))
    run = Simulation(attempt.mission.setup)
    for change, steps in SOLUTIONS[name]:
        if change == BACK:
            run.apply(attempt.mission.setup)
            run.rewind()
        else:
            run.apply(replace(run.setup, **change))
        if train(attempt, run, steps):
            return True
    return False


def test_there_are_ten_and_each_has_a_solution():
    assert len(MISSIONS) == 10 and set(SOLUTIONS) == set(MISSIONS)
    for mission in MISSIONS.values():
        assert set(mission.keeps) <= set(Setup.controls()) and set(DATA) <= set(mission.keeps)
        assert len(mission.task) < 170 and mission.task.endswith(".")
    assert set(STRENGTHS) <= set(Setup.controls())


@pytest.mark.parametrize("name", MISSIONS)
def test_it_can_be_solved(name):
    solved = sum(solves(name, seed) for seed in range(10))
    assert solved >= ENOUGH, f"{solved} of 10 seeds"


@pytest.mark.parametrize("name", MISSIONS)
def test_waiting_does_not_solve_it(name):
    for seed in (0, 1):
        attempt = Attempt(mission_at(name, seed))
        assert not train(attempt, Simulation(attempt.mission.setup), 2000, each=100), attempt.verdict.words


def test_what_a_mission_keeps_must_stay():
    attempt = Attempt(MISSIONS["linear"])
    run = Simulation(replace(attempt.mission.setup, hidden=(8.0,), method="adam", rate=0.03))
    assert not train(attempt, run, 1000) and run.measure().error[2] < 0.05
    assert attempt.verdict.words == "Not yet: this mission keeps as it was: Hidden layers."


def test_two_regularisers_at_once_cure_nothing():
    attempt = Attempt(MISSIONS["cure"])
    run = Simulation(attempt.mission.setup)
    assert not train(attempt, run, 600) and "best" in attempt.notes
    run.apply(replace(run.setup, l2=0.03, l1=0.01))
    assert not train(attempt, run, 800) and not attempt.notes["cures"]


def test_what_is_solved_stays_solved():
    attempt = Attempt(MISSIONS["linear"])
    run = Simulation(replace(attempt.mission.setup, inputs=("x1x1", "x2x2"), rate=0.3))
    assert train(attempt, run, 400)
    words = attempt.verdict.words
    run.apply(replace(run.setup, inputs=("x1",)))
    assert attempt.look(run, look(run)).right and attempt.verdict.words == words and words.startswith("Solved: test error ")
