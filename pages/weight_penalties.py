"""weight_penalties: L1 holds weights at zero, L2 only lets them pass through."""

from collections.abc import Callable
from functools import partial
from typing import Any

from core.formatting import format_number
from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties.descents import ADAM_STEPS
from core.lessons.weight_penalties.lesson import PENALTIES, Config, Result
from core.lessons.weight_penalties.problem import GAUSSIAN, LINEAR
from core.lessons.weight_penalties.words import ASKED, alt_texts, summary
from figures.weight_penalties import alpha as over_alpha
from figures.weight_penalties import maps as many
from figures.weight_penalties import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Diamond and circle", "Ten named features of diabetes: drag α, and L1 switches them off one after another, L2 none."),
    Preset("Ten decoys", "Ten columns of pure noise join in: here L1 has thrown out all ten, L2 keeps a little of each.",
           dict(decoys=10, train_size=150, alpha_index=30)),
    Preset("Twin features", "Two features that move together: L2 lets them share, L1 ends with one of them.",
           dict(first="triglycerides", second="tch", penalties=("l1", "elastic", "l2"), train_size=200, alpha_index=37)),
    Preset("Orthonormal", "Nothing overlaps, so the closed forms hold: soft thresholds against w/(1 + α).",
           dict(problem="orthonormal", train_size=100, alpha_index=38)),
    Preset("Breast cancer", "Logistic regression on thirty measures, some nearly the same: L1 keeps fewer than ten, L2 all.",
           dict(problem="cancer", train_size=150, penalties=("l1", "elastic", "l2"), alpha_index=16)),
    Preset("A small net", "The same penalties inside a net of eight hidden units: L1 cuts off features and all units but one.",
           dict(problem="net", train_size=100, alpha_index=32)),
    Preset("Digits", "Weight maps of ten digits: L1 has more than four in five weights at zero, L2 none.",
           dict(problem="digits", train_size=120, alpha_index=18)),
    Preset("Too strong", "Beyond α_max L1 has switched off every weight: the fit is a constant, and its test loss is worse.",
           dict(alpha_index=48)),
]

MATHS = r"""
Every fit minimises, with $J$ a **mean** over the $N$ training samples and biases free,
$$\tilde J(w) = J(w) + \alpha\,\Omega(w), \qquad J = \frac{1}{2N}\lVert t - Xw\rVert^2 \ \text{ or the mean cross-entropy,}$$
$$\Omega_{L^1} = \lVert w\rVert_1 = \sum_i |w_i|, \qquad \Omega_{L^2} = \tfrac12 w^{\mathrm T}w, \qquad
\Omega_{\text{elastic}} = \rho\lVert w\rVert_1 + \tfrac{1-\rho}{2} w^{\mathrm T}w .$$

**The slopes.** $\nabla\tilde J = \alpha\,\mathrm{sign}(w) + \nabla J$ for L1 and $\alpha w + \nabla J$ for L2. L1 pulls
with the same force however small the weight is, L2's pull fades with the weight. At the minimum, for every weight,
$$-\frac{\partial J}{\partial w_i} = \alpha\,\mathrm{sign}(w_i) \ \text{ if } w_i \neq 0, \qquad
\Bigl|\frac{\partial J}{\partial w_i}\Bigr| \le \alpha \ \text{ if } w_i = 0 .$$
So where $J$ is convex all weights are zero from $\alpha_{\max} = \max_i |\partial J/\partial w_i|_{w=0}$ on; for the squared
loss of one weight a feature this is $\max_i |x_i^{\mathrm T}t|/N$, $t$ centred.

**At zero.** Under L1 a weight rests at 0 for every $\alpha \ge |\partial J/\partial w_i|$, a whole interval. Under L2 with a
convex, analytic $J$ the fit is an analytic function of $\alpha$: a weight can change its sign, and is then exactly 0 at that one
$\alpha$, but does not stay. $\lVert w\rVert$ only falls as $\alpha$ grows; a single weight may grow.

**Orthonormal design** ($X^{\mathrm T}X = N I$, $\hat w$ without penalty): L1 gives
$\mathrm{sign}(\hat w_i)\max(|\hat w_i| - \alpha, 0)$, L2 gives $\hat w_i/(1+\alpha)$.

**A prior in disguise.** With noise precision $\beta$ and a Gaussian prior of precision $\alpha'$,
$$\ln p(w\mid t)
= -\frac{\beta}{2}\sum_{n=1}^{N}\{t_n - w^{\mathrm T}\phi(x_n)\}^2 - \frac{\alpha'}{2}w^{\mathrm T}w + \text{const.}$$
Divided by $-\beta N$ this is $\tilde J$ with $\alpha = \alpha'/(\beta N)$; for the sum of squares,
$\tfrac12\sum + \tfrac{\lambda}{2}w^{\mathrm T}w$, it is $\lambda = \alpha'/\beta$.
A Laplace prior $\propto e^{-\alpha'\lVert w\rVert_1}$ gives L1 in the same way.
The posterior's mode is the minimum.

**How the zeros are made.** A proximal step goes downhill on $J$ alone and then maps $z$ to
$\mathrm{sign}(z)\max(|z| - \epsilon\alpha, 0)$, which is exactly 0 in a whole interval; $\epsilon$ is at
most $1/L$, $L$ the largest curvature of $J$. Differentiating $|w|$ instead steps by
$\pm\epsilon\alpha$ for ever.

**Scalings.** scikit-learn: `Lasso(alpha=α)` and `ElasticNet(alpha=α, l1_ratio=ρ)` are the same objective; `Ridge(alpha=Nα)`;
`LogisticRegression(C=1/(Nα))`.
"""

