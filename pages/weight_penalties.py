"""weight_penalties: L1 holds weights at zero, L2 only lets them pass through."""

from collections.abc import Callable
from functools import partial
from typing import Any

from core.formatting import format_number, join_words
from core.lessons.weight_penalties import proximal
from core.lessons.weight_penalties.descents import ADAM_STEPS
from core.lessons.weight_penalties.lesson import PENALTIES, Config, Result
from core.lessons.weight_penalties.problem import GAUSSIAN, LINEAR
from core.lessons.weight_penalties.words import ASKED, alt_texts, rests, summary
from figures.weight_penalties import alpha as over_alpha
from figures.weight_penalties import maps as many
from figures.weight_penalties import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Diamond and circle", "Ten features of diabetes: as the penalty grows, L1 switches off one by one, L2 none."),
    Preset("Ten decoys", "Ten columns of pure noise join in: here L1 has thrown out all ten, L2 keeps a little of each.",
           dict(decoys=10, train_size=150, alpha_index=30)),
    Preset("Twin features", "Two features that move together: L2 lets them share, L1 ends with one of them.",
           dict(first="triglycerides", second="tch", penalties=("l1", "elastic", "l2"), train_size=200, alpha_index=37)),
    Preset("Orthonormal", "Features do not overlap, so closed forms hold: L1 subtracts α from each size, L2 divides by 1 + α.",
           dict(problem="orthonormal", train_size=100, alpha_index=38)),
    Preset("Breast cancer", "Logistic regression on thirty measures, some nearly the same: L1 keeps fewer than ten, L2 all.",
           dict(problem="cancer", train_size=150, penalties=("l1", "elastic", "l2"), alpha_index=16)),
    Preset("A small net", "The same penalties inside a net of eight hidden units: L1 cuts off features and all units but one.",
           dict(problem="net", train_size=100, alpha_index=32)),
    Preset("Digits", "Weight maps of ten digits: L1 has more than four in five weights at zero, L2 none.",
           dict(problem="digits", train_size=120, alpha_index=18)),
    Preset("Too strong", "So strong a penalty has L1 switch off every weight: the fit is a constant, and its test loss is worse.",
           dict(alpha_index=48)),
]

