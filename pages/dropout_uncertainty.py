"""dropout_uncertainty: test-time dropout as an ensemble, beside two real ones."""

from core.formatting import format_number
from core.lessons.dropout_uncertainty import lesson
from core.lessons.dropout_uncertainty.data import REMOTE
from core.lessons.dropout_uncertainty.guessing import calibration_error, passes_used, spread
from core.lessons.dropout_uncertainty.lesson import METHODS, QUANTITIES, Config, Result
from core.lessons.dropout_uncertainty.uncertainty import entropies, running_spread
from core.lessons.dropout_uncertainty.words import alt_texts, summary
from figures.dropout_uncertainty import pictures, worth
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("The gap", "Without samples the deep ensemble's σ grows more than threefold, that of MC dropout far less."),
    Preset("Ensemble in front", "The same scene, with ten nets from ten starts in the large picture.",
           dict(focus="deep_ensemble")),
    Preset("One hidden layer", "The σ of MC dropout is convex in x here: it is smallest in the gap, where it should be large.",
           dict(depth=1)),
    Preset("Half the units off", "p = 0.5: the mean fits far worse, and among the data σ does not grow as much.",
           dict(dropout=0.5)),
    Preset("Dropout off", "p = 0: every pass is the same net, so σ is zero everywhere, right or wrong.", dict(dropout=0.0)),
    Preset("Two moons", "On average the passes disagree more far from the data than near them.", dict(problem="moons")),
    Preset("Sure far away", "Total entropy: in most of the plane far from all data the net is more than 95 % sure.",
           dict(problem="moons", quantity="total", probe_x=4.0, probe_y=2.5)),
]

MATHS = r"""
Every net minimises $J(\theta) + \frac{\alpha}{2}\lVert w\rVert^2$ with $J = \frac1N\sum_n (f(x_n;\theta) - y_n)^2$ on the
curve, and the mean binary cross-entropy on the moons. In training, dropout multiplies each hidden unit by a mask
$m_j \in \{0, \tfrac{1}{1-p}\}$ with $P(m_j = 0) = p$. **MC dropout** keeps drawing masks afterwards: with $T$ of them
$$\hat\mu(x) = \frac1T\sum_{t=1}^{T} f(x; \theta, m_t), \qquad
\hat\sigma^2(x) = \frac{1}{T-1}\sum_{t=1}^{T}\bigl(f(x;\theta,m_t) - \hat\mu(x)\bigr)^2 .$$
A **deep ensemble** averages $M$ nets from $M$ starts on the same data, **bagging** $M$ nets on $M$ bootstraps, with the same
two formulas. This is model averaging, $p(X) = \sum_Y p(X\mid Y)\,p(Y)$, with $Y$ the net that was drawn.

The passes are independent, so the root mean square distance of $\hat\mu$ from its limit is $\sigma/\sqrt T$: four times the
passes halve it. The error against the truth stops falling at the error of the limit.

With **one hidden layer**, output weights $v_j$ and activations $a_j(x)$, the variance over masks is exactly
$$\sigma^2(x) = \frac{p}{1-p}\sum_j v_j^2\,a_j(x)^2 .$$
With ReLU each $a_j$ is convex in $x$ and not negative, so $\sigma$ is convex too: between two places with data it cannot exceed
the chord between them. Deeper nets escape this theorem, but nothing makes them wide in the gap.

For a **classification** the entropy of the mean splits into what each pass is unsure of and what they disagree about:
$$H[\bar p] = \underbrace{\tfrac1T\textstyle\sum_t H[p_t]}_{\text{expected entropy}}
+ \underbrace{\tfrac1T\textstyle\sum_t \mathrm{KL}(p_t \,\Vert\, \bar p)}_{\text{mutual information}} .$$

**Calibration.** On the curve a new observation should fall into $\hat\mu \pm z_q\sqrt{\hat\sigma^2 + \text{noise}^2}$ with
probability $q$; the true function and the noise are known, so the probability that it does is computed exactly. On the
moons, of the samples that are classified with 80 % confidence, 80 % should be right (ECE: the mean gap, weighted by counts).
"""

