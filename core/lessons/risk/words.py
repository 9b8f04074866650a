"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from core.formatting import format_number
from core.lessons.risk.lesson import CAPACITIES, NOISES, ZERO, Config, Result, fmt, gaps, interpolates, lowest, widest
from core.question import Challenge, Pick, Verdict

SHORT = {"polynomial": "polynomial", "net": "ReLU net"}


def J_text(config: Config, at: int, value: float | Tensor) -> str:
    """An empirical risk in words, at a place in the sweep."""
    return fmt(value, interpolates(config, CAPACITIES[at]))


def negative(result: Result) -> str:
    """A sentence on capacities at which the gap is negative, or nothing."""
    below = int((gaps(result) < 0).sum())
    if not below:
        return ""
    where = "all" if below == len(CAPACITIES) else f"{below} of the {len(CAPACITIES)}"
    return f" It is negative at {where} capacities: there the fit does better on p_data than on its own samples."


def summary(result: Result, config: Config) -> str:
    """What the run shows, in sentences that are true at every setting."""
    J, risk = (v.quantile(0.5, dim=1) for v in (result.J, result.risk))
    p, best, wide = CAPACITIES[config.at], lowest(result), widest(result)
    hit = next((c for c in CAPACITIES if interpolates(config, c)), None)
    small = next((c for i, c in enumerate(CAPACITIES) if float(J[i:].max()) < ZERO), None)
    left = float(result.J[CAPACITIES.index(hit) :].max()) if hit else 0.0
    falls = (f"from p = {hit} on the best fit passes through every sample, so J is zero but for rounding"
             + (f", which leaves up to {format_number(left)} in a draw" if left >= ZERO else "") if hit else
             f"from p = {small} on J is {fmt(0.5 * ZERO)}" if small else f"J falls to {fmt(J.min())} and never to zero")
    text = (f"**Capacity**: {falls}; the lowest J* is {fmt(risk[best])}, at p = {CAPACITIES[best]}, and noise alone leaves "
            f"σ² = {format_number(config.sigma**2)}. **The gap** J* − J is largest at p = {CAPACITIES[wide]}, where it is "
            f"{format_number(gaps(result)[wide])} (medians of {config.draws} draws of m = {config.m} "
            f"samples).{negative(result)} ")
    return text + (f"**In the picture**: the fit at p = {p} has J = {J_text(config, config.at, result.J[config.at, 0])} on its "
                   f"samples and J* = {fmt(result.risk[config.at, 0])} on all of p_data.")


def predict(result: Result, config: Config) -> Pick:
    """In which range of capacities the gap is largest, by the median of the draws."""
    m, gap = config.m, gaps(result)
    at = CAPACITIES[widest(result)]
    right = "low" if 2 * at < m else "near" if at <= 2 * m else "high"
    return Pick(
        text=f"A {SHORT[config.model]} is fitted to m\u00a0=\u00a0{m} samples, at capacities p from 1 to {CAPACITIES[-1]}. "
             "Where is the gap J* − J largest?", right=(right,),
        options={"low": f"Below p = {m // 2}, where the model is simple", "near": f"From p = {m // 2} to {2 * m}, round p = m",
                 "high": f"Above p = {2 * m}, where the model is largest"},
        why=f"It is {format_number(gap.max())} at p = {at}, {format_number(gap[0])} at p = 1 and "
            f"{format_number(gap[-1])} at p = {CAPACITIES[-1]}."
            + negative(result))


def _tamed(result: Result, config: Config, _: None) -> Verdict:
    """Whether the scene differs from the challenge's in λ alone and its J* at p = m is near the best there is."""
    if replace(config, ridge=0.0).trained() != Config(**CHALLENGE.scene).trained():
        return Verdict(False, "This is another scene than the challenge's. Set the scene, and move only λ.")
    risk, noise = float(result.risk[CAPACITIES.index(config.m)].quantile(0.5)), config.sigma**2
    return Verdict(risk < 2.5 * noise, f"With λ = {format_number(config.ridge)} the median J* at p = m = {config.m} "
                                       f"is {format_number(risk)}, "
                                       f"{format_number(risk / noise)} σ².")


CHALLENGE = Challenge(
    text="At p = m the polynomial swings through the gaps between independent samples. Move only λ, under More, until its "
         "median J* at p = m is below 2.5σ².", check=_tamed, scene=dict(m=20, inputs="independent", at=CAPACITIES.index(20)),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    J, risk = (v.quantile(0.5, dim=1) for v in (result.J, result.risk))
    gap, p, best, wide, end = gaps(result), CAPACITIES[scene.at], lowest(result), widest(result), len(CAPACITIES) - 1
    r, near = result.repeats, CAPACITIES.index(scene.m)
    total = scene.sigma**2 + r.bias + r.variance
    off = float((result.fits[scene.at] - result.truth).abs().max())
    out = {
        "fit": f"{scene.m} samples of f ± {scene.sigma:g} and the fit of a {SHORT[scene.model]} at p = {p}, at most "
               f"{format_number(off)} "
               f"from the truth. J = {J_text(scene, scene.at, result.J[scene.at, 0])}, J* = {fmt(result.risk[scene.at, 0])}.",
        "risks": f"Over p from 1 to {CAPACITIES[-1]}, J goes from {J_text(scene, 0, J[0])} over {J_text(scene, near, J[near])} "
                 f"at p = m to {J_text(scene, end, J[end])}; J* from {fmt(risk[0])} over {fmt(risk[near])} at p = m to "
                 f"{fmt(risk[end])}, lowest at p = {CAPACITIES[best]} with {fmt(risk[best])}.",
        "gap": f"The gap is {format_number(gap[0])} at p = 1, largest at p = {CAPACITIES[wide]} with "
               f"{format_number(gap[wide])}, and "
               f"{format_number(gap[end])} at p = {CAPACITIES[-1]}.{negative(result)}",
        "same": f"Means of {NOISES} draws of noise at p = m: J {J_text(scene, near, r.J[near])}, fresh noise "
                f"{fmt(r.fresh[near])}; theory says {J_text(scene, near, r.expected_J[near])} and "
                f"{fmt(r.expected_fresh[near])}.",
        "parts": f"At p = m bias² is {fmt(r.bias[near])}, variance {fmt(r.variance[near])} and σ² "
                 f"{format_number(scene.sigma**2)}, in all {fmt(total[near])}; the mean of J* as measured is "
                 f"{fmt(r.risk[near])}.",
        "setup": f"{scene.m} samples between x = −1 and 1 about the curve f, with noise of standard deviation "
                 f"{format_number(scene.sigma)}.",
    }
    if result.done:
        over_m = result.map_risk[:, scene.at].quantile(0.5, dim=-1)
        worst = int(over_m.argmax())
        whole = result.map_risk.quantile(0.5, dim=-1)
        i, j = divmod(int(whole.argmin()), len(CAPACITIES))
        out["learning"] = (
            f"At p = {p}, median J* is {fmt(over_m[0])} at m = {result.sizes[0]}, highest at m = {result.sizes[worst]} with "
            f"{fmt(over_m[worst])}, and {fmt(over_m[-1])} at m = {result.sizes[-1]}.")
        out["plane"] = (
            f"Median J* over {len(result.sizes)} sizes and {len(CAPACITIES)} capacities, from {fmt(whole.min())} at "
            f"m = {result.sizes[i]}, p = {CAPACITIES[j]}, to {fmt(whole.max())}.")
    return out
