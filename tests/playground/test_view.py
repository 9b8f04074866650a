"""What is seen and said of a run: numbers against the net itself, and sentences at every set-up."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.lesson import scene_from_query
from core.playground import words
from core.playground.code import script
from core.playground.pins import Pin, differences, pin, seen
from core.playground.setup import DATA, Setup
from core.playground.view import SIDE, THIN, look, plane
from core.simulation import Simulation
from figures.playground import pictures
from tests.pages import playground_draw
from tests.scenes import NO_WORD, anything
from ui.chart import Board, encode


def test_the_surface_is_the_nets_answer_and_the_units_are_thinned():
    run = Simulation(Setup(samples=60), dtype=torch.float64)
    run.advance(100)
    view = look(run)
    places = plane(run.problem).double()
    assert places[0, :, SIDE + 2].tolist() == pytest.approx([-3 + 2 * 6 / (SIDE - 1), -3 + 6 / (SIDE - 1)], abs=1e-6)
    layers = run.net.activations(run.theta, places)
    assert torch.allclose(view.surface[0].flatten(), layers.out[0, 0].sigmoid().float())
    assert torch.allclose(view.units[1][2], layers.post[0][0, 2].unflatten(0, (SIDE, SIDE))[::THIN, ::THIN])
    assert [tuple(w.shape) for w in view.weights] == [(6, 2), (4, 6), (1, 4)]
    whole = torch.tensor(view.gradients).square().sum().sqrt()
    assert float(whole) == pytest.approx(float(run.gradient().norm()), rel=1e-6)


def test_looking_changes_nothing():
    runs = [Simulation(Setup(samples=60, dropout=0.2, norm="batch")) for _ in range(2)]
    for _ in range(10):
        for run in runs:
            run.advance(7)
        look(runs[0])
        look(runs[0], 1)
    assert torch.equal(runs[0].theta, runs[1].theta)


def test_looking_back_shows_the_net_that_was():
    run = Simulation(Setup(samples=60))
    run.advance(100)
    seen = look(run)
    run.advance(100)
    again = look(run, run.history.before(100))
    assert again.step == 100 and torch.equal(again.surface, seen.surface) and again.records[-1].step == 100


def test_thumbnails_are_upright_and_keep_the_sign():
    view = look(Simulation(Setup(samples=60)))
    rows = pictures.net(view).layers[0].images
    side = 1 + (SIDE - 1) // THIN  # both ends among them
    assert rows is not None and rows.shape == (1, 2, side, side) and rows.dtype == np.uint8 and (SIDE - 1) % THIN == 0
    assert (rows[0, 1, 0] > 128).all() and (rows[0, 1, -1] < 128).all(), "x₂ grows upwards"


@pytest.mark.parametrize("data", [name for name in DATA if name != "own"])
def test_every_data_set_is_drawn(data):
    run = Simulation(Setup(data=data, averaging=0.9))
    run.advance(30)
    view = look(run)
    board = playground_draw()(view, run.setup, True)
    assert encode(board).size < 60_000, "bytes of a message in which everything is new"
    assert encode(board, further=True).size < 20_000
    assert len(board.panels) <= Board.MOST


@pytest.mark.parametrize("seed", range(40))
def test_any_set_up_is_drawn_told_and_written_as_a_script(seed):
    rng = random.Random(seed)
    hidden = tuple(float(rng.choice((1, 3, 8, 32))) for _ in range(rng.randint(0, 6)))
    more = tuple((rng.randrange(1024), rng.randrange(1024), rng.randrange(5)) for _ in range(rng.randint(0, 20)))
    points = ((0, 0, 0), (900, 900, 1), *more)
    held = tuple({(rng.randint(1, 7), rng.randint(1, 32), rng.randint(0, 32)) for _ in range(rng.randint(0, 3))})
    data = rng.choice([name for name in DATA if name != "own"])
    run = Simulation(anything(Setup, rng, own="", data=data, hidden=hidden, points=points, frozen=held))
    pins: tuple[Pin, ...] = ()
    for _ in range(2):
        run.advance(80)
        view = look(run)
        pins = pin(pins, run)
        board = playground_draw()(view, run.setup, rng.random() < 0.5, (*pins, seen(view, run)))
        encode(board)
        encode(board, further=True)
        diagnosis = words.diagnose(view, run)
        panels = (*board.panels, *board.further)
        told = [words.where(view), *(f"{p.title} {p.caption} {p.alt}" for p in panels), *differences(pins)]
        for text in (*told, *([diagnosis.text, diagnosis.cure] if diagnosis else [])):
            assert not NO_WORD.search(text), text
        run.apply(replace(run.setup, rate=10.0))  # where many diverge
    compile(script(run.setup, run.problem), "script.py", "exec")
    if diagnosis and diagnosis.change:
        replace(run.setup, **diagnosis.change)
    assert scene_from_query(Setup, run.setup.query()) == (run.setup, [])


def test_what_diverges_is_told_with_the_bound_that_it_broke():
    run = Simulation(Setup(data="plane", hidden=(), rate=1.0, batch=1000))
    run.advance(100_000)
    diagnosis = words.diagnose(look(run), run)
    assert diagnosis and "> 2" in diagnosis.text and diagnosis.change == dict(rate=0.3)


def test_the_length_of_weights_whose_squares_overflow_is_told():
    run = Simulation(Setup(data="hills", rate=10.0, method="momentum"))
    run.advance(50)
    view = look(run, None)
    weights = np.concatenate([np.ravel(layer) for layer in view.weights]).astype(float)
    assert np.abs(weights).max() > 1e19
    assert view.now.norm == pytest.approx(np.linalg.norm(weights), rel=1e-6)


def test_dead_units_are_counted():
    run = Simulation(Setup(activation="relu", samples=60))
    run.theta[:, run.net.layout["bias1"].part] = -100.0
    view = look(run)
    assert view.dead >= 6
    diagnosis = words.diagnose(view, run)
    assert diagnosis and diagnosis.text.startswith(f"Dead: {view.dead} of 10")
    assert diagnosis.change == dict(activation="leaky_relu")


def test_over_fitting_is_told():
    run = Simulation(Setup(data="moons", noise=0.5, samples=80, hidden=(32.0, 32.0), method="adam", rate=0.01))
    run.advance(3000)
    diagnosis = words.diagnose(look(run), run)
    assert diagnosis and diagnosis.text.startswith("Over-fitting")
