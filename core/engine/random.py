"""Random numbers row by row: row k draws from its own generator, whatever the number of rows.

The process-wide generator is not touched; two sessions of one process cannot disturb each other.

Draws of a row are the same bit for bit at every K. Arithmetic on them is too at common sizes (2-16-16-1,
batches of a multiple of 16 float32 numbers); elsewhere the matrix product chooses its kernel by shape and
memory alignment, and rows agree to rounding.

Shapes: K models, n samples.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Generator, Tensor

Generators = Sequence[Generator]


def generators(seeds: Iterable[int]) -> list[Generator]:
    """One CPU generator per seed; `generators(range(K))` for K models."""
    return [Generator().manual_seed(int(seed)) for seed in seeds]


def spawn(parents: Generators) -> list[Generator]:
    """Child generators seeded by one draw from each parent.

    Separate streams for separate purposes keep comparisons fair: two runs that differ only in dropout still
    see the same batches.
    """
    return generators(int(torch.randint(2**62, (), generator=parent)) for parent in parents)


def normals(generators: Generators, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Standard normals [K, *shape]."""
    return torch.stack([torch.randn(shape, generator=g, dtype=dtype) for g in generators])


def uniforms(generators: Generators, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Uniforms on [0, 1), [K, *shape]."""
    return torch.stack([torch.rand(shape, generator=g, dtype=dtype) for g in generators])


def permutations(generators: Generators, n: int) -> Tensor:
    """Permutations of 0..n-1, [K, n] int64."""
    order = torch.empty(len(generators), n, dtype=torch.int64)
    for row, g in zip(order.unbind(), generators, strict=True):
        torch.randperm(n, generator=g, out=row)
    return order


def bernoulli(
    generators: Generators, p: float | Tensor, *shape: int, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Zeros and ones [K, *shape]; P(one) = p, a number or one per row [K]."""
    p = torch.as_tensor(p)
    return (uniforms(generators, *shape) < p.reshape(-1, *(1 for _ in shape))).to(dtype)
