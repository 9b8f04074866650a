"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from core.engine.block_norm import KINDS
from core.formatting import format_number
from core.lessons.batch_norm import modes as norm_modes
from core.lessons.batch_norm.lesson import (
    BATCH_SIZES,
    CELLS,
    COMPARED,
    NAMES,
    SEEN,
    Config,
    Result,
    changes,
    evaluation,
    identity_scale_shift,
    question_transform,
    row,
    trained_starts,
    trained_well,
    transforms,
)
from core.lessons.batch_norm.modes import Evaluation, at_best_rate
from core.lessons.batch_norm.normalisation import averaged
from core.lessons.batch_norm.race import RATES, Arm
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict


def second_name(scene: Config) -> str:
    times = {1.0: "x", -1.0: "−x"}.get(scene.factor, f"{format_number(scene.factor)} x")
    return times + (f" {'+' if scene.offset > 0 else '−'} {abs(scene.offset):g}" if scene.offset else "")


SAME = 0.01  # outputs that differ by less than this part of their reach count as the same


def summary(result: Result, config: Config, facts: Evaluation | None = None) -> str:
    """What one should have seen, computed; `facts` where the caller has them already."""
    arm, text = result.arm, _layer(config)
    if arm.step < config.steps:
        return f"{text} The nets are at step {arm.step} of {config.steps}."
    facts = facts or evaluation(result, config)
    at, S = f"ε = {config.learning_rate:g} and m = {arm.batch_size}", trained_starts(config)
    ends = [_ending(facts.training[i, RATES.index(config.learning_rate)], arm, row(config, kind, config.learning_rate), S)
            for i, kind in enumerate(KINDS[:2])]
    wide = trained_well(facts.training).tolist()
    text += (f" After {config.steps} steps at {at} the training loss is {ends[1]} with batch norm and {ends[0]} without. Of the "
             f"{len(RATES)} learning rates tried, batch norm at least halves the loss of guessing at {wide[1]}, the net without "
             f"norm at {wide[0]}.")
    if S < config.starts:
        text += f" Of the {config.starts} random starts {S} {'was' if S == 1 else 'were'} trained, to save time."
    if facts.sure_eval.isfinite().all():
        others = f"{arm.batch_size - 1} other{'s' if arm.batch_size > 2 else ''}"
        text += (f" The batch norm net gets {100 * facts.right_eval:.0f} % of the validation images right in eval mode, and "
                 f"{100 * facts.right_train:.0f} % in train mode, where an image shares its batch with {others}.")
    if config.every_batch_size:
        text += _compared(result, facts)
    return text


def _layer(config: Config) -> str:
    """What Algorithm 1 does to the reader's batch, and to the changed one."""
    first, second = transforms(config)
    equal = bool(first.x.min() == first.x.max())
    text = (f"The batch goes in with μ = {mean_text(first.x)} and σ = {spread_text(first.x)} and comes out with mean "
            f"{mean_text(first.y)} and spread {spread_text(first.y)}.")
    if equal:
        text += " Its values are all equal, so σ = 0 and each comes out as β."
    elif math.dist((config.gamma, config.beta), identity_scale_shift(config)) < 1e-3:
        spread = "σ" if identity_scale_shift(config)[0] - math.sqrt(float(first.var)) < 1e-3 else "√(σ² + δ)"
        text += f" **γ = {spread} and β = μ undo the norm: the batch comes out as it went in.**"
    if (config.factor, config.offset) == (1.0, 0.0):
        return text
    if config.factor == 0:
        return (f"{text} **Multiplied by 0 nothing is left to normalise: every value comes out as β = "
                f"{format_number(config.beta, 3)}.**")
    gap = float((second.y - (2 * config.beta - first.y if config.factor < 0 else first.y)).abs().max())
    what, same = _changed(config.factor, config.offset), "the mirror image of that" if config.factor < 0 else "the same numbers"
    if gap > SAME * float((first.y - config.beta).abs().max()) + 1e-12:
        beside = "σ²" if first.var <= second.var else f"the new σ² of {format_number(second.var)}"
        end = f"it does not come out as {same}: δ is not small beside {beside}, and they differ by up to {format_number(gap, 3)}"
    else:
        but = f", but for what δ does: they differ by up to {format_number(gap, 3)}" if gap > 1e-12 else ""
        end = f"it comes out as {same}{but}"
    return f"{text} **{what[0].upper()}{what[1:]}, {end}.**"


