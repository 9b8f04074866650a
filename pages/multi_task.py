"""multi_task: where sharing starts to help."""

from functools import partial

from core.lessons.multi_task.lesson import LINEAR, NAMES, SEEDS, UPDATES, Config, Result, at
from core.lessons.multi_task.tasks import RELATEDNESS, SAMPLES, draw_tasks, fit_shared, shared_loss
from core.lessons.multi_task.words import alt_texts, summary, told
from figures.multi_task import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Related tasks, few samples", "With 12 samples each, one shared model errs less."),
    Preset("Opposite tasks",
           "The shared model averages what cancels, and does worse than answering 0 everywhere.",
           dict(relatedness=-1.0, samples=20.0)),
    Preset("Related tasks, many samples",
           "With 48 samples of its own a task gains little from another, and sharing adds error.",
           dict(samples=48.0)),
    Preset("A one-hot z is a bias",
           "A linear model with z concatenated gets a bias for each task, and still one slope for all.",
           dict(model="concatenate", relatedness=-0.5, samples=20.0)),
    Preset("Nets, opposite curves, no z", "One net cannot answer both ways: it fits neither task.",
           dict(problem="curves", noise=0.3, relatedness=-1.0, samples=20.0)),
    Preset("Nets, opposite curves, gated",
           "Gated by z, a net of like size errs far less than without.",
           dict(problem="curves", noise=0.3, relatedness=-1.0, samples=20.0, net="gate")),
    Preset("Nets, identical curves", "The net without z learns from both tasks.",
           dict(problem="curves", noise=0.3, relatedness=1.0, samples=8.0)),
]

MATHS = r"""
Half of the $T$ tasks are of camp A ($s_t = 1$), half of camp B ($s_t = -1$). With random unit vectors $u \perp v$
$$w_t = \sqrt{\tfrac{1+\rho}{2}}\; u + s_t \sqrt{\tfrac{1-\rho}{2}}\; v, \qquad y = w_t \cdot \varphi(x) + \sigma e, \qquad
w_A \cdot w_B = \rho .$$
A model minimises the mean of $(\text{prediction} - y)^2$ over the samples it has: $n$ if separate, $N = Tn$ if shared.

**Linear tasks**, $\varphi(x) = x \sim \mathcal N(0, I_D)$, $D = 4$. Above the noise $\sigma^2$ the expected test losses of least
squares are
$$\text{separate: } \frac{\sigma^2 D}{n - D - 1}, \qquad \text{shared: } \underbrace{\frac{1-\rho}{2}\,(1 + c)}_{\text{bias}^2
\text{ of sharing}} + \underbrace{\frac{\sigma^2 D}{N - D - 1}}_{\text{variance}}, \qquad
c = \frac{(N-2) + N\frac{ND-2}{N-D-1}}{(N+2)(N-1)} ,$$
where $c$ comes from the camps' samples, which differ by chance. They are equal at
$$\rho^* = 1 - \frac{2}{1 + c}\left[\frac{\sigma^2 D}{n-D-1} - \frac{\sigma^2 D}{N-D-1}\right].$$
Below $\rho^*$ sharing harms (**negative transfer**). With more samples or less noise $\rho^* \to 1$.

With a one-hot $z$ each task's own mean is taken away before the slope is fitted, which leaves $n - 1$ of its samples. With
$b$ the shared loss of $n - 1$ samples, the whole is $(1 + \tfrac1n)\, b + \tfrac{\sigma^2}n$.

**Nets have no closed form**, and a few seeds need not place a crossing. What is clear is read off Student's 95 % interval
of the mean difference over pairs; a pair is one data set that both are fitted to.

**What z can do.** A one-hot $z$ beside the input of a linear layer, $W[h; z] + b = Wh + (b + A z)$, is a bias for each task and
nothing more. Summation $W_i h + b_i + A_i z$ does the same in every hidden layer. Gating (FiLM) multiplies as well,
$(1 + G_i z) \odot (W_i h + b_i) + B_i z$; with $G = B = 0$, its start, it is the net without $z$. Heads share all but the
last layer.

Tying two tasks by a penalty, between separate and shared: see [Parameter sharing](parameter_sharing).
"""

SYMBOLS = {"ρ": "relatedness", "T": "tasks", "n": "n", "σ": "noise", "D": "D", "z": "one_hot"}

