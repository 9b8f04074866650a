"""What exploding_gradients promises, to be counted over seeds."""

from __future__ import annotations

import math

import torch

from core.lessons.exploding_gradients.lesson import FRAMES, THRESHOLDS, Config, Result
from core.lessons.exploding_gradients.words import CHALLENGE
from tests.promises import Promise

NONE, NORM, VALUE = range(3)


def lengths(result: Result) -> torch.Tensor:
    """Of every step of the three runs [S, 3], from where they stood."""
    return (result.paths[1:] - result.paths[:-1]).norm(dim=-1)


def stays(result: Result, scene: Config, k: int) -> bool:
    """Whether run k ends within the map's own frame, widened by its size."""
    (w0, w1), (b0, b1) = FRAMES[scene.unit]
    w, b = result.paths[-1, k].tolist()
    return 2 * w0 - w1 < w < 2 * w1 - w0 and 2 * b0 - b1 < b < 2 * b1 - b0


def ends_at(result: Result, scene: Config, k: int) -> float:
    """J at the end of run k, unrolled by hand."""
    w, b = result.paths[-1, k].tolist()
    h = scene.h0
    for _ in range(scene.T):
        z = w * h + b
        h = {"tanh": math.tanh, "sigmoid": lambda z: 1 / (1 + math.exp(-z)), "linear": lambda z: z}[scene.unit](z)
    return (h - scene.target) ** 2


def off_the_cliff(result: Result, scene: Config) -> bool:
    return (round(float(lengths(result)[:, NONE].max())) == 27 and not stays(result, scene, NONE)
            and all(stays(result, scene, k) and ends_at(result, scene, k) < 1e-3 for k in (NORM, VALUE)))


def too_loose(result: Result, scene: Config) -> bool:
    return float(lengths(result).amax(0).min()) > 7 - 1e-3 and not any(stays(result, scene, k) for k in range(3))


def too_tight(result: Result, scene: Config) -> bool:
    return float(lengths(result)[:, 1:].max()) < 0.03 and all(ends_at(result, scene, k) > 1e-3 for k in (NORM, VALUE))


def on_the_plateau(result: Result, scene: Config) -> bool:
    return (float(lengths(result).max()) < scene.learning_rate * scene.threshold
            and all(ends_at(result, scene, k) > 0.95 * float(result.losses[0, k]) for k in range(3)))


def along_a_line(result: Result, scene: Config) -> bool:
    """A long run from h₀ = ½ changes sides at b = −w/2 for w > 4, and for w < 4 nothing jumps there."""
    def gap(w: float) -> float:
        ends = []
        for b in (-w / 2 - 1e-3, -w / 2 + 1e-3):
            h = 0.5
            for _ in range(5000):
                h = 1 / (1 + math.exp(-(w * h + b)))
            ends.append(h)
        return ends[1] - ends[0]

    return scene.h0 == 0.5 and gap(3.7) < 0.05 and min(gap(4.3), gap(6.0)) > 0.3 and not stays(result, scene, NONE)


def grows(result: Result, scene: Config) -> bool:
    size = float(result.through[0, 0, -1])
    return round(size, -2) == 9100 and 1e9 < float(lengths(result)[0, NONE]) < 1e12


def vanishes(result: Result, scene: Config) -> bool:
    back = result.through[0, 0]
    return bool((back <= 0.75 ** torch.arange(len(back)) * (1 + 1e-9)).all())


def clipping_bounds(result: Result, scene: Config) -> bool:
    bound = scene.learning_rate * scene.threshold
    longest = lengths(result).amax(0)
    return bool(longest[NORM] <= bound * (1 + 1e-9) and longest[VALUE] <= math.sqrt(2) * bound * (1 + 1e-9))


def one_answer_is_right(result: Result, scene: Config) -> bool:
    return sum(CHALLENGE.check(result, scene, c).right for c in THRESHOLDS) == 1


PROMISES = [
    Promise(preset="The cliff", holds=off_the_cliff),
    Promise(preset="Threshold too large", holds=too_loose),
    Promise(preset="Threshold too small", holds=too_tight),
    Promise(preset="Small learning rate", holds=on_the_plateau),
    Promise(preset="Sigmoid", holds=along_a_line),
    Promise(preset="Linear, |w| > 1", holds=grows),
    Promise(preset="Vanishing", holds=vanishes),
    Promise(claim="title: clipping bounds each step", holds=clipping_bounds),
    Promise(claim="challenge: one answer is right", holds=one_answer_is_right),
]
