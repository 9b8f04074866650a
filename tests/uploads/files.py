"""Files as readers bring them, good and hostile, made here in memory."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, RLELossless, generate_uid

CORNERS = np.zeros((40, 60, 3), np.uint8)
CORNERS[:20, :30] = (250, 0, 0)
CORNERS[:20, 30:] = (0, 250, 0)
CORNERS[20:, :30] = (0, 0, 250)
CORNERS[20:, 30:] = (250, 250, 250)


def image(pixels: np.ndarray | Image.Image, form: str = "PNG", **about: Any) -> bytes:
    out = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(out, form, **about)
    return out.getvalue()


def rotated(orientation: int) -> bytes:
    """CORNERS as a camera that was held otherwise stores it, with the orientation that says so."""
    back = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270}[orientation]
    stored = Image.fromarray(CORNERS)
    stored = stored.transpose(back) if back is not None else stored
    exif = Image.Exif()
    exif[0x0112] = orientation
    return image(stored, "JPEG", exif=exif, quality=95)


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes that says it is 3,600 million pixels."""
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


JPEGS = {JPEGBaseline8Bit: lambda frame: image(frame, "JPEG", quality=98),
         JPEG2000Lossless: lambda frame: image(frame, "JPEG2000", no_jp2=True)}


def dicom(stored: np.ndarray, *, modality: str = "CT", photometric: str = "MONOCHROME2", syntax: Any = ExplicitVRLittleEndian,
          bits: int = 16, **about: Any) -> bytes:
    """stored: [H, W], or [frames, H, W], or [H, W, 3]."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if syntax in JPEGS else syntax
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    colour = stored.shape[-1] == 3
    frames = stored if stored.ndim == 3 and not colour else stored[None]
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = CTImageStorage, meta.MediaStorageSOPInstanceUID, modality
    file.PatientName = "Nobody^Must^Read^This"
    file.Rows, file.Columns = frames.shape[1:3]
    file.SamplesPerPixel, file.PhotometricInterpretation = (3 if colour else 1), photometric
    if colour:
        file.PlanarConfiguration = 0
    file.BitsAllocated = file.BitsStored = bits
    file.HighBit, file.PixelRepresentation = bits - 1, int(np.issubdtype(stored.dtype, np.signedinteger))
    if len(frames) > 1:
        file.NumberOfFrames = len(frames)
    for name, value in about.items():
        setattr(file, name, value)
    file.PixelData = stored.tobytes()
    if syntax is RLELossless:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file.compress(RLELossless)
    if syntax in JPEGS:
        meta.TransferSyntaxUID = syntax
        file.PixelData = encapsulate([JPEGS[syntax](frame) for frame in frames])
        file["PixelData"].is_undefined_length = True
    return saved(file)


def saved(file: Dataset) -> bytes:
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def table(rows: int = 60, between: str = ",", decimal: str = ".", head: str = "x,y,class", classes: tuple[str, ...] = ("a", "b"),
          seed: int = 0) -> str:
    rng = np.random.default_rng(seed)
    lines = [head.replace(",", between)] if head else []
    for i, (a, b) in enumerate(rng.normal(3, 2, (rows, 2))):
        numbers = [f"{value:.4f}".replace(".", decimal) for value in (a, b)]
        lines.append(between.join([*numbers, classes[i % len(classes)]]))
    return "\n".join(lines) + "\n"
