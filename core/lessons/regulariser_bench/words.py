"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from core.data.toys import count_flipped
from core.formatting import format_number, format_part, join_words, table
from core.intervals import Interval
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, FAMILIES, METHODS, TRIALS
from core.lessons.regulariser_bench.standing import STOPPING, UNTUNED, Standing, by_best, by_verdict, regularisers, standings
from core.question import Challenge, Pick, Verdict

VERDICTS = {"below": "below", "equal": "as good as equal", "open": "undecided", "above": "above", "diverged": "diverged"}
BELOW = 3  # regularisers that the challenge asks for
RATES = {2.0: "2ε", 1.0: "ε", 0.5: "ε/2", 0.25: "ε/4", 0.125: "ε/8", 0.0625: "ε/16"}


def called(name: str) -> str:
    """What a search is called."""
    return {BASELINE: f"no regulariser, best of {TRIALS}", UNTUNED: "no regulariser, untuned"}.get(name) or METHODS[name].name


def knob(result: Result, name: str) -> str:
    """What the strength of a search is."""
    if name == BASELINE:
        return "start" if starts(result) else "rate"
    return "updates" if name == STOPPING else METHODS[name].knob


def starts(result: Result) -> bool:
    """Whether the baseline's trials differ in their starts."""
    return result.arms[0].strengths[-1] == TRIALS if result.arms else False


def setting(result: Result, name: str, trial: int) -> str:
    """A trial's strength as it is told, the trial counted as in `Arm.strengths`."""
    arm = {arm.name: arm for arm in result.arms}.get(name)
    value = (arm.strengths if arm else METHODS[name].strengths)[trial]
    if name == BASELINE:
        return f"{value:g}" if starts(result) else RATES[value]
    if name == STOPPING:
        return str(round(value * result.recorded[-1]))
    return "off" if trial == 0 else f"{value:g}"


def ticks(result: Result, name: str) -> list[str]:
    """All strengths of a search, in the order in which they are drawn."""
    strengths = METHODS[name].strengths
    order = range(len(strengths))
    if name == BASELINE and not starts(result):
        order = sorted(order, key=lambda t: strengths[t])
    return [setting(result, name, t) for t in order]


def summary(result: Result, config: Config) -> str:  # noqa: ARG001
    """How the regularisers end beside early stopping, and a table of the ends that differ most."""
    found = standings(result)
    others = regularisers(found)
    if not found:
        return "**The baseline and early stopping are being trained; the regularisers follow one after the other.**"
    if not others:
        return "**The baseline and early stopping are trained; the regularisers follow one after the other.**"
    below, so_far = len(by_verdict(found)["below"]), "" if result.done else " so far"
    count = "None" if not below else "All" if below == len(others) else str(below)
    which = f"{count} of the {len(others)} regularisers{so_far} end{'s' * (below < 2)}"
    if len(others) == 1:
        which = f"The only regulariser{so_far} {'ends' if below else 'does not end'}"
    verdict = f"{which} clearly below early stopping{_others(found)}."
    return f"**{verdict}**\n\n{_numbers(result, found)}"


def _others(found: list[Standing]) -> str:
    """Which verdicts the regularisers have that are not below, the commonest first, as the end of a sentence."""
    by = by_verdict(found)
    counts = {VERDICTS[verdict]: len(names) for verdict, names in by.items() if names and verdict != "below"}
    first, *rest = sorted(counts, key=lambda what: -counts[what]) or [""]
    if not first:
        return ""
    total, whose = sum(counts.values()), "of the others " if by["below"] else ""
    if total == 1:
        return f"; {'the other' if whose else 'it'} is {first}"
    if not rest:
        return f"; {whose}all are {first}"
    if 2 * counts[first] > total:
        return f"; {whose}most are {first}, the rest {_either(rest)}"
    return f"; {'the others' if whose else 'they'} are {_either([first, *rest])}"


