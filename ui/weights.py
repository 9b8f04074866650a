"""What a reader does to the weights of the playground's net, as events of its picture: writes one, or holds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from core.playground.frozen import Name
from core.playground.setup import Setup
from core.simulation import Simulation


def handle(event: Mapping[str, Any], run: Simulation, scene: Setup) -> dict[str, Any]:
    """Writes a weight into the run, or returns the field of the scene that says what is held.

    event: `weight` with name [layer, unit, source] and value, `hold` with name [layer, unit] or [layer, unit, source] and on.
    Raises ValueError, in a sentence for the reader, for any other.
    """
    if event["event"] == "weight":
        layer, unit, source = _name(event, 3)
        run.edit(layer, unit, source, _value(event))
        return {}
    name, control = _name(event, 2, 3), scene.controls()["frozen"]
    others = tuple(other for other in scene.frozen if other != name)
    names = (*others, name) if event.get("on") is True else others
    try:
        control.check(names)
    except ValueError as error:
        raise ValueError(f"{control.label} {error}.") from None
    return {"frozen": names}


def _name(event: Mapping[str, Any], *lengths: int) -> Name:
    name = event.get("name")
    if not isinstance(name, list) or len(name) not in lengths or not all(type(part) is int for part in name):
        raise ValueError("The net has no such weight; nothing has changed.")
    return tuple(name)


def _value(event: Mapping[str, Any]) -> float:
    value = event.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("A weight is a number; it stays as it was.")
    return math.inf if abs(value) > 1e300 else float(value)
