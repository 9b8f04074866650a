"""mixup: between two samples."""

from functools import partial

from core.lessons.mixup import lesson
from core.lessons.mixup.augmentation import mix_pairs, symmetric_beta
from core.lessons.mixup.lesson import BINS, SEEDS, Config, Result, network
from core.lessons.mixup.probes import SEGMENTS, TEST
from core.lessons.mixup.words import alt_texts, summary, wrong_labels
from figures.mixup import photographs, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Cat and coffee",
           "Seven tenths cat, three tenths coffee; the nets learn with one label in five wrong."),
    Preset("Brain and abdomen", "Two MR slices, half and half: no anatomy looks like this. Mixup trains on such inputs.",
           dict(pair="brain", frame=10)),
    Preset("Hardly any mixing",
           "Nearly every λ is 0 or 1: ordinary training is left, on batches that repeat some samples and miss some.",
           dict(alpha=0.01, frame=20, steps=1000)),
    Preset("Nearly half and half",
           "Nearly every λ is close to one half: the net hardly ever meets a real sample and is seldom sure.",
           dict(alpha=20.0, frame=10)),
    Preset("Clean labels", "No label is wrong, and mixup is less sure than it is right: its probabilities are off.",
           dict(corrupt=0, noise=0.15)),
    Preset("40\u00a0% of labels wrong",
           "Ordinary training learns most of the wrong labels by heart, and mixup errs less on the test set.",
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
- Pictures: Chelsea the cat, photograph (CC0, Stefan van der Walt); Cup of coffee, photograph (CC0, Rachel Michetti / Pikolo
  Espresso Bar); Normal left eye, fundus photograph (CC0, Mikael Häggström); Mean of 152 brains, T1-weighted MR (McGill notice,
  Louis Collins); Abdomen, MR (BSD-3-Clause, GDCM); Thoracic vertebra, CT (MIT, pydicom test file); Pelvis, ultrasound
  (BSD-3-Clause, GDCM). The lecture mixes the cat with a dog; no dog photograph with a clear licence was to be had.
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    moons, of = scene.planar, classes(scene)
    panels = [
        Panel(id="pictures", figure=lambda: photographs.pictures(scene, result.uploaded), span=7, rows=2, height="tall",
              pair="confidence", title="Two pictures, mixed with weight λ",
              caption="Each pixel: λ times the first picture's, 1 − λ times the second's.", alt=said["pictures"]),
        Panel(id="confidence", figure=lambda: pictures.confidence(result), span=5,
              title=f"How sure are nets between {of[0]}?", caption=f"Nets that learn {of[1]}, no photographs. Mean of "
              f"{SEGMENTS * SEEDS} ways between two classes; band: eight in ten. Dashed: the mixed label's larger share.",
              alt=said["confidence"]),
        Panel(id="label", figure=lambda: photographs.mixed_label(scene, result.uploaded), span=5, height="short",
              alt=said["label"], keyed=False, title="The label is mixed with the same λ", caption="ỹ always sums to one."),
        *_surfaces(result, scene, said),
        _errors(result, scene, said),
    ]
    setup = Panel(id="setup", figure=lambda: pictures.setup(result), title="Two test samples, and the point half-way",
                  caption="Small: training samples with the labels that the nets are given." if moons else
                  "Half-way every grey level is the mean of the two.", alt=said["setup"])
    player = Player(labels=pictures.labels(), name="λ", field="frame", autoplay=False, seconds=4)
    return Board(panels=panels, further=[*_drawn(result, scene, said), *_along(result, said), *_worth(result, scene, said)],
                 setup=setup, player=player, summary=summary(result, scene), legend=pictures.legend())


def classes(scene: Config) -> tuple[str, str]:
    """What the nets are to be sure between, and what they learn."""
    if scene.points:
        return "your classes", "your own points"
    return ("two moons", "two moons") if scene.problem == "moons" else ("two digits", "handwritten digits")


def _surfaces(result: Result, scene: Config, said: Texts) -> list[Panel]:
    caption = "The plane through three test digits. The stronger the brown, the greater the doubt."
    if scene.planar:
        caption = "Blue: sure of A; orange: sure of B; line: undecided."
        caption += " Diamonds: corrupt labels." if wrong_labels(result) else ""
    titles = {"erm": "What ordinary training believes", "mixup": "What mixup believes"}
    pairs = {"erm": "surface-mixup", "mixup": ""}
    return [Panel(id=f"surface-{arm}", figure=partial(pictures.surface, result, arm), span=4, title=title, caption=caption,
                  alt=said[f"surface-{arm}"], pair=pairs[arm]) for arm, title in titles.items()]


def _errors(result: Result, scene: Config, said: Texts) -> Panel:
    given = wrong_labels(result)
    dashed = f"{given} of {result.data.x.shape[-1]} given labels are wrong" if given else "no given label is wrong"
    return Panel(id="errors", figure=lambda: pictures.errors(result, scene), span=4, alt=said["errors"],
                 title="Who learns the corrupt labels?" if given else "Who learns the labels?",
                 caption=f"Dotted: on the training labels as given; solid: on the test set. Band: all seeds. Dashed: {dashed}.")


def _drawn(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """What training draws."""
    return [
        Panel(id="between", figure=lambda: pictures.between(result, scene), span=4, title="What mixup is trained on", pair="beta",
              caption="Ringed: random pairs of the training set at the slider's λ. Small: points that training drew."
              if scene.planar else "Pairs of training digits at the slider's λ.", alt=said["between"]),
        Panel(id="beta", figure=lambda: pictures.beta(result, scene), span=4, title="The λ that training draws", keyed=False,
              caption=f"Bars: {len(result.shares):,} draws. Dashed: the density of Beta(α, α), mixing strength "
              f"α = {scene.alpha:g}." + (" It has no bound at 0 and 1." if scene.alpha < 1 else "")
              + " Upright: the slider's λ.", alt=said["beta"]),
    ]


def _along(result: Result, said: Texts) -> list[Panel]:
    """The nets on the way from one class to another."""
    return [
        Panel(id="profile", figure=lambda: pictures.profile(result), span=4, title="From one class to another", pair="slope",
              caption=f"Probability of the first end's class on {lesson.SINGLE} ways between test samples. Dashed: λ, what the "
              "mixed label asks for.", alt=said["profile"]),
        Panel(id="slope", figure=lambda: pictures.slope(result), span=4, title="How steep on the way",
              caption=f"Norm of the input gradient, mean over {SEGMENTS * SEEDS} ways. Dashed: "
              "1/‖x<sub>i</sub> − x<sub>j</sub>‖, the least with which p can be λ all the way.", alt=said["slope"]),
    ]


def _worth(result: Result, scene: Config, said: Texts) -> list[Panel]:
    net = "-".join(str(size) for size in network(scene).sizes)
    return [
        Panel(id="calibration", figure=lambda: pictures.calibration(result), span=4, title="As right as it is sure?",
              caption=f"{TEST * SEEDS:,} test samples of {SEEDS} seeds in {BINS} bins, a larger marker for more of them. "
              "Below the dashed line: too sure; above it: too modest.", alt=said["calibration"]),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=4, title="What is minimised",
              caption=f"Mean of {SEEDS} seeds and up to ten updates; {net} tanh net, Adam. Dashed: the mean entropy of "
              "ỹ, below which mixup's expected loss cannot go.", alt=said["loss"]),
    ]


page.show("mixup", draw, presets=PRESETS, maths=MATHS, code=(symmetric_beta, mix_pairs), symbols=SYMBOLS,
          references=REFERENCES)
