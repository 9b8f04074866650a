"""early_stopping: stop in time."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

from core.lessons.early_stopping import lesson
from core.lessons.early_stopping.lesson import ARMS, Config, Result
from core.lessons.early_stopping.patience import stop_rule
from core.lessons.early_stopping.shrinkage import stopped_factor
from core.lessons.early_stopping.words import alt_texts, best_is, kept_loss, ridge_gap, starts_at, summary, trend, waits
from figures.early_stopping import pictures, ridge
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

Fits = Callable[[], list[Any]]

PRESETS = [
    Preset("Wrong labels",
           "One label in five is flipped. Patience waits twenty evaluations for a lower validation loss, then stops.",
           dict(patience=20)),
    Preset("Clean labels", "Nothing wrong to learn by heart: the best step comes later, and the loss climbs less after it.",
           dict(patience=20, label_noise=0)),
    Preset("Too impatient",
           "A patience of 1 stops at the first small rise; a patience of 25 finds weights with a much lower test loss.",
           dict(label_noise=0, patience=1)),
    Preset("Without restoring", "The weights of the stop are kept, not the best ones: the long wait has raised the test loss.",
           dict(patience=20, restore=False)),
    Preset("L2 instead",
           "With an L2 penalty the loss climbs far less after its lowest point: stopping has less to save.",
           dict(patience=20, arm="l2")),
    Preset("Stop by the error",
           "The error still falls while cross-entropy climbs: the same patience stops later, with a surer net.",
           dict(monitor="error", n_train=40, patience=12)),
    Preset("Plenty of data",
           "With 200 training samples instead of 80 the training and test curves part less.", dict(patience=20, n_train=200)),
]

MATHS = r"""
**Objective.** $J(\theta)=\frac1N\sum_{i=1}^N L(f(x^{(i)};\theta),y^{(i)})$ with $L=-y\ln\sigma(f)-(1-y)\ln(1-\sigma(f))$, a
mean over the $N$ training samples, in nats. The arms with L2 minimise $J+\Omega$,
$\Omega=\frac{\alpha}{2}\lVert w\rVert^2$ with the penalty strength $\alpha$, over the weights and not the biases. Its gradient
$\alpha w$ joins that of $J$ before Adam scales both, so this is not the decoupled weight decay of AdamW.

Curves are recorded without dropout masks, in evaluation mode; what dropout minimises is the loss under its masks.

**The rule.** Let $v_0,v_1,\dots$ be the validation values, one at each evaluation. Evaluation $i$ *improves* if
$v_i<v^\star-\text{min\_delta}$, where $v^\star$ is the value of the last improvement (at first
$\infty$); then $v^\star\leftarrow v_i$ and its weights are kept. Training stops at the `patience`-th
evaluation in a row that does not improve. The rule ends with the kept weights, or with those at the stop where restoring is
off. The training set never decides, and the test set is only reported.

**The floor.** If labels are flipped with probability $\rho\le\frac12$, no classifier has an expected cross-entropy below
$H(\rho)=-\rho\ln\rho-(1-\rho)\ln(1-\rho)$ or an expected error below $\rho$ on data flipped alike. Training
values can go below it, by learning wrong labels by heart.

**Stopping as a penalty.** On a quadratic with curvatures $\lambda_i$, $\tau$ steps of size $\epsilon$ from $0$ come as far as
$$1-(1-\epsilon\lambda_i)^\tau \quad\text{of the way along direction } i,\qquad\text{ridge as far as}\quad
\frac{\lambda_i}{\lambda_i+\alpha}.$$
With the ridge strength $\alpha=1/(\epsilon\tau)$ and $u=\epsilon\tau\lambda$ these are $1-e^{-u}$ and
$\frac{u}{1+u}$ for small $\epsilon\lambda$. Both begin as $u$ and end at $1$; between, these limits part by up to $0.204$, at
$u=2.51$. Close, not equal.
"""

REFERENCES = """
- L. Prechelt, Early Stopping – But When?, in *Neural Networks: Tricks of the Trade*, Springer 1998.
- I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, section 7.8.
- C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, Understanding Deep Learning Requires Rethinking Generalization,
  ICLR 2017.
