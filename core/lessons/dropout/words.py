"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.data.toys import count_flipped
from core.formatting import format_number, format_part, format_percent, table
from core.lessons.dropout import thinning
from core.lessons.dropout.lesson import SEEDS, Config, Result
from core.lessons.dropout.probes import SHARES
from core.question import Challenge, Pick, Verdict

DRAWN = 12  # units of a hidden layer in the diagram, where more would hide which are dropped
TIE = 1.02  # two losses within this factor are called equal
LESS = 0.75  # of the test loss without dropout: what the challenge asks for


def things(result: Result, count: int = 2) -> str:
    """What the samples are called: digits or points."""
    return ("point" if result.plane else "digit") + "s" * (count != 1)


def shown(width: int) -> str:
    """How many of the units of a hidden layer the diagram draws."""
    return "All" if width <= DRAWN else f"The first {DRAWN}"


def last_losses(result: Result, rate: int) -> tuple[float, float, float]:
    """Means of the seeds in nats: of training with masks on (the newest updates), of training with masks off, of the test."""
    masked, plain, test = (float(loss[-1, rate].double().mean())
                           for loss in (result.masked_loss, result.train_loss, result.test_loss))
    return masked, plain, test


def relation(result: Result) -> str:
    """Where the training loss with masks on lies for the test loss: above, below or equal to it."""
    masked, _, test = last_losses(result, result.own)
    if max(masked, test) <= TIE * min(masked, test):
        return "equal"
    return "above" if masked > test else "below"


def summary(result: Result, config: Config) -> str:  # noqa: ARG001
    """What this run shows: a sentence and a table."""
    masked, _, test = last_losses(result, result.own)
    seen = {"above": "above", "below": "below", "equal": "about at"}[relation(result)]
    rows = [[f"p = {result.rates[a]:g}", *(format_number(loss) for loss in last_losses(result, a)),
             format_part(result.test_error[-1, a].double().mean())] for a in (0, result.own)]
    columns = ["loss (nats)", "training, units dropped", "training, full net", "test, full net", "wrong on the test set"]
    return (f"**With units dropped the training loss is {format_number(masked)} nats, {seen} the test loss of "
            f"{format_number(test)}.**\n\n{table(columns, rows)}")


def title(result: Result) -> str:
    """Of the picture that answers the question."""
    where = {"above": "above", "below": "below", "equal": "near"}[relation(result)]
    return f"Units dropped: training loss ends {where} test loss"


def predict(result: Result, config: Config) -> Pick:
    """Whether the training loss with masks on lies above or below the test loss."""
    masked, full, test = last_losses(result, result.own)
    found = relation(result)
    why = (f"With units dropped the training loss is that of thinned nets, {format_number(masked)} nats; the test loss is that "
           f"of the full net, {format_number(test)}")
    harder = {"above": f"to lose units costs more here than to meet new {things(result)}.",
              "equal": f"to lose units costs about as much here as to meet new {things(result)}.",
              "below": f"to meet new {things(result)} costs more here than to lose units."}[found]
    if found == "above" and full > test:
        flipped = count_flipped(result.data.y.shape[1], config.corrupt / 100)
        wrong = f", where {'a label is' if flipped == 1 else 'some labels are'} wrong" if flipped else ""
        harder = f"even the full net ends above it on the training {things(result)}{wrong}."
    return Pick(
        text=f"Every hidden unit is dropped with probability p = {config.p:g}. The training loss is that of the thinned nets, "
             "the test loss that of the full net. Where does the training loss end?",
        options={"above": "Above the test loss", "below": "Below the test loss"},
        right=("above", "below") if found == "equal" else (found,), why=f"{why}: {harder}")


def _helps(result: Result, config: Config, _: None) -> Verdict:
    """Judges the run on the page: on how many seeds dropout makes the test loss smaller by a quarter."""
    with_it, without = result.test_loss[-1, result.own], result.test_loss[-1, 0]
    better = int((with_it <= LESS * without).sum())
    means = [format_number(loss.double().mean()) for loss in (with_it, without)]
    return Verdict(better == SEEDS, f"At p = {config.p:g} the test loss is {means[0]} nats, without dropout {means[1]}, means of "
                   f"{SEEDS} seeds; it is smaller by a quarter or more on {better} of them.")


CHALLENGE = Challenge(text=f"Dropout does not always help. Find a scene in which it makes the test loss smaller by at least "
                      f"a quarter on all {SEEDS} seeds.", check=_helps)


