"""A lesson that shows every kind of panel, for tests. Nothing is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from core.controls import number
from core.drawings import Points, asset, places, points, raster
from core.lesson import Scene

FRAMES, SIDE = 5, 8
REACH = 3


@dataclass(frozen=True, kw_only=True)
class Config(Scene):
    cell: int = number(0, low=0, high=5, step=1, label="Cell", hidden=True, view=True)
    layer: int = number(0, low=0, high=2, step=1, label="Layer", hidden=True, view=True)
    unit: int = number(0, low=0, high=3, step=1, label="Unit", hidden=True, view=True)
    row: int = number(0, low=0, high=4, step=1, label="Row", hidden=True, view=True)
    dx: int = number(0, low=-REACH, high=REACH, step=1, label="Shift to the right", hidden=True)
    dy: int = number(0, low=-REACH, high=REACH, step=1, label="Shift down", hidden=True)
    frame: int = number(0, low=0, high=FRAMES - 1, step=1, label="Frame", hidden=True, view=True)
    dots: tuple[tuple[int, int, int], ...] = points(((256, 256, 0), (768, 768, 1)), label="Points", classes=2, most=200)
    digit: bytes = raster(bytes(SIDE * SIDE), label="Digit", height=SIDE, width=SIDE)
    sketch: str = asset(label="Sketch", form=Points(label="Sketch", classes=1, most=5000))


@dataclass(frozen=True)
class Result:
    image: torch.Tensor  # [SIDE, SIDE] in [0, 1], shifted
    weights: tuple[torch.Tensor, ...]  # [FRAMES, out, in]
    dropped: torch.Tensor  # [FRAMES, 4] bool
    error: torch.Tensor  # [FRAMES]
    dots: int
    mean: torch.Tensor  # [2], of the points
    sketch: tuple[tuple[int, int, int], ...]


def steps(config: Config, assets: Mapping[str, bytes]) -> Iterator[Result]:
    at = torch.arange(SIDE)
    image = ((at[:, None] - 3.5).abs() + (at - 3.5).abs() < 3.2).double() * (0.4 + at / 14)
    grow = torch.linspace(0.2, 1, FRAMES, dtype=torch.float64)[:, None, None]
    first = torch.tensor([[1.0, -0.5], [-1.5, 0.8], [0.3, 2.0], [0.0, -1.0]], dtype=torch.float64)
    second = torch.tensor([[0.7, -1.2, 0.4, -0.2]], dtype=torch.float64)
    where, _ = places(config.dots, (-2, 2), (-1, 1))
    data = assets.get(config.sketch, b"")
    yield Result(
        image=torch.roll(image, (config.dy, config.dx), (0, 1)), weights=(grow * first, grow * second),
        dropped=torch.eye(FRAMES, 4, dtype=torch.bool), error=0.4 * 0.5 ** torch.arange(FRAMES), dots=len(config.dots),
        mean=torch.as_tensor(where).mean(0) if len(where) else torch.zeros(2),
        sketch=Config.controls()["sketch"].form.unpack(data))  # pyright: ignore
