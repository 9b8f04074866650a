"""batch_norm: scale and shift."""

from dataclasses import replace

from core.formatting import format_number
from core.lessons.batch_norm import lesson, words
from core.lessons.batch_norm.lesson import BATCH_SIZES, COMPANIES, NAMES, SEEN, VALIDATION, Config, Result
from core.lessons.batch_norm.modes import FROM_STEPS, Evaluation
from core.lessons.batch_norm.normalisation import algorithm_1, running_average
from core.lessons.batch_norm.words import alt_texts, setup_alt, summary
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
**Algorithm 1**, for one activation $x$ over a mini-batch of $m$ (Ioffe and Szegedy write $\epsilon$ for $\delta$):
$$\mu \leftarrow \frac1m\sum_{i=1}^m x_i, \qquad \sigma^2 \leftarrow \frac1m\sum_{i=1}^m (x_i-\mu)^2, \qquad
\hat x_i \leftarrow \frac{x_i-\mu}{\sqrt{\sigma^2+\delta}}, \qquad y_i \leftarrow \gamma\hat x_i+\beta .$$

So $y$ has mean $\beta$ and spread $|\gamma|\,\sigma/\sqrt{\sigma^2+\delta}$. With $\gamma=\sqrt{\sigma^2+\delta}$ and
$\beta=\mu$ it is the input again: the layer can still compute all it could. Put $ax+b$ in, with $a>0$, and $\hat x_i$ becomes
$\frac{x_i-\mu}{\sqrt{\sigma^2+\delta/a^2}}$: the scale and the shift are gone, but for $\delta$. A batch of two leaves
$\hat x=\pm 1/\sqrt{1+\delta/\sigma^2}$.

Hence the weights $W$ before the norm have no scale of their own. With $\delta\to0$,
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
taken 256 steps, one of 64 only eight.
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
        Panel(id="algorithm", figure=lambda: pictures.algorithm(scene), span=7, rows=2, height="tall", click=("batch", ""),
              title="Algorithm 1, line by line", alt=alt["algorithm"],
              caption=f"{marks}: mean ± spread. Click, and the nearest value of x moves there."),
        Panel(id="histogram", figure=lambda: pictures.histogram(scene), span=5, height="short", title="The batch as a histogram",
              caption="Pale: x as it came. Red: now." + (f" Outline: {second}, now." if second else ""), alt=alt["histogram"]),
        Panel(id="scaling", figure=lambda: pictures.scaling(scene), span=5, height="short", title="What the input's scale does",
              click=("factor", ""), caption="Grey: without norm. Red: batch norm, dashed: its formula. Click to choose a.",
              alt=alt["scaling"]),
        Panel(id="sets", figure=lambda: pictures.sets(scene), title="Which values share one μ and σ²", alt=alt["sets"],
              caption="Samples to the right, positions upwards, channels into the depth. Counted in the nets' first layer: "
              f"8 channels of 16 positions, m = {scene.batch_size}."),
    ]
    panels += _net_panels(result, facts, scene, alt) if result.arm.step else []
    return Board(panels=panels, setup=_setup(scene), summary=summary(result, scene, facts), legend=pictures.legend(),
                 player=Player(labels=labels, name="Line", seconds=9.0))


def _setup(scene: Config) -> Panel:
    name = words.second_name(replace(scene, **dict(zip(("factor", "offset"), lesson.question_transform(scene), strict=True))))
    return Panel(id="setup", figure=lambda: pictures.setup(scene), title=f"The batch x, the layer's output y, and {name}",
                 caption=f"Bars: mean ± spread. y is made of x with γ = {format_number(scene.gamma)}, β = "
                         f"{format_number(scene.beta)} and "
                 f"δ = {format_number(scene.delta)}. What is made of {name}?", alt=lambda: setup_alt(scene))


