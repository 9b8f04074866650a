"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, stack

from core import surfaces
from core.formatting import format_number
from core.lessons.loss_landscapes.lab import NETS, SEGMENTS
from core.lessons.loss_landscapes.lesson import DEEP, FITTED, REACH, Config, Result
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict

FLAT = 1e-5  # a barrier below it, as a part of the loss at the ends, is rounding


BENDS = 0.05  # a clear difference between the parts of two planes that curve downwards


def roughness(result: Any) -> str:
    if int(result.basins.min()) == NEVER:
        return "The second plane is still being evaluated."
    plain, skips = describe_basins(result)
    verdict = {"plain": "rougher by both counts", "skips": "smoother by both counts",
               "neither": "neither clearly rougher nor clearly smoother"}[rougher_net(result)]
    return (f"**Without skips** the plane has {plain}; **with skips** it has {skips}: here the net without skips is "
            f"**{verdict}**.")


def rougher_net(result: Any) -> str:
    """The net whose plane has more basins and clearly more of its area curving downwards, or neither."""
    basins = int(result.basins[0] - result.basins[1])
    bends = float(result.bends_down[0] - result.bends_down[1])
    return "plain" if basins > 0 and bends > BENDS else "skips" if basins < 0 and bends < -BENDS else "neither"


def describe_basins(result: Any) -> list[str]:
    """Basins and bends of each net's plane, in words."""
    return [format_basins(int(n)) + ("" if share != share else f", and about {share:.0%} of it curves downwards")
            for n, share in zip(result.basins, result.bends_down.tolist(), strict=True)]


def format_basins(basins: int) -> str:
    """As exactly as the grid allows: where there are many, the finest ones lie between its points."""
    if basins > 12:
        return "more than a dozen basins"
    return "no finite loss" if basins == 0 else "one basin" if basins == 1 else f"about {basins} basins"


def about_plane(result: Any, scene: Any, m: int) -> str:
    if result.kinds[m] == "segment" and result.barriers:
        known = barriers(result, scene)
        if known is None:
            return " One of the two solutions has no finite loss, so the way between them is not told."
        before, after = known
        other = "its own twin" if scene.second == "twin" else "another start's net"
        crossed = f"a barrier of {format_barrier(before)}" if before else "no barrier"
        matched = f"one of {format_barrier(after)}" if after else "none"
        return f" The straight way to {other} crosses {crossed}; with the hidden units matched, {matched}."
    first = float(result.off_plane[0, m])
    moved = float(result.moved[0, m])
    if result.kinds[m] == "trajectory" and bool(result.explained[m].isfinite().all()):
        share, far = float(result.explained[m].sum()), float(result.off_plane[:, m].max())
        return (f" The plane holds {share:.1%} of the path's variance; the path leaves it by up to "
                f"{format_number(far)}, and its start "
                f"is {format_number(moved)} from its end.")
    if result.diverged_at[m] != NEVER or not 0 < moved < float("inf"):
        return ""
    return (f" The start and the end of training are {format_number(moved)} apart, of which (squared) "
            f"{1 - (first / moved) ** 2:.1%} "
            "lies in the plane.")


def _limit(scene: Any) -> str:
    return "2/ε" if scene.alpha == 0 else "2(1 + α)/ε"


def stability(result: Any, scene: Any, m: int) -> str:
    """Where curvature ends beside the limit of stability, and whether the run began above it and found a flatter place."""
    if result.sharpness is None or result.sharpness_steps is None or not bool(result.sharpness[-1, m].isfinite()):
        return ""
    along = result.sharpness[:, m] / result.limit
    text = ""
    flatter = (along < 1).nonzero()
    if float(along[0]) > 1 and len(flatter):
        k = int(flatter[0])
        losses = result.losses[: int(result.sharpness_steps[k]) + 1, m]
        top, start = float(losses.max()), float(losses[0])
        rises = "even so"
        if top > start:
            rises = f"the loss first rises from {format_number(start)} to {format_number(top)}, and then"
        text = (f" The start is too steep, with λ_max at {format_number(along[0])} times the limit {_limit(scene)}: {rises} step "
                f"{int(result.sharpness_steps[k])} is at a flatter place, with {format_number(along[k])} times.")
    end = float(along[-1])
    side = "inside" if end < 0.9 else "at" if end <= 1.1 else "beyond"
    return text + (f" At the end λ_max is {format_number(result.sharpness[-1, m])}, {format_number(end)} times the "
                   f"limit {_limit(scene)} = "
                   f"{format_number(result.limit)}: {side} the edge of stability.")


def barriers(result: Any, scene: Any) -> tuple[float, float] | None:
    """The barriers to the second solution as it is and with its units matched; None where one cannot be told."""
    m = result.nets.index(scene.skips)
    before, after = (barrier(result, name, m) for name in (scene.second, f"{scene.second}_matched"))
    return None if before is None or after is None else (before, after)


