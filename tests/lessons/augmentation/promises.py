"""What augmentation promises, to be counted over seeds. Nets are means over five data sets."""

from __future__ import annotations

from core.lessons.augmentation.lesson import SEEDS, Config, Result
from tests.promises import Promise


def some_are_mirrored(result: Result, _: Config) -> bool:
    t = result.transformed
    assert t is not None
    return bool(t.mirrored.any() and not t.mirrored.all()) and [n for n, share in t.mirrors.items() if share] == ["flip"]


def labels_are_kept(result: Result, _: Config) -> bool:
    t = result.transformed
    assert t is not None and t.masks is not None and t.mask is not None
    return set(t.masks.unique().tolist()) <= set(t.mask.unique().tolist()) and t.between > 0


def folds(result: Result, _: Config) -> bool:
    t = result.transformed
    assert t is not None and t.determinant is not None
    return bool((t.determinant <= 0).any())


def noisier(result: Result, _: Config) -> bool:
    t = result.transformed
    assert t is not None
    return bool(((t.images - t.level).std((1, 2, 3)) > 0.02).all())


def errs_more(result: Result, _: Config) -> bool:
    c = result.curves
    assert c is not None
    return bool((c.error[2].mean(-1) > c.error[0].mean(-1)).all())


def harms_no_nucleus(result: Result, _: Config) -> bool:
    c = result.curves
    assert c is not None
    return bool(c.error[2].mean() < c.error[0].mean() + 0.01)


def has_seen_nothing_new(result: Result, _: Config) -> bool:
    """The CVAE and the classifier have the same training digits."""
    g = result.generative
    return g is not None and g.error is not None and g.error.shape[1] == SEEDS and len(g.labels) == 100


def met(result: Result, scene: Config) -> bool:
    from core.lessons.augmentation.words import CHALLENGE
    return CHALLENGE.check(result, scene, None).right


PROMISES = [
    Promise(preset="Liver on the wrong side", holds=some_are_mirrored),
    Promise(preset="A mask moves along", holds=labels_are_kept),
    Promise(preset="Folded", holds=folds),
    Promise(preset="What a scanner does", holds=noisier),
    Promise(claim="speckle roughens every draw", values=dict(picture="ultrasound", transforms=("speckle",)), holds=noisier),
    Promise(preset="A flipped digit", holds=errs_more),
    Promise(preset="A flipped nucleus", holds=harms_no_nucleus),
    Promise(preset="Digits made up", holds=has_seen_nothing_new),
    Promise(claim="the challenge can be met", values=dict(transforms=("ffd",), spacing=48, reach=23.0), holds=met),
]
