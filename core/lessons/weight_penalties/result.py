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
    """Fits so far, in the order of PENALTIES. theta [R, A, P]; weights and slopes (∂J) [R, A, W]; residual [R, A]: the
    largest slope of J̃ left.

    loss: split -> [R, A]; objective [R, A]: J̃ on the training part; zeros [R, A]: exact ones; chosen [R]: index of the α of
    least validation loss. alpha_max [R]: from there on all weights are zero, by the closed form (inf for L2, NaN where there
    is none); closed [R, A, W]: the path in closed form, where there is one.
    held [R, W]: the α from which on each weight is zero for good, inf where there is none; on the way there, and where weights
    have no names, the first of the strengths at which it is. passed [n, 2]: where L2's weights pass through zero,
    weight and α in the order of α; all passages, or for the logistic loss at least these; None on the way there.
    adam: name -> [A], the distance ‖w − ŵ‖/‖ŵ‖ to the L2 fit. pixels: which of the 64 pixels are in use, for digits.
    """

    problem: str
    names: tuple[str, ...]
    alphas: Tensor
    iteration: int
    theta: Tensor
    weights: Tensor
    slopes: Tensor
    residual: Tensor
    loss: dict[str, Tensor]
    objective: Tensor
    zeros: Tensor
    chosen: Tensor
    alpha_max: Tensor
    held: Tensor
    passed: Tensor | None = None
    closed: Tensor | None = None
    pair: Pair | None = None
    plain: Plain | None = None
    adam: dict[str, Tensor] = field(default_factory=dict)
    pixels: Tensor | None = None

    def order(self) -> list[int]:
        """Weights from the first that L1 holds at zero to the last; among equals the smaller first."""
        size = self.weights[0].abs().amax(0).tolist()
        return sorted(range(len(size)), key=lambda i: (float(self.held[0, i]), size[i]))
