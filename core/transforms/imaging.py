"""Imaging: what happens in the apparatus, on the quantity that it measures. Levels are made, and clipped, afterwards.

    camera       linear light: exposure, and the Poisson noise of a count of electrons
    ultrasound   echo envelope: speckle, the amplitude of a sum of many small echoes (Goodman 1975)
    MR           intensity: a smooth field that multiplies it
    CT           Hounsfield units: Poisson noise in the projections, carried into the image by filtered back-projection

Shapes: D draws, C channels, H rows, W columns, A angles, S detectors.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

RANGE_DB = 60.0  # between black and white of a log-compressed envelope
SNR = math.sqrt(math.pi / (4 - math.pi))  # mean/standard deviation of a Rayleigh amplitude, 1.91
SPREAD_DB = 10 / math.log(10) * math.pi / math.sqrt(6)  # its standard deviation on a logarithmic scale, 5.57 dB
WATER = 0.0193  # attenuation of water near 70 keV, 1/mm
PIXEL = 0.6615  # mm
ANGLES, DETECTORS = 72, 128


def to_light(level: Tensor) -> Tensor:
    """Linear light of an sRGB level (IEC 61966-2-1); odd about 0."""
    a = level.abs()
    return level.sign() * torch.where(a <= 0.04045, a / 12.92, ((a + 0.055) / 1.055) ** 2.4)


def to_srgb(light: Tensor) -> Tensor:
    """The sRGB level of linear light."""
    a = light.abs()
    return light.sign() * torch.where(a <= 0.0031308, 12.92 * a, 1.055 * a.clamp_min(1e-12) ** (1 / 2.4) - 0.055)


def expose(light: Tensor, stops: Tensor, electrons: float, generator: Generator) -> Tensor:
    """Light [D, C, H, W] times 2^stops, counted: light 1 gives `electrons` on average, and the count is Poisson's."""
    mean = light.clamp_min(0) * torch.exp2(stops).reshape(-1, 1, 1, 1)
    if math.isinf(electrons):
        return mean
    return torch.poisson(mean * electrons, generator=generator) / electrons


def to_envelope(level: Tensor) -> Tensor:
    """Echo amplitude of a level of a log-compressed picture, 1 at white."""
    return 10 ** (RANGE_DB * (level - 1) / 20)


def from_envelope(envelope: Tensor) -> Tensor:
    return 1 + 20 * torch.log10(envelope.clamp_min(1e-30)) / RANGE_DB


def speckle(shape: tuple[int, int, int], looks: int, grain: float, generator: Generator) -> Tensor:
    """Amplitudes [D, H, W] with mean square 1 that multiply an envelope.

    One look is fully developed speckle: |z| of a complex normal z, which is Rayleigh's law. The squares of several looks are
    averaged. z is smoothed by a Gaussian of standard deviation `grain` pixels with weights whose squares sum to one, so that
    neighbours go together and every pixel keeps its law.
    """
    D, H, W = shape
    reach = math.ceil(3 * grain)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float32) / max(grain, 1e-6)).square())
    kernel = kernel / kernel.square().sum().sqrt()
    z = torch.randn(D * looks * 2, 1, H + 2 * reach, W + 2 * reach, generator=generator)
    z = F.conv2d(F.conv2d(z, kernel.reshape(1, 1, -1, 1)), kernel.reshape(1, 1, 1, -1))
    return (z.square().reshape(D, looks, 2, H, W).sum(2) / 2).mean(1).sqrt()


def bias_field(coefficients: Tensor, size: Tensor, height: int, width: int) -> Tensor:
    """A smooth field [D, H, W] that multiplies the intensity: exp of a polynomial of second degree.

    coefficients [D, 5]: of x, y, x², xy, y² on [−1, 1]², the rest is its mean; size [D]: the largest |ln field|.
    """
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    terms = torch.stack([x, y, x * x, x * y, y * y])
    wave = torch.einsum("dk,khw->dhw", coefficients.to(terms.dtype), terms)
    wave = wave - wave.mean((1, 2), keepdim=True)
    return torch.exp(size.to(terms.dtype).reshape(-1, 1, 1) * wave / wave.abs().amax((1, 2), keepdim=True).clamp_min(1e-9))


