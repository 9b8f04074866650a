"""Augmentation: one draw for picture, mask and landmarks, streams that do not disturb each other, nets and the CVAE."""

from __future__ import annotations

import dataclasses
import math
import runpy
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from core import catalogue
from core.engine import generators
from core.lessons.augmentation import chain, classifier, generative, words
from core.lessons.augmentation import lesson as augmentation
from core.lessons.augmentation.lesson import DRAWS, SEEDS, Config, Transformed
from core.lessons.augmentation.subjects import PICTURES, brought, subject
from core.transforms import geometry, imaging
from core.uploads import Picture, PictureForm
from figures import style
from figures.augmentation import pictures
from tests.pages import page_spec
from tests.scenes import check

ROOT = Path(__file__).resolve().parents[3]
whole = lru_cache(maxsize=12)(augmentation.run)


def draws(**values: Any) -> Transformed:
    found = whole(Config(**values)).transformed
    assert found is not None
    return found


# Pictures

@pytest.mark.parametrize("picture", PICTURES)
def test_at_strength_zero_nothing_happens(picture: str):
    for name in chain.TRANSFORMS:
        t = draws(picture=picture, transforms=(name,), strength=0.0)
        assert torch.allclose(t.images, t.level.expand_as(t.images), atol=2e-5), name
        assert not t.mirrored.any()


def test_one_draw_moves_mask_and_landmarks_with_the_picture():
    """The middle of a nucleus' mask after the transform is where its landmark went."""
    t = draws(picture="nuclei", transforms=("flip", "affine"))
    assert t.mask is not None and t.masks is not None
    at = geometry.pixels(*t.mask.shape)
    seen = 0
    for k in range(DRAWS):
        for mark, place in zip(t.marks, t.moved[k], strict=True):
            label = int(t.mask[int(mark[1].round()), int(mark[0].round())])
            here = t.masks[k] == label
            border = here[0].any() or here[-1].any() or here[:, 0].any() or here[:, -1].any()
            cut = t.mask == label
            cut = cut[0].any() or cut[-1].any() or cut[:, 0].any() or cut[:, -1].any()
            if label and here.sum() > 100 and not border and not cut:
                seen += 1
                assert (at[here].mean(0) - place).norm() < 0.5
    assert seen > 10


@pytest.mark.parametrize("picture", ["brain", "nuclei"])
def test_a_moved_mask_has_no_new_labels_and_an_interpolated_one_would(picture: str):
    t = draws(picture=picture, transforms=("rotate", "ffd"))
    assert t.mask is not None and t.masks is not None
    assert set(t.masks.unique().tolist()) <= set(t.mask.unique().tolist())
    assert t.between > 0.01


def test_a_transform_more_changes_none_of_the_draws():
    few, more = (draws(transforms=names) for names in (("flip", "bias"), ("flip", "bias", "gamma")))
    assert few.field is not None and more.field is not None
    assert torch.equal(few.field, more.field) and torch.equal(few.origin, more.origin)
    speckled = [draws(picture="ultrasound", transforms=names) for names in (("speckle",), ("speckle", "brightness"))]
    shift = speckled[1].images - speckled[0].images
    middle = (speckled[0].images > 0.3) & (speckled[0].images < 0.6)
    for k in range(DRAWS):
        values = shift[k][middle[k]]
        assert float(values.max() - values.min()) < 1e-5


def test_the_bias_field_multiplies_and_speckle_adds_decibels():
    t = draws(transforms=("bias",))
    assert t.field is not None
    inner = (t.images > 0) & (t.images < 1)
    assert torch.allclose(t.images[inner], (t.level * t.field[:, None])[inner], atol=1e-6)
    s = draws(picture="ultrasound", transforms=("speckle",))
    added = imaging.RANGE_DB * (s.images - s.level)
    inner = (s.images > 0) & (s.images < 1) & (s.level > 0.45) & (s.level < 0.7)
    assert float(added[inner].std()) == pytest.approx(imaging.SPREAD_DB, rel=0.05)
    half = draws(picture="ultrasound", transforms=("speckle",), strength=0.5)
    assert float((imaging.RANGE_DB * (half.images - half.level))[inner].std()) == pytest.approx(imaging.SPREAD_DB / 2, rel=0.05)


