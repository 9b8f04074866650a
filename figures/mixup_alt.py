"""What the pictures of mixup show, in a sentence each, for readers who cannot see them. None depends on the slider's λ, so
that a board need not be sent again when it moves."""

from __future__ import annotations

from core.augmentation import beta_variance
from core.lessons.mixup import ARMS, PLACES, SEEDS, Config, Result
from figures.mixup import MONTAGE, SINGLE
from figures.mixup_pictures import pair


def alts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    i, j = pair(scene)
    moons, half = scene.problem == "moons", PLACES // 2
    sure, own, steep = result.sure.mean(-1), result.own[:, :, :SINGLE], result.slope.mean(-1)
    ends = sure[:, [0, -1]].mean(1)
    train, test = (100 * e.mean(-1) for e in (result.train_error[-1], result.test_error[-1]))
    confident = (result.curve.confidence.nan_to_num() * result.curve.count).sum(-1) / result.curve.count.sum(-1)
    right = 1 - test / 100
    loss = result.batch_loss[-min(10, result.step):].mean((0, 2))
    jumps = [(own[k, 1:] - own[k, :-1]).abs().amax(0).mean().item() for k in range(len(ARMS))]
    return {
        "pictures": f"The picture λ {i.label} + (1 − λ) {j.label}, beside the two it is made of.",
        "label": f"Bars of the mixed label: λ for {i.label}, 1 − λ for {j.label}.",
        "beta": f"Histogram of {len(result.shares)} draws of λ, mean {result.shares.mean():.2f}, standard deviation "
                f"{result.shares.std():.2f}; the density of Beta({scene.alpha:g}, {scene.alpha:g}) has "
                f"{beta_variance(scene.alpha) ** 0.5:.2f}.",
        "between": f"{scene.samples} mixed points of the plane that wander from one training sample to another as λ moves, over "
                   f"{result.mixed_x.shape[1]} points that training drew." if moons else
                   f"{MONTAGE[0] * MONTAGE[1]} digits, each a mixture of two training digits.",
        **{f"surface-{arm}": _surface(result, k, moons) for k, arm in enumerate(ARMS)},
        "confidence": f"Confidence along segments between two classes. Half-way ordinary training is {sure[0, half]:.0%} sure "
                      f"and mixup {sure[1, half]:.0%}; at the ends {ends[0]:.0%} and {ends[1]:.0%}.",
        "profile": f"Probability of one end's class along {SINGLE} segments. Its largest change over a twentieth of the way is "
                   f"{jumps[0]:.2f} on average with ordinary training and {jumps[1]:.2f} with mixup.",
        "slope": f"Norm of the input gradient along the segments: half-way {steep[0, half]:.2g} for ordinary training and "
                 f"{steep[1, half]:.2g} for mixup; the least that is needed is {(1 / result.length).mean():.2g}.",
        "calibration": f"Fraction right against confidence on the test set. Ordinary training is {confident[0]:.0%} sure and "
                       f"{right[0]:.0%} right, mixup {confident[1]:.0%} sure and {right[1]:.0%} right.",
        "errors": f"Errors after {result.step} updates, mean of {SEEDS} seeds: of the given training labels ordinary training "
                  f"contradicts {train[0]:.0f} % and mixup {train[1]:.0f} %; on the test set they err on {test[0]:.1f} % and "
                  f"{test[1]:.1f} %.",
        "loss": f"Batch loss after {result.step} updates: {loss[0]:.3f} nats for ordinary training, {loss[1]:.3f} for mixup, "
                f"whose mean cannot fall below {result.floor:.3f}.",
    }


def _surface(result: Result, arm: int, moons: bool) -> str:
    p = result.surface[arm]
    unsure = (p.amax(0) < 0.9).float().mean()
    what = "Probability of class B on the plane of the moons" if moons else "Doubt on the plane through three test digits"
    return f"{what}: the net is less than 90 % sure on {unsure:.0%} of the picture."
