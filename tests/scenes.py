"""Scenes by chance, for claims that must hold wherever the controls stand."""

from __future__ import annotations

import math
import random
from typing import Any, TypeVar

from core.controls import Choice, Choices, Control, Grid, Number, Refused, Switch
from core.lesson import Scene

S = TypeVar("S", bound=Scene)


def anything(config: type[S], rng: random.Random, **fixed: Any) -> S:
    """A scene with every field drawn by chance but the `fixed` ones; lists of numbers stay as they open."""
    while True:
        values = {name: drawn(control, rng) for name, control in config.controls().items() if name not in fixed}
        try:
            return config(**{name: value for name, value in values.items() if value is not None}, **fixed)
        except Refused:
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
