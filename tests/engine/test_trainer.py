"""The trainer: advanced a few updates at a time, changed on the way, against torch.optim with the same changes."""

from dataclasses import replace
from itertools import count

import pytest
import torch
from torch import nn

from core.engine import (
    L1,
    L2,
    MLP,
    SGD,
    Adam,
    AdamW,
    MovingAverage,
    RMSProp,
    Supervised,
    Trainer,
    binary_cross_entropy,
    cosine,
    exponential_decay,
    generators,
    minibatches,
    normals,
    soft_threshold,
    squared,
    step_decay,
    warmup,
)

float64 = torch.float64
K, N, B = 3, 48, 16
RATES = torch.tensor([0.003, 0.01, 0.03], dtype=float64)
OPTIMISERS = {
    "SGD": (lambda lr: SGD(lr, momentum=0.9), lambda p, lr: torch.optim.SGD(p, lr, 0.9)),
    "Adam": (lambda lr: Adam(lr), lambda p, lr: torch.optim.Adam(p, lr)),
    "AdamW": (lambda lr: AdamW(lr), lambda p, lr: torch.optim.AdamW(p, lr)),
    "RMSProp": (lambda lr: RMSProp(lr), lambda p, lr: torch.optim.RMSprop(p, lr)),
}


def close(a, b, tolerance=1e-9):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def data(dtype=float64):
    x = normals(generators([100]), 2, N, dtype=dtype)
    return x, (x[:, :1] * x[:, 1:] > 0).to(dtype)


def make(optimiser, mlp=None, seeds=range(K), loss=binary_cross_entropy, penalty=None, dropout=None, **options):
    """A trainer of `mlp` on `data` in batches of B, and its objective."""
    mlp = mlp or MLP((2, 8, 1))
    theta = mlp.init(generators(seeds), dtype=float64)
    objective = Supervised(mlp, loss, penalty, dropout)
    return Trainer(objective, theta, optimiser, minibatches(*data(), B, generators(seeds)), **options), objective


def reference(k, theirs, sequential, changes, steps, penalty=None):
    """Row k by torch alone; `changes(optimiser, step)` before each update. Parameters and losses."""
    mlp = MLP((2, 8, 1))
    model = sequential(mlp, mlp.init(generators([k]), dtype=float64)[0])
    optimiser, batches, losses = theirs(model.parameters(), float(RATES[k])), minibatches(*data(), B, generators([k])), []
    for t in range(steps):
        changes(optimiser, t)
        x, y = next(batches)
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(x[0].T), y[0].T)
        total = loss + penalty(model, t) if penalty else loss
        total.backward()
        optimiser.step()
        losses.append(loss.detach())
    return nn.utils.parameters_to_vector(model.parameters()).detach(), torch.stack(losses)


def check(trainer, theirs, sequential, changes, steps, penalty=None):
    assert trainer.step == steps
    for k in range(K):
        theta, losses = reference(k, theirs, sequential, changes, steps, penalty)
        close(trainer.theta[k], theta)
        close(trainer.losses[:, k], losses)


@pytest.mark.parametrize(("ours", "theirs"), OPTIMISERS.values(), ids=OPTIMISERS.keys())
def test_advances_as_torch_does_in_parts_of_any_size(ours, theirs, sequential):
    trainer, _ = make(ours(RATES))
    for n in (1, 0, 7, 20, 2):
        trainer.advance(n)
    check(trainer, theirs, sequential, lambda *_: None, 30)


@pytest.mark.parametrize(("ours", "theirs"), OPTIMISERS.values(), ids=OPTIMISERS.keys())
def test_a_learning_rate_changed_on_the_way(ours, theirs, sequential):
    """The optimiser keeps its moments, as torch's does when param_groups change."""
    trainer, _ = make(ours(RATES))
    trainer.advance(10)
    trainer.optimiser = replace(trainer.optimiser, learning_rate=RATES / 4)
    trainer.advance(15)

    def changes(optimiser, t):
        if t == 10:
            optimiser.param_groups[0]["lr"] /= 4

    check(trainer, theirs, sequential, changes, 25)


def test_a_penalty_and_a_weight_decay_changed_on_the_way(sequential):
    ours, theirs = OPTIMISERS["AdamW"]
    trainer, objective = make(ours(RATES), penalty=L2(0.1))
    trainer.advance(10)
    objective.penalty = L1(0.02)
    trainer.optimiser = replace(trainer.optimiser, weight_decay=0.3)
    trainer.advance(10)

    def changes(optimiser, t):
        if t == 10:
            optimiser.param_groups[0]["weight_decay"] = 0.3

    def penalty(model, t):
        weights = [p for p in model.parameters() if p.ndim > 1]
        return 0.05 * sum(w.square().sum() for w in weights) if t < 10 else 0.02 * sum(w.abs().sum() for w in weights)

    check(trainer, theirs, sequential, changes, 20, penalty)


