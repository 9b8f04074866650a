"""batches: the finite-population formula by enumeration, SGD's stationary variance, matched sharpness, plain PyTorch."""

from __future__ import annotations

import math
from itertools import combinations, product

import pytest
import torch

from core.engine import MLP, binary_cross_entropy, generators, normals
from core.lesson import last
from core.lessons.batches import lesson
from core.lessons.batches import race as batch_race
from core.lessons.batches.lesson import Config, trained_sizes
from core.lessons.batches.noise import batch_means, orders, per_sample_gradients, spread, variance_factor
from core.lessons.batches.quadratic import simulate_sgd, stationary_variance
from core.lessons.batches.race import RECORDS, descend
from core.moments import NEVER
from examples import batches as example


@pytest.mark.parametrize("n", [2, 5, 7])
def test_all_subsets_have_the_variance_of_the_formula(n):
    values = normals(generators([n]), n, dtype=torch.float64)[0]
    one = values.var(correction=0)
    for m in range(1, n + 1):
        subsets = torch.tensor(list(combinations(range(n), m)))
        means = values[subsets].mean(1)
        assert float(means.mean()) == pytest.approx(float(values.mean()), abs=1e-13)
        assert float(means.var(correction=0)) == pytest.approx(float(one) * variance_factor(m, n, False), abs=1e-13)
    for m in range(1, 5 if n < 7 else 4):
        means = values[torch.tensor(list(product(range(n), repeat=m)))].mean(1)
        assert float(means.var(correction=0)) == pytest.approx(float(one) * variance_factor(m, n, True), abs=1e-13)


def test_edges_of_the_formula():
    assert variance_factor(6, 6, False) == 0
    assert variance_factor(1, 1, False) == 1
    assert variance_factor(12, 6, True) == 1 / 12
    for m in (0, 7):
        with pytest.raises(ValueError, match=f"m={m}"):
            variance_factor(m, 6, False)


def test_per_sample_gradients_are_autograds_and_their_mean_is_the_full_gradient():
    net, rng = MLP(sizes=(2, 4, 3, 1)), generators([3])
    theta, x = net.init(rng, "he", dtype=torch.float64)[0], normals(rng, 2, 9, dtype=torch.float64)[0]
    y = (torch.arange(9) % 2).double()
    rows = per_sample_gradients(net, theta, x, y, binary_cross_entropy)

    def loss(t: torch.Tensor, i: slice) -> torch.Tensor:
        return binary_cross_entropy.value(net.forward(t[None], x[None, :, i]), y[None, None, i])[0]

    for i in range(9):
        oracle = torch.autograd.functional.jacobian(lambda t, i=i: loss(t, slice(i, i + 1)), theta)
        torch.testing.assert_close(rows[i], oracle, atol=1e-12, rtol=1e-10)
    whole = torch.autograd.functional.jacobian(lambda t: loss(t, slice(None)), theta)
    at = spread(rows)
    torch.testing.assert_close(rows.mean(0), whole, atol=1e-12, rtol=1e-10)
    assert at.norm == pytest.approx(float(whole.norm()), rel=1e-10)
    values = torch.linalg.svdvals(rows - rows.mean(0)).square() / 9
    torch.testing.assert_close(at.variance, values[:2], atol=1e-12, rtol=1e-9)
    assert at.total == pytest.approx(float(values.sum()), rel=1e-10)
    torch.testing.assert_close(at.offsets[:, 2] + at.norm, rows @ whole / whole.norm(), atol=1e-10, rtol=1e-9)


def test_a_film_does_not_flip_its_axes():
    rows = normals(generators([0]), 20, 6, dtype=torch.float64)[0]
    axes = spread(rows).axes
    again = spread(rows, before=-axes).axes
    torch.testing.assert_close(again, -axes)


def test_batches_are_the_means_of_the_samples_that_were_drawn():
    order = orders(12, 7, generators([0])[0])
    assert bool((order[0].sort(1)[0] == torch.arange(12)).all()), "without replacement every sample comes once"
    values = normals(generators([1]), 12, 3, dtype=torch.float64)[0]
    means = batch_means(values, order, (1, 5, 12))
    for w, (i, m), b in product(range(2), enumerate((1, 5, 12)), range(7)):
        torch.testing.assert_close(means[w, i, b], values[order[w, b, :m]].mean(0))


@pytest.mark.parametrize("replacement", [False, True])
def test_the_cloud_has_the_variance_of_theory(opening, replacement):
    """500 draws: a variance is known to within some 6 % (more with heavy tails); every size and moment within 30 %."""
    config = Config(replacement=replacement)
    ratios = []
    for moment in opening.moments:
        for m in opening.sizes:
            measured, theory = lesson.noise(moment, m, config)
            if theory == 0:
                assert m == 256 and not replacement and measured == 0
            else:
                ratios.append((measured / theory) ** 2)
    assert max(ratios) < 1.3 and min(ratios) > 0.7
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.12)


def test_sgd_on_a_noisy_quadratic_reaches_the_stationary_variance():
    rates = (0.05, 0.2, 1.0, 1.8)
    walks = simulate_sgd(rates, (1, 4, 64), 1.0, 300, 2000, generators([0])[0])
    for i, m in enumerate((1, 4, 64)):
        for r, rate in enumerate(rates):
            assert float(walks.variance[i, r]) == pytest.approx(stationary_variance(rate, 1, 1, m), rel=0.06)


