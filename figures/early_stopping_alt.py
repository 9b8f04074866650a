"""What the pictures of early stopping show, in a sentence each, for readers who cannot see them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from core.lessons import early_stopping as lesson
from core.lessons.early_stopping import ARMS, Config, Result
from core.patience import handed_back, lowest, stop_rule
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
    fit = "{}: the decision surface over the training samples, {:.0%} of which are on their label's side at step {}."
    return {
        "loss": f"Cross-entropy from step 0 to {at[-1]}: training from {loss['train'][0]:.2f} to {loss['train'][-1]:.2f} nats, "
                f"validation from {loss['validation'][0]:.2f} over {loss['validation'][back]:.2f} at step {at[back]}, which is "
                f"handed back, to {loss['validation'][-1]:.2f}. Patience {rule}.",
        "error": f"Error from step 0 to {at[-1]}: training from {error['train'][0]:.0%} to {error['train'][-1]:.0%}, validation "
                 f"from {error['validation'][0]:.0%} to {error['validation'][-1]:.0%}, test to {error['test'][-1]:.0%}.",
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
    apart = lesson.quadratic_gap(result, scene)
    out = {
        "noise": "Mean validation curves, lowest at " + _list(f"step {t} for {n} % wrong labels"
                                                              for n, t in zip(result.levels, turns, strict=True)),
        "best_steps": "The median best step is " + _list(f"{m:g} at {n} %" for n, m in zip(result.levels, medians, strict=True)),
        "returned": "Mean test loss at the end and as handed back: " + _list(
            f"{SHORT[arm]} {float(test[-1, i]):.2f} and {given[i]:.2f}" for i, arm in enumerate(ARMS)),
        "gap": f"Test minus training cross-entropy: {round(gap[0], 2) + 0.0:.2f} at the start, {gap[-1]:.2f} nats at the end.",
        "norms": f"All weight vectors begin at length {float(result.norm[0, 0, 0]):.1f} and end at " + _list(
            f"{norm[i]:.1f} ({SHORT[arm]})" for i, arm in enumerate(ARMS)),
        "shrinkage": f"After {result.steps} steps gradient descent and its matched ridge have come equally far along each "
                     f"eigenvector to within {float(apart[-1]):.2f} of the minimum.",
        "shrinkage_gap": f"The largest gap over all steps is {float(apart.max()):.2f}, at step {int(at[int(apart.argmax())])}.",
    }
    for i, arm in enumerate(ARMS):
        first, last = (float(result.loss["train"][r, i, 0]) for r in (0, -1))
        turned, end = (float(result.loss["validation"][r, i, 0]) for r in (backs[i][0], -1))
        out[f"arm_{arm}"] = (f"{ARMS[arm]}: training loss from {first:.2f} to {last:.2f}; validation {turned:.2f} as handed back "
                             f"and {end:.2f} at the end.")
    return out


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
