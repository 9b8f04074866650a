"""The MLP of K rows: layout, starts, norms' running statistics, row independence, errors."""

from math import sqrt

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from core.engine import MLP, generators, normals
from core.engine import mlp as mlp_module

float64 = torch.float64


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group"])
def test_layout_is_that_of_sequential(norm, sequential):
    mlp = MLP((3, 8, 4, 2), norm=norm)
    theta = normals(generators([0, 1]), mlp.P)
    model = sequential(mlp, theta[1])
    parameters = list(model.parameters())
    assert mlp.P == sum(p.numel() for p in parameters)
    for entry, p in zip(mlp.layout.values(), parameters, strict=True):
        assert entry.shape == tuple(p.shape)
        assert torch.equal(theta[1, entry.part].reshape(entry.shape), p.detach())


def test_views_write_into_theta():
    mlp = MLP((2, 3, 1), norm="layer")
    theta = torch.zeros(2, mlp.P)
    first, last = mlp.views(theta)
    first.weight[1], first.bias[1], last.bias[0] = 1, 2, 3
    assert theta[1, mlp.layout["weight1"].part].eq(1).all() and theta[1, mlp.layout["bias1"].part].eq(2).all()
    assert theta[0, mlp.layout["bias2"].part] == 3 and theta.sum() == 6 + 6 + 3
    assert last.gamma is None and first.gamma is not None and first.gamma.shape == (2, 3, 1)


def test_torch_start_is_the_module_of_the_same_seed():
    mlp = MLP((3, 8, 4, 2))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 2))
    expected = nn.utils.parameters_to_vector(model.parameters()).detach()
    torch.testing.assert_close(mlp.init(generators([3, 7]))[1], expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("scheme", "gain", "std"),
    [
        ("torch", 1.0, sqrt(1 / (3 * 200))),
        ("xavier", 1.0, sqrt(2 / 500)),
        ("xavier", 5 / 3, 5 / 3 * sqrt(2 / 500)),
        ("he", 1.0, sqrt(2 / 200)),
        ("normal", 0.01, 0.01),
        ("orthogonal", 2.0, 2 / sqrt(300)),
    ],
)
def test_moments_of_starts(scheme, gain, std):
    mlp = MLP((200, 300))
    theta = mlp.init(generators(range(4)), scheme, gain, float64)
    weight = mlp.views(theta)[0].weight
    assert weight.mean().abs() < 5 * std / sqrt(weight.numel())
    assert abs(weight.std() / std - 1) < 5 / sqrt(2 * weight.numel())
    if scheme != "torch":
        assert mlp.views(theta)[0].bias.eq(0).all()


def test_orthogonal_starts_are_orthogonal():
    mlp = MLP((6, 4, 9))
    wide, tall = (layer.weight for layer in mlp.views(mlp.init(generators([0]), "orthogonal", 3.0, float64)))
    torch.testing.assert_close(wide[0] @ wide[0].T, 9 * torch.eye(4, dtype=float64))
    torch.testing.assert_close(tall[0].T @ tall[0], 9 * torch.eye(4, dtype=float64))


def test_constant_and_zero_starts():
    mlp = MLP((2, 4, 1), norm="batch")
    assert mlp.init(generators([0]), "zero").sum() == 4
    assert mlp.views(mlp.init(generators([0]), "constant", 0.3))[0].weight.eq(0.3).all()


def test_batch_norm_equals_torch_in_training_and_evaluation(sequential):
    mlp = MLP((3, 8, 6, 2), "relu", "batch", norm_momentum=0.1)
    theta = normals(generators(range(3)), mlp.P, dtype=float64)
    models = [sequential(mlp, row) for row in theta]
    stats = mlp.running_stats(3, float64)
    assert stats is not None
    x = torch.empty(0)
    for batch in range(5):
        x = normals(generators(range(batch, batch + 3)), 3, 4, dtype=float64)
        out = mlp.forward(theta, x, train=True, stats=stats)
        for k, model in enumerate(models):
            torch.testing.assert_close(out[k].T, model(x[k].T).detach(), rtol=1e-10, atol=1e-10)
    evaluated = mlp.forward(theta, x, stats=stats)
    for k, model in enumerate(models):
        for name, running in (("mean", stats.mean), ("var", stats.var)):
            expected = [model.get_buffer(f"{i}.running_{name}") for i in (1, 4)]
            torch.testing.assert_close(running[k], torch.cat(expected))
        torch.testing.assert_close(evaluated[k].T, model.eval()(x[k].T).detach(), rtol=1e-10, atol=1e-10)


