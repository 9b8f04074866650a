"""batches: question, challenge and sentences, worked out again from the tensors of runs at many settings."""

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
from core.formatting import format_number, format_percent
from core.lessons.batches import lesson
from core.lessons.batches.lesson import Config, Result
from core.lessons.batches.noise import batch_means, orders
from core.lessons.batches.words import CHALLENGE, alt_texts, predict, summary
from figures.batches import pictures
from tests.pages import page_spec
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
        assert f"and {format_percent(b / a)} in the batches drawn." in question.why
        assert f": {format_percent(truth / 100)} by theory" in question.why
        assert question.judge(truth).right
        assert not question.judge(25.0).right or truth < 30


def test_what_was_seen_is_so(runs):
    for config, result in runs:
        text, (a, b) = summary(result, config), measured(result, config)
        verdict, *rows = text.split("\n")
        cells = {name: values for name, *values in (row.strip("| ").split(" | ") for row in rows if row)}
        moment = result.moments[config.moment]
        few, many = lesson.pair(config)
        theory = predict(result, config).truth / 100
        if theory:
            assert f"has {format_percent(b / a)} of the noise; theory says {format_percent(theory)}" in verdict
        else:
            assert many == config.n_samples and not config.replacement and f"is all {many} samples" in verdict
        drawn = [format_number(v, 3) if v > 1e-6 * math.sqrt(float(moment.variance.sum())) else "0" for v in (a, b)]
        assert cells[f"noise of the gradient, m = {few} and {many}"] == drawn
        along = moment.cloud[int(config.replacement), :, :, 2] + moment.norm
        up = [str(int((along[int(math.log2(m))] < 0).sum())) for m in (few, many)]
        assert cells["of 500 batches, how many step uphill"] == up
        ends = [arm.loss[-1].double().mean() for arm in (result.arms[0], result.arms[-1])]
        if all(math.isfinite(v) for v in ends):
            name = f"loss after {config.steps} steps, m = {result.arms[0].batch_size} and {config.n_samples}"
            assert cells[name] == [format_number(v, 3) for v in ends]
        panels = {p.id: p for p in page_spec("batches").draw(result, config).panels}
        caption = panels["loss-steps"].caption
        for arm in result.arms:
            rises = not float(arm.loss[-1].double().mean()) <= float(arm.loss[0].double().mean())
            assert (f"With m = {arm.batch_size} the loss ends above where it began" in caption) == rises
        for product in re.findall(r"= ([\d.,]+), more than 2", caption):
            assert float(product.replace(",", "")) > 2
        small, full = result.matched.sharpness[0].tolist(), result.matched.sharpness[-1].tolist()
        pairs = [(s, f) for s, f in zip(small, full, strict=True) if math.isfinite(s) and math.isfinite(f)]
        matched = cells.get(f"sharpness at a loss of {config.level:g}, to {format_percent(0.1)}")
        caption = panels["sharpness"].caption
        if pairs:
            flatter = sum(s < f for s, f in pairs)
            assert f"is flatter than all {config.n_samples} in {flatter} of {len(pairs)} starts" in caption
            # The median that torch takes: the lower of the two in the middle.
            assert matched == [format_number(sorted(v)[(len(v) - 1) // 2], 3) for v in zip(*pairs, strict=True)]
        else:
            assert "there is nothing to compare" in caption and matched is None
        assert ("left out" in caption) == any(math.isnan(v) for v in result.matched.sharpness.ravel().tolist())
        assert not re.search(r"\b(nan|inf)\b", text)


def test_a_level_that_is_jumped_over_is_not_said_to_be_out_of_reach():
    """At ε = 1 all losses fall from 0.87 to below 0.3 nats, and the page said that no start reaches 0.6.

    Which seeds have no record between that level and 10 % below depends on the processor: such runs are chaotic.
    """
    jumped = 0
    for seed in range(10):
        config = Config(learning_rate=1.0, level=0.6, steps=180, starts=3, seed=seed)
        result = lesson.run(config)
        fell = max(float(arm.loss[-1].max()) for arm in result.arms) < config.level < float(result.arms[0].loss[0].min())
        near = [((arm.loss <= config.level) & (arm.loss >= 0.9 * config.level)).any(0) for arm in result.arms]
        if not fell or (near[0] & near[-1]).any():
            continue
        jumped += 1
        caption = next(p.caption for p in page_spec("batches").draw(result, config).panels if p.id == "sharpness")
        assert "No start is recorded from 0.6 nats to 10\u00a0% below" in caption
        assert "never recorded there" in caption
    assert jumped


def test_partial_results_are_told_as_such():
    config = Config(steps=180, starts=3)
    results = list(lesson.steps(config))
    assert len(results[0].moments) == 1
    for result in results:
        assert ("loss after" in summary(result, config)) == (result.quadratic is not None)
        board = page_spec("batches").draw(result, dataclasses.replace(config, moment=10))
        captions = {p.id: p.caption for p in board.panels}
        begun = f"{len(result.arms)} of 4 batch sizes have begun"
        assert (begun in captions["signal"]) == (result.quadratic is None)
        assert ("sharpness" in captions) == result.done
        assert len(board.player.labels) == len(lesson.MOMENTS)


def test_pictures_at_many_settings(runs):
    page = page_spec("batches")
    for config, result in runs:
        board = page.draw(result, config)
        drawn = [*board.panels, *board.further]
        assert {p.id for p in drawn} == set(alt_texts(result, config))
        for panel in drawn:
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
    ran = float(re.search(r"have ([\d.]+)\u00a0%", CHALLENGE.check(result, config, right).words).group(1))
    assert ran == pytest.approx(10, abs=0.8)


def test_the_set_up_shows_one_cloud_and_no_answer(runs):
    """The dots of the smaller batch and its ellipse; neither the other cloud nor a frame that is made for it."""
    page = page_spec("batches")
    for config, result in runs:
        setup, few = page.draw(result, config).setup, lesson.pair(config)[0]
        names = {trace.name for trace in setup.figure.data}
        assert f"batches of {few}" in names
        assert not any(str(4 * few) in str(name) for name in names)
        moment = result.moments[config.moment]
        dots = next(t for t in setup.figure.data if t.name == f"batches of {few}")
        drawn = moment.mean + moment.cloud[int(config.replacement), int(math.log2(few)), : len(dots.x), :2]
        np.testing.assert_allclose(np.stack([dots.x, dots.y], 1), drawn.numpy(), rtol=1e-4, atol=1e-6)


def test_the_clouds_have_one_scale_and_are_not_a_strip(runs):
    """Lengths are the point; a cloud that is far wider than high still has a picture that is well filled."""
    for config, result in runs:
        figure = pictures.cloud(result, config)
        assert figure.layout.yaxis.scaleanchor == "x"
        # The axes take their ranges from what is drawn, at every moment.
        assert figure.layout.xaxis.range is None and figure.layout.yaxis.range is None
        frame = next(t for t in figure.data if t.name == "frame").meta["frames"]
        for f in range(len(result.moments)):
            (left, right), (low, high) = frame["x"][f], frame["y"][f]
            assert high - low >= 0.59 * (right - left)
            for trace in figure.data:
                x, y = (np.asarray(trace.meta["frames"][axis][f]) for axis in ("x", "y"))
                assert left - 1e-5 <= x.min() and x.max() <= right + 1e-5, trace.name
                assert low - 1e-5 <= y.min() and y.max() <= high + 1e-5, trace.name


def test_bars_are_as_wide_as_the_ellipses_and_below_all_dots(runs):
    for config, result in runs:
        figure, (few, many) = pictures.cloud(result, config), lesson.pair(config)
        moving = {t.name: t.meta["frames"] for t in figure.data}
        for m in (few, many):
            bar, ring = moving[f"width, m = {m}"], moving[f"2 standard deviations by theory, m = {m}"]
            np.testing.assert_allclose(np.ptp(bar["x"], axis=1), np.ptp(ring["x"], axis=1), rtol=1e-4, atol=1e-6)
            assert (np.max(bar["y"], axis=1) < np.min(moving[f"batches of {few}"]["y"], axis=1)).all()
        told = next(t.text[1] for t in figure.data if t.name == f"width, m = {many}")
        share = predict(result, config).truth / 100
        assert told == f"m = {many}: " + (f"{format_percent(share)} as wide" if share else "no noise")


def test_dots_are_as_near_to_theory_as_is_said(runs):
    for config, result in runs:
        told = int(re.search(r"within (\d+)\u00a0% of theory", alt_texts(result, config)["variance"]).group(1))
        moment, n = result.moments[config.moment], config.n_samples
        off = []
        for i, m in enumerate(result.sizes):
            factor = 1 / m if config.replacement else (n - m) / (n - 1) / m
            if factor:
                drawn = float(moment.cloud[int(config.replacement), i, :, :2].double().square().sum(-1).mean())
                off.append(abs(math.sqrt(drawn / (factor * float(moment.variance.sum()))) - 1))
        assert told - 1 <= 100 * max(off) <= told + 1e-6


def test_no_noise_is_said_where_it_cannot_be_drawn():
    """A batch of all samples misses the gradient by nothing, which a logarithmic axis cannot show."""
    for replacement in (False, True):
        config = Config(batch_size=64, n_samples=64, steps=180, starts=3, replacement=replacement)
        board = page_spec("batches").draw(next(lesson.steps(config)), config)
        captions = {p.id: p.caption for p in board.panels}
        assert ("all 64 miss it by nothing" in captions["signal"]) == (not replacement)
        assert "(none at m = 64)" in captions["variance"]


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
    picture = pictures.thumbnail(lesson.run(config), config)
    assert len(picture["marks"]) <= 5
    assert all(len(m["points"]) <= 80 for m in picture["marks"])
    assert len(json.dumps(picture)) < 8000
