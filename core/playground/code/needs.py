"""What a script of a run needs, said once for all its parts."""

from __future__ import annotations

from dataclasses import dataclass

from core.playground.data import SETS, Problem
from core.playground.setup import Setup


@dataclass(frozen=True)
class Needs:
    """Strengths are 0 where they play no part in this set-up."""

    setup: Setup
    problem: Problem

    @property
    def sizes(self) -> tuple[int, ...]:
        """Units of each layer, inputs and outputs included."""
        return len(self.setup.inputs), *self.setup.widths, self.problem.outputs

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that have samples: all, or the training set alone."""
        return SETS if self.problem.ends[2] > self.problem.size else SETS[:1]

    @property
    def size(self) -> int:
        """Of a batch; under batch norm one sample has no spread."""
        return max(int(self.setup.batch), 2 if self.setup.norm == "batch" else 1)

    @property
    def shuffles(self) -> bool:
        """Whether an epoch has more than one batch."""
        return self.size < self.problem.size

    @property
    def momentum(self) -> float:
        return self.setup.alpha if self.setup.method in ("momentum", "nesterov") else 0.0

    @property
    def dropout(self) -> float:
        return self.setup.dropout if self.setup.hidden else 0.0

    @property
    def smoothing(self) -> float:
        return self.setup.used("smoothing")

    @property
    def mixup(self) -> float:
        return self.setup.used("mixup")

    @property
    def averaging(self) -> bool:
        return self.setup.averaging > 0

    @property
    def skips(self) -> bool:
        """Whether a hidden layer adds its input."""
        return self.setup.skips and any(i == o for i, o in zip(self.sizes, self.sizes[1:-1], strict=False))

    @property
    def purposes(self) -> dict[str, int]:
        """What random numbers are drawn for, with the numbers of `streams.Purpose`."""
        drawn = {"order": (2, self.shuffles), "dropout": (3, self.dropout), "inputs": (4, self.setup.input_noise),
                 "weights": (5, self.setup.weight_noise), "mixup": (6, self.mixup)}
        return {name: number for name, (number, used) in drawn.items() if used}

    @property
    def sequential(self) -> bool:
        """Whether the net is a sequence of modules."""
        return not (self.skips or self.dropout)

    @property
    def features(self) -> str:
        """What the net is given: the places themselves, or what is made of them."""
        return "x" if self.setup.inputs == ("x1", "x2") else "inputs(x)"

    @property
    def penalised(self) -> bool:
        return bool(self.setup.l1 or self.setup.l2 or self.smoothing)

    @property
    def held(self) -> list[tuple[int, ...]]:
        """Names of what is held and is there; layers, units and inputs are counted from 1."""
        def there(layer: int, unit: int, source: int = 0) -> bool:
            return layer < len(self.sizes) and unit <= self.sizes[layer] and source <= self.sizes[layer - 1]
        return [name for name in self.setup.frozen if there(*name)]

    @property
    def until(self) -> float:
        return self.setup.until if len(self.sets) > 1 else 0.0

    @property
    def patience(self) -> int:
        return self.setup.patience if len(self.sets) > 1 else 0

    @property
    def counts_epochs(self) -> bool:
        return bool(self.setup.epochs or self.patience)

    @property
    def rules(self) -> bool:
        """Whether a rule may stop the run; two of them need a validation set."""
        return bool(self.setup.epochs or self.until or self.patience)

    @property
    def maths(self) -> bool:
        """Whether the script needs Python's `math`."""
        return bool(self.mixup or self.setup.schedule == "cosine" or self.setup.start in ("xavier", "he"))

    @property
    def target(self) -> str:
        """What is made of classes y for the loss."""
        signs = self.setup.minimised == "hinge" or (self.setup.minimised == "squared" and self.problem.classes == 2)
        if not self.problem.classes:
            return "y[:, None]"
        if self.problem.classes == 2:
            return "2.0 * y[:, None] - 1" if signs else "y[:, None].float()"
        if self.setup.minimised == "cross_entropy" and not self.mixup:
            return "y"
        return f"{'2.0 * ' if signs else ''}nn.functional.one_hot(y, {self.problem.classes}){' - 1' if signs else '.float()'}"
