"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from core import surfaces
from core.controls import Number
from core.formatting import format_number, format_percent, format_power_of_ten, join_words, table
from core.lessons.optimisers import basins, divergence, quadratic
from core.lessons.optimisers import net as small_net
from core.lessons.optimisers.divergence import format_loss
from core.lessons.optimisers.lesson import (
    FOUR,
    METHODS,
    MOST_ASKED,
    NETWORK_STEPS,
    TOLERANCE,
    Config,
    Result,
    basin_steps,
    stuck,
)
from core.moments import NEVER
from core.question import Challenge, Pick, Verdict

# The order in which methods are asked about, where more are shown than a question can hold.
ASKED = ("sgd", "momentum", "adam", "newton", "lbfgs", "rmsprop", "nesterov", "conjugate_gradient", "adagrad", "damped_newton",
         "adamw", "noisy_sgd")
TIE = 1e-9  # of a loss: a smaller lead is rounding


def summary(result: Result, config: Config) -> str:
    """What the reader should have seen: a verdict and a table, computed from the result."""
    shown = [m for m in result.methods if m in config.methods]
    ran = sum(_has_run(result, result.methods.index(m)) for m in shown)
    if result.arrived_at is None and ran < len(shown):
        return f"**{ran} of the {_methods(len(shown))} {'has' if ran == 1 else 'have'} run so far.**"
    if result.arrived_at is None:
        return f"**{_lowest_loss(result, shown)}**\n\n{_table_of_losses(result, shown)}"
    return f"**{_settling(result, config, shown)}.**\n\n{_table_of_places(result, config, shown)}"


def _lowest_loss(result: Result, shown: Sequence[str]) -> str:
    losses = {m: _final(result, m) for m in shown}
    if min(losses.values()) == torch.inf:
        return "Every shown method ends beyond floating point."
    best = _lowest(losses)
    if len(shown) == 1:
        return f"{METHODS[best[0]]} ends at a loss of {format_loss(losses[best[0]])}."
    return f"{join_words([METHODS[m] for m in best])} {'ends' if len(best) == 1 else 'end'} lowest, at a loss of " \
           f"{format_loss(losses[best[0]])}."


def _table_of_losses(result: Result, shown: Sequence[str]) -> str:
    rows = []
    for m in sorted(shown, key=lambda m: _final(result, m)):
        loss = _final(result, m)
        spent = result.evaluations[-1, result.methods.index(m)]
        rows.append((METHODS[m], format_loss(loss) if loss < torch.inf else "no longer finite",
                     f"{float(spent):,.0f}" if bool(spent.isfinite()) else "stopped"))
    return table(("", f"Loss at step {result.step}", "Gradient evaluations"), rows)


def _settling(result: Result, config: Config, shown: Sequence[str]) -> str:
    """Who settles first, and who does not arrive."""
    assert result.arrived_at is not None
    arrived = {m: int(result.arrived_at[result.methods.index(m)]) for m in shown}
    there = {m: step for m, step in arrived.items() if step != NEVER}
    if not there:
        nobody = f"None of the {_methods(len(shown))} has" if len(shown) > 1 else f"{METHODS[shown[0]]} has not"
        return f"{nobody} settled at a minimum after {result.step} steps"
    first = [m for m in there if there[m] == min(there.values())]
    text = f"{_settle([METHODS[m] for m in first])} at a minimum first, at step {there[first[0]]}"
    if len(shown) == 1:
        return f"{METHODS[first[0]]} has settled at a minimum at step {there[first[0]]}"
    missing = [m for m in shown if m not in there]
    if not missing:
        return text + (f", and all {_methods(len(shown))} arrive" if len(first) < len(shown) else "")
    if len(missing) > 1:
        return f"{text}, and {len(missing)} methods do not arrive"
    place = stuck(result, config).get(missing[0])
    return f"{text}, and {METHODS[missing[0]]} {f'ends at a {place}' if place else 'does not arrive'}"


def _table_of_places(result: Result, config: Config, shown: Sequence[str]) -> str:
    """When each method settles, the first on top, and where it is at the end."""
    assert result.arrived_at is not None and result.left_at is not None
    arrived = {m: int(result.arrived_at[result.methods.index(m)]) for m in shown}
    places, rows = stuck(result, config), []
    for m in sorted(shown, key=lambda m: (arrived[m] == NEVER, arrived[m])):
        where = "at a minimum" if arrived[m] != NEVER else f"at a {places[m]}" if m in places else "elsewhere"
        if m in result.reasons:
            where = f"far off the map from step {int(result.left_at[result.methods.index(m)])} on: {result.reasons[m]}"
        rows.append((METHODS[m], str(arrived[m]) if arrived[m] != NEVER else "–", where))
    return table(("", "Settles at step", f"Place at step {result.step}"), rows)


