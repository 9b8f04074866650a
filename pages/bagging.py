"""bagging: averaging and voting."""

from core.formatting import format_number
from core.lessons.bagging import words
from core.lessons.bagging.lesson import LEAST, Config, Result
from core.lessons.bagging.measure import simplex_weights, spread, variance_of_mean
from core.lessons.bagging.words import alt_texts, summary
from figures.bagging import further, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Trees on bootstraps",
           "Each tree has its own bootstrap; their average is nearer to the truth."),
    Preset("No bags: averaging does not help",
           "Trees that all see the same samples are the same tree. Their correlation is 1, and nothing is gained.",
           dict(bag="none")),
    Preset("Smaller bags", "With three samples in ten a tree is worse than on a whole bootstrap, and the average better.",
           dict(bag="third")),
    Preset("Bags too small", "On a tenth of the samples trees hardly agree, but they share a bias that no average takes away.",
           dict(bag="tenth")),
    Preset("Stumps keep their bias", "A stump cannot bend like the curve. Its average has less variance and about the same bias.",
           dict(learner="stump")),
    Preset("Voting on two moons", "Averages and majority err less than one tree, far from what independent voters would reach.",
           dict(problem="two_moons")),
    Preset("Nets from other starts", "Nets that see all samples differ by their starts only: much alike, they gain little.",
           dict(learner="net", bag="none", members=32)),
]

MATHS = r"""
**Members.** From a training set of $N$ samples each of $M$ members gets a bag of $b$ samples, drawn with replacement. A tree
lowers $\sum_{i\in\text{bag}}(y_i-f(x_i))^2$ greedily, split by split (for classes 0 and 1 this is Gini's impurity); a net
minimises the mean of the squared error or of the cross-entropy over its bag by Adam. A bag of $b$ holds $1-(1-1/N)^b$ of the
samples in expectation, for $b=N$ about $1-1/e=63.2\,\%$.

**The average** $\bar f=\frac1M\sum_mf_m$. Let a member's prediction at a point have the variance $\sigma^2$ over training sets
and bags, and two members of *one* training set the correlation $\rho$. Then
$$\operatorname{Var}(\bar f)=\rho\sigma^2+\frac{1-\rho}{M}\sigma^2,\qquad \mathbb E\bar f=\mathbb Ef_m.$$
More members take the second part away; the first is a floor, which only members that are less alike lower. The bias is that of
one member. $\sigma^2/M$ would need $\rho=0$. Here $\sigma^2$ and $\rho\sigma^2$ are measured: means over test points of variances
and of covariances over $T$ training sets, with 32 members on each or more, however few are averaged. As members of one set are
drawn alike and independently, $\rho\ge0$: an estimate below is taken as 0. The bias is freed of what finitely many sets add to
it, $\operatorname{Var}(\bar f)/T$, so that it may be drawn a little below zero.

**Out of the bag.** Each sample is predicted by the members whose bags do not hold it, about 37 % of them for $b=N$. That is an
honest test without a test set, of a smaller ensemble.

**Weights** $v_m\ge0$, $\sum_mv_m=1$, minimise $\frac1n\sum_i(y_i-\sum_mv_mf_m(x_i))^2$ over $n$ samples that have trained no
member. On the training samples the same minimum favours the members that know them by heart.

**Majority.** If $M$ voters erred independently with probability $e<\frac12$, most of them would err with
$\sum_{k>M/2}\binom Mke^k(1-e)^{M-k}$, which falls to zero. Members of one training set are not independent. A tie counts as
half an error.
"""

REFERENCES = """
- L. Breiman, Bagging predictors, *Machine Learning* 24, 1996.
- L. Breiman, Stacked regressions, *Machine Learning* 24, 1996: weights that are not negative.
- L. Breiman, Random forests, *Machine Learning* 45, 2001.
- T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical Learning*, Springer 2009, sections 8.7 and 15.2.
- B. Efron, R. Tibshirani, *An Introduction to the Bootstrap*, Chapman and Hall 1993.
- J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, Efficient projections onto the l1-ball, ICML 2008.
"""

SYMBOLS = {"ρ": "rho", "σ²": "sigma2", "M": "members", "T": "T", "v": "weight"}


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    player = Player(labels=pictures.labels(result), name="Members", autoplay=False, live=not result.done)
    return Board(panels=_panels(result, scene, said), further=_further(result, scene, said), setup=_setup(result, scene),
                 player=player, summary=summary(result, scene), legend=pictures.legend(result))


def _setup(result: Result, scene: Config) -> Panel:
    N = len(result.y)
    what = "samples of two classes" if result.classes else "noisy samples of a curve"
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="The training set",
                 caption=f"{N} {what}. {words.shown_share(scene, result)}", alt=f"{N} {what}.")


