"""batch_norm: scale and shift."""

from dataclasses import replace

from core.formatting import format_number, format_percent
from core.lessons.batch_norm import lesson, words
from core.lessons.batch_norm.lesson import BATCH_SIZES, COMPANIES, SEEN, VALIDATION, Config, Result
from core.lessons.batch_norm.modes import Evaluation
from core.lessons.batch_norm.normalisation import algorithm_1, running_average
from core.lessons.batch_norm.words import alt_texts, setup_alt, summary
from core.moments import NEVER
from figures.batch_norm import nets, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Doubled", "A second batch, twice the first, goes through the same four lines."),
    Preset("Undone", "γ = σ and β = μ: the net can give the batch back as it was.", dict(gamma=2.0, beta=3.0, factor=1.0)),
    Preset("A batch of two", "Two values well apart become x̂ = −1 and +1: all that is left is which of them is larger.",
           dict(batch=(1.0, 5.5), factor=-1.0, gamma=1.0, beta=0.0, batch_size=2)),
    Preset("An outlier", "One far value sets σ, and squeezes all the others together.",
           dict(batch=(0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 4.5, -10.0), gamma=1.0, beta=0.0)),
    Preset("δ is not small", "Where δ is no smaller than σ², the output still tells that the input was doubled.",
           dict(batch=(0.1, 0.2, 0.35, 0.5, 0.6, 0.9), delta=0.1, gamma=1.0, beta=0.0)),
    Preset("Weights ten times too large", "Without norm no rate trains the net; with any norm the first loss is what it was.",
           dict(weight_scale=10.0, learning_rate=0.5)),
    Preset("From 2 to 64 a batch", "From m = 8 to m = 2, on the same digits, batch norm's lead over group norm shrinks.",
           dict(every_batch_size=True, batch_size=2, starts=1, steps=200, learning_rate=0.2)),
]

MATHS = r"""
**The four lines of batch norm**, for one activation $x$ over a mini-batch of $m$ (Algorithm 1 of Ioffe and Szegedy, who write
$\epsilon$ for $\delta$):
$$\mu \leftarrow \frac1m\sum_{i=1}^m x_i, \qquad \sigma^2 \leftarrow \frac1m\sum_{i=1}^m (x_i-\mu)^2, \qquad
\hat x_i \leftarrow \frac{x_i-\mu}{\sqrt{\sigma^2+\delta}}, \qquad y_i \leftarrow \gamma\hat x_i+\beta .$$

So $y$ has mean $\beta$ and spread $|\gamma|\,\sigma/\sqrt{\sigma^2+\delta}$. With $\gamma=\sqrt{\sigma^2+\delta}$ and
$\beta=\mu$ of a batch it is that batch again, and in eval mode, where $\mu$ and $\sigma$ are fixed, the layer can compute all it
could without the norm. Put $ax+b$ in, with $a>0$, and $\hat x_i$ becomes
$\frac{x_i-\mu}{\sqrt{\sigma^2+\delta/a^2}}$: the scale and the shift are gone, but for $\delta$. A batch of two leaves
$\hat x=\pm 1/\sqrt{1+\delta/\sigma^2}$.

Hence the weights $W$ before the norm have no scale of their own. With $\delta\to0$ and $a>0$,
$$\mathrm{BN}(aWx)=\mathrm{BN}(Wx), \qquad \frac{\partial J}{\partial (aW)}=\frac1a\,\frac{\partial J}{\partial W},$$
so a step of gradient descent turns $W$ by an angle in proportion to $\epsilon/\lVert W\rVert^2$. Backwards, with
$g_i=\partial J/\partial\hat x_i$ and means over the averaged set,
$$\frac{\partial J}{\partial x_i}=\frac{1}{\sqrt{\sigma^2+\delta}}\Big(g_i-\overline{g}-\hat x_i\,\overline{g\,\hat x}\Big).$$

**At test time** batch norm uses running statistics for $\mu$ and $\sigma^2$, $r \leftarrow (1-\rho)\,r+\rho\,s$
with momentum $\rho$ (the variance with one less than the count below, as in torch). Where $s$ stands still,
$r_t=s+(r_0-s)(1-\rho)^t$.

**The nets** minimise the mean cross-entropy of a mini-batch,
$J(\theta)=-\frac1m\sum_{i}\ln p_\theta(t_i\mid x_i)$, by $\theta\leftarrow\theta-\epsilon\nabla J$. Digits of 8 × 8
pixels; a 2×2 convolution of stride 2 to 8 channels, 1×1 to 8, 2×2 of stride 2 to 16, 1×1 to 16, each with norm and ReLU; then
an affine layer. Start, batches and number of steps are common to all five, and under every norm $\gamma$ and $\beta$ belong to
a channel. Batch sizes are compared after the same 512 digits, each kind at the best of its seven rates: a batch of two has then
taken 256 steps, one of 64 only eight. Rounding alone can move instance norm's loss at any $\epsilon$, and that of every kind at
a large one.
"""

