"""Augmentation shows a net what could have been measured as well, and helps only where the label stays true.

Three parts. `transforms`: the lecture's families on real pictures, a draw for picture, mask and landmarks together.
`classifier`: ConvNets on patches with no, a harmless and a label-breaking set; each update minimises the mean of
−ln p_label(T(x); θ) over a batch, T drawn afresh for every sample (`classifier.py`). `generative`: a conditional VAE whose
samples join the training set (`generative.py`).

Shapes: D draws, C channels, H rows, W columns, P landmarks, L lines of a lattice, B bins, Q amplitudes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from core.controls import choice, choices, grid, number, switch
from core.drawings import upload
from core.engine import generators, spawn
from core.lesson import Scene, last
from core.lessons.augmentation import chain, classifier, generative
from core.lessons.augmentation.chain import TRANSFORMS
from core.lessons.augmentation.classifier import BREAKING, GOOD, Curves
from core.lessons.augmentation.generative import Generative
from core.lessons.augmentation.subjects import PICTURES, Subject, brought, subject
from core.transforms import ffd, geometry
from core.uploads import PictureForm

PARTS = {"transforms": "Transforms", "classifier": "What they buy", "generative": "Synthetic samples"}
DRAWS = 8
TOSSES = 16  # of each transform alone, when mirror images are counted
SEEDS = 5
FORM = PictureForm()
BINS = 50
# Amplitudes of control points, in spacings, of the curve of folds.
RATIOS = tuple(round(0.1 * k, 1) for k in range(1, 16))
# The field of its own that each transform has.
OWN = {"flip": ("flip_axis",), "crop": ("crop",), "rotate": ("angle",), "rigid": ("shift",), "similarity": ("scale",),
       "affine": ("shear",), "projective": ("perspective",), "ffd": ("reach", "spacing"), "camera": ("stops",),
       "speckle": ("looks",), "bias": ("bias",), "ct": ("photons",), "brightness": ("brightness",), "contrast": ("contrast",),
       "gamma": ("gamma",), "rgb": ("rgb",)}
_TRANSFORMS, _CLASSIFIER, _GENERATIVE = (("part", (name,)) for name in PARTS)


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    part: str = choice("transforms", options=PARTS, label="Part",
                       help="Pictures and their transforms; nets that are trained with them; a model that makes samples up.")
    picture: str = choice("abdomen", options=PICTURES, label="Picture", when=_TRANSFORMS)
    own: str = upload(FORM, label="Your own picture", when=_TRANSFORMS,
                      help="PNG, JPEG or DICOM, in place of the picture. It stays in the memory of the server, for you alone.")
    transforms: tuple[str, ...] = choices(
        ("flip", "affine", "bias"), options=TRANSFORMS, least=1, label="Chain of transforms", when=_TRANSFORMS,
        help="Done in this order. Those that move pixels are put together and the picture is resampled once.")
    strength: float = number(1.0, low=0.0, high=2.0, step=0.1, label="Strength", when=_TRANSFORMS,
                             help="Multiplies what each transform may do; at 0 nothing happens. Noise grows in proportion.")
    flip_axis: str = choice("left", options={"left": "Left–right", "up": "Up–down", "both": "Both at once"}, label="Flip",
                            help="Every second picture is flipped at strength 1.")
    crop: float = number(0.7, low=0.4, high=0.95, step=0.05, label="Crop: smallest side", help="Part of each side that is kept.")
    angle: float = number(20.0, low=0.0, high=90.0, step=5.0, label="Rotate: up to", unit="°")
    shift: float = number(12.0, low=0.0, high=40.0, step=2.0, label="Rigid: shift up to", unit="px",
                           help="With a turn of up to 10°.")
    scale: float = number(0.2, low=0.0, high=0.5, step=0.05, label="Similarity: ln of the scale up to",
                          help="With a shift of up to 5 px and a turn of up to 10°.")
    shear: float = number(0.2, low=0.0, high=0.5, step=0.05, label="Affine: shear and ln of the aspect up to",
                          help="With a little shift, turn and scale.")
    perspective: float = number(0.2, low=0.0, high=0.4, step=0.05, label="Projective: perspective up to",
                                help="With a little of all that an affine map does.")
    reach: float = number(10.0, low=0.0, high=30.0, step=1.0, label="Free form: control points move up to", unit="px")
    spacing: int = number(32, low=12, high=48, step=4, label="Free form: spacing of control points", unit="px")
    stops: float = number(1.0, low=0.0, high=3.0, step=0.25, label="Camera: exposure up to", unit="stops",
                          help="Acts on linear light, which is counted in electrons.")
    looks: float = grid(1, values=(1, 2, 4, 8, 16), label="Speckle: looks that are averaged",
                        help="One look is fully developed speckle. Multiplies the echo's envelope, before it is log-compressed.")
    bias: float = number(0.6, low=0.0, high=1.2, step=0.1, label="Bias field: |ln field| up to",
                         help="A smooth field that multiplies the MR intensity.")
    photons: float = grid(1e5, values=(1e3, 3e3, 1e4, 3e4, 1e5, 3e5, 1e6), label="CT: photons for each ray",
                          help="Counted through the picture in Hounsfield units; filtered back-projection brings the noise back.")
    brightness: float = number(0.2, low=0.0, high=0.5, step=0.05, label="Brightness: ± up to")
    contrast: float = number(0.5, low=0.0, high=1.0, step=0.1, label="Contrast: ln of the factor up to")
    gamma: float = number(0.5, low=0.0, high=1.0, step=0.1, label="Gamma: ln of the exponent up to")
    rgb: float = number(0.3, low=0.0, high=0.6, step=0.05, label="Colours: ln of each channel's gain up to",
                        help="A grey picture has one channel and stays as it is.")
    which: int = number(1, low=1, high=DRAWS, step=1, label="Draw that is looked at", view=True, when=_TRANSFORMS)
    over: bool = switch(True, label="Draw grid, mask and field over", view=True, more=True, when=_TRANSFORMS)
    task: str = choice("digits", options={"digits": "Digits", "nuclei": "Nuclei against background"}, label="Task",
                       when=_CLASSIFIER)
    good: tuple[str, ...] = choices(("shift", "rotate", "scale"), options=GOOD, label="Meant to be harmless", when=_CLASSIFIER)
    breaking: str = choice("mirror", options=BREAKING, label="Meant to break the label", when=_CLASSIFIER,
                           help="Done to every second sample, which keeps its label.")
    amount: float = number(0.5, low=0.0, high=2.0, step=0.25, label="Strength of the harmless set", when=_CLASSIFIER,
                           help="At 1: shift by an eighth of the side, 15°, a factor of 1.2.")
    updates: int = number(400, low=100, high=500, step=100, label="Updates", when=_CLASSIFIER)
    digits: int = grid(100, values=(50, 100, 200, 300), label="Training digits N", when=_GENERATIVE)
    ratio: int = grid(1, values=(1, 2, 4), label="Synthetic digits for each real one", when=_GENERATIVE)
    beta: float = grid(0.3, values=(0.03, 0.1, 0.3, 1.0, 3.0), label="Weight β of the KL divergence", when=_GENERATIVE,
                       help="At 1, J is the negative evidence lower bound.")
    cvae: int = number(600, low=200, high=1000, step=200, label="Updates of the CVAE", when=_GENERATIVE)
    digit: int = number(3, low=0, high=9, step=1, label="Digit that is drawn", view=True, when=_GENERATIVE)

    def matters(self, name: str) -> bool:
        """Also: the own field of a transform only where it is in the chain, and no picture of ours beside the reader's own."""
        if name == "picture" and self.own:
            return False
        owner = next((one for one, fields in OWN.items() if name in fields), None)
        return super().matters(name) if owner is None else self.part == "transforms" and owner in self.transforms


