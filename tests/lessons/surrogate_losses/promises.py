"""What surrogate_losses promises, to be counted over seeds."""

from dataclasses import replace

import torch

from core.lessons.surrogate_losses import lesson
from core.lessons.surrogate_losses.lesson import Config, Result
from core.lessons.surrogate_losses.surrogates import LOSSES, slope
from core.lessons.surrogate_losses.words import CHALLENGE
from tests.promises import Promise

SQUARED, HINGE, LOGISTIC, EXPONENTIAL = (list(LOSSES).index(loss) for loss in ("squared", "hinge", "logistic", "exponential"))


def _moved(result: Result, scene: Config) -> torch.Tensor:
    return result.moved[result.distances.index(scene.distance)].mean(0)


def exponential_moves_furthest(result: Result, scene: Config) -> bool:
    """And at the margin at which it finds the stray its slope is by far the steepest, so far from bounded is it."""
    still, moved = lesson.run(replace(scene, distance=0)), _moved(result, scene)
    margins = (lesson.scores(still, result.x)[-1] * result.y)[:, result.outlier][:, 0].double()
    slopes = [float(-slope(loss, z)) for loss, z in zip(LOSSES, margins, strict=True)]
    return bool(moved[EXPONENTIAL] > moved[:EXPONENTIAL].max() + 0.01 and slopes[EXPONENTIAL] > 10 * max(slopes[:EXPONENTIAL]))


def nearly_one_class_by_all(result: Result, scene: Config) -> bool:
    given = lesson.scores(result, result.x_validation)[-1] > 0
    return bool((given == given[:1]).all(0).double().mean() >= 0.95)


def only_squared_turns(result: Result, scene: Config) -> bool:
    """The direction of each boundary's normal, against that of the same fit with nothing carried away."""
    still = lesson.run(replace(scene, distance=0))
    angles = [torch.rad2deg(torch.atan2(r.theta[-1, :, 1], r.theta[-1, :, 0])) for r in (result, still)]
    turned, moved = (angles[0] - angles[1]).abs(), _moved(result, scene)
    return bool(turned[SQUARED] > 20 and turned[HINGE:].max() < 5 and moved[SQUARED] > 0.05 and moved[HINGE:].max() < 0.01)


def errors_near_the_least_and_smaller_scores(result: Result, scene: Config) -> bool:
    """Scores against those of the same samples with the right labels."""
    clean = lesson.run(replace(scene, label_noise=0))
    scores, before = (lesson.scores(r, result.x_validation)[-1].abs().mean(1) for r in (result, clean))
    return bool(result.error["validation"][-1].max() < lesson.least_error(scene) + 0.05 and (scores < 0.6 * before).all())


def error_rests_and_loss_climbs(result: Result, scene: Config) -> bool:
    """Over the second half of the run."""
    loss, error = (v["validation"][:, LOGISTIC] for v in (result.loss, result.error))
    half = len(loss) // 2
    below = result.error["train"][-1, LOGISTIC] < lesson.least_error(scene)
    return bool(below and error[half:].max() - error[half:].min() < 0.02 and loss[-1] > 1.05 * loss[half] > 1.2 * loss.min())


def no_error_and_falling_still(result: Result, scene: Config) -> bool:
    loss, error = (v["train"][:, LOGISTIC].double() for v in (result.loss, result.error))
    return bool((error[3:] == 0).all() and (loss[1:].diff() < 0).all() and loss[-1] > 0)


PROMISES = [
    Promise(preset="One outlier", holds=exponential_moves_furthest),
    Promise(preset="No outliers", holds=nearly_one_class_by_all),
    Promise(preset="An outlier on its own side", holds=only_squared_turns),
    Promise(preset="Wrong labels", holds=errors_near_the_least_and_smaller_scores),
    Promise(preset="A net that overfits", holds=error_rests_and_loss_climbs),
    Promise(preset="Separable classes", holds=no_error_and_falling_still),
    Promise(claim="challenge: ten outliers far on their own side, of classes six apart",
            values=dict(side="right", distance=20, outliers=10, apart=6.0),
            holds=lambda result, scene: CHALLENGE.check(result, scene, None).right),
    Promise(claim="caption: each loss bounds the error of its own fit", holds=lambda result, scene: all(
        bool((result.loss[split] >= result.error[split]).all()) for split in ("train", "validation"))),
]
