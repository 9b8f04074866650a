"""What is said of a run: the summary, the question and its verdicts, the challenge, alternative texts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from core.formatting import format_count, format_number, format_percent, join_words, table
from core.lessons.augmentation.chain import TRANSFORMS
from core.lessons.augmentation.classifier import SIZES, Curves
from core.lessons.augmentation.generative import Generative
from core.lessons.augmentation.lesson import DRAWS, SEEDS, Config, Result, Transformed
from core.lessons.augmentation.subjects import OWN, Subject, subject
from core.question import Challenge, Pick, Verdict
from core.transforms.imaging import PIXEL

FAR = 10.0  # pixels of the challenge
ARMS = {"none": "No augmentation", "good": "Harmless set", "breaking": "Label-breaking"}
GENERATIVE = {"none": "Real digits alone", "synthetic": "With synthetic digits", "good": "Real digits, shifted and turned"}
# What each transform of the apparatus acts on, and the modality that it belongs to.
ACTS = {"camera": ("linear light", "photograph"), "speckle": ("the envelope of the echo, before log compression", "ultrasound"),
        "bias": ("the MR intensity", "MR"), "ct": ("Hounsfield units, by way of the projections", "CT")}


# Of which it is asked whether they can make a label that tells left from right wrong.
ASKED = {"flip": "Flip", "rotate": "Rotation", "affine": "Affine map", "ffd": "Free-form deformation", "bias": "Bias field"}


def rate(part: float | Tensor) -> str:
    """An error as a percentage."""
    return format_percent(part, 1)


def reading(scene: Config, it: Subject | None = None) -> str:
    """On which quantity the chain's transforms of an apparatus act, and whether the picture has it; "" without any.

    it: the picture, where it is not that of the scene but the reader's own.
    """
    it = it or subject(scene.picture)
    said = []
    for name in scene.transforms:
        if name in ACTS:
            quantity, modality = ACTS[name]
            why = f"the picture is no {modality}" if it.modality else "the file does not say what its values are"
            foreign = "" if modality == it.modality else f" (as which its grey levels are read: {why})"
            said.append(f"{TRANSFORMS[name]} acts on {quantity}{foreign}.")
    if it.name == OWN and "ct" in scene.transforms:
        said.append(f"A pixel counts as {PIXEL:.2f} mm wide.")
    return " ".join(said)


def summary(result: Result, _: Config) -> str:
    """The verdict of the part that is shown."""
    if result.transformed is not None:
        return _summary_of_draws(result.transformed)
    if result.curves is not None:
        return _summary_of_nets(result.curves)
    assert result.generative is not None
    return _summary_of_samples(result.generative)


def _summary_of_draws(t: Transformed) -> str:
    n = len(t.images)
    mirrors = int(t.mirrored[:n].sum())
    folds = 0 if t.determinant is None else int((t.determinant[:n] <= 0).flatten(1).any(1).sum())
    first = f"{mirrors} of {n} draws {'is a mirror image' if mirrors == 1 else 'are mirror images'}: no turn brings left and " \
        "right back" if mirrors else "No draw is a mirror image"
    if folds:
        draws = "every draw folds" if folds == n else "some draws fold"
        return f"**{first}, and {draws} the picture somewhere, where det J ≤ 0.**"
    return f"**{first}.**"


def wins(errors: Tensor, arm: int) -> int:
    """On how many seeds (and sizes) an arm of [A, ...] errs less often than the first one."""
    return int((errors[arm] < errors[0]).sum())


def _summary_of_nets(c: Curves) -> str:
    mean = c.error.mean(-1)
    rows = [[name, *(rate(v) for v in mean[k])] for k, name in enumerate(ARMS.values())]
    columns = ["test errors", *(f"N = {n}" for n in SIZES)]
    change = 100 * (mean[:, 0] - mean[0, 0])
    return (f"**With the fewest samples the set that is meant to be harmless {_changes(float(change[1]))}, and the one that is "
            f"meant to break the label {_changes(float(change[2]))}.**\n\n{table(columns, rows)}")


def _changes(points: float) -> str:
    if abs(points) < 0.05:
        return "leaves the error as it is"
    return f"{'adds' if points > 0 else 'takes'} {format_number(abs(points))} points {'to' if points > 0 else 'from'} the error"


def help_of_samples(g: Generative) -> str:
    """helps, harms or neither: by all but one of the seeds at least."""
    if g.error is None:
        return "neither"
    better, worse = wins(g.error, 1), int((g.error[1] > g.error[0]).sum())
    return "helps" if better >= SEEDS - 1 else "harms" if worse >= SEEDS - 1 else "neither"


def _summary_of_samples(g: Generative) -> str:
    if g.error is None:
        return f"**After {g.step} updates of the CVAE no classifier is trained yet.**"
    verdict = {"helps": "Synthetic digits help", "harms": "Synthetic digits do harm", "neither": "Synthetic digits make no "
               "difference that the seeds agree on"}[help_of_samples(g)]
    rows = [[name, rate(g.error[k].mean()), str(wins(g.error, k)) if k else ""] for k, name in enumerate(GENERATIVE.values())]
    return (f"**{verdict}: {_seeds_of_samples(g.error)}.**\n\n"
            + table(["training set", "test errors", f"fewer errors, of {SEEDS} seeds"], rows))


def _seeds_of_samples(error: Tensor) -> str:
    """On how many seeds the synthetic digits bring fewer errors, and on how many more; error [3, S]."""
    return f"errors are fewer on {format_count(wins(error, 1), 'seed')} and more on {int((error[1] > error[0]).sum())}"


def predict(result: Result, scene: Config) -> Pick:
    """What breaks the label, read off the draws, the nets or the study."""
    if result.transformed is not None:
        return _ask_of_mirrors(result.transformed)
    if result.curves is not None:
        return _ask_of_nets(result.curves, scene)
    assert result.generative is not None
    g = result.generative
    options = {"helps": "Fewer errors on at least four of five seeds", "harms": "More errors on at least four of five seeds",
               "neither": "Neither"}
    why = "the classifiers are not trained yet" if g.error is None else f"with synthetic digits {_seeds_of_samples(g.error)}" + (
        "" if help_of_samples(g) == "helps" else ": the model has seen no digit that the classifier has not")
    return Pick(text=f"A conditional VAE learns {scene.digits:g} digits and makes up new ones. A classifier is trained on the "
                "real digits, another on real and synthetic ones. What do the synthetic digits bring on the test set?",
                options=options, right=(help_of_samples(g),), why=f"{why[0].upper()}{why[1:]}.")


def _ask_of_mirrors(t: Transformed) -> Pick:
    options = {**ASKED, "nothing": "None of these"}
    right = tuple(name for name, share in t.mirrors.items() if share > 0) or ("nothing",)
    label = "that the liver is on the patient's right side" if t.subject.name == "abdomen" else \
        "which side of the picture was the left one"
    said = [options[name].lower() for name in right]
    why = (f"A mirror image puts it on the wrong side: {join_words(said)} makes some (det J < 0), and a field or a colour moves "
           "nothing." if right != ("nothing",) else
           "At these settings no draw is a mirror image: det J > 0 on most of every one.")
    return Pick(text=f"The label says {label}, whichever way up it is. At the settings of this page, which of these transforms "
                "can make it wrong?", options=options, right=right, why=why)


def _ask_of_nets(c: Curves, scene: Config) -> Pick:
    mean = c.error.mean((1, 2))
    worst = float(mean.max())
    right = tuple(name for k, name in enumerate(ARMS) if float(mean[k]) >= worst - 1e-9)
    what = "digits" if scene.task == "digits" else "nuclei from background"
    told = join_words([ARMS[name].lower() for name in right])
    return Pick(text=f"Nets learn {what} from up to {SIZES[-1]} samples: as they are, with harmless transforms, or with one "
                "that is meant to break the label. Which training has the most test errors, over all sizes?", options=ARMS,
                right=right, why=f"Most errors, {rate(worst)} on the average: {told}.")


def _farther(result: Result, _scene: Config, _: None) -> Verdict:
    """Judges the run on the page."""
    t = result.transformed
    if t is None or t.determinant is None:
        return Verdict(False, "There is no free-form deformation in this scene.")
    away, least = float(t.farthest.min()), float(t.determinant.min())
    folds = int((t.determinant <= 0).sum())
    return Verdict(away >= FAR and folds == 0, f"In the mildest draw the farthest pixel moves by {format_number(away, 3)} px; "
                   f"{folds:,} pixels fold, and the least det J is {format_number(least, 3)}.")


CHALLENGE = Challenge(text=f"Put a free-form deformation in the chain that moves some pixel by at least {FAR:.0f} px in every "
                      "draw and folds nowhere.", check=_farther)


def alt_texts(result: Result, scene: Config) -> dict[str, str]:
    """The id of a panel to its sentence."""
    if result.transformed is not None:
        return _of_draws(result.transformed, scene)
    if result.curves is not None:
        return _of_nets(result.curves, scene)
    assert result.generative is not None
    return _of_samples(result.generative, scene)


def mirror_shares(t: Transformed) -> dict[str, float]:
    """The part of its draws that each transform, alone, makes mirror images; a bias field moves nothing."""
    return {name: t.mirrors.get(name, 0.0) for name in ASKED}


def of_the_label(t: Transformed) -> str:
    """What a mirror image does to the label of the picture."""
    if t.subject.name == "abdomen":
        return "Label: the liver (disc) is on the patient's right, left in the picture. A mirror image breaks it; no turn helps."
    return "A mirror image swaps left and right, and no turn brings them back: a label that tells them apart is then wrong."


def look(scene: Config, t: Transformed) -> int:
    """The draw that is looked at, from 0."""
    return min(scene.which, len(t.images)) - 1


def _of_draws(t: Transformed, scene: Config) -> dict[str, str]:
    k, n = look(scene, t), len(t.images)
    names = join_words([TRANSFORMS[name].lower() for name in scene.transforms])
    mean = [format_number(v.mean(), 2) for v in (t.level, t.images[k])]
    folded = 0 if t.determinant is None else int((t.determinant[:n] <= 0).sum())
    what = t.subject.label
    shares = ", ".join(f"{ASKED[name].lower()} {format_percent(share)}" for name, share in mirror_shares(t).items())
    return {
        "setup": f"{what}, as it is.",
        "draws": f"{what} and {n} of {DRAWS} draws of {names}; {int(t.mirrored[:n].sum())} of them are mirror images.",
        "mirrors": f"The part of the draws that are mirror images, each transform alone: {shares}.",
        "histogram": f"Histograms of the levels: the mean is {mean[0]} before and {mean[1]} after draw {k + 1}.",
        "statistics": f"Mean, standard deviation, clipped part and folded pixels of the picture and of {n} draws.",
        "folds": f"Part of the pixels that fold against the reach of control points. In the draws that are shown {folded} pixels "
                 "fold.",
        "field": f"What multiplies the intensity in draw {k + 1}"
                 + (f": from {format_number(t.field[k].min())} to {format_number(t.field[k].max())}." if t.field is not None else
                    "."),
    }


def _told(values: Sequence[Tensor]) -> str:
    return ", ".join(f"{name.lower()} {rate(v)}" for name, v in zip(ARMS.values(), values, strict=True))


def _of_nets(c: Curves, scene: Config) -> dict[str, str]:
    mean = c.error.mean(-1)
    return {
        "setup": "Ten training patches as they are, with their labels." if scene.task == "digits" else
                 "Ten training patches, five with a nucleus at their centre and five without.",
        "errors": f"Test errors after {c.step} updates. With {SIZES[0]} samples: {_told(list(mean[:, 0]))}; with {SIZES[-1]}: "
                  f"{_told(list(mean[:, -1]))}.",
        "shown": "Ten patches as they are, after the set that is meant to be harmless and after the one that is meant to break "
                 "the label. 3 rows.",
        "history": f"Test errors with {SIZES[-1]} samples over {c.step} updates; at the end: {_told(list(mean[:, -1]))}.",
    }


def _of_samples(g: Generative, scene: Config) -> dict[str, str]:
    fit, distance = (format_number(v[-1].mean(), 3) for v in (g.misfit, g.distance))
    found = "not trained yet" if g.error is None else ", ".join(
        f"{name.lower()} {rate(g.error[k].mean())}" for k, name in enumerate(GENERATIVE.values()))
    return {
        "setup": f"Real digits that the model learns from; there are {scene.digits:g} for each of {SEEDS} seeds.",
        "plane": f"The latent plane of digit {scene.digit} after {g.step} updates: 81 images of 8 × 8 pixels that change "
                 "gradually.",
        "worth": f"Test errors of classifiers on {SEEDS} seeds: {found}.",
        "loss": f"After {g.step} updates the misfit is {fit} nats for each image and the KL divergence {distance} nats.",
        "samples": "Real digits above and synthetic ones of the same classes below. Each sample is a mean image.",
    }


