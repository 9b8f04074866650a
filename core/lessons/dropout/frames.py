"""The thinned nets that trained: what one net was at some of its updates, with the masks that were drawn for it there.

Shapes: F frames, P parameters, d inputs, H units of a layer, C classes, A rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.engine import MLP


@dataclass(frozen=True)
class Frames:
    """One net at F of its updates, under the mask of the first sample of the batch. All is as the gradient saw it."""

    update: tuple[int, ...]  # which update it was, from 1 on
    theta: Tensor  # [F, P] before the update
    plain: Tensor  # [F, P] of the net of p = 0 with the same data, start and batches
    masks: list[Tensor]  # one [F, H] of each hidden layer, 0 or 1/(1 − p)
    units: list[Tensor]  # [F, H] what each unit hands on, masked
    probability: Tensor  # [F, C] of the classes, by the thinned net
    x: Tensor  # [F, d] that sample
    label: Tensor  # [F] the label that it was given


class Recorder:
    """Watches a run and keeps its frames: updates 1, every, 2·every, ... of the row `own`; row 0 is the net without dropout."""

    def __init__(self, mlp: MLP, own: int, steps: int, every: int):
        self.mlp, self.own = mlp, own
        self.wanted = {1, *range(every, steps + 1, every)}
        self.update = 0
        self.seen: list[tuple[int, Tensor, Tensor, list[Tensor], Tensor, Tensor]] = []
        self.moment: list[Tensor] = []

    def __call__(self, theta: Tensor, batch: tuple[Any, Tensor], masks: Sequence[Tensor]) -> None:
        self.update += 1
        if self.update not in self.wanted:
            return
        (x, y), k = batch, self.own
        self.seen.append((self.update, theta[k].clone(), theta[0].clone(), [mask[k, :, 0].clone() for mask in masks],
                          x[k, :, 0].clone(), y[k, 0].clone()))
        drawn = torch.cat(list(masks), 1).flatten(1).double()
        self.moment.append(torch.stack([drawn.mean(1), (drawn - 1).square().mean(1)]))

    def moments(self, rates: int) -> tuple[Tensor, Tensor]:
        """Mean [A] of the masks of the frames' updates, and their mean square distance from 1."""
        mean, variance = torch.stack(self.moment).mean(0).unflatten(1, (rates, -1)).mean(-1)
        return mean.clone(), variance.clone()

    @torch.no_grad()
    def frames(self) -> Frames:
        """What has been seen so far."""
        update, theta, plain, masks, x, label = zip(*self.seen, strict=True)
        theta, x = torch.stack(theta), torch.stack(x)
        kept = [torch.stack(layer) for layer in zip(*masks, strict=True)]
        passed = self.mlp.activations(theta, x[..., None], masks=[mask[..., None] for mask in kept])
        return Frames(update=update, theta=theta, plain=torch.stack(plain), masks=kept, units=[h[..., 0] for h in passed.post],
                      probability=passed.out[..., 0].softmax(1), x=x, label=torch.stack(label))
