"""mixup: between two samples."""

from functools import partial

from core.lessons.mixup import lesson
from core.lessons.mixup.augmentation import mix_pairs, symmetric_beta
from core.lessons.mixup.lesson import BINS, SEEDS, Config, Result, network
from core.lessons.mixup.probes import SEGMENTS, TEST
from core.lessons.mixup.words import alt_texts, summary
from figures.mixup import photographs, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Seven tenths of a cat",
           "The lecture mixes a cat with a dog. The two nets here learn from labels of which one fifth is wrong."),
    Preset("Brain and abdomen", "Two MR slices, half and half: no anatomy looks like this. Mixup trains on such inputs.",
           dict(pair="brain", frame=10)),
    Preset("α → 0", "Nearly every λ is 0 or 1: ordinary training is left, on batches that repeat some samples and miss some.",
           dict(alpha=0.01, frame=20, steps=1000)),
    Preset("α = 20", "Nearly every λ is close to one half: the net hardly ever meets a real sample and is seldom sure.",
           dict(alpha=20.0, frame=10)),
    Preset("Clean labels", "No label is wrong, and mixup is less sure than it is right: its probabilities are off.",
           dict(corrupt=0, noise=0.15)),
    Preset("40 % corrupt", "Ordinary training learns most of the wrong labels by heart, and mixup errs less on the test set.",
           dict(corrupt=40, samples=160)),
    Preset("Digits", "300 handwritten digits of ten classes, three labels in ten wrong.",
           dict(problem="digits", samples=300, steps=400, corrupt=30)),
]

MATHS = r"""
A pair of training samples, inputs and one-hot labels, is mixed with **one** $\lambda$:
$$\tilde x = \lambda x_i + (1-\lambda)\, x_j, \qquad \tilde y = \lambda y_i + (1-\lambda)\, y_j, \qquad
\lambda \sim \mathrm{Beta}(\alpha, \alpha), \qquad \operatorname{Var}\lambda = \frac{1}{4(2\alpha+1)} .$$

Training minimises the mean cross-entropy of a batch of $m$ mixed pairs,
$$J(\theta) = -\frac1m \sum_{(i,j)} \sum_c \tilde y_c \ln p_c(\tilde x; \theta),$$
and because cross-entropy is linear in the label, each term is
$\lambda\, \ell(y_i, \tilde x) + (1-\lambda)\, \ell(y_j, \tilde x)$. As $\alpha \to 0$, $\lambda$ is 0 or 1: every term
is that of a real sample, $x_i$ or $x_j$, and the mean of $J$ is that of ordinary training (empirical risk minimisation, ERM,
$\lambda = 1$). A batch still holds some samples twice and others not at all, a noise that the full set does not have.

No net can bring the expected $J$ below the mean entropy of its labels,
$P(y_i \ne y_j)\,[\psi(2\alpha+1) - \psi(\alpha+1)]$ with the digamma function $\psi$: the loss of mixup does not go to zero, and
need not.

If a net gives exactly $p_i = \lambda$ along a segment, its slope along it is $1/\lVert x_i - x_j\rVert$ everywhere, and
$\lVert \partial p_i/\partial x \rVert$ is at least that. A net that leaps from 0 to 1 has the same rise in a much steeper place.

Calibration: $\mathrm{ECE} = \sum_b \frac{n_b}{n}\, \lvert \text{accuracy}_b - \text{confidence}_b \rvert$ over equal bins of the
largest probability.
"""

SYMBOLS = {"λ": "share", "α": "alpha", "x_i, y_i": "a", "x_j, y_j": "b", "N": "samples"}

REFERENCES = """
- H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, *mixup: Beyond Empirical Risk Minimization*, ICLR 2018.
- C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017.
- O. Chapelle, J. Weston, L. Bottou, V. Vapnik, *Vicinal Risk Minimization*, NIPS 2000.
"""


