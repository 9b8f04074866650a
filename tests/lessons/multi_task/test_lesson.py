"""multi_task: closed forms, one-hot z as a bias, gating's start, and nets row by row against torch.nn."""

from __future__ import annotations

import dataclasses
import math
import runpy
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from core.engine import MLP, ConditionedMLP, generators, spawn
from core.lessons.multi_task import designs, lesson, tasks
from core.lessons.multi_task.designs import DESIGNS, Study, budgeted
from core.lessons.multi_task.lesson import Config, Result
from core.lessons.multi_task.tasks import DIMENSIONS, RELATEDNESS, SAMPLES

ROOT = Path(__file__).resolve().parents[3]
NETS = dict(problem="curves", noise=0.3)
whole = lru_cache(maxsize=12)(lesson.run)


# Tasks

@pytest.mark.parametrize("problem", ["linear", "curves"])
@pytest.mark.parametrize("count", [2, 4])
def test_truths_have_the_relatedness_that_is_said(problem: str, count: int):
    drawn = tasks.draw_tasks(problem, count, 1.0, generators(range(6)))
    product = drawn.truth @ drawn.truth.mT  # [R, S, T, T]
    sign = tasks.camps(count)
    for r, rho in enumerate(RELATEDNESS):
        expected = torch.where(sign[:, None] == sign, 1.0, rho).double()
        assert torch.allclose(product[r], expected.expand(6, -1, -1), atol=1e-12)


def test_features_are_orthonormal_for_uniform_x():
    x = torch.linspace(-1, 1, 20001, dtype=torch.float64)[None]
    phi = tasks.features(x, 3)
    gram = torch.trapezoid(phi[:, None] * phi, x[0]) / 2
    assert torch.allclose(gram, torch.eye(3, dtype=torch.float64), atol=1e-6)


def test_smaller_sets_are_the_beginning_and_inputs_and_noise_are_paired_over_relatedness():
    drawn = tasks.draw_tasks("linear", 2, 0.7, generators(range(4)))
    noise = drawn.y - torch.einsum("rstd,stdn->rstn", drawn.truth, drawn.phi)
    assert torch.allclose(noise[0], noise[-1], atol=1e-12)
    assert noise.std().item() == pytest.approx(0.7, rel=0.15)


# Least squares

@pytest.mark.parametrize("count", [2, 4])
def test_fits_are_those_of_lstsq(count: int):
    drawn, n = tasks.draw_tasks("linear", count, 1.0, generators(range(3))), 12
    apart, (one, none), (told, bias) = (tasks.fit_separate(drawn, n), tasks.fit_shared(drawn, n),
                                        tasks.fit_shared(drawn, n, one_hot=True))
    assert not none.any()
    for r, s in ((0, 0), (5, 2)):
        x = [drawn.x[s, t, :, :n].T.numpy() for t in range(count)]
        y = [drawn.y[r, s, t, :n].numpy() for t in range(count)]
        for t in range(count):
            assert np.allclose(apart[r, s, t], np.linalg.lstsq(x[t], y[t])[0], atol=1e-10)
        assert np.allclose(one[r, s, 1], np.linalg.lstsq(np.concatenate(x), np.concatenate(y))[0], atol=1e-10)
        z = np.repeat(np.eye(count), n, 0)
        joined = np.linalg.lstsq(np.concatenate([np.concatenate(x), z], 1), np.concatenate(y))[0]
        assert np.allclose(told[r, s, 0], joined[:4], atol=1e-10) and np.allclose(bias[r, s], joined[4:], atol=1e-10)