def attenuation(hounsfield: Tensor) -> Tensor:
    """Attenuation (1/mm) of Hounsfield units."""
    return WATER * (1 + hounsfield / 1000)


def project(mu: Tensor, pixel: float = PIXEL) -> Tensor:
    """Line integrals [D, A, S] of attenuation mu [D, H, W] (1/mm), parallel beams at A angles from 0 to 180°.

    Every ray is a sum of bilinear samples, as far apart as the rays are; beyond the picture nothing attenuates.
    """
    (H, W), step = mu.shape[-2:], math.hypot(*mu.shape[-2:]) / DETECTORS
    along = (torch.arange(DETECTORS, dtype=torch.float32) - (DETECTORS - 1) / 2) * step
    angle = torch.arange(ANGLES, dtype=torch.float32) * (math.pi / ANGLES)
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    s, t = along[:, None], along[None]
    # Places from −1 to 1, from the centre of the first pixel to that of the last.
    at = torch.stack([(s * cos - t * sin) * (2 / (W - 1)), (s * sin + t * cos) * (2 / (H - 1))], -1)
    at = at.reshape(1, ANGLES * DETECTORS, DETECTORS, 2).expand(len(mu), -1, -1, -1)
    values = F.grid_sample(mu[:, None], at, mode="bilinear", padding_mode="zeros", align_corners=True)
    return values[:, 0].sum(-1).unflatten(1, (ANGLES, DETECTORS)) * (step * pixel)


def count_photons(integrals: Tensor, photons: float, generator: Generator) -> Tensor:
    """What a detector makes of line integrals p: −ln(N/I₀), N Poisson with mean I₀ exp(−p); of none, as of half a photon."""
    counts = torch.poisson(photons * torch.exp(-integrals), generator=generator)
    return -torch.log(counts.clamp_min(0.5) / photons)


def back_project(integrals: Tensor, height: int, width: int, pixel: float = PIXEL) -> Tensor:
    """Attenuation (1/mm) [D, H, W] from line integrals [D, A, S]: filtered back-projection with the ramp of Kak and Slaney."""
    step = math.hypot(height, width) / DETECTORS
    n = torch.arange(-DETECTORS + 1, DETECTORS, dtype=torch.float32)
    ramp = torch.where(n % 2 == 0, 0.0, -1 / (math.pi * n).square().clamp_min(1.0))
    ramp[DETECTORS - 1] = 0.25
    filtered = F.conv1d(integrals.flatten(0, 1)[:, None], ramp.reshape(1, 1, -1), padding=DETECTORS - 1)[:, 0]
    filtered = filtered.unflatten(0, integrals.shape[:2]) / (step * pixel)
    out = torch.zeros(len(integrals), height, width)
    y, x = torch.meshgrid(torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij")
    for k in range(ANGLES):
        angle = k * math.pi / ANGLES
        place = (x * math.cos(angle) + y * math.sin(angle)) / step + (DETECTORS - 1) / 2
        low = place.floor().clamp(0, DETECTORS - 2)
        share, left = place - low, low.long().flatten()
        row = filtered[:, k]
        a, b = (row[:, index].reshape(-1, height, width) for index in (left, left + 1))
        out += a + share * (b - a)
    return out * (math.pi / ANGLES)


def projection_noise(hounsfield: Tensor, photons: float, generator: Generator) -> Tensor:
    """The noise (HU) [D, H, W] that `photons` for each ray leave in an image: the back-projection of what counting adds.

    Back-projection is linear, so the picture plus this is the picture as if its own projections had been exact.
    """
    integrals = project(attenuation(hounsfield))
    added = count_photons(integrals, photons, generator) - integrals
    return back_project(added, *hounsfield.shape[-2:]) * (1000 / WATER)
