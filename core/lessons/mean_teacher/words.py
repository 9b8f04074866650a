"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_part, format_percent, table
from core.lessons.mean_teacher.lesson import NETS, SEEDS, Config, PlaneResult, Result, gains
from core.lessons.mean_teacher.pixels import MaskResult
from core.lessons.mean_teacher.teacher import half_life, memory, ramp, warmed_decay
from core.question import Amount, Challenge, Verdict

NAMES = {"alone": "Labels alone", "student": "Student", "teacher": "Teacher"}


def rate(part: float | Tensor) -> str:
    return format_percent(part, 1)


def counted(result: Result) -> tuple[int, int]:
    """On how many seeds the teacher is better, and on how many worse, than the net that learns alone."""
    gain = gains(result)
    return int((gain > 0).sum()), int((gain < 0).sum())


def grade(result: Result, value: float | Tensor) -> str:
    """A score: a percentage of points, or Dice."""
    return rate(value) if isinstance(result, PlaneResult) else f"{float(value):.2f}"


def better(result: Result, word: str) -> str:
    """What it is for the teacher to be `more` or `less` good, or `equally`, as a verb."""
    if isinstance(result, PlaneResult):
        return {"more": "is right more often than", "less": "is right less often than", "equally": "is right as often as"}[word]
    return {"more": "has a higher Dice than", "less": "has a lower Dice than", "equally": "has the same Dice as"}[word]


def pairs(result: Result) -> str:
    """In how many of the pairs it helped, and how much."""
    up, down = counted(result)
    gain, tied = gains(result), SEEDS - up - down
    if up == down == 0:
        return f"On {SEEDS} of {SEEDS} seeds the teacher {better(result, 'equally')} the net that learns alone."
    score, unit = ("part right", "percentage points") if isinstance(result, PlaneResult) else ("Dice", "of Dice")
    ties = f" and exactly 0 on {tied}" if tied else ""
    return (f"Gain: the teacher's {score} minus that of the net alone. It is above 0 on {up} of {SEEDS} seeds, below 0 on {down}"
            f"{ties}. Median {step(result, gain.median())} {unit}, from {step(result, gain.min())} to "
            f"{step(result, gain.max())}.")


def step(result: Result, value: float | Tensor) -> str:
    """A difference of scores with its sign, 0 where there is none: in percentage points, or of Dice."""
    value = float(value)
    size = f"{abs(100 * value):.1f}" if isinstance(result, PlaneResult) else format_number(abs(value))
    return f"{'−' if value < 0 else '+'}{size}" if value else "0"


def summary(result: Result, _: Config) -> str:
    """What this run shows: in how many seeds the teacher helped, and a table."""
    up, down = counted(result)
    other = "a net that learns from the labels alone"
    if up == down == 0:
        equal = better(result, "equally").replace("as often as", "exactly as often as")
        verdict = f"On all {SEEDS} seeds the teacher {equal} {other}."
    else:
        word, count = ("more", up) if up >= down else ("less", down)
        even = f", and {'less often' if isinstance(result, PlaneResult) else 'a lower one'} on as many" if up == down else ""
        verdict = f"The teacher {better(result, word)} {other} on {count} of {SEEDS} seeds{even}."
    score = result.score[-1]
    rows = [[NAMES[net], *(grade(result, value) for value in (score[k].mean(), score[k].min(), score[k].max()))]
            for k, net in enumerate(NETS)]
    head = "right on the test set" if isinstance(result, PlaneResult) else "Dice on the test images"
    return f"**{verdict}**\n\n{table([head, 'mean', 'worst seed', 'best seed'], rows)}"


def things(result: Result) -> str:
    return "points" if isinstance(result, PlaneResult) else "pixels"


def predict(result: Result, config: Config) -> Amount:
    """How far back the teacher looks: within how many updates half of it was learned."""
    age = memory(config.updates, config.decay)
    agree = format_part(result.agree[-1].mean())
    if config.decay == 0:
        reason = "at decay 0 the teacher is the newest student and nothing else"
    elif config.decay >= 1 - 1 / (config.updates + 1):
        reason = "the warm-up rules from start to end, so the teacher is the plain mean of all students"
    else:
        life = half_life(config.decay)
        shorter = ", which the warm-up shortens" if age < 0.9 * life else ""
        reason = f"the half-life ln ½/ln a is {format_number(life, 3)} update{'s' * (life != 1)}{shorter}"
    return Amount(
        text=f"The teacher keeps a = {config.decay:g} of itself at each update and takes the rest from the student; a is "
             f"warmed up as min(1 − 1/(t + 1), a). After {config.updates} updates, half of the teacher comes from the students "
             "of the last how many updates?",
        low=1, high=config.updates, step=1, truth=age, within=1.6, ratio=True, unit=" updates",
        why=f"{reason[0].upper()}{reason[1:]}; student and teacher agree on {agree} of the unlabelled {things(result)}.")


