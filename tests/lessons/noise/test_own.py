"""noise on points that a reader brings: they and nothing else are learnt, and the closed forms hold on them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge

import core.lessons.noise as module
from core.lessons.noise import data, lesson, linear, words
from core.lessons.noise.data import POINTS, SEEDS, STRENGTHS
from core.lessons.noise.lesson import Config, Result
from core.uploads import Points, PointsForm
from tests.pages import page_spec
from tests.scenes import check
from tests.uploads.odd import ODD, odd_points
from ui.chart import Board

PAGE = page_spec("noise")
DIGEST = "0" * 32


def moons(rows: int = 160) -> Points:
    g = np.random.default_rng(0)
    y, t = np.arange(rows) % 2, np.pi * g.random(rows)
    x = np.stack([np.cos(t) + y, np.sin(t) * (1 - 2 * y) + 0.5 * y]) + 0.15 * g.normal(size=(2, rows))
    x = (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)
    return Points(x.astype(np.float32), y, ("fox", "hedgehog"))


def run(points: Points, **values: Any) -> tuple[Config, Result]:
    scene = Config(points=DIGEST, **values)
    return scene, list(lesson.steps(scene.trained(), {DIGEST: PointsForm().pack(points)}))[-1]


@pytest.fixture(scope="module")
def brought() -> tuple[Config, Result]:
    return run(moons())


def test_both_nets_learn_the_file_and_are_judged_on_the_rest_of_it(brought: tuple[Config, Result]):
    _, result = brought
    given = {tuple(x): y for x, y in zip(moons().x_2N.T.tolist(), moons().y_N.tolist(), strict=True)}
    made = lesson.make_data(Config(points=DIGEST), moons())
    assert torch.equal(made.points, result.points) and torch.equal(result.x, result.points)
    assert torch.equal(result.y, 2.0 * result.given - 1) and made.classes == 2
    for s in range(SEEDS):
        train, test = ({tuple(c) for c in x[s].T.tolist()} for x in (made.points, made.points_test))
        assert len(train) == POINTS and train <= set(given) and test <= set(given) and not train & test
        assert [given[tuple(c)] for c in made.points[s].T.tolist()] == made.given[s].tolist()
        assert [2 * given[tuple(c)] - 1 for c in made.asked[s].T.tolist()] == made.wanted[s].tolist()
    assert not torch.equal(result.points[0], result.points[1])


def test_ridge_with_sigma_squared_and_n_sigma_squared_on_own_points(brought: tuple[Config, Result]):
    """Features and penalty by scikit-learn, whose objective is the sum of squares."""
    _, result = brought
    for s in range(SEEDS):
        a, b = result.points[s].double().numpy()
        phi = np.stack([a, b, a * a, a * b, b * b], 1)
        phi = (phi - phi.mean(0)) / phi.std(0)
        for level in range(1, STRENGTHS):
            other = Ridge(alpha=POINTS * float(result.sigma[0, level].double() ** 2)).fit(phi, result.y[s].double().numpy())
            assert result.linear.w_ridge[level, s].tolist() == pytest.approx(other.coef_.tolist(), rel=1e-6, abs=1e-9)
        plain = LinearRegression().fit(phi, result.y[s].double().numpy())
        assert result.linear.w_ridge[0, s].tolist() == pytest.approx(plain.coef_.tolist(), rel=1e-6, abs=1e-9)
    off = result.linear.off[:, 1:].mean(-1)
    assert (off[-1] < 0.25 * off[0]).all() and (result.linear.added[0] - result.linear.added_theory[0]).abs().max() < 0.01
    x, y = result.points[0].T.numpy(), np.eye(2)[result.given[0].numpy()]
    assert result.linear.plain.T.numpy() == pytest.approx(LinearRegression().fit(x, y).predict(x), abs=1e-5)


def test_all_three_kinds_of_noise_do_on_own_points_what_they_do_on_the_lessons(brought: tuple[Config, Result]):
    _, result = brought
    net = result.numbers
    assert (net.slope_inputs[0, -1] < 0.3 * net.slope_inputs[0, 0]).all()
    assert (net.slope_weights[1, -1] < net.slope_weights[1, 0]).all()
    assert (result.classes.gap[1:].diff(dim=0) < 0).all() and (result.classes.gap[0] > result.classes.gap[1] + 1).all()
    assert (result.classes.error < 0.25).all()
    assert result.small is not None
    least = result.small.measured[:, 1] / result.sigma[:, 1, None].square()
    assert least[1] == pytest.approx(result.small.limit[1].numpy(), rel=0.5)


def test_the_page_names_the_readers_classes_and_says_nothing_of_a_curve(brought: tuple[Config, Result]):
    scene, result = brought
    board: Board = PAGE.draw(result, scene)
    check(PAGE, module, scene, result)
    told = " ".join(f"{p.title} {p.caption} {p.alt}" for p in [*board.panels, *board.further, board.setup] if p) + board.summary
    assert "fox" in told and "hedgehog" in told and " curve" not in told and "x from −4" not in told
    assert "classes of new samples" in told and "x₁, x₂ and their products" in told
    assert words.predict(result, scene).text.startswith("The labels of K = 2 classes")
    assert {p.id for p in board.panels} == {p.id for p in PAGE.draw(lesson.run(Config(steps=200)), Config(steps=200)).panels}
    shown = {name for name, control in Config.controls().items() if not control.when or scene.points in control.when[1]}
    assert not {"classes", "samples", "blur", "spread"} & shown


@pytest.mark.parametrize("name", ODD)
def test_odd_points_are_drawn_in_time_and_in_words(name: str):
    began = time.process_time()
    scene = Config(points=DIGEST, labels=1.0, inputs=2.4, weights=0.48, level=6, steps=200)
    results = list(lesson.steps(scene.trained(), {DIGEST: PointsForm().pack(odd_points(name))}))
    for result in (results[0], results[-1]):
        check(PAGE, module, scene, result, thorough=True)
        assert all(torch.isfinite(v).all() for v in (result.linear.w, result.linear.w_ridge, result.linear.off))
    assert time.process_time() - began < 5


def test_points_on_a_line_have_a_ridge_of_least_norm():
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]]])
    phi, y = linear.products(x)[..., :2], torch.tensor([[1.0, 2.0, 4.0, 3.0]], dtype=torch.float64)
    w, c = linear.ridge(phi, y, torch.zeros(1, dtype=torch.float64))
    design = np.c_[x[0].T.numpy() - 2.5]
    assert w[0, 0].tolist() == pytest.approx((np.linalg.pinv(design) @ (y[0].numpy() - 2.5)).tolist())
    assert w[0, 0, 0].item() == pytest.approx(w[0, 0, 1].item()) and c[0, 0].item() == pytest.approx(2.5 - 2.5 * float(w.sum()))


def test_a_digest_that_is_not_here_leaves_the_lessons_samples():
    scene = Config(points=DIGEST, steps=200)
    result = lesson.run(scene)
    assert result.own is None and torch.equal(result.x, lesson.run(Config(steps=200)).x)
    assert data.make_data(15, 0.5, 0.5, 3, (lesson.streams(scene)[0], lesson.streams(scene)[1])).own is None
