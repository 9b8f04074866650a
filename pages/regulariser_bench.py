"""regulariser_bench: what it teaches, in a few words."""

from core.engine import normals
from core.lessons.regulariser_bench.lesson import Config, Result
from core.lessons.regulariser_bench.words import summary
from figures.regulariser_bench import pictures
from ui import page
from ui.chart import Board, Panel
from ui.page import Preset

PRESETS = [Preset("Opening", "Why one should look."), Preset("Few", "Ten samples.", dict(size=10)),
           Preset("Many", "Two hundred samples.", dict(size=200))]
MATHS = r"$x_n \sim \mathcal N(0, 1)$"


def draw(result: Result, scene: Config) -> Board:
    hero = Panel(id="samples", figure=lambda: pictures.samples(result), height="tall", title="Draws from a normal distribution",
                 caption="Every dot is one draw.", alt=f"{scene.size} draws against their place.")
    setup = Panel(id="setup", figure=lambda: pictures.setup(scene), title="Where the draws will be",
                  caption="One place for each.", alt=f"Empty axes with {scene.size} places.")
    return Board(panels=[hero], setup=setup, summary=summary(result, scene))


page.show("regulariser_bench", draw, presets=PRESETS, maths=MATHS, code=(normals,), symbols={"N": "size"})
