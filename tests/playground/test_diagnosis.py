"""The diagnosis names what was exceeded by the run's own numbers, and the change that it suggests cures, over seeds."""

import re
from dataclasses import replace

import pytest
import torch

from core.playground.setup import Setup
from core.playground.view import look
from core.playground.words import diagnose
from core.simulation import Simulation

SEEDS = range(5)


def ill(steps: int, **values):
    run = Simulation(Setup(**values))
    run.advance(steps)
    found = diagnose(look(run), run)
    assert found is not None, run.measure()
    return run, found


# name, the sentence's beginning, steps, set-up, the change's button
FAULTS = [
    ("too small", "Under-fitting: with 2 hidden units the training error", 1500,
     dict(data="spiral", noise=0.05, hidden=(2.0,)), "Two layers of 8"),
    ("linear", "Under-fitting: without hidden layers", 1000, dict(data="xor", hidden=()), "Two hidden layers"),
    ("held", "Under-fitting: L2 is 0.3, ‖w‖ = ", 1000, dict(l2=0.3), "Without L2, from the start"),
    ("slow", "Plateau: over the last 500 steps", 1000, dict(rate=0.001), "Adam, ε = 0.01"),
    ("sigmoids", "Plateau: ", 1000, dict(hidden=(6.0,) * 3, activation="sigmoid"), "Adam, ε = 0.01"),
    ("alike", "Plateau: ", 1000, dict(start="zero"), "PyTorch's start"),
    ("decayed", "Plateau: ", 1000, dict(schedule="cosine", horizon=200, rate=0.03), "A constant ε"),
]


@pytest.mark.parametrize(("begins", "steps", "values", "cure"), [fault[1:] for fault in FAULTS], ids=[f[0] for f in FAULTS])
def test_the_change_brings_the_training_loss_down(begins, steps, values, cure):
    better = 0
    for seed in SEEDS:
        run, found = ill(steps, seed=seed, **values)
        assert found.text.startswith(begins) and found.cure == cure, found
        before = run.measure()
        run.apply(replace(run.setup, **found.change))
        if found.afresh:
            run.rewind()
        run.advance(2000)
        better += run.measure().loss[0] < 0.8 * before.loss[0]
    assert better >= len(SEEDS) - 1, f"{better} of {len(SEEDS)}"


def test_an_over_fitted_net_is_brought_back():
    better = 0
    for seed in SEEDS:
        run, found = ill(1500, seed=seed, data="moons", noise=0.5, samples=200, share=20, hidden=(32.0, 32.0), method="adam",
                         rate=0.01)
        before = run.measure()
        least = min(r.loss[1] for r in run.history.records)
        assert found.text.startswith("Over-fitting") and before.loss[1] > 1.15 * least
        run.apply(replace(run.setup, **found.change))
        run.advance(1500)
        better += run.measure().loss[1] < before.loss[1] - 0.5 * (before.loss[1] - least)
    assert better >= len(SEEDS) - 1


# name -> what is changed of a run that has learned, and makes both losses rise
THROWN_BACK = {"L2": dict(l2=0.3), "L1": dict(l1=0.1), "decay": dict(decay=1.0), "dropout": dict(dropout=0.9),
               "noise on weights": dict(weight_noise=1.0), "smoothing": dict(smoothing=0.9), "rate": dict(rate=10.0)}


@pytest.mark.parametrize("change", THROWN_BACK.values(), ids=THROWN_BACK)
def test_a_run_whose_training_loss_has_risen_too_is_not_called_over_fitted(change):
    for seed in SEEDS:
        run = Simulation(Setup(seed=seed))
        run.advance(600)
        run.apply(replace(run.setup, **change))
        for _ in range(8):
            run.advance(100)
            found = diagnose(look(run), run)
            assert found is None or not found.text.startswith("Over-fitting"), (seed, run.step, found)


def test_decay_that_throws_weights_over_zero_is_named():
    for method in ("sgd", "adam"):
        run, found = ill(2000, rate=3.0, decay=1.0, method=method)
        assert run.stopped == "diverged" and "1 − 3 × 1 = -2 a step, beyond −1" in found.text.replace("−2", "-2"), found
    _, found = ill(2000, rate=10.0, l2=1.0)
    assert "Weight decay" not in found.text and r"$\lambda_{\max}$" in found.text, "λ alone is the decay's"


