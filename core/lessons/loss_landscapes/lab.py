"""Two nets trained from one start, and everything that is then measured round them: planes, segments, curvature.

One net has skip connections, the other has none. Training is gradient descent or heavy ball on the full batch. The cuts
are `landscape`'s, the twins `matching`'s, the curvature `core.curvature`'s.

Shapes: P parameters, M = 2 nets, S snapshots of a path, R rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from core import curvature
from core.data import toys
from core.engine import MLP, SGD, Loss, binary_cross_entropy, generators, squared, train
from core.formatting import format_number
from core.lessons.loss_landscapes import landscape, matching
from core.moments import NEVER

NETS = {"plain": "Without skips", "skips": "With skips"}
SEGMENTS = {"other": "To another start's net", "other_matched": "The same, units matched", "twin": "To its own twin",
            "twin_matched": "Twin, units matched"}
POINTS = 64
SNAPSHOTS = 61
LANCZOS = 10
MARGIN = 0.35  # of the plane's extent, beyond what must be seen
NEAR = 31  # points along each side of the part of a plane that the path is in
COUNTED = 41  # points along each side of a plane on which its basins are counted
PLENTY = 32_000_000  # T·L·(64 + H²) of all starts of T steps on L layers of H units, which goes as the time: some two seconds
CLIMB, SHARE = 0.3, 0.02  # out of a basin that counts: so much of loss, and so much of the plane's height


def architecture(config: Any, net: str) -> MLP:
    return MLP(sizes=(2, *[config.width] * config.depth, 1), activation=config.activation,
               norm="batch" if config.batch_norm else None, residual=net == "skips")


def trained_starts(config: Any) -> int:
    """How many of the starts, the two that are looked at among them, there is time for."""
    most = PLENTY // (config.steps * config.depth * (64 + config.width**2))
    return 2 + max(0, min(config.restarts, most - 2))


def sample(config: Any) -> tuple[Tensor, Tensor]:
    """x [1, 2, N] and targets y [1, 1, N]: 0 and 1 for cross-entropy, -1 and 1 for squared error."""
    generator = generators([config.seed])[0]
    draw = {"moons": lambda: toys.two_moons(POINTS, 0.1, generator), "circles": lambda: toys.circles(POINTS, 0.08, generator),
            "spirals": lambda: toys.spirals(POINTS, 0.02, generator, turns=1.0)}
    x, labels = draw[config.data]()
    y = labels.to(torch.float32)
    return x[None], (2 * y - 1 if config.objective == "squared" else y)[None, None]


def objective(config: Any) -> Loss:
    return squared if config.objective == "squared" else binary_cross_entropy


def limit(config: Any) -> float:
    """The curvature beyond which heavy ball with this ε and α diverges on a quadratic: 2(1 + α)/ε."""
    return 2 * (1 + config.alpha) / config.learning_rate


def bottoms(loss: Tensor) -> Tensor:
    """The bottoms (row, column) [n, 2] of the basins of a plane [B, A] that count."""
    known = loss[torch.isfinite(loss)]
    span = float(known.max() - known.min()) if len(known) else 0.0
    return landscape.bottoms(loss, max(CLIMB, SHARE * span))


def _seed(config: Any, purpose: int) -> int:
    # Far apart, so that no scene's data share a seed with another scene's start.
    return 1_000_000 * (purpose + 1) + 1000 * config.seed


def _square_round(points: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The axes of a square part of a plane, `side` points along each, round all points [n, 2] that are finite.

    Coordinates are drawn to one scale.
    """
    points = points[torch.isfinite(points).all(1)]
    low, high = points.amin(0), points.amax(0)
    middle, half = (low + high) / 2, (0.5 + MARGIN) * float((high - low).max().clamp_min(1e-6))
    a, b = (torch.linspace(float(c) - half, float(c) + half, side) for c in middle)
    return a, b


