"""noise: on inputs, on weights, on labels."""

from functools import partial

from core.engine import smooth_labels
from core.lessons.noise.data import KINDS, SEEDS
from core.lessons.noise.judging import COPIES, optimal_gap
from core.lessons.noise.lesson import Config, Result, networks
from core.lessons.noise.linear import ridge
from core.lessons.noise.words import alt_texts, goal, seeds_apart, summary, sureness
from figures.noise import pictures, plane, worth
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Three kinds of noise", "No noise and six strengths of each kind, on five seeds, all trained at once."),
    Preset("Too much input noise", "The net is nearly flat, and farther from the curve than without noise.",
           dict(inputs=2.4, level=6)),
    Preset("Too much weight noise", "The net settles farther from the curve than without noise.", dict(weights=0.48, level=6)),
    Preset("Few samples, large errors",
           "Without noise the net follows the errors of the samples; noise brings it closer to the curve.",
           dict(blur=1.0, samples=15, inputs=0.3, weights=0.06, level=6)),
    Preset("Eight classes",
           "A smoothed label keeps a little for each of eight classes; the smoothed net is as sure as it says, or less.",
           dict(classes=8, labels=0.3)),
    Preset("Classes that overlap",
           "Some training samples lie among those of another class; a little smoothing lowers the test set's cross-entropy.",
           dict(spread=1.0, labels=0.6, level=1)),
    Preset("Labels smoothed away", "At ε = 1 all labels are alike, and the net tells no class from another.",
           dict(labels=1.0, level=6)),
]

MATHS = r"""
**Noise on inputs** of a linear model, $f = \varphi^\top w + c$, with the mean of squares as its objective (no ½):
$$\mathbb E_\xi \frac1N \sum_n \big((\varphi_n + \sigma\xi_n)^\top w + c - y_n\big)^2
= \frac1N \sum_n (\varphi_n^\top w + c - y_n)^2 + \sigma^2 \lVert w \rVert^2, \qquad \xi \sim \mathcal N(0, I).$$
That is ridge, exactly and whatever the samples, with penalty $\sigma^2$; with the sum of squares it is $N\sigma^2$. It holds for
fresh noise: noise that is drawn once and kept is another data set with the same errors for ever.

**Noise on weights** adds the squared slope of the *output* with respect to the weights. For the linear model
$$\mathbb E_\xi J(w + \sigma\xi) = J(w) + \sigma^2 \Big(\frac1N \sum_n \lVert \varphi_n \rVert^2 + 1\Big),$$
in which there is no $w$ (the 1 is the slope in $c$, which is noisy as well): the minimum stays where it was. A net's slope
depends on its weights.

**A net**, for small $\sigma$ and squared error (Bishop 1995; An 1996), at each sample:
$$\mathbb E (f(x + \sigma\xi) - y)^2 = (f - y)^2
+ \sigma^2 \big[\lVert \partial f/\partial x \rVert^2 + (f - y) \operatorname{tr} \partial^2 f/\partial x^2\big] + O(\sigma^4),$$
$$\mathbb E (f(x; \theta + \sigma\xi) - y)^2 = (f - y)^2
+ \sigma^2 \big[\lVert \partial f/\partial\theta \rVert^2 + (f - y) \operatorname{tr} \partial^2 f/\partial\theta^2\big]
+ O(\sigma^4).$$
Where the net meets its samples, $f = y$, the squared slope of the output is all that is left.

**Label smoothing** takes $\varepsilon$ from the right class and spreads it evenly **over all $K$ classes**, the right one
included (as Szegedy et al. 2016 and PyTorch do; some texts spread it over the $K - 1$ others):
$\tilde y = (1 - \varepsilon)\, y + \varepsilon/K$. Cross-entropy, the mean of $-\sum_c \tilde y_c \ln p_c$, is least where
$p = \tilde y$:
$$p_\text{right} = 1 - \varepsilon + \frac{\varepsilon}{K}, \qquad
z_\text{right} - z_\text{other} = \ln\!\Big(1 + \frac{K(1 - \varepsilon)}{\varepsilon}\Big).$$
At $\varepsilon = 0$ a net that can separate its samples has no optimum, and the gap grows as long as one trains. A linear
model fitted by least squares to smoothed labels is $(1 - \varepsilon) f + \varepsilon/K$ exactly.

Noise on inputs and weights is drawn anew for every update, and there is none when a net is tested.
"""

