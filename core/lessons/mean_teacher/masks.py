"""Masks of images of which a few are labelled: the consistency loss after undoing the transform, for K small U-Nets at once.

    J = mean over the frame of BCE(f(T x; θ), T y)  +  w_t · mean over V of (T⁻¹ p(T x; θ) − p(x; θ'))²        p = σ(f)

T is a random affine map of the plane, and a random factor on the brightness. The student's prediction for T x is carried back to
the pixels of x, where the teacher's prediction is; V are the pixels that T did not move out of the frame, the others count for
nothing. Labelled images are given as they are, or transformed as well with their masks; a net that is taught and one that learns
alone get the same draws.

Shapes: K models, P parameters, S seeds, C channels, H × W pixels, m labelled and n unlabelled images of a batch, N of a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from core.engine import Generators, SegmentationNet, autograd_gradient, normals
from core.engine.objective import differentiable
from core.lessons.mean_teacher.teacher import Teacher
from core.transforms import geometry

LABELLED, UNLABELLED = 2, 2  # images of a batch
MIDDLE, GAIN = 0.3, 4.0  # levels reach a net as GAIN (x − MIDDLE)


class Images(NamedTuple):
    """The images of S seeds; all are float32, levels and masks in [0, 1]."""

    labelled: Tensor  # [S, m, C, H, W]
    given: Tensor  # [S, m, 1, H, W] their masks
    unlabelled: Tensor  # [S, N, C, H, W]
    hidden: Tensor  # [S, N, 1, H, W] their masks, which no net is given
    test: Tensor  # [1 or S, F, C, H, W] of no image that trains
    truth: Tensor  # [1 or S, F, 1, H, W]


class Seen(NamedTuple):
    """What one update's unlabelled batch is: images, transformed images, and how a prediction is carried back."""

    x: Tensor  # [S·n, C, H, W] what the teacher sees
    moved: Tensor  # [S·n, C, H, W] what the student sees
    at: Tensor  # [S·n, H, W, 2] where each pixel of x lies in `moved`, see `places`
    inside: Tensor  # [S·n, 1, H, W] 1 where that is within the frame


def affine(z: Tensor, strength: float, height: int, width: int) -> Tensor:
    """M [D, 3, 3] of the first six normals of z [D, 7]: shift, angle, scale, aspect and shear, all in proportion to `strength`.

    At strength 1 the standard deviations are a quarter of the frame, 1 radian, and ½, ¼ and ¼ as logarithms and as a slope.
    """
    size = (height + width) / 8
    scale = z.new_tensor([size, size, 1.0, 0.5, 0.25, 0.25])
    return geometry.matrix(strength * scale * z[:, :6], height, width)


def places(M: Tensor, height: int, width: int) -> Tensor:
    """Where M [D, 3, 3] takes every pixel: (x, y) [D, height, width, 2] float32, −1 and 1 at the first and the last pixel."""
    unit = M.new_tensor([[2 / (width - 1), 0, -1], [0, 2 / (height - 1), -1], [0, 0, 1]])
    scaled = unit @ M @ torch.linalg.inv(unit)
    return F.affine_grid(scaled[:, :2].float(), [len(M), 1, height, width], align_corners=True)


def within(at: Tensor) -> Tensor:
    """1 where places [D, H, W, 2] lie inside the frame, else 0: [D, 1, H, W] float32."""
    return (at.abs() <= 1 + 1e-6).all(-1)[:, None].float()


def sample(image: Tensor, at: Tensor) -> Tensor:
    """Bilinear values of image [D, C, H, W] at `places` [D, H, W, 2], 0 beyond it: [D, C, H, W]; differentiable."""
    return F.grid_sample(image, at, align_corners=True)


def transform(image: Tensor, M: Tensor) -> tuple[Tensor, Tensor]:
    """T image [D, C, H, W], and 1 where it has a pixel of the image [D, 1, H, W]."""
    at = places(torch.linalg.inv(M), *image.shape[-2:])
    return sample(image, at), within(at)


def brighter(image: Tensor, z: Tensor, strength: float) -> Tensor:
    """The levels of image [D, C, H, W] times exp(2 strength z), by the last normal of z [D, 7]."""
    return image * (2 * strength * z[:, 6:, None, None]).exp().float()


def see(x: Tensor, z: Tensor, strength: float) -> Seen:
    """x [D, C, H, W] under the affine maps and the brightness of z [D, 7]."""
    M = affine(z, strength, *x.shape[-2:])
    at = places(M, *x.shape[-2:])
    return Seen(x, brighter(transform(x, M)[0], z, strength), at, within(at))