def _net_panels(result: Result, facts: Evaluation, scene: Config, alt: Texts) -> list[Panel]:
    at = f"ε = {scene.learning_rate:g}, m = {scene.batch_size}"
    arm, starts = result.arm, lesson.trained_starts(scene)
    few = f" Only {starts} of {scene.starts} starts trained, to save time." if starts < scene.starts else ""
    panels = [
        Panel(id="rates", figure=lambda: nets.rates(result, facts, scene), span=7, alt=alt["rates"],
              title="The same net, start and batches at every learning rate",
              caption=f"Mean training loss of the last {min(FROM_STEPS, arm.step)} of {arm.step} batches; bands: range over "
              "starts; crosses: a start diverged. Dotted: the rate looked into. Rounding alone can move instance norm's "
              f"curve at any ε, and the others at a large one.{few}"),
        Panel(id="spread", figure=lambda: nets.layers(result, scene, "spread"), span=5, title=f"Spread of each layer, {at}",
              caption=f"Grey: no norm. Coloured: {NAMES[scene.inside].lower()}. Thin to thick: layers 1 to 4.",
              alt=alt["spread"]),
    ]
    if result.sizes:
        smallest, largest = (f"{SEEN // m} steps at m = {m}" for m in (BATCH_SIZES[0], BATCH_SIZES[-1]))
        left = format_number(100 * (1 - scene.momentum) ** (SEEN // BATCH_SIZES[-1]))
        panels.append(Panel(
            id="sizes", figure=lambda: nets.sizes(result, facts), alt=alt["sizes"],
            title="Validation loss against batch size, each at its best ε",
            caption=f"Each has seen the same {SEEN} digits once: {smallest}, {largest}. Group norm with {scene.groups} "
            f"group{'s' if scene.groups > 1 else ''}. Batch norm in eval mode: with momentum {scene.momentum:g} the start is "
            f"still {left} % of its running statistics at m = {BATCH_SIZES[-1]}."))
    if len(result.upcoming):
        panels += _batch_norm_panels(result, facts, scene, at, alt)
    return panels


def _batch_norm_panels(result: Result, facts: Evaluation, scene: Config, at: str, alt: Texts) -> list[Panel]:
    channel = [
        Panel(id="channel", figure=lambda: nets.channel(facts), span=7, title="A channel of the trained net, line by line",
              caption=f"Batch norm, {at}: the first layer's most spread channel over one batch; γ and β as learnt. Numbers: "
              "mean ± spread.", alt=alt["channel"]),
    ] if facts.values.isfinite().all() else []
    return [
        *channel,
        Panel(id="mean", figure=lambda: nets.layers(result, scene, "mean"), span=5, title=f"Mean of each layer, {at}",
              caption=f"Grey: no norm. Coloured: {NAMES[scene.inside].lower()}. What leaves the frame goes on outside it.",
              alt=alt["mean"]),
        Panel(id="running_mean", figure=lambda: nets.running(facts, scene, 0), span=4,
              title="The running mean follows the batches",
              caption="Dots: batches. Training stops at the dotted line. Dashed: expected from there on.",
              alt=alt["running_mean"]),
        Panel(id="running_variance", figure=lambda: nets.running(facts, scene, 1), span=4, title="So does the running variance",
              caption=f"It starts at 1. Small momentum is slow, large momentum is noisy; here it is {scene.momentum:g}.",
              alt=alt["running_variance"]),
        Panel(id="modes", figure=lambda: nets.modes(facts), span=4, title="One image, two modes",
              caption=f"{VALIDATION} images, each in {COMPANIES} random batches of {scene.batch_size}. Off the dashed "
              "line, mode and company matter.", alt=alt["modes"]),
    ]


SYMBOLS = {"x": "x", "μ": "mean", "σ²": "var", "x̂": "xhat", "y": "y", "γ": "gamma", "β": "beta", "δ": "delta", "ρ": "momentum",
           "r₀": "start", "m": "batch_size", "ε": "learning_rate"}

page.show("batch_norm", draw, presets=PRESETS, maths=MATHS, code=(algorithm_1, running_average), symbols=SYMBOLS,
          references=REFERENCES)
