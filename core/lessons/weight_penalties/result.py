"""What a run of the penalised fits leaves behind.

Shapes: R = 3 penalties, A strengths, P parameters, W penalised weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from core.lessons.weight_penalties.descents import Plain
from core.lessons.weight_penalties.pair import Pair

PENALTIES = {"l1": "L1", "elastic": "Elastic net", "l2": "L2"}
ORDER = tuple(PENALTIES)
NAMED = {"l1": "L1", "elastic": "the elastic net", "l2": "L2"}  # inside a sentence


@dataclass(frozen=True)
class Result:
    """Fits so far, R penalties in the order of PENALTIES, each at A strengths."""

    problem: str
    names: tuple[str, ...]  # of the features
    alphas: Tensor  # [A]
    iteration: int
    theta: Tensor  # [R, A, P]
    weights: Tensor  # [R, A, W]
    slopes: Tensor  # [R, A, W] ∂J
    residual: Tensor  # [R, A] the largest slope of J̃ left
    loss: dict[str, Tensor]  # split -> [R, A]
    objective: Tensor  # [R, A] J̃ on the training part
    zeros: Tensor  # [R, A] weights that are exactly zero
    chosen: Tensor  # [R] index of the α of least validation loss
    alpha_max: Tensor  # [R] from there on all weights are zero, by the closed form; inf for L2, NaN where there is none
    # [R, W] the α from which on each weight is zero for good, inf where there is none. On the way there, and where weights
    # have no names, the first of the strengths at which it is.
    held: Tensor
    # [n, 2] weight and α, in the order of α, where L2's weights pass through zero: all passages, or for the logistic loss
    # at least these; None on the way there.
    passed: Tensor | None = None
    closed: Tensor | None = None  # [R, A, W] the path in closed form, where there is one
    pair: Pair | None = None
    plain: Plain | None = None
    adam: dict[str, Tensor] = field(default_factory=dict)  # name -> [A] distance ‖w − ŵ‖/‖ŵ‖ to the L2 fit
    pixels: Tensor | None = None  # which of the 64 are in use, for digits

    def order(self) -> list[int]:
        """Weights from the first that L1 holds at zero to the last; among equals the smaller first."""
        size = self.weights[0].abs().amax(0).tolist()
        return sorted(range(len(size)), key=lambda i: (float(self.held[0, i]), size[i]))
