"""What is said of a run: the summary, the question and its verdicts, the challenge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, stack

from core import surfaces
from core.formatting import format_as, format_number, format_percent, table
from core.lessons.loss_landscapes.lab import NETS
from core.lessons.loss_landscapes.lesson import DEEP, FITTED, REACH, Config, Result
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict

FLAT = 1e-5  # a barrier below it, as a part of the loss at the ends, is rounding
BENDS = 0.05  # a clear difference between the parts of two planes that curve downwards


def rougher_net(result: Any) -> str:
    """The net whose plane has more basins and clearly more of its area curving downwards, or neither."""
    basins = int(result.basins[0] - result.basins[1])
    bends = _more_bent(result)
    return "plain" if basins > 0 and bends == "plain" else "skips" if basins < 0 and bends == "skips" else "neither"


def _more_bent(result: Any) -> str:
    """The net whose plane has clearly more of its area curving downwards, or neither."""
    bends = float(result.bends_down[0] - result.bends_down[1])
    return "plain" if bends > BENDS else "skips" if bends < -BENDS else "neither"


def format_basins(basins: int) -> str:
    """As exactly as the grid allows: where there are many, the finest ones lie between its points."""
    if basins > 12:
        return "more than a dozen basins"
    return "no finite loss" if basins == 0 else "one basin" if basins == 1 else f"about {basins} basins"


def title(result: Any, m: int) -> str:
    """A net and what its plane has, which is told of a trained net alone."""
    name, gone = NETS[result.nets[m]], int(result.diverged_at[m])
    if gone != NEVER:
        return f"{name}: diverged at step {gone}"
    basins = NEVER if result.basins is None else int(result.basins[m])
    return name if basins == NEVER else f"{name}: {format_basins(basins)}"


def diamonds(result: Any, m: int) -> str:
    """What the diamonds on the plane of a net are, and those at its rim, as a sentence; "" where there are none."""
    if not result.bottoms or not len(result.bottoms[m]):
        return ""
    low, high = (torch.stack([result.a[m][end], result.b[m][end]]) for end in (0, -1))
    near = 1e-3 * (high - low)
    rim = bool(((result.bottoms[m] < low + near) | (result.bottoms[m] > high - near)).any())
    return f" Diamonds: bottoms of basins{'; a basin at the rim goes on outside' if rim else ''}."


def edge(part: Tensor) -> str:
    """On which side of the limit a curvature is, given as a part of it."""
    return "inside" if float(part) < 0.9 else "at" if float(part) <= 1.1 else "beyond"


def format_loss(value: float) -> str:
    return format_number(value, 3) if abs(value) < torch.inf else "no longer finite"


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
    return "none" if not height else f"about {_size(height)}" if TINY <= height <= HUGE else _size(height)


TINY, HUGE = 1e-3, 1e4  # beyond them a size is said without its digits


def _size(value: float) -> str:
    """A distance or a barrier as one number, whatever its size."""
    return f"less than {TINY:g}" if value < TINY else f"more than {HUGE:,.0f}" if value > HUGE else format_number(value)


LOWER = 0.9  # a barrier that is lowered, as a part of what it was


AT_MINIMUM = 0.01  # distance, as a part of the map's height


def summary(result: Result, scene: Config) -> str:
    """What this run shows: a verdict and a table, computed from it."""
    if scene.problem != "network":
        return f"**{_verdict_on_a_surface(result, scene)}**\n\n{_table_of_a_surface(result, scene)}"
    if result.basins is None or result.bends_down is None or result.off_plane is None or result.moved is None:
        return f"**Training both nets: step {result.step} of {scene.steps}.**"
    return f"**{_verdict(result, scene)}**\n\n{_table(result)}"


def _verdict(result: Result, scene: Config) -> str:
    m = result.nets.index(scene.skips)
    if result.kinds[m] == "segment" and result.barriers:
        known = barriers(result, scene)
        if known is None:
            return "One of the two solutions has no finite loss, so the way between them is not told."
        before, after = known
        other = "its own twin" if scene.second == "twin" else "another start's net"
        if not before:
            return f"The straight way to {other} crosses no barrier."
        return (f"The straight way to {other} crosses a barrier of {format_barrier(before)}; with the hidden units matched, "
                f"{f'one of {format_barrier(after)}' if after else 'none'}.")
    assert result.basins is not None
    gone = [NETS[net].lower() for net, step in zip(result.nets, result.diverged_at.tolist(), strict=True) if step != NEVER]
    if gone:
        return f"Training diverged {' and '.join(gone)}, where the plane is drawn round the start."
    if int(result.basins.min()) == NEVER:
        return "The second plane is still being evaluated."
    plain, skips = (format_basins(int(n)) for n in result.basins)
    rough = {"plain": "The net without skips has the rougher plane", "skips": "The net with skips has the rougher plane",
             "neither": "Neither net's plane is clearly rougher"}[rougher_net(result)]
    return f"{rough}: {plain} without skips, {skips} with skips."


def _table(result: Result) -> str:
    assert result.basins is not None and result.bends_down is not None
    rows = [("Its plane has", *("…" if int(n) == NEVER else format_basins(int(n)) for n in result.basins)),
            ("Of it curves downwards", *("–" if share != share else f"about {format_percent(share)}"
                                         for share in result.bends_down.tolist())),
            ("Loss at the end", *(format_loss(float(loss)) for loss in result.losses[-1]))]
    if result.sharpness is not None:
        part = result.sharpness[[0, -1]] / result.limit
        if bool(part.isfinite().all()):
            rows += [("Steepest curvature at the start", *(f"{format_number(v)} × the limit" for v in part[0])),
                     ("At the end", *(f"{format_number(v)} × the limit: {edge(v)} the edge" for v in part[1]))]
    if int(result.diverged_at.max()) != NEVER:
        rows.append(("Training diverged", *("no" if step == NEVER else f"at step {step}{f': {why}' if why else ''}"
                                            for step, why in zip(result.diverged_at.tolist(), result.reasons, strict=True))))
    return table(("", *NETS.values()), rows)


def _verdict_on_a_surface(result: Result, scene: Config) -> str:
    name = surfaces.NAMES[scene.problem]
    if result.diverged_at[0] != NEVER:
        return f"On {name} the path diverges, and step {int(result.diverged_at[0])} is no longer finite."
    ends = {"minimum": "ends at a minimum", "map": "has not reached a minimum", "off": "is off the map"}[_end(result)]
    return f"On {name} the path {ends} after {scene.steps} steps."


def _table_of_a_surface(result: Result, scene: Config) -> str:
    assert result.sharpness is not None and result.basins is not None
    if result.diverged_at[0] != NEVER:
        return table(("", "On the way"), [("Why", result.reasons[0])])
    rows = [("Loss", *(format_number(result.losses[e, 0], 3) for e in (0, -1))),
            ("Steepest curvature", *(f"{format_number(result.sharpness[e, 0] / result.limit)} × the limit" for e in (0, -1)))]
    return table(("", "At the start", f"At step {scene.steps}"), rows)


def predict(result: Result, scene: Config) -> Pick:
    """Which plane is rougher; along a segment, what matching does to the barrier; on a surface, where the path ends."""
    if scene.problem != "network":
        return _predict_surface(result, scene)
    if scene.plane == "segment":
        return _predict_barrier(result, scene)
    right, why = "neither", "Both planes are still being evaluated."
    if result.basins is not None and result.bends_down is not None and int(result.basins.min()) != NEVER:
        right = rougher_net(result)
        plain, skips = (format_basins(int(n)) for n in result.basins)
        bent = {"plain": "clearly more of the plane without skips curves downwards",
                "skips": "clearly more of the plane with skips curves downwards",
                "neither": "about as much of either curves downwards"}[_more_bent(result)]
        why = f"Without skips the plane has {plain}, with skips {skips}, and {bent}"
        why += "; a net that diverged is cut round its start." if int(result.diverged_at.max()) != NEVER else "."
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
    why = f"It diverges: step {int(result.diverged_at[0])} is no longer finite."
    if result.diverged_at[0] == NEVER:
        assert result.path is not None and result.marks is not None
        away = float((result.marks[0] - result.path[-1, 0]).norm(dim=-1).min())
        why = f"At step {scene.steps} its distance from the nearest minimum is {_size(away)}."
    start = f"({format_as(scene.start_x)}, {format_as(scene.start_y)})"
    return Pick(text=f"From {start}, where is the path after {scene.steps} steps?",
                right=(_end(result),), why=why,
                options={"minimum": "At a minimum", "map": "Elsewhere on the map", "off": "Off the map"})


def _end(result: Result) -> str:
    """Where the path ends: at a minimum, elsewhere on the map, or off it."""
    assert result.path is not None and result.marks is not None and result.a is not None and result.b is not None
    end = result.path[-1, 0]
    low, high = stack([result.a[0, [0, -1]], result.b[0, [0, -1]]], -1)
    if float((result.marks[0] - end).norm(dim=-1).min()) <= AT_MINIMUM * float(high[1] - low[1]):
        return "minimum"
    return "map" if bool(((end >= low) & (end <= high)).all()) else "off"


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
