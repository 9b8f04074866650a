"""Normalisation: Algorithm 1 line by line, and the family that differs in what it averages over.

    x̂ = (x - μ)/√(σ² + δ),   y = γ x̂ + β,   σ² the biased variance over the averaged set

Algorithm 1 is Ioffe and Szegedy (2015); its ε is δ here, because ε is the learning rate. The averaged set of an
element of x [N, C, positions]: its channel in all samples (batch norm), all channels of its sample (layer norm,
Ba et al. 2016), its group of channels in its sample (group norm, Wu and He 2018), or its channel in its sample
(instance norm, Ulyanov et al. 2016). γ and β belong to a channel.

The net for comparing them sees digits of 8 × 8 pixels: 2×2 convolution of stride 2 to 8 channels, 1×1 to 8, 2×2 of
stride 2 to 16, 1×1 to 16, each with norm and ReLU, then an affine layer to 10 classes. K of them are rows.

Shapes: N samples (m of a batch), C channels, G groups, P positions; rows have samples last: z [K, C, P, m].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

KINDS = ("none", "batch", "layer", "group", "instance")
DELTA = 1e-5  # the default of torch.nn


class Lines(NamedTuple):
    """What each line of Algorithm 1 leaves, for a batch x [m, ...] normalised over its first dimension."""

    x: Tensor
    mean: Tensor
    var: Tensor
    centred: Tensor
    xhat: Tensor
    y: Tensor


def algorithm_1(x: Tensor, gamma: Tensor | float = 1.0, beta: Tensor | float = 0.0, delta: float = DELTA) -> Lines:
    """Batch Normalizing Transform of x [m, ...]; mean and var [1, ...]."""
    mean = x.sum(0, keepdim=True) / len(x)
    centred = x - mean
    var = (centred * centred).sum(0, keepdim=True) / len(x)
    xhat = centred / (var + delta).sqrt()
    y = gamma * xhat + beta
    return Lines(x, mean, var, centred, xhat, y)


def averaged(kind: str, shape: tuple[int, int, int], at: tuple[int, int], groups: int) -> Tensor:
    """Bool [N, C, P]: the elements whose mean and variance normalise sample n, channel c; at = (n, c)."""
    N, C, P = shape
    n, c = at
    out = torch.zeros(N, C, P, dtype=torch.bool)
    width = C // groups
    first = c // width * width
    place: dict[str, tuple[slice, slice]] = {
        "batch": (slice(None), slice(c, c + 1)),
        "layer": (slice(n, n + 1), slice(None)),
        "group": (slice(n, n + 1), slice(first, first + width)),
        "instance": (slice(n, n + 1), slice(c, c + 1)),
    }
    if kind != "none":
        out[place[kind]] = True
    return out


def normalise(
    x: Tensor, kind: str, gamma: Tensor | None = None, beta: Tensor | None = None, *, groups: int = 1, delta: float = DELTA
) -> Tensor:
    """x [N, C, *positions] normalised, then γ x̂ + β.

    gamma, beta: one per channel [C], or one per channel and position [C, *positions] as torch's layer norm has it.
    kind "none" returns x itself. Differentiable by autograd. Raises ValueError for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: one of {', '.join(KINDS)}")
    if kind == "none":
        return x
    positions = tuple(range(2, x.ndim))
    view, axes = x, {"batch": (0, *positions), "layer": (1, *positions), "instance": positions}.get(kind, ())
    if kind == "group":
        view = x.unflatten(1, (groups, -1))
        axes = tuple(range(2, view.ndim))
    mean = view.mean(axes, keepdim=True)
    var = (view - mean).square().mean(axes, keepdim=True)
    out = ((view - mean) / (var + delta).sqrt()).reshape(x.shape)
    for values, combine in ((gamma, torch.mul), (beta, torch.add)):
        if values is not None:
            out = combine(out, values.reshape(values.shape + (1,) * (x.ndim - 1 - values.ndim)))
    return out


