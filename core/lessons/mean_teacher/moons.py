"""Two moons of which a handful of points have labels: the consistency loss by hand, for S multilayer perceptrons at once.

    J = (1/m) Σ BCE(f(x_i; θ), y_i) + w_t (1/n) Σ_j (p(T_j x_j; θ) − p(T'_j x_j; θ'))²        p = σ(f)

T and T' are drawn apart, an affine map of the plane for every point and every update. The target p(·; θ') is a number: nothing
flows back into the teacher.

Shapes: P parameters, S seeds, m labelled and n unlabelled points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.data.toys import two_moons
from core.engine import MLP, Generators, RunningStats, Supervised, binary_cross_entropy, normals
from core.engine.network import Kernel
from core.lessons.mean_teacher.teacher import Teacher

TEST = 500
CENTRE = (0.5, 0.25)  # of the moons, about which a transform turns and stretches
AHEAD = 32  # updates whose transforms are drawn at once


class Moons(NamedTuple):
    """The points of S seeds."""

    labelled: Tensor  # [S, 2, m]
    given: Tensor  # [S, 1, m] labels that the nets are given, 0 or 1
    true: Tensor  # [S, 1, m] what they should be
    unlabelled: Tensor  # [S, 2, n]
    hidden: Tensor  # [S, 1, n] their labels, which no net is given
    x_test: Tensor  # [S, 2, TEST]
    y_test: Tensor  # [S, 1, TEST]


def make_moons(labels: int, wrong: int, unlabelled: int, spread: float, rngs: Generators) -> Moons:
    """labels: half of each class (the odd one is class A's); wrong: how many of them are turned round, of one class."""
    sets = []
    for rng in rngs:
        pool_x, pool_y = two_moons(2 * labels + 40, spread, rng)
        upper, lower = ((pool_y == c).nonzero()[:, 0] for c in (0, 1))
        pick = torch.cat([upper[: (labels + 1) // 2], lower[: labels // 2]])
        x, y = two_moons(unlabelled, spread, rng)
        x_test, y_test = two_moons(TEST, spread, rng)
        true = pool_y[pick].float()
        given = true.clone()
        given[:wrong] = 1 - given[:wrong]
        sets.append((pool_x[:, pick], given[None], true[None], x, y.float()[None], x_test, y_test.float()[None]))
    return Moons(*(torch.stack(part) for part in zip(*sets, strict=True)))


def jitter(x: Tensor, z: Tensor, strength: float) -> Tensor:
    """Each point of x [S, 2, n] under an affine map of its own: x + s (G (x − c) + g), with z = (G, g) [S, 6, n] normal."""
    centre = x.new_tensor(CENTRE)[:, None]
    u, v = (x - centre).unbind(1)
    moved = torch.stack([z[:, 0] * u + z[:, 1] * v + z[:, 4], z[:, 2] * u + z[:, 3] * v + z[:, 5]], 1)
    return x + strength * moved


class Consistency:
    """An objective for `Trainer`: the supervised loss of S students, and the consistency loss with their teachers.

    weight: step -> w_t. Where it is 0 nothing is drawn and nothing else happens: that is supervised training to the bit.
    """

    def __init__(self, mlp: MLP, unlabelled: Tensor, teacher: Teacher, strength: float, weight: Callable[[int], float],
                 stats: RunningStats | None):
        self.mlp, self.x, self.teacher, self.strength, self.weight, self.stats = mlp, unlabelled, teacher, strength, weight, stats
        self.supervised = Supervised(mlp, binary_cross_entropy, stats=stats)
        self.step = 0
        self.cost: list[Tensor] = []  # consistency loss of each update, [S]
        self._kernel: Kernel | None = None
        self._draws: list[tuple[Tensor, Tensor]] = []

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators = ()) -> tuple[Tensor, Tensor]:
        """Supervised loss [S], and the gradient [S, P] of both terms; the transforms are drawn from the generators."""
        value, grad = self.supervised.value_and_gradient(theta, batch, generators)
        weight = self.weight(self.step)
        self.step += 1
        if weight > 0:
            guided, target = self.views(generators)
            grad += weight * self.pull(theta, guided, self.target(target))
        else:
            self.cost.append(value.new_zeros(len(self.x)))
        return value, grad

    def views(self, generators: Generators) -> tuple[Tensor, Tensor]:
        """What the student and what the teacher see of the unlabelled points, [S, 2, n] each."""
        if not self._draws:
            z = normals(generators, AHEAD, 12, self.x.shape[-1])
            self._draws = [(one[:, :6], one[:, 6:]) for one in z.unbind(1)]
        first, second = self._draws.pop()
        return jitter(self.x, first, self.strength), jitter(self.x, second, self.strength)

    def target(self, x: Tensor) -> Tensor:
        """The teacher's probabilities [S, 1, n], normalised by its own running statistics."""
        options = {} if self.teacher.stats is None else {"stats": self.teacher.stats}
        with torch.no_grad():
            return torch.sigmoid(self.mlp.forward(self.teacher.theta, x, **options))

    def pull(self, theta: Tensor, x: Tensor, target: Tensor) -> Tensor:
        """Gradient [S, P] of the mean of (p − target)² with the target held; its value is added to `cost`."""
        if self._kernel is None:
            self._kernel = self.mlp.kernel(theta, x.shape[-1])
        options = {} if self.stats is None else {"stats": self.stats}
        p = torch.sigmoid(self._kernel.forward(x, **options))
        off = p - target
        self.cost.append(off.square().mean((1, 2)))
        return self._kernel.backward(off.mul_(2 / off[0].numel()).mul_(p).mul_(1 - p))


def always(batch: Any) -> Iterator[Any]:
    """The same batch for ever."""
    while True:
        yield batch
