"""Mean teacher on images: transforms, losses, gradients, data and scores against SciPy, scikit-learn, nn.Conv2d and loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.metrics import f1_score
from torch import Tensor, nn

from core.data import real
from core.engine import Adam, Autograd, SegmentationNet, Trainer, generators
from core.lessons.mean_teacher import clip, lesson, masks, tiles
from core.lessons.mean_teacher.masks import Images, MaskConsistency, Seen, affine, consistency, dice, places, sample, see
from core.lessons.mean_teacher.pixels import EVERY, SHOWN, MaskResult, MaskRun
from core.lessons.mean_teacher.scene import LEARNING_RATE, NETS, SEEDS, UPDATES, Config
from core.lessons.mean_teacher.teacher import Teacher, ramp
from tests import runs

CLIP, NUCLEI = Config(data="clip", images=1, weight=3.0), Config(data="nuclei", weight=3.0)
H, W = 12, 18


def result_of(config: Config) -> MaskResult:
    result = runs.run("mean_teacher", config)
    assert isinstance(result, MaskResult)
    return result


def smooth(n: int, g: torch.Generator) -> Tensor:
    """Blurred noise [n, 1, H, W], which interpolation hardly changes."""
    y, x = torch.arange(H)[:, None] / H, torch.arange(W) / W
    a = torch.rand(n, 3, 1, 1, generator=g)
    return (torch.sin(3 * y + 6 * a[:, 0]) * torch.cos(3 * x + 6 * a[:, 1]) + a[:, 2])[:, None]


def normals(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, 7, generator=generators([seed])[0], dtype=torch.float64)


class UNet(nn.Module):
    """The net of one row, of four nn.Conv2d."""

    def __init__(self, net: SegmentationNet, row: Tensor):
        super().__init__()
        full, half = net.widths
        self.conv1, self.conv2 = nn.Conv2d(net.channels, full, 3, padding=1), nn.Conv2d(full, half, 3, padding=1)
        self.conv3, self.conv4 = nn.Conv2d(full + half, full, 3, padding=1), nn.Conv2d(full, 1, 1)
        nn.utils.vector_to_parameters(row.clone(), self.parameters())

    def forward(self, x: Tensor) -> Tensor:
        e = self.conv1(4 * (x - 0.3)).relu()
        m = self.conv2(nn.functional.max_pool2d(e, 2)).relu()
        up = m.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return self.conv4(self.conv3(torch.cat([e, up], 1)).relu())


# The transform, undone

def test_images_move_as_scipy_moves_them():
    M = affine(normals(5), 0.3, H, W)
    image = torch.rand(5, 1, H, W, generator=generators([1])[0])
    moved = sample(image, places(torch.linalg.inv(M), H, W))
    for d in range(5):
        back = np.linalg.inv(M[d].numpy())
        flip = back[[1, 0]][:, [1, 0, 2]]  # rows and columns, as SciPy counts
        theirs = ndimage.affine_transform(image[d, 0].double().numpy(), flip[:, :2], offset=flip[:, 2], order=1,
                                          mode="grid-constant")
        assert np.abs(moved[d, 0].numpy() - theirs).max() < 1e-4


def test_a_transform_and_its_inverse_give_back_what_stayed_in_the_frame():
    x = smooth(8, generators([2])[0])
    seen = see(x, normals(8, 3) * torch.tensor([1.0] * 6 + [0.0]), 0.12)
    back = sample(seen.moved, seen.at)
    # A pixel whose four neighbours stayed in the frame has lost only what interpolation loses.
    well = -nn.functional.max_pool2d(-seen.inside, 3, 1, 1) > 0
    well[..., [0, -1]] = well[..., [0, -1], :] = False
    assert 0.3 < float(well.float().mean()) < 1
    assert float((back - x)[well].abs().max()) < 0.03
    still = see(x, normals(8), 0.0)
    assert torch.allclose(still.moved, x, atol=1e-5) and torch.allclose(sample(x, still.at), x, atol=1e-5)
    assert (still.inside == 1).all()


def test_the_pixels_that_count_are_those_that_stayed_in_the_frame():
    z = normals(6, 4)
    seen = see(torch.rand(6, 1, H, W), z, 0.4)
    M = affine(z, 0.4, H, W).numpy()
    for d in range(6):
        for y in range(H):
            for x in range(W):
                u, v, _ = M[d] @ np.array([x, y, 1.0])
                if min(abs(u), abs(v), abs(u - W + 1), abs(v - H + 1)) > 1e-3:  # not on the very edge
                    assert bool(seen.inside[d, 0, y, x]) == (0 <= u <= W - 1 and 0 <= v <= H - 1)
    assert 0.2 < float(seen.inside.mean()) < 0.95


def test_brightness_is_a_factor_of_its_own():
    x, z = torch.rand(3, 2, H, W), normals(3, 5)
    level = see(x, z, 0.2).moved / see(x, z * torch.tensor([1.0] * 6 + [0.0]), 0.2).moved
    for d in range(3):
        factors = level[d][level[d].isfinite()]
        assert torch.allclose(factors, torch.full_like(factors, math.exp(0.4 * float(z[d, 6]))), rtol=1e-4)


# The objective

def problem(weight: float) -> tuple[MaskConsistency, Tensor, tuple[Tensor, Tensor, Tensor], Seen]:
    net, n = SegmentationNet(1, (3, 4)), 2
    theta, guide = net.init(generators(range(SEEDS))), net.init(generators(range(50, 50 + SEEDS)))
    g = generators([6])[0]
    x, y = torch.rand(SEEDS, 1, H, W, n, generator=g), (torch.rand(SEEDS, 1, H, W, n, generator=g) > 0.5).float()
    valid = (torch.rand(SEEDS, 1, H, W, n, generator=g) > 0.2).float()
    seen = see(torch.rand(SEEDS * n, 1, H, W, generator=g), normals(SEEDS * n, 7), 0.2)
    return MaskConsistency(net, iter([seen, seen]), Teacher(guide, 0.9), lambda _: weight), theta, (x, y, valid), seen


def test_the_gradient_is_that_of_four_convolutions_with_the_teacher_held():
    made, theta, batch, seen = problem(3.0)
    _, grad = made.value_and_gradient(theta, batch)
    for s in range(SEEDS):
        net, guide = UNet(made.net, theta[s]), UNet(made.net, made.teacher.theta[s])
        x, y, valid = (part[s].movedim(-1, 0) for part in batch)
        own = slice(2 * s, 2 * s + 2)
        each = nn.functional.binary_cross_entropy_with_logits(net(x), y, reduction="none")
        with torch.no_grad():
            target = torch.sigmoid(guide(seen.x[own]))
        back = sample(torch.sigmoid(net(seen.moved[own])), seen.at[own])
        off = (back - target)[seen.inside[own] > 0].square().mean()
        (each[valid > 0].mean() + 3.0 * off).backward()
        theirs = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
        assert torch.allclose(grad[s], theirs, rtol=1e-3, atol=2e-6)
        assert made.cost[0][s].item() == pytest.approx(off.item(), rel=1e-4)
    assert not made.target(seen.x).requires_grad


def test_what_left_the_frame_counts_for_nothing():
    made, theta, _, seen = problem(1.0)
    theta = theta.clone().requires_grad_()
    target = made.target(seen.x)
    for where, same in ((seen.inside == 0, True), (seen.inside == 1, False)):
        losses = [consistency(made.net, theta, seen, target + shift * where.float()) for shift in (0.0, 0.5)]
        grads = [torch.autograd.grad(loss.sum(), theta)[0] for loss in losses]
        assert bool(where.any())
        assert torch.equal(losses[0], losses[1]) == torch.equal(grads[0], grads[1]) == same


@pytest.mark.parametrize("values", [dict(data="clip", images=1), dict(data="nuclei", augment=True)])
def test_weight_zero_is_supervised_training_to_the_bit(values: dict[str, Any]):
    run = MaskRun(Config(weight=0.0, **values))
    start, strength = run.trainer.theta.clone(), run.config.strength if run.config.augment else 0.0
    run.advance(6)
    run.advance(6)
    assert torch.equal(run.alone.theta, run.trainer.theta) and not torch.equal(start, run.trainer.theta)
    rngs = lesson.streams(run.config, 6)[4]
    plain = Trainer(Autograd(lambda t, b, _: masks.supervised(run.net, t, b)), start, Adam(LEARNING_RATE),
                    masks.labelled_batches(run.images, strength, rngs))
    plain.advance(12)
    assert torch.equal(plain.theta, run.trainer.theta)
    taught = MaskRun(Config(weight=30.0, **values))
    taught.advance(12)
    assert torch.equal(taught.alone.theta, plain.theta) and not torch.equal(taught.trainer.theta, plain.theta)


def test_the_teacher_is_the_average_and_its_weight_is_ramped():
    run = MaskRun(Config(data="nuclei", decay=0.8, ramp=20, weight=10.0))
    mean = run.trainer.theta.clone().double()
    for t in range(1, 9):
        run.advance(1)
        keep = min(1 - 1 / (t + 1), 0.8)
        mean = keep * mean + (1 - keep) * run.trainer.theta.double()
    assert torch.allclose(run.teacher.theta.double(), mean, atol=1e-6)
    assert [run.weight(s) for s in (0, 10, 20, 140)] == pytest.approx([10 * ramp(s, 20) for s in (0, 10, 20, 140)])


# The data

def test_tiles_are_disjoint_and_their_masks_are_the_instances(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tiles, "NOISE", 0.0)
    data = tiles.make_tiles(8, generators(range(SEEDS)))
    instances = real.nuclei().instances_HW
    side = 2 * tiles.SIDE
    for s in range(SEEDS):
        each = torch.cat([data.labelled[s], data.unlabelled[s], data.test[s]]).flatten(1)
        assert len(each) == 8 + tiles.UNLABELLED + tiles.TEST == len(each.unique(dim=0))
    image, mask = tiles.tiles()
    for i in (0, 37, 99):
        y, x = side * (i // 10), side * (i % 10)
        block = (instances[y:y + side, x:x + side] > 0).float().reshape(tiles.SIDE, 2, tiles.SIDE, 2).mean((1, 3))
        assert torch.equal(mask[i, 0], (block > 0.5).float())
    assert set(data.given.unique().tolist()) == {0.0, 1.0} and data.labelled.shape[1] == 8
    assert not torch.equal(data.test[0], data.test[1])  # each seed deals them out anew
    assert image.shape == (100, 1, tiles.SIDE, tiles.SIDE)


def test_the_clip_moves_and_no_net_trains_on_it():
    data = clip.make_clip(2, generators(range(SEEDS)), generators([77])[0])
    image, mask = data.test[0], data.truth[0]
    assert len(image) >= 40 and data.labelled.shape[1] == 2 and data.unlabelled.shape[1] == clip.TRAINING - 2
    assert 0 <= float(image.min()) and float(image.max()) <= 1 and set(mask.unique().tolist()) == {0.0, 1.0}
    size = mask.mean((1, 2, 3))
    assert 0.02 < float(size.min()) and float(size.max()) < 0.4, "the instrument is in every frame"
    assert ((mask[1:] != mask[:-1]).float().mean((1, 2, 3)) > 0).float().mean() > 0.8, "it moves"
    tissue = (mask == 0).all(0)[0]
    assert float((image[20] - image[0])[:, tissue].abs().mean()) > 0.05, "tissue and light change"
    bright = [float((frame.mean(0) * (m[0] == 0)).max()) for frame, m in zip(image, mask, strict=True)]
    assert max(bright) > 0.75, "highlights are as bright as the metal"
    for s in range(SEEDS):
        own = torch.cat([data.labelled[s], data.unlabelled[s]]).flatten(1)
        assert len(own.unique(dim=0)) == clip.TRAINING
        assert float(torch.cdist(own, image.flatten(1)).min()) > 1


# What is seen

def test_dice_is_the_f1_score_of_scikit_learn():
    g = generators([8])[0]
    p, y = torch.rand(5, 1, H, W, generator=g), (torch.rand(5, 1, H, W, generator=g) > 0.7).float()
    for ours, a, b in zip(dice(p, y), p > 0.5, y, strict=True):
        assert ours.item() == pytest.approx(f1_score(b.flatten().numpy(), a.flatten().numpy()))
    empty = torch.zeros(1, 1, H, W)
    assert dice(empty, empty).item() == 1 and dice(empty, y[:1]).item() == 0 and dice(y[:1], y[:1]).item() == 1


@pytest.mark.parametrize("config", [CLIP, NUCLEI])
def test_scores_and_masks_are_those_of_plain_nets(config: Config):
    run = MaskRun(config)
    run.advance(10)
    run.look()
    result, every = run.result(), EVERY if config.data == "clip" else 1
    for k, thetas in enumerate((run.alone.theta, run.trainer.theta, run.teacher.theta)):
        for s in (0, 3):
            net = UNet(run.net, thetas[s])
            test, truth = (part[s if len(part) > 1 else 0] for part in (run.images.test, run.images.truth))
            with torch.no_grad():
                said = net(test) > 0
            scores = dice(said.float(), truth)
            assert float(result.score[-1, k, s]) == pytest.approx(float(scores[::every].mean()), abs=2e-3)
            if s == 0:
                count = len(test) if config.data == "clip" else SHOWN
                assert (result.masks[-1, k] != said[:count, 0]).float().mean() < 1e-3
                assert torch.allclose(result.film[k], scores[:count], atol=0.02)
            with torch.no_grad():
                hidden = run.images.hidden[s, :4]
                wrong = (net(run.images.unlabelled[s, :4]) > 0) != (hidden > 0.5)
            if k == 0:
                assert float(result.mistaken[-1, s]) == pytest.approx(float(wrong.float().mean()), abs=2e-3)


@pytest.mark.parametrize("config", [CLIP, NUCLEI])
def test_runs_are_whole_finite_and_only_grow(config: Config):
    result = result_of(config)
    frames = len(result.masks) * result.masks.shape[2] if config.data == "clip" else len(result.masks)
    assert result.step == UPDATES and frames == (clip.FRAMES if config.data == "clip" else len(result.recorded))
    for field in ("score", "agree", "confirmed", "mistaken", "cost", "loss", "film"):
        assert getattr(result, field).isfinite().all()
    assert result.score.shape == (len(result.recorded), len(NETS), SEEDS) and len(result.cost) == UPDATES
    assert (result.confirmed <= result.agree + 1e-6).all()
    assert isinstance(result.images, Images)
    part = next(iter(lesson.steps(config)))
    assert torch.equal(part.score, result.score[:1]) and part.step == 0