def test_dropout_changed_on_the_way():
    """Off, on, off: the same as a run that never dropped until it is on, and another one afterwards."""
    mlp = MLP((2, 8, 1))
    plain, _ = make(SGD(0.1), mlp)
    trainer, objective = make(SGD(0.1), mlp, generators=generators(range(K)))
    plain.advance(5)
    trainer.advance(5)
    assert torch.equal(plain.theta, trainer.theta)
    objective.dropout = torch.tensor([0.0, 0.3, 0.5])
    plain.advance(5)
    trainer.advance(5)
    assert torch.equal(plain.theta[0], trainer.theta[0])
    assert not torch.equal(plain.theta[1], trainer.theta[1]) and not torch.equal(plain.theta[2], trainer.theta[2])


SCHEDULES = {
    "steps": (step_decay(7, 0.3), lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.3)),
    "exponential": (exponential_decay(0.9), lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9)),
    "cosine": (cosine(24), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 24)),
    "warmup": (warmup(10, 0.1), lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, total_iters=10)),
    "one's own": (lambda t: 1 / (1 + t), lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + t))),
}


@pytest.mark.parametrize(("ours", "theirs"), [OPTIMISERS["SGD"], OPTIMISERS["AdamW"]], ids=["SGD", "AdamW"])
@pytest.mark.parametrize(("schedule", "scheduler"), SCHEDULES.values(), ids=SCHEDULES.keys())
def test_schedules_are_torchs(schedule, scheduler, ours, theirs, sequential):
    trainer, _ = make(ours(RATES), schedule=schedule)
    trainer.advance(9)
    trainer.advance(15)
    schedulers = {}

    def changes(optimiser, t):
        if t == 0:
            schedulers[optimiser] = scheduler(optimiser)
        else:
            schedulers[optimiser].step()

    check(trainer, theirs, sequential, changes, 24)


def test_a_schedule_of_each_row():
    factors = torch.tensor([1.0, 0.5, 0.0], dtype=float64)
    trainer, _ = make(SGD(0.1), schedule=lambda _: factors)
    fixed, _ = make(SGD(0.1 * factors))
    start = trainer.theta.clone()
    trainer.advance(10)
    fixed.advance(10)
    close(trainer.theta, fixed.theta, 1e-14)
    assert torch.equal(trainer.theta[2], start[2]) and not torch.equal(trainer.theta[1], start[1])


def test_schedules_stand_still_after_their_end():
    assert cosine(10)(25) == 0 and warmup(10)(25) == 1


def test_a_row_does_not_depend_on_the_number_of_rows():
    def run(seeds):
        average = []
        trainer, _ = make(Adam(0.01), MLP((2, 16, 16, 1)), seeds, dropout=0.3, generators=generators(seeds),
                          schedule=cosine(30))
        average.append(MovingAverage(trainer.theta, 0.9))
        trainer.after = average
        trainer.advance(20)
        return trainer.theta, trainer.losses.T, average[0].average

    many = run(range(8))
    for k in (0, 5):
        for all_rows, alone in zip(many, run([k]), strict=True):
            close(all_rows[k], alone[0], 1e-10)


@pytest.mark.parametrize("parts", [[25], [3, 4, 5, 13], [7] * 3 + [4], [1] * 25])
def test_the_newest_losses_are_kept(parts):
    """A ring of 7 after every part of a run equals the end of the history of all 25."""
    everything, _ = make(Adam(0.01), history=25)
    everything.advance(25)
    trainer, _ = make(Adam(0.01), history=7)
    for n in parts:
        trainer.advance(n)
        expected = everything.losses[max(0, trainer.step - 7) : trainer.step]
        assert torch.equal(trainer.losses, expected)
    with pytest.raises(ValueError, match=r"^history"):
        make(Adam(0.01), history=0)


def test_before_sees_and_may_change_the_gradient():
    """Clipping as torch does it, and theta as the gradient saw it."""
    thetas, values, bound = [], [], 0.05

    def clip(_, value, grad):
        values.append(value.clone())
        grad.mul_((bound / (grad.norm(dim=1, keepdim=True) + 1e-6)).clamp_max(1))

    def look(trainer, *_):
        thetas.append((trainer.step, trainer.theta.clone()))

    trainer, _ = make(SGD(1.0), before=[clip, look])
    start = trainer.theta.clone()
    trainer.advance(6)
    assert [step for step, _ in thetas] == list(range(6)) and torch.equal(thetas[0][1], start)
    assert torch.equal(torch.stack(values), trainer.losses)
    mlp = MLP((2, 8, 1))
    batches = minibatches(*data(), B, generators([1]))
    row = start[1:2].clone().requires_grad_()
    for _ in range(6):
        x, y = next(batches)
        (row.grad,) = torch.autograd.grad(binary_cross_entropy.value(mlp.forward(row, x), y).sum(), row)
        assert nn.utils.clip_grad_norm_([row], bound) > bound
        row.data.sub_(row.grad)
    close(trainer.theta[1], row[0].detach())


