"""Linear regression with dropped inputs, from thinned copies of the data and in closed form.

Shapes: G rates, D features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.engine import spawn
from core.lessons.dropout import data, thinning

FITTED = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75)
COPIES = 30  # thinned copies of the data at each rate
DRAWN = 41  # rates at which the closed form is drawn


@dataclass(frozen=True)
class Ridge:
    """Weights of standardised features, [·, D] float64."""

    names: tuple[str, ...]
    fitted: tuple[float, ...]  # [G] p
    measured: Tensor  # [G, D] least squares on thinned copies
    p: Tensor  # [DRAWN]
    theory: Tensor  # [DRAWN, D] the closed form there


def fits(rng: Generator) -> Ridge:
    """The fits at every rate; each copy of the data has masks of its own."""
    x, y, names = data.people()
    measured = [thinning.thinned_least_squares(x, y, p, spawn([rng] * COPIES)) for p in FITTED]
    p = torch.linspace(0, FITTED[-1], DRAWN, dtype=torch.float64)
    theory = torch.stack([thinning.dropout_ridge(x, y, float(at)) for at in p])
    return Ridge(names, FITTED, torch.stack(measured), p, theory)
