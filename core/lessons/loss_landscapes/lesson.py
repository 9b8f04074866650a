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
                        when=("problem", ("ravine",)), help="Steepest curvature over flattest, λ_max/λ_min.")
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
                           help="Nets trained from other random starts, to compare where they end.")
    start_x: float = number(-0.2, low=-6.0, high=6.0, step=0.01, label="Start, first parameter", more=True,
                            when=("problem", SURFACES), help="Or click on the map.")
    start_y: float = number(-0.8, low=-6.0, high=6.0, step=0.01, label="Start, second parameter", more=True,
                            when=("problem", SURFACES))


@dataclass(frozen=True)
class Result:
    """Up to where the run has come; what is not there yet is None, or NaN inside a tensor.

    losses [steps so far (+1), M]: objective at each step; diverged_at [M], NEVER if finite; reasons [M] in words, "" if none.
    theta [2, M, P]: start and end. kinds [M]: the plane that was drawn. a [M, A], b [M, B], grid [M, B, A]: loss on the plane.
    path [S, M, 2]: coordinates of the snapshots' nearest points in the plane, at snapshot_steps [S]; path_loss, shadow_loss:
    loss of the net itself and of that nearest point; off_plane: distance between the two; moved: distance from the plane's
    origin, all [S, M]. explained [M, 2]: variance of the path along the plane's directions, of its whole, NaN unless PCA.
    marks [M, 3, 2]: the two solutions and the matched second one, NaN unless segment.
    basins [M]: basins of the plane that count (`core.landscape.basins`), the minima of a closed-form surface, NEVER while
    unknown; bends_down [M]: part of the plane with a negative curvature.
    segments: name -> loss [T, M] at segment_t [T]; barriers: name -> [M].
    sharpness [E, M]: top Hessian eigenvalue at sharpness_steps [E]; limit: 2(1 + α)/ε. floor: the loss below which
    nothing lies, 0 for a net.
    final_losses [R, M]: of all starts, the two above first. rescaled: factor, loss and sharpness [F] of the plain ReLU net.
    """

    problem: str
    nets: tuple[str, ...]
    step: int
    losses: Tensor
    limit: float
    floor: float
    diverged_at: Tensor
    reasons: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    theta: Tensor | None = None
    a: Tensor | None = None
    b: Tensor | None = None
    grid: Tensor | None = None
    snapshot_steps: Tensor | None = None
    path: Tensor | None = None
    path_loss: Tensor | None = None
    shadow_loss: Tensor | None = None
    off_plane: Tensor | None = None
    moved: Tensor | None = None
    explained: Tensor | None = None
    marks: Tensor | None = None
    basins: Tensor | None = None
    bends_down: Tensor | None = None
    segment_t: Tensor | None = None
    segments: dict[str, Tensor] = field(default_factory=dict)
    barriers: dict[str, Tensor] = field(default_factory=dict)
    sharpness_steps: Tensor | None = None
    sharpness: Tensor | None = None
    final_losses: Tensor | None = None
    rescaled: dict[str, Tensor] = field(default_factory=dict)


def steps(config: Config) -> Iterator[Result]:
    if config.problem != "network":
        yield Result(**surface_walk.walk(config))
        return
    lab = Lab(config)
    for stage in (lab.train, lab.cut, lab.interpolate, lab.measure_curvature, lab.rescale):
        for _ in stage():
            yield Result(**lab.found)


def run(config: Config) -> Result:
    return last(steps(config))
