"""Algorithm 1, the averaged sets and the running average: against torch.nn, and the facts that follow from the formula.

The net itself is tested in tests/engine/test_conv.py."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.engine.block_norm import KINDS, BlockNorm
from core.lessons.batch_norm.normalisation import algorithm_1, averaged, running_average

C, H, W = 8, 3, 2


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


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
    z = x.permute(1, 2, 0)[None]
    mean, _, scale = BlockNorm((kind,), 4, 1e-5, 0.1).statistics(z, True, None)
    slope = torch.autograd.grad(((z - mean) * scale)[0, 5, 1, 2], x)[0]
    expected = averaged(kind, (4, 8, 3), (2, 5), groups=4)
    if kind == "none":
        expected[2, 5, 1] = True
    assert torch.equal(slope != 0, expected)


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


@pytest.mark.parametrize("momentum", [0.01, 0.1, 1.0])
def test_running_average_is_what_torch_keeps(momentum: float) -> None:
    module = nn.BatchNorm2d(C, momentum=momentum, dtype=torch.float64)
    batches = [random(5, C, H, W, seed=s) * (1 + s) + s for s in range(7)]
    for batch in batches:
        module(batch)
    assert module.running_mean is not None and module.running_var is not None
    means = torch.stack([b.mean((0, 2, 3)) for b in batches])
    variances = torch.stack([b.transpose(0, 1).flatten(1).var(1) for b in batches])
    torch.testing.assert_close(running_average(means, 0.0, momentum)[-1], module.running_mean)
    torch.testing.assert_close(running_average(variances, 1.0, momentum)[-1], module.running_var)
    assert torch.equal(running_average(variances, 1.0, momentum)[0], torch.ones(C, dtype=torch.float64))


def test_running_average_of_a_constant_catches_up_exponentially() -> None:
    constant = torch.full((40,), 3.0, dtype=torch.float64)
    t = torch.arange(41, dtype=torch.float64)
    torch.testing.assert_close(running_average(constant, 1.0, 0.1), 3 + (1 - 3) * 0.9**t)
    assert running_average(torch.empty(0, 4), 1.0, 0.1).tolist() == [[1.0] * 4]
