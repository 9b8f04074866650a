"""The landscape lesson against torch.nn, torch.optim, closed forms and its own invariants."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from core import curvature, surfaces
from core.engine import MLP, generators
from core.lessons.loss_landscapes import alts, landscape, lesson, matching, words
from core.lessons.loss_landscapes import lab as landscape_lab
from core.lessons.loss_landscapes.lesson import Config, Result, run
from core.moments import NEVER
from examples import loss_landscapes as example
from figures import style
from figures.loss_landscapes import pictures
from tests.pages import page_spec
from tests.scenes import anything

SMALL = dict(depth=2, width=8, steps=50, restarts=0)


def some(tensor: torch.Tensor | None) -> torch.Tensor:
    assert tensor is not None
    return tensor


class Exact(landscape_lab.Lab):
    """The same draws, trained in float64."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.x, self.y = self.x.double(), self.y.double()

    def _starts(self, mlp: MLP) -> torch.Tensor:
        return super()._starts(mlp).double()


def test_example_in_plain_torch_finds_the_same_plane():
    """In float64: a hundred steps magnify a difference some 10⁵ times, which leaves nothing to compare of float32's 10⁻⁷,
    and of 10⁻¹⁶ far less than the 10⁻⁷ by which the two may place a point of the plane apart.
    """
    config = Config(plane="random", restarts=0)
    lab = Exact(config)
    for _ in lab.train():
        pass
    mlp, end, side = lab.mlps[0], lab.ends[0][0], torch.linspace(-config.radius, config.radius, example.SIDE)
    drawn = torch.randn(2, mlp.P, generator=generators([3_000_000])[0])
    plane = landscape.Plane(end, landscape.filter_normalised(mlp, end, drawn.double()))
    z = landscape.evaluate(mlp, plane.points(side, side), lab.x, lab.y, lab.loss).reshape(example.SIDE, example.SIDE)
    numbers = example.main(torch.float64)
    for name, value in (("trained", z[5, 5]), ("lowest", z.min()), ("median", z.median()), ("highest", z.max())):
        assert numbers[name] == pytest.approx(float(value), rel=1e-5), name
    # The lesson's own plane comes from these draws.
    own = landscape_lab.Lab(config)
    for _ in own.train():
        pass
    torch.testing.assert_close(own._plane(0)[1].directions, landscape.filter_normalised(mlp, own.ends[0][0], drawn))
    assert example.main().keys() == numbers.keys()


def test_roughness_of_a_plane_does_not_depend_on_its_points():
    """For all four cuts, and for a deep net, where a basin that is about as deep as counts lies between the points of a
    coarse grid. The points below their neighbours, which were counted once, went from 16 to 35 and 41 in the opening scene."""
    for plane, seed, depth in (("start", 0, 6), ("random", 1, 6), ("trajectory", 0, 6), ("segment", 1, 6), ("start", 1, 12)):
        known = []
        for side in (41, 81):
            lab = landscape_lab.Lab(Config(plane=plane, seed=seed, restarts=0, depth=depth, resolution=side))
            for stage in (lab.train, lab.cut):
                for _ in stage():
                    pass
            known.append((lab.found["basins"], lab.found["bends_down"]))
        for basins, bends in known[1:]:
            assert torch.equal(basins, known[0][0]), (plane, known)
            torch.testing.assert_close(bends, known[0][1])