class RowNorm(NamedTuple):
    """Which rows of z [K, C, P, N] are normalised how."""

    parts: Mapping[str, slice]  # kind -> its rows
    groups: int  # of group norm

    def statistics(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """μ, σ² and 1/√(σ² + δ) of every element's averaged set, [K, C, 1, N]; 0, 1 and 1 in rows without norm."""
        # Large passes run over all rows at once; only means over positions are told apart by kind.
        # torch.var_mean over an inner axis is ten times slower than this.
        mean = z.mean(2, keepdim=True)
        var = (z - mean).square_().mean(2, keepdim=True)
        for kind, rows in self.parts.items():
            if kind == "none":
                mean[rows], var[rows] = 0.0, 1.0
            elif kind != "instance":
                within = mean[rows].clone()
                mean[rows] = self._pooled(within, kind)
                var[rows] = self._pooled(var[rows] + (within - mean[rows]).square(), kind)
        scale = (var + DELTA).rsqrt()
        if "none" in self.parts:
            scale[self.parts["none"]] = 1.0
        return mean, var, scale

    def backward(self, d: Tensor, xhat: Tensor, scale: Tensor) -> Tensor:
        """dJ/dz from d = dJ/dx̂, all [K, C, P, N], with scale = 1/√(σ² + δ) [K, C, 1, N]; overwrites d."""
        level, slope = d.mean(2, keepdim=True), (d * xhat).mean(2, keepdim=True)
        for kind, rows in self.parts.items():
            for part in (level, slope) if kind != "instance" else ():
                part[rows] = 0.0 if kind == "none" else self._pooled(part[rows], kind)
        return d.sub_(level).addcmul_(xhat, slope, value=-1).mul_(scale)

    def _pooled(self, means: Tensor, kind: str) -> Tensor:
        """Means over the averaged set, given those over positions [R, C, 1, N], in a shape that broadcasts to theirs.

        Under instance norm they are the same."""
        if kind == "batch":
            return means.mean(3, keepdim=True)
        if kind == "layer":
            return means.mean(1, keepdim=True)
        grouped = means.unflatten(1, (self.groups, -1))
        return grouped.mean(2, keepdim=True).expand_as(grouped).flatten(1, 2)


POSITIONS = (16, 16, 4, 4)
FANS = ((4, 8), (8, 8), (32, 16), (16, 16), (64, 10))


def patches(images_NHW: Tensor) -> Tensor:
    """8 × 8 images [N, 8, 8] as [4, 16, N]: the four pixels of a 2 × 2 patch, and the 16 patches, ordered so that four
    successive patches make a 4 × 4 block."""
    N = len(images_NHW)
    return images_NHW.reshape(N, 2, 2, 2, 2, 2, 2).permute(3, 6, 1, 4, 2, 5, 0).reshape(4, 16, N)


class Weights(NamedTuple):
    """Parameters of K nets."""

    weights: tuple[Tensor, ...]  # five, [K, out, in]
    biases: tuple[Tensor, ...]  # five, [K, out, 1]
    gammas: tuple[Tensor, ...]  # four, [K, C, 1, 1]
    betas: tuple[Tensor, ...]  # four, [K, C, 1, 1]

    def map(self, change: Callable[[Tensor], Tensor]) -> Weights:
        return Weights(*(tuple(change(t) for t in group) for group in self))


class Trace(NamedTuple):
    """What one forward pass leaves, a tensor a layer."""

    inputs: list[Tensor]  # [K, C', P·m]
    xhat: list[Tensor]
    scale: list[Tensor]  # 1/√(σ² + δ)
    entering: list[Tensor]  # u = γx̂ + β
    mean: list[Tensor]  # μ
    var: list[Tensor]  # σ²
    out: Tensor  # [K, 10, m]


def forward(w: Weights, x: Tensor, norm: RowNorm, running: tuple[list[Tensor], list[Tensor]] | None = None) -> Trace:
    """K nets on x [1 or K, 4, 16, m]; with `running` (means and variances, [K, C, 1, 1] a layer) in eval mode."""
    K, m = len(w.weights[0]), x.shape[-1]
    h = x.reshape(len(x), 4, 16 * m).expand(K, -1, -1)
    inputs, xhats, scales, entering, means, variances = [], [], [], [], [], []
    for layer, P in enumerate(POSITIONS):
        if layer == 2:
            h = _merged(h, m)
        z = torch.baddbmm(w.biases[layer], w.weights[layer], h).unflatten(2, (P, m))
        if running is None:
            mean, var, scale = norm.statistics(z)
        else:
            mean, var = (part[layer] for part in running)
            scale = (var + DELTA).rsqrt()
        xhat = z.sub_(mean).mul_(scale)
        # With two operands to broadcast, torch.addcmul is three times slower than this.
        u = (w.gammas[layer] * xhat).add_(w.betas[layer])
        inputs.append(h)
        xhats.append(xhat)
        scales.append(scale)
        entering.append(u)
        means.append(mean)
        variances.append(var)
        h = u.relu().flatten(2)
    h = h.reshape(K, -1, m)
    inputs.append(h)
    return Trace(inputs, xhats, scales, entering, means, variances, torch.baddbmm(w.biases[4], w.weights[4], h))


def _merged(h: Tensor, m: int) -> Tensor:
    """[K, 8, 16·m] to [K, 8·4, 4·m]: the four neighbours of a 2 × 2 patch become inputs."""
    return h.reshape(len(h), 8, 4, 4, m).permute(0, 1, 3, 2, 4).reshape(len(h), 32, 4 * m)


def cross_entropy(out: Tensor, y: Tensor) -> Tensor:
    """[K] mean over samples, nats; out [K, 10, m], y [1 or K, m]."""
    return -out.log_softmax(1).gather(1, y[:, None].expand(len(out), 1, -1)).mean((1, 2))


def backward(w: Weights, trace: Trace, y: Tensor, norm: RowNorm) -> Weights:
    """Gradients of each net's `cross_entropy`, by hand; those of γ and β of a net without norm are zero."""
    K, m = len(trace.out), trace.out.shape[-1]
    dz = trace.out.softmax(1)
    dz.scatter_add_(1, y[:, None].expand(K, 1, m), dz.new_full((K, 1, m), -1.0)).div_(m)
    weights, biases, gammas, betas = [dz @ trace.inputs[4].mT], [dz.sum(2, keepdim=True)], [], []
    d = w.weights[4].mT @ dz
    for layer in reversed(range(4)):
        u, xhat = trace.entering[layer], trace.xhat[layer]
        d = torch.ops.aten.threshold_backward(d.reshape(u.shape), u, 0)
        gammas.insert(0, (d * xhat).sum((2, 3), keepdim=True))
        betas.insert(0, d.sum((2, 3), keepdim=True))
        if "none" in norm.parts:
            gammas[0][norm.parts["none"]] = betas[0][norm.parts["none"]] = 0.0
        dz = norm.backward(d.mul_(w.gammas[layer]), xhat, trace.scale[layer]).flatten(2)
        weights.insert(0, dz @ trace.inputs[layer].mT)
        biases.insert(0, dz.sum(2, keepdim=True))
        if layer:
            d = w.weights[layer].mT @ dz
        if layer == 2:
            d = d.reshape(K, 8, 4, 4, m).permute(0, 1, 3, 2, 4)
    return Weights(tuple(weights), tuple(biases), tuple(gammas), tuple(betas))


def running_average(values: Tensor, start: float, momentum: float) -> Tensor:
    """The moving average r ← (1 - α) r + α b of b [T, ...] from r = start: [T+1, ...], in closed form.

    r_t = (1-α)^t start + α Σ_{k<t} (1-α)^{t-1-k} b_k, as torch.nn updates its running statistics.
    """
    T = len(values)
    t = torch.arange(T + 1)[:, None]
    age = t - 1 - torch.arange(T)
    weights = torch.where(age >= 0, momentum * (1.0 - momentum) ** age.clamp_min(0).double(), 0.0)
    kept = (1.0 - momentum) ** t.double()
    flat = values.reshape(T, math.prod(values.shape[1:])).double()
    return (kept * start + weights @ flat).reshape(T + 1, *values.shape[1:])
