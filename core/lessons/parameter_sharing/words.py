"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_as, format_number, format_percent, table
from core.lessons.parameter_sharing.images import SIZES, Images
from core.lessons.parameter_sharing.lesson import Config, Result, size_index, tie_index
from core.lessons.parameter_sharing.sequences import LENGTHS, Sequences
from core.lessons.parameter_sharing.tying import SHARES, UNIT, Tying, distances, strength
from core.question import Amount, Challenge, Question, Verdict

GAIN = 0.2  # what the challenge asks for
LESS = 0.1  # of the sequences, or of accuracy: so much less is no chance


def cost(seen: Images, net: int, size: int, shift: int = 2) -> float:
    """By how much of all test images a net's mean accuracy falls when they are moved."""
    mean = seen.accuracy[net, size].mean(0)
    return float(mean[0] - mean[shift])


def lost(share: float) -> str:
    """A fall of accuracy in percentage points."""
    points = format_as(100 * share, '.0f')
    return f"{points} point{'' if points.lstrip('−') == '1' else 's'}"


def shift_costs(seen: Images, config: Config) -> str:
    """What two pixels cost, in points of accuracy: the title of the picture that answers the question."""
    conv, mlp = (lost(cost(seen, a, size_index(config))) for a in (0, seen.equal))
    return f"Two pixels cost ConvNet {conv}, MLP {mlp}"


def summary(result: Result, config: Config) -> str:
    """What this run shows: a sentence and a table."""
    if result.images:
        return _of_images(result.images, config)
    if result.sequences:
        return _of_sequences(result.sequences)
    assert result.tying
    return _of_tying(result.tying, config)


def _of_images(seen: Images, config: Config) -> str:
    at = size_index(config)
    nets = {"ConvNet": 0, "MLP, equal size": seen.equal, "MLP, closest accuracy": seen.accurate(at)}
    rows = []
    for name, a in nets.items():
        mean = seen.accuracy[a, at].mean(0)
        rows.append([name, f"{seen.parameters[a]:,}", *(format_percent(mean[d]) for d in (0, 1, 2))])
    return (f"**A shift of two pixels costs the ConvNet {lost(cost(seen, 0, at))} of accuracy and the MLP of equal size "
            f"{lost(cost(seen, seen.equal, at))}.**\n\n"
            + table(["", "parameters", "not moved", "1 pixel", "2 pixels"], rows))


def _of_sequences(seen: Sequences) -> str:
    longest, mean = LENGTHS[-1], seen.by_length.mean(1)
    rows = [[name, f"{seen.parameters[i]:,}", *(format_percent(mean[i, k]) for k in range(0, len(LENGTHS), 2))]
            for i, name in enumerate(("One cell", f"{seen.length} cells"))]
    return (f"**Of the longest sequences the shared net gets {format_percent(mean[0, -1])} right and the unshared one "
            f"{format_percent(mean[1, -1])}.**\n\n"
            + table(["", "parameters", *(f"T = {T}" for T in LENGTHS[::2] if T <= longest)], rows))


def _unit(seen: Tying, value: float | Tensor) -> str:
    return format_number(value, 3) if seen.problem == "linear" else format_percent(value)


def _of_tying(seen: Tying, config: Config) -> str:
    mean, at = seen.test.mean(1), tie_index(config)
    best = int(mean[:, 1].argmin())
    where = ("with separate weights" if best == 0 else "with one set of weights" if best == len(SHARES) - 1 else
             f"at s = {SHARES[best]:g}")
    rows = [[name, *(_unit(seen, mean[t, task]) for t in (0, at, -1))] for task, name in enumerate(("Task A", "Task B"))]
    return (f"**Task B, which has few samples, does best {where}.**\n\n"
            + table(["test loss" if seen.problem == "linear" else "test error", "separate", f"s = {SHARES[at]:g}", "shared"],
                    rows))


def predict(result: Result, config: Config) -> Question:
    """What a shift of 2 pixels costs, what a longer sequence leaves, what sharing all does to task B."""
    if result.images:
        seen, at = result.images, size_index(config)
        conv, mlp = (100 * cost(seen, a, at) for a in (0, seen.equal))
        return Amount(text=f"A ConvNet and an MLP of as many parameters have learnt digits from {SIZES[at]:,} images. The test "
                           "images are then moved by two pixels. How many points of accuracy does that cost the ConvNet?",
                      low=-100, high=100, step=1, truth=conv, within=10, unit=" points",
                      why=f"The MLP loses {lost(mlp / 100)}" + (
                          ": moved ink meets weights that were learnt for other parts of a digit." if mlp >= 100 * LESS else "."))
    if result.sequences:
        mean = result.sequences.by_length.mean(1)[:, -1]
        return Amount(text=f"Both nets trained on sequences of {result.sequences.length} steps, with a pattern anywhere. Of two "
                           f"classes, how many sequences of {LENGTHS[-1]} steps does the net with one shared cell get right?",
                      low=0, high=100, step=1, truth=100 * float(mean[0]), within=8, unit="\u00a0%",
                      why=_unshared(result.sequences))
    assert result.tying
    seen = result.tying
    ratio = float(seen.test[-1, :, 1].mean() / seen.test[0, :, 1].mean().clamp_min(1e-9))
    return Amount(text="Task B has few samples, task A eight times as many. Sharing all weights multiplies the test "
                       f"{'loss' if seen.problem == 'linear' else 'error'} of task B by what?",
                  low=0, high=max(3.0, round(2 * ratio + 1)), step=0.05, truth=ratio, within=max(0.15, 0.1 * ratio),
                  why=f"One set of weights leaves task B {_unit(seen, seen.test[-1, :, 1].mean())}, separate ones "
                      f"{_unit(seen, seen.test[0, :, 1].mean())}.")


