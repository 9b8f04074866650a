"""Problems with places where nothing was sampled: a curve with a gap, and two moons in a wide plane.

Shapes: D inputs, N samples, G points of the grid that is looked at, B test samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.data import toys
from core.engine import Loss, binary_cross_entropy, squared
from core.lessons.dropout_uncertainty import uncertainty

SPAN = (-4.0, 4.0)  # where the curve's data lie
VIEW = (-7.0, 7.0)
MOONS_VIEW = ((-4.0, 5.0), (-3.25, 3.75))
SIDE = 41
NEAR = 0.5  # within this distance of a sample a point of the plane counts as "in the data"
REMOTE = 1.0  # beyond this distance, from a sample of the moons or from SPAN, as "far away"
TESTS = 500
IN_DATA, IN_GAP, BORDER, FAR = 0, 1, 2, 3


@dataclass(frozen=True)
class Problem:
    """Samples, the grid on which nets are asked, and what is true there."""

    x_DN: Tensor
    y_N: Tensor
    loss: Loss
    grid_DG: Tensor
    truth_G: Tensor  # the function, or P(class B) by the density that drew the moons
    region_G: Tensor  # IN_DATA, IN_GAP, BORDER or FAR
    test_DB: Tensor  # fresh samples of the moons, or the grid points among the curve's data
    target_B: Tensor  # their labels, or the true values


def curve(points: int, noise: float, gap: float, draw: Generator) -> Problem:
    """A regression on SPAN with a gap of this width in its middle."""
    half = gap / 2
    data = toys.gap_regression(points, noise, (-half, half), draw, SPAN)
    grid_DG = torch.linspace(*VIEW, 113)[None]
    away_G, truth_G = grid_DG[0].abs(), data.truth(grid_DG[0])
    inside_G = torch.where(away_G < half, IN_GAP, IN_DATA)
    outside_G = torch.where(away_G > SPAN[1] + REMOTE, FAR, BORDER)
    region_G = torch.where(away_G > SPAN[1], outside_G, inside_G)
    among = region_G == IN_DATA
    return Problem(data.x_1N, data.y_1N[0], squared, grid_DG, truth_G, region_G, grid_DG[:, among], truth_G[among])


def moons(points: int, noise: float, draw: Generator, test: Generator) -> Problem:
    """Two classes, seen in a frame far wider than the moons."""
    x_DN, labels_N = toys.two_moons(points, noise, draw)
    (left, right), (low, high) = MOONS_VIEW
    y, x = torch.meshgrid(torch.linspace(low, high, SIDE), torch.linspace(left, right, SIDE), indexing="ij")
    grid_DG = torch.stack([x.flatten(), y.flatten()])
    away_G = uncertainty.distance_to_data(grid_DG, x_DN)
    region_G = torch.where(away_G < NEAR, IN_DATA, torch.where(away_G > REMOTE, FAR, BORDER))
    test_DB, labels_B = toys.two_moons(TESTS, noise, test)
    return Problem(x_DN, labels_N.float(), binary_cross_entropy, grid_DG, moons_posterior(grid_DG, noise), region_G, test_DB,
                   labels_B.float())


def moons_posterior(x_2G: Tensor, noise: float, angles: int = 128) -> Tensor:
    """P(class B | x), [G] float64, under the density of `toys.two_moons`: half circles blurred by a Gaussian."""
    angle = (torch.arange(angles, dtype=torch.float64) + 0.5) * math.pi / angles
    upper = torch.stack([angle.cos(), angle.sin()], 1)
    lower = torch.stack([1 - angle.cos(), 0.5 - angle.sin()], 1)
    a, b = (torch.logsumexp(-torch.cdist(x_2G.T.double(), arc).square() / (2 * noise**2), 1) for arc in (upper, lower))
    return torch.sigmoid(b - a)
