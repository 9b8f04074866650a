"""parameter_sharing: one filter for all places, one cell for all steps, two tasks on a leash."""

from core.lessons.parameter_sharing.images import SEEDS, Images, equal_width
from core.lessons.parameter_sharing.lesson import REACH, Config, Result, done
from core.lessons.parameter_sharing.sequences import Sequences
from core.lessons.parameter_sharing.sharing import equivariance, uses_of_weights
from core.lessons.parameter_sharing.tying import Tying, pull_together
from core.lessons.parameter_sharing.words import alt_texts, shift_costs, summary, tie_words
from figures.parameter_sharing import others, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Two pixels", "A shift of two pixels costs the MLP of equal size most of what it knows, and the ConvNet far less."),
    Preset("Few images", "From 20 images the ConvNet still bears a shift of two pixels better than the MLP of equal size.",
           dict(images=20.0)),
    Preset("A ConvNet that forgets sharing", "With a weight for each place at its end a ConvNet loses most of its accuracy too.",
           dict(head="flat")),
    Preset("Over time",
           "One cell reads sequences of any length; a cell for each step errs on three in ten or more of the longest.",
           dict(part="sequences")),
    Preset("Tied tasks", "Pulled together a little, the task with few samples does better than alone.", dict(part="tying")),
    Preset("Unlike tasks", "The truths lie far apart: sharing all weights is worse for task A than separate fits.",
           dict(part="tying", distance=2.0, tie=1.0)),
    Preset("Two nets on digits", "Both nets start alike and are tied; with s = 1 they end as one.",
           dict(part="tying", problem="nets", tie=0.9)),
]

MATHS = r"""
**One filter for all places.** A convolution has $z_p = b + \sum_k w_k\, x_{p+k}$ at every place $p$. One weight is used at all
of them, and its gradient is the sum over its uses,
$\frac{\partial J}{\partial w_k} = \sum_p \frac{\partial J}{\partial z_p}\, x_{p+k}$.
Convolution is **equivariant**: with circular padding and stride 1, shifting by $T$ and convolving commute exactly,
$f(Tx) = T f(x)$.
Padding with zeros breaks this where something meets the edge, and tells the next layer where the edge is. Pooling of 2 × 2 makes
a map only *locally* invariant, and the pooled net commutes with even shifts only. So this net is neither equivariant to every
shift nor invariant. A digit that is moved by more than 2 pixels can leave the frame. Accuracy before the last update is that
on 40 of the 240 test digits. All nets minimise the mean cross-entropy $J$ of batches of $m = 16$ with Adam.

**Equal size** and **closest accuracy** are two comparisons: an MLP of as many parameters, and the MLP whose accuracy on
images that are not moved comes closest. Each kind of net has the learning rate that was best on digits that are not
moved; only the ConvNet's design was chosen among several. At every rate that was tried, two pixels left the MLPs near chance.

**One cell for all steps.** $h_t = \tanh(W_x x_t + b_x + W_h h_{t-1} + b_h)$ with $h_0 = 0$; $J$ is the mean binary cross-entropy
of all training sequences. With a cell for each of $T$ steps the first $W_h$ multiplies $h_0 = 0$: its $H^2$ entries are
counted and have no effect. Such a net cannot read another length: shorter sequences get zeros before them, of longer ones
it reads the last $T$ steps.

**Tying.** $J_A(w_A) + J_B(w_B) + \lambda \lVert w_A - w_B \rVert^2$, both $J$ means over the task's samples, and
$\lambda = u\, s/(1-s)$ with $u = 1$ for the linear tasks and $0.02$ for the nets. For squared losses, with
$H = \frac1N X X^\top$ and $c = \frac1N X y$,
$$\begin{pmatrix} H_A + \lambda I & -\lambda I\\ -\lambda I & H_B + \lambda I\end{pmatrix}
\begin{pmatrix} w_A\\ w_B\end{pmatrix} = \begin{pmatrix} c_A\\ c_B\end{pmatrix}.$$
$\lambda = 0$ separates; as $\lambda \to \infty$ both tend to $(H_A + H_B)^{-1}(c_A + c_B)$. Training takes a gradient step and
then minimises the tie exactly: the mean stays and the difference is divided by $1 + 4\varepsilon\lambda$.
"""