REFERENCES = """
- S. Ioffe and C. Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*,
  ICML 2015.
- J. L. Ba, J. R. Kiros and G. E. Hinton, *Layer Normalization*, 2016, arXiv:1607.06450.
- D. Ulyanov, A. Vedaldi and V. Lempitsky, *Instance Normalization: The Missing Ingredient for Fast Stylization*, 2016,
  arXiv:1607.08022.
- Y. Wu and K. He, *Group Normalization*, ECCV 2018.
- S. Santurkar, D. Tsipras, A. Ilyas and A. Madry, *How Does Batch Normalization Help Optimization?*, NeurIPS 2018.
- Digits: E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository.
"""


def draw(result: Result, scene: Config) -> Board:
    facts = lesson.evaluation(result, scene)
    alt = Texts(lambda: alt_texts(result, facts, scene))
    labels, *_ = pictures.film(scene)
    second = words.second_name(scene) if lesson.changes(scene) else ""
    marks = f"Filled: x; hollow: {second}; bars" if second else "Bars"
    panels = [
        Panel(id="lines", figure=lambda: pictures.algorithm(scene), span=7, height="tall", click=("batch", ""), keyed=False,
              title="The four lines of batch norm", alt=alt["lines"],
              caption=f"{marks}: mean ± spread. Click, and the nearest value of x moves there."),
        Panel(id="scaling", figure=lambda: pictures.scaling(scene), span=5, height="tall", title="What the input's scale does",
              click=("factor", ""), caption="Dashed: batch norm's formula, 0 at a = 0. Click to choose a.", alt=alt["scaling"]),
    ]
    sets = Panel(id="sets", figure=lambda: pictures.sets(scene), span=5, title="Which values share one μ and σ²", keyed=False,
                 caption=f"Samples to the right, positions up, channels back. Counts: first layer, m = {scene.batch_size}.",
                 alt=alt["sets"])
    further = [Panel(id="histogram", figure=lambda: pictures.histogram(scene), span=5, title="The batch as a histogram",
                     caption="Pale: x as it came. Red: now." + (f" Outline: {second}, now." if second else ""), keyed=False,
                     alt=alt["histogram"])]
    if not result.arm.step:
        panels.append(sets)
    else:
        rates, spread, mean = _net_panels(result, scene, facts, alt)
        panels += [rates, sets, spread, _sizes(result, facts, scene, alt) if result.sizes else mean]
        if len(result.upcoming):
            further += _batch_norm_panels(facts, scene, alt)
        further += [mean] if result.sizes else []
    return Board(panels=panels, further=further, setup=_setup(scene), summary=summary(result, scene, facts),
                 legend=pictures.legend(), player=Player(labels=labels, name="Line", seconds=9.0))


def _setup(scene: Config) -> Panel:
    name = words.second_name(replace(scene, **dict(zip(("factor", "offset"), lesson.question_transform(scene), strict=True))))
    return Panel(id="setup", figure=lambda: pictures.setup(scene), title=f"Batch x, output y, {name}", keyed=False,
                 caption=f"Bars: mean ± spread. y is made of x with γ = {format_number(scene.gamma)}, β = "
                         f"{format_number(scene.beta)} and "
                 f"δ = {format_number(scene.delta)}. What is made of {name}?", alt=lambda: setup_alt(scene))


