"""What the pictures of landscapes show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import torch
from torch import Tensor

from core.lessons import loss_landscapes_words as words
from core.lessons.loss_landscapes import Config, Result, seen
from core.lessons.loss_landscapes_lab import NETS, SEGMENTS
from core.moments import NEVER
from core.words import short

WAITING = "This picture is still being computed."


def _name(net: str) -> str:
    return NETS.get(net, "The path")


def _said(value: float) -> str:
    return short(value, 3) if abs(value) < torch.inf else "no longer finite"


def _each(result: Result, first: Tensor, last: Tensor) -> str:
    """From where to where, for each landscape; first, last [M]."""
    return "; ".join(f"{_name(net).lower()} from {_said(float(a))} to {_said(float(b))}"
                     for net, a, b in zip(result.nets, first, last, strict=True))


def plane(result: Result, scene: Config) -> str:
    return seen(result, scene).replace("**", "")


def landscape(result: Result, m: int, shape: str) -> str:
    """Plane or surface of landscape m."""
    if result.grid is None:
        return WAITING
    known = result.grid[m][result.grid[m].isfinite()]
    heights = f"losses from {_said(float(known.min()))} to {_said(float(known.max()))}" if len(known) else "no finite loss so far"
    count = NEVER if result.basins is None else int(result.basins[m])
    basins = "" if count == NEVER else f", {words.count(count)}" if result.problem == "network" else f", local minima: {count}"
    return f"{_name(result.nets[m])}: the plane as {shape}, {heights}{basins}."


def loss(result: Result) -> str:
    if not len(result.losses):
        return WAITING
    return f"Loss against step: {_each(result, result.losses[0], result.losses[-1])}."


def off_plane(result: Result, m: int) -> str:
    if result.off_plane is None or result.moved is None:
        return WAITING
    return (f"The path starts {_said(float(result.moved[0, m]))} from the plane's origin and "
            f"{_said(float(result.off_plane[0, m]))} from the plane.")


def sharpness(result: Result) -> str:
    if result.sharpness is None:
        return WAITING
    ends = _each(result, result.sharpness[0], result.sharpness[-1])
    return f"Top Hessian eigenvalue along the path: {ends}; the limit is {short(result.limit, 3)}."


def segments(result: Result, m: int) -> str:
    if not result.barriers:
        return WAITING
    heights = {name: words.barrier(result, name, m) for name in SEGMENTS}
    barriers = [f"{SEGMENTS[name].lower()} {'no finite loss' if height is None else words.told(height)}"
                for name, height in heights.items()]
    return f"Barriers on the straight ways: {'; '.join(barriers)}."


def final_losses(result: Result) -> str:
    if result.final_losses is None:
        return WAITING
    parts = []
    for k, net in enumerate(result.nets):
        ends = result.final_losses[:, k]
        ends = ends[ends.isfinite()]
        spread = f"from {_said(float(ends.min()))} to {_said(float(ends.max()))}" if len(ends) else "none finite"
        parts.append(f"{NETS[net].lower()} {spread}")
    return f"Losses at the last step over {len(result.final_losses)} starts: {'; '.join(parts)}."


def rescaled(result: Result) -> str:
    if not result.rescaled:
        return "The net without skips diverged, or its rescaled twins are still being measured."
    loss, sharp = result.rescaled["loss"], result.rescaled["sharpness"]
    sharp, loss = (values[values.isfinite()] for values in (sharp, loss))
    if not len(sharp) or not len(loss):
        return "Curvature or loss of the rescaled twins is not finite."
    return (f"Over the factors λ_max runs from {_said(float(sharp.min()))} to {_said(float(sharp.max()))}, the loss from "
            f"{short(loss.min(), 4)} to {short(loss.max(), 4)}.")
