"""mean_teacher: a student guided by labels and by its own average."""

from core.lessons.mean_teacher.lesson import SEEDS, Config, Result
from core.lessons.mean_teacher.moons import Consistency
from core.lessons.mean_teacher.teacher import half_life, ramp, warmed_decay
from core.lessons.mean_teacher.words import alt_texts, pairs, summary
from figures.mean_teacher import pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Twelve labels", "The unlabelled points show where the moons run, and the teacher holds the student to them."),
    Preset("No consistency", "With weight 0 the student is supervised training, to the bit.", dict(weight=0.0)),
    Preset("Decay 0", "The teacher is the newest student itself, and only the transforms are left to disagree about.",
           dict(decay=0.0)),
    Preset("Decay 0.9999", "The warm-up rules from start to end: the teacher is the plain mean of all students.",
           dict(decay=0.9999)),
    Preset("A confirmed error",
           "Four labels, and transforms that carry points from one moon to the other: student and teacher agree, and are wrong "
           "together more often than a net that learns alone.", dict(labels=4, strength=0.4, weight=30.0)),
    Preset("No ramp", "The student obeys from the first update on, when its teacher knows nothing yet.",
           dict(weight=1000.0, ramp=0)),
    Preset("Stale statistics", "Batch norm's statistics are no weights: nobody averaged them for this teacher.",
           dict(norm="stale")),
]

MATHS = r"""
The student $\theta$ minimises, on $m$ labelled and $n$ unlabelled points,
$$J_t(\theta) = \frac1m \sum_{i=1}^m \mathrm{BCE}\bigl(f(x_i;\theta), y_i\bigr)
+ w_t\, \frac1n \sum_{j=1}^n \bigl(p(T_j x_j; \theta) - p(T'_j x_j; \theta')\bigr)^2,
\qquad p = \sigma(f).$$
$T_j$ and $T'_j$ are random affine transforms, drawn anew for every point and every update. The teacher's
$p(\cdot\,;\theta')$ is a number: **no gradient flows into it**.
The teacher's weights are the moving average of the student's, after update $t = 1, 2, \dots$
$$\theta' \leftarrow a_t\, \theta' + (1 - a_t)\, \theta, \qquad a_t = \min\Bigl(1 - \frac{1}{t+1},\; a\Bigr).$$
While the warm-up rules, $\theta'$ is the plain mean of all students so far. Afterwards a student's share in the teacher halves in
$\ln\frac12 / \ln a$ updates. The weight is ramped up over $R$ updates, $w_t = w\, \exp(-5(1 - t/R)^2)$, $t$ counted from 0: at
first the teacher knows nothing.

With $w = 0$ the student's training is supervised training, to the bit. With $a = 0$ teacher and student are one net.

Batch norm's running mean and variance are no weights. Here the teacher has its own, averaged with the same $a_t$, and normalises
by them; left as they started, they belong to no net that exists.
"""

SYMBOLS = {"a_t": "warmed_decay", "a": "decay", "w_t": "weight", "R": "length", "θ": "theta"}

REFERENCES = """
- A. Tarvainen, H. Valpola, *Mean teachers are better role models: Weight-averaged consistency targets improve semi-supervised
  deep learning results*, NIPS 2017.
- S. Laine, T. Aila, *Temporal Ensembling for Semi-Supervised Learning*, ICLR 2017 (the ramp; with decay 0 it is their Π-model).
- E. Arazo, D. Ortego, P. Albert, N. O'Connor, K. McGuinness, *Pseudo-Labeling and Confirmation Bias in Deep Semi-Supervised
  Learning*, IJCNN 2020.
- Z. Cai et al., *Exponential Moving Average Normalization for Self-supervised and Semi-supervised Learning*, CVPR 2021 (batch
  norm's statistics averaged too).
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    wrong = " A cross: a wrong label." if scene.wrong else ""
    panels = [
        Panel(id="boundaries", figure=lambda: pictures.boundaries(result), span=8, height="tall", pair="scores",
              title="Labels alone, and labels with a teacher", alt=said["boundaries"],
              caption="Where each net says one half, on the first pair of seeds. Circles: labelled A; squares: labelled B; "
              f"small: unlabelled.{wrong}"),
        Panel(id="scores", figure=lambda: pictures.scores(result, scene), span=4, height="tall",
              title="Who is right on the test set?",
              caption=f"Lines: means of {SEEDS} seeds. Bands: all of them, for the net alone and for the teacher.",
              alt=said["scores"]),
        Panel(id="pairs", figure=lambda: pictures.pairs(result), span=4, title="Does it help in every pair of seeds?",
              caption=lambda: f"Joined: the same data and the same start. {pairs(result)}", alt=said["pairs"]),
        Panel(id="confirmed", figure=lambda: pictures.confirmed(result, scene), span=4, title="Errors that both agree on",
              caption="Teacher's line: unlabelled points on which student and teacher agree and are both wrong. Other line: "
              "errors of the net that learns alone.", alt=said["confirmed"]),
        Panel(id="memory", figure=lambda: pictures.memory(scene), span=4, title="What the teacher is made of", alt=said["memory"],
              caption=_made_of(scene), keyed=False),
    ]
    further = [
        Panel(id="schedules", figure=lambda: pictures.schedules(scene), span=4, title="Decay and consistency weight",
              caption=f"Solid: decay, warmed up as min(1 − 1/(t + 1), {scene.decay:g}). Dotted: consistency weight, as a part of "
              f"{scene.weight:g}.", alt=said["schedules"], keyed=False),
        Panel(id="views", figure=lambda: pictures.views(result), span=4, title="One point, two transforms", pair=("cost", "loss"),
              caption="Each unlabelled point as the student and as the teacher are shown it, once, joined.", alt=said["views"]),
        Panel(id="cost", figure=lambda: pictures.cost(result, scene), span=4, title="What disagreement costs",
              caption="Mean squared distance of student's and teacher's probabilities, without its weight; band: all seeds.",
              alt=said["cost"]),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=4, title="Loss on the labels",
              caption="Mean of the seeds and of ten updates; band: all seeds.", alt=said["loss"]),
    ]
    setup = Panel(id="setup", figure=lambda: pictures.setup(result), title="A few labels among many points", alt=said["setup"],
                  caption=f"Circles: labelled A; squares: labelled B. Small: the labels are kept from the nets.{wrong}")
    player = Player(labels=pictures.labels(result), name="Training", live=result.step < scene.steps)
    return Board(panels=panels, further=further, setup=setup, player=player, summary=summary(result, scene),
                 legend=pictures.legend())


def _made_of(scene: Config) -> str:
    if scene.decay == 0:
        return "Part of each update's student in the teacher after the last update: only the newest counts."
    life = half_life(scene.decay)
    return ("Part of each update's student in the teacher after the last update. Dashed: (1 − a) a<sup>T − t</sup>, without the "
            f"warm-up; it halves in {life:,.0f} updates." if life >= 10 else
            "Part of each update's student in the teacher after the last update. Dashed: (1 − a) a<sup>T − t</sup>, without the "
            f"warm-up; it halves in {life:.1f} updates.")


page.show("mean_teacher", draw, presets=PRESETS, maths=MATHS, code=(warmed_decay, ramp, Consistency),
          symbols=SYMBOLS, references=REFERENCES)
