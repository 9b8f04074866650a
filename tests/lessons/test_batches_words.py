"""batches: what it asks, dares and says, worked out again from the tensors of runs at many settings."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import re

import numpy as np
import pytest
import torch

from core.engine import generators
from core.lessons import batches as lesson
from core.lessons.batches import CHALLENGE, Config, Result, predict, seen
from core.lessons.batches_noise import batch_means, orders
from figures import batches as figures
from figures.batches_alt import alts
from tests.pages import said
from tests.scenes import anything


@pytest.fixture(scope="module")
def runs() -> list[tuple[Config, Result]]:
    rng = random.Random(3)
    scenes = [Config(), *(anything(Config, rng, steps=rng.choice([180, 300]), starts=3) for _ in range(12))]
    return [(scene, lesson.run(scene)) for scene in scenes]


def measured(result: Result, config: Config) -> tuple[float, float]:
    """Standard deviations of the two clouds, in the plane, from the dots."""
    m = config.batch_size if 4 * config.batch_size <= config.n_samples else config.batch_size // 4
    cloud = result.moments[config.moment].cloud[int(config.replacement)]
    return tuple(math.sqrt(float(np.square(cloud[k, :, :2].double().numpy()).sum(1).mean()))  # type: ignore[return-value]
                 for k in (int(math.log2(m)), int(math.log2(4 * m))))


def test_the_question_is_answered_by_theory_and_told_by_the_batches(runs):
    for config, result in runs:
        question = predict(result, config)
        few = config.batch_size if 4 * config.batch_size <= config.n_samples else config.batch_size // 4
        n, many = config.n_samples, 4 * few
        truth = 50.0 if config.replacement else 50 * math.sqrt((n - many) / (n - few))
        assert question.truth == pytest.approx(truth, abs=1e-9)
        assert f"{few} of {n}" in question.text
        assert f"to {many}." in question.text
        a, b = measured(result, config)
        assert abs(100 * b / a - truth) < 15  # a few samples may hold most of the variance
        assert f"to {100 * b / a:.0f} %." in question.why
        assert question.judge(truth).right
        assert not question.judge(25.0).right or truth < 30


def test_what_was_seen_is_so(runs):
    for config, result in runs:
        text, (a, b) = seen(result, config), measured(result, config)
        moment = result.moments[config.moment]
        assert f"the noise falls to {100 * b / a:.0f} %" in text
        assert f"After {moment.step} full-batch steps the gradient has length {moment.norm:.3g}" in text
        k = int(math.log2(config.batch_size))
        part = float(((moment.cloud[int(config.replacement), k, :, 2] + moment.norm) < 0).double().mean())
        assert f"{100 * part:.0f} % would step uphill" in text
        for arm in result.arms:
            rises = not float(arm.loss[-1].double().mean()) <= float(arm.loss[0].double().mean())
            assert (f"With m = {arm.batch_size} the loss ends above where it began" in text) == rises
        for product in re.findall(r"= ([\d.e+]+) > 2", text):
            assert float(product) > 2
        small, full = result.matched.sharpness[0].tolist(), result.matched.sharpness[-1].tolist()
        pairs = [(s, f) for s, f in zip(small, full, strict=True) if math.isfinite(s) and math.isfinite(f)]
        if pairs:
            assert f"flatter with the small batch in {sum(s < f for s, f in pairs)} of {len(pairs)} starts" in text
        else:
            assert "there is nothing to compare" in text
        assert not re.search(r"\b(nan|inf)\b", text)


def test_partial_results_are_told_as_such():
    config = Config(steps=180, starts=3)
    results = list(lesson.steps(config))
    assert len(results[0].moments) == 1
    for result in results:
        text = seen(result, config)
        assert ("still training" in text) == (result.quadratic is None)
        assert ("Sharpness" in text or "nothing to compare" in text) == result.done
        board = said("batches").draw(result, dataclasses.replace(config, moment=10))
        assert len(board.player.labels) == len(lesson.MOMENTS)


def test_pictures_at_many_settings(runs):
    page = said("batches")
    for config, result in runs:
        board = page.draw(result, config)
        assert {p.id for p in board.panels} == set(alts(result, config))
        for panel in board.panels:
            assert not re.search(r"\b(nan|inf)\b", panel.alt), panel.alt
            for trace in panel.figure.data:
                moves = (trace.meta or {}).get("frames", {})
                assert all(len(v) == len(lesson.MOMENTS) for v in moves.values())


def test_ellipses_hold_the_dots():
    """Two standard deviations hold 86 % of a Gaussian; means of 32 samples and more are near enough to one."""
    for seed in range(3):
        config = Config(seed=seed, batch_size=32)
        for moment in lesson.run(config).moments:
            cloud = moment.cloud[0, 5, :, :2]
            factor = (256 - 32) / 255 / 32
            inside = float(((cloud.square() / (factor * moment.variance)).sum(1) <= 4).double().mean())
            assert 0.80 < inside < 0.94


@pytest.mark.parametrize("n", [64, 256, 1024])
def test_the_challenge_is_solved_by_one_number(n):
    config = Config(n_samples=n, steps=180, starts=3)
    result = next(lesson.steps(config))
    right = math.ceil(100 * n / (n + 99))
    assert math.sqrt((n - right) / (n - 1) / right) <= 0.1 < math.sqrt((n - right + 1) / (n - 1) / (right - 1))
    for m in (1, right - 1, right, right + 1, n, 2 * n):
        verdict = CHALLENGE.check(result, config, m)
        assert verdict.right == (m == right), verdict.words
    ran = float(re.search(r"have ([\d.]+)%", CHALLENGE.check(result, config, right).words).group(1))
    assert ran == pytest.approx(10, abs=0.8)


def test_presets_show_what_they_say():
    presets = {p.name: Config(**p.values) for p in said("batches").presets}
    results = {name: lesson.run(scene) for name, scene in presets.items()}

    def spread(name: str, m: int) -> float:
        return lesson.noise(lesson.moment_of(results[name], presets[name]), m, presets[name])[0]

    assert presets["Eight of 256"] == Config()
    assert spread("One sample", 4) == pytest.approx(spread("One sample", 1) / 2, rel=0.12)
    assert spread("With replacement", 128) > 1.25 * spread("Nearly all", 128)
    stays, scene = results["Noise stays"], presets["Noise stays"]
    end = lesson.moment_of(stays, scene)
    assert end.norm < 0.05 * stays.moments[0].norm
    assert lesson.miss(end, 4, scene) > lesson.miss(stays.moments[0], 4, scene)
    medians = results["Small steps"].matched.sharpness.nanmedian(1).values
    assert float(medians.max() / medians.min()) < 1.15
    scaled = results["Linear scaling"]
    medians = scaled.matched.sharpness.nanmedian(1).values
    assert float(medians[-1]) < 0.6 * float(medians[0])
    assert float(scaled.ended.sharpness[-1].nanmedian()) < float(scaled.ended.sharpness[0].nanmedian())


def test_what_is_left_out_of_half_is_as_small_as_what_is_in_it():
    """The preset of 128 of 256: the mean of the rest misses the full mean by just as much, the other way."""
    order = orders(256, 5, generators([0])[0])
    values = torch.randn(256, 1, generator=generators([1])[0], dtype=torch.float64)
    values -= values.mean()
    inside = batch_means(values, order[0], (128,))
    outside = batch_means(values, order[0].flip(1), (128,))
    torch.testing.assert_close(inside, -outside)


def test_thumbnail_is_small_and_holds_the_clouds():
    config = Config()
    picture = figures.thumbnail(lesson.run(config), config)
    assert len(picture["marks"]) <= 5
    assert all(len(m["points"]) <= 80 for m in picture["marks"])
    assert len(json.dumps(picture)) < 8000
