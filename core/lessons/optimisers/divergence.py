"""When a path leaves the map, and why: the inequality that broke, where there is one."""

from __future__ import annotations

import torch
from torch import Tensor

from core import surfaces
from core.engine import SGD
from core.formatting import format_number
from core.lessons.optimisers import quadratic
from core.question import Verdict
from core.surfaces import Surface

TRIAL = 200  # steps: an ε 1 % beyond the limit makes the distance grow some fiftyfold


def outside(p: Tensor, surface: Surface) -> Tensor:
    """Whether points [..., 2] lie outside the frame widened by its own size on every side, or are not finite."""
    (x0, x1), (y0, y1) = surface.x_range, surface.y_range
    dx, dy = x1 - x0, y1 - y0
    x, y = p[..., 0], p[..., 1]
    inside = (x > x0 - dx) & (x < x1 + dx) & (y > y0 - dy) & (y < y1 + dy)
    return ~inside


def why_left(surface: Surface, method: str, path: Tensor, left: int, learning_rate: float, alpha: float) -> str:
    """Why a whole path [T+1, 2] is outside from step `left` on, in words that follow that step and a colon."""
    if left > 0:
        return divergence_reason(surface, method, path[: left + 1], learning_rate, alpha)
    values = surface.value(path)
    if bool(values[-1] <= values[0]):
        return (f"it starts far outside, and {len(path) - 1} steps bring its loss from {format_loss(values[0])} to "
                f"{format_loss(values[-1])} only")
    first = int((~(values[1:] <= values[:-1])).long().argmax()) + 1
    why = divergence_reason(surface, method, path[: first + 1], learning_rate, alpha)
    return f"it starts far outside, and its loss first rises at step {first}: {why}"


def past_limit(surface: Surface, learning_rate: float) -> bool:
    """Whether gradient descent diverges from almost every start, as theory knows of a quadratic alone."""
    return surface.quadratic and learning_rate * float(surface.hessian(torch.zeros(2)).max()) > 2


def by_noise(left: int) -> str:
    """Why mini-batch SGD is outside from step `left` on where gradient descent from the same start is not."""
    way = "it starts far outside, and its noise keeps it there" if left == 0 else "its noise takes it there"
    return f"{way}; gradient descent, the same without noise, does not end there"


def divergence_reason(surface: Surface, method: str, path: Tensor, learning_rate: float, alpha: float) -> str:
    """Why a path [t+1, 2] left at its last step, read off that step and off the curvature of the places inside, if any."""
    before, after = path[-2], path[-1]
    rises = not bool(surface.value(after) < surface.value(before))
    if method in ("sgd", "noisy_sgd", "momentum", "nesterov"):
        inside = path[~outside(path, surface)]
        top = float(torch.linalg.eigvalsh(surface.hessian(inside if len(inside) else path[:-1]))[:, 1].max())
        limit = quadratic.stability_limit(method, alpha)
        product = learning_rate * top
        # On a quadratic a theorem; elsewhere the limit of a step that is sure to lower the loss, where it did not.
        if product > limit and (surface.quadratic or rises):
            where = "" if surface.quadratic else " on its way"
            return (f"ε·λ = {format_number(product, 3)} > {format_number(limit, 3)} with the steepest curvature{where}, "
                    f"λ = {format_number(top, 3)}")
    if method == "newton":
        return _newton_step(surface, before, after - before)
    if rises:
        return f"that step raises the loss from {format_loss(surface.value(before))} to {format_loss(_height(surface, after))}"
    return f"that step still lowers the loss, from {format_loss(surface.value(before))} to {format_loss(surface.value(after))}"


def _newton_step(surface: Surface, place: Tensor, step: Tensor) -> str:
    """What made a step of Newton's method long, and which way it points at first."""
    low, high = torch.linalg.eigvalsh(surface.hessian(place)).tolist()
    if not bool(torch.isfinite(step).all()):
        return f"the Hessian has no inverse there, with the eigenvalues {format_number(low)} and {format_number(high)}"
    way = "uphill" if float(surface.gradient(place) @ step) > 0 else "downhill"
    return (f"it divides the slope by the Hessian's eigenvalues, {format_number(low)} and {format_number(high)} there, "
            f"so that its step is {format_number(step.norm())} long, {way} at first")


def format_loss(value: float | Tensor, digits: int = 3) -> str:
    """A loss or a distance in words. It is not said to be 0: its float is, and that may be rounding."""
    return format_number(value, digits) if value else "0 up to rounding"


def _height(surface: Surface, place: Tensor) -> Tensor:
    """The loss, infinite where its formula overflows."""
    return surface.value(place).nan_to_num(torch.inf, torch.inf)


def trial(rate: float, kappa: float) -> float:
    """The distance from the ravine's minimum after TRIAL steps of gradient descent from (0, 1), where it is steepest."""
    surface, descend = surfaces.surface("ravine", kappa), SGD(rate)
    theta = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    state = descend.init(theta)
    for _ in range(TRIAL):
        descend.step(theta, surface.gradient(theta), state)
    return float(theta.norm().nan_to_num(torch.inf, torch.inf))


def judge(rate: float, kappa: float, tolerance: float) -> Verdict:
    """Whether the limit of gradient descent on the ravine lies within `tolerance` of a rate, by a trial on either side."""
    slower, faster = (1 - tolerance) * rate, (1 + tolerance) * rate
    below, above = trial(slower, kappa), trial(faster, kappa)
    ran = (f"{TRIAL} steps from (0, 1), a distance of 1: at ε = {format_number(slower, 4)} the distance becomes "
           f"{format_loss(below)}, "
           f"at ε = {format_number(faster, 4)} it becomes {format_loss(above)}.")
    if below >= 1:
        return Verdict(False, f"{ran} The smaller one does not converge either, so the limit is lower.")
    if above < 1:
        return Verdict(False, f"{ran} The larger one still converges, so the limit is higher.")
    return Verdict(True, f"{ran} One converges and the other does not: the limit is 2/κ = "
                         f"{format_number(2 / kappa, 4)}.")