def size_of_weights(result: Result, scene: Config) -> tuple[float, float]:
    """Root mean square of the first layer's weights of the drawn nets: without dropout, and with it."""
    first = result.mlp.sizes[0] * scene.width  # in the order of the layout
    plain, own = (float(theta[-1, :first].double().square().mean().sqrt())
                  for theta in (result.frames.plain, result.frames.theta))
    return plain, own


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    masked, plain, test = (format_number(loss) for loss in last_losses(result, result.own))
    frames, p, at = result.frames, f"p = {scene.p:g}", result.step
    by_rate = ", ".join(f"{format_number(last_losses(result, a)[2])} at {rate:g}" for a, rate in enumerate(result.rates))
    dropped = " and ".join(str(int((mask[-1] == 0).sum())) for mask in frames.masks)
    of, ridge = result.averages, result.ridge
    off = float((ridge.measured - _at_fitted(result)).abs().max())
    thinned, full = (float(part.double().mean()) for part in (of.averaged[-1], of.scaled))
    last = result.names[int(frames.label[-1])]
    return {
        **(_in_the_plane(result, p) if result.plane else _of_digits(result, scene, p)),
        "curves": f"Losses after {at} updates at {p}: training with units dropped {masked} nats, training of the full net "
                  f"{plain}, test {test}; means of {SEEDS} seeds.",
        "diagram": f"The net at update {frames.update[-1]}, for a {things(result, 1)} labelled {last}: {dropped} of "
                   f"{scene.width} units a hidden layer are dropped. {shown(scene.width)} of a layer are drawn.",
        "byp": f"Losses after {at} updates by drop probability p. Test loss in nats: {by_rate}.",
        "scaling": _scaling(result),
        "through": f"Test loss through training, a line for each p; after {at} updates {by_rate}.",
        "lesion": _lesion(result, p),
        "agreement": f"Probability of the class that weight scaling names: {format_part(full)} by weight scaling on average, "
                     f"{format_part(thinned)} by the mean of {of.counts[-1]:,} thinned nets.",
        "moments": "Masks that trained: " + ", ".join(
            f"at p = {rate:g} mean {format_number(mean, 3)} and variance {format_number(variance)} where p/(1 − p) is "
            f"{format_number(thinning.mask_variance(rate))}"
            for rate, mean, variance in zip(result.rates, result.mask_mean, result.mask_variance, strict=True)) + ".",
        "ridge": "Ten weights of a linear regression for p from 0 on; those from thinned data are at most "
                 f"{format_number(off)} from the closed form.",
    }


def _of_digits(result: Result, scene: Config, p: str) -> dict[str, str]:
    size = [format_number(v) for v in size_of_weights(result, scene)]
    return {
        "setup": "Some of the training digits of 8 × 8 pixels, each with the label that the nets are given.",
        "features-without": f"Weights of {scene.width} units of the first layer without dropout, of typical size {size[0]}.",
        "features-with": f"Weights of {scene.width} units of the first layer at {p}, of typical size {size[1]}.",
    }


def _in_the_plane(result: Result, p: str) -> dict[str, str]:
    wrong = [format_part(result.test_error[-1, a, 0]) for a in (0, result.own)]
    counts = " and ".join(f"{int((result.data.y[0] == c).sum())} of class {name}" for c, name in enumerate(result.names))
    units = f"What each of {result.mlp.sizes[-2]} units of the last hidden layer hands on over the plane"
    says = f"P(class {result.names[1]}) over the plane, with the training points"
    return {
        "setup": f"{result.data.y.shape[1]} training points in the plane with the classes that the nets are given: {counts}.",
        "features-without": f"{units}, without dropout.", "features-with": f"{units}, at {p}.",
        "plane-without": f"{says}, by the net without dropout, which is wrong on {wrong[0]} of the test points.",
        "plane-with": f"{says}, by the full net at {p}, which is wrong on {wrong[1]} of the test points.",
    }


def _at_fitted(result: Result) -> Tensor:
    """The closed form at the rates that were fitted, [G, D]."""
    ridge = result.ridge
    return ridge.theory[[int((ridge.p - p).abs().argmin()) for p in ridge.fitted]]


def _scaling(result: Result) -> str:
    of = result.averages
    parts = [("linear regression", of.line), ("one softmax layer, geometric mean", of.layer),
             ("one softmax layer, arithmetic mean", of.layer_arithmetic), ("deep net, geometric mean", of.deep),
             ("deep net, arithmetic mean", of.deep_arithmetic)]
    said = "; ".join(f"{name} {format_part(v[-1] / v[0])}" for name, v in parts if v is not None and v[0] > 0)
    return (f"Distance of the mean of {of.counts[-1]:,} thinned nets from weight scaling, in parts of that of one thinned net: "
            f"{said}.")


def _lesion(result: Result, p: str) -> str:
    which = SHARES.index(0.4)
    without, with_it = (format_part(result.lesion[which, k].double().mean()) for k in (0, 1))
    return (f"Test error by share of hidden units removed: with {format_percent(SHARES[which])} of them gone the nets trained "
            f"without dropout err on {without}, those trained at {p} on {with_it}.")