SYMBOLS = {"λ": "strength_R", "T f(x)": "plain", "f(Tx)": "after", "∂J/∂z": "slope", "x": "columns", "ε": "rate"}

REFERENCES = """
- Y. LeCun, B. Boser, J. S. Denker et al., *Backpropagation applied to handwritten zip code recognition*,
  Neural Computation 1, 1989.
- J. L. Elman, *Finding structure in time*, Cognitive Science 14, 1990.
- T. Evgeniou, M. Pontil, *Regularized multi-task learning*, KDD 2004.
- R. Zhang, *Making convolutional networks shift-invariant again*, ICML 2019.
- M. A. Islam, S. Jia, N. D. B. Bruce, *How much position information do convolutional neural networks encode?*, ICLR 2020.
- N. Parikh, S. Boyd, *Proximal algorithms*, Foundations and Trends in Optimization 1, 2014.
- Digits: optical recognition of handwritten digits, E. Alpaydin, C. Kaynak, UCI repository (CC BY 4.0).
"""


def draw(result: Result, scene: Config) -> Board:
    alt = Texts(lambda: alt_texts(result, scene))
    if result.images:
        panels, further, setup = _images(result.images, scene, alt)
    elif result.sequences:
        panels, further, setup = _sequences(result.sequences, alt)
    else:
        assert result.tying
        panels, further, setup = _tying(result.tying, scene, alt)
    player = Player(labels=pictures.labels(result), name="Update", autoplay=False, live=not done(result, scene))
    return Board(panels=panels, further=further, setup=setup, player=player, summary=summary(result, scene),
                 legend=pictures.legend(result, scene))


def _images(seen: Images, scene: Config, alt: Texts) -> tuple[list[Panel], list[Panel], Panel]:
    same = len(pictures.places(seen, scene)) == 2
    nets = "The MLP of equal size is also that of closest accuracy. " if same else ""
    panels = [
        Panel(id="shift", figure=lambda: pictures.shift(seen, scene), span=7, height="tall", pair="size", alt=alt["shift"],
              title=lambda: shift_costs(seen, scene),
              caption=f"Test digits moved one of four ways. Lines: means of {SEEDS} seeds; bands: all. Pooling of 2 × 2 keeps "
                      "step with even shifts only."),
        Panel(id="size", figure=lambda: pictures.size(seen, scene), span=5, height="tall", title="Accuracy by training size",
              alt=alt["size"],
              caption=f"Test digits that are not moved, mean and range of {SEEDS} seeds. Dotted: the size in view."),
        Panel(id="maps", figure=lambda: pictures.maps(seen, scene), span=7, title="Shift the digit: its maps go with it",
              pair="says", shift=("dx", "dy"), alt=alt["maps"], height="short",
              caption=f"Drag, or use the arrow keys: up to {REACH} pixels. Maps of four trained filters, "
                      "after the first convolution."),
        Panel(id="says", figure=lambda: pictures.says(seen, scene), span=5, title="What each net takes it for", alt=alt["says"],
              height="short", keyed=False,
              caption="Bars in order: " + ", ".join(pictures.NAMES[h] for h in pictures.places(seen, scene)) +
              "; trained nets of the first seed."),
        Panel(id="budget", figure=lambda: pictures.budget(seen, scene), span=7, title="Equal size, closest accuracy",
              pair="filters",
              alt=alt["budget"], caption=f"{nets}Solid: not moved; dashed and open: moved by 2 pixels. Grey: MLPs of "
              f"{seen.widths[0]} to {seen.widths[-1]} hidden units."),
        Panel(id="filters", figure=lambda: pictures.filters(seen, scene), span=5,
              title="What is learned: filters, weight pictures",
              alt=alt["filters"],
              caption="Above: filters that are used at every place. Below: a unit of the MLP has a weight for "
              "each pixel."),
    ]
    further = [
        Panel(id="gradient", figure=lambda: pictures.gradient(seen, scene), span=4, title="A gradient is the sum of all uses",
              alt=alt["gradient"], keyed=False,
              caption="Nine weights of the first filter: what each place adds to dJ/dw for the digit where it stands, "
              "and their sum."),
        Panel(id="equivariance", figure=lambda: pictures.equivariance(seen, scene), span=4,
              title="Do maps move with the picture?",
              alt=alt["equivariance"], keyed=False,
              caption="‖f(Tx) − T f(x)‖ / ‖f(x)‖. Solid, round: circular padding; dotted, square: zeros. Pooled maps cannot move "
                      "by half a place."),
        Panel(id="leak", figure=lambda: pictures.leak(seen, scene), span=4, title="A blank picture, after two convolutions",
              alt=alt["leak"], keyed=False,
              caption="One map with either padding, same weights. A frame at the edge is position that "
              "zeros leak."),
    ]
    setup = Panel(id="setup", figure=lambda: pictures.setup(seen, scene), title="A test digit, and the same moved",
                  alt=alt["setup"],
                  caption=f"ConvNet: {seen.parameters[0]:,} parameters. MLP of {equal_width(seen.net)} hidden units: "
                          f"{seen.parameters[seen.equal]:,}.")
    return panels, further, setup


