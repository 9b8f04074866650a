"""loss_landscapes: what training walks on."""

from core import surfaces
from core.lessons.loss_landscapes import alts, landscape, words
from core.lessons.loss_landscapes.lab import NETS, trained_starts
from core.lessons.loss_landscapes.lesson import Config, Result
from core.lessons.loss_landscapes.words import summary
from core.moments import NEVER
from figures.loss_landscapes import curves, pictures, setup
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("Mountain range", "Eight layers, batch norm, no skips: several basins, and ridges between them."),
    Preset("Add skips", "The same start and data, with skip connections: one basin.", dict(skips="skips")),
    Preset("The path's own plane", "Principal components of the path hold most of its variance; random directions hardly any.",
           dict(plane="trajectory", scale="log")),
    Preset("Twins", "Re-order the hidden units: the same function, across a barrier that matching removes.",
           dict(plane="segment", second="twin")),
    Preset("Edge of stability", "Curvature climbs to 2/ε and stays near it, while the loss goes on falling.",
           dict(activation="tanh", objective="squared", depth=2, batch_norm=False, learning_rate=0.1, steps=1000, scale="log",
                plane="trajectory")),
    Preset("Too steep to start", "With skips and no batch norm the curvature starts beyond 2/ε: the loss rises, then falls "
           "from a flatter place.",
           dict(batch_norm=False, skips="skips", plane="trajectory", steps=50, scale="log")),
    Preset("Himmelblau", "A landscape with only two parameters: nothing is hidden from the map.",
           dict(problem="himmelblau", learning_rate=0.01)),
]

MATHS = r"""
Both nets minimise $J(\theta)=\frac1N\sum_{i=1}^{N} L(f(x^{(i)};\theta),y^{(i)})$ over the full batch, $N=64$, with
cross-entropy in nats or $(f-y)^2$, $y=\pm1$; no penalty. Training is $v\leftarrow\alpha v-\epsilon\nabla J$,
$\theta\leftarrow\theta+v$ with momentum $\alpha$.
With skips a hidden layer computes $h' = \phi(\mathrm{BN}(Wh+b)) + h$; weights start from the same
draws (He for ReLU, Xavier for tanh), in layers with a skip divided by the root of the number of layers.

**A plane** is $J(\theta^\star + a\,d_1 + b\,d_2)$. Filter normalisation gives every unit's incoming weights in $d$ the norm that
they have in $\theta^\star$, $\;d_{ij}\leftarrow \frac{d_{ij}}{\lVert d_{ij}\rVert}\lVert\theta^\star_{ij}\rVert$, so that nets of
different scale can be compared; biases, $\gamma$ and $\beta$ stay. The path's own plane is spanned by the first two principal
components of the path, and goes through its end. A path is drawn at its nearest points in the plane. Batch norm always uses
the full batch's own mean and variance.

**Roughness** is told by two numbers, taken on $41\times41$ points however finely the plane is drawn. A *basin* counts if the
way from its bottom to any lower place climbs by 0.3 or more (at least 2 % of the plane's height); the lowest one always counts.
The part of the plane that curves downwards is where the $2\times2$ Hessian, by differences over a tenth of the side, has a
negative eigenvalue. A bowl has one basin and no such part. A net is called rougher if its plane has more basins and at least
five points more of it curving downwards.

**Symmetry.** Permuting hidden units, with their incoming and outgoing weights, leaves $f$ as it is. The barrier between
$\theta_0$ and $\theta_1$ is $\max_t\,[J((1-t)\theta_0+t\theta_1)-(1-t)J(\theta_0)-tJ(\theta_1)]$. Matching finds, layer by
layer, the permutation that minimises the squared distance between what the two nets' activation functions see. Since
$\mathrm{relu}(az)=a\,\mathrm{relu}(z)$ for $a>0$, multiplying one layer by $a$ and the next by $1/a$ changes no output either,
yet it changes the Hessian $H$. (With batch norm it is $\gamma$ and $\beta$ of the first layer that are multiplied.)

**Stability.** On a quadratic with top curvature $\lambda_{\max}(H)$ gradient descent converges for $\epsilon<2/\lambda_{\max}$,
heavy ball for $\epsilon<2(1+\alpha)/\lambda_{\max}$. A net is no quadratic: a run that starts beyond the limit can be thrown to
a place where it holds, and train on from there. $\lambda_{\max}$ is found by Lanczos iteration from products $Hv$; $H$ is
never formed.
"""

