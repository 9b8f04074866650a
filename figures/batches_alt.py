"""What the pictures of batches show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import math

from torch import Tensor

from core.lessons import batches as lesson
from core.lessons.batches import QUADRATIC_RATES, Config, Result
from core.lessons.batches_noise import variance_factor
from core.lessons.batches_quadratic import stationary_variance
from figures.batches import DOTS
from figures.batches_race import CLOCKS, clock, medians


def alts(result: Result, scene: Config) -> dict[str, str]:
    """Picture's id -> its sentence; those that need the whole run only where it is done."""
    out = _noise(result, scene)
    if result.quadratic is not None:
        out |= {f"loss_{against}": _losses(result, scene, against) for against in CLOCKS} | _quadratic(result, scene)
    if result.matched is not None and result.ended is not None:
        matched, ended = result.matched, result.ended
        at = f"where each run first reaches {scene.level:g} nats, median over {scene.starts} starts"
        out["sharpness"] = f"Top Hessian eigenvalue {at}: {_listed(result, matched.sharpness)}."
        out["held_out"] = f"Held-out loss {at}: {_listed(result, matched.held_out)}."
        out["confounded"] = (f"Sharpness against training loss. After {scene.steps} steps the median losses are "
                             f"{_listed(result, ended.loss)}; the median sharpness is {_listed(result, ended.sharpness)}.")
    return out


def _noise(result: Result, scene: Config) -> dict[str, str]:
    at, (few, many) = lesson.moment_of(result, scene), lesson.pair(scene)
    (a, a_told), (b, b_told) = (lesson.noise(at, m, scene) for m in (few, many))
    how = "with" if scene.replacement else "without"
    start, end = result.moments[0], result.moments[-1]
    share = float(at.variance.sum()) / at.total if at.total else 1.0
    return {
        "cloud": f"Two clouds of {DOTS} mini-batch gradients round the full gradient at step {at.step}, drawn {how} replacement. "
                 f"Their spread in the plane is {a:.3g} for m = {few} and {b:.3g} for m = {many}; theory says {a_told:.3g} and "
                 f"{b_told:.3g}. The plane holds {share:.0%} of the noise's variance.",
        "variance": "Variance of a batch's gradient in the plane against batch size, both logarithmic. "
                    f"{how.capitalize()} replacement theory falls from {float(at.variance.sum()):.3g} at m = 1 by a factor of "
                    f"{variance_factor(few, scene.n_samples, scene.replacement):.3g} at m = {few} and "
                    f"{variance_factor(many, scene.n_samples, scene.replacement):.3g} at m = {many}; the dots lie on it.",
        "signal": f"From step {start.step} to step {end.step} the full gradient's length goes from {start.norm:.3g} to "
                  f"{end.norm:.3g}, and what a batch of {few} misses it by from {lesson.miss(start, few, scene):.3g} to "
                  f"{lesson.miss(end, few, scene):.3g}.",
    }


def _losses(result: Result, scene: Config, against: str) -> str:
    ends = [f"{float(clock(arm, scene, against)[-1]):.3g} ({_number(float(arm.loss[-1].double().mean()))} nats) "
            f"for m = {arm.batch_size}" for arm in result.arms]
    return f"Training loss against {CLOCKS[against]}. The runs end at {', '.join(ends)}."


def _listed(result: Result, values: Tensor) -> str:
    return ", ".join(f"{_number(v)} for m = {arm.batch_size}" for arm, v in zip(result.arms, medians(values), strict=True))


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not known"


def _quadratic(result: Result, scene: Config) -> dict[str, str]:
    assert result.quadratic is not None
    column = QUADRATIC_RATES.index(scene.learning_rate)
    pairs = [(m, float(result.quadratic.variance[result.sizes.index(m), column]),
              stationary_variance(scene.learning_rate, 1, 1, m)) for m in lesson.pair(scene)]
    told = "; ".join(f"m = {m}: measured {v:.3g}, theory {t:.3g}" for m, v, t in pairs)
    ends = [float(result.quadratic.path[result.sizes.index(m), column, -1]) for m, *_ in pairs]
    return {
        "stationary": f"Long-run variance of SGD on a noisy quadratic against ελ, growing without bound towards 2. At "
                      f"ελ = {scene.learning_rate:g}, {told}.",
        "walks": f"One walk of SGD a batch size from θ = {lesson.FROM:g} on the quadratic; after {lesson.WALK_STEPS} steps they "
                 "are at " + ", ".join(f"{e:.3g} for m = {m}" for e, (m, *_) in zip(ends, pairs, strict=True)) + ".",
    }
