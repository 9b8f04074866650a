"""The rounds of AdaBoost, on K weighted training sets at once.

Shapes: K rows, N samples. Classes and votes are ±1.

Source: Freund and Schapire, A decision-theoretic generalization of on-line learning and an application to boosting (1997).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CHANCE = 1e-9  # an error this close to ½ is no better than chance


class Round(NamedTuple):
    """What one round of AdaBoost works out from the votes of its learner."""

    error_K: Tensor  # e, the weight of the samples that it gets wrong
    alpha_K: Tensor  # α, its weight in the sum; below 0 where e is above ½, and infinite where e is 0 or 1
    weight_KN: Tensor  # the samples' next weights; as they were where boosting does not go on


def reweigh(weight_KN: Tensor, right_KN: Tensor) -> Round:
    """One round: the error e, the weight of the learner α = ½ ln((1 − e)/e), the next weights w e^(±α)/Z with Z = 2√(e(1 − e)).

    weight_KN: weights that sum to one in each row; right_KN: bool, the samples that the learner gets right. e^α/Z is 1/(2e) and
    e^(−α)/Z is 1/(2(1 − e)): what is wrong comes to weigh a half, and so does what is right.
    """
    e = (weight_KN * ~right_KN).sum(1)
    alpha = ((1 - e).clamp_min(0).log() - e.log()) / 2
    next_KN = weight_KN * torch.where(right_KN, 1 / (2 * (1 - e[:, None])), 1 / (2 * e[:, None]))
    return Round(e, alpha, torch.where(goes_on(e)[:, None], next_KN / next_KN.sum(1, keepdim=True), weight_KN))


def goes_on(error: Tensor) -> Tensor:
    """Whether boosting goes on after a learner of this weighted error: not if all is right or all wrong, nor if it is a coin."""
    return (error > 0) & (error < 1) & ((error - 0.5).abs() > CHANCE)


def bound(error_T: Tensor) -> Tensor:
    """∏ 2√(e(1 − e)) over the rounds so far, which the training error cannot exceed; [T, ...] like the errors.

    A round without a learner, whose error is NaN, counts as a factor of 1.
    """
    return (2 * (error_T * (1 - error_T)).clamp_min(0).sqrt()).nan_to_num(1.0).cumprod(0)


def margin_bound(theta: Tensor, alphas: Tensor, product: Tensor) -> Tensor:
    """What share of the training margins can be at most θ: e^(θ Σ|α|) ∏ 2√(e(1 − e)), cut off at 1 (Schapire et al. 1998).

    alphas: Σ|α| of the rounds so far; product: the bound of the training error, which is this one at θ = 0. A round's factor is,
    for e ≤ ½, 2 e^((1 − θ)/2) (1 − e)^((1 + θ)/2): of a learner whose error e goes to 0 nothing is left below θ = 1, and all at
    θ = 1.
    """
    return torch.where(product > 0, (theta * alphas).exp() * product, (theta >= 1).to(product)).clamp_max(1)
