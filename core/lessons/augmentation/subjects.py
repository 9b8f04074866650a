"""The pictures that are transformed, each with what its grey levels stand for, its mask and its landmarks.

A level is in [0, 1] on the screen; while a picture is transformed it may lie beyond, and is clipped once, at the end. A picture
of the reader's own has neither mask nor landmarks; its levels are its values by its own window, unclipped.

Shapes: C channels, H rows, W columns, P landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.data import real
from core.formatting import format_as
from core.transforms import geometry
from core.uploads import MODALITIES, Picture, square

SIDE = 160
LEAST = 32  # pixels of a side of a picture of the reader's own
OWN = "own"
WINDOW = (-500.0, 1000.0)  # Hounsfield units of black and white
PICTURES = {"abdomen": "Abdomen (MR)", "brain": "Brain with tissue mask (MR)", "vertebra": "Vertebra (CT)",
            "ultrasound": "Pelvis (ultrasound)", "cat": "Cat (photograph)", "nuclei": "Nuclei with mask (microscopy)"}
# Places of landmarks, (x, y) in pixels; the first of the abdomen is the liver.
_MARKS: dict[str, tuple[tuple[float, float], ...]] = {
    "abdomen": ((28, 75), (49, 105), (109, 105)), "brain": ((60, 102), (101, 102)), "vertebra": ((66, 66),),
    "ultrasound": ((58, 102), (96, 72)), "cat": ((49, 61), (127, 73), (95, 130)),
}


@dataclass(frozen=True)
class Subject:
    name: str
    modality: str  # MR, CT, ultrasound, photograph or microscopy; "" where a file does not say
    level: Tensor  # [C, H, W] float32
    mask: Tensor | None  # [H, W] int64, 0 outside
    marks: Tensor  # [P, 2] float64
    window: tuple[float, float] = (-1000.0, 1000.0)  # what levels 0 and 1 stand for in CT (HU), or are read as where it is none
    zero: float = 0.0  # the level of no signal: MR intensity 0
    kind: str = ""  # of a picture of the reader's own, in words

    @property
    def size(self) -> tuple[int, int]:
        return self.level.shape[-2], self.level.shape[-1]

    @property
    def label(self) -> str:
        """What the picture is, in words."""
        return f"Your own picture ({self.kind})" if self.name == OWN else PICTURES[self.name]

    @property
    def fill(self) -> float:
        """The level of what lies beyond the picture: air in CT, no signal in MR, else black."""
        if self.modality != "CT":
            return self.zero
        low, high = self.window
        return (-1000 - low) / (high - low)


@lru_cache(maxsize=8)
def subject(name: str) -> Subject:
    """The picture of that name."""
    if name == "nuclei":
        return _nuclei()
    marks = torch.tensor(_MARKS[name], dtype=torch.float64)
    if name == "vertebra":
        low, high = WINDOW
        return Subject(name, "CT", ((real.vertebra_hounsfield() - low) / (high - low))[None], None, marks, WINDOW)
    level = real.pictures()[name].image_HWC.movedim(-1, 0).float() / 255
    modality = {"cat": "photograph", "ultrasound": "ultrasound"}.get(name, "MR")
    return Subject(name, modality, level, _tissue() if name == "brain" else None, marks)


def brought(picture: Picture) -> Subject:
    """The middle square of a picture of the reader's own, of at most SIDE pixels a side."""
    low, high = picture.window
    side = min(SIDE, max(LEAST, min(picture.values_HWC.shape[:2])))
    values = torch.from_numpy(square(picture.values_HWC, side)).movedim(-1, 0).contiguous()
    hounsfield, grey = picture.unit == "HU", len(values) == 1
    modality = {"mr": "MR", "ultrasound": "ultrasound", "photograph": "photograph"}.get(picture.modality, "")
    kind, window = MODALITIES[picture.modality], f"window {format_as(low, '.0f')} to {format_as(high, '.0f')}"
    if hounsfield:
        modality, kind = "CT", f"CT, {window} HU"
    elif picture.modality == "mr" and grey:
        kind = f"MR, {window}"
    return Subject(OWN, modality, (values - low) / (high - low), None, torch.zeros(0, 2, dtype=torch.float64),
                   picture.window if hounsfield else (-1000.0, 1000.0),
                   -low / (high - low) if modality == "MR" and grey else 0.0, kind)


def _tissue() -> Tensor:
    """1 where grey and 2 where white matter is likelier than all else, on the pixels of the picture of the brain."""
    data = real.brain()
    # The picture is a square of 196 × 196 pixels of the slice, brought to 160 × 160.
    at = (geometry.pixels(SIDE, SIDE) + 0.5) * (196 / SIDE) - 0.5 + torch.tensor([0.0, 17.0], dtype=torch.float64)
    grey, white = geometry.sample(torch.stack([data.grey_HW, data.white_HW])[None], at[None])[0]
    return torch.where(white > 0.5, 2, torch.where(grey > 0.5, 1, 0))


def _nuclei() -> Subject:
    data = real.nuclei()
    part = slice(320, 320 + SIDE), slice(320, 320 + SIDE)
    image, instances = data.image_HW[part], data.instances_HW[part].contiguous()
    names = instances.unique()
    mask = torch.searchsorted(names, instances)  # numbered anew from 1, 0 is the background
    at = geometry.pixels(SIDE, SIDE)
    whole = [k for k in range(1, len(names)) if int((mask == k).sum()) > 150]
    marks = torch.stack([at[mask == k].mean(0) for k in whole])
    return Subject("nuclei", "microscopy", (image / image.max())[None], mask, marks)
