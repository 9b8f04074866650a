"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from core.formatting import format_number, table
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
    return f" It is negative at {where} capacities: there the fit does better on new data than on its own samples."


def rounding(result: Result, config: Config) -> float:
    """The largest J of any draw where theory has it at zero; 0 where all of them may be rounding of no account."""
    hit = [i for i, p in enumerate(CAPACITIES) if interpolates(config, p)]
    left = float(result.J[hit].max()) if hit else 0.0
    return left if left >= ZERO else 0.0


def gap_name(result: Result) -> str:
    """What the largest J* − J is called: where new data cost less at every p, it is the one nearest to none."""
    return "smallest gap" if gaps(result).max() < 0 else "widest gap"


def _widest(result: Result, config: Config) -> str:
    """Where the gap is widest, as the end of a sentence on the medians of the draws."""
    gap, wide = gaps(result), CAPACITIES[widest(result)]
    if gap.max() < 0:
        return f"new data cost less than the samples at every p, by the least at p = {wide}"
    return f"the gap between training and truth is widest at p = {wide}, for N = {config.m} samples"


def summary(result: Result, config: Config) -> str:
    """Where the gap is widest, and medians over the draws, each number its own, beside the numbers of the draw in the picture."""
    J, risk, gap = *(v.quantile(0.5, dim=1) for v in (result.J, result.risk)), gaps(result)
    own = result.J[:, 0], result.risk[:, 0], result.risk[:, 0] - result.J[:, 0]

    def row(name: str, at: int, values: tuple[Tensor, Tensor, Tensor]) -> list[str]:
        """The numbers of a place in the sweep."""
        of_J, of_risk, of_gap = (float(v[at]) for v in values)
        between = format_number(of_gap if abs(of_gap) >= ZERO else 0)
        return [name, str(CAPACITIES[at]), J_text(config, at, of_J), fmt(of_risk), between]

    medians = J, risk, gap
    rows = [row(f"{gap_name(result).capitalize()}, medians", widest(result), medians),
            row("Lowest J*, medians", lowest(result), medians),
            row("At this p, medians", config.at, medians), row("At this p, this draw", config.at, own)]
    return f"**By the medians of the draws {_widest(result, config)}.**\n\n" + table(["", "p", "J", "J*", "J* − J"], rows)


def predict(result: Result, config: Config) -> Pick:
    """In which range of capacities the gap is largest, by the median of the draws."""
    N = config.m
    at = CAPACITIES[widest(result)]
    right = "low" if 2 * at < N else "near" if at <= 2 * N else "high"
    return Pick(
        text=f"A {SHORT[config.model]} is fitted to N\u00a0=\u00a0{N} samples, at capacities p from 1 to {CAPACITIES[-1]}. "
             "Where is the gap J* − J largest?", right=(right,),
        options={"low": f"Below p = {N // 2}, where the model is simple", "near": f"From p = {N // 2} to {2 * N}, round p = N",
                 "high": f"Above p = {2 * N}, where the model is largest"},
        why=f"By the medians of the draws {_widest(result, config)}.")


def _tamed(result: Result, config: Config, _: None) -> Verdict:
    """Whether the scene differs from the challenge's in λ alone and its J* at p = N is near the best there is."""
    if replace(config, ridge=0.0).trained() != Config(**CHALLENGE.scene).trained():
        return Verdict(False, "This is another scene than the challenge's. Set the scene, and move only λ.")
    risk, noise = float(result.risk[CAPACITIES.index(config.m)].quantile(0.5)), config.sigma**2
    return Verdict(risk < 2.5 * noise, f"With λ = {format_number(config.ridge)} the median J* at p = N = {config.m} "
                                       f"is {format_number(risk)}, {format_number(risk / noise)} σ².")


