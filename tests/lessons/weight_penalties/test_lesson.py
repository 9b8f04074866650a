"""weight_penalties: closed forms, scikit-learn, the MAP reading, torch's Adam and AdamW."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from core.controls import InvalidValue
from core.data import real
from core.lessons.weight_penalties import lesson
from core.lessons.weight_penalties.descents import ADAM_RATE, ADAM_STEPS
from core.lessons.weight_penalties.lesson import FEATURES, PENALTIES, PROBLEMS, Config, Result
from core.lessons.weight_penalties.problem import LINEAR
from figures.weight_penalties import pictures
from tests.lessons.weight_penalties import oracles

ORDER = list(PENALTIES)


@cache
def result_of(**values: Any) -> Result:
    return lesson.run(Config(**values).trained())


def data_of(config: Config, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    problem = lesson.problem_of(config)
    return problem.x[split][0].T.numpy(), problem.y[split].flatten().numpy()


# The data


def test_names_are_those_of_the_data():
    assert tuple(FEATURES.values()) == real.diabetes().feature_names
    assert set(lesson.CANCER_PAIR) <= set(real.breast_cancer().feature_names)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_splits_are_disjoint_and_scaled_by_the_training_part(problem):
    config = Config(problem=problem, seed=3, train_size=80)
    parts = {s: data_of(config, s)[0] for s in lesson.SPLITS}
    assert len(parts["train"]) == 80 and min(len(v) for v in parts.values()) >= 80
    rows = [tuple(row) for v in parts.values() for row in v.round(9)]
    if problem != "digits":  # where two images may be alike
        assert len(set(rows)) == len(rows)
        np.testing.assert_allclose(parts["train"].mean(0), 0, atol=1e-12)
        np.testing.assert_allclose((parts["train"] ** 2).mean(0), 1, atol=1e-12)
        assert abs(parts["test"].mean(0)).max() > 1e-3
    assert (parts["train"].std(0) > 0).all()


# The fits


@pytest.mark.parametrize(("seed", "decoys"), [(0, 0), (5, 6)])
@pytest.mark.parametrize("penalty", ORDER)
def test_diabetes_agrees_with_scikit_learn(penalty, seed, decoys):
    config = Config(seed=seed, decoys=decoys, l1_ratio=0.3)
    x, t = data_of(config)
    result = result_of(seed=seed, decoys=decoys, l1_ratio=0.3)
    for i in (0, 9, 21, 33, 45):
        alpha = float(result.alphas[i])
        oracle = {"l1": Lasso(alpha=alpha, tol=1e-13, max_iter=500_000), "l2": Ridge(alpha=len(t) * alpha),
                  "elastic": ElasticNet(alpha=alpha, l1_ratio=0.3, tol=1e-13, max_iter=500_000)}[penalty].fit(x, t)
        np.testing.assert_allclose(result.weights[ORDER.index(penalty), i], oracle.coef_, atol=1e-6, rtol=0)
        assert abs(float(result.theta[ORDER.index(penalty), i, -1]) - oracle.intercept_) < 1e-6


def test_breast_cancer_agrees_with_scikit_learn():
    x, y = data_of(Config(problem="cancer"))
    result = result_of(problem="cancer")
    for i in (12, 30):
        oracle = LogisticRegression(C=1 / (len(y) * float(result.alphas[i])), tol=1e-12, solver="newton-cholesky").fit(x, y)
        np.testing.assert_allclose(result.weights[2, i], oracle.coef_[0], atol=1e-6)
        np.testing.assert_allclose(result.theta[2, i, -1], oracle.intercept_[0], atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_orthonormal_design_gives_the_closed_forms(seed):
    result = result_of(problem="orthonormal", seed=seed)
    x, t = data_of(Config(problem="orthonormal", seed=seed))
    np.testing.assert_allclose(x.T @ x / len(t), np.eye(10), atol=1e-12)
    free, alpha = x.T @ t / len(t), result.alphas.numpy()[:, None]
    closed = [np.sign(free) * np.maximum(abs(free) - alpha, 0), None, free / (1 + alpha)]
    closed[1] = np.sign(free) * np.maximum(abs(free) - alpha / 2, 0) / (1 + alpha / 2)
    assert result.closed is not None
    for k in range(3):
        np.testing.assert_allclose(result.weights[k], closed[k], atol=1e-9)
        np.testing.assert_allclose(result.closed[k], closed[k], atol=1e-12)


@pytest.mark.parametrize("problem", LINEAR)
@pytest.mark.parametrize("seed", [0, 7])
def test_every_fit_meets_the_conditions_of_a_minimum(problem, seed):
    config = Config(problem=problem, seed=seed)
    result = result_of(problem=problem, seed=seed)
    x, t = data_of(config)
    w, bias = result.weights.numpy(), result.theta[..., -1:].numpy()
    out = w @ x.T + bias
    slope = ((1 / (1 + np.exp(-out)) if problem == "cancer" else out) - t) @ x / len(t)
    np.testing.assert_allclose(result.slopes, slope, atol=1e-10)
    l1, l2 = lesson.rows_of(config)
    rows = torch.tensor(slope).reshape(len(l1), -1), result.weights.reshape(len(l1), -1)
    assert oracles.kkt_violation(*rows, l1, l2).max() < 1e-8


@pytest.mark.parametrize(("problem", "seed"), [*((p, s) for p in LINEAR for s in (0, 7)), ("digits", 0)])
def test_all_weights_are_zero_from_alpha_max_on(problem, seed):
    result = result_of(problem=problem, seed=seed)
    for k in (0, 1):
        above = result.alphas >= result.alpha_max[k] * (1 + 1e-9)
        assert above.any() and bool((result.zeros[k][above] == result.weights.shape[-1]).all())
        assert bool((result.zeros[k][result.alphas < result.alpha_max[k] * 0.999] < result.weights.shape[-1]).all())
    if problem == "diabetes":
        from sklearn.linear_model import lasso_path

        x, t = data_of(Config(seed=seed))
        assert float(lasso_path(x, t)[0][0]) == pytest.approx(float(result.alpha_max[0]), rel=1e-9)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_l1_makes_exact_zeros_and_neither_l2_nor_sub_gradients_ever_do(problem):
    for seed in (0,) if problem == "digits" else (0, 1, 2):
        result = result_of(problem=problem, seed=seed)
        assert result.plain is not None
        assert int(result.zeros[2].sum()) == 0
        assert int((result.plain.weights == 0).sum()) == 0
        counts = result.zeros[0]
        assert counts[-1] == result.weights.shape[-1] and len(counts.unique()) > 5


def test_the_net_goes_downhill_and_where_it_is_finished_torch_finds_a_stationary_point():
    config = Config(problem="net")
    problem, result = lesson.problem_of(config), result_of(problem="net")
    theta = problem.mlp.init(lesson.generators([config.seed]), dtype=torch.float64)
    at_start = problem.loss.value(problem.mlp.forward(theta, problem.x["train"]), problem.y["train"])
    w = theta[:, problem.mask > 0]
    l1, l2 = (v.reshape(3, -1) for v in lesson.rows_of(config))
    assert bool((result.objective < at_start + l1 * w.abs().sum() + l2 / 2 * w.square().sum()).all())
    x, t = (torch.tensor(v) for v in data_of(config))
    net = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)).double()
    finished = (result.residual <= 1e-4).nonzero().tolist()
    assert len(finished) > 40
    for k, i in finished[::7]:
        torch.nn.utils.vector_to_parameters(result.theta[k, i], net.parameters())
        net.zero_grad()
        (0.5 * (net(x)[:, 0] - t).square().mean()).backward()
        slope = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None and p.ndim == 2])
        assert oracles.kkt_violation(slope[None], result.weights[k, i][None], l1[k, i], l2[k, i]) < 2e-3


# Choice of the strength


@pytest.mark.parametrize("problem", ["diabetes", "cancer"])
def test_validation_alone_chooses(problem):
    config = Config(problem=problem, seed=2)
    result = result_of(problem=problem, seed=2)
    x, t = data_of(config, "validation")
    out = result.weights.numpy() @ x.T + result.theta[..., -1:].numpy()
    loss = np.logaddexp(0, out) - t * out if problem == "cancer" else (out - t) ** 2 / 2
    np.testing.assert_allclose(result.loss["validation"], loss.mean(-1), atol=1e-10)
    np.testing.assert_array_equal(result.chosen, loss.mean(-1).argmin(1))


def test_a_penalty_helps_when_decoys_join():
    """Chosen by validation, either penalty beats its weakest strength on the test part on most splits."""
    better = [[float(r.loss["test"][k, r.chosen[k]]) < float(r.loss["test"][k, 0]) for k in (0, 2)]
              for r in (result_of(decoys=15, seed=seed) for seed in range(8))]
    assert np.mean(better) >= 0.85


# Two weights


@pytest.mark.parametrize("problem", LINEAR)
def test_the_ball_touches_the_loss_from_inside(problem):
    """No point of the ball has less loss than the touching point: it is the constrained minimum."""
    config = Config(problem=problem)
    pair = result_of(problem=problem).pair
    assert pair is not None
    whole = lesson.problem_of(config)
    columns = [whole.names.index(name) for name in pair.names]
    x, t = whole.x["train"][0, columns].T.numpy(), whole.y["train"].flatten().numpy()

    def best_loss(w: np.ndarray) -> float:
        if problem != "cancer":
            return float(((t - x @ w) ** 2).mean() / 2)
        found = scipy.optimize.minimize_scalar(lambda b: float((np.logaddexp(0, x @ w + b) - t * (x @ w + b)).mean()))
        return float(found.fun)

    rng = np.random.default_rng(0)
    for k, penalty in enumerate(ORDER):
        rho = lesson.part(penalty, config)
        bx, by = pictures.ball(rho, pair.touch[k].numpy())
        level = rho * (abs(bx) + abs(by)) + (1 - rho) / 2 * (bx**2 + by**2)
        through = rho * pair.touch[k].abs().sum(1) + (1 - rho) / 2 * pair.touch[k].square().sum(1)
        np.testing.assert_allclose(level, np.broadcast_to(through.numpy()[:, None], level.shape), atol=1e-12)
        for i in (5, 20, 35):
            here = best_loss(pair.touch[k, i].numpy())
            assert here == pytest.approx(float(pair.level[k, i]), abs=1e-8)
            edge = rng.integers(0, bx.shape[1], 25)
            inside = rng.uniform(0.3, 1, 25)
            for j, r in zip(edge, inside, strict=True):
                assert best_loss(r * np.array([bx[i, j], by[i, j]])) >= here - 1e-9


@pytest.mark.parametrize("problem", LINEAR)
def test_the_map_of_two_weights_is_the_loss_at_the_best_bias(problem):
    pair = result_of(problem=problem).pair
    assert pair is not None
    whole = lesson.problem_of(Config(problem=problem))
    x = whole.x["train"][0, [whole.names.index(n) for n in pair.names]].T.numpy()
    t = whole.y["train"].flatten().numpy()
    for row, column in ((0, 0), (16, 16), (6, 25), (32, 32), (0, 32), (32, 0)):
        out = x @ np.array([float(pair.x[column]), float(pair.y[row])])
        if problem == "cancer":
            best = scipy.optimize.minimize_scalar(lambda b, o=out: float((np.logaddexp(0, o + b) - t * (o + b)).mean())).fun
        else:
            best = ((t - out - (t - out).mean()) ** 2).mean() / 2
        assert float(pair.loss[row, column]) == pytest.approx(best, abs=2e-3 * best)
    assert pair.free_loss <= float(pair.loss.min()) + 1e-9


# A penalty is a prior


def log_posterior(x: np.ndarray, t: np.ndarray, w: np.ndarray, beta: float, prior: Any) -> float:
    """ln p(t|w) + ln p(w), normalised densities and all."""
    return float(scipy.stats.norm.logpdf(t, x @ w, beta**-0.5).sum() + prior.logpdf(w).sum())


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_minus_log_posterior_is_the_objective(penalty):
    """−ln p(w|t) = βN J̃(w) + const with α' = αβN: a Gaussian prior of precision α' for L2, a Laplace one of rate α' for L1."""
    x, t = data_of(Config())
    rng, beta, alpha = np.random.default_rng(1), 1.7, 0.13
    strength = alpha * beta * len(t)
    prior = scipy.stats.norm(scale=strength**-0.5) if penalty == "l2" else scipy.stats.laplace(scale=1 / strength)
    shift = []
    for w in rng.normal(size=(20, 10)):
        omega = (w @ w) / 2 if penalty == "l2" else abs(w).sum()
        objective = ((t - x @ w) ** 2).mean() / 2 + alpha * omega
        shift.append(-log_posterior(x, t, w, beta, prior) - beta * len(t) * objective)
        # The lecture's scaling: ½ Σ (t − wᵀφ)² + λ Ω with λ = α'/β is N J̃.
        assert ((t - x @ w) ** 2).sum() / 2 + strength / beta * omega == pytest.approx(len(t) * objective, rel=1e-12)
    assert np.ptp(shift) < 1e-9 * abs(np.mean(shift))