def test_residual_adds_the_layers_input_where_widths_match():
    mlp = MLP((2, 4, 4, 1), residual=True)
    theta = normals(generators([0]), mlp.P, dtype=float64)
    x = normals(generators([1]), 2, 5, dtype=float64)
    first, second, last = mlp.views(theta)
    h1 = torch.tanh(first.weight @ x + first.bias)
    h2 = torch.tanh(second.weight @ h1 + second.bias) + h1
    torch.testing.assert_close(mlp.forward(theta, x), last.weight @ h2 + last.bias)
    values = mlp.activations(theta, x)
    torch.testing.assert_close(values.post[1], h2)
    torch.testing.assert_close(values.pre[0], first.weight @ x + first.bias)
    torch.testing.assert_close(values.out, mlp.forward(theta, x))


def test_masks_keep_the_mean_and_thin_each_row_at_its_rate():
    rates = torch.tensor([0.0, 0.25, 0.8])
    masks = MLP((2, 50, 40, 1)).masks(generators(range(3)), 100, rates)
    assert [tuple(m.shape) for m in masks] == [(3, 50, 100), (3, 40, 100)]
    kept = torch.cat(masks, 1).gt(0).float().mean((1, 2))
    torch.testing.assert_close(kept, 1 - rates, rtol=0, atol=0.03)
    torch.testing.assert_close(masks[0][2].max(), torch.tensor(5.0))


@pytest.mark.parametrize("norm", [None, "layer"])
def test_a_row_does_not_depend_on_the_number_of_rows(norm):
    mlp = MLP((2, 16, 16, 1), norm=norm)
    theta = mlp.init(generators(range(32)))
    x = normals(generators([1]), 2, 64)
    many = mlp.forward(theta, x)
    for k in (0, 17, 31):
        assert torch.equal(many[k : k + 1], mlp.forward(theta[k : k + 1], x))


@pytest.mark.parametrize("norm", [None, "batch"])
def test_chunks_change_nothing(monkeypatch, norm):
    mlp = MLP((2, 16, 1), norm=norm)
    theta = mlp.init(generators(range(50)))
    x = normals(generators(range(50)), 2, 32)
    stats, chunked = mlp.running_stats(50), mlp.running_stats(50)
    masks = mlp.masks(generators(range(50)), 32, 0.5)
    whole = mlp.forward(theta, x, train=True, stats=stats, masks=masks)
    monkeypatch.setattr(mlp_module, "CHUNK", 16 * 32 * 7)
    assert torch.equal(mlp.forward(theta, x, train=True, stats=chunked, masks=masks), whole)
    if stats is not None and chunked is not None:
        assert torch.equal(stats.mean, chunked.mean) and torch.equal(stats.var, chunked.var)


# Entering forward mode makes torch import its own deprecated decompositions.
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_forward_mode_derivatives_survive_the_fast_tanh():
    mlp = MLP((2, 4, 1))
    theta, tangent = normals(generators([0, 1]), mlp.P, dtype=float64).split(1)
    x = normals(generators([2]), 2, 5, dtype=float64)
    h = 1e-6
    expected = (mlp.forward(theta + h * tangent, x) - mlp.forward(theta - h * tangent, x)) / (2 * h)
    with forward_ad.dual_level():
        out = mlp.forward(forward_ad.make_dual(theta, tangent), x)
        torch.testing.assert_close(forward_ad.unpack_dual(out).tangent, expected, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(torch.func.jvp(lambda t: mlp.forward(t, x), (theta,), (tangent,))[1], expected)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: MLP((2,)), "sizes"),
        (lambda: MLP((2, 0, 1)), "sizes"),
        (lambda: MLP(activation="swish"), "activation"),
        (lambda: MLP(activation=("tanh",)), "activation"),
        (lambda: MLP(activation=("tanh", "swish")), "activation"),
        (lambda: MLP(norm="instance"), "norm"),
        (lambda: MLP((2, 6, 1), norm="group", groups=4), "groups"),
        (lambda: MLP(dropout=1.0), "dropout"),
        (lambda: MLP(norm_momentum=2.0), "norm_momentum"),
        (lambda: MLP().init(generators([0]), "magic"), "scheme"),
        (lambda: MLP(norm="batch").forward(torch.zeros(1, 401), torch.zeros(1, 2, 3)), "stats"),
        (lambda: MLP(norm="batch").forward(torch.zeros(1, 401), torch.zeros(1, 2, 1), train=True), "n"),
    ],
)
def test_errors_name_the_field(make, field):
    with pytest.raises(ValueError, match=f"^{field}[=:]"):
        make()


def test_theta_of_the_wrong_width_is_refused():
    with pytest.raises(ValueError, match="theta: shape"):
        MLP().forward(torch.zeros(1, 3), torch.zeros(1, 2, 3))
