"""Training K models on labelled data for a number of steps, as a generator that reports now and then.

Each model draws its batches and dropout masks from its own generator, so a model's run does not depend on how
many train beside it. For anything else (more streams, other losses, no end) take a `Trainer`.

Shapes: K models, P parameters, N samples, d inputs, C outputs, B batch, R records, S snapshots.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from .losses import Loss
from .network import Network
from .objective import Supervised, Watch
from .optimisers import Optimiser
from .penalties import Penalty
from .progress import History, Progress
from .random import Generators, permutations, spawn
from .trainer import Trainer

Augment = Callable[[Tensor, Tensor, Generators], tuple[Tensor, Tensor]]


def minibatches(
    x: Tensor, y: Tensor, batch_size: int | None, generators: Generators, drop_last: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches x [K, d, B], y [K, ..., B]; each epoch a fresh permutation per model.

    x [1 or K, d, N] and y [1 or K, ..., N] with the samples last. The data are gathered once per epoch and
    the batches are views. The last batch of an epoch is smaller unless `drop_last`. `batch_size` None or N: x
    and y as they are.
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


def _rows(data: Tensor, K: int) -> Tensor:
    return data.expand(K, *data.shape[1:])


def _gather(data: Tensor, order: Tensor) -> Tensor:
    """data[k, ..., order[k]] for data [1 or K, ..., N] and order [K, M]."""
    K, M = order.shape
    index = order.reshape(K, *(1 for _ in data.shape[1:-1]), M).expand(K, *data.shape[1:-1], M)
    return _rows(data, K).gather(-1, index)


def train(
    network: Network,
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
    watch: Watch | None = None,
) -> Iterator[Progress]:
    """Train from theta [K, P] (left as it is) and yield a `Progress` at step 0 and at every record.

    x: [1 or K, *inputs, N]; y: [1 or K, C, N] or [1 or K, N], as the loss takes them. A first 1 is shared by all.
    batch_size: samples per update, all N if None; drop_last as in `minibatches`.
    dropout: P(drop), a number or one per model [K]; `network.dropout` if None.
    augment(x [K, d, B], y, generators) -> (x, y): a new batch for every update.
    project(theta): changes theta in place after every update (proximal steps, constraints).
    evaluate: name -> (x, y), sets whose loss and error are recorded.
    record_every: steps between records, steps/50 if None.
    snapshots: number of evenly spaced copies of theta to keep, both ends included.
    watch(theta, (x, y), masks): called before each update with its batch and its dropout masks, as in `Supervised`.

    Raises ValueError naming the argument.
    """
    K = len(theta)
    _validate(network, K, x, y, steps, generators, batch_size, record_every, dropout, snapshots)
    theta = theta.detach().clone()
    # Copied, because the last bit of a matrix product depends on the alignment of memory from elsewhere.
    x, y = x.detach().clone(), y.detach().clone()
    # Separate streams: runs that differ in dropout or augmentation alone still see the same batches.
    order, thinning, augmenting = (spawn(generators) for _ in range(3))
    batches = minibatches(x, y, batch_size, order, drop_last)
    if augment is not None:
        batches = (augment(_rows(xb, K), _rows(yb, K), augmenting) for xb, yb in batches)
    stats = network.running_stats(K, theta.dtype)
    objective = Supervised(network, loss, penalty, dropout, stats, watch)
    trainer = Trainer(objective, theta, optimiser, batches, generators=thinning, project=project, history=steps)

    every = record_every or max(1, steps // 50)
    records = sorted({*range(0, steps, every), steps})
    frames = torch.linspace(0, steps, snapshots, dtype=torch.float64).round().long().unique().tolist()
    history = History(network, loss, penalty, evaluate or {}, theta, records, frames)
    for stop in sorted({*records, *frames}):
        trainer.advance(stop - trainer.step)
        if stop in frames:
            history.snapshot(theta)
        if stop in records:
            yield history.record(trainer, stats)


def _validate(
    network: Network,
    K: int,
    x: Tensor,
    y: Tensor,
    steps: int,
    generators: Generators,
    batch_size: int | None,
    record_every: int | None,
    dropout: float | Tensor | None,
    snapshots: int,
) -> None:
    if len(generators) != K:
        raise ValueError(f"generators: {len(generators)} for {K} models, one each")
    sample = network.sample_shape or x.shape[1:-1]
    if x.shape[0] not in (1, K) or x.shape[1:-1] != sample:
        raise ValueError(f"x: shape {tuple(x.shape)}, needs [1 or {K}, {', '.join(map(str, sample))}, N]")
    if y.shape[0] not in (1, K) or y.shape[-1] != x.shape[-1]:
        raise ValueError(f"y: shape {tuple(y.shape)}, needs [1 or {K}, ..., {x.shape[-1]}]")
    if steps < 1:
        raise ValueError(f"steps={steps}: must be at least 1")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: must be at least 1")
    if record_every is not None and record_every < 1:
        raise ValueError(f"record_every={record_every}: must be at least 1")
    if snapshots < 0:
        raise ValueError(f"snapshots={snapshots}: must be at least 0")
    rates = torch.as_tensor(0.0 if dropout is None else dropout)
    if not bool(((rates >= 0) & (rates < 1)).all()) or rates.numel() not in (1, K):
        raise ValueError(f"dropout={dropout}: 0 <= dropout < 1, one number or {K}")