def _either(words: list[str]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _numbers(result: Result, found: list[Standing]) -> str:
    """The reference searches and the regulariser of least loss."""
    by_name = {one.name: one for one in found}
    first = regularisers(found)[0].name
    rows = []
    for name in dict.fromkeys((UNTUNED, BASELINE, STOPPING, first)):
        one = by_name[name]
        less = "0" if name == STOPPING else apart(one.apart)
        rows.append((called(name), _loss(one.loss), less, _loss(one.best), _part(one.error)))
    columns = (f"means of {pairs_of(result)} pairs", "test loss (nats)", "minus early stopping's",
               "at its lowest validation loss", "wrong")
    return table(columns, rows)


def pairs_of(result: Result) -> int:
    return len(result.samples.y)


def _loss(value: float) -> str:
    return format_number(value, 3) if value == value else "diverged"


def _part(value: float) -> str:
    return format_part(value) if value == value else "–"


def apart(of: Interval) -> str:
    """An interval as mean ± half its width."""
    if of.mean != of.mean:
        return "diverged"
    sign = "−" if of.mean < 0 else "+"
    return f"{sign}{abs(of.mean):.3f} ± {of.half:.3f}"


def title(result: Result) -> str:
    """Of the picture that answers the question."""
    by = by_verdict(standings(result))
    below, others = len(by["below"]), len(regularisers(standings(result)))
    if not others:
        return "Test loss beside early stopping's"
    count = f"{below} of {others}" if below else "No regulariser" if result.done else "none"
    return f"{'' if result.done else 'So far '}{count} end{'s' * (below < 2)} clearly below early stopping"


OPTIONS = {"none": "None of them", "few": "Some, but fewer than half", "many": "Half of them or more"}


def predict(result: Result, config: Config) -> Pick:  # noqa: ARG001
    """How many regularisers end below early stopping, by intervals over pairs."""
    found = standings(result)
    others, by = regularisers(found), by_verdict(found)
    text = (f"With a regulariser or without, every search has {TRIALS} trials, and validation chooses. How many regularisers end "
            "clearly below early stopping?")
    if not others:
        return Pick(text=text, options=OPTIONS, right=tuple(OPTIONS), why="No regulariser is trained yet.")
    below = len(by["below"])
    right = "none" if not below else "few" if 2 * below < len(others) else "many"
    why = (f"The interval over pairs lies wholly below early stopping for {below} of {len(others)}: each is judged beside a "
           "net that was tuned as well.")
    return Pick(text=text, options=OPTIONS, right=(right,), why=why)


def _beats(result: Result, config: Config, _: None) -> Verdict:  # noqa: ARG001
    """Judges the run on the page: whether BELOW regularisers end below early stopping."""
    if not result.done:
        return Verdict(False, "The regularisers are still being trained.")
    found = standings(result)
    below, others = by_verdict(found)["below"], regularisers(found)
    names = join_words([called(name) for name in below]) or "none"
    return Verdict(len(below) >= BELOW, f"{len(below)} of {len(others)} end clearly below: {names}.")


CHALLENGE = Challenge(
    text=f"Find a scene in which at least {BELOW} regularisers end clearly below early stopping, each with its whole "
         "interval over pairs.", check=_beats)


def not_here(result: Result) -> str:
    """Which regularisers have no use on this problem and why, as a sentence; empty if all have one."""
    absent = [method for name, method in METHODS.items() if name not in {arm.name for arm in result.arms} | set(result.waiting)]
    if not absent:
        return ""
    return f"Not here: {'; '.join(f'{method.name}, as {method.why_not}' for method in absent)}."


def still_to_come(result: Result) -> str:
    """What is not trained yet, as a sentence."""
    if result.done:
        return ""
    return f"Still to come: {join_words([called(name) for name in result.waiting])}."


def told_apart(result: Result) -> str:
    """Which regularisers have each verdict, as a sentence each."""
    return " ".join(f"{VERDICTS[verdict].capitalize()}: {join_words([called(name) for name in names])}."
                    for verdict, names in by_verdict(standings(result)).items() if names)


def rows(result: Result) -> list[tuple[str, list[str]]]:
    """Headings and the searches below them: the regularisers by verdict, then what has none; the lowest loss first in each."""
    found = standings(result)
    out = [(f"{VERDICTS[verdict].capitalize()}: {len(names)}", names) for verdict, names in by_verdict(found).items() if names]
    return [*out, ("No regulariser", [one.name for one in found if one.name in (BASELINE, UNTUNED)] or [BASELINE])]


def groups(result: Result) -> dict[str, list[str]]:
    """The names of all searches of the problem, by family."""
    here = {arm.name for arm in result.arms} | set(result.waiting)
    return {family: [name for name, method in METHODS.items() if name in here and method.family == family] for family in FAMILIES}


def wrong_labels(result: Result, scene: Config) -> int:
    """How many labels of each training set are wrong."""
    return count_flipped(result.samples.y.shape[1], scene.corrupt / 100)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    found = standings(result)
    told = "; ".join(f"{called(one.name)} {apart(one.apart)}" for one in found if one.name != STOPPING)
    by_name = {one.name: one for one in found}
    lines = "Test loss of each search minus early stopping's"
    out = {
        "setup": f"{result.samples.y.shape[1]} training samples with the labels that the nets are given, "
                 f"{wrong_labels(result, scene)} of them wrong.",
        "forest": f"{lines}, in nats, mean of {pairs_of(result)} pairs and interval: {told or 'nothing is trained yet'}. "
                  f"{told_apart(result)}".strip(),
        "kept": f"{lines} at the lowest validation loss, lowest first: "
                f"{join_words([called(one.name) for one in by_best(found)]) or 'nothing yet'}.",
        "boundaries": f"P(class {result.names[-1]}) over the plane by the chosen nets of the first seed: "
                      f"{join_words([called(one.name) for one in found if one.name != UNTUNED])}.",
        "costs": "Test losses and shares wrong: " + "; ".join(
            f"{called(one.name)} {_loss(one.loss)} nats, {_part(one.error)}" for one in found if one.name != UNTUNED) + ".",
    }
    for family, names in groups(result).items():
        ends = "; ".join(f"{called(name)} {_loss(by_name[name].loss)}" for name in names if name in by_name)
        whose = join_words([called(name) for name in names])
        out[f"strength-{family}"] = f"{lines}, against the strength: {whose}. Chosen by validation: {ends or 'nothing yet'} nats."
        out[f"through-{family}"] = f"Test loss through training: {whose}. At the end: {ends or 'nothing yet'} nats."
    return out
