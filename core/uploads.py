"""What a reader uploads, in the form in which lessons take it: a picture with its quantity, and points with two classes.

`ui/uploads` reads files into these; the server keeps their packed bytes as assets. Packed bytes are a line of JSON and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

SIDE = 320  # pixels of the longer side of a picture that is kept
ROWS = 2000  # points
MODALITIES = {"photograph": "photograph", "grey": "grey picture", "ct": "CT", "mr": "MR", "ultrasound": "ultrasound",
              "other": "medical picture"}


@dataclass(frozen=True)
class Picture:
    """Values of pixels upright, [H, W, 1] or [H, W, 3], float32.

    unit is "HU" for CT and "" for what has none; window (low, high) are the values that are shown black and white.
    """

    values_HWC: np.ndarray
    modality: str
    unit: str
    window: tuple[float, float]

    def shown_HWC(self) -> np.ndarray:
        """As on a screen: [H, W, 3] in float32 from 0 to 1, through the window."""
        low, high = self.window
        grey = np.clip((self.values_HWC - low) / (high - low), 0, 1).astype(np.float32)
        return np.broadcast_to(grey, (*grey.shape[:2], 3))


class Points(NamedTuple):
    """Samples of two classes in the plane."""

    x_2N: np.ndarray  # float32; each axis shifted and scaled to mean 0 and standard deviation 1
    y_N: np.ndarray  # 0 or 1
    names: tuple[str, str]  # of the classes, as in the file


def split(points: Points, sizes: Sequence[int], generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Disjoint sets (x [2, n], y [n]) of the points, each class spread over all of them, drawn from the generator.

    sizes: how many each of two or three sets may have. The first has half of the points at most, the others share the rest.
    """
    shares = {2: (2, 2), 3: (2, 1, 1)}[len(sizes)]  # of four
    y = torch.from_numpy(points.y_N)
    x = torch.from_numpy(points.x_2N)
    members: list[list[Tensor]] = [[] for _ in sizes]
    for label in (0, 1):
        rows = (y == label).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator)]
        ends = [len(rows) * sum(shares[: k + 1]) // 4 for k in range(len(sizes))]
        for k, part in enumerate(rows.tensor_split(ends[:-1])):
            members[k].append(part)
    out = []
    for parts, size in zip(members, sizes, strict=True):
        rows = torch.cat(parts)
        rows = rows[torch.randperm(len(rows), generator=generator)][:size]
        out.append((x[:, rows], y[rows]))
    return out


def frame(points: Points, margin: float = 0.3) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of both axes that hold all points, with a margin."""
    low, high = points.x_2N.min(1) - margin, points.x_2N.max(1) + margin
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))


def square(picture_HWC: np.ndarray, side: int) -> np.ndarray:
    """The middle of a picture as [side, side, C], each pixel the mean of those it covers."""
    h, w = picture_HWC.shape[:2]
    edge = min(h, w)
    top, left = (h - edge) // 2, (w - edge) // 2
    return resized(picture_HWC[top : top + edge, left : left + edge], side, side)


def resized(values_HWC: np.ndarray, height: int, width: int) -> np.ndarray:
    """By areas: each new pixel is the mean of the old ones under it, weighted by how much of each is. float32."""
    down, across = _areas(values_HWC.shape[0], height), _areas(values_HWC.shape[1], width)
    return np.einsum("ih,hwc,jw->ijc", down, values_HWC.astype(np.float32), across, optimize=True)


def _areas(before: int, after: int) -> np.ndarray:
    """[after, before] shares that sum to one in each row."""
    edges = np.linspace(0, before, after + 1)
    cells = np.arange(before)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.maximum(overlap, 0) * after / before).astype(np.float32)


class PictureForm:
    """Packs a Picture into bytes and back."""

    def pack(self, picture: Picture) -> bytes:
        """Sixteen bits a value, between the least and the greatest one."""
        values = picture.values_HWC
        low, high = float(values.min()), float(values.max())
        scale = (high - low) / 65535 or 1.0
        about = {"shape": values.shape, "low": low, "scale": scale, "modality": picture.modality, "unit": picture.unit,
                 "window": picture.window}
        return json.dumps(about).encode() + b"\n" + np.rint((values - low) / scale).astype("<u2").tobytes()

    def unpack(self, data: bytes) -> Picture:
        head, _, numbers = data.partition(b"\n")
        about = json.loads(head)
        values = about["low"] + about["scale"] * np.frombuffer(numbers, "<u2").astype(np.float32).reshape(about["shape"])
        return Picture(values.astype(np.float32), about["modality"], about["unit"], tuple(about["window"]))


class PointsForm:
    """Packs Points into bytes and back."""

    def pack(self, points: Points) -> bytes:
        about = {"n": len(points.y_N), "names": points.names}
        return (json.dumps(about).encode() + b"\n" + points.x_2N.astype("<f4").tobytes() + points.y_N.astype("u1").tobytes())

    def unpack(self, data: bytes) -> Points:
        head, _, numbers = data.partition(b"\n")
        about: dict[str, Any] = json.loads(head)
        n = about["n"]
        x = np.frombuffer(numbers[: 8 * n], "<f4").reshape(2, n)
        return Points(x.copy(), np.frombuffer(numbers[8 * n :], "u1").astype(np.int64), tuple(about["names"]))
