"""Real images and tables, small enough to ship.

Each loader reads one compressed file (a few milliseconds) and returns fresh tensors, so a caller may change
what it was given. Sources, licences and what was done to the originals: `LICENSES.md` in this folder; how the
files were cut out: `scripts/extract_data.py`.

Shapes: N samples, D features, H rows, W columns, C channels. Row 0 of an image is its top.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_FOLDER = Path(__file__).resolve().parent


class Digits(NamedTuple):
    """1797 handwritten digits of 8 × 8 pixels."""

    images_NHW: Tensor
    """float32 in [0, 1]; the original counts 0..16 divided by 16."""
    labels_N: Tensor
    """int64, 0..9."""


class Table(NamedTuple):
    """Named measurements of N people or samples, unscaled."""

    x_ND: Tensor
    """float64, in the units named."""
    y_N: Tensor
    """float64 for a regression target, int64 for classes."""
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    """One unit a feature; empty where the feature has none."""
    target_name: str
    class_names: tuple[str, ...] = ()
    """The name of class 0, 1, ...; empty for regression."""


class Picture(NamedTuple):
    """One square picture."""

    name: str
    """Key of the picture, a single word."""
    label: str
    """The class it stands for, as written on a label bar."""
    caption: str
    """What is seen, and by which modality."""
    licence: str
    """Licence in short; the full notice is in `LICENSES.md`."""
    image_HWC: Tensor
    """uint8 [160, 160, C], C = 3 for colour (RGB) and 1 for grey."""


class Brain(NamedTuple):
    """Axial slice (z = +18 mm) of the mean of 152 brains; 1 mm a pixel, front is up."""

    t1_HW: Tensor
    """float32 in [0, 1], T1-weighted signal, [233, 197]."""
    grey_HW: Tensor
    """float32 in [0, 1], probability of grey matter."""
    white_HW: Tensor
    """float32 in [0, 1], probability of white matter."""


class Nuclei(NamedTuple):
    """Fluorescence microscopy of cell nuclei, 512 × 512 pixels."""

    image_HW: Tensor
    """float32 in [0, 1], divided by the brightest pixel."""
    instances_HW: Tensor
    """int64, 0 background, 1..125 one number for each nucleus."""


_DIABETES: tuple[tuple[str, str], ...] = (
    ("age", "years"),
    ("sex", "coded 1 or 2"),
    ("body mass index", "kg/m²"),
    ("blood pressure", "mmHg"),
    ("total cholesterol", "mg/dl"),
    ("LDL cholesterol", "mg/dl"),
    ("HDL cholesterol", "mg/dl"),
    ("TCH ratio", "total cholesterol / HDL"),
    ("log triglycerides", "ln(mg/dl)"),
    ("blood sugar", "mg/dl"),
)

# The source states no units for lengths and areas, so none are invented here.
_CANCER_UNITS = (
    ("radius", "image units"),
    ("perimeter", "image units"),
    ("area", "image units²"),
    ("texture", "grey levels"),
)

_PICTURES: tuple[tuple[str, str, str, str], ...] = (
    ("cat", "cat", "Chelsea the cat, photograph", "CC0, Stefan van der Walt"),
    ("coffee", "coffee", "Cup of coffee, photograph", "CC0, Rachel Michetti / Pikolo Espresso Bar"),
    ("retina", "retina", "Normal left eye, fundus photograph", "CC0, Mikael Häggström"),
    ("brain", "brain", "Mean of 152 brains, T1-weighted MR", "McGill notice, Louis Collins"),
    ("abdomen", "abdomen", "Abdomen, MR", "BSD-3-Clause, GDCM"),
    ("vertebra", "vertebra", "Thoracic vertebra, CT", "MIT, pydicom test file"),
    ("ultrasound", "pelvis", "Pelvis, ultrasound", "BSD-3-Clause, GDCM"),
)


def _read(name: str) -> dict[str, np.ndarray]:
    with np.load(_FOLDER / name) as archive:
        return {key: archive[key] for key in archive.files}


def _unit_range(pixels: np.ndarray, top: float) -> Tensor:
    return torch.from_numpy(pixels).to(torch.float32) / top


def digits() -> Digits:
    """The test half of the UCI optical digits, as in scikit-learn."""
    file = _read("digits.npz")
    return Digits(_unit_range(file["images"], 16.0), torch.from_numpy(file["labels"]).to(torch.int64))


def diabetes() -> Table:
    """442 people with diabetes: ten baseline measurements and disease progression one year later.

    The values are raw, not scikit-learn's scaled ones; standardise them on the training part. The source
    names the features but not their units; those given follow from the ranges (a glucose of 91 is mg/dl).
    It does not say which sex the codes 1 and 2 stand for, and rounds most TCH ratios to whole numbers.
    """
    file = _read("diabetes.npz")
    return Table(
        x_ND=torch.from_numpy(file["x"]),
        y_N=torch.from_numpy(file["y"]),
        feature_names=tuple(name for name, _ in _DIABETES),
        units=tuple(unit for _, unit in _DIABETES),
        target_name="disease progression after one year",
    )


def breast_cancer() -> Table:
    """569 breast masses: 30 measures of the cell nuclei in a fine-needle aspirate; 0 malignant, 1 benign.

    Ten measures, each as mean, standard error and worst (mean of the three largest) over the nuclei.
    """
    file = _read("breast_cancer.npz")
    names = tuple(str(name) for name in file["feature_names"])
    return Table(
        x_ND=torch.from_numpy(file["x"]),
        y_N=torch.from_numpy(file["y"]).to(torch.int64),
        feature_names=names,
        units=tuple(next((unit for word, unit in _CANCER_UNITS if word in name), "") for name in names),
        target_name="diagnosis",
        class_names=tuple(str(name) for name in file["target_names"]),
    )


def pictures() -> dict[str, Picture]:
    """All pictures by name, each uint8 [160, 160, 3 or 1].

    `cat` and `coffee` make a colour pair for mixing, `brain` and `abdomen` a grey medical pair.
    """
    file = _read("pictures.npz")
    return {
        name: Picture(name, label, caption, licence, torch.from_numpy(file[name]))
        for name, label, caption, licence in _PICTURES
    }


def vertebra_hounsfield() -> Tensor:
    """CT of a thoracic vertebra in Hounsfield units (air −1000, water 0), float32 [128, 128]."""
    return torch.from_numpy(_read("vertebra.npz")["hounsfield"]).to(torch.float32)


def brain() -> Brain:
    """A slice of the MNI152 template (nonlinear, symmetric, 2009a) with its tissue maps."""
    file = _read("brain.npz")
    return Brain(*(_unit_range(file[key], 255.0) for key in ("t1", "gm", "wm")))


def nuclei() -> Nuclei:
    """An image of the 2018 Data Science Bowl with its instance mask; `instances_HW > 0` is the foreground."""
    file = _read("nuclei.npz")
    image = file["image"]
    return Nuclei(_unit_range(image, float(image.max())), torch.from_numpy(file["instances"]).to(torch.int64))
