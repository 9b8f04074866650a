"""A small conditional variational autoencoder (CVAE) of the digits, and whether its samples help a classifier.

    J(θ) = mean over x of  E_q −ln p(x | z, c)  +  β KL(q(z | x, c) ‖ N(0, I))        (Kingma and Welling 2014; Sohn et al. 2015)

c is the class, z has two dimensions, p(x | z, c) is Bernoulli's at each pixel, q(z | x, c) = N(μ, diag σ²), and one draw
z = μ + σ ε stands for the expectation. Encoder and decoder of every seed are one row. They see the training set of their seed
alone; a sample is the mean image of a z drawn from N(0, I).

Shapes: S seeds, N training digits, M synthetic ones, B batch, G steps of the latent grid, C = 10 classes, R records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import MLP, Adam, Autograd, Generators, Supervised, Trainer, cosine, cross_entropy, normals, permutations, spawn
from core.lessons.augmentation import classifier
from core.lessons.augmentation.classifier import BATCH, digit_patches, network

LATENT, HIDDEN, CLASSES, SIDE = 2, 48, 10, 8
GRID = 9  # images along an axis of the latent plane
RATE = 5e-3
UPDATES = 300  # of the classifiers
ARMS = ("none", "synthetic", "good")
ENCODER = MLP((SIDE * SIDE + CLASSES, HIDDEN, 2 * LATENT), "tanh")
DECODER = MLP((LATENT + CLASSES, HIDDEN, SIDE * SIDE), "tanh")


@dataclass(frozen=True)
class Generative:
    """The CVAE after `step` updates, and the classifiers once they are trained."""

    step: int
    recorded: Tensor  # [R] updates
    misfit: Tensor  # [R, S] E_q −ln p(x | z, c) on the training set (nats for each image)
    distance: Tensor  # [R, S] KL (nats)
    held_out: Tensor  # [R, S] misfit + KL on test digits
    planes: Tensor  # [R, C, G·8, G·8] the latent plane of the first seed, z1 to the right and z2 upwards
    codes: Tensor  # [2, N] μ of the first seed's training digits
    labels: Tensor  # [N]
    samples: Tensor  # [C, 4, 8, 8] of the first seed
    real: Tensor  # [C, 8, 8] digits of its training set, the first of each class; black where it has none
    error: Tensor | None = None  # [A, S] of the classifiers: real, with samples, with shifts and turns
    copies: float = 0.0  # mean distance from a sample to its nearest training digit of its class, over that between two of them


def split(theta: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of the encoder and the decoder."""
    return theta[:, : ENCODER.P], theta[:, ENCODER.P :]


def encode(theta: Tensor, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """μ and ln σ² [S, 2, B] of x [S, 64, B] of classes c [S, 10, B], one-hot."""
    out = ENCODER.forward(split(theta)[0], torch.cat([x, c], 1))
    return out[:, :LATENT], out[:, LATENT:].clamp(-12, 12)


def decode(theta: Tensor, z: Tensor, c: Tensor) -> Tensor:
    """Logits [S, 64, B] of every pixel."""
    return DECODER.forward(split(theta)[1], torch.cat([z, c], 1))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²), [S, B] of [S, 2, B]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)


def misfit(logits: Tensor, x: Tensor) -> Tensor:
    """−ln p(x | z, c) = Σ softplus(a) − x a over the pixels, [S, B]."""
    return (F.softplus(logits) - x * logits).sum(1)


