"""The shipped extracts are what they claim to be, small, and each accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets

from core.data import real

FOLDER = Path(real.__file__).parent
FILES = sorted(path for path in FOLDER.iterdir() if path.suffix not in {".py", ".md"} and path.is_file())


def test_all_files_are_licensed_and_small():
    notes = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert FILES
    assert [path.name for path in FILES if f"`{path.name}`" not in notes] == []
    assert sum(path.stat().st_size for path in FILES) < 2_000_000


def test_every_picture_is_licensed():
    notes = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert [name for name in real.pictures() if f"`pictures.npz`, `{name}`" not in notes] == []


def test_files_hold_nothing_but_plain_arrays():
    for path in FILES:
        with np.load(path, allow_pickle=False) as archive:
            assert all(archive[key].dtype != object for key in archive.files)


def test_digits_equal_scikit_learn():
    ours = real.digits()
    theirs: Any = datasets.load_digits()
    assert ours.images_NHW.dtype == torch.float32 and ours.labels_N.dtype == torch.int64
    assert ours.images_NHW.shape == (1797, 8, 8)
    assert np.array_equal(ours.images_NHW.numpy() * 16, theirs.images)
    assert np.array_equal(ours.labels_N.numpy(), theirs.target)
    assert (ours.images_NHW.min(), ours.images_NHW.max()) == (0, 1)


def test_diabetes_equals_scikit_learn():
    ours = real.diabetes()
    theirs: Any = datasets.load_diabetes(scaled=False)
    assert ours.x_ND.dtype == ours.y_N.dtype == torch.float64
    assert np.array_equal(ours.x_ND.numpy(), theirs.data)
    assert np.array_equal(ours.y_N.numpy(), theirs.target)
    assert len(ours.feature_names) == len(ours.units) == 10


def test_diabetes_columns_carry_the_right_names():
    table = real.diabetes()
    column = dict(zip(table.feature_names, table.x_ND.T, strict=True))
    assert 19 <= column["age"].min() and column["age"].max() <= 79
    assert set(column["sex"].tolist()) == {1.0, 2.0}
    ratio = column["total cholesterol"] / column["HDL cholesterol"]
    # The source rounds most of the ratios to whole numbers.
    assert (ratio - column["TCH ratio"]).abs().median() < 0.25
    # Total cholesterol is the sum of LDL, HDL and a fifth of the triglycerides (Friedewald's formula).
    rest = column["total cholesterol"] - column["LDL cholesterol"] - column["HDL cholesterol"]
    assert (rest - column["log triglycerides"].exp() / 5).abs().median() < 5


def test_breast_cancer_equals_scikit_learn():
    ours = real.breast_cancer()
    theirs: Any = datasets.load_breast_cancer()
    assert ours.x_ND.dtype == torch.float64 and ours.y_N.dtype == torch.int64
    assert np.array_equal(ours.x_ND.numpy(), theirs.data)
    assert np.array_equal(ours.y_N.numpy(), theirs.target)
    assert ours.feature_names == tuple(theirs.feature_names)
    assert ours.class_names == tuple(theirs.target_names) == ("malignant", "benign")
    assert len(ours.units) == 30
    assert ours.units[:4] == ("image units", "grey levels", "image units", "image units²")


def test_pictures_share_one_size():
    pictures = real.pictures()
    assert {"cat", "coffee", "brain", "abdomen"} <= set(pictures)
    for name, picture in pictures.items():
        assert picture.name == name and picture.label and picture.caption and picture.licence
        assert picture.image_HWC.dtype == torch.uint8
        assert picture.image_HWC.shape[:2] == (160, 160) and picture.image_HWC.shape[2] in {1, 3}
        assert picture.image_HWC.float().std() > 30, "an almost uniform picture was cut out wrongly"
    assert pictures["cat"].image_HWC.shape == pictures["coffee"].image_HWC.shape == (160, 160, 3)
    assert pictures["brain"].image_HWC.shape == pictures["abdomen"].image_HWC.shape == (160, 160, 1)


def test_vertebra_is_in_hounsfield_units():
    hounsfield = real.vertebra_hounsfield()
    assert hounsfield.shape == (128, 128) and hounsfield.dtype == torch.float32
    assert -1000 < hounsfield.min() < -700, "lung"
    assert 0 < hounsfield[80:90].median() < 100, "muscle"
    assert 800 < hounsfield.max() < 2000, "compact bone"


def test_brain_maps_are_probabilities_and_symmetric():
    brain = real.brain()
    for image_HW in brain:
        assert image_HW.shape == (233, 197) and image_HW.dtype == torch.float32
        assert 0 <= image_HW.min() and image_HW.max() <= 1
        assert (image_HW - image_HW.flip(1)).abs().max() < 0.05
    # Each map is rounded to 1/255 on its own.
    assert (brain.grey_HW + brain.white_HW).max() <= 1 + 1 / 255
    assert brain.t1_HW[brain.white_HW > 0.9].mean() > brain.t1_HW[brain.grey_HW > 0.9].mean()


def test_nuclei_and_mask_belong_together():
    nuclei = real.nuclei()
    assert nuclei.image_HW.shape == nuclei.instances_HW.shape == (512, 512)
    assert nuclei.image_HW.dtype == torch.float32 and nuclei.instances_HW.dtype == torch.int64
    assert torch.equal(nuclei.instances_HW.unique(), torch.arange(126))
    inside = nuclei.instances_HW > 0
    assert nuclei.image_HW[inside].mean() > 2 * nuclei.image_HW[~inside].mean()


@pytest.mark.parametrize("load", [real.digits, real.diabetes, real.breast_cancer, real.brain, real.nuclei])
def test_a_caller_may_change_what_it_gets(load):
    load()[0].zero_()
    assert load()[0].abs().sum() > 0