def test_a_one_hot_z_in_a_linear_layer_is_a_bias_for_each_task_and_nothing_more():
    drawn, n = tasks.draw_tasks("linear", 2, 1.0, generators(range(5))), 20
    w, bias = tasks.fit_shared(drawn, n, one_hot=True)
    assert torch.equal(w[..., 0, :], w[..., 1, :])
    # Frisch and Waugh: the common slope is that of the data with each task's own means taken away.
    x, y = drawn.phi[..., :n], drawn.y[..., :n]
    centred = dataclasses.replace(drawn, phi=x - x.mean(-1, keepdim=True), y=y - y.mean(-1, keepdim=True))
    assert torch.allclose(w, tasks.fit_shared(centred, n)[0], atol=1e-10)
    assert torch.allclose(bias, y.mean(-1) - torch.einsum("rstd,std->rst", w, x.mean(-1)), atol=1e-10)
    # The same in torch.nn: Linear of [h, z] is Linear of h with the bias that z selects.
    joined, plain = nn.Linear(5 + 2, 3).double(), nn.Linear(5, 3).double()
    h = torch.randn(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for t in range(2):
        with torch.no_grad():
            plain.weight.copy_(joined.weight[:, :5])
            plain.bias.copy_(joined.bias + joined.weight[:, 5 + t])
        z = torch.zeros(8, 2, dtype=torch.float64)
        z[:, t] = 1
        assert torch.allclose(joined(torch.cat([h, z], 1)), plain(h), atol=1e-12)


@pytest.mark.parametrize("count", [2, 4])
def test_expected_losses_are_the_closed_forms(count: int):
    D, sigma, seeds = DIMENSIONS["linear"], 0.8, 4000
    drawn = tasks.draw_tasks("linear", count, sigma, generators(range(seeds)))
    for n in (12, 20, 48):
        apart, (one, none), (told, bias) = (tasks.fit_separate(drawn, n), tasks.fit_shared(drawn, n),
                                            tasks.fit_shared(drawn, n, one_hot=True))
        for fit, b, law in ((apart, none, lambda rho, n=n: tasks.separate_loss(n, D, sigma)),
                            (one, none, lambda rho, n=n: tasks.shared_loss(n, count, D, sigma, rho)),
                            (told, bias, lambda rho, n=n: tasks.joined_loss(n, count, D, sigma, rho))):
            loss = ((fit - drawn.truth).square().sum(-1) + b.square()).mean(-1)
            for r in (0, 3, 8):
                error = float(loss[r].std()) / math.sqrt(seeds)
                assert float(loss[r].mean()) == pytest.approx(law(RELATEDNESS[r]), abs=4.5 * error)
                assert error < 0.03 * law(RELATEDNESS[r])


def test_without_noise_sharing_errs_by_bias_alone_and_for_identical_tasks_not_at_all():
    drawn = tasks.draw_tasks("linear", 2, 0.0, generators(range(5)))
    assert (tasks.fit_separate(drawn, 8) - drawn.truth).abs().max() < 1e-9
    shared = tasks.fit_shared(drawn, 8)[0] - drawn.truth
    assert shared[-1].abs().max() < 1e-9 and shared[0].square().sum(-1).mean() > 0.9
    assert tasks.shared_loss(10**6, 2, 4, 1.0, -1.0) == pytest.approx(1.0, abs=1e-4)


def test_the_theoretical_edge_is_where_both_laws_are_equal_and_moves_to_identical_tasks():
    for n in (12, 20, 48, 500):
        for count in (2, 4):
            rho = tasks.theoretical_edge(n, count, 4, 0.6)
            assert tasks.shared_loss(n, count, 4, 0.6, rho) == pytest.approx(tasks.separate_loss(n, 4, 0.6), rel=1e-12)
            told = tasks.theoretical_edge(n, count, 4, 0.6, one_hot=True)
            assert tasks.joined_loss(n, count, 4, 0.6, told) == pytest.approx(tasks.separate_loss(n, 4, 0.6), rel=1e-12)
            assert rho < told < 1  # a bias that the tasks do not need costs
    found = [tasks.theoretical_edge(n, 2, 4, 1.0) for n in SAMPLES]
    assert found == sorted(found) and tasks.theoretical_edge(10**6, 2, 4, 1.0) == pytest.approx(1, abs=1e-4)
    assert tasks.theoretical_edge(20, 2, 4, 0.3) > tasks.theoretical_edge(20, 2, 4, 1.0)


def test_the_measured_edge_is_interpolated_and_says_where_there_is_none():
    rho = torch.tensor([-1.0, 0.0, 1.0])
    assert tasks.edge(rho, torch.tensor([2.0, 1.0, -1.0])) == pytest.approx(0.5)
    assert tasks.edge(rho, torch.tensor([-2.0, 1.0, -3.0])) == pytest.approx(0.25)
    assert tasks.edge(rho, torch.tensor([-2.0, -1.0, -1.0])) == -1
    assert tasks.edge(rho, torch.tensor([2.0, 1.0, 1.0])) == math.inf


@pytest.mark.parametrize(("values", "design"), [({}, "none"), ({}, "concatenate"), (NETS, "none"), (NETS, "gate"),
                                                (dict(NETS, tasks=4), "heads")])
def test_outside_the_range_students_interval_leaves_out_zero_to_the_end_of_the_axis(values: dict, design: str):
    result = whole(Config(**values))
    gap = (result.loss[result.designs.index(design)] - result.loss[0]).numpy()
    mean, error = gap.mean(-1), gap.std(-1, ddof=1) / math.sqrt(gap.shape[-1])
    low, high = stats.t.interval(0.95, gap.shape[-1] - 1, mean, error)
    for end, expected in zip(lesson.interval(result, design), (low, high), strict=True):
        assert np.allclose(end, expected, rtol=1e-5)
    rho = np.array(RELATEDNESS)
    for m, (worse, better) in enumerate(lesson.open_ranges(result, design)):
        assert worse <= better and worse <= lesson.edges(result, design)[m] <= better
        assert (low[rho < worse, m] > 0).all() and (high[rho > better, m] < 0).all()
        if worse < 1:  # as far as that goes: the next ρ is not clear
            assert low[rho >= worse, m][0] <= 1e-9
        if better > -1:
            assert high[rho <= better, m][-1] >= -1e-9


def test_the_range_of_all_and_of_nothing():
    def of(*columns: float) -> list[tuple[float, float]]:
        seeds = 0.01 * torch.arange(-2.0, 3.0)
        loss = (torch.tensor(columns)[:, None, None] + seeds).expand(-1, len(SAMPLES), -1)
        return lesson.open_ranges(dataclasses.replace(whole(Config()), loss=torch.stack([0 * loss, loss])), "none")

    assert of(*[1.0] * 9)[0] == (1, math.inf) and of(*[-1.0] * 9)[0] == (-math.inf, -1)
    assert of(*[0.0] * 9)[0] == (-math.inf, math.inf)
    worse, better = of(1, 1, 1, 0, -1, 0, 1, -1, -1)[0]  # no crossing is claimed within
    assert -0.5 < worse < -0.25 and 0.5 < better < 0.75


@pytest.mark.parametrize("model", ["none", "concatenate"])
def test_the_exact_edge_lies_in_the_range_of_the_seeds(model: str):
    inside = [low <= lesson.exact_edge(Config(model=model), n) <= high for seed in range(10)
              for n, (low, high) in zip(SAMPLES, lesson.open_ranges(lesson.run(Config(seed=seed)), model), strict=True)]
    assert sum(inside) >= 0.85 * len(inside)


@pytest.mark.parametrize("seed", range(5))
def test_the_measured_edge_is_near_theory(seed: int):
    result = whole(Config(seed=seed))
    found = lesson.edges(result, "none")
    for m in range(1, len(SAMPLES)):
        assert found[m] == pytest.approx(tasks.theoretical_edge(SAMPLES[m], 2, 4, 1.0), abs=0.3 if m == 1 else 0.15)


@pytest.mark.parametrize("values", [dict(), NETS], ids=["linear", "nets"])
def test_identical_tasks_make_sharing_best_and_opposite_ones_make_it_worst(values: dict):
    for seed in range(2 if values else 5):
        mean = whole(Config(**values, seed=seed)).loss.mean(-1)
        assert int(mean[:, -1, 0].argmin()) == 1
        if values:
            assert (mean[:, 0].argmax(0) == 1)[2:].all()
        else:  # with a bias for each task the one slope is no better
            assert (mean[1:, 0, 2:] > 2 * mean[0, 0, 2:]).all() and (mean[2, 0] > mean[1, 0]).all()
        assert (mean[1].diff(dim=0).mean(-1) < 0).all()


# Nets

def test_zero_initialised_gating_is_the_identity():
    gate, plain = ConditionedMLP((1, 9, 9, 1), 2, "gate"), MLP((1, 9, 9, 1), "tanh")
    theta = gate.init(generators(range(3)), dtype=torch.float64)
    x = torch.linspace(-3, 3, 11, dtype=torch.float64)[None, None]
    for t in range(2):
        task = torch.full((1, 11), t)
        assert torch.allclose(gate.forward(theta, (x, task)), plain.forward(theta[:, : plain.P], x), atol=1e-12)


def test_a_one_hot_z_beside_the_input_of_a_net_is_a_bias_of_its_first_layer():
    net = ConditionedMLP((1, 6, 6, 1), 2, "concatenate")
    theta = net.init(generators([1]), dtype=torch.float64)
    parts = net.named(theta)
    x = torch.linspace(-2, 2, 7, dtype=torch.float64)
    for t in range(2):
        h = torch.tanh(parts["weight1"][0, :, :1] * x + parts["bias1"][0].reshape(-1, 1) + parts["weight1"][0, :, 1 + t, None])
        h = torch.tanh(parts["weight2"][0] @ h + parts["bias2"][0].reshape(-1, 1))
        out = parts["weight3"][0] @ h + parts["bias3"][0].reshape(-1, 1)
        assert torch.allclose(net.forward(theta, (x[None, None], torch.full((1, 7), t)))[0], out, atol=1e-12)


@pytest.mark.parametrize("count", [2, 4])
def test_budgets_are_nearly_equal_and_counts_are_those_of_the_nets(count: int):
    budget = designs.count("none", designs.BUDGET_WIDTH, count).total
    for design in DESIGNS:
        found = budgeted(design, count)
        assert abs(found.total - budget) < 0.08 * budget
        sizes = (1, found.width, found.width, 1)
        plain = sum(i * o + o for i, o in pairwise(sizes))
        own = {"separate": count * plain, "none": 0, "concatenate": count * found.width, "sum": count * 2 * found.width,
               "gate": count * 4 * found.width, "heads": count * (found.width + 1)}[design]
        shared = {"separate": 0, "heads": plain - found.width - 1}.get(design, plain)
        assert (found.shared, found.own) == (shared, own)


def torch_net(width: int, row: torch.Tensor) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
    nn.utils.vector_to_parameters(row.clone(), net.parameters())
    return net


@pytest.mark.parametrize("design", ["separate", "none"])
def test_rows_train_as_torch_trains_one_net_by_itself(design: str):
    rngs = generators(range(3))
    drawn = tasks.draw_tasks("curves", 2, 0.3, spawn(rngs))
    study = Study(drawn, spawn(rngs))
    n, m, r, s = SAMPLES[1], 1, 2, 1
    group = study.groups[DESIGNS.index(design) * len(SAMPLES) + m]
    row = (r * 3 + s) * (2 if design == "separate" else 1)
    net = torch_net(budgeted(design, 2).width, study.trainer.theta[group.rows][row, : group.net.P])
    x, y = designs.STRETCH * drawn.x[s, :, 0, :n].float(), drawn.y[r, s, :, :n].float()
    x, y = (x[0], y[0]) if design == "separate" else (x.flatten(), y.flatten())
    optimiser = torch.optim.Adam(net.parameters(), lr=designs.RATE)
    for _ in range(10):
        optimiser.zero_grad()
        (net(x[:, None])[:, 0] - y).square().mean().backward()
        optimiser.step()
    study.advance(10)
    found = study.trainer.theta[group.rows][row, : group.net.P]
    assert torch.allclose(found, nn.utils.parameters_to_vector(net.parameters()), atol=2e-4)
    fits = study.seen()[1] if s == 0 else list(study.fits())[DESIGNS.index(design) * len(SAMPLES) + m][:, s]
    with torch.no_grad():
        out = net(designs.STRETCH * study.place.float()[:, None])[:, 0]
    assert torch.allclose(fits[r, 0], out, atol=1e-3)


def test_test_losses_of_nets_are_integrals_over_x():
    result = whole(Config(**NETS))
    assert result.film is not None and result.place is not None and result.truth is not None
    gap = (result.film[-1] - result.truth[:, None]).square().double()  # first seed
    expected = np.trapezoid(gap.numpy(), result.place.numpy(), axis=-1).mean(-1) / 2
    assert np.allclose(expected, result.loss[..., 0], rtol=1e-4)


def test_the_shared_net_without_z_has_one_answer_and_others_may_differ():
    result = whole(Config(**NETS))
    assert result.film is not None
    apart = (result.film[-1, :, 0, -1, 0] - result.film[-1, :, 0, -1, 1]).abs().amax(-1)
    assert apart[1] < 1e-5 and (np.delete(apart.numpy(), 1) > 0.5).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_told_the_task_a_net_undoes_most_of_the_harm_between_opposite_tasks(seed: int):
    mean = whole(Config(**NETS, seed=seed)).loss[:, 0, 2].mean(-1)
    assert (mean[2:] < 0.5 * mean[1]).all()


def test_partial_results_come_often_and_end_with_the_whole():
    results: list[Result] = list(lesson.steps(Config(**NETS)))
    assert len(results) == lesson.UPDATES // lesson.CHUNK + 1
    assert results[0].step == 0 and results[-1].step == lesson.UPDATES
    assert all(result.loss.isfinite().all() for result in results)
    film = results[-1].film
    assert film is not None and results[-1].stops == tuple(range(0, lesson.UPDATES + 1, lesson.EVERY))
    for part in results:
        assert part.film is not None and torch.equal(part.film, film[: len(part.stops)])


def test_the_example_agrees_with_the_lesson_and_with_theory():
    found = runpy.run_path(str(ROOT / "examples" / "multi_task.py"))["main"]()
    result = whole(Config())
    m = SAMPLES.index(12)
    for rho in (-1.0, 0.0, 0.75, 1.0):
        r = RELATEDNESS.index(rho)
        assert found[f"separate_{rho:g}"] == pytest.approx(tasks.separate_loss(12, 4, 1.0), rel=0.15)
        assert found[f"shared_{rho:g}"] == pytest.approx(tasks.shared_loss(12, 2, 4, 1.0, rho), rel=0.1)
        for k, name in enumerate(("separate", "shared")):
            assert found[f"{name}_{rho:g}"] == pytest.approx(float(result.loss[k, r, m].mean()), rel=0.3)
