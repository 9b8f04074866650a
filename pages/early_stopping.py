"""early_stopping: stop in time."""

from core.lessons.early_stopping import ARMS, Config, Result, seen
from figures import early_stopping as figures
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("A fifth is wrong", "Validation turns at the best step; patience waits eight evaluations, then stops."),
    Preset("Clean labels", "Nothing wrong to learn by heart: the best step comes late and overfitting is mild.",
           dict(label_noise=0)),
    Preset("Too impatient", "Two dips: patience of 8 stops in the first; raise it to 25 and it finds the second.", dict(seed=0)),
    Preset("Impatient and no way back", "Without restoring, the reader gets the weights of the stop, after all that waiting.",
           dict(patience=20, restore=False)),
    Preset("L2 instead", "With weight decay there is little left to stop.", dict(arm="l2")),
    Preset("Stop by the error", "The error flattens while cross-entropy climbs: the same patience stops later, with a surer net.",
           dict(monitor="error")),
    Preset("Plenty of data", "More training samples, and the curves part less.", dict(n_train=200)),
]

MATHS = r"""
**Objective.** $J(\theta)=\frac1m\sum_{i=1}^m L(f(x^{(i)};\theta),y^{(i)})$ with $L=-y\ln\sigma(f)-(1-y)\ln(1-\sigma(f))$, a
mean in nats. The arms with L2 minimise $J+\Omega$, $\Omega=\frac{\alpha}{2}\lVert w\rVert^2$ over the weights and not the
biases, by Adam.

Curves are recorded without dropout masks, in evaluation mode.

**The rule.** Let $v_0,v_1,\dots$ be the validation values. Evaluation $i$ *improves* if $v_i<v^\star-\text{min\_delta}$, where
$v^\star$ is the value of the last improvement (at first $\infty$); then $v^\star\leftarrow v_i$ and its weights are kept.
Training stops at the `patience`-th evaluation in a row that does not improve. What is handed back are the kept
weights, or those at the stop where restoring is off. The training set never decides, and the test set is only reported.

**The floor.** If labels are flipped with probability $\rho\le\frac12$, no classifier has an expected cross-entropy below
$H(\rho)=-\rho\ln\rho-(1-\rho)\ln(1-\rho)$ or an expected error below $\rho$ on data flipped alike. Training values go below it by
learning wrong labels by heart.

**Stopping as a penalty.** On a quadratic with curvatures $\lambda_i$, $\tau$ steps of size $\epsilon$ from $0$ come as far as
$$1-(1-\epsilon\lambda_i)^\tau \quad\text{of the way along direction } i,\qquad\text{ridge as far as}\quad
\frac{\lambda_i}{\lambda_i+\alpha}.$$
With $\alpha=1/(\epsilon\tau)$ and $u=\epsilon\tau\lambda$ these are $1-e^{-u}$ and $\frac{u}{1+u}$ for small $\epsilon\lambda$.
Both begin as $u$ and end at $1$; between, these limits part by up to $0.204$, at $u=2.51$. Close, not equal.
"""

REFERENCES = """
- L. Prechelt, Early Stopping – But When?, in *Neural Networks: Tricks of the Trade*, Springer 1998.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, section 7.8.
- C. Zhang, S. Bengio, M. Hardt, B. Recht, O. Vinyals, Understanding Deep Learning Requires Rethinking Generalization,
  ICLR 2017.
"""


def draw(result: Result, scene: Config) -> Board:
    player = Player(labels=[f"step {s}" for s in result.recorded.tolist()], live=not result.done)
    said = seen(result, scene)
    panels = _growing(result, scene, said)
    if result.done:
        panels += [*_fits(result, scene), *_noise(result, scene), *_regularisers(result, scene), *_ridge(result, scene)]
    legend = list(figures.LEGEND)
    if scene.arm in ("l2", "both"):
        legend.append(("objective, training + Ω", figures.style.colour("l2"), "dashdot"))
    return Board(panels=panels, player=player, seen=said, legend=legend)


