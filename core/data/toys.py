"""Toy problems whose truth is known, drawn from the caller's generator and never from the global one.

Arrays are features first, as the engine holds its activations: x_DN float32 [features, samples], y_N int64
labels. Classes are balanced to within one sample and come in random order, so any prefix is a fair sample.

Shapes: N samples, D features, C classes. Lengths have no unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Curve(NamedTuple):
    """Samples of a function of one variable."""

    x_1N: Tensor
    """float32 [1, N], in random order."""
    y_1N: Tensor
    """float32 [1, N], the truth plus Gaussian noise."""
    truth: Callable[[Tensor], Tensor]
    """The function without noise, elementwise."""


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def _normal(*shape: int, generator: Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float32)


def _uniform(n: int, generator: Generator) -> Tensor:
    return torch.rand(n, generator=generator, dtype=torch.float32)


def _labels(n: int, classes: int, generator: Generator) -> Tensor:
    _require(n >= 1, f"n must be at least 1, got {n}")
    return torch.randperm(n, generator=generator) % classes


def _blurred(x_2N: Tensor, noise: float, generator: Generator) -> Tensor:
    _require(noise >= 0, f"noise must not be negative, got {noise}")
    return x_2N + noise * _normal(*x_2N.shape, generator=generator)


def two_moons(n: int, noise: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two interleaved half circles of radius 1, blurred by Gaussian noise of standard deviation `noise`.

    The upper moon (class 0) is centred on (0, 0), the lower (class 1) on (1, 0.5), as in scikit-learn;
    positions along the arcs are uniform. Returns x_2N and y_N.
    """
    y_N = _labels(n, 2, generator)
    angle_N = math.pi * _uniform(n, generator)
    upper_2N = torch.stack([angle_N.cos(), angle_N.sin()])
    lower_2N = torch.stack([1 - angle_N.cos(), 0.5 - angle_N.sin()])
    return _blurred(torch.where(y_N == 0, upper_2N, lower_2N), noise, generator), y_N


def circles(n: int, noise: float, generator: Generator, ratio: float = 0.5) -> tuple[Tensor, Tensor]:
    """A circle of radius 1 (class 0) around one of radius `ratio` (class 1). Returns x_2N and y_N."""
    y_N = _labels(n, 2, generator)
    angle_N = 2 * math.pi * _uniform(n, generator)
    radius_N = torch.where(y_N == 0, 1.0, ratio)
    return _blurred(radius_N * torch.stack([angle_N.cos(), angle_N.sin()]), noise, generator), y_N


def spirals(
    n: int, noise: float, generator: Generator, classes: int = 2, turns: float = 1.5
) -> tuple[Tensor, Tensor]:
    """Spiral arms of `turns` turns whose radius grows from 0.1 to 1. Returns x_2N and y_N."""
    y_N = _labels(n, classes, generator)
    # The square root spreads the points evenly along the arm instead of crowding its centre.
    along_N = _uniform(n, generator).sqrt()
    radius_N = 0.1 + 0.9 * along_N
    angle_N = 2 * math.pi * (turns * along_N + y_N / classes)
    return _blurred(radius_N * torch.stack([angle_N.cos(), angle_N.sin()]), noise, generator), y_N