def parts(theta: Tensor, x: Tensor, c: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Misfit and KL, [S] each, means over x [S, 64, B], with z = μ + σ ε."""
    mean, log_variance = encode(theta, x, c)
    z = mean + (0.5 * log_variance).exp() * noise
    return misfit(decode(theta, z, c), x).mean(1), divergence(mean, log_variance).mean(1)


def one_hot(labels: Tensor) -> Tensor:
    """[S, 10, B] of labels [S, B]."""
    return F.one_hot(labels, CLASSES).movedim(-1, 1).float()


def quantiles() -> Tensor:
    """The places along an axis of the latent plane, [G]: equal shares of N(0, 1) lie between them."""
    return torch.special.ndtri((torch.arange(GRID, dtype=torch.float64) + 0.5) / GRID).float()


def plane(theta: Tensor) -> Tensor:
    """Every class on the latent plane, [C, G·8, G·8], of theta [1, P]."""
    q = quantiles()
    z = torch.stack([q.repeat(GRID), q.flip(0).repeat_interleave(GRID)])[None].expand(CLASSES, -1, -1)
    labels = torch.arange(CLASSES)[:, None].expand(-1, GRID * GRID)
    images = decode(theta.expand(CLASSES, -1), z, one_hot(labels)).sigmoid()
    return images.reshape(CLASSES, SIDE, SIDE, GRID, GRID).permute(0, 3, 1, 4, 2).reshape(CLASSES, GRID * SIDE, GRID * SIDE)


class Study:
    """The CVAEs of all seeds, their samples, and the classifiers that are trained with and without them."""

    def __init__(self, digits: int, beta: float, updates: int, ratio: int, rngs: Generators):
        data, start, order, noise, self.drawn, self.judged = (spawn(rngs) for _ in range(6))
        self.size, self.beta, self.updates, self.ratio, self.seeds = digits, beta, updates, ratio, len(rngs)
        self.data = digit_patches(data)
        self.x, self.y = self.data.x[:, :digits].flatten(2).movedim(1, 2), self.data.y[:, :digits]
        self.theta = torch.cat([net.init(spawn(start), "xavier") for net in (ENCODER, DECODER)], 1)
        self.order, self.noise, self.fixed = order, noise, normals(spawn(noise), LATENT, max(digits, classifier.TEST))
        self.kept: list[tuple[int, Tensor, Tensor, Tensor, Tensor]] = []

    def batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """x, c and ε of up to 50 digits, every digit once in an epoch."""
        size = min(50, self.size)
        while True:
            for index in permutations(self.order, self.size)[:, : self.size // size * size].split(size, 1):
                x = self.x.gather(2, index[:, None].expand(-1, SIDE * SIDE, -1))
                yield x, one_hot(self.y.gather(1, index)), normals(self.noise, LATENT, size)

    def training(self) -> Iterator[Generative]:
        """The CVAE at the start and after every eighth of the updates; the last result in between."""
        def loss(theta: Tensor, batch: tuple[Tensor, Tensor, Tensor], _: Generators) -> Tensor:
            fit, distance = parts(theta, *batch)
            return fit + self.beta * distance

        trainer = Trainer(Autograd(loss), self.theta, Adam(RATE), self.batches(), schedule=cosine(self.updates))
        stops = [round(self.updates * k / 8) for k in range(9)]
        result = self.look(0)
        yield result
        for stop in stops[1:]:
            while trainer.step < stop:
                trainer.advance(min(12, stop - trainer.step))
                if trainer.step < stop:
                    yield result
            result = self.look(stop)
            yield result

    @torch.no_grad()
    def look(self, step: int) -> Generative:
        x_test = self.data.x_test.flatten(2).movedim(1, 2)
        fit, distance = parts(self.theta, self.x, one_hot(self.y), self.fixed[..., : self.size])
        away = sum(parts(self.theta, x_test, one_hot(self.data.y_test), self.fixed[..., : classifier.TEST]))
        self.kept.append((step, fit, distance, torch.as_tensor(away), plane(self.theta[:1])))
        steps, fits, distances, held, planes = zip(*self.kept, strict=True)
        images, _ = self.samples(4)
        own = [(self.y[0] == c).nonzero().flatten() for c in range(CLASSES)]
        real = torch.stack([self.data.x[0, at[0]] if len(at) else torch.zeros(SIDE, SIDE) for at in own])
        return Generative(
            step=step, recorded=torch.tensor(steps), misfit=torch.stack(fits), distance=torch.stack(distances),
            held_out=torch.stack(held), planes=torch.stack(planes), codes=encode(self.theta, self.x, one_hot(self.y))[0][0],
            labels=self.y[0], samples=images[0].reshape(CLASSES, 4, SIDE, SIDE), real=real)

    @torch.no_grad()
    def samples(self, each: int) -> tuple[Tensor, Tensor]:
        """`each` images of every class of every seed: x [S, C·each, 8, 8] and labels [S, C·each], the classes in turn."""
        labels = torch.arange(CLASSES).repeat_interleave(each).expand(self.seeds, -1)
        fresh = [torch.Generator().manual_seed(g.initial_seed()) for g in self.drawn]
        z = normals(fresh, LATENT, labels.shape[1])
        images = decode(self.theta, z, one_hot(labels)).sigmoid()
        return images.movedim(1, 2).unflatten(2, (SIDE, SIDE)), labels

    def classifiers(self) -> Iterator[tuple[Tensor, float] | None]:
        """Trains the three arms on every seed; None as a pause, then the test errors [A, S] and how near samples are."""
        net, each = network("digits"), max(1, round(self.ratio * self.size / CLASSES))
        images, labels = self.samples(each)
        start, order, augment = (spawn(self.judged) for _ in range(3))
        theta = net.init(start).repeat(len(ARMS), 1)
        batches = self._mixed(images, labels, order, augment)
        trainer = Trainer(Supervised(net, cross_entropy), theta, Adam(classifier.RATE), batches, schedule=cosine(UPDATES))
        while trainer.step < UPDATES:
            trainer.advance(20)
            yield None
        yield classifier.test_errors(net, theta, self.data), self.nearness(images, labels)

    def _mixed(self, images: Tensor, labels: Tensor, order: Generators, augment: Generators) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of real digits; of real and synthetic ones; of real ones shifted and turned. The same draws choose them."""
        row, size, ahead = torch.arange(self.seeds)[:, None], self.size, classifier.AHEAD
        real, known = self.data.x[:, :size], self.y
        both, names = torch.cat([real, images], 1), torch.cat([known, labels], 1)
        while True:
            u = torch.stack([torch.rand(ahead * BATCH, generator=g) for g in order])
            draws = torch.stack([torch.rand(ahead * BATCH, 5, generator=g) for g in augment]).flatten(0, 1)
            few, many = (u * size).long(), (u * both.shape[1]).long()
            m = classifier.maps(("shift", "rotate"), 0.5, draws, SIDE)
            moved = classifier.transform(real[row, few].flatten(0, 1), m).unflatten(0, (self.seeds, -1))
            x = torch.cat([real[row, few], both[row, many], moved])
            y = torch.cat([known.gather(1, few), names.gather(1, many), known.gather(1, few)])
            for xb, yb in zip(x.split(BATCH, 1), y.split(BATCH, 1), strict=True):
                yield xb.permute(0, 2, 3, 1)[:, None].contiguous(), yb.contiguous()

    def nearness(self, images: Tensor, labels: Tensor) -> float:
        """Distance of a sample to the nearest training digit of its class, over that of such a digit to its own nearest one."""
        ratios = []
        for digit in range(CLASSES):
            here = self.data.x[0, : self.size][self.y[0] == digit].flatten(1)
            drawn = images[0][labels[0] == digit].flatten(1)
            if len(here) > 1:
                apart = torch.cdist(here, here).fill_diagonal_(torch.inf).amin(1).mean()
                ratios.append(float(torch.cdist(drawn, here).amin(1).mean() / apart.clamp_min(1e-9)))
        return sum(ratios) / len(ratios) if ratios else 0.0
