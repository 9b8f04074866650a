"""optimisers: why a path left the map, against what its last step did."""

from __future__ import annotations

import random
import re

import pytest
import torch

from core import surfaces
from core.lessons.optimisers import divergence, lesson
from core.lessons.optimisers.endings import stationary_point
from core.lessons.optimisers.lesson import METHODS, Config
from tests.scenes import anything

COLUMN = {m: k for k, m in enumerate(METHODS)}


def test_only_what_is_past_its_limit_is_said_to_be():
    config = Config(problem="ravine", kappa=5.0, learning_rate=0.5, alpha=0.5, start_x=-2.5, start_y=0.4)
    result = lesson.run(config)
    assert result.reasons.keys() == {"sgd", "noisy_sgd", "nesterov"}
    assert result.reasons["sgd"] == "ε·λ = 2.5 > 2 with the steepest curvature, λ = 5"
    assert result.reasons["nesterov"] == "ε·λ = 2.5 > 1.5 with the steepest curvature, λ = 5"


def raced(config: Config) -> lesson.Result:
    """The whole race, without the basin map that is walked after it."""
    return next(result for result in lesson.steps(config) if result.left_at is not None)


NEWTON = re.compile(r"eigenvalues, (\S+) and (\S+) there, so that its step is (\S+) long, (uphill|downhill) at first")


def number_of(text: str) -> float:
    text = text.replace("−", "-").replace(",", "").replace("·10", "e").removesuffix(".")
    return float(text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))


def test_why_newton_left_is_what_its_last_step_did():
    rng, seen = random.Random(4), set()
    scenes = [Config(problem="many", start_x=4.98, start_y=2.36, basin_of="sgd")]
    # One axis of this surface bends up and the other down near (4, 2.4), so both ways are met there.
    scenes += [anything(Config, rng, problem="many", steps=20, basin_of="sgd") for _ in range(40)]
    for config in scenes:
        result = raced(config)
        if "newton" not in result.reasons or int(result.left_at[COLUMN["newton"]]) == 0:
            continue
        surface, step = surfaces.surface("many"), int(result.left_at[COLUMN["newton"]])
        before, after = result.paths[step - 1 : step + 1, COLUMN["newton"]]
        found = NEWTON.search(result.reasons["newton"])
        assert found, result.reasons["newton"]
        ahead = before + 1e-6 * (after - before) / (after - before).norm()
        uphill = bool(surface.value(ahead) > surface.value(before))
        assert (found[4] == "uphill") == uphill
        assert number_of(found[3]) == pytest.approx(float((after - before).norm()), rel=0.06)
        bends = torch.linalg.eigvalsh(torch.autograd.functional.hessian(surface.value, before))
        for told, bend in zip(found.groups()[:2], bends.tolist(), strict=True):
            assert number_of(told) == pytest.approx(bend, rel=0.06)
        seen.add(found[4])
    assert seen == {"uphill", "downhill"}


def check_outside(result: lesson.Result, config: Config, method: str, reason: str) -> str:
    """The kind of a reason to be outside from the start on, which the losses must bear out."""
    losses, numbers = result.losses[:, COLUMN[method]], re.findall(r"from (\S+) to (\S+) only", reason)
    if "noise" in reason:
        assert method == "noisy_sgd" and int(result.left_at[COLUMN["sgd"]]) == lesson.NEVER
        return "noise"
    if numbers:
        assert bool(losses[-1] <= losses[0])
        assert [number_of(v) for v in numbers[0]] == pytest.approx([float(losses[0]), float(losses[-1])], rel=0.006)
        return "slow"
    assert not bool(losses[-1] <= losses[0])
    told = re.search(r"first rises at step (\d+): (.*)", reason)
    first = int(told[1])
    assert bool((losses[1:first] <= losses[: first - 1]).all()) and not bool(losses[first] <= losses[first - 1])
    if "ε·λ" in reason:
        bends = torch.linalg.eigvalsh(surfaces.surface(config.problem, config.kappa).hessian(
            result.paths[:first, COLUMN[method]]))
        assert number_of(re.search(r"ε·λ = (\S+) >", reason)[1]) == pytest.approx(
            config.learning_rate * float(bends.max()), rel=0.006)
    return "outside"