def draw(result: Result, scene: Config) -> Board:
    i, j = lesson.pair(scene)
    said = Texts(lambda: alt_texts(result, scene))
    moons = scene.problem == "moons"
    credit = f"{i.caption} ({i.licence}) and {j.caption[0].lower()}{j.caption[1:]} ({j.licence})."
    if scene.pair == "cat":
        credit += " The lecture has a dog here; no dog photograph with a clear licence was to be had."
    panels = [
        Panel(id="pictures", figure=lambda: photographs.pictures(scene), span=7, rows=2, height="tall",
              caption=f"Move λ. {credit}", alt=said["pictures"]),
        Panel(id="label", figure=lambda: photographs.mixed_label(scene), span=5, height="short", alt=said["label"],
              title="The label is mixed with the same λ", caption="ỹ always sums to one."),
        Panel(id="beta", figure=lambda: pictures.beta(result, scene), span=5, height="short",
              title="Training draws λ from Beta(α, α)",
              caption=f"Bars: {len(result.shares)} draws of training. Dashed: the density at α = {scene.alpha:g}."
              + (" It has no bound at 0 and 1." if scene.alpha < 1 else ""), alt=said["beta"]),
        Panel(id="between", figure=lambda: pictures.between(result, scene), span=4, title="What the net is trained on",
              caption="Ringed: random pairs of the training set at the slider's λ. Small: points that training drew."
              if moons else "Pairs of training digits at the slider's λ.", alt=said["between"]),
        *_surfaces(result, scene, said),
        *_segments(result, said),
        Panel(id="calibration", figure=lambda: pictures.calibration(result), span=4, title="As right as it is sure?",
              caption=f"{TEST * SEEDS} test samples of {SEEDS} seeds in {BINS} bins, a larger marker for more of them. Below the "
              "dashed line: too sure; above it: too modest.", alt=said["calibration"]),
        *_training(result, scene, said),
    ]
    setup = Panel(id="setup", figure=lambda: pictures.setup(result), title="Two test samples, and the point half-way",
                  caption="Small: training samples with the labels that the nets are given." if moons else
                  "Half-way every grey level is the mean of the two.", alt=said["setup"])
    player = Player(labels=pictures.labels(), name="λ", field="frame", autoplay=False, seconds=4)
    return Board(panels=panels, setup=setup, player=player, summary=summary(result, scene), legend=pictures.legend())


def _surfaces(result: Result, scene: Config, said: Texts) -> list[Panel]:
    caption = "The plane through three test digits. The stronger the brown, the greater the doubt."
    if scene.problem == "moons":
        caption = "Blue: sure of A; orange: sure of B; line: undecided."
        caption += " Diamonds carry a corrupt label." if scene.corrupt else ""
    titles = {"erm": "Ordinary training believes", "mixup": f"Mixup believes (α = {scene.alpha:g})"}
    return [Panel(id=f"surface-{arm}", figure=partial(pictures.surface, result, arm), span=4, title=title, caption=caption,
                  alt=said[f"surface-{arm}"]) for arm, title in titles.items()]


def _segments(result: Result, said: Texts) -> list[Panel]:
    return [
        Panel(id="confidence", figure=lambda: pictures.confidence(result), span=4, title="How sure between two classes?",
              caption=f"Largest probability, mean over {SEGMENTS * SEEDS} segments between test samples of two classes; "
              "band: the middle half. Dashed: the mixed label's, max(λ, 1 − λ).", alt=said["confidence"]),
        Panel(id="profile", figure=lambda: pictures.profile(result), span=4, title="From one class to the other",
              caption=f"Probability of x<sub>i</sub>'s class along {lesson.SINGLE} of those segments, each a line. "
              "Dashed: p = λ, what the mixed label asks for.", alt=said["profile"]),
        Panel(id="slope", figure=lambda: pictures.slope(result), span=4, title="How steep on the way",
              caption="Norm of the input gradient, mean over all those segments. Dashed: 1/‖x<sub>i</sub> − x<sub>j</sub>‖, "
              "the least with which p can be λ all the way.", alt=said["slope"]),
    ]


def _training(result: Result, scene: Config, said: Texts) -> list[Panel]:
    net = "-".join(str(size) for size in network(scene).sizes)
    learned = "Who learns the corrupt labels?" if scene.corrupt else "Who learns the labels?"
    return [
        Panel(id="errors", figure=lambda: pictures.errors(result, scene), span=4, title=learned,
              caption="Dotted: against the training labels as given; solid: on the test set. Band: all seeds. Dashed: how many "
              "of the given labels are wrong.", alt=said["errors"]),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=4, title="What is minimised",
              caption=f"Mean of {SEEDS} seeds and up to ten updates; {net} tanh net, Adam. Dashed: the mean entropy of "
              "ỹ, below which mixup's expected loss cannot go.", alt=said["loss"]),
    ]


page.show("mixup", draw, presets=PRESETS, maths=MATHS, code=(symmetric_beta, mix_pairs), symbols=SYMBOLS,
          references=REFERENCES)