def _sequences(seen: Sequences, alt: Texts) -> tuple[list[Panel], list[Panel], Panel]:
    panels = [
        Panel(id="length", figure=lambda: others.length(seen), span=7, height="tall", title="One length trained, others tested",
              pair="place",
              alt=alt["length"], keyed=False,
              caption=f"Solid: one cell for all steps. Dashed: a cell for each of {seen.length}, which reads zeros before "
                      f"shorter sequences and the last {seen.length} steps of longer ones. Bands: {SEEDS} seeds."),
        Panel(id="place", figure=lambda: others.place(seen), span=5, height="tall", title="Wherever the pattern stands",
              alt=alt["place"],
              keyed=False,
              caption="Sequences of the trained length. Solid: one cell for all steps; dashed: a cell for each."),
        Panel(id="counts", figure=lambda: others.counts(seen), span=7, title="Parameters at equal width", pair="example",
              alt=alt["counts"], keyed=False, height="short",
              caption=f"{seen.no_effect} of the second net's have no effect: they multiply the state before step 1, which is 0."),
        Panel(id="example", figure=lambda: others.example(seen), span=5, title="A training sequence", alt=alt["example"],
              height="short", keyed=False, caption="Noise, and somewhere up-down (class 1) or down-up (class 0)."),
    ]
    setup = Panel(id="setup", figure=lambda: others.example(seen), title="A training sequence", alt=alt["example"], keyed=False,
                  caption="Noise, and somewhere up-down (class 1) or down-up (class 0).")
    return panels, [], setup


def _tying(seen: Tying, scene: Config, alt: Texts) -> tuple[list[Panel], list[Panel], Panel]:
    linear = seen.problem == "linear"
    exact = " Dashed: closed form." if linear else ""
    losses = Panel(id="losses", figure=lambda: others.losses(seen, scene), span=7, height="tall",
                   title="Both tasks' test " + ("loss" if linear else "error"),
                   alt=alt["losses"],
                   pair="weights" if linear else "gap",
                   caption=f"Lines: means of {len(seen.test[0])} seeds; bands: all seeds. Task B has few samples. "
                   f"Stars: lowest. Dotted: the slider's s, λ = {tie_words(seen, scene)}.{exact}")
    weights = Panel(id="weights", figure=lambda: others.weights(seen, scene), span=5, height="tall",
                    title="Two weight vectors approach",
                    alt=alt["weights"], caption="Paths from separate fits to shared weights, first seed. Disc: the slider's s. "
                    "Stars: the truths." + exact)
    gap = Panel(id="gap", figure=lambda: others.gap(seen, scene), span=12 if linear else 5, title="How far apart they stay",
                alt=alt["gap"], height="short" if linear else "tall",
                caption=f"Distance of both weight vectors: mean of {len(seen.test[0])} seeds; band: all." + exact)
    setup = Panel(id="setup", figure=lambda: others.tasks(seen), title="Two related tasks", alt=alt["tasks"], keyed=False,
                  caption="Task A has 48 samples and task B 6." if linear else "Task B sees digits one pixel to the left.")
    return [losses, weights, gap] if linear else [losses, gap], [], setup


page.show("parameter_sharing", draw, presets=PRESETS, maths=MATHS,
          code=(uses_of_weights, equivariance, pull_together), symbols=SYMBOLS, references=REFERENCES)
