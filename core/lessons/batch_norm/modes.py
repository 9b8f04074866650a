"""Batch norm in train mode and in eval mode: running statistics, and what the nets trained side by side say with them.

Shapes: as in `race`; V validation images, F batches that would have come next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from core.lessons.batch_norm.normalisation import (
    KINDS,
    POSITIONS,
    RowNorm,
    Trace,
    Weights,
    cross_entropy,
    forward,
    running_average,
)
from core.lessons.batch_norm.race import RATES, Arm, Samples
from core.moments import NEVER

FROM_STEPS = 10  # the training loss of a run is the mean over its last ten batches
BATCH = RowNorm({"batch": slice(None)}, 1)


class Evaluation(NamedTuple):
    """What follows from a result at one momentum and rate, by formula and forward passes; R starts, V validation images."""

    training: Tensor  # [kinds, R, S] loss at the end (nats), NaN where diverged
    validation: Tensor  # [kinds, R, S] likewise, in eval mode
    sizes: Tensor  # [A, kinds compared, R] validation loss of each batch size of `Result.sizes`, in eval mode
    sure_eval: Tensor  # [V] probability of the true class under batch norm (first start), in eval mode
    sure_train: Tensor  # [COMPANIES, V] the same among each company of m
    right_eval: float  # accuracy
    right_train: float  # accuracy
    batch_stat: Tensor  # [2, T+F] mean and variance of the last layer's busiest channel; weights stand still in the last F
    running_stat: Tensor  # [2, T+F+1] their running average
    settled: Tensor  # [2] mean of `batch_stat` over those F batches
    values: Tensor  # [P·m] the first layer's most spread channel before norm, for the next batch
    scale_shift: tuple[float, float]  # γ and β that the net has learnt for that channel


def running_statistics(arm: Arm, momentum: float) -> tuple[list[Tensor], list[Tensor]]:
    """Means and variances [R·S, C, 1, 1] of each layer after training."""
    means, variances = ([running_average(b, start, momentum)[-1].float()[..., None, None] for b in batch]
                        for batch, start in ((arm.batch_mean, 0.0), (arm.batch_var, 1.0)))
    return means, variances


def at_best_rate(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest of each row of validation losses [A, kinds, R], and at which rate it is; NaN where every rate diverged."""
    known = sizes.nan_to_num(nan=torch.inf)
    low, at = known.min(-1)
    return low.where(low.isfinite(), torch.nan), at


def _validation(arm: Arm, at: int, of: int, samples: Samples, momentum: float) -> Tensor:
    """Validation loss [K] with batch norm's, which has the rows of kind `at` of `of`, in eval mode."""
    size = len(arm.validation) // of
    rows = slice(at * size, (at + 1) * size)
    out = forward(arm.weights.map(lambda v: v[rows]), samples[0][None], BATCH, running_statistics(arm, momentum)).out
    losses = arm.validation.clone()
    losses[rows] = cross_entropy(out, samples[1][None]).where(arm.diverged_at[rows] == NEVER, torch.nan)
    return losses


@torch.inference_mode()
def evaluate(arm: Arm, sizes: Sequence[Arm], training: Samples, validation: Samples, companies: Tensor, upcoming: Tensor, *,
          rate: float, momentum: float, starts: int, compared: Sequence[str]) -> Evaluation:
    """companies [n, V] and upcoming [F, m] are as in the lesson's Result; rate is the learning rate that is looked into."""
    S, shape, of = starts, (len(KINDS), len(RATES), starts), len(compared)
    rows = slice(len(RATES) * S * KINDS.index("batch"), len(RATES) * S * (KINDS.index("batch") + 1))
    images, labels = validation[0][None], validation[1][None]
    others = [_validation(a, compared.index("batch"), of, validation, momentum).reshape(of, len(RATES)) for a in sizes]
    k = RATES.index(rate) * S
    w = arm.weights.map(lambda v: v[rows][k : k + 1])
    means, variances = running_statistics(arm, momentum)
    out = forward(w, images, BATCH, ([v[k : k + 1] for v in means], [v[k : k + 1] for v in variances])).out
    sure_eval, right_eval = _sureness(out, labels)
    groups = companies.reshape(-1, arm.batch_size)
    sure, right_train = _sureness(_in_batches(w, validation[0], groups).out, validation[1][groups])
    sure_train = torch.empty(companies.shape).scatter_(1, companies, sure.reshape(companies.shape))
    batch_stat, values, scale_shift = _statistics_of_a_channel(arm, w, k, training[0], upcoming)
    running = torch.stack([running_average(b, start, momentum) for b, start in zip(batch_stat, (0.0, 1.0), strict=True)])
    return Evaluation(
        training=arm.losses[-FROM_STEPS:].mean(0).reshape(shape),
        validation=_validation(arm, KINDS.index("batch"), len(KINDS), validation, momentum).reshape(shape),
        sizes=torch.stack(others) if others else torch.empty(0, of, len(RATES)), sure_eval=sure_eval[0],
        sure_train=sure_train, right_eval=right_eval, right_train=right_train, batch_stat=batch_stat, running_stat=running,
        settled=batch_stat[:, arm.step :].mean(1), values=values, scale_shift=scale_shift,
    )


def _sureness(out: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """Probability of the true class [K, m], and the part of the samples whose true class is the likeliest."""
    sure = out.softmax(1).gather(1, y[:, None])[:, 0]
    return sure, float((out.argmax(1) == y).float().mean())


def _in_batches(w: Weights, images: Tensor, index: Tensor) -> Trace:
    """One net in train mode on many batches at once, a batch being a row: images [4, 16, N], index [rows, m]."""
    return forward(w.map(lambda v: v.expand(len(index), *v.shape[1:])), images[:, :, index].permute(2, 0, 1, 3), BATCH)


def _statistics_of_a_channel(
    arm: Arm, w: Weights, k: int, images: Tensor, upcoming: Tensor
) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """`batch_stat`, `values` and `scale_shift` of Evaluation, for the net in row k of those with batch norm."""
    last_layer = len(POSITIONS) - 1
    means, variances = arm.batch_mean[last_layer][:, k], arm.batch_var[last_layer][:, k]
    channel = int((means[-1] - means[0]).abs().nan_to_num(0.0).argmax()) if arm.step else 0
    history = torch.stack([means[:, channel], variances[:, channel]])
    if not len(upcoming):
        return history, torch.empty(0), (1.0, 0.0)
    trace = _in_batches(w, images, upcoming)
    count = arm.batch_size * POSITIONS[last_layer]
    still = torch.stack([trace.mean[last_layer][:, channel, 0, 0],
                         trace.var[last_layer][:, channel, 0, 0] * (count / (count - 1))])
    widest = int(trace.var[0][0, :, 0, 0].nan_to_num(0.0).argmax())
    z = trace.xhat[0][0, widest] / trace.scale[0][0, widest] + trace.mean[0][0, widest]
    learnt = float(w.gammas[0][0, widest]), float(w.betas[0][0, widest])
    return torch.cat([history, still], 1), z.flatten(), learnt