def labelled_batches(data: Images, strength: float, rngs: Generators) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Endless x [S, C, H, W, m], masks and validity [S, 1, H, W, m] of at most LABELLED images, transformed if strength > 0."""
    S, N = data.labelled.shape[:2]
    m = min(LABELLED, N)
    everything, whole = torch.cat([data.labelled, data.given], 2), torch.ones_like(data.given[:, :m]).movedim(1, -1)
    while True:
        pick = torch.stack([torch.randperm(N, generator=g)[:m] for g in rngs])
        both = everything[torch.arange(S)[:, None], pick]
        if strength == 0:
            x, y = both.movedim(1, -1).split([both.shape[2] - 1, 1], 1)
            yield x, y, whole
            continue
        z = normals(rngs, m, 7, dtype=torch.float64).flatten(0, 1)
        moved, inside = transform(both.flatten(0, 1), affine(z, strength, *both.shape[-2:]))
        parts = brighter(moved[:, :-1], z, strength), moved[:, -1:], inside
        x, y, valid = (part.unflatten(0, (S, m)).movedim(1, -1) for part in parts)
        yield x, y, valid


def unlabelled_batches(data: Images, strength: float, rngs: Generators) -> Iterator[Seen]:
    """Endless batches of UNLABELLED images for each seed, transformed."""
    S, N = data.unlabelled.shape[:2]
    while True:
        pick = torch.stack([torch.randint(N, (UNLABELLED,), generator=g) for g in rngs])
        z = normals(rngs, UNLABELLED, 7, dtype=torch.float64).flatten(0, 1)
        yield see(data.unlabelled[torch.arange(S)[:, None], pick].flatten(0, 1), z, strength)


def logits(net: SegmentationNet, theta: Tensor, x: Tensor) -> Tensor:
    """[K·n, 1, H, W] of K models, each on its own n of the images x [K·n, C, H, W]."""
    out = net.forward(theta, GAIN * (x.unflatten(0, (len(theta), -1)).movedim(1, -1) - MIDDLE))
    return out.movedim(-1, 1).flatten(0, 1)


def supervised(net: SegmentationNet, theta: Tensor, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Mean cross-entropy [K] over the pixels that have one, in nats."""
    x, y, inside = batch
    out = net.forward(theta, GAIN * (x - MIDDLE))
    loss = F.binary_cross_entropy_with_logits(out, y, weight=inside, reduction="none")
    return loss.sum((1, 2, 3, 4)) / inside.sum((1, 2, 3, 4)).clamp_min(1)


def consistency(net: SegmentationNet, theta: Tensor, seen: Seen, target: Tensor) -> Tensor:
    """Mean [S] over the pixels inside of (T⁻¹ p(T x; θ) − target)²; target [S·n, 1, H, W] is held."""
    back = sample(torch.sigmoid(logits(net, theta, seen.moved)), seen.at)
    off = ((back - target).square() * seen.inside).unflatten(0, (len(theta), -1)).sum((1, 2, 3, 4))
    return off / seen.inside.unflatten(0, (len(theta), -1)).sum((1, 2, 3, 4)).clamp_min(1)


class MaskConsistency:
    """An objective for `Trainer`: the supervised loss of S students, and the consistency loss with their teachers.

    weight: step -> w_t. Where it is 0 no unlabelled image is drawn: that is supervised training to the bit.
    """

    def __init__(self, net: SegmentationNet, unlabelled: Iterator[Seen], teacher: Teacher, weight: Callable[[int], float]):
        self.net, self.unlabelled, self.teacher, self.weight = net, unlabelled, teacher, weight
        self.step = 0
        self.cost: list[Tensor] = []  # consistency loss of each update, [S]

    def value_and_gradient(self, theta: Tensor, batch: Any, generators: Generators = ()) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Supervised loss [S], and the gradient [S, P] of both terms on a batch of `labelled_batches`."""
        batch = differentiable(batch)
        value, grad = autograd_gradient(lambda t: supervised(self.net, t, batch), theta)
        weight = self.weight(self.step)
        self.step += 1
        cost = value.new_zeros(len(self.teacher.theta))
        if weight > 0:
            seen = differentiable(next(self.unlabelled))
            target = differentiable(self.target(seen.x))
            cost, pull = autograd_gradient(lambda t: consistency(self.net, t, seen, target), theta)
            grad += weight * pull
        self.cost.append(cost)
        return value, grad

    def target(self, x: Tensor) -> Tensor:
        """The teacher's probabilities [S·n, 1, H, W] for the images as they are, without a graph."""
        with torch.no_grad():
            return torch.sigmoid(logits(self.net, self.teacher.theta, x))


def dice(p: Tensor, y: Tensor) -> Tensor:
    """2 |A ∩ B|/(|A| + |B|) of A = {p > ½} and the mask y, over the last three dimensions; 1 where both are empty."""
    a, b = (p > 0.5).float(), y.float()
    both, sizes = (a * b).sum((-3, -2, -1)), a.sum((-3, -2, -1)) + b.sum((-3, -2, -1))
    return torch.where(sizes > 0, 2 * both / sizes.clamp_min(1), 1.0)