def _net_panels(result: Result, scene: Config, facts: Evaluation, alt: Texts) -> tuple[Panel, Panel, Panel]:
    """Learning rates, spread and mean."""
    arm, starts = result.arm, lesson.trained_starts(scene)
    at = f"At ε = {scene.learning_rate:g}, m = {scene.batch_size}. Thin to thick: layers 1 to 4."
    few = f" Only {starts} of {scene.starts} starts trained, to save time." if starts < scene.starts else ""
    bands = "Bands: range over starts. " if starts > 1 else ""
    now = f"Step {arm.step} of {scene.steps}. " if arm.step < scene.steps else ""
    gone = " ×: a start diverged." if bool((arm.diverged_at != NEVER).any()) else ""
    cut = " What leaves the frame goes on outside it." if nets.mean_limit(result, scene) else ""
    return (
        Panel(id="rates", figure=lambda: nets.rates(result, facts, scene), span=7, alt=alt["rates"], pair="sets",
              title="The same net at every learning rate",
              caption=f"{now}{bands}Dotted: the ε looked into. Dashed: guessing.{gone}{few}"),
        Panel(id="spread", figure=lambda: nets.layers(result, scene, "spread"), span=6, title="Spread of each layer in training",
              caption=at, alt=alt["spread"], pair="" if result.sizes else "mean"),
        Panel(id="mean", figure=lambda: nets.layers(result, scene, "mean"), span=6, title="Mean of each layer in training",
              caption=f"{at}{cut}", alt=alt["mean"]),
    )


def _sizes(result: Result, facts: Evaluation, scene: Config, alt: Texts) -> Panel:
    left = format_percent((1 - scene.momentum) ** (SEEN // BATCH_SIZES[-1]))
    return Panel(
        id="sizes", figure=lambda: nets.sizes(result, facts), alt=alt["sizes"], span=6,
        title="Validation loss, each batch size at its best ε",
        caption=f"After the same {SEEN} digits. {words.compared(result, facts)} In eval mode: with momentum {scene.momentum:g} "
        f"the start is still {left} of the running statistics at m = {BATCH_SIZES[-1]}.")


def _batch_norm_panels(facts: Evaluation, scene: Config, alt: Texts) -> list[Panel]:
    channel = [
        Panel(id="channel", figure=lambda: nets.channel(facts), span=7, title="A trained channel, line by line",
              caption=f"Batch norm, ε = {scene.learning_rate:g}, m = {scene.batch_size}: the first layer's most spread channel "
              "over one batch; γ and β as learnt. Numbers: mean ± spread.", alt=alt["channel"]),
    ] if facts.values.isfinite().all() else []
    return [
        *channel,
        Panel(id="running_mean", figure=lambda: nets.running(facts, scene, 0), span=4, pair="running_variance", keyed=False,
              title="The running mean follows the batches",
              caption="Dots: batches. Training stops at the dotted line. Dashed: expected from there on.",
              alt=alt["running_mean"]),
        Panel(id="running_variance", figure=lambda: nets.running(facts, scene, 1), span=4, keyed=False,
              title="The running variance follows the batches",
              caption=f"It starts at 1. Small momentum is slow, large momentum is noisy; here it is {scene.momentum:g}.",
              alt=alt["running_variance"]),
        Panel(id="modes", figure=lambda: nets.modes(facts), span=4, title="One image, two modes", keyed=False,
              caption=f"{VALIDATION} images, each in {COMPANIES} random batches. Off the dashed line, mode and company matter."
                      f"{words.rightness(facts, scene)}", alt=alt["modes"]),
    ]


SYMBOLS = {"x": "x", "μ": "mean", "σ²": "var", "x̂": "xhat", "y": "y", "γ": "gamma", "β": "beta", "δ": "delta", "ρ": "momentum",
           "r₀": "start", "m": "batch_size", "ε": "learning_rate"}

page.show("batch_norm", draw, presets=PRESETS, maths=MATHS, code=(algorithm_1, running_average), symbols=SYMBOLS,
          references=REFERENCES)
