"""Optimisers race from one start, on a surface of two parameters or on a small net.

Objective on a surface: f(θ) itself. On the net: mean binary cross-entropy over N = 120 points, full batch,
θ of 2-8-1 tanh (P = 33). Updates are the engine's rows (`core.engine.optimisers`) and `descent`. The lecture's
momentum is v ← αv − εg, θ ← θ + v.

Shapes: M methods, T steps, P parameters (2 on a surface).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core import surfaces
from core.controls import choice, choices, decades, grid, number
from core.engine import SGD, AdaGrad, Adam, AdamW, RMSProp
from core.engine.optimisers import Optimiser
from core.lesson import Scene, last
from core.lessons.optimisers import basins, quadratic
from core.lessons.optimisers import net as small_net
from core.lessons.optimisers.divergence import by_noise, outside, past_limit, why_left
from core.lessons.optimisers.endings import stationary_point
from core.lessons.optimisers.race import Race, minibatch_noise, on_surface
from core.moments import NEVER, holds_from
from core.surfaces import Surface

METHODS = {
    "sgd": "Gradient descent", "noisy_sgd": "Mini-batch SGD", "momentum": "Momentum", "nesterov": "Nesterov",
    "adagrad": "AdaGrad", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW", "newton": "Newton",
    "damped_newton": "Damped Newton", "conjugate_gradient": "Conjugate gradient", "lbfgs": "L-BFGS",
}
FOUR = ("sgd", "momentum", "adam", "newton")  # few enough for their ends to be named on the map
FIRST_ORDER = ("sgd", "noisy_sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
WITHOUT_SEARCH = (*FIRST_ORDER, "newton", "damped_newton")
PROBLEMS = {**surfaces.NAMES, "network": "A small net"}
ON_SURFACE = tuple(surfaces.NAMES)

ARRIVED = 1e-2  # distance to a minimum, as a part of the frame's height
RESTING = 5  # steps that a path stays where it is said to rest
BASIN = 150  # starts along each side of the basin map
PAUSE = 20  # steps of the basin map between two pauses
NETWORK_STEPS = 60
MOST_ASKED, TOLERANCE = 6, 0.02


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("himmelblau", options=PROBLEMS, label="Problem", help="What is minimised.")
    learning_rate: float = grid(
        0.01, values=decades(-4, 0, (1, 1.5, 2, 3, 5, 7)), label="Learning rate ε",
        help="For gradient descent, mini-batch SGD, momentum and Nesterov. Newton takes whole steps; conjugate gradient "
        "and L-BFGS search for theirs.",
    )
    adaptive_rate: float = grid(
        0.2, values=decades(-3, 0, (1, 1.5, 2, 3, 5, 7)), label="Learning rate (adaptive methods)",
        help="For AdaGrad, RMSProp, Adam and AdamW, whose steps hardly depend on how large the slopes are.",
    )
    alpha: float = number(0.9, low=0.0, high=0.99, step=0.01, label="Momentum α", help="What is kept of the velocity.")
    kappa: float = grid(
        20.0, values=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0), label="Condition number κ", when=("problem", ("ravine",)),
        help="The ravine's steepest curvature over its flattest.",
    )
    start_x: float = number(
        -0.2, low=-6.0, high=6.0, step=0.01, label="Start, first parameter", more=True, when=("problem", ON_SURFACE),
        help="Or click on the map.",
    )
    start_y: float = number(
        -0.8, low=-6.0, high=6.0, step=0.01, label="Start, second parameter", more=True, when=("problem", ON_SURFACE),
    )
    steps: int = number(150, low=10, high=400, step=10, label="Steps T", more=True, when=("problem", ON_SURFACE))
    noise: int = number(
        20, low=0, high=200, step=5, label="Mini-batch noise", unit="% of a typical slope", more=True,
        when=("problem", ON_SURFACE), help="Standard deviation of the noise that a mini-batch adds to the gradient.",
    )
    basin_of: str = choice(
        "momentum", options={m: METHODS[m] for m in WITHOUT_SEARCH}, label="Basin map of", when=("problem", ON_SURFACE),
        help="Every start of a grid is coloured by the minimum that this method ends close to.",
    )
    inside: str = choice(
        "adam", options={m: METHODS[m] for m in FIRST_ORDER}, label="Look inside", view=True, when=("problem", ON_SURFACE),
        help="Whose memory and effective step are drawn.",
    )
    methods: tuple[str, ...] = choices(tuple(METHODS), options=METHODS, label="Methods", view=True)


@dataclass(frozen=True)
class Result:
    """M optimisers over T steps. NaN where a path is no longer finite; nothing is clipped."""

    methods: tuple[str, ...]  # [M]
    step: int
    paths: Tensor  # [T+1, M, P]
    losses: Tensor  # [T+1, M]
    evaluations: Tensor  # [T+1, M] gradients so far
    slopes: Tensor  # [T, M, P] the gradient that each step used
    seconds: Tensor = field(metadata={"measured": True})  # [T+1, M] processor time
    distance: Tensor | None = None  # [T+1, M] to the nearest minimum
    memory: dict[str, dict[str, Tensor]] = field(default_factory=dict)  # method -> name -> [T, P]
    left_at: Tensor | None = None  # [M] first step after which a path never came back into the frame, NEVER if none
    arrived_at: Tensor | None = None  # [M] first step from which it stayed within ARRIVED of a minimum, NEVER if none
    reasons: dict[str, str] = field(default_factory=dict)  # method -> why it left, in words
    theory: Tensor | None = None  # [T+1] closed form of gradient descent's loss, on quadratics
    basin: Tensor | None = None  # [ny, nx] index of the minimum reached, -1 for none, -2 for a path that left


def make_optimisers(config: Config) -> dict[str, Optimiser]:
    """The engine's optimiser of every first-order method of this scene."""
    rate, adaptive = config.learning_rate, config.adaptive_rate
    heavy = config.alpha > 0
    return {
        "sgd": SGD(rate), "noisy_sgd": SGD(rate), "momentum": SGD(rate, momentum=config.alpha),
        "nesterov": SGD(rate, momentum=config.alpha, nesterov=heavy), "adagrad": AdaGrad(adaptive),
        "rmsprop": RMSProp(adaptive), "adam": Adam(adaptive), "adamw": AdamW(adaptive),
    }


