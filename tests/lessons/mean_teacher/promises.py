"""What mean_teacher promises, to be counted over seeds. Each run trains five pairs; means are over these."""

from __future__ import annotations

import torch

from core.lessons.mean_teacher import words
from core.lessons.mean_teacher.lesson import SEEDS, Config, Result, gains
from core.lessons.mean_teacher.teacher import shares
from tests.promises import Promise


def helps(result: Result, scene: Config) -> bool:
    return bool(gains(result).mean() > 0.01 and (gains(result) > 0).sum() > SEEDS / 2)


def is_supervised(result: Result, scene: Config) -> bool:
    return torch.equal(result.loss[:, 0], result.loss[:, 1]) and torch.equal(result.score[:, 0], result.score[:, 1])


def teacher_is_the_student(result: Result, scene: Config) -> bool:
    return torch.equal(result.score[:, 1], result.score[:, 2]) and bool((result.cost[1:] > 0).all())


def teacher_is_the_plain_mean(result: Result, scene: Config) -> bool:
    share = shares(scene.steps, scene.decay)
    return torch.allclose(share, torch.full_like(share, 1 / (scene.steps + 1)), rtol=1e-9)


def confirms_errors(result: Result, scene: Config) -> bool:
    """Both agree nearly everywhere, and on more errors than the net alone makes; the teacher is worse."""
    return bool(result.confirmed[-1].mean() > result.mistaken[-1].mean() and result.agree[-1].mean() > 0.9
                and gains(result).mean() < 0)


def stale_statistics_ruin_the_teacher(result: Result, scene: Config) -> bool:
    return bool(gains(result).mean() < -0.1)


def raises_dice(result: Result, scene: Config) -> bool:
    """On average over the pairs: the page counts them, and promises no more."""
    return bool(gains(result).mean() > 0)


def loses_the_instrument(result: Result, scene: Config) -> bool:
    return bool(result.confirmed[-1].mean() > 2 * result.mistaken[-1].mean() and result.agree[-1].mean() > 0.75
                and result.score[-1, 2].mean() < 0.5 * result.score[-1, 0].mean() + 0.05)


def rival_is_as_good(result: Result, scene: Config) -> bool:
    """In the middle one of the five pairs: the mean follows one net that failed."""
    return bool(gains(result).median() < 0.01)


PROMISES = [
    Promise(preset="Twelve labels", holds=helps),
    Promise(preset="No consistency", holds=is_supervised),
    Promise(claim="at decay 0 the teacher is the student", values=dict(decay=0.0), holds=teacher_is_the_student),
    Promise(claim="at decay 0.9999 it is the plain mean of all students", values=dict(decay=0.9999),
            holds=teacher_is_the_plain_mean),
    Promise(preset="A confirmed error", holds=confirms_errors),
    Promise(claim="without a ramp errors are confirmed", values=dict(weight=1000.0, ramp=0), holds=confirms_errors),
    Promise(preset="Stale statistics", holds=stale_statistics_ruin_the_teacher),
    Promise(preset="A simulated clip, one frame labelled", holds=raises_dice),
    Promise(preset="Agreed, and wrong", holds=loses_the_instrument),
    Promise(preset="A stronger rival", holds=rival_is_as_good),
    Promise(preset="Nuclei, three tiles labelled", holds=raises_dice),
    Promise(claim="the challenge can be met", values=dict(weight=1000.0, ramp=0),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="the opening scene does not meet the challenge",
            holds=lambda result, scene: not words.CHALLENGE.check(result, scene, None).right),
]
