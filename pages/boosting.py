"""boosting: weak learners in sequence."""

from core.formatting import format_number
from core.lessons.boosting import words
from core.lessons.boosting.adaboost import bound, margin_bound, reweigh
from core.lessons.boosting.lesson import Config, Result
from core.lessons.boosting.words import alt_texts, ended_at, summary, worth
from figures.boosting import further, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Wrong labels",
           "One label in five is wrong. After five rounds those samples weigh most on average."),
    Preset("Clean labels", "The training error is soon zero. The rounds after that still widen the smallest margin.",
           dict(label_noise=0, rounds=200)),
    Preset("Too many rounds",
           "With three labels in ten wrong, the sum of 200 stumps has a higher test error than its first stump alone.",
           dict(label_noise=30, rounds=200)),
    Preset("Stumps on crosswise clouds",
           "No sum of stumps can say “one or the other, not both”: the training error falls, the test error stays a coin's.",
           dict(problem="xor", blur=0.3, label_noise=0)),
    Preset("Trees on crosswise clouds", "Trees with two questions in a row can say it: ten rounds are enough.",
           dict(problem="xor", blur=0.3, label_noise=0, learner="tree", rounds=20)),
    Preset("Small nets", "Nets of three hidden units as learners: ten rounds have half the error of the first net.",
           dict(label_noise=0, learner="net")),
    Preset("A learner that is too strong",
           "A tree that makes no error has nothing to pass on: its weight is infinite, and boosting ends after few rounds.",
           dict(label_noise=0, learner="tree", depth=3, blur=0.1, n_train=20, rounds=20)),
]

MATHS = r"""
**Each round** $t$ has weights $w_i$ that sum to one, at first $1/N$. A learner $h_t$ with votes $\pm1$ is fitted to them: the
stump of least weighted error (or of least impurity), or a net that minimises $-\sum_i w_i\ln p_i$ by Adam. Then
$$e_t=\sum_{i:\,h_t(x_i)\ne y_i}w_i,\qquad \alpha_t=\tfrac12\ln\frac{1-e_t}{e_t},\qquad
w_i\leftarrow\frac{w_i\,e^{-\alpha_t y_i h_t(x_i)}}{Z_t},\qquad Z_t=2\sqrt{e_t(1-e_t)}.$$
What was wrong is multiplied by $1/(2e_t)$, what was right by $1/(2(1-e_t))$: each half then weighs $\tfrac12$, so under the next
weights $h_t$ is exactly a coin. Here $\alpha_t$ is the weight of the learner, not momentum and not a penalty's strength.
The sum is $F=\sum_t\alpha_th_t$, its class the sign.

**Objective.** AdaBoost descends $J(F)=\frac1N\sum_i e^{-y_iF(x_i)}$, a mean over the $N$ training samples, one learner at a
time: $\alpha_t$ is where $J$ is least along $h_t$, and the stump of least error is the one along which $J$ falls most. Each round
multiplies $J$ by $Z_t$, so that
$$\text{training error}\;\le\;J(F)=\prod_t 2\sqrt{e_t(1-e_t)}\;\le\;e^{-2\sum_t(\frac12-e_t)^2}.$$

**Margins.** $y_iF(x_i)/\sum_t|\alpha_t|$ lies from $-1$ to $1$. In training at most a part
$e^{\theta\sum_t|\alpha_t|}\prod_tZ_t$ of the samples has a margin of $\theta$ or less. This can fall on after the
training error, its case $\theta=0$, is zero. One round's factor is $2e_t^{(1-\theta)/2}(1-e_t)^{(1+\theta)/2}$ for
$e_t\le\tfrac12$: once $e_t=0$, no margin may be below $1$, and all are $1$.

**Where it ends.** A learner without an error ($e_t=0$) has an infinite weight: it is the whole sum, and boosting ends
(scikit-learn ends there too, but gives it the weight 1 beside those before it). A learner
with $e_t=\tfrac12$ has weight $0$ and changes nothing: boosting ends as well. One with $e_t>\tfrac12$, as nets may be, has a
negative weight: its opposite is better than chance.

**Bias and variance** are those of the 0-1 loss: bias is the error of the majority of sums trained on different draws, and
what a sum errs more than that on average is the effect of variance; it is negative where the majority is wrong more often than
one sum is. AdaBoost is not gradient boosting, which fits each learner to the gradient of any loss.
"""

REFERENCES = """
- Y. Freund, R. Schapire, A decision-theoretic generalization of on-line learning and an application to boosting, *Journal of
  Computer and System Sciences* 55, 1997.
- R. Schapire, Y. Freund, P. Bartlett, W. S. Lee, Boosting the margin: a new explanation for the effectiveness of voting methods,
  *Annals of Statistics* 26, 1998.
- J. Friedman, T. Hastie, R. Tibshirani, Additive logistic regression: a statistical view of boosting, *Annals of Statistics* 28,
  2000.
- P. Domingos, A unified bias-variance decomposition, ICML 2000.
- T. Dietterich, An experimental comparison of three methods for constructing ensembles of decision trees, *Machine Learning* 40,
  2000: label noise.
- J. Zhu, H. Zou, S. Rosset, T. Hastie, Multi-class AdaBoost, *Statistics and Its Interface* 2, 2009: the form in scikit-learn.
"""

