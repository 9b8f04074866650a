"""regulariser_bench: every regulariser on one problem, each with the same search."""

from functools import partial

from core.formatting import format_percent
from core.intervals import intervals
from core.lessons.regulariser_bench import pairs, words
from core.lessons.regulariser_bench.jobs import BATCH
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.methods import FAMILIES, TRIALS, Tying
from core.lessons.regulariser_bench.standing import standings
from core.lessons.regulariser_bench.words import alt_texts, summary
from figures.regulariser_bench import facets, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Two moons, one label in five wrong", "Hardly any ends clearly below early stopping."),
    Preset("Digits, one label in five wrong", "Input noise and small moves of the digits end below early stopping.",
           dict(problem="digits", samples=96, corrupt=20, width=32, pairs=6)),
    Preset("Breast cancer, one label in ten wrong",
           "Without a search the net ends far above early stopping, and no regulariser ends clearly below.",
           dict(problem="cancer", samples=64, corrupt=10)),
    Preset("Plenty of samples, right labels", "Little to regularise: even the untuned net ends close to early stopping.",
           dict(samples=192, corrupt=0)),
    Preset("Six starts in place of six rates",
           "The best of six starts overfits: nearly every regulariser looks good beside it, but not beside early stopping.",
           dict(tuned="starts", steps=192, width=32)),
]

MATHS = r"""
All nets descend the mean cross-entropy of batches of $m = 32$ samples by Adam, with one shared learning rate $\varepsilon$,
$$J(\theta) = -\tfrac1m \textstyle\sum_i \ln \operatorname{softmax}\bigl(f(x_i;\theta)\bigr)_{y_i} ,$$
each regulariser with its own change of strength $\alpha, \lambda, \sigma, p$ or $\epsilon$, which is off in its first trial:

- **L2** adds $\tfrac\alpha2\lVert w\rVert^2$ to $J$, **L1** $\alpha\lVert w\rVert_1$ (subgradient), both through Adam, and
  **decoupled decay** multiplies weights by $1-\varepsilon\lambda$ beside Adam's step (AdamW); biases are free.
- **Tying** adds $\tfrac\alpha2\sum_{(i,j)}\lVert w_{\cdot i}-w_{\cdot j}\rVert^2$ over pairs of inputs of one kind: neighbouring
  pixels, or the mean, standard error and worst of one measure. As $\alpha\to\infty$ the weights are shared.
- **Input noise** trains on $x+\sigma\xi$, **weight noise** takes the gradient at $\theta+\sigma\xi$, **dropout** masks hidden
  units with drop probability $p$ (inverted), **label smoothing** trains on $(1-\epsilon)\,y+\epsilon/C$, **mixup** on
  $\lambda z_i+(1-\lambda) z_j$ of samples and labels with $\lambda\sim\mathrm{Beta}(\alpha,\alpha)$, **augmentation** on digits
  that are shifted by up to $r$ pixels and turned by up to $10\,r$ degrees.
- **Early stopping** ends after a part of the updates, **weight averaging** reports
  $\bar\theta \leftarrow a\bar\theta + (1-a)\theta$, **bagging** the mean probability of $M$ nets on bootstrap samples.

**Search.** For each seed $s$ the trial of least *validation* loss is chosen, $t^*_s=\arg\min_t V_{ts}$, and only its *test* loss
$L_s = T_{t^*_s s}$ is reported; no choice sees a test label. Every search has six trials. *Final* losses are those after all
updates, *best* ones those of the record of least validation loss, for all searches alike. Bagging's trials train more nets than
the others', and early stopping and averaging one net alone: the table counts them.

**Pairs.** Two searches of a seed share samples, start and batches, so that what they have in common leaves the difference
$d_s = L_s^{\text{regulariser}} - L_s^{\text{early stopping}}$. Over $S$ seeds
$$\bar d \pm t_{0.975,\,S-1}\,\frac{s_d}{\sqrt S}$$
covers the true mean difference in 95 % of repetitions if differences are normal. Where it lies wholly on one side of zero, the
regulariser is *below* or *above* early stopping. Where it holds zero, the two are *as good as equal* if it stays within 10 % of
early stopping's mean loss, and *undecided* if it reaches farther: that no difference is found does not mean that there is none.
Seeds of breast cancer, digits and own points draw from one pool, so that their intervals speak of that pool. Each interval stands
for itself: of a dozen, one may well miss.
"""

