"""What a training run reports: `Progress`, and the preallocated history it is cut from.

Shapes: K models, P parameters, R records, S snapshots.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .losses import Loss
from .network import Network
from .norms import RunningStats
from .penalties import Penalty
from .trainer import Trainer


@dataclass(frozen=True)
class Progress:
    """A run so far. Tensors are detached and never change afterwards.

    step: updates done, of `steps`. theta [K, P] and stats: the models now.
    batch_loss [step, K]: the loss of each update's batch before it, without penalty.
    recorded [R]: the steps of the records below; the first is 0 and the last is `step`.
    loss, error: name -> [R, K] on each set of `evaluate` (eval mode); error only for losses that have one.
    penalty [R, K]: Ω; the objective is loss + Ω.
    snapshot_steps [S], snapshots [S, K, P]: parameters at evenly spaced steps up to now.
    diverged_at [K]: the first step whose loss or gradient is not finite, -1 if none. From there on batch
    losses and records are NaN, except the batch loss of that step itself.
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


class History:
    """Preallocated, append-only; `Progress` holds views of what has been written."""

    def __init__(
        self,
        network: Network,
        loss: Loss,
        penalty: Penalty | None,
        evaluate: Mapping[str, tuple[Tensor, Tensor]],
        theta: Tensor,
        records: Sequence[int],
        frames: Sequence[int],
    ) -> None:
        K, R = len(theta), len(records)

        def empty(*shape: int) -> Tensor:
            return torch.full(shape, torch.nan, dtype=theta.dtype)

        self.forward: Callable[..., Tensor] = network.forward
        self.objective, self.term, self.evaluate = loss, penalty, evaluate
        self.steps = records[-1]
        self.record_steps = torch.tensor(records)
        self.snapshot_steps = torch.tensor(frames, dtype=torch.int64)
        self.loss = {name: empty(R, K) for name in evaluate}
        self.error = {name: empty(R, K) for name in evaluate} if loss.error else {}
        self.penalty = empty(R, K) if penalty else torch.zeros(R, K, dtype=theta.dtype)
        self.snapshots = empty(len(frames), *theta.shape)
        self.mask = network.weight_mask(theta.dtype)
        self.recorded = self.saved = 0

    def snapshot(self, theta: Tensor) -> None:
        self.snapshots[self.saved] = theta
        self.saved += 1

    @torch.no_grad()
    def record(self, trainer: Trainer, stats: RunningStats | None) -> Progress:
        """Evaluate the models, write the row and report."""
        step, theta, diverged_at = trainer.step, trainer.theta, trainer.diverged_at
        r = self.recorded
        options = {} if stats is None else {"stats": stats}
        gone = diverged_at >= 0
        for name, (x, y) in self.evaluate.items():
            out = self.forward(theta, x, **options)
            self.loss[name][r] = self.objective.value(out, y).masked_fill(gone, torch.nan)
            if self.objective.error:
                self.error[name][r] = self.objective.error(out, y).masked_fill(gone, torch.nan)
        if self.term:
            self.penalty[r] = self.term.value(theta, self.mask).masked_fill(gone, torch.nan)
        self.recorded = r = r + 1
        return Progress(
            step=step,
            steps=self.steps,
            theta=theta.clone(),
            stats=stats and stats.clone(),
            batch_loss=trainer.losses,
            recorded=self.record_steps[:r],
            loss={name: values[:r] for name, values in self.loss.items()},
            error={name: values[:r] for name, values in self.error.items()},
            penalty=self.penalty[:r],
            snapshot_steps=self.snapshot_steps[: self.saved],
            snapshots=self.snapshots[: self.saved],
            diverged_at=diverged_at.clone(),
        )
