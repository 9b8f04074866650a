"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from core.lessons.regulariser_bench.lesson import Config, Result
from core.question import Challenge, Pick, Verdict


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen, computed from the result."""
    return f"**The mean of {config.size} draws is {float(result.x_N.mean()):.2f}.**"


def predict(result: Result, config: Config) -> Pick:
    """Which side of zero the mean of the draws lies on."""
    mean = float(result.x_N.mean())
    return Pick(text=f"On which side of zero is the mean of {config.size} draws?",
                options={"above": "Above", "below": "Below"}, right=("above" if mean > 0 else "below",),
                why=f"The mean of the draws is {mean:.2f}.")


def _check(result: Result, config: Config, answer: None) -> Verdict:  # noqa: ARG001
    mean = float(result.x_N.mean())
    return Verdict(abs(mean) < 0.01, f"The mean of this scene is {mean:.3f}.")


CHALLENGE = Challenge(text="Find a scene whose mean is within 0.01 of zero.", check=_check)
