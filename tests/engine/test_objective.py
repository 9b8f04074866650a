"""Objectives: by hand and by autograd alike, losses of one's own, and both inside inference mode."""

from itertools import repeat

import pytest
import torch

from core.engine import (
    L1,
    L2,
    MLP,
    SGD,
    Autograd,
    ConvNet,
    ElasticNet,
    Supervised,
    Trainer,
    autograd_gradient,
    binary_cross_entropy,
    cross_entropy,
    generators,
    normals,
    squared,
    uniforms,
)
from core.engine.mlp_layout import MLPLayout

K, n = 3, 10
float64 = torch.float64


class WithoutKernel(MLP):
    """The same net, whose gradients autograd finds."""

    def kernel(self, theta, n):  # noqa: ARG002
        return None


def close(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def problem(mlp: MLPLayout, seed=0):
    theta = normals(generators(range(seed, seed + K)), mlp.P, dtype=float64) * 0.7
    x = normals(generators(range(9, 9 + K)), mlp.sizes[0], n, dtype=float64)
    y = (normals(generators(range(50, 50 + K)), mlp.sizes[-1], n, dtype=float64) > 0).to(float64)
    return theta, x, y


OPTIONS = {
    "plain": {},
    "penalty": {"penalty": ElasticNet(torch.tensor([0.1, 0.2, 0.3], dtype=float64), 0.3)},
    "dropout": {"dropout": torch.tensor([0.0, 0.3, 0.5])},
    "both": {"dropout": 0.4, "penalty": L2(0.1)},
}


@pytest.mark.parametrize("inside", [False, True], ids=["outside inference mode", "inside"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
@pytest.mark.parametrize("norm", [None, "batch", "group"])
def test_by_hand_is_by_autograd(norm, options, inside):
    """Value, gradient and the batch norm's statistics, with the same dropout masks."""
    found = []
    for kind in (MLP, WithoutKernel):
        mlp = kind((3, 8, 6, 4), norm=norm, groups=2)
        stats = mlp.running_stats(K, float64)
        objective, rngs = Supervised(mlp, binary_cross_entropy, stats=stats, **options), generators([4, 5, 6])
        theta, x, y = problem(mlp)
        with torch.inference_mode(inside):
            batch = x.clone(), y.clone()
            value, grad = objective.value_and_gradient(theta, batch, rngs)
            value, grad = objective.value_and_gradient(theta, batch, rngs)
        found.append((value, grad.clone(), *((stats.mean, stats.var) if stats else ())))
    for by_hand, by_autograd in zip(*found, strict=True):
        close(by_hand, by_autograd)


def test_the_value_is_the_loss_and_the_gradient_has_the_penalty():
    mlp = MLP((3, 5, 4))
    theta, x, y = problem(mlp)
    objective = Supervised(mlp, squared, penalty=L2(0.5))
    value, grad = objective.value_and_gradient(theta, (x, y))
    mask = mlp.weight_mask(float64)
    close(value, squared.value(mlp.forward(theta, x), y))
    close(grad, autograd_gradient(
        lambda t: squared.value(mlp.forward(t, x), y) + 0.25 * (t * mask).square().sum(1), theta)[1])
    objective.penalty = L1(0.5)
    _, changed = objective.value_and_gradient(theta, (x, y))
    close(changed, autograd_gradient(
        lambda t: squared.value(mlp.forward(t, x), y) + 0.5 * (t * mask).abs().sum(1), theta)[1])


def test_another_theta_another_batch_size():
    """Buffers belong to one theta and one batch size; a new one of either is not answered from the old."""
    mlp = MLP((3, 5, 4))
    objective = Supervised(mlp, squared)
    for seed in (0, 7, 0):
        theta, x, y = problem(mlp, seed)
        for size in (n, 4, n):
            value, grad = objective.value_and_gradient(theta, (x[..., :size], y[..., :size]))
            close(value, squared.value(mlp.forward(theta, x[..., :size]), y[..., :size]))
            close(grad, autograd_gradient(
                lambda t, x=x, y=y, size=size: squared.value(mlp.forward(t, x[..., :size]), y[..., :size]), theta)[1])


def test_a_loss_of_ones_own_trains_in_inference_mode():
    """Consistency under noise and a tie between two weights, on two streams: every step equal to autograd on the row alone."""
    mlp, steps = MLP((2, 6, 1)), 12
    theta = mlp.init(generators(range(K)), dtype=float64)

    def streams(rows):
        g, h = generators([20]), generators([21])
        while True:
            x = normals(g, 2, 8, dtype=float64)
            yield {"labelled": (x, x[:, :1] * x[:, 1:]), "unlabelled": normals(h, 2, 16, dtype=float64).expand(rows, -1, -1)}

    def loss_of(theta, batch, rngs):
        x, y = batch["labelled"]
        noisy = batch["unlabelled"] + 0.1 * uniforms(rngs, 2, 16, dtype=float64)
        apart = mlp.forward(theta, noisy) - mlp.forward(theta, batch["unlabelled"])
        return squared.value(mlp.forward(theta, x), y) + apart.square().mean((1, 2)) + (theta[:, 0] - theta[:, 1]).square()

    many, rngs = theta.clone(), generators(range(K))
    trainer = Trainer(Autograd(loss_of), many, SGD(0.1, momentum=0.9), streams(K), generators=rngs)
    trainer.advance(steps)
    for k in range(K):
        row = theta[k : k + 1].clone().requires_grad_()
        optimiser, rng, batches = torch.optim.SGD([row], 0.1, 0.9), generators([k]), streams(1)
        for t in range(steps):
            optimiser.zero_grad()
            loss = loss_of(row, next(batches), rng)
            loss.sum().backward()
            optimiser.step()
            close(trainer.losses[t, k], loss[0].detach())
        close(many[k], row[0].detach())
    assert not many.is_inference() and not many.requires_grad


def test_autograd_network_trains_as_the_kernel_does():
    ends = []
    for kind in (MLP, WithoutKernel):
        mlp = kind((3, 8, 4), norm="batch")
        theta, x, y = problem(mlp)
        stats = mlp.running_stats(K, float64)
        trainer = Trainer(Supervised(mlp, cross_entropy, L2(0.01), 0.2, stats), theta, SGD(0.1), repeat((x, y)),
                          generators=generators(range(K)))
        trainer.advance(15)
        assert stats is not None
        ends.append((theta, trainer.losses, stats.mean, stats.var))
    for by_hand, by_autograd in zip(*ends, strict=True):
        close(by_hand, by_autograd, 1e-10)


def test_a_network_without_dropout_says_so():
    net = ConvNet()
    theta, x = net.init(generators([0])), torch.zeros(1, 1, 8, 8, 2)
    with pytest.raises(ValueError, match=r"^dropout=0\.5"):
        Supervised(net, cross_entropy, dropout=0.5).value_and_gradient(theta, (x, torch.tensor([[0, 1]])), generators([0]))
