"""Dropout at test time, a deep ensemble and bagging: what is true of them, over seeds and in closed form."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import integrate
from sklearn.metrics import brier_score_loss

from core.data import toys
from core.engine import generators
from core.lesson import last
from core.lessons.dropout_uncertainty import lesson, uncertainty
from core.lessons.dropout_uncertainty.data import FAR, IN_DATA, IN_GAP, moons_posterior
from core.lessons.dropout_uncertainty.guessing import entropies, region_means, surest_wrong
from core.lessons.dropout_uncertainty.lesson import METHODS, Config, Result
from tests.pages import page_spec
from tests.scenes import distinct

SEEDS = range(6)
ROOT = Path(__file__).parents[3]


def regions(result: Result, T: int = lesson.PASSES) -> dict[str, dict[int, float]]:
    """Mean σ by NumPy, independently of `seen`."""
    out: dict[str, dict[int, float]] = {}
    for m, passes in result.passes.items():
        std = passes[:T].numpy().astype(np.float64).std(0, ddof=1)
        out[m] = {r: float(std[(result.region_G == r).numpy()].mean()) for r in (IN_DATA, IN_GAP, FAR)
                  if (result.region_G == r).any()}
    return out


@pytest.fixture(scope="module")
def two_layers() -> list[Result]:
    return [lesson.run(Config(seed=s)) for s in SEEDS]


@pytest.fixture(scope="module")
def one_layer() -> list[Result]:
    return [lesson.run(Config(seed=s, depth=1)) for s in SEEDS]


@pytest.fixture(scope="module")
def moons() -> list[Result]:
    return [lesson.run(Config(seed=s, problem="moons")) for s in range(4)]


def test_dropout_off_has_no_variance():
    result = lesson.run(Config(dropout=0.0, steps=100))
    assert (uncertainty.running_spread(result.passes["mc_dropout"], [lesson.PASSES])[1] == 0).all()
    torch.testing.assert_close(result.passes["mc_dropout"][0], result.off_G, rtol=1e-5, atol=1e-5)
    # A net that was trained with dropout, in eval mode: the same answer whenever it is asked.
    task = lesson._Task(Config(steps=100))
    theta = last(task.training()[0]).theta
    one = task.predict(theta, task.problem.grid_DG)
    assert torch.equal(one, task.predict(theta, task.problem.grid_DG))
    thinned = task.predict(theta, task.problem.grid_DG, task.masks(task.mask, 20))
    assert float(thinned.std(0).min()) > 0


def test_spread_grows_from_data_to_gap_to_far_away(two_layers):
    sigma = [regions(r) for r in two_layers]
    for m in METHODS:
        assert sum(s[m][IN_DATA] < s[m][FAR] for s in sigma) == len(SEEDS), m
        assert sum(s[m][IN_DATA] < s[m][IN_GAP] for s in sigma) >= len(SEEDS) - 1, m
        assert sum(s[m][IN_GAP] < s[m][FAR] for s in sigma) >= len(SEEDS) - 2, m
    # What dropout adds in the gap is little: the ensembles open up by far more, on every seed.
    for s in sigma:
        rise = {m: s[m][IN_GAP] / s[m][IN_DATA] for m in METHODS}
        assert rise["mc_dropout"] < 0.9 * min(rise["deep_ensemble"], rise["bagging"])
    assert np.median([s["deep_ensemble"][IN_GAP] / s["deep_ensemble"][IN_DATA] for s in sigma]) > 4


def test_with_one_hidden_layer_dropout_cannot_see_the_gap(one_layer):
    for r in one_layer:
        s = regions(r)
        assert s["mc_dropout"][IN_GAP] < s["mc_dropout"][IN_DATA] < s["mc_dropout"][FAR]
        assert s["deep_ensemble"][IN_DATA] < s["deep_ensemble"][IN_GAP]
        assert r.theory_G is not None
        assert float(r.theory_G.diff(n=2).min()) > -1e-9
        ratio = r.passes["mc_dropout"].double().std(0) / r.theory_G
        assert 0.85 < float(ratio.median()) < 1.15
        # Weight scaling is the exact mean: the mean of T passes is within a few standard errors of dropout off.
        off = (r.passes["mc_dropout"].double().mean(0) - r.off_G).abs() / (r.theory_G / math.sqrt(lesson.PASSES))
        assert float(off.max()) < 5


def test_the_mean_of_T_passes_closes_in_as_one_over_root_T(two_layers):
    slopes = []
    for r in two_layers:
        assert r.limit_rms is not None and r.limit_theory is not None
        np.testing.assert_allclose(r.limit_rms, r.limit_theory, rtol=0.25)
        slopes.append(np.polyfit(np.log(r.counts), np.log(r.limit_rms.numpy()), 1)[0])
    assert abs(np.mean(slopes) + 0.5) < 0.03
    # The error against the truth has a floor instead: it stops falling, and never rises with T.
    error = uncertainty.error_of_mean(two_layers[0].tests["mc_dropout"], two_layers[0].target_B, range(1, 201))
    assert (error.diff() < 0).all()
    assert error[99] / error[199] < 1.02


def test_comparisons_are_on_the_same_data_and_starts():
    base, other = (lesson.run(Config(steps=100, dropout=p)) for p in (0.1, 0.4))
    assert torch.equal(base.y_N, other.y_N)
    for m in ("deep_ensemble", "bagging"):
        assert torch.equal(base.passes[m], other.passes[m])
    assert not torch.equal(base.off_G, other.off_G)
    fewer = lesson.run(Config(steps=100, members=4))
    torch.testing.assert_close(fewer.passes["bagging"], base.passes["bagging"][:4], rtol=1e-3, atol=1e-3)


def test_one_start_leaves_only_the_data_to_differ():
    task = lesson._Task(Config(same_start=True, members=3))
    many = next(iter(task.training()[1])).theta
    assert torch.equal(many[3:], many[:1].expand(3, -1))
    assert lesson.run(Config(same_start=True, members=3, steps=100)).passes["bagging"].std(0).min() > 0


def test_posterior_of_the_moons_is_the_integral():
    points = torch.tensor([[0.0, 0.5, 1.2, -1.0], [0.3, 0.25, 0.4, -0.5]])
    got = moons_posterior(points, 0.2)

    def density(x, y, arc):
        return integrate.quad(lambda t: math.exp(-((x - arc(t)[0]) ** 2 + (y - arc(t)[1]) ** 2) / 0.08), 0, math.pi)[0]

    for k, (x, y) in enumerate(points.T.tolist()):
        a = density(x, y, lambda t: (math.cos(t), math.sin(t)))
        b = density(x, y, lambda t: (1 - math.cos(t), 0.5 - math.sin(t)))
        assert abs(float(got[k]) - b / (a + b)) < 1e-6
    assert abs(float(got[1]) - 0.5) < 1e-12  # the moons change places when turned about (½, ¼)
    # Far too close to certainty for a quotient of densities; samples agree with the class that it names.
    x, labels = toys.two_moons(4000, 0.2, generators([1])[0])
    p = moons_posterior(x, 0.2)
    assert abs(brier_score_loss(labels, p) - float((p * (1 - p)).mean())) < 0.005


def test_the_passes_disagree_more_away_from_the_data(moons):
    for m in METHODS:
        rises = 0
        for r in moons:
            parts = entropies(r, m, lesson.PASSES)
            assert float((parts.total - parts.expected - parts.mutual).abs().max()) < 1e-15
            assert float(parts.mutual.min()) > -1e-12
            means = region_means(r, parts.mutual[0])
            rises += means[FAR] > means[IN_DATA]
        assert rises >= 3, m
    # And yet most of the far field is painted as certain (Hein et al. 2019).
    far = [float(((r.passes["mc_dropout"].mean(0) - 0.5).abs() > 0.45)[r.region_G == FAR].double().mean()) for r in moons]
    assert min(far) > 0.5


def test_surest_although_wrong(two_layers, moons):
    for r in two_layers[:3]:
        for m in METHODS:
            passes = r.passes[m][:50].numpy().astype(np.float64)
            z = np.abs(passes.mean(0) - r.truth_G.numpy()) / np.sqrt(passes.var(0, ddof=1) + r.noise**2)
            assert surest_wrong(r, m, 50) == z.argmax()
    for r in moons:
        g = surest_wrong(r, "bagging", lesson.PASSES)
        if g >= 0:
            mean = float(r.passes["bagging"][:, g].mean())
            assert (mean > 0.5) != (float(r.truth_G[g]) > 0.5)
            assert abs(float(r.truth_G[g]) - 0.5) >= 0.4


def test_partial_results_are_whole_pictures():
    scene = Config(problem="moons", steps=100)
    results = list(distinct(lesson.steps(scene)))
    assert len(results) > 2
    assert [r.step for r in results] == sorted({r.step for r in results})
    draw = page_spec("dropout_uncertainty").draw
    assert draw(results[0], scene).player.labels[-1] == f"T = {lesson.PREVIEW}"
    assert draw(results[-1], dataclasses.replace(scene, passes=7)).player.labels[-1] == "T = 7"


def test_pauses_are_many_and_previews_few():
    scene = Config(problem="moons", depth=3, width=48, points=120, members=12, steps=200)
    results = list(lesson.steps(scene))
    shown = list(distinct(results))
    assert len(shown) <= lesson.PREVIEWS + 2 < len(results)
    assert [r.limit_rms is not None for r in shown] == [False] * (len(shown) - 1) + [True]
    assert max(b.step - a.step for a, b in itertools.pairwise(shown)) <= 2 * max(1, scene.steps // lesson.PREVIEWS)


def test_passes_worked_out_a_few_at_a_time_are_the_same(monkeypatch):
    task = lesson._Task(Config(problem="moons", depth=2, width=8, dropout=0.3))
    theta, x, masks = task.mlp.init([task.mc]), task.problem.grid_DG, task.masks(task.mask, 40)
    at_once = task.predict(theta, x, masks)
    monkeypatch.setattr(lesson, "WORK", 7 * x.shape[1] * task.multiplications)
    parts = list(task.thinned(theta, x, masks))
    assert len(parts) >= 5
    assert parts[0].isnan().any()
    torch.testing.assert_close(parts[-1], at_once, rtol=1e-6, atol=1e-7)


def test_example_tells_the_same_story(two_layers):
    spec = importlib.util.spec_from_file_location("example", ROOT / "examples" / "dropout_uncertainty.py")
    assert spec and spec.loader
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    example.M = 5  # members; the story is the same with half of them
    state = torch.get_rng_state()
    numbers = example.main(seed=1)
    torch.set_rng_state(state)
    ours = [regions(r) for r in two_layers]
    for m in METHODS:
        for name, region in (("data", IN_DATA), ("gap", IN_GAP), ("far", FAR)):
            values = [s[m][region] for s in ours]
            assert min(values) / 2 < numbers[f"{m}_{name}"] < 2 * max(values), (m, name)
        assert numbers[f"{m}_data"] < numbers[f"{m}_gap"]
