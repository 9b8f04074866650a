"""Normalisation against torch.nn, forward and backward, and the facts that follow from its formula."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.lessons.batch_norm import normalisation
from core.lessons.batch_norm.normalisation import FANS, KINDS, RowNorm, Weights, algorithm_1, averaged, normalise

N, C, H, W = 6, 8, 3, 2


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def quietly(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        return make().double()


MODULES: dict[str, tuple[tuple[int, ...], str, int, Callable[[], nn.Module]]] = {
    "BatchNorm1d on vectors": ((N, C), "batch", 1, lambda: nn.BatchNorm1d(C)),
    "BatchNorm1d on sequences": ((N, C, H), "batch", 1, lambda: nn.BatchNorm1d(C)),
    "BatchNorm2d": ((N, C, H, W), "batch", 1, lambda: nn.BatchNorm2d(C)),
    "BatchNorm2d on a batch of two": ((2, C, H, W), "batch", 1, lambda: nn.BatchNorm2d(C)),
    "LayerNorm on vectors": ((N, C), "layer", 1, lambda: nn.LayerNorm(C)),
    "LayerNorm": ((N, C, H, W), "layer", 1, lambda: nn.LayerNorm([C, H, W])),
    "GroupNorm": ((N, C, H, W), "group", 4, lambda: nn.GroupNorm(4, C)),
    "GroupNorm on sequences": ((N, C, H), "group", 2, lambda: nn.GroupNorm(2, C)),
    "InstanceNorm1d": ((N, C, H), "instance", 1, lambda: nn.InstanceNorm1d(C, affine=True)),
    "InstanceNorm2d": ((N, C, H, W), "instance", 1, lambda: nn.InstanceNorm2d(C, affine=True)),
}


@pytest.mark.parametrize("name", MODULES)
def test_agrees_with_torch_forward_and_backward(name: str) -> None:
    shape, kind, groups, make = MODULES[name]
    module = quietly(make)
    gamma, beta = module.weight, module.bias
    assert isinstance(gamma, Tensor) and isinstance(beta, Tensor)
    with torch.no_grad():
        gamma.copy_(random(*gamma.shape, seed=1))
        beta.copy_(random(*beta.shape, seed=2))
    x = (3 * random(*shape) + 1).requires_grad_()
    slope = random(*shape, seed=3)
    theirs, ours = module(x), normalise(x, kind, gamma, beta, groups=groups)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    for a, b in zip(torch.autograd.grad(ours, (x, gamma, beta), slope), torch.autograd.grad(theirs, (x, gamma, beta), slope),
                    strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("shape", [(5,), (7, 3)])
def test_algorithm_1_is_batch_norm_line_by_line(shape: tuple[int, ...]) -> None:
    x = random(*shape) * 2 + 5
    lines = algorithm_1(x, 1.7, -0.3, delta=0.01)
    torch.testing.assert_close(lines.mean[0], x.mean(0))
    torch.testing.assert_close(lines.var[0], x.var(0, correction=0))
    columns = x.reshape(len(x), -1)
    theirs = F.batch_norm(columns, None, None, torch.full((columns.shape[1],), 1.7, dtype=torch.float64),
                          torch.full((columns.shape[1],), -0.3, dtype=torch.float64), training=True, eps=0.01)
    torch.testing.assert_close(lines.y, theirs.reshape(x.shape))


@pytest.mark.parametrize("kind", KINDS)
def test_an_element_depends_on_its_averaged_set_and_on_nothing_else(kind: str) -> None:
    x = random(4, 8, 3).requires_grad_()
    slope = torch.autograd.grad(normalise(x, kind, groups=4)[2, 5, 1], x)[0]
    expected = averaged(kind, (4, 8, 3), (2, 5), groups=4)
    if kind == "none":
        expected[2, 5, 1] = True
    assert torch.equal(slope != 0, expected)


def test_group_norm_has_layer_norm_and_instance_norm_at_its_ends() -> None:
    x = random(N, C, H, W)
    torch.testing.assert_close(normalise(x, "group", groups=1), normalise(x, "layer"))
    torch.testing.assert_close(normalise(x, "group", groups=C), normalise(x, "instance"))
    torch.testing.assert_close(normalise(x[:1], "batch"), normalise(x[:1], "instance"))
    with pytest.raises(ValueError, match="kind='whole'"):
        normalise(x, "whole")


@pytest.mark.parametrize("seed", range(3))
def test_output_has_mean_beta_and_spread_gamma(seed: int) -> None:
    lines = algorithm_1(random(9, seed=seed) * 4 - 2, gamma=-2.5, beta=0.7, delta=0.3)
    assert lines.y.mean().item() == pytest.approx(0.7, abs=1e-12)
    sigma2 = lines.var.item()
    assert lines.y.std(correction=0).item() == pytest.approx(2.5 * math.sqrt(sigma2 / (sigma2 + 0.3)), rel=1e-12)


@pytest.mark.parametrize("delta", [1e-8, 1e-5, 0.5])
def test_a_batch_of_two_becomes_plus_and_minus_one(delta: float) -> None:
    x = torch.tensor([1.3, 4.1], dtype=torch.float64)
    lines = algorithm_1(x, delta=delta)
    end = 1 / math.sqrt(1 + delta / 1.4**2)
    torch.testing.assert_close(lines.xhat, torch.tensor([-end, end], dtype=torch.float64), rtol=1e-12, atol=0)


@pytest.mark.parametrize("factor", [2.0, 0.01, -3.0])
def test_scaling_the_input_is_dividing_delta(factor: float) -> None:
    x = random(8) * 2 + 3
    changed = algorithm_1(factor * x + 10, delta=1e-3).xhat
    torch.testing.assert_close(changed, math.copysign(1, factor) * algorithm_1(x, delta=1e-3 / factor**2).xhat)


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize("scale", [0.1, 7.0])
def test_scaled_weights_change_nothing_and_their_gradient_is_divided(kind: str, scale: float) -> None:
    x, target = random(N, 5, 4), random(N, C, 4, seed=1)

    def loss(weight: Tensor) -> Tensor:
        return (normalise(weight @ x, kind, groups=2, delta=0.0) - target).square().mean()

    weight = random(C, 5, seed=2)
    plain, scaled = weight.clone().requires_grad_(), (scale * weight).requires_grad_()
    assert loss(scaled).item() == pytest.approx(loss(plain).item(), rel=1e-12)
    torch.testing.assert_close(torch.autograd.grad(loss(scaled), scaled)[0], torch.autograd.grad(loss(plain), plain)[0] / scale)


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_rows_agree_with_the_plain_forms(groups: int) -> None:
    parts = {kind: slice(2 * i, 2 * i + 2) for i, kind in enumerate(KINDS)}
    norm, z, d = RowNorm(parts, groups), random(10, C, 4, N), random(10, C, 4, N, seed=1)
    mean, _, scale = norm.statistics(z)
    xhat = (z - mean) * scale
    dz = norm.backward(d.clone(), xhat, scale)
    for kind, rows in parts.items():
        for k in range(rows.start, rows.stop):
            x = z[k].permute(2, 0, 1).clone().requires_grad_()
            out = normalise(x, kind, groups=groups)
            torch.testing.assert_close(xhat[k].permute(2, 0, 1), out.detach())
            torch.testing.assert_close(dz[k].permute(2, 0, 1), torch.autograd.grad(out, x, d[k].permute(2, 0, 1))[0])


def as_module(kind: str, w: Weights, k: int, groups: int) -> nn.Sequential:
    """Row k as modules of torch."""
    norms = {"none": lambda c: nn.Identity(), "batch": nn.BatchNorm2d, "layer": lambda c: nn.GroupNorm(1, c),
             "group": lambda c: nn.GroupNorm(groups, c), "instance": lambda c: nn.InstanceNorm2d(c, affine=True)}

    def build() -> nn.Sequential:
        layers: list[nn.Module] = []
        for fan_in, fan_out, size in ((1, 8, 2), (8, 8, 1), (8, 16, 2), (16, 16, 1)):
            layers += [nn.Conv2d(fan_in, fan_out, size, stride=size), norms[kind](fan_out), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 10))

    model = quietly(build)
    assert isinstance(model, nn.Sequential)
    values = []
    for i in range(4):
        values += [w.weights[i][k], w.biases[i][k], *([] if kind == "none" else [w.gammas[i][k], w.betas[i][k]])]
    values += [w.weights[4][k], w.biases[4][k]]
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(value.reshape(parameter.shape))
    return model


def test_the_net_agrees_with_torch_modules_forward_and_backward() -> None:
    K, m, groups = len(KINDS), 6, 4
    w = Weights(tuple(random(K, o, i, seed=i + o) / math.sqrt(i) for i, o in FANS),
                tuple(random(K, o, 1, seed=o) for _, o in FANS),
                tuple(1 + 0.3 * random(K, o, 1, 1, seed=i) for i, o in FANS[:4]),
                tuple(0.3 * random(K, o, 1, 1, seed=2 * i) for i, o in FANS[:4]))
    for gamma, beta in zip(w.gammas, w.betas, strict=True):
        gamma[0], beta[0] = 1.0, 0.0  # row 0 has no norm
    images, y = random(m, 8, 8, seed=5), torch.tensor([0, 3, 9, 3, 1, 7])
    norm = RowNorm({kind: slice(i, i + 1) for i, kind in enumerate(KINDS)}, groups)
    trace = normalisation.forward(w, normalisation.patches(images)[None], norm)
    losses, slopes = normalisation.cross_entropy(trace.out, y[None]), normalisation.backward(w, trace, y[None], norm)
    for k, kind in enumerate(KINDS):
        model = as_module(kind, w, k, groups)
        out = model(images[:, None])
        torch.testing.assert_close(trace.out[k].mT, out.detach())
        loss = F.cross_entropy(out, y)
        assert losses[k].item() == pytest.approx(loss.item(), rel=1e-12)
        loss.backward()
        ours = [g for i in range(4) for g in (slopes.weights[i][k], slopes.biases[i][k],
                                              *([] if kind == "none" else [slopes.gammas[i][k], slopes.betas[i][k]]))]
        for parameter, slope in zip(model.parameters(), [*ours, slopes.weights[4][k], slopes.biases[4][k]], strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(slope.reshape(parameter.shape), parameter.grad, rtol=1e-9, atol=1e-12)
    assert all(not g[0].any() for g in (*slopes.gammas, *slopes.betas)), "a net without norm has no γ and β"


@pytest.mark.parametrize("momentum", [0.01, 0.1, 1.0])
def test_running_average_is_what_torch_keeps(momentum: float) -> None:
    module = quietly(lambda: nn.BatchNorm2d(C, momentum=momentum))
    assert isinstance(module, nn.BatchNorm2d)
    batches = [random(5, C, H, W, seed=s) * (1 + s) + s for s in range(7)]
    for batch in batches:
        module(batch)
    assert module.running_mean is not None and module.running_var is not None
    means = torch.stack([b.mean((0, 2, 3)) for b in batches])
    variances = torch.stack([b.transpose(0, 1).flatten(1).var(1) for b in batches])
    torch.testing.assert_close(normalisation.running_average(means, 0.0, momentum)[-1], module.running_mean)
    torch.testing.assert_close(normalisation.running_average(variances, 1.0, momentum)[-1], module.running_var)
    assert torch.equal(normalisation.running_average(variances, 1.0, momentum)[0], torch.ones(C, dtype=torch.float64))


def test_running_average_of_a_constant_catches_up_exponentially() -> None:
    constant = torch.full((40,), 3.0, dtype=torch.float64)
    t = torch.arange(41, dtype=torch.float64)
    torch.testing.assert_close(normalisation.running_average(constant, 1.0, 0.1), 3 + (1 - 3) * 0.9**t)
    assert normalisation.running_average(torch.empty(0, 4), 1.0, 0.1).tolist() == [[1.0] * 4]


def test_eval_mode_agrees_with_torch() -> None:
    w = Weights(tuple(random(1, o, i, seed=i) / math.sqrt(i) for i, o in FANS), tuple(random(1, o, 1) for _, o in FANS),
                tuple(torch.ones(1, o, 1, 1, dtype=torch.float64) for _, o in FANS[:4]),
                tuple(torch.zeros(1, o, 1, 1, dtype=torch.float64) for _, o in FANS[:4]))
    model = as_module("batch", w, 0, 1).eval()
    means = [random(1, o, 1, 1, seed=o) for _, o in FANS[:4]]
    variances = [0.5 + random(1, o, 1, 1, seed=o + 1).square() for _, o in FANS[:4]]
    for module, mean, var in zip([m for m in model if isinstance(m, nn.BatchNorm2d)], means, variances, strict=True):
        assert module.running_mean is not None and module.running_var is not None
        module.running_mean.copy_(mean.flatten())
        module.running_var.copy_(var.flatten())
    images = random(3, 8, 8, seed=9)
    norm = RowNorm({"batch": slice(None)}, 1)
    ours = normalisation.forward(w, normalisation.patches(images)[None], norm, (means, variances)).out[0].mT
    torch.testing.assert_close(ours, model(images[:, None]).detach())