MATHS = r"""
Every fit minimises, with $J$ a **mean** over the $N$ training samples, the penalty strength $\alpha$ and biases free,
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

def draw(result: Result, scene: Config) -> Board:
    player = Player(labels=pictures.labels(result), name="Penalty strength α", field="alpha_index", autoplay=False, seconds=8.0)
    shown = [p for p in PENALTIES if p in scene.penalties]
    linear, said = scene.problem in LINEAR, Texts(lambda: alt_texts(result, scene))

    def each(name: str, figure: Callable[[str], Any], title: str, caption: Callable[[str], str], **about: Any) -> list[Panel]:
        """A picture for each penalty, on the wall beside the next one."""
        return [Panel(id=f"{name}-{p}", figure=partial(figure, p), title=f"{PENALTIES[p]}: {title}", alt=said[f"{name}-{p}"],
                      caption=partial(caption, p), pair=f"{name}-{after}" if after else "", **about)
                for p, after in zip(shown, [*shown[1:], ""], strict=True)]

    zeros, *extra = _extra(result, scene, said)
    if linear:
        lead = _linear(result, scene, said)
        courses = each("paths", lambda p: over_alpha.paths(result, p), "weights against penalty strength α",
                       lambda p: path_caption(result, p))
        balances = each("balance", lambda p: pictures.balance(result, scene, p), "where loss and penalty balance",
                        lambda _: "Dots: the pull of the loss, −∂J/∂w over the penalty strength α, at each weight. Dashed: the "
                        "slope of Ω. At a minimum every dot lies on it.", keyed=False)
    else:
        what = "each digit's weights" if result.pixels is not None else "first layer of the net"
        lead = each("map", lambda p: many.maps(result, p), what, lambda _: "One scale of colour at every penalty strength: what "
                    f"fades is small; beyond ±{format_number(many.scale(result))} colours stay."
                    + (" A pixel without ink has no weight." if result.pixels is not None else ""), height="tall")
        lead[-1].pair = ("zeros",) if len(shown) > 2 else (f"spread-{shown[0]}",) if len(shown) == 1 else ()
        courses = each("spread", lambda p: many.histogram(result, p), "the spread of the weights",
                       lambda p: "Bars: weights that are not zero. Needle: how many are exactly zero; without it none is."
                       + many.beyond(result, p))
        balances = []
    errors = each("errors", lambda p: over_alpha.errors(result, p), "loss against penalty strength α",
                  lambda _: "Star: the penalty strength that validation chooses; dot: the test loss there.")
    fields = each("field", lambda p: pictures.field(scene, p), "its pull alone",
                  lambda _: "Arrows: −∇Ω, how hard and whereto the penalty pushes two weights.", keyed=False)
    one, three = len(shown) == 1, len(shown) == 3
    first = [*lead, *(courses if linear or not three else []), zeros, *([] if three else extra[:1]), *(errors if one else [])]
    led = {panel.id for panel in first}
    rest = [[panel for panel in row if panel.id not in led] for row in (courses, errors, extra, balances, fields)]
    return Board(panels=_filled([first[i : i + 2] for i in range(0, len(first), 2)]), setup=_setup(result, said), player=player,
                 further=_filled([[panel for row in rest for panel in row]] if one else rest), summary=summary(result, scene),
                 legend=pictures.legend(scene))


def _setup(result: Result, said: Texts) -> Panel:
    some = f"Some of the {len(result.names)} weights, fitted" if result.problem in ASKED else "Fitted"
    weakest = f"{some} under L2 with penalty strength α = {format_number(result.alphas[0])}, the weakest here."
    return Panel(id="setup", figure=lambda: many.setup(result), title="The weights before the penalty grows", caption=weakest,
                 alt=said["setup"])


def _filled(rows: list[list[Panel]]) -> list[Panel]:
    """The panels of each row with spans that fill it; four make two rows."""
    for row in rows:
        for panel in row:
            panel.span = {1: 12, 2: 6, 3: 4, 4: 6}[len(row)]
    return [panel for row in rows for panel in row]


def _linear(result: Result, scene: Config, said: Texts) -> list[Panel]:
    shown = join_words([PENALTIES[p].replace("Elastic", "elastic") for p in PENALTIES if p in scene.penalties])
    return [
        Panel(id="bars", figure=lambda: pictures.bars(result, scene), height="tall", pair="map",
              title=f"{min(len(result.names), pictures.BARS)} weights under {shown}",
              caption=bars_caption(result, scene), alt=said["bars"]),
        Panel(id="map", figure=lambda: pictures.geometry(result, scene), height="tall", title="Two weights: loss meets penalty",
              alt=said["map"],
              caption="A fit to two features alone. Mark: the minimum at this α; filled: penalties no larger than there; dotted: "
                      "its loss; trail: its way as α changes."),
    ]


def bars_caption(result: Result, scene: Config) -> str:
    """What is drawn beside the bars, and the order of the rows, which is that of L1 whatever is shown."""
    mark = "×: exactly zero. " if pictures.marks_zeros(result, scene) else ""
    holds = "holds" if "l1" in scene.penalties else "would hold"
    some = f": the last {pictures.BARS} of {len(result.names)}" if len(result.names) > pictures.BARS else ""
    return f"{mark}Rows from bottom to top: in the order in which L1 {holds} them at zero as the penalty grows{some}."


def path_caption(result: Result, penalty: str) -> str:
    """Which weight a penalty holds at zero first, and what is drawn beside the lines."""
    limit = " From α<sub>max</sub> on all are 0." if over_alpha.has_limit(result, penalty) else ""
    closed = " Dashed in the colour of the text: the closed form." if result.closed is not None else ""
    return rests(result, penalty) + limit + closed


def _extra(result: Result, scene: Config, said: Texts) -> list[Panel]:
    plain = "" if result.plain is None else " Circles: L1 by sub-gradient steps on |w|."
    left = ("" if scene.problem in LINEAR else
            f" After {result.iteration} of them the largest slope left is {format_number(result.residual.max())}.")
    out = [Panel(id="zeros", figure=lambda: over_alpha.zeros(result, scene), title="How many weights are exactly zero",
                 caption=f"Lines: proximal steps.{left}{plain}", alt=said["zeros"])]
    if result.plain is not None and result.plain.subgradient is not None:
        out.append(Panel(id="near", figure=lambda: over_alpha.near_zero(result), title="L1: one weight by two kinds of steps",
                         caption="The line of proximal steps breaks off where the weight is exactly 0. ε·α: step times "
                         "penalty strength.", alt=said["near"]))
    if scene.problem in GAUSSIAN:
        out.append(Panel(id="posterior", figure=lambda: pictures.posterior(result, scene), title="A penalty is a prior",
                         caption="One weight alone. Stars: the penalised minimum in closed form, at each posterior's peak.",
                         alt=said["posterior"]))
    if result.adam:
        out.append(Panel(id="adam", figure=lambda: over_alpha.adam(result), title="Adam with L2 is not AdamW",
                         caption=f"Distance to the L2 fit after {ADAM_STEPS} steps, below the axis where under 10⁻⁸.",
                         alt=said["adam"]))
    return out


page.show("weight_penalties", draw, presets=PRESETS, maths=MATHS, code=(proximal.descend, proximal.fista),
          symbols=SYMBOLS, references=REFERENCES)
