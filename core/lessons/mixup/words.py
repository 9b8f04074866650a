"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from torch import Tensor

from core.formatting import format_number, format_part, format_percent, table
from core.lessons.mixup.augmentation import beta_variance
from core.lessons.mixup.lesson import ARMS, MONTAGE, PLACES, SEEDS, SINGLE, Config, Result, confidence_at_half, pair
from core.question import Amount, Challenge, Verdict

RARE = 0.1  # part of the λ from 0.1 to 0.9 below which mixed labels are no reason for doubt


def rate(part: float | Tensor) -> str:
    """An error as a percentage to three digits."""
    return f"{format_number(100 * part, 3)}\u00a0%"


def wrong_labels(result: Result) -> int:
    """How many of the labels that the nets of the first seed are given are wrong."""
    return int((result.data.given[0] != result.data.true[0]).sum())


def summary(result: Result, _: Config) -> str:
    """What this run shows: a sentence and a table."""
    sure = [format_part(part) for part in confidence_at_half(result)]
    fits, misses = result.train_error[-1].mean(-1), result.test_error[-1]
    ece = result.ece.mean(-1)
    rows = [[name, sure[k], format_part(fits[k]), rate(misses[k].mean()), rate(ece[k])]
            for k, name in enumerate(("Ordinary training", "Mixup"))]
    columns = ["", "sure half-way", "wrong on given labels", "wrong on the test set", "calibration error"]
    return (f"**Half-way between two classes a net is {sure[1]} sure of its answer after mixup and {sure[0]} after ordinary "
            f"training.**\n\n{table(columns, rows)}")


def predict(result: Result, config: Config) -> Amount:
    """How sure mixup leaves a net half-way between two classes."""
    erm, mixup = confidence_at_half(result).tolist()
    between = float(((result.shares > 0.1) & (result.shares < 0.9)).float().mean())
    if mixup >= erm - 0.01:
        reason = "in this run mixup does not make it less sure."
    elif between < RARE:
        reason = ("hardly a label is mixed; those that are ask for doubt, and batches hold some samples twice and others not at "
                  "all.")
    else:
        reason = "mixed labels ask for doubt between the classes."
    return Amount(
        text=f"Two test samples are of different classes. At the point half-way between them the mixed label says "
             f"{format_percent(0.5)} for each. How sure of its answer is a net that was trained with mixup (mixing strength "
             f"α = {config.alpha:g}), on average?",
        low=100 / result.data.classes, high=100, step=1, truth=100 * mixup, within=6, unit="\u00a0%",
        why=f"Mixup leaves it {format_part(mixup)} sure, ordinary training {format_part(erm)}: {reason}")


def _harm(result: Result, config: Config, _: None) -> Verdict:
    """Judges the run on the page: on how many seeds mixup errs more often than ordinary training."""
    erm, mixup = result.test_error[-1]
    worse = int((mixup > erm).sum())
    return Verdict(worse == SEEDS, f"After {result.step} updates with mixing strength α = {config.alpha:g} mixup errs on "
                   f"{rate(mixup.mean())} of the test set and ordinary training on {rate(erm.mean())}; mixup is "
                   f"worse on {worse} of {SEEDS} seeds.")


CHALLENGE = Challenge(text=f"No regulariser helps everywhere. Find a scene in which mixup makes more test errors than ordinary "
                      f"training on all {SEEDS} seeds.", check=_harm)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    i, j = pair(scene, result.uploaded)
    moons, half, count = scene.planar, PLACES // 2, result.data.x.shape[-1]
    sure, own, steep = result.sure.mean(-1), result.own[:, :, :SINGLE], result.slope.mean(-1)
    ends = sure[:, [0, -1]].mean(1)
    train, test = (e.mean(-1) for e in (result.train_error[-1], result.test_error[-1]))
    confident = (result.curve.confidence.nan_to_num() * result.curve.count).sum(-1) / result.curve.count.sum(-1)
    loss = [format_number(value, 3) for value in result.batch_loss[-min(10, result.step):].mean((0, 2))]
    jumps = [format_number((own[k, 1:] - own[k, :-1]).abs().amax(0).mean()) for k in range(len(ARMS))]
    alpha = f"Beta({scene.alpha:g}, {scene.alpha:g})"
    better, worse = (int((sign * result.test_error[-1].diff(dim=0) < 0).sum()) for sign in (1, -1))
    given = wrong_labels(result)
    wrong = f"{given} of {count} training labels are wrong" if given else "no training label is wrong"
    return {
        "setup": "Two test samples of different classes, and the point half-way between them" +
                 (f", among {count} training samples of two classes in the plane." if moons else
                  ": two handwritten digits and their mean."),
        "pictures": f"The picture λ {i.label} + (1 − λ) {j.label}, beside the two it is made of.",
        "label": f"Bars of the mixed label: λ for {i.label}, 1 − λ for {j.label}.",
        "beta": f"Histogram of {len(result.shares)} draws of λ, mean {format_number(result.shares.mean())}, standard deviation "
                f"{format_number(result.shares.std())}; that of {alpha} is {format_number(beta_variance(scene.alpha) ** 0.5)}.",
        "between": f"{count} mixed points of the plane that wander from one training sample to another as λ moves, over "
                   f"{result.mixed_x.shape[1]} points that training drew." if moons else
                   f"{MONTAGE[0] * MONTAGE[1]} digits, each a mixture of two training digits.",
        **{f"surface-{arm}": _surface(result, k, moons) for k, arm in enumerate(ARMS)},
        "confidence": f"Confidence along segments between two classes. Half-way ordinary training is "
                      f"{format_part(sure[0, half])} "
                      f"sure and mixup {format_part(sure[1, half])}; at the ends {format_part(ends[0])} and "
                      f"{format_part(ends[1])}.",
        "profile": f"Probability of one end's class along {SINGLE} segments. Its largest change over a twentieth of the way is "
                   f"{jumps[0]} on average with ordinary training and {jumps[1]} with mixup.",
        "slope": f"Norm of the input gradient along the segments: half-way {format_number(steep[0, half])} for ordinary "
                 f"training and {format_number(steep[1, half])} for mixup; with p = λ all the way it is at least "
                 f"{format_number((1 / result.length).mean())}.",
        "calibration": f"Fraction right against confidence on the test set. Ordinary training is "
                       f"{format_part(confident[0])} sure "
                       f"and {format_part(1 - test[0])} right, mixup {format_part(confident[1])} sure and "
                       f"{format_part(1 - test[1])} right.",
        "errors": f"Errors after {result.step} updates, mean of {SEEDS} seeds: of the given training labels ordinary training "
                  f"contradicts {format_part(train[0])} and mixup {format_part(train[1])}; on the test set they err on "
                  f"{rate(test[0])} and {rate(test[1])}, mixup less on {better} of {SEEDS} seeds and more on {worse}; {wrong}.",
        "loss": f"Batch loss after {result.step} updates: {loss[0]} nats for ordinary training, {loss[1]} for mixup, "
                f"whose expected loss cannot fall below {format_number(result.floor, 3)}.",
    }


def _surface(result: Result, arm: int, moons: bool) -> str:
    # A part of the picture to the nearest tenth does not tell how finely it was read.
    tenths = round(10 * float((result.surface[arm].amax(0) < 0.9).float().mean()))
    where = {0: "hardly anywhere", 10: "nearly everywhere"}.get(tenths, f"on about {format_percent(tenths / 10)} of the picture")
    what = "Probability of class B on the plane of the moons" if moons else "Doubt on the plane through three test digits"
    return f"{what}: the net is less than {format_percent(0.9)} sure {where}."