def test_noise_of_a_ct_is_in_hounsfield_units_and_comes_before_clipping():
    t, it = draws(picture="vertebra", transforms=("ct",)), subject("vertebra")
    low, high = it.window
    raw = chain.measured(it.level, Config(picture="vertebra", transforms=("ct",)), it,
                         chain.Draws(torch.eye(3)[None], None, 1.0, None), 0, {"ct": generators([5])})
    noise = (raw - it.level) * (high - low)
    assert abs(float(noise.mean())) < 3 and 3 < float(noise.std()) < 100
    assert raw.min() < 0 and t.images.min() == 0  # unclipped on the way, clipped at the end
    assert "Hounsfield" in words.reading(Config(picture="vertebra", transforms=("ct",)))
    assert "is no CT" in words.reading(Config(picture="cat", transforms=("ct",)))


def test_flips_alone_mirror_and_both_at_once_do_not():
    t = draws(transforms=("flip",))
    for k in range(DRAWS):
        wanted = t.level.flip(-1) if bool(t.mirrored[k]) else t.level
        assert torch.equal(t.images[k], wanted)
        liver = t.moved[k, 0, 0]
        assert (liver > 80) == bool(t.mirrored[k])  # on the other side
    assert words.predict(whole(Config(transforms=("flip",))), Config()).right == ("flip",)
    both = Config(transforms=("flip",), flip_axis="both")
    assert not draws(transforms=("flip",), flip_axis="both").mirrored.any()
    assert words.predict(whole(both), both).right == ("nothing",)


def test_histograms_count_every_value_once():
    t = draws(picture="cat", transforms=("contrast", "rgb"))
    assert t.before.sum().item() == pytest.approx(1, abs=1e-4)
    assert torch.allclose(t.after.sum(1), torch.ones(DRAWS), atol=1e-4)


# Nets

@pytest.fixture(scope="module")
def experiment() -> classifier.Experiment:
    return classifier.Experiment("digits", ("shift", "rotate"), "mirror", 1.0, 100, generators(range(SEEDS)))


def test_arms_meet_the_same_samples_and_test_patches_are_never_transformed(experiment: classifier.Experiment):
    x, y = next(experiment.batches())
    rows = len(classifier.SIZES) * SEEDS
    none, good, breaking = x.split(rows)
    assert torch.equal(y[:rows], y[rows : 2 * rows]) and torch.equal(y[:rows], y[2 * rows :])
    kept = (none == breaking).flatten(1, 3).all(1)
    mirrored = (none.flip(3) - breaking).abs().flatten(1, 3).amax(1) < 1e-6
    assert (kept | mirrored).all() and 0.3 < float(kept.float().mean()) < 0.7
    assert not torch.equal(none, good)
    fresh = classifier.digit_patches(generators([int(torch.randint(2**62, (), generator=g)) for g in generators(range(SEEDS))]))
    assert torch.equal(fresh.x_test, experiment.data.x_test)
    for train, test in zip(experiment.data.x.flatten(2), experiment.data.x_test.flatten(2), strict=True):
        assert not (torch.cdist(train, test) == 0).any()


def test_a_smaller_training_set_is_the_beginning_of_a_larger_one(experiment: classifier.Experiment):
    x, _ = next(experiment.batches())
    for n, size in enumerate(classifier.SIZES):
        for seed in range(SEEDS):
            batch = x[n * SEEDS + seed, 0].permute(2, 0, 1).flatten(1)
            apart = torch.cdist(batch, experiment.data.x[seed, :size].flatten(1))
            assert (apart.amin(1) < 1e-4).all()