def test_the_stationary_variance_is_a_fixed_point_and_has_its_limits():
    for rate, curvature, variance, m in ((0.3, 2.0, 5.0, 8), (1.9, 1.0, 1.0, 1), (0.01, 0.5, 3.0, 100)):
        v = stationary_variance(rate, curvature, variance, m)
        assert (1 - rate * curvature) ** 2 * v + rate**2 * variance / m == pytest.approx(v, rel=1e-12)
    assert stationary_variance(1e-6, 2.0, 3.0, 4) == pytest.approx(1e-6 * 3 / (2 * 4 * 2.0), rel=1e-5)
    assert stationary_variance(2.0, 1.0, 1.0, 8) == math.inf
    assert stationary_variance(2.5, 1.0, 1.0, 8) == math.inf


def test_beyond_two_the_quadratic_diverges():
    walks = simulate_sgd((1.9, 2.1), (1,), 1.0, 300, 50, generators([0])[0])
    assert float(walks.variance[0, 1]) > 1e6 * float(walks.variance[0, 0])


def test_all_runs_share_their_starts_and_reach_the_level_when_they_say(opening):
    config = Config()
    assert [a.batch_size for a in opening.arms] == list(trained_sizes(config))
    for arm in opening.arms:
        torch.testing.assert_close(arm.loss[0], opening.arms[0].loss[0])
        for s, reached in enumerate(arm.reached.tolist()):
            below = ((arm.loss[:, s] <= config.level) & (arm.loss[:, s] >= 0.9 * config.level)).nonzero()[:, 0]
            assert reached == (int(arm.at[below[0]]) if len(below) else NEVER)
    assert opening.matched is not None
    for i, arm in enumerate(opening.arms):
        for s, reached in enumerate(arm.reached.tolist()):
            loss = float(opening.matched.loss[i, s])
            at = arm.loss[arm.at == reached]
            assert math.isnan(loss) if reached == NEVER else loss == pytest.approx(float(at[0, s]), abs=1e-6)


def test_full_batch_is_gradient_descent_by_torch():
    config = Config(steps=180, starts=3)
    task = lesson.problem(config)
    now = last(descend(task, config.n_samples, 0.2, 180, config.level, [1, 2, 3]))
    theta = task.theta[:1].clone().requires_grad_()
    optimiser = torch.optim.SGD([theta], lr=0.2)
    for _ in range(180):
        optimiser.zero_grad()
        binary_cross_entropy.value(task.mlp.forward(theta, task.x), task.y).sum().backward()
        optimiser.step()
    torch.testing.assert_close(now.theta[:1], theta.detach(), atol=2e-4, rtol=1e-3)


def test_sharpness_is_the_dense_hessians():
    config = Config(steps=180, starts=3, seed=4)
    task = lesson.problem(config)
    theta = torch.stack([task.theta, 0.5 * task.theta])
    found = batch_race.found(task, theta, 0)
    for a, s in product(range(2), range(3)):
        def loss(t: torch.Tensor) -> torch.Tensor:
            return binary_cross_entropy.value(task.mlp.forward(t[None], task.x.double()), task.y.double())[0]

        row = theta[a, s].double()
        H = torch.autograd.functional.hessian(loss, row)
        assert float(found.sharpness[a, s]) == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=0.02)
        assert float(found.loss[a, s]) == pytest.approx(float(loss(row)), rel=1e-5)


def test_equal_epochs_are_fair(opening):
    """After as many epochs the small batch has taken N/m times as many steps, and in the opening scene is far ahead."""
    config = Config()
    small, full = opening.arms[0], opening.arms[-1]
    epochs = small.step * small.batch_size / config.n_samples
    assert epochs == 7.5
    assert float(lesson.at_epochs(small, config, epochs)) == pytest.approx(float(small.loss[-1].double().mean()), abs=1e-6)
    assert float(lesson.at_epochs(small, config, 0)) == pytest.approx(float(small.loss[0].double().mean()), abs=1e-6)
    i = int(torch.searchsorted(full.at, 7.5))
    ends = full.loss[i - 1 : i + 1].double().mean(1)
    assert float(ends.min()) <= float(lesson.at_epochs(full, config, 7.5)) <= float(ends.max())
    assert float(lesson.at_epochs(small, config, epochs)) < 0.8 * float(lesson.at_epochs(full, config, epochs))


def test_moments_are_steps_of_the_full_batch_run(opening):
    assert [m.step for m in opening.moments] == lesson.moment_steps(Config())
    assert lesson.MOMENTS[-1] == RECORDS
    assert opening.moments[-1].step == Config().steps
    assert opening.moments[-1].norm < 0.1 * opening.moments[0].norm
    assert lesson.rms_error(opening.moments[-1], 8, Config()) > 0.5 * lesson.rms_error(opening.moments[0], 8, Config())


def test_the_example_tells_the_same(opening):
    told, start = example.main(), opening.moments[0]
    assert told["length"] == pytest.approx(start.norm, rel=1e-5)
    for m in (8, 32):
        assert told[f"theory {m}"] == pytest.approx(lesson.rms_error(start, m, Config()), rel=1e-5)
        assert told[f"measured {m}"] == pytest.approx(told[f"theory {m}"], rel=0.06)
