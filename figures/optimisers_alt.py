"""What the pictures of the race show, in a sentence each, for those who do not see them."""

from __future__ import annotations

import torch
from torch import Tensor

from core import quadratic, surfaces
from core.lessons import optimisers_basins as basins
from core.lessons import optimisers_net as small_net
from core.lessons.optimisers import METHODS, Config, Result, basin_steps, seen
from core.words import listed, power_of_ten, short

ROUNDING = 1e-12  # differences as small as this may be rounding


def _ends(result: Result, scene: Config, values: Tensor, what: str, lowest: float = 0.0) -> str:
    """Who ends lowest and who highest; values [T+1, M]."""
    ends = {METHODS[m]: float(values[-1, k]) - lowest for k, m in enumerate(result.methods) if m in scene.methods}
    known = {name: value for name, value in ends.items() if abs(value) < torch.inf}
    gone = len(ends) - len(known)
    text = f"{what} against step, on a logarithmic scale. "
    down = [name for name, value in known.items() if value <= ROUNDING]
    if known:
        low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        least = f"{listed(down)} {'is' if len(down) == 1 else 'are'} below {power_of_ten(-12)}" if down else (
            f"{low} is lowest, at {short(known[low], 3)}")
        text += f"At step {result.step} {least}"
        text += f", and {high} is highest, at {short(known[high], 3)}. " if known[high] > max(known[low], ROUNDING) else ". "
    return text + (f"{gone} of {len(ends)} methods end beyond floating point." if gone else "")


def contour(result: Result, scene: Config) -> str:
    return f"Map of the {surfaces.NAMES[scene.problem]} surface with one path a method. {_plain(seen(result, scene))}"


def setup(scene: Config) -> str:
    if scene.problem == "network":
        return f"The {small_net.POINTS} points of two moons that the small net is trained on, in two classes."
    surface = surfaces.surface(scene.problem, scene.kappa)
    count = len(surface.minima)
    return (f"Map of the {surface.name} surface with {count} {'minima' if count > 1 else 'minimum'} and the start at "
            f"({short(scene.start_x)}, {short(scene.start_y)}).")


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
    return (f"The {surface.name} surface in three dimensions. {inside} of {len(shown)} paths end on it; "
            "what goes beyond its edge is not drawn.")


def basin_map(result: Result, scene: Config) -> str:
    assert result.basin is not None
    surface, method = surfaces.surface(scene.problem, scene.kappa), METHODS[scene.basin_of]
    places = {f"are close to the minimum at ({short(x, 3)}, {short(y, 3)})": i for i, (x, y) in enumerate(surface.minima)}
    places |= {"are close to no minimum on the map": basins.NONE, "are far off the map": basins.LEFT}
    parts = {text: float((result.basin == i).double().mean()) for text, i in places.items()}
    told_parts = [f"{f'about {part:.0%}' if part >= 0.01 else 'less than 1%'} {text}" for text, part in parts.items() if part]
    return f"Of all starts of {method} on the map, after {basin_steps(scene)} steps, " + ", ".join(told_parts) + "."


def effective_step(result: Result, scene: Config) -> str:
    k = result.methods.index(scene.inside)
    ratio = (result.paths[:-1, k] - result.paths[1:, k]) / result.slopes[:, k]
    parts = []
    for name, values in zip(("θ₁", "θ₂"), ratio.unbind(-1), strict=True):
        known = torch.isfinite(values).nonzero().flatten().tolist()
        parts.append(f"in {name} {short(values[known[0]], 3)} at step {known[0] + 1} and {short(values[known[-1]], 3)} at step "
                     f"{known[-1] + 1}" if known else f"in {name} never defined, for want of a slope")
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
    return f"{name} ends at ({short(values[-1, 0], 3)}, {short(values[-1, 1], 3)})"


def rates(scene: Config) -> str:
    curvature = torch.tensor([1.0, 1.0 if scene.problem == "bowl" else scene.kappa], dtype=torch.float64)
    now = torch.tensor([scene.learning_rate], dtype=torch.float64)
    factors = [f"{METHODS[m]} {short(quadratic.contraction(m, now, curvature, scene.alpha), 4)}"
               for m in ("sgd", "momentum", "nesterov")]
    return f"Contraction per step against learning rate. At ε = {scene.learning_rate:g}: {', '.join(factors)}."
