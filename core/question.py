"""What a lesson asks before it shows its picture, and the goal it sets the reader.

Both are judged from runs, never from a stored answer. A lesson module has

    predict(result, config) -> Pick | Amount | Sketch   the question of this scene, its answer read off the result
    CHALLENGE = Challenge(...)                           a goal, and a check that runs
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.controls import Control
from core.formatting import format_as


@dataclass(frozen=True)
class Verdict:
    """Whether a reader was right, and what is true, in a sentence or two."""

    right: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked before the picture."""

    text: str
    why: str  # explains the answer with the numbers of the run

    def judge(self, guess: Any) -> Verdict:
        """Raises ValueError where the guess is not of the question's kind."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Pick(Question):
    """One of a few answers: a method, a sign, yes or no."""

    options: Mapping[str, str]
    right: tuple[str, ...]  # more than one where the run leaves a tie

    def __post_init__(self) -> None:
        if not self.right or not set(self.right) <= set(self.options):
            raise ValueError(f"right must name some of {list(self.options)}, not {self.right!r}")

    def judge(self, guess: Any) -> Verdict:
        if not isinstance(guess, str) or guess not in self.options:
            raise ValueError(f"must be one of {', '.join(self.options)}, not {guess!r}")
        if guess in self.right:
            return Verdict(True, self.why)
        answer = "” or “".join(self.options[name] for name in self.right)
        return Verdict(False, f"The answer is “{answer}”. {self.why}")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value!r}")
    return float(value)


@dataclass(frozen=True, kw_only=True)
class Amount(Question):
    """A number."""

    low: float
    high: float
    step: float
    truth: float
    within: float  # this far from the truth is right; a factor where `ratio` is set
    unit: str = ""
    ratio: bool = False

    def judge(self, guess: Any) -> Verdict:
        value = _number(guess)
        if self.ratio:
            right = value > 0 and max(value / self.truth, self.truth / value) <= self.within
        else:
            right = abs(value - self.truth) <= self.within
        near = f"You said {format_as(value, '.4g')}{self.unit}; it is {format_as(self.truth, '.4g')}{self.unit}."
        return Verdict(right, f"{near} {self.why}")


@dataclass(frozen=True, kw_only=True)
class Sketch(Question):
    """A curve drawn on empty axes."""

    x: tuple[float, ...]  # some ten to forty places, from left to right
    y: tuple[float, ...]  # the truth there
    x_title: str
    y_title: str
    low: float  # of the axis, wide enough not to give the answer away
    high: float
    within: float = 0.12  # of the axis' height: a sketch whose mean distance from the truth is at most this is right

    def judge(self, guess: Any) -> Verdict:
        if not isinstance(guess, (list, tuple)) or len(guess) != len(self.x):
            raise ValueError(f"must be {len(self.x)} heights")
        drawn = [_number(v) for v in guess]
        off = sum(abs(a - b) for a, b in zip(drawn, self.y, strict=True)) / len(drawn) / (self.high - self.low)
        return Verdict(off <= self.within, f"Your curve is off by {off:.0%} of the axis on average. {self.why}")


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A goal for the reader, judged by running."""

    text: str
    check: Callable[[Any, Any, Any], Verdict]  # check(result, config, answer) runs whatever it needs
    answer: Control | None = None  # what the reader types, None where the scene itself is the answer
    scene: Mapping[str, Any] = field(default_factory=dict)  # fields that it starts from