REFERENCES = """
- R. Tibshirani (1996). Regression shrinkage and selection via the lasso. *Journal of the Royal Statistical Society B* 58.
- H. Zou and T. Hastie (2005). Regularization and variable selection via the elastic net. *JRSS B* 67.
- A. Beck and M. Teboulle (2009). A fast iterative shrinkage-thresholding algorithm. *SIAM Journal on Imaging Sciences* 2.
- B. O'Donoghue and E. Candès (2015). Adaptive restart for accelerated gradient schemes. *Foundations of
  Computational Mathematics* 15.
- I. Loshchilov and F. Hutter (2019). Decoupled weight decay regularization. *ICLR*.
- B. Efron, T. Hastie, I. Johnstone and R. Tibshirani (2004). Least angle regression. *Annals of Statistics* 32: the
  diabetes data.
"""

SYMBOLS = {"w": "w", "J": "objective", "∇J": "gradient", "ε": "rate", "L": "lipschitz", "αρ": "l1", "α(1 − ρ)": "l2",
           "ρ": "l1_ratio", "N": "train_size"}

LIMIT = " Dashed upright: α_max; from there on all weights are 0."


def draw(result: Result, scene: Config) -> Board:
    player = Player(labels=pictures.labels(result), name="Strength α", field="alpha_index", autoplay=False, seconds=8.0)
    shown = [p for p in PENALTIES if p in scene.penalties]
    linear, said = scene.problem in LINEAR, Texts(lambda: alt_texts(result, scene))

    def each(name: str, figure: Callable[[str], Any], title: str, caption: str) -> list[Panel]:
        return [Panel(id=f"{name}-{p}", figure=partial(figure, p), title=f"{PENALTIES[p]}: {title}", alt=said[f"{name}-{p}"],
                      caption=caption + (LIMIT if name == "paths" and over_alpha.has_limit(result, p) else "")) for p in shown]

    if linear:
        closed = " Dashed: the closed form." if result.closed is not None else ""
        lead = _linear(result, scene, said)
        courses = each("paths", lambda p: over_alpha.paths(result, p), "every weight against α",
                       f"Named: the largest at the smallest α.{closed}")
    else:
        lead = _maps(result, shown, said)
        courses = each("spread", lambda p: many.histogram(result, p), "the spread of the weights",
                       "Bars: weights that are not zero, what is beyond the axis in the last ones. The dark needle counts exact "
                       "zeros; without one there are none.")
    errors = each("errors", lambda p: over_alpha.errors(result, p), "loss against α",
                  "Star: the α that validation chooses; dot: the test loss there. Dotted: the objective that is minimised.")
    balances = each("balance", lambda p: pictures.balance(result, scene, p), "where loss and penalty balance",
                    "Dots: the pull of the loss, −∂J/∂w over α, at each weight. Dashed: the slope of Ω. At a minimum every dot "
                    "lies on it.") if linear else []
    fields = each("field", lambda p: pictures.field(scene, p), "its pull alone",
                  "Arrows: −∇Ω, how hard and whereto the penalty pushes two weights.")
    zeros, *extra = _extra(result, scene, said)
    if len(shown) == 1:
        rows = [lead, [*courses, *errors], [zeros, *extra], [*balances, *fields]]
    elif len(shown) == 2:
        beside = [zeros, *extra[:2]] if extra else []
        rows = [lead, courses, errors, beside, balances, [*fields, *(extra[2:] if extra else [zeros])]]
    else:
        rows = [lead, [*courses, zeros], errors, extra, balances, fields] if linear else [[*lead, zeros], courses, errors, fields]
    panels = [*rows[0], *_filled(rows[1:])] if linear else _filled(rows)
    return Board(panels=panels, setup=_setup(result, said), player=player, summary=summary(result, scene),
                 legend=pictures.legend(scene))


