"""What augmentation buys: small ConvNets on patches, trained with none, with a harmless and with a label-breaking set.

    J(θ) = mean over a batch of −ln p_label(T(x); θ), T a fresh draw for every sample of every update

Arms, sizes of the training set and seeds are rows of one tensor. Nets of one seed start alike and meet the same samples in the
same order; the samples of a smaller training set are the first of a larger one. Test patches are never transformed.

Shapes: A arms, N training sizes, S seeds, K = A·N·S rows, B batch, P patches, R records.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.data import real
from core.engine import Adam, Conv, ConvNet, Generators, Supervised, Trainer, cosine, cross_entropy, spawn
from core.transforms import geometry

ARMS = ("none", "good", "breaking")
SIZES = (30, 100, 300)
TEST = 300
BATCH = 16
RATE = 1e-2
PATCH = 8  # pixels of a side; those of the micrograph are averaged two by two
AHEAD = 10  # batches that are made at a time
GOOD = {"shift": "Shift", "rotate": "Rotate", "scale": "Scale", "flip": "Flip left–right"}
BREAKING = {"mirror": "Flip left–right", "half_turn": "Turn by 180°", "away": "Shift by half a patch"}


@dataclass(frozen=True)
class Patches:
    """Images x [S, P, H, W] and labels y [S, P] of S seeds: training, largest size, and test."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: int


@dataclass(frozen=True)
class Curves:
    """Test errors so far, and what the nets were shown."""

    step: int
    sizes: Tensor  # [N]
    error: Tensor  # [A, N, S] part wrong of the test patches
    recorded: Tensor  # [R] updates
    history: Tensor  # [R, A, N, S]
    plain: Tensor  # [10, H, W] patches of the first seed, of each class in turn
    shown: Tensor  # [A, 10, H, W] the same after one draw of each arm
    labels: Tensor  # [10]
    confusion: Tensor  # [A, C, C] how often a class (row) is taken for another: largest size, all seeds


def digit_patches(rngs: Generators) -> Patches:
    """The digits, in an order of each seed's own."""
    data = real.digits()
    order = torch.stack([torch.randperm(len(data.labels_N), generator=g) for g in rngs])
    train, test = order[:, : SIZES[-1]], order[:, -TEST:]
    return Patches(data.images_NHW[train], data.labels_N[train], data.images_NHW[test], data.labels_N[test], 10)


