"""How unsure a set of predictions is: spread, entropies, and what averaging more of them buys.

A method's S passes (thinned networks, or members of an ensemble) are S predictions at every point. For a
regression their spread is the uncertainty about the function. For a classification (Depeweg et al. 2018)

    H[p̄]   =   (1/S) Σ_s H[p_s]   +   I ,        I = (1/S) Σ_s KL(p_s ‖ p̄)
    total       expected                mutual information: what the passes disagree about

Entropies are in nats. Everything here is float64.

Shapes: S passes, N points, C classes, F counts (how many of the first passes are averaged), D inputs, Q levels.
Probabilities are [S, C, N] as in `core.calibration`; C = 1 stands for P(class 1) of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from core.calibration import class_probabilities
from core.engine import MLP


class Entropies(NamedTuple):
    """Parts of the uncertainty, in nats."""

    total: Tensor  # [F, N]
    expected: Tensor  # [F, N]
    mutual: Tensor  # [F, N] total − expected


def _index(counts: Sequence[int], S: int) -> Tensor:
    index = torch.as_tensor(counts) - 1
    if not bool(((index >= 0) & (index < S)).all()):
        raise ValueError(f"counts={list(counts)}: each from 1 to the {S} passes")
    return index


def running_mean(values: Tensor, counts: Sequence[int]) -> Tensor:
    """Means [F, ...] of the first counts[f] of values [S, ...]; of equal values exactly that value."""
    index = _index(counts, len(values))
    n = (index + 1).double().reshape(-1, *(1 for _ in values.shape[1:]))
    centre = values[:1].double()
    return centre + (values.double() - centre).cumsum(0)[index] / n


def running_spread(passes_SN: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (with S − 1), [F, N], of the first counts[f] passes; one pass has no spread: NaN."""
    centre_N = passes_SN[:1].double()  # shifted, so that sums of squares do not cancel
    shifted = passes_SN.double() - centre_N
    mean = running_mean(shifted, counts)
    n = torch.as_tensor(counts).double()[:, None]
    variance = (running_mean(shifted.square(), counts) - mean.square()).clamp_min(0) * n / (n - 1)
    return mean + centre_N, torch.where(n > 1, variance, torch.nan).sqrt()


def entropy(probabilities: Tensor) -> Tensor:
    """−Σ p ln p of [..., C, N], [..., N], with 0 ln 0 = 0."""
    return torch.special.entr(class_probabilities(probabilities.double())).sum(-2)


def entropies(probabilities_SCN: Tensor, counts: Sequence[int] | None = None) -> Entropies:
    """The decomposition for the first counts[f] passes; all of them, F = 1, if counts is None."""
    p = class_probabilities(probabilities_SCN.double())
    counts = [len(p)] if counts is None else counts
    total, expected = entropy(running_mean(p, counts)), running_mean(entropy(p), counts)
    return Entropies(total, expected, total - expected)


def error_of_mean(passes_SN: Tensor, target_N: Tensor, counts: Sequence[int]) -> Tensor:
    """Root mean square error [F] of the mean of counts[f] passes, averaged over every subset of that size.

    A random T of S passes, drawn without replacement, have a mean with variance s² (1/T − 1/S), s² being the
    sample variance, so the average over all subsets needs none of them: (p̄ − y)² + s² (1/T − 1/S).
    """
    S = len(passes_SN)
    n = (_index(counts, S) + 1).double()
    passes = passes_SN.double()
    bias = (passes.mean(0) - target_N.double()).square().mean()
    variance = passes.var(0).mean() if S > 1 else torch.zeros((), dtype=torch.float64)
    return (bias + variance * (1 / n - 1 / S)).sqrt()


def distance_from_limit(passes_SN: Tensor, counts: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Distance [F] of the mean of T passes from the mean of all S, root mean square over disjoint blocks and points.

    Returns measured and theory: for independent passes the square is s² (1/T − 1/S), s² being the sample variance.
    """
    passes, S = passes_SN.double(), len(passes_SN)
    n, mean = (_index(counts, S) + 1).double(), passes.mean(0)
    rms = [(passes[: S - S % T].unflatten(0, (-1, T)).mean(1) - mean).square().mean().sqrt() for T in counts]
    return torch.stack(rms), (passes.var(0).mean() * (1 / n - 1 / S)).sqrt()


def dropout_variance(mlp: MLP, theta_P: Tensor, x_DN: Tensor, rate: float) -> Tensor:
    """Variance over masks [N] of one hidden layer's output, exactly: p/(1 − p) Σ_j v_j² a_j(x)².

    Each unit is kept or not by itself. With ReLU every term is convex in x, so the variance is: between two
    points it cannot rise above the chord (Foong et al. 2020). Raises ValueError for any other depth.
    """
    if len(mlp.hidden) != 1 or mlp.norm or mlp.residual or mlp.sizes[-1] != 1:
        raise ValueError(f"sizes={mlp.sizes}: one plain hidden layer and one output only")
    theta = theta_P.double()[None]
    hidden = mlp.activations(theta, x_DN.double()[None]).post[0][0]
    v_H = mlp.views(theta)[-1].weight[0, 0]
    return rate / (1 - rate) * (v_H.square() @ hidden.square())


def distance_to_data(points_DM: Tensor, data_DN: Tensor) -> Tensor:
    """Euclidean distance [M] from each point to the nearest sample."""
    return torch.cdist(points_DM.T.double(), data_DN.T.double()).amin(1)


def by_distance(distance_M: Tensor, values_KM: Tensor, width: float, bins: int) -> Tensor:
    """Means [K, bins] of values over the points whose distance lies in [b, b + 1) · width; NaN in an empty bin."""
    place = (distance_M / width).floor().long()
    inside = place < bins
    count = torch.bincount(place[inside], minlength=bins)
    sums = torch.zeros(len(values_KM), bins, dtype=torch.float64)
    return sums.index_add_(1, place[inside], values_KM.double()[:, inside]) / count


def coverage(mean_N: Tensor, spread_N: Tensor, noise: float, truth_N: Tensor, levels_Q: Tensor) -> Tensor:
    """P(a new observation lies in the central interval), [Q, N], in closed form.

    The interval of level q is mean ± z √(spread² + noise²) with z = Φ⁻¹((1 + q)/2); observations are
    N(truth, noise²).
    """
    half = torch.special.ndtri((1 + levels_Q.double()) / 2)[:, None] * (spread_N.double().square() + noise**2).sqrt()
    off = mean_N.double() - truth_N.double()
    return torch.special.ndtr((off + half) / noise) - torch.special.ndtr((off - half) / noise)
