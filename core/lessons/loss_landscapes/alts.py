"""Alternative texts: what each picture tells whoever does not see it."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_percent
from core.lessons.loss_landscapes.lab import NETS, SEGMENTS
from core.lessons.loss_landscapes.lesson import Config, Result
from core.lessons.loss_landscapes.words import barrier, edge, format_barrier, format_basins, format_loss
from core.moments import NEVER

WAITING = "This picture is still being computed."


def _name(net: str) -> str:
    return NETS.get(net, "The path")


def _each(result: Result, first: Tensor, last: Tensor) -> str:
    """From where to where, for each landscape; first, last [M]."""
    return "; ".join(f"{_name(net).lower()} from {format_loss(float(a))} to {format_loss(float(b))}"
                     for net, a, b in zip(result.nets, first, last, strict=True))


def _about_path(result: Result, m: int) -> str:
    """How much of the path of landscape m lies in its plane; "" where that cannot be told."""
    first, moved = float(result.off_plane[0, m]), float(result.moved[0, m])
    if result.kinds[m] == "trajectory" and bool(result.explained[m].isfinite().all()):
        share, far = float(result.explained[m].sum()), float(result.off_plane[:, m].max())
        return (f"The plane holds {format_percent(share, 1)} of the path's variance; the path leaves it by up to "
                f"{format_number(far)}, and its start is {format_number(moved)} from its end.")
    if result.kinds[m] == "segment" or result.diverged_at[m] != NEVER or not 0 < moved < float("inf"):
        return ""
    return (f"The start and the end of training are {format_number(moved)} apart, of which (squared) "
            f"{format_percent(1 - (first / moved) ** 2, 1)} lies in the plane.")


def _limit(scene: Config) -> str:
    return "2/ε" if scene.alpha == 0 else "2(1 + α)/ε"


def _stability(result: Result, scene: Config, m: int) -> str:
    """Where curvature ends beside the limit of stability, and whether the run began above it and found a flatter place."""
    if result.sharpness is None or result.sharpness_steps is None or not bool(result.sharpness[-1, m].isfinite()):
        return ""
    along = result.sharpness[:, m] / result.limit
    text = ""
    flatter = (along.abs() < 1).nonzero()
    if float(along[0]) > 1 and len(flatter):
        k = int(flatter[0])
        losses = result.losses[: int(result.sharpness_steps[k]) + 1, m]
        top, start = float(losses.max()), float(losses[0])
        rises = "even so"
        if top > start:
            rises = f"the loss first rises from {format_number(start)} to {format_number(top)}, and then"
        text = (f"The start is too steep, with λ at {format_number(along[0])} times the limit {_limit(scene)}: {rises} step "
                f"{int(result.sharpness_steps[k])} is at a flatter place, with {format_number(along[k])} times. ")
    return text + (f"At the end λ is {format_number(result.sharpness[-1, m])}, {format_number(along[-1])} times the limit "
                   f"{_limit(scene)} = {format_number(result.limit)}: {edge(along[-1])} the edge of stability.")


def _round_start(result: Result, m: int) -> str:
    gone = int(result.diverged_at[m])
    return f" round the start, as training diverged at step {gone}," if result.problem == "network" and gone != NEVER else ""


def landscape(result: Result, m: int, shape: str) -> str:
    """Plane or surface of landscape m."""
    if result.grid is None:
        return WAITING
    known = result.grid[m][result.grid[m].isfinite()]
    heights = "no finite loss so far"
    if len(known):
        heights = f"losses from {format_loss(float(known.min()))} to {format_loss(float(known.max()))}"
    found = NEVER if result.basins is None else int(result.basins[m])
    basins = "" if found == NEVER else f", {format_basins(found)}" if result.problem == "network" else f", local minima: {found}"
    bends, path = "", ""
    if result.bends_down is not None and bool(result.bends_down[m].isfinite()):
        bends = f", about {format_percent(result.bends_down[m])} of it curving downwards"
    if result.problem == "network" and result.off_plane is not None and result.moved is not None:
        path = f" {_about_path(result, m)}".rstrip()
    return f"{_name(result.nets[m])}: the plane{_round_start(result, m)} as {shape}, {heights}{basins}{bends}.{path}"


def near(result: Result, m: int) -> str:
    """The part of landscape m's plane round the path."""
    if result.near is None or result.path is None or result.projection_loss is None:
        return WAITING
    known = result.near[m][result.near[m].isfinite()]
    heights = "no finite loss"
    if len(known):
        heights = f"losses from {format_loss(float(known.min()))} to {format_loss(float(known.max()))}"
    first, last = (format_loss(float(v)) for v in result.projection_loss[[0, -1], m])
    return (f"{_name(result.nets[m])}: the plane{_round_start(result, m) or ' near the path,'} {heights}; on the path's shadow "
            f"the loss goes from {first} to {last}.")


def loss(result: Result) -> str:
    if not len(result.losses):
        return WAITING
    return f"Loss against step: {_each(result, result.losses[0], result.losses[-1])}."


def off_plane(result: Result, m: int) -> str:
    if result.off_plane is None or result.moved is None:
        return WAITING
    return (f"The path starts {format_loss(float(result.moved[0, m]))} from the plane's origin and "
            f"{format_loss(float(result.off_plane[0, m]))} from the plane.")


def sharpness(result: Result, scene: Config) -> str:
    if result.sharpness is None:
        return WAITING
    ends = _each(result, result.sharpness[0], result.sharpness[-1])
    m = result.nets.index(scene.skips) if scene.problem == "network" else 0
    return (f"Top Hessian eigenvalue λ along the path: {ends}; the limit is {format_number(result.limit, 3)}. "
            f"{_name(result.nets[m])}: {_stability(result, scene, m) or 'no curvature is known at the end.'}")


def segments(result: Result, m: int) -> str:
    if not result.barriers:
        return WAITING
    heights = {name: barrier(result, name, m) for name in SEGMENTS}
    barriers = [f"{SEGMENTS[name].lower()} {'no finite loss' if height is None else format_barrier(height)}"
                for name, height in heights.items()]
    return f"Barriers on the straight ways: {'; '.join(barriers)}."


def final_losses(result: Result) -> str:
    if result.final_losses is None:
        return WAITING
    parts = []
    for k, net in enumerate(result.nets):
        ends = result.final_losses[:, k]
        ends = ends[ends.isfinite()]
        spread = f"from {format_loss(float(ends.min()))} to {format_loss(float(ends.max()))}" if len(ends) else "none finite"
        parts.append(f"{NETS[net].lower()} {spread}")
    return f"Losses at the last step over {len(result.final_losses)} starts: {'; '.join(parts)}."


def rescaled(result: Result) -> str:
    if not result.rescaled:
        return "The net without skips diverged, or its rescaled twins are still being measured."
    loss, sharp = result.rescaled["loss"], result.rescaled["sharpness"]
    sharp, loss = (values[values.isfinite()] for values in (sharp, loss))
    if not len(sharp) or not len(loss):
        return "Curvature or loss of the rescaled twins is not finite."
    return (f"Over the factors λ runs from {format_loss(float(sharp.min()))} to {format_loss(float(sharp.max()))}, the loss from "
            f"{format_number(loss.min(), 4)} to {format_number(loss.max(), 4)}.")
