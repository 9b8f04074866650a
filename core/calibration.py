"""Does a net mean what it says? Of the samples it is 80 % sure of, 80 % should be right.

Confidence is the largest predicted probability. The unit interval is cut into equal bins (l, u], and in each
the mean confidence is set against the fraction that is right (Guo et al. 2017):

    ECE = Σ_b n_b/n · |accuracy_b − confidence_b|

Probabilities are the engine's: classes second to last, samples last; one class row stands for P(class 1) of
two. Leading dimensions (models) are kept, and every number is one per model.

Shapes: C classes, n samples, B bins. probabilities [..., C, n], labels int64 [..., n] that broadcast over models.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Reliability(NamedTuple):
    """What a reliability diagram draws. Empty bins have count 0 and NaN for confidence and accuracy."""

    confidence: Tensor
    """[..., B], mean confidence of the bin's samples."""
    accuracy: Tensor
    """[..., B], fraction of them that is classified rightly."""
    count: Tensor
    """[..., B] int64."""


def class_probabilities(probabilities: Tensor) -> Tensor:
    """[..., C, n] with C at least 2: P(class 1) alone gets its complement beside it."""
    if probabilities.shape[-2] > 1:
        return probabilities
    return torch.cat([1 - probabilities, probabilities], dim=-2)


def reliability(probabilities: Tensor, labels: Tensor, bins: int = 15) -> Reliability:
    """Confidence against accuracy in `bins` equal bins, for each model by itself.

    To pool models, move them into the samples: `p.movedim(0, -2).flatten(-2)`. Not-a-number probabilities of a
    model that diverged make its bins NaN. Raises ValueError for bins < 1.
    """
    if bins < 1:
        raise ValueError(f"bins={bins}: must be at least 1")
    p = class_probabilities(probabilities).to(torch.float64)
    confidence, predicted = p.max(dim=-2)
    right = (predicted == labels).to(torch.float64)
    edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)
    # A bin holds its upper edge; what rounding puts outside [0, 1], or NaN, goes to the nearest bin.
    place = (torch.bucketize(confidence, edges) - 1).clamp(0, bins - 1)
    count = _sums(torch.ones_like(confidence), place, bins)
    return Reliability(_sums(confidence, place, bins) / count, _sums(right, place, bins) / count, count.to(torch.int64))


def _sums(values: Tensor, place: Tensor, bins: int) -> Tensor:
    return values.new_zeros(*values.shape[:-1], bins).scatter_add_(-1, place, values)


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> Tensor:
    """ECE of each model, [...], from 0 (as sure as it is right) to 1."""
    curve = reliability(probabilities, labels, bins)
    gap = torch.where(curve.count > 0, curve.accuracy - curve.confidence, 0.0).abs()
    return (gap * curve.count).sum(-1) / curve.count.sum(-1)
