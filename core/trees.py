"""Decision trees of one depth, K grown at once on weighted samples. A tree of depth one is a stump.

Shapes: K trees, D features, N samples, C targets, M = 2^depth leaves. Nodes are numbered as in a heap: the root is 0, and the
node m has 2m + 1 (features at most the threshold) and 2m + 2 under it.

Source: Breiman, Friedman, Olshen and Stone, Classification and Regression Trees (1984).
"""

from __future__ import annotations

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

    def leaf(self, x_DN: Tensor) -> Tensor:
        """Which leaf each sample falls into, int64 [K, N]."""
        trees, n = len(self.feature_KT), x_DN.shape[1]
        node_KN = torch.zeros(trees, n, dtype=torch.long)
        samples_N = torch.arange(n)
        for _ in range(self.depth):
            feature_KN = self.feature_KT.gather(1, node_KN)
            node_KN = 2 * node_KN + 1 + (x_DN[feature_KN, samples_N] > self.threshold_KT.gather(1, node_KN)).long()
        return node_KN - self.feature_KT.shape[1]

    def predict(self, x_DN: Tensor) -> Tensor:
        """Value of each sample's leaf, [K, C, N]."""
        leaf_KN = self.leaf(x_DN)
        trees = torch.arange(len(leaf_KN))[:, None]
        return self.value_KMC[trees, leaf_KN].movedim(-1, 1)


def grow(x_DN: Tensor, y_CN: Tensor, weight_KN: Tensor, depth: int, criterion: str = "squares") -> Trees:
    """The trees of this depth that greedy splitting finds, row k on the samples weighted by weight_KN[k].

    y_CN: a class in one-hot coding, or C numbers to predict; weights from 0 (the sample is not there), not all 0 in a row.
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
    threshold_KT = torch.full((trees, nodes), torch.inf, dtype=x_DN.dtype)
    value_KMC = _means(y_CN, weight_KN, torch.zeros(trees, n, dtype=torch.long), 1, torch.zeros(trees, 1, len(y_CN)).to(y_CN))
    order_DN = x_DN.argsort(dim=1, stable=True)
    node_KN = torch.zeros(trees, n, dtype=torch.long)  # within the level
    for level in range(depth):
        width = 2**level
        first = width - 1
        at_once = max(1, _AT_ONCE // (width * n * len(y_CN)))
        for rows in torch.arange(trees).split(at_once):
            found = _splits(x_DN, y_CN, weight_KN[rows], node_KN[rows], width, order_DN, criterion)
            feature_KT[rows, first:first + width], threshold_KT[rows, first:first + width] = found
        chosen_KN = feature_KT.gather(1, first + node_KN)
        right_KN = x_DN[chosen_KN, torch.arange(n)] > threshold_KT.gather(1, first + node_KN)
        node_KN = 2 * node_KN + right_KN.long()
        value_KMC = _means(y_CN, weight_KN, node_KN, 2 * width, value_KMC.repeat_interleave(2, dim=1))
    return Trees(feature_KT, threshold_KT, value_KMC.reshape(trees, leaves, len(y_CN)))


def _means(y_CN: Tensor, weight_KN: Tensor, node_KN: Tensor, width: int, empty_KMC: Tensor) -> Tensor:
    """Weighted mean of the targets in each node, [K, width, C]."""
    trees = len(weight_KN)
    total_KM = torch.zeros(trees, width, dtype=weight_KN.dtype).scatter_add_(1, node_KN, weight_KN)
    sums = [torch.zeros_like(total_KM).scatter_add_(1, node_KN, weight_KN * y_N) for y_N in y_CN]
    mean_KMC = torch.stack(sums, -1) / total_KM[..., None].clamp_min(torch.finfo(total_KM.dtype).tiny)
    return torch.where(total_KM[..., None] > 0, mean_KMC, empty_KMC)


def _splits(x_DN: Tensor, y_CN: Tensor, weight_KN: Tensor, node_KN: Tensor, width: int, order_DN: Tensor,
            criterion: str) -> tuple[Tensor, Tensor]:
    """Feature and threshold [K, width] of the best split of each node; a threshold of inf where none makes it purer."""
    trees = len(weight_KN)
    best = torch.full((trees, width), -torch.inf, dtype=weight_KN.dtype)
    feature = torch.zeros(trees, width, dtype=torch.long)
    threshold = torch.full((trees, width), torch.inf, dtype=x_DN.dtype)
    for d, order_N in enumerate(order_DN):
        x_N = x_DN[d, order_N]
        here_KMN = (node_KN[:, None, order_N] == torch.arange(width)[:, None]) * weight_KN[:, None, order_N]
        left = _score(here_KMN, y_CN[:, order_N], criterion)
        there = here_KMN > 0
        next_x = torch.where(there, x_N, torch.inf).flip(-1).cummin(-1).values.flip(-1).roll(-1, -1)
        next_x[..., -1] = torch.inf  # the next sample of the node, behind which a split may lie
        whole = left.whole[..., None]
        gain = torch.where(there & (next_x > x_N) & next_x.isfinite(), left.of_split - whole, -torch.inf)
        value, place = gain.max(-1)
        # What rounding alone can make is no gain.
        better = (value > best) & (value > 16 * torch.finfo(value.dtype).eps * left.whole)
        best = torch.where(better, value, best)
        feature = torch.where(better, d, feature)
        middle = (x_N[place] + next_x.gather(-1, place[..., None])[..., 0]) / 2
        threshold = torch.where(better, middle, threshold)
    return feature, threshold


class _Scores(NamedTuple):
    of_split: Tensor  # [K, width, N] purity of both sides when the split is behind sample n
    whole: Tensor  # [K, width] purity of the node


def _score(here_KMN: Tensor, y_CN: Tensor, criterion: str) -> _Scores:
    """Purity, which the best split makes largest: Σ_c S_c² / W for squares, max_c S_c for the error."""
    total = here_KMN.cumsum(-1)
    sums = torch.stack([(here_KMN * y_N).cumsum(-1) for y_N in y_CN])

    def purity(weight: Tensor, sums: Tensor) -> Tensor:
        if criterion == "error":
            return sums.amax(0)
        return sums.square().sum(0) / weight.clamp_min(torch.finfo(weight.dtype).tiny)

    right = (total[..., -1:] - total).clamp_min(0)
    split = purity(total, sums) + torch.where(right > 0, purity(right, sums[..., -1:] - sums), 0)
    return _Scores(split, purity(total[..., -1], sums[..., -1]))
