"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

from core.formatting import format_as, format_number, table
from core.lessons.multi_task.lesson import (
    NAMES,
    SAMPLES,
    SEEDS,
    Config,
    Result,
    at,
    decided,
    difference,
    exact_edge,
    harmed,
    open_ranges,
)
from core.question import Amount, Challenge, Pick, Verdict

LONG = {"none": "one shared model without z", "concatenate": "one model with z concatenated", "sum": "one model with z summed in",
        "gate": "one model that z gates", "heads": "one model with a head for each task"}


def told(rho: float) -> str:
    """ρ with its sign; 1.00 is said of 1 only."""
    places = next((places for places in (2, 3) if round(rho, places) < 1), 4) if rho < 1 else 2
    return format_as(rho, f".{places}f")


ALL_THE_WAY = "all the way from opposite to identical tasks"


def expected(edge: float, who: str) -> str:
    """Where sharing helps by its closed form, as a sentence. For identical tasks it always does."""
    where = ALL_THE_WAY if edge <= -1 else f"above ρ = {told(edge)} and more below"
    return f"by the closed form of the expected loss {who} errs less than separate ones {where}."


def settled(worse: float, better: float, who: str) -> str:
    """What these seeds show clearly, as a sentence: worse below the first ρ, better above the second. See `open_ranges`."""
    if worse >= 1 or better <= -1:
        return f"{who} is clearly {'worse' if worse >= 1 else 'better'} than separate ones {ALL_THE_WAY}."
    if worse == -math.inf and better == math.inf:
        return f"these seeds do not tell where {who} gets better than separate ones, if anywhere."
    if better == math.inf:
        return (f"{who} is clearly worse than separate ones below ρ = {told(worse)}, and these seeds do not tell where it gets "
                "better, if anywhere.")
    if worse == -math.inf:
        return (f"{who} is clearly better than separate ones above ρ = {told(better)}, and these seeds do not tell where it "
                "gets worse, if anywhere.")
    return (f"{who} is clearly worse than separate ones below ρ = {told(worse)} and better above ρ = {told(better)}, and these "
            "seeds do not tell where it turns between them.")


def summary(result: Result, scene: Config) -> str:
    """The verdict on the design that is compared, and a table of all."""
    (r, m), who = at(scene), LONG[scene.compared]
    mean = result.loss[:, r, m].mean(-1)
    other = mean[result.designs.index(scene.compared)]
    word = "less" if other < mean[0] else "more"
    sure = "" if decided(result, scene, scene.compared) else ", a difference that these seeds do not settle"
    verdict = (f"**Here {who} errs {word} than separate ones: {format_number(other, 3)} against "
               f"{format_number(mean[0], 3)} above the noise{sure}.**")
    rows = []
    for k, design in enumerate(result.designs):
        worse, seeds = harmed(result, scene, design)
        count = result.counts[k]
        rows.append([NAMES[design], format_number(mean[k], 3), f"{worse} of {seeds}" if k else "", str(count.shared),
                     str(count.own)])
    columns = ["", "test loss above the noise", "seeds worse than separate", "parameters shared", "task-specific"]
    return f"{verdict}\n\n{table(columns, rows)}"


def predict(result: Result, scene: Config) -> Amount | Pick:
    """The relatedness at which sharing starts to help: exact for linear tasks, what a few seeds can tell for nets."""
    (_, m), who = at(scene), LONG[scene.compared]
    given = f"Each task has {SAMPLES[m]} samples with noise σ = {scene.noise:.1f}."
    key = "(−1: opposite tasks, 0: unrelated, 1: identical)"
    if scene.problem == "linear":
        edge = exact_edge(scene, SAMPLES[m])
        return Amount(text=f"{given} Above which relatedness ρ does {who} err less than separate ones, on average over data "
                      f"sets? {key}", low=-1, high=1, step=0.05, truth=max(-1.0, edge), within=0.2,
                      why=_sentence(expected(edge, who)))
    worse, better = open_ranges(result, scene.compared)[m]
    right = "never" if better > 1 else "related" if better > 0 else "unrelated"
    return Pick(text=f"{given} From which relatedness ρ on is it clear over {SEEDS[scene.problem]} seeds, by a 95\u00a0% "
                f"interval, that {who} errs less than separate ones? {key}",
                options={"unrelated": "From ρ = 0 or less", "related": "Only from some ρ above 0",
                         "never": "From none: so few seeds do not show it"}, right=(right,),
                why=_sentence(settled(worse, better, who)))


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


RELATED, PART = 0.5, 0.8


def _check(result: Result, scene: Config, _: None) -> Verdict:
    """Judges the run on the page: negative transfer between related tasks."""
    worse, seeds = harmed(result, scene, "none")
    right = scene.relatedness >= RELATED and worse >= PART * seeds
    return Verdict(right, f"At relatedness ρ = {told(scene.relatedness)} the shared model without z errs more than separate "
                   f"ones on {worse} of {seeds} seeds.")


CHALLENGE = Challenge(text="Related tasks can still harm each other. Find a scene of relatedness 0.5 or more in which one shared "
                      "model without z errs more than separate ones on at least four of five seeds.", check=_check)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    (r, m), design = at(scene), scene.compared
    mean = result.loss.mean(-1)
    gap = difference(result, design).mean(-1)
    worse, seeds = harmed(result, scene, design)
    listed = "; ".join(f"{NAMES[name]} {format_number(mean[k, r, m], 3)}" for k, name in enumerate(result.designs))
    counted = "; ".join(f"{NAMES[name]} {c.shared} and {c.own}" for name, c in zip(result.designs, result.counts, strict=True))
    linear = scene.problem == "linear"
    fit = "Weights found by {} for every seed, along what tasks have in common and what sets them apart." if linear else \
        "Curves found by {} for every task of the first seed, over its samples and the true curves."
    turns = settled(*open_ranges(result, design)[m], "it") + (f" {_sentence(expected(exact_edge(scene, SAMPLES[m]), 'it'))}"
                                                              if linear else "")
    return {
        "setup": f"The true tasks at relatedness ρ = {told(scene.relatedness)}: " + ("points in the plane of weights." if linear
                 else f"curves, with {SAMPLES[m]} samples of each task of the first seed."),
        "map": f"Map of the test loss of {LONG[design]} minus that of separate ones, mean of {SEEDS[scene.problem]} seeds, over "
               f"relatedness and samples: from {format_number(gap.min())} to {format_number(gap.max())}. At {SAMPLES[m]} "
               f"samples {turns} At the ring it is worse on {worse} of {seeds} seeds.",
        "separate": fit.format("separate models"),
        "compared": fit.format(LONG[design]),
        "relatedness": f"Mean test loss against relatedness at {SAMPLES[m]} samples of each task. At ρ = "
                       f"{told(scene.relatedness)}: {listed}.",
        "samples": f"Mean test loss against samples at ρ = {told(scene.relatedness)}. At {SAMPLES[m]} samples: {listed}.",
        "counts": f"Parameters that all tasks use, and those of single tasks: {counted}.",
    }
