"""multi_task: what is said and drawn follows from the tensors of the run."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from core.formatting import format_number
from core.lessons.multi_task import lesson, words
from core.lessons.multi_task.lesson import LINEAR, Config
from core.lessons.multi_task.tasks import RELATEDNESS, SAMPLES, parts, theoretical_edge
from figures.multi_task import pictures
from tests.lessons.multi_task.test_lesson import NETS, whole

RNG = random.Random(3)
SCENES = [Config(relatedness=RNG.choice(RELATEDNESS), samples=float(RNG.choice(SAMPLES)), model=RNG.choice(LINEAR[1:]),
                 noise=RNG.choice((0.2, 1.0, 1.5)), tasks=RNG.choice((2, 4)), seed=RNG.randrange(1000)) for _ in range(10)]
SCENES += [Config(**NETS, net=net, relatedness=-1.0) for net in ("none", "gate", "heads")]


@pytest.mark.parametrize("scene", SCENES)
def test_sentences_follow_from_the_losses(scene: Config):
    result = whole(scene.trained())
    r, m = RELATEDNESS.index(scene.relatedness), SAMPLES.index(int(scene.samples))
    loss = result.loss[:, r, m]
    k = result.designs.index(scene.compared)
    sentence, table = words.summary(result, scene).split("\n\n")
    assert ("errs less than" in sentence) == bool(loss[k].mean() < loss[0].mean())
    assert format_number(loss[k].mean(), 3) in sentence and format_number(loss[0].mean(), 3) in sentence
    worse = int((loss[k] > loss[0]).sum())
    assert f"{worse} of {loss.shape[1]}" in table.splitlines()[2 + k]
    assert f"| {result.counts[k].shared} | {result.counts[k].own} |" in table.splitlines()[2 + k]
    asked = words.predict(result, scene)
    edge = lesson.edges(result, scene.compared)[m]
    assert asked.truth == max(-1, min(1, edge)) and asked.judge(asked.truth).right
    assert ("even for identical" in asked.why) == math.isinf(edge) and ("all the way" in asked.why) == (edge == -1)
    gap = (result.loss[k] - result.loss[0]).mean(-1)[:, m]
    places = [rho for rho, value in zip(RELATEDNESS, gap, strict=True) if value >= 0]
    assert not places or edge >= max(places) or math.isinf(edge)
    verdict = words.CHALLENGE.check(result, scene, None)
    harmed = int((loss[1] > loss[0]).sum())
    assert verdict.right == (scene.relatedness >= 0.5 and harmed >= 0.8 * loss.shape[1])
    assert f"on {harmed} of {loss.shape[1]} seeds" in verdict.words
    assert not any("nan" in text or "inf" in text for text in words.alt_texts(result, scene).values())


def test_the_map_is_shared_minus_separate_with_theory_where_it_holds():
    scene = Config()
    result = whole(scene)
    heat, _, edge, theory, ring = pictures.transfer(result, scene).data
    gap = (result.loss[1] - result.loss[0]).mean(-1)
    assert np.allclose(heat.z, gap.T, atol=1e-6)
    assert np.allclose(edge.x, lesson.edges(result, "none"), atol=1e-6)
    for rho, n in zip(theory.x, theory.y, strict=True):
        assert rho == pytest.approx(theoretical_edge(n, 2, 4, 1.0), abs=1e-4) and rho >= -1
    assert (ring.x[0], ring.y[0]) == (scene.relatedness, scene.samples)
    for other in (Config(model="concatenate"), Config(**NETS)):
        drawn = pictures.transfer(whole(other.trained()), other).data
        assert not any(trace.type == "scatter" and trace.line.dash == "dash" for trace in drawn)


def test_both_pictures_of_fits_have_one_frame_and_the_truth():
    for scene in (Config(), Config(**NETS)):
        result = whole(scene.trained())
        apart, one = (pictures.fit(result, scene, design) for design in ("separate", "none"))
        assert apart.layout.yaxis.range == one.layout.yaxis.range
        if scene.problem == "linear":
            a, b = parts(scene.relatedness)
            assert np.allclose(apart.data[-1].x, a) and np.allclose(apart.data[-1].y, [b, -b])
