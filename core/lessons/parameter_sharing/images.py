"""Digits that are moved, for a net that shares its weights over the picture and for nets that do not.

Every net minimises the mean cross-entropy of batches of 16 with Adam; rows of theta are training sizes times seeds.

Shapes: A nets, N sizes of the training set, S seeds, R = N S rows, D shifts of 0 to 3 pixels, B test images of H x W.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from core.data import real
from core.engine import (
    MLP,
    Adam,
    Conv,
    ConvNet,
    Generators,
    Network,
    Supervised,
    Trainer,
    cosine,
    cross_entropy,
    generators,
    spawn,
    uniforms,
)

SIDE, MARGIN, POOL, TEST, PREVIEW = 12, 2, 1000, 240, 40
SIZES = (20, 100, 300, 1000)
SEEDS, SHIFTS, BATCH = 5, 4, 16
# Adam's: of 0.015 to 0.12 and 0.0075 to 0.12, twofold apart, the best on unmoved digits at 1,000 images, seeds 20 and 21.
CONVNET_RATE, MLP_RATE = 0.03, 0.06
WIDTHS = (8, 24, 48)
CONTRAST = 2.0  # what pixels from 0 to 1 are multiplied by before a net sees them
WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))
CHUNK = 4  # updates between two pauses
MOMENTS = (0.04, 0.12, 0.24, 0.4, 0.64)  # shares of all updates after which the nets are looked at


@dataclass(frozen=True)
class Images:
    """What the nets do after `step` updates; accuracies in [0, 1]. The first net is the ConvNet, then MLPs by width."""

    step: int
    net: ConvNet
    widths: tuple[int, ...]
    parameters: tuple[int, ...]  # [A]
    accuracy: Tensor  # [A, N, S, D] on test images moved by 0 to 3 pixels
    theta: tuple[Tensor, ...]  # [A] of [N, P], of the first seed
    test_BHW: Tensor
    label_B: Tensor
    before: tuple[Images, ...] = ()  # the same after fewer updates, accuracies on the first PREVIEW test images

    @property
    def moments(self) -> tuple[Images, ...]:
        """What the player shows, this one last."""
        return *self.before, self

    @property
    def equal(self) -> int:
        """The place of the MLP of equal size."""
        return 1 + self.widths.index(equal_width(self.net))

    def accurate(self, size: int) -> int:
        """The place of the MLP whose mean accuracy at this training size comes closest to the ConvNet's, not moved."""
        mean = self.accuracy[:, size, :, 0].mean(1)
        return 1 + int((mean[1:] - mean[0]).abs().argmin())


def convnet(head: str, padding: str) -> ConvNet:
    """Two convolutions. head: "max" keeps the largest value of each map, "flat" a value for each of nine places."""
    first, last = ((4, Conv(16, 5, padding=2, pool="max", pool_size=6)) if head == "max" else
                   (8, Conv(16, 3, padding=1, pool="max")))
    return ConvNet(inputs=(1, SIDE, SIDE), layers=(Conv(first, 3, padding=1, pool="max"), last), outputs=10, padding_mode=padding)


def equal_width(net: ConvNet) -> int:
    """Hidden units of the MLP whose parameters come closest to the net's."""
    return min(range(1, 100), key=lambda H: abs(mlp(H).P - net.P))


def mlp(width: int) -> MLP:
    return MLP(sizes=(SIDE * SIDE, width, 10), activation="relu")


def moved(images: Tensor, dx: int, dy: int) -> Tensor:
    """Images [..., H, W] moved right by dx and down by dy; what comes in is empty, what goes out is lost."""
    H, W = images.shape[-2:]
    r = max(abs(dx), abs(dy))
    padded = F.pad(images, (r, r, r, r))
    return padded[..., r - dy : r - dy + H, r - dx : r - dx + W]


def digits(draw: Generator) -> tuple[Tensor, Tensor]:
    """All digits in the middle of 12 x 12 pixels, [1797, H, W] in [0, 1], with their classes, in random order."""
    data = real.digits()
    order = torch.randperm(len(data.labels_N), generator=draw)
    return F.pad(data.images_NHW, (MARGIN,) * 4)[order], data.labels_N[order]


def ask(net: Network, theta: Tensor, images: Tensor) -> Tensor:
    """Logits [K, 10, B] of K nets on images [B, H, W]."""
    x = (CONTRAST * images).permute(1, 2, 0)[None]
    return net.forward(theta, x[:, None] if isinstance(net, ConvNet) else x.reshape(1, SIDE * SIDE, -1))


