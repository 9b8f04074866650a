"""The playground's run against torch.optim and autograd, and what it promises about changes, rewinding and coming back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from core.playground.frozen import held
from core.playground.setup import LIVE, Setup
from core.simulation import Simulation
from tests.playground.oracle import FLOAT, compare

SMALL = dict(samples=60, hidden=(5.0, 4.0))

# Every control that is live, one after the other, on one run that goes on; the tests below look that none is missing.
TOUR = [
    dict(rate=0.03),
    dict(batch=20),
    dict(batch=1),
    dict(batch=1000),
    dict(batch=10),
    dict(l2=0.03),
    dict(l1=0.003),
    dict(decay=0.1),
    dict(dropout=0.3),
    dict(input_noise=0.2),
    dict(weight_noise=0.1),
    dict(smoothing=0.2),
    dict(mixup=0.5),
    dict(clip=0.1),
    dict(averaging=0.9),
    dict(method="momentum"),
    dict(method="nesterov", alpha=0.5),
    dict(method="adagrad"),
    dict(method="rmsprop", rate=0.003),
    dict(method="adam"),
    dict(schedule="step", horizon=500),
    dict(schedule="cosine", horizon=1000),
    dict(schedule="warmup", horizon=2000),
    dict(loss="squared"),
    dict(loss="hinge"),
    dict(loss="cross_entropy", l1=0.0, dropout=0.0),
    dict(averaging=0.0, input_noise=0.0, mixup=0.0),
    dict(averaging=0.99),
    dict(frozen=((1, 2), (2, 1, 3), (2, 4, 0), (3, 1, 1))),
    dict(l1=0.01, decay=0.1, clip=0.3),
    dict(method="momentum", alpha=0.9),
    dict(frozen=()),
]
STRUCTURE = [
    dict(activation="relu"),
    dict(activation="leaky_relu"),
    dict(activation="sigmoid"),
    dict(activation="linear"),
    dict(activation="each", activation1="relu", activation2="sigmoid"),
    dict(hidden=()),
    dict(hidden=(4.0, 4.0, 4.0), skips=True),
    dict(norm="layer", batch=20),
    dict(norm="batch", batch=20),
    dict(norm="batch", batch=20, frozen=((1, 2), (2, 1, 3))),
    dict(start="he"),
    dict(start="xavier"),
    dict(start="normal"),
    dict(start="zero"),
    dict(inputs=("x1", "x2", "x1x1", "x2x2", "x1x2", "sin1", "sin2")),
    dict(inputs=("x2",)),
    dict(data="xor"),
    dict(data="gaussians"),
    dict(data="spiral"),
    dict(data="moons"),
    dict(data="blobs"),
    dict(data="arms"),
    dict(data="blobs4"),
    dict(data="pinwheel", rate=0.03),
    dict(data="plane", rate=0.03),
    dict(data="hills", rate=0.03),
    dict(data="drawn"),
    dict(data="cancer"),
    dict(data="blobs", loss="squared"),
    dict(data="blobs", loss="hinge"),
    dict(seed=3),
    dict(noise=0.3, share=80),
]


def test_every_live_control_is_toured():
    toured = {name for change in TOUR for name in change}
    assert LIVE - toured == {"points", "patience", "until", "epochs"}, "each has a test of its own below"


def test_torch_optim_step_for_step_through_every_live_control():
    assert compare(Setup(**SMALL), TOUR, steps=12) < 1e-9


@pytest.mark.parametrize("values", STRUCTURE, ids=str)
def test_torch_optim_step_for_step_for_every_design_and_data_set(values):
    assert compare(Setup(**SMALL | values), [dict(l2=0.01)], steps=15) < 1e-10


def test_strengths_on_three_classes():
    setup = Setup(
        **SMALL, data="arms", smoothing=0.1, mixup=1.0, dropout=0.2, input_noise=0.1, l1=0.003, method="adam", rate=0.01
    )
    assert compare(setup, [dict(loss="squared"), dict(decay=0.3)]) < 1e-10


def test_the_gradient_is_autograds():
    run = Simulation(Setup(**SMALL, l2=0.1, batch=1000, rate=0.1), dtype=FLOAT)
    before = run.theta.clone()
    gradient = run.gradient()
    run.advance(1)
    assert torch.allclose(run.theta, before - 0.1 * gradient, atol=1e-14)


def curve(run):
    return [(r.step, r.objective, *r.loss) for r in run.history.records]


NOISY = Setup(**SMALL, dropout=0.2, input_noise=0.1, mixup=0.2, weight_noise=0.02, norm="batch", averaging=0.9, method="adam",
              rate=0.01)


def test_rewind_gives_the_identical_curve():
    run = Simulation(NOISY)
    run.advance(333)
    first, theta = curve(run), run.theta.clone()
    run.rewind()
    assert run.step == 0 and len(run.history.records) == 1
    for part in (1, 7, 100, 225):
        run.advance(part)
    assert repr(curve(run)) == repr(first) and torch.equal(run.theta, theta), "to the bit, however it is cut into pieces"


def test_from_the_same_step_the_same_run():
    run = Simulation(NOISY)
    run.advance(700)
    whole, theta, average = curve(run), run.theta.clone(), run.average.theta.clone()
    run.go_to(run.history.before(215))
    assert run.step == 210
    run.advance(490)
    assert repr(curve(run)) == repr(whole) and torch.equal(run.theta, theta) and torch.equal(run.average.theta, average)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dropout", 0.3),
        ("input_noise", 0.2),
        ("weight_noise", 0.1),
        ("mixup", 0.5),
        ("l1", 0.01),
        ("l2", 0.01),
        ("decay", 0.1),
        ("smoothing", 0.1),
        ("averaging", 0.9),
    ],
)
def test_a_strength_that_was_on_for_a_while_leaves_all_other_random_numbers_alone(name, value):
    """Batches, masks and noise after it are those of a run that never had it: at the same parameters both take the same steps."""
    rest = dict(dropout=0.1, input_noise=0.05, weight_noise=0.02, mixup=0.2)
    rest.pop(name, None)
    plain = Simulation(Setup(**SMALL, **rest), dtype=FLOAT)
    other = Simulation(Setup(**SMALL, **rest), dtype=FLOAT)
    plain.advance(40)
    other.advance(20)
    other.apply(replace(other.setup, **{name: value}))
    other.advance(20)
    moved = not torch.equal(plain.theta, other.theta)
    assert moved or name == "averaging", "it had no effect"
    other.apply(replace(other.setup, **{name: 0.0}))
    other.trainer.theta.copy_(plain.theta)
    for run in (plain, other):
        run.advance(40)
    assert torch.equal(plain.theta, other.theta)


def test_a_change_takes_effect_at_the_next_update_and_not_before():
    run = Simulation(Setup(**SMALL, batch=1000), dtype=FLOAT)
    run.advance(5)
    before = run.theta.clone()
    assert run.apply(replace(run.setup, rate=0.3)) is False
    assert torch.equal(run.theta, before) and run.step == 5
    gradient = run.gradient()
    run.advance(1)
    assert torch.allclose(run.theta, before - 0.3 * gradient, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "rate"),
    [("sgd", 0.3), ("momentum", 0.03), ("nesterov", 0.03), ("adagrad", 1.0), ("rmsprop", 0.01), ("adam", 0.03)],
)
def test_l1_at_rest_fulfils_its_conditions_whatever_the_method(method, rate):
    alpha = 0.1
    run = Simulation(
        Setup(
            data="moons",
            samples=60,
            hidden=(),
            batch=1000,
            l1=alpha,
            method=method,
            rate=rate,
            inputs=("x1", "x2", "x1x1", "x2x2", "x1x2", "sin1", "sin2"),
        ),
        dtype=FLOAT,
    )
    run.advance(2000)
    weights, gradient = (v[0][run.mask > 0] for v in (run.theta, run.gradient()))
    gone = weights == 0
    assert 1 <= int(gone.sum()) < len(weights)
    tight = 1e-3 if method == "rmsprop" else 1e-5  # at a constant rate RMSProp does not come to rest on the bias
    assert (gradient[gone].abs() <= alpha + tight).all()
    assert torch.allclose(gradient[~gone], -alpha * weights[~gone].sign(), atol=tight)
    part = run.problem.part("training")
    fit = LogisticRegression(
        l1_ratio=1, solver="saga", C=1 / (alpha * run.problem.size), tol=1e-8, max_iter=20000, random_state=0
    )
    fit.fit(run.inputs[0, :, part].T.numpy(), run.problem.y[part].numpy())
    assert np.allclose(fit.coef_[0], weights.numpy(), atol=3e-3)
    assert ((np.abs(fit.coef_[0]) < 1e-4) == gone.numpy()).all()


def test_weights_that_l1_made_zero_come_back():
    run = Simulation(Setup(**SMALL, l1=0.3))
    run.advance(400)
    gone = (run.theta == 0) & (run.mask > 0)
    assert gone.sum() > 10
    run.apply(replace(run.setup, l1=0.0, data=run.setup.data))
    run.apply(replace(run.setup, weight_noise=0.1))
    run.advance(200)
    assert (run.theta[gone] != 0).all()


def test_a_unit_that_is_held_stays_and_may_move_again():
    run = Simulation(Setup(**SMALL, norm="layer", method="adam", rate=0.01, l1=0.01, decay=0.1))
    run.advance(50)
    run.apply(replace(run.setup, frozen=((1, 2),)))
    before = run.theta.clone()
    run.advance(50)
    moved = run.theta != before
    layer = run.net.views(moved)[0]
    for part in (layer.weight, layer.bias, layer.gamma, layer.beta):
        assert not part[0, 1].any() and part[0, [0, 2, 3, 4]].any()
    run.apply(replace(run.setup, frozen=()))
    run.advance(5)
    assert (run.net.views(run.theta != before)[0].weight[0, 1]).all()


def test_what_is_held_beyond_the_net_means_nothing():
    names = ((7, 1), (1, 32), (1, 1, 32), (2, 1))
    assert not held(Simulation(Setup(hidden=())).net, names).any()


def test_a_weight_is_written_taken_back_and_written_again():
    run = Simulation(Setup(**SMALL), dtype=FLOAT)
    run.advance(20)
    place, theta = run.net.views(run.theta)[1].weight, run.theta.clone()
    old = float(place[0, 2, 3])
    run.edit(2, 3, 4, 7.5)
    assert float(place[0, 2, 3]) == 7.5 and int((run.theta != theta).sum()) == 1
    assert run.history.records[-1].step == 20 and run.history.records[-1].norm > 7
    run.undo()
    assert float(place[0, 2, 3]) == old
    run.redo()
    assert float(place[0, 2, 3]) == 7.5
    run.edit(3, 1, 0, -1.0)
    assert float(run.net.views(run.theta)[2].bias[0, 0, 0]) == -1
    run.rewind()
    assert torch.equal(run.theta, run.start), "the start is the seed's"


def test_a_written_weight_that_is_gone_is_not_undone_into_another_net():
    run = Simulation(Setup(**SMALL), dtype=FLOAT)
    run.advance(20)
    run.apply(replace(run.setup, l2=0.01))
    run.edit(1, 1, 1, 3.0)
    run.advance(20)
    run.edit(1, 1, 2, 3.0)
    run.advance(20)
    run.go_to(run.history.before(30))
    theta = run.theta.clone()
    run.undo()
    assert int((run.theta != theta).sum()) == 1, "the first one is in the net still, the second is not"
    run.redo()
    run.rewind()
    assert run.undo() and run.setup.l2 == 0 and torch.equal(run.theta, run.start), "of the start nothing was written"
    assert not run.can_undo


@pytest.mark.parametrize("edit", [(4, 1, 1, 0.0), (1, 6, 1, 0.0), (1, 1, 3, 0.0), (0, 1, 1, 0.0), (1, 1, 1, float("nan")),
                                  (1, 1, 1, 1e9)])
def test_a_weight_that_is_not_there_or_no_number_is_left(edit):
    run = Simulation(Setup(**SMALL))
    with pytest.raises(ValueError, match=r"stays as it was|nothing has changed"):
        run.edit(*edit)
    assert torch.equal(run.theta, run.start) and not run.can_undo
