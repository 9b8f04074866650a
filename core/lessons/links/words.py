"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

from torch import Tensor

from core.formatting import format_number, format_part, format_percent, table
from core.lessons.links.families import EDGES, FAMILIES, placed
from core.lessons.links.lesson import Config, Result, at
from core.lessons.links.linear import RISK_FACTOR
from core.lessons.links.listing import EXACT, FAILS, PAIRS, Pair
from core.lessons.links.pairs import STRENGTHS
from core.question import Challenge, Pick, Verdict

OPTIONS = {"one": "Not at all: they agree to 10⁻⁶", "near": f"A little: at most {format_percent(FAILS)}",
           "apart": f"More than {format_percent(FAILS)}", "none": "One side has no solution"}
LOST = "descent diverges, and no penalty has its result"
POWERS = {-1: "1/s", 0.5: "√s", 1: "s", 2: "s²", 3: "s³"}
WAITING = "is being fitted"


def distance(residual: float | Tensor) -> str:
    """A residual as a reader is told it, before "the solution": per cent, or a number where that would be small."""
    value = float(residual)
    if not math.isfinite(value):
        return "no solution"
    return format_number(value) if value < 0.005 else format_part(value) if value < 1 else f"{format_number(value)} times"


def finding(result: Result, scene: Config) -> str:
    """Which of OPTIONS is true: of the mean over the draws, or of the largest for 10⁻⁶."""
    values = result.residual(scene.pair)[at(scene)]
    if not bool(values.isfinite().all()):
        return "none"
    return "one" if float(values.max()) < EXACT else "near" if float(values.mean()) <= FAILS else "apart"


def order(pair: Pair) -> str:
    """The order in words: how the residual goes, and where."""
    if pair.order is None:
        return "rounding only" + (f", below s = {pair.below:g}" if math.isfinite(pair.below) else "")
    return f"residual ∝ {POWERS[pair.order]} for {'small' if pair.end == 'weak' else 'large'} s"


def verdict(result: Result, scene: Config) -> str:
    """What holds of the pair at this strength, one sentence with at most two numbers."""
    pair = PAIRS[scene.pair]
    if scene.pair not in result.fits:
        return f"{pair.name} {WAITING}."
    found, values = finding(result, scene), result.residual(scene.pair)[at(scene)]
    if found == "none":
        return f"{pair.name}: out of its condition, {LOST}."
    mean = distance(values.mean())
    if pair.exact:
        return f"{pair.name}: exact, both sides have one solution, {mean} apart by rounding."
    word = {"one": "hardly to be told apart", "near": "close", "apart": "apart"}[found]
    by = "as much as" if mean == "1 times" else mean if mean.endswith("times") else f"{mean} of"
    return f"{pair.name}: approximate, and at this strength {word}, by {by} the solution."


def summary(result: Result, scene: Config) -> str:
    """The verdict on the chosen pair, and its residual at both ends of the strengths and here."""
    said = f"**{verdict(result, scene)}**"
    if scene.pair not in result.fits:
        return said
    values = result.residual(scene.pair)
    places = sorted({0, at(scene), len(STRENGTHS) - 1})
    columns = ("residual", *(f"s = {format_number(STRENGTHS[k], 3)}" for k in places))
    rows = [(name, *(distance(choose(values[k])) for k in places))
            for name, choose in (("mean of the draws", Tensor.mean), ("least", Tensor.min), ("most", Tensor.max))]
    return f"{said}\n\n{table(columns, rows)}"


def condition(scene: Config) -> str:
    """Where the chosen pair holds, and under which condition: two sentences."""
    pair = PAIRS[scene.pair]
    return f"Model: {pair.model}. {'Condition' if pair.exact else 'Close where'}: {pair.condition}."


def fine_print(scene: Config) -> str:
    """The same and the scaling at which it holds: three sentences."""
    return f"{condition(scene)} Scaling: {PAIRS[scene.pair].scaling}."


