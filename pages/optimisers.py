"""optimisers: one start, many ways."""

from core.engine import SGD
from core.lessons.optimisers import descent, words
from core.lessons.optimisers.lesson import FOUR, METHODS, Config, Result, basin_steps
from core.lessons.optimisers.words import summary
from figures.optimisers import curves, inside, labels, pictures
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("Four minima", "From one start near a summit methods end in different minima, and Newton climbs to the summit.",
           dict(methods=FOUR)),
    Preset("Ravine", "κ = 20: along the floor gradient descent keeps 93\u00a0% of the distance a step, momentum 77\u00a0%.",
           dict(methods=FOUR, problem="ravine", learning_rate=0.07, alpha=0.6, start_x=-2.5, start_y=1.2)),
    Preset("Just past the limit", "ε is 2.5 over the curvature, where 2 is the limit: gradient descent swings ever wider; "
           "momentum, up to 3, holds.",
           dict(methods=FOUR, problem="ravine", kappa=5.0, learning_rate=0.5, alpha=0.5, start_x=-2.5, start_y=0.4)),
    Preset("Saddle", "Newton heads for the saddle, where the slope is zero too.",
           dict(methods=FOUR, problem="saddle", learning_rate=0.1, adaptive_rate=0.05, start_x=-1.7, start_y=0.02,
                basin_of="newton")),
    Preset("Banana valley", "Rosenbrock: gradient descent is in the valley after ten steps, and not half-way along it after 400.",
           dict(methods=FOUR, problem="rosenbrock", learning_rate=0.001, adaptive_rate=0.05, start_x=-1.2, start_y=1.0,
                steps=400)),
    Preset("Many minima", "With momentum α = 0.98 a path rolls on to the deepest minimum; gradient descent stays in the first.",
           dict(methods=FOUR, problem="many", learning_rate=0.07, alpha=0.98, start_x=4.3, start_y=1.2, steps=400)),
    Preset("A small net", "Conjugate gradient or L-BFGS ends lowest, for 2 to 5 gradients a step; damped Newton pays 34.",
           dict(problem="network", learning_rate=0.5, adaptive_rate=0.05,
                methods=("sgd", "momentum", "adam", "damped_newton", "conjugate_gradient", "lbfgs"))),
]

MATHS = r"""
The lecture's momentum $\alpha$, with the mini-batch gradient $g$ and velocity $v$:
$$v \leftarrow \alpha v - \epsilon g, \qquad \theta \leftarrow \theta + v .$$

On a quadratic with curvatures $\lambda_i$, gradient descent multiplies the $i$-th coordinate by $1-\epsilon\lambda_i$ at each
step. It converges for $\epsilon < 2/\lambda_{\max}$ and is fastest at $\epsilon = 2/(\lambda_{\min}+\lambda_{\max})$, where it
contracts by $\frac{\kappa-1}{\kappa+1}$; heavy-ball momentum reaches $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$ in the long run, at
its own best $\epsilon$ and $\alpha$. Momentum diverges beyond $\epsilon\lambda_{\max} = 2(1+\alpha)$.

Adam divides a running mean of slopes by their running size, $\theta \leftarrow \theta - \epsilon\,\hat m/(\sqrt{\hat v}+\delta)$,
so its first step has length $\epsilon$ in every coordinate that slopes.

Newton solves for the step, $\theta \leftarrow \theta - H^{-1} g$,
which lands at once on the minimum of a quadratic. It seeks a zero of the slope: where $H$ is not positive definite its step may
point uphill, and it may end on a saddle or a summit.

The code keeps the velocity without its factor, as $-v/\epsilon$: at a constant $\epsilon$ the path is the same.
"""


def draw(result: Result, scene: Config) -> Board:
    stops = pictures.frame_steps(result.step)
    player = Player(labels=[f"step {s}" for s in stops])
    if scene.problem == "network":
        return Board(panels=_network_panels(result, scene), setup=_setup(scene), player=player, summary=summary(result, scene),
                     legend=pictures.legend(scene))
    panels, further = _leading(result, scene), _inside(result, scene)
    return Board(panels=panels, further=further, setup=_setup(scene), player=player, summary=summary(result, scene),
                 legend=pictures.legend(scene))