CHALLENGE = Challenge(
    text="At p = N the polynomial swings through the gaps between independent samples. Move only λ, under More, until the "
         "median J* at p = N is below 2.5σ².",
    check=_tamed, scene=dict(m=20, inputs="independent", at=CAPACITIES.index(20)),
)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """Panel id to what it shows."""
    J, risk = (v.quantile(0.5, dim=1) for v in (result.J, result.risk))
    gap, p, best, wide, end = gaps(result), CAPACITIES[scene.at], lowest(result), widest(result), len(CAPACITIES) - 1
    r, near = result.repeats, CAPACITIES.index(scene.m)
    total = scene.sigma**2 + r.bias + r.variance
    off = float((result.fits[scene.at] - result.truth).abs().max())
    medians = f"medians of {scene.draws} draws"
    out = {
        "risks": f"Over p from 1 to {CAPACITIES[-1]}, as {medians}, J goes from {J_text(scene, 0, J[0])} over "
                 f"{J_text(scene, near, J[near])} at p = N to {J_text(scene, end, J[end])}; J* from {fmt(risk[0])} over "
                 f"{fmt(risk[near])} at p = N to {fmt(risk[end])}, lowest at p = {CAPACITIES[best]} with {fmt(risk[best])}. The "
                 f"{gap_name(result)} is at p = {CAPACITIES[wide]}, {format_number(gap[wide])}; noise alone leaves σ² = "
                 f"{format_number(scene.sigma**2)}.{_falls(result, scene)}",
        "fit": f"{scene.m} samples of f ± {scene.sigma:g} and the fit of a {SHORT[scene.model]} at p = {p}, at most "
               f"{format_number(off)} from the truth. This draw's J = {J_text(scene, scene.at, result.J[scene.at, 0])}, "
               f"J* = {fmt(result.risk[scene.at, 0])}.",
        "gap": f"The gaps, as {medians}, are {format_number(gap[0])} at p = 1, largest at p = {CAPACITIES[wide]} with "
               f"{format_number(gap[wide])}, and {format_number(gap[end])} at p = {CAPACITIES[-1]}.{negative(result)}",
        "same": f"Means of {NOISES} draws of noise at p = N: J {J_text(scene, near, r.J[near])}, fresh noise "
                f"{fmt(r.fresh[near])}; theory says {J_text(scene, near, r.expected_J[near])} and "
                f"{fmt(r.expected_fresh[near])}.",
        "parts": f"At p = N bias² is {fmt(r.bias[near])}, variance {fmt(r.variance[near])} and σ² "
                 f"{format_number(scene.sigma**2)}, in all {fmt(total[near])}; the mean of J* as measured is "
                 f"{fmt(r.risk[near])}.",
        "setup": f"{scene.m} samples between x = −1 and 1 about the curve f, with noise of standard deviation "
                 f"{format_number(scene.sigma)}.",
    }
    if result.done:
        over_N = result.map_risk[:, scene.at].quantile(0.5, dim=-1)
        worst = int(over_N.argmax())
        whole = result.map_risk.quantile(0.5, dim=-1)
        i, j = divmod(int(whole.argmin()), len(CAPACITIES))
        out["learning"] = (
            f"At p = {p}, as {medians}, J* is {fmt(over_N[0])} at N = {result.sizes[0]}, highest at N = {result.sizes[worst]} "
            f"with {fmt(over_N[worst])}, and {fmt(over_N[-1])} at N = {result.sizes[-1]}.")
        out["plane"] = (
            f"J*, as {medians}, over {len(result.sizes)} sizes and {len(CAPACITIES)} capacities, from {fmt(whole.min())} at "
            f"N = {result.sizes[i]}, p = {CAPACITIES[j]}, to {fmt(whole.max())}.")
    return out


def _falls(result: Result, config: Config) -> str:
    """A sentence on how far J falls."""
    J = result.J.quantile(0.5, dim=1)
    hit = next((c for c in CAPACITIES if interpolates(config, c)), None)
    small = next((c for i, c in enumerate(CAPACITIES) if float(J[i:].max()) < ZERO), None)
    if hit:
        left = rounding(result, config)
        return (f" From p = {hit} on the best fit passes through every sample, so J is zero but for rounding"
                + (f", which leaves up to {format_number(left)} in a draw." if left else "."))
    return f" From p = {small} on J is {fmt(0.5 * ZERO)}." if small else f" J falls to {fmt(J.min())} and never to zero."
