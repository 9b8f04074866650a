"""Mean teacher on two moons: its algebra and limits against torch, plain loops and closed forms."""

from __future__ import annotations

import dataclasses
import math
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from core import lesson as contract
from core.engine import MLP, Adam, Supervised, Trainer, binary_cross_entropy, generators, train
from core.lessons.mean_teacher import lesson, moons
from core.lessons.mean_teacher.lesson import NETS, SEEDS, Config, Result, Run
from core.lessons.mean_teacher.moons import Consistency, always, jitter, make_moons
from core.lessons.mean_teacher.teacher import Teacher, half_life, memory, ramp, shares, warmed_decay

ROOT = Path(__file__).resolve().parents[3]
WORLDS: list[dict[str, Any]] = [
    dict(steps=100), dict(steps=100, weight=0.0, decay=0.0), dict(steps=100, labels=2, wrong=4, unlabelled=20, norm="stale"),
    dict(steps=100, decay=0.9999, weight=1000.0, ramp=0, strength=0.4, spread=0.4),
    dict(steps=100, norm="averaged", strength=0.0),
]


def torch_net(mlp: MLP, row: torch.Tensor) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in zip(mlp.sizes, mlp.sizes[1:], strict=False):
        parts += [nn.Linear(a, b), nn.ReLU()]
    net = nn.Sequential(*parts[:-1]).to(row.dtype)
    nn.utils.vector_to_parameters(row.clone(), net.parameters())
    return net


# Runs

