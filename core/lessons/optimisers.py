"""Optimisers race from one start, on a surface of two parameters or on a small net.

Objective on a surface: f(θ) itself. On the net: mean binary cross-entropy over N = 120 points, full batch,
θ of 2-8-1 tanh (P = 33). Updates are the engine's rows (`core.engine.optimisers`) and `core.descent`. The lecture's
momentum is v ← αv − εg, θ ← θ + v.

Shapes: M methods, T steps, P parameters (2 on a surface).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core import quadratic, surfaces
from core.controls import Number, choice, choices, decades, grid, number
from core.engine import SGD, AdaGrad, Adam, AdamW, RMSProp
from core.engine.optimisers import Optimiser
from core.lesson import Scene, last
from core.lessons import optimisers_basins as basins
from core.lessons import optimisers_divergence as divergence
from core.lessons import optimisers_net as small_net
from core.lessons.optimisers_divergence import outside, told, why_left
from core.lessons.optimisers_race import Race, curvature_methods, minibatch_noise, on_surface
from core.moments import NEVER, from_then_on
from core.question import Challenge, Pick, Verdict
from core.surfaces import Surface
from core.words import listed

METHODS = {
    "sgd": "Gradient descent", "noisy_sgd": "Mini-batch SGD", "momentum": "Momentum", "nesterov": "Nesterov",
    "adagrad": "AdaGrad", "rmsprop": "RMSProp", "adam": "Adam", "adamw": "AdamW", "newton": "Newton",
    "damped_newton": "Damped Newton", "conjugate_gradient": "Conjugate gradient", "lbfgs": "L-BFGS",
}
FIRST_ORDER = ("sgd", "noisy_sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
WITHOUT_SEARCH = (*FIRST_ORDER, "newton", "damped_newton")
PROBLEMS = {**surfaces.NAMES, "network": "A small net"}
ON_SURFACE = tuple(surfaces.NAMES)

ARRIVED = 1e-2  # distance to a minimum, as a part of the frame's height
BASIN = 150  # starts along each side of the basin map
NETWORK_STEPS = 60
# The order in which methods are asked about, where more are shown than a question can hold.
ASKED = ("sgd", "momentum", "adam", "newton", "lbfgs", "rmsprop", "nesterov", "conjugate_gradient", "adagrad", "damped_newton",
         "adamw", "noisy_sgd")
MOST_ASKED, TOLERANCE = 6, 0.02
TIE = 1e-9  # of a loss: a smaller lead is rounding


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("himmelblau", options=PROBLEMS, label="Problem", help="What is minimised.")
    learning_rate: float = grid(
        0.01, values=decades(-4, 0, (1, 1.5, 2, 3, 5, 7)), label="Learning rate ε",
        help="For gradient descent, mini-batch SGD, momentum and Nesterov. Newton takes whole steps; conjugate gradient "
        "and L-BFGS search for theirs.",
    )
    adaptive_rate: float = grid(
        0.2, values=decades(-3, 0, (1, 1.5, 2, 3, 5, 7)), label="ε of the adaptive methods",
        help="For AdaGrad, RMSProp, Adam and AdamW, whose steps hardly depend on how large the slopes are.",
    )
    alpha: float = number(0.9, low=0.0, high=0.99, step=0.01, label="Momentum α", help="What is kept of the velocity.")
    kappa: float = grid(
        20.0, values=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0), label="Condition number κ", when=("problem", ("ravine",)),
        help="The ravine's steepest curvature over its flattest, λ_max/λ_min.",
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
    """One race. NaN stands where a path is no longer finite; nothing is clipped.

    paths [T+1, M, P], losses [T+1, M], evaluations [T+1, M] (gradients so far), slopes [T, M, P] (the gradient that each
    step used); distance [T+1, M] to the nearest minimum; memory: method -> name -> [T, P];
    left_at [M]: the first step after which a path never came back into the frame, arrived_at [M]: the first step
    from which it stayed within ARRIVED of a minimum, NEVER if none; reasons: method -> why it left, in words;
    theory [T+1]: the closed form of gradient descent's loss, on quadratics; basin [ny, nx]: index of the minimum
    reached, -1 for none, -2 for a path that left. seconds [T+1, M]: processor time, measured.
    """

    problem: str
    methods: tuple[str, ...]
    step: int
    paths: Tensor
    losses: Tensor
    evaluations: Tensor
    slopes: Tensor
    seconds: Tensor = field(metadata={"measured": True})
    distance: Tensor | None = None
    memory: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    left_at: Tensor | None = None
    arrived_at: Tensor | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    theory: Tensor | None = None
    basin: Tensor | None = None


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
    race.first_order(make_optimisers(config), surface.gradient, shake)
    for method, walk in curvature_methods(on_surface(surface), start):
        race.follow(method, walk)
    result = _judged(_result(config, race, surface.value), config, surface)
    yield result
    yield replace(result, basin=_basin_map(config, surface, jolts))


def run(config: Config) -> Result:
    return last(steps(config))


def _result(config: Config, race: Race, value: Callable[[Tensor], Tensor]) -> Result:
    return Result(problem=config.problem, methods=race.names, step=race.steps, paths=race.paths.clone(), losses=value(race.paths),
                  evaluations=race.evaluations.clone(), slopes=race.slopes, seconds=race.seconds.clone(), memory=race.memory)


def _judged(result: Result, config: Config, surface: Surface) -> Result:
    """The result with what needs the surface: distances, who left and why, who arrived, theory."""
    distance = (result.paths[:, :, None] - minima(config, surface)).norm(dim=-1).amin(-1)
    left = from_then_on(outside(result.paths, surface))
    near = distance <= ARRIVED * (surface.y_range[1] - surface.y_range[0])
    reasons = {m: why_left(surface, m, result.paths[: int(left[k]) + 1, k], config.learning_rate, config.alpha)
               for k, m in enumerate(result.methods) if left[k] != NEVER}
    theory = None
    if surface.quadratic:
        curvature = torch.tensor([1.0, config.kappa if config.problem == "ravine" else 1.0], dtype=torch.float64)
        t = torch.arange(config.steps + 1, dtype=torch.float64)
        theory = quadratic.descent(result.paths[0, 0], curvature, config.learning_rate, t)
    return replace(result, distance=distance, left_at=left, arrived_at=from_then_on(near), reasons=reasons, theory=theory)


def minima(config: Config, surface: Surface) -> Tensor:
    """Every minimum of the scene's surface [n, 2], float64; that of many minima has more beyond its frame."""
    if config.problem != "many":
        return surface.minima_tensor()
    # Separable; x²/20 − cos 2x has its minima near kπ, for as many k as the parabola leaves.
    x = torch.arange(-6, 7, dtype=torch.float64) * math.pi
    for _ in range(60):
        x = x - (x / 10 + 2 * torch.sin(2 * x)) / (0.1 + 4 * torch.cos(2 * x))
    return torch.cartesian_prod(x, x)


