"""What mixup promises, to be counted over seeds. Each run trains on five data sets; means are over these."""

from __future__ import annotations

from core.lessons.mixup import lesson, words
from core.lessons.mixup.lesson import SEEDS, Config, Result
from tests.promises import Promise


def one_fifth_is_wrong(result: Result, _: Config) -> bool:
    return bool(((result.data.given != result.data.true).double().mean(-1) == 0.2).all())


def unsure_between_and_fewer_errors(result: Result, scene: Config) -> bool:
    """What the challenge takes for granted of the opening scene: there mixup does help, and its nets are in doubt half-way."""
    erm, mixup = lesson.confidence_at_half(result)
    return bool(mixup < erm - 0.2 and result.test_error[-1, 1].mean() < result.test_error[-1, 0].mean())


def ordinary_training_is_left(result: Result, scene: Config) -> bool:
    ends = (result.shares < 0.01) | (result.shares > 0.99)
    erm, mixup = lesson.confidence_at_half(result)
    return bool(ends.float().mean() > 0.9 and abs(erm - mixup) < 0.12)


def hardly_a_real_sample_and_seldom_sure(result: Result, scene: Config) -> bool:
    near, real = (result.shares - 0.5).abs() < 0.2, (result.shares - 0.5).abs() > 0.45
    return bool(near.float().mean() > 0.9 and real.float().mean() < 0.001 and (result.sure[1] > 0.9).float().mean() < 0.1)


def less_sure_than_right(result: Result, scene: Config) -> bool:
    count = result.curve.count[1].double()
    sure = (result.curve.confidence[1].nan_to_num() * count).sum() / count.sum()
    right = 1 - result.test_error[-1, 1].double().mean()
    return bool(sure < right - 0.02 and result.ece[1].mean() > 2 * result.ece[0].mean()
                and (result.data.given == result.data.true).all())


def learns_the_wrong_labels(result: Result, scene: Config) -> bool:
    """Of two labels in five that are wrong it contradicts less than one in ten of all, so it fits three quarters of them."""
    train, test = result.train_error[-1].mean(-1), result.test_error[-1].mean(-1)
    return bool(train[0] < 0.1 and test[1] < test[0] - 0.05)


def digits_as_said(result: Result, scene: Config) -> bool:
    wrong = (result.data.given != result.data.true).double().mean(-1)
    return result.data.x.shape[-1] == 300 and result.data.classes == 10 and bool((wrong == 0.3).all())


PROMISES = [
    Promise(preset="Cat and coffee", holds=one_fifth_is_wrong),
    Promise(claim="the opening scene: mixup helps, and its nets are unsure half-way", holds=unsure_between_and_fewer_errors),
    Promise(preset="Brain and abdomen", holds=lambda result, scene: lesson.places()[scene.frame] == 0.5),
    Promise(preset="Hardly any mixing", holds=ordinary_training_is_left),
    Promise(preset="Nearly half and half", holds=hardly_a_real_sample_and_seldom_sure),
    Promise(preset="Clean labels", holds=less_sure_than_right),
    Promise(preset="40\u00a0% of labels wrong", holds=learns_the_wrong_labels),
    Promise(preset="Digits", holds=digits_as_said),
    Promise(claim="the challenge can be met", values=dict(corrupt=0, alpha=20.0, noise=0.1),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right
            and bool((result.test_error[-1, 1] > result.test_error[-1, 0]).sum() == SEEDS)),
]
