"""What inverted dropout does in expectation, where that has a closed form.

A mask is 0 with probability p and 1/(1 − p) otherwise, so that its mean is 1 and its variance p/(1 − p).

Shapes: T masks or thinned nets, C classes, N samples, D features, Q counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.engine import Generators, uniforms


def mask_variance(p: float | Tensor) -> float | Tensor:
    """p/(1 − p): the variance of a mask whose mean is 1. A unit of value x, masked, has mean x and variance p/(1 − p) x²."""
    return p / (1 - p)


def dropout_ridge(x_ND: Tensor, y_N: Tensor, p: float) -> Tensor:
    """w [D] that minimises the expected loss of a linear regression whose inputs are dropped, float64.

    E ½ Σ_i (y_i − Σ_j m_ij x_ij w_j)² = ½ ‖y − X w‖² + ½ p/(1 − p) Σ_j w_j² Σ_i x_ij², a ridge penalty whose strength
    is each feature's own sum of squares (Srivastava et al. 2014, section 9.1; Wager et al. 2013). 0 <= p < 1.
    """
    x_ND, y_N = x_ND.double(), y_N.double()
    gram_DD = x_ND.T @ x_ND
    return torch.linalg.solve(gram_DD + mask_variance(p) * gram_DD.diagonal().diag(), x_ND.T @ y_N)


def thinned_least_squares(x_ND: Tensor, y_N: Tensor, p: float, generators: Generators) -> Tensor:
    """w [D] that minimises the mean loss over as many thinned copies of the data as there are generators, float64.

    Each copy has a mask of its own for every sample and feature, kept values scaled by 1/(1 − p).
    """
    x_ND, y_N = x_ND.double(), y_N.double()
    kept_TND = (uniforms(generators, *x_ND.shape) >= p).double() / (1 - p)
    thin_MD = (kept_TND * x_ND).flatten(0, 1)
    return torch.linalg.solve(thin_MD.T @ thin_MD, thin_MD.T @ y_N.repeat(len(generators)))


def geometric_mean(logits: Tensor) -> Tensor:
    """Log of the normalised geometric mean of T softmax outputs: logits [T, ..., C, n] to log probabilities [..., C, n].

    (Π_t p_t)^(1/T), divided by its sum over the classes. It is the softmax of the mean logit, because what a softmax
    divides by does not depend on the class: for a softmax layer with dropped inputs the mean over all masks is exactly
    the softmax of the full layer, which is the weight-scaling rule (Srivastava et al. 2014, section 7.5; Goodfellow et
    al., Deep Learning, 7.12).
    """
    return torch.log_softmax(torch.log_softmax(logits, -2).mean(0), -2)


def centred(logits: Tensor) -> Tensor:
    """Logits [..., C, n] less their mean over the classes: what a softmax depends on."""
    return logits - logits.mean(-2, keepdim=True)


def distance_by_count(values: Tensor, reference: Tensor, counts: Sequence[int]) -> Tensor:
    """Root mean square distance [Q] from `reference` [...] of the mean of T of the passes in values [many, ...], float64.

    Measured over all disjoint blocks of T passes and over all entries. Raises ValueError where T is more than there are.
    """
    if max(counts) > len(values):
        raise ValueError(f"counts={tuple(counts)}: at most {len(values)} passes")
    apart = values.double() - reference.double()
    blocks = (apart[: len(values) // c * c].unflatten(0, (-1, c)).mean(1) for c in counts)
    return torch.stack([block.square().mean().sqrt() for block in blocks])
