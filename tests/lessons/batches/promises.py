"""What batches promises, to be counted over seeds."""

import math

import torch

from core.lessons.batches import lesson
from core.lessons.batches.lesson import Config, Result
from tests.promises import Promise


def noise(result: Result, scene: Config, m: int, replacement: bool = False) -> float:
    """The standard deviation, in the plane, of the batches of m that were drawn."""
    cloud = lesson.moment_of(result, scene).cloud[int(replacement), int(math.log2(m)), :, :2]
    return float(cloud.double().square().sum(-1).mean().sqrt())


def fourfold_about_halves(result: Result, scene: Config) -> bool:
    m = scene.batch_size
    return abs(noise(result, scene, 4 * m) / noise(result, scene, m) - 0.5) < 0.06


def one_sample_is_as_noisy_as_samples_differ(result: Result, scene: Config) -> bool:
    samples = lesson.moment_of(result, scene).per_sample[:, :2]
    differ = float((samples - samples.mean(0)).square().sum(1).mean().sqrt())
    return abs(noise(result, scene, 1) / differ - 1) < 0.1 and fourfold_about_halves(result, scene)


def half_of_all_against_draws_with_replacement(result: Result, scene: Config) -> bool:
    """√((N − m)/(N − 1)) = 0.71 for 128 of 256."""
    without, with_replacement = (noise(result, scene, 128, again) for again in (False, True))
    return abs(without / with_replacement - math.sqrt(128 / 255)) < 0.07


def draws_do_not_know_how_many_there_are(result: Result, scene: Config) -> bool:
    """The noise is 1/√m of one sample's, without N, and larger than without replacement."""
    drawn = noise(result, scene, 128, True)
    return abs(drawn * math.sqrt(128) / noise(result, scene, 1, True) - 1) < 0.15 and drawn > 1.2 * noise(result, scene, 128)


def the_gradient_is_short_and_samples_disagree(result: Result, scene: Config) -> bool:
    start, end = result.moments[0], lesson.moment_of(result, scene)
    disagree = [float(moment.per_sample[:, :2].square().sum(1).mean()) for moment in (start, end)]
    return end.step == scene.steps and end.norm < 0.1 * start.norm and disagree[1] > disagree[0] / 2


def medians(values: torch.Tensor) -> list[float]:
    return values.nanmedian(1).values.tolist()


def much_the_same_sharpness(result: Result, scene: Config) -> bool:
    assert result.matched is not None
    found = medians(result.matched.sharpness)
    return max(found) < 1.15 * min(found)


def the_full_batch_meets_the_loss_where_it_is_flatter(result: Result, scene: Config) -> bool:
    """Start by start: of those that are recorded there with the smallest and with the full batch, more than half."""
    assert result.matched is not None
    assert result.arms[-1].learning_rate == 3.2
    small, full = result.matched.sharpness[0], result.matched.sharpness[-1]
    both = small.isfinite() & full.isfinite()
    return 2 * int((full < small)[both].sum()) > int(both.sum())


def matching_the_loss_takes_most_of_the_difference(result: Result, scene: Config) -> bool:
    """Why the loss must be matched: after equal steps the full batch looks sharper than it is at the same loss."""
    assert result.matched is not None
    assert result.ended is not None
    gaps = [math.log(medians(found.sharpness)[-1] / medians(found.sharpness)[0]) for found in (result.matched, result.ended)]
    return abs(gaps[0]) < 0.75 * gaps[1]


PROMISES = [
    Promise(preset="Eight of 256", holds=fourfold_about_halves),
    Promise(preset="One sample", holds=one_sample_is_as_noisy_as_samples_differ),
    Promise(preset="Half of all", holds=half_of_all_against_draws_with_replacement),
    Promise(preset="With replacement", holds=draws_do_not_know_how_many_there_are),
    Promise(preset="Noise stays", holds=the_gradient_is_short_and_samples_disagree),
    Promise(preset="Small steps", holds=much_the_same_sharpness),
    Promise(preset="Linear scaling", holds=the_full_batch_meets_the_loss_where_it_is_flatter),
    Promise(claim="picture “Why the loss must be matched”", holds=matching_the_loss_takes_most_of_the_difference),
]
