"""The pictures of risk in words, for those who do not see them."""

from __future__ import annotations

from core.lessons.risk import CAPACITIES, NOISES, SHORT, Config, Result, gaps, lowest, negative, told, told_J, widest
from core.words import short


def alts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    J, risk = (v.quantile(0.5, dim=1) for v in (result.J, result.risk))
    gap, p, best, wide, end = gaps(result), CAPACITIES[scene.at], lowest(result), widest(result), len(CAPACITIES) - 1
    r, near = result.repeats, CAPACITIES.index(scene.m)
    total = scene.sigma**2 + r.bias + r.variance
    off = float((result.fits[scene.at] - result.truth).abs().max())
    out = {
        "fit": f"{scene.m} samples of f ± {scene.sigma:g} and the fit of a {SHORT[scene.model]} at p = {p}, at most {short(off)} "
               f"from the truth. J = {told_J(scene, scene.at, result.J[scene.at, 0])}, J* = {told(result.risk[scene.at, 0])}.",
        "risks": f"Over p from 1 to {CAPACITIES[-1]}, J goes from {told_J(scene, 0, J[0])} over {told_J(scene, near, J[near])} "
                 f"at p = m to {told_J(scene, end, J[end])}; J* from {told(risk[0])} over {told(risk[near])} at p = m to "
                 f"{told(risk[end])}, lowest at p = {CAPACITIES[best]} with {told(risk[best])}.",
        "gap": f"The gap is {short(gap[0])} at p = 1, largest at p = {CAPACITIES[wide]} with {short(gap[wide])}, and "
               f"{short(gap[end])} at p = {CAPACITIES[-1]}.{negative(result)}",
        "same": f"Means of {NOISES} draws of noise at p = m: J {told_J(scene, near, r.J[near])}, fresh noise "
                f"{told(r.fresh[near])}; theory says {told_J(scene, near, r.expected_J[near])} and "
                f"{told(r.expected_fresh[near])}.",
        "parts": f"At p = m bias² is {told(r.bias[near])}, variance {told(r.variance[near])} and σ² "
                 f"{short(scene.sigma**2)}, in all {told(total[near])}; the mean of J* as measured is {told(r.risk[near])}.",
        "setup": f"{scene.m} samples between x = −1 and 1 about the curve f, with noise of standard deviation "
                 f"{short(scene.sigma)}.",
    }
    if result.done:
        over_m = result.map_risk[:, scene.at].quantile(0.5, dim=-1)
        worst = int(over_m.argmax())
        whole = result.map_risk.quantile(0.5, dim=-1)
        i, j = divmod(int(whole.argmin()), len(CAPACITIES))
        out["learning"] = (
            f"At p = {p}, median J* is {told(over_m[0])} at m = {result.sizes[0]}, highest at m = {result.sizes[worst]} with "
            f"{told(over_m[worst])}, and {told(over_m[-1])} at m = {result.sizes[-1]}.")
        out["plane"] = (
            f"Median J* over {len(result.sizes)} sizes and {len(CAPACITIES)} capacities, from {told(whole.min())} at "
            f"m = {result.sizes[i]}, p = {CAPACITIES[j]}, to {told(whole.max())}.")
    return out