def steps(config: Config) -> Iterator[Result]:
    """Races all methods, whichever are shown: which to show is a question of drawing."""
    if config.problem == "network":
        yield from _network(config)
        return
    surface = surfaces.surface(config.problem, config.kappa)
    start = torch.tensor([config.start_x, config.start_y], dtype=torch.float64)
    race = Race(tuple(METHODS), start, config.steps)
    jolts = minibatch_noise(surface, config.noise / 100, config.steps, config.seed)
    shake = torch.zeros(config.steps, len(FIRST_ORDER), 2, dtype=torch.float64)
    shake[:, FIRST_ORDER.index("noisy_sgd")] = jolts
    for _ in race.run(make_optimisers(config), on_surface(surface), shake):
        yield _result(race, surface.value)
    result = _with_diagnostics(_result(race, surface.value), config, surface)
    yield result
    walk = _basin_walk(config, surface, jolts)
    theta = next(walk)  # every step writes to it
    for t, _ in enumerate(walk, 2):
        if t % PAUSE == 0:
            yield result
    yield replace(result, basin=basins.reached(theta, surface, BASIN))


def run(config: Config) -> Result:
    return last(steps(config))


def _result(race: Race, value: Callable[[Tensor], Tensor]) -> Result:
    return Result(methods=race.names, step=race.steps, paths=race.paths.clone(), losses=value(race.paths),
                  evaluations=race.evaluations.clone(), slopes=race.slopes, seconds=race.seconds.clone(), memory=race.memory)


