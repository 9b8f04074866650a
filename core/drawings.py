"""Fields that a reader draws: points of classes on a plane, grey levels of pixels, and what is too large for a link.

A field is declared by `points`, `raster` or `asset`, as the others are by the functions of `core.controls`. None of them has a
widget of its own: a pad in a picture sets it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from core.controls import Control, declare
from core.uploads import PictureForm, PointsForm

LEVELS = 1024  # places along an axis: ten bits of a number in a link
Point = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Points(Control):
    """Up to `most` points (i, j, class), i and j from 0 to LEVELS - 1 along the axes, class below `classes`, at most 16.

    In a link a point takes four letters, so that two hundred of them fit.
    """

    classes: int
    most: int = 200
    least: int = 0

    def check(self, value: Any) -> None:
        if not isinstance(value, tuple):
            raise ValueError(f"must be a tuple of points, not {type(value).__name__}")
        if not self.least <= len(value) <= self.most:
            raise ValueError(f"must hold {self.least} to {self.most} points, not {len(value)}")
        for point in value:
            if not isinstance(point, tuple) or len(point) != 3 or not all(type(v) is int for v in point):
                raise ValueError("must hold points of three whole numbers: two places and a class")
            if not (0 <= min(point) and max(point[:2]) < LEVELS and point[2] < self.classes):
                raise ValueError(f"must hold places below {LEVELS} and classes below {self.classes}")

    def nearest(self, value: Any) -> tuple[Point, ...]:
        """The points inside the axes, as many as there may be; raises ValueError for what is no list of points."""
        try:
            rows = [tuple(int(v) for v in point) for point in list(value)[: self.most]]
            points = tuple((min(max(i, 0), LEVELS - 1), min(max(j, 0), LEVELS - 1), min(max(c, 0), self.classes - 1))
                           for i, j, c in rows)
        except (TypeError, ValueError, OverflowError):
            raise ValueError("must be a list of points") from None
        self.check(points)
        return points

    def pack(self, value: Sequence[Sequence[int]]) -> bytes:
        """Three bytes a point: ten bits, ten bits, four bits."""
        return b"".join(((i << 14) | (j << 4) | c).to_bytes(3, "big") for i, j, c in value)

    def unpack(self, data: bytes) -> tuple[Point, ...]:
        """The points of `pack`; raises ValueError for what is none."""
        if len(data) % 3:
            raise ValueError("is no list of points")
        words = [int.from_bytes(data[k : k + 3], "big") for k in range(0, len(data), 3)]
        return tuple((word >> 14, (word >> 4) & 1023, word & 15) for word in words)

    def parse(self, text: str) -> tuple[Point, ...]:
        return self.unpack(_from_letters(text))

    def write(self, value: tuple[Point, ...]) -> str:
        return base64.urlsafe_b64encode(self.pack(value)).decode()

    def format_value(self, value: tuple[Point, ...]) -> str:
        return f"a drawing of {len(value)} points"

    def edges(self) -> tuple[Any, Any]:
        corner = (LEVELS - 1, LEVELS - 1, self.classes - 1)
        return ((0, 0, 0),) * self.least, (corner,) * self.most


def _from_letters(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]*={0,2}", text):
        raise ValueError("is no drawing")
    return base64.urlsafe_b64decode(text)


def places(points: Sequence[Point], x: tuple[float, float], y: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Points on axes that run from x[0] to x[1] and y[0] to y[1]: places [n, 2] in float64 and classes [n]."""
    rows = np.array(points, np.int64).reshape(-1, 3)
    low, high = np.array([x[0], y[0]]), np.array([x[1], y[1]])
    return low + (high - low) * rows[:, :2] / (LEVELS - 1), rows[:, 2]


@dataclass(frozen=True, kw_only=True)
class Raster(Control):
    """A picture of height × width pixels as bytes, row by row, each from 0 to levels - 1; one letter of a link a pixel."""

    height: int
    width: int
    levels: int = 17

    LETTERS: ClassVar[str] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    def check(self, value: Any) -> None:
        if not isinstance(value, bytes) or len(value) != self.height * self.width:
            raise ValueError(f"must be {self.height} rows of {self.width} pixels")
        if max(value) >= self.levels:
            raise ValueError(f"must hold levels below {self.levels}")

    def nearest(self, value: Any) -> bytes:
        try:
            drawn = bytes(min(max(int(v), 0), self.levels - 1) for v in value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError("must be a list of pixels") from None
        self.check(drawn)
        return drawn

    def pack(self, value: Sequence[int]) -> bytes:
        return bytes(value)

    def unpack(self, data: bytes) -> bytes:
        return data

    def parse(self, text: str) -> bytes:
        if not set(text) <= set(self.LETTERS):
            raise ValueError("is no drawing")
        return bytes(self.LETTERS.index(letter) for letter in text)

    def write(self, value: bytes) -> str:
        return "".join(self.LETTERS[level] for level in value)

    def format_value(self, value: bytes) -> str:
        return f"{sum(map(bool, value))} of {len(value)} pixels inked"

    def edges(self) -> tuple[Any, Any]:
        count = self.height * self.width
        return bytes(count), bytes([self.levels - 1]) * count


DIGEST = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Asset(Control):
    """The digest of bytes that the server keeps for a while (ui/asset_store.py), or "" for none.

    `form` says what they are: the bytes that a Points or a Raster packs, or what a reader uploads, which is shown to nobody else.
    A lesson whose Config has such a field takes the bytes as a second argument: `steps(config, assets)` with {digest: bytes},
    so that it stays a function of its arguments.
    """

    form: Points | Raster | PictureForm | PointsForm

    @property
    def uploaded(self) -> bool:
        return isinstance(self.form, (PictureForm, PointsForm))

    def pack(self, drawing: Any) -> bytes:
        """The bytes of a drawing or of what was read from a file; raises ValueError for what is no drawing."""
        if isinstance(self.form, (PictureForm, PointsForm)):
            return self.form.pack(drawing)
        return self.form.pack(self.form.nearest(drawing))

    def check(self, value: Any) -> None:
        if not isinstance(value, str) or (value and not DIGEST.fullmatch(value)):
            raise ValueError("must be the name of something drawn here")

    def nearest(self, value: Any) -> str:
        self.check(value)
        return value

    def parse(self, text: str) -> str:
        return text

    def format_value(self, value: str) -> str:
        return ("the reader's own" if self.uploaded else "a drawing of the reader's") if value else "nothing"

    def edges(self) -> tuple[Any, Any]:
        return "", ""


def points(default: tuple[Point, ...] = (), **about: Any) -> Any:
    return declare(default, Points(hidden=True, **about))


def raster(default: bytes, **about: Any) -> Any:
    return declare(default, Raster(hidden=True, **about))


def asset(**about: Any) -> Any:
    return declare("", Asset(hidden=True, **about))


def upload(form: PictureForm | PointsForm, **about: Any) -> Any:
    """A file of the reader's own: a picture, or points of two classes."""
    return declare("", Asset(form=form, **about))
