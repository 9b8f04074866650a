"""augmentation: transforms of pictures, what they buy, and samples that are made up."""

from core.formatting import format_percent
from core.lessons.augmentation import classifier
from core.lessons.augmentation.generative import Generative
from core.lessons.augmentation.lesson import SEEDS, TOSSES, Config, Curves, Result, Transformed
from core.lessons.augmentation.subjects import OWN
from core.lessons.augmentation.words import alt_texts, look, of_the_label, reading, summary
from core.transforms import ffd, geometry, imaging
from figures.augmentation import nets, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Liver on the wrong side", "A flip is a mirror: with it the liver lies on the patient's left."),
    Preset("A mask moves along", "One draw for nuclei, mask and landmarks; no pixel of the mask gets a label between two.",
           dict(picture="nuclei", transforms=("affine", "ffd"), reach=10.0)),
    Preset("Folded", "Control points move farther than their spacing allows: the picture folds where det J ≤ 0.",
           dict(picture="brain", transforms=("ffd",), reach=20.0, spacing=16)),
    Preset("What a scanner does", "Few photons: the noise of the projections becomes streaks in the CT.",
           dict(picture="vertebra", transforms=("ct",), photons=3e3)),
    Preset("A flipped digit", "Flipped digits keep their labels, and nets err more often.", dict(part="classifier")),
    Preset("A flipped nucleus", "The same flip harms no nucleus: errors do not rise as they do for digits.",
           dict(part="classifier", task="nuclei", good=("rotate", "flip"))),
    Preset("Digits made up", "A conditional VAE has seen no digit that the classifier has not.", dict(part="generative")),
]

MATHS = r"""
**Maps.** A matrix $M$ takes a point of the picture to its new place; the picture is resampled at $M^{-1}$ of every
pixel, bilinear, its mask at the nearest pixel, landmarks go by $M$ itself: one draw for all three. Degrees of freedom:
rigid 3, similarity 4, affine 6, projective 8. $\det < 0$ is a mirror image.

**Free form.** $u(x) = \sum_{ij} B_i B_j\, \varphi_{ij}$ with cubic B-splines at a spacing $g$. The map $x + u(x)$ folds
exactly where $\det J = \det(I + \partial u/\partial x) \le 0$, and nowhere if every component of $\varphi$ stays below
$g/2.046$.

**Apparatus.** Speckle multiplies the envelope by Rayleigh's amplitude: at one look and strength 1, mean/standard
deviation $\sqrt{\pi/(4-\pi)} = 1.91$, and $5.57$ dB after log compression. A bias field multiplies MR intensity. CT:
$N \sim \mathrm{Poisson}(I_0 e^{-p})$ photons for each ray of line integral $p$; $-\ln(N/I_0)$ is back-projected. A camera
counts electrons of linear light.

**Nets.** $J(\theta) = \frac1m \sum -\ln p_{y}(T(x); \theta)$ with a fresh $T$ for every sample of every update; test
samples are never transformed. **CVAE.** $J = \mathbb E_q[-\ln p(x \mid z, c)] + \beta\, \mathrm{KL}(q(z \mid x, c)
\,\Vert\, \mathcal N(0, I))$, the mean over the training set.
"""

SYMBOLS = {"M": "m", "φ": "phi", "g": "spacing", "∂u/∂x": "along_x", "β": "beta"}

