"""What multi_task promises, to be counted over seeds. Means are over the data sets of a run: a hundred, or five with nets."""

from __future__ import annotations

import torch

from core.lessons.multi_task import words
from core.lessons.multi_task.lesson import Config, Result, at
from tests.promises import Promise


def loss(result: Result, scene: Config, design: str) -> float:
    r, m = at(scene)
    return float(result.loss[result.designs.index(design), r, m].mean())


def sharing_helps(result: Result, scene: Config) -> bool:
    return loss(result, scene, "none") < 0.9 * loss(result, scene, "separate")


def worse_than_zero(result: Result, scene: Config) -> bool:
    """The truths have mean square 1, which is the loss of answering 0."""
    return loss(result, scene, "none") > 1.0 > loss(result, scene, "separate")


def sharing_harms(result: Result, scene: Config) -> bool:
    return loss(result, scene, "none") > 1.3 * loss(result, scene, "separate")


def bias_and_one_slope(result: Result, scene: Config) -> bool:
    assert result.weights is not None
    w = result.weights[result.designs.index("concatenate")]
    return bool(torch.equal(w[..., 0, :], w[..., 1, :])) and loss(result, scene, "concatenate") > loss(result, scene, "none")


def fits_neither(result: Result, scene: Config) -> bool:
    """Worse than answering 0, and on every seed worse than separate nets."""
    r, m = at(scene)
    return bool((result.loss[1, r, m] > result.loss[0, r, m]).all()) and loss(result, scene, "none") > 0.9


def gates_undo_it(result: Result, scene: Config) -> bool:
    return loss(result, scene, "gate") < 0.5 * loss(result, scene, "none")


PROMISES = [
    Promise(preset="Related tasks, few samples", holds=sharing_helps),
    Promise(preset="Opposite tasks", holds=worse_than_zero),
    Promise(preset="Related tasks, many samples", holds=sharing_harms),
    Promise(preset="A one-hot z is a bias", holds=bias_and_one_slope),
    Promise(preset="Nets, opposite curves, no z", holds=fits_neither),
    Promise(preset="Nets, opposite curves, gated", holds=gates_undo_it),
    Promise(preset="Nets, identical curves", holds=sharing_helps),
    Promise(claim="the challenge can be met", values=dict(samples=48.0, relatedness=0.5),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="the opening does not meet the challenge",
            holds=lambda result, scene: not words.CHALLENGE.check(result, scene, None).right),
]
