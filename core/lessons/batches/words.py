"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

from torch import Tensor

from core.controls import Number
from core.engine import generators
from core.formatting import format_number, format_percent, table
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
    uphill,
)
from core.lessons.batches.noise import Moment, orders, variance_factor
from core.lessons.batches.quadratic import stationary_variance
from core.question import Amount, Challenge, Verdict

BANK = 2000  # batches drawn to check an answer


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen, computed from the result."""
    moment, (few, many) = moment_of(result, config), pair(config)
    ratio = noise_ratio(config) / 100
    if noise(moment, few, config)[0] == 0:
        claim = "All batches have the same gradient here, so there is no noise to lose"
    elif ratio == 0:
        claim = f"A batch four times as large is all {config.n_samples} samples, and has no noise at all"
    else:
        claim = f"A batch four times as large has {_left(moment, config)} of the noise; theory says {format_percent(ratio)}"
    rows = [[f"noise of the gradient, m = {few} and {many}", *(_word(noise(moment, m, config)[0]) for m in (few, many))],
            [f"of {BATCHES} batches, how many step uphill", *(str(uphill(moment, m, config)) for m in (few, many))]]
    if result.quadratic is not None:
        rows += _trained(result, config)
    return f"**{claim}.**\n\n{table(['', 'small batch', 'large batch'], rows)}"


def _trained(result: Result, config: Config) -> list[list[str]]:
    """Rows of the smallest batch that trains and of the full batch."""
    small, full = result.arms[0], result.arms[-1]
    ends = [arm.loss[-1].double().mean() for arm in (small, full)]
    epochs = small.step * small.batch_size / config.n_samples
    rows = [[f"loss after {config.steps} steps, m = {small.batch_size} and {full.batch_size}", *map(_word, ends)],
            [f"loss after {format_number(epochs, 3)} epochs", _word(ends[0]), _word(at_epochs(full, config, epochs))]]
    if result.matched is None or result.ended is None:
        return rows
    both = _comparable(result)
    if not both.any():
        return rows
    for when, found in ((f"at a loss of {config.level:g}, to {format_percent(0.1)}", result.matched),
                        (f"after {config.steps} steps", result.ended)):
        rows.append([f"sharpness {when}", *(_word(found.sharpness[i][both].nanmedian()) for i in (0, -1))])
    return rows


def _left(moment: Moment, config: Config) -> str:
    """What is left of the noise that was drawn when the batch grows fourfold."""
    few, many = (noise(moment, m, config)[0] for m in pair(config))
    return format_percent(many / few) if few > 0 else "nothing, as it was nothing,"


def _word(value: Tensor | float) -> str:
    return format_number(value, 3) if math.isfinite(float(value)) else "no longer a finite number"


def _comparable(result: Result) -> Tensor:
    """[S]: the starts that both the smallest and the full batch take to the matched loss."""
    assert result.matched is not None
    return result.matched.sharpness[0].isfinite() & result.matched.sharpness[-1].isfinite()


def risen(result: Result) -> str:
    """Which batch sizes end above where they began, and the inequality that broke; for a caption."""
    top = math.nan if result.begun is None else float(result.begun.sharpness.nanmedian())
    text = ""
    for arm in result.arms:
        first, final = (float(arm.loss[i].double().mean()) for i in (0, -1))
        if not final <= first:
            product = arm.learning_rate * top
            rate, why = format_number(arm.learning_rate, 3), ""
            if product > 2:
                why = f": at the start ελ<sub>max</sub> = {rate} · {_word(top)} = {_word(product)}, more than 2"
            text += f" With m = {arm.batch_size} the loss ends above where it began{why}."
    return text


def flatter(result: Result, config: Config) -> str:
    """Smallest against full batch, start by start, where both reached the level; for a caption."""
    both = _comparable(result)
    if not both.any():
        return (f"No start is recorded from {config.level:g} nats to {format_percent(0.1)} below with both the smallest and the "
                "full batch: there is nothing to compare.")
    assert result.matched is not None
    small, full = result.matched.sharpness[0], result.matched.sharpness[-1]
    return (f"m = {result.arms[0].batch_size} is flatter than all {config.n_samples} in {int((small < full)[both].sum())} of "
            f"{int(both.sum())} starts.")


def predict(result: Result, config: Config) -> Amount:
    """What is left of the noise's standard deviation when a batch grows fourfold."""
    moment, (few, many) = moment_of(result, config), pair(config)
    ratio, how = noise_ratio(config), "with" if config.replacement else "without"
    less = "however many samples there are" if config.replacement else "less what drawing without replacement saves"
    return Amount(
        text=f"A batch of {few} of {config.n_samples} samples, drawn {how} replacement, grows fourfold to {many}. To how many "
             "per cent of its size does the gradient's noise go, as a standard deviation?",
        why="Noise goes with one over the square root of m, so fourfold leaves half of it, "
            f"{less}: {format_percent(ratio / 100)} by theory, and {_left(moment, config)} in the batches drawn.",
        low=0.0, high=140.0, step=1.0, truth=ratio, within=5.0, unit="\u00a0%",
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
    ran = (f"{BANK} batches of {m} of {n} have {format_percent(drawn, 2)} of one sample's noise; theory says "
           f"{format_percent(now, 2)}")
    if now > 0.1:
        return Verdict(False, f"{ran}, more than a tenth.")
    if less <= 0.1:
        return Verdict(False, f"{ran}, a tenth or less; but so do batches of {m - 1}, with {format_percent(less, 2)}.")
    return Verdict(True, f"{ran}, and {m - 1} samples leave {format_percent(less, 2)}. With replacement it would take 100.")


CHALLENGE = Challenge(
    text="What is the smallest batch, drawn without replacement from the N samples that the page shows, whose noise (standard "
         "deviation) is at most a tenth of one sample's?",
    check=_tenth, answer=Number(label="Smallest batch m", low=1, high=1024, step=1),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """Picture's id -> its sentence; those that need the whole run only where it is done."""
    out = _noise(result, scene)
    if result.quadratic is not None:
        out |= {f"loss-{against}": _losses(result, scene, against) for against in CLOCKS} | _quadratic(result, scene)
    if result.matched is not None and result.ended is not None:
        matched, ended = result.matched, result.ended
        at = f"where each run is first at {scene.level:g} nats, to {format_percent(0.1)}, median over {scene.starts} starts"
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
                 f"{_number(a_told)} and {_number(b_told)}. The plane holds {format_percent(share)} of the noise's variance.",
        "variance": "Variance of a batch's gradient in the plane against batch size, both logarithmic. "
                    f"{how.capitalize()} replacement theory is {_number(float(at.variance.sum()))} at m = 1, and times "
                    f"{_number(variance_factor(few, scene.n_samples, scene.replacement))} at m = {few} and "
                    f"{_number(variance_factor(many, scene.n_samples, scene.replacement))} at m = {many}. The standard "
                    f"deviations of the batches drawn are within {format_percent(math.ceil(100 * off) / 100)} of theory.",
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