REFERENCES = """
- S. Salzberg, *On comparing classifiers: pitfalls to avoid and a recommended approach*, Data Mining and Knowledge Discovery 1,
  1997.
- T. Dietterich, *Approximate statistical tests for comparing supervised classification learning algorithms*, Neural Computation
  10, 1998.
- G. Melis, C. Dyer, P. Blunsom, *On the state of the art of evaluation in neural language models*, ICLR 2018: baselines that are
  tuned as well.
- J. Dodge, S. Gururangan, D. Card, R. Schwartz, N. Smith, *Show your work: improved reporting of experimental results*, EMNLP
  2019: equal search budgets.
- X. Bouthillier et al., *Accounting for variance in machine learning benchmarks*, MLSys 2021.
- L. Prechelt, *Early stopping, but when?*, Neural Networks: Tricks of the Trade, Springer 1998.
- I. Loshchilov, F. Hutter, *Decoupled weight decay regularization*, ICLR 2019.
- Breast cancer: W. N. Street, W. H. Wolberg, O. L. Mangasarian, 1993; digits: E. Alpaydin, C. Kaynak; both UCI Machine Learning
  Repository (CC BY 4.0).
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    panels = [
        Panel(id="forest", figure=lambda: pictures.forest(result, scene), height="tall", title=lambda: words.title(result),
              caption=lambda: _of_forest(result), alt=said["forest"]),
        *(_strength(result, scene, said, family) for family in FAMILIES),
        *_chosen(result, scene, said),
    ]
    return Board(panels=panels, further=[_kept(result, scene, said), *(_through(result, scene, said, name) for name in FAMILIES)],
                 setup=_setup(result, scene, said), player=Player(labels=pictures.labels(result), name="Update"),
                 summary=summary(result, scene))


def _of_forest(result: Result) -> str:
    marks = f"Left is better. Discs, bars: means and 95\u00a0% intervals of {words.pairs_of(result)} pairs at the end."
    judged = ("Below, above: the bar does not reach the line. As good as equal: it crosses the line and stays in the shade, "
              f"{format_percent(pairs.MARGIN)} of early stopping's loss to each side; undecided: it crosses and reaches farther.")
    told = marks, judged, words.still_to_come(result), words.not_here(result)
    return " ".join(part for part in told if part)


def _strength(result: Result, scene: Config, said: Texts, family: str) -> Panel:
    return Panel(id=f"strength-{family}", figure=partial(facets.by_strength, result, scene, family), span=6, height="tall",
                 title=FAMILIES[family], alt=said[f"strength-{family}"],
                 pair=("strength-weights", "strength-samples") if family == "time" else (),
                 caption=lambda: f"Test loss minus early stopping's, mean and interval of {words.pairs_of(result)} pairs. "
                                 "Discs: larger where validation chooses more often. Level line: early stopping."
                                 f"{facets.beyond(result)}")


def _chosen(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """What the chosen nets are and cost, and in the plane what they say of it."""
    plane = bool(len(result.across) and standings(result))
    out = [Panel(id="costs", figure=lambda: pictures.costs(result, scene), span=12 if plane else 6, height="tall",
                 title="What each search chose and cost", alt=said["costs"],
                 caption="Chosen: by most seeds. Final, best: test loss. CPU: processor time of training all nets, as measured "
                         "in this run; nets that train together share what they have in common.")]
    if plane:
        a, b = result.names
        out.insert(0, Panel(
            id="boundaries", figure=lambda: pictures.boundaries(result, scene), span=6, height="tall", alt=said["boundaries"],
            title="What the chosen nets say of the plane",
            caption=f"First seed. Blue: {a}, orange: {b}. Circles, squares: training samples labelled {a}, {b}."))
    return out


def _kept(result: Result, scene: Config, said: Texts) -> Panel:
    return Panel(id="kept", figure=lambda: pictures.kept(result, scene), span=6, height="tall", alt=said["kept"],
                 title="With the weights of the lowest validation loss",
                 caption="Test loss of each net at its lowest validation loss, minus what early stopping has at the end: means "
                         f"and 95\u00a0% intervals of {words.pairs_of(result)} pairs. Shaded: {format_percent(pairs.MARGIN)} of "
                         "early stopping's loss.")


def _through(result: Result, scene: Config, said: Texts, family: str) -> Panel:
    return Panel(id=f"through-{family}", figure=partial(facets.through, result, scene, family), span=6, height="tall",
                 title=f"Through training: {FAMILIES[family][0].lower()}{FAMILIES[family][1:]}",
                 alt=said[f"through-{family}"],
                 caption=f"Test loss of what validation chooses at the end. Line: mean of {words.pairs_of(result)} seeds; band: "
                         "all of them. Dotted: the untuned net.")


def _setup(result: Result, scene: Config, said: Texts) -> Panel:
    count, held, test = (part.shape[1] for part in (result.samples.y, result.samples.y_val, result.samples.y_test))
    kind = f"{'of your own ' if result.uploaded else ''}training {'points' if len(result.across) else 'samples'}"
    drawn = f"{min(pictures.SHOWN, count)} of {count} training digits" if len(result.names) > 2 else f"{count} {kind}"
    flipped = words.wrong_labels(result, scene)
    wrong = f", {flipped} of them with a wrong label" if flipped else ""
    measures = "" if len(result.across) or len(result.names) > 2 else " Two of thirty measures are drawn."
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title=f"{drawn} of the first seed",
                 caption=f"{count} samples train each net{wrong}. {held} others choose among {TRIALS} trials of each search, and "
                         f"{test} others test what was chosen. Batches of {min(BATCH, count)}, {scene.steps} updates, ε = "
                         f"{result.rate:g}.{measures}", alt=said["setup"])


SYMBOLS = {"V": "val", "t*": "choose", "d": "differences", "t₀.₉₇₅": "T_975", "α": "strength"}

page.show("regulariser_bench", draw, presets=PRESETS, maths=MATHS, code=(pairs.choose, intervals, Tying.gradient),
          symbols=SYMBOLS, references=REFERENCES)
