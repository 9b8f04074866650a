"""What can be set on this page, and what is known of every run: scores, agreement, errors and losses of three nets.

Shapes: A nets (alone, student, teacher), S seeds, R records, T updates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.controls import choice, grid, number, switch
from core.engine import generators, spawn
from core.lesson import Scene

NETS = ("alone", "student", "teacher")
SEEDS = 5
LEARNING_RATE = 0.02
DECAYS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999, 0.9999)
UPDATES = 150  # on images
DATA = {"moons": "Two moons", "nuclei": "Cell nuclei", "clip": "Simulated laparoscopic clip"}
MOONS, IMAGES = ("data", ("moons",)), ("data", ("nuclei", "clip"))


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    data: str = choice("moons", options=DATA, label="Data", help="Points of two classes, or images and the masks of what is in "
                       "them. The clip is drawn by this lab; nothing of it was filmed.")
    labels: int = number(12, low=2, high=40, step=2, label="Labelled points", help="Half of each class.", when=MOONS)
    images: int = number(3, low=1, high=8, step=1, label="Labelled images", when=IMAGES,
                         help="Tiles of the picture of nuclei, or frames of a clip, whose masks the nets are given.")
    decay: float = grid(0.97, values=DECAYS, label="Decay a of the average",
                        help="The teacher keeps this part of itself at each update. It is warmed up as min(1 − 1/(t + 1), a).")
    weight: float = grid(10.0, values=(0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0), label="Consistency weight w",
                         help="How much agreement with the teacher counts beside the labels; 0 is supervised training.")
    ramp: int = number(100, low=0, high=400, step=20, label="Ramp-up", unit="updates",
                       help="The weight grows to its full size over so many updates; 0 gives it from the start.")
    strength: float = number(0.12, low=0.0, high=0.4, step=0.02, label="Strength of the transforms",
                             help="Size of the random affine transforms of what is unlabelled; of images, of brightness too.")
    augment: bool = switch(False, label="Transform the labelled images too", when=IMAGES, more=True,
                           help="Of the net alone and of the student, mask and image together: a stronger rival.")
    wrong: int = number(0, low=0, high=4, step=1, label="Wrong labels", help="So many labels of class A say B.", more=True,
                        when=MOONS)
    unlabelled: int = number(200, low=20, high=400, step=20, label="Unlabelled points n", more=True, when=MOONS)
    spread: float = number(0.1, low=0.0, high=0.4, step=0.02, label="Spread of the moons", more=True, when=MOONS,
                           help="Standard deviation of the blur, in units of a moon's radius.")
    norm: str = choice("none", label="Batch norm", more=True, when=MOONS,
                       options={"none": "None", "averaged": "Statistics averaged too", "stale": "Teacher's statistics stale"},
                       help="What batch norm remembers is no weight: the teacher needs statistics of its own.")
    steps: int = number(400, low=100, high=800, step=100, label="Updates", more=True, when=MOONS)

    @property
    def updates(self) -> int:
        """How many updates a whole run has."""
        return self.steps if self.data == "moons" else UPDATES


@dataclass(frozen=True)
class Result:
    """A nets on S seeds after `step` updates, looked at R times. The first seed's nets are the ones that are drawn.

    A score is a part of the test points that is right, or the mean Dice of the test images; things are points or pixels.
    """

    step: int
    recorded: Tensor  # [R] steps at which the nets were looked at
    score: Tensor  # [R, A, S]
    agree: Tensor  # [R, S] part of the unlabelled things on which student and teacher agree
    confirmed: Tensor  # [R, S] part of them on which they agree and are both wrong
    mistaken: Tensor  # [R, S] part of them on which the net that learns alone is wrong
    cost: Tensor  # [T, S] consistency loss, without its weight
    loss: Tensor  # [T, 2, S] supervised loss of the net alone and of the student (nats)


def streams(config: Config, count: int = 4) -> list[list[torch.Generator]]:
    """Separate generators for data, start, transforms and pictures, each a list of one for every seed."""
    parents = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    return [spawn(parents) for _ in range(count)]


def gains(result: Result) -> Tensor:
    """By how much the teacher's score is above that of the net that learns alone, [S]."""
    return result.score[-1, 2] - result.score[-1, 0]