class Study:
    """The nets of a scene, trained side by side."""

    def __init__(self, net: ConvNet, updates: int, root: Generator):
        self.net, self.updates = net, updates
        draw, way, start = spawn([root] * 3)
        images, labels = digits(draw)
        self.test, self.label = images[POOL : POOL + TEST], labels[POOL : POOL + TEST]
        self.train = CONTRAST * images[:POOL].reshape(POOL, -1), labels[:POOL]
        ways = torch.randint(4, (TEST,), generator=way)
        self.shifted = [torch.stack([moved(self.test, d * a, d * b) for a, b in WAYS])[ways, torch.arange(TEST)]
                        for d in range(SHIFTS)]
        seeds = spawn([start] * SEEDS)
        order = torch.stack([torch.randperm(POOL, generator=g) for g in seeds])
        self.order = order.repeat(len(SIZES), 1)  # rows: size by size, seed after seed; small sets are parts of large ones
        self.count = torch.tensor(SIZES).repeat_interleave(SEEDS)[:, None]
        self.widths = tuple(sorted({*WIDTHS, equal_width(net)}))
        self.nets: list[Network] = [net, *map(mlp, self.widths)]
        self.trainers = [self._trainer(one, spawn(seeds)) for one in self.nets]
        self.before: list[Images] = []

    def _trainer(self, net: Network, seeds: Generators) -> Trainer:
        """All sizes start from the weights of their seed."""
        theta = net.init(seeds).repeat(len(SIZES), 1)
        streams = generators([g.initial_seed() for g in seeds] * len(SIZES))
        rise, fall = 20, cosine(self.updates)
        return Trainer(Supervised(net, cross_entropy), theta, Adam(CONVNET_RATE if isinstance(net, ConvNet) else MLP_RATE),
                       self._batches(streams, isinstance(net, ConvNet)), schedule=lambda t: min(1, (t + 1) / rise) * fall(t))

    def _batches(self, streams: Generators, square: bool) -> Iterator[tuple[Tensor, Tensor]]:
        x, y = self.train
        while True:
            i = self.order.gather(1, (uniforms(streams, BATCH) * self.count).long())
            batch = x[i].transpose(1, 2)
            yield batch.unflatten(1, (1, SIDE, SIDE)) if square else batch, y[i]

    def steps(self) -> Iterator[Images]:
        """Previews on few test images, then the whole; the same again where nothing new is to be drawn."""
        result = self._seen(0, *self._accuracies(PREVIEW))
        yield result
        looks = {max(1, round(share * self.updates / CHUNK)) * CHUNK for share in MOMENTS}
        for stop in range(CHUNK, self.updates + CHUNK, CHUNK):
            for trainer in self.trainers:
                trainer.advance(min(CHUNK, self.updates - trainer.step))
                yield result
            if stop in looks and stop < self.updates:
                result = self._seen(stop, *self._accuracies(PREVIEW))
                yield result
        parts = []
        for a in range(len(self.nets)):
            for d in range(SHIFTS):
                parts.append(self._accuracy(a, d, TEST))
                yield result
        yield self._seen(self.updates, *parts)

    def _accuracies(self, count: int) -> list[Tensor]:
        return [self._accuracy(a, d, count) for a in range(len(self.nets)) for d in range(SHIFTS)]

    def _accuracy(self, a: int, d: int, count: int) -> Tensor:
        """[N, S] of net a on the first `count` test images, moved by d."""
        with torch.no_grad():
            out = ask(self.nets[a], self.trainers[a].theta, self.shifted[d][:count])
        return (out.argmax(1) == self.label[:count]).float().mean(1).reshape(len(SIZES), SEEDS)

    def _seen(self, step: int, *parts: Tensor) -> Images:
        accuracy = torch.stack(parts, -1).unflatten(-1, (len(self.nets), SHIFTS)).movedim(2, 0)
        firsts = tuple(t.theta.reshape(len(SIZES), SEEDS, -1)[:, 0].clone() for t in self.trainers)
        seen = Images(step, self.net, self.widths, tuple(one.P for one in self.nets), accuracy, firsts, self.test, self.label)
        self.before.append(seen)
        return replace(seen, before=tuple(self.before[:-1]))
