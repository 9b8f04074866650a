"""Mixup: its algebra, its limits and its nets against torch.nn."""

from __future__ import annotations

import dataclasses
import math
import runpy
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from core import lesson
from core.calibration import expected_calibration_error
from core.engine import MLP, Adam, cross_entropy, generators, train
from core.lessons.mixup import lesson as mixup
from core.lessons.mixup import probes
from core.lessons.mixup.augmentation import Mixup, beta_variance, mix_pairs, one_hot
from core.lessons.mixup.lesson import ARMS, KEPT, PLACES, SEEDS, Config, Result

ROOT = Path(__file__).resolve().parents[3]
SHORT = dict(steps=100, samples=40)
WORLDS: list[dict[str, Any]] = [
    dict(SHORT), dict(SHORT, problem="digits"), dict(SHORT, alpha=0.01, corrupt=0, pair="bone"),
    dict(SHORT, alpha=20.0, corrupt=60, noise=0.0, pair="eye"),
    dict(problem="digits", samples=400, steps=100, seed=999, pair="brain"),
]
whole = lru_cache(maxsize=8)(mixup.run)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.nan_to_num(-1), b.nan_to_num(-1))
    if isinstance(a, tuple):
        return all(equal(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def same(a: Result, b: Result) -> bool:
    return all(equal(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(Result))


# Runs

def test_runs_repeat_bit_for_bit_and_leave_the_global_state():
    before = torch.get_rng_state()
    first, again, other = (mixup.run(Config(**SHORT, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), before)
    assert same(first, again) and not same(first, other)


def test_partial_results_are_the_beginning_of_the_whole():
    results = list(mixup.steps(Config(samples=40, steps=300)))
    assert len(results) > 3 and results[-1].step == 300
    for part in results:
        assert torch.equal(part.batch_loss, results[-1].batch_loss[: part.step])
        assert int(part.recorded[-1]) == part.step
        assert torch.equal(part.test_error, results[-1].test_error[: len(part.recorded)])


@pytest.mark.parametrize("values", WORLDS)
def test_data_are_what_the_controls_say(values: dict[str, Any]):
    config = Config(**values)
    data = mixup.make_data(config, mixup.streams(config)[0])
    wrong = (data.given != data.true).sum(-1)
    assert wrong.tolist() == [round(config.corrupt / 100 * config.samples)] * SEEDS
    assert data.x.shape[-1] == config.samples and data.given.max() < data.classes
    for x, x_test in zip(data.x, data.x_test, strict=True):
        assert not (x[:, :, None] == x_test[:, None]).all(0).any()  # no sample is in both sets
    result = whole(config)
    assert torch.equal(result.train_error[0, 0], result.train_error[0, 1])  # both arms start alike
    assert all(getattr(result, name).isfinite().all() for name in ("batch_loss", "own", "slope", "ece"))


# Truth

def test_mixed_labels_sum_to_one():
    for values in WORLDS:
        result = whole(Config(**values))
        assert (result.mixed_y >= 0).all() and torch.allclose(result.mixed_y.sum(0), torch.ones(1), atol=1e-6)


def test_cross_entropy_is_linear_in_the_mixed_label():
    generator = generators([0])[0]
    out = 3 * torch.randn(4, 10, 50, generator=generator, dtype=torch.float64)
    y_i, y_j = (one_hot(torch.randint(10, (4, 50), generator=generator), 10, torch.float64) for _ in range(2))
    for share in (0.0, 0.3, 1.0):
        mixed = cross_entropy.value(out, mix_pairs(y_i, y_j, share))
        apart = share * cross_entropy.value(out, y_i) + (1 - share) * cross_entropy.value(out, y_j)
        assert torch.allclose(mixed, apart, rtol=1e-13)


def test_lambda_one_is_ordinary_training_bit_for_bit():
    config = Config(samples=60, steps=100)
    _, start, training, _ = mixup.streams(config)
    data, mlp = mixup.make_data(config, mixup.streams(config)[0]), mixup.network(config)
    plain = lesson.last(train(
        mlp, mixup.both(mlp.init(start, "xavier")), mixup.both(data.x), mixup.both(one_hot(data.given, 2)), cross_entropy,
        Adam(mixup.LEARNING_RATE), steps=100, generators=[*training, *mixup.streams(config)[2]],
    ))
    result = mixup.run(config)
    assert torch.equal(plain.batch_loss[:, :SEEDS], result.batch_loss[:, 0])
    assert not torch.equal(plain.batch_loss[:, SEEDS:], result.batch_loss[:, 1])


def test_alpha_to_zero_is_the_ordinary_loss_of_a_resampled_batch():
    config = Config(**SHORT)
    data, mlp = mixup.make_data(config, mixup.streams(config)[0]), mixup.network(config)
    theta = mlp.init(generators([0]), "xavier")
    x, y = data.x[:1], one_hot(data.given[:1], 2)
    mixer = Mixup(torch.zeros(1))
    value = cross_entropy.value(mlp.forward(theta, (mixed := mixer(x, y, generators([1])))[0]), mixed[1])
    origin = torch.where(mixer.share[0] == 1, torch.arange(40), mixer.partner[0])
    assert torch.equal(value, cross_entropy.value(mlp.forward(theta, x[..., origin]), y[..., origin]))


def test_the_nets_approach_ordinary_ones_as_alpha_vanishes():
    # Not to zero: the resampled batches are noise, which ordinary training on the full set does not have.
    gaps = []
    for alpha in (0.01, 1.0):
        erm, mixed = mixup.confidence_at_half(mixup.run(Config(alpha=alpha, seed=1, steps=1500)))
        gaps.append(float(erm - mixed))
    assert abs(gaps[0]) < 0.12 and gaps[1] > 0.25


@pytest.mark.parametrize("alpha", [0.05, 1.0, 10.0])
def test_training_draws_lambda_with_the_variance_of_beta(alpha: float):
    shares = mixup.run(Config(alpha=alpha, samples=100, steps=100)).shares.double()
    assert shares.numel() == KEPT * 100
    assert shares.var().item() == pytest.approx(beta_variance(alpha), rel=5 * math.sqrt(2 / shares.numel()))


@pytest.mark.parametrize("values", [dict(samples=60, corrupt=40), dict(problem="digits", samples=160, alpha=0.3)])
def test_the_floor_is_the_mean_entropy_of_mixed_labels_and_holds(values: dict[str, Any]):
    config = Config(**values, steps=400)
    result = mixup.run(config)
    data, size = result.data, mixup.batch_size(config)
    mixer, order = Mixup(torch.full((SEEDS,), config.alpha)), generators(range(50, 50 + SEEDS))
    found = []
    for _ in range(150):
        pick = torch.stack([torch.randperm(config.samples, generator=g)[:size] for g in order])
        y = one_hot(data.given.gather(1, pick), data.classes)
        mixed = mixer(torch.zeros(SEEDS, 1, size), y, order)[1]
        found.append(torch.special.entr(mixed).sum(1).mean(1))
    entropies = torch.stack(found).mean(1)
    error = float(entropies.std()) / math.sqrt(len(entropies))
    assert float(entropies.mean()) == pytest.approx(result.floor, abs=5 * error) and error < 0.02 * result.floor
    assert (result.batch_loss[:, 1].mean(1).unflatten(0, (-1, 100)).mean(1) > result.floor).all()
    assert result.batch_loss[-20:, 0].mean() < result.batch_loss[-20:, 1].mean()


def torch_net(mlp: MLP, row: torch.Tensor) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in zip(mlp.sizes, mlp.sizes[1:], strict=False):
        parts += [nn.Linear(a, b), nn.Tanh()]
    net = nn.Sequential(*parts[:-1]).to(row.dtype)
    nn.utils.vector_to_parameters(row.clone(), net.parameters())
    return net


@pytest.mark.parametrize("problem", ["moons", "digits"])
def test_slopes_along_segments_are_those_of_autograd_on_torch_nn(problem: str):
    config = Config(**SHORT, problem=problem)
    rngs = mixup.streams(config)
    data, mlp = mixup.make_data(config, rngs[0]), mixup.network(config)
    judge = mixup._Evaluator(config, data, mlp, rngs[3])
    theta = mixup.both(mlp.init(rngs[1], "xavier"))
    theta[SEEDS:] *= 3
    own, sure, slope = judge.along(theta)
    count = own.shape[-1] // SEEDS
    for arm, seed, place, m in ((0, 0, 0, 0), (1, 2, 10, 5), (1, 4, 20, count - 1), (0, 3, 7, 11)):
        share = place / (PLACES - 1)
        x = (share * judge.x_i[seed, :, m] + (1 - share) * judge.x_j[seed, :, m]).requires_grad_()
        p = torch_net(mlp, theta[arm * SEEDS + seed])(x).softmax(0)
        p[judge.y_i[seed, m]].backward()
        at = arm, place, seed * count + m
        assert own[at].item() == pytest.approx(p[judge.y_i[seed, m]].item(), rel=1e-4)
        assert sure[at].item() == pytest.approx(p.max().item(), rel=1e-4)
        assert x.grad is not None and slope[at].item() == pytest.approx(x.grad.norm().item(), rel=1e-3)


def test_a_net_whose_p_is_lambda_meets_the_least_slope():
    # The logistic of a linear function has p(1 − p)‖w‖ as its gradient; along w itself nothing is steeper than it must be.
    config = Config(**SHORT)
    rngs = mixup.streams(config)
    judge = mixup._Evaluator(config, mixup.make_data(config, rngs[0]), mixup.network(config), rngs[3])
    own, _, slope = judge.along(mixup.both(mixup.network(config).init(rngs[1], "xavier")))
    rise = (own[:, 2:] - own[:, :-2]) / (2 / (PLACES - 1))  # dp/dλ by central differences
    assert (rise.abs() <= slope[:, 1:-1] * judge.length * 1.02 + 1e-4).all()


def test_calibration_is_of_the_test_set_seeds_pooled(opening: Result):
    assert opening.curve.count.sum(-1).tolist() == [SEEDS * probes.TEST] * 2
    right = (opening.curve.accuracy.nan_to_num() * opening.curve.count).sum(-1) / (SEEDS * probes.TEST)
    assert torch.allclose(1 - right, opening.test_error[-1].double().mean(-1), atol=1e-6)
    p = torch.tensor([[0.9, 0.2], [0.1, 0.8]])
    assert expected_calibration_error(p, torch.tensor([0, 1])).item() == pytest.approx(0.15)


def test_the_digits_plane_keeps_distances_and_holds_its_corners():
    config = Config(**SHORT, problem="digits")
    rngs = mixup.streams(config)
    data = mixup.make_data(config, rngs[0])
    x, y, points, corners, labels = probes.plane(data)
    assert corners is not None and labels is not None and labels.tolist() == [3, 8, 5]
    chosen = data.x_test[0, :, [int((data.y_test[0] == c).nonzero()[0]) for c in (3, 8, 5)]]
    assert torch.allclose(torch.pdist(corners.T), torch.pdist(chosen.T), rtol=1e-5)
    v, u = torch.meshgrid(y, x, indexing="ij")
    there = torch.stack([u.flatten(), v.flatten()])
    for k in range(3):
        assert torch.allclose((there - corners[:, k, None]).norm(dim=0), (points - chosen[:, k, None]).norm(dim=0), atol=1e-4)


@pytest.mark.parametrize("problem", ["moons", "digits"])
def test_with_corrupt_labels_mixup_is_less_sure_flatter_and_learns_fewer_of_them(problem: str):
    values = dict(problem=problem, samples=80 if problem == "moons" else 300, steps=600 if problem == "moons" else 400)
    for seed in (0, 1):
        result = mixup.run(Config(**values, corrupt=30, seed=seed))
        erm, mixed = mixup.confidence_at_half(result)
        assert mixed < erm - 0.1
        assert result.slope[1].mean() < result.slope[0].mean()
        assert result.train_error[-1, 1].mean() > result.train_error[-1, 0].mean() + 0.05
        assert result.test_error[-1, 1].mean() < result.test_error[-1, 0].mean()


def test_the_example_agrees_with_the_lesson(opening: Result):
    numbers = runpy.run_path(str(ROOT / "examples" / "mixup.py"))["main"]()
    for k, arm in enumerate(ARMS):
        for key, values in (("train_error", opening.train_error), ("test_error", opening.test_error)):
            low, high = values[-1, k].min().item(), values[-1, k].max().item()
            assert low - 0.08 <= numbers[f"{arm}_{key}"] <= high + 0.08
    assert numbers["mixup_test_error"] < numbers["erm_test_error"]
    assert numbers["mixup_confidence"] < numbers["erm_confidence"] - 0.1