def test_dead_units_live_again():
    better = 0
    for seed in SEEDS:
        run, found = ill(300, seed=seed, hidden=(8.0,), activation="relu", rate=10.0)
        assert found.text.startswith("Dead: ") and found.cure == "Leaky ReLU"
        silent = run.net.views(run.gradient())[0].weight[0].norm(dim=1) == 0
        dead = look(run).dead
        assert int(silent.sum()) >= dead > 2, "no gradient comes to what is counted as dead"
        run.apply(replace(run.setup, **found.change))
        run.advance(300)
        better += int((run.net.views(run.gradient())[0].weight[0].norm(dim=1) == 0).sum()) == 0
    assert better >= len(SEEDS) - 1


@pytest.mark.parametrize(("method", "bound"), [("sgd", 2.0), ("momentum", 2 * 1.9), ("nesterov", 2 * 1.9 / 2.8)])
def test_divergence_names_the_inequality_that_is_broken_and_the_change_ends_it(method, bound):
    for seed in SEEDS:
        rate = 1.0 if method != "momentum" else 3.0
        run, found = ill(5000, seed=seed, data="plane", hidden=(), batch=1000, method=method, rate=rate)
        x = torch.cat([run.inputs[0, :, : run.problem.size], torch.ones(1, run.problem.size)]).double()
        curvature = float(torch.linalg.eigvalsh(2 * x @ x.T / run.problem.size)[-1])
        assert rate * curvature > bound
        product = float(re.search(r"= ([\d.]+) > ", found.text)[1])
        assert product == pytest.approx(rate * curvature, rel=0.06), found.text
        for _ in range(3):
            run.apply(replace(run.setup, **found.change))
            assert found.afresh
            run.rewind()
            run.advance(3000)
            if run.stopped != "diverged":
                break
            found = diagnose(look(run), run)
        assert run.stopped == "" and run.measure().objective < 0.1
        assert run.setup.rate * curvature < bound


def test_the_bounds_are_those_at_which_a_quadratic_begins_to_grow():
    for method, bound in (("sgd", 2.0), ("momentum", 2 * 1.9), ("nesterov", 2 * 1.9 / 2.8)):
        for factor, grows in ((0.98, False), (1.02, True)):
            x = torch.ones(1, dtype=torch.float64, requires_grad=True)
            settings = {} if method == "sgd" else dict(momentum=0.9, nesterov=method == "nesterov")
            optimiser = torch.optim.SGD([x], lr=factor * bound, **settings)
            for _ in range(3000):
                optimiser.zero_grad()
                (x**2 / 2).sum().backward()
                optimiser.step()
            assert (not x.isfinite().all() or bool(x.abs() > 1e3)) == grows, (method, factor)


def test_where_no_bound_is_broken_the_rise_is_told():
    run = Simulation(Setup(data="plane", hidden=(), method="adam", rate=0.1))
    run.advance(50)
    run.theta.fill_(1e30)
    run.advance(50)
    assert run.stopped == "diverged"
    found = diagnose(look(run), run)
    assert "Adam moves each weight by about ε = 0.1 a step" in found.text and "> 2" not in found.text


def test_a_run_that_learns_has_no_fault():
    for values in (dict(), dict(data="spiral", noise=0.05, hidden=(16.0, 16.0), method="adam", rate=0.01, samples=400)):
        run = Simulation(Setup(**values))
        for _ in range(4):
            run.advance(250)
            assert diagnose(look(run), run) is None


def test_noise_of_the_heights_is_no_under_fitting():
    for noise in (0.5, 1.0):
        for seed in SEEDS:
            run = Simulation(Setup(data="plane", hidden=(), noise=noise, rate=0.01, seed=seed))
            run.advance(1500)
            x = torch.cat([run.inputs[0, :, : run.problem.size], torch.ones(1, run.problem.size)])
            y = run.problem.y[: run.problem.size]
            best = torch.linalg.lstsq(x.T, y[:, None]).solution
            assert run.measure().loss[0] < 1.05 * float((x.T @ best - y[:, None]).square().mean()), "the best there is"
            assert diagnose(look(run), run) is None
    _, found = ill(1500, data="hills", hidden=(), noise=0.1, rate=0.01)
    assert found.text.startswith("Under-fitting: without hidden layers heights are linear")


def test_dropout_without_hidden_layers_is_not_blamed():
    _, found = ill(1000, data="xor", hidden=(), dropout=0.9)
    assert found.cure == "Two hidden layers"


def test_dead_units_are_counted_among_the_relus():
    run = Simulation(Setup(hidden=(8.0, 8.0), activation="each", activation1="relu"))
    for unit in range(1, 5):
        run.edit(1, unit, 0, -1000.0)
    assert diagnose(look(run), run).text.startswith("Dead: 4 of 8 hidden ReLUs")