def _leading(result: Result, scene: Config) -> list[Panel]:
    quadratic = scene.problem in ("bowl", "ravine")
    exact = quadratic and "sgd" in scene.methods
    named = len(scene.methods) <= labels.MOST
    stars = f"Stars: minima{', with the step from which a method stays there' if named else '; levels are logarithmic'}."
    panels = [
        Panel(id="map", figure=lambda: pictures.contour(result, scene), span=7, rows=2, height="tall", pair="surface",
              click=("start_x", "start_y"), title="Where each method goes",
              caption=f"{stars} Click to start elsewhere.", alt=lambda: words.contour(result, scene)),
        Panel(id="loss", figure=lambda: curves.loss(result, scene), span=5, height="short",
              pair="distance" if result.distance is not None else "",
              title="How far above the lowest minimum",
              caption="Logarithmic: a straight line is a constant factor per step."
              + (" Dashed, in the text's colour: the closed form of gradient descent." if exact else "")
              + curves.no_line(result, scene, curves.above_lowest(result, scene), curves.LOSS_DECADES),
              alt=lambda: words.loss(result, scene)),
        Panel(id="distance", figure=lambda: curves.distance(result, scene), span=5, height="short",
              title="How far from any minimum",
              caption="To the nearest minimum. What diverges leaves upwards."
              + curves.no_line(result, scene, result.distance, curves.DISTANCE_DECADES),
              alt=lambda: words.distance(result, scene)) if result.distance is not None else None,
        Panel(id="surface", figure=lambda: pictures.surface3d(result, scene), span=6, title="The loss as a surface",
              caption="Heights are logarithmic. Marks: where the methods are, as long as that is on the surface.",
              alt=lambda: words.surface3d(result, scene)),
        Panel(id="basins", figure=lambda: pictures.basins(result, scene), span=6, click=("start_x", "start_y"),
              pair="rates" if quadratic else "",
              title=f"Where {METHODS[scene.basin_of]} ends, from every start",
              caption=f"Each start has the colour of the star that is close by at step {basin_steps(scene)}. Blank: none is. "
              "The text's colour: far off the map.",
              alt=lambda: words.basin_map(result, scene)) if result.basin is not None else None,
        Panel(id="rates", figure=lambda: curves.rates(scene), span=12, title="Contraction against learning rate",
              caption="In the long run, at this momentum α, along the axis that shrinks less. Below 1 the distance shrinks, the "
              "faster the lower; above 1 it grows.",
              alt=lambda: words.rates(scene)) if quadratic else None,
    ]
    return [p for p in panels if p]


def _inside(result: Result, scene: Config) -> list[Panel]:
    chosen = METHODS[scene.inside]
    panels = [Panel(id="step", figure=lambda: inside.effective_step(result, scene), span=6,
                    title=f"Inside {chosen}: effective step",
                    caption="What each coordinate's downhill slope was multiplied by, on a logarithmic axis. In a gap the step "
                    "went uphill, or there was no slope.",
                    alt=lambda: words.effective_step(result, scene))]
    if result.memory.get(scene.inside):
        panels.append(Panel(id="memory", figure=lambda: inside.memory(result, scene), span=6,
                            title=f"Inside {chosen}: its memory", caption=inside.REMEMBERS[scene.inside],
                            alt=lambda: words.memory(result, scene)))
    return panels


def _setup(scene: Config) -> Panel:
    title, caption = "The surface and the start", "Stars are minima; levels are logarithmic."
    if scene.problem == "network":
        title, caption = "The points that a net parts", "A net of 2 inputs, 8 tanh units and 1 output learns to part them."
    return Panel(id="setup", figure=lambda: pictures.setup(scene), title=title, caption=caption, alt=lambda: words.setup(scene))


def _network_panels(result: Result, scene: Config) -> list[Panel]:
    def panel(against: str, title: str, caption: str, pair: str = "") -> Panel:
        return Panel(id=f"net-{against}", figure=lambda: curves.network_curves(result, scene, against), title=title,
                     caption=caption, alt=lambda: words.network(result, scene, against), span=4, pair=pair)

    return [
        panel("steps", "Loss against steps", "Mean cross-entropy on two moons, full batch. What rises far leaves upwards."
              + (" Without noise, mini-batch SGD is gradient descent." if "noisy_sgd" in scene.methods else ""),
              pair="net-evaluations"),
        panel("evaluations", "Loss against gradients", "A Hessian costs as many as there are parameters. A run may go on beyond "
              "the axis."),
        panel("seconds", "Loss against time", "Processor time as it was measured on this server, so it varies."),
    ]


REFERENCES = """
- B. T. Polyak, *Some Methods of Speeding Up the Convergence of Iteration Methods*, USSR Computational Mathematics 4, 1964.
- Yu. Nesterov, *A Method for Solving the Convex Programming Problem with Convergence Rate O(1/k²)*, Dokl. Akad. Nauk SSSR 1983.
- J. Duchi, E. Hazan, Y. Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization*, JMLR 12, 2011.
- D. P. Kingma, J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015.
- I. Loshchilov, F. Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019.
- J. Nocedal, S. J. Wright, *Numerical Optimization*, Springer 2006, chapters 3, 5 and 7.
- I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning*, MIT Press 2016, chapter 8.
"""

SYMBOLS = {"ε": "learning_rate", "α": "momentum", "g": "grad", "v": "state.v", "θ": "theta", "H": "hessian"}

page.show("optimisers", draw, presets=PRESETS, maths=MATHS, code=(SGD.step, descent.newton), symbols=SYMBOLS,
          references=REFERENCES)
