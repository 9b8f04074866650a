"""surrogate_losses: nets are trained on a stand-in for the error."""

from core.lessons.surrogate_losses import surrogates
from core.lessons.surrogate_losses.lesson import LOSSES, Config, Result, spoken
from core.lessons.surrogate_losses.words import alt_texts, names, summary
from figures.surrogate_losses import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("One outlier",
           "One sample deep in the other class: exponential loss moves furthest, its slope grows exponentially with depth."),
    Preset("No outliers", "Two Gaussian classes as they are: all four losses give nearly every sample the same class.",
           dict(distance=0, n=200)),
    Preset("An outlier on its own side",
           "One sample far on its own side: only squared loss punishes that, and turns its boundary.",
           dict(side="right", distance=20)),
    Preset("Wrong labels",
           "With three in ten labels flipped, the errors stay near the least there is, and the scores shrink.",
           dict(label_noise=30, distance=0, n=200)),
    Preset("A net that overfits",
           "Its training error falls below the least expected; the validation error settles, its logistic loss climbs on.",
           dict(model="net", distance=0, n=120, steps=600, draws=2)),
    Preset("Separable classes",
           "With a gap between the classes the training error is soon 0, yet logistic loss has no minimum and falls on.",
           dict(apart=7.0, distance=0, steps=600)),
]

MATHS = r"""
**What we want** is few errors: the 0-1 loss $\mathbf 1[z\le0]$ of the margin $z=y\,f(x)$, $y=\pm1$. It is flat wherever it is
not a cliff, so it has no gradient to follow. **What we minimise** is a mean over the training samples of a convex loss,
$$J(\theta)=\frac1N\sum_{i=1}^N\varphi\bigl(y^{(i)}f(x^{(i)};\theta)\bigr),$$
$$\varphi_{\text{squared}}=(1-z)^2,\quad\varphi_{\text{hinge}}=\max(0,1-z),\quad\varphi_{\text{logistic}}=\log_2(1+e^{-z}),\quad
\varphi_{\text{exponential}}=e^{-z}.$$
For $y=\pm1$, $(y-f)^2=(1-yf)^2$; the logistic loss is cross-entropy in bits. Each lies on or above the 0-1 loss, so the error is
at most $J$; in nats the logistic loss would start at $\ln2<1$ and not be a bound.

**What an outlier weighs** is the slope at its margin: at $z=-8$ about $18$ for squared, $1$ for hinge, $1/\ln2$ for logistic and
$2981$ for exponential loss. At $z=+8$ it is $14$ for squared loss and below $0.001$ for the others: only squared loss pulls a
sample back that is right by far. The further out on the wrong side, the more: squared loss's slope grows in proportion,
exponential loss's exponentially; the hinge's and the logistic loss's are bounded.

**What each wants.** Where $P(y=1\mid x)=\eta$, the expected loss is least at
$$f_{\text{squared}}=2\eta-1,\quad f_{\text{hinge}}=\operatorname{sign}(2\eta-1),\quad f_{\text{logistic}}=\ln\frac\eta{1-\eta},
\quad f_{\text{exponential}}=\tfrac12\ln\frac{\eta}{1-\eta}.$$
All have the sign of the classifier with the fewest errors; all but the hinge's tell $\eta$. Where a straight line separates
the training samples, logistic and exponential loss have no minimum: lengthening a $w$ that separates always lowers them.

Here the classes are Gaussian with unit variance, $\Delta$ apart, so without flipped labels
$\ln\frac{\eta}{1-\eta}=\Delta x_1$, and no classifier expects an error below $\Phi(-\Delta/2)$.
With a part $\rho$ of the labels flipped it is $\rho+(1-2\rho)\,\Phi(-\Delta/2)$.
Of points of your own $\eta$ is not known, so that the boundary of fewest errors, the least error and the scores that are wanted
are not drawn. The closed form of least squares is: it needs the samples alone.
"""

