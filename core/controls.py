"""What can be set: the kinds of fields of a Config, each with its bounds, step, label, unit and help.

A field is declared by one of `number`, `grid`, `choice`, `choices`, `switch`, `numbers`; validation, widget, link and
tests all read the declaration.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.formatting import format_number


class InvalidValue(ValueError):
    """A value that a field cannot take. `field` names the field; the message is one sentence for a reader."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Control:
    """How one field is shown, bounded and written into a link."""

    label: str
    help: str = ""
    unit: str = ""
    more: bool = False  # the widget goes under "More"
    view: bool = False  # changes what is drawn of a run but not the run itself, so that moving it never trains anything again
    hidden: bool = False  # has no widget of its own: a click or the player sets it
    when: tuple[str, tuple[Any, ...]] | None = None  # another field, and the values of it at which this one matters

    def check(self, value: Any) -> None:
        """Raises ValueError, in words that follow the field's name, if the field cannot take the value."""
        raise NotImplementedError

    def nearest(self, value: Any) -> Any:
        """The closest value that `check` accepts; raises ValueError where there is none."""
        raise ValueError(f"nothing is near {value!r}")

    def parse(self, text: str) -> Any:
        """The value that a link's text stands for, unchecked; raises ValueError for garbage."""
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """The text for a link, such that parse(write(v)) == v."""
        return str(value)

    def format_value(self, value: Any) -> str:
        """The value as a reader is told it."""
        return self.write(value) or "none"

    def edges(self) -> tuple[Any, Any]:
        """Two values at the ends of the range, for tests that move a widget as far as it goes."""
        raise NotImplementedError


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"must be a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number, not {value!r}")
    return value


def _plain(value: float) -> str:
    return f"{value:.10g}"


@dataclass(frozen=True, kw_only=True)
class Number(Control):
    """A number from `low` to `high` in steps of `step`; whole where low and step are ints."""

    low: float
    high: float
    step: float

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.step, int)

    def check(self, value: Any) -> None:
        _finite(value)
        if self.whole and not isinstance(value, int):
            raise ValueError(f"must be a whole number, not {value!r}")
        if not self.low <= value <= self.high:
            raise ValueError(f"must lie from {_plain(self.low)} to {_plain(self.high)}, not {_plain(value)}")
        if not math.isclose(value, self._on_step(value), rel_tol=1e-9, abs_tol=1e-9 * self.step):
            raise ValueError(f"must be a multiple of {_plain(self.step)} from {_plain(self.low)}, not {_plain(value)}")

    def _on_step(self, value: float) -> float:
        count = round((value - self.low) / self.step)
        stepped = self.low + count * self.step
        return stepped if self.whole else round(stepped, 10)

    def nearest(self, value: Any) -> Any:
        inside = min(max(_finite(value), self.low), self.high)
        stepped = self._on_step(inside)
        return stepped if stepped <= self.high else self._on_step(self.high - self.step)

    def parse(self, text: str) -> Any:
        if not self.whole:
            return float(text)
        try:
            return int(text)
        except ValueError:
            return float(text)

    def write(self, value: Any) -> str:
        return _plain(value)

    def edges(self) -> tuple[Any, Any]:
        return self.low, self.nearest(self.high)


@dataclass(frozen=True, kw_only=True)
class Grid(Control):
    """A number out of a list in rising order, for quantities that span decades."""

    values: tuple[float, ...]

    def check(self, value: Any) -> None:
        _finite(value)
        if not any(math.isclose(value, v, rel_tol=1e-9, abs_tol=1e-300) for v in self.values):
            raise ValueError(
                f"must be one of the {len(self.values)} values from {_plain(self.values[0])} to "
                f"{_plain(self.values[-1])} that the slider offers, not {_plain(value)}"
            )

    def nearest(self, value: Any) -> Any:
        value = _finite(value)
        inside = min(max(value, self.values[0]), self.values[-1])
        return min(self.values, key=lambda v: abs(v - inside))

    def parse(self, text: str) -> Any:
        value = float(text)
        return next((v for v in self.values if math.isclose(v, value, rel_tol=1e-9, abs_tol=1e-300)), value)

    def format_value(self, value: float) -> str:
        text = _plain(value)
        return format_number(value, 3) if "e" in text else text

    def write(self, value: Any) -> str:
        return _plain(value)

    def edges(self) -> tuple[Any, Any]:
        return self.values[0], self.values[-1]