REFERENCES = """
- R. Caruana, *Multitask Learning*, Machine Learning 28, 1997.
- E. Perez, F. Strub, H. de Vries, V. Dumoulin, A. Courville, *FiLM: Visual Reasoning with a General Conditioning Layer*,
  AAAI 2018.
- V. Dumoulin et al., *Feature-wise transformations*, Distill 2018.
- S. Ben-David, R. Schuller, *Exploiting Task Relatedness for Multiple Task Learning*, COLT 2003.
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    panels = [_map(result, scene, said), *_fits(result, scene, said), *_cuts(result, scene, said), _counts(result, scene, said)]
    setup = Panel(id="setup", figure=lambda: pictures.setup(result, scene), title="The true tasks", alt=said["setup"],
                  caption="Stars: the true weights of the tasks, on the plane that holds them." if scene.problem == "linear" else
                  "Dashed: the true curves. Discs and diamonds: samples of camp A and of camp B.")
    player = None
    if scene.problem == "curves":
        player = Player(labels=[f"{stop} updates" for stop in result.stops], name="Updates",
                        live=result.step < UPDATES, autoplay=False, seconds=3)
    return Board(panels=panels, setup=setup, player=player, summary=summary(result, scene), legend=pictures.legend(result))


def _map(result: Result, scene: Config, said: Texts) -> Panel:
    caption = (f"“{NAMES[scene.compared]}” minus separate, mean test loss of {SEEDS[scene.problem]} seeds. Left of a grey bar "
               "harm (negative transfer) is clear, right of it help (95\u00a0% intervals). Ring: the controls.")
    if scene.problem == "linear":
        caption += " Line: equal losses; dashed: theory."
    return Panel(id="map", figure=lambda: pictures.transfer(result, scene), span=7, rows=2, height="tall",
                 pair=("separate", "compared"), title="Where sharing helps, and where it harms", caption=caption, alt=said["map"],
                 click=("relatedness", "samples"))


def _fits(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """What separate models find, and what the compared design finds."""
    caption = f"Each mark: a task on one of {SEEDS['linear']} seeds. Discs: tasks A, diamonds: tasks B. Stars: the truth."
    if scene.problem == "curves":
        caption = "First seed. Solid: what is found for each task; dashed: the truth. Discs, diamonds: samples of camps A and B."
    what = "Weights" if scene.problem == "linear" else "Curves"
    captions = {"separate": caption, "compared": caption}
    if scene.compared in LINEAR and scene.problem == "linear":
        captions["compared"] = f"Each mark: one of {SEEDS['linear']} seeds, the same for tasks A and B. Stars: the truth."
    titles = {"separate": f"{what} found by separate models", "compared": f"{what} found by “{NAMES[scene.compared]}”"}
    designs = {"separate": "separate", "compared": scene.compared}
    return [Panel(id=name, figure=partial(pictures.fit, result, scene, designs[name]), span=5, height="short", title=title,
                  caption=captions[name], alt=said[name], keyed=False) for name, title in titles.items()]


def _cuts(result: Result, scene: Config, said: Texts) -> list[Panel]:
    """Test losses along both axes of the map."""
    r, m = at(scene)
    caption = "Mean over seeds; bands: the middle half of them. Dotted: the controls."
    caption += " Dashed: theory." if scene.problem == "linear" else ""
    return [Panel(id="relatedness", figure=lambda: pictures.against_relatedness(result, scene), span=4, height="short",
                  caption=caption, title=f"Test loss with {SAMPLES[m]} samples each", alt=said["relatedness"]),
            Panel(id="samples", figure=lambda: pictures.against_samples(result, scene), span=4, height="short", caption=caption,
                  title=f"Test loss at relatedness {told(RELATEDNESS[r])}", alt=said["samples"])]


def _counts(result: Result, scene: Config, said: Texts) -> Panel:
    caption = "Full: used by all tasks; pale: by one task only."
    if scene.problem == "curves":
        caption += f" Two hidden tanh layers, their width chosen for nearly equal totals; {UPDATES} updates of Adam."
    return Panel(id="counts", figure=lambda: pictures.counts(result), span=4, height="short",
                 title="Shared and own parameters",
                 caption=caption, alt=said["counts"], keyed=False)


page.show("multi_task", draw, presets=PRESETS, maths=MATHS, code=(draw_tasks, fit_shared, shared_loss),
          symbols=SYMBOLS, references=REFERENCES)
