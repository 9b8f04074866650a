"""Sharing over a picture, over time and between tasks, against torch.nn, autograd and closed forms."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from core.engine import Supervised, cross_entropy, generators
from core.lessons.parameter_sharing import images, lesson, sequences, sharing, tying
from core.lessons.parameter_sharing.lesson import Config
from examples import parameter_sharing as example


@pytest.fixture(scope="module")
def run_images() -> images.Images:
    seen = lesson.run(Config()).images
    assert seen
    return seen


@pytest.fixture(scope="module")
def trial() -> tuple[images.ConvNet, torch.Tensor, torch.Tensor]:
    net = images.convnet("max", "circular")
    return net, net.init(generators([3]), dtype=torch.float64), torch.rand(5, 12, 12, generator=generators([4])[0])


def reference(net: images.ConvNet, theta: torch.Tensor, mode: str) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The two convolutions by torch.nn with the same weights."""
    views, layers = net.views(theta), []
    for block, view in zip(net.blocks, views, strict=False):
        conv = nn.Conv2d(block.channels, block.conv.channels, block.conv.size, padding=block.conv.padding,
                         padding_mode=mode).double()
        conv.weight.data = view.weight[0].reshape(conv.weight.shape).clone()
        conv.bias.data = view.bias[0, :, 0].clone()
        layers.append(conv)
    return layers[0], layers[1]


@pytest.mark.parametrize("mode", ["circular", "zeros"])
def test_stages_are_those_of_torch(trial, mode):
    net, theta, x = trial
    one, two = reference(net, theta, mode)
    with torch.no_grad():
        first = one(images.CONTRAST * x.double()[:, None]).relu()
        pooled = nn.functional.max_pool2d(first, 2)
        expected = first, pooled, two(pooled).relu()
    for got, want in zip(sharing.stages(dataclasses.replace(net, padding_mode=mode), theta, x), expected, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-13)


def test_a_circular_convolution_commutes_with_shifts_and_zeros_do_not(trial):
    """By torch.nn, and as the lesson measures it: exactly with stride 1, with even shifts after pooling by 2."""
    net, theta, x = trial
    one, _ = reference(net, theta, "circular")
    with torch.no_grad():
        for d in range(1, 12):
            shifted = one(x.double()[:, None].roll(d, 3))
            torch.testing.assert_close(shifted, one(x.double()[:, None]).roll(d, 3), rtol=1e-12, atol=1e-13)
    table = sharing.equivariance_table(net, theta, x, 4)
    assert float(table["circular"][0].max()) < 1e-14
    assert float(table["circular"][:, [0, 2]].max()) < 1e-13
    assert float(table["circular"][1:, [1, 3]].min()) > 0.01
    assert float(table["zeros"][0, 1:].min()) > 0.01
    assert float(table["zeros"][2, 2]) > 0.01


def test_pooling_makes_the_whole_net_invariant_to_even_wrapped_shifts_only(trial):
    net, theta, x = trial
    out = images.ask(net, theta, x.double())
    assert float((images.ask(net, theta, x.double().roll(2, 2)) - out).abs().max()) < 1e-13
    assert float((images.ask(net, theta, x.double().roll(1, 2)) - out).abs().max()) > 1e-4
    zeros = dataclasses.replace(net, padding_mode="zeros")
    assert float((images.ask(zeros, theta, x.double().roll(2, 2)) - images.ask(zeros, theta, x.double())).abs().max()) > 1e-4


def test_zero_padding_tells_where_the_edge_is(trial):
    net, theta, _ = trial
    blank = torch.zeros(1, 12, 12)
    assert float(sharing.stages(net, theta, blank)[2].flatten(2).std(2).max()) < 1e-14
    leaked = sharing.stages(dataclasses.replace(net, padding_mode="zeros"), theta, blank)[2]
    assert float(leaked.flatten(2).std(2).max()) > 1e-3


@pytest.mark.parametrize("head", ["max", "flat"])
def test_the_gradient_of_a_shared_weight_is_the_sum_of_its_uses(head):
    net = images.convnet(head, "zeros")
    theta = net.init(generators([1]), dtype=torch.float64)
    image, label = torch.rand(12, 12, generator=generators([2])[0], dtype=torch.float64), torch.tensor(3)
    parts = sharing.uses_of_weights(net, theta, image, label)
    batch = (images.CONTRAST * image)[None, None, :, :, None], label.reshape(1, 1)
    _, grad = Supervised(net, cross_entropy).value_and_gradient(theta, batch)
    expected = net.named(grad)["weight1"][0].flatten(1)
    assert parts.shape == (net.layers[0].channels, 9, 12, 12)
    torch.testing.assert_close(parts.sum((2, 3)), expected, rtol=1e-10, atol=1e-14)
    # Each part is one use: the gradient by the slope of its own copy of the weight, by finite differences of the centre's place.
    assert float(parts.abs().max()) > 0


