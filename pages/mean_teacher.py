"""mean_teacher: a student guided by labels and by its own average."""

from core.lessons.mean_teacher.clip import SMOKIEST
from core.lessons.mean_teacher.lesson import SEEDS, Config, PlaneResult, Result
from core.lessons.mean_teacher.masks import consistency
from core.lessons.mean_teacher.moons import Consistency
from core.lessons.mean_teacher.pixels import UNSEEN, MaskResult
from core.lessons.mean_teacher.teacher import half_life, warmed_decay
from core.lessons.mean_teacher.words import alt_texts, confirmed, pairs, summary
from figures.mean_teacher import images, pictures
from ui import page
from ui.chart import Board, Panel, Player, Texts
from ui.page import Preset

PRESETS = [
    Preset("Twelve labels", "The unlabelled points show where the moons run, and the teacher holds the student to them."),
    Preset("No consistency", "With weight 0 the student is supervised training, to the bit.", dict(weight=0.0)),
    Preset("A confirmed error",
           "Four labels, and transforms that carry points from one moon to the other: student and teacher agree, and on "
           "average over the seeds they are wrong together more often than a net that learns alone.",
           dict(labels=4, strength=0.4, weight=30.0)),
    Preset("Stale statistics", "Batch norm's statistics are no weights: nobody averaged them for this teacher.",
           dict(norm="stale")),
    Preset("A simulated clip, one frame labelled",
           "Simulated clips with one labelled frame each: on the mean of the seeds the teacher raises Dice.",
           dict(data="clip", images=1, weight=3.0)),
    Preset("Agreed, and wrong",
           "The simulated clip, its teacher obeyed from the first update on: student and teacher agree, and lose the instrument.",
           dict(data="clip", images=1, weight=1000.0, ramp=0)),
    Preset("A stronger rival",
           "The simulated clip, its labelled frame transformed for both nets: on most seeds the teacher now gains less than 0.01 "
           "of Dice.",
           dict(data="clip", images=1, weight=3.0, augment=True)),
    Preset("Nuclei, three tiles labelled",
           "Tiles of a real picture, none used twice: on the mean of the seeds the teacher's masks gain a little.",
           dict(data="nuclei", weight=3.0)),
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

On images $y_i$ is a mask, and the student is compared after its transform is undone, on the pixels $V$ that it left in the frame:
$$\frac{1}{|V|} \sum_{u \in V} \bigl((T^{-1} p(T x;\theta))_u - p(x;\theta')_u\bigr)^2.$$
Dice of a mask $A$ and the truth $B$ is $2|A \cap B| / (|A| + |B|)$: 1 where they are the same, 0 where they do not meet.

With $w = 0$ the student's training is supervised training, to the bit. With $a = 0$ teacher and student are one net.

Batch norm's running mean and variance are no weights. Here the teacher has its own, averaged with the same $a_t$, and normalises
by them; left as they started, they belong to no net that exists.
"""

SYMBOLS = {"a_t": "warmed_decay", "a": "decay", "w_t": "weight", "θ": "theta"}

REFERENCES = """
- A. Tarvainen, H. Valpola, *Mean teachers are better role models: Weight-averaged consistency targets improve semi-supervised
  deep learning results*, NIPS 2017.
- S. Laine, T. Aila, *Temporal Ensembling for Semi-Supervised Learning*, ICLR 2017 (the ramp; decay 0 is a variant of their
  Π-model).
- E. Arazo, D. Ortego, P. Albert, N. O'Connor, K. McGuinness, *Pseudo-Labeling and Confirmation Bias in Deep Semi-Supervised
  Learning*, IJCNN 2020.
- Z. Cai et al., *Exponential Moving Average Normalization for Self-supervised and Semi-supervised Learning*, CVPR 2021 (batch
  norm's statistics averaged too).
"""


def draw(result: Result, scene: Config) -> Board:
    said = Texts(lambda: alt_texts(result, scene))
    if isinstance(result, MaskResult):
        lead, view, setup, player = _on_images(result, scene, said)
    else:
        assert isinstance(result, PlaneResult)
        lead, view, setup, player = _on_moons(result, scene, said)
    things = "unlabelled points" if scene.data == "moons" else f"pixels of {UNSEEN} unlabelled images"
    panels = [
        *lead,
        Panel(id="pairs", figure=lambda: pictures.pairs(result), span=4, title="Does it help in every pair of seeds?",
              caption=lambda: f"Joined: the same data and the same start. {pairs(result)}", alt=said["pairs"]),
        Panel(id="confirmed", figure=lambda: pictures.confirmed(result, scene), span=4, title="Errors that both agree on",
              caption=lambda: f"Teacher's line: {things} on which student and teacher agree and are both wrong. Other line: "
              f"errors of the net that learns alone. {confirmed(result)}", alt=said["confirmed"]),
    ]
    memory = Panel(id="memory", figure=lambda: pictures.memory(scene), span=4, title="What the teacher is made of",
                   alt=said["memory"], caption=_made_of(scene), keyed=False)
    further = [
        Panel(id="schedules", figure=lambda: pictures.schedules(scene), span=4, title="Decay and consistency weight",
              caption=f"Solid: decay, warmed up as min(1 − 1/(t + 1), {scene.decay:g}). Dotted: ramp, the factor on the "
              f"consistency weight {scene.weight:g}.", alt=said["schedules"], keyed=False),
        view,
        Panel(id="cost", figure=lambda: pictures.cost(result, scene), span=4, title="What disagreement costs",
              caption="Mean squared distance of student's and teacher's probabilities, without its weight; band: all seeds."
              + ("" if scene.weight else " At weight 0 it is not computed, and drawn as 0."),
              alt=said["cost"]),
        Panel(id="loss", figure=lambda: pictures.loss(result, scene), span=4, title="Loss on the labels",
              caption="Mean of the seeds and of ten updates; band: all seeds.", alt=said["loss"]),
    ]
    (further if scene.data == "clip" else panels).insert(1 if scene.data == "clip" else len(panels), memory)
    return Board(panels=panels, further=further, setup=setup, player=player, summary=summary(result, scene),
                 legend=pictures.legend())


def _on_moons(result: PlaneResult, scene: Config, said: Texts) -> tuple[list[Panel], Panel, Panel, Player]:
    """What leads, the transforms, the setup and the clock on two moons."""
    wrong = " A cross: a wrong label." if scene.wrong else ""
    lead = [
        Panel(id="boundaries", figure=lambda: pictures.boundaries(result), span=8, height="tall", pair="scores",
              title="Labels alone, and labels with a teacher", alt=said["boundaries"],
              caption="Lines: where each net is undecided, on the first pair of seeds. Circles: labelled A; squares: labelled B; "
              f"small: unlabelled.{wrong}"),
        Panel(id="scores", figure=lambda: pictures.scores(result, scene), span=4, height="tall",
              title="Who is right on the test set?",
              caption=f"Lines: means of {SEEDS} seeds. Bands: all of them, for the net alone and for the teacher.",
              alt=said["scores"]),
    ]
    view = Panel(id="views", figure=lambda: pictures.views(result), span=4, title="One point, two transforms",
                 pair=("cost", "loss"), alt=said["views"],
                 caption="Each unlabelled point under the student's and under the teacher's transform of one update, joined."
                 + _idle(scene))
    setup = Panel(id="setup", figure=lambda: pictures.setup(result), title="Points with labels, and without", alt=said["setup"],
                  caption=f"Circles: labelled A; squares: labelled B. Small: the labels are kept from the nets.{wrong}")
    return lead, view, setup, Player(labels=pictures.labels(result), name="Training", live=result.step < scene.updates)


def _on_images(result: MaskResult, scene: Config, said: Texts) -> tuple[list[Panel], Panel, Panel, Player]:
    """The same on cell nuclei or on the simulated clip."""
    film = scene.data == "clip"
    source = ("Simulated: drawn by this lab, not filmed. No net trains on the clip that is played." if film else
              "Real nuclei with a little noise. Each seed deals out its labelled, unlabelled and test tiles, all disjoint.")
    scored = "every fourth frame of the simulated clip" if film else "the test tiles"
    given = "frames of simulated clips" if film else "tiles of cell nuclei"
    lead = [
        Panel(id="masks", figure=lambda: images.masks(result, scene), span=8, height="tall", pair="scores", alt=said["masks"],
              title="A simulated clip, outlined by three nets" if film else "Test tiles, outlined by three nets",
              caption=f"First pair. Solid: the net's mask; dashed: the truth. {source}"),
        Panel(id="scores", figure=lambda: pictures.scores(result, scene), span=4, height="tall", title="Whose masks are best?",
              caption=f"Mean Dice, 2|A ∩ B|/(|A| + |B|), of {scored}: 1 where mask and truth are the same. "
              f"Lines: means of {SEEDS} seeds. Bands: all of them, for the net alone and for the teacher.", alt=said["scores"]),
    ]
    if film:
        lead.append(Panel(id="film", figure=lambda: images.film(result), span=4, title="Dice along the simulated clip",
                          caption="Dice, 2|A ∩ B|/(|A| + |B|), of each frame, first pair of seeds. Dots: the frame that is "
                          "shown. It opens where smoke is thickest.", alt=said["film"]))
    view = Panel(id="views", figure=lambda: images.views(result), span=4, title="Compared after undoing the transform",
                 pair=("cost", "loss"), alt=said["views"],
                 caption=f"{'A simulated frame' if film else 'A tile'} x, transformed to T x; the student's answer to T x "
                 "carried back to the pixels of x. Inside the dashed line it counts; the rest had left the frame." + _idle(scene))
    setup = Panel(id="setup", figure=lambda: images.setup(result), alt=said["setup"],
                  title=f"Labelled and unlabelled {given}",
                  caption=f"Dashed: the mask that is given. {source}")
    live = result.step < scene.updates
    player = (Player(labels=images.labels(result, scene), name="Simulated clip", from_start=True, opens=SMOKIEST,
                     autoplay=False) if film else
              Player(labels=images.labels(result, scene), name="Training", live=live))
    return lead, view, setup, player


def _idle(scene: Config) -> str:
    return "" if scene.weight else " At weight 0 no net learns from it."


def _made_of(scene: Config) -> str:
    if scene.decay == 0:
        return "Part of each update's student in the teacher after the last update: only the newest counts."
    life = half_life(scene.decay)
    return ("Part of each update's student in the teacher after the last update. Dashed: (1 − a) a<sup>T − t</sup>, without the "
            f"warm-up; it halves in {life:,.0f} updates." if life >= 10 else
            "Part of each update's student in the teacher after the last update. Dashed: (1 − a) a<sup>T − t</sup>, without the "
            f"warm-up; it halves in {life:.1f} updates.")


page.show("mean_teacher", draw, presets=PRESETS, maths=MATHS, code=(warmed_decay, Consistency, consistency),
          symbols=SYMBOLS, references=REFERENCES)