def test_the_half_turn_and_the_shift_are_what_they_say():
    u = torch.full((1, 5), 0.2)
    patch = torch.rand(1, 8, 8, generator=generators([0])[0])
    turned = classifier.transform(patch, classifier.maps(("half_turn",), 1.0, u, 8))
    assert torch.allclose(turned, patch.flip(1, 2), atol=1e-5)
    away = classifier.transform(patch, classifier.maps(("away",), 1.0, u, 8))
    assert torch.allclose(away[0, :, 4:], patch[0, :, :4], atol=1e-5) and (away[0, :, :4] == 0).all()


def test_nuclei_for_training_and_test_are_parts_of_the_image_apart():
    data = classifier.nucleus_patches(generators([0, 1]))
    assert data.y.float().mean().item() == 0.5 and data.classes == 2
    assert torch.allclose(data.x.mean((2, 3)), torch.zeros(2, classifier.SIZES[-1]), atol=1e-5)
    for train, test in zip(data.x.flatten(2), data.x_test.flatten(2), strict=True):
        assert float(torch.cdist(train, test).min()) > 0


# Generative

def test_the_objective_is_that_of_torch():
    theta = torch.cat([net.init(generators([0, 1])) for net in (generative.ENCODER, generative.DECODER)], 1)
    x = torch.rand(2, 64, 7, generator=generators([2])[0])
    c = generative.one_hot(torch.arange(7).expand(2, -1))
    noise = torch.randn(2, 2, 7, generator=generators([3])[0])
    mean, log_variance = generative.encode(theta, x, c)
    wanted = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(generative.divergence(mean, log_variance), wanted, atol=1e-5)
    logits = generative.decode(theta, mean + (0.5 * log_variance).exp() * noise, c)
    fit = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    assert torch.allclose(generative.misfit(logits, x), fit, atol=1e-4)
    both = generative.parts(theta, x, c, noise)
    assert torch.allclose(both[0], fit.mean(1), atol=1e-4) and torch.allclose(both[1], wanted.mean(1), atol=1e-5)


def test_the_plane_is_decoded_at_equal_shares_of_the_normal():
    q = generative.quantiles()
    assert torch.allclose(torch.special.ndtr(q.double()).diff(), torch.full((8,), 1 / 9, dtype=torch.float64), atol=1e-5)
    theta = torch.cat([net.init(generators([0])) for net in (generative.ENCODER, generative.DECODER)], 1)
    plane = generative.plane(theta)
    z = torch.stack([q[2], q[8]])[None, :, None]  # third from the left, at the top
    tile = generative.decode(theta, z, generative.one_hot(torch.tensor([[4]]))).sigmoid().reshape(8, 8)
    assert torch.allclose(plane[4, :8, 16:24], tile, atol=1e-5)


def test_the_model_learns_and_the_study_has_its_errors():
    g = whole(Config(part="generative", cvae=200, digits=50)).generative
    assert g is not None and g.error is not None
    assert (g.held_out[-1] < 0.7 * g.held_out[0]).all() and g.error.shape == (3, SEEDS)
    assert math.isfinite(g.copies) and g.copies > 0


def test_the_example_says_what_the_lesson_says():
    found = runpy.run_path(str(ROOT / "examples" / "augmentation.py"))["main"](seeds=3)
    curves = whole(Config(part="classifier")).curves
    assert curves is not None
    ours = curves.error[:, 1].mean(-1).tolist()
    assert found["breaking"] > found["none"] and ours[2] > ours[0]
    for name, value in zip(("none", "good", "breaking"), ours, strict=True):
        assert found[name] == pytest.approx(value, abs=0.08)


# A picture of the reader's own

DIGEST = "0" * 32
RAMP = np.linspace(-1000, 1400, 90 * 120, dtype=np.float32).reshape(90, 120, 1)
BROUGHT = {
    "ct": Picture(RAMP, "ct", "HU", (-160.0, 240.0)),
    "mr": Picture(RAMP + 1000, "mr", "", (300.0, 1500.0)),
    "ultrasound": Picture(RAMP + 1000, "ultrasound", "", (0.0, 2400.0)),
    "grey": Picture(RAMP + 1000, "grey", "", (0.0, 65535.0)),
    "photograph": Picture(np.random.default_rng(0).uniform(0, 255, (50, 400, 3)).astype(np.float32), "photograph", "",
                          (0.0, 255.0)),
    "constant": Picture(np.full((8, 9, 1), 40, np.float32), "grey", "", (0.0, 255.0)),
    "other": Picture(RAMP + 1000, "other", "", (0.0, 2400.0)),
}


