"""Members of an ensemble: trees and small nets, as many at once as there are rows, each on its own bag of samples.

A bag is a list of b samples drawn with replacement (Breiman 1996); a sample that is drawn twice counts twice.

Shapes: K members, D features, N samples, b samples in a bag, n points to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from core.engine import MLP, Adam, Supervised, Trainer, binary_cross_entropy, generators, squared
from core.trees import Trees, grow

NET_STEPS, NET_RATE = 250, 0.05  # updates of a net with all samples of its bag, and the learning rate of Adam
PAUSE = 2_500_000  # units times samples times updates between two pauses, some 30 ms


class Members(Protocol):
    """K fitted members."""

    def predict(self, x: Tensor) -> Tensor:
        """What each says of x, [D, n] or [K, D, n]: a height, or P(B); [K, n] in float64."""
        ...


def bag_size(share: float, size: int) -> int:
    """How many samples a bag of that share of `size` samples has: at least one."""
    return max(1, round(share * size))


def bags(count: int, size: int, share: float | None, rng: Generator, most: int = 128) -> Tensor:
    """`count` bags of that share of `size` samples, int64 [count, b]; all samples once if share is None.

    Those of fewer members are the first ones of `most`.
    """
    if share is None:
        return torch.arange(size).expand(count, -1)
    return torch.randint(size, (most, bag_size(share, size)), generator=rng)[:count]


def counts(bag: Tensor, size: int) -> Tensor:
    """How often each bag [..., b] holds each sample: float64 [..., size]."""
    out = torch.zeros(*bag.shape[:-1], size, dtype=torch.float64)
    return out.scatter_add_(-1, bag, torch.ones(bag.shape, dtype=torch.float64))


class Grown(NamedTuple):
    trees: Trees

    def predict(self, x: Tensor) -> Tensor:
        return self.trees.predict(x)[:, 0]


class Trained(NamedTuple):
    mlp: MLP
    theta: Tensor
    classes: bool

    def predict(self, x: Tensor) -> Tensor:
        out = self.mlp.forward(self.theta, _scaled(x if x.dim() == 3 else x[None]))[:, 0].double()
        return out.sigmoid() if self.classes else out


def plant(x: Tensor, y: Tensor, bag: Tensor, depth: int) -> Grown:
    """K trees on samples x [K, D, N] with targets y [K, N], row k on bag[k]. Classes 0 and 1 are split by Gini's impurity, which
    is half of the squares that numbers are split by."""
    return Grown(grow(x, y[:, None], counts(bag, x.shape[-1]), depth))


def train_nets(x: Tensor, y: Tensor, bag: Tensor, width: int, classes: bool, seeds: Tensor) -> Iterator[Trained]:
    """K nets with one hidden layer of tanh units on samples x [K, D, N] with targets y [K, N], row k on bag[k] and started from
    seeds[k]; the nets so far, again and again, the last are the trained ones.

    Objective: the mean squared error over the bag, or the mean cross-entropy.
    """
    K, D, _ = x.shape
    mlp = MLP((D, width, 1), "tanh")
    theta = mlp.init(generators(seeds.tolist()))
    batch = (_scaled(x.gather(2, bag[:, None].expand(-1, D, -1))), y.gather(1, bag)[:, None].float())
    trainer = Trainer(Supervised(mlp, binary_cross_entropy if classes else squared), theta, Adam(NET_RATE), repeat(batch))
    every = max(1, PAUSE // (K * width * bag.shape[1]))
    while trainer.step < NET_STEPS:
        trainer.advance(min(every, NET_STEPS - trainer.step))
        yield Trained(mlp, theta, classes)


def _scaled(x: Tensor) -> Tensor:
    """Inputs as a net gets them: a curve's from 0 to 1 as −2 to 2."""
    return (4 * x - 2 if x.shape[-2] == 1 else x).float()
