"""Training K models at once, as a generator that reports now and then.

Each model draws its batches and dropout masks from its own generator, so a model's run does not depend on how many
train beside it. Divergence is data: a model whose loss or gradient is no longer finite stops where it was, and the
step is recorded; the others go on.

Shapes: K models, P parameters, N samples, d inputs, C outputs, B batch, R records, S snapshots.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from .backprop import Backprop
from .losses import Loss, output_gradient
from .network import MLP
from .norms import RunningStats
from .optimisers import Optimiser
from .penalties import Penalty
from .random import Generators, permutations, spawn

Augment = Callable[[Tensor, Tensor, Generators], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Progress:
    """A run so far. Tensors are detached and never change afterwards.

    step: updates done, of `steps`. theta [K, P] and stats: the models now.
    batch_loss [step, K]: the loss of each update's batch before it, without penalty.
    recorded [R]: the steps of the records below; the first is 0 and the last is `step`.
    loss, error: name -> [R, K] on each set of `evaluate` (eval mode); error only for losses that have one.
    penalty [R, K]: Ω; the objective is loss + Ω.
    snapshot_steps [S], snapshots [S, K, P]: parameters at evenly spaced steps up to now.
    diverged_at [K]: the first step whose loss or gradient is not finite, -1 if none. From there on batch losses and
    records are NaN, except the batch loss of that step itself.
    """

    step: int
    steps: int
    theta: Tensor
    stats: RunningStats | None
    batch_loss: Tensor
    recorded: Tensor
    loss: Mapping[str, Tensor]
    error: Mapping[str, Tensor]
    penalty: Tensor
    snapshot_steps: Tensor
    snapshots: Tensor
    diverged_at: Tensor


def minibatches(
    x: Tensor, y: Tensor, batch_size: int | None, generators: Generators, drop_last: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches x [K, d, B], y [K, ..., B]: each epoch a fresh permutation per model, from its own generator.

    x [1 or K, d, N] and y [1 or K, ..., N] with the samples last. The data are gathered once per epoch and the batches
    are views. The last batch of an epoch is smaller unless `drop_last`. `batch_size` None or N: x and y as they are.
    """
    n = x.shape[-1]
    if batch_size is None or batch_size >= n:
        while True:
            yield x, y
    stop = n - n % batch_size if drop_last else n
    while True:
        order = permutations(generators, n)[:, :stop]
        xs = _gather(x, order).split(batch_size, -1)
        ys = _gather(y, order).split(batch_size, -1)
        yield from zip(xs, ys, strict=True)


def _gather(data: Tensor, order: Tensor) -> Tensor:
    """data[k, ..., order[k]] for data [1 or K, ..., N] and order [K, M]."""
    K, M = order.shape
    index = order.reshape(K, *(1 for _ in data.shape[1:-1]), M).expand(K, *data.shape[1:-1], M)
    return data.expand(K, *data.shape[1:]).gather(-1, index)


def train(
    mlp: MLP,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    optimiser: Optimiser,
    *,
    steps: int,
    generators: Generators,
    batch_size: int | None = None,
    drop_last: bool = False,
    dropout: float | Tensor | None = None,
    penalty: Penalty | None = None,
    augment: Augment | None = None,
    project: Callable[[Tensor], None] | None = None,
    evaluate: Mapping[str, tuple[Tensor, Tensor]] | None = None,
    record_every: int | None = None,
    snapshots: int = 0,
) -> Iterator[Progress]:
    """Train from theta [K, P] (left as it is) and yield a `Progress` at step 0 and at every record.

    x [1 or K, d, N] and y [1 or K, C, N] or [1 or K, N] as the loss takes them; a first dimension of 1 is shared.
    batch_size: samples per update, all N if None. dropout: P(drop), a number or one per model [K]; `mlp.dropout` if
    None. augment(x_KdB, y, generators) -> (x, y): new batch for every update. project(theta): changes theta in place
    after every update (proximal steps, constraints). evaluate: name -> (x, y), sets whose loss and error are
    recorded. record_every: steps between records, steps/50 if None. snapshots: number of evenly spaced copies of theta
    to keep, both ends included.

    Raises ValueError naming the argument.
    """
    _validate(mlp, theta, x, steps, generators, batch_size, record_every)
    run = _Run(mlp, theta, x, y, loss, optimiser, generators, batch_size, drop_last, dropout, penalty, augment, project)
    every = record_every or max(1, steps // 50)
    records = sorted({*range(0, steps, every), steps})
    frames = torch.linspace(0, steps, snapshots).round().long().unique() if snapshots else torch.empty(0).long()
    log = _Log(run, evaluate or {}, steps, records, frames)
    wanted = set(frames.tolist())
    for stop in sorted({*records, *wanted}):
        log.advance(stop)
        if stop in wanted:
            log.snapshot()
        if stop in log.record_steps:
            yield log.record()
