"""The contract of a lesson: what can be set, how a run is asked for, how a link is read.

A lesson is a package `core/lessons/<slug>/`. Its `lesson.py` has four names:

    Config           a frozen dataclass that extends `Scene`; its defaults are what links leave out, and so stay as
                     they are; the page opens with its first preset
    Result           a frozen dataclass of detached CPU tensors and scalars
    steps(config)    yields Results, each complete up to where the run has come; the last is the whole. Between two yields a
                     worker is held, for 50 ms at the opening scene and 150 ms at any; where nothing new is to be drawn
                     after that, the same Result is yielded again
    run(config)      the last of them: `return last(steps(config))`

Its `words.py` has all that is said of a run: `summary(result, config)`, `predict`, `CHALLENGE` and the alternative texts.

Every field of a Config is declared once, by one of the functions of `core.controls` or `core.drawings`. A lesson whose Config has
an `asset` field takes the bytes as a second argument, `steps(config, assets)`.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from core.controls import Control, InvalidValue, number

T = TypeVar("T")
S = TypeVar("S", bound="Scene")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Base of every lesson's Config: validates itself, knows its controls, writes and reads links."""

    seed: int = number(
        0, low=0, high=999, step=1, label="Seed", more=True, help="Every random draw of this page starts from it."
    )

    def __post_init__(self) -> None:
        for name, control in self.controls().items():
            try:
                control.check(getattr(self, name))
            except ValueError as error:
                raise InvalidValue(name, f"{name} {error}") from None
        self.rules()

    def rules(self) -> None:
        """Constraints between fields; a lesson overrides it and raises `InvalidValue`."""

    @classmethod
    def controls(cls) -> dict[str, Control]:
        return {f.name: f.metadata["control"] for f in dataclasses.fields(cls)}

    def query(self) -> dict[str, str]:
        """The link of this scene: field name to text, defaults left out."""
        return {
            f.name: f.metadata["control"].write(getattr(self, f.name))
            for f in dataclasses.fields(self)
            if getattr(self, f.name) != f.default
        }

    def matters(self, name: str) -> bool:
        """Whether the field has any effect in this scene (its control's `when`)."""
        when = self.controls()[name].when
        return when is None or getattr(self, when[0]) in when[1]

    def trained(self: S) -> S:
        """This scene with the fields that only change the drawing at their defaults: the key of a run."""
        views = {f.name: f.default for f in dataclasses.fields(self) if f.metadata["control"].view}
        return dataclasses.replace(self, **views)


def scene_from_query(config: type[S], query: Mapping[str, str]) -> tuple[S, list[str]]:
    """The scene that a link asks for, made valid.

    config: the lesson's Config; query: parameter to text, whatever a browser sent.
    Returns the scene and one sentence for everything that was replaced.
    """
    controls = config.controls()
    defaults = {f.name: f.default for f in dataclasses.fields(config)}
    notes = [f"The link names “{_truncate(name)}”, which this page does not have; it is left out."
             for name in query if name not in controls]
    values: dict[str, Any] = {}
    for name, text in query.items():
        if name in controls:
            value, note = _read_field(controls[name], text, defaults[name])
            values[name] = value
            notes += [note] if note else []
    for _ in controls:
        try:
            return config(**values), notes
        except InvalidValue as error:
            if error.field not in values:
                break
            label = controls[error.field].label
            notes.append(f"{label}: {error}; {controls[error.field].format_value(defaults[error.field])} is used instead.")
            del values[error.field]
    return config(), [*notes, "The link's values do not go together; the opening scene is shown instead."]


def _read_field(control: Control, text: str, default: Any) -> tuple[Any, str]:
    value: Any = None
    try:
        value = control.parse(text)
        control.check(value)
        return value, ""
    except (ValueError, OverflowError):
        pass
    try:
        used = control.nearest(value) if value is not None else default
        control.check(used)
    except (ValueError, OverflowError, TypeError):
        used = default
    return used, f"{control.label}: “{_truncate(text)}” cannot be used here; {control.format_value(used)} is used instead."


def _truncate(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def last(results: Iterable[T]) -> T:
    """The final item of a run; raises ValueError where there was none."""
    final = deque(results, maxlen=1)
    if not final:
        raise ValueError("the run produced no result")
    return final[0]
