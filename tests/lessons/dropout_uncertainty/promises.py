"""What dropout_uncertainty promises, to be counted over seeds."""

from __future__ import annotations

import dataclasses

import numpy as np

from core.lessons.dropout_uncertainty import lesson
from core.lessons.dropout_uncertainty.data import FAR, IN_DATA, IN_GAP
from core.lessons.dropout_uncertainty.lesson import Config, Result
from tests.promises import Promise


def regions(result: Result, values_G: np.ndarray) -> dict[int, float]:
    """Mean over each region that the scene has, by NumPy."""
    places = result.region_G.numpy()
    return {r: float(values_G[places == r].mean()) for r in (IN_DATA, IN_GAP, FAR) if (places == r).any()}


def sigma(result: Result, method: str) -> dict[int, float]:
    return regions(result, result.passes[method].numpy().astype(np.float64).std(0, ddof=1))


def rise(result: Result, method: str) -> float:
    """Mean σ in the gap, in units of that among the data."""
    means = sigma(result, method)
    return means[IN_GAP] / means[IN_DATA]


def off(result: Result) -> float:
    """Root mean square distance among the data from the curve, of the mean of all passes."""
    return float((result.tests["mc_dropout"].double().mean(0) - result.target_B).square().mean().sqrt())


def a_poorer_fit_that_does_not_say_so(result: Result, scene: Config) -> bool:
    opening = lesson.run(dataclasses.replace(scene, dropout=Config().dropout))
    worse, wider = off(result) / off(opening), sigma(result, "mc_dropout")[IN_DATA] / sigma(opening, "mc_dropout")[IN_DATA]
    return worse > 1.5 and worse > wider


def disagreement(result: Result, method: str) -> dict[int, float]:
    """Mean mutual information by region, as entropy of the mean less mean entropy."""
    p = result.passes[method].numpy().astype(np.float64).clip(1e-300, 1 - 1e-16)

    def entropy(q: np.ndarray) -> np.ndarray:
        return -q * np.log(q) - (1 - q) * np.log1p(-q)

    return regions(result, entropy(p.mean(0)) - entropy(p).mean(0))


def share_sure_far_away(result: Result) -> float:
    mean = result.passes["mc_dropout"].double().mean(0)[result.region_G == FAR]
    return float(((mean < 0.05) | (mean > 0.95)).double().mean())


PROMISES = [
    Promise(preset="The gap", holds=lambda result, _: rise(result, "deep_ensemble") > 3
            and rise(result, "mc_dropout") < 0.5 * rise(result, "deep_ensemble")),
    Promise(preset="Deep ensemble first", holds=lambda result, scene: scene.focus == "deep_ensemble"
            and len(result.passes["deep_ensemble"].unique(dim=0)) == 10 and rise(result, "deep_ensemble") > 3),
    Promise(preset="One hidden layer", holds=lambda result, _: float(result.theory_G.diff(n=2).min()) > -1e-9
            and sigma(result, "mc_dropout")[IN_GAP] == min(sigma(result, "mc_dropout").values())
            and int(result.region_G[result.passes["mc_dropout"].double().std(0).argmin()]) == IN_GAP),
    Promise(preset="Half the units off", holds=a_poorer_fit_that_does_not_say_so),
    Promise(preset="Dropout off", holds=lambda result, _: len(result.passes["mc_dropout"].unique(dim=0)) == 1),
    Promise(preset="Two moons", holds=lambda result, _: disagreement(result, "mc_dropout")[FAR]
            > disagreement(result, "mc_dropout")[IN_DATA]),
    Promise(preset="Sure far away", holds=lambda result, scene: scene.quantity == "total" and share_sure_far_away(result) > 0.5),
    Promise(claim="title: sometimes the net tells where it is guessing, as σ rises in the gap and far away",
            holds=lambda result, _: rise(result, "mc_dropout") > 1
            and sigma(result, "mc_dropout")[FAR] > 3 * sigma(result, "mc_dropout")[IN_DATA]),
    Promise(claim="title: and sometimes it does not, as σ is smaller in the gap with one hidden layer", values=dict(depth=1),
            holds=lambda result, _: rise(result, "mc_dropout") < 1),
]
