"""optimisers: the race downhill."""

from core.lessons.optimisers import METHODS, Config, Result, seen
from figures import optimisers as figures
from ui import page
from ui.chart import Board, Panel, Player
from ui.page import Preset

PRESETS = [
    Preset("Four minima", "From one start near a summit, methods end in different minima."),
    Preset("Ravine", "κ = 20: gradient descent zigzags across while momentum runs along.",
           dict(problem="ravine", learning_rate=0.07, start_x=-2.5, start_y=1.2)),
    Preset("Just past 2/L", "ε·λ_max = 2.5 > 2: gradient descent grows at every step; momentum, whose limit is 3, holds.",
           dict(problem="ravine", kappa=5.0, learning_rate=0.5, alpha=0.5, start_x=-2.5, start_y=0.4)),
    Preset("Saddle", "Newton heads for the saddle, where the slope is zero too.",
           dict(problem="saddle", learning_rate=0.1, adaptive_rate=0.05, start_x=-1.7, start_y=0.02, basin_of="newton")),
    Preset("Banana valley", "Rosenbrock: into the valley at once, along it hardly at all.",
           dict(problem="rosenbrock", learning_rate=0.001, adaptive_rate=0.05, start_x=-1.2, start_y=1.0, steps=400)),
    Preset("Many minima", "Momentum rolls through small dips; the basin map turns to lace.",
           dict(problem="many", learning_rate=0.05, start_x=4.1, start_y=3.6)),
    Preset("A small net", "The same race where steps are no longer the price: count gradients and time.",
           dict(problem="network", learning_rate=0.5, adaptive_rate=0.05)),
]

MATHS = r"""
The lecture's momentum, with the mini-batch gradient $g$ and velocity $v$:
$$v \leftarrow \alpha v - \epsilon g, \qquad \theta \leftarrow \theta + v .$$

On a quadratic with curvatures $\lambda_i$, gradient descent multiplies the $i$-th coordinate by $1-\epsilon\lambda_i$ at each
step. It converges for $\epsilon < 2/\lambda_{\max}$ and is fastest at $\epsilon = 2/(\lambda_{\min}+\lambda_{\max})$, where it
contracts by $\frac{\kappa-1}{\kappa+1}$; heavy-ball momentum reaches $\frac{\sqrt\kappa-1}{\sqrt\kappa+1}$.

Adam divides a running mean of slopes by their running size, $\theta \leftarrow \theta - \epsilon\,\hat m/(\sqrt{\hat v}+\delta)$,
so its first step has length $\epsilon$ in every coordinate. Newton solves for the step, $\theta \leftarrow \theta - H^{-1} g$:
right at once where $H$ is positive definite, and drawn to saddles and summits where it is not.
"""


def draw(result: Result, scene: Config) -> Board:
    stops = figures.frame_steps(result.step)
    player = Player(labels=[f"step {s}" for s in stops])
    if scene.problem == "network":
        return Board(panels=_network_panels(result, scene), player=player, seen=seen(result, scene),
                     legend=figures.legend(scene))
    quadratic = scene.problem in ("bowl", "ravine")
    inside = METHODS[scene.inside]
    panels = [
        Panel(id="map", figure=figures.contour(result, scene), span=7, rows=2, height="tall", click=("start_x", "start_y"),
              caption="Click anywhere to start the race from there. Stars are minima; levels are logarithmic.",
              alt=f"Contour map of the {scene.problem} surface with the paths of the optimisers. {seen(result, scene)}"),
        Panel(id="loss", figure=figures.loss(result, scene), span=5, height="short", title="How far above the lowest minimum",
              caption="Logarithmic: a straight line is a constant factor per step."
              + (" Dashed: the closed form of gradient descent." if quadratic else ""),
              alt="Loss against step for every method."),
        Panel(id="distance", figure=figures.distance(result, scene), span=5, height="short", title="How far from any minimum",
              caption="A line that leaves upwards is a path that leaves the map; it is not cut off in the data.",
              alt="Distance to the nearest minimum against step for every method."),
        Panel(id="surface", figure=figures.surface3d(result, scene), span=4, title="The same, as a surface",
              caption="Drag to turn. Heights are logarithmic, as the map's levels are.", alt="Loss surface in three dimensions."),
        Panel(id="basins", figure=figures.basins(result, scene), span=4, click=("start_x", "start_y"),
              title=f"Where {METHODS[scene.basin_of]} ends, from every start",
              caption=f"Colour: the minimum reached by step {scene.steps}. Grey: not there yet. The text's colour: left the map.",
              alt="Basins of attraction.") if result.basin is not None else None,
        Panel(id="step", figure=figures.effective_step(result, scene), span=4, title=f"Inside {inside}: effective step",
              caption="The step Δθᵢ over the slope gᵢ: what each coordinate's slope was multiplied by.",
              alt=f"Effective step per coordinate of {inside}."),
        Panel(id="memory", figure=figures.memory(result, scene), span=4, title=f"Inside {inside}: its memory",
              caption="Buffers of the method, per coordinate." if result.memory.get(scene.inside) else
              "This method remembers nothing from step to step.", alt=f"Internal state of {inside}."),
        Panel(id="rates", figure=figures.rates(scene), span=8, title="Contraction against learning rate",
              caption="Below 1 the distance shrinks in the long run; above it the method diverges. The lowest point of a "
              "curve is its best ε.", alt="Spectral radius against learning rate.") if quadratic else None,
    ]
    return Board(panels=[p for p in panels if p], player=player, seen=seen(result, scene),
                 legend=figures.legend(scene))


def _network_panels(result: Result, scene: Config) -> list[Panel]:
    def panel(against: str, title: str, caption: str, span: int, **about: object) -> Panel:
        return Panel(id=against, figure=figures.network_curves(result, scene, against), title=title, caption=caption,
                     alt=f"Training loss against {against}. {seen(result, scene)}", span=span, **about)

    return [
        panel("steps", "Per step", "Mean cross-entropy of a 2-8-1 tanh net on two moons, full batch, one start.", 7, rows=2,
              height="tall"),
        panel("evaluations", "Per gradient", "Line searches and Hessians are paid for here.", 5, height="short"),
        panel("seconds", "Per millisecond", "Processor time as it was measured on this server, so it varies.", 5, height="short"),
    ]


page.show("optimisers", draw, presets=PRESETS, maths=MATHS)
