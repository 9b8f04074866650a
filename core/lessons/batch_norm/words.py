"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from core.engine.block_norm import KINDS
from core.formatting import format_number, format_percent, table
from core.lessons.batch_norm import modes as norm_modes
from core.lessons.batch_norm.lesson import (
    BATCH_SIZES,
    CELLS,
    COMPARED,
    NAMES,
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
    (first, second), arm = transforms(config), result.arm
    rows = [["x, mean ± spread", _pair(first.x), _pair(first.y)]]
    if changes(config):
        moved = (second.x - first.x, second.y - first.y)
        rows += [[f"{second_name(config)}, mean ± spread", _pair(second.x), _pair(second.y)],
                 ["largest change of a value", *map(_largest, moved)]]
        if config.factor < 0:
            rows.append(["largest distance from the mirror image", "–", _largest(second.y + first.y - 2 * config.beta)])
    if arm.step == config.steps:
        facts = facts or evaluation(result, config)
        at, S = RATES.index(config.learning_rate), trained_starts(config)
        ends = [_ending(facts.training[i, at], arm, row(config, kind, config.learning_rate), S)
                for i, kind in enumerate(KINDS[:2])]
        rows += [[f"training loss after {config.steps} steps, ε = {config.learning_rate:g}, m = {arm.batch_size}", *ends],
                 [f"learning rates of {len(RATES)} that at least halve the loss of guessing",
                  *(str(count) for count in trained_well(facts.training).tolist()[:2])]]
    return f"**{_claim(config)}.**\n\n{table(['', 'without norm', 'batch norm'], rows)}"


def _largest(values: Tensor) -> str:
    return format_number(values.abs().max())


def _claim(config: Config) -> str:
    """What the layer does to the reader's batch, or to the changed one, in a sentence with two numbers at most."""
    first, second = transforms(config)
    if bool(first.x.min() == first.x.max()):
        return f"The values of x are all equal, so σ = 0 and each comes out as β = {format_number(config.beta, 3)}"
    undone = config.gamma != 0 and math.dist((config.gamma, config.beta), identity_scale_shift(config)) < 1e-3
    spread = "σ" if identity_scale_shift(config)[0] - math.sqrt(float(first.var)) < 1e-3 else "√(σ² + δ)"
    if not changes(config):
        return (f"γ = {spread} and β = μ undo the norm: the batch comes out as it went in" if undone else
                f"The batch comes out with mean β = {format_number(config.beta, 3)} and spread {_short(first.y)}")
    what = _changed(config.factor, config.offset)
    what = what[0].upper() + what[1:]
    if config.factor == 0:
        return f"{what}, the values are all equal, and each comes out as β"
    if config.gamma == 0:
        mirror = ", its own mirror image" if config.factor < 0 else ""
        return f"{what}, the batch comes out as before: with γ = 0 every value is β{mirror}"
    same = "the mirror image of x" if config.factor < 0 else "x itself"
    if not undone:
        same = "the mirror image of what it was" if config.factor < 0 else "the same numbers"
    gap = _gap(config)
    if not _kept(config):
        beside = "σ²" if first.var <= second.var else "the new σ²"
        return f"{what}, the batch does not come out as {same}: δ is not small beside {beside}"
    why = f", as γ = {spread} and β = μ undo the norm of x" if undone else ""
    return f"{what}, the batch comes out as {same}{why}{', but for a small effect of δ' if gap > 1e-12 else ''}"


def _gap(config: Config) -> float:
    """How far the changed batch comes out from the first, or from its mirror image where the factor is negative."""
    first, second = transforms(config)
    return float((second.y - (2 * config.beta - first.y if config.factor < 0 else first.y)).abs().max())


def _kept(config: Config) -> bool:
    first, _ = transforms(config)
    return _gap(config) <= SAME * float((first.y - config.beta).abs().max()) + 1e-12


def outcome(config: Config) -> str:
    """What has become of the changed batch beside the first, to stand in the picture."""
    if len(set(config.batch)) == 1:
        return "the same values"
    if config.factor == 0:
        return "β for every value"
    same = "mirrored" if config.factor < 0 else "the same values"
    return same if _kept(config) else f"not {same}"


def _short(values: Tensor) -> str:
    """The spread of some values, a number without a power of ten."""
    spread = float(values.std(correction=0)) if values.min() < values.max() else 0.0
    return "less than 0.001" if 0 < spread < 1e-3 else format_number(spread, 3)


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
        return f"overflowed{where} from step {int(gone[gone != NEVER].min())} on"
    return format_number(losses.mean(), 3)


def compared(result: Result, facts: Evaluation) -> str:
    """How far batch norm is ahead of group norm at m = 2 and at m = 8, for a caption."""
    if len(result.sizes) < len(BATCH_SIZES):
        return f"{len(result.sizes)} of the {len(BATCH_SIZES)} batch sizes are done."
    best, clauses = norm_modes.at_best_rate(facts.sizes)[0], []
    for m in (2, 8):
        batch, group = (float(best[BATCH_SIZES.index(m), COMPARED.index(kind)]) for kind in ("batch", "group"))
        if not math.isfinite(batch + group):
            clauses.append(f"with no rate that is small enough at m = {m}")
            continue
        clauses.append(f"{format_number(abs(group - batch))} {'ahead of' if batch <= group else 'behind'} group norm at m = {m}")
    return f"Batch norm is {' and '.join(clauses)}."


def rightness(facts: Evaluation, scene: Config) -> str:
    """How many validation images the batch norm net gets right in each mode, for a caption; "" where it diverged."""
    if not facts.sure_eval.isfinite().all():
        return ""
    others = f"{scene.batch_size - 1} other{'s' if scene.batch_size > 2 else ''}"
    return (f" Right: {format_percent(facts.right_eval)} in eval mode, {format_percent(facts.right_train)} in train mode, where "
            f"an image shares its batch with {others}.")


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
    before = ", as before" if "same" in right else ""
    why = ("The new batch is normalised by its own μ and σ, not by those that are kept for eval mode, so its output has mean "
           f"{format_number(config.beta, 3)} and spread {_short(second.y)}{before}.")
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
        "lines": "Mean and spread of the batch line by line: "
                     + _list(f"{name} {_pair(v)}" for name, v in stages.items()) + also,
        "histogram": f"The batch reaches from {_ends(first.x)} before the four lines and from {_ends(first.y)} after them.",
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
           + f" Means of the last {min(norm_modes.FROM_STEPS, arm.step)} of {arm.step} batches. Rounding alone can move instance "
             "norm's at any ε, and that of every kind at a large one."}
    for what in ("mean", "spread"):
        values = getattr(arm, what)[-1]
        ends = {k: values[:, row(scene, k, scene.learning_rate)] for k in ("none", scene.inside)}
        out[what] = f"The {what} before ReLU of layers 1 to 4 at step {int(arm.recorded[-1])}: " + _list(
            f"{NAMES[k].lower()} {', '.join(_number(float(v)) for v in four)}" for k, four in ends.items())
    if result.sizes:
        best, _ = at_best_rate(facts.sizes)
        groups = f"{scene.groups} group{'s' if scene.groups > 1 else ''}"
        out["sizes"] = f"Validation loss at the best learning rate, group norm with {groups}: " + "; ".join(
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