@lru_cache(maxsize=1)
def _fields() -> tuple[tuple[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """For the left part of the micrograph (training) and the right one (test): the image and the places (y, x) at which a patch
    may be centred, in a nucleus and in the background."""
    data = real.nuclei()
    half = PATCH // 2
    whole, nuclei = data.image_HW.unflatten(0, (-1, 2)).unflatten(2, (-1, 2)).mean((1, 3)), data.instances_HW[::2, ::2] > 0
    middle = int(0.6 * whole.shape[1])
    found = []
    for low, high in ((0, middle), (middle, whole.shape[1])):
        image, inside = whole[:, low:high], nuclei[:, low:high]
        within = torch.zeros_like(inside)
        within[half : -half, half : -half] = True
        found.append((image, (inside & within).nonzero(), (~inside & within).nonzero()))
    return found[0], found[1]


def nucleus_patches(rngs: Generators) -> Patches:
    """Patches whose central pixel lies in a nucleus (1) or in the background (0), half of each; grey levels of each patch have
    mean 0 and standard deviation 1, so that brightness alone does not tell. Training and test are two parts of the image."""
    parts: list[tuple[Tensor, Tensor]] = []
    for (image, nuclei, ground), count in zip(_fields(), (SIZES[-1], TEST), strict=True):
        windows = image.unfold(0, PATCH, 1).unfold(1, PATCH, 1)
        xs, ys = [], []
        for g in rngs:
            label = torch.randperm(count, generator=g) % 2
            one = nuclei[torch.randint(len(nuclei), (count,), generator=g)]
            zero = ground[torch.randint(len(ground), (count,), generator=g)]
            at = torch.where(label[:, None] == 1, one, zero) - PATCH // 2
            patch = windows[at[:, 0], at[:, 1]]
            mean, std = patch.mean((1, 2), keepdim=True), patch.std((1, 2), keepdim=True)
            xs.append((patch - mean) / std.clamp_min(1e-6))
            ys.append(label)
        parts.append((torch.stack(xs), torch.stack(ys)))
    (x, y), (x_test, y_test) = parts
    return Patches(x, y, x_test, y_test, 2)


def network(task: str) -> ConvNet:
    """Two convolutions with stride 2, and one output for each class."""
    layers = Conv(8, stride=2, padding=1), Conv(16, stride=2, padding=1)
    return ConvNet((1, PATCH, PATCH), layers, 10 if task == "digits" else 2)


def maps(names: tuple[str, ...], strength: float, u: Tensor, side: int) -> Tensor:
    """M [n, 3, 3] of n samples, from uniforms u [n, 5] and the names of `GOOD` or one of `BREAKING`.

    At strength 1: shift by at most an eighth of the side, 15°, a scale of at most 1.2 or at least 1/1.2, a flip of every second.
    """
    v = (2 * u.double() - 1) * strength
    zero = torch.zeros_like(v[:, 0])
    shift = side / 8 * v[:, :2] if "shift" in names else torch.stack([zero, zero], -1)
    angle = math.radians(15) * v[:, 2] if "rotate" in names else zero
    scale = math.log(1.2) * v[:, 3] if "scale" in names else zero
    chance = u[:, 4] < 0.5
    if "half_turn" in names:
        angle = torch.where(chance, math.pi, zero)
    if "away" in names:  # towards one of the four sides
        turn = math.pi / 2 * (4 * u[:, 0].double()).floor()
        shift = torch.where(chance[:, None], side / 2 * torch.stack([turn.cos(), turn.sin()], -1), 0.0)
    m = geometry.matrix(torch.stack([shift[:, 0], shift[:, 1], angle, scale], -1), side, side)
    mirrored = chance if {"flip", "mirror"} & set(names) else torch.zeros_like(chance)
    return m @ geometry.flip(mirrored, torch.zeros_like(chance), side, side)


def transform(patches: Tensor, m: Tensor) -> Tensor:
    """Patches [n, H, W], each by its own M; beyond them is 0, the ground of a digit and the mean of a nuclei patch."""
    H, W = patches.shape[-2:]
    at = geometry.move(geometry.pixels(H, W)[None].expand(len(m), -1, -1, -1), torch.linalg.inv(m)).to(patches.dtype)
    return geometry.sample(patches[:, None], at)[:, 0]


class Experiment:
    """The rows, their batches and their test errors."""

    def __init__(self, task: str, good: tuple[str, ...], breaking: str, strength: float, updates: int, rngs: Generators):
        self.updates, self.seeds, self.net = updates, len(rngs), network(task)
        self.sets, self.strength = ((), good, (breaking,)), strength
        data, start, self.order, self.augment, self.looking = (spawn(rngs) for _ in range(5))
        self.data = digit_patches(data) if task == "digits" else nucleus_patches(data)
        self.theta = self.net.init(start).repeat(len(ARMS) * len(SIZES), 1)
        self.kept: list[tuple[int, Tensor]] = []

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """x [K, 1, H, W, B] and y [K, B], AHEAD at a time."""
        S, row, side = self.seeds, torch.arange(self.seeds)[:, None], PATCH
        while True:
            u = torch.stack([torch.rand(AHEAD * BATCH, generator=g) for g in self.order])
            draws = torch.stack([torch.rand(AHEAD * BATCH, 5, generator=g) for g in self.augment]).flatten(0, 1)
            xs, ys = [], []
            for names in self.sets:
                m = maps(names, self.strength, draws, side)
                for size in SIZES:
                    index = (u * size).long()
                    picked = self.data.x[row, index].flatten(0, 1)
                    xs.append((transform(picked, m) if names else picked).unflatten(0, (S, -1)))
                    ys.append(self.data.y[row, index])
            x, y = torch.cat(xs), torch.cat(ys)
            for xb, yb in zip(x.split(BATCH, 1), y.split(BATCH, 1), strict=True):
                yield xb.permute(0, 2, 3, 1)[:, None].contiguous(), yb.contiguous()

    def training(self) -> Iterator[Curves]:
        """The test errors at the start and after every fifth of the updates; the last result in between."""
        trainer = Trainer(Supervised(self.net, cross_entropy), self.theta, Adam(RATE), self.batches(),
                          schedule=cosine(self.updates))
        result = self.look(0)
        yield result
        for stop in [round(self.updates * k / 5) for k in range(1, 6)]:
            while trainer.step < stop:
                trainer.advance(min(4, stop - trainer.step))
                yield result
            result = self.look(stop)
            yield result

    def look(self, step: int) -> Curves:
        shape, data = (len(ARMS), len(SIZES), self.seeds), self.data
        said = answers(self.net, self.theta, data).unflatten(0, shape)
        self.kept.append((step, (said != data.y_test).float().mean(-1)))
        steps, errors = zip(*self.kept, strict=True)
        C = data.classes
        pairs = (data.y_test * C + said[:, -1]).flatten(1)
        confusion = torch.stack([torch.bincount(row, minlength=C * C) for row in pairs]).reshape(-1, C, C)
        labels = torch.arange(10) % C
        first = torch.stack([(data.y[0] == c).nonzero()[k // C, 0] for k, c in enumerate(labels)])
        draws = torch.rand(10, 5, generator=torch.Generator().manual_seed(self.looking[0].initial_seed()))
        draws[:, 4] /= 2  # those that a coin decides are all shown
        plain = data.x[0, first]
        shown = torch.stack([transform(plain, maps(names, self.strength, draws, PATCH)) for names in self.sets])
        return Curves(step=step, sizes=torch.tensor(SIZES), error=errors[-1], recorded=torch.tensor(steps),
                      history=torch.stack(errors), plain=plain, shown=shown, labels=labels, confusion=confusion)


@torch.no_grad()
def answers(net: ConvNet, theta: Tensor, data: Patches) -> Tensor:
    """The class that each of the K = rows·S nets gives to each test patch of its seed: [K, P]."""
    S = len(data.y_test)
    x = data.x_test.permute(0, 2, 3, 1)[:, None].contiguous()
    return torch.cat([net.forward(theta[k : k + S], x).argmax(1) for k in range(0, len(theta), S)])


def test_errors(net: ConvNet, theta: Tensor, data: Patches) -> Tensor:
    """Part wrong of the test patches, [K/S, S]."""
    S = len(data.y_test)
    return (answers(net, theta, data).unflatten(0, (-1, S)) != data.y_test).float().mean(-1)
