"""What initialisation promises, to be counted over seeds."""

from __future__ import annotations

import math

import torch

from core.lessons.initialisation.lesson import Config, Result
from core.lessons.initialisation.signal import SCHEMES
from core.lessons.initialisation.words import CHALLENGE
from tests.promises import Promise

COLUMN = {s: m for m, s in enumerate(SCHEMES)}


def trained(result: Result) -> set[str]:
    """By the words of the page: the loss has come down to half of what a coin costs, ln 2."""
    return {s for s, m in COLUMN.items() if float(result.losses[-1, m]) <= 0.5 * math.log(2)}


def overflowed(result: Result, scheme: str) -> bool:
    return not bool(result.losses[-1, COLUMN[scheme]].isfinite())


def factors(result: Result, scheme: str) -> torch.Tensor:
    """What the theory multiplies the second moment by at each layer after the first."""
    told = result.theory_forward[COLUMN[scheme]]
    return told[2:] / told[1:-1]


def only_he(result: Result, scene: Config) -> bool:
    halved = all(bool((factors(result, s) - 0.5).abs().max() < 1e-9) for s in ("xavier", "orthogonal"))
    kept = bool((factors(result, "he") - 1).abs().max() < 1e-9)
    # One run is no average; but after thirty halvings no draw is near one that is kept.
    deep = result.forward[0, :, -1]
    lost = all(float(deep[COLUMN[s]]) < 1e-4 * float(deep[COLUMN["he"]]) for s in ("xavier", "orthogonal"))
    return halved and kept and lost and trained(result) == {"he"}


def orthogonal_is_calm(result: Result, scene: Config) -> bool:
    rise = {s: float(result.losses[:, m].diff().max()) for s, m in COLUMN.items()}
    return "orthogonal" in trained(result) and rise["orthogonal"] <= 0 and min(rise["he"], rise["xavier"]) > 0.01


def linear(result: Result, scene: Config) -> bool:
    doubled = bool((factors(result, "he") - 2).abs().max() < 1e-9)
    return doubled and overflowed(result, "he") and not trained(result)


def spread_of_he(result: Result, scene: Config) -> bool:
    deep = result.draws[:, COLUMN["he"], -1]
    return bool((factors(result, "he") - 1).abs().max() < 1e-9) and float(deep.max() / deep.min()) > 100


def symmetry(result: Result, scene: Config) -> bool:
    return not {"constant", "zero"} & trained(result)


PROMISES = [
    Promise(preset="ReLU, 30 layers", holds=only_he),
    Promise(claim="title: without breaking the symmetry no start trains", holds=symmetry),
    Promise(preset="tanh", holds=orthogonal_is_calm),
    Promise(preset="Linear", holds=linear),
    Promise(preset="Adam", holds=lambda result, scene: trained(result) == {"xavier", "he", "orthogonal"}),
    Promise(preset="Gain 1.4", holds=lambda result, scene: (
        trained(result) == {"xavier", "orthogonal"} and overflowed(result, "he"))),
    Promise(claim="challenge: near g² = 2 it is met", values=dict(gain=1.4), holds=lambda result, scene: (
        CHALLENGE.check(result, scene, None).right)),
    Promise(claim="challenge: it is open at first", holds=lambda result, scene: not CHALLENGE.check(result, scene, None).right),
    Promise(preset="Three layers", holds=lambda result, scene: trained(result) == {"xavier", "he", "orthogonal"}),
    Promise(preset="Fifty layers", holds=spread_of_he),
]
