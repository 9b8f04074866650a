"""What the pictures of the cliff show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import math

from core.clipping import ARMS, length
from core.lessons import exploding_gradients_recurrent as recurrent
from core.lessons.exploding_gradients import Config, Result, seen
from core.words import short


def told(value: float) -> str:
    return short(value, 3) if math.isfinite(value) else "no longer finite"


def _factor(value: float) -> str:
    """A product of many factors, which a float may be too small for."""
    return "less than 10⁻³⁰⁰" if value < 1e-300 else told(value)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def contour(result: Result, scene: Config) -> str:
    return f"Map of J over w and b with three runs of {scene.steps} steps. " + seen(result, scene).replace("**", "")


def _ends(values: list[float]) -> str:
    return ", ".join(f"{name.lower()} {told(v)}" for name, v in zip(ARMS.values(), values, strict=True))


def steps(result: Result, scene: Config) -> str:
    longest = (scene.learning_rate * length(result.used)).nan_to_num(math.inf, math.inf).amax(0).tolist()
    return (f"Length of each step on a logarithmic scale. The longest: {_ends(longest)}; "
            f"ε·c is {told(scene.learning_rate * scene.threshold)}.")


def loss(result: Result, scene: Config) -> str:
    return (f"Loss J on a logarithmic scale, from {told(float(result.losses[0, 0]))}. After {scene.steps} steps: "
            f"{_ends(result.losses[-1].nan_to_num(math.inf).tolist())}.")


def surface(result: Result) -> str:
    return (f"The same map as a surface: J runs from {told(float(result.grid.min()))} to {told(float(result.grid.max()))} "
            "over the part that is drawn.")


def through(result: Result, scene: Config) -> str:
    k = list(ARMS).index(scene.inside)
    first, last = (float(result.through[s, k, -1].nan_to_num(math.inf)) for s in (0, -1))
    bound = abs(scene.start_w) * recurrent.STEEPEST[scene.unit]
    return (f"Size of the gradient back through {_count(scene.T, 'step')}, on a logarithmic scale: "
            f"times {_factor(first)} at the start of the run, times {_factor(last)} at its end. "
            f"At the start the bound is {told(bound)} for each step.")


def direction(result: Result, scene: Config) -> str:
    g = length(result.slopes[:, list(ARMS).index(scene.inside)]).nan_to_num(math.inf)
    return (f"The gradient of the run {ARMS[scene.inside].lower()} at each step, with the circle and the square that it is "
            f"clipped to. It is longer than c at {int((g > scene.threshold).sum())} of {len(g)} steps.")


def chains(result: Result, scene: Config) -> str:
    ends = ", ".join(f"{kind} {told(float(v[:, -1].median()))}" for kind, v in result.chains.items())
    return (f"Length of a gradient against layers, on a logarithmic scale. After {_count(scene.T, 'layer')} at gain "
            f"{scene.gain:g} the medians are: {ends}; g to the power of the depth is {told(scene.gain ** scene.T)}.")
