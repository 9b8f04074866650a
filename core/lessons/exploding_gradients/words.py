"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

import torch

from core.controls import Grid
from core.formatting import format_as, format_number, format_power_of_ten, table
from core.lessons.exploding_gradients import clipping, recurrent
from core.lessons.exploding_gradients.clipping import ARMS, length
from core.lessons.exploding_gradients.lesson import ARRIVED, THRESHOLDS, Config, Result, arrivals
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict


def vanishes(config: Config) -> bool:
    """Whether the weight of the start lets no gradient grow on its way back: the question is then how much is left."""
    return abs(config.start_w) * recurrent.STEEPEST[config.unit] <= 1


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen: a sentence and a table, computed from the result."""
    steps = f"Within {config.steps} steps "
    if vanishes(config):
        steps = f"Back through {_times(config.T)} the gradient at the start {fade(config)}; "
    rows = [[name, _end(result, k), _longest(result, config, k), format_measured(float(result.losses[-1, k]))]
            for k, name in enumerate(ARMS.values())]
    return f"**{steps}{_fates(result)}.**\n\n{table(['run', 'end', 'longest step', 'J at the end'], rows)}"


def _fate(result: Result, k: int) -> str:
    """gone, valley, or elsewhere: where run k is at its end."""
    return "gone" if result.left_at[k] != NEVER else "valley" if result.arrived_at[k] != NEVER else "elsewhere"


def _fates(result: Result) -> str:
    """What the three runs come to, without a number."""
    ends = [_fate(result, k) for k in range(len(ARMS))]
    if len(set(ends)) == 1:
        return {"gone": "all three runs leave the map", "valley": "all three runs arrive", "elsewhere": "no run arrives"}[ends[0]]
    told = {"gone": "leaves the map", "valley": "arrives", "elsewhere": "does not arrive"}
    free, norm, value = (told[end] for end in ends)
    clipped = f"by norm and by value it {norm}" if norm == value else f"by norm it {norm}, by value it {value}"
    return f"the run without clipping {free}; clipped {clipped}"


def _end(result: Result, k: int) -> str:
    step = int((result.left_at if _fate(result, k) == "gone" else result.arrived_at)[k])
    return {"gone": f"off the map from step {step}", "valley": f"J ≤ {ARRIVED:g} from step {step}",
            "elsewhere": "not arrived"}[_fate(result, k)]


def _longest(result: Result, config: Config, k: int) -> str:
    length = float((config.learning_rate * clipping.length(result.used[:, k])).nan_to_num(torch.inf).max())
    return format_number(length, 3) if math.isfinite(length) else "too large for a float"


def _times(T: int) -> str:
    return f"{T} steps" if T > 1 else "1 step"


def fade(config: Config) -> str:
    """What becomes of the gradient at the start on its way back to the first state."""
    size = _log_size(config)
    power = size / math.log(10)
    times = format_number(math.exp(size), 3) if -3 < power < 5 or size == -math.inf else f"about {format_power_of_ten(power)}"
    return f"is multiplied by {'|w|ᵀ = ' if config.unit == 'linear' else ''}{times}"


def _log_size(config: Config) -> float:
    """log |∂h_T/∂h_0| at the start."""
    theta = torch.tensor([config.start_w, config.start_b], dtype=torch.float64)
    return float(recurrent.log_through(theta, config.unit, recurrent.unroll(theta, config.unit, config.h0, config.T)))


def predict(result: Result, config: Config) -> Pick:
    """Where the run without clipping ends; for a start at which no gradient grows, how much of it is left at the first state."""
    start = f"w\u00a0=\u00a0{format_as(config.start_w)} and b\u00a0=\u00a0{format_as(config.start_b)}"
    if vanishes(config):
        power = _log_size(config) / math.log(10)
        most = format_number(abs(config.start_w) * recurrent.STEEPEST[config.unit], 3)
        bound = "" if config.unit == "linear" else f", where |w|·max φ′ = {most} is the most for a step"
        return Pick(
            text=f"At the start {start}, {_phi(config.unit)}. Followed back through {_times(config.T)}, how much of the gradient "
            "is left?",
            options={"much": "A thousandth at least", "little": "Less, but 10⁻¹² at least", "nothing": "Less than 10⁻¹²"},
            right=("much" if power >= -3 else "little" if power >= -12 else "nothing",), why=f"It {fade(config)}{bound}.")
    return Pick(
        text=f"Gradient descent without clipping starts at {start}, with ε\u00a0=\u00a0{config.learning_rate:g}. "
        f"Where is it after {config.steps} steps?",
        options={"valley": f"In the valley, J ≤ {ARRIVED:g}", "gone": "Far off the map", "elsewhere": "Neither of the two"},
        right=(_fate(result, 0),), why=_why(result, config))


def _why(result: Result, config: Config) -> str:
    match _fate(result, 0):
        case "gone":
            longest = _longest(result, config, 0)
            return f"It ends far off the map, and its longest step is {longest}{' long' if longest[-1].isdigit() else ''}."
        case "valley":
            step = int(result.arrived_at[0])
            return f"It arrives at step {step}." if step else "It starts in the valley, and stays there."
    return f"It has not arrived: after the last step J is {format_measured(float(result.losses[-1, 0]))}."


def _phi(unit: str) -> str:
    return {"tanh": "φ is tanh", "sigmoid": "φ is the sigmoid", "linear": "and the unit is linear"}[unit]


def _check(_: Result, config: Config, answer: float) -> Verdict:
    arrives = arrivals(config)
    larger = [c for c in THRESHOLDS if c > answer and arrives[c]]
    if not arrives[answer]:
        none = "" if any(arrives.values()) else " With this start and this ε no c of the slider does: change them."
        return Verdict(False, f"Run: with c = {answer:g} it does not end at J ≤ {ARRIVED:g} after {config.steps} steps.{none}")
    if larger:
        return Verdict(False, f"Run: with c = {answer:g} it arrives, but it does so with a larger c too.")
    return Verdict(True, f"Run: with c = {answer:g} it arrives within {config.steps} steps, and with no larger c of the slider.")


CHALLENGE = Challenge(
    text="How loose may the clipping be? Find the largest threshold c of the slider with which the run clipped by norm is at the "
    "bottom of the valley (J ≤ 0.001) at the end, from the start and with the learning rate that the page shows.",
    check=_check, answer=Grid(label="Largest c that arrives", values=THRESHOLDS),
)


def format_measured(value: float) -> str:
    return format_number(value, 3) if math.isfinite(value) else "no longer finite"


def _factor(value: float) -> str:
    """A product of many factors, which a float may be too small for."""
    return "less than 10⁻³⁰⁰" if value < 1e-300 else format_measured(value)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def contour(result: Result, scene: Config) -> str:
    return f"Map of J over w and b with three runs of {scene.steps} steps. " + " ".join(
        f"{name}: {_end(result, k)}, longest step {_longest(result, scene, k)}." for k, name in enumerate(ARMS.values()))


def unexplored(result: Result, scene: Config) -> str:
    return (f"Map of J over w and b, from {format_measured(float(result.grid.min()))} to "
            f"{format_measured(float(result.grid.max()))}, with the start at w = {format_as(scene.start_w)} "
            f"and b = {format_as(scene.start_b)}.")


def _ends(values: list[float]) -> str:
    return ", ".join(f"{name.lower()} {format_measured(v)}" for name, v in zip(ARMS.values(), values, strict=True))


def lengths(result: Result, scene: Config) -> str:
    longest = (scene.learning_rate * length(result.used)).nan_to_num(math.inf, math.inf).amax(0).tolist()
    return (f"Length of each step on a logarithmic scale. The longest: {_ends(longest)}; "
            f"ε·c is {format_measured(scene.learning_rate * scene.threshold)}.")


def loss(result: Result, scene: Config) -> str:
    return (f"Loss J on a logarithmic scale, from {format_measured(float(result.losses[0, 0]))}. After {scene.steps} steps: "
            f"{_ends(result.losses[-1].nan_to_num(math.inf).tolist())}.")


def surface(result: Result) -> str:
    return (f"J over w and b as a surface: it runs from {format_measured(float(result.grid.min()))} to "
            f"{format_measured(float(result.grid.max()))} "
            "over the part that is drawn.")


def through(result: Result, scene: Config) -> str:
    k = list(ARMS).index(scene.inside)
    first, last = (float(result.through[s, k, -1].nan_to_num(math.inf)) for s in (0, -1))
    bound = abs(scene.start_w) * recurrent.STEEPEST[scene.unit]
    return (f"Size of the gradient back through {_count(scene.T, 'step')}, on a logarithmic scale: "
            f"times {_factor(first)} at the start of the run, times {_factor(last)} at its end. "
            f"At the start the bound is {format_measured(bound)} for each step.")


def direction(result: Result, scene: Config) -> str:
    g = length(result.slopes[:, list(ARMS).index(scene.inside)]).nan_to_num(math.inf)
    return (f"The gradient of the run {ARMS[scene.inside].lower()} at each step, with the circle and the square that it is "
            f"clipped to; by norm it keeps its direction. "
            f"It is longer than c at {int((g > scene.threshold).sum())} of {len(g)} steps.")


def chains(result: Result, scene: Config) -> str:
    ends = ", ".join(f"{kind} {format_measured(float(v[:, -1].median()))}" for kind, v in result.chains.items())
    return (f"Length of a gradient against layers, on a logarithmic scale. After {_count(scene.T, 'layer')} at gain "
            f"{scene.gain:g} the medians are: {ends}; g to the power of the depth is {format_measured(scene.gain ** scene.T)}.")