def _setup(result: Result, said: Texts) -> Panel:
    some = f"Some of the {len(result.names)} weights, fitted" if result.problem in ASKED else "Fitted"
    weakest = f"{some} under L2 with α = {format_number(result.alphas[0])}, the weakest penalty here."
    return Panel(id="setup", figure=lambda: many.setup(result), title="The weights before α grows", caption=weakest,
                 alt=said["setup"])


def _filled(rows: list[list[Panel]]) -> list[Panel]:
    """The panels of each row with spans that fill it; four make two rows."""
    for row in rows:
        for panel in row:
            panel.span = {1: 12, 2: 6, 3: 4, 4: 6}[len(row)]
    return [panel for row in rows for panel in row]


def _linear(result: Result, scene: Config, said: Texts) -> list[Panel]:
    some = "" if len(result.names) <= pictures.BARS else f" The {pictures.BARS} last to go of {len(result.names)}."
    return [
        Panel(id="map", figure=lambda: pictures.geometry(result, scene), span=7, height="tall",
              title="Two weights: loss meets penalty",
              caption="These two features alone. Inside each shape the penalty is no larger than at the best weights; the dotted "
              "curve is the loss there. They touch in one point.",
              alt=said["map"]),
        Panel(id="bars", figure=lambda: pictures.bars(result, scene), span=5, height="tall",
              title=f"All {len(result.names)} weights",
              caption=f"× marks an exact zero. Order: L1 switches off from the bottom up.{some}", alt=said["bars"]),
    ]


def _maps(result: Result, shown: list[str], said: Texts) -> list[Panel]:
    what = "each digit's weights" if result.pixels is not None else "first layer of the net"
    return [Panel(id=f"map-{p}", figure=partial(many.maps, result, p), height="tall", title=f"{PENALTIES[p]}: {what}",
                  caption="One scale of colour at every α, so that what fades is small; weights beyond it take the end's colour.",
                  alt=said[f"map-{p}"]) for p in shown]


def _extra(result: Result, scene: Config, said: Texts) -> list[Panel]:
    known = " Dashed: α_max." if any(over_alpha.has_limit(result, p) for p in scene.penalties) else ""
    out = [Panel(id="zeros", figure=lambda: over_alpha.zeros(result, scene), title="How many weights are exactly zero",
                 caption=f"Lines: proximal steps. Circles: L1 by sub-gradient steps on |w|.{known}",
                 alt=said["zeros"])]
    if result.plain is not None and result.plain.subgradient is not None:
        out.append(Panel(id="near", figure=lambda: over_alpha.near_zero(result), title="Who comes to rest at zero?",
                         caption="Grey: sub-gradient steps on L1. Colour: proximal steps; the line breaks off where the weight "
                         "is exactly 0. Dashed: ε·α.", alt=said["near"]))
    if scene.problem in GAUSSIAN:
        out.append(Panel(id="posterior", figure=lambda: pictures.posterior(result, scene), title="A penalty is a prior",
                         caption="One weight alone: likelihood in violet, priors dotted, posteriors solid. Stars: the penalised "
                         "minimum in closed form, at each posterior's peak.", alt=said["posterior"]))
    if result.adam:
        out.append(Panel(id="adam", figure=lambda: over_alpha.adam(result), title="Adam with L2 is not AdamW",
                         caption=f"Distance to the L2 fit after {ADAM_STEPS} steps, below the axis where under 10⁻⁸. "
                         "Solid: Adam on J + αΩ. Dots: AdamW with decay α.", alt=said["adam"]))
    return out


page.show("weight_penalties", draw, presets=PRESETS, maths=MATHS, code=(proximal.descend, proximal.fista),
          symbols=SYMBOLS, references=REFERENCES)
