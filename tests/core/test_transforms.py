"""Transforms against SciPy, against closed forms and against the laws that name them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, special, stats
from scipy.interpolate import BSpline

from core.engine import generators
from core.transforms import colour, ffd, geometry, imaging

H, W = 40, 56
KINDS = list(geometry.DEGREES)


def rng(seed: int = 0) -> torch.Generator:
    return generators([seed])[0]


def picture(seed: int = 0, channels: int = 2) -> torch.Tensor:
    noise = torch.rand(1, channels, H, W, generator=rng(seed), dtype=torch.float64).numpy()
    return torch.from_numpy(ndimage.gaussian_filter(noise, (0, 0, 1.5, 1.5)))


def parameters(kind: str, seed: int = 0, size: float = 0.2) -> torch.Tensor:
    u = 2 * torch.rand(8, generator=rng(seed), dtype=torch.float64) - 1
    return (u * size * torch.tensor([20, 20, 1, 1, 1, 1, 1, 1]))[: geometry.DEGREES[kind]][None]


# Maps of the plane

@pytest.mark.parametrize("kind", KINDS)
def test_a_map_has_the_degrees_of_freedom_of_its_name(kind: str):
    def entries(p: torch.Tensor) -> torch.Tensor:
        m = geometry.matrix(p[None], H, W)[0]
        return (m / m[2, 2]).flatten()

    slope = torch.autograd.functional.jacobian(entries, parameters(kind)[0])
    assert isinstance(slope, torch.Tensor)
    assert int(torch.linalg.matrix_rank(slope, rtol=1e-9)) == {"rigid": 3, "similarity": 4, "affine": 6, "projective": 8}[kind]
    with pytest.raises(ValueError, match="5 parameters"):
        geometry.matrix(torch.zeros(1, 5), H, W)


def keeps(m: torch.Tensor) -> dict[str, bool]:
    """What a map keeps of random points, worked out without its parameters."""
    p = 30 * torch.rand(1, 4, 2, generator=rng(3), dtype=torch.float64)
    q = geometry.move(p, m)
    one, two = (v[0, 1:] - v[0, :1] for v in (p, q))
    ratio = two.norm(dim=1) / one.norm(dim=1)
    way = torch.linspace(-1, 2, 7, dtype=torch.float64)[:, None]
    line = geometry.move((p[0, 0] + way * (p[0, 1] - p[0, 0]))[None], m)[0]
    flat = torch.linalg.svdvals(line - line.mean(0))[1] < 1e-9
    other = geometry.move((p[0, 2] + (p[0, 1] - p[0, 0]) * way)[None], m)[0]
    first, second = line[-1] - line[0], other[-1] - other[0]
    parallel = (first[0] * second[1] - first[1] * second[0]).abs() / first.norm() / second.norm() < 1e-9
    return {"lengths": bool((ratio - 1).abs().max() < 1e-9), "angles": bool((ratio - ratio[0]).abs().max() < 1e-9),
            "parallels": bool(parallel), "lines": bool(flat)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_keeps_what_its_name_says_and_no_more(kind: str):
    kept = keeps(geometry.matrix(parameters(kind), H, W))
    assert [kept[name] for name in ("lines", "parallels", "angles", "lengths")] == [
        True, kind != "projective", kind in ("rigid", "similarity"), kind == "rigid"]


@pytest.mark.parametrize("kind", KINDS)
def test_resampling_agrees_with_scipy(kind: str):
    image, m = picture(), geometry.matrix(parameters(kind), H, W)
    at = geometry.move(geometry.pixels(H, W)[None], torch.linalg.inv(m))
    ours, near = geometry.sample(image, at, fill=0.3)[0], geometry.nearest(image, at, fill=0.3)[0]
    places = at[0].flip(-1).movedim(-1, 0).numpy()
    for channel in range(2):
        theirs = ndimage.map_coordinates(image[0, channel].numpy(), places, order=1, mode="grid-constant", cval=0.3)
        assert np.abs(ours[channel].numpy() - theirs).max() < 1e-12
        theirs = ndimage.map_coordinates(image[0, channel].numpy(), places, order=0, mode="grid-constant", cval=0.3)
        assert (near[channel].numpy() == theirs).mean() > 0.999


def test_a_rotation_is_scipys_rotation_of_the_same_angle():
    image = picture(channels=1)
    m = geometry.matrix(torch.tensor([[0.0, 0.0, math.radians(25)]], dtype=torch.float64), H, W)
    ours = geometry.sample(image, geometry.move(geometry.pixels(H, W)[None], torch.linalg.inv(m)))[0, 0]
    theirs = ndimage.rotate(image[0, 0].numpy(), -25, reshape=False, order=1, mode="grid-constant")  # from y towards x
    assert np.abs(ours.numpy() - theirs).max() < 1e-12


def test_the_identity_gives_every_pixel_back_and_a_flip_is_a_mirror():
    image, at = picture(), geometry.pixels(H, W)[None]
    assert torch.equal(geometry.sample(image, at), image) and torch.equal(geometry.nearest(image, at), image)
    for lr, ud in ((True, False), (False, True), (True, True)):
        m = geometry.flip(torch.tensor([lr]), torch.tensor([ud]), H, W)
        moved = geometry.sample(image, geometry.move(at, torch.linalg.inv(m)))
        assert torch.equal(moved, image.flip([axis for axis, on in ((3, lr), (2, ud)) if on]))
    whole = geometry.move(at, torch.linalg.inv(geometry.matrix(torch.tensor([[3.0, -2.0, 0.0]], dtype=torch.float64), H, W)))
    assert torch.equal(geometry.sample(image, whole)[..., : H - 2, 3:], image[..., 2:, : W - 3])


def test_a_crop_shows_its_part_at_full_size():
    m = geometry.crop(*(torch.tensor([v], dtype=torch.float64) for v in (0.5, 0.25, 1.0)), H, W)
    left, top, side = 0.25 * 0.5 * (W - 1), 0.5 * (H - 1), 0.5
    corners = torch.tensor([[[left, top], [left + side * (W - 1), top + side * (H - 1)]]], dtype=torch.float64)
    assert torch.allclose(geometry.move(corners, m), torch.tensor([[[0.0, 0], [W - 1, H - 1]]], dtype=torch.float64))
    ours = geometry.sample(picture(), geometry.move(geometry.pixels(H, W)[None], torch.linalg.inv(m)))[0, 0].numpy()
    theirs = ndimage.affine_transform(picture()[0, 0].numpy(), [side, side], (top, left), order=1, mode="grid-constant")
    assert np.abs(ours - theirs).max() < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_the_inverse_restores_image_and_mask_away_from_the_border(kind: str):
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    smooth = (torch.sin(x / 9) + torch.cos(y / 7)).double()[None, None]
    mask = ((x - 27) ** 2 + (y - 19) ** 2 < 90).long()[None, None]
    m = geometry.matrix(parameters(kind, size=0.08), H, W)
    there, back = (geometry.move(geometry.pixels(H, W)[None], one) for one in (torch.linalg.inv(m), m))
    inner = (..., slice(9, -9), slice(9, -9))
    again = geometry.sample(geometry.sample(smooth, there), back)
    assert (again - smooth)[inner].abs().max() < 0.02
    again = geometry.nearest(geometry.nearest(mask, there), back)
    assert (again != mask)[inner].float().mean() < 0.04  # only along the mask's edge
    assert set(again.unique().tolist()) == {0, 1}
    points = 20 + 10 * torch.rand(1, 5, 2, generator=rng(), dtype=torch.float64)
    assert torch.allclose(geometry.move(geometry.move(points, m), torch.linalg.inv(m)), points)


# Free-form deformation

def control(amplitude: float, spacing: float, seed: int = 0, draws: int = 3) -> torch.Tensor:
    shape = draws, 2, ffd.lattice(H, spacing), ffd.lattice(W, spacing)
    return amplitude * (2 * torch.rand(shape, generator=rng(seed), dtype=torch.float64) - 1)


def test_splines_and_their_derivatives_are_scipys():
    at, spacing, n = torch.linspace(0, 39, 79, dtype=torch.float64), 7.0, ffd.lattice(40, 7.0)
    ours = ffd.weights(at, spacing, n)
    slopes = ffd.weights(at, spacing, n, derivative=True)
    for k in range(n):
        b = BSpline.basis_element(spacing * (k - 1 + np.arange(-2, 3)), extrapolate=False)
        assert np.abs(ours[:, k].numpy() - np.nan_to_num(b(at.numpy()))).max() < 1e-12
        assert np.abs(slopes[:, k].numpy() - np.nan_to_num(b.derivative()(at.numpy()))).max() < 1e-12
    assert torch.allclose(ours.sum(1), torch.ones(79, dtype=torch.float64))


def test_a_constant_lattice_shifts_and_a_linear_one_stretches():
    one = torch.ones(1, 2, ffd.lattice(H, 8.0), ffd.lattice(W, 8.0), dtype=torch.float64)
    phi = one * torch.tensor([3.0, -2.0])[:, None, None]
    u = ffd.displacement(phi, 8.0, H, W)
    assert torch.allclose(u, torch.tensor([3.0, -2.0], dtype=torch.float64).expand_as(u))
    assert torch.allclose(ffd.determinant(ffd.slopes(phi, 8.0, H, W)), torch.ones(1, H, W, dtype=torch.float64))
    x = 8.0 * (torch.arange(phi.shape[3], dtype=torch.float64) - 1)
    phi = torch.stack([0.25 * x.expand(phi.shape[2], -1), torch.zeros(phi.shape[2:], dtype=torch.float64)])[None]
    assert torch.allclose(ffd.displacement(phi, 8.0, H, W)[0, 0, :, 0], 0.25 * torch.arange(W, dtype=torch.float64))
    assert torch.allclose(ffd.determinant(ffd.slopes(phi, 8.0, H, W)), torch.tensor(1.25, dtype=torch.float64).expand(1, H, W))


@pytest.mark.parametrize("spacing", [6.0, 9.5, 16.0])
def test_the_determinant_is_that_of_differences(spacing: float):
    phi = control(5.0, spacing)
    step = 1e-5
    p = geometry.pixels(H, W).reshape(1, -1, 2).expand(3, -1, -1)
    assert torch.allclose(ffd.displacement_at(phi, spacing, p).reshape(3, H, W, 2), ffd.displacement(phi, spacing, H, W))

    def slope(axis: int) -> torch.Tensor:
        e = torch.zeros(2, dtype=torch.float64)
        e[axis] = step
        return (ffd.displacement_at(phi, spacing, p + e) - ffd.displacement_at(phi, spacing, p - e)) / (2 * step) + e / step
    a, b = slope(0), slope(1)
    wanted = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).reshape(3, H, W)
    assert torch.allclose(ffd.determinant(ffd.slopes(phi, spacing, H, W)), wanted, atol=1e-6)


def test_it_folds_where_the_determinant_says_so_and_nowhere_else():
    """Tiny triangles turn over where det J < 0, and nowhere where it is positive."""
    phi = control(9.0, 8.0, draws=2)
    det = ffd.determinant(ffd.slopes(phi, 8.0, H, W))
    p, e = geometry.pixels(H, W).reshape(1, -1, 2).expand(2, -1, -1), 1e-4 * torch.eye(2, dtype=torch.float64)
    corner, right, down = (q + ffd.displacement_at(phi, 8.0, q) for q in (p, p + e[0], p + e[1]))
    a, b = right - corner, down - corner
    turned = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).reshape(2, H, W) <= 0
    sure = det.abs() > 1e-3
    assert torch.equal(turned[sure], (det <= 0)[sure]) and 0 < float((det <= 0).double().mean()) < 0.5


def test_below_the_bound_nothing_folds_and_the_bound_is_not_idle():
    for spacing in (6.0, 10.0):
        for seed in range(20):
            safe = control(ffd.SAFE * spacing, spacing, seed).sign() * ffd.SAFE * spacing * 0.999
            assert ffd.determinant(ffd.slopes(safe, spacing, H, W)).min() > 0
    assert min(ffd.determinant(ffd.slopes(control(14.0, 10.0, seed), 10.0, H, W)).min() for seed in range(5)) < 0


def test_a_deformation_without_folds_is_undone_for_landmarks_and_image():
    phi = control(2.0, 12.0, draws=1)
    assert ffd.determinant(ffd.slopes(phi, 12.0, H, W)).min() > 0
    p = geometry.pixels(H, W).reshape(1, -1, 2)
    q = ffd.undo(phi, 12.0, p, turns=80)
    assert torch.allclose(q + ffd.displacement_at(phi, 12.0, q), p, atol=1e-9)
    image = picture(channels=1)
    warped = geometry.sample(image, p + ffd.displacement_at(phi, 12.0, p)).reshape(1, 1, H, W)
    again = geometry.sample(warped, q).reshape(H, W)
    assert (again - image[0, 0])[8:-8, 8:-8].abs().max() < 0.06


# Colour

def test_colour_is_elementwise_algebra():
    image = torch.rand(4, 3, H, W, generator=rng(), dtype=torch.float64)
    a = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    assert torch.allclose(colour.brightness(image, a)[2], image[2] + 1.5)
    shown = colour.contrast(image, a)
    assert torch.allclose(shown.mean((1, 2, 3)), image.mean((1, 2, 3)))
    assert torch.allclose(shown.var((1, 2, 3)).sqrt(), a * image.var((1, 2, 3)).sqrt())
    assert torch.allclose(colour.gamma(colour.gamma(image, a), 1 / a), image)
    assert torch.allclose(colour.channels(image, a[:3].expand(4, 3))[0, 2], 1.5 * image[0, 2])
    assert torch.equal(colour.channels(image[:, :1], a[:1].expand(4, 1)), image[:, :1])
    one = torch.ones(4, dtype=torch.float64)
    for same in (colour.brightness(image, 0 * one), colour.contrast(image, one), colour.gamma(image, one)):
        assert torch.allclose(same, image)


# Imaging

@pytest.mark.parametrize("grain", [0.0, 0.8])
def test_fully_developed_speckle_is_rayleighs(grain: float):
    amplitude = imaging.speckle((5, 256, 256), 1, grain, rng()).double()
    assert (amplitude.mean() / amplitude.std()).item() == pytest.approx(1.913, rel=0.02)
    assert (20 * amplitude.log10()).std().item() == pytest.approx(5.57, rel=0.02)
    assert amplitude.square().mean().item() == pytest.approx(1, rel=0.02)
    far = amplitude[:, ::8, ::8].flatten().numpy()  # far enough apart to be independent
    assert stats.kstest(far, stats.rayleigh(scale=math.sqrt(0.5)).cdf).pvalue > 1e-3
    assert pytest.approx((1.913, 5.57), abs=0.005) == (imaging.SNR, imaging.SPREAD_DB)


@pytest.mark.parametrize("looks", [2, 4, 16])
def test_averaged_looks_are_gammas(looks: int):
    power = imaging.speckle((3, 200, 200), looks, 0.0, rng(looks)).double().square()
    assert stats.kstest(power[:, ::4, ::4].flatten().numpy(), stats.gamma(looks, scale=1 / looks).cdf).pvalue > 1e-3
    wanted = 10 / math.log(10) * math.sqrt(float(special.polygamma(1, looks)))
    assert (10 * power.log10()).std().item() == pytest.approx(wanted, rel=0.03)


def test_log_compression_and_srgb_are_undone():
    level = torch.linspace(0, 1, 101, dtype=torch.float64)
    assert torch.allclose(imaging.from_envelope(imaging.to_envelope(level)), level)
    assert torch.allclose(imaging.to_srgb(imaging.to_light(level)), level, atol=1e-7)
    assert imaging.to_light(torch.tensor(0.5)).item() == pytest.approx(0.21404, abs=1e-5)
    # Twice the amplitude is 6.02 dB, wherever on the scale.
    doubled = imaging.from_envelope(2 * imaging.to_envelope(level)) - level
    assert torch.allclose(doubled * imaging.RANGE_DB, torch.full_like(level, 20 * math.log10(2)))


def test_a_camera_counts_by_poissons_law():
    light = torch.full((1, 1, 300, 300), 0.3)
    counts = 500 * imaging.expose(light, torch.tensor([1.0]), 500, rng()).double()
    assert counts.mean().item() == pytest.approx(300, rel=0.005) and counts.var().item() == pytest.approx(300, rel=0.03)
    assert torch.equal(imaging.expose(light, torch.tensor([-1.0]), math.inf, rng()), light / 2)


def test_the_bias_field_is_smooth_and_within_its_size():
    field = imaging.bias_field(torch.randn(4, 5, generator=rng()), torch.tensor([0.0, 0.1, 0.5, 1.0]), H, W)
    log = field.log()
    assert torch.allclose(log.abs().amax((1, 2)), torch.tensor([0.0, 0.1, 0.5, 1.0]), atol=1e-6)
    assert log.mean((1, 2)).abs().max() < 1e-6
    # A polynomial of second degree: third differences are nothing.
    assert log.double().diff(n=3, dim=1).abs().max() < 1e-5 and log.double().diff(n=3, dim=2).abs().max() < 1e-5


def disc(radius: float, value: float, size: int = 128) -> torch.Tensor:
    at = geometry.pixels(size, size, torch.float32) - (size - 1) / 2
    return value * (radius + 0.5 - at.norm(dim=-1)).clamp(0, 1)[None]


def test_projections_of_a_disc_are_its_chords_and_lead_back_to_it():
    radius, mu = 40.0, 0.02
    p = imaging.project(disc(radius, mu), pixel=1.0)[0]
    step = math.hypot(128, 128) / imaging.DETECTORS
    s = (torch.arange(imaging.DETECTORS) - (imaging.DETECTORS - 1) / 2) * step
    chord = 2 * (radius**2 - s.square()).clamp_min(0).sqrt() * mu
    inside = s.abs() < radius - 3
    assert (p - chord)[:, inside].abs().max() < 0.03 * float(chord.max())
    assert p[:, s.abs() > radius + 2].abs().max() < 1e-6
    again = imaging.back_project(p[None], 128, 128, pixel=1.0)[0]
    flat = (geometry.pixels(128, 128) - 63.5).norm(dim=-1) < 25
    assert again[flat].mean().item() == pytest.approx(mu, rel=0.02)


def test_photons_are_counted_by_poissons_law():
    p = torch.full((1, 300, 300), 2.0)
    photons, mean = 2000.0, 2000 * math.exp(-2)
    found = imaging.count_photons(p, photons, rng()).double()
    counts = photons * torch.exp(-found)
    assert counts.mean().item() == pytest.approx(mean, rel=0.003) and counts.var().item() == pytest.approx(mean, rel=0.03)
    # To first order −ln N has variance 1/E N.
    assert found.var().item() == pytest.approx(1 / mean, rel=0.03)
    assert imaging.count_photons(torch.full((1, 9, 9), 60.0), 10.0, rng()).isfinite().all()


def test_noise_in_the_image_falls_as_the_root_of_the_photons():
    water = disc(50.0, 1000.0) - 1000
    noise = [imaging.projection_noise(water, n, rng()).std().item() for n in (1e4, 1e6)]
    assert noise[0] / noise[1] == pytest.approx(10, rel=0.1)
    assert torch.allclose(imaging.attenuation(torch.tensor([-1000.0, 0.0])), torch.tensor([0.0, imaging.WATER]))
