"""Learning-rate schedules: factors on the learning rate of each update, as torch.optim.lr_scheduler's.

A schedule is any function step -> factor, a number or one per model [K]; step 0 is the first update. Those here are closed
forms, so a run may be taken up anywhere.
"""

from collections.abc import Callable
from math import cos, pi

from torch import Tensor

Schedule = Callable[[int], float | Tensor]


def step_decay(every: int, factor: float = 0.1) -> Schedule:
    """Times `factor` after each `every` updates (StepLR)."""
    return lambda step: factor ** (step // every)


def exponential_decay(factor: float) -> Schedule:
    """Times `factor` after each update (ExponentialLR)."""
    return lambda step: factor**step


def cosine(steps: int) -> Schedule:
    """From 1 to 0 along half a cosine within `steps` updates, 0 afterwards (CosineAnnealingLR up to there)."""
    return lambda step: (1 + cos(pi * min(step, steps) / steps)) / 2


def warmup(steps: int, start: float = 1 / 3) -> Schedule:
    """From `start` to 1 in equal increments within `steps` updates, 1 afterwards (LinearLR)."""
    return lambda step: start + (1 - start) * min(step, steps) / steps
