"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_part, format_percent, table
from core.lessons.mean_teacher.lesson import NETS, SEEDS, Config, Result, gains
from core.lessons.mean_teacher.teacher import half_life, memory
from core.question import Amount, Challenge, Verdict

NAMES = {"alone": "Labels alone", "student": "Student", "teacher": "Teacher"}


def rate(part: float | Tensor) -> str:
    return format_percent(part, 1)


def counted(result: Result) -> tuple[int, int]:
    """On how many seeds the teacher is better, and on how many worse, than the net that learns alone."""
    gain = gains(result)
    return int((gain > 0).sum()), int((gain < 0).sum())


def pairs(result: Result) -> str:
    """In how many of the seeds it helped, and how much, as a sentence."""
    up, down = counted(result)
    gain, tied = 100 * gains(result), SEEDS - up - down
    ties = f" and changes nothing on {tied}" if tied else ""
    if up == down == 0:
        return f"On {SEEDS} of {SEEDS} seeds the teacher is right as often as the net that learns alone."
    return (f"On {up} of {SEEDS} seeds the teacher is right more often than the net that learns alone, on {down} less often"
            f"{ties}: from {points(gain.min())} to {points(gain.max())} percentage points.")


def points(value: float | Tensor) -> str:
    """A difference of percentages with its sign."""
    value = round(float(value), 1)
    return f"{'−' if value < 0 else '+' if value > 0 else ''}{abs(value):.1f}"


def summary(result: Result, _: Config) -> str:
    """What this run shows: in how many seeds the teacher helped, and a table."""
    up, down = counted(result)
    more = f"on {up} of {SEEDS} seeds"
    if up == down == 0:
        verdict = f"On all {SEEDS} seeds the teacher is right exactly as often as a net that learns from the labels alone."
    elif up >= down:
        verdict = f"The teacher is right more often than a net that learns from the labels alone {more}."
    else:
        verdict = f"The teacher is right less often than a net that learns from the labels alone on {down} of {SEEDS} seeds."
    score = result.score[-1]
    rows = [[NAMES[net], rate(score[k].mean()), rate(score[k].min()), rate(score[k].max())] for k, net in enumerate(NETS)]
    return f"**{verdict}**\n\n{table(['right on the test set', 'mean', 'worst seed', 'best seed'], rows)}"


def predict(result: Result, config: Config) -> Amount:
    """How far back the teacher looks: within how many updates half of it was learned."""
    age = memory(config.steps, config.decay)
    agree = format_part(result.agree[-1].mean())
    if config.decay == 0:
        reason = "at decay 0 the teacher is the newest student and nothing else"
    elif config.decay >= 1 - 1 / (config.steps + 1):
        reason = "the warm-up rules from start to end, so the teacher is the plain mean of all students"
    else:
        reason = f"the half-life ln ½/ln a is {format_number(half_life(config.decay), 3)} updates"
    return Amount(
        text=f"The teacher keeps a = {config.decay:g} of itself at each update and takes the rest from the student; a is "
             f"warmed up as min(1 − 1/(t + 1), a). After {config.steps} updates, half of the teacher comes from the students of "
             "the last how many updates?",
        low=1, high=config.steps, step=1, truth=age, within=1.6, ratio=True, unit=" updates",
        why=f"{reason[0].upper()}{reason[1:]}; student and teacher agree on {agree} of the unlabelled points.")


def _misled(result: Result, config: Config, _: None) -> Verdict:
    """Judges the run on the page: on how many seeds the pair agrees on more errors than the net alone makes."""
    clean = config.wrong == 0 and config.norm != "stale"
    confirmed, alone = result.confirmed[-1], result.mistaken[-1]
    worse = int((confirmed > alone).sum())
    if not clean:
        return Verdict(False, "Leave the labels right and the teacher's statistics averaged: the errors are to be the student's.")
    return Verdict(worse >= SEEDS - 1,
                   f"On {worse} of {SEEDS} seeds student and teacher agree on more errors than the net alone makes. They agree "
                   f"on {format_part(result.agree[-1].mean())} of the unlabelled points and are both wrong on "
                   f"{rate(confirmed.mean())} of them; the net alone errs on {rate(alone.mean())}.")


CHALLENGE = Challenge(text="A teacher who has learned from its student can confirm the student's error. Without a wrong label, "
                      "find a scene in which student and teacher agree on more errors among the unlabelled points than the net "
                      f"that learns alone makes, on at least {SEEDS - 1} of {SEEDS} seeds.", check=_misled)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    score, first = result.score[-1].mean(-1), result.score[-1, :, 0]
    right = [rate(value) for value in score]
    labels, n = result.data.given.shape[-1], result.data.unlabelled.shape[-1]
    turned = int((result.data.given[0] != result.data.true[0]).sum())
    wrong = f", {turned} of them wrong" if turned else ""
    cost = result.cost[-min(20, len(result.cost)):].mean() if len(result.cost) else 0.0
    loss = result.loss[-min(20, len(result.loss)):].mean((0, 2)) if len(result.loss) else Tensor([0.0, 0.0])
    return {
        "setup": f"{labels} labelled points{wrong}, and {n} unlabelled ones, of two moons.",
        "boundaries": f"Boundaries of the first seed's three nets among {labels} labelled and {n} unlabelled points after "
                      f"{result.step} updates. On the test set the net alone is right on {rate(first[0])}, the student on "
                      f"{rate(first[1])} and the teacher on {rate(first[2])}.",
        "scores": f"Part of the test set that is right, mean of {SEEDS} seeds after {result.step} updates: {right[0]} for the "
                  f"net alone, {right[1]} for the student, {right[2]} for the teacher.",
        "pairs": pairs(result),
        "confirmed": f"Student and teacher agree on {format_part(result.agree[-1].mean())} of the unlabelled points and are both "
                     f"wrong on {rate(result.confirmed[-1].mean())}; the net alone is wrong on "
                     f"{rate(result.mistaken[-1].mean())}.",
        "schedules": f"The consistency weight grows to {scene.weight:g} within {scene.ramp} updates, the decay from ½ to "
                     f"{scene.decay:g}.",
        "memory": f"How much the student of each update counts in the teacher; half of it comes from the last "
                  f"{memory(scene.steps, scene.decay)} updates.",
        "views": f"{n} unlabelled points, each moved twice by a random affine map of strength {scene.strength:g}.",
        "cost": f"Consistency loss after {result.step} updates: {format_number(cost)}.",
        "loss": f"Supervised loss after {result.step} updates: {format_number(loss[0])} nats for the net alone, "
                f"{format_number(loss[1])} for the student.",
    }
