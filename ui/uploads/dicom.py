"""The picture of a DICOM file, by pydicom, with the decoders that Pillow brings (JPEG, JPEG 2000) and pydicom's own (RLE)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from core.uploads import Picture
from ui.uploads.refused import Refused

MODALITY = {"CT": "ct", "MR": "mr", "US": "ultrasound"}
BROKEN = "The DICOM file is broken or cut short."
DEFLATED = b"1.2.840.10008.1.2.1.99"  # the transfer syntax; what it inflates to is not bounded
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")


def looks_like_one(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def read(data: bytes, most: int) -> tuple[Picture, list[str]]:
    """The values of the middle frame, by rescale slope and intercept, and sentences about what was done.

    most: pixels of a frame. Raises Refused.
    """
    from pydicom import dcmread  # a third of a second, which readers without a DICOM file need not wait

    try:
        if DEFLATED in data[:1024]:
            raise _unread("deflated")
        return _read(dcmread(io.BytesIO(data)), most)
    except Refused:
        raise
    except Exception:  # whatever a decoder makes of a broken or a hostile file
        raise Refused(BROKEN) from None


def _read(file: Any, most: int) -> tuple[Picture, list[str]]:
    if "PixelData" not in file:
        raise Refused("The DICOM file holds no picture.")
    rows, columns = int(file.Rows), int(file.Columns)
    if rows * columns > most:
        raise Refused(f"The picture has {columns} × {rows} pixels, and {most // 10**6} million is the most.")
    frames = int(file.get("NumberOfFrames") or 1)
    if frames < 1:
        raise Refused("The DICOM file holds no frame.")
    pixels = _frame(file, frames // 2)
    notes = [f"The file has {frames} frames; the middle one, frame {frames // 2 + 1}, is shown."] if frames > 1 else []
    modality = MODALITY.get(str(file.get("Modality", "")), "other")
    if pixels.ndim == 3:
        return Picture(pixels.astype(np.float32), modality, "", (0.0, float(2 ** int(file.get("BitsStored", 8)) - 1))), notes
    slope, intercept = float(file.get("RescaleSlope", 1) or 1), float(file.get("RescaleIntercept", 0) or 0)
    values = slope * pixels.astype(np.float32) + intercept
    window = _window(file, values)
    if str(file.PhotometricInterpretation) == "MONOCHROME1":
        # Great values are dark. Turned about the window, so that black stays black where values keep no other meaning.
        values = window[0] + window[1] - values
        modality = "other" if modality == "ct" else modality  # they are Hounsfield units no more
        notes.append("In this file great values are dark (MONOCHROME1); it is shown as it is meant to be seen.")
    return Picture(values[..., None], modality, "HU" if modality == "ct" else "", window), notes


def _frame(file: Any, index: int) -> np.ndarray:
    """One frame, [H, W] or [H, W, 3], as stored; colours as RGB. The others are not decoded."""
    from pydicom.pixels import pixel_array

    _check_compressed(file, index)
    kind = str(file.PhotometricInterpretation)
    if kind == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        colours = np.asarray(apply_color_lut(pixel_array(file, index=index), file)).astype(np.float32)
        top = 65535 if colours.max() > 255 else 255
        return colours * ((2 ** int(file.get("BitsStored", 8)) - 1) / top)
    frame = pixel_array(file, index=index)  # colours come as RGB whatever they are stored as
    if frame.ndim == 2 and kind not in MONOCHROME:
        raise Refused("The DICOM file holds no grey or colour picture.")
    return frame


def _check_compressed(file: Any, index: int) -> None:
    """Raises Refused where no decoder is here, or where what is compressed is larger than the file says."""
    from pydicom.encaps import get_frame
    from pydicom.pixels import get_decoder

    syntax = file.file_meta.TransferSyntaxUID
    if not syntax.is_compressed:
        return
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:
        known = False
    if not known:
        raise _unread(syntax.name)
    if "JPEG" in syntax.name:
        frame = get_frame(file.PixelData, index, number_of_frames=int(file.get("NumberOfFrames") or 1))
        if Image.open(io.BytesIO(frame)).size != (int(file.Columns), int(file.Rows)):
            raise Refused(BROKEN)


def _unread(name: str) -> Refused:
    return Refused(f"The DICOM file is compressed in a way that is not read here ({name}).")


def _window(file: Any, values: np.ndarray) -> tuple[float, float]:
    """The window of the file, or all values but the outermost in a hundred at either end."""
    def first(name: str) -> float | None:
        value = file.get(name)
        if value is None or value == "":
            return None
        return float(value if isinstance(value, (int, float, str)) else value[0] if hasattr(value, "__getitem__") else value)

    centre, width = first("WindowCenter"), first("WindowWidth")
    if centre is not None and width is not None and width > 0:
        return centre - width / 2, centre + width / 2
    low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
    return (low, high) if high > low else (float(values.min()), float(values.min()) + 1)
