"""Backpropagation by hand against autograd and against nn.Sequential."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.engine import (
    MLP,
    ElasticNet,
    Loss,
    autograd_gradient,
    binary_cross_entropy,
    cross_entropy,
    exponential,
    generators,
    hinge,
    normals,
    squared,
)
from tests.engine.passes import gradient

K, n, C = 3, 10, 4
LOSSES = [squared, binary_cross_entropy, cross_entropy, hinge, exponential]
float64 = torch.float64


def close(a, b, tolerance=1e-10):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def labels(loss, rows=K):
    y = (normals(generators(range(50, 50 + rows)), C, n, dtype=float64) > 0).to(float64)
    if loss is cross_entropy:
        return y.argmax(1)
    return 2 * y - 1 if loss in (hinge, exponential) else y


def problem(mlp, loss, rows=K):
    theta = normals(generators(range(K)), mlp.P, dtype=float64) * 0.7
    return theta, normals(generators(range(9, 9 + rows)), mlp.sizes[0], n, dtype=float64), labels(loss, rows)


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "sigmoid", "linear"])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_equals_autograd(loss, activation, norm):
    for residual, dropout, rows in product([False, True], [0.0, 0.4], [1, K]):
        mlp = MLP((8, 8, 4, 4, C), activation, norm, residual, dropout, groups=2)
        theta, x, y = problem(mlp, loss, rows)
        masks = mlp.masks(generators(range(K)), n, dtype=float64) if dropout else None

        def f(t, mlp=mlp, x=x, y=y, masks=masks):
            return loss.value(mlp.forward(t, x, train=True, masks=masks), y)

        value, grad = gradient(mlp, theta, x, y, loss, masks=masks)
        expected_value, expected = autograd_gradient(f, theta)
        close(value, expected_value)
        close(grad, expected)


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "sigmoid", "linear", ("relu", "sigmoid")])
def test_equals_sequential(activation, norm, sequential):
    mlp = MLP((3, 8, 6, C), activation, norm, groups=2)
    theta, x, y = problem(mlp, cross_entropy)
    value, grad = gradient(mlp, theta, x, y, cross_entropy)
    for k in range(K):
        model = sequential(mlp, theta[k])
        loss = F.cross_entropy(model(x[k].T), y[k])
        loss.backward()
        close(value[k], loss.detach())
        close(grad[k], nn.utils.parameters_to_vector([p.grad for p in model.parameters()]))


REFERENCES = {
    "squared error": F.mse_loss,
    "binary cross-entropy": F.binary_cross_entropy_with_logits,
    "cross-entropy": lambda out, y: F.cross_entropy(out, y),
    "hinge": lambda out, y: F.hinge_embedding_loss(out * y, -torch.ones_like(out), margin=1),
    "exponential": lambda out, y: torch.exp(-out * y).mean(),
}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_losses_equal_torch(loss, scale):
    out = normals(generators(range(K)), C, n, dtype=float64) * scale
    y = labels(loss)
    assert loss.gradient is not None
    value, grad = autograd_gradient(lambda o: loss.value(o.reshape(K, C, n), y), out.flatten(1))
    close(grad.reshape(K, C, n), loss.gradient(out, y), 1e-12)
    for k in range(K):
        targets = y[k] if loss is cross_entropy else y[k].T
        close(value[k], REFERENCES[loss.name](out[k].T, targets), 1e-12)


def test_binary_cross_entropy_keeps_float64_beyond_torchs_softplus_threshold():
    out = torch.tensor([[[-800.0, -25.0, 0.0, 25.0, 800.0]]], dtype=float64)
    value = [float(binary_cross_entropy.value(out[:, :, i : i + 1], torch.zeros(1, 1, 1))) for i in range(5)]
    close(
        torch.tensor(value),
        torch.tensor([0.0, 1.3887943864771144e-11, 0.6931471805599453, 25.0, 800.0]),
        1e-12,
    )
    assert value[3] > 25


def test_soft_labels_equal_torch_and_indices():
    out = normals(generators(range(K)), C, n, dtype=float64)
    soft = normals(generators(range(5, 5 + K)), C, n, dtype=float64).softmax(1)
    for k in range(K):
        close(cross_entropy.value(out, soft)[k], F.cross_entropy(out[k].T, soft[k].T))
    y = labels(cross_entropy)
    one_hot = F.one_hot(y, C).mT.to(float64)
    close(cross_entropy.value(out, y), cross_entropy.value(out, one_hot))
    assert cross_entropy.gradient is not None
    close(cross_entropy.gradient(out, y), cross_entropy.gradient(out, one_hot))
    assert cross_entropy.error is not None
    assert torch.equal(cross_entropy.error(out, y), cross_entropy.error(out, one_hot))


def test_a_loss_of_ones_own_needs_no_gradient():
    mlp = MLP((3, 5, C))
    theta, x, y = problem(mlp, squared)
    cubic = Loss(lambda out, y: (out - y).abs().pow(3).mean((1, 2)))
    value, grad = gradient(mlp, theta, x, y, cubic)
    expected_value, expected = autograd_gradient(lambda t: cubic.value(mlp.forward(t, x), y), theta)
    close(value, expected_value)
    close(grad, expected)


def test_penalty_joins_loss_and_gradient():
    mlp = MLP((3, 5, C))
    theta, x, y = problem(mlp, squared)
    penalty = ElasticNet(torch.tensor([0.1, 0.2, 0.3], dtype=float64), 0.3)
    value, grad = gradient(mlp, theta, x, y, squared, penalty=penalty)
    mask = mlp.weight_mask(float64)
    expected_value, expected = autograd_gradient(
        lambda t: squared.value(mlp.forward(t, x), y) + penalty.value(t, mask), theta
    )
    close(value, expected_value)
    close(grad, expected)


def test_eval_mode_gradient_of_batch_norm():
    mlp = MLP((3, 5, C), norm="batch")
    theta, x, y = problem(mlp, squared)
    stats = mlp.running_stats(K, float64)
    assert stats is not None
    mlp.forward(theta, x, train=True, stats=stats)
    before = stats.clone()
    value, grad = gradient(mlp, theta, x, y, squared, train=False, stats=stats)
    expected_value, expected = autograd_gradient(
        lambda t: squared.value(mlp.forward(t, x, stats=stats), y), theta
    )
    close(value, expected_value)
    close(grad, expected)
    assert torch.equal(before.mean, stats.mean) and torch.equal(before.var, stats.var)


def test_no_hidden_layer():
    mlp = MLP((3, 1))
    theta, x, _ = problem(mlp, squared)
    y = normals(generators([1]), 1, n, dtype=float64)
    value, grad = gradient(mlp, theta, x, y, squared)
    expected_value, expected = autograd_gradient(lambda t: squared.value(mlp.forward(t, x), y), theta)
    close(value, expected_value)
    close(grad, expected)


def test_second_derivatives_by_autograd():
    mlp = MLP((2, 4, 1))
    theta = normals(generators([0]), mlp.P, dtype=float64)
    x, y = normals(generators([1]), 2, n, dtype=float64), normals(generators([2]), 1, n, dtype=float64)
    direction = normals(generators([3]), mlp.P, dtype=float64)
    leaf = theta.clone().requires_grad_()
    (grad,) = torch.autograd.grad(squared.value(mlp.forward(leaf, x), y).sum(), leaf, create_graph=True)
    (product_,) = torch.autograd.grad((grad * direction).sum(), leaf)
    h = 1e-5
    forward = gradient(mlp, theta + h * direction, x, y, squared)[1]
    backward = gradient(mlp, theta - h * direction, x, y, squared)[1]
    close(product_, (forward - backward) / (2 * h), 1e-6)
