"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_percent, table
from core.lessons.noise.data import KINDS, POINTS, SEEDS, STRENGTHS
from core.lessons.noise.judging import COPIES, largest_probability, optimal_gap
from core.lessons.noise.lesson import Config, Result
from core.question import Amount, Challenge, Verdict

ENOUGH = SEEDS - 1  # seeds on which the challenge asks noise to help


def percent(part: float | Tensor) -> str:
    """A part of one as a whole percentage; 100 % is said of all only."""
    part = float(part)
    return f"more than {format_percent(0.99)}" if 0.995 <= part < 1 else format_percent(part)


def said_by_labels(scene: Config) -> float:
    """The right class's share of the most smoothed label."""
    return float(largest_probability(scene.labels, scene.classes))


def summary(result: Result, scene: Config) -> str:
    """What this run shows at the largest strengths: a sentence and a table."""
    sure, slopes, weights, test = (values.mean(-1) for values in (
        result.classes.sure, result.curve.slope_inputs, result.curve.slope_weights, result.curve.test))
    rows = [["no noise", "σ = 0", *_row(slopes[0, 0], weights[0, 0], test[0, 0])]]
    rows += [[f"noise on {kind}", f"σ = {format_number(result.sigma[k, -1])}", *_row(slopes[k, -1], weights[k, -1], test[k, -1])]
             for k, kind in enumerate(KINDS)]
    columns = ["", "strength", "squared slope in the inputs", "in the weights", "distance from the curve"]
    return (f"**Trained on the most smoothed labels, the net is {percent(sure[-1])} sure of its answers on average, where the "
            f"label says {percent(said_by_labels(scene))}.**\n\n{table(columns, rows)}")


def _row(*values: Tensor) -> list[str]:
    return [format_number(v) for v in values]


def predict(result: Result, scene: Config) -> Amount:
    """The largest probability that a net should output that learns from smoothed labels."""
    share = said_by_labels(scene)
    return Amount(
        text=f"The labels of K = {scene.classes} classes are smoothed with ε = {scene.labels:g}: that part of each "
             f"label is taken "
             "from the right class and spread evenly over all K classes, the right one included. What is the largest "
             "probability that a net should output?",
        low=0, high=100, step=1, truth=100 * share, within=2, unit="\u00a0%",
        why=f"The right class keeps 1 − ε and gets back its part ε/K, and after {_updates(result)} the net is "
            f"{percent(result.classes.sure[-1].mean())} sure on average.")


def _updates(result: Result) -> str:
    return "training" if result.step else "no update yet"


def closer(result: Result) -> tuple[int, int]:
    """On how many seeds noise of the largest strength brings the net closer to the curve: on inputs, on weights."""
    on_inputs, on_weights = ((test[-1] < test[0]).sum() for test in result.curve.test)
    return int(on_inputs), int(on_weights)


def _closer(result: Result, _: Config, __: None) -> Verdict:
    on_inputs, on_weights = closer(result)
    return Verdict(
        min(on_inputs, on_weights) >= ENOUGH, f"At its largest strength noise on inputs brings the net closer to the curve on "
        f"{on_inputs} of {SEEDS} seeds, noise on weights on {on_weights} of {SEEDS}.")


