"""What optimisers promises, to be counted over seeds (which move the mini-batch noise and the small net alone)."""

from __future__ import annotations

import math

import torch

from core import surfaces
from core.lessons.optimisers.lesson import METHODS, Config, Result
from core.moments import NEVER
from tests.promises import Promise

COLUMN = {m: k for k, m in enumerate(METHODS)}


def path(result: Result, method: str) -> torch.Tensor:
    return result.paths[:, COLUMN[method]]


def four_minima(result: Result, scene: Config) -> bool:
    surface = surfaces.surface("himmelblau")
    ends = {m: path(result, m)[-1] for m in METHODS if m not in ("newton", "noisy_sgd")}
    nearest = {m: int((surface.minima_tensor() - end).norm(dim=-1).argmin()) for m, end in ends.items()}
    near = all(float((surface.minima_tensor() - end).norm(dim=-1).min()) < 0.1 for end in ends.values())
    summit = path(result, "newton")[-1]
    top = bool((torch.linalg.eigvalsh(surface.hessian(summit)) < 0).all()) and float(surface.gradient(summit).norm()) < 1e-6
    climbed = float(surface.value(summit)) > float(surface.value(path(result, "newton")[0]))
    return near and len(set(nearest.values())) > 1 and top and climbed


def ravine(result: Result, scene: Config) -> bool:
    """What is left of the distance a step, along and altogether, over steps 20 to 60."""
    def kept(method: str) -> float:
        return float((path(result, method)[60].norm() / path(result, method)[20].norm()) ** (1 / 40))

    zigzag = bool((path(result, "sgd")[1:20, 1].sign().diff().abs() == 2).all())
    return zigzag and abs(kept("sgd") - 0.93) < 0.005 and abs(kept("momentum") - 0.775) < 0.015


def past_the_limit(result: Result, scene: Config) -> bool:
    across = path(result, "sgd")[:30, 1]
    wider = bool((across[1:].abs() > across[:-1].abs()).all() and (across[1:] * across[:-1] < 0).all())
    limits = scene.learning_rate * scene.kappa == 2.5 and 2 * (1 + scene.alpha) == 3
    return wider and limits and float(path(result, "momentum")[-1].norm()) < 1e-3 and "momentum" not in result.reasons


def saddle(result: Result, scene: Config) -> bool:
    return float(path(result, "newton")[-1].norm()) < 1e-6


def banana(result: Result, scene: Config) -> bool:
    """The length along the floor y = x² from where gradient descent enters it, and how much of it is walked."""
    walked = path(result, "sgd")
    off = (walked[:, 1] - walked[:, 0] ** 2).abs()

    def along(a: float, b: float) -> float:
        x = torch.linspace(a, b, 1001, dtype=torch.float64)
        return float(torch.hypot(x.diff(), (x * x).diff()).sum())

    start, end = float(walked[10, 0]), float(walked[-1, 0])
    return float(off[10:].max()) < 0.1 * float(off[0]) and along(start, end) < 0.5 * along(start, 1.0)


def many_minima(result: Result, scene: Config) -> bool:
    deepest = float(path(result, "momentum")[-1].norm()) < 0.3
    first = surfaces.surface("many").minima_tensor()
    first = first[(first - path(result, "sgd")[0]).norm(dim=-1).argmin()]
    return deepest and float((path(result, "sgd")[-1] - first).norm()) < 0.05


def small_net(result: Result, scene: Config) -> bool:
    losses = {m: float(result.losses[-1, k]) for m, k in COLUMN.items()}
    best = min((m for m in METHODS if math.isfinite(losses[m])), key=losses.__getitem__)
    spent = {m: float(result.evaluations[-1, COLUMN[m]]) / result.step for m in METHODS}
    paid = all(2 <= spent[m] <= 5 for m in ("conjugate_gradient", "lbfgs"))
    return best in ("conjugate_gradient", "lbfgs") and paid and spent["damped_newton"] == 34


def different_ways(result: Result, scene: Config) -> bool:
    """No two methods take the same path (AdamW has its decay), and Newton's goes up."""
    ways = result.paths.transpose(0, 1)
    apart = torch.cdist(ways.flatten(1), ways.flatten(1)) + torch.eye(len(METHODS), dtype=torch.float64)
    return float(apart.min()) > 1e-6 and bool(result.losses[-1, COLUMN["newton"]] > result.losses[0, COLUMN["newton"]])


def some_arrive_some_do_not(result: Result, scene: Config) -> bool:
    assert result.arrived_at is not None
    return bool((result.arrived_at != NEVER).any()) and int(result.arrived_at[COLUMN["newton"]]) == NEVER


PROMISES = [
    Promise(preset="Four minima", holds=four_minima),
    Promise(preset="Ravine", holds=ravine),
    Promise(preset="Just past the limit", holds=past_the_limit),
    Promise(preset="Saddle", holds=saddle),
    Promise(preset="Banana valley", holds=banana),
    Promise(preset="Many minima", holds=many_minima),
    Promise(preset="A small net", holds=small_net),
    Promise(claim="title: different ways from one start, not all downhill", holds=different_ways),
    Promise(claim="question: one settles first, some do not arrive", holds=some_arrive_some_do_not),
]