def xor(n: int, noise: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Gaussian clouds at (±1, ±1); class 1 where the signs differ. Returns x_2N and y_N."""
    corner_N = _labels(n, 4, generator)
    x_2N = torch.stack([2.0 * (corner_N // 2) - 1, 2.0 * (corner_N % 2) - 1])
    return _blurred(x_2N, noise, generator), (corner_N // 2) ^ (corner_N % 2)


def blob_centres(classes: int, radius: float = 2.0) -> Tensor:
    """Centres [C, 2], evenly spaced on a circle, the first at the top."""
    angle_C = 2 * math.pi * torch.arange(classes, dtype=torch.float32) / classes
    return radius * torch.stack([angle_C.sin(), angle_C.cos()], dim=1)


def blobs(
    n: int, std: float, generator: Generator, classes: int = 3, radius: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Round Gaussian classes of standard deviation `std` on a circle of `radius`. Returns x_2N and y_N.

    Their posterior is `gaussian_posterior(x_2N, blob_centres(classes, radius), std**2 * torch.eye(2))`.
    """
    y_N = _labels(n, classes, generator)
    return _blurred(blob_centres(classes, radius)[y_N].T, std, generator), y_N


def gaussian_classes(
    n: int, means_CD: Tensor, covariance: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Equally likely Gaussian classes.

    `covariance` is [D, D], shared by all classes (linear boundaries), or [C, D, D], one for each (quadratic
    boundaries); positive definite. Returns x_DN and y_N.
    """
    classes, features = means_CD.shape
    y_N = _labels(n, classes, generator)
    root_CDD = torch.linalg.cholesky(covariance.to(torch.float32)).expand(classes, features, features)
    z_ND = _normal(n, features, generator=generator)
    x_ND = means_CD.to(torch.float32)[y_N] + torch.einsum("nij,nj->ni", root_CDD[y_N], z_ND)
    return x_ND.T.contiguous(), y_N


def gaussian_posterior(x_DN: Tensor, means_CD: Tensor, covariance: Tensor) -> Tensor:
    """P(class | x) of `gaussian_classes`, the best any classifier can do, float64 [C, N]."""
    classes, features = means_CD.shape
    covariance_CDD = covariance.to(torch.float64).expand(classes, features, features)
    density = torch.distributions.MultivariateNormal(means_CD.to(torch.float64), covariance_CDD)
    return density.log_prob(x_DN.T.to(torch.float64)[:, None, :]).softmax(dim=1).T


def wave(x: Tensor) -> Tensor:
    """The smooth truth of `gap_regression`: sin(1.5 x) + 0.3 x."""
    return torch.sin(1.5 * x) + 0.3 * x


def gap_regression(
    n: int,
    noise: float,
    gap: tuple[float, float],
    generator: Generator,
    span: tuple[float, float] = (-4.0, 4.0),
) -> Curve:
    """Noisy samples of `wave`, uniform over `span` except for `gap`, where there are none."""
    _require(n >= 1, f"n must be at least 1, got {n}")
    (low, high), (left, right) = span, gap
    _require(low <= left <= right <= high, f"gap {gap} must lie inside span {span}")
    _require(right - left < high - low, f"gap {gap} leaves no room for data in span {span}")
    x_N = low + (high - low - (right - left)) * _uniform(n, generator)
    x_1N = torch.where(x_N < left, x_N, x_N + (right - left))[None]
    return Curve(x_1N, _blurred(wave(x_1N), noise, generator), wave)


def sine(x: Tensor) -> Tensor:
    """The truth of `noisy_sine`: sin(2πx)."""
    return torch.sin(2 * math.pi * x)


def noisy_sine(n: int, noise: float, generator: Generator) -> Curve:
    """One period of a sine on [0, 1), the curve-fitting example of Bishop's textbook."""
    _require(n >= 1, f"n must be at least 1, got {n}")
    x_1N = _uniform(n, generator)[None]
    return Curve(x_1N, _blurred(sine(x_1N), noise, generator), sine)


def count_flipped(count: int, fraction: float) -> int:
    """How many of so many labels `flip_labels` replaces."""
    return round(fraction * count)


def flip_labels(y_N: Tensor, fraction: float, n_classes: int, generator: Generator) -> Tensor:
    """Replace a fraction of the N labels, rounded, by another class, each other class equally likely.

    A flipped label always differs from the true one, so `flipped != y_N` finds them.
    """
    _require(0 <= fraction <= 1, f"fraction must be between 0 and 1, got {fraction}")
    _require(n_classes >= 2, f"n_classes must be at least 2, got {n_classes}")
    flipped_N = y_N.clone()
    chosen = torch.randperm(len(y_N), generator=generator)[: count_flipped(len(y_N), fraction)]
    step = torch.randint(1, n_classes, (len(chosen),), generator=generator)
    flipped_N[chosen] = (flipped_N[chosen] + step) % n_classes
    return flipped_N


def split(n: int, fractions: Sequence[float], generator: Generator) -> tuple[Tensor, ...]:
    """Disjoint random index tensors, int64, one for each fraction of `n`; fractions that sum to 1 use all."""
    _require(all(f >= 0 for f in fractions), f"fractions must not be negative, got {tuple(fractions)}")
    _require(math.fsum(fractions) <= 1 + 1e-9, f"fractions must sum to at most 1, got {tuple(fractions)}")
    # Rounding the running sum, not each part, is what keeps the last sample from being lost.
    ends = [round(n * math.fsum(fractions[: i + 1])) for i in range(len(fractions))]
    order = torch.randperm(n, generator=generator)
    return tuple(order[start:end] for start, end in zip([0, *ends], ends, strict=False))
