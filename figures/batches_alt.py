"""What the pictures of batches show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import math

from torch import Tensor

from core.lessons import batches as lesson
from core.lessons.batches import QUADRATIC_RATES, Config, Result
from core.lessons.batches_noise import variance_factor
from core.lessons.batches_quadratic import stationary_variance
from core.words import short
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


def setup_alt(result: Result, scene: Config) -> str:
    """What the picture beside the question shows."""
    at, few = lesson.moment_of(result, scene), lesson.pair(scene)[0]
    return (f"A cloud of {DOTS} gradients of batches of {few} round the full gradient at step {at.step}; their standard "
            f"deviation in the plane is {_number(lesson.noise(at, few, scene)[0])}.")


def _noise(result: Result, scene: Config) -> dict[str, str]:
    at, (few, many) = lesson.moment_of(result, scene), lesson.pair(scene)
    (a, a_told), (b, b_told) = (lesson.noise(at, m, scene) for m in (few, many))
    how = "with" if scene.replacement else "without"
    start, end = result.moments[0], result.moments[-1]
    share = float(at.variance.sum()) / at.total if at.total else 1.0
    measured = [(lesson.noise(at, m, scene)) for m in result.sizes]
    off = max((abs(drawn / told - 1) for drawn, told in measured if told > 0), default=0.0)
    return {
        "cloud": f"Two clouds of {DOTS} mini-batch gradients round the full gradient at step {at.step}, drawn {how} replacement. "
                 f"Their spread in the plane is {_number(a)} for m = {few} and {_number(b)} for m = {many}; theory says "
                 f"{_number(a_told)} and {_number(b_told)}. The plane holds {share:.0%} of the noise's variance.",
        "variance": "Variance of a batch's gradient in the plane against batch size, both logarithmic. "
                    f"{how.capitalize()} replacement theory is {_number(float(at.variance.sum()))} at m = 1, and times "
                    f"{_number(variance_factor(few, scene.n_samples, scene.replacement))} at m = {few} and "
                    f"{_number(variance_factor(many, scene.n_samples, scene.replacement))} at m = {many}. The standard "
                    f"deviations of the batches drawn are within {math.ceil(100 * off)} % of theory.",
        "signal": f"From step {start.step} to step {end.step} the full gradient's length goes from {_number(start.norm)} to "
                  f"{_number(end.norm)}, and what a batch of {few} misses it by from "
                  f"{_number(lesson.miss(start, few, scene))} to {_number(lesson.miss(end, few, scene))}.",
    }


def _losses(result: Result, scene: Config, against: str) -> str:
    ends = [f"{_number(float(clock(arm, scene, against)[-1]))} ({_number(float(arm.loss[-1].double().mean()))} nats) "
            f"for m = {arm.batch_size}" for arm in result.arms]
    return f"Training loss against {CLOCKS[against]}. The runs end at {', '.join(ends)}."


def _listed(result: Result, values: Tensor) -> str:
    return ", ".join(f"{_number(v)} for m = {arm.batch_size}" for arm, v in zip(result.arms, medians(values), strict=True))


def _number(value: float) -> str:
    return "not known" if math.isnan(value) else short(value, 3)


def _quadratic(result: Result, scene: Config) -> dict[str, str]:
    assert result.quadratic is not None
    column = QUADRATIC_RATES.index(scene.learning_rate)
    pairs = [(m, float(result.quadratic.variance[result.sizes.index(m), column]),
              stationary_variance(scene.learning_rate, 1, 1, m)) for m in lesson.pair(scene)]
    told = "; ".join(f"m = {m}: measured {_number(v)}, theory {_number(t)}" for m, v, t in pairs)
    ends = [float(result.quadratic.path[result.sizes.index(m), column, -1]) for m, *_ in pairs]
    return {
        "stationary": f"Long-run variance of SGD on a noisy quadratic against ελ, growing without bound towards 2. At "
                      f"ελ = {scene.learning_rate:g}, {told}.",
        "walks": f"One walk of SGD a batch size from θ = {lesson.FROM:g} on the quadratic; after {lesson.WALK_STEPS} steps they "
                 "are at " + ", ".join(f"{_number(e)} for m = {m}" for e, (m, *_) in zip(ends, pairs, strict=True)) + ".",
    }
