"""What the pictures of early stopping show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from torch import Tensor

from core.lessons import early_stopping as lesson
from core.lessons.early_stopping import ARMS, Config, Result
from core.patience import handed_back, lowest, stop_rule
from core.words import short
from figures.early_stopping import SHORT, back_of, stop_of


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence; those of the whole run once it is done."""
    return {**_growing(result, scene), **(_whole(result, scene) if result.done else {})}


def _growing(result: Result, scene: Config) -> dict[str, str]:
    a, at = list(ARMS).index(scene.arm), result.recorded.tolist()
    stop, back = stop_of(result, scene, scene.arm), back_of(result, scene, scene.arm)
    loss = {split: v[:, a, 0].tolist() for split, v in result.loss.items()}
    error = {split: v[:, a, 0].tolist() for split, v in result.error.items()}
    right = [1 - v for v in error["train"]]
    rule = "has not stopped it" if stop.stopped is None else f"stops it at step {at[stop.stopped]}"
    fit = "{}: the decision surface over the training samples, {:.1%} of which are on their label's side at step {}."
    return {
        "loss": f"Cross-entropy from step 0 to {at[-1]}: training from {_told(loss['train'][0])} to {_told(loss['train'][-1])} "
                f"nats, validation from {_told(loss['validation'][0])} over {_told(loss['validation'][back])} at step "
                f"{at[back]}, which is handed back, to {_told(loss['validation'][-1])}. Patience {rule}.",
        "error": f"Error from step 0 to {at[-1]}: training from {error['train'][0]:.1%} to {error['train'][-1]:.1%}, validation "
                 f"from {error['validation'][0]:.1%} to {error['validation'][-1]:.1%}, test to {error['test'][-1]:.1%}.",
        "fit": fit.format("Now", right[-1], at[-1]),
        "fit_start": fit.format("At the start", right[0], 0),
        "fit_back": fit.format("Handed back", right[back], at[back]),
        "fit_end": fit.format("At the end", right[-1], at[-1]),
    }


def _whole(result: Result, scene: Config) -> dict[str, str]:
    a, at = list(ARMS).index(scene.arm), result.recorded
    noisy = result.noise_loss if scene.monitor == "loss" else result.noise_error
    turns = at[lowest(noisy.mean(2))].tolist()
    medians = lesson.best_steps(result, scene).double().quantile(0.5, dim=1).tolist()
    test, norm = result.loss["test"].mean(2), result.norm[-1, :, 0].tolist()
    gap = (test - result.loss["train"].mean(2))[:, a].tolist()
    values = lesson.monitored(result, scene)
    backs = [[handed_back(stop_rule(values[:, i, s], scene.patience, scene.min_delta), len(at), scene.restore)
              for s in range(scene.draws)] for i in range(len(ARMS))]
    given = [float(np.mean([result.loss["test"][r, i, s] for s, r in enumerate(row)])) for i, row in enumerate(backs)]
    apart = lesson.quadratic_gaps(result, scene)
    out = {
        "noise": "Mean validation curves, lowest at " + _list(f"step {t} for {n} % wrong labels"
                                                              for n, t in zip(result.levels, turns, strict=True)),
        "best_steps": "The median best step is " + _list(f"{m:g} at {n} %" for n, m in zip(result.levels, medians, strict=True)),
        "returned": "Mean test loss at the end and as handed back: " + _list(
            f"{SHORT[arm]} {_told(test[-1, i])} and {_told(given[i])}" for i, arm in enumerate(ARMS)),
        "gap": f"Test minus training cross-entropy: {_told(gap[0])} at the start, {_told(gap[-1])} nats at the end.",
        "norms": f"All weight vectors begin at length {_told(result.norm[0, 0, 0])} and end at " + _list(
            f"{_told(norm[i])} ({SHORT[arm]})" for i, arm in enumerate(ARMS)),
        "shrinkage": f"After {result.steps} steps gradient descent and its matched ridge have come equally far along each "
                     f"eigenvector to within {short(apart[-1])} of the minimum.",
        "shrinkage_gap": f"The largest gap over all steps is {short(apart.max())} of the minimum.",
    }
    for i, arm in enumerate(ARMS):
        first, last = (float(result.loss["train"][r, i, 0]) for r in (0, -1))
        turned, end = (float(result.loss["validation"][r, i, 0]) for r in (backs[i][0], -1))
        out[f"arm_{arm}"] = (f"{ARMS[arm]}: training loss from {_told(first)} to {_told(last)}; validation {_told(turned)} as "
                             f"handed back and {_told(end)} at the end.")
    return out


def _told(value: float | Tensor) -> str:
    return "what is no longer finite" if math.isnan(value) else short(value, 3)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