CHALLENGE = Challenge(text="Find a scene in which noise on inputs and noise on weights, each at its largest strength, "
                           "both bring the "
                      f"net closer to the curve than no noise does, on at least {ENOUGH} of {SEEDS} seeds.", check=_closer)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence. What moves with the player is told at the strength where it stands."""
    level = min(scene.level, STRENGTHS - 1)
    sigma, epsilon = result.sigma[:, level], float(result.epsilon[level])
    at = f"ε = {format_number(epsilon)}" if level else "ε = 0"
    gap, sure = result.classes.gap.mean(-1), result.classes.sure.mean(-1)
    ideal = f"the optimum's is {format_number(optimal_gap(epsilon, scene.classes), 3)}" if level else "there is no optimum"
    return {
        "setup": f"{POINTS} training samples of {scene.classes} classes in the plane, a symbol for each class.",
        "sure": f"Largest probability on the training samples, mean of {SEEDS} seeds: {percent(sure[level])} at {at}, where the "
                f"label says {percent(largest_probability(epsilon, scene.classes))}; {percent(sure[0])} without smoothing.",
        "gap": f"Logit of the right class less that of another at {at}: {format_number(gap[level], 3)}, {ideal}; "
               f"{format_number(gap[0], 3)} without smoothing.",
        "sheet": f"How sure the net of the first seed is over the plane: between "
                 f"{percent(result.classes.sheet[level].min())} and "
                 f"{percent(result.classes.sheet[level].max())} at {at}.",
        "tested": f"Cross-entropy on the test set: {format_number(result.classes.nll[0].mean())} nats without smoothing, "
                  f"{format_number(result.classes.nll[-1].mean())} at the most, with "
                  f"{percent(result.classes.error[0].mean())} and "
                  f"{percent(result.classes.error[-1].mean())} of the answers wrong.",
        **_of_curve(result, scene, sigma, level), **_of_linear(result, level), **_of_small(result, scene)}


def _of_curve(result: Result, scene: Config, sigma: Tensor, level: int) -> dict[str, str]:
    curve = result.curve
    first = curve.test[:, level, 0]
    slopes, weights, test = (v.mean(-1) for v in (curve.slope_inputs, curve.slope_weights, curve.test))
    better = closer(result)
    objective = [format_number(v) for v in (result.objective[-1, 0, 0].mean(), *result.objective[-1, :, -1].mean(-1))
                 ] if len(result.recorded) else []
    return {
        "fits": f"Three fits to {scene.samples} samples of a curve. The first seed's net is "
                f"{format_number(curve.test[0, 0, 0])} from "
                f"the curve without noise, {format_number(first[0])} with noise of σ = {format_number(sigma[0])} on inputs and "
                f"{format_number(first[1])} with σ = {format_number(sigma[1])} on weights.",
        "flat": f"Mean squared slope of the output in the input: {format_number(slopes[0, 0])} without noise, "
                f"{format_number(slopes[0, -1])} with noise of σ = {format_number(result.sigma[0, -1])} on inputs. That "
                f"of the linear "
                f"model, ‖w‖², is {format_number(result.linear.w_ridge[0, 0].square().sum())} and "
                f"{format_number(result.linear.w_ridge[-1, 0].square().sum())}.",
        "steady": f"Mean squared slope of the output in weights and biases: {format_number(weights[1, 0])} without noise, "
                  f"{format_number(weights[1, -1])} with noise of σ = {format_number(result.sigma[1, -1])} on them. That of the "
                  f"linear model is {format_number(result.linear.weight_slope)} whatever its weights.",
        "distance": f"Distance from the curve, mean of {SEEDS} seeds: {format_number(test[0, 0])} without noise, at the largest "
                    f"strengths {format_number(test[0, -1])} with noise on inputs, closer on {better[0]} of {SEEDS} seeds, and "
                    f"{format_number(test[1, -1])} with noise on weights, closer on {better[1]}.",
        "training": f"Squared error with noise after {result.step} updates: {objective[0]} without noise, "
                    f"{objective[1]} with most "
                    f"noise on inputs, {objective[2]} with most on weights." if objective else "No update has been done yet.",
    }


def _of_linear(result: Result, level: int) -> dict[str, str]:
    linear = result.linear
    apart = (linear.w[:, 0] - linear.w_ridge[:, 0]).abs().max()
    one, many = linear.off[0, -1].mean(), linear.off[-1, -1].mean()
    rise = linear.added[:, level, -1]
    return {
        "paths": f"{linear.w.shape[-1]} weights of the linear model against σ: fitted to {COPIES[-1]} noisy copies of "
                 f"the samples they "
                 f"are at most {format_number(apart)} from those of ridge with penalty σ².",
        "polynomial": f"The linear model with noise of σ = {format_number(result.sigma[0, level])} on its inputs, and "
                      f"ridge: at most "
                      f"{format_number((linear.fit[level] - linear.fit_ridge[level]).abs().max())} apart.",
        "copies": f"Distance of the weights from those of ridge, in units of their norm: {format_number(one)} for one "
                  f"noisy copy, "
                  f"{format_number(many)} for {COPIES[-1]}.",
        "added": f"What noise adds to the linear model's objective at {format_number(linear.factors[-1])} times the "
                 f"weights of least "
                 f"squares: {_amount(rise[0])} on inputs, {_amount(rise[1])} on weights, the latter the same for all weights.",
        "answers": f"Outputs of the linear model with labels smoothed by ε = {format_number(result.epsilon[level])} "
                   f"against those "
                   f"without, on {POINTS} samples: on the line (1 − ε) f + ε/K.",
    }


def _amount(value: Tensor) -> str:
    """What noise adds; what rounding leaves of nothing is nothing."""
    return format_number(value if abs(float(value)) > 1e-12 else 0)


def _of_small(result: Result, _: Config) -> dict[str, str]:
    small = result.small
    if small is None:
        return dict.fromkeys([f"small-{kind}" for kind in KINDS], "Measured once training is done.")
    limit = small.slope.mean(-1)
    found = small.measured.mean(-1)
    return {f"small-{kind}": f"What noise of σ = {format_number(result.sigma[k, -1])} on {kind} adds to the squared "
                             f"error of the net "
            f"trained without: {format_number(found[k, -1])}; σ² times its slope is "
            f"{format_number(limit[k] * result.sigma[k, -1] ** 2)}." for k, kind in enumerate(KINDS)}
