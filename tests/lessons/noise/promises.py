"""What noise promises, to be counted over seeds. Each run trains on five data sets; means are over these."""

from __future__ import annotations

from core.lessons.noise import words
from core.lessons.noise.data import SEEDS
from core.lessons.noise.judging import largest_probability, optimal_gap
from core.lessons.noise.lesson import Config, Result
from tests.promises import Promise


def gap_follows_the_formula(result: Result, scene: Config) -> bool:
    ideal = optimal_gap(result.epsilon[1:], scene.K)
    cap = largest_probability(result.epsilon, scene.K)
    return bool(((result.classes.gap[1:].mean(-1) - ideal).abs() < 0.05 * ideal).all()
                and ((result.classes.sure.mean(-1) - cap).abs() < 0.01).all())


def smoother(result: Result, _: Config) -> bool:
    """Every strength is flatter than none, in the inputs and in the weights."""
    flat, steady = result.numbers.slope_inputs[0].mean(-1), result.numbers.slope_weights[1].mean(-1)
    return bool((flat[1:] < flat[0]).all() and flat[-1] < 0.3 * flat[0] and (steady[1:] < 0.9 * steady[0]).all())


def farther(result: Result, kind: int) -> bool:
    test = result.numbers.test[kind].mean(-1)
    return bool(test[-1] > test[0])


def nearly_flat(result: Result, _: Config) -> bool:
    return bool(result.numbers.slope_inputs[0, -1].max() < 0.1) and farther(result, 0)


def noise_brings_closer(result: Result, _: Config) -> bool:
    """On the drawn seed and on average."""
    test = result.numbers.test
    return bool((test[:, -1].mean(-1) < test[:, 0].mean(-1)).all() and (test[:, -1, 0] < test[:, 0, 0]).all())


def as_sure_as_it_says_or_less(result: Result, scene: Config) -> bool:
    cap = largest_probability(result.epsilon, scene.K)
    return scene.classes == 8 and bool((result.classes.sure[1:].mean(-1) < cap[1:] + 0.005).all())


def a_little_lowers_cross_entropy(result: Result, _: Config) -> bool:
    nll = result.classes.nll.mean(-1)
    return bool(nll[1] < nll[0])


def no_class_from_another(result: Result, scene: Config) -> bool:
    return bool((result.classes.sure[-1] - 1 / scene.K).abs().max() < 0.02 and result.classes.gap[-1].abs().max() < 0.05)


PROMISES = [
    Promise(preset="Three kinds of noise", holds=lambda result, _: len(result.sigma[0]) == 7 and result.x.shape[0] == SEEDS),
    Promise(claim="title: smoother, and not too sure", holds=lambda result, scene: smoother(result, scene)
            and gap_follows_the_formula(result, scene)),
    Promise(preset="Too much input noise", holds=nearly_flat),
    Promise(preset="Too much weight noise", holds=lambda result, _: farther(result, 1)),
    Promise(preset="Few samples, large errors", holds=noise_brings_closer),
    Promise(preset="Eight classes", holds=as_sure_as_it_says_or_less),
    Promise(preset="Classes that overlap", holds=a_little_lowers_cross_entropy),
    Promise(preset="Labels smoothed away", holds=no_class_from_another),
    Promise(claim="the challenge can be met", values=dict(blur=1.0, samples=15, inputs=0.3, weights=0.06, steps=1000),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
]