REFERENCES = """
- H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, *Visualizing the Loss Landscape of Neural Nets*, NeurIPS 2018.
- I. Goodfellow, O. Vinyals, A. Saxe, *Qualitatively Characterizing Neural Network Optimization Problems*, ICLR 2015.
- J. Cohen, S. Kaur, Y. Li, J. Z. Kolter, A. Talwalkar, *Gradient Descent on Neural Networks Typically Occurs at the Edge of
  Stability*, ICLR 2021.
- A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein, G. Gur-Ari, *The Large Learning Rate Phase of Deep Learning: the Catapult
  Mechanism*, arXiv 2020.
- H. Edelsbrunner, D. Letscher, A. Zomorodian, *Topological Persistence and Simplification*, Discrete & Computational Geometry
  2002.
- S. Ainsworth, J. Hayase, S. Srinivasa, *Git Re-Basin: Merging Models modulo Permutation Symmetries*, ICLR 2023.
- L. Dinh, R. Pascanu, S. Bengio, Y. Bengio, *Sharp Minima Can Generalize for Deep Nets*, ICML 2017.
"""


def draw(result: Result, scene: Config) -> Board:
    stops = result.snapshot_steps.tolist() if result.snapshot_steps is not None else [result.step]
    panels, further = (_surface_panels(result, scene), []) if scene.problem != "network" else _net_panels(result, scene)
    return Board(
        panels=panels, further=further, setup=_setup(result, scene), summary=summary(result, scene),
        player=Player(labels=[f"step {s}" for s in stops], live=result.grid is None), legend=pictures.legend(result, scene))


def _setup(result: Result, scene: Config) -> Panel:
    title, caption, told = setup.words(scene)
    return Panel(id="setup", figure=lambda: setup.setup(result, scene), title=title, caption=caption, alt=told)


def _sharpness(result: Result, scene: Config) -> Panel:
    limit = "2/ε" if scene.alpha == 0 else "2(1 + α)/ε with momentum α"
    return Panel(id="sharpness", figure=lambda: curves.sharpness(result, scene), span=6, keyed=False,
                 title="Curvature and the edge of stability",
                 caption=f"The steepest curvature along the path. Dashed: {limit}; on a quadratic that is steeper training "
                 "diverges." + (" Negative values have no place on this axis." if curves.below_zero(result) else ""),
                 alt=lambda: alts.sharpness(result, scene))


def _surface_panels(result: Result, scene: Config) -> list[Panel]:
    name = surfaces.NAMES[scene.problem]
    return [
        Panel(id="plane", figure=lambda: pictures.contour(result, scene, 0), span=6, height="tall", click=("start_x", "start_y"),
              title=f"{name}: the path on the map", pair="surface", alt=lambda: alts.landscape(result, 0, "contours"),
              caption="Stars: minima; levels are logarithmic. Click to start elsewhere."),
        Panel(id="surface", figure=lambda: pictures.surface3d(result, scene, 0), span=6, height="tall",
              title=f"{name} as a surface",
              caption=f"Height: the loss above the lowest minimum, logarithmic.{pictures.floor(result, 0)}",
              alt=lambda: alts.landscape(result, 0, "a surface")),
        Panel(id="loss", figure=lambda: curves.loss(result, scene, 0), span=6, title="Loss through training", pair="sharpness",
              caption="Height above the lowest minimum. A line ends where this is no longer finite, or too small for the axis.",
              alt=lambda: alts.loss(result)),
        _sharpness(result, scene),
    ]


def _net_panels(result: Result, scene: Config) -> tuple[list[Panel], list[Panel]]:
    """What leads and what folds away. On the way between two solutions the loss along it comes first."""
    m = result.nets.index(scene.skips)
    loss, segments, rest = _loss(result, scene, m), _segments(result, scene, m), _further(result, scene, m)
    surfaces = [_surface(result, scene, m, "surface", pair="surface2"), _surface(result, scene, 1 - m, "surface2")]
    planes = [_plane(result, scene, m, "plane", pair="plane2"), _plane(result, scene, 1 - m, "plane2")]
    if scene.plane == "segment":
        segments.height, segments.pair, planes[0].pair, planes[1].pair = "tall", ("plane",), (), ("loss",)
        return [segments, planes[0], *surfaces, planes[1], loss], [_sharpness(result, scene), *rest]
    loss.pair = ("sharpness",)
    maps = planes
    if scene.plane in ("start", "random"):
        maps = [_near(result, scene, m, "near", pair="near2"), _near(result, scene, 1 - m, "near2")]
        rest = [*planes, *rest]
    return [*surfaces, *maps, loss, _sharpness(result, scene)], [segments, *rest]


