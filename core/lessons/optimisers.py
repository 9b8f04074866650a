"""Every optimiser runs downhill from one start, on a surface of two parameters or on a small net.

Objective on a surface: f(θ) itself. On the net: mean binary cross-entropy over N = 120 points, full batch,
θ of 2-8-1 tanh (P = 33). Updates are the engine's rows (`core.engine.optimisers`) and `core.descent`. The lecture's
momentum is v ← αv − εg, θ ← θ + v.

Shapes: M methods, T steps, P parameters (2 on a surface).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core import descent, quadratic, surfaces
from core.data import toys
from core.descent import Objective
from core.engine import MLP, SGD, AdaGrad, Adam, AdamW, RMSProp, binary_cross_entropy, generators, gradient
from core.engine.optimisers import Optimiser
from core.lesson import Scene, choice, choices, decades, grid, last, number
from core.surfaces import Surface

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
NEVER = -1


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
        help="For AdaGrad, RMSProp, Adam and AdamW: about the length of a step, whatever the slope.",
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
        help="Every start of a grid is coloured by the minimum that this method reaches from it.",
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
    race = _Race(config, start, config.steps)
    noise = config.noise / 100 * typical_slope(surface)
    race.first_order(surface.gradient, noise)
    for method, walk in _curvature_methods(_on_surface(surface), start):
        race.follow(method, walk)
    result = race.result(surface.value, config.steps)
    yield _judged(result, config, surface)
    yield _judged(result, config, surface, basins(config, surface, noise))


def run(config: Config) -> Result:
    return last(steps(config))


def typical_slope(surface: Surface) -> float:
    """The median gradient norm over the frame."""
    return float(surface.gradient(surface.grid(41)[2]).norm(dim=-1).median())


def _on_surface(surface: Surface) -> Objective:
    return Objective(surface.value, surface.gradient, surface.hessian, lambda x, d: d @ surface.hessian(x) @ d)


def _curvature_methods(f: Objective, start: Tensor, floor: float = 1.0) -> list[tuple[str, Iterator[descent.Step]]]:
    return [("newton", descent.newton(f, start)), ("damped_newton", descent.damped_newton(f, start, floor)),
            ("conjugate_gradient", descent.conjugate_gradient(f, start)), ("lbfgs", descent.lbfgs(f, start))]


class _Race:
    """The record of one race, filled method by method; a column belongs to a method."""

    def __init__(self, config: Config, start: Tensor, steps: int):
        self.config, self.start, self.steps = config, start, steps
        self.names = tuple(METHODS)
        shape = (steps + 1, len(self.names))
        self.paths = torch.full((*shape, start.numel()), torch.nan, dtype=torch.float64)
        self.paths[0] = start
        self.slopes = torch.full((steps, len(self.names), start.numel()), torch.nan, dtype=torch.float64)
        self.evaluations = torch.full(shape, torch.nan, dtype=torch.float64)
        self.evaluations[0] = 0
        self.seconds = torch.zeros(shape, dtype=torch.float64)
        self.memory: dict[str, dict[str, Tensor]] = {}

    def first_order(self, slope: Callable[[Tensor], Tensor], noise: float) -> None:
        """All first-order methods as rows of one tensor: one gradient call a step serves them all."""
        K, P = len(FIRST_ORDER), self.start.numel()
        theta = self.start.repeat(K, 1)
        optimisers = [make_optimisers(self.config)[m] for m in FIRST_ORDER]
        rows = [theta[k : k + 1] for k in range(K)]
        states = [o.init(row) for o, row in zip(optimisers, rows, strict=True)]
        watched = {m: [n for n in ("v", "r", "m") if hasattr(s, n)] for m, s in zip(FIRST_ORDER, states, strict=True)}
        self.memory = {m: {n: torch.zeros(self.steps, P, dtype=torch.float64) for n in names} for m, names in watched.items()}
        generator = generators([self.config.seed])[0]
        shake = noise * torch.randn(self.steps, P, generator=generator, dtype=torch.float64)
        noisy = FIRST_ORDER.index("noisy_sgd")
        clock = time.thread_time()
        for t in range(self.steps):
            grad = slope(theta)
            grad[noisy] += shake[t]
            self.slopes[t, :K] = grad
            for k in range(K):
                optimisers[k].step(rows[k], grad[k : k + 1], states[k])
                for name, record in self.memory[FIRST_ORDER[k]].items():
                    record[t] = getattr(states[k], name)[0]
            self.paths[t + 1, :K] = theta
            # Rows are stepped together, so each is charged an equal share of the time.
            self.seconds[t + 1, :K] = (time.thread_time() - clock) / K
        self.evaluations[1:, :K] = torch.arange(1, self.steps + 1, dtype=torch.float64)[:, None]

    def follow(self, method: str, walk: Iterator[descent.Step]) -> None:
        """One method of `core.descent`, until it is no longer finite or stands still."""
        column, clock = self.names.index(method), time.thread_time()
        for t, (x, count) in zip(range(self.steps), walk, strict=False):
            self.paths[t + 1, column] = x
            self.evaluations[t + 1, column] = self.evaluations[t, column] + count
            self.seconds[t + 1, column] = time.thread_time() - clock
            if not torch.isfinite(x).all():
                break
            if bool((x == self.paths[t, column]).all()):
                self.paths[t + 1 :, column] = x
                self.evaluations[t + 1 :, column] = self.evaluations[t + 1, column]
                self.seconds[t + 1 :, column] = self.seconds[t + 1, column]
                break

    def result(self, value: Callable[[Tensor], Tensor], upto: int) -> Result:
        return Result(
            problem=self.config.problem, methods=self.names, step=upto, paths=self.paths[: upto + 1],
            losses=value(self.paths[: upto + 1]), evaluations=self.evaluations[: upto + 1],
            slopes=self.slopes[:upto], seconds=self.seconds[: upto + 1], memory=self.memory,
        )


def _judged(result: Result, config: Config, surface: Surface, basin: Tensor | None = None) -> Result:
    """The result with what needs the surface: distances, who left and why, who arrived, theory."""
    distance = (result.paths[:, :, None] - surface.minima_tensor()).norm(dim=-1).amin(-1)
    left = _last_run(outside(result.paths, surface))
    near = distance <= ARRIVED * (surface.y_range[1] - surface.y_range[0])
    reasons = {m: why_left(config, surface, m, result.paths[: int(left[k]) + 1, k])
               for k, m in enumerate(result.methods) if left[k] != NEVER}
    theory = None
    if surface.quadratic:
        curvature = torch.tensor([1.0, config.kappa if config.problem == "ravine" else 1.0], dtype=torch.float64)
        t = torch.arange(config.steps + 1, dtype=torch.float64)
        theory = quadratic.descent(result.paths[0, 0], curvature, config.learning_rate, t)
    return replace(result, distance=distance, left_at=left, arrived_at=_last_run(near), reasons=reasons, theory=theory,
                   basin=basin)


def outside(p: Tensor, surface: Surface) -> Tensor:
    """Whether points [..., 2] lie outside the frame widened by its own size on every side, or are not finite."""
    (x0, x1), (y0, y1) = surface.x_range, surface.y_range
    dx, dy = x1 - x0, y1 - y0
    x, y = p[..., 0], p[..., 1]
    inside = (x > x0 - dx) & (x < x1 + dx) & (y > y0 - dy) & (y < y1 + dy)
    return ~inside


def _last_run(flags: Tensor) -> Tensor:
    """For flags [T+1, M]: the step at which the unbroken run of trues up to the end begins, NEVER if the end is false."""
    broken = (~flags).long().flip(0).cumsum(0).flip(0)
    begins = (broken > 0).sum(0)
    return torch.where(flags[-1], begins, torch.full_like(begins, NEVER))


def why_left(config: Config, surface: Surface, method: str, path: Tensor) -> str:
    """Why a path left, naming the inequality that broke where there is one; path [t+1, 2] up to the leaving."""
    finite = path[torch.isfinite(path).all(-1)]
    h = surface.hessian(finite)
    h = h[torch.isfinite(h).all(-1).all(-1)]
    eigen = torch.linalg.eigvalsh(h)
    if method in ("sgd", "noisy_sgd", "momentum", "nesterov"):
        # The last point may be far out already, where the curvature is a consequence and no cause.
        top = float(eigen[: max(1, len(eigen) - 1), 1].max())
        limit = quadratic.stability_limit(method, config.alpha)
        product = config.learning_rate * top
        if product > limit:
            where = "λ_max" if surface.quadratic else "the steepest curvature on its way, λ"
            return f"ε·λ = {product:.3g} > {limit:.3g} with {where} = {top:.4g}"
        if float(surface.value(finite[-1])) < float(surface.value(finite[0])):
            return "it follows a slope that leads out of the frame"
        return f"its velocity carries it out of the frame; ε·λ = {product:.3g} stays below {limit:.3g}"
    if method == "newton" and float(eigen[:, 0].min()) <= 0:
        return f"the Hessian on its way has an eigenvalue {float(eigen[:, 0].min()):.3g} ≤ 0, so the step points uphill"
    return "it follows a slope that leads out of the frame"


def basins(config: Config, surface: Surface, noise: float, size: int = BASIN) -> Tensor:
    """[size, size] int64: the minimum that `basin_of` reaches from each start of a grid, -1 none, -2 left."""
    _, _, points = surface.grid(size)
    theta = points.reshape(-1, 2).float()  # half the time; only starts on a border could tell
    if config.basin_of in FIRST_ORDER:
        optimiser = make_optimisers(config)[config.basin_of]
        state = optimiser.init(theta)
        generator = generators([config.seed])[0]
        shake = noise * torch.randn(config.steps, 2, generator=generator)
        for t in range(config.steps):
            grad = surface.gradient(theta)
            if config.basin_of == "noisy_sgd":
                grad += shake[t]
            optimiser.step(theta, grad, state)
    else:
        for _ in range(min(config.steps, 60)):
            h = surface.hessian(theta)
            if config.basin_of == "damped_newton":
                h = _lifted_2x2(h)
            theta -= _solve_2x2(h, surface.gradient(theta))
    distance = torch.cdist(theta, surface.minima_tensor().float())
    nearest, reached = distance.min(-1)
    near = nearest <= 0.05 * (surface.y_range[1] - surface.y_range[0])
    reached = torch.where(near, reached, torch.full_like(reached, -1))
    return torch.where(outside(theta, surface), torch.full_like(reached, -2), reached).reshape(size, size)


def _lifted_2x2(h: Tensor, floor: float = 1.0) -> Tensor:
    half, gap = (h[:, 0, 0] + h[:, 1, 1]) / 2, (h[:, 0, 0] - h[:, 1, 1]) / 2
    mu = (floor - half + torch.sqrt(gap**2 + h[:, 0, 1] ** 2)).clamp_min(0)
    return h + mu[:, None, None] * torch.eye(2, dtype=h.dtype)


def _solve_2x2(h: Tensor, g: Tensor) -> Tensor:
    det = h[:, 0, 0] * h[:, 1, 1] - h[:, 0, 1] ** 2
    x = h[:, 1, 1] * g[:, 0] - h[:, 0, 1] * g[:, 1]
    y = h[:, 0, 0] * g[:, 1] - h[:, 0, 1] * g[:, 0]
    return torch.stack([x, y], -1) / det[:, None]


def network_problem(seed: int) -> tuple[MLP, Tensor, Tensor, Tensor]:
    """The small net's race: (architecture, data x [1, 2, N], labels y [1, 1, N], start θ [P]), float64."""
    generator = generators([seed])[0]
    x, y = toys.two_moons(120, 0.2, generator)
    mlp = MLP(sizes=(2, 8, 1), activation="tanh")
    theta = mlp.init([generator]).double()[0]
    return mlp, x[None].double(), y[None, None].double(), theta


