"""exploding_gradients: cliffs, and how clipping survives them."""

from core.lessons.exploding_gradients import clipping, recurrent, words
from core.lessons.exploding_gradients.clipping import ARMS
from core.lessons.exploding_gradients.lesson import CHAINS, UNITS, Config, Result
from core.lessons.exploding_gradients.words import summary
from figures.exploding_gradients import curves, pictures, setup
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("The cliff",
           "At the cliff a step without clipping is 27 long; both clipped runs walk on, and arrive."),
    Preset("Threshold too large", "c = 10: the step at the cliff is still 7 long or more, and all three runs leave the map.",
           dict(threshold=10.0)),
    Preset("Threshold too small",
           "c = 0.03: every clipped step is shorter, and after 80 neither clipped run has arrived.",
           dict(threshold=0.03)),
    Preset("Small learning rate", "ε = 0.1 needs no clipping for now: after 80 steps all three still stand on the plateau.",
           dict(learning_rate=0.1)),
    Preset("Sigmoid", "From h₀ = ½ the cliff runs along b = −w/2, and begins at w = 4, where w·max φ′ = 1.",
           dict(unit="sigmoid", start_w=6.1, start_b=-1.2, learning_rate=3.0, target=0.3, h0=0.5)),
    Preset("Linear, |w| > 1",
           "Back through 50 steps: × 1.2⁵⁰ ≈ 9,100. The first step without clipping is billions long.",
           dict(unit="linear", start_w=1.2, start_b=0.5)),
    Preset("Vanishing", "w = 3, but a sigmoid passes on at most ¾ a step: what happened long ago is not felt.",
           dict(unit="sigmoid", start_w=3.0, start_b=-4.0, T=100, h0=0.5)),
]

MATHS = r"""
A unit that feeds itself, $h_t=\phi(w\,h_{t-1}+b)$, is run for $T$ steps from $h_0$, and gradient descent minimises
$$J(w,b)=(h_T-y)^2 .$$
By the chain rule the gradient passes back through every step and is multiplied at each one:
$$\frac{\partial h_T}{\partial h_{T-k}}=\prod_{s=T-k+1}^{T} w\,\phi'(z_s),\qquad
\Bigl|\frac{\partial h_T}{\partial h_{T-k}}\Bigr|\le\bigl(|w|\max\phi'\bigr)^k ,$$
with $\max\phi'=1$ for tanh and $\tfrac14$ for the sigmoid. A linear unit has $|w|^k$ exactly: it shrinks for $|w|<1$ and grows
for $|w|>1$. With squashing units $|w|\max\phi'>1$ is necessary for growth, but not sufficient.

**The cliff.** For $w\max\phi'>1$ there are $b$ for which the unit comes to rest at a high or at a low state. On the cliff a
tiny change of $b$ decides which, and $J$ jumps. For $w\max\phi'<-1$ the unit can swing between two states instead, and on the
cliff a tiny change of $b$ decides in which of them step $T$ finds it. **The valley** $J=0$ is where the unit rests at
$y=\phi(z)$, $z=wy+b$, with $w\phi'(z)<1$; for $w\max\phi'<-1$ it is not drawn. Both dashed lines are the limit $T\to\infty$
(exact for the linear unit's valley).

**Clipping** replaces the gradient $g$ by
$$\text{by norm: } g\cdot\min\!\Bigl(1,\frac{c}{\lVert g\rVert}\Bigr),\qquad \text{by value: } \min(\max(g_i,-c),c).$$
No step is then longer than $\epsilon c$, or $\sqrt2\,\epsilon c$ by value (two coordinates). The first keeps the direction, the
second need not.

**Chains.** $v\leftarrow W^\top v$ through $k$ layers of $n=32$ units: with a new Gaussian $W$ of variance $g^2/n$ in each layer
$\mathbb E\lVert v\rVert^2=g^{2k}$; with an orthogonal matrix times $g$, $\lVert v\rVert=g^k$; with one matrix of spectral
radius $g$ again and again $\lVert v\rVert$ goes like $g^k$ in the long run.
"""