@dataclass(frozen=True)
class Transformed:
    """D draws of a chain, or as many as are done."""

    subject: Subject  # the picture with its quantity: ours, or the reader's own
    level: Tensor  # [C, H, W] the picture, in [0, 1]
    images: Tensor  # [D, C, H, W] in [0, 1]
    mask: Tensor | None  # [H, W] int64
    masks: Tensor | None  # [D, H, W]
    between: float  # part of a mask's pixels, over all draws, that would have a value between labels if it were interpolated
    marks: Tensor  # [P, 2] landmarks (x, y)
    moved: Tensor  # [D, P, 2] where they go, NaN where a fold leaves no single place
    lines: Tensor | None  # [D, L, n, 2] lattice, None where nothing moves
    origin: Tensor  # [D, H, W, 2] where each pixel comes from
    field: Tensor | None  # [D, H, W] bias field
    determinant: Tensor | None  # [D, H, W] det J of the free-form deformation
    farthest: Tensor  # [D] the longest way of a pixel (pixels) by the free-form deformation
    mirrored: Tensor  # [D] bool, whether the draw is a mirror image: det < 0
    clipped: Tensor  # [D] part of the values that were clipped
    before: Tensor  # [B] part of the values in each of B equal bins of [0, 1]
    after: Tensor  # [D, B]
    mirrors: dict[str, float]  # transform to the part of its draws that mirror
    folded: Tensor | None  # [Q] part of the pixels with det J ≤ 0, of control points that move up to RATIOS spacings