def _has_run(result: Result, column: int) -> bool:
    return not result.evaluations[1, column].isnan()


def _methods(count: int) -> str:
    return f"{count} methods" if count > 1 else "1 method"


def _settle(names: list[str]) -> str:
    return f"{join_words(names)} settle{'s' * (len(names) == 1)}"


def _final(result: Result, method: str) -> float:
    """The loss at the end, infinite where it is no longer finite."""
    return float(result.losses[-1, result.methods.index(method)].nan_to_num(torch.inf, torch.inf))


def _lowest(rank: Mapping[str, float]) -> tuple[str, ...]:
    """The methods with the lowest value, with those that only rounding keeps apart from it."""
    best = min(rank.values())
    return tuple(m for m in rank if rank[m] == best or rank[m] - best <= TIE * abs(best))


def predict(result: Result, config: Config) -> Pick:
    """Which of the shown methods, at most MOST_ASKED of them, wins; about a single one, whether it settles at all."""
    asked = [m for m in ASKED if m in config.methods][:MOST_ASKED]
    asked = [m for m in METHODS if m in asked]
    arrived = {m: NEVER if result.arrived_at is None else int(result.arrived_at[result.methods.index(m)]) for m in METHODS}
    if len(asked) == 1:
        return _predict_one(result, config, asked[0], arrived[asked[0]])
    options = {m: METHODS[m] for m in asked}
    there = {m: arrived[m] for m in asked if arrived[m] != NEVER}
    rank = there or {m: _final(result, m) for m in asked}
    best = min(rank.values())
    right = _lowest(rank)
    winners = [METHODS[m] for m in right]
    text = "From this start, which of these is first to settle at a minimum? If none does, which ends lowest?"
    if config.problem == "network":
        text = f"After {NETWORK_STEPS} steps on the small net, which of these has the lowest training loss?"
    if there:
        missing = [METHODS[m] for m in asked if m not in there]
        later = sorted(step for step in there.values() if step > best)
        why = f"{_settle(winners)} at step {best:.0f}"
        if missing:
            why += f", and {join_words(missing)} {'does' if len(missing) == 1 else 'do'} not within {result.step} steps"
        elif later:
            why += f", the next at step {later[0]}"
        why += _besides("faster", [m for m in config.methods if NEVER != arrived[m] < best])
        return Pick(text=text, options=options, right=right, why=f"{why}.")
    why = f"{join_words(winners)} {'ends' if len(right) == 1 else 'end'} lowest, at a loss of {format_loss(best)}"
    if best == torch.inf:
        why = "All of them end beyond floating point"
    if config.problem != "network":
        why = f"None of these settles at a minimum in time; {why[0].lower() if best == torch.inf else why[0]}{why[1:]}"
    ahead = {m: _final(result, m) for m in config.methods if m not in options}
    why += _besides("lower", [m for m in ahead if best - ahead[m] > TIE * abs(best)])
    return Pick(text=text, options=options, right=right, why=f"{why}.")


def _besides(word: str, methods: list[str]) -> str:
    verb = "is" if len(methods) == 1 else "are"
    return f"; {word} still, but not asked about, {verb} {join_words([METHODS[m] for m in methods])}" if methods else ""


def _predict_one(result: Result, config: Config, method: str, arrived: int) -> Pick:
    name, before, after = METHODS[method], float(result.losses[0, 0]), _final(result, method)
    if config.problem == "network":
        text, yes = f"Does {name} halve the training loss within {NETWORK_STEPS} steps?", after <= before / 2
    else:
        text, yes = f"Does {name} settle at a minimum within {config.steps} steps?", arrived != NEVER
    why = f"It is there from step {arrived} on."
    if arrived == NEVER and config.problem == "network":
        why = "Its loss ends more than ten times as high as at the start."
        if after < 10 * before:
            why = f"Its loss ends at {_share(after / before)} of what it was at the start."
    elif arrived == NEVER:
        place = stuck(result, config).get(method)
        why = f"It ends at a {place}." if place else f"It ends {_at_loss(after)}."
    return Pick(text=text, options={"yes": "Yes", "no": "No"}, right=("yes" if yes else "no",), why=why)


def _at_loss(value: float) -> str:
    return f"at a loss of {format_loss(value)}" if value < torch.inf else "beyond floating point"


def _share(share: float) -> str:
    return f"less than {format_percent(0.01)}" if share < 0.01 else format_percent(share)


def _check(_: Result, config: Config, answer: float) -> Verdict:
    if config.problem != "ravine":
        return Verdict(False, "This is about the ravine: choose it as the problem first.")
    return divergence.judge(answer, config.kappa, TOLERANCE)


