"""surrogate_losses on points that a reader brings: nothing is said or drawn that takes their posterior."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import core.lessons.surrogate_losses as module
from core.lessons.surrogate_losses import lesson, surrogates, words
from core.lessons.surrogate_losses.lesson import Config, Result
from core.uploads import Points, PointsForm
from figures.surrogate_losses import pictures
from tests.pages import page_spec
from tests.scenes import check
from tests.uploads.odd import ODD, odd_points

PAGE = page_spec("surrogate_losses")
DIGEST = "0" * 32


def clouds(rows: int = 160, shares: float = 0.5) -> Points:
    """Two clouds one above the other, so that x₁ tells nothing of the class."""
    g = np.random.default_rng(0)
    y = (np.arange(rows) < shares * rows).astype(np.int64)
    x = g.normal(size=(2, rows)) + np.stack([0 * y, 3.0 * y])
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return Points(x.astype(np.float32), y, ("fox", "hedgehog"))


def run(points: Points, **values: Any) -> tuple[Config, Result]:
    scene = Config(points=DIGEST, **values)
    return scene, list(lesson.steps(scene.trained(), {DIGEST: PointsForm().pack(points)}))[-1]


def test_no_draw_trains_on_a_sample_that_validates():
    points, config = clouds(), Config(points=DIGEST, n=60)
    given = {tuple(x): y for x, y in zip(points.x_2N.T.tolist(), points.y_N.tolist(), strict=True)}
    draws = [lesson._Data(config, s, lesson.halves(points, config.seed)) for s in range(6)]
    validation = [{tuple(c) for c in draw.x_validation.T.tolist()} for draw in draws]
    trained = [{tuple(c) for c in draw.x.T.tolist()} for draw in draws]
    assert all(len(one) == 60 and one <= set(given) and not one & validation[0] for one in trained)
    assert all(one == validation[0] for one in validation) and len(validation[0]) == 80
    carried = [tuple(draw.x[:, draw.outlier].flatten().tolist()) for draw in draws]
    assert len({frozenset(one) for one in trained}) == 6 and len(set(carried)) > 1
    for draw in draws:
        assert [2.0 * given[tuple(c)] - 1 for c in draw.x.T.tolist()] == draw.y.tolist()


@pytest.mark.parametrize("shares", [0.5, 0.05])
def test_every_stretch_of_an_order_has_both_classes_in_their_shares(shares: float):
    y = (torch.arange(400) < shares * 400).long()
    order = lesson._shuffled(y, torch.Generator().manual_seed(1))
    assert sorted(order.tolist()) == list(range(400))
    for n in (2, 40, 80, 200):
        assert int(y[order[:n]].sum()) == pytest.approx(max(1, shares * n), abs=1)


@pytest.mark.parametrize("side", ["wrong", "right"])
def test_outliers_go_along_the_classes_means_turned_by_35_degrees(side: str):
    points = clouds()
    scene, result = run(points, side=side, outliers=3, distance=8)
    train = lesson.halves(points, scene.seed)[0]
    up = train[0][:, train[1] == 1].mean(1) - train[0][:, train[1] == 0].mean(1)
    cosine = float(up @ result.way[:, 0] / up.norm())
    assert cosine == pytest.approx(math.cos(math.radians(35)) * (1 if side == "right" else -1), abs=1e-5)
    still = lesson.carried_to(result, scene, 0)
    torch.testing.assert_close((result.x - still).norm(dim=0), 8.0 * result.outlier, atol=1e-5, rtol=1e-5)
    assert (result.y[result.outlier] == 1).all() and result.carried == (3,) * scene.draws
    one = torch.zeros(2, 2)
    assert lesson.way(one, "right")[:, 0].tolist() == pytest.approx([math.cos(math.radians(35)), math.sin(math.radians(35))])


def test_the_lessons_own_outliers_go_where_they_went():
    means = torch.tensor([[-1.5, 0.0], [1.5, 0.0]])
    assert lesson.way(means, "wrong")[:, 0].tolist() == pytest.approx([-math.cos(math.radians(35)), -math.sin(math.radians(35))])


def test_exact_answers_that_need_the_samples_alone_hold():
    """The least-squares boundary in closed form, and scikit-learn's logistic regression."""
    _, result = run(clouds(), distance=0, label_noise=20, steps=600)
    assert result.moved_exactly is not None
    torch.testing.assert_close(result.theta[-1, 0], lesson.least_squares(result.x, result.y), atol=2e-3, rtol=0)
    other = LogisticRegression(C=np.inf, tol=1e-8).fit(result.x.T.numpy(), result.y.numpy())
    np.testing.assert_allclose(result.theta[-1, 2], np.r_[other.coef_[0], other.intercept_], rtol=0.02, atol=0.02)
    assert result.flipped.double().mean().item() == pytest.approx(0.2, abs=0.01)
    for split in ("train", "validation"):
        assert (result.loss[split] >= result.error[split]).all()


