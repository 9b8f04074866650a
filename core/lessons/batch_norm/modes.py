"""Batch norm in train mode and in eval mode: running statistics, and what the nets trained side by side say with them.

Shapes: as in `race`; V validation images, F batches that would have come next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from core.engine import RunningStats, cross_entropy
from core.engine.block_norm import KINDS
from core.lessons.batch_norm.normalisation import running_average
from core.lessons.batch_norm.race import NET, RATES, Arm, Samples, channel_counts, rows_of

FROM_STEPS = 10  # the training loss of a run is the mean over its last ten batches
BATCH = replace(NET, norm="batch")


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


def running_statistics(arm: Arm, momentum: float) -> RunningStats:
    """Of the R·S nets with batch norm, after training."""
    return RunningStats(running_average(arm.batch_mean, 0.0, momentum)[-1].float(),
                        running_average(arm.batch_var, 1.0, momentum)[-1].float())


def at_best_rate(sizes: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest of each row of validation losses [A, kinds, R], and at which rate it is; NaN where every rate diverged."""
    known = sizes.nan_to_num(nan=torch.inf)
    low, at = known.min(-1)
    return low.where(low.isfinite(), torch.nan), at


def _validation(arm: Arm, kinds: Sequence[str], samples: Samples, stats: RunningStats) -> Tensor:
    """Validation loss [K] with batch norm's in eval mode."""
    rows, (images, labels) = rows_of("batch", kinds, len(arm.theta)), samples
    losses = arm.validation.clone()
    losses[rows] = cross_entropy.value(BATCH.forward(arm.theta[rows], images[None], stats=stats), labels[None])
    return losses


@torch.inference_mode()
def evaluate(arm: Arm, sizes: Sequence[Arm], training: Samples, validation: Samples, companies: Tensor, upcoming: Tensor, *,
          rate: float, momentum: float, starts: int, compared: Sequence[str]) -> Evaluation:
    """companies [n, V] and upcoming [F, m] are as in the lesson's Result; rate is the learning rate that is looked into."""
    shape, of = (len(KINDS), len(RATES), starts), len(compared)
    images, labels = validation
    others = [_validation(a, compared, validation, running_statistics(a, momentum)).reshape(of, len(RATES)) for a in sizes]
    k, stats = RATES.index(rate) * starts, running_statistics(arm, momentum)
    theta = arm.theta[rows_of("batch", KINDS, len(arm.theta))][k : k + 1]
    sure_eval, right_eval = _sureness(BATCH.forward(theta, images[None], stats=stats.rows(k, k + 1)), labels[None])
    groups = companies.reshape(-1, arm.batch_size)
    out = BATCH.forward(theta.expand(len(groups), -1), _in_rows(images, groups), train=True)
    sure, right_train = _sureness(out, labels[groups])
    sure_train = torch.empty(companies.shape).scatter_(1, companies, sure.reshape(companies.shape))
    batch_stat, values, scale_shift = _statistics_of_a_channel(arm, theta, k, training[0], upcoming)
    running = torch.stack([running_average(b, start, momentum) for b, start in zip(batch_stat, (0.0, 1.0), strict=True)])
    return Evaluation(
        training=arm.losses[-FROM_STEPS:].mean(0).reshape(shape),
        validation=_validation(arm, KINDS, validation, stats).reshape(shape),
        sizes=torch.stack(others) if others else torch.empty(0, of, len(RATES)), sure_eval=sure_eval[0],
        sure_train=sure_train, right_eval=right_eval, right_train=right_train, batch_stat=batch_stat, running_stat=running,
        settled=batch_stat[:, arm.step :].mean(1), values=values, scale_shift=scale_shift,
    )


def _sureness(out: Tensor, y: Tensor) -> tuple[Tensor, float]:
    """Probability of the true class [K, m], and the part of the samples whose true class is the likeliest."""
    sure = out.softmax(1).gather(1, y[:, None])[:, 0]
    return sure, float((out.argmax(1) == y).float().mean())


def _in_rows(images: Tensor, index: Tensor) -> Tensor:
    """Many batches as rows [rows, 1, 8, 8, m]: images [1, 8, 8, N], index [rows, m]."""
    return images[..., index].movedim(3, 0)


def _statistics_of_a_channel(
    arm: Arm, theta: Tensor, k: int, images: Tensor, upcoming: Tensor
) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """`batch_stat`, `values` and `scale_shift` of Evaluation, for the net theta [1, P] in row k of those with batch norm."""
    last_layer = BATCH.stats_parts[-1]
    history = torch.stack([arm.batch_mean[:, k, last_layer], arm.batch_var[:, k, last_layer]])
    means = history[0]
    channel = int((means[-1] - means[0]).abs().nan_to_num(0.0).argmax()) if arm.step else 0
    history = history[:, :, channel]
    if not len(upcoming):
        return history, torch.empty(0), (1.0, 0.0)
    kernel = BATCH.kernel(theta.expand(len(upcoming), -1), upcoming.shape[1])
    kernel.forward(_in_rows(images, upcoming))
    count = channel_counts(upcoming.shape[1])[-1]
    still = torch.stack([kernel.mean[-1][:, channel, 0, 0], kernel.var[-1][:, channel, 0, 0] * (count / (count - 1))])
    mean, var, scale = (v[0][0, :, 0] for v in (kernel.mean, kernel.var, kernel.scale))
    widest = int(var[:, 0].nan_to_num(0.0).argmax())
    z = kernel.normalised[0][0, widest] / scale[widest] + mean[widest]
    first = kernel.layers[0]
    assert first.gamma is not None and first.beta is not None
    learnt = float(first.gamma[0, widest]), float(first.beta[0, widest])
    return torch.cat([history, still], 1), z.flatten(), learnt
