"""Draws of training and test samples, with part of the training labels flipped. Classes are ±1.

Shapes: N training samples, n test samples.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from core.data import toys
from core.uploads import Points
from core.uploads import split as split_points

POOL, TEST = 200, 500  # samples drawn for training, of which a prefix is used; test samples, the same for all draws
NEAREST = 0.5  # the part of the rightly labelled samples that is called near to the other class


class Draw(NamedTuple):
    """One draw. The order in which labels are flipped is drawn once: higher noise flips the same ones and more."""

    x_2N: Tensor  # float64
    true_N: Tensor  # classes before any is flipped
    test_2n: Tensor  # float64
    test_true_n: Tensor
    flips: int  # seed of the flips

    def labels(self, noise: int) -> Tensor:
        """The classes [N] with `noise` % of them flipped."""
        given = toys.flip_labels((self.true_N > 0).long(), noise / 100, 2, Generator().manual_seed(self.flips))
        return _signs(given)


def _signs(classes: Tensor) -> Tensor:
    return 2 * classes.double() - 1


def draws(problem: str, count: int, size: int, blur: float, seed: int, own: Points | None = None) -> list[Draw]:
    """`count` draws of `size` training samples, and test samples that they share; of the reader's points, other halves."""
    def generator(index: int) -> Generator:
        return Generator().manual_seed(torch.randint(2**31, (1,), generator=Generator().manual_seed(1000 * seed + index)).item())

    make = getattr(toys, problem)
    test = make(TEST, blur, generator(999))
    out = []
    for s in range(count):
        rng = generator(s)
        if own is None:
            x, y = (part[..., :size] for part in make(POOL, blur, rng))
        else:
            (x, y), test = split_points(own, [size, TEST], rng)
        out.append(Draw(x.double(), _signs(y), test[0].double(), _signs(test[1]), 1000 * seed + s + 1))
    return out


def near_other_class(x_2N: Tensor, true_N: Tensor, right_N: Tensor) -> Tensor:
    """Of the samples whose label is right, the half with the other class nearest: bool [N]. Classes as they truly are."""
    apart = torch.cdist(x_2N.T, x_2N.T).masked_fill(true_N[:, None] == true_N, torch.inf).amin(1)
    count = max(1, int(NEAREST * int(right_N.sum())))
    limit = apart[right_N].sort().values[count - 1]
    return right_N & (apart <= limit)
