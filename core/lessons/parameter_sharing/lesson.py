"""Parameter sharing says where two weights must be equal: at all places, at all steps, or nearly, in two tasks.

    images      a ConvNet uses one filter at every place; MLPs of equal size and of equal accuracy have a weight for each pixel
    sequences   a recurrent net uses one cell at every step; a net of equal width has a cell for each
    tying       two tasks have weights of their own and a penalty λ ‖w_A − w_B‖², from separate fits to hard sharing

All minimise a mean loss. Each of the three modules beside this one names its objective and its shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.controls import choice, grid, number
from core.engine import generators
from core.lesson import Scene, last
from core.lessons.parameter_sharing.images import SIZES, TEST, Images, Study, convnet
from core.lessons.parameter_sharing.sequences import UPDATES as RACE_UPDATES
from core.lessons.parameter_sharing.sequences import Race, Sequences
from core.lessons.parameter_sharing.tying import SHARES, Pair, Tying
from core.lessons.parameter_sharing.tying import UPDATES as PAIR_UPDATES

PARTS = {"images": "Over a picture", "sequences": "Over time", "tying": "Between two tasks"}
HEADS = {"max": "largest value of each map", "flat": "a weight for each place"}
PADDINGS = {"zeros": "zeros", "circular": "circular"}
PROBLEMS = {"linear": "Two linear fits", "nets": "Two nets on digits"}
REACH = 3
IMAGES, SEQUENCES, TYING = ("part", ("images",)), ("part", ("sequences",)), ("part", ("tying",))


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    part: str = choice("images", options=PARTS, label="What is shared", help="Where weights are made equal.")
    images: float = grid(1000.0, values=tuple(float(n) for n in SIZES), label="Training images N", view=True, when=IMAGES,
                         help="All sizes are trained at once; this is the one that the pictures show.")
    head: str = choice("max", options=HEADS, label="ConvNet ends with", when=IMAGES,
                       help="The largest value of a map does not say where it was; a weight for each place does.")
    padding: str = choice("zeros", options=PADDINGS, label="Padding", when=IMAGES,
                          help="What a filter meets beyond the edge: zeros, or the opposite edge.")
    digit: int = number(3, low=0, high=TEST - 1, step=1, label="Number of the test digit", view=True, when=IMAGES)
    dx: int = number(0, low=-REACH, high=REACH, step=1, label="Shift to the right", view=True, hidden=True)
    dy: int = number(0, low=-REACH, high=REACH, step=1, label="Shift down", view=True, hidden=True)
    updates: int = number(100, low=40, high=240, step=20, label="Updates", more=True, when=IMAGES)
    length: int = number(12, low=6, high=24, step=2, label="Trained length T", when=SEQUENCES)
    jitter: float = number(0.3, low=0.0, high=1.0, step=0.1, label="Noise in sequences", when=SEQUENCES)
    tie: float = number(0.5, low=0.0, high=1.0, step=0.05, label="Tie s", view=True, when=TYING,
                        help="λ = s / (1 − s) times a unit: 0 separate fits, 1 one set of weights.")
    problem: str = choice("linear", options=PROBLEMS, label="Tasks", when=TYING)
    distance: float = number(1.0, low=0.0, high=2.0, step=0.1, label="Distance of the truths", when=TYING,
                             help="‖w*_A − w*_B‖ of the linear tasks.")
    noise: float = number(0.8, low=0.1, high=2.0, step=0.1, label="Noise of the samples", when=TYING, more=True)

    def matters(self, name: str) -> bool:
        return super().matters(name) and (name not in ("distance", "noise") or self.problem == "linear")


@dataclass(frozen=True)
class Result:
    """One of the three parts; the others are None."""

    images: Images | None = None
    sequences: Sequences | None = None
    tying: Tying | None = None


def steps(config: Config) -> Iterator[Result]:
    root = generators([config.seed])[0]
    if config.part == "images":
        runs, wrap = Study(convnet(config.head, config.padding), config.updates, root).steps(), lambda r: Result(images=r)
    elif config.part == "sequences":
        runs, wrap = Race(config.length, config.jitter, root).steps(), lambda r: Result(sequences=r)
    else:
        runs, wrap = Pair(config.problem, config.distance, config.noise, root).steps(), lambda r: Result(tying=r)
    inner, outer = None, Result()
    for run_so_far in runs:
        if run_so_far is not inner:
            inner, outer = run_so_far, wrap(run_so_far)
        yield outer


def run(config: Config) -> Result:
    return last(steps(config))


def done(result: Result, config: Config) -> bool:
    """Whether the last update is made and looked at."""
    last_updates = {"images": config.updates, "sequences": RACE_UPDATES, "tying": PAIR_UPDATES[config.problem]}
    part = result.images or result.sequences or result.tying
    return part is not None and part.step >= last_updates[config.part]


def size_index(config: Config) -> int:
    """The place of the training size in view among SIZES."""
    return min(range(len(SIZES)), key=lambda i: abs(SIZES[i] - config.images))


def tie_index(config: Config) -> int:
    """The place of the slider's s among SHARES."""
    return min(range(len(SHARES)), key=lambda i: abs(SHARES[i] - config.tie))
