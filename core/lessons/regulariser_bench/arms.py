"""The search of each regulariser, put together from what its job was told.

Shapes: S seeds, T trials, r records so far, G places along an axis.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.bench import Told
from core.lessons.regulariser_bench.jobs import Baseline, Job, stops
from core.lessons.regulariser_bench.methods import BASELINE, METHODS, TRIALS


@dataclass(frozen=True)
class Arm:
    """The search of one regulariser, as far as it has come. Losses are mean cross-entropies in nats."""

    name: str
    strengths: tuple[float, ...]  # [T], the first is off
    val: Tensor  # [r, T, S] on validation samples, at the first r records
    test: Tensor  # [r, T, S] on test samples
    error: Tensor  # [r, T, S] part of the test samples that is wrong
    nets: int  # that the search trains for each seed
    seconds: float = field(metadata={"measured": True})  # of the processor, to train them for all seeds
    sheet: Tensor | None = None  # [G, G] P of the second class by the first seed's chosen net, once it is trained


def arms_of(job: Job, plain: Baseline, asked: Tensor | None) -> list[Arm]:
    """The arms of a job. plain: the job of the baseline; asked [1, 2, G²]: the places of a sheet, None for none."""
    spent, starts = plain.seconds(), job.bench.tuned == "starts"
    records = len(next(iter(job.told.values())))
    off = Told(*(torch.stack([told[k][:1] for told in plain.told[BASELINE][:records]]) for k in range(len(Told._fields))))
    arms = []
    for name, history in job.told.items():
        own = Told(*(torch.stack(part) for part in zip(*history, strict=True)))
        if name == BASELINE:
            arms.append(_arm(name, own, TRIALS, spent[BASELINE], starts))
        else:
            arms.append(_arm(name, Told(*(torch.cat(both, 1) for both in zip(off, own, strict=True))), *_cost(name, job, spent)))
    if job is plain:
        at = torch.tensor([[min(r, end) for end in stops(job.bench)] for r in range(records)])
        arms.append(_arm("stopping", Told(*(part[at, 0] for part in off)), 1, spent["off"]))
    if job.trained and asked is not None:
        arms = [_with_sheet(arm, job, plain, asked) for arm in arms]
    return arms


def _cost(name: str, job: Job, spent: dict[str, float]) -> tuple[int, float]:
    """Nets for each seed, and processor seconds, the shared one that is off among them."""
    if name == "averaging":
        return 1, spent["off"] + spent["averaging"]
    return 1 + job.trials[name], spent["off"] + job.seconds()[name]


def _arm(name: str, told: Told, nets: int, seconds: float, starts: bool = False) -> Arm:
    """From losses and errors [r, T, S]."""
    strengths = tuple(float(t) for t in range(1, TRIALS + 1)) if starts else METHODS[name].strengths
    return Arm(name, strengths, told.val, told.test, told.error, nets, seconds)


def _with_sheet(arm: Arm, job: Job, plain: Baseline, asked: Tensor) -> Arm:
    trial = int(pairs.choose(arm.val[-1])[0])
    if arm.name in (BASELINE, "stopping"):
        said = plain.says(arm.name, trial, asked)
    else:  # the first trial is off, the net of the shared learning rate
        said = job.says(arm.name, trial - 1, asked) if trial else plain.says(BASELINE, 0, asked)
    side = round(asked.shape[-1] ** 0.5)
    return replace(arm, sheet=said[1].unflatten(0, (side, side)))