"""


def draw(result: Result, scene: Config) -> Board:
    player = Player(labels=[f"step {s}" for s in result.recorded.tolist()], live=not result.done)
    back, end = lesson.returned_of(result, scene, scene.arm), len(result.recorded) - 1
    fits = cache(lambda: pictures.fits(result, scene, (0, back, end) if result.done else ()))
    alt = Texts(lambda: alt_texts(result, scene))
    panels, further = _growing(result, scene, fits, alt), []
    if result.done:
        panels += _noise(result, scene, alt)
        further = [*_regularisers(result, scene, alt), *_fits(result, scene, fits, alt), *_ridge(result, scene, alt)]
    return Board(panels=panels, further=further, setup=_setup(result, scene), player=player, summary=summary(result, scene),
                 legend=pictures.legend(scene))


def _setup(result: Result, scene: Config) -> Panel:
    n, wrong = len(result.y), int(result.wrong.sum())
    labels = f"{wrong} of them with a wrong label (heavy ring)" if wrong else "all of them with the right label"
    return Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="The training set",
                 caption=f"{n} samples of two classes, {labels}. {starts_at(result, scene)}",
                 alt=f"{n} samples of two classes in the plane, {wrong} of them with a wrong label.")


def _growing(result: Result, scene: Config, fits: Fits, alt: Texts) -> list[Panel]:
    return [
        Panel(id="loss", figure=lambda: pictures.curves(result, scene, "loss"), span=7, rows=2, height="tall", pair="fit",
              title=best_is(result, scene), caption=waits(result, scene), alt=alt["loss"]),
        Panel(id="fit", figure=lambda: fits()[0], span=5, height="short", title="What the net says at this step",
              caption=f"{CLASSES} Line: undecided.", alt=alt["fit"]),
        Panel(id="error", figure=lambda: pictures.curves(result, scene, "error"), span=5, height="short",
              title="Error on training, validation and test samples", caption="Part of the samples that the net gets wrong.",
              alt=alt["error"]),
    ]


CLASSES = "Circles: class A; squares: class B; heavy ring: wrong label."


def _fits(result: Result, scene: Config, fits: Fits, alt: Texts) -> list[Panel]:
    at, back = result.recorded.tolist(), lesson.returned_of(result, scene, scene.arm)
    kept = "Best weights" if back == lesson.best_of(result, scene, scene.arm) else "Weights kept"
    titles = {"start": "Start: step 0", "kept": f"{kept}: step {at[back]}", "end": f"End: step {at[-1]}"}
    return [Panel(id=f"fit-{name}", figure=lambda i=i: fits()[i], span=4, height="short", title=title, caption=CLASSES,
                  pair="fit-end" if name == "kept" else "", alt=alt[f"fit-{name}"])
            for i, (name, title) in enumerate(titles.items(), start=1)]


def _noise(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    what = "loss" if scene.monitor == "loss" else "error"
    return [
        Panel(id="noise", figure=lambda: pictures.noise_curves(result, scene), span=7, alt=alt["noise"], pair="best_steps",
              title=f"Validation {what} with more labels wrong", keyed=False,
              caption=f"A line for each share of wrong labels, mean of {scene.draws} draws. Star: its lowest point."),
        Panel(id="best_steps", figure=lambda: pictures.best_steps(result, scene), span=5, title="The best step, draw by draw",
              click=("", "label_noise"), alt=alt["best_steps"], keyed=False,
              caption=f"Dot: a draw; bar: the median. {trend(result, scene)} A click sets their share."),
    ]


def _regularisers(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    pairs = {"none": "arm-l2", "dropout": "arm-both"}
    arms = [Panel(id=f"arm-{arm}", figure=partial(pictures.curves, result, scene, "loss", arm, small=True), span=3,
                  height="short", title=name, caption=kept_loss(result, scene, arm), alt=alt[f"arm-{arm}"],
                  pair=pairs.get(arm, ""))
            for arm, name in ARMS.items()]
    return [
        *arms,
        Panel(id="returned", figure=lambda: pictures.returned(result, scene), span=4, title="Test loss with stopping and without",
              caption=f"Dot: with stopping; ring: at the end; means of {scene.draws} draws, a thin line for each.",
              alt=alt["returned"], keyed=False),
        Panel(id="gap", figure=lambda: pictures.gap(result, scene), span=4, alt=alt["gap"], keyed=False,
              title=f"Generalisation gap, {pictures.IN_TITLE[scene.arm]}",
              caption=f"Mean of {scene.draws} draws, one standard deviation either side."),
        Panel(id="norms", figure=lambda: pictures.norms(result, scene), span=4, title="The weights' length",
              caption="One start, one data set; biases left out.", alt=alt["norms"]),
    ]


def _ridge(result: Result, scene: Config, alt: Texts) -> list[Panel]:
    return [
        Panel(id="shrinkage", figure=lambda: ridge.shrinkage_factors(result, scene), span=7, alt=alt["shrinkage"],
              title="Stopping beside ridge, direction by direction", pair="shrinkage_gap",
              caption="Least squares on nine cubic features of the samples, "
                      f"ε·λ<sub>max</sub> = {scene.product:g}; ridge: strength α = 1/(ετ)."),
        Panel(id="shrinkage_gap", figure=lambda: ridge.shrinkage_gap(result, scene), span=5,
              title="How far apart stopping and ridge are",
              caption="The largest difference over the directions, as a part of the minimum: "
                      f"at most {ridge_gap(result, scene)}.",
              alt=alt["shrinkage_gap"]),
    ]


SYMBOLS = {"vᵢ": "value", "v*": "best", "min_delta": "min_delta", "patience": "patience", "λ": "eigenvalues", "ε": "rate",
           "τ": "steps", "ρ": "label_noise", "α": "weight_decay"}

page.show("early_stopping", draw, presets=PRESETS, maths=MATHS, code=(stop_rule, stopped_factor), symbols=SYMBOLS,
          references=REFERENCES)
