"""Noise of the engine against torch.nn and its own rules: fresh, row by row, and none at strength 0."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from core.engine import MLP, SGD, InputNoise, Supervised, Trainer, WeightNoise, cross_entropy, generators, smooth_labels, squared


@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.6, 1.0])
def test_smoothed_labels_are_those_of_torch(epsilon: float):
    g = generators([0])[0]
    z, labels = torch.randn(1, 5, 40, generator=g, dtype=torch.float64), torch.randint(5, (1, 40), generator=g)
    y = smooth_labels(F.one_hot(labels, 5).double().mT, epsilon)
    wanted = F.cross_entropy(z[0].T, labels[0], label_smoothing=epsilon)
    assert cross_entropy.value(z, y).item() == pytest.approx(wanted.item(), rel=1e-12)
    assert torch.allclose(y.sum(1), torch.ones(1, 40, dtype=torch.float64))
    assert y.max().item() == pytest.approx(1 - epsilon + epsilon / 5)


def test_smoothing_takes_one_epsilon_per_model_and_refuses_others():
    y = F.one_hot(torch.tensor([[0, 1]]), 2).double().mT.repeat(2, 1, 1)
    out = smooth_labels(y, torch.tensor([0.0, 0.5]))
    assert torch.equal(out[0], y[0]) and out[1, 0].tolist() == [0.75, 0.25]
    for wrong in (-0.1, 1.1):
        with pytest.raises(ValueError, match="epsilon"):
            smooth_labels(y, wrong)
    for kind in (InputNoise, lambda s: WeightNoise(Supervised(MLP((1, 1)), squared), s)):
        with pytest.raises(ValueError, match="sigma"):
            kind(-1.0)


def test_input_noise_is_fresh_has_its_size_and_leaves_rows_of_strength_0():
    noise, rngs = InputNoise(torch.tensor([0.0, 0.5, 1.0]), ahead=3), generators([4, 4, 4])
    x, y = torch.zeros(3, 2, 500), torch.zeros(3, 1, 500)
    first, *more = (noise(x, y, rngs)[0].clone() for _ in range(7))
    assert torch.equal(first[0], x[0]) and all(not torch.equal(first[1], m[1]) for m in more)
    assert torch.equal(2 * first[1], first[2])  # equal seeds: noise of another size
    assert first[2].std().item() == pytest.approx(1, abs=0.1)
    alone = InputNoise(0.5, ahead=3)(x[:1], y[:1], generators([4]))[0]
    assert torch.equal(alone[0], first[1])


def test_weight_noise_is_the_objective_at_noisy_weights_and_is_fresh():
    net = MLP((2, 5, 1))
    theta = net.init(generators(range(2)), dtype=torch.float64)
    x, y = torch.randn(2, 2, 8, dtype=torch.float64, generator=generators([1])[0]), torch.zeros(1, 1, 8, dtype=torch.float64)
    kept = theta.clone()
    noisy = WeightNoise(Supervised(net, squared), torch.tensor([0.0, 0.3]), ahead=2)
    rngs = generators([7, 8])
    values = [noisy.value_and_gradient(theta, (x, y), rngs)[0].clone() for _ in range(5)]
    assert torch.equal(theta, kept)
    assert len({v[0].item() for v in values}) == 1 and len({v[1].item() for v in values}) == 5
    value, grad = noisy.value_and_gradient(theta, (x, y), rngs)
    assert noisy._noisy is not None
    there, wanted = Supervised(net, squared).value_and_gradient(noisy._noisy.clone(), (x, y))
    assert torch.equal(value, there) and torch.equal(grad, wanted)
    assert (noisy._noisy[1] - theta[1]).std().item() == pytest.approx(0.3, rel=0.6)


def test_strength_0_trains_bit_for_bit_as_without():
    net = MLP((1, 8, 1))
    theta = net.init(generators([0]))
    x = torch.linspace(-1, 1, 16)[None, None]
    batches = lambda: iter(lambda: (x, x), None)  # noqa: E731
    plain = Trainer(Supervised(net, squared), theta.clone(), SGD(0.1), batches())
    still = Trainer(WeightNoise(Supervised(net, squared), 0.0), theta.clone(), SGD(0.1), batches(), generators=generators([3]))
    plain.advance(30)
    still.advance(30)
    assert torch.equal(plain.theta, still.theta)
