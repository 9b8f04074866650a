"""What loss_landscapes promises, to be counted over seeds."""

from __future__ import annotations

import torch
from scipy import ndimage

from core.engine import generators
from core.lessons.loss_landscapes import alts, landscape, words
from core.lessons.loss_landscapes.lab import Lab
from core.lessons.loss_landscapes.lesson import Config, Result
from core.moments import NEVER
from tests.promises import Promise

ALL_AROUND = [[1, 1, 1]] * 3


def some(tensor: torch.Tensor | None) -> torch.Tensor:
    assert tensor is not None
    return tensor


def basins(z: torch.Tensor, climb: float = 0.3) -> int:
    """By the definition: bottoms that are the lowest of all that is reached below `climb` above them."""
    grid, found = z.double().numpy(), 0
    pits, _ = ndimage.label(grid == ndimage.minimum_filter(grid, 3), ALL_AROUND)  # pyright: ignore
    for place in ndimage.minimum_position(grid, pits, range(1, pits.max() + 1)):
        lake, _ = ndimage.label(grid < grid[place] + climb, ALL_AROUND)  # pyright: ignore
        found += grid[lake == lake[place]].min() == grid[place]
    return int(found)


def downward(z: torch.Tensor) -> float:
    """Part of the plane with a negative eigenvalue of the Hessian, by differences over a tenth of the side."""
    k, z = (len(z) - 1) // 10, z.double()
    h = torch.empty(len(z) - 2 * k, len(z) - 2 * k, 2, 2, dtype=torch.float64)
    h[..., 0, 0] = z[k:-k, 2 * k :] - 2 * z[k:-k, k:-k] + z[k:-k, : -2 * k]
    h[..., 1, 1] = z[2 * k :, k:-k] - 2 * z[k:-k, k:-k] + z[: -2 * k, k:-k]
    h[..., 0, 1] = h[..., 1, 0] = (z[2 * k :, 2 * k :] - z[2 * k :, : -2 * k] - z[: -2 * k, 2 * k :] + z[: -2 * k, : -2 * k]) / 4
    return float((torch.linalg.eigvalsh(h)[..., 0] < 0).double().mean())


def many_basins(result: Result, scene: Config) -> bool:
    plain, skips = some(result.grid)
    return basins(plain) >= 2 and basins(plain) > basins(skips) and downward(plain) > downward(skips) + 0.05


def own_plane_shows(result: Result, scene: Config) -> bool:
    """The path's variance, worked out again, within its own plane as the run says it and within a random one."""
    lab = Lab(scene)
    for _ in lab.train():
        pass
    path = lab.paths[0].double()
    assert torch.allclose(path[-1], some(result.theta)[1, 0].double(), atol=1e-3)
    plane = landscape.random_plane(lab.mlps[0], lab.paths[0][-1], generators([123 + scene.seed])[0])
    shadow = plane.projection(lab.paths[0]).double()
    whole = path.var(0).sum()
    own = torch.linalg.svdvals(path - path.mean(0))[:2].square().sum() / (len(path) - 1) / whole
    return bool(own > 0.5 and abs(own - some(result.explained)[0].sum()) < 0.01 and shadow.var(0).sum() / whole < 0.1)


def matching_removes_the_barrier(result: Result, scene: Config) -> bool:
    rise = {}
    for name in ("twin", "twin_matched"):
        loss, t = result.segments[name][:, 0].double(), some(result.segment_t).double()
        rise[name] = float((loss - (1 - t) * loss[0] - t * loss[-1]).max())
    return rise["twin"] > 0.1 and rise["twin_matched"] < 1e-5


def climbs_and_stays(result: Result, scene: Config) -> bool:
    part, losses = some(result.sharpness) * scene.learning_rate / 2, result.losses
    late, half = part[len(part) // 2 :], len(losses) // 2
    return bool((part[0] < 0.9).all() and (late.mean(0) > 0.85).all() and (late.mean(0) < 1.1).all()
                and (losses[-100:].mean(0) < losses[half : half + 100].mean(0)).all())


def thrown_to_a_flatter_place(result: Result, scene: Config) -> bool:
    scaled = some(result.sharpness)[:, 1] * scene.learning_rate
    losses = result.losses[:, 1]
    return bool(result.diverged_at[1] == NEVER and scaled[0] > 2 and (scaled < 2).any() and losses.max() > losses[0]
                and losses[-1] < losses[0] / 2 and "start is too steep" in alts.sharpness(result, scene))


def arrives(result: Result, scene: Config) -> bool:
    end = some(result.path)[-1, 0]
    return any(float((end - torch.tensor(p)).norm()) < 1e-3 for p in ((3.0, 2.0), (-2.805118, 3.131313), (-3.77931, -3.283186),
                                                                    (3.584428, -1.848127)))


PROMISES = [
    Promise(preset="Mountain range", holds=many_basins),
    Promise(preset="Add skips", holds=lambda result, scene: basins(some(result.grid)[1]) == 1),
    Promise(preset="The path's own plane", holds=own_plane_shows),
    Promise(preset="Twins", holds=matching_removes_the_barrier),
    Promise(preset="Edge of stability", holds=climbs_and_stays),
    Promise(preset="Too steep to start", holds=thrown_to_a_flatter_place),
    Promise(preset="Himmelblau", holds=arrives),
    Promise(claim="challenge: the opening scene does not meet it",
            holds=lambda result, scene: not words.CHALLENGE.check(result, scene, None).right),
]
