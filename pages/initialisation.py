"""initialisation: symmetry and depth."""

from core.engine.initialise import fill_affine
from core.lessons.initialisation import signal, words
from core.lessons.initialisation.lesson import RANK, Config, N, Result, layers
from core.lessons.initialisation.signal import SCHEMES
from core.lessons.initialisation.words import summary
from figures.initialisation import pictures
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("ReLU, 30 layers",
           "On average Xavier and the orthogonal start halve the second moment at each further layer; He keeps it, and trains."),
    Preset("tanh", "The orthogonal start comes down without one step up; the losses of He and Xavier rise again on the way.",
           dict(activation="tanh", inside="he")),
    Preset("Linear", "On average He doubles the second moment at each layer, and overflows. No linear net can part two circles.",
           dict(activation="linear", inside="he", steps=100)),
    Preset("Adam",
           "Adam divides a gradient by its size, so Xavier and the orthogonal start train too; equal units do not.",
           dict(optimiser="adam", learning_rate=0.001, inside="constant", steps=140)),
    Preset("Gain 1.4", "g² is near 2, nearly twice the variance: now Xavier and the orthogonal start train, and He overflows.",
           dict(gain=1.4)),
    Preset("Three layers", "A shallow net forgives Xavier and the orthogonal start; it forgives neither zeros nor equal units.",
           dict(depth=3, learning_rate=0.05)),
    Preset("Fifty layers",
           "He keeps the second moment on average, but draws lie decades apart, and only some train: try other seeds.",
           dict(depth=50, inside="he", steps=120)),
]

MATHS = r"""
Six starts of one net minimise the mean cross-entropy over $N=64$ points, full batch; biases start at 0. In a layer $z=Wh$,
$h'=\phi(z)$, with uncorrelated weights of variance $\sigma^2$, symmetric about 0,
$$\mathbb E[z^2]=n_{\text{in}}\,\sigma^2\,\mathbb E[h^2],\qquad
\mathbb E[h'^2]=\tfrac12\,\mathbb E[z^2]\ \text{for ReLU},\quad \mathbb E[h'^2]=\mathbb E[z^2]\ \text{for a linear unit,}$$
exactly and at every width; for tanh $\mathbb E[h'^2]\to\mathbb E[\tanh^2(\sqrt{\mathbb E[z^2]}\,u)]$,
$u\sim\mathcal N(0,1)$, as layers get wide.

| start | $\sigma^2$ at $g=1$ | $\mathbb E[h^2]$ per square ReLU layer at $g=1$ |
| --- | --- | --- |
| He | $2/n_{\text{in}}$ | $\times 1$ |
| Xavier | $2/(n_{\text{in}}+n_{\text{out}})$ | $\times \tfrac12$ |
| orthogonal | $1/\max(n_{\text{in}},n_{\text{out}})$ | $\times \tfrac12$ |
| small normal | given | $\times n\sigma^2/2$ |

The gain multiplies all weights but the small normal's by $g$, so that the variances and the factors get a $g^2$.

Backwards, as layers get wide, $\mathbb E[(\partial J/\partial z)^2]$ is multiplied in each layer by
$n_{\text{out}}\,\sigma^2\,\mathbb E[\phi'^2]$, the same factor for square ReLU layers. The means hide a spread: at a
finite width the logarithm of $h^2$ walks at random through the layers, and in deep nets single draws lie decades apart.

**Symmetry.** If all units of a layer have the same weights in and out, they compute the same and get the same gradient, so they
stay equal for ever: the layer's weight matrix keeps rank 1, and the net is one unit wide. With zeros nothing but the last
bias ever gets a gradient. Only unequal units break the symmetry, and chance makes them so.
(The constant start's weights are $g/n_{\text{in}}$.)
"""

REFERENCES = """
- X. Glorot, Y. Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks*, AISTATS 2010.
- K. He, X. Zhang, S. Ren, J. Sun, *Delving Deep into Rectifiers*, ICCV 2015.
- A. Saxe, J. McClelland, S. Ganguli, *Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks*,
  ICLR 2014.
- B. Poole, S. Lahiri, M. Raghu, J. Sohl-Dickstein, S. Ganguli, *Exponential Expressivity in Deep Neural Networks through
  Transient Chaos*, NeurIPS 2016.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, section 8.4.
"""


def draw(result: Result, scene: Config) -> Board:
    wide = " for wide layers" if scene.activation == "tanh" else ""
    panels = [
        Panel(id="forward", figure=lambda: pictures.forward(result, scene), span=7, rows=2, height="tall", pair="loss",
              title="The signal's size in each layer",
              caption=f"Thin dashes: theory{wide}; bands: range of draws; both before training. Zeros have no line.",
              alt=lambda: words.forward(result, scene)),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=5, height="short", title="Which start trains",
              caption=f"All {N} points of two circles. Upright line: the step that is shown.{_beyond(result)}",
              alt=lambda: words.loss(result)),
        Panel(id="backward", figure=lambda: pictures.backward(result, scene), span=5, height="short",
              title="The gradient's size in each layer",
              caption="Read from right to left. Thin dashes: theory for wide layers before training, from the last layer on.",
              alt=lambda: words.backward(result)),
        Panel(id="ridges", figure=lambda: pictures.ridges(result, scene), span=6, pair="units",
              title=f"Sizes of activations, layer by layer: {SCHEMES[scene.inside]}",
              caption="All units and samples whose h is neither 0 nor beyond floating point. Each ridge has its own scale.",
              alt=lambda: words.ridges(result, scene)),
        Panel(id="units", figure=lambda: pictures.units(result), span=6, title="How the units of the first layer move",
              caption=f"Change of a unit's two weights. Grey ring: all {scene.width} units of the constant start.{_gone(result)}",
              alt=lambda: words.units(result, scene)),
    ]
    further = [
        Panel(id="rank", figure=lambda: pictures.rank(result, scene), height="short",
              title=f"Rank of the weights of layer {result.middle}",
              caption=f"Singular values above {RANK:g} of the largest. Dashed: 1, the rank of equal units.",
              alt=lambda: words.rank(result)),
    ]
    # Theory and bands hold at step 0, so that is where the film waits.
    player = Player(labels=[f"step {s}" for s in result.at.tolist()], live=result.step < scene.steps, autoplay=False,
                    from_start=True)
    setup = Panel(
        id="setup", figure=lambda: pictures.setup(result), alt=lambda: words.setup(result, scene),
        title=f"Two circles for {layers(scene.depth)} of {scene.width} units",
        caption="Weights start at g/n<sub>in</sub> (constant), at 0, as an orthogonal matrix times g, or drawn with variance σ² "
        "(small normal), 2g²/(n<sub>in</sub> + n<sub>out</sub>) (Xavier) or 2g²/n<sub>in</sub> (He).")
    return Board(panels=panels, further=further, setup=setup, player=player, summary=summary(result, scene),
                 legend=pictures.legend())


def _beyond(result: Result) -> str:
    schemes = pictures.beyond_axis(result)
    return f" A triangle marks where {words.named(schemes)} {_leave(schemes)} the axis." if schemes else ""


def _gone(result: Result) -> str:
    schemes = words.overflowed(result)
    return f" {words.named(schemes)} {_leave(schemes)} the frame." if schemes else ""


def _leave(schemes: list[str]) -> str:
    return "leaves" if len(schemes) == 1 else "leave"


SYMBOLS = {"n_in, n_out": "fan_in, fan_out", "g": "gain", "W": "weight"}

page.show("initialisation", draw, presets=PRESETS, maths=MATHS, references=REFERENCES, code=(fill_affine, signal.variance),
          symbols=SYMBOLS)
