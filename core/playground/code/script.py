"""The playground's run as a script in plain PyTorch, to be taken home: the same numbers, and only the lines that it needs.

    source = script(setup, problem)     # python playground_circles.py prints the losses, train(200) returns them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from core.playground.code import draws, loop, net
from core.playground.code.needs import Needs
from core.playground.code.text import block
from core.playground.data import Problem
from core.playground.setup import DATA, METHODS, Setup

WIDTH = 120  # of a line of numbers


def script(setup: Setup, problem: Problem, *, steps: int = 1000) -> str:
    """Source that trains the set-up from its start with torch alone. When run, it does so many steps and prints every hundredth.

    Its function `train(steps, every)` returns a list of (objective, training, validation and test loss), one for step 0 and one
    for each `every` steps; sets without samples are left out. Changes made while a run trained, and weights written by hand, are
    no part of a set-up and so not of its script. A run that diverges goes on, with numbers that are not finite.
    """
    needs = Needs(setup, problem)
    pieces = [draws.generator, draws.batches, draws.masks, draws.mixup, net.inputs, net.module, net.losses, net.weights,
              net.measure, loop.factor, loop.train, _data]
    parts = [block(_head(needs), "", _constants(needs)), *(piece(needs) for piece in pieces), _main(needs, steps)]
    return "\n\n\n".join(part for part in parts if part) + "\n"


def filename(setup: Setup) -> str:
    """What the script of a set-up is called."""
    return f"playground_{setup.data}.py"


def _head(needs: Needs) -> str | None:
    setup = needs.setup
    sizes = "-".join(str(size) for size in needs.sizes)
    return block(
        f'"""{DATA[setup.data]}: a net of {sizes} units, trained with {METHODS[setup.method]}.',
        "",
        "The playground's run from its start in plain PyTorch: the same data and random numbers, the same losses up to rounding,",
        "whose differences may grow as the net trains.",
        '"""',
        "",
        needs.maths and "import math\n",
        "import torch",
        "from torch import nn",
        needs.averaging and "from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn",
    )


def _constants(needs: Needs) -> str | None:
    """What a reader may want to change: a line each."""
    setup = needs.setup

    def line(name: str, value: float, meaning: str) -> str | float:
        return value and f"{name} = {value:.12g}  # {meaning}"

    return block(
        f"RATE = {setup.rate:.12g}  # learning rate",
        line("MOMENTUM", needs.momentum, "α"),
        setup.schedule != "constant" and f"HORIZON = {setup.horizon:g}  # steps of the schedule",
        needs.shuffles and f"BATCH = {needs.size}",
        line("CLIP", setup.clip, "largest norm of the gradient"),
        line("L1", setup.l1, "α Σ|w|"),
        line("L2", setup.l2, "α/2 Σw²"),
        line("DECAY", setup.decay, "decoupled: w ← (1 − ελ) w"),
        line("DROPOUT", needs.dropout, "P(drop) of a hidden unit"),
        line("INPUT_NOISE", setup.input_noise, "standard deviation"),
        line("WEIGHT_NOISE", setup.weight_noise, "standard deviation"),
        line("SMOOTHING", needs.smoothing, "of labels: ε, spread over all classes"),
        line("MIXUP", needs.mixup, "λ ~ Beta(α, α)"),
        needs.purposes and f"SEED, PURPOSES = {needs.setup.seed}, {needs.purposes}".replace("'", '"'),
        line("AVERAGING", setup.averaging, "β of the moving average of the weights"),
    )


def _main(needs: Needs, steps: int) -> str | None:
    columns = "".join(f"{name:>12}" for name in ("objective", *needs.sets))
    return block('if __name__ == "__main__":', f'    print("    step{columns}")', f"    train({steps})")


def _data(needs: Needs) -> str | None:
    problem = needs.problem
    ends = [0, *problem.ends]
    counts = [ends[k + 1] - ends[k] for k in range(len(needs.sets))]
    about = ", ".join(f"{count} {name}" for count, name in zip(counts, needs.sets, strict=True))
    what = "classes" if problem.classes else "heights"
    parts = f"x.split({counts}), y.split({counts})"
    return block(
        "def data():",
        f'    """Places x₁, x₂ and {what}: {about} samples."""',
        "    x = torch.tensor([",
        _numbers(problem.x[0].T.reshape(-1)),
        "    ]).reshape(-1, 2)",
        *(_digits(problem.y.tolist()) if problem.classes else ["    y = torch.tensor([", _numbers(problem.y), "    ])"]),
        f"    y = {needs.target}" if needs.target != "y" else None,
        f"    return list(zip({parts}, strict=True))",
    )


def _numbers(values: Tensor) -> str:
    """Numbers as short as they can be written, to be read as the same float32."""
    return "\n".join(_wrapped([str(value) for value in values.numpy()]))


def _wrapped(words: Sequence[str]) -> Iterable[str]:
    line = ""
    for word in words:
        if len(line) + len(word) > WIDTH:
            yield line.rstrip()
            line = ""
        line = (line or " " * 8) + word + ", "
    yield line.rstrip()


def _digits(labels: Sequence[int]) -> list[str]:
    """Classes are below ten: a digit each."""
    text, size = "".join(map(str, labels)), WIDTH - 12
    rows = [f'        "{text[at : at + size]}"' for at in range(0, len(text), size)]
    return ["    classes = (", *rows, "    )", "    y = torch.tensor([int(digit) for digit in classes])"]
