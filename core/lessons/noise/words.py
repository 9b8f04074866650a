"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_part, format_percent, table
from core.lessons.noise.data import KINDS, SEEDS, STRENGTHS
from core.lessons.noise.judging import COPIES, largest_probability, optimal_gap
from core.lessons.noise.lesson import Config, Result
from core.question import Amount, Challenge, Verdict

CLOSE = 0.02  # probabilities that are called equal
SEEN = 0.03  # the least range of probabilities that is seen as a band
ENOUGH = SEEDS - 1  # seeds on which the challenge asks noise to help


def said_by_labels(scene: Config) -> float:
    """The right class's share of the most smoothed label."""
    return float(largest_probability(scene.labels, scene.K))


def goal(result: Result) -> str:
    """What the net that learns numbers is compared with."""
    return "the classes of new samples" if result.own else "the curve"


def summary(result: Result, scene: Config) -> str:
    """What this run shows at the largest strengths: a sentence and a table."""
    sure, slopes, weights, test = (values.mean(-1) for values in (
        result.classes.sure, result.numbers.slope_inputs, result.numbers.slope_weights, result.numbers.test))
    rows = [["none", "0", *_row(slopes[0, 0], weights[0, 0], test[0, 0])]]
    rows += [[f"on {kind}", format_number(result.sigma[k, -1]), *_row(slopes[k, -1], weights[k, -1], test[k, -1])]
             for k, kind in enumerate(KINDS)]
    columns = ["noise", "σ", "slope² in inputs", "in weights", f"off {'new samples' if result.own else 'the curve'}"]
    parts = float(sure[-1]), said_by_labels(scene)
    # Parts that lie side by side are not told as two by rounding.
    net, label = map(format_part, parts)
    if net != label and abs(parts[0] - parts[1]) < 0.005 and 0.01 < min(parts) and max(parts) < 0.99:
        net, label = (format_percent(part, 1) for part in parts)
    return (f"**Trained on the most smoothed labels, the net is {net} sure of its answers on average, where the label says "
            f"{label}.**\n\n{table(columns, rows)}")


def _row(*values: Tensor) -> list[str]:
    return [format_number(v) for v in values]


def sureness(result: Result, scene: Config) -> str:
    """The title of the picture that answers the question: how sure the net is beside what its labels say, over all strengths."""
    over = result.classes.sure.mean(-1) - largest_probability(result.epsilon, scene.K)
    more, less = (bool((sign * over > CLOSE).any()) for sign in (1, -1))
    if more == less:
        return "How sure the net is, and its labels" if more else "As sure as its labels say"
    return "Surer than its labels say" if more else "No surer than its labels say"


def seeds_apart(result: Result) -> str:
    """What the band of the net's sureness is, or that it is too narrow to be seen, as a sentence."""
    apart = float((result.classes.sure.amax(-1) - result.classes.sure.amin(-1)).max())
    if apart > SEEN:
        return f"Line and band: mean and range of {SEEDS} seeds."
    return f"Line: mean of {SEEDS} seeds, at most {format_percent(SEEN)} apart on this axis."


def predict(result: Result, scene: Config) -> Amount:
    """The largest probability that a net should output that learns from smoothed labels."""
    share = said_by_labels(scene)
    return Amount(
        text=f"The labels of K = {scene.K} classes are smoothed with ε = {scene.labels:g}: that part of each label is taken from "
             "the right class and spread evenly over all K classes, the right one included. What is the largest probability "
             "that a net should output?",
        low=0, high=100, step=1, truth=100 * share, within=2, unit="\u00a0%",
        why=f"The right class keeps 1 − ε and gets back its part ε/K, and after {_updates(result)} the net is "
            f"{format_part(result.classes.sure[-1].mean())} sure on average.")


def _updates(result: Result) -> str:
    return "training" if result.step else "no update yet"


def closer(result: Result) -> tuple[int, int]:
    """On how many seeds noise of the largest strength brings the net closer to its goal: on inputs, on weights."""
    on_inputs, on_weights = ((test[-1] < test[0]).sum() for test in result.numbers.test)
    return int(on_inputs), int(on_weights)


def _closer(result: Result, _: Config, __: None) -> Verdict:
    on_inputs, on_weights = closer(result)
    return Verdict(
        min(on_inputs, on_weights) >= ENOUGH, f"At its largest strength noise on inputs brings the net closer to {goal(result)} "
        f"on {on_inputs} of {SEEDS} seeds, noise on weights on {on_weights} of {SEEDS}.")


