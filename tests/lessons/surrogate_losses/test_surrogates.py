"""The four surrogates in float64: bounds, slopes, PyTorch's values, and the scores that they want."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize
from torch.nn import functional as F

from core.data import toys
from core.engine import MLP, autograd_gradient, generators
from core.lessons.surrogate_losses import surrogates
from core.lessons.surrogate_losses.surrogates import LOSSES
from tests.engine.passes import gradient

Z = torch.linspace(-30, 30, 6001, dtype=torch.float64)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_bounds_the_01_loss_is_convex_and_decreases_at_zero(loss):
    phi = surrogates.phi(loss, Z)
    assert bool((phi >= (Z <= 0).double()).all())
    assert bool((phi[2:] + phi[:-2] - 2 * phi[1:-1] >= -1e-9 * phi[1:-1]).all())
    assert float(surrogates.phi(loss, torch.zeros(1, dtype=torch.float64))) == pytest.approx(1.0, abs=1e-15)
    assert float(surrogates.slope(loss, torch.zeros(1))) < 0


def test_the_logistic_loss_in_nats_is_no_bound():
    assert float(surrogates.phi("logistic", torch.zeros(1)) * math.log(2)) < 1


@pytest.mark.parametrize("loss", LOSSES)
def test_slopes_are_autograds(loss):
    z = Z[Z != 1].clone().requires_grad_()
    surrogates.phi(loss, z).sum().backward()
    torch.testing.assert_close(surrogates.slope(loss, z.detach()), z.grad, rtol=1e-12, atol=1e-14)


def test_values_are_torchs():
    z, y = Z[2000:4001], torch.where(torch.arange(2001) % 2 == 0, 1.0, -1.0).double()
    out = z * y
    assert float(surrogates.phi("logistic", z).mean() * math.log(2)) == pytest.approx(
        float(F.binary_cross_entropy_with_logits(out, (y + 1) / 2)), rel=1e-12)
    # With label −1, PyTorch's embedding loss is max(0, 1 − input).
    hinge = F.hinge_embedding_loss(z, -torch.ones_like(z))
    assert float(surrogates.phi("hinge", z).mean()) == pytest.approx(float(hinge), rel=1e-12)
    assert float(surrogates.phi("squared", z).mean()) == pytest.approx(float(F.mse_loss(out, y)), rel=1e-12)


def test_the_rows_gradients_are_autograds():
    mlp = MLP(sizes=(2, 5, 1))
    theta = mlp.init(generators(range(8)), dtype=torch.float64)
    x = torch.randn(8, 2, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = torch.where(torch.rand(8, 1, 30, generator=torch.Generator().manual_seed(2)) < 0.5, -1.0, 1.0).double()
    theirs = autograd_gradient(lambda t: surrogates.four.value(mlp.forward(t, x), y), theta)
    for a, b in zip(gradient(mlp, theta, x, y, surrogates.four), theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("eta", [0.05, 0.3, 0.8, 0.97])
def test_the_wanted_score_minimises_the_expected_loss(loss, eta):
    def expected(f: float) -> float:
        at, other = (float(surrogates.phi(loss, torch.tensor(v, dtype=torch.float64))) for v in (f, -f))
        return eta * at + (1 - eta) * other

    found = optimize.minimize_scalar(expected, bounds=(-8, 8), method="bounded", options=dict(xatol=1e-9)).x
    f = float(surrogates.wanted(loss, torch.tensor(math.log(eta / (1 - eta)), dtype=torch.float64)))
    assert f == pytest.approx(found, abs=2e-5)


def test_cross_entropy_recovers_the_log_odds_and_exponential_half_of_them():
    """Linear scores hold the log-odds of Gaussian classes: w = (Δ, 0), b = 0. A large sample, five standard errors."""
    apart, n = 3.0, 100_000
    means = torch.tensor([[-apart / 2, 0.0], [apart / 2, 0.0]])
    x, given = toys.gaussian_classes(n, means, torch.eye(2), torch.Generator().manual_seed(0))
    design = torch.cat([x, torch.ones(1, n)]).double()
    y = 2.0 * given.double() - 1
    for loss, part in (("logistic", 1.0), ("exponential", 0.5)):
        def objective(w: np.ndarray, loss: str = loss) -> tuple[float, np.ndarray]:
            z = y * (torch.from_numpy(w) @ design)
            return float(surrogates.phi(loss, z).mean()), (design @ (y * surrogates.slope(loss, z)) / n).numpy()

        w = optimize.minimize(objective, np.zeros(3), jac=True, method="BFGS").x
        assert w == pytest.approx([part * apart, 0, 0], abs=0.12)