def _misled(result: Result, config: Config, _: None) -> Verdict:
    """Judges the run on the page: on how many seeds the pair agrees on more errors than the net alone makes."""
    clean = config.data != "moons" or (config.wrong == 0 and config.norm != "stale")
    confirmed, alone = result.confirmed[-1], result.mistaken[-1]
    worse = int((confirmed > alone).sum())
    if not clean:
        return Verdict(False, "Leave the labels right and the teacher's statistics averaged: the errors are to be the student's.")
    return Verdict(worse >= SEEDS - 1,
                   f"On {worse} of {SEEDS} seeds student and teacher agree on more errors than the net alone makes. They agree "
                   f"on {format_part(result.agree[-1].mean())} of the unlabelled {things(result)} and are both wrong on "
                   f"{rate(confirmed.mean())} of them; the net alone errs on {rate(alone.mean())}.")


CHALLENGE = Challenge(text="A teacher who has learned from its student can confirm the student's error. Without a wrong label, "
                      "find a scene in which student and teacher agree on more errors among what is unlabelled than the net "
                      f"that learns alone makes, on at least {SEEDS - 1} of {SEEDS} seeds.", check=_misled)


def confirmed(result: Result) -> str:
    """How many errors both agree on, beside those of the net alone, as a sentence."""
    both, alone = result.confirmed[-1], result.mistaken[-1]
    more = int((both > alone).sum())
    return (f"After {result.step} updates {rate(both.mean())} against {rate(alone.mean())}, means of {SEEDS} seeds; the "
            f"teacher's is the larger on {more} of them.")


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    age = memory(scene.updates, scene.decay)
    right = [grade(result, value) for value in result.score[-1].mean(-1)]
    cost = result.cost[-min(20, len(result.cost)):].mean() if len(result.cost) else 0.0
    loss = result.loss[-min(20, len(result.loss)):].mean((0, 2)) if len(result.loss) else Tensor([0.0, 0.0])
    what = "Part of the test set that is right" if isinstance(result, PlaneResult) else "Dice on the test images"
    return {
        "scores": f"{what}, mean of {SEEDS} seeds after {result.step} updates: {right[0]} for the "
                  f"net alone, {right[1]} for the student, {right[2]} for the teacher.",
        "pairs": pairs(result),
        "confirmed": f"Student and teacher agree on {format_part(result.agree[-1].mean())} of the unlabelled {things(result)} "
                     f"and are both wrong on {rate(result.confirmed[-1].mean())}; the net alone is wrong on "
                     f"{rate(result.mistaken[-1].mean())}.",
        "schedules": "From the first update to the last the decay goes from {:.4g} to {:.4g} and the factor on the consistency "
                     "weight from {:.2g} to {:.2g}.".format(*(warmed_decay(t, scene.decay) for t in (1, scene.updates)),
                                                            *(ramp(t, scene.ramp) for t in (0, scene.updates - 1))),
        "memory": f"How much the student of each update counts in the teacher; half of it comes from the last "
                  f"{'update' if age == 1 else f'{age} updates'}.",
        "cost": f"Consistency loss after {result.step} updates: {format_number(cost)}." if scene.weight else
                "Consistency loss: not computed at weight 0.",
        "loss": f"Supervised loss after {result.step} updates: {format_number(loss[0])} nats for the net alone, "
                f"{format_number(loss[1])} for the student.",
        **(_of_points(result, scene) if isinstance(result, PlaneResult) else _of_images(result, scene)),
    }


def _of_points(result: PlaneResult, scene: Config) -> dict[str, str]:
    first = [rate(value) for value in result.score[-1, :, 0]]
    labels, n = result.data.given.shape[-1], result.data.unlabelled.shape[-1]
    turned = int((result.data.given[0] != result.data.true[0]).sum())
    wrong = f", {turned} of them wrong" if turned else ""
    return {
        "setup": f"{labels} labelled points{wrong}, and {n} unlabelled ones, of two moons.",
        "boundaries": f"Boundaries of the first seed's three nets among {labels} labelled and {n} unlabelled points after "
                      f"{result.step} updates. On the test set the net alone is right on {first[0]}, the student on "
                      f"{first[1]} and the teacher on {first[2]}.",
        "views": f"{n} unlabelled points, each moved twice by a random affine map of strength {scene.strength:g}.",
    }


def what(scene: Config) -> str:
    """What the images of a scene are, in the plural."""
    return "frames of a simulated clip" if scene.data == "clip" else "tiles of a picture of cell nuclei"


def _of_images(result: Result, scene: Config) -> dict[str, str]:
    assert isinstance(result, MaskResult)
    film = [f"{float(value):.2f}" for value in result.film.mean(-1)]
    lowest = [f"{float(value):.2f}" for value in result.film.min(-1).values]
    m, n = result.images.labelled.shape[1], result.images.unlabelled.shape[1]
    inside = format_part(result.view[-1].mean())
    return {
        "setup": f"{m} labelled and {n} unlabelled {what(scene)}.",
        "masks": f"Masks of the first seed's three nets on {len(result.shown)} {what(scene)} after {result.step} updates: mean "
                 f"Dice {film[0]} for the net alone, {film[1]} for the student, {film[2]} for the teacher.",
        "film": f"Dice of each of {len(result.shown)} frames of the simulated clip, first pair: at the lowest {lowest[0]} for "
                f"the net alone, {lowest[1]} for the student, {lowest[2]} for the teacher.",
        "views": f"One of the {what(scene)}, the same transformed with strength {scene.strength:g}, and two predictions in its "
                 f"pixels; {inside} of them count.",
    }
