"""dropout: thinned nets, and the full net that stands for their mean."""

from functools import partial

from core.lessons.dropout import thinning
from core.lessons.dropout.lesson import SEEDS, Config, Result
from core.lessons.dropout.probes import DRAWS
from core.lessons.dropout.ridge import COPIES
from core.lessons.dropout.words import DRAWN, alt_texts, shown, summary, things, title
from figures.dropout import averaging, pictures, plane
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Half the units dropped",
           "Units dropped, the training loss ends above the test loss; full net, far below."),
    Preset("Hardly any dropout", "At p = 0.05 the lost units cost little: the training loss ends far below the test loss.",
           dict(p=0.05)),
    Preset("One hidden layer",
           "Here weight scaling is exactly the normalised geometric mean of all thinned nets, not their arithmetic mean.",
           dict(depth=1)),
    Preset("Two labels in five wrong",
           "Without dropout the net learns most wrong labels by heart; with it the test loss is a quarter smaller or more.",
           dict(corrupt=40, p=0.35, steps=600)),
    Preset("Wrong labels in the plane",
           "Two moons, one label in five wrong: with dropout the test loss is a quarter smaller or more.",
           dict(data="two_moons", samples=80, corrupt=20, steps=600)),
    Preset("Four units in five dropped",
           "Too much: what is left of the net learns little, and its test loss is more than twice that without dropout.",
           dict(p=0.8)),
    Preset("A narrow net", "Eight units a layer cannot spare half of them: dropout makes the test loss larger.", dict(width=8)),
]

MATHS = r"""
$p$ is the **drop** probability. A hidden unit of value $x$ is multiplied by a mask that is drawn anew for every sample of every
update,
$$m = \begin{cases} 0 & \text{with probability } p \\ \tfrac{1}{1-p} & \text{with probability } 1-p\end{cases}
\qquad\Rightarrow\qquad \mathbb E[m\,x] = x, \quad \operatorname{Var}[m\,x] = \frac{p}{1-p}\,x^2 .$$
The scale $\frac{1}{1-p}$ is applied once, in training ("inverted" dropout), so the full net needs none at test time. Training
minimises the mean cross-entropy over a batch of $B$ samples, of thinned nets:
$$J(\theta) = \mathbb E_m\Bigl[-\tfrac1B \textstyle\sum_i \ln \operatorname{softmax}\bigl(f(x_i;\theta, m_i)\bigr)_{y_i}\Bigr].$$
"Units dropped" is the mean of the losses that the updates between two records descended, so it lags a little behind the others.

**Linear regression, exactly.** With dropped inputs, and the objective a half of the sum of squares,
$$\mathbb E_m\,\tfrac12\sum_i\Bigl(y_i - \sum_j m_{ij} x_{ij} w_j\Bigr)^2
= \tfrac12\lVert y - Xw\rVert^2 + \tfrac12\,\frac{p}{1-p}\sum_j w_j^2 \sum_i x_{ij}^2 ,$$
a ridge penalty, scaled by each feature's own sum of squares (for the mean of $N$ squares divide both terms by $N/2$). The mean
of thinned predictions is the full one.

**One softmax layer, exactly.** What a softmax divides by is the same for all classes, so the geometric mean over all masks,
normalised, is the softmax of the mean logit, and that is the full layer's:
$$\frac{\prod_m p_m(c)^{P(m)}}{\sum_{c'}\prod_m p_m(c')^{P(m)}} = \operatorname{softmax}\bigl(\mathbb E_m[W(m\odot h)] + b\bigr)_c
= \operatorname{softmax}(W h + b)_c .$$
It is not the arithmetic mean of the probabilities.

**Deep nets, approximately.** A mask in front of another hidden layer passes a nonlinearity, and
$\mathbb E\,[g(m x)] \ne g(\mathbb E[m x])$ in general: weight scaling is then only close to a mean of thinned nets.
"""

