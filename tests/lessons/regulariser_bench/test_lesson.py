"""regulariser_bench's runs: equal budgets, pairs, disjoint samples, what is there when a run is stopped, and the example."""

from __future__ import annotations

import dataclasses
import time
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from core.engine import generators
from core.intervals import interval
from core.lessons.regulariser_bench import data, lesson, pairs
from core.lessons.regulariser_bench.bench import STARTS
from core.lessons.regulariser_bench.lesson import POINTS, Config, Result
from core.lessons.regulariser_bench.methods import BASELINE, METHODS, TRIALS, applying
from core.lessons.regulariser_bench.standing import STOPPING, UNTUNED, by_verdict, ends, regularisers, standings
from core.uploads import Points
from examples import regulariser_bench as example
from tests.runs import opening as results_of
from tests.test_contract import leaves

whole = lru_cache(maxsize=8)(lesson.run)


def moons(rows: int, seed: int = 0) -> Points:
    g = np.random.default_rng(seed)
    y, t = np.arange(rows) % 2, np.pi * g.random(rows)
    x = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + 0.5 * y]) + 0.2 * g.normal(size=(2, rows))
    return Points(((x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)).astype(np.float32), y, ("fox", "hedgehog"))


@pytest.mark.parametrize("scene", [Config(), Config(tuned="starts", pairs=6, steps=64),
                                   Config(problem="cancer", steps=64, width=8)])
def test_every_search_has_as_many_trials_pairs_and_updates(scene: Config):
    result = whole(scene)
    assert [arm.name for arm in result.arms] == [name for name in METHODS if name in applying(scene.problem)]
    off = result.arm(BASELINE)
    for arm in result.arms:
        assert arm.val.shape == arm.test.shape == arm.error.shape == (len(result.recorded), TRIALS, scene.pairs), arm.name
        assert len(arm.strengths) == TRIALS
        for part in ("val", "test", "error"):  # off is one and the same net
            assert torch.equal(getattr(arm, part)[:, 0], getattr(off, part)[:, 0]), arm.name
    assert result.recorded[-1] == scene.steps
    started = [arm.test[0, :, 0] for arm in result.arms if arm.name not in ("bagging", BASELINE)]
    assert all(float(test.max() - test.min()) < 1e-5 for test in started), "all trials of a seed have one start"
    counts = {arm.name: arm.nets for arm in result.arms}
    assert (counts[BASELINE], counts["l2"], counts[STOPPING], counts["bagging"]) == (6, 6, 1, 9)


def test_early_stopping_is_the_same_run_cut_short():
    result = whole(Config())
    stop, off = result.arm(STOPPING), result.arm(BASELINE).test[:, 0]
    for t, part in enumerate(stop.strengths):
        end = result.recorded.index(round(part * result.recorded[-1]))
        for r in range(len(result.recorded)):
            assert torch.equal(stop.test[r, t], off[min(r, end)])


def test_starts_differ_where_the_baseline_searches_starts():
    result = whole(Config(tuned="starts", pairs=6, steps=64))
    first = result.arm(BASELINE).test[0]
    assert len({tuple(row) for row in first.T.round(decimals=4).tolist()}) == 6 and len(first[:, 0].unique()) == TRIALS
    assert result.arm(BASELINE).strengths == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("problem", ["moons", "circles", "spirals", "cancer", "digits", "own"])
def test_training_validation_and_test_samples_are_apart(problem: str):
    own = moons(120) if problem == "own" else None
    drawn = data.samples(problem, 48, 0.25, generators([1, 2]), own)
    for s in range(2):
        sets = [{tuple(column) for column in x[s].T.tolist()} for x in (drawn.x, drawn.x_val, drawn.x_test)]
        sizes = [x.shape[2] for x in (drawn.x, drawn.x_val, drawn.x_test)]
        assert sum(sizes) - len(set.union(*sets)) <= (1 if problem == "digits" else 0), "no sample is in two of them"
    assert not torch.equal(drawn.x[0], drawn.x[1])
    plain = data.samples(problem, 48, 0.0, generators([1, 2]), own)
    assert torch.equal(plain.x, drawn.x) and torch.equal(plain.y_val, drawn.y_val) and torch.equal(plain.y_test, drawn.y_test)
    n = drawn.y.shape[1]
    assert (plain.y != drawn.y).sum(1).tolist() == [round(0.25 * n)] * 2, "training labels alone are wrong"
    if problem == "cancer":
        torch.testing.assert_close(drawn.x.mean(2), torch.zeros(2, 30), atol=1e-5, rtol=0)
        torch.testing.assert_close(drawn.x.std(2, correction=0), torch.ones(2, 30), atol=1e-4, rtol=0)


