"""optimisers: agreement with torch.optim and SciPy, the rates of theory, and what the page says."""

from __future__ import annotations

import math
import random

import pytest
import scipy.optimize
import torch

from core import surfaces
from core.lessons.optimisers import basins, descent, lesson, quadratic, race, words
from core.lessons.optimisers import net as small_net
from core.lessons.optimisers.descent import Objective
from core.lessons.optimisers.lesson import FIRST_ORDER, METHODS, Config
from core.moments import NEVER
from examples import optimisers as example

SURFACES = list(surfaces.NAMES)
COLUMN = {m: k for k, m in enumerate(METHODS)}


def best_rates(kappa: float) -> dict[str, float]:
    """The smallest long-run contraction that each method can reach by its best ε (and α) at condition number κ."""
    root = kappa**0.5
    return {"sgd": (kappa - 1) / (kappa + 1), "momentum": (root - 1) / (root + 1)}


def on(surface: surfaces.Surface) -> Objective:
    return Objective(surface.value, surface.gradient, surface.hessian, lambda x, d: d @ surface.hessian(x) @ d)


def point(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("name", SURFACES)
def test_gradients_and_hessians_are_those_of_autograd(name):
    surface = surfaces.surface(name, 7.0)
    p = torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 4 - 2
    for q in p[:8]:
        torch.testing.assert_close(surface.hessian(q), torch.autograd.functional.hessian(surface.value, q), rtol=1e-10, atol=1e-9)
    leaf = p.clone().requires_grad_(True)
    oracle = torch.autograd.grad(surface.value(leaf).sum(), leaf)[0]
    torch.testing.assert_close(surface.gradient(p), oracle, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("name", SURFACES)
def test_minima_are_minima_and_all_of_them(name):
    surface = surfaces.surface(name)
    minima = surface.minima_tensor()
    assert surface.gradient(minima).abs().max() < 1e-8
    assert (torch.linalg.eigvalsh(surface.hessian(minima)) > 0).all()
    for saddle in surface.saddles:
        assert surface.gradient(point(*saddle)).abs().max() < 1e-6
        low, high = torch.linalg.eigvalsh(surface.hessian(point(*saddle)))
        assert low < 0 < high
    # SciPy from a grid of starts finds no minimum inside the frame that is not listed.
    (x0, x1), (y0, y1) = surface.x_range, surface.y_range
    for start in surface.grid(6)[2].reshape(-1, 2):
        found = scipy.optimize.minimize(lambda v: float(surface.value(point(*v))), start.numpy(), method="BFGS",
                                        jac=lambda v: surface.gradient(point(*v)).numpy())
        end = point(*found.x)
        curved = torch.linalg.eigvalsh(surface.hessian(end))[0] > 1e-3
        flat = surface.gradient(end).norm() < 1e-5
        if flat and curved and x0 < end[0] < x1 and y0 < end[1] < y1:
            assert (minima - end).norm(dim=-1).min() < 1e-3, f"{name} has a minimum at {end.tolist()} that is not listed"


def torch_path(config: Config, method: str, steps: int) -> torch.Tensor:
    """The same run by `torch.optim`."""
    theta = torch.nn.Parameter(point(config.start_x, config.start_y))
    rate, adaptive, alpha = config.learning_rate, config.adaptive_rate, config.alpha
    oracle = {
        "sgd": lambda p: torch.optim.SGD(p, rate), "momentum": lambda p: torch.optim.SGD(p, rate, momentum=alpha),
        "nesterov": lambda p: torch.optim.SGD(p, rate, momentum=alpha, nesterov=True),
        "adagrad": lambda p: torch.optim.Adagrad(p, adaptive), "rmsprop": lambda p: torch.optim.RMSprop(p, adaptive),
        "adam": lambda p: torch.optim.Adam(p, adaptive), "adamw": lambda p: torch.optim.AdamW(p, adaptive),
    }[method]([theta])
    surface = surfaces.surface(config.problem, config.kappa)
    path = [theta.detach().clone()]
    for _ in range(steps):
        oracle.zero_grad()
        surface.value(theta).backward()
        oracle.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("problem", ["ravine", "himmelblau", "beale", "many"])
def test_paths_are_those_of_torch_optim(problem):
    config = Config(problem=problem, steps=30, learning_rate=0.002)
    result = lesson.run(config)
    for method in FIRST_ORDER:
        if method != "noisy_sgd":
            torch.testing.assert_close(result.paths[:, COLUMN[method]], torch_path(config, method, 30), rtol=1e-7, atol=1e-9)


def test_noise_is_unbiased_and_of_the_stated_size():
    steps = 400
    config = Config(problem="bowl", steps=steps, learning_rate=0.0001, noise=50)
    result = lesson.run(config)
    k = COLUMN["noisy_sgd"]
    surface = surfaces.surface("bowl")
    shake = result.slopes[:, k] - surface.gradient(result.paths[:-1, k])
    sigma = 0.5 * race.typical_slope(surface)
    assert abs(float(shake.std()) / sigma - 1) < 4 / math.sqrt(2 * 2 * steps)
    assert shake.mean(0).abs().max() < 4 * sigma / math.sqrt(steps)


@pytest.mark.parametrize("kappa", [2.0, 10.0, 100.0])
def test_gradient_descent_contracts_at_the_rate_of_theory(kappa):
    curvature = point(1.0, kappa)
    best = torch.linspace(0.01, 2 / kappa, 4000, dtype=torch.float64)
    rates = quadratic.contraction("sgd", best, curvature, 0.0)
    assert abs(float(rates.min()) - best_rates(kappa)["sgd"]) < 2e-3
    theta, rate = point(1.0, 1.0), 2 / (1 + kappa)
    for _ in range(40):
        new = theta - rate * curvature * theta
        assert float(new.norm() / theta.norm()) == pytest.approx((kappa - 1) / (kappa + 1), abs=1e-9)
        theta = new


@pytest.mark.parametrize("kappa", [4.0, 25.0, 100.0])
def test_heavy_ball_at_its_best(kappa):
    root = math.sqrt(kappa)
    rate, alpha = (2 / (root + 1)) ** 2, ((root - 1) / (root + 1)) ** 2
    curvature = point(1.0, kappa)
    # The spectral radius by NumPy's eigenvalues of the 2×2 iteration.
    worst = max(torch.linalg.eigvals(torch.tensor([[1 + alpha - rate * c, -alpha], [1.0, 0.0]], dtype=torch.float64)).abs().max()
                for c in (1.0, kappa))
    ours = quadratic.contraction("momentum", point(rate), curvature, alpha)
    assert float(worst) == pytest.approx(best_rates(kappa)["momentum"], abs=1e-6)
    # A double root: rounding of 1e-16 under the square root moves it by 1e-8.
    assert float(ours) == pytest.approx(float(worst), abs=1e-7)
    # and as it runs: the slope of log-distance over many steps
    theta, v = point(1.0, 1.0), torch.zeros(2, dtype=torch.float64)
    distances = []
    for _ in range(200):
        v = alpha * v - rate * curvature * theta
        theta = theta + v
        distances.append(float((theta**2 + v**2).sum().sqrt()))
    measured = (distances[199] / distances[99]) ** (1 / 100)
    # A double root adds a factor t, which makes the measured slope a little flatter.
    assert best_rates(kappa)["momentum"] <= measured + 1e-6 <= best_rates(kappa)["momentum"] * 1.02


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("alpha", [0.3, 0.9])
def test_divergence_begins_at_the_stated_limit(method, alpha):
    curvature = point(1.0)
    limit = quadratic.stability_limit(method, alpha)
    below, above = quadratic.contraction(method, point(0.999 * limit, 1.001 * limit), curvature, alpha)
    assert below < 1 < above


@pytest.mark.parametrize(("factor", "leaves"), [(0.97, False), (1.03, True)])
def test_gradient_descent_leaves_beyond_two_over_l(factor, leaves):
    kappa = 20.0
    rates = Config.controls()["learning_rate"].values
    # the closed form at any ε, the lesson at the ε its slider offers on either side of 2/L = 0.1
    loss = quadratic.descent(point(1.0, 1.0), point(1.0, kappa), factor * 2 / kappa, torch.arange(400.0, dtype=torch.float64))
    assert (loss[-1] > loss[0]) == leaves
    rate = max(r for r in rates if r < 0.1) if not leaves else min(r for r in rates if r > 0.1)
    result = lesson.run(Config(problem="ravine", kappa=kappa, learning_rate=rate, start_x=-2.5, start_y=1.2))
    left = int(result.left_at[COLUMN["sgd"]])
    assert (left != NEVER) == leaves
    assert ("sgd" in result.reasons) == leaves
    if leaves:
        assert "> 2 " in result.reasons["sgd"]


def test_gradient_descent_is_its_closed_form():
    for problem in ("bowl", "ravine"):
        for rate in (0.01, 0.1, 1.0):
            result = lesson.run(Config(problem=problem, learning_rate=rate, start_x=1.0, start_y=0.5, kappa=50.0))
            torch.testing.assert_close(result.losses[:, 0], result.theory, rtol=1e-8, atol=1e-300)


def test_divergence_is_never_clipped():
    result = lesson.run(Config(problem="rosenbrock", learning_rate=1.0, steps=400))
    path = result.paths[:, COLUMN["sgd"]]
    assert not torch.isfinite(path[-1]).all()
    assert path[torch.isfinite(path)].abs().max() > 1e6
    assert result.left_at[COLUMN["sgd"]] > 0


def test_newton_lands_on_a_quadratics_minimum_in_one_step():
    result = lesson.run(Config(problem="ravine", kappa=200.0, start_x=2.7, start_y=-1.3))
    assert result.paths[1, COLUMN["newton"]].norm() < 1e-12
    assert result.arrived_at[COLUMN["newton"]] == 1


def test_newton_goes_to_the_saddle_and_damped_newton_does_not():
    for y in (0.05, -0.2, 0.3):
        result = lesson.run(Config(problem="saddle", start_x=-1.5, start_y=round(y, 2)))
        assert result.paths[-1, COLUMN["newton"]].norm() < 1e-6
        assert result.distance[-1, COLUMN["damped_newton"]] < 1e-6


def test_damped_newton_is_newton_above_the_floor():
    surface = surfaces.surface("ravine", 5.0)
    x = point(2.0, 1.0)
    torch.testing.assert_close(next(descent.newton(on(surface), x))[0], next(descent.damped_newton(on(surface), x, 0.5))[0])
    h = torch.diag(point(-3.0, 2.0))
    torch.testing.assert_close(descent.damped_hessian(h, 1.0), torch.diag(point(1.0, 6.0)))


@pytest.mark.parametrize("n", [2, 5, 12])
def test_conjugate_gradient_needs_at_most_n_steps(n):
    g = torch.Generator().manual_seed(n)
    a = torch.randn(n, n, generator=g, dtype=torch.float64)
    h, b = a @ a.T + torch.eye(n, dtype=torch.float64), torch.randn(n, generator=g, dtype=torch.float64)
    f = Objective(lambda x: 0.5 * x @ h @ x - b @ x, lambda x: h @ x - b, lambda _: h, lambda _, d: d @ h @ d)
    walk = descent.conjugate_gradient(f, torch.randn(n, generator=g, dtype=torch.float64))
    for _ in range(n):
        x, _ = next(walk)
    assert float((h @ x - b).norm()) < 1e-6 * float(b.norm())


def test_two_loop_recursion_is_the_bfgs_matrix():
    g = torch.Generator().manual_seed(3)
    n = 5
    a = torch.randn(n, n, generator=g, dtype=torch.float64)
    h = a @ a.T + torch.eye(n, dtype=torch.float64)
    pairs = [(s := torch.randn(n, generator=g, dtype=torch.float64), h @ s) for _ in range(3)]
    s, y = pairs[-1]
    inverse = torch.eye(n, dtype=torch.float64) * (s @ y) / (y @ y)
    eye = torch.eye(n, dtype=torch.float64)
    for s, y in pairs:
        rho = 1 / (s @ y)
        inverse = (eye - rho * torch.outer(s, y)) @ inverse @ (eye - rho * torch.outer(y, s)) + rho * torch.outer(s, s)
    q = torch.randn(n, generator=g, dtype=torch.float64)
    torch.testing.assert_close(descent.two_loop(q, descent.deque(pairs)), inverse @ q, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["rosenbrock", "himmelblau", "beale"])
@pytest.mark.parametrize("method", ["lbfgs", "conjugate_gradient"])
def test_line_search_methods_arrive_where_scipy_says_a_minimum_is(name, method):
    surface = surfaces.surface(name)
    walk = getattr(descent, method)(on(surface), point(*surface.start))
    x = [x for _, (x, _) in zip(range(80), walk, strict=False)][-1]
    found = scipy.optimize.minimize(lambda v: float(surface.value(point(*v))), x.numpy(), method="Nelder-Mead",
                                    options={"xatol": 1e-10, "fatol": 1e-14})
    assert (x - point(*found.x)).norm() < 1e-4
    assert surface.gradient(x).norm() < 1e-5


def test_line_search_meets_the_strong_wolfe_conditions():
    surface = surfaces.surface("rosenbrock")
    f = on(surface)
    for seed in range(20):
        g = torch.Generator().manual_seed(seed)
        x = torch.randn(2, generator=g, dtype=torch.float64)
        d = -surface.gradient(x)
        slope = float(-d @ d)
        t, _ = descent.line_search(f, x, d, slope, 1.0, c2=0.9)
        assert t > 0
        assert f.value(x + t * d) <= f.value(x) + 1e-4 * t * slope
        assert abs(float(f.gradient(x + t * d) @ d)) <= 0.9 * abs(slope)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_adams_first_step_has_length_epsilon_in_every_coordinate(scale):
    optimiser = lesson.make_optimisers(Config(adaptive_rate=0.2))["adam"]
    theta = torch.zeros(1, 2, dtype=torch.float64)
    optimiser.step(theta, scale * torch.tensor([[3.0, -0.5]], dtype=torch.float64), optimiser.init(theta))
    torch.testing.assert_close(theta, torch.tensor([[-0.2, 0.2]], dtype=torch.float64), rtol=1e-3, atol=0)


def test_basins_agree_with_runs_from_their_starts():
    for method in ("sgd", "momentum", "adam", "damped_newton"):
        config = Config(basin_of=method, steps=100, learning_rate=0.007)
        surface = surfaces.surface("himmelblau")
        basin = lesson.run(config).basin
        assert basin.shape[0] >= 150
        assert basin.shape[1] >= 150
        x, y, _ = surface.grid(basin.shape[0])
        for row, column in ((20, 30), (75, 76), (140, 9), (40, 130)):
            near = Config(basin_of=method, steps=100, learning_rate=0.007, start_x=round(float(x[column]), 2),
                          start_y=round(float(y[row]), 2))
            end = lesson.run(near).paths[-1, COLUMN[method]]
            around = basin[row - 1 : row + 2, column - 1 : column + 2]
            if len(around.unique()) == 1 and around.unique() >= 0:  # away from the borders, where rounding decides
                assert (surface.minima_tensor() - end).norm(dim=-1).argmin() == around[0, 0]


@pytest.mark.parametrize("method", lesson.WITHOUT_SEARCH)
def test_every_method_without_a_line_search_has_a_basin_map(method):
    basin = lesson.run(Config(basin_of=method, steps=20)).basin
    assert basin.shape == (lesson.BASIN, lesson.BASIN)
    assert set(basin.unique().tolist()) <= {-2, -1, 0, 1, 2, 3}


@pytest.mark.parametrize(("method", "steps"), [("adam", 150), ("newton", 400)])
def test_the_map_is_walked_with_pauses_in_which_nothing_is_new(method, steps):
    results = list(lesson.steps(Config(basin_of=method, steps=steps)))
    race, *pauses, whole = (result for result in results if result.left_at is not None)
    assert len(pauses) == lesson.basin_steps(Config(basin_of=method, steps=steps)) // lesson.PAUSE
    assert all(result is race for result in pauses)
    assert race.basin is None
    assert whole.basin is not None


def test_two_by_two_solver_is_linalg():
    g = torch.Generator().manual_seed(0)
    h = torch.randn(30, 2, 2, generator=g, dtype=torch.float64)
    h = h + h.mT
    b = torch.randn(30, 2, generator=g, dtype=torch.float64)
    torch.testing.assert_close(basins.solve_2x2(h, b), torch.linalg.solve(h, b))
    torch.testing.assert_close(basins.damped_hessian_2x2(h), descent.damped_hessian(h, 1.0))


def test_the_net_race_counts_what_it_spends():
    result = lesson.run(Config(problem="network", learning_rate=0.5, adaptive_rate=0.05))
    spent = result.evaluations[-1]
    assert spent[COLUMN["sgd"]] == result.step
    mlp = small_net.problem(0)[0]
    assert spent[COLUMN["damped_newton"]] == result.step * (1 + mlp.P)
    assert (result.losses[-1, [COLUMN[m] for m in FIRST_ORDER]] < result.losses[0, 0]).all()
    assert result.losses[-1, COLUMN["lbfgs"]] < result.losses[-1, COLUMN["sgd"]]


def test_what_the_page_says_is_true_of_the_result():
    choose = random.Random(0)
    controls = Config.controls()
    for _ in range(25):
        values = {"problem": choose.choice(SURFACES), "learning_rate": choose.choice(controls["learning_rate"].values),
                  "adaptive_rate": choose.choice(controls["adaptive_rate"].values), "alpha": choose.choice([0.0, 0.5, 0.9, 0.99]),
                  "kappa": choose.choice(controls["kappa"].values), "steps": 60, "basin_of": "sgd",
                  "methods": tuple(METHODS)}
        config = Config(**values)
        result = lesson.run(config)
        text = words.summary(result, config)
        arrived = [m for m in METHODS if result.arrived_at[COLUMN[m]] != NEVER]
        verdict, table = text.split("\n\n")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        told = {name: (step, where) for name, step, where in rows}
        assert set(told) == set(METHODS.values())
        for method, name in METHODS.items():
            step = int(result.arrived_at[COLUMN[method]])
            assert told[name][0] == ("–" if step == NEVER else str(step))
            if told[name][1] in ("at a summit", "at a saddle"):
                at = result.paths[-1, COLUMN[method]]
                bends = torch.linalg.eigvalsh(torch.autograd.functional.hessian(
                    surfaces.surface(config.problem, config.kappa).value, at))
                assert step == NEVER and (bends < 0).sum() == (2 if "summit" in told[name][1] else 1)
        assert ("None of the 12" in verdict) == (not arrived)
        if arrived:
            first = min(arrived, key=lambda m: int(result.arrived_at[COLUMN[m]]))
            assert METHODS[first] in verdict.split(" at a minimum first")[0]
            assert f"at step {int(result.arrived_at[COLUMN[first]])}" in verdict
            assert rows[0][1] == str(int(result.arrived_at[COLUMN[first]]))
            missing = 12 - len(arrived)
            assert missing < 2 or f"{missing} methods do not arrive" in verdict
            assert result.distance[-1, COLUMN[first]] < 0.2
        for method in result.reasons:
            column = COLUMN[method]
            assert result.left_at[column] != NEVER
            assert told[METHODS[method]][1].startswith(f"far off the map from step {int(result.left_at[column])} on: ")
            end = result.paths[-1, column]
            assert lesson.outside(end, surfaces.surface(config.problem, config.kappa))


def test_the_example_tells_the_same():
    told = example.main()
    result = lesson.run(Config(problem="ravine", kappa=20.0, learning_rate=0.05, adaptive_rate=0.2, start_x=-2.5, start_y=1.2))
    for method, loss in told.items():
        assert loss == pytest.approx(float(result.losses[100, COLUMN[method]]), rel=1e-6, abs=1e-30)