class Lab:
    """The run, stage by stage; each stage is a generator that pauses where a picture could be drawn.

    config: the lesson's Config. `found` holds the fields of the lesson's Result that are known so far.
    """

    def __init__(self, config: Any):
        self.config, self.nets = config, tuple(NETS)
        self.x, self.y = sample(config)
        self.loss = objective(config)
        self.mlps = [architecture(config, net) for net in self.nets]
        self.optimiser = SGD(config.learning_rate, momentum=config.alpha)
        self.found: dict[str, Any] = dict(
            problem="network", nets=self.nets, step=0, losses=torch.empty(0, 2), limit=limit(config), floor=0.0,
            diverged_at=torch.full((2,), NEVER), reasons=("", ""))

    def _starts(self, mlp: MLP) -> Tensor:
        """θ [trained_starts, P], drawn alike for both nets: He for ReLU, Xavier for tanh.

        A layer with a skip adds to what comes in, so its draws are divided by √(number of layers), lest signals grow
        with depth.
        """
        seeds = range(_seed(self.config, 0), _seed(self.config, 0) + trained_starts(self.config))
        theta = mlp.init(generators(seeds), "he" if self.config.activation == "relu" else "xavier")
        if mlp.residual:
            for layer in mlp.views(theta)[1:-1]:
                layer.weight.div_(self.config.depth**0.5)
        return theta

    def _evaluate(self, m: int, theta: Tensor) -> Tensor:
        return landscape.evaluate(self.mlps[m], theta, self.x, self.y, self.loss)

    def train(self) -> Iterator[None]:
        """All starts of both nets as rows: row 0 is the one that is looked at, row 1 the second solution."""
        total, seeds = self.config.steps, range(_seed(self.config, 5), _seed(self.config, 5) + trained_starts(self.config))
        runs = [
            train(mlp, self._starts(mlp), self.x, self.y, self.loss, self.optimiser, steps=total,
                  generators=generators(seeds), record_every=math.ceil(total / (SNAPSHOTS - 1)))
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
        self.planes = planes = [c[1] for c in cuts]
        coordinates = torch.stack([planes[m].coordinates(paths[m]) for m in range(n)], 1)
        marks = torch.full((n, 3, 2), torch.nan)
        for m in range(n):
            if cuts[m][0] == "segment":
                second = self.seconds[m]
                three = torch.stack([self.ends[m][0], second[self.config.second], second[f"{self.config.second}_matched"]])
                marks[m] = planes[m].coordinates(three)
        axes = [self._axes(cuts[m][0], coordinates[:, m], marks[m]) for m in range(n)]
        shadows = [planes[m].projection(paths[m]) for m in range(n)]
        values = torch.full((n, side, side), torch.nan)
        counts, bends, places = torch.full((n,), NEVER), torch.full((n,), torch.nan), [torch.empty(0, 2)] * n
        self.found |= dict(
            kinds=tuple(c[0] for c in cuts), explained=torch.stack([c[2] for c in cuts]), marks=marks,
            a=torch.stack([axis[0] for axis in axes]), b=torch.stack([axis[1] for axis in axes]),
            snapshot_steps=self.snapshot_steps, path=coordinates,
            projection_loss=torch.stack([self._evaluate(m, shadows[m]) for m in range(n)], 1),
            off_plane=torch.stack([(paths[m] - shadows[m]).norm(dim=1) for m in range(n)], 1),
            moved=torch.stack([(paths[m] - planes[m].origin).norm(dim=1) for m in range(n)], 1),
        )
        for m in range(n):
            for _ in self._fill(values[m], m, planes[m], *axes[m]):
                self.found["grid"] = values.clone()
                yield
            counted, coarse = values[m], axes[m]
            if side != COUNTED:  # what is said of a plane does not change with how finely it is drawn
                counted = torch.full((COUNTED, COUNTED), torch.nan)
                coarse = tuple(torch.linspace(float(axis[0]), float(axis[-1]), COUNTED) for axis in axes[m])
                for _ in self._fill(counted, m, planes[m], *coarse):
                    yield
            rows, columns = bottoms(counted).T
            places[m] = torch.stack([coarse[0][columns], coarse[1][rows]], -1)
            counts[m], bends[m] = len(rows), landscape.negative_curvature_fraction(counted)
            self.found |= dict(basins=counts.clone(), bottoms=tuple(places), bends_down=bends.clone())
            yield

    def _fill(self, values: Tensor, m: int, plane: landscape.Plane, a: Tensor, b: Tensor) -> Iterator[None]:
        """Puts the loss of net m at the places a [A], b [B] of a plane into values [B, A], a few rows at a time."""
        for rows in torch.arange(len(b)).split(10):
            values[rows] = self._evaluate(m, plane.points(a, b[rows])).unflatten(0, (len(rows), len(a)))
            yield

    def _axes(self, kind: str, path: Tensor, marks: Tensor) -> tuple[Tensor, Tensor]:
        side, reach = self.config.resolution, self.config.radius
        if kind in ("start", "random"):
            axis = torch.linspace(-reach, reach, side)
            return axis, axis
        return _square_round(marks if kind == "segment" else path, side)

    def cut_near(self) -> Iterator[None]:
        """The planes once more, framed by the path, where their own frame is not: there the path may be short."""
        if self.config.plane not in ("start", "random"):
            return
        axes = []
        for m in range(2):
            own = self.found["a"][m], self.found["b"][m]
            # A path that runs away has no frame.
            a, b = own if self.gone[0, m] else _square_round(self.found["path"][:, m], NEAR)
            axes.append([torch.linspace(float(axis[0]), float(axis[-1]), NEAR) for axis in (a, b)])
        values = torch.full((2, NEAR, NEAR), torch.nan)
        self.found |= dict(near_a=torch.stack([a for a, _ in axes]), near_b=torch.stack([b for _, b in axes]))
        for m in range(2):
            for _ in self._fill(values[m], m, self.planes[m], *axes[m]):
                yield
        self.found["near"] = values
        yield

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
        """What is known of the curvature [E] along the path of a net whose training diverged."""
        if not self.gone[0, m]:
            return ""
        rate = self.config.learning_rate
        name = "2" if self.config.alpha == 0 else f"2(1 + α) = {2 * (1 + self.config.alpha):.3g}"
        known = (rate * sharpness[torch.isfinite(sharpness)]).tolist()
        if not known or not bool(torch.isfinite(sharpness[0])):
            return "its start has no finite curvature"
        first, highest = known[0], max(known)
        product = "with λ the steepest curvature, ε·λ"
        if first > limit(self.config) * rate:
            return f"{product} = {format_number(first, 3)} at the start, above {name}"
        if highest > limit(self.config) * rate:
            return (f"{product} = {format_number(first, 3)} at the start, and up to {format_number(highest, 3)} on the way, "
                    f"above {name}")
        return (f"its loss grew beyond what a float can hold, {product} at most {format_number(highest, 3)} where it was "
                "measured")

    def rescale(self) -> Iterator[None]:
        """Dinh et al. 2017: the same function, flatter or sharper at will."""
        mlp, end = self.mlps[0], self.ends[0][:1]
        if self.config.activation != "relu" or self.gone[0, 0]:
            return
        factor = 2.0 ** torch.linspace(-2, 2, 7)
        rows = matching.rescale(mlp, end.repeat(len(factor), 1), 0, factor)
        f, sharp = curvature.loss_of(mlp, self.x, self.y, self.loss), []
        for some in rows.split(4):
            sharp.append(curvature.top_eigenvalue(f, some, generators([_seed(self.config, 4)] * len(some)), LANCZOS + 6))
            yield
        self.found["rescaled"] = dict(factor=factor, loss=self._evaluate(0, rows), sharpness=torch.cat(sharp))
        yield