def test_the_recurrent_gradient_is_the_sum_over_steps():
    shared, own = (sequences.Recurrent(1, 3, 1, unshared_steps=s) for s in (None, 4))
    theta = shared.init(generators([0]), dtype=torch.float64)
    cell = shared.named(theta)
    copies = torch.cat([torch.cat([v.expand(1, 4, *v.shape[2:]).flatten() if name in list(cell)[:4] else v.flatten()])
                        for name, v in cell.items()])[None]
    x, y = torch.rand(1, 1, 4, 6, generator=generators([1])[0], dtype=torch.float64), torch.ones(1, 1, 6, dtype=torch.float64)
    (_, a), (_, b) = (Supervised(net, sequences.binary_cross_entropy).value_and_gradient(t, (x, y))
                      for net, t in ((shared, theta), (own, copies)))
    for name in list(cell)[:4]:
        torch.testing.assert_close(shared.named(a)[name][:, 0], own.named(b)[name].sum(1), rtol=1e-10, atol=1e-14)
    assert not own.named(b)["weight_h"][:, 0].any(), "the first W_h multiplies h_0 = 0"


def test_moved_images_are_numpys():
    x = torch.rand(3, 12, 12, generator=generators([0])[0])
    for dx, dy in ((2, -1), (0, 0), (-3, 3)):
        want = np.zeros((3, 12, 12), np.float32)
        rows, columns = slice(max(dy, 0), 12 + min(dy, 0)), slice(max(dx, 0), 12 + min(dx, 0))
        want[:, rows, columns] = x.numpy()[:, slice(max(-dy, 0), 12 + min(-dy, 0)), slice(max(-dx, 0), 12 + min(-dx, 0))]
        np.testing.assert_array_equal(images.moved(x, dx, dy), want)


def test_equal_size_and_equal_accuracy_are_what_they_say(run_images):
    seen = run_images
    assert abs(seen.parameters[seen.equal] / seen.parameters[0] - 1) < 0.05
    assert seen.parameters[0] == 4 * 9 + 4 + 16 * 4 * 25 + 16 + 16 * 10 + 10
    for n in range(len(images.SIZES)):
        mean = seen.accuracy[:, n, :, 0].mean(1).numpy()
        assert seen.accurate(n) == 1 + np.abs(mean[1:] - mean[0]).argmin()


def test_a_shift_costs_the_mlp_more_on_every_seed(run_images):
    """At the largest training size, also against the MLP of equal accuracy; more images help everyone."""
    seen = run_images
    fall = seen.accuracy[:, -1, :, 0] - seen.accuracy[:, -1, :, 2]
    assert (fall[0] < fall[seen.equal] - 0.2).all()
    assert (fall[0] < fall[seen.accurate(3)] - 0.2).all()
    assert (seen.accuracy[0, -1, :, 0] > seen.accuracy[0, 0, :, 0]).all()
    assert float(fall[0].mean()) > 0.02, "a ConvNet is not invariant to shifts"


@pytest.mark.parametrize("tie", [0.0, 0.3, 40.0, float("inf")])
def test_tied_least_squares_is_the_minimum(tie):
    g = generators([0])[0]
    x_A, x_B, y_A, y_B = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((3, 9), (3, 5), (9,), (5,)))
    w_A, w_B = tying.tied_least_squares(x_A, y_A, x_B, y_B, tie)
    if tie == 0:
        for x, y, w in ((x_A, y_A, w_A), (x_B, y_B, w_B)):
            np.testing.assert_allclose(w, np.linalg.lstsq(x.numpy().T, y.numpy(), rcond=None)[0], rtol=1e-10)
    elif tie == float("inf"):
        stacked = np.concatenate([x_A.numpy().T / 3, x_B.numpy().T / 5**0.5]), np.concatenate([y_A / 3, y_B / 5**0.5])
        np.testing.assert_allclose(w_A, np.linalg.lstsq(*stacked, rcond=None)[0], rtol=1e-10)
        assert torch.equal(w_A, w_B)
    else:
        w = torch.stack([w_A, w_B]).requires_grad_()
        J = (y_A - w[0] @ x_A).square().mean() + (y_B - w[1] @ x_B).square().mean() + tie * (w[0] - w[1]).square().sum()
        assert float(torch.autograd.grad(J, w)[0].abs().max()) < 1e-12