def test_runs_repeat_bit_for_bit_and_leave_the_global_state():
    before = torch.get_rng_state()
    first, again, other = (lesson.run(Config(steps=100, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    for field in ("score", "cost", "loss", "surface", "confirmed"):
        assert torch.equal(getattr(first, field), getattr(again, field))
        assert not torch.equal(getattr(first, field), getattr(other, field))


def test_partial_results_are_the_beginning_of_the_whole():
    results = list(lesson.steps(Config(steps=200)))
    for part in results:
        assert int(part.recorded[-1]) == part.step and len(part.cost) == part.step
        assert torch.equal(part.score, results[-1].score[: len(part.recorded)])
        assert torch.equal(part.loss, results[-1].loss[: part.step])
    assert results[-1].step == 200


@pytest.mark.parametrize("values", WORLDS)
def test_every_number_is_finite_and_the_data_are_what_the_controls_say(values: dict[str, Any]):
    config = Config(**values)
    result = lesson.run(config)
    for field in ("score", "agree", "confirmed", "mistaken", "cost", "loss"):
        assert getattr(result, field).isfinite().all()
    wrong = (result.data.given != result.data.true).sum((1, 2))
    assert (wrong == min(config.wrong, config.labels // 2)).all()
    assert result.data.labelled.shape == (SEEDS, 2, config.labels)
    assert result.data.unlabelled.shape == (SEEDS, 2, config.unlabelled)
    assert (result.data.true.sum((1, 2)) == config.labels // 2).all()
    assert (result.confirmed <= result.agree + 1e-6).all()
    for x, u, t in zip(result.data.labelled, result.data.unlabelled, result.data.x_test, strict=True):
        for a, b in ((x, u), (x, t), (u, t)):
            assert not (a[:, :, None] == b[:, None]).all(0).any()  # disjoint sets


# The average

def test_the_decay_is_warmed_up_and_the_half_life_is_its():
    for decay in (0.0, 0.3, 0.97, 0.9999):
        for t in (1, 2, 10, 1000):
            assert warmed_decay(t, decay) == min(1 - 1 / (t + 1), decay)
    assert half_life(0.97) == pytest.approx(math.log(0.5) / math.log(0.97)) == pytest.approx(22.757, abs=1e-3)
    assert 0.97 ** half_life(0.97) == pytest.approx(0.5) and half_life(0) == 0 and half_life(1) == math.inf


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.97, 0.9999])
def test_the_teacher_is_the_average_of_a_plain_loop_and_of_torch(decay: float):
    run = Run(Config(steps=100, decay=decay))
    start = run.trainer.theta.clone()
    net = torch_net(run.mlp, start[0])
    averaged = AveragedModel(net, avg_fn=lambda old, new, t: torch.lerp(new, old, min(1 - 1 / (int(t) + 1), decay)))
    averaged.update_parameters(net)
    mean, students = start.double(), [start.double()]
    for t in range(1, 61):
        run.trainer.advance(1)
        student = run.trainer.theta.double()
        students.append(student)
        keep = min(1 - 1 / (t + 1), decay)
        mean = keep * mean + (1 - keep) * student
        nn.utils.vector_to_parameters(run.trainer.theta[0].clone(), net.parameters())
        averaged.update_parameters(net)
    theirs = nn.utils.parameters_to_vector(averaged.module.parameters()).detach()
    assert torch.allclose(run.teacher.theta.double(), mean, atol=1e-5)
    assert torch.allclose(run.teacher.theta[0], theirs, atol=1e-5)
    weighted = torch.einsum("t,tkp->kp", shares(60, decay), torch.stack(students))
    assert torch.allclose(weighted, mean, rtol=1e-10, atol=1e-12)
    if decay > 60 / 61:
        assert torch.allclose(run.teacher.theta.double(), torch.stack(students).mean(0), atol=1e-5)


@pytest.mark.parametrize(("steps", "decay"), [(400, 0.0), (400, 0.97), (400, 0.9999), (100, 0.5)])
def test_memory_is_where_half_of_the_shares_are(steps: int, decay: float):
    share = shares(steps, decay)
    assert float(share.sum()) == pytest.approx(1)
    age = memory(steps, decay)
    assert share[-age:].sum() >= 0.5 - 1e-9 and (age == 1 or share[-age + 1:].sum() < 0.5)
    if decay == 0.97:
        assert abs(age - half_life(decay)) < 1
    assert age == 1 if decay in (0.0, 0.5) else True
    assert age == 201 if decay == 0.9999 else True  # of 401 students with equal shares


def test_the_weight_is_ramped_up():
    assert ramp(0, 100) == pytest.approx(math.exp(-5)) and ramp(50, 100) == pytest.approx(math.exp(-1.25))
    assert ramp(100, 100) == ramp(500, 100) == ramp(0, 0) == 1
    run = Run(Config(weight=30.0, ramp=80))
    assert [run.weight(step) for step in (0, 40, 80, 300)] == pytest.approx([30 * ramp(s, 80) for s in (0, 40, 80, 300)])


# The objective

def test_weight_zero_is_supervised_training_to_the_bit():
    for norm in ("none", "averaged"):
        config = Config(steps=100, weight=0.0, norm=norm)
        run = Run(config)
        start = run.trainer.theta.clone()
        run.advance(100)
        assert torch.equal(run.alone.theta, run.trainer.theta)
        plain = Trainer(Supervised(run.mlp, binary_cross_entropy, stats=run.mlp.running_stats(SEEDS)), start,
                        Adam(lesson.LEARNING_RATE), always((run.data.labelled, run.data.given)))
        plain.advance(100)
        assert torch.equal(plain.theta, run.trainer.theta)
    taught = lesson.run(Config(steps=100))
    untaught = lesson.run(Config(steps=100, weight=0.0))
    assert torch.equal(taught.score[:, 0], untaught.score[:, 0])  # the net alone never knows the weight
    config = Config(steps=100, weight=0.0)
    run = Run(config)
    theta = run.mlp.init(lesson.streams(config)[1], "xavier")
    plain = contract.last(train(run.mlp, theta, run.data.labelled, run.data.given, binary_cross_entropy,
                                Adam(lesson.LEARNING_RATE), steps=100, generators=generators(range(SEEDS))))
    assert torch.equal(plain.theta, untaught_theta(config))


def untaught_theta(config: Config) -> torch.Tensor:
    run = Run(config)
    run.advance(100)
    return run.trainer.theta


def objective(weight: float, dtype: torch.dtype = torch.float64) -> tuple[Consistency, torch.Tensor, Any]:
    mlp = MLP((2, 8, 8, 1), "relu")
    data = make_moons(6, 0, 30, 0.1, generators(range(SEEDS)))
    theta = mlp.init(generators(range(SEEDS)), "xavier").to(dtype)
    teacher = Teacher(mlp.init(generators(range(50, 50 + SEEDS)), "xavier").to(dtype), 0.9)
    made = Consistency(mlp, data.unlabelled.to(dtype), teacher, 0.2, lambda _: weight, None)
    return made, theta, (data.labelled.to(dtype), data.given.to(dtype))


def test_the_gradient_is_that_of_torch_with_the_teacher_held():
    made, theta, batch = objective(3.0)
    _, grad = made.value_and_gradient(theta, batch, generators(range(100, 100 + SEEDS)))
    again, _, _ = objective(3.0)
    student_x, teacher_x = again.views(generators(range(100, 100 + SEEDS)))
    for k in range(SEEDS):
        net = torch_net(made.mlp, theta[k])
        loss = nn.functional.binary_cross_entropy_with_logits(net(batch[0][k].T)[:, 0], batch[1][k, 0])
        guide = torch_net(made.mlp, made.teacher.theta[k])
        with torch.no_grad():
            target = torch.sigmoid(guide(teacher_x[k].T))
        p = torch.sigmoid(net(student_x[k].T))
        loss = loss + 3.0 * nn.functional.mse_loss(p, target)
        assert made.cost[0][k].item() == pytest.approx(nn.functional.mse_loss(p, target).item(), rel=1e-6)
        loss.backward()
        theirs = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
        assert torch.allclose(grad[k], theirs, rtol=1e-6, atol=1e-8)


def test_no_gradient_reaches_the_teacher_and_only_the_average_moves_it():
    made, theta, batch = objective(3.0)
    made.teacher.theta.requires_grad_()
    before = made.teacher.theta.detach().clone()
    target = made.target(made.x)
    assert not target.requires_grad and target.grad_fn is None
    made.value_and_gradient(theta, batch, generators(range(SEEDS)))
    assert made.teacher.theta.grad is None and torch.equal(made.teacher.theta, before)


def test_with_decay_zero_teacher_and_student_are_one_net():
    run = Run(Config(steps=100, decay=0.0))
    run.trainer.advance(50)
    assert torch.equal(run.teacher.theta, run.trainer.theta)


def test_jitter_is_an_affine_map_of_each_point():
    g = generators([5])[0]
    x, z = torch.randn(2, 2, 40, generator=g, dtype=torch.float64), torch.randn(2, 6, 40, generator=g, dtype=torch.float64)
    moved = jitter(x, z, 0.3)
    c = torch.tensor(moons.CENTRE, dtype=torch.float64)
    for s, j in ((0, 3), (1, 39)):
        G, shift = z[s, :4, j].reshape(2, 2), z[s, 4:, j]
        assert torch.allclose(moved[s, :, j], x[s, :, j] + 0.3 * (G @ (x[s, :, j] - c) + shift), rtol=1e-6)
    assert torch.equal(jitter(x, z, 0.0), x)


# Batch norm

def test_statistics_of_the_teacher_are_averaged_or_stale():
    for norm in ("averaged", "stale"):
        run = Run(Config(steps=100, norm=norm))
        assert run.stats is not None and run.teacher.stats is not None
        mean = run.stats.mean.clone().double()
        var = run.stats.var.clone().double()
        for t in range(1, 31):
            run.trainer.advance(1)
            keep = min(1 - 1 / (t + 1), 0.97)
            mean = keep * mean + (1 - keep) * run.stats.mean.double()
            var = keep * var + (1 - keep) * run.stats.var.double()
        if norm == "averaged":
            assert torch.allclose(run.teacher.stats.mean.double(), mean, atol=1e-5)
            assert torch.allclose(run.teacher.stats.var.double(), var, rtol=1e-4)
        else:
            assert not run.teacher.stats.mean.any() and (run.teacher.stats.var == 1).all()


# What is seen

def test_scores_are_those_of_torch_nets():
    run = Run(Config(steps=100))
    run.advance(40)
    run.look()
    score = run.result().score[-1]
    everyone = [*run.alone.theta, *run.trainer.theta, *run.teacher.theta]
    for k in range(len(NETS)):
        for s in range(SEEDS):
            out = torch_net(run.mlp, everyone[k * SEEDS + s])(run.data.x_test[s].T)[:, 0]
            right = ((out > 0) == (run.data.y_test[s, 0] > 0.5)).float().mean()
            assert score[k, s].item() == pytest.approx(right.item(), abs=0.003)


def test_it_helps_on_average_of_twenty_pairs_that_no_setting_was_chosen_on():
    gain = torch.cat([lesson.gains(lesson.run(Config(seed=seed))) for seed in range(100, 104)])
    assert gain.mean() > 0.02 and (gain > 0).sum() >= 14


def test_the_example_agrees_with_the_lesson(opening: Result):
    numbers = runpy.run_path(str(ROOT / "examples" / "mean_teacher.py"))["main"]()
    for k, net in enumerate(NETS):
        assert opening.score[-1, k].min() - 0.04 <= numbers[net] <= opening.score[-1, k].max() + 0.04
    assert numbers["teacher"] > numbers["alone"]
    assert dataclasses.is_dataclass(opening)
