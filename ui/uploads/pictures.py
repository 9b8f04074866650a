"""A picture of a file: PNG or JPEG by Pillow, DICOM by `ui.uploads.dicom`."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from core.uploads import SIDE, Picture, resized
from ui.uploads import dicom
from ui.uploads.refused import Refused, check_size

PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "MPO")  # phones write MPO, which begins with an ordinary JPEG
LEAST = 8  # pixels of a side


def read_picture(data: bytes) -> tuple[Picture, list[str]]:
    """The picture in a file, its longer side at most SIDE pixels, and sentences about what was done to it.

    Raises Refused.
    """
    check_size(data)
    if dicom.looks_like_one(data):
        picture, notes = dicom.read(data, PIXELS)
    else:
        picture, notes = _read_by_pillow(data)
    values = picture.values_HWC
    if min(values.shape[:2]) < LEAST:
        raise Refused(f"The picture has {values.shape[1]} × {values.shape[0]} pixels, and {LEAST} a side is the least.")
    if not np.isfinite(values).all():
        raise Refused("The picture holds values that are not numbers.")
    if max(values.shape[:2]) > SIDE:
        share = SIDE / max(values.shape[:2])
        size = [max(LEAST, round(share * side)) for side in values.shape[:2]]
        values = resized(values, *size)
    return Picture(values.astype(np.float32), picture.modality, picture.unit, picture.window), notes


def _read_by_pillow(data: bytes) -> tuple[Picture, list[str]]:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.width * image.height > PIXELS:
            raise Refused(f"The picture has {image.width} × {image.height} pixels, and {PIXELS // 10**6} million is the most.")
        return _values(ImageOps.exif_transpose(image))
    except Refused:
        raise
    except Image.DecompressionBombError:
        raise Refused(f"The picture has far more pixels than {PIXELS // 10**6} million, which is the most.") from None
    except Image.UnidentifiedImageError:
        raise Refused("The file is no PNG, JPEG or DICOM picture.") from None
    except Exception:  # whatever a decoder makes of a broken or a hostile file
        raise Refused("The picture is broken or cut short.") from None


def _values(image: Image.Image) -> tuple[Picture, list[str]]:
    """Colours as Pillow converts them; sixteen bits kept; what is transparent lies on white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float32)[..., None]
        top = 65535.0 if values.max() > 255 else 255.0
        return Picture(values, "grey", "", (0.0, top)), []
    notes = []
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
        notes.append("What is transparent in the picture is shown on white.")
    pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB")).astype(np.float32)
    if pixels.ndim == 2:
        return Picture(pixels[..., None], "grey", "", (0.0, 255.0)), notes
    if (pixels[..., :1] == pixels).all():
        return Picture(pixels[..., :1].copy(), "grey", "", (0.0, 255.0)), notes
    return Picture(pixels, "photograph", "", (0.0, 255.0)), notes
