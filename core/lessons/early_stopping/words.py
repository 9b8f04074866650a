"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from statistics import median

import numpy as np
from torch import Tensor

from core.formatting import format_number, format_percent, table
from core.lessons.early_stopping.lesson import (
    ARMS,
    EVALUATIONS,
    Config,
    Result,
    best_of,
    best_steps,
    monitored,
    quadratic_gaps,
    returned_of,
    stop_of,
)
from core.lessons.early_stopping.patience import argmin_skipping_nan, returned_evaluation, stop_rule
from core.question import Challenge, Sketch, Verdict

SHORT = {"none": "Plain", "l2": "L2", "dropout": "Dropout", "both": "Both"}
WITH = {"none": "", "l2": " and an L2 penalty", "dropout": " and dropout", "both": ", L2 and dropout"}
NOT_FINITE = "not finite"


def summary(result: Result, config: Config) -> str:
    """When the rule stops and what it keeps, and a table of what that is worth."""
    a, at = list(ARMS).index(config.arm), result.recorded.tolist()
    stop, back = stop_of(result, config, config.arm), returned_of(result, config, config.arm)
    said = (f"Patience stops training at step {at[stop.stopped]}" if stop.stopped is not None else
            f"Patience has not run out by step {result.step}")
    best = back == best_of(result, config, config.arm)
    gone = int(result.diverged_at[a, 0])
    rows = [("From where on the loss is not finite", "", f"step {gone}")] if gone >= 0 else []
    for name, measure, tell in (("Test error", result.error, _percent), ("Test loss (nats)", result.loss, _nats)):
        values = measure["test"][:, a, 0].tolist()
        rows.append((name, tell(values[back]), tell(values[-1])))
    kept = f"{'best weights' if best else 'weights kept'}: step {at[back]}"
    return f"**{said}; {kept}.**\n\n" + table((ARMS[config.arm], f"weights kept, step {at[back]}", f"at step {at[-1]}"), rows)


def trend(result: Result, config: Config) -> str:
    """Whether more wrong labels move the best step earlier, as a sentence."""
    medians = best_steps(result, config).double().quantile(0.5, dim=1).tolist()
    if all(later <= earlier for earlier, later in pairwise(medians)) and medians[-1] < medians[0]:
        return "More wrong labels never move it later."
    return "Here more wrong labels sometimes move it later." if len(set(medians)) > 1 else "Here wrong labels do not move it."


def best_is(result: Result, config: Config) -> str:
    """The title of the curves: where what is stopped by is lowest."""
    at, best = result.recorded.tolist(), best_of(result, config, config.arm)
    if not result.done:
        return f"Lowest validation {config.monitor} so far: step {at[best]}"
    return f"Lowest validation {config.monitor}: step {at[best]} of {at[-1]}"


def waits(result: Result, config: Config) -> str:
    """How the stop is drawn, and whether the best step came after it, as sentences."""
    stop, best = stop_of(result, config, config.arm), best_of(result, config, config.arm)
    if stop.stopped is None:
        return "Patience has not run out."
    said = "Shaded: patience waits, from the last improvement to the stop."
    return f"{said} Without the stop it gets lower still (★)." if best > stop.stopped else said


def starts_at(result: Result, config: Config) -> str:
    """What a reader knows of the curve before training, as a sentence."""
    value = float(monitored(result, config)[0, list(ARMS).index(config.arm), 0])
    return (f"Before training the validation loss is {_nats(value)} nats." if config.monitor == "loss" else
            f"Before training the validation error is {_percent(value)}.")


def kept_loss(result: Result, config: Config, arm: str) -> str:
    """The test loss of an arm with stopping and without, as a sentence."""
    test = result.loss["test"][:, list(ARMS).index(arm), 0].tolist()
    return f"Test loss {_nats(test[returned_of(result, config, arm)])} with stopping, {_nats(test[-1])} at the end."


def ridge_gap(result: Result, config: Config) -> str:
    """By how much of the minimum stopping and its matched ridge differ at most, over all steps."""
    return format_number(quadratic_gaps(result, config).max())


