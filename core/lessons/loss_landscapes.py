"""Two nets, one without and one with skip connections, are trained from one start; then the loss around them is cut open.

Objective: the mean over N = 64 points of binary cross-entropy (nats) or of (out − y)² with y = ±1, full batch, without
penalty. Training is gradient descent or heavy ball: v ← αv − ε∇J, θ ← θ + v. The cuts are `core.landscape`'s, the twins
`core.matching`'s, the curvature `core.curvature`'s. The closed-form surfaces are `core.surfaces`'.

Shapes: M landscapes (2 nets, or 1 surface), P parameters, S snapshots, A × B points of a plane, T points of a segment,
E places where curvature is measured, R starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from core import curvature, landscape, matching, surfaces
from core.data import toys
from core.engine import MLP, SGD, Loss, binary_cross_entropy, generators, squared, train
from core.lesson import Scene, choice, decades, grid, last, number, switch

SURFACES = tuple(surfaces.NAMES)
NETWORK = ("network",)
NETS = {"plain": "Without skips", "skips": "With skips"}
PLANES = {"start": "Back to the start, and random", "random": "Two random directions",
          "trajectory": "Path's own plane (PCA)", "segment": "Through two solutions"}
SECOND = {"other": "Trained from another start", "twin": "Twin: same net, units re-ordered"}
DATA = {"moons": "Two moons", "circles": "Circles", "spirals": "Spirals"}
OBJECTIVES = {"cross_entropy": "Cross-entropy", "squared": "Squared error"}
SEGMENTS = {"other": "To another start's net", "other_matched": "The same, units matched", "twin": "To its own twin",
            "twin_matched": "Twin, units matched"}

POINTS = 64
SNAPSHOTS = 61
LANCZOS = 10
MARGIN = 0.35  # of the plane's extent, beyond what must be seen
NEVER = -1


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("network", options={"network": "A trained net", **surfaces.NAMES}, label="Landscape of",
                          help="A net that is trained now, or a function of two parameters known in closed form.")
    skips: str = choice("plain", options=NETS, label="Look at the net", view=True, when=("problem", NETWORK),
                        help="Both are trained, from the same start; this one is drawn first.")
    plane: str = choice("start", options=PLANES, label="Cut along", when=("problem", NETWORK),
                        help="A net has far more than two parameters; the picture is a plane cut through their space.")
    second: str = choice("other", options=SECOND, label="Second solution", when=("plane", ("segment",)))
    depth: int = number(8, low=1, high=12, step=1, label="Hidden layers", when=("problem", NETWORK))
    batch_norm: bool = switch(True, label="Batch norm", when=("problem", NETWORK),
                              help="In every hidden layer; each point of the plane is normalised by its own full batch.")
    learning_rate: float = grid(0.3, values=decades(-4, 0, (1, 1.5, 2, 3, 5, 7)), label="Learning rate ε")
    kappa: float = grid(20.0, values=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), label="Condition number κ",
                        when=("problem", ("ravine",)), help="Steepest curvature over flattest, λ_max/λ_min.")
    width: int = number(12, low=4, high=24, step=4, label="Units per layer", more=True, when=("problem", NETWORK))
    activation: str = choice("relu", options={"relu": "ReLU", "tanh": "tanh"}, label="Activation", more=True,
                             when=("problem", NETWORK))
    alpha: float = number(0.0, low=0.0, high=0.95, step=0.05, label="Momentum α", more=True,
                          help="0 is plain gradient descent. The limit of stability moves to 2(1 + α)/ε.")
    steps: int = number(100, low=50, high=1500, step=50, label="Training steps", more=True)
    data: str = choice("moons", options=DATA, label="Data", more=True, when=("problem", NETWORK))
    objective: str = choice("cross_entropy", options=OBJECTIVES, label="Loss", more=True, when=("problem", NETWORK))
    radius: float = number(0.75, low=0.25, high=2.0, step=0.25, label="Reach of the plane", unit="filter norms", more=True,
                           when=("plane", ("start", "random")))
    scale: str = choice("linear", options={"linear": "Linear", "log": "Logarithmic"}, label="Heights", more=True, view=True,
                        when=("problem", NETWORK),
                        help="Of surface and colours. Logarithmic heights show valley floors, linear ones mountains.")
    resolution: int = grid(41, values=(41, 61, 81), label="Points along each side", more=True)
    restarts: int = number(6, low=0, high=48, step=2, label="Further starts", more=True, when=("problem", NETWORK),
                           help="Nets trained from other random starts, to compare where they end.")
    start_x: float = number(-0.2, low=-6.0, high=6.0, step=0.01, label="Start, first parameter", more=True,
                            when=("problem", SURFACES), help="Or click on the map.")
    start_y: float = number(-0.8, low=-6.0, high=6.0, step=0.01, label="Start, second parameter", more=True,
                            when=("problem", SURFACES))


@dataclass(frozen=True)
class Result:
    """Up to where the run has come; what is not there yet is None, or NaN inside a tensor.

    losses [steps so far (+1), M]: objective at each step; diverged_at [M], NEVER if finite; reasons [M] in words, "" if none.
    theta [2, M, P]: start and end. kinds [M]: the plane that was drawn. a [M, A], b [M, B], grid [M, B, A]: loss on the plane.
    path [S, M, 2]: coordinates of the snapshots' nearest points in the plane, at snapshot_steps [S]; path_loss, shadow_loss:
    loss of the net itself and of that nearest point; off_plane: distance between the two; moved: distance from the plane's
    origin, all [S, M]. explained [M, 2]: variance of the path along the plane's directions, of its whole, NaN unless PCA.
    marks [M, 3, 2]: the two solutions and the matched second one, NaN unless segment.
    minima [M]: local minima on the grid, -1 if unknown; bends_down [M]: part of the plane with a negative curvature.
    segments: name -> loss [T, M] at segment_t [T]; barriers: name -> [M].
    sharpness [E, M]: top Hessian eigenvalue at sharpness_steps [E]; limit: 2(1 + α)/ε. floor: the loss below which
    nothing lies, 0 for a net.
    final_losses [R, M]: of all starts, the two above first. rescaled: factor, loss and sharpness [F] of the plain ReLU net.
    """

    problem: str
    nets: tuple[str, ...]
    step: int
    losses: Tensor
    limit: float
    floor: float
    diverged_at: Tensor
    reasons: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    theta: Tensor | None = None
    a: Tensor | None = None
    b: Tensor | None = None
    grid: Tensor | None = None
    snapshot_steps: Tensor | None = None
    path: Tensor | None = None
    path_loss: Tensor | None = None
    shadow_loss: Tensor | None = None
    off_plane: Tensor | None = None
    moved: Tensor | None = None
    explained: Tensor | None = None
    marks: Tensor | None = None
    minima: Tensor | None = None
    bends_down: Tensor | None = None
    segment_t: Tensor | None = None
    segments: dict[str, Tensor] = field(default_factory=dict)
    barriers: dict[str, Tensor] = field(default_factory=dict)
    sharpness_steps: Tensor | None = None
    sharpness: Tensor | None = None
    final_losses: Tensor | None = None
    rescaled: dict[str, Tensor] = field(default_factory=dict)


def architecture(config: Config, net: str) -> MLP:
    return MLP(sizes=(2, *[config.width] * config.depth, 1), activation=config.activation,
               norm="batch" if config.batch_norm else None, residual=net == "skips")


def sample(config: Config) -> tuple[Tensor, Tensor]:
    """x [1, 2, N] and targets y [1, 1, N]: 0 and 1 for cross-entropy, -1 and 1 for squared error."""
    generator = generators([config.seed])[0]
    draw = {"moons": lambda: toys.two_moons(POINTS, 0.1, generator), "circles": lambda: toys.circles(POINTS, 0.08, generator),
            "spirals": lambda: toys.spirals(POINTS, 0.02, generator, turns=1.0)}
    x, labels = draw[config.data]()
    y = labels.to(torch.float32)
    return x[None], (2 * y - 1 if config.objective == "squared" else y)[None, None]


def objective(config: Config) -> Loss:
    return squared if config.objective == "squared" else binary_cross_entropy


def limit(config: Config) -> float:
    """The curvature beyond which heavy ball with this ε and α diverges on a quadratic: 2(1 + α)/ε."""
    return 2 * (1 + config.alpha) / config.learning_rate


def steps(config: Config) -> Iterator[Result]:
    if config.problem != "network":
        yield on_surface(config)
        return
    lab = _Lab(config)
    for stage in (lab.train, lab.cut, lab.interpolate, lab.measure_curvature, lab.rescale):
        for _ in stage():
            yield lab.result()


def run(config: Config) -> Result:
    return last(steps(config))


def _seed(config: Config, purpose: int) -> int:
    # Far apart, so that no scene's data share a seed with another scene's start.
    return 1_000_000 * (purpose + 1) + 1000 * config.seed


class _Lab:
    """The run, stage by stage; each stage is a generator that pauses where a picture could be drawn."""

    def __init__(self, config: Config):
        self.config, self.nets = config, tuple(NETS)
        self.x, self.y = sample(config)
        self.loss = objective(config)
        self.mlps = [architecture(config, net) for net in self.nets]
        self.optimiser = SGD(config.learning_rate, momentum=config.alpha)
        self.found: dict[str, Any] = dict(
            problem="network", nets=self.nets, step=0, losses=torch.empty(0, 2), limit=limit(config), floor=0.0,
            diverged_at=torch.full((2,), NEVER), reasons=("", ""))

    def result(self) -> Result:
        return Result(**self.found)

    def _starts(self, mlp: MLP) -> Tensor:
        """θ [2 + restarts, P], drawn alike for both nets: He for ReLU, Xavier for tanh.

        A layer with a skip adds to what comes in, so its draws are divided by √(number of layers), lest signals grow
        with depth.
        """
        seeds = range(_seed(self.config, 0), _seed(self.config, 0) + 2 + self.config.restarts)
        theta = mlp.init(generators(seeds), "he" if self.config.activation == "relu" else "xavier")
        if mlp.residual:
            for layer in mlp.views(theta)[1:-1]:
                layer.weight.div_(self.config.depth**0.5)
        return theta

    def _evaluate(self, m: int, theta: Tensor) -> Tensor:
        return landscape.evaluate(self.mlps[m], theta, self.x, self.y, self.loss)

    def train(self) -> Iterator[None]:
        """All starts of both nets as rows: row 0 is the one that is looked at, row 1 the second solution."""
        total = self.config.steps
        runs = [
            train(mlp, self._starts(mlp), self.x, self.y, self.loss, self.optimiser, steps=total,
                  generators=generators(range(2 + self.config.restarts)), record_every=math.ceil(total / (SNAPSHOTS - 1)))
            for mlp in self.mlps
        ]
        stops, paths, pair = [], ([], []), ()
        gone = torch.empty(0)
        for pair in zip(*runs, strict=True):
            stops.append(pair[0].step)
            for path, progress in zip(paths, pair, strict=True):
                path.append(progress.theta[0])
            gone = torch.stack([p.diverged_at for p in pair], 1)
            self.found |= dict(step=stops[-1], losses=torch.stack([p.batch_loss[:, 0] for p in pair], 1), diverged_at=gone[0])
            yield
        self.snapshot_steps, self.paths = torch.tensor(stops), [torch.stack(path) for path in paths]
        self.ends, self.gone = [p.theta for p in pair], gone.ne(NEVER)
        self.both_finite = (~self.gone[:2]).all(0).tolist()
        for m, path in enumerate(self.paths):
            if self.gone[0, m]:
                # The engine leaves a diverged row where it was; what follows is not part of its path.
                path[self.snapshot_steps > gone[0, m]] = torch.nan
        final = torch.stack([self._evaluate(m, self.ends[m]) for m in range(2)], 1).masked_fill(self.gone, torch.nan)
        ends = torch.stack([path[[0, -1]] for path in self.paths], 1)
        self.found |= dict(losses=torch.cat([self.found["losses"], final[:1]]), theta=ends, final_losses=final)
        self._match()
        yield

    def _match(self) -> None:
        """Twins of each solution, and both second solutions with their units matched to the first."""
        permuting = generators([_seed(self.config, 1)])[0]
        self.seconds: list[dict[str, Tensor]] = []
        for mlp, ends, known in zip(self.mlps, self.ends, self.both_finite, strict=True):
            if not known:
                self.seconds.append({})
                continue
            twin = matching.permute(mlp, ends[:1], matching.random_permutations(mlp, permuting))[0]
            second = dict(other=ends[1], twin=twin)
            for name in ("other", "twin"):
                perms = matching.match(mlp, ends[0], second[name], self.x)
                second[f"{name}_matched"] = matching.permute(mlp, second[name][None], perms)[0]
            self.seconds.append(second)

    def _plane(self, m: int) -> tuple[str, landscape.Plane, Tensor]:
        """The kind, the plane and the explained variance. A net that diverged is cut at random about its start."""
        config, mlp, end = self.config, self.mlps[m], self.ends[m][0]
        drawing = generators([_seed(config, 2)])[0]  # the same draws for both nets
        unknown = torch.full((2,), torch.nan)
        if self.gone[0, m]:
            return "random", landscape.random_plane(mlp, self.paths[m][0], drawing), unknown
        if config.plane == "trajectory":
            return "trajectory", *landscape.trajectory_plane(self.paths[m])
        if config.plane == "segment" and self.both_finite[m]:
            second, matched = self.seconds[m][config.second], self.seconds[m][f"{config.second}_matched"]
            try:
                return "segment", landscape.segment_plane(end, second, matched), unknown
            except ValueError:  # a matched twin is the net itself: any third point will do
                third = end + landscape.random_plane(mlp, end, drawing).directions[0]
                return "segment", landscape.segment_plane(end, second, third), unknown
        if config.plane == "start":
            return "start", landscape.start_plane(mlp, end, self.paths[m][0], drawing), unknown
        return "random", landscape.random_plane(mlp, end, drawing), unknown

    def cut(self) -> Iterator[None]:
        n, side = 2, self.config.resolution
        cuts = [self._plane(m) for m in range(n)]
        paths = torch.stack(self.paths)  # [M, S, P]
        planes = [c[1] for c in cuts]
        coordinates = torch.stack([planes[m].coordinates(paths[m]) for m in range(n)], 1)
        marks = torch.full((n, 3, 2), torch.nan)
        for m in range(n):
            if cuts[m][0] == "segment":
                second = self.seconds[m]
                three = torch.stack([self.ends[m][0], second[self.config.second], second[f"{self.config.second}_matched"]])
                marks[m] = planes[m].coordinates(three)
        axes = [self._axes(cuts[m][0], coordinates[:, m], marks[m]) for m in range(n)]
        shadows = [planes[m].shadow(paths[m]) for m in range(n)]
        values = torch.full((n, side, side), torch.nan)
        counts, bends = torch.full((n,), -1), torch.full((n,), torch.nan)
        self.found |= dict(
            kinds=tuple(c[0] for c in cuts), explained=torch.stack([c[2] for c in cuts]), marks=marks,
            a=torch.stack([axis[0] for axis in axes]), b=torch.stack([axis[1] for axis in axes]),
            snapshot_steps=self.snapshot_steps, path=coordinates,
            path_loss=torch.stack([self._evaluate(m, paths[m]) for m in range(n)], 1),
            shadow_loss=torch.stack([self._evaluate(m, shadows[m]) for m in range(n)], 1),
            off_plane=torch.stack([(paths[m] - shadows[m]).norm(dim=1) for m in range(n)], 1),
            moved=torch.stack([(paths[m] - planes[m].origin).norm(dim=1) for m in range(n)], 1),
        )
        for m in range(n):
            a, b = axes[m]
            for rows in torch.arange(side).split(10):
                values[m, rows] = self._evaluate(m, planes[m].points(a, b[rows])).unflatten(0, (len(rows), side))
                self.found["grid"] = values.clone()
                yield
            counts[m], bends[m] = landscape.local_minima(values[m]), landscape.curving_down(values[m])
            self.found |= dict(minima=counts.clone(), bends_down=bends.clone())
        yield

    def _axes(self, kind: str, path: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        side, reach = self.config.resolution, self.config.radius
        if kind in ("start", "random"):
            axis = torch.linspace(-reach, reach, side)
            return axis, axis
        points = marks if kind == "segment" else path
        low, high = points.amin(0), points.amax(0)
        extent = high - low
        spare = MARGIN * extent.clamp_min(0.5 * float(extent.max()))
        low, high = low - spare, high + spare
        return torch.linspace(float(low[0]), float(high[0]), side), torch.linspace(float(low[1]), float(high[1]), side)

    def interpolate(self) -> Iterator[None]:
        t = torch.linspace(0, 1, 41)
        values = {name: torch.full((len(t), 2), torch.nan) for name in SEGMENTS}
        for m in range(2):
            if self.both_finite[m]:
                ends = [landscape.segment(self.ends[m][0], self.seconds[m][name], t) for name in SEGMENTS]
                losses = self._evaluate(m, torch.cat(ends)).unflatten(0, (len(SEGMENTS), len(t)))
                for name, loss in zip(SEGMENTS, losses, strict=True):
                    values[name][:, m] = loss
        barriers = {name: landscape.barrier(loss, t) for name, loss in values.items()}
        self.found |= dict(segment_t=t, segments=values, barriers=barriers)
        yield

    def measure_curvature(self) -> Iterator[None]:
        count = min(25, 10 + self.config.steps // 50)
        chosen = torch.linspace(0, len(self.snapshot_steps) - 1, count).round().long()
        values = torch.full((count, len(self.mlps)), torch.nan)
        for m, mlp in enumerate(self.mlps):
            f = curvature.loss_of(mlp, self.x, self.y, self.loss)
            for places in torch.arange(count).split(5):
                rngs = generators(range(_seed(self.config, 3), _seed(self.config, 3) + len(places)))
                values[places, m] = curvature.top_eigenvalue(f, self.paths[m][chosen[places]], rngs, LANCZOS)
                self.found |= dict(sharpness_steps=self.snapshot_steps[chosen], sharpness=values.clone())
                yield
        self.found["reasons"] = tuple(self._reason(m, values[:, m]) for m in range(2))
        yield

    def _reason(self, m: int, sharpness: Tensor) -> str:
        if not self.gone[0, m]:
            return ""
        bound = limit(self.config)
        name = "2" if self.config.alpha == 0 else f"2(1 + α) = {2 * (1 + self.config.alpha):.3g}"
        if float(sharpness[0]) > bound:
            scaled = float(sharpness[0]) * self.config.learning_rate
            return f"ε·λ_max = {scaled:.3g} at the start, above {name}, and no flatter place was near"
        return f"its gradients grew beyond what a number can hold, although ε·λ_max began below {name}"

    def rescale(self) -> Iterator[None]:
        """Dinh et al. 2017: the same function, flatter or sharper at will."""
        mlp, end = self.mlps[0], self.ends[0][:1]
        if self.config.activation != "relu" or self.gone[0, 0]:
            return
        factor = 2.0 ** torch.linspace(-2, 2, 7)
        rows = matching.rescale(mlp, end.repeat(len(factor), 1), 0, factor)
        f = curvature.loss_of(mlp, self.x, self.y, self.loss)
        sharp = curvature.top_eigenvalue(f, rows, generators([_seed(self.config, 4)] * len(factor)), LANCZOS + 6)
        self.found["rescaled"] = dict(factor=factor, loss=self._evaluate(0, rows), sharpness=sharp)
        yield


def on_surface(config: Config) -> Result:
    """Heavy ball on a closed-form surface, which is its own plane: the path lies in it, and its Hessian is exact."""
    surface = surfaces.surface(config.problem, config.kappa)
    theta = torch.tensor([config.start_x, config.start_y], dtype=torch.float64)
    velocity = torch.zeros(2, dtype=torch.float64)
    path = torch.full((config.steps + 1, 2), torch.nan, dtype=torch.float64)
    path[0] = theta
    gone = NEVER
    for t in range(config.steps):
        velocity = config.alpha * velocity - config.learning_rate * surface.gradient(theta)
        theta = theta + velocity
        if not torch.isfinite(surface.value(theta)):
            gone = t + 1
            break
        path[t + 1] = theta
    chosen = torch.linspace(0, config.steps, SNAPSHOTS).round().long().unique()
    losses = surface.value(path)
    hessian = surface.hessian(path[chosen])
    known = torch.isfinite(hessian).all(-1).all(-1)
    sharp = torch.full((len(chosen),), torch.nan, dtype=torch.float64)
    sharp[known] = torch.linalg.eigvalsh(hessian[known])[:, -1]
    x, y, points = surface.grid(max(config.resolution, 61))
    values = surface.value(points)
    reason = ""
    if gone != NEVER:
        worst = float(sharp[known].max()) * config.learning_rate
        reason = f"ε·λ_max reached {worst:.3g} on the way, above {limit(config) * config.learning_rate:.3g}"
    zero = torch.zeros(len(chosen), 1, dtype=torch.float64)
    return Result(
        problem=config.problem, nets=("surface",), step=config.steps, losses=losses[:, None], limit=limit(config),
        floor=float(surface.value(surface.minima_tensor()).min()), diverged_at=torch.tensor([gone]), reasons=(reason,),
        kinds=("surface",), a=x[None], b=y[None], grid=values[None],
        snapshot_steps=chosen, path=path[chosen][:, None], path_loss=losses[chosen][:, None],
        shadow_loss=losses[chosen][:, None], off_plane=zero, moved=(path[chosen] - path[0]).norm(dim=-1)[:, None],
        marks=surface.minima_tensor()[None], minima=torch.tensor([len(surface.minima)]),
        bends_down=torch.tensor([landscape.curving_down(values)], dtype=torch.float64),
        sharpness_steps=chosen, sharpness=sharp[:, None],
    )


def seen(result: Result, scene: Config) -> str:
    """What this run shows, in sentences that are computed from it."""
    if scene.problem != "network":
        return _seen_surface(result, scene)
    if result.minima is None or result.bends_down is None or result.off_plane is None or result.moved is None:
        return f"Training both nets: step {result.step} of {scene.steps}."
    m = result.nets.index(scene.skips)
    text = _roughness(result)
    for k, net in enumerate(result.nets):
        if result.diverged_at[k] != NEVER:
            why = f": {result.reasons[k]}" if any(result.reasons) else ""
            text += (f" **{NETS[net]}** training diverged at step {int(result.diverged_at[k])}{why}; "
                     "its plane is drawn round its start.")
    text += _about_plane(result, scene, m)
    if result.sharpness is not None and bool(result.sharpness[-1, m].isfinite()):
        scaled = float(result.sharpness[-1, m]) / result.limit
        side = "inside" if scaled < 0.9 else "at" if scaled <= 1.1 else "beyond"
        text += (f" At the end λ_max is {float(result.sharpness[-1, m]):.3g}, {scaled:.0%} of the limit "
                 f"{'2/ε' if scene.alpha == 0 else '2(1 + α)/ε'} = {result.limit:.3g}: {side} the edge of stability.")
    return text


def _roughness(result: Result) -> str:
    assert result.minima is not None and result.bends_down is not None
    if int(result.minima.min()) < 0:
        return "The second plane is still being evaluated."
    counts, bends = result.minima.tolist(), result.bends_down.tolist()
    parts = [f"{_count(n)} and curves downwards over {share:.0%} of it" for n, share in zip(counts, bends, strict=True)]
    if counts[0] > counts[1] and bends[0] > bends[1]:
        verdict = "rougher by both counts"
    elif counts[0] < counts[1] and bends[0] < bends[1]:
        verdict = "smoother by both counts"
    elif counts[0] == counts[1] and bends[0] == bends[1]:
        verdict = "exactly as rough"
    else:
        verdict = "neither clearly rougher nor clearly smoother"
    return (f"**Without skips** the plane has {parts[0]}; **with skips** it has {parts[1]}: here the net without skips is "
            f"**{verdict}**.")


def _count(minima: int) -> str:
    return "no local minimum" if minima == 0 else "1 local minimum" if minima == 1 else f"{minima} local minima"


def _about_plane(result: Result, scene: Config, m: int) -> str:
    assert result.off_plane is not None and result.moved is not None and result.explained is not None
    if result.kinds[m] == "segment" and result.barriers:
        before, after = (float(result.barriers[name][m]) for name in (scene.second, f"{scene.second}_matched"))
        other = "its own twin" if scene.second == "twin" else "another start's net"
        return f" The straight way to {other} crosses a barrier of {before:.3g}; with the hidden units matched, {_small(after)}."
    first = float(result.off_plane[0, m])
    moved = float(result.moved[0, m])
    if result.kinds[m] == "trajectory":
        share, far = float(result.explained[m].sum()), float(result.off_plane[:, m].max())
        return (f" The plane holds {share:.1%} of the path's variance; the path leaves it by up to {far:.2g}, and its start is "
                f"{moved:.2g} from its end.")
    if result.diverged_at[m] != NEVER:
        return ""
    if moved == 0:
        return ""
    return (f" The start and the end of training are {moved:.2g} apart, of which (squared) {1 - (first / moved) ** 2:.1%} lies "
            "in the plane.")


def _small(barrier: float) -> str:
    return "none" if barrier < 1e-5 else f"{barrier:.3g}"


def _seen_surface(result: Result, scene: Config) -> str:
    name = surfaces.NAMES[scene.problem]
    if result.diverged_at[0] != NEVER:
        return f"On **{name}** the path diverges, and step {int(result.diverged_at[0])} is no longer finite: {result.reasons[0]}."
    assert result.sharpness is not None and result.minima is not None
    return (f"On **{name}** the loss goes from {float(result.losses[0, 0]):.3g} to {float(result.losses[-1, 0]):.3g} in "
            f"{scene.steps} steps. The map holds {_count(int(result.minima[0]))}. At the end λ_max is "
            f"{float(result.sharpness[-1, 0]):.3g}; the limit of stability is {result.limit:.3g}.")
