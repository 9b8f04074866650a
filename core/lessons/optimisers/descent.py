"""Methods that use curvature or a line search, one parameter vector at a time.

Each is a generator: `x` is a float64 vector [P]; what it yields is (x, evaluations), where evaluations counts
gradients, a Hessian–vector product counting as one and a Hessian as P. They raise nothing on divergence: the
values go where the method sends them, and a caller that sees a non-finite one stops asking.

Sources: Nocedal & Wright, Numerical Optimization, 2nd ed.: line search 3.5–3.6, L-BFGS 7.4; Polak–Ribière with
restart (PR+) in section 5.2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Step = tuple[Tensor, int]


@dataclass(frozen=True)
class Objective:
    """A function of one vector [P]."""

    value: Callable[[Tensor], Tensor]  # -> []
    gradient: Callable[[Tensor], Tensor]  # -> [P]
    hessian: Callable[[Tensor], Tensor]  # -> [P, P], for Newton
    curvature: Callable[[Tensor, Tensor], Tensor]  # dᵀ H(x) d, a scalar


def newton(f: Objective, x: Tensor) -> Iterator[Step]:
    """x ← x − H⁻¹g: one step to the minimum of a quadratic, and as happily to a saddle or a maximum."""
    while True:
        x = x - _solve(f.hessian(x), f.gradient(x))
        yield x, 1 + x.numel()


def damped_newton(f: Objective, x: Tensor, floor: float = 1.0) -> Iterator[Step]:
    """x ← x − (H + μI)⁻¹g with the smallest μ ≥ 0 that lifts every eigenvalue to at least `floor`.

    Where the curvature is above the floor it is Newton's method; near a saddle it goes downhill.
    """
    while True:
        x = x - _solve(damped_hessian(f.hessian(x), floor), f.gradient(x))
        yield x, 1 + x.numel()


def damped_hessian(h: Tensor, floor: float) -> Tensor:
    """H + μI with the smallest μ ≥ 0 for which all eigenvalues are at least `floor`; h is [..., P, P]."""
    if not torch.isfinite(h).all():
        return h
    mu = (floor - torch.linalg.eigvalsh(h)[..., 0]).clamp_min(0)
    return h + mu[..., None, None] * torch.eye(h.shape[-1], dtype=h.dtype)


def _solve(h: Tensor, g: Tensor) -> Tensor:
    # A singular Hessian has no Newton step; infinity is what the formula gives, and the caller sees it as such.
    step, info = torch.linalg.solve_ex(h, g)
    return step if int(info) == 0 else torch.full_like(g, torch.inf)


def conjugate_gradient(f: Objective, x: Tensor) -> Iterator[Step]:
    """Non-linear conjugate gradient, PR+: on a quadratic of n variables it arrives in at most n steps."""
    g = f.gradient(x)
    d = -g
    while True:
        slope = float(g @ d)
        if slope >= 0:
            d, slope = -g, -float(g @ g)
        bend = float(f.curvature(x, d))
        trial = -slope / bend if bend > 0 else 1.0 / max(float(d.norm()), 1e-12)
        t, count = line_search(f, x, d, slope, trial, c2=0.1)
        x = x + t * d
        new = f.gradient(x)
        beta = max(0.0, float(new @ (new - g)) / max(float(g @ g), 1e-300))
        d, g = -new + beta * d, new
        yield x, count + 2


def lbfgs(f: Objective, x: Tensor, memory: int = 10) -> Iterator[Step]:
    """Quasi-Newton with the last `memory` pairs of steps and gradient changes standing for the Hessian."""
    g = f.gradient(x)
    pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=memory)
    while True:
        d = -two_loop(g, pairs)
        slope = float(g @ d)
        trial = 1.0 if pairs else min(1.0, 1.0 / max(float(g.abs().sum()), 1e-12))
        t, count = line_search(f, x, d, slope, trial, c2=0.9)
        new_x = x + t * d
        new_g = f.gradient(new_x)
        s, y = new_x - x, new_g - g
        if float(s @ y) > 1e-12 * float(y @ y) > 0:
            pairs.append((s, y))
        x, g = new_x, new_g
        yield x, count + 1


def two_loop(g: Tensor, pairs: deque[tuple[Tensor, Tensor]]) -> Tensor:
    """H⁻¹g by the two-loop recursion over (s, y) pairs, oldest first; the identity scaled where there are none."""
    q, alphas = g.clone(), []
    for s, y in reversed(pairs):
        a = (s @ q) / (s @ y)
        q -= a * y
        alphas.append(a)
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), a in zip(pairs, reversed(alphas), strict=True):
        q += (a - (y @ q) / (s @ y)) * s
    return q


def line_search(f: Objective, x: Tensor, d: Tensor, slope: float, trial: float, c1: float = 1e-4,
                c2: float = 0.9, tries: int = 25) -> tuple[float, int]:
    """A step length that meets the strong Wolfe conditions along d, by bracketing and bisection.

    slope is gᵀd < 0 at x. Returns (t, gradients evaluated); after `tries` it settles for the best length so far.
    """
    start = float(f.value(x))
    low, high, t, best = 0.0, float("inf"), trial, (start, 0.0)
    for count in range(1, tries + 1):
        value = float(f.value(x + t * d))
        if value < best[0]:
            best = (value, t)
        if not value <= start + c1 * t * slope:
            high = t
        else:
            now = float(f.gradient(x + t * d) @ d)
            if abs(now) <= -c2 * slope:
                return t, count
            if now > 0:
                high = t
            else:
                low = t
        t = 2 * t if high == float("inf") else 0.5 * (low + high)
    return best[1], tries