def own(kind: str, **values: Any) -> tuple[Config, list[Any]]:
    scene = Config(own=DIGEST, **values)
    return scene, list(augmentation.steps(scene.trained(), {DIGEST: PictureForm().pack(BROUGHT[kind])}))


@pytest.mark.parametrize("kind", BROUGHT)
def test_every_transform_acts_on_a_picture_of_ones_own(kind: str):
    for names in (tuple(chain.TRANSFORMS), ("flip",), ("gamma",)):
        scene, results = own(kind, transforms=names)
        for result in (results[0], results[-1]):
            check(page_spec("augmentation"), catalogue.lesson("augmentation").module(), scene, result)
        t = results[-1].transformed
        assert t.mask is None and t.masks is None and not len(t.marks)  # no file brings them
        assert t.images.shape[2:] == t.level.shape[1:] and t.images.isfinite().all()
        draw = page_spec("augmentation").draw(results[-1], scene)
        said = draw.panels[0].caption
        assert said.startswith("Your own picture (") and "Green" not in said
    still = own(kind, transforms=tuple(chain.TRANSFORMS), strength=0.0)[1][-1].transformed
    assert torch.allclose(still.images, still.level.expand_as(still.images), atol=2e-5)


def test_own_values_keep_their_quantity():
    """CT in Hounsfield units and MR as intensity whatever the window: a field multiplies values, not what a window shows."""
    ct, mr = brought(BROUGHT["ct"]), brought(BROUGHT["mr"])
    assert (ct.modality, ct.window, mr.modality) == ("CT", (-160.0, 240.0), "MR")
    assert ct.fill * 400 - 160 == pytest.approx(-1000) and mr.fill * 1200 + 300 == pytest.approx(0)
    middle = torch.from_numpy(RAMP[:, 15:105, 0])
    assert torch.allclose(ct.level[0] * 400 - 160, middle, atol=0.05)
    t = own("mr", transforms=("bias",))[1][-1].transformed
    wanted = (((middle + 1000) * t.field - 300) / 1200).clamp(0, 1)
    assert torch.allclose(t.images[:, 0], wanted, atol=1e-3)
    # The noise of projections in Hounsfield units is the same through two windows.
    scene = Config(transforms=("ct",))
    still = chain.Draws(torch.eye(3)[None], None, 1.0, None)
    noise = []
    for window in ((-160.0, 240.0), (-1000.0, 2000.0)):
        it = brought(Picture(RAMP, "ct", "HU", window))
        raw = chain.measured(it.level, scene, it, still, 0, {"ct": generators([5])})
        noise.append((raw - it.level) * (window[1] - window[0]))
    assert torch.allclose(noise[0], noise[1], atol=0.05) and float(noise[0].std()) > 1


def test_words_say_which_quantity_of_ones_own_picture_is_acted_on():
    scene = Config(transforms=("camera", "speckle", "bias", "ct"))
    said = {kind: words.reading(scene, brought(picture)) for kind, picture in BROUGHT.items()}
    assert said["ct"].count("is no") == 3 and "is no CT" not in said["ct"] and "is no MR" not in said["mr"]
    assert "does not say" in said["grey"] and "is no" not in said["other"] and "mm wide" in said["ct"]
    assert not Config(own=DIGEST).matters("picture") and not Config(own=DIGEST, part="classifier").matters("own")


def test_a_half_turn_is_no_mirror_image():
    scene = Config(transforms=("flip",), flip_axis="both")
    assert "No draw is a mirror image" in words.summary(whole(scene), scene)