SYMBOLS = {"ε": "epsilon", "K": "classes", "N": "samples", "σ²": "penalty", "φ": "phi"}

REFERENCES = """
- C. M. Bishop, *Training with Noise is Equivalent to Tikhonov Regularization*, Neural Computation 7, 1995.
- G. An, *The Effects of Adding Noise During Backpropagation Training on a Generalization Performance*, Neural Computation 8,
  1996.
- C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016.
- R. Müller, S. Kornblith, G. Hinton, *When Does Label Smoothing Help?*, NeurIPS 2019.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, section 7.5, MIT Press 2016.
"""

BAND = f"Line and band: mean and range of {SEEDS} seeds."
FRESH = "Noise is new at each update; pictures are drawn without it."


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    panels = [
        Panel(id="sure", figure=lambda: pictures.sure(result, scene), span=6, height="tall", pair="fits", alt=said["sure"],
              keyed=False, title=lambda: sureness(result, scene),
              caption=f"Largest probability on the training samples. {seeds_apart(result)} Dashed: what a label of "
                      f"K\u00a0=\u00a0{scene.K} classes keeps for the right one, 1\u00a0−\u00a0ε\u00a0+\u00a0ε/K."),
        Panel(id="fits", figure=lambda: pictures.fits(result, scene), span=6, height="tall", alt=said["fits"],
              title="One net, with and without noise in training", caption=f"{_fits_of(result)} {FRESH}"),
        Panel(id="gap", figure=lambda: pictures.gap(result, scene), span=4, alt=said["gap"], keyed=False,
              title="Smoothing bounds the logits' gap",
              caption=f"Right class less another, on training samples. {BAND} Diamond: ε = 0, where there is no bound. Dashed: "
                      "ln(1\u00a0+\u00a0K(1\u00a0−\u00a0ε)/ε)."),
        Panel(id="flat", figure=lambda: pictures.flat(result, scene), span=4, pair="steady", alt=said["flat"],
              keyed=False, title="Slope under noise on inputs",
              caption=f"The net's output in x. {BAND} Rings: a linear model's in its own inputs φ, ‖w‖², fitted to {COPIES[-1]} "
                      "copies with noise on φ; dashed: that of ridge with σ²."),
        Panel(id="steady", figure=lambda: pictures.steady(result, scene), span=4, alt=said["steady"], keyed=False,
              title="Slope under noise on weights",
              caption=f"The net's output. {BAND} Dashed: a linear model's, mean ‖φ‖²\u00a0+\u00a01. No weight can change it, so "
                      "the noise penalises none."),
        Panel(id="paths", figure=lambda: pictures.paths(result, scene), span=12, height="short", alt=said["paths"], keyed=False,
              title="In a linear model noise on inputs is ridge",
              caption=f"Solid: weights on {_features(result)}, least squares on {COPIES[-1]} copies of the samples with noise on "
                      "these. Dashed: ridge with penalty σ² (mean of squares; Nσ² for their sum)."),
    ]
    setup = Panel(id="setup", figure=lambda: plane.setup(result, scene), title="What the net learns to tell apart",
                  caption=f"{_symbols(result)} The net is asked for {scene.K} probabilities.", alt=said["setup"])
    player = Player(labels=pictures.labels(), name="Strength", field="level", autoplay=False, seconds=4)
    return Board(panels=panels, further=[*_linear(result, scene, said), *_nets(result, scene, said)], setup=setup, player=player,
                 summary=summary(result, scene), legend=pictures.legend())


