"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.formatting import format_number, format_percent, join_words, table
from core.lessons.surrogate_losses.lesson import Config, Result, changed, least_error, log_odds, scores, spoken
from core.lessons.surrogate_losses.surrogates import LOSSES
from core.question import Challenge, Pick, Verdict

TIE = 0.005  # parts of the validation samples that differ by less are not told apart: two of 400
WITHIN = format_percent(TIE, 1)


def _carried(result: Result, config: Config) -> str:
    least, most = min(result.carried), max(result.carried)
    count = f"{least}" if least == most else f"{least} to {most}"
    return f"{count} of {len(result.y)} samples carried {spoken(config)} away"


def names(result: Result) -> tuple[str, str]:
    """What the classes are called: as in the file that the reader brought, or A and B."""
    return result.own.names if result.own else ("class A", "class B")


def percent(part: float) -> str:
    """A part of samples to two digits or so; a few of many are not told as 0 %."""
    digits = 0 if part == 0 or part >= 0.1 else 1 if part >= 0.01 else 2 if part >= 0.001 else 3
    return "not finite" if math.isnan(part) else format_percent(part, digits)


def _most(result: Result, config: Config) -> str:
    """Whose boundary the outliers move most, as a sentence without its full stop."""
    parts, right = changed(result, config), _right(result, config)
    one = max(result.carried) == 1
    who = f"{'One outlier' if one else 'Outliers'} carried {spoken(config)} away"
    move = f"{'' if config.distance else 'would '}move{'s' if one and config.distance else ''}"
    if max(parts) < TIE:
        return f"{who} {move} no boundary by much: at most {percent(max(parts))} of the validation samples change class"
    if len(right) == len(LOSSES):
        return f"{who} {move} all four boundaries alike, within {WITHIN} of each other"
    names = f"{join_words(list(right))} loss"
    if len(right) > 1:
        return f"{who} {move} the boundaries of {names} most, within {WITHIN} of each other"
    return f"{who} {move} the boundary of {names} most: {percent(max(parts))} of the validation samples change class"


def _right(result: Result, config: Config) -> tuple[str, ...]:
    """The losses whose boundary moves most, those that cannot be told apart together."""
    parts = changed(result, config)
    return tuple(loss for loss, part in zip(LOSSES, parts, strict=True) if part > max(parts) - TIE - 1e-9)


def summary(result: Result, config: Config) -> str:
    """Whose boundary moves most, and for each loss the samples that change class and the errors of the fit in the picture."""
    errors = (result.error[split][-1].tolist() for split in ("validation", "train"))
    rows = [[name if at < 0 else f"{name}, not finite from step {at} on", *map(percent, parts)] for name, at, *parts in
            zip(LOSSES.values(), result.diverged_at.tolist(), changed(result, config), *errors, strict=True)]
    if not result.own:
        rows.append(["Least expected error", "", percent(least_error(config)), ""])
    columns = ["", "Change class (mean)", "Validation error", "Training error"]
    return f"**{_most(result, config)}.**\n\n" + table(columns, rows)


def predict(result: Result, config: Config) -> Pick:
    """Which loss's boundary the scene's outliers move most, by the validation samples that change class."""
    where = "to the other class's side" if config.side == "wrong" else "further to their own side"
    return Pick(text=f"With {_carried(result, config)}, {where}: whose boundary moves most, counted in validation samples that "
                     "change class?",
                options=dict(LOSSES), why=f"{_most(result, config)}.", right=_right(result, config))


def _too_right(result: Result, config: Config, _: None) -> Verdict:
    """Whether outliers on their own side make squared loss err on training samples that hinge loss gets all right."""
    squared, hinge = (float(result.error["train"][-1, list(LOSSES).index(loss)]) for loss in ("squared", "hinge"))
    words = f"Training error: squared {percent(squared)}, hinge {percent(hinge)}."
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
    far = f"{result.carried[0]} of them carried {scene.distance} away" if scene.distance else "nothing carried away"
    out = {
        "plane": f"{len(result.y)} samples of {' and '.join(names(result)) if result.own else 'two classes'}, {far}, and four "
                 f"boundaries at step {result.step}. Training error: {_each_alt(result.error['train'][-1].tolist())}.",
        "losses": f"Four curves that lie on or above the 0-1 step. Margins of the training samples at step {result.step}, on "
                  f"average: {_each_alt(margins.mean(1).tolist(), _fmt)}.",
        "outliers": f"Validation samples that change class at d = {spoken(scene)}: "
                    f"{_each_alt(changed(result, scene))}; at d = {result.distances[-1]}: "
                    f"{_each_alt(result.moved[-1].mean(0).tolist())}.",
    }
    if not result.own:
        f, odds = scores(result, result.x_validation, slice(-1, None))[0], log_odds(scene, result.x_validation)
        agree = ((f > 0) == (odds > 0)).double().mean(1).tolist()
        out["wanted"] = f"Scores at step {result.step} against log-odds; part of them with the right sign: {_each_alt(agree)}."
    for k, (loss, name) in enumerate(LOSSES.items()):
        (a, b), (c, d) = ([float(result.loss[split][r, k]) for r in (0, -1)] for split in ("train", "validation"))
        wrong = {split: percent(float(values[-1, k])) for split, values in result.error.items()}
        out[f"train-{loss}"] = (f"{name} loss from step 0 to {result.step}: training from {_fmt(a)} to {_fmt(b)}, validation "
                                f"from {_fmt(c)} to {_fmt(d)}; error {wrong['train']} on training, {wrong['validation']} on "
                                "validation.")
    return out


def _fmt(value: float) -> str:
    return "not finite" if math.isnan(value) else format_number(value, 3)
