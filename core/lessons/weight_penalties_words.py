"""Sentences about weights that are zero, all of them computed from a run."""

from __future__ import annotations

from core.lessons.weight_penalties_problem import GAUSSIAN, LINEAR, first_zero
from core.lessons.weight_penalties_result import ORDER, PENALTIES, Result
from core.words import listed, short


def at_zero_under_l2(result: Result, name: str = "L2") -> str:
    """A sentence: that L2 holds no weight at zero, and which of them pass through it."""
    low, high = (short(a) for a in result.alphas[[0, -1]])
    if result.problem not in LINEAR:
        # A net's minimum may lie where all weights are zero, which the fits then approach.
        return (f"{name}'s step divides the weights, which makes none exactly zero; at α = {high} the largest is left with size "
                f"{short(result.weights[2, -1].abs().max())}.")
    passed = [] if result.passed is None else [(int(i), alpha) for i, alpha in result.passed.tolist()]
    if not passed:
        return f"{name} holds no weight at zero" + (f" and none passes through it from α = {low} to {high}."
                                                    if result.passed is not None else ".")
    names = list(dict.fromkeys(result.names[i] for i, _ in passed))
    weight, alpha = passed[0]
    least = "at least " if result.problem not in GAUSSIAN else ""
    many = f"{least}{len(passed)} times" if len(passed) > 1 else f"{least}once"
    others = f", as {'does' if len(names) == 2 else 'do'} {listed(names[1:])}" if 2 <= len(names) <= 4 else ""
    return (f"{name} holds no weight at zero: from α = {low} to {high} its weights pass through it {many}; "
            f"{result.names[weight]} is exactly 0 at α = {short(alpha, 3)} and goes on with the other sign{others}.")


def first_to_go(result: Result) -> str:
    held = result.held[0].tolist()
    first = min(held)
    names = [name for name, at in zip(result.names, held, strict=True) if at == first]
    who = listed(names) if len(names) <= 3 else f"{len(names)} weights"
    if first <= float(result.alphas[0]):
        return (f" L1 holds **{who}** at zero from the weakest penalty on; nothing is left from α_max = "
                f"{short(result.alpha_max[0], 3)} on.")
    text = f" The first that L1 switches off for good: **{who}**, {from_where(result, first)}"
    back = [name for name, i in zip(result.names, first_zero(result.weights[0]), strict=True)
            if i < len(result.alphas) and float(result.alphas[i]) < first]
    if 0 < len(back) <= 5:
        text += f" (before that, zero is reached and left again by {listed(back)})"
    return text + f"; nothing is left from α_max = {short(result.alpha_max[0], 3)} on."


def from_where(result: Result, alpha: float) -> str:
    """From where on a weight is zero; below the weakest strength nothing is known."""
    if alpha == float("inf"):
        return "nowhere"
    return "at every α here" if alpha <= float(result.alphas[0]) else f"from α = {short(alpha, 3)}"


def at_alpha(result: Result, penalty: str, at: int) -> str:
    k = ORDER.index(penalty)
    w, zero = result.weights[k, at], int(result.zeros[k, at])
    if zero == len(w):
        return f"**{PENALTIES[penalty]}** has every one of {len(w)} weights at exactly 0"
    if zero == 0:
        return f"**{PENALTIES[penalty]}** keeps all {len(w)} weights, the smallest with |w| = {short(w.abs().min())}"
    kept = [result.names[i] for i in w.nonzero()[:, 0].tolist()] if result.problem in LINEAR else []
    which = f" ({', '.join(kept)})" if 0 < len(kept) <= 5 else ""
    return f"**{PENALTIES[penalty]}** has {zero} of {len(w)} weights at exactly 0 and keeps {len(w) - zero}{which}"