def predict(result: Result, config: Config) -> Sketch:
    """The validation curve of draw 0, at places of the whole run; what is not trained yet stands at the last known value."""
    loss, a = config.monitor == "loss", list(ARMS).index(config.arm)
    scale, unit, what = (1, "nats", "loss") if loss else (100, "%", "error")
    values, fitted = ((scale * monitored(result, config, split)[:, a, 0]).tolist() for split in ("validation", "train"))
    known = [v for v in values if math.isfinite(v)]
    places = range(0, EVALUATIONS + 1, 2)
    y = [known[min(i, len(known) - 1)] for i in places]
    high = 1.5 * 2 ** max(0, math.ceil(math.log2(1.25 * max(y) / 1.5))) if loss else 100.0
    flat = sum(abs(v - median(y)) for v in y) / len(y) / high  # how far off the best level line is
    at = result.recorded.tolist()
    best, learnt = (at[v.index(min(u for u in v if math.isfinite(u)))] for v in (values, fitted))
    why = (f"The validation {what} and the training {what} both reach their lowest at step {best}." if best == learnt else
           f"The validation {what} reaches its lowest at step {best}, the training {what} at step {learnt}.")
    return Sketch(
        text=f"Sketch the validation {what} with {format_percent(config.label_noise / 100)} wrong labels{WITH[config.arm]}.",
        why=why, x=tuple(float(i * result.steps // EVALUATIONS) for i in places), y=tuple(y), x_title="step",
        y_title=f"validation {what} ({unit})", low=0.0, high=high, within=min(0.12, max(0.05, 0.9 * flat)),
    )


def _least_patience(result: Result, config: Config, _: None) -> Verdict:
    """Whether the scene's patience, and none shorter, keeps the weights of the lowest point of the whole run."""
    start = Config(**CHALLENGE.scene)
    if replace(config, patience=start.patience) != start:
        return Verdict(False, "This is another scene than the challenge's. Set the scene, and move only the patience.")
    values, test = (result.loss[split][:, 0, 0] for split in ("validation", "test"))
    at, p = result.recorded.tolist(), config.patience

    def fmt(patience: int) -> tuple[bool, str]:
        kept, stopped = stop_rule(values, patience, config.min_delta)
        where = "never stops" if stopped is None else f"stops at step {at[stopped]}"
        nats = f"at {float(values[kept]):.3f} nats ({float(test[kept]):.3f} on the test set)"
        return kept == int(argmin_skipping_nan(values)), f"{where} and keeps the weights of step {at[kept]}, {nats}"

    found, words = fmt(p)
    if not found:
        return Verdict(False, f"A patience of {p} {words}; the lowest validation loss of the run is {float(values.min()):.3f}.")
    enough, less = fmt(p - 1)
    return Verdict(not enough, f"A patience of {p} {words}, the lowest validation loss of the run; {p - 1} {less}.")


CHALLENGE = Challenge(
    text="The validation loss of this run dips twice, and a patience of 1 stops after the first dip. What is the least patience "
         "that keeps the weights of the lowest point of the whole run? Set it with the slider, and move nothing else.",
    check=_least_patience, scene=dict(label_noise=0, patience=1),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence; those of the whole run once it is done."""
    return {**_growing(result, scene), **(_whole(result, scene) if result.done else {})}


def _growing(result: Result, scene: Config) -> dict[str, str]:
    a, at = list(ARMS).index(scene.arm), result.recorded.tolist()
    stop, back = stop_of(result, scene, scene.arm), returned_of(result, scene, scene.arm)
    loss = {split: v[:, a, 0].tolist() for split, v in result.loss.items()}
    error = {split: v[:, a, 0].tolist() for split, v in result.error.items()}
    right = [_percent(1 - v) for v in error["train"]]
    rule = "has not stopped it" if stop.stopped is None else f"stops it at step {at[stop.stopped]}"
    fit = "{}: the decision surface over the training samples, {} of which are on their label's side at step {}."
    return {
        "loss": f"Cross-entropy from step 0 to {at[-1]}: training from {_fmt(loss['train'][0])} to {_fmt(loss['train'][-1])} "
                f"nats, validation from {_fmt(loss['validation'][0])} over {_fmt(loss['validation'][back])} at step "
                f"{at[back]}, whose weights are kept, to {_fmt(loss['validation'][-1])}. Patience {rule}.",
        "error": f"Error from step 0 to {at[-1]}: training from {_percent(error['train'][0])} to {_percent(error['train'][-1])}, "
                 f"validation from {_percent(error['validation'][0])} to {_percent(error['validation'][-1])}, test to "
                 f"{_percent(error['test'][-1])}.",
        "fit": fit.format("Now", right[-1], at[-1]),
        "fit-start": fit.format("At the start", right[0], 0),
        "fit-kept": fit.format("Weights kept", right[back], at[back]),
        "fit-end": fit.format("At the end", right[-1], at[-1]),
    }


def _whole(result: Result, scene: Config) -> dict[str, str]:
    a, at = list(ARMS).index(scene.arm), result.recorded
    noisy = result.noise_loss if scene.monitor == "loss" else result.noise_error
    turns = at[argmin_skipping_nan(noisy.mean(2))].tolist()
    medians = best_steps(result, scene).double().quantile(0.5, dim=1).tolist()
    test, norm = result.loss["test"].mean(2), result.norm[-1, :, 0].tolist()
    gap = (test - result.loss["train"].mean(2))[:, a].tolist()
    values = monitored(result, scene)
    backs = [[returned_evaluation(stop_rule(values[:, i, s], scene.patience, scene.min_delta), len(at), scene.restore)
              for s in range(scene.draws)] for i in range(len(ARMS))]
    given = [float(np.mean([result.loss["test"][r, i, s] for s, r in enumerate(row)])) for i, row in enumerate(backs)]
    apart = quadratic_gaps(result, scene)
    out = {
        "noise": "Mean validation curves, lowest at " + _list(f"step {t} for {format_percent(n / 100)} wrong labels"
                                                              for n, t in zip(result.levels, turns, strict=True)),
        "best_steps": "The median best step is " + _list(f"{m:g} at {format_percent(n / 100)}"
                                                         for n, m in zip(result.levels, medians, strict=True)),
        "returned": "Mean test loss at the end and with stopping: " + _list(
            f"{SHORT[arm]} {_fmt(test[-1, i])} and {_fmt(given[i])}" for i, arm in enumerate(ARMS)),
        "gap": f"Test minus training cross-entropy: {_fmt(gap[0])} at the start, {_fmt(gap[-1])} nats at the end.",
        "norms": f"All weight vectors begin at length {_fmt(result.norm[0, 0, 0])} and end at " + _list(
            f"{_fmt(norm[i])} ({SHORT[arm]})" for i, arm in enumerate(ARMS)),
        "shrinkage": f"After {result.steps} steps gradient descent and its matched ridge have come equally far along each "
                     f"eigenvector to within {format_number(apart[-1])} of the minimum.",
        "shrinkage_gap": f"The largest gap over all steps is {ridge_gap(result, scene)} of the minimum.",
    }
    for i, arm in enumerate(ARMS):
        first, last = (float(result.loss["train"][r, i, 0]) for r in (0, -1))
        turned, end = (float(result.loss["validation"][r, i, 0]) for r in (backs[i][0], -1))
        out[f"arm-{arm}"] = (f"{ARMS[arm]}: training loss from {_fmt(first)} to {_fmt(last)}; validation {_fmt(turned)} with "
                             f"stopping and {_fmt(end)} at the end.")
    return out


def _fmt(value: float | Tensor) -> str:
    return "what is no longer finite" if math.isnan(value) else format_number(value, 3)


def _nats(value: float) -> str:
    return NOT_FINITE if math.isnan(value) else format_number(value, 3)


def _percent(share: float) -> str:
    return NOT_FINITE if math.isnan(share) else format_percent(share, 1)


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
