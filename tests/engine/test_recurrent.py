"""The recurrent network against nn.RNN and nn.RNNCell: starts, outputs, gradients by both routes, training."""

import pytest
import torch
from torch import Tensor, nn

from core.engine import Recurrent, generators, normals

from .networks import check_rows, check_start, check_training, check_weight_mask, close, float64, gradient

K, T, N = 3, 5, 4
SHARED, UNSHARED = Recurrent(2, 6, 3), Recurrent(2, 6, 3, unshared_steps=T)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.out = nn.RNN(2, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.rnn(x.permute(1, 2, 0))[0][-1]).T


class Unshared(nn.Module):
    def __init__(self, steps: int = T) -> None:
        super().__init__()
        self.cells, self.out = nn.ModuleList(nn.RNNCell(2, 6) for _ in range(steps)), nn.Linear(6, 3)

    def ordered(self) -> list[nn.Parameter]:
        cells = zip(*(cell.parameters() for cell in self.cells), strict=True)
        return [p for same in cells for p in same] + list(self.out.parameters())

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[2], 6, dtype=x.dtype)
        for cell, step in zip(self.cells, x.unbind(1), strict=True):
            h = cell(step.T, h)
        return self.out(h).T


def problem(net, shared_x=False, steps=T):
    """theta [K, P] and x [1 or K, 2, steps, N]."""
    rngs = generators(range(9, 10 if shared_x else 9 + K))
    return net.init(generators(range(K)), dtype=float64), normals(rngs, 2, steps, N, dtype=float64)


CASES = pytest.mark.parametrize(("net", "build"), [(SHARED, Shared), (UNSHARED, Unshared)], ids=["shared", "unshared"])
ROUTES = pytest.mark.parametrize("by_hand", [False, True], ids=["autograd", "by hand"])


@CASES
def test_start_is_the_module_of_the_same_seed(net, build):
    check_start(net, build)
    check_weight_mask(net, build)


@CASES
@ROUTES
@pytest.mark.parametrize("shared_x", [False, True])
def test_output_and_gradient_equal_torch_row_by_row(net, build, by_hand, shared_x):
    check_rows(net, build, *problem(net, shared_x), by_hand)


@CASES
@ROUTES
def test_training_equals_torch_step_for_step(net, build, by_hand):
    check_training(net, build, *problem(net), by_hand)


@ROUTES
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_one_theta_reads_any_length(by_hand, steps):
    check_rows(SHARED, Shared, *problem(SHARED, steps=steps), by_hand)


@ROUTES
def test_an_unshared_net_may_have_one_step(by_hand):
    net = Recurrent(2, 6, 3, unshared_steps=1)
    check_rows(net, lambda: Unshared(1), *problem(net, steps=1), by_hand)


def test_one_kernel_reads_lengths_in_turn_and_follows_theta():
    theta, _ = problem(SHARED)
    with torch.inference_mode():
        kernel = SHARED.kernel(theta, N)
        for steps in (4, 1, 7, 7, 4):
            x, d_out = problem(SHARED, steps=steps)[1], normals(generators(range(K)), 3, N, dtype=float64)
            close(kernel.forward(x), SHARED.forward(theta, x))
            grad = kernel.backward(d_out).clone()
            with torch.inference_mode(False), torch.enable_grad():
                leaf = theta.clone().requires_grad_()
                close(grad, torch.autograd.grad(SHARED.forward(leaf, x.clone()), leaf, d_out.clone())[0])
            theta.sub_(grad, alpha=0.1)


def test_gradient_of_a_shared_weight_is_the_sum_over_its_uses():
    theta, x = problem(SHARED)
    tied = theta.new_empty(K, UNSHARED.P)
    for (name, part), whole in zip(SHARED.named(theta).items(), UNSHARED.named(tied).values(), strict=True):
        whole.copy_(part.expand_as(whole) if name.endswith(("_x", "_h")) else part)
    close(UNSHARED.forward(tied, x), SHARED.forward(theta, x))
    y = torch.ones(K, 3, N, dtype=float64)
    uses = UNSHARED.named(gradient(UNSHARED, tied, x, y))
    for name, grad in SHARED.named(gradient(SHARED, theta, x, y)).items():
        close(grad, uses[name].sum(1, keepdim=True) if name.endswith(("_x", "_h")) else uses[name])


@pytest.mark.parametrize("field", ["inputs", "hidden", "outputs", "unshared_steps"])
def test_errors_name_the_field(field):
    with pytest.raises(ValueError, match=f"^{field}=0"):
        Recurrent(**{field: 0})


def test_lengths_and_widths_that_do_not_fit_are_refused():
    theta, x = problem(UNSHARED, steps=T + 1)
    with pytest.raises(ValueError, match=r"^x: 6 steps, needs 5"):
        UNSHARED.forward(theta, x)
    with pytest.raises(ValueError, match=r"^x: 6 steps, needs 5"):
        UNSHARED.kernel(theta, N).forward(x)
    with pytest.raises(ValueError, match=r"^x: 0 steps"):
        SHARED.forward(problem(SHARED)[0], x[:, :, :0])
    with pytest.raises(ValueError, match=r"^theta: shape"):
        SHARED.forward(theta, x)
    assert hash(SHARED) == hash(Recurrent(2, 6, 3)) and SHARED != UNSHARED
