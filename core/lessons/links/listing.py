"""The list of the pairs: what is claimed of each, under which condition, at which scaling.

Exact: both sides have one solution at every strength that meets the condition; here they agree to EXACT. Approximate: they
differ, and toward one end of the strengths the residual goes as a power of s, the order. It fails where they are more than FAILS
apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from core.lessons.links import pairs
from core.lessons.links.pairs import Fit
from core.lessons.links.problem import Problem

EXACT, FAILS = 1e-6, 0.05


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two methods. order: the power of s that the residual follows toward `end`, "weak" (s → 0) or "strong"; None if exact."""

    left: str
    right: str
    model: str  # where it is claimed, in a few words
    condition: str  # an exact pair's; of an approximate one, where it is close
    scaling: str  # which strength goes with which, and of which objective
    dial: str  # what the strength s is
    entries: str  # what a solution consists of
    fit: Callable[[Problem, Tensor], Fit]
    order: float | None = None
    end: str = ""
    below: float = float("inf")  # the condition is met at strengths below this
    chunks: int = 1  # parts that the strengths are fitted in
    tag: str = ""  # which of two pairs of one name

    @property
    def exact(self) -> bool:
        return self.order is None

    @property
    def kind(self) -> str:
        return "exact" if self.exact else "approximate"

    @property
    def name(self) -> str:
        return f"{self.left} ↔ {self.right}" + (f", {self.tag}" if self.tag else "")


LINEAR = "linear, squared loss"
WEIGHTS = "weight"

PAIRS: dict[str, Pair] = {
    "map": Pair(
        left="MAP", right="L2", model=LINEAR, fit=pairs.posterior, entries=WEIGHTS, dial="the penalty α = s",
        condition="normal noise (σ), normal prior (τ)",
        scaling="α = σ²/(Nτ²) for the mean of squares, σ²/τ² for their sum"),
    "input_noise": Pair(
        left="Input noise", right="L2", model=LINEAR, fit=pairs.input_noise, entries=WEIGHTS,
        dial="the noise's variance σ² = s", condition="mean over all draws of the noise",
        scaling="α = σ² for the mean of squares, Nσ² for their sum"),
    "dropout_linear": Pair(
        left="Dropout", right="adaptive L2", tag="linear", model=LINEAR, fit=pairs.dropout_linear, entries=WEIGHTS,
        dial="the odds of dropping, s = p/(1 − p) at drop probability p",
        condition="mean over all masks, kept inputs divided by 1 − p",
        scaling="αⱼ = s · mean xⱼ² for the mean of squares, s Σ xⱼ² for their sum"),
    "dropout_layer": Pair(
        left="Dropout", right="ensemble", tag="one layer", model="one softmax layer", fit=pairs.dropout_layer,
        entries="entry of probabilities",
        dial="the weights are s times a draw", condition="geometric mean of all masks, drop probability ½",
        scaling="weights halved; no sum over samples is involved"),
    "label_smoothing": Pair(
        left="Label smoothing", right="KL(u‖p)", model="softmax regression", fit=pairs.label_smoothing, entries=WEIGHTS,
        dial="s = ε/(1 − ε) at smoothing ε", condition="ε spread over all K classes, u uniform",
        scaling="(1 − ε) times the mean loss plus ε times the mean penalty"),
    "mixup_rewritten": Pair(
        left="Mixup", right="smoothing + noise", model="logistic regression", fit=pairs.mixup_rewritten, entries=WEIGHTS,
        dial="the labels' log-odds have slope s", condition="inputs shrunk as well, noise as mixup makes it",
        scaling="means over all pairs; shrunk by E max(λ, 1 − λ) = ¾"),
    "mixup_linear": Pair(
        left="Mixup", right="least squares", model="linear with a bias", fit=pairs.mixup_linear, entries=WEIGHTS,
        dial="s = m/(1 − m), m = 4 E[λ(1 − λ)]", condition="mean over all pairs, a bias, E[λ(1 − λ)] < ½",
        scaling="none: here mixup is no penalty at all"),
    "shared_uses": Pair(
        left="Shared weight", right="sum over uses", model="recurrent net, 5 steps", fit=pairs.shared_uses,
        entries="gradient entry",
        dial="the matrix has norm s", condition="all uses hold one value",
        scaling="gradients of one loss, the mean over samples"),
    "descent": Pair(
        left="Descent", right="L2 per direction", model="linear, 10 steps", fit=pairs.descent, entries=WEIGHTS, below=2.0,
        dial="the step size times the largest curvature", condition="steps below 2 ÷ the largest curvature",
        scaling="both for 1/(2N) of the sum of squares plus αⱼ/2 times wⱼ²"),
    "early_stopping": Pair(
        left="Early stopping", right="L2", model=LINEAR, fit=pairs.early_stopping, entries=WEIGHTS, order=-1, end="strong",
        dial="the penalty α = s, time t = 1/s", condition="times short or long against 1/curvature",
        scaling="α = 1/t for 1/(2N) of the sum of squares plus α/2 times ‖w‖²; without the halves α = 1/(2t)"),
    "kept_noise": Pair(
        left="Kept noise", right="L2", model=LINEAR, fit=pairs.kept_noise, entries=WEIGHTS, order=0.5, end="weak",
        dial="M = 10/s noisy copies, at least one", condition="many copies",
        scaling="α = σ² for the mean of squares, at σ² = ½"),
    "dropout_logistic": Pair(
        left="Dropout", right="adaptive L2", tag="logistic", model="logistic regression", fit=pairs.dropout_logistic,
        entries=WEIGHTS, order=2, end="weak", dial="the labels' log-odds have slope s",
        condition="small log-odds; drop probability ½",
        scaling="½ times the mean of v Σ xⱼ² wⱼ², v the variance of a label, beside the mean loss"),
    "dropout_net": Pair(
        left="Dropout", right="ensemble", tag="deep", model="a layer of tanh between", fit=pairs.dropout_net,
        entries="entry of probabilities", order=3,
        end="weak", dial="the first weights are s times a draw", condition="small weights, where tanh is nearly linear",
        scaling="first weights halved; no sum over samples is involved"),
    "confidence": Pair(
        left="Label smoothing", right="KL(p‖u)", model="softmax regression", fit=pairs.confidence, entries=WEIGHTS, order=-1,
        end="strong", dial="s = ε/(1 − ε) at smoothing ε", condition="strong smoothing, small logits", chunks=3,
        scaling="(1 − ε) times the mean loss plus ε times the mean penalty"),
    "mixup_penalty": Pair(
        left="Mixup", right="smoothing + penalty", model="logistic regression", fit=pairs.mixup_penalty, entries=WEIGHTS, order=2,
        end="weak", dial="the labels' log-odds have slope s", condition="small log-odds",
        scaling="½ times the mean of v wᵀΣw, v the variance of a label, beside the mean loss"),
    "tying": Pair(
        left="Tying", right="sharing", model="two linear tasks", fit=pairs.tying, entries=WEIGHTS, order=-1, end="strong",
        dial="the strength of the tie", condition="a strong tie",
        scaling="s‖w − v‖² beside the sum of the two means of squares"),
    "drifted_uses": Pair(
        left="Shared weight", right="drifted copies", model="recurrent net, 5 steps", fit=pairs.drifted_uses,
        entries="gradient entry", order=1, end="weak", dial="the uses differ by s per cent", condition="copies nearly equal",
        scaling="gradients of one loss, the mean over samples"),
}
"""All pairs by their key, the exact ones first."""
