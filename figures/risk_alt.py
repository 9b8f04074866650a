"""The pictures of risk in words, for those who do not see them."""

from __future__ import annotations

from core.lessons.risk import CAPACITIES, NOISES, SHORT, Config, Result, short, widest


def alts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    J, risk, gap = (v.quantile(0.5, dim=1) for v in (result.J, result.risk, result.risk - result.J))
    p, best, wide, end = CAPACITIES[scene.at], int(risk.argmin()), widest(result), len(CAPACITIES) - 1
    r, near = result.repeats, CAPACITIES.index(scene.m)
    total = scene.sigma**2 + r.bias + r.variance
    off = float((result.fits[scene.at] - result.truth).abs().max())
    out = {
        "fit": f"{scene.m} samples of f ± {scene.sigma:g} and the fit of a {SHORT[scene.model]} at p = {p}, at most {short(off)} "
               f"from the truth. J = {short(result.J[scene.at, 0])}, J* = {short(result.risk[scene.at, 0])}.",
        "risks": f"Over p from 1 to {CAPACITIES[-1]}, J goes from {short(J[0])} over {short(J[near])} at p = m to "
                 f"{short(J[end])}; J* from {short(risk[0])} over {short(risk[near])} at p = m to {short(risk[end])}, "
                 f"lowest at p = {CAPACITIES[best]} with {short(risk[best])}.",
        "gap": f"The gap is {short(gap[0])} at p = 1, widest at p = {CAPACITIES[wide]} with {short(gap[wide])}, and "
               f"{short(gap[end])} at p = {CAPACITIES[-1]}.",
        "same": f"Means of {NOISES} draws of noise at p = m: J {short(r.J[near])}, fresh noise {short(r.fresh[near])}; "
                f"theory says {short(r.expected_J[near])} and {short(r.expected_fresh[near])}.",
        "parts": f"At p = m bias² is {short(r.bias[near])}, variance {short(r.variance[near])} and σ² "
                 f"{short(scene.sigma**2)}, in all {short(total[near])}; the mean of J* as measured is {short(r.risk[near])}.",
    }
    if result.done:
        over_m = result.map_risk[:, scene.at].quantile(0.5, dim=-1)
        worst = int(over_m.argmax())
        whole = result.map_risk.quantile(0.5, dim=-1)
        i, j = divmod(int(whole.argmin()), len(CAPACITIES))
        out["learning"] = (
            f"At p = {p}, median J* is {short(over_m[0])} at m = {result.sizes[0]}, highest at m = {result.sizes[worst]} with "
            f"{short(over_m[worst])}, and {short(over_m[-1])} at m = {result.sizes[-1]}.")
        out["plane"] = (
            f"Median J* over {len(result.sizes)} sizes and {len(CAPACITIES)} capacities, from {short(whole.min())} at "
            f"m = {result.sizes[i]}, p = {CAPACITIES[j]}, to {short(whole.max())}.")
    return out
