"""How steep a small net is, in its input and in its parameters, and what a little noise on either adds to its loss.

    f(x) = Σ_i v_i tanh(w_iᵀx + b_i) + c        h_i = tanh(w_iᵀx + b_i)

The squared error of a noisy net is, for noise of variance σ² on every input or on every parameter and small σ,

    E (f(x + σξ) − y)² = (f − y)² + σ² [‖∂f/∂x‖² + (f − y) tr ∂²f/∂x²] + O(σ⁴)
    E (f(x; θ + σξ) − y)² = (f − y)² + σ² [‖∂f/∂θ‖² + (f − y) tr ∂²f/∂θ²] + O(σ⁴)

(Bishop 1995; An 1996). Where the net meets its samples, f = y, the slope is all that is left.

Shapes: K models, d inputs, H hidden units, P = (d + 2)H + 1 parameters, n places.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from core.engine import MLP, Generators, normals


class Slopes(NamedTuple):
    """Of K nets at n places."""

    out: Tensor  # [K, n] f
    inputs: Tensor  # [K, n] ‖∂f/∂x‖²
    curve: Tensor  # [K, n] tr ∂²f/∂x²
    weights: Tensor  # [K, n] ‖∂f/∂θ‖², over all parameters, biases too
    bend: Tensor  # [K, n] tr ∂²f/∂θ²


def slopes(mlp: MLP, theta: Tensor, x: Tensor) -> Slopes:
    """Of nets with one hidden layer of tanh and one output: theta [K, P], x [1 or K, d, n]."""
    parts = mlp.named(theta)
    w, b = parts["weight1"], parts["bias1"].reshape(len(theta), -1, 1)  # [K, H, d], [K, H, 1]
    v, c = parts["weight2"].mT, parts["bias2"].reshape(-1, 1)
    h = torch.tanh(w @ x + b)  # [K, H, n]
    first = v * (1 - h * h)  # ∂f/∂b_i
    second = -2 * h * first  # ∂²f/∂b_i²
    squares, turned = first.square().sum(1), second.sum(1)
    reach = 1 + x.square().sum(1)  # ∂f/∂w_i = x ∂f/∂b_i
    return Slopes((v * h).sum(1) + c, (w.mT @ first).square().sum(1), (second * w.square().sum(-1, keepdim=True)).sum(1),
                  1 + h.square().sum(1) + squares * reach, turned * reach)


def added_by_small_noise(mlp: MLP, theta: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What noise adds to the mean squared error, divided by σ² and for σ → 0: by noise on inputs [K], on parameters [K].

    x [K, d, n], y [K, 1, n]."""
    at = slopes(mlp, theta, x)
    off = at.out - y.squeeze(1)
    return (at.inputs + off * at.curve).mean(1), (at.weights + off * at.bend).mean(1)


def added_by_noise(mlp: MLP, theta: Tensor, x: Tensor, y: Tensor, kind: str, sigma: Tensor, draws: int,
                   rngs: Generators) -> Tensor:
    """What noise adds to the mean squared error, measured: [L, K], the mean over fresh draws, of ±ξ each.

    x [K, d, n], y [K, 1, n]; kind: "inputs" or "weights"; sigma [L].
    """
    K = len(theta)
    xi = normals(rngs, draws // 2, *(x.shape[1:] if kind == "inputs" else (mlp.P,))).movedim(1, 0)
    xi = torch.cat([xi, -xi])

    def loss(nets: Tensor, at: Tensor) -> Tensor:  # mean over copies, [K]
        off = mlp.forward(nets, at).squeeze(1).unflatten(0, (-1, K)) - y.squeeze(1)
        return off.square().mean((0, 2))

    if kind == "inputs":
        noisy = [loss(theta.repeat(draws, 1), (x + s * xi).flatten(0, 1)) for s in sigma]
    else:
        noisy = [loss((theta + s * xi).flatten(0, 1), x.repeat(draws, 1, 1)) for s in sigma]
    return torch.stack(noisy) - loss(theta, x)
