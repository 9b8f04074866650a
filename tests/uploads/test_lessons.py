"""Lessons that take what a reader brings: their data are those of the file, split without overlap, and every picture is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from core import catalogue
from core.uploads import Points, PointsForm, frame, split
from tests.pages import page_spec
from tests.scenes import check
from tests.uploads.files import table
from ui.uploads import read_points

DIGEST = "0" * 32
TAKING = ("boosting", "dropout", "early_stopping", "mixup", "noise", "surrogate_losses")


def brought(rows: int, seed: int = 0) -> Points:
    return read_points(table(rows, seed=seed).encode())[0]


@pytest.mark.parametrize("rows", [20, 61, 2000])
@pytest.mark.parametrize("sizes", [(80, 400), (80, 200, 400), (7, 1000)])
def test_sets_are_disjoint_and_of_the_file(rows, sizes):
    points = brought(rows)
    sets = split(points, sizes, torch.Generator().manual_seed(0))
    found = [tuple(column) for x, _ in sets for column in x.T.tolist()]
    assert len(set(found)) == len(found)
    given = {tuple(x): y for x, y in zip(points.x_2N.T.tolist(), points.y_N.tolist(), strict=True)}
    for (x, y), size in zip(sets, sizes, strict=True):
        assert len(y) <= size and [given[tuple(column)] for column in x.T.tolist()] == y.tolist()
        assert size < 20 or set(y.tolist()) == {0, 1}
    assert len(sets[0][1]) == min(sizes[0], 2 * (rows // 2 // 2)) or rows % 4


def trained_on(slug: str, result: Any) -> torch.Tensor:
    """The inputs [2, n] of the draw that is shown, but for those that the lesson itself moves."""
    match slug:
        case "mixup" | "dropout":
            return result.data.x[0]
        case "noise":
            return result.points[0]
        case "surrogate_losses":
            return result.x[:, ~result.outlier]
    return result.x


@pytest.mark.parametrize("rows", [20, 45, 2000])
@pytest.mark.parametrize("slug", TAKING)
def test_every_picture_of_points_of_ones_own(slug, rows):
    module, points = catalogue.lesson(slug).module(), brought(rows, seed=rows)
    scene = module.Config(points=DIGEST)
    results = list(module.steps(scene.trained(), {DIGEST: PointsForm().pack(points)}))
    for result in (results[0], results[-1]):
        check(page_spec(slug), module, scene, result)
    x = trained_on(slug, results[-1]).numpy()
    assert {tuple(c) for c in x.T.tolist()} <= {tuple(c) for c in points.x_2N.T.tolist()}
    (x0, x1), (y0, y1) = frame(points)
    assert (np.array([x0, y0]) < points.x_2N.min(1)).all() and (np.array([x1, y1]) > points.x_2N.max(1)).all()
