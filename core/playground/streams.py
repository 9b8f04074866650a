"""Random numbers of a run that never ends: each draw belongs to a purpose and to a step, whatever was drawn before.

So the numbers of one purpose stay what they are when another begins or ends in the middle of a run, and a run that is taken up at
a step goes on as it did. The generator of a purpose is seeded anew for each step by a hash of seed, purpose and step.

Shapes: B samples of a batch, C outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import torch
from torch import Generator, Tensor

from core.engine import InputNoise, smooth_labels
from core.lessons.mixup.augmentation import Mixup
from core.playground.data import Problem, features
from core.playground.setup import Setup


class Purpose(IntEnum):
    """What is drawn; a purpose keeps its number."""

    DATA = 0
    START = 1
    ORDER = 2
    DROPOUT = 3
    INPUTS = 4
    WEIGHTS = 5
    MIXUP = 6


class Streams:
    """The generators of a run. `at` hands out one generator for each purpose, seeded for the step that is asked for."""

    def __init__(self, seed: int):
        self.seed = seed
        self._generators = {purpose: Generator() for purpose in Purpose}

    def at(self, purpose: Purpose, step: int = 0) -> list[Generator]:
        """A list of one generator, as the engine takes them; the next call for the purpose seeds it anew."""
        generator = self._generators[purpose]
        generator.manual_seed(_hash((self.seed * 64 + purpose) * 2**40 + step))
        return [generator]


def _hash(value: int) -> int:
    """32 well-mixed bits (SplitMix64): torch's generator takes no more of a seed, and neighbours are to differ in all."""
    z = (value + 0x9E3779B97F4A7C15) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 32


def targets(problem: Problem, loss: str, dtype: torch.dtype) -> Tensor:
    """[1, C, N] as the loss takes them: heights; for two classes one number, 0 and 1, or −1 and 1 where the loss is squared or
    hinge; for more one for each class, 0 and 1, or −1 and 1 for hinge."""
    if not problem.classes:
        return problem.y.to(dtype)[None, None]
    if problem.classes == 2:
        y = problem.y.to(dtype)[None, None]
        return y if loss == "cross_entropy" else 2 * y - 1
    y = torch.nn.functional.one_hot(problem.y, problem.classes).to(dtype).T[None]
    return 2 * y - 1 if loss == "hinge" else y


def smoothed(y: Tensor, epsilon: float) -> Tensor:
    """Labels y [1, C, n] with ε spread over all classes; where C is 1 they are the probability of the second of two."""
    if not epsilon:
        return y
    return (1 - epsilon) * y + epsilon / 2 if y.shape[1] == 1 else smooth_labels(y, epsilon)


class Batches:
    """Endless batches (inputs [1, D, B], targets [1, C, B]) for a Trainer, each epoch in an order of its own.

    `epoch` and `offset` say how much has been seen: together with the step they are all its state. The last batch of an epoch is
    smaller. `load` takes other data, `set` other strengths: both from the next batch on.
    """

    def __init__(self, streams: Streams, step: Callable[[], int]):
        self.streams, self.step = streams, step
        self.epoch = self.offset = 0
        self._epoch = -1

    def load(self, x: Tensor, inputs: Tensor, y: Tensor) -> None:
        """Training data: places x [1, 2, N], inputs [1, D, N] made of them, targets y [1, C, N]."""
        self.x, self.inputs, self.y = x, inputs, y
        self.n = x.shape[2]
        self.offset = min(self.offset, self.n)
        self._epoch = -1

    def set(self, setup: Setup) -> None:
        self.spread = setup.norm == "batch"
        self.size = max(int(setup.batch), 2 if self.spread else 1)
        self.names, self.smoothing = setup.inputs, setup.used("smoothing")
        sigma, alpha = setup.used("input_noise"), setup.used("mixup")
        self.noise = InputNoise(torch.tensor([sigma], dtype=torch.float64), ahead=1) if sigma else None
        self.mixup = Mixup(torch.tensor([alpha], dtype=torch.float64), ahead=1) if alpha else None
        self._epoch = -1

    @property
    def seen(self) -> float:
        """Epochs, with a part of one."""
        return (self.epoch * self.n + self.offset) / self.n

    @property
    def left(self) -> int:
        """Updates to the end of the epoch that is under way; those of a whole one where it is over."""
        return len(self._sizes(self.n - self.offset or self.n))

    def count(self, epoch: int, offset: int, batches: int) -> None:
        """As much counts as seen as after so many batches from a place on."""
        self.epoch, self.offset = epoch, offset
        for _ in range(batches):
            if self.offset >= self.n:
                self.epoch, self.offset = self.epoch + 1, 0
            self.offset += self._sizes(self.n - self.offset)[0]

    def _sizes(self, rest: int) -> list[int]:
        """Of the batches that `rest` samples make. Under batch norm one sample has no spread: it joins those before it."""
        sizes = [min(self.size, rest - start) for start in range(0, rest, self.size)]
        if self.spread and len(sizes) > 1 and sizes[-1] == 1:
            sizes[-2:] = [sizes[-2] + 1]
        return sizes

    def __iter__(self) -> Batches:
        return self

    def __next__(self) -> tuple[Tensor, Tensor]:
        if self.offset >= self.n:
            self.epoch, self.offset = self.epoch + 1, 0
        if self._epoch != self.epoch:
            self._shuffle()
        *raw, inputs, y = self._queue.pop()
        self.offset = min(self.offset + y.shape[2], self.n)
        if not raw:
            return inputs, y
        (x,) = raw
        if self.mixup is not None:
            x, y = self.mixup(x, y, self.streams.at(Purpose.MIXUP, self.step()))
        if self.noise is not None:
            x, y = self.noise(x, y, self.streams.at(Purpose.INPUTS, self.step()))
        return features(x, self.names), y

    def _shuffle(self) -> None:
        """The rest of this epoch's batches; the data as they are where all make one batch, which then needs no random number."""
        self._epoch = self.epoch
        # Places are asked for only where they are mixed or blurred.
        parts = [self.x] * bool(self.noise or self.mixup) + [self.inputs, smoothed(self.y, self.smoothing)]
        if self.size < self.n:
            order = torch.randperm(self.n, generator=self.streams.at(Purpose.ORDER, self.epoch)[0])[self.offset :]
            parts = [part[:, :, order] for part in parts]
        # Cut once an epoch: a view costs as much as a small matrix product.
        sizes = self._sizes(parts[-1].shape[2])
        self._queue = list(zip(*(part.split(sizes, -1) for part in parts), strict=True))[::-1]
