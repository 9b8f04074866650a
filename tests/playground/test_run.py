"""When the playground's run ends, what it remembers and tells, and what it is trained on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.engine import squared
from core.playground.setup import Setup
from core.simulation import Simulation
from tests.playground.oracle import FLOAT

SMALL = dict(samples=60, hidden=(5.0, 4.0))


def test_divergence_is_data():
    run = Simulation(Setup(data="plane", hidden=(), rate=10.0, batch=1000))
    run.advance(100_000)
    assert run.stopped == "diverged" and int(run.trainer.diverged_at) == run.step > 2
    assert torch.isfinite(run.theta).all(), "the last parameters that were finite are kept"
    assert run.measure().epoch == run.step, "all samples make one batch"
    small = Simulation(Setup(data="plane", hidden=(), rate=10.0, batch=20))
    small.advance(100_000)
    epochs, rest = divmod(small.step, 8)  # 150 samples: seven batches of 20 and one of 10
    assert small.measure().epoch == pytest.approx(epochs + 20 * rest / 150)
    assert run.advance(10) == 0
    assert run.rate * run.curvature() > 2
    run.rewind()
    assert run.stopped == "" and run.step == 0


def test_the_largest_rate_is_two_over_the_curvature():
    flat = Simulation(Setup(data="plane", hidden=(), rate=0.1, batch=1000), dtype=FLOAT)
    x = torch.cat([flat.inputs[0, :, : flat.problem.size], torch.ones(1, flat.problem.size, dtype=FLOAT)])
    hessian = 2 * x @ x.T / flat.problem.size
    assert flat.curvature() == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=1e-9)


def test_undo_and_redo():
    run = Simulation(Setup(**SMALL))
    first = run.setup
    run.advance(30)
    run.apply(replace(first, rate=0.3))
    second = run.setup
    run.apply(replace(second, l1=0.01))
    assert run.can_undo and not run.can_redo
    assert run.undo() and run.setup == second and run.step == 30
    assert run.undo() and run.setup == first and run.trainer.optimiser.learning_rate == first.rate
    assert not run.undo()
    assert run.redo() and run.setup == second
    run.apply(replace(second, batch=20))
    assert not run.redo(), "a change of one's own ends what could be done again"
    run.apply(replace(run.setup, data="xor"))
    assert run.step == 0
    run.undo()
    assert run.setup.data == "circles" and run.setup.batch == 20


def test_rules_that_stop():
    run = Simulation(Setup(**SMALL, epochs=10))
    run.advance(10_000)
    assert run.stopped == "epochs" and run.history.records[-1].epoch >= 10 > run.history.records[-2].epoch
    run = Simulation(Setup(until=0.3, method="adam", rate=0.03))
    run.advance(10_000)
    assert run.stopped == "loss" and run.history.records[-1].loss[1] <= 0.3 < run.history.records[-2].loss[1]
    run = Simulation(Setup(**SMALL, noise=1.0, patience=20, method="adam", rate=0.1))
    run.advance(10_000)
    assert run.stopped == "patience"
    least = min(run.history.records, key=lambda r: r.loss[1])
    assert run.best[2] == least.step and run.history.records[-1].epoch - least.epoch >= 20
    run.apply(replace(run.setup, patience=0))
    assert run.stopped == "" and run.advance(10) == 10


def test_memory_is_bounded_and_what_is_kept_depends_on_the_step_alone():
    run = Simulation(Setup(**SMALL, batch=1000))
    run.history.capacity = 20
    run.advance(2_600)
    steps = [r.step for r in run.history.records]
    assert len(steps) <= 21 and steps == list(range(0, 2_601, 200))
    other = Simulation(Setup(**SMALL, batch=1000))
    other.history.capacity = 20
    for _ in range(26):
        other.advance(100)
    assert [r.step for r in other.history.records] == steps
    assert all(s.step == r.step for s, r in zip(run.history.snapshots, run.history.records, strict=True))


def test_drawn_points_change_under_the_net_and_need_two_classes():
    run = Simulation(Setup(data="drawn"))
    run.advance(50)
    theta = run.theta.clone()
    assert run.apply(replace(run.setup, points=(*run.setup.points, (10, 10, 2)))) is False
    assert run.problem.size == len(run.setup.points) and torch.equal(run.theta, theta) and run.step == 50
    before = run.setup
    with pytest.raises(ValueError, match="at least two classes"):
        run.apply(replace(run.setup, points=((1, 1, 0),)))
    assert run.setup == before and run.advance(5) == 5


@pytest.mark.parametrize("data", ["circles", "cancer", "plane"])
def test_the_three_sets_share_no_sample(data):
    run = Simulation(Setup(data=data, samples=200))
    ends = run.problem.ends
    assert ends == (100, 150, 200)
    assert len({tuple(row) for row in run.x[0].T.tolist()}) >= 0.98 * 200, "no place is in two sets, but for equal patients"


def test_what_is_told_as_loss():
    run = Simulation(Setup(**SMALL, l1=0.03, l2=0.1, smoothing=0.2), dtype=FLOAT)
    run.advance(20)
    now, part = run.measure(), run.problem.part("training")
    logits = run.forward(run.theta, run.inputs, None)[0, 0]
    y = run.problem.y.to(FLOAT)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    assert now.loss[0] == pytest.approx(float(entropy(logits[part], y[part])))
    weights = run.theta[0][run.mask > 0]
    minimised = entropy(logits[part], 0.8 * y[part] + 0.1) + 0.03 * weights.abs().sum() + 0.05 * weights.square().sum()
    assert now.objective == pytest.approx(float(minimised))
    test = run.problem.part("test")
    assert now.error[2] == pytest.approx(float(((logits[test] > 0) != (y[test] > 0.5)).float().mean()))


def test_a_regression_is_squared_whatever_the_loss_says():
    run = Simulation(Setup(data="plane", loss="hinge", smoothing=0.2))
    assert run.loss is squared and np.isnan(run.measure().error[0])
    run.advance(20)


def test_the_cancer_measures_are_strong_and_differ():
    run = Simulation(Setup(data="cancer", samples=500, share=50, hidden=(), method="adam", rate=0.1))
    run.advance(500)
    assert run.measure().error[2] < 0.1 and len(set(run.problem.axes)) == 2


def test_a_drawn_class_more_is_an_output_more_and_its_points_go_on_otherwise():
    run = Simulation(Setup(data="drawn", hidden=(4.0,)))
    run.advance(20)
    assert run.net.sizes[-1] == 3
    more = (*run.setup.points, (900, 100, 2))
    assert run.apply(replace(run.setup, points=more)) is False and run.step == 20
    assert run.apply(replace(run.setup, points=(*more, (100, 100, 4)))) is True
    assert run.net.sizes[-1] == 5 and run.step == 0
    assert run.undo() and run.net.sizes[-1] == 3
    with pytest.raises(ValueError, match="two classes"):
        run.apply(replace(run.setup, points=more[:1]))
    assert run.setup.points == more and run.problem.size == len(more)


def test_another_loss_measures_the_curves_anew():
    run = Simulation(Setup(data="moons", loss="squared", averaging=0.9, patience=200))
    run.advance(600)
    run.apply(replace(run.setup, loss="cross_entropy"))
    part = run.problem.part("validation")
    y = run.problem.y[None, None, part].float()
    for k in (0, 30, -1):
        record, snapshot = run.history.records[k], run.history.snapshots[k]
        out = run.net.forward(snapshot.theta, run.inputs[:, :, part])
        assert record.loss[1] == pytest.approx(float(torch.nn.functional.binary_cross_entropy_with_logits(out, y)), rel=1e-5)
        out = run.net.forward(snapshot.average, run.inputs[:, :, part])
        assert record.averaged[1] == pytest.approx(float(torch.nn.functional.binary_cross_entropy_with_logits(out, y)), rel=1e-5)
    assert run.best[0] == min(record.loss[1] for record in run.history.records)


def test_a_run_that_is_taken_up_forgets_the_best_of_what_came_after():
    run = Simulation(Setup(data="moons", noise=0.5, samples=80, hidden=(32.0, 32.0), method="adam", rate=0.01, patience=20))
    run.advance(5000)
    ended, best = run.step, run.best
    place = run.history.before(best.step - 1)
    run.go_to(place)
    assert run.best.step <= run.step < best.step
    run.advance(5000)
    assert (run.step, run.best) == (ended, best)


def test_what_has_no_effect_is_no_field_of_the_set_up():
    linear = Setup(hidden=(), dropout=0.5)
    assert not any(linear.matters(name) for name in ("activation", "norm", "skips", "dropout")) and linear.used("dropout") == 0
    heights = Setup(data="hills", loss="hinge", mixup=0.5, smoothing=0.5)
    assert heights.matters("mixup") and heights.used("mixup") == 0.5
    assert not heights.matters("smoothing") and heights.used("smoothing") == 0
