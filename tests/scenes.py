"""Scenes by chance, for claims that must hold wherever the controls stand."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, TypeVar

import plotly.graph_objects as go
from hypothesis import strategies as st

from core.controls import Choice, Choices, Control, Grid, InvalidValue, Number, Numbers, Switch
from core.drawings import LEVELS, Asset, Points, Raster
from core.lesson import Scene
from core.question import Amount, Pick, Question, Sketch
from tests.composition import faults
from tests.pages import PageSpec
from ui.chart import Board, Panel, encode

S = TypeVar("S", bound=Scene)
R = TypeVar("R")

# What no word of a page may hold: what a program calls its numbers, and a hyphen for a minus sign.
NO_WORD = re.compile(r"(?i:\b(nan|inf)\b)|\b(None(?! of)|True|False)\b|∞ (times|%)|(?i:\de[-+]?\d)|(?<![\w:-])-[\d.]")


def anything(config: type[S], rng: random.Random, **fixed: Any) -> S:
    """A scene with every field drawn by chance but the `fixed` ones; lists of numbers stay as they open."""
    while True:
        values = {name: drawn(control, rng) for name, control in config.controls().items() if name not in fixed}
        try:
            return config(**{name: value for name, value in values.items() if value is not None}, **fixed)
        except InvalidValue:
            continue


def drawn(control: Control, rng: random.Random) -> Any:
    match control:
        case Choice():
            return rng.choice(list(control.options))
        case Choices():
            return tuple(one for one in control.options if rng.random() < 0.5) or tuple(control.options)
        case Switch():
            return rng.random() < 0.5
        case Grid():
            return rng.choice(control.values)
        case Number(whole=True):
            return control.nearest(rng.randint(int(control.low), int(control.high)))
        case Number() if control.low > 0 and control.high > 100 * control.low:
            return control.nearest(math.exp(rng.uniform(math.log(control.low), math.log(control.high))))
        case Number():
            return control.nearest(rng.uniform(control.low, control.high))
    return None


def field(control: Control) -> st.SearchStrategy[Any]:
    """Any value of a field, its two ends as often as all between them."""
    match control:
        case Choice():
            return st.sampled_from(list(control.options))
        case Choices():
            some = st.lists(st.booleans(), min_size=len(control.options), max_size=len(control.options)).map(
                lambda flags: tuple(name for name, flag in zip(control.options, flags, strict=True) if flag))
            inner = some.filter(lambda names: len(names) >= control.least)
        case Switch():
            return st.booleans()
        case Grid():
            inner = st.sampled_from(control.values)
        case Number(whole=True):
            inner = st.integers(int(control.low), int(control.high)).map(control.nearest)
        case Number() if control.low > 0 and control.high > 100 * control.low:
            inner = st.floats(math.log(control.low), math.log(control.high)).map(lambda v: control.nearest(math.exp(v)))
        case Number():
            inner = st.floats(control.low, control.high).map(control.nearest)
        case Points():
            level = st.integers(0, LEVELS - 1)
            inner = st.lists(st.tuples(level, level, st.integers(0, control.classes - 1)), min_size=control.least,
                             max_size=control.most).map(tuple)
        case Raster():
            count = control.height * control.width
            inner = st.binary(min_size=count, max_size=count).map(lambda data: bytes(v % control.levels for v in data))
        case Asset():
            return st.just("")
        case Numbers():
            inner = st.lists(st.floats(control.low, control.high).map(lambda v: round(v, 2)), min_size=control.least,
                             max_size=control.most).map(tuple)
        case _:
            raise TypeError(type(control))
    return st.one_of(st.sampled_from(control.edges()), inner)


def scenes(config: type[S]) -> st.SearchStrategy[S]:
    """Every scene that the controls can reach; what a field's own bounds or a rule between fields refuse is drawn again."""
    def valid(values: dict[str, Any]) -> S | None:
        try:
            return config(**values)
        except InvalidValue:
            return None

    opening = config()
    # Most fields at their opening value in some scenes, all of them anywhere in others.
    fields = {name: st.one_of(st.just(getattr(opening, name)), field(control), field(control))
              for name, control in config.controls().items()}
    return st.fixed_dictionaries(fields).map(valid).filter(lambda scene: scene is not None)  # pyright: ignore


def ends(config: type[S], seed: int = 0) -> list[S]:
    """Scenes in which every field stands at each of its ends at least once, most of the fields at a time."""
    rng, opening = random.Random(seed), config()
    missing = {(name, end) for name in config.controls() for end in (0, 1)}
    found: list[S] = []
    for _ in range(1000):
        values, here = {}, set()
        for name, control in config.controls().items():
            end = rng.choice([e for e in (0, 1) if (name, e) in missing] or [0, 1])
            if rng.random() < 0.75:
                values[name] = control.edges()[end]
                here.add((name, end))
        try:
            scene = config(**values)
        except InvalidValue:
            continue
        if here & missing:
            missing -= here
            found.append(scene)
        if not missing:
            break
    # An end that a rule between fields never allows together with others may still stand alone.
    for name, end in sorted(missing):
        try:
            found.append(config(**{name: opening.controls()[name].edges()[end]}))
        except InvalidValue:
            continue
    return found


def distinct(results: Iterable[R]) -> Iterator[R]:
    """Each Result once: a run that only pauses yields the last one again."""
    before = None
    for result in results:
        if result is not before:
            yield result
        before = result


def blind(scene: S) -> S:
    """The scene as `steps` may see it: a field that only changes the drawing raises AssertionError when it is read."""
    views = {name for name, control in scene.controls().items() if control.view}

    class Blind(type(scene)):
        def __getattribute__(self, name: str) -> Any:
            assert name not in views, f"the run reads {name}, which is marked `view` and no part of its key"
            return super().__getattribute__(name)

        def trained(self) -> Any:
            return self

    seen = object.__new__(Blind)
    seen.__dict__.update(scene.trained().__dict__)
    return seen  # pyright: ignore[reportReturnType]


def panels(board: Board) -> list[Panel]:
    return [*board.panels, *board.further, *([board.setup] if board.setup else [])]


def words(board: Board, question: Question) -> list[str]:
    """Everything that a board and its question say."""
    labels = board.player.labels if board.player else []
    answers = list(question.options.values()) if isinstance(question, Pick) else []
    return [board.summary, question.text, question.why, *labels, *answers, *(label for label, _, _ in board.legend),
            *(f"{p.title} {p.caption} {p.alt}" for p in panels(board))]


def guesses(question: Question) -> Iterable[Any]:
    match question:
        case Pick():
            return question.options
        case Amount():
            return (question.low, question.high, question.truth)
        case Sketch():
            return ([question.low] * len(question.x), list(question.y))
    return ()


def check(page: PageSpec, module: ModuleType, scene: Scene, result: Any, thorough: bool = False,
          board: Board | None = None) -> None:
    """One result as the app shows it: question, verdicts, every picture, every word. Raises where one cannot be had.

    board: where it has been drawn already. thorough: lets Plotly check every property of every figure, which costs more than
    the drawing.
    """
    question = module.predict(result, scene)
    verdicts = [question.judge(guess).words for guess in guesses(question)]
    board = board or page.draw(result, scene)
    encode(board, question)
    encode(board, further=True)
    assert not (wrong := faults(board, question)), wrong
    for text in [*words(board, question), *verdicts]:
        found = NO_WORD.search(text)
        assert not found, f"“{found and found[0]}” in: {text}"
    if thorough:
        for panel in panels(board):
            if isinstance(panel.figure, go.Figure):  # the other kinds check themselves when they are made
                go.Figure(panel.figure.to_dict())
