"""loss_landscapes: what it asks, what it dares, what its presets and pictures say; each claim worked out again."""

from __future__ import annotations

import itertools
import json
import random
from typing import Any

import pytest
import torch

from core import surfaces
from core.lessons import loss_landscapes as lesson
from core.lessons.loss_landscapes import CHALLENGE, Config, Result, predict, run
from core.moments import NEVER
from figures import loss_landscapes as figures
from tests.pages import said
from tests.scenes import anything

CALM = dict(batch_norm=False, learning_rate=0.07, steps=200, restarts=0)


def some(tensor: torch.Tensor | None) -> torch.Tensor:
    assert tensor is not None
    return tensor


def pits(z: torch.Tensor) -> int:
    """Points of z [B, A] below all eight neighbours."""
    rows = z.tolist()
    return sum(all(rows[i][j] < rows[i + k][j + l] for k, l in itertools.product((-1, 0, 1), repeat=2) if (k, l) != (0, 0))
               for i in range(1, len(rows) - 1) for j in range(1, len(rows[0]) - 1))


def downward(z: torch.Tensor) -> float:
    """Part of the plane where NumPy-style gradients of gradients give a negative eigenvalue, by second differences."""
    z = z.double()
    h = torch.empty(z.shape[0] - 2, z.shape[1] - 2, 2, 2, dtype=torch.float64)
    h[..., 0, 0] = z[1:-1].diff(n=2, dim=1)
    h[..., 1, 1] = z[:, 1:-1].diff(n=2, dim=0)
    h[..., 0, 1] = h[..., 1, 0] = (z[2:, 2:] - z[2:, :-2] - z[:-2, 2:] + z[:-2, :-2]) / 4
    known = h.isfinite().all(-1).all(-1)
    least = torch.linalg.eigvalsh(h[known])[:, 0]
    return float((least < -1e-6 * z[1:-1, 1:-1][known].abs()).double().mean())


def short_scene(rng: random.Random, **fixed: Any) -> Config:
    return anything(Config, rng, **{**dict(steps=50, restarts=0, resolution=41, width=4, depth=rng.choice([1, 2, 4])), **fixed})


def roughness(result: Result) -> str:
    (n0, n1), (b0, b1) = ([f(z) for z in some(result.grid)] for f in (pits, downward))
    return "plain" if n0 > n1 and b0 > b1 else "skips" if n0 < n1 and b0 < b1 else "neither"


@pytest.mark.parametrize("plane", ["start", "random", "trajectory", "segment"])
def test_questions_about_nets_are_answered_by_the_run(plane: str):
    rng = random.Random(plane)
    for _ in range(4):
        scene = short_scene(rng, problem="network", plane=plane)
        results = list(lesson.steps(scene))
        questions = [predict(result, scene) for result in results]
        assert len({(q.text, tuple(q.options.items())) for q in questions}) == 1, "the question must not change during the run"
        result, question = results[-1], questions[-1]
        assert question.judge(question.right[0]).right and len(question.options) <= 6
        if plane != "segment":
            assert question.right == (roughness(result),)
            for z in some(result.grid):
                assert f" {pits(z)} local" in question.why or (pits(z) == 0 and "no local minimum" in question.why)
            continue
        m = result.nets.index(scene.skips)
        if not bool(result.segments[scene.second][:, m].isfinite().all()):
            assert question.right == ("none",) and "diverged" in question.why
            continue
        t = some(result.segment_t)
        height = {}
        for name in (scene.second, f"{scene.second}_matched"):
            loss = result.segments[name][:, m].double()
            height[name] = float((loss - (1 - t) * loss[0] - t * loss[-1]).max())
        before, after = height.values()
        right = "none" if before < 1e-5 else "gone" if after < 1e-5 else "lower" if after < before else "same"
        assert question.right == (right,)


def test_questions_about_surfaces_are_answered_by_the_path():
    rng, answers = random.Random(3), set()
    for _ in range(30):
        about = dict(problem=rng.choice(list(surfaces.NAMES)), steps=rng.choice([50, 300]), alpha=rng.choice([0.0, 0.9]))
        scene = short_scene(rng, **about)
        result = run(scene)
        surface = surfaces.surface(scene.problem, scene.kappa)
        (x0, x1), (y0, y1) = surface.x_range, surface.y_range
        x, y = some(result.path)[-1, 0].tolist()
        near = any((x - a) ** 2 + (y - b) ** 2 <= (0.01 * (y1 - y0)) ** 2 for a, b in surface.minima)
        right = "minimum" if near else "map" if x0 <= x <= x1 and y0 <= y <= y1 else "off"
        question = predict(result, scene)
        assert question.right == (right,) and "nan" not in question.why
        assert ("no longer finite" in question.why) == (int(result.diverged_at[0]) != NEVER)
        answers.add(right)
    assert answers == {"minimum", "map", "off"}


