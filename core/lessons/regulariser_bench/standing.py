"""How the regularisers stand against early stopping, at the end of the run.

Shapes: S seeds, T trials, R records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from core.intervals import Interval, interval
from core.lessons.regulariser_bench import pairs
from core.lessons.regulariser_bench.arms import Arm
from core.lessons.regulariser_bench.lesson import Result
from core.lessons.regulariser_bench.methods import BASELINE

STOPPING = "stopping"
UNTUNED = "untuned"  # one trial at the shared learning rate: what the others would look good against


class Standing(NamedTuple):
    """One search."""

    name: str
    loss: float  # mean test loss of the chosen nets at the end
    best: float  # and at their best records
    error: float  # mean part of the test samples that the chosen nets get wrong at the end
    apart: Interval  # final loss less that of early stopping (nats), over pairs
    verdict: str  # where that lies: as `pairs.verdict` names it


def standings(result: Result) -> list[Standing]:
    """Of all that is finished, the lowest final loss first; the untuned net and the baseline among them. None where the baseline
    is not finished."""
    whole = {arm.name: arm for arm in result.whole}
    if BASELINE not in whole:
        return []
    losses = {name: (ends(arm)[0][-1], ends(arm)[1][-1], wrong(arm)) for name, arm in whole.items()}
    plain = whole[BASELINE]
    losses[UNTUNED] = plain.test[-1, 0], pairs.best(plain.val[:, :1], plain.test[:, :1])[-1], plain.error[-1, 0]
    stopped = losses[STOPPING][0]
    scale = float(stopped.double().mean())
    found = []
    for name, (final, best, error) in losses.items():
        apart = interval(final - stopped)
        means = (float(part.double().mean()) for part in (final, best, error))
        found.append(Standing(name, *means, apart, pairs.verdict(apart, scale)))
    return sorted(found, key=lambda one: (one.loss != one.loss, one.loss))


def ends(arm: Arm) -> tuple[Tensor, Tensor]:
    """Test loss [r, S] of what validation chooses, final and best, had the run ended at each record so far."""
    return pairs.final(arm.val, arm.test), pairs.best(arm.val, arm.test)


def wrong(arm: Arm) -> Tensor:
    """Part [S] of the test samples that the chosen nets get wrong at the end."""
    return pairs.final(arm.val[-1:], arm.error[-1:])[-1]


def regularisers(found: list[Standing]) -> list[Standing]:
    """Without the baseline, the untuned net and early stopping, with which the others are compared."""
    return [one for one in found if one.name not in (BASELINE, UNTUNED, STOPPING)]


def by_best(found: list[Standing]) -> list[Standing]:
    """The lowest loss at the best records first."""
    return sorted(found, key=lambda one: (one.best != one.best, one.best))


def by_verdict(found: list[Standing]) -> Mapping[str, list[str]]:
    """Verdict -> names of regularisers."""
    return {verdict: [one.name for one in regularisers(found) if one.verdict == verdict]
            for verdict in ("below", "equal", "open", "above", "diverged")}
