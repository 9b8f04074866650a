"""Planes against their definitions and scikit-learn's PCA."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.decomposition import PCA

from core.engine import MLP, binary_cross_entropy, generators, normals
from core.lessons.loss_landscapes import landscape

NET = MLP(sizes=(2, 7, 5, 1), activation="relu", norm="batch")


def a_theta(seed: int = 0, net: MLP = NET) -> torch.Tensor:
    return net.init(generators([seed]), "he", dtype=torch.float64)[0]


def test_every_filter_of_a_direction_has_the_norm_of_its_weight():
    theta = a_theta()
    drawn = torch.randn(2, NET.P, generator=generators([1])[0], dtype=torch.float64)
    out = landscape.filter_normalised(NET, theta, drawn)
    layers, own, raw = NET.views(out), NET.views(theta[None]), NET.views(drawn)
    for direction, weight, before in zip(layers, own, raw, strict=True):
        norm = weight.weight.norm(dim=2).expand(2, -1)
        torch.testing.assert_close(direction.weight.norm(dim=2), norm)
        cosine = torch.cosine_similarity(direction.weight, before.weight, dim=2)
        torch.testing.assert_close(cosine, torch.ones_like(cosine))
        for part in (direction.bias, direction.gamma, direction.beta):
            assert part is None or bool((part == 0).all())


def test_a_unit_without_weights_gets_no_direction():
    theta = a_theta()
    NET.views(theta[None])[0].weight[0, 3] = 0
    out = landscape.filter_normalised(NET, theta, torch.ones(1, NET.P, dtype=torch.float64))
    assert bool((NET.views(out)[0].weight[0, 3] == 0).all()) and bool(out.isfinite().all())


def test_coordinates_are_least_squares_and_undo_points():
    theta, rng = a_theta(), generators([2])[0]
    plane = landscape.random_plane(NET, theta, rng)
    a, b = torch.linspace(-1, 1, 5, dtype=torch.float64), torch.linspace(-2, 2, 4, dtype=torch.float64)
    points = plane.points(a, b)
    expected = torch.stack(torch.meshgrid(a, b, indexing="xy"), -1).flatten(0, 1)
    torch.testing.assert_close(plane.coordinates(points), expected)
    torch.testing.assert_close(plane.distance(points), torch.zeros(20, dtype=torch.float64), atol=1e-12, rtol=0)
    away = normals(generators([3, 4]), NET.P, dtype=torch.float64)
    solution = torch.linalg.lstsq(plane.directions.T, (away - theta).T).solution.T
    torch.testing.assert_close(plane.coordinates(away), solution)
    residual = away - plane.projection(away)
    torch.testing.assert_close(residual @ plane.directions.T, torch.zeros(2, 2, dtype=torch.float64), atol=1e-10, rtol=0)


def test_trajectory_plane_is_the_pca_of_scikit_learn():
    path = normals(generators([5]), 30, 40, dtype=torch.float64)[0].cumsum(0)
    plane, explained = landscape.trajectory_plane(path)
    pca = PCA(n_components=2).fit(path.numpy())
    torch.testing.assert_close(explained, torch.from_numpy(pca.explained_variance_ratio_))
    overlap = (plane.directions @ torch.from_numpy(pca.components_).T).abs()
    torch.testing.assert_close(overlap, torch.eye(2, dtype=torch.float64), atol=1e-9, rtol=0)
    assert torch.equal(plane.origin, path[-1]) and bool((plane.coordinates(path[:1]) >= 0).all())


def test_a_path_inside_a_plane_is_explained_wholly():
    within = normals(generators([6]), 20, 2, dtype=torch.float64)[0] @ normals(generators([7]), 2, 50, dtype=torch.float64)[0]
    plane, explained = landscape.trajectory_plane(within)
    assert float(explained.sum()) == pytest.approx(1)
    assert float(plane.distance(within).max()) < 1e-10


def test_start_plane_shows_the_way_back_better_than_a_random_one():
    end, start = a_theta(0), a_theta(0) + 0.1 * a_theta(1)
    shown = []
    planes = landscape.start_plane(NET, end, start, generators([8])[0]), landscape.random_plane(NET, end, generators([8])[0])
    for plane in planes:
        shown.append(1 - float(plane.distance(start[None])[0]) ** 2 / float((start - end).norm()) ** 2)
    assert shown[0] > 0.3 > 0.1 > shown[1]


def test_segment_plane_holds_its_three_points_and_refuses_a_line():
    a, b, c = a_theta(0), a_theta(1), a_theta(2)
    plane = landscape.segment_plane(a, b, c)
    assert float(plane.distance(torch.stack([a, b, c])).max()) < 1e-10
    at = plane.coordinates(torch.stack([a, b, c]))
    torch.testing.assert_close(at[:2], torch.tensor([[0.0, 0.0], [float((b - a).norm()), 0.0]], dtype=torch.float64))
    torch.testing.assert_close(plane.directions @ plane.directions.T, torch.eye(2, dtype=torch.float64))
    with pytest.raises(ValueError, match="line"):
        landscape.segment_plane(a, b, (a + b) / 2)


def test_barrier_is_the_rise_above_the_straight_line():
    t = torch.linspace(0, 1, 101, dtype=torch.float64)
    assert float(landscape.barrier(3 + 2 * t, t)) == pytest.approx(0, abs=1e-12)
    hill = 1 + t + 4 * t * (1 - t)
    both = landscape.barrier(torch.stack([hill, -hill], 1), t)
    torch.testing.assert_close(both, torch.tensor([1.0, 0.0], dtype=torch.float64))


def test_evaluate_in_parts_equals_one_model_at_a_time():
    x, y = normals(generators([9]), 2, 30), (torch.arange(30) % 2).float()[None, None]
    theta = NET.init(generators(range(500)), "he")
    whole = landscape.evaluate(NET, theta, x, y, binary_cross_entropy)
    for k in (0, 123, 499):
        one = binary_cross_entropy.value(NET.forward(theta[k : k + 1], x, train=True), y)[0]
        assert float(whole[k]) == pytest.approx(float(one), rel=1e-5)


def test_roughness_counts_on_known_surfaces():
    axis = torch.linspace(-3, 3, 61, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    bowl = x**2 + 3 * y**2 + x * y
    assert landscape.basins(bowl, 0.1) == 1 and landscape.negative_curvature_fraction(bowl) == 0
    assert landscape.negative_curvature_fraction(-bowl) == 1 and landscape.basins(-bowl, 0.1) == 4, "the four corners"
    assert landscape.negative_curvature_fraction(x**2 - y**2) == 1
    double = (x**2 - 1) ** 2 + y**2  # 12x² − 4 < 0 for |x| < 1/√3
    assert landscape.basins(double, 0.9) == 2 and landscape.basins(double, 1.1) == 1, "the pass is 1 high"
    # Differences over a step s see 12x² + 2s² − 4.
    inside = ((4 - 2 * 0.6**2) / 12) ** 0.5
    assert landscape.negative_curvature_fraction(double) == pytest.approx(2 * inside / (6 - 2 * 0.6), abs=0.03)
    empty = torch.full((9, 9), torch.nan)
    assert math.isnan(landscape.negative_curvature_fraction(empty)) and landscape.basins(empty, 0.1) == 0


def by_definition(z: torch.Tensor, climb: float) -> list[tuple[int, ...]]:
    """Bottoms that are the lowest of all that is reached without climbing `climb` above them."""
    grid, around, found = z.double().numpy(), np.ones((3, 3)), []
    grid = np.where(np.isfinite(grid), grid, np.inf)
    bottoms, _ = ndimage.label((grid == ndimage.minimum_filter(grid, 3)) & np.isfinite(grid), around)  # pyright: ignore
    for place in ndimage.minimum_position(grid, bottoms, range(1, bottoms.max() + 1)):
        lake, _ = ndimage.label(grid < grid[place] + climb, around)  # pyright: ignore
        if grid[lake == lake[place]].min() == grid[place]:
            found.append(tuple(int(i) for i in place))
    return found


def test_basins_are_what_one_must_climb_out_of():
    g = torch.Generator().manual_seed(0)
    for side in (9, 21, 40):
        z = torch.randn(side, side, generator=g)
        z = torch.nn.functional.avg_pool2d(z[None], 3, 1, 1)[0]
        for climb in (1e-6, 0.05, 0.2, 0.5, 2.0):
            assert landscape.basins(z, climb) == len(by_definition(z, climb))
            assert {(i, j) for i, j in landscape.bottoms(z, climb).tolist()} == set(by_definition(z, climb))
    z[5:8, :] = torch.inf  # a wall: what lies beyond it is never reached
    assert landscape.basins(z, 1e9) == len(by_definition(z, 1e9)) == 2


def test_roughness_does_not_count_the_grid():
    """Waves of two lengths, the short ones too shallow to count: the numbers stay while the points in sight multiply."""
    def waves(side: int) -> torch.Tensor:
        axis = torch.linspace(-1, 1, side, dtype=torch.float64)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        return torch.cos(9 * x + 0.4) + torch.cos(7 * y) + 0.05 * torch.cos(61 * x + 3) * torch.cos(53 * y)

    def bottoms(z: torch.Tensor) -> int:
        around = torch.nn.functional.max_pool2d(-z[None], 3, 1, 1)[0]
        return int((-z == around)[1:-1, 1:-1].sum())

    seen = [waves(side) for side in (41, 61, 81, 161)]
    assert len({landscape.basins(z, 0.5) for z in seen}) == 1
    bends = [landscape.negative_curvature_fraction(z) for z in seen]
    assert max(bends) - min(bends) < 0.02
    assert len({bottoms(z) for z in seen}) > 1