def _growing(result: Result, scene: Config, said: str) -> list[Panel]:
    floor = " Dashed: what no net can beat on new samples, on average." if scene.label_noise else ""
    stopped = figures.stop_of(result, scene, scene.arm).stopped is not None
    waiting = "Shaded: the waiting, from the last improvement to the stop." if stopped else "Patience has not run out."
    return [
        Panel(id="loss", figure=figures.curves(result, scene, "loss"), span=7, rows=2, height="tall",
              caption=waiting + floor,
              alt=f"Cross-entropy on training, validation and test set while the net trains. {said}"),
        Panel(id="fit", figure=figures.fit(result, scene), span=5, height="short",
              caption="What the net says now. A heavy ring is a wrong label.",
              alt="Decision surface of the net over the training samples, moving with the step."),
        Panel(id="error", figure=figures.curves(result, scene, "error"), span=5, height="short",
              caption="The same run, counted in mistakes.",
              alt="Error on training, validation and test set while the net trains."),
    ]


def _fits(result: Result, scene: Config) -> list[Panel]:
    at = result.recorded.tolist()
    back, end = figures.back_of(result, scene, scene.arm), len(at) - 1
    return [Panel(id=f"fit_{name}", figure=figures.fit(result, scene, i), span=4, height="short",
                  title=f"{title}: step {at[i]}", caption=caption, alt=f"Decision surface at step {at[i]}.")
            for name, title, i, caption in (
                ("start", "Start", 0, "As initialised."),
                ("back", "Handed back", back, "The choice of the rule."),
                ("end", "End", end, "As if nothing had stopped it."))]


def _noise(result: Result, scene: Config) -> list[Panel]:
    what = "cross-entropy" if scene.monitor == "loss" else "error"
    return [
        Panel(id="noise", figure=figures.noise_curves(result, scene), span=7,
              title="Where the best step lies when more labels are wrong",
              caption=f"Validation {what} without a regulariser, mean of {scene.draws} draws; stars are the lowest points.",
              alt="Validation curves at several levels of label noise, with the lowest point of each."),
        Panel(id="best_steps", figure=figures.best_steps(result, scene), span=5, title="The best step, draw by draw",
              click=("", "label_noise"),
              caption="A dot is one draw of data and start, a bar the median. Click to set the noise.",
              alt="Best step of each draw against label noise."),
    ]


def _regularisers(result: Result, scene: Config) -> list[Panel]:
    curves = [Panel(id=f"arm_{arm}", figure=figures.curves(result, scene, "loss", arm, small=True), span=3, height="short",
                    title=name, caption="Same data, start and axes." if arm == "none" else "", alt=f"Curves of the arm {name}.")
              for arm, name in ARMS.items()]
    return [
        *curves,
        Panel(id="returned", figure=figures.returned(result, scene), span=4, title="With stopping and without",
              caption=f"Ring: at the end; dot: as handed back; means of {scene.draws} draws, with a thin line for each.",
              alt="Test cross-entropy at the end and as handed back, for each regulariser."),
        Panel(id="gap", figure=figures.gap(result, scene), span=4, title=f"Generalisation gap ({figures.SHORT[scene.arm]})",
              caption=f"Mean of {scene.draws} draws, one standard deviation either side.",
              alt="Test minus training cross-entropy with a band over draws."),
        Panel(id="norms", figure=figures.norms(result, scene), span=4, title="The weights' length",
              caption="One start, one data set; biases left out.", alt="Weight norm against step for each regulariser."),
    ]


def _ridge(result: Result, scene: Config) -> list[Panel]:
    return [
        Panel(id="shrinkage", figure=figures.shrinkage_factors(result, scene), span=7,
              title="Stopping shrinks as ridge does, nearly",
              caption=f"Least squares on nine cubic features of the samples, ε·λ_max = {scene.product:g}; ridge: α = 1/(ετ).",
              alt="Part of the minimum reached along each eigenvector by gradient descent and by ridge."),
        Panel(id="shrinkage_gap", figure=figures.shrinkage_gap(result, scene), span=5, title="How far apart they are",
              caption="The largest difference over the directions, as a part of the minimum.",
              alt="Largest gap between stopping and ridge against steps."),
    ]


page.show("early_stopping", draw, presets=PRESETS, maths=MATHS, references=REFERENCES)