def basin_steps(config: Config) -> int:
    """How many steps the basin map takes from each start."""
    return config.steps if config.basin_of in FIRST_ORDER else min(config.steps, basins.SETTLED)


def _basin_map(config: Config, surface: Surface, shake: Tensor) -> Tensor:
    """The map [BASIN, BASIN] of the method that the scene asks about."""
    method = config.basin_of
    if method in FIRST_ORDER:
        jolts = shake.float() if method == "noisy_sgd" else None
        return basins.first_order(surface, BASIN, make_optimisers(config)[method], config.steps, jolts)
    return basins.newton(surface, BASIN, basin_steps(config), floor=1.0 if method == "damped_newton" else None)


def _network(config: Config) -> Iterator[Result]:
    mlp, x, y, start = small_net.problem(config.seed)
    f = small_net.objective(mlp, x, y)
    race = Race(tuple(METHODS), start, NETWORK_STEPS)
    race.first_order(make_optimisers(config), f.gradient, torch.zeros(NETWORK_STEPS, 1, 1, dtype=torch.float64))
    yield _result(config, race, f.value)
    for method, walk in curvature_methods(f, start, floor=0.05):
        race.follow(method, walk)
        yield _result(config, race, f.value)


def seen(result: Result, config: Config) -> str:
    """What the reader should have seen, in sentences computed from the result."""
    shown = [m for m in result.methods if m in config.methods]
    column = {m: result.methods.index(m) for m in shown}
    if result.arrived_at is None or result.left_at is None:
        waiting = int(result.evaluations[1, [column[m] for m in shown]].isnan().sum())
        if waiting:
            return f"Racing: {len(shown) - waiting} of {_methods(len(shown))} have run their {result.step} steps so far."
        losses = {m: _final(result, m) for m in shown}
        if min(losses.values()) == torch.inf:
            return "Every shown method ends beyond floating point."
        best = _lowest(losses)
        spent = float(result.evaluations[-1, column[best[0]]])
        names = f"{listed([f'**{METHODS[m]}**' for m in best])} {'has' if len(best) == 1 else 'have'}"
        return (f"After {result.step} steps {names} the lowest loss, {told(losses[best[0]])}, for {spent:,.0f} gradient "
                "evaluations. A Hessian is charged as one gradient for each parameter.")
    arrived = {m: int(result.arrived_at[column[m]]) for m in shown if result.arrived_at[column[m]] != NEVER}
    text = f"None of the {_methods(len(shown))} has settled at a minimum after {result.step} steps."
    if arrived:
        first = [m for m in arrived if arrived[m] == min(arrived.values())]
        text = (f"{_settle([f'**{METHODS[m]}**' for m in first])} at a minimum first, at step {arrived[first[0]]}; "
                f"{len(arrived)} of {_methods(len(shown))} {'is' if len(arrived) == 1 else 'are'} there by step {result.step}.")
    for method in shown:
        if method in result.reasons:
            step = int(result.left_at[column[method]])
            text += f" **{METHODS[method]}** is far off the map from step {step} on: {result.reasons[method]}."
    return text


