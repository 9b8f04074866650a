"""How a gradient's length changes on its way back through a deep chain of linear layers, v ← Wᵀ v.

Three ways to fill W [n, n] at a gain g. A fresh Gaussian matrix in every layer, of variance g²/n: E‖v‖² = g^{2k} after k layers,
exactly. One orthogonal matrix times g: ‖v‖ = g^k, exactly. One Gaussian matrix in every layer, as in a recurrent
net, scaled to the spectral radius g: ‖v‖ grows like g^k in the long run (Gelfand).

Shapes: R chains, n units a layer, D layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.engine import Generators, normals


def chains(rngs: Generators, n: int, depth: int, gain: float) -> dict[str, Tensor]:
    """layers, recurrent, orthogonal -> ‖v‖ [R, D+1] after 0 to D layers, from unit vectors; float64, a generator a chain."""
    v = normals(rngs, n, 1, dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    fresh = normals(rngs, depth, n, n, dtype=torch.float64).mul_(gain / math.sqrt(n))
    same = normals(rngs, n, n, dtype=torch.float64)
    turn = gain * torch.linalg.qr(same)[0]
    same = same * (gain / torch.linalg.eigvals(same).abs().amax(-1))[:, None, None]
    return {"layers": _lengths(v, fresh.unbind(1)), "recurrent": _lengths(v, [same] * depth),
            "orthogonal": _lengths(v, [turn] * depth)}


def _lengths(v: Tensor, matrices: list[Tensor] | tuple[Tensor, ...]) -> Tensor:
    seen = [v]
    for w in matrices:
        seen.append(w.mT @ seen[-1])
    return torch.cat(seen, 2).norm(dim=1)