def test_the_plane_is_what_the_chosen_nets_say():
    result = whole(Config())
    plain = lesson.make_bench(Config(), None)
    asked, across, up = data.grid(torch.cat([plain.samples.x[0], plain.samples.x_test[0]], 1), lesson.SIDE)
    assert torch.equal(across, result.across) and torch.equal(up, result.up)
    both = torch.cat([plain.samples.x[0], plain.samples.x_test[0]], 1)
    assert (asked[0].amin(1) < both.amin(1)).all() and (asked[0].amax(1) > both.amax(1)).all()
    for arm in result.arms:
        assert arm.sheet is not None and arm.sheet.shape == (lesson.SIDE, lesson.SIDE)
        trial = int(pairs.choose(arm.val[-1])[0])
        side = [(across - x).abs().argmin() for x in result.samples.x_test[0, 0]]
        high = [(up - y).abs().argmin() for y in result.samples.x_test[0, 1]]
        wrong = (arm.sheet[high, side] > 0.5).long() != result.samples.y_test[0]
        # The nearest place of the grid stands for a point, which decides otherwise for a few near the boundary.
        assert float(wrong.float().mean()) == pytest.approx(float(arm.error[-1, trial, 0]), abs=0.08), arm.name


def test_a_run_fills_in_and_what_is_there_stays():
    results = results_of("regulariser_bench")
    names = applying("moons")
    assert len(results) > 40
    waiting = [result.waiting for result in results]
    assert waiting[0] == names and waiting[-1] == ()
    order = [len(w) for w in waiting]
    assert order == sorted(order, reverse=True) and len(set(order)) == 7, "a job at a time"
    for before, after in pairwise(results):
        for arm in before.arms:
            later = after.arm(arm.name)
            assert torch.equal(later.test[: len(arm.test)], arm.test)
            assert arm.name in before.waiting or torch.equal(later.test, arm.test)
    first = next(result for result in results if STOPPING not in result.waiting)
    assert {arm.name for arm in first.whole} == {BASELINE, STOPPING, "averaging"}
    assert {one.name for one in standings(first)} == {BASELINE, STOPPING, "averaging", UNTUNED}
    assert any(0 < len(arm.val) < len(result.recorded) for result in results for arm in result.arms if arm.name == "l2")


def test_the_first_picture_is_there_at_once():
    """The baseline and early stopping, within 200 ms of processor time."""
    start = time.thread_time()
    first = next(result for result in lesson.steps(Config(seed=5)) if STOPPING not in result.waiting)
    assert time.thread_time() - start < 0.2
    assert standings(first)


def test_processor_time_is_measured_and_no_part_of_a_result_that_is_compared():
    result = whole(Config())
    assert all(arm.seconds > 0 for arm in result.arms)
    assert not [path for path, _ in leaves(result) if "seconds" in path]
    assert result.arm(STOPPING).seconds < result.arm("averaging").seconds < result.arm("l2").seconds, "one net, and six"


