"""dropout_uncertainty: test-time dropout as an ensemble, beside two real ones."""

from functools import partial

from core.formatting import format_as, format_number, format_percent
from core.lessons.dropout_uncertainty import lesson
from core.lessons.dropout_uncertainty.data import REMOTE
from core.lessons.dropout_uncertainty.guessing import calibration_error, passes_used, spread, surest_wrong
from core.lessons.dropout_uncertainty.lesson import METHODS, QUANTITIES, Config, Result
from core.lessons.dropout_uncertainty.uncertainty import entropies, running_spread
from core.lessons.dropout_uncertainty.words import alt_texts, summary, titles
from figures.dropout_uncertainty import pictures, worth
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("The gap", "Without samples the deep ensemble's σ grows more than threefold, that of MC dropout far less."),
    Preset("Deep ensemble first", "Ten nets from ten starts agree among the data and part in the gap: σ is more than threefold.",
           dict(focus="deep_ensemble")),
    Preset("One hidden layer", "The σ of MC dropout is convex in x here: it is smallest in the gap, where it should be large.",
           dict(depth=1)),
    Preset("Half the units off", "p = 0.5: the mean fits far worse, and among the data σ does not grow as much.",
           dict(dropout=0.5)),
    Preset("Dropout off", "p = 0: every pass is the same net, so σ is zero everywhere, right or wrong.", dict(dropout=0.0)),
    Preset("Two moons", "On average the passes disagree more far from the data than near them.", dict(problem="moons")),
    Preset("Sure far away", "Total entropy: in most of the plane far from all data the net is more than 95\u00a0% sure.",
           dict(problem="moons", quantity="total", probe_x=4.0, probe_y=2.5)),
]

