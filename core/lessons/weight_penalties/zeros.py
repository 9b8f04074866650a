"""Where weights are zero between the strengths that are fitted: L1 holds one at zero from some α on, L2's pass through it.

Both are found from the conditions of a minimum, so that what is told of them does not depend on the strengths that were
fitted.
Where J is analytic in w and convex, the L2 fit is analytic in α; a weight that is not zero throughout is therefore zero at
single α only.

Shapes: A strengths, P parameters, W penalised weights, K rows, each a fit near the α that is looked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties.problem import Problem, gone_from, half_squared

BETWEEN, DEEP = 15, 3  # more strengths between two in which a weight reaches zero for good, and how often
NEWTON = 12


def held_from(problem: Problem, theta: Tensor, alphas: Tensor, part: float) -> Iterator[Tensor]:
    """The α from which on each weight is exactly zero, [W]: the least of `alphas` where it is zero throughout, inf where it is
    alive at the last. theta [A, P]: the fits; part: ρ, the penalty's part of L1, above 0. The last that is yielded is the
    answer; before it, again and again, the least of `alphas` that a weight is zero from.

    Exact for L1 with a squared loss. Otherwise a weight that comes and goes between two neighbours of `alphas` is missed.
    """
    free = problem.mask > 0
    gone = torch.tensor(gone_from(theta[:, free]))
    out = torch.where(gone < len(alphas), alphas[gone.clamp(max=len(alphas) - 1)], torch.inf)
    if problem.loss is half_squared and part == 1:
        yield torch.where(out.isfinite(), _births(*_moments(problem), float(alphas[0])), out)
        return
    inner = ((gone > 0) & (gone < len(alphas))).nonzero()[:, 0]
    place, after = free.nonzero()[inner, 0], gone[inner]
    alive, rest, low, high = theta[after - 1], theta[after], alphas[after - 1], alphas[after]
    share = torch.linspace(0, 1, BETWEEN + 2, dtype=alphas.dtype)
    found, open_ = torch.full_like(low, torch.nan), torch.arange(len(inner))
    for _ in range(DEEP):
        at = _zero_of(problem, alive[open_], low[open_], place[open_], part)
        yield out
        hit = (at >= low[open_]) & (at <= high[open_])
        found[open_[hit]] = at[hit]
        open_ = open_[~hit]
        if not len(open_):
            break
        # Others come or go on the same way: more fits on it, one set for all weights that share it.
        _, where = high[open_].unique(return_inverse=True)
        one = torch.stack([(where == k).nonzero()[0, 0] for k in range(int(where.max()) + 1)])
        ways = open_[one]
        finer = torch.lerp(low[ways].log()[:, None], high[ways].log()[:, None], share).exp()
        rows = finer[:, 1:-1].reshape(-1, 1)
        fitted = rest[ways].repeat_interleave(BETWEEN, 0)
        for fit in proximal.fista(problem.gradient(), problem.curvature(), fitted, part * rows, (1 - part) * rows,
                                  penalised=problem.mask, tolerance=1e-7):
            fitted = fit.w
            yield out
        every = torch.cat([alive[ways][:, None], fitted.unflatten(0, (-1, BETWEEN)), rest[ways][:, None]], 1)
        dead = torch.tensor(gone_from(every[where, :, place[open_]].T))
        alive[open_], rest[open_] = every[where, dead - 1], every[where, dead]
        low[open_], high[open_] = finer[where, dead - 1], finer[where, dead]
    # Where even these do not part them, the α is known to one part in thousands.
    yield out.index_put((inner,), torch.where(found.isnan(), high, found))


def _moments(problem: Problem) -> tuple[Tensor, Tensor]:
    """XᵀX/N and Xᵀt/N of columns that are centred, as the best bias leaves them."""
    x, t = problem.x["train"][0], problem.y["train"][0, 0]
    x = x - x.mean(1, keepdim=True)
    return x @ x.T / x.shape[1], x @ t / x.shape[1]


def _births(gram: Tensor, moment: Tensor, lowest: float) -> Tensor:
    """Where each weight of the lasso moves for the first time as α falls, [W]; `lowest` where it does not before. The path is
    piecewise linear, so one event follows from the last (Efron et al. 2004)."""
    w, slope = torch.zeros_like(moment), moment.clone()
    alpha, first = slope.abs().max(0)
    out = torch.full_like(moment, lowest)
    active = torch.zeros_like(moment, dtype=torch.bool)
    active[first], out[first] = True, alpha
    for _ in range(20 * len(w)):
        way = torch.zeros_like(w)
        # The weights of the active set per unit by which α falls, and the slopes of J with them.
        way[active] = torch.linalg.solve(gram[active][:, active], slope[active].sign())
        fall = gram @ way
        meets = torch.stack([(alpha - slope) / (1 - fall), (alpha + slope) / (1 + fall)])
        meets[:, active] = torch.inf
        leaves = torch.where(active, -w / way, torch.inf)
        events = torch.cat([meets, leaves[None]])
        events[~(events > 1e-12 * alpha)] = torch.inf  # the last event itself
        step, which = events.flatten().min(0)
        if step >= alpha - lowest:
            break
        kind, j = divmod(int(which), len(w))
        w, slope, alpha = w + step * way, slope - step * fall, alpha - step
        active[j] = kind < 2
        if kind == 2:
            w[j] = 0
        else:
            out[j] = torch.maximum(out[j], alpha)
    return out


def passages(problem: Problem, theta: Tensor, alphas: Tensor) -> Tensor:
    """Where L2 fits pass through zero from the first of `alphas` to the last: weight and α, [n, 2], in the order of α.

    theta [A, P]: the fits. Of least squares all passages, of another loss those that two neighbouring fits enclose.
    """
    if problem.loss is half_squared:
        found = _least_squares(problem, float(alphas[0]), float(alphas[-1]))
    else:
        free = (problem.mask > 0).nonzero()[:, 0]
        w = theta[:, free]
        i, j = (w[1:] * w[:-1] < 0).nonzero().unbind(1)
        at = _zero_of(problem, (theta[i] + theta[i + 1]) / 2, (alphas[i] * alphas[i + 1]).sqrt(), free[j], 0.0)
        inside = (at > alphas[i]) & (at < alphas[i + 1])
        found = list(zip(j[inside].tolist(), at[inside].tolist(), strict=True))
    return torch.tensor(sorted(found, key=lambda passage: passage[1]), dtype=torch.float64).reshape(-1, 2)


def _least_squares(problem: Problem, low: float, high: float) -> list[tuple[int, float]]:
    """w(α) = (G + αI)⁻¹c. If weight i is zero, (G + αI) w = c and c = c_i e_i-th row of it give G w − c (G w)_i/c_i = −αw:
    −α is an eigenvalue of (I − c e_iᵀ/c_i) G, and every real one but 0 is such a passage."""
    gram, moment = _moments(problem)
    # Minus the part of every row that its i-th row explains: [W, W, W].
    reduced = gram - (moment / moment[:, None])[..., None] * gram[:, None, :]
    values = torch.linalg.eigvals(reduced)
    return [(i, -value.real) for i, row in enumerate(values.tolist()) for value in row
            if value.imag == 0 and low < -value.real < high]


def _zero_of(problem: Problem, theta: Tensor, alpha: Tensor, weight: Tensor, part: float) -> Tensor:
    """The α near `alpha` [K] at which the weight `weight` [K] of the fit `theta` [K, P] is zero, by Newton's method.

    Unknown are the parameters that are not zero and α; they meet the conditions of a minimum, and the weight's own value is
    0. NaN where the steps lead nowhere, or to what is no minimum.
    """
    design, t = problem.design, problem.y["train"][0, 0]
    K, P = theta.shape
    k, mask = torch.arange(K), problem.mask
    active, sign = (theta != 0) | (mask == 0), theta.sign()
    for _ in range(NEWTON):
        out = theta @ design.T
        if problem.loss is half_squared:
            residual, bend = out - t, torch.ones_like(out)
        else:
            p = out.sigmoid()
            residual, bend = p - t, p * (1 - p)
        push = mask * (part * sign + (1 - part) * theta)
        slope = residual @ design / len(t) + alpha[:, None] * push
        hessian = design.T @ (bend[..., None] * design) / len(t) + torch.diag_embed(alpha[:, None] * (1 - part) * mask)
        system = theta.new_zeros(K, P + 1, P + 1)
        system[:, :P, :P] = torch.where(active[..., None], hessian, torch.eye(P, dtype=theta.dtype))
        system[:, :P, P] = torch.where(active, push, 0)
        system[k, P, weight] = 1
        step, failed = torch.linalg.solve_ex(system, torch.cat([torch.where(active, slope, theta), theta[k, weight, None]], 1))
        theta, alpha = theta - step[:, :P], alpha - step[:, P]
        alpha = torch.where(failed > 0, torch.nan, alpha)
    settled = step.abs().amax(1) <= 1e-8 * (1 + theta.abs().amax(1))
    # The solution is a minimum if the weights that move kept their signs and the others may rest.
    kept = ((theta * sign > -1e-9) | ~active | (mask == 0)).all(1) if part else True
    rests = (active | (slope.abs() <= part * alpha[:, None] * (1 + 1e-7))).all(1)
    return torch.where(settled & kept & rests, alpha, torch.nan)