def _changed(factor: float, offset: float) -> str:
    parts = ("multiplied by "
             f"{format_number(factor)}" if factor != 1 else "", f"moved by {format_number(offset)}" if offset else "")
    return " and ".join(part for part in parts if part)


def mean_text(values: Tensor) -> str:
    """The mean in words; what rounding leaves of a zero is a zero."""
    mean = float(values.mean())
    return format_number(mean if abs(mean) > 1e-13 * float(values.abs().max()) else 0.0, 3)


def spread_text(values: Tensor) -> str:
    return format_number(values.std(correction=0) if values.min() < values.max() else 0.0, 3)


def _ending(losses: Tensor, arm: Arm, k: int, starts: int) -> str:
    """The mean loss [S] in words, or when and why there is none."""
    gone = arm.diverged_at[k : k + starts]
    if (gone != NEVER).any():
        count = int((gone != NEVER).sum())
        where = f" in {count} of {starts} starts," if count < starts else ""
        return f"no longer a finite number{where} from step {int(gone[gone != NEVER].min())} on (float32 overflowed)"
    return format_number(losses.mean(), 3)


def _compared(result: Result, facts: Evaluation) -> str:
    """How far batch norm is ahead of group norm at m = 2 and at m = 8."""
    if len(result.sizes) < len(BATCH_SIZES):
        return f" Of the {len(BATCH_SIZES)} batch sizes {len(result.sizes)} are done."
    best, clauses = norm_modes.at_best_rate(facts.sizes)[0], []
    for m in (2, 8):
        batch, group = (float(best[BATCH_SIZES.index(m), COMPARED.index(kind)]) for kind in ("batch", "group"))
        if not math.isfinite(batch + group):
            clauses.append(f"at m = {m} no learning rate was small enough")
            continue
        ahead = f"{format_number(abs(group - batch))} {'ahead of' if batch <= group else 'behind'}"
        clauses.append(f"at m = {m} batch norm has a validation loss of {format_number(batch)}, {ahead} group norm")
    return f" **After the same {SEEN} digits, each at its best learning rate:** {'; '.join(clauses)}."


def predict(result: Result, config: Config) -> Pick:
    """What the change of its input does to the layer's output; where the scene changes nothing, doubling is asked."""
    del result  # the layer is computed from the scene, as the page's film of it is
    factor, offset = question_transform(config)
    first, second = transforms(replace(config, factor=factor, offset=offset))
    changed = _changed(factor, offset)
    answers = {"same": first.y, "mirror": 2 * config.beta - first.y, "times": factor * first.y + offset,
               "flat": torch.full_like(first.y, config.beta)}
    reach = SAME * float((first.y - config.beta).abs().max()) + 1e-12
    right = tuple(name for name, y in answers.items() if float((second.y - y).abs().max()) <= reach) or ("other",)
    kept = config.gamma * (second.x - first.mean) / (first.var + config.delta).sqrt() + config.beta
    numbers = [tell(v) for v in (second.x, first.y, second.y, kept) for tell in (mean_text, spread_text)]
    why = ("The new batch is normalised by its own μ = {} and σ = {}: the output had mean {} and spread {}, and now has {} and "
           "{}. In eval mode, with μ and σ kept from the first batch, it would be {} and {}.").format(*numbers)
    return Pick(
        text=f"Every value of the mini-batch is {changed}, and the layer normalises the new batch (train mode). What comes out?",
        options={"same": "Each value as before", "mirror": "Each value mirrored about β", "times": f"Each value {changed}",
                 "flat": "β for every value", "other": "Something else, because of δ"},
        right=right, why=why,
    )


def _far_out(result: Result, config: Config, _: None) -> Verdict:
    """Whether Algorithm 1 on the scene's batch leaves a value beyond 3."""
    del result
    m, furthest = len(config.batch), float(transforms(config)[0].xhat.abs().max())
    return Verdict(furthest > 3, f"The largest |x̂| of your {m} values is {furthest:.3f}; m = {m} values can reach no more than "
                                 f"√(m − 1) = {math.sqrt(m - 1):.3f}.")


CHALLENGE = Challenge(
    text="Edit the mini-batch until one of its values leaves the norm more than three spreads from the mean, |x̂| > 3.",
    check=_far_out,
)


def alt_texts(result: Result, facts: Evaluation, scene: Config) -> dict[str, str]:
    """The name of a picture to its sentence."""
    return {**_layer_alt(scene), **_nets(result, facts, scene), **_modes(facts, scene)}


