"""links: which regularisers are one idea, and which only resemble each other."""

from core.formatting import format_number, format_percent
from core.lessons.links.lesson import NAMES, Config, Result, at
from core.lessons.links.linear import descent_penalties, dropped_inputs, risk
from core.lessons.links.listing import FAILS, PAIRS
from core.lessons.links.problem import SEEDS
from core.lessons.links.words import alt_texts, condition, distance, finding, order, summary
from figures.kinds import Table
from figures.links import families, paths, pictures
from ui import page
from ui.chart import Board, Panel, Texts
from ui.page import Preset

PRESETS = [
    Preset("Early stopping and L2", "Alike, not the same: at any time the two are at most 30\u00a0% apart along each direction."),
    Preset("Input noise is L2", "In a linear model noise on the inputs is a penalty, to the last digit.",
           dict(pair="input_noise")),
    Preset("Noise drawn once", "One noisy copy that is kept is no penalty: the model fits the noise.",
           dict(pair="kept_noise", strength=10.0)),
    Preset("Dropout of one layer", "One softmax layer of halved weights is the geometric mean of all thinned ones.",
           dict(pair="dropout_layer", strength=10.0)),
    Preset("Dropout of two layers", "With a layer of tanh between, halved weights are no longer that mean of the thinned nets.",
           dict(pair="dropout_net", strength=10.0)),
    Preset("Steps too large", "At three times the inverse of the largest curvature descent diverges, and no penalty does that.",
           dict(pair="descent", strength=3.0)),
    Preset("Nearly 1.69", "Equal curvatures and much noise: somewhere on the path stopping has over 1.5 times the risk of ridge.",
           dict(spread=1.0, noise=30.0, samples=60)),
]

MATHS = r"""
**Exact**: both sides have one solution at every strength, under a condition. **Approximate**: they differ, by a residual
$\|\hat w_1 - \hat w_2\| / \|\hat w_2\|$ of known order. **Analogy**: a likeness without an equation; on the map only.

Linear models minimise the **mean** of squares, $J = \frac1N\|y - Xw\|^2 + \alpha\|w\|^2$. For the **sum** of squares, multiply
$\alpha$ by $N$; with a half before both terms $\alpha$ stays.

| exact | condition |
| :-- | :-- |
| MAP: $\alpha = \sigma^2/(N\tau^2)$ | noise $\mathcal N(0, \sigma^2)$, prior $\mathcal N(0, \tau^2)$ |
| Noise of variance $\sigma^2$ on inputs: $\alpha = \sigma^2$ | linear, squared loss, mean over the noise |
| Dropout, inputs dropped with $p$: $\alpha_j = \frac{p}{1-p}\,\overline{x_j^2}$ | linear, squared loss, mean over masks |
| Dropout: geometric mean of all masks $=$ halved weights | one softmax layer, $p = ½$ |
| Label smoothing $= (1-ε)\,\mathrm{CE} + ε\,(\mathrm{KL}(u\|p) + \ln K)$ | $ε$ over all $K$ classes |
| Mixup $=$ shrunk samples $+$ noise | rewritten with $\max(\lambda, 1-\lambda)$ for mixup's $\lambda$ |
| Ten steps of descent: $\alpha_j = \lambda_j q_j/(1 - q_j)$, $q_j = (1 - s\lambda_j/\lambda_{\max})^{10}$ | $s < 2$ |
| Shared weight: gradient $= \sum_t$ of its uses | all uses hold one value |

Gradient flow on $\frac1{2N}\|y - Xw\|^2$ has come $1 - e^{-\lambda_j t}$ of the way along a direction of curvature
$\lambda_j$, ridge with $\frac\alpha2\|w\|^2$, $\alpha = 1/t$, $\frac{\lambda_j t}{1+\lambda_j t}$.
The first is 1 to 1.2985 times the second, so that flow's bias is the smaller and its variance at most $1.2985^2 < 1.6862$ times
ridge's: its risk $E\|\hat w - w\|^2$ is **never more than 1.69 times** ridge's, for every $w$ and $t$ (Ali, Kolter, Tibshirani
2019; for prediction at new inputs, averaged over $w$).

| approximate | residual |
| :-- | :-- |
| Early stopping, $\alpha = 1/t$ | $\propto t$ for short times |
| $M$ kept copies of noise | $\propto M^{-1/2}$ |
| Dropout or mixup of a logistic model: a penalty of second order | $\propto$ (log-odds)² |
| Halved weights of a tanh net | $\propto$ (weights)³ |
| Label smoothing, $\mathrm{KL}(p\|u)$ for $\mathrm{KL}(u\|p)$ | $\propto$ logits; the two differ at third order |
| Tying, $s\|w - v\|^2$ | $\propto 1/s$ |
"""

SYMBOLS = {"s": "strength", "N": "samples", "p": "drop", "λ_j": "curvatures", "q": "left", "σ": "noise"}

REFERENCES = """
- A. Ali, J. Z. Kolter, R. J. Tibshirani, *A Continuous-Time View of Early Stopping for Least Squares*, AISTATS 2019.
- C. M. Bishop, *Training with Noise is Equivalent to Tikhonov Regularization*, Neural Computation 7, 1995.
- N. Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 15, 2014, section 9.1.
- S. Wager, S. Wang, P. Liang, *Dropout Training as Adaptive Regularization*, NeurIPS 2013.
- P. Baldi, P. Sadowski, *Understanding Dropout*, NeurIPS 2013: the geometric mean.
- G. Pereyra et al., *Regularizing Neural Networks by Penalizing Confident Output Distributions*, 2017.
- L. Carratino, M. Cissé, R. Jenatton, J.-P. Vert, *On Mixup Regularization*, JMLR 23, 2022.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, chapter 7.
"""

