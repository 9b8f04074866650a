"""How large a signal is in every layer of a deep net, by theory: forwards its activations h, backwards its gradients ∂J/∂z.

With biases 0 and weights of variance σ² that do not depend on what they multiply, E[z²] = fan_in σ² E[h²] in the next layer.
Then E[h²] = E[z²] for a linear unit, half of it for ReLU (z is symmetric), both exactly and at every width; for tanh it is
E[tanh²(√E[z²] g)], g ~ N(0, 1), in the limit of wide layers (Poole et al. 2016). Backwards the same layer multiplies
E[(∂J/∂z)²] by fan_out σ² E[φ'²], in the limit of wide layers. A constant start has one unit to a layer, repeated.

Schemes are those of `core.engine.initialise`, times a gain g; Glorot and Bengio 2010, He et al. 2015, Saxe et al. 2014.

Shapes: L hidden layers, N samples, M schemes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor

from core.engine import MLP, Generators

SCHEMES = {"constant": "Constant", "zero": "Zero", "normal": "Small normal", "xavier": "Xavier", "he": "He",
           "orthogonal": "Orthogonal"}
RANDOM = ("normal", "xavier", "he", "orthogonal")
_SLOPE = {"linear": 1.0, "relu": 0.5}  # E[φ'²], and E[φ²] in units of E[z²]


def start(mlp: MLP, rngs: Generators, std: float, gain: float) -> Tensor:
    """theta [M, P], a row for each of SCHEMES, drawn from as many generators. std is that of the small normal start.

    A constant weight is gain/fan_in, which keeps the size of what all units say together.
    """
    gains = {"normal": std, "constant": 1.0}
    theta = torch.cat([mlp.init([rng], scheme, gains.get(scheme, gain)) for rng, scheme in zip(rngs, SCHEMES, strict=True)])
    constant = list(SCHEMES).index("constant")
    for layer in mlp.views(theta[constant : constant + 1]):
        layer.weight.mul_(gain / layer.weight.shape[2])
    return theta


def variance(scheme: str, fan_in: int, fan_out: int, std: float, gain: float) -> float:
    """Variance of one weight of a random scheme; of an orthogonal one, on average over the matrix."""
    return {"normal": std**2, "xavier": gain**2 * 2 / (fan_in + fan_out), "he": gain**2 * 2 / fan_in,
            "orthogonal": gain**2 / max(fan_in, fan_out)}[scheme]


def _gauss() -> tuple[Tensor, Tensor]:
    """Places and weights of a quadrature for E[f(g)], g ~ N(0, 1)."""
    place, weight = np.polynomial.hermite_e.hermegauss(60)
    return torch.from_numpy(place), torch.from_numpy(weight / math.sqrt(2 * math.pi))


def forward(scheme: str, activation: str, x: Tensor, sizes: tuple[int, ...], std: float, gain: float) -> Tensor:
    """E[h²] [L+1] of the input x [d, N] and of every hidden layer, over units, samples and (random schemes) draws; float64."""
    x = x.double()
    moments = [float(x.square().mean())]
    if scheme == "zero":
        return torch.tensor(moments + [0.0] * (len(sizes) - 2), dtype=torch.float64)
    if scheme == "constant":
        phi = {"linear": lambda z: z, "relu": torch.relu, "tanh": torch.tanh}[activation]
        h = x.mean(0)
        for _ in sizes[1:-1]:
            h = phi(gain * h)
            moments.append(float(h.square().mean()))
        return torch.tensor(moments, dtype=torch.float64)
    place, weight = _gauss()
    for z in _before(scheme, activation, x, sizes, std, gain):
        moments.append(float(_after(z, activation, place, weight).mean()))
    return torch.tensor(moments, dtype=torch.float64)


def _after(z: Tensor, activation: str, place: Tensor, weight: Tensor) -> Tensor:
    """E[h²] [N] of units that see E[z²] = z [N]."""
    return torch.tanh(z.sqrt()[:, None] * place) ** 2 @ weight if activation == "tanh" else _SLOPE[activation] * z


def _before(scheme: str, activation: str, x: Tensor, sizes: tuple[int, ...], std: float, gain: float) -> list[Tensor]:
    """E[z²] [N] of every hidden layer of a random scheme, for each sample of x [d, N]."""
    gauss, q, out = _gauss(), x.square().mean(0), []
    for fan_in, fan_out in itertools.pairwise(sizes[:-1]):
        out.append(fan_in * variance(scheme, fan_in, fan_out, std, gain) * q)
        q = _after(out[-1], activation, *gauss)
    return out


def backward(scheme: str, activation: str, x: Tensor, sizes: tuple[int, ...], std: float, gain: float) -> Tensor:
    """E[(∂J/∂z)²] [L] of every hidden layer in units of that of the last one; random schemes only."""
    place, weight = _gauss()
    z = _before(scheme, activation, x.double(), sizes, std, gain)
    ratio = [1.0]
    for i in range(len(z) - 1, 0, -1):
        slope = _SLOPE.get(activation, 0.0)
        if activation == "tanh":
            slope = float(((1 - torch.tanh(z[i - 1].sqrt()[:, None] * place) ** 2) ** 2 @ weight).mean())
        ratio.append(ratio[-1] * sizes[i + 1] * variance(scheme, sizes[i], sizes[i + 1], std, gain) * slope)
    return torch.tensor(ratio[::-1], dtype=torch.float64)
