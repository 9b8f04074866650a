"""Weak learners: stumps, trees and small nets, each fitted to K weighted training sets at once.

Shapes: K rows, N samples of two features, n points to judge, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import MLP, Adam, Generators, Loss, Supervised, Trainer
from core.trees import Trees, grow

NET_STEPS, NET_RATE = 60, 0.1  # updates of a net in a round, and the learning rate of Adam


class Learner(Protocol):
    """K fitted learners."""

    def score(self, x: Tensor) -> Tensor:
        """What they say of x, [2, n] or [K, 2, n]: [K, n], positive for class B."""
        ...

    def row(self, k: int) -> Learner:
        """The k-th of them, as one row."""
        ...


Fit = Callable[[Tensor], Learner]  # from weights [K, N], which sum to one in each row


class Grown(NamedTuple):
    """Stumps or trees."""

    trees: Trees

    def score(self, x: Tensor) -> Tensor:
        return 2 * (self.trees.predict(x)[:, 1] > 0.5).double() - 1

    def row(self, k: int) -> Grown:
        return Grown(Trees(*(part[k : k + 1] for part in self.trees)))


class Trained(NamedTuple):
    """Nets."""

    mlp: MLP
    theta: Tensor

    def score(self, x: Tensor) -> Tensor:
        return self.mlp.forward(self.theta, (x if x.dim() == 3 else x[None]).float())[:, 0].double()

    def row(self, k: int) -> Trained:
        return Trained(self.mlp, self.theta[k : k + 1])


def votes(learner: Learner, x: Tensor) -> Tensor:
    """Classes ±1 that the learners give to x, [2, n] or [K, 2, n]: [K, n] in float64."""
    return torch.where(learner.score(x) > 0, 1.0, -1.0).double()


def growing(x_K2N: Tensor, y_KN: Tensor, depth: int, criterion: str) -> Fit:
    """Trees of this depth, on samples with classes ±1; criterion as in `core.trees.grow`."""
    one_hot = torch.stack([y_KN < 0, y_KN > 0], 1).double()
    return lambda weight_KN: Grown(grow(x_K2N, one_hot, weight_KN, depth, criterion))


def training(x_K2N: Tensor, y_KN: Tensor, width: int, generators: Generators) -> Fit:
    """Nets with one hidden layer of `width` tanh units, new ones for each round, row k started from generators[k]."""
    mlp, x, target = MLP((2, width, 1), "tanh"), x_K2N.float(), y_KN.float() / 2 + 0.5

    def fit(weight_KN: Tensor) -> Trained:
        theta = mlp.init(generators)
        batch = x, torch.stack([target, weight_KN.float()], 1)
        Trainer(Supervised(mlp, weighted), theta, Adam(NET_RATE), repeat(batch)).advance(NET_STEPS)
        return Trained(mlp, theta)

    return fit


def _weighted_value(out: Tensor, y: Tensor) -> Tensor:
    target, weight = y.unbind(1)
    f = out[:, 0]
    return (weight * (F.softplus(f, 1, 40) - f * target)).sum(-1)


def _weighted_gradient(out: Tensor, y: Tensor) -> Tensor:
    target, weight = y.unbind(1)
    return (weight * (out[:, 0].sigmoid() - target))[:, None]


weighted = Loss(_weighted_value, _weighted_gradient, name="weighted cross-entropy")
"""-Σ_n w_n [y_n ln σ(out_n) + (1 - y_n) ln(1 - σ(out_n))] in nats; y [K, 2, N] holds the labels y and the weights w."""
