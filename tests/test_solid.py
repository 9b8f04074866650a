"""The ground of landscapes in three dimensions: triangles of a grid, and lines of equal height where planes cut them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from figures import solid


def grounds(f, levels, side=21):
    x, y = np.linspace(-1, 1, side), np.linspace(-2, 2, side + 4)
    return solid.ground(x, y, f(*np.meshgrid(x, y)), np.asarray(levels, float))


def cuts(lines):
    """Both ends of each piece of line [pieces, 2, 3]."""
    points = np.stack([lines["x"], lines["y"], lines["z"]], -1).reshape(-1, 3, 3)
    assert np.isnan(points[:, 2]).all()
    return points[:, :2]


def test_the_mesh_is_the_grid_and_covers_it_once():
    mesh, _ = grounds(lambda x, y: x * y, [0.0])
    x, y = mesh["x"].astype(float), mesh["y"].astype(float)
    np.testing.assert_allclose(mesh["z"], x * y, atol=1e-6)
    a, b, c = (np.stack([x[mesh[k]], y[mesh[k]]], -1) for k in "ijk")
    (across, up), (over, along) = (b - a).T, (c - a).T
    area = 0.5 * (across * along - up * over)
    assert (area > 0).all()  # all turn the same way
    assert area.sum() == pytest.approx(2 * 4, rel=1e-5)


def test_on_a_tilted_plane_lines_are_straight_and_whole():
    _, lines = grounds(lambda x, y: 2 * x, [-1.03, 0.51])
    ends = cuts(lines)
    for level in (-1.03, 0.51):
        piece = ends[np.abs(ends[:, :, 0] - level / 2).max(1) < 1e-5]
        assert np.abs(piece[:, 0, 1] - piece[:, 1, 1]).sum() == pytest.approx(4, rel=1e-5)  # as long as the plane is wide
        np.testing.assert_allclose(piece[..., 2], level + solid.LIFT * 4, atol=1e-5)
    assert len(ends) == sum((np.abs(ends[:, :, 0] - level / 2).max(1) < 1e-5).sum() for level in (-1.03, 0.51))


def test_on_a_bowl_lines_are_circles_of_their_length():
    _, lines = grounds(lambda x, y: x**2 + y**2, [0.5], side=81)
    ends = cuts(lines)
    np.testing.assert_allclose(np.hypot(ends[..., 0], ends[..., 1]), np.sqrt(0.5), rtol=2e-3)
    assert np.linalg.norm(np.diff(ends[..., :2], axis=1), axis=-1).sum() == pytest.approx(2 * np.pi * np.sqrt(0.5), rel=2e-3)


def test_what_is_not_finite_is_a_hole():
    def holed(x, y):
        return np.where(np.hypot(x, y) < 0.3, np.nan, x + y)
    mesh, lines = grounds(holed, [0.1])
    corners = np.stack([mesh[k] for k in "ijk"])
    assert (np.hypot(mesh["x"], mesh["y"])[corners] >= 0.3 - 1e-6).all()
    assert np.isfinite(mesh["z"]).all() and np.isfinite(cuts(lines)).all() and len(cuts(lines))


def test_a_level_ground_has_no_lines():
    mesh, lines = grounds(lambda x, y: 0 * x, [0.0, 1.0])
    assert len(mesh["i"]) == 2 * 20 * 24 and not len(cuts(lines))


@pytest.mark.parametrize(("dash", "part"), [("dot", 1 / 2), ("dash", 1 / 2), ("longdash", 1 / 2), ("dashdot", 2 / 3)])
def test_a_path_is_cut_into_dashes_that_lie_on_it(dash, part):
    turn = np.linspace(0, 3, 40)
    path = np.stack([np.cos(turn), np.sin(turn), turn], -1)
    path[-5:] = np.nan  # out of the picture
    points, known = solid.dashed(path, dash, np.array([2.0, 2.0, 3.0]))
    drawn = np.linalg.norm(np.diff(points, axis=0) / [2, 2, 3], axis=1)
    whole = np.linalg.norm(np.diff(path[:-5], axis=0) / [2, 2, 3], axis=1).sum()
    assert np.nansum(drawn) == pytest.approx(part * whole, rel=0.05)
    seen = points[np.isfinite(points).all(1)]
    away = np.linalg.norm(seen[:, None] - np.concatenate([path[:-6] + s * np.diff(path[:-5], axis=0) for s in
                                                          np.linspace(0, 1, 200)])[None], axis=2).min(1)
    assert away.max() < 1e-3
    assert (np.diff(known) >= 0).all() and 1 <= known[0] <= 2 and known[-1] == len(points)
    kept, counts = solid.dashed(path, "solid", np.ones(3))
    assert kept is path and counts.tolist() == list(range(1, 41))


def test_a_diamond_is_a_closed_body_round_its_place():
    at, size = np.array([[1.0, 2.0, 3.0], [-4.0, 0.0, 0.5]]), np.array([0.5, 1.0, 2.0])
    trace = solid.diamonds(at, size, "#000000")
    corners = np.stack([trace[axis] for axis in "xyz"], 1).astype(float)
    faces = np.stack([trace[axis] for axis in "ijk"], 1)
    hull = ConvexHull(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]]))
    assert {frozenset(f) for f in faces[:8].tolist()} == {frozenset(f) for f in hull.simplices.tolist()}
    assert (faces[8:] == faces[:8] + 6).all()
    for k in range(2):
        away = (corners[6 * k : 6 * k + 6] - at[k]) / size
        np.testing.assert_allclose(np.abs(away).sum(1), 1, atol=1e-6)


def test_a_ball_is_where_the_path_is_and_vanishes_where_there_is_none():
    path = np.array([[0.0, 0, 0], [1, 1, 1], [np.nan, 2, 2], [3, 3, 3]])
    for some in (path, path[:3], path[2:3]):
        trace = solid.ball(some, np.full(3, 0.1), "#000000")
        frames = np.stack([trace["meta"]["frames"][axis] for axis in "xyz"], -1).astype(float)
        assert np.isfinite(frames).all()
        there = np.asarray(np.isfinite(some).all(1))
        np.testing.assert_allclose(np.linalg.norm(frames[there] - some[there][:, None], axis=2), 0.1, atol=1e-6)
        assert not np.ptp(frames[~there], axis=1).any()
        assert np.ptp(trace["x"]) == pytest.approx(0.2 if there[-1] else 0.0, abs=1e-6)
    faces = np.stack([trace[axis] for axis in "ijk"], 1)
    hull = ConvexHull(frames[0] if np.ptp(frames[0]) else solid._round()[0])
    assert {frozenset(f) for f in faces.tolist()} == {frozenset(f) for f in hull.simplices.tolist()}