@pytest.mark.parametrize(("method", "values", "kind"), [
    ("sgd", dict(problem="rosenbrock", start_x=-0.89, start_y=-5.33, learning_rate=0.7), "outside"),
    ("adam", dict(problem="rosenbrock", start_x=0.0, start_y=-5.5, adaptive_rate=0.001, steps=10), "slow"),
    ("sgd", dict(problem="saddle", start_x=1.0, start_y=6.0, learning_rate=0.0001, steps=10), "slow")])
def test_to_start_outside_is_no_reason_to_stay_there(method, values, kind):
    config = Config(basin_of="newton", **values)
    result = raced(config)
    assert int(result.left_at[COLUMN[method]]) == 0
    assert check_outside(result, config, method, result.reasons[method]) == kind


def test_what_noise_does_is_not_put_down_to_the_curvature():
    """Gradient descent settles at ε = 0.03, and stays on the map; with noise the same steps do not."""
    config = Config(learning_rate=0.03, noise=85, seed=423, start_x=0.46, start_y=1.48, steps=320)
    result = raced(config)
    assert int(result.left_at[COLUMN["sgd"]]) == lesson.NEVER and "sgd" not in result.reasons
    assert result.reasons["noisy_sgd"] == (
        "its noise takes it there; gradient descent, the same without noise, does not end there")
    # Where the limit of a quadratic is exceeded, its size is the reason, even if the start has no part in it.
    result = raced(Config(problem="ravine", kappa=20.0, learning_rate=0.3, start_x=-2.5, start_y=0.0))
    assert int(result.left_at[COLUMN["sgd"]]) == lesson.NEVER
    assert result.reasons["noisy_sgd"].startswith("ε·λ = 6 > 2")


def test_a_path_that_passes_a_saddle_does_not_rest_there():
    config = Config(seed=233, problem="many", learning_rate=0.3, start_x=-5.35, start_y=2.74, steps=50, noise=190,
                    methods=tuple(METHODS))
    result = raced(config)
    end = result.paths[-1, COLUMN["noisy_sgd"]]
    surface = surfaces.surface("many")
    assert stationary_point(surface, end, lesson.ARRIVED * (surface.y_range[1] - surface.y_range[0])) == "saddle"
    assert "noisy_sgd" not in lesson.stuck(result, config)


def test_every_reason_to_leave_is_so():
    rng, kinds = random.Random(5), set()
    for _ in range(50):
        config = anything(Config, rng, problem=rng.choice(list(surfaces.NAMES)), steps=20, basin_of="newton")
        result = raced(config)
        surface = surfaces.surface(config.problem, config.kappa)
        for method, reason in result.reasons.items():
            step = int(result.left_at[COLUMN[method]])
            if step == 0:
                assert "starts far outside" in reason
                kinds.add(check_outside(result, config, method, reason))
                continue
            before, after = surface.value(result.paths[step - 1 : step + 1, COLUMN[method]]).tolist()
            if "noise" in reason:
                assert method == "noisy_sgd" and int(result.left_at[COLUMN["sgd"]]) == lesson.NEVER
                kinds.add("noise")
            elif "ε·λ" in reason:
                product, limit = (number_of(v) for v in re.search(r"ε·λ = (\S+) > (\S+) with", reason).groups())
                assert product >= limit and (surface.quadratic or not after < before)
                kinds.add("limit")
            elif "raises the loss" in reason or "lowers the loss" in reason:
                assert ("lowers" in reason) == (after < before)
                kinds.add("lowers" if "lowers" in reason else "raises")
    assert kinds >= {"limit", "raises"}


def test_a_newton_step_that_does_not_exist_is_said_not_to():
    path = torch.tensor([[1.0, 0.5], [torch.inf, torch.inf]], dtype=torch.float64)
    told = divergence.divergence_reason(surfaces.surface("saddle"), "newton", path, 0.1, 0.9)
    assert told == "the Hessian has no inverse there, with the eigenvalues −0.25 and 1"