SYMBOLS = {"w": "weight_KN", "e": "e", "α": "alpha", "θ": "theta", "Σ|α|": "alphas", "∏ Z": "product"}


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    player = Player(labels=pictures.labels(result), name="Round", field="at", autoplay=False, from_start=True, seconds=12)
    return Board(panels=_panels(result, scene, said), further=_further(result, scene, said), setup=_setup(result, scene),
                 player=player, summary=summary(result, scene), legend=pictures.legend())


RING = " Heavy ring: wrong label."


def _setup(result: Result, scene: Config) -> Panel:
    n, wrong = len(result.y), int(result.wrong.sum())
    told = f"{wrong} of them with a wrong label (heavy ring)" if wrong else "all of them with the right label"
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="The training set, all of one weight",
                 caption=f"{n} samples of two classes, {told}. The first learner sees each with weight 1/N = "
                         f"{format_number(1 / n)}.",
                 alt=f"{n} samples of two classes in the plane, {wrong} of them with a wrong label.")


def _panels(result: Result, scene: Config, said: Texts) -> list[Panel]:
    ring, name = RING if bool(result.wrong.any()) else "", words.NAMES[scene.learner]
    return [
        Panel(id="weights", figure=lambda: pictures.weights(result, scene), span=7, rows=2, height="tall", pair="sum",
              title=f"What each sample weighs when the round's {name} is fitted",
              caption=f"Area: the sample's weight, from a least to a largest size. Shaded: the class that this round's {name} "
                      f"says.{ring}", alt=said["weights"]),
        Panel(id="sum", figure=lambda: pictures.weighted_sum(result, scene), span=5, height="short",
              title="What the weighted sum says after this round",
              caption=f"Blue: A; orange: B; line: the boundary.{ring}", alt=said["sum"]),
        Panel(id="rounds", figure=lambda: pictures.rounds(result), span=5, height="short", alt=said["rounds"],
              title="The arithmetic of each round",
              caption="The learner's weight is α = ½ ln((1 − e)/e). Samples' weights: of the wrong ones × 1/(2e), of the right "
                      f"ones × 1/(2(1 − e)).{ended_at(result)}"),
        Panel(id="errors", figure=lambda: pictures.errors(result, scene), span=4, alt=said["errors"],
              title="Training error under its bound",
              caption="One draw of data. Dashed: ∏ 2√(e(1 − e)), which the training error cannot exceed."),
        Panel(id="margins", figure=lambda: pictures.margins(result, scene), span=4, alt=said["margins"],
              title="How clearly samples are right",
              caption="Samples with at most this margin, after this round; dotted: after the last. Left of 0: wrong. Dashed: "
                      "how many there may be."),
        Panel(id="noise", figure=lambda: pictures.noise(result, scene), span=4, alt=said["noise"], keyed=False,
              title="Test error with more labels wrong",
              caption=f"Mean of {scene.draws} draws for each share of wrong labels; band: all draws. Star: lowest. "
                      f"{worth(result)}"),
    ]


def _further(result: Result, scene: Config, said: Texts) -> list[Panel]:
    out = [
        Panel(id="coin", figure=lambda: further.coin(result, scene), span=4, alt=said["coin"], pair="alpha", keyed=False,
              title="Under the next weights: a coin",
              caption="Filled: error of a round's learner when it was fitted; ring: under the next round's weights. Dashed: ½."),
        Panel(id="alpha", figure=lambda: further.alpha(result, scene), span=4, alt=said["alpha"], keyed=False,
              title="The better, the more it weighs",
              caption="Dot: a round's learner; ring: this round's. Dashed: ½ ln((1 − e)/e)."),
        Panel(id="loss", figure=lambda: further.loss(result, scene), span=4, alt=said["loss"], keyed=False,
              title="What is minimised", caption="Mean of exp(−y F) on the training samples of one draw. Dashed: ∏ 2√(e(1 − e)), "
              "which it is exactly."),
        Panel(id="on_wrong", figure=lambda: further.on_wrong(result, scene), span=4, alt=said["on_wrong"], keyed=False,
              title="Weight on the wrong labels",
              caption=f"Mean of {scene.draws} draws. Dashed: the share of the samples that they are."),
        Panel(id="least", figure=lambda: further.least(result, scene), span=4, alt=said["least"], keyed=False,
              title="The smallest training margin",
              caption=f"A line for each of {scene.draws} draws, the drawn one heavy. "
                      + ("Star: from here on it has no training error." if words.zero_from(result) is not None else
                         "Above 0 there is no training error.")),
    ]
    if result.own is None:
        out.append(Panel(id="bias", figure=lambda: further.bias(result, scene), span=4, alt=said["bias"], keyed=False,
                         title="How much of the error is bias",
                         caption=f"Solid: mean test error of {scene.draws} draws. Dotted: the error of their majority, the bias. "
                                 f"{words.between(result)}"))
    return out


page.show("boosting", draw, presets=PRESETS, maths=MATHS, code=(reweigh, bound, margin_bound), symbols=SYMBOLS,
          references=REFERENCES)