CHALLENGE = Challenge(
    text="Find the largest learning rate ε at which gradient descent still converges on the ravine, at the κ that the page "
    "shows, to within 2 %. A short calculation finds it.",
    check=_check,
    answer=Number(label="Largest ε that converges", low=0.0001, high=4.0, step=0.0001),
    scene=dict(problem="ravine", kappa=50.0, learning_rate=0.02, start_x=-2.5, start_y=1.2, methods=FOUR),
)
ROUNDING = 1e-12  # differences as small as this may be rounding


def _ends(result: Result, scene: Config, values: Tensor, what: str, lowest: float = 0.0) -> str:
    """Who ends lowest and who highest; values [T+1, M]."""
    ends = {METHODS[m]: float(values[-1, k]) - lowest for k, m in enumerate(result.methods)
            if m in scene.methods and _has_run(result, k)}
    known = {name: value for name, value in ends.items() if abs(value) < torch.inf}
    gone = len(ends) - len(known)
    text = f"{what} against step, on a logarithmic scale. "
    down = [name for name, value in known.items() if value <= ROUNDING]
    if known:
        low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        least = f"{join_words(down)} {'is' if len(down) == 1 else 'are'} below {format_power_of_ten(-12)}" if down else (
            f"{low} is {'lowest, ' if len(known) > 1 else ''}at {format_number(known[low], 3)}")
        text += f"At step {result.step} {least}"
        apart = known[high] > max(known[low], ROUNDING)
        text += f", and {high} is highest, at {format_number(known[high], 3)}. " if apart else ". "
    return text + (f"{gone} of {len(ends)} methods end beyond floating point." if gone else "")


def contour(result: Result, scene: Config) -> str:
    return f"Map of the {surfaces.NAMES[scene.problem]} surface with one path a method. {_plain(summary(result, scene))}"


def setup(scene: Config) -> str:
    if scene.problem == "network":
        return f"The {small_net.POINTS} points of two moons that the small net is trained on, in two classes."
    surface = surfaces.surface(scene.problem, scene.kappa)
    count = len(surface.minima)
    return (f"Map of the {surface.name} surface with {count} {'minima' if count > 1 else 'minimum'} and the start at "
            f"({format_number(scene.start_x)}, {format_number(scene.start_y)}).")


def network(result: Result, scene: Config, against: str) -> str:
    return f"Training loss of the small net against {against}, a curve a method. {_plain(summary(result, scene))}"


def _plain(markdown: str) -> str:
    """The verdict without its table."""
    return markdown.split("\n\n")[0].replace("**", "")


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
    shown = [k for k, m in enumerate(result.methods) if m in scene.methods and _has_run(result, k)]
    x, y = result.paths[-1, shown].unbind(-1)
    inside = int(((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1)).sum())
    return (f"The {surface.name} surface in three dimensions. {inside} of {len(shown)} paths end on it; "
            "what goes beyond its edge is not drawn.")


def basin_map(result: Result, scene: Config) -> str:
    assert result.basin is not None
    surface, method = surfaces.surface(scene.problem, scene.kappa), METHODS[scene.basin_of]
    places = {f"are close to the minimum at ({format_number(x, 3)}, "
              f"{format_number(y, 3)})": i for i, (x, y) in enumerate(surface.minima)}
    places |= {"are close to no minimum on the map": basins.NONE, "are far off the map": basins.LEFT}
    parts = {text: float((result.basin == i).double().mean()) for text, i in places.items()}
    told_parts = [f"{'about ' * (part >= 0.01)}{_share(part)} {text}" for text, part in parts.items() if part]
    return f"Of all starts of {method} on the map, after {basin_steps(scene)} steps, " + ", ".join(told_parts) + "."


def effective_step(result: Result, scene: Config) -> str:
    k = result.methods.index(scene.inside)
    ratio = (result.paths[:-1, k] - result.paths[1:, k]) / result.slopes[:, k]
    parts = []
    for name, values in zip(("θ₁", "θ₂"), ratio.unbind(-1), strict=True):
        known = torch.isfinite(values).nonzero().flatten().tolist()
        parts.append(f"in {name} {format_number(values[known[0]], 3)} at step {known[0] + 1} and "
                     f"{format_number(values[known[-1]], 3)} at step "
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
    return f"{name} ends at ({format_number(values[-1, 0], 3)}, {format_number(values[-1, 1], 3)})"


def rates(scene: Config) -> str:
    curvature = torch.tensor([1.0, 1.0 if scene.problem == "bowl" else scene.kappa], dtype=torch.float64)
    now = torch.tensor([scene.learning_rate], dtype=torch.float64)
    factors = [f"{METHODS[m]} {format_number(quadratic.contraction(m, now, curvature, scene.alpha), 4)}"
               for m in ("sgd", "momentum", "nesterov")]
    return f"Contraction per step against learning rate. At ε = {scene.learning_rate:g}: {', '.join(factors)}."