def test_project_and_after():
    seen, order = [], []

    def project(theta):
        order.append("project")
        theta.copy_(soft_threshold(theta, 0.01))

    def after(trainer):
        order.append("after")
        seen.append((trainer.step, trainer.theta.clone()))

    trainer, _ = make(SGD(0.1), project=project, after=[after])
    trainer.advance(4)
    assert order == ["project", "after"] * 4 and [step for step, _ in seen] == [1, 2, 3, 4]
    assert torch.equal(seen[-1][1], trainer.theta) and (trainer.theta == 0).any()


def test_moving_average_is_torchs():
    trainer, _ = make(Adam(0.05))
    average = MovingAverage(trainer.theta, torch.tensor([0.5, 0.9, 0.0], dtype=float64))
    trainer.after = [average]
    holder = nn.ParameterList([nn.Parameter(row.clone()) for row in trainer.theta])
    theirs = torch.optim.swa_utils.AveragedModel(holder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(holder)
    for _ in range(8):
        trainer.advance(1)
        for p, row in zip(holder, trainer.theta, strict=True):
            p.data.copy_(row)
        theirs.update_parameters(holder)
    close(average.average[1], list(theirs.module.parameters())[1].detach())
    close(average.average[2], trainer.theta[2])
    assert not torch.allclose(average.average[0], trainer.theta[0])


def test_streams_are_drawn_together():
    """One batch of each stream an update, under its name."""
    seen = []

    class Spy:
        def value_and_gradient(self, theta, batch, generators):
            seen.append(batch)
            return theta.sum(1), generators[0] * torch.ones_like(theta)

    theta = torch.zeros(2, 3)
    trainer = Trainer(Spy(), theta, SGD(1.0), {"labelled": count(), "unlabelled": count(100, 10)}, generators=[2])
    trainer.advance(2)
    trainer.advance(1)
    assert seen == [{"labelled": t, "unlabelled": 100 + 10 * t} for t in range(3)]
    assert theta.eq(-6).all() and trainer.losses.tolist() == [[0, 0], [-6, -6], [-12, -12]]


def test_divergence_stops_a_row_and_no_other():
    """Also under a projection and a moving average, and while the others' rates change."""
    def run(rates):
        trainer, _ = make(SGD(torch.tensor(rates, dtype=float64)), MLP((2, 8, 1), "relu"), [0] * len(rates), squared,
                          project=lambda theta: theta.mul_(0.999))
        average = MovingAverage(trainer.theta, 0.9)
        trainer.after = [average]
        for _ in range(50):
            trainer.advance(4)
        trainer.optimiser = replace(trainer.optimiser, learning_rate=0.02)
        trainer.advance(50)
        return trainer, average.average

    (sound, mean), (both, means) = run([0.01]), run([0.01, 30.0])
    t = int(both.diverged_at[1])
    assert sound.diverged_at.tolist() == [-1] and both.diverged_at[0] == -1 and 0 < t < 200
    close(both.theta[0], sound.theta[0], 1e-10)
    close(means[0], mean[0], 1e-10)
    assert both.theta.isfinite().all() and means.isfinite().all()
    assert both.losses[:t, 1].isfinite().all() and both.losses[t + 1 :, 1].isnan().all()
    still = both.theta[1].clone()
    both.advance(5)
    assert torch.equal(both.theta[1], still) and not torch.equal(both.theta[0], sound.theta[0])


def test_an_interrupted_run_goes_on():
    """A stream that ends raises, and what was done until then is kept."""
    mlp, (x, y) = MLP((2, 8, 1)), data()
    theta = mlp.init(generators(range(K)), dtype=float64)
    trainer = Trainer(Supervised(mlp, squared), theta, SGD(0.1), iter([(x, y)] * 3))
    with pytest.raises(StopIteration):
        trainer.advance(5)
    assert trainer.step == 3 and trainer.losses.shape == (3, K) and trainer.losses.isfinite().all()
    trainer.batches = iter([(x, y)] * 3)
    trainer.advance(2)
    whole = Trainer(Supervised(mlp, squared), mlp.init(generators(range(K)), dtype=float64), SGD(0.1), iter([(x, y)] * 5))
    whole.advance(5)
    assert torch.equal(whole.losses, trainer.losses) and torch.equal(whole.theta, theta)


def test_a_reader_between_calls_keeps_autograd():
    trainer, _ = make(Adam(0.01))
    trainer.advance(3)
    assert torch.is_grad_enabled() and not trainer.theta.is_inference() and not trainer.losses.is_inference()
    leaf = trainer.theta.clone().requires_grad_()
    squared.value(MLP((2, 8, 1)).forward(leaf, data()[0]), data()[1]).sum().backward()
    assert leaf.grad is not None
