"""What dropout promises, to be counted over seeds. Each run trains on five data sets; means are over these."""

from __future__ import annotations

import dataclasses

from core.lessons.dropout import lesson, words
from core.lessons.dropout.lesson import Config, Result
from tests.promises import Promise


def losses(result: Result, rate: int) -> tuple[float, float, float]:
    """With masks on, masks off, and of the test, by NumPy."""
    found = (result.masked_loss, result.train_loss, result.test_loss)
    masked, plain, test = (float(loss.numpy()[-1, rate].astype("float64").mean()) for loss in found)
    return masked, plain, test


def above_though_the_full_net_fits(result: Result, _: Config) -> bool:
    masked, plain, test = losses(result, result.own)
    return masked > test and plain < 0.5 * masked


def far_below(result: Result, _: Config) -> bool:
    masked, _plain, test = losses(result, result.own)
    return masked < 0.5 * test


def geometric_is_exact(result: Result, _: Config) -> bool:
    of = result.averages
    return bool(of.deep is None and of.layer[-1] < 0.06 * of.layer[0] and of.layer_arithmetic[-1] > 0.2 * of.layer_arithmetic[0])


def wrong_labels_are_learned_without(result: Result, scene: Config) -> bool:
    """Of two labels in five that are wrong it contradicts less than one in ten of all, so it fits three quarters of them."""
    return bool(result.train_error[-1, 0].mean() < 0.1 and losses(result, result.own)[2] <= 0.75 * losses(result, 0)[2]
                and scene.corrupt == 40)


def learns_little(result: Result, _: Config) -> bool:
    return losses(result, result.own)[2] > 2 * losses(result, 0)[2] and losses(result, result.own)[1] > 1


def larger(result: Result, _: Config) -> bool:
    return losses(result, result.own)[2] > 1.2 * losses(result, 0)[2]


PROMISES = [
    Promise(preset="Half the units dropped", holds=above_though_the_full_net_fits),
    Promise(preset="Hardly any dropout", holds=far_below),
    Promise(preset="One hidden layer", holds=geometric_is_exact),
    Promise(preset="Two labels in five wrong", holds=wrong_labels_are_learned_without),
    Promise(preset="Wrong labels in the plane", holds=lambda result, scene: bool(
        scene.corrupt == 20 and result.plane and losses(result, result.own)[2] <= 0.75 * losses(result, 0)[2])),
    Promise(preset="Four units in five dropped", holds=learns_little),
    Promise(preset="A narrow net", holds=larger),
    Promise(claim="key: weight scaling of a deep net is approximate", holds=lambda result, _: bool(
        result.averages.deep[-1] > 1.25 * result.averages.deep[0] / 1000**0.5
        and result.averages.deep_arithmetic[-1] > 0.2 * result.averages.deep_arithmetic[0])),
    Promise(claim="key: weight scaling of a deep net is approximate in the plane as well", values=dict(data="two_moons"),
            holds=lambda result, _: bool(
        result.averages.deep[-1] > 1.25 * result.averages.deep[0] / 1000**0.5
        and result.averages.deep_arithmetic[-1] > 0.2 * result.averages.deep_arithmetic[0])),
    Promise(claim="key: a linear regression and one softmax layer are exact", holds=lambda result, _: bool(
        result.averages.line[-1] < 2 * result.averages.line[0] / 1000**0.5
        and result.averages.layer[-1] < 2 * result.averages.layer[0] / 1000**0.5)),
    Promise(claim="title of a picture: nets trained without dropout can less do without units", holds=lambda result, _: bool(
        result.lesion[2, 1].mean() < result.lesion[2, 0].mean())),
    Promise(claim="the challenge is not met by the opening", holds=lambda result, scene: not words.CHALLENGE.check(
        result, scene, None).right),
    Promise(claim="the challenge can be met", values=dict(corrupt=40, p=0.35, steps=600),
            holds=lambda result, scene: words.CHALLENGE.check(result, scene, None).right),
    Promise(claim="the nets without dropout are the same whatever p", values=dict(steps=100), holds=lambda result, scene: bool((
        result.test_loss[-1, 0] - lesson.run(dataclasses.replace(scene, p=0.6)).test_loss[-1, 0]).abs().max() < 0.05)),
]