def _panels(result: Result, scene: Config, said: Texts) -> list[Panel]:
    one = words.NAMES[scene.learner]
    source = "parts of your training points" if result.own else "training sets of one source"
    panels = [
        Panel(id="alike", figure=lambda: pictures.alike(result, scene), span=7, rows=2, height="tall", pair="fit", keyed=False,
              title="The more alike the members, the less is gained" if scene.members > 1 else "An average of one gains nothing",
              alt=said["alike"],
              caption=f"Dot: the average of M members, by the size of their bags, measured over {scene.sets} {source}; "
                      "ring: this scene's. Dashed: ρ + (1 − ρ)/M."),
        Panel(id="fit", figure=lambda: pictures.fit(result, scene), span=5, height="short", alt=said["fit"],
              title=f"{'Members' if not result.classes else f'What the average of {one}s says'}"
                    f"{' and their average' if not result.classes else ''}",
              caption="Blue: A; orange: B; line: undecided." if result.classes else
                      f"Thin: {words.lines(scene, pictures.LINES)}; heavy: the average; dashed: the curve itself."),
        _training(result, scene, said),
    ]
    return panels + (_others(result, scene, said) if result.done else [])


def _training(result: Result, scene: Config, said: Texts) -> Panel:
    if result.own:
        return Panel(id="pad", figure=lambda: pictures.setup(result, scene), span=5, height="short", title="Your training points",
                     caption="A part of them, which has trained the members.", alt=said["pad"])
    return Panel(id="pad", figure=lambda: pictures.pad(result, scene), span=5, height="medium", alt=said["pad"],
                 title="Move, add or take away training points", drawing="dots_2d" if result.classes else "dots",
                 caption=f"Members are trained anew on what is drawn, {LEAST} points or more. Bias and variance stay those of "
                         "the source.")


def _others(result: Result, scene: Config, said: Texts) -> list[Panel]:
    assert result.stats is not None
    bias = "bias²" if result.known else "bias² and noise, which cannot be told apart here"
    return [
        Panel(id="parts", figure=lambda: pictures.parts(result, scene), span=4, alt=said["parts"], keyed=False,
              title="Variance and bias by members",
              caption=f"Dots: variance; dashed: ρσ² + (1 − ρ)σ²/M, measured {words.measured_rho(result)}; "
                      f"dotted: {bias}; line: sum; grey: independent members. {words.moves(result)}"),
        Panel(id="oob", figure=lambda: pictures.out_of_bag(result, scene), span=4, alt=said["oob"],
              title="Out-of-bag beside test error",
              caption=f"Mean of {scene.sets} training sets. {words.out_of_bag_gap(result)}"),
        Panel(id="votes", figure=lambda: pictures.votes(result, scene), span=4, alt=said["votes"], keyed=False,
              title="Averages and votes on test samples",
              caption=f"Dot: a training set; bar: their mean. {words.helps(result)} {words.vote_order(result)} Weights from "
                      "held-out data use samples that trained no member."),
    ]


def _further(result: Result, scene: Config, said: Texts) -> list[Panel]:
    apart = ("Standard deviation of what the members say: the farther from the ground's colour, the larger. They can agree "
             "and be wrong."
             if result.classes else "Solid: standard deviation of what the members say; dotted: how far the average is off.")
    out = [
        Panel(id="disagreement", figure=lambda: further.disagreement(result, scene), span=6, alt=said["disagreement"],
              keyed=False, title="Where the members disagree", pair="distinct", caption=apart),
        Panel(id="distinct", figure=lambda: further.distinct(result, scene), span=6, alt=said["distinct"], keyed=False,
              title="What part of the samples a bag holds",
              caption=f"Dots: means of 128 bags; dashed: 1 − (1 − 1/N)<sup>b</sup>. {words.shown_share(scene, result)}"),
    ]
    if result.stats is None:
        return out
    out.append(Panel(id="weights", figure=lambda: further.weights(result, scene), span=6, alt=said["weights"], keyed=False,
                     title="Weights that held-out data choose",
                     caption=f"A line for each training set, its members by weight; dashed: equal weights of "
                             f"{format_number(100 / scene.members)}\u00a0%."))
    if result.classes:
        out.append(Panel(id="jury", figure=lambda: further.jury(result, scene), span=6, alt=said["jury"], keyed=False,
                         title="A majority of members, and of independent voters",
                         caption="Line: the members. Dots: simulated voters who err as often as one member, each for itself; "
                                 "dashed: the binomial tail."))
    return out


page.show("bagging", draw, presets=PRESETS, maths=MATHS, code=(variance_of_mean, spread, simplex_weights), symbols=SYMBOLS,
          references=REFERENCES)
