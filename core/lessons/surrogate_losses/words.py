"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.formatting import format_number, join_words
from core.lessons.surrogate_losses.lesson import Config, Result, changed, least_error, log_odds, scores, spoken
from core.lessons.surrogate_losses.surrogates import LOSSES
from core.question import Challenge, Pick, Verdict

TIE = 0.005  # parts of the validation samples that differ by less are not told apart: two of 400


def _carried(result: Result, config: Config) -> str:
    least, most = min(result.carried), max(result.carried)
    count = f"{least}" if least == most else f"{least} to {most}"
    return f"{count} of {config.n} samples carried {spoken(config)} away"


def percent(part: float) -> str:
    """A part of samples; a few of many are not told as 0%."""
    return "not finite" if math.isnan(part) else f"{format_number(100 * part, 3 if part >= 0.1 else 2)}%"


def _each(parts: list[float]) -> str:
    return ", ".join(f"{percent(part)} ({loss})" for loss, part in zip(LOSSES, parts, strict=True))


def summary(result: Result, config: Config) -> str:
    """What the run shows, in sentences that are true at every setting."""
    text = (f"**Outliers**: with {_carried(result, config)} the fits give another class to {_each(changed(result, config))} of "
            f"the validation samples, mean of {config.draws} draws. ")
    gone = [f"{loss} at step {int(at)}" for loss, at in zip(LOSSES, result.diverged_at, strict=True) if at >= 0]
    if gone:
        return f"{text}**No longer finite**: {', '.join(gone)}."
    error = result.error["validation"][-1].tolist()
    return (f"{text}**Error** on validation at step {result.step}, in the picture: {_each(error)}; "
            f"no classifier expects less than {percent(least_error(config))}.")


def predict(result: Result, config: Config) -> Pick:
    """Which loss's boundary the scene's outliers move most, by the validation samples that change class."""
    parts = changed(result, config)
    right = tuple(loss for loss, part in zip(LOSSES, parts, strict=True) if part > max(parts) - TIE - 1e-9)
    tie = f" {join_words([LOSSES[loss] for loss in right])} are within {percent(TIE)} of each other." if len(right) > 1 else ""
    where = "to the other class's side" if config.side == "wrong" else "further to their own side"
    return Pick(text=f"With {_carried(result, config)}, {where}: whose boundary moves most, counted in validation samples that "
                     "change class?",
                options=dict(LOSSES), why=f"Part of the validation samples that change class: {_each(parts)}.{tie}", right=right)


def _too_right(result: Result, config: Config, _: None) -> Verdict:
    """Whether outliers on their own side make squared loss err on training samples that hinge loss gets all right."""
    squared, hinge = (100 * float(result.error["train"][-1, list(LOSSES).index(loss)]) for loss in ("squared", "hinge"))
    words = f"Training error: squared {squared:.3g} %, hinge {hinge:.3g} %."
    if config.label_noise or config.side != "right" or config.model != "linear" or not config.distance:
        return Verdict(False, f"{words} The labels must all be right, the outliers carried to their own side, and the model "
                              "linear.")
    return Verdict(squared > 0 and hinge == 0, words)


CHALLENGE = Challenge(
    text="Punished for being too right: with every label right, a linear model and outliers carried to their own side, find a "
         "scene in which squared loss errs on training samples and hinge loss on none.",
    check=_too_right, scene=dict(side="right"),
)


def _each_alt(values: list[float], fmt: Callable[[float], str] = percent) -> str:
    return ", ".join(f"{loss} {fmt(v)}" for loss, v in zip(LOSSES, values, strict=True))


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    margins = scores(result, result.x, slice(-1, None))[0] * result.y
    inside = result.x_validation
    f, odds = scores(result, inside, slice(-1, None))[0], log_odds(scene, inside)
    agree = ((f > 0) == (odds > 0)).double().mean(1).tolist()
    far = f"{result.carried[0]} of them carried {scene.distance} away" if scene.distance else "nothing carried away"
    out = {
        "plane": f"{scene.n} samples of two classes, {far}, and four boundaries at step {result.step}. Training error: "
                 f"{_each_alt(result.error['train'][-1].tolist())}.",
        "losses": f"Four curves that lie on or above the 0-1 step. Margins of the training samples at step {result.step}, on "
                  f"average: {_each_alt(margins.mean(1).tolist(), _fmt)}.",
        "outliers": f"Validation samples that change class at d = {spoken(scene)}: "
                    f"{_each_alt(changed(result, scene))}; at d = {result.distances[-1]}: "
                    f"{_each_alt(result.moved[-1].mean(0).tolist())}.",
        "wanted": f"Scores at step {result.step} against log-odds; part of them with the right sign: {_each_alt(agree)}.",
    }
    for k, (loss, name) in enumerate(LOSSES.items()):
        (a, b), (c, d) = ([float(result.loss[split][r, k]) for r in (0, -1)] for split in ("train", "validation"))
        wrong = {split: percent(float(values[-1, k])) for split, values in result.error.items()}
        out[f"train-{loss}"] = (f"{name} loss from step 0 to {result.step}: training from {_fmt(a)} to {_fmt(b)}, validation "
                                f"from {_fmt(c)} to {_fmt(d)}; error {wrong['train']} on training, {wrong['validation']} on "
                                "validation.")
    return out


def _fmt(value: float) -> str:
    return "not finite" if math.isnan(value) else format_number(value, 3)
