"""exploding_gradients: cliffs, and how clipping survives them."""

from core.lessons.exploding_gradients import clipping, recurrent, words
from core.lessons.exploding_gradients.clipping import ARMS
from core.lessons.exploding_gradients.lesson import CHAINS, UNITS, Config, Result
from core.lessons.exploding_gradients.words import summary
from figures.exploding_gradients import pictures, setup
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("Off the cliff",
           "At the cliff a step without clipping is 27 long and leaves the map; both clipped runs walk on, and arrive."),
    Preset("Too loose", "c = 10: the step at the cliff is still 7 long or more, and all three runs leave the map.",
           dict(threshold=10.0)),
    Preset("Too tight", "c = 0.03: every clipped step is shorter than 0.03, and after 80 neither clipped run has arrived.",
           dict(threshold=0.03)),
    Preset("Small ε instead", "ε = 0.1 needs no clipping for now: after 80 steps all three still stand on the plateau.",
           dict(learning_rate=0.1)),
    Preset("Sigmoid", "From h₀ = ½ the cliff runs along b = −w/2, and begins at w = 4, where w·max φ′ = 1.",
           dict(unit="sigmoid", start_w=6.1, start_b=-1.2, learning_rate=3.0, target=0.3, h0=0.5)),
    Preset("Linear, |w| > 1", "The gradient is 1.2⁵⁰ ≈ 9,100 times as large after 50 steps; the first step without clipping is "
           "billions long.", dict(unit="linear", start_w=1.2, start_b=0.5)),
    Preset("Vanishing", "w = 3, but a sigmoid passes on at most ¾ at every step: what happened long ago is not felt.",
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
    told = summary(result, scene)
    inside = ARMS[scene.inside]
    linear = scene.unit == "linear"
    panels = [
        Panel(id="map", figure=lambda: pictures.contour(result, scene), span=7, rows=2, height="tall",
              click=("start_w", "start_b"),
              caption="Click anywhere to start from there. The stronger the blue, the larger J" + (
                  ", on a logarithmic scale from 10⁻⁴ to 10⁶. Dashed: |w| = 1, and in green J = 0." if linear else
                  ". Dashed: where theory puts the cliff, and in green J = 0, as T → ∞."),
              alt=lambda: words.contour(result, scene)),
        Panel(id="steps", figure=lambda: pictures.step_lengths(result, scene), span=5, height="short",
              title="How long each step is",
              caption="Clipping by norm keeps every step at or below ε·c, dashed.", alt=lambda: words.steps_alt(result, scene)),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=5, height="short", title="Loss J through training",
              caption="Logarithmic. A line ends where J is too large or too small to draw.",
              alt=lambda: words.loss(result, scene)),
        Panel(id="surface", figure=lambda: pictures.surface3d(result, scene), span=6, title="The same, as a surface",
              caption="Height is " + ("log J, cut at 10⁻⁴ and 10⁶." if linear else "J."), alt=lambda: words.surface(result)),
        Panel(id="through", figure=lambda: pictures.through(result, scene), span=6, title=f"Back through time: {inside.lower()}",
              caption=("Dashed: |w|ᵏ, which the linear unit follows exactly." if linear else
                       "Dashed: the most that w allows, (|w|·max φ′)ᵏ. Where the unit saturates, φ′ is far smaller.")
              + " w is that of the step shown. Below 10⁻³⁶ nothing is drawn.", alt=lambda: words.through(result, scene)),
        Panel(id="direction", figure=lambda: pictures.direction(result, scene), span=6,
              title=f"What clipping does to a gradient: {inside.lower()}",
              caption="The ray is the gradient of this run's next step, at the end that of its last one. By norm it is cut at "
              "the circle and keeps its direction; by value each coordinate is cut at the square. Pale: at all other steps.",
              alt=lambda: words.direction(result, scene)),
    ]
    if result.chains:
        panels.append(Panel(
            id="chains", figure=lambda: pictures.chains(result, scene), span=6, title="Back through layers",
            caption=f"{UNITS} units a layer, median and range of {CHAINS} chains. Purple, solid: a new Gaussian matrix in "
            "every layer. Orange, dash-dotted: one matrix again and again. Green, broad: orthogonal. Dashed: gᵏ.",
            alt=lambda: words.chains(result, scene)))
    player = Player(labels=[f"step {s}" for s in pictures.stops(result)])
    title, caption, unseen = setup.words(scene)
    return Board(
        panels=panels, player=player, summary=told, legend=pictures.legend(),
        setup=Panel(id="setup", figure=lambda: setup.setup(scene), title=title, caption=caption, alt=unseen))


SYMBOLS = {"w, b": "theta", "φ": "unit", "h": "h", "y": "target", "∂h_T/∂h_t": "back", "c": "threshold", "g": "g"}

page.show("exploding_gradients", draw, presets=PRESETS, maths=MATHS, references=REFERENCES,
          code=(recurrent.gradient, clipping.clip_norm), symbols=SYMBOLS)
