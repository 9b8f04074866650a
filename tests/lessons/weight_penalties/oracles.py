"""What penalised fits are compared with: scikit-learn's strengths, a closed form, and the conditions of a minimum."""

from __future__ import annotations

import torch
from torch import Tensor


def scikit_ridge_alpha(alpha: float, n: int) -> float:
    """Our α of the L2 penalty on n samples as scikit-learn's Ridge(alpha=...)."""
    return n * alpha


def scikit_logistic_c(alpha: float, n: int) -> float:
    """Our α on n samples as scikit-learn's LogisticRegression(C=...), for L1 and L2 alike."""
    return 1 / (n * alpha)


def ridge(gram: Tensor, moment: Tensor, alpha: Tensor) -> Tensor:
    """The L2 fit (G + αI)⁻¹ c in closed form; gram [D, D] = XᵀX/N, moment [D] = Xᵀt/N, alpha [A] > 0 -> [A, D]."""
    values, vectors = torch.linalg.eigh(gram)
    return ((moment @ vectors) / (values + alpha[:, None])) @ vectors.T


def kkt_violation(slope: Tensor, w: Tensor, l1: Tensor | float, l2: Tensor | float) -> Tensor:
    """How far w is from a minimum, [K]: the largest of |∂J + l1 sign(w) + l2 w| where w ≠ 0 and of |∂J| − l1 where w = 0.

    slope [K, D] is the gradient of the data term alone.
    """
    moving = (slope + l1 * w.sign() + l2 * w).abs()
    resting = (slope.abs() - l1).clamp_min(0)
    return torch.where(w != 0, moving, resting).amax(1)
