"""One model's passes by numpy against autograd, and that they see what an optimiser writes."""

import pytest
import torch

from core.engine import MLP, Single, autograd_gradient, binary_cross_entropy, cross_entropy, generators, hinge, normals, squared
from core.engine.losses import output_gradient

float64 = torch.float64
N = 7


def problem(sizes, loss):
    g = generators([1])
    x, y = normals(g, sizes[0], N, dtype=float64), (normals(g, sizes[-1], N, dtype=float64) > 0).to(float64)
    return x, 2 * y - 1 if loss is hinge else y


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("activation", ["tanh", "relu", "leaky_relu", "sigmoid", "linear", "mixed"])
@pytest.mark.parametrize("loss", [squared, binary_cross_entropy, cross_entropy, hinge], ids=lambda loss: loss.name)
def test_equals_autograd(loss, activation, dropout):
    for sizes in ((2, 1), (3, 5, 4, 1), (2, 6, 3), (2, 3, 3, 3, 2)):
        each = tuple(("relu", "tanh", "sigmoid")[k % 3] for k in range(len(sizes) - 2)) if activation == "mixed" else activation
        mlp = MLP(sizes, each)
        theta, (x, y) = mlp.init(generators([0]), dtype=float64), problem(sizes, loss)
        masks = mlp.masks(generators([5]), N, dropout, float64) if dropout else []
        kernel = Single(mlp, theta, N)
        for _ in range(2):  # the second time through used buffers and changed parameters
            value, expected = autograd_gradient(
                lambda t, mlp=mlp, x=x, y=y, masks=masks: loss.value(mlp.forward(t, x, masks=masks or None), y), theta)
            with torch.inference_mode():
                out = kernel.forward(x, masks=masks)
                torch.testing.assert_close(loss.value(out, y), value, rtol=1e-12, atol=1e-12)
                grad = kernel.backward(output_gradient(loss, out, y))
                torch.testing.assert_close(grad, expected, rtol=1e-10, atol=1e-12)
                theta += 0.1 * torch.randn(theta.shape, generator=torch.Generator().manual_seed(2), dtype=float64)


def test_overflow_is_no_warning():
    mlp = MLP((2, 4, 1))
    theta = torch.full((1, mlp.P), 3e38)
    out = (kernel := Single(mlp, theta, 3)).forward(torch.full((1, 2, 3), 1e10))
    kernel.backward(torch.full_like(out, 3e38))
    assert not torch.isfinite(out).all()


@pytest.mark.parametrize(("mlp", "rows"), [(MLP(norm="layer"), 1), (MLP(residual=True), 1), (MLP(), 2)])
def test_what_it_cannot_do_is_said(mlp, rows):
    with pytest.raises(ValueError, match="one model"):
        Single(mlp, torch.zeros(rows, mlp.P), 3)
