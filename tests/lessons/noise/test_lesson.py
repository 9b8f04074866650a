"""noise: closed forms, autograd and Monte Carlo against what the lesson computes."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from typing import Any

import pytest
import torch
from scipy.special import eval_legendre
from sklearn.linear_model import LinearRegression, Ridge
from torch import Tensor

from core.data import toys
from core.engine import MLP, SGD, InputNoise, Supervised, Trainer, WeightNoise, generators, squared
from core.lessons.noise import judging, lesson, linear
from core.lessons.noise.data import POINTS, SEEDS, STRENGTHS, one_hot, places
from core.lessons.noise.judging import largest_probability, optimal_gap
from core.lessons.noise.lesson import Config, Result
from core.lessons.noise.slopes import added_by_noise, added_by_small_noise, slopes
from examples import noise as example

whole = lru_cache(maxsize=4)(lesson.run)


@pytest.fixture(scope="module")
def opening() -> Result:
    return whole(Config())


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return torch.equal(a, b)
    return all(equal(x, y) for x, y in zip(a, b, strict=True)) if isinstance(a, tuple) else a == b


def test_runs_repeat_and_leave_the_global_state():
    before = torch.get_rng_state()
    first, again, other = (lesson.run(Config(steps=200, seed=s)) for s in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    fields = [f.name for f in dataclasses.fields(Result)]
    assert all(equal(getattr(first, f), getattr(again, f)) for f in fields)
    assert not torch.equal(first.x, other.x)


def samples(N: int = 20, d: int = 4) -> tuple[Tensor, Tensor]:
    g = generators([0])[0]
    return torch.randn(1, N, d, generator=g, dtype=torch.float64), torch.randn(1, N, generator=g, dtype=torch.float64) + 1


def test_ridge_is_that_of_scikit_learn_with_n_sigma_squared_for_the_sum():
    phi, y = samples()
    for sigma in (0.1, 1.0):
        w, c = linear.ridge(phi, y, torch.tensor([sigma**2], dtype=torch.float64))
        # scikit-learn minimises the sum of squares plus α‖w‖².
        other = Ridge(alpha=len(y[0]) * sigma**2).fit(phi[0].numpy(), y[0].numpy())
        assert w[0, 0].tolist() == pytest.approx(other.coef_.tolist(), rel=1e-9)
        assert c[0, 0].item() == pytest.approx(float(other.intercept_), rel=1e-9)


def test_fits_to_noisy_copies_are_least_squares_on_the_stacked_copies():
    phi, y = samples()
    w, c = linear.noisy_fits(phi, y, torch.tensor([0.0, 0.7], dtype=torch.float64), [1, 3], generators([5]))
    xi = torch.randn(3, 20, 4, generator=generators([5])[0], dtype=torch.float64)
    for m, copies in enumerate((1, 3)):
        stacked = (phi + 0.7 * xi[:copies]).reshape(-1, 4).numpy()
        other = LinearRegression().fit(stacked, y[0].repeat(copies).numpy())
        assert w[m, 1, 0].tolist() == pytest.approx(other.coef_.tolist(), rel=1e-8)
        assert c[m, 1, 0].item() == pytest.approx(float(other.intercept_), rel=1e-8)


def test_fresh_noise_on_inputs_is_ridge_and_noise_kept_is_not(opening: Result):
    off = opening.linear.off[:, 1:]
    assert (off[-1].mean(-1) < 0.25 * off[0].mean(-1)).all()
    phi, y = samples()
    counts = [50, 200, 800, 3200]
    sigma = torch.full((1,), 0.7, dtype=torch.float64)
    many = phi.repeat(20, 1, 1), y.repeat(20, 1)
    w, _ = linear.noisy_fits(*many, sigma, counts, generators(range(20)))
    exact, _ = linear.ridge(*many, sigma.square())
    error = (w - exact).square().sum(-1).mean((1, 2)).sqrt().log()
    slope = float(torch.linalg.lstsq(torch.stack([torch.tensor(counts).double().log(), torch.ones(4).double()], 1),
                                     error[:, None]).solution[0])
    assert slope == pytest.approx(-0.5, abs=0.08)


def test_training_a_linear_net_with_fresh_input_noise_ends_at_ridge_and_with_weight_noise_at_least_squares():
    phi, y = samples()
    net, sigma, K = MLP((4, 1)), 0.7, 40
    x, target = phi.mT.repeat(K, 1, 1), y[:, None].repeat(K, 1, 1)
    noise, rngs = InputNoise(sigma), generators(range(K))
    start = torch.zeros(K, net.P, dtype=torch.float64)
    batches = (noise(x, target, rngs) for _ in iter(int, 1))
    plain = Supervised(net, squared)
    trainer = Trainer(plain, start.clone(), SGD(0.02), batches)
    fixed = Trainer(WeightNoise(plain, 0.3), start.clone(), SGD(0.02), iter(lambda: (x, target), None),
                    generators=generators(range(K)))
    means = []
    for run in (trainer, fixed):
        run.advance(600)
        total = torch.zeros_like(start)
        for _ in range(200):
            run.advance(3)
            total += run.theta
        means.append(net.named(total / 200)["weight1"][:, 0])
    for found, penalty in zip(means, (sigma**2, 0.0), strict=True):
        exact = linear.ridge(phi, y, torch.tensor([penalty], dtype=torch.float64))[0][0, 0]
        error = found.std(0) / math.sqrt(K)
        assert ((found.mean(0) - exact).abs() < 5 * error + 1e-3).all()


def test_what_noise_adds_to_the_linear_objective(opening: Result):
    found, exact = opening.linear.added, opening.linear.added_theory
    assert found[0] == pytest.approx(exact[0].numpy(), rel=0.15, abs=1e-9)
    assert found[1] == pytest.approx(exact[1].numpy(), rel=0.35, abs=1e-9)
    assert torch.allclose(exact[1], exact[1, :, :1]) and torch.allclose(found[1], found[1, :, :1])  # no w in it
    phi = linear.polynomials(opening.x[0, 0], 4.0)
    assert opening.linear.weight_slope.item() == pytest.approx(float((phi.square().sum(1)).mean() + 1))


def test_polynomials_are_legendres():
    x = torch.linspace(-4, 4, 50)
    phi = linear.polynomials(x, 4.0)
    for k in range(1, linear.DEGREE + 1):
        assert phi[:, k - 1].numpy() == pytest.approx(math.sqrt(2 * k + 1) * eval_legendre(k, x.double().numpy() / 4), abs=1e-12)


def test_smoothed_labels_in_a_linear_model_shrink_its_outputs_exactly(opening: Result):
    eps = opening.epsilon.double()[:, None, None]
    assert torch.allclose(opening.linear.smoothed, (1 - eps) * opening.linear.plain + eps / 3, atol=1e-7)
    x, y = opening.points[0].T.numpy(), one_hot(opening.given[0], 3).T.numpy()
    assert opening.linear.plain.T.numpy() == pytest.approx(LinearRegression().fit(x, y).predict(x), abs=1e-5)


def test_slopes_and_bends_are_autograds():
    net = MLP((1, 6, 1))
    theta = net.init(generators(range(2)), dtype=torch.float64)
    x = torch.linspace(-2, 2, 5, dtype=torch.float64)
    at = slopes(net, theta, x[None, None])
    for k in range(2):
        for n, place in enumerate(x):
            def f(t: Tensor, a: Tensor) -> Tensor:
                return net.forward(t[None], a.reshape(1, 1, 1)).sum()
            leaf, spot = theta[k].clone().requires_grad_(), place.clone().requires_grad_()
            by_theta, by_x = torch.autograd.grad(f(leaf, spot), (leaf, spot))
            turned = torch.autograd.functional.hessian(lambda t, a=place: f(t, a), theta[k])
            curved = torch.autograd.functional.hessian(lambda a, t=theta[k]: f(t, a), place)
            wanted = (f(theta[k], place), by_x.square(), curved, by_theta.square().sum(), torch.as_tensor(turned).trace())
            assert [float(v[k, n]) for v in at] == pytest.approx([float(v) for v in wanted], rel=1e-9, abs=1e-12)


def test_slopes_in_the_plane_are_autograds():
    net = MLP((2, 6, 1))
    theta = net.init(generators([4]), dtype=torch.float64)
    x = torch.randn(2, 3, generator=generators([1])[0], dtype=torch.float64)
    at = slopes(net, theta, x[None])
    for n in range(3):
        def f(t: Tensor, a: Tensor) -> Tensor:
            return net.forward(t[None], a.reshape(1, 2, 1)).sum()
        by_theta, by_x = torch.autograd.functional.jacobian(f, (theta[0], x[:, n]))
        turned = torch.autograd.functional.hessian(lambda t, n=n: f(t, x[:, n]), theta[0])
        curved = torch.autograd.functional.hessian(lambda a: f(theta[0], a), x[:, n])
        wanted = (f(theta[0], x[:, n]), by_x.square().sum(), torch.as_tensor(curved).trace(), by_theta.square().sum(),
                  torch.as_tensor(turned).trace())
        assert [float(v[0, n]) for v in at] == pytest.approx([float(v) for v in wanted], rel=1e-9, abs=1e-12)


def test_noise_in_the_plane_adds_slope_and_bend():
    net = MLP((2, 6, 1))
    theta = net.init(generators([0]), dtype=torch.float64)
    g = generators([2])[0]
    x, y = torch.randn(1, 2, 8, generator=g, dtype=torch.float64), torch.randn(1, 1, 8, generator=g, dtype=torch.float64)
    for kind, limit in zip(("inputs", "weights"), added_by_small_noise(net, theta, x, y), strict=True):
        found = normals_added(net, theta, x, y, kind, torch.tensor([0.01], dtype=torch.float64)) / 0.01**2
        assert found[0].item() == pytest.approx(limit.item(), rel=0.06)


def test_noise_is_new_for_every_sample_update_and_seed_and_differs_in_size_alone_between_strengths():
    config = Config()
    data, rngs = lesson.make_data(config), lesson.streams(config)
    trainer = lesson.numbers_trainer(config, data, rngs)
    (first, _), (second, _) = (next(trainer.batches) for _ in range(2))
    clean = data.x.repeat(2 * STRENGTHS - 1, 1, 1)
    for xi in (first - clean, second - clean):
        by = xi.unflatten(0, (2 * STRENGTHS - 1, SEEDS))[:, :, 0]
        assert not by[0].any() and not by[STRENGTHS:].any(), "none without, none on inputs where it is on weights"
        sigma = lesson.strengths(config)[0][0]
        for level in range(2, STRENGTHS):
            torch.testing.assert_close(by[level] / sigma[level], by[1] / sigma[1], rtol=1e-3, atol=1e-5)
        assert len(by[1].flatten().unique()) == SEEDS * config.samples
    assert ((first - second).abs()[SEEDS : 2 * SEEDS] > 1e-7).all()


def test_noise_adds_the_slope_with_an_error_of_fourth_order():
    net = MLP((1, 8, 1))
    theta = net.init(generators([0]), dtype=torch.float64)
    g = generators([2])[0]
    x, y = (torch.randn(1, 1, 10, generator=g, dtype=torch.float64) for _ in range(2))
    for kind, limit in zip(("inputs", "weights"), added_by_small_noise(net, theta, x, y), strict=True):
        sigma = torch.tensor([0.01, 0.02], dtype=torch.float64)
        draws = normals_added(net, theta, x, y, kind, sigma)
        assert (draws / sigma[:, None].square())[0].item() == pytest.approx(limit.item(), rel=0.06)


def normals_added(net: MLP, theta: Tensor, x: Tensor, y: Tensor, kind: str, sigma: Tensor) -> Tensor:
    """The measurement, in float64 by a start of that kind."""
    return added_by_noise(net, theta, x, y, kind, sigma, 40_000, generators([3]))


def test_formulas_of_smoothing():
    for K in (2, 3, 10):
        for eps in (0.05, 0.5, 1.0):
            soft = torch.full((K,), eps / K, dtype=torch.float64)
            soft[0] += 1 - eps
            assert largest_probability(eps, K).item() == pytest.approx(soft[0].item())
            assert optimal_gap(eps, K).item() == pytest.approx((soft[0].log() - soft[1].log()).item(), abs=1e-12)
    assert math.isinf(optimal_gap(0.0, 3).item())


@pytest.mark.parametrize("seed", [0, 1])
def test_the_nets_gap_and_confidence_are_those_of_the_smoothed_labels(seed: int):
    result = whole(Config(seed=seed))
    ideal = optimal_gap(result.epsilon[1:], 3)[:, None]
    assert ((result.classes.gap[1:] - ideal).abs() < 0.05 * ideal).all()
    assert ((result.classes.sure - largest_probability(result.epsilon, 3)[:, None]).abs() < 0.01).all()
    assert (result.classes.gap[0] > result.classes.gap[1] + 3).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_noise_makes_nets_less_steep_on_every_seed(seed: int):
    curve = whole(Config(seed=seed)).numbers
    assert (curve.slope_inputs[0, -1] < curve.slope_inputs[0, 0]).all()
    assert (curve.slope_weights[1, -1] < curve.slope_weights[1, 0]).all()
    assert torch.equal(curve.fit[0, 0], curve.fit[1, 0])


def test_nothing_is_noisy_when_a_net_is_evaluated():
    config = Config(steps=200)
    data, rngs = lesson.make_data(config), lesson.streams(config)
    heights, labels = lesson.numbers_trainer(config, data, rngs), lesson.classes_trainer(config, data, rngs)
    fitted = judging.Fitted(*lesson.networks(config), heights.theta, labels.theta)
    heights.advance(5)
    first, again = (judging.numbers_now(fitted, data) for _ in range(2))
    assert equal(first, again)
    assert torch.equal(fitted.theta_numbers[:SEEDS], heights.theta[:SEEDS]) and len(heights.theta) == (2 * STRENGTHS - 1) * SEEDS
    wave = toys.wave(places())
    net = lesson.networks(config)[0]
    out = net.forward(heights.theta[:1], places()[None, None])[0, 0]
    assert first.test[0, 0, 0].item() == pytest.approx((out - wave).square().mean().sqrt().item(), rel=1e-4)


def test_data_are_what_the_controls_say(opening: Result):
    assert opening.x.shape == (SEEDS, 1, 20) and opening.points.shape == (SEEDS, 2, POINTS)
    assert opening.sigma[:, -1].tolist() == pytest.approx([0.9, 0.12]) and opening.sigma[:, 0].tolist() == [0, 0]


def test_the_example_tells_the_same(opening: Result):
    numbers = example.main()
    assert numbers["gap"] == pytest.approx(float(opening.classes.gap[-1].mean()), rel=0.03)
    assert numbers["sure"] == pytest.approx(float(opening.classes.sure[-1].mean()), abs=0.01)
    assert numbers["off_ridge"] < 0.02