def _network(config: Config) -> Iterator[Result]:
    mlp, x, y, start = network_problem(config.seed)

    def losses(theta: Tensor) -> Tensor:
        flat = theta.reshape(-1, mlp.P)
        return binary_cross_entropy.value(mlp.forward(flat, x), y).reshape(theta.shape[:-1])

    def slope(theta: Tensor) -> Tensor:
        return gradient(mlp, theta.reshape(-1, mlp.P), x, y, binary_cross_entropy)[1].reshape(theta.shape)

    def hessian(theta: Tensor) -> Tensor:
        theta = theta.detach().requires_grad_(True)
        (g,) = torch.autograd.grad(losses(theta), theta, create_graph=True)
        (rows,) = torch.autograd.grad(g, theta, torch.eye(mlp.P, dtype=theta.dtype), is_grads_batched=True)
        return rows.detach()

    def curvature(theta: Tensor, d: Tensor) -> Tensor:
        # A central difference of two hand-written gradients: error of order 1e-10 here, no graph to build.
        h = 1e-5 / max(float(d.norm()), 1e-300)
        return d @ (slope(theta + h * d) - slope(theta - h * d)) / (2 * h)

    race = _Race(config, start, NETWORK_STEPS)
    race.first_order(slope, noise=0.0)
    yield race.result(losses, NETWORK_STEPS)
    f = Objective(losses, slope, hessian, curvature)
    for method, walk in _curvature_methods(f, start, floor=0.05):
        race.follow(method, walk)
        yield race.result(losses, NETWORK_STEPS)