def _with_diagnostics(result: Result, config: Config, surface: Surface) -> Result:
    """The result with what needs the surface: distances, who left and why, who arrived, theory."""
    distance = (result.paths[:, :, None] - minima(config, surface)).norm(dim=-1).amin(-1)
    left = holds_from(outside(result.paths, surface))
    near = distance <= ARRIVED * (surface.y_range[1] - surface.y_range[0])
    reasons = {m: why_left(surface, m, result.paths[:, k], int(left[k]), config.learning_rate, config.alpha)
               for k, m in enumerate(result.methods) if left[k] != NEVER}
    exact, noisy = (int(left[result.methods.index(m)]) for m in ("sgd", "noisy_sgd"))
    # Past the limit of a quadratic noise is no more than what the divergence starts from.
    if noisy != NEVER and exact == NEVER and not past_limit(surface, config.learning_rate):
        reasons["noisy_sgd"] = by_noise(noisy)
    theory = None
    if surface.quadratic:
        curvature = torch.tensor([1.0, config.kappa if config.problem == "ravine" else 1.0], dtype=torch.float64)
        t = torch.arange(config.steps + 1, dtype=torch.float64)
        theory = quadratic.descent(result.paths[0, 0], curvature, config.learning_rate, t)
    return replace(result, distance=distance, left_at=left, arrived_at=holds_from(near), reasons=reasons, theory=theory)


def minima(config: Config, surface: Surface) -> Tensor:
    """Every minimum of the scene's surface [n, 2], float64; that of many minima has more beyond its frame."""
    if config.problem != "many":
        return surface.minima_tensor()
    # Separable; x²/20 − cos 2x has its minima near kπ, for as many k as the parabola leaves.
    x = torch.arange(-6, 7, dtype=torch.float64) * math.pi
    for _ in range(60):
        x = x - (x / 10 + 2 * torch.sin(2 * x)) / (0.1 + 4 * torch.cos(2 * x))
    return torch.cartesian_prod(x, x)


def stuck(result: Result, config: Config) -> dict[str, str]:
    """The shown methods that rest close to a summit or a saddle, with the name of it."""
    if result.arrived_at is None:
        return {}
    surface = surfaces.surface(config.problem, config.kappa)
    reach = ARRIVED * (surface.y_range[1] - surface.y_range[0])
    found = {m: stationary_point(surface, result.paths[-1, k], reach) for k, m in enumerate(result.methods)
             if m in config.methods and result.arrived_at[k] == NEVER and _rests(result.paths[:, k], reach)}
    return {m: name for m, name in found.items() if name}


def _rests(path: Tensor, reach: float) -> bool:
    """Whether a path [T+1, 2] ends where it has been for a few steps, and does not only pass."""
    return bool(((path[-RESTING:] - path[-1]).norm(dim=-1) <= reach).all())


def basin_steps(config: Config) -> int:
    """How many steps the basin map takes from each start."""
    return config.steps if config.basin_of in FIRST_ORDER else min(config.steps, basins.SETTLED)


def _basin_walk(config: Config, surface: Surface, shake: Tensor) -> Iterator[Tensor]:
    """The starts of the map [BASIN, BASIN] after each step of the method that the scene asks about."""
    method = config.basin_of
    if method in FIRST_ORDER:
        jolts = shake.float() if method == "noisy_sgd" else None
        return basins.first_order(surface, BASIN, make_optimisers(config)[method], config.steps, jolts)
    return basins.newton(surface, BASIN, basin_steps(config), floor=1.0 if method == "damped_newton" else None)


def _network(config: Config) -> Iterator[Result]:
    mlp, x, y, start = small_net.problem(config.seed)
    f = small_net.objective(mlp, x, y)
    race = Race(tuple(METHODS), start, NETWORK_STEPS)
    noiseless = torch.zeros(NETWORK_STEPS, 1, 1, dtype=torch.float64)
    for _ in race.run(make_optimisers(config), f, noiseless, floor=0.05):
        yield _result(race, f.value)
