"""New training samples from old ones, drawn from the caller's generators, one for each model.

Mixup (Zhang et al. 2018), with one λ for the inputs and for the one-hot labels of a pair:

    x̃ = λ x_i + (1 − λ) x_j        ỹ = λ y_i + (1 − λ) y_j        λ ~ Beta(α, α)

Shapes: K models, B samples of a batch, C classes, T batches drawn at once. Samples come last.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.engine import Generators, uniforms


def one_hot(labels: Tensor, classes: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Class indices [..., n] as columns [..., C, n] of zeros and a one."""
    return torch.nn.functional.one_hot(labels, classes).to(dtype).movedim(-1, -2)


def symmetric_beta(alpha: Tensor | float, u: Tensor, v: Tensor) -> Tensor:
    """Draws of Beta(α, α) made of independent uniforms u and v on [0, 1), elementwise; α broadcasts.

    Bailey's polar method (1994): with R² = u^(−1/α) − 1, √(2α) R cos 2πv follows Student's t with 2α degrees of
    freedom, and ½ + ½ t/√(2α + t²) is Beta(α, α). Nothing is rejected, so that equal uniforms give draws that move
    with α. α = 0 is the limit, a fair coin between 0 and 1. float64.
    """
    u, v = u.to(torch.float64), v.to(torch.float64)
    cos = torch.cos(2 * math.pi * v)
    # 1/R², which stays finite where u^(−1/α) does not.
    inverse = torch.expm1(-u.log() / torch.as_tensor(alpha, dtype=torch.float64)).reciprocal()
    root = torch.sqrt(inverse + cos * cos)
    # ½ − ½ |cos|/root, written so that nothing cancels: for small α most of it lies below the last bit of ½.
    nearer = 0.5 * inverse / (root * (root + cos.abs()))
    return torch.where(cos < 0, nearer, 1 - nearer)


def beta_density(alpha: float, at: Tensor) -> Tensor:
    """Density of Beta(α, α), λ^(α−1) (1 − λ)^(α−1) Γ(2α)/Γ(α)², at λ in (0, 1); float64."""
    at = at.to(torch.float64)
    return ((alpha - 1) * (at.log() + torch.log1p(-at)) + math.lgamma(2 * alpha) - 2 * math.lgamma(alpha)).exp()


def beta_variance(alpha: float) -> float:
    """Var λ = 1/(4(2α + 1)): ¼ for a coin, 1/12 for the uniform, to 0 for halves."""
    return 1 / (4 * (2 * alpha + 1))


def label_entropy(alpha: float) -> float:
    """E[−λ ln λ − (1 − λ) ln(1 − λ)] in nats over Beta(α, α): ψ(2α + 1) − ψ(α + 1)."""
    a = torch.tensor([2 * alpha + 1, alpha + 1], dtype=torch.float64)
    high, low = torch.digamma(a).tolist()
    return high - low


def mix_pairs(a: Tensor, b: Tensor, share: Tensor | float) -> Tensor:
    """λ a + (1 − λ) b; `share` is λ and broadcasts. Exactly a where λ = 1 and b where λ = 0, if both are finite."""
    return share * a + (1 - share) * b


class Mixup:
    """Turns a batch into mixed pairs; an `augment` for `core.engine.train`.

    alpha [K]: Beta's parameter of each model. mixes [K] bool: where false, λ = 1 and the batch is left as it is,
    which is ordinary training. The partners of a batch are a random permutation of it, and every pair has its own λ.
    Models whose generators have equal seeds get equal partners, and λ that differ by α alone. Randomness is drawn
    `ahead` batches at a time. `partner` and `share` (j and λ, both [K, B]) are those of the last batch.
    """

    def __init__(self, alpha: Tensor, mixes: Tensor | None = None, ahead: int = 128):
        self.alpha = alpha.to(torch.float64)
        self.mixes = torch.ones_like(alpha, dtype=torch.bool) if mixes is None else mixes
        self.ahead = ahead
        self.partner = self.share = torch.empty(len(alpha), 0)
        self._drawn: dict[int, tuple[int, Tensor, Tensor]] = {}

    def draw(self, size: int, generators: Generators) -> tuple[Tensor, Tensor]:
        """Partners [K, T, B] int64 and λ [K, T, B] float32 of the next `ahead` batches of `size`."""
        u, v, order = uniforms(generators, 3, self.ahead, size, dtype=torch.float64).unbind(1)
        share = symmetric_beta(self.alpha.reshape(-1, 1, 1), u, v)
        return order.argsort(-1), torch.where(self.mixes[:, None, None], share, 1.0).to(torch.float32)

    def __call__(self, x: Tensor, y: Tensor, generators: Generators) -> tuple[Tensor, Tensor]:
        """x [K, d, B] and y [K, C, B], floats, mixed."""
        size = x.shape[-1]
        at, partner, share = self._drawn.get(size, (self.ahead, x, x))
        if at == self.ahead:
            at, (partner, share) = 0, self.draw(size, generators)
        self._drawn[size] = at + 1, partner, share
        self.partner, self.share = partner[:, at], share[:, at]
        j, lam = self.partner[:, None], self.share[:, None].to(x.dtype)
        return mix_pairs(x, x.gather(-1, j.expand_as(x)), lam), mix_pairs(y, y.gather(-1, j.expand_as(y)), lam)
