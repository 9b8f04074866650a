"""What each network of the engine has to satisfy, against a torch.nn module of the same architecture.

A module reads one model's input with samples last and answers [*outputs, n]. Its `ordered` parameters, one after the
other, are a row of theta.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from core.engine import SGD, Adam, Network, autograd_gradient, generators, normals, squared

float64 = torch.float64
Build = Callable[[], nn.Module]
OPTIMISERS = [
    (SGD(0.1, momentum=0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (Adam(0.01), torch.optim.Adam, {"lr": 0.01}),
]


def close(a: Tensor, b: Tensor, tolerance: float = 1e-11) -> None:
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def ordered(module: nn.Module) -> list[nn.Parameter]:
    own = getattr(module, "ordered", None)
    return own() if own else list(module.parameters())


def load(build: Build, row: Tensor) -> nn.Module:
    """The module with the parameters `row` [P]."""
    with torch.random.fork_rng():
        module = build().to(row.dtype)
    nn.utils.vector_to_parameters(row.clone(), ordered(module))
    return module


def row_of(x: Any, k: int) -> Any:
    """Model k's input [*inputs, n] of x [1 or K, *inputs, n], or of a tuple of such."""
    return tuple(row_of(part, k) for part in x) if isinstance(x, tuple) else x[k if len(x) > 1 else 0]


def gradient(net: Network, theta: Tensor, x: Any, y: Tensor, by_hand: bool = False) -> Tensor:
    """[K, P] of each model's mean squared error to y [K, *outputs, n]."""
    flat = y.flatten(1, -2)
    if not by_hand:
        return autograd_gradient(lambda t: squared.value(net.forward(t, x).flatten(1, -2), flat), theta)[1]
    kernel = net.kernel(theta, y.shape[-1])
    assert kernel is not None and squared.gradient is not None
    return kernel.backward(squared.gradient(kernel.forward(x), flat)).clone()


def module_gradient(module: nn.Module, x: Any, y: Tensor) -> Tensor:
    module.zero_grad()
    nn.functional.mse_loss(module(x), y).backward()
    return torch.cat([torch.zeros(p.numel(), dtype=p.dtype) if p.grad is None else p.grad.flatten() for p in ordered(module)])


def check_start(net: Network, build: Build) -> None:
    """A row of `init` is the module built after torch.manual_seed, and is the same among other rows."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        expected = nn.utils.parameters_to_vector(ordered(build())).detach()
    theta = net.init(generators([3, 7, 5]))
    torch.testing.assert_close(theta[1], expected, rtol=1e-6, atol=0)
    assert net.P == len(expected) and torch.equal(theta[1:2], net.init(generators([7])))
    assert net.init(generators([7]), dtype=float64).dtype == float64


def check_rows(net: Network, build: Build, theta: Tensor, x: Any, by_hand: bool = False) -> None:
    """Output and gradient of each row are the module's, and those of the row alone."""
    out = net.forward(theta, x)
    y = normals(generators(range(len(theta))), *out.shape[1:], dtype=float64)
    grad = gradient(net, theta, x, y, by_hand)
    for k, row in enumerate(theta):
        module, own = load(build, row), row_of(x, k)
        close(out[k], module(own).detach())
        close(grad[k], module_gradient(module, own, y[k]))
        alone = tuple(part[None] for part in own) if isinstance(own, tuple) else own[None]
        close(out[k : k + 1], net.forward(row[None], alone))
        close(grad[k : k + 1], gradient(net, row[None], alone, y[k : k + 1], by_hand))


def check_training(net: Network, build: Build, theta: Tensor, x: Any, by_hand: bool = False) -> None:
    """Steps of the engine's optimisers are torch.optim's."""
    y = normals(generators(range(len(theta))), *net.forward(theta, x).shape[1:], dtype=float64)
    for ours, theirs, options in OPTIMISERS:
        trained = theta.clone()
        modules = [load(build, row) for row in theta]
        optimisers = [theirs(module.parameters(), **options) for module in modules]
        state = ours.init(trained)
        for _ in range(6):
            ours.step(trained, gradient(net, trained, x, y, by_hand), state)
            for k, (module, optimiser) in enumerate(zip(modules, optimisers, strict=True)):
                module_gradient(module, row_of(x, k), y[k])
                optimiser.step()
        # Adam divides a gradient near zero, which has an error of about 1e-16, by itself plus 1e-8.
        close(trained, torch.stack([nn.utils.parameters_to_vector(ordered(m)) for m in modules]).detach(), 1e-8)
        assert not torch.allclose(trained, theta, atol=1e-3)


def check_weight_mask(net: Network, build: Build) -> None:
    """The mask is 1 on what torch calls a weight."""
    with torch.random.fork_rng():
        module = build()
    names = {id(p): name for name, p in module.named_parameters()}
    expected = [torch.full((p.numel(),), float("weight" in names[id(p)])) for p in ordered(module)]
    assert torch.equal(net.weight_mask(), torch.cat(expected))
