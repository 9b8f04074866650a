"""The net of a script, its losses, and how they are measured."""

from __future__ import annotations

from itertools import pairwise

from core.playground.code.needs import Needs
from core.playground.code.text import block
from core.playground.data import Problem
from core.playground.setup import Setup
from core.playground.streams import Purpose, Streams

MODULES = {"tanh": "nn.Tanh()", "relu": "nn.ReLU()", "leaky_relu": "nn.LeakyReLU()", "sigmoid": "nn.Sigmoid()", "linear": ""}
NORMS = {"none": "", "batch": "nn.BatchNorm1d({})", "layer": "nn.LayerNorm({})"}
FEATURES = {"x1": "a", "x2": "b", "x1x1": "a * a", "x2x2": "b * b", "x1x2": "a * b", "sin1": "a.sin()", "sin2": "b.sin()"}


def layers(setup: Setup, problem: Problem) -> list[str]:
    """The modules of each layer, the output last."""
    sizes = (len(setup.inputs), *setup.widths, problem.outputs)
    linear = [f"nn.Linear({i}, {o})" for i, o in pairwise(sizes)]
    hidden = [
        ", ".join(part for part in (one, NORMS[setup.norm].format(width), MODULES[activation]) if part)
        for one, width, activation in zip(linear, setup.widths, setup.activations, strict=False)
    ]
    return [*hidden, linear[-1]]


def module(needs: Needs) -> str | None:
    """The class of the net, where a sequence of modules will not do: where layers are dropped out or skipped."""
    if needs.sequential:
        return None
    *hidden, output = layers(needs.setup, needs.problem)
    masks = ", masks=None" if needs.dropout else ""
    return block(
        "class Net(nn.Module):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.hidden = nn.ModuleList([",
        *(f"            nn.Sequential({layer})," for layer in hidden),
        "        ])",
        f"        self.output = {output}",
        "",
        f"    def forward(self, x{masks}):",
        "        for k, layer in enumerate(self.hidden):" if masks else "        for layer in self.hidden:",
        "            h = layer(x)",
        masks and "            if masks is not None:\n                h = h * masks[k]",
        "            x = x + h if x.shape == h.shape else h" if needs.skips else "            x = h",
        "        return self.output(x)",
    )


def made(needs: Needs) -> str | None:
    """The lines that make the net at its start."""
    setup = needs.setup
    rows = layers(setup, needs.problem)
    if not needs.sequential:
        model = "model = Net()"
    elif len(rows) == 1:
        model = f"model = {rows[0]}"
    else:
        model = block("model = nn.Sequential(", *(f"    {row}," for row in rows), ")")
    generator, = Streams(setup.seed).at(Purpose.START)
    seed = f"torch.manual_seed({generator.initial_seed()})"
    if setup.start == "torch":
        return block(f"{seed}  # the start, as nn.Linear draws it", model)
    weight = {
        "xavier": "layer.weight.normal_().mul_(math.sqrt(2 / (layer.in_features + layer.out_features)))",
        "he": "layer.weight.normal_().mul_(math.sqrt(2 / layer.in_features))",
        "normal": "layer.weight.normal_()",
        "zero": "layer.weight.zero_()",
    }[setup.start]
    return block(
        model,
        setup.start != "zero" and seed,
        "with torch.no_grad():  # the start",
        "    for layer in model.modules():",
        "        if isinstance(layer, nn.Linear):",
        f"            {weight}",
        "            layer.bias.zero_()",
    )


def place(needs: Needs, layer: int) -> tuple[str, str]:
    """Where a layer's affine part and its norm (or "") stand in the model; layers are counted from 0."""
    count, normed = len(needs.setup.hidden), needs.setup.norm != "none"
    if not needs.sequential:
        if layer == count:
            return "model.output", ""
        return f"model.hidden[{layer}][0]", f"model.hidden[{layer}][1]" if normed else ""
    if not count:
        return "model", ""
    rows = layers(needs.setup, needs.problem)
    at = sum(row.count("nn.") for row in rows[:layer])
    return f"model[{at}]", f"model[{at + 1}]" if normed and layer < count else ""


def inputs(needs: Needs) -> str | None:
    """The function that makes the net's inputs of places, where they are not the places themselves."""
    if needs.features == "x":
        return None
    made = ", ".join(FEATURES[name] for name in needs.setup.inputs)
    return block("def inputs(x):", "    a, b = x.T", f"    return torch.stack([{made}], 1)")


def losses(needs: Needs) -> str | None:
    """The loss, and where labels are smoothed, the one that is minimised."""
    loss, two = needs.setup.minimised, needs.problem.classes == 2
    if loss == "hinge":
        return block("def loss_function(out, y):", "    return (1 - out * y).clamp_min(0).mean()")
    if loss == "squared":
        return "loss_function = nn.MSELoss()"
    if two:
        smoothed = block("", "", "def smoothed_loss(out, y):",
                         "    return loss_function(out, (1 - SMOOTHING) * y + SMOOTHING / 2)")
        return block("loss_function = nn.BCEWithLogitsLoss()", needs.smoothing and smoothed)
    smoothed = "smoothed_loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)"
    return block("loss_function = nn.CrossEntropyLoss()", needs.smoothing and smoothed)


def weights(needs: Needs) -> str | None:
    """The function that finds the weights among the parameters, where biases are treated otherwise."""
    setup = needs.setup
    if not (setup.l1 or setup.l2 or setup.decay):
        return None
    return block(
        "def weights(model):",
        '    """Of all layers; biases are free."""',
        "    return [layer.weight for layer in model.modules() if isinstance(layer, nn.Linear)]",
    )


def measure(needs: Needs) -> str | None:
    """The functions that look at whole sets and print what they see."""
    setup, batch_norm = needs.setup, needs.setup.norm == "batch"
    model = f"model({needs.features})"
    penalties = [
        setup.l1 and "L1 * sum(w.abs().sum() for w in weights(model)).item()",
        setup.l2 and "L2 / 2 * sum(w.square().sum() for w in weights(model)).item()",
    ]
    return block(
        "@torch.no_grad()",
        "def measure(model, sets):",
        f'    """What is minimised{"" if needs.penalised else " (the training loss)"}, and the loss of each set."""',
        batch_norm and "    model.eval()",
        f"    losses = [loss_function({model}, y).item() for x, y in sets]",
        block(
            needs.smoothing and "x, y = sets[0]",
            needs.smoothing and f"objective = smoothed_loss({model}, y).item()",
            any(penalties) and not needs.smoothing and "objective = losses[0]",
            *(penalty and f"objective += {penalty}" for penalty in penalties),
            indent=4,
        ),
        batch_norm and "    model.train()",
        f"    return {'objective' if needs.penalised else 'losses[0]'}, *losses",
        "",
        "",
        "def report(name, model, sets):",
        "    row = measure(model, sets)",
        '    print(f"{name:>8}" + "".join(f"{loss:12.6f}" for loss in row))',
        "    return row",
    )