@pytest.mark.parametrize("plane", ["start", "random"])
def test_the_plane_goes_through_the_trained_net(plane: str):
    result = run(Config(plane=plane, **SMALL))
    grid, path = some(result.grid), some(result.path)
    assert grid.shape == (2, 41, 41)
    torch.testing.assert_close(grid[:, 20, 20], result.losses[-1], rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(path[-1], torch.zeros(2, 2))
    torch.testing.assert_close(some(result.projection_loss)[-1], result.losses[-1], rtol=1e-4, atol=1e-7)
    assert torch.equal(some(result.a)[0], torch.linspace(-0.75, 0.75, 41))


@pytest.mark.parametrize("plane", lesson.PLANES)
def test_projection_and_pythagoras(plane: str):
    result = run(Config(plane=plane, **SMALL))
    assert result.kinds == (plane, plane)
    moved, off = some(result.moved), some(result.off_plane)
    assert bool((off <= moved + 1e-5).all())
    explained = some(result.explained)
    if plane == "trajectory":
        assert bool((explained.sum(1) <= 1 + 1e-6).all()) and bool((explained[:, 0] >= explained[:, 1]).all())
    else:
        assert bool(explained.isnan().all())
    if plane in ("trajectory", "segment"):  # orthonormal directions: coordinates are lengths
        torch.testing.assert_close(some(result.path).square().sum(-1) + off.square(), moved.square(), rtol=1e-3, atol=1e-4)
        points = some(result.path) if plane == "trajectory" else some(result.marks).transpose(0, 1)
        assert bool((points[..., 0] >= some(result.a)[:, 0]).all()) and bool((points[..., 0] <= some(result.a)[:, -1]).all())
        assert bool((points[..., 1] >= some(result.b)[:, 0]).all()) and bool((points[..., 1] <= some(result.b)[:, -1]).all())


def test_random_directions_hardly_show_the_path_and_its_own_plane_does():
    for seed in range(3):
        shown = {}
        for plane in ("random", "start", "trajectory"):
            result = run(Config(plane=plane, seed=seed, restarts=0, steps=50, depth=4))
            shown[plane] = 1 - (some(result.off_plane)[0] / some(result.moved)[0]).square()
        assert bool((shown["random"] < shown["start"]).all()) and bool((shown["start"] < shown["trajectory"]).all())
        assert bool((shown["random"] < 0.1).all()) and bool((shown["trajectory"] > 0.8).all())


def test_twins_are_across_a_barrier_that_matching_removes():
    for seed in range(3):
        for norm in (False, True):
            result = run(Config(seed=seed, batch_norm=norm, restarts=0, learning_rate=0.1))
            assert bool((result.barriers["twin"] > 0.01).all())
            assert bool((result.barriers["twin_matched"] < 1e-6).all())
            twin = result.segments["twin"]
            torch.testing.assert_close(twin[-1], twin[0], rtol=1e-4, atol=1e-6)
            for name, barrier in result.barriers.items():
                assert bool((barrier >= 0).all()), name


def test_barriers_are_told_as_they_are_on_a_finer_way():
    """To the two digits that are said, give or take a few per cent; rounding is told as none."""
    scene = Config(plane="segment", second="twin", restarts=0)
    lab = landscape_lab.Lab(scene)
    for stage in (lab.train, lab.cut, lab.interpolate):
        for _ in stage():
            pass
    result = Result(**lab.found)
    fine = torch.linspace(0, 1, 321)
    for m, mlp in enumerate(lab.mlps):
        for name in ("other", "twin", "twin_matched"):
            loss = landscape.evaluate(mlp, landscape.segment(lab.ends[m][0], lab.seconds[m][name], fine), lab.x, lab.y, lab.loss)
            top = float((loss - loss[0] - (loss[-1] - loss[0]) * fine).max())
            assert words.barrier(result, name, m) == pytest.approx(top if top > 1e-5 else 0.0, rel=0.1), (name, m)
    assert "with the hidden units matched, none" in words.summary(result, scene)


def test_a_second_solution_is_no_twin_and_matching_does_not_move_its_loss():
    result = run(Config(**SMALL))
    torch.testing.assert_close(result.segments["other_matched"][-1], result.segments["other"][-1], rtol=1e-4, atol=1e-6)
    assert float((some(result.theta)[1, 0] - some(result.theta)[1, 1]).abs().max()) > 0.01


def test_rescaling_leaves_the_loss_and_changes_the_curvature():
    for norm in (False, True):
        for seed in range(3):
            result = run(Config(seed=seed, batch_norm=norm, restarts=0, depth=4, learning_rate=0.1))
            loss, sharp = result.rescaled["loss"], result.rescaled["sharpness"]
            torch.testing.assert_close(loss, loss[3].expand(7), rtol=1e-3, atol=1e-6)
            assert float(sharp.max() / sharp.min()) > 2
    assert run(Config(activation="tanh", **SMALL)).rescaled == {}


def test_sharpness_is_the_dense_hessians():
    config = Config(depth=1, width=4, steps=50, restarts=0, batch_norm=False, activation="tanh", learning_rate=0.1)
    result = run(config)
    x, y = landscape_lab.sample(config)
    f = curvature.loss_of(landscape_lab.architecture(config, "plain"), x.double(), y.double(), landscape_lab.objective(config))
    for end, e in ((0, 0), (1, -1)):
        theta = some(result.theta)[end, 0].double()
        H = torch.autograd.functional.hessian(lambda t: f(t[None])[0], theta)
        assert float(some(result.sharpness)[e, 0]) == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]), rel=1e-2)


