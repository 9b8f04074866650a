"""Hessian-vector products and the top eigenvalue against the dense Hessian."""

import pytest
import torch

from core import curvature
from core.engine import MLP, binary_cross_entropy, generators, normals, squared
from core.lessons.loss_landscapes import matching


def case(net: MLP, rows: int = 3):
    x = normals(generators([0]), 2, 25, dtype=torch.float64)
    y = (torch.arange(25) % 2).double()[None, None]
    loss = squared if net.activation == "tanh" else binary_cross_entropy
    return net.init(generators(range(rows)), "he", dtype=torch.float64), curvature.loss_of(net, x, y, loss)


def dense(f: curvature.Rows, row: torch.Tensor) -> torch.Tensor:
    return torch.autograd.functional.hessian(lambda t: f(t[None])[0], row)  # type: ignore[return-value]


NETS = [MLP(sizes=(2, 5, 4, 1), activation=a, norm=n, residual=r)
        for a in ("tanh", "relu") for n in (None, "batch") for r in (False, True)]


@pytest.mark.parametrize("net", NETS, ids=str)
def test_product_and_top_eigenvalue_are_the_dense_hessians(net: MLP):
    theta, f = case(net)
    v = normals(generators(range(5, 8)), net.P, dtype=torch.float64)
    product = curvature.hessian_product(f, theta)(v)
    top = curvature.top_eigenvalue(f, theta, generators(range(3)), iterations=40)
    for k in range(3):
        H = dense(f, theta[k])
        torch.testing.assert_close(product[k], H @ v[k], atol=1e-9, rtol=1e-9)
        assert float(top[k]) == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=1e-6)


def test_lanczos_comes_from_below_and_ten_products_are_close_in_float32():
    net = MLP(sizes=(2, 12, 12, 1), activation="relu")
    theta, f = case(net)
    exact = torch.stack([torch.linalg.eigvalsh(dense(f, row))[-1] for row in theta])
    before = torch.zeros(3, dtype=torch.float64)
    for m in (2, 5, 10, 20):
        value = curvature.top_eigenvalue(f, theta, generators(range(3)), m)
        assert bool((value <= exact * (1 + 1e-9)).all()) and bool((value >= before - 1e-9).all())
        before = value
    x = normals(generators([0]), 2, 25, dtype=torch.float64).float()
    g = curvature.loss_of(net, x, (torch.arange(25) % 2).float()[None, None], binary_cross_entropy)
    single = curvature.top_eigenvalue(g, theta.float(), generators(range(3)), 10)
    torch.testing.assert_close(single.double(), exact, rtol=2e-3, atol=0)


def test_largest_not_largest_in_size_and_exhausted_spaces():
    scales = torch.tensor([[3.0, -9.0, 1.0], [-2.0, -5.0, -1.0], [4.0, 4.0, 4.0]], dtype=torch.float64)
    f = lambda theta: (0.5 * scales * theta.square()).sum(1)  # noqa: E731
    top = curvature.top_eigenvalue(f, torch.ones(3, 3, dtype=torch.float64), generators(range(3)), 3)
    torch.testing.assert_close(top, torch.tensor([3.0, -1.0, 4.0], dtype=torch.float64))


def test_linear_function_has_no_curvature_and_nan_rows_stay_nan():
    theta = torch.ones(2, 4, dtype=torch.float64)
    assert curvature.top_eigenvalue(lambda t: t.sum(1), theta, generators(range(2)), 4).tolist() == [0.0, 0.0]
    net = MLP(sizes=(2, 4, 1))
    rows, f = case(net, 2)
    rows[1, 0] = torch.nan
    top = curvature.top_eigenvalue(f, rows, generators(range(2)), 8)
    assert bool(top[0].isfinite()) and bool(top[1].isnan())


def test_rescaling_changes_the_top_eigenvalue_but_not_the_loss():
    net = MLP(sizes=(2, 8, 8, 1), activation="relu")
    theta, f = case(net, 1)
    rows = matching.rescale(net, theta.repeat(3, 1), 0, torch.tensor([0.25, 1.0, 4.0], dtype=torch.float64))
    losses, top = f(rows), curvature.top_eigenvalue(f, rows, generators([0] * 3), 30)
    torch.testing.assert_close(losses, losses[1].expand(3), rtol=1e-12, atol=0)
    # The block of the first layer shrinks as 1/a², that of the second grows as a²: both bound λ_max from below.
    H = dense(f, theta[0])
    first = slice(net.layout["weight1"].part.start, net.layout["bias1"].part.stop)
    blocks = [torch.linalg.eigvalsh(H[part, part])[-1] for part in (first, net.layout["weight2"].part)]
    for value, a in zip(top, (0.25, 1.0, 4.0), strict=True):
        assert float(value) >= max(float(blocks[0]) / a**2, float(blocks[1]) * a**2) * (1 - 1e-9)
    assert float(top[0]) > 1.2 * float(top[1]) and float(top[2]) > 1.2 * float(top[1])
