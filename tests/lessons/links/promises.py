"""What links promises, to be counted over seeds. Each run has five draws of the problem."""

from __future__ import annotations

from core.lessons.links import words
from core.lessons.links.lesson import Config, Result, at
from core.lessons.links.listing import EXACT, FAILS
from tests.promises import Promise


def at_most_thirty_per_cent(result: Result, scene: Config) -> bool:
    return bool(result.residual("early_stopping").max() < 0.3)


def exact(result: Result, scene: Config) -> bool:
    return bool(result.residual(scene.pair).max() < EXACT)


def apart(result: Result, scene: Config) -> bool:
    return bool(result.residual(scene.pair)[at(scene)].mean() > 2 * FAILS)


def diverges(result: Result, scene: Config) -> bool:
    """No penalty on any draw, and descent is farther from least squares than it was at its start, 0."""
    left, right, plain = result.fits[scene.pair]
    assert plain is not None
    far = (left[at(scene)] - plain).norm(dim=-1) > plain.norm(dim=-1)
    return bool(right[at(scene)].isinf().all() and far.all())


def over_one_and_a_half(result: Result, scene: Config) -> bool:
    return bool((words.most_ratio(result) > 1.5).all())


PROMISES = [
    Promise(preset="Early stopping and L2", holds=at_most_thirty_per_cent),
    Promise(preset="Input noise is L2", holds=exact),
    Promise(preset="Noise drawn once", holds=apart),
    Promise(preset="Dropout of one layer", holds=exact),
    Promise(preset="Dropout of two layers", holds=apart),
    Promise(preset="Steps too large", holds=diverges),
    Promise(preset="Nearly 1.69", holds=over_one_and_a_half),
    Promise(claim="the challenge can be met", values=dict(spread=1.0, noise=30.0, samples=60),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="the opening does not meet the challenge",
            holds=lambda result, scene: not words.CHALLENGE.check(result, scene, None).right),
]
