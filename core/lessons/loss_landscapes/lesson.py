"""Two nets, one without and one with skip connections, are trained from one start; then the loss around them is cut open.

Objective: the mean over N = 64 points of binary cross-entropy (nats) or of (out − y)² with y = ±1, full batch, without
penalty. Training is gradient descent or heavy ball: v ← αv − ε∇J, θ ← θ + v. The cuts are `landscape`'s, the twins
`matching`'s, the curvature `core.curvature`'s. The closed-form surfaces are `core.surfaces`'.

Shapes: M landscapes (2 nets, or 1 surface), P parameters, S snapshots, A × B points of a plane, T points of a segment,
E places where curvature is measured, R starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import Tensor

from core import surfaces
from core.controls import choice, decades, grid, number, switch
from core.lesson import Scene, last
from core.lessons.loss_landscapes import walk as surface_walk
from core.lessons.loss_landscapes.lab import NETS, Lab

FITTED, DEEP, REACH = 0.05, 8, 0.75  # the challenge: loss, layers, filter norms
SURFACES = tuple(surfaces.NAMES)
NETWORK = ("network",)
PLANES = {"start": "Back to the start, and random", "random": "Two random directions",
          "trajectory": "Path's own plane (PCA)", "segment": "Through two solutions"}
SECOND = {"other": "Trained from another start", "twin": "Twin: same net, units re-ordered"}
DATA = {"moons": "Two moons", "circles": "Circles", "spirals": "Spirals"}
OBJECTIVES = {"cross_entropy": "Cross-entropy", "squared": "Squared error"}


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    problem: str = choice("network", options={"network": "A trained net", **surfaces.NAMES}, label="Landscape of",
                          help="A net that is trained now, or a function of two parameters known in closed form.")
    skips: str = choice("plain", options=NETS, label="Look at the net", view=True, when=("problem", NETWORK),
                        help="Both are trained, from the same start; this one is drawn first.")
    plane: str = choice("start", options=PLANES, label="Cut along", when=("problem", NETWORK),
                        help="A net has far more than two parameters; the picture is a plane cut through their space.")
    second: str = choice("other", options=SECOND, label="Second solution", when=("plane", ("segment",)))
    depth: int = number(8, low=1, high=12, step=1, label="Hidden layers", when=("problem", NETWORK))
    batch_norm: bool = switch(True, label="Batch norm", when=("problem", NETWORK),
                              help="In every hidden layer; each point of the plane is normalised by its own full batch.")
    learning_rate: float = grid(0.3, values=decades(-4, 0, (1, 1.5, 2, 3, 5, 7)), label="Learning rate ε")
    kappa: float = grid(20.0, values=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0), label="Condition number κ",
                        when=("problem", ("ravine",)), help="Steepest curvature over flattest.")
    width: int = number(12, low=4, high=24, step=4, label="Units per layer", more=True, when=("problem", NETWORK))
    activation: str = choice("relu", options={"relu": "ReLU", "tanh": "tanh"}, label="Activation", more=True,
                             when=("problem", NETWORK))
    alpha: float = number(0.0, low=0.0, high=0.95, step=0.05, label="Momentum α", more=True,
                          help="0 is plain gradient descent. The limit of stability moves to 2(1 + α)/ε.")
    steps: int = number(100, low=50, high=1500, step=50, label="Training steps", more=True)
    data: str = choice("moons", options=DATA, label="Data", more=True, when=("problem", NETWORK))
    objective: str = choice("cross_entropy", options=OBJECTIVES, label="Loss", more=True, when=("problem", NETWORK))
    radius: float = number(0.75, low=0.25, high=2.0, step=0.25, label="Reach of the plane", unit="filter norms", more=True,
                           when=("plane", ("start", "random")))
    scale: str = choice("linear", options={"linear": "Linear", "log": "Logarithmic"}, label="Heights", more=True, view=True,
                        when=("problem", NETWORK),
                        help="Of surface and colours. Logarithmic heights show valley floors, linear ones mountains.")
    resolution: int = grid(41, values=(41, 61, 81), label="Points along each side", more=True)
    restarts: int = number(6, low=0, high=48, step=2, label="Further starts", more=True, when=("problem", NETWORK),
                           help="Nets trained from other random starts, to compare where they end. Fewer are trained where "
                           "so many would take too long.")
    start_x: float = number(-0.2, low=-6.0, high=6.0, step=0.01, label="Start, first parameter", more=True,
                            when=("problem", SURFACES), help="Or click on the map.")
    start_y: float = number(-0.8, low=-6.0, high=6.0, step=0.01, label="Start, second parameter", more=True,
                            when=("problem", SURFACES))


@dataclass(frozen=True)
class Result:
    """M landscapes and the path of training on each, up to where the run has come.

    What is not there yet is None, or NaN inside a tensor.
    """

    problem: str
    nets: tuple[str, ...]  # [M]
    step: int
    losses: Tensor  # [steps so far (+1), M] objective at each step
    limit: float  # 2(1 + α)/ε, the sharpness above which gradient descent is unstable
    floor: float  # the loss below which nothing lies, 0 for a net
    diverged_at: Tensor  # [M] first step that is not finite, NEVER if none
    reasons: tuple[str, ...]  # [M] why, in words, "" if it is finite
    kinds: tuple[str, ...] = ()  # [M] the plane that was drawn
    theta: Tensor | None = None  # [2, M, P] start and end
    a: Tensor | None = None  # [M, A] axis of the plane
    b: Tensor | None = None  # [M, B] axis of the plane
    grid: Tensor | None = None  # [M, B, A] loss on the plane
    near_a: Tensor | None = None  # [M, N] axes of the part that the path is in, None where the plane's own frame is chosen by it
    near_b: Tensor | None = None
    near: Tensor | None = None  # [M, N, N] loss there
    snapshot_steps: Tensor | None = None  # [S]
    path: Tensor | None = None  # [S, M, 2] coordinates of the snapshots' nearest points in the plane
    projection_loss: Tensor | None = None  # [S, M] loss at those points
    off_plane: Tensor | None = None  # [S, M] distance of the net from that point
    moved: Tensor | None = None  # [S, M] distance from the plane's origin
    explained: Tensor | None = None  # [M, 2] share of the path's variance along each direction, NaN unless PCA
    marks: Tensor | None = None  # [M, 3, 2] the two solutions and the matched second one, NaN unless segment
    basins: Tensor | None = None  # [M] basins that count (`lab.bottoms`), the minima of a closed-form surface, NEVER if unknown
    bottoms: tuple[Tensor, ...] = ()  # [M] where those of nets are, [n, 2] in coordinates of the plane
    bends_down: Tensor | None = None  # [M] part of the plane with a negative curvature
    segment_t: Tensor | None = None  # [T] places along the segments
    segments: dict[str, Tensor] = field(default_factory=dict)  # name -> [T, M] loss
    barriers: dict[str, Tensor] = field(default_factory=dict)  # name -> [M]
    sharpness_steps: Tensor | None = None  # [E]
    sharpness: Tensor | None = None  # [E, M] top Hessian eigenvalue
    final_losses: Tensor | None = None  # [R, M] of all starts, the two above first
    rescaled: dict[str, Tensor] = field(default_factory=dict)  # factor, loss and sharpness -> [F], of the plain ReLU net


def steps(config: Config) -> Iterator[Result]:
    if config.problem != "network":
        yield Result(**surface_walk.walk(config))
        return
    lab, result = Lab(config), None
    for stage in (lab.train, lab.cut, lab.cut_near, lab.interpolate, lab.measure_curvature, lab.rescale):
        for _ in stage():
            if result is None or any(getattr(result, name) is not value for name, value in lab.found.items()):
                result = Result(**lab.found)
            yield result


def run(config: Config) -> Result:
    return last(steps(config))
