"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

from torch import Tensor

from core.controls import Number
from core.engine import generators
from core.formatting import format_number
from core.lessons.batches.lesson import (
    BATCHES,
    CLOCKS,
    DOTS,
    FROM,
    QUADRATIC_RATES,
    WALK_STEPS,
    Config,
    Result,
    at_epochs,
    clock,
    medians,
    moment_of,
    noise,
    noise_ratio,
    pair,
    rms_error,
    trained_sizes,
    uphill,
)
from core.lessons.batches.noise import Moment, orders, variance_factor
from core.lessons.batches.quadratic import stationary_variance
from core.question import Amount, Challenge, Verdict

BANK = 2000  # batches drawn to check an answer


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen, computed from the result."""
    moment, (few, many), m = moment_of(result, config), pair(config), config.batch_size
    text = (f"**From m = {few} to m = {many} the noise falls to {_left(moment, config)}**; theory says "
            f"{noise_ratio(config):.0f} %. "
            f"After {moment.step} full-batch steps the gradient has length {_word(moment.norm)}; a batch of {m} misses it by "
            f"{_word(rms_error(moment, m, config))} (root mean square), and {uphill(moment, m, config)} of {BATCHES} "
            "batches point "
            "away from it, where a small step goes uphill.")
    if result.quadratic is None:
        return f"{text} The nets are still training: {len(result.arms)} of {len(trained_sizes(config))} batch sizes have begun."
    small, full = result.arms[0], result.arms[-1]
    epochs = small.step * small.batch_size / config.n_samples
    ends = [_word(arm.loss[-1].double().mean()) for arm in (small, full)]
    text += (f" **After {config.steps} steps** the training loss is {ends[0]} with m = {small.batch_size} and {ends[1]} with the "
             f"full batch; **after {format_number(epochs, 3)} epochs**, where m = {small.batch_size} ends, the full batch is at "
             f"{_word(at_epochs(full, config, epochs))}.")
    return f"{text}{_risen(result)} {_sharpness(result, config)}" if result.done else text


def _left(moment: Moment, config: Config) -> str:
    """What is left of the noise that was drawn when the batch grows fourfold."""
    few, many = (noise(moment, m, config)[0] for m in pair(config))
    return f"{100 * many / few:.0f} %" if few > 0 else "nothing, as it was nothing"


def _word(value: Tensor | float) -> str:
    return format_number(value, 3) if math.isfinite(float(value)) else "no longer a finite number"


def _risen(result: Result) -> str:
    """Which batch sizes end above where they began, and the inequality that broke."""
    assert result.begun is not None
    top = float(result.begun.sharpness.nanmedian())
    text = ""
    for arm in result.arms:
        first, final = (float(arm.loss[i].double().mean()) for i in (0, -1))
        if not final <= first:
            product = arm.learning_rate * top
            rate, why = format_number(arm.learning_rate, 3), ""
            if product > 2:
                why = f": at the start ε·λ_max = {rate} · {_word(top)} = {_word(product)} > 2"
            text += f" With m = {arm.batch_size} the loss ends above where it began{why}."
    return text


def _sharpness(result: Result, config: Config) -> str:
    """Smallest against full batch, start by start, where both reached the level."""
    assert result.matched is not None
    assert result.ended is not None
    small, full = result.matched.sharpness[0], result.matched.sharpness[-1]
    both = small.isfinite() & full.isfinite()
    if not both.any():
        return (f"No start is recorded from {config.level:g} nats to 10 % below with both the smallest and the full batch: there "
                "is nothing to compare.")
    count, flatter = int(both.sum()), int((small < full)[both].sum())
    mid = [_word(v[both].median()) for v in (small, full)]
    end = [_word(v[both].nanmedian()) for v in (result.ended.sharpness[0], result.ended.sharpness[-1])]
    text = (f"**Sharpness**, where both first reach {config.level:g} nats, is {mid[0]} with m = {result.arms[0].batch_size} and "
            f"{mid[1]} with the full batch (medians), flatter with the small batch in {flatter} of {count} starts")
    if count > 1:
        text += f", among which the full batch ranges from {_word(full[both].min())} to {_word(full[both].max())}"
    return f"{text}. Unmatched, after {config.steps} steps, it is {end[0]} and {end[1]}."


def predict(result: Result, config: Config) -> Amount:
    """What is left of the noise's standard deviation when a batch grows fourfold."""
    moment, (few, many) = moment_of(result, config), pair(config)
    drawn = [noise(moment, m, config)[0] for m in (few, many)]
    n, how = config.n_samples, "with" if config.replacement else "without"
    rule = "√(1/4), whatever N is" if config.replacement else f"√(1/4 · (N − {many})/(N − {few})) with N = {n}"
    return Amount(
        text=f"A batch of {few} of {n} samples, drawn {how} replacement, grows fourfold to {many}. To how many per cent of its "
             "size does the gradient's noise go, as a standard deviation?",
        why=f"Variances go with 1/m, so standard deviations with 1/√m: {rule}. Of {BATCHES} batches of each size the noise in "
            f"the plane falls from {_word(drawn[0])} to {_word(drawn[1])}, to {_left(moment, config)}.",
        low=0.0, high=140.0, step=1.0, truth=noise_ratio(config), within=5.0, unit=" %",
    )