def barrier(result: Any, name: str, m: int) -> float | None:
    """The barrier of one segment, 0 where only rounding is left, None where an end has no finite loss."""
    height, ends = float(result.barriers[name][m]), result.segments[name][[0, -1], m]
    if height != height:
        return None
    return height if height > FLAT * max(1.0, float(ends.max())) else 0.0


def format_barrier(height: float) -> str:
    """A barrier in words. Its top lies between the points that were evaluated, so that the number is a little too small."""
    return f"about {format_number(height)}" if height else "none"


LOWER = 0.9  # a barrier that is lowered, as a part of what it was


AT_MINIMUM = 0.01  # distance, as a part of the map's height


def summary(result: Result, scene: Config) -> str:
    """What this run shows, in sentences that are computed from it."""
    if scene.problem != "network":
        return _seen_surface(result, scene)
    if result.basins is None or result.bends_down is None or result.off_plane is None or result.moved is None:
        return f"Training both nets: step {result.step} of {scene.steps}."
    m = result.nets.index(scene.skips)
    text = roughness(result)
    for k, net in enumerate(result.nets):
        if result.diverged_at[k] != NEVER:
            why = f": {result.reasons[k]}" if any(result.reasons) else ""
            text += (f" **{NETS[net]}** training diverged at step {int(result.diverged_at[k])}{why}; "
                     "its plane is drawn round its start.")
    return text + about_plane(result, scene, m) + stability(result, scene, m)


def _seen_surface(result: Result, scene: Config) -> str:
    name = surfaces.NAMES[scene.problem]
    if result.diverged_at[0] != NEVER:
        return f"On **{name}** the path diverges, and step {int(result.diverged_at[0])} is no longer finite: {result.reasons[0]}."
    assert result.sharpness is not None and result.basins is not None
    n = int(result.basins[0])
    return (f"On **{name}** the loss goes from {format_number(result.losses[0, 0], 3)} to "
            f"{format_number(result.losses[-1, 0], 3)} in "
            f"{scene.steps} steps. The map holds {'1 local minimum' if n == 1 else f'{n} local minima'}. At the end λ_max is "
            f"{format_number(result.sharpness[-1, 0], 3)}; the limit of stability is {format_number(result.limit, 3)}.")


def predict(result: Result, scene: Config) -> Pick:
    """Which plane is rougher; along a segment, what matching does to the barrier; on a surface, where the path ends."""
    if scene.problem != "network":
        return _predict_surface(result, scene)
    if scene.plane == "segment":
        return _predict_barrier(result, scene)
    right, why = "neither", "Both planes are still being evaluated."
    if result.basins is not None and result.bends_down is not None and int(result.basins.min()) != NEVER:
        right = rougher_net(result)
        plain, skips = describe_basins(result)
        why = f"Without skips the plane has {plain}; with skips it has {skips}."
        if right == "neither":
            why += f" A clear difference is more basins, and {100 * BENDS:.0f} points more of the plane curving downwards."
        if int(result.diverged_at.max()) != NEVER:
            why += " The plane of a net that diverged is drawn round its start."
    return Pick(text="Which net's plane is rougher: more basins, and more of it curving downwards?",
                options={**NETS, "neither": "Neither clearly"}, right=(right,), why=why)


def _predict_barrier(result: Result, scene: Config) -> Pick:
    net = NETS[scene.skips].lower()
    other = "a twin of it with its units re-ordered" if scene.second == "twin" else "one trained from another start"
    right, why = "none", "The way has not been walked yet."
    if result.barriers:
        known = barriers(result, scene)
        why = "Training from one of the two starts did not end at a finite loss, so there is nothing to walk to."
        if known is not None:
            before, after = known
            right = "none" if before == 0 else "gone" if after == 0 else "lower" if after < LOWER * before else "same"
            why = (f"The barrier is {format_barrier(before)} as the nets are, and {format_barrier(after)} "
               "with their units matched.")
    return Pick(text=f"Walk straight from the net {net} to {other}. What does matching their hidden units do to the barrier?",
                options={"gone": "It removes it", "lower": "It lowers it by a tenth or more",
                         "same": "It lowers it by less, or not at all", "none": "There is none"},
                right=(right,), why=why)


def _predict_surface(result: Result, scene: Config) -> Pick:
    assert result.path is not None and result.marks is not None and result.a is not None and result.b is not None
    end = result.path[-1, 0]
    away = float((result.marks[0] - end).norm(dim=-1).min())
    low, high = stack([result.a[0, [0, -1]], result.b[0, [0, -1]]], -1)
    right = "map" if bool(((end >= low) & (end <= high)).all()) else "off"
    if away <= AT_MINIMUM * float(high[1] - low[1]):
        right = "minimum"
    why = f"It diverges: step {int(result.diverged_at[0])} is no longer finite."
    if result.diverged_at[0] == NEVER:
        why = (f"At step {scene.steps} it is {format_number(away)} from the nearest minimum, at a loss of "
               f"{format_number(result.losses[-1, 0])}.")
    return Pick(text=f"From ({scene.start_x:g}, {scene.start_y:g}), where is the path after {scene.steps} steps?",
                right=(right,), why=why, options={"minimum": "At a minimum", "map": "Elsewhere on the map", "off": "Off the map"})


