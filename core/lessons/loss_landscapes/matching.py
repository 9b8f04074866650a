"""Symmetries of a net, and how to undo them: hidden units may be re-ordered, ReLU units re-scaled.

A net computes the same function after its hidden units are permuted (with their incoming weights, and the outgoing
weights to match), so every solution has a great many twins. Matching finds the permutation of one net that brings its
units closest to another's: activation matching, after Li et al. 2015, "Convergent Learning", and Ainsworth et al. 2023,
"Git Re-Basin", section 3.1. Layers joined by a skip connection share one permutation.

Shapes: K models, P parameters, H units of a layer, N samples. A permutation is [H]: new unit i is old unit perm[i].
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from core.engine import MLP

INPUT = -1  # the inputs, as a member of a group of tied layers; they cannot be re-ordered


def assignment(cost: Tensor) -> Tensor:
    """The permutation [n] that minimises Σ cost[i, perm[i]] for cost [n, n]: shortest augmenting paths, O(n³)."""
    c = cost.double().numpy()
    n = len(c)
    u, v = np.zeros(n + 1), np.zeros(n + 1)
    row_of = np.full(n + 1, n)  # the row that holds each column; column n is where a search starts
    for i in range(n):
        row_of[n], j = i, n
        least, came = np.full(n, np.inf), np.full(n, n)
        done = np.zeros(n + 1, dtype=bool)
        while row_of[j] != n:
            done[j] = True
            reduced = c[row_of[j]] - u[row_of[j]] - v[:n]
            better = ~done[:n] & (reduced < least)
            least[better], came[better] = reduced[better], j
            open_ = np.where(done[:n], np.inf, least)
            nearest = int(open_.argmin())
            step = open_[nearest]
            u[row_of[done]] += step
            v[done] -= step
            least[~done[:n]] -= step
            j = nearest
        while j != n:
            row_of[j] = row_of[came[j]]
            j = int(came[j])
    perm = np.empty(n, dtype=np.int64)
    perm[row_of[:n]] = np.arange(n)
    return torch.from_numpy(perm)


def tied_layers(mlp: MLP) -> list[list[int]]:
    """Hidden layers 0, 1, ... in groups that must be permuted alike; INPUT marks a group tied to the inputs."""
    groups: list[list[int]] = [[INPUT]]
    for layer, (fan_in, width) in enumerate(zip(mlp.sizes, mlp.hidden, strict=False)):
        if mlp.residual and fan_in == width:
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [group for group in groups if group != [INPUT]]


def random_permutations(mlp: MLP, generator: Generator) -> list[Tensor]:
    """One permutation [H] for every hidden layer, the same for layers that are tied; it moves something where H > 1."""
    perms = [torch.arange(width) for width in mlp.hidden]
    for group in tied_layers(mlp):
        if INPUT not in group:
            width = mlp.hidden[group[0]]
            perm = torch.randperm(width, generator=generator)
            while width > 1 and torch.equal(perm, torch.arange(width)):
                perm = torch.randperm(width, generator=generator)
            for layer in group:
                perms[layer] = perm
    return perms


def permute(mlp: MLP, theta: Tensor, perms: Sequence[Tensor]) -> Tensor:
    """theta [K, P] with the units of hidden layer i re-ordered by perms[i]; the function stays as it is."""
    out = theta.clone()
    layers = mlp.views(out)
    for i, perm in enumerate(perms):
        for part in (layers[i].weight, layers[i].bias, layers[i].gamma, layers[i].beta):
            if part is not None:
                part.copy_(part[:, perm].clone())
        onward = layers[i + 1].weight
        onward.copy_(onward[:, :, perm].clone())
    return out


def match(mlp: MLP, a: Tensor, b: Tensor, x: Tensor) -> list[Tensor]:
    """Permutations of b's [P] units that bring what its activation functions see on x [1, d, N] closest to a's.

    Least squares over units and samples, which for a twin of a is 0 at the inverse of its permutation. What goes into
    the activation function is compared, not what comes out, because all dead ReLU units put out the same zeros.
    """
    with torch.no_grad():
        seen = mlp.activations(torch.stack([a, b]), x, train=True).normalised
    perms = [torch.arange(width) for width in mlp.hidden]
    for group in tied_layers(mlp):
        if INPUT in group:
            continue
        cost = torch.stack([torch.cdist(seen[i][0].double(), seen[i][1].double()).square() for i in group]).sum(0)
        perm = assignment(cost)
        for layer in group:
            perms[layer] = perm
    return perms


def rescale(mlp: MLP, theta: Tensor, layer: int, factor: Tensor | float) -> Tensor:
    """theta [K, P] with the units of one hidden layer multiplied by `factor` (a number or [K]) and undone after it.

    relu(a·z) = a·relu(z) for a > 0, so the function stays as it is (Dinh et al. 2017, "Sharp Minima Can Generalize for
    Deep Nets", section 3). Raises ValueError where the net lacks the symmetry.
    """
    if mlp.activation not in ("relu", "leaky_relu", "linear") or mlp.residual:
        raise ValueError(f"a {mlp.activation} net with residual={mlp.residual} cannot be rescaled")
    out = theta.clone()
    factor = torch.as_tensor(factor, dtype=theta.dtype).reshape(-1, 1, 1)
    layers = mlp.views(out)
    own = layers[layer]
    # With a norm it is γ and β, not the weights, that set the size of what the activation function sees.
    for part in (own.weight, own.bias) if own.gamma is None else (own.gamma, own.beta):
        if part is not None:
            part.mul_(factor)
    layers[layer + 1].weight.div_(factor)
    return out
