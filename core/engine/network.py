"""What every network of the engine is: an architecture without parameters, K models of which are rows of one theta.

Shapes: K models, P parameters, n samples, which come last in the input and in the output.
    theta_KP [K, P]     x [1 or K, *inputs, n]     out [K, *outputs, n]
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from .norms import RunningStats
from .random import Generators


class Entry(NamedTuple):
    """Where a parameter tensor lies in a row of theta, and its shape per model."""

    part: slice
    shape: tuple[int, ...]


class Network(Protocol):
    """What the objectives and the trainer need of an architecture. Implementations are frozen and hashable."""

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample in x, () where x is not one tensor."""
        ...

    @property
    def dropout(self) -> float:
        """P(drop) of hidden units in training."""
        ...

    @property
    def layout(self) -> Mapping[str, Entry]:
        """Parameter name -> place in a row of theta; weights that penalties act on have names that begin with "weight"."""
        ...

    @property
    def P(self) -> int:
        """Parameters of one model."""
        ...

    def init(self, generators: Generators, *, dtype: torch.dtype = torch.float32) -> Tensor:
        """theta [K, P], row k drawn from generators[k]: torch.nn's default start, draw for draw."""
        ...

    def forward(self, theta: Tensor, x: Any, *, train: bool = False) -> Tensor:
        """out [K, *outputs, n] of K models on x [1 or K, *inputs, n]; differentiable by autograd."""
        ...

    def weight_mask(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """[P], 1 on weights and 0 on biases, gammas and betas: what penalties act on."""
        ...

    def kernel(self, theta: Tensor, n: int) -> "Kernel | None":
        """Hand-written passes for theta and batches of n, None where autograd does it."""
        ...

    def running_stats(self, K: int, dtype: torch.dtype = torch.float32) -> RunningStats | None:
        """What training moves beside theta, before training: batch norm's statistics. None where there are none.

        Where there are some, both `forward`s take them as `stats` and move them in train mode."""
        ...

    def masks(self, generators: Generators, n: int, rate: float | Tensor | None = None,
              dtype: torch.dtype = torch.float32) -> Sequence[Tensor]:
        """Dropout masks of one batch, row k drawn from generators[k], which both `forward`s take as `masks`.

        rate: P(drop), a number or one per model [K]; `dropout` if None. Raises ValueError where nothing can be dropped."""
        ...


class Kernel(Protocol):
    """Forward and backward passes by hand, through buffers that are allocated once for (theta, n).

    theta is seen through views, so an optimiser that updates it in place needs no new object. Both methods return buffers
    that the next call overwrites.
    """

    def forward(self, x: Any, **options: Any) -> Tensor:
        """out [K, *outputs, n], train mode unless told otherwise."""
        ...

    def backward(self, d_out: Tensor) -> Tensor:
        """grad [K, P] from dJ/d(out), at the inputs of the last `forward`."""
        ...


def layout_of(shapes: Sequence[tuple[str, tuple[int, ...]]]) -> dict[str, Entry]:
    """Parameters one after the other, in the order given."""
    entries: dict[str, Entry] = {}
    start = 0
    for name, shape in shapes:
        entries[name] = Entry(slice(start, start + prod(shape)), shape)
        start += prod(shape)
    return entries


class Layout:
    """What follows from a network's `layout` alone, and what most networks do without; networks inherit it."""

    layout: Mapping[str, Entry]
    sample_shape: tuple[int, ...] = ()  # of x, () where x is not one tensor
    dropout: float = 0.0  # P(drop) of hidden units in training

    @property
    def P(self) -> int:
        """Parameters of one model."""
        return max(entry.part.stop for entry in self.layout.values())

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """Parameter name -> view [K, *shape] into theta [K, P]; writing into it writes theta.

        Raises ValueError for a wrong shape."""
        if theta.ndim != 2 or theta.shape[1] != self.P:
            raise ValueError(f"theta: shape {tuple(theta.shape)}, needs [K, {self.P}]")
        return {name: theta[:, entry.part].unflatten(1, entry.shape) for name, entry in self.layout.items()}

    def weight_mask(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """[P], 1 on weights and 0 on biases, gammas and betas: what penalties act on."""
        mask = torch.zeros(self.P, dtype=dtype)
        for name, entry in self.layout.items():
            if name.startswith("weight"):
                mask[entry.part] = 1
        return mask

    def kernel(self, theta: Tensor, n: int) -> Kernel | None:  # noqa: ARG002
        """None: autograd does it."""
        return None

    def running_stats(self, K: int, dtype: torch.dtype = torch.float32) -> RunningStats | None:  # noqa: ARG002
        """None: training moves nothing but theta."""
        return None

    def masks(self, generators: Generators, n: int, rate: float | Tensor | None = None,  # noqa: ARG002
              dtype: torch.dtype = torch.float32) -> Sequence[Tensor]:  # noqa: ARG002
        """Raises ValueError: nothing is dropped."""
        raise ValueError(f"dropout={rate}: {type(self).__name__} has none")
