"""A race of optimisers from one start: where each one goes, what it spends, what it remembers.

Shapes: M methods of which the first K are first-order, T steps, P parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from core.engine import generators
from core.engine.optimisers import Optimiser
from core.lessons.optimisers import descent
from core.lessons.optimisers.descent import Objective
from core.surfaces import Surface

STILL = 4 * torch.finfo(torch.float64).eps  # of a coordinate: a smaller step is the rounding of a method that has arrived


class Race:
    """The record of one race, a column a method: paths [T+1, M, P], slopes [T, M, P] (the gradient that each step used),
    evaluations [T+1, M] (gradients so far), seconds [T+1, M] (processor time), memory: method -> name -> [T, P].

    NaN stands where a method has not run, or is no longer finite.
    """

    def __init__(self, names: Sequence[str], start: Tensor, steps: int):
        self.names, self.start, self.steps = tuple(names), start, steps
        shape = (steps + 1, len(self.names))

        def unknown(*size: int) -> Tensor:
            return torch.full(size, torch.nan, dtype=torch.float64)

        self.paths, self.slopes = unknown(*shape, start.numel()), unknown(steps, len(self.names), start.numel())
        self.evaluations, self.seconds = unknown(*shape), torch.zeros(shape, dtype=torch.float64)
        self.paths[0], self.evaluations[0] = start, 0
        self.memory: dict[str, dict[str, Tensor]] = {}

    def run(self, optimisers: Mapping[str, Optimiser], f: Objective, shake: Tensor, floor: float = 1.0) -> Iterator[None]:
        """All of them, with a pause after the first-order methods and after each other one; `floor` is the damped Newton's.

        shake [T, K, P] is added to the slopes of the first-order methods.
        """
        self.first_order(optimisers, f.gradient, shake)
        yield
        for method, walk in curvature_methods(f, self.start, floor):
            self.follow(method, walk)
            yield

    def first_order(self, optimisers: Mapping[str, Optimiser], slope: Callable[[Tensor], Tensor], shake: Tensor) -> None:
        """The race's first K methods as rows of one tensor: one gradient call a step serves them all.

        slope: [K, P] -> [K, P], to which shake [T, K, P] is added.
        """
        K, count = len(optimisers), torch.arange(1, self.steps + 1, dtype=torch.float64)
        theta = self.start.repeat(K, 1)
        rows, methods = theta.split(1), list(optimisers.values())
        states = [method.init(row) for method, row in zip(methods, rows, strict=True)]
        buffers = {(m, name): getattr(state, name) for m, state in zip(optimisers, states, strict=True)
                   for name in ("v", "r", "m") if hasattr(state, name)}
        paths, slopes, memory, seconds, clock = [], [], [], [], time.thread_time()
        for t in range(self.steps):
            grad = slope(theta) + shake[t]
            for method, row, g, state in zip(methods, rows, grad.split(1), states, strict=True):
                method.step(row, g, state)
            paths.append(theta.clone())
            slopes.append(grad)
            memory.append(torch.cat(list(buffers.values())))
            # Rows are stepped together, so each is charged an equal share of the time.
            seconds.append((time.thread_time() - clock) / K)
        self.paths[1:, :K], self.slopes[:, :K] = torch.stack(paths), torch.stack(slopes)
        self.seconds[1:, :K] = torch.tensor(seconds, dtype=torch.float64)[:, None]
        self.evaluations[1:, :K] = count[:, None]
        records = torch.stack(memory)
        self.memory = {m: {name: records[:, i] for i, (owner, name) in enumerate(buffers) if owner == m} for m in optimisers}

    def follow(self, method: str, walk: Iterator[descent.Step]) -> None:
        """One method of `descent`, until it is no longer finite or stands still."""
        column, clock, before = self.names.index(method), time.thread_time(), self.start
        for t, (x, count) in zip(range(self.steps), walk, strict=False):
            self.paths[t + 1, column] = x
            self.evaluations[t + 1, column] = self.evaluations[t, column] + count
            self.seconds[t + 1, column] = time.thread_time() - clock
            if not torch.isfinite(x).all():
                break
            if bool(((x - before).abs() <= STILL * x.abs()).all()):
                self.paths[t + 1 :, column] = x
                self.evaluations[t + 1 :, column] = self.evaluations[t + 1, column]
                self.seconds[t + 1 :, column] = self.seconds[t + 1, column]
                break
            before = x


def on_surface(surface: Surface) -> Objective:
    return Objective(surface.value, surface.gradient, surface.hessian, lambda x, d: d @ surface.hessian(x) @ d)


def curvature_methods(f: Objective, start: Tensor, floor: float = 1.0) -> list[tuple[str, Iterator[descent.Step]]]:
    """Method -> its walk from start [P]; `floor` is the damped Newton's."""
    return [("newton", descent.newton(f, start)), ("damped_newton", descent.damped_newton(f, start, floor)),
            ("conjugate_gradient", descent.conjugate_gradient(f, start)), ("lbfgs", descent.lbfgs(f, start))]


def minibatch_noise(surface: Surface, size: float, steps: int, seed: int) -> Tensor:
    """What a mini-batch adds to the gradient at each step [T, 2]: Gaussian, `size` times a typical slope."""
    normal = torch.randn(steps, 2, generator=generators([seed])[0], dtype=torch.float64)
    return size * typical_slope(surface) * normal


def typical_slope(surface: Surface) -> float:
    """The median gradient norm over the frame."""
    return float(surface.gradient(surface.grid(41)[2]).norm(dim=-1).median())