@pytest.mark.parametrize("picture", PICTURES)
def test_the_axis_of_the_histogram_ends_where_the_values_do(picture: str):
    scene = Config(picture=picture)
    t = draws(picture=picture)
    low, high = pictures.histogram(t, scene).layout.yaxis.range
    shares = 100 * torch.cat([t.before, t.after.flatten()])
    assert shares.max() <= 10**high * 1.001 and 10**low < shares[shares > 0].min() < 10 ** (low + 1)


@pytest.mark.parametrize(("picture", "axis"), [("abdomen", "left"), ("abdomen", "both"), ("brain", "up")])
def test_the_draws_say_which_of_them_break_the_label(picture: str, axis: str):
    scene = Config(picture=picture, transforms=("flip", "bias"), flip_axis=axis, which=3)
    result = whole(scene)
    t, board = result.transformed, page_spec("augmentation").draw(result, scene)
    cells = pictures.draws(t, scene).cells
    broken = "label broken" if picture == "abdomen" else "mirrored"
    for k, cell in enumerate(cells[1:]):
        at = t.origin[k, 80, 80]
        turned = torch.linalg.det(torch.stack([t.origin[k, 80, 81] - at, t.origin[k, 81, 80] - at]).double())
        assert (f": {broken}" in cell.labels[0]) == bool(turned < 0)
        assert any(over.colour == style.INK for over in cell.overlays) == (k == 2)
        assert any(over.dash != "none" for over in cell.overlays) == (k == 2)
    told = {panel.id: panel for panel in board.panels}
    assert ("liver (disc)" in told["draws"].caption) == (picture == "abdomen") and "Framed: draw 3." in told["draws"].caption
    bars, = told["mirrors"].figure.data
    assert np.allclose(bars.x, [100 * t.mirrors.get(name, 0) for name in words.ASKED]) and (bars.x[0] > 0) == (axis != "both")
    assert "smooth shading" in told["draws"].caption and told["histogram"].title.endswith("draw 3")


@pytest.mark.parametrize("axis", ["left", "up", "both"])
@pytest.mark.parametrize("strength", [0.0, 0.1, 0.3, 1.0])
def test_the_share_of_mirror_images_of_a_flip_is_that_of_many_draws(axis: str, strength: float):
    scene = Config(transforms=("flip",), flip_axis=axis, strength=strength)
    drawn = chain.draw(scene, (16, 16), chain.streams(generators([0])[0], 4000)).matrix
    share = float((torch.linalg.det(drawn[:, :2, :2]) < 0).double().mean())
    assert chain.mirrored(scene, (16, 16), chain.streams(generators([1])[0], 4))["flip"] == pytest.approx(share, abs=0.04)
    right = words.predict(augmentation.run(scene), scene).right
    assert ("flip" in right) == (strength > 0 and axis != "both")


def test_what_a_picture_has_lost_before_any_transform_is_counted():
    """The vertebra's window cuts off what is denser and lighter; transforms that move nothing lose no more."""
    t = draws(picture="vertebra", transforms=("flip",))
    raw = t.subject.level.numpy()
    lost = 100 * float(np.mean((raw < 0) | (raw > 1)))
    assert lost > 1
    assert pictures.statistics(t).rows[0][3] == pytest.approx(lost)


@pytest.mark.parametrize(("better", "right"), [(5, "helps"), (4, "helps"), (3, "neither"), (1, "harms"), (0, "harms")])
def test_a_reason_against_samples_is_given_only_where_they_do_not_help(better: int, right: str):
    result = next(augmentation.steps(Config(part="generative")))
    assert result.generative is not None
    error = torch.full((3, SEEDS), 0.2)
    error[1] = torch.where(torch.arange(SEEDS) < better, 0.1, 0.3)
    told = words.predict(dataclasses.replace(result, generative=dataclasses.replace(result.generative, error=error)),
                         Config(part="generative"))
    assert told.right == (right,)
    assert f"errors are fewer on {better} seed{'' if better == 1 else 's'} and more on {SEEDS - better}" in told.why
    assert ("has seen no digit that the classifier has not" in told.why) == (right != "helps")