def test_training_arrives_at_the_closed_form():
    seen = lesson.run(Config(part="tying")).tying
    assert seen and seen.exact is not None
    torch.testing.assert_close(seen.w[1:], seen.exact[1:], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(seen.w, seen.exact, rtol=2e-3, atol=2e-3)
    assert torch.equal(seen.w[-1, :, 0], seen.w[-1, :, 1])
    assert (tying.distances(seen).diff() < 1e-9).all(), "the vectors approach as the tie tightens"


def test_separate_fits_arrive_as_fast_as_gradient_descent_can():
    """At s = 0: w_t − w* = (I − 2 ε H)^t (w_0 − w*), w* by NumPy's least squares, also where H is almost singular."""
    pair = tying.Pair("linear", 1.0, 0.8, generators([0])[0])
    x, y = (part[: 2 * len(pair.seeds)].numpy() for part in next(pair.trainer.batches))
    seen = list(pair.steps())[-1]
    assert seen.exact is not None and seen.step == tying.UPDATES["linear"] and tying.SHARES[0] == 0
    for row, (x_DN, y_N) in enumerate(zip(x, y[:, 0], strict=True)):
        best = np.linalg.lstsq(x_DN.T, y_N, rcond=None)[0]
        np.testing.assert_allclose(seen.exact[0, row // 2, row % 2], best, rtol=1e-9)
        left = np.linalg.matrix_power(np.eye(2) - 2 * tying.RATE["linear"] * x_DN @ x_DN.T / len(y_N), seen.step)
        np.testing.assert_allclose(seen.w[0, row // 2, row % 2], best - left @ best, rtol=1e-9)


def test_the_limits_of_the_tie_are_separate_fits_and_hard_sharing():
    """Against torch.nn nets on the same batches: λ = 0 two of them, λ = ∞ one that descends half the sum of both losses."""
    pair = tying.Pair("nets", 0.0, 1.0, generators([0])[0])
    batches = [next(pair.trainer.batches) for _ in range(4)]
    start, S = pair.trainer.theta.clone(), len(pair.seeds)
    pair.trainer.batches = iter(batches)
    pair.trainer.advance(4)
    for row, joint in ((0, False), (2 * S * 20, True)):
        nets = [nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)) for _ in range(2)]
        nets = nets[:1] * 2 if joint else nets
        for k, net in enumerate(nets):
            nn.utils.vector_to_parameters(start[row + k], net.parameters())
        opts = [torch.optim.SGD(net.parameters(), tying.RATE["nets"], momentum=0.9) for net in nets]
        for x, y in batches:
            losses = [nn.functional.cross_entropy(net(x[row + k].T), y[row + k]) for k, net in enumerate(nets)]
            for opt in opts:
                opt.zero_grad()
            (sum(losses) / (2 if joint else 1)).backward()
            for opt in opts[: 1 if joint else 2]:
                opt.step()
        for k, net in enumerate(nets):
            got = pair.trainer.theta[row + k]
            torch.testing.assert_close(got, nn.utils.parameters_to_vector(net.parameters()).detach(), rtol=1e-4, atol=1e-5)


def test_one_cell_reads_any_length_and_many_cells_do_not():
    for seed in range(5):
        seen = lesson.run(Config(part="sequences", seed=seed)).sequences
        assert seen
        assert seen.parameters == (8 + 64 + 16 + 9, 12 * (8 + 64 + 16) + 9)
        mean = seen.by_length.mean(1)
        assert mean[0, -1] > mean[1, -1] + 0.15
    x = torch.arange(6.0).reshape(1, 6, 1)
    assert sequences.fitted(x, 4).flatten().tolist() == [2, 3, 4, 5]
    assert sequences.fitted(x, 8).flatten().tolist() == [0, 0, 0, 1, 2, 3, 4, 5]


def test_the_example_tells_the_same(run_images):
    numbers = example.main()
    mean = run_images.accuracy[:, -1].mean(1)
    for name, a in (("conv", 0), ("mlp", run_images.equal)):
        for d in (0, 2):
            assert abs(numbers[f"{name}_{d}"] - float(mean[a, d])) < 0.22, (name, d)
    assert numbers["conv_0"] - numbers["conv_2"] < numbers["mlp_0"] - numbers["mlp_2"] - 0.2
    assert numbers["tie"] == pytest.approx(0, abs=1e-9)