REFERENCES = """
- N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, *Dropout: a simple way to prevent neural networks
  from overfitting*, Journal of Machine Learning Research 15, 2014. Linear regression: section 9.1.
- G. E. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever, R. R. Salakhutdinov, *Improving neural networks by preventing
  co-adaptation of feature detectors*, arXiv:1207.0580, 2012.
- S. Wager, S. Wang, P. Liang, *Dropout training as adaptive regularization*, NeurIPS 2013.
- P. Baldi, P. J. Sadowski, *Understanding dropout*, NeurIPS 2013: the normalised geometric mean.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, section 7.12.
- Digits: E. Alpaydin, C. Kaynak, UCI Machine Learning Repository (CC BY 4.0). Diabetes: B. Efron, T. Hastie, I. Johnstone,
  R. Tibshirani, *Least angle regression*, Annals of Statistics 32, 2004.
"""


def draw(result: Result, scene: Config) -> Board:
    said, p = Texts(lambda: alt_texts(result, scene)), f"p = {scene.p:g}"
    low = pictures.floor(result.masked_loss, result.train_loss, result.test_loss)
    panels = [
        Panel(id="curves", figure=lambda: pictures.curves(result, scene), span=6, height="tall", pair="diagram",
              title=lambda: title(result), caption=f"{p}. Mean of {SEEDS} seeds; band: all of them. Training descends the loss "
              f"with units dropped.{low}", alt=said["curves"]),
        _diagram(result, scene, said),
        Panel(id="byp", figure=lambda: pictures.by_p(result), span=6, title="The same losses by drop probability p",
              caption=f"Dots: {SEEDS} seeds after {result.step} updates. Upright: the p of this scene.{low}", alt=said["byp"]),
        _scaling(result, said),
    ]
    # In the plane the whole answer of a net can be seen, and that leads.
    features, answers = _features(result, scene, said), _plane(result, scene, said)
    panels += answers or features
    player = Player(labels=pictures.labels(result), name="Update")
    further = [*(features if answers else []), *_trained(result, scene, said), *_expected(result, scene, said)]
    return Board(panels=panels, further=further, setup=_setup(result, scene, said), player=player,
                 summary=summary(result, scene), legend=pictures.legend(result))


def _setup(result: Result, scene: Config, said: Texts) -> Panel:
    count, some = result.data.y.shape[1], things(result)
    nets = (f"The nets have {scene.depth} hidden layer{'s' if scene.depth > 1 else ''} of {scene.width} units, of which others "
            f"are dropped for every {things(result, 1)} of every update. The test {some} are not among these.")
    if result.plane:
        whose = f"{count} of your own points train" if result.uploaded else f"{count} training points in the plane"
        return Panel(id="setup", figure=lambda: plane.setup(result), title=whose,
                     caption=f"{plane.SAMPLES.format(*result.names)} {nets}", alt=said["setup"])
    return Panel(id="setup", figure=lambda: pictures.setup(result), title=f"{pictures.SHOWN} of {count} training digits",
                 caption=nets, alt=said["setup"])


def _diagram(result: Result, scene: Config, said: Texts) -> Panel:
    pixels = "" if result.plane else " The 64 pixels are not drawn."
    drawn = "" if scene.width <= DRAWN else f" {shown(scene.width)} of {scene.width} units a layer."
    return Panel(id="diagram", figure=lambda: pictures.diagram(result), span=6, height="tall",
                 title="The thinned net that an update trained",
                 caption=f"For one {things(result, 1)} of its batch.{drawn} Crossed: dropped; all other hidden units are scaled "
                 f"by 1/(1 − p) = {1 / (1 - scene.p):.3g}. Fuller: larger output.{pixels}", alt=said["diagram"])


def _scaling(result: Result, said: Texts) -> Panel:
    deep = result.averages.deep is not None
    exact = "Distance of the mean of T thinned nets, in units of one net's. Exact: all of it is chance, dashed 1/√T"
    layer = ("Softmax layer: only the last hidden layer is thinned." if deep else
             "With one hidden layer the output is a softmax layer on dropped units.")
    return Panel(id="scaling", figure=lambda: averaging.scaling(result), span=6, title="Does one full net stand for the mean?",
                 caption=f"{exact}. Dotted: arithmetic mean of probabilities. {layer}", alt=said["scaling"])


