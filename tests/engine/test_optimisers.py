"""Optimisers step for step against torch.optim, and momentum as the lecture writes it."""

import pytest
import torch

from core.engine import SGD, AdaGrad, Adam, AdamW, RMSProp, State, generators, normals

K, P, STEPS = 3, 7, 30
float64 = torch.float64

PAIRS = {
    "sgd": (SGD, torch.optim.SGD, {}),
    "momentum": (SGD, torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (SGD, torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
    "adagrad": (AdaGrad, torch.optim.Adagrad, {}),
    "rmsprop": (RMSProp, torch.optim.RMSprop, {}),
    "adam": (Adam, torch.optim.Adam, {}),
    "adamw": (AdamW, torch.optim.AdamW, {}),
}


def problem(seed):
    """Start [K, P] and gradients [STEPS, K, P] of very different scales; some coordinates see zeros."""
    rngs = generators(range(seed, seed + K))
    theta = normals(rngs, P, dtype=float64)
    grads = normals(rngs, STEPS, P, dtype=float64).transpose(0, 1) * torch.logspace(-6, 3, P, dtype=float64)
    grads[:5, :, 0] = 0
    return theta, grads


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("seed", [0, 10, 20])
def test_equals_torch_step_for_step(name, weight_decay, seed):
    ours, theirs, options = PAIRS[name]
    theta, grads = problem(seed)
    rates = torch.tensor([1e-3, 1e-2, 3e-2], dtype=float64)
    optimiser = ours(
        learning_rate=rates, weight_decay=torch.full((K, 1), weight_decay, dtype=float64), **options
    )
    parameters = [row.clone().requires_grad_() for row in theta]
    references = [
        theirs([p], lr=float(rate), weight_decay=weight_decay, **options)
        for p, rate in zip(parameters, rates, strict=True)
    ]
    state = optimiser.init(theta)
    for t, grad in enumerate(grads, 1):
        untouched = grad.clone()
        optimiser.step(theta, grad, state)
        assert torch.equal(grad, untouched) and state.t == t
        for p, reference, row in zip(parameters, references, grad, strict=True):
            p.grad = row.clone()
            reference.step()
        torch.testing.assert_close(theta, torch.stack(parameters).detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", PAIRS)
def test_defaults_are_torchs(name):
    ours, theirs, options = PAIRS[name]
    theta, grads = problem(0)
    p = theta.clone().requires_grad_()
    optimiser, reference = ours(**options), theirs([p], **options)
    state = optimiser.init(theta)
    for grad in grads:
        optimiser.step(theta, grad, state)
        p.grad = grad.clone()
        reference.step()
    torch.testing.assert_close(theta, p.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", PAIRS)
def test_rows_do_not_see_each_other(name):
    ours, _, options = PAIRS[name]
    theta, grads = problem(0)
    theta, grads = theta.float(), grads.float()
    alone = theta[1:2].clone()
    optimiser = ours(0.01, **options)
    state, state_alone = optimiser.init(theta), optimiser.init(alone)
    for grad in grads:
        optimiser.step(theta, grad, state)
        optimiser.step(alone, grad[1:2], state_alone)
    assert torch.equal(theta[1:2], alone)


def test_momentum_as_the_lecture_writes_it():
    theta, grads = problem(0)
    lecture, v = theta.clone(), torch.zeros_like(theta)
    optimiser = SGD(0.01, momentum=0.9)
    state = optimiser.init(theta)
    for grad in grads:
        v = 0.9 * v - 0.01 * grad
        lecture += v
        optimiser.step(theta, grad, state)
        torch.testing.assert_close(v, -0.01 * state.v, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(theta, lecture, rtol=1e-12, atol=1e-14)


def test_adams_first_step_has_the_length_of_the_learning_rate():
    theta, grad = torch.zeros(1, 4, dtype=float64), torch.tensor([[1e-3, -1.0, 1e3, 1e6]], dtype=float64)
    optimiser = Adam(0.1)
    optimiser.step(theta, grad, optimiser.init(theta))
    torch.testing.assert_close(theta, -0.1 * grad.sign(), rtol=2e-5, atol=0)


def test_state_is_open():
    theta = torch.zeros(2, 3)
    state = Adam().init(theta)
    assert isinstance(state, State) and state.m.shape == state.v.shape == theta.shape


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: SGD(-1.0), "learning_rate"),
        (lambda: SGD(float("nan")), "learning_rate"),
        (lambda: Adam(torch.tensor([0.1, -0.1])), "learning_rate"),
        (lambda: SGD(0.1, momentum=-0.5), "momentum"),
        (lambda: SGD(0.1, nesterov=True), "nesterov"),
        (lambda: Adam(beta1=1.0), "beta1"),
        (lambda: Adam(beta2=-0.1), "beta2"),
        (lambda: RMSProp(decay=1.5), "decay"),
        (lambda: AdaGrad(epsilon=-1.0), "epsilon"),
        (lambda: AdamW(weight_decay=-1.0), "weight_decay"),
    ],
)
def test_errors_name_the_field(make, field):
    with pytest.raises(ValueError, match=f"^{field}="):
        make()
