"""What a run of loss_landscapes shows, in words: how rough the planes are, what they hold of the path, how steep it was.

Each function is given the lesson's Result and its Config; net m is the one that is looked at.
"""

from __future__ import annotations

from typing import Any

from core.moments import NEVER
from core.words import short

FLAT = 1e-5  # a barrier below it, as a part of the loss at the ends, is rounding
BENDS = 0.05  # a clear difference between the parts of two planes that curve downwards


def roughness(result: Any) -> str:
    if int(result.basins.min()) == NEVER:
        return "The second plane is still being evaluated."
    plain, skips = counted(result)
    verdict = {"plain": "rougher by both counts", "skips": "smoother by both counts",
               "neither": "neither clearly rougher nor clearly smoother"}[rougher(result)]
    return (f"**Without skips** the plane has {plain}; **with skips** it has {skips}: here the net without skips is "
            f"**{verdict}**.")


def rougher(result: Any) -> str:
    """The net whose plane has more basins and clearly more of its area curving downwards, or neither."""
    basins = int(result.basins[0] - result.basins[1])
    bends = float(result.bends_down[0] - result.bends_down[1])
    return "plain" if basins > 0 and bends > BENDS else "skips" if basins < 0 and bends < -BENDS else "neither"


def counted(result: Any) -> list[str]:
    """Basins and bends of each net's plane, in words."""
    return [count(int(n)) + ("" if share != share else f", and about {share:.0%} of it curves downwards")
            for n, share in zip(result.basins, result.bends_down.tolist(), strict=True)]


def count(basins: int) -> str:
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
        crossed = f"a barrier of {told(before)}" if before else "no barrier"
        matched = f"one of {told(after)}" if after else "none"
        return f" The straight way to {other} crosses {crossed}; with the hidden units matched, {matched}."
    first = float(result.off_plane[0, m])
    moved = float(result.moved[0, m])
    if result.kinds[m] == "trajectory" and bool(result.explained[m].isfinite().all()):
        share, far = float(result.explained[m].sum()), float(result.off_plane[:, m].max())
        return (f" The plane holds {share:.1%} of the path's variance; the path leaves it by up to {short(far)}, and its start "
                f"is {short(moved)} from its end.")
    if result.diverged_at[m] != NEVER or not 0 < moved < float("inf"):
        return ""
    return (f" The start and the end of training are {short(moved)} apart, of which (squared) {1 - (first / moved) ** 2:.1%} "
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
        rises = f"the loss first rises from {short(start)} to {short(top)}, and then" if top > start else "even so"
        text = (f" The start is too steep, with λ_max at {short(along[0])} times the limit {_limit(scene)}: {rises} step "
                f"{int(result.sharpness_steps[k])} is at a flatter place, with {short(along[k])} times.")
    end = float(along[-1])
    side = "inside" if end < 0.9 else "at" if end <= 1.1 else "beyond"
    return text + (f" At the end λ_max is {short(result.sharpness[-1, m])}, {short(end)} times the limit {_limit(scene)} = "
                   f"{short(result.limit)}: {side} the edge of stability.")


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


def told(height: float) -> str:
    """A barrier in words. Its top lies between the points that were evaluated, so that the number is a little too small."""
    return f"about {short(height)}" if height else "none"