CHALLENGE = Challenge(text="Find a scene in which noise on inputs and noise on weights, each at its largest strength, both bring "
                           "the net closer to the curve (on your own points: to the classes of new samples) than no noise does, "
                           f"on at least {ENOUGH} of {SEEDS} seeds.", check=_closer)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence. What moves with the player is told at the strength where it stands."""
    level = min(scene.level, STRENGTHS - 1)
    epsilon = float(result.epsilon[level])
    at = f"ε = {format_number(epsilon)}" if level else "ε = 0"
    gap, sure = result.classes.gap.mean(-1), result.classes.sure.mean(-1)
    ideal = f"the optimum's is {format_number(optimal_gap(epsilon, scene.K), 3)}" if level else "there is no optimum"
    sheet, nll, error = result.classes.sheet[level], result.classes.nll.mean(-1), result.classes.error.mean(-1)
    which = f"{result.own.names[0]} and {result.own.names[1]}" if result.own else f"{scene.K} classes"
    return {
        "setup": f"{result.given.shape[1]} training samples of {which} in the plane, a symbol for each class.",
        "sure": f"Largest probability on the training samples, mean of {SEEDS} seeds: {format_part(sure[level])} at "
                f"{at}, where the "
                f"label says {format_part(largest_probability(epsilon, scene.K))}; {format_part(sure[0])} without smoothing.",
        "gap": f"Logit of the right class less that of another at {at}: {format_number(gap[level], 3)}, {ideal}; "
               f"{format_number(gap[0], 3)} without smoothing.",
        "sheet": f"How sure the net of the first seed is over the plane: between {format_part(sheet.min())} and "
                 f"{format_part(sheet.max())} at {at}.",
        "tested": f"Cross-entropy on the test set: {format_number(nll[0])} nats without smoothing, {format_number(nll[-1])} at "
                  f"the most, with {format_part(error[0])} and {format_part(error[-1])} of the answers wrong.",
        **_of_numbers(result, level), **_of_linear(result, level), **_of_small(result)}


def _of_numbers(result: Result, level: int) -> dict[str, str]:
    found, sigma = result.numbers, result.sigma
    (a, b), (most_a, most_b) = ([format_number(s) for s in sigma[:, at]] for at in (level, -1))
    none, on_inputs, on_weights = (format_number(v) for v in (found.test[0, 0, 0], *found.test[:, level, 0]))
    slopes, weights, test = (v.mean(-1) for v in (found.slope_inputs, found.slope_weights, found.test))
    fitted = [format_number(result.linear.w_ridge[at, 0].square().sum()) for at in (0, -1)]
    better = closer(result)
    objective = [format_number(v) for v in (result.objective[-1, 0, 0].mean(), *result.objective[-1, :, -1].mean(-1))
                 ] if len(result.recorded) else []
    what = f"{result.y.shape[1]} samples of {'two classes, as −1 and 1' if result.own else 'a curve'}"
    return {
        "fits": f"Three fits to {what}. The first seed's net is {none} from {goal(result)} without noise, {on_inputs} with noise "
                f"of σ = {a} on inputs and {on_weights} with σ = {b} on weights.",
        "flat": f"Mean squared slope of the output in the inputs: {format_number(slopes[0, 0])} without noise, "
                f"{format_number(slopes[0, -1])} with noise of σ = {most_a} on inputs. That of the linear model, ‖w‖², is "
                f"{fitted[0]} and {fitted[1]}.",
        "steady": f"Mean squared slope of the output in weights and biases: {format_number(weights[1, 0])} without noise, "
                  f"{format_number(weights[1, -1])} with noise of σ = {most_b} on them. That of the linear model is "
                  f"{format_number(result.linear.weight_slope)} whatever its weights.",
        "distance": f"Distance from {goal(result)}, mean of {SEEDS} seeds: {format_number(test[0, 0])} without noise, at the "
                    f"largest strengths {format_number(test[0, -1])} with noise on inputs, closer on {better[0]} of {SEEDS} "
                    f"seeds, and {format_number(test[1, -1])} with noise on weights, closer on {better[1]}.",
        "training": f"Squared error with noise after {result.step} updates: {objective[0]} without noise, {objective[1]} with "
                    f"most noise on inputs, {objective[2]} with most on weights."
        if objective else "No update has been done yet.",
    }


def _of_linear(result: Result, level: int) -> dict[str, str]:
    linear = result.linear
    apart = format_number((linear.w[:, 0] - linear.w_ridge[:, 0]).abs().max())
    drawn = format_number((linear.fit[level] - linear.fit_ridge[level]).abs().max())
    one, many = (format_number(linear.off[at, -1].mean()) for at in (0, -1))
    rise = linear.added[:, level, -1]
    sigma, epsilon = format_number(result.sigma[0, level]), format_number(result.epsilon[level])
    return {
        "paths": f"{linear.w.shape[-1]} weights of the linear model against σ: fitted to {COPIES[-1]} noisy copies of the "
                 f"samples they are at most {apart} from those of ridge with penalty σ².",
        "polynomial": f"The linear model with noise of σ = {sigma} on its inputs, and ridge: at most {drawn} apart.",
        "copies": f"Distance of the weights from those of ridge, in units of their norm: {one} for one noisy copy, {many} for "
                  f"{COPIES[-1]}.",
        "added": f"What noise adds to the linear model's objective at {format_number(linear.factors[-1])} times the weights of "
                 f"least squares: {_amount(rise[0])} on inputs, {_amount(rise[1])} on weights, the latter whatever the weights.",
        "answers": f"Outputs of the linear model with labels smoothed by ε = {epsilon} against those without, on "
                   f"{linear.plain.shape[1]} samples: on the line (1 − ε) f + ε/K.",
    }


def _amount(value: Tensor) -> str:
    """What noise adds; what rounding leaves of nothing is nothing."""
    return format_number(value if abs(float(value)) > 1e-12 else 0)


def _of_small(result: Result) -> dict[str, str]:
    small = result.small
    if small is None:
        return dict.fromkeys([f"small-{kind}" for kind in KINDS], "Measured once training is done.")
    found, limit = small.measured.mean(-1)[:, -1], small.limit.mean(-1) * result.sigma[:, -1] ** 2
    return {f"small-{kind}": f"What noise of σ = {format_number(result.sigma[k, -1])} on {kind} adds to the squared error of the "
                             f"net trained without: {format_number(found[k])}; the expansion to σ²: {format_number(limit[k])}."
            for k, kind in enumerate(KINDS)}