@dataclass(frozen=True)
class Result:
    """The part that the scene is about; None for the others."""

    transformed: Transformed | None = None
    curves: Curves | None = None
    generative: Generative | None = None


def steps(config: Config, assets: Mapping[str, bytes] = MappingProxyType({})) -> Iterator[Result]:
    root = generators([config.seed])[0]
    if config.part == "transforms":
        yield from (Result(transformed=one) for one in _transformed(config, root, assets))
        return
    rngs = generators(range(config.seed * SEEDS, (config.seed + 1) * SEEDS))
    result = Result()
    if config.part == "classifier":
        experiment = classifier.Experiment(config.task, config.good, config.breaking, config.amount, config.updates, rngs)
        for curves in experiment.training():
            result = result if result.curves is curves else Result(curves=curves)
            yield result
        return
    study = generative.Study(int(config.digits), config.beta, config.cvae, int(config.ratio), rngs)
    for now in study.training():
        result = result if result.generative is now else Result(generative=now)
        yield result
    for found in study.classifiers():
        if found is not None and result.generative is not None:
            result = Result(generative=replace(result.generative, error=found[0], copies=found[1]))
        yield result


def run(config: Config) -> Result:
    return last(steps(config))


def _transformed(config: Config, root: torch.Generator, assets: Mapping[str, bytes]) -> Iterator[Transformed]:
    """All draws at once, but one after the other where each is projected through."""
    asked, drawn = spawn([root] * 2)
    it = brought(FORM.unpack(assets[config.own])) if config.own in assets else subject(config.picture)
    rngs = chain.streams(drawn, DRAWS)
    draws = chain.draw(config, it.size, rngs)
    origin, told = chain.origin(draws, it.size).float(), chain.palette(config, rngs)
    moved = geometry.sample(it.level[None], origin, it.fill)
    frame = _frame(config, it, draws, origin, chain.mirrored(config, it.size, chain.streams(asked, TOSSES)))
    measured: list[Tensor] = []
    for k in range(DRAWS):
        measured.append(chain.measured(moved[k], config, it, draws, k, rngs))
        if k + 1 == DRAWS or {"ct", "speckle", "camera"} & set(config.transforms):
            x = chain.coloured(torch.stack(measured), told)
            images = x.clamp(0, 1)
            yield replace(frame, images=images, clipped=((x < 0) | (x > 1)).float().mean((1, 2, 3)), after=_bins(images))


def _frame(config: Config, it: Subject, draws: chain.Draws, origin: Tensor, mirrors: dict[str, float]) -> Transformed:
    """All of a result but the pictures."""
    size, D = it.size, len(draws.matrix)
    moves = any(name in chain.MAPS for name in config.transforms)
    det, farthest, folded, masks, between = None, torch.zeros(D), None, None, 0.0
    sign = torch.linalg.det(draws.matrix[:, :2, :2])
    if draws.phi is not None:
        slopes = ffd.slopes(draws.phi, draws.spacing, *size)
        det = ffd.determinant(slopes)
        farthest = ffd.displacement(draws.phi, draws.spacing, *size).norm(dim=-1).flatten(1).amax(1).float()
        # u is linear in the control points, so those of any reach are a multiple of these.
        reach = config.reach * config.strength / draws.spacing
        unit = slopes[..., ::2, ::2] / max(reach, 1e-9)
        folded = torch.stack([(ffd.determinant(r * unit) <= 0).double().mean() for r in RATIOS])
        sign = sign * det.flatten(1).median(1).values
    if it.mask is not None:
        masks = geometry.nearest(it.mask[None, None], origin)[:, 0]
        mixed = geometry.sample(it.mask[None, None].float(), origin)[:, 0]
        between = float(((mixed - mixed.round()).abs() > 1e-3).float().mean())
    return Transformed(
        subject=it, level=it.level.clamp(0, 1), images=torch.empty(0), mask=it.mask, masks=masks, between=between, marks=it.marks,
        moved=chain.destination(draws, it.marks), lines=chain.lattice(draws, size) if moves else None, origin=origin,
        field=draws.field, determinant=None if det is None else det.float(), farthest=farthest, mirrored=sign < 0,
        clipped=torch.zeros(D), before=_bins(it.level[None].clamp(0, 1))[0], after=torch.empty(0), mirrors=mirrors, folded=folded)


def _bins(images: Tensor) -> Tensor:
    """The part of the values [D, C, H, W] in each of BINS equal bins of [0, 1], [D, BINS]."""
    index = (images.flatten(1) * BINS).long().clamp(0, BINS - 1)
    counts = torch.zeros(len(images), BINS).scatter_add_(1, index, torch.ones(index.shape))
    return counts / index.shape[1]
