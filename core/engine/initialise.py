"""Starting weights, as in torch.nn.init; biases are 0 except under "torch".

    torch       W, b ~ U(-1/√in, 1/√in), nn.Linear's default
    xavier      W ~ N(0, gain² · 2/(in + out)), Glorot and Bengio 2010
    he          W ~ N(0, gain² · 2/in), He et al. 2015
    normal      W ~ N(0, gain²)
    orthogonal  gain times a uniformly random (semi-)orthogonal matrix, Saxe et al. 2014
    zero        W = 0
    constant    W = gain

xavier, he and normal scale the same draws, so one seed compares like with like.
"""

from math import sqrt

import torch
from torch import Generator, Tensor

SCHEMES = ("torch", "xavier", "he", "normal", "orthogonal", "zero", "constant")


def fill_affine(weight: Tensor, bias: Tensor, generator: Generator, scheme: str, gain: float = 1.0) -> None:
    """Fill weight [out, in] and bias [out] of one model in place. Raises ValueError for an unknown scheme."""
    fan_out, fan_in = weight.shape
    bias.zero_()
    if scheme == "torch":
        # The order of draws is nn.Linear's, so that a row equals the module built with the same seed.
        bound = 1 / sqrt(fan_in)
        weight.uniform_(-bound, bound, generator=generator)
        bias.uniform_(-bound, bound, generator=generator)
    elif scheme == "zero":
        weight.zero_()
    elif scheme == "constant":
        weight.fill_(gain)
    elif scheme == "orthogonal":
        weight.copy_(_orthogonal(fan_out, fan_in, generator, weight.dtype) * gain)
    elif scheme in ("xavier", "he", "normal"):
        std = {"xavier": sqrt(2 / (fan_in + fan_out)), "he": sqrt(2 / fan_in), "normal": 1.0}[scheme]
        weight.normal_(0, 1, generator=generator).mul_(gain * std)
    else:
        raise ValueError(f"scheme={scheme!r}: one of {', '.join(SCHEMES)}")


def _orthogonal(rows: int, columns: int, generator: Generator, dtype: torch.dtype) -> Tensor:
    draws = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=dtype)
    q, r = torch.linalg.qr(draws)
    q = q * r.diagonal().sign()  # without this the distribution is not uniform
    return q if rows >= columns else q.T
