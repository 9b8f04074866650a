"""The playground: one net that trains without end while everything about it is changed."""

from collections.abc import Sequence
from dataclasses import replace

from core.playground.pins import Pin, differences
from core.playground.setup import Setup
from core.playground.view import View
from core.playground.words import alt_texts, number
from figures.playground import pictures, plane
from figures.playground import pins as compare
from ui import play
from ui.chart import Board, Panel
from ui.page import Preset

PRESETS = [
    Preset("Circles", "A small net bends its boundary round the inner class."),
    Preset("Spiral", "Many units and Adam: follow the boundary into the arms.",
           dict(data="spiral", noise=0.05, hidden=(16.0, 16.0), method="adam", rate=0.01, samples=400)),
    Preset("Draw your own", "Put, drag and erase points while the net learns them.",
           dict(data="drawn", hidden=(8.0, 8.0), method="adam", rate=0.01)),
    Preset("L1 switches inputs off", "Seven inputs, and L1 keeps the few that the circles need.",
           dict(inputs=("x1", "x2", "x1x1", "x2x2", "x1x2", "sin1", "sin2"), hidden=(), l1=0.03, rate=0.1)),
    Preset("Over-fitted", "Few noisy samples, a large net: the training loss falls, the validation loss rises.",
           dict(data="moons", noise=0.5, samples=80, hidden=(32.0, 32.0), method="adam", rate=0.01)),
    Preset("Too large a rate", "Gradient descent, ε beyond 2 over the largest curvature: the loss leaves every scale.",
           dict(data="plane", hidden=(), rate=1.0, batch=1000)),
    Preset("Hills", "A regression: the height of a hilly plane.",
           dict(data="hills", hidden=(12.0, 12.0), method="adam", rate=0.01)),
]

MARKS = ("circles", "squares", "triangles", "diamonds", "crosses")


def draw(view: View, setup: Setup, tested: bool) -> Board:
    said, drawn = alt_texts(view), setup.data == "drawn"
    changed = " Dotted: a change of the set-up." if any(view.changes) else ""
    averaged = " Dashed in the colour of a set: the averaged net." if view.now.averaged else ""
    rows = "A row for each layer, at its own scale; the outermost bins hold what lies beyond."
    panels = [
        Panel(id="surface", figure=lambda: plane.pad(view) if drawn else plane.surface(view, tested), span=6, height="tall",
              title="What the net says", alt=said["surface"], keyed=False, drawing="points" if drawn else "",
              caption=lambda: _surface_caption(view)),
        Panel(id="net", figure=lambda: pictures.net(view), span=6, height="tall", title="What each unit says", alt=said["net"],
              keyed=False, caption="Each unit's response over the plane at its own scale: blue below 0, orange above."),
        Panel(id="losses", figure=lambda: pictures.losses(view), span=6, title="What is minimised, and the loss of each set",
              alt=said["losses"],
              caption=f"Whole sets, without dropout or noise. Minimised: training loss with its penalties.{averaged}{changed}"),
        Panel(id="errors", figure=lambda: pictures.errors(view), span=6, alt=said["errors"],
              title="What is wrong in each set" if view.problem.classes else "How far off the heights are",
              caption=f"Whole sets, without dropout or noise.{changed}"),
        Panel(id="gradients", figure=lambda: pictures.gradients(view), span=6, title="Gradient by layer", alt=said["gradients"],
              keyed=False, caption=f"Of the whole training set, L1 left out. {_weights(view)}"),
        Panel(id="weights", figure=lambda: pictures.weights(view), span=6, title="Weights by layer", alt=said["weights"],
              keyed=False, caption=f"{rows} Narrow bar: weights that are exactly 0."),
    ]
    further = [Panel(id="activations", figure=lambda: pictures.activations(view), span=6, title="Activations by layer",
                     alt=said["activations"], keyed=False, caption=f"Over the training set. {rows} Narrow bar: exactly 0.")]
    return Board(panels=panels, further=further, legend=pictures.legend())


def _weights(view: View) -> str:
    zeros = f", {view.now.zeros} of them exactly zero" if view.now.zeros else ""
    return f"‖w‖ = {number(view.now.norm)} over {sum(w.numel() for w in view.weights)} weights{zeros}."


def _surface_caption(view: View) -> str:
    problem, averaged = view.problem, view.average is not None
    if not problem.classes:
        dashed = " Dashed: of the averaged net." if averaged else ""
        return f"Points: the training set's heights, in the same colours. Lines: heights in steps of {plane.HEIGHTS:g}.{dashed}"
    if view.setup.data == "drawn":
        dotted = " Dotted: where the averaged net's answer changes." if averaged else ""
        told = f" {plane.confusions(view, 'training').capitalize()}."
        return f"Choose a class, then put, drag or erase points. Behind them: the class that the net says.{dotted}{told}"
    names = ", ".join(f"{mark} {name}" for mark, name in zip(MARKS, problem.names, strict=False))
    dashed = " Dashed: of the averaged net." if averaged else ""
    return f"Points: {names}. Line: where the answer changes.{dashed}"


def draw_all(view: View, setup: Setup, tested: bool, runs: Sequence[Pin] = ()) -> Board:
    """The board; with the pinned runs among the losses and a table of `runs`, the present one last, where there are any."""
    board = draw(view, setup, tested)
    board.panels[0].pair = ("net",)
    if not runs:
        return board
    pins, differs = runs[:-1], "; ".join(f"{one.letter}: {how}" for one, how in zip(runs, differences(runs), strict=True))
    panels = [_with_pins(panel, view, pins) if panel.id == "losses" else panel for panel in board.panels]
    panels.append(Panel(id="pins", figure=lambda: compare.table(runs), span=12, height="medium", keyed=False,
                        title="Pinned runs and the present one", alt=f"A table of {len(runs)} runs. {differs}.",
                        caption="Whole sets, without dropout or noise. CPU time is that of the updates."))
    return replace(board, panels=panels)


def _with_pins(panel: Panel, view: View, pins: Sequence[Pin]) -> Panel:
    def figure():
        return compare.with_pins(panel.figure, view, pins)

    return Panel(id=panel.id, figure=figure, span=panel.span, rows=panel.rows, height=panel.height, pair=panel.pair,
                 keyed=panel.keyed, title=lambda: panel.title, alt=lambda: panel.alt,
                 caption=lambda: panel.caption + compare.caption(view, pins))


play.show(draw_all, PRESETS)