def test_divergence_on_a_surface_names_a_curvature_that_is_beyond_the_limit():
    rng, seen = random.Random(5), 0
    for _ in range(40):
        scene = short_scene(rng, problem=rng.choice(list(surfaces.NAMES)), alpha=0.0, steps=rng.choice([50, 1500]))
        result = run(scene)
        if result.diverged_at[0] != NEVER:
            seen += 1
            reached = float(result.reasons[0].split("reached ")[1].split(" ")[0])
            assert reached > 2, result.reasons
    assert seen >= 10


def test_the_challenge_can_be_met_and_near_misses_fail():
    good = Config(**CALM)
    result = run(good)
    verdict = CHALLENGE.check(result, good, None)
    assert verdict.right
    assert pits(some(result.grid)[0]) <= 2 and float(result.losses[-1, 0]) < 0.05
    assert f"{float(result.losses[-1, 0]):.3g}" in verdict.words
    other = Config(activation="tanh", batch_norm=False, width=4, steps=400, restarts=0)
    assert CHALLENGE.check(run(other), other, None).right
    # the opening scene, more pits, too short a training
    for miss in (Config(restarts=0), Config(**{**CALM, "learning_rate": 0.1}), Config(**{**CALM, "steps": 50})):
        assert not CHALLENGE.check(run(miss), miss, None).right
    # outside the rules, whatever came out
    for change in (dict(depth=7), dict(data="circles"), dict(radius=0.5), dict(plane="trajectory"), dict(problem="bowl")):
        assert not CHALLENGE.check(result, Config(**{**CALM, **change}), None).right


def test_the_challenge_waits_for_the_plane_and_for_training_that_survives():
    scene = Config(**{**CALM, "steps": 50})
    assert "being evaluated" in CHALLENGE.check(next(iter(lesson.steps(scene))), scene, None).words
    steep = Config(batch_norm=False, depth=12, learning_rate=0.7, restarts=0)
    assert "diverged at step" in CHALLENGE.check(run(steep), steep, None).words


def test_presets_show_what_they_say():
    at = {p.name: Config(**{**p.values, "restarts": 0}) for p in said("loss_landscapes").presets}
    range_ = run(at["Mountain range"])
    assert pits(some(range_.grid)[0]) > 5 and roughness(range_) == "plain"
    assert at["Add skips"].trained() == at["Mountain range"].trained()
    twins = run(at["Twins"])
    assert float(twins.barriers["twin"][0]) > 0.1 and float(twins.barriers["twin_matched"][0]) < 1e-6
    assert predict(twins, at["Twins"]).right == ("gone",)
    edge = run(at["Edge of stability"])
    part = some(edge.sharpness) / edge.limit
    assert bool((part[0] < 0.8).all()) and bool((part[-5:] > 0.8).all()) and bool((part[-5:] < 1.2).all())
    assert bool((edge.losses[-1] < 0.9 * edge.losses[len(edge.losses) // 2]).all())
    steep = run(at["Too steep to start"])
    assert "training diverged" in str(figures.rescaled(steep, at["Too steep to start"]).to_json())
    assert float(some(steep.sharpness)[0, 0]) > 10 * steep.limit and int(steep.diverged_at[0]) != NEVER
    assert predict(run(at["Himmelblau"]), at["Himmelblau"]).right == ("minimum",)


def test_alts_tell_numbers_at_every_stage():
    page, rng = said("loss_landscapes"), random.Random(4)
    for problem in ("network", "network", "saddle", "rosenbrock"):
        scene = short_scene(rng, problem=problem)
        results = list(lesson.steps(scene))
        for result in (results[0], results[len(results) // 2], results[-1]):
            for panel in page.draw(result, scene).panels:
                assert len(panel.alt) > 30 and "nan" not in panel.alt and "**" not in panel.alt, panel.alt
        assert all(any(c.isdigit() for c in p.alt) or "diverged" in p.alt for p in page.draw(results[-1], scene).panels)


def test_thumbnail_is_small_and_shows_the_rough_plane():
    result = run(Config(restarts=0))
    picture = figures.thumbnail(result, Config())
    assert len(picture["marks"]) <= 5 and all(len(m["points"]) <= 80 for m in picture["marks"])
    assert len(json.dumps(picture)) < 6000
    middle = torch.tensor(picture["marks"][3]["points"])[:, 1]
    front = some(result.grid)[0][20]
    torch.testing.assert_close(middle / middle.max(), front / front.max(), rtol=1e-2, atol=1e-3)
    assert all(picture["y"][0] <= y <= picture["y"][1] for m in picture["marks"] for _, y in m["points"])
