"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

from core.formatting import format_number, table
from core.lessons.multi_task.lesson import NAMES, SAMPLES, SEEDS, Config, Result, at, difference, edges, harmed
from core.question import Amount, Challenge, Verdict

LONG = {"none": "one shared model without z", "concatenate": "one model with z concatenated", "sum": "one model with z summed in",
        "gate": "one model that z gates", "heads": "one model with a head for each task"}


def told(rho: float) -> str:
    """ρ with its sign."""
    return f"{rho:.2f}".replace("-", "−")


def above(edge: float, who: str) -> str:
    """Where sharing helps, as a sentence."""
    if edge == math.inf:
        return f"{who} is not better than separate ones even for identical tasks."
    if edge <= -1:
        return f"{who} is better than separate ones all the way from opposite to identical tasks."
    return f"{who} is better than separate ones above ρ = {told(edge)}."


def summary(result: Result, scene: Config) -> str:
    """The verdict on the design that is compared, and a table of all."""
    (r, m), who = at(scene), LONG[scene.compared]
    mean = result.loss[:, r, m].mean(-1)
    other = mean[result.designs.index(scene.compared)]
    word = "less" if other < mean[0] else "more"
    verdict = (f"**Here {who} errs {word} than separate ones: mean test loss {format_number(other, 3)} against "
               f"{format_number(mean[0], 3)}.**")
    rows = []
    for k, design in enumerate(result.designs):
        worse, seeds = harmed(result, scene, design)
        count = result.counts[k]
        rows.append([NAMES[design], format_number(mean[k], 3), f"{worse} of {seeds}" if k else "", str(count.shared),
                     str(count.own)])
    columns = ["", "test loss above the noise", "seeds worse than separate", "parameters shared", "task-specific"]
    return f"{verdict}\n\n{table(columns, rows)}"


def predict(result: Result, scene: Config) -> Amount:
    """The relatedness at which sharing starts to help."""
    _, m = at(scene)
    found = edges(result, scene.compared)[m]
    who = LONG[scene.compared]
    return Amount(text=f"Each task has {SAMPLES[m]} samples with noise σ = {scene.noise:.1f}. Above which relatedness ρ does "
                  f"{who} err less than separate ones? (−1: opposite tasks, 0: unrelated, 1: identical)",
                  low=-1, high=1, step=0.05, truth=max(-1.0, min(1.0, found)), within=0.2,
                  why="In the mean over seeds " + above(found, who))


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
    found = edges(result, design)[m]
    linear = scene.problem == "linear"
    fit = "Weights found by {} for every seed, along what tasks have in common and what sets them apart." if linear else \
        "Curves found by {} for every task of the first seed, over its samples and the true curves."
    return {
        "setup": f"The true tasks at relatedness ρ = {told(scene.relatedness)}: " + ("points in the plane of weights." if linear
                 else f"curves, with {SAMPLES[m]} samples of each task of the first seed."),
        "map": f"Map of the test loss of {LONG[design]} minus that of separate ones, mean of {SEEDS[scene.problem]} seeds, over "
               f"relatedness and samples: from {format_number(gap.min())} to {format_number(gap.max())}. At {SAMPLES[m]} "
               f"samples {above(found, 'it')} At the ring it is worse on {worse} of {seeds} seeds.",
        "separate": fit.format("separate models"),
        "compared": fit.format(LONG[design]),
        "relatedness": f"Mean test loss against relatedness at {SAMPLES[m]} samples of each task. At ρ = "
                       f"{told(scene.relatedness)}: {listed}.",
        "samples": f"Mean test loss against samples at ρ = {told(scene.relatedness)}. At {SAMPLES[m]} samples: {listed}.",
        "counts": f"Parameters that all tasks use, and those of single tasks: {counted}.",
    }
