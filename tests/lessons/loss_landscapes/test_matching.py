"""Symmetries: permutations and rescalings leave the function, and matching undoes a permutation exactly."""

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from core.engine import MLP, generators, normals
from core.lessons.loss_landscapes import matching

NETS = [
    MLP(sizes=(2, 6, 6, 4, 1), activation=activation, norm=norm, residual=residual)
    for activation in ("relu", "tanh") for norm in (None, "batch") for residual in (False, True)
]


def outputs(net: MLP, theta: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return net.forward(theta, x, train=True)


def jittered(net: MLP, seed: int) -> torch.Tensor:
    """θ [1, P], float64, with biases, gammas and betas that are neither 0 nor 1."""
    theta = net.init(generators([seed]), "he", dtype=torch.float64)
    return theta + 0.3 * normals(generators([seed + 1]), net.P, dtype=torch.float64)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 24])
def test_assignment_costs_what_scipys_does(n: int):
    for seed in range(20):
        cost = torch.randn(n, n, generator=generators([seed])[0], dtype=torch.float64)
        perm = matching.assignment(cost)
        rows, columns = linear_sum_assignment(cost.numpy())
        assert sorted(perm.tolist()) == list(range(n))
        assert float(cost[range(n), perm].sum()) == pytest.approx(cost.numpy()[rows, columns].sum(), abs=1e-12)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_permuting_hidden_units_leaves_the_function(net: MLP):
    theta, x = jittered(net, 0), normals(generators([2]), 2, 40, dtype=torch.float64)
    perms = matching.random_permutations(net, generators([3])[0])
    twin = matching.permute(net, theta, perms)
    assert not torch.equal(twin, theta)
    torch.testing.assert_close(outputs(net, twin, x), outputs(net, theta, x), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("net", NETS, ids=str)
def test_matching_brings_a_twin_back_bit_for_bit(net: MLP):
    x = normals(generators([2]), 2, 40, dtype=torch.float64)
    for seed in range(5):
        theta = jittered(net, 10 * seed)
        twin = matching.permute(net, theta, matching.random_permutations(net, generators([seed])[0]))
        back = matching.permute(net, twin, matching.match(net, theta[0], twin[0], x))
        assert torch.equal(back, theta)


def test_skips_tie_the_permutations_of_their_layers():
    assert matching.tied_layers(MLP(sizes=(2, 6, 6, 4, 1), residual=True)) == [[0, 1], [2]]
    assert matching.tied_layers(MLP(sizes=(2, 6, 6, 4, 1))) == [[0], [1], [2]]
    tied = MLP(sizes=(2, 2, 6, 1), residual=True)  # a skip from the inputs: their order cannot change
    assert matching.tied_layers(tied) == [[matching.INPUT, 0], [1]]
    assert matching.random_permutations(tied, generators([0])[0])[0].tolist() == [0, 1]


def test_untied_permutation_of_a_skip_net_changes_the_function():
    net = MLP(sizes=(2, 6, 6, 1), activation="relu", residual=True)
    theta, x = jittered(net, 0), normals(generators([2]), 2, 40, dtype=torch.float64)
    wrong = matching.permute(net, theta, [torch.arange(6).flip(0), torch.arange(6)])
    assert float((outputs(net, wrong, x) - outputs(net, theta, x)).abs().max()) > 1e-3


@pytest.mark.parametrize("norm", [None, "batch"])
def test_rescaling_a_relu_layer_leaves_the_function(norm: str | None):
    net = MLP(sizes=(2, 6, 6, 1), activation="relu", norm=norm)
    theta, x = jittered(net, 0), normals(generators([2]), 2, 40, dtype=torch.float64)
    factor = torch.tensor([0.2, 1.0, 5.0], dtype=torch.float64)
    for layer in (0, 1):
        rows = matching.rescale(net, theta.repeat(3, 1), layer, factor)
        assert float((rows - theta).abs().max()) > 0.1
        same = outputs(net, theta, x).expand(3, -1, -1)
        torch.testing.assert_close(outputs(net, rows, x), same, atol=1e-12, rtol=1e-12)


def test_rescaling_refuses_nets_without_the_symmetry():
    for net in (MLP(activation="tanh"), MLP(activation="relu", residual=True)):
        with pytest.raises(ValueError, match="rescaled"):
            matching.rescale(net, net.init(generators([0])), 0, 2.0)


def test_a_twin_is_never_the_net_itself():
    for width in (2, 4):
        net = MLP(sizes=(2, width, 1))
        for rng in generators(range(200)):
            (perm,) = matching.random_permutations(net, rng)
            assert sorted(perm.tolist()) == list(range(width)) != perm.tolist()
