"""Writes the skeleton of a lesson: `make lesson NAME=slug`. What is missing after that, the contract tests say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

LESSON = '''"""One sentence: the claim.

The objective in full, with its scaling. The paper, with the number of the equation.

Shapes: N samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from core.controls import number
from core.engine import generators, normals
from core.lesson import Scene, last


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    size: int = number(50, low=10, high=200, step=10, label="Samples N")


@dataclass(frozen=True)
class Result:
    x_N: Tensor  # what was drawn


def steps(config: Config) -> Iterator[Result]:
    yield Result(normals(generators([config.seed]), config.size)[0])


def run(config: Config) -> Result:
    return last(steps(config))
'''

WORDS = '''"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from core.lessons.{slug}.lesson import Config, Result
from core.question import Challenge, Pick, Verdict


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen, computed from the result."""
    return f"**The mean of {{config.size}} draws is {{float(result.x_N.mean()):.2f}}.**"


def predict(result: Result, config: Config) -> Pick:
    """Which side of zero the mean of the draws lies on."""
    mean = float(result.x_N.mean())
    return Pick(text=f"On which side of zero is the mean of {{config.size}} draws?",
                options={{"above": "Above", "below": "Below"}}, right=("above" if mean > 0 else "below",),
                why=f"The mean of the draws is {{mean:.2f}}.")


def _check(result: Result, config: Config, answer: None) -> Verdict:  # noqa: ARG001
    mean = float(result.x_N.mean())
    return Verdict(abs(mean) < 0.01, f"The mean of this scene is {{mean:.3f}}.")


CHALLENGE = Challenge(text="Find a scene whose mean is within 0.01 of zero.", check=_check)
'''

PACKAGE = '''from core.lessons.{slug}.lesson import Config, Result, run, steps
from core.lessons.{slug}.words import CHALLENGE, predict, summary

__all__ = ["CHALLENGE", "Config", "Result", "predict", "run", "steps", "summary"]
'''

FIGURES = '''"""Pictures of {slug}."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from core.lessons.{slug}.lesson import Config, Result
from figures import style


def samples(result: Result) -> go.Figure:
    dots = dict(type="scatter", y=style.array(result.x_N), mode="markers", marker=dict(color=style.colour("train")),
                hovertemplate="sample %{{x}}: %{{y:.3f}}<extra></extra>")
    return style.figure([dots], x="sample", y="value")


def setup(scene: Config) -> go.Figure:
    """The axes, without a sample: what is seen while the question is asked."""
    return style.figure(x="sample", y="value", xaxis_range=[-1, scene.size], yaxis_range=[-3.5, 3.5])


def thumbnail(result: Result, scene: Config) -> dict[str, Any]:
    """The home page's small picture."""
    return style.thumbnail(style.mark("dots", range(scene.size), result.x_N, "train"), x=(-1, scene.size), y=(-3, 3))
'''

PAGE = '''"""{slug}: what it teaches, in a few words."""

from core.engine import normals
from core.lessons.{slug}.lesson import Config, Result
from core.lessons.{slug}.words import summary
from figures.{slug} import pictures
from ui import page
from ui.chart import Board, Panel
from ui.page import Preset

PRESETS = [Preset("Opening", "Why one should look."), Preset("Few", "Ten samples.", dict(size=10)),
           Preset("Many", "Two hundred samples.", dict(size=200))]
MATHS = r"$x_n \\sim \\mathcal N(0, 1)$"


def draw(result: Result, scene: Config) -> Board:
    hero = Panel(id="samples", figure=lambda: pictures.samples(result), height="tall", title="Draws from a normal distribution",
                 caption="Every dot is one draw.", alt=f"{{scene.size}} draws against their place.")
    setup = Panel(id="setup", figure=lambda: pictures.setup(scene), title="Where the draws will be",
                  caption="One place for each.", alt=f"Empty axes with {{scene.size}} places.")
    return Board(panels=[hero], setup=setup, summary=summary(result, scene))


page.show("{slug}", draw, presets=PRESETS, maths=MATHS, code=(normals,), symbols={{"N": "size"}})
'''

EXAMPLE = '''"""The same in plain PyTorch."""

import torch


def main() -> dict[str, float]:
    x = torch.randn(50, generator=torch.Generator().manual_seed(0))
    numbers = {{"mean": x.mean().item()}}
    print(numbers)
    return numbers


if __name__ == "__main__":
    main()
'''

TEST = '''"""{slug}: oracle tests."""

from __future__ import annotations

import pytest

from core.lessons.{slug} import lesson
from examples import {slug} as example


def test_the_example_tells_the_same():
    result = lesson.run(lesson.Config())
    assert example.main()["mean"] == pytest.approx(float(result.x_N.mean()), abs=1e-6)
'''

PROMISES = '''"""What {slug} promises, to be counted over seeds."""

from __future__ import annotations

from core.lessons.{slug}.lesson import Config, Result
from tests.promises import Promise


def drawn(result: Result, scene: Config) -> bool:
    return len(result.x_N) == scene.size


PROMISES = [Promise(preset=name, holds=drawn) for name in ("Opening", "Few", "Many")]
'''

ROOMS = {
    "core/lessons/{slug}/__init__.py": PACKAGE, "core/lessons/{slug}/lesson.py": LESSON, "core/lessons/{slug}/words.py": WORDS,
    "figures/{slug}/__init__.py": "", "figures/{slug}/pictures.py": FIGURES,
    "pages/{slug}.py": PAGE, "examples/{slug}.py": EXAMPLE,
    "tests/lessons/{slug}/__init__.py": "", "tests/lessons/{slug}/test_lesson.py": TEST,
    "tests/lessons/{slug}/promises.py": PROMISES,
}


def main() -> None:
    slug = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        sys.exit("usage: make lesson NAME=slug, the slug in lower case with underscores")
    paths = {ROOT / name.format(slug=slug): text for name, text in ROOMS.items()}
    taken = [str(path.relative_to(ROOT)) for path in paths if path.exists()]
    if taken:
        sys.exit(f"already there: {', '.join(taken)}")
    for path, text in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text is LESSON else text.format(slug=slug))
        print(path.relative_to(ROOT))
    print(f'now add Lesson(slug="{slug}", ...) to core/catalogue.py')


if __name__ == "__main__":
    main()