def test_standings_are_worked_out_from_the_losses():
    result = whole(Config())
    found = {one.name: one for one in standings(result)}
    chosen = {}
    for arm in result.arms:
        pick = arm.val[-1].argmin(0)
        chosen[arm.name] = torch.stack([arm.test[-1, pick[s], s] for s in range(5)]).double()
        assert found[arm.name].loss == pytest.approx(float(chosen[arm.name].mean()), abs=1e-6)
        wrong = torch.stack([arm.error[-1, pick[s], s] for s in range(5)]).double().mean()
        assert found[arm.name].error == pytest.approx(float(wrong), abs=1e-6)
        assert torch.equal(ends(arm)[0][-1].double(), chosen[arm.name])
    chosen[UNTUNED] = result.arm(BASELINE).test[-1, 0].double()
    for name, loss in chosen.items():
        d = (loss - chosen[STOPPING]).numpy()
        assert found[name].apart.mean == pytest.approx(d.mean(), abs=1e-6)
        assert found[name].apart.half == pytest.approx(2.776445 * d.std(ddof=1) / 5**0.5, abs=1e-6)
    assert [one.loss for one in standings(result)] == sorted(one.loss for one in standings(result))
    assert sum(map(len, by_verdict(standings(result)).values())) == len(regularisers(standings(result))) == 10


def test_tuned_beside_untuned_over_seeds():
    """Over five lists of five pairs: the search is worth more than nearly any regulariser beside it."""
    runs = [standings(whole(Config(seed=seed))) for seed in range(5)]
    tuned, off = ([next(one.loss for one in found if one.name == name) for found in runs] for name in (BASELINE, UNTUNED))
    untuned = [plain - base for plain, base in zip(off, tuned, strict=True)]
    others = [float(np.median([one.loss for one in regularisers(found)])) - base for found, base in zip(runs, tuned, strict=True)]
    assert min(untuned) > 0.03 and all(abs(other) < 0.5 * plain for other, plain in zip(others, untuned, strict=True))


def test_own_points_train_choose_and_test():
    own = moons(90)
    scene = Config(points="0" * 32, steps=64)
    result = list(lesson.steps(scene, {scene.points: POINTS.pack(own)}))[-1]
    assert result.uploaded is not None and result.names == ("fox", "hedgehog") and result.done
    assert {tuple(c) for c in result.samples.x[0].T.tolist()} <= {tuple(c) for c in own.x_2N.T.tolist()}
    assert [arm.name for arm in result.arms] == [n for n in METHODS if n in applying("own")]
    few = list(lesson.steps(scene, {scene.points: POINTS.pack(moons(20))}))[-1]
    assert few.done and few.samples.y.shape[1] == 10 and all(arm.test.isfinite().all() for arm in few.arms)


def test_more_pairs_keep_the_first_ones():
    five, six = (whole(Config(pairs=count, steps=64)) for count in (5, 6))
    for a, b in zip(five.arms, six.arms, strict=True):
        torch.testing.assert_close(a.test, b.test[:, :, :5], atol=2e-2, rtol=2e-2)


def test_the_example_searches_as_the_lesson_does():
    result: Result = whole(Config())
    bench = lesson.make_bench(Config(), None)
    starts, samples = bench.mlp.init(bench.rngs(STARTS)), bench.samples
    assert [example.STEPS * part for part in result.arm(STOPPING).strengths] == example.STOPS
    assert [example.RATE * r for r in result.arm(BASELINE).strengths] == pytest.approx(example.RATES)
    assert list(result.arm("l2").strengths) == pytest.approx(example.STRENGTHS)
    for s in range(2):
        def start(row: torch.Tensor = starts[s]) -> nn.Sequential:
            net = nn.Sequential(nn.Linear(2, example.HIDDEN), nn.ReLU(), nn.Linear(example.HIDDEN, 2))
            nn.utils.vector_to_parameters(row.clone(), net.parameters())
            return net

        sets = [(x[s].T, y[s]) for x, y in zip(samples[::2], samples[1::2], strict=True)]
        ours = [float(ends(result.arm(name))[0][-1, s]) for name in (BASELINE, STOPPING, "l2")]
        assert example.searches(start, *sets) == pytest.approx(ours, abs=5e-3)
    d = torch.tensor([0.1, -0.2, 0.3, 0.05, 0.0])
    assert example.interval(d) == pytest.approx(interval(d), abs=1e-6)


def test_a_config_is_checked():
    with pytest.raises(ValueError, match="pairs"):
        Config(pairs=4)
    assert dataclasses.replace(Config(), problem="digits").query() == {"problem": "digits"}