REFERENCES = """
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, section 8.1.2.
- P. Bartlett, M. Jordan, J. McAuliffe, Convexity, classification, and risk bounds, *Journal of the American Statistical
  Association* 101, 2006.
- T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical Learning*, 2nd edition, Springer 2009, section 10.6.
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    exact = " In the text's colour: squared loss in closed form." if scene.model == "linear" else ""
    a, b = names(result)
    marks = f" Diamonds: outliers, of {b}." if scene.distance else ""
    marks += " Rings: wrong labels." if scene.label_noise else ""
    panels = [
        Panel(id="plane", figure=lambda: pictures.plane(result, scene), span=7, height="tall", pair="outliers", alt=said["plane"],
              title="Where each loss puts its boundary",
              caption=f"Circles: {a}. Squares: {b}.{marks} {_best(result)}"),
        Panel(id="outliers", figure=lambda: pictures.outliers(result, scene), span=5, height="tall", alt=said["outliers"],
              title="How many change class as outliers go further", click=("distance", ""),
              caption=f"Change from d = 0: mean and range of {scene.draws} draws.{exact} Click to set d."),
        Panel(id="losses", figure=lambda: pictures.losses(result), span=6, title="Four stand-ins for the 0-1 loss",
              pair="train-logistic", alt=said["losses"],
              caption=lambda: f"Margin: how far on the right side. Ticks: margins of the training samples"
              f"{pictures.beyond(result)}."),
        _training(result, scene, "logistic", said),
    ]
    further = [
        _training(result, scene, "squared", said, pair="train-hinge"), _training(result, scene, "hinge", said),
        _training(result, scene, "exponential", said, pair="" if result.own else "wanted"),
    ]
    if not result.own:
        further.append(Panel(
            id="wanted", figure=lambda: pictures.wanted(result, scene), span=6, title="The score each loss wants", keyed=False,
            alt=said["wanted"], caption="Dots: scores of validation samples. Lines: the scores of least expected loss."))
    player = Player(labels=[f"step {s}" for s in result.recorded.tolist()], live=not result.done)
    return Board(panels=panels, further=further, setup=_setup(result, scene), player=player, summary=summary(result, scene),
                 legend=pictures.LEGEND)


def _best(result: Result) -> str:
    return ("Their log-odds are not known, so no best boundary is drawn." if result.own else
            "In the text's colour: where no classifier expects fewer errors.")


def _training(result: Result, scene: Config, loss: str, said: Texts, pair: str = "") -> Panel:
    bits = " Loss in bits." if loss == "logistic" else ""
    least = "" if result.own else " Dashed: least expected error."
    return Panel(id=f"train-{loss}", figure=lambda: pictures.training(result, scene, loss), span=6, pair=pair, keyed=False,
                 title=f"{LOSSES[loss]} loss and the error it leaves", alt=said[f"train-{loss}"],
                 caption=f"Solid: training. Dotted: validation.{least}{bits}")


def _setup(result: Result, scene: Config) -> Panel:
    count, (a, b) = result.carried[0], names(result)
    right = scene.side == "right"
    if result.own:
        start, end = (a, b) if right else (b, a)
        way = f"along the line from the mean of {start} to that of {end}, turned by 35°"
    else:
        way = "to the right, away from class A" if right else "to the left, towards class A and beyond"
    here = "" if scene.distance else f" They are drawn {spoken(scene)} away, as the question has them."
    along = f" It goes {way}." if result.own else ""
    what = f"{a} and {b}" if result.own else f"two classes, {scene.apart:g} apart along x₁"
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="The training set",
                 caption=f"Circles: {a}. Squares: {b}. Diamonds: what is carried away, dotted from where it was.{along}{here}",
                 alt=f"{len(result.y)} samples of {what}; {count} of {b} carried {spoken(scene)} away, {way}.")


SYMBOLS = {"φ": "phi", "z": "z", "dφ/dz": "slope", "f": "wanted"}

page.show("surrogate_losses", draw, presets=PRESETS, maths=MATHS, code=(surrogates.phi, surrogates.slope, surrogates.wanted),
          symbols=SYMBOLS, references=REFERENCES)