MATHS = r"""
Every net minimises $J(\theta) + \frac{\alpha}{2}\lVert w\rVert^2$ with $J = \frac1N\sum_n (f(x_n;\theta) - y_n)^2$ on the
curve, and the mean binary cross-entropy on the moons. In training, dropout multiplies each hidden unit by a mask
$\delta_j \in \{0, \tfrac{1}{1-p}\}$ with $P(\delta_j = 0) = p$. **MC dropout** keeps drawing masks afterwards: with $T$ of them
$$\hat\mu(x) = \frac1T\sum_{t=1}^{T} f(x; \theta, \delta_t), \qquad
\hat\sigma^2(x) = \frac{1}{T-1}\sum_{t=1}^{T}\bigl(f(x;\theta,\delta_t) - \hat\mu(x)\bigr)^2 .$$
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
moons, of the samples that are classified with 80 % confidence, 80 % should be right (ECE: the mean gap, weighted by counts).
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
    curve, alt, title = result.problem == "curve", Texts(lambda: alt_texts(result, scene)), Texts(lambda: titles(result, scene))
    first, second, third = pictures.order(scene)
    beside = {first: (f"picture-{second}", f"picture-{third}")}

    def caption(method: str) -> str:
        if curve:
            ratio = "; × in the title: σ there over σ among the data" if "×" in title[method]() else ""
            return (f"Band: mean ± 2σ{ratio}. Thin: single nets. Cross: most wrong for its σ and noise. Dotted: probe, "
                    "mean ± σ.")
        cross = " Cross: surest though wrong." if surest_wrong(result, method, scene.passes) >= 0 else ""
        return f"Even odds: the net's solid, the true dashed. Ring: the probe.{cross}"

    methods = [
        Panel(id=f"picture-{method}", figure=partial(pictures.picture, result, scene, method), title=title[method],
              caption=partial(caption, method), click=("probe_x", "") if curve else ("probe_x", "probe_y"), alt=alt[method],
              span=4, height="tall" if curve else "medium", pair=beside.get(method, ()), keyed=not curve)
        for method in pictures.order(scene)]
    panels, further = (_curve_panels if curve else _moons_panels)(result, scene, alt)
    player = Player(labels=[f"T = {t}" for t in pictures.stops(result, scene)], name="Passes averaged")
    return Board(panels=[*methods, *panels], further=further, setup=_setup(result, scene, alt), player=player,
                 summary=summary(result, scene), legend=pictures.legend(result))


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
    return ", ".join(f"{name} {format_percent(calibration_error(result, m, T), 1)}" for m, name in METHODS.items()) + "."


def _averaging(result: Result, scene: Config, alt: Texts, span: int) -> Panel:
    on = "among the data, against the true function" if result.problem == "curve" else "on fresh samples, as √ Brier score"
    limit = "Circles: how far T dropout passes are from their limit; dashed: by theory, nearly σ/√T."
    tail = ("Without dropout the passes do not differ, so there is nothing to average." if scene.dropout == 0 else
            limit if result.limit_rms is not None else "")
    return Panel(id="averaging", figure=lambda: worth.averaging(result), span=span, title="What averaging more passes buys",
                 caption=f"Lines: error {on}, averaged over all choices of T. {tail}",
                 alt=alt["averaging"])


def _calibration(result: Result, scene: Config, alt: Texts, span: int, about: str) -> Panel:
    level = format_percent(0.9)
    return Panel(id="calibration", figure=lambda: worth.calibration(result, scene), span=span,
                 title=f"Does {level} mean {level}?", caption=lambda: f"{about} {_gaps(result, scene)}", alt=alt["calibration"])


def _probe(result: Result, scene: Config, alt: Texts, at: str, truth: str, pair: str = "") -> Panel:
    cut = "" if result.problem == "curve" else ", cut at 0 and 1"
    return Panel(id="probe", figure=lambda: pictures.probe(result, scene), span=4, title=f"Predictions at {at}",
                 caption=f"A mark a pass or net; bars: mean ± 2σ{cut}. Dashed: {truth}. Open star: dropout off.",
                 alt=alt["probe"], keyed=False, pair=pair)


def _curve_panels(result: Result, scene: Config, alt: Texts) -> tuple[list[Panel], list[Panel]]:
    """The pictures that lead beside those of the methods, and those that fold."""
    exact = " Dashed: the closed form of one hidden layer." if result.theory_G is not None else ""
    most = max(float(spread(result, m, scene.passes)[1].max()) for m in METHODS)
    beyond = f", up to {format_number(most)}; what is above the frame is not drawn" if most > pictures.SPREAD else ""
    where = "the gap" if scene.gap > 0 else "far from all samples"
    leading = [
        Panel(id="sigma", figure=lambda: pictures.sigma(result, scene), span=8, click=("probe_x", ""),
              title="How unsure each method is, place by place",
              caption=f"Standard deviation over passes or nets{beyond}. Shaded: {where}. Dotted: the probe; a click moves it."
              + exact,
              alt=alt["sigma"]),
        _probe(result, scene, alt, f"x = {format_as(scene.probe_x, '.2f')}", "truth"),
    ]
    further = [
        Panel(id="distance", figure=lambda: worth.distance(result, scene), span=4, title="σ against distance from the data",
              caption="Mean over places at that distance. Full: between −4 and 4, among and between the data. Pale: outside.",
              alt=alt["distance"]),
        _averaging(result, scene, alt, 4),
        _calibration(result, scene, alt, 4, "Full: among the data; pale: elsewhere. Below the dashed line: too sure. "
                                            "Mean distance from it among the data:"),
    ]
    return leading, further


def _moons_panels(result: Result, scene: Config, alt: Texts) -> tuple[list[Panel], list[Panel]]:
    """The pictures that lead beside those of the methods, and those that fold."""
    at = result.grid_DG[:, lesson.column(result, scene)].tolist()
    mapped = "confidence" if scene.quantity == "mean" else QUANTITIES[scene.quantity].lower()
    leading = [
        _probe(result, scene, alt, f"({format_as(at[0], '.1f')}, {format_as(at[1], '.1f')})", "true P(class B)", pair="split"),
        Panel(id="split", figure=lambda: pictures.split(result, scene), span=4, title="Entropy at the probe, split", keyed=False,
              caption="Pale: expected entropy. Full: mutual information. Together: entropy of the mean, at most ln 2.",
              alt=alt["split"]),
        Panel(id="distance", figure=lambda: worth.distance(result, scene), span=4,
              title=f"{'Confidence' if scene.quantity == 'mean' else 'Doubt'} by distance from the data", alt=alt["distance"],
              caption=f"Mean {mapped} of the places at that distance from the nearest sample."),
    ]
    return leading, [_averaging(result, scene, alt, 6),
                     _calibration(result, scene, alt, 6, "Fresh samples of the moons, in ten bins. Expected calibration error:")]


SYMBOLS = {"f(x; θ, δₜ)": "passes_SN", "T": "counts", "μ̂": "mean", "σ̂²": "variance", "H[p̄]": "total", "mean of H[pₜ]": "expected",
           "p": "dropout", "α": "weight_decay", "M": "members"}

page.show("dropout_uncertainty", draw, presets=PRESETS, maths=MATHS, code=(running_spread, entropies), symbols=SYMBOLS,
          references=REFERENCES)
