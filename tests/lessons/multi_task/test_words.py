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
from core.question import Amount, Pick
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
    low, high = (end[:, m].tolist() for end in lesson.interval(result, scene.compared))
    assert ("do not settle" in sentence) == (low[r] <= 0 <= high[r])
    if scene.problem == "linear":  # the law, not the seeds
        edge = theoretical_edge(SAMPLES[m], scene.tasks, 4, scene.noise, one_hot=scene.model == "concatenate")
        assert isinstance(asked, Amount) and asked.truth == pytest.approx(max(-1, edge)) and asked.judge(asked.truth).right
        assert ("all the way" in asked.why) == (edge <= -1) and (edge <= -1 or f"ρ = {words.told(edge)}" in asked.why)
    else:
        assert isinstance(asked, Pick)
        helps = [all(end < 0 for end in high[j:]) for j in range(len(RELATEDNESS))]
        assert asked.right == ("unrelated" if helps[4] else "related" if helps[-1] else "never",)
        assert ("better above" in asked.why or "clearly better" in asked.why) == helps[-1]
        assert ("clearly worse" in asked.why) == (low[0] > 0)
    verdict = words.CHALLENGE.check(result, scene, None)
    harmed = int((loss[1] > loss[0]).sum())
    assert verdict.right == (scene.relatedness >= 0.5 and harmed >= 0.8 * loss.shape[1])
    assert f"on {harmed} of {loss.shape[1]} seeds" in verdict.words
    assert not any("nan" in text or "inf" in text for text in words.alt_texts(result, scene).values())


def test_the_map_is_shared_minus_separate_with_theory_where_it_holds():
    scene = Config()
    result = whole(scene)
    heat, bars, _, edge, theory, ring = pictures.transfer(result, scene).data
    assert not any(trace.name == "edge" for trace in pictures.transfer(whole(Config(**NETS)), Config(**NETS)).data)
    gap = (result.loss[1] - result.loss[0]).mean(-1)
    assert np.allclose(heat.z, gap.T, atol=1e-6)
    assert np.allclose(edge.x, lesson.edges(result, "none"), atol=1e-6)
    ends = [(low, high) for low, high in lesson.open_ranges(result, "none") if low < 1 and high > -1]
    drawn = [(bars.x[i], bars.x[i + 1], bars.y[i], bars.y[i + 1], bars.x[i + 2]) for i in range(0, len(bars.x), 3)]
    for (left, right, foot, top, gap_after), (low, high), n in zip(drawn, ends, SAMPLES, strict=True):
        assert (foot, top, gap_after) == (n, n, None) and right == min(high, pictures.RIM)
        assert left == (low if low > -1 else -pictures.RIM) and left <= right
    for rho, n in zip(theory.x, theory.y, strict=True):
        assert rho == pytest.approx(theoretical_edge(n, 2, 4, 1.0), abs=1e-4) and rho >= -1
    assert (ring.x[0], ring.y[0]) == (scene.relatedness, scene.samples)
    theory = pictures.transfer(result, Config(model="concatenate")).data[4]
    for rho, n in zip(theory.x, theory.y, strict=True):
        assert rho == pytest.approx(theoretical_edge(n, 2, 4, 1.0, one_hot=True), abs=1e-4) and rho >= -1
    drawn = pictures.transfer(whole(Config(**NETS)), Config(**NETS)).data
    assert not any(trace.type == "scatter" and trace.line.dash == "dash" for trace in drawn)


def test_what_is_clear_is_said_at_every_kind_of_range():
    inf = math.inf
    for (worse, better), said in (((-inf, inf), "these seeds do not tell where it gets better than separate ones, if anywhere."),
                                  ((1, inf), "clearly worse than separate ones all the way"),
                                  ((-inf, -1), "clearly better than separate ones all the way"),
                                  ((0.5, inf), "worse than separate ones below ρ = 0.50, and these seeds do not tell where"),
                                  ((-inf, -0.5), "better than separate ones above ρ = −0.50, and these seeds do not tell where"),
                                  ((0.5, 0.997), "below ρ = 0.50 and better above ρ = 0.997, and these seeds do not tell")):
        assert said in words.settled(worse, better, "it")
    told = {-1: "−1.00", -0.3: "−0.30", 0.994: "0.99", 0.996: "0.996", 0.9996: "0.9996", 1: "1.00"}
    assert {rho: words.told(rho) for rho in told} == told


def test_both_pictures_of_fits_have_one_frame_and_the_truth():
    for scene in (Config(), Config(**NETS)):
        result = whole(scene.trained())
        apart, one = (pictures.fit(result, scene, design) for design in ("separate", "none"))
        assert apart.layout.yaxis.range == one.layout.yaxis.range
        if scene.problem == "linear":
            a, b = parts(scene.relatedness)
            assert np.allclose(apart.data[-1].x, a) and np.allclose(apart.data[-1].y, [b, -b])