def _fits_of(result: Result) -> str:
    return (f"{_symbols(result)} Lines: where the first seed's net, trained on −1 and 1, is 0." if result.own else
            "Dots: the samples of the first seed. Dotted: the curve that they come from.")


def _symbols(result: Result) -> str:
    return (f"Circles: {result.own.names[0]}. Squares: {result.own.names[1]}." if result.own else
            "A symbol for each class.")


def _features(result: Result) -> str:
    return "x₁, x₂ and their products" if result.own else "nine polynomials of x"


def _linear(result: Result, scene: Config, said: Texts) -> list[Panel]:
    fitted = (f"{_symbols(result)} Lines: where a fit to −1 and 1 is 0." if result.own else
              "Dots: the samples; dotted: the curve.")
    if not result.own and pictures.leaves(result, result.linear.fit):
        fitted += " A fit that leaves the frame goes on outside it."
    return [
        Panel(id="polynomial", figure=lambda: worth.polynomial(result, scene), span=6, alt=said["polynomial"],
              title="The linear model's fit and ridge's", caption=f"{fitted} Dashed: ridge with penalty σ²."),
        Panel(id="added", figure=lambda: worth.added(result, scene), span=6, alt=said["added"],
              title="What noise adds to the linear objective",
              caption="Solid: measured. Dashed: σ²‖w‖² on inputs; σ²(mean ‖φ‖² + 1) on weights, level: no w is in it."),
        Panel(id="copies", figure=lambda: worth.copies(result, scene), span=6, alt=said["copies"], keyed=False,
              title="Noise kept is not noise drawn anew",
              caption=f"Fit to R copies of the samples with the most noise on inputs. {BAND} At R = 1 the noise is drawn once "
                      "and kept. Dashed: 1/√R, from the last point."),
        Panel(id="answers", figure=lambda: worth.answers(result, scene), span=6, alt=said["answers"], keyed=False,
              title="Smoothed labels, linear model",
              caption="Each dot: one class's output for one sample, least squares. Dashed: (1 − ε) f + ε/K."),
    ]


def _nets(result: Result, scene: Config, said: Texts) -> list[Panel]:
    numbers, classes = ("-".join(str(size) for size in net.sizes) for net in networks(scene))
    where = "over the test samples, −1 and 1" if result.own else "over x from −4 to 4"
    return [
        *(Panel(id=f"small-{kind}", figure=partial(worth.small_noise, result, scene, kind), span=6, alt=said[f"small-{kind}"],
                keyed=False, title=f"What noise on {kind} adds to the net's loss",
                caption=f"The net trained without noise. {BAND} Dashed: its expansion to σ², mean over seeds, exact as σ → 0.")
          for kind in KINDS),
        Panel(id="sheet", figure=lambda: plane.sheet(result, scene), span=6, pair="tested", alt=said["sheet"], keyed=False,
              title="How sure over the plane",
              caption=f"Largest probability of the first seed's net. {_symbols(result)}"),
        Panel(id="tested", figure=lambda: worth.tested(result, scene), span=6, alt=said["tested"], keyed=False,
              title="Cross-entropy on new samples", caption=f"Test labels are not smoothed. {BAND} {classes} tanh net."),
        Panel(id="distance", figure=lambda: worth.distance(result, scene), span=6, alt=said["distance"],
              title=f"Distance from {goal(result)}", caption=f"Root mean square {where}. {BAND} {numbers} tanh net."),
        Panel(id="training", figure=lambda: worth.training(result, scene), span=6, alt=said["training"],
              title="What is minimised, noise included",
              caption=f"Mean of the updates since the last point, with the most noise. {BAND} Adam, its rate falls as a cosine."),
    ]


page.show("noise", draw, presets=PRESETS, maths=MATHS, code=(ridge, smooth_labels, optimal_gap), symbols=SYMBOLS,
          references=REFERENCES)
