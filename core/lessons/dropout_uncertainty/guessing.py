"""Where a set of predictions is a guess: its spread and entropies, region by region, and whether it means what it says.

Shapes: S passes or members, G points of the grid, B test samples, Q levels. A method's S predictions are averaged over the
first T of them, or over all where it has no more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.calibration import expected_calibration_error
from core.lessons.dropout_uncertainty import uncertainty
from core.lessons.dropout_uncertainty.data import FAR, IN_DATA, IN_GAP

ROUNDING = 4 * torch.finfo(torch.float32).eps  # of a pass, in units of the largest


@dataclass(frozen=True)
class Predictions:
    """What several methods predict for one problem of `data`, in S passes each."""

    problem: str
    noise: float
    x_DN: Tensor
    y_N: Tensor
    grid_DG: Tensor
    truth_G: Tensor
    distance_G: Tensor  # to the nearest sample
    region_G: Tensor
    passes: dict[str, Tensor]  # method -> [S, G] values, or P(class B), on the grid
    tests: dict[str, Tensor]  # method -> [S, B] the same at the test samples
    target_B: Tensor  # values or labels of the test samples


def passes_used(result: Predictions, method: str, passes: int) -> int:
    """How many predictions of a method T stands for: an ensemble has no more than its members."""
    return min(passes, len(result.passes[method]))


def spread(result: Predictions, method: str, passes: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over passes, [G], float64; 0 where the passes differ by what may be rounding alone."""
    T = passes_used(result, method, passes)
    mean, std = uncertainty.running_spread(result.passes[method], [T])
    return mean[0], torch.where(std[0] > ROUNDING * result.passes[method][:T].abs().max(), std[0], 0.0)


def entropies(result: Predictions, method: str, passes: int) -> uncertainty.Entropies:
    """Nats on the grid, [1, G] each; only for the moons."""
    return uncertainty.entropies(result.passes[method][:, None], [passes_used(result, method, passes)])


def surest_wrong(result: Predictions, method: str, passes: int) -> int:
    """The place on the grid where a method is surest although wrong; −1 where it is nowhere wrong.

    Curve: the largest |error| / √(σ² + noise²). Moons: the lowest entropy among the points that are put into one
    class while the density says the other with at least 90 %.
    """
    if result.problem == "curve":
        return int(errors_in_sigmas(result, method, passes).argmax())
    mean = result.passes[method][: passes_used(result, method, passes)].double().mean(0)
    wrong = ((mean > 0.5) != (result.truth_G > 0.5)) & ((result.truth_G - 0.5).abs() >= 0.4)
    if not bool(wrong.any()):
        return -1
    return int(torch.where(wrong, (mean - 0.5).abs(), -1.0).argmax())


def errors_in_sigmas(result: Predictions, method: str, passes: int) -> Tensor:
    """Curve: |error| of the mean in standard deviations of σ and the noise together, [G]."""
    mean, std = spread(result, method, passes)
    return (mean - result.truth_G).abs() / (std.square() + result.noise**2).sqrt()


def region_means(result: Predictions, values_G: Tensor) -> dict[int, float]:
    """Mean of values over each region that the scene has."""
    return {r: float(values_G[result.region_G == r].mean()) for r in (IN_DATA, IN_GAP, FAR) if bool((result.region_G == r).any())}


def calibration_error(result: Predictions, method: str, passes: int) -> float:
    """Moons: ECE of the mean of T passes on fresh samples. Curve: mean |coverage − level| over 19 levels, in the data."""
    if result.problem == "moons":
        mean = result.tests[method][: passes_used(result, method, passes)].double().mean(0)
        return float(expected_calibration_error(mean[None], result.target_B.long(), bins=10))
    levels, among = torch.arange(1, 20) / 20, result.region_G == IN_DATA
    covered = coverage(result, method, passes, levels)[:, among].mean(1)
    return float((covered - levels).abs().mean())


def coverage(result: Predictions, method: str, passes: int, levels_Q: Tensor) -> Tensor:
    """Curve: share [Q, G] of new observations inside the interval of each level."""
    return uncertainty.coverage(*spread(result, method, passes), result.noise, result.truth_G, levels_Q)


def sure(result: Predictions, method: str, passes: int) -> Tensor:
    """Moons: P of the likelier class, [G], by the mean of T passes."""
    mean = result.passes[method][: passes_used(result, method, passes)].double().mean(0)
    return torch.maximum(mean, 1 - mean)