REFERENCES = """
- Y. Gal, Z. Ghahramani, *Dropout as a Bayesian approximation: representing model uncertainty in deep learning*, ICML 2016.
- B. Lakshminarayanan, A. Pritzel, C. Blundell, *Simple and scalable predictive uncertainty estimation using deep
  ensembles*, NeurIPS 2017.
- L. Breiman, *Bagging predictors*, Machine Learning 24, 1996.
- A. Y. K. Foong, D. R. Burt, Y. Li, R. E. Turner, *On the expressiveness of approximate inference in Bayesian neural
  networks*, NeurIPS 2020.
- M. Hein, M. Andriushchenko, J. Bitterwolf, *Why ReLU networks yield high-confidence predictions far away from the
  training data and how to mitigate the problem*, CVPR 2019.
- C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, *On calibration of modern neural networks*, ICML 2017.
"""


def draw(result: Result, scene: Config) -> Board:
    curve, alt = result.problem == "curve", Texts(lambda: alt_texts(result, scene))
    click = ("probe_x", "") if curve else ("probe_x", "probe_y")
    colour = QUANTITIES[scene.quantity].lower() if scene.quantity != "mean" else "the mean P(class B)"

    def picture(method: str, id: str, caption: str, span: int, rows: int, height: str) -> Panel:
        return Panel(id=id, figure=lambda: pictures.picture(result, scene, method), title=METHODS[method], caption=caption,
                     click=click, alt=alt[method], span=span, rows=rows, height=height)

    large = ("Line and band: mean ± 2σ. Thin: single passes. Cross: the largest error for σ and noise. Click to probe."
             if curve else f"Colour: {colour}. A cross, if any: surest although wrong. Click anywhere to probe.")
    small = "The same axes. Dotted: the probe, with mean ± σ." if curve else "The same axes and colours; the ring is the probe."
    first, second = pictures.others(scene)
    wide = 7 if curve else 8  # maps are not much wider than high
    panels = [
        picture(scene.focus, "large", large, span=wide, rows=2, height="tall"),
        picture(first, "second", small, span=12 - wide, rows=1, height="short"),
        picture(second, "third", small, span=12 - wide, rows=1, height="short"),
        *(_curve_panels if curve else _moons_panels)(result, scene, alt),
    ]
    player = Player(labels=[f"T = {t}" for t in pictures.stops(result, scene)], name="Passes averaged")
    return Board(panels=panels, setup=_setup(result, scene, alt), player=player, summary=summary(result, scene),
                 legend=pictures.legend(result))


def _setup(result: Result, scene: Config, alt: Texts) -> Panel:
    places = "the gap" if scene.gap > 0 else "far away, more than 1 from the interval of the samples"
    caption = (f"Dots: the samples. Shaded: {places}. σ: standard deviation of {_varied(result, scene)}."
               if result.problem == "curve" else
               f"The samples of two classes. Shaded: more than {REMOTE:g} away from every one of them.")
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="What the nets are given", caption=caption,
                 alt=alt["setup"])


def _varied(result: Result, scene: Config) -> str:
    """What the spread of the method in focus is taken over."""
    n = passes_used(result, scene.focus, scene.passes)
    return {"mc_dropout": f"{n} passes, each with hidden units off at random (p = {scene.dropout:g})",
            "deep_ensemble": f"{n} nets, each from its own start", "bagging": f"{n} nets, each on its own bootstrap"}[scene.focus]


def _gaps(result: Result, scene: Config) -> str:
    T = lesson.passes_shown(result, scene)
    return ", ".join(f"{name} {format_number(calibration_error(result, m, T))}" for m, name in METHODS.items()) + "."


