"""The pictures of surrogate losses in words, for those who do not see them."""

from __future__ import annotations

import math
from collections.abc import Callable

from core.lessons import surrogate_losses as lesson
from core.lessons.surrogate_losses import LOSSES, Config, Result, percent
from core.words import short


def _each(values: list[float], told: Callable[[float], str] = percent) -> str:
    return ", ".join(f"{loss} {told(v)}" for loss, v in zip(LOSSES, values, strict=True))


def alts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    margins = lesson.scores(result, result.x, slice(-1, None))[0] * result.y
    inside = result.x_validation
    f, odds = lesson.scores(result, inside, slice(-1, None))[0], lesson.log_odds(scene, inside)
    agree = ((f > 0) == (odds > 0)).double().mean(1).tolist()
    far = f"{result.carried[0]} of them carried {scene.distance} away" if scene.distance else "nothing carried away"
    out = {
        "plane": f"{scene.n} samples of two classes, {far}, and four boundaries at step {result.step}. Training error: "
                 f"{_each(result.error['train'][-1].tolist())}.",
        "losses": f"Four curves that lie on or above the 0-1 step. Margins of the training samples at step {result.step}, on "
                  f"average: {_each(margins.mean(1).tolist(), _told)}.",
        "outliers": f"Validation samples that change class at d = {lesson.spoken(scene)}: "
                    f"{_each(lesson.changed(result, scene))}; at d = {result.distances[-1]}: "
                    f"{_each(result.moved[-1].mean(0).tolist())}.",
        "wanted": f"Scores at step {result.step} against log-odds; part of them with the right sign: {_each(agree)}.",
    }
    for k, (loss, name) in enumerate(LOSSES.items()):
        (a, b), (c, d) = ([float(result.loss[split][r, k]) for r in (0, -1)] for split in ("train", "validation"))
        wrong = {split: percent(float(values[-1, k])) for split, values in result.error.items()}
        out[f"train-{loss}"] = (f"{name} loss from step 0 to {result.step}: training from {_told(a)} to {_told(b)}, validation "
                                f"from {_told(c)} to {_told(d)}; error {wrong['train']} on training, {wrong['validation']} on "
                                "validation.")
    return out


def _told(value: float) -> str:
    return "not finite" if math.isnan(value) else short(value, 3)