def _features(result: Result, scene: Config, said: Texts) -> list[Panel]:
    if result.plane:
        caption = ("A square: the plane, for a unit of the last hidden layer. Orange: its response, as a share of the largest it "
                   "ever gave; blank: silent.")
        title, drawn = "Where units respond", plane.responses
    else:
        caption = "A square: the 64 weights of a unit of the first layer. Orange: ink excites it; blue: ink inhibits it."
        title, drawn = "What units look for", pictures.features
    return [Panel(id=f"features-{name}", figure=partial(drawn, result, name == "with"), span=6, title=f"{title}: {nets}",
                  caption=caption, alt=said[f"features-{name}"], pair=("features-with",) if name == "without" else ())
            for name, nets in (("without", "no dropout"), ("with", f"p = {scene.p:g}"))]


def _plane(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """What the full nets say of the plane, if that is what they learn."""
    if not result.plane:
        return []
    return [Panel(id=f"plane-{name}", figure=partial(plane.says, result, name == "with"), span=6, title=of, keyed=False,
                  caption=f"{plane.SAMPLES.format(*result.names)} Line: undecided.", alt=said[f"plane-{name}"],
                  pair=("plane-with",) if name == "without" else ())
            for name, of in (("without", "What the net says: no dropout"), ("with", f"What the full net says: p = {scene.p:g}"))]


def _trained(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """More of the nets that were trained."""
    return [
        Panel(id="through", figure=lambda: pictures.through_training(result, scene), span=6,
              title="Test loss through training by p", caption=f"Mean of {SEEDS} seeds. Wide: the p of this scene."
              + pictures.floor(result.test_loss),
              alt=said["through"], keyed=False),
        Panel(id="lesion", figure=lambda: averaging.lesion(result), span=6, title="Who can do without some units?",
              caption=f"Solid: trained at p = {scene.p:g}; dotted: without dropout. Hidden units removed at random, the rest "
              f"scaled to match; up to {DRAWS} draws for each of {SEEDS} seeds. Bands: all seeds.", alt=said["lesion"],
              keyed=False),
    ]


def _expected(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """What masks do on average."""
    T = averaging.passes_shown(result, scene)
    names, asked = "P of the class that weight scaling names", result.averages.scaled.numel()
    return [
        Panel(id="agreement", figure=lambda: averaging.agreement(result, scene), span=4, alt=said["agreement"], keyed=False,
              title=f"Weight scaling beside {T:,} net{'s' if T > 1 else ''}",
              caption=f"{names}, for {asked} test {things(result)}. Off the dashed line the arithmetic mean differs."),
        Panel(id="moments", figure=lambda: averaging.moments(result), span=4, title="Mean and variance of a dropped unit",
              caption="Circles: mean, diamonds: variance of the masks that trained. Dashed: 1 and p/(1 − p).",
              alt=said["moments"], keyed=False),
        Panel(id="ridge", figure=lambda: averaging.ridge(result), span=4, title="Linear regression: dropout is ridge",
              caption=f"Dots: least squares on {COPIES} thinned copies of the diabetes data. Dashed: the ridge penalty scaled "
              "by each feature's sum of squares.", alt=said["ridge"], keyed=False),
    ]


SYMBOLS = {"p": "p", "m": "kept_TND", "p/(1 − p)": "mask_variance", "Σᵢ xᵢⱼ²": "gram_DD.diagonal()", "W(m ⊙ h) + b": "logits"}

page.show("dropout", draw, presets=PRESETS, maths=MATHS,
          code=(thinning.dropout_ridge, thinning.thinned_least_squares, thinning.geometric_mean),
          symbols=SYMBOLS, references=REFERENCES)