def test_the_gaussian_posterior_has_its_mode_at_the_l2_fit():
    x, t = data_of(Config())
    result, i, beta = result_of(), 28, 1.3
    prior = scipy.stats.norm(scale=(float(result.alphas[i]) * beta * len(t)) ** -0.5)
    found = scipy.optimize.minimize(lambda w: -log_posterior(x, t, w, beta, prior), np.zeros(10), method="BFGS",
                                    options={"gtol": 1e-7})
    np.testing.assert_allclose(found.x, result.weights[2, i], atol=1e-5)


@pytest.mark.parametrize("i", [15, 32, 42])
def test_the_laplace_posterior_of_two_weights_has_its_mode_at_the_touching_point(i):
    result = result_of()
    pair, beta = result.pair, 1.3
    assert pair is not None
    problem = lesson.problem_of(Config())
    x = problem.x["train"][0, [problem.names.index(n) for n in pair.names]].T.numpy()
    t = problem.y["train"].flatten().numpy()
    prior = scipy.stats.laplace(scale=1 / (float(result.alphas[i]) * beta * len(t)))
    axis = np.linspace(-0.2, 0.7, 91)
    density = [[log_posterior(x, t, np.array([a, b]), beta, prior) for a in axis] for b in axis]
    row, column = np.unravel_index(np.argmax(density), (91, 91))
    np.testing.assert_allclose([axis[column], axis[row]], pair.touch[0, i], atol=0.0101)