def _check(result: Result, scene: Config, _: object) -> Verdict:
    if scene.problem != "network" or scene.data != "moons" or scene.depth < DEEP:
        return Verdict(False, f"This is about nets of at least {DEEP} hidden layers on two moons.")
    if scene.plane not in ("start", "random") or scene.radius < REACH:
        return Verdict(False, f"Cut along random directions, or back to the start, with a reach of at least {REACH:g}.")
    if result.basins is None or int(result.basins[0]) == NEVER:
        return Verdict(False, "The plane is still being evaluated.")
    if result.diverged_at[0] != NEVER:
        return Verdict(False, f"Training without skips diverged at step {int(result.diverged_at[0])}.")
    loss, basins = float(result.losses[-1, 0]), int(result.basins[0])
    ends = f"ends at {format_number(loss, 3)}" if loss == loss else "is no longer finite"
    return Verdict(loss < FITTED and basins == 1,
                   f"Without skips the loss {ends} (below {FITTED:g} is asked) and the plane has {format_basins(basins)} "
                   "(one is asked).")


CHALLENGE = Challenge(
    text=f"Calm the mountain range: bring the net **without skips** to a training loss below {FITTED:g}, on a plane "
    f"with a single basin. Keep two moons, at least {DEEP} hidden layers, and a cut along random directions or back "
    f"to the start with a reach of at least {REACH:g}; everything else is yours. The page's own scene is checked.",
    check=_check,
)


WAITING = "This picture is still being computed."


def _name(net: str) -> str:
    return NETS.get(net, "The path")


def _format(value: float) -> str:
    return format_number(value, 3) if abs(value) < torch.inf else "no longer finite"


def _each(result: Result, first: Tensor, last: Tensor) -> str:
    """From where to where, for each landscape; first, last [M]."""
    return "; ".join(f"{_name(net).lower()} from {_format(float(a))} to {_format(float(b))}"
                     for net, a, b in zip(result.nets, first, last, strict=True))


def plane(result: Result, scene: Config) -> str:
    return summary(result, scene).replace("**", "")


def landscape(result: Result, m: int, shape: str) -> str:
    """Plane or surface of landscape m."""
    if result.grid is None:
        return WAITING
    known = result.grid[m][result.grid[m].isfinite()]
    heights = "no finite loss so far"
    if len(known):
        heights = f"losses from {_format(float(known.min()))} to {_format(float(known.max()))}"
    found = NEVER if result.basins is None else int(result.basins[m])
    basins = "" if found == NEVER else f", {format_basins(found)}" if result.problem == "network" else f", local minima: {found}"
    return f"{_name(result.nets[m])}: the plane as {shape}, {heights}{basins}."


def loss(result: Result) -> str:
    if not len(result.losses):
        return WAITING
    return f"Loss against step: {_each(result, result.losses[0], result.losses[-1])}."


def off_plane(result: Result, m: int) -> str:
    if result.off_plane is None or result.moved is None:
        return WAITING
    return (f"The path starts {_format(float(result.moved[0, m]))} from the plane's origin and "
            f"{_format(float(result.off_plane[0, m]))} from the plane.")


def sharpness(result: Result) -> str:
    if result.sharpness is None:
        return WAITING
    ends = _each(result, result.sharpness[0], result.sharpness[-1])
    return f"Top Hessian eigenvalue along the path: {ends}; the limit is {format_number(result.limit, 3)}."


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
        spread = f"from {_format(float(ends.min()))} to {_format(float(ends.max()))}" if len(ends) else "none finite"
        parts.append(f"{NETS[net].lower()} {spread}")
    return f"Losses at the last step over {len(result.final_losses)} starts: {'; '.join(parts)}."


def rescaled(result: Result) -> str:
    if not result.rescaled:
        return "The net without skips diverged, or its rescaled twins are still being measured."
    loss, sharp = result.rescaled["loss"], result.rescaled["sharpness"]
    sharp, loss = (values[values.isfinite()] for values in (sharp, loss))
    if not len(sharp) or not len(loss):
        return "Curvature or loss of the rescaled twins is not finite."
    return (f"Over the factors λ_max runs from {_format(float(sharp.min()))} to {_format(float(sharp.max()))}, the loss from "
            f"{format_number(loss.min(), 4)} to {format_number(loss.max(), 4)}.")
