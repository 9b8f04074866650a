"""References for the engine's tests: the same models as nn.Sequential, and a watch on the global
generator."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from core.engine import MLP

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "sigmoid": nn.Sigmoid,
    "linear": nn.Identity,
}


def build(mlp: MLP, row: Tensor) -> nn.Sequential:
    """`mlp` with the parameters `row` [P] as a module (no residual connections, no dropout)."""
    norms: dict[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm1d,
        "layer": nn.LayerNorm,
        "group": lambda width: nn.GroupNorm(mlp.groups, width),
    }
    modules: list[nn.Module] = []
    for fan_in, width, name in zip(mlp.sizes, mlp.hidden, mlp.activation_names, strict=False):
        norm = [norms[mlp.norm](width)] if mlp.norm else []
        modules += [nn.Linear(fan_in, width), *norm, ACTIVATIONS[name]()]
    model = nn.Sequential(*modules, nn.Linear(mlp.sizes[-2], mlp.sizes[-1])).to(row.dtype)
    nn.utils.vector_to_parameters(row, model.parameters())
    return model


@pytest.fixture
def sequential() -> Callable[[MLP, Tensor], nn.Sequential]:
    return build_quietly


def build_quietly(mlp: MLP, row: Tensor) -> nn.Sequential:
    with torch.random.fork_rng():
        return build(mlp, row)


@pytest.fixture(autouse=True)
def one_thread_and_untouched_global_generator() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state()), "the process-wide generator was used"
    torch.set_num_threads(threads)
