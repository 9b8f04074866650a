"""What the pictures of the race show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import torch
from torch import Tensor

from core import quadratic, surfaces
from core.lessons import optimisers_basins as basins
from core.lessons.optimisers import METHODS, Config, Result, seen


def _ends(result: Result, scene: Config, values: Tensor, what: str, lowest: float = 0.0) -> str:
    """Who ends lowest and who highest; values [T+1, M]."""
    ends = {METHODS[m]: float(values[-1, k]) - lowest for k, m in enumerate(result.methods) if m in scene.methods}
    known = {name: value for name, value in ends.items() if abs(value) < torch.inf}
    gone = len(ends) - len(known)
    text = f"{what} against step, on a logarithmic scale. "
    if known:
        low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        text += f"At step {result.step} {low} is lowest, at {known[low]:.3g}"
        text += f", and {high} highest, at {known[high]:.3g}. " if high != low else ". "
    return text + (f"{gone} of {len(ends)} methods end with no finite value." if gone else "")


def contour(result: Result, scene: Config) -> str:
    return f"Map of the {surfaces.NAMES[scene.problem]} surface with one path a method. {_plain(seen(result, scene))}"


def network(result: Result, scene: Config, against: str) -> str:
    return f"Training loss of the small net against {against}, a curve a method. {_plain(seen(result, scene))}"


def _plain(markdown: str) -> str:
    return markdown.replace("**", "")


def loss(result: Result, scene: Config) -> str:
    surface = surfaces.surface(scene.problem, scene.kappa)
    lowest = float(surface.value(surface.minima_tensor()).min())
    return _ends(result, scene, result.losses, "Loss above the lowest minimum", lowest)


def distance(result: Result, scene: Config) -> str:
    assert result.distance is not None
    return _ends(result, scene, result.distance, "Distance to the nearest minimum")


def surface3d(result: Result, scene: Config) -> str:
    surface = surfaces.surface(scene.problem, scene.kappa)
    (x0, x1), (y0, y1) = surface.x_range, surface.y_range
    shown = [k for k, m in enumerate(result.methods) if m in scene.methods]
    x, y = result.paths[-1, shown].unbind(-1)
    inside = int(((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).sum())
    return f"The {surface.name} surface in three dimensions: {inside} of the {len(shown)} paths end on it."


def basin_map(result: Result, scene: Config) -> str:
    assert result.basin is not None
    surface, method = surfaces.surface(scene.problem, scene.kappa), METHODS[scene.basin_of]
    places = {f"reach the minimum at ({x:.2f}, {y:.2f})": i for i, (x, y) in enumerate(surface.minima)}
    places |= {"are not at a minimum yet": basins.NONE, "have left the map": basins.LEFT}
    parts = {text: float((result.basin == i).double().mean()) for text, i in places.items()}
    return f"Of a grid of starts of {method}: " + ", ".join(f"{part:.0%} {text}" for text, part in parts.items() if part) + "."


def effective_step(result: Result, scene: Config) -> str:
    k = result.methods.index(scene.inside)
    ratio = (result.paths[:-1, k] - result.paths[1:, k]) / result.slopes[:, k]
    parts = []
    for name, values in zip(("θ₁", "θ₂"), ratio.unbind(-1), strict=True):
        known = values[torch.isfinite(values)]
        parts.append(f"in {name} from {float(known[0]):.3g} at the first step to {float(known[-1]):.3g} at the last" if len(known)
                     else f"in {name} never defined, for want of a slope")
    return f"Effective step of {METHODS[scene.inside]}: {', and '.join(parts)}."


def memory(result: Result, scene: Config) -> str:
    kept = result.memory.get(scene.inside)
    if not kept:
        return f"{METHODS[scene.inside]} keeps nothing from step to step."
    return f"What {METHODS[scene.inside]} keeps, as the code has it: {'; '.join(_ending(*one) for one in kept.items())}."


def _ending(name: str, values: torch.Tensor) -> str:
    known = torch.isfinite(values).all(-1)
    if not known[-1]:
        return f"{name} is finite for the first {int(known.long().argmin())} steps only"
    return f"{name} ends at ({float(values[-1, 0]):.3g}, {float(values[-1, 1]):.3g})"


def rates(scene: Config) -> str:
    curvature = torch.tensor([1.0, 1.0 if scene.problem == "bowl" else scene.kappa], dtype=torch.float64)
    now = torch.tensor([scene.learning_rate], dtype=torch.float64)
    factors = [f"{METHODS[m]} {float(quadratic.contraction(m, now, curvature, scene.alpha)):.4g}"
               for m in ("sgd", "momentum", "nesterov")]
    return f"Contraction per step against learning rate. At ε = {scene.learning_rate:g}: {', '.join(factors)}."