def setup_alt(scene: Config) -> str:
    """What the picture beside the question shows."""
    factor, offset = question_transform(scene)
    second = replace(scene, factor=factor, offset=offset)
    first, changed = transforms(second)
    return (f"Three rows of values: the batch x, {_pair(first.x)}; the layer's output y of it, {_pair(first.y)}; and "
            f"{second_name(second)}, {_pair(changed.x)}, whose output is asked for.")


def _layer_alt(scene: Config) -> dict[str, str]:
    first, second = transforms(scene)
    shared = {k: int(averaged(k, CELLS, (0, 0), scene.groups).sum()) for k in KINDS[1:]}
    stages = {"x": first.x, "x minus μ": first.centred, "x̂": first.xhat, "y": first.y}
    also = f" {second_name(scene)} ends at {_pair(second.y)}." if changes(scene) else ""
    return {
        "algorithm": "Mean and spread of the batch line by line: "
                     + _list(f"{name} {_pair(v)}" for name, v in stages.items()) + also,
        "histogram": f"The batch reaches from {_ends(first.x)} before Algorithm 1 and from {_ends(first.y)} after it.",
        "scaling": f"With the input times {format_number(scene.factor)} the spread is "
                   f"{spread_text(scene.factor * first.x)} without norm and {spread_text(second.y)} with batch norm.",
        "sets": f"Of {CELLS[0]} samples, {CELLS[1]} channels and {CELLS[2]} positions, one mean is taken over "
                + _list(f"{n} values by {NAMES[k].lower()}" for k, n in shared.items()),
    }


def _nets(result: Result, facts: Evaluation, scene: Config) -> dict[str, str]:
    arm, training = result.arm, facts.training.mean(-1).numpy()
    if not arm.step:
        return {}
    finite = [(k, i) for i, k in enumerate(KINDS) if np.isfinite(training[i]).any()]
    best = ((k, int(np.nanargmin(training[i])), float(np.nanmin(training[i]))) for k, i in finite)
    out = {"rates": "Lowest training loss: " + _list(f"{NAMES[k].lower()} {format_number(v)} at ε = "
                                                     f"{RATES[r]:g}" for k, r, v in best)
           + " Rounding alone can move instance norm's, and that of others at a large ε."}
    for what in ("mean", "spread"):
        values = getattr(arm, what)[-1]
        ends = {k: values[:, row(scene, k, scene.learning_rate)] for k in ("none", scene.inside)}
        out[what] = f"The {what} before ReLU of layers 1 to 4 at step {int(arm.recorded[-1])}: " + _list(
            f"{NAMES[k].lower()} {', '.join(_number(float(v)) for v in four)}" for k, four in ends.items())
    if result.sizes:
        best, _ = at_best_rate(facts.sizes)
        out["sizes"] = "Validation loss at the best learning rate: " + "; ".join(
            f"{NAMES[kind].lower()} " + ", ".join(f"{_number(float(v))} at m = {arm.batch_size}"
                                                  for arm, v in zip(result.sizes, best[:, i], strict=True))
            for i, kind in enumerate(COMPARED)) + "."
    return out


def _modes(facts: Evaluation, scene: Config) -> dict[str, str]:
    apart = float((facts.sure_train - facts.sure_eval).abs().mean())
    out = {
        "modes": f"The probability of an image's true class differs between the modes by {_number(apart)} on average.",
        "channel": f"One channel comes in as {_pair(facts.values)}; the net has learnt γ = {_number(facts.scale_shift[0])} and "
                   f"β = {_number(facts.scale_shift[1])} for it." if len(facts.values) and facts.values.isfinite().all() else "",
    }
    for i, name in enumerate(("mean", "variance")):
        average = facts.running_stat[i].tolist()
        start, stop, end, settled = map(_number, (average[0], average[min(scene.steps, len(average) - 1)], average[-1],
                                                  float(facts.settled[i])))
        out[f"running_{name}"] = (f"The running {name} goes from {start} to {stop} during training and to {end} after it; "
                                  f"the batches then have {settled} on average.")
    return out


def _number(value: float) -> str:
    return "no finite number" if math.isnan(value) else format_number(value)


def _pair(values: Tensor) -> str:
    return f"{mean_text(values.double())} ± {spread_text(values.double())}"


def _ends(values: Tensor) -> str:
    return f"{format_number(values.min(), 3)} to {format_number(values.max(), 3)}"


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts) + "."
