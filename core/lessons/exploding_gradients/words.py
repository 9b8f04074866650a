"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.controls import Grid
from core.formatting import format_number, format_power_of_ten
from core.lessons.exploding_gradients import clipping, recurrent
from core.lessons.exploding_gradients.clipping import ARMS, length
from core.lessons.exploding_gradients.lesson import ARRIVED, THRESHOLDS, Config, Result, arrivals
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen, in sentences computed from the result."""
    moved = config.learning_rate * clipping.length(result.used)
    words = [f"**{name}** {_fate(result, config, k, moved[:, k])}" for k, name in enumerate(ARMS.values())]
    return " ".join(words) + f" Back through {_times(config.T)} the gradient at the start {_fade(config)}."


def _fate(result: Result, config: Config, k: int, moved: Tensor) -> str:
    left, arrived = int(result.left_at[k]), int(result.arrived_at[k])
    longest = int(moved.nan_to_num(torch.inf).argmax())
    length = float(moved[longest])
    step = f"from step {longest + 1} on its numbers are too large for a float"
    if math.isfinite(length):
        step = f"its longest step, number {longest + 1}, has length {format_number(length, 3)}"
    if left != NEVER:
        return f"is far off the map from step {left} on; {step}."
    if arrived == 0:
        return f"starts where J ≤ {ARRIVED:g} already, and stays there."
    if arrived != NEVER:
        return f"arrives at step {arrived}; {step}."
    return f"has not arrived after {config.steps} steps, with J = {format_number(result.losses[-1, k], 3)}; {step}."


def _times(T: int) -> str:
    return f"{T} steps" if T > 1 else "1 step"


def _fade(config: Config) -> str:
    size, bound = _log_size(config), abs(config.start_w) * recurrent.STEEPEST[config.unit]
    power = size / math.log(10)
    times = format_number(math.exp(size), 3) if -3 < power < 5 or size == -math.inf else f"about {format_power_of_ten(power)}"
    if config.unit == "linear":
        return f"is multiplied by |w|ᵀ = {times}"
    each = format_number(math.exp(size / config.T), 3)
    return f"is multiplied by {times}, which is {each} a step, where φ allows at most |w|·max φ' = {format_number(bound, 3)}"


def _log_size(config: Config) -> float:
    """log |∂h_T/∂h_0| at the start."""
    theta = torch.tensor([config.start_w, config.start_b], dtype=torch.float64)
    return float(recurrent.log_through(theta, config.unit, recurrent.unroll(theta, config.unit, config.h0, config.T)))


def predict(_: Result, config: Config) -> Pick:
    """The sign of the slope of log |∂h_T/∂h_t| at the start."""
    size = _log_size(config) / math.log(2)
    right = "grows" if size > 1 else "shrinks" if size < -1 else "stays"
    return Pick(
        text=f"At the start w\u00a0=\u00a0{config.start_w:g} and b\u00a0=\u00a0{config.start_b:g}, ".replace("-", "−")
        + f"{_phi(config.unit)}. "
        f"Followed back through {_times(config.T)}, what does the gradient do?",
        options={"grows": "It grows, more than twofold", "stays": "It keeps its size within a factor of two",
                 "shrinks": "It shrinks to less than half"},
        right=(right,), why=f"It {_fade(config)}.")


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
    return f"Map of J over w and b with three runs of {scene.steps} steps_alt. " + summary(result, scene).replace("**", "")


def _ends(values: list[float]) -> str:
    return ", ".join(f"{name.lower()} {format_measured(v)}" for name, v in zip(ARMS.values(), values, strict=True))


def steps_alt(result: Result, scene: Config) -> str:
    longest = (scene.learning_rate * length(result.used)).nan_to_num(math.inf, math.inf).amax(0).tolist()
    return (f"Length of each step on a logarithmic scale. The longest: {_ends(longest)}; "
            f"ε·c is {format_measured(scene.learning_rate * scene.threshold)}.")


def loss(result: Result, scene: Config) -> str:
    return (f"Loss J on a logarithmic scale, from {format_measured(float(result.losses[0, 0]))}. After {scene.steps} steps_alt: "
            f"{_ends(result.losses[-1].nan_to_num(math.inf).tolist())}.")


def surface(result: Result) -> str:
    return (f"The same map as a surface: J runs from {format_measured(float(result.grid.min()))} to "
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
            f"clipped to. It is longer than c at {int((g > scene.threshold).sum())} of {len(g)} steps_alt.")


def chains(result: Result, scene: Config) -> str:
    ends = ", ".join(f"{kind} {format_measured(float(v[:, -1].median()))}" for kind, v in result.chains.items())
    return (f"Length of a gradient against layers, on a logarithmic scale. After {_count(scene.T, 'layer')} at gain "
            f"{scene.gain:g} the medians are: {ends}; g to the power of the depth is {format_measured(scene.gain ** scene.T)}.")
