"""Pictures that readers bring: right and upright, or refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from core.uploads import SIDE, Picture, PictureForm, resized, square
from tests.uploads import files
from ui.uploads import BYTES, Refused, read_picture

RAMP = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60) * 20


def near_corners(picture: Picture, off: float) -> bool:
    wanted = files.CORNERS[[5, 5, 35, 35], [5, 55, 5, 55]] / 255
    shown = picture.shown_HWC()[[5, 5, 35, 35], [5, 55, 5, 55]]
    return picture.values_HWC.shape == (40, 60, 3) and bool(np.abs(shown - wanted).max() < off)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(orientation):
    assert near_corners(read_picture(files.rotated(orientation))[0], 0.1)


@pytest.mark.parametrize(("mode", "form", "off"), [("RGB", "PNG", 0.001), ("P", "PNG", 0.2), ("RGBA", "PNG", 0.001),
                                                   ("CMYK", "JPEG", 0.1), ("RGB", "JPEG", 0.1)])
def test_every_way_to_store_colours(mode, form, off):
    assert near_corners(read_picture(files.image(Image.fromarray(files.CORNERS).convert(mode), form))[0], off)


def test_what_is_transparent_lies_on_white():
    pixels = np.dstack([files.CORNERS, np.full((40, 60), 255, np.uint8)])
    pixels[:20, :30, 3] = 0
    picture, notes = read_picture(files.image(pixels))
    assert (picture.shown_HWC()[5, 5] == 1).all()
    assert "white" in notes[0]


def test_sixteen_bits_are_kept():
    picture, _ = read_picture(files.image(Image.fromarray(RAMP)))
    np.testing.assert_array_equal(picture.values_HWC[..., 0], RAMP)
    assert picture.window == (0, 65535)


def test_hounsfield_units_by_slope_and_window():
    picture, notes = read_picture(files.dicom(RAMP, RescaleSlope=0.5, RescaleIntercept=-1024, WindowCenter=[40, 400],
                                              WindowWidth=[400, 1800]))
    np.testing.assert_allclose(picture.values_HWC[..., 0], 0.5 * RAMP.astype(float) - 1024)
    assert (picture.unit, picture.modality, picture.window, notes) == ("HU", "ct", (-160, 240), [])


def test_signed_values():
    picture, _ = read_picture(files.dicom((RAMP // 2).astype(np.int16) - 1000, RescaleSlope=1, RescaleIntercept=0))
    np.testing.assert_array_equal(picture.values_HWC[..., 0], (RAMP // 2).astype(float) - 1000)


def test_great_values_are_dark_in_monochrome1():
    bright, _ = read_picture(files.dicom(RAMP, modality="MR"))
    dark, notes = read_picture(files.dicom(RAMP, modality="MR", photometric="MONOCHROME1"))
    np.testing.assert_allclose(dark.shown_HWC(), 1 - bright.shown_HWC(), atol=1e-5)
    assert "MONOCHROME1" in notes[0]


def test_the_middle_frame_is_taken_and_said():
    frames = np.stack([RAMP + k for k in range(7)])
    picture, notes = read_picture(files.dicom(frames, modality="US"))
    np.testing.assert_array_equal(picture.values_HWC[..., 0], frames[3])
    assert notes == ["The file has 7 frames; the middle one, frame 4, is shown."]


def test_colours_of_a_dicom_file():
    picture, _ = read_picture(files.dicom(files.CORNERS, modality="US", photometric="RGB", bits=8))
    assert near_corners(picture, 0.001)


def test_run_length_encoding():
    picture, _ = read_picture(files.dicom(RAMP, syntax=RLELossless))
    np.testing.assert_array_equal(picture.values_HWC[..., 0], RAMP)


@pytest.mark.parametrize(("syntax", "off"), [(JPEGBaseline8Bit, 6), (JPEG2000Lossless, 0)])
def test_jpeg_inside_dicom(syntax, off):
    grey = np.tile(np.arange(0, 240, 4, dtype=np.uint8), (40, 1))
    picture, _ = read_picture(files.dicom(grey, modality="US", bits=8, syntax=syntax))
    assert np.abs(picture.values_HWC[..., 0] - grey).max() <= off


def test_jpeg_inside_dicom_may_not_be_larger_than_it_says():
    grey = np.zeros((40, 60), np.uint8)
    data = files.dicom(grey, modality="US", bits=8, syntax=JPEGBaseline8Bit, Rows=20)
    with pytest.raises(Refused, match="broken"):
        read_picture(data)


def test_nothing_but_pixels_is_kept():
    assert b"Nobody" not in PictureForm().pack(read_picture(files.dicom(RAMP))[0])


def test_packed_and_unpacked():
    picture, _ = read_picture(files.dicom(RAMP, RescaleSlope=0.5, RescaleIntercept=-1024))
    again = PictureForm().unpack(PictureForm().pack(picture))
    assert (again.modality, again.unit, again.window) == (picture.modality, picture.unit, picture.window)
    assert np.abs(again.values_HWC - picture.values_HWC).max() <= np.ptp(picture.values_HWC) / 65535


def test_a_large_picture_is_made_smaller_by_means():
    pixels = np.random.default_rng(0).integers(0, 256, (900, 1280), np.uint8)
    picture, _ = read_picture(files.image(pixels))
    assert picture.values_HWC.shape == (SIDE * 900 // 1280, SIDE, 1)
    np.testing.assert_allclose(picture.values_HWC[..., 0], pixels.reshape(225, 4, 320, 4).mean((1, 3)), rtol=1e-5)


def test_resizing_keeps_the_mean_and_a_constant():
    values = np.random.default_rng(1).random((37, 53, 3))
    np.testing.assert_allclose(resized(values, 20, 31).mean((0, 1)), values.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(square(np.full((37, 53, 1), 7.0), 64), 7.0, rtol=1e-5)


def without_pixels() -> bytes:
    whole = files.dicom(RAMP)
    return whole[: whole.index(b"\xe0\x7f\x10\x00")]


HOSTILE = {
    "empty": b"", "not an image": b"GIF89a" + bytes(100), "text": b"x,y,class\n1,2,a\n", "bomb": files.bomb(),
    "bomb of 200 million": files.bomb(20_000, 10_000), "one pixel": files.image(np.zeros((1, 1), np.uint8)),
    "too many bytes": bytes(BYTES + 1), "no frames": files.dicom(RAMP, NumberOfFrames=-3), "no pixels": without_pixels(),
    "many frames that are not there": files.dicom(RAMP, NumberOfFrames=10**6),
    "too many pixels": files.dicom(RAMP, Rows=60_000, Columns=60_000),
    "no decoder": files.dicom(RAMP).replace(b"1.2.840.10008.1.2.1\0", JPEGLSLossless.encode() + b"\0"),
    "jpeg 2000 that is none": files.dicom(RAMP).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.90"[:20]),
    "deflated": files.dicom(RAMP).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"[:20]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_taken_is_refused_in_one_sentence(name):
    with pytest.raises(Refused) as refused:
        read_picture(HOSTILE[name])
    sentence = str(refused.value)
    assert sentence[0].isupper() and sentence.endswith(".") and len(sentence) < 160 and "Traceback" not in sentence


def test_a_decoder_that_is_not_here_is_named():
    data = files.dicom(RAMP)
    meta = data.index(b"1.2.840.10008.1.2.1\0")
    # The value is longer, so its length and that of the group follow.
    longer = JPEGLSLossless + ("\0" if len(JPEGLSLossless) % 2 else "")
    by = len(longer) - 20
    changed = data[: meta - 2] + len(longer).to_bytes(2, "little") + longer.encode() + data[meta + 20 :]
    group = data.index(b"\x02\x00\x00\x00UL\x04\x00") + 8
    length = int.from_bytes(data[group : group + 4], "little") + by
    changed = changed[:group] + length.to_bytes(4, "little") + changed[group + 4 :]
    with pytest.raises(Refused, match=r"not read here .*JPEG-LS"):
        read_picture(changed)


@pytest.mark.parametrize("kind", ["png", "jpeg", "dicom", "rle", "jpeg in dicom"])
def test_cut_short_anywhere(kind):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 24), np.uint8)
    deep = noise.astype(np.uint16)
    whole = {"png": lambda: files.image(noise), "jpeg": lambda: files.image(noise, "JPEG"), "dicom": lambda: files.dicom(deep),
             "rle": lambda: files.dicom(deep, syntax=RLELossless),
             "jpeg in dicom": lambda: files.dicom(noise, bits=8, syntax=JPEGBaseline8Bit)}[kind]()
    refused = 0
    for end in range(0, len(whole) - 1, 10):
        try:
            picture, _ = read_picture(whole[:end])
            assert picture.values_HWC.shape == (24, 24, 1)
        except Refused:
            refused += 1
    assert refused > 0.8 * len(range(0, len(whole) - 1, 10))


