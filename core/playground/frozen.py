"""Weights and units of a net that are held where they are, as one field of a set-up.

A weight is (layer, unit, input), a bias (layer, unit, 0), a whole unit (layer, unit), all counted from 1; the layer after the
last hidden one is the output. Names beyond the net are kept and mean nothing, so that a layer taken away and put back has its own
again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.controls import Control, declare
from core.engine import MLP

Name = tuple[int, ...]
LAYERS, UNITS = 7, 32


@dataclass(frozen=True, kw_only=True)
class Frozen(Control):
    """Up to `most` names. In a link they are “1.3” (a unit), “1.3.2” (a weight), with “~” between them."""

    most: int = 200

    def check(self, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a tuple of names, not {type(value).__name__}")
        if len(value) > self.most:
            raise ValueError(f"must hold at most {self.most} names, not {len(value)}")
        for name in value:
            if not isinstance(name, tuple) or len(name) not in (2, 3) or not all(type(v) is int for v in name):
                raise ValueError("must name units by two whole numbers and weights by three")
            if not (1 <= name[0] <= LAYERS and 1 <= name[1] <= UNITS and 0 <= name[-1] <= UNITS):
                raise ValueError(f"must name layers up to {LAYERS} and units up to {UNITS}")
        if len(set(value)) < len(value):
            raise ValueError("must name each once")

    def nearest(self, value: Any) -> tuple[Name, ...]:
        """Those of the names that there can be; raises ValueError for what is no list of names."""
        kept: list[Name] = []
        for name in list(value):
            try:
                self.check((tuple(name),))
            except (TypeError, ValueError):
                continue
            if tuple(name) not in kept:
                kept.append(tuple(name))
        return tuple(kept[: self.most])

    def parse(self, text: str) -> tuple[Name, ...]:
        return tuple(tuple(int(part) for part in name.split(".")) for name in text.split("~")) if text else ()

    def write(self, value: tuple[Name, ...]) -> str:
        return "~".join(".".join(map(str, name)) for name in value)

    def format_value(self, value: tuple[Name, ...]) -> str:
        return f"{len(value)} held" if value else "none"

    def edges(self) -> tuple[Any, Any]:
        return (), tuple((layer, unit, 0) for layer in range(1, LAYERS + 1) for unit in range(1, UNITS + 1))[: self.most]


def frozen(**about: Any) -> Any:
    """A field of weights and units that are held; none at first."""
    return declare((), Frozen(hidden=True, **about))


def held(net: MLP, names: tuple[Name, ...]) -> Tensor:
    """[P], True at each parameter that the names hold. A unit's are its weights, its bias and its norm's γ and β."""
    where = torch.zeros(1, net.P, dtype=torch.bool)
    layers = net.views(where)
    for layer, unit, *source in names:
        if layer > len(layers) or unit > layers[layer - 1].weight.shape[1]:
            continue
        parts, at = layers[layer - 1], unit - 1
        if not source:
            for part in parts:
                if part is not None:
                    part[:, at] = True
        elif source[0] == 0:
            parts.bias[:, at] = True
        elif source[0] <= parts.weight.shape[2]:
            parts.weight[:, at, source[0] - 1] = True
    return where[0]
