"""What the pictures of mixup show, in a sentence each, for readers who cannot see them. None depends on the slider's λ, so
that a board need not be sent again when it moves."""

from __future__ import annotations

from core.augmentation import beta_variance
from core.lessons.mixup import ARMS, PLACES, SEEDS, Config, Result, percent
from core.words import short
from figures.mixup import MONTAGE, SINGLE
from figures.mixup_pictures import pair


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    i, j = pair(scene)
    moons, half = scene.problem == "moons", PLACES // 2
    sure, own, steep = result.sure.mean(-1), result.own[:, :, :SINGLE], result.slope.mean(-1)
    ends = sure[:, [0, -1]].mean(1)
    train, test = (e.mean(-1) for e in (result.train_error[-1], result.test_error[-1]))
    confident = (result.curve.confidence.nan_to_num() * result.curve.count).sum(-1) / result.curve.count.sum(-1)
    loss = [short(value, 3) for value in result.batch_loss[-min(10, result.step):].mean((0, 2))]
    jumps = [short((own[k, 1:] - own[k, :-1]).abs().amax(0).mean()) for k in range(len(ARMS))]
    alpha = f"Beta({scene.alpha:g}, {scene.alpha:g})"
    return {
        "setup": "Two test samples of different classes, and the point half-way between them" +
                 (f", among {scene.samples} training samples of two classes in the plane." if moons else
                  ": two handwritten digits and their mean."),
        "pictures": f"The picture λ {i.label} + (1 − λ) {j.label}, beside the two it is made of.",
        "label": f"Bars of the mixed label: λ for {i.label}, 1 − λ for {j.label}.",
        "beta": f"Histogram of {len(result.shares)} draws of λ, mean {short(result.shares.mean())}, standard deviation "
                f"{short(result.shares.std())}; that of {alpha} is {short(beta_variance(scene.alpha) ** 0.5)}.",
        "between": f"{scene.samples} mixed points of the plane that wander from one training sample to another as λ moves, over "
                   f"{result.mixed_x.shape[1]} points that training drew." if moons else
                   f"{MONTAGE[0] * MONTAGE[1]} digits, each a mixture of two training digits.",
        **{f"surface-{arm}": _surface(result, k, moons) for k, arm in enumerate(ARMS)},
        "confidence": f"Confidence along segments between two classes. Half-way ordinary training is {percent(sure[0, half])} "
                      f"sure and mixup {percent(sure[1, half])}; at the ends {percent(ends[0])} and {percent(ends[1])}.",
        "profile": f"Probability of one end's class along {SINGLE} segments. Its largest change over a twentieth of the way is "
                   f"{jumps[0]} on average with ordinary training and {jumps[1]} with mixup.",
        "slope": f"Norm of the input gradient along the segments: half-way {short(steep[0, half])} for ordinary "
                 f"training and {short(steep[1, half])} for mixup; with p = λ all the way it is at least "
                 f"{short((1 / result.length).mean())}.",
        "calibration": f"Fraction right against confidence on the test set. Ordinary training is {percent(confident[0])} sure "
                       f"and {percent(1 - test[0])} right, mixup {percent(confident[1])} sure and {percent(1 - test[1])} right.",
        "errors": f"Errors after {result.step} updates, mean of {SEEDS} seeds: of the given training labels ordinary training "
                  f"contradicts {percent(train[0])} and mixup {percent(train[1])}; on the test set they err on "
                  f"{short(100 * test[0], 4)} % and {short(100 * test[1], 4)} %.",
        "loss": f"Batch loss after {result.step} updates: {loss[0]} nats for ordinary training, {loss[1]} for mixup, "
                f"whose expected loss cannot fall below {short(result.floor, 3)}.",
    }


def _surface(result: Result, arm: int, moons: bool) -> str:
    # A part of the picture to the nearest tenth does not tell how finely it was read.
    tenths = round(10 * float((result.surface[arm].amax(0) < 0.9).float().mean()))
    where = {0: "hardly anywhere", 10: "nearly everywhere"}.get(tenths, f"on about {10 * tenths} % of the picture")
    what = "Probability of class B on the plane of the moons" if moons else "Doubt on the plane through three test digits"
    return f"{what}: the net is less than 90 % sure {where}."