def seen(result: Result, config: Config) -> str:
    """What the reader should have seen, in sentences computed from the result."""
    shown = [m for m in result.methods if m in config.methods]
    column = {m: result.methods.index(m) for m in shown}
    if result.arrived_at is None or result.left_at is None:
        final = {m: float(result.losses[-1, column[m]]) for m in shown}
        finite = {m: v for m, v in final.items() if v == v}
        if not finite:
            return "No shown method has a finite loss at the end."
        best = min(finite, key=finite.__getitem__)
        spent = float(result.evaluations[-1, column[best]])
        return (f"After {result.step} steps **{METHODS[best]}** has the lowest loss, {finite[best]:.3g}, for {spent:.0f} "
                "gradient evaluations. A Hessian is charged as one gradient for each parameter.")
    arrived = {m: int(result.arrived_at[column[m]]) for m in shown if result.arrived_at[column[m]] != NEVER}
    text = f"None of the {len(shown)} methods shown has settled at a minimum after {result.step} steps."
    if arrived:
        first = min(arrived, key=arrived.__getitem__)
        text = (f"**{METHODS[first]}** settles at a minimum first, at step {arrived[first]}; {len(arrived)} of {len(shown)} "
                f"methods shown are there by step {result.step}.")
    for method in shown:
        if method in result.reasons:
            step = int(result.left_at[column[method]])
            text += f" **{METHODS[method]}** leaves the map at step {step}: {result.reasons[method]}."
    return text
