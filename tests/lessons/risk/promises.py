"""What risk promises, to be counted over seeds."""

from __future__ import annotations

import numpy as np

from core.lessons.risk.lesson import CAPACITIES, HELD_FROM, ZERO, Config, Result, contains_target
from tests.promises import Promise

at = CAPACITIES.index


def medians(result: Result) -> np.ndarray:
    """Median J* over the draws, by capacity."""
    return np.median(result.risk.numpy(), axis=1)


def rough(result: Result, p: int) -> float:
    """Sum of the squared steps of the drawn fit."""
    return float((result.fits[at(p)].diff() ** 2).sum())


def every_sample_hit(result: Result, scene: Config) -> bool:
    off = float((result.fits[scene.at] - result.truth).abs().max())
    return CAPACITIES[scene.at] == scene.m == 12 and float(result.J[scene.at, 0]) < ZERO and off > 10 * scene.sigma


def too_simple(result: Result, scene: Config) -> bool:
    return CAPACITIES[scene.at] == 3 and min(float(result.J[scene.at, 0]), float(result.risk[scene.at, 0])) > 3 * scene.sigma**2


def about_right(result: Result, scene: Config) -> bool:
    risk = medians(result)
    own = result.risk[:, 0]
    return (risk[scene.at] < 1.25 * risk.min() and risk[scene.at] < 0.1 * risk[at(12)]
            and float(own[scene.at]) < 0.1 * float(own[at(12)]))


def far_past(result: Result, scene: Config) -> bool:
    """Hardly swings: it goes little more of a way than the truth does, where the fit at p = m goes a far longer one."""
    hits, truth = CAPACITIES[scene.at] == 200 and float(result.J[scene.at, 0]) < ZERO, float((result.truth.diff() ** 2).sum())
    return hits and rough(result, 200) < 1e-2 * rough(result, scene.m) and rough(result, 200) < 4 * truth


def climbs_again(result: Result, scene: Config) -> bool:
    """Spiky: it goes a longer way than the truth does, by far. J* climbs: from its lowest past p = N to the last."""
    risk, truth = medians(result)[at(scene.m) + 1 :], float((result.truth.diff() ** 2).sum())
    return scene.smooth == 0 and risk[-1] > 1.3 * risk.min() and rough(result, 200) > 10 * truth


def no_peak(result: Result, scene: Config) -> bool:
    risk = medians(result)[at(HELD_FROM) :]
    return scene.ridge == 1e-3 and medians(result)[at(scene.m)] < 1.5 * risk.min() and risk.max() < 4 * scene.sigma**2


def textbook(result: Result, scene: Config) -> bool:
    """Means of 200 draws of noise within a tenth of 2σ², their largest, of the two lines."""
    if not contains_target(scene, HELD_FROM) or contains_target(scene, HELD_FROM - 1):
        return False
    s2, r = scene.sigma**2, result.repeats
    places = [at(p) for p in CAPACITIES if HELD_FROM <= p <= scene.m]
    part = np.array([CAPACITIES[i] for i in places]) / scene.m
    off = [np.abs(v.numpy()[places] - s2 * (1 + sign * part)).max() for v, sign in ((r.J, -1), (r.fresh, 1))]
    return max(off) < 0.1 * 2 * s2


PROMISES = [
    Promise(preset="Every sample hit", holds=every_sample_hit),
    Promise(preset="Too simple", holds=too_simple),
    Promise(preset="About right", holds=about_right),
    Promise(preset="Far past p = N", holds=far_past),
    Promise(preset="No preference for smoothness", holds=climbs_again),
    Promise(preset="A little ridge", holds=no_peak),
    Promise(preset="A cubic truth", holds=textbook),
    Promise(claim="title: the J* of a fit that minimises J to zero is far above the lowest there is",
            holds=lambda result, scene: medians(result)[at(scene.m)] > 10 * medians(result).min()),
    Promise(claim="thumbnail: J* falls, peaks at p = N and falls again", holds=lambda result, scene:
            abs(CAPACITIES[int(medians(result).argmax())] - scene.m) <= 1 and medians(result)[-1] < medians(result)[0]),
    Promise(claim="help: independent inputs leave gaps in which a fit is free to swing", values=dict(inputs="independent"),
            holds=lambda result, scene: medians(result)[at(scene.m)] > 1000 * scene.sigma**2),
]
