"""What batch_norm promises, to be counted over seeds."""

import dataclasses
import math

import numpy as np
import torch

from core.engine import cross_entropy
from core.engine.block_norm import KINDS
from core.lessons.batch_norm import lesson
from core.lessons.batch_norm.lesson import BATCH_SIZES, COMPARED, Config, Result, evaluation, row
from core.lessons.batch_norm.race import NET, RATES, batches, data
from tests.promises import Promise

LN10 = math.log(10)


def layer(scene: Config, factor: float = 1.0) -> np.ndarray:
    """Algorithm 1 on the scene's batch times `factor`, worked out apart from the lesson."""
    x = factor * np.array(scene.batch)
    return scene.gamma * (x - x.mean()) / np.sqrt(x.var() + scene.delta) + scene.beta


def doubling_is_forgotten(result: Result, scene: Config) -> bool:
    return scene.factor == 2 and bool(np.allclose(layer(scene), layer(scene, 2.0), atol=1e-5))


def undone(result: Result, scene: Config) -> bool:
    x = np.array(scene.batch)
    return (scene.gamma, scene.beta) == (x.std(), x.mean()) and bool(np.allclose(layer(scene), x, atol=1e-4))


def only_the_order_is_left(result: Result, scene: Config) -> bool:
    """Of this pair, and of any other that is well apart."""
    pairs = [dataclasses.replace(scene, batch=b) for b in (scene.batch, (-7.0, 3.0), (2.0, 2.1), (9.0, -0.5))]
    return all(np.allclose(layer(p), np.sign(np.subtract(p.batch, p.batch[::-1])), atol=0.003) for p in pairs)


def one_far_value_squeezes_the_others(result: Result, scene: Config) -> bool:
    x, y = np.array(scene.batch), layer(scene)
    far = int(np.abs(x - x.mean()).argmax())
    rest = np.delete(x, far)
    alone = dataclasses.replace(scene, batch=tuple(rest))
    return bool(x.std() > 2 * rest.std() and np.ptp(np.delete(y, far)) < 0.5 * np.ptp(layer(alone)))


def the_output_tells_of_the_doubling(result: Result, scene: Config) -> bool:
    return bool(scene.delta >= np.var(scene.batch) and layer(scene, 2.0).std() > 1.2 * layer(scene).std())


def first_losses(scene: Config) -> torch.Tensor:
    """The loss [kinds] of the first batch at the scene's start."""
    images, labels, rng = data(scene.seed)
    index, net = next(batches(rng, scene.batch_size)), dataclasses.replace(NET, groups=scene.groups)
    out = net.forward(lesson.starts(scene), images[None, ..., index], train=True)
    loss = cross_entropy.value(out, labels[None, index])
    return loss[[row(scene, kind, RATES[0]) for kind in KINDS]]


def only_without_norm_does_the_scale_matter(result: Result, scene: Config) -> bool:
    """No rate brings the net without norm below a constant guess; every norm starts at the loss of unscaled weights."""
    ends = evaluation(result, scene).training[KINDS.index("none")]
    guesses = bool((ends.isnan() | (ends > LN10 - 0.1)).all())
    scaled, plain = first_losses(scene), first_losses(dataclasses.replace(scene, weight_scale=1.0))
    return guesses and bool((scaled - plain)[1:].abs().max() < 0.01) and float(scaled[0]) > 100 * float(plain[0])


def lead(result: Result, scene: Config) -> list[float]:
    """How far batch norm is ahead of group norm at each batch size, each at its best rate."""
    best = evaluation(result, scene).sizes.nan_to_num(nan=math.inf).amin(-1)
    return (best[:, COMPARED.index("group")] - best[:, COMPARED.index("batch")]).tolist()


def small_batches_cost_batch_norm_its_lead(result: Result, scene: Config) -> bool:
    assert [arm.batch_size * arm.step for arm in result.sizes] == [512] * len(BATCH_SIZES)
    two, eight = (lead(result, scene)[BATCH_SIZES.index(m)] for m in (2, 8))
    return eight > 0 and two < 0.85 * eight


def more_rates_train_with_batch_norm(result: Result, scene: Config) -> bool:
    ends = evaluation(result, scene).training.mean(-1)
    none, batch = ((ends[KINDS.index(kind)] < LN10 / 2).sum() for kind in ("none", "batch"))
    return bool(batch > none)


PROMISES = [
    Promise(preset="Doubled", holds=doubling_is_forgotten),
    Promise(preset="Undone", holds=undone),
    Promise(preset="A batch of two", holds=only_the_order_is_left),
    Promise(preset="An outlier", holds=one_far_value_squeezes_the_others),
    Promise(preset="δ is not small", holds=the_output_tells_of_the_doubling),
    Promise(preset="Weights ten times too large", holds=only_without_norm_does_the_scale_matter),
    Promise(preset="From 2 to 64 a batch", holds=small_batches_cost_batch_norm_its_lead),
    Promise(claim="batch norm trains at more learning rates than no norm", holds=more_rates_train_with_batch_norm),
]