def _methods(count: int) -> str:
    return f"{count} methods shown" if count > 1 else "1 method shown"


def _settle(names: list[str]) -> str:
    return f"{listed(names)} settle{'s' * (len(names) == 1)}"


def _final(result: Result, method: str) -> float:
    """The loss at the end, infinite where it is no longer finite."""
    return float(result.losses[-1, result.methods.index(method)].nan_to_num(torch.inf, torch.inf))


def _lowest(rank: Mapping[str, float]) -> tuple[str, ...]:
    """The methods with the lowest value, with those that only rounding keeps apart from it."""
    best = min(rank.values())
    return tuple(m for m in rank if rank[m] == best or rank[m] - best <= TIE * abs(best))


def predict(result: Result, config: Config) -> Pick:
    """Which of the shown methods, at most MOST_ASKED of them, wins; about a single one, whether it settles at all."""
    asked = [m for m in ASKED if m in config.methods][:MOST_ASKED]
    asked = [m for m in METHODS if m in asked]
    arrived = {m: NEVER if result.arrived_at is None else int(result.arrived_at[result.methods.index(m)]) for m in METHODS}
    if len(asked) == 1:
        return _predict_one(result, config, asked[0], arrived[asked[0]])
    options = {m: METHODS[m] for m in asked}
    there = {m: arrived[m] for m in asked if arrived[m] != NEVER}
    rank = there or {m: _final(result, m) for m in asked}
    best = min(rank.values())
    right = _lowest(rank)
    winners = [METHODS[m] for m in right]
    ends = f"{listed(winners)} {'ends' if len(right) == 1 else 'end'} lowest, at a loss of {told(best)}."
    if best == torch.inf:
        ends = "All of them end beyond floating point."
    text = "From this start, which of these is first to settle at a minimum? If none does, which ends lowest?"
    if config.problem == "network":
        text = f"After {NETWORK_STEPS} steps on the small net, which of these has the lowest training loss?"
    why = ends if config.problem == "network" else f"None of these settles at a minimum within {result.step} steps. {ends}"
    if there:
        later = sorted(step for step in there.values() if step > best)
        rest = f"the next does at step {later[0]}" if later else f"no other of these does within {result.step} steps"
        why = f"{_settle(winners)} at step {best:.0f}; {rest}."
        why += _besides("Faster", [m for m in config.methods if NEVER != arrived[m] < best])
    else:
        ahead = {m: _final(result, m) for m in config.methods if m not in options}
        why += _besides("Lower", [m for m in ahead if best - ahead[m] > TIE * abs(best)])
    return Pick(text=text, options=options, right=right, why=why)


def _besides(word: str, methods: list[str]) -> str:
    return f" {word} still, but not asked about: {listed([METHODS[m] for m in methods])}." if methods else ""


def _predict_one(result: Result, config: Config, method: str, arrived: int) -> Pick:
    name, before, after = METHODS[method], float(result.losses[0, 0]), _final(result, method)
    if config.problem == "network":
        text, yes = f"Does {name} halve the training loss within {NETWORK_STEPS} steps?", after <= before / 2
    else:
        text, yes = f"Does {name} settle at a minimum within {config.steps} steps?", arrived != NEVER
    why = f"It is there from step {arrived} on."
    if arrived == NEVER:
        why = f"Its loss goes from {told(before)} {f'to {told(after)}' if after < torch.inf else 'beyond floating point'}."
    return Pick(text=text, options={"yes": "Yes", "no": "No"}, right=("yes" if yes else "no",), why=why)


def _check(_: Result, config: Config, answer: float) -> Verdict:
    if config.problem != "ravine":
        return Verdict(False, "This is about the ravine: choose it as the problem first.")
    return divergence.judge(answer, config.kappa, TOLERANCE)


CHALLENGE = Challenge(
    text="Find the largest learning rate ε at which gradient descent still converges on the ravine, at the κ that the page "
    "shows, to within 2 %. The slider brackets it; a short calculation finds it.",
    check=_check,
    answer=Number(label="Largest ε that converges", low=0.0001, high=4.0, step=0.0001),
    scene=dict(problem="ravine", kappa=50.0, learning_rate=0.02, start_x=-2.5, start_y=1.2),
)