def _tenth(result: Result, config: Config, answer: float) -> Verdict:
    """Whether a batch of `answer` has a tenth of the noise of one sample, and one sample fewer has not."""
    n, m = config.n_samples, int(answer)
    if m > n:
        return Verdict(False, f"There are only {n} samples to draw from without replacement.")
    one = moment_of(result, config).per_sample[:, :1]
    order = orders(n, BANK, generators([config.seed + 900_000])[0])[0, :, :m]
    drawn = float(one[order].mean(1).square().mean().sqrt() / one.square().mean().sqrt())
    now, less = (math.sqrt(variance_factor(k, n, False)) if k else math.inf for k in (m, m - 1))
    ran = f"{BANK} batches of {m} of {n} have {drawn:.2%} of one sample's noise; theory says {now:.2%}"
    if now > 0.1:
        return Verdict(False, f"{ran}, more than a tenth.")
    if less <= 0.1:
        return Verdict(False, f"{ran}, a tenth or less; but so do batches of {m - 1}, with {less:.2%}.")
    return Verdict(True, f"{ran}, and {m - 1} samples leave {less:.2%}. With replacement it would take 100.")


CHALLENGE = Challenge(
    text="What is the smallest batch, drawn without replacement from the N samples that the page shows, whose noise (standard "
         "deviation) is at most a tenth of one sample's?",
    check=_tenth, answer=Number(label="Smallest batch m", low=1, high=1024, step=1),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
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
    at, few = moment_of(result, scene), pair(scene)[0]
    return (f"A cloud of {DOTS} gradients of batches of {few} round the full gradient at step {at.step}; their standard "
            f"deviation in the plane is {_number(noise(at, few, scene)[0])}.")


def _noise(result: Result, scene: Config) -> dict[str, str]:
    at, (few, many) = moment_of(result, scene), pair(scene)
    (a, a_told), (b, b_told) = (noise(at, m, scene) for m in (few, many))
    how = "with" if scene.replacement else "without"
    start, end = result.moments[0], result.moments[-1]
    share = float(at.variance.sum()) / at.total if at.total else 1.0
    measured = [(noise(at, m, scene)) for m in result.sizes]
    off = max((abs(drawn / theory - 1) for drawn, theory in measured if theory > 0), default=0.0)
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
                  f"{_number(rms_error(start, few, scene))} to {_number(rms_error(end, few, scene))}.",
    }


def _losses(result: Result, scene: Config, against: str) -> str:
    ends = [f"{_number(float(clock(arm, scene, against)[-1]))} ({_number(float(arm.loss[-1].double().mean()))} nats) "
            f"for m = {arm.batch_size}" for arm in result.arms]
    return f"Training loss against {CLOCKS[against]}. The runs end at {', '.join(ends)}."


def _listed(result: Result, values: Tensor) -> str:
    return ", ".join(f"{_number(v)} for m = {arm.batch_size}" for arm, v in zip(result.arms, medians(values), strict=True))


def _number(value: float) -> str:
    return "not known" if math.isnan(value) else format_number(value, 3)


def _quadratic(result: Result, scene: Config) -> dict[str, str]:
    assert result.quadratic is not None
    column = QUADRATIC_RATES.index(scene.learning_rate)
    pairs = [(m, float(result.quadratic.variance[result.sizes.index(m), column]),
              stationary_variance(scene.learning_rate, 1, 1, m)) for m in pair(scene)]
    compared = "; ".join(f"m = {m}: measured {_number(v)}, theory {_number(t)}" for m, v, t in pairs)
    ends = [float(result.quadratic.path[result.sizes.index(m), column, -1]) for m, *_ in pairs]
    return {
        "stationary": f"Long-run variance of SGD on a noisy quadratic against ελ, growing without bound towards 2. At "
                      f"ελ = {scene.learning_rate:g}, {compared}.",
        "walks": f"One walk of SGD a batch size from θ = {FROM:g} on the quadratic; after {WALK_STEPS} steps they "
                 "are at " + ", ".join(f"{_number(e)} for m = {m}" for e, (m, *_) in zip(ends, pairs, strict=True)) + ".",
    }
