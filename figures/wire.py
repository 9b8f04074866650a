"""Arrays and images of figures on their way to the browser: as bytes that compress well, and none twice.

Plotly would copy every figure and write its arrays in base64, which took ten times as long here as all of this.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import Any

import numpy as np
from PIL import Image

DTYPES = ("f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4")  # those that ui/chart/tools.js has an array for
SMALL = 64 * 64  # pixels up to which an image loses nothing: each of them is seen, and they cost little


class Blob(str):
    """Bytes of a MIME type, as a data URI: what Plotly, a browser and JSON take as they are. The wire sends the bytes."""

    @classmethod
    def of(cls, mime: str, data: bytes) -> Blob:
        return cls(f"data:{mime};base64,{base64.b64encode(data).decode()}")

    @property
    def mime(self) -> str:
        return self[5 : self.index(";")]

    @property
    def data(self) -> bytes:
        return base64.b64decode(self[self.index(",") + 1 :])


def image_blob(pixels: np.ndarray, lossless: bool = False) -> Blob:
    """An image as WebP. pixels: uint8 [H, W] or [H, W, 1] for grey, [H, W, 3] for colour. Raises ValueError for other arrays.

    Images above SMALL pixels lose what is hardly seen, unless they are to be lossless.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3)):
        raise ValueError(f"an image is uint8 [H, W], [H, W, 1] or [H, W, 3], not {pixels.dtype} {list(pixels.shape)}")
    out = io.BytesIO()
    plain = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    exact = lossless or plain.shape[0] * plain.shape[1] <= SMALL
    # Of a lossless image `quality` is the effort: at 100 a photograph takes ten seconds for 2 % fewer bytes.
    Image.fromarray(plain).save(out, "WEBP", lossless=exact, quality=50 if exact else 90, method=4)
    return Blob.of("image/webp", out.getvalue())


def rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Values to the nearest multiple of 2^-bits, not a number and infinity as they are; same shape and dtype.

    For numbers that are finer than anybody can see. Their last bytes become zeros, which compress to nothing; those of numbers
    with few decimals would stay irregular. Keep more digits than the picture's hover tells.
    """
    return np.ldexp(np.rint(np.ldexp(values, bits)), -bits)


def significant(values: np.ndarray, bits: int) -> np.ndarray:
    """Values to so many binary digits, counted from the first that is not 0; else as `rounded`, for numbers of any size."""
    part, power = np.frexp(values)
    return np.ldexp(rounded(part, bits), power)


class Arrays:
    """`buffers` are the bytes, in the order of their places.

    Those of an array come in planes, the first byte of each number, then the second of each, and so on: signs and exponents
    of neighbours are alike, and side by side they compress better. Integers of four bytes, the corners of triangles and the
    numbers of steps, come as differences, each from the one before: those of a grid repeat, and compress to nothing.
    ui/chart/tools.js puts the numbers together again.
    """

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self._places: dict[bytes, int] = {}
        self._end = 0

    def extract(self, value: Any) -> Any:
        """The value with {dtype, shape, at} in the place of each array of numbers and {mime, length, at} in that of each Blob;
        `at` is where its bytes begin. A dataclass becomes a dictionary of its fields."""
        if isinstance(value, dict):
            return {name: self.extract(item) for name, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.extract(item) for item in value]
        if isinstance(value, Blob):
            data = value.data
            return {"mime": value.mime, "length": len(data), "at": self._place(data)}
        if dataclasses.is_dataclass(value):
            return {field.name: self.extract(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, bytes):
            return list(value)
        if not isinstance(value, np.ndarray) or not value.ndim or not value.size:
            return value
        if value.dtype == np.int64 and np.abs(value).max() < 2**31:
            value = value.astype(np.int32)  # a browser has no array for the longer ones
        dtype = value.dtype.str.lstrip("<|")
        if dtype not in DTYPES:
            return value
        numbers = np.diff(value.ravel(), prepend=np.int32(0)) if dtype == "i4" else value
        planes = np.frombuffer(numbers.tobytes(), np.uint8).reshape(-1, numbers.itemsize).T
        return {"dtype": dtype, "shape": value.shape, "at": self._place(planes.tobytes())}

    def _place(self, data: bytes) -> int:
        at = self._places.setdefault(data, self._end)
        if at == self._end:
            self.buffers.append(data)
            self._end += len(data)
        return at
