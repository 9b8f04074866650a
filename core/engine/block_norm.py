"""Normalisation of images of K models at once, where blocks of rows may have different kinds of norm.

    x̂ = (z - μ)/√(σ² + ε),   y = γ x̂ + β,   σ² the biased variance over the averaged set

The averaged set of an element is its channel in all samples ("batch", Ioffe and Szegedy 2015), all channels of its sample
("layer", Ba et al. 2016), its group of channels in its sample ("group", Wu and He 2018) or its channel in its sample
("instance", Ulyanov et al. 2016). γ and β belong to a channel; rows of kind "none" leave them out.

Shapes: K models, C channels, P positions, n samples: z [K, C, P, n]. Statistics broadcast to [K, C, 1, n].
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .norms import RunningStats

KINDS = ("none", "batch", "layer", "group", "instance")


@dataclass(frozen=True)
class BlockNorm:
    """kinds: one for each block of rows; the blocks are equal parts of the K rows. groups: of "group" norm."""

    kinds: tuple[str, ...]
    groups: int
    epsilon: float
    momentum: float

    def parts(self, K: int) -> list[tuple[str, slice]]:
        """Each kind with its rows. Raises ValueError if K is not a multiple of the number of kinds."""
        size, rest = divmod(K, len(self.kinds))
        if rest:
            raise ValueError(f"norm={self.kinds}: {K} rows cannot be divided among {len(self.kinds)} kinds")
        return [(kind, slice(i * size, (i + 1) * size)) for i, kind in enumerate(self.kinds)]

    def scale_and_shift(self, gamma: Tensor, beta: Tensor) -> tuple[Tensor, Tensor]:
        """gamma and beta [K, ...] with 1 and 0 in the rows without norm."""
        if "none" not in self.kinds:
            return gamma, beta
        parts = self.parts(len(gamma))
        ones = [torch.ones_like(gamma[rows]) if kind == "none" else gamma[rows] for kind, rows in parts]
        zeros = [torch.zeros_like(beta[rows]) if kind == "none" else beta[rows] for kind, rows in parts]
        return torch.cat(ones), torch.cat(zeros)

    def statistics(self, z: Tensor, train: bool, stats: RunningStats | None) -> tuple[Tensor, Tensor, Tensor]:
        """μ, σ² and 1/√(σ² + ε) of every element's averaged set; 0, 1 and 1 without norm. Differentiable by autograd.

        Batch norm in train mode moves `stats` [K, C]; otherwise it takes μ and σ² from there."""
        # Large passes run over all rows at once; only means over positions are told apart by kind.
        # torch.var_mean over an inner axis is ten times slower than this.
        mean = z.mean(2, keepdim=True)
        var = (z - mean).square().mean(2, keepdim=True)
        for kind, rows in self.parts(len(z)):
            if kind == "none":
                mean[rows], var[rows] = 0.0, 1.0
            elif kind == "batch" and not train:
                if stats is None:
                    raise ValueError("stats=None: batch norm needs running statistics unless train=True")
                mean[rows], var[rows] = stats.mean[rows, :, None, None], stats.var[rows, :, None, None]
            elif kind != "instance":
                within = mean[rows].clone()
                level = self._pooled(within, kind)
                spread = self._pooled(var[rows] + (within - level).square(), kind)
                mean[rows], var[rows] = level, spread
                if kind == "batch" and stats is not None:
                    running = RunningStats(stats.mean[rows], stats.var[rows])
                    running.update(level.flatten(2), spread.flatten(2), z.shape[2] * z.shape[3], self.momentum)
        scale = (var + self.epsilon).rsqrt()
        if "none" in self.kinds:
            scale = torch.cat([torch.ones_like(scale[r]) if kind == "none" else scale[r] for kind, r in self.parts(len(z))])
        return mean, var, scale

    def backward(
        self, d: Tensor, xhat: Tensor, scale: Tensor, gamma: Tensor, train: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """dJ/dz [K, C, P, n], dJ/dγ and dJ/dβ [K, C, 1] from d = dJ/d(γ x̂ + β), which it overwrites; gamma [K, C, 1, 1]."""
        P = d.shape[2]
        # Sums over positions serve both γ, β and the statistics.
        level, slope = d.mean(2, keepdim=True), (d * xhat).mean(2, keepdim=True)
        d_gamma, d_beta = slope.sum(3).mul_(P), level.sum(3).mul_(P)
        for part in (level, slope):
            part.mul_(gamma)
        for kind, rows in self.parts(len(d)):
            if kind == "none":
                d_gamma[rows] = d_beta[rows] = 0.0
            for part in (level, slope):
                if kind == "none" or (kind == "batch" and not train):
                    part[rows] = 0.0
                elif kind != "instance":
                    part[rows] = self._pooled(part[rows], kind)
        # γ d - level - x̂ slope, times scale: the small factors first.
        d.mul_(gamma * scale).sub_(level.mul_(scale)).addcmul_(xhat, slope.mul_(scale), value=-1)
        return d, d_gamma, d_beta

    def _pooled(self, means: Tensor, kind: str) -> Tensor:
        """Means over the averaged set, given those over positions [R, C, 1, n], in a shape that broadcasts to theirs."""
        if kind == "batch":
            return means.mean(3, keepdim=True)
        if kind == "layer":
            return means.mean(1, keepdim=True)
        grouped = means.unflatten(1, (self.groups, -1))
        return grouped.mean(2, keepdim=True).expand_as(grouped).flatten(1, 2)