def _surface(result: Result, scene: Config, m: int, id: str, pair: str = "") -> Panel:
    levels, gone = "" if scene.scale == "linear" else ", logarithmic", int(result.diverged_at[m]) != NEVER
    ends = "line: training's path, as far as it stays on the plane." if gone else "line: training's path; ball: its end."
    return Panel(id=id, figure=lambda: pictures.surface3d(result, scene, m), span=6, height="tall", keyed=False, pair=pair,
                 title=words.title(result, m),
                 caption=f"Height: the loss{levels}.{pictures.floor(result, m)} Ring: start; {ends}" + words.diamonds(result, m),
                 alt=lambda: alts.landscape(result, m, "a surface"))


def _plane(result: Result, scene: Config, m: int, id: str, pair: str = "") -> Panel:
    return Panel(id=id, figure=lambda: pictures.contour(result, scene, m), span=6, height="tall", keyed=False, pair=pair,
                 title=f"{NETS[result.nets[m]]}: the loss on a plane",
                 caption="The line is training's path, dropped straight onto the plane; the ring is its start."
                 + words.diamonds(result, m),
                 alt=lambda: alts.landscape(result, m, "contours"))


def _near(result: Result, scene: Config, m: int, id: str, pair: str = "") -> Panel:
    """The part of the plane round the path, which is short in the frame of the whole; a path that diverged has no such part."""
    near = "round the start" if int(result.diverged_at[m]) != NEVER else "near the path"
    return Panel(id=id, figure=lambda: pictures.contour(result, scene, m, near=True), span=6, height="tall", keyed=False,
                 pair=pair, title=f"{NETS[result.nets[m]]}: the plane {near}",
                 caption="The line is training's path, dropped straight onto the plane; the ring is its start.",
                 alt=lambda: alts.near(result, m))


def _loss(result: Result, scene: Config, m: int) -> Panel:
    return Panel(id="loss", figure=lambda: curves.loss(result, scene, m), span=6, title="Loss through training", keyed=False,
                 caption=f"Dotted: the loss at the shadow of the path on the plane ({NETS[result.nets[m]].lower()}).",
                 alt=lambda: alts.loss(result))


def _segments(result: Result, scene: Config, m: int) -> Panel:
    return Panel(id="segments", figure=lambda: curves.segments(result, scene, m), span=6,
                 title="Straight from one solution to another",
                 caption=f"{NETS[result.nets[m]]}. Dotted: after re-ordering the second net's hidden units to match the first's.",
                 alt=lambda: alts.segments(result, m))


def _further(result: Result, scene: Config, m: int) -> list[Panel]:
    starts = trained_starts(scene)
    few = f" Only {starts} of {scene.restarts + 2} were trained, to save time." if starts < scene.restarts + 2 else ""
    panels = [
        Panel(id="off", figure=lambda: curves.off_plane(result, scene, m), span=6, title="What the plane leaves out",
              caption=f"Distances of the path ({NETS[result.nets[m]].lower()}) in the space of all parameters.",
              alt=lambda: alts.off_plane(result, m)),
        Panel(id="final", figure=lambda: curves.final_losses(result, scene), span=6, title="A good enough solution",
              caption=f"{starts} starts, one data set: the share that ended at or below a loss.{few}",
              alt=lambda: alts.final_losses(result)),
    ]
    if scene.activation == "relu":
        panels.append(Panel(
            id="rescaled", figure=lambda: curves.rescaled(result, scene), span=6, title="One function, many curvatures",
            caption=f"{NETS['plain']}: first hidden layer × a, the next × 1/a. No output changes.",
            alt=lambda: alts.rescaled(result)))
    return panels


SYMBOLS = {"θ*": "theta", "d": "directions", "J": "loss", "t": "t", "ε": "learning_rate", "α": "alpha"}

page.show("loss_landscapes", draw, presets=PRESETS, maths=MATHS, references=REFERENCES,
          code=(landscape.filter_normalised, landscape.barrier), symbols=SYMBOLS)
