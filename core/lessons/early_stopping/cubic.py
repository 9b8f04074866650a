"""Least squares on cubic features of points of the plane: the quadratic on which stopping and ridge can be compared exactly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.lessons.early_stopping import shrinkage


def features(x: Tensor) -> Tensor:
    """The nine monomials of degree 1 to 3 of x [2, n], each with mean 0 and spread 1; float64 [n, 9]."""
    a, b = x.double()
    z = torch.stack([a, b, a * a, a * b, b * b, a**3, a * a * b, a * b * b, b**3], 1)
    return (z - z.mean(0)) / z.std(0, correction=0)


def twins(x: Tensor, y: Tensor, products: Sequence[float], at: Tensor) -> shrinkage.Twins:
    """Gradient descent and matched ridge on 1/(2n) ‖Φθ − t‖², with Φ the features of x [2, n] and t the classes y [n] as ±1,
    centred; at step sizes products/λ_max, after the steps `at` [R]."""
    target = 2 * y.double() - 1
    return shrinkage.twins(shrinkage.least_squares(features(x), target - target.mean()), products, at)


def gaps(twins: shrinkage.Twins, rate: int, steps: int) -> Tensor:
    """Largest difference over the directions between stopping and ridge after 1, 2, … `steps` steps, [steps].

    rate: index of the step size. By the formulas, which the runs at twins.steps follow: between those it can be larger.
    """
    tau, size = torch.arange(1, steps + 1, dtype=torch.float64)[:, None], twins.rates[rate]
    stopped = shrinkage.stopped_factor(twins.eigenvalues, size, tau)
    ridged = shrinkage.ridge_factor(twins.eigenvalues, shrinkage.matched_strength(size, tau))
    return (stopped - ridged).abs().amax(-1)