DRAWS = f"{SEEDS} draws"


def draw(result: Result, scene: Config) -> Board:
    said, pair = Texts(lambda: alt_texts(result, scene)), PAIRS[scene.pair]
    panels = [
        Panel(id="overview", figure=lambda: pictures.overview(result, scene), span=7, rows=2, height="tall", keyed=True,
              title=f"How far each pair is apart, strength {format_number(scene.strength, 3)}", click=("", "pair"),
              pair=("solutions", "sweep"), alt=said["overview"],
              caption="<b>Exact</b>: one solution at every strength within the pair's condition, here to 10⁻⁶ (dashed). "
              "<b>Approximate</b>: close in a limit. Residual: ‖left − right‖ ÷ ‖right‖, a dot for each of "
              f"{DRAWS}; cross: no solution. Ring: the chosen pair; a click on a dot chooses."),
        Panel(id="solutions", figure=lambda: pictures.solutions(result, scene), span=5, height="short", keyed=False,
              title=f"Both solutions: {pair.name}", alt=said["solutions"],
              caption=_solutions_caption(result, scene)),
        Panel(id="sweep", figure=lambda: pictures.sweep(result, scene), span=5, height="short", keyed=False, alt=said["sweep"],
              title="The residual against the strength", click=("strength", ""), caption=_sweep_caption(scene)),
        Panel(id="map", figure=families.family_map, span=7, height="tall", pair="ratio",
              title="Every lesson in the lecture's four families", alt=said["map"],
              caption="Each name is a link. On a border: of both families; below: what all four act on or compare. Lines join "
              "methods whose link is exact or approximate on this page, or an <b>analogy</b>, a likeness without an equation."),
        Panel(id="ratio", figure=lambda: paths.ratio(result), span=5, height="tall", keyed=False,
              title="Early stopping's risk over that of L2", alt=said["ratio"],
              caption=f"E ‖ŵ − w‖² of gradient flow at time t ÷ that of ridge at α = 1/t, for {DRAWS}. Dashed: 1.69, the most "
              "that it can be (Ali, Kolter, Tibshirani 2019). Dotted: no signal, w = 0, first draw."),
    ]
    further = [
        Panel(id="table", figure=lambda: _table(result, scene), title="Conditions and scalings of all pairs",
              alt=said["table"], caption="Beside the sum over samples, instead of their mean, a penalty is N times as large."),
        Panel(id="families", figure=families.family_table, title="What each lesson does as one of a family", alt=said["families"],
              caption="The same lessons as on the map, in the lecture's order."),
        Panel(id="risk", figure=lambda: paths.risk(result), span=6, title="Both risks along the path", alt=said["risk"],
              caption="First draw, exact expectation over the noise of the targets. Discs: the least of each."),
        Panel(id="path", figure=lambda: paths.path(result, scene), span=6, keyed=False, title=f"Both paths: {pair.name}",
              alt=said["path"],
              caption=f"First draw, up to four entries. Solid: {pair.left}. Dashed: {pair.right}. Scaling: {pair.scaling}."),
    ]
    setup = Panel(id="setup", figure=pictures.setup, title="Pairs of methods", alt=said["setup"],
                  caption="Both sides of each pair come from the same data, with matched strengths.")
    legend = pictures.LEGEND + families.legend() + [("gradient flow", pictures.style.colour("sgd"), "solid"),
                                                   ("ridge", pictures.style.colour("l2"), "solid")]
    return Board(panels=panels, further=further, setup=setup, summary=summary(result, scene), legend=legend)


def _solutions_caption(result: Result, scene: Config) -> str:
    pair = PAIRS[scene.pair]
    lost = scene.pair in result.fits and finding(result, scene) == "none"
    plain = scene.pair in result.fits and result.fits[scene.pair][2] is not None
    marks = f"Discs: {pair.left}. " + ("No rings: no penalty has this result." if lost else f"Rings: {pair.right}.")
    return f"{marks}{' Crosses: without either, if in range.' if plain else ''} First draw. {condition(scene)}"


def _sweep_caption(scene: Config) -> str:
    pair = PAIRS[scene.pair]
    shaded = f"Shaded: over {format_percent(FAILS)} apart." if not pair.exact else "Dashed: 10⁻⁶." + (
        f" Shaded: from s = {pair.below:g} on no penalty has its result." if pair.below < 1e9 else "")
    law = "" if pair.exact else f" Dashed: {order(pair)}, through the mean there."
    return f"s: {pair.dial}. Dots: {DRAWS}; line: mean.{law} {shaded} Dotted: s; click to set it."


def _table(result: Result, scene: Config) -> Table:
    rows = []
    for key, pair in PAIRS.items():
        there = distance(result.residual(key)[at(scene)].mean()) if key in result.fits else ""
        rows.append((NAMES[key], pair.kind, pair.model, pair.condition, pair.scaling, order(pair), there))
    return Table(columns=("pair", "kind", "model", "condition", "scaling", "order", "residual"), rows=tuple(rows))


page.show("links", draw, presets=PRESETS, maths=MATHS, code=(dropped_inputs, descent_penalties, risk), symbols=SYMBOLS,
          references=REFERENCES, linked=True)