REFERENCES = """
- R. Pascanu, T. Mikolov, Y. Bengio, *On the difficulty of training recurrent neural networks*, ICML 2013.
- Y. Bengio, P. Simard, P. Frasconi, *Learning Long-Term Dependencies with Gradient Descent is Difficult*, IEEE Transactions on
  Neural Networks 1994.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, sections 8.2.4 and 10.11.1.
"""


def draw(result: Result, scene: Config) -> Board:
    inside = ARMS[scene.inside]
    linear = scene.unit == "linear"
    dashed = "|w| = 1 and J = 0" if linear else "cliff and J = 0 for endless time T"
    panels = [
        Panel(id="map", figure=lambda: pictures.contour(result, scene), span=7, rows=2, height="tall",
              click=("start_w", "start_b"), title="Where each run of gradient descent goes",
              pair="through" if words.vanishes(scene) else "surface",
              caption=f"Bluer: larger loss J{', logarithmic' * linear}. Dashed: {dashed}. Click to start elsewhere.",
              alt=lambda: words.contour(result, scene)),
        Panel(id="steps", figure=lambda: curves.step_lengths(result, scene), span=5, height="short", pair="loss",
              title="How long each step is", caption="Dashed: ε·c, the longest step that clipping by norm allows.",
              alt=lambda: words.lengths(result, scene)),
        Panel(id="through", figure=lambda: curves.through(result, scene), span=5, height="short",
              title="The gradient back through time",
              caption=("Dashed: |w|ᵏ, which a linear unit follows exactly." if linear else
                       "Dashed: the most that w allows, (|w|·max φ′)ᵏ."),
              alt=lambda: words.through(result, scene)),
        Panel(id="surface", figure=lambda: pictures.surface3d(result, scene), span=6,
              title="The loss J as a surface over w and b",
              caption=f"Height: the loss J{', logarithmic, cut at 10⁻⁴ and 10⁶' * linear}. The ring is the start.",
              alt=lambda: words.surface(result)),
        Panel(id="loss", figure=lambda: curves.loss(result, scene), span=6, title="Loss J through training",
              caption="A line ends where J is too large or too small to draw.", alt=lambda: words.loss(result, scene)),
    ]
    further = [
        Panel(id="direction", figure=lambda: curves.direction(result, scene), span=6, pair="chains" if result.chains else "",
              title=f"Gradients of one run: {inside.lower()}",
              caption="Ray: the gradient. Marks: cut at the circle by norm, at the square by value.",
              alt=lambda: words.direction(result, scene))]
    if result.chains:
        further.append(Panel(
            id="chains", figure=lambda: curves.chains(result, scene), span=6, title="The gradient back through layers",
            caption=f"{UNITS} units a layer; median and range of {CHAINS} chains. Dashed: gᵏ.",
            alt=lambda: words.chains(result, scene)))
    return Board(panels=panels, further=further, player=Player(labels=[f"step {s}" for s in pictures.stops(result)]),
                 summary=summary(result, scene), legend=pictures.legend(), setup=_setup(result, scene))


def _setup(result: Result, scene: Config) -> Panel:
    """What the question is about: the unit in time, or the map before any run."""
    if words.vanishes(scene):
        title, caption, unseen = setup.words(scene)
        return Panel(id="setup", figure=lambda: setup.setup(scene), title=title, caption=caption, alt=unseen)
    return Panel(id="setup", figure=lambda: pictures.unexplored(result, scene), title="The loss J over weight and bias",
                 caption=f"Bluer: larger J = (h<sub>T</sub> − y)², with T = {scene.T} times h ← {setup.PHI[scene.unit]}.",
                 alt=lambda: words.unexplored(result, scene))


SYMBOLS = {"w, b": "theta", "φ": "unit", "h": "h", "y": "target", "∂h_T/∂h_t": "back", "c": "threshold", "g": "g"}

page.show("exploding_gradients", draw, presets=PRESETS, maths=MATHS, references=REFERENCES,
          code=(recurrent.gradient, clipping.clip_norm), symbols=SYMBOLS)