@dataclass(frozen=True, kw_only=True)
class Choice(Control):
    """One of a few named options: `options` maps each value to its label."""

    options: Mapping[str, str]

    def format_value(self, value: str) -> str:
        return self.options[value]

    def check(self, value: Any) -> None:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(f"must be one of {', '.join(self.options)}, not {value!r}")

    def parse(self, text: str) -> Any:
        return text

    def edges(self) -> tuple[Any, Any]:
        names = list(self.options)
        return names[0], names[-1]


@dataclass(frozen=True, kw_only=True)
class Choices(Control):
    """Some of a few named options, in the options' own order, at least `least` of them."""

    options: Mapping[str, str]
    least: int = 1

    def check(self, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a tuple of names, not {value!r}")
        for name in value:
            if not isinstance(name, str) or name not in self.options:
                raise ValueError(f"must hold names among {', '.join(self.options)}, not {name!r}")
        if len(set(value)) < len(value) or list(value) != [n for n in self.options if n in value]:
            raise ValueError(f"must name each option once, in the order {', '.join(self.options)}")
        if len(value) < self.least:
            raise ValueError(f"must name at least {self.least} of {', '.join(self.options.values())}")

    def nearest(self, value: Any) -> Any:
        kept = tuple(name for name in self.options if name in value)
        if len(kept) < self.least:
            raise ValueError
        return kept

    def parse(self, text: str) -> Any:
        return tuple(text.split(",")) if text else ()

    def format_value(self, value: tuple[str, ...]) -> str:
        return ", ".join(self.options[name] for name in value) or "none"

    def write(self, value: Any) -> str:
        return ",".join(value)

    def edges(self) -> tuple[Any, Any]:
        names = tuple(self.options)
        return names[: max(self.least, 1)], names


@dataclass(frozen=True, kw_only=True)
class Switch(Control):
    """On or off."""

    def check(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"must be on or off, not {value!r}")

    def parse(self, text: str) -> Any:
        if text.lower() in ("1", "true", "on", "yes"):
            return True
        if text.lower() in ("0", "false", "off", "no"):
            return False
        raise ValueError("must be on or off")

    def write(self, value: Any) -> str:
        return "1" if value else "0"

    def edges(self) -> tuple[Any, Any]:
        return False, True


@dataclass(frozen=True, kw_only=True)
class Numbers(Control):
    """A short list of numbers that the reader edits, `least` to `most` of them, each from `low` to `high`."""

    low: float
    high: float
    least: int
    most: int

    def check(self, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a tuple of numbers, not {value!r}")
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"must hold {self.least} to {self.most} numbers, not {len(value)}")
        for item in value:
            _finite(item)
            if not self.low <= item <= self.high:
                raise ValueError(f"must hold numbers from {_plain(self.low)} to {_plain(self.high)}, not {_plain(item)}")

    def nearest(self, value: Any) -> Any:
        items = tuple(min(max(float(v), self.low), self.high) for v in value if math.isfinite(v))[: self.most]
        if len(items) < self.least:
            raise ValueError
        return items

    def parse(self, text: str) -> Any:
        return tuple(float(item) for item in text.split(",")) if text else ()

    def write(self, value: Any) -> str:
        # In full: a field that shows fewer digits than the scene holds would change it when it is read again.
        return ",".join(repr(float(item)).removesuffix(".0") for item in value)

    def edges(self) -> tuple[Any, Any]:
        return (self.low,) * self.least, (self.high,) * self.most


def declare(default: Any, control: Control) -> Any:
    """A field of a Config with its control."""
    return dataclasses.field(default=default, metadata={"control": control})


def number(default: float, **about: Any) -> Any:
    return declare(default, Number(**about))


def grid(default: float, **about: Any) -> Any:
    return declare(default, Grid(**about))


def choice(default: str, **about: Any) -> Any:
    return declare(default, Choice(**about))


def choices(default: tuple[str, ...], **about: Any) -> Any:
    return declare(default, Choices(**about))


def switch(default: bool, **about: Any) -> Any:
    return declare(default, Switch(**about))


def numbers(default: tuple[float, ...], **about: Any) -> Any:
    return declare(default, Numbers(**about))


def decades(low: int, high: int, per_decade: tuple[float, ...] = (1, 2, 5)) -> tuple[float, ...]:
    """Round values from 10^low to 10^high for a `grid`: decades(-3, -1) is 0.001, 0.002, 0.005, ..., 0.1."""
    inner = [float(f"{m}e{e}") for e in range(low, high) for m in per_decade]
    return (*inner, float(f"1e{high}"))
