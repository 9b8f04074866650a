"""Curvature of the loss: Hessian-vector products and the top Hessian eigenvalue of many rows at once.

The Hessian is never formed: the gradient's graph is built once and differentiated again along a vector (Pearlmutter
1994). The top eigenvalue comes from the Lanczos iteration with full re-orthogonalisation, which needs far fewer
products than the power iteration and finds the largest eigenvalue, not the largest in size.

Shapes: K rows, P parameters, m iterations. f is any function theta [K, P] -> [K] whose row k depends on theta[k] only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core.engine import MLP, Generators, Loss, normals

Rows = Callable[[Tensor], Tensor]


def loss_of(mlp: MLP, x: Tensor, y: Tensor, loss: Loss) -> Rows:
    """theta [K, P] -> loss [K] on the whole of x [1, d, N], batch norm normalising by that whole batch."""
    return lambda theta: loss.value(mlp.forward(theta, x, train=True), y)


def hessian_product(f: Rows, theta: Tensor) -> Callable[[Tensor], Tensor]:
    """v [K, P] -> Hv [K, P], where H of row k is the Hessian of f at theta[k]."""
    with torch.enable_grad():
        leaf = theta.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(f(leaf).sum(), leaf, create_graph=True)

    def product(v: Tensor) -> Tensor:
        if not slope.requires_grad:  # a gradient that does not depend on theta
            return torch.zeros_like(v)
        (out,) = torch.autograd.grad(slope, leaf, v, retain_graph=True, allow_unused=True)
        return torch.zeros_like(v) if out is None else out.detach()

    return product


def lanczos(product: Callable[[Tensor], Tensor], start: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """The Lanczos tridiagonal of each row: (diagonal [K, m], off-diagonal [K, m − 1]), from start [K, P].

    A row whose Krylov space is exhausted early goes on with zeros, which adds eigenvalues 0 to its tridiagonal.
    """
    basis = [_unit(start)]
    diagonal, off = [], []
    for _ in range(iterations):
        w = product(basis[-1])
        diagonal.append((w * basis[-1]).sum(1))
        if len(basis) == iterations:
            break
        size = w.norm(dim=1)
        known = torch.stack(basis, 1)
        for _ in range(2):  # once leaves rounding errors that bring copies of eigenvalues back
            w = w - torch.einsum("km,kmp->kp", torch.einsum("kmp,kp->km", known, w), known)
        beta = w.norm(dim=1)
        beta = torch.where(beta > 1e-5 * size, beta, torch.zeros_like(beta))
        off.append(beta)
        basis.append(torch.where(beta[:, None] > 0, w / beta[:, None].clamp_min(1e-30), torch.zeros_like(w)))
    return torch.stack(diagonal, 1), torch.stack(off, 1) if off else start.new_zeros(len(start), 0)


def _unit(v: Tensor) -> Tensor:
    return v / v.norm(dim=1, keepdim=True)


def top_eigenvalue(f: Rows, theta: Tensor, generators: Generators, iterations: int = 20) -> Tensor:
    """The largest Hessian eigenvalue of f at every row of theta [K, P]; [K], NaN where the row is not finite.

    generators: one for each row, for the start vectors. Lanczos comes from below: the value is the largest Rayleigh
    quotient over the space that was searched, so it never exceeds the eigenvalue.
    """
    P = theta.shape[1]
    m = min(iterations, P)
    start = normals(generators, P, dtype=theta.dtype)
    diagonal, off = lanczos(hessian_product(f, theta), start, m)
    finite = torch.isfinite(diagonal).all(1) & torch.isfinite(off).all(1)
    T = torch.diag_embed(diagonal) + torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
    T = torch.where(finite[:, None, None], T, torch.zeros_like(T))
    return torch.where(finite, torch.linalg.eigvalsh(T.double())[:, -1].to(theta.dtype), torch.nan)