def test_edge_of_stability():
    """Full-batch gradient descent: curvature starts below 2/ε, climbs to it and stays (Cohen et al. 2021)."""
    about = dict(activation="tanh", objective="squared", depth=2, batch_norm=False, steps=1000, restarts=0)
    for seed in range(3):
        result = run(Config(learning_rate=0.1, seed=seed, **about))
        part = some(result.sharpness) / result.limit
        late = part[len(part) // 2 :].mean(0)
        assert result.limit == pytest.approx(20)
        assert bool((part[0] < 0.9).all()) and bool((late > 0.8).all()) and bool((late < 1.1).all())
        # With half the rate the limit doubles, and the same nets grow sharper than the old limit allowed.
        slower = some(run(Config(learning_rate=0.05, seed=seed, **{**about, "steps": 1500})).sharpness)
        assert bool((slower.amax(0) > 1.1 * late * result.limit).all())
    assert landscape_lab.limit(Config(learning_rate=0.1, alpha=0.5)) == pytest.approx(30)


def test_divergence_is_data():
    result = run(Config(batch_norm=False, depth=12, learning_rate=0.7, restarts=0))
    step = int(result.diverged_at[0])
    assert step != NEVER and result.reasons[0].endswith("at the start, above 2")
    told = float(result.reasons[0].split(" = ")[1].split(" ")[0])
    assert told == pytest.approx(0.7 * float(some(result.sharpness)[0, 0]), rel=0.01)
    assert bool(result.losses[:step, 0].isfinite().all()) and bool(result.losses[step + 1 :, 0].isnan().all())
    assert bool(some(result.path)[some(result.snapshot_steps) > step, 0].isnan().all())
    assert result.kinds[0] == "random" and bool(some(result.grid)[0].isfinite().any())
    assert float(some(result.sharpness)[0, 0]) > result.limit
    assert result.rescaled == {} and bool(result.barriers["twin"][0].isnan())


def test_both_nets_start_from_the_same_draws():
    start = some(run(Config(**{**SMALL, "depth": 4})).theta)[0]
    net = landscape_lab.architecture(Config(depth=4, width=8), "skips")
    for i, (plain, skip) in enumerate(zip(net.views(start[:1]), net.views(start[1:]), strict=True)):
        scale = 2.0 if 0 < i < 4 else 1.0  # √4 in layers with a skip
        torch.testing.assert_close(plain.weight, scale * skip.weight)


def test_starts_do_not_depend_on_how_many_there_are():
    few, many = run(Config(**SMALL)), run(Config(**{**SMALL, "restarts": 6}))
    assert some(few.final_losses).shape == (2, 2) and some(many.final_losses).shape == (8, 2)
    torch.testing.assert_close(some(many.final_losses)[:2], some(few.final_losses), rtol=1e-2, atol=1e-5)
    torch.testing.assert_close(some(many.final_losses)[0], many.losses[-1])


@pytest.mark.parametrize(("asked", "most"), [
    (dict(), 8), (dict(steps=1500, depth=12), 8), (dict(steps=50, depth=12, width=24, restarts=48), 50),
    (dict(steps=1500, depth=12, width=24, restarts=48), 2)])
def test_fewer_starts_are_trained_only_where_it_would_take_too_long(asked, most):
    config = Config(**asked)
    assert landscape_lab.trained_starts(config) == most
    work = config.steps * config.depth * (64 + config.width**2)
    assert most in (2, config.restarts + 2) or most * work <= landscape_lab.PLENTY


def test_the_page_says_that_fewer_starts_were_trained(monkeypatch):
    monkeypatch.setattr(landscape_lab, "PLENTY", 4 * 50 * 2 * (64 + 8**2))
    config = Config(**{**SMALL, "restarts": 6})
    result = run(config)
    assert some(result.final_losses).shape == (4, 2)
    caption = next(p.caption for p in page_spec("loss_landscapes").draw(result, config).further if p.id == "final")
    assert "4 starts, one data set" in caption
    assert "Only 4 of 8 were trained" in caption


def test_partial_results_are_prefixes():
    results = list(lesson.steps(Config(**SMALL)))
    final = results[-1]
    for result in results:
        n = len(result.losses)
        assert torch.equal(result.losses, final.losses[:n])
        if result.grid is not None:
            known = result.grid.isfinite()
            assert torch.equal(result.grid[known], some(final.grid)[known])


@pytest.mark.parametrize("name", surfaces.NAMES)
def test_paths_on_surfaces_are_torch_optims(name: str):
    config = Config(problem=name, learning_rate=0.001, alpha=0.9, steps=50, start_x=0.5, start_y=1.2)
    result = run(config)
    surface = surfaces.surface(name, config.kappa)
    theta = torch.tensor([0.5, 1.2], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([theta], lr=0.001, momentum=0.9)
    for t in range(51):
        torch.testing.assert_close(some(result.path)[t, 0], theta.detach())
        assert float(result.losses[t, 0]) == pytest.approx(float(surface.value(theta.detach())))
        optimiser.zero_grad()
        surface.value(theta).backward()
        optimiser.step()
    H = torch.autograd.functional.hessian(surface.value, some(result.path)[-1, 0])
    assert float(some(result.sharpness)[-1, 0]) == pytest.approx(float(torch.linalg.eigvalsh(H)[-1]))


def test_ravine_contracts_and_diverges_as_the_closed_form_says():
    about = dict(problem="ravine", kappa=20.0, steps=200, start_x=1.0, start_y=1.0)
    inside = run(Config(learning_rate=0.07, **about))
    t = torch.arange(len(inside.losses), dtype=torch.float64)
    theory = 0.5 * ((1 - 0.07) ** (2 * t) + 20 * (1 - 0.07 * 20) ** (2 * t))
    torch.testing.assert_close(inside.losses[:, 0], theory)
    assert float(some(inside.sharpness)[0, 0]) == pytest.approx(20) and inside.limit == pytest.approx(2 / 0.07)
    outside = run(Config(learning_rate=0.15, **about))
    assert 0.15 * 20 > 2 and float(outside.losses[100, 0]) > 1e20


def test_words_and_pictures_at_random_settings():
    page, rng = page_spec("loss_landscapes"), random.Random(0)
    for _ in range(25):
        scene = anything(Config, rng, steps=50, restarts=2, resolution=41, width=rng.choice([4, 8]), depth=rng.choice([1, 2, 5]),
                         problem=rng.choice(["network", "network", *surfaces.NAMES]))
        result = run(scene.trained())
        text = words.summary(result, scene)
        board = page.draw(result, scene)
        assert board.summary == text and "nan" not in text and len(text) > 60
        assert all(panel.caption and panel.alt for panel in (*board.panels, *board.further))
        verdict, table = text.split("\n\n")
        gone = result.diverged_at != NEVER
        if scene.problem != "network":
            assert ("diverges" in verdict) == bool(gone[0])
            continue
        m = result.nets.index(scene.skips)
        for panel, net in (("surface", m), ("surface2", 1 - m)):
            caption = next(p.caption for p in board.panels if p.id == panel)
            ends = (np.concatenate([axis[net].numpy()[[0, -1]] for axis in (some(result.a), some(result.b))]))
            at = np.abs(result.bottoms[net].numpy().repeat(2, 1) - ends) <= 1e-3 * np.ptp(ends)
            assert ("Diamonds" in caption, "at the rim" in caption) == (len(at) > 0, bool(at.any()))
        assert verdict.startswith("**Training diverged") == (bool(gone.any()) and result.kinds[m] != "segment")
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        told = {name: cells for name, *cells in rows}
        basins, bends = some(result.basins), some(result.bends_down)
        rougher = bool(basins[0] > basins[1]) and bool(bends[0] > bends[1] + 0.05)
        if not gone.any() and result.kinds[m] != "segment":
            assert ("The net without skips has the rougher plane" in verdict) == rougher
        assert told["Its plane has"] == [words.format_basins(int(n)) for n in basins]
        assert sum(cell.startswith("at step") for cell in told.get("Training diverged", [])) == int(gone.sum())
        part = some(result.sharpness)[:, m] / result.limit
        if "At the end" in told:
            assert ("inside the edge" in told["At the end"][m]) == bool(part[-1] < 0.9)
            assert ("beyond the edge" in told["At the end"][m]) == bool(part[-1] > 1.1)
        alt = alts.sharpness(result, scene)
        if "edge of stability" in alt:
            assert ("inside the edge" in alt) == bool(part[-1] < 0.9) and ("beyond the edge" in alt) == bool(part[-1] > 1.1)
            assert ("start is too steep" in alt) == bool(part[0] > 1 and (part < 1).any())
        assert ("The straight way to" in verdict) == (result.kinds[m] == "segment")
        assert ("of the path's variance" in alts.landscape(result, m, "contours")) == (result.kinds[m] == "trajectory")


def test_the_part_near_the_path_is_framed_by_it():
    """A square in which the path's longer side is 1/1.7 of the frame, whose losses are the plane's own."""
    for plane in ("start", "random"):
        config = Config(plane=plane, **SMALL)
        lab = landscape_lab.Lab(config)
        for stage in (lab.train, lab.cut, lab.cut_near):
            for _ in stage():
                pass
        result = Result(**lab.found)
        for m in range(2):
            a, b, path = some(result.near_a)[m], some(result.near_b)[m], some(result.path)[:, m]
            side = float(a[-1] - a[0])
            assert side == pytest.approx(float(b[-1] - b[0]), rel=1e-4)
            assert float((path.amax(0) - path.amin(0)).max()) == pytest.approx(side / 1.7, rel=1e-3)
            assert bool(((path >= torch.stack([a[0], b[0]])) & (path <= torch.stack([a[-1], b[-1]]))).all())
            (i, j), theta = (3, 17), lab.planes[m].points(a[17:18], b[3:4])
            torch.testing.assert_close(some(result.near)[m, i, j], lab._evaluate(m, theta)[0], rtol=1e-4, atol=1e-6)
    assert run(Config(plane="trajectory", **SMALL)).near is None, "its own frame is the path's"


def diamonds(figure: go.Figure) -> list[np.ndarray]:
    """Places [n, 2] of the diamonds in ink, a list for each trace; on a surface each is an octahedron of six corners."""
    flat = [t for t in figure.data if t["type"] == "scatter" and t["marker"]["symbol"] == "diamond"]
    solid = [t for t in figure.data if t["type"] == "mesh3d" and t["color"] == style.INK]
    flat, solid = ([np.stack([t["x"], t["y"]], 1) for t in traces] for traces in (flat, solid))
    return flat + [corners.reshape(-1, 6, 2).mean(1) for corners in solid]


def test_the_basins_that_are_counted_are_marked_at_their_bottoms():
    """On the plane and on the surface, at a loss below that of all places near by; a finer drawing marks the same places."""
    for resolution in (41, 61):
        scene = Config(depth=8, steps=50, restarts=0, resolution=resolution)
        lab = landscape_lab.Lab(scene)
        for stage in (lab.train, lab.cut):
            for _ in stage():
                pass
        result = Result(**lab.found)
        for m in range(2):
            places, grid = result.bottoms[m], some(result.grid)[m]
            assert len(places) == int(some(result.basins)[m]) > 0
            marks, solid = (diamonds(figure(result, scene, m)) for figure in (pictures.contour, pictures.surface3d))
            for marked in (*marks, *solid):
                np.testing.assert_allclose(marked, places, rtol=1e-5, atol=1e-6)
            assert len(marks) == len(solid) == 1
            a, b = some(result.a)[m], some(result.b)[m]
            for x, y in places:
                away = torch.hypot(a[None] - x, b[:, None] - y) / (a[-1] - a[0])
                assert float(grid[away < 0.02].min()) <= float(grid[away < 0.05].min()) + 0.02
        assert not diamonds(pictures.contour(replace(result, bottoms=()), scene, 0))


def test_what_leads_is_the_two_surfaces_or_the_way_between_two_solutions():
    page = page_spec("loss_landscapes")
    for plane, first in (("start", ["surface", "surface2", "near", "near2", "loss", "sharpness"]),
                         ("trajectory", ["surface", "surface2", "plane", "plane2", "loss", "sharpness"]),
                         ("segment", ["segments", "plane", "surface", "surface2", "plane2", "loss"])):
        for skips in landscape_lab.NETS:
            scene = Config(plane=plane, skips=skips, **SMALL)
            board = page.draw(run(scene.trained()), scene)
            assert [panel.id for panel in board.panels] == first
            titles = {panel.id: panel.title for panel in board.panels}
            assert titles["surface"].startswith(landscape_lab.NETS[skips]) and "basin" in titles["surface"]


def test_a_twin_has_the_nets_own_outputs_in_the_lesson():
    config = Config(**SMALL)
    result = run(config)
    x, _ = landscape_lab.sample(config)
    for m, net in enumerate(landscape_lab.NETS):
        mlp = landscape_lab.architecture(config, net)
        theta = some(result.theta)[1, m][None].double()
        twin = matching.permute(mlp, theta, matching.random_permutations(mlp, torch.Generator().manual_seed(1)))
        torch.testing.assert_close(mlp.forward(twin, x.double(), train=True), mlp.forward(theta, x.double(), train=True))
