"""Decision trees of one depth, K grown at once on weighted samples. A tree of depth one is a stump.

Shapes: K trees, D features, N samples, C targets, M = 2^depth leaves. Features are [D, N], the same samples for all trees, or
[K, D, N], each tree's own; targets likewise. Nodes are numbered as in a heap: the root is 0, and the node m has 2m + 1 (features
at most the threshold) and 2m + 2 under it.

Source: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

CRITERIA = ("squares", "error")
_AT_ONCE = 1 << 22  # numbers of one array while splits are searched


class Trees(NamedTuple):
    """K trees. A node that is not split sends all samples to the left: its threshold is inf."""

    feature_KT: Tensor  # int64 [K, M - 1]
    threshold_KT: Tensor  # float [K, M - 1]
    value_KMC: Tensor  # weighted mean of the targets in each leaf; of an empty leaf that of the node it comes from

    @property
    def depth(self) -> int:
        return (self.feature_KT.shape[1] + 1).bit_length() - 1

    def leaf(self, x: Tensor) -> Tensor:
        """Which leaf each sample of x, [D, N] or [K, D, N], falls into: int64 [K, N]."""
        trees, n = len(self.feature_KT), x.shape[-1]
        node_KN = torch.zeros(trees, n, dtype=torch.long)
        for _ in range(self.depth):
            right_KN = _pick(x, self.feature_KT.gather(1, node_KN)) > self.threshold_KT.gather(1, node_KN)
            node_KN = 2 * node_KN + 1 + right_KN.long()
        return node_KN - self.feature_KT.shape[1]

    def predict(self, x: Tensor) -> Tensor:
        """Value [K, C, N] of the leaf of each sample of x, [D, N] or [K, D, N]."""
        leaf_KN = self.leaf(x)
        trees = torch.arange(len(leaf_KN))[:, None]
        return self.value_KMC[trees, leaf_KN].movedim(-1, 1)


def grow(x: Tensor, y: Tensor, weight_KN: Tensor, depth: int, criterion: str = "squares") -> Trees:
    """The trees of this depth that greedy splitting finds, row k on the samples weighted by weight_KN[k].

    x: [D, N] or [K, D, N]. y: [C, N] or [K, C, N], a class in one-hot coding, or C numbers to predict. Weights are 0 (the sample
    is not there) or more, not all 0 in a row.
    criterion: "squares", the weighted sum of squares within the leaves, for classes Gini's impurity; or "error", the weight of
    the samples that are not of their leaf's heaviest class. A split lies half-way between two samples; of equal splits the
    first feature's lowest is taken. Raises ValueError for a depth below 1, another criterion or weights that cannot be used.
    """
    if depth < 1 or criterion not in CRITERIA:
        raise ValueError(f"needs a depth of 1 or more and one of {CRITERIA}, got {depth} and {criterion!r}")
    if not (torch.isfinite(weight_KN).all() and (weight_KN >= 0).all() and (weight_KN.sum(1) > 0).all()):
        raise ValueError("weights must be finite, not negative, and not all 0 in a row")
    trees, n = weight_KN.shape
    nodes, leaves = 2**depth - 1, 2**depth
    feature_KT = torch.zeros(trees, nodes, dtype=torch.long)
    threshold_KT = torch.full((trees, nodes), torch.inf, dtype=x.dtype)
    targets = y.shape[-2]
    x_KDN, y_KCN, order_KDN = (part.expand(trees, -1, -1) for part in (x, y, x.argsort(dim=-1, stable=True)))
    value_KMC = _means(y_KCN, weight_KN, torch.zeros(trees, n, dtype=torch.long), 1, torch.zeros(trees, 1, targets).to(y))
    node_KN = torch.zeros(trees, n, dtype=torch.long)  # within the level
    for level in range(depth):
        width = 2**level
        first = width - 1
        at_once = max(1, _AT_ONCE // (width * n * targets))
        for start in range(0, trees, at_once):
            rows = slice(start, start + at_once)
            found = _splits(x_KDN[rows], y_KCN[rows], order_KDN[rows], weight_KN[rows], node_KN[rows], width, criterion)
            feature_KT[rows, first:first + width], threshold_KT[rows, first:first + width] = found
        right_KN = _pick(x, feature_KT.gather(1, first + node_KN)) > threshold_KT.gather(1, first + node_KN)
        node_KN = 2 * node_KN + right_KN.long()
        value_KMC = _means(y_KCN, weight_KN, node_KN, 2 * width, value_KMC.repeat_interleave(2, dim=1))
    return Trees(feature_KT, threshold_KT, value_KMC.reshape(trees, leaves, targets))


def _pick(x: Tensor, feature_KN: Tensor) -> Tensor:
    """Of each sample of x, [D, N] or [K, D, N], one feature in each row: [K, N]."""
    samples_N = torch.arange(x.shape[-1])
    return x[feature_KN, samples_N] if x.dim() == 2 else x[torch.arange(len(x))[:, None], feature_KN, samples_N]


def _means(y_KCN: Tensor, weight_KN: Tensor, node_KN: Tensor, width: int, empty_KMC: Tensor) -> Tensor:
    """Weighted mean of the targets in each node, [K, width, C]."""
    trees = len(weight_KN)
    total_KM = torch.zeros(trees, width, dtype=weight_KN.dtype).scatter_add_(1, node_KN, weight_KN)
    sums = [torch.zeros_like(total_KM).scatter_add_(1, node_KN, weight_KN * y_KN) for y_KN in y_KCN.unbind(1)]
    mean_KMC = torch.stack(sums, -1) / total_KM[..., None].clamp_min(torch.finfo(total_KM.dtype).tiny)
    return torch.where(total_KM[..., None] > 0, mean_KMC, empty_KMC)


def _splits(x_KDN: Tensor, y_KCN: Tensor, order_KDN: Tensor, weight_KN: Tensor, node_KN: Tensor, width: int,
            criterion: str) -> tuple[Tensor, Tensor]:
    """Feature and threshold [K, width] of the best split of each node; a threshold of inf where none makes it purer."""
    trees = len(weight_KN)
    best = torch.full((trees, width), -torch.inf, dtype=weight_KN.dtype)
    feature = torch.zeros(trees, width, dtype=torch.long)
    threshold = torch.full((trees, width), torch.inf, dtype=x_KDN.dtype)
    for d, order_KN in enumerate(order_KDN.unbind(1)):
        x_KN, here_KN = x_KDN[:, d].gather(1, order_KN), node_KN.gather(1, order_KN)
        here_KMN = (here_KN[:, None] == torch.arange(width)[:, None]) * weight_KN.gather(1, order_KN)[:, None]
        left = _score(here_KMN, [y_KN.gather(1, order_KN)[:, None] for y_KN in y_KCN.unbind(1)], criterion)
        there, x_K1N = here_KMN > 0, x_KN[:, None]
        next_x = torch.where(there, x_K1N, torch.inf).flip(-1).cummin(-1).values.flip(-1).roll(-1, -1)
        next_x[..., -1] = torch.inf  # the next sample of the node, behind which a split may lie
        whole = left.whole[..., None]
        gain = torch.where(there & (next_x > x_K1N) & next_x.isfinite(), left.of_split - whole, -torch.inf)
        value, place = gain.max(-1)
        # What rounding alone can make is no gain.
        better = (value > best) & (value > 16 * torch.finfo(value.dtype).eps * left.whole)
        best = torch.where(better, value, best)
        feature = torch.where(better, d, feature)
        middle = (x_KN.gather(1, place) + next_x.gather(-1, place[..., None])[..., 0]) / 2
        threshold = torch.where(better, middle, threshold)
    return feature, threshold


class _Scores(NamedTuple):
    of_split: Tensor  # [K, width, N] purity of both sides when the split is behind sample n
    whole: Tensor  # [K, width] purity of the node


def _score(here_KMN: Tensor, y_CK1N: Sequence[Tensor], criterion: str) -> _Scores:
    """Purity, which the best split makes largest: Σ_c S_c² / W for squares, max_c S_c for the error."""
    total = here_KMN.cumsum(-1)
    sums = torch.stack([(here_KMN * y_K1N).cumsum(-1) for y_K1N in y_CK1N])

    def purity(weight: Tensor, sums: Tensor) -> Tensor:
        if criterion == "error":
            return sums.amax(0)
        return sums.square().sum(0) / weight.clamp_min(torch.finfo(weight.dtype).tiny)

    right = (total[..., -1:] - total).clamp_min(0)
    split = purity(total, sums) + torch.where(right > 0, purity(right, sums[..., -1:] - sums), 0)
    return _Scores(split, purity(total[..., -1], sums[..., -1]))