def test_outliers_move_what_they_move_in_the_lessons_scene():
    """By the slopes: exponential more than hinge on the wrong side, squared alone on their own."""
    _, wrong = run(clouds())
    squared, hinge, logistic, exponential = wrong.moved[wrong.distances.index(12)].mean(0).tolist()
    assert exponential > max(squared, logistic) and exponential > 1.5 * hinge
    _, right = run(clouds(), side="right", distance=20)
    moved = right.moved[-1].mean(0).tolist()
    assert moved[0] > 0.05 and max(moved[1:]) < 0.02


def test_what_takes_the_posterior_is_left_out_and_said_to_be():
    scene, result = run(clouds())
    board = PAGE.draw(result, scene)
    panels = {p.id: p for p in [*board.panels, *board.further]}
    assert set(panels) == {"plane", "outliers", "losses", *(f"train-{loss}" for loss in surrogates.LOSSES)}
    assert "Their log-odds are not known, so no best boundary is drawn." in panels["plane"].caption
    assert "Least expected error" not in board.summary
    told = " ".join(f"{p.title} {p.caption} {p.alt}" for p in [*panels.values(), board.setup] if p)
    assert "least expected error" not in told and "fewest errors" not in told and "class A" not in told and "x₁" not in told
    assert "Circles: fox. Squares: hedgehog." in panels["plane"].caption and "mean of hedgehog to that of fox" in told
    assert "closed form" in panels["outliers"].caption
    for loss in surrogates.LOSSES:
        assert not any((trace.line.dash or "") == "dash" for trace in pictures.training(result, scene, loss).data)
    assert all(trace.name != "boundary of the fewest errors" for trace in pictures.plane(result, scene).data)
    assert f"of {len(result.y)} samples" in words.predict(result, scene).text
    control = Config.controls()["apart"]
    assert control.when and scene.points not in control.when[1]
    own = PAGE.draw(lesson.run(Config()), Config())
    assert "wanted" in {p.id for p in own.further} and "Least expected error" in own.summary


@pytest.mark.parametrize("model", ["linear", "net"])
@pytest.mark.parametrize("name", ODD)
def test_odd_points_are_drawn_in_time_and_in_words(name: str, model: str):
    began = time.process_time()
    scene = Config(points=DIGEST, outliers=10, distance=20, model=model, label_noise=40 if model == "net" else 0, n=40)
    results = list(lesson.steps(scene.trained(), {DIGEST: PointsForm().pack(odd_points(name))}))
    for result in (results[0], results[-1]):
        check(PAGE, module, scene, result, thorough=True)
    assert time.process_time() - began < 5


def test_a_digest_that_is_not_here_leaves_the_lessons_samples():
    result = lesson.run(Config(points=DIGEST))
    assert result.own is None and torch.equal(result.theta, lesson.run(replace(Config(), points="")).theta)
