"""The nets of dropout: what trained them, and what is true of them over seeds."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from core.engine import cross_entropy
from core.lesson import last
from core.lessons.dropout import lesson, probes, words
from core.lessons.dropout.lesson import SEEDS, Config, Result
from examples import dropout as example
from tests.scenes import distinct

ROUNDS = range(5)  # seeds of the page, of five data sets each


@pytest.fixture(scope="module")
def opening() -> list[Result]:
    return [lesson.run(Config(seed=s)) for s in ROUNDS]


@pytest.fixture(scope="module")
def shallow() -> list[Result]:
    return [lesson.run(Config(seed=s, depth=1)) for s in ROUNDS]


def replayed(config: Config, updates: int) -> tuple[lesson._Task, list, torch.Tensor]:
    """What a run is watched to do, and the parameters [A·S, P] that it ends at."""
    task, seen = lesson._Task(config), []

    def watch(theta, batch, masks):
        seen.append(([part.clone() for part in batch], [mask.clone() for mask in masks]))
        keep(theta, batch, masks)

    keep, task.recorder = task.recorder, watch
    for now in task.training(config.steps // lesson.RECORDS):
        if now.step >= updates:
            break
    task.recorder = keep
    return task, seen[: now.step], now.theta


def test_the_masks_of_the_diagram_are_those_that_trained():
    """Replayed in plain torch, under the masks that were watched, the net of the diagram has the weights it has there."""
    config = Config(steps=100, p=0.35)
    task, seen, theta = replayed(config, 10)
    k = task.own * SEEDS
    frames = task.recorder.frames()
    assert frames.update == (1, 5, 10)
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    vector = task.mlp.init(task_start(config))[0]
    nn.utils.vector_to_parameters(vector, net.parameters())
    optimiser = torch.optim.Adam(net.parameters(), lesson.LEARNING_RATE)
    for at, ((x, y), masks) in enumerate(seen, 1):
        if at in frames.update:
            f = frames.update.index(at)
            now = nn.utils.parameters_to_vector(net.parameters()).detach()
            torch.testing.assert_close(frames.theta[f], now, rtol=1e-4, atol=1e-5)
            for layer, mask in zip(frames.masks, masks, strict=True):
                assert torch.equal(layer[f], mask[k, :, 0].clone())
            assert torch.equal(frames.x[f], x[k, :, 0].clone())
            h, kept = frames.x[f], iter(frames.masks)
            for part in list(net)[:-1]:
                h = part(h) * next(kept)[f] if isinstance(part, nn.ReLU) else part(h)
            torch.testing.assert_close(frames.units[-1][f], h.detach(), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(frames.probability[f], net[-1](h).softmax(0).detach(), rtol=1e-4, atol=1e-5)
        h, kept = x[k].T.clone(), iter(masks)
        for part in net:
            h = part(h) * next(kept)[k].T.clone() if isinstance(part, nn.ReLU) else part(h)
        optimiser.zero_grad()
        nn.functional.cross_entropy(h, y[k].clone()).backward()
        optimiser.step()
    torch.testing.assert_close(theta[k], nn.utils.parameters_to_vector(net.parameters()).detach(), rtol=1e-3, atol=1e-4)


def task_start(config: Config) -> list:
    return lesson.streams(config)[1]


def test_nets_of_a_seed_differ_in_p_alone():
    config = Config(steps=100)
    task, seen, _ = replayed(config, 5)
    for (x, y), masks in seen:
        assert torch.equal(x.unflatten(0, (-1, SEEDS))[0], x.unflatten(0, (-1, SEEDS))[-1])
        assert torch.equal(y.unflatten(0, (-1, SEEDS))[0], y.unflatten(0, (-1, SEEDS))[-1])
        for mask in masks:
            rows = mask.unflatten(0, (len(task.rates), SEEDS))
            for p, row in zip(task.rates, rows, strict=True):
                kept = row[row > 0].clone()
                torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)))
            # What is dropped at one p is dropped at any larger.
            assert bool(((rows[1:] == 0) | (rows[:-1] > 0)).all())


def test_losses_are_those_of_torch(opening):
    result = opening[0]
    task = lesson._Task(Config())
    theta = last(task.training(15)).theta
    rate = task.nets(theta, result.own)
    out = task.mlp.forward(rate, result.data.x_test)
    oracle = [nn.functional.cross_entropy(o.T, y) for o, y in zip(out, result.data.y_test, strict=True)]
    torch.testing.assert_close(result.test_loss[-1, result.own], torch.stack(oracle), rtol=1e-4, atol=1e-5)
    # With masks on: the mean over many masks of the loss on the training digits is near what training saw last.
    masks = task.mlp.masks(lesson.streams(Config())[3], result.data.x.shape[-1], 0.5)
    masked = cross_entropy.value(task.mlp.forward(rate, result.data.x, masks=masks), result.data.y)
    torch.testing.assert_close(masked.mean(), result.masked_loss[-1, result.own].mean(), rtol=0.2, atol=0)


def test_training_loss_with_masks_on_lies_above_the_test_loss_and_with_masks_off_far_below(opening):
    for result in opening:
        masked, plain, test = words.last_losses(result, result.own)
        assert plain < 0.5 * masked
        assert masked > test > plain
        assert words.relation(result) == "above"
        masked, plain, test = words.last_losses(result, 0)
        assert masked < 0.1 * test


def left(distance: torch.Tensor) -> float:
    """Of the distance of one thinned net, what the mean of all has."""
    return float(distance[-1] / distance[0])


def test_weight_scaling_is_exact_for_a_line_and_for_a_softmax_layer_and_not_for_deep_nets(opening, shallow):
    root = 1 / math.sqrt(probes.PASSES)
    for results in (opening, shallow):
        line, layer = (np.array([left(getattr(r.averages, name)) for r in results]) for name in ("line", "layer"))
        assert np.sqrt((line**2).mean()) == pytest.approx(root, rel=0.25)
        assert np.sqrt((layer**2).mean()) == pytest.approx(root, rel=0.25)
        # The arithmetic mean is something else.
        assert min(left(r.averages.layer_arithmetic) for r in results) > 0.2
    assert all(r.averages.deep is None for r in shallow)
    deep, layer = (np.array([left(getattr(r.averages, name)) for r in opening]) for name in ("deep", "layer"))
    assert np.median(deep) > 1.4 * root
    assert np.sqrt((deep**2).mean()) > 1.3 * np.sqrt((layer**2).mean())


def test_masks_that_trained_have_the_moments_of_theory(opening):
    for result in opening:
        for p, mean, variance in zip(result.rates, result.mask_mean, result.mask_variance, strict=True):
            assert float(mean) == pytest.approx(1, abs=0.02)
            assert float(variance) == pytest.approx(p / (1 - p), rel=0.05)


def test_nets_trained_without_dropout_lean_on_their_units(opening):
    at = probes.SHARES.index(0.4)
    for result in opening:
        torch.testing.assert_close(result.lesion[0], result.test_error[-1, [0, result.own]])
        assert bool((result.lesion[at, 1] < result.lesion[at, 0]).all())


def test_previews_change_nothing_at_the_end():
    config = Config(steps=100, width=8)
    results = list(lesson.steps(config))
    shown = list(distinct(results))
    assert [r.step for r in shown] == sorted({r.step for r in shown})
    assert shown[-1].step == 100
    assert 2 < len(shown) <= lesson.PREVIEWS + 2
    again = lesson.run(config)
    for name in ("test_loss", "lesion", "masked_loss"):
        assert torch.equal(getattr(again, name), getattr(shown[-1], name))
    assert torch.equal(again.averages.line, shown[-1].averages.line)
    # The first passes of the final result are those of the previews.
    assert shown[0].averages.counts == tuple(c for c in probes.COUNTS if c <= probes.FEW)
    other = lesson.run(dataclasses.replace(config, p=0.65))
    torch.testing.assert_close(other.test_loss[:, 0], again.test_loss[:, 0], rtol=1e-3, atol=1e-4)


def test_the_example_tells_the_same_story(opening):
    state = torch.get_rng_state()
    numbers = example.main()
    torch.set_rng_state(state)
    ours = [words.last_losses(r, r.own) for r in opening]
    for name, values in zip(("masks_on", "masks_off", "test"), zip(*ours, strict=True), strict=True):
        assert min(values) / 2 < numbers[name] < 2 * max(values), name
    assert numbers["masks_off"] < numbers["test"] < numbers["masks_on"]
    assert numbers["layer_geometric"] < 0.1 < numbers["layer_arithmetic"]
