"""How far a mini-batch's gradient lies from the full gradient: theory, and the cloud of many batches.

The gradient of a batch is a mean of m of the N per-sample gradients. With Σ their covariance (divided by N), the batch's is
Σ/m with replacement and Σ/m · (N − m)/(N − 1) without (Cochran, Sampling Techniques, 3rd ed. 1977, chapter 2).

Shapes: N samples, P parameters, B batches, M batch sizes, D coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.engine import MLP, Loss, Supervised


def variance_factor(m: int, n: int, replacement: bool) -> float:
    """Var(mean of m of n values) over the variance of one of them.

    Raises ValueError unless 1 <= m, and m <= n without replacement.
    """
    if m < 1 or (m > n and not replacement):
        raise ValueError(f"m={m}: a batch takes 1 to {n} of {n} samples")
    if replacement or n == 1:
        return 1 / m
    return (n - m) / (n - 1) / m


def per_sample_gradients(mlp: MLP, theta: Tensor, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """The gradient [N, P] of every sample's loss at theta [P]; x [d, N], y [N].

    A sample is a row of the engine: N copies of the model, each with a data set of one.
    """
    rows = theta.expand(x.shape[1], -1).contiguous()
    return Supervised(mlp, loss).value_and_gradient(rows, (x.T[:, :, None].contiguous(), y[:, None, None]))[1]


@dataclass(frozen=True)
class Spread:
    """The per-sample gradients at one θ, in the plane of the two directions in which samples differ most."""

    axes: Tensor  # [P, 2] principal directions
    variance: Tensor  # [2] along them
    total: float  # variance along all directions added up
    mean: Tensor  # [2] the full gradient in the plane
    norm: float  # length of the full gradient
    offsets: Tensor  # [N, 3] each sample's gradient less the full one: along the two axes and along the full gradient


def spread(gradients: Tensor, before: Tensor | None = None) -> Spread:
    """The principal plane of gradients [N, P]; `before` [P, 2] gives the axes their signs, so that a film does not flip."""
    g = gradients.double()
    mean = g.mean(0)
    centred = g - mean
    scatter = centred.T @ centred / len(g)
    axes = torch.linalg.eigh(scatter)[1][:, [-1, -2]]
    towards = mean[:, None] if before is None else before
    axes = axes * torch.where((axes * towards).sum(0) < 0, -1.0, 1.0)
    norm = float(mean.norm())
    along = mean / norm if norm > 0 else torch.zeros_like(mean)
    offsets = centred @ torch.cat([axes, along[:, None]], 1)
    return Spread(axes, offsets[:, :2].square().mean(0), float(scatter.trace()), mean @ axes, norm, offsets)


def orders(n: int, draws: int, generator: Generator) -> Tensor:
    """Which samples come first, second, ... [2, draws, n]: without replacement, and with it.

    The first m of a row are a batch of m, so one draw serves every size.
    """
    without = torch.rand(draws, n, generator=generator).argsort(1)
    return torch.stack([without, torch.randint(n, (draws, n), generator=generator)])


def batch_means(values: Tensor, order: Tensor, sizes: Sequence[int]) -> Tensor:
    """The means [..., M, B, D] of the first m of each row of order [..., B, N], for every m of sizes; values [N, D]."""
    m = torch.tensor(sizes)
    sums = values[order].cumsum(-2)[..., m - 1, :]
    return (sums / m[:, None]).movedim(-2, -3)


@dataclass(frozen=True)
class Moment:
    """Gradients at one θ of training, in the plane of the two directions in which samples differ most."""

    step: int  # updates before it
    mean: Tensor  # [2] the full gradient in the plane
    norm: float  # length of the full gradient
    variance: Tensor  # [2] of one sample's gradient along the axes
    total: float  # variance along all directions added up
    per_sample: Tensor  # [N, 3] each sample's offset from the full gradient: along the two axes and along the full gradient
    cloud: Tensor  # [2, M, B, 3] likewise of B batches of each size, without (0) and with (1) replacement


def measure_moment(step: int, gradients: Tensor, before: Tensor | None, order: Tensor,
                   sizes: Sequence[int]) -> tuple[Moment, Tensor]:
    """The moment of gradients [N, P] with the batches of `order`, and the axes [P, 2] that it is drawn in."""
    at = spread(gradients, before)
    cloud = batch_means(at.offsets.float(), order, sizes)
    return Moment(step, at.mean, at.norm, at.variance, at.total, at.offsets, cloud), at.axes