def _averaging(result: Result, scene: Config, span: int, alt: Texts) -> Panel:
    on = "among the data, against the true function" if result.problem == "curve" else "on fresh samples, as √ Brier score"
    limit = "Circles: how far T dropout passes are from their limit; dashed: by theory, nearly σ/√T."
    tail = ("Without dropout the passes do not differ, so there is nothing to average." if scene.dropout == 0 else
            limit if result.limit_rms is not None else "")
    return Panel(id="averaging", figure=lambda: worth.averaging(result), span=span, title="What averaging more of them buys",
                 caption=f"Lines: error {on}, averaged over all choices of T. {tail}",
                 alt=alt["averaging"])


def _curve_panels(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    exact = " Dashed: the closed form of one hidden layer." if result.theory_G is not None else ""
    most = max(float(spread(result, m, scene.passes)[1].max()) for m in METHODS)
    beyond = f", up to {format_number(most)}; what is above the frame is not drawn" if most > pictures.SPREAD else ""
    return [
        Panel(id="sigma", figure=lambda: pictures.sigma(result, scene), span=8, click=("probe_x", ""),
              title="How unsure each one is, place by place",
              caption=f"Standard deviation over passes or members{beyond}. Shaded: where samples are drawn." + exact,
              alt=alt["sigma"]),
        Panel(id="probe", figure=lambda: pictures.probe(result, scene), span=4, title=f"Probe at x = {scene.probe_x:.2f}",
              caption="One mark a pass or member; bars: mean ± 2σ. Dashed: truth. Open star: dropout off.",
              alt=alt["probe"]),
        Panel(id="distance", figure=lambda: worth.distance(result, scene), span=4, title="σ against distance from the data",
              caption="Mean over places at that distance. Solid: between −4 and 4, among and between the data. Dotted: outside.",
              alt=alt["distance"]),
        _averaging(result, scene, 4, alt),
        Panel(id="calibration", figure=lambda: worth.calibration(result, scene), span=4, title="Does 90 % mean 90 %?",
              caption=lambda: "Solid: among the data; dotted: elsewhere. Below the dashed line: too sure. Mean distance from it "
              f"among the data: {_gaps(result, scene)}",
              alt=alt["calibration"]),
    ]


def _moons_panels(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    at = result.grid_DG[:, lesson.column(result, scene)].tolist()
    mapped = "confidence" if scene.quantity == "mean" else QUANTITIES[scene.quantity].lower()
    return [
        Panel(id="probe", figure=lambda: pictures.probe(result, scene), span=4, title=f"Probe at ({at[0]:.1f}, {at[1]:.1f})",
              caption="One mark a pass or member; bars: mean ± 2σ. Dashed: true P(class B). Open star: dropout off.",
              alt=alt["probe"]),
        Panel(id="split", figure=lambda: pictures.split(result, scene), span=4, title="Its entropy, split",
              caption="Pale: expected entropy. Full: mutual information. Together: entropy of the mean, at most ln 2.",
              alt=alt["split"]),
        Panel(id="distance", figure=lambda: worth.distance(result, scene), span=4, title="Against distance from the data",
              caption=f"Mean over places at that distance: {mapped}.", alt=alt["distance"]),
        _averaging(result, scene, 6, alt),
        Panel(id="calibration", figure=lambda: worth.calibration(result, scene), span=6, title="Does 90 % mean 90 %?",
              caption=lambda: f"Fresh samples of the moons, in ten bins. Expected calibration error: {_gaps(result, scene)}",
              alt=alt["calibration"]),
    ]


SYMBOLS = {"f(x; θ, mₜ)": "passes_SN", "T": "counts", "μ̂": "mean", "σ̂²": "variance", "H[p̄]": "total", "mean of H[pₜ]": "expected",
           "p": "dropout", "α": "weight_decay", "M": "members"}

page.show("dropout_uncertainty", draw, presets=PRESETS, maths=MATHS, code=(running_spread, entropies), symbols=SYMBOLS,
          references=REFERENCES)
