"""What an average of members is worth: bias, variance and correlation over training sets, samples out of the bag, weights, votes.

Shapes: T training sets, M members, N training samples, n test points, F numbers of members at which it is looked.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor


class Spread(NamedTuple):
    """Means over the test points of what training sets and bags do to an average of some of the members."""

    bias: Tensor  # [F] squared; in expectation what infinitely many training sets would show, so that it may fall below 0
    variance: Tensor  # [F]
    error: Tensor  # [F] mean squared distance from the truth, bias² + variance
    sigma2: Tensor  # [] variance of a member
    rho: Tensor  # [] mean covariance of two members of one training set over σ², never below 0; 1 if no member ever varies
    rho_error: Tensor  # [] standard error of ρ over training sets, by the jackknife


def spread(said_TMn: Tensor, truth_n: Tensor, at_F: Tensor) -> Spread:
    """Bias², variance and ρ of members that were trained on T >= 3 training sets, M >= 2 on each.

    at_F: numbers of members, at most M. As many averages of so many members as there are without a member in two of them are
    taken, and the mean of what they show. Members of one set are drawn alike and independently, so that the covariance of two
    is the variance of their mean over many bags, which cannot be negative; where finite T show less than 0, ρ is 0.
    """
    T, M, n = said_TMn.shape
    bias, variance = [], []
    for m in at_F.tolist():
        average = said_TMn[:, : M // m * m].reshape(T, M // m, m, n).mean(2)
        variance.append(average.var(0).mean())
        bias.append((average.mean(0) - truth_n).square().mean() - variance[-1] / T)
    off = said_TMn - said_TMn.mean(0)
    own_T, whole_T = off.square().mean((1, 2)), off.mean(1).square().mean(1)  # of a member and of the mean of all
    rho = _correlation(own_T.sum(), whole_T.sum(), M)
    # Without set t a sum of squares about the mean is less by T/(T − 1) times that set's square.
    without_T = _correlation(*(part.sum() - T / (T - 1) * part for part in (own_T, whole_T)), M)
    error = ((T - 1) * without_T.var(correction=0)).sqrt()
    bias_F, variance_F = torch.stack(bias), torch.stack(variance)
    return Spread(bias_F, variance_F, bias_F + variance_F, own_T.sum() / (T - 1), rho.clamp(0, 1), error)


def _correlation(own: Tensor, whole: Tensor, members: int) -> Tensor:
    """ρ from the variance of one of M members and that of their mean: M² Var(mean) is M variances and M(M − 1) covariances."""
    return torch.where(own > (1e-9 * own.max()).clamp_min(1e-18), (members * whole / own - 1) / (members - 1), 1.0)


def variance_of_mean(rho: Tensor | float, sigma2: Tensor | float, members: Tensor) -> Tensor:
    """ρσ² + (1 − ρ)σ²/M, the variance of the mean of M numbers of variance σ² of which two have the correlation ρ."""
    return rho * sigma2 + (1 - rho) * sigma2 / members.double()


def running_mean(said: Tensor) -> Tensor:
    """Means of the first 1, 2, … members, said [..., M, n] as it is."""
    return said.cumsum(-2) / torch.arange(1, said.shape[-2] + 1, dtype=said.dtype)[:, None]


def out_of_bag(said_TMN: Tensor, held_TMN: Tensor) -> Tensor:
    """Mean of those of the first 1, 2, … members that were trained without a sample: [T, M, N], NaN where there is none.

    held_TMN: how often each member's bag holds each sample.
    """
    out = (held_TMN == 0).double()
    return (said_TMN * out).cumsum(1) / out.cumsum(1)


def error(said: Tensor, y: Tensor, classes: bool) -> Tensor:
    """Mean squared error over the last dimension, or the part of the classes that is wrong; what is NaN is left out."""
    each = ((said > 0.5) != (y > 0.5)).double() if classes else (said - y).square()
    return each.where(~said.isnan(), torch.nan).nanmean(-1)


def simplex_weights(said_TMn: Tensor, y_Tn: Tensor, steps: int = 200) -> Tensor:
    """Weights [T, M], none negative and of sum one, with the least squared error of the weighted average on samples.

    Accelerated projected gradient steps (Beck and Teboulle 2009) from equal weights.
    """
    T, M, n = said_TMn.shape
    gram = said_TMn @ said_TMn.mT / n
    aim = (said_TMn @ y_Tn[..., None])[..., 0] / n
    rate = 1 / torch.linalg.eigvalsh(gram)[:, -1:].clamp_min(1e-12)
    weight = ahead = torch.full((T, M), 1 / M, dtype=said_TMn.dtype)
    t = 1.0
    for _ in range(steps):
        new = project(ahead - rate * ((gram @ ahead[..., None])[..., 0] - aim))
        t, before = (1 + (1 + 4 * t * t) ** 0.5) / 2, t
        ahead = new + (before - 1) / t * (new - weight)
        weight = new
    return weight


def project(v: Tensor) -> Tensor:
    """The nearest weights, none negative and of sum one, to each row of v [T, M] (Duchi et al. 2008)."""
    ordered = v.sort(-1, descending=True).values
    over = (ordered.cumsum(-1) - 1) / torch.arange(1, v.shape[-1] + 1, dtype=v.dtype)
    last = (ordered > over).sum(-1, keepdim=True) - 1
    return (v - over.gather(-1, last)).clamp_min(0)


def majority(said_TMn: Tensor, y: Tensor) -> Tensor:
    """Part of the samples that most of the first 1, 2, … members get wrong, [T, M]; a tie is half an error. y: as `said`, or
    of fewer dimensions."""
    wrong = ((said_TMn > 0.5) != (y > 0.5)).double().cumsum(1)
    half = torch.arange(1, said_TMn.shape[1] + 1, dtype=wrong.dtype)[:, None] / 2
    return ((wrong > half).double() + 0.5 * (wrong == half)).mean(-1)


def binomial_tail(chance: float, voters: int) -> float:
    """How often most of so many independent voters err who each err with this chance; a tie is half an error."""
    k = torch.arange(voters + 1, dtype=torch.float64)
    p = torch.tensor(chance, dtype=torch.float64)
    whole = torch.tensor(voters + 1.0, dtype=torch.float64).lgamma()
    logs = whole - (k + 1).lgamma() - (voters - k + 1).lgamma() + torch.xlogy(k, p) + torch.xlogy(voters - k, 1 - p)
    return float((logs.exp() * ((2 * k > voters).double() + 0.5 * (2 * k == voters))).sum())


def independent_voters(chance: float, at_F: Tensor, juries: int, rng: Generator) -> Tensor:
    """Part of the juries of independent voters whose majority errs, of the first M voters each: [F]."""
    wrong = (torch.rand(1, int(at_F.max()), juries, generator=rng, dtype=torch.float64) < chance).double()
    return majority(wrong, torch.zeros(juries))[0, at_F - 1]


def distinct_share(size: int, drawn: Tensor | int) -> Tensor:
    """1 − (1 − 1/n)^b, the expected part of n samples that a bag of b of them, with replacement, holds."""
    return 1 - (1 - 1 / size) ** torch.as_tensor(drawn, dtype=torch.float64)