def test_the_drawn_posterior_peaks_at_the_drawn_minimum():
    scene = Config(penalties=tuple(ORDER))
    result = result_of()
    drawn = pictures.posterior(result, scene).data
    stars = drawn[-1].meta["frames"]["x"]
    curves = [t for t in drawn if t.meta and "y" in t.meta["frames"] and t.hovertemplate.startswith("posterior")]
    assert len(curves) == stars.shape[1] == 3
    for curve, star in zip(curves, stars.T, strict=True):
        w = np.asarray(curve.x)
        peak = w[np.asarray(curve.meta["frames"]["y"]).argmax(1)]
        assert abs(peak - star).max() <= (w[1] - w[0]) * 1.01


# Adam with L2 is not AdamW


@pytest.mark.parametrize("i", [10, 30, 50])
def test_adam_and_adamw_are_those_of_torch_and_only_one_minimises_the_objective(i):
    x, t = (torch.tensor(v) for v in data_of(Config()))
    result = result_of()
    alpha = float(result.alphas[i])
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        model = torch.nn.Linear(10, 1, dtype=torch.float64)
        for p in model.parameters():
            torch.nn.init.zeros_(p)
        optimiser = kind([{"params": [model.weight], "weight_decay": alpha}, {"params": [model.bias], "weight_decay": 0.0}],
                         lr=ADAM_RATE)
        for _ in range(ADAM_STEPS):
            optimiser.zero_grad()
            (0.5 * (model(x)[:, 0] - t).square().mean()).backward()
            optimiser.step()
        goal = result.weights[2, i]
        distance = float((model.weight.detach()[0] - goal).norm() / goal.norm())
        assert float(result.adam[name][i]) == pytest.approx(distance, rel=1e-6, abs=1e-8)
    assert float(result.adam["adamw"][i]) > 0.1


def test_adam_reaches_the_l2_fit_and_adamw_does_not():
    for seed in (0, 1, 2):
        result = result_of(seed=seed)
        strong = result.alphas > 0.2
        assert float(result.adam["adam"][strong].max()) < 1e-3 < 0.3 < float(result.adam["adamw"][strong].min())


# The run


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_run_is_pure_and_its_reports_are_whole(problem):
    config = Config(problem=problem, seed=11, train_size=40)
    before = torch.get_rng_state()
    reports = list(lesson.steps(config))
    again = lesson.run(config)
    assert torch.equal(before, torch.get_rng_state())
    assert len(reports) > 1
    for name in ("theta", "weights", "slopes", "residual", "objective", "zeros", "chosen"):
        assert torch.equal(getattr(reports[-1], name), getattr(again, name))
        assert all(getattr(r, name).shape == getattr(again, name).shape for r in reports)
    assert reports[-1].plain is not None and again.plain is not None
    assert torch.equal(reports[-1].plain.weights, again.plain.weights)


def test_the_same_feature_twice_is_refused():
    with pytest.raises(InvalidValue) as refusal:
        Config(first="age", second="age")
    assert refusal.value.field == "second"
    Config(problem="net", first="age", second="age")