def predict(result: Result, scene: Config) -> Pick:
    """How far apart the two solutions of the chosen pair are."""
    pair = PAIRS[scene.pair]
    text = (f"{pair.left} and {pair.right}, on one problem ({pair.model}) at strength "
            f"{format_number(scene.strength, 3)} ({pair.dial}): how far are the two solutions apart?")
    if scene.pair not in result.fits:
        return Pick(text=text, options=OPTIONS, right=tuple(OPTIONS), why=verdict(result, scene))
    return Pick(text=text, options=OPTIONS, right=(finding(result, scene),), why=verdict(result, scene))


GOAL = 1.5


def most_ratio(result: Result) -> Tensor:
    """The largest ratio of gradient flow's risk to ridge's on the path, of each draw (R,)."""
    return (result.risks.flow / result.risks.ridge).amax(1)


def _check(result: Result, _: Config, __: None) -> Verdict:
    found = most_ratio(result)
    return Verdict(bool((found > GOAL).all()), f"Somewhere on its path gradient flow has {float(found.min()):.2f} to "
                   f"{float(found.max()):.2f} times the risk of ridge, over {len(found)} draws; {RISK_FACTOR:.2f} is the most.")


CHALLENGE = Challenge(text=f"Early stopping never has more than {RISK_FACTOR:.2f} times the risk of ridge. Find a scene in which "
                      f"it has more than {GOAL:.1f} times on all draws, somewhere on the path.", check=_check)


def counted(result: Result, scene: Config) -> str:
    """How many of the pairs that are fitted agree, are close and are apart, in one sentence."""
    found = [finding(result, Config(pair=key, strength=scene.strength)) for key in result.fits]
    return (f"{len(found)} pairs at strength {format_number(scene.strength, 3)}: {found.count('one')} agree to 10⁻⁶, "
            f"{found.count('near')} within {format_percent(FAILS)}, {found.count('apart')} are farther apart, "
            f"{found.count('none')} without a solution on one side")


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    pair, risks = PAIRS[scene.pair], result.risks
    said = verdict(result, scene)
    here = f"at strength {format_number(scene.strength, 3)}"
    ratios = most_ratio(result)
    lesser = [format_number(risks.flow[0].min()), format_number(risks.ridge[0].min())]
    if scene.pair in result.fits:
        means = result.residual(scene.pair).mean(1)
        run = f"from {distance(means[0])} at the weakest to {distance(means[-1])} at the strongest"
    else:
        run = f"not there yet: the pair {WAITING}"
    names = {entry.slug: entry.name for entry, _, _ in placed()}
    joined = "; ".join(f"{names[e.one]} and {names[e.two]}, {e.kind}" for e in EDGES if e.one in names and e.two in names)
    return {
        "setup": f"The names of {len(PAIRS)} pairs of methods beside an empty axis of residuals.",
        "overview": f"Residuals of {counted(result, scene)}. Chosen: {said}",
        "solutions": f"Both solutions {here}, entry by entry, of the first draw. {said} {fine_print(scene)}",
        "sweep": f"Residual of {pair.name} against the strength, {run}. {order(pair).capitalize()}.",
        "ratio": f"Risk of gradient flow as a part of ridge's along the path: at most {format_number(ratios.min(), 3)} to "
                 f"{format_number(ratios.max(), 3)} on {len(ratios)} draws, under the line at {RISK_FACTOR:.2f}.",
        "map": f"Map of {len(names)} lessons in {len(FAMILIES)} families, {', '.join(FAMILIES.values())}; each name is a link. "
               f"Joined: {joined}.",
        "risk": f"Risk along the path: at its least {lesser[0]} for gradient flow, {lesser[1]} for ridge.",
        "path": f"Entries of both solutions of {pair.name} against the strength, solid and dashed.",
        "families": f"The {len(names)} lessons with their families and what each does there.",
        "table": f"The {len(PAIRS)} pairs with model, condition, scaling, order and residual {here}.",
    }