REFERENCES = """
- C. Shorten, T. M. Khoshgoftaar, *A survey on Image Data Augmentation for Deep Learning*, Journal of Big Data 6 (2019).
- D. Rueckert et al., *Nonrigid registration using free-form deformations*, IEEE TMI 18 (1999); Y. Choi, S. Lee, *Injectivity
  conditions of 2D and 3D uniform cubic B-spline functions*, Graphical Models 62 (2000).
- J. W. Goodman, *Some fundamental properties of speckle*, JOSA 66 (1976). A. C. Kak, M. Slaney, *Principles of Computerized
  Tomographic Imaging* (1988).
- D. P. Kingma, M. Welling, *Auto-Encoding Variational Bayes*, ICLR 2014; K. Sohn, H. Lee, X. Yan, *Learning Structured Output
  Representation using Deep Conditional Generative Models*, NIPS 2015.
- Pictures: Abdomen, MR, and Pelvis, ultrasound (BSD-3-Clause, GDCM); Mean of 152 brains, T1-weighted MR (McGill notice, Louis
  Collins); Thoracic vertebra, CT (MIT, pydicom test file); Chelsea the cat (CC0, Stefan van der Walt); nuclei of BBBC038 (CC0);
  digits of the UCI repository (CC BY 4.0).
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    if result.transformed is not None:
        return _transforms(result, result.transformed, scene, said)
    if result.curves is not None:
        return _nets(result, result.curves, scene, said)
    assert result.generative is not None
    return _samples(result, result.generative, scene, said)


def _transforms(result: Result, t: Transformed, scene: Config, said: Texts) -> Board:
    caption = f"{t.subject.label}, its middle {t.level.shape[2]} × {t.level.shape[1]} pixels; no mask or landmarks come with a " \
        "file. " if t.subject.name == OWN else ""
    caption += f"{of_the_label(t)} Framed: draw {look(scene, t) + 1}. "
    if scene.over:
        caption += "Blue: a grid that moves along. " if t.lines is not None else ""
        if len(t.marks):
            caption += "Green: landmarks" + (" and the mask's edges. " if t.mask is not None else ". ")
        caption += "Violet, dashed: where its bias field, a smooth shading, changes nothing. " if t.field is not None else ""
        caption += "Orange: det J ≤ 0. " if t.determinant is not None else ""
    if t.masks is not None:
        caption += f"The mask has its old labels only; interpolated, {format_percent(t.between, 1)} of it would lie between two. "
    panels = [
        Panel(id="draws", figure=lambda: pictures.draws(t, scene), span=7, height="tall", pair="mirrors",
              title="One picture, eight draws of the chain", keyed=False,
              caption=caption, alt=said["draws"]),
        Panel(id="mirrors", figure=lambda: pictures.mirrors(t), span=5, height="tall", keyed=False,
              title="Which transform, alone, makes mirror images?",
              caption=f"Share of {TOSSES} draws of each transform at these settings.",
              alt=said["mirrors"]),
        Panel(id="histogram", figure=lambda: pictures.histogram(t, scene), span=6, pair="statistics",
              title=f"Grey levels before and after draw {look(scene, t) + 1}",
              caption=f"{reading(scene, t.subject)} Levels are clipped to 0 and 1 once, at the end.", alt=said["histogram"]),
        Panel(id="statistics", figure=lambda: pictures.statistics(t), span=6, title="What each draw does to the levels",
              caption="Clipped: values beyond black or white. Folded: pixels with det J ≤ 0.", alt=said["statistics"]),
    ]
    further = []
    if t.folded is not None:
        further.append(Panel(id="folds", figure=lambda: pictures.folds(t, scene), span=6, title="How far before it folds?",
                             caption="Dashed: the bound 1/2.046, below which no deformation folds. Triangle: this scene.",
                             alt=said["folds"]))
    if t.field is not None:
        further.append(Panel(id="field", figure=lambda: pictures.field(t, scene), span=6,
                             title=f"The bias field of draw {look(scene, t) + 1}",
                             caption="The stronger the brown, the more the intensity is multiplied by. Dashed: times 1.",
                             alt=said["field"]))
    setup = Panel(id="setup", figure=lambda: pictures.setup(t), title="The picture as it is", alt=said["setup"])
    return Board(panels=panels, further=further, setup=setup, summary=summary(result, scene), legend=pictures.legend(scene))


def _nets(result: Result, c: Curves, scene: Config, said: Texts) -> Board:
    panels = [
        Panel(id="errors", figure=lambda: nets.errors(c), span=7, rows=2, height="tall", title="Does it pay?",
              caption=f"Mean of {SEEDS} seeds; band: lowest to highest. Test patches are never transformed.", alt=said["errors"]),
        Panel(id="shown", figure=lambda: nets.shown(c, scene), span=5, height="short", title="What the nets are shown",
              caption="First row: as they are; second: meant to be harmless; third: meant to break the label. Labels stay.",
              alt=said["shown"], keyed=False),
        Panel(id="history", figure=lambda: nets.history(c, scene), span=5, title="On the way",
              caption=f"Test errors with {classifier.SIZES[-1]} training samples. Band: lowest to highest seed.",
              alt=said["history"]),
    ]
    setup = Panel(id="setup", figure=lambda: nets.setup(c, scene), title="Ten training patches", alt=said["setup"])
    return Board(panels=panels, setup=setup, summary=summary(result, scene), legend=pictures.legend(scene))


def _samples(result: Result, g: Generative, scene: Config, said: Texts) -> Board:
    panels = [
        Panel(id="plane", figure=lambda: nets.plane(g, scene), span=6, height="tall", pair="worth",
              title="The latent plane, digit by digit",
              caption="Each image is decoded from another z: z₁ to the right, z₂ upwards, at equal shares of N(0, 1). "
              "Model of the first seed.", alt=said["plane"]),
        Panel(id="worth", figure=lambda: nets.worth(g), span=6, height="tall", title="Do synthetic digits help?",
              caption=f"A dot is a seed; grey lines join equal seeds; bars: means of {SEEDS}.", alt=said["worth"]),
    ]
    further = [
        Panel(id="loss", figure=lambda: nets.loss(g, scene), span=6, title="What the model learns", keyed=False,
              caption=f"Mean of {SEEDS} seeds. Solid: training digits; dotted: test digits, which it never sees. Training "
              f"descends misfit + β·KL, β = {scene.beta:g}.",
              alt=said["loss"]),
        Panel(id="samples", figure=lambda: nets.samples(g), span=6, title="Real and synthetic",
              caption="First row: real; below: synthetic digits of the same classes.", alt=said["samples"]),
    ]
    setup = Panel(id="setup", figure=lambda: nets.samples(g, alone=True), title="Real digits",
                  alt=said["setup"])
    return Board(panels=panels, further=further, setup=setup, summary=summary(result, scene), legend=pictures.legend(scene),
                 player=Player(labels=nets.labels(g), name="Update"))


page.show("augmentation", draw, presets=PRESETS, maths=MATHS, code=(geometry.matrix, ffd.slopes, imaging.speckle),
          symbols=SYMBOLS, references=REFERENCES)