def _unshared(seen: Sequences) -> str:
    """What the net with a cell for each step gets right, and why it is less of the longest sequences, where it clearly is."""
    right, trained = float(seen.by_length[1, :, -1].mean()), float(seen.by_place[1].mean())
    why = ": it reads only as many steps as it has cells" if trained - right >= LESS else ""
    return (f"The net with a cell for each step gets {format_percent(right)} right, and {format_percent(trained)} of sequences "
            f"as long as those that trained it{why}.")


def _helps(result: Result, _: Config, __: None) -> Verdict:
    """Judges the run on the page: whether one set of weights lowers the test loss of linear task B by a fifth or more."""
    seen = result.tying
    if seen is None or seen.problem != "linear":
        return Verdict(False, "This is about two linear fits: share between two tasks.")
    ratio = float(seen.test[-1, :, 1].mean() / seen.test[0, :, 1].mean())
    return Verdict(ratio <= 1 - GAIN, f"One set of weights leaves task B {format_percent(ratio)} of the test loss of separate "
                                      f"weights, as a mean of {len(seen.test[0])} seeds.")


CHALLENGE = Challenge(text="One set of weights for two tasks can be worse than two. Find two linear fits for which it lowers "
                           "the test loss of task B, which has few samples, by a fifth or more.", check=_helps)


def alt_texts(result: Result, config: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    if result.images:
        return _alt_images(result.images, config)
    if result.sequences:
        seen = result.sequences
        mean = seen.by_length.mean(1)
        ends = [f"{format_percent(mean[i, 0])} at {LENGTHS[0]} steps and {format_percent(mean[i, -1])} at {LENGTHS[-1]}"
                for i in (0, 1)]
        place = seen.by_place.mean(1)
        return {"length": f"Shares right against length: one cell {ends[0]}, a cell for each step {ends[1]}.",
                "place": f"Shares right against where the pattern stands: one cell at least {format_percent(place[0].min())}, "
                         f"a cell for each step at least {format_percent(place[1].min())}.",
                "example": f"A training sequence of {seen.length} steps.",
                "counts": f"{seen.parameters[0]:,} parameters with one cell, {seen.parameters[1]:,} with {seen.length}."}
    assert result.tying
    seen, at = result.tying, tie_index(config)
    far, mean = distances(seen), seen.test.mean(1)
    return {"weights": f"Two paths of weights that approach as the tie tightens; at s = {SHARES[at]:g} they are "
                       f"{format_number(far[at])} apart on average.",
            "losses": f"Test losses from separate to shared: task A {_unit(seen, mean[0, 0])} to {_unit(seen, mean[-1, 0])}, "
                      f"task B {_unit(seen, mean[0, 1])} to {_unit(seen, mean[-1, 1])}.",
            "gap": f"The distance of both weight vectors falls from {format_number(far[0])} to {format_number(far[-1])}.",
            "tasks": "Two tasks, the second with few samples."}


def _alt_images(seen: Images, config: Config) -> dict[str, str]:
    at = size_index(config)
    mean = seen.accuracy[:, at].mean(1)
    digit = int(seen.label_B[config.digit])
    said = {name: ", ".join(format_percent(v) for v in mean[a]) for name,
            a in (("ConvNet", 0), ("MLP of equal size", seen.equal))}
    return {"shift": "Shares right at shifts of 0 to 3 pixels: " + "; ".join(f"{k} {v}" for k, v in said.items()) + ".",
            "size": f"Share right by training images: the ConvNet from {format_percent(seen.accuracy[0, 0, :, 0].mean())} to "
                    f"{format_percent(seen.accuracy[0, -1, :, 0].mean())}.",
            "budget": f"Shares right against parameters: ConvNet of {seen.parameters[0]:,}, MLPs of {seen.parameters[1]:,} to "
                      f"{seen.parameters[-1]:,}.",
            "maps": f"The digit {digit}, moved by {format_as(config.dx)} and {format_as(config.dy)} pixels, and four of its "
                    "maps.",
            "says": f"Bars of what each net gives each class for this {digit}.",
            "filters": "Four filters of 3 × 3 weights above four pictures of 12 × 12 weights.",
            "gradient": "Nine pictures, one for each weight of a filter: what each place adds to its gradient.",
            "equivariance": "Distance of moved maps from maps of the moved picture, with circular and with zero padding.",
            "leak": "A map of a blank picture: flat with circular padding, framed with zero padding where it leaks.",
            "setup": f"The digit {digit} as trained on, and moved by two pixels."}


def tie_words(seen: Tying, config: Config) -> str:
    """λ at the slider, as a caption says it."""
    value = strength(SHARES[tie_index(config)], UNIT[seen.problem])
    return "∞" if value == float("inf") else format_number(value)
